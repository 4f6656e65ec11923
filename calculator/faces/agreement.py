"""What the overall decision says of a page's situation, and why a single consideration may point elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from calculator import catalog, engine
from calculator.decisions import fine_tune_or_not as overall
from calculator.units import POINTS, SHARE, USD
from calculator.verdict import Stance

NAME = "fine_tune_or_not"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The overall answer for the fields a page shares with it; `reason` is empty when both point the same way."""

    answer: str
    agrees: bool
    reason: str


def agreement(report: engine.Report, situation: Mapping[str, object]) -> Agreement | None:
    """How a page's verdict stands to the overall one. None for the overall page itself, and for a page without stances.

    situation: the reader's fields by name, as `engine.read` takes them; those the overall decision does not have, or
    cannot read, are left out.
    """
    stances = report.decision.stances
    if report.name == NAME or not stances:
        return None
    decision = catalog.decision(NAME)
    reading = engine.read(decision, catalog.own_part(NAME, situation))
    if reading.inputs is None:
        return None
    inputs = reading.inputs
    outputs = decision.compute(inputs)
    answer = overall.choose(inputs, outputs)
    stance = stances[report.verdict.answer]
    trains = answer in overall.TRAINED
    if stance is Stance.OPEN or (stance is Stance.TRAIN) == trains:
        return Agreement(answer=str(answer), agrees=True, reason="")
    return Agreement(answer=str(answer), agrees=False, reason=_why(report, inputs, answer, trains))


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
    if trains:
        rival = max(
            (a for a in found if a not in overall.TRAINED),
            key=lambda a: (found[a].gate is overall.Gate.OPEN, found[a].worth_usd),
        )
        other = found[rival]
        if other.gate is not overall.Gate.OPEN:
            return (
                f"{alone} Overall, every option without training is out: {rival} {overall.gate_words(inputs, other)}."
            )
        gain = POINTS.show(100 * (best.accuracy - other.accuracy))
        return (
            f"{alone} Overall, training brings {gain} over “{rival}” and is worth "
            f"{USD.show(best.worth_usd - other.worth_usd)} more over the horizon."
        )
    trained = [a for a in found if a in overall.TRAINED]
    if all(found[a].gate is not overall.Gate.OPEN for a in trained):
        return f"{alone} Overall, training is out: it {overall.gate_words(inputs, found[trained[-1]])}."
    rival = max((a for a in trained if found[a].gate is overall.Gate.OPEN), key=lambda a: found[a].worth_usd)
    other = found[rival]
    return (
        f"{alone} Overall, “{rival}” would reach {SHARE.show(other.accuracy)} against {SHARE.show(best.accuracy)} "
        f"and is worth {USD.show(best.worth_usd - other.worth_usd)} less over the horizon."
    )
