"""The statistics: against SciPy and statsmodels, against the worked examples, and by law.

What of statsmodels a test asks for it imports itself: at the top it would take a second of each process that collects.
"""
import itertools
from math import exp, inf, isclose, log, nextafter, sqrt
from unittest import mock

import numpy as np
import power
import pytest
import scipy
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from calculator.stats import binomial, certify, decay, intervals, labels, paired, value
from calculator.stats.beta import beta_quantile, incomplete_beta
from calculator.stats.normal import critical_z, normal_cdf, normal_quantile
from calculator.stats.sampling import Z_95, Stream, column_from_range, columns, draws, from_range, quantile

shares = st.floats(0.0, 1.0)
inside = st.floats(0.01, 0.99)


@st.composite
def counts(draw, most=5000):
    trials = draw(st.integers(1, most))
    return draw(st.integers(0, trials)), trials


class TestNormal:
    def test_quantile_agrees_with_scipy(self):
        for p in [*np.linspace(1e-4, 1 - 1e-4, 999), *(10.0 ** -k for k in range(5, 300, 13))]:
            assert normal_quantile(p) == pytest.approx(scipy.stats.norm.ppf(p), rel=1e-12, abs=1e-15)

    @given(st.floats(-8, 8))
    def test_cdf_agrees_with_scipy(self, z):
        assert normal_cdf(z) == pytest.approx(scipy.stats.norm.cdf(z), rel=1e-12)

    def test_critical_z_is_1_96_at_95_percent(self):
        assert critical_z(0.95) == pytest.approx(1.959963984540054, rel=1e-14)

    @pytest.mark.parametrize("p", [0.0, 1.0, -0.1, float("nan")])
    def test_quantile_refuses_what_has_none(self, p):
        with pytest.raises(ValueError, match=r"p must lie strictly between 0 and 1, got"):
            normal_quantile(p)


class TestBeta:
    @given(st.floats(0.05, 3000), st.floats(0.05, 3000), st.floats(1e-6, 1 - 1e-6))
    def test_incomplete_beta_agrees_with_scipy(self, a, b, x):
        assert incomplete_beta(a, b, x) == pytest.approx(scipy.special.betainc(a, b, x), abs=1e-11)

    @given(st.floats(0.5, 2000), st.floats(0.5, 2000), st.floats(1e-6, 1 - 1e-6))
    @example(35.0, 0.5, 0.999999)
    def test_quantile_inverts_the_distribution(self, a, b, p):
        x = beta_quantile(p, a, b)
        if abs(incomplete_beta(a, b, x) - p) > 1e-9:
            # Where the density has no end at 1, two neighbours among the floats lie further apart than that.
            assert incomplete_beta(a, b, nextafter(x, 0)) <= p <= incomplete_beta(a, b, nextafter(x, 1))


class TestBinomial:
    @given(st.integers(1, 1_000_000), inside, st.floats(-5, 5))
    @settings(max_examples=300)
    def test_sums_agree_with_scipy_up_to_a_million_trials(self, trials, share, sigmas):
        k = min(trials, max(0, round(trials * share + sigmas * sqrt(trials * share * (1 - share)))))
        assert binomial.cdf(k, trials, share) == pytest.approx(scipy.stats.binom.cdf(k, trials, share), abs=1e-9)
        assert binomial.tail(k, trials, share) == pytest.approx(scipy.stats.binom.sf(k - 1, trials, share), abs=1e-9)
        assert binomial.pmf(k, trials, share) == pytest.approx(scipy.stats.binom.pmf(k, trials, share), rel=1e-7)

    @given(counts(300), shares)
    def test_probabilities_add_up(self, pair, share):
        k, trials = pair
        assert sum(binomial.pmf(j, trials, share) for j in range(k + 1)) == pytest.approx(
            binomial.cdf(k, trials, share), abs=1e-10)

    @given(counts(), shares)
    def test_the_two_tails_share_only_the_count_itself(self, pair, share):
        k, trials = pair
        both = binomial.cdf(k, trials, share) + binomial.tail(k, trials, share)
        assert both == pytest.approx(1.0 + binomial.pmf(k, trials, share), abs=1e-9)

    @pytest.mark.parametrize(("passes", "items", "p"), [(78, 100, 0.039), (39, 50, 0.12), (156, 200, 0.005)])
    def test_a_target_of_85_percent_is_missed_only_with_enough_items(self, passes, items, p):
        assert binomial.p_value_below(passes, items, 0.85) == pytest.approx(p, abs=0.0051 if p > 0.1 else 0.0006)

    @given(counts(2000), inside)
    def test_one_sided_tests_agree_with_scipy(self, pair, target):
        k, trials = pair
        below = scipy.stats.binomtest(k, trials, target, alternative="less").pvalue
        above = scipy.stats.binomtest(k, trials, target, alternative="greater").pvalue
        assert binomial.p_value_below(k, trials, target) == pytest.approx(below, abs=1e-9)
        assert binomial.p_value_above(k, trials, target) == pytest.approx(above, abs=1e-9)


