"""The kernels that list the cells of trials equal their slow twins, and find what is damaged."""

from __future__ import annotations

import naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikebin.kernels import views as kernels

items = st.sampled_from([0, 0, 0, 1, 1, 2, 255])


@given(
    gaps=hnp.arrays(np.uint64, st.integers(0, 12), elements=st.sampled_from([1, 1, 2, 5, 9, 30, 0, 2**63 + 5])),
    kind=st.sampled_from([np.uint8, np.uint16, np.uint64]),
    n_columns=st.integers(1, 9),
    order=st.permutations(range(5)),
)
def test_gaps_are_listed(gaps, kind, n_columns, order):
    gaps = gaps if kind == np.uint64 else np.minimum(gaps, np.iinfo(kind).max).astype(kind)
    rows, bins = np.empty(gaps.size, np.int32), np.empty(gaps.size, np.int32)
    wanted = naive.list_gaps(gaps, order, n_columns)
    row_at = np.array(order)
    # As the reader keeps it; for numba it is of another type.
    row_at.flags.writeable = False
    n = kernels.list_gaps(gaps, row_at, n_columns, rows, bins)
    assert n == (kernels.DAMAGED if wanted is None else len(wanted))
    if wanted is not None:
        assert list(zip(rows[:n].tolist(), bins[:n].tolist(), strict=True)) == wanted


@given(data=st.data(), counting=st.booleans(), block_rows=st.integers(1, 9), width=st.integers(1, 90))
def test_shuffled_bits_are_listed(data, counting, block_rows, width):
    n_blocks = data.draw(st.integers(1, 3))
    dense = data.draw(hnp.arrays(np.uint8, (n_blocks * block_rows, width), elements=items, fill=st.just(0)))
    dense = dense if counting else np.minimum(dense, 1)
    n_rows, n_bins = data.draw(st.integers(1, len(dense))), data.draw(st.integers(1, width))
    if data.draw(st.booleans()):
        dense[n_rows:], dense[:, n_bins:] = 0, 0
    wanted = naive.list_items(dense.reshape(-1), width, 3, 5, n_rows, n_bins)
    words = np.zeros(-(-dense.size // 8), np.uint64)
    # What follows the last item was left by others.
    words.view(np.uint8)[:] = 255
    shuffled = words.view(np.uint8)[: dense.size]
    shuffled[:] = naive.shuffle_bits(dense.reshape(-1), block_rows * width)
    there, room = data.draw(st.integers(0, 2)), 2 + data.draw(st.sampled_from([0, 1, dense.size]))
    found = np.zeros(room, np.int32), np.zeros(room, np.int32), np.zeros(room if counting else 0, np.uint8)
    n = kernels.list_bits(
        shuffled, words, block_rows * width, 8 if counting else 1, width, 3, 5, n_rows, n_bins,
        np.empty(-(-block_rows * width // 64), np.uint64), there, *found,
    )  # fmt: skip
    if wanted is None:
        assert n == kernels.DAMAGED
        return
    assert n == there + len(wanted)
    fitting = min(n, room)
    rows, bins, values = (array[there:fitting].tolist() for array in found)
    values = values if counting else [1] * len(rows)
    assert list(zip(rows, bins, values, strict=True)) == wanted[: fitting - there]
