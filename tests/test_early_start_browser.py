"""Python starts beside the page where it will be needed: own numbers, a link with numbers, use on the last visit."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.test_browser import SAVE_DATA

pytestmark = pytest.mark.browser

START_MS = 60_000
PAGE = "do-not/real-time-updates/"
LINK = PAGE + "?fact_half_life_days=7"
SCRIPT = re.compile(r"/assets/calculator\.js")
WORKER = re.compile(r"/runtime/worker-\w+\.js")


def started(page: Page, address: str) -> bool:
    """Whether the page asks for the worker without its own script, which never comes."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.route(SCRIPT, lambda route: route.abort())
    page.goto(address)
    page.wait_for_timeout(300)
    page.unroute(SCRIPT)
    page.remove_listener("request", note)
    return any(WORKER.search(url) for url in asked)


def use(page: Page, address: str) -> None:
    page.goto(address)
    before = page.locator(".calc-verdict").inner_text()
    page.locator('.calculator [name="fact_half_life_days"]').fill("3000")
    expect(page.locator(".calc-verdict")).not_to_have_text(before, timeout=START_MS)
    expect(page.locator(".calculator[data-partial]")).to_have_count(0, timeout=START_MS)


def forget_numbers(page: Page) -> None:
    keys = "Object.keys(localStorage).filter((key) => key.endsWith(' situation'))"
    page.evaluate(f"for (const key of {keys}) localStorage.removeItem(key)")


def test_use_starts_python_with_the_next_page_and_with_no_further_one(page: Page, address: str) -> None:
    assert not started(page, address + PAGE)
    use(page, address + PAGE)
    forget_numbers(page)
    assert started(page, address + PAGE)
    assert not started(page, address + PAGE)


def test_numbers_of_ones_own_start_python_with_every_page(page: Page, address: str) -> None:
    use(page, address + PAGE)
    assert started(page, address + "decide/")
    assert started(page, address + "decide/")
    assert not started(page, address + "reference/privacy/")


def test_a_link_with_numbers_starts_python_at_once_and_one_with_a_scheme_does_not(page: Page, address: str) -> None:
    assert started(page, address + LINK)
    assert not started(page, address + PAGE + "?embed=compact-dark")


def test_data_saver_starts_nothing_early(page: Page, address: str) -> None:
    page.add_init_script(SAVE_DATA)
    assert not started(page, address + LINK)


def test_the_pages_script_takes_the_started_worker_over(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address + LINK)
    expect(page.locator(".calc-state")).to_have_attribute("data-state", "live", timeout=START_MS)
    # The theme may have begun its own by now.
    [worker] = [worker for worker in page.workers if "/workers/search." not in worker.url]
    assert WORKER.search(worker.url)
    assert len([url for url in asked if WORKER.search(url)]) == 1


def test_an_early_worker_that_cannot_be_loaded_is_followed_by_another(page: Page, address: str) -> None:
    failed: list[str] = []

    def fail(route):
        failed.append(route.request.url)
        route.abort() if len(failed) == 1 else route.continue_()

    page.route(WORKER, fail)
    page.goto(address + LINK)
    expect(page.locator(".calc-state")).to_have_attribute("data-state", "live", timeout=START_MS)
    assert len(failed) > 1
