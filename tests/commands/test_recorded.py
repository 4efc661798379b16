"""What was recorded, in time, as one Python call each: shards, and what they are compared with."""

from __future__ import annotations

import pytest
from conftest import write_toml

import spikebin
from spikebin.errors import SpikebinError
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    place = tmp_path_factory.mktemp("recorded")
    write_datastore(place / "data", Experiment(0, 1, sheets=(SheetModel("X_ON", 3),)))
    path = write_toml(place / "spikebin.toml", "data")
    spikebin.plan(path)
    spikebin.job(0, path, threads=1)
    return path


def test_shards_agree_with_the_data_set_and_with_each_other(config, tmp_path):
    (made,) = spikebin.export_shards(tmp_path / "shards", config)
    (shard,) = made.shards
    assert (made.trouble, shard.skipped) == ("", False)
    (verdict,) = spikebin.compare_shards(spikebin.open_dataset(config.parent / "dataset"), tmp_path / "shards")
    assert verdict.agrees
    assert all(one.agrees for one in spikebin.compare_two_shards(tmp_path / "shards", tmp_path / "shards"))
    dataset = config.parent / "dataset"
    assert [one.agrees for one in spikebin.compare_datasets(dataset, dataset)] == [True]


def test_what_is_not_in_the_plan_is_refused(config, tmp_path):
    with pytest.raises(SpikebinError, match="validation"):
        spikebin.export_shards(tmp_path / "shards", config, variant="validation")
    with pytest.raises(SpikebinError, match="X_OFF"):
        spikebin.export_shards(tmp_path / "shards", config, sheets=["X_OFF"])
    assert not (tmp_path / "shards").exists()
