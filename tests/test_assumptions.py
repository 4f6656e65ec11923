"""Every number about the world is complete, in range, used, dated and sourced."""

import re
from datetime import date
from pathlib import Path

import pytest

from calculator import catalog
from calculator.facts.assumptions import FILES, assumption, assumptions, counted, load_text
from calculator.fields import assumptions_of

FOLDER = Path(__file__).parent.parent / "calculator"
GOOD = """
[wait_days]
label = "Wait"
kind = "sourced"
value = 2
range = [1, 4]
bounds = [0, 10]
source = "a source"
url = "https://example.org"
quote = "two days"
as_of = 2026-01-01
"""


def test_every_file_of_the_folder_is_loaded():
    assert sorted(FILES) == sorted(path.stem for path in (FOLDER / "facts" / "assumptions").glob("*.toml"))


def test_each_assumption_is_dated_in_the_past_and_links_to_its_source():
    for key, entry in assumptions().items():
        assert entry.as_of <= date(2026, 11, 28), key
        assert entry.checked is None or entry.checked >= entry.as_of, key
        assert re.match(r"https://[^\s]+$", entry.url), key
        assert len(entry.quote) >= 8, key


def test_each_assumption_is_used_by_a_decision():
    used = {
        entry.key
        for name in catalog.names()
        for entry in assumptions_of(catalog.decision(name).Inputs).values()
    }
    assert set(assumptions()) == used


def test_a_planning_value_says_that_it_is_ours_and_nothing_else_does():
    for key, entry in assumptions().items():
        assert (entry.kind == "ours") == entry.source.startswith("Planning value of this project"), key


def test_sourced_and_our_own_numbers_are_counted_apart():
    ours = [entry for entry in assumptions().values() if entry.kind in ("ours", "computed")]
    assert counted(assumptions().values()) == f"{len(assumptions()) - len(ours)} sourced, {len(ours)} ours"


def test_a_good_entry_is_read():
    entry = load_text(GOOD, "x.toml")["wait_days"]
    assert (entry.low, entry.value, entry.high, entry.unit.suffix) == (1, 2, 4, "days")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('label = "Wait"', "", "missing"),
        ('quote = "two days"', 'quote = ""', "missing"),
        ("value = 2", "value = 5", "must hold the range"),
        ('kind = "sourced"', 'kind = "heard"', "kind must be one of"),
        ("range = [1, 4]", "range = [4, 1]", "must hold the range"),
        ("bounds = [0, 10]", "bounds = [0, 3]", "must hold the range"),
        ("value = 2", 'value = "2"', "finite numbers"),
        ("value = 2", "value = nan", "finite numbers"),
        ("as_of = 2026-01-01", 'as_of = "yesterday"', "dates"),
        ("value = 2", "value = 2\ncolour = 1", "unknown"),
    ],
)
def test_a_bad_entry_is_refused_by_name(old, new, words):
    with pytest.raises(ValueError, match=words) as error:
        load_text(GOOD.replace(old, new), "x.toml")
    assert "x.toml: wait_days" in str(error.value)


def test_an_entry_needs_a_unit_in_its_name():
    with pytest.raises(KeyError, match="no unit"):
        load_text(GOOD.replace("wait_days", "wait_fortnights"), "x.toml")


def test_an_unknown_key_is_named():
    with pytest.raises(KeyError, match="no_such_share"):
        assumption("no_such_share")


def test_nothing_outside_assumptions_and_catalogs_names_a_price():
    for path in FOLDER.rglob("*.py"):
        if path.parent.name in ("catalogs", "assumptions"):
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            assert not re.match(r"^[A-Z_]*(USD|PRICE|WAGE)[A-Z_]* = [\d.]", line), f"{path.name}:{number}"
