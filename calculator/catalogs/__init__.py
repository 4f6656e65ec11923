"""Catalogues of what others published: model architectures, accelerators, prices.

Each row names its source. The files are read when they are first asked for, through the import system, so that
they are found in a zip or a bytecode bundle as well.
"""

from collections.abc import Mapping
from functools import cache
from itertools import takewhile
from typing import Any, cast

from calculator.catalogs.architecture import Architecture, cell
from calculator.catalogs.families import fixed_by_class
from calculator.catalogs.market import Accelerator, ApiPrice, AttentionKernel, Rent, Source, TuningService
from calculator.catalogs.rows import read_rows

__all__ = [
    "Accelerator", "ApiPrice", "Architecture", "AttentionKernel", "Rent", "Source", "TuningService", "accelerator",
    "accelerators", "api_price", "api_prices", "architecture", "architectures", "attention_kernels", "read_config",
    "rent", "rents", "sources", "tuning_services",
]


@cache
def architectures() -> Mapping[str, Architecture]:
    """The models of the catalogue by their Hugging Face name, the newest first."""
    models = {}
    for row in read_rows("models.csv"):
        others = dict(item.split("=") for item in row.pop("others").split(";") if item)
        values: dict[str, Any] = dict(fixed_by_class(row["family"]))
        values |= {name: cell(name, text) for name, text in (row | others).items()}
        models[row["hf_id"]] = Architecture(**values)
    return dict(sorted(models.items(), key=lambda item: item[1].released, reverse=True))


def architecture(name: str) -> Architecture:
    """The model of that name, as people write it: with or without its maker, tuned or packed (``names``).

    Raises ValueError, naming models that look like it, if there is none or several may be meant.
    """
    from calculator.catalogs.names import resolve

    models = architectures()
    found = resolve(name, models)
    if len(found) == 1 or (found and len({_shape(models[one]) for one in found}) == 1):
        return models[found[0]]
    if found:
        raise ValueError(f"model: {name[:80]!r} may mean several models; name one: {', '.join(found)}")
    near = sorted(models, key=lambda known: -_shared_start(known.lower(), name.lower()))[:8]
    raise ValueError(f"model: {name[:80]!r} is not in the catalogue; nearest by name: {', '.join(near)}")


def _shape(model: Architecture) -> Architecture:
    """The model without its name and origin."""
    return model.described(name="-", license="", released="", source="")


def _shared_start(name: str, other: str) -> int:
    """How many characters two names share from the start of the maker's or the model's name."""
    pairs = (name, other), (name.rpartition("/")[2], other.rpartition("/")[2])
    return max(sum(1 for _ in takewhile(lambda two: two[0] == two[1], zip(*pair, strict=False))) for pair in pairs)


def read_config(config: str | Mapping[str, Any], name: str = "") -> Architecture:
    """The architecture that a Hugging Face config.json describes, under ``name`` or the name the file gives.

    Also reads the nested files of multimodal models (their text part). Raises ValueError, naming the key, what is
    allowed and what was given, for anything that is not such a file or is of a type that we can't count exactly.
    """
    from calculator.catalogs import config as reader

    return reader.read_config(config, name)


@cache
def sources() -> Mapping[str, Source]:
    """The sources that rows of the catalogues name, by key."""
    return {row["key"]: Source(**row) for row in read_rows("sources.csv")}


def _number(text: str) -> float | None:
    return float(text) if text else None


_TEXT_OF_DEVICE = ("kind", "stack", "generation", "note")
_MAY_BE_EMPTY = ("aliases", "memory_mib", "bandwidth_share", "matmul_tflops", "matmul_share", "note", "unread")
"""Of the two matrix figures one is needed."""


@cache
def accelerators() -> Mapping[str, Accelerator]:
    """The devices of the catalogue by name. Raises ValueError, naming device and column, for a missing cell."""
    return {row["name"]: _device(row) for row in read_rows("accelerators.csv")}


_READ_APART = ("name", "aliases", "announced", "memory_mib", "peer_access", "sources", "unread")


