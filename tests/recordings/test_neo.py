"""neo: trains belong together by name or id; segments without trains, clocks, windows, tables of one name, readers."""

from __future__ import annotations

import os
import signal
import sys
import warnings

import numpy as np
import pytest

from spikebin.binning.rules import Binning
from spikebin.binning.trial import bin_trial
from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.neo import from_neo
from spikebin.recordings.settings import Reading, TrialRule

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import neo
    import quantities as pq


def segment(trains, name="", first=0.0, last=3.0, names=None, events=(), **annotations):
    found = neo.Segment(name=name)
    for i, times in enumerate(trains):
        mine = {key: values[i] for key, values in annotations.items()}
        found.spiketrains.append(
            neo.SpikeTrain(
                np.array(times, float) * pq.s, t_start=first * pq.s, t_stop=last * pq.s,
                name=names[i] if names else None, **mine,
            )
        )  # fmt: skip
    found.events.extend(events)
    return found


def block(*segments):
    found = neo.Block()
    found.segments.extend(segments)
    return found


def binned(found, rule=None, neurons=None):
    """Counts in bins of a second: trial, neuron, time."""
    sheet = from_neo(found, neurons=neurons).sheet("units", rule or TrialRule())
    binning, counts = Binning(1000.0, end_bin=False, values="count"), []
    for i, trial in enumerate(sheet.trials):
        n_bins = binning.n_bins(trial.phases[0].start, trial.phases[0].stop)
        events = bin_trial(trial, sheet.spikes(i), binning, n_bins, "here")
        row = np.zeros(len(sheet.neurons) * n_bins, int)
        row[events.flat] = events.values
        counts.append(row.reshape(-1, n_bins).tolist())
    return counts, sheet


def test_a_segment_without_trains_is_a_trial_without_spikes():
    names = ["a", "b"]
    counts, sheet = binned(
        block(segment([[0.5], [1.5]], "1", names=names), segment([], "2"), segment([[2.5], [0.5]], "3", names=names))
    )
    assert counts == [[[1, 0, 0], [0, 1, 0]], [[0, 0, 0], [0, 0, 0]], [[0, 0, 1], [1, 0, 0]]]
    assert [dict(trial.extra)["segment"] for trial in sheet.trials] == ["1", "2", "3"]
    first = binned(block(segment([], "1"), segment([[0.5], [1.5]], "2", names=names)))[0]
    assert first == [[[0, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 1, 0]]]


def test_a_segment_without_trains_among_others_of_several_lengths_needs_a_window():
    found = block(segment([[0.5]], last=3), segment([]), segment([[0.5]], last=2))
    with pytest.raises(RecordingError, match=r"segment 1 .*no spike trains.*--window"):
        binned(found)
    assert binned(found, TrialRule(window_start=0.0, window_stop=2000.0))[0] == [[[1, 0]], [[0, 0]], [[1, 0]]]


@pytest.mark.parametrize("key", ["names", "unit_id", "id", "channel_id"])
def test_trains_in_another_order_are_matched(key):
    found = block(segment([[0.5], [1.5]], **{key: ["u1", "u2"]}), segment([[1.5], [0.5]], **{key: ["u2", "u1"]}))
    assert binned(found)[0] == [[[1, 0, 0], [0, 1, 0]]] * 2


def test_an_annotation_that_is_asked_for_gives_the_ids():
    found = block(segment([[0.5], [1.5]], cell=[9, 4]), segment([[1.5], [0.5]], cell=[4, 9]))
    counts, sheet = binned(found, neurons="cell")
    assert counts == [[[0, 1, 0], [1, 0, 0]]] * 2
    assert sheet.neurons["neuron_id"].tolist() == [4, 9]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (block(segment([[0.5], [1.5]]), segment([[0.5], [1.5]])), "nothing says which spike trains"),
        (block(segment([[0.5], [1.5]], names=["a", "a"]), segment([[0.5], [1.5]], names=["a", "a"])), "nothing says"),
        (block(segment([[0.5], [1.5]], names=["a", "b"]), segment([[0.5], [1.5]], names=["a", "c"])), "other neurons"),
        (block(segment([[0.5], [1.5]], names=["a", "b"]), segment([[0.5]], names=["a"])), "other neurons"),
        (block(segment([]), segment([])), "holds no spike trains"),
        (block(), "holds no spike trains"),
    ],
)
def test_what_cannot_be_matched_is_refused(found, message):
    with pytest.raises(RecordingError, match=message):
        binned(found)


