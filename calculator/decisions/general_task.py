"""Is there a gap for training to close?

Two exact tests decide whether today's score is short of the bar, close enough to it, or too thinly tested to say. The
bar is never above what the labels themselves can show. When the gap is real, the failures are shared out: what a
better prompt mends, what the right document mends, and what is the model's own. Only the last part speaks for training,
and it is weighed against what tuning takes from other tasks.

Left out: what the work costs (the overall decision has it), and failures with two causes (count them under the one
that is cheaper to mend).
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from math import inf

from calculator import situation
from calculator.exhibit import Bars, Exhibit, Mark, Table, accuracy_bar
from calculator.fields import ask, assume, out
from calculator.situation import KNOWLEDGE_FAILURES
from calculator.stats import binomial, certify, intervals, labels, paired
from calculator.units import ITEMS, POINTS, SHARE, USD
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

ALPHA = 0.05
"""One-sided level of both tests, by convention."""

LEAST_CHANCE = 1e-4
"""No chance below this is stated: items that are less independent than the test takes them to be weigh more."""

SHORT_POINTS = 10.0
"""How far short of the bar a system is that a stop rule ought to catch."""


class Answer(Advice):
    AS_IS = "Use the model as it is", Stance.REFRAIN
    MEASURE = "Test more items first", Stance.OPEN
    MEND = "Mend the prompt or the context first", Stance.REFRAIN
    TRAIN = "Train for what is left", Stance.TRAIN


class Ground(Rule):
    BAR_IS_CLEARED = Answer.AS_IS
    TEST_CANNOT_TELL = Answer.MEASURE
    NOTHING_IS_LEFT = Answer.MEND
    OTHER_TASKS_LOSE_MORE = Answer.MEND
    MODEL_FALLS_SHORT = Answer.TRAIN


_quality = partial(ask, group=situation.QUALITY)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    test_items: float = situation.test_items
    target_accuracy_share: float = situation.target_accuracy_share
    difference_points: float = situation.difference_points
    failure: str = situation.failure
    gold_passage_accuracy_share: float | None = situation.gold_passage_accuracy_share
    prompt_failures_items: float | None = _quality(
        None,
        "Failures read: the prompt's fault",
        high=1e6,
        whole=True,
        hint="A clearer instruction would have mended it. Empty: none read yet",
    )
    context_failures_items: float | None = _quality(
        None, "Failures read: a missing document", high=1e6, whole=True, hint="The right passage would have mended it"
    )
    model_failures_items: float | None = _quality(
        None,
        "Failures read: the model's own",
        high=1e6,
        whole=True,
        hint="Instruction and document were there, and it failed",
    )
    rater_agreement_share: float | None = situation.rater_agreement_share
    classes_count: float | None = situation.classes_count
    off_task_requests_share: float = ask(
        0.1, "Requests outside this task", hint="Answered by the same model", group=situation.TASK
    )
    rule_items: float = _quality(10, "Your stop rule: items tried", low=1, high=100_000, whole=True)
    rule_passes_items: float = _quality(
        8, "Your stop rule: items that must pass", high=100_000, whole=True, hint="Like 8 of 10"
    )
    won_items: float = situation.won_items
    lost_items: float = situation.lost_items
    prompt_mends_share: float = assume("prompt_mends_share")
    forgetting_points: float = assume("forgetting_points")
    example_usd: float = assume("example_usd")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    bar_share: float = out("The bar", formula="min(target_accuracy_share, ceiling_share)")
    ceiling_share: float = out(
        "Highest score the labels can show", how="stats.labels.noise_ceiling; 100 % when agreement is not known"
    )
    accuracy_low_share: float = out("Accuracy today, at least", how="stats.intervals.wilson, 95 %")
    accuracy_high_share: float = out("Accuracy today, at most", how="stats.intervals.wilson, 95 %")
    gap_chance_share: float = out(
        "Chance of so few passes if the bar were met", how="stats.binomial.p_value_below, exact, 0.01 % or more"
    )
    enough_chance_share: float = out(
        "Chance of so many passes if it were short by more than matters",
        how="stats.binomial.p_value_above, exact, 0.01 % or more",
    )
    prompt_failures_share: float = out(
        "Failures that the prompt mends", how="attribute: your count, else the assumption"
    )
    context_failures_share: float = out(
        "Failures that the right document mends",
        how="attribute: your count, else from the accuracy with the right passage",
    )
    model_failures_share: float = out(
        "Failures of the model itself", formula="1 - prompt_failures_share - context_failures_share"
    )
    reach_share: float = out(
        "Accuracy with prompt and context mended", formula="1 - (1 - prompted_accuracy_share) * model_failures_share"
    )
    left_points: float = out("Left for training", formula="100 * max(0, bar_share - reach_share)")
    weighted_gain_points: float = out(
        "Training at its best, over all requests",
        formula="(1 - off_task_requests_share) * left_points - off_task_requests_share * forgetting_points",
    )
    rule_at_bar_share: float = out("Your stop rule passes a system at the bar", how="stats.binomial.tail")
    rule_when_short_share: float = out("Your stop rule passes a system ten points short", how="stats.binomial.tail")
    rule_low_share: float = out("What your stop rule shows, at least", how="stats.intervals.wilson, 95 %")
    rule_high_share: float = out("What your stop rule shows, at most", how="stats.intervals.wilson, 95 %")
    change_low_points: float = out(
        "Your comparison, at least", how="stats.paired.difference, 90 %; 0 when none was made"
    )
    change_high_points: float = out("Your comparison, at most", how="stats.paired.difference, 90 %")


@lru_cache(maxsize=4096)
def chances(passes: int, items: int, bar: float, lowest: float) -> tuple[float, float]:
    """(chance of so few passes at the bar, chance of so many at `lowest`), exact, one-sided, `LEAST_CHANCE` or more."""
    few, many = binomial.p_value_below(passes, items, bar), binomial.p_value_above(passes, items, lowest)
    return max(LEAST_CHANCE, few), max(LEAST_CHANCE, many)


@lru_cache(maxsize=4096)
def rule_chance(must_pass: int, tried: int, truth: float) -> float:
    """Chance that a system which is truly right in the share `truth` passes the stop rule."""
    return binomial.tail(must_pass, tried, truth)


def attribute(i: Inputs) -> tuple[float, float]:
    """Shares of the failures that (prompt, context) account for; the rest is the model's own.

    The reader's counts come first. Without them, the right passage mends what it was measured to mend, or, unmeasured,
    everything but the prompt's part when facts are what fails; the prompt mends its published part of the rest.
    """
    counts = (i.prompt_failures_items, i.context_failures_items, i.model_failures_items)
    prompt, context, model = (count or 0.0 for count in counts)
    total = prompt + context + model
    if total > 0:
        return prompt / total, context / total
    errors = 1 - i.prompted_accuracy_share
    if i.gold_passage_accuracy_share is not None and errors > 0:
        mended = min(1.0, max(0.0, i.gold_passage_accuracy_share - i.prompted_accuracy_share) / errors)
        return i.prompt_mends_share * (1 - mended), mended
    if i.failure in KNOWLEDGE_FAILURES:
        return i.prompt_mends_share, 1 - i.prompt_mends_share
    return i.prompt_mends_share, 0.0


def compute(i: Inputs) -> Outputs:
    items = int(i.test_items)
    passes = round(i.prompted_accuracy_share * items)
    agreed, classes = i.rater_agreement_share, int(i.classes_count or 2)
    ceiling = 1.0 if agreed is None else labels.noise_ceiling(agreed, classes)
    bar = min(i.target_accuracy_share, ceiling)
    gap, enough = chances(passes, items, bar, max(0.0, bar - i.difference_points / 100))
    low, high = intervals.wilson(i.prompted_accuracy_share * items, items)
    prompt, context = attribute(i)
    model = 1 - prompt - context
    reach = 1 - (1 - i.prompted_accuracy_share) * model
    left = 100 * max(0.0, bar - reach)
    off = i.off_task_requests_share
    tried = int(i.rule_items)
    must = min(tried, int(i.rule_passes_items))
    rule_low, rule_high = intervals.wilson(must, tried)
    compared = max(i.test_items, i.won_items + i.lost_items)
    change_low, _, change_high = paired.difference(i.won_items, i.lost_items, compared, 1 - 2 * ALPHA)
    return Outputs(
        bar_share=bar,
        ceiling_share=ceiling,
        accuracy_low_share=low,
        accuracy_high_share=high,
        gap_chance_share=gap,
        enough_chance_share=enough,
        prompt_failures_share=prompt,
        context_failures_share=context,
        model_failures_share=model,
        reach_share=reach,
        left_points=left,
        weighted_gain_points=(1 - off) * left - off * i.forgetting_points,
        rule_at_bar_share=rule_chance(must, tried, bar),
        rule_when_short_share=rule_chance(must, tried, max(0.0, bar - SHORT_POINTS / 100)),
        rule_low_share=rule_low,
        rule_high_share=rule_high,
        change_low_points=100 * change_low,
        change_high_points=100 * change_high,
    )


def ground_of(i: Inputs, o: Outputs) -> Ground:
    if o.enough_chance_share <= ALPHA:
        return Ground.BAR_IS_CLEARED
    if o.gap_chance_share > ALPHA:
        return Ground.TEST_CANNOT_TELL
    if o.weighted_gain_points > 0:
        return Ground.MODEL_FALLS_SHORT
    return Ground.NOTHING_IS_LEFT if o.left_points <= 0 else Ground.OTHER_TASKS_LOSE_MORE


def items_to_tell(i: Inputs, bar: float) -> float:
    """Items that settle it if today's share is the true one: within the margin, or short of the bar; power 80 %."""
    accuracy, lowest = i.prompted_accuracy_share, bar - i.difference_points / 100
    sizes = [inf]
    if 0 < lowest < accuracy:
        sizes.append(certify.items_to_certify(lowest, accuracy, confidence=1 - 2 * ALPHA))
    if accuracy < bar < 1:
        sizes.append(certify.items_to_certify(1 - bar, 1 - accuracy, confidence=1 - 2 * ALPHA))
    return min(sizes)


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    share, items = SHARE.show, int(i.test_items)
    passes = round(i.prompted_accuracy_share * items)
    passed = f"{passes:,} of {items:,} passed"
    reasons = (_bar(i, o, passed), _failures(i, o), _rule(i, o), _change(i, o))
    real = f"The gap is real: {passed}, and at the bar of {share(o.bar_share)} the chance of that is " + _chance(
        o.gap_chance_share
    )
    step = _read_failures(i)
    match ground:
        case Ground.BAR_IS_CLEARED:
            headline = (
                f"{passed}, and {share(o.bar_share)} is the bar: a model short of it by more than "
                f"{POINTS.show(i.difference_points)} does so well with a chance of {_chance(o.enough_chance_share)} "
                "only."
            )
            step = "Keep the test set, run it again when the model changes, and read a sample of answers each month."
        case Ground.TEST_CANNOT_TELL:
            headline = (
                f"{passed}, which can mean anything from {share(o.accuracy_low_share)} to "
                f"{share(o.accuracy_high_share)}; the bar is {share(o.bar_share)}."
            )
            step = _more_items(i, o)
        case Ground.NOTHING_IS_LEFT:
            headline = f"{real}, but mending prompt and context reaches {share(o.reach_share)}."
        case Ground.OTHER_TASKS_LOSE_MORE:
            headline = (
                f"{real}, but what training could add here, {POINTS.show(o.left_points)}, it would take from your "
                "other requests."
            )
        case Ground.MODEL_FALLS_SHORT:
            headline = (
                f"{real}. Prompt and context can reach {share(o.reach_share)}; the last {POINTS.show(o.left_points)} "
                "are the model's own."
            )
            if _is_counted(i):
                step = (
                    "Mend the prompt on the failures you have read, then tune for what is left, and score your other "
                    "tasks before and after."
                )
    return Verdict(ground.answer, headline, reasons, step)


