"""Windows outside what was recorded are refused, padded, cut or dropped, in every format that knows its span."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.recorded_span import observed_span
from spikebin.recordings.settings import Reading, TrialRule
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.schedule import Item
from spikebin.simulate.v1 import SheetModel

h5py = pytest.importorskip("h5py")


def nwb(path, spans=((0.5, 2.0), (1.0, 3.0)), ends=(1, 2), kind="f8"):
    """Two units, four trials of half a second that begin at 0, 1, 2 and 2.75 s."""
    starts = np.array([0.0, 1.0, 2.0, 2.75])
    with h5py.File(path, "w") as file:
        units, trials = file.create_group("units"), file.create_group("intervals/trials")
        units["id"], trials["id"] = np.arange(2), np.arange(4)
        units["spike_times"], units["spike_times_index"] = np.array([0.6, 1.2, 1.1, 2.9], kind), np.array([2, 4])
        units["obs_intervals"], units["obs_intervals_index"] = np.array(spans, kind), np.array(ends)
        trials["start_time"], trials["stop_time"] = starts, starts + 0.5
    return path


def windows(path, short, **rule):
    sheet = open_recording(path).sheet("units", TrialRule(short=short, **rule))
    return [(trial.phases[0].start, trial.phases[0].stop) for trial in sheet.trials], list(sheet.notes)


def test_nwb_by_what_its_units_were_observed(tmp_path):
    path = nwb(tmp_path / "s.nwb")
    with pytest.raises(RecordingError, match=r"trial 0 .*from 0 to 500 ms, but was recorded from 500 to 3000.*--short"):
        windows(path, "refuse")
    asked = [(0.0, 500.0), (1000.0, 1500.0), (2000.0, 2500.0), (2750.0, 3250.0)]
    assert windows(path, "pad")[0] == asked
    found, notes = windows(path, "drop")
    assert found == asked[1:3]
    assert any("left out 2 of 4 trials" in note for note in notes)
    later = {"window_start": 100.0, "window_stop": 900.0}
    assert windows(path, "cut", **later)[0] == [(500.0, 900.0), (1100.0, 1900.0), (2100.0, 2900.0), (2850.0, 3000.0)]
    with pytest.raises(RecordingError, match="trial 0 of .* lasts from 0 to 500 ms"):
        windows(path, "cut")


def test_an_end_that_was_rounded_is_the_end(tmp_path):
    path = nwb(tmp_path / "s.nwb", [(0.0, 3.3), (0.0, 3.3)], kind="f4")
    window = {"events": "none", "window_start": 0.0, "window_stop": 3300.0}
    assert windows(path, "refuse", **window)[0] == [(0.0, 3300.0)]


def test_without_the_spans_of_all_units_nothing_is_refused(tmp_path):
    path = nwb(tmp_path / "s.nwb", [(0.5, 2.0)], (1, 1))
    found, notes = windows(path, "drop")
    assert len(found) == 4
    assert any("--short drop changes no trial" in note for note in notes)
    assert not any("--short" in note for note in windows(path, "pad")[1])


@pytest.mark.parametrize("spans", [[], [[]], [[[0, np.inf]]], [[[np.nan, 1]]], [[[2, 2]]], [[[0, 1]], []]])
def test_spans_that_say_nothing(spans):
    assert observed_span([np.array(one, float).reshape(-1, 2) for one in spans]) is None


def test_spans_with_gaps_are_one_stretch():
    assert observed_span([np.array([[0.0, 1], [5, 6]]), np.array([[-1.0, 2]])]) == (-1.0, 6.0)


def test_presentations_that_are_shorter_are_left_out_and_counted(tmp_path):
    items = (Item("image", 50.0, 1), Item("image", 80.0, 2))
    sheets = (SheetModel("X_ON", 5),)
    directory = write_datastore(tmp_path, Experiment(sheets=sheets, image_key="experanto", items=items))
    rule = TrialRule(blank="none", window_start=10.0, window_stop=60.0, short="drop")
    sheet = open_recording(directory).sheet("X_ON", rule)
    assert [(trial.phases[0].start, trial.phases[0].stop) for trial in sheet.trials] == [(10.0, 60.0)]
    assert list(sheet.notes) == ["left out 1 of 2 trials, which reach past what was recorded (short = drop)"]


def test_tables_of_spikes_say_that_they_do_not_know(tmp_path):
    (tmp_path / "s.csv").write_text("time_s,neuron\n0.1,0\n0.2,1\n")
    (tmp_path / "trialwise.csv").write_text("time_s,neuron,trial\n0.1,0,a\n0.2,1,b\n")
    rule = TrialRule(window_start=0.0, window_stop=1000.0, short="cut")
    for path, reading in ((tmp_path / "s.csv", Reading()), (tmp_path / "trialwise.csv", Reading(trial="trial"))):
        sheet = open_recording(path, None, reading).sheet("neurons", rule)
        assert any("--short cut changes no trial" in note for note in sheet.notes)
        assert {trial.phases[0].stop for trial in sheet.trials} == {1000.0}
