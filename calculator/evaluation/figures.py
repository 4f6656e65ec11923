"""The figures of the page on our error: every estimator on the published rows, each source in the fit and left out.

Each left-out source takes a fit of its own, minutes in all, so the figures are stored with the hash of all that they
depend on; a test holds that hash. Native only.

    python -m calculator.evaluation figures [--write]       works them out, with the accuracy that stands beside
                                                            estimates, and says whether the stored ones are these
"""

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from functools import cache
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from calculator import evaluation
from calculator.evaluation import Pair, summarise

PACKAGE = Path(__file__).resolve().parent.parent
PATH = Path(__file__).with_name("figures.json")

CASES = "cases"
ESTIMATORS = tuple(what for what in evaluation.WHAT if what != CASES)

_INPUTS = ("facts/assumptions", "cases", "catalogs", "llm", "stats", "evaluation", "units.py")
_MADE_FROM_THEM = ("accuracy.json", "figures.json", "__main__.py", "page.py", "reasons.toml")
"""What the figures depend on in the package, and what in there depends on the figures instead."""

_KINDS = (".py", ".csv", ".json", ".toml")

_SLOW_FIRST = (CASES, "inference", "training-throughput", "training-memory", "parameters", "kv-cache")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One quantity on the published rows. Both lists are of the same rows in the order of the file."""

    what: str
    name: str
    published: tuple[Pair, ...]
    """With the coefficients of the package."""
    left_out: tuple[Pair, ...]
    """With coefficients fitted without the row's source; as published where the estimator fits nothing."""
    fitted: bool

    @property
    def complete(self) -> tuple[Pair, ...]:
        """The left-out pairs of complete rows: those that a stated error is about."""
        return tuple(pair for pair in self.left_out if pair.complete)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All that the page shows."""

    compared: dict[str, tuple[Compared, ...]]
    """By estimator, one for each of its quantities."""
    cases: dict[str, Any]
    """What `evaluation.cases.validate` gives."""


@cache
def figures() -> Figures:
    """The stored figures."""
    return read(PATH.read_text("utf-8"))


def stored_hash() -> str:
    """The hash of what the stored figures were worked out from."""
    return str(json.loads(PATH.read_text("utf-8"))["of"])


def inputs_hash() -> str:
    """One hash of the sources and data that the figures depend on."""
    digest = sha256()
    for part in _INPUTS:
        folder = PACKAGE / part
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in _KINDS and path.name not in _MADE_FROM_THEM:
                digest.update(f"{path.relative_to(PACKAGE).as_posix()} {path.stat().st_size} ".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def work_out() -> str:
    """The text of the stored figures, worked out anew: minutes. A row is a line, so that a difference can be read."""
    found = _work_out()
    parts = {"made_by": _line("python -m calculator.evaluation figures --write"), "of": _line(inputs_hash())}
    for what in ESTIMATORS:
        parts[what] = _lines(_lines(_lines(map(_line, pairs)) for pairs in ways) for ways in found[what])
    parts[CASES] = json.dumps(found[CASES], ensure_ascii=False, indent=1)
    return "{" + ",\n".join(f"{_line(name)}: {text}" for name, text in parts.items()) + "}\n"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(texts: Iterable[str]) -> str:
    return "[\n" + ",\n".join(texts) + "\n]"


def _work_out() -> dict[str, Any]:
    jobs = [(CASES, "")]
    jobs += [(what, family) for what in ESTIMATORS for family in (evaluation.by_family(what) if _fits(what) else ("",))]
    jobs.sort(key=lambda job: _SLOW_FIRST.index(job[0]))
    # Fresh interpreters: a build has threads, and a fork of those may hang.
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        done = dict(zip(jobs, pool.map(_job, jobs), strict=True))
    found: dict[str, Any] = {CASES: done[CASES, ""]}
    for what in ESTIMATORS:
        parts = [made for (name, _), made in done.items() if name == what]
        order = {row[evaluation._module(what).ID]: place for place, row in enumerate(evaluation.published(what))}
        found[what] = [
            [
                sorted((pair for part in parts for pair in part[index][way]), key=lambda pair: order[pair[0]])
                for way in (0, 1)
            ]
            for index in range(len(evaluation._module(what).QUANTITIES))
        ]
    return found


def _job(job: tuple[str, str]) -> Any:
    """The pairs of one source for each quantity, as published and left out; or the judged cases."""
    what, family = job
    if what == CASES:
        from calculator.evaluation import cases

        return cases.validate()
    rows: Sequence[evaluation.Row] = evaluation.by_family(what)[family] if _fits(what) else evaluation.published(what)
    return [
        [
            [astuple(pair) for pair in evaluation.pairs(what, rows, quantity=index, left_out=left_out)]
            for left_out in (False, _fits(what))
        ]
        for index in range(len(evaluation._module(what).QUANTITIES))
    ]


def read(text: str) -> Figures:
    """The figures of a stored text."""
    data = json.loads(text)
    names = tuple(Pair.__dataclass_fields__)

    def pairs(rows: Iterable[Sequence[Any]]) -> tuple[Pair, ...]:
        return tuple(Pair(**dict(zip(names, row, strict=True))) for row in rows)

    compared = {
        what: tuple(
            Compared(
                what=what, name=quantity.name, published=pairs(kept[0]), left_out=pairs(kept[1]), fitted=_fits(what)
            )
            for quantity, kept in zip(evaluation._module(what).QUANTITIES, data[what], strict=True)
        )
        for what in ESTIMATORS
    }
    return Figures(compared=compared, cases=data[CASES])


def _fits(what: str) -> bool:
    return hasattr(evaluation._module(what), "fit")


def method_of(text: str) -> str:
    """What a published name of a training method stands for: "full", "lora", "qlora", or "other adapters"."""
    lower = text.lower()
    if lower.startswith(("qlora", "lora")):
        return "qlora" if lower.startswith("q") else "lora"
    return "full" if "full" in lower or "pretrain" in lower else "other adapters"


def measured_accuracy(found: Figures) -> dict[str, dict[str, dict[str, float]]]:
    """Rows, median error and band coverage of complete published rows, sources left out, by estimator and method."""
    one, several, memory = found.compared["inference"]
    groups: dict[tuple[str, str], list[Pair]] = {
        ("decode", "one sequence"): list(one.complete),
        ("decode", "several sequences"): list(several.complete),
        ("serving-memory", "any"): list(memory.complete),
    }
    for what in ("training-memory", "training-throughput"):
        for pair in found.compared[what][0].complete:
            groups.setdefault((what, method_of(pair.method)), []).append(pair)
    made: dict[str, dict[str, dict[str, float]]] = {}
    for (estimator, method), pairs in sorted(groups.items()):
        errors = summarise(pairs)
        if errors.median_error is not None and errors.band_coverage is not None:
            made.setdefault(estimator, {})[method] = {
                "rows": errors.rows - errors.refused,
                "median_error": round(errors.median_error, 3),
                "band_covers": round(errors.band_coverage, 2),
            }
    return made


def accuracy_text(found: Figures) -> str:
    """The text of the stored accuracy."""
    data = {"made_by": "python -m calculator.evaluation figures --write", **measured_accuracy(found)}
    return json.dumps(data, indent=1) + "\n"
