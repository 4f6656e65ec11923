"""A situation as a file, and what a reader takes away: read back as it was written, refused by line, no formulas."""

import csv
import io
import json
from itertools import product

import pytest
from conftest import some

from calculator import api, catalog, engine, explore, presets
from calculator.__main__ import main
from calculator.faces import agreement, batch, brief, browser, exchange, report, view
from calculator.fields import fields_of, outputs_of

NAME = "fine_tune_or_not"
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
        ("gpus = 3\n[situation]\nepochs_count = 2\n", 1, "stands outside of the table situation"),
        ("a." * 50_000 + "b = 1", 0, "nested too deeply"),
        ('"a" . ' * 20_000 + "b = 1", 0, "nested too deeply"),
        ('{"a":' * 200 + "1" + "}" * 200, 0, "nested too deeply"),
        ("gpus." + "a." * 90 + "b = 1", 0, "GPUs must be"),
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


def test_full_stops_in_a_text_are_no_nesting():
    found = exchange.read_file(f'gpus = "3" # {"a." * 200}\ntext = """{"a.b " * 200}"""\n')
    assert (found.ignored, found.fields, found.problems) == (("text",), {"gpus": "3"}, ())


@pytest.mark.parametrize(("preset", "written"), some(product(presets.NAMES, ("toml", "json")), 5))
def test_page_command_line_report_batch_and_python_read_one_situation_alike(tmp_path, capsys, preset, written):
    fields = {"labelled_examples": "5", "prompted_accuracy_share": "60% to 70%", "long_context": "yes"}
    text = (
        json.dumps({"preset": preset, "situation": fields})
        if written == "json"
        else f'preset = "{preset}"\n\n[situation]\n' + "".join(f'{name} = "{v}"\n' for name, v in fields.items())
    )
    file, rows, out = tmp_path / "situation", tmp_path / "rows.csv", tmp_path / "out.csv"
    file.write_text(text)
    rows.write_text(f"preset,{','.join(fields)}\n{preset},{','.join(fields.values())}\n")
    read = ask(want="import", text=text)
    page = ask(decision=NAME, stage=2, form="json", given=read["fields"], preset=read["preset"])["json"]
    assert api.report(api.decide(preset=preset, **fields), "json") == page
    for arguments in (["run", NAME, "--input", str(file)], ["report", str(file)]):
        assert main([*arguments, "--json"]) == 0
        assert capsys.readouterr().out.strip() == page
    assert main(["batch", str(rows), "--out", str(out), "--jobs", "1"]) == 0
    assert next(csv.DictReader(out.open()))["answer"] == json.loads(page)["answer"]


def test_an_unknown_preset_is_refused_by_name_everywhere(tmp_path, capsys):
    file, rows, out = tmp_path / "situation.toml", tmp_path / "rows.csv", tmp_path / "out.csv"
    file.write_text('preset = "no-such"\n')
    rows.write_text("preset\nno-such\n")
    said = [ask(want="import", text=file.read_text())["file_problems"][0]["message"]]
    said.append(ask(decision=NAME, preset="no-such")["problems"][0]["message"])
    for arguments in (["run", NAME, "--input", str(file)], ["report", str(file)], ["run", NAME, "--preset", "no-such"]):
        assert main(arguments) == 2
        said.append(capsys.readouterr().err)
    for given in ("no-such", 5, ["faq-bot"]):
        with pytest.raises(ValueError, match="preset must be one of") as raised:
            api.decide(preset=given)
        said.append(str(raised.value))
    assert main(["batch", str(rows), "--out", str(out), "--jobs", "1"]) == 0
    said.append(next(csv.DictReader(out.open()))["problem"])
    assert all("preset must be one of: legal-contracts" in words for words in said), said


def test_a_preset_and_a_field_on_the_command_line_go_before_those_of_the_file(tmp_path, capsys):
    file = tmp_path / "situation.toml"
    file.write_text('preset = "faq-bot"\nlabelled_examples = 5\ngpus = 7\n')
    assert main(["run", NAME, "--input", str(file), "--preset", "news-bot", "gpus=2", "--json"]) == 0
    wanted = api.report(api.decide(preset="news-bot", labelled_examples=5, gpus=2), "json")
    assert capsys.readouterr().out.strip() == wanted


def test_what_is_given_goes_before_the_preset_that_stands_beside_it():
    for text in ("1", "77"):
        fields = browser.whole_situation({"labelled_examples": text}, "faq-bot")
        assert fields == {**presets.preset("faq-bot").situation, "labelled_examples": text}


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
    assert fields == [*fields_of(decision.Inputs), *outputs_of(decision.Outputs)]
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
    assert report.csv_cell(float("-inf")) == "-inf"


