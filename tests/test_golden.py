"""A thousand reports are what they were: no verdict and no number changes silently."""

import re

from calculator import MODEL_VERSION, catalog
from tests import golden


def test_no_report_changed_silently():
    _, rows = golden.kept()
    verdicts, others = golden.differing(rows)
    named = "\n".join(golden.words(*pair) for pair in verdicts)
    assert not verdicts, f"verdicts changed; `make golden` says what to do\n{named}"
    assert not others, f"{others} reports changed: if that is meant, run `make golden` and commit the file"


def test_the_file_holds_a_thousand_reports_of_all_decisions_under_this_version():
    version, rows = golden.kept()
    assert version == MODEL_VERSION, "run `make golden`"
    assert len(rows) >= golden.REPORTS
    assert {row["decision"] for row in rows} == set(catalog.names())


def test_the_changelog_speaks_of_this_version():
    assert golden.announced()


def test_a_changed_verdict_is_refused_until_the_version_is_raised(monkeypatch, tmp_path, capsys):
    file = tmp_path / "golden.json"
    text = golden.FILE.read_text("utf-8")
    _, rows = golden.kept()
    first = rows[0]["answer"]
    file.write_text(text.replace(f'"answer": "{first}"', '"answer": "Something else"', 1), "utf-8")
    before = file.read_text("utf-8")
    monkeypatch.setattr(golden, "FILE", file)
    monkeypatch.setattr(
        golden, "told", lambda row: {**row, "answer": first} if row["answer"] == "Something else" else row
    )
    assert golden.main() == 1
    assert re.search(rf"Something else -> {re.escape(first)}\n1 verdicts changed", capsys.readouterr().out)
    assert file.read_text("utf-8") == before
    file.write_text(before.replace(MODEL_VERSION, "2020.1.1", 1), "utf-8")
    assert golden.main() == 0
    assert golden.kept() == (MODEL_VERSION, rows)
