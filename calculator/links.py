"""Links that reproduce: the fields that differ from the defaults, by name, and the version of the model behind them."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from calculator import MODEL_VERSION

CHANGES: tuple[tuple[str, str], ...] = (
    ("2026.11.22", "First published version."),
    ("2026.11.28", "Estimates, prices and the overall decision were made anew; see the changelog."),
)
"""What changed in the model, newest last: a link made before an entry is told of it."""

RENAMED = {
    "gpu": "device",
    "rent_usd_per_hour": "device_usd_per_hour",
    "h100_usd_per_hour": "device_usd_per_hour",
    "headroom_surprise_sd": "training_surprise_sd",
}
"""Field names that links may still hold, and what they are called now. A field name is public."""


def current_names(given: Mapping[str, object]) -> dict[str, object]:
    """The same fields under the names they have now. A field given under both names keeps the new one."""
    renamed = {RENAMED.get(name, name): value for name, value in given.items()}
    return {**renamed, **{name: value for name, value in given.items() if name not in RENAMED}}


def query(given: Mapping[str, str], preset: str = "") -> str:
    """The query of a link to a situation: preset first, then fields in order, then the version."""
    fields = {**({"preset": preset} if preset else {}), **given, "v": MODEL_VERSION}
    return "?" + urlencode(fields, quote_via=quote)


def changed_since(version: str) -> tuple[str, ...]:
    """What changed in the model after a link's version; nothing for the present one, and for a text that is none."""
    if not version or version == MODEL_VERSION:
        return ()
    known = [number for number, _ in CHANGES]
    if version not in known:
        return (f"The link was made with model version {version[:20]}; this page uses {MODEL_VERSION}.",)
    return tuple(f"{number}: {text}" for number, text in CHANGES[known.index(version) + 1 :])
