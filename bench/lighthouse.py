"""`python -m bench.lighthouse`: every page of the built site through Lighthouse, as a phone and as a desktop.

Writes `bench/lighthouse.json` and its table on the speed page. Scores run from 0 to 100; performance depends on what
else the machine does, the other three do not. So of several rounds the best performance counts, and the worst of the
others.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import table
from bench.__main__ import PAGE, ROOT
from calculator.web import serve

RESULTS = ROOT / "bench" / "lighthouse.json"
PROGRAM = ROOT / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = ("accessibility", "best-practices", "seo", "performance")
FORMS = {"phone": (), "desktop": ("--preset=desktop",)}
BEGIN, END = "<!-- measured by bench.lighthouse -->", "<!-- end of lighthouse -->"


def score(address: str, options: Sequence[str]) -> dict[str, Any]:
    """One page's scores and the names of the audits that it fails, performance's own left out."""
    command = ["node", str(PROGRAM), address, "--quiet", "--output=json", *options]
    command += [f"--only-categories={','.join(CATEGORIES)}", "--chrome-flags=--headless=new --no-sandbox --disable-gpu"]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=300, env={**os.environ, "CHROME_PATH": chromium}
    )
    told = json.loads(done.stdout)
    scores = {name: round(100 * (told["categories"][name]["score"] or 0)) for name in CATEGORIES}
    judged = [ref["id"] for name in CATEGORIES[:3] for ref in told["categories"][name]["auditRefs"] if ref["weight"]]
    failed = [name for name in dict.fromkeys(judged) if told["audits"][name]["score"] not in (None, 1)]
    return {**scores, "failed": failed}


def run(site: Path, only: Sequence[str] = ()) -> dict[str, Any]:
    """All pages, or only some, in both forms."""
    names = [path.relative_to(site).as_posix().removesuffix("index.html") for path in sorted(site.rglob("index.html"))]
    unknown = sorted({*only} - {*names})
    if unknown:
        raise SystemExit(f"--page must be a page of the site, such as {names[1]}; given: {', '.join(unknown)}")
    pages: dict[str, dict[str, Any]] = {}
    with serve.running(site) as address:
        for name in only or names:
            pages[name] = {form: score(address + name, options) for form, options in FORMS.items()}
            print(name or "the start page", pages[name], file=sys.stderr, flush=True)
    return {"date": datetime.now(UTC).date().isoformat(), "cores": os.cpu_count(), "rounds": 1, "pages": pages}


def replace(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The first run with the second's pages in place of its own: they were changed in between."""
    return {**first, "changed": second["date"], "pages": {**first["pages"], **second["pages"]}}


def join(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both runs as one of more rounds, over the pages of the second."""
    pages: dict[str, dict[str, Any]] = {}
    for name, page in second["pages"].items():
        pages[name] = {}
        for form, scores in page.items():
            before = first["pages"].get(name, page)[form]
            pages[name][form] = {
                **{kind: min(before[kind], scores[kind]) for kind in CATEGORIES[:3]},
                "performance": max(before["performance"], scores["performance"]),
                "failed": sorted({*before["failed"], *scores["failed"]}),
            }
    return {**second, "rounds": first["rounds"] + second["rounds"], "pages": pages}


def render(results: dict[str, Any]) -> str:
    """The lowest score of each kind, and the middle of the performances."""
    pages = results["pages"]
    later = results.get("changed", results["date"])
    days = results["date"] + (f", those changed since on {later}" if later != results["date"] else "")
    lines = [
        "## Lighthouse",
        "",
        f"Every one of the {len(pages)} pages on {days}, on {results['cores']} cores of a shared machine. "
        "The phone is Lighthouse's slow one: a quarter of the processor and 1.6 Mbit/s. "
        f"Rounds: {results['rounds']}; the best performance of them counts, and the worst of the others.",
        "",
        "| lowest score of all pages | phone | desktop |",
        "|---|---|---|",
    ]
    for name in CATEGORIES:
        lowest = [str(min(page[form][name] for page in pages.values())) for form in FORMS]
        lines.append(f"| {name.replace('-', ' ')} | {' | '.join(lowest)} |")
    middle = [f"{statistics.median(page[form]['performance'] for page in pages.values()):.0f}" for form in FORMS]
    lines.append(f"| performance, median | {' | '.join(middle)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or only write the table again."""
    parser = argparse.ArgumentParser(prog="python -m bench.lighthouse", description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "site")
    parser.add_argument("--table", action="store_true", help="only write the table from bench/lighthouse.json")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--again", action="store_true", help="one more round for what bench/lighthouse.json holds")
    kinds.add_argument("--page", action="append", default=[], help="measure this changed page anew; may be repeated")
    given = parser.parse_args(arguments)
    if not given.table:
        results = run(given.site, given.page)
        if given.again or given.page:
            results = (join if given.again else replace)(json.loads(RESULTS.read_text("utf-8")), results)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    table.show(RESULTS, render, PAGE, BEGIN, END)
    return 0


if __name__ == "__main__":
    sys.exit(main())
