"""What readers bring along: names, files, a card and runs of their own; and what the page makes of their set-up."""

import json
import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inputs import random_given

from calculator import catalog, engine
from calculator.__main__ import main
from calculator.catalogs import accelerators, architectures, rent
from calculator.catalogs.own import Card, device_named, model_named, on_card, pasted
from calculator.catalogs.recipes import recipes
from calculator.catalogs.training import optimizers
from calculator.decisions import (
    _training_choices,
    _training_remedies,
    _training_setup,
    limited_compute,
    real_time_response,
)
from calculator.exhibit import Command, Table
from calculator.faces import report, view
from calculator.fields import Assume, fields_of
from calculator.stats.calibration import posterior

TRAINING = catalog.decision("limited_compute")
SERVING = catalog.decision("real_time_response")


def inputs(decision=TRAINING, **fields):
    reading = engine.read(decision, fields)
    assert not reading.problems, reading.problems
    return reading.inputs


def problem(decision=TRAINING, **fields):
    return " ".join(str(one) for one in engine.read(decision, fields).problems)


def evaluated(**fields):
    return engine.evaluate_point("limited_compute", TRAINING, engine.read(TRAINING, fields))


# A measured run


@settings(max_examples=50)
@given(prior=st.floats(0.02, 2), ratio=st.floats(0.1, 10), noise=st.floats(0.005, 1))
def test_the_posterior_is_the_normalised_product_of_prior_and_likelihood(prior, ratio, noise):
    found = posterior(prior_sd=prior, ratio=ratio, measurement_sd=noise)
    reach = 8 * max(prior, noise) + abs(math.log(ratio))
    xs = [-reach + 2 * reach * k / 20000 for k in range(20001)]
    weights = [math.exp(-((x / prior) ** 2) / 2 - ((math.log(ratio) - x) / noise) ** 2 / 2) for x in xs]
    if sum(weights) < 1e-200:
        return
    mean = sum(w * x for w, x in zip(weights, xs, strict=True)) / sum(weights)
    variance = sum(w * (x - mean) ** 2 for w, x in zip(weights, xs, strict=True)) / sum(weights)
    assert found.log_mean == pytest.approx(mean, abs=2e-3)
    if min(prior, noise) > 10 * 2 * reach / 20000:
        assert found.log_sd == pytest.approx(math.sqrt(variance), rel=0.02)


@given(prior=st.floats(0.02, 2), ratio=st.floats(0.1, 10), noise=st.floats(0.005, 1))
def test_a_measurement_narrows_and_never_overshoots(prior, ratio, noise):
    found = posterior(prior_sd=prior, ratio=ratio, measurement_sd=noise)
    assert found.log_sd < min(prior, noise) * (1 + 1e-12)
    assert abs(found.log_mean) <= abs(math.log(ratio))
    assert found.at(1) > found.at(0) > found.at(-1)


@pytest.mark.parametrize("field", ["prior_sd", "ratio", "measurement_sd"])
def test_a_posterior_of_nothing_is_refused(field):
    values = {"prior_sd": 0.1, "ratio": 1.0, "measurement_sd": 0.1, field: 0.0}
    with pytest.raises(ValueError, match=field):
        posterior(**values)


def test_a_run_of_ones_own_moves_the_estimate_narrows_its_range_and_is_undone_by_emptying_the_field():
    before = engine.evaluate("limited_compute", TRAINING, engine.read(TRAINING, {}))
    peak = 1.2 * before.outputs.peak_gib
    given_fields = {"measured_peak_gib": peak, "measured_tokens_per_s": before.outputs.gpu_tokens_per_s / 2}
    after = engine.evaluate("limited_compute", TRAINING, engine.read(TRAINING, given_fields))
    for output in ("peak_gib", "run_hours"):
        spans = [one.spread[output].high / one.spread[output].low for one in (before, after)]
        assert spans[1] < spans[0], output
    assert after.outputs.run_hours > before.outputs.run_hours
    assert "moved to the run that you measured" in " ".join(after.verdict.reasons)
    undone = engine.evaluate_point(
        "limited_compute", TRAINING, engine.read(TRAINING, {"measured_peak_gib": "", "measured_tokens_per_s": ""})
    )
    assert undone.outputs == before.outputs


