"""Peak memory of a training step on one GPU, as a sum of parts that each follow from a law.

A step has three moments at which memory can peak, and the estimate is the largest of them:

*   **loss**: weights and optimizer states, everything kept for the backward pass, and the logits;
*   **backward**, at its last layer: weights, states, all gradients, and the working set of one layer;
*   **step**: weights, states, gradients, and the temporary copy that a multi-tensor optimizer step makes.

The parts, for N parameters of which P are trained, t tokens in a micro-batch, hidden size h, MLP width f,
vocabulary V:

*   Weights, gradients and states are bytes per parameter times N or P, divided among the GPUs that share them (ZeRO,
    arXiv 1910.02054). AdamW holds two numbers per trained parameter in the type of the weights, so pure 16-bit training
    holds 6 P bytes between steps and peaks at 10 P; with 32-bit weights it is 16 P and 20 P.
*   Quantised weights are the linear layers only; embeddings, head and norms stay in 16 bit.
*   Activations per token and layer are what the backward pass reads (after arXiv 2205.05198, for gated MLPs, grouped
    heads and FlashAttention): 8 f bytes of MLP products, 2 bytes for each number of queries, keys, values and attention
    output, and some bytes times h for norms and residuals. With checkpointing a layer keeps its input, 2 h bytes, and
    one layer at a time is recomputed and differentiated.
*   Logits take 12 V bytes per token where the loss works on a 32-bit copy (the copy, the shifted copy, the log-softmax
    or its gradient), 8 V in 16 bit, 16 V with autocast; 2 V with a chunked loss, nothing with a fused head and loss.
*   ZeRO-3 gathers embeddings, head and one layer at a time, FSDP the next layer as well. FSDP (version 1) with frozen
    weights also keeps every layer's input and its gradient until the backward pass ends.
*   What PyTorch reserves exceeds what it allocates, and nvidia-smi adds the CUDA context.

Inside, units are bytes; what goes in and comes out is GiB (2**30 bytes). Limits: decoder-only models, one process per
GPU; tensor, pipeline and context parallelism in simple form; evaluation and checkpoint saving are not counted.
"""

import re
from dataclasses import dataclass, replace
from functools import cache
from math import exp, inf, log, sqrt
from typing import NamedTuple

from calculator.catalogs import Architecture
from calculator.catalogs.training import Habits, Optimizer, bases, frameworks, objectives, optimizers
from calculator.llm import parameters
from calculator.llm.bands import SD_OF_BAND, Distance, Known, distance, known, widened
from calculator.llm.fitted import fitted

GIB = 2.0**30

DTYPE_BYTES = {"bf16": 2.0, "fp16": 2.0, "fp32": 4.0}
"""Of one number of each width that a setup may name."""

