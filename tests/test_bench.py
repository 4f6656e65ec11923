"""The benchmark's tables: complete, placed once, and those of the committed results."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import table
from bench.__main__ import PAGE, RESULTS, ratios, summary


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
    times = ("cold", "second", "swap", "hop", "left_visible", "left_point", "left_whole", "typed_visible")
    site: dict[str, Any] = dict.fromkeys(times, ours)
    site.update(before_bytes={"pages": 20_000}, cold_bytes={"pages": 20_000, "Python": 1_000_000})
    told = {
        "machine": {"date": "2026-01-01", "chromium": "1.2", "cores": 2},
        "rounds": 3,
        "site": site,
        "peers": peers,
        "left_out": {"another": "it cannot be had"},
    }
    return {**told, "ratios": ratios(told)}


def test_a_summary_holds_the_middle_and_the_ends() -> None:
    assert summary([3, 1, 2, 10]) == {"median": 2.5, "least": 1, "most": 10, "p95": 10, "n": 4}


def test_ratios_are_of_medians(results: dict[str, Any]) -> None:
    assert set(results["ratios"].values()) == {0.25}


def test_the_tables_name_every_way_and_every_ratio(results: dict[str, Any]) -> None:
    text = table.render(results)
    for peer in results["peers"]:
        assert f"| {peer['title']}" in text
    for name in results["ratios"]:
        assert f"- {name}: 0.25" in text
    assert "100 ms (90–110)" in text
    assert "| pages | 20,000 | 20,000 |" in text
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
