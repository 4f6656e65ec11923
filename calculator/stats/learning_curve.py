"""What more examples are worth: a power law with a floor, fitted to the reader's own pilot runs.

The law is on the error, one minus the score: e(n) = a n^-b + c with 0 < b <= 1, a >= 0 and c >= 0 (Hestness et al.
2017, arXiv 1712.00409). c is what no number of examples removes. Two sizes cannot show a floor, so c is taken as 0
and the curve says that it is optimistic. From three sizes on, weighted least squares with weights 1 / SE: for a given
b the best a and c are a linear fit, so only b is searched.

A pilot's standard error is that of its test items, so the interval says nothing of a badly chosen test set.
"""
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import exp, inf, log, sqrt

from calculator.stats import binomial
from calculator.stats.checks import need_at_least, need_inside, need_positive, need_share
from calculator.stats.sampling import columns, quantile

STEEPEST = 1.0  # theory gives 0.5 to 1 for b, measurements 0.07 to 0.35 (Hestness et al. 2017)
REACH = 10.0  # how far beyond the largest pilot a forecast is still given; a policy, not a measurement
# A flat curve can have a valley at a very small exponent beside one at the steepest.
_EXPONENTS = (0.001, 0.003, 0.006, 0.01, 0.015, *(k / 50 for k in range(1, 51)))
_GOLDEN = 0.5 * (sqrt(5.0) - 1.0)


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """One pilot run: ``score`` (a share) after training on ``examples``, measured on ``items`` test items.

    Raises ``ValueError`` unless examples > 0, 0 <= score <= 1 and items >= 1.
    """

    examples: float
    score: float
    items: float

    def __post_init__(self) -> None:
        need_positive("examples", self.examples)
        need_share("score", self.score)
        need_at_least("items", self.items, 1)

    @property
    def error(self) -> float:
        """One minus the score."""
        return 1.0 - self.score

    @property
    def standard_error(self) -> float:
        """Of the score, from its test items; half an item is the least error that is believed."""
        error = min(max(self.error, 0.5 / self.items), 1.0 - 0.5 / self.items)
        return sqrt(error * (1.0 - error) / self.items)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """e(n) = a n^-b + c, and what it was fitted to. ``misfit`` is the weighted sum of squares (chi-square)."""

    a: float
    b: float
    c: float
    sizes: int
    largest_examples: float
    misfit: float

    @property
    def optimistic(self) -> bool:
        """Whether the floor was assumed to be zero for want of a third size."""
        return self.sizes < 3

    @property
    def farthest_examples(self) -> float:
        """Ten times the largest pilot: beyond it the curve is no forecast."""
        return REACH * self.largest_examples

    @property
    def doubling_factor(self) -> float:
        """What twice the examples leave of the error above the floor: 2^-b."""
        return float(2.0 ** -self.b)

    def error_at(self, examples: float) -> float:
        """The error share after ``examples``, at most 1. Raises ``ValueError`` unless examples > 0."""
        need_positive("examples", examples)
        return min(1.0, self.a * float(examples ** -self.b) + self.c)

    def score_at(self, examples: float) -> float:
        """The score after ``examples``. Raises ``ValueError`` unless examples > 0."""
        return 1.0 - self.error_at(examples)

    def examples_for(self, score: float) -> float:
        """Examples at which the curve reaches ``score``, at least 1; infinite when the floor is in the way.

        Raises ``ValueError`` for a score outside [0, 1].
        """
        need_share("score", score)
        room = 1.0 - score - self.c
        if room >= self.a:
            return 1.0
        if room <= 0.0 or self.b == 0.0:
            return inf
        exponent = log(self.a / room) / self.b
        return exp(exponent) if exponent < 700.0 else inf


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Examples for a target over the resampled curves: 5th percentile, median, 95th, and the share out of reach."""

    low: float
    median: float
    high: float
    out_of_reach: float


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What a reader should know before trusting a curve.

    ``flat_start`` counts the leading sizes that lie before the power law sets in, 0 when there is no such phase.
    ``rises`` lists (smaller size, larger size, standard errors) wherever the error went up with more data.
    ``narrow`` is set when the largest pilot is less than three times the smallest.
    """

    flat_start: int
    rises: tuple[tuple[float, float, float], ...]
    narrow: bool

    @property
    def non_monotone(self) -> bool:
        """Whether the error rose by more than chance explains (1.64 standard errors)."""
        return any(sigmas > 1.645 for _, _, sigmas in self.rises)


