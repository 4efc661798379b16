"""One chunk of an HDF5 array: the bytes that HDF5's own filters would have made of it, and the array back from them.

Any HDF5 program that knows the codec reads these chunks. We make and read them past HDF5, in threads, which is many
times faster. What the arrays mean is known to dense.py and gaps.py.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.matrixfile.layouts.bit_planes import compress_bits, first_planes
from spikebin.matrixfile.layouts.blosc_frame import frame_of
from spikebin.matrixfile.layouts.byte_planes import compress_bytes
from spikebin.matrixfile.seal import SEAL_SIZE
from spikebin.system.compat import frame_metadata
from spikebin.system.process import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from spikebin.system.threads import Scratch

__all__ = ["ChunkCodec", "DamagedChunkError", "FileBytes", "ShuffledBits", "chunk_places"]


# Header of a Blosc2 chunk, see README_CHUNK_FORMAT.rst of c-blosc2: codes of the filters in their order, and flags.
FILTERS, FLAGS = slice(16, 22), 2
BITSHUFFLE, STORED = 2, 2

# Header of a frame, see README_CFRAME_FORMAT.rst of c-blosc2: its size; and what differs from frame to frame: the size
# of the frame, and that of its chunks, compressed.
HEADER_SIZE, FRAME_SIZE, CHUNKS_SIZE = slice(11, 15), slice(16, 24), slice(39, 47)

# A forked child has none of the threads that Blosc2 had begun in its parent, and Blosc2 would wait for them for ever.
_PROCESS = os.getpid()

# Of smaller chunks, threads take longer to begin than to decompress them.
MANY_BYTES = 1 << 21


class DamagedChunkError(Exception):
    """A chunk that its codec cannot read; the reader of the file says which file that is."""


class Shapes(NamedTuple):
    """Of a chunk with its blocks filled up, and of its blocks."""

    padded: tuple[int, ...]
    blocks: tuple[int, ...]


class ShuffledBits(NamedTuple):
    """A decompressed chunk (1, rows, columns) of items of one byte, bit-shuffled block by block.

    Of a chunk that is known to hold booleans, the first planes of all blocks may be there alone, as those of one block.

    Attributes
    ----------
    data : uint8 (n_items,), or (n_items / 8,)
    words : uint64
        The same bytes, and some beyond where these do not fill up a word.
    block : int
        Items of a block.
    width : int
        Items of a row, those that fill up blocks included.
    """

    data: NDArray[np.uint8]
    words: NDArray[np.uint64]
    block: int
    width: int

    @property
    def alone(self) -> bool:
        """Whether the first planes are there alone."""
        return 8 * self.data.size == self.block


@dataclass(frozen=True)
class ChunkCodec:
    """How chunks of one shape are compressed.

    Parameters
    ----------
    shape : tuple of int
        The chunkshape of the HDF5 array.
    dtype : dtype
    codec : {"blosc2", "zlib"}
        zstd inside Blosc2, or HDF5's gzip.
    level : int
        Of zstd, as Blosc2 counts.
    block_items : int
        About so many items are compressed on their own, and can be read on their own; Blosc2 only.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    codec: str
    level: int
    block_items: int
    _known: dict[bytes, Shapes] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Shape of a block: whole along the last axes, 1 along the first, so that a chunk of them is in C order."""
        blocks: list[int] = []
        left = self.block_items
        for size in reversed(self.shape):
            blocks.insert(0, min(size, max(1, left)))
            left //= blocks[0]
        return tuple(blocks)

    @property
    def padded(self) -> tuple[int, ...]:
        """Shape of the chunk with its blocks filled up, which is how Blosc2 holds it; zlib needs no filling."""
        if self.codec == "zlib":
            return self.shape
        return _padded(self.shape, self.blocks)

    def filters(self) -> Any:
        """The PyTables filters that read such chunks."""
        import tables

        if self.codec == "zlib":
            return tables.Filters(complevel=1, complib="zlib", shuffle=self.dtype.itemsize > 1)
        one_byte = self.dtype.itemsize == 1
        return tables.Filters(complevel=self.level, complib="blosc2:zstd", shuffle=not one_byte, bitshuffle=one_byte)

    def compress(self, padded: NDArray[Any]) -> bytes:
        """The bytes of a chunk; threads may compress at once.

        Parameters
        ----------
        padded : ndarray
            Of the shape `padded`, C-contiguous.

        Returns
        -------
        bytes
        """
        if self.codec == "zlib":
            return self._deflate(padded)
        blocks = self.blocks
        chunk = compress_bytes(padded.reshape(-1), math.prod(blocks)) if self.dtype.itemsize > 1 else None
        if chunk is None:
            return self._to_frame(padded)
        return frame_of(chunk, self.shape, self.padded, blocks, self.dtype, self.level)

    def compress_bits(self, places: NDArray[np.int64]) -> bytes | None:
        """The bytes of a chunk of booleans, from where they are True; threads may compress at once.

        Parameters
        ----------
        places : int64 (n,)
            In a chunk of the shape `padded`, ascending.

        Returns
        -------
        bytes or None
            None where `compress` has to be used.
        """
        if self.codec != "blosc2":
            return None
        padded, blocks = self.padded, self.blocks
        block = math.prod(blocks)
        chunk = compress_bits(places, math.prod(padded) // block, block)
        return None if chunk is None else frame_of(chunk, self.shape, padded, blocks, self.dtype, self.level)

    def decompress(self, chunk: bytes, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """The complete chunk as an array.

        Parameters
        ----------
        chunk : bytes
        out : ndarray, optional
            Where it has the shape `padded`, what is returned may be a view of it.

        Returns
        -------
        ndarray
            Of the chunk's shape; read-only or not.

        Raises
        ------
        DamagedChunkError
            If its codec cannot read it, or it is of another shape or size.
        """
        if self.codec == "zlib":
            return self._inflate(chunk)
        import blosc2

        blosc2.set_releasegil(True)
        with _damage():
            data, shapes = self._compressed(chunk)
            if out is None or out.shape != shapes.padded:
                out = np.empty(shapes.padded, self.dtype)
            threads = _threads(out.nbytes)
            blosc2.decompress2(data, dst=out.reshape(-1).view(np.uint8), nthreads=threads)
        return out[tuple(map(slice, self.shape))]

    def decompress_rows(self, chunk: bytes, first: int, last: int) -> NDArray[Any]:
        """Some rows of a chunk (1, rows, columns), decompressing only the blocks they lie in.

        Parameters
        ----------
        chunk : bytes
        first, last : int
            Rows `first` to `last` (exclusive).

        Returns
        -------
        ndarray (1, last - first, columns)

        Raises
        ------
        DamagedChunkError
            If its codec cannot read it, or it is of another shape or size.
        """
        if self.codec == "zlib":
            return self._inflate(chunk)[:, first:last]
        with _damage():
            frame, padded, blocks = self._open(chunk)
            # Whole blocks: of as many items as a block has, but not from the start of one, blosc2 4.14 gives a block
            # that lies elsewhere (test_layouts.py).
            start, stop = first // blocks[1] * blocks[1], -(-last // blocks[1]) * blocks[1]
            out = np.empty((1, stop - start, padded[2]), self.dtype)
            frame.get_slice(start * padded[2], stop * padded[2], out=out.reshape(-1).view(np.uint8))
        return out[:, first - start : last - start, : self.shape[2]]

    @contextmanager
    def bits(self, chunk: bytes, scratch: Scratch) -> Iterator[ShuffledBits | None]:
        """A chunk of items of one byte before its bits are put together again, which takes most of the time.

        Parameters
        ----------
        chunk : bytes
        scratch : Scratch
            Of uint8, for as long as the bits are used.

        Yields
        ------
        ShuffledBits or None
            None where its codec does not shuffle bits.

        Raises
        ------
        DamagedChunkError
            If its codec cannot read it, or it is of another shape or size.
        """
        if self.codec == "zlib":
            yield None
            return
        import blosc2

        with _damage():
            compressed, shapes = self._compressed(chunk)
            size, block = math.prod(shapes.padded), math.prod(shapes.blocks)
            # A chunk that is stored as it is was not shuffled either.
            shuffled = compressed[FILTERS] == bytes([BITSHUFFLE, 0, 0, 0, 0, 0]) and not compressed[FLAGS] & STORED
        if not shuffled:
            yield None
            return
        data = first_planes(compressed, size // block, block) if self.dtype == bool else None
        if data is None:
            data = compressed[: FILTERS.start] + bytes(6) + compressed[FILTERS.stop :]
        else:
            size, block = size // 8, size
        with scratch.borrow(-(-size // 8) * 8) as room:
            bits = room[: -(-size // 8) * 8]
            with _damage():
                blosc2.set_releasegil(True)
                threads = _threads(size)
                blosc2.decompress2(data, dst=bits[:size], nthreads=threads)
            yield ShuffledBits(bits[:size], bits.view(np.uint64), block, shapes.padded[2])

    def _compressed(self, chunk: bytes) -> tuple[bytes, Shapes]:
        """The one chunk inside of a Blosc2 frame as it is, and its shapes."""
        import blosc2

        # Blosc2 needs half as long to take a frame apart as to decompress the events of a trial. Frames of one file
        # differ in two sizes and their chunks alone: what is like a frame that was taken apart before is not again.
        header = int.from_bytes(chunk[HEADER_SIZE], "big")
        known = (
            chunk[: FRAME_SIZE.start] + chunk[FRAME_SIZE.stop : CHUNKS_SIZE.start] + chunk[CHUNKS_SIZE.stop : header]
        )
        data = chunk[header : header + int.from_bytes(chunk[CHUNKS_SIZE], "big")]
        shapes = self._known.get(known) if int.from_bytes(chunk[FRAME_SIZE], "big") == len(chunk) else None
        # Of a chunk of zeros a frame holds nothing.
        if shapes is None or not data:
            frame, padded, blocks = self._open(chunk)
            shapes = Shapes(padded, blocks)
            found: bytes = frame.get_chunk(0)
            if found == data:
                # Those of one file are alike; damaged ones may be anything.
                self._known.clear()
                self._known[known] = shapes
            data = found
        # decompress2 writes as much as the chunk says, whatever the size of its destination.
        sizes = blosc2.get_cbuffer_sizes(data)
        if sizes[:2] != (math.prod(shapes.padded) * self.dtype.itemsize, len(data)):
            raise DamagedChunkError("its size is not that of its array")
        return data, shapes

    def _open(self, chunk: bytes) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
        """A Blosc2 frame, the shape of its chunk with its blocks filled up, and that of its blocks."""
        import blosc2

        frame = blosc2.schunk_from_cframe(chunk)
        if "b2nd" not in frame.meta:
            raise DamagedChunkError("it is not a b2nd frame")
        # As bytes, since blosc2 4.0 to 4.12 build whatever object the metadata describe, functions included.
        shape, blocks = _shapes(frame_metadata(frame, "b2nd"))
        first = next((axis for axis, block in enumerate(blocks) if block > 1), len(blocks))
        if shape != self.shape or min(blocks) < 1 or blocks[first + 1 :] != self.shape[first + 1 :]:
            raise DamagedChunkError(f"it is of shape {shape} in blocks of {blocks}, which spikebin does not write")
        padded = _padded(shape, blocks)
        items = frame.nchunks, frame.typesize, frame.nbytes
        if items != (1, self.dtype.itemsize, math.prod(padded) * self.dtype.itemsize):
            raise DamagedChunkError("its size is not that of its array")
        return frame, padded, blocks

    def _to_frame(self, padded: NDArray[Any]) -> bytes:
        """A contiguous b2nd frame of one chunk, which is what PyTables and hdf5plugin write and expect."""
        import blosc2

        # blosc2.asarray copies the array block by block and keeps the GIL; its chunk is in C order by the choice of
        # blocks, so that the frame can be made empty and its one chunk filled without either.
        blosc2.set_releasegil(True)
        array = self._empty()
        array.schunk.update_data(0, padded.reshape(-1).view(np.uint8), copy=False)
        frame: bytes = array.to_cframe()
        return frame

    def _empty(self) -> Any:
        """An array whose one chunk is yet to be filled."""
        import blosc2

        one_byte = self.dtype.itemsize == 1
        return blosc2.empty(
            self.shape,
            dtype=self.dtype,
            chunks=self.shape,
            blocks=self.blocks,
            contiguous=True,
            cparams={
                "codec": blosc2.Codec.ZSTD,
                "clevel": self.level,
                "typesize": self.dtype.itemsize,
                "filters": [blosc2.Filter.BITSHUFFLE if one_byte else blosc2.Filter.SHUFFLE],
                "filters_meta": [0],
                "splitmode": blosc2.SplitMode.NEVER_SPLIT if one_byte else blosc2.SplitMode.ALWAYS_SPLIT,
                "nthreads": 1,
            },
        )

    def _deflate(self, array: NDArray[Any]) -> bytes:
        # Both layouts are mostly runs of zeros. Z_RLE looks for nothing else: a quarter smaller than level 5 on sparse
        # booleans, and five times faster.
        flat = array.reshape(-1, 1).view(np.uint8)
        strategy = zlib.Z_RLE if self.dtype.itemsize == 1 else zlib.Z_DEFAULT_STRATEGY
        compressor = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, strategy)
        # HDF5's shuffle: the first bytes of all items, then their second bytes, and so on.
        return compressor.compress(np.ascontiguousarray(flat.T).data) + compressor.flush()

    def _inflate(self, chunk: bytes) -> NDArray[Any]:
        size = math.prod(self.shape) * self.dtype.itemsize
        stream = zlib.decompressobj()
        try:
            # A few bytes may hold any number of them: no more than one too many is made.
            planes = np.frombuffer(stream.decompress(chunk, size + 1), np.uint8)
        except zlib.error as error:
            raise DamagedChunkError(str(error)) from None
        if planes.size != size or not stream.eof:
            raise DamagedChunkError("its size is not that of its array")
        items = np.ascontiguousarray(planes.reshape(self.dtype.itemsize, -1).T)
        return items.view(self.dtype).reshape(self.shape)


def _threads(n_bytes: int) -> int:
    """How many threads decompress so much: one in a worker, since its siblings take the other cores."""
    alone = os.getpid() == _PROCESS and multiprocessing.parent_process() is None
    return usable_cores() if alone and n_bytes >= MANY_BYTES else 1


@contextmanager
def _damage() -> Iterator[None]:
    """Whatever Blosc2 raises on a chunk means that it is damaged."""
    try:
        yield
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError, struct.error) as error:
        raise DamagedChunkError(str(error)) from error


def _shapes(meta: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape and blocks in the metadata of a b2nd frame.

    In MessagePack, and always in the same form: an array of version, number of axes n, n int64 (shape), n int32 (shape
    of chunks), n int32 (blocks), and the dtype; see README_B2ND_METALAYER.rst of c-blosc2.
    """
    n = meta[2]
    numbers = struct.unpack_from(f">3xx{'xq' * n}x{'xi' * n}x{'xi' * n}", meta)
    return numbers[:n], numbers[2 * n :]


