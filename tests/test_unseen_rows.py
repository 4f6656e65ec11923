"""Rows as projects publish them that nobody here has seen: in other words, with cells left out, on other cards.

What says the same is read the same. What is left out widens the band. What would be another model, device or method is
refused and never taken for the one we know.
"""

from math import log

import pytest

from calculator.catalogs import accelerator
from calculator.catalogs.training import optimizers
from calculator.evaluation import inference, kv_cache, names, reading, training_memory, training_throughput
from calculator.llm import parameters
from calculator.llm.serving.engines import ENGINES

TUNED = {
    "row_id": "x", "source_id": "somebody", "as_of": "2025-06", "model": "Llama-3.1-8B", "method": "lora",
    "lora_rank": "16", "lora_targets": "q_proj,v_proj", "weight_dtype": "bf16", "optimizer": "adamw",
    "seq_len": "2048", "micro_batch": "2", "gpu": "A100 80GB", "n_gpus": "1", "row_kind": "peak",
    "grad_checkpointing": "yes",
}
SERVED = {
    "row_id": "x", "source_id": "somebody", "as_of": "2025-06", "model": "Llama-3.1-8B", "quant": "bf16",
    "device": "A100 80GB", "n_devices": "1", "batch": "1", "prompt_len": "512", "gen_len": "128", "engine": "vllm",
}
FULL = {"method": "full", "lora_rank": "", "lora_targets": ""}
EIGHT = {"n_gpus": "8"}


def band(module, row):
    """Estimate and half width of the band in logarithms; ValueError with the reason of a refusal."""
    answer = module.predict(row)
    if answer["reason"]:
        raise ValueError(answer["reason"])
    estimate, low, high = (float(value) for value in list(answer.values())[1:4])
    assert low < estimate < high
    return estimate, log(high / low) / 2


def both(changes):
    return [band(module, TUNED | changes) for module in (training_memory, training_throughput)]


