"""A model in a weight format: bytes and operations by part, worked out once for each pair."""

from typing import NamedTuple

from calculator.catalogs import Architecture
from calculator.llm import parameters
from calculator.llm.serving.formats import Format

GIB = 2.0**30
_MOST_KEPT = 256
_KERNELS = 8


class Kept(NamedTuple):
    """Cache of one kind of layer: numbers per token in all of them together, and the window (0: none)."""

    numbers_per_token: int
    window_tokens: int


class Body(NamedTuple):
    """What a step reads and multiplies. GB are 1e9 bytes."""

    dense_gb: float
    """Attention, dense MLPs, shared experts, recurrent layers."""
    expert_gb: float
    head_gb: float
    """The output projection, or the shared table where they are tied."""
    embedding_gb: float
    """The input table where it is separate: looked up, not read."""
    rest_gb: float
    """Norms, biases, routers: kept in 16 bit, read in full."""
    active_billions: float
    """Matrix weights that a token passes through, output projection included."""
    expert_billions: float
    """Weights of all experts together; ``active_billions`` holds those of the experts that a token is routed to."""
    head_billions: float
    kept: tuple[Kept, ...]
    state_gb: float
    """State of one sequence in recurrent layers: 32 bits for each number, as Mamba-2 kernels keep it."""
    blocks: float
    """Pairs of mixer and MLP: as many as layers, but in models that count each half as a layer."""
    gaps: float
    """Blocks, weighted by how many kernels follow each other in one: eight in Llama, more with more norms."""

    @property
    def weights_gb(self) -> float:
        """All weights at rest."""
        return self.dense_gb + self.expert_gb + self.head_gb + self.embedding_gb + self.rest_gb

    def cache_gb(self, tokens: float, cache_bits: float) -> float:
        """Cache and state of one sequence of so many tokens."""
        numbers = 0.0
        for kind in self.kept:
            window = kind.window_tokens
            numbers += kind.numbers_per_token * (window if 0 < window < tokens else tokens)
        return numbers * cache_bits / 8e9 + self.state_gb


_bodies: dict[tuple[int, int, float], tuple[Architecture, Format, Body]] = {}


def body(a: Architecture, stored: Format, file_gib: float = 0.0) -> Body:
    """The model in that format; ``file_gib``, where known, is the size of its file and takes precedence."""
    # Keyed by identity: hashing every dimension would cost more than the law itself. The objects are kept alive.
    key = (id(a), id(stored), file_gib)
    found = _bodies.get(key)
    if found is None:
        if len(_bodies) >= _MOST_KEPT:
            _bodies.clear()
        found = _bodies[key] = (a, stored, _work_out(a, stored, file_gib))
    return found[2]


def _work_out(a: Architecture, stored: Format, file_gib: float) -> Body:
    expert = dense = 0
    for m in parameters.matrices(a):
        size = m.copies * m.inputs * m.outputs
        if m.part == "expert":
            expert += size
        elif m.part != "router":
            dense += size
    table = parameters.embedding(a)
    separate = not a.tied_embeddings
    rest = parameters.total(a) - dense - expert - table * (1 + separate)
    dense_bytes = dense * stored.dense_bits / 8
    expert_bytes = expert * stored.bits / 8
    head_bytes = table * stored.head_bits / 8
    embedding_bytes = table * stored.embedding_bits / 8 * separate
    rest_bytes = rest * 2.0
    if file_gib:
        scale = (file_gib * GIB - head_bytes - embedding_bytes - rest_bytes) / (expert_bytes + dense_bytes)
        # A file that differs by more holds something else, such as adapters or a second copy of the tables.
        if 0.5 < scale < 2:
            expert_bytes, dense_bytes = expert_bytes * scale, dense_bytes * scale
    blocks = (a.attention_layers + a.recurrent_layers + a.mlp_layers + a.moe_layers) / 2
    routed = expert * a.experts_per_token / a.experts if a.experts else 0
    return Body(
        dense_gb=dense_bytes / 1e9,
        expert_gb=expert_bytes / 1e9,
        head_gb=head_bytes / 1e9,
        embedding_gb=embedding_bytes / 1e9,
        rest_gb=rest_bytes / 1e9,
        active_billions=(dense + routed + table) / 1e9,
        expert_billions=expert / 1e9,
        head_billions=table / 1e9,
        kept=tuple(Kept(kind.layers * kind.numbers_per_token, kind.window) for kind in a.caches),
        state_gb=a.recurrent_numbers * 4 / 1e9,
        blocks=blocks,
        gaps=blocks * (_KERNELS + 2 * bool(a.qk_norm) + max(0, a.norms_per_layer - 2)) / _KERNELS,
    )
