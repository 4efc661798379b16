"""Chunks as Blosc2 and zlib compress them: ours, others', and damaged ones."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import blosc2
import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import pytest
from drawn import draw_cells as draw
from drawn import write_cells as write

from spikebin.matrixfile.layouts import dense as dense_layout
from spikebin.matrixfile.layouts.chunks import HEADER_SIZE, ChunkCodec, DamagedChunkError

VALUES = ["bool", "count"]


@pytest.mark.parametrize("values", VALUES)
def test_as_many_rows_as_a_block_has_are_read_from_anywhere(tmp_path, values):
    """blosc2 alone gives another block for a slice that is as long as one and does not start where one does."""
    dense = draw((1, 3000, 712), values, mean=0.3)
    file = write(tmp_path / "a.h5", dense, layout="matrix", codec="blosc2")
    rows = dense_layout.MATRIX_BLOCK // 712
    for n in (rows - 1, rows, rows + 1, 2 * rows):
        for first in (0, 1, 100, rows - 1, rows, rows + 5):
            assert np.array_equal(file.spikes[0, first : first + n], dense[0, first : first + n]), (first, n)


def test_chunks_in_other_blocks_are_read():
    """A file of another version may hold blocks of another size; what is read must not overrun what was made for it."""
    dense = draw((1, 500, 90), "bool")
    mine = ChunkCodec((1, 500, 90), np.dtype(bool), "blosc2", 1, 1 << 18)
    for items in (90, 1000, 20_000, 45_000):
        other = ChunkCodec((1, 500, 90), np.dtype(bool), "blosc2", 1, items)
        padded = np.zeros(other.padded, bool)
        padded[:, :500, :90] = dense
        chunk = other.compress(padded)
        assert np.array_equal(mine.decompress(chunk, np.empty(mine.padded, bool)), dense)
        assert np.array_equal(mine.decompress_rows(chunk, 17, 333), dense[:, 17:333])


def test_chunks_that_are_not_ours_are_refused():
    codec = ChunkCodec((1, 50, 90), np.dtype(bool), "blosc2", 1, 1 << 10)
    cut_in_time = blosc2.zeros((1, 50, 90), dtype=bool, chunks=(1, 50, 90), blocks=(1, 8, 16)).to_cframe()
    other_shape = blosc2.zeros((1, 51, 90), dtype=bool, chunks=(1, 51, 90), blocks=(1, 8, 90)).to_cframe()
    other_items = blosc2.zeros((1, 50, 90), dtype="u2", chunks=(1, 50, 90), blocks=(1, 8, 90)).to_cframe()
    plain = blosc2.SChunk(data=bytes(4500), contiguous=True).to_cframe()
    for chunk in (b"", b"no frame", cut_in_time, other_shape, other_items, plain):
        with pytest.raises(DamagedChunkError):
            codec.decompress(chunk)
    inflating = ChunkCodec((1, 50, 90), np.dtype(bool), "zlib", 1, 1 << 10)
    for chunk in (b"", b"no stream", ChunkCodec((1, 9), np.dtype("u2"), "zlib", 1, 9).compress(np.zeros((1, 9), "u2"))):
        with pytest.raises(DamagedChunkError):
            inflating.decompress(chunk)


CODEC = ChunkCodec((1, 50, 90), np.dtype(bool), "blosc2", 1, 1 << 10)


def frames_with_odd_metadata():
    """Frames whose data are right, and whose metadata are not."""
    for meta in ("text", 7, None, [], {}, [0, 3], [0, 3, [1, 50, 90], [1, 50, 90], [1, 8, 90], 0, "|b1"]):
        yield blosc2.SChunk(data=bytes(56 * 90), chunksize=56 * 90, contiguous=True, meta={"b2nd": meta}).to_cframe()
    good = CODEC.compress(np.zeros(CODEC.padded, bool))
    blocks = b"".join(b"\xd2" + struct.pack(">i", block) for block in CODEC.blocks)
    assert good.count(blocks) == 1
    for other in ((1, 0, 90), (0, 11, 90), (1, -11, 90), (1, 2**31 - 1, 90), (1, 2, 90)):
        yield good.replace(blocks, b"".join(b"\xd2" + struct.pack(">i", block) for block in other))
    # As many axes as nobody has.
    yield good.replace(b"\x97\x00\x03\x93", b"\x97\x00\xff\x93")
    empty = blosc2.empty((1, 50, 90), dtype=bool, chunks=(1, 50, 90), blocks=CODEC.blocks, contiguous=True)
    empty.schunk.delete_chunk(0)
    yield empty.schunk.to_cframe()


def test_frames_whose_metadata_are_wrong_are_damaged_chunks():
    for frame in frames_with_odd_metadata():
        with pytest.raises(DamagedChunkError):
            CODEC.decompress(frame)
        with pytest.raises(DamagedChunkError):
            CODEC.decompress_rows(frame, 3, 9)


def test_a_chunk_inflates_to_its_own_size_and_no_further():
    codec = ChunkCodec((1, 50, 90), np.dtype(bool), "zlib", 1, 1 << 10)
    bomb = zlib.compress(bytes(1 << 25), 9)
    assert codec.decompress(zlib.compress(bytes(4500))).shape == (1, 50, 90)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedChunkError, match="size"):
            codec.decompress(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    with pytest.raises(DamagedChunkError, match="size"):
        codec.decompress(zlib.compress(bytes(4500))[:-1])


@pytest.mark.skipif(blosc2.__version__.startswith("3."), reason="crashes on such frames, which checksums keep from it")
def test_a_frame_like_one_before_is_read_as_if_it_were_the_first():
    """Frames that a codec has seen the like of are not taken apart; what is damaged is found all the same."""

    def read(codec, frame):
        try:
            return codec.decompress(frame).tolist()
        except DamagedChunkError:
            return None

    def codec():
        return ChunkCodec((1, 40, 64), np.dtype(np.uint8), "blosc2", 5, 1 << 10)

    dense = np.random.default_rng(0).integers(0, 2, codec().padded).astype(np.uint8)
    frame, empty = codec().compress(dense), codec().compress(np.zeros_like(dense))
    wanted = dense[:, :40, :64].tolist()
    used = codec()
    for _ in range(2):
        assert read(used, frame) == wanted
        assert np.sum(read(used, empty)) == 0
    header = int.from_bytes(frame[HEADER_SIZE], "big")
    # Sizes of the header, the frame and its chunks; then those that its chunk gives, of itself and of what it holds.
    for at in [*range(11, 24), *range(39, 47), *range(header + 4, header + 8), *range(header + 12, header + 16)]:
        for bit in range(8):
            flipped = bytearray(frame)
            flipped[at] ^= 1 << bit
            assert read(used, frame) == wanted
            assert read(used, bytes(flipped)) in (read(codec(), bytes(flipped)), wanted)
    for cut in range(len(frame)):
        assert read(used, frame[:cut]) is None
