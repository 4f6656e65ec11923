"""Do you have enough data, and will more help?

The reader's own pilot scores give an error curve, a power law with a floor, with what the test items leave in doubt.
Without pilots, published comparisons give the level, and published exponents the slope. The next batch of labels is
weighed against what its points are worth. Left out: a better recipe, which lowers the whole curve; a change of base
model; and what tuning costs beside the labels, which the overall decision counts.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import inf, log2

from calculator import situation
from calculator.cases import Situation, quality
from calculator.decisions import _published
from calculator.exhibit import Curves, Exhibit, Line, Mark, Note, Table
from calculator.fields import ask, assume, assumptions_of, out, paste
from calculator.llm.tokens import managed_training_usd
from calculator.stats import intervals
from calculator.stats.labels import rater_error
from calculator.stats.learning_curve import (
    Curve,
    Diagnosis,
    Pilot,
    diagnose,
    examples_interval,
    fit,
    pool,
    power_phase,
    resample,
    score_interval,
)
from calculator.stats.normal import critical_z, normal_cdf
from calculator.units import EXAMPLES, ITEMS, POINTS, SHARE, USD, Unit, parse
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

RESAMPLES = 400
"""Curves behind the interval: its ends then rest on twenty curves each."""

MOST_ROWS = 60
MOST_EXAMPLES = 1e9
PILOT_SIZES = (0.125, 0.25, 0.5, 1.0)
"""A pilot trains on these parts of the data: three doublings, so that a curve can be told from a line."""

PILOT_EXAMPLES = 400.0
"""With fewer examples the smallest run of a pilot has below fifty, and every score is mostly chance."""

PILOT_EPOCHS = 3.0
PILOT_HOURS = 8.0
"""A day's work to train four times by script and score each on the same items."""


class Answer(Advice):
    ENOUGH = "Fine-tune on the data you have", Stance.TRAIN
    LABEL = "Label the next batch, then fine-tune", Stance.TRAIN
    LIMIT = "Improve labels, task or model, not the amount", Stance.OPEN
    KEEP = "Keep prompting: this data does not beat it", Stance.REFRAIN


class Ground(Rule):
    REACHED = Answer.ENOUGH
    NEVER_BEATS_THE_PROMPT = Answer.KEEP
    PROMPT_REACHES_IT = Answer.KEEP
    LABELS_PAY = Answer.LABEL
    NEVER_REACHES_IT = Answer.LIMIT
    LABELS_COST_TOO_MUCH = Answer.LIMIT


def pilots_of(text: str) -> tuple[Pilot, ...]:
    """The pilots of a pasted table: a line for each with size, score and test items.

    Cells stand apart by tabs, semicolons, commas or spaces. A score is a share or a percentage. Lines without a number
    above the first pilot are headers. Raises ValueError that names the line, what is allowed and what was given.
    """
    found: list[Pilot] = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = _cells(line)
        if not cells or (not found and not any(cell[0].isdigit() for cell in cells)):
            continue
        if len(cells) != 3:
            raise ValueError(
                f"line {number}: each line must hold size, score and test items, like 1000 0.82 500; "
                f"given: {line.strip()[:40]!r}"
            )
        size = _number(cells[0], "size", EXAMPLES, 1, MOST_EXAMPLES, number)
        score = _number(cells[1], "score", SHARE, 0, 1, number)
        items = _number(cells[2], "number of test items", ITEMS, 1, MOST_EXAMPLES, number)
        found.append(Pilot(examples=size, score=score, items=items))
        if len(found) > MOST_ROWS:
            raise ValueError(f"at most {MOST_ROWS} pilots are read; more were given")
    sizes = {pilot.examples for pilot in found}
    if len(sizes) < 2:
        raise ValueError(f"a curve needs pilots of at least two different sizes; given: {len(sizes)}")
    return tuple(found)


def _cells(line: str) -> list[str]:
    text = line.lstrip("\ufeff").replace("\u00a0", " ").replace(" %", "%").strip()
    words = text.split()
    for separator in ("\t", ";"):
        if separator in text:
            return [cell.strip() for cell in text.split(separator) if cell.strip()]
    # "1000 0,82 500" has decimal commas, "1000, 0.82, 500" and "1000,0.82,500" have commas between.
    if "," in text and (len(words) == 1 or any(word.endswith(",") for word in words)):
        return [cell.strip() for cell in text.split(",") if cell.strip()]
    return words


