"""How fast a model decodes: one step gives each running sequence one token, and is a sum of what it must do.

A step reads the weights once (of experts, those that some token is routed to), reads the cache of every sequence,
multiplies, waits between kernels and for its neighbours, and is scheduled by a host. Bytes over bandwidth is the law of
Pope et al. 2022 (arXiv 2211.05102); the rest is what measured engines add to it. Reading weights and multiplying them
overlap in part, the other parts are added: that fitted the measurements better than a sum of all or the longest of all.
Times are in milliseconds, bandwidths inside the functions in GB per millisecond.
"""

from math import inf, log, sqrt
from typing import NamedTuple

from calculator.catalogs import Architecture
from calculator.llm.serving.body import Body, body
from calculator.llm.serving.coefficients import Coefficients
from calculator.llm.serving.deployment import ServingSetup
from calculator.llm.serving.devices import (
    bandwidth_gb_per_s,
    device_class,
    link_gb_per_s,
    memory_gb,
    peak_tflops,
    plain_tflops,
)

# The head width that the two attention constants are stated for.
_HEAD_WIDTH = 128
# How sharply the longer of two overlapping times takes over: 1 is their sum, large is the longer one.
_SHARPNESS = 2.0
# vLLM takes nine tenths of a card by default; context and graphs take about one GB of that.
USABLE_SHARE = 0.9
RESERVE_GB = 1.0
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


def expert_coverage(experts: int, per_token: int, tokens: float) -> float:
    """Share of a layer's experts that at least one of so many tokens is routed to, if routing were uniform.

    1 − (1 − k/E)^B. 0 without experts.
    """
    return 1 - (1 - per_token / experts) ** tokens if experts else 0.0


def busiest_device(experts: int, coverage: float, devices: int, skew: float) -> float:
    """Experts that the busiest device reads, relative to the average device, with experts dealt out by device.

    The largest of n draws with mean m exceeds it by about √(2 m ln n); ``skew`` is the share of that which is seen.
    """
    if devices < 2 or not experts:
        return 1.0
    mean = coverage * experts / devices
    return min(float(devices), 1 + skew * sqrt(2 * log(devices) * (1 - coverage) / mean))


def critical_batch(tflops: float, bandwidth_gb_per_s: float, weight_bits: float = 16.0) -> float:
    """Sequences from which multiplying takes longer than reading the weights: peak over bandwidth × bytes / 2."""
    return tflops * 1e3 / bandwidth_gb_per_s * weight_bits / 16


def decode_step(s: ServingSetup, batch: float, depth_tokens: float, c: Coefficients) -> Step:
    """One step of ``batch`` sequences that are ``depth_tokens`` long."""
    b = body(s.model, s.stored, s.file_gib)
    kind = device_class(s.device)
    if kind == "cpu":
        return _processor_step(s, b, batch, depth_tokens, c)
    if s.engine.style == "eager" and kind == "gpu":
        return _eager_step(s, b, batch, depth_tokens, c)
    return _graph_step(s, b, batch, depth_tokens, c, apple=kind == "apple")


def _graph_step(s: ServingSetup, b: Body, batch: float, depth: float, c: Coefficients, *, apple: bool) -> Step:
    """Kernels follow each other on the device, with small gaps."""
    a, shards = s.model, s.shards
    bandwidth = bandwidth_gb_per_s(s.device) / 1000 * shards
    if apple:
        share = share_table = share_cache = c.share_apple
        of_experts = 1.0
    else:
        share, share_table, of_experts = _shares(s, c)
        share_cache = c.share_cache
    vector = apple or s.engine.matrix_vector or s.stored.kind == "gemv"
    rows = batch if vector else _rows(s, batch, c)
    again = c.reread_share if vector else 0.0
    read = (b.dense_gb / share + (b.head_gb + b.rest_gb) / share_table) * s.replicas * (1 + again * (batch - 1))
    coverage = expert_coverage(a.experts, a.experts_per_token, batch)
    if a.experts:
        spread = busiest_device(a.experts, coverage, shards, c.routing_skew) if s.split == "expert" else 1.0
        each = batch * a.experts_per_token / (a.experts * coverage)
        read += b.expert_gb * coverage * spread / (share * of_experts) * (1 + again * (each - 1))
    read /= bandwidth
    compute = _compute_ms(s, b, batch, rows, coverage, c) / shards
    unpacking = 0.0 if apple else _unpacking_ms(s, b, c) / shards
    # A recurrent state is written back as well.
    cache = batch * (b.cache_gb(depth, s.cache_bits) + b.state_gb) / (bandwidth * share_cache)
    if s.engine.attention == "per_head" and not apple:
        cache = max(cache, a.attention_layers * depth * a.head_dim / _HEAD_WIDTH * c.block_attention_ns / 1e6)
    gaps = b.gaps * _gap_ms(s, c, apple=apple)
    if a.experts:
        unfused = s.engine.unfused_experts == s.stored.kind
        gaps += a.moe_layers * (c.gap_unfused_experts_ms if unfused else c.gap_experts_ms)
    messages = _messages_ms(s, b, batch, c)
    host = _server_ms(s, batch, c)
    total = _longer(read, compute) + unpacking + cache + gaps + messages + host
    if depth > s.engine.graph_tokens:
        total = _longer(total, b.blocks * c.launch_layer_ms)
    return Step(read, cache, compute + unpacking, gaps, messages, host, total)