def _padded(shape: Sequence[int], blocks: Sequence[int]) -> tuple[int, ...]:
    return tuple(-(-size // block) * block for size, block in zip(shape, blocks, strict=True))


class FileBytes(NamedTuple):
    """The bytes of a file: how many, and what reads ``n`` of them from an offset."""

    size: int
    read: Callable[[int, int], bytes]


def chunk_places(array: Any, shape: tuple[int, ...], chunkshape: tuple[int, ...], data: FileBytes) -> NDArray[np.int64]:
    """Where the chunks of a PyTables array lie.

    Parameters
    ----------
    array : tables.CArray
    shape, chunkshape : tuple of int
        What it must have; a chunk holds one trial, or a part of it.
    data : FileBytes
        Of the file that it lies in.

    Returns
    -------
    ndarray (n_trials, n_chunks, 2)
        Offset in the file, and size.

    Raises
    ------
    DamagedChunkError
        If the array is another, lacks a chunk, or its first chunk does not lie where HDF5 says.
    """
    name = array._v_pathname
    if (array.shape, array.chunkshape) != (shape, chunkshape):
        raise DamagedChunkError(
            f"{name} is of shape {array.shape} in chunks of {array.chunkshape}, not {shape} in {chunkshape}"
        )
    # Before anything is counted: a file of 4 kB may claim to hold any number of them.
    if math.prod(-(-n // m) for n, m in zip(shape, chunkshape, strict=True)) > data.size:
        raise DamagedChunkError(f"{name} is said to have more chunks than its file has bytes")
    corners = product(*(range(0, n, m) for n, m in zip(shape, chunkshape, strict=True)))
    infos = [array.chunk_info(corner) for corner in corners]
    if any(info.offset is None for info in infos):
        raise DamagedChunkError(f"{name} lacks chunks")
    places = np.array([(info.offset, info.size) for info in infos], np.int64)
    places[:, 0] += _base(array, infos[0], data)
    if (places < 0).any() or (places.sum(axis=1) > data.size).any():
        raise DamagedChunkError(f"{name} has chunks outside of its file")
    return places.reshape(shape[0], -1, 2)


def _base(array: Any, info: Any, data: FileBytes) -> int:
    """Where HDF5 counts offsets from: some versions from the start of the file, some from the end of its user block."""
    chunk = array.read_chunk((0,) * array.ndim)
    for base in (0, array._v_file.get_userblock_size()):
        if info.offset + base >= SEAL_SIZE and data.read(info.size, info.offset + base) == chunk:
            return int(base)
    raise DamagedChunkError("its first chunk is not where HDF5 says")
