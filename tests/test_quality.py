"""The quality model: its laws, its fit, its probabilities."""

import json
import math
import random
from dataclasses import asdict, replace
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inputs import random_given, random_value

from calculator import catalog, engine
from calculator.cases import (
    LEVELS,
    MAKER,
    NEUTRAL,
    OPTIONS,
    TASK_TYPES,
    UNKNOWN,
    Case,
    Measured,
    Situation,
    cases,
    read_data,
)
from calculator.cases import fit as fitting
from calculator.cases.quality import (
    LABELS_PER_CLASS,
    MARGIN,
    PIVOT,
    coefficients,
    draw,
    expected,
    gains,
    latents,
    p_best,
    scaled,
    unscaled,
)
from calculator.decisions import fine_tune_or_not
from calculator.evaluation import cases as validation
from calculator.fields import Paste, fields_of

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
    tuned_arm_by=MAYBE(st.none(), st.sampled_from((MAKER, NEUTRAL, UNKNOWN))),
    larger_model_labels=MAYBE(st.none(), st.booleans()),
)
NAMES = ("training", "retrieval", *OPTIONS)
NORMALS = st.fixed_dictionaries({name: st.floats(-4, 4) for name in NAMES})
BUILT = ("rag", "ft_small", "ft_large", "ft_plus_rag")


def _means(situation):
    return {option: gain.mean for option, gain in gains(situation).items()}


@given(st.floats(0, 1))
def test_the_scale_is_the_log_odds_of_a_score_drawn_in_and_comes_back(score):
    assert unscaled(scaled(score)) == pytest.approx(score, abs=1e-12)
    assert scaled(0.5) == 0.0
    assert scaled(1.0) == pytest.approx(-scaled(0.0)) == pytest.approx(math.log((1 - MARGIN) / MARGIN))


@given(SITUATIONS, st.integers(0, 10**7), st.integers(1, 10**7), NORMALS)
def test_more_labels_never_lower_training(situation, labels, more, normals):
    few = replace(situation, n_train_examples=labels)
    many = replace(situation, n_train_examples=labels + more)
    for option in ("ft_small", "ft_large"):
        assert _means(many)[option] >= _means(few)[option] - 1e-9
        assert draw(many, OPTIONS, normals)[option] >= draw(few, OPTIONS, normals)[option] - 1e-9


@given(SITUATIONS, st.floats(0, 1), st.floats(0, 1), NORMALS)
def test_changing_facts_never_lower_retrieval_nor_move_training(situation, one, other, normals):
    steady = replace(situation, knowledge_changes_often=min(one, other))
    changing = replace(situation, knowledge_changes_often=max(one, other))
    assert _means(changing)["rag"] >= _means(steady)["rag"] - 1e-9
    assert draw(changing, OPTIONS, normals)["rag"] >= draw(steady, OPTIONS, normals)["rag"] - 1e-9
    assert _means(changing)["ft_small"] == _means(steady)["ft_small"]


@given(SITUATIONS, st.floats(0, 1), st.floats(0, 1), NORMALS)
def test_no_expected_score_falls_as_the_prompted_baseline_rises_nor_exceeds_what_was_seen(
    situation, one, other, normals
):
    weak = replace(situation, baseline_prompted_score_01=min(one, other), baseline_large_prompted_score_01=None)
    strong = replace(weak, baseline_prompted_score_01=max(one, other))
    below, above = expected(weak), expected(strong)
    low, high = draw(weak, OPTIONS, normals), draw(strong, OPTIONS, normals)
    for option in OPTIONS:
        assert above[option].mean >= below[option].mean - 1e-9
        assert max(one, other) + high[option] >= min(one, other) + low[option] - 1e-9
    for option in BUILT:
        assert above[option].mean <= coefficients().highest_score + 1e-9
        assert max(one, other) + high[option] <= coefficients().highest_score + 1e-9


@given(SITUATIONS, st.floats(0, 1), st.floats(0, 1))
def test_on_the_scale_of_the_comparisons_a_higher_baseline_never_raises_the_lead_over_prompts(situation, one, other):
    weak = replace(situation, baseline_prompted_score_01=min(one, other), baseline_large_prompted_score_01=None)
    strong = replace(weak, baseline_prompted_score_01=max(one, other))
    for option in ("ft_small", "ft_large", "rag"):
        assert latents(strong)[option].mean <= latents(weak)[option].mean + 1e-9
    options = ("prompting", "ft_small")
    assert p_best(strong, options)["ft_small"] <= p_best(weak, options)["ft_small"]


