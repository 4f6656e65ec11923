"""Parameter counts, exact from the dimensions of a model.

Everything is a sum over ``matrices``: one list of the weight matrices of a model, from which totals,
active parameters, quantisable weights and adapters follow. Norms, biases, positions, routers and
attention sinks are added where a family has them. Counts are those of the class in Hugging Face
transformers as instantiated; a multimodal model is counted by its text part.
"""

from collections.abc import Iterable
from typing import NamedTuple

from calculator.catalogs import Architecture

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
PRESETS = {"attention": ATTENTION, "mlp": MLP, "all-linear": ATTENTION + MLP}

_FUSED_QKV = ("q_proj", "k_proj", "v_proj")
_ALIASES = {
    "query_key_value": _FUSED_QKV,
    "qkv_proj": _FUSED_QKV,
    "c_attn": _FUSED_QKV,
    "Wqkv": _FUSED_QKV,
    "W_pack": _FUSED_QKV,
    "dense": ("o_proj",),
    "out_proj": ("o_proj",),
    "gate_up_proj": ("gate_proj", "up_proj"),
    "dense_h_to_4h": ("up_proj",),
    "dense_4h_to_h": ("down_proj",),
    "fc1": ("up_proj",),
    "fc2": ("down_proj",),
    "c_fc": ("up_proj",),
    "c_proj": ("o_proj", "down_proj"),
    "w1": ("gate_proj",),
    "w2": ("down_proj",),
    "w3": ("up_proj",),
    "q_a_proj": ("q_a_proj",),
    "q_b_proj": ("q_b_proj",),
    "kv_a_proj_with_mqa": ("kv_a_proj_with_mqa",),
    "kv_b_proj": ("kv_b_proj",),
    "router": ("router",),
    "embed_tokens": ("embed_tokens",),
    "wte": ("embed_tokens",),
    "embed_in": ("embed_tokens",),
    "lm_head": ("lm_head",),
    "embed_out": ("lm_head",),
}


class Matrix(NamedTuple):
    """A weight matrix and how often the model holds it."""

    names: tuple[str, ...]
    """The projections it computes, by their names in Llama; several where they are fused."""
    inputs: int
    outputs: int
    copies: int
    bias: bool
    part: str = "attention"
    """attention, dense, expert, shared, router or head."""


def matrices(a: Architecture) -> list[Matrix]:
    """The linear layers of the model, without embeddings and head."""
    found = _attention(a)
    up = ("gate_proj", "up_proj") if a.gated_mlp else ("up_proj",)
    widths = (
        ("dense", a.intermediate_size, a.layers - a.moe_layers, a.mlp_bias),
        ("expert", a.moe_intermediate, a.moe_layers * a.experts, a.expert_bias),
        ("shared", a.shared_intermediate, a.moe_layers, a.mlp_bias),
    )
    for part, width, copies, bias in widths:
        if not width or not copies:
            continue
        if a.fused_gate_up and a.gated_mlp:
            found.append(Matrix(up, a.hidden_size, 2 * width, copies, bias, part))
        else:
            found += [Matrix((name,), a.hidden_size, width, copies, bias, part) for name in up]
        found.append(Matrix(("down_proj",), width, a.hidden_size, copies, bias, part))
    if a.experts:
        found.append(Matrix(("router",), a.hidden_size, a.experts, a.moe_layers, a.router_bias, "router"))
        if a.shared_gate:
            found.append(Matrix(("shared_gate",), a.hidden_size, 1, a.moe_layers, False, "router"))
    return found


def _attention(a: Architecture) -> list[Matrix]:
    if a.kv_lora_rank:
        query = a.heads * (a.qk_nope_head_dim + a.qk_rope_head_dim)
        found = [
            Matrix(("k_proj", "v_proj", "kv_a_proj_with_mqa"), a.hidden_size, a.kv_lora_rank + a.qk_rope_head_dim,
                   a.layers, a.qkv_bias),
            Matrix(("k_proj", "v_proj", "kv_b_proj"), a.kv_lora_rank,
                   a.heads * (a.qk_nope_head_dim + a.v_head_dim), a.layers, False),
            Matrix(("o_proj",), a.heads * a.v_head_dim, a.hidden_size, a.layers, a.o_bias),
        ]
        if a.q_lora_rank:
            return [
                Matrix(("q_proj", "q_a_proj"), a.hidden_size, a.q_lora_rank, a.layers, a.qkv_bias),
                Matrix(("q_proj", "q_b_proj"), a.q_lora_rank, query, a.layers, False),
                *found,
            ]
        return [Matrix(("q_proj",), a.hidden_size, query, a.layers, False), *found]
    query, key = a.heads * a.head_dim, a.kv_heads * a.head_dim
    out = Matrix(("o_proj",), query, a.hidden_size, a.layers, a.o_bias)
    if a.fused_qkv:
        return [Matrix(_FUSED_QKV, a.hidden_size, query + 2 * key, a.layers, a.qkv_bias), out]
    return [
        Matrix(("q_proj",), a.hidden_size, query, a.layers, a.qkv_bias),
        Matrix(("k_proj",), a.hidden_size, key, a.layers, a.qkv_bias),
        Matrix(("v_proj",), a.hidden_size, key, a.layers, a.qkv_bias),
        out,
    ]


