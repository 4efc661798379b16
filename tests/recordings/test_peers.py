"""Beside elephant and pynapple on the same spikes: equal where they are right, and where they differ, how."""

from __future__ import annotations

import numpy as np
import pytest
from later import Later
from sessions import ONSETS_MS, make_trains, write_npz, write_trials

from spikebin.binning.rules import Binning
from spikebin.matrixfile.write_sheet import Settings
from spikebin.pipeline.one_step import bin_sheet
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule

neo, nap, pq, elephant = Later("neo"), Later("pynapple"), Later("quantities"), Later("elephant.conversion")

pytestmark = pytest.mark.filterwarnings("ignore")


def by_elephant(trains, starts, stops, width):
    tensor = []
    for start, stop in zip(starts * pq.ms, stops * pq.ms, strict=True):
        cut = [neo.SpikeTrain(train, units="ms", t_stop=1e6).time_slice(start, stop) for train in trains]
        binned = elephant.BinnedSpikeTrain(cut, bin_size=width * pq.ms, t_start=start, t_stop=stop)
        tensor.append(binned.to_array())
    return np.array(tensor)


def by_pynapple(trains, starts, stops, width):
    group = nap.TsGroup(
        {i: nap.Ts(train, time_units="ms") for i, train in enumerate(trains)},
        time_support=nap.IntervalSet(0, 1000),
    )
    return nap.build_tensor(group, nap.IntervalSet(starts / 1000, stops / 1000), bin_size=width / 1000).transpose(
        1, 0, 2
    )


def by_spikebin(trains, starts, stops, width, directory, **binning):
    path = directory / "spikes.npz"
    ids = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    np.savez(path, times_ms=np.concatenate(trains), neurons=ids)
    events = write_trials(
        directory / "t.csv",
        {"start_ms": np.asarray(starts, float).tolist(), "stop_ms": np.asarray(stops, float).tolist()},
    )
    rule = TrialRule(events=str(events))
    settings = Settings(Binning(**{"width": width, "end_bin": False, "values": "count", **binning}))
    bin_sheet(
        open_recording(path).sheet("neurons", rule), "neurons", "x", settings, directory / "out.npy", ragged="pad"
    )
    return np.load(directory / "out.npy")


@pytest.mark.parametrize("width", [10.0, 1.0, 0.1])
def test_equal_to_both_on_the_samples_of_a_probe(tmp_path, width):
    trains = make_trains(seed=4)
    found = by_spikebin(trains, ONSETS_MS - 100, ONSETS_MS + 300, width, tmp_path)
    assert found.sum() > 100
    np.testing.assert_array_equal(found, by_elephant(trains, ONSETS_MS - 100, ONSETS_MS + 300, width))
    np.testing.assert_array_equal(found, by_pynapple(trains, ONSETS_MS - 100, ONSETS_MS + 300, width))


def test_equal_to_both_on_every_edge(tmp_path):
    starts = np.array([900.0, 360_000.3])
    train = np.concatenate([start + 0.1 * np.arange(4000) for start in starts])
    for by in (by_elephant, by_pynapple):
        found = by_spikebin([train], starts, starts + 400, 0.1, tmp_path)
        assert (found == 1).all()
        np.testing.assert_array_equal(found, by([train], starts, starts + 400, 0.1))


def test_a_spike_at_the_end_is_outside_as_with_both_and_counted(tmp_path):
    """The last bin is open on the right, as all others are; `end_bin`, which neither has, is for such spikes."""
    train, start, stop = np.array([1250.0, 1300.0]), np.array([1000.0]), np.array([1300.0])
    for by in (by_elephant, by_pynapple):
        assert by([train], start, stop, 10).sum() == 1
    assert by_spikebin([train], start, stop, 10, tmp_path).sum() == 1
    assert by_spikebin([train], start, stop, 10, tmp_path, end_bin=True)[0, 0, -2:].tolist() == [0, 1]
    rule = TrialRule(events="none", window_start=1000.0, window_stop=1300.0)
    sheet = open_recording(tmp_path / "spikes.npz").sheet("neurons", rule)
    binned = bin_sheet(sheet, "neurons", "x", Settings(Binning(10.0, "left", False)), None)
    assert (binned.n_spikes, binned.n_binned, binned.n_outside) == (2, 1, 1)


def test_a_last_bin_that_the_window_cuts_is_kept_where_elephant_drops_it(tmp_path):
    train, start, stop = np.array([24.9]), np.array([0.0]), np.array([25.0])
    assert by_spikebin([train], start, stop, 10, tmp_path).tolist() == [[[0, 0, 1]]]
    assert by_pynapple([train], start, stop, 10).tolist() == [[[0, 0, 1]]]
    assert by_elephant([train], start, stop, 10).tolist() == [[[0, 0]]]


def test_windows_that_overlap_stay_apart_where_pynapple_joins_them(tmp_path):
    train, starts = np.array([100.0, 150.0]), np.array([0.0, 50.0])
    found = by_spikebin([train], starts, starts + 200, 10, tmp_path)
    assert found.sum(axis=(1, 2)).tolist() == [2, 2]
    np.testing.assert_array_equal(found, by_elephant([train], starts, starts + 200, 10))
    assert by_pynapple([train], starts, starts + 200, 10).shape == (1, 1, 25)


def test_short_trials_end_in_zeros_where_pynapple_has_nan(tmp_path):
    train, starts, stops = np.array([1000.0, 2500.0]), np.array([0.0, 2000.0]), np.array([1500.0, 2700.0])
    found = by_spikebin([train], starts, stops, 500.0, tmp_path)
    assert found.tolist() == [[[0, 0, 1]], [[0, 1, 0]]]
    other = by_pynapple([train], starts, stops, 500.0)
    assert np.isnan(other[1, 0]).tolist() != [False] * 3


def test_counts_end_at_255_and_say_so(tmp_path):
    train = np.linspace(0, 9, 300)
    assert by_spikebin([train], [0], [10], 10.0, tmp_path).max() == 255
    assert by_elephant([train], np.array([0.0]), np.array([10.0]), 10.0).max() == 300
    rule = TrialRule(events="none", window_start=0.0, window_stop=10.0)
    sheet = open_recording(write_npz(tmp_path, [train] * 6)).sheet("neurons", rule)
    binned = bin_sheet(sheet, "neurons", "x", Settings(Binning(10.0, "left", False, "count")), None)
    assert (binned.n_spikes, binned.n_binned, binned.n_collisions) == (1800, 6 * 255, 6 * 45)
