"""The quality model against published comparisons: what it chooses, how often that is right, and what simple rules do.

A prediction uses only what is known before the decision (`Situation` and which options were measured). A choice is
right when it is within 2 points of the best. A comparison weighs 1 / sqrt(comparisons of its source), and suspect
ones are left out. Left out means: fitted without any comparison of the same source; with years left out, without any
of the same year either.

A verdict that says "try this first" is judged by what comes of it: the option whose trial promises most is tried on
200 items, drawn from its printed score, until no trial promises `WORTH_A_TRIAL_POINTS`; then the option with the
highest expected score is taken. What that loses to the best option is its regret.

    python -m calculator.evaluation.cases fit [--write]      the coefficients, and whether the stored ones are these

Native only.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

from calculator.cases import (
    OPTIONS,
    TASK_TYPES,
    TRAINED,
    UNKNOWN,
    Case,
    Situation,
    cases,
    read_cases,
    read_options,
    read_situation,
)
from calculator.cases import fit as fitting
from calculator.cases.quality import (
    LABELS_PER_CLASS,
    Coefficients,
    Expectation,
    chance_of_training,
    coefficients,
    expected,
    gains,
    p_best,
)
from calculator.evaluation import grouped
from calculator.stats.evidence import Belief, spread_of_result, updated
from calculator.stats.sampling import Stream, quantile
from calculator.stats.value import expected_excess

WITHIN_POINTS = 2.0
RESAMPLES = 2000
NOTE = (
    "The terms of the model and the direction of its priors were chosen by people who had seen the project's "
    "comparisons, and published ones favour training: expect less on new ones."
)
FIFTHS, THIRDS = 5, 3

PILOT_ITEMS = 200
"""Test items of a simulated trial."""

WORTH_A_TRIAL_POINTS = 0.25
"""A trial that promises less than this is not made: four trials then cost a point of doubt at most."""

REPEATS = 20
"""Simulated trials of each comparison, always the same."""

MODEL, YEARS_OUT = "quality model, sources left out", "quality model, years left out too"
IN_SAMPLE, COIN = "quality model, as published", "a coin"
ALWAYS, NEVER, TASK_ONLY, THREE_LINES = "always train", "never train", "task type only", "three-line rule"
BASELINES = (ALWAYS, NEVER, TASK_ONLY, THREE_LINES, COIN)

PARTS = (
    ("task type", "by_task_type"),
    ("tuned arm by", "by_tuned_arm"),
    ("year", "by_year"),
    ("source", "by_source"),
)
"""The kinds of comparison by which results are printed, and their place in the result."""

_TRAIN_FIRST = ("ft_small", "ft_large", "ft_plus_rag", "continued_pretraining")
_PROMPT_FIRST = ("prompting", "few_shot", "as_is", "slm_prompted")
_RETRIEVE_FIRST = ("rag", "ft_plus_rag")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a prediction may see of a comparison."""

    id: str
    situation: Situation
    options: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A comparison with its answer: which choices are right, and the points that each option loses to the best."""

    question: Question
    source_group: str
    suspect: bool
    winner: str
    within: frozenset[str]
    lost_points: Mapping[str, float]
    score_01: Mapping[str, float]
    training_wins: bool

    @property
    def training_wins_clearly(self) -> bool:
        """Whether no untrained option is within 2 points of the best."""
        return self.within <= TRAINED

    @property
    def is_contest(self) -> bool:
        """Whether trained and untrained options were both measured."""
        trained = [option in TRAINED for option in self.question.options]
        return any(trained) and not all(trained)


class Choice(NamedTuple):
    """The option chosen, the probability that a trained option has the highest score, and, where a rule says so, the
    options from the likeliest to be best to the least and the points lost when its trials are made."""

    option: str
    training: float
    order: tuple[str, ...] = ()
    trial_regret_points: float | None = None


Rule = Callable[[Judged], Choice]


def _read(given: str | Path | Sequence[Any]) -> list[Any]:
    """The comparisons of a file or of a sequence. Raises ValueError for a file that is not a list of tables."""
    if not isinstance(given, str | Path):
        return list(given)
    try:
        data = json.loads(Path(given).read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{given}: not JSON: {error}") from None
    if isinstance(data, dict) and "sources" in data:
        return list(read_cases(data))
    rows = data.get("cases") if isinstance(data, dict) else data
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{given}: must hold a JSON list of cases, or a table with such a list as cases")
    return rows


def _question(row: Case | Mapping[str, Any], place: int) -> Question:
    if isinstance(row, Case):
        return Question(id=row.id, situation=row.situation, options=row.options)
    name = row.get("id")
    if not isinstance(name, str | int) or name == "":
        raise ValueError(f"case {place}: id must be text, got {name!r}")
    where = f"case {name}"
    situation = read_situation(row, where)
    if situation.tuned_arm_by is None:
        situation = replace(situation, tuned_arm_by=_tuned_arm_of_source().get(str(row.get("source_group"))))
    return Question(id=str(name), situation=situation, options=read_options(row, where))


def _tuned_arm_of_source() -> dict[str, str | None]:
    """Whose tables the sources of the project's own comparisons are: a file that does not say so may be of one."""
    return {case.source_group: case.situation.tuned_arm_by for case in cases()}


