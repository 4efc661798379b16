"""A Blosc2 frame around one chunk of booleans, as PyTables and hdf5plugin expect one in an HDF5 chunk.

How the chunk is made is in bit_planes.py. The formats: README_CFRAME_FORMAT.rst and README_B2ND_METALAYER.rst of
c-blosc2. Numbers in the header are those of MessagePack, highest byte first.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["frame_of"]

# What the header of the frame says, in its order: its size, that of the frame, flags; sizes of data, of the chunk as it
# is, of an item, a block and the chunk as it was; threads that wrote it and are to read it, of which readers think for
# themselves; that it has no further metadata; filters and codec.
HEADER = ">2s8s cI cQ c4B cq cq ci ci ci ch ch c 2s16s".replace(" ", "")
VERSION_AND_OFFSETS, ONE_FILE, SPLIT = 0x12, 0, 1
ZSTD, BITSHUFFLE = 5, 2
CODES = bytes([BITSHUFFLE, 0, 0, 0, 0, 0, ZSTD, 0]) + bytes(8)

# After the chunk: a chunk of where chunks begin, which is 0 for one; and a trailer without metadata or checksum.
OFFSETS = bytes.fromhex("050107080800000008000000280000000000000000010000") + bytes(16)
TRAILER = bytes.fromhex("940193cd0006de0000dc0000ce00000023d800") + bytes(16)


def frame_of(chunk: bytes, shape: Sequence[int], padded: Sequence[int], blocks: Sequence[int], level: int) -> bytes:
    """The frame around one chunk of booleans.

    Parameters
    ----------
    chunk : bytes
        See `spikebin.matrixfile.layouts.bit_planes.compress_bits`.
    shape, padded, blocks : sequence of int
        Of the chunk, of it with its blocks filled up, and of a block.
    level : int
        Of zstd, as Blosc2 counts; what it would be written with again.

    Returns
    -------
    bytes
    """
    n = len(shape)
    items = math.prod(padded)
    # Version 0, n axes, three arrays of n numbers, the dtype as text.
    axes = struct.pack(
        f">4B{'cq' * n}B{'ci' * n}B{'ci' * n}Bci3s",
        *(0x97, 0, n, 0x90 | n),
        *_numbers(b"\xd3", shape),
        *(0x90 | n, *_numbers(b"\xd2", shape)),
        *(0x90 | n, *_numbers(b"\xd2", blocks)),
        *(0, b"\xdb", 3, b"|b1"),
    )
    before = struct.calcsize(HEADER)
    # One piece of metadata by name, and where it is.
    named = b"\x93\xcd\0\x11\xde\0\x01\xa4b2nd\xd2" + struct.pack(">i", before + 20) + b"\xdc\0\x01\xc6"
    meta = named + struct.pack(">i", len(axes)) + axes
    size = before + len(meta)
    header = struct.pack(
        HEADER,
        *(b"\x9e\xa8", b"b2frame\0", b"\xd2", size, b"\xcf", size + len(chunk) + len(OFFSETS) + len(TRAILER)),
        *(b"\xa4", VERSION_AND_OFFSETS, ONE_FILE, level << 4 | ZSTD, SPLIT),
        *(b"\xd3", items, b"\xd3", len(chunk), b"\xd2", 1, b"\xd2", math.prod(blocks), b"\xd2", items),
        *(b"\xd1", 1, b"\xd1", 1, b"\xc2", b"\xd8\x06", CODES),
    )
    return b"".join([header, meta, chunk, OFFSETS, TRAILER])


def _numbers(kind: bytes, numbers: Sequence[int]) -> list[bytes | int]:
    """Numbers, each after what tells its type."""
    return [part for number in numbers for part in (kind, number)]
