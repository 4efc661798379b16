"""How a trial is laid out in a matrix file: bytes of its chunks from events, and blocks or events back from them.

The layout "matrix": one chunk holds one trial, all (or up to 65,536) neurons, all bins, compressed by us and
written past HDF5's filters, which reads 2 to 60 times faster than what they write. What a file holds besides, and
when it is whole, is not known here.
"""

from __future__ import annotations

import threading
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from spikebin.events import TrialEvents
    from spikebin.lazy import Selector

__all__ = ["MatrixLayout", "make_layout"]

CHUNK_ROWS = 65_536
CHUNK_CELLS = 1 << 27
BLOCK_ROWS = 256
BLOCK_CELLS = 1 << 21
ZLIB_LEVEL = 5
ZSTD_LEVEL = 1


class MatrixLayout:
    """Dense chunks of one trial each in a CArray ``/spikes``.

    Parameters
    ----------
    shape : tuple of int
        (trial, neuron, time) of the whole matrix.
    dtype : dtype
        bool, or uint8 for counts.
    codec : {"blosc2", "zlib"}
    """

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype[Any], codec: str) -> None:
        self.shape = shape
        self.dtype = dtype
        self.codec = codec
        rows = min(shape[1], CHUNK_ROWS)
        self.chunkshape = (1, rows, min(shape[2], max(1, CHUNK_CELLS // rows)))
        self._buffers = threading.local()

    def create(self, file: Any) -> None:
        """Make the empty ``/spikes`` of an open PyTables file."""
        import tables

        file.create_carray(
            "/",
            "spikes",
            tables.BoolAtom() if self.dtype == bool else tables.UInt8Atom(),
            shape=self.shape,
            chunkshape=self.chunkshape,
            filters=tables.Filters(
                complevel=ZSTD_LEVEL, complib="blosc2:zstd", shuffle=False, bitshuffle=True
            )
            if self.codec == "blosc2"
            else tables.Filters(complevel=ZLIB_LEVEL, complib="zlib", shuffle=False),
            track_times=False,
        )

    def encode(self, events: TrialEvents) -> list[bytes]:
        """Compress one trial; threads may encode at once.

        Returns
        -------
        list of bytes
            One for each chunk of the trial, in the order of `corners`.
        """
        buffer = self._buffer()
        _, n_rows, n_columns = self.chunkshape
        encoded = []
        for first_row, first_column in self.corners():
            place = (
                self.shape[2],
                first_row,
                first_column,
                n_rows,
                n_columns,
                buffer.reshape(-1).view(np.uint8),
            )
            kernels.scatter(events.flat, events.values, *place)
            encoded.append(self._compress(buffer))
            # Emptying the few cells that were filled is cheaper than zeroing the whole chunk.
            kernels.scatter(events.flat, np.zeros(events.flat.size, np.uint8), *place)
        return encoded

    def corners(self) -> list[tuple[int, int]]:
        """First row and first column of each chunk of a trial."""
        _, n_rows, n_columns = self.chunkshape
        return [
            (row, column)
            for row in range(0, self.shape[1], n_rows)
            for column in range(0, self.shape[2], n_columns)
        ]

    def append(self, file: Any, trial: int, encoded: list[bytes]) -> None:
        """Write the chunks of one trial."""
        for (row, column), chunk in zip(self.corners(), encoded, strict=True):
            file.root.spikes.write_chunk((trial, row, column), chunk)

    def finish(self, file: Any) -> None:
        """Nothing is left to be written after the last trial."""

    def places(self, file: Any) -> NDArray[np.int64]:
        """Where the chunks of each trial lie: (n_trials, n_chunks, 2) of offset in the HDF5 file, and size."""
        infos = [
            [file.root.spikes.chunk_info((trial, row, column)) for row, column in self.corners()]
            for trial in range(self.shape[0])
        ]
        return np.array([[(info.offset, info.size) for info in row] for row in infos], np.int64)

    def block(self, chunks: Callable[[int], bytes], rows: Selector, columns: Selector) -> NDArray[Any]:
        """``(rows, columns)`` of one trial, as an array of their lengths; ``chunks(i)`` reads its chunk i."""
        _, n_rows, n_columns = self.chunkshape
        out = np.empty((len(rows), len(columns)), self.dtype)
        for i, (row, column) in enumerate(self.corners()):
            row_places, row_inside = _within(rows, row, n_rows)
            column_places, column_inside = _within(columns, column, n_columns)
            if len(row_inside) and len(column_inside):
                part = self._decompress(chunks(i), row_inside, column_inside)
                if part.shape == out.shape:
                    return part
                out[np.ix_(row_places, column_places)] = part
        return out

    def events(self, chunks: Callable[[int], bytes]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Flat indices (int64, ascending) and values (uint8) of the cells of one trial that are not empty."""
        dense = self.block(chunks, range(self.shape[1]), range(self.shape[2])).reshape(-1)
        flat = np.flatnonzero(dense).astype(np.int64, copy=False)
        return flat, dense[flat].view(np.uint8)

    def _buffer(self) -> NDArray[Any]:
        buffer: NDArray[Any] | None = getattr(self._buffers, "chunk", None)
        if buffer is None:
            buffer = self._buffers.chunk = np.zeros(self.chunkshape, self.dtype)
        return buffer

    def _compress(self, chunk: NDArray[Any]) -> bytes:
        if self.codec == "zlib":
            return zlib.compress(chunk.data, ZLIB_LEVEL)
        import blosc2

        _, rows, columns = chunk.shape
        block_columns = min(columns, BLOCK_CELLS)
        array = blosc2.asarray(
            chunk,
            chunks=chunk.shape,
            blocks=(1, min(rows, BLOCK_ROWS, max(1, BLOCK_CELLS // block_columns)), block_columns),
            cparams={
                "codec": blosc2.Codec.ZSTD,
                "clevel": ZSTD_LEVEL,
                "typesize": 1,
                "filters": [blosc2.Filter.BITSHUFFLE],
                "filters_meta": [0],
                "nthreads": 1,
            },
        )
        frame: bytes = array.to_cframe()
        return frame

    def _decompress(self, chunk: bytes, rows: Selector, columns: Selector) -> NDArray[Any]:
        if self.codec == "zlib":
            dense = np.frombuffer(zlib.decompress(chunk), self.dtype).reshape(self.chunkshape)[0]
            return np.array(dense[_as_slice(rows)][:, _as_slice(columns)])
        import blosc2

        array = blosc2.ndarray_from_cframe(chunk)
        box = tuple(slice(int(min(which)), int(max(which)) + 1) for which in (rows, columns))
        part: NDArray[Any] = array[(slice(0, 1), *box)].reshape([place.stop - place.start for place in box])
        for axis, which in enumerate((rows, columns)):
            if not (isinstance(which, range) and which.step == 1):
                part = np.take(part, np.asarray(which) - box[axis].start, axis=axis)
        return part


def make_layout(name: str, shape: tuple[int, int, int], dtype: np.dtype[Any], codec: str) -> MatrixLayout:
    """The layout of a name, for a matrix of this shape."""
    return {"matrix": MatrixLayout}[name](shape, dtype, codec)


def _within(selector: Selector, first: int, size: int) -> tuple[NDArray[np.intp], Selector]:
    """Of the positions of a selector that lie in a chunk: their places in the selector, and in the chunk."""
    if isinstance(selector, range) and (
        not selector or (min(selector) >= first and max(selector) < first + size)
    ):
        return np.arange(len(selector)), range(selector.start - first, selector.stop - first, selector.step)
    positions = np.asarray(selector, np.intp)
    places = np.flatnonzero((positions >= first) & (positions < first + size))
    return places, positions[places] - first


def _as_slice(selector: Selector) -> slice | NDArray[np.intp]:
    if isinstance(selector, range) and selector.step > 0:
        return slice(selector.start, selector.stop, selector.step)
    return np.asarray(selector, np.intp)
