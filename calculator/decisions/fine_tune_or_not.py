"""What should you do next: keep what you have, try something, build it, or leave the work to people?

Every option is worth what right answers earn and wrong ones cost over the horizon, less serving, upkeep and the start,
against leaving the work to people, which is worth nothing and costs nothing. Gates come first: an option that cannot
be had is out, whatever its score. What an option scores is a belief: published comparisons (`cases.quality`) until you
measure it, then your measurement too (`stats.evidence`). An option may be tried on your test items before it is built,
and is dropped when it disappoints: so it is worth the expected better of it and of what you have, less its trial. The
next step is the option of the largest worth: to be tried first where a trial is worth its price, or else built.
Left out: prices that fall while you build, teams that already own half of it, and what your users feel.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from functools import cache, lru_cache, wraps
from math import ceil, erfc, exp, floor, inf, log, sqrt
from operator import attrgetter
from typing import NamedTuple, TypeVar

from calculator import situation
from calculator.cases import NEUTRAL, Situation, quality
from calculator.catalogs import accelerators, architectures, tuning_services
from calculator.catalogs.rows import read_rows
from calculator.decisions import conversation_context, domain_data, smaller_scope
from calculator.exhibit import Exhibit
from calculator.fields import Span, Value, ask, assume, assumptions_of, flag, out, paste, pick
from calculator.llm.serving import ServingSetup, fits, throughput, weight_format
from calculator.llm.tokens import MILLION, billed_tokens, cached_input_factor, hosting_usd_per_month
from calculator.llm.training.cost import reinforcement_usd
from calculator.situation import (
    BEHAVIOUR_FAILURES,
    DAYS_PER_MONTH,
    KNOWLEDGE_FAILURES,
    QUALITY,
    WORK_HOURS_PER_DAY,
    YEAR,
    Failure,
    Privacy,
    Task,
)
from calculator.stats.decay import any_stale, mean_stale_share, stale_share
from calculator.stats.evidence import Belief, items_worth, updated, updated_by_pairs
from calculator.stats.normal import larger_of_two
from calculator.stats.sampling import Z_95
from calculator.stats.value import annuity_months, break_even_accuracy
from calculator.units import DAYS, EXAMPLES, GPUS, ITEMS, MILLISECONDS, POINTS, SHARE, TOKENS, USD, USD_PER_MONTH
from calculator.verdict import Decision, Near, Turn, Verdict

T = TypeVar("T")

SECONDS_PER_MONTH = DAYS_PER_MONTH * 86_400

SMALL_MODEL, LARGE_MODEL = "Qwen/Qwen3-8B", "Qwen/Qwen3-32B"
"""Models with open weights that stand behind the tuned options and behind own hardware."""

OWN_FORMAT, OWN_BATCH, MOST_OWN_GPUS = "fp8", 16, 64
"""Own hardware is your device with such weights, at a batch that a server of moderate load runs, and not more of them
for one copy of a model."""

MOVE_SHARE = 0.25
"""Share of the first work on a prompt or an index that a new base model asks for again: the tests, not the building."""

UNREACHABLE_SHARE = 0.05
"""Below this chance, that of the best option, nothing is likely to reach the accuracy that is needed: it lies beyond
the 95th percentile of every option, where every range on this site ends."""

LEAST_SURPRISE_SHARE = 0.25
"""However little a remedy has to do with what fails, so much of its surprise is left for a measurement to show."""

PASSAGE_ITEMS = 20.0
"""What the two accuracies without and with the right passage say of retrieval counts as so many test items of it."""


class Answer(StrEnum):
    KEEP = "Keep what you have"
    PROMPT = "Work on the prompt"
    STRONGER = "Take a stronger model"
    RETRIEVE = "Retrieve, do not train"
    WHOLE = "Put the documents in the prompt"
    SMALL = "Use a small model as it is"
    CASCADE = "Ask a small model first"
    ENCODER = "Train an encoder"
    TUNE_SMALL = "Fine-tune a small model"
    TUNE_LARGE = "Fine-tune a large model"
    REINFORCE = "Train by reinforcement"
    BOTH = "Retrieve and fine-tune"
    PEOPLE = "Leave it to people"


class Vendor(StrEnum):
    """What becomes of a tuned model: who holds the weights, and until when one may train."""

    OPEN = "open weights, kept by you"
    TRAINING = "a provider that still trains"
    CLOSING = "a provider that is closing its training"


ANY_SERVICE = "none by name"
"""The option of the tuning services that leaves it to the kind of vendor who would hold the model."""


TRAINED_BY_THE_TOKEN = "million training tokens"
"""The unit of the rows of tuning services whose prices compare."""


def _service_prices(name: str, _: Mapping[str, Value]) -> dict[str, Span | str]:
    """What a service asks for training: its cheapest offer for a small model, its dearest for a large one."""
    rows = [row for row in tuning_services() if row.provider == name and row.supervised]
    asked = sorted(row.usd for row in rows if row.usd and row.unit == TRAINED_BY_THE_TOKEN)
    if not asked:
        return {}
    return {f"managed_{size}_usd_per_mtok": (usd,) * 3 for size, usd in (("small", asked[0]), ("large", asked[-1]))}


@cache
def holder(vendor: str, service: str) -> Vendor:
    """What becomes of a model tuned at this service, by its dated rows; without one, the kind of vendor as given."""
    rows = [row for row in tuning_services() if row.provider == service]
    if not rows:
        return Vendor(vendor)
    if all(row.closes for row in rows):
        return Vendor.CLOSING
    return Vendor.OPEN if all(row.weights_out == "yes" for row in rows if not row.closes) else Vendor.TRAINING


class Hosting(StrEnum):
    """How a tuned small model is paid for."""

    TOKENS = "by the token, as an adapter"
    HOURS = "by the hour, on rented GPUs"


class Way(NamedTuple):
    """One option. worth: its output. measured: the field of its accuracy. Whether it runs on a large model, changes
    weights, looks things up. work: the field of its hours, and by what they are multiplied."""

    answer: Answer
    worth: str
    measured: str
    items: str
    large: bool
    trained: bool
    retrieves: bool
    work: str
    times: float


def _way(
    answer: Answer, measured: str = "", work: str = "", times: float = 1.0,
    *, large: bool = False, trained: bool = False, retrieves: bool = False,
) -> Way:
    """An option by what its fields and its output are called."""
    accuracy, items = (f"{measured}_accuracy_share", f"{measured}_items") if measured else ("", "")
    hours = f"{work}_work_hours" if work else ""
    return Way(answer, f"{answer.name.lower()}_worth_usd", accuracy, items, large, trained, retrieves, hours, times)


WAYS = (
    _way(Answer.KEEP, large=True),
    _way(Answer.PROMPT, "better_prompt", "prompt", large=True),
    _way(Answer.STRONGER, "stronger", "switch", large=True),
    _way(Answer.RETRIEVE, "retrieved", "retrieval", large=True, retrieves=True),
    _way(Answer.WHOLE, "whole", "switch", 2.0, large=True),
    _way(Answer.SMALL, "small", "switch"),
    _way(Answer.CASCADE, "cascade", "prompt"),
    _way(Answer.ENCODER, "encoder", "training", 0.5, trained=True),
    _way(Answer.TUNE_SMALL, "tuned_small", "training", trained=True),
    _way(Answer.TUNE_LARGE, "tuned_large", "training", large=True, trained=True),
    _way(Answer.REINFORCE, "reinforced", "training", 2.0, trained=True),
    _way(Answer.BOTH, "both", "training", large=True, trained=True, retrieves=True),
    _way(Answer.PEOPLE),
)
"""What people choose between, from the lightest commitment to the heaviest. An encoder takes half the work of a tuned
language model and reinforcement twice, planning values of this project."""

TRAINED = frozenset(way.answer for way in WAYS if way.trained)
KINDS: dict[StrEnum, str] = {
    Answer.RETRIEVE: "that brings documents",
    Answer.WHOLE: "that brings documents",
    Answer.SMALL: "that tries a small model",
    Answer.CASCADE: "that tries a small model",
    **dict.fromkeys(TRAINED, "that trains"),
}
"""Options that begin with the same thing to do: which model to train is settled by the first versions of it."""

_KIND = tuple(KINDS.get(way.answer, str(way.answer)) for way in WAYS)


def _followed() -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """The fields that move each sum, by the names below; and the options whose plan a field is a part of, beside those
    sums, each by its answer or by what they have in common."""
    moves: dict[str, list[str]] = {}
    rows = read_rows("fine_tune_or_not.csv", "calculator.decisions")
    for row in rows:
        for what in row["moves"].split():
            moves.setdefault(what, []).append(row["field"])
    return {what: tuple(names) for what, names in moves.items()}, {row["field"]: row["plans"] for row in rows}


_MOVES, _PLANS = _followed()

BELIEVED = frozenset(_MOVES["believed"])
"""What a remedy brings here is what its trial would show: its doubt is the spread of a belief. Drawn too, it would
count twice, and a draw would know beforehand what only the trial can tell."""

VALUES: dict[StrEnum, str] = {way.answer: way.worth for way in WAYS}
PLACES: dict[StrEnum, int] = {way.answer: k for k, way in enumerate(WAYS)}
_WORTHS = tuple(VALUES.values())
_worths_of = attrgetter(*_WORTHS)

_KEEP, _PROMPT, _STRONGER, _RETRIEVE, _WHOLE, _SMALL, _CASCADE = range(7)
_ENCODER, _TUNE_SMALL, _TUNE_LARGE, _REINFORCE, _BOTH, _PEOPLE = range(7, 13)
_TRAINING_FAMILY = (_ENCODER, _TUNE_SMALL, _TUNE_LARGE, _REINFORCE)
_OF_FAMILY = frozenset(_TRAINING_FAMILY)
_NONE: frozenset[int] = frozenset()
_ALL = frozenset(range(_PEOPLE))
_OF_TRAINED = frozenset(k for k, way in enumerate(WAYS) if way.trained)
_OF_RETRIEVAL = frozenset(k for k, way in enumerate(WAYS) if way.retrieves)
_SMALL_TRAINED = frozenset(k for k in _OF_TRAINED if not WAYS[k].large)
_MEASURED = tuple((k, way.measured, way.items) for k, way in enumerate(WAYS) if way.measured)

PAIR_NAMES = {way.measured.removesuffix("_accuracy_share").replace("_", " "): k for k, way in enumerate(WAYS)}
"""What an option is called in a table of pairs, and its place in WAYS."""


def pairs_of(text: str) -> tuple[tuple[int, float, float], ...]:
    """(option, won, lost) of each line, like "tuned small 14 6". ValueError names a line that is not that."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(",", " ").replace(";", " ").split()
        if not words:
            continue
        name = " ".join(words[:-2]).lower()
        if not name or name not in PAIR_NAMES or not (words[-1].isdigit() and words[-2].isdigit()):
            allowed = ", ".join(sorted(filter(None, PAIR_NAMES)))
            raise ValueError(
                f"Pairs: line {number} must be an option and two counts, like “tuned small 14 6”; the options are "
                f"{allowed}; given: {line[:40]!r}"
            )
        found.append((PAIR_NAMES[name], float(words[-2]), float(words[-1])))
    return tuple(found)


def _accuracy(label: str) -> float | None:
    return ask(None, label, low=0, high=1, hint="As you measured it. Leave empty when not known", group=MEASURED)


def _items(label: str) -> float | None:
    hint = "Empty: as many as you tested the prompt on"
    return ask(None, label, low=1, high=1e6, whole=True, hint=hint, group=MEASURED)


