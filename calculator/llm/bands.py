"""How far a run lies from those that an estimator was fitted to, and how much wider its band is for it.

A run has a place on each axis of its estimator: which generation of GPU, which framework, which sharding, and so on.
Where some fitted run lies at the same place of every axis, the fitted band stands. For each axis at which none does, a
variance is added to that of the logarithm of the estimate:

    half width in logarithms = √(own half width² + 1.645² · Σ variance of the absent axes)

The variances are found from projects that were left out of the fit (``calculator.evaluation.distance``), and lie with
the fitted numbers.
"""

from collections.abc import Mapping
from functools import cache
from math import exp, log, sqrt
from typing import Any, NamedTuple

from calculator.llm.fitted import fitted

SD_OF_BAND = 1.645
"""From the middle of a normal distribution to its 95th percentile, in standard deviations."""

AXES = {
    "gpu": "on this card",
    "framework": "with this framework",
    "sharding": "split over GPUs in this way",
    "arithmetic": "in this number format",
    "optimizer": "with this optimizer",
    "method": "of this kind of training",
    "kernel": "with these kernels",
    "engine": "with this engine",
    "metric": "measured in this way",
    "lengths": "with sequences of such lengths",
    "offload": "with this offload",
    "model": "of a model of this kind",
    "batch": "at such a batch",
}
"""What an axis is called in "no published run …"."""


class Distance(NamedTuple):
    """How like a run is to the fitted ones."""

    absent: tuple[str, ...]
    """Axes at whose place no fitted run lies."""
    variance: float
    """To be added to that of the logarithm of the estimate."""
    runs: int
    """Fitted runs that lie at the same place on every axis."""
    projects: int
    """From so many projects."""

    @property
    def words(self) -> str:
        """What is said beside the estimate."""
        if self.absent:
            missing = ", none ".join(AXES[axis] for axis in self.absent)
            return f"No published run {missing}; the range is wider for it."
        if self.runs:
            runs, projects = _count(self.runs, "published run"), _count(self.projects, "project")
            return f"{runs} like yours, from {projects}."
        return "Published runs share each trait of yours, none shares all."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


class Known(NamedTuple):
    """The runs that an estimator was fitted to, by their places."""

    axes: tuple[str, ...]
    cells: dict[tuple[str, ...], tuple[int, int]]
    """Runs and projects at each place."""
    seen: dict[str, frozenset[str]]
    """By axis."""
    variance: dict[str, float]
    """By axis: what it adds where no run lies."""


@cache
def known(what: str) -> Known:
    """The runs behind ``fitted(what)``."""
    return read(fitted(what))


def read(data: Mapping[str, Any]) -> Known:
    """The runs of a fitted file: its ``axes``, ``cells`` and ``variance``."""
    axes = tuple(data["axes"])
    cells = {tuple(cell[:-2]): (int(cell[-2]), int(cell[-1])) for cell in data["cells"]}
    seen = {axis: frozenset(where[place] for where in cells) for place, axis in enumerate(axes)}
    return Known(axes, cells, seen, dict(data["variance"]))


def distance(runs: Known, place: Mapping[str, str]) -> Distance:
    """How far a run is from those known.

    ``place`` has the run's value on each axis of the estimator; an axis that is left out is taken as unknown, "", which
    is absent unless it is that of some fitted run too. Raises KeyError for an axis that the estimator does not have.
    """
    if unknown := set(place) - set(runs.axes):
        raise KeyError(f"axes: must be of {', '.join(runs.axes)}; given: {', '.join(sorted(unknown))}")
    where = tuple(place.get(axis, "") for axis in runs.axes)
    absent = tuple(axis for axis, value in zip(runs.axes, where, strict=True) if value not in runs.seen[axis])
    count, projects = runs.cells.get(where, (0, 0))
    return Distance(absent, sum(runs.variance[axis] for axis in absent), count, projects)


def widened(low: float, estimate: float, high: float, variance: float) -> tuple[float, float]:
    """The ends of a band with this variance added to both sides of it, in logarithms."""
    if not variance or not 0 < low <= estimate <= high:
        return low, high
    more = SD_OF_BAND**2 * variance
    below = sqrt(log(estimate / low) ** 2 + more)
    above = sqrt(log(high / estimate) ** 2 + more)
    return estimate * exp(-below), estimate * exp(above)
