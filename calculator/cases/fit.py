"""Make the coefficients of the quality model from published comparisons: a ridge regression towards stated beliefs.

Each comparison weighs 1 / sqrt(comparisons of its source). Suspect ones, and those without a baseline or a score
scale, take no part. The prior of a coefficient says what the evidence at large makes of it and how sure that is;
comparisons move it from there. Native only: a reader never fits anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from math import inf, log, sqrt

from calculator.cases import Case
from calculator.cases.quality import (
    PIVOT,
    Coefficients,
    baseline_is_small,
    gains,
    is_engineered,
    label_powers,
    retrieval_terms,
    training_terms,
)

RESIDUAL_POINTS = 18.0
"""Standard deviation, in points, that one comparison is taken to have about the model when it is weighed against the
priors. The residuals of sources left out have a standard deviation of 14 for training and 17 for retrieval; what
comparisons of one source have in common is on top."""

PRIORS: Mapping[str, tuple[float, float]] = {
    "slope": (-50.0, 15.0),  # a trained model's score follows about half of the prompted one's
    "trained": (5.0, 6.0),  # a little, at a typical baseline
    "trained_structured": (8.0, 5.0),  # SQL, extraction, tools and labels gain
    "trained_knowledge": (-8.0, 5.0),  # tuning is a poor way to add facts
    "trained_labels": (6.0, 3.0),  # per power of ten; labels per class decide more than labels
    "trained_year": (-2.0, 1.5),  # prompted models improve every year
    "trained_long_context": (-3.0, 4.0),  # single-turn training seldom mends long context
    "trained_large": (2.0, 2.0),
    "engineered_prompt": (4.0, 3.0),
    "retrieved": (0.0, 4.0),  # next to nothing where the answer needs no facts from outside
    "retrieved_knowledge": (15.0, 6.0),
    "retrieved_tools": (10.0, 6.0),
    "retrieved_changing": (6.0, 3.0),  # with changing facts, retrieval won almost every time
}
"""Mean and standard deviation, in points, of what is believed of each coefficient before the comparisons speak."""

BOUNDS: Mapping[str, tuple[float, float]] = {
    "slope": (-95.0, -5.0),
    "trained_labels": (0.0, inf),
    "engineered_prompt": (0.0, inf),
    "retrieved_changing": (0.0, inf),
}
"""Where a coefficient must lie for the laws of the model to hold."""

OPTIONAL = (
    "trained_structured",
    "trained_knowledge",
    "trained_labels",
    "trained_year",
    "trained_long_context",
    "engineered_prompt",
)
"""The terms that `validation.cases structures` tries to do without."""

MEAN_PRIORS: Mapping[str, tuple[float, float]] = {
    "both": (-0.5, 2.0),
    "pretrained": (-3.0, 2.0),
    "small_share": (0.72, 2.0),
    "labels_when_unknown": (0.5, 1.0),
}
"""Coefficients that are weighted means: the prior mean, and how much weight it has. A comparison that is the only
one of its source has weight 1."""

SPREAD_PRIORS: Mapping[str, tuple[float, float]] = {"spread_small": (14.0, 2.0), "spread_prompt": (4.0, 2.0)}
"""Spreads that are roots of mean squares, in the same form."""

SLOPE_SPREADS = range(0, 52, 3)
OWN_SPREADS = range(2, 30)
"""Where the likeliest spreads of the slope and of an option's own are looked for, in points."""

SHARED_PRIOR = (0.5, 5.0)
FURTHEST_POINTS = 20.0
"""Residuals beyond this count as this, where a handful of them makes a mean."""

_KIND = {
    "ft_small": "spread_trained",
    "ft_large": "spread_trained",
    "rag": "spread_retrieved",
    "ft_plus_rag": "spread_retrieved",
    "slm_prompted": "spread_small",
    "continued_pretraining": "spread_small",
    "as_is": "spread_prompt",
    "prompting": "spread_prompt",
    "few_shot": "spread_prompt",
}
_NOTHING = Coefficients(**{field.name: 0.0 for field in fields(Coefficients)})

Row = tuple[dict[str, float], float, float]
"""What the coefficients are multiplied with, the points gained, the weight."""

Miss = tuple[float, float, float]
"""The weight, how many points the model was off, and one less the baseline."""


def weights(cases: Sequence[Case]) -> dict[str, float]:
    """Each case's weight by id: 1 / sqrt(cases of its source)."""
    sizes: dict[str, int] = {}
    for case in cases:
        sizes[case.source_group] = sizes.get(case.source_group, 0) + 1
    return {case.id: 1.0 / sqrt(sizes[case.source_group]) for case in cases}


def usable(case: Case) -> bool:
    """Whether a case can teach the model anything."""
    return not case.suspect and case.top_score is not None and case.situation.baseline_prompted_score_01 is not None


