"""Near duplicates by wording: examples that share most of their runs of three words with an earlier one.

Two texts are as alike as the part of their runs that both have: those in both over those in either (Jaccard). It is
found exactly; what is left to chance is which pairs are looked at. Runs are put in the order of their hashes, and two
texts are compared when they have two of their first eight in common. Of the first eight of both together each is in
both with the probability that is the likeness (Broder 1997, "On the resemblance and containment of documents"), so a
pair at the limit is missed once in 10,000 times. Letters alone count: case, digits and punctuation part words.

Memory and time are bounded: once `MOST_RUNS` are kept, later examples are not looked at, and `looked_at` says how many
were.
"""

from collections import Counter

from calculator.examine.tree import FIRST_LINES

ALIKE_SHARE = 0.8
FEWEST_RUNS = 6
"""A text with fewer is too short for a likeness."""

MOST_RUNS = 2**19
"""Kept of all texts: some five thousand examples of a hundred words, in 30 MB."""

LONGEST_TEXT = 200_000
"""Bytes of a text that are looked at."""

_FIRST, _IN_COMMON = 8, 2
_MOST_TEXTS = 4
"""Texts that are remembered by one run: what a template brings into all of them tells none apart."""

_SPACE = 32
_WORDS = bytes(
    c + 32 if 65 <= c <= 90 else c if 97 <= c <= 122 or c >= 128 else _SPACE for c in range(256)
)  # fmt: skip


class Wordings:
    """Takes texts one after the other and counts those that are nearly, and not quite, worded like an earlier one."""

    def __init__(self, most_runs: int = MOST_RUNS) -> None:
        self.most_runs = most_runs
        self.alike = self.looked_at = self.kept_runs = 0
        self.pairs: list[tuple[int, int]] = []
        """(line, line it is worded like) of the first of them."""
        self._texts: list[tuple[int, tuple[int, ...]]] = []
        self._by_run: dict[int, tuple[int, ...]] = {}

    @property
    def full(self) -> bool:
        """Whether no more texts are looked at."""
        return self.kept_runs >= self.most_runs

    def add(self, text: bytes, line: int) -> None:
        """Hold a text in UTF-8 against those before it, and remember it."""
        if self.full:
            return
        self.looked_at += 1
        runs = runs_of(text)
        if len(runs) < FEWEST_RUNS:
            return
        first = sorted(runs)[:_FIRST]
        by_run = self._by_run
        met = Counter(found for run in first for found in by_run.get(run, ()))
        likest, earlier = 0.0, 0
        for found, in_common in met.items():
            if in_common >= _IN_COMMON:
                before, others = self._texts[found]
                likeness = likeness_of(runs, others)
                if likeness > likest:
                    likest, earlier = likeness, before
        if likest == 1.0:
            return
        if likest >= ALIKE_SHARE:
            self.alike += 1
            if len(self.pairs) < FIRST_LINES:
                self.pairs.append((line, earlier))
        for run in first:
            by_run[run] = (*by_run.get(run, ())[1 - _MOST_TEXTS :], len(self._texts))
        self._texts.append((line, tuple(runs)))
        self.kept_runs += len(runs)
        if self.full:
            # Nothing is held against them any more.
            self._texts, self._by_run = [], {}


def runs_of(text: bytes) -> set[int]:
    """The different runs of three words of a text, each as a hash."""
    words = text[:LONGEST_TEXT].translate(_WORDS).split()
    return set(map(hash, zip(words, words[1:], words[2:], strict=False)))


def likeness_of(one: set[int], other: tuple[int, ...]) -> float:
    """Runs in both over runs in either, from 0 to 1."""
    both = len(one.intersection(other))
    return both / (len(one) + len(other) - both)
