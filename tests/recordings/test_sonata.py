"""SONATA spike files: populations, units, nodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sessions import (
    IDS,
    ONSETS_MS,
    START,
    STOP,
    TRAINS,
    WIDTH,
    matrix,
    reference,
    write_nest,
    write_nodes,
    write_sonata,
)

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule


@pytest.mark.parametrize("enum", [True, False])
@pytest.mark.parametrize("by_time", [True, False])
def test_sonata_populations_are_sheets(tmp_path, events, enum, by_time):
    import libsonata

    path = write_sonata(tmp_path, TRAINS, enum=enum, by_time=by_time)
    recording = open_recording(path)
    assert list(recording.sheets) == ["lgn", "v1"]
    rule = TrialRule(events=str(events), window_start=START, window_stop=STOP)
    found, _ = matrix(recording, "lgn", rule, tmp_path)
    np.testing.assert_array_equal(found, reference(TRAINS[:3], ONSETS_MS + START, ONSETS_MS + STOP, WIDTH))
    if enum:
        # libsonata, the format's own reader, sees the same spikes.
        other = np.array(libsonata.SpikeReader(str(path))["v1"].get())
        times, ids = next(recording.population("v1").source.chunks())
        order, theirs = np.lexsort((ids, times)), np.lexsort((other[:, 0], other[:, 1]))
        np.testing.assert_array_equal(times[order], other[theirs, 1])
        np.testing.assert_array_equal(ids[order], other[theirs, 0])


def test_sonata_as_bmtk_writes_it():
    """Two files of bmtk 1.2.0, of the same spikes; compressed, so that libsonata cannot read them."""
    data = Path(__file__).parent.parent / "data" / "sonata"
    sheets = [open_recording(data / f"bmtk_{order}.h5").sheet("v1", TrialRule()) for order in ("by_id", "by_time")]
    spikes = [sheet.spikes(0)[0] for sheet in sheets]
    assert sheets[0].n_recorded == 100
    for one, other in zip(*[(s.times[np.lexsort((s.times, s.rows))], np.sort(s.rows)) for s in spikes], strict=True):
        np.testing.assert_array_equal(one, other)


def test_sonata_units_flat_layout_and_nodes(tmp_path, events):
    rule = TrialRule(events=str(events), window_start=START, window_stop=STOP)
    expected = reference(TRAINS, ONSETS_MS + START, ONSETS_MS + STOP, WIDTH)
    found, _ = matrix(open_recording(write_sonata(tmp_path, TRAINS, units="s")), "v1", rule, tmp_path)
    np.testing.assert_array_equal(found, expected)
    old = open_recording(write_sonata(tmp_path, TRAINS, flat_layout=True))
    assert list(old.sheets) == ["default"]
    np.testing.assert_array_equal(matrix(old, "default", rule, tmp_path)[0], expected)

    placed = open_recording(write_sonata(tmp_path, TRAINS), None, Reading(nodes=str(write_nodes(tmp_path))))
    found, _ = matrix(placed, "v1", rule, tmp_path)
    assert found.shape[1] == 50
    np.testing.assert_array_equal(found[:, IDS], expected)
    assert found.sum() == expected.sum()
    neurons = placed.sheet("v1", rule).neurons
    assert (neurons["x"][3], neurons["z"][3]) == (460.0, 46.0)
    assert np.isnan(neurons["y"]).all()
    few = open_recording(write_sonata(tmp_path, TRAINS), None, Reading(nodes=str(write_nodes(tmp_path, n=20))))
    with pytest.raises(RecordingError, match="spikes of neuron 20, which it does not list"):
        few.sheet("v1", rule)


@pytest.mark.parametrize(
    ("ids", "v1", "lgn"),
    [
        ("v1=1-50", list(range(1, 51)), IDS[:3].tolist()),
        ("v1=3,7-8, lgn = 1-4", [3, 7, 8], [1, 2, 3, 4]),
        ("lgn=1,v1=3,lgn=5", [3], [1, 5]),
        ("3,8", [3, 8], [3, 8]),
    ],
)
def test_ids_are_asked_for_by_population(tmp_path, ids, v1, lgn):
    path = write_sonata(tmp_path, TRAINS)
    recording = open_recording(path, None, Reading(ids=ids))
    assert recording.sheet("v1", TrialRule()).neurons["neuron_id"].tolist() == v1
    assert recording.sheet("lgn", TrialRule()).neurons["neuron_id"].tolist() == lgn


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ("v1=3,lng=7", "no sheet 'lng': did you mean 'lgn'"),
        ("1-5,v1=3", "'1-5' comes before the first sheet: begin with one, v1=1-5"),
        ("v1=", "give ids and ranges"),
        ("v1=a", "give ids and ranges"),
        ("=3", "no sheet ''"),
    ],
)
def test_ids_of_populations_that_cannot_be_are_refused(tmp_path, ids, message):
    recording = open_recording(write_sonata(tmp_path, TRAINS), None, Reading(ids=ids))
    with pytest.raises(RecordingError, match=message):
        recording.sheet("v1", TrialRule())


@pytest.mark.parametrize("write", [write_sonata, write_nest])
def test_a_duration_that_is_stated_is_where_the_recording_ends(tmp_path, write):
    path = write(tmp_path, TRAINS)
    last = max(train.max() for train in TRAINS)
    lasts = float(np.ceil(last)) + 5000
    recording = open_recording(path, None, Reading(duration=lasts))
    sheet = recording.sheet(recording.sheets[-1], TrialRule())
    (trial,) = sheet.trials
    assert (trial.phases[0].start, trial.phases[0].stop) == (0, lasts)
    assert sheet.n_recorded == sum(map(len, TRAINS))
    with pytest.raises(RecordingError, match="was recorded from 0 to .*--short"):
        recording.sheet(recording.sheets[-1], TrialRule(window_start=0, window_stop=lasts + 1))
    (cut,) = recording.sheet(recording.sheets[-1], TrialRule(window_start=0, window_stop=lasts + 1, short="cut")).trials
    assert cut.phases[0].stop == lasts
    for wrong in (last - 1, lasts / 1000):
        late = open_recording(path, None, Reading(duration=wrong))
        with pytest.raises(RecordingError, match=r"it has spikes from .*`duration` says 0 to "):
            late.sheet(late.sheets[-1], TrialRule())


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_a_duration_is_a_number_above_zero(tmp_path, wrong):
    recording = open_recording(write_sonata(tmp_path, TRAINS), None, Reading(duration=wrong))
    with pytest.raises(RecordingError, match="`duration` is .*: give the ms"):
        recording.sheet("v1", TrialRule())
