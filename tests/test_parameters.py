"""Parameter counts are exact, whatever the family."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator import evaluation
from calculator.catalogs import Architecture, architecture, architectures, read_config
from calculator.catalogs.families import families
from calculator.evaluation.parameters import predict
from calculator.llm import parameters

FOLDER = Path(evaluation.__file__).parent
ROWS = {row["hf_id"]: row for row in evaluation.published("parameters")}
MODELS = sorted(architectures())
LLAMA_8B = "meta-llama/Llama-3.1-8B"


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_catalogue_model_counts_as_its_instantiated_class_does(name):
    model, row = architecture(name), ROWS[name]
    assert parameters.total(model) == int(row["computed_total_params"])
    if row["computed_active_params"]:
        assert parameters.active(model) == int(row["computed_active_params"])


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_of_dimensions_counts_the_same_without_its_name(name):
    found = predict({**ROWS[name], "hf_id": "somebody/else"})
    assert found["reason"] == ""
    assert found["total_params"] == int(ROWS[name]["computed_total_params"])
    if ROWS[name]["computed_active_params"]:
        assert found["active_params"] == int(ROWS[name]["computed_active_params"])


# Parameters in the published checkpoints of models that the rows above do not have.
PUBLISHED = {
    LLAMA_8B: 8_030_261_248,
    "meta-llama/Llama-3.1-405B": 405_853_388_800,
    "Qwen/Qwen2.5-14B": 14_770_033_664,
    "Qwen/Qwen3-30B-A3B": 30_532_122_624,
    "Qwen/Qwen3-32B": 32_762_123_264,
    "google/gemma-2-2b": 2_614_341_888,
    "google/gemma-2-27b": 27_227_128_320,
    "google/gemma-3-1b-it": 999_885_952,
    "microsoft/phi-2": 2_779_683_840,
    "mistralai/Mistral-Small-24B-Base-2501": 23_572_403_200,
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": 1_100_048_384,
    "HuggingFaceTB/SmolLM2-135M": 134_515_008,
    "deepseek-ai/DeepSeek-V3": 671_026_404_352,
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_model_beyond_those_rows_counts_as_published(name):
    assert parameters.total(architecture(name)) == PUBLISHED[name]


def test_a_small_llama_is_as_counted_by_hand():
    model = Architecture(
        hf_id="hand", family="LlamaForCausalLM", hidden_size=4, layers=2, heads=2, kv_heads=1, head_dim=3,
        intermediate_size=5, vocab=7, tied_embeddings=False,
    )
    # q 4·6, k and v 4·3 each, o 6·4; three MLP matrices 4·5; two norms of 4.
    layer = 24 + 12 + 12 + 24 + 3 * 20 + 2 * 4
    assert parameters.layer(model) == layer == 140
    assert parameters.total(model) == 2 * layer + 2 * 7 * 4 + 4
    assert parameters.linear(model) == 2 * (layer - 8)
    assert parameters.embedding(model) == parameters.output_embedding(model) == 28


def test_lora_on_all_linear_layers_of_an_8b_llama_is_as_computed_by_hand():
    # Per layer: q and o 2·(4096+4096), k and v 2·(4096+1024), three MLP matrices of 4096 and 14336.
    per_rank = 32 * (2 * 8192 + 2 * 5120 + 3 * 18432)
    model = architecture(LLAMA_8B)
    assert per_rank == 2_621_440
    assert parameters.lora(model, rank=16) == 16 * per_rank == 41_943_040
    assert parameters.lora(model, rank=16, targets="attention") == 16 * 851_968
    assert parameters.lora(model, rank=8, targets=("q_proj", "v_proj")) == 8 * 32 * (8192 + 5120)
    assert parameters.lora(model, rank=1, targets="lm_head") == 4096 + 128256
    assert parameters.lora(model, rank=1, targets="embed_tokens") == 4096 + 128256


def test_dora_adds_one_magnitude_per_output():
    model = architecture(LLAMA_8B)
    outputs = 32 * (4096 + 1024 + 1024 + 4096 + 14336 + 14336 + 4096)
    assert parameters.lora(model, rank=16, dora=True) - parameters.lora(model, rank=16) == outputs


def test_a_fused_projection_is_adapted_whole():
    pythia = architecture("EleutherAI/pythia-1.4b")
    whole = 24 * (2048 + 3 * 2048)
    assert parameters.lora(pythia, rank=1, targets="query_key_value") == whole
    assert parameters.lora(pythia, rank=1, targets=("q_proj", "v_proj")) == whole
    phi = architecture("microsoft/Phi-3-mini-4k-instruct")
    assert parameters.lora(phi, rank=1, targets="gate_up_proj") == 32 * (3072 + 2 * 8192)


def test_stacked_experts_are_adapted_as_peft_does_it():
    """Gate and up are one parameter with twice the rank; the router is adapted with all linear layers."""
    mixtral = architecture("mistralai/Mixtral-8x7B-v0.1")
    assert parameters.lora(mixtral, rank=1, targets="up_proj") == 32 * 8 * 2 * (4096 + 2 * 14336)
    both = parameters.lora(mixtral, rank=1, targets=("attention", "mlp"))
    assert parameters.lora(mixtral, rank=1) == both + 32 * (4096 + 8)
    assert parameters.lora(mixtral, rank=8) == 179_832_832


def test_experts_that_are_plain_parameters_get_no_adapter():
    assert parameters.lora(architecture("openai/gpt-oss-20b"), rank=8) == 3_981_312
    assert parameters.lora(architecture("openai/gpt-oss-20b"), rank=8, targets="mlp") == 0


FILES = [json.loads(line) for line in FOLDER.joinpath("model_files.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file["id"])
def test_a_published_file_counts_as_its_instantiated_class_does(file):
    """Counted with transformers 5.24.0 and PEFT 0.21.2; total with the towers, the rest without."""
    found = read_config(file["config"], file["id"])
    assert parameters.everything(found) == file["total"]
    assert parameters.total(found) == file["text"]
    assert parameters.active(found) == file["active"]
    if "kv" in file:
        assert sum(cache.layers * cache.numbers_per_token for cache in found.caches) == file["kv"]
    if "lora" in file:
        assert parameters.lora(found, rank=8) == file["lora"]


ENCODERS = {
    "bert": 109_514_298, "roberta": 124_696_665, "distilbert": 66_985_530, "electra": 13_546_682,
    "deberta-v2": 879_999_588, "deberta": 124_685_913, "modernbert": 149_655_232, "mpnet": 109_516_991,
    "eurobert": 310_266_624, "nomic_bert": 137_354_304, "t5": 60_506_624,
}


@pytest.mark.parametrize("kind", ENCODERS)
def test_an_encoder_of_its_classs_defaults_counts_as_instantiated(kind):
    """The masked-language class of transformers 5.24.0 (T5: for conditional generation) with default dimensions."""
    defaults = families()[kind].defaults
    config = {"model_type": kind} | {
        key: int(defaults[field]) for key, field in (("hidden_size", "hidden_size"), ("num_hidden_layers", "layers"))
    }
    found = read_config(config)
    assert parameters.total(found) == ENCODERS[kind]
    assert bool(found.caches) == (kind == "t5")


def test_towers_are_named_and_counted_apart():
    files = {file["id"]: file for file in FILES}
    seeing = read_config(files["aiconfigurator/Qwen--Qwen3.5-27B"]["config"])
    assert (seeing.towers, seeing.tower_parameters) == ("vision", 460_730_096)
    hearing = read_config(files["executorch/gemma4-e2b"]["config"])
    assert (hearing.towers, hearing.tower_parameters) == ("audio", 307_183_904)
    llama = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1}
    unknown = read_config({"model_type": "internvl", "text_config": llama, "vision_config": {"model_type": "odd"}})
    assert (unknown.towers, unknown.tower_parameters) == ("vision", 0)


@pytest.mark.parametrize(
    ("said", "method", "bits"),
    [
        ({"quant_method": "awq", "bits": 4}, "awq", 4), ({"quant_method": "fp8", "fmt": "e4m3"}, "fp8", 8),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes", 4),
        ({"quant_method": "mxfp4"}, "mxfp4", 4), ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "modelopt", 4),
        ({"quant_method": "odd"}, "odd", 0), (None, "", 0),
    ],
)
def test_the_stored_format_of_a_file_is_read(said, method, bits):
    config = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1, "quantization_config": said}
    found = read_config(config)
    assert (found.stored_as, found.stored_bits) == (method, bits)


def test_low_rank_attention_is_adapted_matrix_by_matrix():
    model = architecture("deepseek-ai/DeepSeek-V2")
    down, up = 5120 + 1536, 1536 + 128 * 192
    assert parameters.lora(model, rank=1, targets="q_proj") == 60 * (down + up)
    assert parameters.lora(model, rank=1, targets="q_a_proj") == 60 * down


@pytest.mark.parametrize("targets", ["kqv", "", (), ("q_proj", "nothing")])
def test_an_unknown_target_is_named_with_what_is_known(targets):
    with pytest.raises(ValueError, match="targets"):
        parameters.lora(architecture(LLAMA_8B), rank=8, targets=targets)


def test_a_rank_below_one_is_refused():
    with pytest.raises(ValueError, match="rank: at least 1 is needed, 0 was given"):
        parameters.lora(architecture(LLAMA_8B), rank=0)


def test_a_cache_of_an_8b_llama_holds_keys_and_values_of_all_layers():
    assert architecture(LLAMA_8B).caches == ((32, 2 * 8 * 128, 0),)
    assert architecture("deepseek-ai/DeepSeek-V2").caches == ((60, 512 + 64, 0),)
    assert architecture("google/gemma-3-4b-it").caches == ((5, 2 * 4 * 256, 0), (29, 2 * 4 * 256, 1024))
    assert architecture("Qwen/Qwen3-Next-80B-A3B-Instruct").caches == ((12, 2 * 2 * 256, 0),)


models = st.sampled_from(MODELS).map(architecture)
mixtures = st.sampled_from([name for name in MODELS if architecture(name).experts]).map(architecture)


@given(models)
def test_parts_are_within_the_whole(model):
    assert 0 < parameters.active(model) <= parameters.total(model)
    assert parameters.linear(model) < parameters.total(model)
    assert parameters.embedding(model) + parameters.output_embedding(model) < parameters.total(model)
    assert parameters.layer(model) < parameters.total(model)


@given(models)
def test_a_dense_model_is_its_layers_and_its_outside(model):
    if model.experts or model.recurrent or model.cross_layers or model.global_head_dim:
        return
    outside = parameters.total(model) - model.layers * parameters.layer(model)
    embeddings = parameters.embedding(model) + parameters.output_embedding(model)
    rest = model.extra_parameters + (model.learned_positions + model.embedding_size + 4) * model.hidden_size
    assert embeddings <= outside <= embeddings + rest + model.vocab


@given(models, st.integers(1, 512), st.sampled_from(("attention", "mlp", "all-linear", "lm_head")))
def test_an_adapter_grows_in_proportion_to_its_rank(model, rank, targets):
    one = parameters.lora(model, rank=1, targets=targets)
    only_experts = targets == "mlp" and model.experts and not model.adapted_experts
    assert one > 0 or only_experts
    assert parameters.lora(model, rank=rank, targets=targets) == rank * one
    assert parameters.lora(model, rank=rank, targets=targets, dora=True) > rank * one or not one


@given(models)
def test_tying_saves_exactly_the_output_embedding(model):
    untied = dataclasses.replace(model, tied_embeddings=False)
    tied = dataclasses.replace(model, tied_embeddings=True)
    assert parameters.total(untied) - parameters.total(tied) == parameters.embedding(model)


@given(mixtures, st.integers(1, 64))
def test_a_mixture_stores_every_expert_and_uses_only_some(model, more):
    larger = dataclasses.replace(model, experts=model.experts + more)
    bias = model.moe_intermediate * (2 if model.gated_mlp else 1) + model.hidden_size if model.expert_bias else 0
    matrices = 3 if model.gated_mlp else 2
    expert = matrices * (model.expert_inputs or model.hidden_size) * model.moe_intermediate + bias
    router = model.hidden_size + model.router_bias
    grown = parameters.total(larger) - parameters.total(model)
    assert grown == more * model.moe_layers * (expert + router)
    assert parameters.active(larger) - parameters.active(model) == more * model.moe_layers * router


@given(models, st.integers(1, 200))
def test_each_further_layer_adds_the_same(model, more):
    one = dataclasses.replace(model, layers=model.layers + 1)
    many = dataclasses.replace(model, layers=model.layers + more)
    step = parameters.total(one) - parameters.total(model)
    assert step > 0
    assert parameters.total(many) - parameters.total(model) == more * step


def test_config_files_in_json_lines_are_counted(tmp_path):
    """The right counts: transformers 5.24.0 and PEFT 0.21.2."""
    files = {file["id"]: file for file in FILES}
    small = files["aiconfigurator/openai--gpt-oss-20b"]
    lines = [{"id": "one", "config": small["config"]}, {"id": "two", "config": {"model_type": "odd"}}]
    path = tmp_path / "files.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    one, two = csv.DictReader(evaluation.predict("parameters", str(path)).splitlines())
    assert one == {
        "id": "one", "total_params": "20914757184", "active_params": str(small["active"]),
        "kv_bytes_per_token": str(2 * 24 * 2 * 8 * 64), "lora_params_rank_8": "3981312", "tower_params": "0",
        "reason": "",
    }
    assert two["total_params"] == ""
    assert two["reason"].startswith("model_type 'odd' is not one we can count")
    path.write_text('{"id": "x"}')
    with pytest.raises(ValueError, match="line 1: an object with id and config is needed"):
        evaluation.predict("parameters", str(path))
