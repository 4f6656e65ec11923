"""What should you do: prompt, retrieve, train, take a small model, or leave the model as it is?

Seven options are weighed for one situation. Gates come first: an option that cannot be had is out, whatever its score.
Then each option's worth over the horizon: right answers less wrong ones, less serving, upkeep, retrains and the start.
Quality comes from a model fitted on published comparisons (`cases.quality`), with the doubt it has on sources it has
not seen. Left out: prices that fall while you build, teams that already own half of it, and what your users feel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import partial, wraps
from math import inf
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from calculator import situation
from calculator.cases import Situation, quality
from calculator.cases.nearest import nearest
from calculator.exhibit import Bar, Bars, Exhibit, Mark, Note, Segment, Table
from calculator.fields import assume, flag, out, pick
from calculator.llm.tokens import hosting_usd_per_month, managed_training_usd, request_usd
from calculator.situation import Failure, Privacy, Task
from calculator.stats.decay import any_stale, mean_stale_share, stale_share
from calculator.stats.value import annuity_months
from calculator.units import DAYS, EXAMPLES, GPUS, MILLISECONDS, POINTS, SHARE, USD, USD_PER_MONTH
from calculator.verdict import Decision, Verdict

T = TypeVar("T")

DAYS_PER_MONTH = 365.25 / 12
WORK_HOURS_PER_DAY = 6.0
"""Hours of a working day that go into the work itself."""

LARGE_MODEL_GPUS = 8
"""A large open model in 8 bits needs a node of this size: about 400 GB of weights and their cache."""

MOVE_SHARE = 0.25
"""Share of the first work on a prompt or an index that a new base model asks for again: the tests, not the building."""

YEAR = 2026.0
"""The year of the question, for the trend in the published comparisons."""


class Answer(StrEnum):
    AS_IS = "Use a general model as it is"
    PROMPT = "Engineer the prompt"
    RETRIEVE = "Retrieve, do not train"
    TUNE_LARGE = "Fine-tune a large model"
    TUNE_SMALL = "Fine-tune a small model"
    SMALL = "Use a small model as it is"
    BOTH = "Retrieve and fine-tune"


class Vendor(StrEnum):
    """What becomes of a tuned model: who holds the weights, and until when one may train."""

    OPEN = "open weights, kept by you"
    TRAINING = "a provider that still trains"
    CLOSING = "a provider that is closing its training"


class Hosting(StrEnum):
    """How a tuned small model is paid for."""

    TOKENS = "by the token, as an adapter"
    HOURS = "by the hour, on rented GPUs"


TASK_TYPES = {
    Task.CLASSIFICATION: "classification",
    Task.EXTRACTION: "extraction",
    Task.SQL: "sql",
    Task.TOOL_USE: "tool_use",
    Task.CODE: "code",
    Task.GENERATION: "generation",
    Task.DIALOGUE: "dialogue",
    Task.TRANSLATION: "translation",
    Task.KNOWLEDGE: "qa_knowledge",
    Task.REASONING: "reasoning",
}
"""The published comparisons' names for the kinds of task."""


class Way(NamedTuple):
    """What kind of option an answer is. option: its name in the published comparisons. worth: its output."""

    answer: Answer
    option: str
    worth: str
    large: bool = False
    trained: bool = False
    retrieves: bool = False


WAYS = (
    Way(Answer.AS_IS, "as_is", "as_is_worth_usd", large=True),
    Way(Answer.PROMPT, "prompting", "prompt_worth_usd", large=True),
    Way(Answer.RETRIEVE, "rag", "retrieve_worth_usd", large=True, retrieves=True),
    Way(Answer.TUNE_LARGE, "ft_large", "tune_large_worth_usd", large=True, trained=True),
    Way(Answer.TUNE_SMALL, "ft_small", "tune_small_worth_usd", trained=True),
    Way(Answer.SMALL, "slm_prompted", "small_worth_usd"),
    Way(Answer.BOTH, "ft_plus_rag", "both_worth_usd", trained=True, retrieves=True),
)
"""The seven options, in the order of the guide."""

