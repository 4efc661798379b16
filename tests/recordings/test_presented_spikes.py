"""Spikes of a sheet by presentation: the same however many are read at once, which is all that is in memory."""

from __future__ import annotations

import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings import presented_spikes
from spikebin.recordings.presented_spikes import PresentedSpikes

EDGES = np.array([0.0, 100.0, 250.0, 250.0, 300.0, 1000.0])


def spikes_of(trains, edges=EDGES, *, before=0):
    """Of trains in ms, in an array where others come before and after them."""
    flat = [0.05] * before + [t for train in trains for t in sorted(train)] + [0.01]
    indices = before + np.cumsum([0, *map(len, trains)])
    return PresentedSpikes(np.array(flat) / 1000.0, indices, edges, 7, RecordingError)


@given(
    trains=st.lists(st.lists(st.integers(-2, 110), max_size=8), min_size=1, max_size=4),
    most=st.sampled_from([1, 3, 1000]),
    before=st.integers(0, 3),
    order=st.permutations(range(EDGES.size - 1)),
)
def test_each_spike_is_in_one_presentation(trains, most, before, order):
    trains = [[10.0 * t for t in train] for train in trains]
    with mock.patch.object(presented_spikes, "MOST", most), mock.patch.object(presented_spikes, "CHECKED", 2):
        found = spikes_of(trains, before=before)
        for i in order:
            first, last = i == 0, i == EDGES.size - 2
            wanted = [
                (unit, t)
                for unit, train in enumerate(trains)
                for t in sorted(train)
                if (t > EDGES[i] + 1e-6 or first) and (t <= EDGES[i + 1] + 1e-6 or last)
            ]
            times, units = found.during(i)
            assert [(unit, round(t, 6)) for unit, t in zip(units.tolist(), times.tolist(), strict=True)] == wanted


def test_some_presentations_are_in_memory_at_once(tmp_path, monkeypatch):
    n, n_units = 400_000, 100
    np.save(tmp_path / "spikes.npy", np.tile(np.linspace(0.0, 100.0, n // n_units), n_units))
    monkeypatch.setattr(presented_spikes, "MOST", 10_000)
    monkeypatch.setattr(presented_spikes, "CHECKED", 10_000)
    edges = np.arange(1001) * 100.0
    seconds = np.load(tmp_path / "spikes.npy", mmap_mode="r")
    tracemalloc.start()
    spikes = PresentedSpikes(seconds, np.arange(n_units + 1) * (n // n_units), edges, 0, RecordingError)
    total = sum(spikes.during(i)[0].size for i in range(1000))
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == n
    assert highest < n * 8 / 2


@pytest.mark.parametrize("at", [0, 3, 4, 6])
def test_times_that_are_no_times_are_named(at, monkeypatch):
    monkeypatch.setattr(presented_spikes, "CHECKED", 3)
    seconds = np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.4])
    indices = np.array([0, 3, 7])
    unit = 7 + (at >= 3)
    for odd, words in ((np.nan, f"unit {unit} has a spike at nan s"), (0.9, f"unit {unit} are not in order")):
        changed = seconds.copy()
        changed[at] = odd
        if at == 6 and odd == 0.9:
            continue
        with pytest.raises(RecordingError, match=words):
            PresentedSpikes(changed, indices, EDGES, 7, RecordingError)
