"""Make Emscripten's glue smaller by leaving out names that only libraries loaded at run time would ask for.

The glue gives thousands of the wasm file's exports a variable each, one statement each, so that a library loaded later
finds them. No library ever is. What the rest of the glue, or the loader, names stays. In the same way it offers more
than a thousand functions of its own, graphics and sound among them; once nothing offers them, `shake.mjs` finds that
nothing uses them.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable

from calculator.web.bundle.wasm import Export

_GIVEN = re.compile(r'var ([\w$]+)=(?:Module\["[\w$]+"\]=)?(?:wasmExports\["[\w$]+"\]|\d+);')
_ADDRESS = re.compile(r'Module\["[\w$]+"\]=(\d+);')
_TOKEN = re.compile(r"[\w$]+")
_OFFERED = re.compile(r'Module\["([\w$]+)"\]=\1;')
_ASKED = re.compile(r'(?:\.|\[")([\w$]+)')
_IMPORTS = re.compile(r"(?<=var wasmImports=\{)[^{}]*(?=\})")
_SIGNATURE = re.compile(r'(?<=[;}])([\w$]+)\.sig="\w*";')
_UNUSED = 2
_EVAL = re.compile(r"(?<![\w$.])eval\(")


def without_unused_names(glue: str, loader: str) -> str:
    """The glue without the statements whose variable nothing else names; loader: the other script that may."""
    named = set(_TOKEN.findall(_GIVEN.sub("", glue))) | set(_TOKEN.findall(loader))
    return _GIVEN.sub(lambda given: given[0] if given[1] in named else "", glue)


def without_unused_offers(glue: str, loader: str, imported: Collection[str]) -> str:
    """The glue that offers its functions to nobody but the wasm file, which imports those names, and to the loader.

    Raises ValueError when the glue has no list of what the wasm file may import.
    """
    asked = set(_ASKED.findall(_OFFERED.sub("", glue) + loader))
    kept = _OFFERED.sub(lambda offered: offered[0] if offered[1] in asked else "", glue)
    found = _IMPORTS.search(kept)
    if found is None:
        raise ValueError("the glue has no list of imports")
    listed = [entry.partition(":") for entry in found[0].split(",")]
    needed = [entry for entry in listed if entry[0] in imported or entry[0] in asked]
    kept = _IMPORTS.sub(",".join(map("".join, needed)), kept)
    # A function with a signature is named where that is given, where it is made, and where it is used.
    times = Counter(_TOKEN.findall(kept))
    kept = _SIGNATURE.sub(lambda signed: signed[0] if times[signed[1]] > _UNUSED else "", kept)
    # A script evaluated in place could use any name, so none could go. Only libraries loaded later bring such scripts.
    return _EVAL.sub("(0,eval)(", kept)


def addresses(glue: str) -> set[int]:
    """The addresses of data that the glue holds."""
    return {int(text) for text in _ADDRESS.findall(glue)}


def needed_exports(glue: str, offered: Iterable[Export]) -> list[Export]:
    """Those of the wasm file's exports that this glue names, with or without C's underscore in front."""
    named = set(_TOKEN.findall(glue))
    return [export for export in offered if export.name in named or f"_{export.name}" in named]
