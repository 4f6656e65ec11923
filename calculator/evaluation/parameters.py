"""Parameter counts from the columns of a row, against counts of the instantiated class.

A row names its class and its dimensions; nothing is looked up by the model's name. The row is put into the form of a
config.json and read as one, so that what the columns leave open is the default of the class. ``attention_specials``
adds what it says: key=value pairs, biases, norms.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from calculator.catalogs import Architecture, read_config
from calculator.catalogs.families import families
from calculator.evaluation import Quantity, Row, answered, as_csv, read_rows
from calculator.evaluation.reading import beside
from calculator.llm import parameters

ID = "hf_id"
FIELDS = ("hf_id", "total_params", "active_params", "reason")
METHOD = "architecture"


def _count(column: str) -> Callable[[Row], float | None]:
    def read(row: Row) -> float | None:
        text = row.get(column, "")
        return float(text) if text else None

    return read


QUANTITIES = (
    Quantity(name="parameters", estimate="total_params", measured=_count("computed_total_params")),
    Quantity(name="active parameters", estimate="active_params", measured=_count("computed_active_params")),
)


@cache
def _same_as() -> dict[str, str]:
    """The language model's class by classes that hold it, or are it under another name."""
    return {row["family"]: row["instead"] for row in beside("same_classes.csv")}


_COLUMNS = {
    "hidden_size": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads", "head_dim": "head_dim", "intermediate_size": "intermediate_size",
    "vocab": "vocab_size", "max_context": "max_position_embeddings", "experts": "num_local_experts",
    "experts_per_token": "num_experts_per_tok", "moe_intermediate": "moe_intermediate_size",
}
_NEEDED = ("hidden_size", "layers", "heads", "vocab")
_KEYS_IN_WORDS = {
    "qk_nope": "qk_nope_head_dim", "qk_rope": "qk_rope_head_dim", "v": "v_head_dim",
    "first_k_dense": "first_k_dense_replace",
}
# Families whose columns leave open which layers have attention, or what else the layers hold.
_LAYERS_UNSTATED = ("BambaForCausalLM", "GraniteMoeHybridForCausalLM", "Lfm2ForCausalLM", "Lfm2MoeForCausalLM")
_WIDTHS_UNSTATED = {
    "FalconH1ForCausalLM": "mamba_d_ssm", "BambaForCausalLM": "mamba_n_heads",
    "GraniteMoeHybridForCausalLM": "mamba_n_heads", "Gemma4ForCausalLM": "hidden_size_per_layer_input",
}
_WIDTH_OF_SHARED = re.compile(r"shared\w*intermediate\w*[ =:]+(\d+)")


def predict(row: Row) -> dict[str, object]:
    """Total and active parameters of the model that the row describes, or the reason why they can't be counted."""
    return answered(FIELDS, row.get(ID, ""), lambda: _counts(read_row(row)))


def _counts(found: Architecture) -> dict[str, object]:
    return {"total_params": parameters.total(found), "active_params": parameters.active(found)}


FILE_FIELDS = (
    "id", "total_params", "active_params", "kv_bytes_per_token", "lora_params_rank_8", "tower_params", "reason",
)


def predict_file(path: str) -> str:
    """Predictions for a file of rows, or of JSON lines ``{"id", "config"}`` with a config.json each.

    For a config: parameters in total and active (of the language model), bytes that a token adds to a 16-bit cache
    where it is kept at all, LoRA parameters at rank 8 on all linear layers as PEFT makes them, and parameters of
    towers. Raises ValueError, naming the line, for one that is no such object.
    """
    lines = Path(path).read_bytes().decode("utf-8-sig", "replace").splitlines()
    if next((line for line in lines if line.strip()), "").lstrip()[:1] != "{":
        return as_csv(FIELDS, map(predict, read_rows(path, ID)))
    name = Path(path).name
    told = [(line, f"{name}: line {number}") for number, line in enumerate(lines, start=1) if line.strip()]
    return as_csv(FILE_FIELDS, [predict_config(_object(line, place)) for line, place in told])


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place}: not valid JSON ({str(error)[:80]})") from None
    if not isinstance(found, dict) or "config" not in found:
        raise ValueError(f"{place}: an object with id and config is needed")
    return found


