"""What may be chosen of a training run, as a form writes it, and what the laws call each choice."""

from enum import StrEnum
from typing import Self

from calculator.catalogs import Accelerator
from calculator.catalogs.training import bases, frameworks, objectives, optimizers


class Choice(StrEnum):
    """An option as a form writes it. law: what the laws call it."""

    law: str

    def __new__(cls, words: str, law: str = "") -> Self:
        member = str.__new__(cls, words)
        member._value_, member.law = words, law
        return member


class Method(Choice):
    FULL = "full", "full"
    LORA = "LoRA", "lora"
    QLORA = "QLoRA", "qlora"


class Targets(Choice):
    """Which matrices carry an adapter."""

    ALL = "all linear layers", "all-linear"
    ATTENTION = "attention only", "attention"


class Checkpointing(StrEnum):
    NONE = "none"
    SELECTIVE = "selective"
    FULL = "full"


class Sharding(Choice):
    """How several GPUs share the work. Which version of FSDP is meant is the framework's habit where it is not said."""

    DDP = "none: a copy on each (DDP)", "ddp"
    ZERO1 = "optimizer (ZeRO-1)", "zero1"
    ZERO2 = "optimizer and gradients (ZeRO-2)", "zero2"
    FSDP = "everything (FSDP, ZeRO-3)"
    FSDP1 = "everything (FSDP, first version)", "fsdp"
    FSDP2 = "everything (FSDP, second version)", "fsdp2"
    ZERO3 = "everything (DeepSpeed ZeRO-3)", "zero3"


class Precision(StrEnum):
    """How full training keeps its weights."""

    MIXED = "mixed: bf16 with fp32 master"
    PURE = "pure bf16"


class Packing(StrEnum):
    """How examples that are shorter than the longest fill a row."""

    HABIT = "as the framework does by itself"
    PACKED = "packed: several in a row"
    PADDED = "padded to the longest of the batch"


class Attention(Choice):
    """The kernel for attention scores."""

    LATEST = "the best of the chip"
    FLASH_2 = "FlashAttention 2", "fa2"
    EAGER = "none (eager)", "eager"


class Offload(Choice):
    """What is held in the main memory of the host."""

    NONE = "nothing", "none"
    ACTIVATIONS = "activations", "activations"
    OPTIMIZER = "the optimizer", "optimizer"
    EVERYTHING = "weights, gradients and optimizer", "parameters"


class Metric(Choice):
    """Who counted the memory of a run."""

    SMI = "nvidia-smi", "nvidia-smi"
    RESERVED = "torch: max_memory_reserved", "reserved"
    ALLOCATED = "torch: max_memory_allocated", "allocated"


USUAL = "usual"
"""The option that leaves a choice to the method or to the model's file."""

OPTIMIZERS = {row.label: name for name, row in reversed(optimizers().items()) if not row.refused}
FRAMEWORKS = {row.label: name for name, row in frameworks().items() if not row.refused}
OBJECTIVES = {row.label: name for name, row in reversed(objectives().items()) if not row.refused}
BASES = (
    (USUAL, "as the method or the model's file says"),
    *((name, row.label) for name, row in bases().items() if not row.refused),
)
ARITHMETIC = (("bf16", "16 bit"), ("fp8", "FP8"), ("mxfp8", "MXFP8"), ("nvfp4", "NVFP4"))


TRAINING_STACKS = ("cuda", "rocm", "oneapi", "gaudi")
"""Software that PyTorch trains with; the laws know no other."""


def trainable(gpu: Accelerator) -> bool:
    """Whether PyTorch trains on it and the catalogue says enough: memory, speed, bandwidth and power."""
    return (
        gpu.stack in TRAINING_STACKS
        and gpu.capacity_gib is not None
        and (gpu.matmul_tflops or gpu.bf16_tflops or gpu.fp16_tflops) is not None
        and gpu.bandwidth_gb_per_s is not None
        and gpu.power_w is not None
    )
