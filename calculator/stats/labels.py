"""What labels, seeds, epochs and adapters are worth: noise, effective numbers and capacity."""
from functools import lru_cache
from math import ceil, inf, isfinite, sqrt

from calculator.stats.checks import need_at_least, need_inside, need_positive, need_share
from calculator.stats.intervals import standard_error
from calculator.stats.normal import critical_z, normal_cdf, normal_density, normal_quantile

# What a parameter can hold: Allen-Zhu and Li 2024, arXiv 2404.05405, measured about 2 bits.
BITS_PER_PARAMETER = 2.0
# An upper bound on the information in a token of training text, in bits: Schulman et al. 2025, "LoRA Without Regret".
BITS_PER_TOKEN = 1.0


def rater_error(agreement: float, classes: int = 2) -> float:
    """Error share of one rater when two independent raters of equal skill agree on this share of the items.

    Wrong answers are taken to spread evenly over the other classes, so agreement = (1 - e)^2 + e^2 / (classes - 1);
    for two classes e = (1 - sqrt(1 - 2 (1 - A))) / 2. Agreement at or below chance gives the error of guessing.
    Raises ``ValueError`` for an agreement outside [0, 1] or fewer than 2 classes.
    """
    need_share("agreement", agreement)
    need_at_least("classes", classes, 2)
    guessing = 1.0 - 1.0 / classes
    inside = 1.0 - (1.0 - agreement) / guessing
    return guessing * (1.0 - sqrt(inside)) if inside > 0.0 else guessing


def noise_ceiling(agreement: float, classes: int = 2) -> float:
    """The highest score that can be measured against labels of one such rater: 1 - ``rater_error``."""
    return 1.0 - rater_error(agreement, classes)


def effective_labels(labels: float, label_error: float) -> float:
    """Clean labels worth as much as ``labels`` with a symmetric binary error: n (1 - 2 e)^2.

    Raises ``ValueError`` for a negative number or an error outside [0, 1].
    """
    need_at_least("labels", labels, 0)
    need_share("label_error", label_error)
    return labels * (1.0 - 2.0 * label_error) ** 2


def mixed_labels(human: float, synthetic: float, worth: float) -> float:
    """Human-label equivalents of a mixed set: n_h + w n_s. Raises ``ValueError`` for a negative argument."""
    need_at_least("human", human, 0)
    need_at_least("synthetic", synthetic, 0)
    need_at_least("worth", worth, 0)
    return human + worth * synthetic


@lru_cache(maxsize=256)
def best_of(runs: int) -> float:
    """Expected largest of ``runs`` independent standard normals: how much reporting the best run flatters, in sigmas.

    0.56 for 2, 0.85 for 3, 1.16 for 5, 1.54 for 10. Integrates z k phi(z) Phi(z)^(k - 1) by the trapezoid rule,
    which converges faster than any power of the step for such an integrand.
    Raises ``ValueError`` for fewer than 1 run.
    """
    need_at_least("runs", runs, 1)
    step = 1.0 / 32.0
    total = 0.0
    for k in range(-38 * 32, 38 * 32 + 1):
        z = k * step
        total += z * normal_density(z) * normal_cdf(z) ** (runs - 1)
    return runs * step * total


def score_standard_error(score: float, items: float, seed_spread: float = 0.0, seeds: int = 1) -> float:
    """Standard error of a mean score over ``seeds`` runs on the same test items: sqrt(p (1 - p) / n + s^2 / k).

    Raises ``ValueError`` for a score outside [0, 1], items not above 0, a negative spread or fewer than 1 seed.
    """
    need_at_least("seed_spread", seed_spread, 0)
    need_at_least("seeds", seeds, 1)
    return sqrt(standard_error(score, items) ** 2 + seed_spread ** 2 / seeds)


def seeds_needed(seed_spread: float, gain: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """Runs per arm to find a difference of ``gain`` against the spread over seeds alone.

    2 (z_alpha + z_power)^2 (s / gain)^2, rounded up and at least 1; the noise of the test items comes on top. Infinite
    for a gain so small that the number has no place in a float.
    Raises ``ValueError`` for a negative spread or a gain not above 0.
    """
    need_at_least("seed_spread", seed_spread, 0)
    need_positive("gain", gain)
    need_inside("power", power)
    z = critical_z(1.0 - alpha) + normal_quantile(power)
    ratio = z * seed_spread / gain
    runs = 2.0 * ratio * ratio
    return float(max(1, ceil(runs))) if isfinite(runs) else inf


def adapter_capacity_tokens(parameters: float) -> float:
    """Trained tokens that an adapter of this many parameters can hold at two bits per parameter.

    Raises ``ValueError`` for negative parameters.
    """
    need_at_least("parameters", parameters, 0)
    return parameters * BITS_PER_PARAMETER / BITS_PER_TOKEN


def adapter_parameters(tokens: float) -> float:
    """Adapter parameters that hold ``tokens`` trained tokens; the inverse of ``adapter_capacity_tokens``.

    Raises ``ValueError`` for negative tokens.
    """
    need_at_least("tokens", tokens, 0)
    return tokens * BITS_PER_TOKEN / BITS_PER_PARAMETER
