"""Reads a Hugging Face config.json, also the nested ones of multimodal models (their text part).

A key that the file leaves out has the default of the family's config class (``families.csv``, from transformers
5.24). A model type that is not in that table is refused by name: nothing is guessed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from calculator.catalogs.architecture import Architecture
from calculator.catalogs.encoders import READERS as ENCODERS
from calculator.catalogs.families import Family, families
from calculator.catalogs.towers import towers
from calculator.json_text import read_json

LONGEST = 2_000_000
"""Characters of a config.json that are read; real ones have at most a few thousand."""

_KEYS = {
    "vocab": ("vocab_size", "padded_vocab_size"),
    "hidden_size": ("hidden_size", "n_embd", "n_embed", "d_model", "dim"),
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv"),
    "head_dim": ("head_dim", "kv_channels", "attention_head_dim", "d_kv"),
    "intermediate_size": (
        "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "block_ff_dim", "d_ff", "hidden_dim",
    ),
    "max_context": ("max_position_embeddings", "n_positions", "max_seq_len", "model_max_length", "seq_length"),
    "tied_embeddings": ("tie_word_embeddings", "tie_embedding"),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"),
    "experts_per_token": (
        "num_experts_per_tok", "moe_k", "moe_topk", "num_experts_per_token", "top_k_experts",
    ),
    "moe_intermediate": ("moe_intermediate_size",),
}
_HIGHEST = {
    "vocab": 1 << 26, "hidden_size": 1 << 20, "layers": 10_000, "heads": 1 << 16, "kv_heads": 1 << 16,
    "head_dim": 1 << 16, "intermediate_size": 1 << 24, "max_context": 1 << 40, "experts": 1 << 16,
    "experts_per_token": 1 << 16, "moe_intermediate": 1 << 24,
}
_FLAGS = {
    "attention_bias": ("qkv_bias", "o_bias"),
    "attention_out_bias": ("o_bias",),
    "qkv_bias": ("qkv_bias",),
    "use_qkv_bias": ("qkv_bias",),
    "mlp_bias": ("mlp_bias",),
    "lm_head_bias": ("head_bias",),
    "use_bias": ("qkv_bias", "o_bias", "mlp_bias"),
    "enable_bias": ("qkv_bias", "o_bias", "mlp_bias"),
}
_TEXT_PARTS = ("text_config", "llm_config", "language_config", "thinker_config")
_TEXT_TYPE = {
    "gemma3": "gemma3_text", "gemma4": "gemma4_text", "llama4": "llama4_text", "qwen2_vl": "qwen2_vl_text",
    "qwen2_5_vl": "qwen2_5_vl_text", "qwen3_vl": "qwen3_vl_text", "qwen3_vl_moe": "qwen3_vl_moe_text",
    "qwen3_5": "qwen3_5_text", "qwen3_5_moe": "qwen3_5_moe_text", "glm4v": "glm4v_text",
    "glm4v_moe": "glm4v_moe_text", "mistral3": "mistral", "llava": "llama", "llava_next": "llama",
    "paligemma": "gemma", "aya_vision": "cohere2", "cohere2_vision": "cohere2", "internvl": "qwen2",
    "kimi_k25": "deepseek_v3", "clip": "clip_text_model", "kimi_vl": "deepseek_v3", "voxtral": "llama",
    "idefics3": "llama", "smolvlm": "llama",
}
_REFUSED_INSIDE = ("mllama", "gemma3n")


def read_config(config: str | Mapping[str, Any], name: str = "") -> Architecture:
    """The architecture that a config.json describes, under ``name`` or the name the file gives.

    Raises ValueError, naming the key, what is allowed and what was given, for anything that is not such a file,
    and for a model type that we can't count exactly.
    """
    values = _parse(config) if isinstance(config, str) else config
    if not isinstance(values, Mapping):
        raise ValueError(f"config.json: an object is needed, {_shown(values)} was given")
    _name_other_file(values)
    title = name or values.get("_name_or_path") or values.get("model_type") or "config.json"
    text, model_type, nested = _text_part(values)
    family = families()[model_type]
    reader = _Reader(text, family)
    if not nested:
        for field in ("hidden_size", "layers"):
            if not reader.given(field) and not (field == "layers" and _layer_pattern(reader)):
                raise ValueError(f"config.json: {_KEYS[field][0]} is missing; a whole number is needed")
    fields = _common(reader)
    fields["tied_embeddings"] = _tied(values, text, bool(int(family.defaults["tied_embeddings"])))
    if family.rules.get("tied") == "always":
        fields["tied_embeddings"] = True
    if "positions" in family.rules:
        fields["learned_positions"] = fields["max_context"] + int(family.rules["positions"])
    if "reader" in family.rules:
        _READERS[family.rules["reader"]](reader, fields)
    _check(fields)
    fields["towers"], fields["tower_parameters"] = towers(values, fields["hidden_size"])
    fields["stored_as"], fields["stored_bits"] = _stored(values, text)
    try:
        return Architecture(hf_id=str(title)[:200], family=family.name, source="config.json", **fields)
    except OverflowError:
        raise ValueError("config.json: numbers are too large") from None


def model_types() -> tuple[str, ...]:
    """The values of model_type that can be read."""
    return (*families(), *_TEXT_TYPE)


def _parse(text: str) -> Any:

    if len(text) > LONGEST:
        raise ValueError(f"config.json: at most {LONGEST} characters are read, {len(text)} were given")
    text = _unfenced(text)
    if _is_name(text):
        raise ValueError(
            f"config.json: {text[:80]!r} is a name; the text of that model's config.json is needed, from {{ to }}"
        )
    try:
        return read_json(text)
    except RecursionError:
        raise ValueError("config.json: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"config.json: not valid JSON ({str(error)[:120]})") from None


def _unfenced(text: str) -> str:
    """What stands inside a Markdown fence; other text as it is."""
    lines = text.strip().splitlines()
    if len(lines) >= 2 and lines[0].startswith("```") and lines[-1].strip() == "```":
        return "\n".join(lines[1:-1])
    return text.strip()


def _is_name(text: str) -> bool:
    """Whether it looks like a model's name or address rather than a file."""
    return 0 < len(text) <= 200 and "\n" not in text and text[0] not in "{[\"" and any(c.isalpha() for c in text) and (
        "/" in text or "-" in text
    )