CHOICES: dict[str, tuple[str, ...]] = {
    "method": ("full", "lora", "qlora"),
    "objective": tuple(objectives()),
    "weight_dtype": tuple(DTYPE_BYTES),
    "base_quantisation": ("", *(name for name, base in bases().items() if not base.refused)),
    "optimizer": tuple(name for name, optimizer in optimizers().items() if not optimizer.refused),
    "optimizer_dtype": ("", "bf16", "fp32"),
    "optimizer_step": ("", "multi-tensor", "fused", "in-backward"),
    "adapter_dtype": ("", "bf16", "fp32"),
    "checkpointing": ("none", "selective", "alternate", "full"),
    "loss": ("", "plain", "fast", "chunked", "fused"),
    "sharding": ("none", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp2"),
    "offload": ("none", "activations", "optimizer", "parameters"),
    "framework": tuple(name for name, framework in frameworks().items() if not framework.refused),
    "metric": ("allocated", "needed", "reserved", "nvidia-smi"),
}
"""What each named choice of a setup may be; "" leaves it to the framework's habit."""

_POSITIVE = (
    "seq_len", "micro_batch", "lora_rank", "gradient_accumulation", "n_gpus", "tensor_parallel", "pipeline_parallel",
    "context_parallel", "expert_parallel", "virtual_stages",
)
_NOT_NEGATIVE = (
    "global_batch", "trained_layers", "adapter_parameters", "frozen_parameters", "rollout_gib", "card_gib",
)
_SHARDED = ("fsdp", "fsdp2", "zero3")
"""Weights, gradients and states are split among all GPUs."""

# The classes whose head returns 16-bit logits; the others copy them to 32 bit before the loss.
_LOGITS_IN_16_BIT = frozenset((
    "BloomForCausalLM", "FalconForCausalLM", "GPT2LMHeadModel", "GPTBigCodeForCausalLM", "GPTJForCausalLM",
    "GPTNeoXForCausalLM", "MPTForCausalLM", "OPTForCausalLM", "PhiForCausalLM", "QWenLMHeadModel",
))


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSetup:
    """How a model is trained, as far as memory depends on it. Raises ValueError, naming the field, for bad values."""

    method: str = "lora"
    seq_len: float = 2048
    """Tokens per sequence: the packed length, or the longest that occurs."""
    micro_batch: float = 1
    """Sequences per GPU in one forward pass. With pipeline parallelism, those of one optimizer step."""
    gradient_accumulation: float = 1
    """Micro-batches for each optimizer step, where ``global_batch`` does not give them."""
    global_batch: float = 0
    """Sequences for each optimizer step, over all GPUs; 0 leaves it to ``gradient_accumulation``."""
    packed_pairs: bool = False
    """Whether ``seq_len`` counts both answers of a preference pair, as a packed row does."""
    packing: bool = True
    """Whether every sequence is as long as ``seq_len``; otherwise that is a limit that few samples reach."""

    objective: str = "text"
    """What it is trained for: ``objectives.toml`` says which further models and sequences a step then holds."""
    frozen_parameters: float = 0
    """Of further models on the GPUs that are not trained and not copies of this one, in 16 bit: a teacher, a reward
    model of another size."""
    train_towers: bool = False
    """With full training: towers that read images or sound are trained as well; they are frozen otherwise."""
    rollout_gib: float = 0
    """What an engine that generates sequences keeps of the card while the model trains; 0 where it sleeps."""

    lora_rank: int = 16
    lora_targets: str | tuple[str, ...] = "all-linear"
    train_embeddings: bool = False
    """With an adapter: train a copy of embeddings and head as well. With ``trained_layers``: train them too."""
    trained_layers: float = 0
    """With full training: gradients and states of so many layers at a time alone (LISA, BAdam, freezing); 0 for all."""
    adapter_parameters: float = 0
    """Trained parameters of an adapter that isn't LoRA; 0 counts them from rank and targets."""
    adapter_dtype: str = ""
    dora: bool = False
    """Weight-decomposed adapters: a magnitude for each output, and each adapted product is kept once more."""

    weight_dtype: str = "bf16"
    """"fp32" means 32-bit weights with 16-bit arithmetic (mixed precision)."""
    master_weights: bool | None = None
    """A 32-bit copy of 16-bit weights in the optimizer, as DeepSpeed and Megatron keep it."""
    base_quantisation: str = ""
    """Of the frozen weights, by its name in ``bases.toml``. By default that of the model's own file for LoRA, which is
    16 bit where its config.json says nothing, and "nf4-double" for QLoRA."""
    optimizer: str = "adamw"
    optimizer_dtype: str = ""
    """Of the states; by default that of the trained weights. Paged states are counted: they leave only under need."""
    optimizer_step: str = ""
    """"multi-tensor" makes a temporary copy of all trained weights, "fused" none; "in-backward" frees each gradient."""

    checkpointing: str = "full"
    """"full" recomputes every layer, "alternate" every second, "selective" all but matrix products."""
    flash_attention: bool = True
    compile: bool = False
    fused_kernels: bool | None = None
    """Norms, rotations and MLP products in kernels that keep no copies (Liger, Unsloth, fast kernels)."""
    fused_mlp: bool | None = None
    """The MLP's gate is worked out again, so that a gated MLP keeps three products, not four (Liger, Unsloth)."""
    loss: str = ""
    """"plain"; "fast" saves one copy; "chunked" keeps 16-bit logits only; "fused" (Liger, cut cross-entropy) none."""
    residual_in_32_bit: bool | None = None
    autocast: bool | None = None

    sharding: str = "none"
    n_gpus: int = 1
    tensor_parallel: int = 1
    """With sequence parallelism."""
    pipeline_parallel: int = 1
    context_parallel: int = 1
    expert_parallel: int = 1
    """Over how many GPUs the experts of a layer are spread; they are taken from those that hold copies of the rest."""
    virtual_stages: int = 1
    """Stages of an interleaved pipeline for each GPU: its layers are dealt out that many times."""
    offload: str = "none"
    """What is held in the main memory of the host instead; "parameters" means weights, gradients and states."""

    expandable_segments: bool = False
    """The allocator's blocks can grow, so that lengths that vary leave no holes."""
    card_gib: float = 0
    """Memory of the card; what is reserved ends there. 0 where it is not known."""
    framework: str = "unknown"
    day: str = ""
    """Whose habits count, such as "2025-08"; the latest by default."""
    generation: str = ""
    """Of the GPU, as the catalogue of accelerators calls it. The estimate does not depend on it, its band does."""
    metric: str = "nvidia-smi"
    """What counts as memory: allocated by PyTorch, reserved by it, or all that nvidia-smi shows; or what is needed,
    which decides whether it fits: allocated, the CUDA context, and holes that cannot be given back."""

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            given = getattr(self, name)
            if given not in allowed:
                raise ValueError(f"{name}: {given!r} is unknown; allowed are {', '.join(filter(None, allowed))}")
        for name in _POSITIVE:
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name}: at least 1 is needed, {getattr(self, name)!r} was given")
        if self.n_gpus % (self.tensor_parallel * self.pipeline_parallel * self.context_parallel):
            raise ValueError(
                f"n_gpus: a multiple of tensor × pipeline × context parallel is needed, {self.n_gpus} was given"
            )
        for name in _NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: 0 or more is needed, {getattr(self, name)!r} was given")

    @property
    def replicas(self) -> float:
        """How many copies of the model work on batches of their own."""
        return self.n_gpus / (self.tensor_parallel * self.pipeline_parallel * self.context_parallel)

    @property
    def accumulation_steps(self) -> float:
        """Micro-batches of one GPU for each optimizer step: global batch × TP × PP × CP / (GPUs × micro-batch)."""
        if not self.global_batch:
            return self.gradient_accumulation
        return max(1.0, self.global_batch / (self.replicas * self.micro_batch))


