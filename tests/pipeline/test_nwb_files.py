"""NWB files of a plan: one that fails stops no other, and none is written into the data set."""

from __future__ import annotations

import pytest
from conftest import write_toml

from spikebin.errors import PlanError
from spikebin.pipeline.config import load_config
from spikebin.pipeline.nwb_files import nwb_jobs, write_nwb_files
from spikebin.pipeline.plan import make_plan
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel


@pytest.fixture
def plan(tmp_path):
    pytest.importorskip("pynwb")
    for first in (0, 100):
        path = write_datastore(tmp_path / "data", Experiment(first, 1, sheets=(SheetModel("X_ON", 2),)))
    (path / "Segment0.pickle").write_bytes(b"")
    return make_plan(load_config(write_toml(tmp_path / "spikebin.toml", "data")))[0]


def test_one_failure_stops_no_other(plan, tmp_path):
    jobs = nwb_jobs(plan)
    read = []
    done, failed = write_nwb_files(plan, jobs, tmp_path / "out", on_read=lambda *progress: read.append(progress))
    assert done.file.path == tmp_path / "out" / "train" / "0.nwb"
    assert done.file.path.is_file()
    assert read[:2] == [(1, 2), (2, 2)]
    assert failed.file is None
    assert failed.trouble.startswith("train/100: Segment0.pickle")
    (again, _) = write_nwb_files(plan, jobs, tmp_path / "out")
    assert again.file.skipped


def test_what_is_asked_for_must_be_in_the_plan(plan, tmp_path):
    assert [job.index for job in nwb_jobs(plan, variant="train", indices=[1])] == [1]
    with pytest.raises(PlanError, match="lies in the data set"):
        list(write_nwb_files(plan, [], plan.output / "nwb"))
    with pytest.raises(PlanError, match="X_OFF"):
        list(write_nwb_files(plan, [], tmp_path / "out", sheets=["X_OFF"]))
