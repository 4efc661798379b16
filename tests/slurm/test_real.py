"""submit, its array tasks and status on a real Slurm of one node."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import one_line_error, spikebin
from local_slurm import (
    LONG_SHEETS,
    MARKS,
    SHEETS,
    ask,
    exit_code,
    files,
    make_data_set,
    missing,
    status,
    stop_in_the_middle,
    submit,
    temporary_files,
    wait_for_end,
    wait_until,
)

from spikebin.output.attempts import attempts_path
from spikebin.output.paths import matrix_path
from spikebin.slurm.templates import templates
from spikebin.system.lock import locked

pytestmark = MARKS


@pytest.mark.usefixtures("ended")  # For test_real_failures.py: it takes up to half a minute.
def test_a_requeued_task_has_not_failed_while_slurm_holds_it_back(requeued):
    directory, job_id, _ = requeued
    noted = attempts_path(directory / "dataset", "train", "0", LONG_SHEETS[1])
    wait_until(lambda: "ended by SIGTERM" in noted.read_text())
    wait_until(lambda: "PENDING" in ask("squeue", "-h", "-r", "-j", f"{job_id}_0", "-o", "%T"))
    rows, troubles = status(directory)
    assert [trouble for trouble in troubles if trouble["part"] == "0"] == []
    assert rows[LONG_SHEETS[1]]["queued"] == 1
    assert submit(directory, "--missing")["queued_or_running"][:1] == [0]


def test_a_whole_data_set(tmp_path, recordings):
    directory = make_data_set(tmp_path, recordings[0], 4)
    answer = submit(directory)
    assert [(array["array"], array["offset"]) for array in answer["arrays"]] == [("0-2", 0), ("0", 3)]
    assert len(answer["ids"]) == 2
    wait_for_end(*answer["ids"])
    assert missing(directory) == ""
    rows, troubles = status(directory)
    assert [rows[sheet]["states"]["done"] for sheet in SHEETS] == [4, 4]
    assert troubles == []
    assert spikebin("verify", cwd=directory).returncode == 0
    slurm = directory / "dataset" / "slurm"
    assert len(list((slurm / "logs").glob("*.log"))) == 4
    assert "train/300" in (slurm / "logs" / f"{answer['ids'][1]}_0.log").read_text()
    assert {path.stem for path in slurm.glob("*.json")} == set(answer["ids"])
    assert "export SPIKEBIN_OFFSET=3\n" in (slurm / f"{answer['ids'][1]}.sbatch").read_text()
    again = spikebin("submit", "--missing", cwd=directory)
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing to submit" in again.stderr


def test_the_line_typed_by_hand(data_set):
    (data_set / "slurm").symlink_to(templates())
    line = "sbatch --parsable --array=$(spikebin missing --sheet V1_Inh_L23) slurm/export.sbatch"
    run = {"shell": True, "cwd": data_set, "text": True, "executable": "/bin/bash"}
    job_id = subprocess.check_output(line, env={**os.environ, "SPIKEBIN_SHEETS": "V1_Inh_L23"}, **run).strip()
    assert submit(data_set, "--missing")["queued_or_running"] == [0, 1]
    wait_for_end(job_id)
    assert missing(data_set, "--sheet", "V1_Inh_L23") == ""
    assert missing(data_set) == "0-1"

    # Nothing is missing now, and an empty --array= is a job without an index.
    job_id = subprocess.check_output(line, **run).strip()
    wait_for_end(job_id)
    assert exit_code(job_id) == "2:0"
    assert "error: this job has no array index" in (data_set / f"slurm-{job_id}.out").read_text()


def test_the_other_templates(data_set):
    run = {"cwd": data_set, "text": True}
    options = ["--parsable", "--cpus-per-task=2", "--mem=1G"]
    job_id = subprocess.check_output(["sbatch", *options, templates() / "run.sbatch"], **run).strip()
    wait_until(lambda: "spikebin-run" in ask("squeue", "-h", "-o", "%j") or not missing(data_set))
    wait_for_end(job_id)
    assert missing(data_set) == ""
    job_id = subprocess.check_output(["sbatch", *options, templates() / "verify.sbatch"], **run).strip()
    wait_for_end(job_id)
    assert exit_code(job_id) == "0:0"
    assert "4 of 4 files are complete" in (data_set / f"slurm-{job_id}.out").read_text()


def test_cancelled_in_the_middle(long_data_set):
    [job_id] = submit(long_data_set)["ids"]
    stop_in_the_middle(long_data_set, 0, 1)
    rows, _ = status(long_data_set)
    assert rows["V1_Inh_L2/3"]["running"] == 2
    assert submit(long_data_set, "--missing")["queued_or_running"] == [0, 1]
    ask("scancel", job_id)
    wait_for_end(job_id)

    assert temporary_files(long_data_set) == []
    before = files(long_data_set)
    assert 2 <= len(before) < 8
    _, troubles = status(long_data_set)
    failed = [trouble for trouble in troubles if trouble["state"] == "failed"]
    assert [trouble["part"] for trouble in failed] == ["0", "100"]
    for trouble in failed:
        assert "ended by SIGTERM" in trouble["reason"]
        assert "error: ended by SIGTERM" in Path(trouble["log"]).read_text()

    [job_id] = submit(long_data_set, "--missing")["ids"]
    wait_for_end(job_id)
    assert missing(long_data_set) == ""
    after = files(long_data_set)
    assert len(after) == 8
    assert {path: after[path] for path in before} == before
    assert spikebin("verify", cwd=long_data_set).returncode == 0


def test_killed(long_data_set):
    [job_id] = submit(long_data_set)["ids"]
    [pid] = stop_in_the_middle(long_data_set, 0)
    os.kill(pid, signal.SIGKILL)
    wait_for_end(job_id)
    before = files(long_data_set)
    assert missing(long_data_set) == "0"
    _, troubles = status(long_data_set)
    [failed] = [trouble for trouble in troubles if trouble["state"] == "failed"]
    assert "ended without a word" in failed["reason"]
    assert failed["failures"] == 1
    assert Path(failed["log"]).name == f"{job_id}_0.log"
    [job_id] = submit(long_data_set, "--missing")["ids"]
    wait_for_end(job_id)
    assert missing(long_data_set) == ""
    after = files(long_data_set)
    assert {path: after[path] for path in before} == before


def test_submitted_again_while_queued(data_set):
    held = submit(data_set, "--sheet", "V1_Inh_L2/3", "--", "--hold")["ids"]
    rows, _ = status(data_set)
    assert (rows["V1_Inh_L2/3"]["queued"], rows["V1_Exc_L4"]["queued"]) == (2, 0)
    for arguments in (["--missing"], ["--missing", "--sheet", "V1_Inh_L23"], []):
        again = spikebin("submit", *arguments, cwd=data_set)
        assert (again.returncode, again.stdout) == (0, "")
        assert "queued or running, left out: 0-1" in again.stderr

    # Another sheet is other work. Without the notes, the comment still tells.
    for note in (data_set / "dataset" / "slurm").glob("*.json"):
        note.unlink()
    assert submit(data_set, "--missing", "--sheet", "V1_Inh_L23")["ids"] == []
    [other] = submit(data_set, "--missing", "--sheet", "V1_Exc_L4")["ids"]
    wait_for_end(other)
    assert missing(data_set, "--sheet", "V1_Exc_L4") == ""
    assert missing(data_set, "--sheet", "V1_Inh_L23") == "0-1"
    ask("scancel", *held)


def test_limited_in_parallel(tmp_path, recordings):
    directory = make_data_set(tmp_path, recordings[0], 4)
    first, second = submit(directory, "--max-parallel", "2", "--", "--hold")["ids"]
    assert "ArrayTaskThrottle=2" in ask("scontrol", "show", "job", first)
    assert f"Dependency=afterany:{first}_*" in ask("scontrol", "show", "job", second)
    assert "Comment=account 7 spikebin/" in ask("scontrol", "show", "job", first)
    ask("scancel", first, second)


def test_a_part_that_always_fails(data_set, recordings):
    part = data_set / "recordings" / "Images_from_100_to_102"
    part.unlink()
    shutil.copytree(recordings[0], part)
    for segment in part.glob("Segment*.pickle"):
        if b"V1_Inh_L2/3" in segment.read_bytes():
            segment.write_bytes(segment.read_bytes()[:-100])
    for _ in range(2):
        [job_id] = submit(data_set, "--missing", "--max-failures", "2")["ids"]
        wait_for_end(job_id)
        assert exit_code(f"{job_id}_1") == "1:0"
    last = spikebin("submit", "--missing", "--max-failures", "2", cwd=data_set)
    assert (last.returncode, last.stdout) == (0, "")
    assert "failed 2 times, left out: train/100 V1_Inh_L2/3 (index 1): Segment" in last.stderr
    assert "nothing to submit" in last.stderr
    assert missing(data_set, "--max-failures", "2") == ""
    rows, [trouble] = status(data_set)
    assert rows["V1_Exc_L4"]["states"]["done"] == 2
    assert trouble["log"].endswith(f"{job_id}_1.log")
    assert trouble["reason"] in Path(trouble["log"]).read_text()

    # A new sheet's turn does not try the one that was given up again.
    matrix_path(data_set / "dataset", "train", "100", "V1_Exc_L4").unlink()
    answer = submit(data_set, "--missing", "--max-failures", "2")
    assert [array["sheets"] for array in answer["arrays"]] == [["V1_Exc_L4"]]
    wait_for_end(*answer["ids"])
    assert status(data_set)[1][0]["failures"] == 2


def test_a_template_of_the_users(one_part, tmp_path):
    text = spikebin("template").stdout.replace("#SBATCH --time", "#SBATCH --output=mine_%a.log\n#SBATCH --time")
    template = tmp_path / "mine.sbatch"
    template.write_text(text.replace("# ----\n\nexport OMP", "export MINE=yes\n# ----\n\necho mine: $MINE\nexport OMP"))
    [job_id] = submit(one_part, "--variant", "train", "--template", template)["ids"]
    wait_for_end(job_id)
    assert missing(one_part) == ""
    assert "mine: yes" in (one_part / "mine_0.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--", "--nosuchoption=1"], ["nosuchoption", "nothing is submitted"]),
        (["--", "--partition=nowhere"], ["Invalid partition", "nothing is submitted"]),
        (["--", "--array=1"], ["--array", "--missing"]),
        (["--template", "/nowhere/x.sbatch"], ["/nowhere/x.sbatch", "--template"]),
    ],
)
def test_refused(data_set, arguments, words):
    one_line_error(spikebin("submit", *arguments, cwd=data_set), *words)
    assert list((data_set / "dataset" / "slurm").glob("*.json")) == []


@pytest.fixture
def dead_controller(slurm, tmp_path):
    """Environment in which nothing listens where the controller should."""
    conf = tmp_path / "slurm.conf"
    text = re.sub(r"SlurmctldPort=\d+", "SlurmctldPort=9", (slurm / "slurm.conf").read_text())
    conf.write_text(re.sub(r"MessageTimeout=\d+", "MessageTimeout=1", text))
    return {"SLURM_CONF": str(conf)}


def test_the_controller_is_down(data_set, dead_controller):
    one_line_error(spikebin("submit", cwd=data_set, env=dead_controller), "squeue", "controller", "scontrol ping")
    shown = spikebin("status", cwd=data_set, env=dead_controller)
    assert shown.returncode == 0
    assert shown.stderr.startswith("what is queued is not known: squeue")
    assert shown.stderr.count("\n") == 1
    assert "V1_Inh_L2/3" in shown.stdout


def test_a_dry_run_submits_nothing(one_part, dead_controller):
    dry = spikebin("submit", "--sheet", "V1_Inh_L23", "--dry-run", cwd=one_part)
    assert dry.stdout.startswith("sbatch --parsable --array=0 ")
    assert "export SPIKEBIN_SHEETS=V1_Inh_L23\n" in dry.stdout
    assert not (one_part / "dataset" / "slurm").exists()
    blind = spikebin("submit", "--sheet", "V1_Inh_L23", "--dry-run", cwd=one_part, env=dead_controller)
    assert blind.stdout == dry.stdout
    assert "Slurm does not answer" in blind.stderr

    # What it prints is what a shell can run.
    job_id = subprocess.check_output(["bash"], input=dry.stdout, text=True, cwd=make_logs(one_part)).strip()
    wait_for_end(job_id)
    assert missing(one_part, "--sheet", "V1_Inh_L23") == ""


def make_logs(directory):
    (directory / "dataset" / "slurm" / "logs").mkdir(parents=True)
    return directory


def test_one_submit_at_a_time(data_set):
    with locked(make_logs(data_set) / "dataset" / "slurm", patience=0):
        one_line_error(spikebin("submit", cwd=data_set), "at work", "dataset/slurm")
    [job_id] = submit(data_set, "--", "--hold")["ids"]
    ask("scancel", job_id)


def test_more_than_fits_on_the_disk(data_set, recordings):
    free = shutil.disk_usage(data_set).free
    part = data_set / "recordings" / "Images_from_0_to_2"
    part.unlink()
    shutil.copytree(recordings[0], part)
    for segment in part.glob("Segment*.pickle"):
        os.truncate(segment, 8 * 1024**4)
    assert sum(path.stat().st_size for path in part.iterdir()) * 0.01 > free
    one_line_error(spikebin("submit", cwd=data_set), "are free in", "make room", code=3)


def test_a_requeued_task_goes_on_with_what_is_not_done(requeued):
    directory, job_id, before = requeued
    wait_for_end(job_id)
    assert missing(directory) == ""
    after = files(directory)
    assert {path: after[path] for path in before} == before
    assert temporary_files(directory) == []
    assert "done already" in (directory / "dataset" / "slurm" / "logs" / f"{job_id}_0.log").read_text()
