"""Our estimates against what others measured. Native only.

Each quantity is a module of this package, ``calculator/evaluation/<what>.py`` (the command's ``training-memory`` is
``training_memory``). A module defines:

``ID``          the column that identifies a row, such as "row_id".
``FIELDS``      the columns of a prediction, in order, ID first and "reason" last.
``QUANTITIES``  a tuple of ``Quantity``: what is predicted, where its band is, and how to read the measured answer.
``predict(row)``  Mapping of text in, dict of FIELDS out. It never reads an answer column, nor ``notes`` but for the
                framework or kernel it names. A row that can't be predicted has a reason and no numbers.
``usable(row)``   optional: whether a row is complete enough to be judged; otherwise every row with an answer is.
``fit(rows)``     optional: coefficients from these rows. Then ``predict(row, coefficients=...)`` takes them as a
                keyword, with the published ones as its default, and ``compare`` adds the left-out column: each
                source is predicted with coefficients fitted on ``measured/<what>.csv`` without it. Which of those rows
                teach, and how much, is for ``fit`` alone to say: as it does for the published coefficients.
``source_family(row)``  optional: what to leave out together, where several sources are one; the source otherwise.
``SOURCE`` and ``METHOD``   optional: the columns to group by; "source" and "method" otherwise.

A module that is not about rows of numbers (``cases``) defines ``predict_file`` and ``validate_file`` instead.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from calculator.evaluation.distance import project_of

Row = Mapping[str, str]
Item = TypeVar("Item")
Key = TypeVar("Key")

WHAT = ("parameters", "training-memory", "training-throughput", "inference", "kv-cache", "cases")

PUBLISHED, LEFT_OUT = "as published", "left out"
"""With the coefficients of the package; and with coefficients fitted without the row's source."""

COMPLETE, OTHER = "complete rows", "other rows"


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One predicted number and the measured one that it is held against."""

    name: str
    """In words, with the unit: "decode speed, batch 1 (tokens/s)"."""
    estimate: str
    """Column of the prediction."""
    measured: Callable[[Row], float | None]
    """The measured value in the unit of the estimate; None where the row has none of it."""
    low: str = ""
    """Column of the lower end of the band; empty where there is none."""
    high: str = ""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A measured value with our estimate of it; without numbers where the row was refused."""

    id: str
    source: str
    method: str
    complete: bool
    measured: float
    estimate: float | None
    low: float | None
    high: float | None
    reason: str

    @property
    def error(self) -> float | None:
        """Estimate over measured, less one."""
        return None if self.estimate is None else self.estimate / self.measured - 1


@dataclass(frozen=True, kw_only=True)
class Errors:
    """The errors of a group of rows. Shares are of the rows that have an estimate."""

    rows: int
    refused: int
    median_error: float | None
    """Median of the absolute relative error."""
    exact: float | None
    within_10: float | None
    within_15: float | None
    within_20: float | None
    bias: float | None
    """Median of the signed relative error."""
    band_coverage: float | None
    """Share of measured values inside the stated band."""
    band_width: float | None
    """Median of the band's upper end over its lower end."""