OPTIONS = tuple(way.option for way in WAYS)
TRAINED = frozenset(way.answer for way in WAYS if way.trained)
RETRIEVING = frozenset(way.answer for way in WAYS if way.retrieves)
KNOWLEDGE_FAILURES = frozenset({Failure.FACTS_MISSING, Failure.FACTS_STALE})
BEHAVIOUR_FAILURES = frozenset({Failure.FORMAT, Failure.STYLE, Failure.REASONING, Failure.CONTEXT})


@dataclass(frozen=True, kw_only=True)
class Inputs:
    task: str = situation.task
    failure: str = situation.failure
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    target_accuracy_share: float = situation.target_accuracy_share
    labelled_examples: float = situation.labelled_examples
    requests_per_month: float = situation.requests_per_month
    fact_half_life_days: float = situation.fact_half_life_days
    failure_usd: float = situation.failure_usd
    success_usd: float = situation.success_usd
    prompt_engineered: bool = flag(
        True,
        "Somebody worked on the prompt",
        hint="No: what you measured is a first draft",
        group=situation.QUALITY,
    )
    closed_book_accuracy_share: float | None = situation.closed_book_accuracy_share
    gold_passage_accuracy_share: float | None = situation.gold_passage_accuracy_share
    retrieved_accuracy_share: float | None = situation.retrieved_accuracy_share
    small_accuracy_share: float | None = situation.small_accuracy_share
    test_items: float = situation.test_items
    specialisation: str = situation.specialisation
    format_strictness: str = situation.format_strictness
    long_context: bool = situation.long_context
    classes_count: float | None = situation.classes_count
    new_examples: float = situation.new_examples
    facts_per_answer_count: float = situation.facts_per_answer_count
    retraining_days: float = situation.retraining_days
    prompt_tokens: float = situation.prompt_tokens
    answer_tokens: float = situation.answer_tokens
    thinking_tokens: float = situation.thinking_tokens
    shared_prefix_share: float = situation.shared_prefix_share
    example_tokens: float = situation.example_tokens
    latency_ms: float = situation.latency_ms
    privacy: str = situation.privacy
    gpus: float = situation.gpus
    budget_usd: float = situation.budget_usd
    deadline_days: float = situation.deadline_days
    horizon_months: float = situation.horizon_months
    vendor: str = pick(Vendor.OPEN, Vendor, "Who would hold the tuned model", group=situation.LIMITS)
    hosting: str = pick(Hosting.TOKENS, Hosting, "How a tuned small model is paid for", group=situation.MONEY)
    hosting_gpus: float = situation.hosting_gpus
    device: str = situation.device(situation.rented)
    device_usd_per_hour: float | None = situation.device_usd_per_hour
    large_api_model: str = situation.large_api_model
    small_api_model: str = situation.small_api_model
    headroom_surprise_sd: float = assume("headroom_surprise_sd")
    training_surprise_sd: float = assume("training_surprise_sd")
    retrieval_surprise_sd: float = assume("retrieval_surprise_sd")
    small_model_surprise_sd: float = assume("small_model_surprise_sd")
    off_target_share: float = assume("off_target_share")
    minimum_examples: float = assume("minimum_examples")
    large_input_usd_per_mtok: float = assume("large_input_usd_per_mtok")
    large_output_usd_per_mtok: float = assume("large_output_usd_per_mtok")
    small_input_usd_per_mtok: float = assume("small_input_usd_per_mtok")
    small_output_usd_per_mtok: float = assume("small_output_usd_per_mtok")
    cache_read_ratio: float = assume("cache_read_ratio")
    cache_hit_share: float = assume("cache_hit_share")
    cache_minimum_tokens: float = assume("cache_minimum_tokens")
    tuned_price_ratio: float = assume("tuned_price_ratio")
    managed_small_usd_per_mtok: float = assume("managed_small_usd_per_mtok")
    managed_large_usd_per_mtok: float = assume("managed_large_usd_per_mtok")
    training_examples: float = assume("training_examples")
    runs_count: float = assume("runs_count")
    example_usd: float = assume("example_usd")
    engineer_usd_per_hour: float = assume("engineer_usd_per_hour")
    prompt_work_hours: float = assume("prompt_work_hours")
    retrieval_work_hours: float = assume("retrieval_work_hours")
    training_work_hours: float = assume("training_work_hours")
    prompt_upkeep_hours: float = assume("prompt_upkeep_hours")
    system_upkeep_hours: float = assume("system_upkeep_hours")
    retraining_usd: float = assume("retraining_usd")
    base_life_months: float = assume("base_life_months")
    retrieved_tokens: float = assume("retrieved_tokens")
    large_first_token_ms: float = assume("large_first_token_ms")
    small_first_token_ms: float = assume("small_first_token_ms")
    retrieval_ms: float = assume("retrieval_ms")
    discount_share: float = assume("discount_share")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    best_worth_usd: float = out(
        USD, "Worth of the best option over today's prompt", how="the largest of the seven worths below"
    )
    lead_usd: float = out(USD, "Lead over the next best option", how="the largest worth less the second largest")
    best_accuracy_share: float = out(SHARE, "Accuracy to expect of it", how="cases.quality.gains on your baseline")
    best_start_usd: float = out(USD, "Cost to start", how="work, labels and training runs")
    best_run_usd_per_month: float = out(
        USD_PER_MONTH, "Cost to run", how="serving, upkeep, and retrains spread over the months"
    )
    training_gain_points: float = out(POINTS, "What training is expected to add", how="cases.quality.gains")
    retrieval_gain_points: float = out(POINTS, "What retrieval is expected to add", how="cases.quality.gains")
    as_is_worth_usd: float = out(
        USD,
        "Worth: general model as it is",
        how="value of the answers less all costs, over the same for an engineered prompt",
    )
    prompt_worth_usd: float = out(
        USD,
        "Worth: engineered prompt",
        how="value of the answers less all costs, over the same for an engineered prompt",
    )
    retrieve_worth_usd: float = out(
        USD, "Worth: retrieval", how="value of the answers less all costs, over the same for an engineered prompt"
    )
    tune_large_worth_usd: float = out(
        USD,
        "Worth: tuned large model",
        how="value of the answers less all costs, over the same for an engineered prompt",
    )
    tune_small_worth_usd: float = out(
        USD,
        "Worth: tuned small model",
        how="value of the answers less all costs, over the same for an engineered prompt",
    )
    small_worth_usd: float = out(
        USD,
        "Worth: small model as it is",
        how="value of the answers less all costs, over the same for an engineered prompt",
    )
    both_worth_usd: float = out(
        USD,
        "Worth: retrieval and tuning",
        how="value of the answers less all costs, over the same for an engineered prompt",
    )