MEASURED = "What you have tried"


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
    answer_is_checkable: bool = situation.answer_is_checkable
    larger_model_labels: bool = situation.larger_model_labels
    baseline_is_small: bool = situation.baseline_is_small
    prompt_engineered: bool = flag(
        True,
        "Somebody worked on the prompt",
        hint="No: what you measured is a first draft",
        group=QUALITY,
    )
    test_items: float = situation.test_items
    better_prompt_accuracy_share: float | None = _accuracy("Accuracy of a better prompt")
    better_prompt_items: float | None = _items("Items the better prompt was tested on")
    stronger_accuracy_share: float | None = _accuracy("Accuracy of a stronger model")
    stronger_items: float | None = _items("Items the stronger model was tested on")
    closed_book_accuracy_share: float | None = situation.closed_book_accuracy_share
    gold_passage_accuracy_share: float | None = situation.gold_passage_accuracy_share
    retrieved_accuracy_share: float | None = situation.retrieved_accuracy_share
    retrieved_items: float | None = _items("Items retrieval was tested on")
    whole_accuracy_share: float | None = _accuracy("Accuracy with the documents in the prompt")
    whole_items: float | None = _items("Items the documents in the prompt were tested on")
    small_accuracy_share: float | None = situation.small_accuracy_share
    small_items: float | None = _items("Items the small model was tested on")
    candidates: str = smaller_scope.CANDIDATES
    cascade_accuracy_share: float | None = _accuracy("Accuracy of a small model with a large one behind it")
    cascade_items: float | None = _items("Items both together were tested on")
    encoder_accuracy_share: float | None = _accuracy("Accuracy of a trained encoder")
    encoder_items: float | None = _items("Items the encoder was tested on")
    pilot_scores: str = domain_data.PILOT_SCORES
    tuned_small_accuracy_share: float | None = _accuracy("Accuracy of a tuned small model")
    tuned_small_items: float | None = _items("Items the tuned small model was tested on")
    tuned_large_accuracy_share: float | None = _accuracy("Accuracy of a tuned large model")
    tuned_large_items: float | None = _items("Items the tuned large model was tested on")
    reinforced_accuracy_share: float | None = _accuracy("Accuracy after reinforcement")
    reinforced_items: float | None = _items("Items the reinforced model was tested on")
    both_accuracy_share: float | None = _accuracy("Accuracy of retrieval with a tuned model")
    both_items: float | None = _items("Items retrieval with a tuned model was tested on")
    paired_counts: str = paste(
        "",
        "Won and lost, item by item",
        longest=2_000,
        check=pairs_of,
        hint="A line each, like “tuned small 14 6”: 14 only it had right, 6 only today's",
        group=MEASURED,
    )
    long_context: bool = situation.long_context
    conversation_turns: float = situation.conversation_turns
    drip_fed_share: float = conversation_context.DRIP_FED
    one_prompt_accuracy_share: float | None = conversation_context.ONE_PROMPT
    classes_count: float | None = situation.classes_count
    new_examples: float = situation.new_examples
    facts_per_answer_count: float = situation.facts_per_answer_count
    corpus_tokens: float = situation.corpus_tokens
    window_tokens: float = situation.window_tokens
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
    tuning_service: str = pick(
        ANY_SERVICE,
        [(name, name) for name in (ANY_SERVICE, *dict.fromkeys(row.provider for row in tuning_services()))],
        "Tuning service",
        hint="Says who would hold the model, and sets the price of training",
        group=situation.LIMITS,
        fills=_service_prices,
    )
    hosting: str = pick(Hosting.TOKENS, Hosting, "How a tuned small model is paid for", group=situation.MONEY)
    hosting_gpus: float = situation.hosting_gpus
    device: str = situation.device(situation.rented)
    device_usd_per_hour: float | None = situation.device_usd_per_hour
    large_api_model: str = situation.large_api_model
    small_api_model: str = situation.small_api_model
    off_target_share: float = assume("off_target_share")
    prompt_mends_share: float = assume("prompt_mends_share")
    stronger_mends_share: float = assume("stronger_mends_share")
    retrieval_loss_share: float = assume("retrieval_loss_share")
    caught_share: float = assume("caught_share")
    multi_turn_drop_share: float = assume("multi_turn_drop_share")
    restated_kept_share: float = assume("restated_kept_share")
    minimum_examples: float = assume("minimum_examples")
    large_input_usd_per_mtok: float = assume("large_input_usd_per_mtok")
    large_output_usd_per_mtok: float = assume("large_output_usd_per_mtok")
    small_input_usd_per_mtok: float = assume("small_input_usd_per_mtok")
    small_output_usd_per_mtok: float = assume("small_output_usd_per_mtok")
    open_large_input_usd_per_mtok: float = assume("open_large_input_usd_per_mtok")
    open_large_output_usd_per_mtok: float = assume("open_large_output_usd_per_mtok")
    stronger_price_ratio: float = assume("stronger_price_ratio")
    cache_read_ratio: float = assume("cache_read_ratio")
    cache_hit_share: float = assume("cache_hit_share")
    cache_minimum_tokens: float = assume("cache_minimum_tokens")
    tuned_price_ratio: float = assume("tuned_price_ratio")
    managed_small_usd_per_mtok: float = assume("managed_small_usd_per_mtok")
    managed_large_usd_per_mtok: float = assume("managed_large_usd_per_mtok")
    training_examples: float = assume("training_examples")
    rollout_prompts_count: float = assume("rollout_prompts_count")
    rollouts_count: float = assume("rollouts_count")
    rollout_input_usd_per_mtok: float = assume("rollout_input_usd_per_mtok")
    rollout_output_usd_per_mtok: float = assume("rollout_output_usd_per_mtok")
    grader_usd: float = assume("grader_usd")
    runs_count: float = assume("runs_count")
    example_usd: float = assume("example_usd")
    labels_per_day_examples: float = assume("labels_per_day_examples")
    engineer_usd_per_hour: float = assume("engineer_usd_per_hour")
    trial_share: float = assume("trial_share")
    prompt_work_hours: float = assume("prompt_work_hours")
    switch_work_hours: float = assume("switch_work_hours")
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


def _worth(label: str, how: str = "weigh: the better of it and of what you have, less its trial") -> float:
    return out(f"Worth: {label}", how=how)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    step_count: float = out("Place of the next step among the options", how="ranked: 0 is what you have")
    second_count: float = out("Place of the second best among the options", how="ranked, of another kind")
    best_worth_usd: float = out(
        "Worth of the best option, over leaving it to people", how="the largest of the worths below"
    )
    gain_usd: float = out("Worth over what you have today", how="its worth, less that of what you have, or of people")
    lead_usd: float = out("Lead over the next best step", how="its worth less that of the second best")
    trial_worth_usd: float = out(
        "What its trial brings beyond its price",
        how="expected value of the sample of your test items, with what you have to fall back on, less the trial",
    )
    best_accuracy_share: float = out("Accuracy to expect of it", how="what is believed of it, weigh")
    best_low_share: float = out("Accuracy of it, 5th percentile", how="what is believed of it")
    best_high_share: float = out("Accuracy of it, 95th percentile", how="what is believed of it")
    bar_share: float = out("Accuracy from which it is worth it", how="where its worth is that of what you have")
    chance_better_share: float = out("Chance that it gets there", how="what is believed of it, above the bar")
    chance_target_share: float = out(
        "Best chance that any option reaches what you need", how="what is believed of each, above the target"
    )
    break_even_share: float = out(
        "Accuracy at which answers pay for themselves",
        how="stats.value.break_even_accuracy: failure / (success + failure)",
    )
    trial_usd: float = out("Price of its trial", how="part of the work, the labels it needs, one run")
    trial_days: float = out("Days for its trial", how="part of the work, and labelling")
    best_start_usd: float = out("Cost to start", how="work, labels and training runs")
    best_days: float = out("Days until it works", how="work and labelling")
    best_run_usd_per_month: float = out("Cost to run", how="serving, upkeep, and retrains spread over the months")
    training_gain_points: float = out("What training is expected to add", how="cases.quality.gains")
    retrieval_gain_points: float = out("What retrieval is expected to add", how="cases.quality.gains")
    keep_worth_usd: float = _worth("what you have", "value of the answers less what they cost")
    prompt_worth_usd: float = _worth("a better prompt")
    stronger_worth_usd: float = _worth("a stronger model")
    retrieve_worth_usd: float = _worth("retrieval")
    whole_worth_usd: float = _worth("the documents in the prompt")
    small_worth_usd: float = _worth("small model as it is")
    cascade_worth_usd: float = _worth("a small model first")
    encoder_worth_usd: float = _worth("an encoder")
    tune_small_worth_usd: float = _worth("tuned small model")
    tune_large_worth_usd: float = _worth("tuned large model")
    reinforce_worth_usd: float = _worth("reinforcement")
    both_worth_usd: float = _worth("retrieval and tuning")
    people_worth_usd: float = _worth("people", "nothing is earned by machine, and nothing lost")


class Gate(Enum):
    """Why an option cannot be had."""

    OPEN = ""
    SAME = "it is what you have"
    TASK = "it gives labels and spans, and your task asks for more"
    CHECK = "no program can check its answers"
    LENGTH = "the documents do not fit the window"
    LABELS = "too few examples to train on"
    HARDWARE = "it does not fit the hardware you own"
    VENDOR = "the provider is closing its training"
    LATENCY = "its answer begins too late"
    BUDGET = "starting costs more than the budget"
    DEADLINE = "the work takes longer than the deadline"


class Option(NamedTuple):
    """One option in full. accuracy and spread: what is believed of its score. mean_usd: its worth if it were built at
    once. worth_usd: with a trial and a way back to what you have, where that is better. bar: from where it beats what
    you have."""

    accuracy: float
    spread: float
    start_usd: float
    trial_usd: float
    run_usd_per_month: float
    days: float
    trial_days: float
    first_token_ms: float
    gate: Gate
    mean_usd: float
    worth_usd: float
    bar: float


def described(i: Inputs) -> Situation:
    """The situation in the terms of the published comparisons."""
    changing = stale_share(365.25 / 2, i.fact_half_life_days) if i.facts_per_answer_count > 0 else 0.0
    return Situation(
        task_type=Task(i.task).published,
        n_train_examples=i.labelled_examples + i.new_examples,
        n_classes=i.classes_count,
        baseline_prompted_score_01=i.prompted_accuracy_share,
        knowledge_changes_often=changing,
        multi_turn_or_long_context=i.long_context or i.corpus_tokens <= i.window_tokens,
        year=YEAR,
        baseline_is_engineered=i.prompt_engineered,
        tuned_arm_by=NEUTRAL,
        larger_model_labels=i.larger_model_labels,
    )


def is_knowledge_gap(i: Inputs) -> bool | None:
    """Whether facts, not behaviour, are what is missing: from the two accuracies when known, else from the failures.

    With the right passage given, accuracy rises by the knowledge gap, of which today's prompt may close a part; what is
    still missing then is behaviour. None when neither is the trouble.
    """
    if i.closed_book_accuracy_share is not None and i.gold_passage_accuracy_share is not None:
        knowledge = i.gold_passage_accuracy_share - max(i.closed_book_accuracy_share, i.prompted_accuracy_share)
        behaviour = i.target_accuracy_share - i.gold_passage_accuracy_share
        return knowledge > max(behaviour, 0.0)
    if i.failure in KNOWLEDGE_FAILURES:
        return True
    return False if i.failure in BEHAVIOUR_FAILURES else None


