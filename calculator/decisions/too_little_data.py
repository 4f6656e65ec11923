"""What can be done with the few examples you have?

Published comparisons say how many examples a task of this kind needs on average before training is worth a try, and how
many more it takes whatever the luck of the draw. What is at hand is counted in examples by people; a synthetic one
counts for part of one. A test set that cannot see the gap stops the verdict, however many examples there are. Facts are
not learned from examples: when facts fail, no number of them is enough.

Left out: the reader's own learning curve (the page on domain data fits it), whether training gains once the number is
there (the overall decision weighs it), and the time that labelling takes.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from math import floor, inf

from calculator import situation
from calculator.cases import quality
from calculator.decisions._published import described
from calculator.decisions._reinforcement import LEARNABLE_SHARE, REINFORCEMENT_USD, reinforcement
from calculator.decisions._tables import worded
from calculator.exhibit import Curves, Exhibit, Line, Mark, Table
from calculator.fields import ask, assume, out, pick
from calculator.llm.tokens import cached_input_factor
from calculator.situation import KNOWLEDGE_FAILURES, Task
from calculator.stats import intervals, labels
from calculator.stats.sampling import Z_95
from calculator.units import COUNT, EXAMPLES, ITEMS, POINTS, SHARE, USD, USD_PER_MONTH
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

TEST_PART = 0.2
"""The part of the examples that a split by habit keeps for testing; shown to say how little it tells."""


class Answer(Advice):
    PROMPT = "Prompt with them, do not train", Stance.REFRAIN
    LABEL = "Label more first", Stance.OPEN
    TRAIN = "Enough to train on", Stance.TRAIN


class Ground(Rule):
    FACTS_ARE_MISSING = Answer.PROMPT
    TOO_FAR = Answer.PROMPT
    ABOVE_BUDGET = Answer.PROMPT
    TOO_FEW = Answer.LABEL
    LUCK_DECIDES = Answer.LABEL
    TEST_IS_BLIND = Answer.LABEL
    ENOUGH = Answer.TRAIN


class Learner(StrEnum):
    """What would be trained."""

    MODEL = "a small language model with an adapter"
    ENCODER = "a sentence encoder with a classifier"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    task: str = situation.task
    classes_count: float | None = situation.classes_count
    labelled_examples: float = situation.labelled_examples
    new_examples: float = situation.new_examples
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    target_accuracy_share: float = situation.target_accuracy_share
    test_items: float = situation.test_items
    failure: str = situation.failure
    learner: str = pick(
        Learner.MODEL, Learner, "What you would train", hint="An encoder for labels only", group=situation.TRAINING
    )
    synthetic_examples: float = ask(
        0,
        "Synthetic examples you have",
        high=1e8,
        whole=True,
        hint="Written by a model, before any check",
        group=situation.DATA,
    )
    seeds_count: float = ask(
        3,
        "Training runs you compare or average",
        low=1,
        high=10,
        whole=True,
        hint="The same recipe with another seed",
        group=situation.TRAINING,
    )
    window_tokens: float = situation.window_tokens
    example_tokens: float = situation.example_tokens
    prompt_tokens: float = situation.prompt_tokens
    answer_tokens: float = situation.answer_tokens
    thinking_tokens: float = situation.thinking_tokens
    requests_per_month: float = situation.requests_per_month
    budget_usd: float = situation.budget_usd
    long_context: bool = situation.long_context
    large_api_model: str = situation.large_api_model
    minimum_examples: float = assume("minimum_examples")
    need_ratio: float = assume("need_ratio")
    luck_ratio: float = assume("luck_ratio")
    encoder_need_ratio: float = assume("encoder_need_ratio")
    seed_spread_points: float = assume("seed_spread_points")
    synthetic_worth_share: float = assume("synthetic_worth_share")
    kept_share: float = assume("kept_share")
    example_usd: float = assume("example_usd")
    large_input_usd_per_mtok: float = assume("large_input_usd_per_mtok")
    large_output_usd_per_mtok: float = assume("large_output_usd_per_mtok")
    cache_read_ratio: float = assume("cache_read_ratio")
    cache_hit_share: float = assume("cache_hit_share")
    rollout_prompts_count: float = assume("rollout_prompts_count")
    rollouts_count: float = assume("rollouts_count")
    rollout_input_usd_per_mtok: float = assume("rollout_input_usd_per_mtok")
    rollout_output_usd_per_mtok: float = assume("rollout_output_usd_per_mtok")
    grader_usd: float = assume("grader_usd")
    runs_count: float = assume("runs_count")
    managed_small_usd_per_mtok: float = assume("managed_small_usd_per_mtok")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    start_examples: float = out(
        "Enough on average",
        how="cases.quality.examples_needed for the task, times the ratios; never below the least anybody should use",
    )
    reliable_examples: float = out("Enough whatever the luck", formula="start_examples * luck_ratio")
    worth_examples: float = out(
        "You have, counted in examples by people",
        formula="labelled_examples + synthetic_worth_share * kept_share * synthetic_examples",
    )
    first_buy_examples: float = out("Labels to buy first", formula="max(0, start_examples - worth_examples)")
    first_buy_usd: float = out("Cost of the labels to buy first", formula="first_buy_examples * example_usd")
    synthetic_needed_examples: float = out(
        "Or synthetic examples to generate", how="labels to buy / (share kept * worth of one)"
    )
    synthetic_usd: float = out(
        "What generating them costs", how="a prompt in and an example out each, at the large model's prices"
    )
    gap_points: float = out(
        "What you are after", formula="100 * max(0, target_accuracy_share - prompted_accuracy_share)"
    )
    half_width_points: float = out(
        "What your test set leaves open, either way", how="half of stats.intervals.wilson, 95 %"
    )
    run_error_points: float = out(
        "Standard error of a tuned score", how="stats.labels.score_standard_error: test items and training seeds"
    )
    seeds_to_see_count: float = out(
        "Runs per side to see the gap through the seeds", how="stats.labels.seeds_needed, power 80 %"
    )
    flattery_points: float = out(
        "How much the best of your runs flatters", how="stats.labels.best_of times the spread over seeds"
    )
    shots_count: float = out("Examples that fit into the prompt", how="room in the window / example length")
    shots_usd_per_month: float = out(
        "What they add to the bill there", how="their tokens in every prompt, cached as usual"
    )
    training_gain_points: float = out("What training on them is expected to add", how="cases.quality.gains")
    reinforcement_usd: float = REINFORCEMENT_USD
    learnable_share: float = LEARNABLE_SHARE


@lru_cache(maxsize=4096)
def tuned_gain(
    task: str, classes_count: float | None, prompted_accuracy_share: float, long_context: bool, examples: float
) -> quality.Expectation:
    """What tuning a small model on so many examples added in published cases, as a share, and its spread."""
    here = described(task, classes_count, long_context, prompted_accuracy_share, examples)
    return quality.gains(replace(here, knowledge_changes_often=0.0), ("ft_small",))["ft_small"]


def expected_gain(i: Inputs, examples: float) -> quality.Expectation:
    """`tuned_gain` for the reader's task with so many examples."""
    return tuned_gain(i.task, i.classes_count, i.prompted_accuracy_share, i.long_context, examples)