@dataclass(frozen=True, kw_only=True, slots=True)
class Coefficients:
    """What the laws leave open. Fitted; see FITTED."""

    norm_bytes: float
    """Kept per token and number that is normalised: its input and its result."""
    unfused_norm_bytes: float
    """Kept besides, in 32 bit, where a root-mean-square norm is not one kernel."""
    backward_share: float
    """Gradients alive while one layer is differentiated, as a share of what the layer keeps."""
    lora_input_bytes: float
    """Kept per token and number that enters an adapter."""
    compiled_share: float
    """What is left of a layer's activations after compilation."""
    selective_share: float
    """What selective checkpointing keeps of a layer's activations."""
    quantised_input_bytes: float
    """Kept per token and number that enters a 4-bit layer, where those layers keep their inputs."""
    slack_share: float
    """Reserved but not allocated, as a share of what comes and goes in a step."""
    static_slack_share: float
    """The same, as a share of weights and states."""
    other_moment_share: float
    """Reserved for the lesser of backward pass and step and not reused, as a share of what only the lesser holds."""
    variable_share: float
    """Reserved where lengths vary, beyond the longest batch, as a share of activations and logits."""
    logits_slack_bytes: float
    """Reserved for unfused logits and not reused, per token and vocabulary entry."""
    gather_slack_share: float
    """Reserved for gathered weights beyond one layer, as a share of what is gathered."""
    zero_gib: float
    """Communication buffers of DeepSpeed."""
    zero3_gib: float
    """The same with sharded weights, of which it keeps some gathered for their next use."""
    context_gib: float
    """CUDA context, libraries and communicators, which only nvidia-smi sees."""


class Part(NamedTuple):
    """A part of the memory of one moment in GiB, with the half-widths of its band as shares of it."""

    gib: float
    below: float
    above: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryEstimate:
    """Memory of one GPU in GiB, at the moment of its peak; the parts add up to ``peak_gib``."""

    weights_gib: float
    gradients_gib: float
    optimizer_gib: float
    """States, and at the step its temporary copy."""
    activations_gib: float
    logits_gib: float
    overhead_gib: float
    """Gathered or cast weights, buffers, and what the metric counts beyond allocated memory."""
    peak_gib: float
    """In the metric of the set-up."""
    low_gib: float
    high_gib: float
    moment: str
    """"loss", "backward", "step" or "rollout"."""
    allocated_gib: float
    """What PyTorch must allocate."""
    needed_gib: float
    """What decides whether it fits: allocated, the CUDA context, and holes that cannot be given back. PyTorch returns
    unused blocks before it gives up, so what is reserved beyond this does not keep a run from fitting."""
    reserved_gib: float
    """What PyTorch will hold if the card has room."""
    saving_gib: float
    """At a checkpoint, where sharded weights are gathered on one GPU and not moved to the host piece by piece."""
    distance: Distance | None = None
    """How like the run is to those that the law was fitted to."""
    moments: tuple[tuple[Part, ...], ...] = ()
    """All the moments at which memory may peak, each as its parts."""

    def at(self, sd: float) -> float:
        """GiB so many standard deviations away; the band is from -1.645 to 1.645.

        Each part is off by a factor of its own, and the largest moment counts then as before. So this grows with each
        part, whichever moment is the largest.
        """
        size = abs(sd) / SD_OF_BAND
        end = max(
            sum(part.gib * ((1 + part.above) ** size if sd > 0 else (1 + part.below) ** -size) for part in moment)
            for moment in self.moments
        )
        # The variance of what no run has in common with this one is added in logarithms, as to the band.
        off = sqrt(log(end / self.peak_gib) ** 2 + sd * sd * (self.distance.variance if self.distance else 0.0))
        return self.peak_gib * exp(off if sd > 0 else -off)


FITTED = Coefficients(**fitted("memory")["coefficients"])
"""Fitted on the complete rows of calculator/evaluation/measured/training_memory.csv; to make them again, run
``python -m calculator fit memory --write``."""
KNOWN = known("memory")
"""Where those rows lie."""



@dataclass(frozen=True, kw_only=True, slots=True)
class Doubts:
    """Half-widths of the band, as shares of each part of the estimate."""

    states: float
    """Of weights, gradients and states."""
    activations: float
    """With full checkpointing."""
    unchecked_activations: float
    """Without it all of a layer's activations count, and they differ between implementations."""
    overhead: float
    objective: float
    """Of everything, where what is trained for is not text as it is."""
    padding: float
    """Of activations, downwards, where few samples reach the limit."""
    holes: float
    """Of activations, upwards, where lengths vary."""
    unknown_framework: float
    """A factor on all of them."""
    unknown: float
    """Of everything at least, with an unknown framework."""


