"""Drives Chromium over the built site and over the peers' pages, and counts what the server sent."""

import math
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, cast

from playwright.sync_api import BrowserContext, Page, Playwright

from bench.phone import Line, busy_s, slowed
from calculator.web import serve

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
WATCH = Path(__file__).resolve().parent / "watch.js"
BEFORE_IDLE_S = 1.0
"""A page begins to fetch the runtime by itself two seconds after it was loaded; before that, nothing was intended."""

SETTLE_S = 2.5
LOOK_S, IDLE_SHARE, LONGEST_SETTLING_S = 0.5, 0.1, 15
"""How often is looked whether a browser that was just started takes less than this share of a processor."""

EDITS = 70
OVERALL = {"decision": "fine_tune_or_not", "field": "requests_per_month"}
ASKED = {
    "sweep": ({**OVERALL, "want": "sweep"}, 5),
    "map": ({**OVERALL, "want": "map", "up": "labelled_examples"}, 1),
}
PATIENCE_S = 90
KINDS = {
    ".html": "pages",
    ".css": "styles",
    ".js": "scripts",
    ".mjs": "scripts",
    ".woff2": "fonts",
    ".wasm": "Pyodide, wasm",
    ".bin": "Python",
    ".zip": "Python",
}


class Slow:
    """A connection's way out, over a line."""

    def __init__(self, into: BinaryIO, line: Line) -> None:
        self.into, self.line = into, line

    def write(self, content: bytes) -> int:
        """Pass the content on over the line."""
        self.line.pass_on(content, self.into)
        return len(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.into, name)


class Counted:
    """A folder served as GitHub Pages would, with the bytes of every body that went out."""

    def __init__(self, root: Path, line: Line | None = None) -> None:
        self.root, self.line = root, line
        self.sent: list[tuple[float, str, int, bool]] = []

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve for as long as the block lasts; gives the address."""
        counted = self

        class Handler(serve.Handler):
            """Notes what each answer weighs."""

            site = serve.Site(counted.root)

            def send_response(self, code: int, message: str | None = None) -> None:
                """Begin to answer."""
                if counted.line is not None:
                    counted.line.wait()
                super().send_response(code, message)

            def setup(self) -> None:
                """Take a connection, over the line if there is one."""
                super().setup()
                if counted.line is not None:
                    self.wfile = cast(BinaryIO, Slow(self.wfile, counted.line))

            def send_header(self, keyword: str, value: str) -> None:
                """Note the length on its way out."""
                if keyword == "Content-Length" and self.command == "GET":
                    offline = self.headers.get("Referer", "").endswith("/sw.js")
                    counted.sent.append((time.time(), self.path.partition("?")[0], int(value), offline))
                super().send_header(keyword, value)

        server = serve.Server(("127.0.0.1", 0), Handler)
        Handler.site.address = f"http://127.0.0.1:{server.server_address[1]}{Handler.site.prefix}"
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield Handler.site.address
        finally:
            server.shutdown()
            server.server_close()

    def take(self, until: float = math.inf, *, offline: bool = False) -> dict[str, int]:
        """The bytes sent since the last call and up to a time, by kind of file.

        offline: also what the service worker fetches to keep for reading offline, which no answer waits for.
        """
        sent, self.sent = self.sent, []
        kinds: Counter[str] = Counter()
        for at, path, size, kept in sent:
            if at > until or (kept and not offline):
                continue
            name = path.rpartition("/")[2]
            if "runtime/" in path and not name.endswith((".wasm", ".bin")):
                kind = "Pyodide, scripts"
            else:
                kind = KINDS.get(Path(name).suffix if name else ".html", "other")
            kinds[kind] += size
        return dict(kinds)


@contextmanager
def profile(playwright: Playwright, folder: str) -> Iterator[BrowserContext]:
    """A browser on this profile folder; a new folder is a first visit.

    Readers open a page in a browser that has been open for a while. One that was just started is still busy with its
    own windows for seconds, so it is left to become idle first.
    """
    context = playwright.chromium.launch_persistent_context(
        folder, executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], headless=True
    )
    try:
        end, busy = time.monotonic() + LONGEST_SETTLING_S, 0.0
        while (now := busy_s(folder)) - busy > IDLE_SHARE * LOOK_S and time.monotonic() < end:
            busy = now
            time.sleep(LOOK_S)
        yield context
    finally:
        context.close()


def wait_for(page: Page, expression: str) -> Any:
    """Poll from outside: the site's policy forbids the evaluation that Playwright's own waiting uses."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = page.evaluate(expression)
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{page.url}: {expression} did not come true in {PATIENCE_S} s")


