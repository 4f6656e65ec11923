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
"""As many are remembered once not all are: a dictionary of more of them doubles, and the tables of a sample do not
share their lines' numbers, so that a long file would take more memory than one that is remembered whole."""

_LINE_BITS = 40
_LINES = 2**_LINE_BITS - 1
_SHORT_HASHES = sys.hash_info.width < 64


def keys_of(texts: Sequence[str] | Sequence[bytes]) -> list[int]:
    """What each text is remembered by. Its last bits are as good as drawn by chance."""
    found = map(hash, texts)
    return [key ^ len(text) << 32 for key, text in zip(found, texts, strict=True)] if _SHORT_HASHES else list(found)


class Seen:
    """Texts by their hash, each with the line it was first on; how often those that came again did."""

    __slots__ = ("again", "copies", "found", "mask", "most", "pairs")

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.again = 0
        self.found: dict[int, int] = {}
        self.copies: dict[int, int] = {}
        self.mask = 0
        self.most = most
        self.pairs: list[tuple[int, int]] = []
        """(line, line it repeats) of the first repeats."""

    def add(self, key: int, line: int) -> bool:
        """Remember a text; whether it was there before, as far as it is among those remembered."""
        if key & self.mask:
            return False
        before = self.found.get(key)
        if before is not None:
            self.again += 1
            self.copies[key] = self.copies.get(key, 0) + 1
            if len(self.pairs) < FIRST_LINES:
                self.pairs.append((line, before))
            return True
        self.found[key] = line
        if len(self.found) > self.most:
            self._thin()
        return False

    def add_all(self, keys: Iterable[int], lines: Iterable[int]) -> None:
        """`add` each with its line."""
        found, mask, most = self.found, self.mask, self.most
        for key, at in zip(keys, lines, strict=True):
            if key & mask:
                continue
            if key in found:
                self.add(key, at)
                continue
            found[key] = at
            if len(found) > most:
                self._thin()
                found, mask, most = self.found, self.mask, self.most

    def _thin(self) -> None:
        self.found, self.mask, self.most = _sample(self.found, self.mask, self.most)
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

    def knows(self, key: int) -> bool | None:
        """Whether a text was seen; None for one that would not have been remembered."""
        return None if key & self.mask else key in self.found


class Answers:
    """The first answer to each input, by hashes: inputs that come with another answer are noted."""

    __slots__ = ("contradicted", "found", "mask", "most", "pairs")

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.found: dict[int, int] = {}
        """The answer's hash before the line, in one number: a pair of them takes three times the memory."""
        self.contradicted: set[int] = set()
        self.mask = 0
        self.most = most
        self.pairs: list[tuple[int, int]] = []

    def add(self, key: int, answer: int, line: int) -> None:
        """Note the answer that an input has on this line."""
        if key & self.mask:
            return
        before = self.found.get(key)
        if before is None:
            self.found[key] = answer << _LINE_BITS | line
            if len(self.found) > self.most:
                self.found, self.mask, self.most = _sample(self.found, self.mask, self.most)
                self.contradicted = {k for k in self.contradicted if not k & self.mask}
        elif before >> _LINE_BITS != answer and key not in self.contradicted:
            self.contradicted.add(key)
            if len(self.pairs) < FIRST_LINES:
                self.pairs.append((line, before & _LINES))

    def add_all(self, keys: Iterable[int], answers: Iterable[int], lines: Iterable[int]) -> None:
        """`add` each with its answer and its line."""
        found, mask, most = self.found, self.mask, self.most
        for key, answer, at in zip(keys, answers, lines, strict=True):
            if key & mask:
                continue
            if key in found or len(found) >= most:
                self.add(key, answer, at)
                found, mask, most = self.found, self.mask, self.most
            else:
                found[key] = answer << _LINE_BITS | at

    @property
    def inputs(self) -> int:
        """Inputs that came with more than one answer; an estimate once some were left out."""
        return len(self.contradicted) * (self.mask + 1)

    def knows(self, key: int) -> bool | None:
        """Whether an input was seen; None for one that would not have been remembered."""
        return None if key & self.mask else key in self.found


def _sample(found: dict[int, int], mask: int, most: int) -> tuple[dict[int, int], int, int]:
    """The part of what was kept that still is, its mask, and how many are kept from now on."""
    if not mask:
        most = round(most * _SAMPLED_OF_KEPT)
    while len(found) > most:
        mask = 2 * mask + 1
        found = _of_mask(found, mask)
    return found, mask, most


def _of_mask(found: dict[int, int], mask: int) -> dict[int, int]:
    return {key: value for key, value in found.items() if not key & mask}
