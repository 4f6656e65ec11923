"""Our counts against the classes themselves, instantiated without memory (PyTorch's meta device).

Run by `make oracle`: needs torch, transformers and peft. Each family is built small,
with dimensions that no published model has, so that only the law can be right. The defaults are those of transformers
5.24.0; with another version some of them may differ.
"""

import json
import warnings
from functools import cache

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from calculator.catalogs import read_config  # noqa: E402
from calculator.catalogs.config_keys import KEYS  # noqa: E402
from calculator.catalogs.families import families  # noqa: E402
from calculator.llm import parameters  # noqa: E402

pytestmark = pytest.mark.torch
transformers.logging.set_verbosity_error()

SMALL = {
    "vocab": 97, "hidden_size": 48, "layers": 5, "heads": 6, "kv_heads": 2, "head_dim": 12, "intermediate_size": 40,
    "max_context": 64, "experts": 7, "experts_per_token": 3, "moe_intermediate": 20,
}
LOW_RANK = {"q_lora_rank": 10, "kv_lora_rank": 14, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 6}
DELTA = {
    "linear_num_value_heads": 4, "linear_value_head_dim": 6, "linear_num_key_heads": 2, "linear_key_head_dim": 10,
    "linear_conv_kernel_dim": 3,
}
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 24, "mamba_n_groups": 2, "mamba_d_state": 6, "mamba_d_conv": 3}
FOUR_AND_ONE = ["linear_attention"] * 4 + ["full_attention"]
WITHOUT_HEAD = {
    "glm4v_text", "glm4v_moe_text", "qwen2_vl_text", "qwen2_5_vl_text", "qwen3_vl_text", "qwen3_vl_moe_text",
}
NO_KV_HEADS = {"gpt2", "gptj", "gpt_neo", "codegen", "opt", "bloom", "mpt", "persimmon", "biogpt", "xglm", "gpt_neox"}

