"""What the public calls are given: arrays, paths, open recordings and DataFrames; nothing is said twice."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.errors import RecordingError, SpikebinError
from spikebin.pipeline.frames import as_recording, bin_trials
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule


def test_arrays_go_to_the_call_for_arrays():
    found = bin_trials([[0.2, 5.1], [6.5]], onsets=[0, 5], start=0, stop=2, width=1)
    assert found.astype(int).tolist() == [[[1, 0], [0, 0]], [[1, 0], [0, 1]]]
    for wrong, words in (
        ({"onsets": None}, "onsets is missing"),
        ({"align_to": "cue"}, "align_to is given, but without"),
        ({"unit": "s"}, "unit is given, but without"),
    ):
        with pytest.raises(SpikebinError, match=words):
            bin_trials([[0.2]], **{"onsets": [0], "start": 0, "stop": 2, "width": 1} | wrong)


def test_paths_and_open_recordings(tmp_path):
    np.savez(tmp_path / "s.npz", times_ms=[1.0], neurons=[1])
    assert as_recording(str(tmp_path / "s.npz"), None, Reading()) == tmp_path / "s.npz"
    opened = open_recording(tmp_path / "s.npz")
    assert as_recording(opened, None, Reading()) is opened
    with pytest.raises(RecordingError, match=r"s\.npz is open already: give unit where it is opened"):
        as_recording(opened, None, Reading(unit="ms"))


def test_a_frame_is_a_recording(tmp_path):
    pd = pytest.importorskip("pandas")
    spikes = pd.DataFrame({"time_s": [0.5, 1.5], "unit": [7, 3]})
    recording = as_recording(spikes, pd.DataFrame({"onset_s": [0.0, 1.0]}), Reading())
    sheet = recording.sheet(recording.sheets[0], TrialRule(window_start=0.0, window_stop=1000.0))
    assert len(sheet.trials) == 2
    assert sheet.neurons["neuron_id"].tolist() == [3, 7]
    with pytest.raises(RecordingError, match="is not a file of format 'nwb'"):
        as_recording(spikes, None, Reading(), kind="nwb")
