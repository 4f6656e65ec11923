"""Does it fit, how long does it take, what does it cost?

Peak memory per GPU and speed from the model's own dimensions and the set-up; money and time for all the runs that one
shipped model takes, its labels and its people. Left out: disk, the time a cluster makes you wait, and evaluation runs.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from math import ceil

from calculator import situation
from calculator.catalogs import Accelerator, Architecture, accelerators, architectures, read_config
from calculator.exhibit import Bar, Bars, Exhibit, Mark, Segment, Table
from calculator.fields import ask, assume, out, paste, pick
from calculator.llm import parameters
from calculator.llm.accuracy import sentence
from calculator.llm.training.cost import training_cost
from calculator.llm.training.memory import MemoryEstimate, TrainingSetup, estimate, longest_sequence
from calculator.llm.training.time import throughput
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
from calculator.verdict import Decision, Stance, Verdict

HOURS_PER_DAY = 24.0
WORK_HOURS_PER_DAY = 6.0
"""Hours of a working day that go into the work itself."""


class Answer(StrEnum):
    TRAIN = "Train it on this hardware"
    CHANGE = "Change the set-up first"
    SMALLER = "Take a smaller or a pre-trained model"


class Method(StrEnum):
    FULL = "full"
    LORA = "LoRA"
    QLORA = "QLoRA"


class Targets(StrEnum):
    """Which matrices carry an adapter."""

    ALL = "all linear layers"
    ATTENTION = "attention only"


class Checkpointing(StrEnum):
    NONE = "none"
    SELECTIVE = "selective"
    FULL = "full"


class Optimizer(StrEnum):
    ADAMW = "AdamW"
    ADAMW_8BIT = "AdamW, 8-bit"
    PAGED_8BIT = "AdamW, paged 8-bit"
    ADAFACTOR = "Adafactor"
    SGD = "SGD"


class Sharding(StrEnum):
    """How several GPUs share the work."""

    DDP = "none: a copy on each (DDP)"
    ZERO1 = "optimizer (ZeRO-1)"
    ZERO2 = "optimizer and gradients (ZeRO-2)"
    FSDP = "everything (FSDP, ZeRO-3)"


class Precision(StrEnum):
    """How full training keeps its weights."""

    MIXED = "mixed: bf16 with fp32 master"
    PURE = "pure bf16"


class Framework(StrEnum):
    UNKNOWN = "not known"
    TRANSFORMERS = "transformers and PEFT"
    AXOLOTL = "axolotl"
    LLAMA_FACTORY = "LLaMA-Factory"
    UNSLOTH = "Unsloth"
    TORCHTUNE = "torchtune"
    TORCHTITAN = "torchtitan"
    LITGPT = "LitGPT"


_METHODS = {Method.FULL: "full", Method.LORA: "lora", Method.QLORA: "qlora"}
_TARGETS = {Targets.ALL: "all-linear", Targets.ATTENTION: "attention"}
_OPTIMIZERS = {
    Optimizer.ADAMW: "adamw",
    Optimizer.ADAMW_8BIT: "adamw-8bit",
    Optimizer.PAGED_8BIT: "paged-adamw-8bit",
    Optimizer.ADAFACTOR: "adafactor",
    Optimizer.SGD: "sgd",
}
_SHARDING = {Sharding.DDP: "ddp", Sharding.ZERO1: "zero1", Sharding.ZERO2: "zero2", Sharding.FSDP: "fsdp"}
_FRAMEWORKS = {
    Framework.UNKNOWN: "unknown",
    Framework.TRANSFORMERS: "transformers",
    Framework.AXOLOTL: "axolotl",
    Framework.LLAMA_FACTORY: "llama-factory",
    Framework.UNSLOTH: "unsloth",
    Framework.TORCHTUNE: "torchtune",
    Framework.TORCHTITAN: "torchtitan",
    Framework.LITGPT: "litgpt",
}


def trainable(gpu: Accelerator) -> bool:
    """Whether it is a GPU of which the catalogue says enough: memory, speed, bandwidth and power."""
    return (
        (gpu.kind.endswith("gpu") or (gpu.kind == "unified memory" and gpu.stack != "metal"))
        and gpu.capacity_gib is not None
        and (gpu.matmul_tflops or gpu.bf16_tflops or gpu.fp16_tflops) is not None
        and gpu.bandwidth_gb_per_s is not None
        and gpu.power_w is not None
    )


MODEL_CHOICES = tuple((name, name) for name in architectures())


@lru_cache(maxsize=4)
def pasted(config: str) -> Architecture:
    """The model of a pasted config.json. ValueError says which key is wrong."""
    return read_config(config, "your config.json")


def model_of(i: "Inputs") -> Architecture:
    """The pasted model when there is one, the catalogue's otherwise."""
    return pasted(i.config_json) if i.config_json else architectures()[i.model]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    model: str = pick("meta-llama/Llama-3.1-8B", MODEL_CHOICES, "Model", group=situation.TRAINING)
    config_json: str = paste(
        "",
        "Or paste its config.json",
        longest=100_000,
        check=pasted,
        hint="From the model's page on Hugging Face",
        group=situation.TRAINING,
    )
    method: str = pick(Method.LORA, Method, "Method", group=situation.TRAINING)
    lora_rank_count: float = ask(
        16, COUNT, "Adapter rank", low=1, high=1024, whole=True, hint="For LoRA and QLoRA", group=situation.TRAINING
    )
    lora_targets: str = pick(Targets.ALL, Targets, "Adapter on", group=situation.TRAINING)
    sequence_tokens: float = ask(
        2048, TOKENS, "Longest sequence", low=16, high=1e6, whole=True, group=situation.TRAINING
    )
    micro_batch_examples: float = ask(
        2, EXAMPLES, "Sequences per GPU and step", low=1, high=512, whole=True, group=situation.TRAINING
    )
    checkpointing: str = pick(
        Checkpointing.FULL,
        Checkpointing,
        "Activation checkpointing",
        hint="Full: least memory, a third more work",
        group=situation.TRAINING,
    )
    optimizer: str = pick(Optimizer.ADAMW, Optimizer, "Optimizer", group=situation.TRAINING)
    precision: str = pick(
        Precision.MIXED, Precision, "Precision of full training", hint="Full training only", group=situation.TRAINING
    )
    framework: str = pick(Framework.UNKNOWN, Framework, "Framework", group=situation.TRAINING)
    device: str = situation.device(trainable)
    gpus: float = situation.gpus
    device_usd_per_hour: float | None = situation.device_usd_per_hour
    sharding: str = pick(
        Sharding.FSDP, Sharding, "Shared between GPUs", hint="With one GPU it does not matter", group=situation.HARDWARE
    )
    labelled_examples: float = situation.labelled_examples
    new_examples: float = situation.new_examples
    example_tokens: float = situation.example_tokens
    epochs_count: float = ask(3, COUNT, "Epochs", low=1, high=100, group=situation.DATA)
    budget_usd: float = situation.budget_usd
    deadline_days: float = situation.deadline_days
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


