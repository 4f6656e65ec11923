"""Does it fit, how long does it take, what does it cost?

Peak memory per GPU and speed from the model's own dimensions and the set-up; money and time for all the runs that one
shipped model takes, its labels and its people. Left out: disk, the time a cluster makes you wait, and evaluation runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from math import ceil, exp, gcd, log
from typing import assert_never

from calculator import situation
from calculator.catalogs import Accelerator, Architecture, accelerators, architectures
from calculator.catalogs.own import pasted
from calculator.catalogs.training import frameworks
from calculator.decisions._training_choices import (
    ARITHMETIC,
    BASES,
    FRAMEWORKS,
    KERNELS,
    METHODS,
    METRICS,
    OBJECTIVES,
    OFFLOADS,
    OPTIMIZERS,
    SHARDING,
    TARGETS,
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
    labels,
    trainable,
)
from calculator.exhibit import Exhibit
from calculator.fields import ask, assume, flag, out, paste, pick
from calculator.llm import parameters
from calculator.llm.accuracy import sentence
from calculator.llm.bands import SD_OF_BAND
from calculator.llm.training.cards import Job, OnCard, on_cards
from calculator.llm.training.cost import training_cost
from calculator.llm.training.memory import MemoryEstimate, TrainingSetup, estimate, stored_base
from calculator.llm.training.time import Kernels, ThroughputEstimate, throughput_on_examples
from calculator.stats.calibration import posterior
from calculator.units import (
    COUNT,
    DAYS,
    EXAMPLES,
    GIB,
    GPU_HOURS,
    HOURS,
    KG_CO2E,
    KWH,
    PARAMETERS,
    SHARE,
    TOKENS,
    TOKENS_PER_S,
    USD,
    USD_PER_HOUR,
)
from calculator.verdict import Decision, Lamp, Rule, Stance, Verdict

HOURS_PER_DAY = 24.0
WORK_HOURS_PER_DAY = 6.0
"""Hours of a working day that go into the work itself."""


MEASURED = "A run of your own"
"""Heading of the fields that a run of the reader's own fills."""


class Answer(StrEnum):
    TRAIN = "Train it on this hardware"
    CHANGE = "Change the set-up first"
    SMALLER = "Take a smaller or a pre-trained model"


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


def model_of(i: "Inputs") -> Architecture:
    """The pasted model when there is one, the catalogue's otherwise."""
    return pasted(i.config_json) if i.config_json else architectures()[i.model]


@lru_cache(maxsize=512)
def _estimated(model: str, config: str, setup: TrainingSetup) -> MemoryEstimate:
    """The memory of a set-up. Draws over prices and the like ask for the same one again and again."""
    return estimate(pasted(config) if config else architectures()[model], setup)


@lru_cache(maxsize=64)
def _counted(model: str, config: str, rank: int, targets: str, dora: bool, tables: bool) -> tuple[int, int]:
    """Parameters of a model, and of its adapter: with the embeddings and the head where these are trained too."""
    found = pasted(config) if config else architectures()[model]
    adapter = parameters.lora(found, rank=rank, targets=targets, dora=dora)
    beside = parameters.embedding(found) + parameters.output_embedding(found) if tables else 0
    return parameters.total(found), adapter + beside


