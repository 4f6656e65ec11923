"""The score to expect of each option in a situation, learned from the published comparisons.

The model is a sum of a few terms, in points of a 0 to 100 score relative to the best prompted baseline b:

    trained   = slope (b - PIVOT) + trained + structured task + knowledge questions + powers of ten of labels
                - engineered prompt + years since 2024 + long context             (+ large, for a large model)
    retrieved = slope (b - PIVOT) + retrieved + knowledge questions + tool use + changing facts,
                and never far below b, for the documents leave the prompt as it was
    both      = the better of the two without the bonus for changing facts, less a little
    untrained = the baseline itself; a plain prompt is an engineered one less what engineering brings;
                a small model reaches a share of the baseline

- One slope serves training and retrieval: whatever changes the system lifts a weak baseline more than a strong one.
- Labels count as log10 of the examples at hand over those a task of this kind needs (`examples_needed`), held
  within one and a half powers of ten.
- Changing facts help retrieval alone. The domain's specialisation and the strictness of the format taught nothing
  beyond the kind of task, and are not in the model.

What the terms miss is larger for weak baselines than for strong ones. It is drawn as noise on the slope, which all
that change the system share, and noise of each option's own.

Three laws hold by construction, for the means and in every draw: more labels never lower the lead of training over
the rest, changing facts never raise it, and a higher baseline never raises it over prompts and retrieval. Over a
prompted small model the last holds for the means alone, for its noise is its own.

The coefficients are data (`coefficients.json`), made by `python -m calculator.evaluation.cases fit --write`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import log10, sqrt
from typing import Any, NamedTuple

from calculator.cases import OPTIONS, TRAINED, Situation, read_data
from calculator.stats.normal import normal_quantile
from calculator.stats.sampling import columns

PIVOT = 0.62
"""A typical prompted baseline: the middle of the published ones. Terms are what holds there."""

STRUCTURED = frozenset({"classification", "extraction", "sql", "tool_use"})
"""Kinds of task with a fixed form of answer, where the comparisons found training to gain."""

LABELS_PER_CLASS = 20.0
"""Where tuning and examples in the prompt cross over, in labels per class (Bertsch et al. 2024, arXiv 2405.00200)."""

EXAMPLES_NEEDED: Mapping[str, float] = {"classification": 4 * LABELS_PER_CLASS, "extraction": 300.0}
"""Labels at which tuning begins to pay when classes are not counted: four classes' worth for classification, the
middle of 200 to 500 for extraction as practitioners report it."""

EXAMPLES_NEEDED_ELSE = 1000.0
"""The same for every other task: the low end of 1,000 to 5,000 for complex behaviour."""

LABEL_POWERS = 1.5
"""How many powers of ten more or fewer labels still count; curves flatten at both ends."""

YEARS = (2022.0, 2026.0)
"""The year is held within these: the comparisons are of 2022 to 2025."""

RETRIEVAL_FLOOR_POINTS = -4.0
"""Retrieval alone is not expected to cost more than this: it took 87 BLEU to 83 in the worked case of OpenAI's guide
on accuracy."""

_LARGE_PROMPTED = ("as_is", "prompting", "few_shot")
_ENGINEERED = ("prompting", "few_shot")
_DRAWS = 1000


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """The fitted numbers, in points of a 0 to 100 score unless the name says otherwise.

    The spreads are standard deviations on comparisons of sources that were left out of the fit. spread_slope is that
    of the slope. shared_training and shared_retrieval are the part of an
    option's own variance that two trained (two retrieving) options have in common.
    """

    slope: float
    trained: float
    trained_structured: float
    trained_knowledge: float
    trained_labels: float
    trained_year: float
    trained_long_context: float
    trained_large: float
    engineered_prompt: float
    retrieved: float
    retrieved_knowledge: float
    retrieved_tools: float
    retrieved_changing: float
    both: float
    pretrained: float
    small_share: float
    labels_when_unknown: float
    spread_slope: float
    spread_trained: float
    spread_retrieved: float
    spread_small: float
    spread_prompt: float
    spread_baseline: float
    shared_training: float
    shared_retrieval: float


class Expectation(NamedTuple):
    """The mean of what to expect and its standard deviation, both on a scale from 0 to 1."""

    mean: float
    spread: float


_loaded: dict[str, Any] = {}


def coefficients() -> Coefficients:
    """The published coefficients."""
    if "coefficients" not in _loaded:
        from json import loads

        _loaded["coefficients"] = Coefficients(**loads(read_data("coefficients.json"))["coefficients"])
    found: Coefficients = _loaded["coefficients"]
    return found


def examples_needed(situation: Situation) -> float:
    """Labelled examples at which training begins to pay in this situation."""
    if situation.n_classes is not None:
        return LABELS_PER_CLASS * situation.n_classes
    return EXAMPLES_NEEDED.get(situation.task_type or "", EXAMPLES_NEEDED_ELSE)


def label_powers(situation: Situation) -> float | None:
    """Powers of ten by which the labels at hand exceed those needed, within `LABEL_POWERS`; None when not known."""
    if situation.n_train_examples is None:
        return None
    powers = log10((situation.n_train_examples + 1.0) / examples_needed(situation))
    return max(-LABEL_POWERS, min(LABEL_POWERS, powers))


def is_engineered(situation: Situation, options: Iterable[str]) -> bool:
    """Whether the prompted baseline is that of a prompt somebody worked on."""
    if situation.baseline_is_engineered is not None:
        return situation.baseline_is_engineered
    return any(option in _ENGINEERED for option in options)


def baseline_is_small(situation: Situation, options: Iterable[str]) -> bool:
    """Whether the best untrained model is a small one: it beats the large one, or no large one was measured."""
    if situation.baseline_prompted_score_01 is None:
        return False
    if situation.baseline_large_prompted_score_01 is not None:
        return situation.baseline_large_prompted_score_01 < situation.baseline_prompted_score_01
    measured = set(options)
    return "slm_prompted" in measured and not measured.intersection(_LARGE_PROMPTED)


def training_terms(situation: Situation, engineered: bool, labels_when_unknown: float) -> dict[str, float]:
    """What each coefficient of a trained option is multiplied with."""
    baseline = situation.baseline_prompted_score_01
    powers = label_powers(situation)
    return {
        "slope": 0.0 if baseline is None else baseline - PIVOT,
        "trained": 1.0,
        "trained_structured": 1.0 if situation.task_type in STRUCTURED else 0.0,
        "trained_knowledge": 1.0 if situation.task_type == "qa_knowledge" else 0.0,
        "trained_labels": labels_when_unknown if powers is None else powers,
        "engineered_prompt": -1.0 if engineered else 0.0,
        "trained_year": 0.0 if situation.year is None else max(YEARS[0], min(YEARS[1], situation.year)) - 2024.0,
        "trained_long_context": 1.0 if situation.multi_turn_or_long_context else 0.0,
    }


def retrieval_terms(situation: Situation) -> dict[str, float]:
    """What each coefficient of retrieval is multiplied with."""
    baseline = situation.baseline_prompted_score_01
    return {
        "slope": 0.0 if baseline is None else baseline - PIVOT,
        "retrieved": 1.0,
        "retrieved_knowledge": 1.0 if situation.task_type == "qa_knowledge" else 0.0,
        "retrieved_tools": 1.0 if situation.task_type == "tool_use" else 0.0,
        "retrieved_changing": float(situation.knowledge_changes_often or 0.0),
    }


def gains(
    situation: Situation, options: Iterable[str] = OPTIONS, fitted: Coefficients | None = None
) -> dict[str, Expectation]:
    """What each option is expected to add to the best prompted baseline, as a share of a perfect score.

    A gain may carry the score beyond 1: clip what is shown, not what is compared.
    Raises KeyError for an option that does not exist.
    """
    c = fitted or coefficients()
    options = tuple(options)
    baseline = PIVOT if situation.baseline_prompted_score_01 is None else situation.baseline_prompted_score_01
    engineered = is_engineered(situation, options)
    small_is_best = baseline_is_small(situation, options)
    large = 0.0
    if situation.baseline_large_prompted_score_01 is not None:
        large = 100.0 * (situation.baseline_large_prompted_score_01 - baseline)
    trained = sum(
        getattr(c, name) * x for name, x in training_terms(situation, engineered, c.labels_when_unknown).items()
    )
    retrieved = sum(getattr(c, name) * x for name, x in retrieval_terms(situation).items())
    lasting = retrieved - c.retrieved_changing * float(situation.knowledge_changes_often or 0.0)
    retrieved = max(retrieved, RETRIEVAL_FLOOR_POINTS)
    small = 0.0 if small_is_best else -100.0 * baseline * (1.0 - c.small_share)
    plain = (large - c.engineered_prompt, c.spread_prompt) if engineered else (large, 0.0)
    worked = (large, 0.0) if engineered else (large + c.engineered_prompt, c.spread_prompt)
    slope = c.spread_slope * (1.0 - baseline)
    spread_trained, spread_retrieved = sqrt(slope**2 + c.spread_trained**2), sqrt(slope**2 + c.spread_retrieved**2)
    found = {
        "as_is": plain,
        "prompting": worked,
        "few_shot": worked,
        "slm_prompted": (small, 0.0 if small_is_best else c.spread_small),
        "rag": (retrieved, spread_retrieved),
        "ft_small": (trained, spread_trained),
        "ft_large": (trained + c.trained_large, spread_trained),
        "ft_plus_rag": (max(lasting, trained) + c.both, spread_retrieved),
        "continued_pretraining": (small + c.pretrained, c.spread_small),
    }
    return {option: Expectation(found[option][0] / 100.0, found[option][1] / 100.0) for option in options}


def expected(
    situation: Situation, options: Iterable[str] = OPTIONS, fitted: Coefficients | None = None
) -> dict[str, Expectation]:
    """The score to expect of each option, from 0 to 1, and its standard deviation.

    With no baseline given, a typical one is taken and its spread added. Raises KeyError for an unknown option.
    """
    c = fitted or coefficients()
    known = situation.baseline_prompted_score_01
    base, level = (PIVOT, c.spread_baseline / 100.0) if known is None else (known, 0.0)
    return {
        option: Expectation(
            max(0.0, min(1.0, base + gain.mean)), sqrt(gain.spread**2 + level**2) if level else gain.spread
        )
        for option, gain in gains(situation, options, c).items()
    }


def draw(
    situation: Situation,
    gained: Mapping[str, Expectation],
    normals: Mapping[str, float],
    fitted: Coefficients | None = None,
) -> dict[str, float]:
    """One draw of the gains, from standard normals by name: "slope", "training", "retrieval" and each option's own.

    gained: what `gains` gave for this situation. A normal that is not given counts as zero.
    """
    c = fitted or coefficients()
    get, noises = normals.get, _noises(c)
    slope = _slope_points(situation, get("slope", 0.0), c) / 100.0
    training, retrieval = get("training", 0.0), get("retrieval", 0.0)
    drawn = {}
    for option, gain in gained.items():
        if gain.spread == 0.0:
            drawn[option] = gain.mean
            continue
        share, a, b, own = noises[option]
        noise = a * training + b * retrieval + own * get(option, 0.0)
        drawn[option] = gain.mean + share * slope + noise / 100.0
    return drawn


def _slope_points(situation: Situation, normal: float, c: Coefficients) -> float:
    """What the slope's noise adds, in points; the drawn slope is never above zero, so that the law holds."""
    baseline = PIVOT if situation.baseline_prompted_score_01 is None else situation.baseline_prompted_score_01
    return max(c.spread_slope * normal, c.slope) * (1.0 - baseline)


