"""Chunks of whole numbers: Blosc2 reads them, and they are as small as its own."""

from __future__ import annotations

import blosc2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin.matrixfile.layouts.bit_planes import HEADER
from spikebin.matrixfile.layouts.byte_planes import compress_bytes
from spikebin.matrixfile.layouts.chunks import ChunkCodec

LEVEL, BLOCK = 4, 1 << 14


@given(
    kind=st.sampled_from(["u2", "u4", "u8"]),
    n=st.integers(128, 3000),
    rate=st.sampled_from([0.9, 0.2, 0.01, 1e-4, 1e-6]),
    zeros=st.sampled_from([0, 0.01, 0.5, 0.99]),
    block=st.sampled_from([128, 500, BLOCK]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_whatever_they_are(kind, n, rate, zeros, block, seed):
    rng = np.random.default_rng(seed)
    codec = ChunkCodec((1, n), np.dtype(kind), "blosc2", LEVEL, block)
    padded = np.zeros(codec.padded, kind)
    padded[0, :n] = (rng.geometric(rate, n) * (rng.random(n) >= zeros)).astype(kind)
    frame = codec.compress(padded)
    assert np.array_equal(codec.decompress(frame), padded[:, :n])
    # Blosc2 itself, which knows nothing of us.
    assert np.array_equal(blosc2.ndarray_from_cframe(frame)[:], padded[:, :n])


@pytest.mark.parametrize("rate", [0.2, 0.01, 0.001])
def test_gaps_are_as_small_as_they_were(rate):
    codec = ChunkCodec((1, 60_000), np.dtype("u2"), "blosc2", LEVEL, BLOCK)
    padded = np.zeros(codec.padded, "u2")
    padded[0, :50_000] = np.minimum(np.random.default_rng(3).geometric(rate, 50_000), 65_535)
    ours, theirs = codec.compress(padded), codec._to_frame(padded)
    assert len(ours) < 1.01 * len(theirs)
    mine, its = (blosc2.schunk_from_cframe(one).get_chunk(0)[:HEADER] for one in (ours, theirs))
    assert (mine[:12], mine[16:]) == (its[:12], its[16:])


@pytest.mark.parametrize(
    ("items", "block"),
    [([0] * 256, 128), ([7] * 64, 64), ([7] * 131_073, 131_073)],
    ids=["zeros", "small blocks", "blocks longer than those of zstd"],
)
def test_where_it_does_not_fit(items, block):
    assert compress_bytes(np.array(items, "u2"), block) is None
