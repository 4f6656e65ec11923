"""Serving: bytes and bits worked out by hand, laws that must hold, and the error on what others measured."""

import csv
from dataclasses import replace
from functools import cache
from math import exp, inf, isfinite, log
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculator.catalogs import Accelerator, Architecture, accelerators, architecture
from calculator.evaluation import inference, kv_cache, published
from calculator.evaluation.names import resolve
from calculator.llm import parameters, queueing
from calculator.llm.serving import (
    ENGINES,
    FITTED,
    FORMATS,
    Draft,
    ServingSetup,
    cache_gib,
    cache_tokens,
    decode,
    energy_j_per_token,
    engine,
    expert_coverage,
    fits,
    grouped_bits,
    memory,
    most_sequences,
    room_gb,
    serve,
    slots_within,
    throughput,
    time_to_first_token,
    weight_format,
    weights_gib,
)
from calculator.llm.serving.body import GIB, body
from calculator.llm.serving.devices import rates
from calculator.llm.serving.formats import KERNELS
from calculator.llm.serving.place import how_far, spread
from calculator.llm.serving.speed import prefill_ms

H100 = "NVIDIA H100 SXM"
ANSWERS = (
    "decode_tok_s", "total_tok_s", "output_throughput_tok_s", "prefill_tok_s", "ttft_ms", "itl_ms_median",
    "memory_gib", "memory_as_published", "achieved_bandwidth_gb_s", "avg_power_w", "energy_j_per_output_token",
)


def model(name: str) -> Architecture:
    found = resolve(name)
    assert found is not None
    return found


def setup(name: str = "meta-llama/Llama-3.1-8B", device: str = H100, **options: object) -> ServingSetup:
    return ServingSetup(model=model(name), device=accelerators()[device], **options)  # type: ignore[arg-type]


@cache
def rows() -> tuple[dict[str, str], ...]:
    return tuple(dict(row) for row in published("inference"))


# Bytes


@pytest.mark.parametrize(
    ("name", "bytes_per_token"),
    [
        # 2 × layers × key-value heads × width × 2 bytes.
        ("meta-llama/Llama-3.1-8B", 2 * 32 * 8 * 128 * 2),
        ("meta-llama/Llama-3.2-3B", 2 * 28 * 8 * 128 * 2),
        ("meta-llama/Meta-Llama-3-70B", 2 * 80 * 8 * 128 * 2),
        # Latent attention: 61 layers × (512 + 64) × 2 bytes.
        ("deepseek-ai/DeepSeek-V3", 61 * 576 * 2),
    ],
)
def test_a_token_takes_the_cache_that_the_architecture_says(name: str, bytes_per_token: int) -> None:
    assert cache_gib(setup(name), 1000) * GIB == pytest.approx(1000 * bytes_per_token)


def test_the_cache_of_common_models_is_as_published() -> None:
    kilobytes = [
        round(cache_gib(setup(name), 1) * GIB / 1e3)
        for name in ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.2-3B", "meta-llama/Meta-Llama-3-70B")
    ]
    assert kilobytes == [131, 115, 328]


def test_a_window_bounds_the_cache_of_its_layers() -> None:
    gemma = setup("google/gemma-3-27b-it")
    windowed = sum(kind.layers * kind.numbers_per_token for kind in gemma.model.caches if kind.window)
    full = sum(kind.layers * kind.numbers_per_token for kind in gemma.model.caches if not kind.window)
    window = gemma.model.sliding_window
    assert windowed > full > 0
    expected = (windowed * window + full * 50_000) * 2
    assert cache_gib(gemma, 50_000) * GIB == pytest.approx(expected)
    assert cache_gib(gemma, window) * GIB == pytest.approx((windowed + full) * window * 2)


def test_a_quantised_cache_takes_its_bits() -> None:
    assert cache_gib(setup(cache_bits=8.0), 4000) == pytest.approx(cache_gib(setup(), 4000) / 2)


def test_eight_bit_arithmetic_keeps_an_eight_bit_cache_where_the_engine_does_and_four_bit_weights_do_not() -> None:
    # 163 sequences of 128 and 2,048 tokens of a 7B with 32 heads of 128 in 32 layers: 2 * 32 * 32 * 128 numbers a token
    # are 186 GB in 16 bit, and 93 GB in 8: beside 7 GB of weights only the latter fits 96 GiB. Half of it stands on
    # average.
    row = dict.fromkeys(rows()[0], "") | {
        "row_id": "x", "model": "meta-llama/Llama-2-7b-hf", "quant": "FP8", "device": "Gaudi2", "n_devices": "1",
        "batch": "163", "prompt_len": "128", "gen_len": "2048", "engine": "optimum-habana (HPU graphs)",
    }
    read = inference.read_row(row).setup
    full = 163 * (128 + 2048) * 2 * 32 * 32 * 128 / 1e9
    assert full == pytest.approx(93.0, rel=0.01)
    assert read.cache_bits == 8
    assert cache_gib(read, 2176) * 163 * GIB / 1e9 == pytest.approx(full)
    assert full + 7 < (read.device.memory_gb or 0) * GIB / 1e9 < 2 * full
    assert inference.read_row(row | {"quant": "BF16"}).setup.cache_bits == 16
    assert inference.read_row(row | {"quant": "AWQ"}).setup.cache_bits == 16


def test_an_80_gb_card_holds_some_150_sequences_of_3000_tokens_of_an_8b_model() -> None:
    # The worked example takes 80 GB for the card; the driver reports 85.5.
    assert most_sequences(setup(), 3000) == pytest.approx(137 * (85.5 * 0.9 - 17) / (72 - 18), rel=0.02)


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("q4_0", 4.5), ("q8_0", 8.5), ("q5_0", 5.5), ("mxfp4", 4.25), ("nvfp4", 4.5), ("nf4", 4.127),
        ("awq-int4", 4.15625), ("gptq-int8", 8.1875), ("fp8", 8.0),
    ],
)
def test_a_format_takes_its_scales_as_well(name: str, bits: float) -> None:
    assert weight_format(name).bits == pytest.approx(bits, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "gib"),
    # Files of Llama-3.1-8B: llama.cpp tools/quantize/README.md @311c2c9.
    [
        ("iq2_xxs", 2.23), ("q2_k_s", 2.78), ("q3_k_l", 4.02), ("iq4_xs", 4.17), ("q4_k_s", 4.36), ("q4_k_m", 4.58),
        ("q5_k_m", 5.33), ("q6_k", 6.14), ("q8_0", 7.95), ("fp16", 14.96),
    ],
)
def test_a_llama_cpp_file_is_as_large_as_published(name: str, gib: float) -> None:
    assert weights_gib(setup(stored=weight_format(name))) == pytest.approx(gib, rel=0.006)


