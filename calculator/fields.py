"""The kinds of field a decision is made of. Each carries all that a form, a schema or a message needs.

`ask` is what only the reader knows; `assume` a sourced number about the world, which a reader may override; `pick` one
of a list; `flag` yes or no; `paste` a longer text that a parser of the decision understands; `out` a result.

Each function is typed as the value that its field has, as `dataclasses.field` is: so mypy holds the type that a class
gives the field against its default.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from calculator.facts.assumptions import Assumption, assumption
from calculator.units import COUNT, Unit

T = TypeVar("T")
N = TypeVar("N", float, None)

Value = float | str | bool | None
"""What a field of the inputs may hold: a number or nothing, an option or a text, yes or no."""

Span = tuple[float, float, float]
"""5th percentile, median and 95th percentile."""

Fills = Callable[[str, Mapping[str, Value]], Mapping[str, Span | str]]
"""From what was picked, and all values as they stand, to other fields: their values, or why there is none."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """What is known of one field beside its name and default.

    kind: ask, assume, pick, flag, paste or out. low, high: what a form accepts. group: the heading it stands under.
    options: (value, label) of a pick. check: turns a pasted text into something, ValueError with a clear message.
    formula: an expression over inputs and outputs that gives this output, shown with the reader's numbers; a test
    evaluates it. how: the function that gives it when it is longer than one line. fills: what a pick from a catalogue
    says of other fields, for as long as the reader says nothing of them. advanced: most readers leave it alone, so a
    form folds it away. named: the option that another name for it means, ValueError with the candidates for none or
    several. section: the heading in a list that an option stands under. described: what an option is, in a few words.
    """

    kind: str
    label: str
    unit: Unit | None = None
    low: float = 0.0
    high: float = 0.0
    hint: str = ""
    group: str = ""
    whole: bool = False
    optional: bool = False
    options: tuple[tuple[str, str], ...] = ()
    longest: int = 0
    check: Callable[[str], object] | None = None
    assumption: Assumption | None = None
    formula: str = ""
    how: str = ""
    fills: Fills | None = None
    advanced: bool = False
    named: Callable[[str], str] | None = None
    section: Callable[[str], str] | None = None
    described: Callable[[str], str] | None = None


def ask(
    default: N,
    unit: Unit,
    label: str,
    *,
    low: float,
    high: float,
    hint: str = "",
    group: str = "",
    whole: bool = False,
    advanced: bool = False,
) -> N:
    """A number only the reader knows. A default of None makes it optional: "not known"."""
    return _field(
        default,
        Field(
            kind="ask",
            label=label,
            unit=unit,
            low=low,
            high=high,
            hint=hint,
            group=group,
            whole=whole,
            optional=default is None,
            advanced=advanced,
        ),
    )


def assume(key: str, *, group: str = "") -> float:
    """A sourced number about the world, by its key in `assumptions/`."""
    entry = assumption(key)
    return _field(
        entry.value,
        Field(
            kind="assume",
            label=entry.label,
            unit=entry.unit,
            low=entry.lowest,
            high=entry.highest,
            hint=entry.hint,
            group=group,
            assumption=entry,
        ),
    )


def pick(
    default: str,
    options: type[StrEnum] | Iterable[tuple[str, str]],
    label: str,
    *,
    hint: str = "",
    group: str = "",
    fills: Fills | None = None,
    advanced: bool = False,
    named: Callable[[str], str] | None = None,
    section: Callable[[str], str] | None = None,
    described: Callable[[str], str] | None = None,
) -> str:
    """One of a list: the members of a StrEnum (value and shown text are the same) or (value, label) pairs."""
    pairs = tuple((str(o), str(o)) for o in options) if isinstance(options, type) else tuple(options)
    if str(default) not in dict(pairs):
        raise ValueError(f"{label}: {default!r} is not an option")
    return _field(
        str(default),
        Field(
            kind="pick",
            label=label,
            hint=hint,
            group=group,
            options=pairs,
            fills=fills,
            advanced=advanced,
            named=named,
            section=section,
            described=described,
        ),
    )


def flag(default: bool, label: str, *, hint: str = "", group: str = "", advanced: bool = False) -> bool:
    """Yes or no."""
    return _field(default, Field(kind="flag", label=label, hint=hint, group=group, advanced=advanced))


def paste(
    default: str,
    label: str,
    *,
    longest: int,
    check: Callable[[str], object] | None = None,
    hint: str = "",
    group: str = "",
    advanced: bool = False,
) -> str:
    """A longer text. `check` parses it, ValueError with a message for the reader; an empty text is not checked."""
    return _field(
        default,
        Field(kind="paste", label=label, hint=hint, group=group, longest=longest, check=check, advanced=advanced),
    )


def out(unit: Unit, label: str, *, hint: str = "", formula: str = "", how: str = "") -> float:
    """A result. `formula` is an expression over fields, which a test evaluates; `how` names a longer function."""
    made: float = dataclasses.field(
        metadata={"field": Field(kind="out", label=label, unit=unit, hint=hint, formula=formula, how=how)}
    )
    return made


def _field(default: T, spec: Field) -> T:
    return dataclasses.field(default=default, metadata={"field": spec})


def show(spec: Field, value: Value) -> str:
    """A field's value in words, with its unit."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        if spec.kind == "pick":
            return dict(spec.options)[value]
        return f"{len(value):,} characters" if value else "none"
    return (spec.unit or COUNT).show(value)


def _kept(read: Callable[[type[Any]], T]) -> Callable[[type[Any]], T]:
    """`functools.cache`, which mypy lets nobody ask with a `type[Any]`: it takes that for not hashable."""
    return cache(read)  # type: ignore[return-value]


@_kept
def fields_of(cls: type[Any]) -> dict[str, Field]:
    """Name to field, in the order of the class."""
    return {f.name: f.metadata["field"] for f in dataclasses.fields(cls)}


@_kept
def defaults_of(cls: type[Any]) -> dict[str, Value]:
    """Name to default, in the order of the class."""
    return {name: getattr(cls, name) for name in fields_of(cls)}
