"""The page on our error, made from the same figures as `python -m calculator validate`. Native only.

Errors are of complete rows, each predicted without its source, unless a column says otherwise.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from math import floor, log, log10
from pathlib import Path
from typing import Any

from calculator.cases import OPTIONS, TASK_TYPES, cases
from calculator.evaluation import Errors, Pair, Projects, Row, alike, contact, grouped, published, summarise, worst
from calculator.evaluation import cases as judged
from calculator.evaluation.distance import project_of
from calculator.evaluation.figures import CASES, ESTIMATORS, Compared, figures, method_of
from calculator.exhibit import Curves, Dots, Line, Scatter
from calculator.faces import chart
from calculator.faces.chart import escape
from calculator.faces.view import scrolled
from calculator.stats.sampling import quantile
from calculator.units import COUNT, GIB, PARAMETERS, SHARE, TOKENS, TOKENS_PER_S, Unit

WORST = 10
BY_PROJECT, BY_SOURCE, BY_METHOD = "By project", "By source", "By method"
GROUPS = 4
"""What a scatter can tell apart."""

_SECTIONS: Mapping[str, str] = {
    "parameters": "parameters",
    "training-memory": "training-memory",
    "training-throughput": "training-speed",
    "inference": "serving",
    "kv-cache": "cache",
}
"""The heading of the page under which each estimator stands."""
_UNITS: Mapping[str, tuple[Unit, ...]] = {
    "parameters": (PARAMETERS, PARAMETERS),
    "training-memory": (GIB,),
    "training-throughput": (TOKENS_PER_S,),
    "inference": (TOKENS_PER_S, TOKENS_PER_S, GIB),
    "kv-cache": (TOKENS,),
}
_METHOD_WORDS = {"full": "full", "lora": "LoRA", "qlora": "QLoRA", "other adapters": "other adapters"}
_VERSION = re.compile(r"\s*(\(|\+| v?\d).*$")


def render(argument: str) -> str:
    """The HTML of a fence: summary, picture, first-contact, an estimator, cases, or send. ValueError for anything
    else."""
    made: dict[str, Callable[[], str]] = {
        "summary": _summary,
        "picture": _by_source,
        "first-contact": _first_contact,
        **{what: partial(_estimator, what) for what in ESTIMATORS},
        CASES: lambda: _cases(figures().cases),
        "send": _send,
    }
    if argument not in made:
        raise ValueError(f"validation must be one of: {', '.join(made)}; given: {argument[:60]!r}")
    return f'<div class="validation">{made[argument]()}</div>'


def _estimator(what: str) -> str:
    return "".join(_quantity(compared, place) for place, compared in enumerate(figures().compared[what]))


_PICTURED = ("training-memory", "training-throughput", "inference")
"""The estimators whose quantities the first picture has, as many as it can tell apart: memory and speed of runs."""


def _by_source() -> str:
    """The first picture of the page: a mark for each source, as each counts once; its kind tells the quantity."""
    shown = [compared for what in _PICTURED for compared in figures().compared[what]][:GROUPS]
    groups: dict[str, list[tuple[float, float]]] = {}
    rows = []
    for compared in shown:
        found = grouped((pair for pair in compared.complete if pair.estimate), lambda pair: pair.source)
        for source, pairs in sorted(found.items()):
            measured, estimated = _middle(pairs)
            groups.setdefault(compared.name, []).append((measured, estimated))
            rows.append(
                (
                    _with_small(escape(source), compared.name),
                    str(len(pairs)),
                    escape(COUNT.show(measured)),
                    escape(COUNT.show(estimated)),
                    _times(estimated / measured),
                )
            )
    marks = [mark for members in groups.values() for mark in members]
    within = sum(0.8 <= estimated / measured <= 1.2 for measured, estimated in marks)
    exhibit = Scatter(
        title="Our estimate against the measurement, by source",
        description=(
            "One mark for each source: the middle of what it measured across, the middle of our estimates of the same "
            "runs up, made without that source, each in its own unit. On the middle line both agree; the dashed lines "
            f"are 20\u00a0% off. {within} of {len(marks)} marks lie between them. "
            "Single runs scatter more, and a source that is new to us most: both are told below. "
            "Your own set-up is marked once the page on memory has worked it out."
        ),
        x_label="Measured",
        y_label="estimated",
        unit=COUNT,
        groups=tuple(Dots(label=label.partition(" (")[0], points=tuple(them)) for label, them in groups.items()),
    )
    table = _table(exhibit.title, ("Source", "Rows", "Measured, middle", "Estimated", "Estimated over measured"), rows)
    drawn = _figure(exhibit.title, exhibit.description, chart.scatter(exhibit), table)
    return f'<div data-axes="{chart.scatter_axes(exhibit)}">{drawn}</div>'


def _middle(pairs: Sequence[Pair]) -> tuple[float, float]:
    """The medians of what was measured and of what was estimated."""
    both = (sorted(pair.measured for pair in pairs), sorted(pair.estimate or 0.0 for pair in pairs))
    measured, estimated = (quantile(values, 0.5) for values in both)
    return measured, estimated


def _summary() -> str:
    every = [
        (compared, _complete(compared.published), summarise(compared.complete), alike(compared.complete))
        for what in ESTIMATORS
        for compared in figures().compared[what]
    ]
    return _table_of("Every estimator", every, {
        "Estimate": lambda one: f'<a href="#{_SECTIONS[one[0].what]}">{escape(_capital(one[0].name))}</a>',
        "Complete rows": lambda one: f"{one[2].rows:,}",
        "Sources": lambda one: str(len({pair.source for pair in one[0].complete})),
        "Median error, source in the fit": lambda one: _percent(one[1].median_error),
        "Source left out": lambda one: _percent(one[2].median_error) if one[0].fitted else "nothing fitted",
        "Projects counted alike": lambda one: _alike_words(one[3]),
        "Within 20\u00a0%": lambda one: _percent(one[2].within_20),
        "Band covers": lambda one: _percent(one[2].band_coverage),
        "Band width": lambda one: _times(one[2].band_width),
    })  # fmt: skip


def _alike_words(together: Projects | None) -> str:
    if together is None:
        return "–"
    worst_of_them = f"worst {_percent(together.worst_error)}, {together.worst_project}"
    return _with_small(_percent(together.median_error), worst_of_them)


def _first_contact() -> str:
    """What a source showed before anything was learnt from it: the median over sources, then each of them."""
    table = _table_of("First contact: median over sources", contact.expected().items(), {
        "Estimate": lambda met: escape(_capital(met[0][1])),
        "Sources met": lambda met: f"{met[1].sources:,}",
        "Refused whole": lambda met: str(met[1].refusing),
        "The figure to expect": lambda met: f"<strong>{_percent(met[1].median_error)}</strong>",
        "With incomplete rows": lambda met: _percent(met[1].all_rows_error),
        "Worst source": lambda met: _with_small(_percent(met[1].worst_error), met[1].worst_source),
        "Band covered, mean": lambda met: _percent(met[1].band_coverage),
    })  # fmt: skip
    register = _table_of("The register of first contacts", contact.register(), {
        "Source": lambda entry: _with_small(escape(entry.source), f"{entry.quantity}; {entry.kind}"),
        "Rows": lambda entry: str(entry.rows),
        "Refused": lambda entry: str(entry.refused),
        "Median error": lambda entry: _percent(entry.median_error),
        "Bias": lambda entry: _percent(entry.bias, sign=True),
        "Band covered": lambda entry: _percent(entry.band_coverage),
        "Met": lambda entry: f"{entry.date}, version {escape(entry.model_version)}",
    })  # fmt: skip
    return f'{table}<details class="calc-data"><summary>The register, source by source</summary>{register}</details>'


def _quantity(compared: Compared, place: int) -> str:
    unit = _UNITS[compared.what][place]
    parts = [f"<h3>{escape(_capital(compared.name))}</h3>", f"<p>{_in_words(compared)}</p>", _picture(compared, unit)]
    if summarise(compared.complete).exact == 1:
        return "".join(parts)
    parts.append(_errors(BY_PROJECT, compared, lambda pair: project_of(pair.source)))
    parts.append(_errors(BY_SOURCE, compared, lambda pair: pair.source))
    parts.append(_errors(BY_METHOD, compared, lambda pair: _method_words(compared.what, pair.method)))
    return "".join((*parts, _worst(compared, unit)))


def _in_words(compared: Compared) -> str:
    found = summarise(compared.complete)
    sources = len({pair.source for pair in compared.complete})
    said = f"{found.rows:,} complete rows from {_count(sources, 'source')}"
    if found.exact == 1:
        return escape(f"{said}: every one is exact.")
    said += ", each predicted without its source" if compared.fitted else ", with nothing fitted to them"
    said += (
        f": median error {_percent(found.median_error)}, {_percent(found.within_10)} of them within 10\u00a0% and "
        f"{_percent(found.within_20)} within 20\u00a0%, bias {_percent(found.bias, sign=True)}."
    )
    if found.band_coverage is not None:
        said += (
            f" The stated band covers {_percent(found.band_coverage)} at a median width of {_times(found.band_width)}."
        )
    together = alike(compared.complete)
    if together is not None and together.projects > 1:
        said += (
            f" With its {together.projects} projects counted alike it is {_percent(together.median_error)}, at worst "
            f"{_percent(together.worst_error)} ({together.worst_project})."
        )
    if compared.fitted:
        inside = _complete(compared.published)
        said += f" With the source in the fit the median error is {_percent(inside.median_error)}."
    if rest := [pair for pair in compared.left_out if not pair.complete]:
        other = summarise(rest)
        said += f" Of {_count(other.rows, 'further row')} that leave something open or give a limit, not a peak, "
        said += f"{other.refused:,} are refused with a reason"
        said += f"; on the rest the median error is {_percent(other.median_error)}." if other.median_error else "."
    return escape(said)


def _picture(compared: Compared, unit: Unit) -> str:
    """The scatter, with its numbers by size of the measured value."""
    pairs = [pair for pair in compared.complete if pair.estimate]
    exhibit = Scatter(
        title=f"Predicted against measured: {compared.name}",
        description=(
            f"{_count(len(pairs), 'published measurement')} across, our estimate{_without(compared)} up. On the middle "
            "line both agree; the dashed lines are 20\u00a0% off."
        ),
        x_label="Measured",
        y_label="predicted",
        unit=unit,
        groups=tuple(
            Dots(label=label, points=tuple((pair.measured, pair.estimate or 0.0) for pair in members))
            for label, members in _largest(pairs, lambda pair: _method_words(compared.what, pair.method)).items()
        ),
    )
    rows = []
    for (low, high), members in _by_size(pairs).items():
        ratios = sorted((pair.estimate or 0.0) / pair.measured for pair in members)
        rows.append(
            (
                f"{escape(unit.show(low))} to {escape(unit.show(high))}",
                str(len(members)),
                *(_times(quantile(ratios, share)) for share in (0.5, 0.1, 0.9)),
            )
        )
    table = _table(
        exhibit.title, ("Measured", "Rows", "Predicted over measured, median", "10th percentile", "90th"), rows
    )
    return _figure(exhibit.title, exhibit.description, chart.scatter(exhibit), table)


def _without(compared: Compared) -> str:
    return " without their source" if compared.fitted else ""


def _by_size(pairs: Iterable[Pair]) -> dict[tuple[float, float], list[Pair]]:
    """Pairs by powers of ten of the measured value, or by halves of them where there are few powers."""
    pairs = list(pairs)
    spread = log10(max(p.measured for p in pairs) / min(p.measured for p in pairs))
    steps = 1 if spread > 5 else 2
    found: dict[tuple[float, float], list[Pair]] = {}
    for pair in sorted(pairs, key=lambda pair: pair.measured):
        power = floor(log10(pair.measured))
        lower, middle = 10.0**power, 3 * 10.0**power
        ends = (
            (lower, 10 * lower) if steps == 1 else (middle, 10 * lower) if pair.measured >= middle else (lower, middle)
        )
        found.setdefault(ends, []).append(pair)
    return found


def _largest(pairs: Sequence[Pair], key: Callable[[Pair], str]) -> dict[str, list[Pair]]:
    """The largest groups, and the rest as one."""
    found = grouped(pairs, key)
    ordered = sorted(found, key=lambda name: (-len(found[name]), name))
    if len(ordered) <= GROUPS:
        return {name: found[name] for name in ordered}
    kept = {name: found[name] for name in ordered[: GROUPS - 1]}
    return {**kept, "others": [pair for name in ordered[GROUPS - 1 :] for pair in found[name]]}


def _method_words(what: str, method: str) -> str:
    if what == "inference":
        return _VERSION.sub("", method)
    return method if what == "parameters" else _METHOD_WORDS[method_of(method)]


def _complete(pairs: Iterable[Pair]) -> Errors:
    return summarise(pair for pair in pairs if pair.complete)


def _errors(title: str, compared: Compared, key: Callable[[Pair], str]) -> str:
    """The error table by one key, largest groups first: the source in the fit beside the source left out."""
    inside = grouped((pair for pair in compared.published if pair.complete), key)
    outside = grouped(compared.complete, key)
    rows = []
    for name in sorted(outside, key=lambda name: (-len(outside[name]), name)):
        shown = _with_small(escape(name), _address(compared.what, name)) if title == BY_SOURCE else escape(name)
        rows.append((shown, *_cells(summarise(inside[name]), summarise(outside[name]), compared.fitted)))
    if len(rows) > 1:
        rows.insert(0, ("All", *_cells(_complete(compared.published), summarise(compared.complete), compared.fitted)))
    twice = ("in the fit", "left out") if compared.fitted else ("",)
    columns = (
        title.removeprefix("By ").capitalize(),
        "Rows",
        *(f"Median error {way}".strip() for way in twice),
        *(f"Within 20\u00a0% {way}".strip() for way in twice),
        "Within 10\u00a0%",
        "Bias",
        "Band covers",
        "Band width",
    )
    if not any(pair.high for pair in compared.complete):
        columns, rows = columns[:-2], [row[:-2] for row in rows]
    return f"<h4>{title}</h4>" + _table(f"{compared.name}: {title.lower()}", columns, rows)


def _address(what: str, source: str) -> str:
    """Where a source stands in print: repository and file of its first row, without the version."""
    first = next(row for row in published(what) if row.get("source_id") == source)
    return first.get("source_locator", "").partition("@")[0].strip()


def _cells(inside: Errors, outside: Errors, fitted: bool) -> tuple[str, ...]:
    both = (inside, outside) if fitted else (outside,)
    return (
        str(outside.rows),
        *(_percent(found.median_error) for found in both),
        *(_percent(found.within_20) for found in both),
        _percent(outside.within_10),
        _percent(outside.bias, sign=True),
        _percent(outside.band_coverage),
        _times(outside.band_width),
    )


def _worst(compared: Compared, unit: Unit) -> str:
    found = [pair for pair in worst(compared.complete, WORST) if pair.error]
    if not found:
        return ""
    by_id = {row[_identity(compared.what)]: row for row in published(compared.what)}
    inside = {pair.id: pair for pair in compared.published}
    table = _table_of(f"{compared.name}: the worst", found, {
        "Row and source": lambda pair: _with_small(escape(pair.id), pair.source),
        "Run": lambda pair: escape(_run(by_id[pair.id])),
        "Measured": lambda pair: escape(unit.show(pair.measured)),
        "Predicted": lambda pair: escape(unit.show(pair.estimate or 0.0)),
        "Off by": lambda pair: _times((pair.estimate or 0.0) / pair.measured),
        "Why": lambda pair: escape(_why(compared, pair, inside[pair.id])),
    })  # fmt: skip
    return f"<h4>{'The worst ten' if len(found) == WORST else f'The worst {len(found)}'}</h4>{table}"


def _identity(what: str) -> str:
    return "hf_id" if what == "parameters" else "row_id"


def _run(row: Row) -> str:
    """What a row ran, in a line."""

    def said(column: str, words: str) -> str:
        return words.format(row[column]) if row.get(column) else ""

    cards = row.get("n_gpus") or row.get("n_devices") or "1"
    card = row.get("gpu") or row.get("device") or ""
    parts = (
        row.get("model", ""),
        row.get("method") or " ".join(filter(None, (row.get("quant"), row.get("engine")))),
        f"{cards} × {card}" if cards not in ("", "1") else card,
        said("sharding", "sharded: {}") if row.get("sharding") not in (None, "", "none") else "",
        said("seq_len", "{} tokens"),
        said("micro_batch", "micro-batch {}"),
        said("prompt_len", "prompt of {} tokens"),
        said("batch", "batch {}"),
    )
    return ", ".join(filter(None, parts))


def _why(compared: Compared, pair: Pair, inside: Pair) -> str:
    """The known cause, or what the figures themselves say."""
    if known := reasons().get((compared.what, pair.id)):
        return known
    covered = pair.low is not None and pair.high is not None and pair.low <= pair.measured <= pair.high
    also = " The band covers it." if covered else ""
    if not compared.fitted:
        return f"Not explained; nothing is fitted here.{also}"
    off, with_it = _size(pair), _size(inside)
    said = f"off by {_percent(inside.error, sign=True)} with its source in the fit"
    if with_it < off / 2:
        return f"Only its source shows what sets it apart: {said}.{also}"
    return f"Not explained: {said} too.{also}"


def _size(pair: Pair) -> float:
    return abs(log((pair.estimate or pair.measured) / pair.measured))


@cache
def reasons() -> dict[tuple[str, str], str]:
    """Known causes by estimator and row."""
    data = tomllib.loads(Path(__file__).with_name("reasons.toml").read_text("utf-8"))
    return {(entry["what"], row): entry["why"] for entry in data["reason"] for row in entry["rows"]}


def _cases(found: Mapping[str, Any]) -> str:
    methods = found["methods"]
    model = methods[judged.MODEL]
    words = (
        f"{found['cases']} published comparisons from {found['sources']} sources, each judged without its source. The "
        f"model's choice was within {judged.WITHIN_POINTS:g} points of the best in {_percent(model['right'])}; it is "
        f"{_percent(model['right_group_weighted'])} when each source counts by the root of its comparisons. The best "
        f"simple rule is “{found['best_baseline']}”; the model is ahead of it in "
        f"{_percent(found['share_of_resamples_ahead_of_best_baseline'])} of resamples of whole sources. "
        f"The best option is among the two likeliest in {_percent(model['best_among_two_group_weighted'])}; "
        f"who tries what the model says on {judged.PILOT_ITEMS} test items, and takes the best, loses "
        f"{model['trial_regret_points_group_weighted']:.1f} points to the best option, on average. "
        f"{_count(found['suspect_left_out'], 'suspect comparison')} left out."
    )
    shown = (judged.MODEL, judged.YEARS_OUT, judged.IN_SAMPLE, *judged.BASELINES)
    table = _table_of("The model and simple rules", shown, {
        "Choice by": lambda name: escape(_capital(name)),
        "Right": lambda name: _percent(methods[name]["right"]),
        "Group-weighted": lambda name: _percent(methods[name]["right_group_weighted"]),
        "5th to 95th percentile": lambda name: " to ".join(
            _percent(methods[name][f"right_group_weighted_{end}"]) for end in ("low", "high")
        ),
        "Regret, points": lambda name: _with_ends(methods[name], "regret_points_group_weighted", 1),
        "Brier": lambda name: _with_ends(methods[name], "brier_group_weighted", 3),
        "Worst third, points": lambda name: f"{methods[name]['worst_third_points']:.0f}",
        "Lost after trials, points": lambda name: _with_ends(methods[name], "trial_regret_points_group_weighted", 2),
    })  # fmt: skip
    parts = [
        f"<p>{escape(words)}</p>",
        f"<p>{escape(found['note'])}</p>",
        table,
        _calibration(model["calibration"]),
        "<h3>By who made the table</h3>",
        _by_part(model["by_tuned_arm"], "Tuned arm by"),
        "<h3>By year</h3>",
        _by_part(model["by_year"], "Year"),
        "<h3>By kind of task</h3>",
        _by_task(methods),
        _mistakes(found["wrong"]),
    ]
    return "".join(parts)


def _with_ends(method: Mapping[str, Any], name: str, digits: int) -> str:
    """A group-weighted figure with its 5th and 95th percentile over resamples of whole sources; a dash without one."""
    if method.get(name) is None:
        return "–"
    return (
        f"{method[name]:.{digits}f} ({method[f'{name}_low']:.{digits}f} to {method[f'{name}_high']:.{digits}f})"
    )


def _by_part(parts: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """How often training won in each part, what was expected of it, and what the model's choices and trials lost."""
    return _table_of(f"Sources left out, by {name.lower()}", parts.items(), {
        name: lambda part: _capital(part[0]),
        "Comparisons": lambda part: str(part[1]["cases"]),
        "Chance given to training": lambda part: _percent(part[1]["predicted"]),
        "Training won": lambda part: _percent(part[1]["training_won"]),
        "Right": lambda part: _percent(part[1]["right"]),
        "Lost after trials, points": lambda part: _points(part[1]["trial_regret_points"]),
    })  # fmt: skip


