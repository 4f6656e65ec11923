"""The wheel: what it holds, and that it works where nothing else is installed."""

import json
import re
import subprocess
import zipfile
from email.parser import Parser

import pytest

from calculator import MODEL_VERSION, catalog
from calculator.web import mkdocs_plugin
from tests import wheel

LARGEST_BYTES = 2_000_000
SHIPPED = (".py", ".toml", ".csv", ".json", ".bash", ".zsh", ".fish")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return wheel.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(built, tmp_path_factory):
    return wheel.install(built, tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="module")
def names(built):
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def run(python, *arguments):
    command = python.parent / "calculator"
    return subprocess.run([command, *arguments], capture_output=True, text=True, cwd=python.parent, env={})


def test_the_wheel_is_small_and_holds_all_the_data_and_no_tests(built, names):
    assert built.stat().st_size < LARGEST_BYTES
    package = wheel.ROOT / "calculator"
    for path in package.rglob("*"):
        if path.suffix in SHIPPED and "__pycache__" not in path.parts:
            inside = path.relative_to(package)
            assert (f"calculator/{inside.as_posix()}" in names) == (inside.parts[0] != "evaluation"), inside
    for name in (mkdocs_plugin.STYLE, mkdocs_plugin.SCRIPT, *mkdocs_plugin.ON_DEMAND):
        assert f"calculator/assets/{name}" in names
    assert "calculator/py.typed" in names
    assert not [name for name in names if not name.startswith(("calculator/", "fine_tune_or_not-"))]
    assert not [name for name in names if "test" in name.rpartition("/")[2] or name.endswith((".bin", ".wasm"))]


def test_the_wheel_needs_nothing_and_says_what_it_is(built, names):
    with zipfile.ZipFile(built) as archive:
        (path,) = (name for name in names if name.endswith("/METADATA"))
        metadata = Parser().parsestr(archive.read(path).decode())
    assert [int(part) for part in metadata["Version"].split(".")] == [int(part) for part in MODEL_VERSION.split(".")]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    description = metadata.get_payload()
    assert "Fine-tune or not?" in description
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert all(target.startswith("https:") for target in re.findall(r"\]\(([^)]*)\)", description))
    assert all("extra ==" in needed for needed in metadata.get_all("Requires-Dist", []))
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_command_lists_and_runs_every_decision(python):
    listed = json.loads(run(python, "list", "--json").stdout)
    assert set(listed["decisions"]) == set(catalog.names())
    done = run(python, "run", "fine_tune_or_not", "--preset", "faq-bot", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["holds"] is not None
    script = "from calculator import catalog; print(*[catalog.decision(name).question for name in catalog.names()])"
    subprocess.run([python, "-c", script], check=True, cwd=python.parent, env={})


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("bundle", "npm ci"),
        ("mcp", "fine-tune-or-not[mcp]"),
        ("predict parameters rows.csv", "checkout of the repository"),
        ("validate cases cases.json", "checkout of the repository"),
        ("fit", "checkout of the repository"),
        ("cases add sent.md", "checkout of the repository"),
        ("run limited_compute --measured runs.csv", "checkout of the repository"),
    ],
)
def test_what_needs_a_checkout_or_an_extra_says_so(python, command, words):
    done = run(python, *command.split())
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