def predict(given: str | Path | Sequence[Any], fitted: Coefficients | None = None) -> list[dict[str, Any]]:
    """The choice for each comparison of a file or a sequence, by expected quality alone.

    Gives `{id, choice, p_best: {option: chance}, ranking: [{option, p_best, expected_score_01}]}`, best first, among
    the options measured. Never reads scores, winners, margins or ties. Raises ValueError that names case and field,
    OSError for a file not there.
    """
    found = []
    for place, row in enumerate(_read(given), 1):
        question = _question(row, place)
        gained = gains(question.situation, question.options, fitted)
        scores = expected(question.situation, question.options, fitted)
        chances = p_best(question.situation, question.options, fitted)
        order = sorted(gained, key=lambda option: (gained[option].mean, chances[option]), reverse=True)
        ranking = [
            {"option": o, "p_best": round(chances[o], 4), "expected_score_01": round(scores[o].mean, 4)} for o in order
        ]
        p = {row["option"]: row["p_best"] for row in ranking}
        found.append({"id": question.id, "choice": order[0], "p_best": p, "ranking": ranking})
    return found


def predict_file(path: str) -> str:
    """`predict` as JSON text, for the command line."""
    return json.dumps(predict(path), indent=1) + "\n"


def _judged(row: Case | Mapping[str, Any], place: int) -> Judged:
    question = _question(row, place)
    if isinstance(row, Case):
        best, top = {option: kept.score for option, kept in row.best.items()}, row.top_score
        within, winner, suspect, source = row.within_2_points, row.winner, row.suspect, row.source_group
    else:
        best = _best_scores(row, question.id)
        top = None if row.get("margin") is None else (1.0 if max(best.values(), default=2.0) <= 1.0 else 100.0)
        within = tuple(row.get("options_within_2_points") or ())
        winner = row.get("winner") or max(best, key=lambda option: best[option], default="")
        suspect, source = bool(row.get("suspect")), str(row.get("source_group") or row.get("source") or question.id)
    lost = {o: 100.0 * (max(best.values()) - score) / top for o, score in best.items()} if top else {}
    if not within:
        within = tuple(option for option, points in lost.items() if points <= WITHIN_POINTS + 1e-9)
    if not within or winner not in OPTIONS:
        raise ValueError(f"case {question.id}: options_within_2_points and winner are needed to judge a choice")
    return Judged(
        question=question,
        source_group=source,
        suspect=suspect,
        winner=winner,
        within=frozenset(within),
        lost_points=lost,
        score_01={option: min(1.0, score / top) for option, score in best.items()} if top else {},
        training_wins=winner in TRAINED,
    )


def _best_scores(row: Mapping[str, Any], name: str) -> dict[str, float]:
    best: dict[str, float] = {}
    for entry in row.get("options") or ():
        if not isinstance(entry, Mapping) or entry.get("exclude_from_winner") or entry.get("score") is None:
            continue
        score = entry["score"]
        if not isinstance(score, int | float):
            raise ValueError(f"case {name}: score must be a number, got {score!r}")
        best[str(entry.get("option"))] = max(float(score), best.get(str(entry.get("option")), float("-inf")))
    return best


