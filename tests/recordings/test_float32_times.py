"""Every format whose files may hold times in float32: one spike on each edge goes to its own bin."""

from __future__ import annotations

import warnings

import h5py
import numpy as np
import pytest

from spikebin.binning.rules import Binning
from spikebin.binning.trial import bin_trial
from spikebin.errors import BinningError
from spikebin.recordings import open_recording
from spikebin.recordings.neo import from_neo
from spikebin.recordings.settings import Reading, TrialRule

N = 2000
EDGES_MS = 1000.0 + np.arange(N)


def nwb(directory, kind, events="f8"):
    """Two trials of a second each, from 1 s on."""
    with h5py.File(directory / "s.nwb", "w") as file:
        file["units/spike_times"] = (EDGES_MS / 1000).astype(kind)
        file["units/spike_times_index"] = np.array([N], "u4")
        file["units/id"] = np.array([0])
        trials = file.create_group("intervals/trials")
        trials["id"] = np.arange(2)
        trials["start_time"] = np.array([1.0, 2.0], events)
        trials["stop_time"] = np.array([2.0, 3.0], events)
    return directory / "s.nwb", Reading()


def sonata(directory, kind, units="ms"):
    with h5py.File(directory / "s.h5", "w") as file:
        file["spikes/v1/timestamps"] = (EDGES_MS / (1000 if units == "s" else 1)).astype(kind)
        file["spikes/v1/timestamps"].attrs["units"] = units
        file["spikes/v1/node_ids"] = np.zeros(N, "u8")
    return directory / "s.h5", Reading()


def sonata_in_seconds(directory, kind):
    return sonata(directory, kind, "s")


def npz(directory, kind):
    np.savez(directory / "s.npz", time_s=(EDGES_MS / 1000).astype(kind), neuron=np.zeros(N, int))
    return directory / "s.npz", Reading()


def npy_of_records(directory, kind):
    records = np.zeros(N, [("time_us", kind), ("neuron", "i4")])
    records["time_us"] = (EDGES_MS * 1000).astype(kind)
    np.save(directory / "s.npy", records)
    return directory / "s.npy", Reading()


def npy_of_columns(directory, kind):
    np.save(directory / "s.npy", np.stack([EDGES_MS / 1000, np.zeros(N)], axis=1).astype(kind))
    return directory / "s.npy", Reading(unit="s")


def two_npy(directory, kind):
    np.save(directory / "t.npy", (EDGES_MS * 30).astype(kind))
    np.save(directory / "who.npy", np.zeros(N, "u2"))
    return directory / "t.npy", Reading(unit="samples", rate=30_000.0, neurons="who.npy")


WRITERS = [nwb, sonata, sonata_in_seconds, npz, npy_of_records, npy_of_columns, two_npy]
WINDOW = TrialRule(events="none", window_start=1000.0, window_stop=3000.0)


def counted(sheet, trial=0, width=1.0, closed="left", duration=2000):
    """Counts of every bin of a trial."""
    events = bin_trial(
        sheet.trials[trial],
        sheet.spikes(trial),
        Binning(width, closed=closed, end_bin=False, values="count"),
        round(duration / width),
        sheet.where,
    )
    found = np.zeros(round(duration / width), int)
    found[events.flat] = events.values
    return found.tolist()


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("write", WRITERS)
def test_one_spike_on_each_edge(tmp_path, write, kind):
    path, reading = write(tmp_path, kind)
    recording = open_recording(path, None, reading)
    sheet = recording.sheet(recording.sheets[0], WINDOW)
    assert counted(sheet) == [1] * N
    assert counted(sheet, closed="right") == [1] * (N - 1) + [0]


@pytest.mark.parametrize("write", [nwb, sonata, npz])
def test_bins_that_the_type_cannot_tell_apart_are_refused(tmp_path, write):
    path, reading = write(tmp_path, "f2")
    recording = open_recording(path, None, reading)
    sheet = recording.sheet(recording.sheets[0], WINDOW)
    with pytest.raises(BinningError, match="at 3000 in times stored as float16.*wider bin"):
        counted(sheet)
    assert counted(sheet, width=500.0) == [255] * 4


@pytest.mark.parametrize(("spikes", "events"), [("f4", "f8"), ("f8", "f4"), ("f4", "f4")])
def test_trials_of_a_table_in_float32(tmp_path, spikes, events):
    path, _ = nwb(tmp_path, spikes, events)
    with h5py.File(path, "r+") as file:
        for name, values in (("start_time", [1.1, 2.1]), ("stop_time", [1.6, 2.6])):
            file[f"intervals/trials/{name}"][...] = values
    sheet = open_recording(path).sheet("units", TrialRule())
    assert [counted(sheet, trial, duration=500) for trial in range(2)] == [[1] * 500] * 2


def block(kind, units, segments=1):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neo
        import quantities as pq

        found = neo.Block()
        for _ in range(segments):
            segment = neo.Segment()
            times = pq.Quantity((EDGES_MS / (1000 if units == "s" else 1)).astype(kind), units)
            segment.spiketrains.append(neo.SpikeTrain(times, t_start=1 * pq.s, t_stop=3 * pq.s))
            found.segments.append(segment)
    return found


@pytest.mark.parametrize("units", ["s", "ms"])
@pytest.mark.parametrize("segments", [1, 2])
def test_spike_trains_of_neo(units, segments):
    rule = WINDOW if segments == 1 else TrialRule()
    sheet = from_neo(block("f4", units, segments)).sheet("units", rule)
    assert [counted(sheet, trial) for trial in range(segments)] == [[1] * N] * segments
