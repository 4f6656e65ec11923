"""Which model should a small data set train?

Four sizes are weighed for the labels at hand: an encoder, and language models of about 1, 3 and 8 billion parameters.
Published comparisons set the accuracy of a tuned model of middle size; each doubling of size leaves a share of its
error. Labels that a large model gives count for less, by its error rate, and carry no further than its own accuracy.
Each size's worth over the horizon is its answers and its serving against today's prompted large model. Serving is
priced in proportion to size. Left out: base models above 8 billion, latency, and what several tasks on one base save.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from math import ceil, inf, log2
from typing import NamedTuple

from calculator import situation
from calculator.cases import quality
from calculator.catalogs import accelerators, architectures
from calculator.decisions._published import described
from calculator.decisions._reinforcement import LEARNABLE_SHARE, REINFORCEMENT_USD, reinforcement
from calculator.decisions._training_estimates import surprise
from calculator.exhibit import Curves, Exhibit, Line, Mark, Table
from calculator.fields import ask, assume, flag, out
from calculator.llm import parameters
from calculator.llm.tokens import managed_training_usd, request_usd
from calculator.llm.training.memory import MemoryEstimate, TrainingSetup, estimate
from calculator.llm.training.time import throughput
from calculator.situation import Task
from calculator.stats.labels import adapter_capacity_tokens, adapter_parameters, effective_labels, mixed_labels
from calculator.stats.value import annuity_months
from calculator.units import COUNT, EXAMPLES, GIB, HOURS, SHARE, USD, USD_PER_MONTH
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

REFERENCE_BILLIONS = 7.0
"""The size that the quality model's tuned small model has: the median over its published comparisons."""

RANK = 16
EPOCHS = 3.0
LONGEST_OVER_MEAN = 2.0
"""The longest example against the mean one: memory is set by the longest."""

LONGEST_TOKENS = 131_072.0


class Answer(Advice):
    ENCODER = "Train a small encoder", Stance.TRAIN
    SMALL = "Tune a model of 1 to 3 billion parameters", Stance.TRAIN
    EIGHT = "Tune a model of 8 billion parameters", Stance.TRAIN
    KEEP = "Keep prompting: do not train on this yet", Stance.REFRAIN


class Ground(Rule):
    NONE_CAN_BE_HAD = Answer.KEEP
    NONE_PAYS = Answer.KEEP
    ENCODER_IS_WORTH_MOST = Answer.ENCODER
    SMALL_IS_WORTH_MOST = Answer.SMALL
    EIGHT_IS_WORTH_MOST = Answer.EIGHT


class Size(NamedTuple):
    """One base model to train. billions: its parameters; stand_in: the catalogued model whose memory is worked out."""

    label: str
    billions: float
    stand_in: str
    is_encoder: bool = False


SIZES = (
    Size("Encoder, 0.4 billion", 0.4, "HuggingFaceTB/SmolLM2-360M", is_encoder=True),
    Size("1 billion", 1.2, "meta-llama/Llama-3.2-1B"),
    Size("3 billion", 3.2, "meta-llama/Llama-3.2-3B"),
    Size("8 billion", 8.0, "meta-llama/Llama-3.1-8B"),
)
"""For the encoder a language model of its size stands in, which needs a little more memory for its larger output."""

LABEL_TASKS = frozenset({Task.CLASSIFICATION, Task.EXTRACTION})
"""What an encoder can do: give labels to texts and to spans."""

MACHINES = (
    ("A laptop with 8 GB", "NVIDIA RTX 3070"),
    ("A gaming card with 24 GB", "NVIDIA RTX 4090"),
    ("A rented H100", "NVIDIA H100 SXM"),
)
"""The RTX 3070 stands in for a laptop's GPU of 8 GB: no source that we read gives those a speed."""


