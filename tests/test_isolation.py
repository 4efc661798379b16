"""Running the tests touches nothing of the user's, whatever the user has set for work of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conftest import spikebin, write_toml

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

HERE = Path(__file__).parent


def contents(directory):
    return {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_a_config_that_the_user_has_set_is_not_used(tmp_path):
    """What the tests of `exclude` and `missing` name is in this data set, too: they would find it."""
    own = tmp_path / "own"
    write_datastore(own / "data", Experiment(100, 1, sheets=(SheetModel("X_ON", 3),)))
    config = write_toml(own / "spikebin.toml", own / "data", 'sheets = ["X_ON"]')
    assert spikebin("plan", cwd=own).returncode == 0
    before = contents(tmp_path)
    users = {
        "SPIKEBIN_CONFIG": str(config),
        "SPIKEBIN_SHEETS": "V1",
        "SLURM_ARRAY_TASK_ID": "7",
        "SBATCH_EXPORT": "NONE",
        "SQUEUE_FORMAT": "%i",
        "XDG_CACHE_HOME": str(own / "cache"),
        "NUMBA_CACHE_DIR": str(own / "numba"),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "tests/cli/test_cli.py",
    ]
    result = subprocess.run(
        [*command, "-k", "start_at_once"],
        cwd=HERE.parent,
        env={**os.environ, **users},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "4 passed" in result.stdout
    assert contents(tmp_path) == before
