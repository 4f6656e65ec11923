"""The laws of the decisions, tried one by one: `python -m tests.laws --seeds 5000`, or `make laws`.

`make test` tries some dozens of each; this tries thousands, from seeds that can be named, and prints those that break.
A law stands in tests/cases/NAME.toml; see `breach` for what it may say.
"""

import argparse
import math
import sys
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from calculator import catalog, engine
from calculator.fields import defaults_of, fields_of
from calculator.units import SHARE
from tests.inputs import number_at, random_given

CASES = Path(__file__).parent / "cases"
SLACK = 1e-9
"""Relative: what rounding may move a number by. A share is the rest of one, and rounded as one is."""

Law = Mapping[str, Any]


def laws() -> list[tuple[str, Law]]:
    """Each law with its decision's name."""
    return [
        (name, law)
        for name in catalog.names()
        for law in tomllib.loads((CASES / f"{name}.toml").read_text("utf-8")).get("law", [])
    ]


def situation(name: str, law: Law, seed: int) -> dict[str, Any]:
    """The situation of a seed: random fields, and what the law fixes over them."""
    decision = catalog.decision(name)
    fixed = {field: None if value == "" else value for field, value in law.get("given", {}).items()}
    return {**defaults_of(decision.Inputs), **random_given(decision, Random(seed)), **fixed}


def breach(name: str, law: Law, values: Mapping[str, Any], low: float, high: float) -> str:
    """How the law breaks between two values of its field; empty when it holds.

    As `field` rises, `output` never falls or never rises (`direction`), or the answer never leaves the list `toward`.
    """
    decision = catalog.decision(name)
    found = []
    for value in (low, high):
        inputs = engine.make_inputs(decision, dict(values), {law["field"]: value})
        outputs = decision.compute(inputs)
        found.append((outputs, str(engine.choose(decision, inputs, outputs))))
    if "output" not in law:
        left = found[0][1] in law["toward"] and found[1][1] not in law["toward"]
        return f"{found[0][1]} -> {found[1][1]}" if left else ""
    first, second = (getattr(outputs, law["output"]) for outputs, _ in found)
    unit = 1.0 if fields_of(decision.Outputs)[law["output"]].unit is SHARE else 1e-12
    slack = SLACK * max([unit, *(abs(x) for x in (first, second) if math.isfinite(x))])
    held = second >= first - slack if law["direction"] == "never falls" else second <= first + slack
    return "" if held else f"{first!r} -> {second!r}"


def try_seed(name: str, law: Law, seed: int) -> str:
    """One law for one seed, which gives the situation and the two values of its field."""
    spec = fields_of(catalog.decision(name).Inputs)[law["field"]]
    random = Random(seed ^ 0x5EED)
    first = random.random()
    # A joint is passed by a small step as easily as by a large one, and shows only if the step does not hide it.
    second = random.random() if random.random() < 0.5 else min(1.0, first + 10 ** -random.uniform(1, 5))
    low, high = sorted((number_at(spec, first), number_at(spec, second)))
    how = breach(name, law, situation(name, law, seed), low, high)
    return f"{law['field']} {low!r} to {high!r}: {law.get('output', 'answer')} {how}" if how else ""


def try_law(task: tuple[str, Law, int, int]) -> list[str]:
    """The breaches of one law over a range of seeds, a line each."""
    name, law, first, last = task
    found = ((seed, try_seed(name, law, seed)) for seed in range(first, last))
    return [f"{name}: {law['name']} [seed {seed}]: {how}" for seed, how in found if how]


def main(arguments: Sequence[str] | None = None) -> int:
    """Try every law over many seeds; exit code 1 when one breaks."""
    parser = argparse.ArgumentParser(prog="python -m tests.laws", description="Try every law over many seeds.")
    parser.add_argument("--seeds", type=int, default=5000, help="seeds for each law (default: 5000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--jobs", type=int, default=None, help="processes (default: one a core)")
    parser.add_argument("--only", default="", help="only laws whose decision or name holds this text")
    asked = parser.parse_args(arguments)
    chosen = [(n, law) for n, law in laws() if asked.only in n or asked.only in law["name"]]
    tasks = [(name, law, asked.first, asked.first + asked.seeds) for name, law in chosen]
    broken = 0
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for lines in pool.map(try_law, tasks):
            broken += bool(lines)
            if lines:
                print(f"{len(lines)} of {asked.seeds} seeds:", *lines[:5], sep="\n  ", flush=True)
    print(f"{len(tasks) - broken} of {len(tasks)} laws held over {asked.seeds} seeds each")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
