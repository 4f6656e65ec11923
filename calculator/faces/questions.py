"""One situation put to several decisions: what each of them says, and how near it is to saying something else."""

from collections.abc import Mapping
from dataclasses import dataclass

from calculator import catalog, engine
from calculator.faces.chart import escape
from calculator.faces.view import scrolled
from calculator.units import SHARE


@dataclass(frozen=True, kw_only=True)
class Question:
    """A decision's answer for a situation. tipping: the nearest change of one number that gives another, in words;
    distance: how far that is, to be compared with other questions, and infinite where nothing does."""

    name: str
    question: str
    answer: str
    holds: float
    tipping: str
    distance: float


def put(names: tuple[str, ...], situation: Mapping[str, object]) -> list[Question]:
    """Each decision's answer, the one that is nearest to another first. A decision that cannot read what was given is
    left out: its own page says why."""
    found = []
    for name in names:
        decision = catalog.decision(name)
        reading = engine.read(decision, catalog.own_part(name, situation))
        if reading.inputs is None:
            continue
        report = engine.evaluate(name, decision, reading)
        flips = sorted(report.flips or (), key=lambda flip: flip.distance)
        tipping = "No single number within its bounds."
        if flips:
            flip = flips[0]
            tipping = f"{flip.condition[:1].upper()}{flip.condition[1:]}: {flip.answer}"
        found.append(
            Question(
                name=name,
                question=decision.question,
                answer=str(report.verdict.answer),
                holds=report.holds or 0.0,
                tipping=tipping,
                distance=flips[0].distance if flips else float("inf"),
            )
        )
    return sorted(found, key=lambda question: question.distance)


def render(pages: Mapping[str, str], situation: Mapping[str, object]) -> str:
    """The questions of a section as a table, each linked to its page. pages: a decision's page, by its name."""
    found = put(tuple(pages), situation)
    if not found:
        return ""
    rows = (
        f'<tr><th scope="row"><a href="{escape(pages[one.name])}">{escape(one.question)}</a></th>'
        f'<td data-head="Answer">{escape(one.answer)}</td><td data-head="Draws">{escape(SHARE.brief(one.holds))}</td>'
        f'<td data-head="Tips with">{escape(one.tipping)}</td></tr>'
        for one in found
    )
    columns = ("Question", "Answer", "Draws", "Tips with")
    table = scrolled("The questions of this section", columns, rows, " calc-cards")
    return f"<h3>Which question decides</h3><p>Nearest to another answer: {escape(found[0].question)}</p>{table}"
