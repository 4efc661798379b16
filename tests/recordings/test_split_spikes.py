"""A further column may split the spikes: populations are sheets, trials have clocks of their own, nothing is pooled."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from conftest import export_all, one_line_error
from here import spikebin_here
from hypothesis import given
from hypothesis import strategies as st

import spikebin as package
from spikebin.binning.rules import Binning
from spikebin.errors import RecordingError
from spikebin.matrixfile.write_sheet import Settings
from spikebin.pipeline.one_step import bin_sheet
from spikebin.recordings import open_recording
from spikebin.recordings.continuous.columns import GROUPS, POPULATIONS, TRIALS
from spikebin.recordings.settings import Reading, TrialRule

BMTK = "timestamps population node_ids\n5.0 v1 0\n1.5 lgn 0\n2.5 v1 1\n7.5 v1 0\n"


def write(path, columns):
    """A table of spikes as the end of its name says."""
    if path.suffix == ".npz":
        np.savez(path, **{name: np.array(values) for name, values in columns.items()})
    elif path.suffix == ".npy":
        arrays = {name: np.array(values) for name, values in columns.items()}
        table = np.empty(len(next(iter(arrays.values()))), [(name, a.dtype) for name, a in arrays.items()])
        for name, array in arrays.items():
            table[name] = array
        np.save(path, table)
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    return path


def spikes_of(sheet, trial=0):
    (found,) = sheet.spikes(trial)
    ids = sheet.neurons["neuron_id"][found.rows]
    return sorted(zip(found.times.tolist(), ids.tolist(), strict=True))


# --- populations


def test_populations_of_bmtk_are_sheets(tmp_path):
    (tmp_path / "spikes.csv").write_text(BMTK)
    recording = open_recording(tmp_path / "spikes.csv", None, Reading(unit="ms"))
    assert list(recording.sheets) == ["lgn", "v1"]
    assert recording.taken == "arrays, timestamps in ms, neurons by node_ids, populations by population"
    found = {name: spikes_of(recording.sheet(name, TrialRule())) for name in recording.sheets}
    assert found == {"lgn": [(1.5, 0)], "v1": [(2.5, 1), (5.0, 0), (7.5, 0)]}
    assert recording.sheet("v1", TrialRule()).n_recorded == 3
    pooled = open_recording(tmp_path / "spikes.csv", None, Reading(unit="ms", population="none"))
    assert list(pooled.sheets) == ["neurons"]
    assert len(spikes_of(pooled.sheet("neurons", TrialRule()))) == 4


@pytest.mark.parametrize("end", [".csv", ".npz", ".npy"])
@pytest.mark.parametrize("column", sorted(POPULATIONS))
def test_every_column_of_populations(tmp_path, end, column):
    path = write(tmp_path / f"s{end}", {"time_ms": [1.5, 2.5, 3.5], "neuron": [0, 0, 1], column: ["a", "b", "b"]})
    recording = open_recording(path)
    assert list(recording.sheets) == ["a", "b"]
    assert [spikes_of(recording.sheet(name, TrialRule())) for name in "ab"] == [[(1.5, 0)], [(2.5, 0), (3.5, 1)]]


def test_populations_on_the_command_line_and_in_a_plan(tmp_path):
    (tmp_path / "run_1.csv").write_text(BMTK)
    result = spikebin_here("bin", "run_1.csv", "-w", "1", "-u", "ms", "--out", "out", "--json", cwd=tmp_path)
    assert [(row["sheet"], row["n_binned"]) for row in json.loads(result.stdout)] == [("lgn", 1), ("v1", 3)]
    (tmp_path / "spikebin.toml").write_text(
        '[[recordings]]\nvariant = "train"\nroot = "."\nparts = "run_{part}.csv"\nformat = "arrays"\nunit = "ms"\n'
    )
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    export_all(tmp_path)
    assert sorted(path.name for path in (tmp_path / "dataset/train/spikes").iterdir()) == ["lgn", "v1"]


def test_a_spike_without_a_population_is_told(tmp_path):
    (tmp_path / "s.csv").write_text("time_ms,neuron,population\n1,0,a\n2,0,\n")
    with pytest.raises(RecordingError, match="a spike has no population: fill the cell"):
        _ = open_recording(tmp_path / "s.csv").sheets


@pytest.mark.parametrize("column", sorted(GROUPS - {"file"}))
@pytest.mark.parametrize("end", [".csv", ".npz"])
def test_two_neurons_of_one_id_are_never_one(tmp_path, column, end):
    rows = {"time_ms": [1.5, 2.5, 3.5], "neuron": [0, 1, 2], column: ["a", "b", "b"]}
    apart = open_recording(write(tmp_path / f"apart{end}", rows))
    assert apart.sheet("neurons", TrialRule()).n_recorded == 3
    path = write(tmp_path / f"same{end}", rows | {"neuron": [0, 1, 0]})
    with pytest.raises(RecordingError, match=f"neuron 0 has 'a' and 'b' in column '{column}': .*--population {column}"):
        open_recording(path).sheet("neurons", TrialRule())
    sheets = open_recording(path, None, Reading(population=column))
    assert [spikes_of(sheets.sheet(name, TrialRule())) for name in sheets.sheets] == [[(1.5, 0)], [(2.5, 1), (3.5, 0)]]
    assert open_recording(path, None, Reading(population="none")).sheet("neurons", TrialRule()).n_recorded == 3


# --- trials

TRIALWISE = {"time_s": [0.5, 0.25, -0.125, 1.0, 0.75], "neuron": [3, 3, 4, 4, 3], "trial": [2, 10, 2, 10, 2]}


@pytest.mark.parametrize("end", [".csv", ".npz", ".npy"])
@pytest.mark.parametrize("column", sorted(TRIALS))
def test_a_column_of_trials_is_an_error_that_says_so(tmp_path, end, column):
    columns = {**TRIALWISE, column: TRIALWISE["trial"]}
    if column != "trial":
        del columns["trial"]
    path = write(tmp_path / f"s{end}", columns)
    message = rf"has a column '{column}': .* read them with --trial {column} .*; .* say --trial none"
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(path)
    assert "\n" not in str(caught.value)
    assert open_recording(path, None, Reading(trial="none")).sheet("neurons", TrialRule()).n_recorded == 5
    sheet = open_recording(path, None, Reading(trial=column)).sheet("neurons", TrialRule())
    assert [trial.image_id for trial in sheet.trials] == ["2", "10"]
    assert {(t.phases[0].start, t.phases[0].stop) for t in sheet.trials} == {(-125.0, 1001.0)}
    assert [spikes_of(sheet, i) for i in range(2)] == [
        [(-125.0, 4), (500.0, 3), (750.0, 3)],
        [(250.0, 3), (1000.0, 4)],
    ]


def test_a_window_on_the_clock_of_each_trial(tmp_path):
    path = write(tmp_path / "s.csv", TRIALWISE)
    sheet = open_recording(path, None, Reading(trial="trial")).sheet(
        "neurons", TrialRule(window_start=0.0, window_stop=800.0)
    )
    assert [spikes_of(sheet, i) for i in range(2)] == [[(500.0, 3), (750.0, 3)], [(250.0, 3)]]
    assert (sheet.n_recorded, sheet.n_in_trials) == (5, 3)
    assert sheet.trials[1].extra == (("window_start", 0.0), ("window_stop", 800.0), ("trial", 10))
    few = open_recording(path, None, Reading(trial="trial", ids="4,9")).sheet("neurons", TrialRule())
    assert few.neurons["neuron_id"].tolist() == [4, 9]
    assert spikes_of(few, 0) == [(-125.0, 4)]


def test_conditions_beside_the_spikes(tmp_path):
    columns = {**TRIALWISE, "condition": ["007", "b", "007", "b", "007"], "label": list("vwxyz")}
    path = write(tmp_path / "s.csv", columns)
    recording = open_recording(path, None, Reading(trial="trial"))
    sheet = recording.sheet("neurons", TrialRule(image_id="condition"))
    assert [(trial.image_id, dict(trial.extra)["condition"]) for trial in sheet.trials] == [("007", "007"), ("b", "b")]
    assert "label" not in dict(sheet.trials[0].extra)  # it is not of the trials, since its spikes differ
    with pytest.raises(RecordingError, match="trial (2|10) has several label: choose another column"):
        recording.sheet("neurons", TrialRule(image_id="label"))
    with pytest.raises(RecordingError, match="no column 'conditio' to name the images by: did you mean 'condition'"):
        recording.sheet("neurons", TrialRule(image_id="conditio"))


def test_a_table_lists_the_trials_silent_ones_too(tmp_path):
    path = write(tmp_path / "s.csv", TRIALWISE)
    events = write(
        tmp_path / "t.csv",
        {"Trial": ["10", "7", "2"], "image": ["007", "b", "c"], "duration_ms": [300, 300, 900], "start_s": [5, 6, 7]},
    )
    recording = open_recording(path, None, Reading(trial="trial"))
    sheet = recording.sheet("neurons", TrialRule(events=str(events), image_id="image"))
    assert [(t.image_id, t.phases[0].stop) for t in sheet.trials] == [("007", 300.0), ("b", 300.0), ("c", 900.0)]
    assert [spikes_of(sheet, i) for i in range(3)] == [[(250.0, 3)], [], [(500.0, 3), (750.0, 3)]]
    assert [file.name for file in sheet.files] == ["s.csv", "t.csv"]
    rule = TrialRule(events=str(events), window_start=0.0, window_stop=600.0)
    assert [t.image_id for t in recording.sheet("neurons", rule).trials] == ["10", "7", "2"]
    few = write(tmp_path / "few.csv", {"trial": ["2"], "n": ["1"]})
    sheet = recording.sheet("neurons", TrialRule(events=str(few)))
    assert (len(sheet.trials), sheet.n_recorded, sheet.n_in_trials) == (1, 5, 3)
    assert sheet.notes == [f"1 trials of the spikes are not in {few}: 10"]


@pytest.mark.parametrize(
    ("columns", "rule", "message"),
    [
        ({"image": ["a"]}, {}, "no column 'trial' that says which trial a line is"),
        ({"trial": ["2", "2"]}, {}, "trial '2' is in two lines of 'trial'"),
        ({"trial": ["2.0", "10.0"]}, {}, "holds '2.0', '10.0', and none of the trials of the spikes, '2', '10'"),
        (
            {"trial": ["2", "10"], "cue": ["1", "2"]},
            {"align_to": "cue"},
            "to their trial: take `align_to` out",
        ),
        ({"trial": ["2", "10"], "cue": ["1", "2"]}, {"until": "cue"}, "to their trial: take `until` out"),
    ],
)
def test_tables_that_do_not_list_the_trials(tmp_path, columns, rule, message):
    path, events = write(tmp_path / "s.csv", TRIALWISE), write(tmp_path / "t.csv", columns)
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(path, None, Reading(trial="trial")).sheet("neurons", TrialRule(events=str(events), **rule))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,3,\n", "a spike has no trial: fill the cell"),
        ("nan,3,7\n", "a spike time of neuron 3 in trial 7 of neurons of s.csv is nan"),
        ("", "holds no spikes"),
    ],
)
def test_trials_of_damaged_tables(tmp_path, text, message):
    (tmp_path / "s.csv").write_text("time_s,neuron,trial\n" + text)
    with pytest.raises(RecordingError, match=message):
        open_recording(tmp_path / "s.csv", None, Reading(trial="trial")).sheet("neurons", TrialRule())


rows = st.lists(
    st.tuples(st.integers(-40, 400).map(lambda n: n / 4), st.integers(0, 5), st.sampled_from("abc"), st.integers(0, 9)),
    min_size=1,
    max_size=60,
)


@given(rows, st.sampled_from([".csv", ".npz"]))
def test_trials_and_populations_are_as_a_look_at_every_row_has_them(tmp_path_factory, rows, end):
    times, ids, populations, trials = (list(column) for column in zip(*rows, strict=True))
    path = write(
        tmp_path_factory.mktemp("t") / f"s{end}",
        {"time_ms": times, "neuron": ids, "population": populations, "trial": trials},
    )
    recording = open_recording(path, None, Reading(trial="trial"))
    assert list(recording.sheets) == sorted(set(populations))
    for name in recording.sheets:
        sheet = recording.sheet(name, TrialRule(window_start=-10.0, window_stop=100.0))
        mine = [row for row in rows if row[2] == name]
        assert [int(trial.image_id) for trial in sheet.trials] == sorted({row[3] for row in mine})
        settings = Settings(Binning(10.0, "left", True, "count"))
        target = path.parent / "m.npy"
        binned = bin_sheet(sheet, name, "p", settings, target)
        found = np.load(target)
        expected = np.zeros_like(found)
        for time, neuron, _, trial in mine:
            row = sheet.neurons["neuron_id"].tolist().index(neuron)
            expected[sorted({r[3] for r in mine}).index(trial), row, int((time + 10) // 10)] += 1
        np.testing.assert_array_equal(found, expected)
        assert binned.n_recorded == binned.n_spikes == len(mine)


def test_trials_by_a_column_in_one_line(tmp_path):
    write(tmp_path / "s.csv", TRIALWISE)
    command = ["bin", "s.csv", "-w", "100"]
    one_line_error(spikebin_here(*command, cwd=tmp_path), "has a column 'trial'", "--trial trial", "--trial none")
    one_line_error(spikebin_here(*command, "--trial", "tria", cwd=tmp_path), "no column 'tria' for --trial: did you me")
    result = spikebin_here(*command, "--trial", "trial", "--window", "0", "800", "--out", "m.h5", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "s.csv, neurons: arrays, time_s in s, neurons by neuron, trials by trial" in result.stdout
    assert package.open_file(tmp_path / "m.h5").spikes[:].sum() == 3
