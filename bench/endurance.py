"""`python -m bench.endurance`: ten thousand edits in a row on one page, and what they leave in memory.

Each edit goes the whole way: a field's event, the worker, Python, the answer put into the page.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.measure import CHROMIUM
from calculator.web import serve

START = "do-not/real-time-updates/"
FIELD = "retraining_days"
WARM_UP = 150
SHOW_MEMORY = """
  const instantiateAsUsual = WebAssembly.instantiate;
  WebAssembly.instantiate = (module, imports) => {
    if (imports?.env?.memory) globalThis.pythonMemory = imports.env.memory;
    return instantiateAsUsual(module, imports);
  };
"""
"""Put before the worker's own script: leaves Python's memory where it can be looked at."""

EDIT = """async ([name, first, count]) => {
  const field = document.querySelector(`.calculator [name="${name}"]`);
  const section = field.closest(".calculator");
  let answers = 0;
  for (let number = first; number < first + count; number++) {
    const whole = new Promise((resolve) => {
      const look = new MutationObserver(() => {
        if (section.dataset.query?.includes(`${name}=${field.value}`)) {
          look.disconnect();
          resolve(true);
        }
      });
      look.observe(section, { attributes: true, attributeFilter: ["data-query"] });
      setTimeout(() => { look.disconnect(); resolve(false); }, 10_000);
    });
    field.value = String(400 + (number % 300));
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    answers += await whole;
  }
  return answers;
}"""


def edits(page: Page, field: str, count: int) -> dict[str, Any]:
    """Edit one field of an open page `count` times; what was held before and after. Its worker needs SHOW_MEMORY."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def look() -> dict[str, float]:
        """What is held: by Python, by the page's scripts, by the document."""
        page.wait_for_timeout(500)
        session.send("HeapProfiler.collectGarbage")
        metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
        worker = next(worker for worker in page.workers if "/runtime/worker-" in worker.url)
        return {
            "python_bytes": worker.evaluate("globalThis.pythonMemory.buffer.byteLength"),
            "page_bytes": metrics["JSHeapUsedSize"],
            "nodes": metrics["Nodes"],
            "listeners": metrics["JSEventListeners"],
        }

    page.evaluate(EDIT, [field, 0, WARM_UP])
    before = look()
    began = time.monotonic()
    answers = page.evaluate(EDIT, [field, WARM_UP, count])
    seconds = time.monotonic() - began
    after = look()
    found: dict[str, Any] = {"edits": count, "answers": answers, "seconds": round(seconds, 1)}
    for name, value in before.items():
        found |= {f"{name}_before": value, f"{name}_after": after[name]}
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Edit and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.endurance", description=__doc__)
    parser.add_argument("--edits", type=int, default=10_000)
    parser.add_argument("--site", type=Path, default=Path("site"))
    given = parser.parse_args(arguments)
    with serve.running(given.site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(0)
        page.route(
            "**/runtime/worker-*",
            lambda route: route.fulfill(
                body=SHOW_MEMORY + route.fetch().text(), content_type="text/javascript; charset=utf-8"
            ),
        )
        page.goto(address + START)
        print(json.dumps(edits(page, FIELD, given.edits), indent=2))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
