"""`python -m bench.examine_page`: a large file dropped on the page that decides, in Chromium.

A file of 200,000 chats, about 100 MB, is made and chosen. Measured are the times to the first numbers and to the last
ones, how long the page's own answers take meanwhile, and the memory of all the browser's processes above what they held
before. Once with tokens counted by the tokenizer, once without it.
"""

import argparse
import json
import os
import random
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.measure import CHROMIUM
from calculator.web import serve

START = "do-not/too-little-data/"
FIELD = "labelled_examples"
ROWS = 200_000
LEAST_WORDS, MOST_WORDS = 5, 55
SYSTEM = "You are the support assistant of a small shop. Be short."
PATIENCE_S = 300
EDITS = 8
ROOT = Path(__file__).resolve().parent.parent
EDIT = """([name, text]) => {
  const field = document.querySelector(`.calculator [name="${name}"]`);
  const section = field.closest(".calculator");
  return new Promise((resolve) => {
    const began = performance.now();
    const look = new MutationObserver(() => {
      if (!section.dataset.query?.includes(`${name}=${text}`)) return;
      look.disconnect();
      resolve(performance.now() - began);
    });
    look.observe(section, { attributes: true, attributeFilter: ["data-query"] });
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
}"""
TIMES = """() => {
  globalThis.times = {};
  const note = (name) => (times[name] ??= performance.now());
  new MutationObserver(() => {
    if (document.querySelector(".calc-found-headline")?.textContent.match(/[1-9]/)) note("first");
    if (document.querySelector(".calc-file > [role=status]")?.textContent.includes("to the end")) note("last");
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
  document.addEventListener("change", ({ target }) => target.type === "file" && note("chosen"), true);
}"""


def write_chats(path: Path, rows: int) -> None:
    """So many chats of words as these pages have them, with rare ones made up; the same file every time."""
    chance = random.Random(1)
    prose = " ".join(page.read_text("utf-8") for page in sorted((ROOT / "docs").rglob("*.md")))
    words = re.findall(r"[A-Za-z']+", prose)
    rare = ["".join(chance.choices("abcdefghilmnoprstu", k=chance.randint(5, 11))) for _ in range(40_000)]

    def text() -> str:
        """A sentence."""
        count = chance.randint(LEAST_WORDS, MOST_WORDS)
        return " ".join(chance.choice(words if chance.random() < 0.93 else rare) for _ in range(count)) + "."

    with path.open("w", encoding="utf-8") as out:
        for _ in range(rows):
            said = (("system", SYSTEM), ("user", text()), ("assistant", text()))
            out.write(json.dumps({"messages": [{"role": role, "content": words} for role, words in said]}) + "\n")


def held_bytes(browser: Browser) -> int:
    """The memory of all the browser's processes; what they share is counted once, in parts (PSS)."""
    session = browser.new_browser_cdp_session()
    total = 0
    for process in session.send("SystemInfo.getProcessInfo")["processInfo"]:
        try:
            rolled = Path(f"/proc/{process['id']}/smaps_rollup").read_text("ascii")
        except OSError:
            continue
        total += 1024 * sum(map(int, re.findall(r"^Pss:\s+(\d+) kB", rolled, re.MULTILINE)))
    session.detach()
    return total


def edited(page: Page, number: int) -> float:
    """Milliseconds from an edit to its answer on the page."""
    return float(page.evaluate(EDIT, [FIELD, str(number)]))


def read_once(browser: Browser, context: BrowserContext, address: str, path: Path, *, tokens: bool) -> dict[str, Any]:
    """One reading of the file on a fresh page."""
    page = context.new_page()
    if not tokens:
        page.route("**/o200k_base.js*", lambda route: route.abort())
    page.goto(address + START)
    page.evaluate(TIMES)
    before = [edited(page, 400 + number) for number in range(EDITS)]
    page.wait_for_timeout(3000)
    at_start = peak = held_bytes(browser)
    page.locator("[data-action=file]").first.click()
    page.get_by_label("Choose a data set").set_input_files(path)
    meanwhile = []
    end = time.monotonic() + PATIENCE_S
    while "last" not in (times := page.evaluate("times")):
        if time.monotonic() > end:
            raise TimeoutError(f"the file was not read in {PATIENCE_S} s: {page.locator('.calc-file').inner_text()}")
        meanwhile.append(edited(page, 500 + len(meanwhile)))
        peak = max(peak, held_bytes(browser))
        page.wait_for_timeout(300)
    headline = page.locator(".calc-found-headline").inner_text()
    wasm = [worker.url for worker in page.workers if "runtime" in worker.url]
    page.close()
    return {
        "tokens": "counted" if tokens else "estimated",
        "headline": headline,
        "first_s": round((times["first"] - times["chosen"]) / 1000, 2),
        "all_s": round((times["last"] - times["chosen"]) / 1000, 1),
        "edit_before_ms": round(statistics.median(before)),
        "edit_meanwhile_ms": round(statistics.median(meanwhile)),
        "slowest_edit_meanwhile_ms": round(max(meanwhile)),
        "memory_above_start_mb": round((peak - at_start) / 1e6),
        "workers": len(wasm),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    """Measure, and print what was found as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.examine_page", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"chats in the file (default: {ROWS:,})")
    rows = parser.parse_args().rows
    with (
        tempfile.TemporaryDirectory() as folder,
        serve.running(ROOT / "site") as address,
        sync_playwright() as playwright,
    ):
        path = Path(folder, "chats.jsonl")
        write_chats(path, rows)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        found = []
        for tokens in (True, False):
            context = browser.new_context()
            found.append(read_once(browser, context, address, path, tokens=tokens))
            context.close()
        result = {
            "chromium": browser.version,
            "cores": os.cpu_count(),
            "bytes": path.stat().st_size,
            "rows": rows,
            "read": found,
        }
        browser.close()
    json.dump(result, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
