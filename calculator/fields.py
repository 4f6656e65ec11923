"""The kinds of field a decision is made of. Each carries all that a form, a schema or a message needs.

`ask` is what only the reader knows; `assume` a sourced number about the world, which a reader may override; `pick` one
of a list; `flag` yes or no; `paste` a longer text that a parser of the decision understands; `out` a result.

Each function is typed as the value that its field has, as `dataclasses.field` is: so mypy holds the type that a class
gives the field against its default.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from functools import cache
from math import isnan, nan
from typing import Any, Concatenate, ParamSpec, TypedDict, TypeVar, Unpack

from calculator.facts.assumptions import Assumption, assumption, unit_for
from calculator.units import Unit

T = TypeVar("T")
N = TypeVar("N", float, None)
P = ParamSpec("P")

Value = float | str | bool | None
"""What a field of the inputs may hold: a number or nothing, an option or a text, yes or no."""

Span = tuple[float, float, float]
"""5th percentile, median and 95th percentile."""

Fills = Callable[[str, Mapping[str, Value]], Mapping[str, Span | str]]
"""From what was picked, and all values as they stand, to other fields: their values, or why there is none."""


_UNNAMED = Unit(name="", suffix="")
"""Of a quantity whose field has no name yet: the unit follows from it."""


@dataclass(frozen=True)
class _Input:
    """What is known of every field of the inputs, beside its name and default.

    group: the heading it stands under. advanced: most readers leave it alone, so a form folds it away.
    """

    label: str
    _: KW_ONLY
    hint: str = ""
    group: str = ""
    advanced: bool = False


@dataclass(frozen=True, kw_only=True)
class Number(_Input):
    """A number. low, high: what a form accepts."""

    unit: Unit = _UNNAMED
    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Ask(Number):
    """A number that only the reader knows. optional: it may be not known."""

    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Assume(Number):
    """A sourced number about the world."""

    assumption: Assumption


@dataclass(frozen=True, kw_only=True)
class Pick(_Input):
    """One of a list.

    options: (value, label) of each. fills: what a pick from a catalogue says of other fields, for as long as the reader
    says nothing of them. named: the option that another name for it means, ValueError with the candidates for none or
    several. section: the heading in the list that an option stands under. described: what an option is, in a few words.
    """

    options: tuple[tuple[str, str], ...]
    fills: Fills | None = None
    named: Callable[[str], str] | None = None
    section: Callable[[str], str] | None = None
    described: Callable[[str], str] | None = None


@dataclass(frozen=True, kw_only=True)
class Flag(_Input):
    """Yes or no."""


@dataclass(frozen=True, kw_only=True)
class Paste(_Input):
    """A longer text. check: turns it into something, ValueError with a clear message."""

    longest: int
    check: Callable[[str], object] | None = None


Field = Ask | Assume | Pick | Flag | Paste
"""A field of the inputs."""


@dataclass(frozen=True, kw_only=True)
class Out:
    """A result: a field of the outputs.

    formula: an expression over inputs and outputs that gives it, shown with the reader's numbers; a test evaluates it.
    how: the function that gives it when it is longer than one line.
    """

    label: str
    unit: Unit = _UNNAMED
    hint: str = ""
    formula: str = ""
    how: str = ""


class _Said(TypedDict, total=False):
    """What may be said of any question beside its label, as in `_Input`."""

    hint: str
    group: str
    advanced: bool


class _Listed(_Said, total=False):
    """The same of a list, as in `Pick`."""

    fills: Fills | None
    named: Callable[[str], str] | None
    section: Callable[[str], str] | None
    described: Callable[[str], str] | None


def ask(
    default: N, label: str, *, low: float = 0, high: float | None = None, whole: bool = False, **said: Unpack[_Said]
) -> N:
    """A number only the reader knows, in the unit that its field's name ends in. A default of None makes it optional:
    "not known".

    high: may be left out for a share, which is at most 1; with another unit `fields_of` raises ValueError.
    """
    most = nan if high is None else high
    return _field(default, Ask(label, low=low, high=most, whole=whole, optional=default is None, **said))


def assume(key: str) -> float:
    """A sourced number about the world, by its key in `assumptions/`."""
    entry = assumption(key)
    spec = Assume(
        entry.label, unit=entry.unit, low=entry.lowest, high=entry.highest, hint=entry.hint, assumption=entry
    )
    return _field(entry.value, spec)


def pick(
    default: str, options: type[StrEnum] | Iterable[str | tuple[str, str]], label: str, **said: Unpack[_Listed]
) -> str:
    """One of a list: the members of a StrEnum, texts that are shown as they are, or (value, label) pairs."""
    pairs = tuple((str(option), str(option)) if isinstance(option, str) else option for option in options)
    if str(default) not in dict(pairs):
        raise ValueError(f"{label}: {default!r} is not an option")
    return _field(str(default), Pick(label, options=pairs, **said))


def _with_default(
    kind: Callable[Concatenate[str, P], Field], _: type[T]
) -> Callable[Concatenate[T, str, P], T]:
    """A field from its default, its label, and what else the class of its kind takes."""
    return lambda default, label, /, *args, **kwargs: _field(default, kind(label, *args, **kwargs))


flag = _with_default(Flag, bool)
"""Yes or no."""

paste = _with_default(Paste, str)
"""A longer text. `check` parses it, ValueError with a message for the reader; an empty text is not checked."""


def out(label: str, *, hint: str = "", formula: str = "", how: str = "") -> float:
    """A result, in the unit that its field's name ends in. `formula` is an expression over fields, which a test
    evaluates; `how` names a longer function."""
    spec = Out(label=label, hint=hint, formula=formula, how=how)
    made: float = dataclasses.field(metadata={"field": spec})
    return made


def _field(default: T, spec: Field) -> T:
    return dataclasses.field(default=default, metadata={"field": spec})


def _specs(of: type[Any]) -> dict[str, Any]:
    """What is known of each field of a class, by its name, and the unit from the name."""
    specs = {f.name: f.metadata["field"] for f in dataclasses.fields(of)}
    for name, spec in specs.items():
        if isinstance(spec, Number | Out) and spec.unit is _UNNAMED:
            # Classes that share a field share what is known of it, so it is said in place, once.
            object.__setattr__(spec, "unit", unit_for(name))
            if isinstance(spec, Number) and isnan(spec.high):
                if not spec.unit.percent:
                    raise ValueError(f"{spec.label}: high must be given for {spec.unit.name or 'a count'}")
                object.__setattr__(spec, "high", 1)
    return specs


def show(spec: Field, value: Value) -> str:
    """A field's value in words, with its unit."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        if isinstance(spec, Pick):
            return dict(spec.options)[value]
        return f"{len(value):,} characters" if value else "none"
    assert isinstance(spec, Number), spec
    return spec.unit.show(value)


def kept_by_class(read: Callable[[type[Any]], T]) -> Callable[[type[Any]], T]:
    """`functools.cache` of a class, which mypy refuses: it takes `type[Any]` for something that has no hash."""
    return cache(read)  # type: ignore[return-value]


@kept_by_class
def fields_of(inputs: type[Any]) -> dict[str, Field]:
    """Name to field, in the order of the class."""
    return _specs(inputs)


@kept_by_class
def numbers_of(inputs: type[Any]) -> dict[str, Number]:
    """The fields that are numbers."""
    return {name: spec for name, spec in fields_of(inputs).items() if isinstance(spec, Number)}


@kept_by_class
def assumptions_of(inputs: type[Any]) -> dict[str, Assumption]:
    """The assumptions, by the names of their fields."""
    return {name: spec.assumption for name, spec in fields_of(inputs).items() if isinstance(spec, Assume)}


@kept_by_class
def defaults_of(inputs: type[Any]) -> dict[str, Value]:
    """Name to default, in the order of the class."""
    return {name: getattr(inputs, name) for name in fields_of(inputs)}


@kept_by_class
def outputs_of(outputs: type[Any]) -> dict[str, Out]:
    """Name to result, in the order of the class."""
    return _specs(outputs)
