"""What is believed of an accuracy before and after it is measured: beta beliefs, binomial tests, exact updates.

A belief is a mean and a standard deviation. It stands for the beta distribution that has both; items scored right or
wrong then change it by Bayes' rule without any approximation, because the beta is conjugate to the binomial. The mean
after is a weighted mean of the belief and of what was measured, so measuring what was believed moves nothing.
"""

from math import inf, sqrt
from typing import NamedTuple

from calculator.stats.checks import need_at_least, need_share


class Belief(NamedTuple):
    """Mean and standard deviation of an accuracy, both as shares."""

    mean: float
    spread: float


LEAST_ITEMS = 0.1
"""The vaguest belief, in items: a beta cannot be wider than all weight on 0 and 1."""


def items_worth(mean: float, spread: float) -> float:
    """a + b = mean (1 - mean) / spread^2 - 1, at least `LEAST_ITEMS`; infinite for a spread of 0."""
    if spread == 0.0:
        return inf
    return max(LEAST_ITEMS, mean * (1.0 - mean) / (spread * spread) - 1.0)


def updated(mean: float, spread: float, measured: float, items: float) -> Belief:
    """The belief after ``items`` test items of which the share ``measured`` was right: beta(a + right, b + wrong).

    Raises ``ValueError`` for a share outside [0, 1] or negative items.
    """
    need_share("measured", measured)
    need_at_least("items", items, 0)
    worth = items_worth(mean, spread)
    if worth == inf or items == 0.0:
        return Belief(mean, spread)
    total = worth + items
    after = (worth * mean + items * measured) / total
    return Belief(after, sqrt(after * (1.0 - after) / (total + 1.0)))


def updated_by_pairs(
    mean: float, spread: float, baseline: float, won_items: float, lost_items: float, items: float
) -> Belief:
    """The belief after both systems answered the same ``items``: only the new one right in ``won_items``, only the
    old one in ``lost_items``; the old one's accuracy is ``baseline``.

    The difference (won - lost) / n has the standard error sqrt(won + lost - (won - lost)^2 / n) / n, with half an item
    added to both counts so that few pairs never claim certainty (Agresti and Min 2005). It is combined with the belief
    by the weights of the two variances. Raises ``ValueError`` for negative counts or more pairs than items.
    """
    need_at_least("won_items", won_items, 0)
    need_at_least("lost_items", lost_items, 0)
    need_at_least("items", items, max(1.0, won_items + lost_items))
    if spread == 0.0:
        return Belief(mean, spread)
    seen = baseline + (won_items - lost_items) / items
    apart = won_items + lost_items + 1.0
    error = sqrt(max(0.0, apart - (won_items - lost_items) ** 2 / (items + 1.0))) / (items + 1.0)
    weight = spread**2 / (spread**2 + error**2)
    after = min(1.0, max(0.0, mean + weight * (seen - mean)))
    return Belief(after, spread * sqrt(1.0 - weight))


def spread_of_result(mean: float, spread: float, items: float) -> float:
    """Standard deviation of what the mean will be after ``items`` more items: spread sqrt(n / (n + a + b)).

    Never above ``spread``, which perfect knowledge would give. Raises ``ValueError`` for negative items.
    """
    need_at_least("items", items, 0)
    worth = items_worth(mean, spread)
    return 0.0 if worth == inf or items == 0.0 else spread * sqrt(items / (items + worth))