def _shares(s: ServingSetup, c: Coefficients) -> tuple[float, float, float]:
    """Shares of the bandwidth: for dense weights, for 16-bit tables, and for experts relative to dense weights."""
    bits = s.stored.bits
    if bits > 12:
        return c.share_16bit, c.share_16bit, c.share_experts_16bit
    if bits > 7:
        # Matrix-vector kernels read 8 bits as steadily as 16.
        share = c.share_16bit if s.engine.matrix_vector else c.share_8bit
        return share, c.share_16bit, c.share_experts_8bit
    return c.share_16bit if s.stored.experts_only else c.share_4bit, c.share_16bit, c.share_experts_4bit


def _rows(s: ServingSetup, batch: float, c: Coefficients) -> float:
    """Rows that tensor-core kernels multiply, if only to throw them away."""
    whole = s.stored.kind in ("dense", "fp8") or s.stored.compute_bits == 4
    return max(batch, c.tile_rows_dense if whole else c.tile_rows_marlin)


def _compute_ms(s: ServingSetup, b: Body, batch: float, rows: float, coverage: float, c: Coefficients) -> float:
    """Multiplying: 2 operations for each weight and row. Each expert has rows of its own, and its own least number."""
    a, peak = s.model, peak_tflops(s.device, s.stored)
    routed = b.expert_billions * a.experts_per_token / a.experts if a.experts else 0.0
    compute = 2 * (b.active_billions - routed) * rows / (peak * c.share_compute)
    if routed:
        each = max(batch * a.experts_per_token / (a.experts * coverage), min(rows, c.tile_rows_experts))
        compute += 2 * b.expert_billions * coverage * each / (peak * c.share_compute_experts)
    return compute


def _unpacking_ms(s: ServingSetup, b: Body, c: Coefficients) -> float:
    """Older 4-bit kernels unpack the weights on the plain cores and wait for it."""
    if s.stored.kind != "int4" or s.engine.matrix_vector:
        return 0.0
    return b.active_billions * c.unpack_operations / plain_tflops(s.device)


def _gap_ms(s: ServingSetup, c: Coefficients, *, apple: bool) -> float:
    llama = s.engine.name == "llama.cpp"
    if apple:
        return c.gap_apple_llama_cpp_ms if llama else c.gap_apple_ms
    if s.engine.style != "fused":
        return c.gap_server_ms
    return c.gap_llama_cpp_ms if llama else c.gap_fused_ms


def _server_ms(s: ServingSetup, batch: float, c: Coefficients) -> float:
    """Scheduling, sampling and detokenising, which a server does for each step and each sequence."""
    if s.engine.style != "server":
        return 0.0
    each = c.sequence_native_ms if s.engine.host == "native" else c.sequence_ms
    return (c.step_v0_ms if s.engine.host == "v0" else c.step_ms) + each * batch


def _messages_ms(s: ServingSetup, b: Body, tokens: float, c: Coefficients) -> float:
    """Two all-reduces of the hidden state in each layer: a ring moves 2 (n − 1)/n of it over each link."""
    n = s.shards
    if n < 2:
        return 0.0
    moved_gb = tokens * s.model.hidden_size * 2 / 1e9 * 2 * (n - 1) / n
    return 2 * b.blocks * (c.message_ms + moved_gb / link_gb_per_s(s.device) * 1000)


def _eager_step(s: ServingSetup, b: Body, batch: float, depth: float, c: Coefficients) -> Step:
    """Each operation launched from Python: the longer of host and device, whichever it is."""
    a, kind = s.model, s.stored.kind
    bandwidth = bandwidth_gb_per_s(s.device) / 1000
    launch, expert = c.eager_layer_ms, c.eager_expert_ms
    if kind == "fp8":
        launch, expert = launch + c.eager_fp8_layer_ms, c.eager_fp8_expert_ms
    elif kind == "int4":
        launch += c.eager_int4_layer_ms
    elif kind != "dense":
        launch += c.eager_gptq_layer_ms
    host = b.blocks * launch + a.moe_layers * a.experts * expert
    share, share_table, _ = _shares(s, c)
    coverage = expert_coverage(a.experts, a.experts_per_token, batch)
    read = ((b.dense_gb + b.expert_gb * coverage) / share + (b.head_gb + b.rest_gb) / share_table) / bandwidth
    compute = _compute_ms(s, b, batch, _rows(s, batch, c), coverage, c)
    unpacking = _unpacking_ms(s, b, c)
    heads = a.attention_layers * a.heads * a.head_dim / _HEAD_WIDTH
    cache = batch * (depth * heads * c.eager_attention_ns / 1e6 + b.cache_gb(depth, s.cache_bits) / bandwidth)
    total = _longer(host, _longer(read, compute) + unpacking + cache)
    return Step(read, cache, compute + unpacking, 0.0, 0.0, host, total)