def predict(what: str, path: str) -> str:
    """The predictions for the rows of a file, as CSV, one line per row of the file in its order.

    Raises ValueError for a file that can't be read as such rows.
    """
    module = _module(what)
    if hasattr(module, "predict_file"):
        return str(module.predict_file(path))
    return as_csv(module.FIELDS, (_predicted(module, row) for row in read_rows(path, module.ID)))


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, header: bool = True) -> str:
    """Rows, under a header line unless they are to follow others."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def answered(
    columns: Sequence[str], identity: object, predict: Callable[[], dict[str, object]]
) -> dict[str, object]:
    """A prediction in these columns, of which the first identifies the row; or the reason why there is none."""
    answer: dict[str, object] = {**dict.fromkeys(columns, ""), columns[0]: identity}
    try:
        return answer | predict()
    except ValueError as problem:
        return answer | {"reason": str(problem).removeprefix("config.json: ")}


def validate(what: str, path: str, as_json: bool = False) -> str:
    """How far the predictions for a file are off, by source and by method, as text or JSON."""
    module = _module(what)
    if hasattr(module, "validate_file"):
        return str(module.validate_file(path, as_json))
    found = compare(what, read_rows(path, module.ID))
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n" if as_json else as_text(found)


def compare(what: str, rows: Sequence[Row] | None = None) -> dict[str, Any]:
    """The error tables of a quantity on these rows, or on the published rows of the package.

    Keys: what, and for each quantity its name and its tables: for each way of estimating and each kind of row the
    errors over all, by project (the worst first), by source and by method, and with projects counted alike.
    """
    module = _module(what)
    rows = published(what) if rows is None else rows
    tables = []
    for index, quantity in enumerate(module.QUANTITIES):
        table: dict[str, Any] = {"name": quantity.name, "tables": []}
        for way in (PUBLISHED, LEFT_OUT):
            found = pairs(what, rows, quantity=index, left_out=way == LEFT_OUT)
            for kind in (COMPLETE, OTHER):
                if chosen := [pair for pair in found if pair.complete == (kind == COMPLETE)]:
                    table["tables"].append({"way": way, "rows": kind, **_grouped(chosen)})
        tables.append(table)
    return {"what": what, "quantities": tables}


def pairs(what: str, rows: Sequence[Row] | None = None, *, quantity: int = 0, left_out: bool = False) -> list[Pair]:
    """Measured and estimated, for each row that has an answer. With ``left_out`` nothing if the module fits nothing."""
    module = _module(what)
    if left_out and not hasattr(module, "fit"):
        return []
    rows = published(what) if rows is None else rows
    wanted: Quantity = module.QUANTITIES[quantity]
    usable = getattr(module, "usable", lambda row: True)
    found = []
    for row in rows:
        measured = _measured(wanted, row)
        if not measured:
            continue
        options = {"coefficients": _without(what, _family(module, row))} if left_out else {}
        prediction = _predicted(module, row, **options)
        found.append(
            Pair(
                id=row[module.ID], measured=measured, complete=bool(usable(row)),
                source=row.get(getattr(module, "SOURCE", "source")) or "not stated",
                method=row.get(getattr(module, "METHOD", "method")) or "not stated",
                estimate=_number(prediction, wanted.estimate), low=_number(prediction, wanted.low),
                high=_number(prediction, wanted.high), reason=str(prediction["reason"]),
            )
        )
    return found


def summarise(found: Iterable[Pair]) -> Errors:
    """The errors of a group of rows."""
    found = list(found)
    made = [pair for pair in found if pair.error is not None]
    signed = [pair.error for pair in made if pair.error is not None]
    size = [abs(error) for error in signed]
    bands = [(p.low, p.measured, p.high) for p in made if p.low is not None and p.high is not None]

    def share(limit: float) -> float | None:
        return sum(error <= limit for error in size) / len(size) if size else None

    return Errors(
        rows=len(found), refused=len(found) - len(made), median_error=median(size) if size else None,
        exact=share(0), within_10=share(0.10), within_15=share(0.15), within_20=share(0.20),
        bias=median(signed) if signed else None,
        band_coverage=sum(low <= value <= high for low, value, high in bands) / len(bands) if bands else None,
        band_width=median(high / low for low, _, high in bands if low > 0) if any(b[0] > 0 for b in bands) else None,
    )


@dataclass(frozen=True, kw_only=True)
class Projects:
    """The errors of a group of rows where projects count alike, however many rows each of them has."""

    projects: int
    median_error: float
    """Mean over the projects of their medians."""
    worst_error: float
    worst_project: str
    band_coverage: float | None
    """Mean over the projects."""


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """The items by a key, groups and members in the order in which they come."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def by_project(found: Iterable[Pair]) -> dict[str, Errors]:
    """The errors of each project, the worst first; projects of which nothing was predicted come last."""
    groups = grouped(found, lambda pair: project_of(pair.source))
    errors = {name: summarise(members) for name, members in groups.items()}
    return dict(sorted(errors.items(), key=lambda item: (-(item[1].median_error or -1.0), item[0])))


def alike(found: Iterable[Pair]) -> Projects | None:
    """The errors with projects counted alike; None where nothing was predicted."""
    errors = {name: e for name, e in by_project(found).items() if e.median_error is not None}
    if not errors:
        return None
    medians = {name: e.median_error or 0.0 for name, e in errors.items()}
    covered = [e.band_coverage for e in errors.values() if e.band_coverage is not None]
    worst_project = max(medians, key=lambda name: medians[name])
    return Projects(
        projects=len(errors), median_error=sum(medians.values()) / len(medians), worst_error=medians[worst_project],
        worst_project=worst_project, band_coverage=sum(covered) / len(covered) if covered else None,
    )  # fmt: skip


def worst(found: Iterable[Pair], count: int = 10) -> list[Pair]:
    """The rows with the largest error, as a factor: half and double count the same."""
    made = [pair for pair in found if pair.estimate]
    return sorted(made, key=_factor, reverse=True)[:count]


def _factor(pair: Pair) -> float:
    ratio = (pair.estimate or 0) / pair.measured
    return max(ratio, 1 / ratio)


def as_text(found: Mapping[str, Any]) -> str:
    """The error tables in Markdown. The share of exact estimates is shown where there are any."""
    lines: list[str] = []
    for quantity in found["quantities"]:
        lines += [f"# {quantity['name']}", ""]
        if not quantity["tables"]:
            lines += ["No row has an answer to compare with.", ""]
        columns = [name for name in _COLUMNS if name != "exact" or any(t["all"]["exact"] for t in quantity["tables"])]
        for table in quantity["tables"]:
            lines += [f"## {table['rows'].capitalize()}, {table['way']}", ""]
            lines += [*_table("project", table["by_project"], columns), ""]
            lines += _table("source", {"**all**": table["all"], **table["by_source"]}, columns)
            lines += ["", *_table("method", table["by_method"], columns), ""]
    return "\n".join(lines)