DOUBTS = Doubts(**fitted("memory")["doubts"])

class _Shape(NamedTuple):
    """What the estimate needs of an architecture. Activations are numbers per token, averaged over the layers."""

    total: float
    linear: float
    routed_weights: float
    """Of experts, in all layers."""
    outside_layers: float
    head: float
    """Of these, in an output projection of its own."""
    layer: float
    layers: float
    hidden: float
    heads: float
    vocab: float
    attention: float
    mlp: float
    normed: float
    normed_in_parts: float
    """Of these, by root-mean-square norms, which are several operations unless a kernel fuses them."""
    gates: float
    """Of these, those that a fused gated MLP works out again."""
    products: float
    """Numbers that enter the down projections."""
    inputs: float
    """Numbers that enter linear layers, each tensor counted once."""
    routed: float
    """Numbers that enter and leave the experts."""
    copies_logits: bool
    tied: bool


@parameters.by_identity
def _shape(a: Architecture) -> _Shape:
    attention = mlp = products = routed = 0.0
    inputs = 2.0 * a.hidden_size * a.layers
    for m in parameters.matrices(a):
        used = m.copies * (a.experts_per_token / a.experts if m.part == "expert" else 1.0)
        if m.part in ("attention", "recurrent"):
            leaves = "o_proj" in m.names or (m.part == "recurrent" and m.outputs == a.hidden_size)
            attention += used * (m.inputs if leaves else m.outputs)
            inputs += used * m.inputs if leaves else 0.0
        elif "down_proj" in m.names:
            mlp += used * m.inputs * (2 if a.gated_mlp else 1)
            products += used * m.inputs
            inputs += used * m.inputs
            routed += used * 2 * m.outputs if m.part == "expert" else 0.0
        elif m.part not in ("router", "outside"):
            mlp += used * m.outputs
    normed = a.norms_per_layer * a.hidden_size
    if a.qk_norm:
        normed += (a.heads + a.kv_heads) * a.head_dim
    return _Shape(
        total=parameters.total(a),
        linear=parameters.linear(a),
        routed_weights=sum(m.copies * m.inputs * m.outputs for m in parameters.matrices(a) if m.part == "expert"),
        outside_layers=parameters.embedding(a) + parameters.output_embedding(a),
        head=parameters.output_embedding(a),
        layer=parameters.layer(a),
        layers=a.layers,
        hidden=a.hidden_size,
        heads=a.heads,
        vocab=a.vocab,
        attention=attention / a.layers,
        mlp=mlp / a.layers,
        normed=normed,
        normed_in_parts=0.0 if a.norm_bias else normed,
        gates=products / a.layers if a.gated_mlp else 0.0,
        products=products / a.layers,
        inputs=inputs / a.layers,
        routed=routed / a.layers,
        copies_logits=a.family not in _LOGITS_IN_16_BIT,
        tied=a.tied_embeddings,
    )


class _Adapter(NamedTuple):
    """Trained parameters, those of them in experts, and numbers per token and layer that enter and leave adapters."""

    trained: float
    routed: float
    inputs: float
    outputs: float


@parameters.by_identity
def _adapter(a: Architecture, targets: str | tuple[str, ...], rank: int, dora: bool) -> _Adapter:
    inputs = outputs = routed = 0.0
    for m in parameters.adapted(a, targets):
        if m.part == "expert":
            routed += m.copies * (rank * (m.inputs + m.outputs) + (m.outputs if dora else 0))
        if m.part not in ("head", "embedding", "outside"):
            used = m.copies * (a.experts_per_token / a.experts if m.part == "expert" else 1.0)
            inputs += used * m.inputs
            outputs += used * m.outputs
    trained = parameters.lora(a, rank=rank, targets=targets, dora=dora)
    return _Adapter(trained, routed, inputs / a.layers, outputs / a.layers)


def estimate(
    architecture: Architecture,
    setup: TrainingSetup,
    coefficients: Coefficients = FITTED,
    runs: Known = KNOWN,
    doubts: Doubts = DOUBTS,
) -> MemoryEstimate:
    """Peak memory of one GPU in GiB, with its parts and its band.

    Formulas, sources and limits are in the docstring of this module. The band is wider for what no run among ``runs``
    has in common with this one. Raises ValueError for adapter targets that are unknown.
    """
    found = _estimate(architecture, setup, coefficients, doubts)
    far = distance(runs, place(architecture, setup))
    low, high = widened(found.low_gib, found.peak_gib, found.high_gib, far.variance)
    return replace(found, low_gib=low, high_gib=high, distance=far)


AXES = (
    "framework", "sharding", "arithmetic", "optimizer", "method", "lengths", "offload", "kernel", "model", "gpu",
)  # fmt: skip
"""What tells runs apart, as far as the error of an estimate may depend on it."""


