"""What the tests with a real Slurm do with it: make data sets, submit, wait, look; tests/slurm/conftest.py starts it.

Nothing stands in for Slurm. A task is caught in the middle of its work by SIGSTOP; Slurm's TERM comes with a CONT.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import spikebin

from spikebin.output.attempts import attempts_path
from spikebin.output.paths import matrix_path

MARKS = [pytest.mark.slow, pytest.mark.usefixtures("slurm")]

LOCAL_SLURM = Path(__file__).parent / "slurm" / "local-slurm"
SHEETS = ("V1_Exc_L4", "V1_Inh_L2/3")
LONG_SHEETS = ("X_ON", "X_OFF", "V1_Exc_L4", "V1_Inh_L2/3")
CONFIG = """output = "dataset"
codec = "{codec}"
[binning]
width = {width}
[[recordings]]
variant = "train"
root = "recordings"
parts = "Images_from_{{part}}_to_*"
[slurm]
cpus-per-task = {cpus}
mem = "500M"
comment = "account 7"
"""


def cannot(reason):
    """Skip; where the tests must run, as in continuous integration, fail."""
    if os.environ.get("SPIKEBIN_NEED_SLURM") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def make_data_set(directory, recording, n_parts, *, codec="blosc2", width=1.0, cpus=1):
    """A planned data set: the same recording under the names of many parts."""
    (directory / "recordings").mkdir(parents=True)
    for i in range(n_parts):
        (directory / "recordings" / f"Images_from_{100 * i}_to_{100 * i + 2}").symlink_to(recording)
    (directory / "spikebin.toml").write_text(CONFIG.format(codec=codec, width=width, cpus=cpus))
    planned = spikebin("plan", cwd=directory)
    assert planned.returncode == 0, planned.stderr
    return directory


def make_long_data_set(directory, recordings):
    """One whose bins are so narrow, and its codec so slow, that each sheet takes most of a second."""
    return make_data_set(directory / "long", recordings[1], 2, codec="zlib", width=0.02)


def submit(directory, *arguments):
    """Submit; what --json says."""
    result = spikebin("submit", "--json", *arguments, cwd=directory)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def ask(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def wait_until(what, seconds=300, every=0.02):
    """Wait for something to become true; what it is then."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s in vain; the queue:\n{ask('squeue', '-r')}"
        time.sleep(every)


def wait_for_end(*ids):
    wait_until(lambda: not {*ids} & {*ask("squeue", "-h", "-r", "-o", "%F").split()}, every=0.1)


def status(directory):
    """The rows of `status --json` by sheet, and its troubles."""
    answer = json.loads(spikebin("status", "--json", cwd=directory).stdout)
    return {row["sheet"]: row for row in answer["rows"]}, answer["troubles"]


def missing(directory, *arguments):
    result = spikebin("missing", *arguments, cwd=directory)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def exit_code(job_id):
    """What Slurm says of an ended task: "exit code:signal"."""
    return re.search(r"ExitCode=(\S+)", ask("scontrol", "show", "job", job_id))[1]


def files(directory):
    """Finished matrix files, each with what changes when it is written again."""
    found = (directory / "dataset").rglob("spikes_*.h5")
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def temporary_files(directory):
    return [path for path in (directory / "dataset").rglob(".*") if path.name.endswith(".tmp")]


def stop_in_the_middle(directory, *indices):
    """Let tasks finish their first sheet and begin with their second, then stop them; their processes."""
    output = directory / "dataset"
    pids = {}

    def stop_each():
        for index in set(indices) - set(pids):
            tries = attempts_path(output, "train", str(100 * index), LONG_SHEETS[1])
            with suppress(FileNotFoundError, ValueError):
                pids[index] = json.loads(tries.read_text())["pid"]
                os.kill(pids[index], signal.SIGSTOP)
        return len(pids) == len(indices)

    wait_until(stop_each)
    for index in indices:
        first, *_, last = (matrix_path(output, "train", str(100 * index), sheet) for sheet in LONG_SHEETS)
        assert first.exists()
        assert not last.exists()
    return [pids[index] for index in indices]
