"""Reads the config.json of encoders and of encoder-decoders: BERT and its kin, ModernBERT, T5.

Counts are those of the class with its masked-language head (T5: with its decoder), as instantiated.
"""

from collections.abc import Callable
from typing import Any

from calculator.catalogs.config_keys import Reader


def masked(reader: Reader, fields: dict[str, Any]) -> None:
    """An encoder with learned positions, token types and a head of one dense layer and a norm."""
    hidden, vocab = fields["hidden_size"], fields["vocab"]
    width = reader.number("embedding_size", 1, 1 << 20) or hidden
    if width != hidden:
        fields["embedding_size"], fields["projects_back"] = width, False
    if reader.flag("position_biased_input"):
        fields["learned_positions"] = fields["max_context"]
    head_width = width if reader.flag("narrow_head") else hidden
    extra = (width - hidden) * fields.get("learned_positions", 0)
    extra += reader.number("type_vocab_size", 0, 1 << 20) * width
    if reader.flag("transform"):
        extra += hidden * head_width + 3 * head_width
    extra += reader.number("relative_attention_num_buckets", 0, 1 << 20) * fields["heads"]
    if reader.flag("head_has_bias"):
        extra += vocab
    fields["extra_parameters"] = extra
    if reader.flag("relative_attention"):
        _relative(reader, fields)


def _relative(reader: Reader, fields: dict[str, Any]) -> None:
    """DeBERTa's disentangled attention: a table of relative positions, and projections of it in each layer."""
    hidden = fields["hidden_size"]
    distance = reader.values.get("max_relative_positions")
    rows = distance if isinstance(distance, int) and distance > 0 else fields["max_context"]
    rows = reader.number("position_buckets", 0, 1 << 20) or rows
    extra = 2 * rows * hidden
    if "layer_norm" in str(reader.values.get("norm_rel_ebd", "")):
        extra += 2 * hidden
    kernel = reader.number("conv_kernel_size", 0, 1 << 10)
    if kernel:
        extra += kernel * hidden * hidden + 3 * hidden
    fields["extra_parameters"] += extra
    if not reader.flag("share_att_key"):
        kinds = str(reader.values.get("pos_att_type", ""))
        key = hidden * hidden + (hidden if reader.flag("position_key_bias") else 0)
        fields["extra_layer_parameters"] = fields.get("extra_layer_parameters", 0)
        fields["extra_layer_parameters"] += key * ("c2p" in kinds) + (hidden * hidden + hidden) * ("p2c" in kinds)


def separate_biases(reader: Reader, fields: dict[str, Any]) -> None:
    """One matrix for query, key and value, with a bias for query and value."""
    fields["extra_layer_parameters"] = 2 * fields["hidden_size"]
    masked(reader, fields)


def alternating(reader: Reader, fields: dict[str, Any]) -> None:
    """ModernBERT: windows in all but every third layer. The head has a norm, and the first layer one less."""
    hidden, layers = fields["hidden_size"], fields["layers"]
    fields["extra_parameters"] = hidden * hidden + (fields["vocab"] if reader.flag("decoder_bias") else 0)
    step = reader.number("global_attn_every_n_layers", 1, 1 << 10)
    fields["sliding_layers"] = layers - -(-layers // step)
    fields["sliding_window"] = reader.number("local_attention", 1, 1 << 30)


def encoder_decoder(reader: Reader, fields: dict[str, Any]) -> None:
    """T5: as many layers as encoder and decoder have together; the decoder's also attend to the encoder's output."""
    hidden, decoder = fields["hidden_size"], reader.number("num_decoder_layers", 1, 10_000) or fields["layers"]
    fields["layers"] += decoder
    fields["cross_layers"] = decoder
    kind = reader.values.get("feed_forward_proj")
    if isinstance(kind, str):
        fields["gated_mlp"] = kind.startswith("gated")
    buckets = reader.number("relative_attention_num_buckets", 1, 1 << 20)
    fields["extra_parameters"] = (decoder + 1) * hidden + 2 * buckets * fields["heads"]


def projected_text(reader: Reader, fields: dict[str, Any]) -> None:
    """A text encoder with a projection, beside an image encoder."""
    fields["extra_parameters"] = fields["hidden_size"] * reader.number("projection_dim", 1) + 1


READERS: dict[str, Callable[[Reader, dict[str, Any]], None]] = {
    "masked": masked, "masked_separate_biases": separate_biases, "masked_alternating": alternating,
    "encoder_decoder": encoder_decoder, "projected_text": projected_text,
}
