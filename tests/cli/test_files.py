"""Commands for matrix files: what is in one is shown."""

from __future__ import annotations

import re

from conftest import spikebin, write_toml

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel


def test_inspect_shows_what_is_in_a_file(tmp_path):
    write_datastore(tmp_path / "data", Experiment(100, 2, sheets=(SheetModel("V1_Exc_L2/3", 30),)))
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data")
    for command in (["plan"], ["job", "0"]):
        assert spikebin(*command, cwd=tmp_path).returncode == 0
    path = "dataset/train/spikes/V1_Exc_L23/spikes_V1_Exc_L23_100.h5"
    result = spikebin("inspect", path, "--trial", 1, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for word in (
        "2 trials x 30 neurons x 712 bins",
        "2 images, 1 repeat, 712 bins each",
        "blank 150 ms in bins 0 to 150",
        "Hz a neuron",
        "collisions",
        "trial 1: image 101",
    ):
        assert word in result.stdout
    narrow = spikebin("inspect", path, cwd=tmp_path, env={"COLUMNS": "40"})
    assert re.search(r"^content +[0-9a-f]{64} *$", narrow.stdout, re.MULTILINE), "a pipe is not folded"
    bad = spikebin("inspect", path, "--trial", 2, cwd=tmp_path)
    assert bad.returncode == 1
    assert "Traceback" not in bad.stderr
