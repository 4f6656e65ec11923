"""How accurate must it be, and could you tell?

The accuracy that pays follows from what a right answer earns and a wrong one costs. Whether today's system has it is
read from the interval around its test score. When it falls short, retrieval comes first if the right passage would
close the gap. Training is then weighed as a trial that is kept only if a paired test says so: its worth is that of an
option, and counts no more than such a test can resolve. Today and after, the service is run in the way that earns most:
with nobody checking, with people checking the doubtful answers, or not at all.

Left out: the GPU bill of the trial (the page on compute shows how small it is), what serving costs, errors that cost
unlike amounts (score them by cost then), and judges who are models (their errors come on top of the interval).
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from math import inf, log, sqrt

from calculator import situation
from calculator.cases import quality
from calculator.decisions._reinforcement import LEARNABLE_SHARE, REINFORCEMENT_USD, reinforcement
from calculator.decisions._tables import worded
from calculator.decisions.too_little_data import tuned_gain
from calculator.exhibit import Bar, Bars, Exhibit, Mark, Table, accuracy_bar
from calculator.fields import ask, assume, out
from calculator.situation import KNOWLEDGE_FAILURES
from calculator.stats import certify, intervals, paired, value
from calculator.stats.normal import normal_cdf, normal_quantile
from calculator.stats.sampling import Z_95
from calculator.units import EXAMPLES, ITEMS, POINTS, SHARE, USD, USD_PER_MONTH
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

NARROWEST_SHARE = 0.005
"""A score nearer to the bar than this takes tens of thousands of items to tell: no test is planned for it."""

OUTCOMES = tuple(normal_quantile((k + 0.5) / 16) for k in range(16))
"""The middles of sixteen equally likely parts of a normal distribution: what a trial may find."""

MOST_EXACT_ITEMS = 20_000
"""Above this the exact interval and Wilson's agree to three digits, and the exact one takes longest."""


class Answer(Advice):
    ENOUGH = "Accurate enough: use it", Stance.REFRAIN
    MEASURE = "Test more items first", Stance.OPEN
    TRAIN = "Train, and retrieve the facts", Stance.TRAIN
    OTHER = "Retrieve or review, do not train", Stance.REFRAIN


class Ground(Rule):
    BAR_IS_CLEARED = Answer.ENOUGH
    TEST_CANNOT_TELL = Answer.MEASURE
    RETRIEVAL_CLOSES_IT = Answer.OTHER
    TRIAL_LOSES = Answer.OTHER
    TOO_FEW_EXAMPLES = Answer.OTHER
    TRIAL_PAYS = Answer.TRAIN


