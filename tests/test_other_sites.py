"""A calculator in somebody else's MkDocs site: one install, three lines of configuration, one build."""

import functools
import json
import re
import subprocess
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from calculator import MODEL_VERSION
from calculator.web import bundle
from tests import wheel

CONFIGURATION = "site_name: Ours\ntheme: {{name: {theme}, font: false}}\nuse_directory_urls: {folders}\n"
THREE_LINES = "plugins:\n  - search\n  - fine-tune-or-not\n"
STILL = "A worked example. This site holds no runtime"
PAGE = """# Before we train

```calculator
limited_compute
preset = "small-business"
```

It needs `#!calc limited_compute:peak_gib`.
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    built = wheel.build(tmp_path_factory.mktemp("wheel"))
    return wheel.install(built, tmp_path_factory.mktemp("environment"), beside=True)


def build(python, folder, page=PAGE, plugins=THREE_LINES, theme="material", folders="true"):
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs" / "index.md").write_text(page)
    (folder / "mkdocs.yml").write_text(CONFIGURATION.format(theme=theme, folders=folders) + plugins)
    command = [python, "-m", "mkdocs", "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize("theme", ["material", "mkdocs"])
def test_three_lines_bring_a_worked_calculator_with_its_style_and_script(python, tmp_path, theme):
    done = build(python, tmp_path, theme=theme)
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "site" / "index.html").read_text()
    assert html.count('<section class="calculator"') == 1
    assert f'data-version="{MODEL_VERSION}"' in html
    assert STILL in html
    assert re.search(r'class="calc-answer">[^<]+<', html)
    assert re.search(r'<span class="calc-inline">[\d.,]+\s*GiB</span>', html)
    assert re.search(r'<script src="[./]*fine-tune-or-not/assets/calculator\.js" type="module">', html)
    assert re.search(r'<link [^>]*href="[./]*fine-tune-or-not/assets/calculator\.css"', html)
    for name in ("calculator.css", "calculator.js", "elements.js", "examine.js", "explore.js", "reading.js"):
        found = tmp_path / "site" / "fine-tune-or-not" / "assets" / name
        assert found.read_bytes() == (wheel.ROOT / "docs" / "assets" / name).read_bytes()


def test_a_broken_fence_fails_the_build_with_page_and_line(python, tmp_path):
    done = build(python, tmp_path, page="# Title\n\n```calculator\nnothing\n```\n")
    assert done.returncode != 0
    assert "index.md:3" in done.stderr
    assert "decision must be one of" in done.stderr


def test_with_a_runtime_the_calculator_is_live(python, tmp_path):
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    (runtime / "worker-0.js").write_text("// worker")
    (runtime / "manifest.json").write_text(json.dumps({"worker": "worker-0.js"}))
    plugins = "plugins:\n  - search\n  - fine-tune-or-not:\n      runtime: runtime\n"
    done = build(python, tmp_path, plugins=plugins)
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "site" / "index.html").read_text()
    assert 'data-worker="worker-0.js"' in html
    assert STILL not in html
    assert (tmp_path / "site" / "fine-tune-or-not" / "assets" / "runtime" / "worker-0.js").is_file()


def test_a_folder_without_a_runtime_is_named(python, tmp_path):
    (tmp_path / "empty").mkdir()
    done = build(python, tmp_path, plugins="plugins:\n  - fine-tune-or-not:\n      runtime: empty\n")
    assert done.returncode != 0
    assert "holds no runtime" in done.stderr


def test_fences_that_a_site_has_already_stay(python, tmp_path):
    plugins = THREE_LINES + (
        "markdown_extensions:\n  - pymdownx.superfences:\n      custom_fences:\n        - name: plain\n"
        "          class: plain\n          format: !!python/name:pymdownx.superfences.fence_div_format\n"
    )
    done = build(python, tmp_path, page=PAGE + "\n```plain\nkept\n```\n", plugins=plugins, folders="false")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "site" / "index.html").read_text()
    assert '<div class="plain">kept' in html
    assert '<section class="calculator"' in html


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@contextmanager
def served(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
def test_without_a_runtime_a_reader_meets_a_worked_example(python, tmp_path, launched):
    assert build(python, tmp_path).returncode == 0
    with served(tmp_path / "site") as address:
        page = launched.new_page()
        raised = []
        page.on("pageerror", lambda error: raised.append(str(error)))
        page.goto(address)
        # Beside that theme's two columns a calculator is as narrow as on a phone: its form is a sheet.
        page.click(".calc-peek-show button")
        page.fill("[name=gpus]", "2")
        page.wait_for_timeout(500)
        assert page.inner_text(".calc-state-text").startswith(STILL)
        assert page.is_visible(".calc-title")
        assert page.locator("[data-action=retry]").is_hidden()
        assert not raised, raised
        page.close()


@pytest.mark.browser
@pytest.mark.skipif(not bundle.DESTINATION.is_dir(), reason="no runtime was built; run make site first")
def test_with_the_runtime_it_answers_what_is_typed(python, tmp_path, launched):
    plugins = f"plugins:\n  - fine-tune-or-not:\n      runtime: {bundle.DESTINATION}\n"
    assert build(python, tmp_path, plugins=plugins).returncode == 0
    with served(tmp_path / "site") as address:
        page = launched.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        before = page.inner_text(".calc-tiles")
        # Beside that theme's two columns a calculator is as narrow as on a phone: its form is a sheet.
        page.click(".calc-peek-show button")
        page.fill("[name=gpus]", "8")
        page.wait_for_selector(".calc-state[data-state=live]", timeout=60_000)
        page.wait_for_function("before => document.querySelector('.calc-tiles').innerText !== before", arg=before)
        assert all(url.startswith(address) for url in asked), asked
        page.close()
