"""Tables of events: types of columns, times with their units, and one trial for each line."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.event_table import EventTable, cut_trials, is_name, read_events
from spikebin.recordings.settings import TrialRule


def test_types_of_columns(tmp_path):
    (tmp_path / "t.csv").write_text('a,b,c,d\n1,1.5,x,"1,2"\n2,,y,\n')
    columns = read_events(tmp_path / "t.csv", None, None).columns
    assert {name: column.dtype.kind for name, column in columns.items()} == {"a": "i", "b": "f", "c": "U", "d": "U"}
    assert np.isnan(columns["b"][1])
    assert columns["d"].tolist() == ["1,2", ""]


def table(**columns):
    return EventTable("events", {name: np.asarray(values) for name, values in columns.items()})


def test_each_line_is_a_trial_with_its_columns():
    events = table(start_s=[2.0, 0.5], stop_s=[2.5, 1.5], image=["b", "a"], repeat=[1, 0])
    trials = cut_trials(events, TrialRule(image_id="image"), None)
    assert [(trial.image_id, trial.repeat, trial.order) for trial in trials] == [("a", 0, 1), ("b", 1, 0)]
    assert [(phase.start, phase.stop) for trial in trials for phase in trial.phases] == [(500, 1500), (2000, 2500)]
    assert events.told == "start_s in s, stop_s in s"


def test_windows_are_cut_around_what_is_named():
    events = table(cue_ms=[100.0, 900.0], start_ms=[0.0, 700.0])
    rule = TrialRule(align_to="cue_ms", window_start=-10.0, window_stop=20.0)
    assert [(trial.phases[0].start, trial.phases[0].stop) for trial in cut_trials(events, rule, 3)] == [
        (90, 120),
        (890, 920),
    ]
    assert {trial.repeat for trial in cut_trials(events, rule, 3)} == {3}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"start_s": []}, "has no lines"),
        ({"start": [1.0]}, "no unit of its times: give --trials-unit"),
        ({"start_s": ["a"]}, "column 'start_s' holds 'a', no times"),
        ({"start_s": [np.nan], "stop_s": [1.0]}, "start_s"),
        ({"start_s": [2.0], "stop_s": [1.0]}, "event 0 lasts from 2000 to 1000 ms"),
    ],
)
def test_what_makes_no_trials_is_one_line(columns, words):
    with pytest.raises(RecordingError, match=words) as caught:
        cut_trials(table(**columns), TrialRule(), None)
    assert str(caught.value).startswith("events")


def test_names_of_columns_that_name_something():
    assert [name for name in ("image", "image_id", "stim_ms", "x", "trial_type", "side") if is_name(name)] == [
        "image",
        "image_id",
        "stim_ms",
        "trial_type",
    ]
