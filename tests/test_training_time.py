"""Training speed: arithmetic by hand, laws, and the published rows it must be true on."""

import dataclasses
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculator.catalogs import accelerator, accelerators, architecture, architectures
from calculator.evaluation import published, summarise
from calculator.evaluation import training_throughput as validation
from calculator.evaluation.contact import ALL, register
from calculator.evaluation.figures import figures
from calculator.llm.hardware import machine
from calculator.llm.training import time as training_time
from calculator.llm.training.memory import TrainingSetup
from calculator.llm.training.time import Kernels, throughput
from calculator.llm.training.work import score_flops_per_token, training_flops_per_token

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


def test_an_adapter_is_launched_for_each_matrix_it_sits_on():
    lora = {"method": "lora", "lora_rank": 8}
    terms = [
        training_time.ideal_terms(LLAMA, A100, setup(**lora, lora_targets=targets), Kernels(adapter=adapter)).adapted
        for targets, adapter in (
            (("q_proj", "v_proj"), "low-rank"), ("all-linear", "low-rank"), ("attention", "vector"),
        )
    ]
    # Two matrices of each layer, all seven, and vectors that have no products of their own.
    assert terms == [2, 7, 0]


def test_a_card_known_by_its_memory_is_the_middle_one_and_the_band_reaches_from_the_slowest_to_the_fastest(rows):
    cards = validation.cards_of_class("not stated (80 GB class)")
    assert {card.memory_gb for card in cards} == {80}
    speeds = [machine(card).matmul_flops for card in cards]
    assert speeds == sorted(speeds)
    assert validation.find_accelerator("80 GB card") is cards[(len(cards) - 1) // 2]
    assert validation.cards_of_class("H100 80GB") == validation.cards_of_class("GPU") == ()
    row = next(row for row in rows if validation.usable(row))
    guessed = validation.read({**row, "gpu": "80GB card"}).kernels.guessed
    assert guessed == pytest.approx(math.log(speeds[-1] / speeds[0]) / 2 / 1.645, rel=1e-3)


def test_checkpointing_that_is_not_stated_is_the_frameworks_and_full_under_a_quantised_base(rows):
    row = {**next(row for row in rows if validation.usable(row)), "grad_checkpointing": "", "notes": ""}
    for source, method, base, expected in (
        ("peft-a", "lora", "", "none"), ("peft-a", "qlora", "nf4", "full"), ("torchtune-a", "full", "", "full"),
    ):
        read = validation.read({**row, "source_id": source, "source_locator": "", "method": method, "base_quant": base})
        assert read.setup.checkpointing == expected
        assert read.kernels.guessed > 0


def test_a_loop_over_experts_is_slower_than_one_product():
    fine = architecture("Qwen/Qwen3-235B-A22B")
    short = {"seq_len": 512, "gradient_accumulation": 16}
    assert speed(short, H100, fine, grouped_experts=False) < 0.5 * speed(short, H100, fine)
    # ZeRO-3 gathers each expert of the loop by itself
    spread = {**short, "n_gpus": 8, "sharding": "zero3"}
    whole = {**spread, "sharding": "fsdp"}
    assert speed(spread, H100, fine, grouped_experts=False) < 0.5 * speed(whole, H100, fine, grouped_experts=False)


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


def test_an_interleaved_pipeline_waits_less():
    stages = {"n_gpus": 4, "pipeline_parallel": 4, "gradient_accumulation": 4}
    assert speed({**stages, "virtual_stages": 3}) == pytest.approx(speed(stages) * (1 + 3 / 4) / (1 + 3 / 12))


MIXTURE = architecture("Qwen/Qwen3-30B-A3B")


def terms(changes, gpu=H100, model=MIXTURE, **kernels):
    return training_time.ideal_terms(model, gpu, setup(**changes), Kernels(**kernels))


def test_tokens_travel_to_their_experts_and_back_four_times():
    # Two bytes for k·h numbers, 48 layers, dispatch and combine, there and back; one in eight stays.
    sent = 2 * 8 * 2048 * 48 * 4 * 7 / 8
    spread = {"n_gpus": 8, "expert_parallel": 8}
    assert terms(spread).all_to_all == pytest.approx(sent / 450e9)
    assert terms({**spread, "checkpointing": "full"}).all_to_all == pytest.approx(sent * 6 / 4 / 450e9)
    assert terms({"n_gpus": 8}).all_to_all == 0


def test_outside_the_domain_of_fast_links_experts_are_dear():
    spread = {"n_gpus": 64, "expert_parallel": 64}
    rack = accelerator("NVIDIA GB200")
    assert terms(spread).all_to_all > 3 * terms({"n_gpus": 8, "expert_parallel": 8}).all_to_all
    assert terms(spread, rack).all_to_all < terms(spread).all_to_all / 3


def test_experts_that_are_spread_are_not_gathered_nor_reduced_whole():
    sharded = {"n_gpus": 64, "sharding": "fsdp"}
    assert terms({**sharded, "expert_parallel": 64}).gather < 0.2 * terms(sharded).gather


def test_tensor_and_pipeline_parallelism_split_what_is_reduced():
    # Eight GPUs of one node: as two copies of four, or as eight of one.
    alone, split = ({"n_gpus": 8, "tensor_parallel": tp, "sharding": "ddp"} for tp in (1, 4))
    # A copy of four GPUs takes a quarter of the seconds per token but counts four of them: (2-1)/2 against (8-1)/8.
    assert terms(split, model=LLAMA).gather == pytest.approx(terms(alone, model=LLAMA).gather * (1 / 2) / (7 / 8))


def test_a_host_that_steps_the_optimizer_is_shared_by_its_gpus():
    one, eight = (
        terms({"n_gpus": n, "sharding": "zero3", "offload": "optimizer"}, model=LLAMA).host for n in (1, 8)
    )
    assert eight == pytest.approx(one)
    assert terms({}, model=LLAMA).host == 0


def test_paged_states_pass_the_bus_only_where_they_do_not_fit():
    paged = {"optimizer": "paged-adamw"}
    assert terms(paged, accelerator("NVIDIA B200 SXM"), LLAMA).gather == 0
    # All 8-byte states of 8.03 billion parameters leave a card that is full of weights and gradients: in and out.
    short = terms({**paged, "seq_len": 1024, "micro_batch": 1}, accelerator("NVIDIA RTX 4090"), LLAMA)
    assert short.gather == pytest.approx(16 * 8.030261248e9 / 32e9 / 1024, rel=1e-6)


def test_later_attention_kernels_are_faster_and_none_is_slowest():
    long = {"seq_len": 65536, "micro_batch": 1}
    third, second, first, none = (speed(long, H100, attention=k) for k in ("fa3", "fa2", "fa1", "eager"))
    assert third > 1.3 * second
    assert second > first > none


def test_narrow_arithmetic_gains_at_most_what_the_peaks_allow():
    wide = speed({"micro_batch": 8}, H100, LLAMA)
    fp8 = speed({"micro_batch": 8}, H100, LLAMA, arithmetic="fp8")
    assert wide < fp8 < wide * 1979 / 989
    b200 = accelerator("NVIDIA B200 SXM")
    formats = [speed({"micro_batch": 8}, b200, LLAMA, arithmetic=a) for a in ("fp32", "tf32", "bf16", "fp8", "nvfp4")]
    assert formats == sorted(formats)
    # A card without the format computes in 16 bit.
    assert speed({}, A100, LLAMA, arithmetic="fp8") == speed({}, A100, LLAMA)


def test_a_reference_model_costs_a_forward_pass():
    plain, asked = terms({}, model=LLAMA), terms({"objective": "dpo"}, model=LLAMA)
    assert asked.matmul == pytest.approx(plain.matmul * 4 / 3)
    assert asked.optimizer == plain.optimizer


def test_unpacked_examples_take_the_time_of_their_own_lengths():
    unpacked = setup(packing=False, seq_len=4096, micro_batch=4)
    short, long = (
        training_time.throughput_on_examples(LLAMA, A100, unpacked, mean_tokens=m, spread=0.5) for m in (130, 1300)
    )
    packed = training_time.throughput_on_examples(
        LLAMA, A100, setup(seq_len=4096, micro_batch=4), mean_tokens=130, spread=0.5
    )
    assert short.tokens_per_s_per_gpu < long.tokens_per_s_per_gpu < packed.tokens_per_s_per_gpu


def test_a_bad_kernel_is_refused_by_its_name():
    with pytest.raises(ValueError, match=r"arithmetic: must be one of bf16.*'int3' was given"):
        Kernels(arithmetic="int3")
    with pytest.raises(ValueError, match="real_token_share: must be above 0"):
        Kernels(real_token_share=0)


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
    if not gpu.bandwidth_gb_per_s:
        with pytest.raises(ValueError, match="accelerator: no memory bandwidth is known for"):
            throughput(LLAMA, gpu, setup(method="lora"))
        return
    found = throughput(LLAMA, gpu, setup(method="lora"))
    assert 0 < found.low < found.tokens_per_s_per_gpu < found.high < math.inf
    assert 0 < found.mfu < 1


@pytest.mark.parametrize("name", ["NVIDIA RTX 3090", "AMD MI355X", "NVIDIA T4", "Apple M4 Max"])
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
    return list(published("training-throughput"))


def errors(rows, learnt):
    """(error, inside the band, band width) of the complete rows, by project."""
    found = {}
    for row in rows:
        if row["completeness"] != "A" or not validation.usable(row):
            continue
        answer = validation.predict(row, coefficients=learnt)
        estimate, low, high = (answer[name] for name in validation.FIELDS[1:4])
        measured = float(row["tokens_per_s_per_gpu"])
        found.setdefault(validation.source_family(row), []).append(
            (estimate / measured - 1, low <= measured <= high, high / low)
        )
    return found


def test_errors_and_band_are_what_we_claim_on_the_rows_of_the_fit(rows):
    found = errors(rows, validation.PACKAGE)
    assert len(found) >= 8
    assert statistics.mean(statistics.median(abs(e) for e, _, _ in rows) for rows in found.values()) < 0.12
    assert statistics.mean(statistics.mean(inside for _, inside, _ in rows) for rows in found.values()) > 0.88
    assert statistics.median(rows[0][2] for rows in found.values()) < 3


def test_errors_and_band_are_what_we_claim_on_a_project_left_out():
    found = summarise(figures().compared["training-throughput"][0].complete)
    assert found.rows >= 360
    assert found.median_error < 0.10
    assert found.within_20 > 0.8
    assert found.band_coverage > 0.85
    # A width of 1.8 was asked once. Bands about so wide held half of the runs of sources that nobody had seen.
    met = [one for one in register() if one.what == "training-throughput" and one.kind == ALL and one.band_width]
    narrow = [one.band_coverage for one in met if one.band_width < 1.8]
    assert statistics.mean(narrow) < 0.6
    assert 1.8 < found.band_width < 2.5


def test_coefficients_fitted_on_one_generation_of_gpus_hold_on_the_next(rows):
    older = [row for row in rows if "A100" in row["gpu"]]
    newer = [row for row in rows if "H100" in row["gpu"]]
    found = [run for runs in errors(newer, validation.fit(older)).values() for run in runs]
    assert len(found) > 50
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
        ({"seq_len": "long"}, "seq_len: must be a number, 'long' was given"),
        (
            {"model": "nobody/knows", "params_b": ""},
            "model: no dimensions are known for 'nobody/knows', and its size is not stated",
        ),
        ({"gpu": "Abacus 3000"}, "gpu: 'Abacus 3000' is not in the catalogue"),
        ({"method": "embedding model"}, "method: no law for 'embedding model'"),
        ({"micro_batch": "many"}, "micro_batch: must be a number, 'many' was given"),
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
        ("zero2/zero3 (deepspeed script default)", "zero3"),
    ],
)
def test_a_published_way_of_sharding_is_recognised(rows, published, sharding):
    assert validation.read({**rows[1], "sharding": published}).setup.sharding == sharding


