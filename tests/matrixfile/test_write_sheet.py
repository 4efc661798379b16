"""A sheet of a real recording is binned and written; limits, notes of every trial and what no trial took."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin import Binning, open_file
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings, binned_trials, write_sheet
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule

IDENTITY = Identity("units", "recording", "session")


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    place = tmp_path_factory.mktemp("write_sheet")
    np.savez(place / "session.npz", times_ms=[1.0, 1.5, 12.0, 21.0, 95.0], neurons=[7, 7, 9, 7, 9])
    (place / "trials.csv").write_text("onset_ms\n0\n10\n20\n")
    rule = TrialRule(events=str(place / "trials.csv"), window_start=0.0, window_stop=5.0)
    return open_recording(place / "session.npz", None).sheet("neurons", rule)


@pytest.mark.parametrize("threads", [1, 3])
def test_every_trial_is_written_and_told_in_order(sheet, tmp_path, threads):
    told = []
    settings = Settings(Binning(1.0, end_bin=False), threads=threads)
    seal = write_sheet(sheet, IDENTITY, settings, tmp_path / "a.h5", on_trial=told.append, count_rows=True)
    spikes = np.asarray(open_file(tmp_path / "a.h5").spikes)
    assert [np.argwhere(trial).tolist() for trial in spikes] == [[[0, 1]], [[1, 2]], [[0, 1]]]
    assert [events.per_row.tolist() for events in told] == [[2, 0], [0, 1], [1, 0]]
    assert (seal.tally.n_binned, seal.tally.n_collisions, seal.n_unassigned) == (3, 1, 1)


def test_a_limited_export_says_so_and_knows_nothing_of_the_rest(sheet, tmp_path):
    seal = write_sheet(sheet, IDENTITY, Settings(Binning(1.0)), tmp_path / "a.h5", limit=2)
    assert (seal.limit, seal.shape[0], seal.n_unassigned) == (2, 2, None)


def test_trials_are_handed_on_as_they_are_encoded(sheet):
    settings = Settings(Binning(1.0, values="count"))
    found = list(binned_trials(sheet, sheet.trials, settings, 6, lambda events: events.flat.size))
    assert [encoded for _, encoded in found] == [1, 1, 1]
    assert [events.per_row for events, _ in found] == [None] * 3
    assert found[0][0].counts.tolist() == [2]
