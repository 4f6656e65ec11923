"""What should you do: prompt, retrieve, train, take a small model, or leave the model as it is?

Seven options are weighed for one situation. Gates come first: an option that cannot be had is out, whatever its score.
Then each option's worth over the horizon: right answers less wrong ones, less serving, upkeep, retrains and the start.
Quality comes from a model fitted on published comparisons (`cases.quality`), with the doubt it has on sources it has
not seen. Left out: prices that fall while you build, teams that already own half of it, and what your users feel.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from calculator import situation
from calculator.cases import Situation, quality
from calculator.cases.nearest import nearest
from calculator.exhibit import Bar, Bars, Exhibit, Mark, Note, Segment, Table
from calculator.fields import ask, assume, flag, out, pick
from calculator.llm.tokens import hosting_usd_per_month, managed_training_usd, request_usd
from calculator.situation import Failure, Privacy, Task
from calculator.stats.decay import any_stale, mean_stale_share, stale_share
from calculator.stats.value import annuity_months
from calculator.units import DAYS, EXAMPLES, GPUS, MILLISECONDS, POINTS, SHARE, USD, USD_PER_MONTH
from calculator.verdict import Decision, Verdict

DAYS_PER_MONTH = 365.25 / 12
WORK_HOURS_PER_DAY = 6.0
"""Hours of a working day that go into the work itself."""

LARGE_MODEL_GPUS = 8
"""A large open model in 8 bits needs a node of this size: about 400 GB of weights and their cache."""

PROMPT_MOVE_SHARE = 0.25
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

OPTIONS = {
    Answer.AS_IS: "as_is",
    Answer.PROMPT: "prompting",
    Answer.RETRIEVE: "rag",
    Answer.TUNE_LARGE: "ft_large",
    Answer.TUNE_SMALL: "ft_small",
    Answer.SMALL: "slm_prompted",
    Answer.BOTH: "ft_plus_rag",
}
"""The published comparisons' names for the options."""

TRAINED = frozenset({Answer.TUNE_LARGE, Answer.TUNE_SMALL, Answer.BOTH})
UNTRAINED_LARGE = frozenset({Answer.AS_IS, Answer.PROMPT})
RETRIEVING = frozenset({Answer.RETRIEVE, Answer.BOTH})
LARGE = frozenset({Answer.AS_IS, Answer.PROMPT, Answer.RETRIEVE, Answer.TUNE_LARGE})
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
    hosting_gpus: float = ask(
        1, GPUS, "GPUs to host it, spare included", low=1, high=1_000, whole=True, group=situation.MONEY
    )
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
    h100_usd_per_hour: float = assume("h100_usd_per_hour")
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


