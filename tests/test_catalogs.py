"""The catalogues: complete, sourced, small, readable from a bundle; and the reader of config.json."""

import json
import re
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculator import catalogs, evaluation
from calculator.catalogs import (
    accelerator,
    accelerators,
    api_price,
    api_prices,
    architecture,
    architectures,
    read_config,
    rent,
    rents,
    sources,
    tuning_services,
)
from calculator.catalogs.config import READERS, model_types
from calculator.catalogs.families import families
from calculator.catalogs.rows import read_rows
from calculator.llm import parameters

FOLDER = Path(catalogs.__file__).parent
BUDGET = {
    "models.csv": 42_000, "accelerators.csv": 48_000, "sources.csv": 20_000, "api_prices.csv": 15_000,
    "rents.csv": 10_000, "tuning_services.csv": 5_000,
}  # fmt: skip
TODAY = date.today().isoformat()


def test_every_published_row_has_its_model_in_the_catalogue():
    assert {row["hf_id"] for row in evaluation.published("parameters")} <= set(architectures())


def test_every_model_names_its_licence_and_sources_that_exist():
    for model in architectures().values():
        assert model.license, model.hf_id
        assert set(model.source.split("+")) <= set(sources()), model.hf_id


def test_an_unknown_model_is_refused_with_models_that_look_like_it():
    with pytest.raises(ValueError, match=r"'Qwen/Qwen9-1B' is not in the catalogue.*Qwen/Qwen"):
        architecture("Qwen/Qwen9-1B")


def test_devices_of_every_kind_are_in_the_catalogue():
    devices = accelerators()
    assert len(devices) >= 140
    for name in ("NVIDIA A10", "NVIDIA T4", "NVIDIA A100 SXM 80GB", "NVIDIA H100 SXM", "NVIDIA B200 SXM",
                 "NVIDIA RTX 4090", "NVIDIA RTX 3060 12GB", "AMD MI300X", "Apple M4 Max", "Snapdragon 8 Gen 3",
                 "NVIDIA GB300", "AMD MI350X", "Google TPU v7x", "AMD MI455X", "Intel Arc B580", "NVIDIA H200 NVL"):
        assert name in devices
    kinds = {device.kind for device in devices.values()}
    assert kinds == {
        "datacentre gpu", "workstation gpu", "consumer gpu", "unified memory", "cpu", "phone", "tpu", "accelerator",
    }
    assert {name for name, device in devices.items() if device.announced} == {"NVIDIA Rubin SXM", "AMD MI455X"}


@pytest.mark.parametrize("device", accelerators().values(), ids=lambda device: device.name)
def test_a_device_has_sources_and_figures_that_can_be(device):
    assert set(device.sources) <= set(sources())
    assert all(hasattr(device, field) for field in device.unread)
    for field in ("memory_gb", "bandwidth_gb_per_s", "plain_tflops", "link_gb_per_s", "domain_gpus", "host_gb_per_s",
                  "cores", "clock_ghz", "power_w"):
        assert getattr(device, field) > 0, field
    assert device.stack
    assert device.generation
    assert 10 < device.bandwidth_gb_per_s < 30_000
    if device.memory_gib:
        assert 0.9 <= device.memory_gib / device.memory_gb <= 1.01
    for better, worse in (
        ("bf16_tflops", "matmul_tflops"), ("fp8_tflops", "bf16_tflops"), ("fp4_tflops", "fp8_tflops"),
        ("fp16_accumulate_tflops", "fp16_tflops"),
    ):
        high, low = getattr(device, better), getattr(device, worse)
        assert high is None or low is None or high >= low
    assert device.peer_access or device.link_gb_per_s <= device.host_gb_per_s


