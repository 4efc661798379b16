"""`bin_trials`: a continuous recording in arrays, cut around onsets; however it is handed over, the same matrix."""

from __future__ import annotations

import math

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin import SpikebinError, Tally, bin_spikes, bin_trials
from spikebin.binning import bin_spikes as dense
from spikebin.binning import bin_trials as trials
from spikebin.kernels import binning as kernels

N_NEURONS = 4
TIMES = st.one_of(st.integers(-60, 60).map(lambda k: k / 4), st.floats(-15, 15))
SPIKES = st.lists(st.tuples(TIMES, st.integers(0, N_NEURONS - 1)), max_size=60)
ONSETS = st.lists(st.one_of(st.integers(-10, 10).map(float), st.floats(-10, 10)), max_size=6)
SETTINGS = st.fixed_dictionaries(
    {
        "start": st.sampled_from([-1.0, 0.0, 0.3]),
        "stop": st.sampled_from([0.5, 1.0, 6.1]),
        "width": st.sampled_from([0.25, 1.0, 0.7]),
        "closed": st.sampled_from(["left", "right"]),
        "end_bin": st.booleans(),
        "dtype": st.sampled_from(["bool", "u1", "i8", "u8"]),
    }
)


def twin(spikes, onsets, start, stop, width, closed, end_bin, dtype):
    """Every spike against every trial."""
    n_bins = naive.n_bins(start, stop, width, end_bin)
    matrix = np.zeros((len(onsets), N_NEURONS, n_bins), dtype)
    n_spikes = n_binned = n_collisions = 0
    for trial, onset in enumerate(onsets):
        for time, neuron in spikes:
            place = onset + start, onset + stop, width, closed == "right", end_bin, n_bins
            k = naive.bin_of(time, *place)
            tolerance = max(1e-8, 1e-7 * width)
            n_spikes += place[0] - tolerance <= time <= place[1] + tolerance
            if k >= 0 and dtype == "bool" and matrix[trial, neuron, k]:
                n_collisions += 1
            elif k >= 0:
                matrix[trial, neuron, k] += 1
                n_binned += 1
    return matrix, Tally(n_spikes, n_binned, n_collisions, n_spikes - n_binned - n_collisions)


def test_a_time_that_means_an_edge_counts_as_that_edge():
    for off in (-1e-10, 0.0, 1e-10):
        for closed, edge in (("left", 1.0), ("right", 0.0)):
            _, tally = bin_trials(
                [[edge + off]], onsets=[0], start=0, stop=1, width=1, closed=closed, return_tally=True
            )
            assert tally == Tally(1, 0, 0, 1)


def ways(spikes):
    """What `bin_trials` may be given for the same spikes: arrays for neurons, or all spikes in several orders."""
    times, neurons = (np.array([spike[i] for spike in spikes], kind) for i, kind in enumerate((float, int)))
    trains = [times[neurons == i] for i in range(N_NEURONS)]
    yield (trains,), {}
    yield ([np.sort(train) for train in trains],), {}
    for order in (np.arange(times.size), np.argsort(times), np.lexsort((times, neurons))):
        yield (times[order], neurons[order]), {"n_neurons": N_NEURONS}


@given(spikes=SPIKES, onsets=ONSETS, settings=SETTINGS)
def test_every_way_gives_what_the_twin_gives(spikes, onsets, settings):
    expected, tally = twin(spikes, onsets, **settings)
    for given_spikes, more in ways(spikes):
        found = bin_trials(*given_spikes, onsets=onsets, **settings, **more, return_tally=True)
        assert found[0].dtype == expected.dtype
        assert np.array_equal(found[0], expected)
        assert found[1] == tally
        out = np.ones_like(expected)
        assert bin_trials(*given_spikes, onsets=onsets, **settings, **more, out=out) is out
        assert np.array_equal(out, expected)


@pytest.mark.parametrize("dtype", ["bool", "u1"])
def test_threads_and_neurons_at_a_time_change_nothing(monkeypatch, dtype):
    draw = np.random.default_rng(0)
    spikes = list(zip(draw.uniform(0, 100, 3000), draw.integers(0, N_NEURONS, 3000).tolist(), strict=True))
    settings = {"onsets": draw.uniform(0, 100, 30), "start": -1, "stop": 3, "width": 0.5, "dtype": dtype}
    whole = [bin_trials(*way, **settings, **more, return_tally=True) for way, more in ways(spikes)]
    monkeypatch.setattr(dense, "SPIKES_PER_THREAD", 1)
    monkeypatch.setattr(dense, "usable_cores", lambda: 3)
    monkeypatch.setattr(trials, "TILE_BYTES", 1)
    assert whole[0][0].any()
    for way, more in ways(spikes):
        matrix, tally = bin_trials(*way, **settings, **more, return_tally=True)
        assert np.array_equal(matrix, whole[0][0])
        assert [tally] * len(whole) == [one[1] for one in whole]


def test_windows_that_overlap_both_get_a_spike():
    matrix, tally = bin_trials([[1.5]], onsets=[1, 0], start=0, stop=2, width=1, return_tally=True)
    assert matrix[:, 0].astype(int).tolist() == [[1, 0], [0, 1]]
    assert tally == Tally(2, 2, 0, 0)