TRAINING_FROM, RETRIEVAL_FROM = _MOVES["training"], _MOVES["retrieval"]
PUBLISHED_FROM = tuple(dict.fromkeys((*TRAINING_FROM, *RETRIEVAL_FROM)))
BELIEFS_FROM = (*PUBLISHED_FROM, *_MOVES["beliefs"])
SERVING_FROM, GATES_FROM, ROLLOUTS_FROM = _MOVES["serving"], _MOVES["gates"], _MOVES["rollouts"]
"""What the larger sums follow from. Looking for flips changes one input at a time, mostly others."""

KEPT = 64
"""Latest results of such a sum that are kept."""


def kept_by(names: tuple[str, ...]) -> Callable[[Callable[["Inputs"], T]], Callable[["Inputs"], T]]:
    """Keep a function's results by the inputs that it follows from, which must be all that it reads."""
    key_of = attrgetter(*names)

    def keep(work_out: Callable[[Inputs], T]) -> Callable[[Inputs], T]:
        known: dict[object, T] = {}

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


class Published(NamedTuple):
    """What published comparisons lead to expect here: score and its spread of each."""

    prompt: Belief
    small: Belief
    tuned: Belief
    large: Belief
    retrieved: Belief
    whole: Belief


@kept_by(PUBLISHED_FROM)
def published(i: Inputs) -> Published:
    """Means and spreads from `cases.quality`, before anything that is particular here."""
    return Published(*published_of_training(i), *published_of_retrieval(i))


@kept_by(TRAINING_FROM)
def published_of_training(i: Inputs) -> tuple[Belief, Belief, Belief, Belief]:
    """The part of it that documents are no part of: of prompts, of a small model and of tuned ones."""
    found, base = quality.gains(described(i), _UNRETRIEVED), i.prompted_accuracy_share
    prompt, small, tuned, large = (Belief(base + found[o].mean, found[o].spread) for o in _UNRETRIEVED)
    return prompt, small, tuned, large


_UNRETRIEVED = ("prompting", "slm_prompted", "ft_small", "ft_large")


@kept_by(RETRIEVAL_FROM)
def published_of_retrieval(i: Inputs) -> tuple[Belief, Belief]:
    """The part of it that labels are no part of: of retrieval and of the documents in the prompt."""
    return _published_of_retrieval(described(i), bool(is_knowledge_gap(i)), i.prompted_accuracy_share)


@lru_cache(maxsize=KEPT)
def _published_of_retrieval(here: Situation, knowledge: bool, base: float) -> tuple[Belief, Belief]:
    """The same from what the comparisons are told: most other documents, windows and targets are no other situation."""
    # Where facts are what is missing, the answer needs them from outside, whatever the task is called.
    facts = replace(here, task_type="qa_knowledge") if knowledge else here
    retrieved = whole = quality.gains(facts, ("rag",))["rag"]
    if facts.multi_turn_or_long_context:
        whole = quality.gains(replace(facts, multi_turn_or_long_context=False), ("rag",))["rag"]
    return Belief(base + retrieved.mean, retrieved.spread), Belief(base + whole.mean, whole.spread)


def _doubt(name: str) -> float:
    """The standard deviation of an assumption, from its range."""
    entry = assumptions_of(Inputs)[name]
    return (entry.high - entry.low) / (2.0 * Z_95)


@lru_cache(maxsize=KEPT)
def _scaled_gain(base: float, belief: Belief, share: float, doubt: float) -> Belief:
    """The belief with only part of its gain, expected or by surprise; an expected loss stays whole. doubt: the standard
    deviation of the share."""
    gain, surprise = max(0.0, belief.mean - base), belief.spread * max(share, LEAST_SURPRISE_SHARE)
    return Belief(
        base + gain * share if gain > 0.0 else belief.mean, sqrt(surprise * surprise + (gain * doubt) ** 2)
    )


_OFF_TARGET_DOUBT, _CAUGHT_DOUBT = _doubt("off_target_share"), _doubt("caught_share")


def restated_share(i: Inputs) -> float | None:
    """What restating a conversation is expected to reach; None where its turns are not what fails."""
    if i.conversation_turns < 2 or i.failure in conversation_context.NOT_OF_THE_TURNS:
        return None
    return conversation_context.restated_share(
        i.prompted_accuracy_share,
        i.conversation_turns,
        i.drip_fed_share,
        i.multi_turn_drop_share,
        i.restated_kept_share,
    )


def passage_shares(i: Inputs) -> tuple[float, float] | None:
    """The accuracy with the passages that retrieval finds, and with the right ones; None where nobody measured it."""
    if i.gold_passage_accuracy_share is None or i.closed_book_accuracy_share is None:
        return None
    open_gap = max(0.0, i.gold_passage_accuracy_share - i.closed_book_accuracy_share)
    return i.gold_passage_accuracy_share - i.retrieval_loss_share * open_gap, i.gold_passage_accuracy_share


def priors(i: Inputs) -> list[Belief]:
    """What is believed of each of WAYS before the reader's own measurements, from published comparisons and from what
    is particular here: a remedy for another failure keeps only part of its gain, and what training adds decays with
    the facts it was trained on."""
    known, base = published(i), i.prompted_accuracy_share
    left = 1.0 - base
    knowledge = is_knowledge_gap(i)
    stale = any_stale(mean_stale_share(i.fact_half_life_days, i.retraining_days), i.facts_per_answer_count)
    lasting, lasting_doubt = 1 - stale, 0.0
    if knowledge:
        lasting, lasting_doubt = lasting * i.off_target_share, lasting * _OFF_TARGET_DOUBT
    fetched, fetched_doubt = 1.0, 0.0
    if i.facts_per_answer_count == 0:
        fetched = 0.0
    elif knowledge is False:
        fetched, fetched_doubt = i.off_target_share, _OFF_TARGET_DOUBT
    seen = max(1.0, i.test_items)
    half = (base * seen + 0.5) / (seen + 1.0)
    keep = Belief(base, sqrt(half * (1.0 - half) / (seen + 2.0)))
    if i.prompt_engineered:
        # Work on it again mends part of the failures, or none of them, or twice as many.
        mended = left * i.prompt_mends_share
        prompt = Belief(base + mended, mended)
    else:
        prompt = known.prompt
    restated = restated_share(i)
    if restated is not None:
        prompt = Belief(max(prompt.mean, restated), max(prompt.spread, 0.5 * (restated - base)))
    if i.baseline_is_small:
        # Today's is the small one: a larger one lies as far above it as small models lie below.
        gap = known.small.mean - base
        stronger, small = Belief(min(1.0, base - gap), known.small.spread), keep
    else:
        mended = left * i.stronger_mends_share
        stronger, small = Belief(base + mended, mended), known.small
    retrieved, whole = (_scaled_gain(base, each, fetched, fetched_doubt) for each in (known.retrieved, known.whole))
    passages = passage_shares(i)
    if passages is not None:
        retrieved = updated(*retrieved, passages[0], PASSAGE_ITEMS)
        whole = updated(*whole, passages[1], PASSAGE_ITEMS)
    tuned = _scaled_gain(base, known.tuned, lasting, lasting_doubt)
    large = _scaled_gain(base, known.large, lasting, lasting_doubt)
    return [
        keep, prompt, stronger, retrieved, whole, small, _cascade(i, small), tuned, tuned, large, tuned,
        keep,  # both is worked out from its parts, after they are measured
        Belief(0.0, 0.0),
    ]  # fmt: skip


def _pilot(i: Inputs) -> tuple[float, float] | None:
    """What the pilots of the data page say of a small model tuned on all labels: score and test items."""
    if not i.pilot_scores:
        return None
    found = domain_data.fitted(i.pilot_scores)
    curve = found.curve
    at = min(max(1.0, i.labelled_examples + i.new_examples), curve.farthest_examples)
    return min(1.0, max(0.0, curve.score_at(at))), max(pilot.items for pilot in found.pilots)


@kept_by(BELIEFS_FROM)
def beliefs(i: Inputs) -> tuple[Belief, ...]:
    """What is believed of each of WAYS: most often the same in all draws, which do not draw it."""
    return _beliefs(i)


def _beliefs(i: Inputs) -> tuple[Belief, ...]:
    """`priors`, then every measurement, exactly (`stats.evidence`).

    Tuned models have part of their surprise in common, so one that is measured moves the others by that part.
    """
    before, values = priors(i), i.__dict__
    held = [
        belief if 0.0 < belief[0] <= 1.0 else Belief(min(1.0, max(0.0, belief[0])), belief[1]) for belief in before
    ]
    given = {
        k: (values[accuracy], values[items] or i.test_items)
        for k, accuracy, items in _MEASURED
        if values[accuracy] is not None
    }
    spreads = [belief.spread for belief in held]
    # What other pages found comes first: what is typed here is learnt on top of it.
    if i.one_prompt_accuracy_share is not None:
        held[_PROMPT] = updated(*held[_PROMPT], i.one_prompt_accuracy_share, i.test_items)
    if i.candidates:
        best = max(score for _, score in smaller_scope.candidates_of(i.candidates))
        held[_SMALL] = updated(*held[_SMALL], best, i.test_items)
    pilot = _pilot(i)
    if pilot is not None:
        _learn_together(i, held, [_TUNE_SMALL], {_TUNE_SMALL: pilot}, {})
    pairs = {k: (won, lost) for k, won, lost in pairs_of(i.paired_counts)} if i.paired_counts else {}
    tried = {*given, *pairs} - {_BOTH} if given or pairs else _NONE
    for k in sorted(tried - _OF_FAMILY - {_CASCADE}):
        held[k] = _learnt(i, held[k], given.get(k), pairs.get(k))
    # Most often a small model is as well known as it was before, and so is the cascade that begins with it.
    cascade = before[_CASCADE] if held[_SMALL] is before[_SMALL] else _cascade(i, held[_SMALL])
    held[_CASCADE] = _learnt_of_parts(i, held[_CASCADE], cascade, given.get(_CASCADE), pairs.get(_CASCADE))
    if family := sorted(tried & _OF_FAMILY):
        _learn_together(i, held, family, given, pairs)
    tuned, retrieved = held[_TUNE_LARGE], held[_RETRIEVE]
    both = _both(tuned, retrieved) if i.facts_per_answer_count > 0 else tuned
    wide = both
    if tuned.spread != spreads[_TUNE_LARGE] or retrieved.spread != spreads[_RETRIEVE]:
        wide = Belief(tuned.mean, spreads[_TUNE_LARGE])
        if i.facts_per_answer_count > 0:
            wide = _both(wide, Belief(retrieved.mean, spreads[_RETRIEVE]))
    # A measurement of both counts as much whatever is known of the parts, which narrow it all the same.
    after = _learnt(i, Belief(both.mean, wide.spread), given.get(_BOTH), pairs.get(_BOTH))
    held[_BOTH] = Belief(after.mean, min(after.spread, both.spread))
    return tuple(held)


def _cascade(i: Inputs, small: Belief) -> Belief:
    """A small model, as well as it is known, and part of its failures mended by the large one that they are sent to."""
    caught = i.caught_share * i.prompted_accuracy_share
    doubt = (1.0 - small.mean) * i.prompted_accuracy_share * _CAUGHT_DOUBT
    return Belief(
        small.mean + (1.0 - small.mean) * caught, sqrt((small.spread * (1.0 - caught)) ** 2 + doubt * doubt)
    )


@lru_cache(maxsize=KEPT)
def _both(tuned: Belief, retrieved: Belief) -> Belief:
    """Retrieval with tuning: what is expected of the better of the two, and what both together add.

    That one of them may turn out better than expected is in the spread and not in the mean: a measurement that says
    what was expected would take it away again, and must move nothing.
    """
    mean = max(tuned.mean, retrieved.mean)
    # On the scale of the comparisons a step is worth mean (1 - mean) of it in shares.
    step = max(0.0, mean * (1.0 - mean))
    fitted = quality.coefficients()
    more, spread = step * fitted.both, step * fitted.spread_both
    variance = larger_of_two(*tuned, *retrieved)[1]
    return Belief(min(1.0, max(0.0, mean + more)), sqrt(variance + spread * spread))


