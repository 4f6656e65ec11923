"""The import rules of the package: what may know of what, and what the browser may need."""

import ast
import sys
from pathlib import Path

import pytest

from calculator.web.bundle.library import native

PACKAGE = Path(__file__).parent.parent / "calculator"

BELOW_FACES = {
    "cases", "catalog", "catalogs", "decisions", "engine", "examine", "exhibit", "explore", "facts", "fields",
    "json_text", "links", "llm", "presets", "situation", "stats", "units", "verdict",
}  # fmt: skip

LAYERS = {
    "units": set(),
    "json_text": set(),
    "stats": set(),
    "facts": {"units"},
    "catalogs": {"json_text", "units"},
    "exhibit": {"units"},
    "verdict": {"exhibit"},
    "fields": {"units", "facts", "catalogs"},
    "situation": {"units", "facts", "catalogs", "fields"},
    "llm": {"units", "catalogs", "stats"},
    "cases": {"stats", "units"},
    "decisions": {"fields", "situation", "units", "verdict", "exhibit", "llm", "stats", "catalogs", "cases"},
    "engine": {"exhibit", "fields", "verdict", "stats", "units"},
    "explore": {"engine", "exhibit", "fields", "units", "verdict"},
    "examine": {"catalogs", "decisions", "json_text", "llm", "stats", "units"},
    "catalog": {"decisions", "fields", "verdict", "stats"},
    "presets": set(),
    "update": {"catalog", "catalogs", "engine", "faces", "llm", "presets", "stats"},
    "links": set(),
    "evaluation": {"cases", "catalogs", "exhibit", "facts", "faces", "llm", "stats", "units"},
    "faces": BELOW_FACES | {"api"},
    "web": BELOW_FACES | {"evaluation", "faces"},
    "api": BELOW_FACES | {"faces"},
    "__main__": BELOW_FACES | {"api", "evaluation", "faces", "update", "web"},
    "__init__": set(),
}
"""What each module or folder of the package may import, besides itself."""


def modules(part):
    path = PACKAGE / f"{part}.py"
    return [path] if path.exists() else sorted((PACKAGE / part).rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            package = PACKAGE.parent / Path(*node.module.split("."))
            for alias in node.names:
                is_module = (package / alias.name).is_dir() or (package / f"{alias.name}.py").exists()
                yield f"{node.module}.{alias.name}" if is_module or node.module == "calculator" else node.module


def parts():
    return sorted({p.stem if p.parent == PACKAGE else p.relative_to(PACKAGE).parts[0] for p in PACKAGE.rglob("*.py")})


def test_every_part_has_its_rule():
    assert parts() == sorted(LAYERS)


@pytest.mark.parametrize("part", sorted(LAYERS))
def test_a_part_imports_only_what_its_layer_allows(part):
    for path in modules(part):
        for name in imports(path):
            if name.startswith("calculator."):
                target = name.split(".")[1]
                if target == "MODEL_VERSION":
                    continue
                assert target in LAYERS[part] | {part}, f"{path.relative_to(PACKAGE)} imports {name}"


def test_what_is_bundled_needs_only_the_standard_library():
    bundled = [path for path in PACKAGE.rglob("*.py") if not native(_below(path))]
    assert len(bundled) > 50
    for path in bundled:
        for name in imports(path):
            top, _, below = name.partition(".")
            assert top == "calculator" or top in sys.stdlib_module_names, f"{path.name} imports {name}"
            if top == "calculator" and below:
                assert not native(below), f"{path.name} imports {name}, which stays native"


def _below(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def test_no_module_is_named_for_nothing():
    assert not {p.stem for p in PACKAGE.rglob("*.py")} & {"utils", "helpers", "core", "manager", "common", "misc"}
