"""Serving a model: memory, speed, latency, capacity, energy and cost, on GPUs, Apple machines, processors and phones.

``ServingSetup`` says what runs on what; the functions here answer. All take the fitted coefficients as an argument with
the published ones as its default. How far they are off is measured in ``calculator/evaluation/inference.py``.
"""

from calculator.llm.serving.coefficients import FITTED, Coefficients
from calculator.llm.serving.deployment import Draft, ServingSetup
from calculator.llm.serving.engines import ENGINES, Engine, engine, offered
from calculator.llm.serving.estimates import (
    Decoding,
    Estimate,
    Load,
    Throughput,
    break_even_requests_per_hour,
    break_even_utilisation,
    decode,
    energy_j_per_token,
    serve,
    slots_within,
    throughput,
    time_to_first_token,
    usd_per_mtok,
)
from calculator.llm.serving.formats import FORMATS, Format, grouped_bits, weight_format
from calculator.llm.serving.memory import Memory, cache_gib, cache_tokens, fits, memory, room_gb, weights_gib
from calculator.llm.serving.speed import critical_batch, expert_coverage, most_sequences

__all__ = [
    "ENGINES",
    "FITTED",
    "FORMATS",
    "Coefficients",
    "Decoding",
    "Draft",
    "Engine",
    "Estimate",
    "Format",
    "Load",
    "Memory",
    "ServingSetup",
    "Throughput",
    "break_even_requests_per_hour",
    "break_even_utilisation",
    "cache_gib",
    "cache_tokens",
    "critical_batch",
    "decode",
    "energy_j_per_token",
    "engine",
    "expert_coverage",
    "fits",
    "grouped_bits",
    "memory",
    "most_sequences",
    "offered",
    "room_gb",
    "serve",
    "slots_within",
    "throughput",
    "time_to_first_token",
    "usd_per_mtok",
    "weight_format",
    "weights_gib",
]
