"""Beliefs about an accuracy, updated by what was measured, against scipy and against their laws."""

from math import log

import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from calculator.decisions import fine_tune_or_not as overall
from calculator.stats import evidence, normal, value

MEANS, SPREADS = st.floats(0.05, 0.95), st.floats(0.01, 0.2)
SHARES, ITEMS = st.floats(0, 1), st.integers(0, 10_000)


@given(MEANS, SPREADS, st.integers(0, 400), st.integers(0, 400))
def test_an_update_is_that_of_a_beta_by_binomial_items(mean, spread, right, wrong):
    worth = evidence.items_worth(mean, spread)
    a, b = mean * worth, (1 - mean) * worth
    items = right + wrong
    after = evidence.updated(mean, spread, right / items if items else 0.0, items)
    exact = scipy.stats.beta(a + right, b + wrong)
    assert after.mean == pytest.approx(exact.mean(), rel=1e-9)
    if items:
        assert after.spread == pytest.approx(exact.std(), rel=1e-9)


@given(MEANS, SPREADS, ITEMS)
def test_measuring_what_was_believed_moves_nothing_and_more_items_narrow(mean, spread, items):
    after = evidence.updated(mean, spread, mean, items)
    assert after.mean == pytest.approx(mean, abs=1e-12)
    more = evidence.updated(mean, spread, mean, items + 100)
    assert more.spread <= after.spread <= spread + 1e-12 or items == 0


@given(MEANS, SPREADS, SHARES)
def test_a_large_pilot_decides(mean, spread, measured):
    assert evidence.updated(mean, spread, measured, 1e9).mean == pytest.approx(measured, abs=1e-3)


@given(MEANS, SPREADS, ITEMS)
def test_what_a_trial_will_tell_is_the_spread_of_the_mean_that_it_leaves(mean, spread, items):
    # Law of total variance: what is resolved and what is left make up the whole.
    told = evidence.spread_of_result(mean, spread, items)
    worth = evidence.items_worth(mean, spread)
    assert 0.0 <= told <= spread
    left = (mean * (1 - mean) - told**2) / (worth + items + 1)
    assert told**2 + left == pytest.approx(mean * (1 - mean) / (worth + 1), rel=1e-9)


@given(MEANS, SPREADS, SHARES, st.integers(0, 50), st.integers(0, 50))
def test_pairs_move_a_belief_towards_what_they_show_and_never_widen_it(mean, spread, baseline, won, lost):
    after = evidence.updated_by_pairs(mean, spread, baseline, won, lost, 200)
    seen = baseline + (won - lost) / 200
    held = min(1.0, max(0.0, seen))
    assert min(mean, held) - 1e-9 <= after.mean <= max(mean, held) + 1e-9
    assert after.spread <= spread


def test_bad_measurements_are_refused_by_name():
    with pytest.raises(ValueError, match="measured"):
        evidence.updated(0.5, 0.1, 1.2, 10)
    with pytest.raises(ValueError, match="items"):
        evidence.updated(0.5, 0.1, 0.5, -1)
    with pytest.raises(ValueError, match="items"):
        evidence.updated_by_pairs(0.5, 0.1, 0.5, 20, 20, 30)


@given(st.floats(-3, 3), st.floats(0.01, 3), st.floats(-3, 3), st.floats(0.01, 3))
def test_the_larger_of_two_has_the_moments_of_clark(mean, spread, other, other_spread):
    found, variance = normal.larger_of_two(mean, spread, other, other_spread)
    grid = [scipy.stats.norm.ppf((k + 0.5) / 400) for k in range(400)]
    expected = sum(
        value.expected_excess(mean - other - other_spread * z, spread) + other + other_spread * z for z in grid
    ) / len(grid)
    assert found == pytest.approx(expected, abs=0.01)
    assert variance >= 0.0
    assert found >= max(mean, other) - 1e-12


@given(MEANS, SPREADS, st.floats(0.02, 0.98))
def test_an_option_with_a_way_back_is_worth_the_expected_better_of_it_and_the_bar(mean, spread, bar):
    # Failures are lognormal with this mean and spread.
    failures = 1.0 - mean
    variance = log(1 + (spread / failures) ** 2)
    law = scipy.stats.lognorm(s=variance**0.5, scale=failures / (1 + (spread / failures) ** 2) ** 0.5)
    assert overall._above(mean, spread, bar) == pytest.approx(law.cdf(1 - bar), abs=1e-9)
    exact = (1 - bar) * law.cdf(1 - bar) - law.expect(lambda x: x, ub=1 - bar) if bar < 1 else 0.0
    assert overall._excess(mean, spread, bar) == pytest.approx(exact, abs=1e-5)
    assert overall._excess(mean, spread, bar) >= max(0.0, mean - bar) - 1e-12
