"""The parts of a plan as all that was presented in them: opened by sheet, known by their files."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import write_toml

from spikebin.errors import RecordingError
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import make_plan
from spikebin.pipeline.timelines import Meter, open_timeline
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

SHEETS = (SheetModel("X_ON", 3), SheetModel("L2/3", 2))


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    place = tmp_path_factory.mktemp("timelines")
    write_datastore(place / "data", Experiment(0, 2, sheets=SHEETS))
    return make_plan(load_config(write_toml(place / "spikebin.toml", "data")))[0]


def test_all_that_was_presented_is_counted_as_it_is_read(plan):
    read = []
    meter = Meter(lambda *progress: read.append(progress))
    opened = open_timeline(plan, plan.job(0))
    timeline = opened.timeline(meter)
    meter.expect([timeline])
    assert [stretch.kind for stretch in timeline.stretches] == ["blank", "image"] * 2
    n_spikes = sum(timeline.spikes(sheet).times.size for sheet in timeline.sheets)
    assert n_spikes > 0
    assert read == [(i, 8) for i in range(1, 9)]
    assert opened.recorded.year == 2024


def test_facts_change_with_what_is_read(plan):
    facts = open_timeline(plan, plan.job(0), ["X_ON"]).facts
    (one,) = facts
    assert one["sheets"] == ["X_ON"]
    assert open_timeline(plan, plan.job(0), ["X_ON"]).facts == facts
    assert open_timeline(plan, plan.job(0)).facts != facts


def test_recordings_without_presentations_are_refused(tmp_path):
    np.savez(tmp_path / "s_1.npz", times_ms=[1.0], neurons=[1])
    (tmp_path / "spikebin.toml").write_text(
        '[[recordings]]\nvariant = "a"\nroot = "."\nparts = "s_{part}.npz"\nformat = "arrays"\n'
    )
    plan, _ = make_plan(load_config(tmp_path / "spikebin.toml"))
    with pytest.raises(RecordingError, match="does not say what was presented when"):
        open_timeline(plan, plan.job(0))
    with pytest.raises(RecordingError, match="no recording holds it yet"):
        open_timeline(plan, plan.job(0), ["other"])
