"""What holds for every decision: worked cases, laws, shape. The cases stand in tests/cases/NAME.toml."""

import ast
import math
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inputs import given_strategy, number_at

from calculator import catalog, engine, presets
from calculator.faces import browser
from calculator.fields import Pick, defaults_of, fields_of, numbers_of, outputs_of
from calculator.units import UNITS
from tests import laws

ROOT = Path(__file__).parent.parent
CASES = ROOT / "tests" / "cases"
NAMES = catalog.names()
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def load(name):
    return tomllib.loads((CASES / f"{name}.toml").read_text("utf-8"))


def entries(kind):
    return [
        pytest.param(name, entry, id=f"{name}: {entry['name']}")
        for name in NAMES
        if (CASES / f"{name}.toml").exists()
        for entry in load(name).get(kind, [])
    ]


def report_for(name, fields, preset=""):
    merged, _ = browser.merge(name, fields, preset)
    merged |= {field: value for field, value in fields.items() if field not in merged}
    decision = catalog.decision(name)
    reading = engine.read(decision, merged)
    assert not reading.problems, reading.problems
    return engine.evaluate_point(name, decision, reading)


def ground_of(report):
    return report.decision.ground(report.reading.inputs, report.outputs)


@pytest.mark.parametrize(("name", "case"), entries("case"))
def test_a_worked_case_gives_the_numbers_worked_out_by_hand(name, case):
    report = report_for(name, case.get("given", {}), case.get("preset", ""))
    for output, wanted in case.get("outputs", {}).items():
        got = getattr(report.outputs, output)
        if isinstance(wanted, dict):
            assert got == pytest.approx(wanted["value"], rel=wanted["within"]), output
        elif isinstance(wanted, str):
            assert str(got) == wanted, output
        else:
            assert got == pytest.approx(wanted, rel=1e-6, abs=1e-12), output
    if "answer" in case:
        assert str(report.verdict.answer) == case["answer"]
    assert "ground" in case, "a worked case names the rule that decides"
    assert ground_of(report).name == case["ground"]


