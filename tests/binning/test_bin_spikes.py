"""The binning rules: edges however computed and far out, closed sides, end bin, collisions, counts that add up."""

from __future__ import annotations

import math

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin import SpikebinError, bin_spikes
from spikebin.binning import bin_spikes as dense
from spikebin.errors import BinningError


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
    dtype=st.sampled_from(["bool", "u1", "i1", "u8", "i8"]),
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


def test_sizes_may_be_any_whole_numbers():
    found = bin_spikes(
        [0.5, 0.5], [0, 1], trials=[0, 1], n_trials=np.uint64(2), n_neurons=np.uint64(2), start=0, stop=1, width=1
    )
    assert found[:, :, 0].tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("given", ["yes", "no", 2, None, "False"])
def test_an_end_bin_is_true_or_false(given):
    with pytest.raises(BinningError, match="end_bin=.*: give True or False"):
        bin_spikes([0.5], [0], n_neurons=1, start=0, stop=1, width=1, end_bin=given)


def test_a_timedelta_is_not_a_number():
    with pytest.raises(BinningError, match="width is .*: give a number"):
        bin_spikes([0.5], [0], n_neurons=1, start=0, stop=1, width=np.timedelta64(1, "s"))
