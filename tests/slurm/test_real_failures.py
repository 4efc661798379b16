"""Tasks that fail before spikebin starts, or are ended, on a real Slurm: each is seen, counted and told apart."""

from __future__ import annotations

import json
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import spikebin, write_toml
from local_slurm import (
    LONG_SHEETS,
    MARKS,
    SHEETS,
    ask,
    exit_code,
    make_long_data_set,
    missing,
    status,
    stop_in_the_middle,
    submit,
    temporary_files,
    wait_for_end,
    wait_until,
)

from spikebin.output.attempts import attempts_path
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

pytestmark = MARKS


@pytest.fixture(scope="module")
def ended(slurm, tmp_path_factory, recordings):
    """A task that ran into its time limit and one that was cancelled, each in the middle of its work."""
    directory = make_long_data_set(tmp_path_factory.mktemp("ended"), recordings)
    [job_id] = submit(directory)["ids"]
    stop_in_the_middle(directory, 0, 1)
    # Slurm looks for such every 30 s: other tests run meanwhile.
    ask("scontrol", "update", f"JobId={job_id}_0", "EndTime=now")
    ask("scancel", f"{job_id}_1")
    return directory, job_id


@pytest.mark.usefixtures("ended")
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("module load no-such-module || exit 3", ["exit code 3", "module: command not found"]),
        ("exec /nowhere/python -m spikebin job $SLURM_ARRAY_TASK_ID", ["exit code 12", "No such file or directory"]),
        ("true", ["exit code 0"]),
        ("kill -9 $$", ["ended before spikebin started"]),
    ],
)
def test_a_script_that_never_comes_to_spikebin(data_set, tmp_path, command, words):
    template = tmp_path / "mine.sbatch"
    template.write_text(f"#!/bin/bash\n: $SLURM_ARRAY_TASK_ID\n{command}\n")
    again = ["--missing", "--max-failures", "2", "--template", template]
    for n in (1, 2):
        [job_id] = submit(data_set, *again)["ids"]
        wait_for_end(job_id)
        assert missing(data_set) == "0-2"
        rows, troubles = status(data_set)
        assert {row["states"]["failed"] for row in rows.values()} == {3}
        for trouble in troubles:
            assert trouble["failures"] == n, "each task counts once, however often one looks"
            assert trouble["log"].endswith(f"{job_id}_{trouble['index']}.log")
            for word in words:
                assert word in trouble["reason"]
    last = spikebin("submit", *again, cwd=data_set)
    assert (last.returncode, last.stdout) == (0, "")
    assert "nothing to submit" in last.stderr
    assert missing(data_set, "--max-failures", "2") == ""

    # The cause is fixed.
    told = spikebin("retry", "train/100", "--sheet", "V1_Inh_L23", cwd=data_set)
    assert told.stdout == "train/100 V1_Inh_L2/3: 2 failures forgotten\n"
    assert missing(data_set, "--max-failures", "2") == "1"
    assert len(json.loads(spikebin("retry", "--json", cwd=data_set).stdout)) == 5
    assert "nothing to forget" in spikebin("retry", cwd=data_set).stderr
    assert missing(data_set, "--max-failures", "2") == "0-2"
    assert status(data_set)[1] == []
    assert submit(data_set, "--missing", "--max-failures", "2", "--", "--hold")["queued_or_running"] == []
    ask("scancel", "--user=root", "--state=PENDING")


def test_a_log_that_cannot_be_opened(data_set):
    [job_id] = submit(data_set, "--", "--begin=now+2")["ids"]
    shutil.rmtree(data_set / "dataset" / "slurm" / "logs")
    wait_for_end(job_id)
    _, troubles = status(data_set)
    assert len(troubles) == 6
    assert "there is no log" in troubles[0]["reason"]


def test_what_is_cancelled_while_it_waits_has_not_failed(data_set):
    [job_id] = submit(data_set, "--", "--hold")["ids"]
    ask("scancel", job_id)
    wait_for_end(job_id)
    rows, troubles = status(data_set)
    assert troubles == []
    assert {row["states"]["missing"] for row in rows.values()} == {3}


def test_files_that_are_removed_after_their_task_are_simply_missing(data_set):
    [job_id] = submit(data_set)["ids"]
    wait_for_end(job_id)
    shutil.rmtree(data_set / "dataset" / "train" / "spikes")
    assert status(data_set)[1] == []


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


def test_a_requeued_task_has_not_failed_while_it_waits(long_data_set):
    """Slurm holds a requeued job back for some time."""
    [job_id] = submit(long_data_set, "--", "--requeue")["ids"]
    stop_in_the_middle(long_data_set, 0)
    ask("scontrol", "requeue", f"{job_id}_0")
    noted = attempts_path(long_data_set / "dataset", "train", "0", LONG_SHEETS[1])
    wait_until(lambda: "ended by SIGTERM" in noted.read_text())
    ask("scontrol", "hold", f"{job_id}_0")
    wait_until(lambda: "PENDING" in ask("squeue", "-h", "-r", "-j", f"{job_id}_0", "-o", "%T"))
    rows, troubles = status(long_data_set)
    assert [trouble for trouble in troubles if trouble["part"] == "0"] == []
    assert rows[LONG_SHEETS[1]]["queued"] == 1
    assert submit(long_data_set, "--missing")["queued_or_running"][:1] == [0]
    ask("scancel", job_id)
    wait_for_end(job_id)
    _, troubles = status(long_data_set)
    assert [trouble["failures"] for trouble in troubles if trouble["part"] == "0"] == [1]


def test_scancel_and_time_limit_are_told_apart(ended):
    directory, job_id = ended
    wait_for_end(job_id)
    assert temporary_files(directory) == []
    assert exit_code(f"{job_id}_0") in {"143:0", "0:15"}
    _, troubles = status(directory)
    reasons = {trouble["part"]: trouble["reason"] for trouble in troubles if trouble["state"] == "failed"}
    assert reasons == {
        "0": "ended by SIGTERM: its time limit was reached",
        "100": "ended by SIGTERM: it was cancelled (scancel)",
    }
    [job_id] = submit(directory, "--missing")["ids"]
    wait_for_end(job_id)
    assert missing(directory) == ""


def test_a_killed_task_is_told_by_its_log(long_data_set):
    [job_id] = submit(long_data_set)["ids"]
    [pid] = stop_in_the_middle(long_data_set, 0)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_for_end(job_id)
    _, troubles = status(long_data_set)
    [killed] = [trouble for trouble in troubles if trouble["state"] == "failed"]
    assert killed["reason"].startswith("ended without a word")
    assert Path(killed["log"]).name == f"{job_id}_0.log"
