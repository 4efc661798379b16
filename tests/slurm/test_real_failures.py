"""Tasks that fail before spikebin starts, or are ended, on a real Slurm: each is seen, counted and told apart."""

from __future__ import annotations

import json
import shutil

from conftest import spikebin, write_toml
from local_slurm import (
    MARKS,
    SHEETS,
    ask,
    make_data_set,
    missing,
    status,
    submit,
    temporary_files,
    wait_for_end,
)

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

pytestmark = MARKS


# What a script does instead of a job, and what is said of it.
SCRIPTS = {
    "module load no-such-module || exit 3": ["exit code 3", "module: command not found"],
    "exec /nowhere/python -m spikebin job $SLURM_ARRAY_TASK_ID": ["exit code 12", "No such file or directory"],
    "true": ["exit code 0"],
    "kill -9 $$": ["ended before spikebin started"],
}


def test_scripts_that_never_come_to_spikebin(tmp_path, recordings):
    """All of them in the queue at once."""
    arguments, directories = {}, {}
    for i, command in enumerate(SCRIPTS):
        directories[command] = make_data_set(tmp_path / f"set{i}", recordings[0], 2)
        template = directories[command] / "mine.sbatch"
        template.write_text(f"#!/bin/bash\n: $SLURM_ARRAY_TASK_ID\n{command}\n")
        arguments[command] = ["--missing", "--max-failures", "2", "--template", template]
    for n in (1, 2):
        ids = {command: submit(directories[command], *arguments[command])["ids"] for command in SCRIPTS}
        wait_for_end(*(job_id for [job_id] in ids.values()))
        for command, words in SCRIPTS.items():
            assert missing(directories[command]) == "0-1"
            rows, troubles = status(directories[command])
            assert {row["states"]["failed"] for row in rows.values()} == {2}
            for trouble in troubles:
                assert trouble["failures"] == n, "each task counts once, however often one looks"
                assert trouble["log"].endswith(f"{ids[command][0]}_{trouble['index']}.log")
                for word in words:
                    assert word in trouble["reason"]
    for command, directory in directories.items():
        last = spikebin("submit", *arguments[command], cwd=directory)
        assert (last.returncode, last.stdout) == (0, "")
        assert "nothing to submit" in last.stderr
        assert missing(directory, "--max-failures", "2") == ""

    # The cause of one of them is fixed.
    told = spikebin("retry", "train/100", "--sheet", "V1_Inh_L23", cwd=directory)
    assert told.stdout == "train/100 V1_Inh_L2/3: 2 failures forgotten\n"
    assert missing(directory, "--max-failures", "2") == "1"
    assert len(json.loads(spikebin("retry", "--json", cwd=directory).stdout)) == 3
    assert "nothing to forget" in spikebin("retry", cwd=directory).stderr
    assert missing(directory, "--max-failures", "2") == "0-1"
    assert status(directory)[1] == []
    [job_id] = submit(directory, "--missing", "--max-failures", "2", "--", "--hold")["ids"]
    ask("scancel", job_id)


def test_a_log_that_cannot_be_opened(data_set):
    [job_id] = submit(data_set, "--", "--hold")["ids"]
    shutil.rmtree(data_set / "dataset" / "slurm" / "logs")
    ask("scontrol", "release", job_id)
    wait_for_end(job_id)
    _, troubles = status(data_set)
    assert len(troubles) == 4
    assert "there is no log" in troubles[0]["reason"]


def test_what_is_cancelled_while_it_waits_has_not_failed(data_set):
    [job_id] = submit(data_set, "--", "--hold")["ids"]
    ask("scancel", job_id)
    wait_for_end(job_id)
    rows, troubles = status(data_set)
    assert troubles == []
    assert {row["states"]["missing"] for row in rows.values()} == {2}


def test_files_that_are_removed_after_their_task_are_simply_missing(one_part):
    [job_id] = submit(one_part)["ids"]
    wait_for_end(job_id)
    shutil.rmtree(one_part / "dataset" / "train" / "spikes")
    assert status(one_part)[1] == []


def test_a_new_sheet_has_not_failed(tmp_path, recordings):
    """Though tasks of an array that was to export all sheets have ended."""
    sheets = tuple(SheetModel(name, 3) for name in SHEETS)
    write_datastore(tmp_path / "data", Experiment(0, 1, sheets=sheets))
    config = write_toml(tmp_path / "spikebin.toml", tmp_path / "data", 'sheets = ["V1_Exc_L4"]')
    assert spikebin("plan", cwd=tmp_path).returncode == 0
    [job_id] = submit(tmp_path)["ids"]
    wait_for_end(job_id)
    config.write_text(config.read_text().replace('["V1_Exc_L4"]', '["V1_Exc_L4", "V1_Inh_L2/3"]'))
    assert spikebin("plan", cwd=tmp_path).returncode == 0
    rows, troubles = status(tmp_path)
    assert (rows["V1_Inh_L2/3"]["states"]["missing"], troubles) == (1, [])


def test_scancel_and_time_limit_are_told_apart(ended):
    directory, job_id = ended
    wait_for_end(job_id)
    assert temporary_files(directory) == []
    # Its exit code depends on whether the script or Slurm ends first.
    assert "JobState=TIMEOUT" in ask("scontrol", "show", "job", f"{job_id}_0")
    _, troubles = status(directory)
    reasons = {trouble["part"]: trouble["reason"] for trouble in troubles if trouble["state"] == "failed"}
    assert reasons == {
        "0": "ended by SIGTERM: its time limit was reached",
        "100": "ended by SIGTERM: it was cancelled (scancel)",
    }
    [job_id] = submit(directory, "--missing")["ids"]
    wait_for_end(job_id)
    assert missing(directory) == ""
