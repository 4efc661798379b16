"""A Blosc2 chunk of whole numbers of several bytes: of each block the first bytes of all, then the second ones.

Blosc2's shuffle puts them so. Of the gaps between events, each of these planes is as random as its bytes are rare, and
zeros in a row are all that repeats in it. kernels/planes.py writes it as zstd in less time than zstd needs to
find that out.

How a chunk becomes a frame is in blosc_frame.py. The format of a chunk: README_CHUNK_FORMAT.rst of c-blosc2.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.matrixfile.layouts.bit_planes import FORM, HEADER, VERSIONS
from spikebin.system.threads import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compress_bytes"]

# See bit_planes.py: blocks are split, shuffle is the only filter.
FLAGS, CODES = 0b1000_0101, (1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0)

# Items of a block. Blosc2 does not split smaller ones.
SMALLEST_BLOCK = 1 << 7

_rooms = Scratch(lambda size: np.empty(size, np.int64))
_written = Scratch(lambda size: np.empty(size, np.uint8))


def compress_bytes(items: NDArray[np.unsignedinteger[Any]], block: int) -> bytes | None:
    """The Blosc2 chunk of whole numbers, shuffled and compressed with zstd.

    Parameters
    ----------
    items : uint16, uint32 or uint64 (n,)
        The chunk; C-contiguous, and whole blocks.
    block : int
        Items of a block.

    Returns
    -------
    bytes or None
        None where this way does not fit: all of them are 0, or the blocks are very small or very large.
    """
    from spikebin.kernels import planes as kernels
    from spikebin.kernels.zstd import HEAD

    if not SMALLEST_BLOCK <= block <= kernels.ZSTD_BLOCK or not items.any():
        return None
    n_blocks, size = items.size // block, items.itemsize
    most = HEADER + n_blocks * size * (kernels.MOST_BESIDE + 2 * block)
    with _rooms.borrow(HEAD + 2 * block) as room, _written.borrow(most) as out:
        end = kernels.put_byte_planes(items.view(np.uint8), n_blocks, block, size, room, out, HEADER)
        header = struct.pack(FORM, *VERSIONS, FLAGS, size, items.nbytes, block * size, end, *CODES)
        return header + out[HEADER:end].tobytes()