_data = partial(ask, group=situation.DATA)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    labelled_examples: float = situation.labelled_examples
    new_examples: float = situation.new_examples
    teacher_examples: float = _data(
        0,
        "Texts a large model could label for you",
        high=1e8,
        whole=True,
        hint="Zero if the texts may not be sent to it, or its licence forbids training on its answers",
    )
    teacher_error_share: float | None = _data(
        None, "How often it labels wrong", high=0.5, hint="Empty: as often as your prompt fails"
    )
    teacher_writes: bool = flag(
        False, "It also writes the texts", hint="Then they count for less than real ones", group=situation.DATA
    )
    task: str = situation.task
    classes_count: float | None = situation.classes_count
    long_context: bool = situation.long_context
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    target_accuracy_share: float = situation.target_accuracy_share
    card_gib: float = ask(
        24,
        "Memory of the GPU you train on",
        low=2,
        high=300,
        hint="Laptop: 8. Gaming card: 24. Data centre: 80",
        group=situation.HARDWARE,
    )
    example_tokens: float = situation.example_tokens
    requests_per_month: float = situation.requests_per_month
    prompt_tokens: float = situation.prompt_tokens
    answer_tokens: float = situation.answer_tokens
    thinking_tokens: float = situation.thinking_tokens
    shared_prefix_share: float = situation.shared_prefix_share
    success_usd: float = situation.success_usd
    failure_usd: float = situation.failure_usd
    horizon_months: float = situation.horizon_months
    budget_usd: float = situation.budget_usd
    large_api_model: str = situation.large_api_model
    small_api_model: str = situation.small_api_model
    minimum_examples: float = assume("minimum_examples")
    doubled_model_error_share: float = assume("doubled_model_error_share")
    encoder_size_ratio: float = assume("encoder_size_ratio")
    encoder_need_ratio: float = assume("encoder_need_ratio")
    synthetic_worth_share: float = assume("synthetic_worth_share")
    training_surprise_sd: float = assume("training_surprise_sd")
    memory_surprise_sd: float = assume("memory_surprise_sd")
    reserve_share: float = assume("reserve_share")
    large_input_usd_per_mtok: float = assume("large_input_usd_per_mtok")
    large_output_usd_per_mtok: float = assume("large_output_usd_per_mtok")
    small_input_usd_per_mtok: float = assume("small_input_usd_per_mtok")
    small_output_usd_per_mtok: float = assume("small_output_usd_per_mtok")
    cache_read_ratio: float = assume("cache_read_ratio")
    cache_hit_share: float = assume("cache_hit_share")
    cache_minimum_tokens: float = assume("cache_minimum_tokens")
    managed_small_usd_per_mtok: float = assume("managed_small_usd_per_mtok")
    runs_count: float = assume("runs_count")
    example_usd: float = assume("example_usd")
    engineer_usd_per_hour: float = assume("engineer_usd_per_hour")
    training_work_hours: float = assume("training_work_hours")
    prompt_upkeep_hours: float = assume("prompt_upkeep_hours")
    system_upkeep_hours: float = assume("system_upkeep_hours")
    discount_share: float = assume("discount_share")
    rollout_prompts_count: float = assume("rollout_prompts_count")
    rollouts_count: float = assume("rollouts_count")
    rollout_input_usd_per_mtok: float = assume("rollout_input_usd_per_mtok")
    rollout_output_usd_per_mtok: float = assume("rollout_output_usd_per_mtok")
    grader_usd: float = assume("grader_usd")


WORTH = "right answers less wrong ones, less serving, upkeep and the start, over the same for today's prompt"


@dataclass(frozen=True, kw_only=True)
class Outputs:
    best_accuracy_share: float = out("To expect of the best size", how="of those that can be had")
    labels_worth_examples: float = out(
        "What your labels are worth", formula="labelled_examples + new_examples + teacher_worth_examples"
    )
    teacher_worth_examples: float = out(
        "Of these, the teacher's", how="n × (1 − 2 × error)², times the worth of a synthetic text"
    )
    teacher_usd: float = out("The teacher's bill", how="llm.tokens.request_usd for each text")
    labels_usd: float = out("Labels still to buy", formula="new_examples * example_usd")
    rank_count: float = out(
        "Adapter rank that holds your data", how="stats.labels.adapter_parameters, on all layers of 8 billion"
    )
    capacity_tokens: float = out(
        "What an adapter of rank 16 can hold", how="stats.labels.adapter_capacity_tokens, on the same"
    )
    encoder_accuracy_share: float = out("Encoder", how="cases.quality, and the share left by each doubling")
    one_accuracy_share: float = out("1 billion", how="cases.quality, and the share left by each doubling")
    three_accuracy_share: float = out("3 billion", how="cases.quality, and the share left by each doubling")
    eight_accuracy_share: float = out("8 billion", how="cases.quality, and the share left by each doubling")
    eight_gib: float = out("Least memory to tune 8 billion", how="llm.training_memory.estimate, 4-bit base")
    encoder_worth_usd: float = out("Worth: encoder", how=WORTH)
    small_worth_usd: float = out("Worth: the better of 1 and 3 billion", how=WORTH)
    eight_worth_usd: float = out("Worth: 8 billion", how=WORTH)
    prompt_worth_usd: float = out("Worth: keep prompting", formula="0")
    reinforcement_usd: float = REINFORCEMENT_USD
    learnable_share: float = LEARNABLE_SHARE