def _device(row: dict[str, str]) -> Accelerator:
    empty = [column for column, text in row.items() if not text and column not in _MAY_BE_EMPTY]
    if not (row["matmul_tflops"] or row["matmul_share"]):
        empty.append("matmul_tflops or matmul_share")
    if empty:
        raise ValueError(f"accelerators.csv: {row['name']} has no {', '.join(empty)}")
    values: dict[str, Any] = {}
    for column, text in row.items():
        if column in _TEXT_OF_DEVICE:
            values[column] = text
        elif column not in _READ_APART:
            try:
                values[column] = float(text or 0) or None
            except ValueError:
                raise ValueError(f"accelerators.csv: {row['name']}: {column} must be a number, is {text!r}") from None
    return Accelerator(
        name=row["name"], aliases=tuple(filter(None, row["aliases"].split(";"))),
        announced=row["announced"] == "1", peer_access=row["peer_access"] == "1",
        sources=tuple(row["sources"].split("+")), unread=tuple(row["unread"].split()),
        memory_gib=int(row["memory_mib"]) / 1024 if row["memory_mib"] else None, **values,
    )


_UNSAID = frozenset((
    "nvidia", "amd", "apple", "google", "intel", "aws", "huawei", "geforce", "tesla", "radeon", "gpu", "cpu",
))


_ANY_MEMORY = ("unified memory", "cpu", "phone")
"""Kinds that are sold with any memory up to the one in the catalogue."""


def _split(name: str) -> list[str]:
    """A device's name in words, without its maker and the marks between words; letters and digits of a word apart."""
    import re

    plain = re.sub(r"[^a-z0-9+×]+", " ", name.lower())
    return [word for word in plain.split() if word not in _UNSAID]


def _size(words: list[str]) -> tuple[list[str], float | None]:
    """The words without a memory size, and the size in GB ("80gb", "80 gb", "80gib")."""
    for i, word in enumerate(words):
        digits = word.rstrip("gib")
        if digits.isdigit() and word != digits and word.endswith("b"):
            return words[:i] + words[i + 1:], float(digits)
        if word.isdigit() and words[i + 1:i + 2] and words[i + 1] in ("gb", "gib"):
            return words[:i] + words[i + 2:], float(word)
    return words, None


def accelerator(name: str) -> Accelerator:
    """The device of that name or alias, with or without its maker and its memory: "RTX 4090", "rtx-4090 24GB".

    Kinds that share the memory of the machine have any size up to the largest. Raises ValueError, naming the
    candidates, if none has the name or several may be meant.
    """
    devices = accelerators()
    if name in devices:
        return devices[name]
    words = _split(name)
    found = _called().get("".join(words), [])
    bare, size = _size(words)
    if not found and size:
        found = [device for device in _called().get("".join(bare), []) if _sold_with(device, size)]
    if not found and bare:
        wanted = set(bare)
        found = [
            device for device in devices.values()
            if any(wanted <= set(_split(text)) for text in (device.name, *device.aliases))
            and (not size or _sold_with(device, size))
        ]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(device.name for device in found[:20])
        raise ValueError(f"accelerator: {name[:60]!r} may mean several devices; name one: {shown}")
    near = sorted(devices, key=lambda known: -_shared_start("".join(_split(known)), "".join(words)))[:8]
    raise ValueError(f"accelerator: {name[:60]!r} is not in the catalogue; nearest by name: {', '.join(near)}")


@cache
def _called() -> Mapping[str, list[Accelerator]]:
    """The devices that each name, without marks and makers, may mean."""
    called: dict[str, list[Accelerator]] = {}
    for device in accelerators().values():
        for title in dict.fromkeys("".join(_split(text)) for text in (device.name, *device.aliases)):
            called.setdefault(title, []).append(device)
    return called


def _sold_with(device: Accelerator, size_gb: float) -> bool:
    memory_gb = device.memory_gb or 0.0
    return size_gb <= memory_gb if device.kind in _ANY_MEMORY else abs(size_gb - memory_gb) < 1


def attention_kernels(generation: str) -> Mapping[str, AttentionKernel]:
    """The kernels for attention that a generation of chips has, by name, the latest last; empty if we know of none."""
    return _attention_kernels().get(generation, {})


