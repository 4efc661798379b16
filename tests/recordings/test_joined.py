"""Recordings one after the other, and side by side: the same spikes as a slow, obvious merge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings.joined import OneAfterTheOther, SideBySide
from spikebin.recordings.mozaik.stimulus import written_down
from spikebin.recordings.mozaik.timeline import stretch_of
from spikebin.recordings.presented import TimelineSpikes
from spikebin.recordings.protocol import NEURON_FIELDS


class Piece:
    """One image, and spikes of some neurons."""

    def __init__(self, trains, *, name="piece", sheet="A", first_id=0, duration=100.0, image="a"):
        self.name, self.sheets, self.first_id = name, [sheet], first_id
        self.trains = [sorted(train) for train in trains]
        shown = written_down({"name": "PixelMovieExperanto", "movie_name": image, "duration": duration})
        self.stretches = [stretch_of(shown, 0.0, duration, null=False, blank=False)]

    def cut(self, first, stop):
        return self

    def neurons(self, sheet):
        table = np.zeros(len(self.trains), NEURON_FIELDS)
        table["neuron_id"] = np.arange(len(self.trains)) + self.first_id
        return table

    def spikes(self, sheet):
        counts = np.array([len(train) for train in self.trains], np.int64)
        return TimelineSpikes(np.array([t for train in self.trains for t in train], float), counts, 1)


TRAINS = st.lists(st.lists(st.integers(0, 100), max_size=5), min_size=3, max_size=3)


@given(pieces=st.lists(TRAINS, min_size=1, max_size=4))
def test_pieces_one_after_the_other(tmp_path_factory, pieces):
    scratch = tmp_path_factory.mktemp("scratch")
    joined = OneAfterTheOther("all", [Piece(trains) for trains in pieces], scratch)
    wanted = [sorted(100.0 * i + t for i, trains in enumerate(pieces) for t in trains[n]) for n in range(3)]
    found = joined.spikes("A")
    assert found.counts.tolist() == [len(train) for train in wanted]
    assert np.asarray(found.times).tolist() == [t for train in wanted for t in train]
    assert found.n_outside == len(pieces)
    assert [(s.start, s.stop) for s in joined.stretches] == [(100.0 * i, 100.0 * (i + 1)) for i in range(len(pieces))]


def test_pieces_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(RecordingError, match="has other sheets than piece"):
        OneAfterTheOther("all", [Piece([[1]]), Piece([[1]], name="odd", sheet="B")], tmp_path)
    joined = OneAfterTheOther("all", [Piece([[1]]), Piece([[1]], name="odd", first_id=7)], tmp_path)
    with pytest.raises(RecordingError, match="odd has other neurons of A than piece"):
        joined.spikes("A")


def test_sheets_side_by_side():
    both = SideBySide([Piece([[1], [2]]), Piece([[3]], sheet="B")])
    assert both.sheets == ["A", "B"]
    assert both.spikes("B").times.tolist() == [3.0]
    assert both.neurons("A").size == 2
    assert both.cut(0, 1).sheets == ["A", "B"]
    for other in (Piece([[3]], sheet="B", image="b"), Piece([[3]], sheet="B", duration=100.1)):
        with pytest.raises(RecordingError, match="was not shown the same as"):
            SideBySide([Piece([[1]]), other])