def _number(cell: str, what: str, unit: Unit, low: float, high: float, line: int) -> float:
    text = cell
    whole, comma, part = cell.partition(",")
    if comma and "," not in part and "." not in cell and (whole == "0" or len(part.rstrip("%")) != 3):
        text = f"{whole}.{part}"
    try:
        value = parse(text, unit)
    except ValueError as error:
        raise ValueError(f"line {line}: the {what} is not understood ({error}); given: {cell[:20]!r}") from None
    if not low <= value <= high:
        raise ValueError(
            f"line {line}: the {what} must be from {unit.show(low)} to {unit.show(high)}; given: {cell[:20]!r}"
        )
    return value


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What the pilots say: the fitted curve, curves fitted to resampled scores from worst to best, and warnings."""

    pilots: tuple[Pilot, ...]
    curve: Curve
    resampled: tuple[Curve, ...]
    diagnosis: Diagnosis

    def at(self, luck: float) -> Curve:
        """The fitted curve for a luck of 0, else the resampled one that stands at this many standard deviations.

        It is on its own side of the fitted one: the middle of the resamples is not quite the fit.
        """
        if luck == 0:
            return self.curve
        drawn = self.resampled[min(len(self.resampled) - 1, int(normal_cdf(luck) * len(self.resampled)))]
        further = max if luck > 0 else min
        return further(self.curve, drawn, key=lambda curve: curve.score_at(self.curve.farthest_examples))


@lru_cache(maxsize=8)
def fitted(text: str) -> Fitted:
    """The curve of a pasted table, and its resamples. ValueError as `pilots_of`."""
    pilots = pilots_of(text)
    phase = power_phase(pilots)
    curve = fit(phase)
    ordered = sorted(resample(phase, RESAMPLES), key=lambda c: c.score_at(curve.farthest_examples))
    return Fitted(pilots=pool(pilots), curve=curve, resampled=tuple(ordered), diagnosis=diagnose(pilots))


@lru_cache(maxsize=64)
def _score_interval(text: str, examples: float) -> tuple[float, float]:
    return score_interval(fitted(text).resampled, examples)


@lru_cache(maxsize=64)
def _reach(text: str, target: float) -> tuple[float, float]:
    """Median of the examples needed over the resamples, and the share of them with the target out of reach."""
    found = examples_interval(fitted(text).resampled, target)
    return found.median, found.out_of_reach


PILOT_SCORES = paste(
    "",
    "Your pilot scores",
    longest=8_000,
    check=pilots_of,
    hint="One line for each run: size, score, test items. From a spreadsheet, or like 1000 82% 500",
    group=situation.DATA,
)
"""What this page finds of a tuned small model, which the overall decision asks for too."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    pilot_scores: str = PILOT_SCORES
    labelled_examples: float = situation.labelled_examples
    batch_examples: float = ask(
        1_000, "The next batch", low=1, high=1e7, whole=True, hint="Labels you could add", group=situation.DATA
    )
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    target_accuracy_share: float = situation.target_accuracy_share
    test_items: float = situation.test_items
    requests_per_month: float = situation.requests_per_month
    success_usd: float = situation.success_usd
    failure_usd: float = situation.failure_usd
    horizon_months: float = situation.horizon_months
    budget_usd: float = situation.budget_usd
    task: str = situation.task
    classes_count: float | None = situation.classes_count
    long_context: bool = situation.long_context
    example_tokens: float = situation.example_tokens
    rater_agreement_share: float | None = situation.rater_agreement_share
    test_luck_sd: float = assume("test_luck_sd")
    doubled_data_error_share: float = assume("doubled_data_error_share")
    label_error_share: float = assume("label_error_share")
    training_surprise_sd: float = assume("training_surprise_sd")
    example_usd: float = assume("example_usd")
    retraining_usd: float = assume("retraining_usd")
    managed_small_usd_per_mtok: float = assume("managed_small_usd_per_mtok")
    engineer_usd_per_hour: float = assume("engineer_usd_per_hour")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    score_now_share: float = out("Tuned on the data you have", how="the curve at your labelled examples")
    score_low_share: float = out("The same, 5th percentile", how="curves fitted to resampled pilot scores")
    score_high_share: float = out("The same, 95th percentile", how="curves fitted to resampled pilot scores")
    score_next_share: float = out("With the next batch", how="the curve at your labels and the batch")
    gain_points: float = out("What the next batch brings", formula="100 * (score_next_share - score_now_share)")
    needed_examples: float = out("Examples to reach the target", how="stats.learning_curve.Curve.examples_for")
    needed_median_examples: float = out("The same, median of the resamples", how="examples_interval")
    out_of_reach_share: float = out(
        "Fits in which no amount reaches the target", how="resamples whose floor lies above the target's error"
    )
    limit_share: float = out(
        "The most that can be forecast", how="the curve at ten times the largest pilot, or your data"
    )
    floor_share: float = out("Errors that no amount removes", how="the floor of the curve, or wrong labels")
    doubling_share: float = out("Error above the floor left by twice the data", how="Curve.doubling_factor")
    batch_usd: float = out("The next batch costs", formula="batch_examples * example_usd + retraining_usd")
    batch_worth_usd: float = out(
        "It is worth, over the horizon",
        hint="Only what lies above your prompt counts",
        formula="(max(score_next_share, prompted_accuracy_share) - max(score_now_share, prompted_accuracy_share)) "
        "* requests_per_month * horizon_months * (success_usd + failure_usd)",
    )
    to_target_usd: float = out("Labels until the target", how="examples still missing times their price")
    noise_points: float = out("What your test items cannot show", how="half the 95 % interval of a score on them")
    pilot_usd: float = out("A pilot of four runs", how="a day's work and 1.9 passes of tokens through training")


