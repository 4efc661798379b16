"""Temporary files of writers that were killed: whose they are, and who may remove them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from spikebin.system.leftovers import is_stale, remove_stale, slurm_job, stale_files, this_host


def test_whose_temporary_file_is_whose(tmp_path, monkeypatch):
    host, mine = this_host(), os.getpid()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    hour, month = 3600.0, 30 * 24 * 3600.0
    assert is_stale(f".a.h5.{host}.{pid}.0.tmp", age=0)
    assert not is_stale(f".a.h5.{host}.{mine}.0.tmp", age=hour)
    assert not is_stale(f".a.h5.{host}.1.0.tmp", age=hour), "a live writer"
    assert not is_stale(f".a.h5.elsewhere.{pid}.0.tmp", age=hour), "perhaps a live writer on another node"
    assert is_stale(f".a.h5.elsewhere.{pid}.0.tmp", age=month)
    assert not is_stale("a.h5", age=month)
    assert not is_stale(".a.h5.tmp", age=month)
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert slurm_job() == "77"
    assert not is_stale(f".a.h5.elsewhere.{pid}.77.tmp", age=0), "two nodes of one job"
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert is_stale(f".a.h5.elsewhere.{pid}.77.tmp", age=0), "requeued: the first run is over"
    assert not is_stale(f".a.h5.elsewhere.{pid}.78.tmp", age=0)
    for name in (f".a.h5.{host}.{pid}.0.tmp", f".b.h5.{host}.{pid}.0.tmp", f".a.h5.{host}.{mine}.0.tmp"):
        (tmp_path / name).write_bytes(b"x")
    assert len(list(stale_files(tmp_path))) == 2
    remove_stale(tmp_path, "a.h5")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [f".b.h5.{host}.{pid}.0.tmp", f".a.h5.{host}.{mine}.0.tmp"]
    )
    assert list(stale_files(tmp_path / "none")) == []


@pytest.mark.parametrize("pid", [2**31, 10**30])
def test_a_process_of_a_number_that_no_process_has_is_gone(pid):
    assert is_stale(f".a.h5.{this_host()}.{pid}.0.tmp", age=0)


def test_processes_of_a_container_are_not_taken_for_those_of_its_machine():
    code = "from spikebin.system.leftovers import this_host; print(this_host())"
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", code]
    inside = subprocess.run(command, capture_output=True, text=True, check=False)
    if inside.returncode:
        pytest.skip("no right to make a namespace here")
    assert inside.stdout.strip().startswith(f"{this_host()}-")
    assert not is_stale(f".a.h5.{inside.stdout.strip()}.{2**22 + 1}.0.tmp", age=0)
