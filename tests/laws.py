"""The laws of the decisions, tried one by one: `python -m tests.laws --seeds 5000`, or `make laws`.

`make test` tries some dozens of each; this tries thousands, from seeds that can be named, and prints those that break.
A law stands in tests/cases/NAME.toml; see `breach` for what it may say. What the overall decision promises of its
verdicts is tried on a thousand situations (`PROMISES`).
"""

import argparse
import math
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, pairwise
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from calculator import catalog, engine
from calculator.decisions import fine_tune_or_not as overall
from calculator.fields import defaults_of, fields_of, outputs_of
from calculator.units import SHARE
from tests.inputs import number_at, random_given

CASES = Path(__file__).parent / "cases"
SPECIAL = 4
"""One seed of so many starts where chance never does and a formula may: at a bound, at zero or at the usual value."""

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
    unit = 1.0 if outputs_of(decision.Outputs)[law["output"]].unit is SHARE else 1e-12
    slack = SLACK * max([unit, *(abs(x) for x in (first, second) if math.isfinite(x))])
    held = second >= first - slack if law["direction"] == "never falls" else second <= first + slack
    return "" if held else f"{first!r} -> {second!r}"


def try_seed(name: str, law: Law, seed: int) -> str:
    """One law for one seed, which gives the situation and the two values of its field."""
    decision = catalog.decision(name)
    spec, usual = fields_of(decision.Inputs)[law["field"]], defaults_of(decision.Inputs)[law["field"]]
    random = Random(seed ^ 0x5EED)
    first = random.random()
    # A joint is passed by a small step as easily as by a large one, and shows only if the step does not hide it.
    second = random.random() if random.random() < 0.5 else min(1.0, first + 10 ** -random.uniform(1, 5))
    ends = [number_at(spec, first), number_at(spec, second)]
    if seed % SPECIAL == 0:
        special = (spec.low, 0.0, usual, spec.high)
        ends[0] = random.choice([end for end in special if end is not None and spec.low <= end <= spec.high])
    low, high = sorted(ends)
    try:
        how = breach(name, law, situation(name, law, seed), low, high)
    except ArithmeticError as error:
        how = f"raises {error!r}"
    return f"{law['field']} {low!r} to {high!r}: {law.get('output', 'answer')} {how}" if how else ""


def try_law(task: tuple[str, Law, int, int]) -> list[str]:
    """The breaches of one law over a range of seeds, a line each."""
    name, law, first, last = task
    found = ((seed, try_seed(name, law, seed)) for seed in range(first, last))
    return [f"{name}: {law['name']} [seed {seed}]: {how}" for seed, how in found if how]


OVERALL = "fine_tune_or_not"
PROMISED = 1000
"""Situations on which each promise of the overall decision is tried."""

LIMITS = {"latency_ms": 600_000.0, "budget_usd": 1e9, "deadline_days": 3_650.0}


def overall_situation(seed: int) -> dict[str, Any]:
    """The random situation of a seed: half of the fields, or a few, are not at their defaults."""
    return random_given(catalog.decision(OVERALL), Random(f"overall {seed}"), 0.5 if seed % 2 else 0.1)


def rejected(given: Mapping[str, Any]) -> str:
    """How the draws of a situation reject the verdict on it, counted here anew; empty when none says otherwise more
    often."""
    decision = catalog.decision(OVERALL)
    reading = engine.read(decision, given)
    answer = engine.evaluate_point(OVERALL, decision, reading).verdict.answer
    counts: Counter[str] = Counter()
    for inputs in engine.draws(decision, reading):
        drawn = engine.choose(decision, inputs, decision.compute(inputs))
        counts[decision.kinds.get(drawn, str(drawn))] += 1
    (commonest, most), mine = counts.most_common(1)[0], counts[decision.kinds.get(answer, str(answer))]
    return "" if mine == most else f"{answer} in {mine} draws, {commonest} in {most}"


def lowered(given: Mapping[str, Any]) -> str:
    """The limit of a situation that lowers the worth as it loosens; empty when none does."""
    decision = catalog.decision(OVERALL)
    inputs = engine.read(decision, given).inputs
    worth = decision.compute(inputs).best_worth_usd
    for field, loosest in LIMITS.items():
        looser = decision.compute(engine.make_inputs(decision, inputs.__dict__, {field: loosest})).best_worth_usd
        if looser < worth - SLACK * max(1.0, abs(worth)):
            return f"{field}: {worth!r} -> {looser!r}"
    return ""


def moved(given: Mapping[str, Any]) -> str:
    """The option whose expected score moves by more than a point when what is expected of one is typed as measured."""
    inputs = engine.read(catalog.decision(OVERALL), given).inputs
    before = overall.beliefs(inputs)
    for k, way in enumerate(overall.WAYS):
        if not way.measured or getattr(inputs, way.measured) is not None:
            continue
        typed = {way.measured: before[k].mean}
        after = overall.beliefs(engine.make_inputs(catalog.decision(OVERALL), inputs.__dict__, typed))
        for other in overall.WAYS:
            place = overall.PLACES[other.answer]
            if abs(after[place].mean - before[place].mean) > 0.01:
                return f"{way.measured} moves {other.answer}: {before[place].mean!r} -> {after[place].mean!r}"
    return ""


SMALL_SCORES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
"""What a small model may be measured at, the better the later."""


def worsened(given: Mapping[str, Any]) -> str:
    """Where a better measured small model makes the cascade that asks it first worse; empty when it never does."""
    decision = catalog.decision(OVERALL)
    inputs = engine.read(decision, given).inputs
    found = []
    for score in SMALL_SCORES:
        typed = engine.make_inputs(decision, inputs.__dict__, {"small_accuracy_share": score})
        cascade = overall.options(typed)[overall.Answer.CASCADE]
        found.append((cascade.accuracy, cascade.mean_usd))
    for k, (before, after) in enumerate(pairwise(found)):
        if any(b < a - SLACK * max(1.0, abs(a)) for a, b in zip(before, after, strict=True)):
            return f"small {SMALL_SCORES[k]!r} to {SMALL_SCORES[k + 1]!r}: {before!r} -> {after!r}"
    return ""


PROMISES = {
    "no verdict is one that its own draws reject": rejected,
    "the worth never falls when a limit loosens": lowered,
    "typing what is expected moves nothing by more than a point": moved,
    "a better measured small model never makes the cascade worse": worsened,
}


def try_promise(task: tuple[str, int, int]) -> list[str]:
    """The breaches of one promise over a range of seeds, a line each."""
    name, first, last = task
    found = ((seed, PROMISES[name](overall_situation(seed))) for seed in range(first, last))
    return [f"{OVERALL}: {name} [seed {seed}]: {how}" for seed, how in found if how]


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
    last = asked.first + min(asked.seeds, PROMISED)
    promises = [(name, asked.first, last) for name in PROMISES if asked.only in OVERALL or asked.only in name]
    broken = 0
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for lines in chain(pool.map(try_promise, promises), pool.map(try_law, tasks)):
            broken += bool(lines)
            if lines:
                print(f"{len(lines)} seeds:", *lines[:5], sep="\n  ", flush=True)
    count = len(tasks) + len(promises)
    print(f"{count - broken} of {count} held: laws over {asked.seeds} seeds each, promises over {last - asked.first}")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
