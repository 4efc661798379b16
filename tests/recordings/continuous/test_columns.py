"""Which column holds times and which neurons: by name, as is said, or asked for; and what splits the spikes."""

from __future__ import annotations

import pytest

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.columns import Splits, are_spikes, choose_column, find_splits
from spikebin.recordings.settings import Reading


@pytest.mark.parametrize(
    ("names", "times", "neurons"),
    [
        (["spike_times", "spike_clusters"], "spike_times", "spike_clusters"),
        (["time_s", "unit", "quality"], "time_s", "unit"),
        (["senders", "times"], "times", "senders"),
        (["Time (ms)", "Neuron"], "Time (ms)", "Neuron"),
    ],
)
def test_columns_are_found_by_their_names(names, times, neurons):
    assert choose_column(names, None, "times", "x") == times
    assert choose_column(names, None, "neurons", "x") == neurons
    assert are_spikes(names)


def test_what_is_said_goes_before_what_is_found():
    assert choose_column(["t", "when", "id"], "when", "times", "x") == "when"
    with pytest.raises(RecordingError, match="no 'whne' for the times: did you mean 'when'"):
        choose_column(["t", "when"], "whne", "times", "x")


def test_what_no_name_tells_is_asked_for():
    with pytest.raises(RecordingError, match=r"which are the neurons\? Name them with --neurons .*; there are t, q"):
        choose_column(["t", "q"], None, "neurons", "x")
    with pytest.raises(RecordingError, match="Name one with --times"):
        choose_column(["time_s", "time_ms"], None, "times", "x")
    assert not are_spikes(["t", "q"])


def test_columns_that_split():
    assert find_splits(["x", "quality"], Reading(), "x") == Splits()
    assert find_splits(["population", "probe"], Reading(), "x") == Splits("population", None, ("probe",))
    assert find_splits(["trial"], Reading(trial="trial"), "x") == Splits(None, "trial", ())
    assert find_splits(["trial", "probe"], Reading(trial="none", population="none"), "x") == Splits()
    assert find_splits(["probe"], Reading(population="probe"), "x") == Splits("probe", None, ())
    for names, reading, words in (
        (["trial"], Reading(), "say --trial none"),
        (["pop", "population"], Reading(), "is it pop or population"),
        (["probe"], Reading(population="prob"), "no column 'prob' for --population: did you mean 'probe'"),
    ):
        with pytest.raises(RecordingError, match=words):
            find_splits(names, reading, "x")