def test_a_device_is_found_without_its_maker_and_marks():
    assert accelerator("rtx-4090").name == "NVIDIA RTX 4090"
    assert accelerator("L40S").name == "NVIDIA L40S"
    assert accelerator("NVIDIA GeForce RTX 4090") is accelerator("RTX 4090")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("4090", "NVIDIA RTX 4090"), ("GB10", "NVIDIA GB10 (DGX Spark)"), ("3080 Ti", "NVIDIA RTX 3080 Ti"),
        ("RTX 3060", "NVIDIA RTX 3060 12GB"), ("R9700", "AMD Radeon AI PRO R9700"), ("M1 Ultra", "Apple M1 Ultra"),
        ("M4 Max 64GB", "Apple M4 Max"), ("NVIDIA A100-SXM4-80GB", "NVIDIA A100 SXM 80GB"),
        ("H100 SXM 80 GB", "NVIDIA H100 SXM"), ("Gaudi 2", "Intel Gaudi2"), ("A5000", "NVIDIA RTX A5000"),
        ("RTX 5000 Ada", "NVIDIA RTX 5000 Ada"), ("MI250X (one GCD)", "AMD MI250X one die"), ("GB300", "NVIDIA GB300"),
        ("H200 NVL", "NVIDIA H200 NVL"), ("Strix Halo", "AMD Ryzen AI Max+ 395"), ("A10", "NVIDIA A10"),
    ],
)
def test_a_device_is_found_as_people_write_it(written, name):
    assert accelerator(written).name == name


@pytest.mark.parametrize("device", accelerators().values(), ids=lambda device: device.name)
def test_every_name_and_alias_means_one_device(device):
    for written in (device.name, *device.aliases):
        assert accelerator(written) is device


@pytest.mark.parametrize("name", ["A100", "", "Voodoo 2"])
def test_a_name_that_means_none_or_several_devices_is_refused(name):
    with pytest.raises(ValueError, match="accelerator"):
        accelerator(name)


def test_a_name_that_may_mean_several_devices_is_refused_with_their_names():
    with pytest.raises(ValueError, match=r"several devices; name one: NVIDIA RTX 5060 Ti 16GB, NVIDIA RTX 5060 Ti 8GB"):
        accelerator("GeForce RTX 5060 Ti")
    with pytest.raises(ValueError, match=r"'RTX 50' .*NVIDIA RTX"):
        accelerator("RTX 50")


def test_api_prices_cover_the_makers_and_the_models_of_today():
    assert len({price.name for price in api_prices()}) >= 120
    assert len({price.maker for price in api_prices()}) >= 15


@pytest.mark.parametrize("price", api_prices(), ids=lambda price: f"{price.name} {price.above_tokens} {price.hours}")
def test_an_api_price_is_of_one_piece(price):
    assert 0 < price.input_usd_per_mtok <= price.output_usd_per_mtok
    assert price.cached_input_usd_per_mtok is None or price.cached_input_usd_per_mtok <= price.input_usd_per_mtok
    assert price.batch_share is None or 0 < price.batch_share <= 1
    assert not (price.since and price.until) or price.since <= price.until
    assert price.maker in {row["maker"] for row in read_rows("api_makers.csv")}


def test_a_longer_prompt_and_a_peak_hour_never_cost_less():
    for price in api_prices():
        plain = [one for one in api_prices() if (one.name, one.since) == (price.name, price.since)]
        first = min(plain, key=lambda one: (one.above_tokens, bool(one.hours)))
        assert price.input_usd_per_mtok >= first.input_usd_per_mtok
        assert price.output_usd_per_mtok >= first.output_usd_per_mtok


def test_the_price_of_a_prompt_is_that_of_its_length():
    tiered = next(price for price in api_prices() if price.above_tokens and not price.hours)
    assert api_price(tiered.name, tiered.above_tokens).above_tokens < tiered.above_tokens
    assert api_price(tiered.name, tiered.above_tokens + 1) == tiered
    with pytest.raises(KeyError, match="Nobody/nothing"):
        api_price("Nobody/nothing")


def test_what_is_announced_does_not_hold_yet():
    announced = [price for price in api_prices() if price.since > sources()["genai"].checked]
    assert announced
    for price in announced:
        assert api_price(price.name) != price


@pytest.mark.parametrize("offer", rents(), ids=lambda offer: f"{offer.provider} {offer.device} {offer.spot}")
def test_a_rent_names_a_device_a_price_a_date_and_a_source_with_an_address(offer):
    assert offer.device in accelerators()
    assert offer.usd_per_hour > 0
    assert offer.as_of <= TODAY
    assert offer.as_of or "undated" in offer.note
    assert sources()[offer.source].where


def test_a_device_is_rented_at_the_median_of_its_providers():
    offers = {offer.device for offer in rents()}
    assert len({offer.provider for offer in rents() if offer.device == "NVIDIA H100 SXM" and not offer.spot}) >= 16
    for device in accelerators():
        span = rent(device)
        assert (span is None) == (device not in offers)
        if span is None:
            continue
        asked = [offer.usd_per_hour for offer in rents() if offer.device == device and not offer.spot]
        assert 0 < span[0] < span[1] < span[2]
        assert sum(usd <= span[1] for usd in asked) >= len(asked) / 2 <= sum(usd >= span[1] for usd in asked)


