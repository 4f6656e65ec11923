"""Reads a Hugging Face config.json, also the nested ones of multimodal models (their text part).

A key that the file leaves out has the default of the family's config class (``families.csv``, from transformers
5.24). A model type that is not in that table is refused by name: nothing is guessed.
"""

from collections.abc import Mapping
from typing import Any

from calculator.catalogs.architecture import Architecture
from calculator.catalogs.config_file import other_file, parse
from calculator.catalogs.config_keys import FLAGS, HIGHEST, KEYS, NUMBERS, Reader, flag, shown, wrong
from calculator.catalogs.encoders import READERS as ENCODERS
from calculator.catalogs.families import Family, families, text_types
from calculator.catalogs.hybrids import READERS as HYBRIDS
from calculator.catalogs.hybrids import layer_pattern
from calculator.catalogs.towers import towers

_TEXT_PARTS = ("text_config", "llm_config", "language_config", "thinker_config")
_REFUSED_INSIDE = ("mllama", "gemma3n")
"""Their text layers are of no family here, whatever their text part calls itself."""

READERS = ENCODERS | HYBRIDS
"""By the family's rule ``reader``."""


def read_config(config: str | Mapping[str, Any], name: str = "") -> Architecture:
    """The architecture that a config.json describes, under ``name`` or the name the file gives.

    Raises ValueError, naming the key, what is allowed and what was given, for anything that is not such a file,
    and for a model type that we can't count exactly.
    """
    values = parse(config) if isinstance(config, str) else config
    if not isinstance(values, Mapping):
        raise ValueError(f"config.json: an object is needed, {shown(values)} was given")
    title = name or values.get("_name_or_path") or values.get("model_type") or "config.json"
    text, model_type, nested = _text_part(values)
    family = families()[model_type]
    reader = Reader(text, family)
    if not nested:
        for field in ("hidden_size", "layers"):
            if not reader.given(field) and not (field == "layers" and layer_pattern(reader)):
                raise ValueError(f"config.json: {KEYS[field][0]} is missing; a whole number is needed")
    fields = _common(reader)
    fields["tied_embeddings"] = _tied(values, text, family) or family.rules.get("tied") == "always"
    if "reader" in family.rules:
        READERS[family.rules["reader"]](reader, fields)
    _check(fields)
    fields["towers"], fields["tower_parameters"] = towers(values, fields["hidden_size"])
    fields["stored_as"], fields["stored_bits"] = _stored(values, text)
    try:
        return Architecture(hf_id=str(title)[:200], family=family.name, source="config.json", **fields)
    except OverflowError:
        raise ValueError("config.json: numbers are too large") from None


def model_types() -> tuple[str, ...]:
    """The values of model_type that can be read."""
    return (*families(), *text_types())


def _text_part(values: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, bool]:
    """The object that describes the language model, its type, and whether it stood inside another."""
    known, inside, whole = families(), text_types(), values
    model_type, nested = values.get("model_type"), False
    for _ in range(3):
        if model_type is not None and not isinstance(model_type, str):
            raise wrong("model_type", "text", model_type)
        inner = next((values[key] for key in _TEXT_PARTS if isinstance(values.get(key), Mapping)), None)
        if inner is None or model_type in _REFUSED_INSIDE or model_type in known:
            break
        model_type, nested, values = inner.get("model_type", inside.get(str(model_type))), True, inner
    model_type = inside.get(str(model_type), model_type)
    if model_type is None:
        missing = f"model_type is missing; known: {', '.join(model_types())}"
        raise ValueError(f"config.json: {other_file(whole) or missing}")
    if model_type not in known:
        raise ValueError(
            f"config.json: model_type {shown(model_type)} is not one we can count; known: {', '.join(model_types())}"
        )
    return values, str(model_type), nested


_BITS_IN_WORDS = (("fp4", 4), ("nf4", 4), ("4bit", 4), ("w4", 4), ("fp8", 8), ("8bit", 8), ("w8", 8), ("int8", 8))


def _stored(whole: Mapping[str, Any], text: Mapping[str, Any]) -> tuple[str, int]:
    """How quantization_config says that the weights are stored: the method, and bits where it tells them."""
    said = whole.get("quantization_config") or text.get("quantization_config")
    if not isinstance(said, Mapping):
        return "", 0
    method = str(said.get("quant_method") or said.get("quant_algo") or "unnamed")[:40].lower()
    bits = said.get("bits") or said.get("w_bit") or said.get("weight_bits")
    if isinstance(bits, int) and not isinstance(bits, bool) and 1 <= bits <= 16:
        return method, bits
    for key in ("load_in_4bit", "load_in_8bit"):
        if said.get(key) is True:
            return method, int(key[8])
    words = " ".join(str(said.get(key, "")) for key in ("quant_method", "quant_algo", "fmt", "format")).lower()
    groups = said.get("config_groups")
    if isinstance(groups, Mapping):
        for group in groups.values():
            weights = group.get("weights") if isinstance(group, Mapping) else None
            if isinstance(weights, Mapping) and weights.get("num_bits") in (4, 8):
                return method, int(weights["num_bits"])
    return method, next((width for word, width in _BITS_IN_WORDS if word in words), 0)


