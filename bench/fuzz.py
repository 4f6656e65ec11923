"""`python -m bench.fuzz`: the doors of `tests/hostile.py` under a coverage-guided fuzzer, for as long as one likes.

Needs `pip install atheris` (Linux; not in the lock, since nothing else needs it) beside the package. Goes on after a
finding: each kind of one is kept once, with its input, in `build/fuzz/report.json`, as are the cases done. Interesting
inputs are kept in `build/fuzz/corpus`, so that a later run goes on from there. Exit code 1 when something was found.
"""

import argparse
import json
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
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

COSTLY = ("whole_report", "file")
COSTLY_SHARE = 0.15
"""A whole report costs fifty times a point: with more of the time than this, a case goes through another door."""

REPORT_EVERY_SECONDS = 10
LONGEST_INPUT = 1_200


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz until the cases or the seconds are done."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=3_600)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        import atheris
    except ImportError:
        print("the fuzzer needs atheris: pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["calculator"]):
        from tests import hostile

        for name in hostile.catalog.names():
            hostile.catalog.decision(name)
    doors = [door for door, weight in WEIGHTS.items() for _ in range(weight)]
    cheap = [door for door in doors if door not in COSTLY]
    done: Counter[str] = Counter()
    findings: dict[str, dict[str, Any]] = {}
    began = reported = monotonic()
    costly = 0.0

    def report() -> None:
        nonlocal reported
        reported = monotonic()
        seconds = round(reported - began)
        slowest = {"door": hostile.slowest.door, "seconds": round(hostile.slowest.seconds, 3)}
        found = {"cases": done.total(), "seconds": seconds, "by_door": done, "slowest": slowest}
        text = json.dumps({**found, "findings": list(findings.values())}, indent=1)
        (FOLDER / "report.json").write_text(text + "\n", "utf-8")

    def one(data: bytes) -> None:
        nonlocal costly
        door = doors[data[0] % len(doors)] if data else "quantity"
        started = monotonic()
        if door in COSTLY and costly > COSTLY_SHARE * (started - began):
            door = cheap[sum(data) % len(cheap)]
        done[door] += 1
        try:
            hostile.through(door, data[1:])
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            key = f"{door} {type(error).__name__} {where}"
            first = {"kind": key, "said": str(error)[:500], "input": data[1:].hex(), "count": 0}
            findings.setdefault(key, first)["count"] += 1
        ended = monotonic()
        if door in COSTLY:
            costly += ended - started
        if ended - reported > REPORT_EVERY_SECONDS or done.total() == given.cases:
            report()

    corpus = FOLDER / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    limits = [f"-runs={given.cases}", f"-max_total_time={given.seconds}", f"-max_len={LONGEST_INPUT}"]
    atheris.Setup([sys.argv[0], *limits, f"-seed={given.seed}", "-len_control=0", str(corpus)], one)
    atheris.Fuzz()
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
