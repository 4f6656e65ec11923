"""The reader's answers about a training run in the terms of the laws of memory, speed and money."""

from dataclasses import replace
from math import gcd
from typing import TYPE_CHECKING

from calculator import situation
from calculator.catalogs import Architecture
from calculator.catalogs.own import chosen
from calculator.catalogs.training import frameworks
from calculator.decisions._training_choices import (
    FRAMEWORKS,
    OBJECTIVES,
    OPTIMIZERS,
    USUAL,
    Attention,
    Method,
    Offload,
    Packing,
    Precision,
    Sharding,
    Targets,
)
from calculator.llm.training.memory import TrainingSetup, stored_base
from calculator.llm.training.time import Kernels
from calculator.situation import HOURS_PER_DAY, WORK_HOURS_PER_DAY

if TYPE_CHECKING:
    from calculator.decisions.limited_compute import Inputs


def model_of(i: "Inputs") -> Architecture:
    """The model that is to be trained."""
    return chosen(i.model, i.config_json)


def setup_of(i: "Inputs") -> TrainingSetup:
    """The set-up in the terms of the memory and speed models."""
    full = i.method == Method.FULL
    gpu, model, framework = situation.card(i), model_of(i), FRAMEWORKS[i.framework]
    tensor, pipeline, context, expert = degrees(i)
    return TrainingSetup(
        method=Method(i.method).law,
        seq_len=i.sequence_tokens,
        micro_batch=i.micro_batch_examples,
        global_batch=i.global_batch_examples or 0,
        packing=packed(i),
        objective=OBJECTIVES[i.objective],
        rollout_gib=i.rollout_gib,
        lora_rank=int(i.lora_rank_count),
        lora_targets=Targets(i.lora_targets).law,
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
        offload=Offload(i.offload).law,
        card_gib=gpu.capacity_gib or 0.0,
        framework=framework,
        generation=gpu.generation,
        metric="needed",
    )


def degrees(i: "Inputs") -> tuple[int, int, int, int]:
    """Tensor, pipeline, context and expert parallelism as far as the GPUs can be divided so."""
    left, found = int(i.gpus), []
    for wanted in (i.tensor_parallel_count, i.pipeline_parallel_count, i.context_parallel_count):
        found.append(gcd(left, int(wanted)))
        left //= found[-1]
    experts = gcd(left, int(i.expert_parallel_count)) if model_of(i).experts else 1
    return found[0], found[1], found[2], experts


def packed(i: "Inputs") -> bool:
    """Whether several short examples fill a row."""
    if i.packing == Packing.HABIT:
        return frameworks()[FRAMEWORKS[i.framework]].habits().packing
    return i.packing == Packing.PACKED


def base_of(i: "Inputs", model: Architecture) -> str:
    """How the frozen weights are kept: as chosen, else as the model's file says, else as the method does."""
    if i.base_format != USUAL:
        return i.base_format
    return "nf4-double" if i.method == Method.QLORA else stored_base(model.stored_as)


def _sharding(i: "Inputs") -> str:
    kind = Sharding(i.sharding)
    if kind == Sharding.FSDP:
        kind = Sharding.FSDP2 if frameworks()[FRAMEWORKS[i.framework]].habits().fsdp == 2 else Sharding.FSDP1
    return kind.law


def kernels_of(i: "Inputs") -> Kernels:
    """What speed depends on and memory does not."""
    return Kernels(
        attention=Attention(i.attention).law,
        arithmetic=i.arithmetic,
        adapter="full-size" if i.dora and i.method != Method.FULL else "low-rank",
    )


def tokens_of(i: "Inputs") -> float:
    """Tokens of the examples in one run."""
    return (i.labelled_examples + i.new_examples) * i.example_tokens * i.epochs_count


def ready_days(i: "Inputs", hours: float) -> float:
    """Days until the model is ready when one run takes so many hours."""
    return i.training_work_hours / WORK_HOURS_PER_DAY + hours * i.runs_count / HOURS_PER_DAY


def smallest_setup(i: "Inputs") -> TrainingSetup:
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