def is_about_facts(i: Inputs) -> bool:
    """Whether facts are what is missing: examples teach behaviour, not facts."""
    return i.failure in KNOWLEDGE_FAILURES or i.task == Task.KNOWLEDGE


def compute(i: Inputs) -> Outputs:
    encoder = i.learner == Learner.ENCODER and i.task == Task.CLASSIFICATION
    needed = (
        quality.examples_needed(described(i.task, i.classes_count, i.long_context, i.prompted_accuracy_share, 0.0))
        * i.need_ratio
        * (i.encoder_need_ratio if encoder else 1.0)
    )
    start = max(i.minimum_examples, needed)
    kept_worth = i.synthetic_worth_share * i.kept_share
    worth = labels.mixed_labels(i.labelled_examples, i.synthetic_examples, kept_worth)
    buy = max(0.0, start - worth)
    generate = 0.0 if buy == 0 else buy / kept_worth if kept_worth > 0 else inf
    written = i.example_tokens + i.thinking_tokens
    one_usd = (i.prompt_tokens * i.large_input_usd_per_mtok + written * i.large_output_usd_per_mtok) / 1e6
    gap = max(0.0, i.target_accuracy_share - i.prompted_accuracy_share)
    low, high = intervals.wilson(i.prompted_accuracy_share * i.test_items, i.test_items)
    spread = i.seed_spread_points / 100
    seeds = int(i.seeds_count)
    room = i.window_tokens - i.prompt_tokens - i.answer_tokens
    shots = min(i.labelled_examples, max(0.0, float(floor(room / i.example_tokens))))
    cached = cached_input_factor(hit_share=i.cache_hit_share, read_factor=i.cache_read_ratio)
    return Outputs(
        **reinforcement(i),
        start_examples=start,
        reliable_examples=start * i.luck_ratio,
        worth_examples=worth,
        first_buy_examples=buy,
        first_buy_usd=buy * i.example_usd,
        synthetic_needed_examples=generate,
        synthetic_usd=generate * one_usd if one_usd > 0 else 0.0,
        gap_points=100 * gap,
        half_width_points=50 * (high - low),
        run_error_points=100 * labels.score_standard_error(i.prompted_accuracy_share, i.test_items, spread, seeds),
        seeds_to_see_count=labels.seeds_needed(spread, gap) if gap > 0 else inf,
        flattery_points=i.seed_spread_points * labels.best_of(seeds),
        shots_count=shots,
        shots_usd_per_month=(
            i.requests_per_month * shots * i.example_tokens * i.large_input_usd_per_mtok / 1e6 * cached
        ),
        training_gain_points=100 * expected_gain(i, worth).mean,
    )