@dataclass(frozen=True, kw_only=True)
class Outputs:
    peak_gib: float = out(GIB, "Peak memory per GPU", how="llm.training_memory.estimate")
    room_gib: float = out(GIB, "Room on the card", how="its memory less the reserve")
    weights_gib: float = out(GIB, "Weights", how="llm.training_memory.estimate")
    gradients_gib: float = out(GIB, "Gradients", how="llm.training_memory.estimate")
    optimizer_gib: float = out(GIB, "Optimizer", how="llm.training_memory.estimate")
    activations_gib: float = out(GIB, "Activations", how="llm.training_memory.estimate")
    logits_gib: float = out(GIB, "Logits and loss", how="llm.training_memory.estimate")
    overhead_gib: float = out(GIB, "Overhead", how="CUDA context, gathered layers, temporary copies, holes")
    reserved_gib: float = out(
        GIB, "PyTorch reserves", how="what it keeps beyond its needs where the card has room, and gives back otherwise"
    )
    total_parameters: float = out(PARAMETERS, "Parameters", how="llm.parameters.total")
    trained_parameters: float = out(PARAMETERS, "Trained parameters", how="llm.parameters.lora, or all of them")
    gpu_tokens_per_s: float = out(TOKENS_PER_S, "Speed per GPU", how="llm.training_time.throughput")
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
    energy_kwh: float = out(KWH, "Energy of all runs", how="llm.training_time.training_cost")
    emissions_kg_co2e: float = out(KG_CO2E, "Emissions of all runs", formula="energy_kwh * grid_g_per_kwh / 1000")


