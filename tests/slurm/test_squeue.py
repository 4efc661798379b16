"""What is queued of a data set: recognised from notes, comments and directories, among all that a user has queued."""

from __future__ import annotations

import pytest
from conftest import make_config

from spikebin.errors import SpikebinError
from spikebin.pipeline.plan import make_plan
from spikebin.slurm.notes import data_set_id
from spikebin.slurm.sbatch import tag
from spikebin.slurm.squeue import ask_queue, queue_if_known
from spikebin.slurm.squeue_lines import SEPARATOR


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "data" / "NewDataset_Images_from_1_to_x").mkdir(parents=True)
    return make_plan(make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON",)))[0]


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """A program of that name that prints what it is given, or fails."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def answers(*rows, fails=""):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "answer").write_text("".join(SEPARATOR.join(row) + "\n" for row in rows))
        script = f"echo '{fails}' >&2; exit 1" if fails else f"cat '{tmp_path / 'answer'}'"
        (tmp_path / "bin" / "squeue").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / "squeue").chmod(0o755)

    return answers


def test_tasks_of_this_data_set_alone(plan, squeue):
    mine, here = data_set_id(plan.output), str(plan.config.path.parent)
    squeue(
        ("14", "12", "3", "RUNNING", "x", tag(mine, 20, ["X_ON"]), "/elsewhere"),
        ("12", "12", "4", "PENDING", "x", tag(mine, 20, []), "/elsewhere"),
        ("15", "15", "3", "RUNNING", "x", tag("0" * 12, 20, []), here),
        ("16", "16", "7", "PENDING", "spikebin", "(null)", here),
        ("17", "17", "N/A", "PENDING", "other", "(null)", here),
    )
    queue = ask_queue(plan, patience=5.0)
    assert queue.covers(23, "X_ON") == "running"
    assert queue.covers(23, "X_OFF") == ""
    assert queue.covers(24, "X_OFF") == "queued"
    assert queue.covers(7, None) == "queued"
    assert queue.covers(3, None) == ""
    assert queue.indices("12") == {3, 4}
    assert queue.live == {"14", "12", "15", "16", "17"}


def test_a_run_by_hand_covers_all_jobs(plan, squeue):
    squeue(("18", "18", "N/A", "RUNNING", "spikebin-run", "(null)", str(plan.config.path.parent)))
    assert ask_queue(plan, patience=5.0).covers(0, "X_ON") == "running"


def test_where_slurm_does_not_answer_it_is_said(plan, squeue, monkeypatch, tmp_path):
    squeue(fails="Unable to contact slurm controller")
    with pytest.raises(SpikebinError, match="squeue"):
        ask_queue(plan, patience=5.0)
    queue, why = queue_if_known(plan)
    assert queue is None
    assert "controller" in why
    squeue(fails="Could not establish a configuration source")
    assert queue_if_known(plan) == (None, "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_queue(plan, patience=5.0) is None
