"""The overall decision: what it promises of its verdicts, its worths and its beliefs."""

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from math import sqrt
from pathlib import Path
from random import Random
from statistics import mean

import pytest
from conftest import EVERY
from hypothesis import given
from hypothesis import strategies as st

from calculator import catalog, engine, presets
from calculator.cases import cases
from calculator.cases.nearest import nearest
from calculator.decisions import _overall_exhibits
from calculator.decisions import fine_tune_or_not as overall
from calculator.facts.assumptions import assumption
from calculator.fields import Paste, Pick, fields_of
from calculator.stats.sampling import quantile
from tests import laws
from tests.inputs import random_value

NAME = "fine_tune_or_not"
DECISION = catalog.decision(NAME)
INDEX = (Path(__file__).parent.parent / "docs" / "index.md").read_text("utf-8")
FRONT = tomllib.loads(next(line for line in INDEX.splitlines() if line.startswith("show = ")))["show"]


def inputs_of(given):
    return engine.read(DECISION, given).inputs


def of_preset(name):
    return {k: v for k, v in presets.preset(name).situation.items() if k in DECISION.Inputs.__dataclass_fields__}


@pytest.mark.parametrize("promise", laws.PROMISES)
@pytest.mark.parametrize("name", ["", *presets.NAMES])
def test_a_promise_is_kept_in_every_preset(promise, name):
    assert not laws.PROMISES[promise](of_preset(name) if name else {})


