"""The files that the browser runs: complete, small, named by their content, and the same from build to build."""

import gzip
import json
import marshal
import re
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.peers import FORMULA
from calculator.web import bundle
from calculator.web.bundle import library

FIRST_ANSWER_BYTES = 4_200_000
MAGIC_OF_PYTHON_3_13 = (3571).to_bytes(2, "little") + b"\r\n"


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """What is built for the site."""
    return bundle.build()


def artefact(manifest: dict[str, Any], kind: str) -> bytes:
    """The bytes of one built file."""
    return (bundle.DESTINATION / manifest["files"][kind]["name"]).read_bytes()


def library_of(manifest: dict[str, Any], kind: str = "library") -> dict[str, bytes]:
    """The files inside a built library."""
    return library.contents(gzip.decompress(artefact(manifest, kind)))


@pytest.fixture(scope="module")
def second(manifest: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Another build from the start: nothing of the first one's cache, another place, another home."""
    folder = tmp_path_factory.mktemp("second")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "CACHE", folder / "cache")
        patch.setenv("HOME", str(folder))
        patch.setenv("TZ", "Asia/Tokyo")
        patch.chdir(folder)
        return folder / "runtime", bundle.build(folder / "runtime")


def test_two_builds_give_the_same_bytes(manifest: dict[str, Any], second: tuple[Path, dict[str, Any]]) -> None:
    assert second[1]["files"] == manifest["files"]


def test_nothing_is_built_again_when_nothing_changed(second: tuple[Path, dict[str, Any]]) -> None:
    folder, before = second
    written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert bundle.build(folder) == before
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == written


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The small package of the benchmark, built."""
    folder = tmp_path_factory.mktemp("small")
    return folder, bundle.build(folder, FORMULA.parent)


def test_the_small_package_of_the_benchmark_is_built_as_ours_is(small: tuple[Path, dict[str, Any]]) -> None:
    folder, built = small
    held = library.contents(gzip.decompress((folder / built["files"]["library"]["name"]).read_bytes()))
    ours = {name for name in held if name.startswith("calculator/")}
    names = ("__init__", "catalog", "faces/__init__", "faces/browser", "formula", "presets")
    assert ours == {f"calculator/{name}.pyc" for name in names}


@pytest.mark.parametrize(
    ("which", "package"),
    [("small", FORMULA.parent), pytest.param("second", bundle.PACKAGE, marks=pytest.mark.long)],
)
def test_a_file_that_was_lost_or_cut_off_is_built_again(
    request: pytest.FixtureRequest, which: str, package: Path
) -> None:
    folder, before = request.getfixturevalue(which)
    lost = folder / before["files"]["late"]["name"]
    lost.write_bytes(lost.read_bytes()[:100])
    (folder / "heap-of-another-build.bin").write_bytes(b"")
    assert bundle.build(folder, package)["files"] == before["files"]
    assert sha256(lost.read_bytes()).hexdigest() == before["files"]["late"]["sha256"]
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        *(file["name"] for file in before["files"].values()),
    }


def test_every_file_is_named_by_its_content_and_the_worker_names_them_all(manifest: dict[str, Any]) -> None:
    for kind, file in manifest["files"].items():
        content = artefact(manifest, kind)
        assert file["bytes"] == len(content)
        assert file["sha256"] == sha256(content).hexdigest()
        assert file["name"].startswith(f"{kind}-{file['sha256'][:16]}.")
    worker = artefact(manifest, "worker").decode()
    told = json.loads(re.findall(r"^const BUILT = (.*);$", worker, re.MULTILINE)[0])
    for kind in set(manifest["files"]) - {"worker"}:
        assert told["files"][kind]["name"] == manifest["files"][kind]["name"]
    assert bundle.worker_name() == manifest["worker"]


@pytest.mark.parametrize("start", bundle.STARTS)
def test_the_first_answer_needs_at_most_four_megabytes_and_a_fifth(manifest: dict[str, Any], start: str) -> None:
    total = 0
    for name in manifest["starts"][start]:
        content = (bundle.DESTINATION / name).read_bytes()
        total += len(content) if name.endswith(".bin") else len(gzip.compress(content, 6))
    assert total <= FIRST_ANSWER_BYTES
    megabytes = f"{total / 1e6:.0f} MB"
    if start == bundle.SMALL:  # which is what a browser gets that saves data
        place, said = "docs/assets/calculator.js", f"the calculator ({megabytes}) waits"
    else:
        place, said = "docs/reference/other-sites.md", f"about {megabytes} that are fetched"
    assert said in (bundle.ROOT / place).read_text("utf-8")


def test_any_memory_is_packed_and_comes_back_whole() -> None:
    random = Random(3)
    pair, far = random.randbytes(8), random.randbytes(4000)
    text = "A text with “quotes” and an end".encode("utf-16-le")
    steps = b"".join((0x900000 + step).to_bytes(4, "little") for step in (8, 2048, -8, 2**20, 2**24, 4, 3))
    numbers = b"".join(number.to_bytes(4, "little") for number in (1, 255, 256, 65535, 65536, 2**31, 2**32 - 1))
    memories = (
        b"",
        bytes(4),
        bytes(4 * 10_000),
        pair * 5_000,
        far + random.randbytes(4 * 70_000) + far + bytes(4 * 70) + far[:4] + pair,
        steps + numbers + b"plain text, " * 9 + text + bytes(-len(text) % 4) + steps,
    )
    for memory in memories:
        packed = bundle._packed(memory)
        assert int.from_bytes(packed[:4], "little") == len(memory) // 4
    assert len(packed) < 1000


def test_the_bytecode_is_for_the_runtimes_python(manifest: dict[str, Any]) -> None:
    for kind in ("library", "late"):
        for name, content in library_of(manifest, kind).items():
            if name.endswith(".pyc"):
                assert content[:4] == MAGIC_OF_PYTHON_3_13, name
                assert content[4:8] == b"\x01\0\0\0", f"{name} would look for its source"
            else:
                assert not name.endswith(".py"), name


def test_nothing_native_only_is_shipped(manifest: dict[str, Any]) -> None:
    files = [name.replace(".pyc", ".py") for name in library_of(manifest) if name.startswith("calculator/")]
    assert "calculator/faces/browser.py" in files
    assert not [name for name in files if library.is_native(name)]


def test_every_decision_is_shipped(manifest: dict[str, Any]) -> None:
    files = {path.name for path in (bundle.PACKAGE / "decisions").iterdir() if path.is_file()}
    shipped = {name for name in library_of(manifest) if name.startswith("calculator/decisions/")}
    assert shipped == {f"calculator/decisions/{name.replace('.py', '.pyc')}" for name in files}


def test_a_bundled_module_that_imports_a_native_one_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "calculator"
    for folder in ("faces", "web"):
        (package / folder).mkdir(parents=True)
        (package / folder / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "faces" / "browser.py").write_text("def answer():\n    from calculator.web.site import formatter\n")
    (package / "web" / "site.py").write_text("")
    with pytest.raises(bundle.BundleError, match=r"faces/browser\.py is bundled .* imports calculator\.web\.site"):
        library.package_files(package)


def test_a_data_file_that_no_bundled_module_names_stays_at_home(tmp_path: Path) -> None:
    package = tmp_path / "calculator"
    (package / "faces").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "faces" / "__init__.py").write_text("")
    (package / "faces" / "browser.py").write_text(
        'NAMES = ("by_stem",)\ndef read(folder):\n    return open("named.csv"), open(f"{folder}/in_folder.csv")\n'
    )
    for name in ("named.csv", "by_stem.toml", "in_folder.csv", "unnamed.csv"):
        (package / "faces" / name).write_text("")
    data = {name for name in library.package_files(package) if not name.endswith(".py")}
    assert data == {f"calculator/faces/{name}" for name in ("named.csv", "by_stem.toml", "in_folder.csv")}


def test_what_only_the_site_reads_is_not_shipped(manifest: dict[str, Any]) -> None:
    shipped = library_of(manifest, "library") | library_of(manifest, "late")
    assert "calculator/catalogs/api_prices.csv" in shipped
    assert "calculator/catalogs/api_makers.csv" not in shipped


def test_imports_are_found_wherever_they_run() -> None:
    source = b"""