def place(architecture: Architecture, setup: TrainingSetup) -> dict[str, str]:
    """Where a run lies on each of ``AXES``, for ``calculator.llm.bands``."""
    s = setup
    degrees = {
        "tensor": s.tensor_parallel, "pipeline": s.pipeline_parallel, "context": s.context_parallel,
        "experts": s.expert_parallel,
    }  # fmt: skip
    full = s.method == "full"
    return {
        "framework": s.framework,
        "sharding": "+".join([s.sharding, *(name for name, degree in degrees.items() if degree > 1)]),
        "arithmetic": s.weight_dtype if full else s.base_quantisation or s.method,
        "optimizer": s.optimizer if full else "of an adapter",
        "method": s.method if s.objective == "text" else f"{s.method}, {s.objective}",
        "lengths": "packed" if s.packing else "variable",
        "offload": s.offload,
        "kernel": s.checkpointing if s.flash_attention else "eager",
        "model": "mixture" if architecture.experts else "hybrid" if architecture.recurrent else "dense",
        "gpu": s.generation,
    }


def peak_gib(architecture: Architecture, setup: TrainingSetup, coefficients: Coefficients = FITTED) -> float:
    """The peak of ``estimate`` alone, which takes a third of the time."""
    return _estimate(architecture, setup, coefficients, None).peak_gib


class _Held(NamedTuple):
    """Bytes of one GPU that do not depend on the tokens."""

    weights: float
    gradients: float
    states: float
    temporary: float
    """Of the optimizer step."""
    head_gradient: float
    gathered: float
    """Weights gathered for a layer at a time, or cast for autocast."""
    whole: float
    """All trained weights in 16 bit, as they are gathered where a checkpoint is written."""


@cache
def stored_base(stored_as: str) -> str:
    """The format in which the published file holds the model, which is how its frozen weights are loaded."""
    if not stored_as:
        return "none"
    for name, base in bases().items():
        if any(re.search(pattern, stored_as.lower()) for pattern in base.names):
            if base.refused:
                raise ValueError(f"quantization_config: {stored_as[:40]!r}: {base.refused}")
            return name
    return "none"


@cache
def _zero_habits(day: str) -> Habits:
    """Of the engine that ZeRO runs in."""
    return next(framework for framework in frameworks().values() if framework.runs_zero).habits(day)


