"""Make the coefficients of the quality model from published comparisons: regression with a part for each source.

What an option gained, on the scale of the model, is a sum of terms, of a part that all comparisons of one source have
in common, of one that the options of one comparison have, and of the option's own. The sizes of the parts are
estimated by likelihood; the terms are drawn towards stated beliefs. So ten comparisons of one source do not count as
ten sources. Suspect comparisons, and those without a baseline or a score scale, take no part. Native only: a reader
never fits anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from csv import DictReader
from dataclasses import asdict, fields, replace
from math import exp, inf, log, sqrt
from operator import mul
from typing import NamedTuple

from calculator.cases import TRAINED, Case, read_data
from calculator.cases.quality import (
    TYPICAL,
    Coefficients,
    baseline_is_small,
    is_engineered,
    retrieval_terms,
    scaled,
    small_terms,
    training_terms,
)

_BELIEFS = {row["name"]: row for row in DictReader(read_data("priors.csv").decode().splitlines())}

PRIORS = {name: (float(row["mean"]), float(row["deviation"])) for name, row in _BELIEFS.items() if row["deviation"]}
"""Mean and standard deviation of what is believed of each coefficient before the comparisons speak."""

BOUNDS = {name: (float(row["low"]), float(row["high"])) for name, row in _BELIEFS.items() if row["low"]}
"""Where a coefficient must lie for the laws of the model to hold."""

WEIGHED = {name: (float(row["mean"]), float(row["weight"])) for name, row in _BELIEFS.items() if row["weight"]}
"""Coefficients that are means of differences, and spreads that are roots of mean squares: the prior mean, and how many
sources it weighs as much as."""

PART_PRIORS = (0.4, 0.5, 0.3)
"""Sizes of the parts of a source, of a comparison and of an option before the comparisons speak ..."""

PART_DOUBT = 0.6
"""... and the standard deviation of their logarithms."""

PART_STEPS = (0.4, 0.2, 0.1, 0.05)
"""Steps in the logarithm by which the likeliest sizes are looked for, one part at a time."""


class Row(NamedTuple):
    """One option of one comparison: what its coefficients are multiplied with, and what it gained."""

    source: str
    case: str
    terms: Mapping[str, float]
    gained: float


class Solved(NamedTuple):
    """The coefficients of one family of options, and minus the logarithm of their likelihood, but for a constant.

    doubt: the covariance of the coefficients.
    """

    coefficients: Mapping[str, float]
    unlikeliness: float
    doubt: list[list[float]]


def weights(cases: Sequence[Case]) -> dict[str, float]:
    """Each case's weight by id: 1 / sqrt(cases of its source)."""
    sizes: dict[str, int] = {}
    for case in cases:
        sizes[case.source_group] = sizes.get(case.source_group, 0) + 1
    return {case.id: 1.0 / sqrt(sizes[case.source_group]) for case in cases}


def usable(case: Case) -> bool:
    """Whether a case can teach the model anything."""
    return not case.suspect and case.top_score is not None and case.situation.baseline_prompted_score_01 is not None


def gained(case: Case) -> dict[str, float]:
    """What each option gained over the prompted baseline on the scale of the model; empty without a scale of scores."""
    baseline = case.situation.baseline_prompted_score_01
    if case.top_score is None or baseline is None:
        return {}
    return {option: scaled(row.score / case.top_score) - scaled(baseline) for option, row in case.best.items()}


def fit(cases: Iterable[Case], start: Coefficients | None = None) -> Coefficients:
    """The coefficients from these cases.

    start: coefficients from which to look for the sizes of the parts, which saves time where few cases differ.
    Raises ValueError when no case can be used.
    """
    used = [case for case in cases if usable(case)]
    if not used:
        raise ValueError("cases: none has a baseline and a score scale, so there is nothing to fit")
    weight = weights(used)
    trained, parts_trained = _family("trained", _trained(used), _starts(start, "training", "tuned"))
    retrieved, parts_retrieved = _family("retrieved", _retrieved(used), _starts(start, "retrieval", "retrieved"))
    small, parts_small = _family("small", _small(used), _starts(start, "small", ""))
    nothing = Coefficients(**{field.name: 0.0 for field in fields(Coefficients)})
    found = replace(
        nothing,
        **trained,
        **retrieved,
        **small,
        spread_training=sqrt(parts_trained[0] ** 2 + parts_trained[1] ** 2),
        spread_tuned=parts_trained[2],
        spread_retrieval=sqrt(parts_retrieved[0] ** 2 + parts_retrieved[1] ** 2),
        spread_retrieved=parts_retrieved[2],
        spread_small=sqrt(sum(part**2 for part in parts_small)),
        highest_score=max(
            row.score / (case.top_score or 1.0)
            for case in used
            for option, row in case.best.items()
            if option in TRAINED or option == "rag"
        ),
    )
    return _with_differences(used, weight, found)


