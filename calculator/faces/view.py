"""HTML of a form and of a report. The same code runs at build and in the browser, and gives the same bytes.

A report is a set of sections, so that a page can replace each as it becomes known: the point result first, then the
spread, then what would change the answer. Nothing here computes; numbers are shown by their Unit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from math import isfinite
from typing import assert_never

from calculator.engine import DRAWS, Report, followed, result_name, write
from calculator.exhibit import Bars, Choices, Command, Curves, Exhibit, Grid, Histogram, Note, Picture, Table
from calculator.explore import Comparison, comparison_table
from calculator.faces import chart
from calculator.faces.chart import escape
from calculator.faces.report import in_brief, range_words, shell_line, show_input
from calculator.facts.assumptions import Assumption, counted
from calculator.fields import (
    Ask,
    Assume,
    Field,
    Flag,
    Number,
    Out,
    Paste,
    Pick,
    assumptions_of,
    defaults_of,
    fields_of,
    outputs_of,
    show,
)
from calculator.units import COUNT, SHARE, USD, Unit
from calculator.verdict import AnyDecision, Lamp

LEAD = ("next", "tipping", "picture")
"""The sections that make the panel together with the verdict: what is read first."""

DETAILS = ("reasons", "numbers", "answers", "exhibits", "flips", "sensitivity", "working")
"""The sections behind the panel, in reading order; most of them are folded."""

_TILES, _FLIPS, _SWINGS, _ROWS = 4, 6, 8, 12
_NAMED, _TIPS = 3, 2
"""Answers that the bar of shares names; flips that the panel says."""

_NARROW = 12
"""Characters of an option that still fit beside its label."""

_VISIBLE = 0.01
"""Part of the widest bar below which a bar of the sensitivity chart cannot be seen; its numbers are in the table."""

_MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_WAITING = "Working out how firmly it holds …"


def sections(report: Report, overall: str = "", *, behind: bool = True) -> dict[str, str]:
    """The HTML of each section that can be told by now; flips and sensitivity come with the last stage.

    overall: what the overall decision says of the same situation, in words. behind: also what is behind folds.
    """
    picture = _first_picture(report.exhibits)
    found = {
        "verdict": _verdict(report),
        "next": _next(report, overall),
        "picture": "" if picture is None else _pictured(picture),
        "reasons": _reasons(report),
        "numbers": _numbers(report),
    }
    if behind:
        found["answers"] = _answers(report)
        found["exhibits"] = "".join(folded(exhibit) for exhibit in report.exhibits if exhibit is not picture)
        found["working"] = _working(report)
    if report.flips is not None:
        found["tipping"] = _tipping(report)
        found["flips"] = _flips(report)
        found["sensitivity"] = _sensitivity(report)
    return found


def render_report(report: Report, overall: str = "", between: str = "") -> str:
    """The whole report: the verdict as the form's output, the rest of the panel, then what stands behind it.

    between: HTML to stand between the panel and what is behind it.
    """
    parts = sections(report, overall)

    def those(names: Sequence[str]) -> str:
        return "".join(
            f'<div class="calc-section" data-section="{name}">{parts[name]}</div>' for name in names if name in parts
        )

    return (
        f'<output class="calc-verdict" data-section="verdict">{parts["verdict"]}</output>'
        f'<div class="calc-lead">{those(LEAD)}{between}</div><div class="calc-details">{those(DETAILS)}</div>'
    )


def _verdict(report: Report) -> str:
    """Only spans and a drawing: an output holds phrasing, and is read out whole when it changes."""
    verdict, bar = report.verdict, chart.share_bar([share for _, share in _shown_shares(report)])
    return (
        f'<span class="calc-panel calc-panel-{report.strength}">{_lamps(report)}{_said(report)} '
        f'<span class="calc-headline">{escape(in_brief(report, verdict.headline))}</span> {bar}'
        f'<span class="calc-holds">{_holds(report)}</span></span>'
    )


def _said(report: Report) -> str:
    """The answer and its doubt, as one sentence of one size."""
    before, after = {
        "firm": ("", f", in {SHARE.brief(report.holds or 0.0)} of draws"),
        "leaning": ("Leaning: ", f", in {SHARE.brief(report.holds or 0.0)} of draws"),
        "close": ("Too close to call: ", f" or {report.runner_up}" if report.runner_up is not None else ""),
    }[report.strength]
    if report.holds is None:
        before = after = ""
    elif report.kind:
        after = f", or another step {report.kind}{after}"
    return (
        f'<span class="calc-said"><span class="calc-doubt">{before}</span>'
        f'<span class="calc-answer">{escape(str(report.verdict.answer))}</span>'
        f'<span class="calc-doubt">{escape(after)}</span></span>'
    )


def _shown_shares(report: Report) -> list[tuple[str, float]]:
    """The verdict's answer and the commonest others, with the share of draws that gave each."""
    shares = dict(report.shares or ())
    here = report.verdict.answer
    mine = shares.pop(here, 0.0)
    found = [(str(here), mine)]
    if report.kind:
        alone = (report.alone or {}).get(here, 0.0)
        found = [(str(here), alone), (f"another step {report.kind}", mine - alone)]
    return [*found, *((str(answer), share) for answer, share in shares.items())][:_NAMED]