VALUES = {way.answer: way.worth for way in WAYS}
_worths_of = attrgetter(*VALUES.values())


class Gate(Enum):
    """Why an option cannot be had."""

    OPEN = ""
    LABELS = "too few examples to train on"
    HARDWARE = "a large model does not fit the hardware you own"
    VENDOR = "the provider is closing its training"
    LATENCY = "its answer begins too late"
    BUDGET = "starting costs more than the budget"
    DEADLINE = "the work takes longer than the deadline"


class Option(NamedTuple):
    """One option in full. spread: one standard deviation of its accuracy."""

    accuracy: float
    spread: float
    start_usd: float
    run_usd_per_month: float
    worth_usd: float
    work_hours: float
    first_token_ms: float
    gate: Gate


_option = partial(tuple.__new__, Option)
"""An Option from the tuple of its fields, in a third of the time that `Option(...)` takes."""


def described(i: Inputs) -> Situation:
    """The situation in the terms of the published comparisons."""
    changing = stale_share(365.25 / 2, i.fact_half_life_days) if i.facts_per_answer_count > 0 else 0.0
    return Situation(
        task_type=TASK_TYPES[Task(i.task)],
        domain_specialisation=i.specialisation,
        n_train_examples=i.labelled_examples + i.new_examples,
        n_classes=i.classes_count,
        baseline_prompted_score_01=i.prompted_accuracy_share,
        knowledge_changes_often=changing,
        output_format_strictness=i.format_strictness,
        multi_turn_or_long_context=i.long_context,
        year=YEAR,
        baseline_is_engineered=i.prompt_engineered,
    )


