"""Parquet and Feather: spikes and trials, as pandas and pyarrow write them; damaged ones and odd columns are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

ENDS = [".parquet", ".pqt", ".feather", ".arrow"]


def write(path, columns):
    frame = pandas.DataFrame(columns)
    (frame.to_parquet if path.suffix in {".parquet", ".pqt"} else frame.to_feather)(path)
    return path


@pytest.mark.parametrize("end", ENDS)
def test_spikes_and_populations(tmp_path, end):
    columns = {"time_s": [0.1, 0.2, 0.9], "unit": [1, 2, 1], "population": pandas.Categorical(["a", "b", "a"])}
    recording = open_recording(write(tmp_path / f"s{end}", columns))
    assert recording.reading.format == "parquet"
    assert recording.taken == "parquet, time_s in s, neurons by unit, populations by population"
    assert list(recording.sheets) == ["a", "b"]
    sheet = recording.sheet("a", TrialRule())
    np.testing.assert_allclose(sheet.spikes(0)[0].times, [100, 900])


spikes = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 20)), min_size=1, max_size=100)


@given(spikes, st.sampled_from(["f8", "f4", "i8", "u4"]), st.sampled_from(ENDS))
def test_spikes_are_those_that_pandas_wrote(tmp_path_factory, spikes, dtype, end):
    times, ids = (np.array(column) for column in zip(*spikes, strict=True))
    path = write(tmp_path_factory.mktemp("p") / f"s{end}", {"t": times.astype(dtype), "unit": ids.astype("i2")})
    recording = open_recording(path, None, Reading(unit="ms"))
    chunks = list(recording.population("neurons").source.chunks())
    np.testing.assert_array_equal(np.concatenate([c[0] for c in chunks]), times.astype(dtype).astype(float))
    np.testing.assert_array_equal(np.concatenate([c[1] for c in chunks]), ids)
    stored = recording.population("neurons").precision.stored
    assert stored == ("float32" if dtype == "f4" else "float64")


@pytest.mark.parametrize("end", ENDS)
def test_trials(tmp_path, end):
    columns = {"start_s": [0.0, 0.5], "stop_s": [0.5, 1.0], "who": ["007", None], "n": [1, 2], "x": [0.5, None]}
    events = write(tmp_path / f"t{end}", columns)
    np.savez(tmp_path / "s.npz", time_s=np.arange(5) / 5, neuron=np.zeros(5, int))
    rule = TrialRule(events=str(events), image_id="who")
    trials = open_recording(tmp_path / "s.npz").sheet("neurons", rule).trials
    assert [trial.image_id for trial in trials] == ["007", ""]
    assert [dict(trial.extra)["n"] for trial in trials] == [1, 2]
    assert np.isnan(dict(trials[1].extra)["x"])


def test_trials_by_a_column(tmp_path):
    path = write(tmp_path / "s.parquet", {"time_s": [0.5, 0.25, 0.75], "unit": [1, 1, 2], "trial": [2, 10, 2]})
    with pytest.raises(RecordingError, match="has a column 'trial'"):
        open_recording(path)
    sheet = open_recording(path, None, Reading(trial="trial")).sheet("neurons", TrialRule())
    assert [trial.image_id for trial in sheet.trials] == ["2", "10"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time_s": [0.5, None], "unit": [1, 2]}, "row 1 has no time, or no neuron"),
        ({"time_s": [0.5, 1.0], "unit": [1, None]}, "row 1 has no time, or no neuron"),
        ({"time_s": [0.5, 1.0], "unit": [1, 2.5]}, "neuron 2.5 is not a whole number"),
        ({"time_s": ["a", "b"], "unit": [1, 2]}, "column 'time_s' holds no numbers"),
        ({"time_s": pandas.to_datetime(["2024-01-01"] * 2), "unit": [1, 2]}, "column 'time_s' holds no numbers"),
        ({"a": [1], "b": [2]}, "which are the times"),
    ],
)
def test_columns_that_are_none_are_one_line(tmp_path, columns, message):
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(write(tmp_path / "s.parquet", columns)).sheet("neurons", TrialRule())
    assert "\n" not in str(caught.value)
