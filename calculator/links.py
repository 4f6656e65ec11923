"""Links that reproduce: a preset and the fields that differ from it, by name, the version of the model, what was seen.

Whoever opens a link sees at once what its sender saw, marked as such, until the answer is worked out anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, urlencode

from calculator import MODEL_VERSION

CHANGES: tuple[tuple[str, str], ...] = (
    ("2026.11.22", "First published version."),
    ("2026.11.28", "Estimates, prices and the overall decision were made anew; see the changelog."),
    ("2026.11.30", "Training and serving are estimated closer, in other ranges; see the changelog."),
)
"""What changed in the model, newest last: a link made before an entry is told of it."""

RENAMED = {
    "gpu": "device",
    "rent_usd_per_hour": "device_usd_per_hour",
    "h100_usd_per_hour": "device_usd_per_hour",
    "headroom_surprise_sd": "training_surprise_sd",
}
"""Field names that links may still hold, and what they are called now. A field name is public."""

SEEN = "saw"
"""The name under which a link holds what its sender saw: share, answer and next step."""

_APART, _LONGEST_STEP = "~", 140


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a reader began with: a preset by name and title, its fields in canonical text. No name: typical values."""

    name: str = ""
    title: str = "Typical values"
    given: Mapping[str, str] = field(default_factory=dict)


def current_names(given: Mapping[str, object]) -> dict[str, object]:
    """The same fields under the names they have now. A field given under both names keeps the new one."""
    renamed = {RENAMED.get(name, name): value for name, value in given.items()}
    return {**renamed, **{name: value for name, value in given.items() if name not in RENAMED}}


def query(given: Mapping[str, str], start: Start | None = None, seen: str = "") -> str:
    """The query of a link to a situation: preset, the fields that differ from it in order, version, what was seen.

    given: what differs from the start, in canonical text, as `differing` tells it. seen: as `seen` writes it.
    """
    fields = {**({"preset": start.name} if start and start.name else {}), **given, "v": MODEL_VERSION}
    # Spaces as plus signs: a sentence stays short.
    return "?" + urlencode(fields, quote_via=quote) + (f"&{SEEN}={quote_plus(seen)}" if seen else "")


def differing(given: Mapping[str, str], defaults: Mapping[str, str], start: Start) -> dict[str, str]:
    """The fields in which a situation differs from its start, all in canonical text and in the order of `defaults`.

    given: the fields that differ from the defaults; defaults: every field of the decision.
    """
    now, then = {**defaults, **given}, {**defaults, **start.given}
    return {name: text for name, text in now.items() if text != then[name]}


def seen(share: float, answer: str, next_step: str) -> str:
    """What the sender of a link sees, short enough for a link: the share of draws in per cent, answer and next step."""
    step = " ".join(next_step.split())
    if len(step) > _LONGEST_STEP:
        step = step[:_LONGEST_STEP].rpartition(" ")[0].rstrip(",;:") + " …"
    return _APART.join((f"{100 * share:.0f}", *(text.replace(_APART, "-") for text in (answer, step)))).rstrip(_APART)


def changed_since(version: str) -> tuple[str, ...]:
    """What changed in the model after a link's version; nothing for the present one, and for a text that is none."""
    if not version or version == MODEL_VERSION:
        return ()
    known = [number for number, _ in CHANGES]
    if version not in known:
        return (f"The link was made with model version {version[:20]}; this page uses {MODEL_VERSION}.",)
    return tuple(f"{number}: {text}" for number, text in CHANGES[known.index(version) + 1 :])
