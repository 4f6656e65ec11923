"""How fast a model trains on a GPU, and what the run takes: hours, money, energy, CO2.

Speed is a sum of times per token. Each part is an ideal time from the model's dimensions and the GPU's data sheet,
multiplied by one fitted coefficient:

*   Matrix products: 2 FLOPs per weight and token forward, the same again for gradients of the inputs, once more for
    gradients of the weights (full training: 6N; a frozen base: 4N), and one forward pass again where activations are
    recomputed. N counts weights that are multiplied: the head, not the embedding table; of the experts those that a
    token is routed to. The GPU's measured matmul speed is the yardstick, not its peak. Large GPUs reach a smaller
    share of it on a transformer's shapes, by a power of their size. Narrow formats (FP8, MXFP8, NVFP4) take the ratio
    of the peaks, and pay for casting what goes in.
*   Attention scores: 2 FLOPs per score and head width for each of QK and AV, over half the sequence (causal) or the
    window; 2.5 times that backward (FlashAttention-2, arXiv 2307.08691). Kernels have a speed for each generation of
    chips (``catalogs/attention.csv``). Without such a kernel the whole square is worked out and passes the memory.
*   Memory traffic of norms, rotary positions, activations and residuals: bytes read and written per token and layer
    over the memory bandwidth; fewer with fused kernels. Adapters add traffic for each matrix they sit on, and the loss
    adds some bytes per entry of the vocabulary. Experts are read once per pass, however few tokens they get.
*   Unpacking 4-bit weights: once per pass over a micro-batch, so it weighs on small ones.
*   Launching kernels from Python: a time per layer and pass. It hides behind the GPU's work and shows where the
    micro-batch is small; adapters, sharding and 8-bit layers add to it, a loop over experts multiplies it.
*   Gathering sharded weights and reducing gradients: bytes of what one GPU holds after tensor, pipeline and expert
    parallelism have split it, over the slowest link between those that share it; it hides behind the work in part.
*   Tensor-parallel exchange: two all-reduces per layer and pass. Expert parallelism: k·h numbers per token and layer
    for each dispatch and combine, four times and two more with recomputation; within the domain of fast links over
    them, outside once for each machine over the network.
*   The optimizer step: bytes of states and gradients, once per step. Where it is done by the host: the same bytes over
    the memory of the host, which the GPUs of a machine share, and gradients and weights over the bus. Paged states
    that do not fit pass the bus both ways.
*   A pipeline waits for (stages − 1) / (micro-batches × virtual stages) of its time (arXiv 2104.04473).

Limits: decoder-only models; data loading and saving are not counted; a job near the card's limit of memory is slower
than the estimate; layers that carry a recurrent state count by their matrices only.
"""

from dataclasses import dataclass, replace
from math import exp, log, log2, sqrt
from typing import NamedTuple

from calculator.catalogs import Accelerator, Architecture, attention_kernels
from calculator.catalogs.training import bases, frameworks, objectives, optimizers
from calculator.llm.bands import SD_OF_BAND, Distance, Known, distance, known
from calculator.llm.fitted import fitted
from calculator.llm.hardware import GIGA, TERA, Machine, machine
from calculator.llm.training.cost import padded_row_tokens
from calculator.llm.training.memory import DTYPE_BYTES, TrainingSetup
from calculator.llm.training.work import (
    BACKWARD_ATTENTION,
    RECOMPUTED,
    Shape,
    adapted_by,
    head_passes,
    score_flops_per_token,
    shape_of,
    training_flops_per_token,
)

