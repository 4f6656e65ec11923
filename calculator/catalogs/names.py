"""Which model of the catalogue a name stands for, as people write it.

A name is reduced by words that leave the dimensions as they are: how the weights were tuned (-Instruct, -it) and packed
(-GGUF, -AWQ, -bnb-4bit). A version ("V3.1", "2.5") is never dropped: another version is another model.
"""

import re
from collections.abc import Iterable

_VARIANT = re.compile(
    r"-(hf|chat|instruct|it|base|sft|dpo|thinking|preview|pt|unsloth|bnb|4bit|8bit|gptq|awq|gguf|ggml|int[48]|fp8|fp16|"
    r"bf16|nf4|nvfp4|mxfp4|w4a16|w8a8|quantized|dynamic|mlx|qat|q\d(_\w+)?|\d{4})$"
)
"""Four digits are the month of a tuned release; it goes with the words before it."""


def plain(name: str) -> str:
    """The name in lower case without its maker, words joined by one dash: "Meta-Llama 3.1 8B" is "llama-3.1-8b"."""
    bare = name.strip().lower().rstrip("/").rpartition("/")[2]
    return re.sub(r"[\s_-]+", "-", bare).removeprefix("meta-")


def reduced(name: str) -> str:
    """The plain name without the words that leave the dimensions as they are."""
    short = re.sub(r"-(instruct|chat|it|base)(?=-v?\d)", "", plain(name))
    while (shorter := _VARIANT.sub("", short)) != short:
        short = shorter
    return short


def resolve(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The catalogue's names that a written one may stand for; one is an answer.

    As written, else without its maker, else without the words that leave the dimensions as they are.
    """
    names = tuple(known)
    if name in names:
        return (name,)
    for reduce in (str.lower, plain, reduced):
        wanted = reduce(name.strip())
        found = tuple(one for one in names if reduce(one) == wanted)
        if found:
            return found if len(found) == 1 else _nearest(name, found)
    return ()


def _nearest(name: str, found: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the maker that the name has, else those that add nothing to the plain name."""
    maker = name.lower().partition("/")[0] if "/" in name else ""
    own = tuple(one for one in found if maker and one.lower().startswith(f"{maker}/"))
    bare = tuple(one for one in own or found if plain(one) == reduced(name))
    return bare if len(bare) == 1 else own or found

