"""How many items prove that a score clears a bar.

The rule: accept when the lower end of the Wilson interval is at or above the bar. The power of the rule, the chance
that a system which really is better gets accepted, is an exact binomial sum. It rises in a saw-tooth, because the
number of passes needed is a whole number: one item more can lower it a little.
"""
from functools import lru_cache
from math import ceil, inf, sqrt

from calculator.stats import binomial
from calculator.stats.checks import need_at_least, need_inside, need_share
from calculator.stats.normal import critical_z, normal_quantile

MOST_ITEMS = 1_000_000


def passes_needed(items: int, bar: float, confidence: float = 0.95) -> int:
    """The fewest passes in ``items`` whose Wilson lower bound reaches ``bar``; items + 1 when none does.

    The Wilson bound inverts the score test, so it is n p0 + z sqrt(n p0 (1 - p0)), rounded up.
    Raises ``ValueError`` unless items >= 1 and 0 < bar < 1.
    """
    need_at_least("items", items, 1)
    need_inside("bar", bar)
    z = critical_z(confidence)
    fewest = ceil(items * bar + z * sqrt(items * bar * (1.0 - bar)) - 1e-9)
    return min(fewest, items + 1)


def certify_power(items: int, bar: float, truth: float, confidence: float = 0.95) -> float:
    """Chance that a system with true share ``truth`` is accepted on ``items`` items.

    Raises ``ValueError`` unless items >= 1, 0 < bar < 1 and 0 <= truth <= 1.
    """
    need_share("truth", truth)
    return binomial.tail(passes_needed(items, bar, confidence), items, truth)


@lru_cache(maxsize=1024)
def items_to_certify(bar: float, truth: float, power: float = 0.8, confidence: float = 0.95,
                     step: int = 10) -> float:
    """The smallest multiple of ``step`` items on which a system with share ``truth`` is accepted with ``power``.

    Infinite when the truth is not above the bar, or when more than a million items were needed.
    Raises ``ValueError`` unless bar, power and confidence lie strictly between 0 and 1 and step >= 1.
    """
    need_inside("bar", bar)
    need_share("truth", truth)
    need_inside("power", power)
    need_at_least("step", step, 1)
    gap = truth - bar
    if gap <= 0.0:
        return inf
    needed = critical_z(confidence) * sqrt(bar * (1.0 - bar))
    planned = ((needed + normal_quantile(power) * sqrt(truth * (1.0 - truth))) / gap) ** 2
    if planned > MOST_ITEMS:
        return inf

    def enough(steps: int) -> bool:
        return certify_power(steps * step, bar, truth, confidence) >= power

    high = max(1, ceil(planned / step))
    while not enough(high):
        high += max(1, high // 8)
    # One tooth of the saw is about 2 / gap items long where the smooth part has risen by its height.
    window = ceil((4.0 / gap + 40.0) / step)
    best, looked = high, high
    while looked > 1 and best - looked < window:
        looked -= 1
        if enough(looked):
            best = looked
    return best * step
