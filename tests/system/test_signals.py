"""A signal ends a job at once, wherever it is, with nothing half done and an exit code that says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import spikebin

from spikebin.matrixfile.verify import verify_file
from spikebin.output.attempts import KILLED, Attempts, note_ended, note_failure, note_start, read_attempts
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel
from spikebin.system.leftovers import this_host
from spikebin.system.signals import Ended, ending_on_signals

CONFIG = (
    'output = "dataset"\n[[recordings]]\nvariant = "train"\nroot = "."\nparts = "NewDataset_Images_from_{part}_to_*"\n'
)


@pytest.fixture(scope="module")
def data_set(tmp_path_factory):
    directory = tmp_path_factory.mktemp("signals")
    write_datastore(directory, Experiment(0, 4, sheets=tuple(SheetModel(name, 50) for name in ("X_ON", "X_OFF"))))
    (directory / "spikebin.toml").write_text(CONFIG)
    assert spikebin("plan", cwd=directory).returncode == 0
    return directory


def job(directory, *before, words="job 0 --force --threads 2", **options):
    command = [*before, sys.executable, "-m", "spikebin", *words.split()]
    return subprocess.Popen(
        command,
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


@pytest.mark.slow
def test_a_signal_at_any_moment(data_set):
    assert spikebin("job", "0", cwd=data_set).returncode == 0
    begun = time.monotonic()
    job(data_set).communicate()
    duration = time.monotonic() - begun
    ended = 0
    for number, share in ((signal.SIGTERM, 0.2), (signal.SIGHUP, 0.5), (signal.SIGTERM, 0.8)):
        process = job(data_set)
        time.sleep(duration * share)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors
        # Before Python listens to it the signal itself ends the process; after the last file nothing is left to end.
        assert process.returncode in {128 + number, -number, 0}
        if process.returncode == 128 + number:
            ended += 1
            assert errors.splitlines()[-1].startswith(f"error: ended by {number.name}")
        assert not [path for path in (data_set / "dataset").rglob(".*") if path.name.endswith(".tmp")]
        for file in data_set.rglob("spikes_*.h5"):
            verify_file(file)
    assert ended


@pytest.mark.slow
def test_a_signal_while_kernels_are_compiled(data_set, tmp_path):
    process = job(data_set, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)})
    while not list(tmp_path.rglob("*.nbi")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 129
    assert "error: ended by SIGHUP" in errors


@pytest.mark.slow
@pytest.mark.parametrize(("number", "delays"), [(signal.SIGINT, (0, 0.6)), (signal.SIGTERM, (0.3,))])
def test_a_signal_to_all_processes_of_run_is_told_in_one_line(data_set, number, delays):
    """As a terminal does with Ctrl-C and Slurm with SIGTERM, while the worker loads, works and waits."""
    codes = set()
    for delay in delays:
        process = job(data_set, words="run --force --workers 1")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while len(children.read_text().split()) < 2:  # The worker is the second; the first is multiprocessing's own.
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(delay)
        os.killpg(process.pid, number)
        _, errors = process.communicate(timeout=60)
        codes.add(process.returncode)
        told = [line for line in errors.splitlines() if not line.startswith(("train/0 X_O", "2 of 2 files"))]
        told = [line for line in told if line]  # A bar that rich 14.0 ends leaves an empty line.
        ended = f"error: ended by {number.name}: what was done is kept, start again to do the rest"
        assert told == [ended] * (process.returncode == 128 + number), errors
    # When all is done and told, the signal itself ends the process.
    assert codes <= {128 + number, -number, 0}
    assert 128 + number in codes


def test_a_hangup_is_ignored_under_nohup(data_set):
    process = job(data_set, "nohup")
    time.sleep(0.4)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)]
    with pytest.raises(Ended, match="SIGTERM") as ended, ending_on_signals():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.exit_code == 143
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


SWALLOWING = """
import os, signal, time
from spikebin.system import signals
signals.GRACE = 0.5
with signals.ending_on_signals():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    except BaseException:
        pass
    print("lost", flush=True)
    time.sleep(60)
"""


def test_a_process_that_loses_the_exception_ends_all_the_same():
    done = subprocess.run([sys.executable, "-c", SWALLOWING], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.returncode) == ("lost\n", 143)


UNRAISABLE = """
import os, signal, time
from spikebin.system.signals import Ended, ending_on_signals

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

with ending_on_signals():
    try:
        Dying()
        os.write(1, b"lost\\n")
        time.sleep(60)
    except Ended as ended:
        print("raised again", ended)
