"""The rewriting of the runtime's wasm file: exports, bodies and data that go, and notes of what ran."""

import json
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.web import bundle
from calculator.web.bundle import glue, profile, unread, wasm
from calculator.web.bundle.wasm import Export

WHOLE = (bundle.RUNTIME / "pyodide.asm.wasm").read_bytes()


def part(number: int, body: bytes) -> bytes:
    """A section."""
    return bytes([number]) + wasm.unsigned(len(body)) + body


ONE, TWO, GIVES = b"\x00\x41\x01\x0b", b"\x00\x41\x02\x0b", b"\x60\x00\x01\x7f"
SMALL = b"".join(
    (
        b"\0asm\1\0\0\0",
        part(1, b"\x01" + GIVES),
        part(3, b"\x02\x00\x00"),
        part(6, b"\x01\x7f\x00\x41\x00\x0b"),
        part(7, b"\x02\x03one\x00\x00\x03two\x00\x01"),
        part(10, b"\x02\x04" + ONE + b"\x04" + TWO),
    )
).replace(part(3, b"\x02\x00\x00"), part(2, b"\x00") + part(3, b"\x02\x00\x00"))
"""Two functions without parameters: `one` gives 1 and `two` gives 2."""


def run(module: bytes, script: str) -> object:
    """What a script says of the exports of a wasm file, under Node."""
    source = f"""
      const bytes = Buffer.from('{module.hex()}', 'hex');
      WebAssembly.instantiate(bytes).then(({{ instance: {{ exports }} }}) => console.log(JSON.stringify({script})));
    """
    done = subprocess.run(["node", "-e", source], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@given(st.integers(0, 2**40))
def test_an_unsigned_number_is_read_as_it_was_written(value: int) -> None:
    assert wasm.read_unsigned(wasm.unsigned(value), 0) == (value, len(wasm.unsigned(value)))


@given(st.integers(-(2**40), 2**40))
def test_a_signed_number_is_read_as_it_was_written(value: int) -> None:
    assert wasm.read_signed(wasm.signed(value), 0) == (value, len(wasm.signed(value)))


def test_a_file_taken_apart_and_joined_is_the_same_file() -> None:
    assert wasm.joined(wasm.sections(WHOLE)) == WHOLE
    assert wasm.with_bodies(WHOLE, wasm.bodies(WHOLE)) == WHOLE
    assert wasm.with_exports(WHOLE, wasm.exports(WHOLE)) == WHOLE


def test_what_is_not_wasm_is_refused() -> None:
    with pytest.raises(wasm.WasmError, match="not a wasm file"):
        wasm.sections(b"<!doctype html>")


def test_only_the_exports_that_are_wanted_stay() -> None:
    made = wasm.with_exports(SMALL, [Export("zwei", wasm.FUNCTION_KIND, 1)])
    assert run(made, "[Object.keys(exports), exports.zwei()]") == [["zwei"], 2]


def test_an_emptied_function_traps_and_the_others_answer() -> None:
    made = wasm.emptied(SMALL, {0})
    told = "(() => { try { return exports.two(); } catch (error) { return error.constructor.name; } })()"
    assert run(made, f"[exports.one(), {told}]") == [1, "RuntimeError"]


def test_a_function_notes_that_it_ran() -> None:
    (name,) = wasm.note_names(SMALL)
    made = wasm.instrumented(SMALL)
    assert run(made, f"[exports['{name}'].value, exports.two(), exports['{name}'].value]") == [0, 2, 0b10]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"\x00\x41\x80\x08\x0b", {1024}),
        (b"\x00\x41\x7f\x0b", {-1}),
        (b"\x00\x20\x00\x28\x02\x80\x40\x0b", {8192}),
        (b"\x00\x20\x00\x28\x02\x08\x0b", set()),
        (b"\x00\x42\x05\x44" + bytes(8) + b"\x43" + bytes(4) + b"\x0e\x01\x00\x00\xfc\x0a\x00\x00\x0b", set()),
        (b"\x01\x02\x7f\x10\x81\x01\x0b", set()),
    ],
)
def test_the_constants_of_a_body_are_found(body: bytes, found: set[int]) -> None:
    assert wasm.constants(body) == found


def test_a_body_with_an_instruction_that_is_not_known_is_refused() -> None:
    with pytest.raises(wasm.WasmError, match="0xfb is not known"):
        wasm.constants(b"\x00\xfb\x0b")


def test_what_a_kept_function_calls_is_kept_too() -> None:
    calls = wasm.with_bodies(SMALL, [b"\x00\x10\x01\x0b", TWO])
    assert wasm.with_called(calls, {0}) == {0, 1}
    assert wasm.with_called(calls, {1}) == {1}


