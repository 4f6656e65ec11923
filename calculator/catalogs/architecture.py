"""The dimensions of one model: what its parameter count, its memory and its speed follow from."""

from dataclasses import dataclass, replace
from typing import NamedTuple


class Cache(NamedTuple):
    """What some layers of a model keep of each token."""

    layers: int
    numbers_per_token: int
    """Of one layer: keys and values, or the latent and the rotary key with low-rank attention."""
    window: int
    """Tokens kept at most; 0 means all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """One decoder-only language model. Widths count numbers, not bytes.

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
    attention_gate: str = ""
    """"fused": a gate as wide as the queries comes out of the query projection; "own": it has its own matrix."""

    norms_per_layer: int = 2
    """Norms as wide as the hidden state in each layer."""
    norm_weight: bool = True
    norm_bias: bool = False
    final_norm: bool = True
    embedding_norm: bool = False
    inner_norms: bool = False
    """A norm before the last matrix of attention and of the MLP."""
    qk_norm: str = ""
    """"" for none, "head" for one head's width shared by all heads, "whole" for the projection's width."""
    qk_norm_bias: bool = False
    learned_positions: int = 0
    """Rows of a learned position table."""
    embedding_size: int = 0
    """Width of the token embeddings where it differs from the hidden size."""
    projects_back: bool = True
    """Such embeddings are projected to the hidden size and, before the head, back."""
    embedding_bias: bool = False

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
    expert_inputs: int = 0
    """Width that routed experts work on where it is a projection of the hidden state."""

    attention_sinks: bool = False
    sliding_window: int = 0
    """Tokens that a windowed (or chunked) layer attends to."""
    sliding_layers: int = 0
    global_head_dim: int = 0
    """Width of a head in the layers without a window where it differs (Gemma 4)."""
    global_kv_heads: int = 0
    global_values_are_keys: bool = False
    reusing_sliding_layers: int = 0
    """Windowed layers that use keys and values of an earlier layer, and have none of their own."""
    reusing_global_layers: int = 0
    reusing_mlp_factor: int = 1
    """Width of the MLP in these layers, as a multiple of the others'."""
    per_layer_embedding: int = 0
    """Width of a second embedding, one for each layer (Gemma 4 E models)."""
    per_layer_vocab: int = 0

    q_lora_rank: int = 0
    kv_lora_rank: int = 0
    """Above zero: multi-head latent attention (MLA), and this is the width of the cached latent."""
    qk_nope_head_dim: int = 0
    qk_rope_head_dim: int = 0
    v_head_dim: int = 0
    """Width of one value head with MLA."""
    index_heads: int = 0
    """Heads of the indexer that selects tokens in sparse attention (DeepSeek V3.2)."""
    index_head_dim: int = 0
    index_layers: int = 0

    o_lora_rank: int = 0
    """Above zero: keys are the values too (DeepSeek V4), and the output passes groups of this rank."""
    o_groups: int = 0
    lightly_compressed_layers: int = 0
    """Layers that also keep one entry for every 4 tokens, selected by the indexer."""
    heavily_compressed_layers: int = 0
    """Layers that also keep one entry for every 128 tokens."""

    recurrent: str = ""
    """What stands in for attention or beside it: gated_delta (Qwen3-Next), kimi_delta, mamba2, short_conv (LFM2)."""
    recurrent_layers: int = 0
    layers_without_attention: int = 0
    layers_without_mlp: int = 0
    recurrent_heads: int = 0
    recurrent_head_dim: int = 0
    recurrent_groups: int = 0
    """Key heads, or groups of heads that share their state projections."""
    recurrent_state: int = 0
    """Width of a key head, or of the state of one channel."""
    recurrent_kernel: int = 0
    recurrent_conv_bias: bool = False
    recurrent_bias: bool = False
    recurrent_norm: bool = True

    recurrent_split: bool = False
    """Gates and keys of the recurrent layer are matrices of their own."""
    adapted_experts: bool = False
    """PEFT reaches the stacked experts and the router of this class, and then leaves the MLPs beside them alone."""
    linear_router: bool = False

    encoder: bool = False
    """Reads a text at once and keeps no cache."""
    cross_layers: int = 0
    """Layers of a decoder that also attend to the encoder's output."""
    extra_parameters: int = 0
    """Outside the layers and held by none of the above: token types, a masked-language head, position biases."""
    towers: str = ""
    """What reads images or sound: "vision", "audio" or both; not counted as part of the language model."""
    tower_parameters: int = 0
    """Of the towers and their projection; 0 where there are none or where we can't count them."""
    stored_bits: int = 0
    """Bits of a weight in the published file, by its quantization_config; 0 where it has none."""
    stored_as: str = ""
    """The method that file names: awq, gptq, fp8, mxfp4, bitsandbytes …"""

    extra_layer_parameters: int = 0
    """Parameters of each layer that none of the above holds, such as those of a learned activation."""

    license: str = ""
    """With a question mark where it was written from memory, without a source that we read."""
    released: str = ""
    """Year and month of the weights."""
    source: str = ""
    """Keys of sources.csv joined by +, or config.json."""

    def described(self, *, license: str, released: str, source: str, name: str = "") -> "Architecture":
        """The same model with what a config file does not say, perhaps under another name."""
        return replace(self, license=license, released=released, source=source, hf_id=name or self.hf_id)

    @property
    def generates(self) -> bool:
        """Whether it writes text token by token with a cache of its own tokens only."""
        return not self.encoder and not self.cross_layers

    @property
    def maker(self) -> str:
        """The part of its name before the slash."""
        return self.hf_id.partition("/")[0] if "/" in self.hf_id else ""

    @property
    def attention_layers(self) -> int:
        """Layers with attention."""
        return self.layers - self.layers_without_attention

    @property
    def mlp_layers(self) -> int:
        """Layers with a dense MLP."""
        return self.dense_layers if self.experts else self.layers - self.layers_without_mlp

    @property
    def moe_layers(self) -> int:
        """Layers with experts."""
        return self.layers - self.layers_without_mlp - self.dense_layers if self.experts else 0

    @property
    def global_layers(self) -> int:
        """Layers with attention over the whole context."""
        return self.attention_layers - self.sliding_layers

    @property
    def kv_width(self) -> int:
        """Numbers cached per token by an ordinary layer with attention; ``caches`` has every kind of layer."""
        if self.kv_lora_rank:
            return self.kv_lora_rank + self.qk_rope_head_dim
        return 2 * self.kv_heads * self.head_dim

    @property
    def caches(self) -> tuple[Cache, ...]:
        """What the layers keep of each token, one entry per kind of layer. Layers that reuse a cache are left out."""
        if self.encoder:
            return ()
        if self.o_lora_rank:
            light = Cache(self.lightly_compressed_layers, (self.head_dim + self.index_head_dim) // 4, 0)
            heavy = Cache(self.heavily_compressed_layers, self.head_dim // 128, 0)
            recent = Cache(self.layers, self.head_dim, self.sliding_window)
            return tuple(kind for kind in (recent, light, heavy) if kind.layers > 0)
        if self.cross_layers:
            return (Cache(self.cross_layers, self.kv_width, 0),)
        width = self.kv_width
        if self.global_head_dim:
            width = 2 * (self.global_kv_heads or self.kv_heads) * self.global_head_dim
        kinds = (
            Cache(self.global_layers - self.reusing_global_layers, width, 0),
            Cache(self.sliding_layers - self.reusing_sliding_layers, self.kv_width, self.sliding_window),
        )
        return tuple(kind for kind in kinds if kind.layers > 0)

    @property
    def recurrent_numbers(self) -> int:
        """Numbers that one sequence keeps in all recurrent layers together, whatever its length."""
        if not self.recurrent:
            return 0
        if self.recurrent == "short_conv":
            return self.recurrent_layers * self.hidden_size * self.recurrent_kernel
        state = self.recurrent_heads * self.recurrent_head_dim * self.recurrent_state
        keys = 2 * self.recurrent_groups * self.recurrent_state
        convolution = (self.recurrent_heads * self.recurrent_head_dim + keys) * self.recurrent_kernel
        return self.recurrent_layers * (state + convolution)


def cell(field: str, text: str) -> str | int:
    """The text of a table's cell in the type of that field of `Architecture`: text, a number, or 0 and 1 for a flag."""
    kind = Architecture.__annotations__[field]
    return text if kind is str else bool(int(text)) if kind is bool else int(text)
