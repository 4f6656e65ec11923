"""Pilot scores as people paste them, and what the curve makes of them."""

import pytest

from calculator import engine
from calculator.decisions import domain_data

WORKED = "100 70% 500\n250 75.5% 500\n500 79% 500\n1000 81.8% 500"


def read(text, **fields):
    return engine.read(domain_data.DECISION, {"pilot_scores": text, **fields})


@pytest.mark.parametrize(
    "text",
    [
        "100\t0.7\t500\n1000\t0.818\t500",
        "100;70%;500\n1000;81,8%;500",
        "100, 0.7, 500\n1000, 0.818, 500",
        "100,0.7,500\n1000,0.818,500",
        "100 0,7 500\n1000 0,818 500",
        "100 70 500\n1000 81.8 500",
        "100 70 % 500\n1000 81.8 % 500",
        "examples\tscore\titems\n100\t0.7\t500\n\n1,000\t0.818\t500\n",
        "Size (n), accuracy, tests\n100 0.7 500\n1k 81.8% 500",
        "\ufeff100 0.7 500\r\n1000 0.818 500\r\n",
    ],
)
def test_pilots_are_read_however_a_spreadsheet_writes_them(text):
    pilots = domain_data.pilots_of(text)
    assert [(p.examples, p.score, p.items) for p in pilots] == [(100, 0.7, 500), (1000, 0.818, 500)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("100 0.7\n1000 0.8 500", "line 1: each line must hold size, score and test items"),
        ("100 0.7 500\n1000 185 500", "line 2: the score must be from 0 % to 100 %; given: '185'"),
        ("100 0.7 500\n0 0.8 500", "line 2: the size must be from 1 example"),
        ("100 0.7 500\n1000 0.8 0", "line 2: the number of test items must be from 1 item"),
        ("l00 0.7 500\n1000 0.8 500", "line 1: the size is not understood"),
        ("100 0.7 500\n1000 good 500", "line 2: the score is not understood"),
        ("100 0.7 500\n100 0.8 500", "at least two different sizes; given: 1"),
        ("nothing here", "at least two different sizes; given: 0"),
        ("\n".join(f"{n} 0.7 500" for n in range(1, 100)), "at most 60 pilots"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text, words):
    (problem,) = read(text).problems
    assert problem.field == "pilot_scores"
    assert words in problem.message.replace("\u00a0", " ")


def test_no_luck_gives_the_fitted_curve_and_luck_ranks_the_resampled_ones():
    found = domain_data.fitted(WORKED)
    assert found.at(0) is found.curve
    ends = [found.at(luck).score_at(10_000) for luck in (-9, -1, 1, 9)]
    assert ends == sorted(ends)


def test_the_resamples_are_drawn_once_for_one_text(monkeypatch):
    calls, real = [], domain_data.resample
    monkeypatch.setattr(domain_data, "resample", lambda *given: calls.append(given) or real(*given))
    domain_data.fitted.cache_clear()
    engine.evaluate("domain_data", domain_data.DECISION, read(WORKED))
    assert len(calls) == 1


def test_a_flat_start_is_left_out_and_said():
    text = "50 60% 2000\n100 60.2% 2000\n200 60.1% 2000\n800 72% 2000\n3200 80% 2000"
    report = engine.evaluate_point("domain_data", domain_data.DECISION, read(text))
    assert "lie before the power law" in " ".join(report.verdict.reasons)


def test_beyond_ten_times_the_largest_pilot_nothing_is_forecast():
    near, far = (
        domain_data.compute(read(WORKED, labelled_examples=n).inputs).score_now_share for n in (10_000, 1_000_000)
    )
    assert near == far