_stake = partial(ask, group=situation.MONEY)
_quality = partial(ask, group=situation.QUALITY)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    test_items: float = situation.test_items
    target_accuracy_share: float = situation.target_accuracy_share
    success_usd: float = situation.success_usd
    failure_usd: float = situation.failure_usd
    churn_share: float = _stake(0, "Wrong answers that lose the customer", hint="The others cost what is above")
    churn_usd: float = _stake(0, "Worth of a lost customer", high=1e7)
    requests_per_month: float = situation.requests_per_month
    failure: str = situation.failure
    gold_passage_accuracy_share: float | None = situation.gold_passage_accuracy_share
    retrieved_accuracy_share: float | None = situation.retrieved_accuracy_share
    review_usd: float = _stake(2, "A person's check of one answer", high=100_000, hint="Minutes times the wage")
    difference_points: float = situation.difference_points
    discordant_share: float | None = _quality(
        None,
        "Items on which two systems disagree",
        hint="From a pilot of a hundred items. Empty: from the correlation below",
    )
    cluster_items: float = _quality(
        1, "Test items from one document or customer", low=1, high=100_000, hint="One: all are independent"
    )
    won_items: float = situation.won_items
    lost_items: float = situation.lost_items
    task: str = situation.task
    labelled_examples: float = situation.labelled_examples
    new_examples: float = situation.new_examples
    classes_count: float | None = situation.classes_count
    long_context: bool = situation.long_context
    horizon_months: float = situation.horizon_months
    prompt_tokens: float = situation.prompt_tokens
    answer_tokens: float = situation.answer_tokens
    thinking_tokens: float = situation.thinking_tokens
    doubt_ranks_share: float = assume("doubt_ranks_share")
    reviewer_error_share: float = assume("reviewer_error_share")
    question_correlation_share: float = assume("question_correlation_share")
    item_correlation_share: float = assume("item_correlation_share")
    minimum_examples: float = assume("minimum_examples")
    example_usd: float = assume("example_usd")
    engineer_usd_per_hour: float = assume("engineer_usd_per_hour")
    training_work_hours: float = assume("training_work_hours")
    system_upkeep_hours: float = assume("system_upkeep_hours")
    retraining_usd: float = assume("retraining_usd")
    base_life_months: float = assume("base_life_months")
    discount_share: float = assume("discount_share")
    rollout_prompts_count: float = assume("rollout_prompts_count")
    rollouts_count: float = assume("rollouts_count")
    rollout_input_usd_per_mtok: float = assume("rollout_input_usd_per_mtok")
    rollout_output_usd_per_mtok: float = assume("rollout_output_usd_per_mtok")
    grader_usd: float = assume("grader_usd")
    runs_count: float = assume("runs_count")
    managed_small_usd_per_mtok: float = assume("managed_small_usd_per_mtok")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    needed_accuracy_share: float = out("Accuracy needed", formula="max(target_accuracy_share, break_even_share)")
    break_even_share: float = out(
        "Accuracy from which answers pay", how="stats.value.break_even_accuracy: cost / (cost + worth)"
    )
    accuracy_low_share: float = out("Accuracy today, at least", how="stats.intervals.wilson, 95 %")
    accuracy_high_share: float = out("Accuracy today, at most", how="stats.intervals.wilson, 95 %")
    wrong_answer_usd: float = out(
        "A wrong answer, all in", formula="(1 - churn_share) * failure_usd + churn_share * churn_usd"
    )
    point_usd_per_month: float = out(
        "Worth of one point of accuracy", formula="requests_per_month * (success_usd + wrong_answer_usd) / 100"
    )
    net_usd_per_month: float = out(
        "Answers today, right less wrong",
        formula="requests_per_month * (prompted_accuracy_share * success_usd"
        " - (1 - prompted_accuracy_share) * wrong_answer_usd)",
    )
    independent_items: float = out(
        "Independent test items", how="stats.intervals.effective_items: items / (1 + (m - 1) correlation)"
    )
    smallest_gain_points: float = out(
        "Smallest gain your test would show", how="stats.paired.smallest_paired_gain, power 80 %"
    )
    paired_items: float = out(
        "Items to see the difference, same items", how="stats.paired.paired_items (Connor 1987), power 80 %"
    )
    unpaired_items: float = out(
        "Items to see it with other items per system", how="stats.paired.unpaired_items, power 80 %"
    )
    certify_power_share: float = out(
        "Chance that your test proves the bar",
        hint="If the truth lies above it by the smallest difference that matters",
        how="stats.certify.certify_power",
    )
    review_threshold_share: float = out(
        "Send to a person above this chance of error", how="stats.value.review_threshold, at most 1"
    )
    reviewed_share: float = out("Answers that a person sees", how="review_split, two normal curves of doubt")
    missed_share: float = out("Answers that go out wrong after review", how="review_split")
    reviewed_usd_per_month: float = out(
        "Answers with review, all in",
        formula="requests_per_month * ((1 - missed_share) * success_usd - missed_share * wrong_answer_usd"
        " - reviewed_share * review_usd)",
    )
    automate_above_share: float = out(
        "Accuracy from which no review beats full review", how="stats.value.automation_bar, at least 0"
    )
    training_gain_points: float = out("What training is expected to add", how="cases.quality.gains")
    gain_that_pays_points: float = out(
        "Gain from which training pays, if nobody checks",
        how="stats.value.break_even_gain on its cost a month, and on today's loss when there is one",
    )
    trial_worth_usd: float = out(
        "Worth of a trial of training",
        how="trial_worth: the mean over sixteen outcomes, each kept only if it earns more than today, less the start",
    )
    trial_pays_share: float = out(
        "Chance that the trial earns back its start", how="trial_worth: those of sixteen outcomes that do"
    )
    compared_low_points: float = out(
        "Your comparison, at least", how="stats.paired.difference, 95 %; 0 when none was made"
    )
    compared_points: float = out("Your comparison", how="stats.paired.difference")
    compared_high_points: float = out("Your comparison, at most", how="stats.paired.difference, 95 %")
    compared_chance_share: float = out(
        "Chance of such a difference by luck", how="stats.paired.mcnemar, exact; 100 % when none was made"
    )
    reinforcement_usd: float = REINFORCEMENT_USD
    learnable_share: float = LEARNABLE_SHARE