def test_tuning_services_say_what_they_train_and_until_when():
    services = tuning_services()
    assert len(services) >= 15
    for service in services:
        assert service.supervised or service.preference or service.reinforcement
        assert service.weights_out in ("yes", "no", "")
        assert sources()[service.source].where
        assert service.usd is None or service.unit
    closes = {(one.provider, one.models): one.closes for one in services if one.closes}
    assert closes["OpenAI", "gpt-4.1"] == "2027-01-06"
    assert closes["Cohere", "chat models"] == "2025-09-15"
    # A model's training can't outlive the model.
    assert closes["OpenAI", "o4-mini"] == "2026-10-23"


def test_every_source_was_checked_on_a_day_that_was():
    for source in sources().values():
        assert "2026-01-01" <= source.checked <= max(TODAY, "2026-11-22")
        assert source.title


@pytest.mark.parametrize("name", BUDGET)
def test_a_data_file_stays_small_enough_for_a_browser(name):
    assert (FOLDER / name).stat().st_size <= BUDGET[name]


def test_the_catalogues_are_read_from_a_zip_with_nothing_else_at_hand(tmp_path):
    package = FOLDER.parent
    bundle = tmp_path / "bundle.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        alone = [package / "__init__.py", package / "json_text.py"]
        for path in [*alone, *FOLDER.glob("*.*"), *(package / "llm").glob("*.py")]:
            archive.write(path, path.relative_to(package.parent).as_posix())
    script = (
        f"import sys; sys.path[:] = [{str(bundle)!r}] + [p for p in sys.path if p];"
        "from calculator import catalogs; from calculator.llm import parameters;"
        "assert '.zip' in catalogs.__file__;"
        "print(len(catalogs.architectures()), len(catalogs.accelerators()), len(catalogs.rents()),"
        "catalogs.read_config({'model_type': 'llama', 'hidden_size': 64, 'num_hidden_layers': 1}).vocab)"
    )
    run = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert run.stdout.split() == [
        str(len(architectures())), str(len(accelerators())), str(len(rents())), "32000",
    ]


def test_importing_the_counts_reads_no_file_and_no_slow_module():
    script = (
        "import sys; import calculator.llm.parameters;"
        "from calculator import catalogs; assert not catalogs.architectures.cache_info().currsize;"
        "print([m for m in ('csv', 'json', 'statistics', 'logging', 'calculator.catalogs.config') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_every_familys_reader_is_there_and_every_reader_is_used():
    used = {family.rules["reader"] for family in families().values() if "reader" in family.rules}
    assert used == set(READERS)


def test_every_rule_of_a_family_stands_on_the_page_that_explains_them():
    page = (Path(__file__).parent.parent / "docs/reference/adding-a-row.md").read_text("utf-8")
    told = {name for line in re.findall(r"^\| (`\S+=.*)$", page, re.M) for name in re.findall(r"`(\w+:?)\S*=", line)}
    used = {re.sub(":.*", ":", rule) for family in families().values() for rule in family.rules}
    assert used == told


# config.json as the hub has them: partial, nested, old and new forms.
GEMMA_3_4B = {
    "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "image_token_index": 262144,
    "text_config": {
        "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024,
    },
    "vision_config": {"hidden_size": 1152, "num_hidden_layers": 27, "model_type": "siglip_vision_model"},
}
LLAMA_32_1B = {
    "architectures": ["LlamaForCausalLM"], "attention_bias": False, "head_dim": 64, "hidden_size": 2048,
    "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": False, "model_type": "llama",
    "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
    "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0}, "tie_word_embeddings": True, "vocab_size": 128256,
}
MISTRAL_SMALL_31 = {
    "model_type": "mistral3", "spatial_merge_size": 2, "vision_config": {"model_type": "pixtral"},
    "text_config": {
        "attention_dropout": 0.0, "head_dim": 128, "hidden_size": 5120, "intermediate_size": 32768,
        "max_position_embeddings": 131072, "model_type": "mistral", "num_attention_heads": 32,
        "num_hidden_layers": 40, "num_key_value_heads": 8, "vocab_size": 131072, "sliding_window": None,
    },
}
LLAVA_15 = {
    "model_type": "llava", "vision_config": {"model_type": "clip_vision_model"},
    "text_config": {"model_type": "llama", "max_position_embeddings": 4096, "vocab_size": 32064},
}
FALCON_7B = {
    "model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71,
    "vocab_size": 65024, "alibi": False, "bias": False, "multi_query": True, "new_decoder_architecture": False,
    "parallel_attn": True,
}
GPT2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257}
DEEPSEEK_V2_LITE = {
    "model_type": "deepseek_v2", "hidden_size": 2048, "num_hidden_layers": 27, "num_attention_heads": 16,
    "num_key_value_heads": 16, "vocab_size": 102400, "intermediate_size": 10944, "moe_intermediate_size": 1408,
    "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
    "kv_lora_rank": 512, "q_lora_rank": None, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
}
QWEN2_VL_2B = {
    "model_type": "qwen2_vl", "hidden_size": 1536, "num_hidden_layers": 28, "num_attention_heads": 12,
    "num_key_value_heads": 2, "intermediate_size": 8960, "vocab_size": 151936, "tie_word_embeddings": True,
    "vision_config": {"depth": 32},
}
READ = [
    (GEMMA_3_4B, 3_880_263_168), (LLAMA_32_1B, 1_235_814_400), (MISTRAL_SMALL_31, 23_572_403_200),
    (LLAVA_15, 6_738_939_904), (FALCON_7B, 6_921_720_704), (GPT2, 124_439_808), (DEEPSEEK_V2_LITE, 15_706_484_224),
    (QWEN2_VL_2B, 1_543_714_304),
]


