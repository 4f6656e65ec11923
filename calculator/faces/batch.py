"""One decision for many situations: a CSV file in, a CSV file out, in parallel and resumable. Native only.

Rows go out in chunks to the cores of this machine, or to a Dask scheduler, and come back in order, so that memory stays
flat. A row that cannot be read says why; it never stops the rest.

Beside the result, in `RESULT.run`, stands what it was made of: decision, draws and version of the model, and for each
row a digest of what was given and of the line that came out. A later run keeps the lines from the first on for as long
as all of that is the same, and computes the rest: so an interrupted run goes on where it stopped, and what was changed
in the source, or by hand in the result, is computed again.
"""

import csv
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import blake2b
from io import StringIO
from itertools import chain, count, islice
from math import isfinite
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any, BinaryIO, Protocol, TextIO

from calculator import MODEL_VERSION, catalog, engine
from calculator.faces import browser
from calculator.faces.report import DIGITS, csv_text
from calculator.fields import outputs_of

CHUNK_ROWS = 500
"""Rows of one task: long enough that sending them costs little, short enough that progress is seen."""

IN_FLIGHT = 4
"""Tasks under way for each core; more would only fill memory."""

MOST_DRAWS = 100_000
"""The error of a share is then a sixth of a percent, below what any assumption is known to."""

MOST_JOBS = 1_000

LONGEST_LINE = 1_000_000
"""Characters of a line of the source, so that a device without end is none."""

CLOSING_SECONDS = 5

_SHORT = f"%.{DIGITS}g"

Row = Mapping[str, str]


class Pending(Protocol):
    """A chunk that a worker has, be it of this machine's pool or of a scheduler."""

    def result(self) -> list[list[str]]:
        """The cells of its rows, once they are there."""


Submit = Callable[[list[Row]], Pending]


class StoppedError(Exception):
    """The run could not be finished, through no fault of its input; the same command goes on with it."""


def columns(name: str) -> list[str]:
    """The columns of the result."""
    outputs = outputs_of(catalog.decision(name).Outputs)
    return ["row", "id", "answer", "holds", "runner_up", *outputs, "problem"]


def evaluate_rows(name: str, draws: int, rows: Sequence[Row]) -> list[list[str]]:
    """The cells of each row after its number. `draws` of 0 gives the point result only."""
    return [_evaluate(name, draws, row) for row in rows]


def _evaluate(name: str, draws: int, row: Row) -> list[str]:
    decision = catalog.decision(name)
    label = _cell(row.get("id") or "")
    outputs = outputs_of(decision.Outputs)
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
        return [label, "", "", "", *[""] * len(outputs), _cell(str(error))]
    found = decision.compute(reading.inputs)
    answer, holds, runner_up = engine.choose(decision, reading.inputs, found), "", ""
    if draws:
        report = engine.add_spread(engine.evaluate_point(name, decision, reading), draws)
        holds, runner_up = f"{report.holds:.6g}", str(report.runner_up or "")
    return [label, str(answer), holds, runner_up, *(_number(getattr(found, field)) for field in outputs), ""]


def _number(value: float) -> str:
    return _SHORT % value if isfinite(value) else str(value)


