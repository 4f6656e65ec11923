"""`python -m bench.tasks [SITE]`: seven people's tasks on the built site: steps, wrong turns and seconds for each.

A step is what a person does: a click, a field filled in, a screen scrolled to see what was asked for, a press of Tab. A
wrong turn is what sets a person back: a way that is not there, an input refused, an answer that was another a moment
ago, a sheet of paper too many, a frame too tall. Both are the same on any machine; seconds are of this one, scripts'
waits for the page included. With BROWSER=firefox in Firefox, over WebDriver BiDi.
"""

import argparse
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Locator, Page, expect, sync_playwright

from calculator.web import serve

START_MS = 60_000
SHORT_MS = 2_000
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
TALLEST_FRAME_PX = 700
PATCH = Path(__file__).parent.parent / "tests" / "node" / "without-media-override.cjs"
LIMITED, FRESH = "do-not/limited-compute/", "do-not/real-time-updates/"


class Person:
    """Somebody with a task, on a page of their own, counting what it takes."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.steps = 0
        self.wrong: list[str] = []

    def go(self, path: str = "") -> None:
        """Open a page by its address, which is no step."""
        self.page.goto(self.address + path)

    def click(self, target: Locator) -> None:
        """One step, with the scrolling to get there."""
        self.see(target)
        self.steps += 1
        target.click()

    def type(self, name: str, *tries: str) -> None:
        """Fill in a field, opening its fold where it is shut; each text that is refused is a wrong turn."""
        field = self.page.locator(f'.calculator [name="{name}"]').first
        if not field.is_visible():
            # On a phone the form is behind a button, and some questions are in a fold.
            for opener in ("[popovertarget]:visible", f".calc-fold:has([name={name}]) > summary:visible"):
                if self.page.locator(opener).count() and not field.is_visible():
                    self.click(self.page.locator(opener).first)
        for text in tries:
            self.see(field)
            self.steps += 1
            field.fill(text)
            field.press("Enter")
            self.settled()
            if field.get_attribute("aria-invalid") != "true":
                return
            self.wrong.append(f"{name}: {text} is refused")

    def pick(self, name: str, value: str) -> None:
        """Choose from a list."""
        field = self.page.locator(f'.calculator [name="{name}"]').first
        self.see(field)
        self.steps += 1
        field.select_option(value)
        self.settled()

    def preset(self, name: str) -> None:
        """Start from a situation: by its button, or in the list of them."""
        chip = self.page.locator(f"[data-preset={name}]").first
        if chip.count():
            self.click(chip)
        else:
            self.steps += 1
            self.page.locator("[data-presets]").first.select_option(name)
        self.settled()

    def settled(self) -> None:
        """Wait for the live answer to what was done, or for the message that it cannot be read."""
        self.page.wait_for_timeout(400)
        done = ".calculator:not([data-stale], [data-partial], [data-pending]), .calculator:has([aria-invalid=true])"
        expect(self.page.locator(done).first).to_be_attached(timeout=START_MS)
        expect(self.page.locator(".calc-state").first).to_have_attribute(
            "data-state", re.compile("live|invalid"), timeout=START_MS
        )

    def see(self, target: Locator) -> None:
        """Scroll, a screen a step, until it is in the window."""
        box = target.bounding_box() if target.count() else None
        if box is None:
            return
        height = (self.page.viewport_size or WIDE)["height"]
        beyond = max(0.0, box["y"] + min(box["height"], height / 2) - height, -box["y"])
        self.steps += ceil(beyond / height)
        target.scroll_into_view_if_needed()

    def find(self, what: str, *selectors: str) -> None:
        """See the first of these that is there; none is a wrong turn."""
        for selector in selectors:
            if self.page.locator(selector).count():
                self.see(self.page.locator(selector).first)
                return
        self.wrong.append(f"{what} is nowhere")


VERDICT, NEXT = ".calc-verdict .calc-answer", ".calc-next"
FLIPS = (".calc-tipping", "[data-section=flips]")
PICTURE = (".calculator [data-section=picture] svg", ".calculator .calc-chart")


def lead(one: Person) -> None:
    """A lead with 400 contracts and fifteen minutes."""
    one.go()
    one.preset("legal-contracts")
    one.type("labelled_examples", "400")
    one.type("prompted_accuracy_share", "70-75", "70 to 75")
    one.find("the verdict", VERDICT)
    one.find("a picture", *PICTURE)
    one.find("the next step", NEXT)


def engineer(one: Person) -> None:
    """An engineer with a 4090 and 20k examples, who looks for VRAM."""
    one.go()
    search = one.page.locator("[data-md-component=search-query]")
    one.click(search)
    one.steps += 1
    search.press_sequentially("VRAM", delay=30)
    found = one.page.locator(f".md-search-result__link[href*='{LIMITED}']").first
    try:
        found.wait_for(timeout=SHORT_MS * 5)
        one.click(found)
    except Error:
        one.wrong.append("the search finds nothing for VRAM")
        one.steps += 2
        one.go(LIMITED)
    one.page.wait_for_url(f"**/{LIMITED}**")
    one.pick("model", "Qwen/Qwen3-14B")
    one.pick("device", "NVIDIA RTX 4090")
    one.pick("method", "QLoRA")
    one.type("sequence_tokens", "8k")
    one.type("labelled_examples", "20k")
    said = one.page.locator(".calc-verdict").first.inner_text()
    if "GiB" not in said:
        one.wrong.append("the verdict does not say whether it fits")
        one.find("the memory", ".calc-tile", ".calc-chart")


def founder(one: Person) -> None:
    """A founder with a support bot and a budget in euros."""
    one.go("decide/")
    one.preset("support-chatbot")
    one.type("requests_per_month", "30k")
    one.type("budget_usd", "€20k", "20k")
    if not one.wrong or "US dollars" not in one.page.content():
        one.find("the reason", ".calc-problem:not(:empty)", VERDICT)
    one.find("the verdict", VERDICT)
    one.find("what flips it", *FLIPS)


def phone_and_link(one: Person) -> None:
    """Somebody with a phone, a link and a slow line."""
    one.page.set_viewport_size(PHONE)
    one.page.route("**/runtime/heap*", lambda route: (time.sleep(2), route.continue_()))
    one.go(f"{FRESH}?retraining_days=700&fact_half_life_days=2&v=1")
    one.page.wait_for_timeout(1_000)
    pale = one.page.locator(".calc-verdict .calc-answer")
    before = pale.first.inner_text() if pale.count() else ""
    one.settled()
    after = pale.first.inner_text()
    if before and before != after:
        one.wrong.append(f"“{before}” was shown for the link’s “{after}”")
    one.find("the verdict", VERDICT)
    one.find("the next step", NEXT)


def keyboard_only(one: Person) -> None:
    """Somebody without a mouse."""
    one.go(FRESH)
    for _ in range(120):
        one.steps += 1
        one.page.keyboard.press("Tab")
        if one.page.evaluate("document.activeElement.name") == "retraining_days":
            break
    else:
        one.wrong.append("Tab does not reach the field")
    one.page.keyboard.press("ControlOrMeta+A")
    one.page.keyboard.type("21")
    one.page.keyboard.press("Enter")
    one.steps += 3
    one.settled()
    one.find("the verdict", VERDICT)


def docs_author(one: Person) -> None:
    """The author of somebody's docs, who embeds one calculator in a column."""
    one.page.set_viewport_size({"width": 700, "height": 900})
    one.go(f"{LIMITED}?embed=compact")
    one.page.wait_for_timeout(SHORT_MS)
    tall = one.page.locator(".calculator").first.evaluate("(section) => section.offsetHeight")
    if tall > TALLEST_FRAME_PX:
        one.wrong.append(f"the frame is {tall} pixels tall")
        one.steps += ceil(tall / 900) - 1
    one.find("the way to the whole page", ".calc-full")


