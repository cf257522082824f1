import re

import numpy as np
import pytest

from training.report.drawing import Axis, Chart


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.71, 0.83], ["0.70", "0.75", "0.80", "0.85"]),
        ([3, 97], ["0", "50", "100"]),
        ([1.0, 1.0], ["0.5", "1.0", "1.5"]),
        ([np.nan], ["0.0", "0.5", "1.0"]),
    ],
)
def test_an_axis_holds_its_values_with_round_ticks(values, ticks):
    axis = Axis.number("n", values)
    assert [words for _, words in axis.ticks] == ticks
    known = [value for value in values if value == value]
    assert all(axis.low <= value <= axis.high for value in known)


def test_points_lie_where_the_axes_say():
    chart = Chart("t", Axis.share("x"), Axis.share("y"))
    chart.dots([(0, 0), (1, 1)], "ours")
    places = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', chart.svg())
    assert places == [("52.0", "254.0"), ("418.0", "12.0")]


def test_what_is_undefined_is_left_out_and_parts_a_line():
    chart = Chart("t", Axis.share("x"), Axis.share("y"))
    points = [(0, 0), (0.2, 0.2), (0.4, np.nan), (0.6, 0.6), (0.8, 0.8)]
    chart.line(points, "ours")
    chart.dots(points, "ours")
    chart.bar(0.5, 0.1, np.nan, "ours")
    chart.whisker(0.5, np.nan, np.nan, "ours")
    svg = chart.svg()
    assert svg.count("<polyline") == 2
    assert svg.count("<circle") == 4
    assert "nan" not in svg
    assert "<rect" not in svg


def test_words_are_escaped():
    chart = Chart('<"t">', Axis.share("<x>"), Axis(0, 1, "y", [(0, "<i>")]))
    svg = chart.svg()
    assert "<x>" not in svg
    assert "<i>" not in svg
    assert 'aria-label="&lt;&#34;t&#34;&gt;"' in svg
