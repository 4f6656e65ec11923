"""The published comparisons most like a situation, with what was measured, what won and how they differ.

The distance is a sum, one part for each thing that the quality model or a reader would look at:

    task            0 for the same kind, 1.5 for a related one (`RELATED`), 3 otherwise
    changing facts  1.5 times the difference, from 0 to 1
    baseline        1 for each 0.2 between the prompted baselines, at most 2
    labels          0.7 for each power of ten between the labels over those needed, at most 1.4
    classes         0.3 for each power of ten between the numbers of classes, at most 0.6
    domain          0.3 for each level of specialisation; 0.5 less when the domain has the same name
    format          0.3 for each level of strictness
    long context    0.5 when one has it and the other has not
    age             0.1 for each year

What one of the two does not know counts half of the most it could. Suspect comparisons are never shown, and no two of
one source, so that three neighbours are three separate pieces of evidence. A neighbour is of the same kind of task,
within ten times the labels where both are known, and not more than three years older; where there is none, none is
shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log10

from calculator.cases import LEVELS, OPTIONS, TASK_TYPES, TRAINED, Case, Measured, Situation, cases
from calculator.cases.quality import label_powers

RELATED = (
    frozenset({"classification", "extraction"}),
    frozenset({"sql", "tool_use", "code", "extraction"}),
    frozenset({"generation", "dialogue", "translation"}),
    frozenset({"qa_knowledge", "reasoning", "dialogue"}),
)
"""Kinds of task that have something in common."""

MOST_TIMES, MOST_YEARS = 10.0, 3.0
"""How far labels and years may be apart before a comparison is not alike."""

CLOSE_POINTS = 2.0
"""A lead of this or less is no lead."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A comparison near a situation, in sentences. distance is as in the module's text; 0 is the same situation."""

    case: Case
    distance: float
    measured: str
    won: str
    margin: str
    source: str
    url: str
    differences: tuple[str, ...]