def test_a_worth_out_of_reach_is_the_same_word_in_the_pages_csv_and_in_a_batch(tmp_path):
    given = {"budget_usd": "0"}
    rows, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    rows.write_text("budget_usd\n0\n")
    batch.run(NAME, str(rows), str(out), jobs=1)
    made = next(csv.DictReader(out.open()))
    page = csv.DictReader(io.StringIO(ask(decision=NAME, form="csv", given=given)["csv"]))
    told = {row["field"]: row["value"] for row in page if row["kind"] == "result"}
    shut = {name for name, value in made.items() if value == "-inf"}
    assert shut
    assert {name for name, value in told.items() if value == "-inf"} == shut


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
    assert "Every option: A" in html
    assert "Every option: B" in html


# Stages


@pytest.mark.parametrize("name", catalog.names())
def test_later_stages_send_what_changed_and_together_they_are_the_whole_report(name):
    request = {"decision": name, "preset": "faq-bot", "given": {"horizon_months": "7"}}
    stages = [ask(**request, stage=stage)["sections"] for stage in range(browser.STAGES)]
    reading = engine.read(catalog.decision(name), browser.merge(name, request["given"], "faq-bot")[0])
    report = engine.evaluate(name, catalog.decision(name), reading)
    whole = view.sections(report, agreement.words(report, browser.whole_situation(request["given"], "faq-bot")))
    start = browser.start_of(name, "faq-bot")
    whole["brief"] = brief.as_fragment(brief.brief_of(report, start))
    assert stages[0] | stages[1] | stages[2] == whole
    # What is read at once comes first, without what is behind folds; nothing comes twice.
    assert set(stages[0]) == {"verdict", "next", "picture", "reasons", "numbers"}
    assert not {"answers", "exhibits", "working"} & set(stages[1])
    sent = stages[0] | stages[1]
    assert all(sent.get(part) != html for part, html in stages[2].items())
    assert all(stages[0].get(part) != html or browser.SPREAD.search(html) for part, html in stages[1].items())


def test_the_first_stage_waits_neither_for_what_is_folded_nor_for_the_overall_decision(monkeypatch):
    decision = catalog.decision("limited_compute")
    one = engine.evaluate_first("limited_compute", decision, engine.read(decision, {}))
    whole = engine.evaluate_point("limited_compute", decision, engine.read(decision, {}))
    assert one.exhibits == whole.exhibits[:1]
    assert len(whole.exhibits) > 2

    def asked(*_):
        raise AssertionError("the first stage asked for it")

    monkeypatch.setattr("calculator.decisions._training_exhibits._all_cards", asked)
    monkeypatch.setattr(agreement, "overall_report", asked)
    first = ask(decision="limited_compute", given={"sequence_tokens": "1024"})["sections"]
    assert "being worked out" in first["next"]


def test_every_form_but_the_page_is_whole_at_its_first_stage():
    request = {"decision": "limited_compute", "given": {"sequence_tokens": "1024"}, "form": "markdown"}
    assert "every card" in ask(**request)["markdown"]


def test_stages_of_two_requests_may_come_in_turns_and_a_new_worker_sends_all():
    first = {"decision": "real_time_updates", "given": {}}
    second = {"decision": "real_time_updates", "given": {"fact_half_life_days": "7"}}
    alone = [ask(**first, stage=stage)["sections"] for stage in range(browser.STAGES)]
    both = (first, second)
    mixed = [[ask(**request, stage=stage)["sections"] for request in both] for stage in range(browser.STAGES)]
    assert [one for one, _ in mixed] == alone
    browser.forget()
    assert ask(**first, stage=2)["sections"].keys() == (alone[0] | alone[2]).keys()


def test_two_maps_made_in_turns_hold_their_own_answers():
    one = {"decision": "real_time_updates", "want": "map", "field": "fact_half_life_days", "up": "stale_allowed_share"}
    other = {**one, "given": {"facts_per_answer_count": "4"}}

    def rows(*requests):
        last = [None] * len(requests)
        for stage in range(explore.MAP_POINTS):
            for place, request in enumerate(requests):
                if stage == 0 or last[place].get("more") is not None:
                    last[place] = ask(**request, stage=stage)
        return [found["html"] for found in last]

    assert rows(one, other) == rows(one) + rows(other)