def _chance(share: float) -> str:
    return f"under {SHARE.show(0.001)}" if share < 0.001 else SHARE.show(share)


def _is_counted(i: Inputs) -> bool:
    return any((i.prompt_failures_items, i.context_failures_items, i.model_failures_items))


def _bar(i: Inputs, o: Outputs, passed: str) -> str:
    words = (
        f"{passed}: the true share lies between {SHARE.show(o.accuracy_low_share)} and "
        f"{SHARE.show(o.accuracy_high_share)}."
    )
    if o.ceiling_share < i.target_accuracy_share:
        return (
            f"{words} You ask for {SHARE.show(i.target_accuracy_share)}, but people who agree on "
            f"{SHARE.show(i.rater_agreement_share or 0)} of items cannot show more than {SHARE.show(o.ceiling_share)}."
        )
    return words


def _failures(i: Inputs, o: Outputs) -> str:
    parts = (
        f"the prompt mends {SHARE.show(o.prompt_failures_share)}, the right document "
        f"{SHARE.show(o.context_failures_share)}, and {SHARE.show(o.model_failures_share)} are the model's own"
    )
    if _is_counted(i):
        return f"Of the failures you read, {parts}."
    return f"Nobody has read the failures yet. To expect: {parts}."


def _rule(i: Inputs, o: Outputs) -> str:
    tried = int(i.rule_items)
    must = min(tried, int(i.rule_passes_items))
    short = SHARE.show(max(0.0, o.bar_share - SHORT_POINTS / 100))
    return (
        f"“Stop when {must:,} of {tried:,} pass” lets a model of {short} through with a chance of "
        f"{SHARE.show(o.rule_when_short_share)}, and one of {SHARE.show(o.bar_share)} with "
        f"{SHARE.show(o.rule_at_bar_share)}."
    )


