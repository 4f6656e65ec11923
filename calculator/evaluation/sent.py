"""What readers send: the text of an issue's form, checked by field, as a comparison or a measured row. Native only.

    python -m calculator cases add FILE [--write]

FILE holds the body of the issue, as GitHub writes it: a heading for each field of the form, and below it what was
given.
A comparison goes into `cases/published.json`. A run goes into the measured rows, and its first contact, the error that
our estimate had before anybody here saw the run, into the register (`contact`).
"""

import csv
import datetime
import io
import json
import re
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from calculator.cases import LEVELS, MAKER, NEUTRAL, OPTIONS, TASK_TYPES, TRAINED, read_cases, read_data
from calculator.evaluation import as_csv, contact, predict, published
from calculator.units import GIB, TOKENS_PER_S, Unit, parse

LONGEST = 100_000
"""Characters of an issue."""

EVIDENCE = "sent_by_a_reader"
PUBLISHED = Path(__file__).parent.parent / "cases" / "published.json"
MEASURED = Path(__file__).parent / "measured"

TITLE, LINK, TASK, DOMAIN, SPECIAL, STRICT = (
    "In one line",
    "Link to the calculator with your numbers",
    "What the model has to do",
    "The field it is in",
    "How far its language and facts are from everyday ones",
    "How strict the form of an answer is",
)
CHANGING, EXAMPLES, CLASSES, TRIED, METRIC, TOP = (
    "Do the facts in an answer change often",
    "Examples it was trained on",
    "Classes",
    "What was tried",
    "The metric",
    "What a perfect system scores",
)
COST, WHO, WHERE, DATE, CAVEAT = (
    "What it cost",
    "Who measured",
    "Where it stands",
    "Date",
    "What speaks against it",
)
"""The fields of the form *What happened*, by their labels."""

WHO_MEASURED = {
    "Somebody who neither made nor sells what is compared": NEUTRAL,
    "Somebody who made or sells the tuned model, the method or the service": MAKER,
}
KIND, RUN, VALUE = "What was measured", "The run", "The value"
"""Those of the form *A measurement*, with the last ones of the other."""

@dataclass(frozen=True, kw_only=True)
class Kind:
    """One thing that can be measured: the estimator, and the column and unit of its value.

    letter: what the names of its rows begin with. needed: columns without which nothing can be said. complete: what a
    row must say besides to count as complete. batch: what is required of the number of sequences, "" where it is not
    asked.
    """

    what: str
    column: str
    unit: Unit
    letter: str
    needed: Sequence[str]
    complete: Sequence[str]
    batch: str = ""


_UNITS = {unit.name: unit for unit in (GIB, TOKENS_PER_S)}
KINDS: Mapping[str, Kind] = {
    words: Kind(**{**kind, "unit": _UNITS[kind["unit"]]})
    for words, kind in tomllib.loads(Path(__file__).with_name("sent.toml").read_text("utf-8")).items()
}
"""What can be measured, as the form has it."""

_UNSAID = ("_No response_", "not known", "")


class SentError(ValueError):
    """A form that cannot be taken; each argument is (field, what is wrong)."""


def read_form(text: str) -> dict[str, str]:
    """The fields of an issue's body by their labels. SentError when there is none."""
    if len(text) > LONGEST:
        raise SentError(("the file", f"must be at most {LONGEST:,} characters; given: {len(text):,}"))
    parts = re.split(r"^### +(.+?)\s*$", text.lstrip("\ufeff").replace("\r\n", "\n"), flags=re.MULTILINE)
    found = {label: value.strip() for label, value in zip(parts[1::2], parts[2::2], strict=True)}
    if not found:
        raise SentError(("the file", "holds no field: it must be the text of the form, with a heading ### for each"))
    return {label: "" if value in _UNSAID else value for label, value in found.items()}


