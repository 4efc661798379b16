"""A unit that a time carries is converted or refused, never dropped."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin import Binning, bin_spikes, bin_trials
from spikebin.errors import BinningError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import neo
    import quantities as pq

UNITS = st.sampled_from([pq.s, pq.ms, pq.us, pq.ns, pq.min, pq.hour])
MS = [100.0, 500.0, 1200.0]
TRAIN = neo.SpikeTrain(np.array(MS) / 1000 * pq.s, t_stop=2 * pq.s)


def of(values, unit):
    return (np.asarray(values) * pq.ms).rescale(unit)


@given(units=st.tuples(UNITS, UNITS, UNITS, UNITS, UNITS))
def test_whatever_the_units_the_matrix_is_the_same(units):
    times, start, stop, width, onsets = units
    window = {"start": of(0, start), "stop": of(2000, stop), "width": of(500, width), "dtype": "u1"}
    found = bin_spikes(of(MS, times), [0, 0, 0], n_neurons=1, **window)
    assert found[0, 0].tolist() == [1, 1, 1, 0]
    cut = bin_trials([of(MS, times), of([], times)], onsets=of([0, 1000], onsets), **window)
    assert cut[:, 0].tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]


def test_a_spike_train_of_neo():
    window = {"start": 0, "stop": 2 * pq.s, "width": 500 * pq.ms, "dtype": "u1"}
    assert bin_spikes(TRAIN, [0, 0, 0], n_neurons=1, **window)[0, 0].tolist() == [1, 1, 1, 0]
    assert bin_trials([TRAIN, TRAIN], onsets=[0] * pq.s, **window)[0].tolist() == [[1, 1, 1, 0]] * 2
    assert bin_trials((train for train in [TRAIN]), onsets=[0] * pq.s, **window)[0, 0].tolist() == [1, 1, 1, 0]
    onsets = neo.Event(np.array([0.0, 1.0]) * pq.s)
    assert bin_trials([TRAIN], onsets=onsets, **window)[1, 0].tolist() == [1, 0, 0, 0]


def test_numbers_that_each_have_a_unit():
    times = [0.1 * pq.s, 500 * pq.ms, 1.2 * pq.s]
    window = {"start": 0 * pq.s, "stop": 2 * pq.s, "width": 0.5 * pq.s, "dtype": "u1"}
    assert bin_spikes(times, [0, 0, 0], n_neurons=1, **window)[0, 0].tolist() == [1, 1, 1, 0]
    assert bin_trials([times], onsets=[0 * pq.s], **window)[0, 0].tolist() == [1, 1, 1, 0]


def test_float32_with_a_unit_is_still_float32():
    times = pq.Quantity((np.arange(1000) / 1000).astype("f4"), "s")
    found = bin_spikes(times, np.zeros(1000, int), n_neurons=1, start=0, stop=1 * pq.s, width=1 * pq.ms, dtype="u1")
    assert found[0, 0].tolist() == [1] * 1000


@pytest.mark.parametrize(
    ("times", "changes", "words"),
    [
        (TRAIN, {}, "times has a unit and start|times has a unit and stop"),
        (np.array(MS), {"stop": 2000 * pq.ms}, "stop has a unit and times has none"),
        ([0.1 * pq.s, 500.0, 1.2 * pq.s], {"stop": 2 * pq.s, "width": 1 * pq.s}, "times has none"),
        (TRAIN, {"stop": 2 * pq.mV, "width": 1 * pq.s}, "stop is in .*not a unit of time"),
        (np.array(MS) * pq.dimensionless, {"stop": 2 * pq.s, "width": 1 * pq.s}, "not a unit of time"),
        (TRAIN, {"stop": [2] * pq.s, "width": 1 * pq.s}, "stop is .*give a number"),
    ],
)
def test_units_here_and_none_there_are_refused(times, changes, words):
    window = {"start": 0, "stop": 2000, "width": 500} | changes
    with pytest.raises(BinningError, match=words) as caught:
        bin_spikes(times, [0, 0, 0], n_neurons=1, **window)
    assert "\n" not in str(caught.value)
    with pytest.raises(BinningError):
        bin_trials([times], onsets=[0], **window)


class Foreign(np.ndarray):
    """Times as packages have them whose units are not known here."""

    unit = "s"


class Labelled:
    """An array whose dtype knows the unit, as pint's do in pandas."""

    class dtype:  # noqa: N801
        units = "s"

    def __array__(self, dtype=None, copy=None):
        return np.array(MS, dtype)


@pytest.mark.parametrize("times", [np.array(MS).view(Foreign), Labelled()])
def test_units_of_other_packages_are_refused(times):
    window = {"start": 0, "stop": 2000, "width": 500}
    with pytest.raises(BinningError, match="unit"):
        bin_spikes(times, [0, 0, 0], n_neurons=1, **window)
    with pytest.raises(BinningError, match="unit"):
        bin_trials([times], onsets=[0], **window)
    quantities = {"start": 0, "stop": 2 * pq.s, "width": 1 * pq.s}
    with pytest.raises(BinningError, match=r"is not known here.*to\('ms'\)"):
        bin_spikes(times, [0, 0, 0], n_neurons=1, **quantities)


def test_a_width_of_binning_has_no_unit():
    with pytest.raises(BinningError, match="give a number"):
        Binning(width=1 * pq.ms)
