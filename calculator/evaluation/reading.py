"""What published rows say, in the words of the catalogues: shared by every estimator's reader. Native only.

Nothing is guessed in silence. What is not understood raises ValueError with the reason; what is understood in part
comes with a number of guesses, for each of which the band gets wider.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from calculator.catalogs.training import Base, Objective, Optimizer, bases, frameworks, objectives, optimizers

_Row = TypeVar("_Row", Optimizer, Base, Objective)


def _named(what: str, rows: Mapping[str, _Row], text: str) -> _Row:
    lower = text.strip().lower()
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


class Kept(NamedTuple):
    """What a row says of activation checkpointing."""

    checkpointing: str
    offloaded: bool
    guesses: int


def checkpointing(text: str) -> Kept:
    """An empty cell means that the source does not say; it is read as full checkpointing, which tuning uses."""
    said = text.strip().lower()
    offloaded = "offload" in said or said.startswith("unsloth")
    if "every" in said or "alternate" in said:
        return Kept("alternate", offloaded, 0)
    if "selective" in said:
        return Kept("selective", offloaded, 0)
    if "config" in said and said.startswith("no"):
        # Switched off in one place because it is switched on in another.
        return Kept("full", offloaded, 1)
    if said.startswith(("yes", "full", "true", "on", "enabled", "unsloth", "activation")):
        return Kept("full", offloaded, 0)
    if said.startswith(("no", "false", "off", "disabled")):
        return Kept("none", offloaded, 0)
    return Kept("full", offloaded, 2)


class Split(NamedTuple):
    """How a row shares the work between GPUs, in the fields of a TrainingSetup, and what was guessed of it."""

    fields: dict[str, Any]
    framework: str
    """A framework that the words name, or ""."""
    guesses: int


_DEGREES = {
    "tp": "tensor_parallel", "pp": "pipeline_parallel", "cp": "context_parallel", "ep": "expert_parallel",
    "vpp": "virtual_stages",
}  # fmt: skip
_LONG = {
    "tensor": "tp", "pipeline": "pp", "context": "cp", "ring": "cp", "ulysses": "cp", "sequence": "cp", "expert": "ep",
}  # fmt: skip
_FILLING = re.compile(
    r"\b(none|no|single|gpus?|one|with|and|mp|default|pure|full|shard|strategy|script|deepspeed|distributed|optimizer|"
    r"parallel|parallelism|size|degree|megatron|core|lm|stage|sp|sequence|label|hybrid|dp\d*|data|replicate|plugin|"
    r"accelerate|of|over|x|nodes?|mixed|precision|auto|wrap|reshard|after|forward|use|orig|params|type|by|the)\b|[\W\d_]+"
)
_KINDS = (
    (r"shard_grad_op", "zero2"), (r"(?:zero|stage)[ -]?(?:stage[ -]?)?3", "zero3"),
    (r"(?:zero|stage)[ -]?(?:stage[ -]?)?2", "zero2"), (r"(?:zero|stage)[ -]?(?:stage[ -]?)?1", "zero1"),
    (r"distributed[ _-]optimizer", "zero1"), (r"\bfsdp ?v?2\b", "fsdp2"), (r"\bh?fsdp\b|full_shard|\bhsdp\b", "fsdp"),
    (r"\bddp\b|data[ -]parallel|\bdp\d*\b|replicat", "ddp"),
)  # fmt: skip


def split(text: str, gpus: int, *, full: bool, seq_len: float = 0, fsdp: int = 1) -> Split:
    """What a row's words about sharding mean. ``fsdp`` is the version that the row's framework means by "fsdp".

    Raises ValueError for words of which nothing is understood on several GPUs.
    """
    said = text.strip().lower()
    if "(label)" in said:
        # The machine had more GPUs, the run used one.
        return Split({"sharding": "none", "n_gpus": 1}, "", 0)
    fields: dict[str, Any] = {"n_gpus": gpus}
    guesses = 0
    rest = said
    for long, short in _LONG.items():
        rest = re.sub(rf"\b{long}[ -]?parallel(?:ism)?[ =x]*(\d+)", rf"{short}\1", rest)
    for short, field in _DEGREES.items():
        found = re.search(rf"\b{short}[ =:x]*(\d+)\b", rest)
        if found:
            fields[field] = int(found[1])
            rest = rest[: found.start()] + " " + rest[found.end() :]
    named = framework(said) if "megatron" in said or "nemo" in said else ""
    kinds = [kind for pattern, kind in _KINDS if re.search(pattern, rest)]
    both = re.search(r"zero2/zero3", rest)
    if both:
        # Scripts that take stage 3 for all weights and stage 2 for adapters.
        kinds = ["zero3" if full else "zero2"]
    kind = kinds[0] if kinds else "none"
    if kind == "fsdp" and fsdp == 2:
        kind = "fsdp2"
    fields["sharding"] = kind
    unread = rest
    for pattern, _ in _KINDS:
        unread = re.sub(pattern, " ", unread)
    words = _FILLING.sub(" ", unread).split()
    degrees = any(field in fields for field in _DEGREES.values())
    if words and not (kinds or degrees):
        raise ValueError(f"sharding {text!r} is not one we can read")
    guesses += 2 * bool(words)
    if gpus > 1 and not said:
        # Several GPUs and no word on how: a copy on each is what happens by default.
        fields["sharding"], guesses = "ddp", 2
    bare = re.fullmatch(r"fsdp2? (\d+)", said)
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
    said = text.strip().lower()
    if not said or said in ("none", "no", "false"):
        return "none"
    if "param" in said or "everything" in said or "all" in said.split():
        return "parameters"
    if "optim" in said:
        return "optimizer"
    if "activation" in said:
        return "activations"
    return "parameters"


_TARGET_NAMES = {
    "q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj", "output_proj": "o_proj", "proj": "o_proj",
    "head": "lm_head", "output": "lm_head", "fc": "up_proj", "attn": "attention", "self_attn": "attention",
    "all": "all-linear", "all-linear-layers": "all-linear", "all_linear": "all-linear", "linear": "all-linear",
    "ffn": "mlp", "linear_qkv": "query_key_value", "linear_proj": "o_proj", "linear_fc1": "up_proj",
    "linear_fc2": "down_proj", "all-router": "router",
}  # fmt: skip
_NO_TARGET = frozenset(("linear", "layers", "modules", "the", "of", "and", "+", "default"))


def targets(text: str) -> str | tuple[str, ...]:
    """The modules of an adapter as people write them: "q, v", "c_attn / qkv", "all (attention and MLP)", a pattern.

    "DEFAULT" is what PEFT takes for a family when it is told nothing: queries and values. "" where nothing is said.
    """
    said = text.strip()
    lower = said.lower()
    if not lower:
        return ""
    if lower in ("default", "peft default", "defaults"):
        return ("q_proj", "v_proj")
    if re.match(r"all\b", lower) or "all-linear" in lower or "all linear" in lower:
        return "all-linear"
    if "." in lower and not re.fullmatch(r"[\w.,/;\s+-]+", lower):
        # A pattern over the names of modules: in practice all of the language model's.
        return "all-linear"
    names = [name.strip() for name in re.split(r"[,;/\s+]+", re.sub(r"\(.*?\)", " ", said)) if name.strip()]
    names = [_TARGET_NAMES.get(name.lower(), name) for name in names if name.lower() not in _NO_TARGET]
    if "all-linear" in names or not names:
        return "all-linear"
    return names[0] if len(names) == 1 else tuple(names)


def metric(text: str, logged: str) -> tuple[str, int]:
    """What a row measured, and guesses; where it does not say, what its framework logs."""
    said = text.strip().lower()
    if re.search(r"smi|process|driver|used on card|nvml|wandb|gpu memory usage", said):
        return "nvidia-smi", 0
    if "reserved" in said or "cached" in said:
        return "reserved", 0
    if re.search(r"allocated|active|max_memory", said) or re.search(r"torch.*(peak|max)|(peak|max).*torch", said):
        return "allocated", 0
    return logged, 1
