"""Parameter counts, exact from the dimensions of a model.

Everything is a sum over ``matrices``: one list of the weight matrices of a model, from which totals,
active parameters, quantisable weights and adapters follow. Norms, biases, positions, convolutions and
attention sinks are added where a family has them. Counts are those of the class in Hugging Face
transformers as instantiated; a multimodal model is counted by its text part, and layers that only
predict further tokens (MTP) are left out.
"""

from collections.abc import Callable, Iterable
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from calculator.catalogs import Architecture

Owner = TypeVar("Owner")
Made = TypeVar("Made")
P = ParamSpec("P")

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
PRESETS = ("attention", "mlp", "all-linear")

_FUSED_QKV = ("q_proj", "k_proj", "v_proj")
_ALIASES = {
    alias: names
    for names, aliases in (
        (_FUSED_QKV, ("query_key_value", "qkv_proj", "qkv", "c_attn", "Wqkv", "wqkv")),
        (("o_proj",), ("dense", "out_proj", "wo")),
        (("gate_proj", "up_proj"), ("gate_up_proj",)),
        (("gate_proj",), ("w1",)),
        (("up_proj",), ("dense_h_to_4h", "fc1", "fc_in", "c_fc", "w3")),
        (("down_proj",), ("dense_4h_to_h", "fc2", "fc_out", "w2")),
        (("o_proj", "down_proj"), ("c_proj",)),
        (("embed_tokens",), ("wte", "word_embeddings", "embed_in")),
        (("lm_head",), ("embed_out",)),
    )
    for alias in aliases
}
_OTHER_NAMES = (
    "q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "in_proj", "in_proj_qkvz", "in_proj_ba", "router",
    "embed_tokens", "lm_head",
)


def by_identity(make: Callable[Concatenate[Owner, P], Made]) -> Callable[Concatenate[Owner, P], Made]:
    """Keeps what a function made of the very same first argument and of equal others: hashing the fifty dimensions of a
    model would take longer than the estimate."""
    kept: dict[tuple[object, ...], tuple[Owner, Made]] = {}

    def found_or_made(owner: Owner, /, *args: P.args, **kwargs: P.kwargs) -> Made:
        key = (id(owner), *args, *kwargs.items())
        found = kept.get(key)
        if found is None:
            if len(kept) >= 500:
                kept.clear()
            found = kept[key] = (owner, make(owner, *args, **kwargs))
        return found[1]

    return found_or_made


class Matrix(NamedTuple):
    """A weight matrix and how often the model holds it."""

    names: tuple[str, ...]
    """The projections it computes, by their names in Llama; several where they are fused."""
    inputs: int
    outputs: int
    copies: int
    bias: bool = False
    part: str = "attention"
    """attention, recurrent, dense, expert, shared, router, outside, embedding or head."""


def matrices(a: Architecture) -> list[Matrix]:
    """The linear layers of the model, without embeddings and head."""
    attention = _compressed_attention if a.o_lora_rank else _low_rank_attention if a.kv_lora_rank else _attention
    found = attention(a)
    found += _recurrent(a)
    reusing = a.reusing_sliding_layers + a.reusing_global_layers if a.reusing_mlp_factor > 1 else 0
    found += _mlp(a, "dense", a.intermediate_size, a.mlp_layers - reusing, a.mlp_bias)
    found += _mlp(a, "dense", a.reusing_mlp_factor * a.intermediate_size, reusing, a.mlp_bias)
    if a.experts:
        found += _mlp(a, "expert", a.moe_intermediate, a.moe_layers * a.experts, a.expert_bias)
        found += _mlp(a, "shared", a.shared_intermediate, a.moe_layers, a.mlp_bias)
        found.append(Matrix(("router",), a.hidden_size, a.experts, a.moe_layers, a.router_bias, "router"))
        if a.shared_gate:
            found.append(Matrix(("shared_gate",), a.hidden_size, 1, a.moe_layers, part="router"))
        if a.expert_inputs:
            found.append(Matrix(("latent",), a.hidden_size, a.expert_inputs, a.moe_layers, a.mlp_bias, "shared"))
            found.append(Matrix(("latent",), a.expert_inputs, a.hidden_size, a.moe_layers, a.mlp_bias, "shared"))
    if a.per_layer_embedding:
        found.append(Matrix(("per_layer",), a.hidden_size, a.per_layer_embedding, a.layers, part="dense"))
        found.append(Matrix(("per_layer",), a.per_layer_embedding, a.hidden_size, a.layers, part="dense"))
        found.append(Matrix(("per_layer",), a.hidden_size, a.layers * a.per_layer_embedding, 1, part="outside"))
    if a.embedding_size:
        times = 1 + a.projects_back
        found.append(Matrix(("project",), a.embedding_size, a.hidden_size, times, a.embedding_bias, "outside"))
    return [m for m in found if m.copies]


