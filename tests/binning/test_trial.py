"""One trial: its phases are binned each from its own onset, side by side, and every spike is counted once."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin import Binning
from spikebin.binning.trial import Phase, PhaseSpikes, Trial, bin_trial, phase_bins
from spikebin.errors import RecordingError

PHASES = (Phase("blank", 0.0, 4.0), Phase("image", 10.0, 15.5))


def trial(*phases):
    return Trial("5.png", 0, 0, "", phases or PHASES)


def spikes(*found):
    return [PhaseSpikes(np.array(times, float), np.array(rows, np.int64)) for times, rows in found]


@given(
    drawn=st.lists(st.lists(st.tuples(st.floats(-1, 17), st.integers(0, 2)), max_size=30), min_size=2, max_size=2),
    closed=st.sampled_from(["left", "right"]),
    end_bin=st.booleans(),
    values=st.sampled_from(["bool", "count"]),
)
def test_a_trial_is_what_its_phases_are(drawn, closed, end_bin, values):
    binning = Binning(1.0, closed, end_bin, values)
    columns = phase_bins(PHASES, binning)
    flat = []
    for phase, first_bin, n_bins, found in zip(PHASES, (0, columns[0]), columns, drawn, strict=True):
        for time, row in found:
            k = naive.bin_of(time, phase.start, phase.stop, 1.0, closed == "right", end_bin, n_bins)
            if k >= 0:
                flat.append(row * 20 + first_bin + k)
    given_spikes = spikes(*(zip(*found, strict=True) if found else ((), ()) for found in drawn))
    events = bin_trial(trial(), given_spikes, binning, 20, "x", n_rows=3)
    cells, counts = np.unique(np.array(flat, int), return_counts=True)
    assert events.flat.tolist() == cells.tolist()
    assert events.values.tolist() == (counts.tolist() if values == "count" else [1] * cells.size)
    assert events.per_row.tolist() == [sum(one // 20 == row for one in flat) for row in range(3)]
    assert events.tally.adds_up
    assert events.tally.n_spikes == sum(map(len, drawn))
    assert events.tally.n_inside == len(flat)


def test_a_phase_that_a_trial_lacks_has_no_bins():
    lacking = Phase("blank", 0.0, 0.0, shown=False)
    assert phase_bins((lacking, PHASES[1]), Binning(1.0, end_bin=True)) == [0, 6]


def test_a_count_ends_at_255():
    events = bin_trial(trial(), spikes(([1.5] * 300, [0] * 300), ([], [])), Binning(values="count"), 20, "x")
    assert events.counts.tolist() == [255]
    assert events.tally.n_collisions == 45


def test_a_time_that_is_not_a_number_says_where():
    with pytest.raises(RecordingError, match=r"image 5\.png \(repeat 0, image phase, neuron row 2\) of X_ON is nan"):
        bin_trial(trial(), spikes(([1.0], [0]), ([np.nan], [2])), Binning(1.0), 20, "X_ON")