@cache
def _attention_kernels() -> Mapping[str, Mapping[str, AttentionKernel]]:
    found: dict[str, dict[str, AttentionKernel]] = {}
    for row in read_rows("attention.csv"):
        keys = tuple(row.pop("sources").split("+"))
        kernel = AttentionKernel(share=float(row.pop("share")), sources=keys, **row)
        found.setdefault(kernel.generation, {})[kernel.kernel] = kernel
    return found


@cache
def api_prices() -> tuple[ApiPrice, ...]:
    """The API prices in the order of the catalogue: by maker, the newest model first."""
    return tuple(
        ApiPrice(
            maker=row["maker"], model=row["model"], above_tokens=int(row["above_tokens"] or 0), hours=row["hours"],
            since=row["since"], until=row["until"], input_usd_per_mtok=float(row["input"]),
            cached_input_usd_per_mtok=_number(row["cached_input"]),
            cache_write_usd_per_mtok=_number(row["cache_write"]), output_usd_per_mtok=float(row["output"]),
            batch_share=_number(row["batch_share"]), tokens_ratio=float(row["tokens_ratio"] or 1),
        )
        for row in read_rows("api_prices.csv")
    )


def api_price(name: str, prompt_tokens: float = 0) -> ApiPrice:
    """The ordinary price of "maker/model" at prompts of this length, on the day of the price data.

    KeyError for a name that the catalogue does not have. Peak hours and announced changes are rows of their own.
    """
    today = sources()["genai"].checked
    rows = [
        row for row in api_prices()
        if row.name == name and not row.hours and row.since <= today and row.above_tokens < max(prompt_tokens, 1)
    ]
    if not rows:
        raise KeyError(name)
    return max(rows, key=lambda row: row.above_tokens)


@cache
def rents() -> tuple[Rent, ...]:
    """What providers ask for an hour of a device."""
    return tuple(
        Rent(**row | {"usd_per_hour": float(row["usd_per_hour"]), "spot": row["spot"] == "spot"})
        for row in cast("list[dict[str, Any]]", read_rows("rents.csv"))
    )


def rent(device: str) -> tuple[float, float, float] | None:
    """5th percentile, median and 95th percentile over providers of an hour on demand, USD.

    Spot offers count only where there are no others. With fewer than four offers the range is that of the devices
    that more sell, about this device's median. None for a device that nobody in the catalogue rents out.
    """
    return _rent_spans().get(device)


_ENOUGH_OFFERS = 4


@cache
def _rent_spans() -> dict[str, tuple[float, float, float]]:
    offered: dict[str, list[float]] = {}
    for wanted in (False, True):
        asked: dict[str, list[float]] = {}
        for offer in rents():
            if offer.spot == wanted:
                asked.setdefault(offer.device, []).append(offer.usd_per_hour)
        offered = {**asked, **offered}
    middles = {device: _at(sorted(usd), 0.5) for device, usd in offered.items()}
    ratios = sorted(
        one / middles[device] for device, usd in offered.items() if len(usd) >= _ENOUGH_OFFERS for one in usd
    )
    spans = {}
    for device, usd in offered.items():
        usd.sort()
        middle = middles[device]
        if len(usd) >= _ENOUGH_OFFERS:
            spans[device] = (_at(usd, 0.05), middle, _at(usd, 0.95))
        else:
            spans[device] = (
                min(usd[0], middle * _at(ratios, 0.05)), middle, max(usd[-1], middle * _at(ratios, 0.95))
            )
    return spans


def _at(ordered: list[float], share: float) -> float:
    """The value at a share of an ordered list, on the line between the two next to it."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


@cache
def tuning_services() -> tuple[TuningService, ...]:
    """Who trains what for others, and until when."""
    kinds = ("supervised", "preference", "reinforcement")
    return tuple(
        TuningService(**row | {kind: row[kind] == "yes" for kind in kinds}
                      | {amount: _number(row[amount]) for amount in ("usd", "minimum_usd")})
        for row in cast("list[dict[str, Any]]", read_rows("tuning_services.csv"))
    )