@pytest.mark.parametrize(("written", "plain"), [
    ({"seq_len": "2k"}, {}), ({"seq_len": "2,048"}, {}), ({"seq_len": "2048 tokens"}, {}), ({"seq_len": "~2048"}, {}),
    ({"micro_batch": "2 per GPU"}, {}), ({"n_gpus": "1x"}, {}), ({"lora_rank": "r=16"}, {}),
    ({"lora_rank": "16/32"}, {}), ({"lora_rank": "16.0"}, {}), ({"params_b": "8B"}, {}), ({"params_b": "~8"}, {}),
    ({"params_b": "8030261248"}, {}), ({"params_b": "8.03e9"}, {}), ({"grad_accum": "1 step"}, {}),
    ({"method": "LoRA"}, {}), ({"method": "PEFT LoRA"}, {}), ({"method": "peft"}, {}), ({"method": "fine-tuning"}, {}),
    ({"method": "LongLoRA"}, {}), ({"method": "LoftQ"}, {}), ({"method": ""}, {}),
    ({"method": "FFT", "lora_rank": "", "lora_targets": ""}, FULL),
    ({"method": "Fine-Tune", "lora_rank": "", "lora_targets": ""}, FULL),
    ({"method": "cpt", "lora_rank": "", "lora_targets": ""}, FULL),
    ({"method": "LoRA (8-bit)"}, {"base_quant": "int8"}), ({"weight_dtype": "int8"}, {"base_quant": "int8"}),
    ({"weight_dtype": "nf4"}, {"base_quant": "nf4"}), ({"base_quant": "bnb 4bit"}, {"base_quant": "nf4"}),
    ({"optimizer": "unknown"}, {"optimizer": ""}), ({"optimizer": "not stated"}, {"optimizer": ""}),
    ({"optimizer": "default"}, {"optimizer": ""}), ({"optimizer": "LAMB"}, {}), ({"optimizer": "Sophia-G"}, {}),
    ({"grad_checkpointing": "1"}, {}), ({"grad_checkpointing": "True"}, {}), ({"grad_checkpointing": "recompute"}, {}),
    ({"grad_checkpointing": "activation checkpointing"}, {}), ({"grad_checkpointing": "y"}, {}),
    ({"grad_checkpointing": "0"}, {"grad_checkpointing": "no"}),
    ({"grad_checkpointing": "n/a"}, {"grad_checkpointing": ""}),
    ({"lora_targets": '["q_proj","v_proj"]'}, {}), ({"lora_targets": "q, v"}, {}), ({"lora_targets": "qv"}, {}),
    ({"lora_targets": "attention only"}, {"lora_targets": "q, k, v, o"}),
    ({"lora_targets": "qkvo"}, {"lora_targets": "q, k, v, o"}), ({"lora_targets": "n/a"}, {"lora_targets": ""}),
    ({"flash_attention": "off"}, {"flash_attention": "no"}), ({"gpu": "1x A100 80GB"}, {}), ({"gpu": "a100_80gb"}, {}),
    ({"n_gpus": "", "gpu": "8x A100 80GB", "sharding": "fsdp"}, EIGHT | {"sharding": "fsdp"}),
    (EIGHT | {"sharding": "ds_z3"}, EIGHT | {"sharding": "zero3"}),
    (EIGHT | {"sharding": "ZeRO_2"}, EIGHT | {"sharding": "zero2"}),
    (EIGHT | {"sharding": "hybrid_shard"}, EIGHT | {"sharding": "fsdp"}),
    (EIGHT | {"sharding": "tensor parallel"}, EIGHT | {"sharding": "tp8"}),
    (EIGHT | {"sharding": "not stated"}, EIGHT | {"sharding": ""}),
    (EIGHT | {"sharding": "multi-GPU"}, EIGHT | {"sharding": ""}),
    (EIGHT | {"sharding": "ulysses sp8"}, EIGHT | {"sharding": "cp8"}),
    (EIGHT | {"sharding": "ZeRO-3 + CPU offload"}, EIGHT | {"sharding": "zero3", "offload": "parameters"}),
    (EIGHT | {"sharding": "zero2 offload"}, EIGHT | {"sharding": "zero2", "offload": "optimizer"}),
    (FULL | {"optimizer": "DeepSpeedCPUAdam"}, FULL | {"offload": "optimizer"}),
    (FULL | {"method": "GaLore"}, FULL | {"optimizer": "galore"}),
    ({"model": "GPT-2 1.5B"}, {"model": "gpt2-xl"}), ({"model": "bert-large"}, {"model": "bert-large-uncased"}),
    ({"something": "else", "notes": "on a Tuesday"}, {}),
], ids=lambda value: " ".join(map(str, value.items())) if isinstance(value, dict) else value)  # fmt: skip
def test_a_tuning_run_in_other_words_is_the_same_run(written, plain):
    assert both(written) == both(plain)


@pytest.mark.parametrize(("written", "plain"), [
    ({"device": "8xH100"}, {"device": "H100 SXM"}), ({"device": "4x RTX 3090"}, {"device": "RTX 3090"}),
    ({"device": "MacBook Pro M3 Max 64GB"}, {"device": "M3 Max"}), ({"device": "7900 XTX"}, {"device": "RX 7900 XTX"}),
    ({"n_devices": "", "device": "2x A100 80GB"}, {"n_devices": "2"}), ({"device": "nvidia a100_80gb"}, {}),
    ({"engine": "VLLM"}, {}), ({"engine": "hf"}, {"engine": "transformers"}),
    ({"engine": "llama-cpp-python"}, {"engine": "llama.cpp"}), ({"engine": "LM Studio"}, {"engine": "llama.cpp"}),
    ({"quant": "none"}, {}), ({"quant": "unquantized"}, {}), ({"quant": "full precision"}, {}),
    ({"quant": "half"}, {"quant": "fp16"}), ({"quant": "W4A16 g128"}, {"quant": "gptq-int4"}),
    ({"quant": "SmoothQuant"}, {"quant": "w8a8"}), ({"quant": "bf16, fp8 kv cache"}, {}),
    ({"quant": "q4f16_1"}, {"quant": "int4"}), ({"batch": "32 concurrent"}, {"batch": "32"}),
    ({"prompt_len": "0.5k"}, {}), ({"prompt_len": "1,024"}, {"prompt_len": "1024"}), ({"params_b": "8B"}, {}),
    ({"something": "else"}, {}),
], ids=lambda value: " ".join(map(str, value.items())) if isinstance(value, dict) else value)  # fmt: skip
def test_a_served_run_in_other_words_is_the_same_run(written, plain):
    assert band(inference, SERVED | written) == band(inference, SERVED | plain)


