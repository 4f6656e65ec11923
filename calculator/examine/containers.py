"""Containers of rows: JSON lines, one JSON array, CSV, TSV and plain text. Each gives rows with their line numbers.

A row that cannot be read is reported by its line and left out; the next one is read as if nothing had been.
"""

import csv
import json
import re
from codecs import utf_8_decode
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from calculator.examine.stream import LONGEST_LINE
from calculator.examine.tree import Lines, RefusedError
from calculator.json_text import DEEPEST, read_json

Rows = Iterator[tuple[int, Any]]
NoteBroken = Callable[[int, str], None]

_decoder = json.JSONDecoder()
_raw = _decoder.raw_decode


def text_of(line: bytes, number: int, not_utf8: Lines) -> str:
    """A line as text: in UTF-8, or, where it is none, as Latin-1, which reads every byte."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        not_utf8.add(number)
        return line.decode("latin-1")


class JsonLines:
    """An object a line."""

    words = "JSON lines"

    def __init__(self, note_broken: NoteBroken, empty: Lines, not_utf8: Lines) -> None:
        self.note_broken, self.empty, self.not_utf8 = note_broken, empty, not_utf8

    def objects(self, lines: Sequence[bytes]) -> list[Any] | None:
        """What these lines hold, found in one go; None where one of them has to be looked at by itself."""
        if max([line.count(b"{") + line.count(b"[") for line in lines]) > DEEPEST:
            return None
        try:
            found: list[Any] = json.loads(f"[{b','.join(lines).decode()}]")
        except (ValueError, RecursionError):
            return None
        return found if len(found) == len(lines) else None

    def rows(self, lines: Sequence[bytes], before: int) -> Rows:
        """The rows of these lines, each read by itself; so many lines stood before them."""
        for number, line in enumerate(lines, before + 1):
            try:
                text = line.decode().strip()
            except UnicodeDecodeError:
                text = text_of(line, number, self.not_utf8).strip()
            if not text:
                self.empty.add(number)
                continue
            try:
                if text.count("{") + text.count("[") > DEEPEST:
                    found = read_json(text)
                else:
                    found, end = _raw(text)
                    if end != len(text):
                        self.note_broken(number, "more follows after a line's object")
                        continue
            except RecursionError:
                self.note_broken(number, f"nested deeper than {DEEPEST} levels")
            except ValueError:
                self.note_broken(number, "NUL bytes" if "\0" in text else "no JSON")
            else:
                yield number, found

    def last(self) -> Rows:
        """Nothing waits."""
        return iter(())


class JsonArray:
    """One array of objects, with or without line ends in it. Its rows are counted, not its lines."""

    words = "a JSON array"

    def __init__(self, note_broken: NoteBroken, not_utf8: Lines, name: str) -> None:
        self.note_broken, self.not_utf8, self.name = note_broken, not_utf8, name
        self.undecoded = b""
        self.buffer = ""
        self.scanned = self.start = self.row = self.depth = self.wanted = 0
        self.ended = False

    def pieces(self, chunk: bytes) -> Rows:
        """The objects that are whole with this piece of the file."""
        data = self.undecoded + chunk
        try:
            text, used = utf_8_decode(data, "strict", False)
        except UnicodeDecodeError:
            self.not_utf8.add(self.row + 1)
            text, used = data.decode("latin-1"), len(data)
        self.undecoded = data[used:]
        self.buffer += text
        # What is not whole is looked at again only when there is twice as much of it.
        return self._objects() if len(self.buffer) >= self.wanted else iter(())

    def last(self) -> Rows:
        """What is left when the file ends."""
        yield from self._objects()
        if not self.ended:
            self.note_broken(self.row + 1, "the array does not end")

    def _objects(self) -> Rows:
        buffer, match, at, depth = self.buffer, _TO_BRACKET.match, self.scanned, self.depth
        while not self.ended and (found := match(buffer, at)):
            at = found.end()
            if found[1] in "[{":
                depth += 1
                if depth == 2:
                    self.start = at - 1
                if depth > DEEPEST:
                    raise RefusedError(f"{self.name} is nested deeper than {DEEPEST} levels, in row {self.row + 1}.")
                continue
            depth -= 1
            if depth == 1:
                self.row += 1
                try:
                    row = json.loads(buffer[self.start : at])
                except (ValueError, RecursionError):
                    self.note_broken(self.row, "no JSON")
                else:
                    yield self.row, row
            self.ended = depth <= 0
        if self.ended and buffer[at:].strip():
            self.note_broken(self.row + 1, "more follows after the array")
            at = len(buffer)
        self.depth = depth
        keep = self.start if depth >= 2 else at
        if len(buffer) - keep > LONGEST_LINE:
            raise RefusedError(f"{self.name}: row {self.row + 1} is longer than 16 MiB, or never ends.")
        self.buffer, self.scanned, self.start = buffer[keep:], at - keep, self.start - keep
        self.wanted = len(self.buffer) if len(self.buffer) < _AGAIN_FROM else 2 * len(self.buffer)


_TO_BRACKET = re.compile(r'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+([\[\]{}])', re.DOTALL)
_AGAIN_FROM = 2**20


class Cells:
    """CSV or TSV: a header, then a record for each row, over several lines where a cell in quotes has line ends."""

    def __init__(
        self, delimiter: str, header: Sequence[str] | None, note_broken: NoteBroken, empty: Lines, not_utf8: Lines,
        name: str,
    ) -> None:  # fmt: skip
        self.delimiter, self.header = delimiter, list(header) if header else None
        self.note_broken, self.empty, self.not_utf8, self.name = note_broken, empty, not_utf8, name
        self.words = "TSV" if delimiter == "\t" else "CSV"
        self.waiting: list[str] = []
        self.waiting_from = 1
        self.waiting_characters = 0
        self.open_quote = False

    def rows(self, lines: Sequence[bytes], before: int) -> Rows:
        """The rows that are whole with these lines; so many lines stood before them."""
        ready: list[str] = []
        ready_from = self.waiting_from if self.waiting else before + 1
        waiting, open_quote = self.waiting, self.open_quote
        for number, line in enumerate(lines, before + 1):
            text = text_of(line, number, self.not_utf8)
            if not waiting:
                self.waiting_from = number
            waiting.append(text + "\n")
            if text.count('"') % 2:
                open_quote = not open_quote
            if open_quote:
                self.waiting_characters += len(text)
                if self.waiting_characters > LONGEST_LINE:
                    raise RefusedError(
                        f"{self.name}: a quote that opens on line {self.waiting_from} is not closed within 16 MiB."
                    )
            else:
                ready += waiting
                waiting, self.waiting_characters = [], 0
        self.waiting, self.open_quote = waiting, open_quote
        yield from self._records(ready, ready_from)

    def last(self) -> Rows:
        """What a quote kept open to the end."""
        if self.waiting:
            yield from self._records(self.waiting, self.waiting_from)
            self.waiting = []

    def _records(self, lines: list[str], first: int) -> Rows:
        limit = csv.field_size_limit(LONGEST_LINE)
        try:
            reader = csv.reader(lines, delimiter=self.delimiter)
            number = first
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    self.note_broken(number, f"no {self.words} ({error})")
                    number = first + reader.line_num
                    continue
                line, number = number, first + reader.line_num
                if not any(cells):
                    self.empty.add(line)
                elif self.header is None:
                    self.header = [cell.strip().lower().lstrip("\ufeff") for cell in cells]
                elif len(cells) != len(self.header):
                    self.note_broken(line, f"not as many cells as the header has, {len(self.header)}")
                else:
                    yield line, dict(zip(self.header, cells, strict=True))
        finally:
            csv.field_size_limit(limit)


class TextLines:
    """Plain text: an example a line."""

    words = "text"

    def __init__(self, empty: Lines, not_utf8: Lines) -> None:
        self.empty, self.not_utf8 = empty, not_utf8

    def rows(self, lines: Sequence[bytes], before: int) -> Rows:
        """A row for each line that is not empty."""
        for number, line in enumerate(lines, before + 1):
            if text := text_of(line, number, self.not_utf8).strip():
                yield number, {"text": text}
            else:
                self.empty.add(number)

    def last(self) -> Rows:
        """Nothing waits."""
        return iter(())