@dataclass(frozen=True, kw_only=True)
class Inputs:
    model: str = situation.model("meta-llama/Llama-3.1-8B", "Model", situation.TRAINING, parameters.in_words)
    config_json: str = paste(
        "",
        "Or paste its config.json",
        longest=100_000,
        check=trained_config,
        hint="From the model's page on Hugging Face",
        group=situation.TRAINING,
    )
    method: str = pick(Method.LORA, Method, "Method", group=situation.TRAINING)
    lora_rank_count: float = ask(
        16, COUNT, "Adapter rank", low=1, high=1024, whole=True, hint="For LoRA and QLoRA", group=situation.TRAINING
    )
    lora_targets: str = pick(Targets.ALL, Targets, "Layers that get an adapter", group=situation.TRAINING)
    sequence_tokens: float = ask(
        2048, TOKENS, "Longest sequence", low=16, high=1e6, whole=True, group=situation.TRAINING
    )
    micro_batch_examples: float = ask(
        2, EXAMPLES, "Examples per GPU and step", low=1, high=512, whole=True, group=situation.TRAINING
    )
    checkpointing: str = pick(
        Checkpointing.FULL,
        Checkpointing,
        "Activation checkpointing",
        hint="Full: least memory, a third more work",
        group=situation.TRAINING,
    )
    optimizer: str = pick("AdamW", labels(OPTIMIZERS), "Optimizer", group=situation.TRAINING)
    precision: str = pick(
        Precision.MIXED, Precision, "Precision of full training", hint="Full training only", group=situation.TRAINING
    )
    framework: str = pick("not known", labels(FRAMEWORKS), "Framework", group=situation.TRAINING)
    base_format: str = pick(
        USUAL,
        BASES,
        "Number format of the frozen weights",
        hint="For LoRA and QLoRA",
        group=situation.TRAINING,
        advanced=True,
    )
    objective: str = pick(
        "text, as it is", labels(OBJECTIVES), "What it is trained for", group=situation.TRAINING, advanced=True
    )
    packing: str = pick(
        Packing.HABIT, Packing, "How short examples are batched", group=situation.TRAINING, advanced=True
    )
    embeddings_trained: bool = flag(
        False, "Train embeddings and head too", hint="With an adapter", group=situation.TRAINING, advanced=True
    )
    dora: bool = flag(False, "DoRA", hint="With an adapter", group=situation.TRAINING, advanced=True)
    attention: str = pick(Attention.LATEST, Attention, "Attention kernel", group=situation.TRAINING, advanced=True)
    fused_loss: bool = flag(
        False, "Fused loss and kernels", hint="Liger, cut cross-entropy", group=situation.TRAINING, advanced=True
    )
    compiled: bool = flag(False, "torch.compile", group=situation.TRAINING, advanced=True)
    arithmetic: str = pick(
        "bf16", ARITHMETIC, "Number format of the arithmetic", group=situation.TRAINING, advanced=True
    )
    global_batch_examples: float | None = ask(
        None,
        EXAMPLES,
        "Examples per optimizer step",
        low=1,
        high=1e6,
        whole=True,
        hint="Over all GPUs, gradients accumulated. Empty: a step after each",
        group=situation.TRAINING,
        advanced=True,
    )
    rollout_gib: float = ask(
        0,
        GIB,
        "Memory an engine keeps during training",
        low=0,
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
    tensor_parallel_count: float = ask(
        1,
        COUNT,
        "GPUs that split each layer: tensor parallel",
        low=1,
        high=64,
        whole=True,
        group=situation.HARDWARE,
        advanced=True,
    )
    pipeline_parallel_count: float = ask(
        1,
        COUNT,
        "GPUs that take layers in turn: pipeline parallel",
        low=1,
        high=64,
        whole=True,
        group=situation.HARDWARE,
        advanced=True,
    )
    context_parallel_count: float = ask(
        1,
        COUNT,
        "GPUs that split a long example: context parallel",
        low=1,
        high=64,
        whole=True,
        group=situation.HARDWARE,
        advanced=True,
    )
    expert_parallel_count: float = ask(
        1,
        COUNT,
        "GPUs that split the experts: expert parallel",
        low=1,
        high=512,
        whole=True,
        hint="For mixtures of experts",
        group=situation.HARDWARE,
        advanced=True,
    )
    own_card_gib: float | None = situation.own_card_gib
    own_card_tflops: float | None = situation.own_card_tflops
    own_card_gb_per_s: float | None = situation.own_card_gb_per_s
    measured_peak_gib: float | None = ask(
        None,
        GIB,
        "Measured: peak of a run like this",
        low=0.01,
        high=100_000,
        hint="Of one GPU, with the set-up as it stands here. The estimates move to it; empty it to undo that",
        group=MEASURED,
        advanced=True,
    )
    measured_metric: str = pick(
        Metric.SMI, Metric, "Measured: the figure it was read from", group=MEASURED, advanced=True
    )
    measured_tokens_per_s: float | None = ask(
        None,
        TOKENS_PER_S,
        "Measured: speed of that run",
        low=0.01,
        high=1e7,
        hint="Of one GPU, tokens of the examples, padding not counted",
        group=MEASURED,
        advanced=True,
    )
    labelled_examples: float = situation.labelled_examples
    new_examples: float = situation.new_examples
    example_tokens: float = situation.example_tokens
    epochs_count: float = ask(3, COUNT, "Epochs, passes over the examples", low=1, high=100, group=situation.DATA)
    budget_usd: float = situation.budget_usd
    deadline_days: float = situation.deadline_days
    spend_usd: float = ask(
        50,
        USD,
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
    peak_gib: float = out(GIB, "Peak memory per GPU", how="llm.training.memory.estimate")
    room_gib: float = out(GIB, "Room on the card", how="its memory less the reserve")
    weights_gib: float = out(GIB, "Weights", how="llm.training.memory.estimate")
    gradients_gib: float = out(GIB, "Gradients", how="llm.training.memory.estimate")
    optimizer_gib: float = out(GIB, "Optimizer", how="llm.training.memory.estimate")
    activations_gib: float = out(GIB, "Activations", how="llm.training.memory.estimate")
    logits_gib: float = out(GIB, "Logits and loss", how="llm.training.memory.estimate")
    overhead_gib: float = out(GIB, "Overhead", how="CUDA context, gathered layers, temporary copies, holes")
    reserved_gib: float = out(
        GIB, "PyTorch reserves", how="what it keeps beyond its needs where the card has room, and gives back otherwise"
    )
    total_parameters: float = out(PARAMETERS, "Parameters", how="llm.parameters.total")
    trained_parameters: float = out(PARAMETERS, "Trained parameters", how="llm.parameters.lora, or all of them")
    gpu_tokens_per_s: float = out(TOKENS_PER_S, "Speed per GPU", how="llm.training.time.throughput_on_examples")
    run_hours: float = out(
        HOURS,
        "One run",
        formula="(labelled_examples + new_examples) * example_tokens * epochs_count / gpu_tokens_per_s / gpus / 3600",
    )
    all_gpu_hours: float = out(GPU_HOURS, "GPU-hours of all runs", formula="run_hours * gpus * runs_count")
    gpu_usd_per_hour: float = out(USD_PER_HOUR, "One GPU", how="your price, or the median of what providers ask")
    compute_usd: float = out(USD, "GPU cost of all runs", formula="all_gpu_hours * gpu_usd_per_hour")
    labels_usd: float = out(USD, "Labels", formula="new_examples * example_usd")
    people_usd: float = out(USD, "People", formula="training_work_hours * engineer_usd_per_hour")
    first_model_usd: float = out(USD, "First tuned model, all in", formula="compute_usd + labels_usd + people_usd")
    ready_days: float = out(DAYS, "Until it is ready", formula="training_work_hours / 6 + run_hours * runs_count / 24")
    energy_kwh: float = out(KWH, "Energy of all runs", how="llm.training.cost.training_cost")
    emissions_kg_co2e: float = out(KG_CO2E, "Emissions of all runs", formula="energy_kwh * grid_g_per_kwh / 1000")


def setup_of(i: Inputs) -> TrainingSetup:
    """The set-up in the terms of the memory and speed models."""
    full = i.method == Method.FULL
    gpu, model, framework = situation.card(i), model_of(i), FRAMEWORKS[i.framework]
    tensor, pipeline, context, expert = degrees(i)
    return TrainingSetup(
        method=METHODS[Method(i.method)],
        seq_len=i.sequence_tokens,
        micro_batch=i.micro_batch_examples,
        global_batch=i.global_batch_examples or 0,
        packing=packed(i),
        objective=OBJECTIVES[i.objective],
        rollout_gib=i.rollout_gib,
        lora_rank=int(i.lora_rank_count),
        lora_targets=TARGETS[Targets(i.lora_targets)],
        train_embeddings=i.embeddings_trained and not full,
        dora=i.dora and not full,
        master_weights=full and i.precision == Precision.MIXED,
        base_quantisation="" if full else base_of(i, model),
        optimizer=OPTIMIZERS[i.optimizer],
        checkpointing=str(i.checkpointing),
        flash_attention=i.attention != Attention.EAGER,
        compile=i.compiled,
        fused_kernels=True if i.fused_loss else None,
        loss="fused" if i.fused_loss else "",
        sharding=_sharding(i) if i.gpus > 1 else "none",
        n_gpus=int(i.gpus),
        tensor_parallel=tensor,
        pipeline_parallel=pipeline,
        context_parallel=context,
        expert_parallel=expert,
        offload=OFFLOADS[Offload(i.offload)],
        card_gib=gpu.capacity_gib or 0.0,
        framework=framework,
        generation=gpu.generation,
        metric="needed",
    )


def degrees(i: Inputs) -> tuple[int, int, int, int]:
    """Tensor, pipeline, context and expert parallelism as far as the GPUs can be divided so."""
    left, found = int(i.gpus), []
    for wanted in (i.tensor_parallel_count, i.pipeline_parallel_count, i.context_parallel_count):
        found.append(gcd(left, int(wanted)))
        left //= found[-1]
    experts = gcd(left, int(i.expert_parallel_count)) if model_of(i).experts else 1
    return found[0], found[1], found[2], experts


def packed(i: Inputs) -> bool:
    """Whether several short examples fill a row."""
    if i.packing == Packing.HABIT:
        return frameworks()[FRAMEWORKS[i.framework]].habits().packing
    return i.packing == Packing.PACKED


def base_of(i: Inputs, model: Architecture) -> str:
    """How the frozen weights are kept: as chosen, else as the model's file says, else as the method does."""
    if i.base_format != USUAL:
        return i.base_format
    return "nf4-double" if i.method == Method.QLORA else stored_base(model.stored_as)


def _sharding(i: Inputs) -> str:
    kind = Sharding(i.sharding)
    if kind == Sharding.FSDP:
        kind = Sharding.FSDP2 if frameworks()[FRAMEWORKS[i.framework]].habits().fsdp == 2 else Sharding.FSDP1
    return SHARDING[kind]


def kernels_of(i: Inputs) -> Kernels:
    """What speed depends on and memory does not."""
    return Kernels(
        attention=KERNELS[Attention(i.attention)],
        arithmetic=i.arithmetic,
        adapter="full-size" if i.dora and i.method != Method.FULL else "low-rank",
    )


def surprise(memory: MemoryEstimate, sd: float) -> float:
    """The factor on an estimate so many standard deviations away; its band is the 5th to the 95th percentile."""
    return memory.at(sd) / memory.peak_gib


def memory_factor(i: Inputs, setup: TrainingSetup, memory: MemoryEstimate, sd: float) -> float:
    """The factor on the estimated memory so many standard deviations away, after a run of the reader's own if any."""
    if i.measured_peak_gib is None:
        return surprise(memory, sd)
    counted = _estimated(i.model, i.config_json, replace(setup, metric=METRICS[Metric(i.measured_metric)]))
    own = posterior(
        prior_sd=log(memory.at(SD_OF_BAND) / memory.at(-SD_OF_BAND)) / (2 * SD_OF_BAND),
        ratio=i.measured_peak_gib / counted.peak_gib,
        measurement_sd=i.memory_repeat_share,
    )
    return own.at(sd)


def speed_at(i: Inputs, speed: ThroughputEstimate, sd: float) -> float:
    """The speed so many standard deviations away, in tokens per second and GPU."""
    if i.measured_tokens_per_s is None:
        return speed.at(sd)
    own = posterior(
        prior_sd=speed.log_deviation,
        ratio=i.measured_tokens_per_s / speed.tokens_per_s_per_gpu,
        measurement_sd=i.speed_repeat_share,
    )
    return speed.tokens_per_s_per_gpu * own.at(sd)


def speed_of(i: Inputs, model: Architecture, gpu: Accelerator, setup: TrainingSetup) -> ThroughputEstimate:
    """Training speed on the reader's examples."""
    return throughput_on_examples(
        model,
        gpu,
        setup,
        mean_tokens=i.example_tokens,
        spread=i.length_spread_ratio,
        kernels=kernels_of(i),
    )


def measured_memory(i: Inputs, log_mean: float, log_sd: float) -> dict[str, object]:
    """The fields of a measured run that is off from our estimate by this in logarithms, and known as well as that."""
    found = estimate(model_of(i), setup_of(i)).peak_gib * exp(log_mean)
    return {"measured_peak_gib": found, "measured_metric": str(Metric.SMI), "memory_repeat_share": log_sd}


def measured_speed(i: Inputs, log_mean: float, log_sd: float) -> dict[str, object]:
    """The same of a measured speed."""
    found = speed_of(i, model_of(i), situation.card(i), setup_of(i)).tokens_per_s_per_gpu * exp(log_mean)
    return {"measured_tokens_per_s": found, "speed_repeat_share": log_sd}


def tokens_of(i: Inputs) -> float:
    """Tokens of the examples in one run."""
    return (i.labelled_examples + i.new_examples) * i.example_tokens * i.epochs_count


def compute(i: Inputs) -> Outputs:
    model, gpu, setup = model_of(i), situation.card(i), setup_of(i)
    memory = _estimated(i.model, i.config_json, setup)
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
    total, adapter = _counted(
        i.model,
        i.config_json,
        setup.lora_rank,
        TARGETS[Targets(i.lora_targets)],
        setup.dora,
        setup.train_embeddings,
    )
    return Outputs(
        peak_gib=memory.peak_gib * error,
        room_gib=(gpu.capacity_gib or 0.0) * (1 - i.reserve_share),
        weights_gib=memory.weights_gib * error,
        gradients_gib=memory.gradients_gib * error,
        optimizer_gib=memory.optimizer_gib * error,
        activations_gib=memory.activations_gib * error,
        logits_gib=memory.logits_gib * error,
        overhead_gib=memory.overhead_gib * error,
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
        ready_days=i.training_work_hours / WORK_HOURS_PER_DAY + one.wall_hours * i.runs_count / HOURS_PER_DAY,
        energy_kwh=one.kwh * i.runs_count,
        emissions_kg_co2e=one.kg_co2e * i.runs_count,
    )


def smallest_setup(i: Inputs) -> TrainingSetup:
    """The set-up that needs the least memory for the same model, length and GPUs: all that can be spared is."""
    return replace(
        setup_of(i),
        method="qlora",
        base_quantisation="",
        lora_rank=min(int(i.lora_rank_count), 16),
        train_embeddings=False,
        dora=False,
        micro_batch=1,
        checkpointing="full",
        loss="fused",
        flash_attention=True,
        master_weights=False,
        optimizer="paged-adamw-8bit",
        sharding="fsdp2" if i.gpus > 1 else "none",
        offload="parameters",
    )


def least_gib(i: Inputs, sd: float = -SD_OF_BAND) -> float:
    """What the leanest set-up cannot do without, at the low end of its band or so many standard deviations away."""
    least = _estimated(i.model, i.config_json, smallest_setup(i))
    return least.peak_gib * surprise(least, sd)


def is_fitting(o: Outputs) -> bool:
    return o.peak_gib <= o.room_gib


def ground_of(i: Inputs, o: Outputs) -> Ground:
    if o.first_model_usd > i.budget_usd:
        return Ground.ABOVE_BUDGET
    if o.ready_days > i.deadline_days:
        return Ground.PAST_DEADLINE
    if is_fitting(o):
        return Ground.FITS
    return Ground.LEANER_FITS if least_gib(i) <= o.room_gib else Ground.NOTHING_FITS


def _lamps(i: Inputs, o: Outputs) -> tuple[Lamp, ...]:
    """Fit, time and money, each with the band of its estimate."""
    model, gpu, setup = model_of(i), situation.card(i), setup_of(i)
    memory, speed = estimate(model, setup), speed_of(i, model, gpu, setup)
    low, high = (
        memory.peak_gib * memory_factor(i, setup, memory, end) for end in (-SD_OF_BAND, SD_OF_BAND)
    )
    fits = "good" if high <= o.room_gib else "close" if low <= o.room_gib else "bad"
    word = "Fits" if is_fitting(o) else "Does not fit"
    hours = [tokens_of(i) / (speed_at(i, speed, end) * i.gpus * 3600) for end in (SD_OF_BAND, -SD_OF_BAND)]
    days = [i.training_work_hours / WORK_HOURS_PER_DAY + h * i.runs_count / HOURS_PER_DAY for h in hours]
    time = "good" if days[1] <= i.deadline_days else "close" if days[0] <= i.deadline_days else "bad"
    fixed = o.labels_usd + o.people_usd
    usd = [fixed + h * i.gpus * i.runs_count * o.gpu_usd_per_hour for h in hours]
    money = "good" if usd[1] <= i.budget_usd else "close" if usd[0] <= i.budget_usd else "bad"
    return (
        Lamp(
            f"{word}: {GIB.show(o.peak_gib)} of {GIB.show(o.room_gib)} ({GIB.show_range(low, high)})", fits,
            ("memory", o.peak_gib),
        ),
        Lamp(
            f"{HOURS.show(o.run_hours)} a run ({HOURS.show_range(hours[0], hours[1])})", time,
            ("speed", o.gpu_tokens_per_s),
        ),
        Lamp(f"{USD.show(o.first_model_usd)} all in", money),
    )


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    fit = (
        f"It needs {GIB.show(o.peak_gib)} of the {GIB.show(o.room_gib)} free on the {device_words(i)}"
        f"{f', on each of {i.gpus:.0f}' if i.gpus > 1 else ''}."
    )
    money = (
        f"All {i.runs_count:.3g} runs take {HOURS.show(o.run_hours * i.runs_count)} and {USD.show(o.compute_usd)} "
        f"of GPU time; labels cost {USD.show(o.labels_usd)}, people {USD.show(o.people_usd)}."
    )
    when = f"It is ready after {DAYS.show(o.ready_days)}; you allow {DAYS.show(i.deadline_days)}."
    method = METHODS[Method(i.method)]
    reasons = (
        fit,
        money,
        when,
        *_said(i, o),
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
            step = f"First: {_leaner(i, o)}."
        case Ground.NOTHING_FITS:
            headline = (
                f"Even with a 4-bit base, one sequence at a time and all that can go in the host's memory it needs at "
                f"least {GIB.show(least_gib(i))}, and {GIB.show(o.room_gib)} are free."
            )
        case _:
            assert_never(ground)
    return Verdict(ground.answer, headline, reasons, step, _lamps(i, o))


VERIFY = (
    "Run ten steps with your longest examples and read torch.cuda.max_memory_reserved() before you start the whole run."
)


def device_words(i: Inputs) -> str:
    return situation.card(i).name


def _said(i: Inputs, o: Outputs) -> list[str]:
    """What a reader must know of how the estimate came about."""
    model, gpu, setup = model_of(i), situation.card(i), setup_of(i)
    memory, speed = estimate(model, setup), speed_of(i, model, gpu, setup)
    said = []
    if memory.distance is not None:
        said.append(f"Memory: {memory.distance.words}")
    said.append(f"Speed: {speed.distance.words}")
    if i.measured_peak_gib is not None or i.measured_tokens_per_s is not None:
        what = [
            *(["memory"] if i.measured_peak_gib is not None else []),
            *(["speed"] if i.measured_tokens_per_s is not None else []),
        ]
        said.append(
            f"The estimates of {' and '.join(what)} have moved to the run that you measured, and their range is "
            f"narrower for it. Empty the measured fields to undo that."
        )
    if gpu.bf16_tflops is None:
        said.append(
            f"The {gpu.name} has no bf16: train in fp16 with loss scaling, which some models do not bear, or in 32 bit."
        )
    asked = [i.tensor_parallel_count, i.pipeline_parallel_count, i.context_parallel_count]
    if degrees(i)[:3] != tuple(map(int, asked)):
        taken = " × ".join(map(str, degrees(i)[:3]))
        wanted = " × ".join(f"{n:.0f}" for n in asked)
        said.append(
            f"{i.gpus:.0f} GPUs cannot be divided into tensor × pipeline × context = {wanted}; {taken} is taken."
        )
    if setup.offload != "none":
        at_once = estimate(model, replace(setup, offload="none")).allocated_gib - memory.allocated_gib
        if at_once > 0:
            said.append(
                f"The host must hold about {GIB.show(at_once * i.gpus)} for it, and passes them over the bus each step."
            )
    if model.encoder:
        said.append("It reads texts and gives labels: its head over the vocabulary makes way for one of a few outputs.")
    if model.towers:
        counted = f", {PARAMETERS.show(model.tower_parameters)}, counted as frozen" if model.tower_parameters else ""
        said.append(f"The model has a part for {model.towers}{counted}; what it makes of each image is not counted.")
    if setup.sharding in ("fsdp", "fsdp2", "zero3") and memory.saving_gib > o.room_gib and is_fitting(o):
        said.append(
            f"Saving the whole model from one GPU takes {GIB.show(memory.saving_gib)}: save sharded, or move it to the "
            "host piece by piece."
        )
    return said


CHANGES: tuple[tuple[str, dict[str, object]], ...] = (
    ("use full activation checkpointing", {"checkpointing": "full"}),
    ("halve the sequences per step", {"micro_batch": 0.5}),
    ("take an 8-bit optimizer", {"optimizer": "adamw-8bit"}),
    ("train a LoRA adapter", {"method": "lora", "master_weights": False}),
    ("take a 4-bit base (QLoRA)", {"method": "qlora", "base_quantisation": "nf4-double", "master_weights": False}),
    ("shard everything between the GPUs (FSDP)", {"sharding": "fsdp2"}),
    ("keep the optimizer in the host's memory", {"offload": "optimizer"}),
    ("keep weights, gradients and optimizer in the host's memory", {"offload": "parameters"}),
)
"""What to change first: the cheaper in quality and effort stand earlier."""


def _changed(setup: TrainingSetup, change: dict[str, object]) -> TrainingSetup:
    if "micro_batch" in change:
        return replace(setup, micro_batch=max(1, ceil(setup.micro_batch / 2)))
    return replace(setup, **change)  # type: ignore[arg-type]


def remedies(i: Inputs, o: Outputs) -> list[tuple[str, float, bool]]:
    """Each change on its own: what it is, what it then needs in GiB, and whether that fits.

    A measured run tells how far this set-up is off; its neighbours are taken to be off by the same factor.
    """
    setup, model = setup_of(i), model_of(i)
    found = []
    for words, change in CHANGES:
        if (change.get("sharding") and i.gpus == 1) or (change.get("method") == "lora" and i.method != Method.FULL):
            continue
        after = _changed(setup, change)
        if after != setup:
            needed = needed_gib(i, model, after, o)
            if needed < o.peak_gib:
                found.append((words, needed, needed <= o.room_gib))
    return found


def needed_gib(i: Inputs, model: Architecture, setup: TrainingSetup, o: Outputs) -> float:
    """What another set-up cannot do without, off as this one is where it was measured."""
    memory = estimate(model, setup)
    if i.measured_peak_gib is not None:
        return memory.peak_gib * o.peak_gib / estimate(model_of(i), setup_of(i)).peak_gib
    return memory.peak_gib * surprise(memory, i.memory_surprise_sd)


def _leaner(i: Inputs, o: Outputs) -> str:
    found = remedies(i, o)
    for words, peak, fits in found:
        if fits:
            return f"{words}, which alone brings it to {GIB.show(peak)}"
    if not found:
        return "shorten the sequence or take a card with more memory"
    words, peak, _ = min(found, key=lambda remedy: remedy[1])
    return f"{words} ({GIB.show(peak)} after it), and then more: no single change is enough"


def job_of(i: Inputs) -> Job:
    """The job, as every card is asked for it."""
    return Job(
        model=model_of(i),
        setup=setup_of(i),
        kernels=kernels_of(i),
        tokens=tokens_of(i),
        mean_tokens=i.example_tokens,
        length_spread=i.length_spread_ratio,
        reserve_share=i.reserve_share,
        spend_usd=i.spend_usd,
    )


def all_cards(i: Inputs) -> tuple[OnCard, ...]:
    """The job on every device of the catalogue that somebody rents out, those that it fits first, cheapest first."""
    return on_cards(job_of(i), [one for one in accelerators().values() if trainable(one) and not one.announced])


CARD_COLUMNS = ("Device", "Fits", "Needed", "Room", "One run", "A run costs", "Runs for the sum")


def card_row(found: OnCard) -> tuple[str, ...]:
    """One card in words."""
    return (
        found.device,
        "yes" if found.fits else "no",
        GIB.show(found.needed_gib),
        GIB.show(found.room_gib),
        HOURS.show(found.hours),
        USD.show(found.usd),
        f"{found.runs:.3g}" if found.fits else "–",
    )


def exhibits(i: Inputs, o: Outputs) -> Iterator[Exhibit]:
    from calculator.decisions import _training_exhibits

    return _training_exhibits.exhibits(i, o)


DECISION = Decision(
    "Does it fit, how long does it take, what does it cost?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="first_model_usd",
    stances={Answer.TRAIN: Stance.OPEN, Answer.CHANGE: Stance.OPEN, Answer.SMALLER: Stance.REFRAIN},
    consideration="what the hardware, the budget and the deadline allow",
    shown=("peak_gib", "run_hours", "compute_usd", "first_model_usd", "ready_days", "energy_kwh"),
)
