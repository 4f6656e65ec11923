"""The page on our error: its charts, its figures, and what it says of the worst rows."""

import math
import random
import re
from dataclasses import astuple
from pathlib import Path

import pytest

from calculator import evaluation
from calculator.evaluation import cases as judged
from calculator.evaluation import figures as worked_out
from calculator.evaluation import page
from calculator.exhibit import Dots, Scatter
from calculator.faces import chart
from calculator.llm import accuracy
from calculator.stats.sampling import quantile
from calculator.units import GIB

ROOT = Path(__file__).parent.parent
MARKDOWN = (ROOT / "docs" / "evidence" / "validation.md").read_text("utf-8")
FENCES = re.findall(r"```validation\n(.*)\n```", MARKDOWN)


@pytest.fixture(scope="module")
def figures():
    return worked_out.figures()


@pytest.fixture(scope="module")
def rendered(figures):
    return {argument: page.render(argument) for argument in FENCES}


def exhibit(*groups):
    made = tuple(Dots(label=f"group {place}", points=tuple(points)) for place, points in enumerate(groups))
    return Scatter(title="T", description="D", x_label="Measured", y_label="Predicted", unit=GIB, groups=made)


def scatter(*groups):
    return chart.scatter(exhibit(*groups))


def marks(svg, number):
    """Where the marks of a group stand, its key in the legend last."""
    path = re.search(rf'class="calc-dots calc-dots-{number}" d="([^"]+)"', svg)[1]
    found, x, y = [], 0.0, 0.0
    for command, rest in re.findall(r"([mMzhv])([^mMzhv]*)", path):
        numbers = [float(n) for n in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", rest)]
        if command in "mM":
            x, y = numbers if command == "M" else (x + numbers[0], y + numbers[1])
            found.append((x, y))
        elif command in "hv":
            x, y = (x + numbers[0], y) if command == "h" else (x, y + numbers[0])
    return found


def test_a_point_on_the_middle_line_stands_on_it_and_a_larger_estimate_above_it():
    svg = scatter([(1, 1), (10, 10), (100, 100), (10, 20)])
    first, above, on, last = sorted(marks(svg, 1)[:-1])
    line = re.search(r'class="calc-now" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', svg)
    left, low, right, high = map(float, line.groups())
    for x, y in (first, on, last):
        assert y == pytest.approx(low + (x - left) * (high - low) / (right - left), abs=0.2)
    assert on[0] == above[0]
    # A factor of two, on an axis from 1/1.1 to 110.
    assert on[1] - above[1] == pytest.approx(340 * math.log(2) / math.log(121), abs=0.2)


def test_what_the_pages_script_is_told_of_the_axes_places_a_value_where_the_drawing_has_it():
    groups = [(1, 1), (10, 10), (100, 100), (10, 20), (0, 5)]
    left, right, bottom, top, low, high = map(float, chart.scatter_axes(exhibit(groups)).split())
    above = sorted(marks(scatter(groups), 1)[:-1])[1]
    for found, value, start, end in zip(above, (10, 20), (left, bottom), (right, top), strict=True):
        assert found == pytest.approx(start + math.log(value / low) / math.log(high / low) * (end - start), abs=0.2)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_marks_of_every_form_stand_at_their_points_although_each_begins_where_the_last_ended(number):
    rng = random.Random(number)
    points = [(10 ** rng.uniform(0, 3), 10 ** rng.uniform(0, 3)) for _ in range(200)]
    groups = [[(1, 1), (1000, 1000)]] * (number - 1) + [[(1, 1), (1000, 1000), *points]]
    found = marks(scatter(*groups), number)[:-1]
    plain = marks(scatter([(1, 1), (1000, 1000), *points]), 1)[:-1]
    shift = {3: (-2.5, 0.0), 4: (0.0, -2.5)}.get(number, (0.0, 0.0))
    assert len(found) == pytest.approx(len(plain), abs=3)
    for (x, y), (a, b) in list(zip(sorted(found), sorted(plain), strict=False))[:50]:
        assert (x - shift[0], y - shift[1]) == pytest.approx((a, b), abs=0.15)


def test_four_hundred_points_take_less_than_six_kilobytes():
    rng = random.Random(1)
    points = [(x := 10 ** rng.uniform(0, 4), x * rng.gauss(1, 0.1)) for _ in range(400)]
    assert len(scatter(points)) < 6000


def test_a_scatter_leaves_out_what_no_logarithm_has_and_says_when_nothing_is_left():
    assert len(marks(scatter([(0, 1), (1, 1), (2, float("inf")), (4, 4)]), 1)) == 3
    assert "Nothing to draw" in scatter([(0, 1)])


def test_a_scatter_has_a_name_a_description_and_no_style_of_its_own():
    svg = scatter([(1, 2)])
    assert 'role="img" tabindex="0" aria-label="T"' in svg
    assert "<desc>D</desc>" in svg
    assert "style=" not in svg


def test_the_page_shows_every_estimator_the_choice_itself_and_where_to_send_a_measurement():
    assert ["picture", "summary", "first-contact", *worked_out.ESTIMATORS, worked_out.CASES, "send"] == FENCES
    assert (ROOT / ".github/ISSUE_TEMPLATE/measurement.yml").is_file()
    assert "issues/new?template=measurement.yml" in page.render("send")


def test_an_unknown_fence_lists_the_known_ones():
    known = "summary, picture, first-contact, parameters"
    with pytest.raises(ValueError, match=rf"must be one of: {known}, .*; given: 'nonsense'"):
        page.render("nonsense")


def test_the_figures_are_those_of_the_command(figures):
    table = evaluation.compare("training-memory")["quantities"][0]["tables"]
    found = {(part["way"], part["rows"]): part["all"]["median_error"] for part in table}
    (compared,) = figures.compared["training-memory"]
    for way, pairs in ((evaluation.PUBLISHED, compared.published), (evaluation.LEFT_OUT, compared.left_out)):
        complete = evaluation.summarise(pair for pair in pairs if pair.complete)
        assert complete.median_error == pytest.approx(found[way, evaluation.COMPLETE], rel=1e-9)


def test_the_stored_figures_are_of_these_rows_and_estimators():
    assert worked_out.stored_hash() == worked_out.inputs_hash(), "run: python -m calculator.evaluation figures --write"
    assert Path(accuracy.PATH).read_text("utf-8") == worked_out.accuracy_text(worked_out.figures())


def test_what_is_worked_out_is_read_back_as_it_was(figures, monkeypatch):
    made = {
        what: [[list(map(astuple, pairs)) for pairs in (c.published, c.left_out)] for c in figures.compared[what]]
        for what in worked_out.ESTIMATORS
    }
    monkeypatch.setattr(worked_out, "_work_out", lambda: {**made, worked_out.CASES: figures.cases})
    text = worked_out.work_out()
    assert worked_out.read(text) == figures
    assert text.count("\n") > sum(len(ways[0]) for tables in made.values() for ways in tables)


def test_the_hash_follows_what_the_figures_depend_on_and_nothing_else(tmp_path, monkeypatch):
    for name in ("llm/law.py", "llm/accuracy.json", "validation/page.py", "view.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "units.py").write_text("1")
    monkeypatch.setattr(worked_out, "PACKAGE", tmp_path)
    seen = [worked_out.inputs_hash()]
    for name in ("llm/accuracy.json", "validation/page.py", "view.py", "llm/law.py", "units.py"):
        (tmp_path / name).write_text("2")
        seen.append(worked_out.inputs_hash())
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert len(set(seen)) == 3


@pytest.mark.parametrize("what", worked_out.ESTIMATORS)
def test_each_estimator_has_its_chart_its_tables_and_its_worst_rows(what, figures, rendered):
    html = rendered[what]
    assert html.count("<svg") == len(figures.compared[what])
    inexact = [compared for compared in figures.compared[what] if evaluation.summarise(compared.complete).exact != 1]
    for heading in ("By source", "By method"):
        assert html.count(f"<h4>{heading}</h4>") == len(inexact)
    assert html.count("<h4>The worst") == len(inexact)
    for compared in inexact:
        worst = evaluation.worst(compared.complete, 10)
        assert all(f">{pair.id}<br>" in html for pair in worst)


@pytest.mark.parametrize("what", worked_out.ESTIMATORS)
def test_every_source_stands_in_the_table_with_its_own_error(what, figures, rendered):
    for compared in figures.compared[what]:
        if evaluation.summarise(compared.complete).exact == 1:
            continue
        for source in {pair.source for pair in compared.complete if pair.error is not None}:
            of_it = [abs(p.error) for p in compared.complete if p.source == source and p.error is not None]
            shown = page._percent(quantile(sorted(of_it), 0.5))
            row = re.search(rf'<th scope="row">{re.escape(source)}<br>.*?</tr>', rendered[what])[0]
            rows = sum(pair.source == source for pair in compared.complete)
            assert f"<td>{rows}</td>" in rendered[what]
            assert shown in rendered[what], (source, shown, row)


def test_every_worst_row_says_why(rendered):
    for html in rendered.values():
        for table in re.findall(r"<h4>The worst.*?</table>", html):
            reasons = re.findall(r"<td>([^<]*)</td></tr>", table)
            assert reasons
            assert all(len(reason) > 20 for reason in reasons)


def test_a_known_cause_names_rows_that_exist():
    ids = {what: {row[page._identity(what)] for row in evaluation.published(what)} for what in worked_out.ESTIMATORS}
    for what, row in page.reasons():
        assert row in ids[what], f"{row} is no row of {what}"


def test_the_choice_is_shown_against_four_simple_rules_with_its_calibration(figures, rendered):
    html = rendered[worked_out.CASES]
    model = figures.cases["methods"][judged.MODEL]
    assert page._percent(model["right_group_weighted"]) in html
    for rule in judged.BASELINES:
        assert page._capital(rule) in html
    assert html.count("<circle") == judged.FIFTHS
    for name, digits in (("regret_points", 1), ("brier", 3), ("trial_regret_points", 2)):
        figure, low, high = (f"{model[f'{name}_group_weighted{end}']:.{digits}f}" for end in ("", "_low", "_high"))
        assert f"<td>{figure} ({low} to {high})</td>" in html
    assert chart.escape(judged.NOTE) in html
    assert "75 to 80 %" not in MARKDOWN


def test_links_inside_the_page_lead_to_its_headings(rendered):
    headings = {re.sub(r"[^a-z]+", "-", line[3:].lower()) for line in MARKDOWN.splitlines() if line.startswith("## ")}
    assert set(re.findall(r'href="#([^"]+)"', rendered["summary"])) <= headings


def test_the_page_stays_small(rendered):
    assert sum(map(len, rendered.values())) < 150_000