def _first(options: Iterable[str], *orders: Sequence[str]) -> str:
    measured = set(options)
    return next(option for order in (*orders, tuple(OPTIONS)) for option in order if option in measured)


def always_train(judged: Judged) -> Choice:
    """A tuned small model wherever one was measured."""
    return Choice(_first(judged.question.options, _TRAIN_FIRST), 1.0)


def never_train(judged: Judged) -> Choice:
    """Retrieval where it was measured, or else the most worked prompt."""
    return Choice(_first(judged.question.options, ("rag",), _PROMPT_FIRST), 0.0)


def three_lines(judged: Judged) -> Choice:
    """1. Knowledge questions or changing facts: retrieve, or prompt. 2. Fewer than 20 labels per class: prompt.
    3. Otherwise train."""
    known, options = judged.question.situation, judged.question.options
    if known.task_type == "qa_knowledge" or known.knowledge_changes_often:
        return Choice(_first(options, _RETRIEVE_FIRST, _PROMPT_FIRST), 0.0)
    labels, classes = known.n_train_examples, known.n_classes
    if labels is not None and classes is not None and labels / classes < LABELS_PER_CLASS:
        return Choice(_first(options, _PROMPT_FIRST), 0.0)
    return Choice(_first(options, _TRAIN_FIRST), 1.0)


def task_type_only(taught: Iterable[Judged]) -> Rule:
    """Train where training won at least half of the comparisons of this kind of task, retrieve or prompt elsewhere."""
    taught = [judged for judged in taught if judged.is_contest]
    weight = _weights(taught)
    total, won = defaultdict[str, float](float), defaultdict[str, float](float)
    for judged in taught:
        for key in (judged.question.situation.task_type or "", "all"):
            total[key] += weight[judged.question.id]
            won[key] += weight[judged.question.id] * judged.training_wins
    overall = won["all"] / total["all"]

    def choose(judged: Judged) -> Choice:
        key = judged.question.situation.task_type or ""
        share = (won.get(key, 0.0) + overall) / (total.get(key, 0.0) + 1.0)
        orders = (_TRAIN_FIRST,) if share >= 0.5 else (("rag",), _PROMPT_FIRST)
        return Choice(_first(judged.question.options, *orders), share)

    return choose


def _model(fitted: Coefficients) -> Rule:
    def choose(judged: Judged) -> Choice:
        known, options = judged.question.situation, judged.question.options
        gained = gains(known, options, fitted)
        chances = p_best(known, options, fitted)
        option = max(gained, key=lambda option: (gained[option].mean, chances[option]))
        order = tuple(sorted(options, key=lambda option: chances[option], reverse=True))
        regret = trial_regret(judged, expected(known, options, fitted)) if judged.score_01 else None
        return Choice(option, chance_of_training(chances), order, regret)

    return choose


def trial_regret(judged: Judged, prior: Mapping[str, Expectation]) -> float:
    """Points lost on average when trials are made as the verdict says and the best belief is then taken."""
    beliefs = {option: Belief(min(1.0, max(0.0, mean)), spread) for option, (mean, spread) in prior.items()}
    draws, lost = iter(_draws(14, REPEATS * len(beliefs) * PILOT_ITEMS)), 0.0
    for _ in range(REPEATS):
        held = dict(beliefs)
        tried: set[str] = set()
        while len(tried) < len(held):
            value, option = max((_promise(held, option), option) for option in held if option not in tried)
            if 100.0 * value < WORTH_A_TRIAL_POINTS:
                break
            tried.add(option)
            right = sum(map(judged.score_01[option].__gt__, islice(draws, PILOT_ITEMS)))
            held[option] = updated(*held[option], right / PILOT_ITEMS, PILOT_ITEMS)
        taken = max(held, key=lambda option: held[option].mean)
        lost += judged.lost_points[taken]
    return lost / REPEATS


