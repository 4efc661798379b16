"""Arrays and columns of one file: which are times and neurons, in whatever order and type they lie."""

from __future__ import annotations

import numpy as np
import pytest
from sessions import (
    matrix,
)

from spikebin.recordings import open_recording
from spikebin.recordings.arrays import recognises
from spikebin.recordings.settings import Reading, TrialRule


@pytest.mark.parametrize("order", ["C", "F"])
def test_columns_of_a_npy_in_either_order(tmp_path, order):
    np.save(tmp_path / "s.npy", np.array([[1.5, 7], [2.5, 3], [4.0, 7]], order=order))
    sheet = open_recording(tmp_path / "s.npy", None, Reading(unit="ms")).sheet("neurons", TrialRule())
    (spikes,) = sheet.spikes(0)
    assert spikes.times.tolist() == [1.5, 2.5, 4.0]
    assert spikes.rows.tolist() == [1, 0, 1]


def test_negative_times_are_times(tmp_path):
    (tmp_path / "s.csv").write_text("time_ms,neuron\n-20.5,1\n-0.5,1\n3,2\n")
    found, _ = matrix(open_recording(tmp_path / "s.csv"), "neurons", TrialRule(), tmp_path)
    assert found.shape == (1, 2, 3)
    assert found[0, 0].tolist() == [1, 0, 1]
    assert found[0, 1].tolist() == [0, 0, 1]


def test_arrays_are_recognised_by_their_names(tmp_path):
    np.savez(tmp_path / "spikes.npz", spike_times=[1.0], spike_clusters=[1])
    np.savez(tmp_path / "other.npz", image=[1.0], mask=[1])
    (tmp_path / "spikes.csv").write_text("time_s,unit\n1,2\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert [path.name for path in sorted(tmp_path.iterdir()) if recognises(path)] == ["spikes.csv", "spikes.npz"]


def test_what_was_taken_is_said(tmp_path):
    np.savez(tmp_path / "s.npz", t_first=[0.0], spike_times_s=[0.5, 1.0], units=[3, 4])
    recording = open_recording(tmp_path / "s.npz", "arrays", Reading(times="spike_times_s", neurons="units"))
    assert all(word in recording.taken for word in ("spike_times_s", "units", "in s"))
    assert recording.paths == [tmp_path / "s.npz"]
    (spikes,) = recording.sheet("neurons", TrialRule()).spikes(0)
    assert (spikes.times.tolist(), spikes.rows.tolist()) == ([500.0, 1000.0], [0, 1])
