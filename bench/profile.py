"""`python -m bench.profile [--write | --add]`: which functions of the runtime's wasm file run.

Builds the bundle with a wasm file in which each function notes that it ran, starts its worker the quick way, asks what
readers can ask (golden situations in every stage and form, sweeps, maps, comparisons, files, nonsense), reads files of
every kind, runs `bench/exercise.py` in it and collects the notes. With --write they become
`calculator/web/bundle/executed.json`, and the build empties all other functions; with --add they join those that ran
before.
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
  if (event.data.exercise) {
    const exercise = globalThis.pyodide.pyimport('calculator.exercise');
    exercise.run();
    try {
      exercise.run_out_of_memory();
    } catch (error) {
      if (!String(error).includes('MemoryError')) throw error;
    }
  }
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
// Asked before there is an answer: it meets a module that is not there yet.
worker.postMessage({ id: count, request: JSON.stringify(FIRST), key: 'first' });
window.started = next((data) => data.state === 'ready' || data.state === 'failed');
window.ask = async (requests) => {
  for (const request of requests) {
    const id = ++count;
    worker.postMessage({ id, request, key: 'profile' });
    await next((data) => data.id === id && (data.error !== undefined || JSON.parse(data.response).more === null));
  }
};
window.read = async (files, calls) => {
  const tool = new URL('reading.js', location.href).href;
  for (const [at, [name, text, tokens]] of files.entries()) {
    const { port1, port2 } = new MessageChannel();
    const sizes = (texts) => JSON.parse(new TextDecoder().decode(texts)).map((one) => one.length);
    port1.onmessage = ({ data: { texts } }) => port1.postMessage(
      tokens ? { counts: JSON.stringify(sizes(texts)) } : { problem: 'none here' });
    const read = [new File([text], name), new File([text], `test-${name}`)];
    worker.postMessage({ tool, read, first: 0, counter: port2, sequence: '100' }, [port2]);
    await next((data) => data.last && (data.file === 1 || JSON.parse(data.found).problem));
    for (const [call, request] of calls) {
      worker.postMessage({ tool, call, request });
      await next((data) => data.call);
    }
  }
};
window.notes = async (names) => {
  worker.postMessage({ notes: names, exercise: true });
  return (await next((data) => data.notes)).notes;
};
</script>
"""

READING = Path(__file__).resolve().parent.parent / "docs" / "assets" / "reading.js"
EXERCISE = Path(__file__).with_name("exercise.py")
PATIENCE_MS = 600_000
FIRST = {"decision": "limited_compute", "given": {"config_json": '{"model_type": "llama"}'}}
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


def files() -> Iterator[tuple[str, str, bool]]:
    """What readers may drop: name, text, and whether somebody counts its tokens."""
    words = [f"wörter {'für ' * (n % 7)}{n} a.b@example.org 漢字 🙂" for n in range(400)]
    rows: dict[str, list[dict[str, Any]]] = {
        "chat": [{"messages": [{"role": "system", "content": "S"}, *turns(text)]} for text in words],
        "sharegpt": [{"conversations": [{"from": "human", "value": t}, {"from": "gpt", "value": t}]} for t in words],
        "alpaca": [{"instruction": text, "input": "", "output": text} for text in words],
        "pairs": [{"prompt": text, "completion": text} for text in words],
        "labels": [{"text": text, "label": f"class {len(text) % 5}"} for text in words],
        "preferences": [{"prompt": text, "chosen": text, "rejected": text[::-1]} for text in words],
        "odd": [{"a": 1, "b": [text]} for text in words],
    }
    for name, made in rows.items():
        lines = [json.dumps(row, ensure_ascii=len(name) > 5) for row in made]
        yield f"{name}.jsonl", "\n".join([*lines, "broken", "", '{"a": "\\ud800"}']), True
        yield f"{name}.json", json.dumps(made, indent=1), False
    for comma in (",", "\t", ";"):
        yield "labels.csv", f"text{comma}label\n" + "".join(f'"{t}, x"{comma}a{len(t) % 4}\n' for t in words), True
        scores = "".join(f"{n}{comma}{n % 3 > 0:d}{comma}{n % 5 > 0:d}{comma}{n % 2}\n" for n in range(300))
        yield "results.csv", f"item{comma}as it is{comma}tuned{comma}class\n{scores}", True
    harness = {
        "results": {"task": {"acc,none": 0.5, "acc_stderr,none": 0.01}},
        "n-samples": {"task": {"effective": 99}},
    }
    yield "results.json", json.dumps(harness), True
    log = "".join(f"{{'loss': {3 / (n + 1):.4f}, 'eval_loss': {n / 50:.3f}, 'epoch': {n / 10}}}\n" for n in range(60))
    yield (
        "run.log",
        log + "| 0 N/A 300W | 70000MiB / 81559MiB | 99% |\nAvg generation throughput: 99.1 tokens/s\n",
        True,
    )
    yield "text.txt", "\n\n".join(words), True
    for name, text in (("data.parquet", "PAR1"), ("deep.json", "[" * 9999), ("nul.csv", "a\0b\n"), ("empty.jsonl", "")):
        yield name, text, True


def turns(text: str) -> list[dict[str, str]]:
    """A question and its answer."""
    return [{"role": "user", "content": text}, {"role": "assistant", "content": text.upper()}]


CALLS = [
    ("evidence", json.dumps({"ways": {"as it is": "as_is", "tuned": "ft_small"}, "sizes": {"tuned": "1k", "x": "?"}})),
    *(
        (
            "bad_run",
            json.dumps(
                {
                    "log": f"{{'loss': {loss}, 'epoch': 1}}\nnonsense",
                    "before": score,
                    "after": "150 of 200",
                    "old_before": "",
                    "old_after": "",
                }
            ),
        )
        for loss, score in ((1.5, "160 of 200"), ("nan", ""), (0.1, "many"))
    ),
]
"""What is asked once files were read."""


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
    page.evaluate("([files, calls]) => window.read(files, calls)", [list(files()), CALLS])
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
        shutil.copy(READING, folder)
        (folder / "sitemap.xml").write_text("<loc>http://localhost/</loc>", "utf-8")
        page = PAGE.replace("WORKER", worker.name).replace("FIRST", json.dumps(FIRST))
        (folder / "profile.html").write_text(page, "utf-8")
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
