"""Training speed: arithmetic by hand, laws, and the published rows it must be true on."""

import csv
import dataclasses
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculator.catalogs import accelerator, accelerators, architecture, architectures
from calculator.evaluation import training_throughput as validation
from calculator.llm.training import time as training_time
from calculator.llm.training.memory import TrainingSetup
from calculator.llm.training.time import FITTED, Kernels, throughput

LLAMA = architecture("meta-llama/Meta-Llama-3-8B")
A100 = accelerator("NVIDIA A100 SXM 80GB")
H100 = accelerator("NVIDIA H100 SXM")


def setup(**changes):
    return TrainingSetup(**{"method": "full", "seq_len": 4096, "micro_batch": 2, "checkpointing": "none", **changes})


def speed(changes, gpu=A100, model=LLAMA, **kernels):
    return throughput(model, gpu, setup(**changes), Kernels(**kernels)).tokens_per_s_per_gpu


# Llama-3-8B, by hand: 32 layers of 4096·4096·2 + 4096·1024·2 + 3·4096·14336 weights, and a head of 4096·128256.
LAYERS, HEAD = 32 * (2 * 4096**2 + 2 * 4096 * 1024 + 3 * 4096 * 14336), 4096 * 128256
SCORES = 2 * 2 * 32 * 4096 * 4096 / 2


def test_full_training_takes_six_flops_per_multiplied_weight_and_attention():
    flops = training_time.training_flops_per_token(LLAMA, setup())
    assert flops.model == pytest.approx(6 * (LAYERS + HEAD) + 3 * SCORES, rel=1e-12)
    assert flops.hardware == pytest.approx(6 * (LAYERS + HEAD) + 3.5 * SCORES, rel=1e-12)


def test_attention_adds_the_worked_share_at_4096_tokens():
    assert round(100 * 3 * SCORES / (6 * 8.03e9), 1) == 6.7
    assert training_time.score_flops_per_token(LLAMA, 4096) == SCORES


def test_recomputing_everything_adds_one_forward_pass_of_the_layers():
    plain = training_time.training_flops_per_token(LLAMA, setup())
    again = training_time.training_flops_per_token(LLAMA, setup(checkpointing="full"))
    assert again.model == plain.model
    assert again.hardware - plain.hardware == pytest.approx(2 * LAYERS + SCORES, rel=1e-12)


def test_a_frozen_base_takes_four_and_its_adapter_six():
    # Two matrices per layer, query and value: (4096 + 4096 + 4096 + 1024) · 16 adapter weights in each of 32 layers.
    adapter = 32 * 16 * (4096 + 4096 + 4096 + 1024)
    lora = training_time.training_flops_per_token(
        LLAMA, setup(method="lora", lora_rank=16, lora_targets=("q_proj", "v_proj"))
    )
    assert lora.model == pytest.approx(4 * (LAYERS + HEAD) + 6 * adapter + 3 * SCORES, rel=1e-12)


def test_a_window_bounds_what_a_token_attends_to():
    mistral = architecture("mistralai/Mistral-7B-v0.1")
    full = 2 * 2 * 32 * 4096
    assert training_time.score_flops_per_token(mistral, 4096) == full * 2048
    # The first 4096 of 8192 tokens see half of their number on average, the others 4096.
    assert training_time.score_flops_per_token(mistral, 8192) == full * (2048 + 4096) / 2


def test_a_mixture_computes_only_the_experts_a_token_is_routed_to():
    mixtral = architecture("mistralai/Mixtral-8x7B-v0.1")
    attention, experts = 32 * (2 * 4096**2 + 2 * 4096 * 1024), 32 * 2 * 3 * 4096 * 14336
    multiplied = attention + experts + 32 * 4096 * 8 + 4096 * 32000
    flops = training_time.training_flops_per_token(mixtral, setup(seq_len=1))
    assert flops.model == pytest.approx(6 * multiplied, rel=1e-3)


def test_utilisation_is_useful_work_over_the_peak():
    found = throughput(LLAMA, A100, setup())
    flops = training_time.training_flops_per_token(LLAMA, setup()).model
    assert found.mfu == pytest.approx(found.tokens_per_s_per_gpu * flops / 312e12)
    assert 0.4 < found.mfu < 0.7


