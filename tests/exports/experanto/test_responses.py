"""Responses of a shard: each spike once, unit after unit; or counts in bins of equal width."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from exports.experanto.shown import Shown

from spikebin.exports.experanto.responses import write_sequence, write_spikes
from spikebin.exports.experanto.settings import ShardSettings

SHOWN = Shown()


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def meta_of(folder):
    return yaml.safe_load((folder / "meta.yml").read_text())


def test_exact_times_in_seconds(folder):
    written = write_spikes(SHOWN, folder, ShardSettings())
    assert (written.n_units, written.n_spikes, written.n_outside, written.on_grid) == (4, 5, 2, True)
    assert np.load(folder / "spikes.npy").tolist() == [0.001, 0.0095, 0.02, 0.004, 0.01]
    meta = meta_of(folder)
    assert meta["spike_indices"] == [0, 3, 3, 4, 5]
    assert (meta["sheet_unit_indices"], meta["end_time"], meta["trial_id"]) == ([0, 3, 4], 0.02, 3)


def test_counts_in_bins_with_their_means(folder):
    write_sequence(SHOWN, folder, ShardSettings("sequence", 10.0))
    data = np.load(folder / "data.npy")
    # A spike at exactly the end counts in the last bin.
    assert data.tolist() == [[2, 0, 1, 0], [1, 0, 0, 1]]
    assert np.load(folder / "meta" / "means.npy").tolist() == [data.mean(axis=0).tolist()]
    np.testing.assert_allclose(np.load(folder / "meta" / "stds.npy")[0], data.std(axis=0))
    assert meta_of(folder)["n_timestamps"] == 2
