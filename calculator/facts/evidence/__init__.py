"""What others measured, one card per finding: the evidence shown on the pages and on the evidence index.

One TOML file per topic of the guide; a card stands in the file of the topic that it bears on first. Native only:
the site reads the cards at build, nothing of this is sent to the browser.

    [ovadia-2024-retrieval-beats-tuning]
    bears_on = { industry_knowledge = "contradicts", real_time_updates = "supports" }
    finding = "One plain sentence."
    setting = "task, models, data, year"
    numbers = ["each figure with what it counts"]
    study_size = "how much was measured"
    title = "…"
    authors = "…"
    venue = "…"
    url = "https://…"
    as_of = 2024-01-30                  # the source's own date; the last day of a past year when it gives no more,
                                        # and the day it was read when it gives nothing
    checked = 2026-11-22                # the day it was last read; left out with "not checked at source"
    status = "abstract read"            # one of STATUSES
    strength = "strong"                 # one of STRENGTHS
    why = "what makes it strong or weak"
    applies_when = "when a reader may lean on it"

The direction is the one a card has on the claim of the article that the topic's page examines.
"""
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

TOPICS = (
    "industry_knowledge", "high_accuracy", "conversation_context", "domain_data", "too_little_data", "general_task",
    "limited_compute", "prompt_engineering", "real_time_updates", "smaller_scope", "small_model_limited_data",
    "real_time_response", "fine_tune_or_not",
)
DIRECTIONS = ("supports", "limits", "contradicts")
STRENGTHS = ("strong", "moderate", "weak")
UNCHECKED = "not checked at source"
STATUSES = ("abstract read", "page read", "secondary page read", UNCHECKED)

_TEXTS = ("finding", "setting", "study_size", "title", "authors", "venue", "url", "status", "strength", "why",
          "applies_when")
_FIELDS = (*_TEXTS, "bears_on", "numbers", "as_of")


@dataclass(frozen=True, kw_only=True)
class Card:
    """One finding of one study, with its setting, its strength and the topics it bears on.

    ``checked`` is the day the finding and its numbers were last read at the place that ``status`` names, and None
    when they were not.
    """

    id: str
    bears_on: Mapping[str, str]
    finding: str
    setting: str
    numbers: tuple[str, ...]
    study_size: str
    title: str
    authors: str
    venue: str
    url: str
    as_of: date
    checked: date | None
    status: str
    strength: str
    why: str
    applies_when: str

    def direction(self, topic: str) -> str:
        """"supports", "limits" or "contradicts" the claim of that topic's page; KeyError when it bears on another."""
        return self.bears_on[topic]


def load_text(text: str, where: str) -> tuple[Card, ...]:
    """The cards of one TOML text, in its order. ValueError names the file, the card, the field and what is allowed."""
    return tuple(_card(key, table, f"{where}: {key}") for key, table in tomllib.loads(text).items())


def _card(key: str, table: Mapping[str, Any], where: str) -> Card:
    missing = [name for name in _FIELDS if table.get(name) in (None, "", [], {})]
    unknown = [name for name in table if name not in (*_FIELDS, "checked")]
    if missing or unknown:
        raise ValueError(f"{where}: missing {missing}, unknown {unknown}")
    for name in _TEXTS:
        if not isinstance(table[name], str):
            raise ValueError(f"{where}: {name} must be text, got {table[name]!r}")
    for topic, direction in table["bears_on"].items():
        _need_one_of(f"{where}: bears_on", topic, TOPICS)
        _need_one_of(f"{where}: bears_on.{topic}", direction, DIRECTIONS)
    _need_one_of(f"{where}: status", table["status"], STATUSES)
    _need_one_of(f"{where}: strength", table["strength"], STRENGTHS)
    if not table["url"].startswith("https://"):
        raise ValueError(f"{where}: url must begin with https://, got {table['url']!r}")
    if not all(isinstance(number, str) for number in table["numbers"]):
        raise ValueError(f"{where}: numbers must be a list of texts, got {table['numbers']!r}")
    checked = table.get("checked")
    if not isinstance(table["as_of"], date) or not isinstance(checked, date | None):
        raise ValueError(f"{where}: as_of and checked must be dates, got {table['as_of']!r} and {checked!r}")
    if (checked is None) != (table["status"] == UNCHECKED):
        raise ValueError(f"{where}: checked must be given unless status is {UNCHECKED!r}, and only then left out")
    if checked is not None and checked < table["as_of"]:
        raise ValueError(f"{where}: checked must not lie before as_of {table['as_of']}, got {checked}")
    return Card(
        id=key,
        bears_on=dict(table["bears_on"]),
        numbers=tuple(table["numbers"]),
        as_of=table["as_of"],
        checked=checked,
        **{name: table[name] for name in _TEXTS},
    )


def _need_one_of(where: str, given: object, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise ValueError(f"{where} must be one of {', '.join(allowed)}, got {given!r}")


@cache
def _all() -> tuple[Card, ...]:
    found: dict[str, Card] = {}
    for topic in TOPICS:
        where = f"{topic}.toml"
        for card in load_text(resources.files(__name__).joinpath(where).read_text("utf-8"), where):
            if card.id in found:
                raise ValueError(f"{where}: {card.id} is defined twice")
            if next(iter(card.bears_on)) != topic:
                raise ValueError(f"{where}: {card.id} must bear on {topic} first, got {next(iter(card.bears_on))}")
            found[card.id] = card
    return tuple(found.values())


def cards(topic: str | None = None) -> tuple[Card, ...]:
    """Every card, or those that bear on one topic, the strongest first. ValueError for an unknown topic."""
    if topic is None:
        return _all()
    _need_one_of("topic", topic, TOPICS)
    return tuple(sorted((card for card in _all() if topic in card.bears_on),
                        key=lambda card: STRENGTHS.index(card.strength)))
