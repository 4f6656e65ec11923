"""The update of prices: what is taken from a release, the rule for the defaults, and the words about a difference."""

from datetime import date, time
from pathlib import Path
from types import SimpleNamespace

import pytest

from calculator.catalogs import api_prices, sources, tuning_services
from calculator.facts.assumptions import assumption
from calculator.update import __main__ as update
from calculator.update import prices, tables

TODAY = date(2026, 11, 28)
CHOSEN = {
    "maker": [{"name": "Maker", "provider": "maker", "take": r"m-\d.*"}],
    "tokenizer": [{"maker": "Maker", "model": "m-2", "tokens_ratio": 1.3}],
    "line": [{"tier": "small", "maker": "Maker", "model": r"m-(\d)", "reference": True}],
}


def price(**parts):
    return SimpleNamespace(**parts)


def changed(prices_then, *, on=None, hours=None):
    constraint = None
    if on:
        constraint = SimpleNamespace(start_date=on)
    if hours:
        constraint = SimpleNamespace(start_time=hours[0], end_time=hours[1])
    return SimpleNamespace(constraint=constraint, prices=prices_then)


def model(name, found, variants=(), deprecated=False):
    return SimpleNamespace(id=name, prices=found, price_variants=list(variants), deprecated=deprecated)


def provider(*models):
    return [SimpleNamespace(id="maker", models=list(models), pricing_urls=["https://example.org/prices"])]


def rows(*models):
    return prices.table(provider(*models), CHOSEN, TODAY)


def test_the_price_in_force_is_taken_and_the_announced_one_beside_it():
    found = rows(
        model(
            "m-1",
            [
                changed(price(input_mtok=3, output_mtok=15)),
                changed(price(input_mtok=2, output_mtok=10), on=date(2026, 9, 1)),
                changed(price(input_mtok=4, output_mtok=20), on=date(2027, 1, 1)),
            ],
        )
    )
    assert [(row["since"], row["until"], row["input"], row["output"]) for row in found] == [
        ("2026-09-01", "2026-12-31", "2", "10"),
        ("2027-01-01", "", "4", "20"),
    ]


def test_longer_prompts_peak_hours_caches_and_batches_are_kept():
    tiered = SimpleNamespace(base=1, tiers=[SimpleNamespace(start=100_000, price=5)])
    batch = SimpleNamespace(
        when={"processing": "batch"}, constraint=None, prices=price(input_mtok=0.5, output_mtok=1)
    )
    peak = changed(price(input_mtok=2, output_mtok=4), hours=(time(1), time(4)))
    ordinary = changed(price(input_mtok=tiered, cache_read_mtok=0.1, cache_write_mtok=1.25, output_mtok=2))
    found = rows(model("m-1", [ordinary, peak], [batch]))
    assert [(row["above_tokens"], row["hours"], row["input"]) for row in found] == [
        ("", "", "1"),
        ("100000", "", "5"),
        ("", "01:00-04:00 UTC", "2"),
    ]
    first = found[0]
    assert (first["cached_input"], first["cache_write"], first["batch_share"]) == ("0.1", "1.25", "0.5")


def test_models_that_are_not_chosen_deprecated_or_without_a_price_are_left():
    found = rows(
        model("m-1", price(input_mtok=1, output_mtok=2)),
        model("other", price(input_mtok=1, output_mtok=2)),
        model("m-3", price(input_mtok=1, output_mtok=2), deprecated=True),
        model("m-4", price(requests_kcount=1)),
    )
    assert [row["model"] for row in found] == ["m-1"]


def test_the_newest_model_of_a_line_stands_for_it_and_its_tokenizer_is_named():
    found = rows(model("m-1", price(input_mtok=3, output_mtok=9)), model("m-2", price(input_mtok=1, output_mtok=2)))
    (newest, is_reference), = prices.peers(found, CHOSEN, "small", TODAY)
    assert (newest["model"], newest["tokens_ratio"], is_reference) == ("m-2", "1.3", True)
    with pytest.raises(ValueError, match="no model of the table fits"):
        prices.peers([], CHOSEN, "small", TODAY)


def test_the_age_of_the_data_is_its_newest_price_not_the_day_of_the_update():
    found = provider(
        model("m-1", [changed(price(), on=date(2026, 9, 1)), changed(price(), on=date(2027, 1, 1))]),
        model("m-2", [changed(price(), on=date(2026, 11, 9))]),
    )
    assert prices.data_day(found, TODAY) == date(2026, 11, 9)
    with pytest.raises(ValueError, match="no dated price"):
        prices.data_day(provider(model("m-1", price())), TODAY)


