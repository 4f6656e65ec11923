"""The regularised incomplete beta function and its inverse, stable for counts up to a million."""
from functools import lru_cache
from math import exp, inf, lgamma, log, pi, sqrt

from calculator.stats.checks import need_positive, need_share

_TINY = 1e-300
_HALF_LOG_2_PI = 0.5 * log(2.0 * pi)


@lru_cache(maxsize=4096)
def _stirling_error(n: float) -> float:
    """log n! less Stirling's formula; a difference of large numbers would lose the digits that matter."""
    if n < 16.0:
        return lgamma(n + 1.0) - (n + 0.5) * log(n) + n - _HALF_LOG_2_PI
    square = n * n
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680) / square) / square) / square) / n


def _deviance(observed: float, expected: float) -> float:
    """observed * log(observed / expected) + expected - observed, without cancellation when the two are close."""
    if abs(observed - expected) < 0.1 * (observed + expected):
        ratio = (observed - expected) / (observed + expected)
        total, term, square = (observed - expected) * ratio, 2.0 * observed * ratio, ratio * ratio
        for odd in range(3, 1000, 2):
            term *= square
            grown = total + term / odd
            if grown == total:
                break
            total = grown
        return total
    return observed * log(observed / expected) + expected - observed


def binomial_term(successes: float, trials: float, p: float, q: float) -> float:
    """The binomial probability of ``successes`` in ``trials`` for real-valued counts, q = 1 - p.

    The saddle-point form of Loader (2000), "Fast and accurate computation of binomial probabilities".
    """
    failures = trials - successes
    if p == 0.0 or q == 0.0:
        return float(failures == trials) if p == 0.0 else float(failures == 0)
    if successes == 0.0 or failures == 0.0:
        share = q if successes == 0.0 else p
        return exp(trials * log(share)) if trials else 1.0
    exponent = (_stirling_error(trials) - _stirling_error(successes) - _stirling_error(failures)
                - _deviance(successes, trials * p) - _deviance(failures, trials * q))
    return exp(exponent) * sqrt(trials / (2.0 * pi * successes * failures))


def _continued_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, evaluated by the modified method of Lentz."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    result = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / ((1.0 + even * d) or _TINY)
        c = (1.0 + even / c) or _TINY
        result *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / ((1.0 + odd * d) or _TINY)
        c = (1.0 + odd / c) or _TINY
        step = d * c
        result *= step
        if abs(step - 1.0) < 1e-15:
            break
    return result


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b), the probability that a beta(a, b) variable is at most x.

    Raises ``ValueError`` unless a > 0, b > 0 and 0 <= x <= 1.
    """
    need_positive("a", a)
    need_positive("b", b)
    need_share("x", x)
    if x == 0.0 or x == 1.0:
        return x
    term = binomial_term(a, a + b, x, 1.0 - x) * a * b / (a + b)
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, term * _continued_fraction(a, b, x) / a)
    return max(0.0, 1.0 - term * _continued_fraction(b, a, 1.0 - x) / b)


def beta_quantile(p: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = p, by Newton's method kept inside a shrinking bracket.

    Raises ``ValueError`` unless 0 <= p <= 1, a > 0 and b > 0.
    """
    need_share("p", p)
    if p == 0.0 or p == 1.0:
        return p
    if p > 0.5:
        # The lower tail keeps its digits; 1 - p is exact for p above a half.
        return 1.0 - beta_quantile(1.0 - p, b, a)
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        gap = incomplete_beta(a, b, x) - p
        if gap > 0.0:
            high = x
        else:
            low = x
        density = binomial_term(a, a + b, x, 1.0 - x) * a * b / ((a + b) * x * (1.0 - x))
        following = x - gap / density if density > 0.0 else -inf
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - x) <= 1e-15 * x:
            return following
        x = following
    return x