def setup_of(i: Inputs) -> TrainingSetup:
    """The set-up in the terms of the memory and speed models."""
    full = i.method == Method.FULL
    return TrainingSetup(
        method=_METHODS[Method(i.method)],
        seq_len=i.sequence_tokens,
        micro_batch=i.micro_batch_examples,
        lora_rank=int(i.lora_rank_count),
        lora_targets=_TARGETS[Targets(i.lora_targets)],
        master_weights=full and i.precision == Precision.MIXED,
        optimizer=_OPTIMIZERS[Optimizer(i.optimizer)],
        checkpointing=str(i.checkpointing),
        sharding=_SHARDING[Sharding(i.sharding)] if i.gpus > 1 else "none",
        n_gpus=int(i.gpus),
        framework=_FRAMEWORKS[Framework(i.framework)],
        generation=accelerators()[i.device].generation,
        card_gib=accelerators()[i.device].capacity_gib or 0.0,
        metric="needed",
    )


def surprise(memory: MemoryEstimate, sd: float) -> float:
    """The factor on an estimate so many standard deviations away; its band is the 5th to the 95th percentile."""
    return memory.at(sd) / memory.peak_gib


def peak_gib(model: Architecture, setup: TrainingSetup, sd: float) -> float:
    """Peak memory per GPU, in GiB, with this surprise."""
    return estimate(model, setup).at(sd)


