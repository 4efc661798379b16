"""A frame around a chunk is what Blosc2 itself would put around it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spikebin.matrixfile.layouts.bit_planes import compress_bits
from spikebin.matrixfile.layouts.byte_planes import compress_bytes
from spikebin.matrixfile.layouts.chunks import ChunkCodec

THREADS = slice(62, 68)


@pytest.mark.parametrize("shape", [(1, 3000, 712), (1, 40, 8), (1, 7, 300_000)])
def test_it_is_what_blosc2_writes_but_for_its_threads(shape):
    codec = ChunkCodec(shape, np.dtype(bool), "blosc2", 5, 3 << 16)
    block = math.prod(codec.blocks)
    places = np.arange(0, math.prod(codec.padded), 1001)
    theirs = codec._empty()
    theirs.schunk.update_chunk(0, compress_bits(places, math.prod(codec.padded) // block, block))
    ours, theirs = codec.compress_bits(places), theirs.to_cframe()
    assert ours[: THREADS.start] == theirs[: THREADS.start]
    assert ours[THREADS.stop :] == theirs[THREADS.stop :]


@pytest.mark.parametrize("kind", ["u2", "u4", "u8"])
@pytest.mark.parametrize("n", [40_000, 300])
def test_so_it_is_of_numbers(kind, n):
    codec = ChunkCodec((1, n), np.dtype(kind), "blosc2", 4, 1 << 14)
    gaps = np.zeros(codec.padded, kind)
    gaps[0, : n - 9] = np.random.default_rng(1).geometric(0.003, n - 9)
    theirs = codec._empty()
    theirs.schunk.update_chunk(0, compress_bytes(gaps.reshape(-1), codec.blocks[1]))
    ours, theirs = codec.compress(gaps), theirs.to_cframe()
    assert ours[: THREADS.start] == theirs[: THREADS.start]
    assert ours[THREADS.stop :] == theirs[THREADS.stop :]
