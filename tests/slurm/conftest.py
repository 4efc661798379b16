"""A real Slurm of one node, and data sets for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import spikebin
from local_slurm import (
    LOCAL_SLURM,
    LONG_SHEETS,
    SHEETS,
    ask,
    cannot,
    files,
    make_data_set,
    make_long_data_set,
    stop_in_the_middle,
    submit,
)

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel


@pytest.fixture(scope="session")
def running_slurm():
    """A running Slurm that takes array indices below 3: its directory."""
    if os.getuid() != 0:
        cannot("a Slurm of one node must be started by root")
    if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        cannot("Slurm is not installed: run tests/slurm/local-slurm install as root")
    # Slurm's sockets must have short names.
    directory = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    started = subprocess.run(
        [LOCAL_SLURM, "start", directory, "MaxArraySize=3", "MessageTimeout=5"],
        capture_output=True,
        text=True,
        check=False,
    )
    if started.returncode:
        shutil.rmtree(directory)
        cannot(f"Slurm does not start here: {started.stderr.strip()}")
    try:
        assert spikebin("warm", timeout=600).returncode == 0
        yield directory
    finally:
        subprocess.run([LOCAL_SLURM, "stop", directory], check=True)
        shutil.rmtree(directory)


@contextmanager
def found(directory):
    """Commands find the Slurm of this directory, as SLURM_CONF says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(directory / "slurm.conf"))
        # The tasks must find the spikebin under test, as a user's environment would let them.
        patch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        patch.setenv("PYTHONPATH", str(Path(__file__).parent.parent.parent))
        yield


@pytest.fixture(scope="module")
def slurm(running_slurm):
    """The running Slurm, found by commands: its directory."""
    with found(running_slurm):
        yield running_slurm


@pytest.fixture(scope="session")
def ended(running_slurm, tmp_path_factory, recordings):
    """A task that ran into its time limit and one that was cancelled, each in the middle of its work."""
    with found(running_slurm):
        directory = make_long_data_set(tmp_path_factory.mktemp("ended"), recordings)
        [job_id] = submit(directory)["ids"]
        stop_in_the_middle(directory, 0, 1)
        # Slurm looks for such every 30 s: other tests run meanwhile.
        # Not "now": where a second has begun since scontrol looked at its clock, that is refused as past.
        ask("scontrol", "update", f"JobId={job_id}_0", "EndTime=now+2")
        ask("scancel", f"{job_id}_1")
    return directory, job_id


@pytest.fixture(scope="session")
def requeued(running_slurm, tmp_path_factory, recordings):
    """A task that was requeued in the middle of its work, and the files that it had finished.

    Slurm holds it back for some seconds: other tests run meanwhile.
    """
    with found(running_slurm):
        directory = make_long_data_set(tmp_path_factory.mktemp("requeued"), recordings)
        [job_id] = submit(directory, "--", "--requeue")["ids"]
        stop_in_the_middle(directory, 0)
        before = {path: facts for path, facts in files(directory).items() if path.stem.endswith("_0")}
        ask("scontrol", "requeue", f"{job_id}_0")
    return directory, job_id, before


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """A small datastore, and one whose export takes some seconds."""
    root = tmp_path_factory.mktemp("recordings")
    small = Experiment(0, 2, sheets=tuple(SheetModel(name, 5 + 5 * i) for i, name in enumerate(SHEETS)))
    long = Experiment(0, 4, sheets=tuple(SheetModel(name, 100) for name in LONG_SHEETS))
    return write_datastore(root / "small", small), write_datastore(root / "long", long)


@pytest.fixture
def data_set(tmp_path, recordings):
    return make_data_set(tmp_path / "small", recordings[0], 2)


@pytest.fixture
def one_part(tmp_path, recordings):
    """A data set of one task."""
    return make_data_set(tmp_path / "one", recordings[0], 1)


@pytest.fixture
def long_data_set(tmp_path, recordings):
    return make_long_data_set(tmp_path, recordings)