def described(i: Inputs) -> Situation:
    """The situation in the terms of the published comparisons."""
    return _published.described(
        i.task, i.classes_count, i.long_context, i.prompted_accuracy_share, i.labelled_examples
    )


def floor_of(i: Inputs) -> float:
    """The error that wrong labels alone put under every score: from two raters when known, else as published."""
    if i.rater_agreement_share is not None:
        return rater_error(i.rater_agreement_share, int(i.classes_count or 2))
    return 0.0 if i.pilot_scores else i.label_error_share


def curve_of(i: Inputs) -> Curve:
    """The reader's curve, or the published one through the score that published comparisons lead to expect."""
    if i.pilot_scores:
        return fitted(i.pilot_scores).at(i.test_luck_sd)
    here, now, floor = described(i), max(1.0, i.labelled_examples), floor_of(i)
    drawn = quality.draw(here, ("ft_small",), {"training": i.training_surprise_sd})
    error = min(1.0, max(floor, 1.0 - i.prompted_accuracy_share - drawn["ft_small"]))
    exponent = -log2(i.doubled_data_error_share)
    return Curve(a=(error - floor) * now**exponent, b=exponent, c=floor, sizes=0, largest_examples=now, misfit=0.0)


def score(curve: Curve, floor: float, examples: float) -> float:
    """The score after so many examples: none is forecast beyond ten times the largest pilot, or above the floor."""
    return min(1.0 - floor, curve.score_at(min(max(1.0, examples), curve.farthest_examples)))


