"""What belongs together when something is left out, and what an axis without a fitted run adds to a band. Native only.

``project_of``   one project is one family, for all estimators: its tables share scripts, machines and authors.
``cells``        the places of fitted runs, for the fitted file.
``variances``    the variance of each axis, from projects that were left out of the fit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from statistics import median
from typing import NamedTuple

from calculator.evaluation.reading import beside
from calculator.llm.bands import SD_OF_BAND

PRIOR_VARIANCE = 0.015
"""Of an axis about which nothing is known: an eighth more or less, as a standard deviation."""
PRIOR_WEIGHT = 2.0
"""How many projects that counts for."""
MOST = 0.25
"""As much as one observation may ask for: a factor of 1.6 as a standard deviation, so that no odd run sets an axis."""


@cache
def _projects() -> tuple[tuple[str, str], ...]:
    rows = ((row["source"], row["project"]) for row in beside("projects.csv"))
    return tuple(sorted(rows, key=lambda row: -len(row[0])))


def project_of(source: str) -> str:
    """The project that a source belongs to: by the longest beginning in ``projects.csv``, otherwise its first word."""
    lower = source.lower()
    for start, project in _projects():
        if lower.startswith(start):
            return project
    return lower.partition("-")[0]


class LeftOut(NamedTuple):
    """A run, predicted without its project."""

    project: str
    place: Mapping[str, str]
    error: float
    """Logarithm of estimate over measured."""
    half_width: float
    """Of its own band, in logarithms, before anything is added for distance."""


def cells(axes: Sequence[str], runs: Iterable[tuple[str, Mapping[str, str]]]) -> list[list[object]]:
    """Each place at which runs lie, with how many and of how many projects; ``runs`` are projects with their places."""
    found: dict[tuple[str, ...], list[str]] = {}
    for project, place in runs:
        found.setdefault(tuple(place.get(axis, "") for axis in axes), []).append(project)
    return [[*where, len(projects), len(set(projects))] for where, projects in sorted(found.items())]


def variances(axes: Sequence[str], runs: Sequence[LeftOut]) -> dict[str, float]:
    """The variance that each axis adds where a run's place on it is none of another project's.

    Projects count alike. Runs of one project that are away from all others on the same axes are one observation: the
    squares of their errors, less what their own band stands for, are what those axes together must explain. Solved by
    repeated sharing out (each axis takes of the rest in proportion to what it has), and drawn to ``PRIOR_VARIANCE``.
    """
    observations: dict[tuple[str, tuple[str, ...]], list[float]] = {}
    for run in runs:
        others = [other for other in runs if other.project != run.project]
        absent = tuple(axis for axis in axes if not any(o.place.get(axis) == run.place.get(axis) for o in others))
        if absent:
            rest = run.error**2 - (run.half_width / SD_OF_BAND) ** 2
            observations.setdefault((run.project, absent), []).append(rest)
    seen = [(absent, min(MOST, max(0.0, median(rest)))) for (_, absent), rest in observations.items()]
    found = dict.fromkeys(axes, PRIOR_VARIANCE)
    for _ in range(200):
        shared: dict[str, list[float]] = {axis: [] for axis in axes}
        for absent, rest in seen:
            total = sum(found[axis] for axis in absent) or 1.0
            for axis in absent:
                shared[axis].append(rest * found[axis] / total)
        found = {
            axis: (PRIOR_WEIGHT * PRIOR_VARIANCE + sum(parts)) / (PRIOR_WEIGHT + len(parts))
            for axis, parts in shared.items()
        }
    return {axis: round(value, 4) for axis, value in found.items()}


def quantile(found: Sequence[tuple[str, float]], share: float) -> float:
    """The size that so large a share of the errors does not exceed, with each project's errors counting for one."""
    counts = Counter(project for project, _ in found)
    reached, total = 0.0, float(len(counts))
    for project, error in sorted(found, key=lambda pair: pair[1]):
        reached += 1 / counts[project]
        if reached >= share * total:
            return error
    return max(error for _, error in found)