@pytest.mark.parametrize(("name", "law"), entries("law"))
@QUICK
@given(seed=st.integers(0, 2**32), ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_law_holds_for_any_inputs(name, law, seed, ends):
    spec = fields_of(catalog.decision(name).Inputs)[law["field"]]
    low, high = sorted(number_at(spec, end) for end in ends)
    assert not laws.breach(name, law, laws.situation(name, law, seed), low, high)


@pytest.mark.parametrize(("name", "law"), entries("law"))
def test_a_law_holds_for_the_situations_that_once_broke_one(name, law):
    """Every law is tried on all that ever broke a law of its decision: `worst` in its file."""
    decision = catalog.decision(name)
    own = fields_of(decision.Inputs)
    for case in load(name).get("worst", []):
        fixed = laws.situation(name, law, 0)
        values = {**defaults_of(decision.Inputs), **case["given"], **{f: fixed[f] for f in law.get("given", {})}}
        assert set(values) == set(own), case
        spec = own[law["field"]]
        low, high = case["between"] if case["field"] == law["field"] else (spec.low, spec.high)
        how = laws.breach(name, law, values, low, high)
        assert not how, (case, how)


@pytest.mark.parametrize("name", NAMES)
def test_each_decision_has_a_page_with_its_fence_and_a_case_file(name):
    assert (CASES / f"{name}.toml").exists()
    pages = [p for p in (ROOT / "docs").rglob("*.md") if f"```calculator\n{name}\n" in p.read_text("utf-8")]
    assert pages, f"no page holds a calculator fence for {name}"


@pytest.mark.parametrize("name", NAMES)
def test_each_answer_and_each_ground_is_reached_by_a_case(name):
    decision = catalog.decision(name)
    reports = [report_for(name, case.get("given", {}), case.get("preset", "")) for case in load(name)["case"]]
    for reached in ({report.verdict.answer for report in reports}, {ground_of(report) for report in reports}):
        kind = type(next(iter(reached)))
        assert reached == set(kind), f"never reached: {set(kind) - reached}"
    assert decision.question.endswith("?")


def thresholds(function):
    """What a function compares, each as a pair whose order does not matter."""
    return [
        frozenset(map(ast.unparse, (node.left, *node.comparators)))
        for node in ast.walk(function)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_no_threshold_that_decides_stands_twice(name):
    """Words that depend on one ask for the ground, or for the function that holds it."""
    module = ast.parse((ROOT / "calculator" / "decisions" / f"{name}.py").read_text("utf-8"))
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    decides = functions["ground_of"]
    called = [n.func.id for n in ast.walk(decides) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    held = {pair for each in ("ground_of", *called) if each in functions for pair in thresholds(functions[each])}
    stands = Counter(pair for function in functions.values() for pair in thresholds(function))
    assert not [set(pair) for pair in held if stands[pair] > 1]


@pytest.mark.parametrize("name", NAMES)
def test_a_fields_name_ends_in_its_units_suffix(name):
    decision = catalog.decision(name)
    for field, spec in (numbers_of(decision.Inputs) | outputs_of(decision.Outputs)).items():
        suffix = spec.unit.suffix
        assert spec.unit in UNITS
        assert field == suffix or field.endswith("_" + suffix), f"{name}.{field} is in {suffix}"


def test_a_field_of_one_name_is_the_same_quantity_on_every_page():
    seen = {}
    for name in NAMES:
        for field, spec in fields_of(catalog.decision(name).Inputs).items():
            # Pages may know different devices; the field is the same.
            spec = replace(spec, options=()) if isinstance(spec, Pick) and spec.fills else spec
            assert seen.setdefault(field, spec) == spec, f"{name}.{field} differs from another page's"


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(data=st.data())
def test_any_input_within_bounds_gives_a_verdict_with_a_reason_and_numbers(name, data):
    decision = catalog.decision(name)
    reading = engine.read(decision, data.draw(given_strategy(decision)))
    assert not reading.problems
    report = engine.evaluate_point(name, decision, reading)
    assert report.verdict.reasons
    assert report.verdict.headline
    assert all(not math.isnan(getattr(report.outputs, field)) for field in outputs_of(decision.Outputs))
    assert engine.choose(decision, reading.inputs, report.outputs) == report.verdict.answer


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_formula_shown_gives_the_number_shown(name, data):
    decision = catalog.decision(name)
    reading = engine.read(decision, data.draw(given_strategy(decision)))
    outputs = decision.compute(reading.inputs)
    scope = {**reading.inputs.__dict__, **outputs.__dict__}
    functions = {f: getattr(math, f) for f in ("exp", "log", "log2", "sqrt", "ceil", "floor", "inf")}
    functions |= {"min": min, "max": max, "abs": abs}
    for field, spec in outputs_of(decision.Outputs).items():
        assert spec.formula or spec.how, f"{name}.{field} shows neither a formula nor the function behind it"
        if spec.formula:
            got = eval(spec.formula, {"__builtins__": {}}, functions | scope)
            assert got == pytest.approx(getattr(outputs, field), rel=1e-9, abs=1e-12), field


@pytest.mark.parametrize("preset", presets.NAMES)
def test_a_preset_is_complete_and_gives_the_guides_verdict_on_its_page(preset):
    situation = presets.preset(preset)
    unknown = set(situation.situation) - catalog.known_fields()
    assert not unknown, f"{preset} sets fields that no decision has: {unknown}"
    for name, wanted in situation.expects.items():
        assert str(report_for(name, {}, preset).verdict.answer) == wanted, name
    assert situation.page in situation.expects


@pytest.mark.parametrize("preset", presets.NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_every_page_can_load_every_preset(name, preset):
    assert report_for(name, {}, preset).verdict.reasons


@pytest.mark.parametrize("name", NAMES)
def test_a_flip_does_change_the_answer_and_the_value_before_does_not(name):
    decision = catalog.decision(name)
    report = engine.evaluate(name, decision, engine.read(decision, {}))
    for flip in report.flips[:5]:
        if flip.field in numbers_of(decision.Inputs):
            reading = engine.read(decision, {flip.field: flip.at})
            outputs = decision.compute(reading.inputs)
            assert engine.choose(decision, reading.inputs, outputs) == flip.answer, flip
            assert flip.answer != report.verdict.answer
