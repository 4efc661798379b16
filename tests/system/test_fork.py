"""A process that forks while another of its threads reads, unpickles or compiles: its children do not hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from drawn import images, write_part

from spikebin.output.paths import matrix_path
from spikebin.system import fork

# Of the thread that is busy, what it does; of the child, what it does and must end.
BUSY = {
    "tables": ("file.forget_tables(); file.trials", "open_file(PATH).trials"),
    "pickles": ("load(PATH)", "load(PATH); assert gc.isenabled()"),
    "paused": ("\n        with gc_paused(): time.sleep(0.001)", "assert gc.isenabled()"),
    "compiler": ("compiled()", "assert compiled() == 3"),
}
START = """
import gc, os, signal, sys, threading, time
import numba
from spikebin.kernels import jit
from spikebin.matrixfile.reader import open_file
from spikebin.pickles.unpickler import gc_paused, load
from pathlib import Path

def compiled():
    @numba.njit
    def add(a, b):
        return a + b
    return add(1, 2)
"""
SCRIPT = """
PATH = Path({path!r})
file = open_file(PATH) if PATH.suffix == ".h5" else None

def busy():
    while not stop:
        {busy}

# Once before: Python's own locks of modules that are being imported are not ours.
{child}
stop = False
thread = threading.Thread(target=busy, daemon=True)
thread.start()
for i in range({forks}):
    time.sleep(0.001 * (i % 7))
    child = os.fork()
    if not child:
        signal.alarm(20)
        try:
            {child}
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"{what}: child {{i}} ended with {{os.waitstatus_to_exitcode(status)}}")
stop = True
thread.join()
"""


def test_a_child_of_a_process_with_a_busy_thread_ends(tmp_path, datastores):
    write_part(tmp_path, "S", "1", images(0, 4))
    paths = dict.fromkeys(BUSY, matrix_path(tmp_path, "train", "1", "S"))
    paths["pickles"] = next((datastores / "small_neo0146_np24").glob("*/Segment0.pickle"))
    code = START
    for what, (busy, child) in BUSY.items():
        forks = 4 if what == "compiler" else 14
        code += SCRIPT.format(busy=busy, child=child, forks=forks, what=what, path=str(paths[what]))
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_goes_on_where_a_thread_holds_the_lock_for_ever(monkeypatch):
    monkeypatch.setattr(fork, "PATIENCE", 0.05)
    seen, done, held = [], threading.Event(), threading.Event()
    lock = fork.ForkLock(lambda: seen.append("child"))

    def hold():
        with lock:
            held.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(20)
    assert not lock.acquire(timeout=0.01)
    child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(0 if seen == ["child"] and lock.acquire(timeout=5) else 3)
    assert os.waitpid(child, 0)[1] == 0
    done.set()
    holder.join()
    with lock, lock:
        assert not seen
