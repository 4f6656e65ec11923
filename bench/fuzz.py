"""`python -m bench.fuzz`: the doors of `tests/hostile.py` under a coverage-guided fuzzer, for as long as one likes.

Needs `pip install atheris` (Linux; not in the lock, since nothing else needs it) beside the package. Inputs that reach
something new are kept in `build/fuzz/corpus`, so that a later run goes on from there. `--blind` does without: random
inputs, several times as many a second. Both go on after a finding. Each kind of one is kept once, with its input, in
`build/fuzz/report.json` or `blind.json`, beside the cases done. Exit code 1 when something was found.
"""

import argparse
import json
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import monotonic, thread_time
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "fuzz"
WEIGHTS = {
    "decision": 60,
    "config": 60,
    "quantity": 30,
    "table": 40,
    "prediction": 30,
    "link": 15,
    "request": 15,
    "whole_report": 3,
    "file": 3,
}
"""Of 256 cases so many go through each door, as far as the fuzzer does not prefer one for what it reaches."""

COSTLY = ("whole_report", "file", "request", "link")
COSTLY_SHARE = 0.3
"""A whole report costs fifty times a point: with more of the time than this, a case goes through another door."""

INSTRUMENTED = 4.0
"""How many times slower the package may be while its coverage is recorded."""

REPORT_EVERY_SECONDS = 10
LONGEST_INPUT = 1_200


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz until the cases or the seconds are done."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=3_600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--blind", action="store_true", help="random inputs, not led by coverage")
    given = parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if given.blind:
        return _blind(given.cases, given.seconds, given.seed)
    try:
        import atheris
    except ImportError:
        print("the guided fuzzer needs atheris: pip install atheris; --blind does without", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["calculator"]):
        from tests import hostile

        for name in hostile.catalog.names():
            hostile.catalog.decision(name)
    hostile.LONGEST_SECONDS *= INSTRUMENTED
    run = Run(hostile.through, FOLDER / "report.json")
    corpus = FOLDER / "corpus"
    corpus.mkdir(exist_ok=True)
    limits = [f"-runs={given.cases}", f"-max_total_time={given.seconds}", f"-max_len={LONGEST_INPUT}"]
    atheris.Setup(
        [sys.argv[0], *limits, f"-seed={given.seed}", "-len_control=0", "-handle_int=0", str(corpus)], run.one
    )
    # The fuzzer ends the process itself; the report is written on the way.
    atheris.Fuzz()
    return 1 if run.findings else 0


def _blind(cases: int, seconds: int, seed: int) -> int:
    from tests import hostile

    random = Random(seed)
    run = Run(hostile.through, FOLDER / "blind.json")
    until = monotonic() + seconds
    while run.done.total() < cases and monotonic() < until:
        run.one(random.randbytes(random.choice((40, 200, 700))))
    run.report()
    print(run.path.read_text("utf-8"), end="")
    return 1 if run.findings else 0


class Run:
    """Cases gone through so far, and what was found."""

    def __init__(self, through: Callable[[str, bytes], None], path: Path) -> None:
        self.through, self.path = through, path
        self.doors = [door for door, weight in WEIGHTS.items() for _ in range(weight)]
        self.cheap = [door for door in self.doors if door not in COSTLY]
        self.done: Counter[str] = Counter()
        self.findings: dict[str, dict[str, Any]] = {}
        self.slowest = 0.0, ""
        self.costly = 0.0
        self.began = self.reported = monotonic()

    def one(self, data: bytes) -> None:
        """Go through the door that the first byte names, with the rest."""
        started, processor = monotonic(), thread_time()
        door = self.doors[data[0] % len(self.doors)] if data else "quantity"
        if door in COSTLY and self.costly > COSTLY_SHARE * (started - self.began):
            door = self.cheap[sum(data) % len(self.cheap)]
        self.done[door] += 1
        try:
            self.through(door, data[1:])
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{door} {type(error).__name__} {Path(place.filename).name}:{place.lineno}"
            first = {"kind": key, "said": str(error)[:500], "input": data[1:].hex(), "count": 0}
            self.findings.setdefault(key, first)["count"] += 1
        self.slowest = max(self.slowest, (round(thread_time() - processor, 3), door))
        ended = monotonic()
        if door in COSTLY:
            self.costly += ended - started
        if ended - self.reported > REPORT_EVERY_SECONDS:
            self.report()

    def report(self) -> None:
        """Write what was done and found."""
        self.reported = monotonic()
        seconds, door = self.slowest
        told = {
            "cases": self.done.total(),
            "seconds": round(self.reported - self.began),
            "by_door": self.done,
            "slowest": {"door": door, "seconds": seconds},
            "findings": list(self.findings.values()),
        }
        self.path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