def add(text: str, *, version: str, today: str, write: bool = False) -> dict[str, Any]:
    """What a form becomes: {"case", "source"} of a comparison, or {"what", "row", "first_contact", ...} of a run.

    write: enter it into the data files too. today: the day, for the register. Raises SentError with everything that is
    wrong, by field.
    """
    found = read_form(text)
    if KIND in found:
        return _run(found, version=version, today=today, write=write)
    made = comparison(found)
    if write:
        _enter(made)
    return made


# A comparison


def comparison(found: Mapping[str, str]) -> dict[str, Any]:
    """The entry of `published.json` that a form makes, with its source. Raises SentError."""
    form = _Form(found)
    task = form.one_of(TASK, {words: key for key, words in TASK_TYPES.items()})
    special = form.one_of(SPECIAL, {level: level for level in LEVELS})
    strict = form.one_of(STRICT, {level: level for level in LEVELS})
    who = form.one_of(WHO, WHO_MEASURED)
    title, metric, domain, url = (form.needed(label) for label in (TITLE, METRIC, DOMAIN, WHERE))
    if url and not re.fullmatch(r"https?://[^\s<>\"']{4,500}", url):
        form.wrong(WHERE, "must be the address of a page, https://…: that of the issue itself will do")
    day = form.day()
    top = form.number(TOP, 0.0, 1e6)
    if top is not None and top not in (1.0, 100.0):
        form.wrong(TOP, f"must be 1 or 100; given: {top:g}")
    rows = _tried(form, top or 100.0)
    examples = form.number(EXAMPLES, 0.0, 1e12, needed=False)
    classes = form.number(CLASSES, 1.0, 1e7, needed=False)
    changing = found.get(CHANGING, "").lower()
    if changing not in ("yes", "no", ""):
        form.wrong(CHANGING, f"must be yes or no, or empty; given: {changing[:40]!r}")
    form.refuse()
    best: dict[str, float] = {}
    for option, _, _, score, _ in rows:
        best[option] = max(score, best.get(option, score))
    points = 100.0 / (top or 100.0)
    ranked = sorted(best.items(), key=lambda one: -one[1])
    share = {option: score * points / 100.0 for option, score in best.items() if option not in TRAINED}
    large = {option: value for option, value in share.items() if option != "slm_prompted"}
    items = ", ".join(f"{option} on {count:,}" for option, _, _, _, count in rows if count)
    case: dict[str, Any] = {
        "id": "sent-" + _slug(title, 40),
        "title": title[:120],
        "source": "sent_" + _slug(url.partition("://")[2], 60).replace("-", "_"),
        "year": int(day[:4]),
        "locator": f"form of {day}" + (f"; items: {items}" if items else ""),
        "evidence": EVIDENCE,
        "caveat": found.get(CAVEAT, "") or "Sent by a reader; nobody else has repeated it.",
        "domain": domain[:120],
        "task_type": task,
        "domain_specialisation": special,
        "n_train_examples": None if examples is None else int(examples),
        "n_classes": None if classes is None else int(classes),
        "knowledge_changes_often": {"yes": True, "no": False}.get(changing),
        "output_format_strictness": strict,
        "baseline_prompted_score_01": round(max(share.values()), 4) if share else None,
        "baseline_large_prompted_score_01": round(max(large.values()), 4) if large else None,
        "metric": metric[:80],
        "top_score": int(top or 100),
        "options": [[option, model, billions, score] for option, model, billions, score, _ in rows],
        "winner": ranked[0][0],
        "margin_points": round((ranked[0][1] - ranked[1][1]) * points, 2),
        "within_2_points": [name for name, score in ranked if (ranked[0][1] - score) * points <= 2.0 + 1e-9],
        "cost": found.get(COST, "")[:300],
        "verified": False,
    }
    case = {name: value for name, value in case.items() if value not in (None, "")}
    made = {"case": case, "source": {case["source"]: [f"Sent by a reader: {title[:100]} ({day[:4]})", url, who]}}
    known = json.loads(read_data(PUBLISHED.name))
    if any(one["id"] == case["id"] for one in known["cases"]):
        raise SentError((TITLE, f"the collection holds {case['id']} already"))
    read_cases({"sources": made["source"], "cases": [case]})
    return made


