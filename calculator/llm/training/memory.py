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
*   FSDP and ZeRO-3 gather embeddings, head and one layer at a time. FSDP (version 1) with frozen weights also keeps
    every layer's input and its gradient until the backward pass ends.
*   What PyTorch reserves exceeds what it allocates, and nvidia-smi adds the CUDA context.

Inside, units are bytes; what goes in and comes out is GiB (2**30 bytes). Limits: decoder-only models, one process per
GPU; tensor, pipeline and context parallelism in simple form; evaluation and checkpoint saving are not counted.
"""

from dataclasses import dataclass, replace
from math import exp, log, sqrt
from typing import NamedTuple

from calculator.catalogs import Architecture
from calculator.llm import parameters
from calculator.llm.bands import SD_OF_BAND, Distance, Known, distance, known, widened
from calculator.llm.fitted import fitted

GIB = 2.0**30

CHOICES: dict[str, tuple[str, ...]] = {
    "method": ("full", "lora", "qlora"),
    "weight_dtype": ("bf16", "fp16", "fp32"),
    "base_quantisation": ("", "none", "nf4", "nf4-double", "int8", "fp8", "gptq", "mxfp4"),
    "optimizer": (
        "adamw", "adamw-8bit", "adamw-4bit", "paged-adamw", "paged-adamw-8bit", "adafactor", "sgd", "sgd-momentum",
    ),
    "optimizer_dtype": ("", "bf16", "fp32"),
    "optimizer_step": ("", "multi-tensor", "fused", "in-backward"),
    "adapter_dtype": ("", "bf16", "fp32"),
    "checkpointing": ("none", "selective", "alternate", "full"),
    "loss": ("", "plain", "fast", "chunked", "fused"),
    "sharding": ("none", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp2"),
    "offload": ("none", "activations", "optimizer", "parameters"),
    "framework": (
        "transformers", "axolotl", "llama-factory", "unsloth", "torchtune", "torchtitan", "litgpt", "deepspeed",
        "unknown",
    ),
    "metric": ("allocated", "reserved", "nvidia-smi"),
}
"""What each named choice of a setup may be; "" leaves it to the framework's habit."""

_POSITIVE = (
    "seq_len", "micro_batch", "lora_rank", "gradient_accumulation", "n_gpus", "tensor_parallel", "pipeline_parallel",
    "context_parallel", "expert_parallel", "virtual_stages",
)


class Habits(NamedTuple):
    """What a framework does unless it is told otherwise: from its code and from the size of what it was measured to
    hold, as a rule that is on or off, never as a fitted number."""

    adapter_bytes: float = 4.0
    """Per trained adapter weight: PEFT keeps them in 32 bit, torchtune and LitGPT in 16 bit."""
    step: str = "multi-tensor"
    loss: str = "plain"
    loss_in_16_bit: bool = False
    """Whatever the model's class, the loss makes no 32-bit copy of the logits."""
    autocast: bool = True
    """16-bit weights run under autocast, which works the loss out in 32 bit."""
    fused_kernels: bool = False
    master_weights: bool = False
    residual_in_32_bit: bool = False
    """PEFT's preparation for k-bit training turns norms, and with them the layers' inputs, to 32 bit."""
    unties_head: bool = False
    """Input embeddings and head are two matrices even where the model shares them."""
    shares_adapter_inputs: bool = False
    """Adapters on one tensor keep it once, and gradients are written over what they came from."""
    offloads_checkpoints: bool = False
    """What full checkpointing keeps lies in the main memory of the host."""
    keeps_quantised_inputs: bool = False
    """The 4-bit layers keep their inputs for the backward pass, which frozen 16-bit layers don't."""


HABITS: dict[str, Habits] = {
    "transformers": Habits(residual_in_32_bit=True),
    "axolotl": Habits(),
    "llama-factory": Habits(),
    "unsloth": Habits(loss="fused", fused_kernels=True, shares_adapter_inputs=True, offloads_checkpoints=True),
    "torchtune": Habits(adapter_bytes=2.0, step="fused", loss="chunked", autocast=False),
    "torchtitan": Habits(step="fused", autocast=False),
    "litgpt": Habits(
        adapter_bytes=2.0, loss_in_16_bit=True, autocast=False, unties_head=True, keeps_quantised_inputs=True
    ),
    "deepspeed": Habits(adapter_bytes=2.0, step="fused", autocast=False, master_weights=True),
    "unknown": Habits(),
}

