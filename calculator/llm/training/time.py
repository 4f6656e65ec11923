"""How fast a model trains on a GPU, and what the run takes: hours, money, energy, CO2.

Speed is a sum of times per token. Each part is an ideal time from the model's dimensions and the GPU's data sheet,
multiplied by one fitted coefficient:

*   Matrix products: 2 FLOPs per weight and token forward, the same again for gradients of the inputs, once more for
    gradients of the weights (full training: 6N; a frozen base: 4N), and one forward pass again where activations are
    recomputed. N counts weights that are multiplied: the head, not the embedding table; of the experts those that a
    token is routed to. The GPU's measured matmul speed is the yardstick, not its peak. Large GPUs reach a smaller
    share of it on a transformer's shapes, by a power of their size.
*   Attention scores: 2 FLOPs per score and head width for each of QK and AV, over half the sequence (causal) or the
    window; 2.5 times that backward (FlashAttention-2, arXiv 2307.08691).
*   Memory traffic of norms, rotary positions, activations and residuals: bytes read and written per token and layer
    over the memory bandwidth; fewer with fused kernels. Adapters add traffic for each matrix they sit on, and the loss
    adds some bytes per entry of the vocabulary.
*   Unpacking 4-bit weights: once per pass over a micro-batch, so it weighs on small ones.
*   Launching kernels from Python: a time per layer and pass. It hides behind the GPU's work and shows where the
    micro-batch is small; adapters and sharding add to it.
*   Gathering sharded weights, reducing gradients, exchanging tensor-parallel activations: bytes over the links. What
    is offloaded passes the bus to the host; no published row tests that part.
*   The optimizer step: bytes of states and gradients, once per step.

Limits: decoder-only models; data loading and saving are not counted; a job near the card's limit of memory is slower
than the estimate; layers that carry a recurrent state count by their matrices only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, log, log2, sqrt
from typing import Any, NamedTuple

from calculator.catalogs import Accelerator, Architecture, accelerators
from calculator.llm import parameters
from calculator.llm.training.memory import TrainingSetup

TERA = 1e12
GIGA = 1e9

_BACKWARD_ATTENTION = 2.5
_GPUS_PER_NODE = 8
_A100_MATMUL_TFLOPS = 271.2
"""Where the size of a GPU is measured from: the measured matmul speed of an A100 SXM."""
_MATMUL_SHARE = 0.75
"""Measured matmul speed over the peak where nobody measured it: the catalogue's measured ones are 0.51 to 0.97."""
_LINK_SHARE = 1 / 8
"""Links between the GPUs of a board over the bandwidth of their memory: 0.15 for A100, 0.13 for H100, 0.11 for B200."""
_BUS_SHARE = 1 / 40
"""The same for the PCIe bus: to the host, and between cards without links."""
_LINKED_FROM_GB_PER_S = 890.0
"""Data-centre GPUs with this much memory bandwidth carry HBM and have links, unless they are PCIe cards."""
_NETWORK_GB_PER_S_PER_TFLOPS = 0.6
"""A node's network over the matmul speed of one of its GPUs: 1600 Gbit/s beside A100 (llm-foundry's benchmark)."""
_FITTED_GPUS = ("NVIDIA A100", "NVIDIA H100")
"""Whose measurements the coefficients were fitted on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernels:
    """What the set-up for memory does not say and speed depends on."""

    first_flash_attention: bool = False
    """Attention kernels of the first generation (FlashAttention 1, Triton), not of the second (PyTorch since 2.2)."""
    fp8: bool = False
    """Matrix products of the layers in 8-bit floating point with one scale per tensor. Scales per row take most of
    the gain back: leave it off for them."""
    fused_adapter: bool = False
    """Adapter products in one kernel (Unsloth, fms-acceleration), not as separate modules in 32 bit (PEFT)."""
    grouped_experts: bool = True
    """All experts of a layer in one product; otherwise a loop in Python over them."""
    overlapped_tensor_parallel: bool = False
    """Tensor-parallel exchange behind the products (asynchronous tensor parallelism)."""
    real_token_share: float = 1.0
    """Share of the processed tokens that are counted: what is left after padding."""
    guessed: float = 0.0
    """Log standard deviation of what was assumed about the set-up; widens the band."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coefficients:
    """Fitted multiples of ideal times; launches and ``node_loss`` are in seconds and shares."""

    matmul: float
    size_exponent: float
    """Loss of matmul share with the GPU's size: (matmul speed / A100's) to this power; twice it for attention."""
    expert: float
    """Time of expert products over that of dense ones of the same FLOPs."""
    fp8: float
    """Time of an 8-bit product over that of a 16-bit one, casts included."""
    attention: float
    flash_1: float
    """First-generation attention kernels over the second."""
    traffic: float
    adapter: float
    logits: float
    nf4: float
    gptq: float
    optimizer: float
    launch_s: float
    adapter_launch_s: float
    fsdp_launch_s: float
    deepspeed_launch_s: float
    expert_launch_s: float
    gather: float
    tensor_parallel: float
    node_loss: float


