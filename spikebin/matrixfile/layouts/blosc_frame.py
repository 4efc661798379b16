"""A Blosc2 frame around one chunk, as PyTables and hdf5plugin expect one in an HDF5 chunk.

How the chunk is made is in bit_planes.py and byte_planes.py. The formats: README_CFRAME_FORMAT.rst and
README_B2ND_METALAYER.rst of c-blosc2. Numbers in the header are those of MessagePack, highest byte first.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

__all__ = ["frame_of"]

# What the header of the frame says, in its order: its size, that of the frame, flags; sizes of data, of the chunk as it
# is, of an item, a block and the chunk as it was; threads that wrote it and are to read it, of which readers think for
# themselves; that it has no further metadata; filters and codec.
HEADER = ">2s8s cI cQ c4B cq cq ci ci ci ch ch c 2s16s".replace(" ", "")
VERSION_AND_OFFSETS, ONE_FILE = 0x12, 0
ZSTD, SHUFFLE, BITSHUFFLE = 5, 1, 2

# After the chunk: a chunk of where chunks begin, which is 0 for one; and a trailer without metadata or checksum.
OFFSETS = bytes.fromhex("050107080800000008000000280000000000000000010000") + bytes(16)
TRAILER = bytes.fromhex("940193cd0006de0000dc0000ce00000023d800") + bytes(16)


def frame_of(
    chunk: bytes,
    shape: Sequence[int],
    padded: Sequence[int],
    blocks: Sequence[int],
    dtype: np.dtype[Any],
    level: int,
) -> bytes:
    """The frame around one chunk.

    Parameters
    ----------
    chunk : bytes
        Of `spikebin.matrixfile.layouts.bit_planes.compress_bits` or
        `spikebin.matrixfile.layouts.byte_planes.compress_bytes`.
    shape, padded, blocks : sequence of int
        Of the chunk, of it with its blocks filled up, and of a block.
    dtype : dtype
        Of one byte: bit-shuffled, blocks not split.
    level : int
        Of zstd, as Blosc2 counts; what it would be written with again.

    Returns
    -------
    bytes
    """
    n = len(shape)
    size = dtype.itemsize
    n_bytes = math.prod(padded) * size
    codes = bytes([BITSHUFFLE if size == 1 else SHUFFLE, 0, 0, 0, 0, 0, ZSTD, 0]) + bytes(8)
    # Version 0, n axes, three arrays of n numbers, the dtype as text.
    axes = struct.pack(
        f">4B{'cq' * n}B{'ci' * n}B{'ci' * n}Bci3s",
        *(0x97, 0, n, 0x90 | n),
        *_numbers(b"\xd3", shape),
        *(0x90 | n, *_numbers(b"\xd2", shape)),
        *(0x90 | n, *_numbers(b"\xd2", blocks)),
        *(0, b"\xdb", 3, dtype.str.encode()),
    )
    before = struct.calcsize(HEADER)
    # One piece of metadata by name, and where it is.
    named = b"\x93\xcd\0\x11\xde\0\x01\xa4b2nd\xd2" + struct.pack(">i", before + 20) + b"\xdc\0\x01\xc6"
    meta = named + struct.pack(">i", len(axes)) + axes
    start = before + len(meta)
    header = struct.pack(
        HEADER,
        *(b"\x9e\xa8", b"b2frame\0", b"\xd2", start, b"\xcf", start + len(chunk) + len(OFFSETS) + len(TRAILER)),
        *(b"\xa4", VERSION_AND_OFFSETS, ONE_FILE, level << 4 | ZSTD, size == 1),
        *(b"\xd3", n_bytes, b"\xd3", len(chunk)),
        *(b"\xd2", size, b"\xd2", math.prod(blocks) * size, b"\xd2", n_bytes),
        *(b"\xd1", 1, b"\xd1", 1, b"\xc2", b"\xd8\x06", codes),
    )
    return b"".join([header, meta, chunk, OFFSETS, TRAILER])


def _numbers(kind: bytes, numbers: Sequence[int]) -> list[bytes | int]:
    """Numbers, each after what tells its type."""
    return [part for number in numbers for part in (kind, number)]
