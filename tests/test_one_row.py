"""A device, a family, an optimizer, a format, an engine, a price: each is one row in the file that the page names.

No name of one is compared in code.
"""

import ast
import csv
import re
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
PAGE = (PACKAGE.parent / "docs" / "reference" / "adding-a-row.md").read_text("utf-8")


def answer(folder, script):
    """What a script prints that runs on a copy of the package."""
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {script}"],
        capture_output=True, text=True, cwd=folder, check=True,
    )
    return run.stdout.strip()


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "calculator", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def place(copy, what):
    """The file of the copy that the page names for a kind of thing."""
    (name,) = re.findall(rf"^\| {what} \| `(\S+)` \|$", PAGE, re.MULTILINE)
    return copy / name


def add(copy, what, like, changes):
    """Appends a row like another one, with changes, to the table of a kind of thing."""
    path = place(copy, what)
    head, *lines = path.read_text("utf-8").splitlines()
    columns = head.split(",")
    row = dict(zip(columns, next(line for line in lines if line.startswith(f"{like},")).split(","), strict=True))
    row |= changes
    path.write_text("\n".join([head, *lines, ",".join(row[column] for column in columns)]) + "\n", "utf-8")


def test_a_device_is_one_row(copy):
    changes = {"name": "NVIDIA Test 9000", "aliases": "Test 9000 Ti", "bf16_tflops": "1000", "matmul_tflops": "800"}
    add(copy, "a device", "NVIDIA H100 SXM", changes)
    script = (
        "from calculator.catalogs import accelerator; from calculator.llm.hardware import machine;"
        "device = accelerator('test-9000 ti'); print(device.name, machine(device).matmul_flops)"
    )
    assert answer(copy, script) == "NVIDIA Test 9000 800000000000000.0"


def test_a_device_with_a_missing_cell_is_refused_by_name(copy):
    add(copy, "a device", "NVIDIA H100 SXM", {"name": "NVIDIA Test 9000", "bandwidth_gb_per_s": ""})
    script = (
        "from calculator.catalogs import accelerators\ntry: accelerators()\nexcept ValueError as error: print(error)"
    )
    assert answer(copy, script) == "accelerators.csv: NVIDIA Test 9000 has no bandwidth_gb_per_s"


def test_a_model_family_is_one_row(copy):
    add(copy, "a model family", "qwen3", {"model_type": "test_family", "family": "TestForCausalLM"})
    script = (
        "from calculator.catalogs import read_config; from calculator.llm import parameters;"
        "config = {'model_type': 'test_family', 'hidden_size': 64, 'num_hidden_layers': 2};"
        "found = read_config(config); like = read_config({**config, 'model_type': 'qwen3'});"
        "print(found.family, parameters.total(found) == parameters.total(like))"
    )
    assert answer(copy, script) == "TestForCausalLM True"


def append(copy, what, table):
    path = place(copy, what)
    path.write_text(path.read_text("utf-8") + table, "utf-8")


def test_an_optimizer_is_one_table(copy):
    append(copy, "an optimizer", '\n[test-lion]\nlabel = "Test Lion"\nstates = 1\nbits = 16\nnames = ["test-lion"]\n')
    script = (
        "from calculator.catalogs import architectures;"
        "from calculator.llm.training.memory import TrainingSetup, estimate;"
        "model = architectures()['Qwen/Qwen3-0.6B'];"
        "set_up = lambda name: TrainingSetup(method='full', seq_len=512, optimizer=name);"
        "new, old = (estimate(model, set_up(name)).optimizer_gib for name in ('test-lion', 'adamw'));"
        "print(round(old / new, 6))"
    )
    assert answer(copy, script) == "2.0"


def test_a_number_format_is_one_table(copy):
    row = '\n[format."test-int3"]\nlabel = "3 bit"\nbits = 3.25\nkernel = "int4"\nsource = "t"\n'
    append(copy, "a number format of weights", row)
    script = (
        "from calculator.llm.serving.formats import weight_format;"
        "from calculator.api import run;"
        "found = weight_format('Test-int3'); print(found.bits, found.dense_bits, found.kernel.unpack);"
        "paces = [run('real_time_response', stored=stored).outputs.small_pace_tokens_per_s"
        " for stored in ('test-int3', '4 bit (AWQ)')];"
        "print(paces[0] > paces[1])"
    )
    assert answer(copy, script) == "3.25 3.25 unpack_operations\nTrue"


def test_a_serving_engine_is_one_table(copy):
    row = '\n[[engine]]\nname = "test-serve"\nlabel = "TestServe"\nwords = ["tserve"]\nstyle = "server"\n'
    append(copy, "a serving engine", row)
    script = (
        "from calculator.catalogs import accelerator, architectures;"
        "from calculator.llm.serving import ServingSetup, decode, engine;"
        "from calculator.api import run;"
        "found = engine('Test-Serve');"
        "print(run('real_time_response', engine='tserve').reading.given['engine']);"
        "model, device = architectures()['Qwen/Qwen3-0.6B'], accelerator('NVIDIA H100 SXM');"
        "print(found.step, decode(ServingSetup(model=model, device=device, engine=found)).tokens_per_s > 0)"
    )
    assert answer(copy, script) == "TestServe\nstep_ms True"


def test_a_providers_price_is_one_row(copy):
    changes = {"provider": "Test Cloud", "usd_per_hour": "99", "note": ""}
    add(copy, "what a device costs to rent", "NVIDIA H100 SXM", changes)
    script = (
        "from calculator.catalogs import rent, rents;"
        "print([r.usd_per_hour for r in rents() if r.provider == 'Test Cloud'], rent('NVIDIA H100 SXM')[2] > 2)"
    )
    assert answer(copy, script) == "[99.0] True"


def test_every_file_that_the_page_names_is_there():
    named = re.findall(r"^\| [^|`]+ \| `(\S+)`", PAGE, re.MULTILINE)
    assert len(named) > 8
    assert [name for name in named if not (PACKAGE.parent / name).is_file()] == []


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
READERS = {
    "inference.py": "turns what published tables call a format or a program into our names",
    "parameters.py": "puts right what configs say of classes that we do not carry, before it counts them",
    "reading.py": "tells a framework's habit from the words that runs are reported in",
    "training_memory.py": "reads the columns of published memory tables",
    "training_throughput.py": "reads the columns of published speed tables",
}
"""Modules of `evaluation/` that read others' rows, and why a name stands in each. None of them is in the wheel."""


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
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_code_compares_with_a_name_that_is_a_row(path):
    found = set(compared(path)) & (names() | {family.name for family in families().values()})
    reads = path.parent.name == "evaluation" and path.name in READERS
    assert bool(found) == reads, found or "a module that compares no name needs no exception"