@pytest.mark.parametrize(("config", "total"), READ, ids=[config["model_type"] for config, _ in READ])
def test_a_config_file_as_the_hub_has_it_is_counted_exactly(config, total):
    assert parameters.total(read_config(json.dumps(config), "model")) == total
    assert parameters.total(read_config(config, "model")) == total


def test_a_config_names_its_windows_and_context():
    model = read_config(GEMMA_3_4B)
    assert (model.sliding_window, model.sliding_layers, model.global_layers) == (1024, 29, 5)
    assert model.max_context == 131072
    assert model.hf_id == "gemma3"


BAD = [
    ("", "not valid JSON"),
    ("[1]", "an object is needed, a list of 1 was given"),
    ("null", "an object is needed"),
    ("{", "not valid JSON"),
    ("[" * 100_000, "nested too deeply"),
    ('{"a":' * 200 + "1" + "}" * 200, "nested too deeply"),
    ('{"model_type": "llama", "hidden_size": ' + "9" * 5000 + "}", "not valid JSON|hidden_size"),
    ("x" * 3_000_000, "at most 2000000 characters"),
    ("{}", "model_type is missing; known: .*llama"),
    ('{"model_type": "whisper"}', "model_type 'whisper' is not one we can count; known: .*llama"),
    ('{"model_type": ["llama"]}', "model_type must be text, a list of 1 was given"),
    ('{"model_type": "mllama", "text_config": {"model_type": "llama"}}', "'mllama' is not one we can count"),
    ('{"model_type": "llama"}', "hidden_size is missing"),
    ('{"model_type": "llama", "hidden_size": 64}', "num_hidden_layers is missing"),
]
VALUES = [
    ("hidden_size", "NaN", "hidden_size must be a whole number from 1 to 1048576, nan was given"),
    ("hidden_size", "-5", "hidden_size must be a whole number from 1 to 1048576, -5 was given"),
    ("hidden_size", "1e300", "hidden_size must be a whole number from 1 to 1048576, 1e.300 was given"),
    ("hidden_size", '"big"', "hidden_size must be a whole number from 1 to 1048576, 'big' was given"),
    ("hidden_size", "[64, 65]", "hidden_size must be the same in all layers"),
    ("hidden_size", "true", "hidden_size must be a whole number"),
    ("hidden_size", "100", "head_dim is missing, and hidden_size 100 is not a multiple of num_attention_heads 32"),
    ("num_hidden_layers", "100000", "num_hidden_layers must be a whole number from 1 to 10000, 100000 was given"),
    ("num_key_value_heads", "7", "num_key_value_heads must divide num_attention_heads 32, 7 was given"),
    ("attention_bias", '"yes"', "attention_bias must be true or false, 'yes' was given"),
    ("tie_word_embeddings", "1", "tie_word_embeddings must be true or false, 1 was given"),
    ("vocab_size", "null", "vocab_size is missing"),
    ("layer_types", '["full_attention"]', "layer_types must be a list of 2 names"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_is_no_config_file_is_refused_with_the_reason(text, message):
    with pytest.raises(ValueError, match=message):
        read_config(text)


@pytest.mark.parametrize(("key", "value", "message"), VALUES)
def test_a_bad_value_is_refused_with_its_key_and_what_is_allowed(key, value, message):
    base = {"model_type": "llama", "hidden_size": "64", "num_hidden_layers": "2", "sliding_window": "16", key: value}
    body = ", ".join(f'"{k}": {v if k != "model_type" else json.dumps(v)}' for k, v in base.items())
    with pytest.raises(ValueError, match=message):
        read_config("{" + body + "}")


def test_more_experts_per_token_than_experts_are_refused():
    config = {
        "model_type": "mixtral", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 8,
        "num_local_experts": 4, "num_experts_per_tok": 5,
    }
    with pytest.raises(ValueError, match="num_experts_per_tok must be at most the number of experts 4, 5 was given"):
        read_config(config)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = sorted({key for family in families().values() for key in family.defaults} | {
    "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size", "head_dim", "text_config",
    "layer_types", "mlp_layer_types", "mlp_only_layers", "moe_layers", "hybrid_override_pattern", "per_layer_config",
    "full_attn_idxs", "attn_layer_indices", "block_ffn_dim_multiplier", "index_topk_pattern", "mamba_d_head",
    "index_skip_topk_offset", "no_rope_layers", "expansion_ratio", "num_kv_shared_layers", "n_inner",
})
sensible = st.one_of(st.integers(0, 64), st.booleans(), st.none())


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(model_types()), st.dictionaries(st.sampled_from(KEYS), anything | sensible, max_size=12),
    st.sampled_from([{}, {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 8}]),
)
def test_any_content_gives_a_count_or_a_clear_refusal(model_type, content, base):
    problem = None
    try:
        model = read_config({**base, **content, "model_type": model_type})
    except ValueError as refusal:
        problem = str(refusal)
    if problem is None:
        assert 0 < parameters.active(model) <= parameters.total(model)
        assert parameters.lora(model, rank=4) >= 0
    else:
        assert problem.startswith("config.json: ")
        assert len(problem) < 3000


def test_models_of_many_makers_are_in_the_catalogue_newest_first():
    models = list(architectures().values())
    assert len(models) >= 250
    assert all(model.released and model.maker for model in models)
    dates = [model.released for model in models]
    assert dates == sorted(dates, reverse=True)
    assert sum(model.encoder for model in models) >= 40


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B"), ("Qwen3-8B", "Qwen/Qwen3-8B"),
        ("Qwen3-8B-Instruct-2507", "Qwen/Qwen3-8B"), ("Qwen/Qwen2.5-7B-Instruct-AWQ", "Qwen/Qwen2.5-7B"),
        ("unsloth/Meta-Llama-3.1-8B-bnb-4bit", "meta-llama/Llama-3.1-8B"), ("Llama 3.1 8B", "meta-llama/Llama-3.1-8B"),
        ("Mixtral-8x7B-Instruct-v0.1", "mistralai/Mixtral-8x7B-v0.1"), ("roberta-base", "FacebookAI/roberta-base"),
    ],
)
def test_a_model_is_found_as_people_write_it(written, name):
    assert architecture(written).hf_id == name


@pytest.mark.parametrize("written", ["DeepSeek-V3.1", "Nemotron-4-340B", "mistral-7b", "Qwen9", "", "Llama-3"])
def test_another_version_is_another_model(written):
    with pytest.raises(ValueError, match="model:"):
        architecture(written)


def test_a_fenced_file_is_read():
    text = '```json\n{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1}\n```'
    assert read_config(text).hidden_size == 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Qwen/Qwen3-8B", "'Qwen/Qwen3-8B' is a name; the text of that model's config.json is needed"),
        ('{"peft_type": "LORA", "r": 16, "target_modules": ["q_proj"], "base_model_name_or_path": "a/b"}',
         "an adapter's file: its base is a/b. Take the config.json of that model, set the rank to 16 and .* to q_proj"),
        ('{"weight_map": {}}', "the index of the weights: take config.json from the same folder"),
        ('{"added_tokens_decoder": {}}', "a tokenizer's file"),
        ('{"eos_token_id": 1, "temperature": 0.6}', "a generation_config.json"),
    ],
)
def test_what_is_pasted_in_place_of_a_config_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        read_config(text)
