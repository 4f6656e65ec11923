"""What a reader pasted for a config.json: its object, or a word on which other file it is."""

from collections.abc import Mapping
from typing import Any

from calculator.catalogs.config_keys import shown
from calculator.json_text import read_json

LONGEST = 2_000_000
"""Characters of a config.json that are read; real ones have at most a few thousand."""


def parse(text: str) -> Any:
    """What the text says in JSON, also inside a Markdown fence; ValueError, saying what is wrong, where it is none."""
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


def name_other_file(values: Mapping[str, Any]) -> None:
    """Raises ValueError for JSON that is known to be something else, with what to take instead."""
    if "peft_type" in values:
        base, rank = values.get("base_model_name_or_path"), values.get("r")
        targets = values.get("target_modules")
        named = ", ".join(map(str, targets[:12])) if isinstance(targets, list) else str(targets or "unnamed")
        raise ValueError(
            f"config.json: this is an adapter's file ({shown(values['peft_type'])}, rank {shown(rank)}, on "
            f"{named[:160]}); its base is {shown(base)}: take that model's config.json"
        )
    if "model_type" in values:
        return
    for keys, what in _OTHER_FILES:
        if all(key in values for key in keys):
            raise ValueError(f"config.json: this is {what}; the config.json beside it is needed")