@given(st.sets(st.integers(0, 20_000), min_size=1))
def test_places_are_unpacked_as_they_were_packed(places: set[int]) -> None:
    assert profile.unpacked(profile.packed(places)) == places


def test_the_profile_belongs_to_the_runtime_that_is_built() -> None:
    kept = json.loads(profile.PATH.read_text("utf-8"))
    assert kept["wasm_sha256"] == bundle.RUNTIME_FILES["pyodide.asm.wasm"]
    assert 1000 < len(profile.executed()) < len(wasm.bodies(WHOLE)) / 4


def test_the_glue_keeps_the_names_that_it_or_the_loader_uses() -> None:
    text = 'var _a=Module["_a"]=wasmExports["a"];var _b=Module["_b"]=wasmExports["b"];var _c=Module["_c"]=12;_a();'
    made = glue.without_unused_names(text, "Module._c")
    assert made == 'var _a=Module["_a"]=wasmExports["a"];var _c=Module["_c"]=12;_a();'
    assert glue.addresses(made) == {12}
    offered = [Export("a", 0, 0), Export("b", 0, 1), Export("c", 3, 0), Export("memory", 2, 0)]
    assert [export.name for export in glue.needed_exports(made, offered)] == ["a", "c"]


def test_the_glue_offers_its_functions_to_the_wasm_file_and_the_loader_alone() -> None:
    text = (
        "function a(){}function b(){}function _c(){}function d(){return eval(1)}"
        'a.sig="v";b.sig="v";_c.sig="vi";Module["a"]=a;Module["b"]=b;Module["d"]=d;'
        "var wasmImports={a,b,c:_c};use(b,wasmImports)"
    )
    made = glue.without_unused_offers(text, "m.d()", {"c"})
    assert made == (
        "function a(){}function b(){}function _c(){}function d(){return (0,eval)(1)}"
        'b.sig="v";_c.sig="vi";Module["d"]=d;'
        "var wasmImports={c:_c};use(b,wasmImports)"
    )
    with pytest.raises(ValueError, match="no list of imports"):
        glue.without_unused_offers("", "", ())


def test_data_is_unread_unless_something_that_stays_leads_to_it() -> None:
    size = 60_000
    table, other, through = 20_000, 40_000, 8
    data = bytearray(b"\x01" * size)
    data[through : through + 4] = other.to_bytes(4, "little")
    lean = b"".join(
        (
            b"\0asm\1\0\0\0",
            part(10, b"\x02" + b"".join(wasm.unsigned(len(b)) + b for b in (_refers(4), _refers(table)))),
            part(11, b"\x01\x00\x23\x00\x0b" + wasm.unsigned(size) + bytes(data)),
        )
    )
    fresh = bytearray(bytes(unread.MEMORY_BASE) + data + bytes(4096))
    place = unread.MEMORY_BASE + through
    fresh[place : place + 4] = (unread.MEMORY_BASE + other).to_bytes(4, "little")

    def covered(executed: set[int], addresses: tuple[int, ...] = ()) -> list[bool]:
        gaps = unread.unread(lean, executed, unread.Memory(bytes(fresh), bytes(fresh), ()), addresses)
        return [any(at in gap for gap in gaps) for at in (table + 100, other + 100)]

    assert covered({0, 1}) == [False, False]
    assert covered({0}) == [True, False]
    assert covered(set()) == [True, True]
    assert covered(set(), (unread.MEMORY_BASE + table,)) == [False, True]


def _refers(address: int) -> bytes:
    return b"\x00\x41" + wasm.signed(address) + b"\x1a\x0b"


def test_what_the_build_left_out_is_most_of_the_code_and_two_fifths_of_the_data() -> None:
    manifest = bundle.build()
    lean = (bundle.DESTINATION / manifest["files"]["leanwasm"]["name"]).read_bytes()
    code = wasm.bodies(lean)
    assert len(code) == len(wasm.bodies(WHOLE))
    assert sum(body == wasm.UNREACHABLE for body in code) > len(code) * 2 / 3
    _, data = wasm.segment(WHOLE)
    assert sum(last - first for first, last in manifest["unread"]) > data * 2 / 5
    script = (bundle.DESTINATION / manifest["files"]["leanglue"]["name"]).read_text("utf-8")
    offered = {export.name for export in wasm.exports(lean)}
    assert set(re.findall(r'wasmExports\["([\w$]+)"\]', script)) - offered <= NOT_IN_EITHER


NOT_IN_EITHER = set(re.findall(r'wasmExports\["([\w$]+)"\]', (bundle.RUNTIME / "pyodide.asm.js").read_text())) - {
    export.name for export in wasm.exports(WHOLE)
}
"""Names that Pyodide's own glue asks for in vain."""
