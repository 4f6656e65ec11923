"""The decision record: complete, reproducible, and safe whatever was typed."""

import json

import pytest

from calculator import MODEL_VERSION, catalog, engine
from calculator.__main__ import main
from calculator.faces import report
from calculator.fields import assumptions_of

NAME = "fine_tune_or_not"


def record(capsys, tmp_path, text, *options):
    file = tmp_path / "situation.toml"
    file.write_text(text)
    code = main(["report", str(file), *options])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_record_holds_all_that_a_meeting_asks_for(capsys, tmp_path):
    code, text, _ = record(capsys, tmp_path, 'requests_per_month = "80k"\nprompted_accuracy_share = "70 % to 80 %"\n')
    assert code == 0
    for heading in (
        "# Should you",
        "## Your numbers",
        "## Results",
        "### Every option",
        "### Published comparisons like yours",
        "## What would change the answer",
        "## Assumptions used",
        "## For the record",
    ):
        assert heading in text
    assert "Runner-up: " in text
    assert "Next step: " in text
    assert f"Model version: {MODEL_VERSION}" in text
    assert "requests_per_month=80000" in text
    assert "| yours |" in text
    assert "| 70 % to 80 % | yours |" in text
    assert all(line in text for line in ("- Owner:", "- Decided on:", "- Look at it again on:"))


def test_every_assumption_used_stands_there_with_source_and_date(capsys, tmp_path):
    _, text, _ = record(capsys, tmp_path, "")
    for entry in assumptions_of(catalog.decision(NAME).Inputs).values():
        assert str(entry.as_of) in text
        assert report.as_text(entry.label) in text


def test_the_link_of_a_record_gives_the_same_record(capsys, tmp_path):
    first = json.loads(record(capsys, tmp_path, 'requests_per_month = "80k"\n', "--json")[1])
    again = engine.evaluate(NAME, catalog.decision(NAME), engine.read(catalog.decision(NAME), first["given"]))
    assert report.as_data(again) == first


def test_a_situation_with_fields_of_other_pages_is_a_situation(capsys, tmp_path):
    assert record(capsys, tmp_path, "stale_allowed_share = '1%'\n")[0] == 0


def test_a_bad_situation_names_each_field(capsys, tmp_path):
    code, text, errors = record(capsys, tmp_path, 'requests_per_month = "x"\nno_such_field = 1\n')
    assert (code, text) == (2, "")
    assert "requests_per_month" in errors
    assert "no_such_field" in errors


@pytest.mark.parametrize("hostile", ["<img src=x onerror=alert(1)>", "| a | b |", "[x](javascript:1)", "`x`", "*x*"])
def test_text_of_a_reader_cannot_become_markup(hostile):
    assert not set("<>|[]`*") & set(
        report.as_text(hostile)
        .replace("\\<", "")
        .replace("\\>", "")
        .replace("\\|", "")
        .replace("\\[", "")
        .replace("\\]", "")
        .replace("\\`", "")
        .replace("\\*", "")
    )


@pytest.mark.parametrize(("form", "begins"), [("markdown", "# Decision brief: "), ("html", "<!doctype html>")])
def test_a_brief_is_written_from_a_shell(capsys, tmp_path, form, begins):
    code, text, _ = record(capsys, tmp_path, 'preset = "legal-contracts"\n', "--brief", form)
    assert code == 0
    assert text.startswith(begins)
    assert "preset" in text