def _starts(start: Coefficients | None, shared: str, own: str) -> tuple[float, float, float]:
    """The sizes of the parts to start from: those of earlier coefficients, the shared part split evenly."""
    if start is None:
        return PART_PRIORS
    half = getattr(start, f"spread_{shared}") / sqrt(2.0)
    return half, half, getattr(start, f"spread_{own}") if own else half


def _trained(used: Iterable[Case]) -> Iterable[Row]:
    for case in used:
        engineered = is_engineered(case.situation, case.options)
        for option, points in gained(case).items():
            if option in ("ft_small", "ft_large"):
                terms = training_terms(case.situation, engineered)
                terms["trained_large"] = 1.0 if option == "ft_large" else 0.0
                yield Row(case.source_group, case.id, terms, points)


def _retrieved(used: Iterable[Case]) -> Iterable[Row]:
    for case in used:
        points = gained(case)
        if "rag" in points:
            yield Row(case.source_group, case.id, retrieval_terms(case.situation), points["rag"])


def _small(used: Iterable[Case]) -> Iterable[Row]:
    for case in used:
        points = gained(case)
        if "slm_prompted" in points and not baseline_is_small(case.situation, case.options):
            yield Row(case.source_group, case.id, small_terms(case.situation), points["slm_prompted"])


class Group(NamedTuple):
    """The rows of one case in sums. Most terms of a case are nothing, and these are not kept."""

    rows: int
    terms: list[tuple[int, float, list[tuple[int, float, float]]]]
    """Each term by its place, with its sum; and from there on the other terms by place, with the sum of their products
    with it and their own sum."""


class Rows(NamedTuple):
    """The rows of one family: names of its terms, the cases of each source in sums, and every row's terms."""

    names: tuple[str, ...]
    sources: tuple[tuple[Group, ...], ...]
    terms: tuple[tuple[float, ...], ...]


def _grouped(family: str, rows: Iterable[Row]) -> Rows:
    names = tuple(name for name in PRIORS if family in name)
    grouped: dict[str, dict[str, list[tuple[float, ...]]]] = {}
    terms = []
    for row in rows:
        vector = tuple(row.terms.get(name, 0.0) for name in names)
        terms.append(vector)
        grouped.setdefault(row.source, {}).setdefault(row.case, []).append((*vector, row.gained))
    sources = tuple(
        tuple(Group(len(vectors), _summed(list(zip(*vectors, strict=True)))) for vectors in cases.values())
        for cases in grouped.values()
    )
    return Rows(names, sources, tuple(terms))


def _summed(columns: Sequence[Sequence[float]]) -> list[tuple[int, float, list[tuple[int, float, float]]]]:
    """The terms of a group, from the values of each in its rows."""
    used = [(place, column, sum(column)) for place, column in enumerate(columns) if any(column)]
    return [
        (place, total, [(other, sum(map(mul, column, values)), summed) for other, values, summed in used[k:]])
        for k, (place, column, total) in enumerate(used)
    ]


def _family(
    family: str, rows: Iterable[Row], parts: tuple[float, float, float]
) -> tuple[Mapping[str, float], tuple[float, float, float]]:
    """The coefficients of one family of options, and the sizes of its parts: source (doubt included), case, own.

    A family without rows keeps its priors.
    """
    grouped = _grouped(family, rows)
    if not grouped.terms:
        return {name: PRIORS[name][0] for name in grouped.names}, PART_PRIORS
    best: tuple[float, ...] = parts
    least = _solve_parts(grouped, parts)
    for step in PART_STEPS:
        moved = True
        while moved:
            moved = False
            for k in range(3):
                for factor in (exp(step), exp(-step)):
                    tried = (*best[:k], best[k] * factor, *best[k + 1 :])
                    found = _solve_parts(grouped, tried)
                    if found.unlikeliness < least.unlikeliness - 1e-6:
                        best, least, moved = tried, found, True
    # What doubt about the terms adds to a row is missed by all options alike, as a source's part is.
    size = range(len(grouped.names))
    doubts = [sum(x[i] * least.doubt[i][j] * x[j] for i in size if x[i] for j in size if x[j]) for x in grouped.terms]
    return least.coefficients, (sqrt(best[0] ** 2 + sum(doubts) / len(doubts)), best[1], best[2])