def gained_points(case: Case) -> dict[str, float]:
    """What each option gained over the prompted baseline, in points of a 0 to 100 score; empty without a scale."""
    baseline = case.situation.baseline_prompted_score_01
    if case.top_score is None or baseline is None:
        return {}
    return {option: 100.0 * (row.score / case.top_score - baseline) for option, row in case.best.items()}


def fit(
    cases: Iterable[Case], terms: Iterable[str] = OPTIONAL, *, undirected: bool = False, spreads: bool = True
) -> Coefficients:
    """The coefficients from these cases.

    terms: which of `OPTIONAL` the model has. undirected: put every prior's mean at zero and widen it to hold the old
    mean, so that the cases alone give the signs. spreads: False skips the spreads, which need one fit per source.
    Raises ValueError when no case can be used.
    """
    used = [case for case in cases if usable(case)]
    if not used:
        raise ValueError("cases: none has a baseline and a score scale, so there is nothing to fit")
    weight = weights(used)
    fitted = _means(used, weight, tuple(terms), undirected)
    return _with_spreads(used, weight, fitted, tuple(terms), undirected) if spreads else fitted


def _means(used: Sequence[Case], weight: Mapping[str, float], terms: Sequence[str], undirected: bool) -> Coefficients:
    known = [(weight[c.id], powers) for c in used if (powers := label_powers(c.situation)) is not None]
    unknown = _mean(known, *MEAN_PRIORS["labels_when_unknown"])
    names = [name for name in PRIORS if name in terms or name not in OPTIONAL]
    solved = _ridge(names, list(_rows(used, weight, unknown)), undirected)
    fitted = replace(_NOTHING, labels_when_unknown=unknown, **solved)
    small, pretrained = [], []
    for case in used:
        points, baseline = gained_points(case), case.situation.baseline_prompted_score_01 or 0.0
        small_is_best = baseline_is_small(case.situation, case.options)
        if "slm_prompted" in points and not small_is_best and baseline > 0.0:
            small.append((weight[case.id], 1.0 + points["slm_prompted"] / 100.0 / baseline))
    fitted = replace(fitted, small_share=_mean(small, *MEAN_PRIORS["small_share"]))
    both = []
    for case in used:
        points, predicted = gained_points(case), gains(case.situation, ("slm_prompted", *case.options), fitted)
        if "ft_plus_rag" in points:
            both.append((weight[case.id], _held(points["ft_plus_rag"] - 100.0 * predicted["ft_plus_rag"].mean)))
        if "continued_pretraining" in points:
            small_points = 100.0 * predicted["slm_prompted"].mean
            pretrained.append((weight[case.id], _held(points["continued_pretraining"] - small_points)))
    # Retrieval alone is taken when both are expected to do the same: it is the lesser commitment.
    return replace(
        fitted,
        both=min(-0.01, _mean(both, *MEAN_PRIORS["both"])),
        pretrained=_mean(pretrained, *MEAN_PRIORS["pretrained"]),
    )


def _rows(used: Iterable[Case], weight: Mapping[str, float], labels_when_unknown: float) -> Iterable[Row]:
    for case in used:
        engineered = is_engineered(case.situation, case.options)
        for option, points in gained_points(case).items():
            if option in ("ft_small", "ft_large"):
                terms = training_terms(case.situation, engineered, labels_when_unknown)
                terms["trained_large"] = 1.0 if option == "ft_large" else 0.0
                yield terms, points, weight[case.id]
            elif option == "rag":
                yield retrieval_terms(case.situation), points, weight[case.id]
            elif option == "as_is" and engineered:
                large = case.situation.baseline_large_prompted_score_01
                baseline = case.situation.baseline_prompted_score_01 or 0.0
                below = 0.0 if large is None else 100.0 * (large - baseline)
                yield {"engineered_prompt": -1.0}, points - below, weight[case.id]