def visits(playwright: Playwright, served: Counted, address: str, path: str, *, site: bool) -> dict[str, Any]:
    """A first visit and, after a restart of the browser, a second one: time to the first answer, and bytes.

    Where the server's line is a phone's, so is the processor. Of the site itself also what a visit waited for, in turn.
    """
    told: dict[str, Any] = {}
    folder = tempfile.mkdtemp()
    try:
        for visit in ("cold", "second"):
            with profile(playwright, folder) as context, slowed(folder) if served.line else nullcontext():
                page = context.pages[0]
                if site:
                    page.add_init_script(path=WATCH)
                served.take()
                page.goto(address + path + ("#act" if site else ""), wait_until="commit")
                shown = "window.watched?.firstShown" if site else "window.firstShown"
                told[visit] = wait_for(page, shown)
                if site:
                    told[f"{visit}_wait"] = waits(page.evaluate("window.watched"))
                told[f"{visit}_bytes"] = served.take((page.evaluate("performance.timeOrigin") + told[visit]) / 1000)
                time.sleep(SETTLE_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return told


def waits(watched: dict[str, Any]) -> dict[str, float]:
    """The parts of a wait one after another, in milliseconds: they sum to the whole."""
    ends = {
        "the page, until it can be used": watched["acted"],
        "the worker, until its first line runs": watched["begun"],
        "Python's files: download, unpacking, compiling": watched["begun"] + watched["marks"]["module"],
        "Python's memory and start": watched["states"]["ready"],
        "the answer": watched["answers"][0]["at"],
        "the answer into the page": watched["firstShown"],
    }
    parts, before = {}, 0.0
    for name, end in ends.items():
        parts[name], before = max(0.0, end - before), max(end, before)
    return parts


def bytes_before_intent(playwright: Playwright, served: Counted, address: str, path: str) -> dict[str, int]:
    """What a first visit downloads before the reader touches anything."""
    folder = tempfile.mkdtemp()
    try:
        with profile(playwright, folder) as context:
            page = context.pages[0]
            served.take()
            page.goto(address + path, wait_until="load")
            time.sleep(BEFORE_IDLE_S)
            return served.take()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def session(playwright: Playwright, address: str, paths: Sequence[str], following: Sequence[str]) -> dict[str, Any]:
    """One reader's visit: edits on each page, from page to page by instant navigation, and a sweep and a map."""
    folder = tempfile.mkdtemp()
    edits = {}
    try:
        with profile(playwright, folder) as context:
            page = context.pages[0]
            page.add_init_script(path=WATCH)
            for path in reversed(paths):
                page.goto("about:blank")
                page.goto(address + path + "#act", wait_until="commit")
                wait_for(page, "window.watched?.firstShown")
                time.sleep(SETTLE_S)
                edits[path] = {
                    "left": [page.evaluate("(n) => edit(n, true)", 2 + n % 9) for n in range(EDITS)],
                    "typed": [page.evaluate("(n) => edit(n, false)", 2 + n % 9) for n in range(EDITS // 5)],
                }
            asked = {what: page.evaluate("([request, count]) => ask(request, count)", ASKED[what]) for what in ASKED}
            hops = [page.evaluate("(href) => follow(href)", href) for href in following]
            return {"edits": edits, "asked": asked, "hops": hops}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