def test_it_is_bin_spikes_of_each_trial_far_out():
    """Onsets whose tolerance is their own: an hour on, in ms, and a day on, in samples of 30 kHz."""
    for onsets, width in ((3.6e6 + np.arange(5) * 1000, 1.0), (86_400 + np.arange(5.0), 1 / 30)):
        edges = (onsets[:, None] + width * np.arange(31)).reshape(-1)
        for closed in ("left", "right"):
            settings = {"width": width, "closed": closed, "end_bin": True}
            found = bin_trials([edges], onsets=onsets, start=0, stop=30 * width, **settings)
            for onset, trial in zip(onsets, found, strict=True):
                window = {"n_neurons": 1, "start": onset, "stop": onset + 30 * width}
                assert np.array_equal(trial, bin_spikes(edges, np.zeros(edges.size, int), **window, **settings)[0])


def test_no_trials_no_neurons_no_spikes():
    settings = {"start": 0, "stop": 3, "width": 1}
    assert bin_trials([[1.0], []], onsets=[], **settings).shape == (0, 2, 3)
    assert bin_trials([], onsets=[1, 2], **settings).shape == (2, 0, 3)
    assert not bin_trials([], np.array([], int), n_neurons=2, onsets=[1], **settings).any()


@pytest.mark.parametrize(
    ("spikes", "changes", "word"),
    [
        (([[1.0, math.nan]],), {}, r"times\[0\]\[1\] is nan"),
        (([[1.0], [-math.inf, 2.0]],), {}, r"times\[1\]\[0\] is -inf"),
        (([[1.0], [0.0, math.inf]],), {}, r"times\[1\]\[1\] is inf"),
        (([2.0, math.nan, 1.0], [0, 0, 1]), {"n_neurons": 2}, r"times\[1\] is nan"),
        (([2.0, 1.0, math.inf], [1, 0, 1]), {"n_neurons": 2}, r"times\[2\] is inf"),
        (([1.0, 2.0], [0, 2]), {"n_neurons": 2}, "give 0 to 1"),
        (([1.0, 2.0], [0, 1]), {}, "n_neurons is None"),
        (([[1.0], [2.0]],), {"n_neurons": 3}, "there are 2 arrays"),
        ((np.array([1.0, 2.0]),), {}, "one flat array"),
        ((1.0,), {}, "float"),
        (([1.0, 2.0],), {}, r"times\[0\] has shape \(\)"),
        ((["ab"],), {}, "flat array of numbers"),
        (([np.ma.masked_invalid([1.0])],), {}, r"times\[0\] is masked"),
        (([[1.0]],), {"onsets": [0, math.nan]}, r"onsets\[1\] is nan"),
        (([[1.0]],), {"onsets": [[0.0]]}, "onsets has shape"),
        (([[1.0]],), {"onsets": [1e17]}, "cannot be told apart"),
        (([[1.0]],), {"onsets": [-1e17]}, "cannot be told apart"),
        (([[1.0]],), {"onsets": [1.7e308], "stop": 1.7e308, "width": 1e307}, "finite"),
        (([[1.0]],), {"stop": -1}, "negative"),
        (([[1.0]],), {"width": 0}, "above 0"),
        (([[1.0]],), {"dtype": float}, "neither marks nor counts"),
        (([[1.0]],), {"out": np.zeros((1, 1, 2), bool)}, "out has shape"),
    ],
)
def test_bad_arguments_get_one_clear_line(spikes, changes, word):
    with pytest.raises(SpikebinError, match=word) as caught:
        bin_trials(*spikes, **{"onsets": [0.0], "start": 0, "stop": 3, "width": 1} | changes)
    assert "\n" not in str(caught.value)


def test_the_kernels_equal_their_twins():
    draw = np.random.default_rng(0)
    for case in range(30):
        times = np.sort(draw.uniform(0, 50, 80).round(1))
        rows = draw.integers(0, 3, 80)
        starts = np.sort(draw.uniform(-2, 50, 9).round(1))
        order = draw.permutation(9)
        n_bins = naive.n_bins(0, 4, 0.5, case % 3 > 0)
        rule = 1e-7, 0.5, bool(case % 2), bool(case % 3), n_bins, naive.double(0.5)
        for step in (0, 1):
            a, b = np.zeros((9, 3, n_bins), np.uint8), np.zeros((9, 3, n_bins), np.uint8)
            given_spikes = times, rows, step, starts, starts + 4, order, *rule, 2
            assert tuple(kernels.fill_windows(*given_spikes, a)) == naive.fill_windows(*given_spikes, b)
            assert np.array_equal(a, b)
            assert a.max() == 2
    bad = [math.nan, math.inf, -math.inf, 0.0]
    for values in ([], [1.0], [1.0, 1.0, 2.0], *([1.0, x, 3.0] for x in bad), *([x, 1.0] for x in bad)):
        assert kernels.disorder(np.array(values, float)) == naive.disorder(values)