class TestIntervals:
    @given(counts(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
    def test_all_three_agree_with_statsmodels(self, pair, confidence):
        from statsmodels.stats.proportion import proportion_confint

        for ours, method in ((intervals.wilson, "wilson"), (intervals.exact, "beta"), (intervals.wald, "normal")):
            theirs = proportion_confint(*pair, alpha=1 - confidence, method=method)
            assert ours(*pair, confidence) == pytest.approx(theirs, abs=1e-9)

    @given(counts(1000), counts(1000))
    def test_difference_agrees_with_statsmodels(self, pair, other):
        from statsmodels.stats.proportion import confint_proportions_2indep

        theirs = confint_proportions_2indep(*pair, *other, method="newcomb", compare="diff")
        assert intervals.difference(*pair, *other) == pytest.approx(theirs, abs=1e-9)

    @pytest.mark.parametrize(("passes", "items", "low", "high"), [
        (90, 100, 82.6, 94.5), (50, 50, 92.9, 100.0), (450, 500, 87.1, 92.3)])
    def test_worked_wilson_intervals(self, passes, items, low, high):
        assert [round(100 * end, 1) for end in intervals.wilson(passes, items)] == [low, high]

    def test_wald_claims_certainty_after_fifty_passes(self):
        assert intervals.wald(50, 50) == (1.0, 1.0)

    @pytest.mark.parametrize(("share", "items", "wald", "wilson"), [(0.90, 30, 80.9, 97.4), (0.98, 100, 86.6, 94.9)])
    def test_wald_covers_less_than_it_says_and_wilson_does_not(self, share, items, wald, wilson):
        for interval, percent in ((intervals.wald, wald), (intervals.wilson, wilson)):
            covered = sum(binomial.pmf(k, items, share) for k in range(items + 1)
                          if interval(k, items)[0] <= share <= interval(k, items)[1])
            assert 100 * covered == pytest.approx(percent, abs=0.06)

    @given(counts())
    def test_exact_is_never_narrower_at_the_ends_than_its_promise(self, pair):
        k, trials = pair
        low, high = intervals.exact(k, trials)
        assert low <= k / trials <= high
        if 0 < k < trials:
            assert binomial.tail(k, trials, low) == pytest.approx(0.025, abs=1e-9)
            assert binomial.cdf(k, trials, high) == pytest.approx(0.025, abs=1e-9)

    @given(counts(), st.floats(0.5, 0.99))
    def test_more_confidence_never_narrows(self, pair, confidence):
        low, high = intervals.wilson(*pair, confidence)
        wider_low, wider_high = intervals.wilson(*pair, 0.5 + confidence / 2)
        assert wider_low <= low <= high <= wider_high

    @pytest.mark.parametrize(("margin", "items"), [(0.03, 385), (0.01, 3458)])
    def test_items_for_a_margin_at_90_percent(self, margin, items):
        assert intervals.items_for_margin(0.9, margin) == items

    @pytest.mark.parametrize(("share", "items"), [(0.95, 59), (0.99, 299), (0.999, 2995)])
    def test_items_without_a_failure(self, share, items):
        assert intervals.items_without_failure(share) == items
        assert share**items <= 0.05 < share ** (items - 1)

    def test_clusters_shrink_the_number_of_items(self):
        assert intervals.design_effect(10, 0.71) == pytest.approx(7.39)
        assert intervals.effective_items(739, 10, 0.71) == pytest.approx(100)

    @given(st.lists(shares, min_size=1, max_size=12))
    def test_holm_agrees_with_statsmodels(self, p_values):
        from statsmodels.stats.multitest import multipletests

        # It collects all garbage each time, which beside thousands of tests takes a third of a second.
        with mock.patch("gc.collect"):
            theirs = multipletests(p_values, alpha=0.05, method="holm")
        # At an exact tie with the level the two differ in the last bit.
        assume(not any(isclose(p, 0.05, rel_tol=1e-9) for p in theirs[1]))
        assert intervals.holm(p_values) == list(theirs[0])

    @pytest.mark.parametrize(("call", "message"), [
        (lambda: intervals.wilson(11, 10), r"successes must be from 0 to 10 \(the trials\), got 11"),
        (lambda: intervals.wilson(0, 0), r"trials must be at least 1, got 0"),
        (lambda: intervals.items_for_margin(0.5, 0.0), r"margin must lie strictly between 0 and 1, got 0.0"),
        (lambda: intervals.items_without_failure(1.2), r"share must lie strictly between 0 and 1, got 1.2"),
        (lambda: intervals.design_effect(0.5, 0.1), r"cluster_items must be at least 1, got 0.5"),
    ])
    def test_a_refusal_names_the_argument_the_bounds_and_what_came(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()


class TestPaired:
    @given(st.integers(0, 3000), st.integers(0, 3000))
    def test_mcnemar_agrees_with_statsmodels(self, gains, losses):
        from statsmodels.stats.contingency_tables import mcnemar

        theirs = mcnemar([[0, gains], [losses, 0]], exact=True).pvalue if gains + losses else 1.0
        assert paired.mcnemar(gains, losses) == pytest.approx(min(1.0, theirs), abs=1e-9)

    def test_worked_comparison_of_400_items(self):
        low, gain, high = paired.difference(34, 18, 400)
        assert (round(100 * low, 1), round(100 * gain, 1), round(100 * high, 1)) == (0.5, 4.0, 7.5)
        assert paired.mcnemar(34, 18) == pytest.approx(0.036, abs=0.0005)

    @pytest.mark.parametrize(("gain", "discordant", "items"), [
        (0.03, 0.10, 870), (0.03, 0.15, 1306), (0.03, 0.25, 2178), (0.05, 0.15, 469)])
    def test_worked_sample_sizes_of_connor(self, gain, discordant, items):
        assert paired.paired_items(gain, discordant) == items

    @pytest.mark.parametrize(("gain", "discordant", "items"), [
        (0.03, 0.10, 870), (0.03, 0.15, 1306), (0.03, 0.25, 2178), (0.05, 0.15, 469)])
    def test_connors_sizes_leave_the_exact_test_a_little_short(self, gain, discordant, items):
        assert 0.755 <= power.exact_paired_power(items, gain, discordant) <= 0.80
        assert power.exact_paired_power(round(1.08 * items), gain, discordant) >= 0.795

    @given(st.floats(0.005, 0.2), st.floats(0.0, 0.5), st.floats(0.5, 0.99), st.sampled_from([0.01, 0.05, 0.1]))
    def test_connor_agrees_with_statsmodels(self, gain, more, wanted, alpha):
        from statsmodels.stats.power import normal_power_het, normal_sample_size_one_tail

        discordant = gain + more
        null, alternative = sqrt(discordant), sqrt(discordant - gain * gain)
        theirs = normal_sample_size_one_tail(gain, wanted, alpha / 2, std_null=null, std_alternative=alternative)
        assert paired.paired_items(gain, discordant, wanted, alpha) == pytest.approx(theirs, abs=1.0 + 1e-6 * theirs)
        items = 10.0 + theirs
        ours = power.paired_power(items, gain, discordant, alpha)
        assert ours == pytest.approx(normal_power_het(
            gain, items, alpha / 2, std_null=null, std_alternative=alternative, alternative="larger"), abs=1e-9)

    @pytest.mark.parametrize(("items", "points"), [(200, 7.7), (500, 4.9), (1000, 3.4)])
    def test_smallest_gain_that_shows(self, items, points):
        assert 100 * paired.smallest_paired_gain(items, 0.15) == pytest.approx(points, abs=0.06)

    @pytest.mark.parametrize(("share", "other", "items"), [(0.85, 0.88, 2033), (0.85, 0.90, 683)])
    def test_worked_unpaired_sizes(self, share, other, items):
        assert paired.unpaired_items(share, other) == items

    @given(st.floats(0.01, 0.2), st.floats(0.01, 0.5))
    def test_the_power_of_the_needed_items_is_the_power_asked_for(self, gain, more):
        items = paired.paired_items(gain, gain + more)
        assert power.paired_power(items, gain, gain + more) >= 0.8 - 1e-9
        assert power.paired_power(items - 1, gain, gain + more) < 0.8

    def test_a_new_prompt_can_be_neither_better_nor_worse(self):
        low, gain, high = paired.difference(26, 22, 400, 0.9)
        assert (round(100 * low, 1), round(100 * gain, 1), round(100 * high, 1)) == (-1.8, 1.0, 3.8)
        assert paired.mcnemar(26, 22) > 0.05

    def test_disagreement_lies_between_nested_and_disjoint_errors(self):
        least, independent, most = paired.discordant_range(0.15, 0.12)
        assert (least, most) == (pytest.approx(0.03), pytest.approx(0.27))
        assert independent == pytest.approx(0.15 * 0.88 + 0.12 * 0.85)

    def test_a_gain_beyond_the_disagreement_is_refused(self):
        with pytest.raises(ValueError, match=r"discordant must be at least the difference 0.2, got 0.1"):
            paired.paired_items(0.2, 0.1)

    def test_no_gain_needs_infinitely_many_items(self):
        assert paired.paired_items(0.0, 0.1) == inf
        assert paired.unpaired_items(0.8, 0.8) == inf

    def test_the_exact_power_is_a_double_sum(self):
        items, gain, discordant = 60, 0.15, 0.3
        both = (discordant + gain) / 2
        total = 0.0
        for gains, losses in itertools.product(range(items + 1), repeat=2):
            if gains + losses <= items and paired.mcnemar(gains, losses) <= 0.05:
                total += scipy.stats.multinomial.pmf(
                    [gains, losses, items - gains - losses], items, [both, discordant - both, 1 - discordant])
        assert power.exact_paired_power(items, gain, discordant) == pytest.approx(total, abs=1e-9)

class TestCertify:
    @pytest.mark.parametrize(("truth", "items"), [(0.93, 710), (0.95, 230), (0.92, 1640)])
    def test_worked_sizes_for_90_percent(self, truth, items):
        assert certify.items_to_certify(0.9, truth) == items

    @given(st.integers(1, 3000), inside)
    def test_passes_needed_is_the_first_count_whose_lower_bound_clears_the_bar(self, items, bar):
        passes = certify.passes_needed(items, bar)
        if passes <= items:
            assert intervals.wilson(passes, items)[0] >= bar - 1e-9
        assert passes == 0 or intervals.wilson(passes - 1, items)[0] < bar - 1e-9

    @given(st.floats(0.3, 0.97), st.floats(0.02, 0.5), st.sampled_from([1, 7, 10]), st.sampled_from([0.5, 0.8, 0.95]))
    @settings(max_examples=60)
    def test_no_smaller_multiple_has_the_power(self, bar, gap, step, power):
        truth = bar + gap
        assume(truth <= 1.0)
        items = certify.items_to_certify(bar, truth, power, step=step)
        sizes = np.arange(step, items + step, step)
        needed = np.ceil(sizes * bar + critical_z(0.95) * np.sqrt(sizes * bar * (1 - bar)) - 1e-9)
        powers = scipy.stats.binom.sf(needed - 1, sizes, truth)
        assert sizes[powers >= power - 1e-9][0] == items

    def test_no_number_of_items_proves_what_is_not_so(self):
        assert certify.items_to_certify(0.9, 0.9) == inf
        assert certify.items_to_certify(0.9, 0.9001) == inf

    @given(st.integers(1, 2000), inside, shares)
    def test_power_agrees_with_scipy(self, items, bar, truth):
        passes = certify.passes_needed(items, bar)
        theirs = scipy.stats.binom.sf(passes - 1, items, truth)
        assert certify.certify_power(items, bar, truth) == pytest.approx(theirs, abs=1e-9)


class TestSampling:
    @given(st.integers(1, 600), st.text(max_size=20), st.integers(0, 2 ** 32 - 1))
    def test_every_stratum_is_hit_once(self, count, name, seed):
        (column,) = columns([name], count, seed)
        assert sorted(column) == [(k + 0.5) / count for k in range(count)]

    def test_draws_are_the_same_everywhere(self):
        assert [round(8 * u - 0.5) for u in columns(["requests_per_month"], 8)[0]] == [1, 0, 7, 5, 3, 2, 4, 6]
        rows = draws(["requests_per_month", "prompt_tokens"], 8)
        assert list(zip(*rows, strict=True)) == columns(["requests_per_month", "prompt_tokens"], 8)

    def test_a_field_keeps_its_draws_when_others_come_and_go(self):
        alone = [row[0] for row in draws(["a"], 64)]
        assert alone == [row[1] for row in draws(["b", "a", "c"], 64)]
        assert alone != [row[0] for row in draws(["a"], 64, seed=1)]

    def test_fields_of_one_name_move_together_and_others_do_not(self):
        rows = np.array(draws(["x", "x", *(f"field {k}" for k in range(60))], 512))
        assert (rows[:, 0] == rows[:, 1]).all()
        apart = np.corrcoef(rows[:, 1:].T)[np.triu_indices(61, 1)]
        assert np.abs(apart).max() < 5.0 / sqrt(512)
        assert apart.std() == pytest.approx(1 / sqrt(512), rel=0.1)

    def test_no_names_give_empty_draws(self):
        assert draws([], 3) == [(), (), ()]

    @given(st.floats(1e-6, 1e9), st.floats(1, 100), st.floats(1, 100), st.floats(0.001, 0.998))
    def test_the_range_is_the_5th_to_95th_percentile_and_rises(self, value_, down, up, u):
        for low, high in ((value_ / down, value_ * up), (-value_ * down, value_ * up)):
            assert from_range(0.5, low, value_, high) == pytest.approx(value_)
            assert from_range(0.05, low, value_, high) == pytest.approx(low, rel=1e-9)
            assert from_range(0.95, low, value_, high) == pytest.approx(high, rel=1e-9)
            # Neighbours may agree to the last bit.
            assert from_range(u, low, value_, high) <= from_range(u + 0.001, low, value_, high) * (1 + 1e-15) + 1e-300

    @given(st.floats(-1e9, 1e9), st.floats(0.001, 0.999))
    def test_a_range_without_width_gives_its_value(self, value_, u):
        assert from_range(u, value_, value_, value_) == value_
        assert column_from_range([u], value_, value_, value_) == [value_]

    @given(st.floats(-5, 50), st.floats(0, 100), st.floats(0, 100))
    def test_a_column_is_the_same_as_one_by_one(self, low, below, above):
        us = columns(["a"], 32)[0]
        limits = (low, low + below, low + below + above)
        assert column_from_range(us, *limits) == pytest.approx([from_range(u, *limits) for u in us], rel=1e-15)

    def test_a_range_wider_than_floats_ends_in_infinity(self):
        assert from_range(0.999, 1e-300, 1e-300, 1e300) == inf
        assert column_from_range([0.5, 0.999], 1e-300, 1e-300, 1e300) == [1e-300, inf]

    def test_a_positive_range_never_gives_a_negative_number(self):
        assert min(column_from_range(columns(["a"], 4096)[0], 0.001, 5.0, 5.5)) > 0

    @pytest.mark.parametrize("limits", [(2, 1, 3), (1, 3, 2), (float("nan"), 1, 2)])
    def test_a_range_in_the_wrong_order_is_refused(self, limits):
        with pytest.raises(ValueError, match=r"a range needs low <= value <= high, got"):
            from_range(0.5, *limits)

    @given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), shares)
    def test_quantile_agrees_with_numpy(self, numbers, q):
        ordered = sorted(numbers)
        assert quantile(ordered, q) == pytest.approx(float(np.quantile(ordered, q)), rel=1e-9, abs=1e-9)

    def test_quantile_of_infinite_numbers_is_never_undefined(self):
        assert quantile([1.0, inf, inf], 0.75) == inf
        assert quantile([inf, inf], 0.5) == inf
        assert quantile([1.0, 2.0, inf], 0.5) == 2.0

    def test_z_95_is_the_95th_percentile(self):
        assert pytest.approx(normal_quantile(0.95), rel=1e-15) == Z_95

    def test_the_stream_is_normal_enough(self):
        stream = Stream(7)
        sample = [stream.normal() for _ in range(4000)]
        assert scipy.stats.kstest(sample, "norm").pvalue > 0.01

    def test_orders_are_permutations(self):
        assert sorted(Stream(1).order(100)) == list(range(100))
        assert Stream(1).order(100) == Stream(1).order(100) != Stream(2).order(100)


class TestDecay:
    @pytest.mark.parametrize(("half_life", "refresh", "lag", "percent", "digits"), [
        (365, 90, 14, 10.5, 1), (365, 30, 7, 4.1, 1), (365, 1, 0.25, 0.14, 2), (90, 90, 14, 35, 0), (30, 30, 7, 39, 0)])
    def test_worked_stale_shares(self, half_life, refresh, lag, percent, digits):
        assert round(100 * decay.mean_stale_share(half_life, refresh, lag), digits) == percent

    def test_three_facts_go_stale_sooner_than_one(self):
        stale = decay.mean_stale_share(365, 90, 14)
        assert round(100 * decay.any_stale(stale, 3)) == 28

    @given(st.floats(1, 5000), st.floats(0.001, 2000), st.floats(0, 500))
    def test_the_mean_is_the_integral_over_a_cycle(self, half_life, refresh, lag):
        integral, _ = scipy.integrate.quad(lambda t: decay.stale_share(t, half_life), lag, lag + refresh)
        assert decay.mean_stale_share(half_life, refresh, lag) == pytest.approx(integral / refresh, abs=1e-8)

    @given(st.floats(1, 5000), st.floats(0, 2000), st.floats(0, 500))
    def test_waiting_longer_never_freshens(self, half_life, refresh, lag):
        stale = decay.mean_stale_share(half_life, refresh, lag)
        assert 0 <= stale <= 1
        assert stale <= decay.mean_stale_share(half_life, refresh + 1, lag) + 1e-12
        assert stale <= decay.mean_stale_share(half_life, refresh, lag + 1) + 1e-12

class TestLabels:
    def test_agreement_of_92_percent_caps_the_score_near_96(self):
        assert labels.rater_error(0.92) == pytest.approx(0.042, abs=0.0005)
        assert labels.noise_ceiling(0.92) == pytest.approx(0.958, abs=0.0005)

    @given(st.floats(0.0, 0.9), st.integers(2, 50))
    def test_the_rater_error_gives_back_the_agreement(self, part, classes):
        error = part * (1 - 1 / classes)
        agreement = (1 - error) ** 2 + error ** 2 / (classes - 1)
        assert labels.rater_error(agreement, classes) == pytest.approx(error, abs=1e-6)

    def test_a_teacher_wrong_in_10_percent_leaves_64_percent_of_the_labels(self):
        assert labels.effective_labels(1000, 0.1) == pytest.approx(640)

    def test_labels_of_a_model_are_worth_a_part_of_a_persons(self):
        assert labels.mixed_labels(0, 2000, 0.3) == 600

    @pytest.mark.parametrize(("runs", "sigmas"), [(1, 0.0), (2, 0.57), (3, 0.85), (5, 1.16), (10, 1.54)])
    def test_the_best_of_several_runs_flatters(self, runs, sigmas):
        assert labels.best_of(runs) == pytest.approx(sigmas, abs=0.0065)

    @given(st.integers(1, 200))
    @settings(max_examples=20)
    def test_best_of_agrees_with_the_integral(self, runs):
        theirs, _ = scipy.integrate.quad(
            lambda z: z * runs * scipy.stats.norm.pdf(z) * scipy.stats.norm.cdf(z) ** (runs - 1), -10, 10, limit=200)
        assert labels.best_of(runs) == pytest.approx(theirs, abs=1e-8)

    def test_worked_seeds(self):
        assert labels.seeds_needed(0.015, 0.02) == 9
        assert labels.seeds_needed(0.1, 5e-324) == inf
        assert 100 * labels.score_standard_error(0.85, 500, 0.015) == pytest.approx(2.2, abs=0.05)
        assert 100 * labels.score_standard_error(0.85, 500, 0.015, 3) == pytest.approx(1.8, abs=0.05)

    @pytest.mark.parametrize(("items", "points"), [(20, 15.6), (100, 7.0), (500, 3.1)])
    def test_worked_half_widths_of_small_validation_sets(self, items, points):
        assert 100 * critical_z(0.95) * intervals.standard_error(0.85, items) == pytest.approx(points, abs=0.06)

    def test_worked_adapter_capacity(self):
        assert labels.adapter_capacity_tokens(41.9e6) == pytest.approx(84e6, rel=0.005)
        assert labels.adapter_parameters(10e6) == pytest.approx(5e6)


class TestValue:
    def test_worked_break_even_accuracy(self):
        failure = value.failure_cost(40, 0.05, 1000)
        assert failure == pytest.approx(88)
        assert 100 * value.break_even_accuracy(20, failure) == pytest.approx(81.5, abs=0.05)

    @given(st.floats(0.01, 1e4), st.floats(0.01, 1e4), st.floats(1, 1e6))
    def test_nothing_is_earned_at_break_even(self, success, failure, items):
        accuracy = value.break_even_accuracy(success, failure)
        assert abs(value.net_value(items, accuracy, success, failure)) <= 1e-9 * items * (success + failure)

    def test_worked_value_of_accuracy(self):
        assert value.break_even_gain(144_000, 12 * 20_000, 12) == pytest.approx(0.05)

    def test_worked_review_rule(self):
        assert value.review_threshold(1.5, 20, 0.03) == pytest.approx(0.105)
        assert value.automation_bar(0.97, 1.5, 0.02, 20) == pytest.approx(0.896)

    @given(st.floats(0, 120), st.floats(-0.5, 1.0))
    def test_an_annuity_is_the_sum_of_its_months(self, months, rate):
        whole = int(months)
        by_hand = sum((1 + rate) ** (-m / 12) for m in range(1, whole + 1))
        assert value.annuity_months(whole, rate) == pytest.approx(by_hand, rel=1e-6, abs=1e-9)


def test_exp_and_log_stay_in_range_at_the_far_ends():
    assert binomial.pmf(0, 1_000_000, 0.5) == 0.0
    assert binomial.cdf(0, 1_000_000, 1e-6) == pytest.approx(exp(1_000_000 * log(1 - 1e-6)))
