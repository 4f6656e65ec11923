"""What published rows say, in their own words: understood, refused with a reason, or known to be guessed."""

import pytest

from calculator.evaluation import reading


@pytest.mark.parametrize(("text", "gpus", "fields"), [
    ("none", 1, {"sharding": "none"}),
    ("fsdp FULL_SHARD (zero3) mp=DEFAULT", 8, {"sharding": "zero3"}),
    ("fsdp SHARD_GRAD_OP", 8, {"sharding": "zero2"}),
    ("fsdp2 8", 64, {"sharding": "fsdp2", "tensor_parallel": 8}),
    ("megatron tp4, distributed optimizer, dp2", 8, {"sharding": "zero1", "tensor_parallel": 4}),
    ("megatron pp2 ep4, distributed optimizer", 8, {"pipeline_parallel": 2, "expert_parallel": 4}),
    ("tensor parallel 2, pipeline parallel = 2, ZeRO stage 1", 8,
     {"tensor_parallel": 2, "pipeline_parallel": 2, "sharding": "zero1"}),
    ("deepspeed zero2", 4, {"sharding": "zero2"}),
    ("fsdp (label)", 4, {"sharding": "none", "n_gpus": 1}),
    ("", 4, {"sharding": "ddp"}),
])  # fmt: skip
def test_sharding_is_read_in_the_words_of_its_framework(text, gpus, fields):
    found = reading.split(text, gpus, full=True)
    assert {name: found.fields.get(name, 1) for name in fields} == fields


def test_the_version_of_fsdp_is_the_frameworks():
    assert reading.split("fsdp", 8, full=True, fsdp=1).fields["sharding"] == "fsdp"
    assert reading.split("fsdp", 8, full=True, fsdp=2).fields["sharding"] == "fsdp2"
    assert reading.split("FSDP1", 8, full=True, fsdp=2).fields["sharding"] == "fsdp"


@pytest.mark.parametrize(("written", "meant"), [
    ("pre-training", "pretrain"), ("VeRA", "peft:vera"), ("adapters", "peft:adapters"),
])  # fmt: skip
def test_a_method_is_read_in_other_words(written, meant):
    assert reading.method(written) == meant


@pytest.mark.parametrize("text", ["clever wrapping", "colossalai gemini", "tp3"])
def test_sharding_that_is_not_understood_is_refused(text):
    with pytest.raises(ValueError, match="sharding"):
        reading.split(text, 8, full=True)


def test_a_framework_that_splits_models_without_a_word_on_how_is_no_copy_on_each_card():
    for text in ("megatron", "Megatron-LM"):
        with pytest.raises(ValueError, match="into how many parts"):
            reading.split(text, 8, full=True)
        assert reading.split(text, 1, full=True).fields["sharding"] == "none"
    assert reading.split("megatron, distributed optimizer", 8, full=True).guesses
    assert not reading.split("megatron, distributed optimizer, dp8", 8, full=True).guesses


def test_a_word_besides_what_is_understood_is_a_guess():
    assert reading.split("zero3 with hpz", 8, full=True).guesses
    assert not reading.split("megatron tp4, distributed optimizer", 8, full=True).guesses


@pytest.mark.parametrize(("text", "kind"), [
    ("", "none"), ("CPU offload", "parameters"), ("cpu", "parameters"), ("params to CPU", "parameters"),
    ("optimizer to CPU", "optimizer"), ("activations to CPU", "activations"),
])  # fmt: skip
def test_cpu_offload_without_a_further_word_is_everything(text, kind):
    assert reading.offload(text) == kind


@pytest.mark.parametrize(("text", "targets"), [
    ("DEFAULT", ("q_proj", "v_proj")), ("all (attention and MLP)", "all-linear"), ("c_attn / qkv", ("c_attn", "qkv")),
    ("q, v", ("q_proj", "v_proj")), ("all-linear", "all-linear"), ("", ""), ("q_proj", "q_proj"),
])  # fmt: skip
def test_targets_are_read_as_people_write_them(text, targets):
    assert reading.targets(text) == targets


@pytest.mark.parametrize(("text", "name"), [
    ("int8 (gptq)", "int8"), ("gptq 4-bit", "gptq"), ("nf4 (bitsandbytes)", "nf4-double"), ("bnb.nf4", "nf4"),
    ("awq int4", "awq"), ("", "none"), ("mxfp4", "mxfp4"),
])  # fmt: skip
def test_a_base_is_read_by_its_width_first(text, name):
    assert reading.base(text).name == name


def test_a_format_without_a_law_says_why():
    with pytest.raises(ValueError, match="its bits per weight are not worked out here"):
        reading.base("aqlm")


@pytest.mark.parametrize(("text", "logged", "metric"), [
    ("torch peak", "reserved", "allocated"), ("max of torch memory_reserved", "nvidia-smi", "reserved"),
    ("not stated", "reserved", "reserved"), ("nvidia-smi peak", "reserved", "nvidia-smi"),
    ("rocm-smi", "reserved", "nvidia-smi"),
])  # fmt: skip
def test_a_metric_that_is_not_stated_is_what_the_framework_logs(text, logged, metric):
    assert reading.metric(text, logged)[0] == metric


def test_an_empty_cell_on_checkpointing_is_one_thing_everywhere_and_a_guess():
    assert reading.checkpointing("") == ("full", False, 2)
    assert reading.checkpointing("no")[0] == "none"
    assert reading.checkpointing("unsloth") == ("full", True, 0)