def _attention(a: Architecture) -> list[Matrix]:
    """Heads of one shape in every layer, or of another shape in the layers without a window."""
    if not a.global_head_dim:
        reusing = a.reusing_sliding_layers + a.reusing_global_layers
        layers = a.attention_layers + a.cross_layers
        return _heads(a, layers, reusing, a.kv_heads, a.head_dim, values=True)
    key_heads = a.global_kv_heads or a.kv_heads
    return [
        *_heads(a, a.sliding_layers, a.reusing_sliding_layers, a.kv_heads, a.head_dim, values=True),
        *_heads(a, a.global_layers, a.reusing_global_layers, key_heads, a.global_head_dim,
                values=not a.global_values_are_keys),
    ]


def _heads(a: Architecture, layers: int, reusing: int, kv_heads: int, width: int, *, values: bool) -> list[Matrix]:
    query, key = a.heads * width, kv_heads * width
    found = [Matrix(("o_proj",), query, a.hidden_size, layers, a.o_bias)]
    if a.attention_gate == "own":
        found.append(Matrix(("gate_proj",), a.hidden_size, query, layers))
    if a.fused_qkv:
        return [Matrix(_FUSED_QKV, a.hidden_size, query + 2 * key, layers, a.qkv_bias), *found]
    gated = 2 if a.attention_gate == "fused" else 1
    found.append(Matrix(("q_proj",), a.hidden_size, gated * query, layers, a.qkv_bias))
    found.append(Matrix(("k_proj",), a.hidden_size, key, layers - reusing, a.qkv_bias))
    if values:
        found.append(Matrix(("v_proj",), a.hidden_size, key, layers - reusing, a.qkv_bias))
    return found


def _low_rank_attention(a: Architecture) -> list[Matrix]:
    """Multi-head latent attention of DeepSeek-V2 (arXiv 2405.04434), with the indexer of V3.2."""
    layers = a.attention_layers
    query = a.heads * (a.qk_nope_head_dim + a.qk_rope_head_dim)
    key_value = a.heads * (a.qk_nope_head_dim + a.v_head_dim)
    latent = a.kv_lora_rank + a.qk_rope_head_dim
    found = [
        Matrix(("k_proj", "v_proj", "kv_a_proj_with_mqa"), a.hidden_size, latent, layers, a.qkv_bias),
        Matrix(("k_proj", "v_proj", "kv_b_proj"), a.kv_lora_rank, key_value, layers),
        Matrix(("o_proj",), a.heads * a.v_head_dim, a.hidden_size, layers, a.o_bias),
    ]
    if a.q_lora_rank:
        found.append(Matrix(("q_proj", "q_a_proj"), a.hidden_size, a.q_lora_rank, layers, a.qkv_bias))
        found.append(Matrix(("q_proj", "q_b_proj"), a.q_lora_rank, query, layers))
    else:
        found.append(Matrix(("q_proj",), a.hidden_size, query, layers))
    if a.index_heads:
        found.append(Matrix(("indexer",), a.q_lora_rank, a.index_heads * a.index_head_dim, a.index_layers))
        found.append(Matrix(("indexer",), a.hidden_size, a.index_head_dim, a.index_layers))
        found.append(Matrix(("indexer",), a.hidden_size, a.index_heads, a.index_layers))
    return found


