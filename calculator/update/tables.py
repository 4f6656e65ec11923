"""The text of a catalogue: commas, no quoting, one line a row."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = PACKAGE / "catalogs" / "sources.csv"

Row = dict[str, str]


def rules(name: str) -> Mapping[str, Any]:
    """What is taken over, and by which rule: a TOML file of this folder."""
    return tomllib.loads(Path(__file__).with_name(name).read_text("utf-8"))


def as_csv(rows: Iterable[Mapping[str, str]], columns: Sequence[str]) -> str:
    """The text of these rows. ValueError for a cell that would need quoting."""
    lines = [",".join(columns)]
    for row in rows:
        cells = [row[column] for column in columns]
        if any("," in cell or "\n" in cell for cell in cells):
            raise ValueError(f"a cell of {cells[:2]} holds a comma")
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def read_csv(text: str) -> list[Row]:
    """The rows of a catalogue."""
    head, *lines = text.splitlines()
    return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]


def dated(text: str, key: str, words: Mapping[str, str]) -> str:
    """sources.csv with these cells in the row of that key."""
    rows = read_csv(text)
    return as_csv([{**row, **words} if row["key"] == key else row for row in rows], tuple(rows[0]))
