"""What is fitted can be fitted again: every file of calculator/llm/fitted from the rows of the repository."""

import json
from math import log
from pathlib import Path

import pytest
from conftest import some

from calculator.evaluation import fits, robust


# All three take a minute and a half.
@pytest.mark.parametrize("what", some(fits.MODULES, 1))
def test_the_stored_fit_is_what_the_rows_give(what):
    stored = json.loads(fits.path(what).read_text("utf-8"))
    again = json.loads(fits.made(what, stored["made_on"]))
    for key in stored:
        if isinstance(stored[key], dict):
            assert again[key] == pytest.approx(stored[key], rel=1e-3), key
        else:
            assert again[key] == stored[key], key


def test_every_stored_fit_has_its_command():
    assert {path.stem for path in Path(fits.path("memory")).parent.glob("*.json")} == set(fits.MODULES)


def test_an_unknown_fit_names_the_known_ones():
    with pytest.raises(ValueError, match=r"what: must be one of: memory.*given: 'luck'"):
        fits.made("luck", "2026-11-28")


def test_the_fit_finds_what_made_the_rows_and_lets_one_odd_row_be():
    inputs = [1.0, 2.0, 3.0, 5.0, 8.0]

    def errors(c):
        measured = [2 * x + 3 for x in inputs[:-1]] + [900.0]
        return [log((c["slope"] * x + c["start"]) / m) for x, m in zip(inputs, measured, strict=True)]

    priors = {"slope": (1.0, 3.0), "start": (1.0, 3.0), "idle": (7.0, 1.0)}
    found = robust.fit(errors, priors, [1.0] * 5, tolerance=0.01)
    assert found.coefficients["slope"] == pytest.approx(2, rel=0.02)
    assert found.coefficients["start"] == pytest.approx(3, rel=0.02)
    assert found.unmoved == ("idle",)
    assert found.coefficients["idle"] == 7
