"""What training is made of, as data: optimizers, formats of frozen weights, what is trained for, frameworks' habits.

One table each in ``optimizers.toml``, ``bases.toml``, ``objectives.toml`` and ``frameworks.toml``, which say what their
columns mean. A table that lacks something is refused when it is read, by its name; a table with ``refused`` is known
but not worked out, and gives the reason to who asks for it.
"""

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, TypeVar

from calculator.catalogs.rows import read_table


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer:
    """What an optimizer holds for each trained weight, in numbers, and how wide they are."""

    name: str
    label: str
    states: float = 0
    other_states: float = -1
    """For embeddings, head and norms; below zero where it is the same."""
    bits: float = 0
    """Of each number; 0 where it is as wide as the trained weights."""
    block: float = 0
    copies: float = 0
    paged: bool = False
    projected_rank: int = 0
    fused: bool = False
    """Whether there is a fused kernel that makes no copy."""
    names: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """How the frozen weights under an adapter are stored."""

    name: str
    label: str
    bits: float = 0
    widened: bool = False
    unpacked: bool = False
    unpacking: str = "table"
    names: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective:
    """Which models and sequences a step holds besides those of next-token training."""

    name: str
    label: str
    sequences: float = 1
    frozen: float = 0
    trained: float = 0
    adapted_frozen: float = 0
    adapted_trained: float = 0
    vocabulary: bool = True
    logits: float = 1
    rollouts: bool = False
    names: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Habits:
    """What a framework does unless it is told otherwise: on or off, or a width, never a fitted number."""

    adapter_bits: float = 32
    step: str = "multi-tensor"
    loss: str = "plain"
    loss_in_16_bit: bool = False
    compiles_loss: bool = False
    autocast: bool = True
    fused_kernels: bool = False
    fused_adapter: bool = False
    fused_mlp: bool = False
    master_weights: bool = False
    gradient_bits: float = 0
    step_weights: float = 0
    """Most weights of a GPU that one step of sharded states works on at a time; 0 for all."""
    residual_in_32_bit: bool = False
    unties_head: bool = False
    """Input embeddings and head are two matrices even where the model shares them."""
    shares_adapter_inputs: bool = False
    """Adapters on one tensor keep it once, and gradients are written over what they came from."""
    offloads_checkpoints: bool = False
    """What full checkpointing keeps lies in the main memory of the host."""
    keeps_quantised_inputs: bool = False
    """The 4-bit layers keep their inputs for the backward pass, which frozen 16-bit layers don't."""
    own_engine: bool = False
    """Its own distributed optimizer does what ZeRO does elsewhere."""
    checkpointing: str = "full"
    """Where nothing is said of it. Under a quantised base it is full, because PEFT's preparation switches it on."""
    selective_keeps: str = "products"
    fsdp: int = 1
    metric: str = "nvidia-smi"
    packing: bool = False
    """Several short examples fill a row, unless it is told otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Framework:
    """A framework and its habits over the years."""

    name: str
    label: str
    names: tuple[str, ...] = ()
    runs_zero: bool = False
    """Whose engine ZeRO runs in, whatever trains."""
    refused: str = ""
    periods: tuple[tuple[str, Habits], ...] = ()
    """The day from which each set of habits holds, "" for the first."""

    def habits(self, day: str = "") -> Habits:
        """Those of a day such as "2025-08", or the latest."""
        found = self.periods[0][1]
        for start, habits in self.periods[1:]:
            if not day or start[: len(day)] <= day:
                found = habits
        return found


_Row = TypeVar("_Row", Optimizer, Base, Objective)


def _read(name: str, kind: type[_Row]) -> dict[str, _Row]:
    found = {}
    for key, table in read_table(name).items():
        found[key] = kind(name=key, **_checked(f"{name}, {key}", kind, table))
    return found


def _checked(where: str, kind: type[Any], table: dict[str, Any]) -> dict[str, Any]:
    """The table, if all its columns exist and it names itself; ValueError otherwise."""
    known = {field.name for field in fields(kind)}
    strange = sorted(set(table) - known)
    if strange:
        raise ValueError(f"{where}: no such column: {', '.join(strange)}; known: {', '.join(sorted(known))}")
    missing = [column for column in ("label", "names") if column in known and column not in table]
    if missing:
        raise ValueError(f"{where}: missing: {', '.join(missing)}")
    return {column: tuple(value) if isinstance(value, list) else value for column, value in table.items()}


@cache
def optimizers() -> dict[str, Optimizer]:
    """The optimizers by name, in the order in which names of published runs are looked for."""
    return _read("optimizers.toml", Optimizer)


@cache
def bases() -> dict[str, Base]:
    """The formats of frozen weights by name."""
    return _read("bases.toml", Base)


@cache
def objectives() -> dict[str, Objective]:
    """What a model is trained for, by name."""
    return _read("objectives.toml", Objective)


@cache
def frameworks() -> dict[str, Framework]:
    """The frameworks by name."""
    found = {}
    for name, table in read_table("frameworks.toml").items():
        where = f"frameworks.toml, {name}"
        rest = {key: value for key, value in table.items() if key not in ("habits", "since")}
        habits = Habits(**_checked(where, Habits, table.get("habits", {})))
        periods = [("", habits)]
        for change in table.get("since", ()):
            values = {key: value for key, value in change.items() if key not in ("day", "source")}
            if not change.get("source"):
                raise ValueError(f"{where}: a change of {change['day']} needs its source")
            habits = replace(habits, **_checked(where, Habits, values))
            periods.append((change["day"], habits))
        found[name] = Framework(name=name, periods=tuple(periods), **_checked(where, Framework, rest))
    return found
