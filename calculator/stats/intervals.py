"""Intervals for a share and for a difference of shares, and how many items a wanted precision takes."""
from math import ceil, inf, log, sqrt

from calculator.stats.beta import beta_quantile
from calculator.stats.checks import need_at_least, need_counts, need_inside, need_positive, need_share
from calculator.stats.normal import critical_z


def wilson(successes: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of Wilson (1927) for a share: (low, high).

    ``successes`` may be fractional, as with an effective number of items.
    Raises ``ValueError`` unless 0 <= successes <= trials and trials >= 1.
    """
    need_counts("successes", successes, trials)
    z = critical_z(confidence)
    share, extra = successes / trials, z * z / trials
    centre = (share + 0.5 * extra) / (1.0 + extra)
    half = z * sqrt(share * (1.0 - share) / trials + 0.25 * extra / trials) / (1.0 + extra)
    # At the ends the two terms cancel in exact arithmetic.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, (1.0 if successes == trials else min(1.0, centre + half))


def wald(successes: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """The textbook interval, share plus or minus z standard errors; too narrow near 0 and 1 and for few items.

    Raises ``ValueError`` unless 0 <= successes <= trials and trials >= 1.
    """
    need_counts("successes", successes, trials)
    share = successes / trials
    half = critical_z(confidence) * standard_error(share, trials)
    return max(0.0, share - half), min(1.0, share + half)


def exact(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of Clopper and Pearson (1934) for a share: (low, high); never too narrow.

    Raises ``ValueError`` unless 0 <= successes <= trials and trials >= 1.
    """
    need_counts("successes", successes, trials)
    need_inside("confidence", confidence)
    side = 0.5 * (1.0 - confidence)
    low = beta_quantile(side, successes, trials - successes + 1) if successes > 0 else 0.0
    high = beta_quantile(1.0 - side, successes + 1, trials - successes) if successes < trials else 1.0
    return low, high


def difference(successes: float, trials: float, other_successes: float, other_trials: float,
               confidence: float = 0.95) -> tuple[float, float]:
    """Interval for share minus other share when the two were measured on different items: (low, high).

    Newcombe (1998), method 10: the two Wilson intervals combined in quadrature. For the same items in both
    arms use ``paired.difference``, which is narrower.
    Raises ``ValueError`` unless each count lies between 0 and its trials.
    """
    low, high = wilson(successes, trials, confidence)
    other_low, other_high = wilson(other_successes, other_trials, confidence)
    share, other = successes / trials, other_successes / other_trials
    gap = share - other
    return (gap - sqrt((share - low) ** 2 + (other_high - other) ** 2),
            gap + sqrt((high - share) ** 2 + (other - other_low) ** 2))


def standard_error(share: float, trials: float) -> float:
    """sqrt(p (1 - p) / n). Raises ``ValueError`` for a share outside [0, 1] or trials not above 0."""
    need_share("share", share)
    need_positive("trials", trials)
    return sqrt(share * (1.0 - share) / trials)


def items_for_margin(share: float, margin: float, confidence: float = 0.95) -> int:
    """Items so that the interval is about share plus or minus ``margin``: z^2 p (1 - p) / m^2, rounded up.

    Raises ``ValueError`` unless the share is in [0, 1] and the margin in (0, 1).
    """
    need_share("share", share)
    need_inside("margin", margin)
    return max(1, ceil(critical_z(confidence) ** 2 * share * (1.0 - share) / margin ** 2))


def items_without_failure(share: float, confidence: float = 0.95) -> float:
    """Items that must all pass before a true share above ``share`` may be claimed; infinite for a share of 1.

    Raises ``ValueError`` unless 0 < share <= 1.
    """
    need_inside("confidence", confidence)
    if share == 1.0:
        return inf
    need_inside("share", share)
    return ceil(log(1.0 - confidence) / log(share))


def design_effect(cluster_items: float, correlation: float) -> float:
    """How much clustering inflates the variance: 1 + (m - 1) rho, for m items per cluster.

    Raises ``ValueError`` for fewer than 1 item per cluster or a correlation outside [0, 1].
    """
    need_at_least("cluster_items", cluster_items, 1)
    need_share("correlation", correlation)
    return 1.0 + (cluster_items - 1.0) * correlation


def effective_items(items: float, cluster_items: float, correlation: float) -> float:
    """Independent items that carry as much information as ``items`` in clusters."""
    return items / design_effect(cluster_items, correlation)


def holm(p_values: list[float], alpha: float = 0.05) -> list[bool]:
    """Which of several tests stand when all are reported, by the step-down rule of Holm (1979), in the given order.

    Raises ``ValueError`` for a p-value outside [0, 1].
    """
    for p in p_values:
        need_share("p_values", p)
    stands = [False] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > alpha / (len(p_values) - rank):
            break
        stands[index] = True
    return stands
