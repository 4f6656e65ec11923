"""How stale an answer is when facts change and the system learns of it late.

Facts are taken to change at a constant rate, given as the half-life: the days after which half of them have changed.
A refresh (a retraining, or an index update) happens every ``refresh_days`` and takes ``lag_days`` from the moment its
data is collected to the moment it answers.
"""
from math import exp, expm1, log, log1p

from calculator.stats.checks import need_at_least, need_positive, need_share

_LOG_2 = log(2.0)


def stale_share(age_days: float, half_life_days: float) -> float:
    """Share of facts that have changed after ``age_days``: 1 - 2^(-t / H).

    Raises ``ValueError`` for a negative age or a half-life not above 0.
    """
    need_at_least("age_days", age_days, 0)
    need_positive("half_life_days", half_life_days)
    return -expm1(-_LOG_2 * age_days / half_life_days)


def mean_stale_share(half_life_days: float, refresh_days: float, lag_days: float = 0.0) -> float:
    """Share of facts stale on a random day: the mean of ``stale_share`` over ages from lag to lag + refresh.

    1 - H / (R ln 2) 2^(-lag / H) (1 - 2^(-R / H)); a refresh of 0 days means continuously, with the lag alone.
    Raises ``ValueError`` for a negative time or a half-life not above 0.
    """
    need_at_least("refresh_days", refresh_days, 0)
    need_at_least("lag_days", lag_days, 0)
    need_positive("half_life_days", half_life_days)
    rate = _LOG_2 / half_life_days
    cycle = rate * refresh_days
    # Below this the exact formula loses digits to cancellation; two terms of its series do not.
    fresh_over_cycle = -expm1(-cycle) / cycle if cycle > 1e-5 else 1.0 - 0.5 * cycle
    return -expm1(-rate * lag_days) + exp(-rate * lag_days) * (1.0 - fresh_over_cycle)


def any_stale(stale: float, facts: float) -> float:
    """Chance that an answer which needs ``facts`` independent facts rests on a stale one: 1 - (1 - s)^k.

    Raises ``ValueError`` for a stale share outside [0, 1] or a negative number of facts.
    """
    need_share("stale", stale)
    need_at_least("facts", facts, 0)
    if stale == 1.0:
        return 1.0 if facts > 0 else 0.0
    return -expm1(facts * log1p(-stale))
