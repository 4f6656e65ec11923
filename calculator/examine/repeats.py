"""Exact and near duplicates, contradictions and overlap, in bounded memory.

A text is remembered by a hash of 64 bits, or, in a browser, by one of 32 bits with its length. Of up to `MOST_KEPT`
different texts each is remembered, and the counts are exact but for two texts that share both (for 262,144 texts a
chance of 2e-9; in a browser, where 300 lengths are as frequent, of one in 40). Beyond that only the texts whose hash
ends in k zero bits are, a random part of 1 / 2^k; all copies of a text share its hash, so the share of repeats in that
part is the share in the file, with the error of a sample of at least 5/16 as many texts (81,920).
"""

import sys
from collections.abc import Iterable, Sequence

from calculator.examine.tree import FIRST_LINES

MOST_KEPT = 2**18

_SAMPLED_OF_KEPT = 5 / 8
"""As many are remembered once not all are: the tables of a sample share no numbers of lines, so that a long file would
take more memory than one that is remembered whole."""

_PARTS, _PART_BITS = 16, 20

_LINE_BITS = 40
_LINES = 2**_LINE_BITS - 1
_SHORT_HASHES = sys.hash_info.width < 64


def keys_of(texts: Sequence[str] | Sequence[bytes]) -> list[int]:
    """What each text is remembered by. Its last bits are as good as drawn by chance."""
    found = map(hash, texts)
    return [key ^ len(text) << 32 for key, text in zip(found, texts, strict=True)] if _SHORT_HASHES else list(found)


class _Sample:
    """Numbers by key: of all keys, or of a part of them drawn by chance once there are too many.

    They lie in parts by bits of the key: one table of all would double at once, the old one beside it.
    """

    __slots__ = ("kept", "mask", "most", "parts")

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.parts: list[dict[int, int]] = [{} for _ in range(_PARTS)]
        self.kept = self.mask = 0
        self.most = most

    def part(self, key: int) -> dict[int, int]:
        """Where a key lies, if it is kept."""
        return self.parts[key >> _PART_BITS & _PARTS - 1]

    def knows(self, key: int) -> bool | None:
        """Whether a key was seen; None for one that would not have been remembered."""
        return None if key & self.mask else key in self.part(key)

    def thin(self) -> None:
        """Keep half as many, drawn by chance, until they are few enough."""
        if not self.mask:
            self.most = round(self.most * _SAMPLED_OF_KEPT)
        while self.kept > self.most:
            self.mask = 2 * self.mask + 1
            for at, part in enumerate(self.parts):
                self.parts[at] = _of_mask(part, self.mask)
            self.kept = sum(map(len, self.parts))


class Seen(_Sample):
    """Texts by their hash, each with the line it was first on; how often those that came again did."""

    __slots__ = ("again", "copies", "pairs")

    def __init__(self, most: int = MOST_KEPT) -> None:
        super().__init__(most)
        self.again = 0
        self.copies: dict[int, int] = {}
        self.pairs: list[tuple[int, int]] = []
        """(line, line it repeats) of the first repeats."""

    def add(self, key: int, line: int) -> bool:
        """Remember a text; whether it was there before, as far as it is among those remembered."""
        if key & self.mask:
            return False
        part = self.part(key)
        before = part.get(key)
        if before is not None:
            self.again += 1
            self.copies[key] = self.copies.get(key, 0) + 1
            if len(self.pairs) < FIRST_LINES:
                self.pairs.append((line, before))
            return True
        part[key] = line
        self.kept += 1
        if self.kept > self.most:
            self.thin()
        return False

    def add_all(self, keys: Iterable[int], lines: Iterable[int]) -> None:
        """`add` each with its line."""
        parts, mask = self.parts, self.mask
        for key, at in zip(keys, lines, strict=True):
            if key & mask:
                continue
            part = parts[key >> _PART_BITS & _PARTS - 1]
            if key in part:
                self.add(key, at)
                continue
            part[key] = at
            self.kept += 1
            if self.kept > self.most:
                self.thin()
                mask = self.mask

    def thin(self) -> None:
        """Keep half as many, and the copies of those alone."""
        super().thin()
        self.copies = _of_mask(self.copies, self.mask)
        self.again = sum(self.copies.values())

    @property
    def exact(self) -> bool:
        """Whether every text was remembered."""
        return not self.mask

    @property
    def repeats(self) -> int:
        """Rows that repeat an earlier one; an estimate once `exact` is false."""
        return self.again * (self.mask + 1)


class Answers(_Sample):
    """The first answer to each input, by hashes: inputs that come with another answer are noted.

    Kept is the answer's hash before the line, in one number: a pair of them takes three times the memory.
    """

    __slots__ = ("contradicted", "pairs")

    def __init__(self, most: int = MOST_KEPT) -> None:
        super().__init__(most)
        self.contradicted: set[int] = set()
        self.pairs: list[tuple[int, int]] = []

    def add(self, key: int, answer: int, line: int) -> None:
        """Note the answer that an input has on this line."""
        if key & self.mask:
            return
        part = self.part(key)
        before = part.get(key)
        if before is None:
            part[key] = answer << _LINE_BITS | line
            self.kept += 1
            if self.kept > self.most:
                self.thin()
        elif before >> _LINE_BITS != answer and key not in self.contradicted:
            self.contradicted.add(key)
            if len(self.pairs) < FIRST_LINES:
                self.pairs.append((line, before & _LINES))

    def add_all(self, keys: Iterable[int], answers: Iterable[int], lines: Iterable[int]) -> None:
        """`add` each with its answer and its line."""
        parts, mask = self.parts, self.mask
        for key, answer, at in zip(keys, answers, lines, strict=True):
            if key & mask:
                continue
            part = parts[key >> _PART_BITS & _PARTS - 1]
            if key in part or self.kept >= self.most:
                self.add(key, answer, at)
                mask = self.mask
            else:
                part[key] = answer << _LINE_BITS | at
                self.kept += 1

    def thin(self) -> None:
        """Keep half as many, and the contradictions of those alone."""
        super().thin()
        self.contradicted = {key for key in self.contradicted if not key & self.mask}

    @property
    def inputs(self) -> int:
        """Inputs that came with more than one answer; an estimate once some were left out."""
        return len(self.contradicted) * (self.mask + 1)


def _of_mask(found: dict[int, int], mask: int) -> dict[int, int]:
    return {key: value for key, value in found.items() if not key & mask}
