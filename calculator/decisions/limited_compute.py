"""Does it fit, how long does it take, what does it cost?

Peak memory per GPU and speed from the model's own dimensions and the set-up; money and time for all the runs that one
shipped model takes, its labels and its people. Left out: disk, the time a cluster makes you wait, and evaluation runs.
"""

from dataclasses import dataclass
from functools import partial

from calculator import situation
from calculator.catalogs import Architecture
from calculator.catalogs.own import pasted
from calculator.decisions._training_choices import (
    ARITHMETIC,
    BASES,
    FRAMEWORKS,
    OBJECTIVES,
    OPTIMIZERS,
    USUAL,
    Attention,
    Checkpointing,
    Method,
    Metric,
    Offload,
    Packing,
    Precision,
    Sharding,
    Targets,
    trainable,
)
from calculator.decisions._training_estimates import (
    PARTS,
    counted,
    estimated,
    is_fitting,
    least_gib,
    memory_factor,
    speed_at,
    speed_of,
)
from calculator.decisions._training_exhibits import exhibits
from calculator.decisions._training_remedies import leaner
from calculator.decisions._training_setup import model_of, ready_days, setup_of, tokens_of
from calculator.decisions._training_words import cautions, lamps
from calculator.fields import ask, assume, flag, out, pick
from calculator.llm import parameters
from calculator.llm.accuracy import sentence
from calculator.llm.training.cost import training_cost
from calculator.llm.training.memory import stored_base
from calculator.units import DAYS, GIB, HOURS, SHARE, USD
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

MEASURED = "A run of your own"
"""Heading of the fields that a run of the reader's own fills."""


class Answer(Advice):
    TRAIN = "Train it on this hardware", Stance.OPEN
    CHANGE = "Change the set-up first", Stance.OPEN
    SMALLER = "Take a smaller or a pre-trained model", Stance.REFRAIN


class Ground(Rule):
    ABOVE_BUDGET = Answer.SMALLER
    PAST_DEADLINE = Answer.SMALLER
    FITS = Answer.TRAIN
    LEANER_FITS = Answer.CHANGE
    NOTHING_FITS = Answer.SMALLER


def trained_config(text: str) -> Architecture:
    """The model of a pasted file, if its weights are kept in a way that we can estimate; ValueError otherwise."""
    model = pasted(text)
    stored_base(model.stored_as)
    return model


