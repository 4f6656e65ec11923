"""What published rows say, in the words of the catalogues: shared by every estimator's reader. Native only.

Nothing is guessed in silence. What is not understood raises ValueError with the reason; what is understood in part
comes with a number of guesses, for each of which the band gets wider.
"""

import csv
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from calculator.catalogs.training import Base, Objective, Optimizer, bases, frameworks, objectives, optimizers

_Row = TypeVar("_Row", Optimizer, Base, Objective)


def beside(name: str) -> list[dict[str, str]]:
    """The rows of a table that lies beside this file."""
    with Path(__file__).with_name(name).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


WORDS: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("reading.toml").read_text("utf-8"))
"""What words in rows stand for, by what is asked."""

_UNSAID = re.compile(
    r"[-–?]?|n/?a|null|nan|tbd|default(?: settings)?|unknown|"
    r"(?:not|un) ?-?(?:stated|specified|known|reported|given|said)\b.*"
)


def said(text: str | None) -> str:
    """What a cell says, in lower case; "" where it only says that it says nothing ("not stated", "n/a", "unknown")."""
    lower = (text or "").strip().lower()
    return "" if _UNSAID.fullmatch(lower) else lower


_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:-|–|\bto\b)\s*(\d+(?:\.\d+)?)")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s?(?:([kmbt])(?![a-z]))?(\s?%)?")
_MILLION, _BILLION, _TRILLION = 1e6, 1e9, 1e12


def number(text: str | None, kilo: float = 1000.0) -> float | None:
    """The number of a cell as people write it: "2,048", "~1500", "2k", "2048 tokens", "r=16", "4.2M".

    Of a range it is the middle in logarithms, of several numbers the first. None where the cell says nothing; a share
    in per cent is no number of anything. ``kilo`` is what a k stands for. Raises ValueError for words without a number
    and for one below zero.
    """
    written = said(text)
    if not written:
        return None
    plain = re.sub(r"(?<=\d)[,_\u202f](?=\d{3}(?!\d))", "", written)
    both = _RANGE.search(plain)
    found = _NUMBER.search(plain)
    if found is None or re.match(r"\s*-\s*\d", plain) or re.match(r"[+-]?inf", plain):
        raise ValueError(f"must be a number, {text!r} was given")
    if found[3]:
        return None
    if both and both.start() == found.start() and float(both[1]) < float(both[2]):
        return math.sqrt(float(both[1]) * float(both[2]))
    scale = {None: 1.0, "k": kilo, "m": _MILLION, "b": _BILLION, "t": _TRILLION}[found[2]]
    return float(found[1]) * scale


def size_b(text: str | None) -> float | None:
    """A number of parameters in billions, from "8", "8B", "350M" or all of its digits."""
    found = number(text)
    return found / _BILLION if found and found >= _MILLION else found


def _named(what: str, rows: Mapping[str, _Row], text: str) -> _Row:
    lower = said(text)
    for row in rows.values():
        if any(re.search(pattern, lower) for pattern in row.names):
            if row.refused:
                raise ValueError(f"{what} {text!r}: {row.refused}")
            return row
    raise ValueError(f"{what} {text!r} is not one we can estimate")


def optimizer(text: str) -> Optimizer:
    """The optimizer that a published name stands for; AdamW where none is given."""
    return _named("optimizer", optimizers(), text)


def optimizer_step(text: str) -> str:
    """Whether the name itself says how the step is done; "" where it leaves that to the framework."""
    lower = text.lower()
    if "fused" in lower:
        return "fused"
    return "multi-tensor" if re.search(r"adamw_torch$|foreach", lower) else ""


def base(text: str) -> Base:
    """The format of frozen weights that a published name stands for."""
    return _named("base", bases(), text)


def method(text: str, *, rank: str = "", targets: str = "") -> str:
    """A published method in the words that the readers know.

    A row that names no method, or only that something is tuned, trains an adapter where it gives a rank or targets.
    """
    lower = said(text)
    plain = lower
    for pattern, instead in WORDS["methods"]:
        plain = re.sub(pattern, instead, plain)
    if (said(rank) or said(targets)) and (not plain or (plain == "full" != lower and "full" not in lower)):
        return "lora"
    return plain