_COLUMNS = {
    "rows": "rows", "refused": "refused", "median_error": "median error", "exact": "exact",
    "within_10": "within 10 %", "within_15": "within 15 %", "within_20": "within 20 %", "bias": "bias",
    "band_coverage": "band covers", "band_width": "band width",
}


def _table(first: str, groups: Mapping[str, Mapping[str, float | None]], columns: Sequence[str]) -> list[str]:
    head = "| " + " | ".join([first, *(_COLUMNS[name] for name in columns)]) + " |"
    lines = [head, "|---" + "|--:" * len(columns) + "|"]
    for group, errors in groups.items():
        cells = [group.replace("|", "/"), *(_cell(name, errors[name]) for name in columns)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name in ("rows", "refused"):
        return str(value)
    if name == "band_width":
        return f"× {value:.2f}"
    return f"{100 * value:{'+' if name == 'bias' else ''}.1f} %"


def _grouped(found: Sequence[Pair]) -> dict[str, Any]:
    def by(name: str) -> dict[str, Any]:
        groups = grouped(found, attrgetter(name))
        return {group: asdict(summarise(members)) for group, members in sorted(groups.items())}

    together = alike(found)
    return {
        "all": asdict(summarise(found)),
        "projects_alike": None if together is None else asdict(together),
        "by_project": {name: asdict(errors) for name, errors in by_project(found).items()},
        "by_source": by("source"),
        "by_method": by("method"),
    }


def _module(what: str) -> Any:
    if what.replace("_", "-") not in WHAT:
        raise ValueError(f"what: {what[:40]!r} is not something we predict; known: {', '.join(WHAT)}")
    return import_module(f"{__name__}.{what.replace('-', '_')}")


def _predicted(module: Any, row: Row, **options: Any) -> dict[str, object]:
    """A row's prediction; what goes wrong with one row must not keep the others from theirs."""
    try:
        answer: dict[str, object] = module.predict(row, **options)
        cells = (value for name, value in answer.items() if name not in (module.ID, "reason"))
        if any(str(value).lstrip("-") in ("inf", "nan") for value in cells):
            raise ValueError("its numbers are beyond what can be estimated")
    except (ValueError, ArithmeticError, LookupError, TypeError) as problem:
        answer = dict.fromkeys(module.FIELDS, "")
        answer[module.ID] = row[module.ID]
        answer["reason"] = f"the row can't be read: {str(problem)[:200] or type(problem).__name__}"
    return answer


def _measured(quantity: Quantity, row: Row) -> float | None:
    try:
        return quantity.measured(row)
    except ValueError:
        return None


def _number(prediction: Mapping[str, object], column: str) -> float | None:
    text = prediction.get(column, "") if column else ""
    return None if text in ("", None) else float(str(text))


def by_family(what: str) -> dict[str, list[Row]]:
    """The published rows of a quantity by the sources that are left out together."""
    return grouped(published(what), lambda row: _family(_module(what), row))


def _family(module: Any, row: Row) -> str:
    if hasattr(module, "source_family"):
        return str(module.source_family(row))
    return row.get(getattr(module, "SOURCE", "source"), "")


@cache
def _without(what: str, family: str) -> Any:
    """Coefficients fitted on the published rows without those of a source."""
    module = _module(what)
    return module.fit([row for row in published(what) if _family(module, row) != family])


@cache
def published(what: str) -> tuple[Row, ...]:
    """The published rows that the package holds for a quantity."""
    path = Path(__file__).with_name("measured") / f"{what.replace('-', '_')}.csv"
    return tuple(read_rows(str(path), _module(what).ID))


def read_rows(path: str, identity: str) -> list[dict[str, str]]:
    """The rows of a CSV file with a header line. Marks at the start and any kind of line end are accepted.

    Raises ValueError, naming the file, for one that is empty, not text, not CSV, without rows or without the column
    ``identity``; OSError for one that can't be opened.
    """
    name = Path(path).name
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: a CSV file in UTF-8 is needed; byte {error.start} is not") from None
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(f"{name}: not a CSV file ({error})") from None
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if not lines:
        raise ValueError(f"{name}: the file is empty; a header line with the column {identity} is needed")
    header = [column.strip() for column in lines[0]]
    if identity not in header:
        shown = ", ".join(header)[:120]
        raise ValueError(f"{name}: the column {identity} is missing; the header line has: {shown}")
    if repeated := sorted({column for column in header if column and header.count(column) > 1}):
        raise ValueError(f"{name}: columns appear twice: {', '.join(repeated)[:120]}")
    if len(lines) == 1:
        raise ValueError(f"{name}: there is a header line but no row")
    rows = []
    for number, line in enumerate(lines[1:], start=1):
        if len(line) > len(header):
            raise ValueError(f"{name}: row {number} has {len(line)} cells, the header line has {len(header)}")
        cells = line + [""] * (len(header) - len(line))
        rows.append({column: cell.strip() for column, cell in zip(header, cells, strict=True)})
    return rows
