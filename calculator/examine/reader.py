"""A file in pieces: what it is, and who reads it."""

from collections.abc import Iterator, Sequence
from typing import Any

from calculator.examine import forms, sniff, tree
from calculator.examine.containers import Cells, JsonArray, JsonLines, Rows, TextLines
from calculator.examine.dataset import AT_ONCE, DataSet
from calculator.examine.results import Results
from calculator.examine.runs import Run
from calculator.examine.sniff import ARRAY, CELLS, DATA, LINES, OBJECT, RESULTS, RUN, Sniffed
from calculator.examine.stream import HEAD, LineStream, refuse_binary
from calculator.examine.tree import RefusedError, Tree
from calculator.json_text import DEEPEST, read_json

LONGEST_WHOLE = 64 * 2**20
"""Bytes of a file that must be read whole: one JSON object, or test results."""

SEQUENCE_TOKENS = 2_048
"""The longest sequence that the training page starts with."""


class Reader:
    """Reads one file: `feed` it, ask for a `snapshot` at any time, and `finish`.

    name: what the file is called. kind: "data", "results" or "run"; empty to find out. sequence_tokens: what rows are
    held against. tokens: "estimate", or "outside" when somebody counts them with `take_texts` and `give_counts`;
    tokenizer: what counts them, in words. against: the finished Reader of the file that was trained on.
    Raises ValueError for an option that is none, and `RefusedError` for a file that cannot be read.
    """

    def __init__(
        self,
        name: str = "the file",
        *,
        kind: str = "",
        sequence_tokens: int = SEQUENCE_TOKENS,
        tokens: str = "estimate",
        tokenizer: str = "",
        against: "Reader | None" = None,
    ) -> None:
        if kind not in ("", *sniff.KINDS):
            raise ValueError(f"kind: must be one of {', '.join(sniff.KINDS)}, or empty; given: {kind[:40]!r}")
        if tokens not in ("estimate", "outside"):
            raise ValueError(f"tokens: must be estimate or outside; given: {tokens[:40]!r}")
        if not 1 <= sequence_tokens <= 100_000_000:
            raise ValueError(f"sequence_tokens: must be from 1 to 100,000,000; given: {sequence_tokens}")
        if against is not None and against.data is None:
            raise ValueError("against: must be a reader of a data set that is finished")
        self.name = tree.shown(name, 120) or "the file"
        self.kind = kind
        self.data: DataSet | None = None
        self.results: Results | None = None
        self.run: Run | None = None
        self._options: dict[str, Any] = {
            "sequence_tokens": int(sequence_tokens),
            "tokens": tokens,
            "tokenizer": tokenizer,
            "against": against.data if against else None,
        }
        self._stream = LineStream(self.name)
        self._head: list[bytes] = []
        self._head_bytes = 0
        self._lines: JsonLines | Cells | TextLines | None = None
        self._array: JsonArray | None = None
        self._whole: list[bytes] | None = None
        self._whole_bytes = 0
        self._lines_before = 0
        self._long_noted = 0
        self._sniffed = Sniffed("", LINES)
        self._done = False

    @property
    def bytes_read(self) -> int:
        """Of the file, so far."""
        return self._stream.bytes_read

    def feed(self, chunk: bytes) -> None:
        """The next piece of the file."""
        if self._done:
            raise ValueError("feed: the file is finished")
        if self._array is not None:
            self._rows(self._array.pieces(self._stream.pieces(bytes(chunk))))
            return
        self._take(self._stream.feed(bytes(chunk)))

    def _take(self, lines: list[bytes]) -> None:
        if self.kind == "" or (self._lines is None and self._whole is None and self.run is None):
            self._head += lines
            self._head_bytes += sum(map(len, lines))
            waiting = self._stream.rest_bytes
            if self._head_bytes + waiting < HEAD:
                return
            if not self._head and self._stream.waiting_begins(b"{"):
                # An object that is longer than the head may be a line of many: its end tells.
                return
            self._decide()
            return
        self._pass_on(lines)

    def _pass_on(self, lines: list[bytes]) -> None:
        if self._whole is not None:
            self._whole += lines
            self._whole_bytes += sum(map(len, lines)) + len(lines)
            if self._whole_bytes + self._stream.rest_bytes > LONGEST_WHOLE:
                raise RefusedError(f"{self.name} must be read whole, and is longer than 64 MiB: {_WHOLE_REMEDY}.")
        elif self.run is not None:
            self.run.take(line.decode("utf-8", "replace").rstrip("\r") for line in lines)
        elif isinstance(self._lines, JsonLines):
            for start in range(0, len(lines), AT_ONCE):
                self._objects(self._lines, lines[start : start + AT_ONCE])
            self._note_long()
        elif self._lines is not None:
            self._rows(self._lines.rows(lines, self._lines_before))
            self._lines_before += len(lines)
            self._note_long()

    def _objects(self, container: JsonLines, lines: list[bytes]) -> None:
        assert self.data is not None
        before, found = self._lines_before, container.objects(lines)
        self._lines_before += len(lines)
        if found is None:
            self._rows(container.rows(lines, before))
        else:
            self.data.take_some(range(before + 1, self._lines_before + 1), found)

    def _rows(self, rows: Rows) -> None:
        assert self.data is not None
        self.data.take(rows)

    def _note_long(self) -> None:
        assert self.data is not None
        for line in self._stream.too_long[self._long_noted :]:
            self.data.too_long.add(line)
        self._long_noted = len(self._stream.too_long)

    def _decide(self) -> None:
        """Look at the head, choose who reads, and give it what has come so far."""
        head = b"\n".join(self._head[:2_000])[: max(HEAD, len(self._head[0]) if self._head else 0)]
        if len(head) < HEAD:
            head = (head + b"\n" if self._head else head) + self._stream.waiting()[: HEAD - len(head)]
        text = head.decode("utf-8", "replace")
        found = sniff.sniff(text, self.kind)
        kind = found.kind or DATA
        lines, self._head = self._head, []
        self.kind = found.kind or self.kind
        if found.container == OBJECT or kind == RESULTS:
            self._whole = []
            self._sniffed = found
            self.kind = kind
        elif kind == RUN:
            self.kind = RUN
            self.run = Run(self.name)
        else:
            self.kind = DATA
            self._begin_data(found, lines)
            if self._array is not None:
                return
        self._pass_on(lines)

    def _begin_data(self, found: Sniffed, lines: list[bytes]) -> None:
        data = self.data = DataSet(self.name, container="", **self._options)
        if found.container == ARRAY:
            self._array = JsonArray(data.note_broken, data.not_utf8, self.name)
            data.container = self._array.words
            first = b"".join([*(line + b"\n" for line in lines), self._stream.pending()])
            self._rows(self._array.pieces(first))
            return
        if found.container == LINES:
            self._lines = JsonLines(data.note_broken, data.empty, data.not_utf8)
        elif found.container == CELLS:
            self._lines = Cells(found.delimiter, found.header, data.note_broken, data.empty, data.not_utf8, self.name)
        else:
            self._lines = TextLines(data.empty, data.not_utf8)
        data.container = self._lines.words

    def take_texts(self, most: int = 1_000) -> list[str]:
        """Texts whose tokens nobody has counted yet, in order; empty when there are none."""
        return self.data.take_texts(most) if self.data and self._options["tokens"] == "outside" else []

    def give_counts(self, counts: Sequence[int]) -> None:
        """The tokens of the texts that were taken, in the same order."""
        if self.data is not None:
            self.data.give_counts(counts)

    def snapshot(self) -> Tree:
        """What is known so far."""
        return self._tree(done=False)

    def finish(self) -> Tree:
        """The end of the file: all that is known of it."""
        self.end()
        return self._tree(done=True)

    def end(self) -> None:
        """The end of the file, without saying anything yet: texts may still wait to be counted."""
        if self._done:
            return
        if self._array is not None:
            self._rows(self._array.last())
        else:
            self._take(self._stream.finish())
            if self._head or not (self._lines or self.run or self._whole is not None or self._array is not None):
                self._decide()
            if self._array is not None:
                self._rows(self._array.last())
            elif self._whole is not None:
                self._read_whole(b"\n".join(self._whole))
            elif self._lines is not None:
                self._rows(self._lines.last())
        self._done = True
        if self.data is not None and not self.data.rows:
            raise RefusedError(f"{self.name} holds no example that we can read{self._why()}.")

    def _why(self) -> str:
        assert self.data is not None
        broken = self.data.broken
        if not broken.count:
            return ": it is empty" if not self.bytes_read else ": it has no text in it"
        line = broken.first[0]
        return f": line {line} is {self.data.why_broken.get(line, 'broken')}"

    def _read_whole(self, raw: bytes) -> None:
        self._whole = []
        found = self._sniffed
        text = raw.decode("utf-8", "replace").lstrip("\ufeff")
        if found.container == CELLS or (self.kind == RESULTS and found.container == LINES):
            self.results = Results(self.name, text, found)
            return
        try:
            value = read_json(text)
        except RecursionError:
            raise RefusedError(f"{self.name} is nested deeper than {DEEPEST} levels.") from None
        except ValueError as error:
            raise RefusedError(f"{self.name} begins like JSON and is none: {tree.shown(str(error), 120)}.") from None
        kind = self.kind if self._sniffed.kind else sniff.kind_of_whole(value)
        self.kind = kind
        if kind == RESULTS:
            self.results = Results(self.name, text, found, value)
        elif kind == RUN:
            self.run = Run(self.name)
            self.run.take_history(value)
        else:
            self.data = DataSet(self.name, container="a JSON object", **self._options)
            self._rows(enumerate(_rows_of(value), 1))

    def _tree(self, *, done: bool) -> Tree:
        size = self.bytes_read
        for found in (self.data, self.results, self.run):
            if found is not None:
                return found.tree(size=size, done=done)
        return tree.whole(
            kind=self.kind or "", name=self.name, form="", container="", size=size, done=done,
            headline="Not enough of it is read yet.", numbers={}, sections=[],
        )  # fmt: skip