@cache
def _draws(seed: int, count: int) -> tuple[float, ...]:
    """The first numbers of a stream: the same ones are asked of it for every comparison and for every figure."""
    stream = Stream(seed)
    return tuple(stream.uniform() for _ in range(count))


def _promise(held: Mapping[str, Belief], option: str) -> float:
    """What a trial of this option is expected to add to the best expected score."""
    belief = held[option]
    rival = max((other.mean for name, other in held.items() if name != option), default=0.0)
    resolved = spread_of_result(*belief, PILOT_ITEMS)
    return expected_excess(belief.mean - rival, resolved) - max(0.0, belief.mean - rival)


def coin(judged: Judged) -> Choice:
    """The first of the options in an order by chance, always the same for the same comparison."""
    options = judged.question.options
    drawn = Stream(sum(map(ord, judged.question.id))).uniform()
    return Choice(options[int(drawn * len(options))], 0.5)


def _left_out(
    judged: Sequence[Judged], make: Callable[[Sequence[Case]], Rule], years_too: bool = False
) -> list[Choice]:
    """The choices of rules that were made without the comparisons of each one's own source, or of its year either."""
    rules: dict[tuple[str, float | None], Rule] = {}
    choices = []
    for one in judged:
        group, year = one.source_group, one.question.situation.year if years_too else None
        if (group, year) not in rules:
            kept = [case for case in cases() if case.source_group != group and not case.suspect]
            rules[group, year] = make([case for case in kept if year is None or case.situation.year != year])
        choices.append(rules[group, year](one))
    return choices


def _weights(judged: Iterable[Judged]) -> dict[str, float]:
    judged = list(judged)
    sizes = Counter(one.source_group for one in judged)
    return {one.question.id: 1.0 / sqrt(sizes[one.source_group]) for one in judged}


def _share(pairs: Iterable[tuple[float, float]]) -> float | None:
    total = above = 0.0
    for weight, value in pairs:
        total += weight
        above += weight * value
    return above / total if total else None


@cache
def _fitted(ids: tuple[str, ...]) -> Coefficients:
    """What these of the project's comparisons teach. Whatever is judged, the same sources are left out of them."""
    return fitting.fit((case for case in cases() if case.id in ids), coefficients())


def score(judged: Sequence[Judged], choices: Sequence[Choice]) -> dict[str, Any]:
    """How good these choices are. Shares from 0 to 1, regret in points of a 0 to 100 score."""
    weight = _weights(judged)
    rows = [(one, weight[one.question.id], choice) for one, choice in zip(judged, choices, strict=True)]
    right = [(one, w, float(choice.option in one.within)) for one, w, choice in rows]
    regret = [(one, w, one.lost_points[choice.option]) for one, w, choice in rows if choice.option in one.lost_points]
    contests = [(one, w, choice.training) for one, w, choice in rows if one.is_contest]
    missed = [(one, w, (chance - one.training_wins) ** 2) for one, w, chance in contests]
    followed = [
        (one, w, choice.trial_regret_points) for one, w, choice in rows if choice.trial_regret_points is not None
    ]

    def by(key: Callable[[Judged], str]) -> dict[str, dict[str, Any]]:
        return {name: _part(part) for name, part in sorted(grouped(rows, lambda row: key(row[0])).items())}

    found = {
        **_both_ways("right", right),
        **_both_ways("regret_points", regret),
        **_both_ways("brier", missed),
        "brier_of_clear_wins": _share((1.0, (chance - one.training_wins_clearly) ** 2) for one, _, chance in contests),
        "calibration": _calibration(contests, FIFTHS),
        "thirds": _calibration(contests, THIRDS),
        "worst_fifth_points": _worst(contests, FIFTHS),
        "worst_third_points": _worst(contests, THIRDS),
        "by_task_type": by(lambda one: one.question.situation.task_type or "not known"),
        "by_source": by(lambda one: one.source_group),
        "by_year": by(lambda one: _year(one.question.situation.year)),
        "by_tuned_arm": by(lambda one: one.question.situation.tuned_arm_by or UNKNOWN),
    }
    if any(choice.order for choice in choices):
        two = [(one, w, float(one.winner in choice.order[:2])) for one, w, choice in rows]
        near = [(one, w, float(bool(one.within & set(choice.order[:2])))) for one, w, choice in rows]
        found |= {
            **_both_ways("best_among_two", two),
            **_weighted("within_2_points_among_two_group_weighted", near),
            **_both_ways("trial_regret_points", followed),
        }
    return found


