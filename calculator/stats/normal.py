"""The normal distribution: density, cumulative probability and quantile."""
from math import erfc, exp, log, pi, sqrt

from calculator.stats.checks import need_inside

_ROOT_2 = sqrt(2.0)
_ROOT_2_PI = sqrt(2.0 * pi)


def normal_density(z: float) -> float:
    """The standard normal density at ``z``."""
    return exp(-0.5 * z * z) / _ROOT_2_PI


def normal_cdf(z: float) -> float:
    """P(Z <= z) for a standard normal Z; keeps its relative accuracy far into the lower tail."""
    return 0.5 * erfc(-z / _ROOT_2)


def normal_quantile(p: float) -> float:
    """The z with P(Z <= z) = p, to about 1e-15.

    A rational start (Abramowitz and Stegun 1964, formula 26.2.23, good to 4.5e-4) and two steps of Halley's
    method, each of which triples the number of right digits.

    Raises ``ValueError`` unless 0 < p < 1.
    """
    need_inside("p", p)
    if p == 0.5:
        return 0.0
    if p > 0.5:
        return -normal_quantile(1.0 - p)
    t = sqrt(-2.0 * log(p))
    z = -(t - (2.515517 + t * (0.802853 + t * 0.010328))
          / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))))
    for _ in range(2):
        density = normal_density(z)
        if density == 0.0:
            break
        step = (normal_cdf(z) - p) / density
        z -= step / (1.0 + 0.5 * z * step)
    return z


def critical_z(confidence: float) -> float:
    """The z of a two-sided interval: 1.96 for a confidence of 0.95.

    Raises ``ValueError`` unless 0 < confidence < 1.
    """
    need_inside("confidence", confidence)
    return normal_quantile(0.5 + 0.5 * confidence)


def larger_of_two(mean: float, spread: float, other_mean: float, other_spread: float) -> tuple[float, float]:
    """Mean and variance of the larger of two independent normals (Clark 1961, equations 2 and 3).

    spread: standard deviations, not below 0.
    """
    gap = sqrt(spread * spread + other_spread * other_spread)
    if gap == 0.0:
        return max(mean, other_mean), 0.0
    lead = (mean - other_mean) / gap
    above, below, density = normal_cdf(lead), normal_cdf(-lead), normal_density(lead)
    first = mean * above + other_mean * below + gap * density
    second = (
        (mean * mean + spread * spread) * above
        + (other_mean * other_mean + other_spread * other_spread) * below
        + (mean + other_mean) * gap * density
    )
    return first, max(0.0, second - first * first)
