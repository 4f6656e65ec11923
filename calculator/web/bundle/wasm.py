"""Make the runtime's wasm file smaller by leaving out what an answer never needs. Standard library only.

Three things go, each by a rule of its own:

- **Exports** that the glue does not name: thousands are there for libraries loaded at run time, which are never used.
- **Code that never runs.** The body of a function outside the profile becomes one `unreachable` instruction: indices,
  types and tables stay. A call into such a body traps, which the worker hears and starts again with the whole file.
- **Data that only such code reads**: see the module `unread`.

The format is that of the WebAssembly core specification, section 5 (binary format).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

IMPORT, FUNCTION, GLOBAL, EXPORT, CODE, DATA, CUSTOM = 2, 3, 6, 7, 10, 11, 0

FUNCTION_KIND, GLOBAL_KIND = 0, 3

UNREACHABLE = b"\x00\x00\x0b"
"""A body without locals whose only instruction traps."""

NOTHING = b"\x00\x0b"
"""A body that does nothing; for functions without a result."""

_I32, _MUTABLE = 0x7F, 1
_BITS = 32

_GLOBAL_GET, _GLOBAL_SET, _I32_CONST, _I32_OR = 0x23, 0x24, 0x41, 0x72


class WasmError(ValueError):
    """The file is not the kind of wasm that these rules know."""


@dataclass(frozen=True)
class Export:
    """A name that a wasm file offers. `kind` is 0 for functions and 3 for globals; `index` counts within the kind."""

    name: str
    kind: int
    index: int


def read_unsigned(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the place after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def read_signed(data: bytes, at: int) -> tuple[int, int]:
    """A signed LEB128 number and the place after it."""
    start = at
    value, at = read_unsigned(data, at)
    return value - (1 << 7 * (at - start) if data[at - 1] & 0x40 else 0), at


def unsigned(value: int) -> bytes:
    """A number as unsigned LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int) -> bytes:
    """A number as signed LEB128."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def sections(wasm: bytes) -> list[tuple[int, bytes]]:
    """The sections of a file in their order: number and content. Raises WasmError for anything but wasm version 1."""
    if wasm[:8] != b"\0asm\1\0\0\0":
        raise WasmError("not a wasm file of version 1")
    found = []
    at = 8
    while at < len(wasm):
        number = wasm[at]
        size, at = read_unsigned(wasm, at + 1)
        found.append((number, wasm[at : at + size]))
        at += size
    return found


def joined(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """A file of these sections."""
    return b"\0asm\1\0\0\0" + b"".join(bytes([number]) + unsigned(len(body)) + body for number, body in parts)


def exports(wasm: bytes) -> list[Export]:
    """All names that the file offers, in their order."""
    body = _section(wasm, EXPORT)
    count, at = read_unsigned(body, 0)
    found = []
    for _ in range(count):
        name, at = _name(body, at)
        index, after = read_unsigned(body, at + 1)
        found.append(Export(name, body[at], index))
        at = after
    return found


def with_exports(wasm: bytes, wanted: Iterable[Export]) -> bytes:
    """The file with just these exports, in the order given."""
    listed = list(wanted)
    body = unsigned(len(listed)) + b"".join(
        unsigned(len(name := export.name.encode())) + name + bytes([export.kind]) + unsigned(export.index)
        for export in listed
    )
    return joined((number, body if number == EXPORT else content) for number, content in sections(wasm))


def imported_functions(wasm: bytes) -> int:
    """How many functions the file imports. The first body belongs to the function with this index."""
    return sum(kind == FUNCTION_KIND for _, _, kind in imports(wasm))


def imports(wasm: bytes) -> list[tuple[str, str, int]]:
    """What the file wants from outside, in its order: module, name and kind."""
    body = _section(wasm, IMPORT)
    count, at = read_unsigned(body, 0)
    found = []
    for _ in range(count):
        module, at = _name(body, at)
        name, at = _name(body, at)
        kind = body[at]
        at = _after_description(body, at + 1, kind)
        found.append((module, name, kind))
    return found


def _after_description(body: bytes, at: int, kind: int) -> int:
    if kind == 0:
        return read_unsigned(body, at)[1]
    if kind in (1, 2):
        at += kind == 1
        flags = body[at]
        _, at = read_unsigned(body, at + 1)
        return read_unsigned(body, at)[1] if flags & 1 else at
    if kind == GLOBAL_KIND:
        return at + 2
    if kind == 4:
        return read_unsigned(body, at + 1)[1]
    raise WasmError(f"an import of kind {kind} is not known")


def bodies(wasm: bytes) -> list[bytes]:
    """The functions' bodies in their order, each with its locals in front."""
    body = _section(wasm, CODE)
    count, at = read_unsigned(body, 0)
    found = []
    for _ in range(count):
        size, at = read_unsigned(body, at)
        found.append(body[at : at + size])
        at += size
    return found


