"""A Blosc2 chunk of booleans made from where they are True: of the eight bit planes of a block only one is compressed.

Blosc2's bit-shuffle puts the lowest bits of all items of a block first, then the next ones, and so on. Of booleans all
but the first of these planes are zeros, which zstd finds out byte by byte. Here only the first plane is made and
compressed, an eighth of the block; that the rest are zeros is then said in a few bytes. Any reader of Blosc2 reads what
comes
chunks.py makes frames of chunks. The formats: README_CHUNK_FORMAT.rst of c-blosc2, RFC 8878 for zstd.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compress_bits", "first_planes"]

# Fields of the header of a Blosc2 chunk: its flags; the sizes of its data, its blocks and itself; codes of filters; and
# more flags, which are those of a chunk of one value.
HEADER, FLAGS, SIZES, FILTERS, MORE_FLAGS = 32, 2, slice(4, 16), slice(16, 22), 31
STORED, BITSHUFFLE = 2, bytes([2, 0, 0, 0, 0, 0])

# Below this, making planes takes longer than what is saved.
SMALLEST_PLANE = 1 << 10
# zstd has no larger blocks.
ZSTD_BLOCK = 1 << 17

MAGIC = b"\x28\xb5\x2f\xfd"
# Of a zstd frame's header: a size of four bytes follows, and the frame is one segment.
SIZE_OF_FOUR_BYTES = 0b1010_0000
RLE = 1


def compress_bits(places: NDArray[np.int64], n_blocks: int, block: int, level: int) -> bytes | None:
    """The Blosc2 chunk of booleans that are True at some places, bit-shuffled and compressed with zstd.

    Parameters
    ----------
    places : int64 (n,)
        Items of the chunk, ascending, none twice.
    n_blocks, block : int
        The chunk has so many blocks of so many items.
    level : int
        Of zstd, as Blosc2 counts; of the first plane.

    Returns
    -------
    bytes or None
        None where this way does not fit: nothing is True, the blocks are small or not of whole bytes, or a plane is one
        that Blosc2 does not compress.
    """
    import blosc2

    width = block // 8
    if not places.size or block % 8 or width < SMALLEST_PLANE:
        return None
    blosc2.set_releasegil(True)
    small = blosc2.compress2(
        _planes(places, n_blocks * width),
        codec=blosc2.Codec.ZSTD,
        clevel=level,
        typesize=1,
        filters=[blosc2.Filter.NOFILTER],
        filters_meta=[0],
        splitmode=blosc2.SplitMode.NEVER_SPLIT,
        nthreads=1,
        blocksize=width,
    )
    sizes = struct.unpack_from("<2i", small, SIZES.start)
    if small[FLAGS] & STORED or small[MORE_FLAGS] or sizes != (n_blocks * width, width):
        return None
    starts = np.frombuffer(small, "<i4", n_blocks, HEADER).tolist()
    # A stream is its size and what zstd made; a size of 0 means zeros, one below it a run of another value.
    lengths = [struct.unpack_from("<i", small, at)[0] for at in starts]
    streams = [small[at + 4 : at + 4 + n] for at, n in zip(starts, lengths, strict=True)]
    if min(lengths) < 0 or any(stream and not stream.startswith(MAGIC) for stream in streams):
        return None
    streams = [_with_zeros(stream, block, block - width) if stream else b"" for stream in streams]
    ends = np.cumsum([HEADER + 4 * n_blocks, *(4 + len(stream) for stream in streams)]).tolist()
    header = bytearray(small[:HEADER])
    header[SIZES] = struct.pack("<3i", n_blocks * block, block, ends[-1])
    header[FILTERS] = BITSHUFFLE
    sized = (part for stream in streams for part in (struct.pack("<i", len(stream)), stream))
    return b"".join([header, struct.pack(f"<{n_blocks}i", *ends[:-1]), *sized])


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

    width = block // 8
    header = bytearray(chunk[:HEADER])
    if block % 8 or chunk[MORE_FLAGS] or struct.unpack_from("<2i", chunk, SIZES.start) != (n_blocks * block, block):
        return None
    data = np.frombuffer(chunk, np.uint8)
    out = np.empty(len(chunk), np.uint8)
    magic = int.from_bytes(MAGIC, "little")
    n = frames.cut_planes(data, HEADER, n_blocks, magic, SIZE_OF_FOUR_BYTES, block, width, out)
    if n == frames.OTHERWISE:
        return None
    header[SIZES] = struct.pack("<3i", n_blocks * width, width, n)
    header[FILTERS] = bytes(6)
    out[:HEADER] = header
    return out[:n].tobytes()


def _planes(places: NDArray[np.int64], n_bytes: int) -> NDArray[np.uint8]:
    """The first bit planes of all blocks: eight items a byte, the first one lowest."""
    planes = np.zeros(n_bytes, np.uint8)
    at = places >> 3
    first = np.flatnonzero(np.diff(at, prepend=-1))
    bits = np.left_shift(1, places & 7).astype(np.uint8)
    planes[at[first]] = np.bitwise_or.reduceat(bits, first)
    return planes


def _with_zeros(frame: bytes, size: int, n_zeros: int) -> bytes:
    """A frame of zstd, whose data are then followed by zeros; `size` is how many bytes that is together."""
    at = 5 + _n_bytes_of_size(frame[4])
    parts = [MAGIC, bytes([SIZE_OF_FOUR_BYTES]), struct.pack("<I", size)]
    last = False
    while not last:
        header = int.from_bytes(frame[at : at + 3], "little")
        last, kind, length = bool(header & 1), header >> 1 & 3, header >> 3
        stop = at + 3 + (1 if kind == RLE else length)
        parts += [(header & ~1).to_bytes(3, "little"), frame[at + 3 : stop]]
        at = stop
    while n_zeros:
        n = min(n_zeros, ZSTD_BLOCK)
        n_zeros -= n
        parts.append((n << 3 | RLE << 1 | (n_zeros == 0)).to_bytes(3, "little") + b"\0")
    return b"".join(parts)


def _n_bytes_of_size(descriptor: int) -> int:
    """How many bytes follow the descriptor of a zstd frame before its first block: window and size."""
    single = descriptor >> 5 & 1
    return (1 - single) + (single, 2, 4, 8)[descriptor >> 6]
