"""The estimators are made of pieces: which moment is the peak, what a prompt is bound by. At a joint the pieces meet.

Each law is walked in small steps across all its joints. Whatever is the longest of several may bend, but never jump:
over a step of one part in fifty no result moves by more than what the steepest power of the law allows, and none
goes the wrong way.
"""

from dataclasses import replace
from itertools import pairwise, product

import pytest
from conftest import some

from calculator.catalogs import accelerators, architectures
from calculator.llm.serving import ServingSetup, decode, engine, time_to_first_token, weight_format
from calculator.llm.serving.coefficients import FITTED
from calculator.llm.serving.speed import prefill_ms
from calculator.llm.training.memory import TrainingSetup, estimate
from calculator.llm.training.time import throughput

STEP = 1.02
STEEPEST = 2.0
"""Attention goes with the square of the length; nothing here is steeper."""
SLACK = 1e-9
SURPRISES = (-4.0, -1.645, 0.0, 1.645, 4.0)


def walk(low, high):
    value = low
    while value < high:
        yield value
        value *= STEP


def check(values, results, *, steepest=STEEPEST):
    """The results never fall, and never rise by more than a power of the value."""
    most = STEP**steepest
    for (value, before), (_, after) in pairwise(zip(values, results, strict=True)):
        assert after >= before * (1 - SLACK), (value, before, after)
        assert after <= before * most * (1 + SLACK), (value, before, after)


def eight_h100(model, name, **more):
    """A set-up whose prompt and batch the tests vary."""
    return ServingSetup(
        model=architectures()[model], device=accelerators()["NVIDIA H100 SXM"], engine=engine(name), devices=8,
        stored=weight_format("bf16"), answer_tokens=100, **more,
    )  # fmt: skip


MODELS = (
    "meta-llama/Llama-3.1-8B",
    "google/gemma-2-9b",
    "mistralai/Mixtral-8x22B-v0.1",
    "deepseek-ai/DeepSeek-V2-Lite",
)
ENGINES = ("vLLM", "llama.cpp", "transformers")
METHODS = (("full", "adamw"), ("full", "paged-adamw-8bit"), ("lora", "adamw"), ("qlora", "adamw"))


# 31 of 128: no step of an evenly spread choice falls together with the length of a list.
@pytest.mark.parametrize(
    ("model", "method", "checkpointing", "framework"),
    some(product(MODELS, METHODS, ("full", "none"), ("transformers", "unsloth", "deepspeed", "unknown")), 31),
)
def test_memory_meets_where_one_moment_takes_over_from_another(model, method, checkpointing, framework):
    architecture = architectures()[model]
    lengths = list(walk(1, 40_000))
    for packing in (True, False):
        made = [
            estimate(
                architecture,
                TrainingSetup(
                    method=method[0], optimizer=method[1], seq_len=length, checkpointing=checkpointing,
                    framework=framework, packing=packing,
                ),
            )
            for length in lengths
        ]  # fmt: skip
        check(lengths, [found.peak_gib for found in made])
        check(lengths, [found.low_gib for found in made])
        check(lengths, [found.high_gib for found in made])
        for sd in SURPRISES:
            check(lengths, [found.at(sd) for found in made])


@pytest.mark.parametrize("model", MODELS)
def test_a_surprise_of_none_is_the_estimate_and_more_of_it_is_more_memory(model):
    made = estimate(architectures()[model], TrainingSetup(method="lora"))
    assert made.at(0.0) == pytest.approx(made.peak_gib)
    assert made.at(-1.645) == pytest.approx(made.low_gib)
    assert made.at(1.645) == pytest.approx(made.high_gib)
    assert [made.at(sd) for sd in SURPRISES] == sorted(made.at(sd) for sd in SURPRISES)
    # The doubts of the parts are all in it.
    most = max(sum(part.gib * (1 + part.above) for part in moment) for moment in made.moments)
    assert made.high_gib >= most * (1 - SLACK) > made.peak_gib


@pytest.mark.parametrize(("model", "name"), [*product(MODELS, ENGINES)])
def test_what_is_cached_is_not_read_again_and_a_prompt_cached_whole_costs_nothing(model, name):
    setup = eight_h100(model, name, prompt_tokens=20_000)
    shares = (0.0, 0.5, 0.9, 0.999, 1 - 1e-9)
    times = [time_to_first_token(setup, cached_tokens=20_000 * share).value for share in shares]
    assert times == sorted(set(times), reverse=True)
    assert times[-1] == pytest.approx(time_to_first_token(setup, cached_tokens=20_000).value, rel=1e-3)
    assert prefill_ms(setup, 20_000, FITTED, cached_tokens=20_000) == 0.0


def test_attention_to_all_that_came_before_makes_a_long_prompt_cost_more_than_its_length():
    setup = eight_h100("meta-llama/Llama-3.1-8B", "vLLM")
    short, long = (time_to_first_token(replace(setup, prompt_tokens=length)).value for length in (1e5, 1e6))
    assert long > 20 * short


@pytest.mark.parametrize(("model", "name"), [*product(MODELS, ENGINES)])
@pytest.mark.parametrize("cached", [0.0, 0.3, 0.9, 0.999])
def test_a_prompt_meets_where_arithmetic_takes_over_from_reading(model, name, cached):
    setup = eight_h100(model, name)
    lengths = list(walk(1, 1_000_000))
    made = [
        time_to_first_token(replace(setup, prompt_tokens=length), cached_tokens=cached * length) for length in lengths
    ]
    check(lengths, [found.value for found in made])


@pytest.mark.parametrize(("model", "name"), [*product(MODELS, ENGINES)])
def test_a_step_meets_where_the_batch_outgrows_its_tile(model, name):
    setup = eight_h100(model, name, prompt_tokens=500)
    batches = list(walk(1, 4_000))
    check(batches, [decode(replace(setup, batch=batch)).step_ms for batch in batches])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
@pytest.mark.parametrize("gpu", ["NVIDIA H100 SXM", "NVIDIA T4", "NVIDIA RTX 4090"])
def test_a_training_step_meets_where_arithmetic_takes_over_from_reading_and_launching(model, method, gpu):
    """Of the estimate itself: a surprise is one factor on the whole, and larger where less is known, at short rows."""
    for name, low, high in (("seq_len", 16, 40_000), ("micro_batch", 1, 500)):
        values = list(walk(low, high))
        made = [
            throughput(
                architectures()[model],
                accelerators()[gpu],
                TrainingSetup(**{"method": method, "seq_len": 512, "micro_batch": 1, name: value}),
            )
            for value in values
        ]
        check(values, [value / found.at(0.0) for value, found in zip(values, made, strict=True)])
