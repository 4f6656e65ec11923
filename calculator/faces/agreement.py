"""What the overall decision says of a page's situation, and why a single consideration may point elsewhere.

The overall answer of one situation is the same on every page: it is worked out from the reader's own fields alone,
with the draws that the overall page makes, and never from the example that a page shows beside them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from calculator import catalog, engine
from calculator.decisions import fine_tune_or_not as overall
from calculator.units import POINTS, SHARE, USD
from calculator.verdict import Advice, Stance


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The overall answer for the fields a page shares with it; `reason` is empty when both point the same way."""

    answer: str
    agrees: bool
    reason: str


def overall_report(situation: Mapping[str, object]) -> engine.Report | None:
    """The overall decision's point result for a situation; None when a field of it cannot be read.

    situation: the reader's fields by name, as `engine.read` takes them; those the overall decision does not have are
    left out.
    """
    decision = catalog.decision(catalog.OVERALL)
    reading = engine.read(decision, catalog.own_part(catalog.OVERALL, situation))
    return None if reading.inputs is None else engine.evaluate_point(catalog.OVERALL, decision, reading)


def _compared(report: engine.Report) -> Advice | None:
    """The answer that is held against the overall one: none of the overall page itself, nor one without a stance."""
    answer = report.verdict.answer
    return answer if report.name != catalog.OVERALL and isinstance(answer, Advice) else None


def agreement(report: engine.Report, situation: Mapping[str, object]) -> Agreement | None:
    """How a page's verdict stands to the overall one. None where nothing is compared, or cannot be.

    situation: as `overall_report` takes it.
    """
    here = _compared(report)
    if here is None:
        return None
    whole = overall_report(situation)
    if whole is None:
        return None
    answer = overall.Answer(whole.verdict.answer)
    trains = answer in overall.TRAINED
    if here.stance is Stance.OPEN or (here.stance is Stance.TRAIN) == trains:
        return Agreement(answer=str(answer), agrees=True, reason="")
    return Agreement(answer=str(answer), agrees=False, reason=_why(report, whole.reading.inputs, answer, trains))


def waiting(report: engine.Report) -> str:
    """What stands in the place of `words` while they are not known."""
    return "All things weighed: being worked out …" if _compared(report) else ""


def words(report: engine.Report, situation: Mapping[str, object]) -> str:
    """The agreement in one or two sentences; empty when there is nothing to compare."""
    found = agreement(report, situation)
    if found is None:
        return ""
    weighed = f"All things weighed for these numbers, with typical ones for the rest: {found.answer}."
    return f"{weighed} {found.reason}" if found.reason else weighed


def _why(report: engine.Report, inputs: overall.Inputs, answer: overall.Answer, trains: bool) -> str:
    found = overall.options(inputs)
    best = found[answer]
    alone = f"This page weighs one thing: {report.decision.consideration}."
    rivals = [a for a in found if (a in overall.TRAINED) != trains and a is not overall.Answer.PEOPLE]
    to_be_had = [a for a in rivals if found[a].gate is overall.Gate.OPEN]
    if not to_be_had:
        kind = "every option without training" if trains else "training"
        nearest = max(rivals, key=lambda a: found[a].worth_usd)
        return f"{alone} Overall, {kind} is out: {nearest} {overall.gate_words(inputs, nearest, found[nearest])}."
    rival = max(to_be_had, key=lambda a: found[a].worth_usd)
    other = found[rival]
    if answer is overall.Answer.PEOPLE:
        return f"{alone} Overall, no option is likely to earn its keep or to reach what is needed."
    apart = USD.show(abs(best.worth_usd - other.worth_usd))
    if trains:
        gain = POINTS.show(100 * (best.accuracy - other.accuracy))
        return (
            f"{alone} Overall, training is expected to bring {gain} over “{rival}”, and with a way back it is worth "
            f"{apart} more over the horizon."
        )
    return (
        f"{alone} Overall, “{rival}” is expected to reach {SHARE.show(other.accuracy)} against "
        f"{SHARE.show(best.accuracy)}, and with a way back it is worth {apart} less over the horizon."
    )
