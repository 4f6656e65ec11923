"""Engines: which program decodes, and how it spends the time that the hardware does not."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """One serving program, by what decides its speed."""

    name: str
    style: str
    """eager: launches each operation from Python. server: batches many requests on CUDA graphs. fused: one user,
    compiled or hand-written kernels."""
    attention: str = "paged"
    """paged: reads the cache once, spread over the whole GPU. expanded: copies and repeats it for each query head.
    per_head: one thread block for each head, which cannot fill a GPU with few heads."""
    matrix_vector: bool = False
    """Multiplies one token with matrix-vector kernels, which waste no rows."""
    graph_tokens: float = float("inf")
    """Longest sequence that runs on a CUDA graph; longer ones are launched from the host."""
    all_logits: bool = False
    """Computes the logits of every prompt token, not of the last one only."""
    keeps_parts: bool = False
    """Keeps the separate query, key and value matrices beside the fused one it makes of them."""
    reserve_gib: float = 0.0
    """What it holds beyond weights, cache and intermediate results: compiled graphs, packed copies."""
    unfused_experts: str = ""
    """Kind of format whose experts it multiplies one by one."""
    host: str = ""
    """Which host cost of a step it has: "v0" for vLLM before 0.6, "native" for engines scheduled in C++."""


_ENGINES = (
    Engine(name="transformers", style="eager", attention="expanded"),
    # Before 4.45 there was no num_logits_to_keep.
    Engine(name="transformers-4.44", style="eager", attention="expanded", all_logits=True),
    Engine(name="vllm", style="server"),
    # Before 0.6 vLLM scheduled and sampled in the step, and captured graphs up to 8192 tokens (max_seq_len_to_capture).
    Engine(name="vllm-v0", style="server", graph_tokens=8192, host="v0"),
    Engine(name="sglang", style="server"),
    # 0.4 had no fused expert kernel for GPTQ.
    Engine(name="sglang-0.4", style="server", unfused_experts="marlin"),
    Engine(name="tensorrt-llm", style="server", host="native"),
    Engine(name="tgi", style="server"),
    Engine(name="lmdeploy", style="server", host="native"),
    Engine(name="llama.cpp", style="fused", matrix_vector=True),
    Engine(name="ik_llama.cpp", style="fused", matrix_vector=True),
    Engine(name="exllamav2", style="fused", matrix_vector=True),
    Engine(name="autoawq", style="fused", attention="per_head", keeps_parts=True),
    Engine(name="torchao", style="fused", reserve_gib=1.0),
    Engine(name="calm", style="fused", matrix_vector=True),
    Engine(name="mlx", style="fused", matrix_vector=True),
    Engine(name="mlc", style="fused", matrix_vector=True),
    Engine(name="executorch", style="fused", matrix_vector=True, reserve_gib=0.9),
)

ENGINES: dict[str, Engine] = {known.name: known for known in _ENGINES}
"""Every engine by its name."""


def engine(name: str) -> Engine:
    """The engine of that name, in any case. Raises ValueError that lists the names for one that is not known."""
    found = ENGINES.get(name.strip().lower())
    if found is None:
        raise ValueError(f"engine: {name!r} is not an engine we know; known: {', '.join(ENGINES)}")
    return found
