"""Laws of what is seen first: the verdict with its doubt, the shares, the options on one axis, the answers to check."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from calculator import catalog, engine
from calculator.decisions import real_time_updates
from calculator.exhibit import Choices
from calculator.faces import chart, questions, view
from calculator.fields import Assume, fields_of
from calculator.stats.decay import stale_share
from calculator.units import SHARE, USD

NAMES = catalog.names()


def report_of(name, **given):
    decision = catalog.decision(name)
    return engine.evaluate(name, decision, engine.read(decision, given))


def words(html):
    return re.sub(r"<[^>]*>", "", html)


@pytest.fixture(scope="module")
def overall():
    return report_of("fine_tune_or_not")


@pytest.mark.parametrize(
    ("share", "says"),
    [
        (0.95, "{answer}, in 95\u00a0% of draws"),
        (0.75, "Leaning: {answer}, in 75\u00a0% of draws"),
        (0.4, "Too close to call: {answer} or {other}"),
    ],
)
def test_the_verdict_and_its_doubt_are_one_sentence(share, says):
    known = report_of("high_accuracy")
    answer = known.verdict.answer
    other = next(one for one in type(answer) if one != answer)
    doubted = replace(known, shares=((answer, share), (other, 1 - share)))
    said = re.search(r'<span class="calc-said">(.*?)</span></span>', view.sections(doubted)["verdict"])[1]
    assert words(said) == says.format(answer=answer, other=other)


def test_before_the_draws_are_known_nothing_is_said_of_them(overall):
    html = view.sections(replace(overall, spread=None, shares=None, flips=None))["verdict"]
    assert "draws" not in words(html)
    assert "calc-segment" not in html


def test_the_bar_of_shares_is_as_wide_as_the_shares_it_shows():
    drawn = chart.share_bar([0.5, 0.3])
    assert [float(width) for width in re.findall(r'width="([\d.]+)%" height="10"/>', drawn)[1:]] == [50, 30]
    assert re.findall(r' x="([\d.]+)%"', drawn) == ["0", "50"]


def test_every_option_that_can_be_had_stands_on_one_axis_with_the_bar_it_must_reach(overall):
    picture = next(one for one in overall.exhibits if isinstance(one, Choices))
    assert picture.rows[0].label == overall.verdict.answer
    for row in picture.rows:
        assert row.low <= row.expected <= row.high
    html = view.sections(overall)["picture"]
    assert html.count('<tr class="calc-highlight">') == 1
    assert html.count("<tr") == len(picture.rows) + 1
    for place in map(float, re.findall(r'(?:x1|x2|cx|x)="([\d.]+)%"', html)):
        assert 0 <= place <= 100


@pytest.mark.parametrize("name", NAMES)
def test_each_answer_to_check_leads_to_a_field_and_says_where_it_is_from(name):
    report = report_of(name)
    html = view.sections(report)["answers"]
    specs = fields_of(report.decision.Inputs)
    led = re.findall(r'data-field="(\w+)"', html)
    assert set(led) <= {field for field, spec in specs.items() if not isinstance(spec, Assume)}
    assert len(led) == len(set(led))
    assert f"0 given, {len(led)} taken as typical" in html


def test_what_was_given_stands_before_what_is_typical():
    html = view.sections(report_of("fine_tune_or_not", requests_per_month="5000"))["answers"]
    assert "1 given" in html
    assert re.search(r'data-field="(\w+)"', html)[1] == "requests_per_month"


@pytest.mark.parametrize("name", NAMES)
def test_the_panel_holds_the_first_picture_and_no_fold_holds_it_again(name):
    found = view.sections(report_of(name))
    assert len(re.findall(r'class="(?:calc-chart|calc-choices)', found["picture"])) <= 1
    if title := re.search(r"<h3>([^<]*)</h3>", found["picture"]):
        assert f"<summary>{title[1]}</summary>" not in found["exhibits"]


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [(USD, 13_301, "$13k"), (USD, -4.2, "−$4.2"), (SHARE, 0.746, "75\u00a0%"), (SHARE, 1, "100\u00a0%")],
)
def test_a_number_in_a_picture_has_two_digits(unit, value, said):
    assert unit.brief(value) == said


@pytest.mark.parametrize("half_life", [0.5, 2, 40, 4000])
def test_a_curve_of_facts_that_change_keeps_its_bend(half_life):
    days = real_time_updates._bends(540, half_life, 32)
    shares = [stale_share(day, half_life) for day in days]
    assert days == sorted(days)
    assert days[0] == 0
    assert days[-1] == 540
    assert max(b - a for a, b in pairwise(shares)) <= 1.01 * shares[-1] / 32


def test_the_question_nearest_to_another_answer_stands_first():
    found = questions.put(("domain_data", "high_accuracy", "industry_knowledge"), {})
    assert [one.distance for one in found] == sorted(one.distance for one in found)
    html = questions.render({"domain_data": "domain-data/", "high_accuracy": "a&b/"}, {})
    assert 'href="a&amp;b/"' in html
    assert html.index("Nearest to another answer") < html.index("<table")