def _change(i: Inputs, o: Outputs) -> str:
    if i.won_items + i.lost_items == 0:
        return "No comparison of two systems on the same items was given."
    between = f"{POINTS.show(o.change_low_points)} to {POINTS.show(o.change_high_points)}"
    if o.change_low_points > 0:
        return f"Your comparison: the new system is better, by {between}."
    if o.change_high_points < 0:
        return f"Your comparison: the new system is worse, by {between}."
    margin = i.difference_points
    if -margin < o.change_low_points and o.change_high_points < margin:
        return f"Your comparison: {between}; the two are alike within {POINTS.show(margin)}. Keep the cheaper one."
    return f"Your comparison: {between}; neither better nor alike is shown. Test more items, do not train."


def _more_items(i: Inputs, o: Outputs) -> str:
    total = items_to_tell(i, o.bar_share)
    if total == inf:
        return "Move the bar or the difference that matters: between them no test can tell."
    more = total - i.test_items
    if more <= 0:
        return "Add a hundred items: your test was unlucky, another one of the same size may tell."
    return (
        f"Check {ITEMS.show(more)} more (about {USD.show(more * i.example_usd)}): if today's share is the true one, "
        f"{ITEMS.show(total)} in all settle it in four of five tries."
    )


def _read_failures(i: Inputs) -> str:
    failed = i.test_items - round(i.prompted_accuracy_share * int(i.test_items))
    if _is_counted(i):
        return "Rewrite the prompt for the failures that it would mend, give the missing documents, and score again."
    return (
        f"Read {ITEMS.show(min(30.0, failed))} that failed and write one word beside each: prompt, context or model. "
        "It is an hour's work, and nothing else tells what to mend."
    )


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    return (_ladder(i, o), _causes(i, o), _rules(i, o))


