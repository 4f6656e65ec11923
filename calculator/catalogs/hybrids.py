"""Families whose layers no row of ``families.csv`` describes: hybrids of attention and recurrence, mixed attention.

Each takes the fields that were read the common way and adds or corrects what its class has otherwise.
"""

from collections.abc import Callable, Mapping
from typing import Any

from calculator.catalogs.config_keys import HIGHEST, Reader, shown, whole, wrong


def _falcon(reader: Reader, fields: dict[str, Any]) -> None:
    new = reader.flag("new_decoder_architecture")
    if not new:
        fields["kv_heads"] = 1 if reader.flag("multi_query") else fields["heads"]
    two = reader.values.get("num_ln_in_parallel_attn")
    fields["norms_per_layer"] = 2 if not reader.flag("parallel_attn") or (new and two in (None, 2)) else 1


def _compressed(reader: Reader, fields: dict[str, Any]) -> None:
    """Keys that are the values too, compressed over 4 or 128 tokens in most layers, and hyper-connections."""
    layers, ratios = fields["layers"], reader.entries("compress_ratios")
    if not ratios:
        kinds = reader.kinds("layer_types", layers)
        known = {"compressed_sparse_attention": 4, "heavily_compressed_attention": 128}
        ratios = [known.get(kind, 0) for kind in kinds] or [128, 128, *(4 if i % 2 else 128 for i in range(layers - 2))]
    ratios = [whole("compress_ratios[]", ratio, 0, 1 << 16) for ratio in ratios[:layers]]
    for field, ratio in (("lightly_compressed_layers", 4), ("heavily_compressed_layers", 128)):
        fields[field] = ratios.count(ratio)
    fields["index_layers"] = fields["lightly_compressed_layers"]
    fields["q_lora_rank"], fields["o_lora_rank"] = reader.number("q_lora_rank", 1), reader.number("o_lora_rank", 1)
    fields["sliding_window"], fields["sliding_layers"] = reader.number("sliding_window", 1, 1 << 40), layers
    streams = reader.number("hc_mult", 1, 64)
    fields["extra_parameters"] = streams * streams * fields["hidden_size"] + streams + 1
    mixed = (2 + streams) * streams
    fields["extra_layer_parameters"] = 2 * (mixed * streams * fields["hidden_size"] + mixed + 3)


def _indexer(reader: Reader, fields: dict[str, Any]) -> None:
    layers = fields["layers"]
    kinds = reader.kinds("indexer_types", layers)
    pattern = reader.values.get("index_topk_pattern")
    if kinds:
        fields["index_layers"] = kinds.count("full")
    elif isinstance(pattern, str):
        fields["index_layers"] = pattern.count("F")
    else:
        step, offset = reader.number("index_topk_freq", 1) or 1, reader.values.get("index_skip_topk_offset", 2)
        offset = whole("index_skip_topk_offset", offset, 0, layers + 1)
        fields["index_layers"] = sum(max(i - offset + 1, 0) % step == 0 for i in range(layers))


def _delta(reader: Reader, fields: dict[str, Any]) -> None:
    """Gated DeltaNet beside attention in every fourth layer, as in Qwen3-Next."""
    layers = fields["layers"]
    kinds = reader.kinds("layer_types", layers)
    step = reader.number("full_attention_interval", 1) or 4
    fields["recurrent_layers"] = kinds.count("linear_attention") if kinds else layers - layers // step
    fields["layers_without_attention"] = fields["recurrent_layers"]