def _tied(whole: Mapping[str, Any], text: Mapping[str, Any], family: Family) -> bool:
    """Older files say it inside the text part, newer ones outside; tied if either does."""
    said = []
    for part in (whole, text):
        for key in KEYS["tied_embeddings"]:
            if part.get(key) is not None:
                said.append(flag(key, part[key]))
    return any(said) if said else bool(int(family.defaults["tied_embeddings"]))


def _common(reader: Reader) -> dict[str, Any]:
    """Fields of Architecture that all decoders have, by the file, the family's defaults and its rules."""
    fields: dict[str, Any] = dict(reader.family.fixed)
    for field in ("vocab", "hidden_size", "heads"):
        fields[field] = reader.dimension(field)
        if not fields[field]:
            raise ValueError(f"config.json: {KEYS[field][0]} is missing; a whole number is needed")
    fields["layers"] = len(layer_pattern(reader)) or reader.dimension("layers")
    if not fields["layers"]:
        raise ValueError(f"config.json: {KEYS['layers'][0]} is missing; a whole number is needed")
    heads = fields["heads"]
    fields["kv_heads"] = reader.dimension("kv_heads") or heads
    fields["head_dim"] = reader.dimension("head_dim")
    if "one_key_head" in reader.rules:
        fields["kv_heads"] = 1 if reader.flag(reader.rules["one_key_head"]) else heads
    fields["intermediate_size"] = reader.dimension("intermediate_size") or 4 * fields["hidden_size"]
    if "mlp_multiple" in reader.rules:
        fields["intermediate_size"] = reader.number(reader.rules["mlp_multiple"], 1, 64) * fields["hidden_size"]
    fields["intermediate_size"] //= int(reader.rules.get("mlp_parts", 1))
    fields["max_context"] = reader.dimension("max_context", low=0)
    if "kv_lora_rank" in reader.defaults:
        for key in ("q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"):
            fields[key] = reader.number(key, 0, 1 << 16)
        if not fields["v_head_dim"]:
            fields["v_head_dim"] = fields["hidden_size"] // heads
        fields["head_dim"] = fields["qk_nope_head_dim"] + fields["qk_rope_head_dim"]
    elif not fields["head_dim"]:
        if fields["hidden_size"] % heads:
            raise ValueError(
                f"config.json: head_dim is missing, and hidden_size {fields['hidden_size']} is not a multiple "
                f"of num_attention_heads {heads}"
            )
        fields["head_dim"] = fields["hidden_size"] // heads
    if "positions" in reader.rules:
        fields["learned_positions"] = fields["max_context"] + int(reader.rules["positions"])
    if "embedding" in reader.rules:
        width = reader.number(reader.rules["embedding"], 1)
        fields["embedding_size"] = 0 if width == fields["hidden_size"] else width
    for key, field in NUMBERS.items():
        if key in reader.defaults:
            fields[field] = reader.number(key, 1, HIGHEST.get(field, 1 << 16))
    _switch(reader, fields)
    if reader.flag("use_qk_norm") or reader.flag("qk_layernorm"):
        norm = reader.rules.get("qk_norm", fields.get("qk_norm") or "head")
        fields["qk_norm"] = "" if norm == "none" else norm
    elif "qk_layernorm" in reader.defaults:
        fields["qk_norm"] = ""
    if reader.defaults["experts"] or reader.defaults["moe_intermediate"]:
        _experts(reader, fields)
    if "mlp" in reader.rules:
        fields["intermediate_size"] = reader.number(reader.rules["mlp"], 1)
    _window(reader, fields)
    return fields


def _switch(reader: Reader, fields: dict[str, Any]) -> None:
    """What the file's flags switch, as the family says it or as most do."""
    switched = {key: targets for key, targets in FLAGS.items() if key in reader.defaults}
    switched |= {rule[3:]: tuple(said.split("+")) for rule, said in reader.rules.items() if rule.startswith("on:")}
    for key, targets in switched.items():
        fields.update(dict.fromkeys(targets, reader.flag(key)))
    for rule, said in reader.rules.items():
        if rule.startswith("off:") and reader.flag(rule[4:]):
            fields[said] = False
    if "one_norm" in reader.rules:
        fields["norms_per_layer"] = 1 if reader.flag(reader.rules["one_norm"]) else 2


