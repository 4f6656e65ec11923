"""The quality model against published comparisons: what it chooses, how often that is right, and what simple rules do.

A prediction uses only what is known before the decision (`Situation` and which options were measured). A choice is
right when it is within 2 points of the best. A comparison weighs 1 / sqrt(comparisons of its source), and suspect
ones are left out. Left out means: fitted without any comparison of the same source.

    python -m calculator.evaluation.cases fit [--write]      the coefficients, and whether the stored ones are these
    python -m calculator.evaluation.cases structures         which terms the model should have, by nested validation

Native only.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations
from math import sqrt
from pathlib import Path
from typing import Any

from calculator.cases import (
    OPTIONS,
    TASK_TYPES,
    TRAINED,
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
    chance_of_training,
    coefficients,
    expected,
    gains,
    p_best,
)
from calculator.stats.normal import normal_cdf
from calculator.stats.sampling import Stream, quantile

WITHIN_POINTS = 2.0
RESAMPLES = 2000
NOTE = (
    "The terms of the model and the direction of its priors were chosen by people who had seen the project's "
    "comparisons, and published ones favour training: expect less on new ones."
)
FIFTHS = 5

MODEL, IN_SAMPLE, UNDIRECTED = "quality model, left out", "quality model, as published", "left out, priors at zero"
ALWAYS, NEVER, TASK_ONLY, THREE_LINES = "always train", "never train", "task type only", "three-line rule"
BASELINES = (ALWAYS, NEVER, TASK_ONLY, THREE_LINES)

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
    within: frozenset[str]
    lost_points: Mapping[str, float]
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


Choice = tuple[str, float]
"""The option chosen, and the probability that a trained option has the highest score."""

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
    return Question(id=str(name), situation=read_situation(row, where), options=read_options(row, where))


def predict(given: str | Path | Sequence[Any], fitted: Coefficients | None = None) -> list[dict[str, Any]]:
    """The choice for each comparison of a file or a sequence, by expected quality alone.

    Gives `{id, choice, ranking: [{option, p_best, expected_score_01}]}`, best first, among the options measured. Never
    reads scores, winners, margins or ties. Raises ValueError that names case and field, OSError for a file not there.
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
        found.append({"id": question.id, "choice": order[0], "ranking": ranking})
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
        within=frozenset(within),
        lost_points=lost,
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
    return _first(judged.question.options, _TRAIN_FIRST), 1.0


def never_train(judged: Judged) -> Choice:
    """Retrieval where it was measured, or else the most worked prompt."""
    return _first(judged.question.options, ("rag",), _PROMPT_FIRST), 0.0


def three_lines(judged: Judged) -> Choice:
    """1. Knowledge questions or changing facts: retrieve, or prompt. 2. Fewer than 20 labels per class: prompt.
    3. Otherwise train."""
    known, options = judged.question.situation, judged.question.options
    if known.task_type == "qa_knowledge" or known.knowledge_changes_often:
        return _first(options, _RETRIEVE_FIRST, _PROMPT_FIRST), 0.0
    labels, classes = known.n_train_examples, known.n_classes
    if labels is not None and classes is not None and labels / classes < LABELS_PER_CLASS:
        return _first(options, _PROMPT_FIRST), 0.0
    return _first(options, _TRAIN_FIRST), 1.0


def task_type_only(taught: Iterable[Judged]) -> Rule:
    """Train where training won at least half of the comparisons of this kind of task, retrieve or prompt elsewhere."""
    taught = [judged for judged in taught if judged.is_contest]
    weight = _weights(taught)
    total: dict[str, float] = {}
    won: dict[str, float] = {}
    for judged in taught:
        for key in (judged.question.situation.task_type or "", "all"):
            total[key] = total.get(key, 0.0) + weight[judged.question.id]
            won[key] = won.get(key, 0.0) + weight[judged.question.id] * judged.training_wins
    overall = won["all"] / total["all"]

    def choose(judged: Judged) -> Choice:
        key = judged.question.situation.task_type or ""
        share = (won.get(key, 0.0) + overall) / (total.get(key, 0.0) + 1.0)
        orders = (_TRAIN_FIRST,) if share >= 0.5 else (("rag",), _PROMPT_FIRST)
        return _first(judged.question.options, *orders), share

    return choose


