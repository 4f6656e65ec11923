"""Quasi-random draws over ranges, the same in every Python and on every machine.

Each field has its own Latin-hypercube column: the middles of ``count`` equal strata of (0, 1), in an order that
depends on the field's name, the count and the seed alone. Adding a field to a decision therefore leaves the draws
of the other fields as they were, and two fields that share a name share their draws.
"""
from collections.abc import Sequence
from functools import lru_cache
from math import inf
from zlib import crc32

from calculator.stats.checks import need_at_least, need_share, need_some
from calculator.stats.normal import normal_quantile

Z_95 = 1.6448536269514722  # the 95th percentile of the standard normal
_MASK = (1 << 64) - 1
_MULTIPLIER = 6364136223846793005
_INCREMENT = 1442695040888963407


class Stream:
    """A small seeded stream of random numbers: a 64-bit congruential generator with Knuth's MMIX multiplier.

    Only the high bits are used, which are the good ones. ``random.Random`` promises the same ``random()`` in every
    version of Python, but not the same ``shuffle()``, and the browser would have to load it.
    """

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK
        for _ in range(4):
            self.uniform()
            self._state ^= self._state >> 29

    def uniform(self) -> float:
        """The next uniform number, strictly between 0 and 1."""
        self._state = (self._state * _MULTIPLIER + _INCREMENT) & _MASK
        return ((self._state >> 12) + 0.5) / 4503599627370496.0

    def normal(self) -> float:
        """The next standard normal number."""
        return normal_quantile(self.uniform())

    def order(self, count: int) -> list[int]:
        """The integers 0 .. count - 1 in random order (Fisher and Yates)."""
        state = self._state
        shuffled = list(range(count))
        for left in range(count, 1, -1):
            state = (state * _MULTIPLIER + _INCREMENT) & _MASK
            other = (state >> 32) * left >> 32
            shuffled[left - 1], shuffled[other] = shuffled[other], shuffled[left - 1]
        self._state = state
        return shuffled


@lru_cache(maxsize=8)
def _strata(count: int) -> tuple[float, ...]:
    return tuple((k + 0.5) / count for k in range(count))


@lru_cache(maxsize=512)
def _column(name: str, count: int, seed: int) -> tuple[float, ...]:
    strata = _strata(count)
    stream = Stream(crc32(name.encode()) << 32 | (seed & 0xFFFFFFFF))
    return tuple([strata[k] for k in stream.order(count)])


@lru_cache(maxsize=64)
def _rows(names: tuple[str, ...], count: int, seed: int) -> tuple[tuple[float, ...], ...]:
    return tuple(zip(*(_column(name, count, seed) for name in names), strict=True))


def columns(names: Sequence[str], count: int, seed: int = 0) -> list[tuple[float, ...]]:
    """One column of ``count`` uniforms in (0, 1) for each name: every stratum once, in the name's own order.

    Raises ``ValueError`` when count is below 1.
    """
    need_at_least("count", count, 1)
    return [_column(name, count, seed) for name in names]


def draws(names: Sequence[str], count: int, seed: int = 0) -> list[tuple[float, ...]]:
    """``count`` draws, each one uniform in (0, 1) for every name, in the order of ``names``.

    The same names, count and seed give the same draws everywhere. Raises ``ValueError`` when count is below 1.
    """
    need_at_least("count", count, 1)
    return list(_rows(tuple(names), count, seed)) if names else [()] * count


class _Scales(dict[float, float]):
    """u -> the normal quantile of u in units of the 95th percentile; remembers the strata asked for."""

    def __missing__(self, u: float) -> float:
        scale = normal_quantile(u) / Z_95
        if len(self) < 65536:
            self[u] = scale
        return scale


_SCALES = _Scales()


def _need_range(low: float, value: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"a range needs low <= value <= high, got low={low!r}, value={value!r}, high={high!r}")


def from_range(u: float, low: float, value: float, high: float) -> float:
    """The quantity at probability ``u`` when ``value`` is its median, ``low`` its 5th and ``high`` its 95th percentile.

    Two half-lognormals joined at the median when low > 0, two half-normals otherwise. The result rises with u.
    The tails go beyond low and high, so a caller with hard bounds clips; beyond the largest float they are
    infinite. ``low == value == high`` gives the value.

    Raises ``ValueError`` unless low <= value <= high and 0 < u < 1.
    """
    if not low <= value <= high:
        _need_range(low, value, high)
    scale = _SCALES[u]
    if low > 0.0:
        try:
            growth: float = (high / value) ** scale if scale > 0.0 else (low / value) ** -scale
        except OverflowError:
            return inf
        return value * growth
    return value + scale * (high - value if scale > 0.0 else value - low)


def column_from_range(us: Sequence[float], low: float, value: float, high: float) -> list[float]:
    """``from_range`` for a whole column of uniforms; the same numbers, about twice as fast.

    Raises ``ValueError`` unless low <= value <= high and every u lies strictly between 0 and 1.
    """
    _need_range(low, value, high)
    scales = [_SCALES[u] for u in us]
    if low == high:
        return [value] * len(scales)
    if low > 0.0:
        up, down = high / value, low / value
        try:
            return [value * (up ** s if s > 0.0 else down ** -s) for s in scales]
        except OverflowError:
            return [from_range(u, low, value, high) for u in us]
    above, below = high - value, value - low
    return [value + s * (above if s > 0.0 else below) for s in scales]


def quantile(ordered: Sequence[float], q: float) -> float:
    """The ``q`` quantile of numbers already in ascending order, interpolated between neighbours.

    The position is q * (n - 1), as in Hyndman and Fan's seventh type. Infinite neighbours do not mix into nan.
    Raises ``ValueError`` when there are no numbers or q is outside [0, 1].
    """
    need_some("ordered", ordered)
    need_share("q", q)
    position = q * (len(ordered) - 1)
    below = int(position)
    part = position - below
    if part == 0.0 or ordered[below] == ordered[below + 1] or ordered[below] == -inf:
        return ordered[below]
    return ordered[below] + part * (ordered[below + 1] - ordered[below])
