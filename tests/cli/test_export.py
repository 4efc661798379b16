"""Data sets for other programs, and compared with theirs."""

from __future__ import annotations

import io
import json
import pickle

import pytest
import scipy.io
import scipy.sparse
from conftest import one_line_error, spikebin


def dumped(path, value):
    path.write_bytes(pickle.dumps(value, 2))
    return path


@pytest.mark.slow
def test_commands_export_and_compare(exported, datastores, tmp_path):
    dataset = exported / "dataset/test"
    chosen = dumped(tmp_path / "size_10.0.pkl", {"X_ON": list(range(10))})
    result = spikebin(
        "export", "npz", tmp_path, "--dataset", dataset, "--step", 20, "--neurons-index", chosen, "--sheet", "X_ON"
    )
    assert result.returncode == 0, result.stderr
    assert "1 written, 0 there already" in result.stdout
    assert scipy.sparse.load_npz(next(tmp_path.rglob("spikes_trial_3_300053.npz"))).shape == (10, 35)
    one_line_error(spikebin("export", "zip", tmp_path, "--dataset", dataset), "zip", "npz", code=2)

    result = spikebin("compare", datastores / "oracle", "--dataset", dataset, "--sheet", "V1_Inh_L4")
    assert (result.returncode, result.stdout, result.stderr) == (0, "6 of 6 files agree\n", "")
    result = spikebin("compare", tmp_path, "--dataset", dataset, "--json")
    verdicts = json.load(io.StringIO(result.stdout))
    assert result.returncode == 1
    assert {verdict["path"].split("/")[3] for verdict in verdicts} == {"X_ON"}
    assert all("has 10 of 72 neurons" in verdict["remarks"][0] for verdict in verdicts)
    (tmp_path / "empty" / "test_dataset").mkdir(parents=True)
    one_line_error(spikebin("compare", tmp_path / "empty", "--dataset", dataset), "no spikes, trimmed_spikes")
    assert spikebin("compare", dataset, "--dataset", dataset).stdout == "6 of 6 files agree\n"
