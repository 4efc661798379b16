"""Statistics of any view equal the same worked out by numpy on its dense array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin import open_dataset
from spikebin.errors import DatasetError
from spikebin.stats.formulas import groups
from spikebin.stats.sums import add_up

views = st.tuples(
    st.none() | st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True),
    st.none() | st.lists(st.integers(0, 18), min_size=1, max_size=19, unique=True),
    st.none() | st.tuples(st.integers(-6, 8), st.integers(1, 30), st.sampled_from(["pad", "drop"])),
    st.none() | st.tuples(st.integers(1, 3), st.sampled_from(["count", "any"])),
)


def follow(view, steps):
    rows, trials, window, rebin = steps
    if window is not None:
        start, length, short = window
        try:
            view = view.window(start, start + length, across=True, short=short)
        except DatasetError:
            view = view.window(start, start + length, across=True, short="pad")
    if rebin is not None and rebin[0] <= view.shape[2]:
        view = view.rebin(rebin[0], how=rebin[1], rest="keep")
    if trials is not None:
        view = view.take([i for i in trials if i < len(view)] or [0])
    return view if rows is None else view.select(index=rows)


@pytest.fixture(scope="module")
def whole(root):
    return open_dataset(root, sheet="X_ON")


@given(steps=views, factors=st.lists(st.integers(1, 7), min_size=1, max_size=3, unique=True))
@settings(max_examples=20)
def test_any_view_is_as_numpy_has_it(whole, steps, factors):
    view = follow(whole, steps)
    dense, n_bins = view.to_numpy().astype(np.int64), view.trials["n_bins"]
    factors = [k for k in factors if k <= n_bins.max()] or [1]
    stats = view.stats([k * view.width for k in factors], sample=4)
    # A view of the end bins alone has spikes, and lasted no time.
    recorded = view.recorded().sum() or np.nan
    assert np.allclose(stats.rates, dense.sum(axis=(0, 2)) / recorded * 1000, equal_nan=True)
    assert np.allclose(stats.rates, view.rates(), equal_nan=True)
    assert stats.neurons.tobytes() == view.neurons.tobytes()
    _, group = groups(view.trials["image_id"])
    for k in factors:
        found = stats[k * view.width]
        kept = [trial[:, : n // k * k] for trial, n in zip(dense, n_bins, strict=True)]
        cells = [trial.reshape(len(trial), trial.shape[1] // k, k).sum(axis=2) for trial in kept]
        check_trials(found, cells)
        flat = np.concatenate(cells, axis=1)
        assert np.array_equal(found.neuron_counts, flat.sum(axis=1))
        check_histogram(found.trial_histogram, np.concatenate([trial.sum(axis=1) for trial in cells]))
        check_histogram(found.bin_histogram, flat.reshape(-1))
        coarse = view.rebin(k, how="count", rest="drop")
        n = max(trial.shape[1] for trial in cells)
        assert np.array_equal(found.bin_counts, coarse.to_numpy().sum(axis=(0, 1))[:n])
        assert np.allclose(found.psth, coarse.psth()[:n], equal_nan=True)
        check_images(stats, found, group)
        sampled = flat[stats.sample].astype(float)
        for i in range(len(sampled)):
            for j in range(len(sampled)):
                wanted = np.nan
                if sampled.shape[1] and sampled[i].std() and sampled[j].std():
                    wanted = np.corrcoef(sampled[i], sampled[j])[0, 1]
                assert found.correlations[i, j] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


def check_trials(found, cells):
    assert found.n_bins.tolist() == [trial.shape[1] for trial in cells]
    assert found.totals.tolist() == [trial.sum() for trial in cells]
    for i, trial in enumerate(cells):
        facts = (trial.mean(), trial.var(), (trial > 0).mean()) if trial.size else (np.nan,) * 3
        mine = found.mean[i], found.variance[i], found.synchrony[i]
        assert mine == pytest.approx(facts, rel=1e-9, abs=1e-12, nan_ok=True)
        assert found.density[i] == pytest.approx(trial.mean(axis=0).mean() if trial.size else np.nan, nan_ok=True)


def check_histogram(found, values):
    wanted = np.bincount(values) if len(values) else np.zeros(1)
    assert np.array_equal(found, wanted)


def check_images(stats, found, group):
    for i in range(len(stats.images)):
        totals = found.totals[group == i]
        assert stats.n_repeats[i] == len(totals)
        assert found.image_mean[i] == pytest.approx(totals.mean())
        assert found.image_variance[i] == pytest.approx(totals.var(), abs=1e-9)
        wanted = totals.var() / (totals.mean() + 1e-6) if len(totals) > 1 else np.nan
        assert found.fano[i] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


@given(steps=views)
@settings(max_examples=15)
def test_intervals_of_any_view(whole, steps):
    view = follow(whole, steps)
    dense = view.to_numpy().astype(np.int64)
    sums = add_up(view, [1])["all"]
    for row in range(dense.shape[1]):
        found = []
        for trial in dense[:, row]:
            found.extend(np.diff(np.repeat(np.arange(trial.size), trial)).tolist())
        assert sums.intervals[:, row].tolist() == [len(found), sum(found), sum(x * x for x in found)]
