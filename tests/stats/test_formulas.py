"""Formulas of statistics, as the textbooks have them."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.stats.formulas import reliability, robust_z
from spikebin.stats.sums import sample_rows


def test_reliability_is_the_share_of_variance_between_images():
    rng = np.random.default_rng(0)
    images, repeats = 400, 5
    group = np.repeat(np.arange(images), repeats)
    signal, noise = rng.normal(0, 3, images), rng.normal(0, 1, images * repeats)
    counts = np.round(1000 * np.column_stack([signal[group] + noise, noise, signal[group], 0 * noise])).astype(np.int64)
    found = reliability(counts, group, images)
    assert found[0] == pytest.approx(0.9, abs=0.02)
    assert found[1] == pytest.approx(0, abs=0.04)
    assert found[2] == pytest.approx(1)
    assert np.isnan(found[3])
    assert np.isnan(reliability(counts[::repeats], np.arange(images), images)).all()
    assert np.isnan(reliability(counts[:repeats], group[:repeats], 1)).all()


def test_reliability_is_that_of_the_textbook():
    # Shrout and Fleiss (1979), table 2: six targets, four judges; their ICC(1,1) is .17.
    ratings = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    found = reliability(ratings.reshape(-1, 1), np.repeat(np.arange(6), 4), 6)
    assert found[0] == pytest.approx(0.17, abs=0.005)


def test_robust_z():
    values = np.array([10.0, 11, 9, 10, 10.5, 9.5, 30, np.nan])
    z = robust_z(values)
    assert abs(z[6]) > 3.5
    assert (np.abs(z[:6]) < 2.5).all()
    assert np.isnan(z[7])
    same = robust_z(np.array([1.0, 1, 1, 1, 5]))
    assert same[4] > 3.5
    assert same[0] == 0
    assert np.isnan(robust_z(np.array([2.0, 2.0]))).all()
    assert np.isnan(robust_z(np.array([np.nan]))).all()


def test_the_sample_is_evenly_spaced():
    assert sample_rows(5, 100).tolist() == [0, 1, 2, 3, 4]
    assert sample_rows(101, 3).tolist() == [0, 50, 100]
    assert len(sample_rows(37_500, 100)) == 100
