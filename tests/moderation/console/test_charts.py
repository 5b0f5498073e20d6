from __future__ import annotations

import pytest

from moderation.console import charts
from moderation.services.quality.measures import Estimate


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (1.2, 2), (23, 25), (99, 100), (101, 200), (1000, 1000)])
def test_an_axis_ends_at_the_next_round_number(value: float, top: float) -> None:
    assert charts.nice_top(value) == top


@pytest.mark.parametrize(("value", "top"), [(0, 4), (3, 4), (5, 8), (17, 20), (230, 400)])
def test_an_axis_of_counts_has_four_whole_steps(value: float, top: float) -> None:
    assert charts.count_top(value) == top
    assert all(float(tick).is_integer() for tick in charts.ticks(charts.count_top(value)))


def test_bars_stand_on_the_floor_and_reach_their_value() -> None:
    drawn = charts.bars([1.0, 4.0])
    assert [(bar.y, bar.height) for bar in drawn.bars] == [(75.0, 25.0), (0.0, 100.0)]
    assert drawn.ticks == ("4", "3", "2", "1", "0")
    assert charts.bars([]).bars == ()


def test_a_line_has_a_gap_where_a_value_is_missing_and_a_dot_where_one_stands_alone() -> None:
    drawn = charts.line([0.0, None, 1.0], 0.0, 1.0)
    assert drawn.path == "M0.00 100.00M100.00 0.00"
    assert drawn.dots == ((0.0, 100.0), (100.0, 0.0))
    assert charts.line([0.5], 0.0, 1.0).dots == ((50.0, 50.0),)


def test_a_line_over_bars_goes_through_their_middles() -> None:
    bars, drawn = charts.bars([1.0, 2.0], 4), charts.line([1.0, 2.0], 0, 4, over_bars=True)
    assert [x for x, _ in drawn.dots] == [bar.x + bar.width / 2 for bar in bars.bars]


def test_what_lies_beyond_an_axis_is_drawn_at_its_end() -> None:
    assert charts.height_of(3, 2) == 0
    assert charts.height_of(-1, 2) == 100
    (row,) = charts.whiskers([("x", Estimate(0.5, 0.2, 1.4, 9))])
    assert (row.low, row.at, row.high) == (20, 50, 100)
    (nothing,) = charts.whiskers([("x", Estimate(None, None, None, 0))])
    assert (nothing.low, nothing.at, nothing.high) == (None, None, None)
