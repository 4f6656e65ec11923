"""What an examination says, as a plain tree of dicts, lists, texts and numbers that any face can draw or write.

Every text in it may hold what stood in somebody's file: whoever draws it makes it text, never markup.
"""

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from calculator.catalogs.rows import read_table

FIRST_LINES = 10
"""Line numbers that a warning names; the count says how many there are."""

LONGEST_SHOWN = 400
"""Characters of a text out of a file that are shown."""

Tree = dict[str, Any]


class RefusedError(ValueError):
    """A file that is not read; the message names the file and the cause, and says what to do where something helps."""


class Lines:
    """How many lines share something, and the first of them by number."""

    __slots__ = ("count", "first")

    def __init__(self) -> None:
        self.count = 0
        self.first: list[int] = []

    def add(self, line: int) -> None:
        """One more, at this line, counted from 1."""
        self.count += 1
        if self.count <= FIRST_LINES or line < self.first[-1]:
            insort(self.first, line)
            del self.first[FIRST_LINES:]


@cache
def known(name: str) -> dict[str, Any]:
    """The table of that name beside this module."""
    return read_table(f"{name}.toml", "calculator.examine")


def shown(text: str, most: int = LONGEST_SHOWN) -> str:
    """The beginning of a text on one line, without the characters that a terminal or a page would act upon."""
    text = "".join(c if c.isprintable() else " " for c in text[: 2 * most])
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def row(key: str, label: str, value: float | str | None, text: str) -> Tree:
    """One figure of a section: its name for programs, its label and text for people."""
    return {"key": key, "label": label, "value": value, "text": text}


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Tree:
    """A table of texts."""
    return {"columns": list(columns), "rows": [list(cells) for cells in rows]}


def section(
    key: str,
    title: str,
    *,
    note: str = "",
    rows: Iterable[Tree] = (),
    table: Tree | None = None,
    picture: Tree | None = None,
) -> Tree:
    """One part of what is said: figures, a table, a picture, in any combination."""
    return {"key": key, "title": title, "note": note, "rows": list(rows), "table": table, "picture": picture}


def warning(key: str, message: str, lines: Lines | None = None, count: int | None = None) -> Tree:
    """Something to look at, with the first lines it stands on."""
    found = lines.count if lines else 0
    return {
        "key": key,
        "count": found if count is None else count,
        "lines": list(lines.first) if lines else [],
        "message": message,
    }


def whole(
    *,
    kind: str,
    name: str,
    form: str,
    container: str,
    size: int,
    done: bool,
    headline: str,
    numbers: Mapping[str, Any],
    sections: Iterable[Tree],
    warnings: Iterable[Tree] = (),
    fields: Mapping[str, str] | None = None,
    **more: Any,
) -> Tree:
    """The tree of one file."""
    return {
        "kind": kind,
        "name": name,
        "format": form,
        "container": container,
        "bytes": size,
        "done": done,
        "headline": headline,
        "numbers": dict(numbers),
        "sections": list(sections),
        "warnings": list(warnings),
        "fields": dict(fields or {}),
        **more,
    }


def counted(count: float, one: str, many: str = "") -> str:
    """A count with its noun: "1 line", "2,000 lines"."""
    return f"{count:,.0f} {one if count == 1 else many or one + 's'}"


def share(part: float, of: float) -> str:
    """A part in per cent, with a digit more where it is small; never 0 % of something nor 100 % of not all."""
    if not of:
        return "0%"
    percent = 100 * part / of
    if 0 < percent < 0.1:
        return "<0.1%"
    if 99.9 < percent < 100:
        return ">99.9%"
    return f"{percent:.0f}%" if percent == round(percent) or 10 <= percent <= 90 else f"{percent:.1f}%"