# Bytes per weight. NF4: 4 bits and a 32-bit scale per 64 weights, or an 8-bit scale and a 32-bit scale per 256 of those
# (arXiv 2305.14314, section 3). GPTQ: 4 bits, a 16-bit scale and a 4-bit zero per 128 weights. MXFP4: 4 bits and an
# 8-bit scale per 32 weights (OCP Microscaling Formats 1.0).
QUANTISED_BYTES = {
    "nf4": 0.5 + 4 / 64,
    "nf4-double": 0.5 + 1 / 64 + 4 / (64 * 256),
    "int8": 1.0,
    "fp8": 1.0,
    "gptq": 0.5 + 2.5 / 128,
    "mxfp4": 0.5 + 1 / 32,
}

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
    packing: bool = True
    """Whether every sequence is as long as ``seq_len``; otherwise that is a limit that few samples reach."""

    lora_rank: int = 16
    lora_targets: str | tuple[str, ...] = "all-linear"
    train_embeddings: bool = False
    """With an adapter: train a copy of embeddings and head as well."""
    adapter_parameters: float = 0
    """Trained parameters of an adapter that isn't LoRA; 0 counts them from rank and targets."""
    adapter_dtype: str = ""

    weight_dtype: str = "bf16"
    """"fp32" means 32-bit weights with 16-bit arithmetic (mixed precision)."""
    master_weights: bool | None = None
    """A 32-bit copy of 16-bit weights in the optimizer, as DeepSpeed and Megatron keep it."""
    base_quantisation: str = ""
    """Of the frozen weights; by default none for LoRA and "nf4-double" for QLoRA."""
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

    framework: str = "unknown"
    generation: str = ""
    """Of the GPU, as the catalogue of accelerators calls it. The estimate does not depend on it, its band does."""
    metric: str = "nvidia-smi"
    """What counts as memory: allocated by PyTorch, reserved by it, or all that nvidia-smi shows."""

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
        if not self.global_batch >= 0:
            raise ValueError(f"global_batch: 0 or more is needed, {self.global_batch!r} was given")

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
    """Reserved but not allocated, as a share of the peak."""
    other_moment_share: float
    """Reserved for the lesser of backward pass and step and not reused, as a share of it."""
    logits_slack_bytes: float
    """Reserved for unfused logits and not reused, per token and vocabulary entry."""
    gather_slack_share: float
    """Reserved for gathered weights beyond one layer, as a share of what is gathered."""
    zero_gib: float
    """Communication buffers of DeepSpeed."""
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
    low_gib: float
    high_gib: float
    moment: str
    """"loss", "backward" or "step"."""
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

# Half-width of the band, as a share of each part. Chosen so that the band covers about nine in ten of the complete
# rows when their source is left out of the fit; ``fit`` prints the coverage.
STATE_DOUBT = 0.05
ACTIVATION_DOUBT = 0.15
# Without full checkpointing all of a layer's activations count, and they differ between implementations.
UNCHECKPOINTED_DOUBT = 0.24
OVERHEAD_DOUBT = 0.45
# Without packing few samples reach the limit, so activations may be lower by this share.
PADDING_DOUBT = 0.3
# With an unknown framework the band is wider by this factor, and at least this wide.
UNKNOWN_FRAMEWORK = 1.5
UNKNOWN_DOUBT = 0.15


class _Shape(NamedTuple):
    """What the estimate needs of an architecture. Activations are numbers per token, averaged over the layers."""

    total: float
    linear: float
    outside_layers: float
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
    products: float
    """Numbers that enter the down projections."""
    inputs: float
    """Numbers that enter linear layers, each tensor counted once."""
    routed: float
    """Numbers that enter and leave the experts."""
    copies_logits: bool
    tied: bool


_shapes: dict[int, tuple[Architecture, _Shape]] = {}
_adapters: dict[tuple[int, str | tuple[str, ...]], tuple[float, float]] = {}


def _shape(a: Architecture) -> _Shape:
    # Keyed by identity: hashing the fifty fields of an architecture would take longer than the estimate.
    known = _shapes.get(id(a))
    if known is not None:
        return known[1]
    if len(_shapes) > 500:
        _shapes.clear()
        _adapters.clear()
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
        elif m.part != "router":
            mlp += used * m.outputs
    normed = a.norms_per_layer * a.hidden_size
    if a.qk_norm:
        normed += (a.heads + a.kv_heads) * a.head_dim
    shape = _Shape(
        total=parameters.total(a),
        linear=parameters.linear(a),
        outside_layers=parameters.embedding(a) + parameters.output_embedding(a),
        layer=parameters.layer(a),
        layers=a.layers,
        hidden=a.hidden_size,
        heads=a.heads,
        vocab=a.vocab,
        attention=attention / a.layers,
        mlp=mlp / a.layers,
        normed=normed,
        normed_in_parts=0.0 if a.norm_bias else normed,
        products=products / a.layers,
        inputs=inputs / a.layers,
        routed=routed / a.layers,
        copies_logits=a.family not in _LOGITS_IN_16_BIT,
        tied=a.tied_embeddings,
    )
    _shapes[id(a)] = (a, shape)
    return shape


