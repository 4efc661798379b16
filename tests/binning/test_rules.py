"""Rules of binning: edges, widths, and how many bins there are."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spikebin import Binning
from spikebin.binning.rules import DOUBLE, edge_tolerance
from spikebin.errors import BinningError
from spikebin.kernels import binning as kernels

FAR = 10**9


WIDTHS = st.sampled_from([1.0, 0.1, 0.5, 1 / 3, 2.0, 7.0, 1 / 30, 1 / 30000, 0.025, 20.0])


def kernel_bin(time, start=0.0, stop=math.inf, width=1.0, right=False, end_bin=False, n_bins=2 * FAR, precision=DOUBLE):
    start, stop, width, edge = float(start), float(stop), float(width), precision.edge(width)
    guard = kernels.guard_of(start, stop, width, edge)
    return kernels.bin_of(float(time), start, stop, width, right, end_bin, n_bins, edge, guard)


@given(k=st.integers(0, FAR), width=WIDTHS, right=st.booleans())
@example(k=3, width=0.1, right=False)
@example(k=FAR, width=1 / 30000, right=False)
def test_a_multiple_of_the_width_is_on_its_edge(k, width, right):
    assert kernel_bin(k * width, width=width, right=right) == (k - 1 if right else k)


@given(k=st.integers(0, FAR), rate=st.sampled_from([10.0, 1000.0, 30000.0, 24414.0625, 3.0]))
def test_a_sample_over_its_rate_is_on_its_edge(k, rate):
    assert kernel_bin(k / rate, width=1 / rate) == k


@given(k=st.integers(0, FAR), start=st.floats(-1e6, 1e6), width=WIDTHS)
def test_an_edge_counted_from_the_onset_is_on_its_edge(k, start, width):
    assert kernel_bin(start + k * width, start=start, width=width) == k


@given(k=st.integers(0, 100_000), base=st.floats(0, 1e6), width=st.sampled_from([1.0, 0.1, 0.5]))
def test_a_rebased_edge_is_on_its_edge(k, base, width):
    assert kernel_bin((base + k * width) - base, width=width) == k


@given(
    k=st.integers(0, 10**6),
    fraction=st.floats(0.01, 0.99),
    start=st.floats(-1000, 1000),
    width=WIDTHS,
    right=st.booleans(),
)
def test_a_time_inside_a_bin_is_never_moved(k, fraction, start, width, right):
    assert kernel_bin(start + (k + fraction) * width, start=start, width=width, right=right) == k


@pytest.mark.parametrize("width", [1.0, 0.1, 1 / 30000])
@pytest.mark.parametrize("k", [1, 7, 1000, 10**6])
def test_just_beyond_the_tolerance_is_not_on_the_edge(width, k):
    edge = k * width
    tolerance = edge_tolerance(width, edge)
    assert kernel_bin(edge - 0.5 * tolerance, width=width) == k
    assert kernel_bin(edge - 2 * tolerance, width=width) == k - 1
    assert kernel_bin(edge + 0.5 * tolerance, width=width, right=True) == k - 1
    assert kernel_bin(edge + 2 * tolerance, width=width, right=True) == k


@pytest.mark.parametrize(
    ("duration", "width", "with_end", "without"),
    [
        (150, 1.0, 151, 150),
        (560, 1.0, 561, 560),
        (0.3, 0.1, 4, 3),
        (10.5, 1.0, 11, 11),
        (0, 1.0, 1, 0),
        (560, 20.0, 29, 28),
    ],
)
def test_number_of_bins(duration, width, with_end, without):
    assert Binning(width=width, end_bin=True).n_bins(0, duration) == with_end
    assert Binning(width=width, end_bin=False).n_bins(0, duration) == without


@given(k=st.integers(1, FAR), width=WIDTHS, start=st.sampled_from([0.0, 0.1, 1000.0]))
def test_number_of_bins_far_out(k, width, start):
    assert Binning(width=width, end_bin=False).n_bins(start, start + k * width) == k


@pytest.mark.parametrize("far", [1e17, 5e15])
def test_a_width_that_cannot_be_told_apart_is_refused(far):
    with pytest.raises(BinningError, match="wider bin"):
        Binning(width=1.0).n_bins(0, far)
    with pytest.raises(BinningError, match="wider bin"):
        Binning(width=3e-8).n_bins(0, 1)


@pytest.mark.parametrize("width", [0, -1, math.nan, math.inf])
def test_a_width_that_is_none_is_refused(width):
    with pytest.raises(BinningError, match="width"):
        Binning(width=width)
