"""Which functions of the runtime an answer needs: all others are emptied in the quick start's wasm file.

`executed.json` holds them for the one wasm file that RUNTIME_FILES names. `python -m bench.profile --write` makes it
anew, in a browser: needed when Pyodide is raised, or when a test says that an answer met a function that was emptied.
"""

import json
from collections.abc import Collection
from pathlib import Path

PATH = Path(__file__).with_name("executed.json")


def executed(path: Path = PATH) -> frozenset[int]:
    """The places, among the wasm file's function bodies, of those that ran."""
    return unpacked(json.loads(path.read_text("utf-8"))["functions"])


def packed(places: Collection[int]) -> str:
    """The places as one number in hexadecimal: bit 0 stands for place 0."""
    return f"{sum(1 << place for place in set(places)):x}"


def unpacked(text: str) -> frozenset[int]:
    """What `packed` made."""
    bits = int(text, 16)
    return frozenset(place for place in range(bits.bit_length()) if bits >> place & 1)