VALUES: dict[StrEnum, str] = {
    Answer.KEEP: "prompt_worth_usd",
    Answer.ENCODER: "encoder_worth_usd",
    Answer.SMALL: "small_worth_usd",
    Answer.EIGHT: "eight_worth_usd",
}


class Option(NamedTuple):
    """One size in full. gate: why it cannot be had, empty when it can."""

    size: Size
    accuracy: float
    gib: float
    start_usd: float
    saved_usd_per_month: float
    worth_usd: float
    gate: str


def teacher_error(i: Inputs) -> float:
    """How often the teacher is wrong: as given, else as often as the prompt; a coin is the worst a teacher can be."""
    error = i.teacher_error_share
    return min(0.5, 1.0 - i.prompted_accuracy_share if error is None else error)


def teacher_worth(i: Inputs) -> float:
    """Labels by people that the teacher's are worth."""
    worth = effective_labels(i.teacher_examples, teacher_error(i))
    return mixed_labels(0.0, worth, i.synthetic_worth_share if i.teacher_writes else 1.0)


def _reference_accuracy(i: Inputs, examples: float) -> float:
    here = described(i.task, i.classes_count, i.long_context, i.prompted_accuracy_share, examples)
    normals = {"training": i.training_surprise_sd}
    return min(1.0, max(0.0, i.prompted_accuracy_share + quality.draw(here, ("ft_small",), normals)["ft_small"]))


def _learned_accuracy(i: Inputs, human: float, taught: float, need: float) -> float:
    """Of the middle size: what people's labels reach, or all labels together, but no further than the teacher."""
    alone = _reference_accuracy(i, human / need)
    if taught == 0:
        return alone
    return max(alone, min(_reference_accuracy(i, (human + taught) / need), 1.0 - teacher_error(i)))


def accuracies(i: Inputs, human: float, taught: float) -> list[float]:
    """What each size is expected to score on so many labels by people and worth of a teacher's, in order of SIZES."""
    found = []
    written = _learned_accuracy(i, human, taught, 1.0)
    for size in SIZES:
        accuracy, billions = written, size.billions
        if size.is_encoder:
            need = max(i.encoder_need_ratio, 1e-6)
            accuracy, billions = _learned_accuracy(i, human, taught, need), size.billions * i.encoder_size_ratio
        left = i.doubled_model_error_share ** log2(billions / REFERENCE_BILLIONS)
        found.append(1.0 - min(1.0, (1.0 - accuracy) * left))
    return found


@lru_cache(maxsize=256)
def memory(stand_in: str, method: str, sequence_tokens: float) -> MemoryEstimate:
    """Memory of training this model one example at a time, as lean as it goes without leaving the card."""
    setup = TrainingSetup(
        method=method, seq_len=sequence_tokens, micro_batch=1, lora_rank=RANK, checkpointing="full", optimizer="adamw",
        metric="needed",
    )  # fmt: skip
    return estimate(architectures()[stand_in], setup)


def sequence_tokens(i: Inputs) -> float:
    """The longest example, which sets the memory."""
    return min(LONGEST_TOKENS, max(16.0, LONGEST_OVER_MEAN * i.example_tokens))


def _least_gib(i: Inputs, size: Size) -> float:
    found = memory(size.stand_in, "lora" if size.is_encoder else "qlora", sequence_tokens(i))
    return found.peak_gib * surprise(found, i.memory_surprise_sd)


