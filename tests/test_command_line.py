"""The command line as a reader uses it."""

import json
import subprocess
import sys
from datetime import date
from html import escape
from types import SimpleNamespace

import pytest
import test_sent

from calculator import MODEL_VERSION, catalog
from calculator.__main__ import main
from calculator.faces import view
from calculator.facts.assumptions import assumptions
from calculator.fields import fields_of

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


def test_a_file_without_end_is_refused_at_once(capsys):
    code, _, err = run(capsys, "run", NAME, "--input", "/dev/zero")
    assert code == 2
    assert "must be at most 200,000 characters" in err


def test_input_without_end_is_read_no_further_than_a_file_may_be_long(capsys, monkeypatch):
    class Endless:
        def read(self, count=-1):
            assert 0 <= count <= 1_000_000
            return b"#" * count

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Endless()))
    code, _, err = run(capsys, "run", NAME, "--input", "-")
    assert code == 2
    assert "must be at most 200,000 characters" in err


def test_what_is_wrong_in_a_file_is_told_with_file_line_and_field(capsys, tmp_path):
    file = tmp_path / "situation.toml"
    file.write_text('[situation]\nfailure_usd = "much"\nrequests_per_months = 5\n')
    code, _, err = run(capsys, "run", NAME, "--input", str(file))
    assert code == 2
    first, second = err.splitlines()
    assert first.startswith("failure_usd: Cost of a wrong answer must be")
    assert first.endswith(f"({file}, line 2)")
    assert second == f"requests_per_months: no decision has such a field; did you mean requests_per_month? ({file})"


def test_a_file_that_is_neither_toml_nor_json_is_refused(capsys, tmp_path):
    file = tmp_path / "broken"
    file.write_text("{broken")
    assert run(capsys, "run", NAME, "--input", str(file))[0] == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("retrieve from live sources", 0),
        ("Retrieve", 0),
        ("retrieve-from", 0),
        ("keep up by retraining", 1),
        ("retrieval", 2),
        ("", 2),
    ],
)
def test_an_expectation_sets_the_exit_code(capsys, words, code):
    found, _, err = run(capsys, "run", NAME, "fact_half_life_days=1", "--expect", words)
    assert found == code
    if code == 1:
        assert "the answer is 'Retrieve from live sources'" in err
    if code == 2:
        assert err.startswith("expect: must be one of: ")


def test_every_command_but_two_has_its_answer_as_json(capsys, tmp_path):
    help_of = {name: action.format_help() for name, action in _commands().items()}
    assert [name for name, text in help_of.items() if "--json" not in text] == ["completions", "mcp"]
    rows = tmp_path / "rows.csv"
    rows.write_text("fact_half_life_days\n30\nsoon\n")
    measured = tmp_path / "measured.csv"
    measured.write_text("hf_id,architecture,hidden_size,layers,heads,vocab\nx,LlamaForCausalLM,64,2,2,100\n")
    issue = tmp_path / "issue.md"
    issue.write_text(test_sent.body(test_sent.GIVEN))
    situation = tmp_path / "situation.toml"
    situation.write_text('requests_per_month = "80k"')
    for arguments in (
        ("examine", str(measured)),
        ("cases", "add", str(issue)),
        ("list",),
        ("run", NAME),
        ("compare-cards",),
        ("report", str(situation)),
        ("batch", str(rows), "--decision", NAME, "--out", str(tmp_path / "out.csv"), "--jobs", "1"),
        ("schema", NAME),
        ("sources", NAME),
        ("sources",),
        ("stale",),
        ("predict", "parameters", str(measured)),
        ("validate", "parameters", str(measured)),
    ):
        code, out, _ = run(capsys, *arguments, "--json")
        assert code == 0, arguments
        assert json.loads(out), arguments


def _commands():
    from calculator.__main__ import _parser
    from calculator.faces.completions import _commands

    return _commands(_parser())


def test_bad_input_is_told_as_json_too(capsys):
    code, out, err = run(capsys, "run", NAME, "requests_per_month=x", "bogus=1", "--json")
    assert code == 2
    assert [problem["field"] for problem in json.loads(out)["problems"]] == ["requests_per_month", "bogus"]
    assert len(err.splitlines()) == 2
    code, out, _ = run(capsys, "run", "nothing", "--json")
    assert json.loads(out)["problems"][0]["field"] == "decision"


