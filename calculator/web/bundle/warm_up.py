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
from dataclasses import is_dataclass
from functools import _lru_cache_wrapper
from types import ModuleType

LOADED_DATA = 32
"""A cache with more entries than this holds results, which come again as they are asked for; others hold what was read
once: decisions, presets, files. Without the results the download was 170 kB smaller, and no answer slower."""


def warm_up() -> list[str]:
    """Ask every decision once and one for all stages, load every preset; gives the names of the data files read."""
    read: list[str] = []
    get_data = zipimport.zipimporter.get_data

    def get_data_and_note(importer: zipimport.zipimporter, path: str) -> bytes:
        read.append(path.removeprefix(f"{importer.archive}/"))
        return get_data(importer, path)

    zipimport.zipimporter.get_data = get_data_and_note  # type: ignore[method-assign, assignment]
    from calculator import catalog, presets
    from calculator.faces import browser

    for name in catalog.names():
        stage = json.loads(browser.answer(json.dumps({"decision": name})))["more"]
        # What is behind folds reads files too, and comes with the last stage; this form has it at once.
        browser.answer(json.dumps({"decision": name, "form": "markdown"}))
        field = next(iter(catalog.decision(name).Inputs.__dataclass_fields__))
        browser.answer(json.dumps({"decision": name, "given": {field: "not a value"}}))
    while stage is not None:
        stage = json.loads(browser.answer(json.dumps({"decision": name, "stage": stage})))["more"]
    for preset in presets.presets():
        browser.answer(json.dumps({"decision": name, "preset": preset.name, "form": "markdown"}))
    if catalogs := sys.modules.get("calculator.catalogs"):
        catalogs.sources()  # asked for by some prices, and by no default
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
    """Drop caches of files that are not there after a restore, results that were kept of the trial, and garbage."""
    from calculator.faces import browser

    browser.forget()
    for found in gc.get_objects():
        if isinstance(found, _lru_cache_wrapper) and found.cache_info().currsize > LOADED_DATA:
            found.cache_clear()
        elif isinstance(found, type) and is_dataclass(found):
            found.__doc__ = None  # its signature, spelled out
    linecache.clearcache()
    re.purge()
    sys.path_importer_cache.clear()
    for entries in zipimport._zip_directory_cache.values():  # type: ignore[attr-defined]
        entries.clear()
    zipimport._zip_directory_cache.clear()  # type: ignore[attr-defined]
    gc.collect()
    sys._clear_type_cache()


def wipe(top: int) -> None:
    """Take the free memory below the address `top` in zeroed pieces, then let go of it."""
    header = sys.getsizeof(b"")
    for size in (*range(24, 513, 8), *(2**power for power in range(20, 9, -1))):
        pieces: list[bytes] = []
        while not pieces or id(pieces[-1]) < top:
            pieces.append(bytes(size - header))
