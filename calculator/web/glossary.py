"""The terms of the forms and pages, and which of them a field mentions. Native only: a form is rendered at build."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from calculator.faces.chart import escape
from calculator.fields import Field, Pick

PAGE = "reference/glossary"
"""Where the terms stand under docs/, without its ending."""

AT_MOST = 2
"""Links beside one field: more would be read by nobody."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term: its heading on the page, its name, one sentence, and the words by which a field mentions it."""

    group: str
    name: str
    means: str
    words: tuple[str, ...]


@cache
def terms() -> Mapping[str, Term]:
    """Every term by its anchor on the page, in the order of glossary.toml."""
    found = tomllib.loads(Path(__file__).with_name("glossary.toml").read_text("utf-8"))
    return {key: Term(**{**table, "words": tuple(table["words"])}) for key, table in found.items()}


def render(group: str) -> str:
    """The terms of one heading as a list of definitions. ValueError for a heading that has none."""
    chosen = {key: term for key, term in terms().items() if term.group == group}
    if not chosen:
        known = ", ".join(dict.fromkeys(term.group for term in terms().values()))
        raise ValueError(f"write all or one of {known} in a glossary fence; given: {group[:60]!r}")
    return "<dl>" + "".join(
        f'<dt id="term-{key}">{escape(term.name)}</dt><dd>{escape(term.means)}</dd>' for key, term in chosen.items()
    ) + "</dl>"


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """A pattern for each word with its term, the longest word first: "prompt search" before "prompt"."""
    pairs = [(word, key) for key, term in terms().items() for word in term.words]
    pairs.sort(key=lambda pair: -len(pair[0]))
    return tuple((_pattern(word), key) for word, key in pairs)


def _pattern(word: str) -> re.Pattern[str]:
    # "ZeRO" is not the zero of a sentence: a word with a capital is met as it is written.
    flags = re.IGNORECASE if word.islower() else re.NOFLAG
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", flags)


def mentioned(field: Field) -> Sequence[str]:
    """The terms that a field's label, its hint or its options mention, those of the label first."""
    # Names of models and devices are no terms.
    listed = field.options if isinstance(field, Pick) and len(field.options) <= 20 else ()
    found: dict[str, None] = {}
    for text in (field.label, field.hint, " ".join(label for _, label in listed)):
        for pattern, key in _patterns():
            # What a longer term covers is not looked at again: "prompt search" mentions no prompt.
            text, count = pattern.subn(" ", text)
            if count:
                found[key] = None
    return tuple(found)


def links(fields: Mapping[str, Field], root: str) -> dict[str, str]:
    """For each field that mentions terms, links to them; root: the way from the page to the top of the site."""
    html = {}
    for name, field in fields.items():
        if found := mentioned(field)[:AT_MOST]:
            html[name] = ", ".join(
                f'<a class="calc-term" href="{root}{PAGE}/#term-{key}">{escape(terms()[key].name)}</a>' for key in found
            )
    return html
