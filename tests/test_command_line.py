"""The command line as a reader uses it."""

import json
import subprocess
import sys

import pytest

from calculator import MODEL_VERSION, catalog
from calculator.__main__ import main

NAME = "real_time_updates"


def run(capsys, *arguments):
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_list_names_every_decision(capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert all(name in out for name in catalog.names())
    assert set(json.loads(run(capsys, "list", "--json")[1])["decisions"]) == set(catalog.names())


def test_run_gives_a_verdict_and_what_would_change_it(capsys):
    code, out, _ = run(capsys, "run", NAME, "fact_half_life_days=30")
    assert code == 0
    assert "Retrieve from live sources." in out
    assert "What would change the answer" in out
    assert "Holds in" in out


def test_run_gives_the_whole_report_as_json(capsys):
    _, out, _ = run(capsys, "run", NAME, "requests_per_month=80k", "--json")
    report = json.loads(out)
    assert report["inputs"]["requests_per_month"] == 80_000
    assert report["version"] == MODEL_VERSION
    assert {"answer", "holds", "runner_up", "flips", "sensitivity", "spread"} <= set(report)


@pytest.mark.parametrize(
    "text", ['{"requests_per_month": "80k"}', 'requests_per_month = "80k"', "[situation]\nrequests_per_month = 80000"]
)
def test_input_is_json_or_toml(capsys, tmp_path, text):
    file = tmp_path / "situation"
    file.write_text(text)
    code, out, _ = run(capsys, "run", NAME, "--input", str(file), "--json")
    assert code == 0
    assert json.loads(out)["inputs"]["requests_per_month"] == 80_000


def test_bad_input_ends_with_2_and_a_line_for_each_field(capsys):
    code, out, err = run(capsys, "run", NAME, "requests_per_month=x", "failure_usd=-1", "bogus=1")
    assert code == 2
    assert out == ""
    assert [line.split(":")[0] for line in err.splitlines()] == ["requests_per_month", "failure_usd", "bogus"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "nothing"), "decision must be one of"),
        (("run", NAME, "--preset", "nothing"), "preset must be one of"),
        (("run", NAME, "fact"), "field=value"),
        (("run", NAME, "--input", "no-such-file"), "cannot be read"),
        (("schema", "nothing"), "decision must be one of"),
    ],
)
def test_what_cannot_be_found_is_named(capsys, arguments, words):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert words in err


def test_a_file_that_is_neither_toml_nor_json_is_refused(capsys, tmp_path):
    file = tmp_path / "broken"
    file.write_text("{broken")
    assert run(capsys, "run", NAME, "--input", str(file))[0] == 2


def test_an_expectation_sets_the_exit_code(capsys):
    assert run(capsys, "run", NAME, "fact_half_life_days=1", "--expect", "retrieve from live sources")[0] == 0
    assert run(capsys, "run", NAME, "fact_half_life_days=1", "--expect", "keep up by retraining")[0] == 1


def test_schema_describes_every_field(capsys):
    schema = json.loads(run(capsys, "schema", NAME)[1])
    assert set(schema["properties"]) == set(catalog.decision(NAME).Inputs.__dataclass_fields__)


def test_stale_lists_what_nobody_opened(capsys):
    rows = json.loads(run(capsys, "stale", "--days", "0", "--json")[1])
    assert all(row["days"] > 0 for row in rows)
    assert "last checked more than" in run(capsys, "stale")[1]


def test_the_same_bytes_come_out_whatever_the_hash_seed():
    outputs = {
        subprocess.run(
            [sys.executable, "-m", "calculator", "run", NAME, "--json"],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(outputs) == 1
