"""The error that stands beside an estimate is the one that the published rows give."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from calculator import browser, catalog, engine
from calculator.llm import accuracy
from calculator.validation import __main__ as command
from calculator.validation import figures, summarise

STORED = json.loads(Path(accuracy.PATH).read_text("utf-8"))
KINDS = [(estimator, method) for estimator, methods in STORED.items() if estimator != "made_by" for method in methods]


@pytest.fixture(scope="module")
def measured():
    return figures.measured_accuracy(figures.figures())


def test_the_stored_figures_are_those_that_the_published_rows_give(measured):
    hint = "run: python -m calculator.validation accuracy --write"
    assert [(estimator, method) for estimator in measured for method in measured[estimator]] == KINDS, hint
    for estimator, method in KINDS:
        # The last digits of logarithms differ between C libraries.
        for name, value in measured[estimator][method].items():
            assert STORED[estimator][method][name] == pytest.approx(
                value, abs=0.002 if name == "median_error" else 0.011
            ), f"{estimator}, {method}, {name}: {hint}"


def test_every_estimate_that_a_page_shows_has_its_figures():
    wanted = {("training-memory", method) for method in ("full", "lora", "qlora")}
    wanted |= {("training-throughput", method) for method in ("full", "lora", "qlora")}
    wanted |= {("decode", "one sequence"), ("decode", "several sequences"), ("serving-memory", "any")}
    assert wanted <= set(KINDS)


def test_the_figures_are_of_complete_rows_whose_sources_were_left_out():
    (compared,) = figures.figures().compared["training-memory"]
    rows = [pair for pair in compared.left_out if pair.complete and figures.method_of(pair.method) == "qlora"]
    found = accuracy.accuracy("training-memory", "qlora")
    assert found.rows == len(rows)
    assert found.median_error == pytest.approx(summarise(rows).median_error, abs=0.001)
    assert found.median_error > summarise(p for p in compared.published if p.id in {r.id for r in rows}).median_error


@pytest.mark.parametrize(("estimator", "method"), KINDS)
def test_a_sentence_says_how_many_runs_how_far_off_and_how_often_inside_the_band(estimator, method):
    found, said = accuracy.accuracy(estimator, method), accuracy.sentence(estimator, method)
    assert f" on {found.rows} published runs of this kind, sources left out: median error " in said
    assert f"{100 * found.median_error:.2g}\u00a0%" in said
    assert f"{100 * found.band_covers:.0f}\u00a0% inside the band." in said


@pytest.mark.parametrize(
    ("estimator", "method", "words"),
    [("training", "full", "estimator must be one of: decode, "), ("decode", "full", "method must be one of: one seq")],
)
def test_an_unknown_kind_is_refused_with_the_known_ones(estimator, method, words):
    with pytest.raises(ValueError, match=words):
        accuracy.sentence(estimator, method)


@pytest.mark.parametrize(
    ("published", "kind"),
    [
        ("qlora", "qlora"),
        ("LoRA", "lora"),
        ("lora+embeddings trainable", "lora"),
        ("pretrain(full)", "full"),
        ("full", "full"),
        ("peft:ia3", "other adapters"),
    ],
)
def test_a_published_method_is_read_as_one_of_four(published, kind):
    assert figures.method_of(published) == kind


@pytest.mark.parametrize(("method", "kind"), [("full", "full"), ("LoRA", "lora"), ("QLoRA", "qlora")])
def test_the_page_on_compute_says_the_error_for_its_method(method, kind):
    decision = catalog.decision("limited_compute")
    given, _ = browser.merge("limited_compute", {"method": method}, "")
    verdict = engine.evaluate_point("limited_compute", decision, engine.read(decision, given)).verdict
    assert accuracy.sentence("training-memory", kind) in verdict.reasons
    assert accuracy.sentence("training-throughput", kind) in verdict.reasons


def test_the_data_are_small_enough_for_the_browser():
    assert Path(accuracy.PATH).stat().st_size < 4000


def test_the_command_says_whether_the_stored_figures_are_these(measured, monkeypatch, tmp_path, capsys):
    path = tmp_path / "accuracy.json"
    monkeypatch.setattr(accuracy, "PATH", str(path))
    assert command.main(["accuracy"]) == 1
    assert command.main(["accuracy", "--write"]) == 0
    printed = capsys.readouterr().out
    assert command.main(["accuracy"]) == 0
    assert printed == 2 * path.read_text("utf-8") == 2 * capsys.readouterr().out


def test_the_figures_need_none_of_what_made_them():
    code = "import sys, calculator.llm.accuracy as a; a.sentence('decode', 'one sequence'); "
    code += "print([m for m in sys.modules if 'validation' in m or 'statistics' in m])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