CASES = [
    *((kind, {}) for kind in (
        "arcee", "apertus", "biogpt", "bitnet", "bloom", "codegen", "cohere2", "cwm", "exaone4", "gemma2", "glm",
        "glm4", "glm4v_text", "gpt2", "gpt_neox", "gptj", "granitemoe", "granitemoeshared", "mistral", "ministral3",
        "mixtral", "minimax_m2", "mpt", "nanochat", "olmo3", "phi", "phi3", "qwen2", "vaultgemma", "xglm",
    )),
    *((kind, {"attention_bias": flag}) for flag in (True, False) for kind in (
        "afmoe", "gemma", "gemma3_text", "glm4_moe", "gpt_neox", "gpt_oss", "granite", "helium", "jais2", "llama",
        "nemotron", "olmo", "olmo2", "olmoe", "qwen3", "qwen3_moe", "qwen3_vl_text", "seed_oss", "smollm3",
        "solar_open", "flex_olmo", "mellum",
    )),
    *((kind, {"mlp_bias": True}) for kind in ("granite", "llama", "nemotron", "arcee", "seed_oss", "smollm3")),
    *((kind, {**LOW_RANK, "first_k_dense_replace": 2, "n_shared_experts": 2, "attention_bias": bias, **extra})
      for kind in ("deepseek_v2", "deepseek_v3") for bias in (True, False)
      for extra in ({}, {"q_lora_rank": None}) if (kind, bool(extra)) != ("deepseek_v3", False) or bias),
    ("deepseek_v32", {**LOW_RANK, "first_k_dense_replace": 2, "index_n_heads": 3, "index_head_dim": 8}),
    ("glm_moe_dsa", {**LOW_RANK, "first_k_dense_replace": 2, "index_n_heads": 3, "index_head_dim": 8}),
    ("glm4_moe_lite", LOW_RANK),
    ("minicpm3", LOW_RANK),
    ("youtu", LOW_RANK),
    ("afmoe", {"num_dense_layers": 2, "num_shared_experts": 3}),
    ("cohere", {"use_qk_norm": True}),
    ("cohere", {"use_qk_norm": False}),
    ("dots1", {"n_routed_experts": 7, "num_experts_per_tok": 3, "n_shared_experts": 2, "first_k_dense_replace": 1}),
    ("ernie4_5", {"use_bias": True}),
    ("ernie4_5_moe", {"moe_num_shared_experts": 2, "moe_layer_start_index": 2, "moe_layer_interval": 2}),
    ("exaone_moe", {"first_k_dense_replace": 2, "num_shared_experts": 1}),
    ("falcon", {"multi_query": True}),
    ("falcon", {"multi_query": False, "bias": True, "parallel_attn": False, "alibi": True}),
    ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1}),
    ("glm4_moe", {"use_qk_norm": True, "first_k_dense_replace": 2}),
    ("glm4v_moe_text", {"first_k_dense_replace": 2}),
    ("gpt2", {"n_inner": 52}),
    ("gpt_bigcode", {"multi_query": True}),
    ("gpt_bigcode", {"multi_query": False}),
    ("gpt_neo", {"attention_types": [[["global", "local"], 2]], "num_layers": 4}),
    ("granitemoeshared", {"shared_intermediate_size": 22}),
    ("hunyuan_v1_dense", {"attention_bias": True, "rope_theta": 1e4}),
    ("hunyuan_v1_moe", {"rope_theta": 1e4}),
    ("llama4_text", {"interleave_moe_layer_step": 2, "intermediate_size_mlp": 56}),
    ("llama4_text", {}),
    ("opt", {"word_embed_proj_dim": 20}),
    ("opt", {"word_embed_proj_dim": 48, "do_layer_norm_before": False, "enable_bias": False}),
    ("opt", {"word_embed_proj_dim": 48, "layer_norm_elementwise_affine": False}),
    ("persimmon", {"qk_layernorm": True}),
    ("persimmon", {"qk_layernorm": False}),
    ("phi", {"qk_layernorm": True}),
    ("phimoe", {"attention_bias": True, "lm_head_bias": True}),
    ("phimoe", {}),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 2}),
    ("qwen2_moe", {"shared_expert_intermediate_size": 26, "decoder_sparse_step": 2, "mlp_only_layers": [1]}),
    ("qwen2_moe", {"qkv_bias": False}),
    ("qwen3_moe", {"decoder_sparse_step": 2}),
    ("qwen3_vl_moe_text", {"mlp_only_layers": [0, 3]}),
    ("stablelm", {"use_qkv_bias": True}),
    ("stablelm", {"qk_layernorm": True, "use_parallel_residual": True}),
    ("starcoder2", {"use_bias": False}),
    ("starcoder2", {"use_bias": True}),
    ("qwen3_next", {**DELTA, "shared_expert_intermediate_size": 26}),
    ("qwen3_next", {**DELTA, "layer_types": FOUR_AND_ONE, "mlp_only_layers": [2], "attention_bias": True}),
    ("qwen3_5_text", DELTA),
    ("qwen3_5_moe_text", {**DELTA, "full_attention_interval": 2}),
    ("bamba", {**MAMBA, "attn_layer_indices": [1, 3]}),
    ("falcon_h1", {**MAMBA, "mamba_d_ssm": 96}),
    ("falcon_h1", {**MAMBA, "mamba_d_ssm": 96, "mamba_rms_norm": True}),
    ("granitemoehybrid", {**MAMBA, "layer_types": FOUR_AND_ONE, "shared_intermediate_size": 22}),
    ("granitemoehybrid", {**MAMBA, "num_local_experts": 0, "shared_intermediate_size": 22}),
    ("nemotron_h", {
        "hybrid_override_pattern": "M*-M-*E", "mamba_num_heads": 4, "mamba_head_dim": 10, "n_groups": 2,
        "ssm_state_size": 6, "moe_shared_expert_intermediate_size": 30, "n_routed_experts": 8,
    }),
    ("nemotron_h", {
        "hybrid_override_pattern": "M*-M-", "mamba_num_heads": 4, "mamba_head_dim": 10, "n_groups": 2,
        "ssm_state_size": 6, "use_bias": True, "attention_bias": True, "mlp_bias": True,
    }),
    ("nemotron_h", {"hybrid_override_pattern": "ME*E", "moe_latent_size": 18, "n_routed_experts": 8}),
    ("lfm2", {"full_attn_idxs": [1, 4]}),
    ("lfm2", {"full_attn_idxs": [1, 4], "block_auto_adjust_ff_dim": False, "conv_bias": True}),
    ("lfm2_moe", {"layer_types": ["conv", "full_attention", "conv", "conv", "full_attention"]}),
    ("kimi_linear", {
        **LOW_RANK, "q_lora_rank": None, "layer_types": FOUR_AND_ONE, "linear_num_heads": 3, "linear_head_dim": 8,
        "mlp_layer_types": ["dense"] + ["sparse"] * 4,
    }),
    ("gemma4_text", {"hidden_size_per_layer_input": 0, "attention_k_eq_v": True, "num_global_key_value_heads": 1,
                     "global_head_dim": 20, "num_hidden_layers": 8}),
    ("gemma4_text", {"hidden_size_per_layer_input": 10, "vocab_size_per_layer_input": 90, "num_kv_shared_layers": 4,
                     "use_double_wide_mlp": True, "num_hidden_layers": 16, "global_head_dim": 20}),
    ("gemma4_text", {"hidden_size_per_layer_input": 0, "enable_moe_block": True, "num_experts": 7,
                     "top_k_experts": 3, "moe_intermediate_size": 20, "num_hidden_layers": 6}),
]


