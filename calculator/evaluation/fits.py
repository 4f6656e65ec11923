"""``python -m calculator fit [WHAT] [--write]``: every fitted number, made again from the published rows. Native only.

An estimator takes part by a line in ``MODULES`` and by ``fit_file()`` in its module of this package: what its file in
``calculator/llm/fitted/`` holds besides ``made_by`` and ``made_on``. That is rows, projects, coefficients and all else
that is found from rows (doubts, spreads, axes, cells, variance), deterministic and rounded to four digits.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from calculator.llm import fitted

MODULES = {"memory": "training_memory", "speed": "training_throughput", "serving": "inference"}
"""The module of each fitted file."""


def made(what: str, day: str) -> str:
    """The text of a fitted file, worked out from the rows. Raises ValueError for something that is not fitted."""
    if what not in MODULES:
        raise ValueError(f"what: must be one of: {', '.join(MODULES)}; given: {what[:40]!r}")
    module = import_module(f"calculator.evaluation.{MODULES[what]}")
    found: dict[str, Any] = {"made_by": f"python -m calculator fit {what} --write", "made_on": day, **module.fit_file()}
    return _written(found)


def path(what: str) -> Path:
    """Where a fitted file lies."""
    return Path(fitted.FOLDER) / f"{what}.json"


def _written(found: dict[str, Any]) -> str:
    """JSON in which a list of plain values stands on one line, so that a change of a fit can be read in a diff."""
    lines = []
    for key, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], list):
            inner = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value)
            text = f"[\n  {inner}\n ]"
        elif isinstance(value, dict):
            inner = ",\n  ".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items())
            text = f"{{\n  {inner}\n }}"
        else:
            text = json.dumps(value, ensure_ascii=False)
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
