"""Tasks that left no word: what Slurm says of ended ones, as text; the rest is tried on a real Slurm."""

from __future__ import annotations

import pytest

from spikebin.slurm.lost_tasks import NEVER_RAN, parse_ended

LINE = (
    "JobId=4 ArrayJobId=2 ArrayTaskId={spec} JobName=spikebin UserId=root(0) GroupId=root(0) Priority=4294901757"
    " JobState={state} Reason=None Dependency=(null) Requeue=1 Restarts=0 ExitCode={code} RunTime={time}"
    " StdOut=/data/a b/2_4.log Power=\n"
)


@pytest.mark.parametrize(
    ("spec", "state", "code", "time", "reasons"),
    [
        ("4", "FAILED", "127:0", "00:00:01", {4: "exit code 127"}),
        ("4", "COMPLETED", "0:0", "00:00:01", {4: "exit code 0"}),
        ("4", "TIMEOUT", "0:15", "00:05:01", {4: "its time limit was reached"}),
        ("4", "NODE_FAIL", "0:0", "00:05:01", {4: "its node failed"}),
        ("4", "CANCELLED", "0:15", "00:00:03", {4: "it was cancelled (scancel)"}),
        ("3-5,9", "CANCELLED", "0:0", "00:00:00", dict.fromkeys((3, 4, 5, 9), NEVER_RAN)),
        ("3-4%2", "CANCELLED", "0:0", "00:00:00", dict.fromkeys((3, 4), NEVER_RAN)),
        ("4", "RUNNING", "0:0", "00:00:03", {}),
        ("3-5", "PENDING", "0:0", "00:00:00", {}),
        ("N/A", "FAILED", "1:0", "00:00:00", {}),
        ("3-5...", "FAILED", "1:0", "00:00:00", {}),
    ],
)
def test_what_slurm_says_of_ended_tasks(spec, state, code, time, reasons):
    other = LINE.format(spec="1", state="FAILED", code="2:0", time="00:00:02")
    answer = other + LINE.format(spec=spec, state=state, code=code, time=time) + "slurm_load_jobs: a warning\n"
    assert parse_ended(answer) == {1: "exit code 2", **reasons}
