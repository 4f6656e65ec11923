"""How fast a model decodes: one step gives each running sequence one token, and is a sum of what it must do.

A step reads the weights once (of experts, those that some token is routed to), reads the cache of every sequence,
multiplies, waits between kernels and for its neighbours, and is scheduled by a host. Bytes over bandwidth is the law of
Pope et al. 2022 (arXiv 2211.05102); the rest is what measured engines add to it. Reading weights and multiplying them
overlap in part, the other parts are added: that fitted the measurements better than a sum of all or the longest of all.

Kernels without tensor cores (matrix times vector) have a second limit: a core fetches and unpacks only so many bits in
a clock. On a card with much bandwidth for its cores that limit is the nearer one.

Times are in milliseconds, bandwidths inside the functions in GB per millisecond.
"""

from math import inf, log, sqrt
from typing import NamedTuple

from calculator.catalogs import Architecture
from calculator.llm.serving.body import Body, body
from calculator.llm.serving.coefficients import Coefficients
from calculator.llm.serving.deployment import ServingSetup
from calculator.llm.serving.devices import Rates, device_class, rates
from calculator.llm.serving.memory import room_gb

# The head width that the two attention constants are stated for.
_HEAD_WIDTH = 128
# How sharply the longer of two overlapping times takes over: 1 is their sum, large is the longer one.
_SHARPNESS = 2.0
# The same between memory and cores, whose loads are in flight together.
_ROOF_SHARPNESS = 4.0
# A processor whose cores are not known.
_USUAL_CORES = 16.0
_USUAL_CORE_GHZ = _USUAL_CORES * 5.0
# Shifts and logic of a core in a clock, NVIDIA's of 7.0 to 9.0 alike: docs.nvidia.com/cuda/cuda-c-programming-guide
# (throughput of native arithmetic instructions). Its 32-bit products differ by half between these.
_INTEGER_LANES = 64
# Most sequences that a server runs together by default (max_batch_size of TensorRT-LLM).
MOST_SEQUENCES = 2048.0


class Step(NamedTuple):
    """The parts of one decoding step, in milliseconds. Launched from a host, the longer of host and rest counts."""

    weights_ms: float
    cache_ms: float
    compute_ms: float
    gaps_ms: float
    messages_ms: float
    host_ms: float
    total_ms: float


def expert_coverage(experts: int, per_token: int, tokens: float, evenness: float = inf) -> float:
    """Share of a layer's experts that at least one of so many tokens is routed to. 0 without experts.

    1 − (1 − k/E)^B if each expert were called alike. Some are called more often than others: with rates that follow a
    gamma distribution of shape ``evenness`` (1 over the square of their relative spread), an expert is left out by the
    B − 1 tokens after the first with probability (1 + (B − 1) k/(E × evenness))^−evenness, the mean of exp(−(B − 1) ×
    rate) over them.
    """
    if not experts:
        return 0.0
    share = per_token / experts
    left_out: float = (1 - share) ** tokens
    if evenness < inf:
        left_out = (1 - share) * (1 + max(0.0, tokens - 1) * share / evenness) ** -evenness
    return 1 - left_out


def busiest_device(experts: int, coverage: float, devices: int, skew: float) -> float:
    """Experts that the busiest device reads, relative to the average device, with experts dealt out by device.

    The largest of n draws with mean m exceeds it by about √(2 m ln n); ``skew`` is the share of that which is seen.
    """
    if devices < 2 or not experts:
        return 1.0
    mean = coverage * experts / devices
    return min(float(devices), 1 + skew * sqrt(2 * log(devices) * (1 - coverage) / mean))


def decode_step(s: ServingSetup, batch: float, depth_tokens: float, c: Coefficients) -> Step:
    """One step of ``batch`` sequences that are ``depth_tokens`` long.

    With pipeline stages it is the way of one group of sequences through all of them, while the other groups follow.
    With a draft it is the check of all guesses, and the making of them.
    """
    b, r = body(s.model, s.stored, s.file_gib), rates(s.device, s.stored)
    kind = device_class(s.device)
    group = max(1.0, batch / s.stages)
    each = 1.0 + s.draft.tokens if s.draft else 1.0
    if kind == "cpu":
        step = _processor_step(s, b, r, group, each, depth_tokens, c)
    elif s.engine.style == "eager":
        step = _eager_step(s, b, r, group, each, depth_tokens, c)
    else:
        step = _graph_step(s, b, r, group, each, depth_tokens, c, apple=kind == "apple")
    if s.draft:
        step = step._replace(total_ms=step.total_ms * (1 + s.draft.tokens * s.draft.cost_share))
    return step