_choice = partial(pick, group=situation.TRAINING)
_finer = partial(pick, group=situation.TRAINING, advanced=True)
_switch = partial(flag, False, group=situation.TRAINING, advanced=True)
_count = partial(ask, low=1, whole=True, group=situation.TRAINING)
_degree = partial(ask, 1, low=1, whole=True, group=situation.HARDWARE, advanced=True)
_measured = partial(ask, None, low=0.01, group=MEASURED, advanced=True)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    model: str = situation.model("meta-llama/Llama-3.1-8B", "Model", situation.TRAINING, parameters.in_words)
    config_json: str = situation.config_file("Or paste its config.json", trained_config, situation.TRAINING)
    method: str = _choice(Method.LORA, Method, "Method")
    lora_rank_count: float = _count(16, "Adapter rank", high=1024, hint="For LoRA and QLoRA")
    lora_targets: str = _choice(Targets.ALL, Targets, "Layers that get an adapter")
    sequence_tokens: float = ask(2048, "Longest sequence", low=16, high=1e6, whole=True, group=situation.TRAINING)
    micro_batch_examples: float = _count(2, "Examples per GPU and step", high=512)
    checkpointing: str = _choice(
        Checkpointing.FULL, Checkpointing, "Activation checkpointing", hint="Full: least memory, a third more work"
    )
    optimizer: str = _choice("AdamW", OPTIMIZERS, "Optimizer")
    precision: str = _choice(Precision.MIXED, Precision, "Precision of full training", hint="Full training only")
    framework: str = _choice("not known", FRAMEWORKS, "Framework")
    base_format: str = _finer(USUAL, BASES, "Number format of the frozen weights", hint="For LoRA and QLoRA")
    objective: str = _finer("text, as it is", OBJECTIVES, "What it is trained for")
    packing: str = _finer(Packing.HABIT, Packing, "How short examples are batched")
    embeddings_trained: bool = _switch("Train embeddings and head too", hint="With an adapter")
    dora: bool = _switch("DoRA", hint="With an adapter")
    attention: str = _finer(Attention.LATEST, Attention, "Attention kernel")
    fused_loss: bool = _switch("Fused loss and kernels", hint="Liger, cut cross-entropy")
    compiled: bool = _switch("torch.compile")
    arithmetic: str = _finer("bf16", ARITHMETIC, "Number format of the arithmetic")
    global_batch_examples: float | None = _count(
        None,
        "Examples per optimizer step",
        high=1e6,
        hint="Over all GPUs, gradients accumulated. Empty: a step after each",
        advanced=True,
    )
    rollout_gib: float = ask(
        0,
        "Memory an engine keeps during training",
        high=10_000,
        hint="Of each card, for reinforcement",
        group=situation.TRAINING,
        advanced=True,
    )
    device: str = situation.device(trainable)
    gpus: float = situation.gpus
    device_usd_per_hour: float | None = situation.device_usd_per_hour
    sharding: str = pick(
        Sharding.FSDP,
        Sharding,
        "What the GPUs share out between them",
        hint="With one GPU it does not matter",
        group=situation.HARDWARE,
    )
    offload: str = pick(
        Offload.NONE, Offload, "Kept in the host's memory", group=situation.HARDWARE, advanced=True
    )
    tensor_parallel_count: float = _degree("GPUs that split each layer: tensor parallel", high=64)
    pipeline_parallel_count: float = _degree("GPUs that take layers in turn: pipeline parallel", high=64)
    context_parallel_count: float = _degree("GPUs that split a long example: context parallel", high=64)
    expert_parallel_count: float = _degree(
        "GPUs that split the experts: expert parallel", high=512, hint="For mixtures of experts"
    )
    own_card_gib: float | None = situation.own_card_gib
    own_card_tflops: float | None = situation.own_card_tflops
    own_card_gb_per_s: float | None = situation.own_card_gb_per_s
    measured_peak_gib: float | None = _measured(
        "Measured: peak of a run like this",
        high=100_000,
        hint="Of one GPU, with the set-up as it stands here. The estimates move to it; empty it to undo that",
    )
    measured_metric: str = pick(
        Metric.SMI, Metric, "Measured: the figure it was read from", group=MEASURED, advanced=True
    )
    measured_tokens_per_s: float | None = _measured(
        "Measured: speed of that run", high=1e7, hint="Of one GPU, tokens of the examples, padding not counted"
    )
    labelled_examples: float = situation.labelled_examples
    new_examples: float = situation.new_examples
    example_tokens: float = situation.example_tokens
    epochs_count: float = ask(3, "Epochs, passes over the examples", low=1, high=100, group=situation.DATA)
    budget_usd: float = situation.budget_usd
    deadline_days: float = situation.deadline_days
    spend_usd: float = ask(
        50,
        "What would this much money buy",
        low=0.01,
        high=1e9,
        hint="For the table of all cards",
        group=situation.LIMITS,
        advanced=True,
    )
    memory_surprise_sd: float = assume("memory_surprise_sd")
    speed_surprise_sd: float = assume("speed_surprise_sd")
    reserve_share: float = assume("reserve_share")
    runs_count: float = assume("runs_count")
    example_usd: float = assume("example_usd")
    engineer_usd_per_hour: float = assume("engineer_usd_per_hour")
    training_work_hours: float = assume("training_work_hours")
    load_share: float = assume("load_share")
    overhead_ratio: float = assume("overhead_ratio")
    grid_g_per_kwh: float = assume("grid_g_per_kwh")
    length_spread_ratio: float = assume("length_spread_ratio")
    memory_repeat_share: float = assume("memory_repeat_share")
    speed_repeat_share: float = assume("speed_repeat_share")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    peak_gib: float = out("Peak memory per GPU", how="llm.training.memory.estimate")
    room_gib: float = out("Room on the card", how="its memory less the reserve")
    weights_gib: float = out("Weights", how="llm.training.memory.estimate")
    gradients_gib: float = out("Gradients", how="llm.training.memory.estimate")
    optimizer_gib: float = out("Optimizer", how="llm.training.memory.estimate")
    activations_gib: float = out("Activations", how="llm.training.memory.estimate")
    logits_gib: float = out("Logits and loss", how="llm.training.memory.estimate")
    overhead_gib: float = out("Overhead", how="CUDA context, gathered layers, temporary copies, holes")
    reserved_gib: float = out(
        "PyTorch reserves", how="what it keeps beyond its needs where the card has room, and gives back otherwise"
    )
    total_parameters: float = out("Parameters", how="llm.parameters.total")
    trained_parameters: float = out("Trained parameters", how="llm.parameters.lora, or all of them")
    gpu_tokens_per_s: float = out("Speed per GPU", how="llm.training.time.throughput_on_examples")
    run_hours: float = out(
        "One run",
        formula="(labelled_examples + new_examples) * example_tokens * epochs_count / gpu_tokens_per_s / gpus / 3600",
    )
    all_gpu_hours: float = out("GPU-hours of all runs", formula="run_hours * gpus * runs_count")
    gpu_usd_per_hour: float = out("One GPU", how="your price, or the median of what providers ask")
    compute_usd: float = out("GPU cost of all runs", formula="all_gpu_hours * gpu_usd_per_hour")
    labels_usd: float = out("Labels", formula="new_examples * example_usd")
    people_usd: float = out("People", formula="training_work_hours * engineer_usd_per_hour")
    first_model_usd: float = out("First tuned model, all in", formula="compute_usd + labels_usd + people_usd")
    ready_days: float = out("Until it is ready", formula="training_work_hours / 6 + run_hours * runs_count / 24")
    energy_kwh: float = out("Energy of all runs", how="llm.training.cost.training_cost")
    emissions_kg_co2e: float = out("Emissions of all runs", formula="energy_kwh * grid_g_per_kwh / 1000")