def test_published_mixes_carry_over_to_another_model() -> None:
    # Bits per weight of Llama 2 13B: the same README, older edition.
    for name, bits in (("q4_k_m", 4.83), ("q5_k_s", 5.51), ("q3_k_s", 3.48), ("q6_k", 6.56)):
        size = weights_gib(setup("meta-llama/Llama-2-13b-hf", stored=weight_format(name))) * GIB * 8 / 13.016e9
        assert size == pytest.approx(bits, rel=0.03)


def test_embeddings_and_head_keep_their_own_precision() -> None:
    eight, three = setup(stored=weight_format("awq-int4")), setup("meta-llama/Llama-3.2-3B", stored=FORMATS["fp8"])
    assert body(eight.model, eight.stored).head_gb == pytest.approx(128256 * 4096 * 2 / 1e9)
    assert body(eight.model, eight.stored).embedding_gb == pytest.approx(128256 * 4096 * 2 / 1e9)
    assert body(three.model, three.stored).embedding_gb == 0
    assert body(three.model, three.stored).head_gb == pytest.approx(128256 * 3072 * 2 / 1e9)


def test_gpt_oss_stores_only_its_experts_in_four_bits() -> None:
    # The published checkpoint: 60.8 GiB.
    assert weights_gib(setup("openai/gpt-oss-120b", stored=weight_format("mxfp4"))) == pytest.approx(60.8, rel=0.01)


def test_the_size_of_a_file_takes_precedence() -> None:
    assert weights_gib(setup(stored=FORMATS["q4_k_m"], file_gib=4.7)) == pytest.approx(4.7)
    # A file of another thing does not.
    assert weights_gib(setup(stored=FORMATS["q4_k_m"], file_gib=40.0)) == pytest.approx(4.58, rel=0.01)


def test_formats_and_engines_that_are_not_known_are_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"weights: 'q9'.*q4_k_m"):
        weight_format("q9")
    with pytest.raises(ValueError, match=r"weights: 'exl2-90'"):
        weight_format("exl2-90")
    with pytest.raises(ValueError, match=r"engine: 'abacus'.*vllm"):
        engine("abacus")
    with pytest.raises(ValueError, match="group: at least 1"):
        grouped_bits(4, 0)
    assert weight_format("EXL2-3.5").bits == 3.5


@pytest.mark.parametrize(
    ("field", "value"),
    [("batch", 0.5), ("devices", 0), ("prompt_tokens", -1), ("answer_tokens", inf), ("split", "wish"), ("replicas", 3)],
)
def test_a_setup_names_the_field_that_cannot_be(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field}: "):
        setup(**{"devices": 4, field: value})


# Worked examples


def test_a_batch_touches_experts_as_the_formula_says() -> None:
    assert [round(expert_coverage(128, 8, tokens), 2) for tokens in (1, 8, 64)] == [0.06, 0.40, 0.98]
    assert expert_coverage(0, 0, 5) == 0