VALUES = {
    Answer.AS_IS: "as_is_worth_usd",
    Answer.PROMPT: "prompt_worth_usd",
    Answer.RETRIEVE: "retrieve_worth_usd",
    Answer.TUNE_LARGE: "tune_large_worth_usd",
    Answer.TUNE_SMALL: "tune_small_worth_usd",
    Answer.SMALL: "small_worth_usd",
    Answer.BOTH: "both_worth_usd",
}


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option in full. gate: why it is out; empty when it is not. spread: one standard deviation of its accuracy."""

    accuracy: float
    spread: float
    start_usd: float
    run_usd_per_month: float
    worth_usd: float
    gate: str


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


def gains(i: Inputs) -> dict[Answer, tuple[float, float]]:
    """What each option adds to the prompted accuracy, and one standard deviation of it, both as shares.

    Published gains, drawn with this situation's surprises; then what is particular here: work on a prompt removes a
    share of the errors there are, a remedy for another failure keeps only part of its gain, what training adds decays
    with the facts it was trained on, and what the reader has measured is taken as measured.
    """
    here = described(i)
    expected = quality.gains(here, OPTIONS.values())
    surprises = {
        "slope": i.headroom_surprise_sd,
        "training": i.training_surprise_sd,
        "retrieval": i.retrieval_surprise_sd,
        "slm_prompted": i.small_model_surprise_sd,
    }
    drawn = quality.draw(here, expected, surprises)
    knowledge = is_knowledge_gap(i)
    stale = any_stale(mean_stale_share(i.fact_half_life_days, i.retraining_days), i.facts_per_answer_count)
    lasting = (1 - stale) * (i.off_target_share if knowledge else 1.0)
    # Without facts to look up, or with behaviour as the trouble, passages are a remedy for another failure.
    fetched = i.off_target_share if knowledge is False or i.facts_per_answer_count == 0 else 1.0
    errors = (1 - i.prompted_accuracy_share) / (1 - quality.PIVOT)
    found = {}
    for answer, option in OPTIONS.items():
        gain = drawn[option]
        if answer in UNTRAINED_LARGE:
            gain *= errors
        elif gain > 0:
            gain *= lasting if answer in TRAINED else fetched if answer is Answer.RETRIEVE else 1.0
        found[answer] = (gain, expected[option].spread)
    if i.small_accuracy_share is not None:
        measured_small = i.small_accuracy_share - i.prompted_accuracy_share
        found[Answer.SMALL] = (measured_small, 0.0)
        tuned, spread = found[Answer.TUNE_SMALL]
        found[Answer.TUNE_SMALL] = (max(tuned, measured_small), spread)
    tuned, spread = found[Answer.TUNE_SMALL]
    if i.retrieved_accuracy_share is not None:
        measured = i.retrieved_accuracy_share - i.prompted_accuracy_share
        found[Answer.RETRIEVE] = (measured, 0.0)
        found[Answer.BOTH] = (measured + tuned, spread)
    elif i.facts_per_answer_count == 0:
        found[Answer.BOTH] = (tuned, spread)
    else:
        # Together they are worth the better of the two, as published; never more than this situation allows each.
        together = min(drawn["ft_plus_rag"], max(found[Answer.RETRIEVE][0], tuned))
        found[Answer.BOTH] = (together, found[Answer.BOTH][1])
    return found


def serving_usd_per_request(i: Inputs, answer: Answer) -> float:
    """What one request costs to serve, hosting by the hour left out."""
    shared = i.prompt_tokens * i.shared_prefix_share
    question = i.prompt_tokens - shared
    passages = i.retrieved_tokens if answer in RETRIEVING else 0.0
    small = answer not in LARGE
    if answer in TRAINED or answer is Answer.AS_IS:
        prompt, prefix = max(1.0, question) + passages, 0.0
    else:
        prompt, prefix = i.prompt_tokens + passages, shared if shared >= i.cache_minimum_tokens else 0.0
    price = request_usd(
        prompt_tokens=prompt,
        answer_tokens=i.answer_tokens,
        input_usd_per_mtok=i.small_input_usd_per_mtok if small else i.large_input_usd_per_mtok,
        output_usd_per_mtok=i.small_output_usd_per_mtok if small else i.large_output_usd_per_mtok,
        shared_prefix_tokens=prefix,
        hit_share=i.cache_hit_share,
        read_factor=i.cache_read_ratio,
    )
    if answer is Answer.TUNE_LARGE:
        return price * i.tuned_price_ratio
    if answer in TRAINED and i.hosting == Hosting.HOURS:
        return 0.0
    return price


def work_hours(i: Inputs, answer: Answer) -> float:
    """Hours of work before the first request."""
    hours = i.prompt_work_hours if answer is Answer.PROMPT and not i.prompt_engineered else 0.0
    if answer in RETRIEVING and i.retrieved_accuracy_share is None:
        hours += i.retrieval_work_hours
    if answer in TRAINED:
        hours += i.training_work_hours
    return hours


def gate(i: Inputs, answer: Answer, start_usd: float, hours: float) -> str:
    """Why an option cannot be had, in words; empty when it can."""
    first_token = i.large_first_token_ms if answer in LARGE else i.small_first_token_ms
    if answer in RETRIEVING:
        first_token += i.retrieval_ms
    if answer in TRAINED and i.labelled_examples + i.new_examples < i.minimum_examples:
        return f"needs {EXAMPLES.show(i.minimum_examples)} to train on"
    if i.privacy == Privacy.PREMISES and answer in LARGE and i.gpus < LARGE_MODEL_GPUS:
        return f"a large model on own hardware needs {GPUS.show(LARGE_MODEL_GPUS)}"
    if answer is Answer.TUNE_LARGE and i.vendor == Vendor.CLOSING:
        return "the provider is closing its training"
    if first_token > i.latency_ms:
        return f"begins after {MILLISECONDS.show(first_token)}, too late"
    if start_usd > i.budget_usd:
        return f"starting costs {USD.show(start_usd)}, above the budget"
    if hours / WORK_HOURS_PER_DAY > i.deadline_days:
        return f"takes {DAYS.show(hours / WORK_HOURS_PER_DAY)} of work, past the deadline"
    return ""


def options(i: Inputs) -> dict[Answer, Option]:
    """All seven options in full."""
    gained = gains(i)
    months = annuity_months(i.horizon_months, i.discount_share)
    found = {}
    for answer, (gain, spread) in gained.items():
        accuracy = max(0.0, min(1.0, i.prompted_accuracy_share + gain))
        hours = work_hours(i, answer)
        start = hours * i.engineer_usd_per_hour
        moving = hours * i.engineer_usd_per_hour * PROMPT_MOVE_SHARE / i.base_life_months
        upkeep = 0.0 if answer in (Answer.AS_IS, Answer.SMALL) else i.prompt_upkeep_hours
        if answer in TRAINED:
            large = answer is Answer.TUNE_LARGE
            run = managed_training_usd(
                training_tokens=i.training_examples * i.example_tokens,
                training_usd_per_mtok=i.managed_large_usd_per_mtok if large else i.managed_small_usd_per_mtok,
            )
            start += i.new_examples * i.example_usd + i.runs_count * run
            changed = stale_share(i.retraining_days, i.fact_half_life_days) if i.facts_per_answer_count > 0 else 0.0
            retrains = changed * DAYS_PER_MONTH / i.retraining_days + 1 / i.base_life_months
            moving = retrains * i.retraining_usd
            upkeep = i.system_upkeep_hours
        if answer in RETRIEVING:
            upkeep = i.system_upkeep_hours + (i.prompt_upkeep_hours if answer in TRAINED else 0.0)
        hosted = answer in TRAINED and answer is not Answer.TUNE_LARGE and i.hosting == Hosting.HOURS
        rent = hosting_usd_per_month(gpu_usd_per_hour=i.h100_usd_per_hour, gpus=i.hosting_gpus) if hosted else 0.0
        run_per_month = (
            i.requests_per_month * serving_usd_per_request(i, answer) + rent + upkeep * i.engineer_usd_per_hour + moving
        )
        earned = i.requests_per_month * (accuracy * i.success_usd - (1 - accuracy) * i.failure_usd)
        found[answer] = Option(
            accuracy=accuracy,
            spread=spread,
            start_usd=start,
            run_usd_per_month=run_per_month,
            worth_usd=(earned - run_per_month) * months - start,
            gate=gate(i, answer, start, hours),
        )
    return found


def compute(i: Inputs) -> Outputs:
    found = options(i)
    open_to_us = {answer: option for answer, option in found.items() if not option.gate}
    # With every gate shut the least bad option is still an answer: the page then says which gate to open.
    ranked = sorted((open_to_us or found).values(), key=lambda option: -option.worth_usd)
    best = ranked[0]
    base = i.prompted_accuracy_share
    today = found[Answer.PROMPT].worth_usd
    allowed = open_to_us or found
    worths = {name: found[answer].worth_usd - today if answer in allowed else -inf for answer, name in VALUES.items()}
    return Outputs(
        best_worth_usd=best.worth_usd - today,
        lead_usd=best.worth_usd - ranked[1].worth_usd if len(ranked) > 1 else inf,
        best_accuracy_share=best.accuracy,
        best_start_usd=best.start_usd,
        best_run_usd_per_month=best.run_usd_per_month,
        training_gain_points=100 * (found[Answer.TUNE_SMALL].accuracy - base),
        retrieval_gain_points=100 * (found[Answer.RETRIEVE].accuracy - base),
        **worths,
    )


def choose(i: Inputs, o: Outputs) -> Answer:
    return max(VALUES, key=lambda answer: getattr(o, VALUES[answer]))


def judge(i: Inputs, o: Outputs) -> Verdict:
    answer = choose(i, o)
    found = options(i)
    best = found[answer]
    rest = sorted((a for a in VALUES if a is not answer and not found[a].gate), key=lambda a: -found[a].worth_usd)
    out_of_reach = [f"{a}: {option.gate}." for a, option in found.items() if option.gate]
    reasons = [_triage(i), _quality(i, found)]
    if rest:
        reasons.append(
            f"Next best: {rest[0]}, worth {USD.show(o.lead_usd)} less over {i.horizon_months:g} months "
            f"({SHARE.show(found[rest[0]].accuracy)} right, {USD_PER_MONTH.show(found[rest[0]].run_usd_per_month)})."
        )
    if best.gate:
        reasons.append(f"No option passes every gate; for this one: {best.gate}.")
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
    ranked = sorted(found, key=lambda a: (bool(found[a].gate), -found[a].worth_usd))
    today = found[Answer.PROMPT].worth_usd
    rows = tuple(
        (
            str(answer),
            f"{SHARE.show(found[answer].accuracy)} ± {SHARE.show(found[answer].spread)}",
            USD.show(found[answer].start_usd),
            USD_PER_MONTH.show(found[answer].run_usd_per_month),
            _sentence(found[answer].gate) if found[answer].gate else USD.show(found[answer].worth_usd - today),
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
        f"{near.measured} {near.won} {near.margin} Source: {near.source}. Differs from yours: "
        f"{'; '.join(near.differences) or 'in nothing we know'}."
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