RELATIVE = {"relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm", "pos_att_type": "p2c|c2p"}
MASKED = {
    "bert", "roberta", "xlm-roberta", "camembert", "distilbert", "electra", "mpnet", "deberta", "deberta-v2",
    "nomic_bert", "modernbert", "eurobert",
}
CASES += [
    ("bert", {}), ("roberta", {"type_vocab_size": 1}), ("xlm-roberta", {}), ("camembert", {}), ("mpnet", {}),
    ("electra", {"embedding_size": 20}), ("electra", {"embedding_size": 48}), ("modernbert", {}),
    ("deberta-v2", {**RELATIVE, "share_att_key": True, "position_biased_input": False}),
    ("deberta-v2", {"type_vocab_size": 2}), ("deberta", {"type_vocab_size": 2}),
    ("distilbert", {"dim": 48, "n_layers": 3, "n_heads": 6, "hidden_dim": 40}), ("eurobert", {}),
    ("t5", {"d_model": 48, "d_kv": 10, "d_ff": 40, "num_layers": 3, "num_decoder_layers": 2, "num_heads": 6}),
    ("mt5", {"d_model": 48, "d_kv": 10, "d_ff": 40, "num_layers": 3, "num_decoder_layers": 2, "num_heads": 6}),
]


# No class of transformers has these types, or their default can't be instantiated, or is no whole head wide.
NOT_BY_DEFAULT = {
    "dots1", "hunyuan_v1_dense", "hunyuan_v1_moe", "internlm2", "kimi_k2", "lfm2_moe", "ministral", "nemotron",
    "nemotron_h", "qwen", "deepseek_v2", "kimi_linear", "glm4_moe", "glm4v_moe_text", "clip_text_model",
}
# Multimodal classes whose text part we read, with the smallest file that says what they hold.
WRAPPERS = [
    ("gemma3", "gemma3_text", {}), ("llava", "llama", {}), ("mistral3", "mistral", {}), ("llama4", "llama4_text", {}),
    ("qwen2_5_vl", "qwen2_5_vl_text", {}), ("qwen3_vl", "qwen3_vl_text", {}), ("internvl", "qwen2", {}),
    ("qwen3_5", "qwen3_5_text", DELTA), ("aya_vision", "cohere2", {}), ("glm4v", "glm4v_text", {}),
]
# PEFT refuses an adapter on the output projection of a Mamba layer.
NOT_ALL_LINEAR = ("nemotron_h", "falcon_h1", "bamba")
ADAPTED = {case[0]: case for case in CASES if case[0] not in {*NOT_ALL_LINEAR, *WITHOUT_HEAD, *MASKED}}


def values_of(kind, overrides):
    """Keyword arguments of a small config of that type."""
    cls = transformers.CONFIG_MAPPING[kind]
    known = set(cls().to_dict()) | set(getattr(cls, "attribute_map", {}))
    values = {"pad_token_id": 0, **overrides}
    for field, value in SMALL.items():
        if field == "kv_heads" and kind in NO_KV_HEADS:
            continue
        keys = [key for key in KEYS[field] if key in known]
        if keys and not any(key in values for key in KEYS[field]):
            values[keys[0]] = value
    if kind == "helium" and values.get("head_dim") == 12:
        values["head_dim"] = 8
    return values


def instantiate(config):
    """The model of a config without memory, with its head where transformers has one for the type."""
    kind = config.model_type
    if kind in WITHOUT_HEAD:
        loader = transformers.AutoModel
    elif kind in MASKED:
        loader = transformers.AutoModelForMaskedLM
    else:
        loader = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.device("meta"):
            return loader.from_config(config)


