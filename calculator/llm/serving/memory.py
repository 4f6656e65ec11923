"""Memory that serving takes: weights, cache and what a prompt needs while it is read."""

from dataclasses import dataclass

from calculator.llm.parameters import embedding
from calculator.llm.serving.body import GIB, body
from calculator.llm.serving.deployment import ServingSetup

# A CUDA context with its libraries, per device: what nvidia-smi shows before anything is loaded.
CONTEXT_GIB = 0.5
# vLLM's default share of a card that it uses (gpu_memory_utilization).
USABLE_SHARE = 0.9
# Most tokens that a server reads in one pass (vLLM's max_num_batched_tokens on large cards).
CHUNK_TOKENS = 8192
# Measured on held-out sources, nine in ten totals lie within this factor; see docs/evidence/validation.md.
SPREAD = 1.10


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What serving takes on all devices together, in GiB. The context of the driver is not in ``total_gib``."""

    weights_gib: float
    """Copies that an engine keeps included."""
    cache_gib: float
    prompt_gib: float
    """Intermediate results of a prompt beyond what the finished answer's cache takes anyway."""
    total_gib: float
    low_gib: float
    high_gib: float


def weights_gib(s: ServingSetup) -> float:
    """Weights at rest, in GiB."""
    b = body(s.model, s.stored, s.file_gib)
    return (b.weights_gb + b.dense_gb * (s.replicas - 1)) * 1e9 / GIB


def cache_gib(s: ServingSetup, tokens: float) -> float:
    """Cache of one sequence of so many tokens, in GiB."""
    return body(s.model, s.stored, s.file_gib).cache_gb(tokens, s.cache_bits) * 1e9 / GIB


def memory(s: ServingSetup, spread: float = SPREAD) -> Memory:
    """Peak of weights, cache and intermediate results while the batch is served."""
    at_rest = weights_gib(s) + _copies_gib(s)
    longest = s.prompt_tokens + s.answer_tokens
    if s.engine.attention == "per_head":
        # AutoAWQ allocates its cache once, for the longer of prompt and answer.
        longest = max(s.prompt_tokens, s.answer_tokens)
    ended = s.batch * cache_gib(s, longest)
    reading = s.batch * cache_gib(s, s.prompt_tokens) + _prompt_gib(s)
    if s.engine.attention == "per_head":
        reading = ended + _prompt_gib(s)
    total = at_rest + max(ended, reading) + s.engine.reserve_gib
    return Memory(
        weights_gib=at_rest, cache_gib=ended, prompt_gib=max(0.0, reading - ended), total_gib=total,
        low_gib=total / spread, high_gib=total * spread,
    )


def _copies_gib(s: ServingSetup) -> float:
    """Weights that an engine holds twice."""
    a = s.model
    size = 0.0
    if s.engine.keeps_parts and not a.fused_qkv:
        query_key_value = a.hidden_size * (a.heads + 2 * a.kv_heads) * a.head_dim * a.attention_layers
        size += query_key_value * s.stored.bits / 8
    if s.engine.style == "eager" and s.stored.kind == "fp8" and a.tied_embeddings:
        # FP8 checkpoints store the output projection apart from the embeddings that it is tied to.
        size += embedding(a) * s.stored.embedding_bits / 8
    return size / GIB


def _prompt_gib(s: ServingSetup) -> float:
    """Hidden state and widest intermediate of the tokens read at once; logits and scores where an engine keeps them."""
    a = s.model
    tokens = s.prompt_tokens * s.batch
    if s.engine.style == "server":
        tokens = min(tokens, CHUNK_TOKENS)
    width = a.hidden_size + max(a.intermediate_size, a.moe_intermediate * a.experts_per_token, a.heads * a.head_dim)
    size = tokens * width * 2.0
    if s.engine.all_logits:
        # 16-bit logits of every prompt token, and their 32-bit copy.
        size = max(size, tokens * a.vocab * 6.0)
    if s.engine.attention == "per_head":
        # Scores of every pair of tokens in 16 bit, and their softmax in 32 bit; logits of every token.
        size += s.batch * a.heads * s.prompt_tokens**2 * 6.0 + tokens * a.vocab * 6.0
    return size / GIB