def test_a_file_of_own_runs_moves_the_estimates_of_the_command_line(capsys, tmp_path):
    header = "row_id,source_id,model,params_b,method,lora_rank,lora_targets,seq_len,seq_len_kind,micro_batch,n_gpus,gpu"
    header += ",grad_checkpointing"
    row = "1,mine,Llama-3.1-8B,8.03,lora,16,all-linear,2048,packed,2,1,H100 SXM 80GB,yes"
    file = tmp_path / "runs.csv"
    file.write_text(f"{header},measured_peak_gib,tokens_per_s_per_gpu,memory_metric\n{row},60,1000,nvidia-smi\n")
    found = []
    for more in ((), ("--measured", str(file))):
        assert main(["run", "limited_compute", *more, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["outputs"])
    assert found[1]["peak_gib"] > 1.3 * found[0]["peak_gib"]
    assert found[1]["gpu_tokens_per_s"] < found[0]["gpu_tokens_per_s"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "header"),
        ("model,method\nx,lora\n", "measured_peak_gib or tokens_per_s_per_gpu"),
        ("row_id,model,method,measured_peak_gib\n1,Llama-3.1-8B,lora,many\n", "line 2, measured_peak_gib"),
    ],
)
def test_a_file_without_a_run_to_compare_is_refused_with_its_reason(capsys, tmp_path, text, words):
    file = tmp_path / "runs.csv"
    file.write_text(text)
    assert main(["run", "limited_compute", "--measured", str(file)]) == 2
    assert words in capsys.readouterr().err


def test_only_the_training_page_takes_runs(capsys, tmp_path):
    assert main(["run", "real_time_updates", "--measured", str(tmp_path)]) == 2
    assert "only limited_compute" in capsys.readouterr().err


# Names


@pytest.mark.parametrize("name", architectures())
def test_a_model_is_found_by_its_own_name_and_by_no_other_models(name):
    assert inputs(model=name).model == name
    assert inputs(model=name.upper()).model == name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B"),
        ("Qwen3-8B", "Qwen/Qwen3-8B"),
        ("https://huggingface.co/Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
    ],
)
def test_a_tuning_of_a_base_stands_for_its_base(typed, meant):
    assert inputs(model=typed).model == meant


@pytest.mark.parametrize("typed", ["Qwen3", "Llama-3.1-9B", "llama", "", "Qwen3-8", "-Instruct"])
def test_a_name_that_is_only_like_another_is_never_taken_for_it(typed):
    assert model_named(typed) == ""
    assert "must be one of" in problem(model=typed)


def test_a_device_is_found_where_one_has_the_name_and_the_candidates_are_named_where_several_have():
    assert inputs(device="RTX 4090").device == "NVIDIA RTX 4090"
    assert device_named("a device of nobody's") == ""
    said = problem(device="A100")
    assert "NVIDIA A100 SXM 80GB" in said
    assert "several" in said
    # Of the catalogue, but not on this page.
    assert "not on this page" in problem(device="M4 Max")


# Files


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"base_model_name_or_path": "org/base", "r": 8, "target_modules": ["q_proj"]}', "org/base"),
        ('{"base_model_name_or_path": "org/base", "r": 8, "target_modules": ["q_proj"]}', "rank to 8"),
        ('{"tokenizer_class": "X", "chat_template": ""}', "tokenizer"),
        ('{"weight_map": {}}', "index of the weights"),
        ('{"zero_optimization": {"stage": 3}}', "DeepSpeed"),
        ('{"max_new_tokens": 5, "eos_token_id": 2}', "generation_config"),
        ("base_model: x\nadapter: lora\nlora_r: 8", "YAML"),
        ("from transformers import AutoModel\nx = 1", "program"),
        ("nobody/has-this", "is a name"),
        ("{", "JSON"),
    ],
)
def test_what_is_pasted_and_is_no_config_is_named_for_what_it_is(text, words):
    assert words in problem(config_json=text)
    assert words in problem(SERVING, small_config_json=text)


