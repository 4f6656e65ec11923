"""A page and the overall decision never contradict each other without saying why."""

from random import Random

import pytest
from conftest import EVERY
from inputs import random_given

from calculator import catalog, engine
from calculator.decisions import fine_tune_or_not as overall
from calculator.faces import agreement, browser
from calculator.verdict import Stance

TOPICS = [name for name in catalog.names() if name != catalog.OVERALL]
A_FEW, SITUATIONS = 72, 240


def situations(name, count):
    """Whole situations: fields of the page and of the overall decision, within their bounds."""
    for seed in range(count):
        random = Random(f"{name} {seed}")
        part = random.choice((0.1, 0.3, 0.7))
        yield random_given(catalog.decision(catalog.OVERALL), random, part) | random_given(
            catalog.decision(name), random, part
        )


@pytest.mark.parametrize("name", TOPICS)
def test_every_topic_says_what_its_answers_mean_for_training(name):
    decision = catalog.decision(name)
    answer = engine.evaluate_point(name, decision, engine.read(decision, {})).verdict.answer
    assert {type(one.stance) for one in type(answer)} == {Stance}
    assert decision.consideration
    assert not decision.consideration.endswith(".")


@EVERY
@pytest.mark.parametrize("name", TOPICS)
def test_no_page_contradicts_the_overall_decision_without_its_reason(name, every):
    decision = catalog.decision(name)
    for given in situations(name, (SITUATIONS if every else A_FEW) // len(TOPICS) + 1):
        report = engine.evaluate_point(name, decision, engine.read(decision, catalog.own_part(name, given)))
        found = agreement.agreement(report, given)
        trains = found.answer in overall.TRAINED
        stance = report.verdict.answer.stance
        contradicts = stance is not Stance.OPEN and (stance is Stance.TRAIN) != trains
        assert contradicts != found.agrees
        assert bool(found.reason) == contradicts
        if contradicts:
            assert decision.consideration in found.reason


def test_the_overall_answer_is_the_overall_decisions_own():
    name = "real_time_updates"
    decision = catalog.decision(name)
    given = {"fact_half_life_days": "2", "requests_per_month": "500k"}
    report = engine.evaluate_point(name, decision, engine.read(decision, given))
    whole = catalog.decision(catalog.OVERALL)
    wanted = engine.evaluate_point(catalog.OVERALL, whole, engine.read(whole, given)).verdict.answer
    assert agreement.agreement(report, given).answer == wanted
    assert str(wanted) in agreement.words(report, given)


EDITED = (
    ({"requests_per_month": "900k", "prompted_accuracy_share": "62%", "task": "sql"}, ""),
    ({"labelled_examples": "4000", "failure_usd": "2", "gpus": "4"}, "news-bot"),
)


@pytest.mark.parametrize("name", TOPICS)
@pytest.mark.parametrize(("given", "preset"), EDITED)
def test_every_page_prints_the_overall_answer_of_decide_for_the_readers_own_situation(name, given, preset):
    own, _ = browser.merge(name, given, preset)
    whole, _ = browser.merge(catalog.OVERALL, given, preset)
    decide = engine.evaluate_point(
        catalog.OVERALL, catalog.decision(catalog.OVERALL), engine.read(catalog.decision(catalog.OVERALL), whole)
    )
    page = engine.evaluate_point(name, catalog.decision(name), engine.read(catalog.decision(name), own))
    said = agreement.words(page, browser.whole_situation(given, preset))
    assert f": {decide.verdict.answer}." in said


def test_a_situation_that_cannot_be_read_is_passed_over():
    name = "real_time_updates"
    decision = catalog.decision(name)
    report = engine.evaluate_point(name, decision, engine.read(decision, {}))
    assert agreement.words(report, {"prompted_accuracy_share": "high"}) == ""
