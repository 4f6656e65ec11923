"""Many situations at once: right, resumable, in order, and one bad row never stops the rest."""

import csv
import subprocess
import sys

import pytest

from calculator import catalog, engine
from calculator.__main__ import main
from calculator.faces import batch

NAME = "real_time_updates"


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
    batch.run(NAME, source, str(torn), jobs=1)
    assert torn.read_bytes() == whole.read_bytes()


def test_a_target_of_another_decision_is_left_alone(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("something else\n")
    with pytest.raises(ValueError, match="is not a result of this decision"):
        batch.run(NAME, write(tmp_path / "in.csv", many(1)), str(target), jobs=1)
    assert target.read_text() == "something else\n"


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
    assert [bool(row["problem"]) for row in read(target)] == [True, False]


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
