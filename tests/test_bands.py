"""Bands by distance: the law of their width, the words beside them, and how an axis gets its variance."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.evaluation.distance import MOST, PRIOR_VARIANCE, LeftOut, cells, project_of, variances
from calculator.llm.bands import AXES, SD_OF_BAND, distance, read, widened

DATA = {
    "axes": ["gpu", "framework"],
    "cells": [["sm80", "torchtune", 3, 2], ["sm90", "axolotl", 1, 1]],
    "variance": {"gpu": 0.01, "framework": 0.04},
}


def test_a_run_like_fitted_ones_keeps_its_band_and_says_how_many_there_are():
    found = distance(read(DATA), {"gpu": "sm80", "framework": "torchtune"})
    assert (found.variance, found.runs, found.absent) == (0, 3, ())
    assert found.words == "3 published runs like yours, from 2 projects."


def test_each_axis_without_a_run_adds_its_variance_and_is_named():
    runs = read(DATA)
    assert distance(runs, {"gpu": "sm120", "framework": "axolotl"}).variance == 0.01
    far = distance(runs, {"gpu": "sm120", "framework": "own"})
    assert far.variance == pytest.approx(0.05)
    assert far.words == (
        "No published run on this card, none with this framework; the range is wider for it."
    )
    assert distance(runs, {"gpu": "sm80", "framework": "axolotl"}).words.startswith("Published runs share each trait")


def test_an_axis_that_is_not_the_estimators_is_refused():
    with pytest.raises(KeyError, match="axes: must be of gpu, framework; given: engine"):
        distance(read(DATA), {"engine": "vllm"})


@given(st.floats(1, 2), st.floats(1, 2), st.floats(0, 1))
def test_variances_add_in_logarithms_on_both_sides(below, above, variance):
    low, high = widened(10 / below, 10, 10 * above, variance)
    for end, given_end in ((low, below), (high, above)):
        assert log(end / 10) ** 2 == pytest.approx(log(given_end) ** 2 + SD_OF_BAND**2 * variance, abs=1e-9)


def left_out(project, framework, error, half_width=0.0):
    return LeftOut(project, {"gpu": "sm80", "framework": framework}, error, half_width)


def test_errors_on_an_axis_that_no_other_project_has_become_its_variance():
    runs = [left_out("a", "x", 0.3), left_out("b", "y", -0.3), left_out("c", "z", 0.3)]
    found = variances(("gpu", "framework"), runs)
    assert found["gpu"] == PRIOR_VARIANCE
    assert PRIOR_VARIANCE < found["framework"] < 0.09


def test_one_odd_project_does_not_set_an_axis():
    found = variances(("gpu", "framework"), [left_out("a", "x", 3.0), left_out("b", "y", 0.0), left_out("c", "y", 0.0)])
    assert found["framework"] <= (2 * PRIOR_VARIANCE + MOST) / 3 + 1e-4


def test_what_the_own_band_covers_adds_nothing():
    wide = [left_out(project, project, 0.3, half_width=SD_OF_BAND * 0.3) for project in "abc"]
    assert variances(("gpu", "framework"), wide)["framework"] < PRIOR_VARIANCE


def test_cells_count_runs_and_their_projects():
    runs = [("a", {"gpu": "sm80"}), ("a", {"gpu": "sm80"}), ("b", {"gpu": "sm80"}), ("b", {})]
    assert cells(("gpu",), runs) == [["", 1, 1], ["sm80", 3, 2]]


@pytest.mark.parametrize(("source", "project"), [
    ("torchtitan-perf-2024-04", "torchtitan"), ("torchtitan-h200-trainy-2025-06", "torchtitan"),
    ("torchao-float8nocompile", "torchtitan"), ("fms-acceleration-a100_80gb_moe", "fms"),
    ("llama-bench-readme", "llama.cpp"),
    ("llama-factory-perf", "llama-factory"), ("nemo-automodel-perf", "nvidia"), ("trtllm-perf-overview-1.0", "nvidia"),
])
def test_one_project_is_one_family(source, project):
    assert project_of(source) == project


def test_every_axis_has_words_for_a_reader():
    assert all(words.split()[0] in ("on", "with", "split", "in", "of", "measured", "at") for words in AXES.values())
