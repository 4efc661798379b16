"""The binning rules: edges however computed and far out, closed sides, end bin, collisions, counts that add up."""

from __future__ import annotations

import math

import naive
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spikebin import Binning, SpikebinError, bin_spikes
from spikebin.binning import bin_spikes as dense
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
        arguments = (start + time, start, stop, width, right, end_bin, n)
        assert kernel_bin(*arguments) == naive.bin_of(*arguments)


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


def test_a_spike_at_exactly_the_end():
    """Left-closed it needs the end bin; right-closed it belongs to the last bin."""
    arguments = {"n_neurons": 1, "start": 0, "stop": 3, "width": 1, "return_tally": True}
    matrix, tally = bin_spikes([3.0], [0], end_bin=True, **arguments)
    assert matrix[0, 0].tolist() == [False, False, False, True]
    matrix, tally = bin_spikes([3.0], [0], **arguments)
    assert not matrix.any()
    assert tally.n_outside == 1
    matrix, tally = bin_spikes([3.0, 0.0], [0, 0], closed="right", **arguments)
    assert matrix[0, 0].tolist() == [False, False, True]
    assert tally.n_outside == 1


def test_a_spike_past_the_end_is_outside_though_the_last_bin_reaches_further():
    _, tally = bin_spikes([10.4, 10.7], [0, 0], n_neurons=1, start=0, stop=10.5, width=1, return_tally=True)
    assert (tally.n_binned, tally.n_outside) == (1, 1)


SPIKES = st.lists(
    st.tuples(st.one_of(st.floats(-2, 22), st.integers(-1, 21).map(float)), st.integers(0, 3), st.integers(0, 2)),
    max_size=60,
)


@given(
    spikes=SPIKES,
    dtype=st.sampled_from(["bool", "u1", "i1", "u2", "i4", "u8", "i8"]),
    closed=st.sampled_from(["left", "right"]),
    end_bin=st.booleans(),
    width=st.sampled_from([1.0, 0.7, 5.0]),
)
def test_bin_spikes_equals_the_twin_and_adds_up(spikes, dtype, closed, end_bin, width):
    times, neurons, trials = (list(column) for column in zip(*spikes, strict=True)) if spikes else ([], [], [])
    matrix, tally = bin_spikes(
        times, np.array(neurons, int), trials=np.array(trials, int), n_neurons=4, n_trials=3, start=0, stop=20,
        width=width, closed=closed, end_bin=end_bin, dtype=dtype, return_tally=True,
    )  # fmt: skip
    n = naive.n_bins(0, 20, width, end_bin)
    full = 1 if dtype == "bool" else np.iinfo(dtype).max
    expected = [0] * (3 * 4 * n)
    rows = [t * 4 + r for t, r in zip(trials, neurons, strict=True)]
    place = 0, 20, width, closed == "right", end_bin, n, naive.double(width)
    inside, collisions, bad = naive.count(times, rows, *place, full, 0, 3 * 4, expected)
    assert bad == -1
    assert matrix.dtype == np.dtype(dtype)
    assert np.array_equal(matrix.astype(float).reshape(-1), np.array(expected, float))
    assert (tally.n_spikes, tally.n_binned, tally.n_collisions) == (len(times), inside - collisions, collisions)
    assert tally.n_spikes == tally.n_binned + tally.n_collisions + tally.n_outside


def test_counts_saturate_and_say_so():
    matrix, tally = bin_spikes(
        [0.5] * 300, [0] * 300, n_neurons=1, start=0, stop=1, width=1, dtype="u1", return_tally=True
    )
    assert matrix[0, 0, 0] == 255
    assert tally.n_collisions == 45