def is_knowledge_gap(i: Inputs) -> bool | None:
    """Whether facts, not behaviour, are what is missing: from the three accuracies when known, else from the failures.

    With the right passage given, accuracy rises by the knowledge gap; what is still missing then is behaviour. None
    when neither is the trouble.
    """
    if i.closed_book_accuracy_share is not None and i.gold_passage_accuracy_share is not None:
        knowledge = i.gold_passage_accuracy_share - i.closed_book_accuracy_share
        behaviour = i.target_accuracy_share - i.gold_passage_accuracy_share
        return knowledge > max(behaviour, 0.0)
    if i.failure in KNOWLEDGE_FAILURES:
        return True
    return False if i.failure in BEHAVIOUR_FAILURES else None


PUBLISHED_FROM = (
    "task",
    "specialisation",
    "format_strictness",
    "long_context",
    "prompted_accuracy_share",
    "prompt_engineered",
    "labelled_examples",
    "classes_count",
    "new_examples",
    "fact_half_life_days",
    "facts_per_answer_count",
)
GAINS_FROM = (
    *PUBLISHED_FROM,
    "failure",
    "target_accuracy_share",
    "closed_book_accuracy_share",
    "gold_passage_accuracy_share",
    "retrieved_accuracy_share",
    "small_accuracy_share",
    "retraining_days",
    "headroom_surprise_sd",
    "training_surprise_sd",
    "retrieval_surprise_sd",
    "small_model_surprise_sd",
    "off_target_share",
)
SERVING_FROM = (
    "prompt_tokens",
    "shared_prefix_share",
    "answer_tokens",
    "thinking_tokens",
    "retrieved_tokens",
    "cache_minimum_tokens",
    "cache_hit_share",
    "cache_read_ratio",
    "large_input_usd_per_mtok",
    "large_output_usd_per_mtok",
    "small_input_usd_per_mtok",
    "small_output_usd_per_mtok",
    "tuned_price_ratio",
    "hosting",
)
"""What three of the larger sums follow from. Looking for flips changes one input at a time, mostly others."""

KEPT = 64
"""Latest results of such a sum that are kept."""


def kept_by(names: tuple[str, ...]) -> Callable[[Callable[["Inputs"], T]], Callable[["Inputs"], T]]:
    """Keep a function's results by the inputs that it follows from, which must be all that it reads."""
    key_of = attrgetter(*names)

    def keep(work_out: Callable[[Inputs], T]) -> Callable[[Inputs], T]:
        known: dict[Any, T] = {}

        @wraps(work_out)
        def keeping(i: Inputs) -> T:
            key = key_of(i)
            found = known.get(key)
            if found is None:
                if len(known) >= KEPT:
                    known.clear()
                found = known[key] = work_out(i)
            return found

        return keeping

    return keep


@kept_by(PUBLISHED_FROM)
def published(i: Inputs) -> tuple[Situation, dict[str, quality.Expectation]]:
    """The situation in the terms of the published comparisons, and what they say of each option in it."""
    here = described(i)
    return here, quality.gains(here, OPTIONS)