_NARROW = re.compile(r"int[48]\b|[48]-?bit|nf4|fp4|gptq|awq|hqq|llm\.int8")


def base_words(base_quant: str, weight_dtype: str, method: str) -> str:
    """Where a row says how the frozen weights are stored: in its own column, as their type, or in the method's name."""
    if said(base_quant):
        return said(base_quant)
    for text in (weight_dtype, method):
        if found := _NARROW.search(said(text)):
            return found.group()
    return ""


def objective(method: str) -> Objective:
    """What a published method trains for: pairs, rewards, or text."""
    return _named("method", objectives(), method)


def framework(text: str) -> str:
    """The framework that the words of a source name, "unknown" for none."""
    lower = text.lower()
    for name, row in frameworks().items():
        if any(re.search(pattern, lower) for pattern in row.names):
            if row.refused:
                raise ValueError(f"framework {row.label}: {row.refused}")
            return name
    return "unknown"


_ON, _OFF = ("1", "y", "t"), ("0", "n", "f", "none")


def has_flash(text: str) -> bool:
    """Whether attention runs without writing its scores down, as every framework does by default since 2023."""
    return said(text) not in _OFF and not re.match(r"no\b|false|off\b|eager|math\b|naive|vanilla|disabled", said(text))


_USUAL_MICRO_BATCH_TOKENS = 4096.0


def usual_micro_batch(seq_len: float) -> float:
    """Sequences of a forward pass where a row is silent: about four thousand tokens, and one sequence at least."""
    return max(1.0, _USUAL_MICRO_BATCH_TOKENS / max(1.0, seq_len))


class Kept(NamedTuple):
    """What a row says of activation checkpointing."""

    checkpointing: str
    offloaded: bool
    guesses: int


def usual_checkpointing(framework: str, day: str, quantised: bool) -> str:
    """What a framework does about activations where nothing is said."""
    return "full" if quantised else frameworks()[framework].habits(day).checkpointing


def checkpointing(text: str, usual: str = "full") -> Kept:
    """An empty cell means that the source does not say; it is read as what is ``usual``."""
    words = said(text)
    offloaded = "offload" in words or words.startswith("unsloth")
    if "every" in words or "alternate" in words:
        return Kept("alternate", offloaded, 0)
    if "selective" in words:
        return Kept("selective", offloaded, 0)
    if "config" in words and words.startswith("no"):
        # Switched off in one place because it is switched on in another.
        return Kept("full", offloaded, 1)
    if words in _OFF or words.startswith(("no", "false", "off", "disabled", "without")):
        return Kept("none", offloaded, 0)
    if words in _ON or words.startswith(
        ("yes", "full", "true", "on", "enabled", "unsloth", "activation", "recompu", "checkpoint", "gradient")
    ):
        return Kept("full", offloaded, 0)
    return Kept(usual, offloaded, 2)


class Split(NamedTuple):
    """How a row shares the work between GPUs, in the fields of a TrainingSetup, and what was guessed of it."""

    fields: dict[str, Any]
    framework: str
    """A framework that the words name, or ""."""
    guesses: int


_FILLING = re.compile(
    r"\b(none|no|single|gpus?|one|with|and|mp|default|pure|full|shard|strategy|script|deepspeed|distributed|optimizer|"
    r"parallel|parallelism|size|degree|megatron|core|lm|stage|sp|sequence|label|hybrid|dp\d*|data|replicate|plugin|"
    r"accelerate|of|over|x|nodes?|mixed|precision|auto|wrap|reshard|after|forward|use|orig|params|type|by|the|multi|lora|"
    r"qlora|peft)\b|[\W\d_]+"
)
_OFFLOADED = re.compile(
    r"(?:cpu|host|nvme|optimizer|parameters?|params?|states?)?[ /+_-]*offload(?:ed|ing)?(?: to (?:cpu|nvme))?"
)
_IN_SERIES = re.compile(
    r"device[_ ]map\W*(?:auto|balanced)?|naive (?:pipeline|model)( parallel\w*)?|\bmodel[ -]parallel\w*|layer split"
)
_STAGE = r"(?:zero|stage|ds[_-]?z)[ _-]*(?:dp[ _-]*)?(?:stage[ _-]*)?"
_KINDS = [(pattern.replace("#STAGE", _STAGE), kind) for pattern, kind in WORDS["kinds"]]


