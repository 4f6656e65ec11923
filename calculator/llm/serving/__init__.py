"""Serving a model: memory, speed, latency, capacity and energy, on GPUs, Apple machines, processors and phones.

``ServingSetup`` says what runs on what; the functions here answer. All take the fitted coefficients as an argument with
the published ones as its default. How far they are off is measured in ``calculator/evaluation/inference.py``.
"""

from calculator.llm.serving.coefficients import FITTED
from calculator.llm.serving.deployment import Draft, ServingSetup
from calculator.llm.serving.engines import ENGINES, engine, offered
from calculator.llm.serving.estimates import (
    decode,
    energy_j_per_token,
    serve,
    slots_within,
    throughput,
    time_to_first_token,
)
from calculator.llm.serving.formats import FORMATS, grouped_bits, weight_format
from calculator.llm.serving.memory import cache_gib, cache_tokens, fits, memory, room_gb, weights_gib
from calculator.llm.serving.speed import expert_coverage, most_sequences

__all__ = [
    "ENGINES",
    "FITTED",
    "FORMATS",
    "Draft",
    "ServingSetup",
    "cache_gib",
    "cache_tokens",
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
    "weight_format",
    "weights_gib",
]