class Uncertainty:
    """What a source that the fit has not seen may differ by: the log standard deviation of each part of the time.

    Together they make the width of the band. They are judgements, held to the rows: with each source left out, the
    band must cover what it claims.
    """

    everything = 0.10
    """Common to all parts: clusters, versions, how a source measures."""
    matmul = 0.08
    attention = 0.35
    traffic = 0.25
    adapter = 0.35
    logits = 0.4
    dequantisation = 0.6
    optimizer = 0.4
    launch = 0.4
    gather = 0.6
    tensor_parallel = 0.5
    node = 0.02
    """For each doubling of the GPUs beyond one node."""
    fp8 = 0.2
    other_gpu = 0.15
    """A GPU that is not among those of the fit."""
    unknown_matmul = 0.25
    """A GPU whose matmul speed nobody measured."""


_BAND_Z = 1.645
"""The band is the middle 90 % of a log-normal."""


# Before any data: products at the measured matmul speed with a tenth lost, kernels at two thirds of the bandwidth,
# links at nominal speed, some fifty launches of ten to twenty microseconds per layer and pass, 8-bit products at 1.5
# times the speed. A loop over experts takes 0.2 ms for each: granite-3.0-3b-a800m without grouped kernels does 9 ms per
# layer and pass over its 40 experts (rows T0381 to T0383, 279 tokens per sample from tokens/s over samples/s).
PRIOR = Coefficients(
    matmul=1.1, size_exponent=0.15, expert=1.2, fp8=0.65, attention=1.5, flash_1=1.5, traffic=1.5, adapter=1.0,
    logits=1.0, nf4=2.0, gptq=4.0, optimizer=1.0, launch_s=1e-3, adapter_launch_s=4e-4, fsdp_launch_s=5e-4,
    deepspeed_launch_s=1e-3, expert_launch_s=2e-4, gather=1.0, tensor_parallel=1.0, node_loss=0.01,
)
# Fitted on 385 rows of calculator/evaluation/measured/training_throughput.csv that leave nothing to guess, all on A100,
# H100 or H200. To refit: ``python -m calculator.evaluation.training_throughput``.
FITTED = Coefficients(
    matmul=1.034,
    size_exponent=0.1756,
    expert=1.174,
    fp8=0.5467,
    attention=1.67,
    flash_1=1.691,
    traffic=2.495,
    adapter=0.8948,
    logits=1.061,
    nf4=2.516,
    gptq=10.5,
    optimizer=0.96,
    launch_s=0.001056,
    adapter_launch_s=0.0002424,
    fsdp_launch_s=0.0005654,
    deepspeed_launch_s=0.001183,
    expert_launch_s=0.0002,
    gather=2.059,
    tensor_parallel=1.047,
    node_loss=0.009311,
)


class _Shape(NamedTuple):
    """What the time of a token depends on, summed over the layers of one model."""

    products: float
    """Weights multiplied per token in the layers."""
    expert_products: float
    head: float
    stored_linear: float
    stored: float
    operands: float
    """Inputs and outputs of these products, in numbers per token."""
    score_width: tuple[tuple[float, float], ...]
    """(numbers per score over all heads and layers, window) of each kind of attention layer."""
    rotary: float
    norms: float
    one_kernel_norm: bool
    residual: float
    mlp: float
    gated: bool
    layers: int
    expert_layers: int
    experts: int
    hidden: float
    vocab: int


