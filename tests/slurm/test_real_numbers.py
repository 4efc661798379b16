"""Statistics and the report on a real Slurm of one node: added up by tasks, written behind the arrays."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from conftest import spikebin
from local_slurm import MARKS, ask, missing, submit, wait_for_end, wait_until

from spikebin import open_dataset
from spikebin.slurm.templates import templates

pytestmark = MARKS


def test_a_report_behind_the_arrays(data_set):
    answer = submit(data_set, "--report", "report.html", "--", "--hold")
    assert len(answer["ids"]) == 1
    report = answer["report"]["id"]
    assert f"Dependency=afterany:{answer['ids'][0]}_*" in ask("scontrol", "show", "job", report)
    # It is none of the tasks that export: nothing is taken for queued on its account.
    ask("scontrol", "release", answer["ids"][0], report)
    wait_for_end(answer["ids"][0], report)
    assert missing(data_set) == ""
    wait_until((data_set / "report.html").exists)
    assert "<b>4 of 4</b>done" in (data_set / "report.html").read_text()
    assert "wrote " in (data_set / f"dataset/slurm/logs/report_{report}.log").read_text()
    nothing = spikebin("submit", "--missing", "--report", "again.html", cwd=data_set)
    assert (nothing.returncode, nothing.stdout) == (0, "")


def test_tasks_add_up_and_write_shards_and_the_next_call_reduces(data_set):
    wait_for_end(*submit(data_set)["ids"])
    (data_set / "slurm").symlink_to(templates())
    line = "sbatch --parsable --array=$(spikebin stats --missing --width 20) slurm/stats.sbatch --width 20"
    run = {"shell": True, "cwd": data_set, "text": True, "executable": "/bin/bash", "env": os.environ}
    numbers = subprocess.check_output(line, **run).strip()
    # At the same time, tasks that write the recordings of parts as shards.
    line = "sbatch --parsable --array=0-1 slurm/recordings.sbatch experanto shards"
    wait_for_end(numbers, subprocess.check_output(line, **run).strip())
    assert spikebin("compare", "shards", cwd=data_set).stdout == "4 of 4 files agree\n"
    assert spikebin("stats", "--missing", "--width", "20", cwd=data_set).stdout == ""
    stamps = {path: path.stat().st_mtime_ns for path in (data_set / "dataset/stats").rglob("*.npz")}
    assert len(stamps) == 4
    result = spikebin("stats", "--width", "20", "--json", cwd=data_set)
    rows = json.loads(result.stdout)
    assert {path: path.stat().st_mtime_ns for path in (data_set / "dataset/stats").rglob("*.npz")} == stamps
    for row in rows:
        wanted = open_dataset(data_set / "dataset", row["variant"], row["sheet"]).rates().mean()
        assert row["rate_hz"] == pytest.approx(wanted)