@pytest.mark.parametrize(
    ("published", "adapter"),
    [("peft:ia3", "vector"), ("adapter_v2", "vector"), ("peft:loha", "full-size"), ("adalora", "low-rank")],
)
def test_an_adapter_other_than_lora_is_told_by_what_it_does_to_the_work(rows, published, adapter):
    found = validation.read({**rows[1], "method": published})
    assert (found.setup.method, found.kernels.adapter) == ("lora", adapter)
    assert found.kernels.guessed > 0


@pytest.mark.parametrize(
    ("published", "method", "objective"),
    [("dpo full", "full", "dpo"), ("lora dpo", "lora", "dpo"), ("orpo lora", "lora", "simpo"), ("dpo", "full", "dpo")],
)
def test_preference_training_is_read_as_what_it_is(rows, published, method, objective):
    setup = validation.read({**rows[1], "method": published}).setup
    assert (setup.method, setup.objective) == (method, objective)


@pytest.mark.parametrize("published", ["ppo", "grpo lora"])
def test_reinforcement_learning_is_never_read_as_plain_training(rows, published):
    assert "sampling engine" in validation.predict({**rows[1], "method": published})["reason"]


@pytest.mark.parametrize("published", ["distillation", "reranker", "rlhf", ""])
def test_a_method_without_a_law_is_refused(rows, published):
    assert validation.predict({**rows[1], "method": published})["reason"].startswith("method: no law for")


def test_a_stated_power_limit_slows_the_clock():
    limited = validation.find_accelerator("H100 SXM 350W")
    assert limited.matmul_tflops == pytest.approx(H100.matmul_tflops * math.sqrt(350 / 700))
    assert limited.bandwidth_gb_per_s == H100.bandwidth_gb_per_s


def test_an_encoder_multiplies_no_head_and_attends_both_ways():
    encoder = architecture("google-bert/bert-base-uncased")
    causal = dataclasses.replace(encoder, encoder=False)
    setup = TrainingSetup(method="full", seq_len=512, checkpointing="none")
    own, other = (training_flops_per_token(a, setup).model for a in (encoder, causal))
    scores = score_flops_per_token(encoder, 512)
    assert scores == 2 * score_flops_per_token(causal, 512) == 2 * 12 * 12 * (64 + 64) * 512
    # Twelve layers of four square products and an MLP of four times the width; six FLOPs each.
    products = 12 * (4 * 768 * 768 + 2 * 768 * 3072)
    assert own == pytest.approx(6 * products + 3 * scores)
    assert other == pytest.approx(own - 1.5 * scores + 6 * 768 * encoder.vocab)