"""


def test_an_exception_that_is_lost_in_a_callback_is_raised_again():
    done = subprocess.run([sys.executable, "-c", UNRAISABLE], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr) == ("lost\nraised again SIGTERM\n", "")


@pytest.fixture
def tries(tmp_path, monkeypatch):
    """Note tries as different Slurm jobs."""

    def note(what, job_id, *words):
        monkeypatch.setenv("SLURM_JOB_ID", job_id)
        what(tmp_path / "tries.jsonl", *words)

    return note


def test_tries_that_fail_are_counted(tries, tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKEBIN_LOG", "/logs/7.log")
    for job_id in ("7", "8"):
        tries(note_start, job_id)
        tries(note_failure, job_id, f"reason {job_id}")
    assert read_attempts(tmp_path / "tries.jsonl") == Attempts(2, "reason 8", "/logs/7.log")


def test_a_requeued_try_has_not_failed(tries, tmp_path):
    tries(note_start, "7")
    tries(note_ended, "7", "ended by SIGTERM")
    assert read_attempts(tmp_path / "tries.jsonl").failures == 1
    tries(note_start, "7")
    assert read_attempts(tmp_path / "tries.jsonl") == Attempts(running="7")
    tries(note_start, "7")
    assert read_attempts(tmp_path / "tries.jsonl") == Attempts(running="7")
    tries(note_start, "8")
    assert read_attempts(tmp_path / "tries.jsonl") == Attempts(1, KILLED, "", "8")
    tries(note_failure, "8", "reason")
    tries(note_start, "8")
    assert read_attempts(tmp_path / "tries.jsonl").failures == 2


NOTE_AND_WAIT = """
import sys
from pathlib import Path
from spikebin.output.attempts import note_failure, note_start
note_start(Path(sys.argv[1]))
print(flush=True)
if sys.stdin.readline():
    note_failure(Path(sys.argv[1]), "the other's reason")
"""


@pytest.fixture
def other(tmp_path):
    """A live process that has begun a try."""
    command = [sys.executable, "-c", NOTE_AND_WAIT, str(tmp_path / "tries.jsonl")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    with process:
        yield process


def test_of_two_tries_at_once_neither_has_failed(other, tmp_path):
    path = tmp_path / "tries.jsonl"
    note_start(path)
    assert read_attempts(path).failures == 0
    other.kill()
    other.wait()
    assert read_attempts(path) == Attempts(1, KILLED)
    note_failure(path, "mine")
    assert read_attempts(path) == Attempts(2, "mine")


def test_each_of_two_tries_at_once_ends_for_itself(other, tmp_path):
    path = tmp_path / "tries.jsonl"
    note_start(path)
    other.communicate("fail\n")
    assert read_attempts(path) == Attempts(1, "the other's reason")
    note_failure(path, "mine")
    assert read_attempts(path) == Attempts(2, "mine")


def test_a_failure_noted_for_a_child_ends_its_try(other, tmp_path):
    path = tmp_path / "tries.jsonl"
    other.kill()
    other.wait()
    note_failure(path, "killed by the test", pid=other.pid)
    assert read_attempts(path) == Attempts(1, "killed by the test")


def test_a_try_on_another_node_is_over_when_its_job_is(tmp_path):
    path = tmp_path / "tries.jsonl"
    start = {
        "event": "start",
        "host": "node17x",
        "pid": 1,
        "user": os.getuid(),
        "slurm_job": "7",
        "reason": "",
        "log": "",
    }
    entry = json.dumps(start) + "\n"
    path.write_text(entry)
    assert this_host() != "node17x"
    assert read_attempts(path) == Attempts(running="7")
    assert read_attempts(path, {"7"}) == Attempts(running="7")
    assert read_attempts(path, {"8"}) == Attempts(1, KILLED)
    path.write_text(json.dumps({**start, "user": os.getuid() + 1}))
    assert read_attempts(path, {"8"}) == Attempts(running="7")
    path.write_text(entry + "half a li")
    assert read_attempts(path) == Attempts(running="7")
    later = {**start, "host": "node18x", "slurm_job": "8"}
    path.write_text(entry + json.dumps(later) + "\n")
    assert read_attempts(path) == Attempts(1, KILLED, running="8")
    assert read_attempts(path, {"7", "8"}) == Attempts(running="8")
    path.write_text(entry + json.dumps({**later, "slurm_job": "7"}) + "\n")
    assert read_attempts(path) == Attempts(running="7"), "requeued on another node"