LONGEST_LOG = LONGEST_WHOLE
"""Bytes of a log that are looked through for what went wrong."""


def kind_of(head: bytes, name: str) -> str:
    """What a file that begins so is: data, results or run. RefusedError when it is no text."""
    refuse_binary(head, name)
    found = sniff.sniff(head[:HEAD].decode("utf-8", "replace")).kind
    if found or len(head) > LONGEST_WHOLE:
        return found or DATA
    try:
        return sniff.kind_of_whole(read_json(head.decode("utf-8-sig", "replace"))) or DATA
    except (ValueError, RecursionError):
        return DATA


_WHOLE_REMEDY = "write its rows as JSON lines"


def _rows_of(value: Any) -> Iterator[Any]:
    """The rows in one JSON object: under one of its names, or as columns; else the object itself is the row."""
    if not isinstance(value, dict):
        yield value
        return
    lists = {name: found for name, found in value.items() if isinstance(found, list)}
    rows = [found for found in lists.values() if found and isinstance(found[0], dict)]
    if forms.is_row(value):
        yield value
    elif rows:
        yield from max(rows, key=len)
    elif lists and len(lists) == len(value) and len({len(found) for found in lists.values()}) == 1:
        for cells in zip(*lists.values(), strict=True):
            yield dict(zip(lists, cells, strict=True))
    else:
        yield value


def examine(content: str | bytes, name: str = "the text", **options: Any) -> Tree:
    """What a text or a file's bytes hold: `Reader` in one call, with its options."""
    reader = Reader(name, **options)
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    for start in range(0, len(data), 2**20):
        reader.feed(data[start : start + 2**20])
    return reader.finish()