def _hold(a: Architecture, w: _Shape, s: TrainingSetup, habits: Habits, engine: Habits, quantisation: str) -> _Held:
    full = s.method == "full"
    objective, optimizer = objectives()[s.objective], optimizers()[s.optimizer]
    sharding, zero = s.sharding, s.sharding.startswith("zero")
    sharded = sharding in _SHARDED
    split = s.tensor_parallel * s.pipeline_parallel
    # Experts are dealt out over their own group; without one they are cut like everything else.
    dealt = max(split, s.expert_parallel * s.pipeline_parallel)

    def part(dense: float, routed: float) -> float:
        """Of one GPU, without ZeRO or FSDP."""
        return dense / split + routed / dealt

    weight_share = split / s.n_gpus if sharded else 1.0
    gradient_share = split / s.n_gpus if sharded or sharding == "zero2" else 1.0
    state_share = split / s.n_gpus if sharded or zero else 1.0
    routed_weight_share = dealt / s.n_gpus if sharded else 1.0
    routed_gradient_share = dealt / s.n_gpus if sharded or sharding == "zero2" else 1.0
    routed_state_share = dealt / s.n_gpus if sharded or zero else 1.0

    element = DTYPE_BYTES[s.weight_dtype]
    outside, head_weights = w.outside_layers, w.head
    total = w.total
    if not _over_vocabulary(a, s):
        # The head is as wide as the classes, which is next to nothing.
        total, outside, head_weights = total - head_weights, outside - head_weights, 0.0
    head = outside if w.tied or not head_weights else outside / 2
    if habits.unties_head and w.tied:
        total, outside = total + outside, outside * 2.0
    if full and s.train_towers:
        total += a.tower_parameters
    routed = w.routed_weights
    if full or quantisation == "none":
        dense_bytes, routed_bytes = (total - routed) * element, routed * element
        layer = w.layer * 2.0
    else:
        packed = bases()[quantisation].bits / 8
        rest = total - w.linear
        dense_bytes, routed_bytes = (w.linear - routed) * packed + rest * element, routed * packed
        layer = w.linear / w.layers * packed
    copies = (objective.frozen if full else objective.adapted_frozen) * (2.0 / element if full else 1.0)
    trained_copies = objective.trained if full else objective.adapted_trained
    models = 1.0 + trained_copies
    # What of the weights themselves is trained: the layers, or a share of them, and the tables.
    trained_share = min(1.0, s.trained_layers / w.layers) if s.trained_layers else 1.0
    trained_tables = outside if full and (s.train_embeddings or not s.trained_layers) else 0.0
    dense, routed_trained = 0.0, 0.0
    if full:
        dense = trained_share * (total - outside - routed) + trained_tables
        routed_trained = trained_share * routed
    trained_bytes, copied = element, 0.0
    if not full:
        adapter = _adapter(a, s.lora_targets, s.lora_rank, s.dora)
        trained_bytes = DTYPE_BYTES.get(s.adapter_dtype, engine.adapter_bits / 8)
        # Trained copies of the embeddings keep the type of the model.
        copied = outside * element if s.train_embeddings else 0.0
        dense, routed_trained = adapter.trained - adapter.routed, adapter.routed
        if s.adapter_parameters:
            dense, routed_trained = s.adapter_parameters, 0.0
    dense, routed_trained, copied = dense * models, routed_trained * models, copied * models

    # What is shared in one way each: (numbers of the layers' dense matrices and the rest, numbers of experts).
    weights = part(
        (dense_bytes * weight_share) * (models + copies), (routed_bytes * routed_weight_share) * (models + copies)
    )
    # Towers that read images or sound are frozen, and no format of the base reaches them.
    frozen = s.frozen_parameters + (0.0 if full and s.train_towers else a.tower_parameters)
    weights += 2.0 * frozen * weight_share / split
    if not full:
        weights += part(
            (dense * trained_bytes + copied) * weight_share, routed_trained * trained_bytes * routed_weight_share
        )

    master = (engine.master_weights if s.master_weights is None else s.master_weights) and trained_bytes == 2.0
    number = DTYPE_BYTES.get(s.optimizer_dtype, 4.0 if master else trained_bytes)
    if optimizer.bits:
        number = optimizer.bits / 8 + (4.0 / optimizer.block if optimizer.block else 0.0)
    tables = trained_tables * models
    states = _states(w, optimizer, full, dense - tables, tables, copied / element) * number
    routed_states = routed_trained * optimizer.states * number * _projected(w, optimizer, full)
    own = part(dense * state_share, routed_trained * routed_state_share)
    temporary = 0.0
    if (s.optimizer_step or engine.step) == "multi-tensor":
        # A copy of what it works on: of the states, or of the weights where those are wider.
        temporary = optimizer.copies * (number * own + copied / split * state_share)
    held = part(states * state_share, routed_states * routed_state_share)
    if master:
        # The 32-bit copy; and the gradients turn to 32 bit for the step.
        held += 4 * own
        at_a_time = min(own, engine.step_weights) if sharded and engine.step_weights else own
        temporary = 4 * at_a_time if engine.gradient_bits != 32 else 0.0
    gradient_bytes = engine.gradient_bits / 8 if full and engine.gradient_bits else trained_bytes
    gradients = part(
        (dense * gradient_bytes + copied) * gradient_share, routed_trained * gradient_bytes * routed_gradient_share
    )
    if sharding == "ddp":
        # Gradients and the buckets in which they are averaged.
        gradients *= 2
    if s.optimizer_step == "in-backward":
        gradients, temporary = min(gradients, max(layer, outside * element)), 0.0

    gathered = 0.0
    if sharded or s.offload == "parameters":
        # Weights of tables and of one layer; and a gradient is whole until it is reduced.
        at_once = layer * (_FSDP_LAYERS if s.sharding.startswith("fsdp") else 1.0)
        gathered = (2 * outside + at_once + (max(at_once, 2.0 * head) if full else 0.0)) / s.tensor_parallel
        if s.pipeline_parallel > 1:
            # A pipeline stage keeps its weights gathered, and its gradients whole and in 32 bit, between micro-batches.
            gathered = (6.0 if full else 2.0) * total / split
    elif element == 4.0:
        # Autocast keeps 16-bit copies of the weights: of trained ones in its cache, of frozen ones until their backward
        # pass, which checkpointing moves into the layer (aten/src/ATen/autocast_mode.cpp). No quantised weight is cast.
        multiplied = total - outside + head
        if full or (quantisation == "none" and s.checkpointing == "none"):
            gathered = 2 * part(multiplied - routed, routed)
        elif quantisation == "none":
            gathered = (layer + 2 * head) / split
    if s.offload == "optimizer" or s.offload == "parameters":
        held = temporary = 0.0
    if s.offload == "parameters":
        weights, gradients = 0.0, min(gradients, 2 * layer)
    return _Held(
        weights=weights, gradients=gradients, states=held, temporary=temporary,
        head_gradient=head * element * gradient_share / split if trained_tables and _over_vocabulary(a, s) else 0.0,
        gathered=gathered, whole=2.0 * total / split if sharded else 0.0,
    )  # fmt: skip


_FSDP_LAYERS = 2.0
"""FSDP gathers a layer while it works on the one before, and copies the gradients of one into the buffer of their
reduction (FullyShardedDataParallel, backward_prefetch; fully_shard, reshard_after_forward)."""


def _over_vocabulary(a: Architecture, s: TrainingSetup) -> bool:
    """Whether the loss is over the whole vocabulary. An encoder is trained for labels, of which there are few."""
    return objectives()[s.objective].vocabulary and not a.encoder


def _states(
    w: _Shape, optimizer: Optimizer, full: bool, in_layers: float, tables: float, copied: float
) -> float:
    """Numbers that the optimizer holds for the dense matrices, the tables, and trained copies of the tables."""
    other = optimizer.states if optimizer.other_states < 0 else optimizer.other_states
    return optimizer.states * in_layers * _projected(w, optimizer, full) + other * (tables + copied)