def printing(one: Person) -> None:
    """Somebody who needs one sheet for a meeting."""
    one.go("decide/")
    one.steps += 1
    if os.environ.get("BROWSER") == "firefox":
        # Debian's prints to no file here, and shows no page as it would be printed: its sheets are not counted.
        return
    printed = one.page.pdf(format="A4", prefer_css_page_size=True)
    sheets = len(re.findall(rb"/Type\s*/Page\b", printed))
    if sheets > 1:
        one.wrong.append(f"{sheets} sheets of paper")


TASKS: tuple[Callable[[Person], None], ...] = (
    lead, engineer, founder, phone_and_link, keyboard_only, docs_author, printing,
)  # fmt: skip


def run(browser: Browser, address: str) -> dict[str, dict[str, Any]]:
    """Every task by one person each: steps, wrong turns, seconds."""
    told = {}
    for task in TASKS:
        context = browser.new_context(viewport=WIDE)
        one = Person(context.new_page(), address)
        began = time.monotonic()
        try:
            task(one)
        except (Error, AssertionError) as error:
            one.wrong.append(f"given up: {str(error).splitlines()[0]}")
        seconds = round(time.monotonic() - began, 1)
        told[task.__name__] = {"steps": one.steps, "wrong": one.wrong, "seconds": seconds}
        context.close()
    return told


def main() -> int:
    """Try every task and print what each took, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.tasks", description=__doc__)
    parser.add_argument("site", nargs="?", default="site", type=Path, help="the built site (default: site)")
    given = parser.parse_args()
    firefox = os.environ.get("BROWSER") == "firefox"
    if firefox:
        # Debian's Firefox does not know one command of the driver's.
        os.environ["NODE_OPTIONS"] = f"--require {PATCH}"
    program = shutil.which("firefox-esr" if firefox else os.environ.get("CHROMIUM", "chromium"))
    with serve.running(given.site) as address, sync_playwright() as playwright:
        if firefox:
            browser = playwright.firefox.launch(executable_path=program, channel="moz-firefox")
        else:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        print(json.dumps(run(browser, address), indent=1, ensure_ascii=False))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