def _cached(store: dict[Any, tuple[Any, Any]], key: Any, owner: object, make: Callable[[], Any]) -> Any:
    """What was made for this very object before: hashing a model's dimensions would take longer than the estimate."""
    found = store.get(key)
    if found is None:
        if len(store) >= 256:
            store.clear()
        found = store[key] = (owner, make())
    return found[1]


_shapes: dict[Any, tuple[Any, _Shape]] = {}
_adapters: dict[Any, tuple[Any, tuple[float, float]]] = {}


def _shape(a: Architecture) -> _Shape:
    shape: _Shape = _cached(_shapes, id(a), a, lambda: _sum_layers(a))
    return shape


def _sum_layers(a: Architecture) -> _Shape:
    matrices = parameters.matrices(a)

    def used(m: parameters.Matrix) -> float:
        return m.copies * (a.experts_per_token / a.experts if m.part == "expert" else 1.0)

    value = a.v_head_dim or a.head_dim
    scores = []
    if a.sliding_layers:
        scores.append((a.sliding_layers * a.heads * (a.head_dim + value), float(a.sliding_window)))
    if a.global_layers:
        width = 2 * a.global_head_dim if a.global_head_dim else a.head_dim + value
        scores.append((a.global_layers * a.heads * width, inf))
    mlp = a.mlp_layers * a.intermediate_size
    mlp += a.moe_layers * (a.experts_per_token * a.moe_intermediate + a.shared_intermediate)
    return _Shape(
        products=sum(m.inputs * m.outputs * used(m) for m in matrices),
        expert_products=sum(m.inputs * m.outputs * used(m) for m in matrices if m.part == "expert"),
        head=float(parameters.embedding(a)),
        stored_linear=float(parameters.linear(a)),
        stored=float(parameters.total(a)),
        operands=sum((m.inputs + m.outputs) * used(m) for m in matrices),
        score_width=tuple(scores),
        rotary=0.0 if a.learned_positions else a.attention_layers * (a.heads + a.kv_heads) * a.head_dim,
        norms=a.layers * a.norms_per_layer * a.hidden_size,
        one_kernel_norm=a.norm_bias or not a.gated_mlp or not a.norm_weight,
        residual=a.layers * 2 * a.hidden_size,
        mlp=mlp,
        gated=a.gated_mlp,
        layers=a.layers,
        expert_layers=a.moe_layers,
        experts=a.experts,
        hidden=a.hidden_size,
        vocab=a.vocab,
    )


def _adapted(a: Architecture, targets: str | tuple[str, ...]) -> tuple[float, float]:
    """Inputs and outputs of the adapted matrices that one token passes: those of the layers, and the head's."""
    widths: tuple[float, float] = _cached(_adapters, (id(a), targets), a, lambda: _sum_adapted(a, targets))
    return widths


def _sum_adapted(a: Architecture, targets: str | tuple[str, ...]) -> tuple[float, float]:
    layers = head = 0.0
    for m in parameters.adapted(a, targets):
        if m.part == "head":
            head += m.inputs + m.outputs
        elif m.part != "embedding":
            layers += (m.inputs + m.outputs) * m.copies * (
                a.experts_per_token / a.experts if m.part == "expert" else 1.0
            )
    return layers, head


def score_flops_per_token(architecture: Architecture, seq_len: float) -> float:
    """FLOPs of attention scores and their use, forward, per token of a causal sequence, over all layers.

    A token attends to half the sequence on average; with a window w shorter than the sequence s to w(1 − w/2s).
    """
    flops = 0.0
    for width, window in _shape(architecture).score_width:
        seen = seq_len / 2 if seq_len <= window else window * (1 - window / (2 * seq_len))
        flops += 2 * width * seen
    return flops


class Flops(NamedTuple):
    """FLOPs per token of training."""

    model: float
    """What the method needs: the numerator of model FLOPs utilisation (MFU)."""
    hardware: float
    """What is computed: recomputed activations and attention scores included (HFU)."""


_RECOMPUTED = {"none": 0.0, "selective": 0.4, "alternate": 0.5, "full": 1.0}
"""Share of the forward pass that is run again. Selective: the cheap half of the layer, by number of products."""


