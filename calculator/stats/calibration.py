"""What a measurement of one's own does to an estimate: the product of two log-normal laws."""

from math import exp, log
from typing import NamedTuple

from calculator.stats.checks import need_positive


class Posterior(NamedTuple):
    """The factor on an estimate after a measurement: log-normal, by the mean and the deviation of its logarithm."""

    log_mean: float
    log_sd: float

    def at(self, z: float) -> float:
        """The factor so many standard deviations from its median."""
        return exp(self.log_mean + z * self.log_sd)


def posterior(*, prior_sd: float, ratio: float, measurement_sd: float) -> Posterior:
    """The factor on an estimate whose logarithm is off by a normal of ``prior_sd``, once it was measured.

    ``ratio`` is measured over estimated, ``measurement_sd`` what repeating the measurement moves its logarithm by. The
    precisions add up, and the mean is weighted by them (conjugate normal law with known variances):

        1 / sd² = 1 / prior_sd² + 1 / measurement_sd²,   mean = ln(ratio) · sd² / measurement_sd²

    Raises ``ValueError`` for anything that is not above 0.
    """
    need_positive("prior_sd", prior_sd)
    need_positive("ratio", ratio)
    need_positive("measurement_sd", measurement_sd)
    weight = prior_sd**2 / (prior_sd**2 + measurement_sd**2)
    return Posterior(weight * log(ratio), weight**0.5 * measurement_sd)