def _model(fitted: Coefficients) -> Rule:
    def choose(judged: Judged) -> Choice:
        known, options = judged.question.situation, judged.question.options
        gained = gains(known, options, fitted)
        chances = p_best(known, options, fitted)
        return max(gained, key=lambda option: (gained[option].mean, chances[option])), chance_of_training(chances)

    return choose


def _left_out(judged: Sequence[Judged], make: Callable[[Sequence[Case]], Rule]) -> list[Choice]:
    """The choices of rules that were made without the comparisons of each one's own source."""
    rules: dict[str, Rule] = {}
    choices = []
    for one in judged:
        group = one.source_group
        if group not in rules:
            rules[group] = make([case for case in cases() if case.source_group != group and not case.suspect])
        choices.append(rules[group](one))
    return choices


def _weights(judged: Iterable[Judged]) -> dict[str, float]:
    judged = list(judged)
    sizes: dict[str, int] = {}
    for one in judged:
        sizes[one.source_group] = sizes.get(one.source_group, 0) + 1
    return {one.question.id: 1.0 / sqrt(sizes[one.source_group]) for one in judged}


def _share(pairs: Iterable[tuple[float, float]]) -> float | None:
    total = above = 0.0
    for weight, value in pairs:
        total += weight
        above += weight * value
    return above / total if total else None


def score(judged: Sequence[Judged], choices: Sequence[Choice]) -> dict[str, Any]:
    """How good these choices are. Shares from 0 to 1, regret in points of a 0 to 100 score."""
    weight = _weights(judged)
    rows = [(one, weight[one.question.id], *choice) for one, choice in zip(judged, choices, strict=True)]
    right = [(one, w, float(choice in one.within)) for one, w, choice, _ in rows]
    regret = [(w, one.lost_points[choice]) for one, w, choice, _ in rows if choice in one.lost_points]
    contests = [(one, w, chance) for one, w, _, chance in rows if one.is_contest]

    def by(key: Callable[[Judged], str]) -> dict[str, dict[str, Any]]:
        groups: dict[str, list[tuple[float, float]]] = {}
        for one, w, ok in right:
            groups.setdefault(key(one), []).append((w, ok))
        return {name: {"cases": len(pairs), "right": _share(pairs)} for name, pairs in sorted(groups.items())}

    low, high = _interval(right)
    return {
        "right": _share((1.0, ok) for _, _, ok in right),
        "right_group_weighted": _share((w, ok) for _, w, ok in right),
        "right_group_weighted_low": low,
        "right_group_weighted_high": high,
        "regret_points": _share((1.0, points) for _, points in regret),
        "regret_points_group_weighted": _share(regret),
        "brier": _share((1.0, (chance - one.training_wins) ** 2) for one, _, chance in contests),
        "brier_group_weighted": _share((w, (chance - one.training_wins) ** 2) for one, w, chance in contests),
        "brier_of_clear_wins": _share((1.0, (chance - one.training_wins_clearly) ** 2) for one, _, chance in contests),
        "calibration": _calibration(contests),
        "by_task_type": by(lambda one: one.question.situation.task_type or "not known"),
        "by_source": by(lambda one: one.source_group),
    }


