"""The kernel that moves rows gives what sorting gives."""

from __future__ import annotations

import naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikebin.kernels.ordering import move_rows


@given(
    rows=st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=12),
    seed=st.integers(0, 9),
    n_columns=st.sampled_from([7, 710, 10**6]),
)
def test_rows_are_moved(rows, seed, n_columns):
    cells = np.array([row * n_columns + bin_ for row, bins in enumerate(rows) for bin_ in sorted(bins)], np.int64)
    places = np.random.default_rng(seed).permutation(len(rows))
    moved, source = np.empty_like(cells), np.empty_like(cells)
    move_rows(cells, places, n_columns, np.empty(len(rows) + 1, np.int64), moved, source)
    assert list(zip(moved.tolist(), source.tolist(), strict=True)) == naive.move_rows(cells.tolist(), places, n_columns)
    unasked = np.empty_like(cells)
    move_rows(cells, places, n_columns, np.empty(len(rows) + 1, np.int64), unasked, np.empty(0, np.int64))
    assert unasked.tolist() == moved.tolist()