def _learnt(
    i: Inputs, belief: Belief, measured: tuple[float, float] | None, pairs: tuple[float, float] | None
) -> Belief:
    """A belief after the reader's measurement: by pairs where they were counted, for those say more."""
    if pairs is not None:
        won, lost = pairs
        return updated_by_pairs(*belief, i.prompted_accuracy_share, won, lost, max(i.test_items, won + lost, 1.0))
    return belief if measured is None else updated(*belief, *measured)


def _result(
    i: Inputs, before: Belief, measured: tuple[float, float] | None, pairs: tuple[float, float] | None
) -> tuple[float, float]:
    """What a measurement says, and its weight against what was believed before it."""
    if pairs is not None:
        after = _learnt(i, before, None, pairs)
        weight = 1.0 - (after.spread / before.spread) ** 2
        return before.mean + (after.mean - before.mean) / weight, weight
    seen, items = measured or (before.mean, 0.0)
    return seen, items / (items + items_worth(*before))


def _learnt_of_parts(
    i: Inputs,
    before: Belief,
    now: Belief,
    measured: tuple[float, float] | None,
    pairs: tuple[float, float] | None,
) -> Belief:
    """What is believed of an option after its part was measured, and it itself. before: of neither; now: of the part.

    Its own measurement has the weight it has beside nothing else, so that a better part never makes the whole worse.
    """
    if before.spread == 0.0 or (measured is None and pairs is None):
        return now
    seen, weight = _result(i, before, measured, pairs)
    alone = _learnt(i, before, measured, pairs)
    mean = now.mean + weight * (seen - now.mean)
    return Belief(min(1.0, max(0.0, mean)), min(now.spread, alone.spread))


def _learn_together(
    i: Inputs,
    held: list[Belief],
    family: list[int],
    given: dict[int, tuple[float, float]],
    pairs: dict[int, tuple[float, float]],
) -> None:
    """Updates the beliefs about tuned models, of which each result says something of the others.

    One result after the other, by linear regression on it with the whole covariance kept. How much a result counts is
    settled before any is learnt, so their order does not matter, and one that was expected moves nothing.
    """
    fitted = quality.coefficients()
    shared = fitted.spread_training**2 / (fitted.spread_training**2 + fitted.spread_tuned**2)
    spreads = {k: held[k].spread for k in _TRAINING_FAMILY}
    covariance = {
        (a, b): spreads[a] * spreads[b] * (1.0 if a == b else shared)
        for a in _TRAINING_FAMILY
        for b in _TRAINING_FAMILY
    }
    means = {k: held[k].mean for k in _TRAINING_FAMILY}
    results = []
    for k in family:
        before = held[k]
        if before.spread == 0.0:
            continue
        seen, weight = _result(i, before, given.get(k), pairs.get(k))
        results.append((k, seen, before.spread**2 * (1.0 - weight) / weight))
    for k, seen, error in results:
        slopes = {other: covariance[other, k] / (covariance[k, k] + error) for other in _TRAINING_FAMILY}
        miss = seen - means[k]
        means = {other: means[other] + slope * miss for other, slope in slopes.items()}
        covariance = {(a, b): value - slopes[a] * covariance[k, b] for (a, b), value in covariance.items()}
    for k in _TRAINING_FAMILY:
        held[k] = Belief(min(1.0, max(0.0, means[k])), sqrt(max(0.0, covariance[k, k])))


class Copy(NamedTuple):
    """One copy of a model on your own devices: how many of them it takes, and the requests it answers in a month."""

    gpus: float
    requests: float


@kept_by(("prompt_tokens", "answer_tokens", "device"))
def own_copies(i: Inputs) -> tuple[Copy, Copy]:
    """The small and the large open model on your device, on the fewest that hold it (`llm.serving`). Where too many
    would be needed it answers nothing."""
    found = []
    for model in (SMALL_MODEL, LARGE_MODEL):
        alone = ServingSetup(
            model=architectures()[model],
            device=accelerators()[i.device],
            stored=weight_format(OWN_FORMAT),
            prompt_tokens=max(1, round(i.prompt_tokens)),
            answer_tokens=max(1, round(i.answer_tokens)),
        )
        gpus = 1
        while gpus <= MOST_OWN_GPUS and not fits(replace(alone, devices=gpus)):
            gpus *= 2
        if gpus <= MOST_OWN_GPUS:
            speed = throughput(replace(alone, devices=gpus, batch=OWN_BATCH)).requests_per_s
            found.append(Copy(gpus, speed * SECONDS_PER_MONTH))
        else:
            found.append(Copy(inf, 0.0))
    return found[0], found[1]


def own_copy(i: Inputs, k: int) -> Copy:
    """The copy that one of WAYS needs on your own devices."""
    small, large = own_copies(i)
    return large if runs_large(i, k) else small


def own_gpus(i: Inputs, k: int) -> float:
    """The devices of your own that one of WAYS needs: a cascade holds both models."""
    return own_copy(i, k).gpus + (own_copy(i, _KEEP).gpus if k == _CASCADE else 0)


def runs_large(i: Inputs, k: int) -> bool:
    """Whether one of WAYS answers with a large model: not where what you have is a small one, but for a stronger."""
    return WAYS[k].large and not (i.baseline_is_small and k != _STRONGER)


def serving_usd_per_request(i: Inputs) -> tuple[float, ...]:
    """What one request costs to serve by each of WAYS, hosting by the hour left out; a cascade without its second
    model."""
    if i.privacy == Privacy.PREMISES:
        # A device of one's own is paid for whole, busy or not.
        month_usd = situation.usd_per_hour(i.device, i.device_usd_per_hour) * SECONDS_PER_MONTH / 3600.0
        copies = [own_copy(i, k) for k in range(_PEOPLE)]
        return (
            *[each.gpus * month_usd / min(each.requests, i.requests_per_month) if each.requests else 0.0
              for each in copies],
            0.0,
        )  # fmt: skip
    large_in, large_out = i.large_input_usd_per_mtok, i.large_output_usd_per_mtok
    small_in, small_out = i.small_input_usd_per_mtok, i.small_output_usd_per_mtok
    tuned_in, tuned_out = large_in, large_out
    if holder(i.vendor, i.tuning_service) is Vendor.OPEN:
        tuned_in, tuned_out = i.open_large_input_usd_per_mtok, i.open_large_output_usd_per_mtok
    tuned_in, tuned_out = tuned_in * i.tuned_price_ratio, tuned_out * i.tuned_price_ratio
    stronger_in, stronger_out = large_in * i.stronger_price_ratio, large_out * i.stronger_price_ratio
    if i.baseline_is_small:
        stronger_in, stronger_out, large_in, large_out = large_in, large_out, small_in, small_out
    prompt, answer, retrieved, corpus = i.prompt_tokens, i.answer_tokens, i.retrieved_tokens, i.corpus_tokens
    shared, least = prompt * i.shared_prefix_share, i.cache_minimum_tokens
    short = max(1.0, prompt - shared)
    factor = cached_input_factor(hit_share=i.cache_hit_share, read_factor=i.cache_read_ratio)

    def billed(tokens: float, prefix: float) -> float:
        return billed_tokens(tokens, min(prefix, tokens), factor) if prefix >= least else tokens

    asked = billed(prompt, shared)
    # A tuned model answers at once; one that is only prompted may think first.
    thought = answer + i.thinking_tokens
    today = (asked * large_in + thought * large_out) / MILLION
    small = (asked * small_in + thought * small_out) / MILLION
    hourly = i.hosting == Hosting.HOURS
    tuned_small = 0.0 if hourly else (short * small_in + answer * small_out) / MILLION
    return (
        today,
        today,
        (asked * stronger_in + thought * stronger_out) / MILLION,
        (billed(prompt + retrieved, shared) * large_in + thought * large_out) / MILLION,
        (billed(prompt + corpus, shared + corpus) * large_in + thought * large_out) / MILLION,
        small,
        small,
        # An encoder reads the input once and writes nothing.
        0.0 if hourly else short * small_in / MILLION,
        tuned_small,
        (short * tuned_in + answer * tuned_out) / MILLION,
        tuned_small,
        ((short + retrieved) * tuned_in + answer * tuned_out) / MILLION,
        0.0,
    )


def shut_out(i: Inputs) -> tuple[Gate, ...]:
    """The first gate that shuts each of WAYS whatever it costs, in the order in which they are named: the last first,
    so that those before it take its place."""
    found = [Gate.OPEN] * len(WAYS)
    if holder(i.vendor, i.tuning_service) is Vendor.CLOSING:
        found[_TUNE_LARGE] = found[_BOTH] = Gate.VENDOR
    if i.privacy == Privacy.PREMISES:
        for k in range(_PEOPLE):
            if k != _ENCODER and i.gpus < own_gpus(i, k):
                found[k] = Gate.HARDWARE
    if i.labelled_examples + i.new_examples < i.minimum_examples:
        for k in _OF_TRAINED:
            found[k] = Gate.LABELS
    if i.corpus_tokens + i.prompt_tokens + i.answer_tokens > i.window_tokens:
        found[_WHOLE] = Gate.LENGTH
    if not i.answer_is_checkable:
        found[_REINFORCE] = Gate.CHECK
    if i.task not in (Task.CLASSIFICATION, Task.EXTRACTION):
        found[_ENCODER] = Gate.TASK
    if i.baseline_is_small:
        found[_SMALL] = Gate.SAME
    return tuple(found)


_PEOPLE_OPTION = Option(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, Gate.OPEN, 0.0, 0.0, 0.0)


MOST_SPREADS = 1024
"""Latest beliefs of which the parts of a chance are kept: an edit's draws and most of its flips share theirs."""


@lru_cache(maxsize=MOST_SPREADS)
def _log_variance(mean: float, spread: float) -> float:
    """The variance of the log of a score's failures; 0 when it has none, or a spread that rounding loses."""
    failures = 1.0 - mean
    return log(1.0 + (spread / failures) ** 2) if spread > 0.0 and failures > 0.0 else 0.0


def _above(mean: float, spread: float, bar: float) -> float:
    """The chance that a score is above the bar: its failures are lognormal, so that none is above 1."""
    failures, allowed = 1.0 - mean, 1.0 - bar
    variance = _log_variance(mean, spread)
    if variance <= 0.0:
        return 1.0 if mean >= bar else 0.0
    if allowed <= 0.0:
        return 0.0
    return 0.5 * erfc((log(failures / allowed) - 0.5 * variance) / sqrt(2.0 * variance))


_reaches = lru_cache(maxsize=MOST_SPREADS)(_above)
"""`_above` for the accuracy that is needed, which no draw moves."""


def ends(option: Option) -> tuple[float, float]:
    """The 5th and the 95th percentile of what an option scores."""
    return _ends(option.accuracy, option.spread)


@lru_cache(maxsize=MOST_SPREADS)
def _ends(accuracy: float, spread: float) -> tuple[float, float]:
    failures, variance = 1.0 - accuracy, _log_variance(accuracy, spread)
    if variance <= 0.0:
        return accuracy, accuracy
    middle, width = failures * exp(-0.5 * variance), exp(Z_95 * sqrt(variance))
    return max(0.0, 1.0 - middle * width), 1.0 - middle / width