def as_file(data: Mapping[str, Any]) -> str:
    """The collection as `published.json` holds it: a line for each source and for each comparison."""

    def line(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    sources = ",\n".join(f" {line(key)}: {line(value)}" for key, value in data["sources"].items())
    cases = ",\n".join(map(line, data["cases"]))
    return f'{{"sources": {{\n{sources}\n}},\n"cases": [\n{cases}\n]}}\n'


def _enter(made: Mapping[str, Any]) -> None:
    data = json.loads(PUBLISHED.read_text("utf-8"))
    data["sources"] = dict(sorted({**data["sources"], **made["source"]}.items()))
    data["cases"].append(made["case"])
    PUBLISHED.write_text(as_file(data), "utf-8")


def _tried(form: "_Form", top: float) -> list[tuple[str, str, float | None, float, int]]:
    """(option, model, billions of parameters, score, items) of each line."""
    rows: list[tuple[str, str, float | None, float, int]] = []
    names = {words: key for key, words in OPTIONS.items()} | {key: key for key in OPTIONS}
    for number, line in enumerate(filter(str.strip, form.found.get(TRIED, "").splitlines()), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 5:
            form.wrong(TRIED, f"line {number} must be option | model | billions of parameters | score | items")
            continue
        option, model, billions, score, items = cells
        if option not in names:
            near = get_close_matches(option, names, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; it must be one of {', '.join(OPTIONS)}"
            form.wrong(TRIED, f"line {number}: no such option {option[:40]!r}{hint}")
            continue
        try:
            size = float(billions) if billions else None
            value = float(score.rstrip("% "))
            count = int(items.replace(",", "")) if items else 0
        except ValueError:
            form.wrong(TRIED, f"line {number}: size, score and items must be numbers; given: {line[:60]!r}")
            continue
        if not 0 <= value <= top or count < 0 or not (size is None or 0 < size < 1e5):
            form.wrong(TRIED, f"line {number}: a score must be from 0 to {top:g}, items and a size above 0")
            continue
        rows.append((names[option], model[:80], size, value, count))
    if len({option for option, *_ in rows}) < 2 and not any(label == TRIED for label, _ in form.problems):
        form.wrong(TRIED, "must have at least two options, a line each")
    return rows


# A run


def _run(found: Mapping[str, str], *, version: str, today: str, write: bool) -> dict[str, Any]:
    if found[KIND] not in KINDS:
        raise SentError((KIND, f"must be one of {', '.join(KINDS)}"))
    form, kind = _Form(found), KINDS[found[KIND]]
    what, column = kind.what, kind.column
    rows = published(what)
    columns = list(rows[0])
    row: dict[str, str] = {}
    for number, line in enumerate(filter(str.strip, found.get(RUN, "").splitlines()), 1):
        name, separator, value = line.partition(":")
        name = name.strip().lstrip("-* ").replace(" ", "_").lower()
        if not separator:
            form.wrong(RUN, f"line {number} must be column: value; given: {line[:60]!r}")
        elif name not in columns or name == column:
            near = get_close_matches(name, columns, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; the columns are {', '.join(columns)}"
            form.wrong(RUN, f"line {number}: no such column {name[:40]!r}{hint}")
        else:
            row[name] = value.strip()[:200]
    for name in kind.needed:
        if not row.get(name):
            form.wrong(RUN, f"{name} must be given")
    if kind.batch:
        batch = row.setdefault("batch", "1")
        if not re.fullmatch(r"[1-9]\d{0,6}", batch) or (batch == "1") == ("batch" in kind.needed):
            form.wrong(RUN, f"batch {kind.batch} for this kind; given: {batch[:20]!r}")
    value, _, metric = form.needed(VALUE).partition(", ")
    if value:
        try:
            measured = parse(value, kind.unit)
            if not measured > 0:
                raise ValueError("it must be above 0")
            row[column] = f"{measured:.6g}"
        except ValueError as error:
            form.wrong(VALUE, f"must be a number of {kind.unit.name}: {error}; given: {value[:40]!r}")
    if metric.strip() and "memory_metric" in columns:
        row.setdefault("memory_metric", metric.strip()[:60])
    where, day = form.needed(WHERE), form.day()
    form.refuse()
    numbers = [int(one["row_id"][1:]) for one in rows if re.fullmatch(rf"{kind.letter}\d+", one["row_id"])]
    row |= {
        "row_id": f"{kind.letter}{max(numbers, default=0) + 1:04}",
        "source_id": f"reader-{_slug(where.partition('://')[2] or where, 50)}",
        "source_locator": where[:200],
        "as_of": day,
        "completeness": "A" if all(row.get(name) for name in (*kind.needed, *kind.complete)) else "C",
        "notes": "sent by a reader",
    }
    if "row_kind" in columns:
        row["row_kind"] = "peak"
    if "value_kind" in columns:
        row["value_kind"] = "published"
    cells = {name: row.get(name, "") for name in columns}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "row.csv")
        path.write_text(as_csv(columns, [cells]), "utf-8")
        try:
            entries = contact.judge(what, str(path), date=today, version=version)
            estimate = next(csv.DictReader(io.StringIO(predict(what, str(path)))))
        except ValueError as error:
            raise SentError((WHERE, str(error))) from None
    if write:
        with (MEASURED / f"{what.replace('-', '_')}.csv").open("a", encoding="utf-8", newline="") as file:
            file.write(as_csv(columns, [cells], header=False))
        with contact.PATH.open("a", encoding="utf-8") as file:
            file.write(contact.as_csv(entries, header=False))
    errors = [entry.median_error for entry in entries if entry.median_error is not None]
    return {
        "what": what,
        "row": {name: value for name, value in cells.items() if value},
        "estimate": estimate,
        "first_contact_error": errors[0] if errors else None,
        "first_contact": contact.as_csv(entries),
    }


# Fields


class _Form:
    """What was given by field, and everything that is wrong with it."""

    def __init__(self, found: Mapping[str, str]) -> None:
        self.found = found
        self.problems: list[tuple[str, str]] = []

    def wrong(self, label: str, words: str) -> None:
        self.problems.append((label, words))

    def refuse(self) -> None:
        """Raise SentError where something is wrong."""
        if self.problems:
            raise SentError(*self.problems)

    def needed(self, label: str) -> str:
        value = " ".join(self.found.get(label, "").split())
        if not value:
            self.wrong(label, "must be given")
        return value

    def one_of(self, label: str, allowed: Mapping[str, str]) -> str:
        value = self.needed(label)
        if value and value not in allowed:
            self.wrong(label, f"must be one of {', '.join(allowed)}; given: {value[:60]!r}")
        return allowed.get(value, "")

    def number(self, label: str, low: float, high: float, *, needed: bool = True) -> float | None:
        text = self.found.get(label, "").replace(",", "").strip()
        if not text and not needed:
            return None
        try:
            value = float(text)
            if low <= value <= high:
                return value
        except ValueError:
            pass
        self.wrong(label, f"must be a number from {low:g} to {high:g}; given: {text[:40]!r}")
        return None

    def day(self) -> str:
        text = self.needed(DATE)
        try:
            return datetime.date.fromisoformat(text).isoformat()
        except ValueError:
            if text:
                self.wrong(DATE, f"must be a day like 2026-11-28; given: {text[:40]!r}")
            return ""


def _slug(text: str, longest: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].strip("-") or "reader"
