"""`python -m bench.load`: can the built site take visitors, and what does one cost? Writes `bench/load.json`.

Clients ask a static server on this machine for whole visits, for a bounded time, and check every answer against the
file. Then Chromium visits with an empty profile and the bytes on the wire are counted. Sizes are held against what
GitHub Pages allows.
"""

import argparse
import gzip
import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from bench import table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "load.json"
PAGE = ROOT / "docs" / "reference" / "hosting.md"
VISITED = "do-not/limited-compute/"
QUIET_S = 6.0

LIMIT_SITE_BYTES = 1e9
LIMIT_MONTH_BYTES = 100e9
"""What GitHub Pages allows: the size of a published site, and its soft limit of traffic a month
(docs.github.com, GitHub Pages limits, read in 2026)."""

_ASSET = re.compile(r'(?:src|href)="([^"#?]+\.(?:css|js|mjs|svg|png|woff2|webmanifest))(?:\?[^"]*)?"')


@dataclass(kw_only=True)
class Client:
    """One client's account."""

    times_ms: list[float] = field(default_factory=list)
    bytes_received: int = 0
    errors: list[str] = field(default_factory=list)


def sizes(site: Path) -> dict[str, Any]:
    """Files and bytes of the built site, as they lie there and as they travel."""
    files = [path for path in site.rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    return {
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "bytes_gzipped": sum(len(gzip.compress(path.read_bytes(), 6)) for path in files),
        "pages": sum(path.name == "index.html" for path in files),
        "largest_bytes": largest.stat().st_size,
    }


def requests_of_a_visit(site: Path, page: str) -> list[str]:
    """What a first visit to a page asks for, with its calculator's runtime, as paths inside the site."""
    folder = site / page
    html = (folder / "index.html").read_text("utf-8")
    found = [page]
    for link in _ASSET.findall(html):
        path = (folder / link).resolve()
        if not urlsplit(link).scheme and path.is_file() and path.is_relative_to(site.resolve()):
            found.append(path.relative_to(site.resolve()).as_posix())
    manifest = site / "assets" / "runtime" / "manifest.json"
    if manifest.is_file():
        found += [f"assets/runtime/{name}" for name in json.loads(manifest.read_text("utf-8"))["starts"]["snapshot"]]
    return list(dict.fromkeys(found))


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes, bool]:
    """Status, body as it came, and whether it was gzipped."""
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    return response.status, response.read(), response.getheader("Content-Encoding") == "gzip"


