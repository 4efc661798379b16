"""All that a page says: gathered from a plan's states, and what cannot be read is said and stops nothing."""

from __future__ import annotations

import shutil

import pytest
from conftest import write_toml

from spikebin import open_dataset
from spikebin.output.paths import STATS, matrix_path
from spikebin.output.state import survey
from spikebin.pipeline.config import load_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import make_plan
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel
from spikebin.stats.overview import gather


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    place = tmp_path_factory.mktemp("overview")
    for first in (0, 100):
        write_datastore(place / "data", Experiment(first, 1, 2, sheets=(SheetModel("X_ON", 4), SheetModel("L2/3", 3))))
    config = load_config(write_toml(place / "spikebin.toml", "data"))
    plan, _ = make_plan(config)
    for job in plan.jobs:
        assert all(outcome.exported for outcome in run_job(plan, job))
    return plan


def test_numbers_are_those_of_the_data_set(plan):
    read = []
    found = gather(plan, lambda: list(survey(plan)), config=plan.config.path, threads=2, on_part=lambda: read.append(1))
    assert [(cell.part, cell.sheet, cell.state) for cell in found.cells] == [
        ("0", "X_ON", "done"), ("0", "L2/3", "done"), ("100", "X_ON", "done"), ("100", "L2/3", "done"),
    ]  # fmt: skip
    assert len(read) == 4
    for one in found.sheets:
        view = open_dataset(plan.output, "train", sheet=one.sheet)
        assert (one.n_parts, one.n_counted, one.troubles) == (2, 2, [])
        assert one.n_binned == view.to_numpy().sum()
        assert [name for name, _ in one.phases] == ["blank", "image"]
        assert one.raster.n_neurons == view.shape[1]
        assert one.raster.rows.size == view[0].sum()
    assert dict(found.provenance)["output"] == str(plan.output)
    assert dict(found.provenance)[str(plan.config.path)] == plan.config.path.read_text()


def test_a_damaged_file_is_said_and_the_others_are_counted(plan):
    path = matrix_path(plan.output, "train", "100", "X_ON")
    whole = path.read_bytes()
    shutil.rmtree(plan.output / STATS, ignore_errors=True)
    path.write_bytes(whole[:5000] + bytes(len(whole) - 5100) + whole[-100:])
    try:
        found = gather(plan, lambda: list(survey(plan)))
    finally:
        path.write_bytes(whole)
    (one,) = (one for one in found.sheets if one.sheet == "X_ON")
    assert one.n_counted == 1
    assert [cell.state for cell in found.cells if cell.sheet == "X_ON"] == ["done", "broken"]