@pytest.mark.parametrize(("vague", "clear"), [
    (EIGHT | {"sharding": "deepspeed"}, EIGHT | {"sharding": "zero2"}),
    (EIGHT | FULL | {"sharding": "deepspeed"}, EIGHT | FULL | {"sharding": "zero3"}),
    (EIGHT | {"sharding": ""}, EIGHT | {"sharding": "ddp"}),
    ({"n_gpus": "2", "sharding": "device_map=auto"}, {"n_gpus": "2", "sharding": "pp2"}),
    ({"model": "somebody/llama-like-8b", "params_b": "8.03"}, {}),
])  # fmt: skip
def test_what_a_tuning_run_leaves_open_widens_its_band(vague, clear):
    for (found, wide), (known, narrow) in zip(both(vague), both(clear), strict=True):
        assert found == pytest.approx(known, rel=0.02)
        assert wide > narrow


@pytest.mark.parametrize(("vague", "clear"), [
    ({"engine": ""}, {"engine": "candle"}), ({"engine": "", "batch": "64"}, {"engine": "LightLLM", "batch": "64"}),
    ({"engine": "n/a", "quant": "Q4_K_M"}, {"engine": "llama.cpp", "quant": "Q4_K_M"}),
    ({"quant": ""}, {}), ({"engine": "ollama", "quant": ""}, {"engine": "ollama", "quant": "Q4_K_M"}),
    ({"model": "somebody/thing-30b", "params_b": "30", "active_params_b": "3"}, {"model": "Qwen3-30B-A3B"}),
])  # fmt: skip
def test_what_a_served_run_leaves_open_widens_its_band(vague, clear):
    (found, wide), (known, narrow) = band(inference, SERVED | vague), band(inference, SERVED | clear)
    assert found == pytest.approx(known, rel=0.15)
    assert wide > narrow


def test_an_engine_without_a_published_run_has_a_wider_band_than_one_of_its_kind():
    assert band(inference, SERVED | {"engine": "mistral.rs"})[1] > band(inference, SERVED | {"engine": "exllamav2"})[1]


@pytest.mark.parametrize(("changes", "why"), [
    ({"sharding": "clever", "n_gpus": "8"}, "sharding"), ({"model": "somebody/thing"}, "size is not stated"),
    ({"optimizer": "shampoo"}, "not worked out"), ({"optimizer": "ademamix"}, "optimizer"),
    ({"method": "mezo", "lora_rank": "", "lora_targets": ""}, "method"), ({"seq_len": "short"}, "must be a number"),
    ({"micro_batch": "-4"}, "must be a number"), ({"base_quant": "aqlm"}, "bits per weight"),
    ({"model": "somebody/thing-175B"}, "not a usual one"), ({"model": "somebody/moe-14b"}, "has experts"),
])  # fmt: skip
def test_a_tuning_run_that_is_not_understood_is_refused(changes, why):
    for module in (training_memory, training_throughput):
        with pytest.raises(ValueError, match=why):
            band(module, TUNED | changes)


@pytest.mark.parametrize(("changes", "why"), [
    ({"device": ""}, "does not name it"), ({"device": "not stated"}, "does not name it"),
    ({"device": "GTX 1660"}, "not in the catalogue"), ({"engine": "KTransformers"}, "memory of the host"),
    ({"engine": "FlexGen"}, "memory of the host"), ({"quant": "1.58-bit"}, "not a format"),
    ({"quant": "QuIP#"}, "not a format"), ({"model": "Llama-3.1-70B"}, "do not fit"),
    ({"parallelism": "tp2 pp3", "n_devices": "8"}, "does not make up"),
])  # fmt: skip
def test_a_served_run_that_is_not_understood_is_refused(changes, why):
    with pytest.raises(ValueError, match=why):
        band(inference, SERVED | changes)