@pytest.mark.parametrize("text", ['"Qwen/Qwen3-8B"', "Qwen/Qwen3-8B", "Qwen3-8B\n"])
def test_a_name_in_place_of_a_file_is_taken_where_the_catalogue_has_it(text):
    assert pasted(text) == architectures()["Qwen/Qwen3-8B"]


LLAMA = (
    '{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, '
    '"num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": false}'
)


def test_a_file_in_a_code_block_is_read():
    assert pasted(f"```json\n{LLAMA}\n```") == pasted(LLAMA)


def test_a_pasted_file_is_served_as_the_catalogues_model_of_the_same_dimensions():
    own, listed = (SERVING.compute(inputs(SERVING, **given)) for given in ({"small_config_json": LLAMA}, {}))
    assert own.small_pace_tokens_per_s == pytest.approx(listed.small_pace_tokens_per_s, rel=1e-9)


# A card of one's own


@given(st.sampled_from(sorted(accelerators())))
def test_a_card_with_the_figures_of_a_device_is_that_device(name):
    device = accelerators()[name]
    peak = device.bf16_tflops or device.fp16_tflops
    own = on_card(name, Card(device.capacity_gib, peak, device.bandwidth_gb_per_s))
    assert own.capacity_gib == device.capacity_gib
    assert own.fp8_tflops == pytest.approx(device.fp8_tflops)
    if device.matmul_tflops and peak:
        assert own.matmul_share == pytest.approx(device.matmul_tflops / peak)


def test_a_faster_card_of_ones_own_is_faster_and_its_price_is_asked_for():
    slow, fast = (
        TRAINING.compute(inputs(own_card_tflops=peak, device_usd_per_hour=1)).run_hours for peak in (100, 400)
    )
    assert fast < slow
    assert "card of your own" in problem(own_card_gib=24)


# Commands and cards


@pytest.mark.parametrize("kind", ["training", "serving"])
def test_every_recipe_names_only_keys_that_a_set_up_has(kind):
    rows = recipes(kind)
    assert rows
    for recipe in rows:
        assert recipe.note, recipe.name
        assert set(recipe.words) <= {"optimizer"}
        for known in recipe.words.get("optimizer", {}):
            assert known in optimizers(), f"{recipe.name}: {known}"


@pytest.mark.parametrize("seed", range(40))
def test_a_command_says_the_set_up_or_says_what_it_leaves_out(seed):
    fields = random_given(TRAINING, Random(seed))
    large = {"own_card_gib": 100_000, "device_usd_per_hour": 1, "sequence_tokens": 128, "micro_batch_examples": 1}
    i = inputs(**{**fields, **large, "rollout_gib": 0, "measured_peak_gib": None})
    found = [one for one in TRAINING.exhibits(i, TRAINING.compute(i)) if isinstance(one, Command)]
    assert len(found) == len(recipes("training"))
    for one in found:
        assert "{" not in one.text.replace("{}", ""), one.text
        assert str(int(i.sequence_tokens)) in one.text
        assert (f"{i.lora_rank_count:.0f}" in one.text) or i.method == "full"
        if _training_choices.OPTIMIZERS[i.optimizer] not in recipes("training")[found.index(one)].words["optimizer"]:
            assert "optimizer" in one.note


def test_there_is_no_command_for_a_set_up_that_does_not_fit():
    i = inputs(method="full", device="RTX 4090")
    assert not [one for one in TRAINING.exhibits(i, TRAINING.compute(i)) if isinstance(one, Command)]


def test_an_engine_is_told_as_many_devices_and_slots_as_were_found():
    i = inputs(SERVING, engine="llama.cpp", stored="4.8 bit (GGUF Q4_K_M)")
    o = SERVING.compute(i)
    (one,) = (one for one in SERVING.exhibits(i, o) if isinstance(one, Command))
    assert f"-np {real_time_response.service(i, real_time_response.small_of(i)).slots} " in one.text


