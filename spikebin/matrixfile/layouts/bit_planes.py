"""A Blosc2 chunk of booleans made from where they are True: of the eight bit planes of a block only one is not zeros.

Blosc2's bit-shuffle puts the lowest bits of all items of a block first, then the next ones, and so on. Of booleans all
but the first of these planes are zeros. Here that one is written as zstd straight from the places of the spikes, and
that the rest are zeros is said in a few bytes. Any reader of Blosc2 reads what comes out. The dense block is never in
memory, and a block without a spike costs nothing.

zstd itself would look for repetitions, of which there are none but runs of zeros; those follow from the places. Files
are smaller and sooner written than with zstd itself (`python -m benchmarks layouts`), and a job need not import blosc2.

How the bits become zstd is in kernels/planes.py, how a chunk becomes a frame in blosc_frame.py. The format of a chunk:
README_CHUNK_FORMAT.rst of c-blosc2.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from spikebin.system.threads import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compress_bits", "first_planes"]

# Fields of the header of a Blosc2 chunk: the sizes of its data, its blocks and itself; codes of filters; and flags that
# are those of a chunk of one value.
HEADER, SIZES, FILTERS, MORE_FLAGS = 32, slice(4, 16), slice(16, 22), 31
# All of it, of a chunk of booleans: versions of the formats of Blosc2 and zstd; flags: the header is of this form, it
# is zstd, blocks are not split; bytes of an item; the sizes; bit-shuffle as the only filter; zstd.
FORM = "<4B3i16B"
VERSIONS, FLAGS, CODES = (5, 1), 0b1001_0101, (2, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0)

# Bytes of a plane. Of less, all that is written is as long.
SMALLEST_PLANE = 1 << 5

_rooms = Scratch(lambda size: np.empty(size, np.int64))
_written = Scratch(lambda size: np.empty(size, np.uint8))


def compress_bits(places: NDArray[np.int64], n_blocks: int, block: int) -> bytes | None:
    """The Blosc2 chunk of booleans that are True at some places, bit-shuffled and compressed with zstd.

    Parameters
    ----------
    places : int64 (n,)
        Items of the chunk, ascending, none twice.
    n_blocks, block : int
        The chunk has so many blocks of so many items.

    Returns
    -------
    bytes or None
        None where this way does not fit: nothing is True, or the blocks are very small or large, or not of whole bytes.
    """
    from spikebin.kernels import planes as kernels
    from spikebin.kernels.zstd import HEAD

    width = block // 8
    if not places.size or block % 8 or not SMALLEST_PLANE <= width <= kernels.ZSTD_BLOCK:
        return None
    most = HEADER + n_blocks * (kernels.MOST_BESIDE + 2 * width)
    # A kernel would be compiled again for arrays that may not be written to.
    places = np.require(places, np.int64, ["C", "W"])
    with _rooms.borrow(HEAD + 2 * width) as room, _written.borrow(most) as out:
        end = kernels.put_blocks(places, n_blocks, block, room, out, HEADER)
        header = struct.pack(FORM, *VERSIONS, FLAGS, 1, n_blocks * block, block, end, *CODES)
        return header + out[HEADER:end].tobytes()


def first_planes(chunk: bytes, n_blocks: int, block: int) -> bytes | None:
    """The Blosc2 chunk of the first bit plane of each block alone, not shuffled, from a chunk of `compress_bits`.

    Parameters
    ----------
    chunk : bytes
        A Blosc2 chunk that is bit-shuffled and compressed with zstd, of items of one byte.
    n_blocks, block : int
        As for `compress_bits`.

    Returns
    -------
    bytes or None
        Of ``n_blocks * (block // 8)`` bytes. None where it was not made in this way: other planes may be there, too.
    """
    from spikebin.kernels import frames
    from spikebin.kernels.planes import DESCRIPTOR, MAGIC

    width = block // 8
    header = bytearray(chunk[:HEADER])
    if block % 8 or chunk[MORE_FLAGS] or struct.unpack_from("<2i", chunk, SIZES.start) != (n_blocks * block, block):
        return None
    data = np.frombuffer(chunk, np.uint8)
    out = np.empty(len(chunk), np.uint8)
    n = frames.cut_planes(data, HEADER, n_blocks, MAGIC, DESCRIPTOR, block, width, out)
    if n == frames.OTHERWISE:
        return None
    header[SIZES] = struct.pack("<3i", n_blocks * width, width, n)
    header[FILTERS] = bytes(6)
    out[:HEADER] = header
    return out[:n].tobytes()
