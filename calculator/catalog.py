"""Finds decisions by file name: the module is the entry, nothing is registered.

A module whose name begins with an underscore belongs to a decision beside it and is none itself.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from calculator import decisions
from calculator.fields import Field, Pick, fields_of
from calculator.verdict import AnyDecision

OVERALL = "fine_tune_or_not"
"""The decision that weighs all things together."""


@cache
def names() -> tuple[str, ...]:
    """Every decision's name, in alphabetical order."""
    return tuple(sorted(module.name for module in iter_modules(decisions.__path__) if module.name[0] != "_"))


@cache
def decision(name: str) -> AnyDecision:
    """The decision of this name; ValueError lists the known ones."""
    if name not in names():
        raise ValueError(f"decision must be one of: {', '.join(names())}; given: {name[:60]!r}")
    found: AnyDecision = import_module(f"calculator.decisions.{name}").DECISION
    return found


@cache
def answers(name: str) -> tuple[str, ...]:
    """The answers that a decision can give; ValueError for an unknown decision."""
    decision(name)
    return tuple(map(str, import_module(f"calculator.decisions.{name}").Answer))


@cache
def known_fields() -> frozenset[str]:
    """The names of all input fields of all decisions: what a situation may hold."""
    return frozenset(field for name in names() for field in decision(name).Inputs.__dataclass_fields__)


def own_part(name: str, situation: Mapping[str, object]) -> dict[str, object]:
    """The fields of a situation that a decision has.

    Left out is also what another page offers in a list of the same name and this one does not, such as a device that
    nobody can train on.
    """
    own = fields_of(decision(name).Inputs)
    return {
        field: value
        for field, value in situation.items()
        if field in own and not _only_elsewhere(field, value, own[field])
    }


def _only_elsewhere(field: str, value: object, here: Field) -> bool:
    if not isinstance(here, Pick) or not isinstance(value, str) or value in dict(here.options):
        return False
    specs = (fields_of(decision(name).Inputs).get(field) for name in names())
    return any(isinstance(spec, Pick) and value in dict(spec.options) for spec in specs)