def predict_config(given: dict[str, Any]) -> dict[str, object]:
    """The counts of one object with ``id`` and ``config``, or the reason why there are none."""
    name = str(given.get("id", ""))

    def counted() -> dict[str, object]:
        found = read_config(given["config"], name)
        return _counts(found) | {
            "kv_bytes_per_token": sum(2 * cache.layers * cache.numbers_per_token for cache in found.caches),
            "lora_params_rank_8": parameters.lora(found, rank=8), "tower_params": found.tower_parameters,
        }

    return answered(FILE_FIELDS, name, counted)


def read_row(row: Row) -> Architecture:
    """The architecture of a row. Raises ValueError for a class that we don't know and for missing dimensions."""
    named = row.get("architecture", "").strip()
    family = _same_as().get(named, named)
    model_type = next((key for key, known in families().items() if known.name == family), "")
    if not model_type:
        known = sorted({known.name for known in families().values()})
        raise ValueError(f"architecture {named[:60]!r} is not a class we can count; known: {', '.join(known)}")
    config: dict[str, Any] = {"model_type": model_type}
    for column, key in _COLUMNS.items():
        number = _whole(row, column)
        if number:
            config[key] = number
        elif column in _NEEDED:
            raise ValueError(f"{column} is missing; a whole number above 0 is needed")
    if tied := row.get("tied_embeddings", "").strip().lower():
        if tied not in ("true", "false", "1", "0", "yes", "no"):
            raise ValueError(f"tied_embeddings must be True or False, {tied[:40]!r} was given")
        config["tie_word_embeddings"] = tied in ("true", "1", "yes")
    words = row.get("attention_specials", "").lower()
    for key, value in re.findall(r"\b([a-z]\w*)\s*=\s*(\d{1,12})\b(?![./\d])", words):
        config[_KEYS_IN_WORDS.get(key, key)] = int(value)
    for key, said in re.findall(r"\b([a-z]\w*)\s*=\s*(true|false)\b", words):
        config[key] = said == "true"
    words = re.sub(r"\b\w+\s*=\s*false\b", "", words)
    for key, listed in re.findall(r"\b([a-z]\w*)\s*=\s*\[([\d, ]{1,2000})\]", words):
        config[key] = [int(number[:6]) for number in re.findall(r"\d+", listed)]
    unstated = _WIDTHS_UNSTATED.get(family, "")
    if unstated and unstated not in config:
        raise ValueError(f"attention_specials: {unstated} is not stated, and {family} can't be counted without it")
    if pattern := re.search(r"\b[ME*-]{4,}(?![\w])", row.get("attention_specials", "")):
        config["hybrid_override_pattern"] = pattern.group()
    _read_family(config, row, words)
    return _add_words(read_config(config, row.get(ID, "")), words)


def _whole(row: Row, column: str) -> int:
    text = row.get(column, "").strip().replace(",", "").removesuffix(".0")
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError(f"{column} must be a whole number, {row[column][:40]!r} was given")
    return int(text)


