"""What the page on hardware says of a run beside the verdict."""

import pytest

from calculator import catalog, engine


def report(**given):
    decision = catalog.decision("limited_compute")
    reading = engine.read(decision, given)
    assert not reading.problems
    outputs = decision.compute(reading.inputs)
    return outputs, " ".join(decision.judge(reading.inputs, outputs).reasons)


@pytest.mark.parametrize(("device", "said"), [("NVIDIA T4", True), ("NVIDIA A100 SXM 80GB", False)])
def test_a_card_without_bf16_is_named(device, said):
    assert ("has no bf16" in report(device=device, device_usd_per_hour="1")[1]) is said


def test_a_sharded_model_that_fits_but_cannot_be_gathered_is_said_to_be_saved_in_parts():
    words = report(
        model="meta-llama/Meta-Llama-3-70B", device="NVIDIA A100 SXM 80GB", gpus="8", method="LoRA",
        sequence_tokens="1024", micro_batch_examples="1",
    )[1]  # fmt: skip
    assert "save sharded" in words


def test_a_full_training_that_must_allocate_less_than_the_card_fits():
    """7.6 billion weights in pure bf16 on one card of 80 GB: ten bytes each at the step, and what is reserved besides
    does not count against it."""
    outputs, _ = report(
        model="Qwen/Qwen2.5-7B", method="full", precision="pure bf16", device="NVIDIA A100 SXM 80GB", gpus="1",
        sequence_tokens="1024", micro_batch_examples="1",
    )  # fmt: skip
    assert outputs.peak_gib < outputs.room_gib


def test_how_like_published_runs_it_is_stands_beside_the_number():
    words = report(framework="Unsloth")[1]
    assert "No published run" in words
    assert "with this framework" in words
