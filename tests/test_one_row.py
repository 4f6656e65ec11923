"""A device, a family, an optimizer, a format, an engine: each is one row, and no name of one is compared in code."""

import ast
import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import calculator
from calculator.catalogs.families import families
from calculator.catalogs.training import bases, frameworks, objectives, optimizers
from calculator.llm.serving.engines import ENGINES
from calculator.llm.serving.formats import FORMATS

PACKAGE = Path(calculator.__file__).parent
CATALOGS = PACKAGE / "catalogs"


def answer(folder, script):
    """What a script prints that runs on a copy of the package."""
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {script}"],
        capture_output=True, text=True, cwd=folder, check=True,
    )
    return run.stdout.strip()


@pytest.fixture
def copy(tmp_path):
    for part in ("catalogs", "llm", "stats", "facts"):
        shutil.copytree(PACKAGE / part, tmp_path / "calculator" / part, ignore=shutil.ignore_patterns("__pycache__"))
    for module in PACKAGE.glob("*.py"):
        shutil.copy(module, tmp_path / "calculator")
    return tmp_path


def add(copy, name, like, changes):
    """Appends a row like another one, with changes, to a catalogue of the copy."""
    path = copy / "calculator" / "catalogs" / name
    head, *lines = path.read_text("utf-8").splitlines()
    columns = head.split(",")
    row = dict(zip(columns, next(line for line in lines if line.startswith(f"{like},")).split(","), strict=True))
    row |= changes
    path.write_text("\n".join([head, *lines, ",".join(row[column] for column in columns)]) + "\n", "utf-8")


def test_a_device_is_one_row(copy):
    changes = {"name": "NVIDIA Test 9000", "aliases": "Test 9000 Ti", "bf16_tflops": "1000", "matmul_tflops": "800"}
    add(copy, "accelerators.csv", "NVIDIA H100 SXM", changes)
    script = (
        "from calculator.catalogs import accelerator; from calculator.llm.hardware import machine;"
        "device = accelerator('test-9000 ti'); print(device.name, machine(device).matmul_flops)"
    )
    assert answer(copy, script) == "NVIDIA Test 9000 800000000000000.0"


def test_a_device_with_a_missing_cell_is_refused_by_name(copy):
    add(copy, "accelerators.csv", "NVIDIA H100 SXM", {"name": "NVIDIA Test 9000", "bandwidth_gb_per_s": ""})
    script = (
        "from calculator.catalogs import accelerators\ntry: accelerators()\nexcept ValueError as error: print(error)"
    )
    assert answer(copy, script) == "accelerators.csv: NVIDIA Test 9000 has no bandwidth_gb_per_s"


def test_a_model_family_is_one_row(copy):
    add(copy, "families.csv", "qwen3", {"model_type": "test_family", "family": "TestForCausalLM"})
    script = (
        "from calculator.catalogs import read_config; from calculator.llm import parameters;"
        "config = {'model_type': 'test_family', 'hidden_size': 64, 'num_hidden_layers': 2};"
        "found = read_config(config); like = read_config({**config, 'model_type': 'qwen3'});"
        "print(found.family, parameters.total(found) == parameters.total(like))"
    )
    assert answer(copy, script) == "TestForCausalLM True"


def names():
    """Names of devices, families, optimizers, bases, formats, engines and frameworks that no code may compare with."""
    with (CATALOGS / "accelerators.csv").open() as lines:
        devices = {row["name"] for row in csv.DictReader(lines)}
    tables = (optimizers(), bases(), FORMATS, ENGINES, frameworks(), objectives())
    return (devices | set(families()) | {name for table in tables for name in table}) - COMMON


COMMON = {"llama", "opt", "mpt", "phi", "gpt2", "olmo", "glm", "qwen", "t5", "mistral", "granite", "nemotron"}
"""Short words that also mean something else; the classes below stand for them."""
COMMON |= {"none", "text", "unknown"}
"""No base, plain text and a framework that nobody named: the absence of a thing, not its name."""
# The readers of published rows translate others' names; those below `facts` and `cases` are of sources and tasks.
SHOWN = ("evaluation", "facts", "web", "cases")


def compared(path):
    """The text constants of comparisons, of membership tests and of match patterns in a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        parts = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            parts = [node.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            parts = node.args if node.func.attr in ("startswith", "endswith") else []
        for part in parts:
            for inner in ast.walk(part):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield inner.value


@pytest.mark.parametrize(
    "path", [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] not in SHOWN],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_no_code_compares_with_a_name_that_is_a_row(path):
    found = set(compared(path)) & (names() | {family.name for family in families().values()})
    assert not found
