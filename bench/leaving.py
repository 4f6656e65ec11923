"""`python -m bench.leaving`: edits, then leaves the page within a second, over and over; what stands on the next page.

Each try types a number or picks a preset, waits between nothing and a second, and follows a link by touch, mouse or
key. The next page, which takes up to half a second to come, must have its own address and a form that holds the
reader's situation. So must the form of the page left, when the browser goes back.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.measure import CHROMIUM
from calculator.web import serve

PAGES = ("decide/", "do-not/real-time-updates/", "do-not/prompt-engineering/")
SHARED = "requests_per_month"
WAYS = ("touch", "mouse", "key")
LONGEST_DELAY_S, LONGEST_WAY_MS = 1.0, 500
PRESETS, BACK = 0.3, 0.2
SETTLED_MS = 700
"""Longer than an answer to an edit takes, so that a late one has come."""

SLOW_PAGES = """
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (...given) {
    setTimeout(() => send.apply(this, given), window.wayMs ?? 0);
  };
"""
MARK = """(wayMs) => {
  window.wayMs = wayMs;
  window.left = document.querySelector(".calculator");
  window.left.dataset.left = "";
  window.late = 0;
  const path = location.pathname;
  window.left.addEventListener("settled", () => { if (location.pathname !== path) window.late += 1; });
}"""
LINK = """(to) => {
  const link = document.createElement("a");
  [link.href, link.textContent] = [to, "Another page"];
  document.querySelector(".calculator").before(link);
  return link;
}"""
ARRIVED = """(path) => location.pathname === path && document.querySelector(".calculator:not([data-left])") !== null"""
WRONG = """(query) => {
  const key = Object.keys(localStorage).find((key) => key.endsWith(" situation"));
  const { preset, fields } = JSON.parse(localStorage.getItem(key) ?? '{"preset": "", "fields": {}}');
  const select = document.querySelector("[data-presets]");
  const base = JSON.parse(select.dataset.presets)[preset] ?? {};
  const mine = preset || Object.keys(fields).length;
  const wrong = location.search && !query ? [`address ${location.search}`] : [];
  for (const control of document.querySelectorAll(".calc-form [data-default]")) {
    const shown = control.type === "checkbox" ? (control.checked ? "yes" : "no") : control.value;
    const own = mine ? (base[control.name] ?? control.dataset.default)
      : control.type === "checkbox" ? (control.defaultChecked ? "yes" : "no")
      : control.options ? [...control.options].find((option) => option.defaultSelected).value : control.defaultValue;
    const wanted = fields[control.name] ?? own;
    if (shown !== wanted) wrong.push(`form ${control.name} ${shown}, not ${wanted}`);
  }
  if (window.late) wrong.push(`${window.late} answers put into the page left`);
  return wrong;
}"""


def tries(
    browser: Browser, address: str, count: int, seed: int = 0, ways: Sequence[str] = WAYS
) -> list[dict[str, Any]]:
    """Edit and leave `count` times in one visit; what each did and what was wrong after it."""
    random = Random(seed)
    context = browser.new_context(viewport={"width": 1280, "height": 900}, has_touch="touch" in ways)
    page = context.new_page()
    page.add_init_script(SLOW_PAGES)
    page.goto(address + PAGES[0])
    page.locator(f"[name={SHARED}]").fill("5000")
    page.locator(".calc-state[data-state=live]").wait_for(timeout=60_000)
    page.locator("[data-action=clear]").click()
    found = []
    for number in range(count):
        here = page.url.partition("?")[0].removeprefix(address)
        there = random.choice([path for path in PAGES if path != here])
        way, delay_s = ways[number % len(ways)], random.random() ** 2 * LONGEST_DELAY_S
        _edit(page, random, preset=random.random() < PRESETS)
        page.evaluate(MARK, random.randrange(LONGEST_WAY_MS))
        page.wait_for_timeout(1000 * delay_s)
        _leave(page, address + there, way)
        _arrive(page, address + there)
        wrong = page.evaluate(WRONG, False)
        if random.random() < BACK:
            page.evaluate(MARK, 0)
            page.go_back(wait_until="commit")
            _arrive(page, address + here)
            wrong += [f"back: {text}" for text in page.evaluate(WRONG, True)]
        found.append({"from": here, "to": there, "way": way, "delay_s": round(delay_s, 3), "wrong": wrong})
    context.close()
    return found


def _edit(page: Page, random: Random, *, preset: bool) -> None:
    if preset:
        select = page.locator("[data-presets]")
        names = select.locator("option").evaluate_all("(options) => options.map(({ value }) => value)")
        select.select_option(random.choice([name for name in names if name]))
    else:
        field = page.locator(f"[name={SHARED}]")
        field.fill("")
        field.press_sequentially(str(random.randrange(1000, 90_000)))


def _leave(page: Page, to: str, way: str) -> None:
    """Follow the link to another page as a finger, a mouse or the keyboard does."""
    element = page.evaluate_handle(LINK, to).as_element()
    assert element is not None
    if way == "key":
        element.focus()
        page.keyboard.press("Enter")
        return
    element.scroll_into_view_if_needed()
    if way == "touch":
        element.tap()
    else:
        element.click()


def _arrive(page: Page, to: str) -> None:
    path = "/" + to.partition("://")[2].partition("/")[2]
    for _ in range(200):
        if page.evaluate(ARRIVED, path):
            break
        page.wait_for_timeout(50)
    page.wait_for_timeout(SETTLED_MS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Edit and leave, and print how often something was wrong; 1 when it ever was."""
    parser = argparse.ArgumentParser(prog="python -m bench.leaving", description=__doc__)
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--site", type=Path, default=Path("site"))
    given = parser.parse_args(arguments)
    with serve.running(given.site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        found = tries(browser, address, given.tries, given.seed)
        browser.close()
    wrong = [told for told in found if told["wrong"]]
    counted = {way: [sum(told["way"] == way for told in some) for some in (wrong, found)] for way in WAYS}
    said = {"tries": len(found), "wrong": len(wrong), "wrong of tries": counted, "examples": wrong[:5]}
    print(json.dumps(said, indent=2))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
