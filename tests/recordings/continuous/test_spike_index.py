"""Spikes by time: sorted or not, in memory or not, the same answer as looking at every spike."""

from __future__ import annotations

import errno
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.binning.intervals import merge_windows
from spikebin.errors import DiskFullError, RecordingError
from spikebin.recordings.continuous import spike_index as spikeindex
from spikebin.recordings.continuous.spike_index import build_index, slices


class Seekable:
    def __init__(self, times, ids):
        self.times, self.ids = np.asarray(times, np.float64), np.asarray(ids, np.int64)
        self.n_spikes = self.times.size
        self.n_read = 0

    def read(self, start, stop):
        self.n_read += stop - start
        return self.times[start:stop], self.ids[start:stop]

    def chunks(self):
        return slices(self)


class Stream:
    def __init__(self, times, ids):
        self._inner = Seekable(times, ids)

    def chunks(self):
        return slices(self._inner)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Sizes at which some hundred spikes take every path: several chunks, landmarks, runs in a file."""
    monkeypatch.setattr(spikeindex, "CHUNK", 16)
    monkeypatch.setattr(spikeindex, "RUN", 20)
    monkeypatch.setattr(spikeindex, "IN_MEMORY", 100)
    monkeypatch.setattr(spikeindex, "LANDMARK", 4)
    monkeypatch.setattr(spikeindex, "RUN_MARK", 3)


def spikes_of(found):
    times, ids = found
    return sorted(zip(times.tolist(), ids.tolist(), strict=True))


numbers = st.integers(-40, 40).map(lambda n: n / 4)


@given(
    st.lists(st.tuples(numbers, st.integers(-3, 10**12)), min_size=1, max_size=120),
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6),
    st.booleans(),
)
def test_every_path_finds_what_a_look_at_every_spike_finds(spikes, in_order, seekable, windows, keep_only_windows):
    spikes = sorted(spikes) if in_order else spikes
    times, ids = (np.array(column) for column in zip(*spikes, strict=True))
    windows = [(min(window), max(window)) for window in windows]
    merged = merge_windows(windows) if keep_only_windows else None
    index = build_index((Seekable if seekable else Stream)(times, ids), "x", merged)
    assert index.n_spikes == len(spikes)
    assert index.ids.tolist() == sorted(set(ids.tolist()))
    assert (index.first, index.last) == (times.min(), times.max())
    for start, stop in windows:
        assert spikes_of(index.between(start, stop)) == sorted(s for s in spikes if start <= s[0] <= stop)
    inside = sum(any(start <= time <= stop for start, stop in windows) for time in times)
    assert index.n_kept == (inside if keep_only_windows else len(spikes))


def test_spikes_in_order_stay_where_they_are():
    times = np.arange(1000) / 10
    source = Seekable(times, np.zeros(1000))
    index = build_index(source, "x")
    assert type(index).__name__ == "_Landmarks"
    source.n_read = 0
    index.between(50.0, 51.0)
    assert source.n_read <= 11 + 2 * spikeindex.LANDMARK


def test_runs_beyond_memory_lie_in_a_file():
    rng = np.random.default_rng(0)
    index = build_index(Seekable(rng.uniform(0, 1, 500), np.zeros(500)), "x")
    kinds = [type(run).__name__ for run in index._runs]
    assert kinds == ["_InMemory"] * 3 + ["_Marked"] * 13
    place = index._file
    assert place.tell() == 16 * sum(run.source.n_spikes for run in index._runs[3:])
    del index
    assert place.closed


def test_a_few_spikes_of_each_chunk_are_one_run():
    times = np.random.default_rng(0).uniform(0, 1, 500)
    index = build_index(Seekable(times, np.zeros(500)), "x", merge_windows([(0.2, 0.22)]))
    assert [run.times.size for run in index._runs] == [index.n_kept]
    assert index.n_kept == ((times >= 0.2) & (times <= 0.22)).sum() > 0


def test_a_full_temporary_directory_is_one_line(monkeypatch):
    class Full:
        def __init__(self, **_):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(DiskFullError, match="TMPDIR"):
        build_index(Seekable(np.random.default_rng(0).uniform(0, 1, 500), np.zeros(500)), "x")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize("place", [0, 16, 37, 99])
def test_a_time_that_is_none_is_an_error(bad, seekable, place):
    times = np.arange(100.0)
    times[place] = bad
    with pytest.raises(RecordingError, match=rf"a spike time of neuron {place} of units of x is {bad}"):
        build_index((Seekable if seekable else Stream)(times, np.arange(100)), "units of x", merge_windows([(0, 5)]))


def test_no_spikes():
    index = build_index(Stream([], []), "x")
    assert (index.n_spikes, index.ids.size) == (0, 0)
    assert spikes_of(index.between(-1, 1)) == []