def compute(i: Inputs) -> Outputs:
    curve, floor = curve_of(i), floor_of(i)
    now = score(curve, floor, i.labelled_examples)
    after = score(curve, floor, i.labelled_examples + i.batch_examples)
    needed = curve.examples_for(i.target_accuracy_share) if i.target_accuracy_share <= 1 - floor else inf
    if i.pilot_scores:
        at = min(max(1.0, i.labelled_examples), curve.farthest_examples)
        low, high = (min(1.0 - floor, end) for end in _score_interval(i.pilot_scores, at))
        median, unreachable = _reach(i.pilot_scores, i.target_accuracy_share)
    else:
        low, high, median, unreachable = now, now, needed, float(needed == inf)
    missing = max(0.0, needed - i.labelled_examples)
    gained = max(after, i.prompted_accuracy_share) - max(now, i.prompted_accuracy_share)
    tokens = sum(PILOT_SIZES) * i.labelled_examples * i.example_tokens * PILOT_EPOCHS
    run_usd = managed_training_usd(training_tokens=tokens, training_usd_per_mtok=i.managed_small_usd_per_mtok)
    return Outputs(
        score_now_share=now,
        score_low_share=low,
        score_high_share=high,
        score_next_share=after,
        gain_points=100 * (after - now),
        needed_examples=needed,
        needed_median_examples=median,
        out_of_reach_share=unreachable,
        limit_share=score(curve, floor, curve.farthest_examples),
        floor_share=max(floor, curve.c),
        doubling_share=curve.doubling_factor,
        batch_usd=i.batch_examples * i.example_usd + i.retraining_usd,
        batch_worth_usd=gained * i.requests_per_month * i.horizon_months * (i.success_usd + i.failure_usd),
        to_target_usd=inf if needed == inf else missing * i.example_usd,
        noise_points=100 * critical_z(0.95) * intervals.standard_error(now, i.test_items),
        pilot_usd=PILOT_HOURS * i.engineer_usd_per_hour + run_usd,
    )


def batch_pays(o: Outputs) -> bool:
    return o.batch_worth_usd >= o.batch_usd


def ground_of(i: Inputs, o: Outputs) -> Ground:
    beats = o.score_now_share > i.prompted_accuracy_share
    if beats and o.score_now_share >= i.target_accuracy_share:
        return Ground.REACHED
    if o.limit_share <= i.prompted_accuracy_share:
        return Ground.NEVER_BEATS_THE_PROMPT
    if not beats and i.prompted_accuracy_share >= i.target_accuracy_share:
        return Ground.PROMPT_REACHES_IT
    if o.limit_share < i.target_accuracy_share:
        return Ground.NEVER_REACHES_IT
    affordable = batch_pays(o) or o.to_target_usd <= i.budget_usd
    return Ground.LABELS_PAY if affordable else Ground.LABELS_COST_TOO_MUCH


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    share, target = SHARE.show, SHARE.show(i.target_accuracy_share)
    have = EXAMPLES.show(i.labelled_examples)
    interval = f" ({share(o.score_low_share)} to {share(o.score_high_share)})" if i.pilot_scores else ""
    now = f"With {have} expect {share(o.score_now_share)}{interval}"
    batch = (
        f"The next {EXAMPLES.show(i.batch_examples)} bring {POINTS.show(o.gain_points)}, worth "
        f"{USD.show(o.batch_worth_usd)} over {i.horizon_months:g} months, and cost {USD.show(o.batch_usd)}."
    )
    reasons = (_basis(i, o), batch, _doubts(i, o))
    prompt = "Put your best examples into the prompt first."
    labels = (
        "Have two people label the same hundred items apart: where they differ, the guideline or the task is the limit."
    )
    match ground:
        case Ground.REACHED:
            step = (
                "Train three times with different seeds, score them on items nobody has trained or tuned on, and ship "
                "the one whose interval clears the target."
            )
            if batch_pays(o):
                step += " Then label the next batch: it still pays."
            return Verdict(ground.answer, f"{now}; you need {target}.", reasons, step)
        case Ground.NEVER_BEATS_THE_PROMPT:
            headline = (
                f"Even ten times the data leads to {share(o.limit_share)}; "
                f"your prompt reaches {share(i.prompted_accuracy_share)}."
            )
            step = prompt
        case Ground.PROMPT_REACHES_IT:
            headline = f"{now}; your prompt already has {share(i.prompted_accuracy_share)}, and you need {target}."
            step = prompt
        case Ground.LABELS_PAY:
            missing = max(0.0, o.needed_examples - i.labelled_examples)
            headline = (
                f"{now}; the target of {target} takes {EXAMPLES.show(o.needed_examples)}, "
                f"{EXAMPLES.show(missing)} more, or {USD.show(o.to_target_usd)} of labels."
            )
            step = "Label one batch, train again and add the score as another line before you order the next."
        case Ground.NEVER_REACHES_IT:
            headline = f"{now}; ten times the data leads to {share(o.limit_share)}, short of the {target} you need."
            step = labels
        case Ground.LABELS_COST_TOO_MUCH:
            headline = (
                f"{now}; the target takes {USD.show(o.to_target_usd)} of labels, above the budget, "
                "and the next batch does not earn its cost."
            )
            step = labels
    return Verdict(ground.answer, headline, reasons, _first_step(i, o, step))