def training_flops_per_token(architecture: Architecture, setup: TrainingSetup) -> Flops:
    """FLOPs per token from the dimensions: products, attention, adapter and recomputation.

    Full training 6 per weight, a frozen base 4, and 6 per adapter weight (Kaplan et al., arXiv 2001.08361, for the
    rule of 6). Attention scores add three times their forward work, and half of it again that flash kernels recompute.
    """
    shape = _shape(architecture)
    again = _RECOMPUTED[setup.checkpointing]
    passes = 3.0 if setup.method == "full" else 2.0
    model = 2 * (shape.products * passes + shape.head * _head_passes(setup))
    hardware = model + 2 * shape.products * again
    if setup.method != "full":
        layers, head = _adapted(architecture, setup.lora_targets)
        model += 6 * setup.lora_rank * (layers + head)
        hardware += 2 * setup.lora_rank * ((3 + again) * layers + 3 * head)
    scores = score_flops_per_token(architecture, setup.seq_len)
    return Flops(model + 3 * scores, hardware + scores * (1 + _BACKWARD_ATTENTION + again))


class _Machine(NamedTuple):
    """What of a GPU the speed depends on, in FLOPs and bytes per second."""

    matmul_flops: float
    bandwidth: float
    link: float
    network: float
    bus: float
    """To the host."""
    peak_flops: float
    measured: bool
    """Whether the matmul speed was measured; otherwise it is a share of the peak."""
    fitted: bool
    """Whether the coefficients have seen this GPU."""


_machines: dict[Any, tuple[Any, _Machine]] = {}


def _machine(g: Accelerator) -> _Machine:
    machine: _Machine = _cached(_machines, id(g), g, lambda: _read_machine(g))
    return machine


def _read_machine(g: Accelerator) -> _Machine:
    """Raises ValueError for an accelerator without a known speed."""
    peak = g.bf16_tflops or g.fp16_tflops or 0.0
    measured = g.matmul_tflops or 0.0
    if not measured and peak:
        # the same peak at the same power is the same chip with other memory
        measured = max(
            (
                other.matmul_tflops or 0.0
                for other in accelerators().values()
                if (other.bf16_tflops, other.power_w) == (peak, g.power_w)
            ),
            default=0.0,
        )
    matmul = measured or peak * _MATMUL_SHARE
    bandwidth = g.bandwidth_gb_per_s or 0.0
    if not (matmul and bandwidth):
        raise ValueError(f"accelerator: no speed of matrix products or memory is known for {g.name}")
    linked = g.kind not in ("workstation gpu", "consumer gpu", "unified memory", "cpu", "phone")
    linked = linked and bandwidth >= _LINKED_FROM_GB_PER_S and "PCIe" not in g.name
    link = bandwidth * (_LINK_SHARE if linked else _BUS_SHARE)
    return _Machine(
        matmul_flops=matmul * TERA,
        bandwidth=bandwidth * GIGA,
        link=link * GIGA,
        network=(matmul * _NETWORK_GB_PER_S_PER_TFLOPS if linked else link) * GIGA,
        bus=bandwidth * _BUS_SHARE * GIGA,
        peak_flops=(peak or matmul) * TERA,
        measured=measured > 0,
        fitted=g.name.startswith(_FITTED_GPUS),
    )


def _head_passes(setup: TrainingSetup) -> float:
    return 3.0 if setup.method == "full" or setup.train_embeddings else 2.0


class Terms(NamedTuple):
    """Ideal seconds per processed token and GPU, before coefficients; what follows ``log_size`` are pure numbers."""

    matmul: float
    expert: float
    attention: float
    traffic: float
    adapter: float
    logits: float
    nf4: float
    gptq: float
    optimizer: float
    launches: float
    """Passes over layers per token: not a time until multiplied by the launch times."""
    expert_launches: float
    gather: float
    tensor_parallel: float
    log_size: float
    fp8: float
    flash_1: float
    adapted: float
    fsdp: float
    deepspeed: float
    doublings: float
    bubble: float