def emptied(wasm: bytes, executed: Collection[int]) -> bytes:
    """The file with every body emptied whose place in `bodies` is not in `executed`."""
    kept = frozenset(executed)
    return with_bodies(wasm, [body if place in kept else UNREACHABLE for place, body in enumerate(bodies(wasm))])


def with_bodies(wasm: bytes, code: Sequence[bytes]) -> bytes:
    """The file with these bodies in place of its own."""
    made = _code(code)
    return joined((number, made if number == CODE else content) for number, content in sections(wasm))


def with_data(wasm: bytes, data: bytes) -> bytes:
    """The file with these bytes in its data segment, as many as there were."""
    start, size = segment(wasm)
    if len(data) != size:
        raise WasmError(f"the data segment has {size} bytes; given: {len(data)}")
    return joined(
        (number, content[:start] + data + content[start + size :] if number == DATA else content)
        for number, content in sections(wasm)
    )


def note_names(wasm: bytes) -> list[str]:
    """The names of the exported globals in which the functions of an instrumented file note that they ran.

    The function in place `n` of `bodies` sets bit `n % 32` of global `n // 32`.
    """
    return [f"executed {word}" for word in range(-(-len(bodies(wasm)) // _BITS))]


def instrumented(wasm: bytes) -> bytes:
    """The file in which each function notes that it ran, in globals with the names of `note_names`."""
    parts = dict(sections(wasm))
    before = sum(kind == GLOBAL_KIND for _, _, kind in imports(wasm))
    count, at = read_unsigned(parts[GLOBAL], 0)
    code = bodies(wasm)
    names = note_names(wasm)
    words = len(names)
    first = before + count
    one = bytes([_I32, _MUTABLE, _I32_CONST, 0, 0x0B])
    noted = []
    for place, body in enumerate(code):
        start = _after_locals(body)
        word = unsigned(first + place // _BITS)
        bit = 1 << place % _BITS
        note = bytes([_GLOBAL_GET]) + word + bytes([_I32_CONST]) + signed(bit - (bit >> 31 << 32))
        noted.append(body[:start] + note + bytes([_I32_OR, _GLOBAL_SET]) + word + body[start:])
    out = []
    for number, content in sections(wasm):
        if number == GLOBAL:
            content = unsigned(count + words) + content[at:] + one * words
        elif number == CODE:
            content = _code(noted)
        out.append((number, content))
    offered = [*exports(wasm), *(Export(name, GLOBAL_KIND, first + word) for word, name in enumerate(names))]
    return with_exports(joined(out), offered)


def segment(wasm: bytes) -> tuple[int, int]:
    """Start of the bytes of the only data segment in its section, and their number."""
    body = _section(wasm, DATA)
    count, at = read_unsigned(body, 0)
    if count != 1 or body[at] != 0 or body[at + 1] != _GLOBAL_GET:
        raise WasmError("one data segment, placed at the memory base, was expected")
    _, at = read_unsigned(body, at + 2)
    size, at = read_unsigned(body, at + 1)
    return at, size


def _code(code: Sequence[bytes]) -> bytes:
    return unsigned(len(code)) + b"".join(unsigned(len(body)) + body for body in code)


def _section(wasm: bytes, wanted: int) -> bytes:
    for number, content in sections(wasm):
        if number == wanted:
            return content
    raise WasmError(f"section {wanted} is missing")


def _name(body: bytes, at: int) -> tuple[str, int]:
    size, at = read_unsigned(body, at)
    return body[at : at + size].decode(), at + size


def _after_locals(body: bytes) -> int:
    groups, at = read_unsigned(body, 0)
    for _ in range(groups):
        _, at = read_unsigned(body, at)
        at += 1
    return at


def constants(body: bytes) -> set[int]:
    """The numbers in a body that may be an address: constants of 32 bits, and large offsets of loads and stores.

    Raises WasmError for an instruction that is not known: then nothing can be said of the body.
    """
    return {value for code, value in _told(body) if code == _I32_CONST or (code != _CALL and value >= _LARGE_OFFSET)}


def with_called(wasm: bytes, places: Collection[int]) -> frozenset[int]:
    """These places in `bodies`, with those that their functions name in calls, and what those name in turn."""
    code, imported = bodies(wasm), imported_functions(wasm)
    found = set(places)
    todo = list(found)
    while todo:
        named = {value - imported for kind, value in _told(code[todo.pop()]) if kind == _CALL and value >= imported}
        todo += named - found
        found |= named
    return frozenset(found)


def _told(body: bytes) -> Iterator[tuple[int, int]]:
    """The instructions of a body that tell of other places, with their number: constants, offsets and calls."""
    at, end = _after_locals(body), len(body)
    while at < end:
        code = body[at]
        at += 1
        if code == _I32_CONST:
            value, at = read_signed(body, at)
            yield code, value
        elif code == _CALL:
            value, at = read_unsigned(body, at)
            yield code, value
        elif _FIRST_MEMORY <= code <= _LAST_MEMORY:
            _, at = read_unsigned(body, at)
            offset, at = read_unsigned(body, at)
            yield code, offset
        elif code in _PLAIN or _FIRST_NUMERIC <= code <= _LAST_NUMERIC:
            continue
        elif code in _NUMBERS_AFTER:
            for _ in range(_NUMBERS_AFTER[code]):
                at = _after_number(body, at)
        elif code in _BYTES_AFTER:
            at += _BYTES_AFTER[code]
        elif code in _LISTS:
            count, at = read_unsigned(body, at)
            for _ in range(count + _LISTS[code]):
                at = _after_number(body, at)
        elif code == _PREFIX and (kind := body[at]) in _AFTER_PREFIX:
            at += 1
            for _ in range(_AFTER_PREFIX[kind]):
                at = _after_number(body, at)
        else:
            raise WasmError(f"the instruction {code:#x} is not known")


def _after_number(body: bytes, at: int) -> int:
    while body[at] >= 0x80:
        at += 1
    return at + 1


_CALL = 0x10
_LARGE_OFFSET = 4096
_FIRST_MEMORY, _LAST_MEMORY = 0x28, 0x3E
_FIRST_NUMERIC, _LAST_NUMERIC = 0x45, 0xC4
_PLAIN = frozenset((0x00, 0x01, 0x05, 0x0B, 0x0F, 0x19, 0x1A, 0x1B, 0xD1))
_NUMBERS_AFTER = {
    **dict.fromkeys((0x02, 0x03, 0x04, 0x06, 0x07, 0x08, 0x09, 0x0C, 0x0D, 0x12, 0x18), 1),
    **dict.fromkeys((0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3F, 0x40, 0x42, 0xD0, 0xD2), 1),
    **dict.fromkeys((0x11, 0x13), 2),
}
_BYTES_AFTER = {0x43: 4, 0x44: 8}
_LISTS = {0x0E: 1, 0x1C: 0}
_PREFIX = 0xFC
_AFTER_PREFIX = {**dict.fromkeys(range(8), 0), 8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}
"""How many numbers, bytes or lists follow an instruction, by its code: sections 5.4.1 to 5.4.7 of the specification,
and those of the older proposal for exceptions (0x06 to 0x09, 0x18, 0x19), which this file uses."""