def build(kind, overrides):
    config = transformers.CONFIG_MAPPING[kind](**values_of(kind, overrides))
    return config, instantiate(config)


def size(model):
    return sum(parameter.numel() for parameter in model.parameters())


def ours_of(config, text):
    """Our count of a file, without the head where the model has none."""
    found = read_config(text, "small")
    head = parameters.output_embedding(found) if config.model_type in WITHOUT_HEAD else 0
    return parameters.total(found) - head


def identify(case):
    kind, overrides = case
    return "-".join([kind, *(f"{key}={value}" for key, value in overrides.items() if not isinstance(value, list))][:3])


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_the_count_is_that_of_the_instantiated_class(case):
    config, model = build(*case)
    assert ours_of(config, json.dumps(config.to_dict())) == size(model)
    found = read_config(json.dumps(config.to_dict()), "small")
    assert parameters.embedding(found) == model.get_input_embeddings().weight.numel()
    routed = sum(parameter.numel() for name, parameter in model.named_parameters() if ".experts." in name)
    unused = routed // found.experts * (found.experts - found.experts_per_token) if found.experts else 0
    assert parameters.total(found) - parameters.active(found) == unused
    kinds = [kind for kind in getattr(config, "layer_types", None) or [] if kind.startswith(("sliding", "chunked"))]
    assert found.sliding_layers == len(kinds) or not getattr(config, "layer_types", None)


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_a_file_that_leaves_out_defaults_counts_the_same(case):
    config = transformers.CONFIG_MAPPING[case[0]](**values_of(*case))
    short = json.loads(config.to_json_string(use_diff=True))
    assert ours_of(config, json.dumps(short)) == ours_of(config, json.dumps(config.to_dict()))


@pytest.mark.parametrize("kind", sorted(set(families()) - NOT_BY_DEFAULT))
def test_our_defaults_are_those_of_the_config_class(kind):
    config = transformers.CONFIG_MAPPING[kind]()
    given = {"model_type": kind, "hidden_size": config.hidden_size, "num_hidden_layers": config.num_hidden_layers}
    assert ours_of(config, given) == size(instantiate(config))


@pytest.mark.parametrize(("outer", "inner", "overrides"), WRAPPERS, ids=[wrapper[0] for wrapper in WRAPPERS])
def test_the_text_part_of_a_nested_file_is_what_is_counted(outer, inner, overrides):
    text = transformers.CONFIG_MAPPING[inner](**values_of(inner, overrides))
    for tied in (False, True):
        cls = transformers.CONFIG_MAPPING[outer]
        whole = cls(text_config={**text.to_dict(), "tie_word_embeddings": tied}, tie_word_embeddings=tied)
        found = read_config(whole.to_json_string(), "nested")
        alone = read_config({**text.to_dict(), "tie_word_embeddings": tied}, "alone")
        assert parameters.total(found) == parameters.total(alone)
        assert found.tied_embeddings == tied


@cache
def peft():
    return pytest.importorskip("peft")


@pytest.mark.parametrize(
    ("kind", "dora"), [*((kind, False) for kind in ADAPTED), ("gpt2", True), ("llama", True), ("phi3", True)]
)
def test_an_adapter_on_all_linear_layers_is_as_large_as_peft_makes_it(kind, dora):
    config, model = build(*ADAPTED[kind])
    setup = peft().LoraConfig(r=3, target_modules="all-linear", task_type="CAUSAL_LM", use_dora=dora)
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = peft().get_peft_model(model, setup, low_cpu_mem_usage=True)
    made = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    ours = read_config(json.dumps(config.to_dict()), "small")
    assert parameters.lora(ours, rank=3, targets="all-linear", dora=dora) == made


@pytest.mark.parametrize("targets", [["q_proj", "v_proj"], ["k_proj", "down_proj"], ["embed_tokens", "lm_head"]])
def test_an_adapter_on_named_layers_is_as_large_as_peft_makes_it(targets):
    config, model = build("qwen3", {})
    setup = peft().LoraConfig(r=5, target_modules=targets, task_type="CAUSAL_LM")
    with torch.device("meta"):
        adapted = peft().get_peft_model(model, setup, low_cpu_mem_usage=True)
    made = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    assert parameters.lora(read_config(config.to_dict(), "small"), rank=5, targets=targets) == made
