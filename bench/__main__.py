"""`make bench`: time the built site and its peers; write `bench/results.json` and the tables of the speed page."""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from bench import measure, peers, phone, table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results.json"
PAGE = ROOT / "docs" / "reference" / "speed.md"
START = "do-not/limited-compute/"
EDITED = (START, "decide/")
FOLLOWING = ("do-not/real-time-updates/", "do-not/limited-compute/")
DECISION = "limited_compute"
PHONE_ROUNDS = 3


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, extremes and 95th percentile, in whole tenths."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    told = {"median": statistics.median(ordered), "least": ordered[0], "most": ordered[-1], "p95": p95}
    return {**{name: round(value, 1) for name, value in told.items()}, "n": len(ordered)}


def run(site: Path, rounds: int, earlier: Path | None) -> dict[str, Any]:
    """All measurements; in each round every variant has its turn, so that the machine's moods fall on all alike.

    earlier: a site built from an earlier state, to be measured beside this one.
    """
    folder, variants = peers.prepare(DECISION)
    pages, others = measure.Counted(site), measure.Counted(folder)
    roots = {"this": site, **({"earlier": earlier} if earlier else {})}
    phones = {name: measure.Counted(root, phone.Line()) for name, root in roots.items()}
    called: dict[str, list[dict[str, Any]]] = {name: [] for name in phones}
    seen: dict[str, list[dict[str, Any]]] = {peer.key: [] for peer in variants}
    own: list[dict[str, Any]] = []
    sessions = []
    with sync_playwright() as playwright, pages.running() as address, others.running() as beside:
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            own.append(measure.visits(playwright, pages, address, START, site=True))
            for peer in variants:
                seen[peer.key].append(measure.visits(playwright, others, beside, peer.page, site=False))
            sessions.append(measure.session(playwright, address, EDITED, FOLLOWING))
            if number < PHONE_ROUNDS:
                for name, served in phones.items():
                    with served.running() as far:
                        called[name].append(measure.visits(playwright, served, far, START, site=True))
        before = measure.bytes_before_intent(playwright, pages, address, START)
        browser = playwright.chromium.launch(executable_path=measure.CHROMIUM, args=["--no-sandbox"])
        version = browser.version
        browser.close()

    def times(visits: list[dict[str, Any]], visit: str) -> dict[str, float]:
        return summary([visited[visit] for visited in visits])

    def edits(path: str, how: str, until: str) -> dict[str, float]:
        made = [edit[until] for part in sessions for edit in part["edits"][path][how]]
        return summary([time for time in made if time is not None])

    def asked(what: str) -> dict[str, float]:
        return summary([time for part in sessions for time in part["asked"][what]])

    def parts(visits: list[dict[str, Any]], visit: str) -> dict[str, float]:
        waits = [visited[f"{visit}_wait"] for visited in visits]
        return {name: round(statistics.median(wait[name] for wait in waits), 1) for name in waits[0]}

    results: dict[str, Any] = {
        "machine": {"date": datetime.now(UTC).date().isoformat(), "chromium": version, "cores": os.cpu_count()},
        "rounds": rounds,
        "site": {
            "cold": times(own, "cold"),
            "second": times(own, "second"),
            "cold_wait": parts(own, "cold"),
            "second_wait": parts(own, "second"),
            "cold_bytes": own[0]["cold_bytes"],
            "second_bytes": own[0]["second_bytes"],
            "before_bytes": before,
            "swap": summary([hop["swap"] for part in sessions for hop in part["hops"]]),
            "hop": summary([hop["live"] for part in sessions for hop in part["hops"]]),
            "edits": {
                path: {
                    "visible": edits(path, "left", "visible"),
                    "point": edits(path, "left", "point"),
                    "whole": edits(path, "left", "whole"),
                    "typed": edits(path, "typed", "visible"),
                }
                for path in EDITED
            },
            "sweep": asked("sweep"),
            "map": asked("map"),
        },
        "peers": [
            {
                "key": peer.key,
                "title": peer.title,
                "cold": times(seen[peer.key], "cold"),
                "second": times(seen[peer.key], "second"),
                "cold_bytes": seen[peer.key][0]["cold_bytes"],
            }
            for peer in variants
        ],
        "phone": {
            name: {
                "cold": times(visits, "cold"),
                "second": times(visits, "second"),
                "cold_wait": parts(visits, "cold"),
            }
            for name, visits in called.items()
        },
        "left_out": peers.OUTSIDE,
    }
    results["ratios"] = ratios(results)
    return results


def ratios(results: dict[str, Any]) -> dict[str, float]:
    """How our ways compare with the plain ones, by medians."""
    by_key = {peer["key"]: peer for peer in results["peers"]}

    def ratio(mine: dict[str, Any], other: str, visit: str) -> float:
        return round(mine[visit]["median"] / by_key[other][visit]["median"], 3)

    found = {
        "small calculator, first visit, ours to the plain worker": ratio(by_key["ours-small"], "plain-small", "cold"),
        "small calculator, next visit, ours to the plain worker": ratio(by_key["ours-small"], "plain-small", "second"),
        "whole package, first visit, ours to the plain worker": ratio(by_key["ours-whole"], "plain-whole", "cold"),
        "whole package, next visit, ours to the plain worker": ratio(by_key["ours-whole"], "plain-whole", "second"),
        "this site's real page to a bare page with the plain worker, first visit": ratio(
            results["site"], "plain-whole", "cold"
        ),
        "this site's real page to a bare page with the plain worker, next visit": ratio(
            results["site"], "plain-whole", "second"
        ),
        "small calculator, first visit, ours to PyScript with Pyodide": ratio(
            by_key["ours-small"], "pyscript-pyodide", "cold"
        ),
    }
    called = results["phone"]
    for visit, words in (("cold", "first"), ("second", "next")) if "earlier" in called else ():
        this, before = (called[name][visit]["median"] for name in ("this", "earlier"))
        found[f"this site's real page on the slow phone to an earlier state's, {words} visit"] = round(this / before, 3)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or only write the tables again."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--site", type=Path, default=ROOT / "site")
    parser.add_argument("--earlier", type=Path, help="a site built from an earlier state, for its phone's figures")
    parser.add_argument("--table", action="store_true", help="only write the tables from bench/results.json")
    given = parser.parse_args(arguments)
    if not given.table:
        results = run(given.site, given.rounds, given.earlier)
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    table.show(RESULTS, table.render, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
