"""Chunks of booleans made from where they are True: Blosc2 reads the array, and they are as small as its own."""

from __future__ import annotations

import math

import blosc2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin.matrixfile.layouts.bit_planes import HEADER, compress_bits, first_planes
from spikebin.matrixfile.layouts.chunks import ChunkCodec
from spikebin.matrixfile.layouts.dense import MATRIX_BLOCK, MATRIX_LEVEL


def codec_of(rows, columns, block_items=MATRIX_BLOCK):
    return ChunkCodec((1, rows, columns), np.dtype(bool), "blosc2", MATRIX_LEVEL, block_items)


def dense_of(codec, places):
    dense = np.zeros(codec.padded, bool)
    dense.reshape(-1)[places] = True
    return dense


def assert_reads_alike(codec, places):
    """Made from its bits, a chunk is read in each way as the array that it stands for."""
    dense = dense_of(codec, places)
    frame = codec.compress_bits(places)
    if frame is None:
        return None
    _, rows, columns = codec.shape
    expected = dense[:, :rows, :columns]
    assert np.array_equal(codec.decompress(frame), expected)
    assert np.array_equal(
        codec.decompress_rows(frame, rows // 3, rows // 2 + 1), expected[:, rows // 3 : rows // 2 + 1]
    )
    chunk = blosc2.schunk_from_cframe(frame).get_chunk(0)
    block = math.prod(codec.blocks)
    alone = first_planes(chunk, dense.size // block, block)
    if alone is not None:
        planes = np.empty(dense.size // 8, np.uint8)
        blosc2.decompress2(alone, dst=planes)
        assert np.array_equal(planes, np.packbits(dense, bitorder="little"))
    # Blosc2 itself, which knows nothing of us.
    assert np.array_equal(blosc2.ndarray_from_cframe(frame)[:], expected)
    return frame


@pytest.mark.parametrize("rate", [0.2, 2.0, 20.0])
def test_a_sheet_is_as_small_as_it_was(rate):
    codec, rng = codec_of(3000, 712), np.random.default_rng(5)
    rates = rng.lognormal(0, 1, 3000)
    spikes = rng.random((3000, 712)) < (rates / rates.mean() * rate / 1000)[:, np.newaxis]
    places = np.flatnonzero(spikes)
    usual = codec.compress(dense_of(codec, places))
    frame = assert_reads_alike(codec, places)
    assert len(frame) < 0.9 * len(usual)
    # But for sizes the header of the chunk is what Blosc2 writes.
    mine, theirs = (blosc2.schunk_from_cframe(one).get_chunk(0)[:HEADER] for one in (frame, usual))
    assert (mine[:12], mine[16:]) == (theirs[:12], theirs[16:])


@given(
    rows=st.integers(1, 60),
    columns=st.integers(1, 40).map(lambda n: 8 * n),
    block_items=st.sampled_from([1 << 8, 1 << 10, 1 << 13, 1 << 16]),
    density=st.sampled_from([0.0, 1e-4, 1e-3, 0.02, 0.3, 0.9, 1.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_whatever_is_true(rows, columns, block_items, density, seed):
    codec = codec_of(rows * 9, columns, block_items)
    spikes = np.random.default_rng(seed).random((rows * 9, codec.padded[2])) < density
    spikes[:, columns:] = False
    assert_reads_alike(codec, np.flatnonzero(spikes))


def test_blocks_that_are_empty_or_alike_cost_nothing():
    codec = codec_of(3000, 712)
    alone = assert_reads_alike(codec, np.array([300 * 712 + 5]))
    assert len(alone) < 500
    block = math.prod(codec.blocks)
    assert_reads_alike(codec, np.arange(block))
    assert_reads_alike(codec, np.arange(0, 2 * block, 8))


@pytest.mark.parametrize(
    ("places", "block"),
    [([], 1 << 14), ([3], 1 << 7), ([3], (1 << 14) + 4), ([3], (1 << 20) + 8)],
    ids=["nothing", "small blocks", "blocks of half bytes", "blocks longer than those of zstd"],
)
def test_where_it_does_not_fit(places, block):
    assert compress_bits(np.array(places, np.int64), 3, block) is None


def test_planes_of_chunks_that_were_made_otherwise_are_not_taken_apart():
    codec, rng = codec_of(600, 712), np.random.default_rng(5)
    block = math.prod(codec.blocks)
    n_blocks = math.prod(codec.padded) // block
    places = np.flatnonzero(rng.random(codec.padded) < 0.02)
    usual = blosc2.schunk_from_cframe(codec.compress(dense_of(codec, places))).get_chunk(0)
    assert first_planes(usual, n_blocks, block) is None
    mine = blosc2.schunk_from_cframe(codec.compress_bits(places)).get_chunk(0)
    assert first_planes(mine, n_blocks, block) is not None
    assert first_planes(mine, n_blocks, block - 8) is None


def test_damaged_chunks_are_taken_apart_within_their_bounds():
    """Whatever its bytes are, nothing is read or written outside of the chunk."""
    codec, rng = codec_of(600, 712), np.random.default_rng(6)
    block = math.prod(codec.blocks)
    n_blocks = math.prod(codec.padded) // block
    places = np.flatnonzero(rng.random(codec.padded) < 0.001)
    chunk = bytearray(blosc2.schunk_from_cframe(codec.compress_bits(places)).get_chunk(0))
    fields = {0, 1, 2, *range(12, 32 + 4 * n_blocks + 40)}
    for at in [*fields, *rng.integers(0, len(chunk), 200).tolist()]:
        for value in (0, 255, chunk[at] ^ 1):
            damaged = bytes(chunk[:at]) + bytes([value]) + bytes(chunk[at + 1 :])
            found = first_planes(damaged, n_blocks, block)
            assert found is None or len(found) <= len(damaged)
    for stop in range(HEADER, len(chunk), 97):
        first_planes(bytes(chunk[:stop]), n_blocks, block)