def compute(i: Inputs) -> Outputs:
    model, gpu, setup = model_of(i), accelerators()[i.device], setup_of(i)
    memory = estimate(model, setup)
    error = surprise(memory, i.memory_surprise_sd)
    speed = throughput(model, gpu, setup).at(i.speed_surprise_sd)
    tokens = (i.labelled_examples + i.new_examples) * i.example_tokens * i.epochs_count
    price = situation.usd_per_hour(i.device, i.device_usd_per_hour)
    one = training_cost(
        tokens=tokens,
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
    total = parameters.total(model)
    return Outputs(
        peak_gib=memory.peak_gib * error,
        room_gib=(gpu.capacity_gib or 0.0) * (1 - i.reserve_share),
        weights_gib=memory.weights_gib * error,
        gradients_gib=memory.gradients_gib * error,
        optimizer_gib=memory.optimizer_gib * error,
        activations_gib=memory.activations_gib * error,
        logits_gib=memory.logits_gib * error,
        overhead_gib=memory.overhead_gib * error,
        reserved_gib=memory.reserved_gib,
        total_parameters=total,
        trained_parameters=total
        if i.method == Method.FULL
        else parameters.lora(model, rank=setup.lora_rank, targets=setup.lora_targets),
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
    """The set-up that needs the least memory for the same model, length and GPUs."""
    return replace(
        setup_of(i),
        method="qlora",
        lora_rank=min(int(i.lora_rank_count), 16),
        micro_batch=1,
        checkpointing="full",
        master_weights=False,
        optimizer="paged-adamw-8bit",
        sharding="fsdp" if i.gpus > 1 else "none",
    )


def choose(i: Inputs, o: Outputs) -> Answer:
    if o.first_model_usd > i.budget_usd or o.ready_days > i.deadline_days:
        return Answer.SMALLER
    if o.peak_gib <= o.room_gib:
        return Answer.TRAIN
    least = peak_gib(model_of(i), smallest_setup(i), i.memory_surprise_sd)
    return Answer.CHANGE if least <= o.room_gib else Answer.SMALLER


def cautions(i: Inputs, o: Outputs) -> tuple[str, ...]:
    """What to know of this run beyond whether it fits: how like published ones it is, and what it will meet."""
    gpu, memory = accelerators()[i.device], estimate(model_of(i), setup_of(i))
    found = [memory.distance.words] if memory.distance else []
    if gpu.bf16_tflops is None and gpu.fp16_tflops is not None:
        found.append(f"The {i.device} does not compute in bf16: train in fp16 with 32-bit copies, and scale the loss.")
    if memory.saving_gib > o.room_gib >= o.peak_gib:
        whole = GIB.show(memory.saving_gib)
        found.append(f"To gather the whole model on one GPU and save it would take {whole}: save it in parts.")
    return tuple(found)


def judge(i: Inputs, o: Outputs) -> Verdict:
    answer = choose(i, o)
    fit = (
        f"It needs {GIB.show(o.peak_gib)} of the {GIB.show(o.room_gib)} free on the {i.device}"
        f"{f', on each of {i.gpus:.0f}' if i.gpus > 1 else ''}."
    )
    money = (
        f"All {i.runs_count:.3g} runs take {HOURS.show(o.run_hours * i.runs_count)} and {USD.show(o.compute_usd)} "
        f"of GPU time; labels cost {USD.show(o.labels_usd)}, people {USD.show(o.people_usd)}."
    )
    when = f"It is ready after {DAYS.show(o.ready_days)}; you allow {DAYS.show(i.deadline_days)}."
    method = _METHODS[Method(i.method)]
    errors = (sentence("training-memory", method), sentence("training-throughput", method))
    reasons = (fit, *cautions(i, o), money, when, *errors)
    if answer is Answer.TRAIN:
        tight = o.peak_gib > 0.9 * o.room_gib
        headline = (
            f"{'Tight, but it' if tight else 'It'} fits, at {SHARE.show(o.peak_gib / o.room_gib)} of the card, "
            f"and the first model costs {USD.show(o.first_model_usd)} all in."
        )
        return Verdict(answer, headline, reasons, _verify(i))
    if answer is Answer.CHANGE:
        return Verdict(
            answer, f"{fit[:-1]}; a leaner set-up of the same model does fit.", reasons, "First: " + _leaner(i, o) + "."
        )
    if o.first_model_usd > i.budget_usd:
        headline = (
            f"The first model costs {USD.show(o.first_model_usd)} all in; your budget is {USD.show(i.budget_usd)}."
        )
    elif o.ready_days > i.deadline_days:
        headline = f"It is ready after {DAYS.show(o.ready_days)}; you allow {DAYS.show(i.deadline_days)}."
    else:
        headline = "Even with a 4-bit base, checkpointing and one sequence at a time it does not fit."
    return Verdict(
        answer,
        headline,
        reasons,
        "Score a small model with your best prompt on your own test items before paying for any training.",
    )


CHANGES: tuple[tuple[str, dict[str, object]], ...] = (
    ("use full activation checkpointing", {"checkpointing": "full"}),
    ("halve the sequences per step", {"micro_batch": 0.5}),
    ("take an 8-bit optimizer", {"optimizer": "adamw-8bit"}),
    ("train a LoRA adapter", {"method": "lora", "master_weights": False}),
    ("take a 4-bit base (QLoRA)", {"method": "qlora", "master_weights": False}),
    ("shard everything between the GPUs (FSDP)", {"sharding": "fsdp"}),
)
"""What to change first: the cheaper in quality and effort stand earlier."""


def _changed(setup: TrainingSetup, change: dict[str, object]) -> TrainingSetup:
    if "micro_batch" in change:
        return replace(setup, micro_batch=max(1, ceil(setup.micro_batch / 2)))
    return replace(setup, **change)  # type: ignore[arg-type]


def remedies(i: Inputs, o: Outputs) -> list[tuple[str, float, bool]]:
    """Each change on its own: what it is, the peak in GiB after it, and whether it then fits."""
    setup, model = setup_of(i), model_of(i)
    found = []
    for words, change in CHANGES:
        if (change.get("sharding") and i.gpus == 1) or (change.get("method") == "lora" and i.method != Method.FULL):
            continue
        after = _changed(setup, change)
        if after != setup:
            peak = peak_gib(model, after, i.memory_surprise_sd)
            found.append((words, peak, peak <= o.room_gib))
    return found


def _leaner(i: Inputs, o: Outputs) -> str:
    found = remedies(i, o)
    for words, peak, fits in found:
        if fits:
            return f"{words}, which alone brings it to {GIB.show(peak)}"
    words, peak, _ = min(found, key=lambda remedy: remedy[1])
    return f"{words} ({GIB.show(peak)} after it), and then more: no single change is enough"


def _verify(i: Inputs) -> str:
    return (
        "Run ten steps with your longest examples and read torch.cuda.max_memory_reserved() before "
        "you start the whole run."
    )


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    parts = (
        ("Weights", o.weights_gib),
        ("Gradients", o.gradients_gib),
        ("Optimizer", o.optimizer_gib),
        ("Activations", o.activations_gib),
        ("Logits", o.logits_gib),
        ("Overhead", o.overhead_gib),
    )
    segments = tuple(Segment(label=label, value=value) for label, value in parts)
    memory = Bars(
        title="Memory per GPU against the card",
        description=f"Peak of {GIB.show(o.peak_gib)} against {GIB.show(o.room_gib)} on the {i.device}.",
        unit=GIB,
        bars=(Bar(label="This run", segments=segments),),
        limit=Mark(label=i.device, x=o.room_gib),
    )
    changes = remedies(i, o)
    tables: list[Exhibit] = [memory]
    if changes:
        tables.append(
            Table(
                title="What each change would bring",
                columns=("Change", "Peak per GPU", "Fits"),
                rows=tuple(
                    (words.capitalize(), GIB.show(peak), "yes" if fits else "no") for words, peak, fits in changes
                ),
            )
        )
    return (*tables, _largest(i, o))


def _largest(i: Inputs, o: Outputs) -> Table:
    """The longest sequence and the largest catalogued model that fit the same card, by method."""
    room = o.room_gib
    rows = []
    for method in Method:
        setup = replace(
            setup_of(i), method=_METHODS[method], master_weights=method == Method.FULL and setup_of(i).master_weights
        )
        longest = longest_sequence(model_of(i), setup, room)
        best = max(
            (
                (parameters.total(a), name)
                for name, a in architectures().items()
                if peak_gib(a, setup, i.memory_surprise_sd) <= room
            ),
            default=(0, "none of the catalogue"),
        )
        rows.append((str(method), TOKENS.show(longest) if longest > 0 else "does not fit", best[1], _billions(best[0])))
    return Table(
        title="What fits the same card",
        columns=("Method", "Longest sequence of this model", "Largest model at your sequence", "Its parameters"),
        rows=tuple(rows),
        note="Of the catalogued models, with all else as it stands.",
    )


def _billions(count: float) -> str:
    return PARAMETERS.show(count) if count else "–"


DECISION = Decision(
    "Does it fit, how long does it take, what does it cost?",
    Inputs,
    Outputs,
    compute,
    judge,
    choose=choose,
    exhibits=exhibits,
    result="first_model_usd",
    stances={Answer.TRAIN: Stance.OPEN, Answer.CHANGE: Stance.OPEN, Answer.SMALLER: Stance.REFRAIN},
    consideration="what the hardware, the budget and the deadline allow",
    shown=("peak_gib", "run_hours", "compute_usd", "first_model_usd", "ready_days", "energy_kwh"),
)
