"""The package from Python: five names, typed, with examples that run."""

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from calculator import __main__, api, presets
from calculator.verdict import Verdict

PACKAGE = Path(api.__file__).parent


def test_the_examples_in_the_documentation_of_each_name_run():
    found = doctest.testmod(api)
    assert found.failed == 0
    assert found.attempted >= 12


def test_there_are_seven_names_and_each_has_an_example_and_types():
    assert sorted(api.__all__) == ["decide", "decisions", "examine", "report", "run", "sources", "why"]
    for name in api.__all__:
        function = getattr(api, name)
        assert ">>>" in function.__doc__
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())
    assert (PACKAGE / "py.typed").is_file()


def test_importing_the_package_costs_nothing():
    # A package that imports nothing takes no time; a clock would only measure the machine.
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def test_the_seven_names_need_nothing_but_the_standard_library():
    code = "import calculator.api, sys; print({m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names))"
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert ast.literal_eval(ran.stdout) <= {"calculator", "__main__"}


def test_python_and_the_command_line_give_the_same_report(capsys):
    assert __main__.main(["run", "limited_compute", "gpus=2", "--json"]) == 0
    assert api.report(api.run("limited_compute", gpus=2), "json") == capsys.readouterr().out.strip()


def test_a_number_its_text_and_the_text_of_a_form_are_the_same():
    found = [api.run("limited_compute", labelled_examples=n).outputs.run_hours for n in (5000, "5000", "5k", "5,000")]
    assert len(set(found)) == 1


@pytest.mark.parametrize("name", presets.NAMES)
def test_every_preset_is_decided_as_its_file_says(name):
    wanted = presets.preset(name).expects["fine_tune_or_not"]
    assert str(api.decide(preset=name).verdict.answer) == wanted


def test_the_overall_decision_takes_a_whole_situation_and_one_decision_only_its_own():
    assert isinstance(api.decide(lora_rank_count=8).verdict, Verdict)
    with pytest.raises(ValueError, match="lora_rank_count: no such field"):
        api.run("fine_tune_or_not", lora_rank_count=8)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: api.run("nonsense"), "decision must be one of: conversation_context, "),
        (lambda: api.sources("nonsense"), "decision must be one of: "),
        (lambda: api.decide(preset="nonsense"), "nonsense"),
        (lambda: api.decide(nonsense=1), "nonsense: no such field"),
        (lambda: api.report(api.run("general_task"), "html"), "form must be markdown or json; given: 'html'"),
        (lambda: api.run("limited_compute", gpus="many", epochs_count=-1), "gpus: .*\nepochs_count: "),
        (lambda: api.run("limited_compute", gpus=object()), "gpus: "),
    ],
)
def test_what_is_wrong_is_named(act, words):
    with pytest.raises(ValueError, match=words):
        act()


def test_a_record_ends_with_a_link_to_the_page_it_was_asked_for():
    record = api.report(api.run("limited_compute", gpus=2), site_url="https://example.org/limited-compute/")
    assert "https://example.org/limited-compute/?" in record
    assert "gpus=2" in record


def test_sources_are_complete_and_those_of_a_decision_are_among_all():
    every = {entry.key for entry in api.sources()}
    for name in api.decisions():
        assert {entry.key for entry in api.sources(name)} <= every
    assert all(entry.source and entry.url and entry.as_of for entry in api.sources())
