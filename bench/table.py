"""The benchmark's results as Markdown, and their place on the page about speed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import phone

BEGIN, END = "<!-- measured by `make bench` -->", "<!-- end of what was measured -->"


def span(times: dict[str, float], unit: str = "ms") -> str:
    """The median with the smallest and the largest value."""
    return f"{times['median']:,.0f} {unit} ({times['least']:,.0f}–{times['most']:,.0f})"


def size(kinds: dict[str, int]) -> str:
    """The sum in megabytes."""
    return f"{sum(kinds.values()) / 1e6:.2f} MB"


def render(results: dict[str, Any]) -> str:
    """All tables."""
    machine, site, called = results["machine"], results["site"], results["phone"]["this"]
    lines = [
        "## What was measured",
        "",
        f"Measured on {machine['date']} with Chromium {machine['chromium']}, headless, on {machine['cores']} cores of "
        "a shared machine, from a local server that behaves like GitHub Pages (gzip, `max-age=600`, no headers of its "
        f"own). Medians of {results['rounds']} rounds in which all variants take turns, with the smallest and the "
        "largest value. Read the ratios rather than the milliseconds.",
        "",
        "| The site | time or size |",
        "|---|---|",
        f"| First live answer, first visit, acting at once | {span(site['cold'])} |",
        f"| The same on the next visit, browser restarted | {span(site['second'])} |",
        f"| The same on a slow phone | {span(called['cold'])} |",
        f"| The same on a slow phone's next visit | {span(called['second'])} |",
        f"| Next page by a link inside the site: new page stands there | {span(site['swap'])} |",
        f"| Then until its calculator has answered an edit | {span(site['hop'])} |",
        f"| A sweep of the overall decision over one field, 41 points | {span(site['sweep'])} |",
        f"| A map of it over two fields, 21 × 21 points | {span(site['map'])} |",
        f"| Downloaded before the reader touches anything | {sum(site['before_bytes'].values()) / 1e3:.0f} kB |",
        f"| Downloaded up to the first live answer, page included | {size(site['cold_bytes'])} |",
        "",
        "What the first live answer waits for, in turn; medians of each part. The slow phone's line has "
        f"{phone.MBIT_PER_S} Mbit/s and {1000 * phone.LATENCY_S:.0f} ms, in the server; its processor is "
        f"{phone.SLOWER} times slower, for all that a page runs.",
        "",
        "| part of the wait | first visit | next visit | first visit, slow phone |",
        "|---|---|---|---|",
        *(
            f"| {name} | {time:,.0f} ms | {site['second_wait'][name]:,.0f} ms | {called['cold_wait'][name]:,.0f} ms |"
            for name, time in site["cold_wait"].items()
        ),
        f"| all of it | {span(site['cold'])} | {span(site['second'])} | {span(called['cold'])} |",
        "",
        "From an edit to its result, median / 95th percentile. The point result is shown as soon as it is there; its "
        "spread over 256 draws, its flips and its sensitivity follow.",
        "",
        "| page | point result came back | and is in the page | all of it came back | while typing, pause included |",
        "|---|---|---|---|---|",
        *(
            f"| {path.strip('/')} | {shares(edits['point'])} | {shares(edits['visible'])} | {shares(edits['whole'])} | "
            f"{shares(edits['typed'])} |"
            for path, edits in site["edits"].items()
        ),
        "",
        "What that first answer downloads, in bytes on the wire, without what the service worker keeps for offline:",
        "",
        "| kind | before intent | up to the first live answer |",
        "|---|---|---|",
    ]
    for kind in sorted(site["cold_bytes"], key=lambda kind: -site["cold_bytes"][kind]):
        lines.append(f"| {kind} | {site['before_bytes'].get(kind, 0):,} | {site['cold_bytes'][kind]:,} |")
    lines += [
        "",
        "Beside others: a bare page with one small calculator (20 numbers in, 50 out), and below it the same with this "
        "site's whole package. Time from the navigation to the first answer in the page.",
        "",
        "| way | first visit | next visit | first visit, bytes |",
        "|---|---|---|---|",
    ]
    for peer in results["peers"]:
        lines.append(
            f"| {peer['title']}{', whole package' if peer['key'].endswith('-whole') else ''} | {span(peer['cold'])} | "
            f"{span(peer['second'])} | {size(peer['cold_bytes'])} |"
        )
    lines += ["", "Ratios of medians in this run:", ""]
    lines += [f"- {name}: {value:.2f}" for name, value in results["ratios"].items()]
    lines += ["", "Not in the table:", ""]
    lines += [f"- {name}: {reason}." for name, reason in results["left_out"].items()]
    return "\n".join(lines) + "\n"


def shares(times: dict[str, float]) -> str:
    """The median and the 95th percentile."""
    return f"{times['median']:,.0f} / {times['p95']:,.0f} ms"


def place(page: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put the tables between the page's two marks, or at its end when it has none yet."""
    before, found, rest = page.read_text("utf-8").partition(begin)
    after = rest.partition(end)[2] if found else "\n"
    page.write_text(f"{before.rstrip()}\n\n{begin}\n\n{text}\n{end}{after}", "utf-8")


def show(
    results: Path, render: Callable[[dict[str, Any]], str], page: Path, begin: str = BEGIN, end: str = END
) -> None:
    """Print the tables of a file of results, and put them in their place on the page."""
    text = render(json.loads(results.read_text("utf-8")))
    print(text)
    place(page, text, begin, end)
