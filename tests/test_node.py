"""The shipped bytecode in Pyodide, under Node, gives what the native package gives, byte for byte."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from inputs import random_given

from calculator import catalog
from calculator.faces import browser
from calculator.web import bundle

pytestmark = pytest.mark.node

HERE = Path(__file__).parent
A_FEW, ALL = 65, 510
"""Generated inputs in all, shared out evenly over the decisions: in `make test`, and in `make long`."""


def requests(inputs: int) -> list[dict[str, Any]]:
    """The default of each decision in every form and stage, generated inputs, and some that no form would send."""
    names = catalog.names()
    asked: list[dict[str, Any]] = [{"decision": "no such decision"}, {"decision": names[0], "stage": 9}]
    random = Random(20261122)
    for name in names:
        forms: list[dict[str, Any]] = [
            {"form": "html"},
            {"form": "json"},
            {"form": "markdown", "site": "https://a.test/"},
        ]
        asked += [{"decision": name, "stage": stage, **form} for form in forms for stage in range(browser.STAGES)]
        field = next(iter(catalog.decision(name).Inputs.__dataclass_fields__))
        asked.append({"decision": name, "given": {field: "not a value", "no such field": "1"}})
        for index in range(-(-inputs // len(names))):
            given = random_given(catalog.decision(name), random)
            asked.append({"decision": name, "given": given, "stage": browser.STAGES - 1 if index % 20 == 0 else 0})
    return asked


@pytest.fixture(scope="module", params=[A_FEW, pytest.param(ALL, marks=pytest.mark.long)])
def answered(request: pytest.FixtureRequest) -> tuple[list[str], dict[str, Any]]:
    """The requests, and what one Node process made of them."""
    manifest = bundle.build()
    texts = [json.dumps(asked) for asked in requests(request.param)]
    assert len(texts) > request.param
    node = shutil.which("node")
    assert node, "Node is needed for this test"
    where = {"runtime": str(bundle.RUNTIME), "library": str(bundle.DESTINATION / manifest["files"]["library"]["name"])}
    command = [node, str(HERE / "node" / "answers.mjs"), json.dumps(where)]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return texts, json.loads(done.stdout)


def test_generated_inputs_agree_byte_for_byte(answered: tuple[list[str], dict[str, Any]]) -> None:
    texts, told = answered
    differing = [
        (text, native, there)
        for text, there in zip(texts, told["answers"], strict=True)
        if (native := browser.answer(text)) != there
    ]
    assert not differing, f"{len(differing)} of {len(texts)} differ, the first: {differing[0]}"


def test_no_module_was_missing_from_the_trimmed_library(answered: tuple[list[str], dict[str, Any]]) -> None:
    with zipfile.ZipFile(bundle.RUNTIME / "python_stdlib.zip") as whole:
        standard = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in whole.namelist()}
    assert not standard & set(answered[1]["missing"])