def _large_request(i: Inputs) -> partial[float]:
    """What a request to the large model costs in US dollars, by what else is said of its prompt."""
    return partial(
        request_usd,
        prompt_tokens=i.prompt_tokens,
        answer_tokens=i.answer_tokens + i.thinking_tokens,
        input_usd_per_mtok=i.large_input_usd_per_mtok,
        output_usd_per_mtok=i.large_output_usd_per_mtok,
    )


def _teacher_usd(i: Inputs) -> float:
    return i.teacher_examples * _large_request(i)()


def weigh(i: Inputs) -> list[Option]:
    """All four sizes in full."""
    human, taught = i.labelled_examples + i.new_examples, teacher_worth(i)
    shared = i.prompt_tokens * i.shared_prefix_share
    prompted_usd = _large_request(i)(
        shared_prefix_tokens=shared,
        hit_share=i.cache_hit_share,
        read_factor=i.cache_read_ratio,
        minimum_prefix_tokens=i.cache_minimum_tokens,
    )
    tuned_usd = request_usd(
        prompt_tokens=max(1.0, i.prompt_tokens - shared),
        answer_tokens=i.answer_tokens,
        input_usd_per_mtok=i.small_input_usd_per_mtok,
        output_usd_per_mtok=i.small_output_usd_per_mtok,
    )
    hour, months = i.engineer_usd_per_hour, annuity_months(i.horizon_months, i.discount_share)
    upkeep = (i.system_upkeep_hours - i.prompt_upkeep_hours) * hour
    run_tokens = (human + i.teacher_examples) * i.example_tokens * EPOCHS
    run_usd = managed_training_usd(training_tokens=run_tokens, training_usd_per_mtok=i.managed_small_usd_per_mtok)
    fixed = i.training_work_hours * hour + i.new_examples * i.example_usd + _teacher_usd(i)
    room = i.card_gib * (1 - i.reserve_share)
    found = []
    for size, accuracy in zip(SIZES, accuracies(i, human, taught), strict=True):
        gib, part = _least_gib(i, size), size.billions / SIZES[-1].billions
        start = fixed + i.runs_count * run_usd * part
        saved = i.requests_per_month * (prompted_usd - tuned_usd * part) - upkeep
        gained = i.requests_per_month * (accuracy - i.prompted_accuracy_share) * (i.success_usd + i.failure_usd)
        gate = ""
        if human + taught < i.minimum_examples:
            gate = "too few labels"
        elif size.is_encoder and i.task not in LABEL_TASKS:
            gate = "cannot write"
        elif gib > room:
            gate = "does not fit the card"
        elif start > i.budget_usd:
            gate = "above the budget"
        worth = -inf if gate else months * (gained + saved) - start
        found.append(Option(size, accuracy, gib, start, saved, worth, gate))
    return found


@lru_cache(maxsize=1)
def rank_parameters() -> int:
    """Parameters of an adapter of rank 1 on all layers of the largest size."""
    return parameters.lora(architectures()[SIZES[-1].stand_in], rank=1)


def compute(i: Inputs) -> Outputs:
    found = weigh(i)
    encoder, one, three, eight = found
    taught = teacher_worth(i)
    per_rank = rank_parameters()
    tokens = (i.labelled_examples + i.new_examples + i.teacher_examples) * i.example_tokens
    open_to_us = [option for option in found if not option.gate] or found
    return Outputs(
        **reinforcement(i),
        best_accuracy_share=max(open_to_us, key=lambda option: option.worth_usd).accuracy,
        labels_worth_examples=i.labelled_examples + i.new_examples + taught,
        teacher_worth_examples=taught,
        teacher_usd=_teacher_usd(i),
        labels_usd=i.new_examples * i.example_usd,
        rank_count=max(1.0, float(ceil(adapter_parameters(tokens) / per_rank))),
        capacity_tokens=adapter_capacity_tokens(RANK * per_rank),
        encoder_accuracy_share=encoder.accuracy,
        one_accuracy_share=one.accuracy,
        three_accuracy_share=three.accuracy,
        eight_accuracy_share=eight.accuracy,
        eight_gib=eight.gib,
        encoder_worth_usd=encoder.worth_usd,
        small_worth_usd=max(one.worth_usd, three.worth_usd),
        eight_worth_usd=eight.worth_usd,
        prompt_worth_usd=0.0,
    )


