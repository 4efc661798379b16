"""Where the logs of tasks go, as sbatch's options say it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from spikebin.errors import SpikebinError
from spikebin.slurm.logs import filled, log_directories, log_pattern, make_log_directories

USER = pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ([], ""),
        (["--output=/logs/%A_%a.log"], "/logs/%A_%a.log"),
        (["--output=mine/%A.out"], "{cwd}/mine/%A.out"),
        (["--chdir=/data", "--output=rel/%A.out"], "/data/rel/%A.out"),
        (["--chdir=below", "--output=%A.out", "--output=%j.out"], "{cwd}/below/%j.out"),
        (["--job-name=a%b", "--output=/l/%u/%x/%A.out"], f"/l/{USER}/a%%b/%A.out"),
        (["--output=/l/100%%/%A.out"], "/l/100%%/%A.out"),
        (["--output=/l/%\\A.out"], "/l/%%A.out"),
    ],
)
def test_patterns(tmp_path, monkeypatch, options, pattern):
    monkeypatch.chdir(tmp_path)
    assert log_pattern(options) == pattern.format(cwd=tmp_path)


def test_fields_are_written_out():
    assert filled("/l/%A_%4a_%%_%j.log", {"A": "12", "a": "3", "%": "%"}) == "/l/12_0003_%_%j.log"


def test_directories_are_made_for_output_error_and_chdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_log_directories(["--chdir=work", "--output=out/%x/%A_%a.log", "--error=/proc/../tmp/x%%y/e", "--job-name=me"])
    assert (tmp_path / "work" / "out" / "me").is_dir()
    assert Path("/tmp/x%y").is_dir()
    Path("/tmp/x%y").rmdir()


@pytest.mark.parametrize("value", ["logs/%A/%a.log", "/l/%j/x", "/l/%N/%%/x", "/l/%x/y"])
def test_a_directory_that_is_named_only_when_the_job_runs_is_refused(value):
    with pytest.raises(SpikebinError, match="Slurm makes none.*keep the % to the file's name"):
        log_directories([f"--output={value}"])
