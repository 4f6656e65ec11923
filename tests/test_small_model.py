"""The sizes that a small data set may train: what they rest on."""

from math import log2
from statistics import median

import pytest

from calculator.cases import cases
from calculator.decisions import small_model_limited_data as decision
from calculator.facts.assumptions import assumption


def tuned_pairs():
    """Source to the share of the error that each doubling left, from tuned models on the same data."""
    found = {}
    for case in cases():
        if case.suspect or case.top_score is None:
            continue
        best = {}
        for row in case.measured:
            if row.counts and row.option in ("ft_small", "ft_large") and row.params_b:
                best[row.params_b] = max(best.get(row.params_b, 0.0), row.score / case.top_score)
        if best and max(best) >= 1.9 * min(best):
            low, high = min(best), max(best)
            left = ((1 - best[high]) / (1 - best[low])) ** (1 / log2(high / low))
            found.setdefault(case.source_group, []).append(left)
    return found


def test_what_a_doubling_of_size_leaves_is_what_the_published_pairs_left():
    pairs = tuned_pairs()
    sources = sorted(median(left) for left in pairs.values())
    entry = assumption("doubled_model_error_share")
    assert sum(map(len, pairs.values())) == 28
    assert len(sources) == 12
    assert entry.value == pytest.approx(median(sources), abs=0.005)
    assert entry.low == pytest.approx(sources[0], abs=0.005)
    assert entry.high == pytest.approx(min(1.0, sources[-1]), abs=0.005)


def test_the_larger_of_two_tuned_models_was_behind_in_one_source_alone():
    assert [source for source, shares in tuned_pairs().items() if max(shares) >= 1] == ["tool_n1"]


def test_the_middle_size_is_that_of_the_published_tuned_small_models():
    sizes = [case.best["ft_small"].params_b for case in cases() if "ft_small" in case.best]
    assert median(size for size in sizes if size) == decision.REFERENCE_BILLIONS


def test_a_student_of_its_teacher_alone_goes_no_further_than_the_teacher():
    inputs = decision.Inputs(labelled_examples=0, new_examples=0, teacher_examples=1e6, teacher_error_share=0.3)
    assert decision._learned_accuracy(inputs, 0, decision.teacher_worth(inputs), 1.0) <= 0.7