def _graph_step(
    s: ServingSetup, b: Body, r: Rates, batch: float, each: float, depth: float, c: Coefficients, *, apple: bool
) -> Step:
    """Kernels follow each other on the device, with small gaps."""
    a, shards, used = s.model, s.shards, s.engine
    tokens = batch * each
    vector = apple or used.matrix_vector or s.stored.kernel.matrix_vector
    dense, tables, experts = _vector_ms_per_gb(s, r, c, apple=apple) if vector else _tensor_ms_per_gb(s, r, c)
    again: float = getattr(c, used.reread) if used.reread and vector else 0.0
    read = (b.dense_gb * dense + (b.head_gb + b.rest_gb) * tables) * s.replicas
    read *= 1 + again * (min(tokens, used.reread_rows) - 1)
    coverage = expert_coverage(a.experts, a.experts_per_token, tokens, c.routing_evenness)
    if a.experts:
        spread = busiest_device(a.experts, coverage, shards, c.routing_skew) if s.split == "expert" else 1.0
        rows = tokens * a.experts_per_token / (a.experts * coverage)
        read += b.expert_gb * coverage * spread * experts * (1 + again * (min(rows, used.reread_rows) - 1))
    adapters = min(batch, s.adapters)
    read += adapters * s.adapter_gb / (r.bandwidth_gb_per_ms * c.share_16bit)
    read /= shards
    if vector:
        compute = 2 * b.active_billions * tokens / _core_tflops(s, r, c, apple=apple) / shards
        unpacking = 0.0
    else:
        compute = _tensor_compute_ms(s, b, r, tokens, coverage, c) / shards
        unpacking = _unpacking_ms(s, b, r, c) / shards
    # A recurrent state is written back as well.
    share = getattr(c, used.apple_share_cache if apple else used.share_cache)
    cache = batch * (b.cache_gb(depth, s.cache_bits) + b.state_gb) / (r.bandwidth_gb_per_ms * shards * share)
    if used.attention == "per_head" and not apple:
        cache = max(cache, a.attention_layers * depth * a.head_dim / _HEAD_WIDTH * c.block_attention_ns / 1e6)
    gaps = b.gaps * getattr(c, (apple and used.gap_apple) or used.gap)
    if a.experts:
        unfused = used.gap_unfused_experts if s.stored.kernel.unfused_experts else ""
        gaps += a.moe_layers * getattr(c, unfused or used.gap_experts)
        if used.each_expert:
            gaps += a.moe_layers * a.experts * getattr(c, used.each_expert)
    if adapters:
        # Eight kernels more in a block: two for each of its four products, whatever the number of adapters.
        gaps += b.blocks * getattr(c, (apple and used.gap_apple) or used.gap)
    if not used.host_gaps:
        gaps *= r.slowness
    messages = _messages_ms(s, b, r, tokens, c)
    host = _server_ms(s, batch, c)
    multiplied = read + compute if used.waits_for_tiles and tokens > 1 else _longer(read, compute)
    total = multiplied + unpacking + cache + gaps + messages
    total = _longer(total, host) if used.host_ahead else total + host
    if depth > used.graph_tokens:
        total = _longer(total, b.blocks * c.launch_layer_ms)
    return Step(read, cache, compute + unpacking, gaps, messages, host, total)


def _tensor_ms_per_gb(s: ServingSetup, r: Rates, c: Coefficients) -> tuple[float, float, float]:
    """Reading by tensor-core kernels: dense weights, 16-bit tables, experts."""
    bandwidth = r.bandwidth_gb_per_ms

    def share(bits: float) -> float:
        return c.share_16bit if bits > 12 else c.share_8bit if bits > 7 else c.share_4bit

    bits, named = s.stored.bits, s.engine.share_experts
    of_experts = getattr(c, named) if named else (
        c.share_experts_16bit if bits > 12 else c.share_experts_8bit if bits > 7 else c.share_experts_4bit
    )
    dense = share(s.stored.dense_bits)
    return 1 / (bandwidth * dense), 1 / (bandwidth * c.share_16bit), 1 / (bandwidth * share(bits) * of_experts)


