"""Completions for bash, zsh and fish, made from the command line's parser and from the fields of every decision.

    source <(calculator completions bash)                                       # in ~/.bashrc
    calculator completions zsh > "${fpath[1]}/_calculator"                      # once
    calculator completions fish > ~/.config/fish/completions/calculator.fish    # once

The scripts hold the words themselves, so that a press of the key starts no Python. Native only.
"""

import argparse
from collections.abc import Iterator, Mapping
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
    found = dict(_words(parser))
    if shell == "fish":
        return _FISH.replace("CASES", _fish_cases(found))
    return (_BASH if shell == "bash" else _ZSH).replace("CASES", _cases(found))


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


_FUNCTION = """\
# What may follow: one candidate a line, @files for the names of files.
__calculator_candidates() {  # command, word before or "field=", decision
    case "$1/$2/$3" in
CASES
    esac
}
"""

_BASH = (
    "# calculator completions bash\n"
    + _FUNCTION
    + """
_calculator() {
    local line=${COMP_LINE:0:COMP_POINT} current before name candidate strip='' words
    current=${line##*[[:space:]]}
    read -ra words <<< "${line%"$current"}"
    before=${words[-1]}
    name=${words[2]:-}
    if [[ $current == [!-]*=* ]]; then
        before=${current%%=*}=
        current=${current#*=}
        # The shell takes the part after "=" for a word of its own, or it does not.
        [[ $COMP_WORDBREAKS == *=* ]] || strip=$before
    fi
    COMPREPLY=()
    while IFS= read -r candidate; do
        if [[ $candidate == @files ]]; then
            compopt -o filenames 2> /dev/null
            while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$current")
        elif [[ $candidate == "$current"* ]]; then
            COMPREPLY+=("$strip$(printf %q "$candidate")")
        fi
    done < <(__calculator_candidates "${words[1]:-}" "$before" "$name")
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2> /dev/null; fi
}
complete -F _calculator calculator
"""
)

_ZSH = (
    "#compdef calculator\n"
    + _FUNCTION
    + """
_calculator() {
    local command='' before=$words[CURRENT-1] name='' current=$words[CURRENT] found
    (( CURRENT > 2 )) && command=$words[2]
    (( CURRENT > 3 )) && name=$words[3]
    if [[ $current == [^-]*=* ]]; then
        before=${current%%=*}=
        compset -P '*='
    fi
    found=("${(@f)$(__calculator_candidates "$command" "$before" "$name")}")
    if [[ $found[1] == @files ]]; then
        _files
        shift found
    fi
    (( $#found )) || return
    compadd -S '' -- ${(M)found:#*=}
    compadd -- ${found:#*=}
}
if [[ $funcstack[1] == _calculator ]]; then _calculator "$@"; else compdef _calculator calculator; fi
"""
)

_FISH = """\
# calculator completions fish
function __calculator_candidates --description 'What may follow: command, word before or "field=", decision'
    switch "$argv[1]/$argv[2]/$argv[3]"
CASES
    end
end

function __calculator_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l before $words[-1]
    set -l start ''
    if string match --quiet --regex '^[^-].*=' -- $current
        set before (string replace --regex '=.*' '=' -- $current)
        set start $before
    end
    for candidate in (__calculator_candidates "$words[2]" "$before" "$words[3]")
        if test $candidate = @files
            __fish_complete_path $current
        else
            echo $start$candidate
        end
    end
end

complete --command calculator --no-files --arguments '(__calculator_complete)'
"""
