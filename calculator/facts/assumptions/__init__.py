"""Sourced, dated numbers about the world. One TOML table an entry; the loader refuses an incomplete one.

    [example_usd]
    label = "One labelled example"
    kind = "sourced"                # who stands behind the number: one of KINDS
    value = 1.0                     # the median
    range = [0.08, 5.0]             # 5th to 95th percentile
    bounds = [0, 1000]              # what a reader may type instead
    source = "who says so"
    url = "where"
    quote = "the words or the row that hold the number"
    as_of = 2026-06-02              # the source's own date
    checked = 2026-11-22            # the day somebody last opened it; left out when nobody could
    moves_with = "label_price"      # assumptions with the same group share a draw; optional
    hint = "one short sentence"     # optional

The unit is the one whose suffix the key ends in.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from math import isfinite
from pkgutil import get_data
from typing import Any

from calculator.units import UNITS, Unit

FILES = (
    "accuracy",
    "conversation",
    "data",
    "energy",
    "freshness",
    "knowledge",
    "lifecycle",
    "money",
    "people",
    "prompting",
    "quality",
    "reinforcement",
    "scarcity",
    "serving",
    "training",
)
"""The files of this folder, without their ending. A list, because a zip bundle has no cheap directory."""

KINDS = {
    "price": "what somebody asks for something, which ages in weeks",
    "sourced": "what somebody else measured or counted",
    "computed": "what follows from our own fits and laws",
    "ours": "a planning value of this project: no published figure was found",
}
"""Who stands behind a number. The source of one of ours only says what is near it."""

_BY_SUFFIX = {unit.suffix: unit for unit in UNITS}
_REQUIRED = ("label", "kind", "value", "range", "bounds", "source", "url", "quote", "as_of")
_OPTIONAL = ("checked", "moves_with", "hint")


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """One number about the world: the median, its 5th to 95th percentile, where it comes from and how old it is."""

    key: str
    unit: Unit
    label: str
    kind: str
    value: float
    low: float
    high: float
    lowest: float
    highest: float
    source: str
    url: str
    quote: str
    as_of: date
    checked: date | None = None
    moves_with: str = ""
    hint: str = ""


def unit_for(name: str) -> Unit:
    """The unit whose suffix `name` ends in, the longest that fits; KeyError when there is none."""
    end = name
    while end not in _BY_SUFFIX:
        _, more, end = end.partition("_")
        if not more:
            raise KeyError(f"{name}: the name ends in no unit's suffix")
    return _BY_SUFFIX[end]


def load_text(text: str, where: str) -> dict[str, Assumption]:
    """The entries of one TOML text. ValueError names file, key and what is wrong."""
    entries = {}
    for key, table in tomllib.loads(text).items():
        entries[key] = _entry(key, table, f"{where}: {key}")
    return entries


def _entry(key: str, table: Mapping[str, Any], where: str) -> Assumption:
    missing = [name for name in _REQUIRED if table.get(name) in (None, "")]
    unknown = [name for name in table if name not in _REQUIRED + _OPTIONAL]
    if missing or unknown:
        raise ValueError(f"{where}: missing {missing}, unknown {unknown}")
    value, (low, high), (lowest, highest) = table["value"], table["range"], table["bounds"]
    if not all(isinstance(x, int | float) and isfinite(x) for x in (value, low, high, lowest, highest)):
        raise ValueError(f"{where}: value, range and bounds must be finite numbers")
    if not lowest <= low <= value <= high <= highest:
        raise ValueError(f"{where}: bounds {lowest}..{highest} must hold the range {low}..{high}, and it the {value}")
    if table["kind"] not in KINDS:
        raise ValueError(f"{where}: kind must be one of {', '.join(KINDS)}, got {table['kind']!r}")
    checked = table.get("checked")
    if not isinstance(table["as_of"], date) or not isinstance(checked, date | None):
        raise ValueError(f"{where}: as_of and checked must be dates")
    return Assumption(
        key=key,
        unit=unit_for(key),
        value=float(value),
        low=float(low),
        high=float(high),
        lowest=float(lowest),
        highest=float(highest),
        **{name: given for name, given in table.items() if name not in ("value", "range", "bounds")},
    )


@cache
def assumptions() -> Mapping[str, Assumption]:
    """Every assumption by key. ValueError when a key stands twice."""
    found: dict[str, Assumption] = {}
    for name in FILES:
        data = get_data(__name__, f"{name}.toml")
        if data is None:
            raise FileNotFoundError(f"assumptions/{name}.toml")
        entries = load_text(data.decode(), f"{name}.toml")
        twice = sorted(set(entries) & set(found))
        if twice:
            raise ValueError(f"{name}.toml: defined twice: {twice}")
        found.update(entries)
    return found


def assumption(key: str) -> Assumption:
    """The assumption with this key; KeyError names it."""
    try:
        return assumptions()[key]
    except KeyError:
        raise KeyError(f"no assumption {key!r}") from None


def counted(entries: Iterable[Assumption]) -> str:
    """How many numbers others stand behind and how many we do, in words: "46 sourced, 35 ours"."""
    kinds = [entry.kind for entry in entries]
    ours = sum(kind in ("ours", "computed") for kind in kinds)
    return f"{len(kinds) - ours} sourced, {ours} ours"


def as_data(entry: Assumption) -> dict[str, Any]:
    """An assumption as plain data, ready for JSON."""
    return {
        "key": entry.key,
        "label": entry.label,
        "kind": entry.kind,
        "unit": entry.unit.name,
        "value": entry.value,
        "range": [entry.low, entry.high],
        "bounds": [entry.lowest, entry.highest],
        "source": entry.source,
        "url": entry.url,
        "quote": entry.quote,
        "as_of": entry.as_of.isoformat(),
        "checked": entry.checked.isoformat() if entry.checked else None,
    }
