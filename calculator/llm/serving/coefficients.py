"""The fitted numbers of the speed law."""

from dataclasses import dataclass

from calculator.llm.fitted import fitted


@dataclass(frozen=True, kw_only=True, slots=True)
class Coefficients:
    """What the laws of ``speed`` cannot take from a data sheet.

    Fitted on calculator/evaluation/measured/inference.csv; made again by ``python -m calculator fit serving --write``.
    Shares are of the data sheet's peak, times are in milliseconds unless their names say otherwise.
    """

    # Share of the peak bandwidth at which weights are read.
    share_16bit: float
    """By tensor-core kernels, as are the next two."""
    share_8bit: float
    share_4bit: float
    share_vector: float
    """By matrix-vector kernels."""
    share_apple: float
    share_experts_16bit: float
    """Relative to dense weights of the same format: routed experts are many small matrices."""
    share_experts_8bit: float
    share_experts_4bit: float
    share_experts_native: float
    share_experts_vector: float
    share_cache: float
    share_cache_old: float
    """Before flash attention was llama.cpp's default."""
    share_cache_apple: float
    share_cache_apple_old: float

    # What a core does in a clock.
    vector_clocks: float
    """Clocks of a core for unpacking one weight in matrix-vector kernels."""
    vector_clocks_per_bit: float
    """Clocks of a core for fetching one bit of weights in matrix-vector kernels."""
    apple_clocks: float
    apple_clocks_per_bit: float
    core_flops: float
    """16-bit operations in matrix kernels that are not a vendor's."""
    core_flops_portable: float
    """The same where they are written for every maker's cards."""
    core_flops_apple: float

    # What a processor does.
    cpu_share: float
    """Of what a copy reaches, the share at which its cores read weights."""
    cpu_barrier_us: float
    """Microseconds for each layer and core: the threads wait for one another after every operation."""
    cpu_share_cache: float
    """Share of its bandwidth at which attention reads the cache."""
    cpu_share_cache_ik: float
    cpu_blocks_ps: float
    """Unpacking one weight of a GGUF type."""
    cpu_codebook_ps: float
    cpu_core_flops: float
    """Operations of a core in a clock, on narrow weights while a prompt is read."""
    cpu_core_flops_ik: float
    cpu_unpack_rows: float
    """Tokens of a prompt for which a weight is unpacked once."""
    cpu_ik_share: float
    """Of the unpacking time of llama.cpp that ik_llama.cpp takes."""

    # Share of the best arithmetic of large products.
    share_compute: float
    """Decoding at large batch."""
    share_compute_experts: float
    share_prefill: float
    share_prefill_experts: float
    tile_rows_dense: float
    """Rows that a tensor-core kernel computes even if the batch has fewer."""
    tile_rows_experts: float
    """The same for each expert."""
    tile_prefill_experts: float
    """Rows that each expert wastes while a prompt is read."""
    tile_rows_marlin: float
    unpack_operations: float
    """On the plain cores, for each weight, in 4-bit kernels older than Marlin."""
    reread_share: float
    """Of the weights, read again from the cache for each further row by matrix-vector kernels."""
    reread_mlx_share: float

    # Time that neither bytes nor operations explain.
    gap_server_ms: float
    """Between the kernels of a layer, on CUDA graphs."""
    gap_native_ms: float
    """The same in engines without Python in the loop."""
    gap_fused_ms: float
    gap_llama_cpp_ms: float
    gap_old_llama_cpp_ms: float
    """Before CUDA graphs."""
    gap_vulkan_ms: float
    gap_hip_ms: float
    gap_hpu_ms: float
    gap_apple_ms: float
    gap_apple_llama_cpp_ms: float
    gap_experts_ms: float
    """Routing and gathering in a layer with experts."""
    gap_experts_fused_ms: float
    gap_unfused_experts_ms: float
    """The same where an engine has no fused kernel for the format."""
    first_token_ms: float
    """From the arrival of a request until it is scheduled."""
    first_token_native_ms: float
    wave_share: float
    """Of half of the prompts that arrive in a wave, read before one of them."""
    wave_native_share: float
    wave_prefill_first_share: float
    step_ms: float
    step_v0_ms: float
    step_native_ms: float
    sequence_ms: float
    """Scheduling, sampling and detokenising one more sequence."""
    sequence_native_ms: float
    message_ms: float
    """One all-reduce between GPUs of one node, two for each layer."""
    message_native_ms: float
    """The same in engines whose kernel for it also adds and normalises."""
    message_hpu_ms: float
    expert_hpu_ms: float
    launch_layer_ms: float
    """A layer launched from the host by a compiled engine that has left its CUDA graph."""
    eager_layer_ms: float
    eager_gptq_layer_ms: float
    eager_int4_layer_ms: float
    eager_fp8_layer_ms: float
    eager_expert_ms: float
    """Each expert of a layer, called or not: the modules loop over all of them."""
    eager_fp8_expert_ms: float
    eager_attention_ns: float
    """For each query head, token of context and 128 numbers of head width."""
    block_attention_ns: float
    """Attention with one thread block for each head: for each token of context, whatever the number of heads."""
    routing_skew: float
    routing_evenness: float
    """1 over the square of the relative spread of how often a layer's experts are called."""

    # Tokens of prompt in workloads that do not say it.
    chat_tokens: float
    question_tokens: float
    code_tokens: float


FITTED = Coefficients(**fitted("serving")["coefficients"])
"""Fitted to the complete rows, and at half weight to those with an inferred input, pulled towards the priors there."""
UNMOVED: frozenset[str] = frozenset(fitted("serving")["unmoved"])
"""Coefficients that no published run had a say in: they stand at their priors."""