def _read_family(config: dict[str, Any], row: Row, words: str) -> None:
    """What a family's config says with keys of its own."""
    model_type = config["model_type"]
    heads, kv_heads = config["num_attention_heads"], config.get("num_key_value_heads", config["num_attention_heads"])
    if model_type in ("falcon", "gpt_bigcode"):
        config["multi_query"] = kv_heads == 1
    if model_type == "falcon":
        parallel = "parallel" in words or kv_heads != heads
        config["new_decoder_architecture"] = 1 < kv_heads < heads
        # The Falcons without a parallel block (falcon-rw) are the ones with biases.
        config["parallel_attn"], config["bias"] = parallel, not parallel
    if model_type == "stablelm":
        config["use_parallel_residual"] = "parallel" in words
    if model_type == "qwen" and config.get("intermediate_size", 0) < 4 * config["hidden_size"]:
        config["intermediate_size"] *= 2
    if config.get("num_local_experts"):
        _read_experts(config, row, words)
    elif families()[model_type].rules.get("experts") == "mlp" or families()[model_type].defaults["experts"]:
        config["num_local_experts"] = 0
    for key in ("use_qk_norm", "qk_layernorm"):
        if key in families()[model_type].defaults and families()[model_type].rules.get("qk_norm") != "none":
            config[key] = bool(re.search(r"\bqk[_-]?(layer)?norm", words))
    for key in ("use_qkv_bias", "qkv_bias", "attention_bias"):
        if key in families()[model_type].defaults and f"{key.removeprefix('use_')}" in words:
            config[key] = True


def _read_experts(config: dict[str, Any], row: Row, words: str) -> None:
    model_type, width = config["model_type"], config.get("moe_intermediate_size", 0)
    if families()[model_type].rules.get("experts") == "mlp" and width:
        dense = config.get("intermediate_size", 0)
        config["intermediate_size"] = width
        if model_type == "llama4_text" and dense > width:
            config.setdefault("intermediate_size_mlp", dense)
    if said := re.search(r"moe (?:on |in )?every (\d+)", words):
        config.setdefault("interleave_moe_layer_step", int(said.group(1)))
        config.setdefault("decoder_sparse_step", int(said.group(1)))
    text = row.get("shared_experts", "").lower()
    stated = _WIDTH_OF_SHARED.search(f"{text} {words}")
    number = re.match(r"\d+", text)
    for key in ("shared_expert_intermediate_size", "shared_intermediate_size", "n_shared_experts"):
        config[key] = 0
    if stated:
        config["shared_expert_intermediate_size"] = int(stated.group(1))
    elif number and "shared_expert_intermediate_size" in families()[model_type].defaults:
        raise ValueError("shared_experts: the width of the shared expert is not stated")
    elif number:
        config["n_shared_experts"] = int(number.group())
    for key in ("num_shared_experts", "moe_num_shared_experts"):
        config[key] = config["n_shared_experts"]


_BIASES = {
    "qkv_bias": r"qkv[_ ]bias|qkv/o bias", "o_bias": r"\bo[_ ]bias|qkv/o bias|out(put)?[_ ](proj[_ ])?bias",
    "mlp_bias": r"mlp[_ ]bias", "head_bias": r"lm[_ ]head[_ ]bias",
}  # fmt: skip


def _add_words(found: Architecture, words: str) -> Architecture:
    """Biases and windows that the row names and the family's config has no key for."""
    changes: dict[str, Any] = {flag: True for flag, said in _BIASES.items() if re.search(said, words)}
    if re.search(r"\bqk[_-]?norm", words) and not found.qk_norm and found.family not in ("Llama4ForCausalLM",):
        changes["qk_norm"] = "head"
    dense = re.search(r"first_k_dense\w*=(\d+)", words)
    if dense and found.experts and int(dense.group(1)) <= found.layers:
        changes["dense_layers"] = int(dense.group(1))
    if found.family in _LAYERS_UNSTATED:
        stated = re.search(r"(?:attention|attn)_layers=(\d+)", words)
        if not stated and not re.search(r"(attn_layer_indices|full_attn_idxs)=", words):
            raise ValueError("attention_specials: the number of layers with attention, attention_layers=N, is missing")
        if stated:
            changes["recurrent_layers"] = changes["layers_without_attention"] = max(
                found.layers - int(stated.group(1)), 0
            )
    local = re.search(r"local_layers=(\d+)", words)
    if local and int(local.group(1)) <= found.attention_layers:
        changes["sliding_layers"] = int(local.group(1))
    return replace(found, **changes) if changes else found
