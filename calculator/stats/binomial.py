"""Exact binomial probabilities and one-sided tests, stable for up to a million trials."""
from calculator.stats.beta import binomial_term, incomplete_beta
from calculator.stats.checks import need_at_least, need_counts, need_share


def pmf(successes: int, trials: int, share: float) -> float:
    """P(X = successes) for X binomial; 0 outside 0 .. trials. Raises ``ValueError`` for a share outside [0, 1]."""
    need_at_least("trials", trials, 0)
    need_share("share", share)
    if not 0 <= successes <= trials:
        return 0.0
    return binomial_term(successes, trials, share, 1.0 - share)


def cdf(successes: int, trials: int, share: float) -> float:
    """P(X <= successes) for X binomial. Raises ``ValueError`` for a share outside [0, 1]."""
    need_at_least("trials", trials, 0)
    need_share("share", share)
    if successes < 0:
        return 0.0
    if successes >= trials or share == 0.0:
        return 1.0
    if share == 1.0:
        return 0.0
    return incomplete_beta(trials - successes, successes + 1.0, 1.0 - share)


def tail(successes: int, trials: int, share: float) -> float:
    """P(X >= successes) for X binomial. Raises ``ValueError`` for a share outside [0, 1]."""
    return cdf(trials - successes, trials, 1.0 - share)


def p_value_below(successes: int, trials: int, target: float) -> float:
    """One-sided exact p-value against "the true share is at least ``target``": P(X <= successes | target).

    Small values say that the system is really below its target.
    Raises ``ValueError`` unless 0 <= successes <= trials, trials >= 1 and 0 <= target <= 1.
    """
    need_counts("successes", successes, trials)
    return cdf(successes, trials, target)


def p_value_above(successes: int, trials: int, target: float) -> float:
    """One-sided exact p-value against "the true share is at most ``target``": P(X >= successes | target).

    Raises ``ValueError`` unless 0 <= successes <= trials, trials >= 1 and 0 <= target <= 1.
    """
    need_counts("successes", successes, trials)
    return tail(successes, trials, target)