def _ridge(names: Sequence[str], rows: Sequence[Row], undirected: bool) -> dict[str, float]:
    """The coefficients that minimise weighted squares plus distance from the priors, held within `BOUNDS`."""
    count = len(names)
    matrix, right = [[0.0] * count for _ in names], [0.0] * count
    for terms, points, weight in rows:
        x = [terms.get(name, 0.0) for name in names]
        scale = weight / RESIDUAL_POINTS**2
        for i in range(count):
            if x[i]:
                right[i] += scale * x[i] * points
                for j in range(count):
                    matrix[i][j] += scale * x[i] * x[j]
    for i, name in enumerate(names):
        mean, deviation = PRIORS[name]
        if undirected:
            mean, deviation = 0.0, max(deviation, abs(mean))
        matrix[i][i] += deviation**-2
        right[i] += mean * deviation**-2
    held: dict[int, float] = {}
    while True:
        free = [i for i in range(count) if i not in held]
        solved = _solve(
            [[matrix[i][j] for j in free] for i in free],
            [right[i] - sum(matrix[i][j] * value for j, value in held.items()) for i in free],
        )
        found = held | dict(zip(free, solved, strict=True))
        outside = {}
        for i in free:
            low, high = BOUNDS.get(names[i], (-inf, inf))
            if not low <= found[i] <= high:
                outside[i] = min(max(found[i], low), high)
        if not outside:
            return {names[i]: found[i] for i in range(count)}
        held |= outside


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss-Jordan elimination with the largest pivot; the matrix is positive definite."""
    count = len(right)
    rows = [[*matrix[i], right[i]] for i in range(count)]
    for k in range(count):
        pivot = max(range(k, count), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(count):
            if i != k:
                factor = rows[i][k] / rows[k][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [rows[i][count] / rows[i][i] for i in range(count)]


def _mean(weighted: Iterable[tuple[float, float]], prior: float, prior_weight: float) -> float:
    total, above = prior_weight, prior_weight * prior
    for weight, value in weighted:
        total += weight
        above += weight * value
    return above / total


def _held(points: float) -> float:
    return max(-FURTHEST_POINTS, min(FURTHEST_POINTS, points))


def _with_spreads(
    used: Sequence[Case], weight: Mapping[str, float], fitted: Coefficients, terms: Sequence[str], undirected: bool
) -> Coefficients:
    """Spreads from what is missed on sources that are left out."""
    missed: dict[str, list[Miss]] = {name: [] for name in _KIND.values()}
    training, retrieval = [], []
    for group in sorted({case.source_group for case in used}):
        others = [case for case in used if case.source_group != group]
        left_out = _means(others, weight, terms, undirected) if others else fitted
        for case in used:
            if case.source_group != group:
                continue
            headroom = 1.0 - (case.situation.baseline_prompted_score_01 or 0.0)
            predicted = gains(case.situation, case.options, left_out)
            misses = {o: points - 100.0 * predicted[o].mean for o, points in gained_points(case).items()}
            for option, miss in misses.items():
                if not _is_baseline(case, option):
                    missed[_KIND[option]].append((weight[case.id], miss, headroom))
            for first, second in (("ft_small", "ft_large"), ("ft_small", "ft_plus_rag")):
                if first in misses and second in misses:
                    training.append((weight[case.id], misses[first], misses[second]))
            if "rag" in misses and "ft_plus_rag" in misses:
                retrieval.append((weight[case.id], misses["rag"], misses["ft_plus_rag"]))
    own, slope = min(
        ((own, slope) for own in OWN_SPREADS for slope in SLOPE_SPREADS),
        key=lambda pair: _unlikeliness(missed["spread_trained"], *pair),
    )
    retrieved = min(OWN_SPREADS, key=lambda spread: _unlikeliness(missed["spread_retrieved"], spread, slope))
    baselines = [(weight[c.id], c.situation.baseline_prompted_score_01 or 0.0) for c in used]
    middle = _mean(baselines, PIVOT, 0.0)
    return replace(
        fitted,
        spread_slope=float(slope),
        spread_trained=float(own),
        spread_retrieved=float(retrieved),
        **{
            name: sqrt(_mean([(w, miss * miss) for w, miss, _ in missed[name]], prior**2, prior_weight))
            for name, (prior, prior_weight) in SPREAD_PRIORS.items()
        },
        spread_baseline=100.0 * sqrt(_mean([(w, (b - middle) ** 2) for w, b in baselines], 0.0, 0.0)),
        shared_training=_shared(training),
        shared_retrieval=_shared(retrieval),
    )


def _is_baseline(case: Case, option: str) -> bool:
    """Whether the option's score is the baseline itself, which is given and so never missed."""
    if baseline_is_small(case.situation, case.options):
        return option == "slm_prompted"
    engineered = is_engineered(case.situation, case.options)
    return option in (("prompting", "few_shot") if engineered else ("as_is",))


def _unlikeliness(missed: Iterable[Miss], own: float, slope: float) -> float:
    """Minus twice the normal log likelihood of misses with these spreads, but for a constant."""
    total = 0.0
    for weight, miss, headroom in missed:
        variance = own * own + (slope * headroom) ** 2
        total += weight * (log(variance) + miss * miss / variance)
    return total


def _shared(pairs: Iterable[tuple[float, float, float]]) -> float:
    """The correlation of two residuals about zero, drawn towards one half, within 0 and 0.9."""
    prior, total = SHARED_PRIOR
    together = prior * total
    for weight, first, second in pairs:
        size = (first * first + second * second) / 2.0
        total += weight
        together += weight * (first * second / size if size else 1.0)
    return max(0.0, min(0.9, together / total))


def as_data(fitted: Coefficients) -> dict[str, float]:
    """The coefficients as they are stored: rounded, so that every machine stores the same."""
    return {name: round(value, 6) for name, value in asdict(fitted).items()}