def test_a_window_is_around_the_start_of_each_segment():
    found = block(segment([[100.5]], first=100, last=103), segment([[200.5]], first=200, last=203))
    assert binned(found)[0] == [[[1, 0, 0]]] * 2
    counts, sheet = binned(found, TrialRule(window_start=0.0, window_stop=2000.0))
    assert counts == [[[1, 0]]] * 2
    assert [dict(trial.extra)["window_start"] for trial in sheet.trials] == [100_000.0, 200_000.0]


@pytest.mark.parametrize("segments", [1, 2])
def test_a_window_beyond_what_was_recorded(segments, tmp_path):
    """2 to 4 s of a recording that ends at 3 s."""
    found = block(*(segment([[2.5]]) for _ in range(segments)))
    window = {"window_start": 2000.0, "window_stop": 4000.0}
    if segments == 1:
        (tmp_path / "t.csv").write_text("onset_s\n0\n")
        window["events"] = str(tmp_path / "t.csv")
    with pytest.raises(RecordingError, match=r"lasts from 2000 to 4000 ms, but was recorded from 0 to 3000.*--short"):
        binned(found, TrialRule(**window))
    assert binned(found, TrialRule(**window, short="pad"))[0] == [[[1, 0]]] * segments
    assert binned(found, TrialRule(**window, short="cut"))[0] == [[[1]]] * segments
    with pytest.raises(RecordingError, match="no trial lies|no segment is"):
        binned(found, TrialRule(**window, short="drop"))


def test_the_last_spike_is_part_of_the_recording_where_its_end_is_taken_for_that():
    found = block(segment([[0.5, 2.0]], last=2.0))
    counts, _ = binned(found)
    assert np.sum(counts) == 2


def test_tables_of_one_name_are_refused():
    events = [neo.Event(np.array([0.0, 1.0]) * pq.s, labels=np.array(["a", "b"]), name="cue") for _ in range(2)]
    rule = TrialRule(events="cue", window_start=0.0, window_stop=1000.0)
    with pytest.raises(RecordingError, match="2 of its epochs and events are called 'cue'"):
        binned(block(segment([[0.5]], events=events)), rule)
    assert binned(block(segment([[0.5]], events=events[:1])), rule)[0] == [[[1]], [[0]]]


class Odd(neo.io.NeoMatlabIO):
    answer = None

    def read_block(self, *_, **__):
        sys.stdout.write("chatter\n")
        sys.stderr.write("more of it\n")
        return self.answer


@pytest.mark.parametrize("answer", [None, [], "a block"])
def test_a_reader_that_finds_nothing_is_one_line(tmp_path, monkeypatch, capfd, answer):
    monkeypatch.setattr(Odd, "answer", answer)
    monkeypatch.setattr(neo.io, "NeoMatlabIO", Odd)
    (tmp_path / "x.mat").write_bytes(b"x")
    with pytest.raises(RecordingError, match="NeoMatlabIO found no block of segments"):
        open_recording(tmp_path / "x.mat", "neo:NeoMatlabIO", Reading())
    assert capfd.readouterr() == ("", "")


class Crashing(neo.io.NeoMatlabIO):
    def read_block(self, *_, **__):
        os.kill(os.getpid(), signal.SIGSEGV)


def test_a_reader_that_crashes_on_a_damaged_file_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(neo.io, "NeoMatlabIO", Crashing)
    (tmp_path / "x.mat").write_bytes(b"x")
    with pytest.raises(RecordingError, match="NeoMatlabIO, which crashes on it, SIGSEGV: check the file"):
        open_recording(tmp_path / "x.mat", "neo:NeoMatlabIO", Reading())
