"""Our counts against the classes themselves, instantiated without memory (PyTorch's meta device).

Needs torch, transformers and, for adapters, peft; skipped without them. Each family is built small, with
dimensions that no published model has, so that only the law can be right.
"""

import json
import warnings

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from calculator.catalogs import read_config  # noqa: E402
from calculator.catalogs.config import _KEYS  # noqa: E402
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
WITHOUT_HEAD = {"glm4v_text", "glm4v_moe_text", "qwen3_vl_text", "qwen3_vl_moe_text"}
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


def build(kind, overrides):
    """A small config of that type and its model without memory."""
    cls = transformers.CONFIG_MAPPING[kind]
    known = set(cls().to_dict()) | set(getattr(cls, "attribute_map", {}))
    values = {"pad_token_id": 0, **overrides}
    for field, value in SMALL.items():
        if field == "kv_heads" and kind in NO_KV_HEADS:
            continue
        keys = [key for key in _KEYS[field] if key in known]
        if keys and not any(key in values for key in _KEYS[field]):
            values[keys[0]] = value
    if kind == "helium" and values.get("head_dim") == 12:
        values["head_dim"] = 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = cls(**values)
        with torch.device("meta"):
            if kind in WITHOUT_HEAD:
                return config, transformers.AutoModel.from_config(config)
            return config, transformers.AutoModelForCausalLM.from_config(config)


def identify(case):
    kind, overrides = case
    return "-".join([kind, *(f"{key}={value}" for key, value in overrides.items() if not isinstance(value, list))][:3])


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_the_count_is_that_of_the_instantiated_class(case):
    kind, overrides = case
    config, model = build(kind, overrides)
    ours = read_config(json.dumps(config.to_dict()), "small")
    head = parameters.output_embedding(ours) if kind in WITHOUT_HEAD else 0
    assert parameters.total(ours) - head == sum(p.numel() for p in model.parameters())
    assert parameters.embedding(ours) == model.get_input_embeddings().weight.numel()
