"""NWB files: units, their trials, places and labels."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from conftest import spikebin
from sessions import (
    IDS,
    ONSETS_MS,
    TRAINS,
    WIDTH,
    make_trains,
    matrix,
    reference,
    write_nwb,
)

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule


def test_nwb_has_its_own_trials_intervals_and_places(tmp_path):
    recording = open_recording(write_nwb(tmp_path, TRAINS))
    found, _ = matrix(recording, "units", TrialRule(image_id="image"), tmp_path)
    np.testing.assert_array_equal(found, reference(TRAINS, ONSETS_MS, ONSETS_MS + 500, WIDTH))
    sheet = recording.sheet("units", TrialRule(image_id="image"))
    assert [trial.image_id for trial in sheet.trials[:2]] == ["Käse0", "Käse1"]
    assert dict(sheet.trials[1].extra)["contrast"] == 0.5
    np.testing.assert_array_equal(sheet.neurons["x"], IDS % 3 + 0.5)
    np.testing.assert_array_equal(sheet.neurons["y"], 10 * (IDS % 3 + 0.5))
    assert np.isnan(sheet.neurons["z"]).all()

    aligned, _ = matrix(recording, "units", TrialRule(align_to="cue", window_start=-50.0, window_stop=50.0), tmp_path)
    np.testing.assert_array_equal(aligned, reference(TRAINS, ONSETS_MS + 50, ONSETS_MS + 150, WIDTH))

    spans = [trial.phases[0] for trial in recording.sheet("units", TrialRule(events="laser")).trials]
    assert [(span.start, round(span.stop, 6)) for span in spans] == [(0, 100), (2000, 2150), (4000, 4200)]
    assert len(recording.sheet("units", TrialRule(events="none")).trials) == 1
    with pytest.raises(RecordingError, match=r"no intervals 'lasers': there are laser, trials"):
        recording.sheet("units", TrialRule(events="lasers"))


def test_nwb_without_texts_needs_no_h5py(tmp_path, monkeypatch):
    plain = open_recording(write_nwb(tmp_path, TRAINS, texts=False, electrodes=False))
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert len(plain.sheet("units", TrialRule()).trials) == ONSETS_MS.size
    assert np.isnan(plain.sheet("units", TrialRule()).neurons["x"]).all()


def test_nwb_with_texts_says_that_it_needs_h5py(tmp_path, monkeypatch):
    recording = open_recording(write_nwb(tmp_path, TRAINS))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(RecordingError, match=r"texts \(image\), which need h5py: pip install"):
        recording.sheet("units", TrialRule())


@pytest.mark.parametrize(
    ("labels", "odd"),
    [(("good",), [1]), (("good", "mua"), [0, 1]), (("quality=mua", "noise"), [0]), (("is_odd=True",), [1])],
)
def test_units_of_an_nwb_file_by_their_label(tmp_path, labels, odd):
    path = write_nwb(tmp_path, TRAINS)
    sheet = open_recording(path, None, Reading(labels=labels)).sheet("units", TrialRule())
    chosen = [i for i in IDS.tolist() if i % 2 in odd]
    assert sheet.neurons["neuron_id"].tolist() == chosen
    everything = open_recording(path).sheet("units", TrialRule())
    rows = np.flatnonzero(np.isin(IDS, chosen))
    (found,), (whole,) = sheet.spikes(3), everything.spikes(3)
    kept = np.isin(whole.rows, rows)
    np.testing.assert_array_equal(np.sort(found.times), np.sort(whole.times[kept]))
    assert np.bincount(found.rows, minlength=rows.size).tolist() == np.bincount(whole.rows, minlength=6)[rows].tolist()


def test_trials_in_which_a_unit_was_not_observed_are_counted(tmp_path):
    """Trials begin at ONSETS_MS and last 500 ms; one reaches into a gap, those after the end lie in none."""
    rule = TrialRule(short="pad")
    first, last = ONSETS_MS[5] / 1000, ONSETS_MS[10] / 1000
    observed = [[0.0, first + 0.25], [first + 0.3, last + 0.5]]
    path = write_nwb(tmp_path, TRAINS, observed=observed)
    late = int(np.sum(ONSETS_MS[10] < ONSETS_MS))
    assert open_recording(path).sheet("units", rule).n_unobserved == IDS.size * (1 + late)
    assert open_recording(path, None, Reading(ids="3,7")).sheet("units", rule).n_unobserved == 2 * (1 + late)
    assert open_recording(path, None, Reading(labels=("good",))).sheet("units", rule).n_unobserved == sum(
        1 + late for i in IDS if i % 2
    )
    result = spikebin("bin", path, "--width", "10", "--short", "pad")
    assert f"unobserved  {IDS.size * (1 + late)} of {IDS.size * 20} pairs of trial and neuron" in result.stdout
    plain = spikebin("bin", write_nwb(tmp_path, TRAINS), "--width", "10")
    assert "unobserved" not in plain.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda units: units["spike_times_index"].__setitem__(0, 200), r"spike_times_index does not fit"),
        (lambda units: units["spike_times_index"].__setitem__(5, 255), r"spike_times_index does not fit"),
        (lambda units: units["id"].__setitem__(0, 7), r"two units have one id"),
        (
            lambda units: units["spike_times"].__setitem__(3, np.nan),
            r"a spike time of neuron 3 of units of session.nwb is nan",
        ),
        (lambda units: units.__delitem__("spike_times"), r"no /units with spike_times"),
        (lambda units: units.__delitem__("id"), r"session.nwb:/units has no id"),
    ],
)
def test_damaged_nwb_is_one_line(tmp_path, change, message):
    import h5py

    path = write_nwb(tmp_path, make_trains(n=30))
    with h5py.File(path, "r+") as file:
        change(file["units"])
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(path).sheet("units", TrialRule(events="none"))
    assert "\n" not in str(caught.value)