def _first_step(i: Inputs, o: Outputs, step: str) -> str:
    if i.pilot_scores or i.labelled_examples < PILOT_EXAMPLES:
        return step
    price = USD.show(o.pilot_usd)
    return f"First run a pilot on an eighth, a quarter, half and all of your data (about {price}). {step}"


def _basis(i: Inputs, o: Outputs) -> str:
    floor, left = SHARE.show(o.floor_share), SHARE.show(o.doubling_share)
    if not i.pilot_scores:
        return (
            f"No pilot was given: published comparisons set the level, and published exponents say that twice the data "
            f"leaves {left} of the error above {floor}."
        )
    found = fitted(i.pilot_scores)
    return (
        f"Your {len(found.pilots)} sizes give a curve on which twice the data leaves {left} of the error above a floor "
        f"of {floor}."
    )


def _doubts(i: Inputs, o: Outputs) -> str:
    words = []
    if i.pilot_scores:
        found = fitted(i.pilot_scores)
        if o.out_of_reach_share > 0:
            words.append(f"In {SHARE.show(o.out_of_reach_share)} of resampled fits no amount reaches the target.")
        if found.diagnosis.flat_start:
            words.append(
                f"The first {found.diagnosis.flat_start} sizes lie before the power law sets in and are left out."
            )
        if found.diagnosis.non_monotone:
            words.append("A larger pilot scored worse by more than chance: repeat it with other seeds.")
        if found.diagnosis.narrow:
            words.append("The largest pilot is less than three times the smallest: the slope is mostly guesswork.")
        if found.curve.optimistic:
            words.append("Two sizes cannot show a floor, so the curve is optimistic.")
        if i.labelled_examples > found.curve.farthest_examples:
            words.append("Your data is more than ten times the largest pilot: the forecast stops there.")
    words.append(f"Your {ITEMS.show(i.test_items)} cannot show less than {POINTS.show(o.noise_points)} either way.")
    return " ".join(words)


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    return (_picture(i, o), _needs(i), _pilot_table(i) if i.pilot_scores else _how_to_pilot(i, o))


def _picture(i: Inputs, o: Outputs) -> Curves:
    """The learning curve with its band, the target and today's prompt."""
    curve, floor = curve_of(i), floor_of(i)
    pilots = fitted(i.pilot_scores).pilots if i.pilot_scores else ()
    start = pilots[0].examples if pilots else max(1.0, i.labelled_examples / 10)
    end = curve.farthest_examples
    sizes = [start * (end / start) ** (k / 24) for k in range(25)]
    if pilots:
        band = [_score_interval(i.pilot_scores, size) for size in sizes]
    else:
        band = [_published_band(i, size) for size in sizes]
    lines = [
        Line(
            label="Fitted" if pilots else "As published",
            points=tuple((size, score(curve, floor, size)) for size in sizes),
            low=tuple(min(1.0 - floor, low) for low, _ in band),
            high=tuple(min(1.0 - floor, high) for _, high in band),
        )
    ]
    if pilots:
        lines.append(Line(label="Your pilots", points=tuple((p.examples, p.score) for p in pilots), dots=True))
    return Curves(
        title="Score against labelled examples",
        description=(
            f"From {SHARE.show(lines[0].points[0][1])} at {EXAMPLES.show(start)} to {SHARE.show(o.limit_share)} at "
            f"{EXAMPLES.show(end)}; you have {EXAMPLES.show(i.labelled_examples)}. The band holds nine tenths of "
            f"{'curves fitted to resampled pilots' if pilots else 'what published figures allow'}."
        ),
        x_label="Labelled examples",
        y_label="Score",
        x_unit=EXAMPLES,
        y_unit=SHARE,
        lines=tuple(lines),
        marks=(
            Mark(label="Needed", y=i.target_accuracy_share),
            Mark(label="Your prompt", y=i.prompted_accuracy_share),
            Mark(label="You have", x=min(max(start, i.labelled_examples), end)),
        ),
        x_log=True,
    )