def _calibration(fifths: Sequence[Mapping[str, float]]) -> str:
    points = tuple((part["predicted"], part["training_won"]) for part in fifths)
    exhibit = Curves(
        title="Calibration: the chance that training wins",
        description=(
            "The comparisons in fifths by the chance we gave training, sources left out, against how often it won. "
            "On the straight line both agree."
        ),
        x_label="Chance given",
        y_label="Training won",
        x_unit=SHARE,
        y_unit=SHARE,
        lines=(
            Line(label="both agree", points=((0.0, 0.0), (1.0, 1.0))),
            Line(label="fifths", points=points, dots=True),
        ),
    )
    table = _table_of(exhibit.title, enumerate(fifths, 1), {
        "Fifth": lambda fifth: str(fifth[0]),
        "Comparisons": lambda fifth: str(fifth[1]["cases"]),
        "Chance given": lambda fifth: _percent(fifth[1]["predicted"]),
        "Training won": lambda fifth: _percent(fifth[1]["training_won"]),
        "by more than 2 points": lambda fifth: _percent(fifth[1]["training_won_clearly"]),
    })  # fmt: skip
    return _figure(exhibit.title, exhibit.description, chart.curves(exhibit), table)


def _by_task(methods: Mapping[str, Any]) -> str:
    shown = (judged.MODEL, *judged.BASELINES)
    own = methods[judged.MODEL]["by_task_type"]
    rows = [
        (
            escape(_capital(TASK_TYPES.get(task, task))),
            str(own[task]["cases"]),
            *(_percent(methods[name]["by_task_type"][task]["right"]) for name in shown),
        )
        for task in sorted(own, key=lambda task: (-own[task]["cases"], task))
    ]
    return _table("Right by kind of task", ("Task", "Comparisons", *map(_capital, shown)), rows)


