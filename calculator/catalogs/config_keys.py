"""Reads single keys of a config.json: under which names files give what we ask for, and what may stand there.

A key that the file leaves out has the default of its family.
"""

from collections.abc import Mapping
from typing import Any

from calculator.catalogs.families import Family

KEYS = {
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
HIGHEST = {
    "vocab": 1 << 26, "hidden_size": 1 << 20, "layers": 10_000, "heads": 1 << 16, "kv_heads": 1 << 16,
    "head_dim": 1 << 16, "intermediate_size": 1 << 24, "max_context": 1 << 40, "experts": 1 << 16,
    "experts_per_token": 1 << 16, "moe_intermediate": 1 << 24, "recurrent_kernel": 1 << 10,
}
FLAGS = {
    "attention_bias": ("qkv_bias", "o_bias"),
    "attention_out_bias": ("o_bias",),
    "qkv_bias": ("qkv_bias",),
    "use_qkv_bias": ("qkv_bias",),
    "mlp_bias": ("mlp_bias",),
    "lm_head_bias": ("head_bias",),
    "use_bias": ("qkv_bias", "o_bias", "mlp_bias"),
    "enable_bias": ("qkv_bias", "o_bias", "mlp_bias"),
    "mamba_conv_bias": ("recurrent_conv_bias",),
    "use_conv_bias": ("recurrent_conv_bias",),
    "mamba_proj_bias": ("recurrent_bias",),
    "conv_bias": ("recurrent_conv_bias", "recurrent_bias"),
    "mamba_rms_norm": ("recurrent_norm",),
}
"""What a flag that a family has switches, unless its row says otherwise (``on:KEY``)."""

NUMBERS = {
    "linear_num_value_heads": "recurrent_heads", "linear_num_heads": "recurrent_heads",
    "mamba_n_heads": "recurrent_heads", "mamba_num_heads": "recurrent_heads",
    "linear_value_head_dim": "recurrent_head_dim", "linear_head_dim": "recurrent_head_dim",
    "mamba_head_dim": "recurrent_head_dim",
    "linear_num_key_heads": "recurrent_groups", "mamba_n_groups": "recurrent_groups", "n_groups": "recurrent_groups",
    "linear_key_head_dim": "recurrent_state", "mamba_d_state": "recurrent_state", "ssm_state_size": "recurrent_state",
    "linear_conv_kernel_dim": "recurrent_kernel", "mamba_d_conv": "recurrent_kernel", "conv_kernel": "recurrent_kernel",
    "conv_L_cache": "recurrent_kernel",
    "index_n_heads": "index_heads", "index_head_dim": "index_head_dim", "o_groups": "o_groups",
}
"""What a number that a family has is, by our names."""


def shown(value: Any) -> str:
    """What a file gives, short enough for a message."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    return repr(value)[:60]


def flag(key: str, value: Any) -> bool:
    """True or false; ValueError, naming the key, for anything else."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"config.json: {key} must be true or false, {shown(value)} was given")


def whole(key: str, value: Any, low: int, high: int) -> int:
    """A whole number within bounds, also written as 4.0; ValueError, naming the key, for anything else."""
    number = value
    if isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise ValueError(f"config.json: {key} must be a whole number from {low} to {high}, {shown(value)} was given")
    return number


class Reader:
    """One config with the defaults of its family."""

    def __init__(self, values: Mapping[str, Any], family: Family) -> None:
        self.values, self.family, self.defaults, self.rules = values, family, family.defaults, family.rules

    def given(self, field: str) -> bool:
        """Whether the file has the dimension under any of its names."""
        return any(self.values.get(key) is not None for key in KEYS[field])

    def dimension(self, field: str, low: int = 1) -> int:
        """A dimension by our name; 0 where neither the file nor the family has it."""
        for key in KEYS[field]:
            if key in self.values:
                value = self.values[key]
                if isinstance(value, list) and value:
                    if any(entry != value[0] for entry in self.entries(key)):
                        raise ValueError(
                            f"config.json: {key} must be the same in all layers, {shown(value)} was given"
                        )
                    value = value[0]
                return 0 if value is None else whole(key, value, low, HIGHEST[field])
        return int(self.defaults[field] or 0)

    def number(self, key: str, low: int = 0, high: int = 1 << 24) -> int:
        """A number by its key; 0 where neither the file nor the family has it, or where null may stand for none."""
        value = self.values.get(key)
        if value is not None:
            return whole(key, value, low, high)
        if key in self.values and low == 0:
            return 0
        return int(self.defaults.get(key) or 0)

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        return bool(int(self.defaults.get(key) or 0)) if value is None else flag(key, value)

    def entries(self, key: str) -> list[Any]:
        """A list; empty where it is missing or null."""
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > HIGHEST["layers"]:
            raise ValueError(
                f"config.json: {key} must be a list of at most {HIGHEST['layers']}, {shown(value)} was given"
            )
        return value

    def kinds(self, key: str, layers: int) -> list[str]:
        """A list that says something of each layer; empty where it is missing."""
        entries = self.entries(key)
        if entries and (len(entries) != layers or not all(isinstance(entry, str) for entry in entries)):
            raise ValueError(f"config.json: {key} must be a list of {layers} names, {shown(entries)} was given")
        return entries

    def indices(self, key: str, layers: int) -> set[int]:
        """The layers that a list of numbers names."""
        return {whole(f"{key}[]", entry, 0, layers - 1) for entry in self.entries(key)}
