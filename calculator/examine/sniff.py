"""What a file is, from its first lines: a data set, test results or a run's log, and the container it comes in."""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from calculator.examine import forms, runs
from calculator.json_text import read_json

LINES, ARRAY, OBJECT, CELLS, TEXT = "lines", "array", "object", "cells", "text"
"""The containers: JSON lines, a JSON array, one JSON object, CSV or TSV, and text."""

DATA, RESULTS, RUN = "data", "results", "run"
KINDS = (DATA, RESULTS, RUN)

_PASS_WORDS = frozenset(
    ("0", "1", "0.0", "1.0", "true", "false", "pass", "fail", "passed", "failed", "yes", "no", "correct", "incorrect",
     "right", "wrong", "ok", "c", "i", "p", "f", "✓", "✗", "x", "✔", "✘", "n/a", "na", "")
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*%?")


class Sniffed(NamedTuple):
    """What a file looks like. delimiter and header are those of cells; no header where the first line holds data."""

    kind: str
    container: str
    delimiter: str = ""
    header: tuple[str, ...] | None = None


def is_mark(cell: str) -> bool:
    """Whether a cell may be a pass, a fail or a score."""
    text = cell.strip().lower()
    return text in _PASS_WORDS or _NUMBER.fullmatch(text) is not None


def sniff(head: str, kind: str = "") -> Sniffed:
    """The kind and the container of a text that begins so. kind: what somebody said it is."""
    text = head.lstrip("\ufeff \t\r\n")
    if text.startswith("[") and not _log_like(text):
        return Sniffed(kind or _kind_of_rows(_first_of_array(text)), ARRAY)
    if text.startswith("{"):
        first = text.partition("\n")[0]
        row = _object(first)
        if row is not None and (text.partition("\n")[2].strip() or not _whole_file(row)):
            return Sniffed(kind or _kind_of_rows([row, *_objects(text)]), LINES)
        if row is not None:
            return Sniffed(kind or _kind_of_whole(row), OBJECT)
        if not _log_like(text):
            # A line that is broken may be the first of many.
            if others := _objects(text):
                return Sniffed(kind or _kind_of_rows(others), LINES)
            return Sniffed(kind or "", OBJECT)
    if kind == RUN or (not kind and _log_like(text)):
        return Sniffed(RUN, TEXT)
    lines = [line for line in text.splitlines() if line.strip()][:60]
    found = _cells(lines, kind)
    if found is not None:
        return found
    return Sniffed(kind or DATA, TEXT)


def _log_like(text: str) -> bool:
    lines = text.splitlines()[:400]
    return runs.recognised(lines) >= max(1, 0.02 * len(lines))


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = read_json(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _objects(text: str) -> list[Mapping[str, Any]]:
    found = (_object(line) for line in text.splitlines()[1:20])
    return [row for row in found if row is not None]


def _first_of_array(text: str) -> list[Mapping[str, Any]]:
    """The first object of an array that may be cut off."""
    depth, start, inside, skip = 0, 0, False, False
    for at, c in enumerate(text):
        if skip:
            skip = False
        elif inside:
            skip, inside = c == "\\", c != '"'
        elif c == '"':
            inside = True
        elif c in "[{":
            depth += 1
            start = at if depth == 2 else start
        elif c in "]}":
            depth -= 1
            if depth == 1:
                row = _object(text[start : at + 1])
                return [row] if row is not None else []
    return []


_RESULT_NAMES = (
    ("filtered_resps", "doc_id"),  # lm-evaluation-harness
    ("event_id", "sample_id"),  # OpenAI evals
    ("spec",),
    ("gradingResult",),  # promptfoo, a row
)
_RUN_NAMES = (("loss", "step"), ("loss", "epoch"), ("eval_loss",), ("loss", "learning_rate"))


def _has(row: Mapping[str, Any], names: Sequence[str]) -> bool:
    return all(name in row for name in names)


def _kind_of_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    for row in rows:
        if any(_has(row, names) for names in _RESULT_NAMES):
            return RESULTS
        if forms.form_of(row) is not None:
            return DATA
        if any(_has(row, names) for names in _RUN_NAMES):
            return RUN
    marks = [
        sum(isinstance(v, bool | int | float) or (isinstance(v, str) and is_mark(v) and v != "") for v in row.values())
        for row in rows
    ]
    if rows and all(marks) and all(len(row) - found <= 3 for row, found in zip(rows, marks, strict=True)):
        return RESULTS
    return DATA


def _kind_of_whole(found: Mapping[str, Any]) -> str:
    if "log_history" in found:
        return RUN
    if "results" in found or ("samples" in found and ("eval" in found or "plan" in found)):
        return RESULTS
    return DATA


def kind_of_whole(found: Any) -> str:
    """The kind of a JSON file that was read whole."""
    if isinstance(found, Mapping):
        return _kind_of_whole(found)
    rows = [row for row in found if isinstance(row, Mapping)][:20] if isinstance(found, list) else []
    return _kind_of_rows(rows)


def _whole_file(row: Mapping[str, Any]) -> bool:
    """Whether one object is a file of its own kind, and no row."""
    if "log_history" in row or ("results" in row and not isinstance(row["results"], str)):
        return True
    if "samples" in row and "eval" in row:
        return True
    lists = [value for value in row.values() if isinstance(value, list)]
    if forms.is_row(row):
        return False
    return len(lists) == len(row) or any(value and isinstance(value[0], Mapping) for value in lists)


def _cells(lines: Sequence[str], kind: str) -> Sniffed | None:
    """Cells, if one delimiter cuts nearly all lines into the same number of them, at least two."""
    for delimiter in ("\t", ",", ";"):
        try:
            rows = [row for row in csv.reader([f"{line}\n" for line in lines], delimiter=delimiter) if row]
        except csv.Error:
            continue
        # The last record may be cut off.
        rows = rows[:-1] if len(rows) > 3 else rows
        if not rows:
            continue
        width, count = Counter(map(len, rows)).most_common(1)[0]
        header = tuple(cell.strip().lower() for cell in rows[0])
        named = forms.form_of(dict.fromkeys(header, ""))
        # A header with names that we know may stand over some broken lines.
        least = 0.5 if named else 0.8
        if width < 2 or len(rows) < 2 or count < least * len(rows) or len(rows[0]) != width:
            continue
        body = [row for row in rows[1:] if len(row) == width]
        if kind == RESULTS or (not kind and named is None and _marked(body, width)):
            return Sniffed(RESULTS, CELLS, delimiter, header)
        if named is not None:
            return Sniffed(kind or DATA, CELLS, delimiter)
        if delimiter != "\t" and not _worded(rows):
            continue
        return Sniffed(kind or DATA, CELLS, delimiter, _names_of(rows, width))
    return None


def _marked(body: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a column beside the first holds nothing but marks, and at most three hold anything else."""
    columns = [[row[k] for row in body] for k in range(width)]
    marks = [all(map(is_mark, column)) and any(map(str.strip, column)) for column in columns]
    return any(marks[1:]) and marks.count(False) <= 3


def _worded(rows: Sequence[Sequence[str]]) -> bool:
    """Whether these are cells and no prose that has a comma a line."""
    return len({len(row) for row in rows}) == 1 and len(rows) > 2


def _names_of(rows: Sequence[Sequence[str]], width: int) -> tuple[str, ...] | None:
    """The names of two columns without a header: text and label where one of them repeats, else question and answer."""
    if width != 2:
        return None
    first = {row[0] for row in rows}
    second = {row[1] for row in rows}
    if len(second) * 3 <= len(rows) and rows[0][1] in {row[1] for row in rows[1:]}:
        return ("text", "label")
    if len(first) * 3 <= len(rows) and rows[0][0] in {row[0] for row in rows[1:]}:
        return ("label", "text")
    return None
