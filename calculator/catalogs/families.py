"""Model families: one row of ``families.csv`` for each model_type of Hugging Face transformers 5.24.

A row has the defaults of the config class (dimensions by our names, ``keys`` by the file's), what the class fixes
whatever its dimensions (``fixed``: norms, biases, fused modules, by the fields of Architecture) and how its file is
read (``rules``). The oracle instantiates each and compares the counts.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from calculator.catalogs.architecture import cell
from calculator.catalogs.rows import read_rows


class Family(NamedTuple):
    """One model_type."""

    name: str
    """Class name in Hugging Face transformers, such as LlamaForCausalLM."""
    defaults: Mapping[str, str]
    """Of the config class: our names for dimensions, the file's keys for the rest."""
    fixed: Mapping[str, Any]
    """Fields of Architecture that the class fixes."""
    rules: Mapping[str, str]
    """How the file is read where the common way is not enough: ``docs/reference/adding-a-row.md`` has them all."""


def _pairs(text: str) -> dict[str, str]:
    return dict(item.split("=") for item in text.split(";") if item)


@lru_cache(maxsize=1)
def families() -> Mapping[str, Family]:
    """Every family by its model_type."""
    found = {}
    for row in read_rows("families.csv"):
        model_type, name = row.pop("model_type"), row.pop("family")
        keys, fixed, rules = _pairs(row.pop("keys")), _pairs(row.pop("fixed")), _pairs(row.pop("rules"))
        values = {field: cell(field, text) for field, text in fixed.items()}
        found[model_type] = Family(name, row | keys, values, rules)
    return found


@lru_cache(maxsize=1)
def text_types() -> Mapping[str, str]:
    """The family of the text part by the model_type of the multimodal model around it (rule ``inside``)."""
    return {
        around: inside for inside, family in families().items() for around in family.rules.get("inside", "").split("+")
        if around
    }


@lru_cache(maxsize=1)
def _by_class() -> Mapping[str, Mapping[str, Any]]:
    fixed: dict[str, Mapping[str, Any]] = {}
    for family in families().values():
        fixed.setdefault(family.name, family.fixed)
    return fixed


def fixed_by_class(name: str) -> Mapping[str, Any]:
    """What a class of transformers fixes; empty for one we don't have."""
    return _by_class().get(name, {})
