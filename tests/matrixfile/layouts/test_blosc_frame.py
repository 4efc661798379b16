"""A frame around a chunk is what Blosc2 itself would put around it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spikebin.matrixfile.layouts.bit_planes import compress_bits
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