def is_blind(o: Outputs) -> bool:
    """Whether the test set leaves more open than the reader is after."""
    return 0 < o.gap_points < o.half_width_points


def is_reliable(o: Outputs) -> bool:
    """Whether what there is to train on is enough whatever the luck of the draw."""
    return o.worth_examples >= o.reliable_examples


def ground_of(i: Inputs, o: Outputs) -> Ground:
    if is_about_facts(i):
        return Ground.FACTS_ARE_MISSING
    if is_reliable(o):
        return Ground.TEST_IS_BLIND if is_blind(o) else Ground.ENOUGH
    if o.worth_examples + i.new_examples < o.start_examples:
        return Ground.TOO_FAR
    if i.new_examples * i.example_usd > i.budget_usd:
        return Ground.ABOVE_BUDGET
    return Ground.LUCK_DECIDES if o.worth_examples >= o.start_examples else Ground.TOO_FEW


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    have, start, reliable = map(EXAMPLES.show, (o.worth_examples, o.start_examples, o.reliable_examples))
    if ground is Ground.FACTS_ARE_MISSING:
        return Verdict(
            ground.answer,
            "Facts are what is missing, and examples teach behaviour, not facts: no number of them is enough.",
            (
                _test(i, o),
                "Examples can still teach how to answer from a passage: the form, the tone, when to decline.",
            ),
            "Give the right passage by hand for your test items and score again; then index those documents.",
        )
    reasons = (_prompt(o), _test(i, o), _luck(i, o), _expected(i, o), _synthetic(o))
    shots = (
        f"Put {_shots(o)} into the prompt, score it on your {ITEMS.show(i.test_items)}, and collect corrected answers "
        "from real use: they are the next labels."
    )
    tries = f"such a task takes about {start} on average before training is worth a try."
    match ground:
        case Ground.ENOUGH:
            headline = f"You have {have}; for such a task about {reliable} are enough, whatever the luck of the draw."
            step = (
                f"Train {COUNT.show(i.seeds_count)} runs of one fixed recipe and report their mean: the best of them "
                f"flatters by {POINTS.show(o.flattery_points)}."
            )
        case Ground.TEST_IS_BLIND:
            headline = (
                f"You have enough to train on, but {ITEMS.show(i.test_items)} to test on leave ± "
                f"{POINTS.show(o.half_width_points)} open, and you are after {POINTS.show(o.gap_points)}."
            )
            step = _label_step(i, o)
        case Ground.LUCK_DECIDES:
            headline = f"{have} are enough on average; below {reliable} the luck of the draw decides."
            step = _label_step(i, o)
        case Ground.TOO_FEW:
            headline = (
                f"{have} are too few; {EXAMPLES.show(o.first_buy_examples)} more, for about "
                f"{USD.show(o.first_buy_usd)}, reach what such a task takes on average."
            )
            step = _label_step(i, o)
        case Ground.TOO_FAR:
            plan = EXAMPLES.show(o.worth_examples + i.new_examples)
            headline, step = f"You have {have}, and {plan} with those you can still label; {tries}", shots
        case Ground.ABOVE_BUDGET:
            headline, step = f"You have {have}, and labelling the rest is above your budget; {tries}", shots
    return Verdict(ground.answer, headline, reasons, step)