def _year(year: float | None) -> str:
    return "not known" if year is None else f"{year:.0f}"


def _part(rows: Sequence[tuple[Judged, float, Choice]]) -> dict[str, Any]:
    """The figures of one kind of comparison."""
    contests = [(w, choice.training, one.training_wins) for one, w, choice in rows if one.is_contest]
    regret = [
        (w, choice.trial_regret_points) for _, w, choice in rows if choice.trial_regret_points is not None
    ]
    return {
        "cases": len(rows),
        "right": _share((w, float(choice.option in one.within)) for one, w, choice in rows),
        "contests": len(contests),
        "predicted": _share((w, chance) for w, chance, _ in contests),
        "training_won": _share((w, float(won)) for w, _, won in contests),
        "brier": _share((w, (chance - won) ** 2) for w, chance, won in contests),
        "trial_regret_points": _share(regret),
    }


def _both_ways(name: str, rows: Sequence[tuple[Judged, float, float]]) -> dict[str, float | None]:
    """The mean over the comparisons, and the group-weighted one with its ends."""
    return {name: _share((1.0, value) for _, _, value in rows), **_weighted(f"{name}_group_weighted", rows)}


def _weighted(name: str, rows: Sequence[tuple[Judged, float, float]]) -> dict[str, float | None]:
    """A group-weighted mean with its 5th and 95th percentile over resamples of whole sources."""
    low, high = _interval(rows)
    return {name: _share((w, value) for _, w, value in rows), f"{name}_low": low, f"{name}_high": high}