_OTHER_FILES = (
    (("weight_map",), "the index of a model's weights"),
    (("added_tokens_decoder",), "a tokenizer's settings"),
    (("added_tokens", "model"), "a tokenizer"),
    (("chat_template",), "a tokenizer's settings"),
    (("eos_token_id", "temperature"), "settings of text generation"),
    (("train_batch_size",), "settings of a trainer"),
    (("zero_optimization",), "settings of DeepSpeed"),
    (("_class_name", "_diffusers_version"), "a file of an image model"),
)


def _name_other_file(values: Mapping[str, Any]) -> None:
    """Raises ValueError for JSON that is known to be something else, with what to take instead."""
    if "peft_type" in values:
        base, rank = values.get("base_model_name_or_path"), values.get("r")
        targets = values.get("target_modules")
        named = ", ".join(map(str, targets[:12])) if isinstance(targets, list) else str(targets or "unnamed")
        raise ValueError(
            f"config.json: this is an adapter's file ({_shown(values['peft_type'])}, rank {_shown(rank)}, on "
            f"{named[:160]}); its base is {_shown(base)}: take that model's config.json"
        )
    if "model_type" in values:
        return
    for keys, what in _OTHER_FILES:
        if all(key in values for key in keys):
            raise ValueError(f"config.json: this is {what}; the config.json beside it is needed")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    return repr(value)[:60]


