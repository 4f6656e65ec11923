"""Student's t: for means of scores whose spread is estimated from the same few values."""

from collections.abc import Sequence
from math import copysign, inf, sqrt
from typing import NamedTuple

from calculator.stats.beta import beta_quantile, incomplete_beta
from calculator.stats.checks import need_inside, need_positive


def t_p_value(t: float, degrees: float) -> float:
    """Two-sided p-value of a t statistic: I of degrees / (degrees + t^2) at (degrees / 2, 1 / 2).

    Raises ``ValueError`` unless degrees > 0.
    """
    need_positive("degrees", degrees)
    if abs(t) == inf:
        return 0.0
    return incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + t * t))


def critical_t(confidence: float, degrees: float) -> float:
    """The t that a two-sided interval of this confidence reaches. Raises ``ValueError`` unless degrees > 0."""
    need_inside("confidence", confidence)
    need_positive("degrees", degrees)
    x = beta_quantile(1.0 - confidence, 0.5 * degrees, 0.5)
    return sqrt(degrees * (1.0 - x) / x)


class MeanTest(NamedTuple):
    """A mean with its interval, and the chance of one as far from 0 if the true mean were 0."""

    mean: float
    low: float
    high: float
    deviation: float
    """Standard deviation of the values, with n - 1 below."""
    p_value: float


def mean_test(values: Sequence[float], confidence: float = 0.95) -> MeanTest:
    """One-sample t test of a mean against 0; on the differences of pairs it is the paired t test.

    Values that are all equal have no spread: the interval is that value, and p is 1 at 0, else 0.
    Raises ``ValueError`` for fewer than 2 values.
    """
    if len(values) < 2:
        raise ValueError(f"values must have at least 2 numbers, got {len(values)}")
    mean = sum(values) / len(values)
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    error = deviation / sqrt(len(values))
    half = critical_t(confidence, len(values) - 1) * error
    t = mean / error if error else copysign(inf, mean) if mean else 0.0
    return MeanTest(mean, mean - half, mean + half, deviation, t_p_value(t, len(values) - 1))
