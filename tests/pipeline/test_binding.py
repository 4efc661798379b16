"""What the plan binds: a setting that changes the matrix, and recordings that changed, are told and never mixed."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from conftest import one_line_error
from here import export_here, spikebin_here

from spikebin import open_dataset, open_file
from spikebin.matrixfile.seal import read_seal
from spikebin.output.paths import matrix_path
from spikebin.output.state import State, survey
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import load_plan

CONFIG = """output = "dataset"
[binning]
width = 1.0
end_bin = false
values = "count"
[trial]
events = "events_{part}.csv"
window = [0, 1000]
[[recordings]]
variant = "train"
root = "sessions"
parts = "s_{part}.npz"
format = "arrays"
unit = "ms"
times = "t"
neurons = "neuron"
"""


@pytest.fixture
def data_set(tmp_path):
    (tmp_path / "sessions").mkdir()
    for part in range(2):
        np.savez(tmp_path / f"sessions/s_{part}.npz", t=np.arange(100) / 10, neuron=np.arange(100) % 4)
        (tmp_path / f"events_{part}.csv").write_text("onset_ms\n0\n")
    (tmp_path / "spikebin.toml").write_text(CONFIG)
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    assert spikebin_here("job", "0", cwd=tmp_path).returncode == 0
    return tmp_path


def states(directory, *, deep=False):
    plan = load_plan(load_config(directory / "spikebin.toml"))
    return [(found.job.part, found.state, found.reason) for found in survey(plan, deep=deep)]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('unit = "ms"', 'unit = "s"', "unit"),
        ('unit = "ms"', 'unit = "samples"\nrate = 1000', "unit"),
        ('unit = "ms"', 'unit = "ms"\nids = "0-2"', "ids"),
        ('times = "t"', 'times = "neuron"', "times"),
    ],
)
def test_how_recordings_are_read_is_bound_by_the_plan(data_set, old, new, key):
    path = data_set / "spikebin.toml"
    path.write_text(CONFIG.replace(old, new))
    for command in ("plan", "run", "status", "missing"):
        one_line_error(spikebin_here(command, cwd=data_set), key, "set it back", "plan --replace")
    assert spikebin_here("plan", "--replace", cwd=data_set).returncode == 0
    path.write_text(CONFIG)
    one_line_error(spikebin_here("plan", cwd=data_set), key)


def test_files_that_were_read_otherwise_are_made_again(data_set):
    path = data_set / "spikebin.toml"
    path.write_text(CONFIG.replace('unit = "ms"', 'unit = "s"'))
    assert spikebin_here("plan", "--replace", cwd=data_set).returncode == 0
    assert [state for _, state, _ in states(data_set)] == [State.BROKEN, State.MISSING]
    assert "settings of [[recordings]]" in states(data_set)[0][2]
    export_here(data_set)
    sums = open_dataset(data_set / "dataset", sheet="neurons").to_numpy().sum(axis=(1, 2)).tolist()
    # 0 to 9.9 s: ten spikes within the second.
    assert sums == [10, 10]


def test_the_seal_says_how_a_recording_was_read(data_set):
    seal = read_seal(matrix_path(data_set / "dataset", "train", "0", "neurons"))
    assert seal.reading == {"format": "arrays", "unit": "ms", "times": "t", "neurons": "neuron"}
    assert seal.n_unassigned == 0


def test_a_plan_of_the_first_release_binds_no_reading_until_it_is_drawn_again(data_set):
    plan = data_set / "dataset" / "plan.json"
    stored = json.loads(plan.read_text())
    del stored["recordings"]
    plan.write_text(json.dumps(stored))
    assert spikebin_here("status", cwd=data_set).returncode == 0
    assert spikebin_here("plan", cwd=data_set).returncode == 0
    assert "recordings" in json.loads(plan.read_text())


@pytest.mark.parametrize("name", ["sessions/s_0.npz", "events_0.csv"])
@pytest.mark.parametrize("how", ["newer", "larger"])
def test_a_recording_or_table_that_changed_since_the_export_is_told(data_set, name, how):
    assert states(data_set)[0] == ("0", State.DONE, "")
    path = data_set / name
    if how == "newer":
        stat = path.stat()
        os.utime(path, (stat.st_atime, stat.st_mtime + 10))
    else:
        stat = path.stat()
        path.write_bytes(path.read_bytes() + b"\n")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    part, state, reason = states(data_set)[0]
    assert (part, state) == ("0", State.DONE)
    assert "spikebin job 0 --force" in reason
    result = spikebin_here("status", cwd=data_set)
    assert "--force" in result.stdout + result.stderr
    assert "--force" in spikebin_here("missing", "--deep", cwd=data_set).stderr


def test_a_mozaik_recording_that_bin_made_goes_across_its_blanks(tmp_path, datastores):
    """It was sealed as if its trials had been cut out around events, and refused."""
    store = next((datastores / "small_neo012_np126_p4default").iterdir())
    result = spikebin_here("bin", store, "--sheet", "X_ON", "--width", "1", "--end-bin", "--out", tmp_path / "x.h5")
    assert result.returncode == 0, result.stderr
    from spikebin.dataset.dataset import Dataset

    view = Dataset([open_file(tmp_path / "x.h5")]).window(0, 712, across=True, short="cut")
    assert view.trials["n_bins"].max() == 712