def test_experts_that_are_called_unevenly_leave_more_of_them_out() -> None:
    # 16 tokens after the first, 8 of 128 experts: 16/16 calls of each on average. With rates that spread as much as
    # their mean (an exponential distribution) half of them are left out by these; and 15 of 16 by the first.
    assert expert_coverage(128, 8, 17, 1.0) == pytest.approx(1 - 15 / 16 * 0.5)
    assert expert_coverage(128, 8, 1, 1.0) == pytest.approx(8 / 128)
    assert expert_coverage(128, 8, 0.5, 1.0) == pytest.approx(8 / 128)
    # The spreads of 1, 2/3 and none at all, of which the last is all but the even one.
    shares = [expert_coverage(128, 8, 64, evenness) for evenness in (1.0, 2.25, 1e6)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(expert_coverage(128, 8, 64), abs=0.003)


def test_bandwidth_is_what_a_copy_reaches_where_that_is_known() -> None:
    # 5.3 TB/s as sold, of which AMD accepts 79 % for a copy; most cards reach 92 %.
    mi300x = accelerators()["AMD MI300X"]
    assert rates(mi300x, FORMATS["bf16"]).bandwidth_gb_per_ms * 1000 == pytest.approx(5300 * 0.79 / 0.92)
    assert rates(accelerators()[H100], FORMATS["bf16"]).bandwidth_gb_per_ms == pytest.approx(3.35)
    s = setup(device="AMD MI300X", batch=1)
    half = replace(s, device=replace(mi300x, bandwidth_share=0.79 / 2))
    assert decode(half).parts.weights_ms == pytest.approx(2 * decode(s).parts.weights_ms)


def test_a_host_that_works_ahead_is_hidden_behind_a_longer_step() -> None:
    ahead, after = (
        decode(setup(batch=64, engine=replace(ENGINES["vllm"], host_ahead=early))).parts for early in (True, False)
    )
    device = after.total_ms - after.host_ms
    assert after.host_ms == pytest.approx(FITTED.step_ms + 64 * FITTED.sequence_ms)
    assert ahead.total_ms == pytest.approx((device**2 + after.host_ms**2) ** 0.5)


def test_rows_read_the_weights_again_up_to_where_matrices_are_multiplied() -> None:
    c = replace(FITTED, reread_mlx_share=0.5)
    each = [
        decode(setup(device="Apple M4 Max", engine=ENGINES["mlx"], batch=batch), c).parts.weights_ms
        for batch in (1, 3, 6, 7, 30)
    ]
    assert [one / each[0] for one in each] == pytest.approx([1, 2, 3.5, 3.5, 3.5])


def test_unpacking_takes_the_integer_lanes_of_every_core() -> None:
    # 8 billion matrix weights, two operations each, on 64 lanes of 108 cores at 1.41 GHz: 9.7 in a picosecond.
    s = setup(device="NVIDIA A100 SXM 80GB", stored=weight_format("hqq-int4"), engine=ENGINES["torchao"])
    b, gpu = body(s.model, s.stored), s.device
    assert gpu.cores
    assert gpu.clock_ghz
    lanes = 64 * gpu.cores * gpu.clock_ghz
    expected = 2 * b.active_billions / lanes * 1000
    with_it, without = (decode(s, replace(FITTED, unpack_operations=n)).parts.compute_ms for n in (2.0, 1e-9))
    assert with_it - without == pytest.approx(expected)
    assert expected == pytest.approx(2 * 7.5 / 9.7, rel=0.02)


def test_kernels_that_wait_for_their_tiles_add_reading_and_multiplying() -> None:
    s = setup(device="NVIDIA RTX 4090", stored=weight_format("q4_k_m"), engine=ENGINES["llama.cpp"], batch=16)
    parts = decode(s).parts
    assert parts.total_ms == pytest.approx(
        parts.weights_ms + parts.compute_ms + parts.cache_ms + parts.gaps_ms + parts.messages_ms + parts.host_ms
    )
    one = decode(replace(s, batch=1)).parts
    overlapped = (one.weights_ms**2 + one.compute_ms**2) ** 0.5
    assert one.total_ms == pytest.approx(overlapped + one.cache_ms + one.gaps_ms)


def test_engines_without_python_in_the_loop_have_gaps_and_messages_of_their_own() -> None:
    # 80 blocks of two messages; the hidden state of one token is 16 kB, which 450 GB/s carry in no time.
    c = replace(FITTED, message_native_ms=0.01, message_ms=0.02, gap_native_ms=0.04, gap_server_ms=0.05)
    for name, message, gap in (("tensorrt-llm", 0.01, 0.04), ("lmdeploy", 0.01, 0.04), ("vllm", 0.02, 0.05)):
        parts = decode(setup("meta-llama/Meta-Llama-3-70B", engine=ENGINES[name], devices=4), c).parts
        assert parts.messages_ms == pytest.approx(2 * 80 * message, rel=0.02)
        clock = accelerators()[H100].clock_ghz
        assert clock
        assert parts.gaps_ms == pytest.approx(80 * gap * 2 / clock)


@pytest.mark.parametrize(("arrivals", "wait"), [(10, 0.001), (12, 0.06), (13, 0.31), (14, 3.9)])
def test_64_slots_of_4_and_a_half_seconds_wait_as_erlang_says(arrivals: float, wait: float) -> None:
    assert queueing.mean_wait_s(64, arrivals, 4.5) == pytest.approx(wait, rel=0.16)


def test_erlang_c_is_the_sum_over_poisson_terms() -> None:
    slots, offered = 5, 3.2
    terms = [offered**n / _factorial(n) for n in range(slots + 1)]
    last = terms[slots] * slots / (slots - offered)
    assert queueing.erlang_c(slots, offered) == pytest.approx(last / (sum(terms[:slots]) + last))
    assert queueing.erlang_c(1, 0.5) == pytest.approx(0.5)


def _factorial(n: int) -> int:
    return 1 if n < 2 else n * _factorial(n - 1)


def test_a_queue_at_or_beyond_its_capacity_waits_for_ever() -> None:
    assert queueing.mean_wait_s(4, 2.0, 2.0) == inf
    assert queueing.erlang_c(4, 9.0) == 1.0
    with pytest.raises(ValueError, match="slots: at least 1"):
        queueing.erlang_c(0, 1.0)
    with pytest.raises(ValueError, match="offered: 0 or more"):
        queueing.erlang_c(2, -1.0)
    assert queueing.mean_wait_s(8, queueing.highest_load(8, 4.5, 0.3), 4.5) == pytest.approx(0.3, rel=0.01)


def test_littles_law_counts_who_is_in_service() -> None:
    assert queueing.concurrency(5, 4.5) == pytest.approx(22.5)


def test_an_8b_model_reads_what_the_worked_example_says() -> None:
    eight = setup()
    read = body(eight.model, eight.stored)
    step_gb = read.dense_gb + read.head_gb + read.rest_gb + read.cache_gb(2000, 16)
    assert 3350 / step_gb == pytest.approx(219, rel=0.01)


@pytest.mark.parametrize(("tokens", "worked_ms"), [(2000, 81), (8000, 367)])
def test_a_prompt_takes_the_operations_of_its_tokens(tokens: int, worked_ms: float) -> None:
    # 40 % of 989 TFLOPS, of which large products reach 794.5. The worked example counts all parameters, the law the
    # matrices, and the head once.
    sure = replace(FITTED, share_prefill=0.4 * 989 / 794.5, gap_server_ms=1e-9)
    matrices, head = 6.979e9, 128256 * 4096
    by_hand_ms = (2 * matrices * tokens + 2 * head + 2 * 32 * 4096 * tokens**2) / (0.4 * 989e12) * 1e3
    # Reading the weights meanwhile is nearly hidden.
    assert prefill_ms(setup(), tokens, sure) == pytest.approx(by_hand_ms, rel=0.005)
    assert by_hand_ms + 2 * 2 * head * tokens / (0.4 * 989e12) * 1e3 == pytest.approx(worked_ms, rel=0.04)


def test_a_mixture_at_batch_8_is_no_faster_than_its_touched_experts() -> None:
    # Qwen3-30B-A3B on one H100: 12.9 ms were measured, 1.8 ms follow from active parameters alone.
    step = decode(setup("Qwen/Qwen3-30B-A3B", batch=8, prompt_tokens=250, answer_tokens=900)).step_ms
    assert step == pytest.approx(12.9, rel=0.25)


@pytest.mark.parametrize(("batch", "tokens_per_s"), [(8, 1070), (64, 5147), (255, 9010)])
def test_an_8b_model_on_an_h100_serves_about_what_was_measured(batch: float, tokens_per_s: float) -> None:
    made = throughput(setup(batch=batch, prompt_tokens=250, answer_tokens=390))
    assert made.output_tokens_per_s == pytest.approx(tokens_per_s, rel=0.2)
    assert made.low_output_tokens_per_s < tokens_per_s < made.high_output_tokens_per_s


@pytest.mark.parametrize(("batch", "joules"), [(8, 0.455), (64, 0.119), (255, 0.077)])
def test_a_token_takes_about_the_energy_that_was_measured(batch: float, joules: float) -> None:
    found = energy_j_per_token(setup(batch=batch, prompt_tokens=250, answer_tokens=390))
    assert found.value == pytest.approx(joules, rel=0.25)
    assert found.low < joules < found.high


def test_an_apple_m4_reads_a_4_bit_8b_model_at_about_20_tokens_a_second() -> None:
    # Published by three: 20.9 by calm, 18.8 and 19.7 by people with Ollama (llmfit's reports).
    m4 = setup(device="Apple M4", engine=engine("llama.cpp"), stored=FORMATS["q4_k_m"], prompt_tokens=1)
    assert decode(m4).tokens_per_s == pytest.approx(19.7, rel=0.1)


def test_a_host_bound_engine_is_as_slow_on_small_models_as_on_larger_ones() -> None:
    hosts = [
        decode(setup(name, engine=engine("transformers"), prompt_tokens=1, answer_tokens=200)).tokens_per_s
        for name in ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-1.7B", "Qwen/Qwen3-4B")
    ]
    assert all(30 < rate < 60 for rate in hosts)
    assert hosts[0] == pytest.approx(hosts[1], rel=0.1)


# Laws

NAMES = ("meta-llama/Llama-3.1-8B", "Qwen/Qwen3-0.6B", "Qwen/Qwen3-30B-A3B", "google/gemma-3-27b-it",
         "deepseek-ai/DeepSeek-V3", "openai/gpt-oss-120b", "mistralai/Mixtral-8x7B-v0.1")
DEVICES = (H100, "NVIDIA B200 SXM", "NVIDIA RTX 4090", "NVIDIA L4", "NVIDIA T4", "Apple M4 Max", "AMD Ryzen 9 7950X",
           "Snapdragon 8 Gen 3", "AMD MI300X", "NVIDIA RTX 5090")
setups = st.builds(
    lambda name, device, used, stored, devices, split, prompt, answer, batch: ServingSetup(
        model=model(name), device=accelerators()[device], engine=ENGINES[used], stored=FORMATS[stored],
        devices=devices, split=split, prompt_tokens=prompt, answer_tokens=answer, batch=batch,
    ),
    st.sampled_from(NAMES), st.sampled_from(DEVICES), st.sampled_from(sorted(ENGINES)),
    st.sampled_from(sorted(FORMATS)), st.sampled_from((1, 2, 8)), st.sampled_from(("tensor", "expert", "layer")),
    st.floats(0, 30_000), st.floats(1, 8_000), st.floats(1, 500),
)


@settings(max_examples=40, deadline=None)
@given(setups)
def test_every_deployment_has_finite_numbers_inside_their_bands(s: ServingSetup) -> None:
    made, size, first = decode(s), memory(s), time_to_first_token(s)
    assert 0 < made.low_tokens_per_s < made.tokens_per_s < made.high_tokens_per_s < inf
    assert 0 < size.low_gib < size.total_gib < size.high_gib < inf
    assert 0 < first.low < first.value < first.high < inf
    assert all(isfinite(part) and part >= 0 for part in made.parts)
    assert 0 <= throughput(s).prompt_share <= 1


@settings(max_examples=40, deadline=None)
@given(setups, st.floats(1, 500))
def test_a_bigger_batch_never_lowers_the_total(s: ServingSetup, other: float) -> None:
    small, large = sorted((s.batch, other))
    lower = decode(replace(s, batch=small)).total_tokens_per_s
    assert decode(replace(s, batch=large)).total_tokens_per_s >= lower * (1 - 1e-9)
    waiting = throughput(replace(s, batch=small)).output_tokens_per_s
    assert throughput(replace(s, batch=large)).output_tokens_per_s >= waiting * (1 - 1e-9)


@settings(max_examples=40, deadline=None)
@given(setups, st.floats(0, 60_000))
def test_a_longer_context_never_speeds_decoding_and_never_shrinks_memory(s: ServingSetup, more: float) -> None:
    longer = replace(s, prompt_tokens=s.prompt_tokens + more)
    assert decode(longer).tokens_per_s <= decode(s).tokens_per_s * (1 + 1e-9)
    assert memory(longer).total_gib >= memory(s).total_gib * (1 - 1e-9)
    assert time_to_first_token(longer).value >= time_to_first_token(s).value * (1 - 1e-9)


@settings(max_examples=40, deadline=None)
@given(setups, st.floats(1.5, 16), st.floats(1.5, 16))
def test_fewer_bits_never_take_more_memory(s: ServingSetup, one: float, other: float) -> None:
    few, many = sorted((one, other))
    narrow, wide = (replace(s, stored=replace(s.stored, bits=bits)) for bits in (few, many))
    assert memory(narrow).total_gib <= memory(wide).total_gib * (1 + 1e-9)
    assert memory(replace(s, cache_bits=4)).total_gib <= memory(s).total_gib * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(setups, st.floats(0.01, 200), st.floats(5, 200))
def test_a_load_is_carried_within_what_is_allowed(s: ServingSetup, requests: float, token_ms: float) -> None:
    load = serve(s, requests_per_s=requests, token_ms=token_ms, wait_s=0.5)
    if not load.copies:
        assert load.answer_s == inf
        assert slots_within(s, token_ms) == 0
        return
    assert load.wait_s <= 0.5 + 1e-6
    assert 1000 / load.tokens_per_s <= token_ms * (1 + 1e-6)
    assert load.busy_slots <= load.slots
    assert load.devices == load.copies * s.devices
    assert serve(s, requests_per_s=requests * 2, token_ms=token_ms, wait_s=0.5).copies >= load.copies


def test_a_load_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="requests_per_s: more than 0"):
        serve(setup(), requests_per_s=0)


