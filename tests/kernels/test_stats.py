"""The kernels that add up events equal their slow twins on any events."""

from __future__ import annotations

import naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikebin.kernels import stats as kernels

dense = hnp.arrays(
    np.int64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.sampled_from([0, 0, 0, 1, 1, 2, 255]),
)


def events(array):
    flat = np.flatnonzero(array)
    return flat, array.reshape(-1)[flat]


def coarse_bins(n_columns, steps, n_bins):
    bins = np.arange(n_columns)
    return np.array([np.where(bins < n_bins // k * k, bins // k, -1) for k in steps])


@given(array=dense, data=st.data())
def test_rows_are_picked(array, data):
    flat, values = events(array)
    kept = data.draw(hnp.arrays(bool, len(array)))
    place = np.where(kept, np.cumsum(kept) - 1, -1)
    out = np.empty_like(flat), np.empty_like(values)
    n = kernels.pick(flat, values, array.shape[1], place, *out)
    wanted = np.empty_like(flat), np.empty_like(values)
    assert n == naive.pick(flat, values, array.shape[1], place, *wanted)
    assert np.array_equal(out[0][:n], wanted[0][:n])
    assert np.array_equal(out[1][:n], wanted[1][:n])
    assert np.array_equal(out[0][:n], np.flatnonzero(array[kept]))


@given(array=dense, steps=st.lists(st.integers(1, 9), min_size=1, max_size=3), n_bins=st.integers(0, 9))
def test_rows_and_cells_are_added_up(array, steps, n_bins):
    flat, values = events(array)
    n_rows, n_columns = array.shape
    coarse = coarse_bins(n_columns, steps, min(n_bins, n_columns))
    shapes = (
        (len(steps), n_rows),
        (len(steps), n_columns),
        (len(steps), int(array.sum(axis=1).max()) + 1),
        (len(steps), 3),
    )
    found, wanted = ([np.ones(shape, np.int64) for shape in shapes] for _ in range(2))
    kernels.add_rows(flat, values, n_columns, coarse, found[0])
    naive.add_rows(flat, values, n_columns, coarse, wanted[0])
    kernels.add_cells(flat, values, n_columns, coarse, *found[1:])
    naive.add_cells(flat, values, n_columns, coarse, *wanted[1:])
    for mine, slow in zip(found, wanted, strict=True):
        assert np.array_equal(mine, slow)


@given(array=dense)
def test_intervals_are_added_up(array):
    flat, values = events(array)
    found, wanted = np.ones((3, len(array)), np.int64), np.ones((3, len(array)), np.int64)
    kernels.add_intervals(flat, values, array.shape[1], found)
    naive.add_intervals(flat, values, array.shape[1], wanted)
    assert np.array_equal(found, wanted)


@given(array=dense, step=st.integers(1, 4))
def test_products_are_added_up(array, step):
    flat, values = events(array)
    rows, bins = np.divmod(flat, array.shape[1])
    order = np.argsort(bins // step, kind="stable")
    bins, rows, values = bins[order] // step, rows[order], values[order]
    found, wanted = np.ones((2, len(array), len(array)), np.int64)
    kernels.add_products(bins, rows, values, found)
    naive.add_products(bins, rows, values, wanted)
    assert np.array_equal(found, wanted)
    starts = np.arange(0, array.shape[1], step)
    sums = np.add.reduceat(array, starts, axis=1)
    assert np.array_equal(found - 1, np.triu(sums @ sums.T))