@lru_cache(maxsize=32)
def _noises(c: Coefficients) -> dict[str, tuple[float, float, float, float]]:
    """The noise of every option."""
    return {option: _noise(option, c) for option in OPTIONS}


def _noise(option: str, c: Coefficients) -> tuple[float, float, float, float]:
    """Whether the slope's noise touches the option, and the points that go with training, retrieval and its own."""
    if option == "rag" or option == "ft_plus_rag":
        total, retrieval = c.spread_retrieved, c.shared_retrieval
    elif option == "ft_small" or option == "ft_large":
        total, retrieval = c.spread_trained, 0.0
    else:
        return 0.0, 0.0, 0.0, c.spread_prompt if option in _LARGE_PROMPTED else c.spread_small
    training = 0.0 if option == "rag" else (1.0 - retrieval) * c.shared_training
    return 1.0, total * sqrt(training), total * sqrt(retrieval), total * sqrt(1.0 - retrieval - training)


@lru_cache(maxsize=32)
def _normals(name: str) -> tuple[float, ...]:
    (column,) = columns((f"quality of {name}",), _DRAWS)
    return tuple([normal_quantile(u) for u in column])


def p_best(
    situation: Situation, options: Iterable[str] = OPTIONS, fitted: Coefficients | None = None
) -> dict[str, float]:
    """The probability that each option has the highest score, from a thousand draws that are always the same.

    Takes about 3 ms. Options that tie share the draw. Raises KeyError for an unknown option.
    """
    c = fitted or coefficients()
    gained = gains(situation, options, c)
    noises = _noises(c)
    slopes = [_slope_points(situation, normal, c) for normal in _normals("slope")]
    series = []
    for option, gain in gained.items():
        mean = 100.0 * gain.mean
        if gain.spread == 0.0:
            series.append([mean] * _DRAWS)
            continue
        share, a, b, own = noises[option]
        rows = zip(slopes, _normals("training"), _normals("retrieval"), _normals(option), strict=True)
        series.append([mean + share * slope + a * training + b * back + own * z for slope, training, back, z in rows])
    won = [0.0] * len(gained)
    for scores in zip(*series, strict=True):
        top = max(scores)
        winners = [k for k, score in enumerate(scores) if score == top]
        for k in winners:
            won[k] += 1.0 / len(winners)
    return {option: won[k] / _DRAWS for k, option in enumerate(gained)}


def chance_of_training(chances: Mapping[str, float]) -> float:
    """The probability that a trained option is best, from the probabilities of all options."""
    return sum(chance for option, chance in chances.items() if option in TRAINED)
