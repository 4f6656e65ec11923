"""The same small calculator in every way we compare with, as pages in one folder, from local files only."""

import json
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from calculator.web import bundle

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build" / "bench"
FORMULA = HERE / "tiny" / "calculator" / "formula.py"

OUTSIDE = {
    "JupyterLite": "its option for a local runtime takes the whole release archive of Pyodide, which is not on npm",
    "stlite": "it needs NumPy, pandas and Pillow built for WebAssembly, which only Pyodide's CDN holds",
}
"""What was left out, and why."""

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title><link rel="icon" href="data:,">
<p id="answer">Starting</p>
<script>
function show(text) {{
  if (Object.keys(JSON.parse(text)).length === 0) throw new Error("no answer");
  document.getElementById("answer").textContent = text.slice(0, 200);
  window.firstShown ??= performance.now();
}}
</script>
{body}
</html>
"""

WORKER_BODY = """<script type="module">
const worker = new Worker("{worker}", {{ type: "module" }});
worker.onmessage = ({{ data }}) => data.response && show(data.response);
worker.postMessage({{ id: 1, key: "", request: JSON.stringify({request}) }});
</script>"""

PLAIN_WORKER = """import {{ loadPyodide }} from "./pyodide/pyodide.mjs";
const started = (async () => {{
  const pyodide = await loadPyodide();
  pyodide.unpackArchive(await (await fetch("{archive}")).arrayBuffer(), "zip");
  return pyodide.pyimport("{module}").answer;
}})();
onmessage = async ({{ data: {{ id, request }} }}) => postMessage({{ id, response: (await started)(request) }});
"""

PYSCRIPT_BODY = """<script type="module" src="pyscript/core.js"></script>
<script type="{kind}" src="pyscript-answer.py"
 config='{{"interpreter": "{interpreter}", "files": {{"formula.py": ""}}}}'></script>"""

PYSCRIPT_CODE = """from formula import answer
from pyscript import window
window.show(answer("{}"))
"""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One way to run the calculator: where its page is, and which comparison it belongs to."""

    key: str
    title: str
    page: str
    ours: bool = False
    pyodide: bool = True


def prepare(decision: str) -> tuple[Path, list[Peer]]:
    """Write all pages; gives the folder and what is in it. `decision` is the one that our own package answers."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    npm = _installed()
    (BUILD / "sitemap.xml").write_text("<urlset><url><loc>https://example.test/</loc></url></urlset>")
    for name in bundle.RUNTIME_FILES:
        _copy(bundle.RUNTIME / name, BUILD / "pyodide" / name)
    shutil.copytree(npm / "@pyscript" / "core" / "dist", BUILD / "pyscript", ignore=shutil.ignore_patterns("*.map"))
    for name in ("micropython.mjs", "micropython.wasm"):
        _copy(npm / "@micropython" / "micropython-webassembly-pyscript" / name, BUILD / "micropython" / name)
    shutil.copyfile(FORMULA, BUILD / "formula.py")
    (BUILD / "pyscript-answer.py").write_text(PYSCRIPT_CODE)
    small, whole = bundle.build(BUILD / "small", FORMULA.parent), bundle.build()
    shutil.copytree(bundle.DESTINATION, BUILD / "whole")
    asked = json.dumps({"decision": decision})
    pages = (
        (_ours("ours-small", "this site's runtime", "small", small["worker"], "{}")),
        (_plain("plain-small", "plain loadPyodide in a worker", "formula", [(FORMULA, "formula.py")], "{}")),
        (_pyscript("pyscript-pyodide", "PyScript with Pyodide", "py", "pyodide/pyodide.mjs", pyodide=True)),
        (
            _pyscript(
                "pyscript-micropython", "PyScript with MicroPython", "mpy", "micropython/micropython.mjs", pyodide=False
            )
        ),
        (_ours("ours-whole", "this site's runtime", "whole", whole["worker"], asked)),
        (_plain("plain-whole", "plain loadPyodide in a worker", "calculator.faces.browser", _sources(), asked)),
    )
    return BUILD, list(pages)


def _installed() -> Path:
    """The folder of the peers' npm packages, installed when their lock changed."""
    folder = BUILD.parent / "peers"
    lock = (HERE / "peers" / "package-lock.json").read_bytes()
    kept = folder / "installed-lock.json"
    if not kept.is_file() or kept.read_bytes() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / "peers" / name, folder / name)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True)
        kept.write_bytes(lock)
    return folder / "node_modules"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _sources() -> list[tuple[Path, str]]:
    """The bundled sources of our package, as one would ship them without a build."""
    return [(bundle.ROOT / name, name) for name in bundle.library.package_files(bundle.PACKAGE)]


def _write(key: str, title: str, body: str) -> str:
    name = f"{key}.html"
    (BUILD / name).write_text(PAGE.format(title=title, body=body))
    return name


def _ours(key: str, title: str, folder: str, worker: str, request: str) -> Peer:
    body = WORKER_BODY.format(worker=f"{folder}/{worker}", request=request)
    return Peer(key=key, title=title, page=_write(key, title, body), ours=True)


def _plain(key: str, title: str, module: str, sources: list[tuple[Path, str]], request: str) -> Peer:
    with zipfile.ZipFile(BUILD / f"{key}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in sources:
            archive.write(path, name)
    (BUILD / f"{key}.mjs").write_text(PLAIN_WORKER.format(archive=f"{key}.zip", module=module))
    body = WORKER_BODY.format(worker=f"{key}.mjs", request=request)
    return Peer(key=key, title=title, page=_write(key, title, body))


def _pyscript(key: str, title: str, kind: str, interpreter: str, *, pyodide: bool) -> Peer:
    body = PYSCRIPT_BODY.format(kind=kind, interpreter=interpreter)
    return Peer(key=key, title=title, page=_write(key, title, body), pyodide=pyodide)