import os.path
from typing import TYPE_CHECKING
from . import near
from ..far import thing
if TYPE_CHECKING:
    import never
else:
    import always
try:
    import tried
except ImportError:
    import otherwise
def later():
    import late
class Body:
    import inside
if __name__ == "__main__":
    import script
"""
    early = {"os.path", "typing", "always", "tried", "otherwise", "inside"}
    near = {"pack.sub", "pack.sub.near", "pack.far", "pack.far.thing", "typing.TYPE_CHECKING"}
    assert library.imported(source, "pack/sub/module.py", late=False) == early | near
    assert library.imported(source, "pack/sub/module.py", late=True) == early | near | {"late"}


def test_a_runtime_file_that_is_not_the_tested_one_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "RUNTIME", tmp_path)
    with pytest.raises(bundle.BundleError, match="npm ci"):
        bundle.build(tmp_path / "out")
    for name in bundle.RUNTIME_FILES:
        (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(bundle.BundleError, match="not the file that was tested"):
        bundle.build(tmp_path / "out")


def test_the_bytes_do_not_depend_on_the_python_that_builds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = {"pack/one.py": b"def f(x):\n    return x + 1\n", "pack/data.toml": b"y = 2\n"}
    found = []
    for number, version in enumerate(((3, 12, 1), (3, 13, 0))):
        monkeypatch.setattr(bundle, "CACHE", tmp_path / str(number))
        monkeypatch.setattr(sys, "version_info", version)
        monkeypatch.setattr(sys, "version", ".".join(map(str, version)))
        found.append((bundle.compiled(files, optimise=2), bundle._inputs(bundle.PACKAGE)))
    assert found[0] == found[1]
    compiled = found[0][0]
    assert set(compiled) == {"pack/one.pyc", "pack/data.toml"}
    assert compiled["pack/one.pyc"][:8] == MAGIC_OF_PYTHON_3_13 + b"\x01\0\0\0"
    code = marshal.loads(compiled["pack/one.pyc"][16:])
    assert {column for place in code.co_positions() for column in place[2:]} == {None}
    assert {line for code in (code, code.co_consts[0]) for *_, line in code.co_lines()} == {1}


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "CACHE", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(bundle.BundleError, match="`node` is missing"):
        bundle.compiled({"pack/one.py": b""}, optimise=0)
