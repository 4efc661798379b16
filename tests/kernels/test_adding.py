"""The kernels that put events into arrays equal their slow twin, from whatever events come."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikebin.dataset.cell_types import cell_type
from spikebin.kernels import adding as kernels
from spikebin.kernels.jit import njit
from spikebin.kernels.jit import trailing_zeros as zeros_of
from spikebin.kernels.views import DAMAGED

items = st.sampled_from([0, 0, 0, 1, 1, 2, 255])


@njit()
def trailing_zeros(word):
    return zeros_of(word)


def cells_further(places, step):
    """What kernels are told of rows, or columns: how many cells further each one lies, -1 where it is not wanted."""
    return np.where(places >= 0, places * step, -1).astype(np.int32)


def kept(array):
    """As callers keep what many calls share; for numba it is of another type."""
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float16, np.float64])
@given(data=st.data())
def test_events_are_added(dtype, data):
    """As rows and bins, as the gaps between them, and as bits: of some rows and bins, in either order of axes."""
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=7))
    dense = data.draw(hnp.arrays(np.uint8, shape, elements=items))
    counting = data.draw(st.booleans())
    dense = dense if counting else np.minimum(dense, 1)
    rows, bins = (array.astype(np.int32) for array in np.nonzero(dense))
    values = dense[rows, bins]
    n_rows, n_columns = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7))
    row_of = data.draw(hnp.arrays(np.int32, shape[0], elements=st.integers(-1, n_rows - 1)))
    column_of = data.draw(hnp.arrays(np.int32, shape[1], elements=st.integers(-1, n_columns - 1)))
    once, time_first = dtype is bool or data.draw(st.booleans()), data.draw(st.booleans())
    kind = cell_type(dtype, 255)
    before = data.draw(hnp.arrays(np.int64, (n_rows, n_columns), elements=st.sampled_from([0, 0, 1])))
    wanted = naive.add_events(rows, bins, values, row_of, column_of, before, once)
    row_step, column_step = (1, n_rows) if time_first else (n_columns, 1)
    places = cells_further(row_of, row_step), kept(cells_further(column_of, column_step))
    stored = values if counting else values[:0]

    def check(kernel, *arguments):
        out = np.ascontiguousarray(before.T if time_first else before).astype(dtype)
        cells = np.concatenate([np.ones(4, dtype), out.reshape(-1)]).view(f"u{out.itemsize}")
        status = kernel(*arguments, *places, cells, 4, kind.codes, once)
        found = cells.view(dtype)[4:].reshape(out.shape)
        assert status == (kernels.TOO_LARGE if wanted.max() >= kind.codes.size else kernels.DONE)
        if status == kernels.DONE:
            assert np.array_equal(found.T if time_first else found, wanted)

    check(kernels.add_events, rows, bins, stored)
    if dtype in {np.uint8, np.int32, np.float64}:
        # To compile the others for each type takes a second each, and they share all but how cells are found.
        return
    order = kept(np.array(data.draw(st.permutations(range(shape[0]))), np.int32))
    flat = np.flatnonzero(dense[order])
    ends = np.zeros(data.draw(st.integers(0, 2)), np.int64)
    gaps = np.concatenate([np.diff(flat, prepend=-1), ends]).astype(np.uint64 if dtype is np.float16 else np.uint8)
    in_order = np.concatenate([dense[order].reshape(-1)[flat], ends.astype(np.uint8)])
    check(kernels.add_gaps, gaps, in_order if counting else stored, order, shape[1])
    n_bytes, width = dense.size, shape[1]
    block = data.draw(st.integers(1, shape[0])) * width
    padded = np.zeros(-(-n_bytes // block) * block, np.uint8)
    padded[:n_bytes] = dense.reshape(-1)
    # What lies beyond the last row is passed over.
    padded[n_bytes:] = data.draw(st.sampled_from([0, 3]))
    mask = np.empty(-(-block // 64), np.uint64)
    check(
        kernels.add_planes,
        naive.shuffle_bits(padded, block),
        block,
        8 if counting or padded.max() > 1 else 1,
        width,
        mask,
    )
    if not counting:
        # What follows the last item was left by others.
        words = np.full(-(-dense.size // 64) + 1, ~np.uint64(0))
        packed = np.packbits(dense.reshape(-1), bitorder="little")
        words.view(np.uint8)[: packed.size] = packed
        wanted_columns = np.flatnonzero(column_of >= 0)
        first, stop = (int(wanted_columns[0]), int(wanted_columns[-1]) + 1) if len(wanted_columns) else (0, 0)
        check(kernels.add_bits, words, shape[1], data.draw(st.integers(0, first)), stop)


@pytest.mark.parametrize("n_cells", [3, 2**31 + 5])
@given(gaps=hnp.arrays(np.uint64, st.integers(1, 9), elements=st.sampled_from([1, 1, 2, 3, 0, 2**31, 2**63 + 5])))
def test_gaps_that_lead_out_of_the_matrix_are_damaged(gaps, n_cells):
    columns = kept(np.zeros(n_cells if n_cells < 9 else 1, np.int32))
    order, n_columns = kept(np.zeros(1, np.int32)), n_cells
    wanted = naive.list_gaps(gaps, order, n_columns)
    if wanted is not None and any(bin_ >= columns.size for _, bin_ in wanted):
        return
    out = np.zeros(1, np.uint8)
    codes = np.arange(256, dtype=np.uint8)
    status = kernels.add_gaps(gaps, out[:0], order, n_columns, np.zeros(1, np.int32), columns, out, 0, codes, True)
    assert status == (DAMAGED if wanted is None else kernels.DONE)


@pytest.mark.parametrize("kind", [np.uint16, np.uint64])
@pytest.mark.parametrize("n_rows", [1, 2, 3_000_000])
def test_many_events_are_added(kind, n_rows):
    """More than one batch, and shapes of which cells are divided in either way."""
    n_columns, n = 1000, 5000
    rng = np.random.default_rng(n_rows)
    flat = np.unique(rng.integers(0, min(n_rows, 300) * n_columns, n))
    rows, bins = np.divmod(flat, n_columns)
    row_of, column_of = rng.integers(-1, 3, n_rows), rng.integers(-1, 5, n_columns)
    once = np.zeros((3, 5), np.int64)
    wanted = naive.add_events(rows, bins, np.ones_like(rows), row_of, column_of, once, False)
    places = cells_further(row_of, 5), kept(cells_further(column_of, 1))
    codes = np.arange(2000, dtype=np.uint16)
    calls = {
        "gaps": (
            np.diff(flat, prepend=-1).astype(kind),
            np.empty(0, np.uint8),
            kept(np.arange(n_rows, dtype=np.int32)),
            n_columns,
        ),
        "events": (rows.astype(np.int32), bins.astype(np.int32), np.empty(0, np.uint8)),
    }
    if n_rows < 3:
        items = np.zeros(-(-n_rows * n_columns // 600) * 600, np.uint8)
        items[flat] = 1
        calls["planes"] = (naive.shuffle_bits(items, 600), 600, 1, n_columns, np.empty(10, np.uint64))
        bits = np.zeros(-(-n_rows * n_columns // 64) * 64, np.uint8)
        bits[flat] = 1
        calls["bits"] = (np.packbits(bits, bitorder="little").view(np.uint64), n_columns, 0, n_columns)
    for name, arguments in calls.items():
        out = np.zeros(15, np.uint16)
        assert getattr(kernels, f"add_{name}")(*arguments, *places, out, 0, codes, False) == kernels.DONE
        assert np.array_equal(out.reshape(3, 5), wanted)


@given(word=st.integers(1, 2**64 - 1))
def test_trailing_zeros_are_counted(word):
    assert trailing_zeros(np.uint64(word)) == len(f"{word:b}") - len(f"{word:b}".rstrip("0"))