def _kimi(reader: Reader, fields: dict[str, Any]) -> None:
    """Kimi Delta Attention beside low-rank attention: a list of kinds, or of the layers as first published."""
    layers, listed = fields["layers"], reader.values.get("linear_attn_config")
    kinds = reader.kinds("layer_types", layers)
    if isinstance(listed, Mapping):
        inner = Reader(listed, reader.family._replace(defaults={}))
        linear = len({whole("kda_layers[]", entry, 1, layers) for entry in inner.entries("kda_layers")})
        fields["recurrent_heads"] = inner.number("num_heads", 1, 1 << 16)
        fields["recurrent_head_dim"] = inner.number("head_dim", 1, 1 << 16)
        fields["recurrent_kernel"] = inner.number("short_conv_kernel_size", 1, 1 << 10)
    elif kinds:
        linear = kinds.count("linear_attention")
    else:
        raise ValueError(
            "config.json: layer_types or linear_attn_config.kda_layers is missing; a list of the layers is needed"
        )
    if not reader.entries("mlp_layer_types") and reader.values.get("first_k_dense_replace") is None:
        raise ValueError("config.json: mlp_layer_types is missing; a list of dense and sparse is needed")
    fields["recurrent_layers"] = fields["layers_without_attention"] = linear
    fields["recurrent_groups"], fields["recurrent_state"] = fields["recurrent_heads"], fields["recurrent_head_dim"]


def _mamba(reader: Reader, fields: dict[str, Any]) -> None:
    heads = fields["recurrent_heads"]
    inner = reader.number("mamba_d_ssm") or reader.number("mamba_expand", 1, 64) * fields["hidden_size"]
    width = reader.values.get("mamba_d_head")
    automatic = width is None or width == "auto"
    if automatic and inner % heads:
        raise ValueError(f"config.json: mamba_n_heads must divide the inner width {inner}, {heads} was given")
    fields["recurrent_head_dim"] = inner // heads if automatic else whole("mamba_d_head", width, 1, 1 << 16)


def _granite_hybrid(reader: Reader, fields: dict[str, Any]) -> None:
    _mamba(reader, fields)
    kinds = reader.kinds("layer_types", fields["layers"])
    attention = sum(kind in ("attention", "full_attention") for kind in kinds)
    fields["recurrent_layers"] = fields["layers_without_attention"] = fields["layers"] - attention
    if not fields["experts"]:
        fields["intermediate_size"] = reader.number("shared_intermediate_size", 1)


def _bamba(reader: Reader, fields: dict[str, Any]) -> None:
    _mamba(reader, fields)
    attention = len(reader.indices("attn_layer_indices", fields["layers"]))
    fields["recurrent_layers"] = fields["layers_without_attention"] = fields["layers"] - attention


def _falcon_h1(reader: Reader, fields: dict[str, Any]) -> None:
    _mamba(reader, fields)
    fields["recurrent_layers"] = fields["layers"]


_NEMOTRON_LETTERS = {"M": "linear_attention", "E": "moe", "*": "full_attention", "-": "mlp"}


def layer_pattern(reader: Reader) -> list[str]:
    """The kinds of Nemotron-H's layers, from whichever key has them; empty for other families."""
    if reader.rules.get("reader") != "pattern":
        return []
    letters = reader.values.get("hybrid_override_pattern")
    if isinstance(letters, str) and letters:
        if not set(letters) <= set(_NEMOTRON_LETTERS) or len(letters) > HIGHEST["layers"]:
            raise wrong("hybrid_override_pattern", "letters of M, E, * and -", letters)
        return [_NEMOTRON_LETTERS[letter] for letter in letters]
    kinds = reader.entries("layer_types") or reader.entries("layers_block_type")
    named = {"mamba": "linear_attention", "attention": "full_attention"}
    return [named.get(str(kind), str(kind)) for kind in kinds]


def _nemotron_h(reader: Reader, fields: dict[str, Any]) -> None:
    kinds = layer_pattern(reader)
    unknown = set(kinds) - set(_NEMOTRON_LETTERS.values())
    if not kinds or unknown:
        raise ValueError(
            f"config.json: hybrid_override_pattern is needed, letters of M, E, * and -; unknown: {sorted(unknown)}"
        )
    layers, mlp, moe = len(kinds), kinds.count("mlp"), kinds.count("moe")
    fields["recurrent_layers"] = kinds.count("linear_attention")
    fields["layers_without_attention"] = layers - kinds.count("full_attention")
    fields["layers_without_mlp"] = layers - mlp - moe
    fields["dense_layers"] = mlp
    if moe:
        fields["shared_intermediate"] = reader.number("moe_shared_expert_intermediate_size", 1)
        fields["expert_inputs"] = reader.number("moe_latent_size")
    else:
        fields["experts"] = fields["experts_per_token"] = fields["moe_intermediate"] = 0
        fields["shared_intermediate"] = fields["dense_layers"] = 0


