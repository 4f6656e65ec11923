"""`python -m bench.profile [--write | --add]`: which functions of the runtime's wasm file run.

Builds the bundle with a wasm file in which each function notes that it ran, starts its worker the quick way, asks what
readers can ask (golden situations in every stage and form, sweeps, maps, comparisons, files, nonsense), runs
`bench/exercise.py` in it and collects the notes. With --write they become `calculator/web/bundle/executed.json`, and
the build empties all other functions; with --add they join those that ran before.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserType, sync_playwright

from calculator import catalog
from calculator.web import bundle, serve
from calculator.web.bundle import profile, wasm
from tests import golden

HOOK = """\
const instantiateAnything = WebAssembly.instantiate;
WebAssembly.instantiate = async (source, imports) => {
  const made = await instantiateAnything.call(WebAssembly, source, imports);
  if (imports?.env?.memory) globalThis.noted = (made.instance ?? made).exports;
  return made;
};
self.addEventListener('message', (event) => {
  if (!event.data.notes) return;
  event.stopImmediatePropagation();
  if (event.data.exercise) globalThis.pyodide.pyimport('calculator.exercise').run();
  self.postMessage({ notes: event.data.notes.map((name) => globalThis.noted[name].value >>> 0) });
});
"""

PAGE = """\
<!doctype html><title>profile</title><script type="module">
const worker = new Worker('WORKER', { type: 'module', name: 'snapshot' });
const heard = [];
let wake = () => {};
worker.onmessage = ({ data }) => { heard.push(data); wake(); };
const next = async (wanted) => {
  for (;;) {
    const at = heard.findIndex(wanted);
    if (at >= 0) return heard.splice(0, at + 1)[at];
    await new Promise((resolve) => { wake = resolve; });
  }
};
let count = 0;
window.started = next((data) => data.state === 'ready' || data.state === 'failed');
window.ask = async (requests) => {
  for (const request of requests) {
    const id = ++count;
    worker.postMessage({ id, request, key: 'profile' });
    await next((data) => data.id === id && (data.error !== undefined || JSON.parse(data.response).more === null));
  }
};
window.notes = async (names) => {
  worker.postMessage({ notes: names, exercise: true });
  return (await next((data) => data.notes)).notes;
};
</script>
"""

EXERCISE = Path(__file__).with_name("exercise.py")
PATIENCE_MS = 600_000
AT_ONCE = 50
EVERY = 10
"""Of the golden situations every tenth is asked: the others use the same functions."""


def requests() -> Iterator[dict[str, Any]]:
    """What the worker is asked: each a request for `browser.answer`, without its stage."""
    _, rows = golden.kept()
    for row in rows[::EVERY]:
        yield {"decision": row["decision"], "given": row["given"], "preset": row["preset"]}
    for name in catalog.names():
        fields = list(catalog.decision(name).Inputs.__dataclass_fields__)
        for form in ("json", "csv", "markdown"):
            yield {"decision": name, "form": form, "site": "https://example.org/", "v": "2026.01.01"}
        yield {"decision": name, "want": "map", "field": fields[0], "up": fields[1]}
        yield {"decision": name, "want": "compare", "other": {fields[0]: "1"}, "names": ["eins", "zwei"]}
        for field in fields:
            yield {"decision": name, "want": "sweep", "field": field}
            for text in ("nonsense", "10 to 20", "½ €20k"):
                yield {"decision": name, "given": {field: text}}
    toml = 'preset = "faq-bot"\n[situation]\nlabelled_examples = "1"\n'
    for text in (toml, '{"preset": "faq-bot", "situation": {}}', "a = ", "{", "é" * 999):
        yield {"want": "import", "text": text}
    yield {"decision": "no such decision"}


def collect(browser: BrowserType, address: str, names: list[str]) -> frozenset[int]:
    """The places of the functions that ran in this browser."""
    opened = browser.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    page = opened.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}profile.html")
    state = page.evaluate("window.started")
    if state["state"] != "ready" or state["path"] != "snapshot":
        raise RuntimeError(f"the noting runtime did not start: {state}")
    asked = [json.dumps(request) for request in requests()] + ["", "[]", "nonsense"]
    for start in range(0, len(asked), AT_ONCE):
        page.evaluate("(list) => window.ask(list)", asked[start : start + AT_ONCE])
        print(f"{start + AT_ONCE} of {len(asked)} requests", file=sys.stderr)
    words = page.evaluate("(names) => window.notes(names)", names)
    opened.close()
    return frozenset(32 * at + bit for at, word in enumerate(words) for bit in range(32) if word >> bit & 1)


def kept_wasm() -> str:
    """The SHA-256 digest of the wasm file that the kept functions belong to."""
    return str(json.loads(profile.PATH.read_text("utf-8"))["wasm_sha256"]) if profile.PATH.exists() else ""


def main() -> int:
    """Collect, compare with what is kept, and keep it if asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the result for the build")
    parser.add_argument("--add", action="store_true", help="keep it beside what is kept, for the same wasm file")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = bundle.build(folder, noting=EXERCISE)
        names = wasm.note_names((folder / manifest["files"]["leanwasm"]["name"]).read_bytes())
        worker = folder / manifest["worker"]
        started = "mark('python');"
        script = worker.read_text("utf-8").replace(started, f"{started} globalThis.pyodide = pyodide;")
        worker.write_text(HOOK + script, "utf-8")
        (folder / "sitemap.xml").write_text("<loc>http://localhost/</loc>", "utf-8")
        (folder / "profile.html").write_text(PAGE.replace("WORKER", worker.name), "utf-8")
        with serve.running(folder) as address, sync_playwright() as playwright:
            found = collect(playwright.chromium, address, names)
    kept = profile.executed() if profile.PATH.exists() else frozenset()
    print(f"{len(found)} functions ran; {len(found - kept)} of them are new, {len(kept - found)} kept ones did not run")
    if parsed.write or parsed.add:
        whole = bundle.RUNTIME_FILES["pyodide.asm.wasm"]
        if parsed.add and kept_wasm() == whole:
            found |= kept
        made = {"made_by": "python -m bench.profile --write", "wasm_sha256": whole, "functions": profile.packed(found)}
        profile.PATH.write_text(json.dumps(made, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
