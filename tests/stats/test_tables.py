"""Tables of statistics."""

from __future__ import annotations

import pandas as pd
import pytest
from drawn import RAGGED_PARTS

from spikebin import open_dataset
from spikebin.stats.tables import stats_tables


def test_tables(root):
    view = open_dataset(root, sheet="X_ON")
    stats = view.stats([1, 5])
    frames = stats.to_pandas()
    assert set(frames) == set(stats_tables(stats))
    n_trials, n_neurons, _ = view.shape
    lengths = {name: len(frame) for name, frame in frames.items()}
    assert lengths["trials"] == 2 * n_trials
    assert lengths["neurons"] == n_neurons
    assert lengths["neuron_counts"] == 2 * n_neurons
    assert lengths["correlations"] == 2 * n_neurons * (n_neurons - 1) // 2
    assert lengths["parts"] == len(RAGGED_PARTS)
    for frame in frames.values():
        assert (frame["variant"] == "train").all()
        assert (frame["sheet"] == "X_ON").all()
    trials = frames["trials"]
    assert trials[trials["width_ms"] == 5]["total"].tolist() == stats[5].totals.tolist()
    histograms = frames["histograms"]
    cells = histograms[(histograms["of"] == "neuron, trial and bin") & (histograms["width_ms"] == 1)]
    assert cells["n"].sum() == n_neurons * view.trials["n_bins"].sum()
    assert (cells["n"] * cells["count"]).sum() == stats[1].totals.sum()
    assert isinstance(trials, pd.DataFrame)
    parts = frames["parts"].set_index("part")
    for part in RAGGED_PARTS:
        mine = view.take(view.trials["part"] == part)
        assert parts.loc[part, "rate_hz"] == pytest.approx(mine.rates().mean())