def _experts(reader: Reader, fields: dict[str, Any]) -> None:
    fields["experts"] = reader.dimension("experts", low=0)
    if not fields["experts"]:
        return
    fields["experts_per_token"] = reader.dimension("experts_per_token")
    if not fields["experts_per_token"]:
        raise ValueError("config.json: num_experts_per_tok is missing; a whole number is needed")
    width = fields["intermediate_size"]
    if reader.rules.get("experts") != "mlp":
        width = reader.dimension("moe_intermediate") or width
    fields["moe_intermediate"] = width
    shared = reader.number("shared_expert_intermediate_size") or reader.number("shared_intermediate_size")
    if not shared:
        for key in ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"):
            shared = shared or reader.number(key, 0, 1 << 10) * width
    same = {"mlp": fields["intermediate_size"], "expert": width}
    fields["shared_intermediate"] = same[reader.rules["shared"]] if "shared" in reader.rules else shared
    fields["dense_layers"] = _dense_layers(reader, fields["layers"])


def _dense_layers(reader: Reader, layers: int) -> int:
    """Layers of a mixture model that hold no experts, as its family says it."""
    kinds = reader.kinds("mlp_layer_types", layers)
    if kinds:
        return kinds.count("dense")
    if "dense" in reader.rules:
        return int(reader.rules["dense"])
    if "decoder_sparse_step" in reader.defaults:
        step, only = reader.number("decoder_sparse_step", 1), reader.indices("mlp_only_layers", layers)
        return sum((i + 1) % step != 0 or i in only for i in range(layers))
    if "interleave_moe_layer_step" in reader.defaults:
        step, listed = reader.number("interleave_moe_layer_step", 1), reader.indices("moe_layers", layers)
        return layers - (len(listed) or layers // step)
    if "moe_layer_interval" in reader.defaults:
        first, last = reader.number("moe_layer_start_index"), reader.number("moe_layer_end_index", -1)
        last = layers - 1 if last == -1 else last
        step = reader.number("moe_layer_interval", 1)
        return layers - sum((i + 1) % step == 0 and first <= i <= last for i in range(layers))
    first = reader.number("first_k_dense_replace") or reader.number("num_dense_layers")
    return min(first, layers)


def _window(reader: Reader, fields: dict[str, Any]) -> None:
    """How many layers attend to a window only.

    The family's rule: all layers, even where kinds are listed (always) or where they are not (all); those with rotary
    positions (rotary); all but every nth (a number); all but the first of so many (first_of_4); none without a list.
    """
    layers, rule = fields["layers"], reader.rules.get("window", "1")
    window = 0
    for key in ("sliding_window", "attention_chunk_size", "window_size"):
        window = window or reader.number(key, 0, 1 << 40)
    if "max_window_layers" in reader.defaults and not reader.flag("use_sliding_window"):
        window = 0
    kinds = reader.kinds(reader.rules.get("kinds", "layer_types"), layers)
    if not window:
        count = 0
    elif kinds and rule != "always":
        count = sum(kinds.count(kind) for kind in ("sliding_attention", "chunked_attention", "local"))
    elif rule in ("always", "all"):
        count = layers
    elif "max_window_layers" in reader.defaults:
        count = max(layers - reader.number("max_window_layers"), 0)
    elif rule == "rotary":
        step, listed = reader.number("no_rope_layer_interval", 1), reader.entries("no_rope_layers")
        count = sum(map(bool, listed)) if listed else layers - layers // step
    elif rule == "none":
        count = 0
    elif rule.startswith("first_of_"):
        count = layers - -(-layers // int(rule.removeprefix("first_of_")))
    else:
        period = reader.number("sliding_window_pattern") or reader.number("global_attn_every_n_layers") or int(rule)
        count = layers - layers // period
    if count:
        fields["sliding_window"], fields["sliding_layers"] = window, count


def _check(fields: dict[str, Any]) -> None:
    heads, kv_heads = fields["heads"], fields["kv_heads"]
    if kv_heads > heads or heads % kv_heads:
        raise ValueError(
            f"config.json: num_key_value_heads must divide num_attention_heads {heads}, {kv_heads} was given"
        )
    if fields.get("experts_per_token", 0) > fields.get("experts", 0):
        raise ValueError(
            f"config.json: num_experts_per_tok must be at most the number of experts {fields['experts']}, "
            f"{fields['experts_per_token']} was given"
        )
