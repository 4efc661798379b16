"""The log of a Slurm task: how it ends, and why Slurm ended the task."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.system.slurm_log import LONGEST, array_task, last_line, own_log, why_ended

# As Slurm 22.05 writes it.
ENDED = "slurmstepd-localhost: error: *** JOB 3 ON localhost CANCELLED AT 2026-11-28T01:42:52{} ***"


@pytest.mark.parametrize(
    ("due", "why"),
    [
        ("", "it was cancelled (scancel)"),
        (" DUE TO TIME LIMIT", "its time limit was reached"),
        (" DUE TO PREEMPTION", "another job preempted it"),
        (" DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS", ""),
        (" DUE TO SOMETHING NEW", "Slurm ended it: something new"),
    ],
)
def test_why_a_task_was_ended(tmp_path, due, why):
    log = tmp_path / "log"
    log.write_text(f"train/100 X_ON: done already\n{ENDED.format(due)}\nerror: ended by SIGTERM\n")
    assert why_ended(log) == why
    assert why_ended(str(log)) == why


def test_the_last_reason_counts_and_other_words_are_none(tmp_path):
    log = tmp_path / "log"
    log.write_text(f"{ENDED.format('')}\n{ENDED.format(' DUE TO TIME LIMIT')}\n")
    assert why_ended(log) == "its time limit was reached"
    log.write_text("*** CANCELLED ***\n")
    assert why_ended(log) == why_ended(tmp_path / "none") == why_ended("") == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"", ""),
        (b"\n \n\t\n", ""),
        (b"one\ntwo\n\n", "two"),
        (b"10 %\r20 %\r30 %", "30 %"),
        (b"caf\xe9\x1b[31m red\n", "caf\ufffd [31m red"),
        (b"x" * 10_000, "x" * LONGEST + "..."),
        (b"first\n" + b"\n" * 50_000 + b"last", "last"),
    ],
)
def test_the_last_line(tmp_path, text, line):
    (tmp_path / "log").write_bytes(text)
    assert last_line(tmp_path / "log") == line


@given(st.binary(max_size=300))
def test_any_bytes_give_one_printable_line(tmp_path_factory, data):
    log = tmp_path_factory.mktemp("log") / "log"
    log.write_bytes(data)
    line = last_line(log)
    assert line is not None
    assert line.isprintable()


def test_no_log_is_not_an_empty_one(tmp_path):
    assert last_line(tmp_path / "none") is None
    assert last_line(tmp_path) is None
    assert last_line("a\0b") is None


@pytest.mark.parametrize(
    ("job", "task", "name"), [("12", "3", "12_3"), ("12", "", ""), ("", "3", ""), ("x", "3", ""), ("12", "-3", "")]
)
def test_the_array_task_of_this_process(monkeypatch, job, task, name):
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", job)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
    assert array_task() == name


def test_where_this_process_keeps_its_words(tmp_path, monkeypatch):
    assert own_log() == ""
    code = "from spikebin.system.slurm_log import own_log; print(own_log())"
    for environment, shown in (({}, ""), ({"SLURM_JOB_ID": "7"}, str(tmp_path / "log"))):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with (tmp_path / "log").open("w") as log:
            told = subprocess.run(
                [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=log, check=True, text=True
            )
        assert told.stdout.strip() == shown
    monkeypatch.setenv("SPIKEBIN_LOG", "/logs/7.log")
    assert own_log() == "/logs/7.log"