def _adapter(a: Architecture, targets: str | tuple[str, ...]) -> tuple[float, float]:
    """Trained parameters for each unit of rank, and numbers per token and layer that enter adapters."""
    key = (id(a), targets)
    known = _adapters.get(key)
    if known is None:
        inputs = 0.0
        for m in parameters.adapted(a, targets):
            if m.part not in ("head", "embedding"):
                inputs += m.copies * m.inputs * (a.experts_per_token / a.experts if m.part == "expert" else 1.0)
        known = _adapters[key] = (parameters.lora(a, rank=1, targets=targets), inputs / a.layers)
    return known


def estimate(
    architecture: Architecture, setup: TrainingSetup, coefficients: Coefficients = FITTED, runs: Known = KNOWN
) -> MemoryEstimate:
    """Peak memory of one GPU in GiB, with its parts and its band.

    Formulas, sources and limits are in the docstring of this module. The band is wider for what no run among ``runs``
    has in common with this one. Raises ValueError for adapter targets that are unknown.
    """
    found = _estimate(architecture, setup, coefficients, setup.seq_len)
    far = distance(runs, place(architecture, setup))
    low, high = widened(found.low_gib, found.peak_gib, found.high_gib, far.variance)
    return replace(found, low_gib=low, high_gib=high, distance=far)


AXES = ("framework", "sharding", "arithmetic", "optimizer", "method", "lengths", "offload", "kernel", "model", "gpu")
"""What tells runs apart, as far as the error of an estimate may depend on it."""


def place(architecture: Architecture, setup: TrainingSetup) -> dict[str, str]:
    """Where a run lies on each of ``AXES``, for ``calculator.llm.bands``."""
    s = setup
    split = "".join(
        f"+{name}"
        for name, degree in (
            ("tensor", s.tensor_parallel), ("pipeline", s.pipeline_parallel), ("context", s.context_parallel)
        )
        if degree > 1
    )  # fmt: skip
    full = s.method == "full"
    return {
        "framework": s.framework,
        "sharding": s.sharding + split,
        "arithmetic": s.weight_dtype if full else s.base_quantisation or s.method,
        "optimizer": s.optimizer if full else "of an adapter",
        "method": s.method,
        "lengths": "packed" if s.packing else "variable",
        "offload": s.offload,
        "kernel": s.checkpointing if s.flash_attention else "eager",
        "model": "mixture" if architecture.experts else "hybrid" if architecture.recurrent else "dense",
        "gpu": s.generation,
    }


def longest_sequence(
    architecture: Architecture, setup: TrainingSetup, memory_gib: float, coefficients: Coefficients = FITTED
) -> int:
    """The longest ``seq_len`` in tokens whose estimated peak fits into ``memory_gib``; 0 if not even one token fits.

    Every moment's memory grows with the sequence, so the peak does, and halving an interval finds the limit. The
    answer is at most 2**30 tokens, and may exceed what the model was made for.
    """
    fits, too_long = 0, 2**30
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if _estimate(architecture, setup, coefficients, middle).peak_gib <= memory_gib:
            fits = middle
        else:
            too_long = middle
    return fits


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


