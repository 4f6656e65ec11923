"""Completions for bash, zsh and fish, made from the command line's parser and from the fields of every decision.

    source <(calculator completions bash)                                       # in ~/.bashrc
    calculator completions zsh > "${fpath[1]}/_calculator"                      # once
    calculator completions fish > ~/.config/fish/completions/calculator.fish    # once

The scripts, whose frames are the files beside this one, hold the words themselves, so that a press of the key starts no
Python. Native only.
"""

import argparse
from collections.abc import Iterator, Mapping
from pkgutil import get_data
from shlex import quote

from calculator import catalog, presets
from calculator.fields import Field, Flag, Pick, fields_of

SHELLS = ("bash", "zsh", "fish")

FILES = "@files"
"""Stands for the names of files."""

_ANY = "*"
_MOST_OPTIONS = 400

Words = Mapping[tuple[str, str, str], tuple[str, ...]]
"""What may follow: by command, by the word before (an option that takes a value; "field=" for its value), by decision.
"*" stands for any."""


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The script for a shell. ValueError for one that is not in `SHELLS`."""
    if shell not in SHELLS:
        raise ValueError(f"shell must be one of: {', '.join(SHELLS)}; given: {shell[:20]!r}")
    text = get_data(__name__, f"completions.{shell}")
    if text is None:
        raise FileNotFoundError(f"completions.{shell}")
    cases = _fish_cases if shell == "fish" else _cases
    return text.decode().replace("CASES", cases(dict(_words(parser))))


def _words(parser: argparse.ArgumentParser) -> Iterator[tuple[tuple[str, str, str], tuple[str, ...]]]:
    commands = _commands(parser)
    yield ("", _ANY, _ANY), (*commands, *_options(parser))
    fields = {name: fields_of(catalog.decision(name).Inputs) for name in catalog.names()}
    for command, actions in commands.items():
        takes_fields = any(action.metavar == "field=value" for action in actions._actions)
        for option, action in _valued(actions):
            if action.metavar == "ANSWER":
                yield from (((command, option, name), catalog.answers(name)) for name in fields)
            yield (command, option, _ANY), _values(action)
        if takes_fields:
            for name, specs in fields.items():
                yield from (((command, f"{field}=", name), _choices(spec)) for field, spec in specs.items())
            yield (command, f"{_ANY}=", _ANY), ()
            for name, specs in fields.items():
                yield (command, _ANY, name), (*(f"{field}=" for field in specs), *_options(actions))
        positional = [action for action in actions._actions if not action.option_strings]
        yield (command, _ANY, _ANY), (*(_values(positional[0]) if positional else ()), *_options(actions))


def _valued(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """The options that take a value."""
    for action in parser._actions:
        if action.nargs != 0:
            yield from ((option, action) for option in action.option_strings)


def _commands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    raise ValueError("the parser has no commands")


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from (option for option in action.option_strings if option.startswith("--"))


def _values(action: argparse.Action) -> tuple[str, ...]:
    if action.choices is not None:
        return tuple(map(str, action.choices))
    if action.metavar in ("FILE", "SITUATION"):
        return (FILES,)
    known = {"NAME": catalog.names(), "PRESET": presets.NAMES}
    return tuple(known.get(str(action.metavar), ()))


def _choices(spec: Field) -> tuple[str, ...]:
    if isinstance(spec, Flag):
        return ("yes", "no")
    return tuple(value for value, _ in spec.options[:_MOST_OPTIONS]) if isinstance(spec, Pick) else ()


def _cases(found: Words) -> str:
    lines = []
    for pattern, words in found.items():
        shown = f"printf '%s\\n' {' '.join(map(quote, words))} " if words else ""
        lines.append(f"        {'/'.join(map(_pattern, pattern))}) {shown};;")
    return "\n".join(lines)


def _pattern(text: str) -> str:
    """A part of a pattern, with its star left bare."""
    return _ANY.join(quote(part) if part else "" for part in text.split(_ANY))


def _fish_cases(found: Words) -> str:
    lines = []
    for pattern, words in found.items():
        lines.append(f"        case {_fish_quote('/'.join(pattern))}")
        lines += [f"            printf '%s\\n' {' '.join(map(_fish_quote, words))}"] if words else []
    return "\n".join(lines)


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
