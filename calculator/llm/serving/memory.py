"""Memory that serving takes: weights, cache and what a prompt needs while it is read."""

from dataclasses import dataclass

from calculator.catalogs import Architecture
from calculator.llm.parameters import embedding
from calculator.llm.serving.body import GIB, body
from calculator.llm.serving.deployment import ServingSetup
from calculator.llm.serving.devices import memory_gb

# A CUDA context with its libraries, per device: what nvidia-smi shows before anything is loaded.
CONTEXT_GIB = 0.5
# Sequences whose logits a server's trial run makes at start-up (vLLM's max_num_seqs).
_TRIAL_SEQUENCES = 256
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
    return (b.weights_gb + b.dense_gb * (s.replicas - 1) + s.adapters * s.adapter_gb * s.replicas) * 1e9 / GIB


def cache_gib(s: ServingSetup, tokens: float) -> float:
    """Cache of one sequence of so many tokens, in GiB."""
    return body(s.model, s.stored, s.file_gib).cache_gb(tokens, s.cache_bits) * 1e9 / GIB


# Bytes of a token and layer where attention picks tokens by an index: the latent in 8 bits with a 32-bit scale for each
# 128 numbers and its rotated part in 16, and the index in 8 bits with one scale (vLLM and SGLang on DeepSeek-V3.2).
_INDEXED_SCALE_BYTES = 4
_INDEXED_GROUP = 128


def cache_tokens(
    a: Architecture, room_bytes: float, *, cache_bits: float = 16.0, shards: int = 1, longest_tokens: float = 0.0
) -> float:
    """Tokens that fit so much memory of one device, of ``shards`` that hold the heads between them.

    A device keeps a whole head at least; a latent cache is kept by each. Recurrent layers keep one state for each
    sequence, so their part depends on how long a sequence may get (``longest_tokens``; 0: left out). Windows are not
    cut, for engines count their layers as if they kept every token.
    """
    if a.index_layers:
        latent = a.kv_lora_rank + _INDEXED_SCALE_BYTES * a.kv_lora_rank / _INDEXED_GROUP + 2 * a.qk_rope_head_dim
        index = a.index_head_dim + _INDEXED_SCALE_BYTES * a.index_head_dim / _INDEXED_GROUP
        each = a.attention_layers * latent + a.index_layers * index
    else:
        heads = 1.0 if a.kv_lora_rank else max(1.0, a.kv_heads / shards) / max(1, a.kv_heads)
        each = sum(kind.layers * kind.numbers_per_token for kind in a.caches) * heads * cache_bits / 8
    if longest_tokens:
        each += a.recurrent_numbers * 2 / shards / longest_tokens
    return room_bytes / each


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
    if s.engine.style == "eager" and s.stored.kernel.keeps_tied_head and a.tied_embeddings:
        size += embedding(a) * s.stored.embedding_bits / 8
    return size / GIB


_rooms: dict[tuple[object, ...], tuple[ServingSetup, float]] = {}
_MOST_KEPT = 256


def room_gb(s: ServingSetup) -> float:
    """GB left for the cache on all devices together; below 0 if the weights alone do not fit.

    Of the share of a device that the engine uses go the driver's context, captured graphs, and what the engine's trial
    run takes at start-up: the widest intermediate of its longest pass, and the logits of a full batch in 32 bit.
    """
    # By identity, as in `body`; asked for at every batch of a search.
    key = (id(s.model), id(s.device), id(s.stored), id(s.engine), s.devices, s.shards, s.replicas, s.file_gib,
           s.adapters * s.adapter_parameters)
    found = _rooms.get(key)
    if found is None:
        if len(_rooms) >= _MOST_KEPT:
            _rooms.clear()
        found = _rooms[key] = (s, _room_gb(s))
    return found[1]


def _room_gb(s: ServingSetup) -> float:
    a, used = s.model, s.engine
    b = body(a, s.stored, s.file_gib)
    weights = b.weights_gb + b.dense_gb * (s.replicas - 1) + s.adapters * s.adapter_gb * s.replicas
    held = (CONTEXT_GIB + used.graphs_gib + used.reserve_gib) * GIB / 1e9
    if used.style == "server":
        width = a.hidden_size + 2 * max(a.intermediate_size, a.moe_intermediate * a.experts_per_token) / s.shards
        held += (used.chunk_tokens * width * 2 + _TRIAL_SEQUENCES * a.vocab * 4) / 1e9
    return s.devices * (memory_gb(s.device) * used.usable_share - held) - weights


def fits(s: ServingSetup) -> bool:
    """Whether the weights and the cache of one sequence of the stated length fit the devices."""
    tokens = s.prompt_tokens + s.answer_tokens
    return room_gb(s) >= body(s.model, s.stored, s.file_gib).cache_gb(tokens, s.cache_bits)


def _prompt_gib(s: ServingSetup) -> float:
    """Hidden state and widest intermediate of the tokens read at once; logits and scores where an engine keeps them."""
    a = s.model
    tokens = s.prompt_tokens * s.batch
    if s.engine.style == "server":
        tokens = min(tokens, s.engine.chunk_tokens)
    width = a.hidden_size + max(a.intermediate_size, a.moe_intermediate * a.experts_per_token, a.heads * a.head_dim)
    size = tokens * width * 2.0
    if s.engine.all_logits:
        # 16-bit logits of every prompt token, and their 32-bit copy.
        size = max(size, tokens * a.vocab * 6.0)
    if s.engine.attention == "per_head":
        # Scores of every pair of tokens in 16 bit, and their softmax in 32 bit; logits of every token.
        size += s.batch * a.heads * s.prompt_tokens**2 * 6.0 + tokens * a.vocab * 6.0
    return size / GIB
