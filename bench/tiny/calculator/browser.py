"""What the worker calls."""

from calculator import catalog, presets
from calculator.formula import answer

__all__ = ["answer", "catalog", "presets"]
