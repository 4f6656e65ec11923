"""Many situations at once: right, resumable, in order, and one bad row never stops the rest."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

from calculator import catalog, engine
from calculator.__main__ import main
from calculator.faces import batch

NAME = "real_time_updates"
ROOT = Path(__file__).resolve().parent.parent


def write(path, rows):
    head = sorted({field for row in rows for field in row})
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, head)
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def many(count):
    return [{"id": f"s{k}", "fact_half_life_days": str(1 + 7 * k), "failure_usd": "2"} for k in range(count)]


def test_each_row_gets_what_the_engine_gives(tmp_path):
    source, target = write(tmp_path / "in.csv", many(7)), str(tmp_path / "out.csv")
    assert batch.run(NAME, source, target, jobs=1, draws=16) == 0
    decision = catalog.decision(NAME)
    for row, given in zip(read(target), many(7), strict=True):
        reading = engine.read(decision, {"fact_half_life_days": given["fact_half_life_days"]})
        report = engine.add_spread(engine.evaluate_point(NAME, decision, reading), 16)
        assert row["id"] == given["id"]
        assert row["answer"] == report.verdict.answer
        assert float(row["holds"]) == pytest.approx(report.holds)
        assert float(row["retrained_stale_share"]) == pytest.approx(report.outputs.retrained_stale_share, rel=1e-6)


def test_one_bad_row_says_why_and_stops_nothing(tmp_path):
    rows = many(3)
    rows[1]["fact_half_life_days"] = "soon"
    source, target = write(tmp_path / "in.csv", rows), str(tmp_path / "out.csv")
    assert batch.run(NAME, source, target, jobs=1) == 1
    found = read(target)
    assert [bool(row["answer"]) for row in found] == [True, False, True]
    assert "fact_half_life_days" in found[1]["problem"]


def test_the_result_is_the_same_with_one_process_and_with_two(tmp_path):
    source = write(tmp_path / "in.csv", many(1203))
    for jobs in (1, 2):
        batch.run(NAME, source, str(tmp_path / f"{jobs}.csv"), jobs=jobs)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert [int(row["row"]) for row in read(tmp_path / "1.csv")] == list(range(1, 1204))


@pytest.mark.parametrize("cut", [0, 1, 40, 5000, -1, -30])
def test_a_run_that_was_cut_off_goes_on_to_the_same_bytes(tmp_path, cut):
    source, whole, torn = write(tmp_path / "in.csv", many(600)), tmp_path / "whole.csv", tmp_path / "torn.csv"
    batch.run(NAME, source, str(whole), jobs=1)
    head = whole.read_bytes().index(b"\n") + 1
    torn.write_bytes(whole.read_bytes()[: head + cut if cut >= 0 else cut])
    shutil.copy(f"{whole}.run", f"{torn}.run")
    batch.run(NAME, source, str(torn), jobs=1)
    assert torn.read_bytes() == whole.read_bytes()


NEW = {"id": "new", "fact_half_life_days": "9", "failure_usd": "1"}


def computed(monkeypatch):
    """The ids of the rows that are computed from now on, in this process."""
    seen = []

    class Done:
        def __init__(self, cells):
            self.cells = cells

        def result(self):
            return self.cells

    @contextmanager
    def here(work, jobs, scheduler):
        yield lambda chunk: [seen.extend(row["id"] for row in chunk), Done(work(chunk))][1], 4

    monkeypatch.setattr(batch, "_workers", here)
    return seen


def changed(rows, at, **cells):
    return [{**row, **cells} if number == at else row for number, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("rows", "again"),
    [
        (many(6), []),
        (changed(many(6), 3, failure_usd="5"), ["s3", "s4", "s5"]),
        (changed(many(6), 5, id="other"), ["other"]),
        ([NEW, *many(6)], ["new", *(f"s{k}" for k in range(6))]),
        ([*many(6), NEW], ["new"]),
        (many(4), []),
        (many(6)[::-1], [f"s{k}" for k in range(5, -1, -1)]),
    ],
)  # fmt: skip
def test_what_changed_in_the_source_is_computed_again_and_nothing_before_it(tmp_path, monkeypatch, rows, again):
    target, fresh = tmp_path / "out.csv", tmp_path / "fresh.csv"
    seen = computed(monkeypatch)
    batch.run(NAME, write(tmp_path / "in.csv", many(6)), str(target))
    seen.clear()
    source = write(tmp_path / "in.csv", rows)
    batch.run(NAME, source, str(target))
    assert seen == again
    batch.run(NAME, source, str(fresh))
    assert target.read_bytes() == fresh.read_bytes()
    assert Path(f"{target}.run").read_bytes() == Path(f"{fresh}.run").read_bytes()


@pytest.mark.parametrize("what", ["draws", "version", "line", "record"])
def test_what_was_made_otherwise_is_computed_again(tmp_path, monkeypatch, what):
    source, target = write(tmp_path / "in.csv", many(3)), tmp_path / "out.csv"
    seen = computed(monkeypatch)
    batch.run(NAME, source, str(target), draws=16)
    seen.clear()
    whole = target.read_bytes()
    if what == "version":
        monkeypatch.setattr(batch, "MODEL_VERSION", "2027.01.01")
    if what == "line":
        target.write_bytes(whole.replace(b"2,s1,", b"2,s9,"))
    if what == "record":
        record = Path(f"{target}.run")
        record.write_bytes(b"".join(record.read_bytes().splitlines(keepends=True)[:2]))
    draws = 32 if what == "draws" else 16
    batch.run(NAME, source, str(target), draws=draws)
    assert seen == (["s0", "s1", "s2"] if what in ("draws", "version") else ["s1", "s2"])
    batch.run(NAME, source, str(tmp_path / "fresh.csv"), draws=draws)
    assert target.read_bytes() == (tmp_path / "fresh.csv").read_bytes()


def test_problems_of_rows_that_were_kept_count_too(tmp_path):
    source = write(tmp_path / "in.csv", [{"fact_half_life_days": "x"}, {"fact_half_life_days": "9"}])
    target = str(tmp_path / "out.csv")
    assert [batch.run(NAME, source, target, jobs=1) for _ in range(2)] == [1, 1]


def test_a_target_that_is_not_this_runs_is_left_alone(tmp_path):
    source, target = write(tmp_path / "in.csv", many(1)), tmp_path / "out.csv"
    target.write_text("something else\n")
    with pytest.raises(ValueError, match=r"out.csv: is no result of this command"):
        batch.run(NAME, source, str(target), jobs=1)
    assert target.read_text() == "something else\n"
    target.unlink()
    batch.run("limited_compute", write(tmp_path / "gpus.csv", [{"gpus": 1}]), str(target), jobs=1)
    before = target.read_bytes()
    with pytest.raises(ValueError, match=r"out.csv: is not a result of this decision"):
        batch.run(NAME, source, str(target), jobs=1)
    assert target.read_bytes() == before


HOLDS = """
import sys
from calculator.faces import batch
with batch._record(sys.argv[1]):
    print(flush=True)
    input()