def _excess(mean: float, spread: float, bar: float) -> float:
    """E[max(0, score - bar)]: what a score is worth to somebody who may decline it, in shares.

    Failures are lognormal; then this is the price of a put on them (Black and Scholes 1973).
    """
    return _declined(mean, _put(mean, spread), bar)


def _declined(mean: float, put: tuple[float, float, float], bar: float) -> float:
    """`_excess` from the parts that no bar moves."""
    allowed = 1.0 - bar
    if allowed <= 0.0:
        return 0.0
    failures, half, width = put
    if width == 0.0:
        return max(0.0, mean - bar)
    middle = log(failures / allowed)
    return 0.5 * (allowed * erfc((middle - half) / width) - failures * erfc((middle + half) / width))


def _put(mean: float, spread: float) -> tuple[float, float, float]:
    """The failures of a score, half of the variance of their log and the root of twice it."""
    variance = _log_variance(mean, spread)
    return 1.0 - mean, 0.5 * variance, sqrt(2.0 * variance) if variance > 0.0 else 0.0


Plan = tuple[int, float, float, float, float, float, float, float, float, Gate]
"""An option's place in WAYS, its start_usd, trial_usd, days, trial_days and first_token_ms as in `Option`, what its
upkeep and its renewal cost a month, the share of requests that it sends on to what you have, and its gate."""


class Weighed(NamedTuple):
    """The options of some inputs with the sums and the plans behind them, and whether all are in full."""

    inputs: Inputs
    options: list[Option]
    sums: tuple[tuple[Belief, ...], tuple[float, ...], tuple[Gate, ...]]
    plans: list[Plan]
    whole: bool


_weighed: dict[int, Weighed] = {}
"""The options of the latest inputs by their identity: a draw's are asked for again when its doubts are counted."""

MOST_WEIGHED = 300


def weigh(i: Inputs) -> list[Option]:
    """All options in full, in the order of WAYS."""
    return _weigh(i, whole=True).options


def _weigh(i: Inputs, *, whole: bool) -> Weighed:
    """whole: in full also those options that cannot be had, of which else there is no more than what is believed and
    the gate."""
    kept = _weighed.get(id(i))
    if kept is not None and kept.inputs is i and kept.whole >= whole:
        return kept
    sums = beliefs(i), serving_usd_per_request(i), shut_out(i)
    return _keep(i, sums, _planned(i, *sums, range(_PEOPLE) if whole else _open(sums[2])), whole=whole)


def _keep(
    i: Inputs,
    sums: tuple[tuple[Belief, ...], tuple[float, ...], tuple[Gate, ...]],
    plans: list[Plan],
    *,
    whole: bool,
) -> Weighed:
    """What follows for the options from these sums and plans, kept."""
    if len(_weighed) >= MOST_WEIGHED:
        # The oldest alone: with all gone, draws of which the doubts are still to be counted would be weighed again.
        del _weighed[next(iter(_weighed))]
    found = _weighed[id(i)] = Weighed(i, _options_of(i, *sums, plans, whole=whole), sums, plans, whole)
    return found


def forget() -> None:
    """Let go of the options that are kept."""
    _weighed.clear()


Sums = tuple[int, float, float, float, float, float, float, float, float, Gate, float, float]
"""An option's place in WAYS, then the fields of `Option` up to its mean, and what it is worth with no answer right."""


class Costed(NamedTuple):
    """The sums that the options of one situation share: what an answer's being right is worth over the horizon, what a
    trial has to beat, and each option before it is known what a trial of it is worth."""

    a_share_usd: float
    floor_usd: float
    options: list[Sums]


def _planned(
    i: Inputs, held: tuple[Belief, ...], served: tuple[float, ...], gates: tuple[Gate, ...], places: Iterable[int]
) -> list[Plan]:
    """What the options at these places take, whatever they are asked and earn. Of what is believed only a small model's
    accuracy matters here, and of serving only what you have."""
    values = i.__dict__
    hour = i.engineer_usd_per_hour
    changed = stale_share(i.retraining_days, i.fact_half_life_days) if i.facts_per_answer_count > 0 else 0.0
    retrain_usd = (changed * DAYS_PER_MONTH / i.retraining_days + 1 / i.base_life_months) * i.retraining_usd
    rent = 0.0
    if i.hosting == Hosting.HOURS:
        hour_usd = situation.usd_per_hour(i.device, i.device_usd_per_hour)
        rent = hosting_usd_per_month(gpu_usd_per_hour=hour_usd, gpus=i.hosting_gpus)
    have, a_label_usd, labels_per_day = i.labelled_examples + i.new_examples, i.example_usd, i.labels_per_day_examples
    label_usd, label_days = i.new_examples * a_label_usd, i.new_examples / labels_per_day
    written = max(0.0, i.training_examples - have) if i.larger_model_labels else 0.0
    label_usd += written * served[_KEEP]
    run_mtok = min(i.training_examples, have + written) * i.example_tokens / 1e6
    small_run_usd, large_run_usd = run_mtok * i.managed_small_usd_per_mtok, run_mtok * i.managed_large_usd_per_mtok
    first_labels = min(i.new_examples, max(0.0, i.minimum_examples - i.labelled_examples))
    small_is_base, has_retrieval = i.baseline_is_small, i.retrieved_accuracy_share is not None
    large_ms, small_ms, latency_ms = i.large_first_token_ms, i.small_first_token_ms, i.latency_ms
    budget_usd, deadline_days, items = i.budget_usd, i.deadline_days, i.test_items
    prompt_hours, system_hours, trial_share = i.prompt_upkeep_hours, i.system_upkeep_hours, i.trial_share
    moving_share, opened = MOVE_SHARE / i.base_life_months, Gate.OPEN
    found = []
    for k in places:
        _, _, measured, _, large, trained, retrieves, hours, times = WAYS[k]
        first_token = large_ms if large and not (small_is_base and k != _STRONGER) else small_ms
        work = values[hours] * times if hours else 0.0
        upkeep, sent, gate = prompt_hours, 0.0, gates[k]
        if k == _PROMPT and i.prompt_engineered:
            work *= 0.5
        elif k == _CASCADE:
            sent = min(1.0, 2.0 * (1.0 - held[_SMALL].mean) * i.caught_share)
            first_token += sent * large_ms
        if retrieves:
            first_token += i.retrieval_ms
            if k == _BOTH:
                work += 0.0 if has_retrieval else i.retrieval_work_hours
            elif has_retrieval:
                work = 0.0
            upkeep = system_hours
        if (measured and values[measured] is not None) or (k == _SMALL and i.candidates):
            # It was tried: to know it better takes more items, labelled and scored.
            trial_work, first_items = i.switch_work_hours, items
        else:
            trial_work, first_items = trial_share * work, first_labels if trained else 0.0
        trial = trial_work * hour + first_items * a_label_usd
        trial_days = trial_work / WORK_HOURS_PER_DAY + first_items / labels_per_day
        start, days = work * hour, work / WORK_HOURS_PER_DAY
        if trained:
            upkeep = system_hours + (prompt_hours if retrieves else 0.0)
            run_usd = _rollout_usd(i) if k == _REINFORCE else large_run_usd if large else small_run_usd
            start += label_usd + i.runs_count * run_usd
            days += label_days
            trial += run_usd
            moving = retrain_usd + (rent if not large else 0.0)
        else:
            moving = start * moving_share
        if gate is opened:
            if first_token > latency_ms:
                gate = Gate.LATENCY
            elif start > budget_usd:
                gate = Gate.BUDGET
            elif days > deadline_days:
                gate = Gate.DEADLINE
        found.append((k, start, trial, days, trial_days, first_token, upkeep * hour, moving, sent, gate))
    return found


def _costed(i: Inputs, held: tuple[Belief, ...], served: tuple[float, ...], plans: Iterable[Plan]) -> Costed:
    """What these options cost and earn, what you have first of all. With the plans the hot loop of draws and flips."""
    months, requests = _annuity_months(i.horizon_months, i.discount_share), i.requests_per_month
    a_share_usd = requests * months * (i.success_usd + i.failure_usd)
    failures_usd = requests * i.failure_usd
    floor, opened = 0.0, Gate.OPEN
    found = []
    for k, start, trial, days, trial_days, first_token, upkeep_usd, moving, sent, gate in plans:
        accuracy, spread = held[k]
        serving = served[k] + sent * served[_KEEP] if sent else served[k]
        run = requests * serving + upkeep_usd + moving
        fixed_usd = -(failures_usd + run) * months - start
        mean_usd = a_share_usd * accuracy + fixed_usd
        if k == _KEEP and gate is opened:
            floor = max(0.0, mean_usd)
        found.append(
            (k, accuracy, spread, start, trial, run, days, trial_days, first_token, gate, mean_usd, fixed_usd)
        )
    return Costed(a_share_usd, floor, found)


_annuity_months, _break_even_accuracy = map(lru_cache(maxsize=KEPT), (annuity_months, break_even_accuracy))


def _options_of(
    i: Inputs,
    held: tuple[Belief, ...],
    served: tuple[float, ...],
    gates: tuple[Gate, ...],
    plans: list[Plan],
    *,
    whole: bool,
) -> list[Option]:
    items, opened = i.test_items, Gate.OPEN
    a_share_usd, floor, costed = _costed(i, held, served, plans)
    found = [_PEOPLE_OPTION] * len(WAYS)
    if not whole:
        for k in range(_PEOPLE):
            if gates[k] is not opened:
                found[k] = _unweighed(*held[k], gates[k])
    for sums in costed:
        if whole or sums[9] is opened:
            found[sums[0]] = _in_full(sums, a_share_usd, floor, items)
        else:
            found[sums[0]] = _unweighed(sums[1], sums[2], sums[9])
    return found


def _alone(
    i: Inputs, k: int, held: tuple[Belief, ...], served: tuple[float, ...], gates: tuple[Gate, ...]
) -> Option:
    """One option in full, without the others."""
    plans = _planned(i, held, served, gates, (_KEEP, k) if k != _KEEP else (_KEEP,))
    a_share_usd, floor, costed = _costed(i, held, served, plans)
    return _in_full(costed[-1], a_share_usd, floor, i.test_items)


def _in_full(sums: Sums, a_share_usd: float, floor: float, items: float) -> Option:
    k, accuracy, spread, start, trial, run, days, trial_days, first_token, gate, mean_usd, fixed_usd = sums
    if k == _KEEP:
        worth_usd, bar = mean_usd, accuracy
    else:
        worth_usd, bar = _tried(accuracy, spread, trial, mean_usd, fixed_usd, a_share_usd, floor, items)
    told = accuracy, spread, start, trial, run, days, trial_days, first_token, gate, mean_usd, worth_usd, bar
    # Past the constructor, which takes as long as all else here.
    return tuple.__new__(Option, told)


def _unweighed(accuracy: float, spread: float, gate: Gate) -> Option:
    """An option that cannot be had, as far as a draw needs it."""
    return tuple.__new__(Option, (accuracy, spread, inf, inf, inf, inf, inf, inf, gate, -inf, -inf, inf))


@lru_cache(maxsize=MOST_SPREADS)
def _tested(accuracy: float, spread: float, items: float) -> tuple[float, float, float]:
    """What a trial on so many items tells of a score: as `_put`, of the part of its spread that they show."""
    resolved = spread * sqrt(items / (items + items_worth(accuracy, spread))) if spread else 0.0
    return _put(accuracy, resolved)


def _tried(
    accuracy: float,
    spread: float,
    trial_usd: float,
    mean_usd: float,
    fixed_usd: float,
    a_share_usd: float,
    floor_usd: float,
    items: float,
) -> tuple[float, float]:
    """What an option is worth with a trial on so many items, or without where that is more; the bar it has to pass."""
    bar = (floor_usd - fixed_usd) / a_share_usd if a_share_usd > 0.0 else inf
    excess = _declined(accuracy, _tested(accuracy, spread, items), bar)
    return max(mean_usd, floor_usd + a_share_usd * excess - trial_usd), bar