def test_slots_are_the_most_that_keep_the_pace() -> None:
    eight = setup(prompt_tokens=400, answer_tokens=300)
    slots = slots_within(eight, 25.0)
    assert 1 < slots < 2048
    assert throughput(replace(eight, batch=slots)).token_ms <= 25.0
    assert throughput(replace(eight, batch=slots + 1)).token_ms > 25.0
    assert slots_within(eight, 1.0) == 0


def test_a_cached_prefix_saves_its_products() -> None:
    long = setup(prompt_tokens=8000)
    cold, warm = time_to_first_token(long).value, time_to_first_token(long, cached_tokens=7000).value
    assert warm < cold / 3
    assert time_to_first_token(long, cached_tokens=99_999).value > 0
    assert time_to_first_token(long, wait_ms=100, network_ms=20).value == pytest.approx(cold + 120)


def test_power_is_only_stated_where_it_is_known() -> None:
    with pytest.raises(ValueError, match="device: the power of Apple M4"):
        energy_j_per_token(setup(device="Apple M4"))


# Engines, devices and splits, each from its law


def test_a_matrix_vector_kernel_is_held_by_memory_or_by_cores_whichever_is_nearer() -> None:
    used, stored = engine("llama.cpp"), FORMATS["q4_k_m"]
    card = accelerators()["NVIDIA A100 SXM 80GB"]

    def weights_ms(**changes: float) -> float:
        s = ServingSetup(model=model("meta-llama/Llama-3.1-8B"), device=replace(card, **changes), engine=used,
                         stored=stored, prompt_tokens=1)
        return decode(s).parts.weights_ms

    bandwidth, cores = card.bandwidth_gb_per_s or 0, card.cores or 0
    # With cores to spare twice the bandwidth is twice the speed; with bandwidth to spare twice the cores are.
    assert weights_ms(cores=cores * 100, bandwidth_gb_per_s=bandwidth * 2) == pytest.approx(
        weights_ms(cores=cores * 100) / 2, rel=0.01
    )
    assert weights_ms(bandwidth_gb_per_s=bandwidth * 100, cores=cores * 2) == pytest.approx(
        weights_ms(bandwidth_gb_per_s=bandwidth * 100) / 2, rel=0.01
    )
    # On a card with much bandwidth for its cores neither alone doubles it.
    assert weights_ms() / 2 < weights_ms(cores=cores * 2) < weights_ms()
    assert weights_ms() / 2 < weights_ms(bandwidth_gb_per_s=bandwidth * 2) < weights_ms()


