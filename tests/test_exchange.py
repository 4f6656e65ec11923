"""A situation as a file, and what a reader takes away: read back as it was written, refused by line, no formulas."""

import csv
import io
import json

import pytest

from calculator import catalog, engine
from calculator.faces import browser, exchange, report
from calculator.fields import fields_of

TOML = """# ours
preset = "small-business"

[situation]
requests_per_month = "80k"
long_context = true
prompted_accuracy_share = "70 % to 80 %"
horizon_months = 18
"""
FIELDS = {
    "requests_per_month": "80000",
    "long_context": "yes",
    "prompted_accuracy_share": "70% to 80%",
    "horizon_months": "18",
}


def ask(**request):
    return json.loads(browser.answer(json.dumps(request)))


def test_a_toml_file_gives_its_fields_in_canonical_text():
    found = exchange.read_file(TOML)
    assert (found.preset, found.fields, found.ignored, found.problems) == ("small-business", FIELDS, (), ())


@pytest.mark.parametrize("table", [{"situation": FIELDS}, FIELDS])
def test_a_json_file_may_hold_a_situation_or_be_one(table):
    assert exchange.read_file("\ufeff" + json.dumps(table)).fields == FIELDS


def test_a_toml_file_may_begin_with_its_table():
    assert exchange.read_file('[situation]\nhorizon_months = "18"\n').fields == {"horizon_months": "18"}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('preset = "faq-bot"\n[situation\n', 2, "Expected"),
        ('{\n  "situation": {\n    "gpus": ,\n  }\n}', 3, "Expecting value"),
        ('[situation]\n\ngpus = "three"\n', 3, "GPUs must be"),
        ('preset = "no-such-preset"\n', 1, "preset must be one of"),
        ("situation = 3\n", 1, "situation must be a table"),
        ("[1, 2]", 1, "Expected"),
        ("x" * 300_000, 0, "at most"),
        ('{"a":' * 100_000, 0, ""),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(text, line, said):
    (problem,) = exchange.read_file(text).problems
    assert (problem.line, said in problem.message) == (line, True), problem


def test_names_that_no_decision_knows_are_left_out_and_said():
    found = exchange.read_file('no_such_field = 1\nhorizon_months = "18"\n')
    assert (found.ignored, found.fields, found.problems) == (("no_such_field",), {"horizon_months": "18"}, ())


def test_the_browser_reads_a_file_without_a_decision():
    response = ask(want="import", text=TOML)
    assert (response["fields"], response["preset"], response["file_problems"]) == (FIELDS, "small-business", [])
    response = ask(want="import", text='gpus = "three"\n')
    assert response["file_problems"][0]["line"] == 1
    assert response["problems"] == []


def test_every_input_and_output_is_a_line_of_the_csv_file():
    name = "limited_compute"
    response = ask(decision=name, stage=2, form="csv", given={"gpus": "3"}, site="https://example.org/")
    rows = list(csv.DictReader(io.StringIO(response["csv"])))
    decision = catalog.decision(name)
    fields = [row["field"] for row in rows if row["field"]]
    assert fields == [*fields_of(decision.Inputs), *fields_of(decision.Outputs)]
    built = engine.evaluate(name, decision, engine.read(decision, {"gpus": "3"}))
    told = {row["field"]: row for row in rows}
    assert (told["gpus"]["kind"], told["gpus"]["value"]) == ("given", "3")
    assert float(told["peak_gib"]["value"]) == pytest.approx(built.outputs.peak_gib, rel=1e-6)
    assert rows[-1]["value"].startswith("https://example.org/?gpus=3")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", " =1", '=HYPERLINK("x")'])
def test_no_cell_is_taken_for_a_formula(text):
    (cell,) = next(csv.reader([report.csv_cell(text)]))
    assert cell == f"'{text}"


def test_a_number_below_zero_stays_a_number():
    assert report.csv_cell(-3.5) == "-3.5"


def test_a_comparison_goes_by_the_names_that_the_reader_gave():
    html = ask(
        decision="real_time_updates",
        want="compare",
        other={"fact_half_life_days": "36500"},
        other_preset="",
        names=["Today", "<b>Later</b>"],
    )["html"]
    assert "Today with this alone changed" in html
    assert "&lt;b&gt;Later&lt;/b&gt;" in html
    assert "<b>" not in html
    assert ask(decision="real_time_updates", want="compare", other={}, names="x")["problems"]


def test_a_comparison_of_ranked_options_shows_both_rankings():
    html = ask(decision="fine_tune_or_not", want="compare", other={}, other_preset="faq-bot", names=["A", "B"])["html"]
    assert "The seven options: A" in html
    assert "The seven options: B" in html