@kept_by(ROLLOUTS_FROM)
def _rollout_usd(i: Inputs) -> float:
    """One run of reinforcement."""
    return reinforcement_usd(
        prompts=i.rollout_prompts_count,
        rollouts=i.rollouts_count,
        prompt_tokens=i.prompt_tokens,
        answer_tokens=i.answer_tokens,
        input_usd_per_mtok=i.rollout_input_usd_per_mtok,
        output_usd_per_mtok=i.rollout_output_usd_per_mtok,
        training_usd_per_mtok=i.managed_small_usd_per_mtok,
        grader_usd=i.grader_usd,
    )


def options(i: Inputs) -> dict[Answer, Option]:
    """All options in full, by answer."""
    return {way.answer: option for way, option in zip(WAYS, weigh(i), strict=True)}


def _worths(found: list[Option]) -> list[float]:
    """What the options are worth, in the order of WAYS; -inf for those that cannot be had."""
    opened = Gate.OPEN
    return [option[10] if option[8] is opened else -inf for option in found]


def ranked(i: Inputs, found: list[Option], chance_target: float) -> list[int]:
    """The places in WAYS of the options that can be had, by their worth. First of all comes what you have when it
    meets the need, or people when nothing else can."""
    worths, opened = _worths(found), Gate.OPEN
    order = [k for k, option in enumerate(found) if option[8] is opened]
    order.sort(key=worths.__getitem__, reverse=True)
    first = _PEOPLE if chance_target < UNREACHABLE_SHARE else _KEEP if _is_met(i, found) else order[0]
    return [first, *[k for k in order if k != first]]


def _could_be_kept(i: Inputs) -> bool:
    """Whether what you have is what is needed, if it only is quick enough and loses no money."""
    return is_enough(i) and i.failure not in (Failure.SLOW, Failure.DEAR)


def _is_met(i: Inputs, found: list[Option]) -> bool:
    """Whether what you have meets the need, is neither too slow nor too dear, and does not lose money."""
    return _could_be_kept(i) and found[_KEEP].gate is Gate.OPEN and found[_KEEP].mean_usd >= 0.0


BOUND_SLACK = 1e-7
"""How far rounding could carry what a trial is worth past its bound, as a part of the sums that it is made of: the log
of a variance loses spreads below 1e-8, and nothing else comes near that."""


def _open(gates: tuple[Gate, ...]) -> list[int]:
    """The places of the options that can be had if they are not too slow or too dear."""
    return [k for k in range(_PEOPLE) if gates[k] is Gate.OPEN]


def _first(i: Inputs, held: tuple[Belief, ...], served: tuple[float, ...], plans: Iterable[Plan]) -> Answer:
    """The first of `ranked`, from the sums behind it, what you have first of all. Only options that can be had are
    weighed, and of those only the ones that may be the best."""
    a_share_usd, floor, costed = _costed(i, held, served, plans)
    had = [option for option in costed if option[9] is Gate.OPEN]
    if not _is_any_likely(had, i.target_accuracy_share):
        return Answer.PEOPLE
    if _is_kept(i, had):
        return Answer.KEEP
    best, best_usd = _best(had, a_share_usd, floor, i.test_items)
    return WAYS[best if best_usd >= 0.0 else _PEOPLE].answer


def _is_any_likely(had: list[Sums], target: float) -> bool:
    """Whether any of the options that can be had is likely to reach the accuracy that is needed."""
    return any(_reaches(option[1], option[2], target) >= UNREACHABLE_SHARE for option in had)


def _is_kept(i: Inputs, had: list[Sums]) -> bool:
    """`_is_met`, from the sums of the options that can be had."""
    return _could_be_kept(i) and had[0][0] == _KEEP and had[0][10] >= 0.0


def _best(
    had: list[Sums], a_share_usd: float, floor: float, items: float, best: int = _PEOPLE, best_usd: float = -inf
) -> tuple[int, float]:
    """The place and the worth of the best of these options and of the best so far: the first of equals. None below
    nought is looked for."""
    least_usd = max(best_usd, 0.0, *[option[10] for option in had])
    for k, accuracy, spread, _, trial, _, _, _, _, _, mean_usd, fixed_usd in had:
        worth_usd = mean_usd
        if k != _KEEP:
            # E[max(0, X)] is at most half of the mean of X and of the root of its second moment (Scarf 1958).
            gain_usd, spread_usd = mean_usd - floor, a_share_usd * spread
            most_usd = floor + 0.5 * (gain_usd + sqrt(gain_usd * gain_usd + spread_usd * spread_usd)) - trial
            slack_usd = BOUND_SLACK * (a_share_usd + abs(fixed_usd) + floor + trial)
            if mean_usd < least_usd and most_usd + slack_usd < least_usd:
                continue
            worth_usd, _ = _tried(accuracy, spread, trial, mean_usd, fixed_usd, a_share_usd, floor, items)
        if worth_usd > best_usd or (worth_usd == best_usd and k < best):
            best, best_usd = k, worth_usd
            least_usd = max(least_usd, worth_usd)
    return best, best_usd


DECIDED_FROM = frozenset(_MOVES["decided"])
"""What every option is held against follows from these."""

_TOGETHER = {
    "all": _ALL,
    "trained": _OF_TRAINED,
    "small-trained": _SMALL_TRAINED,
    "large-trained": _OF_TRAINED - _SMALL_TRAINED,
    "retrieving": _OF_RETRIEVAL,
    **{way.answer.name.lower(): frozenset({k}) for k, way in enumerate(WAYS)},
}
PLANNED_FROM = {
    name: _NONE.union(*(_TOGETHER[which] for which in plans.split())) for name, plans in _PLANS.items() if plans
}
"""What plans follow from beside the sums that are kept, and the options whose plans they are a part of."""

INFORMED_FROM = frozenset(_MOVES["informed"])
"""What beliefs follow from only by what `_informed` gives, which most often stays as it is."""


def _informed(i: Inputs) -> tuple[Published, bool | None, float | None, tuple[float, float] | None]:
    return published(i), is_knowledge_gap(i), restated_share(i), passage_shares(i)


ONE_WAY = frozenset(_MOVES["one-way"])
"""As such a field rises, what each option costs to start, to try and to run moves one way or not at all, and a gate
opens or shuts once. Where it moves no belief, an option is worth, all the way to another value of the field, at least
what the dearer end of each of these sums leaves of it, and at most what the cheaper one does."""

_REPLANNED = {
    **PLANNED_FROM,
    **{name: PLANNED_FROM.get(name, _NONE) | {_REINFORCE} for name in ROLLOUTS_FROM},
}


def _replanned(i: Inputs, name: str) -> frozenset[int]:
    """The options to whose plans a field belongs. The items of your test do only where something was tried on them."""
    if name == "test_items" and not i.candidates and all(getattr(i, measured) is None for _, measured, _ in _MEASURED):
        return _NONE
    return _REPLANNED.get(name, _NONE)


_BELIEFS_FROM, _SERVING_FROM, _GATES_FROM = map(frozenset, (BELIEFS_FROM, SERVING_FROM, GATES_FROM))


def near(i: Inputs) -> Near[Inputs]:
    """The first of `ranked`, without what stands behind it, for inputs that differ from these in one field: the options
    that it is no part of stay as they are, and only the others are weighed again. What moves one way is looked at from
    both ends."""
    held, served, gates = beliefs(i), serving_usd_per_request(i), shut_out(i)
    informed, places, target, items = _informed(i), _open(gates), i.target_accuracy_share, i.test_items
    plans = _planned(i, held, served, gates, places)
    here = _first(i, held, served, plans)
    a_share_usd, floor, costed = _costed(i, held, served, plans)
    had = [option for option in costed if option[9] is Gate.OPEN]
    is_kept = bool(had) and _is_kept(i, had)
    likely = {option[0] for option in had if _is_any_likely([option], target)}
    worths = {option[0]: _best([option], a_share_usd, floor, items)[1] for option in had}
    order = sorted(worths, key=worths.__getitem__, reverse=True)
    # What is best here is most often best near it too: the others are then soon seen to be worth less.
    places.sort(key=lambda k: (k != _KEEP, -worths.get(k, -inf)))
    at = {k: place for place, k in enumerate(places)}
    plans.sort(key=lambda plan: at[plan[0]])

    def moved_by(name: str, other: Inputs) -> tuple[tuple[Belief, ...], tuple[float, ...], tuple[Gate, ...]]:
        is_believed = name in _BELIEFS_FROM and (name not in INFORMED_FROM or _informed(other) != informed)
        return (
            _beliefs(other) if is_believed else held,
            serving_usd_per_request(other) if name in _SERVING_FROM else served,
            shut_out(other) if name in _GATES_FROM else gates,
        )

    def planned_near(
        name: str, other: Inputs, moved: tuple[Belief, ...], moved_served: tuple[float, ...]
    ) -> tuple[list[Plan], set[int]]:
        """The plans there, where no gate is another one, and the options of which a sum or the plan is."""
        replanned = _replanned(i, name)
        touched: set[int] = set()
        if moved is not held:
            touched = _differing(held, moved)
            if _SMALL in touched:
                replanned |= {_CASCADE}
        if moved_served is not served:
            touched |= _differing(served, moved_served)
            if _KEEP in touched:
                replanned |= _OF_TRAINED
        if not replanned:
            return plans, touched
        if replanned is _ALL:
            now = _planned(other, moved, moved_served, gates, places)
            touched |= {plan[0] for plan, before in zip(now, plans, strict=True) if plan != before}
            return now, touched
        now = [*plans]
        for plan in _planned(other, moved, moved_served, gates, [k for k in places if k in replanned]):
            k = plan[0]
            if plan != plans[at[k]]:
                now[at[k]] = plan
                touched.add(k)
        return now, touched

    def answer_at(name: str, other: Inputs) -> Answer:
        moved, moved_served, moved_gates = moved_by(name, other)
        if moved_gates != gates:
            now = _planned(other, moved, moved_served, moved_gates, _open(moved_gates))
            return _first(other, moved, moved_served, now)
        now, touched = planned_near(name, other, moved, moved_served)
        if name in DECIDED_FROM or _KEEP in touched:
            return _first(other, moved, moved_served, now)
        if not touched:
            return here
        weighed = _costed(other, moved, moved_served, [plan for plan in now if plan[0] in touched]).options
        able = [option for option in weighed if option[9] is Gate.OPEN]
        if likely <= touched and not _is_any_likely(able, target):
            return Answer.PEOPLE
        if is_kept:
            return Answer.KEEP
        best = next((k for k in order if k not in touched), _PEOPLE)
        best, best_usd = _best(able, a_share_usd, floor, items, best, worths.get(best, -inf))
        return WAYS[best if best_usd >= 0.0 else _PEOPLE].answer

    best_here, rows = PLACES[here], {option[0]: option for option in costed}
    is_provable = best_here in likely and (is_kept or not _could_be_kept(i))
    # On the way a belief may leave and come back where conversations or passages are a part of it.
    is_winding = restated_share(i) is not None or passage_shares(i) is not None
    months = _annuity_months(i.horizon_months, i.discount_share)

    def stays(name: str, other: Inputs) -> bool:
        if not is_provable or name not in ONE_WAY:
            return False
        moved, moved_served, moved_gates = moved_by(name, other)
        if moved != held or (is_winding and name in _BELIEFS_FROM):
            return False
        if any(moved_gates[k] is Gate.OPEN and gates[k] is not Gate.OPEN for k in range(_PEOPLE)):
            return False
        if moved_gates == gates:
            there, touched = planned_near(name, other, held, moved_served)
            if not touched:
                return True
        else:
            there = _planned(other, held, moved_served, moved_gates, places)
        _, other_floor, others = _costed(other, held, moved_served, there)
        is_open = {option[0] for option in others if option[9] is Gate.OPEN}
        if best_here not in is_open or (_KEEP in is_open) is not (_KEEP in worths):
            return False
        if is_kept:
            return others[0][10] >= 0.0
        floors = min(floor, other_floor), max(floor, other_floor)
        rivals = {option[0]: option for option in others if option[0] in is_open or option[0] in worths}
        mine = rivals.pop(best_here)
        if floor == other_floor and mine == rows[best_here]:
            # The others that do not move either stay behind it.
            rivals = {k: option for k, option in rivals.items() if option != rows[k]}
        least_usd = _worth_within(rows[best_here], mine, months, a_share_usd, floors[0], items, least=True)
        return least_usd >= 0.0 and all(
            _worth_within(rows[k], option, months, a_share_usd, floors[1], items, least=False) < least_usd
            for k, option in rivals.items()
        )

    own_worths: dict[int, float] = {}
    base: tuple[tuple[object, ...], ...] = held, served, gates

    def worth_at(name: str, other: Inputs, answer: StrEnum) -> float:
        k = PLACES[answer]
        if k == _PEOPLE:
            return 0.0
        sums = moved_by(name, other)
        # Beside its own sums and those of what you have, a cascade has those of a small model.
        own = {_KEEP, k, _SMALL} if k == _CASCADE else {_KEEP, k}
        is_same = (
            name not in DECIDED_FROM
            and _replanned(i, name).isdisjoint(own)
            and all(now is then or all(now[j] == then[j] for j in own) for now, then in zip(sums, base, strict=True))
        )
        if is_same and k in own_worths:
            return own_worths[k]
        option = _alone(other, k, *sums)
        worth_usd = option.worth_usd if option.gate is Gate.OPEN else -inf
        if is_same:
            own_worths[k] = worth_usd
        return worth_usd

    return Near(answer_at, stays, worth_at)