def _longer(first: float, second: float) -> float:
    """The longer of two times that overlap, rounded off where they are alike."""
    most = max(first, second)
    share = min(first, second) / most if most else 0.0
    longer: float = most * (1 + share**_SHARPNESS) ** (1 / _SHARPNESS)
    return longer


def _processor_step(s: ServingSetup, b: Body, batch: float, depth: float, c: Coefficients) -> Step:
    """On a processor: what its cores pull from memory, and unpacking where the format needs it."""
    a = s.model
    nominal = bandwidth_gb_per_s(s.device) * c.share_16bit
    bandwidth = 1 / (1 / nominal + 1 / c.cpu_ceiling_gb_per_s) / 1000
    coverage = expert_coverage(a.experts, a.experts_per_token, batch)
    read = (b.dense_gb + b.head_gb + b.rest_gb + b.expert_gb * coverage) / bandwidth
    unpack = {"blocks": c.cpu_blocks_ps, "codebook": c.cpu_codebook_ps}.get(s.stored.kind, 0.0)
    if s.engine.name == "ik_llama.cpp":
        unpack *= c.cpu_ik_share
    compute = b.active_billions * unpack * batch
    kept = b.cache_gb(depth, s.cache_bits)
    if s.engine.attention != "paged" and a.kv_heads:
        # Copied, repeated for each query head, and read.
        kept *= 3 * a.heads / a.kv_heads
    cache = batch * kept / bandwidth
    return Step(read, cache, compute, 0.0, 0.0, 0.0, read + cache + compute)


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
    b, a, shards = body(s.model, s.stored, s.file_gib), s.model, s.shards
    width = a.heads * (a.head_dim + a.v_head_dim if a.kv_lora_rank else 2 * a.head_dim)
    pairs = _pairs(a, tokens) - _pairs(a, cached_tokens)
    operations = 2 * ((b.active_billions - b.head_billions) * own + b.head_billions + pairs * width / 1e9)
    share = c.share_prefill_experts if a.experts else c.share_prefill
    compute = operations / (peak_tflops(s.device, s.stored) * share * shards)
    coverage = expert_coverage(a.experts, a.experts_per_token, own)
    read = b.dense_gb + b.head_gb + b.rest_gb + b.expert_gb * coverage
    read /= bandwidth_gb_per_s(s.device) / 1000 * shards
    launch = b.blocks * (c.eager_layer_ms if s.engine.style == "eager" else c.gap_server_ms)
    return (max(compute, read, launch) + _messages_ms(s, b, own, c)) * min(1.0, own)


def _pairs(a: Architecture, tokens: float) -> float:
    """Pairs of tokens of which one attends to the other, over all layers."""
    window = min(tokens, a.sliding_window or tokens)
    return a.global_layers * tokens * tokens / 2 + a.sliding_layers * window * (tokens - window / 2)


def most_sequences(s: ServingSetup, depth_tokens: float) -> float:
    """Sequences of that depth whose cache fits beside the weights on all devices; below 1 if not even one does."""
    b = body(s.model, s.stored, s.file_gib)
    room = s.devices * (memory_gb(s.device) * USABLE_SHARE - RESERVE_GB) - b.weights_gb - b.dense_gb * (s.replicas - 1)
    each = b.cache_gb(depth_tokens, s.cache_bits)
    return max(0.0, room / each) if each else inf


def running_sequences(s: ServingSetup, batch: float, depth_tokens: float) -> float:
    """Of ``batch`` sequences, those that run while the others wait for memory; all that fit where ``batch`` is inf."""
    wanted = MOST_SEQUENCES if batch == inf else batch
    return max(1.0, min(wanted, most_sequences(s, depth_tokens)))


def output_tokens_per_ms(s: ServingSetup, batch: float, prompt: float, depth: float, c: Coefficients) -> float:
    """Output of all sequences together under continuous batching.

    Each step ends batch/answer requests on average, and as many prompts are read in their place. With replicas of the
    attention one replica reads a prompt while the others wait.
    """
    running = running_sequences(s, batch, depth)
    step = decode_step(s, running, depth, c).total_ms
    reading = prefill_ms(s, prompt, c) * s.replicas * running / max(1.0, s.answer_tokens)
    return running / (step + reading)
