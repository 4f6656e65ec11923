"""Runs inside Pyodide while the snapshot is made: asks every decision once, then tidies the memory that is kept.

`warm_up` leaves modules, catalogues and specialised bytecode behind. `forget` drops what would be wrong or useless
after a restore. `wipe` overwrites the memory that is free: its old contents would be dead bytes in the download.
"""

import gc
import json
import linecache
import re
import sys
import traceback
import zipimport
from types import ModuleType


def warm_up() -> list[str]:
    """Ask every decision for each stage, load every preset; gives the names of the data files that were read."""
    read: list[str] = []
    get_data = zipimport.zipimporter.get_data

    def get_data_and_note(importer: zipimport.zipimporter, path: str) -> bytes:
        read.append(path.removeprefix(f"{importer.archive}/"))
        return get_data(importer, path)

    zipimport.zipimporter.get_data = get_data_and_note  # type: ignore[method-assign, assignment]
    from calculator import browser, catalog, presets

    for name in catalog.names():
        stage = 0
        while stage is not None:
            stage = json.loads(browser.answer(json.dumps({"decision": name, "stage": stage})))["more"]
        field = next(iter(catalog.decision(name).Inputs.__dataclass_fields__))
        browser.answer(json.dumps({"decision": name, "given": {field: "not a value"}}))
    for preset in presets.presets():
        browser.answer(json.dumps({"decision": name, "preset": preset.name, "form": "markdown"}))
    browser.answer("not a request")
    try:
        catalog.decision("no such decision")
    except ValueError:
        traceback.format_exc()
    zipimport.zipimporter.get_data = get_data  # type: ignore[method-assign]
    return read


def frozen_modules() -> list[str]:
    """The modules whose code is inside the interpreter itself, so that the library need not hold it."""
    modules = [module for module in sys.modules.values() if type(module) is ModuleType]
    return sorted(module.__name__ for module in modules if getattr(module.__spec__, "origin", None) == "frozen")


def forget() -> None:
    """Drop caches of files that are not there after a restore, and garbage."""
    linecache.clearcache()
    re.purge()
    sys.path_importer_cache.clear()
    for entries in zipimport._zip_directory_cache.values():  # type: ignore[attr-defined]
        entries.clear()
    zipimport._zip_directory_cache.clear()  # type: ignore[attr-defined]
    gc.collect()


def wipe(top: int) -> None:
    """Take the free memory below the address `top` in zeroed pieces, then let go of it."""
    header = sys.getsizeof(b"")
    for size in (*range(32, 513, 16), *(2**power for power in range(20, 9, -1))):
        pieces: list[bytes] = []
        while len(pieces) < top // size:
            pieces.append(bytes(size - header))
            if id(pieces[-1]) > top:
                break
