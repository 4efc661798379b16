"""Commands on a config as one Python call each, from init to clean."""

from __future__ import annotations

import pytest
from workers import forked_workers

import spikebin
from spikebin.errors import SpikebinError


def test_a_config_from_init_to_clean(tmp_path):
    config = spikebin.demo(tmp_path / "demo", parts=2, scale=0.002)
    config.unlink()
    root = config.parent / "recordings"
    found = spikebin.init(root / "train", variants={"test": root / "test"}, config=config)
    assert [(one.variant, one.parts) for one in found] == [("train", 2), ("test", 1)]
    plan, changes = spikebin.plan(config)
    assert (len(plan.jobs), changes.parts) == (3, 3)
    assert spikebin.missing(str(config)) == [0, 1, 2]
    outcomes = spikebin.job(0, config, sheets=["X_ON"], threads=1)
    assert [(one.sheet, one.exported) for one in outcomes] == [("X_ON", True)]
    assert spikebin.missing(config, sheet="X_ON", variant="train") == [1]
    with pytest.raises(SpikebinError, match="limit needs out"):
        spikebin.job(0, config, limit=1)
    assert spikebin.job(1, config, limit=1, sheets=["X_ON"], out=tmp_path / "try")[0].header.limit == 1
    spikebin.exclude("train/50100", "tired", config=config)
    assert spikebin.missing(config, variant="train") == [0]
    spikebin.exclude("train/50100", undo=True, config=config)
    seen = []
    with forked_workers():
        outcomes = spikebin.run(config, workers=1, sheet="X_ON", on_outcome=seen.append)
    assert outcomes == seen
    assert {str(one.state) for one in seen} == {"done"}
    rows = spikebin.status(config, sheet="X_ON").as_dict()["rows"]
    assert rows
    assert spikebin.clean(config, dry_run=True) == spikebin.clean(config) == []
    assert all(not checked.error for checked in spikebin.verify(config=config))
    assert "#SBATCH" in spikebin.template("run.sbatch")
