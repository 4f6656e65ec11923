"""A situation as a file: TOML or JSON that a reader kept, edited by hand or got from somebody, read field by field.

The page, the command line and the report all read such a file here, so that it means the same to each of them.

preset = "small-business"

[situation]
requests_per_month = "80k"
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from calculator import catalog, engine, links, presets
from calculator.fields import Field, Value, defaults_of, fields_of
from calculator.json_text import read_json
from calculator.units import plain

LONGEST_FILE = 200_000
"""Characters. The longest fields are pasted texts of some tens of thousands."""

MOST_DOTS = 100
"""In one key of a TOML file. A situation is two tables deep."""

_ABOUT = ("preset", "situation", "short", "title", "page", "expects")
"""What a file may hold beside the fields: the last three are what the package's own presets say of themselves."""

_IN_QUOTES = re.compile(
    r'''"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*''', re.DOTALL
)
_BETWEEN_KEYS = re.compile(r"[=,{}\[\]\n]")


@dataclass(frozen=True, kw_only=True)
class FileProblem:
    """What is wrong in a file: the line (0 when it is none in particular), the field or nothing, and the message."""

    line: int
    field: str
    message: str


@dataclass(frozen=True, kw_only=True)
class File:
    """What a file holds: a preset's name, fields in canonical text, names that no decision knows, and problems."""

    preset: str
    fields: Mapping[str, str]
    ignored: tuple[str, ...]
    problems: tuple[FileProblem, ...]


NOTHING = File(preset="", fields={}, ignored=(), problems=())
"""What an empty file holds."""


def read_file(text: str) -> File:
    """Read a situation. Never raises: what cannot be read is a problem with its line."""
    try:
        table = _parse(text.removeprefix("\ufeff"))
    except ValueError as error:
        return File(
            preset="", fields={}, ignored=(), problems=(FileProblem(line=_line(error), field="", message=str(error)),)
        )
    lines = _lines(text)
    problems: list[FileProblem] = []
    preset = table.get("preset", "")
    if preset not in ("", *presets.NAMES):
        message = f"preset must be one of: {', '.join(presets.NAMES)}; given: {str(preset)[:60]!r}"
        problems.append(FileProblem(line=lines.get("preset", 0), field="preset", message=message))
        preset = ""
    outside = {name: value for name, value in table.items() if name not in _ABOUT}
    situation = table.get("situation", outside)
    if not isinstance(situation, Mapping):
        problems.append(
            FileProblem(line=lines.get("situation", 0), field="", message="situation must be a table of fields")
        )
        situation = {}
    specs = _all_fields()
    fields, ignored = {}, []
    for name in outside if "situation" in table else ():
        if name in specs:
            message = "stands outside of the table situation, which holds the fields of this file"
            problems.append(FileProblem(line=lines.get(name, 0), field=name, message=message))
        else:
            ignored.append(str(name)[:60])
    for name, raw in links.current_names(situation).items():
        if name not in specs:
            ignored.append(str(name)[:60])
            continue
        # Each by itself: what one leaves open, such as the price of a device nobody rents out, may stand elsewhere.
        spec, default = specs[name]
        try:
            fields[name] = engine.canonical(spec, raw, default)
        except ValueError as error:
            problems.append(FileProblem(line=lines.get(name, 0), field=name, message=str(error)))
    return File(preset=preset, fields=fields, ignored=tuple(sorted(ignored)[:20]), problems=tuple(problems))


def _parse(text: str) -> dict[str, object]:
    if len(text) > LONGEST_FILE:
        raise ValueError(f"a file must be at most {plain(LONGEST_FILE)} characters; given: {plain(len(text))}")
    is_json = text.lstrip().startswith("{")
    # tomllib keeps every beginning of a dotted key: a long one would take all memory.
    if not is_json and max(part.count(".") for part in _BETWEEN_KEYS.split(_IN_QUOTES.sub("", text))) > MOST_DOTS:
        raise ValueError("the file is nested too deeply")
    try:
        found = read_json(text) if is_json else tomllib.loads(text)
    except RecursionError:
        raise ValueError("the file is nested too deeply") from None
    table: dict[str, object] = found
    return table


def _line(error: ValueError) -> int:
    """The line of a parser's message: JSON's errors carry it, TOML's say it ("at line 3, column 5")."""
    if isinstance(error, json.JSONDecodeError):
        return error.lineno
    _, found, rest = str(error).partition("line ")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return int(digits) if found and digits else 0


def _lines(text: str) -> dict[str, int]:
    """The first line on which each key stands at the beginning."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        key, separator, _ = line.partition("=")
        if not separator:
            key, separator, _ = line.partition(":")
        if separator:
            found.setdefault(key.strip(" \t{,\"'"), number)
    return found


@cache
def _all_fields() -> dict[str, tuple[Field, Value]]:
    """Every input field by name, with its default: a field of one name is one quantity everywhere."""
    return {
        name: (spec, defaults_of(inputs)[name])
        for inputs in (catalog.decision(decision).Inputs for decision in catalog.names())
        for name, spec in fields_of(inputs).items()
    }