def _compressed_attention(a: Architecture) -> list[Matrix]:
    """Attention of DeepSeek V4: keys are the values, compressed in most layers, and the output has a low rank."""
    query, group = a.heads * a.head_dim, a.heads * a.head_dim // a.o_groups
    found = [
        Matrix(("q_proj", "q_a_proj"), a.hidden_size, a.q_lora_rank, a.layers),
        Matrix(("q_proj", "q_b_proj"), a.q_lora_rank, query, a.layers),
        Matrix(("k_proj", "v_proj", "kv_proj"), a.hidden_size, a.head_dim, a.layers),
        Matrix(("o_proj", "o_a_proj"), group, a.o_groups * a.o_lora_rank, a.layers),
        Matrix(("o_proj", "o_b_proj"), a.o_groups * a.o_lora_rank, a.hidden_size, a.layers),
    ]
    for layers, width in ((a.lightly_compressed_layers, 2), (a.heavily_compressed_layers, 1)):
        found += [Matrix((name,), a.hidden_size, width * a.head_dim, layers) for name in ("kv_proj", "gate_proj")]
    layers = a.index_layers
    found += [Matrix((name,), a.hidden_size, 2 * a.index_head_dim, layers) for name in ("kv_proj", "gate_proj")]
    found.append(Matrix(("q_b_proj",), a.q_lora_rank, a.index_heads * a.index_head_dim, layers))
    found.append(Matrix(("weights_proj",), a.hidden_size, a.index_heads, layers))
    return found


def _compressed_rest(a: Architecture) -> int:
    """Norms, sinks and position biases of that attention, over all layers."""
    size = a.layers * (a.q_lora_rank + a.head_dim + a.heads)
    size += a.lightly_compressed_layers * 9 * (a.head_dim + a.index_head_dim)
    return size + a.heavily_compressed_layers * 129 * a.head_dim


def _mlp(a: Architecture, part: str, width: int, copies: int, bias: bool) -> list[Matrix]:
    if not width or not copies:
        return []
    inputs = a.expert_inputs if part == "expert" and a.expert_inputs else a.hidden_size
    up = ("gate_proj", "up_proj") if a.gated_mlp else ("up_proj",)
    down = Matrix(("down_proj",), width, inputs, copies, bias, part)
    if a.fused_gate_up:
        return [Matrix(up, inputs, len(up) * width, copies, bias, part), down]
    return [*(Matrix((name,), inputs, width, copies, bias, part) for name in up), down]


def _recurrent(a: Architecture) -> list[Matrix]:
    """Projections of the layers that carry a state: Gated DeltaNet (arXiv 2412.06464), Kimi Delta Attention
    (arXiv 2510.26692), Mamba-2 (arXiv 2405.21060) and the short convolution of LFM2 (arXiv 2511.23404)."""
    layers, hidden, heads = a.recurrent_layers, a.hidden_size, a.recurrent_heads
    inner, keys = heads * a.recurrent_head_dim, a.recurrent_groups * a.recurrent_state

    def matrix(name: str, inputs: int, outputs: int) -> Matrix:
        return Matrix((name,), inputs, outputs, layers, a.recurrent_bias, "recurrent")

    if a.recurrent == "gated_delta" and a.recurrent_split:
        return [
            matrix("in_proj_qkv", hidden, 2 * keys + inner),
            matrix("in_proj_z", hidden, inner),
            matrix("in_proj_b", hidden, heads),
            matrix("in_proj_a", hidden, heads),
            matrix("out_proj", inner, hidden),
        ]
    if a.recurrent == "gated_delta":
        return [
            matrix("in_proj_qkvz", hidden, 2 * keys + 2 * inner),
            matrix("in_proj_ba", hidden, 2 * heads),
            matrix("out_proj", inner, hidden),
        ]
    if a.recurrent == "kimi_delta":
        width = a.recurrent_head_dim
        return [
            *(matrix(name, hidden, inner) for name in _FUSED_QKV),
            *(matrix(name, hidden, width) for name in ("f_a_proj", "g_a_proj")),
            *(matrix(name, width, inner) for name in ("f_b_proj", "g_b_proj")),
            matrix("b_proj", hidden, heads),
            matrix("o_proj", inner, hidden),
        ]
    if a.recurrent == "mamba2":
        return [matrix("in_proj", hidden, 2 * inner + 2 * keys + heads), matrix("out_proj", inner, hidden)]
    if a.recurrent == "short_conv":
        return [matrix("in_proj", hidden, 3 * hidden), matrix("out_proj", hidden, hidden)]
    return []


def _recurrent_rest(a: Architecture) -> int:
    """Convolution, decay, time step and norm of one recurrent layer."""
    inner, keys = a.recurrent_heads * a.recurrent_head_dim, a.recurrent_groups * a.recurrent_state
    taps = a.recurrent_kernel + a.recurrent_conv_bias
    if a.recurrent == "short_conv":
        return a.hidden_size * taps
    if a.recurrent == "kimi_delta":
        return 3 * inner * taps + inner + a.recurrent_heads + a.recurrent_head_dim
    if a.recurrent == "gated_delta":
        return (2 * keys + inner) * taps + 2 * a.recurrent_heads + a.recurrent_head_dim
    if a.recurrent == "mamba2":
        return (inner + 2 * keys) * taps + 3 * a.recurrent_heads + (inner if a.recurrent_norm else 0)
    return 0