def test_a_difference_names_what_is_gone_new_and_changed():
    before = rows(model("m-1", price(input_mtok=3, output_mtok=9)), model("m-3", price(input_mtok=1, output_mtok=2)))
    after = rows(model("m-1", price(input_mtok=2, output_mtok=9)), model("m-2", price(input_mtok=1, output_mtok=2)))
    assert prices.difference(before, after) == [
        "gone: Maker m-3", "new: Maker m-2 1 / 2", "changed: Maker m-1: input 3 -> 2",
    ]
    assert prices.difference(after, after) == []


def test_a_table_is_read_as_it_was_written():
    found = rows(model("m-1", price(input_mtok=3, output_mtok=9)))
    assert tables.read_csv(tables.as_csv(found, prices.COLUMNS)) == found
    with pytest.raises(ValueError, match="comma"):
        tables.as_csv([{**found[0], "model": "a,b"}], prices.COLUMNS)


def test_the_default_prices_are_what_the_rule_gives_on_the_table(monkeypatch):
    """Nobody edits a default: the whole file of them is what the rule writes, so an update loses and keeps none."""
    named, entry = sources()["genai"], assumption("large_input_usd_per_mtok")
    monkeypatch.setattr(prices.metadata, "version", lambda _: named.title.split(":")[0].split()[-1])
    table = tables.read_csv(prices.TABLE.read_text("utf-8"))
    makers = {row["maker"]: row["url"] for row in tables.read_csv(prices.MAKERS.read_text("utf-8"))}
    day, checked = date.fromisoformat(named.as_of), date.fromisoformat(named.checked)
    chosen = prices.rules("prices.toml")
    assert prices.defaults(table, chosen, makers, day, checked) == prices.DEFAULTS.read_text("utf-8")
    assert (entry.as_of, entry.checked) == (day, checked)


@pytest.mark.parametrize("tier", ["large", "small", "open"])
def test_a_default_price_is_the_middle_reference_s_within_the_range_of_its_peers(tier):
    table, chosen = tables.read_csv(prices.TABLE.read_text("utf-8")), prices.rules("prices.toml")
    entry = assumption(f"{tier}_input_usd_per_mtok" if tier != "open" else "open_large_input_usd_per_mtok")
    assert entry.checked is not None
    found = prices.peers(table, chosen, tier, entry.checked)
    middle = prices.reference(found)
    assert entry.value == float(middle["input"])
    assert middle["model"] in entry.source
    assert all(row["model"] in entry.quote for row, _ in found)
    assert entry.low <= entry.value <= entry.high
    assert sum(is_reference for _, is_reference in found) == 3
    assert len(found) >= 10


def test_a_stronger_model_is_the_next_larger_of_a_maker_or_the_newer_of_a_line():
    chosen = {"step": [
        {"maker": "Maker", "model": r"m-(\d)", "stronger": r"l-(\d)", "reference": True},
        {"maker": "Maker", "model": r"m-(\d)"},
        {"maker": "Maker", "model": r"l-(\d)"},
    ]}
    old, new, large = (
        {"maker": "Maker", "model": name, "above_tokens": "", "hours": "", "since": "", "input": usd, "output": usd}
        for name, usd in (("m-1", "3"), ("m-2", "2"), ("l-1", "5"))
    )
    assert prices.steps([old, new, large], chosen, TODAY) == [(new, large, True), (old, new, False)]


def test_no_price_is_offered_of_a_model_that_is_shut_down():
    """The list of tuning services says when a model ended; the price list keeps it longer."""
    day = sources()["genai"].checked
    ended = {one.models for one in tuning_services() if one.closes and one.closes <= day}
    assert "o4-mini" in ended
    assert not ended & {price.model for price in api_prices()}


def test_the_middle_reference_is_neither_the_cheapest_nor_the_dearest():
    table, chosen = tables.read_csv(prices.TABLE.read_text("utf-8")), prices.rules("prices.toml")
    for tier in ("large", "small"):
        found = [row for row, is_reference in prices.peers(table, chosen, tier, TODAY) if is_reference]
        costs = sorted(3 * float(row["input"]) + float(row["output"]) for row in found)
        middle = prices.reference([(row, True) for row in found])
        assert len(found) >= 3
        assert 3 * float(middle["input"]) + float(middle["output"]) == costs[len(costs) // 2]


def test_a_change_of_a_preset_s_verdict_is_named_and_no_change_is_said(tmp_path, capsys):
    file = tmp_path / "before.json"
    assert update.main([str(file)]) == 0
    assert update.main([str(file), "--against"]) == 0
    assert capsys.readouterr().out == "All presets say what they said.\n"
    assert update.difference({"a": "Yes."}, {"a": "No.", "b": "New."}) == [
        "a\n  was: Yes.\n  is:  No.", "b\n  was: -\n  is:  New.",
    ]


def test_the_pinned_release_is_the_one_behind_the_table():
    lock = (Path(__file__).parent.parent / "requirements-update.txt").read_text("utf-8")
    release = lock.partition("genai-prices==")[2].split()[0]
    assert release in sources()["genai"].title
    assert release in assumption("large_input_usd_per_mtok").source