def test_the_parts_make_up_the_time_where_nothing_overlaps():
    seconds = throughput(LLAMA, A100, setup(micro_batch=16)).seconds
    parts = seconds.matmul + seconds.attention + seconds.traffic + seconds.logits + seconds.optimizer
    assert seconds.total == pytest.approx(parts, rel=0.01)
    assert seconds.gather == seconds.tensor_parallel == seconds.adapter == seconds.dequantisation == 0


def test_a_small_batch_of_a_small_model_waits_for_python():
    small = architecture("Qwen/Qwen2.5-0.5B")
    few = throughput(small, H100, setup(seq_len=128, micro_batch=1)).seconds
    assert few.launch > 0.9 * few.total
    many = throughput(small, H100, setup(seq_len=4096, micro_batch=32)).seconds
    assert many.launch < 0.1 * many.total


def test_a_loop_over_experts_is_slower_than_one_product():
    fine = architecture("Qwen/Qwen3-235B-A22B")
    assert speed({"seq_len": 2048}, H100, fine, grouped_experts=False) < 0.5 * speed({"seq_len": 2048}, H100, fine)


def test_offloading_the_optimizer_costs_its_way_over_the_bus():
    kept, offloaded = (throughput(LLAMA, A100, setup(offload=where)) for where in ("none", "optimizer"))
    assert offloaded.tokens_per_s_per_gpu < kept.tokens_per_s_per_gpu
    assert offloaded.log_deviation > kept.log_deviation
    lora = {"method": "lora", "offload": "optimizer"}
    assert speed(lora) == speed({**lora, "offload": "none"})
    assert speed({**lora, "offload": "parameters"}) < speed(lora)


def test_a_pipeline_waits_for_its_first_and_last_micro_batch():
    stages = {"n_gpus": 4, "pipeline_parallel": 4}
    few, many = speed({**stages, "gradient_accumulation": 4}), speed({**stages, "gradient_accumulation": 60})
    assert few == pytest.approx(many * (1 + 3 / 60) / (1 + 3 / 4), rel=0.05)


def test_accumulation_follows_from_the_global_batch():
    # 512 sequences over 64 GPUs that hold 8 copies of 8 GPUs each: 512 / (8 · 2) micro-batches of two.
    found = setup(n_gpus=64, tensor_parallel=4, pipeline_parallel=2, micro_batch=2, global_batch=512)
    assert found.accumulation_steps == 32
    assert setup(gradient_accumulation=4).accumulation_steps == 4
    with pytest.raises(ValueError, match="global_batch: 0 or more is needed"):
        setup(global_batch=-1)


def test_padding_is_not_counted_as_speed():
    assert speed({}, real_token_share=0.4) == pytest.approx(0.4 * speed({}))


def test_a_guess_widens_the_band():
    known, guessed = (throughput(LLAMA, A100, setup(), Kernels(guessed=g)) for g in (0.0, 0.4))
    assert guessed.high / guessed.low > known.high / known.low
    assert guessed.tokens_per_s_per_gpu == known.tokens_per_s_per_gpu
    assert known.at(0) == known.tokens_per_s_per_gpu
    assert known.at(-1.645) == pytest.approx(known.low)


@pytest.mark.parametrize("name", sorted(accelerators()))
def test_an_accelerator_of_the_catalogue_gives_a_speed_or_says_why_not(name):
    gpu = accelerator(name)
    if not ((gpu.bf16_tflops or gpu.fp16_tflops or gpu.matmul_tflops) and gpu.bandwidth_gb_per_s):
        with pytest.raises(ValueError, match="accelerator: no speed of matrix products or memory is known for"):
            throughput(LLAMA, gpu, setup(method="lora"))
        return
    found = throughput(LLAMA, gpu, setup(method="lora"))
    assert 0 < found.low < found.tokens_per_s_per_gpu < found.high < math.inf
    assert 0 < found.mfu < 1


