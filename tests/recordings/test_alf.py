"""ALF folders: spikes, labels of clusters and trials, named to the letter; ambiguous and damaged ones are told."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.settings import Reading, TrialRule

TIMES = np.array([0.1, 0.2, 0.65, 0.9])
CLUSTERS = np.array([0, 3, 0, 2])


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "alf"
    folder.mkdir()
    np.save(folder / "spikes.times.npy", TIMES)
    np.save(folder / "spikes.clusters.npy", CLUSTERS)
    np.save(folder / "spikes.amps.npy", TIMES)
    return folder


def trials_as_arrays(folder):
    np.save(folder / "_ibl_trials.intervals.npy", np.array([[0.0, 0.5], [0.5, 1.0]]))
    np.save(folder / "_ibl_trials.stimOn_times.npy", np.array([0.1, 0.6]))
    np.save(folder / "_ibl_trials.choice.npy", np.array([-1.0, 1.0]))


def trials_as_table(folder):
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    pandas.DataFrame(
        {"stimOn_times": [0.1, 0.6], "choice": [-1.0, 1.0], "intervals_0": [0.0, 0.5], "intervals_1": [0.5, 1.0]}
    ).to_parquet(folder / "_ibl_trials.table.pqt")


def ids(sheet):
    return sheet.neurons["neuron_id"].tolist()


def test_spikes_in_seconds(folder):
    assert format_of(folder) == "alf"
    recording = open_recording(folder)
    assert recording.taken == "alf, spikes.times.npy in s, neurons by spikes.clusters.npy"
    sheet = recording.sheet("units", TrialRule())
    assert ids(sheet) == [0, 2, 3]
    (found,) = sheet.spikes(0)
    np.testing.assert_allclose(np.sort(found.times), TIMES * 1000)


@pytest.mark.parametrize("write", [trials_as_arrays, trials_as_table])
def test_trials_of_its_own(folder, write):
    write(folder)
    recording = open_recording(folder)
    trials = recording.sheet("units", TrialRule()).trials
    assert [(t.phases[0].start, t.phases[0].stop, dict(t.extra)["choice"]) for t in trials] == [
        (0.0, 500.0, -1.0),
        (500.0, 1000.0, 1.0),
    ]
    rule = TrialRule(align_to="stimOn_times", window_start=0.0, window_stop=100.0)
    sheet = recording.sheet("units", rule)
    assert [sheet.spikes(i)[0].times.tolist() for i in range(2)] == [[100.0, 200.0], [650.0]]
    with pytest.raises(RecordingError, match="no trials 'passive': its own are called trials"):
        recording.sheet("units", TrialRule(events="passive"))


def test_clusters_by_their_labels(folder):
    np.save(folder / "clusters.label.npy", np.array([1.0, 0.5, 0.0, 1.0]))
    (folder / "clusters.metrics.csv").write_text("cluster_id,ks2_label\n0,good\n2,mua\n3,Good\n")
    assert ids(open_recording(folder, None, Reading(labels=("1",))).sheet("units", TrialRule())) == [0, 3]
    assert ids(open_recording(folder, None, Reading(labels=("ks2_label=good",))).sheet("units", TrialRule())) == [0, 3]
    assert ids(open_recording(folder, None, Reading(labels=("label=0.5", "0"))).sheet("units", TrialRule())) == [1, 2]
    with pytest.raises(RecordingError, match="no attribute 'ks_label': did you mean 'ks2_label'"):
        open_recording(folder, None, Reading(labels=("ks_label=good",))).sheet("units", TrialRule())


def test_names_behind_a_namespace_and_with_more(folder):
    (folder / "spikes.times.npy").rename(folder / "_ks_spikes.times.probe00.npy")
    assert open_recording(folder).paths[0].name == "_ks_spikes.times.probe00.npy"
    np.save(folder / "spikes.times.npy", TIMES)
    with pytest.raises(RecordingError, match="it has 2 files of spikes.times: give a folder with one"):
        open_recording(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: np.save(f / "spikes.clusters.npy", CLUSTERS[:3]), "4 times and 3 neurons"),
        (lambda f: np.save(f / "spikes.times.npy", np.array([0.1, np.nan, 0.2, 0.3])), "is nan"),
        (lambda f: (f / "spikes.times.npy").write_bytes(b""), "is empty"),
        (lambda f: np.save(f / "_ibl_trials.choice.npy", np.arange(3)), "its arrays of trials have 2 to 3 trials"),
        (lambda f: np.save(f / "trials.choice.npy", np.arange(2)), "and trials.choice.npy hold one column"),
        (lambda f: (f / "_ibl_trials.table.pqt").write_bytes(b"PAR1 no"), "cannot be read as Parquet or Feather"),
    ],
)
def test_damaged_folders_are_one_line(folder, damage, message):
    trials_as_arrays(folder)
    damage(folder)
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(folder).sheet("units", TrialRule())
    assert "\n" not in str(caught.value)
