"""The reference pages: what they show is what happens."""

import argparse
import csv
import doctest
import json
import re
import tomllib
from pathlib import Path
from random import Random

import pytest
from conftest import some
from inputs import random_given

from calculator import __main__, api, catalog, decisions, engine, presets
from calculator.faces import schema
from calculator.fields import defaults_of, fields_of, numbers_of, outputs_of
from calculator.units import UNITS
from calculator.web import examples, site

ROOT = Path(__file__).parent.parent
PAGES = {path.stem: path.read_text("utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}
ADDRESS = "https://example.org/schemas/"


def blocks(page, language):
    return re.findall(rf"^(`{{3,4}}){language}\n(.*?)\n\1$", PAGES[page], re.MULTILINE | re.DOTALL)


def block(page, language, number=0):
    return blocks(page, language)[number][1]


EXAMPLES = [(page, source) for page in PAGES for _, source in blocks(page, "example")]


# The build of the site runs them all as well, and fails where one does.
@pytest.mark.parametrize(("page", "source"), some(EXAMPLES, 6), ids=lambda value: value[:60])
def test_a_shell_example_runs_and_prints_something(page, source):
    assert len(examples.output(source.strip())) > 40


def test_every_command_has_its_section_with_an_example():
    actions = [a for a in __main__._parser()._actions if isinstance(a, argparse._SubParsersAction)]
    titles = [line for line in PAGES["command-line"].splitlines() if line.startswith("## ")]
    for command in actions[0].choices:
        assert any(re.search(rf"\b{command}\b", title.partition(":")[0]) for title in titles), command
        assert f"python -m calculator {command}" in PAGES["command-line"], command


def test_the_batch_that_is_shown_runs_and_gives_each_row_its_answer_or_its_reason(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("situations.csv").write_text(block("command-line", "csv") + "\n", "utf-8")
    command = next(source for _, source in blocks("command-line", "sh") if " batch " in source)
    __main__.main([*command.split()[3:], "--jobs", "1"])
    with open("answers.csv", newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert rows["shop"]["answer"]
    assert rows["clinic"]["answer"]
    assert "labelled_examples" in rows["slip"]["problem"]


def test_the_python_examples_give_what_they_show():
    found = doctest.testfile(str(ROOT / "docs" / "reference" / "python.md"), module_relative=False)
    assert found.failed == 0
    assert found.attempted > 15


def test_the_page_on_python_names_the_seven_names():
    for name in api.__all__:
        assert f"| `{name}(" in PAGES["python"]


@pytest.fixture
def payback(tmp_path):
    """The decision of the page, in the place where decisions are found."""
    (tmp_path / "payback.py").write_text(block("adding-a-decision", "python") + "\n", "utf-8")
    decisions.__path__.append(str(tmp_path))
    catalog.names.cache_clear()
    yield catalog.decision("payback")
    decisions.__path__.remove(str(tmp_path))
    for cached in (catalog.names, catalog.decision, site._report, site._reading):
        cached.cache_clear()


def test_the_decision_that_is_shown_is_found_without_being_registered(payback, capsys):
    assert "payback" in catalog.names()
    assert __main__.main(["run", "payback", "requests_per_month=20k"]) == 0
    assert payback.question in capsys.readouterr().out


def test_the_cases_that_are_shown_hold_and_reach_every_answer(payback):
    found = tomllib.loads(block("adding-a-decision", "toml"))
    reached, grounds = set(), set()
    for case in found["case"]:
        report = api.run("payback", **case["given"])
        ground = payback.ground(report.reading.inputs, report.outputs)
        assert str(report.verdict.answer) == case["answer"]
        assert ground.name == case["ground"]
        reached.add(case["answer"])
        grounds.add(ground)
        for output, wanted in case.get("outputs", {}).items():
            wanted = wanted if isinstance(wanted, dict) else {"value": wanted, "within": 1e-9}
            assert getattr(report.outputs, output) == pytest.approx(wanted["value"], rel=wanted["within"])
    assert reached == {str(answer) for answer in type(report.verdict.answer)}
    assert grounds == set(type(ground))
    (law,) = found["law"]
    results = [
        getattr(api.run("payback", **law["given"], **{law["field"]: value}).outputs, law["output"])
        for value in (10, 1_000, 100_000)
    ]
    assert results == sorted(results, reverse=True)


def test_the_decision_that_is_shown_keeps_the_rules_of_the_others(payback):
    for name, spec in (numbers_of(payback.Inputs) | outputs_of(payback.Outputs)).items():
        assert spec.unit in UNITS
        assert name.endswith(spec.unit.suffix)
    for seed in range(30):
        inputs = engine.make_inputs(payback, {**defaults_of(payback.Inputs), **random_given(payback, Random(seed))})
        outputs = payback.compute(inputs)
        assert payback.judge(inputs, outputs).reasons
        for name, spec in outputs_of(payback.Outputs).items():
            if spec.formula:
                assert eval(spec.formula, {}, inputs.__dict__) == pytest.approx(getattr(outputs, name))


def test_the_page_that_is_shown_renders(payback):
    page = block("adding-a-decision", "markdown")
    fence = re.search(r"```calculator\n(.*?)\n```", page, re.DOTALL)[1]
    assert 'data-decision="payback"' in site.render(fence)
    assert site.quantity(re.search(r"`#!calc ([^`]+)`", page)[1]).endswith("months")


def test_schemas_are_written_for_every_decision_and_name_themselves_by_their_address(tmp_path):
    written = schema.write_schemas(tmp_path / "schemas", ADDRESS)
    assert written == [*(f"{name}.schema.json" for name in catalog.names()), "report.schema.json"]
    for name in written:
        found = json.loads((tmp_path / "schemas" / name).read_text("utf-8"))
        assert found["$id"] == ADDRESS + name


@pytest.mark.parametrize("name", catalog.names())
def test_what_the_schema_allows_is_read_and_the_report_is_as_its_schema_says(name):
    jsonschema = pytest.importorskip("jsonschema")
    decision = catalog.decision(name)
    allows = jsonschema.Draft202012Validator(schema.input_schema(name, decision))
    says = jsonschema.Draft202012Validator(schema.report_schema())
    own = fields_of(decision.Inputs)
    for preset in presets.NAMES[:3]:
        given = {field: value for field, value in presets.preset(preset).situation.items() if field in own}
        allows.validate(given)
        report = api.run(name, **given)
        says.validate(json.loads(api.report(report, "json")))
    assert not allows.is_valid({"no_such_field": 1})


def test_the_pages_link_to_schemas_that_are_written(tmp_path):
    written = schema.write_schemas(tmp_path, ADDRESS)
    linked = re.findall(r"`schemas/([a-z_]+\.schema\.json)`", PAGES["json"])
    assert linked
    assert set(linked) <= set(written)


def test_the_page_on_json_names_every_key_of_a_report():
    keys = schema.report_schema()["properties"]
    assert all(f"`{key}`" in PAGES["json"] for key in keys)


def test_files_that_the_pages_name_exist():
    for page, text in PAGES.items():
        for name in re.findall(r"`((?:calculator|docs|tests)/[\w/.-]+\.(?:py|csv|toml|json|md))`", text):
            assert (ROOT / name).exists() or "payback" in name, f"{page}: {name}"