def split(text: str, gpus: int, *, full: bool, seq_len: float = 0, fsdp: int = 1) -> Split:
    """What a row's words about sharding mean. ``fsdp`` is the version that the row's framework means by "fsdp".

    Raises ValueError for words of which nothing is understood on several GPUs.
    """
    words = said(text)
    if "(label)" in words:
        # The machine had more GPUs, the run used one.
        return Split({"sharding": "none", "n_gpus": 1}, "", 0)
    fields: dict[str, Any] = {"n_gpus": gpus}
    guesses = 0
    rest = _OFFLOADED.sub(" ", words)
    for long, short in WORDS["long"].items():
        rest = re.sub(rf"\b{long}[ -]?parallel(?:ism)?[ =x]*(\d+)", rf"{short}\1", rest)
        if short != "ep" and re.fullmatch(rf"{long}[ -]parallel(?:ism)?", rest.strip()) and long != "sequence":
            # One way only, and no degree: over all that there are.
            rest = f"{short}{gpus}"
    rest = re.sub(r"\b(?:ulysses|ring(?:[ -]attention)?)[ ,]*(?:sp|cp)?[ =:x]*(\d+)", r"cp\1", rest)
    if _IN_SERIES.search(rest) and gpus > 1:
        # Layers on one card after the other, and one card at work at a time: a pipeline with one micro-batch.
        rest, guesses = _IN_SERIES.sub(f" pp{gpus} ", rest), 2
    for short, field in WORDS["degrees"].items():
        if found := re.search(rf"\b{short}[ =:x]*(\d+)\b", rest):
            fields[field] = int(found[1])
            rest = rest[: found.start()] + " " + rest[found.end() :]
    named = framework(words) if "megatron" in words or "nemo" in words else ""
    kinds = [kind for pattern, kind in _KINDS if re.search(pattern, rest)]
    if "zero2/zero3" in rest:
        # Scripts that take stage 3 for all weights and stage 2 for adapters.
        kinds = ["zero3" if full else "zero2"]
    kind = kinds[0] if kinds else "none"
    if kind == "fsdp" and fsdp == 2 and not re.search(r"\bfsdp-?v?1\b", rest):
        kind = "fsdp2"
    fields["sharding"] = kind
    unread = rest
    for pattern, _ in _KINDS:
        unread = re.sub(pattern, " ", unread)
    strange = _FILLING.sub(" ", unread).split()
    degrees = any(field in fields for field in WORDS["degrees"].values())
    if strange and not (kinds or degrees):
        raise ValueError(f"sharding {text!r} is not one we can read")
    guesses += 2 * bool(strange)
    if gpus > 1 and "megatron" in words and not degrees and not re.search(r"\bdp\d", rest):
        if not kinds:
            raise ValueError(f"sharding {text!r} does not say into how many parts the model is split")
        guesses += 2
    if gpus > 1 and not (kinds or degrees):
        if re.match(r"(?:hugging ?face )?(?:accelerate[ +]*)?deepspeed$", words):
            # A stage that is not named is the one that its users take: all shared where all is trained.
            fields["sharding"], guesses = ("zero3" if full else "zero2"), 3
        elif not words or re.fullmatch(r"(?:accelerate|multi[ -]?gpus?|distributed(?: data)?(?: parallel)?)", words):
            # Several GPUs and no word on how: a copy on each is what happens by default.
            fields["sharding"], guesses = "ddp", 2
    bare = re.fullmatch(r"fsdp2? (\d+)", words)
    if bare and gpus > int(bare[1]):
        _spread(fields, gpus // int(bare[1]), seq_len)
    groups = fields.get("tensor_parallel", 1) * fields.get("pipeline_parallel", 1) * fields.get("context_parallel", 1)
    if gpus % groups:
        raise ValueError(f"sharding {text!r} does not divide {gpus} GPUs")
    return Split(fields, named, guesses)


def _spread(fields: dict[str, Any], rest: int, seq_len: float) -> None:
    """The GPUs beyond the stated sharding split the model within a server, then into stages, then the sequence."""
    if rest <= 8 and seq_len > 16384:
        fields["context_parallel"] = rest
        return
    for name in ("tensor_parallel", "pipeline_parallel"):
        fields[name] = min(8, rest) if rest % min(8, rest) == 0 else 1
        rest //= fields[name]
    fields["context_parallel"] = rest


def offload(text: str) -> str:
    """What lies in the main memory of the host. "CPU offload" without a further word is everything."""
    words = said(text)
    if not words or words in _OFF or words in ("no", "false", "off"):
        return "none"
    if "param" in words or "everything" in words or "all" in words.split():
        return "parameters"
    if "optim" in words:
        return "optimizer"
    if "activation" in words:
        return "activations"
    return "parameters"


def offload_elsewhere(sharding: str, optimizer: str) -> str:
    """What lies with the host by what a row says of sharding ("ZeRO-3 + CPU offload") or optimizer ("CPUAdam")."""
    words = said(sharding)
    if "offload" in words:
        # The lower stages keep the weights on every GPU, so that what they can give away is the optimizer.
        lower = re.search(_STAGE + "[12]|shard_grad_op", words)
        return "optimizer" if lower else offload(" ".join(_OFFLOADED.findall(words)))
    return "optimizer" if re.search(r"cpu ?-?adam", said(optimizer)) else "none"


_NO_TARGET = frozenset(("linear", "layers", "modules", "the", "of", "and", "+", "default", "only", "blocks", "weights"))


def targets(text: str) -> str | tuple[str, ...]:
    """The modules of an adapter as people write them: "q, v", "c_attn / qkv", "all (attention and MLP)", a pattern.

    "DEFAULT" is what PEFT takes for a family when it is told nothing: queries and values. "" where nothing is said.
    """
    written = re.sub(r"[\[\]\"'|]+", " ", text).strip()
    lower = written.lower()
    if lower in ("default", "peft default", "defaults"):
        return ("q_proj", "v_proj")
    if not said(lower):
        return ""
    if re.fullmatch(r"[qkvo]{2,4}", lower) and lower != "qkv":
        # Letters in a row, as in papers.
        return tuple(WORDS["targets"][letter] for letter in lower)
    if re.match(r"all\b", lower) or "all-linear" in lower or "all linear" in lower:
        return "all-linear"
    if "." in lower and not re.fullmatch(r"[\w.,/;\s+-]+", lower):
        # A pattern over the names of modules: in practice all of the language model's.
        return "all-linear"
    names = [name.strip() for name in re.split(r"[,;/\s+]+", re.sub(r"\(.*?\)", " ", written)) if name.strip()]
    names = [WORDS["targets"].get(name.lower(), name) for name in names if name.lower() not in _NO_TARGET]
    if "all-linear" in names or not names:
        return "all-linear"
    return names[0] if len(names) == 1 else tuple(names)


def metric(text: str, logged: str) -> tuple[str, int]:
    """What a row measured, and guesses; where it does not say, what its framework logs."""
    words = said(text)
    if re.search(r"smi|process|driver|used on card|nvml|wandb|nvitop|nvtop|gpustat|gpu memory usage", words):
        return "nvidia-smi", 0
    if "reserved" in words or "cached" in words:
        return "reserved", 0
    if re.search(r"allocated|active|max_memory", words) or re.search(r"torch.*(peak|max)|(peak|max).*torch", words):
        return "allocated", 0
    return logged, 1


_CARDS = re.compile(r"^\s*(\d{1,3})(?:[x×]\s*|\s+[x×]\s+)(?=[a-z\d])", re.IGNORECASE)


def cards_in_name(text: str) -> str:
    """How many a device's name says there are, as "8" in "8x A100"; "" where it does not."""
    found = _CARDS.match(text)
    return found[1] if found else ""


def without_cards(text: str) -> str:
    """A device's name without how many there are."""
    return _CARDS.sub("", text)