class _Design:
    """The weighted sums that do not depend on the errors, so that many resamples share them."""

    def __init__(self, pilots: Sequence[Pilot]) -> None:
        self.sizes = [p.examples / pilots[0].examples for p in pilots]
        self.weights = [p.standard_error ** -2 for p in pilots]
        self.total = sum(self.weights)
        self.grid = [(b, self._sums(b)) for b in _EXPONENTS]

    def _sums(self, b: float) -> tuple[list[float], float, float]:
        shape = [size ** -b for size in self.sizes]
        weighted = [w * x for w, x in zip(self.weights, shape, strict=True)]
        return weighted, sum(weighted), sum(w * x for w, x in zip(weighted, shape, strict=True))

    def _solve(self, sums: tuple[list[float], float, float], errors: Sequence[float], sy: float,
               square: float) -> tuple[float, float, float]:
        """(weighted sum of squares, a, c) of the best line with a >= 0 and c >= 0."""
        weighted, sx, sxx = sums
        sxy = sum(map(float.__mul__, weighted, errors))
        total = self.total
        determinant = total * sxx - sx * sx
        a = (total * sxy - sx * sy) / determinant if determinant > 0.0 else 0.0
        c = (sy - a * sx) / total
        if a <= 0.0:
            a, c = 0.0, sy / total
        elif c < 0.0:
            a, c = sxy / sxx, 0.0
        return square - 2.0 * (a * sxy + c * sy) + a * a * sxx + 2.0 * a * c * sx + c * c * total, a, c

    def fit(self, errors: Sequence[float], steps: int) -> tuple[float, float, float, float]:
        """(misfit, a, b, c), with n in units of the first size; ``steps`` of golden section after the grid."""
        sy = sum(map(float.__mul__, self.weights, errors))
        square = sum(w * e * e for w, e in zip(self.weights, errors, strict=True))
        misfits = [self._solve(sums, errors, sy, square)[0] for _, sums in self.grid]
        best = min(range(len(misfits)), key=misfits.__getitem__)
        low = self.grid[best - 1][0] if best else 1e-3
        high = self.grid[min(best + 1, len(misfits) - 1)][0]

        def at(b: float) -> tuple[float, float, float]:
            return self._solve(self._sums(b), errors, sy, square)

        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        misfit_left, misfit_right = at(left)[0], at(right)[0]
        for _ in range(steps):
            if misfit_left <= misfit_right:
                high, right, misfit_right = right, left, misfit_left
                left = high - _GOLDEN * (high - low)
                misfit_left = at(left)[0]
            else:
                low, left, misfit_left = left, right, misfit_right
                right = low + _GOLDEN * (high - low)
                misfit_right = at(right)[0]
        candidates = ((at(b), b) for b in (0.5 * (low + high), self.grid[best][0]))
        (misfit, a, c), b = min(candidates)
        return max(0.0, misfit), a, b, c


def pool(pilots: Sequence[Pilot]) -> tuple[Pilot, ...]:
    """Pilots in order of size, those of one size merged into one."""
    by_size: dict[float, list[Pilot]] = {}
    for pilot in sorted(pilots, key=lambda p: p.examples):
        by_size.setdefault(pilot.examples, []).append(pilot)
    merged = []
    for examples, group in by_size.items():
        items = sum(p.items for p in group)
        score = min(1.0, sum(p.items * p.score for p in group) / items)
        merged.append(Pilot(examples=examples, score=score, items=items))
    return tuple(merged)


def fit(pilots: Sequence[Pilot]) -> Curve:
    """The curve through the pilots. Raises ``ValueError`` when they have fewer than two different sizes."""
    pooled = _need_two_sizes(pilots)
    if len(pooled) == 2:
        return _two_point_curve(pooled, pooled[0].error, pooled[1].error)
    return _curve(pooled, _Design(pooled).fit([p.error for p in pooled], steps=40))


def resample(pilots: Sequence[Pilot], resamples: int = 400, seed: int = 0) -> tuple[Curve, ...]:
    """Curves fitted to new scores drawn around the fitted curve (parametric bootstrap), the same for one seed.

    Raises ``ValueError`` for fewer than two different sizes or resamples below 1.
    """
    need_at_least("resamples", resamples, 1)
    return _resample(_need_two_sizes(pilots), resamples, seed)


@lru_cache(maxsize=32)
def _resample(pooled: tuple[Pilot, ...], resamples: int, seed: int) -> tuple[Curve, ...]:
    curve = fit(pooled)
    drawn = [_draw_errors(round(p.items), curve.error_at(p.examples), us)
             for p, us in zip(pooled, columns([f"pilot {k}" for k in range(len(pooled))], resamples, seed),
                              strict=True)]
    if len(pooled) == 2:
        return tuple(_two_point_curve(pooled, e, f) for e, f in zip(*drawn, strict=True))
    design = _Design(pooled)
    return tuple(_curve(pooled, design.fit(errors, steps=12)) for errors in zip(*drawn, strict=True))


def score_interval(curves: Sequence[Curve], examples: float, confidence: float = 0.9) -> tuple[float, float]:
    """(low, high) of the score after ``examples`` over the resampled curves.

    Raises ``ValueError`` for no curves or a confidence outside (0, 1).
    """
    need_inside("confidence", confidence)
    scores = sorted(curve.score_at(examples) for curve in curves)
    return quantile(scores, 0.5 * (1.0 - confidence)), quantile(scores, 0.5 * (1.0 + confidence))


