"""Complete situations for typical cases, one TOML file each. Every number in them is typical, not measured.

short = "FAQ bot"
title = "An FAQ bot on shipping and opening hours"
expects = { fine_tune_or_not = "Keep what you have" }   # what the guide says; held by a test
page = "general_task"

[situation]
requests_per_month = "30k"
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pkgutil import get_data
from typing import Any

NAMES = (
    "legal-contracts",
    "medical-questions",
    "support-chatbot",
    "e-commerce-log",
    "niche-startup",
    "faq-bot",
    "small-business",
    "product-descriptions",
    "news-bot",
    "voice-assistant",
    "virtual-assistant",
)
"""The situations of the guide, by file name: its ten, and an assistant that is written to."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One complete situation: its title, the page it belongs to, its fields as a reader would type them.

    short: a name of two words, for where there is little room.
    expects: decision name to the answer that the guide gives.
    """

    name: str
    short: str
    title: str
    page: str
    situation: Mapping[str, Any]
    expects: Mapping[str, str] = field(default_factory=dict)


def preset(name: str) -> Preset:
    """The preset of this name; ValueError lists the known ones."""
    if name not in NAMES:
        raise ValueError(f"preset must be one of: {', '.join(NAMES)}; given: {str(name)[:60]!r}")
    return _read(name)


@cache
def _read(name: str) -> Preset:
    data = get_data(__name__, f"{name}.toml")
    if data is None:
        raise FileNotFoundError(f"presets/{name}.toml")
    return Preset(name=name, **tomllib.loads(data.decode()))


def presets() -> tuple[Preset, ...]:
    """All of them, in the order of the guide."""
    return tuple(preset(name) for name in NAMES)