def _holds(report: Report) -> str:
    """The bar of shares in words: which answer came out how often."""
    if report.shares is None:
        return _WAITING
    found = _shown_shares(report)
    rest = 1.0 - sum(share for _, share in found)
    words = [
        f'<span class="calc-key calc-key-{chart.series(index)}"></span>{escape(label)} {SHARE.brief(share)}'
        for index, (label, share) in enumerate(found)
    ]
    if rest > 1 / (2 * DRAWS):
        words.append(f'<span class="calc-key calc-key-rest"></span>other {SHARE.brief(rest)}')
    return f"{' · '.join(words)} of {DRAWS} draws"


def _lamps(report: Report) -> str:
    """The figures that are read before the answer."""
    lamps = "".join(
        f'<span class="calc-lamp calc-lamp-{one.state}"{_compared(one)}>{escape(in_brief(report, one.words))}</span> '
        for one in report.verdict.lamps
    )
    return f'<span class="calc-lamps">{lamps}</span>' if lamps else ""


def _compared(lamp: Lamp) -> str:
    """What the page on our error needs, to mark the reader's own set-up."""
    if lamp.compared is None:
        return ""
    quantity, estimate = lamp.compared
    return f' data-compared="{quantity}" data-value="{estimate:.4g}"'


def _next(report: Report, overall: str) -> str:
    """What to do now, and what the overall decision says where this page asks for one thing only."""
    html = ""
    if report.verdict.next_step:
        worth = ""
        if report.value_of_knowing_usd is not None:
            worth = f" Knowing the uncertain numbers would be worth {USD.show(report.value_of_knowing_usd)} at most."
        said = in_brief(report, report.verdict.next_step + worth)
        html = f'<p class="calc-next"><strong>Do next</strong> {escape(said)}</p>'
    if overall:
        html += f'<p class="calc-overall"><strong>Overall</strong> {escape(overall)}</p>'
    return html


def _tipping(report: Report) -> str:
    """The nearest changes that give another answer, in a sentence."""
    flips = (report.flips or ())[:_TIPS]
    if not flips:
        return f'<p class="calc-tipping"><strong>What flips it</strong> {_no_flip(report)}</p>'
    said = "; ".join(escape(f"{flip.condition}: {flip.answer}") for flip in flips)
    said = said[:1].upper() + said[1:]
    return f'<p class="calc-tipping"><strong>What flips it</strong> {said}.</p>'


def _no_flip(report: Report) -> str:
    if report.steady:
        return "No single number changes it within its bounds."
    return "The numbers as they stand lead elsewhere: most draws over the uncertain ones give this answer."


def _reasons(report: Report) -> str:
    html = "".join(f"<li>{escape(reason)}</li>" for reason in report.verdict.reasons)
    return f'<h3>Why</h3><ul class="calc-reasons">{html}</ul>' if html else ""


def _answers(report: Report) -> str:
    """Every question with what was answered, or what is typical where nothing was; each leads to its field."""
    values = report.reading.inputs.__dict__
    rows: list[str] = []
    given = 0
    for name, spec in fields_of(report.decision.Inputs).items():
        yours = name in report.reading.given
        if isinstance(spec, Assume) or not (yours or values[name] not in (None, "")):
            continue
        row = (
            f'<tr><th scope="row">{escape(spec.label)}</th><td>{escape(show(spec, values[name]))}</td>'
            f"<td>{'given' if yours else 'typical'}</td>"
            f"<td>{_button('change', name, 'Change', spec.label)}</td></tr>"
        )
        rows.insert(given if yours else len(rows), row)
        given += yours
    title = f"Check your answers: {given} given, {len(rows) - given} taken as typical"
    return _part(title, scrolled("Your answers", ("Question", "Answer", "From", "Change"), rows))