def test_a_core_limit_does_not_hold_kernels_on_tensor_cores() -> None:
    few = replace(accelerators()["NVIDIA A100 SXM 80GB"], cores=10.0)
    served = setup(device="NVIDIA A100 SXM 80GB", prompt_tokens=1)
    assert decode(replace(served, device=few)).parts.weights_ms == decode(served).parts.weights_ms


def test_cards_in_a_layer_split_take_turns_and_those_in_a_tensor_split_share() -> None:
    one = setup("meta-llama/Meta-Llama-3-70B", "NVIDIA RTX 4090", engine=engine("llama.cpp"),
                stored=FORMATS["q4_k_m"], prompt_tokens=1)
    layer, tensor = (replace(one, devices=2, split=split) for split in ("layer", "tensor"))
    assert decode(layer).parts.weights_ms == pytest.approx(decode(one).parts.weights_ms)
    assert decode(tensor).parts.weights_ms == pytest.approx(decode(one).parts.weights_ms / 2)
    assert engine("llama.cpp").several == "layer"
    assert engine("vllm").several == "tensor"


def test_70b_in_four_bits_fits_two_cards_of_24_gb_and_not_one() -> None:
    one = setup("meta-llama/Meta-Llama-3-70B", "NVIDIA RTX 4090", engine=engine("llama.cpp"),
                stored=FORMATS["q4_k_m"], prompt_tokens=3000, answer_tokens=1000)
    assert not fits(one)
    assert fits(replace(one, devices=2, split="layer"))
    # What is left is the cards less the weights, less about a GB each.
    left = 2 * (24564 / 1024 * 1.0737 - 1.07) - weights_gib(one) * 1.0737
    assert room_gb(replace(one, devices=2, split="layer")) == pytest.approx(left, abs=0.1)


def test_the_longest_context_that_fits_is_where_weights_and_cache_fill_the_room() -> None:
    s = setup(device="NVIDIA RTX 4090", engine=engine("llama.cpp"), stored=FORMATS["q8_0"], answer_tokens=1)
    longest = room_gb(s) / (cache_gib(s, 1) * 1.0737)
    assert fits(replace(s, prompt_tokens=longest - 10))
    assert not fits(replace(s, prompt_tokens=longest + 10))


def test_a_server_keeps_room_for_its_trial_run_and_graphs() -> None:
    served = setup(device="NVIDIA RTX 3090")
    alone = replace(served, engine=engine("llama.cpp"))
    used = served.engine
    assert room_gb(alone) - room_gb(served) > (24 * (1 - used.usable_share) + used.graphs_gib - 1) * 1.07
    # A longer pass takes more of it.
    longer = replace(served, engine=replace(used, chunk_tokens=used.chunk_tokens * 2))
    assert room_gb(longer) < room_gb(served)


def test_pipeline_stages_carry_more_sequences_and_do_not_speed_up_one() -> None:
    eight = setup("meta-llama/Meta-Llama-3-70B", devices=8, batch=64)
    staged = replace(eight, stages=2)
    assert staged.shards == 4
    one = replace(eight, batch=1)
    assert decode(replace(one, stages=2)).parts.weights_ms == pytest.approx(2 * decode(one).parts.weights_ms)
    # Groups of sequences follow each other: a group waits for all stages, but so do they all at once.
    assert decode(staged).total_tokens_per_s == pytest.approx(64 * 1000 / decode(staged).step_ms)
    assert decode(staged).parts.host_ms < decode(eight).parts.host_ms
    with pytest.raises(ValueError, match="stages: a divisor of the 8 devices"):
        replace(eight, stages=3)


def test_guesses_that_are_accepted_come_for_little_and_a_cache_is_read_once_for_all() -> None:
    alone = setup("meta-llama/Meta-Llama-3-70B", devices=4)
    free = replace(alone, draft=Draft(3, 1.0, 0.0))
    assert free.tokens_per_step == 4
    assert decode(free).parts.cache_ms == decode(alone).parts.cache_ms
    assert 3 < decode(free).tokens_per_s / decode(alone).tokens_per_s <= 4
    # Leviathan et al. 2022: with an acceptance of 0.8 and four guesses 3.36 tokens come of each step.
    assert Draft(4, 0.8, 0.05).tokens_per_step == pytest.approx((1 - 0.8**5) / 0.2)
    # Wrong guesses cost their time and gain nothing; none at all are as if there were no draft.
    assert decode(replace(alone, draft=Draft(4, 0.0, 0.1))).tokens_per_s < decode(alone).tokens_per_s / 1.3
    assert decode(replace(alone, draft=Draft(0, 0.5, 0.1))).tokens_per_s == pytest.approx(decode(alone).tokens_per_s)
    with pytest.raises(ValueError, match="draft: "):
        replace(alone, draft=Draft(2, 1.2, 0.0))


