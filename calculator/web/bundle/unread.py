"""Find the runtime's data that nothing will read once its memory was restored.

More than half of the wasm file's data are tables for codecs, names of characters and modules in frozen bytecode. They
are found by what leads to them. A place is *referred to* by a constant in code or by a pointer in data. What is reached
from the functions that run, from the glue and from the restored memory stays, with a margin before and after it; the
rest is set to zero, which costs nothing in a compressed file.

This is a rule of thumb, not a proof: `tests/test_worker.py` fills the same places with noise and wants the same bytes.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from calculator.web.bundle import wasm

MEMORY_BASE = 1024
"""Where the data segment begins in memory: the glue relocates by this number."""

BEFORE, AFTER = 1024, 8192
"""Bytes that stay before and after every place that is reached: code may index from the middle of a table."""

SMALLEST = 4096
"""A gap of fewer bytes stays as it is."""

_WORD = 4
_MARSHALLED_CODE = 0xE3
"""First byte of a code object in Python's marshal format, with its reference flag."""


@dataclass(frozen=True)
class Memory:
    """The runtime's memory, from address 0 on."""

    fresh: bytes
    """With all pointers in place, before anything ran."""
    restored: bytes
    """As it is restored: Python started, the package imported."""
    loaded: Collection[str]
    """Frozen modules that are loaded in it: their bytecode is not read again."""


def unread(lean: bytes, executed: Collection[int], memory: Memory, addresses: Iterable[int]) -> list[range]:
    """Ranges of bytes of the data segment that nothing reaches, in order.

    lean: the wasm file; executed: places of the functions that run; addresses: those that the glue names.
    """
    _, size = wasm.segment(lean)
    first, last = MEMORY_BASE, MEMORY_BASE + size
    fresh, restored = _words(memory.fresh), _words(memory.restored)
    original = _words(bytes(first) + _data(lean))
    constants = [
        {MEMORY_BASE + value for value in wasm.constants(body) if 0 <= value < size} for body in wasm.bodies(lean)
    ]
    pointers = {
        place: fresh[place]
        for place in range(first // _WORD, last // _WORD)
        if fresh[place] != original[place] and first <= fresh[place] < last
    }
    places = sorted({first, last}.union(*constants, pointers.values()))
    known = set(places)
    for place in _frozen(memory, pointers):
        del pointers[place]
    roots = set(addresses).union(*(found for place, found in enumerate(constants) if place in executed))
    roots |= known.intersection(restored[last // _WORD + 1 :])
    reached = bytearray(last)
    todo = [address for address in roots if first <= address < last]
    seen = set(todo)
    while todo:
        address = todo.pop()
        at = bisect_right(places, address) - 1
        start = max(first, places[at] - BEFORE)
        stop = min(last, max(places[at + 1], address + AFTER))
        found = reached.find(0, start, stop)
        while found != -1:
            until = reached.find(1, found, stop)
            until = stop if until == -1 else until
            reached[found:until] = b"\1" * (until - found)
            for place in range(found // _WORD, -(-until // _WORD)):
                targets = [pointers.get(place)]
                if restored[place] != fresh[place] and restored[place] in known:
                    targets.append(restored[place])
                for target in targets:
                    if target is not None and target not in seen:
                        seen.add(target)
                        todo.append(target)
            found = reached.find(0, until, stop)
    gaps = re.finditer(rb"\0{%d,}" % SMALLEST, bytes(reached[first:last]))
    return [range(*gap.span()) for gap in gaps]


def _frozen(memory: Memory, pointers: dict[int, int]) -> list[int]:
    """The places of pointers to the bytecode of frozen modules that are loaded: name and code stand side by side."""
    loaded = {name.encode() for name in memory.loaded}
    found = []
    for place, name in pointers.items():
        code = pointers.get(place + 1)
        if code is None or memory.fresh[code] != _MARSHALLED_CODE:
            continue
        if memory.fresh[name : memory.fresh.index(0, name)] in loaded:
            found.append(place + 1)
    return found


def _words(data: bytes) -> array[int]:
    words = array("I")
    words.frombytes(data + bytes(-len(data) % _WORD))
    return words


def _data(lean: bytes) -> bytes:
    start, size = wasm.segment(lean)
    return dict(wasm.sections(lean))[wasm.DATA][start : start + size]
