"""Compile the package and its runtime for the browser, into content-addressed files that a page's worker starts from.

`build(destination)` writes, each named by the hash of its content:

- `worker`: the module worker that a page starts; it carries the names of all the others, so that a page never meets a
  runtime of another version;
- `loader`, `glue`, `wasm`: Pyodide's own files, unchanged;
- `library`: bytecode of the standard library's modules that are reached, and of the package (the ordinary start);
- `leanglue`, `leanwasm`: the glue and the wasm file without what no answer needs, see `glue` and `wasm`;
- `heap`: the memory of a Pyodide that has the package imported and tried out, as a difference to a fresh one, packed;
- `late`: bytecode of what is reached but was not yet loaded when that memory was taken (these four, the quick start);
- `smallheap`, `smallwasm`, `xz`: the largest two of them packed more tightly, for a slow line, and what unpacks them.

and `manifest.json`, which names them for the build: see `worker_name`. The same inputs give the same bytes. Nothing is
done when no input changed. Native only; needs Node, the npm packages `pyodide`, `terser` and
`xz-decompress`, and `pyodide-build`.
"""

import gzip
import hashlib
import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from array import array
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from calculator.web.bundle import glue, library, profile, unread, wasm
from calculator.web.bundle.library import BundleError

__all__ = ["BundleError", "build", "compiled", "main", "worker_name"]

PACKAGE = Path(__file__).resolve().parents[2]
ROOT = PACKAGE.parent
DESTINATION = ROOT / "docs" / "assets" / "runtime"
RUNTIME = ROOT / "node_modules" / "pyodide"
MINIFIER = ROOT / "node_modules" / "terser" / "package.json"
DECODER = ROOT / "node_modules" / "xz-decompress" / "dist" / "package" / "xz-decompress.min.js"
CACHE = ROOT / ".cache" / "bundle"
_HERE = Path(__file__).resolve().parent

RUNTIME_FILES: Mapping[str, str] = tomllib.loads((_HERE / "runtime.toml").read_text("utf-8"))
"""SHA-256 of the files of pyodide 0.29.5 from npm. Snapshot and worker lean on internals of just this version: when it
is raised, run the tests, then put the new hashes into runtime.toml."""

SUFFIXES = {
    "loader": ".mjs",
    "glue": ".js",
    "wasm": ".wasm",
    "leanglue": ".js",
    "leanwasm": ".wasm",
    "library": ".bin",
    "heap": ".bin",
    "late": ".bin",
    "smallheap": ".bin",
    "smallwasm": ".bin",
    "xz": ".js",
}
"""Ending of each artefact's name. What we compressed is called .bin, for which no server declares an encoding."""

QUICK, SMALL, ORDINARY = "snapshot", "small", "ordinary"
STARTS = {
    QUICK: ("loader", "leanglue", "leanwasm", "heap", "late"),
    SMALL: ("loader", "leanglue", "smallwasm", "smallheap", "xz", "late"),
    ORDINARY: ("loader", "glue", "wasm", "library"),
}
"""The artefacts that each of the worker's ways to start downloads; `small` is the quick one on a slow line."""

_HASH_BASED = (1).to_bytes(4, "little")
_WINDOW_BYTES = 1 << 23
_AS_MODULE = (
    "const module = {{ exports: {{}} }}, {{ exports }} = module, require = () => globalThis;\n"
    "{}\nexport const {{ XzReadableStream }} = module.exports;\n"
)
"""Around a script that was made for Node's way to import, or for a page's, of which a module worker has neither."""
_NAMED_IN_WORKER = "const BUILT = {};"
_IMPORTED_BY_WORKER = "import { unpack } from './unpack.mjs';\n"


