"""The state of each sheet of each part."""

from __future__ import annotations

import shutil

import pytest
from conftest import make_config

from spikebin import Binning
from spikebin.errors import PlanError
from spikebin.output.exclusions import exclude, undo_exclude
from spikebin.output.paths import matrix_path
from spikebin.output.state import State, survey
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import load_plan, make_plan
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

SHEETS = (SheetModel("X_ON", 3), SheetModel("V1_Inh_L2/3", 4))


def add_part(root, first, sheets=SHEETS, n_images=1):
    return write_datastore(root, Experiment(first, n_images, sheets=sheets))


def names_only(root, *parts):
    """Directories that hold nothing: all that a plan needs when the sheets are given."""
    for part in parts:
        (root / f"NewDataset_Images_from_{part}_to_x").mkdir(parents=True)


def states(config, **options):
    return {(s.job.part, s.sheet): s.state for s in survey(load_plan(config), **options)}


def test_the_six_states(tmp_path):
    for first in range(100, 600, 100):
        add_part(tmp_path / "data", first)
    names_only(tmp_path / "data", 600)
    config = make_config(tmp_path / "out", tmp_path / "data")
    plan, _ = make_plan(config)
    for outcome in run_job(plan, plan.find_job("train/100")):
        assert outcome.state is State.DONE
    broken = matrix_path(config.output, "train", "200", "X_ON")
    broken.write_bytes(matrix_path(config.output, "train", "100", "X_ON").read_bytes()[:-1])
    list(run_job(plan, plan.find_job("train/600")))
    shutil.rmtree(next((tmp_path / "data").glob("*_from_300_*")))
    exclude(plan.output, plan.find_job("train/400"), "corrupt\non the disk")
    expected = {
        "100": State.DONE, "200": State.BROKEN, "300": State.NO_SOURCE, "400": State.EXCLUDED, "500": State.MISSING,
        "600": State.FAILED,
    }  # fmt: skip
    assert {part: state for (part, sheet), state in states(config).items() if sheet == "X_ON"} == expected
    found = next(s for s in survey(plan) if s.state is State.EXCLUDED)
    assert found.reason == "corrupt on the disk"
    for outcome in run_job(plan, plan.find_job("train/400")):
        assert outcome.state is State.EXCLUDED
    undo_exclude(plan.output, plan.find_job("train/400"))
    assert states(config)["400", "X_ON"] is State.MISSING
    with pytest.raises(PlanError, match="nothing to undo"):
        undo_exclude(plan.output, plan.find_job("train/400"))
    with pytest.raises(PlanError, match="--reason"):
        exclude(plan.output, plan.find_job("train/400"), " ")


def test_a_broken_file_whose_recording_is_gone_is_not_wanted(tmp_path):
    directory = add_part(tmp_path / "data", 100)
    config = make_config(tmp_path / "out", tmp_path / "data")
    plan, _ = make_plan(config)
    list(run_job(plan, plan.job(0)))
    path = matrix_path(config.output, "train", "100", "X_ON")
    path.write_bytes(path.read_bytes()[:-1])
    shutil.rmtree(directory)
    found = next(iter(survey(plan)))
    assert (found.sheet, found.state, found.state.wanted) == ("X_ON", State.NO_SOURCE, False)
    assert "cut off" in found.reason
    assert str(directory) in found.reason


@pytest.mark.parametrize(("part", "sheet"), [("200", "X_ON"), ("100", "V1_Inh_L2/3")])
def test_a_file_of_another_part_or_sheet_is_broken(tmp_path, part, sheet):
    add_part(tmp_path / "data", 100)
    add_part(tmp_path / "data", 200)
    config = make_config(tmp_path / "out", tmp_path / "data")
    plan, _ = make_plan(config)
    list(run_job(plan, plan.job(0)))
    shutil.copy(matrix_path(config.output, "train", "100", "X_ON"), matrix_path(config.output, "train", part, sheet))
    assert states(config)[part, sheet] is State.BROKEN
    assert [outcome.exported for outcome in run_job(plan, plan.find_job(f"train/{part}"), sheets=[sheet])] == [True]
    assert states(config)[part, sheet] is State.DONE


def test_a_file_of_another_binning_is_broken(tmp_path):
    add_part(tmp_path / "data", 100)
    for output, width in (("out", 1.0), ("other", 2.0)):
        config = make_config(tmp_path / output, tmp_path / "data", binning=Binning(width))
        plan, _ = make_plan(config)
        list(run_job(plan, plan.job(0)))
    path = matrix_path(config.output, "train", "100", "X_ON")
    matrix_path(tmp_path / "out", "train", "100", "X_ON").replace(path)
    found = next(iter(survey(plan)))
    assert (found.sheet, found.state) == ("X_ON", State.BROKEN)
    assert "another [binning]" in found.reason


def test_deep_finds_what_size_does_not(tmp_path):
    add_part(tmp_path / "data", 100)
    config = make_config(tmp_path / "out", tmp_path / "data")
    plan, _ = make_plan(config)
    list(run_job(plan, plan.job(0)))
    path = matrix_path(config.output, "train", "100", "X_ON")
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    assert states(config)["100", "X_ON"] is State.DONE
    assert states(config, deep=True)["100", "X_ON"] is State.BROKEN


def test_a_file_of_a_newer_version_is_broken_not_overwritten_in_silence(tmp_path):
    add_part(tmp_path / "data", 100)
    config = make_config(tmp_path / "out", tmp_path / "data")
    plan, _ = make_plan(config)
    list(run_job(plan, plan.job(0)))
    path = matrix_path(config.output, "train", "100", "X_ON")
    path.write_bytes(b"spikebin 7\n" + path.read_bytes()[11:])
    found = next(iter(survey(plan)))
    assert found.state is State.BROKEN
    assert "upgrade spikebin" in found.reason
    outcome = next(iter(run_job(plan, plan.job(0))))
    assert outcome.state is State.FAILED
    assert "upgrade spikebin" in outcome.message
    assert next(iter(survey(plan))).attempts.failures == 1
    assert path.read_bytes().startswith(b"spikebin 7\n")
