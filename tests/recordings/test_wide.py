"""Tables with a column or a line for each neuron, or 0 and 1 in bins: read where they are named, else refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.settings import Reading, TrialRule

TRAINS = {"3": [0.5, 1.5], "7": [0.25], "12": []}
TEXTS = {
    "columns": "3,7,12\n0.5,0.25,\n1.5,,\n",
    "lists": "# by hand\n3: 0.5 1.5\n7: 0.25\n12:\n",
    "raster": "time_s,3,7,12\n0.25,0,1,0\n0.5,1,0,0\n1.5,1,0,0\n",
}


def trains_of(sheet):
    (found,) = sheet.spikes(0)
    names = sheet.neurons["neuron_name"] if "neuron_name" in sheet.neurons.dtype.names else sheet.neurons["neuron_id"]
    return {str(name): sorted((found.times[found.rows == row] / 1000).tolist()) for row, name in enumerate(names)}


def unit(kind):
    return None if kind == "raster" else "s"


@pytest.mark.parametrize("kind", TEXTS)
def test_the_same_spikes_three_ways(tmp_path, kind):
    (tmp_path / "s.csv").write_text(TEXTS[kind])
    recording = open_recording(tmp_path / "s.csv", kind, Reading(unit=unit(kind)))
    sheet = recording.sheet("neurons", TrialRule())
    assert sheet.neurons["neuron_id"].tolist() == [3, 7, 12]
    assert trains_of(sheet) == TRAINS
    assert recording.taken.startswith(f"{kind}, times in s, neurons by its ")
    assert format_of(tmp_path / "s.csv") != kind


@pytest.mark.parametrize("kind", TEXTS)
def test_names_are_kept(tmp_path, kind):
    text = (
        TEXTS[kind]
        .replace("3,7,12", "TT3,TT7,TT12")
        .replace("3:", "TT3:")
        .replace("7:", "TT7:")
        .replace("12:", "TT12:")
    )
    (tmp_path / "s.csv").write_text(text)
    sheet = open_recording(tmp_path / "s.csv", kind, Reading(unit=unit(kind))).sheet("neurons", TrialRule())
    assert trains_of(sheet) == {f"TT{name}": times for name, times in TRAINS.items()}


trains = st.dictionaries(
    st.integers(0, 99).map(str), st.lists(st.integers(0, 50).map(lambda n: n / 4), max_size=6), min_size=2, max_size=5
)


@given(trains, st.sampled_from(["columns", "lists", "raster"]))
def test_drawn_trains_are_read_as_they_were(tmp_path_factory, trains, kind):
    path = tmp_path_factory.mktemp("w") / "s.csv"
    longest = max(map(len, trains.values()))
    bins = sorted({time for times in trains.values() for time in times})
    if kind == "columns":
        rows = [
            list(trains),
            *[[times[i] if i < len(times) else "" for times in trains.values()] for i in range(longest)],
        ]
    elif kind == "lists":
        rows = [[name, *times] for name, times in trains.items()]
    else:
        rows = [["time_s", *trains], *[[time, *(times.count(time) for times in trains.values())] for time in bins]]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    recording = open_recording(path, kind, Reading(unit=unit(kind)))
    sheet = recording.sheet("neurons", TrialRule(window_start=0.0, window_stop=20_000.0))
    assert trains_of(sheet) == {name: sorted(trains[name]) for name in sorted(trains, key=int)}


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("columns", "3,7\n0.5,x\n", "column '7': 'x' is not a number"),
        ("columns", "3,7\n,0.25\n0.5,\n", "column '3': '' is not a number"),
        ("columns", "3,03\n0.5,1\n", "two neurons have one number"),
        ("columns", "", "is empty"),
        ("lists", "3 0.5\n3 0.7\n", "line 2 is of neuron '3' again"),
        ("lists", "3 0.5 x\n", "line 1: 'x' is not a number"),
        ("raster", "time_s,3\n0.5,0.3\n", "column '3' holds other numbers than counts"),
        ("raster", "time_s,3\n0.5,-1\n", "column '3' holds other numbers than counts"),
        ("raster", "a,3\n0.5,1\n", "which are the times"),
    ],
)
def test_what_is_not_such_a_table_is_one_line(tmp_path, kind, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(tmp_path / "s.csv", kind, Reading(unit=unit(kind))).sheet("neurons", TrialRule())
    assert "\n" not in str(caught.value)


def test_the_unit_is_asked_for(tmp_path):
    (tmp_path / "s.csv").write_text(TEXTS["columns"])
    with pytest.raises(RecordingError, match="the unit of its times is not known"):
        open_recording(tmp_path / "s.csv", "columns").sheet("neurons", TrialRule())
    samples = open_recording(tmp_path / "s.csv", "columns", Reading(unit="samples", rate=2.0))
    (found,) = samples.sheet("neurons", TrialRule()).spikes(0)
    np.testing.assert_allclose(np.sort(found.times), [125, 250, 750])