def _vector_ms_per_gb(s: ServingSetup, r: Rates, c: Coefficients, *, apple: bool) -> tuple[float, float, float]:
    """Reading by matrix-vector kernels: bound by the memory, or by what the cores fetch and unpack."""
    unpack, fetch = (c.apple_clocks, c.apple_clocks_per_bit) if apple else (c.vector_clocks, c.vector_clocks_per_bit)
    memory = 1 / (r.bandwidth_gb_per_ms * (c.share_apple if apple else c.share_vector))
    cores = inf if s.engine.unlimited_cores else r.core_clocks_per_ns

    def ms_per_gb(bits: float) -> float:
        clocks = fetch * bits + (unpack if bits <= 12 else 0.0)
        # A GB has 8/bits billion weights; a core has a million clocks in a millisecond at one GHz.
        return _longer(memory, clocks * 8 / bits * 1000 / cores, _ROOF_SHARPNESS)

    stored = s.stored
    return ms_per_gb(stored.dense_bits), ms_per_gb(stored.head_bits), ms_per_gb(stored.bits) / c.share_experts_vector


def _rows(s: ServingSetup, tokens: float, c: Coefficients) -> float:
    """Rows that tensor-core kernels multiply, if only to throw them away."""
    least: float = getattr(c, s.stored.kernel.tile)
    return max(tokens, least)


def _tensor_compute_ms(
    s: ServingSetup, b: Body, r: Rates, tokens: float, coverage: float, c: Coefficients
) -> float:
    """Multiplying: 2 operations for each weight and row. Each expert has rows of its own, and its own least number."""
    a, rows = s.model, _rows(s, tokens, c)
    routed = b.expert_billions * a.experts_per_token / a.experts if a.experts else 0.0
    compute = 2 * (b.active_billions - routed) * rows / (r.best_tflops * c.share_compute)
    if routed:
        each = max(tokens * a.experts_per_token / (a.experts * coverage), min(rows, c.tile_rows_experts))
        compute += 2 * b.expert_billions * coverage * each / (r.best_tflops * c.share_compute_experts)
    return compute


def _core_tflops(s: ServingSetup, r: Rates, c: Coefficients, *, apple: bool) -> float:
    """16-bit products of kernels that are not a vendor's: so many for each core and clock, up to what the card does."""
    each: float = c.core_flops_apple if apple else getattr(c, s.engine.core_flops_on(s.device.stack))
    return 1 / (1 / r.best_half_tflops + 1 / (each * r.core_clocks_per_ns / 1000))


def _unpacking_ms(s: ServingSetup, b: Body, r: Rates, c: Coefficients) -> float:
    """Older 4-bit kernels unpack the weights on the plain cores and wait for it."""
    named = s.stored.kernel.unpack
    if not named or s.engine.matrix_vector:
        return 0.0
    operations: float = getattr(c, named)
    return b.active_billions * operations * 1000 / (_INTEGER_LANES * r.core_clocks_per_ns)


def _server_ms(s: ServingSetup, batch: float, c: Coefficients) -> float:
    """Scheduling, sampling and detokenising, for each step and each sequence."""
    used = s.engine
    fixed: float = getattr(c, used.step) if used.step else 0.0
    each: float = getattr(c, used.sequence) if used.sequence else 0.0
    return fixed + each * batch