def _calibration(contests: Sequence[tuple[Judged, float, float]]) -> list[dict[str, Any]]:
    """Fifths of the comparisons by the predicted chance that training wins, and how often it did."""
    ordered = sorted(contests, key=lambda row: (row[2], row[0].question.id))
    found = []
    for k in range(FIFTHS):
        part = ordered[len(ordered) * k // FIFTHS : len(ordered) * (k + 1) // FIFTHS]
        if part:
            found.append(
                {
                    "cases": len(part),
                    "predicted": _share((w, chance) for _, w, chance in part),
                    "training_won": _share((w, float(one.training_wins)) for one, w, _ in part),
                    "predicted_unweighted": _share((1.0, chance) for _, _, chance in part),
                    "training_won_unweighted": _share((1.0, float(one.training_wins)) for one, _, _ in part),
                    "training_won_clearly": _share((w, float(one.training_wins_clearly)) for one, w, _ in part),
                }
            )
    return found


def _groups(right: Iterable[tuple[Judged, float, float]]) -> dict[str, tuple[float, float]]:
    groups: dict[str, tuple[float, float]] = {}
    for one, w, ok in right:
        total, above = groups.get(one.source_group, (0.0, 0.0))
        groups[one.source_group] = (total + w, above + w * ok)
    return groups


def _resampled(groups: Mapping[str, tuple[float, float]]) -> list[float]:
    """The group-weighted share in resamples of whole sources, always the same resamples for the same sources."""
    names, stream, shares = sorted(groups), Stream(4), []
    for _ in range(RESAMPLES):
        drawn = [groups[names[int(stream.uniform() * len(names))]] for _ in names]
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

    published = _model(coefficients())
    choices = {
        MODEL: _left_out(judged, lambda kept: _model(fitting.fit(kept))),
        ALWAYS: [always_train(one) for one in judged],
        NEVER: [never_train(one) for one in judged],
        TASK_ONLY: _left_out(judged, taught_by),
        THREE_LINES: [three_lines(one) for one in judged],
        IN_SAMPLE: [published(one) for one in judged],
        UNDIRECTED: _left_out(judged, lambda kept: _model(fitting.fit(kept, undirected=True))),
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
            "choice": choice,
            "best": min(one.lost_points, key=lambda option: one.lost_points[option], default=""),
            "lost_points": round(one.lost_points[choice], 2) if choice in one.lost_points else None,
            "chance_of_training": chance,
        }
        for one, (choice, chance) in zip(judged, choices, strict=True)
        if choice not in one.within
    ]
    return sorted(found, key=lambda row: (-float(str(row["lost_points"] or 0.0)), str(row["id"])))


def _ahead(judged: Sequence[Judged], ours: Sequence[Choice], theirs: Sequence[Choice]) -> float:
    """In which share of resamples of sources the first choices are right more often, ties counted half."""
    weight = _weights(judged)
    gained = [
        (one, weight[one.question.id], float(our[0] in one.within) - float(their[0] in one.within))
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


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in (columns, *rows)) for k in range(len(columns))]
    return [
        "  ".join(cell.ljust(widths[k]) if k == 0 else cell.rjust(widths[k]) for k, cell in enumerate(row)).rstrip()
        for row in (columns, *rows)
    ]


def as_text(found: Mapping[str, Any]) -> str:
    """The result of `validate` for a terminal."""
    methods: Mapping[str, Any] = found["methods"]
    lines = [
        f"{found['cases']} comparisons from {found['sources']} sources; {found['suspect_left_out']} suspect left out.",
        f"Ahead of the best simple rule ({found['best_baseline']}) in "
        f"{_percent(found['share_of_resamples_ahead_of_best_baseline'])} of resamples of sources.",
        found["note"],
        "",
        *_table(
            ("method", "right", "group-weighted", "5th to 95th", "regret", "weighted", "Brier", "clear wins"),
            [
                (
                    name,
                    _percent(m["right"]),
                    _percent(m["right_group_weighted"]),
                    f"{_percent(m['right_group_weighted_low'])} to {_percent(m['right_group_weighted_high'])}",
                    _number(m["regret_points"], 1),
                    _number(m["regret_points_group_weighted"], 1),
                    _number(m["brier"], 3),
                    _number(m["brier_of_clear_wins"], 3),
                )
                for name, m in methods.items()
            ],
        ),
        "",
        f"Calibration of {MODEL}: fifths by the chance that training wins",
        *_table(
            ("fifth", "cases", "predicted", "training won", "unweighted", "won", "won by more than 2 points"),
            [
                (
                    str(k),
                    str(part["cases"]),
                    _percent(part["predicted"]),
                    _percent(part["training_won"]),
                    _percent(part["predicted_unweighted"]),
                    _percent(part["training_won_unweighted"]),
                    _percent(part["training_won_clearly"]),
                )
                for k, part in enumerate(methods[MODEL]["calibration"], 1)
            ],
        ),
    ]
    for title, key in (("task type", "by_task_type"), ("source", "by_source")):
        names = methods[MODEL][key]
        rows = [
            (
                TASK_TYPES.get(name, name),
                str(names[name]["cases"]),
                *(_percent(methods[method][key][name]["right"]) for method in (MODEL, *BASELINES)),
            )
            for name in names
        ]
        lines += ["", *_table((title, "cases", MODEL, *BASELINES), rows)]
    return "\n".join(lines) + "\n"


