"""How frameworks and engines are told a set-up: lines of text, each with the case in which it is written.

``recipes.toml`` has a table for each; what it may hold is said at its head. No framework is named in the code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from calculator.catalogs.rows import read_table


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """The words of one framework or engine."""

    name: str
    kind: str
    """training or serving."""
    label: str
    note: str
    """What is left to the reader, and the version that the words are of."""
    lines: tuple[tuple[str, str], ...]
    """Condition and text."""
    cannot: tuple[tuple[str, str], ...]
    """Condition, and what the framework then has no words for."""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By key, what the framework calls each of its values."""

    def written(self, said: Mapping[str, object]) -> dict[str, str]:
        """The text for a set-up and the note on what is left to the reader. KeyError for a key the set-up lacks."""
        values = {key: _text(value) for key, value in said.items()}
        left = [words for condition, words in self.cannot if _holds(condition, values)]
        spoken = dict(values)
        for key, called in self.words.items():
            spoken[key] = called.get(values[key], "")
            if not spoken[key]:
                left.append(f"{key} {values[key]}")
        shown = [text.format_map(spoken) for condition, text in self.lines if _holds(condition, values)]
        note = f"{self.note} It has no words for: {', '.join(left)}." if left else self.note
        return {"text": "\n".join(shown), "note": note.strip()}


def _text(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _holds(condition: str, values: Mapping[str, str]) -> bool:
    """Whether all terms hold: `key=one|other` or `key!=one|other`, with blanks between terms."""
    for term in condition.split():
        key, unlike, allowed = term.partition("!=")
        if not unlike:
            key, _, allowed = term.partition("=")
        if (values[key] in allowed.split("|")) == bool(unlike):
            return False
    return True


@cache
def recipes(kind: str) -> tuple[Recipe, ...]:
    """Those for training or for serving, in the order of the file."""
    return tuple(
        Recipe(name=name, **table | {key: tuple(map(tuple, table.get(key, ()))) for key in ("lines", "cannot")})
        for name, table in read_table("recipes.toml").items()
        if table["kind"] == kind
    )
