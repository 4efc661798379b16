"""The screen of a shard: entries in time, a time for each frame, and the frames that were found."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from exports.experanto.shown import stretch
from exports.shards import read_screen

from spikebin.exports.experanto.screen import write_screen
from spikebin.exports.experanto.settings import ShardSettings

STRETCHES = [
    stretch("blank", 0.0, 50.0),
    stretch("image", 50.0, 150.0, "a.npy"),
    stretch("video", 150.0, 250.0, "b", 4),
]


def test_what_is_presented_when(tmp_path):
    (tmp_path / "frames").mkdir()
    np.save(tmp_path / "frames" / "a.npy", np.full((6, 8), 10, np.uint8))
    shard = tmp_path / "shard"
    n_without = write_screen(STRETCHES, shard / "screen", ShardSettings(frames=tmp_path / "frames", tier="test"))
    assert n_without == 1
    assert read_screen(shard) == [
        ("blank", None, 0.0, 0.05, None),
        ("image", "a.npy", 0.05, 0.15, "test"),
        ("video", "b", 0.15, 0.25, "test"),
    ]
    stamps = np.load(shard / "screen" / "timestamps.npy")
    assert stamps.tolist() == pytest.approx([0.0, 0.05, 0.15, 0.175, 0.2, 0.225, 0.25])
    assert np.load(shard / "screen" / "data" / "00001.npy").shape == (6, 8)
    entries = [yaml.safe_load((shard / "screen" / "meta" / f"{i:05d}.yml").read_text()) for i in range(4)]
    assert {tuple(entry["image_size"]) for entry in entries} == {(6, 8)}
    assert np.load(shard / "screen" / "meta" / "means.npy").tolist() == [10.0]