def _quick_chance(judged: Judged, fitted: Coefficients) -> float:
    """The chance that training wins from the two best means alone, taken as normal and independent."""
    gained = gains(judged.question.situation, judged.question.options, fitted)
    trained = max((gain for option, gain in gained.items() if option in TRAINED), key=lambda gain: gain.mean)
    other = max((gain for option, gain in gained.items() if option not in TRAINED), key=lambda gain: gain.mean)
    return normal_cdf((trained.mean - other.mean) / sqrt(trained.spread**2 + other.spread**2))


def structures() -> dict[str, Any]:
    """Which optional terms the model should have, chosen by nested validation over every subset of them.

    For each source, the subset with the smallest group-weighted Brier score on the other sources (each left out in
    turn) is fitted to those, and judged on the source. The result is therefore honest about the choice of terms, if
    not about the list they are chosen from. Takes some minutes.
    """
    used = [case for case in cases() if not case.suspect]
    judged = [_judged(case, place) for place, case in enumerate(used, 1)]
    weight = _weights(judged)
    tried = [s for size in range(len(fitting.OPTIONAL) + 1) for s in combinations(fitting.OPTIONAL, size)]
    groups = sorted({one.source_group for one in judged})
    spreads = {name: value for name, value in asdict(coefficients()).items() if name.startswith(("spread", "shared"))}
    fitted: dict[tuple[frozenset[str], tuple[str, ...]], Coefficients] = {}

    def without(out: frozenset[str], terms: tuple[str, ...]) -> Coefficients:
        if (out, terms) not in fitted:
            kept = [case for case in used if case.source_group not in out]
            fitted[out, terms] = replace(fitting.fit(kept, terms, spreads=False), **spreads)
        return fitted[out, terms]

    def brier(outer: str, terms: tuple[str, ...]) -> float:
        missed = [
            (
                weight[one.question.id],
                (_quick_chance(one, without(frozenset({outer, one.source_group}), terms)) - one.training_wins) ** 2,
            )
            for one in judged
            if one.source_group != outer and one.is_contest
        ]
        return _share(missed) or 0.0

    picked: dict[str, int] = {}
    choices: dict[str, Choice] = {}
    for outer in groups:
        best = min(tried, key=partial(brier, outer))
        picked[" + ".join(best) or "none"] = picked.get(" + ".join(best) or "none", 0) + 1
        rule = _model(without(frozenset({outer}), best))
        choices |= {one.question.id: rule(one) for one in judged if one.source_group == outer}
    nested = score(judged, [choices[one.question.id] for one in judged])
    return {
        "structures": len(tried),
        "picked": dict(sorted(picked.items(), key=lambda pair: -pair[1])),
        "nested": {key: value for key, value in nested.items() if not key.startswith("by_")},
    }


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
    """Fit the model or compare its structures. Exit code 1 when the stored coefficients are not the fitted ones."""
    parser = argparse.ArgumentParser(prog="calculator.evaluation.cases", description="Fit the quality model.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("fit", help="the coefficients from the project's comparisons")
    make.add_argument("--write", action="store_true", help="store them")
    commands.add_parser("structures", help="which terms the model should have; takes some minutes")
    parsed = parser.parse_args(arguments)
    if parsed.command == "structures":
        print(json.dumps(structures(), indent=1))
        return 0
    text = stored()
    path = Path(fitting.__file__).with_name("coefficients.json")
    if parsed.write:
        path.write_text(text, "utf-8")
    print(text, end="")
    return int(path.read_text("utf-8") != text)


if __name__ == "__main__":
    sys.exit(main())
