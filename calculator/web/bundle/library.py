"""What goes into the browser's Python library: the package, and of the standard library only what it reaches.

Which standard modules that are is found out, not listed: those that were loaded once every decision had been asked
inside Pyodide, and those that the package's own sources name.
"""

import ast
import io
import re
import tomllib
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path


class BundleError(Exception):
    """The bundle cannot be built; the message says what is missing or wrong."""


NATIVE_ONLY = (
    "__main__",
    "api",
    "evaluation",
    "faces.batch",
    "faces.completions",
    "faces.examining",
    "faces.mcp_server",
    "facts.evidence",
    "update",
    "web",
)
"""Modules and folders of the package that stay on the machine that builds: nothing that is bundled may import them."""

ASKED_BY_PAGES = ("browser", "examined")
"""The faces whose functions scripts call."""

LOADED_BY_C = ("encodings.ascii", "encodings.latin_1", "encodings.utf_8_sig")
"""Modules that the interpreter's C code imports by name when it first needs them; no source names them."""

STAND_INS: Mapping[str, str] = tomllib.loads(Path(__file__).with_name("stand_ins.toml").read_text("utf-8"))
"""Stand in for what no calculator needs and yet every start would load: an event loop and a package loader, which
Pyodide imports; a disassembler, resources of packages and addresses of networks, which standard modules do. With them
go sixty modules of sockets, processes, archives, paths and logging: measured, 0.8 of 3.6 MB of the snapshot. A
snapshot expects the JavaScript objects that Pyodide's modules hold, in this order, so those imports stay."""


DATA = (".csv", ".json", ".toml")

_NEVER_TAKEN = re.compile(r"\bTYPE_CHECKING\b|__name__ == '__main__'")


def package_files(root: Path) -> dict[str, bytes]:
    """The bundled files of the package in `root`, by their name inside the library.

    These are the modules that ASKED_BY_PAGES and the decisions reach, wherever an import stands, and the data files
    beside them that one of them names, with or without its ending. Raises BundleError when one of them imports a module
    that is NATIVE_ONLY.
    """
    found = sources(root)
    modules = {module_name(name): name for name in found if name.endswith(".py")}
    faces = (f"{root.name}.faces.{name}" for name in ASKED_BY_PAGES)
    asked = [*faces, *(name for name in modules if f"{root.name}.decisions." in name)]
    wanted = [(name, "") for name in asked]
    files: dict[str, bytes] = {}
    while wanted:
        module, by = wanted.pop()
        name = modules.get(module, "")
        if not name or name in files:
            continue
        if is_native(name):
            raise BundleError(f"{by} is bundled for the browser and imports {module}, which is native only")
        files[name] = found[name].read_bytes()
        wanted += [(other, name) for other in imported(files[name], name, late=True)]
        wanted.append((module.rpartition(".")[0], name))
    folders = {name.rpartition("/")[0] for name in files}
    named = {text for source in files.values() for text in _texts(source)}
    for name, path in found.items():
        if name.rpartition("/")[0] in folders and path.suffix in DATA and {path.name, path.stem} & named:
            files[name] = path.read_bytes()
    return dict(sorted(files.items()))


def _texts(source: bytes) -> Iterator[str]:
    """The texts in a module's code, without their folders: the name of a file that it reads is one of them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.rpartition("/")[2]


def sources(root: Path) -> dict[str, Path]:
    """Every module and data file of the package in `root`, by its name inside the library."""
    return {
        f"{root.name}/{path.relative_to(root).as_posix()}": path
        for path in sorted(root.rglob("*"))
        if path.suffix in (".py", *DATA)
    }


def is_native(file: str) -> bool:
    """Whether a file of the package belongs to a part that is NATIVE_ONLY."""
    return native(module_name(file).partition(".")[2])


def native(module: str) -> bool:
    """Whether a module, named below the package ("faces.batch"), is one of NATIVE_ONLY or lies in one."""
    return any(module == part or module.startswith(f"{part}.") for part in NATIVE_ONLY)


def module_name(file: str) -> str:
    """The module that a file of the library holds."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(source: bytes, file: str, *, late: bool) -> set[str]:
    """The modules a source names in its imports, absolute; `from a import b` names both `a` and `a.b`.

    late: with the imports inside functions, which run when the function does.
    """
    package = module_name(file) if file.endswith("/__init__.py") else module_name(file).rpartition(".")[0]
    names: set[str] = set()
    for node in _statements(ast.parse(source).body, late):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join((*above, *filter(None, [base])))
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def _statements(body: Iterable[ast.AST], late: bool) -> Iterator[ast.AST]:
    """Every statement that an import can stand in; not the branches for a type checker or for a script."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and _NEVER_TAKEN.search(ast.unparse(node.test)):
            yield from _statements(node.orelse, late)
        elif late or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _statements(
                (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt | ast.excepthandler)), late
            )


def reached(package: Mapping[str, bytes], standard: Mapping[str, bytes], loaded: Collection[str]) -> set[str]:
    """The files of the standard library that the package can come to import.

    package, standard: sources by file name. loaded: names of the modules that were seen loaded, whose own imports have
    run. In the package an import counts wherever it stands, in the standard library where it runs with its module.
    """
    files = {module_name(file): file for file in standard if file.endswith(".py")}
    todo = [*LOADED_BY_C, *loaded]
    for file in package:
        if file.endswith(".py"):
            todo += imported(package[file], file, late=True)
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if "." in name:
            todo.append(name.rpartition(".")[0])
        if name in files and files[name] not in found:
            found.add(files[name])
            if name not in loaded:
                todo += imported(standard[files[name]], files[name], late=False)
    return found


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, not compressed, with no date and in one order: the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as into:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            into.writestr(entry, files[name])
    return out.getvalue()


def contents(zipped: bytes) -> dict[str, bytes]:
    """The files of a zip by name."""
    with zipfile.ZipFile(io.BytesIO(zipped)) as source:
        return {name: source.read(name) for name in source.namelist() if not name.endswith("/")}
