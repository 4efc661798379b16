"""What is missing, and why."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import write_toml
from here import export_here, spikebin_here

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import V1, SheetModel

SHEETS = (SheetModel("X_ON", 3), SheetModel("V1_Inh_L2/3", 4))


def add_part(root, first, sheets=SHEETS, n_images=1):
    return write_datastore(root, Experiment(first, n_images, sheets=sheets))


def names_only(root, *parts):
    """Directories that hold nothing: all that a plan needs when the sheets are given."""
    for part in parts:
        (root / f"NewDataset_Images_from_{part}_to_x").mkdir(parents=True)


def test_missing_prints_one_line_that_sbatch_takes(tmp_path):
    for first in (100, 200, 300):
        add_part(tmp_path / "data", first)
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data", recordings_extra="exclude = [200]")
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    result = spikebin_here("missing", "--sheet", "V1_Inh_L23", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "0,2\n")
    assert "excluded: train/200: listed in spikebin.toml" in result.stderr
    assert spikebin_here("job", 0, "--sheet", "V1_Inh_L2/3", cwd=tmp_path).returncode == 0
    assert spikebin_here("missing", "--sheet", "V1_Inh_L23", cwd=tmp_path).stdout == "2\n"
    assert spikebin_here("missing", cwd=tmp_path).stdout == "0,2\n"
    for index in (0, 2):
        assert spikebin_here("job", index, cwd=tmp_path).returncode == 0
    result = spikebin_here("missing", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "")
    status = json.loads(spikebin_here("status", "--json", cwd=tmp_path).stdout)
    assert [row["states"]["done"] for row in status["rows"]] == [2, 2]
    assert [row["states"]["excluded"] for row in status["rows"]] == [1, 1]


def test_what_failed_often_is_left_out_and_named(tmp_path):
    names_only(tmp_path / "data", 100)
    add_part(tmp_path / "data", 200)
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data", 'sheets = ["X_ON"]')
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    assert spikebin_here("job", 1, cwd=tmp_path).returncode == 0
    for _ in range(2):
        result = spikebin_here("job", 0, cwd=tmp_path)
        assert result.returncode == 1
        assert "none of the known formats" in result.stderr
    assert spikebin_here("missing", cwd=tmp_path).stdout == "0\n"
    result = spikebin_here("missing", "--max-failures", 2, cwd=tmp_path)
    assert result.stdout == ""
    assert "train/100 X_ON" in result.stderr
    assert "failed 2 times" in result.stderr
    answer = json.loads(spikebin_here("missing", "--json", cwd=tmp_path).stdout)
    assert answer["indices"] == [0]
    assert answer["sheets"][0]["failures"] == 2


@pytest.mark.parametrize("kind", ["mozaik", "csv", "npz"])
def test_a_plan_says_within_a_factor_of_two_what_its_files_will_take(tmp_path, kind):
    if kind == "mozaik":
        for first in (100, 200):
            add_part(tmp_path / "data", first, sheets=tuple(replace(model, n_neurons=60) for model in V1), n_images=3)
        write_toml(tmp_path / "spikebin.toml", tmp_path / "data")
    else:
        rng = np.random.default_rng(0)
        (tmp_path / "data").mkdir()
        for part in range(2):
            times, neurons = np.sort(rng.uniform(0, 600, 200_000)), rng.integers(0, 80, 200_000)
            path = tmp_path / "data" / f"s{part}.{kind}"
            if kind == "npz":
                np.savez(path, times=times, neurons=neurons)
            else:
                np.savetxt(path, np.c_[times, neurons], ["%.4f", "%d"], ",", header="time_s,neuron", comments="")
        (tmp_path / "events.csv").write_text("cue_s\n" + "\n".join(str(k) for k in range(1, 599)))
        trial = f'[trial]\nevents = "{tmp_path}/events.csv"\nalign_to = "cue_s"\nwindow = [-200, 500]\n'
        write_toml(
            tmp_path / "spikebin.toml",
            tmp_path / "data",
            parts=f"s{{part}}.{kind}",
            recordings_extra='format = "arrays"\n' + ('unit = "s"\n' if kind == "npz" else ""),
            extra=f"{trial}[binning]\nwidth = 5.0\nend_bin = false",
        )
    guess = json.loads(spikebin_here("plan", "--json", cwd=tmp_path).stdout)["bytes"]
    export_here(tmp_path)
    taken = sum(path.stat().st_size for path in (tmp_path / "dataset").rglob("*.h5"))
    assert taken / 2 < guess < taken * 2
    assert json.loads(spikebin_here("plan", "--json", cwd=tmp_path).stdout)["bytes"] == pytest.approx(taken, rel=0.05)
