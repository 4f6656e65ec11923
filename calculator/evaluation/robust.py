"""One robust fit for every estimator: least squares in logarithms, with priors, and deaf to odd runs. Native only."""

from collections.abc import Callable, Mapping, Sequence
from math import exp, log, log1p
from typing import Any, NamedTuple, TypeVar

from calculator.evaluation.reading import beside

Run = TypeVar("Run")

_KEPT_ERRORS = 200
_MOST_STEPS = 30


class Fit(NamedTuple):
    """Coefficients, and what no run had a say in."""

    coefficients: dict[str, float]
    unmoved: tuple[str, ...]
    """Coefficients that stayed at their prior because no run depends on them."""


def priors(law: str) -> dict[str, tuple[float, float]]:
    """Where a fit starts from, by ``priors.csv``: the value of each coefficient of a law, and the logarithm by which it
    may move before that counts as much as an error of the fit's tolerance."""
    rows = (row for row in beside("priors.csv") if row["law"] == law)
    return {row["name"]: (float(row["value"]), float(row["log_sd"])) for row in rows}


def fit(
    errors: Callable[[Mapping[str, float]], Sequence[float]],
    priors: Mapping[str, tuple[float, float]],
    weights: Sequence[float],
    *,
    tolerance: float,
    tail: float = 4.0,
    start: Mapping[str, float] | None = None,
) -> Fit:
    """The coefficients that make the errors least.

    ``errors`` gives, for coefficients by name, the logarithm of estimate over measured of each run. ``priors`` has a
    value and the logarithm by which a coefficient may move before that counts as much as an error of ``tolerance``.
    ``weights`` are of the runs; ``start`` is where the search begins, if not at the priors. An error counts as the
    logarithm of Student's t with ``tail`` degrees of freedom has it, so far ones pull ever less. Solved by Gauss-Newton
    steps in the logarithms of the coefficients, halved until the loss falls; deterministic.
    """
    names = list(priors)
    centre = [log(priors[name][0]) for name in names]
    scale = [priors[name][1] for name in names]

    def at(x: Sequence[float]) -> list[float]:
        return [e / tolerance for e in errors(dict(zip(names, map(exp, x), strict=True)))]

    def loss(found: Sequence[float], x: Sequence[float]) -> float:
        data = sum(w * tail * log1p(e * e / tail) for w, e in zip(weights, found, strict=True))
        return data + sum(((a - b) / s) ** 2 for a, b, s in zip(x, centre, scale, strict=True))

    x = [log(start[name]) for name in names] if start else list(centre)
    found = at(x)
    best = loss(found, x)
    moved: set[str] = set()
    for _ in range(_MOST_STEPS):
        slopes = []
        for i, name in enumerate(names):
            there = at([a + (1e-3 if i == j else 0.0) for j, a in enumerate(x)])
            slopes.append([(b - a) / 1e-3 for a, b in zip(found, there, strict=True)])
            if any(slopes[-1]):
                moved.add(name)
        pulls = [w / (1 + e * e / tail) for w, e in zip(weights, found, strict=True)]
        matrix, right = [], []
        for i, slope in enumerate(slopes):
            pulled = [w * a for w, a in zip(pulls, slope, strict=True)]
            matrix.append([sum(map(float.__mul__, pulled, other)) for other in slopes])
            matrix[i][i] += scale[i] ** -2
            right.append(-sum(map(float.__mul__, pulled, found)) - (x[i] - centre[i]) / scale[i] ** 2)
        step = solve(matrix, right)
        length, reached = 1.0, False
        while length > 1e-3 and not reached:
            trial = [a + length * max(-0.5, min(0.5, b)) for a, b in zip(x, step, strict=True)]
            trial_found = at(trial)
            trial_loss = loss(trial_found, trial)
            reached = trial_loss < best
            length /= 2
        if not reached:
            break
        gain, x, found, best = best - trial_loss, trial, trial_found, trial_loss
        if gain < 1e-6 * best:
            break
    values = {name: float(f"{exp(value):.4g}") for name, value in zip(names, x, strict=True)}
    return Fit(values, tuple(name for name in names if name not in moved))


class _Seen:
    """Coefficients that remember which of them an estimate looked at."""

    def __init__(self, values: Any) -> None:
        self.values = values
        self.names: set[str] = set()

    def __getattr__(self, name: str) -> float:
        self.names.add(name)
        value: float = getattr(self.values, name)
        return value


def of_each(
    error: Callable[[Run, Any], float],
    runs: Sequence[Run],
    made: Callable[..., Any],
    priors: Mapping[str, tuple[float, float]],
) -> Callable[[Mapping[str, float]], list[float]]:
    """The errors of runs, as ``fit`` asks for them, from the error of one run.

    ``made`` gives the coefficients that ``error`` takes. Which of them an error looks at may depend on the run alone.
    Most nudges of one coefficient leave most runs as they were: those are not worked out again.
    """
    at_priors = made(**{name: value for name, (value, _) in priors.items()})
    looked = []
    for run in runs:
        seen = _Seen(at_priors)
        error(run, seen)
        looked.append(tuple(sorted(seen.names)))
    known: list[dict[tuple[float, ...], float]] = [{} for _ in runs]

    def errors(values: Mapping[str, float]) -> list[float]:
        c = made(**values)
        found = []
        for run, names, kept in zip(runs, looked, known, strict=True):
            key = tuple([values[name] for name in names])
            if key not in kept:
                if len(kept) > _KEPT_ERRORS:
                    kept.clear()
                kept[key] = error(run, c)
            found.append(kept[key])
        return found

    return errors


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The solution of a linear system, by Gauss-Jordan elimination with row exchange."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        pivot = max(range(i, len(rows)), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k, row in enumerate(rows):
            if k != i and row[i]:
                factor = row[i] / rows[i][i]
                rows[k] = [a - factor * b for a, b in zip(row, rows[i], strict=True)]
    return [row[-1] / row[i] for i, row in enumerate(rows)]
