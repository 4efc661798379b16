"""A continuous recording, cut into trials: by a table, or as a whole; spikes are counted once, whatever overlaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.binning.rules import DOUBLE, Precision, edge_tolerance
from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.continuous.sheet import end_after, refuse_unused
from spikebin.recordings.settings import Reading, TrialRule


@pytest.fixture
def recording(tmp_path):
    np.savez(tmp_path / "s.npz", times_ms=[-2.0, 1.0, 1.0, 6.0, 30.0], neurons=[4, 4, 9, 9, 4])
    (tmp_path / "trials.csv").write_text("start_ms,stop_ms\n0,10\n5,12\n")
    return open_recording(tmp_path / "s.npz")


def test_windows_that_overlap_share_their_spikes_and_count_them_once(recording, tmp_path):
    sheet = recording.sheet("neurons", TrialRule(events=str(tmp_path / "trials.csv")))
    assert sheet.neurons["neuron_id"].tolist() == [4, 9]
    found = [[(phase.times.tolist(), phase.rows.tolist()) for phase in sheet.spikes(i)] for i in range(2)]
    assert [sorted(zip(*one[0], strict=True)) for one in found] == [[(1, 0), (1, 1), (6, 1)], [(6, 1)]]
    assert (sheet.n_recorded, sheet.n_in_trials) == (5, 3)
    assert [file.name for file in sheet.files] == ["s.npz", "trials.csv"]


def test_a_whole_recording_is_one_trial_that_holds_every_spike(recording):
    sheet = recording.sheet("neurons", TrialRule())
    (trial,) = sheet.trials
    assert (trial.phases[0].start, trial.phases[0].stop) == (-2.0, 31.0)
    assert sheet.n_in_trials == 5


def test_what_is_said_of_a_table_that_is_not_there_is_refused(recording):
    with pytest.raises(RecordingError, match="no events with a column 'cue': give a table of them"):
        recording.sheet("neurons", TrialRule(align_to="cue"))
    refuse_unused(TrialRule(), "x", ["align_to"])
    with pytest.raises(RecordingError, match="no use for `unit`"):
        refuse_unused(TrialRule(events_unit="s"), "x", ["events_unit"])


def test_the_rows_are_those_asked_for(tmp_path, recording):
    some = open_recording(tmp_path / "s.npz", None, Reading(ids="9,10")).sheet("neurons", TrialRule())
    assert some.neurons["neuron_id"].tolist() == [9, 10]
    assert some.n_recorded == 2


@given(last=st.floats(-1e9, 1e9), kind=st.sampled_from(["f8", "f4"]))
def test_the_last_spike_never_lies_on_the_end(last, kind):
    precision = DOUBLE if kind == "f8" else Precision.of(np.dtype(kind))
    stop = end_after(last, precision)
    assert stop == np.floor(stop)
    assert stop - last > edge_tolerance(1.0, abs(last), precision)