def _button(action: str, name: str, words: str, label: str) -> str:
    """A button that does something with one field, whose label is read aloud with it."""
    return (
        f'<button class="calc-how" type="button" data-action="{action}" data-field="{name}" '
        f'aria-label="{words}: {escape(label)}">{words}</button>'
    )


def _part(title: str, body: str) -> str:
    """A part of the report that is folded away."""
    return f'<details class="calc-part"><summary>{escape(title)}</summary>{body}</details>'


def _numbers(report: Report) -> str:
    """The few numbers that carry the verdict, the followed result first."""
    specs = outputs_of(report.decision.Outputs)
    first = result_name(report.decision)
    names = report.decision.shown or [first, *(name for name in specs if name != first)][:_TILES]
    return '<dl class="calc-tiles">' + "".join(_tile(report, name, specs[name]) for name in names) + "</dl>"


def _tile(report: Report, name: str, spec: Out) -> str:
    unit = spec.unit
    span = _range_words(report, name, unit)
    return (
        f'<div class="calc-tile"><dt><span>{escape(spec.label)}</span> {_button("how", name, "How", spec.label)}</dt>'
        f'<dd class="calc-figure">{_breakable(unit.show(getattr(report.outputs, name)))}</dd>'
        f'<dd class="calc-range">{escape(span)}</dd></div>'
    )


def _breakable(text: str) -> str:
    """The text as HTML. Between a number and its unit a line may break: a narrow tile has no room for both."""
    return escape(text).replace("\u00a0", "\u00a0<wbr/>")


def _range_words(report: Report, name: str, unit: Unit) -> str:
    if report.spread is None:
        return "\u00a0"
    spread = report.spread[name]
    if spread.low == spread.high:
        return "from your numbers alone"
    return unit.show_range(spread.low, spread.high)


def _first_picture(exhibits: Iterable[Exhibit]) -> Exhibit | None:
    """The picture that stands in the panel."""
    return next((exhibit for exhibit in exhibits if isinstance(exhibit, Picture)), None)


_last_picture: tuple[Exhibit, str] | None = None


def _pictured(picture: Exhibit) -> str:
    """The picture in the panel. The latest is kept: each stage of an answer shows it anew."""
    global _last_picture
    if _last_picture is None or _last_picture[0] != picture:
        _last_picture = picture, render_exhibit(picture)
    return _last_picture[1]


def render_exhibit(exhibit: Exhibit | Histogram) -> str:
    """One table, picture or note under its title; a picture carries its numbers as a table."""
    if isinstance(exhibit, Command):
        return _body(exhibit)
    return f'<div class="calc-exhibit"><h3>{escape(exhibit.title)}</h3>{_body(exhibit)}</div>'


def folded(exhibit: Exhibit) -> str:
    """An exhibit whose title opens it."""
    return _body(exhibit) if isinstance(exhibit, Command) else _part(exhibit.title, _body(exhibit))


def _body(exhibit: Exhibit | Histogram) -> str:
    """What stands under an exhibit's title."""
    match exhibit:
        case Note():
            paragraphs = "".join(f"<p>{escape(p)}</p>" for p in exhibit.paragraphs)
            return f'<div class="calc-note">{paragraphs}</div>'
        case Command():
            note = f'<p class="calc-caption">{escape(exhibit.note)}</p>' if exhibit.note else ""
            return (
                f'<details class="calc-fold"><summary>{escape(exhibit.title)}</summary>{note}'
                '<p><button class="calc-how" type="button" data-action="copyCommand">Copy</button></p>'
                # Without `code`: the theme gives that one a button of its own, wherever it happens to stand by then.
                f'<pre class="calc-command" tabindex="0">{escape(exhibit.text)}</pre></details>'
            )
        case Table():
            table = plain_table(exhibit.columns, exhibit.rows, highlight=exhibit.highlight)
            return table + (f'<p class="calc-caption">{escape(exhibit.note)}</p>' if exhibit.note else "")
        case Choices():
            return _choices(exhibit)
        case Curves():
            drawing, keys, table = _curves(exhibit)
        case Grid():
            drawing, keys, table = _grid(exhibit)
        case Histogram():
            drawing, keys, table = _histogram(exhibit)
        case Bars():
            drawing, keys, table = _bars(exhibit)
        case _:
            assert_never(exhibit)
    return figure(exhibit.description, keys + drawing, table)


_TAKE = (
    '<p class="calc-row"><button class="calc-button" type="button" data-chart="svg">Download SVG</button>'
    '<button class="calc-button" type="button" data-chart="csv">Download CSV</button></p>'
)
"""A chart as a picture and as its numbers."""


