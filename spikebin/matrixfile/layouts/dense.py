"""The layout "matrix": the matrix itself, dense, a chunk a trial.

How a chunk is compressed is in chunks.py; what a file holds besides, and when it is complete, is not known here.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.cached import cached_property
from spikebin.matrixfile.layouts.cells import Cells, Into, Use, add_cells, checked_status, index_type
from spikebin.matrixfile.layouts.chunks import ChunkCodec, DamagedChunkError, chunk_places
from spikebin.system.threads import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from spikebin.binning.trial import TrialEvents
    from spikebin.matrixfile.layouts.chunks import FileBytes, ShuffledBits
    from spikebin.matrixfile.lazy import Selector

__all__ = ["MatrixLayout"]

CHUNK_ROWS = 1 << 16

CHUNK_CELLS = 1 << 26

# Larger blocks compress better, smaller ones make slices of a few neurons faster. At the model's low rates the level
# makes a tenth of the size, which levels below 5 do not reach with blocks that are as quick to read.
MATRIX_LEVEL, MATRIX_BLOCK = 5, 3 << 16

# Cells of a trial that there is room for at first.
ROOM = 1 << 16

# For all files, of which a data set has thousands.
_decoded = Scratch(lambda size: np.empty(size, np.uint8))


class MatrixLayout:
    """A CArray ``/spikes`` (trial, neuron, time); a chunk is one trial, all (or up to 65,536) neurons, all bins.

    Parameters
    ----------
    shape : tuple of int
        (trial, neuron, time) of the complete matrix.
    dtype : dtype
        bool, or uint8 for counts.
    codec : {"blosc2", "zlib"}
    """

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype[Any], codec: str) -> None:
        self.shape = shape
        self.dtype = dtype
        rows = min(shape[1], CHUNK_ROWS)
        columns = min(shape[2], CHUNK_CELLS // rows)
        self._codec = ChunkCodec((1, rows, columns), dtype, codec, MATRIX_LEVEL, MATRIX_BLOCK)
        # Zeroed when they are given back.
        self._buffers = Scratch(lambda size: np.zeros(size, dtype))

    @cached_property
    def _corners(self) -> list[tuple[int, int]]:
        """First row and column of each chunk of a trial; made when needed, since a seal may claim any shape."""
        _, rows, columns = self._codec.shape
        return list(product(range(0, self.shape[1], rows), range(0, self.shape[2], columns)))

    def create(self, file: Any) -> None:
        """Make the empty ``/spikes`` of an open PyTables file.

        Parameters
        ----------
        file : tables.File
            Open for writing.
        """
        import tables

        file.create_carray(
            "/",
            "spikes",
            tables.BoolAtom() if self.dtype == bool else tables.UInt8Atom(),
            shape=self.shape,
            chunkshape=self._codec.shape,
            filters=self._codec.filters(),
            track_times=False,
        )

    def encode(self, events: TrialEvents) -> list[bytes]:
        """Compress one trial; threads may encode at once.

        Parameters
        ----------
        events : TrialEvents

        Returns
        -------
        list of bytes
            Its chunks, by row, then by column.
        """
        chunks = []
        for row, column in self._corners:
            cells, values = self._cells(events, row, column)
            chunk = self._codec.compress_bits(cells) if self.dtype == bool else None
            chunks.append(self._compress(cells, values) if chunk is None else chunk)
        return chunks

    def _compress(self, cells: NDArray[np.int64], values: NDArray[np.uint8]) -> bytes:
        with self._buffers.borrow(math.prod(self._codec.padded)) as buffer:
            buffer[cells] = values
            chunk = self._codec.compress(buffer.reshape(self._codec.padded))
            # Emptying the few cells that were filled is cheaper than zeroing the complete chunk.
            buffer[cells] = 0
        return chunk

    def append(self, file: Any, trial: int, encoded: list[bytes]) -> None:
        """Write one trial as `encode` made it.

        Parameters
        ----------
        file : tables.File
        trial : int
            Row of the matrix.
        encoded : list of bytes
        """
        for (row, column), chunk in zip(self._corners, encoded, strict=True):
            file.root.spikes.write_chunk((trial, row, column), chunk)

    def finish(self, file: Any, threads: int) -> None:
        """Nothing is left to be written after the last trial.

        Parameters
        ----------
        file : tables.File
        threads : int
        """

    @property
    def chunks_text(self) -> str:
        """What a chunk holds, for people."""
        return f"in chunks of {' x '.join(map(str, self._codec.shape))}"

    @property
    def n_chunks(self) -> int:
        """Chunks of a trial."""
        return len(self._corners)

    def attach(self, file: Any) -> None:
        """Nothing has to be learned from a file before it is read.

        Parameters
        ----------
        file : tables.File
        """

    def places(self, file: Any, data: FileBytes) -> NDArray[np.int64]:
        """Where the chunks of each trial lie.

        Parameters
        ----------
        file : tables.File
        data : FileBytes
            Of that file.

        Returns
        -------
        int64 (n_trials, n_chunks, 2)
            Offset in the file, and bytes.

        Raises
        ------
        DamagedChunkError
            As `spikebin.matrixfile.layouts.chunks.chunk_places`.
        """
        return chunk_places(file.get_node("/", "spikes", "Array"), self.shape, self._codec.shape, data)

    def block(
        self, chunks: Callable[[int, int], bytes], trials: Selector, rows: Selector, columns: Selector
    ) -> NDArray[Any]:
        """The outer product of trials, rows and columns.

        Parameters
        ----------
        chunks : callable
            ``chunks(trial, i)`` gives the bytes of chunk i of a trial.
        trials, rows, columns : Selector
            See `spikebin.matrixfile.lazy`.

        Returns
        -------
        ndarray (len(trials), len(rows), len(columns))

        Raises
        ------
        DamagedChunkError
            If a chunk is not what spikebin writes.
        """
        scratch = np.empty(self._codec.padded, self.dtype)
        if len(trials) == 1:
            return self._trial(partial(chunks, int(trials[0])), rows, columns, scratch)[np.newaxis]
        out = np.empty((len(trials), len(rows), len(columns)), self.dtype)
        for i, trial in enumerate(trials):
            out[i] = self._trial(partial(chunks, int(trial)), rows, columns, scratch)
        return out

    def events(self, chunks: Callable[[int, int], bytes], trial: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Where one trial is not empty.

        Parameters
        ----------
        chunks : callable
            As for `block`.
        trial : int

        Returns
        -------
        flat : int64 (n_events,)
            ``row * n_columns + bin``, ascending.
        values : uint8 (n_events,)
            What these cells hold.

        Raises
        ------
        DamagedChunkError
            If a chunk is not what spikebin writes.
        """
        rows, bins, values = self.cells(chunks, trial)
        flat = rows.astype(np.int64) * self.shape[2] + bins
        values = values if values.size else np.ones(flat.size, np.uint8)
        if len(self._corners) == 1:
            return flat, values
        ascending = np.argsort(flat)
        return flat[ascending], values[ascending]

    def cells(self, chunks: Callable[[int, int], bytes], trial: int) -> Cells:
        """Where one trial is not empty, chunk by chunk.

        Parameters
        ----------
        chunks, trial
            As for `events`.

        Returns
        -------
        Cells

        Raises
        ------
        DamagedChunkError
            If a chunk is not what spikebin writes.
        """
        kind = index_type(self.shape)
        counting = self.dtype != bool
        found = Cells(np.empty(ROOM, kind), np.empty(ROOM, kind), np.empty(ROOM if counting else 0, np.uint8))
        n = 0
        for i, corner in enumerate(self._corners):
            chunk = chunks(trial, i)
            with self._codec.bits(chunk, _decoded) as bits:
                add = partial(self._add_dense, chunk) if bits is None else partial(self._add_bits, bits)
                n_now = add(corner, found, n)
                if n_now > found.rows.size:
                    found = _longer(found, n, n_now)
                    n_now = add(corner, found, n)
                n = n_now
        return Cells(found.rows[:n], found.bins[:n], found.values[:n])

    def add(self, chunks: Callable[[int, int], bytes], trial: int, uses: Sequence[Use], into: Into) -> list[int]:
        """Add the events of one trial to an array, chunk by chunk.

        Parameters
        ----------
        chunks, trial
            As for `events`.
        uses : sequence of Use
        into : Into

        Returns
        -------
        list of int
            The items in which some cell cannot hold what it should.

        Raises
        ------
        DamagedChunkError
            If a chunk is not what spikebin writes.
        """
        from spikebin.kernels import adding as kernels

        if len(self._corners) > 1:
            return add_cells(self.cells(chunks, trial), uses, into)
        chunk = chunks(trial, 0)
        with self._codec.bits(chunk, _decoded) as bits:
            if bits is None or bits.width != self.shape[2]:
                return add_cells(self.cells(lambda *_: chunk, trial), uses, into)
            n_planes = 1 if self.dtype == bool else 8
            mask = np.empty(0 if bits.alone else -(-bits.block // 64), np.uint64)
            rows, *rest = into
            too_large = []
            for use in uses:
                to = rows, use.columns, rest[0], use.offset, *rest[1:]
                if bits.alone:
                    status = kernels.add_bits(bits.words, bits.width, use.first, use.stop, *to)
                else:
                    status = kernels.add_planes(bits.data, bits.block, n_planes, bits.width, mask, *to)
                if checked_status(status):
                    too_large.append(use.item)
            return too_large

    def _add_bits(self, bits: ShuffledBits, corner: tuple[int, int], found: Cells, n: int) -> int:
        """List the cells of a chunk after the first `n`; how many there are then, whether they fit or not."""
        from spikebin.kernels import views as kernels

        n_rows, n_bins = self._inside(corner)
        mask = np.empty(-(-bits.block // 64), np.uint64)
        n_planes = 8 if found.values.size else 1
        n = kernels.list_bits(*bits[:3], n_planes, bits.width, *corner, n_rows, n_bins, mask, n, *found)
        if n == kernels.DAMAGED:
            raise DamagedChunkError("it holds spikes outside of the matrix")
        return n

    def _add_dense(self, chunk: bytes, corner: tuple[int, int], found: Cells, n: int) -> int:
        """As `_add_bits`, of a chunk whose bits are not shuffled."""
        n_rows, n_bins = self._inside(corner)
        dense = np.ascontiguousarray(self._codec.decompress(chunk)[0, :n_rows, :n_bins]).reshape(-1).view(np.uint8)
        flat = _nonzero(dense)
        if n + flat.size <= found.rows.size:
            place = slice(n, n + flat.size)
            found.rows[place], found.bins[place] = np.divmod(flat, n_bins)
            found.rows[place] += corner[0]
            found.bins[place] += corner[1]
            if found.values.size:
                found.values[place] = dense[flat]
        return n + flat.size

    def _inside(self, corner: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of the chunk at a corner that lie in the matrix."""
        _, rows, columns = self._codec.shape
        return min(rows, self.shape[1] - corner[0]), min(columns, self.shape[2] - corner[1])

    def _cells(self, events: TrialEvents, row: int, column: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Which items of a padded chunk are not empty, and what they hold."""
        _, n_rows, n_columns = self._codec.shape
        width = self._codec.padded[2]
        first, last = np.searchsorted(events.flat, [row * self.shape[2], (row + n_rows) * self.shape[2]])
        flat, values = events.flat[first:last], events.values[first:last]
        # New memory for nothing would take longer than what is done with it.
        flat = flat - row * self.shape[2] if row else flat
        # A chunk of fewer columns may be as wide as the matrix once it is filled up.
        if n_columns == width == self.shape[2]:
            return flat, values
        rows, columns = np.divmod(flat, self.shape[2])
        inside = (columns >= column) & (columns < column + n_columns)
        return rows[inside] * width + columns[inside] - column, values[inside]

    def _trial(
        self, chunks: Callable[[int], bytes], rows: Selector, columns: Selector, scratch: NDArray[Any]
    ) -> NDArray[Any]:
        """``(rows, columns)`` of one trial, perhaps a view of `scratch`."""
        out: NDArray[Any] | None = None
        for i, (row, column) in enumerate(self._corners):
            row_places, row_inside = _within(rows, row, self._codec.shape[1])
            column_places, column_inside = _within(columns, column, self._codec.shape[2])
            if len(row_inside) and len(column_inside):
                part = self._part(chunks(i), row_inside, column_inside, scratch)
                if part.shape == (len(rows), len(columns)):
                    return part if part.flags.writeable else part.copy()
                out = np.empty((len(rows), len(columns)), self.dtype) if out is None else out
                out[np.ix_(row_places, column_places)] = part
        return np.empty((len(rows), len(columns)), self.dtype) if out is None else out

    def _part(self, chunk: bytes, rows: Selector, columns: Selector, scratch: NDArray[Any]) -> NDArray[Any]:
        """The outer product of rows and columns of a chunk."""
        first, last = _ends(rows)
        # Many rows: the complete chunk in threads is faster than the blocks that hold them in one.
        if 2 * (last - first) < self._codec.shape[1]:
            part = self._codec.decompress_rows(chunk, first, last)[0]
        else:
            part = self._codec.decompress(chunk, scratch)[0, first:last]
        part = part if _is_slice(rows) else np.take(part, np.asarray(rows) - first, axis=0)
        if _is_slice(columns):
            return part[:, int(columns[0]) : int(columns[-1]) + 1]
        return np.take(part, np.asarray(columns), axis=1)


def _longer(found: Cells, n: int, size: int) -> Cells:
    """Room for more cells, with the first `n` that are there already; values that are not needed stay so."""
    kind = found.rows.dtype
    values = np.empty(size if found.values.size else 0, np.uint8)
    longer = Cells(np.empty(size, kind), np.empty(size, kind), values)
    for old, new in zip(found, longer, strict=True):
        new[:n] = old[:n]
    return longer


def _within(selector: Selector, first: int, size: int) -> tuple[NDArray[np.intp], Selector]:
    """Of the positions of a selector that lie in a chunk: their places in the selector, and in the chunk."""
    if isinstance(selector, range):
        low, high = _ends(selector) if selector else (first, first)
        if first <= low and high <= first + size:
            return np.arange(len(selector)), range(selector.start - first, selector.stop - first, selector.step)
    positions = np.asarray(selector, np.intp)
    places = np.flatnonzero((positions >= first) & (positions < first + size))
    return places, positions[places] - first


def _ends(selector: Selector) -> tuple[int, int]:
    """Lowest position of a selector, and the one after its highest; selectors run one way."""
    low, high = sorted((int(selector[0]), int(selector[-1])))
    return low, high + 1


def _nonzero(cells: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where bytes are not zero. Eight at a time, since in nearly all places they are."""
    whole = cells.size // 8 * 8
    words = np.flatnonzero(cells[:whole].view(np.uint64) != 0)
    word, byte = cells[:whole].reshape(-1, 8)[words].nonzero()
    return np.concatenate([words[word] * 8 + byte, whole + np.flatnonzero(cells[whole:])])


def _is_slice(selector: Selector) -> bool:
    return isinstance(selector, range) and selector.step == 1