def _size(m: Matrix) -> int:
    return m.copies * (m.inputs * m.outputs + (m.outputs if m.bias else 0))


def _norm(a: Architecture, width: int) -> int:
    return width * (a.norm_weight + a.norm_bias)


def _layer_norms(a: Architecture) -> int:
    """Norms and attention sinks of one layer."""
    size = a.norms_per_layer * _norm(a, a.hidden_size)
    if a.kv_lora_rank:
        size += a.q_lora_rank + a.kv_lora_rank
    if a.qk_norm:
        width = 2 * a.head_dim if a.qk_norm == "head" else (a.heads + a.kv_heads) * a.head_dim
        size += width * (1 + a.qk_norm_bias)
    return size + (a.heads if a.attention_sinks else 0)


def embedding(a: Architecture) -> int:
    """Parameters of the input token embeddings, without learned positions."""
    return a.vocab * (a.embedding_size or a.hidden_size)


def output_embedding(a: Architecture) -> int:
    """Parameters of the output projection; 0 where it shares the input embeddings."""
    return 0 if a.tied_embeddings else embedding(a)


def _outside_layers(a: Architecture) -> int:
    size = embedding(a) + output_embedding(a) + a.learned_positions * a.hidden_size
    size += (a.final_norm + a.embedding_norm) * _norm(a, a.hidden_size)
    if a.embedding_size:
        size += 2 * a.embedding_size * a.hidden_size
    return size + (a.vocab if a.head_bias else 0)


def total(a: Architecture) -> int:
    """All parameters, every expert included: what must be stored."""
    return sum(map(_size, matrices(a))) + a.layers * _layer_norms(a) + _outside_layers(a)


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
    """Parameters of one layer: in a mixture model, of a layer with experts, which is the larger kind."""
    size = _layer_norms(a)
    for m in matrices(a):
        if m.part == "attention":
            size += _size(m) // a.layers
        elif m.part == "dense":
            size += 0 if a.moe_layers else _size(m) // a.layers
        else:
            size += _size(m) // a.moe_layers
    return size


def projections(targets: str | Iterable[str]) -> frozenset[str]:
    """The names in Llama of the modules that ``targets`` asks for.

    ``targets`` is a preset ("attention", "mlp", "all-linear"), one name or several, as PEFT's target_modules
    has them; the fused names of other families are understood. Raises ValueError for an unknown name.
    """
    names = (targets,) if isinstance(targets, str) else tuple(targets)
    found: set[str] = set()
    for name in names:
        if name in PRESETS:
            found.update(PRESETS[name])
        elif name in PRESETS["all-linear"]:
            found.add(name)
        elif name in _ALIASES:
            found.update(_ALIASES[name])
        else:
            known = ", ".join([*PRESETS, *PRESETS["all-linear"], *_ALIASES])
            raise ValueError(f"targets: {name!r} is not a module we know; known: {known}")
    if not found:
        raise ValueError("targets: at least one module is needed, none was given")
    return frozenset(found)


def lora(a: Architecture, *, rank: int, targets: str | Iterable[str] = "all-linear", dora: bool = False) -> int:
    """Trainable parameters of a LoRA adapter: rank × (inputs + outputs) for each adapted matrix.

    The law is that of Hu et al. 2021 (arXiv 2106.09685). DoRA (arXiv 2402.09353) adds one magnitude per output. A
    module that is fused in this family is adapted whole. Each expert of a targeted projection gets an adapter of
    its own; the router only by name. Raises ValueError for a rank below 1 or an unknown target.
    """
    if rank < 1:
        raise ValueError(f"rank: at least 1 is needed, {rank} was given")
    wanted = projections(targets)
    adapted = [m for m in matrices(a) if wanted.intersection(m.names)]
    if "lm_head" in wanted:
        adapted.append(Matrix(("lm_head",), a.embedding_size or a.hidden_size, a.vocab, 1, False, "head"))
    if "embed_tokens" in wanted:
        adapted.append(Matrix(("embed_tokens",), a.vocab, a.embedding_size or a.hidden_size, 1, False, "head"))
    return sum(m.copies * (rank * (m.inputs + m.outputs) + (m.outputs if dora else 0)) for m in adapted)