def first_visit(site: Path, address: str, paths: Sequence[str]) -> dict[str, bytes]:
    """The digest of each answer, after its content was compared with the file. ValueError when one differs."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    digests = {}
    for path in paths:
        status, body, zipped = ask(connection, parts.path + path)
        file = site / path / "index.html" if (site / path).is_dir() else site / path
        if status != 200 or (gzip.decompress(body) if zipped else body) != file.read_bytes():
            raise ValueError(f"{path}: the answer, with status {status}, is not the file")
        digests[path] = hashlib.sha256(body).digest()
    connection.close()
    return digests


def visit(address: str, digests: Mapping[str, bytes], until: float, client: Client) -> None:
    """Whole visits, one after the other, each on a connection of its own, until the time is up."""
    parts = urlsplit(address)
    while time.monotonic() < until:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            for path, digest in digests.items():
                began = time.perf_counter()
                status, body, _ = ask(connection, parts.path + path)
                client.times_ms.append(1e3 * (time.perf_counter() - began))
                client.bytes_received += len(body)
                if status != 200 or hashlib.sha256(body).digest() != digest:
                    client.errors.append(f"{path}: {status}, {len(body)} bytes")
        except (OSError, http.client.HTTPException) as error:
            client.errors.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()


def load(site: Path, seconds: float, clients: int) -> dict[str, Any]:
    """Requests a second, waiting times and errors of so many clients at once."""
    command = [sys.executable, "-m", "calculator.web.serve", str(site), "--port", str(20_000 + os.getpid() % 20_000)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline() if server.stdout else ""
        address = re.search(r"http://\S+", line)
        if address is None:
            raise RuntimeError(f"the server did not start: {line}")
        paths = requests_of_a_visit(site, VISITED)
        digests = first_visit(site, address[0], paths)
        accounts = [Client() for _ in range(clients)]
        began = time.monotonic()
        threads = [Thread(target=visit, args=(address[0], digests, began + seconds, account)) for account in accounts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
    finally:
        server.terminate()
        server.wait()
    times = sorted(t for account in accounts for t in account.times_ms)
    errors = [error for account in accounts for error in account.errors]
    return {
        "clients": clients,
        "seconds": round(took, 1),
        "requests": len(times),
        "requests_per_visit": len(paths),
        "requests_per_s": round(len(times) / took, 1),
        "megabytes_per_s": round(sum(account.bytes_received for account in accounts) / took / 1e6, 1),
        "median_ms": round(median(times), 1),
        "p99_ms": round(times[int(0.99 * (len(times) - 1))], 1),
        "errors": len(errors),
        "first_errors": errors[:5],
    }


def cold_visits(site: Path) -> dict[str, Any]:
    """Bytes on the wire of two first visits: one only reads a page, one uses its calculator and stays a while."""
    from playwright.sync_api import sync_playwright

    from bench import measure

    served = measure.Counted(site)
    told = {}
    with sync_playwright() as playwright, served.running() as address:
        for kind in ("reads", "uses"):
            folder = tempfile.mkdtemp()
            try:
                with measure.profile(playwright, folder) as context:
                    page = context.new_page()
                    served.take()
                    page.goto(address + VISITED, wait_until="load")
                    if kind == "reads":
                        time.sleep(measure.BEFORE_IDLE_S)
                    else:
                        page.fill("[name=gpus]", "4")
                        measure.wait_for(page, "document.querySelector('.calc-state').dataset.state === 'live'")
                        _until_quiet(served)
                    kinds = served.take(offline=True)
                    told[kind] = {"bytes": sum(kinds.values()), "by_kind": kinds}
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return told


def _until_quiet(served: Any) -> None:
    """Wait until nothing was asked for a while: the service worker has its copies then."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_S:
        if len(served.sent) != seen:
            seen, since = len(served.sent), time.monotonic()
        time.sleep(0.2)


def render(results: dict[str, Any]) -> str:
    """The figures as Markdown."""
    size, load_, cold = results["site"], results["load"], results["cold"]
    month = {kind: int(LIMIT_MONTH_BYTES / told["bytes"]) for kind, told in cold.items()}
    rows = [
        ("Size of the site", f"{size['bytes'] / 1e6:.1f} MB in {size['files']} files", "1 GB"),
        ("Largest file", f"{size['largest_bytes'] / 1e6:.1f} MB", ""),
        ("A first visit that only reads a page", f"{cold['reads']['bytes'] / 1e3:,.0f} kB", ""),
        ("Such visits a month", f"{month['reads']:,}", "100 GB a month"),
        (
            "A first visit that uses a calculator, copies for reading offline included",
            f"{cold['uses']['bytes'] / 1e6:.2f} MB",
            "",
        ),
        ("Such visits a month", f"{month['uses']:,}", "100 GB a month"),
    ]
    lines = [
        "## What was measured",
        "",
        f"On {results['date']}, with the server of this project on one machine of {results['cores']} shared cores.",
        "",
        "| what | figure | GitHub Pages allows |",
        "|---|---|---|",
        *(f"| {what} | {figure} | {limit or '–'} |" for what, figure, limit in rows),
        "",
        f"{load_['clients']} clients asked for whole first visits of {load_['requests_per_visit']} files for "
        f"{load_['seconds']:.0f} seconds: {load_['requests']:,} requests, {load_['errors']} errors, each answer "
        f"checked against its file; {load_['requests_per_s']:,.0f} a second, median {load_['median_ms']:,.0f} ms, 99th "
        f"percentile {load_['p99_ms']:,.0f} ms.",
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and put the figures on their page; 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "site")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=8)
    given = parser.parse_args(arguments)
    results = {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "site": sizes(given.site),
        "load": load(given.site, given.seconds, given.clients),
        "cold": cold_visits(given.site),
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    table.show(RESULTS, render, PAGE)
    return 1 if results["load"]["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