def _short_conv(reader: Reader, fields: dict[str, Any]) -> None:
    layers = fields["layers"]
    kinds = reader.kinds("layer_types", layers)
    listed = reader.indices("full_attn_idxs", layers)
    attention = kinds.count("full_attention") if kinds else len(listed) or layers
    fields["recurrent_layers"] = fields["layers_without_attention"] = layers - attention
    if reader.flag("block_auto_adjust_ff_dim"):
        width = 2 * fields["intermediate_size"] // 3
        factor = reader.values.get("block_ffn_dim_multiplier", 1.0)
        if factor is not None:
            if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 64:
                raise wrong("block_ffn_dim_multiplier", "a number above 0, at most 64", factor)
            width = int(factor * width)
            multiple = reader.number("block_multiple_of", 1)
            width = -(-width // multiple) * multiple
        fields["intermediate_size"] = width


def _global_shape(reader: Reader, layers: int) -> Reader:
    """What newer files of Gemma 4 say of single layers; the same for all that they name."""
    listed = reader.values.get("per_layer_config")
    if listed is None:
        return Reader({}, reader.family._replace(defaults={}))
    shapes = list(listed.values()) if isinstance(listed, Mapping) and len(listed) <= layers else []
    if not shapes or any(shape != shapes[0] or not isinstance(shape, Mapping) for shape in shapes):
        raise ValueError(
            "config.json: per_layer_config must hold one and the same object for some layers, "
            f"{shown(listed)} was given"
        )
    return Reader(shapes[0], reader.family._replace(defaults={}))


def _gemma4(reader: Reader, fields: dict[str, Any]) -> None:
    layers = fields["layers"]
    kinds = reader.kinds("layer_types", layers)
    if not kinds:
        kinds = ["sliding_attention" if (i + 1) % 6 else "full_attention" for i in range(layers)]
    kinds[-1] = "full_attention"
    fields["sliding_layers"] = kinds.count("sliding_attention")
    fields["sliding_window"] = reader.number("sliding_window", 1, 1 << 40)
    shape, high = _global_shape(reader, layers), 1 << 16
    width = shape.number("head_dim", 1, high) or reader.number("global_head_dim", 1, high)
    fields["global_head_dim"] = width or 512
    fields["global_values_are_keys"] = reader.flag("attention_k_eq_v")
    if fields["global_values_are_keys"]:
        kv_heads = shape.number("num_key_value_heads", 1, high) or reader.number("num_global_key_value_heads", 1, high)
        fields["global_kv_heads"] = kv_heads
    reusing = reader.number("num_kv_shared_layers", 0, layers - 1)
    fields["reusing_sliding_layers"] = kinds[layers - reusing:].count("sliding_attention")
    fields["reusing_global_layers"] = reusing - fields["reusing_sliding_layers"]
    fields["reusing_mlp_factor"] = 2 if reader.flag("use_double_wide_mlp") else 1
    fields["per_layer_embedding"] = reader.number("hidden_size_per_layer_input")
    fields["per_layer_vocab"] = reader.number("vocab_size_per_layer_input", 0, HIGHEST["vocab"])
    if reader.flag("enable_moe_block"):
        fields["experts"] = reader.dimension("experts")
        fields["experts_per_token"] = reader.dimension("experts_per_token")
        fields["moe_intermediate"] = reader.dimension("moe_intermediate")
        fields["shared_intermediate"] = fields["intermediate_size"]
        fields["norms_per_layer"] = 7
        fields["extra_layer_parameters"] = fields["hidden_size"] + fields["experts"]


READERS: dict[str, Callable[[Reader, dict[str, Any]], None]] = {
    "compressed": _compressed,
    "gated_delta": _delta,
    "indexer": _indexer,
    "kimi_delta": _kimi,
    "mamba_beside": _falcon_h1,
    "mamba_indexed": _bamba,
    "mamba_listed": _granite_hybrid,
    "parallel": _falcon,
    "pattern": _nemotron_h,
    "short_conv": _short_conv,
    "two_heads": _gemma4,
}