@pytest.mark.parametrize("name", ["NVIDIA RTX 4090", "NVIDIA B200 SXM", "AMD MI300X", "NVIDIA L4"])
def test_a_gpu_outside_the_fit_has_a_wider_band(name):
    known = throughput(LLAMA, A100, setup())
    unseen = throughput(LLAMA, accelerator(name), setup())
    assert unseen.log_deviation > known.log_deviation


def test_every_model_of_the_catalogue_trains_at_a_finite_speed():
    for model in architectures().values():
        for method in ("full", "lora", "qlora"):
            found = throughput(model, H100, setup(method=method, n_gpus=8, sharding="fsdp"))
            assert 0 < found.low < found.high < math.inf, model.hf_id


setups = st.builds(
    dict,
    method=st.sampled_from(["full", "lora", "qlora"]),
    seq_len=st.sampled_from([128, 512, 1024, 4096, 16384, 65536]),
    micro_batch=st.sampled_from([1, 2, 4, 8, 32]),
    checkpointing=st.sampled_from(["none", "selective", "alternate", "full"]),
    n_gpus=st.sampled_from([1, 2, 8, 64]),
    sharding=st.sampled_from(["none", "ddp", "zero2", "zero3", "fsdp"]),
    gradient_accumulation=st.sampled_from([1, 4, 16]),
    compile=st.booleans(),
)
models = st.sampled_from(sorted(architectures())).map(architecture)
gpus = st.sampled_from(["NVIDIA A100 SXM 80GB", "NVIDIA H100 SXM", "NVIDIA L40S", "NVIDIA RTX 4090"]).map(accelerator)
SLACK = 1 + 1e-9


@settings(max_examples=60, deadline=None)
@given(changes=setups, model=models, gpu=gpus)
def test_laws_of_the_set_up_hold(changes, model, gpu):
    base = speed(changes, gpu, model)
    assert speed({**changes, "checkpointing": "full"}, gpu, model) <= base * SLACK
    assert speed({**changes, "compile": True}, gpu, model) >= base / SLACK
    assert speed({**changes, "micro_batch": 2 * changes["micro_batch"]}, gpu, model) >= base / SLACK
    long_rows = {**changes, "seq_len": 2 * changes["seq_len"]}
    more_rows = {**changes, "micro_batch": 2 * changes["micro_batch"]}
    assert speed(long_rows, gpu, model) <= speed(more_rows, gpu, model) * SLACK
    assert speed({**changes, "fused_kernels": True}, gpu, model) >= base / SLACK
    assert speed({**changes, "loss": "fused"}, gpu, model) >= base / SLACK
    assert speed(changes, gpu, model, fp8=True) >= base / SLACK
    # Copies of the model on more GPUs exchange gradients; sharding also splits the optimizer step, so it may gain.
    copies = {**changes, "sharding": "ddp"}
    assert speed({**copies, "n_gpus": 1}, gpu, model) >= speed(copies, gpu, model) / SLACK


@settings(max_examples=60, deadline=None)
@given(changes=setups, model=models, gpu=gpus, base=st.sampled_from(["nf4", "nf4-double", "gptq", "int8"]))
def test_quantising_the_base_never_trains_faster(changes, model, gpu, base):
    # Without sharding: quantised weights are gathered faster.
    alone = {**changes, "sharding": "none"}
    lora = speed({**alone, "method": "lora"}, gpu, model)
    assert speed({**alone, "method": "qlora", "base_quantisation": base}, gpu, model) <= lora * SLACK


@settings(max_examples=60, deadline=None)
@given(changes=setups, model=models, rank=st.integers(1, 256), more=st.integers(1, 256))
def test_a_larger_adapter_never_trains_faster(changes, model, rank, more):
    lora = {**changes, "method": "lora", "lora_rank": rank}
    assert speed({**lora, "lora_rank": rank + more}, A100, model) <= speed(lora, A100, model) * SLACK
    few = {**lora, "lora_targets": ("q_proj", "v_proj")}
    if not model.recurrent:
        assert speed(lora, A100, model) <= speed(few, A100, model) * SLACK


