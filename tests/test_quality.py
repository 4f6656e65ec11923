"""The quality model: its laws, its fit, its probabilities."""

import json
import random
from dataclasses import asdict, replace
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inputs import random_given, random_value

from calculator import catalog, engine
from calculator.cases import LEVELS, OPTIONS, TASK_TYPES, TRAINED, Case, Measured, Situation, cases, read_data
from calculator.cases import fit as fitting
from calculator.cases.quality import (
    LABELS_PER_CLASS,
    PIVOT,
    RETRIEVAL_FLOOR_POINTS,
    chance_of_training,
    coefficients,
    draw,
    expected,
    gains,
    p_best,
)
from calculator.decisions import fine_tune_or_not
from calculator.evaluation import cases as validation
from calculator.fields import fields_of

MAYBE = st.one_of
SITUATIONS = st.builds(
    Situation,
    task_type=MAYBE(st.none(), st.sampled_from(sorted(TASK_TYPES))),
    domain_specialisation=MAYBE(st.none(), st.sampled_from(LEVELS)),
    n_train_examples=MAYBE(st.none(), st.integers(0, 10**8)),
    n_classes=MAYBE(st.none(), st.integers(2, 10**5)),
    baseline_prompted_score_01=MAYBE(st.none(), st.floats(0, 1)),
    knowledge_changes_often=MAYBE(st.none(), st.booleans(), st.floats(0, 1)),
    output_format_strictness=MAYBE(st.none(), st.sampled_from(LEVELS)),
    multi_turn_or_long_context=MAYBE(st.none(), st.booleans()),
    year=MAYBE(st.none(), st.integers(2018, 2035)),
    baseline_is_engineered=MAYBE(st.none(), st.booleans()),
)
NORMALS = st.fixed_dictionaries(
    {name: st.floats(-4, 4) for name in ("slope", "training", "retrieval", *OPTIONS)},
)
UNTRAINED = [option for option in OPTIONS if option not in TRAINED]
NAMES = ("slope", "training", "retrieval", *OPTIONS)


def _lead(values):
    """How far the best trained option is ahead of the best untrained one."""
    return max(values[option] for option in TRAINED) - max(values[option] for option in UNTRAINED)


def _means(situation):
    return {option: gain.mean for option, gain in gains(situation).items()}


@given(SITUATIONS, st.integers(0, 10**7), st.integers(1, 10**7), NORMALS)
def test_more_labels_never_lower_the_lead_of_training(situation, labels, more, normals):
    few = replace(situation, n_train_examples=labels)
    many = replace(situation, n_train_examples=labels + more)
    assert _lead(_means(many)) >= _lead(_means(few)) - 1e-9
    assert _lead(draw(many, gains(many), normals)) >= _lead(draw(few, gains(few), normals)) - 1e-9


@given(SITUATIONS, st.floats(0, 1), st.floats(0, 1), NORMALS)
def test_changing_facts_never_raise_the_lead_of_training(situation, one, other, normals):
    slow = replace(situation, knowledge_changes_often=min(one, other))
    fast = replace(situation, knowledge_changes_often=max(one, other))
    assert _lead(_means(fast)) <= _lead(_means(slow)) + 1e-9
    assert _lead(draw(fast, gains(fast), normals)) <= _lead(draw(slow, gains(slow), normals)) + 1e-9


@given(SITUATIONS, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_baseline_never_raises_the_lead_of_training(situation, one, other):
    low = replace(situation, baseline_prompted_score_01=min(one, other))
    high = replace(situation, baseline_prompted_score_01=max(one, other))
    assert _lead(_means(high)) <= _lead(_means(low)) + 1e-9


@given(SITUATIONS, st.floats(0, 1), st.floats(0, 1), NORMALS)
def test_in_every_draw_a_higher_baseline_never_raises_training_against_prompts_or_retrieval(
    situation, one, other, normals
):
    low = replace(situation, baseline_prompted_score_01=min(one, other))
    high = replace(situation, baseline_prompted_score_01=max(one, other))
    before, after = draw(low, gains(low), normals), draw(high, gains(high), normals)
    for trained in ("ft_small", "ft_large", "ft_plus_rag"):
        for untrained in ("as_is", "prompting", "few_shot", "rag"):
            assert after[trained] - after[untrained] <= before[trained] - before[untrained] + 1e-9


@settings(max_examples=60, deadline=None)
@given(SITUATIONS, st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**6), st.integers(1, 10**6))
def test_the_chance_of_training_obeys_the_same_laws(situation, one, other, labels, more):
    def chance(**changes):
        return chance_of_training(p_best(replace(situation, **changes)))

    low, high = min(one, other), max(one, other)
    assert chance(n_train_examples=labels + more) >= chance(n_train_examples=labels) - 1e-9
    assert chance(knowledge_changes_often=high) <= chance(knowledge_changes_often=low) + 1e-9
    # A small model's own noise is not tied to the slope's, so that a draw or two in a hundred may go the other way.
    assert chance(baseline_prompted_score_01=high) <= chance(baseline_prompted_score_01=low) + 0.02