def _mistakes(wrong: Sequence[Mapping[str, Any]]) -> str:
    by_id = {case.id: case for case in cases()}
    table = _table_of("The dearest mistakes", [(entry, by_id[entry["id"]]) for entry in wrong[:WORST]], {
        "Comparison": lambda one: _with_small(escape(one[1].title), one[1].source),
        "We chose": lambda one: escape(OPTIONS[one[0]["choice"]]),
        "Best was": lambda one: escape(OPTIONS[one[0]["best"]]),
        "Points lost": lambda one: _points(one[0]["lost_points"]),
        "Chance given to training": lambda one: _percent(one[0]["chance_of_training"]),
        "What its source says": lambda one: escape(
            one[1].caveat or "Nothing in the fields known before the decision sets it apart."
        ),
    })  # fmt: skip
    return f"<h3>The ten dearest mistakes</h3>{table}"


def _send() -> str:
    repository = os.environ.get("GITHUB_REPOSITORY") or "example/fine-tune-or-not"
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    address = f"{server}/{repository}/issues/new?template=measurement.yml"
    return f'<p><a class="md-button" href="{escape(address)}">Send a measurement</a></p>'


def _figure(title: str, description: str, drawing: str, table: str) -> str:
    return (
        f'<figure class="calc-exhibit"><figcaption><p class="calc-caption"><strong>{escape(title)}.</strong> '
        f"{escape(description)}</p></figcaption>{drawing}"
        f'<details class="calc-data"><summary>The numbers in this chart</summary>{table}</details></figure>'
    )


def _table(name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are already HTML; the first of each row is its heading."""
    body = (
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
        for first, *others in rows
    )
    return scrolled(escape(_capital(name)), columns, body)


def _table_of(name: str, items: Iterable[Any], columns: Mapping[str, Callable[[Any], str]]) -> str:
    """A table with a row for each item, by what stands in each column of it."""
    return _table(name, tuple(columns), ([cell(item) for cell in columns.values()] for item in items))


def _with_small(words: str, below: str) -> str:
    return f"{words}<br><small>{escape(below)}</small>"


def _points(points: float | None) -> str:
    return "–" if points is None else f"{points:.1f}"


def _percent(share: float | None, *, sign: bool = False) -> str:
    if share is None:
        return "–"
    if abs(share) < 0.0005:
        return "0\u00a0%"
    return f"{100 * share:{'+' if sign else ''}.{1 if abs(share) < 0.0995 else 0}f}\u00a0%".replace("-", "−")


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"×\u00a0{ratio:.2f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