def _messages_ms(s: ServingSetup, b: Body, r: Rates, tokens: float, c: Coefficients) -> float:
    """Two all-reduces of the hidden state in each layer: a ring moves 2 (n − 1)/n of it over each link.

    Between pipeline stages the hidden state is handed on once.
    """
    n = s.shards
    state_gb = tokens * s.model.hidden_size * 2 / 1e9
    latency: float = getattr(c, s.engine.message)
    handed = (s.devices // n - 1) * (latency + state_gb / r.link_gb_per_ms)
    if n < 2:
        return handed
    return 2 * b.blocks * (latency + state_gb * 2 * (n - 1) / n / r.link_gb_per_ms) + handed


def _eager_step(
    s: ServingSetup, b: Body, r: Rates, batch: float, each: float, depth: float, c: Coefficients
) -> Step:
    """Each operation launched from Python: the longer of host and device, whichever it is."""
    a, kernel, tokens = s.model, s.stored.kernel, batch * each
    launch = c.eager_layer_ms + (getattr(c, kernel.eager_layer) if kernel.eager_layer else 0.0)
    host = b.blocks * launch + a.moe_layers * a.experts * getattr(c, kernel.eager_expert)
    dense, tables, _ = _tensor_ms_per_gb(s, r, c)
    coverage = expert_coverage(a.experts, a.experts_per_token, tokens, c.routing_evenness)
    read = (b.dense_gb + b.expert_gb * coverage) * dense + (b.head_gb + b.rest_gb) * tables
    compute = _tensor_compute_ms(s, b, r, tokens, coverage, c)
    unpacking = _unpacking_ms(s, b, r, c)
    heads = a.attention_layers * a.heads * a.head_dim / _HEAD_WIDTH
    kept = b.cache_gb(depth, s.cache_bits) / r.bandwidth_gb_per_ms
    cache = batch * (depth * heads * c.eager_attention_ns / 1e6 + kept)
    total = _longer(host, _longer(read, compute) + unpacking + cache)
    return Step(read, cache, compute + unpacking, 0.0, 0.0, host, total)


def _longer(first: float, second: float, sharpness: float = _SHARPNESS) -> float:
    """The longer of two times that overlap, rounded off where they are alike."""
    most = max(first, second)
    share = min(first, second) / most if most else 0.0
    longer: float = most * (1 + share**sharpness) ** (1 / sharpness)
    return longer


def _processor_step(
    s: ServingSetup, b: Body, r: Rates, batch: float, each: float, depth: float, c: Coefficients
) -> Step:
    """On a processor: what its cores pull from memory, unpacking where the format needs it, and waiting for threads."""
    a, used, tokens = s.model, s.engine, batch * each
    bandwidth = r.bandwidth_gb_per_ms * c.cpu_share
    coverage = expert_coverage(a.experts, a.experts_per_token, tokens, c.routing_evenness)
    read = (b.dense_gb + b.head_gb + b.rest_gb + b.expert_gb * coverage) / bandwidth
    # Unpacking is stated for sixteen cores at five GHz.
    compute = b.active_billions * _unpack_ps(s, c) * tokens / (_core_ghz(r) / _USUAL_CORE_GHZ)
    kept = b.cache_gb(depth, s.cache_bits)
    if used.attention != "paged" and a.kv_heads:
        # Copied, repeated for each query head, and read.
        kept *= 3 * a.heads / a.kv_heads
    cache = batch * kept / (bandwidth * getattr(c, used.cpu_share_cache))
    # A thread for each core, and all wait for the last of them after every operation of a layer.
    waiting = b.blocks * (s.device.cores or _USUAL_CORES) * c.cpu_barrier_us / 1000
    return Step(read, cache, compute, waiting, 0.0, 0.0, read + cache + compute + waiting)


def _unpack_ps(s: ServingSetup, c: Coefficients) -> float:
    """Picoseconds that a processor takes to unpack one weight of the format."""
    picoseconds: float = getattr(c, s.stored.kernel.cpu_unpack) if s.stored.kernel.cpu_unpack else 0.0
    return picoseconds * (getattr(c, s.engine.unpack_share) if s.engine.unpack_share else 1.0)


def _core_ghz(r: Rates) -> float:
    """Cores of a processor times their clock; those of a usual one where they are not known."""
    return r.core_clocks_per_ns if r.core_clocks_per_ns < inf else _USUAL_CORE_GHZ


def prefill_ms(s: ServingSetup, tokens: float, c: Coefficients, cached_tokens: float = 0.0) -> float:
    """Reading a prompt of so many tokens: bound by arithmetic but for short prompts.

    2 operations for each weight and token; in attention 2 for each number of keys and values, query head and pair of
    tokens, half of which are masked. The output projection is needed once. Of tokens that are cached the products are
    saved, not the attention of the others to them. Less than one token costs in proportion, so that a prompt that is
    cached whole costs nothing and a little more than that costs a little.
    """
    own = tokens - cached_tokens
    if own <= 0:
        return 0.0
    b, a, shards, r = body(s.model, s.stored, s.file_gib), s.model, s.shards, rates(s.device, s.stored)
    kind = device_class(s.device)
    width = a.heads * (a.head_dim + a.v_head_dim if a.kv_lora_rank else 2 * a.head_dim)
    routed = b.expert_billions * a.experts_per_token / a.experts if a.experts else 0.0
    pairs = _pairs(a, tokens) - _pairs(a, cached_tokens)
    dense = 2 * ((b.active_billions - b.head_billions - routed) * own + b.head_billions + pairs * width / 1e9)
    unpacking = 0.0
    if kind == "apple" or (kind == "gpu" and s.engine.matrix_vector):
        rate = of_experts = _core_tflops(s, r, c, apple=kind == "apple")
    elif s.engine.matrix_vector and s.stored.bits <= 12:
        # A processor's integer products of narrow weights, which are unpacked once for a few rows.
        each: float = getattr(c, s.engine.cpu_core_flops)
        rate = of_experts = each * _core_ghz(r) / 1000
        unpacking = b.active_billions * _unpack_ps(s, c) * own / c.cpu_unpack_rows / (_core_ghz(r) / _USUAL_CORE_GHZ)
    else:
        rate, of_experts = r.best_tflops * c.share_prefill, r.best_tflops * c.share_prefill_experts
    compute = dense / rate
    coverage = expert_coverage(a.experts, a.experts_per_token, own, c.routing_evenness)
    if routed:
        # Each expert multiplies rows of its own, and the last tile of them is seldom full.
        compute += 2 * (routed * own + b.expert_billions * coverage * c.tile_prefill_experts) / of_experts
    compute = (compute + unpacking) / shards
    read = (b.dense_gb + b.head_gb + b.rest_gb + b.expert_gb * coverage) / (r.bandwidth_gb_per_ms * shards)
    launch = b.blocks * (c.eager_layer_ms if s.engine.style == "eager" else c.gap_server_ms)
    return (_longer(max(compute, launch), read) + _messages_ms(s, b, r, own, c)) * min(1.0, own)


def own_prefill_ms(s: ServingSetup, prompt: float, c: Coefficients) -> float:
    """Reading of what no other request has left in the cache."""
    return prefill_ms(s, prompt, c, min(s.cached_tokens, prompt))


def first_token_ms(
    s: ServingSetup, c: Coefficients, *, cached_tokens: float = 0.0, wait_ms: float | None = None
) -> float:
    """From a request's arrival to its first token: the server's own part, the queue, the prompt's reading and one step.

    Requests of a batch end near each other, so that those in their place arrive in waves: of the other prompts a share
    of the half, which depends on how an engine ranks reading before writing, is read first. ``wait_ms`` stands in for
    that queue where the wait is known.
    """
    own = prefill_ms(s, s.prompt_tokens, c, cached_tokens) + decode_step(s, s.batch, s.prompt_tokens, c).total_ms
    used = s.engine
    if wait_ms is None:
        share: float = getattr(c, used.wave) if used.wave else 0.0
        # What the others have in common is read once.
        wait_ms = share * (s.batch - 1) / 2 * own_prefill_ms(s, s.prompt_tokens, c)
    fixed: float = getattr(c, used.first) if used.first else 0.0
    return fixed + wait_ms + own


def _pairs(a: Architecture, tokens: float) -> float:
    """Pairs of tokens of which one attends to the other, over all layers."""
    window = min(tokens, a.sliding_window or tokens)
    return a.global_layers * tokens * tokens / 2 + a.sliding_layers * window * (tokens - window / 2)


def most_sequences(s: ServingSetup, depth_tokens: float) -> float:
    """Sequences of that depth whose cache fits beside the weights on all devices; below 1 if not even one does."""
    b = body(s.model, s.stored, s.file_gib)
    shared = min(s.cached_tokens, depth_tokens)
    kept = b.cache_gb(shared, s.cache_bits) if shared else 0.0
    own = b.cache_gb(depth_tokens, s.cache_bits) - kept
    return max(0.0, (room_gb(s) - kept) / own) if own else inf


def running_sequences(s: ServingSetup, batch: float, depth_tokens: float) -> float:
    """Of ``batch`` sequences, those that run while the others wait for memory; all that fit where ``batch`` is inf."""
    wanted = MOST_SEQUENCES if batch == inf else batch
    return max(1.0, min(wanted, most_sequences(s, depth_tokens)))


def output_tokens_per_ms(
    s: ServingSetup, batch: float, prompt: float, depth: float, c: Coefficients, reading_ms: float | None = None
) -> float:
    """Output of all sequences together under continuous batching.

    Each step ends batch/answer requests on average, and as many prompts are read in their place. With replicas of the
    attention one replica reads a prompt while the others wait; pipeline stages read prompts behind each other.
    ``reading_ms`` is the time of one prompt, where the caller has it already.
    """
    running = running_sequences(s, batch, depth)
    step = decode_step(s, running, depth, c).total_ms
    made = running * s.tokens_per_step
    own = own_prefill_ms(s, prompt, c) if reading_ms is None else reading_ms
    reading = own * s.replicas / s.stages * made / max(1.0, s.answer_tokens)
    return made / (step + reading)
