"""Tables that are mostly words: what is fixed stands in `tables.toml`, a decision gives what it worked out."""

from functools import cache
from typing import Any

from calculator.catalogs.rows import read_table
from calculator.exhibit import Table


def worded(name: str, **said: str) -> Table:
    """The table of that name with these words in their places. KeyError for a place that nobody fills."""
    table = _tables()[name]
    rows = tuple(tuple(cell.format_map(said) for cell in row) for row in table["rows"])
    return Table(title=table["title"], columns=tuple(table["columns"]), rows=rows, note=table.get("note", ""))


@cache
def _tables() -> dict[str, Any]:
    return read_table("tables.toml", "calculator.decisions")