@pytest.mark.parametrize("share", [1 - 1e-9, 1 - 2**-52, 1 - 2**-53, 1.0])
def test_guesses_that_are_all_but_certain_are_all_but_kept(share: float) -> None:
    assert Draft(1.5, share, 0.1).tokens_per_step == pytest.approx(2.5, rel=1e-8)


@settings(max_examples=30, deadline=None)
@given(setups, st.floats(0, 8), st.floats(0, 1), st.floats(0, 1))
def test_better_guesses_never_slow_an_answer(s: ServingSetup, guesses: float, one: float, other: float) -> None:
    worse, better = sorted((one, other))
    rates = [decode(replace(s, draft=Draft(guesses, share, 0.1))).tokens_per_s for share in (worse, better)]
    assert rates[1] >= rates[0] * (1 - 1e-9)


def test_a_prefix_that_requests_share_is_stored_and_read_once() -> None:
    own = setup(prompt_tokens=3000, batch=200)
    shared = replace(own, cached_tokens=2500)
    assert most_sequences(shared, 3200) > 3 * most_sequences(own, 3200)
    assert throughput(shared).output_tokens_per_s > throughput(own).output_tokens_per_s
    assert throughput(shared).prompt_share < throughput(own).prompt_share


def test_fewer_bits_in_the_cache_hold_more_sequences_and_read_faster() -> None:
    sixteen = setup(batch=64, prompt_tokens=4000)
    eight, four = (replace(sixteen, cache_bits=bits) for bits in (8.0, 4.0))
    assert most_sequences(eight, 4000) == pytest.approx(2 * most_sequences(sixteen, 4000))
    assert most_sequences(four, 4000) == pytest.approx(4 * most_sequences(sixteen, 4000))
    assert decode(eight).parts.cache_ms == pytest.approx(decode(sixteen).parts.cache_ms / 2)


def test_several_sequences_in_llama_cpp_share_what_is_read() -> None:
    one = setup("Qwen/Qwen2.5-7B", "NVIDIA GB10 (DGX Spark)", engine=engine("llama.cpp"), stored=FORMATS["q8_0"],
                prompt_tokens=512, answer_tokens=32)
    many = replace(one, batch=32)
    assert decode(many).parts.weights_ms == decode(one).parts.weights_ms
    assert decode(many).total_tokens_per_s > 10 * decode(one).tokens_per_s


def test_a_batch_waits_for_the_prompts_that_come_with_it() -> None:
    one = setup(prompt_tokens=2000)
    first = [time_to_first_token(replace(one, batch=batch)).value for batch in (1, 16, 64)]
    assert first == sorted(first)
    assert first[2] > 2 * first[0]
    assert time_to_first_token(replace(one, batch=64), wait_ms=0).value < first[2]


@settings(max_examples=30, deadline=None)
@given(setups, st.floats(0, 1), st.floats(0, 1))
def test_the_more_of_a_prompt_is_kept_the_sooner_an_answer_begins(s: ServingSetup, one: float, other: float) -> None:
    less, more = sorted((one, other))
    times = [
        time_to_first_token(replace(s, cached_tokens=share * s.prompt_tokens), cached_tokens=share * s.prompt_tokens)
        for share in (less, more)
    ]
    assert times[1].value <= times[0].value * (1 + 1e-9)


@pytest.mark.parametrize(
    ("text", "as_of", "name"),
    [
        ("vLLM 0.5.4", "", "vllm-0.5"), ("vLLM 0.6.3", "", "vllm-v0"), ("vLLM v0.7.2", "2026", "vllm-v0"),
        ("vLLM 0.8.5", "", "vllm"), ("vLLM 0.12.0", "", "vllm"), ("vLLM", "2024-08", "vllm-0.5"),
        ("vLLM", "2024-11-01", "vllm-v0"), ("vLLM", "2026-01", "vllm"), ("vLLM", "", "vllm"),
        ("SGLang 0.4.6.post1", "", "sglang-0.4"), ("SGLang 0.5.1.post1", "", "sglang"),
        ("ollama / llama.cpp", "2025-12-18", "llama.cpp"), ("Ollama", "", "llama.cpp"),
        ("llama.cpp", "2023-12", "llama.cpp-2023"), ("llama.cpp (Vulkan)", "2025", "llama.cpp-vulkan"),
        ("ik_llama.cpp", "2025-03", "ik_llama.cpp"), ("mlx-lm 0.31", "", "mlx"), ("vllm-mlx", "", "mlx"),
        ("transformers 4.38.2", "", "transformers-4.44"), ("transformers 4.51.3", "", "transformers"),
        ("TensorRT-LLM 1.0", "", "tensorrt-llm"), ("lmdeploy 0.2.0 (TurboMind)", "", "lmdeploy"),
    ],
)
def test_an_engine_is_read_in_the_generation_of_its_version_or_its_day(text: str, as_of: str, name: str) -> None:
    assert inference.read_engine(text, as_of)[0].name == name


@pytest.mark.parametrize(
    ("text", "devices", "used", "expected"),
    [
        ("TP4", 4, "vllm", ("tensor", 1, 1, 1)), ("TP8 PP2", 16, "vllm", ("tensor", 2, 1, 1)),
        ("TP1 EP8 DP8", 8, "vllm", ("expert", 1, 8, 1)), ("DP4", 4, "vllm", ("tensor", 1, 1, 4)),
        ("", 2, "llama.cpp", ("layer", 1, 1, 1)), ("TP2", 2, "torchao", ("tensor", 1, 1, 1)),
        ("row split", 2, "llama.cpp", ("tensor", 1, 1, 1)), ("", 2, "vllm", ("tensor", 1, 1, 1)),
        ("layer split", 4, "exllamav2", ("layer", 1, 1, 1)),
    ],
)
def test_a_split_is_read_as_it_is_written(text: str, devices: int, used: str, expected: tuple[object, ...]) -> None:
    assert inference.read_parallelism(text.lower(), devices, engine(used)) == expected


