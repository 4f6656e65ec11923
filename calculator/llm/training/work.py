"""The work that training a model takes, token by token: products, scores, numbers that pass the memory; and its FLOPs.

All of it follows from the dimensions. ``training.time`` divides it by the speed of a device.
"""

from math import inf
from typing import NamedTuple

from calculator.catalogs import Architecture
from calculator.llm import parameters
from calculator.llm.training.memory import TrainingSetup

BACKWARD_ATTENTION = 2.5
"""Work of the backward pass of scores over that of the forward pass: flash kernels work the scores out again."""


class Shape(NamedTuple):
    """What the time of a token depends on, summed over the layers of one model."""

    products: float
    """Weights multiplied per token in the layers."""
    expert_products: float
    head: float
    stored_linear: float
    stored: float
    operands: float
    """Inputs and outputs of these products, in numbers per token."""
    score_width: tuple[tuple[float, float], ...]
    """(numbers per score over all heads and layers, window) of each kind of attention layer."""
    rotary: float
    norms: float
    one_kernel_norm: bool
    residual: float
    mlp: float
    gated: bool
    layers: int
    expert_layers: int
    experts: int
    stored_experts: float
    routed: float
    """Numbers per token that go to experts, over all layers: k times the hidden size of each."""
    experts_per_token: float
    score_heads: float
    """Heads over all layers that work out scores."""
    keys: float
    """Numbers of keys and values per token, over all layers."""
    linears: float
    """How many matrices a token passes."""
    hidden: float
    vocab: int
    """Entries of the vocabulary that the loss is over; 0 for an encoder."""
    both_ways: bool
    """A token attends to those after it too."""


@parameters.by_identity
def shape_of(a: Architecture) -> Shape:
    matrices = parameters.matrices(a)

    def used(m: parameters.Matrix) -> float:
        return m.copies * (a.experts_per_token / a.experts if m.part == "expert" else 1.0)

    value = a.v_head_dim or a.head_dim
    scores = []
    if a.sliding_layers:
        scores.append((a.sliding_layers * a.heads * (a.head_dim + value), float(a.sliding_window)))
    if a.global_layers:
        width = 2 * a.global_head_dim if a.global_head_dim else a.head_dim + value
        scores.append((a.global_layers * a.heads * width, inf))
    mlp = a.mlp_layers * a.intermediate_size
    mlp += a.moe_layers * (a.experts_per_token * a.moe_intermediate + a.shared_intermediate)
    return Shape(
        products=sum(m.inputs * m.outputs * used(m) for m in matrices),
        expert_products=sum(m.inputs * m.outputs * used(m) for m in matrices if m.part == "expert"),
        # An encoder is trained for labels: its head over the vocabulary makes way for one of a few outputs.
        head=0.0 if a.encoder else float(parameters.embedding(a)),
        stored_linear=float(parameters.linear(a)),
        stored=float(parameters.total(a)),
        operands=sum((m.inputs + m.outputs) * used(m) for m in matrices),
        score_width=tuple(scores),
        rotary=0.0 if a.learned_positions else a.attention_layers * (a.heads + a.kv_heads) * a.head_dim,
        norms=a.layers * a.norms_per_layer * a.hidden_size,
        one_kernel_norm=a.norm_bias or not a.gated_mlp or not a.norm_weight,
        residual=a.layers * 2 * a.hidden_size,
        mlp=mlp,
        gated=a.gated_mlp,
        layers=a.layers,
        expert_layers=a.moe_layers,
        experts=a.experts,
        stored_experts=float(sum(m.inputs * m.outputs * m.copies for m in matrices if m.part == "expert")),
        routed=float(a.moe_layers * a.experts_per_token * a.hidden_size),
        experts_per_token=float(a.experts_per_token),
        score_heads=float((a.sliding_layers + a.global_layers) * a.heads),
        keys=float(a.attention_layers * a.kv_heads * (a.head_dim + value)),
        linears=sum(used(m) for m in matrices),
        hidden=a.hidden_size,
        vocab=0 if a.encoder else a.vocab,
        both_ways=a.encoder,
    )


class Adapted(NamedTuple):
    """What adapters sit on, summed over the layers."""

    layers: float
    """Inputs and outputs of the adapted matrices that one token passes."""
    head: float
    stored: float
    """Weights of these matrices, all experts counted."""
    matrices: float
    """Adapted matrices that a token passes, outside the head."""


@parameters.by_identity
def adapted_by(a: Architecture, targets: str | tuple[str, ...]) -> Adapted:
    layers = head = stored = matrices = 0.0
    for m in parameters.adapted(a, targets):
        if m.part == "head":
            head += m.inputs + m.outputs
        elif m.part != "embedding":
            share = a.experts_per_token / a.experts if m.part == "expert" else 1.0
            layers += (m.inputs + m.outputs) * m.copies * share
            stored += m.inputs * m.outputs * m.copies
            matrices += m.copies * share
    return Adapted(layers, head, stored, matrices)


def score_flops_per_token(architecture: Architecture, seq_len: float) -> float:
    """FLOPs of attention scores and their use, forward, per token of a sequence, over all layers.

    In a causal sequence a token attends to half of it on average; with a window w shorter than the sequence s to
    w(1 − w/2s). In an encoder it attends to the whole sequence or window.
    """
    flops = 0.0
    shape = shape_of(architecture)
    for width, window in shape.score_width:
        if shape.both_ways:
            seen = min(seq_len, window)
        else:
            seen = seq_len / 2 if seq_len <= window else window * (1 - window / (2 * seq_len))
        flops += 2 * width * seen
    return flops


class Flops(NamedTuple):
    """FLOPs per token of training."""

    model: float
    """What the method needs: the numerator of model FLOPs utilisation (MFU)."""
    hardware: float
    """What is computed: recomputed activations and attention scores included (HFU)."""


RECOMPUTED = {"none": 0.0, "selective": 0.4, "alternate": 0.5, "full": 1.0}
"""Share of the forward pass that is run again. Selective: the cheap half of the layer, by number of products."""


def training_flops_per_token(architecture: Architecture, setup: TrainingSetup) -> Flops:
    """FLOPs per token from the dimensions: products, attention, adapter and recomputation.

    Full training 6 per weight, a frozen base 4, and 6 per adapter weight (Kaplan et al., arXiv 2001.08361, for the
    rule of 6). Attention scores add three times their forward work, and half of it again that flash kernels recompute.
    """
    shape = shape_of(architecture)
    again = RECOMPUTED[setup.checkpointing]
    passes = 3.0 if setup.method == "full" else 2.0
    model = 2 * (shape.products * passes + shape.head * head_passes(setup))
    hardware = model + 2 * shape.products * again
    if setup.method != "full":
        layers, head, *_ = adapted_by(architecture, setup.lora_targets)
        model += 6 * setup.lora_rank * (layers + head)
        hardware += 2 * setup.lora_rank * ((3 + again) * layers + 3 * head)
    scores = score_flops_per_token(architecture, setup.seq_len)
    return Flops(model + 3 * scores, hardware + scores * (1 + BACKWARD_ATTENTION + again))


def head_passes(setup: TrainingSetup) -> float:
    return 3.0 if setup.method == "full" or setup.train_embeddings else 2.0