@pytest.mark.parametrize(
    ("field", "typed", "meant"),
    [
        ("engine", "Ollama", "llama.cpp"),
        ("engine", "turbomind", "LMDeploy"),
        ("engine", "mlx", "MLX (Apple)"),
        ("stored", "q4_k_m", "4.8 bit (GGUF Q4_K_M)"),
        ("stored", "BF16", "16 bit"),
    ],
)
def test_programs_and_formats_are_known_by_the_names_that_people_write(field, typed, meant):
    assert engine.read(SERVING, {field: typed}).given[field] == meant


@pytest.mark.parametrize(("field", "typed"), [("engine", "vLLM 0.5"), ("engine", "petals"), ("stored", "q3_k_s")])
def test_one_that_the_page_does_not_offer_is_refused_and_not_taken_for_another(field, typed):
    (problem,) = engine.read(SERVING, {field: typed}).problems
    assert problem.field == field


@pytest.mark.parametrize("served", [recipe.label for recipe in recipes("serving")])
@pytest.mark.parametrize("stored", real_time_response.FORMATS_OFFERED)
def test_every_engine_with_a_recipe_is_told_the_set_up_or_says_what_it_leaves_out(served, stored):
    given_fields = {"engine": served, "stored": stored, "concurrent_users": 1, "pace_tokens_per_s": 0.5}
    given_fields["device_usd_per_hour"] = 1
    i = inputs(SERVING, **given_fields, device="Apple M4 Max" if "Apple" in served else "NVIDIA H100 SXM")
    (one,) = (one for one in SERVING.exhibits(i, SERVING.compute(i)) if isinstance(one, Command))
    assert one.text
    assert "{" not in one.text
    slots = real_time_response.service(i, real_time_response.small_of(i)).slots
    assert str(slots) in one.text or "number of slots" in one.note


def test_all_cards_are_those_rented_out_the_fitting_first_and_the_cheapest_run_of_these_first():
    i = inputs(method="QLoRA", spend_usd=50)
    found = _training_remedies.all_cards(i)
    sold = {name: one for name, one in accelerators().items() if not one.announced and rent(name)}
    rented = {name for name, one in sold.items() if _training_choices.trainable(one)}
    assert {one.device for one in found} == rented
    fits = [one.fits for one in found]
    assert fits == sorted(fits, reverse=True)
    prices = [one.usd for one in found if one.fits]
    assert prices == sorted(prices)
    for one in found:
        assert one.fits == (one.needed_gib <= one.room_gib)
        assert one.runs * one.usd == pytest.approx(50)


def test_a_card_of_the_table_is_what_the_page_says_of_that_card():
    i = inputs(method="QLoRA", memory_surprise_sd=0, speed_surprise_sd=0)
    for one in _training_remedies.all_cards(i)[:5]:
        o = TRAINING.compute(replace_device(i, one.device))
        assert one.hours == pytest.approx(o.run_hours)
        assert one.needed_gib == pytest.approx(o.peak_gib)
        assert one.room_gib == pytest.approx(o.room_gib)


def replace_device(i, device):
    return replace(i, device=device, device_usd_per_hour=1.0)


