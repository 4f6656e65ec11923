"""`python -m bench.native`: processor time of the estimates, the verdicts and the imports in native Python.

Each figure is the least of several rounds: the rest is what else the machine was doing.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from timeit import repeat

from calculator import catalog, engine
from calculator.cases import cases, quality
from calculator.catalogs import accelerator, accelerators, architecture
from calculator.llm import parameters, training_memory, training_time
from calculator.llm.serving import ServingSetup, decode, memory, serve
from calculator.llm.training_memory import TrainingSetup

ROUNDS = 7
IMPORTS = (
    "calculator.llm.parameters",
    "calculator.llm.training_memory",
    "calculator.llm.training_time",
    "calculator.llm.serving",
    "calculator.cases.quality",
    "calculator.engine",
)
IMPORT = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


def estimates() -> dict[str, Callable[[], object]]:
    """One call of each estimate, on a typical set-up."""
    model, gpu = architecture("meta-llama/Meta-Llama-3-8B"), accelerator("NVIDIA A100 SXM 80GB")
    training = TrainingSetup(
        method="qlora", seq_len=4096, micro_batch=2, checkpointing="full", n_gpus=8, sharding="fsdp"
    )
    serving = ServingSetup(model=model, device=accelerators()["NVIDIA H100 SXM"])
    situation = cases()[30].situation
    return {
        "parameters of DeepSeek-V2": lambda: parameters.total(architecture("deepseek-ai/DeepSeek-V2")),
        "training memory": lambda: training_memory.estimate(model, training),
        "training speed": lambda: training_time.throughput(model, gpu, training),
        "decoding speed": lambda: decode(serving),
        "serving memory": lambda: memory(serving),
        "a load and its copies": lambda: serve(serving, requests_per_s=5, token_ms=50),
        "quality of all options": lambda: quality.expected(situation),
    }


def import_ms(module: str) -> float:
    """Processor time of an import in a fresh Python, in milliseconds."""
    command = [sys.executable, "-c", IMPORT.format(module)]
    return 1000 * min(
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(ROUNDS)
    )


def main() -> int:
    """Print all figures."""
    for name, call in estimates().items():
        microseconds = 1e6 * min(repeat(call, number=200, repeat=ROUNDS, timer=time.process_time)) / 200
        print(f"{name:28} {microseconds:8.0f} µs")
    for module in IMPORTS:
        print(f"import {module:30} {import_ms(module):6.0f} ms")
    for name in catalog.names():
        decision = catalog.decision(name)
        point = engine.evaluate_point(name, decision, engine.read(decision, {}))
        spread = engine.add_spread(point)
        steps = (lambda p=point: engine.add_spread(p), lambda s=spread: engine.add_flips(s))
        draws, flips = (1000 * min(repeat(s, number=1, repeat=ROUNDS, timer=time.process_time)) for s in steps)
        print(f"{name:28} {engine.DRAWS} draws {draws:6.0f} ms, flips and sensitivity {flips:6.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