def ideal_terms(
    architecture: Architecture, accelerator: Accelerator, setup: TrainingSetup, kernels: Kernels
) -> Terms:
    """The parts of the time of a token, each at the ideal speed of the GPU."""
    shape = _shape(architecture)
    machine = _machine(accelerator)
    matmul_flops, bandwidth = machine.matmul_flops, machine.bandwidth
    full = setup.method == "full"
    again = _RECOMPUTED[setup.checkpointing]
    passes = 3 + again
    tokens = setup.micro_batch * setup.seq_len
    split = setup.tensor_parallel * setup.pipeline_parallel * setup.context_parallel
    replicas = max(1.0, setup.n_gpus / split)
    fused = setup.fused_kernels or setup.compile or setup.framework == "unsloth"

    layer_products = 2 * shape.products * ((3.0 if full else 2.0) + again)
    head_products = 2 * shape.head * _head_passes(setup)
    expert_products = 2 * shape.expert_products * ((3.0 if full else 2.0) + again)
    adapter_bytes = 0.0
    if not full:
        layers, head = _adapted(architecture, setup.lora_targets)
        layer_products += 2 * setup.lora_rank * (passes * layers + 3 * head)
        fused_adapter = kernels.fused_adapter or setup.compile or setup.framework == "unsloth"
        # PEFT casts the input to 32 bit, drops out, multiplies twice, scales and adds: some twenty bytes per input
        # and output. One fused kernel reads and writes 16-bit numbers once.
        adapter_bytes = (layers * passes + head * 3) * (4.0 if fused_adapter else 20.0)

    # Bytes per number, forward: a norm in 32 bit as separate kernels moves 28, one kernel 8; rotary positions 14 or 4;
    # gate and product 10 or 6; a plain activation 4; two residual additions 6 each. Backward moves twice that. Operands
    # of products count one byte, half of what is read and written, because tiles are reused.
    per_token = shape.norms * (8 if fused or shape.one_kernel_norm else 28)
    per_token += shape.rotary * (4 if fused else 14)
    per_token += shape.mlp * ((6 if fused else 10) if shape.gated else 4)
    per_token += shape.residual * 6 + shape.operands
    # 32-bit logits, softmax and gradient, or a chunked or fused loss
    lean_loss = setup.loss in ("chunked", "fused", "fast") or setup.framework == "unsloth"
    # without FlashAttention the masked half of the scores is computed too
    scores = score_flops_per_token(architecture, setup.seq_len) * (1 if setup.flash_attention else 2)

    unpacked = 0.0
    quantised = setup.base_quantisation or ("nf4" if setup.method == "qlora" else "")
    weight_bytes = 2 * shape.stored
    if quantised not in ("", "none") and not full:
        unpacked = 2 * shape.stored_linear * (2 + again) / tokens / bandwidth
        weight_bytes = 0.55 * shape.stored_linear + 2 * (shape.stored - shape.stored_linear)

    link = machine.link if setup.n_gpus <= _GPUS_PER_NODE else machine.network
    gathered = _gathered_bytes(setup, shape, weight_bytes, replicas) / link
    gathered += _offloaded_bytes(setup, shape, weight_bytes, replicas) / machine.bus
    exchanged = 0.0
    if setup.tensor_parallel > 1:
        # two all-reduces per layer and pass; each moves the activations out and back
        width = 2 * shape.hidden * shape.layers
        exchanged = width * (8 + 4 * again) * (setup.tensor_parallel - 1) / machine.link
        if kernels.overlapped_tensor_parallel:
            exchanged *= 0.3
    optimizer_bytes = 0.0
    if full or setup.train_embeddings:
        trained = shape.stored if full else 2 * shape.head
        state_bytes = 28 if setup.optimizer in ("adamw", "paged-adamw") else 16
        shards = replicas if setup.sharding not in ("none", "ddp") else 1.0
        optimizer_bytes = trained * state_bytes / shards / setup.gradient_accumulation * setup.context_parallel
    launches = shape.layers * passes * setup.tensor_parallel * setup.context_parallel / tokens
    # a pipeline works on the accumulated micro-batches, or else on single sequences
    micro_batches = setup.gradient_accumulation if setup.gradient_accumulation > 1 else setup.micro_batch
    loops = 0.0 if kernels.grouped_experts else shape.expert_layers * shape.experts * passes / tokens
    return Terms(
        matmul=(layer_products + head_products - expert_products) / matmul_flops,
        expert=expert_products / matmul_flops,
        attention=scores * (1 + _BACKWARD_ATTENTION + again) / matmul_flops,
        traffic=per_token * passes / bandwidth,
        adapter=adapter_bytes / bandwidth,
        logits=shape.vocab * (6 if lean_loss else 16) / bandwidth,
        nf4=0.0 if quantised in ("gptq", "int8") else unpacked,
        gptq=unpacked if quantised in ("gptq", "int8") else 0.0,
        optimizer=optimizer_bytes / tokens / bandwidth,
        launches=launches,
        expert_launches=loops,
        gather=gathered * setup.context_parallel / tokens,
        tensor_parallel=exchanged,
        log_size=max(0.0, log(matmul_flops / (_A100_MATMUL_TFLOPS * TERA))),
        fp8=1.0 if kernels.fp8 else 0.0,
        flash_1=1.0 if kernels.first_flash_attention else 0.0,
        adapted=0.0 if full else 1.0,
        fsdp=1.0 if setup.sharding.startswith("fsdp") else 0.0,
        deepspeed=1.0 if setup.sharding.startswith("zero") else 0.0,
        doublings=max(0.0, log2(setup.n_gpus / _GPUS_PER_NODE)),
        bubble=(setup.pipeline_parallel - 1) / micro_batches,
    )