def _projected(w: _Shape, optimizer: Optimizer, full: bool) -> float:
    """States of a projected gradient over those of the whole: rank × longer side, twice, and the projection."""
    if not optimizer.projected_rank or not full:
        return 1.0
    # By a matrix of the usual kind: as wide as the model, and as long as its MLP.
    return min(1.0, optimizer.projected_rank * (1 / w.hidden + 0.5 / max(w.hidden, w.mlp / 4)))


_EAGER_KEPT_BYTES, _EAGER_PASSING_BYTES = 6.0, 10.0


def _activate(
    a: Architecture, w: _Shape, s: TrainingSetup, habits: Habits, c: Coefficients, quantisation: str
) -> tuple[float, float, float]:
    """Bytes per token of a micro-batch: stored until the backward pass, alive in one layer's, and leaked by it."""
    full = s.method == "full"
    base = bases()[quantisation]
    quantised = not full and quantisation != "none"
    fused = habits.fused_kernels if s.fused_kernels is None else s.fused_kernels
    kept = 2 * (w.attention + w.mlp + w.routed) + c.norm_bytes * w.normed
    if habits.fused_mlp if s.fused_mlp is None else s.fused_mlp:
        kept -= 2 * w.gates
    if not (fused or s.compile):
        kept += c.unfused_norm_bytes * w.normed_in_parts
    in_place = False
    if not full:
        # A frozen down projection needs no input; an adapter needs one.
        in_place = habits.shares_adapter_inputs
        _, _, inputs, outputs = _adapter(a, s.lora_targets, s.lora_rank, s.dora)
        kept += c.lora_input_bytes * (min(inputs, w.inputs) if in_place else inputs) - 2 * w.products
        if s.dora:
            kept += 2 * outputs
        if quantised and habits.keeps_quantised_inputs:
            kept += c.quantised_input_bytes * w.inputs
    if s.compile:
        kept *= c.compiled_share
    passing = c.backward_share * kept
    if not s.flash_attention:
        # For every pair of tokens: the softmax in 32 bit and its copy in 16 are kept; the gradient of the copy, in 16
        # bit and in 32, and that of the scores come and go (eager_attention_forward of transformers, any release).
        kept += _EAGER_KEPT_BYTES * w.heads * s.seq_len
        passing += _EAGER_PASSING_BYTES * w.heads * s.seq_len
    in_32_bit = s.residual_in_32_bit
    if in_32_bit is None:
        in_32_bit = habits.residual_in_32_bit and quantised and base.widened
    residual = 4 * w.hidden if in_32_bit and s.sharding not in _SHARDED else 2 * w.hidden

    leaked = 0.0
    checkpointing = s.checkpointing
    if checkpointing == "selective" and habits.selective_keeps == "all":
        checkpointing = "none"
    if checkpointing == "full":
        stored = residual * w.layers
        if s.sharding == "fsdp" and not full:
            leaked = 2 * stored
        if habits.offloads_checkpoints:
            stored = 0.0
    elif checkpointing == "none":
        stored = kept * w.layers
    elif checkpointing == "alternate":
        stored = (kept + residual) / 2 * w.layers
    else:
        stored = c.selective_share * kept * w.layers
    if s.offload == "activations":
        stored = 0.0
    differentiated = 0.0 if in_place else passing
    if checkpointing != "none":
        differentiated += kept
    return stored, differentiated, leaked