def nearest(situation: Situation, n: int = 3, among: Iterable[Case] | None = None) -> list[Neighbour]:
    """The `n` published comparisons most like this situation, nearest first, no two of one source; fewer, or none,
    where no more are alike (`is_alike`).

    among: the comparisons to look through; the project's own when None. Raises ValueError when n is below 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n!r}")
    ranked = sorted(
        (
            (distance(situation, case.situation), case.id, case)
            for case in among or cases()
            if not case.suspect and is_alike(situation, case.situation)
        ),
        key=lambda row: row[:2],
    )
    found: list[Neighbour] = []
    seen: set[str] = set()
    for far, _, case in ranked:
        if case.source_group not in seen:
            seen.add(case.source_group)
            found.append(_neighbour(situation, case, far))
        if len(found) == n:
            break
    return found


def is_alike(mine: Situation, its: Situation) -> bool:
    """Whether a comparison can say something of a situation at all."""
    if mine.task_type is not None and mine.task_type != its.task_type:
        return False
    if mine.n_train_examples is not None and its.n_train_examples is not None:
        ratio = (its.n_train_examples + 1.0) / (mine.n_train_examples + 1.0)
        if not 1.0 / MOST_TIMES <= ratio <= MOST_TIMES:
            return False
    return mine.year is None or its.year is None or mine.year - its.year <= MOST_YEARS


def distance(first: Situation, second: Situation) -> float:
    """How unlike two situations are: 0 for the same, about 3 for another kind of task, about 12 at most."""
    total = _task_distance(first.task_type, second.task_type)
    total += 1.5 * abs(float(first.knowledge_changes_often or 0.0) - float(second.knowledge_changes_often or 0.0))
    total += _gap(first.baseline_prompted_score_01, second.baseline_prompted_score_01, 5.0, 2.0)
    total += _gap(label_powers(first), label_powers(second), 0.7, 1.4)
    total += _gap(_power(first.n_classes), _power(second.n_classes), 0.3, 0.6)
    total += _gap(_level(first.domain_specialisation), _level(second.domain_specialisation), 0.3, 0.6)
    total += _gap(_level(first.output_format_strictness), _level(second.output_format_strictness), 0.3, 0.6)
    total += 0.5 * (bool(first.multi_turn_or_long_context) != bool(second.multi_turn_or_long_context))
    total += _gap(first.year, second.year, 0.1, 0.5)
    if first.domain and first.domain.casefold() == second.domain.casefold():
        total = max(0.0, total - 0.5)
    return total


def _gap(first: float | None, second: float | None, scale: float, most: float) -> float:
    if first is None and second is None:
        return 0.0
    if first is None or second is None:
        return most / 2.0
    return min(most, scale * abs(first - second))


def _level(word: str | None) -> float | None:
    return float(LEVELS.index(word)) if word in LEVELS else None


def _power(count: float | None) -> float | None:
    return None if count is None else log10(count)


def _task_distance(first: str | None, second: str | None) -> float:
    if first is None or first == second:
        return 0.0
    return 1.5 if any(first in family and second in family for family in RELATED) else 3.0


def _neighbour(situation: Situation, case: Case, far: float) -> Neighbour:
    return Neighbour(
        case=case,
        distance=far,
        measured=measured_words(case),
        won=won_words(case),
        margin=margin_words(case),
        source=f"{case.source}, {case.locator}",
        url=case.url,
        differences=tuple(differences(situation, case)),
    )


def measured_words(case: Case) -> str:
    """What was compared, as one sentence."""
    options = [OPTIONS[option] for option in case.options]
    known = case.situation
    labels = "" if known.n_train_examples is None else f", {known.n_train_examples:,.0f} training examples"
    classes = "" if known.n_classes is None else f", {known.n_classes:,.0f} classes"
    words = TASK_TYPES.get(known.task_type or "", "task")
    return f"{case.title} ({words}{labels}{classes}; {case.metric}): {_listed(options)}."


def won_words(case: Case) -> str:
    """What won and against what, as one sentence with the scores as printed."""
    best = case.best
    order = sorted(best.values(), key=lambda row: (row.option != case.winner, -row.score))
    first = order[0]
    if len(order) == 1:
        return f"{_capital(OPTIONS[first.option])} was best ({_row(case, first)})."
    second = order[1]
    close = [option for option in case.within_2_points if option != first.option]
    verb = "was ahead by a hair" if close else "won"
    return (
        f"{_capital(OPTIONS[first.option])} {verb} ({_row(case, first)}); "
        f"next came {OPTIONS[second.option]} ({_row(case, second)})."
    )


def margin_words(case: Case) -> str:
    """By how much it won."""
    if case.margin_points is None:
        return "No margin: only the order or relative scores were published."
    points = f"{case.margin_points:.1f} point" + ("" if f"{case.margin_points:.1f}" == "1.0" else "s")
    if case.margin_points <= CLOSE_POINTS:
        return f"{points}, so close that cost and latency decide."
    return f"{points} of 100."


def differences(situation: Situation, case: Case) -> Iterable[str]:
    """In what the comparison differs from the situation, one sentence each; then what to hold against it."""
    mine, its = situation, case.situation
    if mine.task_type and mine.task_type != its.task_type:
        theirs = TASK_TYPES.get(its.task_type or "", "another task")
        yield f"Its task is {theirs}, yours is {TASK_TYPES.get(mine.task_type, mine.task_type)}."
    changes, changed = float(mine.knowledge_changes_often or 0.0), float(its.knowledge_changes_often or 0.0)
    if abs(changes - changed) >= 0.5:
        yield "Its facts change often, yours do not." if changed > changes else "Your facts change often, its do not."
    base, other = mine.baseline_prompted_score_01, its.baseline_prompted_score_01
    if base is not None and other is not None and abs(base - other) >= 0.1:
        yield f"Its best prompt scored {100 * other:.0f}, yours {100 * base:.0f}."
    yield from _label_differences(mine, its)
    if _level(mine.domain_specialisation) is not None and mine.domain_specialisation != its.domain_specialisation:
        level = its.domain_specialisation
        yield f"Its domain ({its.domain}) is of {level} specialisation, yours of {mine.domain_specialisation}."
    if bool(mine.multi_turn_or_long_context) != bool(its.multi_turn_or_long_context):
        yield (
            "It has many turns or long documents, yours has not."
            if its.multi_turn_or_long_context
            else "Yours has many turns or long documents, it has not."
        )
    if mine.year is not None and its.year is not None and mine.year - its.year >= 2:
        yield f"Its models are of {its.year:.0f}; prompted models have improved since."
    if not TRAINED.intersection(case.options):
        yield "No trained model was compared."
    if case.caveat:
        yield case.caveat


def _label_differences(mine: Situation, its: Situation) -> Iterable[str]:
    if mine.n_train_examples is not None:
        if its.n_train_examples is None:
            yield "How many labels it had is not known."
        else:
            ratio = (its.n_train_examples + 1.0) / (mine.n_train_examples + 1.0)
            if ratio >= 3.0 or ratio <= 1.0 / 3.0:
                yield f"It had {its.n_train_examples:,.0f} labelled examples, you have {mine.n_train_examples:,.0f}."
    if mine.n_classes is not None and its.n_classes is not None:
        ratio = its.n_classes / mine.n_classes
        if ratio >= 3.0 or ratio <= 1.0 / 3.0:
            yield f"It had {its.n_classes:,.0f} classes, you have {mine.n_classes:,.0f}."


def _row(case: Case, row: Measured) -> str:
    return row.model if case.top_score is None else f"{row.model}, {100 * row.score / case.top_score:.1f}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
