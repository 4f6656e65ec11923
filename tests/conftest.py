"""What the tests of the built site share: the site itself, its address, and a browser that watches what a page does."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from calculator import serve

# A busy machine is no finding: what must be quick is timed by the tests that say so, in processor time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site. `make test` builds it; SITE names another folder."""
    found = Path(os.environ.get("SITE", ROOT / "site"))
    if not (found / "index.html").is_file():
        pytest.fail(f"{found} holds no built site; run `make site` first")
    return found


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The site's address, served as GitHub Pages would."""
    with serve.running(site) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium for a module's tests: Debian's, or the one that CHROMIUM names.

    Not one for the whole run: Playwright's loop would still be running when another module starts its own.
    """
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if executable is None:
        pytest.fail("no Chromium here: install Debian's package chromium, or set CHROMIUM to another one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, address: str) -> Iterator[BrowserContext]:
    """A fresh profile. Fails the test when any page of it asked another origin for anything."""
    made = chromium.new_context(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    yield made
    made.close()
    foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert not foreign, foreign


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of a fresh profile. Fails the test when a script of it raised."""
    made = context.new_page()
    raised: list[str] = []
    made.on("pageerror", lambda error: raised.append(str(error)))
    yield made
    assert not raised, raised
