"""The parts of pages that are made from data: assumptions, evidence, comparisons, our error. Native only.

Each function gives HTML. A table carries what a reader filters by in `data-` attributes; without scripts it is whole.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from itertools import zip_longest
from math import isfinite
from pathlib import Path
from typing import assert_never

from calculator import catalog
from calculator.cases import OPTIONS, TASK_TYPES, Case, cases, nearest
from calculator.catalogs import api_prices, rents, sources, tuning_services
from calculator.catalogs.market import ApiPrice
from calculator.catalogs.rows import read_rows
from calculator.exhibit import Curves, Line, Mark
from calculator.faces import chart, view
from calculator.faces.chart import escape
from calculator.facts import evidence
from calculator.facts.assumptions import Assumption, assumptions, counted
from calculator.facts.evidence import Card
from calculator.fields import Ask, Assume, Field, Flag, Paste, Pick, assumptions_of, fields_of
from calculator.units import POINTS, SHARE, USD
from calculator.web import examples, glossary

DIRECTION_WORDS = {
    "supports": "Supports the claim",
    "limits": "Limits the claim",
    "contradicts": "Contradicts the claim",
}
DOCS = Path(__file__).resolve().parents[2] / "docs"
_FENCE = re.compile(r"^```calculator\n(\w+)$", re.MULTILINE)


@cache
def pages() -> Mapping[str, str]:
    """The page of each decision under docs/: the one with its fence. Start pages and the reference only repeat."""
    found: dict[str, str] = {}
    for path in sorted(DOCS.rglob("*.md")):
        where = path.relative_to(DOCS).as_posix()
        if path.name != "index.md" and not where.startswith("reference/"):
            found |= dict.fromkeys(_FENCE.findall(path.read_text("utf-8")), where)
    return found


_OPEN_CARDS = 3
"""Cards that stand in the open; the strongest of each side come first."""


def ours(what: str) -> str:
    """A figure to believe us by, as text: comparisons, assumptions, or our error: training-memory, training-throughput.

    An error is the median over sources of what each showed before anything was learnt from it. ValueError for another.
    """
    if what == "comparisons":
        return f"{len(cases()):,}"
    if what == "assumptions":
        return f"{len(assumptions()):,}"
    from calculator.evaluation import contact

    found = {name: expected for (name, _), expected in contact.expected().items() if name.startswith("training-")}
    if what not in found:
        raise ValueError(f"ours must be one of: comparisons, assumptions, {', '.join(found)}; given: {what[:60]!r}")
    return SHARE.show(round(found[what].median_error, 2))


def render(what: str, source: str) -> str:
    """The HTML of a fence. ValueError for a fence or an argument that does not exist."""
    argument = source.strip()
    if what == "evidence":
        return evidence_index() if argument == "all" else evidence_cards(argument)
    if what == "validation":
        # Every estimator comes with it, which a page of another kind need not wait for.
        from calculator.evaluation import page

        return page.render(argument)
    if what == "example":
        return examples.render(argument)
    if what == "prices":
        return prices_table(argument)
    if what == "glossary" and argument != "all":
        return glossary.render(argument)
    if argument != "all":
        raise ValueError(f"write all in a {what} fence; given: {argument[:60]!r}")
    if what == "sources":
        return sources_table()
    if what == "glossary":
        return fields_table()
    if what == "published":
        return cases_table()
    known = "evidence, example, glossary, prices, published, sources, validation"
    raise ValueError(f"fence must be one of: {known}; given: {what!r}")


def evidence_cards(topic: str) -> str:
    """The cards of one topic: three in the open, then what supports its claim beside what limits it. ValueError when
    unknown."""
    if topic not in evidence.TOPICS:
        raise ValueError(f"topic must be one of: {', '.join(evidence.TOPICS)}; given: {topic[:60]!r}")
    found = evidence.cards(topic)
    sides: dict[str, list[Card]] = {}
    for title, wanted in (("What supports the claim", ("supports",)), ("What limits it", ("contradicts", "limits"))):
        chosen = [card for card in found if card.direction(topic) in wanted]
        chosen.sort(key=lambda card: (wanted.index(card.direction(topic)), evidence.STRENGTHS.index(card.strength)))
        sides[title] = chosen
    # The best of each side first, then the next best of each.
    turns = [card for pair in zip_longest(*sides.values()) for card in pair if card is not None]
    opened = turns[:_OPEN_CARDS]
    html = f'<div class="evidence evidence-open">{"".join(_card(card, card.direction(topic)) for card in opened)}</div>'
    columns = []
    for title, cards in sides.items():
        rest = [card for card in cards if card not in opened]
        if rest:
            body = "".join(_card(card, card.direction(topic)) for card in rest)
            columns.append(f'<div class="evidence-side"><h3>{title}</h3>{body}</div>')
    if columns:
        more = f"<summary>{len(turns) - len(opened)} more findings, for and against</summary>"
        html += f'<details class="evidence-more">{more}<div class="evidence">{"".join(columns)}</div></details>'
    return html


def evidence_index() -> str:
    """Every card once, with the topics it bears on."""
    rows = []
    for card in evidence.cards():
        topics = ", ".join(f"{_question(topic)} ({direction})" for topic, direction in card.bears_on.items())
        rows.append(
            (
                f'<p class="evidence-finding">{escape(card.finding)}</p>{_details(card)}',
                escape(topics),
                escape(card.strength),
                str(card.as_of.year),
            )
        )
    return _table("findings", ("Finding", "Bears on", "Strength", "Year"), rows)


def _question(topic: str) -> str:
    return catalog.decision(topic).question if topic in catalog.names() else topic.replace("_", " ")


def _card(card: Card, direction: str) -> str:
    numbers = "".join(f"<li>{escape(number)}</li>" for number in card.numbers)
    return (
        f'<article class="evidence-card" data-direction="{direction}">'
        f'<p class="evidence-tags"><span>{DIRECTION_WORDS[direction]}</span> '
        f"<span>{escape(card.strength)} evidence</span></p>"
        f'<p class="evidence-finding">{escape(card.finding)}</p><ul>{numbers}</ul>'
        f'<p class="evidence-applies"><strong>Applies when</strong> {escape(card.applies_when)}.</p>'
        f"{_details(card)}</article>"
    )


def _details(card: Card) -> str:
    checked = f"{card.status} on {card.checked}" if card.checked else card.status
    return (
        f"<details><summary>{escape(card.title)}, {card.as_of.year}</summary><p>{escape(card.setting)}. "
        f"Size: {escape(card.study_size)}. {escape(card.strength.capitalize())}: {escape(card.why)}.</p>"
        f'<p>{escape(card.authors)}. <a href="{escape(card.url)}">{escape(card.venue)}</a>, {card.as_of} '
        f"({checked}).</p>"
        "</details>"
    )


def sources_table() -> str:
    """Every assumption: value, range, who says so, how old, and which pages use it."""
    users = _users()
    rows = []
    for key, entry in sorted(assumptions().items(), key=lambda pair: pair[1].label):
        rows.append(
            (
                f'<span id="{key}">{escape(entry.label)}</span><br><code>{key}</code>',
                f"{escape(entry.unit.show(entry.value))}<br>{escape(_span(entry))}",
                _said_by(entry),
                f"{_day(entry.as_of)}<br>{_checked(entry.checked)}",
                ", ".join(map(_link, users[key])),
            )
        )
    heads = ("Assumption", "Value and range", "Source, and its words", "As of, checked", "Used by")
    return f"<p>{len(rows)} numbers: {counted(assumptions().values())}.</p>{_table('sources', heads, rows)}"


def prices_table(what: str) -> str:
    """One of the catalogues of what is sold: api, rents or services. ValueError for another."""
    if what == "api":
        makers = {row["maker"]: row["url"] for row in read_rows("api_makers.csv")}
        return _table(
            "api",
            ("Model", "For", "Input", "Cached", "Written to the cache", "Output", "Batch", "Until"),
            (
                (
                    f'<a href="{escape(makers[price.maker])}">{escape(price.maker)}</a> {escape(price.model)}',
                    escape(_holds_for(price)),
                    *(_usd(usd) for usd in (price.input_usd_per_mtok, price.cached_input_usd_per_mtok,
                                            price.cache_write_usd_per_mtok, price.output_usd_per_mtok)),
                    "" if price.batch_share is None else SHARE.show(price.batch_share),
                    _day(price.until),
                )
                for price in api_prices()
            ),
        )
    if what == "rents":
        return _table(
            "rents",
            ("Device", "Provider", "An hour", "Rented", "Prices of", "Source"),
            (
                (escape(offer.device), escape(offer.provider), _usd(offer.usd_per_hour),
                 "spot" if offer.spot else "on demand", _day(offer.as_of) or "undated",
                 _source_of(offer.source, offer.note))
                for offer in rents()
            ),
        )
    if what == "services":
        return _table(
            "services",
            ("Service", "Models", "Trains", "Price", "At least", "Weights", "Ends", "As of", "Source"),
            (
                (
                    escape(service.provider),
                    escape(service.models),
                    ", ".join(kind for kind in ("supervised", "preference", "reinforcement") if getattr(service, kind)),
                    "" if service.usd is None else f"{_usd(service.usd)} a {escape(service.unit)}",
                    _usd(service.minimum_usd),
                    {"yes": "can be taken along", "no": "stay there"}.get(service.weights_out, ""),
                    _day(service.closes),
                    _day(service.as_of),
                    _source_of(service.source, service.note),
                )
                for service in tuning_services()
            ),
        )
    raise ValueError(f"write api, rents or services in a prices fence; given: {what[:60]!r}")


def _holds_for(price: ApiPrice) -> str:
    parts = [f"prompts above {price.above_tokens:,} tokens"] if price.above_tokens else []
    parts += [price.hours] if price.hours else []
    parts += [f"from {price.since}"] if price.since else []
    parts += [f"{price.tokens_ratio:g} tokens where others make one"] if price.tokens_ratio != 1 else []
    return "; ".join(parts)


def _usd(value: float | None) -> str:
    return "" if value is None else USD.show(value)


def _source_of(key: str, note: str) -> str:
    source = sources()[key]
    linked = f'<a href="{escape(source.where)}">{escape(source.title)}</a>'
    return f"{linked}<br><small>{escape(note)}</small>" if note else linked


def fields_table() -> str:
    """Every field of every form: what it asks, in what unit, and where."""
    found: dict[str, tuple[Field, list[str]]] = {}
    for name in catalog.names():
        for field, spec in fields_of(catalog.decision(name).Inputs).items():
            found.setdefault(field, (spec, []))[1].append(name)
    rows = []
    for field, (spec, users) in sorted(found.items(), key=lambda pair: pair[1][0].label):
        rows.append((
            f'<span id="{field}">{escape(spec.label)}</span><br><code>{field}</code>',
            escape(spec.hint),
            escape(_in_what(spec)),
            ", ".join(map(_link, users)),
        ))
    return _table("fields", ("Field", "What it asks", "In", "Pages"), rows)


def _in_what(spec: Field) -> str:
    """The unit of a field, or what it is if it is no number."""
    match spec:
        case Ask() | Assume():
            return spec.unit.name
        case Pick():
            return "one of a list"
        case Flag():
            return "yes or no"
        case Paste():
            return "text"
        case _:
            assert_never(spec)


def _said_by(entry: Assumption) -> str:
    """The source of a number with its words and its address; for one of ours, that it is, and what is near it."""
    words = f"<q>{escape(entry.quote)}</q>"
    if entry.kind in ("ours", "computed"):
        near = f'<a href="{escape(entry.url)}">What comes near it</a>' if entry.kind == "ours" else ""
        return f"<strong>Ours.</strong> {escape(entry.source)}<br>{words} {near}".rstrip()
    return f'<a href="{escape(entry.url)}">{escape(entry.source)}</a><br>{words}'


def _link(name: str) -> str:
    """A link from docs/evidence/sources to a decision's page, as the site serves it; its name where it has none."""
    words = escape(name.replace("_", " "))
    if name not in pages():
        return words
    # MkDocs leaves a link in HTML as it is. Zensical takes it for one from the Markdown file, and turns it into this.
    root = "../" if "zensical" in sys.modules else "../../"
    return f'<a href="{root}{pages()[name].removesuffix(".md")}/">{words}</a>'