def test_each_engine_and_format_names_coefficients_that_are_fitted() -> None:
    for used in ENGINES.values():
        for field in ("gap", "gap_apple", "gap_experts", "gap_unfused_experts", "each_expert", "message", "first",
                      "wave", "step", "sequence", "reread", "share_experts", "share_cache", "apple_share_cache",
                      "core_flops", "unpack_share", "cpu_share_cache"):
            name = getattr(used, field)
            assert not name or hasattr(FITTED, name), (used.name, field, name)
        assert used.style == "eager" or used.gap, used.name
    for kernel in KERNELS.values():
        for name in (kernel.tile, kernel.unpack, kernel.cpu_unpack, kernel.eager_layer, kernel.eager_expert):
            assert not name or hasattr(FITTED, name), (kernel.name, name)


def test_a_run_unlike_the_published_ones_has_a_wider_band_and_says_so() -> None:
    like = setup("Qwen/Qwen3-8B", engine=engine("sglang"))
    assert not how_far(like).absent
    unlike = replace(like, device=replace(like.device, generation="none of ours"))
    assert spread(unlike) > spread(like)
    assert how_far(unlike).absent == ("gpu",)
    assert "No published run on this card" in how_far(unlike).words


@pytest.mark.parametrize(
    ("name", "shards", "bits", "bytes_each"),
    [
        ("Qwen/Qwen3-14B", 1, 16.0, 40 * 2 * 8 * 128 * 2), ("Qwen/Qwen3-14B", 4, 16.0, 40 * 2 * 2 * 128 * 2),
        ("Qwen/Qwen3-14B", 16, 16.0, 40 * 2 * 1 * 128 * 2), ("meta-llama/Llama-3.1-8B", 1, 8.0, 32 * 2 * 8 * 128),
        # A latent is kept by every device.
        ("deepseek-ai/DeepSeek-V3", 8, 16.0, 61 * 576 * 2),
    ],
)
def test_tokens_that_fit_are_the_room_over_the_bytes_of_a_token(
    name: str, shards: int, bits: float, bytes_each: int
) -> None:
    assert cache_tokens(model(name), 1e9, cache_bits=bits, shards=shards) == pytest.approx(1e9 / bytes_each)


def test_start_up_lines_are_within_a_thousandth() -> None:
    lines = published("kv-cache")
    errors = []
    for row in lines:
        made = kv_cache.predict(row)["estimate_kv_tokens"]
        if made and row["completeness"] == "A":
            errors.append(abs(float(str(made)) / float(row["kv_tokens"]) - 1))
    assert len(errors) >= 6
    assert median(errors) <= 0.001


# Measurements


def _errors(chosen: list[dict[str, str]], coefficients: object = FITTED) -> list[float]:
    found = []
    for row in chosen:
        made = inference.predict(row, coefficients)  # type: ignore[arg-type]
        measured = inference.answer(row)
        if made["estimate_decode_tok_s"] and measured:
            found.append(abs(float(str(made["estimate_decode_tok_s"])) / measured - 1))
    return found


def test_complete_rows_are_within_the_targets() -> None:
    complete = [row for row in rows() if inference.usable(row)]
    # Sources count alike, for a few of them hold most of the rows.
    for several, target in ((False, 0.12), (True, 0.15)):
        by_source: dict[str, list[dict[str, str]]] = {}
        for row in complete:
            if (row["batch"] != "1") == several:
                by_source.setdefault(row["source_id"], []).append(row)
        errors = [median(found) for found in map(_errors, by_source.values()) if found]
        assert len(errors) >= 6
        assert sum(errors) / len(errors) <= target
    made = [(inference.predict(row)["estimate_memory_gib"], row["memory_gib"]) for row in complete if row["memory_gib"]]
    sizes = [abs(float(str(estimate)) / float(measured) - 1) for estimate, measured in made if estimate]
    assert len(sizes) > 110
    assert median(sizes) <= 0.03


def test_a_source_that_the_fit_has_not_seen_is_within_the_target() -> None:
    source = "calm-readme"
    complete = [row for row in rows() if inference.usable(row)]
    coefficients = inference.fit([row for row in complete if row["source_id"] != source])
    assert median(_errors([row for row in complete if row["source_id"] == source], coefficients)) <= 0.15


def test_bands_cover_the_complete_rows() -> None:
    inside = []
    for row in rows():
        measured = inference.answer(row)
        made = inference.predict(row)
        if inference.usable(row) and measured and made["low_decode_tok_s"]:
            low, high = (float(str(made[f"{end}_decode_tok_s"])) for end in ("low", "high"))
            inside.append(low <= measured <= high)
    assert sum(inside) / len(inside) >= 0.85


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(range(0, 900, 7)), st.text("0123456789.xe-", max_size=6))
def test_a_prediction_never_reads_the_answers(index: int, text: str) -> None:
    row = rows()[index]
    changed = row | dict.fromkeys(ANSWERS, text) | {"notes": text}
    assert inference.predict(changed) == inference.predict(row)


def test_a_row_that_cannot_be_predicted_says_why() -> None:
    row = rows()[0]
    cases = (
        ({"device": "CUDA GPU (not named)"}, "device"), ({"device": "Abacus 9000"}, "not in the catalogue"),
        ({"model": "nobody/nothing", "params_b": ""}, "model"), ({"engine": "by hand"}, "engine"),
        ({"quant": "3.14"}, "quant"),
        ({"model": "Qwen/Qwen2-72B-Instruct", "params_b": "72.7"}, "do not fit"),
    )
    for change, reason in cases:
        made = inference.predict(row | {"bits_per_weight": ""} | change)
        assert reason in str(made["reason"])
        assert made["estimate_decode_tok_s"] == ""
        assert tuple(made) == inference.FIELDS


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("L40S", "NVIDIA L40S"), ("RTX 5090 32GB", "NVIDIA RTX 5090"), ("MI300X", "AMD MI300X"),
        ("A100 40GB PCIe", "NVIDIA A100 PCIe 40GB"), ("M3 Max 40-core GPU (400 GB/s)", "Apple M3 Max"),
        ("H100 PCIe", "NVIDIA H100 PCIe"), ("H100 SXM5", H100), ("NVIDIA GeForce RTX 3090", "NVIDIA RTX 3090"),
    ],
)
def test_a_device_that_no_row_has_works_from_the_catalogue(name: str, found: str) -> None:
    row = rows()[0] | {"device": name, "n_devices": "1"}
    assert inference.read_device(row).name == found
    assert float(str(inference.predict(row)["estimate_decode_tok_s"])) > 0


