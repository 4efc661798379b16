"""The table of status: the columns that there is something to say in, names whole on any terminal."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from here import spikebin_here

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel
from spikebin.system.files import os_error

LONG = "V1_Exc_L2/3_of_a_name_that_takes_much_of_a_line"
CONFIG = (
    'output = "dataset"\n[[recordings]]\nvariant = "train"\nroot = "."\nparts = "NewDataset_Images_from_{part}_to_*"\n'
)


@pytest.fixture(scope="module")
def data_set(tmp_path_factory):
    """Two parts: one has failed, the other is excluded."""
    directory = tmp_path_factory.mktemp("status")
    for i in range(2):
        part = write_datastore(directory, Experiment(100 * i, 1, sheets=(SheetModel("X_ON", 3), SheetModel(LONG, 3))))
    (directory / "spikebin.toml").write_text(CONFIG)
    assert spikebin_here("plan", cwd=directory).returncode == 0
    assert spikebin_here("exclude", "train/0", "--reason", "lost", cwd=directory).returncode == 0
    for segment in part.glob("Segment*.pickle"):
        segment.write_bytes(b"")
    assert spikebin_here("job", "1", cwd=directory, env={"SPIKEBIN_LOG": "/logs/1_1.log"}).returncode == 1
    return directory


def status(directory, columns, *options, terminal):
    environment = {"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "xterm"}
    if terminal:
        environment["FORCE_COLOR"] = "1"
    result = spikebin_here("status", *options, cwd=directory, env=environment)
    assert result.returncode == 0, result.stderr
    return [line.rstrip() for line in result.stdout.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()]


def test_only_states_that_occur_have_a_column(data_set):
    [header] = [line for line in status(data_set, 200, terminal=True) if "variant" in line]
    assert header.split() == ["sheet", "variant", "done", "failed", "excluded", "spikes", "collisions", "size"]


def test_a_narrow_terminal_loses_no_column_and_no_letters_of_names(data_set):
    lines = status(data_set, 90, terminal=True)
    assert f"{LONG} train" in lines
    assert "  done 0, failed 1, excluded 1, spikes 0, collisions 0, size 0 bytes" in lines
    assert any(LONG in line for line in status(data_set, 40, terminal=True))


def test_a_pipe_gets_one_line_for_each_trouble(data_set):
    lines = status(data_set, 40, "--list", terminal=False)
    [line] = [line for line in lines if LONG in line and "Segment" in line]
    assert "is empty" in line
    assert line.endswith("(log: /logs/1_1.log)")
    assert [line.split() for line in lines if "train/0" in line] == [["0", "train/0", "all", "excluded", "0", "lost"]]


def test_neither_status_nor_missing_imports_what_takes_long(data_set):
    code = (
        "import sys; from spikebin.cli import main; sys.argv = ['spikebin', {!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({{'numpy', 'numba', 'tables', 'blosc2', 'llvmlite'}} & set(sys.modules)))"
    )
    for command in ("status", "missing"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(command)], cwd=data_set, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("number", "words", "code"),
    [
        (errno.ESTALE, "stale handle", 1),
        (errno.ENOLCK, "HDF5_USE_FILE_LOCKING", 1),
        (errno.EDQUOT, "make room", 3),
        (errno.ENOSPC, "make room", 3),
    ],
)
def test_what_network_file_systems_say(number, words, code):
    error = os_error(OSError(number, "words of the system"), Path("/data/x.h5"))
    assert "/data/x.h5" in str(error)
    assert words in str(error)
    assert error.exit_code == code
