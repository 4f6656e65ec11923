"""The fitted numbers of the speed law, and the spread that is left."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Coefficients:
    """What the laws of ``speed`` cannot take from a data sheet.

    Fitted on calculator/evaluation/measured/inference.csv; refit with ``python -m calculator.evaluation.inference``.
    Where a value is not the fit's, its comment says whose it is. Shares are of the data sheet's peak, times are in
    milliseconds.
    """

    # Share of the peak bandwidth at which weights are read.
    share_16bit: float
    share_8bit: float
    share_4bit: float
    share_experts_16bit: float
    """Relative to dense weights of the same format: routed experts are many small matrices."""
    share_experts_8bit: float
    share_experts_4bit: float
    share_cache: float
    share_apple: float
    cpu_ceiling_gb_per_s: float
    """What the cores of one processor pull from memory however many channels it has."""

    # Share of the peak arithmetic.
    share_compute: float
    """Decoding at large batch."""
    share_compute_experts: float
    share_prefill: float
    share_prefill_experts: float
    tile_rows_dense: float
    """Rows that a tensor-core kernel computes even if the batch has fewer."""
    tile_rows_experts: float
    """The same for each expert."""
    tile_rows_marlin: float
    unpack_operations: float
    """On the plain cores, for each weight, in 4-bit kernels older than Marlin."""
    reread_share: float
    """Of the weights, read again from the cache for each further row by matrix-vector kernels."""

    # Time that neither bytes nor operations explain.
    gap_server_ms: float
    """Between the kernels of a layer, on CUDA graphs."""
    gap_fused_ms: float
    gap_llama_cpp_ms: float
    gap_apple_ms: float
    gap_apple_llama_cpp_ms: float
    gap_experts_ms: float
    """Routing and gathering in a layer with experts."""
    gap_unfused_experts_ms: float
    """The same where an engine has no fused kernel for the format."""
    step_ms: float
    step_v0_ms: float
    sequence_ms: float
    """Scheduling, sampling and detokenising one more sequence."""
    sequence_native_ms: float
    message_ms: float
    """One all-reduce between GPUs of one node, two for each layer."""
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
    cpu_blocks_ps: float
    """Unpacking one weight of a GGUF type on a processor."""
    cpu_codebook_ps: float
    cpu_ik_share: float
    """Of the unpacking time of llama.cpp that ik_llama.cpp takes."""

    # Tokens of prompt in workloads that do not say it.
    chat_tokens: float
    question_tokens: float
    code_tokens: float


FITTED = Coefficients(
    share_16bit=0.9393,
    share_8bit=0.7376,
    share_4bit=0.9145,
    share_experts_16bit=0.9428,
    share_experts_8bit=0.565,
    share_experts_4bit=1.141,
    share_cache=0.772,
    share_apple=0.9115,
    cpu_ceiling_gb_per_s=172.9,
    share_compute=0.7992,
    share_compute_experts=0.7116,
    share_prefill=0.4811,
    share_prefill_experts=0.3783,
    tile_rows_dense=61.8,
    tile_rows_experts=16.94,
    tile_rows_marlin=18.43,
    unpack_operations=7.46,
    reread_share=0.382,
    gap_server_ms=0.0568,
    gap_fused_ms=0.03226,
    gap_llama_cpp_ms=0.09,
    gap_apple_ms=0.1044,
    gap_apple_llama_cpp_ms=0.2,
    gap_experts_ms=0.02124,
    gap_unfused_experts_ms=0.5863,
    step_ms=0.3588,
    step_v0_ms=2.083,
    sequence_ms=0.05747,
    sequence_native_ms=0.01492,
    message_ms=0.01283,
    launch_layer_ms=0.3358,
    eager_layer_ms=0.669,
    eager_gptq_layer_ms=0.5965,
    eager_int4_layer_ms=0.1718,
    eager_fp8_layer_ms=1.202,
    eager_expert_ms=0.08405,
    eager_fp8_expert_ms=0.3574,
    eager_attention_ns=1.508,
    block_attention_ns=35.15,
    routing_skew=1.288,
    cpu_blocks_ps=3.663,
    cpu_codebook_ps=17.03,
    cpu_ik_share=0.5847,
    chat_tokens=247.3,
    question_tokens=229.5,
    code_tokens=1990,
)
"""Fitted to the complete rows, and at half weight to those with an inferred input, pulled towards the priors there."""