def ground_of(i: Inputs, o: Outputs) -> Ground:
    most = max(o.encoder_worth_usd, o.small_worth_usd, o.eight_worth_usd)
    if most == -inf:
        return Ground.NONE_CAN_BE_HAD
    # At a tie the smaller wins, and nothing at all before it.
    if most <= o.prompt_worth_usd:
        return Ground.NONE_PAYS
    if most == o.encoder_worth_usd:
        return Ground.ENCODER_IS_WORTH_MOST
    return Ground.SMALL_IS_WORTH_MOST if most == o.small_worth_usd else Ground.EIGHT_IS_WORTH_MOST


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground, found = ground_of(i, o), weigh(i)
    need, prompt = SHARE.show(i.target_accuracy_share), SHARE.show(i.prompted_accuracy_share)
    reasons = (_labels(i, o), _sizes(i, found), _adapter(o))
    match ground:
        case Ground.NONE_CAN_BE_HAD:
            gates = "; ".join(f"{option.size.label}: {option.gate}" for option in found)
            headline = f"None of the four sizes can be had. {gates}."
            return Verdict(ground.answer, headline, reasons, _more_labels(i))
        case Ground.NONE_PAYS:
            reach = SHARE.show(max(option.accuracy for option in found if not option.gate))
            headline = f"The best of the sizes would reach {reach} on your labels; your prompt reaches {prompt}."
            return Verdict(ground.answer, headline, reasons, _more_labels(i))
        case Ground.ENCODER_IS_WORTH_MOST:
            best = found[0]
        case Ground.SMALL_IS_WORTH_MOST:
            best = max(found[1:3], key=lambda option: option.worth_usd)
        case Ground.EIGHT_IS_WORTH_MOST:
            best = found[3]
    if best.accuracy >= i.prompted_accuracy_share:
        against = f"against {prompt} by prompting"
    else:
        against = f"less than your prompt's {prompt}, but it saves {USD_PER_MONTH.show(best.saved_usd_per_month)}"
    if best.accuracy < i.target_accuracy_share:
        against += f"; you need {need}"
    headline = (
        f"Expect {SHARE.show(best.accuracy)}, {against}. It is worth {USD.show(best.worth_usd)} over "
        f"{i.horizon_months:g} months and trains in {GIB.show(best.gib)}."
    )
    return Verdict(ground.answer, headline, reasons, _next_step(i, best.size))


def _labels(i: Inputs, o: Outputs) -> str:
    words = f"Your labels are worth {EXAMPLES.show(o.labels_worth_examples)}."
    if i.teacher_examples:
        words += (
            f" The teacher's {EXAMPLES.show(i.teacher_examples)} count as {EXAMPLES.show(o.teacher_worth_examples)}, "
            f"for it errs in {SHARE.show(teacher_error(i))}; they cost {USD.show(o.teacher_usd)}."
        )
    return words


def _sizes(i: Inputs, found: list[Option]) -> str:
    encoder, one, _, eight = found
    smallest, words = (encoder, "an encoder") if i.task in LABEL_TASKS else (one, "1 billion")
    return (
        f"From {words} to 8 billion the expected score goes from {SHARE.show(smallest.accuracy)} to "
        f"{SHARE.show(eight.accuracy)}: a larger base makes more of each label."
    )


def _adapter(o: Outputs) -> str:
    return (
        f"An adapter of rank {COUNT.show(o.rank_count)} on 8 billion holds your data, and tuning them takes "
        f"{GIB.show(o.eight_gib)} at least: neither rank nor memory is what few labels run short of."
    )


def _more_labels(i: Inputs) -> str:
    if i.teacher_examples == 0:
        return (
            "Take a hundred texts, let a large model label them, check its labels by hand, and enter its error above: "
            "a teacher's labels cost a small part of a person's."
        )
    return (
        "Use the labels you have as test items and as examples in the prompt; that is worth more than training on them."
    )


def _next_step(i: Inputs, size: Size) -> str:
    if not size.is_encoder and i.task in LABEL_TASKS:
        return (
            "Train an encoder first. It takes little time on any GPU, and its score is what the larger model has to "
            "beat on the same test items."
        )
    if size.is_encoder:
        return "Train it with three seeds on one recipe, and report the mean on test items that people labelled."
    return (
        "Score the untuned small model with your best examples in the prompt first: it is the baseline that tuning has "
        "to beat on test items that people labelled."
    )


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    return (_picture(i), _table(i), _machines(i))