def _users() -> dict[str, list[str]]:
    users: dict[str, list[str]] = {key: [] for key in assumptions()}
    for name in catalog.names():
        for entry in assumptions_of(catalog.decision(name).Inputs).values():
            users[entry.key].append(name)
    return users


def _span(entry: Assumption) -> str:
    if not (isfinite(entry.low) and isfinite(entry.high)) or entry.low == entry.high:
        return "no range"
    return entry.unit.show_range(entry.low, entry.high)


def _checked(day: date | None) -> str:
    return f"checked {_day(day)}" if day else "not checked at source"


def _day(day: date | str) -> str:
    return f"<time>{day}</time>" if day else ""


def cases_table() -> str:
    """Every published comparison, with what a reader filters by; `page.js` adds the filters."""
    rows = []
    for case in sorted(cases(), key=lambda case: (case.situation.task_type or "", case.id)):
        known = case.situation
        best = case.best
        scores = "<br>".join(
            f"{'<strong>' if option == case.winner else ''}{escape(OPTIONS[option])}: {best[option].score:g}"
            f"{'</strong>' if option == case.winner else ''}"
            for option in sorted(best, key=lambda option: -best[option].score)
        )
        labels = "–" if known.n_train_examples is None else f"{known.n_train_examples:,.0f}"
        notes = escape(case.caveat) + (" <strong>Suspect: left out of all figures.</strong>" if case.suspect else "")
        rows.append(
            (
                f"{escape(case.title)}<br><small>{escape(_task(case))}; {escape(known.domain or 'general')}</small>",
                labels,
                f"{scores}<br><small>{escape(case.metric)}</small>",
                f"{escape(nearest.margin_words(case))}",
                f"{_source(case)}<details><summary>Caveat</summary><p>{notes}</p></details>",
            )
        )
    data = [_filters(case) for case in sorted(cases(), key=lambda case: (case.situation.task_type or "", case.id))]
    return (
        f'{_gains()}<div class="published" data-total="{len(rows)}">'
        + _table("cases", ("Task", "Training examples", "Scores as printed", "By how much", "Source"), rows, data)
        + "</div>"
    )