def review_split(error: float, threshold: float, apart: float) -> tuple[float, float]:
    """(share of all answers checked, share of the wrong ones checked) when doubt above `threshold` goes to a person.

    Doubt is one normal score for right answers, and the same `apart` standard deviations higher for wrong ones (the
    binormal model of Green and Swets 1966); Bayes' rule turns it into a chance of error.
    """
    if threshold >= 1 or error <= 0:
        return 0.0, 0.0
    if threshold <= 0 or error >= 1:
        return 1.0, 1.0
    if apart < 1e-9:
        return (1.0, 1.0) if error > threshold else (0.0, 0.0)
    cut = log(threshold * (1 - error) / ((1 - threshold) * error)) / apart + apart / 2
    wrong, right = normal_cdf(apart - cut), normal_cdf(-cut)
    return error * wrong + (1 - error) * right, wrong


@dataclass(frozen=True, kw_only=True)
class Review:
    """How people check: above which chance of error, and how well doubt sorts right from wrong answers."""

    threshold: float
    apart: float
    person_error: float
    check_usd: float
    success_usd: float
    stake_usd: float

    def split(self, error: float) -> tuple[float, float, float]:
        """(share checked, share that goes out wrong, USD earned an answer) at this share of wrong answers."""
        seen, caught = review_split(error, self.threshold, self.apart)
        missed = error * (1 - caught) + seen * self.person_error
        return seen, missed, self.success_usd - missed * self.stake_usd - seen * self.check_usd

    def best_usd(self, error: float) -> float:
        """USD that an answer earns in the best way: nobody checks, people check the doubtful, or not at all."""
        return max(0.0, self.success_usd - error * self.stake_usd, self.split(error)[2])


def reviewing(i: Inputs, stake_usd: float) -> Review:
    """How people would check here. A wrong answer costs `stake_usd` against a right one.

    Two normal scores lie sqrt(2) times the normal quantile of the chance apart with which the higher is the larger.
    """
    threshold = value.review_threshold(i.review_usd, stake_usd, i.reviewer_error_share) if stake_usd > 0 else 1.0
    return Review(
        threshold=min(1.0, threshold),
        apart=sqrt(2.0) * normal_quantile(i.doubt_ranks_share),
        person_error=i.reviewer_error_share,
        check_usd=i.review_usd,
        success_usd=i.success_usd,
        stake_usd=stake_usd,
    )


def trial_worth(i: Inputs, review: Review, running_usd: float, start_usd: float, error: float) -> tuple[float, float]:
    """(worth in USD over the horizon, chance of earning back the start) of tuning once and keeping it only if it pays.

    The gain is normal around that of published cases. A test with standard `error` moves the estimate of it by less
    than its spread: spread^2 / sqrt(spread^2 + error^2).
    """
    gain = expected_gain(i)
    moved = gain.spread**2 / sqrt(gain.spread**2 + error**2) if gain.spread > 0 else 0.0
    months = value.annuity_months(i.horizon_months, i.discount_share)
    wrong = 1 - i.prompted_accuracy_share
    today = review.best_usd(wrong)
    kept, paid = 0.0, 0
    for z in OUTCOMES:
        then = min(1.0, max(0.0, wrong - gain.mean - moved * z))
        more = (i.requests_per_month * (review.best_usd(then) - today) - running_usd) * months
        kept += max(0.0, more)
        paid += more > start_usd
    return kept / len(OUTCOMES) - start_usd, paid / len(OUTCOMES)


