"""What the tests of the built site share: the site itself, its address, and a browser that watches what a page does."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    sync_playwright,
)

from bench.tasks import PATCH
from calculator.web import serve

# A busy machine is no finding: what must be quick is timed by the tests that say so, in processor time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent

FIREFOX = os.environ.get("BROWSER") == "firefox"
"""Whether the site is tried in Firefox, over WebDriver BiDi, in place of Chromium."""
MOUSE = 6
PREFS = {
    "dom.events.testing.asyncClipboard": True,
    "ui.prefersReducedMotion": 1,
    "ui.primaryPointerCapabilities": MOUSE,
    "ui.allPointerCapabilities": MOUSE,
    "javascript.options.wasm_optimizingjit": False,
    "dom.ipc.processPrelaunch.enabled": False,
}
"""What Chromium has by itself or from Playwright: it reads the clipboard, moves nothing, and has a mouse. And what
spares processor time: WebAssembly is compiled once, as in `COMPILED_ONCE`, and no process starts before its time."""


EVERY = pytest.mark.parametrize(
    "every", [pytest.param(False, id="a few"), pytest.param(True, id="every", marks=pytest.mark.long)]
)
"""For a test that sweeps: `make test` tries a few of what it sweeps over, `make long` all."""


def some(values: Iterable[Any], keep: int) -> list[Any]:
    """The values of a parameter: so many of them, spread evenly, for `make test`; the others for `make long`."""
    found = list(values)
    kept = {len(found) * number // keep for number in range(keep)}
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=() if at in kept else pytest.mark.long)
        for at, value in enumerate(found)
    ]


def only_in_chromium(why: str) -> pytest.MarkDecorator:
    """Marks what asks for something that Firefox does not have, or not by WebDriver BiDi."""
    return pytest.mark.skipif(FIREFOX, reason=why)


PROGRAMS = ("firefox-esr", "firefox") if FIREFOX else ("chromium-headless-shell", "chromium")
"""Debian's, the first that is there. With its windows, Chromium takes five times the processor time for a page."""


COMPILED_ONCE = "--js-flags=--liftoff-only"
"""WebAssembly is not compiled again for speed while it runs. It computes the same, and of a page that lives for
seconds, as each one here does, the second compilation is a third of the processor time. What `bench` times has both."""


def launch(kind: BrowserType, programs: tuple[str, ...] = PROGRAMS, **options: Any) -> Browser:
    """Debian's Firefox or Chromium, or the one that FIREFOX or CHROMIUM names."""
    programs = (os.environ.get(kind.name.upper()), *programs)
    executable = next(filter(None, map(shutil.which, filter(None, programs))), None)
    if executable is None:
        pytest.fail(f"no {kind.name} here: install Debian's, or set {kind.name.upper()} to another one")
    if FIREFOX:
        options |= {"channel": "moz-firefox", "firefox_user_prefs": PREFS}
    else:
        options["args"] = ["--no-sandbox", "--disable-gpu", COMPILED_ONCE]
    return kind.launch(executable_path=executable, **options)


LEFT_OUT = "met what was left out of the quick runtime"
"""What the worker says on the console when an answer ran into a function that the build emptied."""


def raised_in(page: Page) -> list[str]:
    """What scripts of a page raise from now on. Firefox's own words on a failed fetch come as errors without stack."""
    raised: list[str] = []

    def hear(error: Error) -> None:
        """Keep one."""
        if not FIREFOX or "\n    at " in (error.stack or ""):
            raised.append(f"{error} {error.stack}")

    def hear_words(message: ConsoleMessage) -> None:
        """Readers notice nothing of an emptied function but a wait. Here it says that the profile is not whole."""
        if LEFT_OUT in message.text:
            raised.append(message.text)

    page.on("pageerror", hear)
    page.on("console", hear_words)
    return raised


def may_use_clipboard(context: BrowserContext) -> None:
    """Let pages read what they copied. Firefox has a preference for it."""
    if not FIREFOX:
        context.grant_permissions(["clipboard-read", "clipboard-write"])


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
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser puts what it downloads."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def launched(downloads: Path) -> Iterator[Browser]:
    """One browser for a module's tests.

    Not one for the whole run: Playwright's loop would still be running when another module starts its own.
    """
    with pytest.MonkeyPatch.context() as patch:
        if FIREFOX:
            patch.setenv("NODE_OPTIONS", f"--require {PATCH}")
        with sync_playwright() as playwright:
            browser = launch(playwright.firefox if FIREFOX else playwright.chromium, downloads_path=downloads)
            yield browser
            browser.close()


@pytest.fixture
def download(page: Page, downloads: Path, tmp_path: Path) -> Callable[[Locator], Path]:
    """Click something and get the file that the browser saves, under its own name."""

    def click(button: Locator) -> Path:
        if not FIREFOX:
            with page.expect_download() as waiting:
                button.click()
            file = tmp_path / waiting.value.suggested_filename
            waiting.value.save_as(file)
            return file
        # Playwright does not hear of downloads from this Firefox.
        before = set(downloads.iterdir())
        button.click()
        for _ in range(300):
            new = set(downloads.iterdir()) - before
            if len(new) == 1 and not any(path.suffix == ".part" or not path.stat().st_size for path in new):
                return Path(shutil.move(new.pop(), tmp_path))
            page.wait_for_timeout(100)
        return pytest.fail("nothing was saved in 30 seconds")

    return click


@contextmanager
def profile(launched: Browser, address: str) -> Iterator[BrowserContext]:
    """A fresh profile. Fails when any page of it asked another origin for anything."""
    made = launched.new_context(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    yield made
    made.close()
    foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert not foreign, foreign


@pytest.fixture
def context(launched: Browser, address: str) -> Iterator[BrowserContext]:
    """A fresh profile for one test."""
    with profile(launched, address) as made:
        yield made


@pytest.fixture(scope="module")
def kept(launched: Browser, address: str) -> Iterator[tuple[Page, list[str]]]:
    """The page that a module's tests share, and what its scripts raised. To load it and start Python takes seconds."""
    with profile(launched, address) as context:
        may_use_clipboard(context)
        made = context.new_page()
        SHARED.add(made)
        yield made, raised_in(made)
        SHARED.discard(made)


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a fresh profile, or the one that is shared. Fails the test when a script of it raised."""
    if request.node.get_closest_marker("shared"):
        made, raised = request.getfixturevalue("kept")
        raised.clear()
    else:
        made = request.getfixturevalue("context").new_page()
        raised = raised_in(made)
    yield made
    assert not raised, raised


SHARED: set[Page] = set()
AWAY = "reference/glossary/"
FOLLOW = """(address) => {
  document.querySelector(".md-content h1").dataset.former = "";
  const link = document.createElement("a");
  link.href = address;
  document.querySelector(".md-content").append(link);
  link.click();
}"""


def go(page: Page, address: str, path: str) -> None:
    """Open a page of the site. One that is shared keeps its Python: by links within the site, with nothing stored."""
    if page not in SHARED or page.url == "about:blank":
        page.goto(address + path)
        return
    for place in (AWAY, path):
        page.evaluate("document.querySelectorAll('dialog[open]').forEach((box) => box.close())")
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.evaluate(FOLLOW, address + place)
        page.locator(".md-content h1:not([data-former])").first.wait_for(state="attached")
