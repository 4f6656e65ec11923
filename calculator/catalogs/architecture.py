"""The dimensions of one model: what its parameter count, its memory and its speed follow from."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """One decoder-only language model. Widths are in units of one number, not of bytes.

    A zero means that the part does not exist (no experts, no window, no low-rank attention) or, for
    ``max_context``, that the source does not say.
    """

    hf_id: str
    family: str
    """Class name in Hugging Face transformers, such as LlamaForCausalLM."""
    hidden_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    """Width of one query head; with low-rank (MLA) attention its rotary part included."""
    intermediate_size: int
    """Width of a dense MLP; the experts' width is ``moe_intermediate``."""
    vocab: int
    """Rows of the embedding table, padding included."""
    tied_embeddings: bool
    max_context: int = 0

    gated_mlp: bool = True
    """Three matrices (gate, up, down); otherwise two (up, down)."""
    qkv_bias: bool = False
    o_bias: bool = False
    mlp_bias: bool = False
    head_bias: bool = False
    fused_qkv: bool = False
    """Query, key and value are one module, so that an adapter on one is an adapter on all three."""
    fused_gate_up: bool = False
    parallel_block: bool = False
    """Attention and MLP read the same input."""

    norms_per_layer: int = 2
    """Norms as wide as the hidden state in each layer."""
    norm_weight: bool = True
    norm_bias: bool = False
    final_norm: bool = True
    embedding_norm: bool = False
    qk_norm: str = ""
    """"" for none, "head" for one head's width shared by all heads, "whole" for the projection's width."""
    qk_norm_bias: bool = False
    learned_positions: int = 0
    """Rows of a learned position table."""
    embedding_size: int = 0
    """Width of the token embeddings where it differs from the hidden size (0: it does not)."""

    experts: int = 0
    experts_per_token: int = 0
    moe_intermediate: int = 0
    shared_intermediate: int = 0
    """Width of all shared experts of a layer together."""
    shared_gate: bool = False
    dense_layers: int = 0
    """Layers of a mixture model that keep a dense MLP (the first ones, or every second)."""
    router_bias: bool = False
    expert_bias: bool = False

    attention_sinks: bool = False
    sliding_window: int = 0
    """Tokens that a windowed (or chunked) layer attends to."""
    sliding_layers: int = 0

    q_lora_rank: int = 0
    kv_lora_rank: int = 0
    """Above zero: multi-head latent attention (MLA), and this is the width of the cached latent."""
    qk_nope_head_dim: int = 0
    qk_rope_head_dim: int = 0
    v_head_dim: int = 0
    """Width of one value head with MLA."""

    license: str = ""
    source: str = ""

    @property
    def moe_layers(self) -> int:
        """Layers that hold experts."""
        return self.layers - self.dense_layers if self.experts else 0

    @property
    def kv_width(self) -> int:
        """Numbers cached per token and layer: keys and values, or the latent and the rotary key with MLA."""
        if self.kv_lora_rank:
            return self.kv_lora_rank + self.qk_rope_head_dim
        return 2 * self.kv_heads * self.head_dim
