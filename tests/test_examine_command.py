"""Files on the command line and in Python: options, several files, exit codes."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from calculator import api
from calculator.__main__ import main

FIXTURES = Path(__file__).parent / "examine"
RESULTS, LOG = FIXTURES / "results.csv", FIXTURES / "run.log"


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("text,label\n" + "".join(f"case {'x' * k} is here,{'ab'[k % 2]}\n" for k in range(40)))
    return file


def run(capsys, *arguments):
    code = main(["examine", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_and_python_say_the_same(capsys, data):
    for file in (data, RESULTS, LOG):
        code, out, _ = run(capsys, file, "--json")
        assert code == 0
        assert [json.loads(out)] == json.loads(json.dumps(api.examine(file)))


def test_several_files_are_a_list_and_results_one_comparison(capsys, data, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("item,kind,third\n" + "".join(f"q{k},refund,{k % 2}\n" for k in range(1, 121)))
    code, out, _ = run(capsys, RESULTS, data, other, "--json")
    assert code == 0
    results, rows = json.loads(out)
    assert [one["name"] for one in results["numbers"]["variants"]] == ["plain prompt", "tuned 500 examples", "third"]
    assert len(results["numbers"]["pairs"]) == 3
    assert rows["numbers"]["examples"] == 40


def test_a_test_file_is_held_against_the_data(capsys, data, tmp_path):
    test = tmp_path / "test.csv"
    test.write_text("text,label\n" + "\n".join([*data.read_text().splitlines()[1:6], "new,a", "newer,b"]) + "\n")
    code, out, _ = run(capsys, data, "--against", test, "--json")
    found = json.loads(out)["numbers"]
    assert (code, found["examples"], found["test_examples"], found["overlap_exact_rows"]) == (0, 40, 7, 5)
    code, _, err = run(capsys, LOG, "--against", test)
    assert code == 2
    assert err.startswith("against: ")


def test_standard_input_is_a_file_too(capsys, data, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data.read_bytes())))
    code, out, _ = run(capsys, "-")
    assert code == 0
    assert out.startswith("standard input: text and label, CSV\n40 labelled texts")


def test_what_a_person_reads_ends_with_fields_that_run_takes(capsys, data):
    _, out, _ = run(capsys, data)
    fields = out.splitlines()[-1].split()
    taken = [field for field in fields if field.startswith(("labelled_examples", "example_tokens", "sequence_tokens"))]
    assert main(["run", "limited_compute", *taken]) == 0


def test_strict_ends_with_1_when_there_is_a_warning(capsys, data, tmp_path):
    assert run(capsys, data, "--strict")[0] == 0
    data.write_text(data.read_text() + "broken\n")
    assert run(capsys, data)[0] == 0
    code, out, _ = run(capsys, data, "--strict")
    assert code == 1
    assert "! 1 line cannot be read" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing.jsonl",), "nothing.jsonl"),
        ((RESULTS, "--before", "1/2"), "--why"),
        ((LOG, "--why", "--before", "a few"), "before: must be right items"),
        ((LOG, "--why", "--before", "3/2"), "before: "),
        ((RESULTS, "--sequence", "0"), "sequence_tokens: "),
        ((RESULTS, "--tokenizer", "nothing.json"), "tokenizer: "),
        ((RESULTS, "--tokenizer", "tiktoken"), "tokenizer: "),
    ],
)
def test_what_is_wrong_is_said_and_ends_with_2(capsys, monkeypatch, arguments, words):
    for library in ("tiktoken", "tokenizers"):
        monkeypatch.setitem(sys.modules, library, None)
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert words in err


def test_why_takes_log_results_and_data_from_the_files_given(capsys, tmp_path):
    conflict = tmp_path / "data.csv"
    conflict.write_text("text,label\n" + "".join(f"case {k % 20},{'ab'[k // 20]}\n" for k in range(40)))
    code, out, _ = run(
        capsys, LOG, RESULTS, conflict, "--why", "--old-before", "90/100", "--old-after", "60/100", "--json"
    )
    assert code == 0
    assert json.loads(out)["numbers"]["suspects"] == ["overfitting", "labels_in_conflict", "blind_eval", "forgetting"]
    assert json.loads(out)["numbers"] == json.loads(
        json.dumps(api.why(LOG, RESULTS, conflict, old_before=(90, 100), old_after=(60, 100))["numbers"])
    )


def test_a_tokenizer_that_is_named_counts(capsys, data, monkeypatch):
    encoding = SimpleNamespace(name="letters", encode_ordinary_batch=lambda texts: [list(text) for text in texts])
    monkeypatch.setitem(sys.modules, "tiktoken", SimpleNamespace(get_encoding=lambda _: encoding))
    loaded = SimpleNamespace(encode_batch=lambda texts, add_special_tokens: [list(text) for text in texts])
    made = SimpleNamespace(from_file=lambda _: loaded)
    monkeypatch.setitem(sys.modules, "tokenizers", SimpleNamespace(Tokenizer=made))
    for name in ("tiktoken", "tiktoken:letters", "model/tokenizer.json"):
        _, out, _ = run(capsys, data, "--tokenizer", name, "--json")
        found = json.loads(out)["numbers"]
        assert found["tokens_are_counted"]
        # Prompt and answer are joined by a line end, which is counted too.
        assert found["tokens"] == found["characters"] + found["examples"]