def test_the_command_line_compares_cards(capsys):
    assert main(["compare-cards", "model=Qwen3-8B", "method=QLoRA", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["fits"]
    assert main(["compare-cards", "model=Qwen3-8B", "method=QLoRA"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1].startswith(rows[0]["device"])
    assert main(["compare-cards", "bogus=1"]) == 2


# What the page shows


def test_what_few_readers_need_is_folded_and_everything_is_in_the_form_once():
    for decision, name in ((TRAINING, "limited_compute"), (SERVING, "real_time_response")):
        html = view.render_form(name, decision, {}, "x")
        before, _, folded = html.partition("<summary>Advanced")
        for field, spec in fields_of(decision.Inputs).items():
            assert html.count(f'name="{field}"') == 1, field
            assert not spec.advanced or f'name="{field}"' in folded, field
            assert spec.advanced or isinstance(spec, Assume) or f'name="{field}"' in before, field


def test_every_device_that_trains_is_offered_once_under_a_heading():
    html = view.render_form("x", TRAINING, {}, "x")
    devices = [one for one in accelerators().values() if _training_choices.trainable(one)]
    assert len(devices) > 150
    for one in devices:
        assert html.count(f'<option value="{one.name}"') == 1
    assert '<optgroup label="Consumer cards, NVIDIA">' in html


def test_fit_time_and_money_stand_before_the_verdict_in_every_form():
    built = evaluated(device="RTX 4090", model="Qwen/Qwen3-14B", method="QLoRA", sequence_tokens=8192)
    assert len(built.verdict.lamps) == 3
    html = view.sections(built)["verdict"]
    assert html.index("calc-lamp-") < html.index("calc-answer")
    text = report.as_markdown(built)
    assert text.index(built.verdict.lamps[2].words) < text.index(str(built.verdict.answer))


@pytest.mark.parametrize("seed", range(30))
def test_a_lamp_is_good_only_where_the_whole_band_is(seed):
    fields = random_given(TRAINING, Random(seed))
    i = inputs(**{**fields, "memory_surprise_sd": 0.0, "speed_surprise_sd": 0.0})
    o = TRAINING.compute(i)
    fit, _, money = TRAINING.judge(i, o).lamps
    assert (fit.state == "good") <= (o.peak_gib <= o.room_gib)
    assert (fit.state == "bad") <= (o.peak_gib > o.room_gib)
    assert (money.state == "good") <= (o.first_model_usd <= i.budget_usd)


def test_a_chip_without_bf16_is_said():
    for device in ("NVIDIA T4", "NVIDIA V100 SXM 32GB"):
        assert any("no bf16" in reason for reason in evaluated(device=device).verdict.reasons)
    assert not any("no bf16" in reason for reason in evaluated(device="NVIDIA A100 SXM 80GB").verdict.reasons)


def test_that_nothing_fits_is_said_only_where_all_was_tried_and_is_beyond_the_band():
    i = inputs(model="meta-llama/Meta-Llama-3.1-70B", method="QLoRA", device="RTX 4090", gpus=2, sequence_tokens=512)
    assert _training_setup.smallest_setup(i).offload == "parameters"
    assert limited_compute.ground_of(i, TRAINING.compute(i)).answer != limited_compute.Answer.SMALLER


@given(gpus=st.integers(1, 64), tensor=st.integers(1, 64), pipeline=st.integers(1, 64), context=st.integers(1, 64))
@settings(max_examples=50, deadline=None)
def test_parallelism_that_the_gpus_cannot_be_divided_into_is_taken_as_far_as_they_can_and_said(
    gpus, tensor, pipeline, context
):
    i = inputs(
        gpus=gpus, tensor_parallel_count=tensor, pipeline_parallel_count=pipeline, context_parallel_count=context
    )
    taken = _training_setup.degrees(i)[:3]
    assert gpus % math.prod(taken) == 0
    reasons = TRAINING.judge(i, TRAINING.compute(i)).reasons
    assert any("cannot be divided" in reason for reason in reasons) == (taken != (tensor, pipeline, context))


def test_padding_takes_longer_than_packing_and_a_framework_that_packs_does_so_by_itself():
    hours = {
        packing: TRAINING.compute(inputs(packing=packing, micro_batch_examples=8)).run_hours
        for packing in _training_choices.Packing
    }
    packed, padded = _training_choices.Packing.PACKED, _training_choices.Packing.PADDED
    assert hours[packed] < hours[padded] == hours[_training_choices.Packing.HABIT]
    assert _training_setup.packed(inputs(framework="torchtitan"))


def test_the_table_of_what_fits_names_the_largest_that_does():
    i = inputs(method="QLoRA", device="RTX 4090")
    o = TRAINING.compute(i)
    (table,) = (
        one for one in TRAINING.exhibits(i, o) if isinstance(one, Table) and one.title == "What fits the same card"
    )
    row = next(row for row in table.rows if row[0] == "QLoRA")
    batch = int(row[2].split("\u00a0")[0])
    for size, fits in ((batch, True), (batch + 1, False)):
        at = TRAINING.compute(replace(i, micro_batch_examples=float(size)))
        assert (at.peak_gib <= at.room_gib) == fits, size
