"""Rebuilds the catalogue of models from published config.json files.

Development only: the files come from the hub (``hub``), or lie in a folder (name "maker--model.json", as the hub's
addresses with "--" for "/") or in JSON lines with ``id`` and ``config``, and with ``license`` and ``released`` where
they are known.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from calculator.catalogs import Architecture, architectures, read_config
from calculator.catalogs.families import fixed_by_class
from calculator.llm import parameters
from calculator.update import hub
from calculator.update.tables import rules

FILE = Path(__file__).parent.parent / "catalogs" / "models.csv"
COLUMNS = (
    "hf_id", "family", "hidden_size", "layers", "heads", "kv_heads", "head_dim", "intermediate_size", "vocab",
    "tied_embeddings", "max_context", "others", "license", "released", "source",
)
SAME = 0.03
"""A model's count and the numbers in its own files may differ by this: a layer that only guesses ahead may lie
beside it, which is 2 % of the largest that has one. A planning value of ours."""

_DEFAULTS = {field.name: field.default for field in fields(Architecture)}


def read_folder(folder: Path) -> Iterator[dict[str, Any]]:
    """What the files of a folder describe: id, config, and more where a line says it. OSError if it isn't there."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".jsonl":
            yield from (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
        elif path.suffix == ".json":
            config = json.loads(path.read_text("utf-8"))
            yield {"id": path.stem.removesuffix("_config").replace("--", "/"), "config": config}


def from_hub() -> Iterator[dict[str, Any]]:
    """What the hub says of the newest models of known makers, and of those that the catalogue has from there.

    ValueError when the hub's package is not installed, OSError when the hub does not answer.
    """
    known = [name for name, model in architectures().items() if model.source == hub.OPEN]
    yield from hub.files(hub.client(), known, rules("models.toml"))


def row(model: Architecture) -> str:
    """The line of models.csv for a model: what its family does not fix."""
    fixed = {**_DEFAULTS, **fixed_by_class(model.family)}
    others = {
        name: getattr(model, name) for name in _DEFAULTS
        if name not in COLUMNS and name not in ("stored_as", "stored_bits") and getattr(model, name) != fixed[name]
    }
    said = ";".join(f"{name}={_text(value)}" for name, value in others.items())
    return ",".join(said if column == "others" else _text(getattr(model, column)) for column in COLUMNS)


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _counted(model: Architecture, numbers: int) -> Architecture:
    """The model, if that many numbers may be its own. Packed files hold several in one, or scales beside them."""
    count = parameters.everything(model)
    countable = not model.stored_as and bool(model.tower_parameters) == bool(model.towers)
    if numbers and countable and abs(count / numbers - 1) > SAME:
        raise ValueError(f"its dimensions come to {count:,} parameters, its files hold {numbers:,}")
    return model


def update(files: Iterable[dict[str, Any]], *, write: bool = True) -> dict[str, Any]:
    """Takes the files over into the catalogue, newest first, and says which models are new, changed or refused.

    A model that the catalogue has keeps its licence and date where the file says none. A file with a ``problem`` is
    passed on as not to be had; one whose dimensions do not come to the ``numbers`` that are stored is refused.
    """
    known = dict(architectures())
    said: dict[str, Any] = {"new": [], "changed": [], "refused": {}, "closed": {}}
    for file in files:
        name = str(file["id"])
        if "problem" in file:
            said["closed"][name] = file["problem"]
            continue
        try:
            found = _counted(read_config(file["config"], name), file.get("numbers", 0))
        except ValueError as problem:
            said["refused"][name] = str(problem)
            continue
        before = known.get(name)
        found = found.described(
            license=file.get("license") or (before.license if before else ""),
            released=file.get("released") or (before.released if before else ""), source=file.get("source", "hubcfg"),
        )
        if before is None:
            said["new"].append(name)
        elif row(before) != row(found):
            said["changed"].append(name)
        known[name] = found
    lines = [row(model) for model in sorted(known.values(), key=lambda model: model.released, reverse=True)]
    if write:
        FILE.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", "utf-8")
    return said | {"models": len(lines)}


def in_words(said: dict[str, Any]) -> list[str]:
    """What an update did, one line a model."""
    lines = [f"{what}: {name}" for what in ("new", "changed") for name in said[what]]
    lines += [f"refused: {name}: {why}" for name, why in said["refused"].items()]
    lines += [f"not to be had: {name}: {why}" for name, why in said["closed"].items()]
    return [*lines, f"{said['models']} models"]