def _size(m: Matrix) -> int:
    return m.copies * (m.inputs * m.outputs + (m.outputs if m.bias else 0))


def _norm(a: Architecture, width: int) -> int:
    return width * (a.norm_weight + a.norm_bias)


def _layer_rest(a: Architecture) -> int:
    """Norms and single numbers that every layer has."""
    size = a.norms_per_layer * _norm(a, a.hidden_size) + a.extra_layer_parameters
    return size + (a.hidden_size if a.per_layer_embedding else 0)


def _attention_rest(a: Architecture, width: int, kv_heads: int, *, own_keys: bool = True) -> int:
    """Norms inside attention and attention sinks of one layer."""
    size = a.heads if a.attention_sinks else 0
    if a.inner_norms:
        size += a.heads * width + a.intermediate_size
    if a.kv_lora_rank:
        size += a.q_lora_rank + a.kv_lora_rank
    if a.qk_norm == "head":
        size += (1 + own_keys) * width * (1 + a.qk_norm_bias)
    elif a.qk_norm == "whole":
        size += (a.heads + own_keys * kv_heads) * width * (1 + a.qk_norm_bias)
    return size


def _all_attention_rest(a: Architecture) -> int:
    if a.o_lora_rank:
        return _compressed_rest(a)
    kinds = [
        (a.sliding_layers, a.reusing_sliding_layers, a.head_dim, a.kv_heads),
        (a.global_layers, a.reusing_global_layers, a.global_head_dim or a.head_dim, a.global_kv_heads or a.kv_heads),
    ]
    size = 2 * a.index_head_dim * a.index_layers
    for layers, reusing, width, kv_heads in kinds:
        size += (layers - reusing) * _attention_rest(a, width, kv_heads)
        size += reusing * _attention_rest(a, width, kv_heads, own_keys=False)
    return size


def embedding(a: Architecture) -> int:
    """Parameters of the input token embeddings, without learned positions and embeddings of single layers."""
    return a.vocab * (a.embedding_size or a.hidden_size)


def output_embedding(a: Architecture) -> int:
    """Parameters of the output projection; 0 where it shares the input embeddings."""
    return 0 if a.tied_embeddings else embedding(a)


def _outside_layers(a: Architecture) -> int:
    size = embedding(a) + output_embedding(a) + a.learned_positions * a.hidden_size
    size += a.final_norm * _norm(a, a.hidden_size)
    size += a.embedding_norm * _norm(a, (a.embedding_size or a.hidden_size) if a.encoder else a.hidden_size)
    if a.per_layer_embedding:
        size += a.layers * a.per_layer_embedding * a.per_layer_vocab + a.per_layer_embedding
    return size + a.extra_parameters + (a.vocab if a.head_bias else 0)


def total(a: Architecture) -> int:
    """All parameters, every expert included: what must be stored."""
    size = sum(map(_size, matrices(a))) + _outside_layers(a)
    return size + a.layers * _layer_rest(a) + _all_attention_rest(a) + a.recurrent_layers * _recurrent_rest(a)


def everything(a: Architecture) -> int:
    """All parameters with the towers that read images or sound, where they can be counted."""
    return total(a) + a.tower_parameters


def in_words(a: Architecture) -> str:
    """What tells a model from others in a list: its size in billions, its licence, the month of its release."""
    billions = total(a) / 1e9
    size = f"{billions:.3g}B" if billions < 1000 else f"{billions:,.0f}B"
    return ", ".join(filter(None, (size, a.license.rstrip("?"), a.released)))


def active(a: Architecture) -> int:
    """Parameters that one token passes through: the total without the experts it is not routed to.

    Embeddings count in full, as in most published figures.
    """
    if not a.experts:
        return total(a)
    routed = sum(_size(m) for m in matrices(a) if m.part == "expert")
    return total(a) - routed // a.experts * (a.experts - a.experts_per_token)


def linear(a: Architecture) -> int:
    """Weights that a 4-bit or 8-bit format stores in that format: attention, MLP and experts.

    Embeddings, head, norms, biases and routers stay in 16 bit, as bitsandbytes, AWQ and GPTQ keep them by default.
    """
    return sum(m.copies * m.inputs * m.outputs for m in matrices(a) if m.part != "router")


