"""Is one system better than another: tests, intervals, power and the items that a comparison takes.

Paired means that both systems answered the same items. ``gains`` are the items that only the new system got right,
``losses`` the items that only the old one did; the two together are the discordant items.
"""
from math import ceil, inf, sqrt

from calculator.stats import binomial
from calculator.stats.checks import need_at_least, need_positive, need_share
from calculator.stats.normal import critical_z, normal_quantile


def mcnemar(gains: int, losses: int) -> float:
    """Two-sided p-value of the exact test of McNemar: discordant items are a fair coin if the systems are equal.

    Raises ``ValueError`` for a negative count.
    """
    need_at_least("gains", gains, 0)
    need_at_least("losses", losses, 0)
    return min(1.0, 2.0 * binomial.cdf(min(gains, losses), gains + losses, 0.5))


def paired_standard_error(gains: float, losses: float, items: float) -> float:
    """Standard error of the paired difference: sqrt(b + c - (b - c)^2 / n) / n."""
    _need_pairs(gains, losses, items)
    return sqrt(max(0.0, gains + losses - (gains - losses) ** 2 / items)) / items


def difference(gains: float, losses: float, items: float, confidence: float = 0.95) -> tuple[float, float, float]:
    """(low, difference, high) of the gain in score when both systems answered the same ``items``.

    Raises ``ValueError`` unless gains and losses are 0 or more and together at most ``items``.
    """
    half = critical_z(confidence) * paired_standard_error(gains, losses, items)
    gain = (gains - losses) / items
    return max(-1.0, gain - half), gain, min(1.0, gain + half)


def discordant_range(error: float, other_error: float) -> tuple[float, float, float]:
    """(least, independent, most) share of items on which two systems with these error shares disagree.

    Least when the errors nest, most when they never meet. Raises ``ValueError`` for a share outside [0, 1].
    """
    need_share("error", error)
    need_share("other_error", other_error)
    independent = error * (1.0 - other_error) + other_error * (1.0 - error)
    return abs(error - other_error), independent, min(error + other_error, 2.0 - error - other_error)


def paired_items(gain: float, discordant: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """Items to find a difference of ``gain`` with the same items in both arms, by the formula of Connor (1987).

    ``discordant`` is the share of items on which the two systems disagree. The exact test needs 5 to 8 % more.
    Infinite for a gain of 0.
    Raises ``ValueError`` unless abs(gain) <= discordant <= 1.
    """
    _need_discordant(gain, discordant)
    if gain == 0.0:
        return inf
    z, z_power = critical_z(1.0 - alpha), normal_quantile(power)
    return ceil(((z * sqrt(discordant) + z_power * sqrt(discordant - gain * gain)) / gain) ** 2)


def smallest_paired_gain(items: float, discordant: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest difference that ``items`` shared items show with the wanted power; at most ``discordant``.

    (z_alpha + z_power) sqrt(discordant / n), which is exact to first order in the difference.
    Raises ``ValueError`` unless items > 0 and 0 <= discordant <= 1.
    """
    need_positive("items", items)
    need_share("discordant", discordant)
    return min(discordant, (critical_z(1.0 - alpha) + normal_quantile(power)) * sqrt(discordant / items))


def unpaired_items(share: float, other: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """Items per arm to tell two shares apart when each arm has its own items; infinite when they are equal.

    (z_alpha + z_power)^2 (p1 q1 + p2 q2) / (p1 - p2)^2, rounded up.
    Raises ``ValueError`` for a share outside [0, 1].
    """
    need_share("share", share)
    need_share("other", other)
    if share == other:
        return inf
    z = critical_z(1.0 - alpha) + normal_quantile(power)
    variance = share * (1.0 - share) + other * (1.0 - other)
    return max(1, ceil(z * z * variance / (share - other) ** 2))


def _need_pairs(gains: float, losses: float, items: float) -> None:
    need_at_least("items", items, 1)
    need_at_least("gains", gains, 0)
    need_at_least("losses", losses, 0)
    if gains + losses > items:
        raise ValueError(f"gains + losses must be at most items = {items!r}, got {gains + losses!r}")


def _need_discordant(gain: float, discordant: float) -> None:
    need_share("discordant", discordant)
    if abs(gain) > discordant:
        raise ValueError(f"discordant must be at least the difference {abs(gain)!r}, got {discordant!r}")
