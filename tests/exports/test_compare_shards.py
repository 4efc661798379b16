"""Shards against shards: cut otherwise they agree, and a spike that moved is found in its presentation."""

from __future__ import annotations

import numpy as np
import pytest
from exports.experanto.shown import Shown

from spikebin.exports.compare_shards import compare_two_shards, variants_of_shards
from spikebin.exports.experanto.settings import ShardSettings
from spikebin.exports.experanto.shard import write_shard


@pytest.fixture
def shards(tmp_path):
    for place in ("new", "old"):
        path = tmp_path / place / "train" / "1"
        write_shard(Shown(), path, tmp_path / "work", ShardSettings(), {}, parts=[("1", 2)])
    return tmp_path


def test_shards_of_the_same_agree(shards):
    assert variants_of_shards(shards / "new") == ["train"]
    (verdict,) = compare_two_shards(shards / "new", shards / "old")
    assert verdict.agrees
    assert not list((shards / "work").glob("partial*"))


def test_a_spike_that_moved_is_found(shards):
    path = shards / "old" / "train" / "1" / "responses" / "spikes.npy"
    seconds = np.load(path)
    seconds[1] += 1e-3
    np.save(path, seconds)
    (verdict,) = compare_two_shards(shards / "new", shards / "old")
    assert not verdict.agrees
    assert any("X" in remark for remark in verdict.remarks)
