"""Notes of tries: what counts as a failure when Slurm knows more, and of tasks that noted nothing themselves."""

from __future__ import annotations

import json
import os

import pytest

from spikebin.output.attempts import (
    KILLED,
    Attempts,
    attempts_path,
    note_ended,
    note_failure,
    note_lost,
    note_start,
    read_attempts,
    tasks_noted,
)

ENDED = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-11-28T01:42:52 DUE TO TIME LIMIT ***\n"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Notes of a process that says it is Slurm job 7, the task 5_2."""
    for name, value in (("JOB_ID", "7"), ("ARRAY_JOB_ID", "5"), ("ARRAY_TASK_ID", "2")):
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setenv("SPIKEBIN_LOG", str(tmp_path / "log"))
    return tmp_path / "tries.jsonl"


def test_a_task_that_was_ended_and_is_queued_again_has_not_failed(path):
    note_start(path)
    note_ended(path, "SIGTERM")
    assert read_attempts(path, live={"7", "8"}) == Attempts()
    assert read_attempts(path, live={"8"}).failures == 1
    assert read_attempts(path).failures == 1, "not known"
    note_start(path)
    note_failure(path, "reason")
    assert read_attempts(path, live={"7"}).failures == 1, "that was its own fault"


def test_a_killed_task_that_is_queued_again_has_not_failed(path, monkeypatch):
    note_start(path)
    text = path.read_text()
    path.write_text(text.replace('"pid": ', '"pid": 1000000'))
    assert read_attempts(path, live={"7"}) == Attempts()
    assert read_attempts(path, live=set()) == Attempts(1, KILLED, str(path.parent / "log"))


def test_why_a_task_was_ended_is_read_from_its_log(path):
    (path.parent / "log").write_text(ENDED)
    note_start(path)
    note_ended(path, "SIGTERM")
    assert read_attempts(path).reason == "ended by SIGTERM: its time limit was reached"
    path.unlink()
    (path.parent / "log").unlink()
    note_ended(path, "SIGTERM")
    assert "cancelled, out of time" in read_attempts(path).reason


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (ENDED, "ended without a word: its time limit was reached"),
        (
            "train/100 X_ON: 2 x 3 x 712\nslurmstepd: error: Detected 1 oom_kill event in StepId=7.batch.\n",
            f"{KILLED}; the last line of its log: slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch.",
        ),
        ("train/100 X_ON: 2 x 3 x 712\n", KILLED),
        ("", KILLED),
    ],
)
def test_why_a_task_was_killed_is_read_from_its_log(path, log, reason):
    (path.parent / "log").write_text(log)
    note_start(path)
    assert read_attempts(path, live={"7"}).failures == 0
    path.write_text(path.read_text().replace('"pid": ', '"pid": 1000000'))
    assert read_attempts(path, live=set()) == Attempts(1, reason, str(path.parent / "log"))


def test_lost_tasks_count_beside_those_that_noted_something(path):
    assert tasks_noted(path) == frozenset()
    note_lost(path, "3_2", "no python", "/logs/3_2.log")
    assert read_attempts(path, live={"0", "3"}) == Attempts(1, "no python", "/logs/3_2.log")
    note_start(path)
    assert read_attempts(path) == Attempts(1, "no python", "/logs/3_2.log", "7")
    note_failure(path, "reason")
    assert read_attempts(path).failures == 2
    assert tasks_noted(path) == {"3_2", "5_2"}


def test_tries_that_end_without_a_word_are_counted_once_they_must_have_ended(tmp_path):
    path = attempts_path(tmp_path, "train", "1", "X_ON")
    assert read_attempts(path).failures == 0
    note_start(path)
    assert read_attempts(path).failures == 0, "it is still running"
    note_start(path)
    assert (read_attempts(path).failures, read_attempts(path).reason) == (1, KILLED)
    note_failure(path, "why")
    assert (read_attempts(path).failures, read_attempts(path).reason) == (2, "why")
    pid = os.fork()
    if pid == 0:
        note_start(path)
        os._exit(0)
    os.waitpid(pid, 0)
    assert (read_attempts(path).failures, read_attempts(path).reason) == (3, KILLED)
    odd = {"event": ["start"], "host": "h", "pid": 1, "slurm_job": {}, "reason": 3, "log": None}
    lines = ["{broken", "", "[]", "3", "[" * 100_000, json.dumps(odd), json.dumps({**odd, "event": "failed"})]
    path.write_text(path.read_text() + "".join(f"{line}\n" for line in lines))
    assert (read_attempts(path).failures, read_attempts(path).reason) == (3, KILLED)