@EVERY
@pytest.mark.parametrize(("promise", "count"), [*zip(laws.PROMISES, (200, 500, 200, 500), strict=True)])
def test_a_promise_is_kept_in_hundreds_of_random_situations(promise, count, every):
    assert laws.try_promise((promise, 0, count if every else count // 4)) == []


@pytest.mark.parametrize("name", presets.NAMES)
def test_no_preset_loses_money_in_silence(name):
    report = engine.evaluate_point(NAME, DECISION, engine.read(DECISION, of_preset(name)))
    found = overall.options(report.reading.inputs)
    if found[overall.Answer.KEEP].mean_usd <= 0.0:
        assert report.verdict.answer != overall.Answer.KEEP
        assert any(reason.startswith("What you have loses $") for reason in report.verdict.reasons)
    assert found[report.verdict.answer].worth_usd >= 0.0


@pytest.mark.parametrize("field", FRONT)
def test_every_question_of_the_front_page_changes_the_answer_from_the_default_at_some_plausible_value(field):
    here = DECISION.choose(inputs_of({}), overall.compute(inputs_of({})))
    spec = fields_of(DECISION.Inputs)[field]
    if isinstance(spec, Pick):
        values = [value for value, _ in spec.options]
    elif spec.unit.percent:
        values = [k / 50 for k in range(5, 50)]
    else:
        default = getattr(inputs_of({}), field)
        values = [default * 10**power for power in (-4, -3, -2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2)]
        values = [float(round(v)) if spec.whole else v for v in values if spec.low <= v <= spec.high]
    answers = {DECISION.choose(i, overall.compute(i)) for i in (inputs_of({field: value}) for value in values)}
    assert answers - {here}


def test_more_test_items_narrow_a_belief_and_a_large_pilot_decides():
    few, many = (
        overall.beliefs(inputs_of({"encoder_accuracy_share": 0.9, "encoder_items": items})) for items in (50, 5_000)
    )
    assert many[overall._ENCODER].spread < few[overall._ENCODER].spread
    assert many[overall._ENCODER].mean == pytest.approx(0.9, abs=0.005)


def test_one_tuned_model_that_is_measured_moves_the_others_by_what_they_share():
    before = overall.beliefs(inputs_of({}))
    after = overall.beliefs(inputs_of({"tuned_small_accuracy_share": 0.9, "tuned_small_items": 1_000}))
    moved = after[overall._TUNE_LARGE].mean - before[overall._TUNE_LARGE].mean
    assert 0.0 < moved < after[overall._TUNE_SMALL].mean - before[overall._TUNE_SMALL].mean


def test_a_cascade_asks_the_small_model_that_was_measured():
    cascades = [
        overall.beliefs(inputs_of({"small_accuracy_share": score, "small_items": 5_000}))[overall._CASCADE]
        for score in (0.3, 0.95)
    ]
    unmeasured = overall.beliefs(inputs_of({}))[overall._CASCADE]
    assert cascades[0].mean < unmeasured.mean < cascades[1].mean
    assert cascades[1].mean > 0.95
    assert all(cascade.spread < unmeasured.spread for cascade in cascades)


def test_what_topic_pages_find_flows_in():
    base = overall.beliefs(inputs_of({}))
    pilots = overall.beliefs(inputs_of({"pilot_scores": "500 70% 500\n1000 80% 500\n2000 85% 500"}))
    assert pilots[overall._TUNE_SMALL].mean > base[overall._TUNE_SMALL].mean
    tried = overall.beliefs(inputs_of({"candidates": "3, 70%\n8, 84%"}))
    assert tried[overall._SMALL].mean > base[overall._SMALL].mean
    talk = {"conversation_turns": 10, "failure": "it loses the thread"}
    assert overall.beliefs(inputs_of(talk))[overall._PROMPT].mean > base[overall._PROMPT].mean
    passages = {"closed_book_accuracy_share": 0.7, "gold_passage_accuracy_share": 0.97}
    assert overall.beliefs(inputs_of(passages))[overall._RETRIEVE].mean > base[overall._RETRIEVE].mean


def test_pairs_are_read_by_line_and_refused_by_line():
    inputs = inputs_of({"paired_counts": "tuned small 40 6\nencoder, 3, 30"})
    base, found = overall.beliefs(inputs_of({})), overall.beliefs(inputs)
    assert found[overall._TUNE_SMALL].mean > base[overall._TUNE_SMALL].mean
    assert found[overall._ENCODER].mean < base[overall._ENCODER].mean
    reading = engine.read(DECISION, {"paired_counts": "my model 4 2"})
    assert "line 1" in reading.problems[0].message


def test_with_every_gate_shut_the_page_names_the_gate_to_open():
    report = engine.evaluate_point(NAME, DECISION, engine.read(DECISION, {"latency_ms": 100}))
    assert report.verdict.answer == overall.Answer.PEOPLE
    assert "too late" in report.verdict.headline


def situations(count):
    """Random situations with the report of their point result, as at the stated values."""
    for seed in range(count):
        inputs = inputs_of(laws.overall_situation(seed))
        outputs = overall.compute(inputs)
        yield inputs, outputs, overall.judge(inputs, outputs)


def test_a_shut_gate_says_which_it_is_and_what_opening_it_takes_and_keep_names_what_would_change_it():
    shut, kept = set(), set()
    for inputs, outputs, verdict in situations(500):
        found = overall.options(inputs)
        for answer, option in found.items():
            if option.gate in (overall.Gate.OPEN, overall.Gate.SAME, overall.Gate.TASK):
                continue
            words = overall.gate_words(inputs, answer, option)
            shut.add(option.gate)
            assert "it takes" in words or re.search(r"\$|too late|past the deadline|cannot hold", words), words
        ground = overall.ground_of(inputs, outputs)
        if ground is overall.Ground.SHUT:
            assert overall._gate_to_open(inputs, found) in verdict.headline
        if ground in (overall.Ground.KEEP, overall.Ground.MET):
            kept.add(ground)
            assert re.search(r"\d", verdict.headline), verdict.headline
            assert verdict.next_step
    assert len(shut) >= 6
    assert len(kept) == 2


def test_neighbours_are_of_the_same_kind_within_ten_times_the_labels_and_three_years_or_there_are_none():
    given = [laws.overall_situation(seed) for seed in range(300)] + [of_preset(name) for name in presets.NAMES]
    counts = Counter()
    for one in given:
        inputs = inputs_of(one)
        mine = overall.described(inputs)
        found = nearest(mine, 3)
        counts[len(found)] += 1
        for near in found:
            its = near.case.situation
            assert its.task_type == mine.task_type
            assert its.year is None or mine.year - its.year <= 3
            if its.n_train_examples is not None:
                assert 0.1 <= (its.n_train_examples + 1) / (mine.n_train_examples + 1) <= 10
        note = _overall_exhibits._nearest(inputs)
        assert len(note.paragraphs) == max(1, len(found))
        assert note.paragraphs[0].startswith("None that we know") == (not found)
    assert counts[0] > 0
    assert counts[3] > 0


def test_the_assistant_that_is_written_to_has_the_accuracies_of_a_published_table():
    case = next(case for case in cases() if case.id == "tooln1-bfcl")
    given, best = of_preset("virtual-assistant"), case.best
    assert inputs_of(given).prompted_accuracy_share == pytest.approx(best["as_is"].score / 100, abs=0.005)
    assert inputs_of(given).small_accuracy_share == pytest.approx(best["slm_prompted"].score / 100, abs=0.005)


def test_what_is_out_of_reach_is_said():
    given = {"prompted_accuracy_share": 0.3, "target_accuracy_share": 0.999, "test_items": 5_000}
    report = engine.evaluate_point(NAME, DECISION, engine.read(DECISION, given))
    assert overall.ground_of(report.reading.inputs, report.outputs) is overall.Ground.UNREACHABLE
    assert "Nothing is likely to reach" in report.verdict.headline


def test_doubt_has_three_parts():
    report = engine.add_spread(engine.evaluate_point(NAME, DECISION, engine.read(DECISION, {})))
    assert set(report.doubts) == {"better", "affordable", "in time"}
    assert all(0.0 <= share <= 1.0 for share in report.doubts.values())


def test_own_hardware_is_priced_by_the_hour_of_its_gpus():
    own = {"privacy": "own hardware only", "gpus": 4}
    dear, cheap = (overall.options(inputs_of({**own, "device_usd_per_hour": usd})) for usd in (8, 2))
    assert dear[overall.Answer.KEEP].run_usd_per_month > cheap[overall.Answer.KEEP].run_usd_per_month


def test_a_device_of_ones_own_bears_what_it_can_hold_and_costs_what_it_costs():
    own = {"privacy": "own hardware only", "device": "NVIDIA RTX 3090"}
    one, two = (overall.options(inputs_of({**own, "gpus": gpus})) for gpus in (1, 2))
    assert one[overall.Answer.KEEP].gate is overall.Gate.HARDWARE
    assert one[overall.Answer.TUNE_SMALL].gate is not overall.Gate.HARDWARE
    assert two[overall.Answer.KEEP].gate is overall.Gate.OPEN
    assert "needs 2\u00a0GPUs like your NVIDIA RTX 3090" in overall.gate_words(
        inputs_of({**own, "gpus": 1}), overall.Answer.KEEP, one[overall.Answer.KEEP]
    )
    free = overall.options(inputs_of({**own, "gpus": 2, "device_usd_per_hour": 0}))
    assert free[overall.Answer.KEEP].run_usd_per_month < two[overall.Answer.KEEP].run_usd_per_month


def test_a_difference_of_shares_is_told_in_points():
    given = {"closed_book_accuracy_share": "45%", "gold_passage_accuracy_share": "74%"}
    report = engine.evaluate_point(NAME, DECISION, engine.read(DECISION, given))
    assert report.verdict.reasons[0].startswith("The right passage lifts accuracy by 29\u00a0points")


def test_the_answer_weighed_anew_is_the_one_that_the_outputs_give():
    for seed in range(200):
        inputs = inputs_of(laws.overall_situation(seed))
        weighed = overall.near(inputs).answer_at("requests_per_month", inputs)
        assert weighed is overall.choose(inputs, overall.compute(inputs))


def with_one_changed(inputs, random):
    """Each field by name, with the inputs where it alone has another value."""
    for name, spec in fields_of(DECISION.Inputs).items():
        yield name, replace(inputs, **{name: random_value(spec, random)})


def test_the_answer_near_other_inputs_is_the_one_that_the_outputs_give():
    """A field that is missing from what the answer is said to follow from would leave it as it was."""
    for seed in range(60):
        inputs = inputs_of(laws.overall_situation(seed))
        answer_at = overall.near(inputs).answer_at
        for name, other in with_one_changed(inputs, Random(seed)):
            assert answer_at(name, other) is overall.choose(other, overall.compute(other)), (seed, name)


def test_what_is_computed_as_before_is_what_is_computed_alone():
    """A field that is missing from what sums or plans are said to follow from would leave them as they were."""
    for seed in range(60):
        inputs = inputs_of(laws.overall_situation(seed))
        for name, other in with_one_changed(inputs, Random(seed)):
            overall.forget()
            overall.compute(inputs)
            again = overall.compute_as_before(other, frozenset({name}))(other, inputs)
            overall.forget()
            assert again == overall.compute(other), (seed, name)


def values_between(inputs, name, bound, random):
    """The inputs with a few values of one field between where it stands and a bound."""
    spec, here = fields_of(DECISION.Inputs)[name], getattr(inputs, name)
    for _ in range(5):
        # Near where it stands as often as far from it, on a field that spans powers of ten.
        value = here + (bound - here) * random.choice((random.random(), 10.0 ** -random.uniform(0.0, 5.0)))
        yield replace(inputs, **{name: float(round(value)) if spec.whole else value})


def bounds(inputs, name):
    spec = fields_of(DECISION.Inputs)[name]
    return (spec.low, spec.high) if getattr(inputs, name) is not None else ()


def test_where_an_answer_is_certain_to_stay_the_outputs_give_it_all_the_way():
    certain = 0
    for seed in range(60):
        random, inputs = Random(seed), inputs_of(laws.overall_situation(seed))
        here, stays = overall.choose(inputs, overall.compute(inputs)), overall.near(inputs).stays
        for name in sorted(overall.ONE_WAY):
            for bound in bounds(inputs, name):
                if stays(name, replace(inputs, **{name: bound})):
                    certain += 1
                    for other in values_between(inputs, name, bound, random):
                        assert overall.choose(other, overall.compute(other)) is here, (seed, name, bound)
    assert certain > 1000


def sums_of(inputs, held):
    """Of each option what `ONE_WAY` is about, and whether it can be had."""
    served, gates = overall.serving_usd_per_request(inputs), overall.shut_out(inputs)
    plans = overall._planned(inputs, held, served, gates, PLACES)
    for option in overall._costed(inputs, held, served, plans).options:
        _, _, _, start, trial, run, days, trial_days, first_token, gate, _, _ = option
        yield (start, trial, run, days, trial_days, first_token), gate is overall.Gate.OPEN


def test_what_is_said_to_move_one_way_does():
    for seed in range(40):
        random, inputs = Random(seed), inputs_of(laws.overall_situation(seed))
        held = overall.beliefs(inputs)
        for name in sorted(overall.ONE_WAY):
            for bound in bounds(inputs, name):
                others = sorted(
                    values_between(inputs, name, bound, random), key=lambda other: abs(getattr(other, name) - bound)
                )
                steps = [replace(inputs, **{name: bound}), *others, inputs]
                found = [list(sums_of(step, held)) for step in steps]
                for option in zip(*found, strict=True):
                    changes = sum(one[1] is not other[1] for one, other in pairwise(option))
                    assert changes <= 1, (seed, name)
                    for sums in zip(*(each[0] for each in option), strict=True):
                        slack = 1e-9 * max(map(abs, sums))
                        moves = {other > one for one, other in pairwise(sums) if abs(other - one) > slack}
                        assert len(moves) <= 1, (seed, name, sums)


def test_what_beliefs_follow_from_by_a_few_numbers_moves_them_only_with_these():
    for seed in range(60):
        random, inputs = Random(seed), inputs_of(laws.overall_situation(seed))
        for name in sorted(overall.INFORMED_FROM):
            other = replace(inputs, **{name: random_value(fields_of(DECISION.Inputs)[name], random)})
            if overall._informed(other) == overall._informed(inputs):
                assert overall.beliefs.__wrapped__(other) == overall.beliefs(inputs), (seed, name)


def test_what_options_cost_follows_from_the_inputs_that_it_is_said_to_follow_from():
    """Beside the sums that are kept, which are the same here."""
    specs = fields_of(DECISION.Inputs)
    named = {*overall.PLANNED_FROM, *overall.DECIDED_FROM, *overall.ROLLOUTS_FROM}
    others = [name for name, spec in specs.items() if name not in named and not isinstance(spec, Paste)]
    for seed in range(200):
        random, inputs = Random(seed), inputs_of(laws.overall_situation(seed))
        changed = replace(inputs, **{name: random_value(specs[name], random) for name in others})
        held, served, gates = overall.beliefs(inputs), overall.serving_usd_per_request(inputs), overall.shut_out(inputs)
        plans = overall._planned(inputs, held, served, gates, PLACES)
        assert overall._planned(changed, held, served, gates, PLACES) == plans
        assert overall._costed(changed, held, served, plans) == overall._costed(inputs, held, served, plans)


PLACES = range(overall.PLACES[overall.Answer.PEOPLE])


def test_a_plan_follows_from_no_input_that_is_not_said_to_be_a_part_of_it():
    for seed in range(60):
        inputs = inputs_of(laws.overall_situation(seed))
        held, served, gates = overall.beliefs(inputs), overall.serving_usd_per_request(inputs), overall.shut_out(inputs)
        plans = overall._planned(inputs, held, served, gates, PLACES)
        costed = overall._costed(inputs, held, served, plans)
        for name, other in with_one_changed(inputs, Random(seed)):
            again = overall._planned(other, held, served, gates, PLACES)
            part_of = overall.PLANNED_FROM.get(name, set())
            if name in overall.ROLLOUTS_FROM:
                part_of = {*part_of, overall.PLACES[overall.Answer.REINFORCE]}
            differing = {k for k in PLACES if again[k] != plans[k]}
            assert differing <= part_of, (seed, name)
            if name not in overall.DECIDED_FROM:
                assert overall._costed(other, held, served, plans) == costed, (seed, name)


STAGES = """
import json, sys
from hashlib import sha256
from calculator.faces import browser
for given in json.loads(sys.argv[1]):
    asked = {"decision": "fine_tune_or_not", "given": given}
    stages = [browser.answer(json.dumps({**asked, "stage": stage})) for stage in range(browser.STAGES)]
    print(sha256("".join(stages).encode()).hexdigest())
"""


def told_by_one_process(situations):
    command = [sys.executable, "-c", STAGES, json.dumps(situations)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_what_was_asked_before_changes_no_byte():
    random, specs = Random(1), fields_of(DECISION.Inputs)
    names = random.sample(sorted(name for name, spec in specs.items() if not isinstance(spec, Paste)), k=6)
    edits = [{}, *({name: engine.write(specs[name], random_value(specs[name], random))} for name in names)]
    there_and_back = told_by_one_process([*edits, *reversed(edits)])
    assert there_and_back == there_and_back[::-1]
    assert len(set(there_and_back)) > 3
    assert [told_by_one_process([edit])[0] for edit in edits[:3]] == there_and_back[:3]


def test_a_worth_alone_is_the_one_among_the_outputs():
    for seed in range(30):
        inputs = inputs_of(laws.overall_situation(seed))
        worth_at = overall.near(inputs).worth_at
        for name, other in with_one_changed(inputs, Random(seed)):
            outputs = overall.compute(other)
            assert {answer: worth_at(name, other, answer) for answer in overall.VALUES} == {
                answer: getattr(outputs, name) for answer, name in overall.VALUES.items()
            }


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5), st.floats(-1, 2))
def test_what_may_be_declined_is_worth_no_more_than_the_bound_by_which_options_are_passed_over(
    mean_share, part, spread, bar
):
    gain, resolved = mean_share - bar, part * spread
    bound = 0.5 * (gain + sqrt(gain * gain + spread * spread))
    assert overall._excess(mean_share, resolved, bar) <= bound + overall.BOUND_SLACK


def test_what_a_stronger_model_mends_is_what_the_best_untrained_one_mended_in_the_published_comparisons():
    mended = {}
    for case in cases():
        if case.suspect or case.top_score is None:
            continue
        for option in ("as_is", "prompting", "few_shot"):
            best = {}
            for row in case.measured:
                if row.counts and row.option == option:
                    best[row.model] = max(best.get(row.model, 0.0), row.score / case.top_score)
            top, *others = sorted(best.values(), reverse=True) or [1.0]
            shares = [(top - other) / (1.0 - other) for other in others if other < 1.0]
            mended.setdefault(case.source_group, []).extend(shares)
    found = sorted(mean(shares) for shares in mended.values() if shares)
    entry = assumption("stronger_mends_share")
    assert len(found) == 19
    assert entry.value == pytest.approx(quantile(found, 0.5), abs=0.005)
    assert entry.low == pytest.approx(quantile(found, 0.05), abs=0.005)
    assert entry.high == pytest.approx(quantile(found, 0.95), abs=0.005)


@pytest.mark.parametrize("spread", [0.0, 1e-300, 1e-12, 1e-9, 1e-6])
def test_a_spread_that_rounding_loses_is_none(spread):
    """A trial of hardly any items tells hardly anything: what is left of the spread may be too small to square."""
    assert overall._above(0.7, spread, 0.6) == 1.0
    assert overall._above(0.7, spread, 0.8) == 0.0
    assert overall._excess(0.7, spread, 0.6) == pytest.approx(0.1)
    assert overall._excess(0.7, spread, 0.8) == pytest.approx(0.0, abs=1e-12)