def compute(i: Inputs) -> Outputs:
    model, gpu, setup = model_of(i), situation.card(i), setup_of(i)
    memory = estimated(i.model, i.config_json, setup)
    error = memory_factor(i, setup, memory, i.memory_surprise_sd)
    speed = speed_at(i, speed_of(i, model, gpu, setup), i.speed_surprise_sd)
    price = situation.usd_per_hour(i.device, i.device_usd_per_hour)
    one = training_cost(
        tokens=tokens_of(i),
        tokens_per_s_per_gpu=speed,
        gpus=i.gpus,
        gpu_usd_per_hour=price,
        gpu_watts=gpu.power_w or 0.0,
        load_share=i.load_share,
        pue=i.overhead_ratio,
        grid_g_per_kwh=i.grid_g_per_kwh,
    )
    labels, people = i.new_examples * i.example_usd, i.training_work_hours * i.engineer_usd_per_hour
    compute_usd = one.usd * i.runs_count
    total, adapter = counted(
        i.model, i.config_json, setup.lora_rank, Targets(i.lora_targets).law, setup.dora, setup.train_embeddings
    )
    return Outputs(
        peak_gib=memory.peak_gib * error,
        room_gib=(gpu.capacity_gib or 0.0) * (1 - i.reserve_share),
        **{f"{part}_gib": getattr(memory, f"{part}_gib") * error for part in PARTS},
        reserved_gib=memory.reserved_gib * error,
        total_parameters=total,
        trained_parameters=total if i.method == Method.FULL else adapter,
        gpu_tokens_per_s=speed,
        run_hours=one.wall_hours,
        all_gpu_hours=one.gpu_hours * i.runs_count,
        gpu_usd_per_hour=price,
        compute_usd=compute_usd,
        labels_usd=labels,
        people_usd=people,
        first_model_usd=compute_usd + labels + people,
        ready_days=ready_days(i, one.wall_hours),
        energy_kwh=one.kwh * i.runs_count,
        emissions_kg_co2e=one.kg_co2e * i.runs_count,
    )


def ground_of(i: Inputs, o: Outputs) -> Ground:
    if o.first_model_usd > i.budget_usd:
        return Ground.ABOVE_BUDGET
    if o.ready_days > i.deadline_days:
        return Ground.PAST_DEADLINE
    if is_fitting(o):
        return Ground.FITS
    return Ground.LEANER_FITS if least_gib(i) <= o.room_gib else Ground.NOTHING_FITS


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    fit = (
        f"It needs {GIB.show(o.peak_gib)} of the {GIB.show(o.room_gib)} free on the {situation.card(i).name}"
        f"{f', on each of {i.gpus:.0f}' if i.gpus > 1 else ''}."
    )
    money = (
        f"All {i.runs_count:.3g} runs take {HOURS.show(o.run_hours * i.runs_count)} and {USD.show(o.compute_usd)} "
        f"of GPU time; labels cost {USD.show(o.labels_usd)}, people {USD.show(o.people_usd)}."
    )
    when = f"It is ready after {DAYS.show(o.ready_days)}; you allow {DAYS.show(i.deadline_days)}."
    method = Method(i.method).law
    reasons = (
        fit,
        money,
        when,
        *cautions(i, o),
        sentence("training-memory", method),
        sentence("training-throughput", method),
    )
    step = "Score a small model with your best prompt on your own test items before paying for any training."
    match ground:
        case Ground.ABOVE_BUDGET:
            headline = (
                f"The first model costs {USD.show(o.first_model_usd)} all in; your budget is {USD.show(i.budget_usd)}."
            )
        case Ground.PAST_DEADLINE:
            headline = when
        case Ground.FITS:
            tight = o.peak_gib > 0.9 * o.room_gib
            headline = (
                f"{'Tight, but it' if tight else 'It'} fits, at {SHARE.show(o.peak_gib / o.room_gib)} of the card, "
                f"and the first model costs {USD.show(o.first_model_usd)} all in."
            )
            step = VERIFY
        case Ground.LEANER_FITS:
            sure = "does fit" if least_gib(i, 0.0) <= o.room_gib else "fits only at the low end of its range"
            headline = f"{fit[:-1]}; a leaner set-up of the same model {sure}."
            step = f"First: {leaner(i, o)}."
        case Ground.NOTHING_FITS:
            headline = (
                f"Even with a 4-bit base, one sequence at a time and all that can go in the host's memory it needs at "
                f"least {GIB.show(least_gib(i))}, and {GIB.show(o.room_gib)} are free."
            )
    return Verdict(ground.answer, headline, reasons, step, lamps(i, o))


VERIFY = (
    "Run ten steps with your longest examples and read torch.cuda.max_memory_reserved() before you start the whole run."
)


DECISION = Decision(
    "Does it fit, how long does it take, what does it cost?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="first_model_usd",
    consideration="what the hardware, the budget and the deadline allow",
    shown=("peak_gib", "run_hours", "compute_usd", "first_model_usd", "ready_days", "energy_kwh"),
)
