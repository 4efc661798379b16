"""A plan tries what it freezes: one error instead of five hundred jobs that fail."""

from __future__ import annotations

import json

import pytest
from conftest import one_line_error, write_toml
from here import spikebin_here

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel


@pytest.fixture
def stores(tmp_path):
    for first in range(0, 500, 100):
        write_datastore(tmp_path / "data", Experiment(first, 2, sheets=(SheetModel("X_ON", 3), SheetModel("X_OFF", 3))))
    return tmp_path


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ('sheets = ["X_ON", "V2"]', ["V2"]),
        ('[trial]\nstimulus = "Grating"', ["Grating"]),
        ('[trial]\nimage_id = "image_paht"', ["image_paht"]),
        ("[binning]\nwidth = 1e-7", ["bins", "wider"]),
    ],
)
def test_what_would_fail_in_every_job_is_one_error_and_nothing_is_planned(stores, extra, words):
    write_toml(stores / "spikebin.toml", stores / "data", extra)
    one_line_error(spikebin_here("plan", cwd=stores), "nothing is planned", *words)
    assert not (stores / "dataset").exists()


def test_one_damaged_recording_is_named_and_the_plan_is_made(stores):
    store = next((stores / "data").glob("*_from_0_*"))
    (store / "datastore.recordings.pickle").write_bytes(b"not a pickle")
    write_toml(stores / "spikebin.toml", stores / "data", 'sheets = ["X_ON"]')
    result = spikebin_here("plan", cwd=stores)
    assert result.returncode == 0
    assert "warning: train/0: " in result.stderr
    assert (stores / "dataset" / "jobs.csv").exists()


def test_check_opens_every_recording(stores):
    store = next((stores / "data").glob("*_from_300_*"))
    (store / "datastore.recordings.pickle").write_bytes(b"not a pickle")
    write_toml(stores / "spikebin.toml", stores / "data", 'sheets = ["X_ON"]')
    assert spikebin_here("plan", cwd=stores).returncode == 0
    result = spikebin_here("plan", "--check", cwd=stores)
    assert result.returncode == 1
    assert "would fail: train/300: " in result.stderr
    assert "4 of 5 jobs would run" in result.stderr
    answer = json.loads(spikebin_here("plan", "--check", "--json", cwd=stores).stdout)
    assert [text.partition(":")[0] for text in answer["would_fail"]] == ["train/300"]