@given(SITUATIONS)
def test_a_makers_table_shows_training_ahead_more_often_than_a_neutral_one(situation):
    options = ("prompting", "ft_small")
    neutral, unknown, maker = (
        p_best(replace(situation, tuned_arm_by=who), options)["ft_small"] for who in (NEUTRAL, None, MAKER)
    )
    assert neutral <= unknown <= maker
    assert p_best(replace(situation, tuned_arm_by=UNKNOWN), options)["ft_small"] == unknown


@given(SITUATIONS, st.integers(0, 10**7))
def test_where_a_larger_model_may_label_few_labels_are_no_limit(situation, labels):
    alone = replace(situation, n_train_examples=labels, larger_model_labels=False)
    helped = replace(alone, larger_model_labels=True)
    assert _means(helped)["ft_small"] >= _means(alone)["ft_small"] - 1e-9


def test_where_little_is_known_the_chance_of_training_is_near_one_half():
    chances = p_best(Situation(), ("prompting", "ft_small"))
    assert 0.3 <= chances["ft_small"] <= 0.7


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
    situation = Situation(task_type="qa_knowledge", baseline_prompted_score_01=0.6, knowledge_changes_often=True)
    options = ("prompting", "rag", "ft_small", "ft_plus_rag")
    stream = random.Random(7)
    won = dict.fromkeys(options, 0)
    for _ in range(20_000):
        drawn = draw(situation, options, {name: stream.gauss(0, 1) for name in NAMES})
        won[max(drawn, key=drawn.get)] += 1
    for option, chance in p_best(situation, options).items():
        assert chance == pytest.approx(won[option] / 20_000, abs=0.03)


def test_the_mean_and_the_spread_are_those_of_the_draws():
    situation = Situation(task_type="extraction", baseline_prompted_score_01=0.6, year=2025)
    stream = random.Random(3)
    drawn = [draw(situation, OPTIONS, {name: stream.gauss(0, 1) for name in NAMES}) for _ in range(20_000)]
    for option, (mean, spread) in gains(situation).items():
        values = [one[option] for one in drawn]
        middle = sum(values) / len(values)
        assert middle == pytest.approx(mean, abs=0.012), option
        deviation = (sum((value - middle) ** 2 for value in values) / len(values)) ** 0.5
        assert deviation == pytest.approx(spread, rel=0.08, abs=1e-9), option


def test_the_given_baseline_is_the_score_of_the_option_that_reached_it():
    situation = Situation(baseline_prompted_score_01=0.71, baseline_large_prompted_score_01=0.71)
    assert expected(situation, ("as_is", "ft_small"))["as_is"] == (0.71, 0.0)
    assert expected(situation, ("as_is", "prompting"))["prompting"] == (0.71, 0.0)


def test_a_worked_prompt_among_the_options_means_that_the_baseline_is_its_score():
    situation = Situation(baseline_prompted_score_01=0.7)
    found = expected(situation, ("as_is", "few_shot"))
    assert found["few_shot"].mean == 0.7
    assert found["as_is"].mean < 0.7


def test_a_small_model_has_the_baseline_when_it_beats_the_large_one_or_stands_alone():
    alone = Situation(baseline_prompted_score_01=0.5)
    assert expected(alone, ("slm_prompted", "ft_small"))["slm_prompted"] == (0.5, 0.0)
    ahead = Situation(baseline_prompted_score_01=0.6, baseline_large_prompted_score_01=0.5)
    found = expected(ahead, ("slm_prompted", "as_is"))
    assert found["slm_prompted"].mean == 0.6
    assert found["as_is"].mean == pytest.approx(0.5)


def test_an_unknown_baseline_is_typical_and_widens_every_spread():
    known, unknown = Situation(baseline_prompted_score_01=0.65), Situation()
    for option, one in expected(unknown).items():
        assert one.mean == pytest.approx(expected(known)[option].mean)
        assert one.spread > expected(known)[option].spread


def test_labels_per_class_decide_between_tuning_and_examples_in_the_prompt():
    def lead(labels):
        situation = Situation(
            task_type="classification", n_classes=50, n_train_examples=labels, baseline_prompted_score_01=0.8
        )
        found = gains(situation, ("few_shot", "ft_small"))
        return found["ft_small"].mean - found["few_shot"].mean

    assert lead(50 * LABELS_PER_CLASS / 10) < 0.0 < lead(50 * LABELS_PER_CLASS * 10)


def test_retrieval_leads_where_answers_need_facts_that_change_and_a_document_that_fits_needs_none():
    facts = Situation(task_type="qa_knowledge", baseline_prompted_score_01=0.5, knowledge_changes_often=True)
    assert max(_means(facts), key=_means(facts).get) in ("rag", "ft_plus_rag")
    steady = replace(facts, knowledge_changes_often=False, baseline_prompted_score_01=0.78)
    fits = replace(steady, multi_turn_or_long_context=True)
    assert _means(fits)["rag"] < 0.0 < _means(steady)["rag"]


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


