"""Bytes of a file as lines of text: encodings, lines that never end, and files that are no text at all.

Memory is bounded by the longest line that is read, whatever the file holds.
"""

from calculator.examine.tree import RefusedError, known

LONGEST_LINE = 16 * 2**20
"""Bytes. A line or a record beyond it is left out and named: no training example is as long."""

HEAD = 2**16
"""Bytes that are looked at before it is decided what a file is."""

_BOMS = ((b"\xff\xfe\x00\x00", "utf-32", 4), (b"\x00\x00\xfe\xff", "utf-32", 4), (b"\xff\xfe", "utf-16", 2),
         (b"\xfe\xff", "utf-16", 2))  # fmt: skip


def refuse_binary(head: bytes, name: str) -> None:
    """RefusedError when a file begins like something that is no text."""
    for magic, what, remedy in known("binary")["binary"]:
        if head.startswith(magic.encode("latin-1")):
            raise RefusedError(f"{name} is {what}: {remedy}.")


class LineStream:
    """Chunks of bytes in, lists of whole lines in UTF-8 out, without their ends.

    UTF-16 and UTF-32 are read by their mark at the beginning, or by their NUL bytes. Lines beyond `LONGEST_LINE` come
    out empty and are listed in `too_long`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.bytes_read = 0
        self.encoding = "UTF-8"
        self.too_long: list[int] = []
        self.lines_given = 0
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._skipping = False
        self._began = False
        self._unit = 0
        self._mark = b""
        self._odd = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are whole with this chunk. RefusedError for a file that is no text."""
        self.bytes_read += len(chunk)
        if not self._began:
            chunk = self._odd + chunk
            # What a file is goes by as much of it, whatever the pieces it comes in.
            if len(chunk) < HEAD:
                self._odd = chunk
                return []
            chunk = self._begin(chunk)
        return self._lines(self._decoded(chunk) if self._unit else chunk)

    def finish(self) -> list[bytes]:
        """The last line, if the file does not end with a line's end."""
        found: list[bytes] = []
        if not self._began:
            chunk, self._odd = self._odd, b""
            chunk = self._begin(chunk)
            found = self._lines(self._decoded(chunk) if self._unit else chunk)
        if self._rest_bytes or self._skipping:
            found += self._lines(b"\n")
        return found

    def _begin(self, chunk: bytes) -> bytes:
        self._began, self._odd = True, b""
        refuse_binary(chunk, self.name)
        if chunk.startswith(b"\xef\xbb\xbf"):
            return chunk[3:]
        for mark, name, unit in _BOMS:
            if chunk.startswith(mark):
                self.encoding, self._unit, self._mark = name.upper(), unit, mark
                return chunk[len(mark) :]
        head = chunk[:HEAD]
        nulls = head.count(0)
        # Text in UTF-16 without its mark: nearly every second byte of ASCII is a NUL.
        for offset, mark in ((1, b"\xff\xfe"), (0, b"\xfe\xff")):
            if nulls > 0.3 * len(head) and head[offset::2].count(0) > 0.9 * nulls:
                self.encoding, self._unit, self._mark = "UTF-16", 2, mark
                return chunk
        if nulls > 0.1 * len(head):
            raise RefusedError(f"{self.name} is no text: many of its bytes are NUL.")
        return chunk

    def _decoded(self, chunk: bytes) -> bytes:
        """A chunk of UTF-16 or UTF-32 as UTF-8; what is cut in the middle of a character waits for the next one."""
        chunk = self._odd + chunk
        keep = len(chunk) % self._unit
        if self._unit == 2 and len(chunk) - keep >= 2:
            high = chunk[len(chunk) - keep - (2 if self._mark == b"\xfe\xff" else 1)]
            # The first half of a pair needs its second half.
            keep += 2 * (0xD8 <= high <= 0xDB)
        self._odd = chunk[len(chunk) - keep :] if keep else b""
        try:
            text = (self._mark + chunk[: len(chunk) - keep]).decode(self.encoding, "replace")
        except UnicodeError as error:
            raise RefusedError(f"{self.name} begins like {self.encoding} and is not: {error}.") from None
        return text.encode("utf-8", "replace")

    def _lines(self, chunk: bytes) -> list[bytes]:
        if b"\n" not in chunk:
            if self._skipping or not chunk:
                return []
            self._rest.append(chunk)
            self._rest_bytes += len(chunk)
            if self._rest_bytes > LONGEST_LINE:
                self._rest, self._rest_bytes, self._skipping = [], 0, True
            return []
        lines = chunk.split(b"\n")
        last = lines.pop()
        if self._skipping or self._rest_bytes + len(lines[0]) > LONGEST_LINE:
            self.too_long.append(self.lines_given + 1)
            lines[0] = b""
        elif self._rest:
            lines[0] = b"".join([*self._rest, lines[0]])
        self._rest, self._rest_bytes, self._skipping = ([last], len(last), False) if last else ([], 0, False)
        if len(chunk) > LONGEST_LINE:
            for k, line in enumerate(lines):
                if len(line) > LONGEST_LINE:
                    self.too_long.append(self.lines_given + k + 1)
                    lines[k] = b""
        self.lines_given += len(lines)
        return lines

    def pieces(self, chunk: bytes) -> bytes:
        """A chunk as UTF-8, whatever lines it is in: for one array without line ends. Not to be mixed with `feed`."""
        self.bytes_read += len(chunk)
        return self._decoded(chunk) if self._unit else chunk

    @property
    def rest_bytes(self) -> int:
        """How much waits for the end of its line."""
        return self._rest_bytes

    def waiting_begins(self, with_: bytes) -> bool:
        """Whether what waits begins so, white space aside."""
        return bool(self._rest) and self._rest[0].lstrip().startswith(with_)

    def waiting(self) -> bytes:
        """What waits for the end of its line; it stays there."""
        return b"".join(self._rest)

    def pending(self) -> bytes:
        """What waits for the end of its line; it is taken out."""
        found = b"".join(self._rest)
        self._rest, self._rest_bytes = [], 0
        return found