_PROMPTED = ("as_is", "prompting", "few_shot")
_WINNERS = {
    "Training won": ("ft_small", "ft_large", "continued_pretraining"),
    "Retrieval with training won": ("ft_plus_rag",),
    "Retrieval won": ("rag",),
    "A prompt won": (*_PROMPTED, "slm_prompted"),
}


def _gains() -> str:
    """Every comparison as a dot: what the best prompt scored across, what the best of the rest had over it up."""
    groups: dict[str, list[tuple[float, float, Case]]] = {}
    for name, winners in _WINNERS.items():
        groups[name] = []
        for case in cases():
            prompted = [row.score for option, row in case.best.items() if option in _PROMPTED]
            others = [row.score for option, row in case.best.items() if option not in _PROMPTED]
            if case.winner in winners and case.top_score and prompted and others and not case.suspect:
                base = max(prompted) / case.top_score
                groups[name].append((base, 100 * (max(others) / case.top_score - base), case))
    picture = Curves(
        title="Gain over the best prompt, by what the prompt scored",
        description="Each dot is a published comparison on a scale with a top: what the best prompt scored across, and "
        "what the best of all else had over it up. Your place is marked once you have typed your accuracy on a page.",
        x_label="Best prompt",
        y_label="Gain",
        x_unit=SHARE,
        y_unit=POINTS,
        lines=tuple(
            Line(label=name, points=tuple((x, y) for x, y, _ in found), dots=True) for name, found in groups.items()
        ),
        marks=(Mark(label="no gain", y=0.0),),
    )
    rows, at = [], []
    for found, places in zip(groups.values(), chart.curve_places(picture), strict=True):
        for (x, y, case), place in zip(found, places, strict=True):
            rows.append((case.title, SHARE.show(x), POINTS.show(y), OPTIONS[case.winner]))
            at.append(place)
    ends = [x for found in groups.values() for x, _, _ in found]
    table = view.plain_table(("Comparison", "Best prompt", "Gain", "What won"), rows, at=at)
    drawing = view.legend(list(groups)) + chart.curves(picture)
    return (
        f'<div class="calculator-picture" data-field="prompted_accuracy_share" data-low="{min(ends):g}" '
        f'data-high="{max(ends):g}">{view.figure(picture.description, drawing, table)}</div>'
    )


