"""Trials side by side as scipy's sparse matrices: the same cells as in the dense array."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from spikebin.dataset.sparse import csr, scipy_sparse
from spikebin.errors import SpikebinError


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_cells_are_those_of_the_trials_side_by_side(dtype):
    dense = (np.random.default_rng(0).random((3, 4, 10)) < 0.3) * np.arange(1, 4, dtype=np.uint8)[:, None, None]
    dense = dense.astype(dtype)
    trials = [(np.flatnonzero(trial), trial.reshape(-1)[np.flatnonzero(trial)]) for trial in dense]
    found = csr(trials, 4, 10, dtype)
    assert found.dtype == dtype
    assert found.has_sorted_indices
    assert np.array_equal(found.toarray(), np.concatenate(list(dense), axis=1))


def test_without_scipy_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(SpikebinError, match=r"pip install 'spikebin\[npz\]'"):
        scipy_sparse()