def _parts(contests: Sequence[tuple[Judged, float, float]], count: int) -> list[list[tuple[Judged, float, float]]]:
    """The contests in so many parts by the predicted chance that training wins."""
    ordered = sorted(contests, key=lambda row: (row[2], row[0].question.id))
    size = len(ordered)
    return [part for k in range(count) if (part := ordered[size * k // count : size * (k + 1) // count])]


def _worst(contests: Sequence[tuple[Judged, float, float]], count: int) -> float | None:
    """The largest distance, in points, between what a part was given and how often training won in it."""
    gaps = [
        100.0 * abs((_share((w, chance - one.training_wins) for one, w, chance in part)) or 0.0)
        for part in _parts(contests, count)
    ]
    return max(gaps, default=None)


def _calibration(contests: Sequence[tuple[Judged, float, float]], count: int) -> list[dict[str, Any]]:
    """Parts of the comparisons by the predicted chance that training wins, and how often it did."""
    return [
        {
            "cases": len(part),
            "predicted": _share((w, chance) for _, w, chance in part),
            "training_won": _share((w, float(one.training_wins)) for one, w, _ in part),
            "predicted_unweighted": _share((1.0, chance) for _, _, chance in part),
            "training_won_unweighted": _share((1.0, float(one.training_wins)) for one, _, _ in part),
            "training_won_clearly": _share((w, float(one.training_wins_clearly)) for one, w, _ in part),
        }
        for part in _parts(contests, count)
    ]


def _groups(right: Iterable[tuple[Judged, float, float]]) -> dict[str, tuple[float, float]]:
    groups: dict[str, tuple[float, float]] = {}
    for one, w, ok in right:
        total, above = groups.get(one.source_group, (0.0, 0.0))
        groups[one.source_group] = (total + w, above + w * ok)
    return groups


def _resampled(groups: Mapping[str, tuple[float, float]]) -> list[float]:
    """The group-weighted share in resamples of whole sources, always the same resamples for the same sources."""
    found, shares = [groups[name] for name in sorted(groups)], []
    draws = iter(_draws(4, RESAMPLES * len(found)))
    for _ in range(RESAMPLES):
        drawn = [found[int(draw * len(found))] for draw in islice(draws, len(found))]
        shares.append(sum(above for _, above in drawn) / sum(total for total, _ in drawn))
    return shares


def _interval(right: Iterable[tuple[Judged, float, float]]) -> tuple[float | None, float | None]:
    groups = _groups(right)
    if not groups:
        return None, None
    shares = sorted(_resampled(groups))
    return quantile(shares, 0.05), quantile(shares, 0.95)


def validate(given: str | Path | Sequence[Any] | None = None) -> dict[str, Any]:
    """The model and the four simple rules on these comparisons, the project's own when none are given.

    Raises ValueError that names case and field, OSError for a file not there.
    """
    every = [_judged(row, place) for place, row in enumerate(_read(cases() if given is None else given), 1)]
    judged = [one for one in every if not one.suspect]
    if not judged:
        raise ValueError("cases: none is left to judge; suspect ones do not count")

    def taught_by(kept: Sequence[Case]) -> Rule:
        return task_type_only(_judged(case, place) for place, case in enumerate(kept, 1))

    def fitted_on(kept: Sequence[Case]) -> Rule:
        return _model(_fitted(tuple(case.id for case in kept)))

    published = _model(coefficients())
    choices = {
        MODEL: _left_out(judged, fitted_on),
        YEARS_OUT: _left_out(judged, fitted_on, years_too=True),
        ALWAYS: [always_train(one) for one in judged],
        NEVER: [never_train(one) for one in judged],
        TASK_ONLY: _left_out(judged, taught_by),
        THREE_LINES: [three_lines(one) for one in judged],
        COIN: [coin(one) for one in judged],
        IN_SAMPLE: [published(one) for one in judged],
    }
    methods = {name: score(judged, made) for name, made in choices.items()}
    best = max(BASELINES, key=lambda name: float(methods[name]["right_group_weighted"]))
    return {
        "cases": len(judged),
        "contests": sum(one.is_contest for one in judged),
        "sources": len({one.source_group for one in judged}),
        "suspect_left_out": len(every) - len(judged),
        "note": NOTE,
        "best_baseline": best,
        "share_of_resamples_ahead_of_best_baseline": _ahead(judged, choices[MODEL], choices[best]),
        "methods": methods,
        "wrong": _wrong(judged, choices[MODEL]),
    }


def _wrong(judged: Sequence[Judged], choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """The comparisons in which the choice was not within 2 points of the best, the dearest mistake first."""
    found = [
        {
            "id": one.question.id,
            "choice": choice.option,
            "best": min(one.lost_points, key=lambda option: one.lost_points[option], default=""),
            "lost_points": round(one.lost_points[choice.option], 2) if choice.option in one.lost_points else None,
            "chance_of_training": choice.training,
        }
        for one, choice in zip(judged, choices, strict=True)
        if choice.option not in one.within
    ]
    return sorted(found, key=lambda row: (-float(str(row["lost_points"] or 0.0)), str(row["id"])))


def _ahead(judged: Sequence[Judged], ours: Sequence[Choice], theirs: Sequence[Choice]) -> float:
    """In which share of resamples of sources the first choices are right more often, ties counted half."""
    weight = _weights(judged)
    gained = [
        (one, weight[one.question.id], float(our.option in one.within) - float(their.option in one.within))
        for one, our, their in zip(judged, ours, theirs, strict=True)
    ]
    shares = _resampled(_groups(gained))
    return sum(1.0 if share > 0 else 0.5 if share == 0 else 0.0 for share in shares) / len(shares)


def validate_file(path: str | None, as_json: bool = False) -> str:
    """`validate` as JSON or as text, for the command line."""
    found = validate(path)
    return json.dumps(found, indent=1) + "\n" if as_json else as_text(found)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


_Column = tuple[str, Callable[[Any], str]]
"""A heading, and what stands below it for an item."""


def _table(items: Iterable[Any], columns: Sequence[_Column]) -> list[str]:
    """The lines of a table with a row for each item."""
    rows = [[heading for heading, _ in columns], *([cell(item) for _, cell in columns] for item in items)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(widths[k]) if k == 0 else cell.rjust(widths[k]) for k, cell in enumerate(row)).rstrip()
        for row in rows
    ]


def _right_in(parts: Mapping[str, Any]) -> Callable[[Any], str]:
    return lambda part: _percent(parts[part[0]]["right"])


def as_text(found: Mapping[str, Any]) -> str:
    """The result of `validate` for a terminal."""
    methods: Mapping[str, Any] = found["methods"]
    lines = [
        f"{found['cases']} comparisons from {found['sources']} sources; {found['suspect_left_out']} suspect left out.",
        f"Ahead of the best simple rule ({found['best_baseline']}) in "
        f"{_percent(found['share_of_resamples_ahead_of_best_baseline'])} of resamples of sources.",
        found["note"],
        "",
        *_table(methods.items(), (
            ("method", lambda one: one[0]),
            ("right", lambda one: _percent(one[1]["right"])),
            ("group-weighted", lambda one: _percent(one[1]["right_group_weighted"])),
            ("5th to 95th", lambda one: " to ".join(
                _percent(one[1][f"right_group_weighted_{end}"]) for end in ("low", "high")
            )),
            ("regret", lambda one: _number(one[1]["regret_points"], 1)),
            ("weighted", lambda one: _number(one[1]["regret_points_group_weighted"], 1)),
            ("Brier", lambda one: _number(one[1]["brier"], 3)),
            ("weighted", lambda one: _number(one[1]["brier_group_weighted"], 3)),
            ("worst third", lambda one: _number(one[1]["worst_third_points"], 0)),
            ("best in two", lambda one: _percent(one[1].get("best_among_two_group_weighted"))),
            ("after trials", lambda one: _number(one[1].get("trial_regret_points_group_weighted"), 2)),
        )),
        "",
        f"Calibration of the {MODEL}: fifths by the chance that training wins",
        *_table(enumerate(methods[MODEL]["calibration"], 1), (
            ("fifth", lambda one: str(one[0])),
            ("cases", lambda one: str(one[1]["cases"])),
            ("predicted", lambda one: _percent(one[1]["predicted"])),
            ("training won", lambda one: _percent(one[1]["training_won"])),
            ("unweighted", lambda one: _percent(one[1]["predicted_unweighted"])),
            ("won", lambda one: _percent(one[1]["training_won_unweighted"])),
            ("won by more than 2 points", lambda one: _percent(one[1]["training_won_clearly"])),
        )),
    ]  # fmt: skip
    for title, key in PARTS:
        lines += ["", *_table(methods[MODEL][key].items(), (
            (title, lambda one: TASK_TYPES.get(one[0], one[0])),
            ("cases", lambda one: str(one[1]["cases"])),
            *((name, _right_in(methods[name][key])) for name in (MODEL, *BASELINES)),
            ("predicted", lambda one: _percent(one[1]["predicted"])),
            ("training won", lambda one: _percent(one[1]["training_won"])),
            ("after trials", lambda one: _number(one[1]["trial_regret_points"], 2)),
        ))]  # fmt: skip
    return "\n".join(lines) + "\n"


def stored() -> str:
    """The text of `coefficients.json`, made from the project's comparisons."""
    used = [case for case in cases() if fitting.usable(case)]
    data = {
        "made_by": "python -m calculator.evaluation.cases fit --write",
        "fitted_on": f"{len(used)} published comparisons from {len({case.source_group for case in used})} sources",
        "coefficients": fitting.as_data(fitting.fit(used)),
    }
    return json.dumps(data, indent=1) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit the model. Exit code 1 when the stored coefficients are not the fitted ones."""
    parser = argparse.ArgumentParser(prog="calculator.evaluation.cases", description="Fit the quality model.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("fit", help="the coefficients from the project's comparisons")
    make.add_argument("--write", action="store_true", help="store them")
    parsed = parser.parse_args(arguments)
    text = stored()
    path = Path(fitting.__file__).with_name("coefficients.json")
    if parsed.write:
        path.write_text(text, "utf-8")
    print(text, end="")
    return int(path.read_text("utf-8") != text)


if __name__ == "__main__":
    sys.exit(main())