def layer(a: Architecture) -> int:
    """Parameters of the largest kind of layer: one with attention and, in a mixture model, with experts."""
    holders = {"attention": a.attention_layers, "recurrent": a.recurrent_layers, "dense": a.mlp_layers}
    parts = dict.fromkeys(("attention", "recurrent", "dense", "expert", "shared", "router"), 0)
    for m in matrices(a):
        if m.part == "outside":
            continue
        parts[m.part] += -(-_size(m) // (holders.get(m.part) or a.moe_layers or a.layers))
    mixing = max(parts["attention"] + _attention_rest(a, a.head_dim, a.kv_heads), parts["recurrent"])
    return _layer_rest(a) + mixing + max(parts["dense"], parts["expert"] + parts["shared"] + parts["router"])


def _reached(a: Architecture) -> list[Matrix]:
    """The matrices as PEFT sees them; where it reaches experts, it does so under the names of the old modules."""
    found: list[Matrix] = []
    for m in matrices(a):
        if not a.experts:
            found.append(m)
        elif m.part == "router":
            if a.linear_router or a.adapted_experts or m.names != ("router",):
                found.append(m._replace(bias=False))
        elif m.part == "expert":
            if not a.adapted_experts:
                continue
            if m.names == ("gate_proj",):
                found.append(m._replace(names=("gate_proj", "up_proj"), outputs=2 * m.outputs, copies=2 * m.copies))
            elif m.names != ("up_proj",):
                found.append(m)
        elif not a.adapted_experts or not {"gate_proj", "up_proj", "down_proj"}.intersection(m.names):
            found.append(m)
    return found


def adapted(a: Architecture, targets: str | Iterable[str]) -> list[Matrix]:
    """The matrices that an adapter with these targets sits on, as PEFT 0.21 places it.

    ``targets`` is a preset, one name or several, as PEFT's target_modules has them. "all-linear" takes every linear
    layer but the head; "attention" and "mlp" those parts. Stacked experts are parameters, not linear layers: an
    adapter reaches them in some families only. There the pair of gate and up gets twice the rank (here: twice the
    copies), the router gets one with "all-linear", and dense and shared MLPs get none. Names are Llama's (q_proj …
    down_proj, embed_tokens, lm_head); the names of other families are understood, and a module that is fused in a
    family is taken whole. Raises ValueError for an unknown name.
    """
    names = (targets,) if isinstance(targets, str) else tuple(targets)
    if not names:
        raise ValueError("targets: at least one module is needed, none was given")
    wanted: set[str] = set()
    parts: set[str] = set()
    for name in names:
        if name == "all-linear":
            parts.update(("attention", "recurrent", "dense", "expert", "shared", "router", "outside"))
        elif name == "attention":
            wanted.update(ATTENTION)
        elif name == "mlp":
            parts.update(("dense", "expert", "shared"))
        elif name in _ALIASES:
            wanted.update(_ALIASES[name])
        elif name in ATTENTION or name in MLP or name in _OTHER_NAMES:
            wanted.add(name)
        else:
            known = ", ".join([*PRESETS, *ATTENTION, *MLP, *_OTHER_NAMES, *_ALIASES])
            raise ValueError(f"targets: {str(name)[:60]!r} is not a module we know; known: {known}")
    width = a.embedding_size or a.hidden_size
    candidates = [
        *_reached(a),
        Matrix(("embed_tokens",), a.vocab, width, 1, part="embedding"),
        Matrix(("lm_head",), width, a.vocab, 1, part="head"),
    ]
    return [m for m in candidates if m.part in parts or wanted.intersection(m.names)]


def lora(a: Architecture, *, rank: int, targets: str | Iterable[str] = "all-linear", dora: bool = False) -> int:
    """Trainable parameters of a LoRA adapter: rank × (inputs + outputs) for each adapted matrix.

    The law is that of Hu et al. 2021 (arXiv 2106.09685). DoRA (arXiv 2402.09353) adds one magnitude per output.
    ``targets`` as in ``adapted``. Raises ValueError
    for a rank below 1 or an unknown target.
    """
    if rank < 1:
        raise ValueError(f"rank: at least 1 is needed, {rank} was given")
    return sum(
        m.copies * (rank * (m.inputs + m.outputs) + (m.outputs if dora else 0)) for m in adapted(a, targets)
    )
