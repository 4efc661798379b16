"""Shards and NWB files by command: what is written, what is there already, and what does not go together."""

from __future__ import annotations

import json

import pytest
from here import spikebin_here

from spikebin.cli.recorded import indices_of, refuse
from spikebin.errors import SpikebinError


def test_shards_of_a_plan(place):
    command = ["export", "experanto", "shards"]
    result = spikebin_here(*command, cwd=place)
    assert (result.returncode, result.stdout) == (0, "2 written, 0 there already, 0 failed\n"), result.stderr
    assert "have no frames in their shards: --frames DIR takes them along" in result.stderr
    again = json.loads(spikebin_here(*command, "--json", cwd=place).stdout)
    assert [one["part"] for one in again] == ["train/0", "train/100"]
    assert all(shard["skipped"] for one in again for shard in one["shards"])


def test_options_that_do_not_go_together():
    refuse("nwb", {"--step": None, "--force": False}, "it has no bins")
    with pytest.raises(SpikebinError, match="nwb takes no --step: it has no bins"):
        refuse("nwb", {"--step": 20}, "it has no bins")
    assert indices_of(None) is None
    assert [index for part in indices_of("3,7-9") for index in part] == [3, 7, 8, 9]