@lru_cache(maxsize=1024)
def proof_power(items: int, needed: float, truth: float) -> float:
    """Chance that so many items prove the bar if `truth` is the true share; 0 for a bar that no test can prove."""
    return certify.certify_power(items, needed, truth) if 0 < needed < 1 else 0.0


@lru_cache(maxsize=1024)
def unpaired_size(accuracy: float, other: float) -> float:
    """Items for each of two systems of these accuracies, kept because the assumptions do not move it."""
    return paired.unpaired_items(accuracy, other)


def discordant(i: Inputs, other: float) -> float:
    """Share of items on which today's system and one of accuracy `other` disagree; at least their difference."""
    least = abs(other - i.prompted_accuracy_share)
    if i.discordant_share is not None:
        return max(i.discordant_share, least)
    first, second = 1 - i.prompted_accuracy_share, 1 - other
    _, independent, _ = paired.discordant_range(first, second)
    shared = i.question_correlation_share * sqrt(first * (1 - first) * second * (1 - second))
    return max(least, independent - 2 * shared)


def expected_gain(i: Inputs) -> quality.Expectation:
    """What tuning a small model added in published cases like this one, and the spread of what the model misses."""
    examples = i.labelled_examples + i.new_examples
    return tuned_gain(i.task, i.classes_count, i.prompted_accuracy_share, i.long_context, examples)


def compute(i: Inputs) -> Outputs:
    accuracy = i.prompted_accuracy_share
    wrong = value.failure_cost(i.failure_usd, i.churn_share, i.churn_usd)
    stake = i.success_usd + wrong
    break_even = value.break_even_accuracy(i.success_usd, wrong)
    needed = max(i.target_accuracy_share, break_even)

    items = max(1.0, intervals.effective_items(i.test_items, i.cluster_items, i.item_correlation_share))
    low, high = intervals.wilson(accuracy * items, items)
    difference = i.difference_points / 100
    other = accuracy + difference if accuracy + difference <= 1 else accuracy - difference
    disagree = discordant(i, accuracy)
    truth = min(1.0, needed + difference)

    review = reviewing(i, stake)
    seen, missed, reviewed_usd = review.split(1 - accuracy)
    automate = value.automation_bar(1 - i.reviewer_error_share, i.review_usd, 0.0, stake) if stake > 0 else 0.0

    months = value.annuity_months(i.horizon_months, i.discount_share)
    start = i.training_work_hours * i.engineer_usd_per_hour + i.new_examples * i.example_usd
    running = i.system_upkeep_hours * i.engineer_usd_per_hour + i.retraining_usd / i.base_life_months
    net = value.net_value(i.requests_per_month, accuracy, i.success_usd, wrong)
    cost = running + start / months + max(0.0, -net)
    worth, pays = trial_worth(i, review, running, start, sqrt(disagree / items))

    compared = max(i.test_items, i.won_items + i.lost_items)
    compared_low, compared_gain, compared_high = paired.difference(i.won_items, i.lost_items, compared)
    return Outputs(
        **reinforcement(i),
        needed_accuracy_share=needed,
        break_even_share=break_even,
        accuracy_low_share=low,
        accuracy_high_share=high,
        wrong_answer_usd=wrong,
        point_usd_per_month=i.requests_per_month * stake / 100,
        net_usd_per_month=net,
        independent_items=items,
        smallest_gain_points=100 * paired.smallest_paired_gain(items, disagree),
        paired_items=paired.paired_items(abs(other - accuracy), discordant(i, other)),
        unpaired_items=unpaired_size(accuracy, other),
        certify_power_share=proof_power(int(items), needed, truth),
        review_threshold_share=review.threshold,
        reviewed_share=seen,
        missed_share=missed,
        reviewed_usd_per_month=i.requests_per_month * reviewed_usd,
        automate_above_share=max(0.0, automate),
        training_gain_points=100 * expected_gain(i).mean,
        gain_that_pays_points=100 * value.break_even_gain(cost, i.requests_per_month, stake),
        trial_worth_usd=worth,
        trial_pays_share=pays,
        compared_low_points=100 * compared_low,
        compared_points=100 * compared_gain,
        compared_high_points=100 * compared_high,
        compared_chance_share=paired.mcnemar(int(i.won_items), int(i.lost_items)),
    )


