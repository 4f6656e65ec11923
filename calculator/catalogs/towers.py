"""Counts the parts of a multimodal model that read images or sound, from the nested parts of its config.json.

One row of ``towers.csv`` for each kind of tower: how its layers and its way into the language model are built, and the
defaults of its config class. A kind that is not there is named and not counted.
"""

from collections.abc import Mapping
from typing import Any

from calculator.catalogs.rows import read_rows

_OUTSIDE = ("spatial_merge_size", "projection_dim")
_PARTS = {"vision": "vision_config", "audio": "audio_config"}


def towers(config: Mapping[str, Any], hidden_size: int) -> tuple[str, int]:
    """Names of the towers ("vision and audio") and their parameters, projections included; 0 if one is unknown.

    ``hidden_size`` is the language model's. Raises ValueError for dimensions that are no whole numbers.
    """
    rows = {row["kind"]: row for row in read_rows("towers.csv")}
    named, total, unknown = [], 0, False
    outer = str(config.get("model_type", ""))
    for name, key in _PARTS.items():
        part, usual = config.get(key), rows.get(f"{outer}/{name}")
        if part is None and not (usual and "built_unsaid" in usual["defaults"]):
            continue
        named.append(name)
        values = part if isinstance(part, Mapping) else {}
        row = rows.get(f"{outer}/{values.get('model_type', '')}") or usual
        if row:
            total += _count(row, values, config, hidden_size)
        else:
            unknown = True
    return " and ".join(named), 0 if unknown else total


def _count(row: Mapping[str, str], part: Mapping[str, Any], outer: Mapping[str, Any], text: int) -> int:
    defaults = dict(item.split("=") for item in row["defaults"].split(";") if item)

    def number(key: str) -> int:
        if key == "patches":
            return (number("image_size") // number("patch_size")) ** 2
        if key == "merge":
            return number("spatial_merge_size") ** 2
        value = part.get(key)
        if value is None:
            value = outer.get(key) if key in _OUTSIDE else None
        if value is None:
            value = defaults.get(key, 0)
        if isinstance(value, list):
            value = len(value)
        try:
            found = int(value or 0)
        except (TypeError, ValueError):
            found = -1
        if not 0 <= found <= 1 << 24:
            raise ValueError(f"config.json: {key} of a tower must be a whole number, {str(value)[:40]!r} was given")
        return found

    size = 0
    for term in row["parameters"].split("+"):
        product = 1
        for factor in term.split("*"):
            product *= text if factor == "text" else int(factor) if factor.isdigit() else number(factor)
        size += product
    return size
