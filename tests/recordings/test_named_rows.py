"""Neurons that have names and no numbers: they keep them, whatever number each part gives them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import export_all
from here import spikebin_here
from hypothesis import given
from hypothesis import strategies as st

import spikebin as package
from spikebin.errors import DatasetError, RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule

NAMED = {"time_s": [0.25, 0.5, 0.75, 1.0], "neuron": ["TT1_40", "TT1_3", "TT1_40", "m2_9"]}


def write(path, columns):
    if path.suffix == ".npz":
        np.savez(path, **{name: np.array(values) for name, values in columns.items()})
    elif path.suffix == ".parquet":
        pytest.importorskip("pandas").DataFrame(columns).to_parquet(path)
    else:
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows), ""]))
    return path


def spikes_of(sheet, trial=0):
    (found,) = sheet.spikes(trial)
    names = sheet.neurons["neuron_name"][found.rows]
    return sorted(zip(found.times.tolist(), names.tolist(), strict=True))


@pytest.mark.parametrize("end", [".csv", ".npz", ".parquet"])
def test_names_are_kept_in_natural_order(tmp_path, end):
    recording = open_recording(write(tmp_path / f"s{end}", NAMED))
    sheet = recording.sheet("neurons", TrialRule())
    assert sheet.neurons["neuron_id"].tolist() == [0, 1, 2]
    assert sheet.neurons["neuron_name"].tolist() == ["TT1_3", "TT1_40", "m2_9"]
    assert spikes_of(sheet) == [(250.0, "TT1_40"), (500.0, "TT1_3"), (750.0, "TT1_40"), (1000.0, "m2_9")]
    chosen = open_recording(tmp_path / f"s{end}", None, Reading(ids="m2_9, 0")).sheet("neurons", TrialRule())
    assert chosen.neurons["neuron_name"].tolist() == ["TT1_3", "m2_9"]
    assert spikes_of(chosen) == [(500.0, "TT1_3"), (1000.0, "m2_9")]
    for ids, message in (("7", "has no neuron 7: it has 3 names"), ("TT9", "give ids and ranges")):
        with pytest.raises(RecordingError, match=message):
            open_recording(tmp_path / f"s{end}", None, Reading(ids=ids)).sheet("neurons", TrialRule())


def test_a_name_may_hold_what_stands_behind_a_sheet(tmp_path):
    path = write(tmp_path / "s.csv", {**NAMED, "neuron": ["a=1", "b", "a=1", "c"]})
    for ids in ("a=1,c", "neurons=a=1,c", "neurons=c,a=1"):
        sheet = open_recording(path, None, Reading(ids=ids)).sheet("neurons", TrialRule())
        assert sheet.neurons["neuron_name"].tolist() == ["a=1", "c"]


def test_names_and_trials_of_their_own(tmp_path):
    path = write(tmp_path / "s.csv", {**NAMED, "trial": [2, 2, 10, 10]})
    sheet = open_recording(path, None, Reading(trial="trial")).sheet("neurons", TrialRule())
    assert [spikes_of(sheet, i) for i in range(2)] == [
        [(250.0, "TT1_40"), (500.0, "TT1_3")],
        [(750.0, "TT1_40"), (1000.0, "m2_9")],
    ]


@pytest.mark.parametrize(
    ("neurons", "message"),
    [
        (["a", "", "b", "b"], "a spike has no neuron: fill the cell"),
        (["1", "MUA", "2", "2"], "line 3, column 'neuron': 'MUA' is not a number"),
    ],
)
def test_a_name_that_is_missing_or_alone_is_told(tmp_path, neurons, message):
    path = write(tmp_path / "s.csv", {**NAMED, "neuron": neurons})
    with pytest.raises(RecordingError, match=message):
        open_recording(path).sheet("neurons", TrialRule())


@given(
    st.lists(st.sampled_from(["a", "b", "B1", "B10", "B9", "é"]), min_size=1, max_size=30),
    st.sampled_from([".csv", ".npz"]),
)
def test_every_spike_is_of_the_neuron_that_its_row_names(tmp_path_factory, names, end):
    times = (np.arange(len(names)) / 4).tolist()
    path = write(tmp_path_factory.mktemp("n") / f"s{end}", {"time_ms": times, "neuron": names})
    sheet = open_recording(path).sheet("neurons", TrialRule())
    assert spikes_of(sheet) == sorted(zip(times, names, strict=True))


def test_parts_agree_by_name_and_never_by_number(tmp_path):
    parts = {"a": ["x1", "x2", "x3"], "b": ["x2", "x3", "x9"], "c": ["x3", "x2", "x1"]}
    for part, names in parts.items():
        write(tmp_path / f"s_{part}.csv", {"time_ms": [100.5, 200.5, 300.5], "neuron": names})
    (tmp_path / "spikebin.toml").write_text(
        '[binning]\nwidth = 100\nend_bin = false\n[trial]\nevents = "none"\nwindow = [0, 400]\n'
        '[[recordings]]\nvariant = "train"\nroot = "."\nparts = "s_{part}.csv"\nformat = "arrays"\n'
    )
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    export_all(tmp_path)
    whole = package.open_dataset(tmp_path / "dataset", sheet="neurons")
    with pytest.raises(DatasetError, match="part b of .* has other neuron ids than part a"):
        whole[...]
    common = package.open_dataset(tmp_path / "dataset", sheet="neurons", match="common")
    assert common.neurons["neuron_name"].tolist() == ["x2", "x3"]
    fires = [[parts[part].index(name) + 1 for name in ("x2", "x3")] for part in parts]
    assert [[int(np.flatnonzero(row)[0]) for row in trial] for trial in common[...]] == fires


def test_the_names_are_written(tmp_path):
    write(tmp_path / "s.csv", NAMED)
    result = spikebin_here("bin", "s.csv", "-w", "100", "--out", "m.h5", "--json", cwd=tmp_path)
    assert json.loads(result.stdout)[0]["shape"][1] == 3
    assert package.open_file(tmp_path / "m.h5").neurons["neuron_name"].tolist() == ["TT1_3", "TT1_40", "m2_9"]