def is_retrievable(i: Inputs, needed: float) -> bool:
    """Whether the right passage, or today's retrieval, reaches the bar; unmeasured, whether facts are what fails."""
    measured = [a for a in (i.gold_passage_accuracy_share, i.retrieved_accuracy_share) if a is not None]
    return max(measured) >= needed if measured else i.failure in KNOWLEDGE_FAILURES


def ground_of(i: Inputs, o: Outputs) -> Ground:
    if o.accuracy_low_share >= o.needed_accuracy_share:
        return Ground.BAR_IS_CLEARED
    if o.accuracy_high_share >= o.needed_accuracy_share:
        return Ground.TEST_CANNOT_TELL
    if is_retrievable(i, o.needed_accuracy_share):
        return Ground.RETRIEVAL_CLOSES_IT
    if o.trial_worth_usd <= 0:
        return Ground.TRIAL_LOSES
    enough_examples = i.labelled_examples + i.new_examples >= i.minimum_examples
    return Ground.TRIAL_PAYS if enough_examples else Ground.TOO_FEW_EXAMPLES


def items_to_tell(accuracy: float, needed: float) -> float:
    """Items that tell on which side of the bar a system of this accuracy lies, with power 80 %; inf when too near."""
    if abs(accuracy - needed) < NARROWEST_SHARE or not 0 < needed < 1:
        return inf
    if accuracy > needed:
        return certify.items_to_certify(needed, accuracy)
    return certify.items_to_certify(1 - needed, 1 - accuracy)


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    share, accuracy, needed = SHARE.show, i.prompted_accuracy_share, o.needed_accuracy_share
    measured = f"{share(accuracy)} on {ITEMS.show(i.test_items)}"
    reasons = (_money(i, o), _retrieval(i, needed), _training(o), _review(o), _test(i, o))
    short = f"{measured} means {share(o.accuracy_high_share)} at the most; {share(needed)} is needed"
    review = (
        f"Let people see the answers whose chance of error is above {share(o.review_threshold_share)}, and keep "
        "their corrections: they are the labels you lack."
    )
    match ground:
        case Ground.BAR_IS_CLEARED:
            headline = f"{measured} means {share(o.accuracy_low_share)} at the least; {share(needed)} is needed."
            step = "Keep the test as a gate: run it again whenever model, prompt or documents change."
        case Ground.TEST_CANNOT_TELL:
            headline = (
                f"{measured} can mean anything from {share(o.accuracy_low_share)} to {share(o.accuracy_high_share)}; "
                f"{share(needed)} is needed."
            )
            step = _more_items(i, o)
        case Ground.RETRIEVAL_CLOSES_IT:
            headline = f"{short}; the right passage closes the gap, so training has nothing to add."
            step = "Give the right passage by hand for a hundred items, then find where retrieval loses it."
        case Ground.TRIAL_LOSES:
            headline, step = f"{short}, but a trial of training is worth {USD.show(o.trial_worth_usd)}.", review
        case Ground.TOO_FEW_EXAMPLES:
            headline = f"{short}, but training needs {EXAMPLES.show(i.minimum_examples)} and you have fewer."
            step = review
        case Ground.TRIAL_PAYS:
            people = ", and let people check the doubtful" if o.reviewed_share > 0 else ""
            headline = f"{short}, and each point is worth {USD_PER_MONTH.show(o.point_usd_per_month)}."
            step = (
                f"Retrieve whatever changes or must carry its source{people}. Then tune once, run both systems on the "
                f"same {ITEMS.show(i.test_items)} and count those that only one gets right: the test shows a gain from "
                f"{POINTS.show(o.smallest_gain_points)} on."
            )
    return Verdict(ground.answer, headline, reasons, step)


