"""Catalogues of what others published: model architectures, accelerators, prices.

Each row names its source. The files are read when they are first asked for, through the import system, so that
they are found in a zip or a bytecode bundle as well.
"""

from collections.abc import Mapping
from typing import Any

from calculator.catalogs.architecture import Architecture
from calculator.catalogs.families import FAMILIES
from calculator.catalogs.rows import read_rows

__all__ = ["Architecture", "architecture", "architectures", "read_config"]

_TEXT = ("hf_id", "family", "license", "source")
_loaded: dict[str, Any] = {}


def architectures() -> Mapping[str, Architecture]:
    """The models of the catalogue by their Hugging Face name."""
    if "models" not in _loaded:
        models = {}
        for row in read_rows("models.csv"):
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


def read_config(config: str | Mapping[str, Any], name: str = "") -> Architecture:
    """The architecture that a Hugging Face config.json describes, under ``name`` or the name the file gives.

    Also reads the nested files of multimodal models (their text part). Raises ValueError, naming the key, what is
    allowed and what was given, for anything that is not such a file or is of a type that we can't count exactly.
    """
    from calculator.catalogs import config as reader

    return reader.read_config(config, name)