def build(destination: Path = DESTINATION, package: Path = PACKAGE, *, noting: Path | None = None) -> dict[str, Any]:
    """Build what is not up to date and give the manifest. Raises BundleError, with what to do about it.

    noting: a module that is bundled beside the package. With it the quick start's wasm file is whole, and its functions
    note that they ran (`wasm.instrumented`).
    """
    inputs = _inputs(package)
    manifest = _up_to_date(destination, inputs)
    if manifest is not None:
        return manifest
    with tempfile.TemporaryDirectory() as folder:
        artefacts, built, gaps = _artefacts(Path(folder), package, noting)
    destination.mkdir(parents=True, exist_ok=True)
    files = {kind: _file(kind, content, SUFFIXES[kind]) for kind, content in artefacts.items()}
    worker = _worker({"files": files, **built})
    files["worker"] = _file("worker", worker, ".js")
    for kind, content in {**artefacts, "worker": worker}.items():
        (destination / files[kind]["name"]).write_bytes(content)
    manifest = {
        "inputs": inputs,
        "worker": files["worker"]["name"],
        "files": files,
        "unread": [[gap.start, gap.stop] for gap in gaps],
        "starts": {start: [files[kind]["name"] for kind in ("worker", *kinds)] for start, kinds in STARTS.items()},
    }
    (destination / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    kept = {"manifest.json", *(file["name"] for file in files.values())}
    for path in destination.iterdir():
        if path.name not in kept:
            path.unlink()
    return manifest


def main() -> int:
    """Build for the site and say what a first visit downloads; exit code 1, with the reason, when that fails."""
    try:
        manifest = build()
    except BundleError as error:
        print(error, file=sys.stderr)
        return 1
    sizes = {file["name"]: file["bytes"] for file in manifest["files"].values()}
    for start, names in manifest["starts"].items():
        total = sum(sizes[name] for name in names)
        print(f"{start}: {len(names)} files, {total:,} bytes before the server compresses them")
    return 0


def worker_name(destination: Path = DESTINATION) -> str:
    """The file name of the worker inside `destination`; BundleError when nothing was built there."""
    return str(_manifest(destination)["worker"])


def _manifest(destination: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((destination / "manifest.json").read_text("utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{destination} holds no runtime; run `python -m calculator bundle` first") from None
    return manifest


def _up_to_date(destination: Path, inputs: str) -> dict[str, Any] | None:
    try:
        manifest = _manifest(destination)
    except (BundleError, ValueError):
        return None
    whole = all(
        (path := destination / file["name"]).is_file() and path.stat().st_size == file["bytes"]
        for file in manifest["files"].values()
    )
    return manifest if whole and manifest["inputs"] == inputs else None


def _inputs(package: Path) -> str:
    """One hash of all that the artefacts depend on."""
    digest = hashlib.sha256()
    ours = {name: path for name, path in library.sources(package).items() if not library.is_native(name)}
    tools = {path.name: path for path in sorted(_HERE.iterdir()) if path.is_file()}
    for name, path in {**ours, **tools}.items():
        content = path.read_bytes()
        digest.update(f"{name} {len(content)} ".encode() + content)
    for tool in (MINIFIER, DECODER):
        if not tool.is_file():
            raise BundleError(f"{tool} is missing; run `npm ci` first")
        digest.update(tool.read_bytes())
    for name, expected in RUNTIME_FILES.items():
        path = RUNTIME / name
        if not path.is_file():
            raise BundleError(f"{path} is missing; run `npm ci` first")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise BundleError(f"{path} is not the file that was tested: its SHA-256 is {found}, expected {expected}")
    return digest.hexdigest()


def _worker(built: Mapping[str, Any]) -> bytes:
    """The worker's source with what it must know, and the module that it imports in its place: one file to fetch."""
    source = (_HERE / "worker.js").read_text("utf-8")
    told = json.dumps(built, separators=(",", ":"))
    imported = (_HERE / "unpack.mjs").read_text("utf-8").replace("export ", "")
    for line, text in ((_NAMED_IN_WORKER, f"const BUILT = {told};"), (_IMPORTED_BY_WORKER, imported)):
        if source.count(line) != 1:
            raise BundleError(f"worker.js must hold the line {line!r} once")
        source = source.replace(line, text)
    return source.encode()


def _artefacts(
    folder: Path, package: Path, noting: Path | None
) -> tuple[dict[str, bytes], dict[str, Any], list[range]]:
    """The content of each artefact but the worker, what the worker must know of the snapshot, and what is unread."""
    standard = library.contents((RUNTIME / "python_stdlib.zip").read_bytes())
    standard.update({name: source.encode() for name, source in library.STAND_INS.items()})
    ours = library.package_files(package)
    if noting is not None:
        ours[f"{package.name}/{noting.name}"] = noting.read_bytes()
    compiled_standard = compiled(standard, optimise=2)
    compiled_ours = compiled(ours, optimise=2)
    whole = folder / "library.zip"
    whole.write_bytes(library.archive({**compiled_standard, **compiled_ours}))
    runtime, addresses = _lean_runtime(folder / "runtime")
    warm_up = str(_HERE / "warm_up.py")
    run_node(_HERE / "snapshot.mjs", runtime=str(runtime), library=str(whole), warmUp=warm_up, out=str(folder))
    seen = json.loads((folder / "seen.json").read_text("utf-8"))
    for name, code in {**compiled_standard, **compiled_ours}.items():
        if name.endswith(".pyc") and code[:4].hex() != seen["magic"]:
            raise BundleError(f"{name} was compiled for another Python: {code[:4].hex()}, expected {seen['magic']}")
    outside = {file: source for file, source in standard.items() if library.module_name(file) not in seen["frozen"]}
    reached = library.reached(ours, outside, seen["modules"])
    loaded = {file for file in reached if library.module_name(file) in seen["modules"]}
    trimmed = {f"{file}c": compiled_standard[f"{file}c"] for file in reached}
    late = {f"{file}c": trimmed[f"{file}c"] for file in reached - loaded}
    for name, content in compiled_ours.items():
        held = library.module_name(name.removesuffix("c")) in seen["modules"] or name in seen["read"]
        if not held:
            late[name] = content
    memory = unread.Memory((folder / "fresh").read_bytes(), (folder / "heap").read_bytes(), seen["frozen"])
    lean, gaps = _lean_wasm(runtime, memory, addresses, noting is not None)
    difference, fresh_sum = _difference(memory, gaps)
    packed = _packed(difference)
    artefacts = {
        "loader": (RUNTIME / "pyodide.mjs").read_bytes(),
        "glue": (RUNTIME / "pyodide.asm.js").read_bytes(),
        "wasm": (RUNTIME / "pyodide.asm.wasm").read_bytes(),
        "leanglue": (runtime / "pyodide.asm.js").read_bytes(),
        "leanwasm": lean,
        "library": gzipped(library.archive({**trimmed, **compiled_ours})),
        "heap": gzipped(packed),
        "late": gzipped(library.archive(late)),
        "smallheap": _tight(packed, lc=3, lp=0, pb=0),
        "smallwasm": _tight(lean, lc=0, lp=2, pb=2),
        "xz": _AS_MODULE.format(DECODER.read_text("utf-8")).encode(),
    }
    digest = hashlib.sha256(packed).hexdigest()
    info = json.loads((RUNTIME / "pyodide-lock.json").read_text("utf-8"))["info"]
    return artefacts, {"info": info, **seen["built"], "packed": digest, "freshSum": fresh_sum}, gaps


def _lean_runtime(folder: Path) -> tuple[Path, set[int]]:
    """Pyodide's files in a folder of their own, with the exports, names and functions gone that nothing asks for.

    Beside it the addresses of data that the glue names.

    The memory is taken with these: exports get their places in the table of functions, which that memory holds.
    """
    folder.mkdir()
    files = {name: (RUNTIME / name).read_bytes() for name in RUNTIME_FILES}
    whole, loader = files["pyodide.asm.wasm"], files["pyodide.mjs"].decode()
    script = glue.without_unused_names(files["pyodide.asm.js"].decode(), loader)
    needed = glue.needed_exports(f"{script} {HASH}", wasm.exports(whole))
    files["pyodide.asm.wasm"] = wasm.with_exports(whole, needed)
    imported = {name for _, name, _ in wasm.imports(whole)}
    offered = glue.without_unused_offers(script, loader, imported).encode()

    def shake(after: Path) -> None:
        after.write_bytes(offered)
        run_node(_HERE / "shake.mjs", file=str(after))

    files["pyodide.asm.js"] = _kept((_read("shake.mjs"), MINIFIER.read_bytes(), offered), shake)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder, glue.addresses(script)


HASH = "PyObject_Hash"
"""What the worker calls for the hashes that the heap file leaves out."""
RELOCATE = "__wasm_apply_data_relocs"


def _lean_wasm(runtime: Path, memory: unread.Memory, addresses: set[int], noting: bool) -> tuple[bytes, list[range]]:
    """The wasm file of the quick start, and the bytes of its data that were set to zero.

    Its pointers are in place already: half a megabyte of code that would write them does nothing.
    """
    whole = (runtime / "pyodide.asm.wasm").read_bytes()
    relocate = next(export.index for export in wasm.exports(whole) if export.name == RELOCATE)
    code = wasm.bodies(whole)
    code[relocate - wasm.imported_functions(whole)] = wasm.NOTHING
    still = wasm.with_bodies(whole, code)
    _, size = wasm.segment(still)
    data = bytearray(memory.fresh[unread.MEMORY_BASE : unread.MEMORY_BASE + size])
    if noting:
        return wasm.instrumented(wasm.with_data(still, bytes(data))), []
    executed = wasm.with_called(still, profile.executed())
    gaps = unread.unread(still, executed, memory, addresses)
    for gap in gaps:
        data[gap.start : gap.stop] = bytes(len(gap))
    return wasm.emptied(wasm.with_data(still, bytes(data)), executed), gaps


def _difference(memory: unread.Memory, gaps: list[range]) -> tuple[bytes, int]:
    """The memory as a difference to the fresh one, both without what is unread; and the sum of the latter's words."""
    fresh, restored = bytearray(memory.fresh), bytearray(memory.restored)
    for gap in gaps:
        place = slice(unread.MEMORY_BASE + gap.start, unread.MEMORY_BASE + gap.stop)
        fresh[place] = restored[place] = bytes(len(gap))
    both = int.from_bytes(fresh, "little") ^ int.from_bytes(restored[: len(fresh)], "little")
    restored[: len(fresh)] = both.to_bytes(len(fresh), "little")
    words = sum(array("I", bytes(fresh))) & 0xFFFFFFFF
    return bytes(restored), words - (words >> 31 << 32)


def _packed(difference: bytes) -> bytes:
    """The difference as the worker's `unpack` reads it."""

    def pack(after: Path) -> None:
        before = after.with_name("difference")
        before.write_bytes(difference)
        run_node(_HERE / "pack.mjs", **{"from": str(before), "to": str(after)})

    return _kept((_read("pack.mjs"), _read("unpack.mjs"), difference), pack)


def _tight(content: bytes, **model: int) -> bytes:
    """Packed as xz does; model: its filter's options, which of several tried made the content smallest."""

    def pack(after: Path) -> None:
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": _WINDOW_BYTES, **model}]
        after.write_bytes(lzma.compress(content, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=filters))

    return _kept((repr((_WINDOW_BYTES, model)).encode(), content), pack)


def compiled(files: Mapping[str, bytes], *, optimise: int) -> dict[str, bytes]:
    """The files with every source compiled to bytecode; what was compiled before is taken from the cache.

    pyodide-build's compiler does it, run by Pyodide's own Python: the bytes do not depend on the one that builds.
    """
    sources = library.archive(files)
    compiler = _compiler()
    how = (f"{optimise} ".encode(), _read("compile.mjs"), compiler.read_bytes(), sources)

    def compile_archive(after: Path) -> None:
        before = after.with_name("library.zip")
        before.write_bytes(sources)
        archives = [{"from": str(before), "to": str(after), "optimise": optimise}]
        run_node(_HERE / "compile.mjs", runtime=str(RUNTIME), compiler=str(compiler), archives=archives)

    return {name: _unchecked(content, name) for name, content in library.contents(_kept(how, compile_archive)).items()}


def _kept(parts: Iterable[bytes], make: Callable[[Path], None]) -> bytes:
    """What `make` writes into the file that it is given; from the cache where it was made of the same parts before."""
    kept = CACHE / hashlib.sha256(b"".join(parts)).hexdigest()
    if not kept.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            made = Path(folder, "made")
            make(made)
            made.replace(kept)
    return kept.read_bytes()


def _read(script: str) -> bytes:
    return (_HERE / script).read_bytes()


def _compiler() -> Path:
    """The module of pyodide-build that compiles archives. It is read, not imported: it runs in another Python."""
    found = find_spec("pyodide_build")
    if found is None or not found.submodule_search_locations:
        raise BundleError("pyodide-build is missing; install the group `site`")
    return Path(found.submodule_search_locations[0]) / "_py_compile.py"


def _unchecked(content: bytes, name: str) -> bytes:
    """Bytecode marked as belonging to its source by hash, not to be checked: there is no source beside it."""
    return content[:4] + _HASH_BASED + content[8:] if name.endswith(".pyc") else content


def run_node(script: Path, **arguments: object) -> None:
    """Run a script of ours under Node with these arguments as JSON and nothing of our environment but the search path.

    Raises BundleError, with the end of its output, when it fails.
    """
    command = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if command is None:
        raise BundleError("the command `node` is missing; install Node 20 or newer")
    done = subprocess.run(
        [command, str(script), json.dumps(arguments)],
        env={"PATH": os.environ.get("PATH", os.defpath)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise BundleError(f"{command} {script} failed:\n{said}")


def gzipped(content: bytes) -> bytes:
    """Compressed without a time, and with no system named: which one Python names depends on its version."""
    found = gzip.compress(content, 9, mtime=0)
    return found[:9] + b"\xff" + found[10:]


def _file(kind: str, content: bytes, suffix: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"name": f"{kind}-{digest[:16]}{suffix}", "bytes": len(content), "sha256": digest}
