"""pandas DataFrames of spikes and trials: as the same tables in files, nothing guessed, and conditions kept."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spikebin
from spikebin.errors import SpikebinError

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra pandas)")

SPIKES = {"time_s": [0.25, 0.5, 0.75, 1.0, 1.25], "unit": [7, 3, 7, 9, 3]}
TRIALS = {"onset_s": [0.25, 1.0], "side": ["left", "right"]}
WINDOW = {"start": -100, "stop": 300, "width": 50}
# Times are quarters of a second: no window begins or ends at one, but all begin a bin.
spikes = st.lists(st.tuples(st.integers(0, 40).map(lambda k: k / 4), st.integers(0, 5)), min_size=1, max_size=40)


def binned(frame, trials, **settings):
    return spikebin.bin_trials(pd.DataFrame(frame), trials=pd.DataFrame(trials), **{**WINDOW, **settings})


@given(spikes, st.lists(st.integers(0, 40).map(lambda k: k / 4), min_size=1, max_size=5), st.sampled_from(["f4", "f8"]))
def test_the_same_as_arrays(spikes, onsets, dtype):
    times, units = (np.array(column) for column in zip(*spikes, strict=True))
    ids, rows = np.unique(units, return_inverse=True)
    given = {"time_s": times.astype(dtype), "unit": units}
    found = binned(given, {"start_s": onsets}, dtype="u2", return_tally=True)
    seconds = {name: value / 1000 for name, value in WINDOW.items()}
    expected = spikebin.bin_trials(
        times.astype(dtype), rows, n_neurons=ids.size, onsets=onsets, **seconds, dtype="u2", return_tally=True
    )
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1]


def test_the_same_as_tables_in_files_and_back_with_its_conditions(tmp_path):
    pd.DataFrame(SPIKES).to_csv(tmp_path / "s.csv", index=False)
    pd.DataFrame(TRIALS).to_csv(tmp_path / "t.csv", index=False)
    options = {"window": (-100, 300), "image_id": "side"}
    spikebin.bin_recording(tmp_path / "s.csv", 50, trials=tmp_path / "t.csv", out=tmp_path / "a.h5", **options)
    for name, spikes in (("b.h5", pd.DataFrame(SPIKES)), ("c.h5", tmp_path / "s.csv")):
        (told,) = spikebin.bin_recording(spikes, 50, trials=pd.DataFrame(TRIALS), out=tmp_path / name, **options)
        assert told.notes == ("trials of DataFrame: onset_s in s",)
    assert told.taken.startswith("arrays, time_s in s")
    views = [spikebin.open_file(tmp_path / name) for name in ("a.h5", "b.h5", "c.h5")]
    assert len({view.header.content_digest for view in views}) == 1
    assert views[1].header.trial["events"] == "DataFrame"
    np.testing.assert_array_equal(views[1][...], binned(SPIKES, TRIALS, dtype="u1"))
    events, trials = views[1].to_pandas(), views[1].to_pandas("trials")
    assert trials["side"].tolist() == trials["image_id"].tolist() == ["left", "right"]
    assert events.join(trials, on="trial").groupby("side")["count"].sum().to_dict() == {"left": 2, "right": 2}


def test_windows_and_events_by_their_columns(tmp_path):
    trials = {"start_s": [0.0, 1.0], "stop_s": [0.5, 1.5], "cue": [0.3, np.nan], "go_ms": [300.0, 1200.0]}
    whole = binned(SPIKES, trials, start=None, stop=None, width=100)
    assert whole.shape == (2, 3, 5)
    assert whole[:, 1, 2].tolist() == [True, False]
    assert binned(SPIKES, trials, align_to="go_ms").shape == (2, 3, 8)
    assert binned(SPIKES, trials, align_to="cue", drop_missing=True).shape == (1, 3, 8)
    renamed = {"when": SPIKES["time_s"], "who": SPIKES["unit"]}
    again = binned(renamed, trials, times="when", neurons="who", unit="s")
    np.testing.assert_array_equal(again, binned(SPIKES, trials))
    assert binned(SPIKES, trials, ids="1-9").shape[1] == 9


def test_what_pandas_makes_of_columns():
    expected = binned(SPIKES, TRIALS)
    frame = pd.DataFrame(SPIKES)
    names = frame["unit"].map({3: "TT1_3", 7: "TT1_40", 9: "m2_9"})
    for unit in (frame["unit"].astype("Int64"), frame["unit"].astype(object), names, names.astype("category")):
        np.testing.assert_array_equal(binned(frame.assign(unit=unit), TRIALS), expected)
    np.testing.assert_array_equal(binned(frame.set_index("unit"), TRIALS), expected)
    trials = pd.DataFrame(TRIALS).assign(when=pd.to_datetime("2024-01-01"))
    out = np.ones(expected.shape, bool)
    assert spikebin.bin_trials(frame, trials=trials, **WINDOW, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_trials_on_clocks_of_their_own():
    spikes = {"time_s": [0.0, 0.1, 0.2], "unit": [1, 1, 2], "trial": [5, 6, 6]}
    found = binned(spikes, {"trial": [6, 5, 8], "side": ["a", "b", "c"]}, trial="trial", start=0, stop=300, width=100)
    assert found.sum(axis=2).tolist() == [[1, 1], [1, 0], [0, 0]]


REFUSED = {
    "no unit": (
        {**SPIKES, "times": SPIKES["time_s"], "time_s": None},
        TRIALS,
        {},
        "the unit of its times is not known",
    ),
    "two times": ({**SPIKES, "time_ms": SPIKES["time_s"]}, TRIALS, {}, "which are the times, 'time_s' and 'time_ms'"),
    "no neurons": ({"time_s": [0.5], "depth": [1]}, TRIALS, {}, "which are the neurons"),
    "a time that is missing": ({"time_s": [0.5, None], "unit": [1, 2]}, TRIALS, {}, "row 1 has no 'time_s'"),
    "a neuron that is missing": ({"time_s": [0.5, 1], "unit": ["a", None]}, TRIALS, {}, "row 1 has no 'unit'"),
    "half a neuron": ({"time_s": [0.5], "unit": [1.5]}, TRIALS, {}, "neuron 1.5 is not a whole number"),
    "dates": (
        {"time_s": pd.to_datetime(["2024-01-01"]), "unit": [1]},
        TRIALS,
        {},
        "column 'time_s' holds no numbers: choose another",
    ),
    "trials of spikes": ({**SPIKES, "trial": [1] * 5}, TRIALS, {}, "has a column 'trial'"),
    "populations": ({**SPIKES, "population": list("aabbb")}, TRIALS, {}, "has the populations a, b: give the rows"),
    "no onsets": (SPIKES, {"side": ["left"]}, {}, "no column is called start_time"),
    "texts for onsets": (SPIKES, {"onset_s": ["early"]}, {}, "holds 'early', no times"),
    "no trials": (SPIKES, {"onset_s": []}, {}, "has no lines"),
    "half a window": (SPIKES, TRIALS, {"stop": None}, "give both, or none"),
    "no window": (SPIKES, TRIALS, {"start": None, "stop": None}, "how long is a trial"),
    "other lengths": (
        SPIKES,
        {"start_s": [0, 1], "stop_s": [0.5, 2]},
        {"start": None, "stop": None},
        "10 to 20 bins: cut equal ones with start and stop",
    ),
    "onsets": (SPIKES, TRIALS, {"onsets": [0.5]}, "onsets is given, but a DataFrame has its own"),
    "a width": (SPIKES, TRIALS, {"width": "10ms"}, "width is '10ms': give a number"),
    "out": (SPIKES, TRIALS, {"out": np.zeros((1, 1, 1))}, "out has shape"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_certain_is_asked_for(name):
    frame, trials, settings, message = REFUSED[name]
    frame = {key: column for key, column in frame.items() if column is not None}
    with pytest.raises(SpikebinError, match=message) as caught:
        binned(frame, trials, **settings)
    assert "\n" not in str(caught.value)


def test_what_is_for_the_other_form_is_refused(tmp_path):
    frame = pd.DataFrame(SPIKES)
    for call, message in (
        (lambda: spikebin.bin_trials(frame, trials=[0.5], **WINDOW), "trials is list: give a DataFrame"),
        (lambda: spikebin.bin_trials([[1.0]], trials=frame, **WINDOW), "trials is given, but without a DataFrame"),
        (lambda: spikebin.bin_trials([[1.0]], **WINDOW), "onsets is missing"),
        (lambda: spikebin.bin_trials([[1.0]], times=[[1.0]], onsets=[0], **WINDOW), "times is given twice"),
        (lambda: spikebin.bin_recording(frame, 1, format="nwb"), "is not a file of format 'nwb'"),
        (lambda: binned(pd.concat([frame, frame], axis=1), TRIALS), "has two columns 'time_s'"),
    ):
        with pytest.raises(SpikebinError, match=message):
            call()


def test_pandas_is_imported_where_it_is_used_alone():
    for path in Path(spikebin.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert "pandas" not in {*names, getattr(node, "module", None)}, path
