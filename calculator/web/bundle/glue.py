"""Make Emscripten's glue smaller by leaving out names that only libraries loaded at run time would ask for.

The glue gives thousands of the wasm file's exports a variable each, one statement each, so that a library loaded later
finds them. No library ever is. What the rest of the glue, or the loader, names stays.
"""

import re
from collections.abc import Iterable

from calculator.web.bundle.wasm import Export

_GIVEN = re.compile(r'var ([\w$]+)=(?:Module\["[\w$]+"\]=)?(?:wasmExports\["[\w$]+"\]|\d+);')
_ADDRESS = re.compile(r'Module\["[\w$]+"\]=(\d+);')
_TOKEN = re.compile(r"[\w$]+")


def without_unused_names(glue: str, loader: str) -> str:
    """The glue without the statements whose variable nothing else names; loader: the other script that may."""
    named = set(_TOKEN.findall(_GIVEN.sub("", glue))) | set(_TOKEN.findall(loader))
    return _GIVEN.sub(lambda given: given[0] if given[1] in named else "", glue)


def addresses(glue: str) -> set[int]:
    """The addresses of data that the glue holds."""
    return {int(text) for text in _ADDRESS.findall(glue)}


def needed_exports(glue: str, offered: Iterable[Export]) -> list[Export]:
    """Those of the wasm file's exports that this glue names, with or without C's underscore in front."""
    named = set(_TOKEN.findall(glue))
    return [export for export in offered if export.name in named or f"_{export.name}" in named]
