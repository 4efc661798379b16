"""A data set as if it were a recording: phases one after the other, each spike in the middle of its bin."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import images, write_part
from exports.shards import read_shard

from spikebin import open_dataset
from spikebin.dataset.sheet_set import SheetSet
from spikebin.errors import DatasetError
from spikebin.exports.experanto.binned import BinnedTimeline, shards_of_dataset
from spikebin.exports.experanto.settings import ShardSettings

IMAGES = images(10, 2, repeats=2)


@pytest.fixture
def sheets(tmp_path):
    dense = {name: write_part(tmp_path, name, "1", IMAGES, values="count") for name in ("X_ON", "X_OFF")}
    return open_dataset(tmp_path), dense


def parts_of(sheets):
    return {name: parts[0] for name, parts in sheets.parts().items()}


def test_each_spike_is_at_the_middle_of_its_bin(sheets):
    opened, dense = sheets
    read = []
    timeline = BinnedTimeline(parts_of(opened), lambda *progress: read.append(progress))
    assert [(s.kind, s.start, s.stop) for s in timeline.stretches[:3]] == [
        ("blank", 0.0, 5.0), ("image", 5.0, 17.0), ("blank", 17.0, 22.0),
    ]  # fmt: skip
    in_time = np.argsort([one.order for one in IMAGES])
    flat = dense["X_ON"][in_time].transpose(1, 0, 2).reshape(6, -1)
    expected = [np.repeat(np.arange(flat.shape[1]) + 0.5, row).tolist() for row in flat]
    found = timeline.spikes("X_ON")
    assert found.times.tolist() == pytest.approx([time for row in expected for time in row])
    assert found.counts.tolist() == [len(row) for row in expected]
    assert read == [(i, 8) for i in range(1, 5)]


def test_a_part_becomes_a_shard_once(sheets, tmp_path):
    opened, dense = sheets
    (made,) = shards_of_dataset(opened, tmp_path / "out", ShardSettings())
    spikes, screen, _ = read_shard(made.path)
    assert made.path == tmp_path / "out" / "train" / "1"
    assert len(spikes) == sum(int(one.sum()) for one in dense.values())
    assert len(screen) == 8
    (again,) = shards_of_dataset(opened, tmp_path / "out", ShardSettings())
    assert again.skipped


def test_sheets_with_other_trials_are_refused(tmp_path):
    write_part(tmp_path, "X_ON", "1", images(10, 2))
    write_part(tmp_path, "X_OFF", "1", images(20, 2))
    alone = (SheetSet({name: open_dataset(tmp_path, sheet=name)}, {}) for name in ("X_ON", "X_OFF"))
    parts = {name: part for sheet in alone for name, (part,) in sheet.parts().items()}
    with pytest.raises(DatasetError, match="other trials than X_ON: export each with --sheet"):
        BinnedTimeline(parts)
