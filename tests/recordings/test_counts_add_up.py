"""Counts and rates: of the same spikes, over the time that is known, and what was left out is counted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import one_line_error
from here import spikebin_here
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule


def binned(directory, *arguments):
    result = spikebin_here("bin", *arguments, "--json", cwd=directory)
    assert result.returncode == 0, result.stderr
    (answer,) = json.loads(result.stdout)
    assert answer["n_spikes"] == answer["n_binned"] + answer["n_collisions"] + answer["n_outside"]
    return answer


def write(path, times, neurons):
    np.savez(path, time_s=np.asarray(times, float), neuron=np.asarray(neurons))
    return path


# --- rates


@pytest.mark.parametrize("start", [0.0, 18_000.0])
def test_the_rate_is_over_the_recordings_own_span(tmp_path, start):
    write(tmp_path / "s.npz", start + np.arange(1001) / 10, np.arange(1001) % 2)
    answer = binned(tmp_path, "s.npz", "-w", "1000")
    assert answer["rate"] == pytest.approx(1001 / 2 / 100, rel=1e-12)
    assert answer["rates"] == pytest.approx([5.0, 5.005, 5.01], rel=1e-12)
    late = [text for text in answer["notes"] if "its first spike is at 18,000 s" in text]
    assert len(late) == (start > 0)


@pytest.mark.parametrize("values", ["bool", "count"])
@pytest.mark.parametrize("end", [None, "m.h5", "m.npz"])
def test_mean_and_range_are_of_the_same_spikes(tmp_path, values, end):
    """600 spikes of one bin are one cell of a matrix, and 255 of a matrix of counts."""
    write(tmp_path / "s.npz", [*np.full(600, 0.5), 0.25, 0.75], [*np.zeros(601, int), 1])
    out = ["--out", end] if end else []
    answer = binned(tmp_path, "s.npz", "-w", "500", "--window", "0", "1000", "--values", values, *out)
    assert answer["n_spikes"] == 602
    assert answer["n_collisions"] == (599 if values == "bool" else 600 - 255)
    assert answer["rate"] == 301.0
    assert answer["rates"] == [1.0, 301.0, 601.0]


def test_a_whole_recording_of_one_time_has_a_rate(tmp_path):
    write(tmp_path / "s.npz", [0.5], [3])
    assert binned(tmp_path, "s.npz", "-w", "1")["rate"] == pytest.approx(1000 / 501)


# --- spikes of neurons that were not asked for


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 9)), min_size=1, max_size=200),
    st.sets(st.integers(0, 12), min_size=1),
    st.booleans(),
)
def test_recorded_and_in_no_trial_are_of_the_neurons_that_are_asked_for(tmp_path_factory, spikes, asked, windows):
    times, ids = (np.array(column) for column in zip(*sorted(spikes), strict=True))
    directory = tmp_path_factory.mktemp("s")
    write(directory / "s.npz", times / 1000, ids)
    (directory / "t.csv").write_text("onset_ms\n500.5\n2500.5\n")
    rule = TrialRule(events=str(directory / "t.csv"), window_start=0.0, window_stop=1000.0) if windows else TrialRule()
    reading = Reading(ids=",".join(map(str, asked)))
    sheet = open_recording(directory / "s.npz", None, reading).sheet("neurons", rule)
    mine = times[np.isin(ids, list(asked))]
    assert sheet.n_recorded == mine.size
    inside = ((mine > 500) & (mine < 1501)) | ((mine > 2500) & (mine < 3501))
    assert sheet.n_in_trials == (inside.sum() if windows else mine.size)
    assert sum(phase.times.size for i in range(len(sheet.trials)) for phase in sheet.spikes(i)) == sheet.n_in_trials
    others = set(ids.tolist()) - asked
    n = times.size - mine.size
    known = set(ids.tolist())
    took = f"took {len(known - others)} of {len(known)} neuron{'s' if len(known) > 1 else ''} that fire"
    spikes = f"{n} spike{'s' if n > 1 else ''}"
    expected = [f"{took}; left out {len(others)} not asked for, with {spikes}"] if others else []
    assert [text for text in sheet.notes if "left out" in text] == expected


def test_what_was_left_out_is_said(tmp_path):
    write(tmp_path / "s.npz", np.arange(100) / 10, np.arange(100) % 4)
    result = spikebin_here("bin", "s.npz", "-w", "100", "--ids", "0-1", cwd=tmp_path)
    assert "50 in trials, 50 binned; 50 recorded, 0 of them in no trial" in result.stdout
    assert "  note        took 2 of 4 neurons that fire; left out 2 not asked for, with 50 spikes" in result.stdout


# --- arrays whose columns are the other way round

TWO = {
    "times first": ([[0.5, 7], [1.25, 3], [1.0, 7]], 0),
    "times last": ([[7, 0.5], [3, 1.25], [7, 1.0]], 1),
    "samples in order first": ([[5, 7], [12, 3], [12, 9]], 0),
    "samples in order last": ([[7, 5], [3, 12], [9, 12]], 1),
    "one neuron": ([[5, 7], [12, 7], [13, 7]], 0),
    "one neuron first": ([[7, 5], [7, 12], [7, 13]], 1),
}


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("dtype", [float, np.float32])
def test_columns_are_told_apart_by_what_they_hold(tmp_path, name, dtype):
    rows, times = TWO[name]
    np.save(tmp_path / "s.npy", np.array(rows, dtype))
    recording = open_recording(tmp_path / "s.npy", None, Reading(unit="s"))
    assert recording.taken == f"arrays, times in s, neurons by the {['second', 'first'][times]} column"
    ((found, ids),) = recording.population("neurons").source.chunks()
    assert (found / 1000).tolist() == [row[times] for row in rows]
    assert ids.tolist() == [row[1 - times] for row in rows]


@pytest.mark.parametrize("rows", [[[5, 7], [12, 3], [9, 8]], [[5, 7], [12, 8], [13, 9]], [[5, 7]]])
def test_columns_that_nothing_tells_apart_are_asked_for(tmp_path, rows):
    np.save(tmp_path / "s.npy", np.array(rows))
    one_line_error(
        spikebin_here("bin", "s.npy", "-w", "1", "-u", "s", cwd=tmp_path), "which is times? Give --times 0 or --times 1"
    )
    for reading, times in (({"times": "0"}, 0), ({"times": "1"}, 1), ({"neurons": "0"}, 1), ({"neurons": "1"}, 0)):
        recording = open_recording(tmp_path / "s.npy", None, Reading(unit="s", **reading))
        ((_, ids),) = recording.population("neurons").source.chunks()
        assert ids.tolist() == [row[1 - times] for row in rows]
    for reading, message in (
        ({"times": "x"}, "has no columns with names, so no 'x'"),
        ({"times": "0", "neurons": "0"}, "one column cannot be both times and neurons"),
    ):
        with pytest.raises(RecordingError, match=message):
            open_recording(tmp_path / "s.npy", None, Reading(unit="s", **reading))


def test_a_setting_that_an_array_without_names_ignores_is_refused(tmp_path):
    np.save(tmp_path / "t.npy", np.arange(3.0))
    np.save(tmp_path / "n.npy", np.arange(3))
    assert open_recording(tmp_path / "t.npy", None, Reading(unit="s", neurons="n.npy"))
    with pytest.raises(RecordingError, match="has no columns with names, so no 'x': take `times` out"):
        open_recording(tmp_path / "t.npy", None, Reading(unit="s", neurons="n.npy", times="x"))


def test_what_trials_were_cut_by_is_said(tmp_path):
    np.savez(tmp_path / "s.npz", time_s=np.arange(0.5, 20), neuron=np.arange(20) % 2)
    (tmp_path / "t.csv").write_text("start,onset_ms\n1,5\n")
    rule = TrialRule(events=str(tmp_path / "t.csv"), window_start=0.0, window_stop=1000.0)
    (note,) = open_recording(tmp_path / "s.npz").sheet("neurons", rule).notes
    assert note == f"trials of {tmp_path / 't.csv'}: start in s"
    # No table, nothing that could be relative to a trial.
    sheet = open_recording(tmp_path / "s.npz").sheet("neurons", TrialRule(window_start=30_000.0, window_stop=31_000.0))
    assert sheet.notes == ["no spike in any trial: there are some from 500 to 19,500 ms"]