def examples_interval(curves: Sequence[Curve], score: float) -> Reach:
    """Examples for ``score`` over the resampled curves. Raises ``ValueError`` for no curves."""
    needed = sorted(curve.examples_for(score) for curve in curves)
    return Reach(low=quantile(needed, 0.05), median=quantile(needed, 0.5), high=quantile(needed, 0.95),
                 out_of_reach=sum(n == inf for n in needed) / len(needed))


def diagnose(pilots: Sequence[Pilot]) -> Diagnosis:
    """Flat start, rises and narrow spacing among the pilots.

    A power law is steepest at the start, per doubling of the data. A curve that falls later significantly faster
    (two standard errors) than it fell at first is still in the phase before the power law (Lin et al. 2024,
    arXiv 2402.02314), and its flat first points do not prove that data will not help.
    Raises ``ValueError`` for fewer than two different sizes.
    """
    pooled = _need_two_sizes(pilots)
    rises = []
    for smaller, larger in pairwise(pooled):
        rise = larger.error - smaller.error
        if rise > 0.0:
            noise = sqrt(smaller.standard_error ** 2 + larger.standard_error ** 2)
            rises.append((smaller.examples, larger.examples, rise / noise))
    return Diagnosis(flat_start=_flat_start(pooled), rises=tuple(rises),
                     narrow=pooled[-1].examples < 3.0 * pooled[0].examples)


def power_phase(pilots: Sequence[Pilot]) -> tuple[Pilot, ...]:
    """The pilots from the last point of the flat start on: what a power law can be fitted to."""
    pooled = _need_two_sizes(pilots)
    return pooled[max(0, _flat_start(pooled) - 1):]


def _flat_start(pooled: Sequence[Pilot]) -> int:
    first, last = pooled[0], pooled[-1]
    onset, strongest = 0, 2.0
    for lead, turn in enumerate(pooled[1:-1], start=2):
        early, late = log(turn.examples / first.examples), log(last.examples / turn.examples)
        faster = (turn.error - last.error) / late - (first.error - turn.error) / early
        noise = sqrt((first.standard_error / early) ** 2 + (last.standard_error / late) ** 2
                     + (turn.standard_error * (1.0 / early + 1.0 / late)) ** 2)
        if faster / noise > strongest:
            onset, strongest = lead, faster / noise
    return onset


def _need_two_sizes(pilots: Sequence[Pilot]) -> tuple[Pilot, ...]:
    pooled = pool(pilots)
    if len(pooled) < 2:
        raise ValueError(f"pilots must have at least 2 different sizes, got {len(pooled)}")
    return pooled


def _curve(pooled: Sequence[Pilot], fitted: tuple[float, float, float, float]) -> Curve:
    misfit, a, b, c = fitted
    return Curve(a=a * pooled[0].examples ** b, b=b if a > 0.0 else 0.0, c=c, sizes=len(pooled),
                 largest_examples=pooled[-1].examples, misfit=misfit)


def _two_point_curve(pooled: Sequence[Pilot], error: float, other_error: float) -> Curve:
    small, large = pooled
    error, other_error = max(error, 0.5 / small.items), max(other_error, 0.5 / large.items)
    b = min(STEEPEST, log(error / other_error) / log(large.examples / small.examples))
    if b <= 0.0:
        weights = small.standard_error ** -2, large.standard_error ** -2
        level = (error * weights[0] + other_error * weights[1]) / sum(weights)
        misfit = (error - level) ** 2 * weights[0] + (other_error - level) ** 2 * weights[1]
        return Curve(a=0.0, b=0.0, c=level, sizes=2, largest_examples=large.examples, misfit=misfit)
    a = other_error * large.examples ** b
    misfit = ((error - a * small.examples ** -b) / small.standard_error) ** 2
    return Curve(a=a, b=b, c=0.0, sizes=2, largest_examples=large.examples, misfit=misfit)


def _draw_errors(items: int, error: float, us: Sequence[float]) -> list[float]:
    """Error shares on ``items`` test items, one for each uniform, by the inverse of the binomial distribution."""
    if error <= 0.0 or error >= 1.0:
        return [error] * len(us)
    reach = 8.0 * sqrt(items * error * (1.0 - error)) + 8.0
    first = max(0, int(items * error - reach))
    last = min(items, int(items * error + reach) + 1)
    chance = binomial.pmf(first, items, error)
    below = [chance]
    for k in range(first, last):
        chance *= (items - k) / (k + 1.0) * error / (1.0 - error)
        below.append(below[-1] + chance)
    # The tail beyond the table is far below the smallest stratum.
    return [min(last, first + bisect_left(below, u)) / items for u in us]
