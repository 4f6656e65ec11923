"""What may be chosen of a training run, as a form writes it, and what the laws call each choice."""

from enum import StrEnum

from calculator.catalogs import Accelerator
from calculator.catalogs.training import bases, frameworks, objectives, optimizers


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


class Sharding(StrEnum):
    """How several GPUs share the work."""

    DDP = "none: a copy on each (DDP)"
    ZERO1 = "optimizer (ZeRO-1)"
    ZERO2 = "optimizer and gradients (ZeRO-2)"
    FSDP = "everything (FSDP, ZeRO-3)"
    FSDP1 = "everything (FSDP, first version)"
    FSDP2 = "everything (FSDP, second version)"
    ZERO3 = "everything (DeepSpeed ZeRO-3)"


class Precision(StrEnum):
    """How full training keeps its weights."""

    MIXED = "mixed: bf16 with fp32 master"
    PURE = "pure bf16"


class Packing(StrEnum):
    """How examples that are shorter than the longest fill a row."""

    HABIT = "as the framework does by itself"
    PACKED = "packed: several in a row"
    PADDED = "padded to the longest of the batch"


class Attention(StrEnum):
    """The kernel for attention scores."""

    LATEST = "the best of the chip"
    FLASH_2 = "FlashAttention 2"
    EAGER = "none (eager)"


class Offload(StrEnum):
    """What is held in the main memory of the host."""

    NONE = "nothing"
    ACTIVATIONS = "activations"
    OPTIMIZER = "the optimizer"
    EVERYTHING = "weights, gradients and optimizer"


class Metric(StrEnum):
    """Who counted the memory of a run."""

    SMI = "nvidia-smi"
    RESERVED = "torch: max_memory_reserved"
    ALLOCATED = "torch: max_memory_allocated"


METHODS = {Method.FULL: "full", Method.LORA: "lora", Method.QLORA: "qlora"}
TARGETS = {Targets.ALL: "all-linear", Targets.ATTENTION: "attention"}
OFFLOADS = {
    Offload.NONE: "none",
    Offload.ACTIVATIONS: "activations",
    Offload.OPTIMIZER: "optimizer",
    Offload.EVERYTHING: "parameters",
}
KERNELS = {Attention.LATEST: "", Attention.FLASH_2: "fa2", Attention.EAGER: "eager"}
SHARDING = {
    Sharding.DDP: "ddp",
    Sharding.ZERO1: "zero1",
    Sharding.ZERO2: "zero2",
    Sharding.FSDP1: "fsdp",
    Sharding.FSDP2: "fsdp2",
    Sharding.ZERO3: "zero3",
}
METRICS = {Metric.SMI: "nvidia-smi", Metric.RESERVED: "reserved", Metric.ALLOCATED: "allocated"}
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


def labels(table: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((label, label) for label in table)


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