"""


def test_one_run_at_a_time_writes_into_a_target(tmp_path):
    source, target = write(tmp_path / "in.csv", many(2)), str(tmp_path / "out.csv")
    batch.run(NAME, source, target, jobs=1)
    before = Path(target).read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        other.stdout.readline()
        with pytest.raises(ValueError, match=r"out.csv: another run is writing into it"):
            batch.run(NAME, source, target, jobs=1, draws=8)
        assert Path(target).read_bytes() == before
        other.kill()
    assert batch.run(NAME, source, target, jobs=1, draws=8) == 0


SLOW = """
import os, sys, time
from calculator.faces import batch

def evaluate_rows(name, draws, rows):
    # In one piece: what two processes print at once may come out mixed.
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(60)

if __name__ == "__main__":
    batch.evaluate_rows = evaluate_rows
    from calculator.__main__ import main
    sys.exit(main(sys.argv[1:]))
"""


def slow_run(tmp_path):
    """A run whose workers never come to an end, once each of them is at work; with their process numbers."""
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    source = write(tmp_path / "in.csv", many(1200))
    command = ["batch", source, "--decision", NAME, "--out", str(tmp_path / "out.csv"), "--jobs", "2"]
    run = subprocess.Popen(
        [sys.executable, str(script), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        # A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    return run, [int(run.stdout.readline()) for _ in range(2)]


def gone(process):
    try:
        # A process that nobody waited for yet is gone too.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes as Linux shows them")
@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_workers_end_with_their_parent_and_ctrl_c_is_one_line(tmp_path, signal_):
    run, workers = slow_run(tmp_path)
    if signal_ == signal.SIGINT:
        # As a terminal does: to all of them.
        os.killpg(run.pid, signal_)
    else:
        run.send_signal(signal_)
    _, said = run.communicate(timeout=60)
    for _ in range(600):
        if all(map(gone, workers)):
            break
        sleep(0.1)
    assert all(map(gone, workers))
    if signal_ == signal.SIGINT:
        assert (run.returncode, said) == (130, "batch: interrupted\n")


def test_ctrl_c_is_the_parents_to_answer():
    """A terminal sends it to every process: a worker that waits for rows would answer with a traceback of its own."""
    script = """