@settings(max_examples=40, deadline=None)
@given(changes=setups, model=models, factor=st.floats(1, 4))
def test_a_faster_gpu_never_trains_slower(changes, model, factor):
    base = speed(changes, A100, model)
    memory = dataclasses.replace(A100, bandwidth_gb_per_s=A100.bandwidth_gb_per_s * factor)
    products = dataclasses.replace(A100, matmul_tflops=A100.matmul_tflops * factor)
    assert speed(changes, memory, model) >= base / SLACK
    assert speed(changes, products, model) >= base / SLACK


@pytest.fixture(scope="module")
def rows():
    with validation.MEASURED.open(newline="") as lines:
        return list(csv.DictReader(lines))


def errors(rows, coefficients):
    """(log error, inside the band, band width) of the complete rows."""
    found = []
    for row in rows:
        if row["completeness"] != "A":
            continue
        answer = validation.predict(row, coefficients=coefficients)
        assert not answer["reason"], row["row_id"]
        estimate, low, high = (answer[name] for name in validation.FIELDS[1:4])
        measured = float(row["tokens_per_s_per_gpu"])
        found.append((estimate / measured - 1, low <= measured <= high, high / low))
    return found


def test_the_published_coefficients_are_what_the_fit_gives(rows):
    again = dataclasses.asdict(validation.fit(rows))
    for name, value in dataclasses.asdict(FITTED).items():
        assert again[name] == pytest.approx(value, rel=2e-3), name


def test_errors_and_band_are_what_we_claim_on_the_rows_of_the_fit(rows):
    found = errors(rows, FITTED)
    assert len(found) == 360
    assert statistics.median(abs(e) for e, _, _ in found) < 0.05
    assert statistics.mean(inside for _, inside, _ in found) > 0.9


def test_errors_and_band_are_what_we_claim_on_a_source_left_out(rows):
    found = []
    for source in sorted({row["source_id"] for row in rows if row["completeness"] == "A"}):
        others = [row for row in rows if row["source_id"] != source]
        found += errors([row for row in rows if row["source_id"] == source], validation.fit(others))
    assert len(found) == 360
    assert statistics.median(abs(e) for e, _, _ in found) < 0.10
    assert statistics.mean(abs(e) < 0.2 for e, _, _ in found) > 0.8
    assert statistics.mean(inside for _, inside, _ in found) > 0.85
    assert statistics.median(width for _, _, width in found) < 1.8


def test_coefficients_fitted_on_one_generation_of_gpus_hold_on_the_next(rows):
    complete = [row for row in rows if validation.usable(row)]
    older = [row for row in complete if "A100" in row["gpu"]]
    newer = [row for row in complete if "A100" not in row["gpu"] and row["completeness"] == "A"]
    found = errors(newer, validation.fit(older))
    assert len(found) == 52
    assert statistics.median(abs(e) for e, _, _ in found) < 0.15
    assert statistics.mean(inside for _, inside, _ in found) > 0.85


ANSWERS = ("tokens_per_s_per_gpu", "samples_per_s", "mfu", "hfu", "tflops_per_gpu", "step_time_s")


def test_a_prediction_never_reads_an_answer(rows):
    for row in rows:
        blank = {**row, **dict.fromkeys(ANSWERS, "")}
        lies = {**row, **dict.fromkeys(ANSWERS, "1234.5")}
        assert validation.predict(row) == validation.predict(blank) == validation.predict(lies)


def test_notes_are_read_for_frameworks_and_kernels_only(rows):
    row = next(row for row in rows if row["row_id"] == "T0010")
    chatty = {**row, "notes": "9,999 tokens/s, mfu 61, took 3 h on seq_len 128 with micro_batch 64"}
    assert validation.predict(chatty) == validation.predict({**row, "notes": ""})
    kernels = {**row, "notes": "measured with Liger kernels: 9,999 tokens/s"}
    faster = validation.predict(kernels)["estimate_tokens_per_s_per_gpu"]
    assert faster > validation.predict(row)["estimate_tokens_per_s_per_gpu"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seq_len": ""}, "seq_len: the row does not say how long its sequences are"),
        ({"model": "nobody/knows-9b", "params_b": ""}, "model: no dimensions known for 'nobody/knows-9b'"),
        ({"gpu": "Abacus 3000"}, "gpu: 'Abacus 3000' is not in the catalogue"),
        ({"method": "peft:boft"}, "method: no law for 'boft'"),
        ({"compute_dtype": "tf32"}, "compute_dtype: no law for products in tf32"),
        ({"micro_batch": "many"}, "micro_batch: must be a number, 'many' was given"),
        ({"gpu": "GTX 1080 Ti"}, "accelerator: no speed of matrix products or memory is known for NVIDIA GTX 1080 Ti"),
    ],
)
def test_a_row_that_cannot_be_predicted_says_why(rows, changes, reason):
    answer = validation.predict({**rows[1], **changes})
    assert answer == {
        "row_id": rows[1]["row_id"], "estimate_tokens_per_s_per_gpu": "", "low_tokens_per_s_per_gpu": "",
        "high_tokens_per_s_per_gpu": "", "reason": reason,
    }


