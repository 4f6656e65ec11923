"""The skill file: every command in it is run, and what it says of the output is there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from calculator import catalog, presets
from calculator.__main__ import main

FOLDER = Path(__file__).resolve().parent.parent / "skills" / "fine-tune-or-not"
TEXT = (FOLDER / "SKILL.md").read_text("utf-8")
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]


def test_the_file_says_its_name_and_when_to_use_it():
    head = dict(line.split(": ", 1) for line in TEXT.split("---\n")[1].splitlines())
    assert head["name"] == FOLDER.name
    assert "Use when" in head["description"]
    assert len(head["description"]) < 1024


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs_and_gives_what_the_file_reads_in_it(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    situation = presets.preset("faq-bot").situation
    Path("situation.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in situation.items()))
    program, *arguments = shlex.split(command)
    assert program == "calculator"
    assert main(arguments) == 0
    out = capsys.readouterr().out
    if arguments[0] == "run" and "--json" in arguments:
        assert {"answer", "headline", "reasons", "holds", "runner_up", "next_step", "flips", "spread"} <= set(
            json.loads(out)
        )
    if arguments[0] == "schema":
        assert "x-unit" in out
    if arguments[0] == "list":
        assert len(json.loads(out)["decisions"]) == len(catalog.names())
    if arguments[0] == "sources":
        assert {"source", "url", "quote", "as_of", "checked"} <= set(json.loads(out)[0])
    if arguments[0] == "report":
        assert "Link that reproduces it" in out


def test_the_file_counts_the_questions_and_draws_right():
    assert len(catalog.names()) == 13
    assert "thirteen questions" in TEXT
    assert len(COMMANDS) >= 8