def _published_band(i: Inputs, size: float) -> tuple[float, float]:
    """The score at the 5th and 95th percentile of level and slope together, without pilots."""
    here, floor = described(i), floor_of(i)
    expected = quality.gains(here, ("ft_small",))["ft_small"]
    entry = assumptions_of(Inputs)["doubled_data_error_share"]
    slopes = (entry.high, entry.low)
    now, ends = max(1.0, i.labelled_examples), []
    for side, slope in ((-1.0, slopes[0]), (1.0, slopes[1])):
        gain = expected.mean + side * critical_z(0.9) * expected.spread
        error = min(1.0, max(floor, 1.0 - i.prompted_accuracy_share - gain))
        # Below today's size the steeper slope is the lower score.
        exponent = -log2(slope if size >= now else slopes[1] if side < 0 else slopes[0])
        ends.append(1.0 - min(1.0, floor + (error - floor) * (size / now) ** -exponent))
    return ends[0], ends[1]


def _needs(i: Inputs) -> Table:
    curve, floor = curve_of(i), floor_of(i)
    rows = []
    for target in sorted({i.target_accuracy_share, *_round_targets(i.target_accuracy_share)}):
        needed = curve.examples_for(target) if target <= 1 - floor else inf
        row = [SHARE.show(target), _within(needed, curve.farthest_examples)]
        if i.pilot_scores:
            found = examples_interval(fitted(i.pilot_scores).resampled, target)
            row += [_within(found.low, inf), _within(found.median, inf), SHARE.show(found.out_of_reach)]
        rows.append(tuple(row))
    columns = ["Score", "Examples, on the curve"]
    if i.pilot_scores:
        columns += ["With luck (5 %)", "Median", "Out of reach"]
    return Table(
        title="Examples for a score",
        columns=tuple(columns),
        rows=tuple(rows),
        note="“Beyond” is more than ten times the largest pilot, or your data without one: no forecast is made there.",
    )


def _round_targets(target: float) -> tuple[float, ...]:
    return tuple(t for t in (target - 0.04, target - 0.02, target + 0.02, target + 0.04) if 0 < t < 1)


def _within(examples: float, farthest: float) -> str:
    if examples == inf:
        return "out of reach"
    return EXAMPLES.show(examples) + (", beyond" if examples > farthest else "")


def _pilot_table(i: Inputs) -> Table:
    found = fitted(i.pilot_scores)
    rows = []
    for pilot in found.pilots:
        low, high = map(SHARE.show, intervals.wilson(pilot.score * pilot.items, pilot.items))
        fit_share = SHARE.show(found.curve.score_at(pilot.examples))
        rows.append((EXAMPLES.show(pilot.examples), SHARE.show(pilot.score), f"{low} to {high}", fit_share))
    return Table(
        title="Your pilots and the curve",
        columns=("Size", "Score", "95 % interval", "Curve"),
        rows=tuple(rows),
        note="Scores of one size are pooled. The interval is that of the test items, not of the training seed.",
    )


def _how_to_pilot(i: Inputs, o: Outputs) -> Note:
    have = max(1.0, i.labelled_examples)
    sizes = ", ".join(EXAMPLES.show(round(have * part)) for part in PILOT_SIZES)
    if have < PILOT_EXAMPLES:
        few = (
            f"A pilot needs about {EXAMPLES.show(PILOT_EXAMPLES)}: with fewer, its smallest run has below fifty, and "
            "the differences between runs are mostly chance."
        )
        return Note(title="Too few examples for a pilot", paragraphs=(few,))
    return Note(
        title="How to run a pilot",
        paragraphs=(
            f"Train on {sizes}, each set inside the next, with one recipe. Score all four on the same items, "
            f"{ITEMS.show(max(500.0, i.test_items))} or more, that share no source with the training data. Paste the "
            f"four lines above. It costs about {USD.show(o.pilot_usd)}: a day's work and a few dollars of training.",
        ),
    )


DECISION = Decision(
    "Do you have enough data, and will more help?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="score_now_share",
    shown=(
        "score_now_share",
        "needed_examples",
        "out_of_reach_share",
        "gain_points",
        "batch_worth_usd",
        "batch_usd",
    ),
    consideration="where the learning curve of your data leads",
)