def _label_step(i: Inputs, o: Outputs) -> str:
    if is_blind(o):
        wanted = intervals.items_for_margin(i.prompted_accuracy_share, min(0.99, o.gap_points / 100))
        more = max(1.0, wanted - i.test_items)
        return (
            f"Label {ITEMS.show(more)} more for the test set first (about {USD.show(more * i.example_usd)}), drawn "
            "from real use: without them no result can be told from luck."
        )
    return (
        "Label in batches drawn from real use, train on half and on all of what you have, and stop when doubling "
        "brings less than a point."
    )


def _shots(o: Outputs) -> str:
    return "the best example" if o.shots_count == 1 else f"the best {COUNT.show(min(o.shots_count, 50.0))}"


def _prompt(o: Outputs) -> str:
    if o.shots_count < 1:
        return "None of your examples fits into the prompt: shorten them, or pick the nearest one for each request."
    return (
        f"In the prompt {COUNT.show(o.shots_count)} of them fit; in every request that adds "
        f"{USD_PER_MONTH.show(o.shots_usd_per_month)}."
    )


def _test(i: Inputs, o: Outputs) -> str:
    words = f"{ITEMS.show(i.test_items)} to test on leave ± {POINTS.show(o.half_width_points)} open"
    if o.gap_points == 0:
        return f"{words}; your prompt already scores what you need."
    verdict = "so the test cannot see it" if is_blind(o) else "so the test can see it"
    return f"{words}, and you are after {POINTS.show(o.gap_points)}: {verdict}."


def _luck(i: Inputs, o: Outputs) -> str:
    words = (
        f"Another seed alone moves a score by {POINTS.show(i.seed_spread_points)} or so; the best of "
        f"{COUNT.show(i.seeds_count)} flatters by {POINTS.show(o.flattery_points)}."
    )
    if o.seeds_to_see_count == inf:
        return words
    runs = "one run" if o.seeds_to_see_count == 1 else f"{COUNT.show(o.seeds_to_see_count)} runs"
    return f"{words} Seeing {POINTS.show(o.gap_points)} through it takes {runs} a side."


def _expected(i: Inputs, o: Outputs) -> str:
    words = (
        f"Published cases like yours lead to {POINTS.show(o.training_gain_points)} over your prompt from a small model "
        f"tuned on {EXAMPLES.show(o.worth_examples)}"
    )
    if not is_reliable(o):
        more = 100 * expected_gain(i, o.reliable_examples).mean
        return f"{words}, and to {POINTS.show(more)} on {EXAMPLES.show(o.reliable_examples)}."
    if o.training_gain_points <= 0:
        return f"{words}: more examples are not what is missing."
    return f"{words}."