@kept_by(GAINS_FROM)
def gains(i: Inputs) -> dict[str, tuple[float, float]]:
    """What each option adds to the prompted accuracy, and one standard deviation of it, both as shares.

    Published gains, drawn with this situation's surprises; then what is particular here: work on a prompt removes a
    share of the errors there are, a remedy for another failure keeps only part of its gain, what training adds decays
    with the facts it was trained on, and what the reader has measured is taken as measured.
    """
    here, expected = published(i)
    surprises = {
        "slope": i.headroom_surprise_sd,
        "training": i.training_surprise_sd,
        "retrieval": i.retrieval_surprise_sd,
        "slm_prompted": i.small_model_surprise_sd,
    }
    drawn = quality.draw(here, expected, surprises)
    spread = {option: expectation.spread for option, expectation in expected.items()}
    knowledge = is_knowledge_gap(i)
    stale = any_stale(mean_stale_share(i.fact_half_life_days, i.retraining_days), i.facts_per_answer_count)
    # A remedy for another failure keeps part of its gain; a loss stays whole.
    lasting = (1 - stale) * (i.off_target_share if knowledge else 1.0)
    fetched = i.off_target_share if knowledge is False or i.facts_per_answer_count == 0 else 1.0
    errors = (1 - i.prompted_accuracy_share) / (1 - quality.PIVOT)
    tuned, tuned_large, retrieved = drawn["ft_small"], drawn["ft_large"], drawn["rag"]
    tuned *= lasting if tuned > 0 else 1.0
    tuned_large *= lasting if tuned_large > 0 else 1.0
    retrieved *= fetched if retrieved > 0 else 1.0
    small = drawn["slm_prompted"]
    if i.small_accuracy_share is not None:
        small, spread["slm_prompted"] = i.small_accuracy_share - i.prompted_accuracy_share, 0.0
        tuned = max(tuned, small)
    if i.retrieved_accuracy_share is not None:
        retrieved, spread["rag"] = i.retrieved_accuracy_share - i.prompted_accuracy_share, 0.0
        both, spread["ft_plus_rag"] = retrieved + tuned, spread["ft_small"]
    elif i.facts_per_answer_count == 0:
        both, spread["ft_plus_rag"] = tuned, spread["ft_small"]
    else:
        # Together they are worth the better of the two, as published; never more than this situation allows each.
        both = min(drawn["ft_plus_rag"], max(retrieved, tuned))
    return {
        "as_is": (drawn["as_is"] * errors, spread["as_is"]),
        "prompting": (drawn["prompting"] * errors, spread["prompting"]),
        "rag": (retrieved, spread["rag"]),
        "ft_large": (tuned_large, spread["ft_large"]),
        "ft_small": (tuned, spread["ft_small"]),
        "slm_prompted": (small, spread["slm_prompted"]),
        "ft_plus_rag": (both, spread["ft_plus_rag"]),
    }


@kept_by(SERVING_FROM)
def serving_usd_per_request(i: Inputs) -> tuple[float, ...]:
    """What one request costs to serve by each of WAYS, hosting by the hour left out."""
    return tuple(_serving_usd_per_request(i, way) for way in WAYS)


def _serving_usd_per_request(i: Inputs, way: Way) -> float:
    if way.trained and not way.large and i.hosting == Hosting.HOURS:
        return 0.0
    shared = i.prompt_tokens * i.shared_prefix_share
    passages = i.retrieved_tokens if way.retrieves else 0.0
    if way.trained or way.answer is Answer.AS_IS:
        prompt, prefix = max(1.0, i.prompt_tokens - shared) + passages, 0.0
    else:
        prompt, prefix = i.prompt_tokens + passages, shared if shared >= i.cache_minimum_tokens else 0.0
    price = request_usd(
        prompt_tokens=prompt,
        answer_tokens=i.answer_tokens + (0.0 if way.trained else i.thinking_tokens),
        input_usd_per_mtok=i.large_input_usd_per_mtok if way.large else i.small_input_usd_per_mtok,
        output_usd_per_mtok=i.large_output_usd_per_mtok if way.large else i.small_output_usd_per_mtok,
        shared_prefix_tokens=prefix,
        hit_share=i.cache_hit_share,
        read_factor=i.cache_read_ratio,
    )
    return price * i.tuned_price_ratio if way.large and way.trained else price


