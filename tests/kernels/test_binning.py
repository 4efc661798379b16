"""The kernels of binning against their slow twins."""

from __future__ import annotations

import math
from fractions import Fraction

import naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikebin import Binning
from spikebin.binning.rules import DOUBLE, edge_tolerance
from spikebin.kernels import binning as kernels

FAR = 10**9


def kernel_bin(time, start=0.0, stop=math.inf, width=1.0, right=False, end_bin=False, n_bins=2 * FAR, precision=DOUBLE):
    start, stop, width, edge = float(start), float(stop), float(width), precision.edge(width)
    guard = kernels.guard_of(start, stop, width, edge)
    return kernels.bin_of(float(time), start, stop, width, right, end_bin, n_bins, edge, guard)


def at_the_tolerance(time, start, width):
    """Whether a time is as far from an edge as the tolerance goes: rounding decides there, and not the rule."""
    farthest = max(abs(time), abs(start))
    edge = Fraction(start) + round((Fraction(time) - Fraction(start)) / Fraction(width)) * Fraction(width)
    beyond = abs(Fraction(time) - edge) - Fraction(edge_tolerance(width, farthest))
    return abs(beyond) <= 4 * Fraction(float(np.spacing(farthest)))


@given(
    times=st.lists(
        st.one_of(st.floats(-50, 700), st.integers(-5, 600).map(float), st.integers(0, 6000).map(lambda k: k * 0.1))
    ),
    start=st.sampled_from([0.0, 0.3, -20.0, 1e5]),
    duration=st.sampled_from([560.0, 150.0, 10.5, 0.3, 1.0]),
    width=st.sampled_from([1.0, 0.1, 0.7, 20.0]),
    right=st.booleans(),
    end_bin=st.booleans(),
)
def test_the_kernel_equals_its_twin(times, start, duration, width, right, end_bin):
    stop = start + duration
    n = Binning(width=width, end_bin=end_bin).n_bins(start, stop)
    assert n == naive.n_bins(start, stop, width, end_bin)
    for time in times:
        if at_the_tolerance(start + time, start, width):
            continue
        arguments = (start + time, start, stop, width, right, end_bin, n)
        assert kernel_bin(*arguments) == naive.bin_of(*arguments)


def test_kernels_equal_their_twins():
    rng = np.random.default_rng(0)
    times, rows = rng.uniform(-5, 160, 400).round(1), rng.integers(0, 7, 400)
    fixed = (0.0, 150.0, 1.0, False, True, 151, naive.double(1.0))
    a, b = np.zeros(400, np.int64), np.zeros(400, np.int64)
    assert kernels.flatten(times, rows, *fixed, 3, 160, a) == naive.flatten(times, rows, *fixed, 3, 160, b)
    assert np.array_equal(a, b)
    for kernel, twin, extra, kind in (
        (kernels.mark, naive.mark, (1, 6), bool),
        (kernels.count, naive.count, (2, 1, 6), np.uint8),
    ):
        x, y = np.zeros(7 * 151, kind), np.zeros(7 * 151, kind)
        assert tuple(kernel(times, rows, *fixed, *extra, x)) == tuple(twin(times, rows, *fixed, *extra, y))
        assert np.array_equal(x, y)
    for full in (1, 2, 255):
        a = np.sort(rng.integers(0, 50, 200))
        b, m, n = a.copy(), np.zeros(200, np.uint8), np.zeros(200, np.uint8)
        found = kernels.merge(a, full, m)
        assert tuple(found) == naive.merge(b, full, n)
        assert np.array_equal(a[: found[0]], b[: found[0]])
        assert np.array_equal(m[: found[0]], n[: found[0]])


@given(
    k=st.integers(-1, 40),
    off=st.one_of(st.just(0.0), st.floats(-1.1, 1.1), st.sampled_from([1e-9, -1e-9, 1e-7, -1e-7, 1e-3, -1e-3, 0.999])),
    start=st.sampled_from([0.0, -3.5, 150.1, 3.9e6, 1e8]),
    duration=st.sampled_from([39.0, 39.5, 0.0]),
    width=st.sampled_from([1.0, 0.1, 1 / 3, 7.0, 1e-3]),
    right=st.booleans(),
    end_bin=st.booleans(),
)
def test_the_short_way_into_the_middle_of_a_bin_is_the_rule(k, off, start, duration, width, right, end_bin):
    stop = start + duration * width
    if edge_tolerance(width, max(abs(start), abs(stop))) >= width / 4:
        return
    time, n = start + (k + off) * width, naive.n_bins(start, stop, width, end_bin)
    if at_the_tolerance(time, start, width):
        return
    place = start, stop, width, right, end_bin, n
    assert kernel_bin(time, *place) == naive.bin_of(time, *place)