def _task(case: Case) -> str:
    return TASK_TYPES.get(case.situation.task_type or "", "other")


def _source(case: Case) -> str:
    name = f"{escape(case.source)}"
    linked = f'<a href="{escape(case.url)}">{name}</a>' if case.url else name
    return f"{linked} ({case.situation.year:.0f})" if case.situation.year else linked


def _filters(case: Case) -> dict[str, str]:
    count = case.situation.n_train_examples
    size = (
        "not stated"
        if count is None
        else "under 200"
        if count < 200
        else "200 to 5,000"
        if count <= 5000
        else "over 5,000"
    )
    return {
        "task": _task(case),
        "domain": case.situation.domain or "general",
        "size": size,
        "winner": OPTIONS[case.winner],
    }


def _table(
    name: str,
    columns: Iterable[str],
    rows: Iterable[Iterable[str]],
    data: Iterable[Mapping[str, str]] | None = None,
) -> str:
    """A table of cells that are already HTML; `published.css` has the widths of its columns, by its name. On a narrow
    screen its rows are cards, so a cell carries its heading."""
    columns = [escape(column) for column in columns]
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    cells = ["<td>", *(f'<td data-head="{column}">' for column in columns[1:])]
    rows = list(rows)
    attributes = [_attributes(found) for found in data] if data is not None else [""] * len(rows)
    body = "".join(
        f"<tr{attribute}>{''.join(f'{td}{cell}</td>' for td, cell in zip(cells, row, strict=True))}</tr>"
        for row, attribute in zip(rows, attributes, strict=True)
    )
    return (
        f'<div class="data-table data-table-{name}" tabindex="0" role="group" aria-label="Table">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _attributes(data: Mapping[str, str]) -> str:
    return "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