def _worth_within(
    one: Sums, other: Sums, months: float, a_share_usd: float, floor: float, items: float, *, least: bool
) -> float:
    """The least, or the most, that an option is worth between two ends of its sums, with what rounding could change.

    A worth falls with the cost of a start, of a trial and of each month, and rises with the floor.
    """
    k, accuracy, spread, start, trial, run, _, _, _, _, mean_usd, fixed_usd = one
    dearer = max if least else min
    start_usd, trial_usd, run_usd = dearer(start, other[3]), dearer(trial, other[4]), dearer(run, other[5])
    saved_usd = months * (run - run_usd) + (start - start_usd)
    mean_usd, fixed_usd = mean_usd + saved_usd, fixed_usd + saved_usd
    slack_usd = BOUND_SLACK * (a_share_usd + abs(fixed_usd) + floor + trial_usd)
    if k == _KEEP:
        worth_usd = mean_usd
    else:
        worth_usd, _ = _tried(accuracy, spread, trial_usd, mean_usd, fixed_usd, a_share_usd, floor, items)
    return worth_usd - slack_usd if least else worth_usd + slack_usd


def _differing(these: tuple[T, ...], those: tuple[T, ...]) -> set[int]:
    """The places at which two differ."""
    return {k for k, (this, that) in enumerate(zip(these, those, strict=True)) if this != that}


def compute(i: Inputs) -> Outputs:
    return _computed(i, _weigh(i, whole=False).options)


def compute_as_before(i: Inputs, changed: frozenset[str]) -> Callable[[Inputs, Inputs], Outputs]:
    """`compute` for inputs that differ from others in these fields alone, and are like `i` in what was measured: sums
    and plans that no such field is a part of are those of the others, while these are kept."""
    is_believed, is_served, is_gated = (not changed.isdisjoint(f) for f in (_BELIEFS_FROM, _SERVING_FROM, _GATES_FROM))
    replanned = _NONE.union(*(_replanned(i, name) for name in changed))

    def computed(other: Inputs, before: Inputs) -> Outputs:
        kept = _weighed.get(id(before))
        if kept is None or kept.inputs is not before or kept.whole:
            return compute(other)
        held, served, gates = kept.sums
        sums = (
            beliefs(other) if is_believed else held,
            serving_usd_per_request(other) if is_served else served,
            shut_out(other) if is_gated else gates,
        )
        if sums[2] != gates:
            return compute(other)
        again = replanned
        if sums[0][_SMALL] != held[_SMALL]:
            again |= {_CASCADE}
        if sums[1][_KEEP] != served[_KEEP]:
            again |= _OF_TRAINED
        plans = kept.plans
        if again:
            places = [plan[0] for plan in plans if plan[0] in again]
            anew = iter(_planned(other, *sums, places))
            plans = [next(anew) if plan[0] in again else plan for plan in plans]
        return _computed(other, _keep(other, sums, plans, whole=False).options)

    return computed


def _computed(i: Inputs, found: list[Option]) -> Outputs:
    chance_target = _chance_target(i, found)
    return _outputs(i, found, chance_target, ranked(i, found, chance_target))


def settle(i: Inputs, answers: tuple[StrEnum, ...]) -> Outputs:
    """The outputs with these answers first: those that most draws give, the commonest before all."""
    found = weigh(i)
    places, chance_target = [PLACES[answer] for answer in answers], _chance_target(i, found)
    order = [k for k in ranked(i, found, chance_target) if k not in places]
    return _outputs(i, found, chance_target, [*places, *order])


def _chance_target(i: Inputs, found: list[Option]) -> float:
    """The best chance that any option which can be had reaches the accuracy that is needed."""
    target, opened = i.target_accuracy_share, Gate.OPEN
    return max([_reaches(o[0], o[1], target) for o in found[:_PEOPLE] if o[8] is opened], default=0.0)


def _outputs(i: Inputs, found: list[Option], chance_target: float, order: list[int]) -> Outputs:
    worths, k = _worths(found), order[0]
    kind, second = _KIND[k], k
    for other in order:
        if _KIND[other] != kind:
            second = other
            break
    best, base = found[k], i.prompted_accuracy_share
    low, high = ends(best)
    floor = max(0.0, worths[_KEEP])
    told = {
        "step_count": float(k),
        "second_count": float(second),
        "best_worth_usd": max(worths),
        "gain_usd": best.worth_usd - floor,
        "lead_usd": best.worth_usd - (found[second].worth_usd if second != k else -inf),
        "trial_worth_usd": best.worth_usd - max(floor, best.mean_usd),
        "best_accuracy_share": best.accuracy,
        "best_low_share": low,
        "best_high_share": high,
        "bar_share": min(1.0, max(0.0, best.bar)),
        "chance_better_share": _above(best.accuracy, best.spread, best.bar),
        "chance_target_share": chance_target,
        "break_even_share": _break_even_accuracy(i.success_usd, i.failure_usd),
        "trial_usd": best.trial_usd,
        "trial_days": best.trial_days,
        "best_start_usd": best.start_usd,
        "best_days": best.days,
        "best_run_usd_per_month": best.run_usd_per_month,
        "training_gain_points": 100 * (found[_TUNE_SMALL].accuracy - base),
        "retrieval_gain_points": 100 * (found[_RETRIEVE].accuracy - base),
    }
    told.update(zip(_WORTHS, worths, strict=True))
    made = object.__new__(Outputs)
    # As `engine.make_inputs` does: the frozen setter is half of the time of this.
    object.__setattr__(made, "__dict__", told)
    return made


def choose(i: Inputs, o: Outputs) -> Answer:
    return WAYS[int(o.step_count)].answer


class Ground(Enum):
    """Why the next step is what it is."""

    MET = "what you need is met"
    KEEP = "nothing is worth its trial"
    TRY = "a trial is worth its price"
    BUILD = "no trial is worth its price"
    SHUT = "every option is shut out"
    UNREACHABLE = "nothing is likely to reach what you need"
    LOSES = "every option loses money"


def is_enough(i: Inputs) -> bool:
    return i.prompted_accuracy_share >= i.target_accuracy_share


def is_worth_a_trial(o: Outputs) -> bool:
    return o.trial_worth_usd > 0.0


def ground_of(i: Inputs, o: Outputs) -> Ground:
    answer = choose(i, o)
    if answer is Answer.PEOPLE:
        if max(_worths_of(o)[:_PEOPLE]) == -inf:
            return Ground.SHUT
        return Ground.UNREACHABLE if o.chance_target_share < UNREACHABLE_SHARE else Ground.LOSES
    if answer is Answer.KEEP:
        return Ground.MET if is_enough(i) else Ground.KEEP
    return Ground.TRY if is_worth_a_trial(o) else Ground.BUILD


def _option(i: Inputs, answer: StrEnum) -> Option:
    k, found = PLACES[answer], _weigh(i, whole=False)
    if found.options[k].start_usd == inf:
        found.options[k] = _alone(i, k, *found.sums)
    return found.options[k]


def better(i: Inputs, answer: StrEnum) -> float:
    """The chance that an option is worth more than what you have."""
    option = _option(i, answer)
    return _above(option.accuracy, option.spread, option.bar)


def affordable(i: Inputs, answer: StrEnum) -> float:
    return float(_option(i, answer).start_usd <= i.budget_usd)


def in_time(i: Inputs, answer: StrEnum) -> float:
    option = _option(i, answer)
    return float(option.days <= i.deadline_days and option.first_token_ms <= i.latency_ms)


def gate_words(i: Inputs, answer: Answer, option: Option) -> str:
    """Why an option is out, with the numbers and what opening the gate costs; empty when it is not."""
    match option.gate:
        case Gate.LABELS:
            missing = i.minimum_examples - i.labelled_examples - i.new_examples
            return (
                f"needs {EXAMPLES.show(i.minimum_examples)} to train on; {EXAMPLES.show(ceil(missing))} more cost "
                f"{USD.show(ceil(missing) * i.example_usd)}"
            )
        case Gate.LENGTH:
            whole = i.corpus_tokens + i.prompt_tokens + i.answer_tokens
            return (
                f"{TOKENS.show(i.corpus_tokens)} do not fit a window of {TOKENS.show(i.window_tokens)}: it takes one "
                f"of {TOKENS.show(whole)}"
            )
        case Gate.HARDWARE:
            needed, have = own_gpus(i, PLACES[answer]), GPUS.show(i.gpus)
            if needed == inf:
                return f"{i.device} cannot hold its model"
            more = needed - i.gpus
            month_usd = situation.usd_per_hour(i.device, i.device_usd_per_hour) * SECONDS_PER_MONTH / 3600.0
            return (
                f"needs {GPUS.show(needed)} like your {i.device}, and you have {have}; {GPUS.show(more)} more cost "
                f"{USD_PER_MONTH.show(more * month_usd)}"
            )
        case Gate.CHECK:
            return f"{option.gate.value}: it takes one that can"
        case Gate.VENDOR:
            return f"{option.gate.value}: it takes one that goes on"
        case Gate.LATENCY:
            return (
                f"begins after {MILLISECONDS.show(option.first_token_ms)}, "
                f"{MILLISECONDS.show(option.first_token_ms - i.latency_ms)} too late"
            )
        case Gate.BUDGET:
            return (
                f"starting costs {USD.show(option.start_usd)}, {USD.show(option.start_usd - i.budget_usd)} above the "
                "budget"
            )
        case Gate.DEADLINE:
            return f"takes {DAYS.show(option.days)}, {DAYS.show(option.days - i.deadline_days)} past the deadline"
        case _:
            return str(option.gate.value)