def _money(i: Inputs, o: Outputs) -> str:
    pays = SHARE.show(o.break_even_share)
    words = (
        f"A right answer is worth {USD.show(i.success_usd)} and a wrong one costs {USD.show(o.wrong_answer_usd)}: "
        f"answers pay from {pays} on"
    )
    if o.break_even_share > i.target_accuracy_share:
        return f"{words}, which is above the {SHARE.show(i.target_accuracy_share)} you ask for."
    return f"{words}; you ask for {SHARE.show(i.target_accuracy_share)}."


def _retrieval(i: Inputs, needed: float) -> str:
    gold = i.gold_passage_accuracy_share
    if gold is None:
        return "Not measured: the accuracy with the right passage given. It tells what retrieval could bring."
    words = f"With the right passage given, {SHARE.show(gold)} is right"
    if gold >= needed:
        return f"{words}: retrieval alone can reach the {SHARE.show(needed)}."
    brings = POINTS.show(100 * max(0.0, gold - i.prompted_accuracy_share))
    return f"{words}: retrieval brings {brings} at most, and {POINTS.show(100 * (needed - gold))} more are skill."


def _training(o: Outputs) -> str:
    return (
        f"Published cases like yours lead to {POINTS.show(o.training_gain_points)} from tuning a small model, with "
        f"wide doubt. A trial that is dropped when it fails earns back its start with a chance of "
        f"{SHARE.show(o.trial_pays_share)} and is worth {USD.show(o.trial_worth_usd)} at your prices."
    )


def _review(o: Outputs) -> str:
    money = USD_PER_MONTH.show
    loss = "" if max(o.net_usd_per_month, o.reviewed_usd_per_month) > 0 else " At your prices either way loses money."
    if o.reviewed_share == 0:
        return f"Having people check answers costs more than the errors it would catch.{loss}"
    return (
        f"People should check an answer whose chance of error is above {SHARE.show(o.review_threshold_share)}: "
        f"{SHARE.show(o.reviewed_share)} of answers. Then {SHARE.show(o.missed_share)} go out wrong, and answers earn "
        f"{money(o.reviewed_usd_per_month)} in place of {money(o.net_usd_per_month)}.{loss}"
    )


def _test(i: Inputs, o: Outputs) -> str:
    if i.won_items + i.lost_items == 0:
        return (
            f"To see a difference of {POINTS.show(i.difference_points)} takes {ITEMS.show(o.paired_items)} answered by "
            f"both systems, or {ITEMS.show(o.unpaired_items)} for each when they differ."
        )
    between = f"{POINTS.show(o.compared_low_points)} to {POINTS.show(o.compared_high_points)}"
    if i.won_items + i.lost_items < 10:
        return f"Your comparison: the systems disagree on too few items to say more than {between}."
    luck = "luck alone would rarely do that" if o.compared_chance_share <= 0.05 else "luck alone could do that"
    return (
        f"Your comparison: {POINTS.show(o.compared_points)}, between {between}; {luck} "
        f"(chance {SHARE.show(o.compared_chance_share)})."
    )


def _more_items(i: Inputs, o: Outputs) -> str:
    total = items_to_tell(i.prompted_accuracy_share, o.needed_accuracy_share)
    more = total - i.test_items
    if total == inf:
        return (
            "Your score lies so near the bar that no affordable test tells: decide by the cost of an error, and review."
        )
    if more <= 0:
        return "Your items share documents, so they count for fewer: add items from other documents."
    return (
        f"Check {ITEMS.show(more)} more (about {USD.show(more * i.example_usd)}): if today's share is the true one, "
        f"{ITEMS.show(total)} in all tell in four of five tries. One point is worth "
        f"{USD_PER_MONTH.show(o.point_usd_per_month)}: spend no more on the test than it can earn."
    )


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    return (_bars(i, o), _sizes(i, o), _intervals(i, o), _reviews(i, o))


