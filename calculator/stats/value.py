"""Money and accuracy: what a point is worth, when a person should look, what a trial may cost.

All amounts are USD; costs are positive numbers.
"""
from math import expm1, inf, log1p

from calculator.stats.checks import need_at_least, need_positive, need_share
from calculator.stats.normal import normal_cdf, normal_density


def failure_cost(handling_usd: float, churn_share: float = 0.0, churn_usd: float = 0.0) -> float:
    """Expected cost of one failure when a share of failures loses the customer and the others are handled.

    (1 - churn) * handling + churn * loss. Raises ``ValueError`` for a negative amount or a share outside [0, 1].
    """
    need_at_least("handling_usd", handling_usd, 0)
    need_share("churn_share", churn_share)
    need_at_least("churn_usd", churn_usd, 0)
    return (1.0 - churn_share) * handling_usd + churn_share * churn_usd


def break_even_accuracy(success_usd: float, failure_usd: float) -> float:
    """Accuracy at which successes just pay for failures: failure / (success + failure); 0 when neither has a value.

    Raises ``ValueError`` for a negative amount.
    """
    need_at_least("success_usd", success_usd, 0)
    need_at_least("failure_usd", failure_usd, 0)
    total = success_usd + failure_usd
    return failure_usd / total if total > 0.0 else 0.0


def net_value(items: float, accuracy: float, success_usd: float, failure_usd: float) -> float:
    """USD earned on ``items`` at this accuracy: successes, less failures.

    Raises ``ValueError`` for a negative amount or an accuracy outside [0, 1].
    """
    need_share("accuracy", accuracy)
    need_at_least("items", items, 0)
    return items * (accuracy * success_usd - (1.0 - accuracy) * failure_usd)


def break_even_gain(extra_usd: float, items: float, error_usd: float) -> float:
    """Gain in accuracy that pays for ``extra_usd`` on ``items``; infinite when errors cost nothing.

    Raises ``ValueError`` for a negative amount.
    """
    need_at_least("items", items, 0)
    need_at_least("error_usd", error_usd, 0)
    at_stake = items * error_usd
    return extra_usd / at_stake if at_stake > 0.0 else inf


def review_threshold(review_usd: float, error_usd: float, reviewer_error: float = 0.0) -> float:
    """Chance of error above which an item should go to a person: c_h / C_e + the reviewer's own error share.

    Above 1 means that review never pays. Raises ``ValueError`` for a negative review cost, an error cost not above 0
    or an error share outside [0, 1].
    """
    need_at_least("review_usd", review_usd, 0)
    need_positive("error_usd", error_usd)
    need_share("reviewer_error", reviewer_error)
    return review_usd / error_usd + reviewer_error


def automation_bar(reviewer_accuracy: float, review_usd: float, machine_usd: float, error_usd: float) -> float:
    """Accuracy above which full automation beats full review: p_h - (c_h - c_m) / C_e.

    Raises ``ValueError`` for an accuracy outside [0, 1] or an error cost not above 0.
    """
    need_share("reviewer_accuracy", reviewer_accuracy)
    need_positive("error_usd", error_usd)
    return reviewer_accuracy - (review_usd - machine_usd) / error_usd


def monthly_rate(yearly_rate: float) -> float:
    """The monthly rate that compounds to ``yearly_rate``: (1 + r)^(1/12) - 1.

    Raises ``ValueError`` for a rate at or below -1.
    """
    need_positive("1 + yearly_rate", 1.0 + yearly_rate)
    # Written so that a rate near zero keeps its digits.
    return expm1(log1p(yearly_rate) / 12.0)


def annuity_months(months: float, yearly_rate: float) -> float:
    """What one USD a month, paid at the end of each of ``months``, is worth today.

    Raises ``ValueError`` for negative months or a rate at or below -1.
    """
    need_at_least("months", months, 0)
    rate = monthly_rate(yearly_rate)
    return months if rate == 0.0 else -expm1(-months * log1p(rate)) / rate


def expected_excess(mean: float, spread: float) -> float:
    """E[max(0, X)] for a normal X: m Phi(m / s) + s phi(m / s), what a gain is worth to somebody who may decline it.

    Raises ``ValueError`` for a negative spread.
    """
    need_at_least("spread", spread, 0)
    if spread == 0.0:
        return max(0.0, mean)
    z = mean / spread
    return max(0.0, mean * normal_cdf(z) + spread * normal_density(z))
