"""What a reader pasted for a config.json: its object, or a word on which other file it is."""

from collections.abc import Mapping
from typing import Any

from calculator.catalogs.rows import read_table
from calculator.json_text import read_json

LONGEST = 2_000_000
"""Characters of a config.json that are read; real ones have at most a few thousand."""


def parse(text: str) -> Any:
    """What the text says in JSON, also inside a Markdown fence; ValueError, saying what is wrong, where it is none."""
    if len(text) > LONGEST:
        raise ValueError(f"config.json: at most {LONGEST} characters are read, {len(text)} were given")
    text = unfenced(text)
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


def unfenced(text: str) -> str:
    """Without the marks of a code block around it."""
    stripped = text.strip()
    if not stripped.startswith("```"):
        return stripped
    return stripped.partition("\n")[2].rpartition("```")[0].strip()


def _is_name(text: str) -> bool:
    """Whether it looks like a model's name or address rather than a file."""
    return 0 < len(text) <= 200 and "\n" not in text and text[0] not in "{[\"" and any(c.isalpha() for c in text) and (
        "/" in text or "-" in text
    )


def other_file(values: Any) -> str:
    """What an object that is no model's config is instead, and what to do next; "" where it may be one."""
    if not isinstance(values, Mapping) or "model_type" in values:
        return ""
    for other in read_table("other_files.toml")["file"]:
        if any(key in values for key in other["keys"]):
            return str(other["words"].format_map(_Said(values)))
    return ""


class _Said(dict[str, str]):
    """The words that a message takes from a file."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        rank, targets = found.get("r"), found.get("target_modules")
        adapter = ""
        if isinstance(rank, int):
            adapter = f", set the rank to {rank}"
            if isinstance(targets, list) and all(isinstance(target, str) for target in targets):
                adapter += f" and the adapter to {', '.join(targets)[:120]}"
        super().__init__(
            base_model_name_or_path=str(found.get("base_model_name_or_path"))[:80],
            adapter=adapter,
        )

    def __missing__(self, key: str) -> str:
        return ""
