"""One decision, for the warm-up."""

from dataclasses import make_dataclass
from types import SimpleNamespace

from calculator.formula import INPUTS


def names():
    """Its name."""
    return ("formula",)


def decision(name):
    """Its inputs; ValueError for any other name."""
    if name not in names():
        raise ValueError(name)
    return SimpleNamespace(
        Inputs=make_dataclass("Inputs", [(f"field_{i}", float, float(i + 1)) for i in range(INPUTS)])
    )
