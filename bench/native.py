"""`python -m bench.native`: the estimates, the verdicts, the imports and the batches in native Python.

Times are processor time, the least of several rounds in which all take turns: the rest is what else the machine was
doing. A batch is timed by the clock, start-up included. Writes bench/native.json and the table on
docs/reference/speed.md.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from timeit import timeit
from typing import Any

from bench import table
from bench.__main__ import PAGE, ROOT
from calculator import catalog, engine
from calculator.cases import cases, quality
from calculator.catalogs import accelerator, accelerators, architecture
from calculator.llm import parameters
from calculator.llm.serving import ServingSetup, decode, memory, serve
from calculator.llm.training import memory as training_memory
from calculator.llm.training import time as training_time
from calculator.llm.training.memory import TrainingSetup
from calculator.situation import Failure, Task

RESULTS = ROOT / "bench" / "native.json"
BEGIN, END = "<!-- measured by bench.native -->", "<!-- end of native -->"
ROUNDS = 25
BATCH_ROUNDS = 3
IMPORTS = (
    "calculator.llm.parameters",
    "calculator.llm.training.memory",
    "calculator.llm.training.time",
    "calculator.llm.serving",
    "calculator.cases.quality",
    "calculator.engine",
)
IMPORT = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"
BATCHED = "fine_tune_or_not"
ASKED = (
    "task",
    "failure",
    "prompted_accuracy_share",
    "target_accuracy_share",
    "labelled_examples",
    "requests_per_month",
    "fact_half_life_days",
    "failure_usd",
)
BATCHES = ((10_000, 0), (100_000, 0), (1_000, engine.DRAWS))
"""Rows and draws of each batch; the second tells whether memory grows with the rows."""

BATCH = """
import json, resource, subprocess, sys, time
began = time.monotonic()
subprocess.run([sys.executable, "-m", "calculator", "batch", *sys.argv[1:]], check=True, capture_output=True)
seconds = time.monotonic() - began
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))
"""


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


def import_s(module: str) -> float:
    """Processor time of an import in a fresh Python, in seconds."""
    command = [sys.executable, "-c", IMPORT.format(module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def verdict(name: str) -> dict[str, Callable[[], object]]:
    """The point result, its draws, and its flips with its sensitivity, on the defaults of a decision."""
    decision = catalog.decision(name)
    reading = engine.read(decision, {})
    point = engine.evaluate_point(name, decision, reading)
    spread = engine.add_spread(point)
    return {
        "point": lambda: engine.evaluate_point(name, decision, reading),
        "draws": lambda: engine.add_spread(point),
        "flips": lambda: engine.add_flips(spread),
    }


def call_s(call: Callable[[], object], number: int = 1) -> float:
    """Processor time of one call, in seconds."""
    return timeit(call, number=number, timer=time.process_time) / number


def write_rows(rows: int, source: Path) -> None:
    """A CSV file of random situations, the same each time."""
    dice = random.Random(0)
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(ASKED)
        for _ in range(rows):
            shares = (dice.uniform(0.2, 0.95), dice.uniform(0.6, 0.99))
            numbers = (dice.randint(0, 20_000), dice.randint(100, 10**6), dice.randint(1, 1000), dice.randint(0, 20))
            writer.writerow((dice.choice(list(Task)), dice.choice(list(Failure)), *shares, *numbers))


def batch(source: Path, draws: int) -> tuple[float, float]:
    """Seconds that one process takes, and the most memory that any process held, in MiB."""
    target = source.with_name(f"{source.name}.out")
    target.unlink(missing_ok=True)
    command = [str(source), "--decision", BATCHED, "--out", str(target), "--draws", str(draws), "--jobs", "1"]
    done = subprocess.run([sys.executable, "-c", BATCH, *command], capture_output=True, text=True, check=True, cwd=ROOT)
    seconds, mib = json.loads(done.stdout)
    return seconds, mib


def in_turns(steps: Mapping[Any, Callable[[], Any]], rounds: int) -> dict[Any, list[Any]]:
    """What each step gave in each round. All take turns, so that the machine's slow minutes fall on all alike."""
    found: dict[Any, list[Any]] = {key: [] for key in steps}
    for _ in range(rounds):
        for key, step in steps.items():
            found[key].append(step())
    return found


def measure() -> dict[str, Any]:
    """All figures."""
    verdicts = {name: verdict(name) for name in catalog.names()}
    steps = {("estimate", name): partial(call_s, call, 200) for name, call in estimates().items()}
    steps |= {("import", module): partial(import_s, module) for module in IMPORTS}
    steps |= {(name, what): partial(call_s, step) for name, parts in verdicts.items() for what, step in parts.items()}
    took = {key: min(times) for key, times in in_turns(steps, ROUNDS).items()}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "cores": os.cpu_count(),
        "estimates_us": {name: 1e6 * least for (kind, name), least in took.items() if kind == "estimate"},
        "imports_ms": {module: 1000 * took["import", module] for module in IMPORTS},
        "verdicts_ms": {name: {what: 1000 * took[name, what] for what in parts} for name, parts in verdicts.items()},
        "batches": batches(),
    }


def batches() -> list[dict[str, float]]:
    """Rows a second of the quickest round, and the most memory of any, for each of BATCHES."""
    with tempfile.TemporaryDirectory() as folder:
        steps = {}
        for rows, draws in BATCHES:
            source = Path(folder) / f"{rows}-{draws}.csv"
            write_rows(rows, source)
            steps[rows, draws] = partial(batch, source, draws)
        return [
            {"rows": rows, "draws": draws, "rows_per_s": rows / min(took)[0], "mib": max(mib for _, mib in took)}
            for (rows, draws), took in in_turns(steps, BATCH_ROUNDS).items()
        ]


def render(results: dict[str, Any]) -> str:
    """All tables."""
    lines = [
        "## Native Python",
        "",
        f"Python {results['python']} on one of {results['cores']} cores of a shared machine, {results['date']}. "
        f"Processor time, the least of {ROUNDS} rounds.",
        "",
        "| one estimate | time |",
        "|---|---|",
        *(f"| {name} | {took:,.0f} µs |" for name, took in results["estimates_us"].items()),
        "",
        "| import in a fresh Python | time |",
        "|---|---|",
        *(f"| `{module}` | {took:.0f} ms |" for module, took in results["imports_ms"].items()),
        "",
        f"| decision | point result | {engine.DRAWS} draws | flips and sensitivity |",
        "|---|---|---|---|",
        *(
            f"| `{name}` | {took['point']:.2f} ms | {took['draws']:.0f} ms | {took['flips']:.0f} ms |"
            for name, took in results["verdicts_ms"].items()
        ),
        "",
        f"`batch` on `{BATCHED}`, eight fields a row, one process, start-up included, "
        f"the quickest of {BATCH_ROUNDS} rounds:",
        "",
        "| rows | draws | rows a second | most memory of a process |",
        "|---|---|---|---|",
        *(
            f"| {one['rows']:,} | {one['draws']} | {one['rows_per_s']:,.0f} | {one['mib']:.0f} MiB |"
            for one in results["batches"]
        ),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or only write the table again."""
    parser = argparse.ArgumentParser(prog="python -m bench.native", description=__doc__)
    parser.add_argument("--table", action="store_true", help="only write the table from bench/native.json")
    if not parser.parse_args(arguments).table:
        RESULTS.write_text(json.dumps(measure(), indent=1) + "\n", "utf-8")
    table.show(RESULTS, render, PAGE, BEGIN, END)
    return 0


if __name__ == "__main__":
    sys.exit(main())
