"""Sweeps, maps and comparisons agree with the engine they come from."""

from dataclasses import replace

import pytest

from calculator import catalog, engine, explore
from calculator.exhibit import Grid
from calculator.faces import view
from calculator.units import DAYS, SHARE

NAME = "real_time_updates"
DECISION = catalog.decision(NAME)


def read(**fields):
    return engine.read(DECISION, fields)


def test_a_sweep_gives_what_the_engine_gives_at_each_point():
    found = explore.sweep(DECISION, read(), "fact_half_life_days")
    assert 40 <= len(found.points) <= 42
    assert any(p.value == found.here for p in found.points)
    for point in found.points[::10]:
        report = engine.evaluate_point(NAME, DECISION, read(fact_half_life_days=point.value))
        assert report.verdict.answer == point.answer
        assert report.outputs.retrained_stale_share == pytest.approx(point.result)


def test_a_sweep_marks_where_the_answer_changes():
    found = explore.sweep(DECISION, read(), "fact_half_life_days")
    assert found.changes
    k = found.changes[0]
    assert found.points[k].answer != found.points[k - 1].answer
    curve, table = explore.sweep_exhibits(DECISION, found)
    assert len(curve.marks) == 1 + len(found.changes)
    assert len(table.rows) == 1 + len(found.changes)


@pytest.mark.parametrize("name", explore.sweepable(DECISION))
def test_every_number_can_be_swept_within_its_bounds(name):
    spec = engine.fields_of(DECISION.Inputs)[name]
    found = explore.sweep(DECISION, read(), name)
    assert all(spec.low <= p.value <= spec.high for p in found.points)
    assert explore.sweep_exhibits(DECISION, found)


def test_what_is_no_number_cannot_be_swept():
    with pytest.raises(ValueError, match="field must be one of"):
        explore.sweep(DECISION, read(), "no_such_field")


def test_a_map_has_the_answers_of_its_rows():
    across, up = "fact_half_life_days", "stale_allowed_share"
    count = explore.rows_of_map(DECISION, read(), up)
    rows = tuple(explore.map_row(DECISION, read(), across, up, k) for k in range(count))
    grid = explore.map_exhibit(DECISION, read(), across, up, rows)
    assert len(grid.ys) == count == 21
    assert len(grid.cells[0]) == len(grid.xs) == 21
    report = engine.evaluate_point(NAME, DECISION, read(**{across: grid.xs[3], up: grid.ys[5]}))
    assert grid.cells[5][3] == report.verdict.answer
    with pytest.raises(ValueError, match="two different fields"):
        explore.map_row(DECISION, read(), across, across, 0)


def test_a_map_is_in_doubt_where_fewer_than_two_thirds_of_the_draws_agree():
    across, up = "fact_half_life_days", "stale_allowed_share"
    count = explore.rows_of_map(DECISION, read(), up)
    rows = tuple(explore.map_row(DECISION, read(), across, up, k) for k in range(count))
    grid = explore.map_exhibit(DECISION, read(), across, up, rows)
    drawn = list(engine.draws(DECISION, read(), explore.MAP_DRAWS))
    for y, x in ((0, 0), (7, 11), (20, 20)):
        here = {across: grid.xs[x], up: grid.ys[y]}
        made = [engine.make_inputs(DECISION, inputs.__dict__, here) for inputs in drawn]
        same = sum(engine.choose(DECISION, one, DECISION.compute(one)) == rows[y][1][x].answer for one in made)
        assert rows[y][1][x].holds == same / explore.MAP_DRAWS
        assert grid.doubtful[y][x] == (same < 2 / 3 * explore.MAP_DRAWS)


def test_a_map_says_its_doubt_in_words_in_a_paler_cell_and_in_its_table():
    grid = Grid(
        title="t", description="d", x_label="x", y_label="y", x_unit=DAYS, y_unit=SHARE, xs=(1.0, 2.0), ys=(0.1, 0.2),
        cells=(("A", "A"), ("A", "B")), here=(1.0, 0.1), doubtful=((False, True), (False, False)),
    )  # fmt: skip
    html = view.render_exhibit(grid)
    assert html.count("calc-doubtful") == 1
    assert html.count("<td") == 4
    assert "A (in doubt)" in html
    assert "fewer than two thirds of the draws" in html
    assert "doubt" not in view.render_exhibit(replace(grid, doubtful=((False, False), (False, False))))


def test_a_comparison_puts_what_changes_the_answer_first():
    first, second = read(), read(fact_half_life_days=36_500, corpus_tokens=1e7)
    found = explore.compare(DECISION, first, second)
    assert found.first.answer != found.second.answer
    assert [d.field for d in found.differences] == ["fact_half_life_days", "corpus_tokens"]
    assert found.differences[0].answer == found.second.answer
    table = explore.comparison_table(DECISION, found)
    assert table.rows[0][1:3] == ("3,650\u00a0days", "36,500\u00a0days")
    assert not explore.compare(DECISION, first, first).differences