def weigh(i: Inputs) -> list[Option]:
    """All seven options in full, in the order of WAYS. The hot loop of every draw and flip."""
    gained = gains(i)
    months = annuity_months(i.horizon_months, i.discount_share)
    changed = stale_share(i.retraining_days, i.fact_half_life_days) if i.facts_per_answer_count > 0 else 0.0
    retrains_per_month = changed * DAYS_PER_MONTH / i.retraining_days + 1 / i.base_life_months
    hour_usd = situation.usd_per_hour(i.device, i.device_usd_per_hour)
    rent = hosting_usd_per_month(gpu_usd_per_hour=hour_usd, gpus=i.hosting_gpus)
    hourly = i.hosting == Hosting.HOURS
    run_mtok = i.training_examples * i.example_tokens / 1e6
    hour = i.engineer_usd_per_hour
    requests = i.requests_per_month
    base, success, failure = i.prompted_accuracy_share, i.success_usd, i.failure_usd
    budget, patience, deadline = i.budget_usd, i.latency_ms, i.deadline_days
    unlabelled = i.labelled_examples + i.new_examples < i.minimum_examples
    no_node = i.privacy == Privacy.PREMISES and i.gpus < LARGE_MODEL_GPUS
    closing = i.vendor == Vendor.CLOSING
    found = []
    for (answer, name, _, large, trained, retrieves), serving in zip(WAYS, serving_usd_per_request(i), strict=True):
        gain, spread = gained[name]
        accuracy = max(0.0, min(1.0, base + gain))
        first_token = i.large_first_token_ms if large else i.small_first_token_ms
        work = upkeep = 0.0
        if answer is Answer.PROMPT:
            work = 0.0 if i.prompt_engineered else i.prompt_work_hours
            upkeep = i.prompt_upkeep_hours
        if retrieves:
            first_token += i.retrieval_ms
            work += 0.0 if i.retrieved_accuracy_share is not None else i.retrieval_work_hours
            upkeep = i.system_upkeep_hours
        if trained:
            work += i.training_work_hours
            upkeep = i.system_upkeep_hours + (i.prompt_upkeep_hours if retrieves else 0.0)
            run_usd = run_mtok * (i.managed_large_usd_per_mtok if large else i.managed_small_usd_per_mtok)
            start = work * hour + i.new_examples * i.example_usd + i.runs_count * run_usd
            moving = retrains_per_month * i.retraining_usd + (rent if hourly and not large else 0.0)
        else:
            start = work * hour
            moving = start * MOVE_SHARE / i.base_life_months
        run = requests * serving + upkeep * hour + moving
        earned = requests * (accuracy * success - (1 - accuracy) * failure)
        if trained and unlabelled:
            gate = Gate.LABELS
        elif large and no_node:
            gate = Gate.HARDWARE
        elif large and trained and closing:
            gate = Gate.VENDOR
        elif first_token > patience:
            gate = Gate.LATENCY
        elif start > budget:
            gate = Gate.BUDGET
        elif work / WORK_HOURS_PER_DAY > deadline:
            gate = Gate.DEADLINE
        else:
            gate = Gate.OPEN
        found.append(_option((accuracy, spread, start, run, (earned - run) * months - start, work, first_token, gate)))
    return found


def options(i: Inputs) -> dict[Answer, Option]:
    """All seven options in full, by answer."""
    return {way.answer: option for way, option in zip(WAYS, weigh(i), strict=True)}


_worth_of = attrgetter("worth_usd")


def compute(i: Inputs) -> Outputs:
    found = weigh(i)
    # With every gate shut the least bad option is still an answer: the page then says which gate to open.
    to_be_had = [option for option in found if option.gate is Gate.OPEN]
    shut = not to_be_had
    ranked = sorted(to_be_had or found, key=_worth_of, reverse=True)
    best = ranked[0]
    today = found[1].worth_usd
    worths = [option.worth_usd - today if shut or option.gate is Gate.OPEN else -inf for option in found]
    base = i.prompted_accuracy_share
    return Outputs(
        best_worth_usd=best.worth_usd - today,
        lead_usd=best.worth_usd - ranked[1].worth_usd if len(ranked) > 1 else inf,
        best_accuracy_share=best.accuracy,
        best_start_usd=best.start_usd,
        best_run_usd_per_month=best.run_usd_per_month,
        training_gain_points=100 * (found[4].accuracy - base),
        retrieval_gain_points=100 * (found[2].accuracy - base),
        as_is_worth_usd=worths[0],
        prompt_worth_usd=worths[1],
        retrieve_worth_usd=worths[2],
        tune_large_worth_usd=worths[3],
        tune_small_worth_usd=worths[4],
        small_worth_usd=worths[5],
        both_worth_usd=worths[6],
    )


def gate_words(i: Inputs, option: Option) -> str:
    """Why an option is out, with the numbers; empty when it is not."""
    if option.gate is Gate.LABELS:
        return f"needs {EXAMPLES.show(i.minimum_examples)} to train on"
    if option.gate is Gate.HARDWARE:
        return f"a large model on own hardware needs {GPUS.show(LARGE_MODEL_GPUS)}"
    if option.gate is Gate.LATENCY:
        return f"begins after {MILLISECONDS.show(option.first_token_ms)}, too late"
    if option.gate is Gate.BUDGET:
        return f"starting costs {USD.show(option.start_usd)}, above the budget"
    if option.gate is Gate.DEADLINE:
        return f"takes {DAYS.show(option.work_hours / WORK_HOURS_PER_DAY)} of work, past the deadline"
    return str(option.gate.value)


