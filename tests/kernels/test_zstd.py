"""The kernels that write blocks of zstd: zstd reads back what was meant, whatever shapes its tables take."""

from __future__ import annotations

import blosc2
import naive
import numpy as np
import pytest

from spikebin.matrixfile.layouts.bit_planes import FILTERS, compress_bits


def places_of(data):
    """Where bits are set in bytes, the lowest bit first."""
    return np.flatnonzero(np.unpackbits(data, bitorder="little"))


def assert_read_back(places, n_blocks, block):
    chunk = bytearray(compress_bits(places, n_blocks, block))
    # Without its filter, a chunk is its bit planes.
    chunk[FILTERS] = bytes(6)
    assert blosc2.decompress2(bytes(chunk), nthreads=1) == naive.bit_planes(places.tolist(), n_blocks, block)
    return len(chunk)


def test_codes_are_never_longer_than_zstd_allows():
    """Where each byte is as frequent as the two rarer ones together, Huffman's codes are as long as they can be."""
    counts = [1, 1]
    while sum(counts) < 12_000:
        counts.append(counts[-1] + counts[-2])
    data = np.random.default_rng(1).permutation(np.repeat(np.arange(1, len(counts) + 1, dtype=np.uint8) * 9, counts))
    data = np.pad(data, (0, -data.size % 64))
    assert assert_read_back(places_of(data), 1, 8 * data.size) < data.size


@pytest.mark.parametrize("longest", [1 << 6, 1 << 10, 1 << 14])
def test_lengths_of_each_code(longest):
    lengths = [n + i for n in 2 ** np.arange(15) if n <= longest for i in (-1, 0, 1)]
    for between, others in ((lengths, [3] * len(lengths)), ([9] * len(lengths), lengths)):
        data = b"".join(bytes(n) + b"\5" * n_others for n, n_others in zip(between, others, strict=True))
        data = data[:24_000].ljust(24_000, b"\0")
        assert_read_back(places_of(np.frombuffer(data, np.uint8)), 1, 8 * len(data))


@pytest.mark.parametrize(
    ("values", "most"),
    [(range(256), 1.05), (range(1, 9), 0.45), ([1, 128], 0.2), ([255], 0.02)],
    ids=["any bytes", "eight of them", "two", "one"],
)
def test_bytes_without_zeros_between(values, most):
    data = np.random.default_rng(2).choice(np.array(values, np.uint8), 8192)
    assert assert_read_back(places_of(data), 2, 4 * data.size) < most * data.size
