"""Engines: which program decodes, and how it spends the time that the hardware does not.

The engines are rows of ``calculator/catalogs/engines.toml``.
"""

from dataclasses import dataclass
from typing import Any

from calculator.catalogs.rows import read_table


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """One serving program, by what decides its speed. Times and shares are names of coefficients."""

    name: str
    style: str
    """eager: launches each operation from Python. server: batches many requests on CUDA graphs. fused: one user,
    compiled or hand-written kernels."""
    label: str = ""
    """What a form calls it; "" for one that is read from published names alone, such as an older generation."""
    words: tuple[str, ...] = ()
    """What published names of it hold."""
    formats: tuple[str, ...] = ()
    """What labels of weights hold that it alone reads: regular expressions."""
    version: str = ""
    """The first version that this row describes; "" for the oldest."""
    since: str = ""
    """When that version came out, for runs that state no version."""
    attention: str = "paged"
    """paged: reads the cache once, spread over the whole GPU. expanded: copies and repeats it for each query head.
    per_head: one thread block for each head, which cannot fill a GPU with few heads."""
    matrix_vector: bool = False
    """Multiplies one token with matrix-vector kernels, which waste no rows, and fetch no faster than cores can."""
    unlimited_cores: bool = False
    """Its matrix-vector kernels keep so many loads in flight that the memory is what limits them."""
    waits_for_tiles: bool = False
    """Its kernels for several rows load a tile of weights, wait for it, and multiply it: the two times add up."""
    several: str = "tensor"
    """How it uses several devices if nothing is said: "tensor" or "layer"."""
    elapsed: bool = False
    """Its published speeds divide by the whole run, the reading of the prompt included."""
    narrow_cache: bool = False
    """Keeps the cache in 8 bits where it multiplies in no more."""
    graph_tokens: float = float("inf")
    """Longest sequence that runs on a CUDA graph; longer ones are launched from the host."""
    all_logits: bool = False
    """Computes the logits of every prompt token, not of the last one only."""
    keeps_parts: bool = False
    """Keeps the separate query, key and value matrices beside the fused one it makes of them."""
    reserve_gib: float = 0.0
    """What it holds beyond weights, cache and intermediate results: compiled graphs, packed copies."""
    graphs_gib: float = 0.3
    """Captured graphs and workspaces of one device, which are not free for the cache."""
    usable_share: float = 0.9
    """Of a device's memory, what it uses by default (gpu_memory_utilization and the like)."""
    chunk_tokens: int = 8192
    """Most tokens that it reads in one pass."""
    host_ahead: bool = False
    """Its host prepares the next step while the device works on this one, so that the longer of them counts."""
    host_gaps: bool = False
    """Launches kernels one by one, so that the host makes the gaps between them and not the device's clock."""
    gap: str = ""
    gap_apple: str = ""
    gap_experts: str = ""
    gap_unfused_experts: str = ""
    each_expert: str = ""
    """For each expert of a layer, called or not, where they are multiplied one by one."""
    message: str = "message_ms"
    first: str = ""
    """From the arrival of a request until it is scheduled."""
    wave: str = ""
    """Share of the prompts that arrive together that is read before one of them."""
    step: str = ""
    sequence: str = ""
    reread: str = ""
    """Share of the weights that is read again for each further row."""
    reread_rows: float = float("inf")
    """Rows from which it multiplies matrices by matrices instead, so that no more is read again."""
    share_experts: str = ""
    """Share of the bandwidth for experts, relative to dense weights, instead of the one by bits."""
    share_cache: str = "share_cache"
    apple_share_cache: str = "share_cache_apple"
    core_flops: str = "core_flops"
    """16-bit operations of one core in one clock in its own matrix kernels, instead of a vendor's."""
    tuned_stacks: tuple[str, ...] = ("cuda",)
    """Software stacks that these kernels were written for; on others they are the portable ones."""
    cpu_core_flops: str = "cpu_core_flops"
    """Operations of one core of a processor in one clock, in its kernels for narrow weights."""
    unpack_share: str = ""
    """Of the time that a processor unpacks weights."""
    cpu_share_cache: str = "cpu_share_cache"
    refused: str = ""
    """Why no estimate is made."""
    source: str = ""

    def core_flops_on(self, stack: str) -> str:
        """The coefficient for its matrix kernels on a stack."""
        return self.core_flops if stack in self.tuned_stacks else "core_flops_portable"


_OF_STYLE: dict[str, dict[str, Any]] = {
    "server": {
        "gap": "gap_server_ms", "gap_experts": "gap_experts_ms", "step": "step_ms", "sequence": "sequence_ms",
        "first": "first_token_ms", "wave": "wave_share",
    },
    "eager": {"usable_share": 1.0, "graphs_gib": 0.5},
    "fused": {
        "usable_share": 1.0, "graphs_gib": 0.5, "gap": "gap_fused_ms", "gap_apple": "gap_apple_ms",
        "gap_experts": "gap_experts_fused_ms",
    },
}
"""What holds for a style, where a row does not say otherwise. One user's engine leaves about a GB of a card free."""


def _read() -> dict[str, Engine]:
    found = {}
    for row in read_table("engines.toml")["engine"]:
        lists = {name: tuple(row.get(name, ())) for name in ("words", "formats")}
        values = {**_OF_STYLE[row["style"]], **row, **lists}
        found[row["name"]] = Engine(**values)
    return found


ENGINES: dict[str, Engine] = _read()
"""Every engine by its name."""


def offered() -> dict[str, Engine]:
    """The engines that a form offers, by their labels: those for many users first, then in the order of the table."""
    styles = tuple(_OF_STYLE)
    ordered = sorted(ENGINES.values(), key=lambda one: styles.index(one.style))
    return {one.label: one for one in ordered if one.label and not one.refused}


def engine(name: str) -> Engine:
    """The engine of that name, in any case. Raises ValueError that lists the names for one that is not known."""
    found = ENGINES.get(name.strip().lower())
    if found is None:
        raise ValueError(f"engine: {name!r} is not an engine we know; known: {', '.join(ENGINES)}")
    return found
