"""What readers bring along: names as people write them, a model's own file, a card that no catalogue has."""

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from calculator.catalogs import Accelerator, Architecture, accelerator, accelerators, architectures, read_config
from calculator.catalogs.config_file import other_file, unfenced
from calculator.json_text import read_json

_SAME_SHAPE = ("instruct", "it", "chat", "base", "hf", "thinking", "dpo", "sft")
"""Endings of a name that tell tunings of one base apart: the dimensions are the same."""


def _words(name: str) -> tuple[str, ...]:
    """The parts of a model's name, without its maker and without endings that do not change its dimensions."""
    text = name.casefold().strip().strip("\"'`").removeprefix("https://huggingface.co/").rpartition("/")[2]
    words = [word for word in text.replace("_", "-").replace(" ", "-").split("-") if word]
    if words and words[0] == "meta":
        words = words[1:]
    while len(words) > 1 and words[-1] in _SAME_SHAPE:
        words.pop()
    return tuple(words)


def model_named(text: str) -> str:
    """The model of the catalogue that a name means, whatever its maker's case and whichever tuning of its base.

    "" where none has the name: a name that is only like another is never taken for it. ValueError, naming them, where
    several have it.
    """
    wanted = _words(text)
    found = [name for name in architectures() if _words(name) == wanted] if wanted else []
    if len(found) > 1:
        raise ValueError(f"{text[:60]!r} may mean several models; name one: {', '.join(found)}")
    return found[0] if found else ""


def device_named(text: str) -> str:
    """The device that a name means, as `accelerator` finds it; "" for none. ValueError where several may be meant."""
    try:
        return accelerator(text).name
    except ValueError as error:
        if "may mean several" in str(error):
            raise ValueError(str(error).removeprefix("accelerator: ")) from None
        return ""


_SECTIONS = {
    "datacentre gpu": "Data-centre cards",
    "workstation gpu": "Workstation cards",
    "consumer gpu": "Consumer cards",
    "unified memory": "Shared memory",
    "cpu": "Processors",
    "phone": "Phones",
    "tpu": "TPUs",
    "accelerator": "Other accelerators",
}


def device_section(name: str) -> str:
    """The heading that a device stands under in a list."""
    device = accelerators()[name]
    maker = name.partition(" ")[0]
    heading = _SECTIONS[device.kind]
    return f"{heading}, {maker}" if device.kind.endswith("gpu") else heading


class Card(NamedTuple):
    """The figures of a card of one's own; None for what is as on the device that it is like."""

    gib: float | None
    tflops: float | None
    gb_per_s: float | None


@lru_cache(maxsize=64)
def on_card(device: str, own: Card) -> Accelerator:
    """The device with these figures in place of its own. Narrower formats keep their ratio to the 16-bit speed."""
    base = accelerators()[device]
    changes: dict[str, Any] = {"name": "your card", "aliases": ()}
    if own.gib is not None:
        changes |= {"memory_gib": own.gib, "memory_gb": own.gib}
    if own.gb_per_s is not None:
        changes["bandwidth_gb_per_s"] = own.gb_per_s
    if own.tflops is not None:
        ratio = own.tflops / (base.bf16_tflops or base.fp16_tflops or own.tflops)
        # A peak as sold is what the reader knows; what is reached of it is that of the device it is like.
        share = base.matmul_share
        if base.matmul_tflops:
            share = base.matmul_tflops / (base.bf16_tflops or base.fp16_tflops or base.matmul_tflops)
        changes |= {"matmul_tflops": None, "matmul_share": share}
        for column in (
            "bf16_tflops",
            "fp16_tflops",
            "fp16_accumulate_tflops",
            "fp8_tflops",
            "fp4_tflops",
            "int8_tops",
            "plain_tflops",
        ):
            peak = getattr(base, column)
            changes[column] = None if peak is None else peak * ratio
    return replace(base, **changes)


@lru_cache(maxsize=4)
def pasted(text: str) -> Architecture:
    """The model of a pasted config.json, or of its name. ValueError says what else it is, or which key is wrong."""
    plain = unfenced(text)
    try:
        found = read_json(plain)
    except RecursionError:
        raise ValueError("config.json: nested too deeply") from None
    except ValueError as error:
        found = plain if "\n" not in plain and "{" not in plain else None
        if found is None:
            raise ValueError(_not_json(plain, error)) from None
    if isinstance(found, str):
        name = model_named(found)
        if name:
            return architectures()[name]
        raise ValueError(
            f"{found[:60]!r} is a name and no model of our list: open config.json on its page and paste it whole"
        )
    if words := other_file(found):
        raise ValueError(words)
    return read_config(found, "your config.json")


def chosen(name: str, config: str) -> Architecture:
    """The pasted model when there is one, the catalogue's otherwise."""
    return pasted(config) if config else architectures()[name]


def _not_json(text: str, error: ValueError) -> str:
    if text.startswith("GGUF") or "general.architecture" in text:
        return "this is from a GGUF file: take config.json from the page of the model that it was made of"
    if text.startswith(("from ", "import ", "#!")):
        return "this is a program: paste the model's config.json"
    if text.startswith("---") or "\nbase_model:" in f"\n{text}":
        return "this is a YAML file, a model card or a recipe: paste the config.json of the model that it names"
    return f"config.json must be JSON: {error}"
