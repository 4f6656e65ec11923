"""The import rules of the package: what may know of what, and what the browser may need."""

import ast
import sys
from pathlib import Path

import pytest

from calculator.bundle.library import NATIVE_ONLY

PACKAGE = Path(__file__).parent.parent / "calculator"

LAYERS = {
    "units": set(),
    "stats": {"stats"},
    "assumptions": {"units"},
    "catalogs": {"units", "catalogs"},
    "exhibit": {"units"},
    "verdict": {"exhibit"},
    "fields": {"units", "assumptions", "catalogs"},
    "situation": {"units", "assumptions", "catalogs", "fields"},
    "llm": {"units", "catalogs", "stats", "llm"},
    "cases": {"stats", "units", "cases"},
    "decisions": {
        "fields",
        "situation",
        "units",
        "verdict",
        "exhibit",
        "llm",
        "stats",
        "catalogs",
        "cases",
        "decisions",
    },
    "engine": {"exhibit", "fields", "verdict", "stats", "units"},
    "catalog": {"decisions", "verdict", "stats"},
    "presets": set(),
    "links": set(),
}


def modules(part):
    path = PACKAGE / f"{part}.py"
    return [path] if path.exists() else sorted((PACKAGE / part).rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "calculator":
                yield from (f"calculator.{alias.name}" for alias in node.names)
            else:
                yield node.module


def parts():
    return sorted({p.stem if p.parent == PACKAGE else p.relative_to(PACKAGE).parts[0] for p in PACKAGE.rglob("*.py")})


@pytest.mark.parametrize("part", sorted(LAYERS))
def test_a_part_imports_only_what_its_layer_allows(part):
    for path in modules(part):
        for name in imports(path):
            if name.startswith("calculator."):
                target = name.split(".")[1]
                if target == "MODEL_VERSION":
                    continue
                assert target in LAYERS[part] | {part}, f"{path.relative_to(PACKAGE)} imports {name}"


@pytest.mark.parametrize("part", [p for p in parts() if p not in NATIVE_ONLY])
def test_what_is_bundled_needs_only_the_standard_library(part):
    for path in modules(part):
        for name in imports(path):
            top = name.split(".")[0]
            assert top == "calculator" or top in sys.stdlib_module_names, f"{path.name} imports {name}"
            if top == "calculator" and "." in name:
                assert name.split(".")[1] not in NATIVE_ONLY, f"{path.name} imports {name}, which stays native"


def test_no_module_is_named_for_nothing():
    assert not {p.stem for p in PACKAGE.rglob("*.py")} & {"utils", "helpers", "core", "manager", "common", "misc"}