def _made(count, *, slope, trained, seed):
    """Cases, each of its own source, that obey a law on the scale of the model but for noise of a quarter of it."""
    stream = random.Random(seed)
    made = []
    for k in range(count):
        baseline = stream.uniform(0.1, 0.95)
        z = scaled(baseline)
        tuned = unscaled(z + slope * (z - PIVOT) + trained + stream.gauss(0, 0.25))
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
                    tuned_arm_by=NEUTRAL,
                ),
                metric="made",
                top_score=100,
                measured=(
                    Measured(option="as_is", model="", params_b=None, score=100 * baseline),
                    Measured(option="ft_small", model="", params_b=None, score=100 * tuned),
                ),
                winner="ft_small",
                margin_points=1.0,
                within_2_points=("ft_small",),
            )
        )
    return made


def test_a_fit_finds_the_law_that_made_the_cases():
    fitted = fitting.fit(_made(150, slope=-0.4, trained=0.7, seed=5))
    assert fitted.slope_trained == pytest.approx(-0.4, abs=0.05)
    assert fitted.trained == pytest.approx(0.7, abs=0.1)
    assert (fitted.spread_training**2 + fitted.spread_tuned**2) ** 0.5 == pytest.approx(0.25, abs=0.1)


def test_a_fit_holds_coefficients_within_their_bounds():
    fitted = fitting.fit(_made(60, slope=0.6, trained=0.0, seed=6))
    assert fitted.slope_trained == fitting.BOUNDS["slope_trained"][1]


def test_ten_comparisons_of_one_source_teach_less_than_of_ten_sources():
    apart = _made(10, slope=0.0, trained=1.5, seed=8)
    together = [replace(case, source_group="one") for case in apart]
    assert fitting.fit(apart).trained > fitting.fit(together).trained


def test_cases_of_one_source_weigh_less_each_than_a_case_alone():
    weights = fitting.weights(cases())
    assert weights["lawma-260-legal-tasks"] == 1.0
    assert weights["codes-spider"] == pytest.approx(3**-0.5)


def test_a_fit_on_nothing_says_so():
    with pytest.raises(ValueError, match="cases: none has a baseline"):
        fitting.fit([case for case in cases() if case.suspect])


def test_suspect_cases_do_not_move_the_fit():
    clean = [case for case in cases() if not case.suspect]
    assert fitting.fit(clean) == fitting.fit(cases())


def test_nine_in_ten_left_out_gains_lie_within_the_ninety_per_cent_range():
    missed = []
    for group in sorted({case.source_group for case in cases()}):
        left_out = fitting.fit([case for case in cases() if case.source_group != group], coefficients())
        for case in cases():
            if case.source_group == group and fitting.usable(case):
                points = fitting.gained(case)
                for option, latent in latents(case.situation, case.options, left_out).items():
                    if option != "ft_plus_rag" and option in points and (latent.shared or latent.own):
                        missed.append((points[option] - latent.mean) / math.hypot(latent.shared, latent.own))
    assert len(missed) > 200
    assert 0.84 <= sum(abs(miss) <= 1.645 for miss in missed) / len(missed) <= 0.98


SUMS = [
    (fine_tune_or_not.published, fine_tune_or_not.PUBLISHED_FROM),
    (fine_tune_or_not.published_of_training, fine_tune_or_not.TRAINING_FROM),
    (fine_tune_or_not.published_of_retrieval, fine_tune_or_not.RETRIEVAL_FROM),
    (fine_tune_or_not.beliefs, fine_tune_or_not.BELIEFS_FROM),
    (fine_tune_or_not.serving_usd_per_request, fine_tune_or_not.SERVING_FROM),
    (fine_tune_or_not.shut_out, fine_tune_or_not.GATES_FROM),
    (fine_tune_or_not._rollout_usd, fine_tune_or_not.ROLLOUTS_FROM),
]


@pytest.mark.parametrize(("sums", "names"), SUMS)
@given(seed=st.integers(0, 2**32))
def test_the_sums_of_the_overall_decision_follow_from_the_inputs_that_they_are_said_to_follow_from(sums, names, seed):
    random_inputs = random.Random(seed)
    decision = catalog.decision("fine_tune_or_not")
    specs = fields_of(decision.Inputs)
    inputs = engine.read(decision, random_given(decision, random_inputs)).inputs
    others = [name for name, spec in specs.items() if name not in names and not isinstance(spec, Paste)]
    changed = replace(inputs, **{name: random_value(specs[name], random_inputs) for name in others})
    # Past what is kept, where something is.
    assert getattr(sums, "__wrapped__", sums)(changed) == sums(inputs)