def _ladder(i: Inputs, o: Outputs) -> Bars:
    errors = 1 - i.prompted_accuracy_share
    prompted = i.prompted_accuracy_share + errors * o.prompt_failures_share
    bars = (
        accuracy_bar("Today", i.prompted_accuracy_share, o.accuracy_low_share, o.accuracy_high_share),
        accuracy_bar("With the prompt mended", prompted),
        accuracy_bar("With the right documents too", o.reach_share),
        accuracy_bar("Highest score the labels can show", o.ceiling_share),
    )
    return Bars(
        title="What closes the gap",
        description=(
            f"Today {SHARE.show(i.prompted_accuracy_share)}, with its 95 % interval; mending prompt and context "
            f"reaches {SHARE.show(o.reach_share)}; the bar is {SHARE.show(o.bar_share)}."
        ),
        unit=SHARE,
        bars=bars,
        limit=Mark(label="the bar", x=o.bar_share),
    )


def _causes(i: Inputs, o: Outputs) -> Table:
    counts = (i.prompt_failures_items, i.context_failures_items, i.model_failures_items)
    shares = (o.prompt_failures_share, o.context_failures_share, o.model_failures_share)
    remedies = (
        ("The prompt", "Say it in the prompt, with two examples"),
        ("The context", "Retrieve the passage, or give a tool"),
        ("The model", "A stronger model, or training"),
    )
    total = sum(count or 0.0 for count in counts)
    rows = []
    for (cause, remedy), count, part in zip(remedies, counts, shares, strict=True):
        if total > 0:
            low, high = intervals.wilson(count or 0.0, total)
            doubt = f"{SHARE.show(low)} to {SHARE.show(high)}"
        else:
            doubt = "not counted"
        rows.append((cause, SHARE.show(part), doubt, remedy))
    return Table(
        title="Where the failures come from",
        columns=("Cause", "Share", "95 % interval", "Cheapest remedy"),
        rows=tuple(rows),
        note="Only the last row speaks for training.",
    )


def _rules(i: Inputs, o: Outputs) -> Table:
    tried = int(i.rule_items)
    must = min(tried, int(i.rule_passes_items))
    return Table(
        title=f"Your stop rule: {must:,} of {tried:,} must pass",
        columns=("A model that is truly right in", "passes with a chance of"),
        rows=tuple((SHARE.show(truth), SHARE.show(rule_chance(must, tried, truth))) for truth in _TRUTHS),
        note=(
            f"{must:,} of {tried:,} alone shows {SHARE.show(o.rule_low_share)} to {SHARE.show(o.rule_high_share)} "
            "(Wilson, 95 %)."
        ),
    )


_TRUTHS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

DECISION = Decision(
    "Is there a gap for training to close?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="weighted_gain_points",
    shown=(
        "bar_share",
        "accuracy_low_share",
        "accuracy_high_share",
        "gap_chance_share",
        "enough_chance_share",
        "reach_share",
    ),
    consideration="whether a gap is left that prompt and context cannot close",
)
