"""All presentations of a recording on one clock: every spike is there, at exactly the end too, or is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.mozaik.timeline import Timeline
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (extra experanto)")

TINY = (SheetModel("X_ON", 4), SheetModel("V1_Exc_L2/3", 3))


def shard(root, seconds, indices):
    """A blank of 0.3 s and an image of 0.5 s, with spikes of two units."""
    (root / "responses").mkdir(parents=True)
    (root / "screen" / "meta").mkdir(parents=True)
    meta = {"modality": "spikes", "spike_indices": indices, "start_time": 0.0, "end_time": 0.8}
    (root / "responses" / "meta.yml").write_text(yaml.safe_dump(meta))
    np.save(root / "responses" / "spikes.npy", np.array(seconds))
    np.save(root / "screen" / "timestamps.npy", np.array([0.0, 0.3, 0.8]))
    for i, kind in enumerate(("blank", "image")):
        entry = {"modality": kind, "first_frame_idx": i, "num_frames": 1, "image_id": "a"}
        (root / "screen" / "meta" / f"{i:05d}.yml").write_text(yaml.safe_dump(entry))
    return Timeline(open_recording(root), ["responses"])


def test_spikes_at_exactly_an_end_are_kept_and_those_past_it_are_counted(tmp_path):
    timeline = shard(tmp_path / "shard", [0.0, 0.3, 0.8, 0.1, 0.5, 0.800001, 0.9], [0, 3, 7])
    found = timeline.spikes("responses")
    assert [(s.kind, s.start, s.stop) for s in timeline.stretches] == [("blank", 0.0, 300.0), ("image", 300.0, 800.0)]
    assert found.times.tolist() == [0.0, 300.0, 800.0, 100.0, 500.0]
    assert found.counts.tolist() == [3, 2]
    assert found.n_outside == 2


def test_a_cut_has_a_clock_of_its_own(tmp_path):
    timeline = shard(tmp_path / "shard", [0.1, 0.3, 0.4, 0.8, 0.5], [0, 4, 5]).cut(1, 2)
    assert [(s.kind, s.start, s.stop) for s in timeline.stretches] == [("image", 0.0, 500.0)]
    found = timeline.spikes("responses")
    # The spike at 0.3 s belongs to the blank, which ends then.
    assert np.allclose(found.times, [100.0, 500.0, 200.0], atol=1e-9)
    assert found.counts.tolist() == [2, 1]


def test_onsets_are_sums_that_were_rounded_once(tmp_path):
    experiment = Experiment(n_images=30, sheets=TINY[:1], blank_jitter_ms=3.0)
    write_datastore(tmp_path, experiment, directory="store")
    timeline = Timeline(open_recording(tmp_path / "store"), ["X_ON"])
    assert len(timeline.stretches) == 60
    assert all(a.stop == b.start for a, b in zip(timeline.stretches, timeline.stretches[1:], strict=False))
    # Durations are steps of 0.1 ms, and so are their sums.
    ends = np.array([stretch.stop for stretch in timeline.stretches])
    assert np.abs(ends * 10 - np.rint(ends * 10)).max() < 1e-7


def test_stores_that_ran_at_the_same_time_have_no_clock(tmp_path):
    write_datastore(tmp_path, Experiment(n_images=4, sheets=TINY[:1], blanks="none"), directory="store")
    recording = open_recording(tmp_path / "store")
    first = min(p.when for p in recording.presentations)
    # Two simulations, one listed after the other, whose presentations were recorded in turns.
    minutes = (0, 2, 1, 3)
    recording.presentations = [
        replace(p, when=first + timedelta(minutes=n)) for p, n in zip(recording.presentations, minutes, strict=True)
    ]
    with pytest.raises(RecordingError, match="merged from simulations that ran at the same time") as error:
        Timeline(recording, ["X_ON"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["cut", "other neurons"])
def test_a_damaged_segment_is_named(tmp_path, damage):
    write_datastore(tmp_path, Experiment(n_images=3, sheets=TINY), directory="store")
    recording = open_recording(tmp_path / "store")
    timeline = Timeline(recording, recording.sheets)
    files = [p.file for p in recording.presentations]
    mine, other = (next(p.file for p in recording.presentations if p.sheet == sheet) for sheet in recording.sheets)
    path = tmp_path / "store" / mine
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-80])
    else:
        path.write_bytes((tmp_path / "store" / other).read_bytes())
    assert len(set(files)) == len(files)
    with pytest.raises(RecordingError, match="Segment"):
        timeline.spikes(recording.sheets[0])