def _cell(text: str) -> str:
    """Text on one line, so that a line is a row, and none that a spreadsheet will take for a formula."""
    return csv_text(" ".join(text.split()))


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
    """Evaluate every row of `source` into `target` and give the number of its rows with a problem.

    A target that an earlier run left is continued after the last row that is still the same. draws: behind each answer,
    0 for the point result alone. jobs: processes, 0 for one a core. scheduler: address of a Dask scheduler that takes
    the place of the processes. Raises ValueError for a number out of bounds, a source that is no CSV file with a
    header, a target that is not this decision's or that another run writes into; OSError for files; StoppedError when
    a worker or the scheduler is lost, or the target cannot be written.
    """
    for option, value, most in (("--draws", draws, MOST_DRAWS), ("--jobs", jobs, MOST_JOBS)):
        if not 0 <= value <= most:
            raise ValueError(f"{option} must be from 0 to {most:,}; given: {value}")
    _check_target(Path(target), source)
    about = {"decision": name, "draws": draws, "version": MODEL_VERSION}
    with open(source, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        rows = csv.DictReader(_lines(file))
        given = _read(source, rows)
        _check_header(name, _fields(source, rows), source)
        with _record(target) as record, open(target, "a+b") as out:
            done, problems, rest = _keep(given, target, out, record, about)
            with _workers(partial(evaluate_rows, name, draws), jobs, scheduler) as (submit, width):
                return problems + _drain(rest, submit, width, out, record, done, progress)


def _check_target(target: Path, source: str) -> None:
    if not target.exists():
        return
    if not target.is_file():
        raise ValueError(f"--out must be a file that a later run can go on with; given: {target}")
    if Path(source).exists() and target.samefile(source):
        raise ValueError(f"--out must be another file than the source; given: {target}")
    if target.stat().st_size and not _record_of(target).exists():
        raise ValueError(f"{target}: is no result of this command; choose another name for --out or remove it")


def _record_of(target: Path | str) -> Path:
    return Path(f"{target}.run")


@contextmanager
def _record(target: str) -> Iterator[BinaryIO]:
    """The record beside a result, for one run at a time."""
    with open(_record_of(target), "a+b") as record:
        try:
            _lock(record)
        except OSError:
            raise ValueError(f"{target}: another run is writing into it") from None
        yield record


def _lock(file: BinaryIO) -> None:
    """Take a file for this process; the system lets go of it when the process ends, however it ends."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lines(file: TextIO) -> Iterator[str]:
    for number in count(1):
        line = file.readline(LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > LONGEST_LINE:
            raise ValueError(f"must have at most {LONGEST_LINE:,} characters")
        if not line.isprintable() and any("\udc80" <= character <= "\udcff" for character in line):
            raise ValueError(f"is not UTF-8 (line {number} of the file)")
        yield line


def _fields(source: str, rows: "csv.DictReader[str]") -> Sequence[str] | None:
    try:
        return rows.fieldnames
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{source}, line 1: {error}") from None


def _read(source: str, rows: "csv.DictReader[str]") -> Iterator[Row]:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except (csv.Error, ValueError) as error:
            raise ValueError(f"{source}, line {rows.line_num + 1}: {error}") from None
        yield row


def _keep(
    rows: Iterator[Row], target: str, out: BinaryIO, record: BinaryIO, about: Mapping[str, object]
) -> tuple[int, int, Iterator[Row]]:
    """How many rows of a result are still right, how many of these have a problem, and the rows that follow them.

    What is left in the files are the first lines and those rows.
    """
    name = str(about["decision"])
    head, description = f"{','.join(columns(name))}\n".encode(), f"{json.dumps(about)}\n".encode()
    out.seek(0)
    record.seek(0)
    first, described = out.readline(), record.readline()
    if first.endswith(b"\n") and first != head:
        raise ValueError(f"{target}: is not a result of this decision; choose another name for --out or remove it")
    done = problems = 0
    if first != head or described != description:
        out.truncate(0)
        record.truncate(0)
        _write(out, [head])
        _write(record, [description])
        return done, problems, rows
    rest = rows
    ends = len(first), len(described)
    for row in rows:
        line, digest = out.readline(), record.readline()
        if not line.endswith(b"\n") or digest != _digest(row, line):
            rest = chain([row], rows)
            break
        done += 1
        problems += not line.endswith(b",\n")
        ends = ends[0] + len(line), ends[1] + len(digest)
    out.truncate(ends[0])
    record.truncate(ends[1])
    return done, problems, rest


def _digest(row: Row, line: bytes) -> bytes:
    """A line of the record: what a row holds, and the line that it came to."""
    cells = sorted((str(field), text) for field, text in row.items() if text not in ("", None))
    return f"{blake2b(json.dumps(cells).encode() + line, digest_size=10).hexdigest()}\n".encode()


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


@contextmanager
def _workers(work: Callable[[list[Row]], list[list[str]]], jobs: int, scheduler: str) -> Iterator[tuple[Submit, int]]:
    """How to give a chunk to the workers, and how many chunks to keep under way. StoppedError when they are lost."""
    if scheduler:
        with _cluster(scheduler) as client:
            width = max(1, sum(client.ncores().values()))
            yield lambda chunk: client.submit(work, chunk, pure=False), width * IN_FLIGHT
        return
    width = jobs or os.cpu_count() or 1
    # Fresh interpreters, as everywhere but on Linux: the caller may have threads, and a fork of those may hang.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    pool = ProcessPoolExecutor(width, mp_context=context, initializer=_end_with, initargs=(theirs,))
    try:
        yield lambda chunk: pool.submit(work, chunk), width * IN_FLIGHT
        pool.shutdown()
    except BrokenExecutor:
        raise StoppedError("a worker process died, perhaps for want of memory: try fewer --jobs") from None
    finally:
        # Whatever they are still at, nobody waits for it any more.
        ours.close()
        pool.shutdown(cancel_futures=True)


def _end_with(parent: Connection) -> None:
    """End this worker when its parent ends, in whatever way, and leave it to the parent to answer Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        with suppress(EOFError, OSError):
            parent.recv_bytes()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    try:
        import distributed
    except ImportError:
        raise ValueError("--scheduler needs the package's extra: pip install 'fine-tune-or-not[dask]'") from None
    connect: Any = distributed.Client
    try:
        client = connect(address)
    except (OSError, ValueError) as error:
        raise StoppedError(f"--scheduler {address}: cannot be reached: {error}") from None
    try:
        yield client
    except (OSError, CancelledError, distributed.KilledWorker) as error:
        raise StoppedError(f"--scheduler {address}: was lost: {error or type(error).__name__}") from None
    finally:
        with suppress(OSError, CancelledError):
            client.close(timeout=CLOSING_SECONDS)


def _drain(
    rows: Iterator[Row],
    submit: Submit,
    width: int,
    out: BinaryIO,
    record: BinaryIO,
    number: int,
    progress: TextIO | None,
) -> int:
    problems, started, first = 0, monotonic(), number
    under_way: deque[tuple[list[Row], Pending]] = deque()
    chunks = _chunks(rows)
    while True:
        while len(under_way) < width and (chunk := next(chunks, None)) is not None:
            under_way.append((chunk, submit(chunk)))
        if not under_way:
            break
        given, future = under_way.popleft()
        lines = []
        for cells in future.result():
            number += 1
            problems += bool(cells[-1])
            lines.append(_line([number, *cells]))
        # The result first: a line without a digest is computed again, a digest without its line would be too.
        _write(out, lines)
        _write(record, map(_digest, given, lines))
        if progress is not None:
            speed = (number - first) / max(monotonic() - started, 1e-9)
            print(f"\r{number:,} rows, {speed:,.0f} a second, {problems:,} with a problem", end="", file=progress)
    if progress is not None:
        print(file=progress)
    return problems


def _line(cells: Sequence[object]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "replace")


def _write(file: BinaryIO, lines: Iterable[bytes]) -> None:
    # Past the buffer: what it could not write it would try again when the file is closed. Both files are for appending.
    data = memoryview(b"".join(lines))
    try:
        while data:
            data = data[os.write(file.fileno(), data) :]
    except OSError as error:
        raise StoppedError(f"{file.name}: cannot be written: {error.strerror}") from None


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield chunk


def progress_stream() -> TextIO | None:
    """Where progress goes: the terminal, if there is one."""
    return sys.stderr if sys.stderr.isatty() else None
