"""The benchmark's tables: complete, placed once, and those of the committed results."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench import lighthouse, load, measure, native, phone, table
from bench.__main__ import PAGE, RESULTS, ratios, summary

PHONES = {"this": summary([90, 100, 110]), "earlier": summary([380, 400, 500])}


@pytest.fixture
def results() -> dict[str, Any]:
    """Made-up results in which our ways take a quarter of the time of the plain ones."""
    ours, plain = summary([90, 100, 110]), summary([380, 400, 500])
    keys = ("ours-small", "plain-small", "pyscript-pyodide", "ours-whole", "plain-whole")
    peers = [
        {
            "key": key,
            "title": f"way {key}",
            "cold": ours if key.startswith("ours") else plain,
            "second": ours if key.startswith("ours") else plain,
            "cold_bytes": {"Pyodide, wasm": 2_000_000, "Python": 1_000_000},
        }
        for key in keys
    ]
    site: dict[str, Any] = dict.fromkeys(("cold", "second", "swap", "hop", "sweep", "map"), ours)
    site["edits"] = {"decide/": dict.fromkeys(("point", "visible", "whole", "typed"), ours)}
    parts = {"the page": 40.0, "the answer": 60.0}
    site.update(cold_wait=parts, second_wait=parts)
    phone = {name: {"cold": times, "second": times, "cold_wait": parts} for name, times in PHONES.items()}
    site.update(before_bytes={"pages": 20_000}, cold_bytes={"pages": 20_000, "Python": 1_000_000})
    told = {
        "machine": {"date": "2026-01-01", "chromium": "1.2", "cores": 2},
        "rounds": 3,
        "site": site,
        "phone": phone,
        "peers": peers,
        "left_out": {"another": "it cannot be had"},
    }
    return {**told, "ratios": ratios(told)}


def test_a_summary_holds_the_middle_and_the_ends() -> None:
    assert summary([3, 1, 2, 10]) == {"median": 2.5, "least": 1, "most": 10, "p95": 10, "n": 4}


def test_ratios_are_of_medians(results: dict[str, Any]) -> None:
    assert set(results["ratios"].values()) == {0.25}


def test_without_an_earlier_state_nothing_is_said_of_one(results: dict[str, Any]) -> None:
    assert any("earlier" in name for name in results["ratios"])
    del results["phone"]["earlier"]
    assert not any("earlier" in name for name in ratios(results))


def test_the_parts_of_a_wait_sum_to_the_whole() -> None:
    watched = {
        "acted": 300.0,
        "begun": 400.0,
        "marks": {"module": 500},
        "states": {"ready": 1000.0},
        "answers": [{"at": 1100.0}],
        "firstShown": 1150.0,
    }
    assert list(measure.waits(watched).values()) == [300, 100, 500, 100, 100, 50]
    # What was over before the part in front of it is none of the wait.
    assert list(measure.waits({**watched, "acted": 950.0}).values()) == [950, 0, 0, 50, 100, 50]


def test_a_line_lets_so_many_bytes_through_a_second() -> None:
    line, out = phone.Line(mbit_per_s=8.0, latency_s=0.0), io.BytesIO()
    begun = time.monotonic()
    line.pass_on(bytes(100_000), out)
    assert time.monotonic() - begun >= 0.099
    assert out.getvalue() == bytes(100_000)


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="it finds processes as Linux lists them")
def test_only_the_renderers_of_one_browser_are_slowed(tmp_path: Path) -> None:
    fork = (
        "import subprocess, sys, time; "
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)', '--type=renderer']); time.sleep(30)"
    )
    started = [subprocess.Popen([sys.executable, "-c", fork, f"--user-data-dir={tmp_path}/{name}"]) for name in "ab"]
    try:
        until = time.monotonic() + 20
        while not (found := phone._renderers(f"{tmp_path}/a")) and time.monotonic() < until:
            time.sleep(0.05)
        [renderer] = found
        parent = int(Path(f"/proc/{renderer}/stat").read_text().rpartition(")")[2].split()[1])
        assert parent == started[0].pid
    finally:
        for place in [*phone._renderers(f"{tmp_path}/a"), *phone._renderers(f"{tmp_path}/b")]:
            os.kill(place, signal.SIGKILL)
        for process in started:
            process.kill()
            process.wait()


def test_the_tables_name_every_way_and_every_ratio(results: dict[str, Any]) -> None:
    text = table.render(results)
    for peer in results["peers"]:
        assert f"| {peer['title']}" in text
    for name in results["ratios"]:
        assert f"- {name}: 0.25" in text
    assert "100 ms (90–110)" in text
    assert "| decide | 100 / 110 ms |" in text
    assert "| pages | 20,000 | 20,000 |" in text
    assert "| the answer | 60 ms | 60 ms | 60 ms |" in text
    assert "- another: it cannot be had." in text


def test_tables_are_put_at_the_end_once_and_then_replaced(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    page.write_text("# Speed\n\nWords.\n")
    table.place(page, "old\n")
    table.place(page, "new\n")
    assert page.read_text() == f"# Speed\n\nWords.\n\n{table.BEGIN}\n\nnew\n\n{table.END}\n"


@pytest.mark.skipif(not RESULTS.is_file(), reason="nothing was measured yet")
def test_the_page_shows_the_committed_results() -> None:
    assert table.render(json.loads(RESULTS.read_text("utf-8"))) in PAGE.read_text("utf-8")


def test_the_table_of_lighthouse_gives_the_lowest_of_each_score() -> None:
    good: dict[str, Any] = {**dict.fromkeys(lighthouse.CATEGORIES, 100), "failed": []}
    pages = {
        "": {"phone": {**good, "performance": 91}, "desktop": good},
        "decide/": {"phone": {**good, "seo": 97, "performance": 95}, "desktop": {**good, "performance": 98}},
    }
    one = {"date": "2026-01-01", "cores": 2, "rounds": 1, "pages": pages}
    text = lighthouse.render(one)
    assert "| seo | 97 | 100 |" in text
    assert "| performance | 91 | 98 |" in text
    assert "| performance, median | 93 | 99 |" in text
    later = lighthouse.render({**one, "changed": "2026-02-03"})
    assert "on 2026-01-01, those changed since on 2026-02-03, on 2 cores" in later
    better = {"": pages[""], "decide/": {"phone": {**good, "performance": 99}, "desktop": {**good, "performance": 80}}}
    both = lighthouse.join(one, {**one, "pages": better})
    assert both["rounds"] == 2
    assert both["pages"]["decide/"] == {
        "phone": {**good, "seo": 97, "performance": 99},
        "desktop": {**good, "performance": 98},
    }


def test_an_audit_that_fails_wholly_is_named_as_one_that_fails_in_part_is(monkeypatch: pytest.MonkeyPatch) -> None:
    audits = {"lost": 0, "half": 0.5, "whole": 1, "not for this page": None}
    refs = [{"id": name, "weight": 1} for name in audits]
    told = {
        "categories": {name: {"score": 1, "auditRefs": refs} for name in lighthouse.CATEGORIES},
        "audits": {name: {"score": score} for name, score in audits.items()},
    }
    done = subprocess.CompletedProcess[str]([], 0, json.dumps(told))
    monkeypatch.setattr(lighthouse.subprocess, "run", lambda *_, **__: done)
    assert lighthouse.score("an address", ())["failed"] == ["lost", "half"]


def test_a_page_that_was_changed_takes_the_place_of_its_former_self() -> None:
    before = {"date": "2026-11-29", "rounds": 2, "pages": {"a/": {"phone": 1}, "b/": {"phone": 2}}}
    found = lighthouse.replace(before, {"date": "2026-11-30", "rounds": 1, "pages": {"b/": {"phone": 3}}})
    assert found == {**before, "changed": "2026-11-30", "pages": {"a/": {"phone": 1}, "b/": {"phone": 3}}}


def test_the_page_shows_the_committed_scores_and_only_performance_is_below_100() -> None:
    results = json.loads(lighthouse.RESULTS.read_text("utf-8"))
    assert lighthouse.render(results) in PAGE.read_text("utf-8")
    scores = [page[form] for page in results["pages"].values() for form in lighthouse.FORMS]
    assert all(score[name] == 100 for score in scores for name in lighthouse.CATEGORIES[:3])


def test_the_page_shows_the_committed_native_figures_and_a_batch_takes_no_more_memory_for_more_rows() -> None:
    results = json.loads(native.RESULTS.read_text("utf-8"))
    assert native.render(results) in PAGE.read_text("utf-8")
    fewer, more, _ = results["batches"]
    assert more["rows"] == 10 * fewer["rows"]
    assert more["mib"] <= 1.1 * fewer["mib"]


def test_a_batch_is_timed_on_rows_that_are_all_answered(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    native.write_rows(20, source)
    seconds, mib = native.batch(source, 0)
    assert seconds > 0 < mib
    with (tmp_path / "in.csv.out").open(newline="") as file:
        answers = list(csv.DictReader(file))
    assert len(answers) == 20
    assert all(answer["answer"] and not answer["problem"] for answer in answers)


def test_the_page_on_hosting_shows_the_committed_figures_and_no_error() -> None:
    results = json.loads(load.RESULTS.read_text("utf-8"))
    assert load.render(results) in load.PAGE.read_text("utf-8")
    assert results["load"]["errors"] == 0
    assert results["site"]["bytes"] < load.LIMIT_SITE_BYTES


def test_a_visit_asks_for_the_page_its_assets_and_the_runtime(tmp_path: Path) -> None:
    page = tmp_path / load.VISITED
    page.mkdir(parents=True)
    (tmp_path / "assets" / "runtime").mkdir(parents=True)
    (tmp_path / "assets" / "own.css").touch()
    (tmp_path / "assets" / "runtime" / "manifest.json").write_text('{"starts": {"snapshot": ["worker.js"]}}')
    (page / "index.html").write_text('<link href="../../assets/own.css?v=1"><script src="https://else.where/x.js">')
    found = load.requests_of_a_visit(tmp_path, load.VISITED)
    assert found == [load.VISITED, "assets/own.css", "assets/runtime/worker.js"]


def test_a_server_that_answers_right_gives_no_error(tmp_path: Path) -> None:
    page = tmp_path / load.VISITED
    page.mkdir(parents=True)
    (page / "index.html").write_text("<p>Read me</p>" * 100)
    (tmp_path / "sitemap.xml").write_text("<urlset><url><loc>https://example.org/x/</loc></url></urlset>")
    told = load.load(tmp_path, 0.5, 2)
    assert told["errors"] == 0
    assert told["requests"] >= 2
