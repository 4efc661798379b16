"""A data set of two parts and two sheets, all done, with its config: made once, and copied where a test changes it."""

from __future__ import annotations

import shutil

import pytest
from conftest import write_toml

from spikebin.pipeline.config import load_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import make_plan
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel


@pytest.fixture(scope="session")
def done(tmp_path_factory):
    """Its directory; nothing in it is changed."""
    place = tmp_path_factory.mktemp("done")
    sheets = (SheetModel("X_ON", 4), SheetModel("V1_Exc_L2/3", 3))
    for first in (0, 100):
        write_datastore(place / "data", Experiment(first, 2, sheets=sheets))
    plan, _ = make_plan(load_config(write_toml(place / "spikebin.toml", "data")))
    for job in plan.jobs:
        assert all(outcome.exported for outcome in run_job(plan, job))
    return place


@pytest.fixture
def place(done, tmp_path):
    """A copy of it, to be changed."""
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    return tmp_path