def figure(description: str, drawing: str, table: str) -> str:
    """A drawing, and the table of its numbers: the page's script reads from it what lies under the pointer."""
    return (
        f'<figure class="calc-picture"><figcaption class="calc-caption">{escape(description)}</figcaption>{drawing}'
        f'<details class="calc-data"><summary>The numbers in this chart</summary>{table}{_TAKE}</details></figure>'
    )


def _choices(exhibit: Choices) -> str:
    """Options on one axis: a table with a drawing in each row."""
    axis = chart.choice_axis(exhibit)
    unit = exhibit.unit
    heads = "".join(f'<th scope="col">{escape(column)}</th>' for column in exhibit.columns)
    rows = []
    for index, row in enumerate(exhibit.rows):
        bar = "–" if row.bar is None else "never" if row.bar > 1 else unit.brief(max(0.0, row.bar))
        cells = "".join(
            f'<td><span class="calc-head">{escape(head)}</span>{escape(cell)}</td>'
            for head, cell in zip(exhibit.columns, row.cells, strict=True)
        )
        mark = ' class="calc-highlight"' if index == 0 else ""
        rows.append(
            f'<tr{mark}><th scope="row">{escape(row.label)}</th><td class="calc-drawn">{chart.choice(exhibit, row)}'
            f'<span class="calc-unseen">{escape(unit.show_range(row.low, row.high))}</span></td>'
            f'<td><span class="calc-head">Expect</span>{escape(unit.brief(row.expected))}</td>'
            f'<td><span class="calc-head">Must reach</span>{escape(bar)}</td>{cells}</tr>'
        )
    note = f'<p class="calc-caption">{escape(exhibit.note)}</p>' if exhibit.note else ""
    return (
        f'<table class="calc-choices"><caption class="calc-unseen">{escape(exhibit.description)}</caption>'
        f'<thead><tr><th scope="col">Option</th><th scope="col" class="calc-drawn"><span class="calc-unseen">'
        f'{escape(exhibit.axis)}</span>{axis}</th><th scope="col">Expect</th><th scope="col">Must reach</th>{heads}'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table>{note}"
    )


