"""neurosuite's .res and .clu: shanks are sheets, artefacts and noise are left out and counted."""

from __future__ import annotations

import pytest

from spikebin.errors import RecordingError
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.settings import Reading, TrialRule

XML = "<parameters><acquisitionSystem><samplingRate>20000</samplingRate></acquisitionSystem></parameters>"


@pytest.fixture
def session(tmp_path):
    folder = tmp_path / "rat"
    folder.mkdir()
    for shank, (samples, clusters) in {1: ([10, 20, 30, 40], [0, 2, 3, 2]), 2: ([15, 25], [1, 2])}.items():
        (folder / f"rat.res.{shank}").write_text("".join(f"{s}\n" for s in samples))
        (folder / f"rat.clu.{shank}").write_text("".join(f"{c}\n" for c in [len(set(clusters)), *clusters]))
    (folder / "rat.xml").write_text(XML)
    return folder


def test_shanks_are_sheets(session):
    assert format_of(session) == "neurosuite"
    recording = open_recording(session)
    assert list(recording.sheets) == ["shank1", "shank2"]
    sheet = recording.sheet("shank1", TrialRule())
    assert sheet.neurons["neuron_id"].tolist() == [2, 3]
    assert sorted(sheet.spikes(0)[0].times.tolist()) == [1.0, 1.5, 2.0]
    assert sheet.notes == ["took 2 of 3 clusters that fire; left out 1 artefact, with 1 spike"]
    assert recording.sheet("shank2", TrialRule()).neurons["neuron_id"].tolist() == [2]


def test_clusters_by_their_labels(session):
    sheet = open_recording(session, None, Reading(labels=("noise", "good"))).sheet("shank2", TrialRule())
    assert sheet.neurons["neuron_id"].tolist() == [1, 2]
    with pytest.raises(RecordingError, match="no cluster is labelled 'nois': did you mean 'noise'"):
        open_recording(session, None, Reading(labels=("nois",))).sheet("shank2", TrialRule())


def test_the_rate_is_said_or_that_of_the_xml(session):
    sheet = open_recording(session, None, Reading(rate=10_000.0)).sheet("shank1", TrialRule())
    assert sorted(sheet.spikes(0)[0].times.tolist()) == [2.0, 3.0, 4.0]
    (session / "rat.xml").write_text("<parameters><lfpSamplingRate>1250</lfpSamplingRate></parameters>")
    with pytest.raises(RecordingError, match="rat.xml holds no samplingRate: give it with --rate"):
        open_recording(session)
    (session / "rat.xml").unlink()
    with pytest.raises(RecordingError, match="no rate: rat.xml cannot be read"):
        open_recording(session)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rat.res.1", "10\n20\n30\n", "do not have the same number of spikes"),
        ("rat.res.1", "10\n20\nx\n40\n", "rat.res.1 line 3: 'x' is not a whole number"),
        ("rat.res.1", "10\n20\n1.5\n40\n", "rat.res.1 line 3: '1.5' is not a whole number"),
        ("rat.clu.1", "", "do not have the same number of spikes"),
        ("rat.clu.1", "3\n0\n2\n-1\n2\n", "rat.clu.1 line 4: '-1' is not a whole number"),
        ("cat.res.1", "", "it holds the sessions cat, rat"),
    ],
)
def test_damaged_sessions_are_one_line(session, name, text, message):
    (session / name).write_text(text)
    (session / "cat.clu.1").write_text("") if name.startswith("cat") else None
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(session).sheet("shank1", TrialRule())
    assert "\n" not in str(caught.value)
