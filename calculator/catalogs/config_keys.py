"""Reads single keys of a config.json: under which names files give what we ask for, and what may stand there.

A key that the file leaves out has the default of its family.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from calculator.catalogs.families import Family
from calculator.catalogs.rows import read_table

_TABLES = read_table("config_keys.toml")
KEYS: Mapping[str, Sequence[str]] = _TABLES["names"]
"""By our name for a dimension, the file's names for it."""
HIGHEST: Mapping[str, int] = _TABLES["highest"]
FLAGS: Mapping[str, Sequence[str]] = _TABLES["flags"]
NUMBERS: Mapping[str, str] = _TABLES["numbers"]


def shown(value: Any) -> str:
    """What a file gives, short enough for a message."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    return repr(value)[:60]


def wrong(key: str, needed: str, value: Any) -> ValueError:
    """The error that says what a key must be and what was given."""
    return ValueError(f"config.json: {key} must be {needed}, {shown(value)} was given")


def flag(key: str, value: Any) -> bool:
    """True or false; ValueError, naming the key, for anything else."""
    if isinstance(value, bool):
        return value
    raise wrong(key, "true or false", value)


def whole(key: str, value: Any, low: int, high: int) -> int:
    """A whole number within bounds, also written as 4.0; ValueError, naming the key, for anything else."""
    number = value
    if isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise wrong(key, f"a whole number from {low} to {high}", value)
    return number


class Reader:
    """One config with the defaults of its family."""

    def __init__(self, values: Mapping[str, Any], family: Family) -> None:
        self.values, self.family, self.defaults, self.rules = values, family, family.defaults, family.rules

    def given(self, field: str) -> bool:
        """Whether the file has the dimension under any of its names."""
        return any(self.values.get(key) is not None for key in KEYS[field])

    def dimension(self, field: str, low: int = 1) -> int:
        """A dimension by our name; 0 where neither the file nor the family has it."""
        for key in KEYS[field]:
            if key in self.values:
                value = self.values[key]
                if isinstance(value, list) and value:
                    if any(entry != value[0] for entry in self.entries(key)):
                        raise wrong(key, "the same in all layers", value)
                    value = value[0]
                return 0 if value is None else whole(key, value, low, HIGHEST[field])
        return int(self.defaults[field] or 0)

    def number(self, key: str, low: int = 0, high: int = 1 << 24) -> int:
        """A number by its key; 0 where neither the file nor the family has it, or where null may stand for none."""
        value = self.values.get(key)
        if value is not None:
            return whole(key, value, low, high)
        if key in self.values and low == 0:
            return 0
        return int(self.defaults.get(key) or 0)

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        return bool(int(self.defaults.get(key) or 0)) if value is None else flag(key, value)

    def entries(self, key: str) -> list[Any]:
        """A list; empty where it is missing or null."""
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > HIGHEST["layers"]:
            raise wrong(key, f"a list of at most {HIGHEST['layers']}", value)
        return value

    def kinds(self, key: str, layers: int) -> list[str]:
        """A list that says something of each layer; empty where it is missing."""
        entries = self.entries(key)
        if entries and (len(entries) != layers or not all(isinstance(entry, str) for entry in entries)):
            raise wrong(key, f"a list of {layers} names", entries)
        return entries

    def indices(self, key: str, layers: int) -> set[int]:
        """The layers that a list of numbers names."""
        return {whole(f"{key}[]", entry, 0, layers - 1) for entry in self.entries(key)}
