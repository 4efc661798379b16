"""Charts put what they are given where the axes say."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.display.report.svg import Chart, described, nice_ticks


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6), n=st.integers(3, 8))
def test_ticks_are_round_and_inside(low, span, n):
    high = low + span
    if not high > low:
        return
    ticks = nice_ticks(low, high, n)
    assert len(ticks) <= n + 1
    slack = 1e-6 * span
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        assert any(math.isclose(step / 10 ** math.floor(math.log10(step) + 1e-6), f, rel_tol=1e-3) for f in (1, 2, 5))


def test_known_ticks():
    assert nice_ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert nice_ticks(-150, 560) == [0, 200, 400]
    assert nice_ticks(3, 3) == [3]


def chart():
    return Chart((0, 10), (0, 100), "Time (ms)", "Rate (Hz)")


def test_marks_are_where_they_belong():
    drawn = chart()
    left, right = drawn.x([0, 10])
    bottom, top = drawn.y([0, 100])
    assert left < right
    assert top < bottom
    assert drawn.x(5) == pytest.approx((left + right) / 2)
    drawn.dots([5], [50], "dot", ["five & 50"])
    text = drawn.svg("c", "A <title>", "described")
    x, y = map(float, re.search(r'cx="([\d.]+)" cy="([\d.]+)"', text).groups())
    assert x == pytest.approx((left + right) / 2, abs=0.1)
    assert y == pytest.approx((top + bottom) / 2, abs=0.1)
    assert "<title>five &amp; 50</title>" in text
    assert '<title id="c-t">A &lt;title&gt;</title>' in text
    assert "Time (ms)" in text


def test_a_stepped_line_has_gaps_where_nothing_is():
    drawn = chart()
    drawn.steps([0, 1, 2, 3, 4], [10, 20, np.nan, 5], "v0")
    path = re.search(r'class="line v0" d="([^"]*)"', drawn.svg("c", "t", "d"))[1]
    assert path.count("M") == 2
    assert path.count("H") == 3
    ends = [float(x) for x in re.findall(r"H([\d.]+)", path)]
    assert ends == pytest.approx(drawn.x([1, 2, 4]).tolist(), abs=0.1)


def test_axes_of_nothing():
    text = Chart((3, 3), (0, 0), "x", "y").svg("c", "t", "d")
    assert "nan" not in text
    assert "inf" not in text


def test_numbers_to_be_read_out():
    assert described(np.array([1.0, 2.0, np.nan, 9.0]), "Hz") == "from 1 to 9 Hz, median 2"
    assert described(np.array([np.nan]), "Hz") == "no values"