@given(SITUATIONS)
def test_every_situation_gives_finite_scores_from_zero_to_one(situation):
    found = expected(situation)
    assert set(found) == set(OPTIONS)
    for mean, spread in found.values():
        assert 0.0 <= mean <= 1.0
        assert isfinite(spread)
        assert spread >= 0.0


@settings(max_examples=30, deadline=None)
@given(SITUATIONS, st.sets(st.sampled_from(sorted(OPTIONS)), min_size=1))
def test_chances_are_a_distribution_over_the_options_asked_for(situation, options):
    chances = p_best(situation, sorted(options))
    assert set(chances) == options
    assert sum(chances.values()) == pytest.approx(1.0)


def test_chances_agree_with_plain_random_draws():
    stream = random.Random(7)
    for case in cases()[::12]:
        situation = case.situation
        gained, chances = gains(situation), p_best(situation)
        won = dict.fromkeys(OPTIONS, 0.0)
        for _ in range(3000):
            drawn = draw(situation, gained, {name: stream.gauss(0, 1) for name in NAMES})
            top = max(drawn.values())
            winners = [option for option, value in drawn.items() if value == top]
            for option in winners:
                won[option] += 1 / len(winners) / 3000
        assert won == pytest.approx(chances, abs=0.05)


def test_draws_have_the_stated_spread():
    situation = Situation(task_type="tool_use", baseline_prompted_score_01=0.7)
    gained = gains(situation)
    stream = random.Random(3)
    draws = [draw(situation, gained, {name: stream.gauss(0, 1) for name in NAMES}) for _ in range(6000)]
    for option, (mean, spread) in gained.items():
        values = [one[option] for one in draws]
        middle = sum(values) / len(values)
        assert middle == pytest.approx(mean, abs=0.006)
        deviation = (sum((value - middle) ** 2 for value in values) / len(values)) ** 0.5
        assert deviation == pytest.approx(spread, rel=0.06, abs=1e-9)


def test_a_draw_without_noise_is_the_mean():
    situation = Situation(task_type="sql", baseline_prompted_score_01=0.5)
    gained = gains(situation)
    assert draw(situation, gained, {}) == {option: gain.mean for option, gain in gained.items()}


def test_the_given_baseline_is_the_score_of_the_option_that_reached_it():
    plain = Situation(baseline_prompted_score_01=0.7, baseline_is_engineered=False)
    worked = replace(plain, baseline_is_engineered=True)
    assert expected(plain)["as_is"] == (0.7, 0.0)
    assert expected(plain)["prompting"].mean > 0.7
    assert expected(worked)["prompting"] == (0.7, 0.0)
    assert expected(worked)["as_is"].mean < 0.7


def test_a_worked_prompt_among_the_options_means_that_the_baseline_is_its_score():
    situation = Situation(baseline_prompted_score_01=0.7)
    assert expected(situation, ("as_is", "ft_small"))["as_is"] == (0.7, 0.0)
    assert expected(situation, ("as_is", "few_shot", "ft_small"))["few_shot"] == (0.7, 0.0)
    plain = expected(situation, ("as_is", "ft_small"))["ft_small"].mean
    assert expected(situation, ("few_shot", "ft_small"))["ft_small"].mean < plain


def test_a_small_model_has_the_baseline_when_it_beats_the_large_one_or_stands_alone():
    beaten = Situation(baseline_prompted_score_01=0.6, baseline_large_prompted_score_01=0.5)
    found = expected(beaten, ("as_is", "slm_prompted", "ft_small"))
    assert found["slm_prompted"] == (0.6, 0.0)
    assert found["as_is"].mean == pytest.approx(0.5)
    alone = Situation(baseline_prompted_score_01=0.6)
    assert expected(alone, ("slm_prompted", "rag"))["slm_prompted"] == (0.6, 0.0)
    assert expected(alone, ("as_is", "slm_prompted"))["slm_prompted"].mean < 0.6


def test_an_unknown_baseline_is_typical_and_widens_every_spread():
    known, unknown = expected(Situation(baseline_prompted_score_01=PIVOT)), expected(Situation())
    for option in OPTIONS:
        assert unknown[option].mean == pytest.approx(known[option].mean)
        assert unknown[option].spread > known[option].spread + 0.05


def test_labels_per_class_decide_between_tuning_and_examples_in_the_prompt():
    def lead(labels):
        situation = Situation(
            task_type="classification", n_classes=50, n_train_examples=labels, baseline_prompted_score_01=0.8
        )
        found = gains(situation, ("few_shot", "ft_small"))
        return found["ft_small"].mean - found["few_shot"].mean

    assert lead(50 * LABELS_PER_CLASS / 10) < 0.0 < lead(50 * LABELS_PER_CLASS * 10)


def test_retrieval_leads_where_answers_need_facts_that_change():
    situation = Situation(task_type="qa_knowledge", knowledge_changes_often=True, baseline_prompted_score_01=0.5)
    chances = p_best(situation, ("as_is", "ft_small", "rag", "continued_pretraining"))
    assert chances["rag"] > 0.9


