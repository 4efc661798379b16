"""`spikebin init`: a config that works, made from what lies in a directory."""

from __future__ import annotations

import os

import pytest
from conftest import one_line_error
from here import export_here, spikebin_here
from hypothesis import given
from hypothesis import strategies as st

from spikebin.pipeline.config import Recordings
from spikebin.pipeline.init_config import guess_pattern
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (
            [
                "NewDataset_Images_from_50000_to_50100_ParameterSearch_____baseline:50000_trial:0",
                "NewDataset_Images_from_50100_to_50200_ParameterSearch_____baseline:50100_trial:0",
            ],
            "NewDataset_Images_from_{part}_to_*",
        ),
        (["NewDataset_Images_from_50000_to_50100_x_____baseline:50000_trial:0"], "NewDataset_Images_from_{part}_to_*"),
        (
            ["m_trial0_chunk0_____s:1", "m_trial0_chunk1_____s:1", "m_trial1_chunk0_____s:1"],
            "m_trial{repeat}_chunk{part}_____s:*",
        ),
        (["rec1.nwb", "rec2.nwb"], "rec{part}.nwb"),
        (["session.nwb"], "session.nwb"),
        (["a1_b1", "a1_b2", "a2_b1"], "a{part}_b{part2}"),
    ],
)
def test_patterns_are_guessed_from_names(names, pattern):
    guessed = guess_pattern(names)
    assert guessed == pattern
    parts = [Recordings("v", None, guessed).part(name) for name in names]
    assert None not in parts
    assert len(set(parts)) == len(names)


@given(
    numbers=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99999), st.integers(0, 5)), min_size=1, unique=True)
)
def test_a_guessed_pattern_tells_all_names_apart(numbers):
    names = [f"model_trial{a}_images_{b}_to_{b + 100}_chunk{c}_end" for a, b, c in numbers]
    entry = Recordings("v", None, guess_pattern(names))
    parts = [entry.part(name) for name in names]
    assert None not in parts
    assert len(set(parts)) == len(names)


def test_init_writes_a_config_that_works(tmp_path):
    odd = tmp_path / "20240117[param]Search{trial:[0],baseline:500}"
    experiment = Experiment(50000, 1, sheets=(SheetModel("X_ON", 3), SheetModel("V1_Exc_L2/3", 4)))
    write_datastore(odd, experiment)
    write_datastore(tmp_path / "test", Experiment(300050, 1, 2, sheets=experiment.sheets))
    result = spikebin_here("init", odd, "--variant", f"test={tmp_path / 'test'}", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    export_here(tmp_path)
    assert spikebin_here("missing", cwd=tmp_path).stdout == ""
    tree = {str(p.relative_to(tmp_path / "dataset")) for p in (tmp_path / "dataset").rglob("*.*")}
    assert {
        "train/spikes/V1_Exc_L23/spikes_V1_Exc_L23_50000.h5",
        "test/spikes/X_ON/spikes_X_ON_300050.h5",
        "test/image_ids/image_ids_X_ON_300050.npy",
        "train/neuron_ids/neuron_ids_V1_Exc_L23_50000.npy",
        "jobs.csv",
    } <= tree
    one_line_error(spikebin_here("init", odd, cwd=tmp_path), "there already", "--force")
    one_line_error(spikebin_here("init", tmp_path / "none", "--force", cwd=tmp_path), "no ", "directory")
    one_line_error(spikebin_here("init", tmp_path, "--force", cwd=tmp_path), "no recording in")
    one_line_error(spikebin_here("init", "--force", cwd=tmp_path), "no ROOT")
    one_line_error(spikebin_here("init", odd, "--variant", "test", "--force", cwd=tmp_path), "NAME=ROOT")


def test_init_leaves_the_sheets_to_the_plan_where_recordings_differ(tmp_path):
    on, off = SheetModel("X_ON", 3), SheetModel("X_OFF", 3)
    write_datastore(tmp_path / "data", Experiment(100, 1, sheets=(on,)))
    write_datastore(tmp_path / "data", Experiment(200, 1, sheets=(on, off)))
    result = spikebin_here("init", "data", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "X_OFF" in result.stdout
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    export_here(tmp_path)
    assert spikebin_here("missing", cwd=tmp_path).stdout == ""
    files = {path.name for path in (tmp_path / "dataset").rglob("*.h5")}
    assert files == {"spikes_X_ON_100.h5", "spikes_X_ON_200.h5", "spikes_X_OFF_200.h5"}


def test_init_writes_no_config_that_plan_would_refuse(tmp_path):
    for name in "ab":
        write_datastore(tmp_path / name, Experiment(100, 1, sheets=(SheetModel("X_ON", 3),)))
    one_line_error(spikebin_here("init", "a", "b", cwd=tmp_path), "claimed by both", "--variant NAME=ROOT")
    one_line_error(spikebin_here("init", "--variant", "a/b=a", cwd=tmp_path), "'a/b'", "directory's name")
    odd = os.fsdecode(b"\xff_100")
    next((tmp_path / "b").iterdir()).rename(tmp_path / "b" / odd)
    one_line_error(spikebin_here("init", "b", cwd=tmp_path), r"\xff_100", "not UTF-8")
    (tmp_path / "b").rename(tmp_path / odd)
    one_line_error(spikebin_here("init", odd, cwd=tmp_path), r"\xff_100", "not UTF-8")
    assert not (tmp_path / "spikebin.toml").exists()
    assert spikebin_here("init", "a", "--variant", "other=a", cwd=tmp_path).returncode == 0
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0


def test_init_finds_sheets_that_lie_in_several_roots(tmp_path):
    for name, sheet in (("a", SheetModel("X_ON", 3)), ("b", SheetModel("X_OFF", 3))):
        write_datastore(tmp_path / name, Experiment(50000, 1, sheets=(sheet,)))
    assert spikebin_here("init", tmp_path / "a", tmp_path / "b", cwd=tmp_path).returncode == 0
    result = spikebin_here("plan", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "1 job, 2 files" in result.stdout
    export_here(tmp_path)
    assert spikebin_here("missing", cwd=tmp_path).stdout == ""
