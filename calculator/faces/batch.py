"""One decision for many situations: a CSV file in, a CSV file out, in parallel and resumable. Native only.

Rows go out in chunks to the cores of this machine, or to a Dask scheduler, and come back in order, so that memory stays
flat and an interrupted run goes on where it stopped. A row that cannot be read says why; it never stops the rest.
"""

import csv
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from math import isfinite
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any, TextIO

from calculator import catalog, engine
from calculator.faces import browser
from calculator.faces.report import DIGITS
from calculator.fields import fields_of

CHUNK_ROWS = 500
"""Rows of one task: long enough that sending them costs little, short enough that progress is seen."""

IN_FLIGHT = 4
"""Tasks under way for each core; more would only fill memory."""

_SHORT = f"%.{DIGITS}g"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Row = Mapping[str, str]
Submit = Callable[[list[Row]], Any]
"""Gives a chunk to a worker; what comes back has a `result()`, be it of this machine's pool or of a scheduler."""


def columns(name: str) -> list[str]:
    """The columns of the result."""
    outputs = fields_of(catalog.decision(name).Outputs)
    return ["row", "id", "answer", "holds", "runner_up", *outputs, "problem"]


def evaluate_rows(name: str, draws: int, rows: Sequence[Row]) -> list[list[str]]:
    """The cells of each row after its number. `draws` of 0 gives the point result only."""
    return [_evaluate(name, draws, row) for row in rows]


def _evaluate(name: str, draws: int, row: Row) -> list[str]:
    decision = catalog.decision(name)
    label = _harmless(row.get("id") or "")
    outputs = fields_of(decision.Outputs)
    given = {field: text for field, text in row.items() if field != "id" and text not in ("", None)}
    try:
        merged, ignored = browser.merge(name, given, str(given.pop("preset", "")))
        if None in row:
            raise ValueError("the row has more cells than the header")
        if ignored:
            raise ValueError(f"no decision has the fields: {', '.join(ignored)}")
        reading = engine.read(decision, merged)
        if reading.problems:
            raise ValueError("; ".join(map(str, reading.problems)))
    except ValueError as error:
        return [label, "", "", "", *[""] * len(outputs), _harmless(str(error))]
    found = decision.compute(reading.inputs)
    answer, holds, runner_up = engine.choose(decision, reading.inputs, found), "", ""
    if draws:
        report = engine.add_spread(engine.evaluate_point(name, decision, reading), draws)
        holds, runner_up = f"{report.holds:.6g}", str(report.runner_up or "")
    return [label, str(answer), holds, runner_up, *(_number(getattr(found, field)) for field in outputs), ""]


def _number(value: float) -> str:
    return _SHORT % value if isfinite(value) else str(value)


def _harmless(text: str) -> str:
    """Text that a spreadsheet will not take for a formula."""
    text = " ".join(text.split())
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def run(
    name: str,
    source: str,
    target: str,
    *,
    draws: int = 0,
    jobs: int = 0,
    scheduler: str = "",
    progress: TextIO | None = None,
) -> int:
    """Evaluate every row of `source` into `target` and give the number of rows with a problem among those done now.

    A target that an interrupted run left is continued after its last whole row. jobs: processes, 0 for one a core.
    scheduler: address of a Dask scheduler that takes the place of the processes. Raises ValueError for a source that
    is no CSV file with a header or a target that is not this run's, OSError for files.
    """
    head = columns(name)
    with open(source, newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        _check_header(name, rows.fieldnames, source)
        done = _resume(Path(target), head)
        with open(target, "a", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            if not done:
                writer.writerow(head)
            work = partial(evaluate_rows, name, draws)
            waiting: Iterator[Row] = islice(rows, max(0, done - 1), None)
            pool, submit, width = _workers(work, jobs, scheduler)
            try:
                return _drain(waiting, submit, width, writer, out, max(0, done - 1), progress)
            finally:
                pool()


def _check_header(name: str, found: Sequence[str] | None, source: str) -> None:
    if not found:
        raise ValueError(f"{source}: the first line must name the fields")
    known = {*catalog.known_fields(), "id", "preset"}
    unknown = [field for field in found if field not in known]
    if unknown:
        raise ValueError(f"{source}: no decision has the fields: {', '.join(map(str, unknown))[:300]}")
    if len(set(found)) != len(found):
        raise ValueError(f"{source}: a field stands twice in the first line")
    catalog.decision(name)


def _resume(target: Path, head: Sequence[str]) -> int:
    """Lines of an earlier run that are whole, its header included; a torn last line is cut off."""
    if not target.exists() or target.stat().st_size == 0:
        return 0
    with target.open("rb+") as file:
        first = file.readline().decode("utf-8").rstrip("\n")
        if first != ",".join(head):
            raise ValueError(f"{target}: is not a result of this decision; choose another name or remove it")
        lines, whole = 1, file.tell()
        for line in file:
            if not line.endswith(b"\n"):
                break
            lines, whole = lines + 1, whole + len(line)
        file.truncate(whole)
    return lines


def _workers(
    work: Callable[[list[Row]], list[list[str]]], jobs: int, scheduler: str
) -> tuple[Callable[[], None], Submit, int]:
    """How to end the workers, how to give them a chunk, and how many chunks to keep under way."""
    if scheduler:
        try:
            import distributed
        except ImportError:
            raise ValueError("a scheduler needs the package's extra: pip install 'fine-tune-or-not[dask]'") from None
        connect: Any = distributed.Client
        client = connect(scheduler)
        width = max(1, sum(client.ncores().values()))
        return client.close, lambda chunk: client.submit(work, chunk, pure=False), width * IN_FLIGHT
    width = jobs or os.cpu_count() or 1
    # Fresh interpreters, as everywhere but on Linux: the caller may have threads, and a fork of those may hang.
    pool = ProcessPoolExecutor(width, mp_context=get_context("spawn"))
    return partial(pool.shutdown, cancel_futures=True), lambda chunk: pool.submit(work, chunk), width * IN_FLIGHT


def _drain(
    rows: Iterator[Row],
    submit: Submit,
    width: int,
    writer: Any,
    out: TextIO,
    number: int,
    progress: TextIO | None,
) -> int:
    problems, started, first = 0, monotonic(), number
    under_way: deque[Any] = deque()
    chunks = _chunks(rows)
    while True:
        while len(under_way) < width and (chunk := next(chunks, None)) is not None:
            under_way.append(submit(chunk))
        if not under_way:
            break
        for cells in under_way.popleft().result():
            number += 1
            problems += bool(cells[-1])
            writer.writerow([number, *cells])
        out.flush()
        if progress is not None:
            speed = (number - first) / max(monotonic() - started, 1e-9)
            print(f"\r{number:,} rows, {speed:,.0f} a second, {problems:,} with a problem", end="", file=progress)
    if progress is not None:
        print(file=progress)
    return problems


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield chunk


def progress_stream() -> TextIO | None:
    """Where progress goes: the terminal, if there is one."""
    return sys.stderr if sys.stderr.isatty() else None