def judge(i: Inputs, o: Outputs) -> Verdict:
    answer, ground, found = choose(i, o), ground_of(i, o), options(i)
    best = found[answer]
    after = WAYS[int(o.second_count)].answer
    return Verdict(
        answer,
        _headline(i, o, ground, best, found),
        tuple(_reasons(i, o, answer, found, after)),
        _next_step(i, o, ground, best, after, found),
    )


def _days(days: float) -> str:
    """Days as people plan them: whole ones."""
    return DAYS.show(float(ceil(days - 0.05)))


def _headline(i: Inputs, o: Outputs, ground: Ground, best: Option, found: dict[Answer, Option]) -> str:
    share, usd = SHARE.show, USD.show
    expected = f"Expect {share(best.accuracy)} ({share(o.best_low_share)} to {share(o.best_high_share)})"
    match ground:
        case Ground.TRY:
            fallback = "keep what you have" if found[Answer.KEEP].worth_usd >= 0 else "leave it to people"
            return (
                f"Try it first: {usd(best.trial_usd)} and {_days(best.trial_days)}. It is worth it from "
                f"{share(o.bar_share)} on, else {fallback}; the chance is {share(o.chance_better_share)}."
            )
        case Ground.BUILD:
            if not best.start_usd:
                return (
                    f"It is built: put it to work. {expected} for {USD_PER_MONTH.show(best.run_usd_per_month)}; it "
                    f"pays from {share(o.bar_share)} on."
                )
            return (
                f"Build it: a trial is not worth its price. {expected} for {usd(best.start_usd)} to start and "
                f"{USD_PER_MONTH.show(best.run_usd_per_month)}; it pays from {share(o.bar_share)} on."
            )
        case Ground.MET:
            return f"{share(i.prompted_accuracy_share)} are right, and you need {share(i.target_accuracy_share)}."
        case Ground.KEEP:
            return f"Nothing here is worth its trial. {_change_of_mind(i, found)}"
        case Ground.SHUT:
            return "No option passes every gate. " + _gate_to_open(i, found)
        case Ground.UNREACHABLE:
            return (
                f"Nothing is likely to reach the {share(i.target_accuracy_share)} you need: the best chance is "
                f"{share(o.chance_target_share)}."
            )
        case Ground.LOSES:
            return (
                f"Answers pay from {share(o.break_even_share)} right on, before what they cost, and no option is "
                "likely to earn its keep."
            )


def _change_of_mind(i: Inputs, found: dict[Answer, Option]) -> str:
    """The number that would change "keep what you have": the lowest bar over what is expected, of what can be had."""
    nearest = min(
        (a for a in found if a not in (Answer.KEEP, Answer.PEOPLE) and found[a].gate is Gate.OPEN),
        key=lambda a: found[a].bar - found[a].accuracy,
        default=None,
    )
    if nearest is None:
        return f"No other option can be had. {_gate_to_open(i, found)}"
    option = found[nearest]
    if option.bar == inf:
        return "Right and wrong answers are worth nothing here, so none can pay."
    if option.bar > 1.0:
        months = annuity_months(i.horizon_months, i.discount_share)
        short_usd = (option.bar - 1.0) * i.requests_per_month * months * (i.success_usd + i.failure_usd)
        return (
            f"None would pay even if it made no mistakes: “{nearest}” would fall {USD.show(short_usd)} short over "
            f"{i.horizon_months:g} months."
        )
    return (
        f"“{nearest}” would pay if it scored {SHARE.show(option.bar)}; {SHARE.show(option.accuracy)} is expected of it."
    )


def _gate_to_open(i: Inputs, found: dict[Answer, Option]) -> str:
    """Of the options that a gate shuts out, the one that would be worth most, and what opening its gate takes."""
    out_of_reach = [a for a in found if found[a].gate not in (Gate.OPEN, Gate.SAME, Gate.TASK)]
    if not out_of_reach:
        return ""
    answer = max(out_of_reach, key=lambda a: found[a].worth_usd)
    return f"“{answer}” would be worth {USD.show(found[answer].worth_usd)}, but {gate_words(i, answer, found[answer])}."


def _reasons(
    i: Inputs, o: Outputs, answer: Answer, found: dict[Answer, Option], after: Answer
) -> list[str]:
    usd, share, best = USD.show, SHARE.show, found[answer]
    reasons = [_triage(i)]
    today = found[Answer.KEEP]
    monthly = i.requests_per_month * (
        i.prompted_accuracy_share * (i.success_usd + i.failure_usd) - i.failure_usd
    ) - today.run_usd_per_month
    earns = "earns" if monthly >= 0 else "loses"
    reasons.append(
        f"What you have {earns} {USD_PER_MONTH.show(abs(monthly))}: answers pay for themselves from "
        f"{share(o.break_even_share)} right on, before what they cost."
    )
    if answer not in (Answer.KEEP, Answer.PEOPLE):
        needed = o.bar_share - i.prompted_accuracy_share
        reasons.append(
            f"It has to bring {POINTS.show(100 * needed)} or more over today."
            if needed > 0
            else f"It may score up to {POINTS.show(-100 * needed)} less than today and still pays."
        )
    if is_worth_a_trial(o):
        reasons.append(
            f"Expect {share(best.accuracy)} ({share(o.best_low_share)} to {share(o.best_high_share)}). With a way back "
            f"that is worth {usd(o.gain_usd)} over what you have; of it the trial brings {usd(o.trial_worth_usd)}, "
            f"{o.trial_worth_usd / max(1.0, best.trial_usd):,.0f} dollars for each that it costs."
        )
    if after is not Answer.PEOPLE:
        then = found[after]
        reasons.append(
            f"Next best: {after}, worth {usd(abs(o.lead_usd))} {'less' if o.lead_usd >= 0 else 'more'} over "
            f"{i.horizon_months:g} months ({share(then.accuracy)} expected, it pays from {share(min(1.0, then.bar))} "
            f"on; a trial costs {usd(then.trial_usd)})."
        )
    gate = _gate_to_open(i, found)
    shut_out = [a for a in found if found[a].gate not in (Gate.OPEN, Gate.SAME, Gate.TASK)]
    if gate and max(found[a].worth_usd for a in shut_out) > best.worth_usd:
        reasons.append(gate)
    return reasons


def _triage(i: Inputs) -> str:
    knowledge = is_knowledge_gap(i)
    if i.closed_book_accuracy_share is not None and i.gold_passage_accuracy_share is not None:
        gap = POINTS.show(100 * (i.gold_passage_accuracy_share - i.closed_book_accuracy_share))
        words = f"The right passage lifts accuracy by {gap}: "
    else:
        words = f"You saw that {i.failure}: " if i.failure != Failure.NOTHING else "You saw nothing much go wrong: "
    if knowledge is None:
        return words + "neither facts nor behaviour are the trouble."
    return words + (
        "knowledge is missing, which looking things up mends." if knowledge else "behaviour, not facts, is missing."
    )


def _next_step(
    i: Inputs,
    o: Outputs,
    ground: Ground,
    best: Option,
    after: Answer,
    found: dict[Answer, Option],
) -> str:
    """What to do with the answer, with its price."""
    usd, share = USD.show, SHARE.show
    match ground:
        case Ground.TRY:
            return (
                f"Make a first version and score it on your {ITEMS.show(i.test_items)}: about {usd(best.trial_usd)}, "
                f"{_days(best.trial_days)}. Type what it scored: from {share(o.bar_share)} on it beats what you have."
            )
        case Ground.BUILD:
            if not best.start_usd:
                return "Put it to work, and go on scoring it on your own items: nothing is left to build."
            return f"Build it: {usd(best.start_usd)} and {_days(best.days)}, then score it on your own items."
        case Ground.SHUT | Ground.UNREACHABLE | Ground.LOSES:
            return _gate_to_open(i, found) or "Ask again when a model, a price or the need has changed."
        case _:
            if after is Answer.PEOPLE and ground is Ground.MET:
                return f"Ask again when you need more than {share(i.prompted_accuracy_share)}."
            if after is Answer.PEOPLE:
                return "Ask again when a model, a price or the need has changed."
            other = found[after]
            return (
                f"If you want more all the same, “{after}” is next: a trial costs about {usd(other.trial_usd)} and "
                f"pays from {share(min(1.0, other.bar))} on."
            )


def _turning(typed: Callable[[str, float], StrEnum], name: str, answer: Answer) -> tuple[float, float]:
    """The highest score, typed into this field, at which the answer is not yet this one, and the lowest at which it is,
    a thousandth apart at most; 0 and 1 where no score makes the difference."""

    def found(score: float) -> bool:
        return typed(name, score) is answer

    low, high = 0.0, 1.0
    if found(low) or not found(high):
        return low, high
    while high - low > 0.001:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if found(middle) else (middle, high)
    return low, high


def turns(i: Inputs, o: Outputs) -> tuple[Turn, ...]:
    """What the first and the second best, while untried, would have to bring over today for the answer to turn."""
    first, second = int(o.step_count), int(o.second_count)
    here, told, answer_at = WAYS[first].answer, [], near(i).answer_at

    def typed(name: str, score: float) -> StrEnum:
        """The answer with this score typed into a field."""
        made = object.__new__(Inputs)
        object.__setattr__(made, "__dict__", {**i.__dict__, name: score})
        return answer_at(name, made)

    for k, wanted in ((first, False), (second, True)):
        name = WAYS[k].measured
        if not name or getattr(i, name) is not None:
            continue
        low, high = _turning(typed, name, WAYS[k].answer if wanted else here)
        if not 0.0 < low < high < 1.0:
            continue
        at = high if wanted else low
        expected = 100 * (beliefs(i)[k].mean - i.prompted_accuracy_share)
        then = _brings(100 * (at - i.prompted_accuracy_share), wanted)
        now = f"our middle guess: {'it loses ' if expected < 0 else ''}{_points(abs(expected))}"
        told.append(
            Turn(
                field=name,
                label=f"What “{WAYS[k].answer}” brings over today, once you tried it",
                now=now,
                then=then,
                condition=f"if a trial shows that “{WAYS[k].answer}” {then} ({now})",
                at=at,
                answer=typed(name, at),
            )
        )
    return tuple(told)


def _points(number: float, rounded: Callable[[float], int] = round) -> str:
    """Points of accuracy as people say them: whole ones, and tenths below two."""
    return POINTS.show(float(rounded(number)) if number >= 2.0 else rounded(10.0 * number) / 10.0)


def _brings(points: float, wanted: bool) -> str:
    """What an option does from this difference to today on (wanted), or below it, rounded to the side that is meant."""
    if points >= 0.0:
        return f"brings {_points(points, ceil)} or more" if wanted else f"brings less than {_points(points, floor)}"
    return f"loses {_points(-points, floor)} at most" if wanted else f"loses more than {_points(-points, ceil)}"


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    from calculator.decisions import _overall_exhibits

    return _overall_exhibits.exhibits(i, o)


DECISION = Decision(
    "Should you fine-tune a language model, and if not, what instead?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    compute_as_before=compute_as_before,
    choose=choose,
    near=near,
    exhibits=exhibits,
    result="gain_usd",
    values=VALUES,
    settle=settle,
    kinds=KINDS,
    believed=BELIEVED,
    turns=turns,
    doubts={"better": better, "affordable": affordable, "in time": in_time},
    shown=(
        "best_accuracy_share",
        "bar_share",
        "chance_better_share",
        "trial_usd",
        "best_start_usd",
        "best_run_usd_per_month",
        "gain_usd",
    ),
)