def choose(i: Inputs, o: Outputs) -> Answer:
    worths = _worths_of(o)
    return WAYS[worths.index(max(worths))].answer


def judge(i: Inputs, o: Outputs) -> Verdict:
    answer = choose(i, o)
    found = options(i)
    best = found[answer]
    open_to_us = [a for a in found if a is not answer and found[a].gate is Gate.OPEN]
    rest = sorted(open_to_us, key=lambda a: -found[a].worth_usd)
    out_of_reach = [f"{a}: {gate_words(i, o)}." for a, o in found.items() if o.gate is not Gate.OPEN]
    reasons = [_triage(i), _quality(i, found)]
    if rest:
        reasons.append(
            f"Next best: {rest[0]}, worth {USD.show(o.lead_usd)} less over {i.horizon_months:g} months "
            f"({SHARE.show(found[rest[0]].accuracy)} right, {USD_PER_MONTH.show(found[rest[0]].run_usd_per_month)})."
        )
    if best.gate is not Gate.OPEN:
        reasons.append(f"No option passes every gate; for this one: {gate_words(i, best)}.")
    elif out_of_reach:
        reasons.append("Out of reach: " + " ".join(out_of_reach))
    short = best.accuracy < i.target_accuracy_share
    target = (
        f"That is short of the {SHARE.show(i.target_accuracy_share)} you need."
        if short
        else f"You need {SHARE.show(i.target_accuracy_share)}."
    )
    headline = (
        f"Expect {SHARE.show(best.accuracy)} right answers for {USD.show(best.start_usd)} to start and "
        f"{USD_PER_MONTH.show(best.run_usd_per_month)}. {target}"
    )
    return Verdict(answer, headline, tuple(reasons), _next_step(i, answer, rest))


def _triage(i: Inputs) -> str:
    knowledge = is_knowledge_gap(i)
    if i.closed_book_accuracy_share is not None and i.gold_passage_accuracy_share is not None:
        gap = SHARE.show(i.gold_passage_accuracy_share - i.closed_book_accuracy_share)
        words = f"The right passage lifts accuracy by {gap}: "
    else:
        words = f"You saw that {i.failure}: " if i.failure != Failure.NOTHING else "You saw nothing much go wrong: "
    if knowledge is None:
        return words + "neither facts nor behaviour are the trouble."
    return words + (
        "knowledge is missing, and retrieval brings it." if knowledge else "behaviour, not facts, is missing."
    )


def _quality(i: Inputs, found: dict[Answer, Option]) -> str:
    base = i.prompted_accuracy_share
    tuned, retrieved = found[Answer.TUNE_SMALL], found[Answer.RETRIEVE]
    return (
        f"From {SHARE.show(base)} today, published cases like yours lead to {SHARE.show(tuned.accuracy)} "
        f"(± {SHARE.show(tuned.spread)}) by tuning a small model and {SHARE.show(retrieved.accuracy)} by retrieval."
    )


