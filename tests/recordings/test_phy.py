"""Kilosort's and Phy's directories."""

from __future__ import annotations

import pytest
from sessions import (
    IDS,
    TRAINS,
    write_phy,
)

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.phy import read_params
from spikebin.recordings.settings import Reading, TrialRule


def test_phy_labels_and_places(tmp_path):
    folder = write_phy(tmp_path, TRAINS)

    def ids(**reading):
        return (
            open_recording(folder, None, Reading(**reading)).sheet("units", TrialRule()).neurons["neuron_id"].tolist()
        )

    assert ids() == IDS.tolist()
    # What a person said of cluster 3 comes before what Kilosort said.
    assert ids(labels=("good",)) == IDS[1:].tolist()
    assert ids(labels=("mua",)) == [3]
    assert ids(labels=("mua", "noise")) == [3, 99]
    with pytest.raises(RecordingError, match="no cluster is labelled 'best': known are good, mua, noise, unsorted"):
        ids(labels=("best",))
    neurons = open_recording(folder).sheet("units", TrialRule()).neurons
    assert list(zip(neurons["x"], neurons["y"], strict=True))[:5] == [(0, 20), (32, 20), (0, 40), (32, 40), (0, 20)]


def test_phy_params_are_read_and_never_run(tmp_path):
    folder = write_phy(tmp_path, TRAINS)
    params = folder / "params.py"
    params.write_text("import os\nopen('/nonexistent/x').read()\nsample_rate = 25_000.0\nrate = os.getpid()\n")
    assert read_params(params) == {"sample_rate": 25_000.0}
    for text, message in (
        ("sample_rate = 30000.0 * 2\n", "no number called sample_rate"),
        ("sample_rate = (", "cannot be read"),
        ("(" * 100_000, "cannot be read"),
        ("sample_rate = -1\n", "with the rate -1"),
        ("sample_rate = True\n", "no number called sample_rate"),
    ):
        params.write_text(text)
        with pytest.raises(RecordingError, match=message):
            open_recording(folder).sheet("units", TrialRule())
    params.unlink()
    with pytest.raises(RecordingError, match=r"no params.py: give the rate"):
        open_recording(folder)
    assert open_recording(folder, None, Reading(rate=30_000.0)).sheet("units", TrialRule()).n_recorded == 1500