def test_out_is_zeroed_filled_and_returned():
    out = np.ones((1, 2, 3), bool)
    matrix = bin_spikes([1.5], [1], n_neurons=2, start=0, stop=3, width=1, out=out)
    assert matrix is out
    assert out.sum() == 1


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"times": [math.nan]}, "finite"),
        ({"times": [math.inf]}, "finite"),
        ({"times": [-math.inf]}, "finite"),
        ({"neurons": [2]}, "0 to 1"),
        ({"neurons": [-1]}, "0 to 1"),
        ({"neurons": [0, 1]}, "each of 1 spikes"),
        ({"neurons": [0.5]}, "integer"),
        ({"trials": [1]}, "0 to 0"),
        ({"n_trials": 2}, "trial of each spike"),
        ({"stop": -1}, "negative"),
        ({"stop": math.nan}, "finite"),
        ({"dtype": float}, "dtype"),
        ({"n_neurons": -1}, "whole number"),
        ({"out": np.zeros((1, 2, 4), bool)}, "shape"),
        ({"out": np.zeros((1, 3, 2), bool).transpose(0, 2, 1)}, "contiguous"),
        ({"closed": "middle"}, "closed"),
        ({"times": [[1.0]]}, "flat"),
        ({"times": ["a"]}, "numbers"),
        ({"times": [[1.0], [1.0, 2.0]]}, "ragged"),
        ({"dtype": "spikes"}, "numpy knows"),
        ({"times": np.ma.masked_invalid([1.0])}, "masked"),
        ({"width": "1"}, "number"),
        ({"start": None}, "number"),
        ({"n_neurons": None}, "whole number"),
        ({"n_neurons": 0}, "there are 0"),
        ({"dtype": ">i4"}, "of this machine"),
        ({"out": [1]}, "list"),
    ],
)
def test_bad_arguments_get_one_clear_line(changes, word):
    arguments = {"times": [1.0], "neurons": [0], "n_neurons": 2, "start": 0, "stop": 3, "width": 1} | changes
    times, neurons = arguments.pop("times"), arguments.pop("neurons")
    with pytest.raises(SpikebinError, match=word) as caught:
        bin_spikes(times, neurons, **arguments)
    assert "\n" not in str(caught.value)


def test_kernels_equal_their_twins():
    rng = np.random.default_rng(0)
    times, rows = rng.uniform(-5, 160, 400).round(1), rng.integers(0, 7, 400)
    fixed = (0.0, 150.0, 1.0, False, True, 151, naive.double(1.0))
    a, b = np.zeros(400, np.int64), np.zeros(400, np.int64)
    assert kernels.flatten(times, rows, *fixed, 3, 160, a) == naive.flatten(times, rows, *fixed, 3, 160, b)
    assert np.array_equal(a, b)
    for kernel, twin, extra in ((kernels.mark, naive.mark, (1, 6)), (kernels.count, naive.count, (2, 1, 6))):
        x, y = np.zeros(7 * 151, np.uint8), np.zeros(7 * 151, np.uint8)
        assert tuple(kernel(times, rows, *fixed, *extra, x)) == tuple(twin(times, rows, *fixed, *extra, y))
        assert np.array_equal(x, y)
    for full in (1, 2, 255):
        a = np.sort(rng.integers(0, 50, 200))
        b, m, n = a.copy(), np.zeros(200, np.uint8), np.zeros(200, np.uint8)
        found = kernels.merge(a, full, m)
        assert tuple(found) == naive.merge(b, full, n)
        assert np.array_equal(a[: found[0]], b[: found[0]])
        assert np.array_equal(m[: found[0]], n[: found[0]])


@pytest.mark.parametrize("dtype", ["bool", "u1"])
@pytest.mark.parametrize("by_row", [True, False])
def test_threads_and_rows_at_a_time_change_nothing(monkeypatch, dtype, by_row):
    rng = np.random.default_rng(0)
    times, neurons, trials = rng.uniform(-1, 31, 3000), rng.integers(0, 20, 3000), rng.integers(0, 5, 3000)
    if by_row:
        order = np.lexsort((neurons, trials))
        times, neurons, trials = times[order], neurons[order], trials[order]
    fixed = {"n_neurons": 20, "n_trials": 5, "start": 0, "stop": 30, "width": 1, "return_tally": True}
    whole, tally = bin_spikes(times, neurons, trials=trials, dtype=dtype, **fixed)
    monkeypatch.setattr(dense, "SPIKES_PER_THREAD", 1)
    monkeypatch.setattr(dense, "CACHE_BYTES", 100)
    monkeypatch.setattr(dense, "usable_cores", lambda: 3)
    out = np.full(whole.shape, 7, np.uint8).astype(dtype)
    assert bin_spikes(times, neurons, trials=trials, out=out, **fixed)[1] == tally
    assert np.array_equal(out, whole)
    times[[1000, 2000]] = np.nan
    with pytest.raises(BinningError, match=r"times\[1000\] is nan"):
        bin_spikes(times, neurons, trials=trials, dtype=dtype, **fixed)


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
    place = start, stop, width, right, end_bin, n
    assert kernel_bin(time, *place) == naive.bin_of(time, *place)


def test_sizes_may_be_any_whole_numbers():
    found = bin_spikes(
        [0.5, 0.5], [0, 1], trials=[0, 1], n_trials=np.uint64(2), n_neurons=np.uint64(2), start=0, stop=1, width=1
    )
    assert found[:, :, 0].tolist() == [[True, False], [False, True]]
