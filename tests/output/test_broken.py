"""A changed byte that somebody found is noted: the file counts as broken until it is written again."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import pytest
from conftest import one_line_error, write_toml
from here import spikebin_here
from workers import forked_workers

from spikebin import open_dataset
from spikebin.errors import DamagedFileError
from spikebin.output.broken import broken_path, broken_reason, clear_broken, note_broken, noting_damage
from spikebin.output.paths import matrix_path
from spikebin.output.state import State, survey
from spikebin.pipeline.config import load_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import load_plan, make_plan
from spikebin.pipeline.wanted import find_wanted
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

SHEETS = (SheetModel("X_ON", 30), SheetModel("V1_Inh_L2/3", 4))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A data set of two parts, all done."""
    root = tmp_path_factory.mktemp("exported")
    for first in (0, 100):
        write_datastore(root / "data", Experiment(first, 2, sheets=SHEETS))
    write_toml(root / "spikebin.toml", "data")
    plan, _ = make_plan(load_config(root / "spikebin.toml"))
    for job in plan.jobs:
        assert all(outcome.exported for outcome in run_job(plan, job))
    return root


@pytest.fixture
def plan(exported, tmp_path):
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True, symlinks=True)
    return load_plan(load_config(tmp_path / "spikebin.toml"))


def damage(plan, part="100", sheet="X_ON"):
    """Flip a bit of a file's last chunk of spikes."""
    path = matrix_path(plan.output, "train", part, sheet)
    data = bytearray(path.read_bytes())
    chunks = open_dataset(plan.output, "train")[sheet].files[["0", "100"].index(part)].header.chunks
    data[chunks.offset - 1000] ^= 1
    path.write_bytes(data)
    return path


def broken(plan):
    return [(found.job.part, found.sheet) for found in survey(plan) if found.state is State.BROKEN]


def read_all(plan):
    for view in open_dataset(plan.output, "train").values():
        view.to_numpy()


def test_what_a_read_finds_is_seen_and_written_again(plan):
    damage(plan)
    assert broken(plan) == []
    with pytest.raises(DamagedFileError, match=r"spikebin run.*spikebin submit --missing"):
        read_all(plan)
    assert broken(plan) == [("100", "X_ON")]
    assert find_wanted(plan).sheets == {1: ["X_ON"]}
    assert [outcome.exported for outcome in run_job(plan, plan.job(1))] == [True, False]
    assert broken(plan) == []
    read_all(plan)
    assert list((plan.output / "failures" / "train").iterdir()) == []


@pytest.mark.parametrize("finder", [["verify"], ["missing", "--deep"], ["status", "--deep"], ["export", "npy", "out"]])
def test_each_command_that_finds_it_notes_it(plan, tmp_path, finder):
    damage(plan)
    spikebin_here(*finder, cwd=tmp_path)
    assert broken(plan) == [("100", "X_ON")]
    missing = spikebin_here("missing", cwd=tmp_path)
    assert missing.stdout == "1\n"
    assert "broken: train/100 X_ON" in missing.stderr
    if finder == ["verify"]:
        with forked_workers():
            assert spikebin_here("run", "--workers", 1, cwd=tmp_path).returncode == 0
        assert spikebin_here("missing", cwd=tmp_path).stdout == ""
        assert spikebin_here("verify", cwd=tmp_path).returncode == 0


def test_verify_says_which_command_repairs(plan, tmp_path):
    path = damage(plan)
    found = spikebin_here("verify", cwd=tmp_path)
    assert (found.returncode, found.stdout.count("\n")) == (1, 2)
    assert str(path) in found.stdout
    assert "`spikebin run`, or `spikebin submit --missing`, writes it again" in found.stderr
    one_line_error(spikebin_here("view", "--out", "view", cwd=tmp_path), "has changed since it was sealed")


def test_a_note_is_of_one_file(plan):
    path = matrix_path(plan.output, "train", "100", "X_ON")
    note = broken_path(plan.output, "train", "100", "X_ON")
    assert note_broken(path, "a reason")
    assert broken_reason(note, path) == "a reason"
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    copy.replace(path)
    assert broken_reason(note, path) == "", "restored from elsewhere"
    assert broken(plan) == []
    assert note_broken(path, "a reason")
    os.utime(path)
    assert broken_reason(note, path) == "", "written in place"
    clear_broken(path)
    assert not note.exists()
    path.unlink()
    assert not note_broken(path, "gone")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"file": 3, "reason": "x"}', "[" * 100_000])
def test_a_note_that_says_something_else_says_nothing(plan, text):
    path = matrix_path(plan.output, "train", "100", "X_ON")
    note = broken_path(plan.output, "train", "100", "X_ON")
    assert note_broken(path, "a reason")
    note.write_text(text)
    assert broken_reason(note, path) == ""
    note.write_text(json.dumps({"reason": "later", "file": [path.stat().st_ino, path.stat().st_size, 0]}))
    assert broken_reason(note, path) == ""


def test_only_files_of_a_planned_output_are_noted(plan, tmp_path):
    for path in (tmp_path / "spikes_X_ON_1.h5", plan.output / "train" / "spikes" / "X_ON" / "other.h5"):
        path.touch()
        assert not note_broken(path, "a reason")
        clear_broken(path)
    inside = tmp_path / "other" / "train" / "spikes" / "X_ON" / "spikes_X_ON_1.h5"
    inside.parent.mkdir(parents=True)
    inside.touch()
    assert not note_broken(inside, "not planned")
    assert not (tmp_path / "other" / "failures").exists()


def test_the_error_survives_another_process_and_keeps_its_file(plan, tmp_path):
    error = pickle.loads(pickle.dumps(DamagedFileError("a b", tmp_path / "b")))
    assert (str(error), error.path) == ("a b", tmp_path / "b")
    assert str(DamagedFileError("only words")) == "only words"
    path = matrix_path(plan.output, "train", "0", "X_ON")
    with pytest.raises(DamagedFileError, match="words"), noting_damage():
        raise DamagedFileError("words", path)
    assert broken(plan) == [("0", "X_ON")]