def test_a_card_that_only_sounds_alike_is_not_taken_for_another() -> None:
    for name in ("RTX 5070 Ti Super", "RTX 3070 Laptop", "RTX 4090 Mobile"):
        with pytest.raises(ValueError, match="not in the catalogue"):
            inference.read_device(rows()[0] | {"device": name})


@pytest.mark.parametrize(
    ("label", "bits", "name"),
    [
        ("Q4_K_M", 4.9, "q4_k_m"), ("Q4_K - Small", 4.6, "q4_k_s"), ("IQ2_XXS - 2.0625 bpw", 2.2, "iq2_xxs"),
        ("Q4_K_M (R1)", 4.9, "q4_k_m"), ("EXL2 3.5bpw", 3.5, "exl2-3.5"), ("GPTQ-Int8", 8.2, "gptq-int8"),
        ("gptq-4bit-32g", 4.6, "gptq-int4"), ("AWQ int4 g64", 4.3, "awq-int4"), ("FP8 (ModelOpt)", 8, "fp8"),
        ("int4wo-64", 4.5, "int4"), ("mxfp4", 4.25, "mxfp4"), ("BF16", 16, "bf16"), ("float32", 32, "fp32"),
    ],
)
def test_a_label_stands_for_a_format(label: str, bits: float, name: str) -> None:
    found, _ = inference.read_format({"quant": label, "bits_per_weight": ""}, ENGINES["vllm"])
    assert found.name == name
    assert found.bits == pytest.approx(bits, rel=0.07)


def test_architectures_of_the_catalogue_can_all_be_served() -> None:
    card: Accelerator = accelerators()[H100]
    for name in ("Qwen/Qwen2.5-7B", "tiiuae/falcon-7b", "microsoft/phi-4", "EleutherAI/pythia-1b"):
        s = ServingSetup(model=architecture(name), device=card)
        assert log(decode(s).tokens_per_s) < log(3350 / (weights_gib(s) * 0.8)) + 0.1
        assert decode(s).tokens_per_s > 10
        assert exp(0) <= throughput(s).running_sequences


def test_adapters_take_their_memory_and_are_read_by_the_requests_that_use_them() -> None:
    # Rank 16 on all linear layers of Llama 3.1 8B: 41,943,040 numbers of two bytes.
    each = parameters.lora(model("meta-llama/Llama-3.1-8B"), rank=16)
    assert each == 41_943_040
    plain, adapted = setup(batch=4), setup(batch=4, adapters=100, adapter_parameters=each)
    assert room_gb(plain) - room_gb(adapted) == pytest.approx(100 * each * 2 / 1e9)
    few, many = (
        decode(setup(batch=4, adapters=count, adapter_parameters=each)).parts.weights_ms for count in (2, 100)
    )
    assert few < many
    assert many - decode(plain).parts.weights_ms == pytest.approx(2 * (few - decode(plain).parts.weights_ms))


def test_a_range_is_wider_with_adapters_which_no_published_run_has() -> None:
    def width(adapters: int) -> float:
        found = decode(setup(adapters=adapters, adapter_parameters=4e7))
        return found.high_tokens_per_s / found.low_tokens_per_s

    assert width(1) > width(0)


def test_a_processor_reads_a_prompt_at_the_products_of_its_cores() -> None:
    c = replace(FITTED, cpu_core_flops=32.0, cpu_unpack_rows=1e9)
    s = setup(device="AMD Ryzen 9 7950X", stored=weight_format("q8_0"), engine=engine("llama.cpp"))
    ms = prefill_ms(s, 512, c)
    layers = 2 * 6.98e9 * 512 / (32 * 16 * 4.5e9) * 1000
    assert ms == pytest.approx(layers, rel=0.05)


def test_a_processor_with_more_channels_reads_large_models_faster_and_small_ones_wait_for_its_threads() -> None:
    def ms(weights: str, cores: float, bandwidth: float) -> float:
        chip = replace(accelerators()["AMD EPYC 9004"], cores=cores, clock_ghz=1e6, bandwidth_gb_per_s=bandwidth)
        s = setup(weights, stored=weight_format("q8_0"), engine=engine("llama.cpp"), prompt_tokens=1)
        return decode(replace(s, device=chip)).parts.total_ms

    large, small = "meta-llama/Llama-3.1-405B", "meta-llama/Llama-3.2-1B"
    assert ms(large, 8, 200) == pytest.approx(2 * ms(large, 8, 400), rel=0.02)
    # Sixteen layers and 92 threads more, whatever the memory.
    waiting = 16 * 92 * FITTED.cpu_barrier_us / 1000
    for bandwidth in (200, 400):
        assert ms(small, 100, bandwidth) - ms(small, 8, bandwidth) == pytest.approx(waiting, rel=0.01)
    assert ms(small, 100, 400) > ms(small, 8, 200)


def test_the_processor_of_a_chip_with_a_gpu_has_cores_and_a_share_of_the_memory_of_its_own() -> None:
    gpu = inference.read_device(rows()[0] | {"device": "Apple M1 Pro"})
    cores = inference.read_device(rows()[0] | {"device": "Apple M1 Pro CPU (8P+2E)"})
    assert (gpu.kind, gpu.cores, gpu.bandwidth_share) == ("unified memory", 16, None)
    assert (cores.kind, cores.cores, cores.clock_ghz, cores.bandwidth_share) == ("cpu", 8, 3.2, 0.48)
    assert cores.bandwidth_gb_per_s == gpu.bandwidth_gb_per_s
    with open(Path(inference.__file__).parent / "processors.csv", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            assert accelerators()[row["device"]].kind == "unified memory"
            assert 1 <= float(row["cores"]) <= 32
            assert 1 <= float(row["clock_ghz"]) <= 5
            assert bool(row["bandwidth_share"]) <= bool(row["source"])