def _synthetic(o: Outputs) -> str:
    if o.first_buy_examples == 0:
        return "More examples from a larger model would come on top; keep the test set people's own."
    if o.synthetic_needed_examples == inf:
        return "Synthetic examples are counted as worth nothing here."
    return (
        f"To fill the gap with synthetic examples takes {EXAMPLES.show(o.synthetic_needed_examples)} generated, for "
        f"about {USD.show(o.synthetic_usd)}: read the teacher's licence, and keep the test set people's own."
    )


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    return (_curve(i, o), _uses(i, o), _tests(i))


def _curve(i: Inputs, o: Outputs) -> Curves:
    farthest = max(10_000.0, 4 * o.reliable_examples, 2 * o.worth_examples)
    sizes = [10.0 * (farthest / 10.0) ** (k / 24) for k in range(25)]
    base = i.prompted_accuracy_share
    points, low, high = [], [], []
    for size in sizes:
        gain = expected_gain(i, size)
        points.append((size, _clip(base + gain.mean)))
        low.append(_clip(base + gain.mean - Z_95 * gain.spread))
        high.append(_clip(base + gain.mean + Z_95 * gain.spread))
    marks = [Mark(label="needed", y=i.target_accuracy_share), Mark(label="enough on average", x=o.start_examples)]
    if o.worth_examples >= sizes[0]:
        marks.append(Mark(label="you have", x=o.worth_examples))
    return Curves(
        title="Accuracy to expect of a small model tuned on so many examples",
        description=(
            f"Your prompt scores {SHARE.show(base)}. A tuned model is expected at {SHARE.show(points[0][1])} on "
            f"{EXAMPLES.show(sizes[0])} and at {SHARE.show(points[-1][1])} on {EXAMPLES.show(farthest)}; the band runs "
            "from the 5th to the 95th percentile of published cases."
        ),
        x_label="Examples",
        y_label="Accuracy",
        x_unit=EXAMPLES,
        y_unit=SHARE,
        lines=(
            Line(label="Tuned small model", points=tuple(points), low=tuple(low), high=tuple(high)),
            Line(label="Your prompt today", points=((sizes[0], base), (farthest, base))),
        ),
        marks=tuple(marks),
        x_log=True,
    )


def _clip(share: float) -> float:
    return max(0.0, min(1.0, share))


def _uses(i: Inputs, o: Outputs) -> Table:
    return worded(
        "few_examples",
        shots=COUNT.show(o.shots_count),
        shots_cost=USD_PER_MONTH.show(o.shots_usd_per_month),
        have=EXAMPLES.show(i.labelled_examples),
        synthetic=EXAMPLES.show(o.synthetic_needed_examples),
        synthetic_cost=USD.show(o.synthetic_usd),
        labels=EXAMPLES.show(o.first_buy_examples),
        labels_cost=USD.show(o.first_buy_usd),
    )


def _tests(i: Inputs) -> Table:
    accuracy = i.prompted_accuracy_share
    part = max(1.0, float(floor(TEST_PART * i.labelled_examples)))
    rows = []
    for label, items in (("Your test set", i.test_items), ("A fifth of your examples", part), ("", 100.0), ("", 500.0)):
        low, high = intervals.wilson(accuracy * items, items)
        rows.append((label or "For comparison", ITEMS.show(items), SHARE.show(low), SHARE.show(high)))
    return Table(
        title=f"What a test tells when {SHARE.show(accuracy)} pass",
        columns=("Test set", "Items", "At least", "At most"),
        rows=tuple(rows),
        note="95 % intervals (Wilson). With very few examples, cross-validate with a recipe fixed beforehand.",
        highlight=0,
    )


DECISION = Decision(
    "What can be done with the few examples you have?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="first_buy_usd",
    shown=(
        "worth_examples",
        "start_examples",
        "reliable_examples",
        "first_buy_usd",
        "half_width_points",
        "shots_usd_per_month",
    ),
    consideration="whether there are enough examples to train on and to test with",
)
