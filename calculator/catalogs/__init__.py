"""Catalogues of what others published: model architectures, accelerators, prices.

Each row names its source. The files are read when they are first asked for, through the import system, so that
they are found in a zip or a bytecode bundle as well.
"""

from collections.abc import Mapping
from typing import Any

from calculator.catalogs.architecture import Architecture
from calculator.catalogs.families import FAMILIES
from calculator.catalogs.market import Accelerator, Price, Source
from calculator.catalogs.rows import read_rows

__all__ = [
    "Accelerator", "Architecture", "Price", "Source", "accelerator", "accelerators", "architecture", "architectures",
    "prices", "read_config", "sources",
]

_TEXT = ("hf_id", "family", "license", "source")
_loaded: dict[str, Any] = {}


def architectures() -> Mapping[str, Architecture]:
    """The models of the catalogue by their Hugging Face name."""
    if "models" not in _loaded:
        models = {}
        for row in read_rows("models.csv"):
            others = dict(item.split("=") for item in row.pop("others").split(";") if item)
            values: dict[str, Any] = dict(FAMILIES[row["family"]])
            values.update({name: text if name in _TEXT else int(text) for name, text in (row | others).items()})
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
    near = sorted(models, key=lambda name: -_shared_start(name.lower(), hf_id.lower()))[:8]
    raise ValueError(f"model: {hf_id[:80]!r} is not in the catalogue; nearest by name: {', '.join(near)}")


def _shared_start(name: str, other: str) -> int:
    """How many characters two names share from the start of the maker's or the model's name."""
    best = 0
    for one, two in ((name, other), (name.rpartition("/")[2], other.rpartition("/")[2])):
        same = 0
        for left, right in zip(one, two, strict=False):
            if left != right:
                break
            same += 1
        best = max(best, same)
    return best


def read_config(config: str | Mapping[str, Any], name: str = "") -> Architecture:
    """The architecture that a Hugging Face config.json describes, under ``name`` or the name the file gives.

    Also reads the nested files of multimodal models (their text part). Raises ValueError, naming the key, what is
    allowed and what was given, for anything that is not such a file or is of a type that we can't count exactly.
    """
    from calculator.catalogs import config as reader

    return reader.read_config(config, name)


def sources() -> Mapping[str, Source]:
    """The sources that rows of the catalogues name, by key."""
    if "sources" not in _loaded:
        _loaded["sources"] = {row["key"]: Source(**row) for row in read_rows("sources.csv")}
    found: Mapping[str, Source] = _loaded["sources"]
    return found


def _number(text: str) -> float | None:
    return float(text) if text else None


def accelerators() -> Mapping[str, Accelerator]:
    """The devices of the catalogue by name."""
    if "accelerators" not in _loaded:
        devices = {}
        for row in read_rows("accelerators.csv"):
            name, kind, note = row.pop("name"), row.pop("kind"), row.pop("note")
            keys, unread = row.pop("sources").split("+"), row.pop("unread").split()
            mib, generation = row.pop("memory_mib"), row.pop("generation")
            devices[name] = Accelerator(
                name=name, kind=kind, sources=tuple(keys), note=note, unread=tuple(unread),
                generation=generation, memory_gib=int(mib) / 1024 if mib else None,
                **{column: _number(text) for column, text in row.items()},
            )
        _loaded["accelerators"] = devices
    found: Mapping[str, Accelerator] = _loaded["accelerators"]
    return found


def _words(name: str) -> str:
    """A device's name without its maker and without the marks between words."""
    plain = name.lower().replace("-", " ").replace("_", " ").replace("geforce", "").replace("tesla", "")
    kept = [word for word in plain.split() if word not in ("nvidia", "amd", "apple", "google", "intel", "aws")]
    return "".join(kept)


def accelerator(name: str) -> Accelerator:
    """The device of that name, with or without its maker: "NVIDIA RTX 4090", "rtx-4090".

    Raises ValueError, naming the nearest devices, if none has the name or several may be meant.
    """
    devices = accelerators()
    if name in devices:
        return devices[name]
    wanted = _words(name)
    same = [device for device in devices.values() if _words(device.name) == wanted]
    near = [device for device in devices.values() if wanted and wanted in _words(device.name)]
    for found in (same, near):
        if len(found) == 1:
            return found[0]
    shown = ", ".join(device.name for device in near or devices.values())
    raise ValueError(f"accelerator: {name[:60]!r} names no single device of the catalogue; known: {shown}")


def prices(kind: str = "") -> tuple[Price, ...]:
    """The prices of a kind (api, tuned api, gpu, tuning, hosting), or all, in the order of the catalogue."""
    if "prices" not in _loaded:
        _loaded["prices"] = tuple(
            Price(
                kind=row["kind"], provider=row["provider"], item=row["item"], unit=row["unit"], as_of=row["as_of"],
                closes=row["closes"], note=row["note"], sources=tuple(row["sources"].split("+")),
                input_usd_per_mtok=_number(row["input"]), output_usd_per_mtok=_number(row["output"]),
                cached_input_usd_per_mtok=_number(row["cached_input"]),
                cache_write_usd_per_mtok=_number(row["cache_write"]),
                batch_share=_number(row["batch_share"]), usd=_number(row["usd"]),
            )
            for row in read_rows("prices.csv")
        )
    found: tuple[Price, ...] = _loaded["prices"]
    return found if not kind else tuple(price for price in found if price.kind == kind)