_GPUS_PER_NODE = 8
_OVERLAP = 1.5
"""How work and gathering add up: 1 is one after the other, 2 the root of their squares. On projects that were left out
of the fit 1.25 was nearer than 2 in the mean (17.4 against 18.9 %) and worse on A100s with ZeRO: between them."""
_FAST_LINK = 100 * GIGA
"""Links that are faster than any bus, in bytes per second."""
_HOST_BANDWIDTH = 200 * GIGA
"""Of the memory of a machine with eight GPUs, in bytes per second; what CPU optimizers reach of it is fitted."""
_DESK_BANDWIDTH = 70 * GIGA
"""The same of a workstation: two channels of DDR5."""
_EAGER_SHARE = 0.5
"""What products of scores reach without such a kernel: they are small."""
_OTHER_ATTENTION_SHARE = 0.4
"""Of a chip for which the catalogue has no kernel: about the middle of those it has."""
_A100_MATMUL_TFLOPS = 271.2
"""Where the size of a GPU is measured from: the measured matmul speed of an A100 SXM."""
@dataclass(frozen=True, kw_only=True, slots=True)
class Kernels:
    """What the set-up for memory does not say and speed depends on. Raises ValueError, naming the field."""

    attention: str = ""
    """The kernel for scores, by its name in ``catalogs/attention.csv``; "" is the latest of the chip."""
    arithmetic: str = "bf16"
    """Of the layers' products: bf16 (or fp16), fp8 or mxfp8 (8 bit), nvfp4 or mxfp4 (4 bit), tf32, fp32."""
    fused_adapter: bool = False
    """Adapter products in one kernel (Unsloth, fms-acceleration), not as separate modules in 32 bit (PEFT)."""
    adapter: str = "low-rank"
    """"vector" adapters multiply nothing (IA3, norms, prefixes); "full-size" ones make their update, or the norm of
    the sum, as a matrix as large as the weight (LoHa, LoKr, OFT, BOFT, DoRA)."""
    grouped_experts: bool = True
    """All experts of a layer in one product; otherwise a loop in Python over them."""
    overlapped_tensor_parallel: bool = False
    """Tensor-parallel exchange behind the products (asynchronous tensor parallelism)."""
    real_token_share: float = 1.0
    """Share of the processed tokens that are counted: what is left after padding."""
    guessed: float = 0.0
    """Log standard deviation of what was assumed about the set-up; widens the band."""

    def __post_init__(self) -> None:
        for name, allowed in (("arithmetic", _ARITHMETIC), ("adapter", ("low-rank", "vector", "full-size"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: must be one of {', '.join(allowed)}; {getattr(self, name)!r} was given")
        if not 0 < self.real_token_share <= 1:
            raise ValueError(f"real_token_share: must be above 0 and at most 1, {self.real_token_share} was given")


_ARITHMETIC = {"bf16": 16, "fp16": 16, "fp8": 8, "mxfp8": 8, "nvfp4": 4, "mxfp4": 4, "tf32": 19, "fp32": 32}
"""Bits of an operand; tf32 keeps 19."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coefficients:
    """Fitted multiples of ideal times; names that end in ``_s`` are seconds, ``node_loss`` is a share."""

    matmul: float
    size_exponent: float
    """Loss of matmul share with the GPU's size: (matmul speed / A100's) to this power."""
    expert: float
    """Time of expert products over that of dense ones of the same FLOPs."""
    narrow: float
    """Time of 8- and 4-bit products over what the ratio of the peaks gives."""
    cast: float
    attention: float
    eager: float
    """Scores and probabilities that pass the memory, without a kernel that keeps them on the chip."""
    traffic: float
    adapter: float
    full_size: float
    """Adapters that make a matrix as large as the weight."""
    logits: float
    nf4: float
    gptq: float
    int8_launch_s: float
    """For each 8-bit matrix and pass (LLM.int8): outliers are looked for one matrix at a time."""
    optimizer: float
    host: float
    """The optimizer step in the memory of the host."""
    launch_s: float
    adapter_launch_s: float
    """Besides, for each adapted matrix and pass."""
    fsdp_launch_s: float
    deepspeed_launch_s: float
    mixture_launch_s: float
    """Besides, for each layer of experts and pass: routing, sorting, counting."""
    expert_launch_s: float
    expert_fetch_s: float
    """For each expert of a loop whose weights ZeRO-3 gathers one by one."""
    gather: float
    zero_gather: float
    """Gathering of DeepSpeed over that of others: it fetches later and hides less."""
    tensor_parallel: float
    all_to_all: float
    node_loss: float


class Doubts(NamedTuple):
    """What a source that the fit has not seen may differ by: the log standard deviation of each part of the time.

    Together they make the width of the band. They are judgements, held to the rows: with each project left out, the
    band must cover what it claims. ``everything`` is found from the rows, so that it does.
    """

    everything: float
    """Common to all parts: clusters, versions, how a source measures."""
    matmul: float = 0.08
    expert: float = 0.6
    """Kernels for experts differ by more than dense ones: of two sources with experts over GPUs one reached a third of
    what the other did."""
    attention: float = 0.3
    traffic: float = 0.25
    adapter: float = 0.35
    logits: float = 0.4
    dequantisation: float = 0.5
    optimizer: float = 0.4
    launch: float = 0.4
    gather: float = 0.5
    tensor_parallel: float = 0.5
    all_to_all: float = 0.6
    host: float = 0.6
    node: float = 0.03
    """For each doubling of the GPUs beyond one node."""
    unknown_matmul: float = 0.2
    """A GPU whose matmul speed nobody measured."""
    unknown_peak: float = 0.4
    """One whose peak nobody states."""


FITTED = Coefficients(**fitted("speed")["coefficients"])
"""Fitted on the complete rows of calculator/evaluation/measured/training_throughput.csv; to make them again, run
``python -m calculator fit speed --write``."""
DOUBTS = Doubts(**fitted("speed")["doubts"])
KNOWN = known("speed")
"""Where those rows lie."""


class Terms(NamedTuple):
    """Ideal seconds per processed token and GPU, before coefficients; what follows ``log_size`` are pure numbers."""

    matmul: float
    """Of the layers, without experts, in 16 bit."""
    head: float
    expert: float
    expert_reads: float
    """Of the weights of all experts, however few tokens each gets."""
    cast: float
    attention: float
    eager: float
    traffic: float
    adapter: float
    full_size: float
    logits: float
    nf4: float
    gptq: float
    optimizer: float
    host: float
    launches: float
    """Passes over layers per token: not a time until multiplied by the launch times."""
    int8_launches: float
    mixture_launches: float
    expert_launches: float
    expert_fetches: float
    gather: float
    tensor_parallel: float
    all_to_all: float
    log_size: float
    narrow: float
    """Ratio of the 16-bit peak to that of the format; 1 for 16 bit."""
    adapted: float
    """Matrices of a layer that have an adapter with products of its own."""
    fsdp: float
    deepspeed: float
    doublings: float
    bubble: float


_STEP_BYTES = 12.0
"""Read and written per trained weight in a step, without the states: the weight and its gradient, in 16 and 32 bit."""
_FULL_SIZE_BYTES = 20.0
"""For each weight and pass: the update is made in 32 bit, cast, added and written in 16."""


def ideal_terms(
    architecture: Architecture, accelerator: Accelerator, setup: TrainingSetup, kernels: Kernels
) -> Terms:
    """The parts of the time of a token, each at the ideal speed of the GPU.

    A micro-step takes T seconds on each of the GPUs that hold one copy of the model, so a token takes
    T × GPUs of a copy / tokens of the micro-batch in seconds of one GPU.
    """
    shape = shape_of(architecture)
    device = machine(accelerator)
    matmul_flops, bandwidth = device.matmul_flops, device.bandwidth
    full = setup.method == "full"
    # a frozen copy of the model (a reference) makes its forward pass as well, a trained one (values) all passes
    goal, habits = objectives()[setup.objective], frameworks()[setup.framework].habits(setup.day)
    again = RECOMPUTED[setup.checkpointing]
    extra = goal.frozen + (3 + again) * (goal.trained if setup.method == "full" else goal.adapted_trained)
    passes = 3 + again + extra
    tokens = setup.micro_batch * setup.seq_len
    copy = setup.tensor_parallel * setup.pipeline_parallel * setup.context_parallel / tokens
    steps = setup.accumulation_steps
    fused = setup.compile or (habits.fused_kernels if setup.fused_kernels is None else setup.fused_kernels)
    bits = _ARITHMETIC[kernels.arithmetic]
    # tf32 has half the 16-bit rate on every chip that has it; 32 bit is worked out by the plain units
    wide = 2.0 if bits == 19 else matmul_flops / min(matmul_flops, device.plain_flops) if bits == 32 else 1.0
    rate = matmul_flops / wide
    narrow = device.peak_flops / {8: device.peak_8_bit, 4: device.peak_4_bit}.get(bits, device.peak_flops)

    layer_passes = (3.0 if full else 2.0) + again + extra
    passes_of_head = head_passes(setup) + extra
    layer_products = 2 * (shape.products - shape.expert_products) * layer_passes
    adapter_bytes = full_size = adapted = 0.0
    if not full:
        layers, head, stored, matrices = adapted_by(architecture, setup.lora_targets)
        adapted = 0.0 if kernels.adapter == "vector" else matrices / shape.layers
        fused_adapter = kernels.fused_adapter or setup.compile or habits.fused_adapter
        # PEFT casts the input to 32 bit, drops out, multiplies twice, scales and adds: some twenty bytes per input
        # and output, and half of it where adapters are kept in 16 bit. One fused kernel reads and writes 16-bit numbers
        # once.
        number = DTYPE_BYTES.get(setup.adapter_dtype, habits.adapter_bits / 8)
        touched = 4.0 if fused_adapter or kernels.adapter == "vector" else 5 * number
        adapter_bytes = (layers * passes + head * 3) * touched
        if kernels.adapter != "vector":
            layer_products += 2 * setup.lora_rank * (passes * layers + 3 * head)
        if kernels.adapter == "full-size" or setup.dora:
            full_size = stored * passes * _FULL_SIZE_BYTES * setup.context_parallel / tokens

    # Bytes per number, forward: a norm in 32 bit as separate kernels moves 28, one kernel 8; rotary positions 14 or 4;
    # gate and product 10 or 6; a plain activation 4; two residual additions 6 each. Backward moves twice that. Operands
    # of products count one byte, half of what is read and written, because tiles are reused.
    per_token = shape.norms * (8 if fused or shape.one_kernel_norm else 28)
    per_token += shape.rotary * (4 if fused else 14)
    per_token += shape.mlp * ((6 if fused else 10) if shape.gated else 4)
    per_token += shape.residual * 6 + shape.operands
    # 32-bit logits, softmax and gradient, or a chunked or fused loss
    lean_loss = (setup.loss or habits.loss) != "plain"
    experts = _expert_share(setup)
    # weights of the experts on this GPU, read in each pass; their gradients are read and written
    expert_reads = 2 * shape.stored_experts * experts * (2 + again + extra + (2 if full else 0)) * copy

    # scores: in a kernel of the chip, or the whole square through the memory
    scores = score_flops_per_token(architecture, setup.seq_len) * (1 + BACKWARD_ATTENTION + again + extra)
    eager = 0.0
    if setup.flash_attention and kernels.attention != "eager":
        scores /= _attention_share(device, kernels.attention)
    else:
        # in 16 and in 32 bit: product, scale and mask, softmax, probabilities, and their gradients
        eager = shape.score_heads * setup.seq_len * (18 * (1 + again + extra) + 26)
        scores *= 2 / _EAGER_SHARE

    unpacked = 0.0
    base = bases()[setup.base_quantisation or ("nf4-double" if setup.method == "qlora" else "none")]
    weight_bytes = 2.0
    if base.unpacked and not full:
        unpacked = 2 * shape.stored_linear * (2 + again + extra) * setup.context_parallel / tokens / bandwidth
        weight_bytes = base.bits / 8 * shape.stored_linear / shape.stored + 2 * (1 - shape.stored_linear / shape.stored)

    apart = unpacked > 0 and base.unpacking == "outliers"
    moved = _moved(shape, device, setup, weight_bytes)
    exchanged = 0.0
    tensor_link = device.link if setup.tensor_parallel <= device.domain else device.network
    if setup.tensor_parallel > 1:
        # two all-reduces per layer and pass; each moves the activations out and back
        width = 2 * shape.hidden * shape.layers
        exchanged = width * (8 + 4 * (again + extra)) * (setup.tensor_parallel - 1) / tensor_link
        if kernels.overlapped_tensor_parallel:
            exchanged *= 0.3
    # keys and values go round the ring in each pass, their gradients once
    ring = 2 * shape.keys * (setup.context_parallel - 1) * (3 + again + extra) / device.link

    loop = 0.0 if kernels.grouped_experts else shape.expert_layers * shape.experts * passes / tokens
    whole_experts = loop if setup.sharding == "zero3" or setup.offload == "parameters" else 0.0
    # a pipeline works on the accumulated micro-batches, or else on single sequences
    micro_batches = steps if steps > 1 else setup.micro_batch
    return Terms(
        matmul=layer_products / rate,
        head=2 * shape.head * passes_of_head / rate,
        expert=2 * shape.expert_products * layer_passes / rate,
        expert_reads=expert_reads / bandwidth,
        cast=shape.operands * passes * 6 / bandwidth if narrow < 1 else 0.0,
        attention=scores / rate,
        eager=eager / bandwidth,
        traffic=per_token * passes / bandwidth * (2 if bits == 32 else 1),
        adapter=adapter_bytes / bandwidth,
        full_size=full_size / bandwidth,
        logits=shape.vocab * (6 if lean_loss else 16) * (1 + extra / 3) / bandwidth,
        nf4=unpacked if base.unpacking == "table" else 0.0,
        gptq=0.0 if base.unpacking == "table" else unpacked,
        optimizer=moved.optimizer * copy / bandwidth,
        host=moved.host * copy / (_HOST_BANDWIDTH if device.link >= _FAST_LINK else _DESK_BANDWIDTH),
        launches=shape.layers * passes * setup.tensor_parallel * setup.context_parallel / tokens,
        int8_launches=shape.linears * (2 + again + extra) / tokens if apart else 0.0,
        mixture_launches=shape.expert_layers * passes * setup.tensor_parallel * setup.context_parallel / tokens,
        expert_launches=loop,
        expert_fetches=whole_experts,
        gather=(moved.gather_s + moved.bus / device.bus) * copy + ring,
        tensor_parallel=exchanged,
        all_to_all=_exchange_seconds(shape, device, setup, again + extra) if setup.expert_parallel > 1 else 0.0,
        log_size=max(0.0, log(matmul_flops / (_A100_MATMUL_TFLOPS * TERA))),
        narrow=narrow,
        adapted=adapted,
        fsdp=1.0 if setup.sharding.startswith("fsdp") else 0.0,
        deepspeed=1.0 if setup.sharding.startswith("zero") and not habits.own_engine else 0.0,
        doublings=max(0.0, log2(setup.n_gpus / _GPUS_PER_NODE)),
        bubble=(setup.pipeline_parallel - 1) / (micro_batches * setup.virtual_stages),
    )


def _attention_share(device: Machine, kernel: str) -> float:
    """What the kernel reaches of the speed of products: that of the name, or the chip's latest."""
    known = attention_kernels(device.generation)
    if kernel in known:
        return known[kernel].share
    return list(known.values())[-1].share if known else _OTHER_ATTENTION_SHARE


def _expert_share(setup: TrainingSetup) -> float:
    """Share of all experts' weights that one GPU holds before data-parallel sharding."""
    if setup.expert_parallel > 1:
        return 1 / (setup.expert_parallel * setup.pipeline_parallel)
    return 1 / (setup.tensor_parallel * setup.pipeline_parallel)


class _Moved(NamedTuple):
    """Of one GPU in one micro-step: bytes, and seconds on the links."""

    gather_s: float
    bus: float
    host: float
    optimizer: float


def _moved(shape: Shape, device: Machine, setup: TrainingSetup, weight_bytes: float) -> _Moved:
    """Weights gathered, gradients reduced, states updated (arXiv 1910.02054, section 7).

    Each GPU holds what tensor and pipeline parallelism leave it; experts are split further by expert parallelism and
    have fewer copies. Weights are gathered for the forward and the backward pass; a pipeline keeps them through all its
    micro-batches.
    """
    split = setup.tensor_parallel * setup.pipeline_parallel
    full, steps = setup.method == "full", setup.accumulation_steps
    seconds = bus = host = optimizer = 0.0
    sharded = setup.sharding in ("fsdp", "fsdp2", "zero3")
    offloaded = setup.offload in ("optimizer", "parameters")
    paged, state_bytes = _paged_share(shape, device, setup), _state_bytes(setup)
    for weights, share, copies, stride in (
        (shape.stored - shape.stored_experts, 1 / split, setup.n_gpus / split, setup.tensor_parallel),
        (
            shape.stored_experts, _expert_share(setup),
            setup.n_gpus * _expert_share(setup), max(setup.expert_parallel, setup.tensor_parallel),
        ),
    ):
        held = weights * share
        trained = held if full else 2 * shape.head / split if setup.train_embeddings and stride else 0.0
        if not full and weights == shape.stored_experts:
            trained = 0.0
        owners = max(1.0, copies) if setup.sharding not in ("none", "ddp") else 1.0
        if copies > 1:
            within = copies * stride <= device.domain
            link = device.link if within else min(device.link, device.network * max(1.0, device.domain / stride))
            gradients = 2 * trained
            if sharded:
                gathers = 2.0 if setup.pipeline_parallel == 1 else 2 / steps
                moved = gathers * weight_bytes * held + gradients * min(1.0, gathers / 2)
            elif setup.sharding == "zero2":
                moved = gradients + gradients / steps
            else:
                moved = 2 * gradients / steps
            seconds += moved * (copies - 1) / copies / link
        states = (_STEP_BYTES + 2 * state_bytes) * trained / owners / steps
        if offloaded:
            # all GPUs of a machine share its memory; gradients go out and weights come back
            host += states * min(setup.n_gpus, _GPUS_PER_NODE)
            bus += 4 * trained / owners / steps
            if setup.offload == "parameters":
                bus += 2 * weight_bytes * held / owners
        else:
            optimizer += states
            bus += paged * 2 * state_bytes * trained / owners / steps
    return _Moved(seconds, bus, host, optimizer)


def _state_bytes(setup: TrainingSetup) -> float:
    """Of an optimizer's states, per trained weight; 32 bit where the optimizer leaves it open."""
    optimizer = optimizers()[setup.optimizer]
    return optimizer.states * (optimizer.bits or 32) / 8


def _paged_share(shape: Shape, device: Machine, setup: TrainingSetup) -> float:
    """Share of a paged optimizer's states that does not fit beside the rest, by the weights and gradients alone."""
    if not optimizers()[setup.optimizer].paged or setup.method != "full":
        return 0.0
    owned = 1 / setup.n_gpus if setup.sharding in ("fsdp", "fsdp2", "zero3") else 1.0
    rest = 4 * shape.stored * owned
    states = _state_bytes(setup) * shape.stored * owned
    return min(1.0, max(0.0, (rest + states - device.memory) / states))


def _exchange_seconds(shape: Shape, device: Machine, setup: TrainingSetup, more_forwards: float) -> float:
    """Seconds per token in which its numbers travel to experts and back.

    Two bytes for each of k·h numbers and each dispatch and combine, forward and backward. Of ``expert_parallel`` GPUs
    those of the own domain are reached over fast links; of the others each machine gets a token once.
    """
    spread = setup.expert_parallel
    near = min(spread, device.domain)
    numbers = shape.routed * 2 * (4 + 2 * more_forwards)
    seconds = numbers * (near - 1) / spread / device.link
    if spread > near:
        machines = spread / near
        reached = (machines - 1) * (1 - (1 - 1 / machines) ** shape.experts_per_token)
        seconds += numbers / shape.experts_per_token * reached / device.network
    return seconds


class Seconds(NamedTuple):
    """Seconds per processed token and GPU, by part. Parts that overlap do not add up to the total."""

    total: float
    matmul: float
    expert: float
    attention: float
    traffic: float
    adapter: float
    logits: float
    dequantisation: float
    optimizer: float
    launch: float
    gather: float
    tensor_parallel: float
    all_to_all: float
    host: float


def seconds_per_token(t: Terms, c: Coefficients) -> Seconds:
    """The time of a token from its parts.

    Launching overlaps the GPU's work, so only the longer of the two shows (a fourth-power mean); gathering overlaps
    less well (``_OVERLAP``). The rest is a sum.
    """
    size = c.matmul * exp(t.log_size * c.size_exponent)
    narrow = min(1.0, t.narrow * c.narrow) if t.narrow < 1 else 1.0
    matmul = size * (t.matmul * narrow + t.head) + c.cast * t.cast
    expert = c.expert * (size * narrow * t.expert + t.expert_reads)
    attention = c.attention * t.attention + c.eager * t.eager
    traffic, logits = c.traffic * t.traffic, c.logits * t.logits
    adapter = c.adapter * t.adapter + c.full_size * t.full_size
    unpacking = c.nf4 * t.nf4 + c.gptq * t.gptq
    optimizer, host = c.optimizer * t.optimizer, c.host * t.host
    launch = c.launch_s + c.adapter_launch_s * t.adapted + c.fsdp_launch_s * t.fsdp + c.deepspeed_launch_s * t.deepspeed
    launch = t.launches * launch + t.int8_launches * c.int8_launch_s + t.mixture_launches * c.mixture_launch_s
    launch += t.expert_launches * c.expert_launch_s + t.expert_fetches * c.expert_fetch_s
    gather = c.gather * t.gather * (c.zero_gather if t.deepspeed else 1.0)
    exchange, routing = c.tensor_parallel * t.tensor_parallel, c.all_to_all * t.all_to_all
    computing = matmul + expert + attention + traffic + adapter + logits + unpacking + optimizer
    busy = sqrt(sqrt(computing**4 + launch**4))
    total = (busy**_OVERLAP + gather**_OVERLAP) ** (1 / _OVERLAP) + exchange + routing + host
    total *= (1 + c.node_loss * t.doublings) * (1 + t.bubble)
    return Seconds(
        total, matmul, expert, attention, traffic, adapter, logits, unpacking, optimizer, launch, gather, exchange,
        routing, host,
    )  # fmt: skip


def _variance(s: Seconds, u: Doubts, unknown: float, doublings: float) -> float:
    """Of the logarithm of the speed: each part's doubt, weighted by how much of the total moves with it."""
    computing = (
        s.matmul + s.expert + s.attention + s.traffic + s.adapter + s.logits + s.dequantisation + s.optimizer
    )
    busy = sqrt(sqrt(computing**4 + s.launch**4))
    shown = busy**_OVERLAP + s.gather**_OVERLAP
    overlapped = shown ** (1 / _OVERLAP)
    total = overlapped + s.tensor_parallel + s.all_to_all + s.host
    share = overlapped / total
    busy_share = share * busy**_OVERLAP / shown
    gpu_share = busy_share * (computing / busy) ** 4
    part = gpu_share / computing
    variance = u.everything**2 + (u.node * doublings) ** 2
    for moved in (
        part * s.matmul * sqrt(u.matmul**2 + unknown**2),
        *(
            part * getattr(s, name) * getattr(u, name)
            for name in ("expert", "attention", "traffic", "adapter", "logits", "dequantisation", "optimizer")
        ),
        (busy_share - gpu_share) * u.launch,
        (share - busy_share) * u.gather,
        *(getattr(s, name) / total * getattr(u, name) for name in ("tensor_parallel", "all_to_all", "host")),
    ):
        variance += moved * moved
    return variance


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
    distance: Distance
    """How like the run is to those that the law was fitted to."""

    def at(self, z: float) -> float:
        """The speed z standard deviations from the estimate, for sampling: 0 is the estimate itself."""
        return self.tokens_per_s_per_gpu * exp(z * self.log_deviation)


AXES = ("gpu", "framework", "sharding", "arithmetic", "method", "kernel", "lengths", "offload", "model")
"""What tells runs apart, as far as the error of an estimate may depend on it."""


def place(
    architecture: Architecture, accelerator: Accelerator, setup: TrainingSetup, kernels: Kernels = Kernels()
) -> dict[str, str]:
    """Where a run lies on each of ``AXES``, for ``calculator.llm.bands``."""
    s = setup
    split = "".join(
        f"+{name}"
        for name, degree in (
            ("tensor", s.tensor_parallel), ("pipeline", s.pipeline_parallel), ("context", s.context_parallel),
            ("expert", s.expert_parallel),
        )
        if degree > 1
    )  # fmt: skip
    slow = s.n_gpus > 1 and machine(accelerator).link < _FAST_LINK
    narrow = _ARITHMETIC[kernels.arithmetic] < 16
    base = s.base_quantisation or ("nf4-double" if s.method == "qlora" else "none")
    base = "16 bit" if base == "none" else base
    adapter = "" if s.method == "full" or kernels.adapter == "low-rank" else f" {kernels.adapter}"
    return {
        "gpu": accelerator.generation,
        "framework": s.framework,
        "sharding": ("none" if s.sharding == "ddp" and s.n_gpus == 1 else s.sharding) + split + " slow links" * slow,
        "arithmetic": kernels.arithmetic if narrow else "16 bit" if s.method == "full" else base,
        "method": s.method + adapter + ("" if s.objective == "text" else f" {s.objective}"),
        "kernel": "eager" if not s.flash_attention or kernels.attention == "eager" else "flash",
        "lengths": "packed" if kernels.real_token_share == 1 else "padded",
        "offload": s.offload,
        "model": "mixture" if architecture.experts else "hybrid" if architecture.recurrent else "dense",
    }


def throughput(
    architecture: Architecture,
    accelerator: Accelerator,
    setup: TrainingSetup,
    kernels: Kernels = Kernels(),
    coefficients: Coefficients = FITTED,
    runs: Known = KNOWN,
    doubts: Doubts = DOUBTS,
) -> ThroughputEstimate:
    """Training speed of one GPU among ``setup.n_gpus``.

    ``setup.seq_len`` is the length of a row of the batch as it is processed, padding included. With tensor, pipeline or
    context parallelism the speed is that of the job over all its GPUs. Where answers are sampled while it trains, it is
    that of the training alone. The band is wider for what no run among ``runs`` has in common with this one. Raises
    ValueError for an accelerator whose memory has no known bandwidth.
    """
    device = machine(accelerator)
    terms = ideal_terms(architecture, accelerator, setup, kernels)
    seconds = seconds_per_token(terms, coefficients)
    far = distance(runs, place(architecture, accelerator, setup, kernels))
    unknown = 0.0 if accelerator.matmul_tflops else doubts.unknown_matmul
    unknown = doubts.unknown_peak if "peak" in device.assumed else unknown
    variance = _variance(seconds, doubts, unknown, terms.doublings)
    deviation = sqrt(variance + kernels.guessed**2 + far.variance)
    speed = kernels.real_token_share / seconds.total
    width = exp(SD_OF_BAND * deviation)
    flops = training_flops_per_token(architecture, setup).model
    return ThroughputEstimate(
        tokens_per_s_per_gpu=speed,
        low=speed / width,
        high=speed * width,
        mfu=flops / seconds.total / _peak(device, kernels),
        log_deviation=deviation,
        seconds=seconds,
        distance=far,
    )


def _peak(device: Machine, kernels: Kernels) -> float:
    bits = _ARITHMETIC[kernels.arithmetic]
    return device.peak_4_bit if bits == 4 else device.peak_8_bit if bits == 8 else device.peak_flops


def throughput_on_examples(
    architecture: Architecture,
    accelerator: Accelerator,
    setup: TrainingSetup,
    *,
    mean_tokens: float,
    spread: float,
    kernels: Kernels = Kernels(),
) -> ThroughputEstimate:
    """Training speed in tokens of the examples, which are of ``mean_tokens`` with this spread over the mean.

    Packed rows are as long as ``setup.seq_len``. Otherwise a row is as long as the longest of its micro-batch, and the
    rest of the batch is padding: the time follows the examples' lengths, not the longest allowed. ValueError as for
    ``throughput``, and for lengths of 0.
    """
    if setup.packing:
        return throughput(architecture, accelerator, setup, kernels)
    kept = padded_row_tokens(mean_tokens=mean_tokens, spread=spread, micro_batch=1, seq_len=setup.seq_len)
    row = padded_row_tokens(
        mean_tokens=mean_tokens, spread=spread, micro_batch=setup.micro_batch, seq_len=setup.seq_len
    )
    padded = replace(kernels, real_token_share=kernels.real_token_share * min(1.0, kept / row))
    return throughput(architecture, accelerator, replace(setup, seq_len=max(1.0, row)), padded)