def _estimate(a: Architecture, s: TrainingSetup, c: Coefficients, d: Doubts | None) -> MemoryEstimate:
    w = _shape(a)
    objective = objectives()[s.objective]
    habits = frameworks()[s.framework].habits(s.day)
    zero = s.sharding.startswith("zero") and not habits.own_engine
    engine = _zero_habits(s.day) if zero else habits
    quantisation = s.base_quantisation or ("nf4-double" if s.method == "qlora" else stored_base(a.stored_as))
    weights, gradients, states, temporary, head_gradient, gathered, whole = _hold(a, w, s, habits, engine, quantisation)

    # A packed row of pairs holds both answers already.
    sequences = 1.0 if s.packing and objective.sequences > 1 and s.packed_pairs else objective.sequences
    tokens = sequences * s.seq_len * s.micro_batch / (s.tensor_parallel * s.context_parallel)
    # A stage holds its share of the layers for as many micro-batches as are under way.
    under_way = min(s.pipeline_parallel, s.accumulation_steps) / s.pipeline_parallel
    stored, differentiated, leaked = _activate(a, w, s, habits, c, quantisation)
    # Who says the global batch has said what one pass holds; else a pipeline cuts the step's sequences into its own.
    whole_pass = s.accumulation_steps > 1 or s.global_batch
    layer_tokens = tokens if whole_pass else tokens / s.pipeline_parallel
    stored, differentiated, leaked = stored * tokens * under_way, differentiated * layer_tokens, leaked * layer_tokens

    loss = s.loss or habits.loss
    saved = 0.0
    if loss == "fused" or loss == "chunked":
        per_logit = 0.0 if loss == "fused" else 2.0
    else:
        autocast = engine.autocast if s.autocast is None else s.autocast
        in_32_bit = w.copies_logits and not habits.loss_in_16_bit
        per_logit = 12.0 if in_32_bit else 16.0 if autocast else 8.0
        if s.compile and habits.compiles_loss:
            # The copy is fused away: what is left are the logits and their gradient.
            per_logit = 4.0
        if loss == "fast":
            saved = 4.0 if in_32_bit or autocast else 2.0
            per_logit -= saved
    if not _over_vocabulary(a, s):
        per_logit = saved = 0.0
    per_logit, saved = per_logit * objective.logits, saved * objective.logits
    logits = per_logit * w.vocab * layer_tokens

    static = weights + states + s.rollout_gib * GIB
    # A loss in chunks differentiates the head while it works.
    held = head_gradient if per_logit <= 2.0 else 0.0
    if s.accumulation_steps > 1:
        held = gradients
    forward = stored + max(logits, differentiated) + gathered
    backward = leaked + differentiated + gathered
    at_loss, at_backward, at_step = held + forward, gradients + backward, gradients + temporary
    # While it generates, every token of the batch is cached, and nothing is kept for a backward pass.
    at_rollout = gathered + _cached_bytes(a) * tokens if objective.rollouts else 0.0
    peak = max(at_loss, at_backward, at_step, at_rollout)

    allocated = static + peak
    # Both moments hold the gradients, in the same blocks; only what else the lesser holds needs more of them.
    slack = c.slack_share * peak + c.static_slack_share * static
    slack += c.other_moment_share * min(max(forward, backward), temporary)
    slack += c.gather_slack_share * gathered
    if per_logit > 2.0:
        # The copy that a fast loss saves is not saved in what is reserved.
        slack += (c.logits_slack_bytes + saved) * w.vocab * layer_tokens
    holes = 0.0
    if not (s.packing or s.expandable_segments):
        holes = c.variable_share * (stored + max(logits, differentiated))
    if zero:
        slack += (c.zero3_gib if s.sharding == "zero3" else c.zero_gib) * GIB
    context = c.context_gib * GIB
    needed = allocated + context + 0.5 * holes
    room = max(s.card_gib * GIB - context, allocated) if s.card_gib else inf
    reserved = min(allocated + slack + holes, room)

    overhead = 0.0
    if s.metric == "needed":
        overhead = needed - allocated
    elif s.metric != "allocated":
        overhead = reserved - allocated
        if s.metric == "nvidia-smi":
            overhead += context

    moments = () if d is None else tuple(
        _parts(d, s, fixed, passing, gathering + overhead)
        for fixed, passing, gathering in (
            (static + held, stored + max(logits, differentiated), gathered),
            (static + gradients, leaked + differentiated, gathered),
            (static + gradients + temporary, 0.0, 0.0),
            (static, at_rollout - gathered if at_rollout else 0.0, gathered),
        )
    )

    activations = shown = 0.0
    if peak == at_step:
        moment = "step"
        states += temporary
    else:
        overhead += gathered
        if peak == at_rollout:
            moment, gradients = "rollout", 0.0
            activations = at_rollout - gathered
        elif peak == at_loss:
            moment = "loss"
            gradients = held
            shown = logits if logits > differentiated else 0.0
            activations = stored if shown else stored + differentiated
        else:
            moment = "backward"
            activations = leaked + differentiated
    overhead += s.rollout_gib * GIB
    dynamic = activations + shown
    total = weights + states + gradients + dynamic + overhead
    found = MemoryEstimate(
        weights_gib=weights / GIB,
        gradients_gib=gradients / GIB,
        optimizer_gib=states / GIB,
        activations_gib=activations / GIB,
        logits_gib=shown / GIB,
        overhead_gib=overhead / GIB,
        peak_gib=total / GIB,
        low_gib=0.0,
        high_gib=0.0,
        moment=moment,
        allocated_gib=allocated / GIB,
        needed_gib=needed / GIB,
        reserved_gib=reserved / GIB,
        saving_gib=max(total, static + whole) / GIB,
        moments=moments,
    )
    return found if d is None else replace(found, low_gib=found.at(-SD_OF_BAND), high_gib=found.at(SD_OF_BAND))


def _cached_bytes(a: Architecture) -> float:
    """Keys and values of one token in 16 bit, over all layers."""
    return sum(2.0 * cache.layers * cache.numbers_per_token for cache in a.caches)


def _parts(d: Doubts, s: TrainingSetup, fixed: float, dynamic: float, overhead: float) -> tuple[Part, ...]:
    """The parts of a moment, in GiB from bytes, each with its own doubt: the sizes alone do not change the doubts."""
    checkpointed = d.activations if s.checkpointing == "full" else d.unchecked_activations
    padding, holes = (0.0, 0.0) if s.packing else (d.padding, d.holes)
    parts = []
    for size, doubt, below, above in (
        (fixed, d.states, 0.0, 0.0), (dynamic, checkpointed, padding, holes), (overhead, d.overhead, 0.0, 0.0)
    ):  # fmt: skip
        known = doubt if s.objective == "text" else doubt + d.objective
        if s.framework == "unknown":
            known = max(known * d.unknown_framework, d.unknown)
        parts.append(Part(size / GIB, known + below, known + above))
    return tuple(parts)
