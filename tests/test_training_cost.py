"""What a run takes, against the worked example of a 30 million token run, and laws."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.llm.training import cost as training_cost
from calculator.llm.training.cost import mixed_group_share, reinforcement_usd

H100_PEAK_TFLOPS = 989.0


def planned_hours(method, recompute, utilisation, tokens=3e7, parameters=8.03e9):
    return training_cost.planned_gpu_hours(
        parameters_active=parameters, tokens=tokens, method=method, recompute=recompute,
        peak_tflops=H100_PEAK_TFLOPS, utilisation=utilisation,
    )


def cost(**changes):
    usual = {
        "tokens": 3e7, "tokens_per_s_per_gpu": 3e7 / (1.1607 * 3600), "gpus": 1, "gpu_usd_per_hour": 3.99,
        "gpu_watts": 700, "load_share": 1.0, "pue": 1.3, "grid_g_per_kwh": 369,
    }
    return training_cost.training_cost(**{**usual, **changes})


def test_ten_thousand_examples_for_three_epochs_take_the_worked_hours():
    # 6 · 8.03e9 · 3e7 = 1.45e18 FLOPs for LoRA with checkpointing, at 35 % of an H100.
    hours = planned_hours("lora", True, 0.35)
    assert round(hours, 2) == 1.16
    assert hours * H100_PEAK_TFLOPS * 1e12 * 0.35 * 3600 == pytest.approx(1.4454e18)


def test_the_worked_run_costs_two_to_eight_dollars_and_one_kilowatt_hour():
    assert round(cost(gpu_usd_per_hour=1.99).usd, 1) == 2.3
    assert round(cost(gpu_usd_per_hour=6.88).usd, 1) == 8.0
    assert round(cost().kwh, 2) == 1.06


@pytest.mark.parametrize(("grid", "kg"), [(369, 0.39), (35, 0.04), (662, 0.70)])
def test_the_worked_run_emits_what_its_grid_does(grid, kg):
    assert round(cost(grid_g_per_kwh=grid).kg_co2e, 2) == kg


def test_continued_pretraining_on_a_billion_tokens_takes_the_worked_hours():
    hours = planned_hours("full", False, 0.40, tokens=1e9)
    assert round(hours) == 34
    assert round(hours * 2.69) == 91
    assert round(planned_hours("full", False, 0.40, tokens=3e10)) == 1015


def test_more_gpus_take_less_time_and_the_same_hours():
    one, eight = cost(), cost(gpus=8)
    assert eight.wall_hours == pytest.approx(one.wall_hours / 8)
    assert eight.gpu_hours == pytest.approx(one.gpu_hours)


@given(tokens=st.floats(0, 1e13), more=st.floats(0, 1e13), speed=st.floats(1, 1e6), gpus=st.integers(1, 1024))
def test_more_tokens_never_take_less_time(tokens, more, speed, gpus):
    base = cost(tokens=tokens, tokens_per_s_per_gpu=speed, gpus=gpus)
    larger = cost(tokens=tokens + more, tokens_per_s_per_gpu=speed, gpus=gpus)
    assert larger.wall_hours >= base.wall_hours
    assert larger.usd >= base.usd
    assert larger.kg_co2e >= base.kg_co2e


def test_the_longest_of_two_rows_has_a_closed_form():
    # For log-normal lengths the mean of the larger of two is 2 · mean · Φ(σ / √2).
    sigma = math.sqrt(math.log(1 + 0.6**2))
    exact = 2 * 300 * 0.5 * (1 + math.erf(sigma / 2))
    found = training_cost.padded_row_tokens(mean_tokens=300, spread=0.6, micro_batch=2, seq_len=1e9)
    assert found == pytest.approx(exact, rel=2e-3)
    single = training_cost.padded_row_tokens(mean_tokens=300, spread=0.6, micro_batch=1, seq_len=1e9)
    assert single == pytest.approx(300, rel=2e-3)



@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cost(gpus=0), "gpus: must be above 0, 0 was given"),
        (lambda: cost(pue=-1), "pue: must be 0 or more, -1 was given"),
        (lambda: planned_hours("prefix", False, 0.4), "method: must be one of full, lora, qlora; 'prefix' was given"),
        (lambda: planned_hours("full", False, 0), "utilisation: must be above 0, 0 was given"),
        (lambda: training_cost.padded_row_tokens(mean_tokens=0, spread=1, micro_batch=1, seq_len=1),
         "mean_tokens: must be above 0, 0 was given"),
    ],
)
def test_a_bad_argument_is_named_with_what_is_allowed(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_reinforcement_pays_for_each_answer_that_is_tried():
    """1,000 prompts × 8 answers of 700 tokens: 0.13 to read 500, 0.40 to write 200, 0.50 to train on 700 a million."""
    run = {
        "prompts": 1000, "rollouts": 8, "prompt_tokens": 500, "answer_tokens": 200, "input_usd_per_mtok": 0.13,
        "output_usd_per_mtok": 0.40, "training_usd_per_mtok": 0.50, "grader_usd": 0.0003,
    }
    once = reinforcement_usd(**run)
    assert once == pytest.approx(8000 * ((500 * 0.13 + 200 * 0.40 + 700 * 0.50) / 1e6 + 0.0003))
    assert reinforcement_usd(**run, runs=6) == pytest.approx(6 * once)
    for part in run:
        assert reinforcement_usd(**{**run, part: run[part] * 2}) > once, part
    with pytest.raises(ValueError, match="rollouts"):
        reinforcement_usd(**{**run, "rollouts": -1})


@given(right=st.floats(0, 1), rollouts=st.floats(1, 100))
def test_reinforcement_learns_only_where_tried_answers_differ(right, rollouts):
    share = mixed_group_share(right_share=right, rollouts=rollouts)
    assert 0 <= share <= 1
    assert share == pytest.approx(mixed_group_share(right_share=1 - right, rollouts=rollouts), abs=1e-9)
    assert mixed_group_share(right_share=right, rollouts=rollouts + 1) >= share - 1e-12
    for alike in (0, 1):
        assert mixed_group_share(right_share=alike, rollouts=rollouts) == 0


def test_half_right_pairs_differ_half_of_the_time():
    assert mixed_group_share(right_share=0.5, rollouts=2) == 0.5
    with pytest.raises(ValueError, match="right_share"):
        mixed_group_share(right_share=1.2, rollouts=2)