def test_fields_may_stand_before_and_after_options(capsys):
    arguments = ("run", NAME, "failure_usd=3", "--json", "requests_per_month=80k")
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert json.loads(out)["given"] == {"failure_usd": "3", "requests_per_month": "80000"}
    for bad in (("run", NAME, "failure_usd=2", "--bogus"), ("list", "x=1")):
        with pytest.raises(SystemExit):
            main(bad)


def test_a_file_may_hold_fields_of_other_decisions_but_none_of_no_decision(capsys, tmp_path):
    file = tmp_path / "situation.toml"
    file.write_text('requests_per_month = "80k"\nlora_rank_count = 8\n')
    code, out, _ = run(capsys, "run", NAME, "--input", str(file), "--json")
    assert code == 0
    assert json.loads(out)["given"] == {"requests_per_month": "80000"}
    assert run(capsys, "run", NAME, "lora_rank_count=8")[0] == 2
    file.write_text("bogus = 1\n")
    assert run(capsys, "run", NAME, "--input", str(file))[0] == 2


def test_sources_give_value_range_source_and_dates(capsys):
    found = json.loads(run(capsys, "sources", NAME, "--json")[1])
    assert all(low <= one["value"] <= high for one in found for low, high in [one["range"]])
    assert all(one["source"] and one["url"].startswith("https://") and one["as_of"] for one in found)
    assert found[0]["label"] in run(capsys, "sources", NAME)[1]


def test_a_terminal_without_the_characters_gets_something_else():
    done = subprocess.run(
        [sys.executable, "-m", "calculator", "run", NAME],
        capture_output=True,
        text=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert "\\xa0" in done.stdout


OLD_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": ""}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("run", NAME, "--json"), 0), (("run", NAME, "failure_usd=µ×", "--json"), 2), (("sources", NAME, "--json"), 0)],
)
def test_what_a_program_reads_is_utf_8_in_every_locale(arguments, code):
    done = subprocess.run([sys.executable, "-m", "calculator", *arguments], capture_output=True, env=OLD_LOCALE)
    assert done.returncode == code
    plain = subprocess.run([sys.executable, "-m", "calculator", *arguments], capture_output=True)
    assert len(json.loads(done.stdout.decode("utf-8"))) == len(json.loads(plain.stdout.decode("utf-8")))
    if code == 0:
        assert done.stdout == plain.stdout


@pytest.mark.parametrize("arguments", [("run", NAME), ("run", NAME, "--json"), ("list",)])
def test_a_full_device_is_told_in_one_line(arguments):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-m", "calculator", *arguments], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 3
    assert done.stderr.decode() == f"{arguments[0]}: its result cannot be written: No space left on device\n"


def test_schema_describes_every_field(capsys):
    schema = json.loads(run(capsys, "schema", NAME)[1])
    assert set(schema["properties"]) == set(catalog.decision(NAME).Inputs.__dataclass_fields__)


def test_stale_lists_what_nobody_opened(capsys):
    rows = json.loads(run(capsys, "stale", "--days", "0", "--json")[1])
    assert all(row["days"] > 0 for row in rows)
    assert "numbers are old" in run(capsys, "stale")[1]


def test_a_price_is_as_old_as_its_data_whoever_looked_at_a_copy_since(capsys):
    entries = {key: entry for key, entry in assumptions().items() if entry.kind == "price"}
    rows = {row["key"]: row["days"] for row in json.loads(run(capsys, "stale", "--price-days", "-1", "--json")[1])}
    for key, entry in entries.items():
        assert rows[key] == (date.today() - entry.as_of).days
        shown = view.render_form("x", catalog.decision(using(key)), {}, "x")
        assert f'prices of <time datetime="{entry.as_of}"' in shown
        assert entry.checked is None or f'{entry.url}" rel="noopener">{escape(entry.source)}</a>, checked' not in shown


def using(key):
    """A decision that uses this number."""
    return next(name for name in catalog.names() if key in fields_of(catalog.decision(name).Inputs))


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