def _text_part(values: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, bool]:
    """The object that describes the language model, its type, and whether it stood inside another."""
    known = families()
    model_type, nested = values.get("model_type"), False
    for _ in range(3):
        if model_type is not None and not isinstance(model_type, str):
            raise ValueError(f"config.json: model_type must be text, {_shown(model_type)} was given")
        inner = next((values[key] for key in _TEXT_PARTS if isinstance(values.get(key), Mapping)), None)
        if inner is None or model_type in _REFUSED_INSIDE or model_type in known:
            break
        model_type, nested, values = inner.get("model_type", _TEXT_TYPE.get(str(model_type))), True, inner
    model_type = _TEXT_TYPE.get(str(model_type), model_type)
    if model_type is None:
        raise ValueError(f"config.json: model_type is missing; known: {', '.join(model_types())}")
    if model_type not in known:
        raise ValueError(
            f"config.json: model_type {_shown(model_type)} is not one we can count; known: {', '.join(model_types())}"
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


def _tied(whole: Mapping[str, Any], text: Mapping[str, Any], default: bool) -> bool:
    """Older files say it inside the text part, newer ones outside; tied if either does."""
    said = []
    for part in (whole, text):
        for key in _KEYS["tied_embeddings"]:
            if part.get(key) is not None:
                said.append(_flag(key, part[key]))
    return any(said) if said else default


def _flag(key: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"config.json: {key} must be true or false, {_shown(value)} was given")


def _whole(key: str, value: Any, low: int, high: int) -> int:
    number = value
    if isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise ValueError(f"config.json: {key} must be a whole number from {low} to {high}, {_shown(value)} was given")
    return number


class _Reader:
    """One config with the defaults of its family."""

    def __init__(self, values: Mapping[str, Any], family: Family) -> None:
        self.values, self.family, self.defaults, self.rules = values, family, family.defaults, family.rules

    def given(self, field: str) -> bool:
        return any(self.values.get(key) is not None for key in _KEYS[field])

    def dimension(self, field: str, low: int = 1) -> int:
        """A dimension by our name; 0 where neither the file nor the family has it."""
        for key in _KEYS[field]:
            if key in self.values:
                value = self.values[key]
                if isinstance(value, list) and value:
                    if any(entry != value[0] for entry in self.entries(key)):
                        raise ValueError(
                            f"config.json: {key} must be the same in all layers, {_shown(value)} was given"
                        )
                    value = value[0]
                return 0 if value is None else _whole(key, value, low, _HIGHEST[field])
        return int(self.defaults[field] or 0)

    def number(self, key: str, low: int = 0, high: int = 1 << 24) -> int:
        """A number by its key; 0 where neither the file nor the family has it, or where null may stand for none."""
        value = self.values.get(key)
        if value is not None:
            return _whole(key, value, low, high)
        if key in self.values and low == 0:
            return 0
        return int(self.defaults.get(key) or 0)

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        return bool(int(self.defaults.get(key) or 0)) if value is None else _flag(key, value)

    def entries(self, key: str) -> list[Any]:
        """A list; empty where it is missing or null."""
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > _HIGHEST["layers"]:
            raise ValueError(
                f"config.json: {key} must be a list of at most {_HIGHEST['layers']}, {_shown(value)} was given"
            )
        return value

    def kinds(self, key: str, layers: int) -> list[str]:
        """A list that says something of each layer; empty where it is missing."""
        entries = self.entries(key)
        if entries and (len(entries) != layers or not all(isinstance(entry, str) for entry in entries)):
            raise ValueError(f"config.json: {key} must be a list of {layers} names, {_shown(entries)} was given")
        return entries

    def indices(self, key: str, layers: int) -> set[int]:
        """The layers that a list of numbers names."""
        return {_whole(f"{key}[]", entry, 0, layers - 1) for entry in self.entries(key)}


def _common(reader: _Reader) -> dict[str, Any]:
    fields: dict[str, Any] = dict(reader.family.fixed)
    for field in ("vocab", "hidden_size", "heads"):
        fields[field] = reader.dimension(field)
        if not fields[field]:
            raise ValueError(f"config.json: {_KEYS[field][0]} is missing; a whole number is needed")
    fields["layers"] = len(_layer_pattern(reader)) or reader.dimension("layers")
    if not fields["layers"]:
        raise ValueError(f"config.json: {_KEYS['layers'][0]} is missing; a whole number is needed")
    heads = fields["heads"]
    fields["kv_heads"] = reader.dimension("kv_heads") or heads
    fields["head_dim"] = reader.dimension("head_dim")
    fields["intermediate_size"] = reader.dimension("intermediate_size") or 4 * fields["hidden_size"]
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
    for key, targets in _FLAGS.items():
        if key in reader.defaults:
            on = reader.flag(key)
            for target in targets:
                if not (key == "attention_bias" and target == "o_bias" and reader.rules.get("bias") == "qkv"):
                    fields[target] = on
    if reader.flag("use_qk_norm") or reader.flag("qk_layernorm"):
        norm = reader.rules.get("qk_norm", fields.get("qk_norm") or "head")
        fields["qk_norm"] = "" if norm == "none" else norm
    elif "qk_layernorm" in reader.defaults:
        fields["qk_norm"] = ""
    if reader.defaults["experts"] or reader.defaults["moe_intermediate"]:
        _experts(reader, fields)
    _window(reader, fields)
    return fields


def _experts(reader: _Reader, fields: dict[str, Any]) -> None:
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
    fields["shared_intermediate"] = shared
    fields["dense_layers"] = _dense_layers(reader, fields["layers"])


def _dense_layers(reader: _Reader, layers: int) -> int:
    """Layers of a mixture model that hold no experts, as its family says it."""
    kinds = reader.kinds("mlp_layer_types", layers)
    if kinds:
        return kinds.count("dense")
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


def _window(reader: _Reader, fields: dict[str, Any]) -> None:
    """How many layers attend to a window only.

    The family's rule: all layers, even where kinds are listed (always) or where they are not (all); those with rotary
    positions (rotary); all but every nth (a number); all but the first of four (first_of_4); none without a list.
    """
    layers, rule = fields["layers"], reader.rules.get("window", "1")
    window = reader.number("sliding_window", 0, 1 << 40) or reader.number("attention_chunk_size", 0, 1 << 40)
    if "max_window_layers" in reader.defaults and not reader.flag("use_sliding_window"):
        window = 0
    kinds = reader.kinds("layer_types", layers)
    if not window:
        count = 0
    elif kinds and rule != "always":
        count = kinds.count("sliding_attention") + kinds.count("chunked_attention")
    elif rule in ("always", "all"):
        count = layers
    elif "max_window_layers" in reader.defaults:
        count = max(layers - reader.number("max_window_layers"), 0)
    elif rule == "rotary":
        step, listed = reader.number("no_rope_layer_interval", 1), reader.entries("no_rope_layers")
        count = sum(map(bool, listed)) if listed else layers - layers // step
    elif rule == "none":
        count = 0
    elif rule == "first_of_4":
        count = layers - -(-layers // 4)
    else:
        period = reader.number("sliding_window_pattern") or reader.number("global_attn_every_n_layers") or int(rule)
        count = layers - layers // period
    if count:
        fields["sliding_window"], fields["sliding_layers"] = window, count


def _falcon(reader: _Reader, fields: dict[str, Any]) -> None:
    new = reader.flag("new_decoder_architecture")
    if not new:
        fields["kv_heads"] = 1 if reader.flag("multi_query") else fields["heads"]
    parallel = new or reader.flag("parallel_attn")
    two = reader.values.get("num_ln_in_parallel_attn")
    fields["parallel_block"] = parallel
    fields["norms_per_layer"] = 2 if not reader.flag("parallel_attn") or (new and two in (None, 2)) else 1
    fields["qkv_bias"] = fields["o_bias"] = fields["mlp_bias"] = reader.flag("bias")


def _bigcode(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["learned_positions"] = fields["max_context"]
    fields["kv_heads"] = 1 if reader.flag("multi_query") else fields["heads"]


def _neo(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["learned_positions"] = fields["max_context"]
    kinds = reader.entries("attention_layers")
    local = kinds.count("local") if kinds else fields["layers"] // 2
    fields["sliding_window"], fields["sliding_layers"] = reader.number("window_size"), local


def _opt(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["learned_positions"] = fields["max_context"] + 2
    width = reader.number("word_embed_proj_dim", 1)
    fields["embedding_size"] = 0 if width in (0, fields["hidden_size"]) else width
    affine = reader.flag("layer_norm_elementwise_affine")
    fields["norm_weight"] = fields["norm_bias"] = affine
    fields["final_norm"] = reader.flag("do_layer_norm_before") and not reader.flag("_remove_final_layer_norm")


def _projected_text(reader: _Reader, fields: dict[str, Any]) -> None:
    """A text encoder with a projection, beside an image encoder."""
    fields["extra_parameters"] = fields["hidden_size"] * reader.number("projection_dim", 1) + 1


def _compressed(reader: _Reader, fields: dict[str, Any]) -> None:
    """Keys that are the values too, compressed over 4 or 128 tokens in most layers, and hyper-connections."""
    layers, ratios = fields["layers"], reader.entries("compress_ratios")
    if not ratios:
        kinds = reader.kinds("layer_types", layers)
        known = {"compressed_sparse_attention": 4, "heavily_compressed_attention": 128}
        ratios = [known.get(kind, 0) for kind in kinds] or [128, 128, *(4 if i % 2 else 128 for i in range(layers - 2))]
    ratios = [_whole("compress_ratios[]", ratio, 0, 1 << 16) for ratio in ratios[:layers]]
    for field, ratio in (("lightly_compressed_layers", 4), ("heavily_compressed_layers", 128)):
        fields[field] = ratios.count(ratio)
    fields["index_layers"] = fields["lightly_compressed_layers"]
    fields["index_heads"] = reader.number("index_n_heads", 1, 1 << 16)
    fields["index_head_dim"] = reader.number("index_head_dim", 1, 1 << 16)
    fields["q_lora_rank"], fields["o_lora_rank"] = reader.number("q_lora_rank", 1), reader.number("o_lora_rank", 1)
    fields["o_groups"] = reader.number("o_groups", 1, 1 << 16)
    fields["sliding_window"], fields["sliding_layers"] = reader.number("sliding_window", 1, 1 << 40), layers
    streams = reader.number("hc_mult", 1, 64)
    fields["extra_parameters"] = streams * streams * fields["hidden_size"] + streams + 1
    mixed = (2 + streams) * streams
    fields["extra_layer_parameters"] = 2 * (mixed * streams * fields["hidden_size"] + mixed + 3)


def _mpt(reader: _Reader, fields: dict[str, Any]) -> None:
    ratio = reader.number("expansion_ratio", 1, 64) or 4
    fields["intermediate_size"] = ratio * fields["hidden_size"]


def _stablelm(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["parallel_block"] = reader.flag("use_parallel_residual")
    fields["norms_per_layer"] = 1 if fields["parallel_block"] else 2


def _neox(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["parallel_block"] = reader.values.get("use_parallel_residual") is not False


def _qwen(reader: _Reader, fields: dict[str, Any]) -> None:
    """The first Qwen halves the stated width for its gate and up projection."""
    fields["intermediate_size"] //= 2


def _internlm2(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["qkv_bias"] = fields["o_bias"] = reader.flag("bias")


def _hunyuan(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["shared_intermediate"] = fields["intermediate_size"]


def _llama4(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["shared_intermediate"] = fields["moe_intermediate"]
    fields["intermediate_size"] = reader.number("intermediate_size_mlp", 1)


def _indexer(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["index_heads"] = reader.number("index_n_heads", 1, 1 << 16)
    fields["index_head_dim"] = reader.number("index_head_dim", 1, 1 << 16)
    layers = fields["layers"]
    kinds = reader.kinds("indexer_types", layers)
    pattern = reader.values.get("index_topk_pattern")
    if kinds:
        fields["index_layers"] = kinds.count("full")
    elif isinstance(pattern, str):
        fields["index_layers"] = pattern.count("F")
    else:
        step, offset = reader.number("index_topk_freq", 1) or 1, reader.values.get("index_skip_topk_offset", 2)
        offset = _whole("index_skip_topk_offset", offset, 0, layers + 1)
        fields["index_layers"] = sum(max(i - offset + 1, 0) % step == 0 for i in range(layers))


def _lite(reader: _Reader, fields: dict[str, Any]) -> None:
    if not reader.entries("mlp_layer_types"):
        fields["dense_layers"] = 1


def _delta(reader: _Reader, fields: dict[str, Any]) -> None:
    """Gated DeltaNet beside attention in every fourth layer, as in Qwen3-Next."""
    layers = fields["layers"]
    kinds = reader.kinds("layer_types", layers)
    step = reader.number("full_attention_interval", 1) or 4
    fields["recurrent_layers"] = kinds.count("linear_attention") if kinds else layers - layers // step
    fields["layers_without_attention"] = fields["recurrent_layers"]
    fields["recurrent_heads"] = reader.number("linear_num_value_heads", 1, 1 << 16)
    fields["recurrent_head_dim"] = reader.number("linear_value_head_dim", 1, 1 << 16)
    fields["recurrent_groups"] = reader.number("linear_num_key_heads", 1, 1 << 16)
    fields["recurrent_state"] = reader.number("linear_key_head_dim", 1, 1 << 16)
    fields["recurrent_kernel"] = reader.number("linear_conv_kernel_dim", 1, 1 << 10)


def _kimi(reader: _Reader, fields: dict[str, Any]) -> None:
    """Kimi Delta Attention beside low-rank attention: a list of kinds, or of the layers as first published."""
    layers, listed = fields["layers"], reader.values.get("linear_attn_config")
    kinds = reader.kinds("layer_types", layers)
    if isinstance(listed, Mapping):
        inner = _Reader(listed, reader.family._replace(defaults={}))
        linear = len({_whole("kda_layers[]", entry, 1, layers) for entry in inner.entries("kda_layers")})
        fields["recurrent_heads"] = inner.number("num_heads", 1, 1 << 16)
        fields["recurrent_head_dim"] = inner.number("head_dim", 1, 1 << 16)
        fields["recurrent_kernel"] = inner.number("short_conv_kernel_size", 1, 1 << 10)
    elif kinds:
        linear = kinds.count("linear_attention")
        fields["recurrent_heads"] = reader.number("linear_num_heads", 1, 1 << 16)
        fields["recurrent_head_dim"] = reader.number("linear_head_dim", 1, 1 << 16)
        fields["recurrent_kernel"] = reader.number("linear_conv_kernel_dim", 1, 1 << 10)
    else:
        raise ValueError(
            "config.json: layer_types or linear_attn_config.kda_layers is missing; a list of the layers is needed"
        )
    if not reader.entries("mlp_layer_types") and reader.values.get("first_k_dense_replace") is None:
        raise ValueError("config.json: mlp_layer_types is missing; a list of dense and sparse is needed")
    fields["recurrent_layers"] = fields["layers_without_attention"] = linear
    fields["recurrent_groups"], fields["recurrent_state"] = fields["recurrent_heads"], fields["recurrent_head_dim"]


def _mamba(reader: _Reader, fields: dict[str, Any]) -> None:
    fields["recurrent_heads"] = heads = reader.number("mamba_n_heads", 1, 1 << 16)
    inner = reader.number("mamba_d_ssm") or reader.number("mamba_expand", 1, 64) * fields["hidden_size"]
    width = reader.values.get("mamba_d_head")
    automatic = width is None or width == "auto"
    if automatic and inner % heads:
        raise ValueError(f"config.json: mamba_n_heads must divide the inner width {inner}, {heads} was given")
    fields["recurrent_head_dim"] = inner // heads if automatic else _whole("mamba_d_head", width, 1, 1 << 16)
    fields["recurrent_groups"] = reader.number("mamba_n_groups", 1, 1 << 16)
    fields["recurrent_state"] = reader.number("mamba_d_state", 1, 1 << 16)
    fields["recurrent_kernel"] = reader.number("mamba_d_conv", 1, 1 << 10)
    fields["recurrent_conv_bias"] = reader.flag("mamba_conv_bias")
    fields["recurrent_bias"] = reader.flag("mamba_proj_bias")


def _granite_hybrid(reader: _Reader, fields: dict[str, Any]) -> None:
    _mamba(reader, fields)
    kinds = reader.kinds("layer_types", fields["layers"])
    attention = sum(kind in ("attention", "full_attention") for kind in kinds)
    fields["recurrent_layers"] = fields["layers_without_attention"] = fields["layers"] - attention
    if not fields["experts"]:
        fields["intermediate_size"] = reader.number("shared_intermediate_size", 1)


def _bamba(reader: _Reader, fields: dict[str, Any]) -> None:
    _mamba(reader, fields)
    attention = len(reader.indices("attn_layer_indices", fields["layers"]))
    fields["recurrent_layers"] = fields["layers_without_attention"] = fields["layers"] - attention


def _falcon_h1(reader: _Reader, fields: dict[str, Any]) -> None:
    _mamba(reader, fields)
    fields["recurrent_layers"] = fields["layers"]
    fields["recurrent_norm"] = reader.flag("mamba_rms_norm")


_NEMOTRON_LETTERS = {"M": "linear_attention", "E": "moe", "*": "full_attention", "-": "mlp"}


def _layer_pattern(reader: _Reader) -> list[str]:
    """The kinds of Nemotron-H's layers, from whichever key has them; empty for other families."""
    if reader.rules.get("reader") != "pattern":
        return []
    letters = reader.values.get("hybrid_override_pattern")
    if isinstance(letters, str) and letters:
        if not set(letters) <= set(_NEMOTRON_LETTERS) or len(letters) > _HIGHEST["layers"]:
            raise ValueError(
                f"config.json: hybrid_override_pattern must be letters of M, E, * and -, {_shown(letters)} was given"
            )
        return [_NEMOTRON_LETTERS[letter] for letter in letters]
    kinds = reader.entries("layer_types") or reader.entries("layers_block_type")
    named = {"mamba": "linear_attention", "attention": "full_attention"}
    return [named.get(str(kind), str(kind)) for kind in kinds]


def _nemotron_h(reader: _Reader, fields: dict[str, Any]) -> None:
    kinds = _layer_pattern(reader)
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
    fields["recurrent_heads"] = reader.number("mamba_num_heads", 1, 1 << 16)
    fields["recurrent_head_dim"] = reader.number("mamba_head_dim", 1, 1 << 16)
    fields["recurrent_groups"] = reader.number("n_groups", 1, 1 << 16)
    fields["recurrent_state"] = reader.number("ssm_state_size", 1, 1 << 16)
    fields["recurrent_kernel"] = reader.number("conv_kernel", 1, 1 << 10)
    fields["recurrent_conv_bias"] = reader.flag("use_conv_bias")
    fields["recurrent_bias"] = reader.flag("use_bias")


def _short_conv(reader: _Reader, fields: dict[str, Any]) -> None:
    layers = fields["layers"]
    kinds = reader.kinds("layer_types", layers)
    listed = reader.indices("full_attn_idxs", layers)
    attention = kinds.count("full_attention") if kinds else len(listed) or layers
    fields["recurrent_layers"] = fields["layers_without_attention"] = layers - attention
    fields["recurrent_kernel"] = reader.number("conv_L_cache", 1, 1 << 10)
    fields["recurrent_conv_bias"] = fields["recurrent_bias"] = reader.flag("conv_bias")
    if reader.flag("block_auto_adjust_ff_dim"):
        width = 2 * fields["intermediate_size"] // 3
        factor = reader.values.get("block_ffn_dim_multiplier", 1.0)
        if factor is not None:
            if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 64:
                raise ValueError(
                    "config.json: block_ffn_dim_multiplier must be a number above 0, at most 64, "
                    f"{_shown(factor)} was given"
                )
            width = int(factor * width)
            multiple = reader.number("block_multiple_of", 1)
            width = -(-width // multiple) * multiple
        fields["intermediate_size"] = width


def _global_shape(reader: _Reader, layers: int) -> _Reader:
    """What newer files of Gemma 4 say of single layers; the same for all that they name."""
    listed = reader.values.get("per_layer_config")
    if listed is None:
        return _Reader({}, reader.family._replace(defaults={}))
    shapes = list(listed.values()) if isinstance(listed, Mapping) and len(listed) <= layers else []
    if not shapes or any(shape != shapes[0] or not isinstance(shape, Mapping) for shape in shapes):
        raise ValueError(
            "config.json: per_layer_config must hold one and the same object for some layers, "
            f"{_shown(listed)} was given"
        )
    return _Reader(shapes[0], reader.family._replace(defaults={}))


def _gemma4(reader: _Reader, fields: dict[str, Any]) -> None:
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
    fields["per_layer_vocab"] = reader.number("vocab_size_per_layer_input", 0, _HIGHEST["vocab"])
    if reader.flag("enable_moe_block"):
        fields["experts"] = reader.dimension("experts")
        fields["experts_per_token"] = reader.dimension("experts_per_token")
        fields["moe_intermediate"] = reader.dimension("moe_intermediate")
        fields["shared_intermediate"] = fields["intermediate_size"]
        fields["norms_per_layer"] = 7
        fields["extra_layer_parameters"] = fields["hidden_size"] + fields["experts"]


_READERS: dict[str, Callable[[_Reader, dict[str, Any]], None]] = {
    **ENCODERS,
    "alternating_local": _neo,
    "bias_on_attention": _internlm2,
    "compressed": _compressed,
    "expansion": _mpt,
    "first_dense": _lite,
    "gated_delta": _delta,
    "half_mlp": _qwen,
    "indexer": _indexer,
    "kimi_delta": _kimi,
    "mamba_beside": _falcon_h1,
    "mamba_indexed": _bamba,
    "mamba_listed": _granite_hybrid,
    "multi_query": _bigcode,
    "parallel": _falcon,
    "parallel_if_said": _stablelm,
    "parallel_unless_said": _neox,
    "pattern": _nemotron_h,
    "projected": _opt,
    "projected_text": _projected_text,
    "shared_as_expert": _llama4,
    "shared_as_mlp": _hunyuan,
    "short_conv": _short_conv,
    "two_heads": _gemma4,
}
"""By the family's rule ``reader``."""


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
