"""The completions, tried in the shells themselves."""

import shutil
import subprocess

import pytest

from calculator import catalog, presets
from calculator.__main__ import main
from calculator.fields import fields_of

DRIVER = """
source "$1"
COMP_LINE=$2
COMP_POINT=${#COMP_LINE}
compopt() { :; }
_calculator
printf '%s\\n' "${COMPREPLY[@]}"
"""


def write(shell, folder, capsys):
    assert main(["completions", shell]) == 0
    path = folder / f"calculator.{shell}"
    path.write_text(capsys.readouterr().out)
    return path


@pytest.fixture
def complete(tmp_path, capsys):
    path = write("bash", tmp_path, capsys)
    (tmp_path / "situation.toml").touch()

    def ask(line):
        command = ["bash", "--norc", "-c", DRIVER, "bash", str(path), line]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.stderr == "", done.stderr
        return [word for word in done.stdout.splitlines() if word]

    return ask


def test_bash_completes_commands_and_options(complete):
    assert complete("calculator sch") == ["schema"]
    assert {"list", "run", "report", "batch", "mcp", "completions", "--version"} <= set(complete("calculator "))
    assert complete("calculator run limited_compute --exp") == ["--expect"]
    assert complete("calculator completions ") == ["bash", "zsh", "fish", "--help"]


def test_bash_completes_decisions_presets_and_files(complete):
    assert set(complete("calculator run ")) >= set(catalog.names())
    assert complete("calculator schema limited") == ["limited_compute"]
    assert complete("calculator run limited_compute --preset ") == list(presets.NAMES)
    assert complete("calculator batch x.csv --decision real_time_u") == ["real_time_updates"]
    assert complete("calculator report sit") == ["situation.toml"]
    assert complete("calculator run limited_compute --input sit") == ["situation.toml"]
    assert complete("calculator predict train") == ["training-memory", "training-throughput"]


def test_bash_completes_every_field_and_the_values_of_a_choice(complete):
    for name in catalog.names():
        fields = [f"{field}=" for field in fields_of(catalog.decision(name).Inputs)]
        found = complete(f"calculator run {name} ")
        assert [word for word in found if not word.startswith("-")] == fields
    assert complete("calculator run limited_compute method=Q") == ["QLoRA"]
    assert complete("calculator run limited_compute gpus=2 method=L") == ["LoRA"]
    assert complete("calculator run limited_compute gpus=") == []


def test_bash_completes_the_answers_to_expect(complete):
    found = complete("calculator run real_time_updates --expect Ret")
    assert found == [r"Retrieve\ from\ live\ sources"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_whole(shell, tmp_path, capsys):
    path = write(shell, tmp_path, capsys)
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(path)], check=True)


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes_fields_and_values(tmp_path, capsys):
    path = write("fish", tmp_path, capsys)

    def ask(line):
        script = f"source {path}; complete -C '{line}'"
        done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, cwd=tmp_path)
        assert done.stderr == "", done.stderr
        return [word.split("\t")[0] for word in done.stdout.splitlines()]

    assert ask("calculator sch") == ["schema"]
    assert set(ask("calculator run ")) >= set(catalog.names())
    assert ask("calculator run limited_compute method=Q") == ["method=QLoRA"]
    assert ask("calculator run limited_compute --preset niche") == ["niche-startup"]
    assert "gpus=" in ask("calculator run limited_compute gp")


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_completes_fields_and_values(tmp_path, capsys):
    path = write("zsh", tmp_path, capsys)

    def ask(*words):
        script = f"""
            compdef() {{ :; }}
            compset() {{ current=${{current#*=}}; }}
            compadd() {{ while [[ $1 == -* ]]; do [[ $1 == -S ]] && shift; shift; done; print -l -- "$@"; }}
            _files() {{ print @files; }}
            source {path}
            words=({" ".join(repr(word) for word in words)})
            CURRENT={len(words)}
            _calculator
        """
        done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, cwd=tmp_path)
        assert done.stderr == "", done.stderr
        return [word for word in done.stdout.splitlines() if word]

    assert "schema" in ask("calculator", "")
    assert set(ask("calculator", "run", "")) >= set(catalog.names())
    assert "QLoRA" in ask("calculator", "run", "limited_compute", "method=")
    assert "gpus=" in ask("calculator", "run", "limited_compute", "")
    assert ask("calculator", "run", "limited_compute", "--preset", "") == list(presets.NAMES)
    assert ask("calculator", "run", "limited_compute", "--input", "") == ["@files"]
