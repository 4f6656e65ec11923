"""What a class of Hugging Face transformers fixes, whatever its dimensions: norms, biases, fused modules."""

from typing import Any

_BIASES = {"qkv_bias": True, "o_bias": True, "mlp_bias": True}

FAMILIES: dict[str, dict[str, Any]] = {
    "LlamaForCausalLM": {},
    "MistralForCausalLM": {},
    "MixtralForCausalLM": {},
    "SmolLM3ForCausalLM": {},
    "Llama4ForCausalLM": {},
    "Qwen2ForCausalLM": {"qkv_bias": True},
    "Qwen2MoeForCausalLM": {"qkv_bias": True, "shared_gate": True},
    "Qwen3ForCausalLM": {"qk_norm": "head"},
    "Qwen3MoeForCausalLM": {"qk_norm": "head"},
    "GemmaForCausalLM": {},
    "Gemma2ForCausalLM": {"norms_per_layer": 4},
    "Gemma3ForCausalLM": {"norms_per_layer": 4, "qk_norm": "head"},
    "OlmoForCausalLM": {"norm_weight": False},
    "Olmo2ForCausalLM": {"qk_norm": "whole"},
    "PhiForCausalLM": {
        **_BIASES, "gated_mlp": False, "norms_per_layer": 1, "norm_bias": True, "parallel_block": True,
        "head_bias": True,
    },
    "Phi3ForCausalLM": {"fused_qkv": True, "fused_gate_up": True},
    "FalconForCausalLM": {"gated_mlp": False, "norm_bias": True, "parallel_block": True, "fused_qkv": True},
    "GPTNeoXForCausalLM": {
        **_BIASES, "gated_mlp": False, "norm_bias": True, "parallel_block": True, "fused_qkv": True,
    },
    "StableLmForCausalLM": {"norm_bias": True},
    "DeepseekV2ForCausalLM": {},
    "GptOssForCausalLM": {
        "qkv_bias": True, "o_bias": True, "attention_sinks": True, "router_bias": True, "expert_bias": True,
        "fused_gate_up": True,
    },
}
