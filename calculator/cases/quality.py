"""What each option is likely to score in a situation: a prior from published comparisons, and how far to trust it.

Scores are compared on a bounded scale, the log odds of a score that is first drawn in by `MARGIN` at both ends, so
that no gain can carry past a perfect score. On it, relative to the best prompted baseline z:

    trained   = trained + slope (z - PIVOT) + structured task + powers of ten of labels per class + large model
                + made by the maker of the tuned model - engineered prompt + years since 2024
    retrieved = retrieved + its slope (z - PIVOT) + knowledge questions + tool use + changing facts
                + many turns or long documents, which fit the window and so need no retrieval
    both      = the better of the two as they turn out, and a little
    untrained = the baseline itself; a plain prompt is an engineered one less what engineering brings;
                a small model is lower by an amount with a slope and a trend of its own

- A table by the makers of the tuned model shows training ahead more often than a neutral one. A reader is neutral.
- Labels count where they can be counted by class, or where people have to write them all: a larger model may
  have written what was trained on, and the comparisons seldom say.
- The domain's specialisation, the strictness of the format and knowledge questions taught nothing about training
  that held on sources left out, and are not in the model.

What the terms miss is drawn: a part that one source or one case shares over all tuned models (or all retrieval), and a
part of each option's own. Both are estimated by likelihood, the doubt of the terms themselves included.

Laws, for the means and in every draw: no expected score falls as the prompted baseline rises, and none of an option
that must be built is above the highest score seen; more labels never lower training; changing facts never lower
retrieval; and on the scale of the comparisons a higher baseline never raises the lead over prompts.

The coefficients are data (`coefficients.json`), made by `python -m calculator.evaluation.cases fit --write`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import exp, log, log10, sqrt
from typing import NamedTuple

from calculator.cases import MAKER, NEUTRAL, OPTIONS, TRAINED, Situation, read_data
from calculator.stats.normal import larger_of_two, normal_quantile
from calculator.stats.sampling import columns

MARGIN = 0.02
"""How far scores are drawn in before their log odds are taken: a score of 0 or 1 on a test set is seldom the truth."""


def scaled(score: float) -> float:
    """A score from 0 to 1 on the scale of the model: -3.9 to 3.9."""
    inner = MARGIN + (1.0 - 2.0 * MARGIN) * score
    return log(inner / (1.0 - inner))


def unscaled(z: float) -> float:
    """The score from 0 to 1 that lies at z on the scale of the model."""
    inner = 1.0 / (1.0 + exp(-z)) if z > -700.0 else 0.0
    score = (inner - MARGIN) / (1.0 - 2.0 * MARGIN)
    return 0.0 if score < 0.0 else 1.0 if score > 1.0 else score


TYPICAL = 0.65
"""A typical prompted baseline: the middle of the published ones. Terms are what holds there."""

PIVOT = scaled(TYPICAL)

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
"""The year is held within these: the comparisons are of 2022 to 2026."""

_LARGE_PROMPTED = ("as_is", "prompting", "few_shot")
_ENGINEERED = ("prompting", "few_shot")
_OF_TRAINING = frozenset({"ft_small", "ft_large"})
_OF_SMALL = frozenset({"slm_prompted", "continued_pretraining"})
_DRAWS = 1000
_NODES = tuple(normal_quantile((k + 0.5) / 9) for k in range(9))
_NODE_SCALE = 1.0 / sqrt(sum(node * node for node in _NODES) / len(_NODES))
_NODES = tuple(node * _NODE_SCALE for node in _NODES)
"""Nine equally likely points that stand for a normal with its mean and its variance."""


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """The fitted numbers, on the scale of the model unless the name says otherwise.

    spread_training is the part of what is missed that tuned models share, spread_tuned each one's own; spread_retrieval
    and spread_retrieved the same for retrieval. highest_score is the highest that an option to be built has reached.
    """

    slope_trained: float
    trained: float
    trained_structured: float
    trained_labels: float
    trained_maker: float
    trained_engineered: float
    trained_year: float
    trained_large: float
    slope_retrieved: float
    retrieved: float
    retrieved_knowledge: float
    retrieved_tools: float
    retrieved_changing: float
    retrieved_long: float
    both: float
    slope_small: float
    small: float
    small_year: float
    pretrained: float
    engineered: float
    spread_training: float
    spread_tuned: float
    spread_retrieval: float
    spread_retrieved: float
    spread_both: float
    spread_small: float
    spread_engineered: float
    spread_baseline: float
    highest_score: float


class Expectation(NamedTuple):
    """The mean of what to expect and its standard deviation, both on a scale from 0 to 1."""

    mean: float
    spread: float


class Latent(NamedTuple):
    """An option on the scale of the model, relative to the baseline: mean, what it shares with its family, its own."""

    mean: float
    shared: float
    own: float


@cache
def coefficients() -> Coefficients:
    """The published coefficients."""
    from json import loads

    return Coefficients(**loads(read_data("coefficients.json"))["coefficients"])


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


def counted_labels(situation: Situation) -> float:
    """The powers of ten of labels that count for training: 0 when nothing speaks for or against them.

    Where a larger model may label, people's labels are no limit. Where nobody says whether it did, as in the
    comparisons, only labels over counted classes say something.
    """
    powers = label_powers(situation)
    if powers is None or (situation.larger_model_labels is None and situation.n_classes is None):
        return 0.0
    return max(powers, 0.0) if situation.larger_model_labels else powers


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


def made_by_maker(situation: Situation) -> float:
    """1 for a table by the makers of the tuned model, 0 for a neutral one, one half when not known."""
    return {MAKER: 1.0, NEUTRAL: 0.0}.get(situation.tuned_arm_by or "", 0.5)


def _above_pivot(situation: Situation) -> float:
    baseline = situation.baseline_prompted_score_01
    return 0.0 if baseline is None else scaled(baseline) - PIVOT


def _years(situation: Situation) -> float:
    return 0.0 if situation.year is None else max(YEARS[0], min(YEARS[1], situation.year)) - 2024.0


def training_terms(situation: Situation, engineered: bool) -> dict[str, float]:
    """What each coefficient of a trained option is multiplied with."""
    return {
        "slope_trained": _above_pivot(situation),
        "trained": 1.0,
        "trained_structured": 1.0 if situation.task_type in STRUCTURED else 0.0,
        "trained_labels": counted_labels(situation),
        "trained_maker": made_by_maker(situation),
        "trained_engineered": -1.0 if engineered else 0.0,
        "trained_year": _years(situation),
    }


def retrieval_terms(situation: Situation) -> dict[str, float]:
    """What each coefficient of retrieval is multiplied with."""
    return {
        "slope_retrieved": _above_pivot(situation),
        "retrieved": 1.0,
        "retrieved_knowledge": 1.0 if situation.task_type == "qa_knowledge" else 0.0,
        "retrieved_tools": 1.0 if situation.task_type == "tool_use" else 0.0,
        "retrieved_changing": float(situation.knowledge_changes_often or 0.0),
        "retrieved_long": 1.0 if situation.multi_turn_or_long_context else 0.0,
    }


def small_terms(situation: Situation) -> dict[str, float]:
    """What each coefficient of a prompted small model is multiplied with."""
    return {"slope_small": _above_pivot(situation), "small": 1.0, "small_year": _years(situation)}


def _sum(c: Coefficients, terms: Mapping[str, float]) -> float:
    total: float = sum(getattr(c, name) * x for name, x in terms.items() if x)
    return total


def latents(
    situation: Situation, options: Iterable[str] = OPTIONS, fitted: Coefficients | None = None
) -> dict[str, Latent]:
    """Each option relative to the baseline on the scale of the model.

    "ft_plus_rag" gives what it adds to the better of training and retrieval. Raises KeyError for an unknown option.
    """
    c = fitted or coefficients()
    options = tuple(options)
    engineered = is_engineered(situation, options)
    small_is_best = baseline_is_small(situation, options)
    large = 0.0
    baseline, alone = situation.baseline_prompted_score_01, situation.baseline_large_prompted_score_01
    if baseline is not None and alone is not None:
        large = scaled(alone) - scaled(baseline)
    trained, small = 0.0, 0.0
    if not _OF_TRAINING.isdisjoint(options):
        trained = _sum(c, training_terms(situation, engineered))
    if not small_is_best and not _OF_SMALL.isdisjoint(options):
        small = _sum(c, small_terms(situation))
    found: dict[str, Latent] = {}
    for option in options:
        match option:
            case "as_is" if engineered:
                latent = Latent(large - c.engineered, 0.0, c.spread_engineered)
            case "prompting" | "few_shot" if not engineered:
                latent = Latent(large + c.engineered, 0.0, c.spread_engineered)
            case "as_is" | "prompting" | "few_shot":
                latent = Latent(large, 0.0, 0.0)
            case "slm_prompted":
                latent = Latent(small, 0.0, 0.0 if small_is_best else c.spread_small)
            case "rag":
                latent = Latent(_sum(c, retrieval_terms(situation)), c.spread_retrieval, c.spread_retrieved)
            case "ft_small":
                latent = Latent(trained, c.spread_training, c.spread_tuned)
            case "ft_large":
                latent = Latent(trained + c.trained_large, c.spread_training, c.spread_tuned)
            case "ft_plus_rag":
                latent = Latent(c.both, 0.0, c.spread_both)
            case "continued_pretraining":
                latent = Latent(small + c.pretrained, 0.0, c.spread_small)
            case _:
                raise KeyError(option)
        found[option] = latent
    return found


def _marginal(option: str, here: Mapping[str, Latent]) -> tuple[float, float]:
    """Mean and standard deviation of one option on the scale of the model."""
    own = here[option]
    if option != "ft_plus_rag":
        return own.mean, sqrt(own.shared**2 + own.own**2)
    (a, sd_a), (b, sd_b) = _marginal("ft_small", here), _marginal("rag", here)
    mean, variance = larger_of_two(a, sd_a, b, sd_b)
    return mean + own.mean, sqrt(variance + own.own**2)


@lru_cache(maxsize=256)
def moments(z: float, spread: float, highest: float = 1.0) -> Expectation:
    """Mean and standard deviation of the score at z on the scale of the model, with a normal spread around it."""
    if spread == 0.0:
        return Expectation(min(highest, unscaled(z)), 0.0)
    scores = [min(highest, unscaled(z + spread * node)) for node in _NODES]
    mean = sum(scores) / len(scores)
    return Expectation(mean, sqrt(sum([(score - mean) ** 2 for score in scores]) / len(scores)))


def _known(situation: Situation) -> float:
    baseline = situation.baseline_prompted_score_01
    return TYPICAL if baseline is None else baseline


def _with_parts(options: Iterable[str]) -> tuple[str, ...]:
    """The options, and what retrieval with tuning is made of."""
    options = tuple(options)
    return (*options, *(part for part in ("ft_small", "rag") if "ft_plus_rag" in options and part not in options))


def gains(
    situation: Situation, options: Iterable[str] = OPTIONS, fitted: Coefficients | None = None
) -> dict[str, Expectation]:
    """What each option is expected to add to the best prompted baseline, as a share of a perfect score.

    Raises KeyError for an option that does not exist.
    """
    c = fitted or coefficients()
    options = tuple(options)
    here = _here(situation, options, c)
    baseline = _known(situation)
    z = scaled(baseline)
    found = {}
    for option in options:
        mean, spread = _marginal(option, here)
        if mean == 0.0 and spread == 0.0:
            found[option] = Expectation(0.0, 0.0)
        else:
            score = moments(z + mean, spread, _highest(option, c))
            found[option] = Expectation(score.mean - baseline, score.spread)
    return found


def _highest(option: str, c: Coefficients) -> float:
    return 1.0 if option in _LARGE_PROMPTED else c.highest_score


def _here(situation: Situation, options: tuple[str, ...], c: Coefficients) -> dict[str, Latent]:
    """`latents` with the parts of retrieval and tuning, which change nothing about what was measured."""
    here = latents(situation, options, c)
    missing = [option for option in _with_parts(options) if option not in here]
    if missing:
        known = latents(situation, (*options, *missing), c)
        here.update({option: known[option] for option in missing})
    return here


def expected(
    situation: Situation, options: Iterable[str] = OPTIONS, fitted: Coefficients | None = None
) -> dict[str, Expectation]:
    """The score to expect of each option, from 0 to 1, and its standard deviation.

    With no baseline given, a typical one is taken and its spread added. Raises KeyError for an unknown option.
    """
    c = fitted or coefficients()
    level = 0.0 if situation.baseline_prompted_score_01 is not None else c.spread_baseline
    base = _known(situation)
    return {
        option: Expectation(
            max(0.0, min(1.0, base + gain.mean)), sqrt(gain.spread**2 + level**2) if level else gain.spread
        )
        for option, gain in gains(situation, options, c).items()
    }


def draw(
    situation: Situation,
    options: Iterable[str],
    normals: Mapping[str, float],
    fitted: Coefficients | None = None,
) -> dict[str, float]:
    """One draw of the gains, from standard normals by name: "training", "retrieval" and each option's own.

    A normal that is not given counts as zero.
    """
    c = fitted or coefficients()
    options = tuple(options)
    drawn = _drawn(_here(situation, options, c), normals)
    baseline = _known(situation)
    z = scaled(baseline)
    return {
        option: min(_highest(option, c), unscaled(z + drawn[option])) - baseline if drawn[option] else 0.0
        for option in options
    }


def _drawn(here: Mapping[str, Latent], normals: Mapping[str, float]) -> dict[str, float]:
    get = normals.get
    shared = {"rag": get("retrieval", 0.0)}
    training = get("training", 0.0)
    drawn = {
        option: latent.mean + latent.shared * shared.get(option, training) + latent.own * get(option, 0.0)
        for option, latent in here.items()
    }
    if "ft_plus_rag" in drawn:
        drawn["ft_plus_rag"] += max(drawn["ft_small"], drawn["rag"])
    return drawn


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
    options = tuple(options)
    here = _here(situation, options, c)
    columns_of: dict[str, list[float]] = {}
    for option, (mean, shared, own) in here.items():
        if shared == own == 0.0:
            columns_of[option] = [mean] * _DRAWS
            continue
        family = _normals("retrieval" if option == "rag" else "training")
        columns_of[option] = [mean + shared * s + own * o for s, o in zip(family, _normals(option), strict=True)]
    if "ft_plus_rag" in here:
        rows = zip(columns_of["ft_plus_rag"], columns_of["ft_small"], columns_of["rag"], strict=True)
        columns_of["ft_plus_rag"] = [more + max(tuned, found) for more, tuned, found in rows]
    won = [0.0] * len(options)
    for scores in zip(*(columns_of[option] for option in options), strict=True):
        top = max(scores)
        winners = [k for k, score in enumerate(scores) if score == top]
        for k in winners:
            won[k] += 1.0 / len(winners)
    return {option: won[k] / _DRAWS for k, option in enumerate(options)}


def chance_of_training(chances: Mapping[str, float]) -> float:
    """The probability that a trained option is best, from the probabilities of all options."""
    return sum(chance for option, chance in chances.items() if option in TRAINED)
