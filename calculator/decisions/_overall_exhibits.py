"""What the overall decision shows beside its verdict: all options in one table and one picture, and who measured it.

It only draws; what is said here is worked out in `fine_tune_or_not`.
"""

from calculator.cases.nearest import nearest
from calculator.catalogs import TuningService, tuning_services
from calculator.decisions.fine_tune_or_not import (
    WAYS,
    Answer,
    Gate,
    Inputs,
    Option,
    Outputs,
    Vendor,
    choose,
    described,
    ends,
    gate_words,
    holder,
    options,
)
from calculator.exhibit import Choice, Choices, Exhibit, Mark, Note, Table
from calculator.units import DAYS, SHARE, USD, USD_PER_MONTH


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    found = options(i)
    answer, second = choose(i, o), WAYS[int(o.second_count)].answer
    ranked = sorted(
        found,
        key=lambda a: (a is not answer, a is not second, found[a].gate is not Gate.OPEN, -found[a].worth_usd),
    )
    return (
        _picture(i, found, ranked),
        Table(
            title="Every option",
            columns=(
                "Option",
                "Accuracy",
                "Worth it from",
                "Trial",
                "To start",
                "To run",
                f"Worth over leaving it to people, {i.horizon_months:g} months",
            ),
            rows=tuple(_row(i, a, found[a]) for a in ranked),
            note="Accuracy from its 5th to its 95th percentile: published comparisons, and what you measured. A worth "
            "counts that an option is dropped when its trial disappoints.",
            highlight=0,
        ),
        _nearest(i),
        _holder(i),
    )


def _picture(i: Inputs, found: dict[Answer, Option], ranked: list[Answer]) -> Choices:
    """What can be had, on one axis. What leaving it to people scores is not known, and it has no place there."""
    shown = [a for a in ranked if found[a].gate is Gate.OPEN and a is not Answer.PEOPLE]
    out = len(found) - len(shown) - 1
    return Choices(
        title="Every option that can be had",
        description="For each option the accuracy to expect, from its 5th to its 95th percentile, and the bar from "
        "which it is worth building; the dashed line is what you need.",
        axis="Right answers",
        unit=SHARE,
        rows=tuple(
            Choice(
                label=str(a),
                expected=found[a].accuracy,
                low=ends(found[a])[0],
                high=ends(found[a])[1],
                bar=None if a is Answer.KEEP else found[a].bar,
                cells=(USD.brief(found[a].start_usd), USD.brief(found[a].worth_usd)),
            )
            for a in shown
        ),
        need=Mark(label="you need", x=i.target_accuracy_share),
        columns=("Start", "Worth"),
        note=f"Worth: over leaving it to people, in {i.horizon_months:g} months."
        + (f" {out} more {'is' if out == 1 else 'are'} out: “Every option” below says why." if out else ""),
    )


def _row(i: Inputs, answer: Answer, option: Option) -> tuple[str, ...]:
    if answer is Answer.PEOPLE:
        return (str(answer), "–", "–", "–", "–", "–", USD.show(0.0))
    low, high = ends(option)
    words = gate_words(i, answer, option)
    return (
        str(answer),
        f"{SHARE.show(low)} to {SHARE.show(high)}",
        "never" if option.bar > 1.0 else SHARE.show(max(0.0, option.bar)),
        "none" if answer is Answer.KEEP else f"{USD.show(option.trial_usd)}, {DAYS.show(option.trial_days)}",
        USD.show(option.start_usd),
        USD_PER_MONTH.show(option.run_usd_per_month),
        f"{words[:1].upper()}{words[1:]}" if words else USD.show(option.worth_usd),
    )


def _nearest(i: Inputs) -> Note:
    """The published comparisons that are like the situation: measured, won, source, and how they differ."""
    paragraphs = tuple(
        f"{near.measured} {near.won} {near.margin} Source: {near.source}. How it differs from yours: "
        f"{' '.join(near.differences) or 'in nothing we know.'}"
        for near in nearest(described(i), 3)
    )
    return Note(
        title="Published comparisons like yours",
        paragraphs=paragraphs
        or ("None that we know is of your kind of task, within ten times your labels and of the last three years.",),
    )


def _holder(i: Inputs) -> Note:
    """Who would hold the tuned model: the dated rows of the service, or of those that are of the kind."""
    kind = holder(i.vendor, i.tuning_service)
    rows = [row for row in tuning_services() if row.provider == i.tuning_service]
    if rows:
        return Note(title=f"If you train at {i.tuning_service}", paragraphs=tuple(map(_offer, rows)))
    found: tuple[str, ...]
    if kind is Vendor.OPEN:
        found = (OPEN_WEIGHTS, f"They can be taken along from {_named('yes')}.")
    elif kind is Vendor.TRAINING:
        found = (THREE_DATES, f"The weights stay at {_named('no')}.")
    else:
        found = tuple(_offer(row) for row in tuning_services() if row.closes)
    return Note(title="If you train: who holds the model", paragraphs=found)


OPEN_WEIGHTS = (
    "Open weights stay yours: a tuned adapter runs wherever its base model runs, and no retirement date ends it."
)
THREE_DATES = (
    "Ask three dates before you train: until when you may train, when the base model retires, and whether the tuned "
    "weights can be taken along."
)


def _named(weights_out: str) -> str:
    """The services that still train and from which weights can, or cannot, be taken along."""
    names = dict.fromkeys(row.provider for row in tuning_services()
                          if row.weights_out == weights_out and not row.closes)
    return ", ".join(names)


def _offer(row: TuningService) -> str:
    """One dated row in words."""
    kinds = [kind for kind in ("supervised", "preference", "reinforcement") if getattr(row, kind)]
    said = [f"{row.provider}, {row.models}: {' and '.join(kinds)} tuning"]
    said += [f"{USD.show(row.usd)} a {row.unit}"] if row.usd is not None else []
    said += {"yes": ["the weights can be taken along"], "no": ["the weights stay there"]}.get(row.weights_out, [])
    said += [f"trains until {row.closes}"] if row.closes else []
    return f"{', '.join(said)}. {row.note[:1].upper()}{row.note[1:]}. As of {row.as_of}."