def _gathered_bytes(setup: TrainingSetup, shape: _Shape, weight_bytes: float, replicas: float) -> float:
    """Bytes a GPU receives for weights and gradients in one micro-step (arXiv 1910.02054, section 7)."""
    if replicas <= 1:
        return 0.0
    gradients = 2 * shape.stored if setup.method == "full" else 0.0
    if setup.sharding in ("fsdp", "fsdp2", "zero3"):
        moved = 2 * weight_bytes + gradients
    elif setup.sharding == "zero2":
        moved = gradients + gradients / setup.gradient_accumulation
    else:
        moved = 2 * gradients / setup.gradient_accumulation
    return moved * (replicas - 1) / replicas


def _offloaded_bytes(setup: TrainingSetup, shape: _Shape, weight_bytes: float, replicas: float) -> float:
    """Bytes between a GPU and its host in one micro-step. Offloaded activations hide behind the work."""
    if setup.offload not in ("optimizer", "parameters"):
        return 0.0
    # gradients out and weights back, once per step, split among the GPUs that share the optimizer
    trained = shape.stored if setup.method == "full" else 0.0
    shards = replicas if setup.sharding not in ("none", "ddp") else 1.0
    moved = 4 * trained / shards / setup.gradient_accumulation
    # weights come in for the forward and the backward pass
    return moved + (2 * weight_bytes / shards if setup.offload == "parameters" else 0.0)


class Seconds(NamedTuple):
    """Seconds per processed token and GPU, by part. Parts that overlap do not add up to the total."""

    total: float
    matmul: float
    attention: float
    traffic: float
    adapter: float
    logits: float
    dequantisation: float
    optimizer: float
    launch: float
    gather: float
    tensor_parallel: float


def seconds_per_token(t: Terms, c: Coefficients) -> Seconds:
    """The time of a token from its parts.

    Launching overlaps the GPU's work, so only the longer of the two shows (a fourth-power mean); gathering overlaps
    less well (a quadratic one). The rest is a sum.
    """
    size = exp(t.log_size * c.size_exponent)
    matmul = c.matmul * size * (t.matmul + t.expert * c.expert)
    if t.fp8:
        matmul *= c.fp8
    attention = c.attention * size * size * t.attention * (c.flash_1 if t.flash_1 else 1.0)
    traffic, adapter, logits = c.traffic * t.traffic, c.adapter * t.adapter, c.logits * t.logits
    unpacking = c.nf4 * t.nf4 + c.gptq * t.gptq
    optimizer = c.optimizer * t.optimizer
    launch = c.launch_s + c.adapter_launch_s * t.adapted + c.fsdp_launch_s * t.fsdp + c.deepspeed_launch_s * t.deepspeed
    launch = t.launches * launch + t.expert_launches * c.expert_launch_s
    gather, exchange = c.gather * t.gather, c.tensor_parallel * t.tensor_parallel
    computing = matmul + attention + traffic + adapter + logits + unpacking + optimizer
    busy = sqrt(computing**4 + launch**4)  # the square of the time
    total = (sqrt(busy + gather * gather) + exchange) * (1 + c.node_loss * t.doublings) * (1 + t.bubble)
    return Seconds(total, matmul, attention, traffic, adapter, logits, unpacking, optimizer, launch, gather, exchange)