def _bars(i: Inputs, o: Outputs) -> Bars:
    gain = expected_gain(i)
    tuned = max(0.0, min(1.0, i.prompted_accuracy_share + gain.mean))
    rows = [_measured("Today", i.prompted_accuracy_share, o.independent_items)]
    for label, measured in (
        ("With your retrieval", i.retrieved_accuracy_share),
        ("With the right passage given", i.gold_passage_accuracy_share),
    ):
        if measured is not None:
            rows.append(_measured(label, measured, o.independent_items))
    low, high = max(0.0, tuned - Z_95 * gain.spread), min(1.0, tuned + Z_95 * gain.spread)
    rows.append(accuracy_bar("Tuned, as published cases lead to expect", tuned, low, high))
    return Bars(
        title="Accuracy against what is needed",
        description=(
            "A bar for each; the whisker of a measured one is its 95 % interval on your test items, that of the tuned "
            "one runs from the 5th to the 95th percentile."
        ),
        unit=SHARE,
        bars=tuple(rows),
        limit=Mark(label="needed", x=o.needed_accuracy_share),
    )


def _measured(label: str, accuracy: float, items: float) -> Bar:
    return accuracy_bar(label, accuracy, *intervals.wilson(accuracy * items, items))


def _sizes(i: Inputs, o: Outputs) -> Table:
    needed, difference = o.needed_accuracy_share, i.difference_points / 100
    truth = min(1.0, needed + difference)
    proof = items_to_tell(truth, needed) if truth > needed else inf
    clean = intervals.items_without_failure(needed) if needed > 0 else inf
    return worded(
        "test_sizes",
        needed=SHARE.show(needed),
        truth=SHARE.show(truth),
        proof=ITEMS.show(proof),
        clean=ITEMS.show(clean),
        difference=POINTS.show(i.difference_points),
        paired=ITEMS.show(o.paired_items),
        unpaired=ITEMS.show(o.unpaired_items),
        items=ITEMS.show(i.test_items),
        smallest=POINTS.show(o.smallest_gain_points),
    )


def _intervals(i: Inputs, o: Outputs) -> Table:
    items = o.independent_items
    passes = i.prompted_accuracy_share * items
    rows = [
        ("Textbook (Wald): too narrow for few items", *map(SHARE.show, intervals.wald(passes, items))),
        ("Wilson: used here", *map(SHARE.show, intervals.wilson(passes, items))),
    ]
    if items <= MOST_EXACT_ITEMS:
        whole = int(items)
        exact = intervals.exact(min(whole, round(i.prompted_accuracy_share * whole)), whole)
        rows.append(("Exact (Clopper and Pearson): never too narrow", *map(SHARE.show, exact)))
    return Table(
        title=f"{SHARE.show(i.prompted_accuracy_share)} on {ITEMS.show(i.test_items)}: three 95 % intervals",
        columns=("Interval", "From", "To"),
        rows=tuple(rows),
        highlight=1,
    )


def _reviews(i: Inputs, o: Outputs) -> Table:
    all_reviewed = i.requests_per_month * (
        (1 - i.reviewer_error_share) * i.success_usd - i.reviewer_error_share * o.wrong_answer_usd - i.review_usd
    )
    rows = (
        ("Nobody checks", 0.0, 1 - i.prompted_accuracy_share, o.net_usd_per_month),
        ("People check the doubtful", o.reviewed_share, o.missed_share, o.reviewed_usd_per_month),
        ("People check all", 1.0, i.reviewer_error_share, all_reviewed),
    )
    best = max(range(3), key=lambda k: rows[k][3])
    return Table(
        title="What review brings",
        columns=("Who checks", "Answers checked", "Go out wrong", "Right less wrong, less checks"),
        rows=tuple((who, SHARE.show(seen), SHARE.show(bad), USD_PER_MONTH.show(usd)) for who, seen, bad, usd in rows),
        note="Serving costs are left out; they are the same in all three.",
        highlight=best,
    )


DECISION = Decision(
    "How accurate must it be, and could you tell?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="trial_worth_usd",
    shown=(
        "needed_accuracy_share",
        "accuracy_low_share",
        "accuracy_high_share",
        "point_usd_per_month",
        "smallest_gain_points",
        "reviewed_share",
    ),
    consideration="whether the accuracy is enough and can be shown",
)