def _picture(i: Inputs) -> Curves:
    """Accuracy of each size against the number of labels."""
    counts = [10 * 10 ** (k / 5) for k in range(21)]
    scores = [accuracies(i, count, 0.0) for count in counts]
    writes = i.task not in LABEL_TASKS
    lines = tuple(
        Line(
            label=size.label,
            points=tuple((count, row[k]) for count, row in zip(counts, scores, strict=True)),
        )
        for k, size in enumerate(SIZES)
        if not (writes and size.is_encoder)
    )
    have = i.labelled_examples + i.new_examples + teacher_worth(i)
    return Curves(
        title="What each size makes of so many labels",
        description=(
            f"At {EXAMPLES.show(counts[0])} the 8-billion model scores {SHARE.show(scores[0][-1])}, at "
            f"{EXAMPLES.show(counts[-1])} {SHARE.show(scores[-1][-1])}; the smaller ones lie below it."
        ),
        x_label="Labels, or their worth",
        y_label="Accuracy",
        x_unit=EXAMPLES,
        y_unit=SHARE,
        lines=lines,
        marks=(
            Mark(label="Needed", y=i.target_accuracy_share),
            Mark(label="Your prompt", y=i.prompted_accuracy_share),
            Mark(label="You have", x=min(max(have, counts[0]), counts[-1])),
        ),
        x_log=True,
    )


def _table(i: Inputs) -> Table:
    found = weigh(i)
    rows = []
    for option in found:
        adapter = memory(option.size.stand_in, "lora", sequence_tokens(i))
        rows.append(
            (
                option.size.label,
                SHARE.show(option.accuracy),
                GIB.show(adapter.peak_gib * surprise(adapter, i.memory_surprise_sd)),
                "–" if option.size.is_encoder else GIB.show(option.gib),
                USD_PER_MONTH.show(option.saved_usd_per_month),
                option.gate[:1].upper() + option.gate[1:] if option.gate else USD.show(option.worth_usd),
            )
        )
    best = max(range(len(found)), key=lambda k: found[k].worth_usd)
    return Table(
        title="The four sizes",
        columns=("Size", "Accuracy", "LoRA", "On 4 bits", "Saves", f"Worth, {i.horizon_months:g} months"),
        rows=tuple(rows),
        note="Memory for one example at a time, twice as long as the mean. “Saves” is serving less upkeep.",
        highlight=best if found[best].worth_usd > 0 else -1,
    )


def _machines(i: Inputs) -> Table:
    """The largest size that each machine trains, and how long your data takes on it."""
    tokens = (i.labelled_examples + i.new_examples + i.teacher_examples) * i.example_tokens * EPOCHS
    rows = []
    for words, name in MACHINES:
        gpu = accelerators()[name]
        room = (gpu.capacity_gib or 0.0) * (1 - i.reserve_share)
        fits = [
            (size, method)
            for size in SIZES
            for method in (("lora",) if size.is_encoder else ("qlora", "lora"))
            if memory(size.stand_in, method, sequence_tokens(i)).peak_gib <= room
        ]
        if not fits:
            rows.append((words, "none of them", "–", "–"))
            continue
        size, method = fits[-1]
        setup = TrainingSetup(
            method=method, seq_len=sequence_tokens(i), micro_batch=1, lora_rank=RANK, checkpointing="full"
        )
        speed = throughput(architectures()[size.stand_in], gpu, setup).tokens_per_s_per_gpu
        how = "LoRA" if method == "lora" else "on 4 bits"
        rows.append((words, size.label, how, HOURS.show(tokens / speed / 3600)))
    return Table(
        title="Down to a laptop",
        columns=("Machine", "Largest that trains", "How", "One run"),
        rows=tuple(rows),
        note="Three passes over your data. A run on one example at a time; larger batches are faster where they fit.",
    )


DECISION = Decision(
    "Which model should a small data set train?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="best_accuracy_share",
    values=VALUES,
    shown=(
        "best_accuracy_share",
        "labels_worth_examples",
        "encoder_worth_usd",
        "small_worth_usd",
        "eight_worth_usd",
        "eight_gib",
    ),
    consideration="which size makes the most of few labels",
)
