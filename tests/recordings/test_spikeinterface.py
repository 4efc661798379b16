"""SpikeInterface's own files: the same samples and units, segments apart, labels by property; damaged ones are told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from here import spikebin_here

from spikebin import open_file
from spikebin.errors import RecordingError
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.settings import Reading, TrialRule

DATA = Path(__file__).parent.parent / "data" / "spikeinterface"
RATE = 30_000.0


def truth(segment):
    with np.load(DATA / "truth.npz") as found:
        return found[f"samples{segment}"] * 1000 / RATE, found[f"units{segment}"]


def spikes_of(sheet, trial=0):
    (found,) = sheet.spikes(trial)
    ids = sheet.neurons["neuron_id"][found.rows]
    return sorted(zip(found.times.tolist(), ids.tolist(), strict=True))


def expected(segment, units=(4, 7, 12, 15)):
    times, ids = truth(segment)
    return sorted((t, i) for t, i in zip(times.tolist(), ids.tolist(), strict=True) if i in units)


@pytest.mark.parametrize("name", ["one_segments", "one.npz"])
def test_one_segment_is_a_continuous_recording(name, tmp_path):
    recording = open_recording(DATA / name)
    assert recording.reading.format == "spikeinterface"
    assert recording.taken == "spikeinterface, times in samples (30000 a second), neurons by unit_ids"
    sheet = recording.sheet("units", TrialRule())
    assert sheet.neurons["neuron_id"].tolist() == [4, 7, 12, 15]  # 15 is silent
    assert spikes_of(sheet) == expected(0)
    (tmp_path / "t.csv").write_text("onset_s\n0.2\n0.6\n")
    rule = TrialRule(events=str(tmp_path / "t.csv"), window_start=0.0, window_stop=300.0)
    sheet = recording.sheet("units", rule)
    assert spikes_of(sheet, 1) == [(t, i) for t, i in expected(0) if 600 <= t <= 900]


@pytest.mark.parametrize("name", ["two_segments", "two.npz"])
def test_segments_are_trials_and_never_pooled(name):
    recording = open_recording(DATA / name)
    assert recording.taken.endswith("trials by its 2 segments")
    sheet = recording.sheet("units", TrialRule())
    assert [trial.image_id for trial in sheet.trials] == ["0", "1"]
    assert sheet.neurons["neuron_id"].tolist() == [4, 7, 12, 15]
    assert [spikes_of(sheet, i) for i in range(2)] == [expected(0), expected(1)]
    sheet = recording.sheet("units", TrialRule(window_start=0.0, window_stop=500.0))
    assert [spikes_of(sheet, i) for i in range(2)] == [[s for s in expected(k) if s[0] <= 500] for k in range(2)]
    with pytest.raises(RecordingError, match="relative to their trial: take `align_to` out"):
        recording.sheet("units", TrialRule(align_to="x"))


def test_a_segment_without_spikes_is_a_trial(tmp_path):
    shutil.copytree(DATA / "two_segments", tmp_path / "s")
    spikes = np.load(tmp_path / "s/spikes.npy")
    np.save(tmp_path / "s/spikes.npy", spikes[spikes["segment_index"] == 1])
    sheet = open_recording(tmp_path / "s").sheet("units", TrialRule())
    assert [len(spikes_of(sheet, i)) for i in range(2)] == [0, 60]


def test_an_analyzer_holds_its_sorting(tmp_path):
    shutil.copytree(DATA / "one_segments", tmp_path / "analyzer" / "sorting")
    assert format_of(tmp_path / "analyzer") == "spikeinterface"
    assert spikes_of(open_recording(tmp_path / "analyzer").sheet("units", TrialRule())) == expected(0)


@pytest.mark.parametrize(
    ("labels", "units"), [(("good",), [4, 12]), (("GOOD", "mua"), [4, 7, 12]), (("quality=noise",), [15])]
)
def test_units_by_a_property(labels, units):
    for name, trials in (("one_segments", 1), ("two_segments", 2)):
        sheet = open_recording(DATA / name, None, Reading(labels=labels)).sheet("units", TrialRule())
        assert sheet.neurons["neuron_id"].tolist() == units
        assert [spikes_of(sheet, i) for i in range(trials)] == [expected(i, units) for i in range(trials)]
        assert sheet.n_recorded == sum(len(expected(i, units)) for i in range(trials))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("god",), "no unit is labelled 'god': did you mean 'good'?"),
        (("qualty=good",), "its units have no property 'qualty'; there are quality"),
    ],
)
def test_labels_that_are_not_there(labels, message):
    with pytest.raises(RecordingError, match=message.replace("?", r"\?")):
        open_recording(DATA / "one_segments", None, Reading(labels=labels))


NAMES = {4: "TT1_40", 7: "TT1_3", 12: "m2_9", 15: "mua"}


def by_name(sheet, trial=0):
    (found,) = sheet.spikes(trial)
    return sorted(zip(found.times.tolist(), sheet.neurons["neuron_name"][found.rows].tolist(), strict=True))


@pytest.mark.parametrize("name", ["names", "names.npz", "names_two", "names_two.npz"])
def test_units_that_are_texts_keep_their_names(name):
    recording = open_recording(DATA / name)
    sheet = recording.sheet("units", TrialRule())
    assert sheet.neurons["neuron_id"].tolist() == [0, 1, 2, 3]
    assert sheet.neurons["neuron_name"].tolist() == ["TT1_3", "TT1_40", "m2_9", "mua"]
    for segment in range(len(sheet.trials)):
        times, ids = truth(segment)
        there = sorted((t, NAMES[i]) for t, i in zip(times.tolist(), ids.tolist(), strict=True))
        assert by_name(sheet, segment) == there
    some = open_recording(DATA / name, None, Reading(ids="m2_9, 1")).sheet("units", TrialRule())
    assert some.neurons["neuron_name"].tolist() == ["TT1_40", "m2_9"]
    assert by_name(some) == [spike for spike in by_name(sheet) if spike[1] in {"TT1_40", "m2_9"}]


@pytest.mark.parametrize("name", ["names", "names_two"])
def test_named_units_by_a_property(name):
    sheet = open_recording(DATA / name, None, Reading(labels=("good",))).sheet("units", TrialRule())
    assert sheet.neurons["neuron_name"].tolist() == ["TT1_40", "m2_9"]


def test_names_in_a_folder_and_in_a_matrix_file(tmp_path):
    result = spikebin_here("bin", DATA / "named", "-w", "10", "--ids", "b,d", "--out", "m.h5", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    view = open_file(tmp_path / "m.h5")
    assert view.neurons["neuron_name"].tolist() == ["b", "d"]
    assert view[...].sum(axis=(0, 2)).tolist() == [(truth(0)[1] == 7).sum(), 0]


def info(**changes):
    return lambda folder: (folder / "numpysorting_info.json").write_text(
        json.dumps({"sampling_frequency": 30000.0, "unit_ids": [4, 7, 12, 15], "num_segments": 1} | changes)
    )


DAMAGED = {
    "no json": (lambda folder: (folder / "numpysorting_info.json").write_text("{"), "cannot be read"),
    "a list": (lambda folder: (folder / "numpysorting_info.json").write_text("[]"), "cannot be read"),
    "deep": (lambda folder: (folder / "numpysorting_info.json").write_text("[" * 100_000), "cannot be read"),
    "no rate": (info(sampling_frequency=0), "its sampling_frequency is 0"),
    "a rate that is text": (info(sampling_frequency="fast"), "its sampling_frequency is 'fast'"),
    "ids twice": (info(unit_ids=[4, 4, 12, 15]), "two units have one id"),
    "names twice": (info(unit_ids=["a", "a", "c", "d"]), "two units have one id"),
    "a number twice": (info(unit_ids=["4", "04", "12", "15"]), "two units have one id"),
    "a name that is empty": (info(unit_ids=["", "b", "c", "d"]), "a unit has no name"),
    "too few names": (info(unit_ids=["a"]), "has a unit_index that is not in"),
    "too few ids": (info(unit_ids=[4]), "has a unit_index that is not in"),
    "no segments": (info(num_segments=0), "does not say units and segments"),
    "no spikes": (lambda folder: (folder / "spikes.npy").unlink(), "spikes.npy"),
    "other spikes": (lambda folder: np.save(folder / "spikes.npy", np.arange(3)), "has not the fields sample_index"),
    "cut": (lambda folder: (folder / "spikes.npy").write_bytes(b"\x93NUMPY"), "is not an array in numpy's format"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_folders_are_one_line(tmp_path, name):
    damage, message = DAMAGED[name]
    shutil.copytree(DATA / "one_segments", tmp_path / "s")
    damage(tmp_path / "s")
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(tmp_path / "s").sheet("units", TrialRule())
    assert "\n" not in str(caught.value)


def test_in_one_line(tmp_path):
    result = spikebin_here("bin", DATA / "two_segments", "-w", "10", "--out", "m.npz", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "m.npz") as found:
        assert found["spikes"].shape[:2] == (2, 4)