def _solve_parts(rows: Rows, parts: tuple[float, ...]) -> Solved:
    """The likeliest coefficients for these sizes of the parts, drawn towards their priors.

    The covariance of a source's rows is own on the diagonal, plus case within a case, plus source everywhere. Its
    inverse is applied twice by the formula of Sherman and Morrison, so no matrix of rows is ever made.
    """
    source, case, own = (part * part for part in parts)
    size = len(rows.names) + 1
    total = [[0.0] * size for _ in range(size)]
    logarithm = 0.0
    for groups in rows.sources:
        sums, ones = [0.0] * size, 0.0
        for count, terms in groups:
            reach = own + count * case
            logarithm += (count - 1) * log(own) + log(reach)
            shrink = case / reach
            ones += count / reach
            for i, summed, others in terms:
                row, mine = total[i], shrink * summed
                for j, product, other in others:
                    row[j] += (product - mine * other) / own
                sums[i] += summed / reach
        shrink = source / (1.0 + source * ones)
        logarithm += log(1.0 + source * ones)
        for i in range(size):
            for j in range(i, size):
                total[i][j] -= shrink * sums[i] * sums[j]
    last = size - 1
    matrix = [[total[min(i, j)][max(i, j)] for j in range(last)] for i in range(last)]
    right = [total[i][last] for i in range(last)]
    squares = total[last][last]
    for i, name in enumerate(rows.names):
        mean, deviation = PRIORS[name]
        matrix[i][i] += deviation**-2
        right[i] += mean * deviation**-2
        squares += (mean / deviation) ** 2
    solved, inverse, determinant = _solve(matrix, right)
    unlikeliness = logarithm + squares - sum(a * b for a, b in zip(solved, right, strict=True)) + log(determinant)
    for part, prior in zip(parts, PART_PRIORS, strict=True):
        unlikeliness += (log(part / prior) / PART_DOUBT) ** 2
    held = {}
    for name, value in zip(rows.names, solved, strict=True):
        low, high = BOUNDS.get(name, (-inf, inf))
        held[name] = min(max(value, low), high)
    return Solved(held, unlikeliness, inverse)


def _solve(matrix: list[list[float]], right: list[float]) -> tuple[list[float], list[list[float]], float]:
    """The solution, the inverse and the determinant, by Gauss-Jordan elimination of a positive definite matrix."""
    count = len(right)
    rows = [[*matrix[i], right[i], *(1.0 if i == j else 0.0 for j in range(count))] for i in range(count)]
    determinant = 1.0
    for k in range(count):
        pivot = rows[k][k]
        determinant *= pivot
        rows[k] = [x / pivot for x in rows[k]]
        for i in range(count):
            factor = rows[i][k]
            if i != k and factor:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[count] for row in rows], [row[count + 1 :] for row in rows], determinant


def _with_differences(used: Sequence[Case], weight: Mapping[str, float], fitted: Coefficients) -> Coefficients:
    """The coefficients that are means of differences between two options of the same comparison, and their spreads."""
    worked, pretrained, both = [], [], []
    for case in used:
        points, known = gained(case), case.situation
        if "as_is" in points and is_engineered(known, case.options) and not baseline_is_small(known, case.options):
            worked.append((weight[case.id], -points["as_is"]))
        if "continued_pretraining" in points and "slm_prompted" in points:
            pretrained.append((weight[case.id], points["continued_pretraining"] - points["slm_prompted"]))
        parts = [points[option] for option in ("ft_small", "rag") if option in points]
        if "ft_plus_rag" in points and len(parts) == 2:
            both.append((weight[case.id], points["ft_plus_rag"] - max(parts)))
    found = {
        name: _mean(pairs, *WEIGHED[name])
        for name, pairs in (("engineered", worked), ("pretrained", pretrained), ("both", both))
    }
    baselines = [(weight[case.id], case.situation.baseline_prompted_score_01 or 0.0) for case in used]
    middle = _mean(baselines, TYPICAL, 0.0)
    return replace(
        fitted,
        both=found["both"],
        pretrained=found["pretrained"],
        engineered=max(0.0, found["engineered"]),
        spread_both=_spread(both, found["both"], "spread_both"),
        spread_engineered=_spread(worked, found["engineered"], "spread_engineered"),
        spread_baseline=sqrt(_mean([(w, (b - middle) ** 2) for w, b in baselines], 0.0, 0.0)),
    )


def _spread(pairs: Iterable[tuple[float, float]], mean: float, name: str) -> float:
    prior, prior_weight = WEIGHED[name]
    return sqrt(_mean([(weight, (value - mean) ** 2) for weight, value in pairs], prior**2, prior_weight))


def _mean(weighted: Iterable[tuple[float, float]], prior: float, prior_weight: float) -> float:
    total, above = prior_weight, prior_weight * prior
    for weight, value in weighted:
        total += weight
        above += weight * value
    return above / total


def as_data(fitted: Coefficients) -> dict[str, float]:
    """The coefficients as they are stored: rounded, so that every machine stores the same."""
    return {name: round(value, 4) for name, value in asdict(fitted).items()}