def _hold(a: Architecture, w: _Shape, s: TrainingSetup, habits: Habits, engine: Habits, quantisation: str) -> _Held:
    full = s.method == "full"
    sharding, zero = s.sharding, s.sharding.startswith("zero")
    split = s.tensor_parallel * s.pipeline_parallel
    sharded = sharding in ("fsdp", "fsdp2", "zero3")
    weight_share = 1 / s.n_gpus if sharded else 1 / split
    gradient_share = 1 / s.n_gpus if sharded or sharding == "zero2" else 1 / split
    state_share = 1 / s.n_gpus if sharded or zero else 1 / split

    element = 4.0 if s.weight_dtype == "fp32" else 2.0
    if full or quantisation == "none":
        weights = w.total * element
        layer = w.layer * 2.0
    else:
        packed = QUANTISED_BYTES[quantisation]
        weights = w.linear * packed + (w.total - w.linear) * element
        layer = w.linear / w.layers * packed
    outside = w.outside_layers
    head = outside if w.tied else outside / 2
    if habits.unties_head and w.tied:
        weights += outside * element
        outside *= 2.0
    if full:
        trained, trained_bytes, copied = weights / element, element, 0.0
    else:
        trained = s.adapter_parameters or s.lora_rank * _adapter(a, s.lora_targets)[0]
        trained_bytes = 4.0 if s.adapter_dtype == "fp32" else 2.0 if s.adapter_dtype else engine.adapter_bytes
        # Trained copies of the embeddings keep the type of the model.
        copied = outside * element if s.train_embeddings else 0.0
        weights += trained * trained_bytes + copied

    master = (engine.master_weights if s.master_weights is None else s.master_weights) and trained_bytes == 2.0
    number = {"fp32": 4.0, "bf16": 2.0, "": 4.0 if master else trained_bytes}[s.optimizer_dtype]
    one_state = number * trained + copied
    optimizer = s.optimizer
    temporary = 0.0
    if optimizer == "adamw" or optimizer == "paged-adamw":
        states = 2 * one_state
        if optimizer == "adamw" and (s.optimizer_step or engine.step) == "multi-tensor":
            temporary = one_state
    elif optimizer.endswith("8bit"):
        # Two 8-bit states and a 32-bit scale per 256 numbers of each (arXiv 2110.02861).
        states = 2 * (1 + 4 / 256) * (trained + copied / element)
    elif optimizer == "adamw-4bit":
        states = 2 * (0.5 + 4 / 128) * (trained + copied / element)
    else:
        # Adafactor's are one row and one column of each matrix, which is next to nothing.
        states = one_state if optimizer == "sgd-momentum" else 0.0
    if master:
        # The 32-bit copy; and DeepSpeed turns the gradients to 32 bit for the step.
        states += 4 * trained
        temporary = 4 * trained
    gradients = (trained * trained_bytes + copied) * gradient_share
    if sharding == "ddp":
        # Gradients and the buckets in which they are averaged.
        gradients *= 2
    if s.optimizer_step == "in-backward":
        gradients, temporary = min(gradients, max(layer, outside * element)), 0.0

    gathered = 0.0
    if sharded or s.offload == "parameters":
        gathered = 2 * outside / s.tensor_parallel + layer / s.tensor_parallel * (2 if full else 1)
        if s.pipeline_parallel > 1:
            # A pipeline stage keeps its weights gathered, and its gradients whole and in 32 bit, between micro-batches.
            gathered = (6.0 if full else 2.0) * w.total / split
    elif element == 4.0:
        # Autocast keeps 16-bit copies of the weights.
        gathered = 2 * w.total / split
    weights *= weight_share
    states *= state_share
    temporary *= state_share
    if s.offload == "optimizer" or s.offload == "parameters":
        states = temporary = 0.0
    if s.offload == "parameters":
        weights, gradients = 0.0, min(gradients, 2 * layer)
    return _Held(weights, gradients, states, temporary, head * element * gradient_share if full else 0.0, gathered)


def _activate(
    a: Architecture, w: _Shape, s: TrainingSetup, habits: Habits, c: Coefficients, quantisation: str, seq_len: float
) -> tuple[float, float, float]:
    """Bytes per token of a micro-batch: stored until the backward pass, alive in one layer's, and leaked by it."""
    full = s.method == "full"
    quantised = not full and quantisation != "none"
    fused = habits.fused_kernels if s.fused_kernels is None else s.fused_kernels
    kept = 2 * (w.attention + w.mlp + w.routed) + c.norm_bytes * w.normed
    if not (fused or s.compile):
        kept += c.unfused_norm_bytes * w.normed_in_parts
    in_place = False
    if not full:
        # A frozen down projection needs no input; an adapter needs one.
        in_place = habits.shares_adapter_inputs
        inputs = _adapter(a, s.lora_targets)[1]
        kept += c.lora_input_bytes * (min(inputs, w.inputs) if in_place else inputs) - 2 * w.products
        if quantised and habits.keeps_quantised_inputs:
            kept += c.quantised_input_bytes * w.inputs
    if not s.flash_attention:
        # Softmax, its dropout mask and its output, for every pair of tokens (arXiv 2205.05198, section 4.1).
        kept += 5 * w.heads * seq_len
    if s.compile:
        kept *= c.compiled_share
    in_32_bit = s.residual_in_32_bit
    if in_32_bit is None:
        in_32_bit = habits.residual_in_32_bit and quantised and quantisation != "gptq"
    residual = 4 * w.hidden if in_32_bit and s.sharding not in ("fsdp", "fsdp2", "zero3") else 2 * w.hidden

    leaked = 0.0
    checkpointing = s.checkpointing
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
    differentiated = 0.0 if in_place else c.backward_share * kept
    if checkpointing != "none":
        differentiated += kept
    return stored, differentiated, leaked