@pytest.mark.parametrize(("text", "value"), [
    ("", None), ("n/a", None), ("0.2%", None), ("4.2M", 4.2e6), ("1e-4", 1e-4), ("512-2048", 1024.0), ("16", 16.0),
    ("12,345,678", 12345678.0),
])  # fmt: skip
def test_a_number_is_read_as_people_write_it(text, value):
    assert reading.number(text) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize("text", ["auto", "-5", "inf"])
def test_words_without_a_number_and_numbers_below_zero_are_none(text):
    with pytest.raises(ValueError, match="must be a number"):
        reading.number(text)


def test_a_size_that_is_only_the_one_in_the_name_leads_to_the_model():
    assert names.resolve("google/gemma-7b", 7.0) is names.resolve("google/gemma-7b")
    assert names.resolve("google/gemma-7b", 5.0) is None


@pytest.mark.parametrize(("total", "active"), [(550.0, 55.0), (196.0, 11.0), (48.0, 3.0), (14.3, 2.7)])
def test_a_mixture_of_stated_sizes_has_about_these_sizes_and_a_doubt(total, active):
    found, doubt = names.find("somebody/thing", total, active)
    assert parameters.total(found) == pytest.approx(total * 1e9, rel=1 / 3)
    assert parameters.active(found) == pytest.approx(active * 1e9, rel=1 / 3)
    assert doubt > 0
    assert found.experts >= found.experts_per_token


@pytest.mark.parametrize("name", ["RTX 3090", "RTX 4090"])
def test_layers_that_do_not_fit_run_at_the_pace_of_the_host(name):
    """Each layer is read once for a token, on the card or by the host, so the time is between both."""
    row = SERVED | {"engine": "llama.cpp", "quant": "Q4_K_M", "device": name}
    speed, wide = band(inference, row | {"model": "Llama-3.1-70B"})
    whole, narrow = band(inference, row | {"model": "Llama-3.1-70B", "n_devices": "2"})
    host, _ = band(inference, row | {"model": "Llama-3.1-70B", "device": "Desktop CPU with 2 × DDR5-5600"})
    assert host < speed < whole / 3
    assert wide > narrow
    larger, _ = band(inference, row | {"model": "Llama-3.1-70B", "device": "RTX 5090"})
    assert accelerator("RTX 5090").capacity_gib > accelerator(name).capacity_gib
    assert larger > speed


def test_a_start_up_line_in_other_words_is_the_same_line():
    plain = {
        "row_id": "x", "model": "Llama-3.1-8B", "kv_dtype": "fp8", "available_kv_gib_per_gpu": "13.5",
        "tensor_parallel": "2", "max_model_len": "32768",
    }
    written = plain | {
        "params_b": "8B", "kv_dtype": "FP8_E4M3FN", "available_kv_gib_per_gpu": "13.5 GiB", "tensor_parallel": "2.0",
        "max_model_len": "32k",
    }
    assert kv_cache.predict(written) == kv_cache.predict(plain)
    assert float(str(kv_cache.predict(plain)["estimate_kv_tokens"])) > 0
    assert "does not give it" in str(kv_cache.predict(plain | {"available_kv_gib_per_gpu": "n/a"})["reason"])


@pytest.mark.parametrize(("name", "total", "active"), [
    ("mistralai/Ministral-3-14B-Instruct-2512", 13.5, 13.5), ("tencent/Hunyuan-A13B-Instruct", 80.0, 13.0),
])  # fmt: skip
def test_dimensions_that_nobody_read_make_the_sizes_that_their_makers_print(name, total, active):
    """The text part of the one, all and active of the other: no config.json and no class default has them."""
    found = names.resolve(name)
    assert parameters.total(found) == pytest.approx(total * 1e9, rel=0.01)
    assert parameters.active(found) == pytest.approx(active * 1e9, rel=0.03)


def test_every_optimizer_is_found_under_its_own_name():
    for name, row in optimizers().items():
        if not row.refused:
            assert reading.optimizer(name).states == row.states, name


def test_an_engine_that_is_refused_says_why_and_is_not_offered():
    assert all(not engine.label for engine in ENGINES.values() if engine.refused)