@pytest.mark.parametrize(
    ("published", "name"),
    [
        ("A100", "NVIDIA A100 SXM 80GB"), ("A100-80GB", "NVIDIA A100 SXM 80GB"),
        ("A100-SXM4-40GB", "NVIDIA A100 SXM 40GB"), ("A100-PCIE-40GB", "NVIDIA A100 PCIe 40GB"),
        ("H100", "NVIDIA H100 SXM"), ("8x H100 80GB HBM3", "NVIDIA H100 SXM"), ("H100 PCIe", "NVIDIA H100 PCIe"),
        ("H100 95GB HBM2e", "NVIDIA H100 96GB HBM2e"), ("NVIDIA H200 141GB", "NVIDIA H200 SXM"),
        ("GeForce RTX4090 24GB", "NVIDIA RTX 4090"), ("RTX 4080 Super", "NVIDIA RTX 4080 Super"),
        ("RTX 4080", "NVIDIA RTX 4080"), ("A6000", "NVIDIA RTX A6000"), ("Tesla T4", "NVIDIA T4"),
        ("RTX 6000 Ada", "NVIDIA RTX 6000 Ada"), ("MI300X", "AMD MI300X"), ("TPU v5e-256", "Google TPU v5e"),
        ("Gaudi 2", "Intel Gaudi2"), ("2x RTX 3090", "NVIDIA RTX 3090"), ("A800 80GB", "NVIDIA A800 SXM 80GB"),
    ],
)
def test_a_published_gpu_name_finds_its_chip(published, name):
    assert validation.find_accelerator(published).name == name


@pytest.mark.parametrize(
    ("published", "method"),
    [
        ("full", "full"), ("pretrain(full)", "full"), ("LoRA (r=16)", "lora"), ("QLoRA", "qlora"),
        ("lora+embeddings trainable", "lora"), ("peft:lora", "lora"), ("DoRA", "lora"),
    ],
)
def test_a_published_method_is_one_of_three(rows, published, method):
    row = {**rows[1], "method": published}
    assert validation.read(row).setup.method == method


@pytest.mark.parametrize(
    ("published", "sharding"),
    [
        ("none", "none"), ("ddp", "ddp"), ("fsdp FULL_SHARD (zero3) mp=PURE", "fsdp"), ("fsdp2 32", "fsdp2"),
        ("zero2 single GPU", "zero2"), ("DeepSpeed ZeRO Stage-3", "zero3"), ("deepspeed stage 1", "zero1"),
        ("zero2/zero3 (deepspeed script default)", "zero2"),
    ],
)
def test_a_published_way_of_sharding_is_recognised(rows, published, sharding):
    assert validation.read({**rows[1], "sharding": published}).setup.sharding == sharding


@pytest.mark.parametrize("published", ["peft:randlora", "peft:tinylora", "adalora", "dpo", "lora dpo", "adapter", ""])
def test_a_method_without_a_law_is_refused(rows, published):
    assert validation.predict({**rows[1], "method": published})["reason"].startswith("method: no law for")


def test_a_stated_power_limit_slows_the_clock():
    limited = validation.find_accelerator("H100 SXM 350W")
    assert limited.matmul_tflops == pytest.approx(H100.matmul_tflops * math.sqrt(350 / 700))
    assert limited.bandwidth_gb_per_s == H100.bandwidth_gb_per_s