def _estimate(a: Architecture, s: TrainingSetup, c: Coefficients, seq_len: float) -> MemoryEstimate:
    w = _shape(a)
    habits = HABITS[s.framework]
    zero = s.sharding.startswith("zero")
    engine = HABITS["deepspeed"] if zero else habits
    quantisation = s.base_quantisation or ("nf4-double" if s.method == "qlora" else "none")
    weights, gradients, states, temporary, head_gradient, gathered = _hold(a, w, s, habits, engine, quantisation)

    # With a pipeline, the micro-batches in flight cover the batch once, each over its share of the layers.
    tokens = seq_len * s.micro_batch / (s.tensor_parallel * s.context_parallel * s.pipeline_parallel)
    stored, differentiated, leaked = _activate(a, w, s, habits, c, quantisation, seq_len)
    stored, differentiated, leaked = stored * tokens, differentiated * tokens, leaked * tokens

    loss = s.loss or habits.loss
    saved = 0.0
    if loss == "fused" or loss == "chunked":
        per_logit = 0.0 if loss == "fused" else 2.0
    else:
        autocast = engine.autocast if s.autocast is None else s.autocast
        in_32_bit = w.copies_logits and not habits.loss_in_16_bit
        per_logit = 12.0 if in_32_bit else 16.0 if autocast else 8.0
        if loss == "fast":
            saved = 4.0 if in_32_bit or autocast else 2.0
            per_logit -= saved
    logits = per_logit * w.vocab * tokens

    static = weights + states
    # A loss in chunks differentiates the head while it works.
    held = head_gradient if per_logit <= 2.0 else 0.0
    if s.accumulation_steps > 1:
        held = gradients
    at_loss = held + stored + max(logits, differentiated) + gathered
    at_backward = gradients + leaked + differentiated + gathered
    at_step = gradients + temporary
    peak = max(at_loss, at_backward, at_step)

    overhead = 0.0
    if s.metric != "allocated":
        overhead = c.slack_share * (static + peak) + c.other_moment_share * min(max(at_loss, at_backward), at_step)
        overhead += c.gather_slack_share * gathered
        if per_logit > 2.0:
            # The copy that a fast loss saves is not saved in what is reserved.
            overhead += (c.logits_slack_bytes + saved) * w.vocab * tokens
        if zero:
            overhead += c.zero_gib * GIB
        if s.metric == "nvidia-smi":
            overhead += c.context_gib * GIB

    moments = tuple(
        _parts(s, fixed, dynamic, gathering + overhead)
        for fixed, dynamic, gathering in (
            (static + held, stored + max(logits, differentiated), gathered),
            (static + gradients, leaked + differentiated, gathered),
            (static + gradients + temporary, 0.0, 0.0),
        )
    )

    activations = shown = 0.0
    if peak == at_step:
        moment = "step"
        states += temporary
    else:
        overhead += gathered
        if peak == at_loss:
            moment = "loss"
            gradients = held
            shown = logits if logits > differentiated else 0.0
            activations = stored if shown else stored + differentiated
        else:
            moment = "backward"
            activations = leaked + differentiated
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
        moments=moments,
    )
    return replace(found, low_gib=found.at(-SD_OF_BAND), high_gib=found.at(SD_OF_BAND))


def _parts(s: TrainingSetup, fixed: float, dynamic: float, overhead: float) -> tuple[Part, ...]:
    """The parts of a moment, in GiB from bytes, each with its own doubt: the sizes alone do not change the doubts."""
    checkpointed = ACTIVATION_DOUBT if s.checkpointing == "full" else UNCHECKPOINTED_DOUBT
    parts = []
    for size, doubt, padding in (
        (fixed, STATE_DOUBT, 0.0),
        (dynamic, checkpointed, 0.0 if s.packing else PADDING_DOUBT),
        (overhead, OVERHEAD_DOUBT, 0.0),
    ):
        known = max(doubt * UNKNOWN_FRAMEWORK, UNKNOWN_DOUBT) if s.framework == "unknown" else doubt
        parts.append(Part(size / GIB, known + padding, known))
    return tuple(parts)
