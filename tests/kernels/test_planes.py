"""The kernels that write planes of bits and bytes as zstd: Blosc2 reads back what their slow twins say."""

from __future__ import annotations

import blosc2
import naive
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin.matrixfile.layouts.bit_planes import FILTERS, compress_bits
from spikebin.matrixfile.layouts.byte_planes import compress_bytes


def planes_of(chunk):
    """What a chunk holds without its filter."""
    chunk = bytearray(chunk)
    chunk[FILTERS] = bytes(6)
    return blosc2.decompress2(bytes(chunk), nthreads=1)


@given(
    runs=st.lists(st.tuples(st.integers(0, 40) | st.integers(0, 3000), st.integers(1, 255)), min_size=1, max_size=60),
    times=st.sampled_from([1, 2, 50]),
    n_blocks=st.integers(1, 3),
)
@settings(max_examples=80)
def test_any_bytes_between_runs_of_zeros(runs, times, n_blocks):
    data = b"".join(bytes(n) + bytes([value]) for n, value in runs * times)[: 3 * 8192]
    data = data.ljust(-(-max(32 * n_blocks, len(data)) // (8 * n_blocks)) * 8 * n_blocks, b"\0")
    places, block = (
        np.flatnonzero(np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")),
        8 * len(data) // n_blocks,
    )
    assert planes_of(compress_bits(places, n_blocks, block)) == naive.bit_planes(places.tolist(), n_blocks, block)


@given(
    numbers=st.lists(st.sampled_from([0, 0, 0, 1, 2, 255, 256, 257, 65535]) | st.integers(0, 65535), min_size=128),
    times=st.sampled_from([1, 9]),
    kind=st.sampled_from(["u2", "u4"]),
)
@settings(max_examples=50)
def test_bytes_of_numbers(numbers, times, kind):
    items = np.array([*numbers, 1] * times, kind)
    items = np.pad(items, (0, -items.size % 128))
    assert planes_of(compress_bytes(items, 128)) == naive.byte_planes(items.tolist(), 128, items.itemsize)