def _next_step(i: Inputs, answer: Answer, rest: list[Answer]) -> str:
    """The cheapest experiment that bears on the two leading options, with its price."""
    rivals = {answer, *rest[:1]}
    hour = i.engineer_usd_per_hour
    items = min(i.test_items, 200.0)
    if rivals & RETRIEVING and i.gold_passage_accuracy_share is None:
        price = 12 * hour
        return (
            f"Give the right passage by hand for {items:.0f} test items and score again (about {USD.show(price)}): "
            "it separates missing facts from missing behaviour."
        )
    if rivals & TRAINED and i.labelled_examples >= i.minimum_examples:
        run = managed_training_usd(
            training_tokens=min(i.training_examples, i.labelled_examples) * i.example_tokens,
            training_usd_per_mtok=i.managed_small_usd_per_mtok,
        )
        price = 24 * hour + 2 * run
        return (
            f"Tune a small model on half and on all of your {EXAMPLES.show(i.labelled_examples)} and score both on the "
            f"same test items (about {USD.show(price)}): the slope says what more labels bring."
        )
    if rivals & TRAINED:
        price = 200 * i.example_usd + 8 * hour
        return f"Label 200 examples (about {USD.show(price)}): half to test on, half for a first tuned model."
    if Answer.SMALL in rivals:
        return (
            f"Run your {i.test_items:.0f} test items through two small models with today's prompt "
            f"(about {USD.show(4 * hour)})."
        )
    return f"Write down the ten most frequent failures and try one better prompt on them (about {USD.show(8 * hour)})."


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    found = options(i)
    ranked = sorted(found, key=lambda a: (found[a].gate is not Gate.OPEN, -found[a].worth_usd))
    today = found[Answer.PROMPT].worth_usd
    rows = tuple(
        (
            str(answer),
            f"{SHARE.show(found[answer].accuracy)} ± {SHARE.show(found[answer].spread)}",
            USD.show(found[answer].start_usd),
            USD_PER_MONTH.show(found[answer].run_usd_per_month),
            _sentence(gate_words(i, found[answer])) or USD.show(found[answer].worth_usd - today),
        )
        for answer in ranked
    )
    bars = tuple(
        Bar(
            label=str(answer),
            segments=(Segment(label="Accuracy", value=found[answer].accuracy),),
            low=max(0.0, found[answer].accuracy - 1.645 * found[answer].spread),
            high=min(1.0, found[answer].accuracy + 1.645 * found[answer].spread),
        )
        for answer in ranked
    )
    return (
        Table(
            title="The seven options",
            columns=("Option", "Accuracy", "To start", "To run", f"Worth over today, {i.horizon_months:g} months"),
            rows=rows,
            note="Accuracy with one standard deviation of what the model misses on sources it has not seen.",
            highlight=0,
        ),
        Bars(
            title="Accuracy to expect of each option",
            description="A bar for each option; the whisker runs from the 5th to the 95th percentile.",
            unit=SHARE,
            bars=bars,
            limit=Mark(label="needed", x=i.target_accuracy_share),
        ),
        *_nearest(i),
        _vendor_note(i),
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _nearest(i: Inputs) -> tuple[Exhibit, ...]:
    """The three published comparisons most like the situation: measured, won, source, and how they differ."""
    paragraphs = tuple(
        f"{near.measured} {near.won} {near.margin} Source: {near.source}. How it differs from yours: "
        f"{' '.join(near.differences) or 'in nothing we know.'}"
        for near in nearest(described(i), 3)
    )
    return (Note(title="The published comparisons most like yours", paragraphs=paragraphs),)


VENDOR_FACTS = {
    Vendor.OPEN: (
        "Open weights stay yours: a tuned adapter runs wherever its base model runs, and no retirement date ends it.",
    ),
    Vendor.TRAINING: (
        "Ask three dates before you train: until when you may train, when the base model retires, and whether the "
        "tuned weights can be taken along. On Azure training ends with the base model and deployment up to a year "
        "later.",
    ),
    Vendor.CLOSING: (
        "OpenAI: no new organisations since 2026-05-07, no new training jobs from 2027-01-06; tuned models answer "
        "until their base model is retired (gpt-4o and gpt-4.1: 2027-01-14). The weights cannot be taken along.",
        "Cohere deprecated its fine-tuning on 2025-09-15; Mistral lists its own as deprecated.",
    ),
}
"""Dated facts on leaving a vendor, from the vendors' own deprecation pages, read 2026-11-22."""


def _vendor_note(i: Inputs) -> Note:
    return Note(title="If you train: who holds the model", paragraphs=VENDOR_FACTS[Vendor(i.vendor)])


DECISION = Decision(
    "Should you fine-tune a language model, and if not, what instead?",
    Inputs,
    Outputs,
    compute,
    judge,
    choose=choose,
    exhibits=exhibits,
    result="lead_usd",
    values=VALUES,
    shown=(
        "best_accuracy_share",
        "best_start_usd",
        "best_run_usd_per_month",
        "lead_usd",
        "training_gain_points",
        "retrieval_gain_points",
    ),
)