def _log_deviation(s: Seconds, machine: _Machine, kernels: Kernels, doublings: float) -> float:
    """Log standard deviation of the speed: each part's own, weighted by how much of the total moves with it."""
    u = Uncertainty
    computing = s.matmul + s.attention + s.traffic + s.adapter + s.logits + s.dequantisation + s.optimizer
    busy = sqrt(computing**4 + s.launch**4)
    overlapped = sqrt(busy + s.gather * s.gather)
    share = overlapped / (overlapped + s.tensor_parallel)
    busy_share = share * busy / (overlapped * overlapped)
    gpu_share = busy_share * computing**4 / (busy * busy)
    part = gpu_share / computing
    matmul = sqrt(
        u.matmul**2
        + (0.0 if machine.measured else u.unknown_matmul) ** 2
        + (0.0 if machine.fitted else u.other_gpu) ** 2
        + (u.fp8 if kernels.fp8 else 0.0) ** 2
    )
    variance = u.everything**2 + kernels.guessed**2 + (u.node * doublings) ** 2
    for moved in (
        part * s.matmul * matmul,
        part * s.attention * u.attention,
        part * s.traffic * u.traffic,
        part * s.adapter * u.adapter,
        part * s.logits * u.logits,
        part * s.dequantisation * u.dequantisation,
        part * s.optimizer * u.optimizer,
        (busy_share - gpu_share) * u.launch,
        (share - busy_share) * u.gather,
        (1 - share) * u.tensor_parallel,
    ):
        variance += moved * moved
    return sqrt(variance)


@dataclass(frozen=True, kw_only=True, slots=True)
class ThroughputEstimate:
    """Tokens per second and GPU, padding not counted, with the band that covers nine in ten new measurements."""

    tokens_per_s_per_gpu: float
    low: float
    high: float
    mfu: float
    """Model FLOPs utilisation: FLOPs of the processed tokens without recomputation, over the peak 16-bit speed."""
    log_deviation: float
    seconds: Seconds
    """Seconds per processed token, by part: what the time goes to."""

    def at(self, z: float) -> float:
        """The speed z standard deviations from the estimate, for sampling: 0 is the estimate itself."""
        return self.tokens_per_s_per_gpu * exp(z * self.log_deviation)


def throughput(
    architecture: Architecture,
    accelerator: Accelerator,
    setup: TrainingSetup,
    kernels: Kernels = Kernels(),
    coefficients: Coefficients = FITTED,
) -> ThroughputEstimate:
    """Training speed of one GPU among ``setup.n_gpus``.

    ``setup.seq_len`` is the length of a row of the batch as it is processed, padding included. With tensor, pipeline or
    context parallelism the speed is that of the job over all its GPUs. Raises ValueError for an accelerator without a
    known speed and for a share of real tokens that is none.
    """
    if not 0 < kernels.real_token_share <= 1:
        raise ValueError(f"real_token_share: must be above 0 and at most 1, {kernels.real_token_share} was given")
    terms = ideal_terms(architecture, accelerator, setup, kernels)
    seconds = seconds_per_token(terms, coefficients)
    machine = _machine(accelerator)
    deviation = _log_deviation(seconds, machine, kernels, terms.doublings)
    speed = kernels.real_token_share / seconds.total
    width = exp(_BAND_Z * deviation)
    flops = training_flops_per_token(architecture, setup).model
    return ThroughputEstimate(
        tokens_per_s_per_gpu=speed,
        low=speed / width,
        high=speed * width,
        mfu=flops / seconds.total / machine.peak_flops,
        log_deviation=deviation,
        seconds=seconds,
    )