def test_retrieval_that_does_not_help_costs_little():
    found = gains(Situation(task_type="translation", baseline_prompted_score_01=0.95))
    assert found["rag"].mean == pytest.approx(RETRIEVAL_FLOOR_POINTS / 100)


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(KeyError, match="magic"):
        expected(Situation(), ("as_is", "magic"))


def test_a_refit_gives_the_stored_coefficients():
    made, stored = json.loads(validation.stored()), json.loads(read_data("coefficients.json"))
    assert made.pop("coefficients") == pytest.approx(stored.pop("coefficients"), abs=1e-5)
    assert made == stored


def test_the_bounds_that_the_laws_need_hold_for_the_stored_coefficients():
    stored = asdict(coefficients())
    for name, (low, high) in fitting.BOUNDS.items():
        assert low <= stored[name] <= high
    assert stored["both"] < 0.0


def _made(count, *, slope, trained, seed):
    """Cases, each of its own source, that obey a law but for noise of five points."""
    stream = random.Random(seed)
    made = []
    for k in range(count):
        baseline = stream.uniform(0.1, 0.95)
        gain = slope * (baseline - PIVOT) + trained + stream.gauss(0, 5)
        made.append(
            Case(
                id=str(k),
                title="made",
                source_group=f"source {k}",
                source="made",
                url="",
                locator="",
                evidence="",
                verified=True,
                suspect=False,
                caveat="",
                cost="",
                situation=Situation(
                    task_type="reasoning",
                    n_train_examples=999,
                    baseline_prompted_score_01=baseline,
                    baseline_large_prompted_score_01=baseline,
                    year=2024,
                ),
                metric="made",
                top_score=100,
                measured=(
                    Measured(option="as_is", model="", params_b=None, score=100 * baseline),
                    Measured(option="ft_small", model="", params_b=None, score=100 * baseline + gain),
                ),
                winner="ft_small",
                margin_points=1.0,
                within_2_points=("ft_small",),
            )
        )
    return made


def test_a_fit_finds_the_law_that_made_the_cases():
    fitted = fitting.fit(_made(120, slope=-30.0, trained=12.0, seed=5))
    assert fitted.slope == pytest.approx(-30.0, abs=4.0)
    assert fitted.trained == pytest.approx(12.0, abs=2.0)
    assert fitted.spread_trained + fitted.spread_slope == pytest.approx(5.0, abs=2.0)


def test_a_fit_holds_coefficients_within_their_bounds():
    fitted = fitting.fit(_made(60, slope=40.0, trained=0.0, seed=6))
    assert fitted.slope == fitting.BOUNDS["slope"][1]


def test_cases_of_one_source_weigh_less_each_than_a_case_alone():
    weights = fitting.weights(cases())
    assert weights["lawma-260-legal-tasks"] == 1.0
    assert weights["codes-spider"] == pytest.approx(3**-0.5)


def test_a_term_that_is_left_out_is_zero():
    fitted = fitting.fit(cases(), terms=("trained_labels",), spreads=False)
    assert fitted.trained_labels > 0.0
    assert fitted.trained_structured == fitted.trained_knowledge == fitted.trained_year == 0.0


def test_a_fit_on_nothing_says_so():
    with pytest.raises(ValueError, match="cases: none has a baseline"):
        fitting.fit([case for case in cases() if case.suspect])


def test_suspect_cases_do_not_move_the_fit():
    clean = [case for case in cases() if not case.suspect]
    assert fitting.fit(clean, spreads=False) == fitting.fit(cases(), spreads=False)


def test_nine_in_ten_left_out_scores_lie_within_the_ninety_per_cent_range():
    inside = total = 0
    for group in sorted({case.source_group for case in cases()}):
        left_out = fitting.fit([case for case in cases() if case.source_group != group])
        for case in cases():
            if case.source_group == group and fitting.usable(case):
                found = gains(case.situation, case.options, left_out)
                for option, points in fitting.gained_points(case).items():
                    if option in ("ft_small", "ft_large", "rag", "ft_plus_rag"):
                        total += 1
                        inside += abs(points / 100 - found[option].mean) <= 1.645 * found[option].spread
    assert total > 130
    assert 0.82 <= inside / total <= 0.98


KEPT = [
    (fine_tune_or_not.published, fine_tune_or_not.PUBLISHED_FROM),
    (fine_tune_or_not.gains, fine_tune_or_not.GAINS_FROM),
    (fine_tune_or_not.serving_usd_per_request, fine_tune_or_not.SERVING_FROM),
]


@pytest.mark.parametrize(("sums", "names"), KEPT)
@given(seed=st.integers(0, 2**32))
def test_what_the_overall_decision_keeps_follows_from_the_inputs_that_it_is_kept_by(sums, names, seed):
    random_inputs = random.Random(seed)
    decision = catalog.decision("fine_tune_or_not")
    specs = fields_of(decision.Inputs)
    inputs = engine.read(decision, random_given(decision, random_inputs)).inputs
    others = [name for name, spec in specs.items() if name not in names and spec.kind != "paste"]
    changed = replace(inputs, **{name: random_value(specs[name], random_inputs) for name in others})
    assert sums.__wrapped__(changed) == sums(inputs)