def _curves(exhibit: Curves) -> tuple[str, str, str]:
    keys = legend([line.label for line in exhibit.lines], line=True)
    rows: list[tuple[str, ...]] = []
    at: list[str] = []
    for line, places in zip(exhibit.lines, chart.curve_places(exhibit), strict=True):
        every = max(1, -(-len(line.points) // _ROWS))
        for index in range(0, len(line.points), every):
            x, y = line.points[index]
            span = ""
            if line.low and line.high:
                span = exhibit.y_unit.show_range(line.low[index], line.high[index])
            rows.append((line.label, exhibit.x_unit.show(x), exhibit.y_unit.show(y), span))
            at.append(places[index])
    columns = ["Line", exhibit.x_label, exhibit.y_label, "Range"]
    if not any(row[3] for row in rows):
        columns, rows = columns[:3], [row[:3] for row in rows]
    return chart.curves(exhibit), keys, plain_table(columns, rows, at=at)


def _bars(exhibit: Bars) -> tuple[str, str, str]:
    show = exhibit.unit.show
    labels = [segment.label for segment in max(exhibit.bars, key=lambda bar: len(bar.segments)).segments]
    values: Sequence[str] = ()
    if len(exhibit.bars) == 1:
        values = [show(segment.value) for segment in exhibit.bars[0].segments]
    keys = legend(labels, values) if len(labels) > 1 else ""
    found: list[tuple[str, tuple[str, ...]]] = [
        (place, (bar.label, segment.label, show(segment.value)))
        for bar, places in zip(exhibit.bars, chart.bar_places(exhibit), strict=True)
        for segment, place in zip(bar.segments, places, strict=True)
        if segment.value or len(bar.segments) == 1
    ]
    at, rows = [place for place, _ in found], [row for _, row in found]
    columns = ["Bar", "Part", "Value"]
    if len(labels) == 1:
        rows = [(bar, value, _whisker_words(exhibit, bar)) for bar, _, value in rows]
        columns = ["Bar", "Value", "Range"]
        if not any(row[2] for row in rows):
            columns, rows = columns[:2], [row[:2] for row in rows]
    return chart.bars(exhibit), keys, plain_table(columns, rows, at=at)


def _grid(exhibit: Grid) -> tuple[str, str, str]:
    keys = legend(sorted({answer for row in exhibit.cells for answer in row}))
    columns = [exhibit.y_label, *(exhibit.x_unit.show(x) for x in exhibit.xs)]
    said = exhibit.cells
    if any(map(any, exhibit.doubtful)):
        pairs = zip(exhibit.cells, exhibit.doubtful, strict=True)
        said = tuple(
            tuple(f"{answer} (in doubt)" if doubtful else answer for answer, doubtful in zip(*row, strict=True))
            for row in pairs
        )
        keys += '<p class="calc-caption">Paler: in doubt, fewer than two thirds of the draws have this answer.</p>'
    rows = [(exhibit.y_unit.show(y), *cells) for y, cells in zip(reversed(exhibit.ys), reversed(said), strict=True)]
    return chart.grid(exhibit), keys, plain_table(columns, rows, cells_at=chart.grid_places(exhibit)[::-1])


def _histogram(exhibit: Histogram) -> tuple[str, str, str]:
    rows = [
        (exhibit.x_unit.show(low), exhibit.x_unit.show(high), COUNT.show(count))
        for low, high, count in chart.drawn_bins(exhibit)
    ]
    table = plain_table(("From", "to", exhibit.y_label), rows, at=chart.histogram_places(exhibit))
    return chart.histogram(exhibit), "", table


def _whisker_words(exhibit: Bars, label: str) -> str:
    bar = next(bar for bar in exhibit.bars if bar.label == label)
    if bar.low is None or bar.high is None:
        return ""
    return exhibit.unit.show_range(bar.low, bar.high)


def legend(labels: Sequence[str], values: Sequence[str] = (), *, line: bool = False) -> str:
    """What the colours of a chart mean; empty for one label."""
    if len(labels) < 2:
        return ""
    kind = "line" if line else "fill"
    items = []
    for index, label in enumerate(labels):
        value = f" <b>{escape(values[index])}</b>" if values else ""
        key = f'<span class="calc-key calc-key-{kind} calc-key-{chart.series(index)}"></span>'
        items.append(f"<li>{key}{escape(label)}{value}</li>")
    return f'<ul class="calc-legend">{"".join(items)}</ul>'


_CARDS = 4
"""Columns from which a table stands as cards on a narrow screen."""


def plain_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    highlight: int = -1,
    at: Sequence[str] = (),
    cells_at: Sequence[Sequence[str]] = (),
) -> str:
    """A table of words; `at` says where on a chart each row stands, `cells_at` where each cell does."""
    cards = len(columns) >= _CARDS and not cells_at
    body = []
    for index, row in enumerate(rows):
        mark = ' class="calc-highlight"' if index == highlight else ""
        there = f' data-at="{at[index]}"' if at and at[index] else ""
        first, *others = row
        cells = []
        for k, cell in enumerate(others):
            said = f' data-head="{escape(columns[k + 1])}"' if cards else ""
            said += f' data-at="{cells_at[index][k]}"' if cells_at else ""
            cells.append(f"<td{said}>{escape(cell)}</td>")
        body.append(f'<tr{mark}{there}><th scope="row">{escape(first)}</th>{"".join(cells)}</tr>')
    return scrolled("Table", columns, body, " calc-cards" if cards else "")


def scrolled(label: str, columns: Sequence[str], rows: Iterable[str], kind: str = "") -> str:
    """Finished rows under the heads of their columns, in a frame that scrolls sideways where it is too wide."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return (
        f'<div class="calc-scroll" tabindex="0" role="group" aria-label="{label}"><table class="calc-table{kind}">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def render_table(columns: Sequence[str], rows: Sequence[Sequence[str]], most: int = _ROWS, more: str = "more") -> str:
    """A table of which a long one shows its first rows and folds the rest away."""
    html = plain_table(columns, rows[:most])
    if rest := rows[most:]:
        table = plain_table(columns, rest)
        html += f'<details class="calc-data"><summary>{len(rest)} {more}</summary>{table}</details>'
    return html


def _flips(report: Report) -> str:
    flips = report.flips or ()
    title = "What would change the answer"
    steady = len(report.steady or ())
    if not flips:
        return _part(title, f"<p>{_no_flip(report)}</p>")
    rows = [(f.label, f.now, f.then, str(f.answer)) for f in flips]
    html = render_table(("If only this changes", "from", "to", "the answer is"), rows, _FLIPS, "more, further away")
    if steady:
        some = "One other number does" if steady == 1 else f"{steady} other numbers do"
        html += f'<p class="calc-caption">{some} not change it anywhere within bounds.</p>'
    return _part(f"{title}: {len(flips)} {'number' if len(flips) == 1 else 'numbers'}", html)


def _sensitivity(report: Report) -> str:
    swings = report.sensitivity or ()
    if not swings:
        return ""
    name = followed(report.decision, report.verdict.answer)
    spec = outputs_of(report.decision.Outputs)[name]
    unit = spec.unit
    title = f"What moves it most: {spec.label}"
    description = (
        f"Each bar: {spec.label} when one input alone goes from its low to its high value, all else as you have it. "
        "A sourced number moves over its range, your own number by a quarter either way."
    )
    widest = max((w for s in swings if isfinite(w := abs(s.at_high - s.at_low))), default=0.0)
    shown = [
        (s.label, f"{s.low_input} – {s.high_input}", s.at_low, s.at_high)
        for s in swings[:_SWINGS]
        if not abs(s.at_high - s.at_low) < _VISIBLE * widest
    ]
    now = getattr(report.outputs, name)
    drawing = chart.tornado(title, description, unit, now, shown)
    places = dict(zip((row[0] for row in shown), chart.swing_places(now, shown), strict=True))
    listed = swings[:_ROWS]
    rows = [(s.label, s.low_input, unit.show(s.at_low), s.high_input, unit.show(s.at_high)) for s in listed]
    table = plain_table(("Input", "Low", "gives", "High", "gives"), rows, at=[places.get(row[0], "") for row in rows])
    return _part(title, figure(description, legend(("at its low value", "at its high value")) + drawing, table))


def _working(report: Report) -> str:
    """Every output with its formula and the numbers in it, every assumption with its source and date."""
    specs = outputs_of(report.decision.Outputs)
    rows = []
    for name, spec in specs.items():
        unit = spec.unit
        rows.append(
            f'<tr data-result="{name}"><th scope="row">{escape(spec.label)}</th>'
            f"<td>{escape(unit.show(getattr(report.outputs, name)))}</td>"
            f"<td>{escape(_range_words(report, name, unit))}</td><td>{_formula(report, spec)}</td></tr>"
        )
    outputs = scrolled("Every result", ("Result", "Value", "5th to 95th percentile", "How"), rows)
    check = (
        "<h4>Check it on your own</h4><p>The same from a shell, with your numbers:</p>"
        f'<p class="calc-shell"><code>{escape(shell_line(report))}</code></p>'
    )
    return (
        '<details class="calc-working"><summary>Show the working</summary>'
        f"<h4>Every result</h4>{outputs}{_assumptions(report)}{check}</details>"
    )


def _formula(report: Report, spec: Out) -> str:
    if spec.formula:
        filled = _fill_in(report, spec.formula)
        return f"<code>{escape(spec.formula)}</code><br>= {escape(filled)}"
    return f"<code>{escape(spec.how)}</code>" if spec.how else "<code>compute</code>"


def _fill_in(report: Report, formula: str) -> str:
    """The formula with each field's name replaced by its value in words."""
    inputs, outputs = fields_of(report.decision.Inputs), outputs_of(report.decision.Outputs)
    done, word = [], ""
    for character in [*formula, ""]:
        if character and (character.isalnum() or character == "_"):
            word += character
            continue
        if word in outputs:
            done.append(outputs[word].unit.show(getattr(report.outputs, word)))
        elif word in inputs:
            done.append(show_input(report, word, getattr(report.reading.inputs, word)))
        else:
            done.append(word)
        done.append({"*": "×", "/": "÷"}.get(character, character))
        word = ""
    return "".join(done)


def _assumptions(report: Report) -> str:
    rows = []
    for name, entry in assumptions_of(report.decision.Inputs).items():
        span = range_words(report, name, "yours, taken as given")
        rows.append(
            f'<tr><th scope="row">{escape(entry.label)}</th>'
            f"<td>{escape(show_input(report, name, getattr(report.reading.inputs, name)))} "
            f"{_button('change', name, 'Change', entry.label)}</td>"
            f"<td>{escape(span)}</td></tr>"
        )
    if not rows:
        return ""
    table = scrolled("Assumptions", ("Assumption", "Value", "5th to 95th percentile"), rows)
    return f"<h4>Assumptions</h4><p>Source and date of each stand beside its field.</p>{table}"


def _source(words: str, url: str) -> str:
    if not url.startswith(("https://", "http://")):
        return escape(words)
    return f'<a href="{escape(url)}" rel="noopener">{escape(words)}</a>'


def _said_by(entry: Assumption) -> str:
    """Who stands behind a number: a link to where it is said, or that it is ours, which no link proves."""
    if entry.kind in ("ours", "computed"):
        return f"<strong>Ours.</strong> {escape(entry.source)}"
    return _source(entry.source, entry.url)


def _dates(entry: Assumption) -> str:
    if entry.kind == "price":
        # A price is as old as its data, whenever somebody looked at a copy of it.
        return f"prices of {_day(entry.as_of, age=True)}"
    said = f"as of {_day(entry.as_of)}"
    return f"{said}, checked {_day(entry.checked, age=True)}" if entry.checked else said


def _day(day: date, *, age: bool = False) -> str:
    """A date in words; the page's script adds the age of a marked one, as a build must not depend on its day."""
    mark = " data-age" if age else ""
    return f'<time datetime="{day.isoformat()}"{mark}>{day.day}\u00a0{_MONTHS[day.month - 1]}\u00a0{day.year}</time>'


def render_comparison(
    first: Report, second: Report, found: Comparison, names: tuple[str, str] = ("First", "Second")
) -> str:
    """Two verdicts side by side, what differs, the most telling first, then every result and the ranked options."""
    cards = "".join(
        f'<div class="calc-side"><p class="calc-side-name">{escape(name)}</p>{_verdict(report)}</div>'
        for name, report in zip(names, (first, second), strict=True)
    )
    rows = []
    for name, spec in outputs_of(first.decision.Outputs).items():
        show = spec.unit.show
        rows.append((spec.label, show(getattr(first.outputs, name)), show(getattr(second.outputs, name))))
    results = Table(title="Every result", columns=("Result", *names), rows=tuple(rows))
    ranked = [
        replace(exhibit, title=f"{exhibit.title}: {name}")
        for name, report in zip(names, (first, second), strict=True)
        for exhibit in report.exhibits
        if isinstance(exhibit, Table) and exhibit.ranks
    ]
    tables = (comparison_table(first.decision, found, names), *ranked, results)
    return f'<div class="calc-sides">{cards}</div>{"".join(map(render_exhibit, tables))}'


def render_form(
    name: str,
    decision: AnyDecision,
    given: Mapping[str, str],
    ident: str,
    show: Sequence[str] = (),
    notes: Mapping[str, str] | None = None,
) -> str:
    """The form: fields by group with the reader's or the preset's values in them, assumptions folded away.

    given: canonical text by field, over the defaults. ident: what the ids in the page begin with. show: the fields that
    stand in the open, in this order; the others are folded under one heading. All stand in the open when it is empty.
    notes: HTML that ends the hint of a field, such as links to what its terms mean.
    """
    specs, defaults = fields_of(decision.Inputs), defaults_of(decision.Inputs)
    values = {field: given.get(field, write(spec, defaults[field])) for field, spec in specs.items()}

    def control(field: str) -> str:
        note = (notes or {}).get(field, "")
        return _control(field, specs[field], values[field], write(specs[field], defaults[field]), ident, note)

    entries = assumptions_of(decision.Inputs)
    asked = [field for field in specs if field not in entries]
    usual = [field for field in asked if not specs[field].advanced]
    opened = [field for field in show if field in specs] or usual
    folded = [field for field in usual if field not in opened]
    advanced = [field for field in asked if specs[field].advanced and field not in opened]
    assumed = [field for field in entries if field not in opened]
    html = _groups(opened, specs, control) if not show else "".join(map(control, opened))
    if folded:
        html += _fold(f"{len(folded)} more questions", _groups(folded, specs, control))
    if advanced:
        html += _fold(f"Advanced: {len(advanced)} more", _groups(advanced, specs, control))
    if assumed:
        count = "1 assumption" if len(assumed) == 1 else f"{len(assumed)} assumptions"
        html += _fold(f"{count}: {counted([entries[field] for field in assumed])}", "".join(map(control, assumed)))
    return html


def _groups(names: Sequence[str], specs: Mapping[str, Field], control: Callable[[str], str]) -> str:
    headings = dict.fromkeys(specs[name].group for name in names)
    html = []
    for heading in headings:
        body = "".join(control(name) for name in names if specs[name].group == heading)
        legend = f"<legend>{escape(heading)}</legend>" if heading else ""
        html.append(f'<fieldset class="calc-group">{legend}{body}</fieldset>')
    return "".join(html)


def _fold(summary: str, body: str) -> str:
    return f'<details class="calc-fold"><summary>{escape(summary)}</summary>{body}</details>'


def _control(name: str, spec: Field, value: str, default: str, ident: str, more: str = "") -> str:
    own = f"{ident}-{name}"
    hint = ". ".join(filter(None, (_hint(spec), more)))
    described = f' aria-describedby="{own}-hint"' if hint else ""
    common = f'id="{own}" name="{name}" data-default="{escape(default)}"{described}'
    unit = f' <span class="calc-unit">{escape(words)}</span>' if (words := unit_words(spec)) else ""
    match spec:
        case Ask() | Assume():
            kind = "ask" if isinstance(spec, Ask) else "assume"
            # A keypad without a minus sign would make a negative number impossible to type.
            keys = "" if spec.low < 0 else f' inputmode="{"numeric" if spec.whole else "decimal"}"'
            control = (
                f'<input type="text" {common}{keys} autocomplete="off" spellcheck="false" value="{escape(value)}">'
                '<button class="calc-sweep" type="button" data-action="sweep" aria-expanded="false" '
                f'aria-label="Result over {escape(spec.label)}"></button>'
            )
        case Pick():
            kind = "wide" if max(len(label) for _, label in spec.options) > _NARROW else "pick"
            control = f"{_finder(spec, own)}<select {common}>{_options(spec, value)}</select>"
        case Flag():
            kind = "flag"
            control = f'<input type="checkbox" {common} value="yes"{" checked" if value == "yes" else ""}>'
        case Paste():
            kind = "wide"
            control = f'<textarea {common} rows="3" spellcheck="false" autocomplete="off">{escape(value)}</textarea>'
        case _:
            assert_never(spec)
    note = f'<p class="calc-hint" id="{own}-hint">{hint}</p>' if hint else ""
    return (
        f'<div class="calc-field calc-field-{kind}">'
        f'<label for="{own}">{escape(spec.label)}{unit}</label>{control}{note}</div>'
    )


def unit_words(spec: Field) -> str:
    """The unit as it stands after a label, so that both can be read aloud as one.

    "Requests per month", "Budget to start (USD)"; none after a label that has named it: "Days until it must work".
    """
    if not isinstance(spec, Number) or not spec.unit.name:
        return ""
    if spec.unit.percent:
        return "(%)"
    label, words = spec.label.lower(), spec.unit.name
    first = words.lower().partition(" ")[0]
    if words.lower().startswith(f"{label} "):
        return words[len(label) + 1 :]
    named = set(label.replace(",", " ").replace(":", " ").split())
    return "" if {first, first.removesuffix("s")} & named else f"({words})"


def _options(spec: Pick, value: str) -> str:
    """The options of a list, under the headings that the field has for them.

    Names of models are grouped by maker, and in a group in the order given, the newest first: a list is searched by how
    an option begins. What has no maker, such as "a typical one", stands first.
    """
    options = spec.options

    def option(name: str, label: str) -> str:
        words = spec.described(name) if spec.described else ""
        shown = f"{label} ({words})" if words else label
        return f'<option value="{escape(name)}"{" selected" if name == value else ""}>{escape(shown)}</option>'

    if spec.section is not None:
        sections: dict[str, str] = {}
        for name, label in options:
            heading = spec.section(name)
            sections[heading] = sections.get(heading, "") + option(name, label)
        return "".join(
            f'<optgroup label="{escape(heading)}">{html}</optgroup>' for heading, html in sections.items()
        )
    named = [(name, label) for name, label in options if label.count("/") == 1]
    if len(options) - len(named) > 1:
        return "".join(option(name, label) for name, label in options)
    groups: dict[str, str] = {}
    for name, label in named:
        owner, _, model = label.partition("/")
        groups[owner] = groups.get(owner, "") + option(name, model)
    first = "".join(option(name, label) for name, label in options if (name, label) not in named)
    ordered = sorted(groups.items(), key=lambda pair: pair[0].casefold())
    return first + "".join(f'<optgroup label="{escape(owner)}">{html}</optgroup>' for owner, html in ordered)


MANY = 40
"""Options from which on a list has a box to search it by maker, size, licence or price."""


def _finder(spec: Pick, own: str) -> str:
    """The box over a long list, shown once the page's script can search it."""
    if len(spec.options) < MANY:
        return ""
    words = f"Find in {spec.label}: maker, name, size, licence or price"
    return (
        f'<input type="search" class="calc-find" data-find="{own}" aria-label="{escape(words)}" '
        'placeholder="Search the list" autocomplete="off" spellcheck="false" hidden>'
    )


def _hint(spec: Field) -> str:
    if not isinstance(spec, Assume):
        return escape(spec.hint)
    entry = spec.assumption
    hint = f"{escape(entry.hint)}. " if entry.hint else ""
    span = escape(entry.unit.show_range(entry.low, entry.high))
    return f"{hint}{span}. {_said_by(entry)}, {_dates(entry)}"