import multiprocessing, os, signal
from calculator.faces import batch
signal.signal(signal.SIGINT, signal.default_int_handler)
ours, theirs = multiprocessing.Pipe(duplex=False)
batch._end_with(ours)
os.kill(os.getpid(), signal.SIGINT)
print("at work")
os._exit(0)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "at work\n", "")


def test_a_worker_that_dies_is_told_in_one_line_and_the_run_can_go_on(tmp_path):
    run, workers = slow_run(tmp_path)
    os.kill(workers[0], signal.SIGKILL)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 3
    assert said == (
        "batch: a worker process died, perhaps for want of memory: try fewer --jobs. "
        "The same command goes on where this one stopped\n"
    )
    target = str(tmp_path / "out.csv")
    assert main(["batch", str(tmp_path / "in.csv"), "--decision", NAME, "--out", target, "--jobs", "1"]) == 0
    assert len(read(target)) == 1200


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"id\nx\n", ["--draws", "100000000000"], "--draws must be from 0 to 100,000; given: 100000000000"),
        (b"id\nx\n", ["--draws", "-1"], "--draws must be from 0"),
        (b"id\nx\n", ["--jobs", "-2"], "--jobs must be from 0"),
        (b"id\nok\n" + b"x" * 140_000 + b"\n", [], "in.csv, line 3: field larger than field limit"),
        (b"id\nok\nZ\xfcrich\n", [], "in.csv, line 3: is not UTF-8"),
        (b"Z\xfcrich\n", [], "in.csv, line 1: is not UTF-8"),
        (b"id\n" + b"x" * 1_100_000, [], "in.csv, line 2: must have at most 1,000,000 characters"),
        (b"", [], "in.csv: the first line must name the fields"),
        (b"id\nx\n", ["--out", "no-such-folder/out.csv"], "no-such-folder/out.csv"),
        (b"id\nx\n", ["--out", "in.csv"], "--out must be another file than the source"),
        (b"id\nx\n", ["--out", "/dev/full"], "--out must be a file that a later run can go on with; given: /dev/full"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_file_line_or_option(tmp_path, monkeypatch, capsys, content, options, words):
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_bytes(content)
    assert main(["batch", "in.csv", "--decision", NAME, "--out", "out.csv", "--jobs", "1", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_a_source_without_end_is_refused(tmp_path, capsys):
    assert main(["batch", "/dev/zero", "--decision", NAME, "--out", str(tmp_path / "out.csv")]) == 2
    assert "/dev/zero, line 1: must have at most 1,000,000 characters" in capsys.readouterr().err


def test_a_full_disk_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    real = batch._write

    def full(file, lines):
        if file.name.endswith("out.csv"):
            with open("/dev/full", "wb") as device:
                real(device, lines)
        real(file, lines)

    monkeypatch.setattr(batch, "_write", full)
    source, target = write(tmp_path / "in.csv", many(2)), str(tmp_path / "out.csv")
    assert main(["batch", source, "--decision", NAME, "--out", target, "--jobs", "1"]) == 3
    assert "cannot be written: No space left on device" in capsys.readouterr().err


def test_a_scheduler_that_is_not_there_is_told_in_one_line(tmp_path, capsys):
    distributed = pytest.importorskip("distributed")
    import dask

    source = write(tmp_path / "in.csv", many(2))
    command = ["batch", source, "--decision", NAME, "--out", str(tmp_path / "out.csv"), "--scheduler"]
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        assert main([*command, "tcp://127.0.0.1:9"]) == 3
    assert "batch: --scheduler tcp://127.0.0.1:9: cannot be reached" in capsys.readouterr().err
    assert distributed.__version__


@pytest.mark.parametrize(
    ("text", "words"), [("", "must name the fields"), ("bogus\n1\n", "bogus"), ("id,id\n1,2\n", "twice")]
)
def test_a_file_without_a_right_header_is_refused(tmp_path, text, words):
    source = tmp_path / "in.csv"
    source.write_text(text)
    with pytest.raises(ValueError, match=words):
        batch.run(NAME, str(source), str(tmp_path / "out.csv"), jobs=1)


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2", "@sum", "\t=1"])
def test_no_cell_can_become_a_formula_in_a_spreadsheet(tmp_path, text):
    rows = [{"id": text, "fact_half_life_days": text}]
    target = str(tmp_path / "out.csv")
    batch.run(NAME, write(tmp_path / "in.csv", rows), target, jobs=1)
    for cell in read(target)[0].values():
        assert not cell.startswith(("=", "+", "-", "@", "\t")), cell


def test_a_row_longer_than_its_header_is_a_problem_of_its_own(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("id,failure_usd\na,1,2,3\nb,2\n")
    target = str(tmp_path / "out.csv")
    assert batch.run(NAME, str(source), target, jobs=1) == 1
    assert [row["problem"] for row in read(target)] == ["the row has more cells than the header", ""]


def test_the_command_gives_0_and_counts_problems(tmp_path, capsys):
    source = write(tmp_path / "in.csv", [{"fact_half_life_days": "x"}, {"fact_half_life_days": "9"}])
    target = str(tmp_path / "out.csv")
    assert main(["batch", source, "--decision", NAME, "--out", target, "--jobs", "1"]) == 0
    assert "1 rows have a problem" in capsys.readouterr().err
    assert main(["batch", "no-such-file", "--decision", NAME, "--out", target]) == 2
    assert main(["batch", source, "--decision", "nothing", "--out", target]) == 2


def test_two_dask_workers_give_the_same_bytes(tmp_path):
    distributed = pytest.importorskip("distributed")
    source = write(tmp_path / "in.csv", many(1100))
    batch.run(NAME, source, str(tmp_path / "one.csv"), jobs=1)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        batch.run(NAME, source, str(tmp_path / "two.csv"), scheduler=cluster.scheduler_address)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_progress_is_written_only_to_a_terminal(tmp_path):
    source = write(tmp_path / "in.csv", many(3))
    arguments = ["batch", source, "--decision", NAME, "--out", str(tmp_path / "out.csv"), "--jobs", "1"]
    found = subprocess.run([sys.executable, "-m", "calculator", *arguments], capture_output=True, text=True, check=True)
    assert found.stderr == ""
