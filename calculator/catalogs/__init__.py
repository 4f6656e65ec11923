"""Catalogues of what others published: model architectures, accelerators, prices.

Each row names its source. The files are read when they are first asked for, through the import system, so that
they are found in a zip or a bytecode bundle as well.
"""

from collections.abc import Mapping
from typing import Any

from calculator.catalogs.architecture import Architecture
from calculator.catalogs.families import FAMILIES

__all__ = ["Architecture", "architecture", "architectures"]

_TEXT = ("hf_id", "family", "license", "source")
_loaded: dict[str, Any] = {}


def _read_rows(name: str) -> list[dict[str, str]]:
    """The rows of a data file of this package: comma-separated, no quoting, one header line."""
    folder = __file__.rpartition("/")[0]
    loader = __spec__.loader
    data: bytes = loader.get_data(f"{folder}/{name}")  # type: ignore[union-attr]
    head, *lines = data.decode().splitlines()
    columns = head.split(",")
    return [dict(zip(columns, line.split(","), strict=True)) for line in lines]


def architectures() -> Mapping[str, Architecture]:
    """The models of the catalogue by their Hugging Face name."""
    if "models" not in _loaded:
        models = {}
        for row in _read_rows("models.csv"):
            values: dict[str, Any] = dict(FAMILIES[row["family"]])
            for column, text in row.items():
                if text:
                    values[column] = text if column in _TEXT else int(text)
            values["tied_embeddings"] = bool(values["tied_embeddings"])
            models[row["hf_id"]] = Architecture(**values)
        _loaded["models"] = models
    found: Mapping[str, Architecture] = _loaded["models"]
    return found


def architecture(hf_id: str) -> Architecture:
    """The model of that name. Raises ValueError, naming models that look like it, if there is none."""
    models = architectures()
    if hf_id in models:
        return models[hf_id]
    wanted = hf_id.lower().rpartition("/")[2][:6]
    near = [name for name in models if wanted and wanted in name.lower()] or list(models)
    raise ValueError(f"model: {hf_id!r} is not in the catalogue; known are, for example: {', '.join(near[:8])}")
