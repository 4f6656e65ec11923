"""The register of first contacts: how far we were off when a source was seen for the first time. Native only.

    python -m calculator.evaluation first-contact WHAT FILE --date YYYY-MM-DD [--version VERSION] [--write]

A source is entered once, before its rows or their lessons go into the package. What is fitted to a source, or made with
it in view, is judged too kindly by it ever after; this figure cannot be. An entry is therefore never made again: a
source that the register or the package's own rows hold already is refused.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from calculator import evaluation
from calculator.evaluation import COMPLETE, Pair, summarise

ALL = "all rows"
PATH = Path(__file__).with_name("first_contact.csv")


@dataclass(frozen=True, kw_only=True)
class Contact:
    """The errors of one new source, for one quantity and one kind of row. Shares are None where nothing was predicted.
    """

    what: str
    quantity: str
    source: str
    kind: str
    """Complete rows, or all rows: those too that leave something open."""
    rows: int
    refused: int
    median_error: float | None
    bias: float | None
    band_coverage: float | None
    band_width: float | None
    date: str
    model_version: str


@cache
def register() -> tuple[Contact, ...]:
    """Every entry, in the order in which they were made."""
    with PATH.open(newline="", encoding="utf-8") as lines:
        return tuple(_read(row) for row in csv.DictReader(lines))


def _read(row: dict[str, str]) -> Contact:
    values: dict[str, Any] = dict(row)
    values |= {name: float(row[name]) if row[name] else None for name in _SHARES}
    values |= {name: int(row[name]) for name in ("rows", "refused")}
    return Contact(**values)


_SHARES = ("median_error", "bias", "band_coverage", "band_width")


def judge(what: str, path: str, *, date: str, version: str) -> list[Contact]:
    """The entries that the sources of this file would make today.

    Raises ValueError for a file that can't be read, and for a source that is known already.
    """
    module = evaluation._module(what)
    rows = evaluation.read_rows(path, module.ID)
    column = getattr(module, "SOURCE", "source")
    seen = {entry.source for entry in register() if entry.what == what}
    seen |= {row.get(column, "") for row in evaluation.published(what)}
    if known := sorted({row.get(column, "") for row in rows} & seen):
        raise ValueError(f"a first contact happens once; known already: {', '.join(known)}")
    made = []
    for index, quantity in enumerate(module.QUANTITIES):
        groups: dict[tuple[str, str], list[Pair]] = {}
        for pair in evaluation.pairs(what, rows, quantity=index):
            for kind in (COMPLETE, ALL) if pair.complete else (ALL,):
                groups.setdefault((pair.source, kind), []).append(pair)
        for (source, kind), pairs in sorted(groups.items()):
            made.append(_entry(what, quantity.name, source, kind, pairs, date, version))
    return made


def _entry(
    what: str, quantity: str, source: str, kind: str, pairs: Sequence[Pair], date: str, version: str
) -> Contact:
    found = asdict(summarise(pairs))
    shares = {name: None if found[name] is None else round(found[name], 4) for name in _SHARES}
    return Contact(
        what=what, quantity=quantity, source=source, kind=kind, rows=found["rows"], refused=found["refused"],
        date=date, model_version=version, **shares,
    )  # fmt: skip


def as_csv(entries: Iterable[Contact], *, header: bool = True) -> str:
    """The entries as lines of the register."""
    return evaluation.as_csv(tuple(Contact.__dataclass_fields__), map(asdict, entries), header=header)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What to expect of a source that nobody here has seen, from all first contacts; sources count alike."""

    sources: int
    refusing: int
    """Sources of which nothing could be predicted."""
    median_error: float
    """Of complete rows; of a source that has none predicted, of all."""
    worst_error: float
    worst_source: str
    all_rows_error: float
    """The same where every source counts by all its rows."""
    band_coverage: float | None
    """Mean of the sources' coverages."""


@cache
def expected() -> dict[tuple[str, str], Expected]:
    """By estimator and quantity. A source counts by its complete rows where any could be predicted."""
    groups: dict[tuple[str, str], dict[str, list[Contact]]] = {}
    for entry in register():
        groups.setdefault((entry.what, entry.quantity), {}).setdefault(entry.source, []).append(entry)
    found = {}
    for key, by_source in groups.items():
        chosen = [min(entries, key=_rank) for entries in by_source.values()]
        every = [entry for entries in by_source.values() for entry in entries if entry.kind == ALL]
        errors = {entry.source: entry.median_error for entry in chosen if entry.median_error is not None}
        covered = [entry.band_coverage for entry in chosen if entry.band_coverage is not None]
        if not errors:
            continue
        worst = max(errors, key=lambda source: errors[source])
        found[key] = Expected(
            sources=len(errors), refusing=len(chosen) - len(errors), median_error=median(errors.values()),
            worst_error=errors[worst], worst_source=worst,
            all_rows_error=median(entry.median_error for entry in every if entry.median_error is not None),
            band_coverage=sum(covered) / len(covered) if covered else None,
        )  # fmt: skip
    return found


def _rank(entry: Contact) -> tuple[bool, bool]:
    return entry.median_error is None, entry.kind != COMPLETE
