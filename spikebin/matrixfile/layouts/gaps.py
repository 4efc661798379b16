"""The layout "events": where each trial is not empty, as gaps, close to the entropy of the spikes.

What is in the file and how to read it without spikebin: README.md, "The two layouts". chunks.py compresses a chunk.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.matrixfile.layouts.cells import Cells, Into, Use, checked_status, index_type
from spikebin.matrixfile.layouts.chunks import ChunkCodec, DamagedChunkError, chunk_places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from spikebin.binning.trial import TrialEvents
    from spikebin.matrixfile.layouts.chunks import FileBytes
    from spikebin.matrixfile.lazy import Selector

__all__ = ["EventsLayout"]

CHUNK_EVENTS = 1 << 24
LEVEL = 4
BLOCK_EVENTS = 1 << 14


class PackedTrial(NamedTuple):
    """A trial on its way into the file."""

    gaps: NDArray[np.unsignedinteger[Any]]
    counts: NDArray[np.uint8]
    row_sizes: NDArray[np.int64]


class EventsLayout:
    """A CArray ``/events`` (trial, event) of gaps; a chunk is one trial.

    The neurons are taken in order of falling rate, see `rate_classes`. In this order, cell ``place * n_columns + bin``
    is a bin of the neuron at that place. A row of ``/events`` holds the distance of each cell that is not empty from
    the one before it (of the first from cell -1), then zeros. For counts, ``/counts`` holds what these cells hold.

    Parameters
    ----------
    shape, dtype, codec
        See `spikebin.matrixfile.layouts.dense.MatrixLayout`.

    Notes
    -----
    Gaps of one rate are geometrically distributed. Such a distribution has no memory: the low and the high byte of
    a gap are independent, so that compressing each of them on its own loses nothing; and neurons of like rate beside
    each other share the code of a block. This comes within a tenth of the entropy of the spikes given the rates.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype[Any], codec: str) -> None:
        self.shape = shape
        self.dtype = dtype
        self.codec = codec
        self._packed: list[PackedTrial] = []
        self._classes = b""
        self._codecs: list[ChunkCodec] = []
        self._n_chunks = 0

    def create(self, file: Any) -> None:
        """Nothing can be written before the rates are known.

        Parameters
        ----------
        file : tables.File
        """

    def encode(self, events: TrialEvents) -> PackedTrial:
        """Pack one trial; threads may encode at once.

        Parameters
        ----------
        events : TrialEvents

        Returns
        -------
        PackedTrial
        """
        counts = np.empty(0, np.uint8) if events.counts is None else events.counts
        return PackedTrial(
            _gaps(events.flat), counts, np.bincount(events.flat // self.shape[2], minlength=self.shape[1])
        )

    def append(self, file: Any, trial: int, encoded: PackedTrial) -> None:  # noqa: ARG002
        """Keep one trial as `encode` made it.

        Parameters
        ----------
        file : tables.File
        trial : int
            They come in order.
        encoded : PackedTrial
        """
        if self._packed:
            encoded.row_sizes[:] += self._packed[-1].row_sizes
            self._packed[-1] = self._packed[-1]._replace(row_sizes=np.empty(0, np.int64))
        self._packed.append(encoded)

    def finish(self, file: Any, threads: int) -> None:
        """Write all trials, of which there is one at least.

        Parameters
        ----------
        file : tables.File
            Open for writing.
        threads : int
            How many sort and compress at once.
        """
        classes = rate_classes(self._packed[-1].row_sizes)
        self._classes = classes.tobytes()
        with ThreadPoolExecutor(threads) as pool:
            for i, packed in enumerate(pool.map(self._in_order, self._packed)):
                self._packed[i] = packed
            n_events = max(1, *(packed.gaps.size for packed in self._packed))
            self._codecs = self._make_codecs(np.result_type(*(packed.gaps for packed in self._packed)), n_events)
            self._n_chunks = -(-n_events // self._codecs[0].shape[1])
            arrays = self._create(file, n_events, classes)
            for trial, encoded in enumerate(pool.map(self._compressed, self._packed)):
                for array, chunks in zip(arrays, encoded, strict=True):
                    for i, chunk in enumerate(chunks):
                        array.write_chunk((trial, i * array.chunkshape[1]), chunk)

    @property
    def chunks_text(self) -> str:
        """What a chunk holds, for people."""
        return "in chunks of the events of a trial"

    @property
    def n_chunks(self) -> int:
        """Chunks of a trial, once they are written or attached to."""
        return self._n_chunks * len(self._codecs)

    def attach(self, file: Any) -> None:
        """Learn what reading needs: the order of the neurons, the type of the gaps, and how many chunks there are.

        Parameters
        ----------
        file : tables.File

        Raises
        ------
        DamagedChunkError
            If the arrays are not what spikebin writes.
        """
        n_nodes = 2 if self.dtype == bool else 3
        classes, *arrays = (file.get_node("/", name, "Array") for name in ("rate_class", "events", "counts")[:n_nodes])
        if (
            classes.shape != self.shape[1:2]
            or classes.dtype != np.uint8
            or arrays[0].ndim != 2
            or arrays[0].dtype.kind != "u"
        ):
            raise DamagedChunkError("/rate_class or /events is not what spikebin writes")
        if arrays[0].attrs.n_columns != self.shape[2]:
            raise DamagedChunkError(f"/events has {arrays[0].attrs.n_columns} columns, not {self.shape[2]}")
        n_events = int(arrays[0].shape[1])
        codecs = self._make_codecs(arrays[0].dtype, n_events)
        self._classes, self._codecs = classes[:].tobytes(), codecs
        self._n_chunks = -(-n_events // codecs[0].shape[1])

    def places(self, file: Any, data: FileBytes) -> NDArray[np.int64]:
        """Where the chunks of each trial lie; `attach` comes first.

        Parameters
        ----------
        file : tables.File
        data : FileBytes
            Of that file.

        Returns
        -------
        int64 (n_trials, n_chunks, 2)
            As `spikebin.matrixfile.layouts.dense.MatrixLayout.places`; for counts, the chunks of ``/events`` first.

        Raises
        ------
        DamagedChunkError
            As `spikebin.matrixfile.layouts.chunks.chunk_places`.
        """
        arrays = [file.get_node("/", name, "Array") for name in ("events", "counts")[: len(self._codecs)]]
        n_events = int(arrays[0].shape[1])
        places = [
            chunk_places(array, (self.shape[0], n_events), codec.shape, data)
            for array, codec in zip(arrays, self._codecs, strict=True)
        ]
        return np.concatenate(places, axis=1)

    def block(
        self, chunks: Callable[[int, int], bytes], trials: Selector, rows: Selector, columns: Selector
    ) -> NDArray[Any]:
        """The outer product of trials, rows and columns.

        Parameters
        ----------
        chunks, trials, rows, columns
            As for `spikebin.matrixfile.layouts.dense.MatrixLayout.block`.

        Returns
        -------
        ndarray (len(trials), len(rows), len(columns))

        Raises
        ------
        DamagedChunkError
            If a chunk is not what spikebin writes, or its gaps lead out of the matrix.
        """
        out = np.zeros((len(trials), len(rows), len(columns)), self.dtype)
        whole = _is_all(rows, self.shape[1]) and _is_all(columns, self.shape[2])
        out_rows, out_columns = _inverse(rows, self.shape[1]), _inverse(columns, self.shape[2])
        for i, trial in enumerate(trials):
            flat, values = self._scattered(partial(chunks, int(trial)))
            if not whole:
                flat_rows, flat_columns = np.divmod(flat, self.shape[2])
                flat_rows, flat_columns = out_rows[flat_rows], out_columns[flat_columns]
                inside = (flat_rows >= 0) & (flat_columns >= 0)
                flat = flat_rows[inside] * len(columns) + flat_columns[inside]
                values = values if self.dtype == bool else values[inside]
            out[i].reshape(-1)[flat] = values
        return out

    def events(self, chunks: Callable[[int, int], bytes], trial: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Where one trial is not empty.

        Parameters
        ----------
        chunks, trial
            As for `spikebin.matrixfile.layouts.dense.MatrixLayout.events`.

        Returns
        -------
        flat : int64 (n_events,)
            ``row * n_columns + bin``, ascending.
        values : uint8 (n_events,)
            What these cells hold.

        Raises
        ------
        DamagedChunkError
            If a chunk is not what spikebin writes, or its gaps lead out of the matrix.
        """
        flat, values = self._scattered(partial(chunks, trial))
        if self.dtype == bool:
            flat.sort()
            return flat, np.ones(flat.size, np.uint8)
        ascending = np.argsort(flat)
        return flat[ascending], values[ascending]

    def cells(self, chunks: Callable[[int, int], bytes], trial: int) -> Cells:
        """Where one trial is not empty, neurons in the order of the file.

        Parameters
        ----------
        chunks, trial
            As for `spikebin.matrixfile.layouts.dense.MatrixLayout.events`.

        Returns
        -------
        Cells

        Raises
        ------
        DamagedChunkError
            If a chunk is not what spikebin writes, or its gaps lead out of the matrix.
        """
        from spikebin.kernels import views as kernels

        read = partial(chunks, trial)
        gaps = self._row(read, 0)
        kind = index_type(self.shape)
        rows, bins = np.empty(gaps.size, kind), np.empty(gaps.size, kind)
        n = kernels.list_gaps(gaps, _order(self._classes), self.shape[2], rows, bins)
        if n == kernels.DAMAGED:
            raise DamagedChunkError("its gaps lead out of the matrix")
        values = self._row(read, 1)[:n] if self.dtype != bool else np.empty(0, np.uint8)
        return Cells(rows[:n], bins[:n], values)

    def add(self, chunks: Callable[[int, int], bytes], trial: int, uses: Sequence[Use], into: Into) -> list[int]:
        """Add the events of one trial to an array.

        Parameters
        ----------
        chunks, trial
            As for `spikebin.matrixfile.layouts.dense.MatrixLayout.events`.
        uses : sequence of Use
        into : Into

        Returns
        -------
        list of int
            The items in which some cell cannot hold what it should.

        Raises
        ------
        DamagedChunkError
            If a chunk is not what spikebin writes, or its gaps lead out of the matrix.
        """
        from spikebin.kernels import adding as kernels

        gaps = self._row(partial(chunks, trial), 0)
        values = self._row(partial(chunks, trial), 1) if self.dtype != bool else np.empty(0, np.uint8)
        events = gaps, values, _small_order(self._classes), self.shape[2]
        rows, *rest = into
        return [
            use.item
            for use in uses
            if checked_status(kernels.add_gaps(*events, rows, use.columns, rest[0], use.offset, *rest[1:]))
        ]

    def _in_order(self, packed: PackedTrial) -> PackedTrial:
        """The trial with its neurons in the order of the file."""
        from spikebin.kernels.ordering import move_rows

        order = _order(self._classes)
        places = np.empty_like(order)
        places[order] = np.arange(order.size)
        cells = _cells(packed.gaps)
        moved, source = np.empty_like(cells), np.empty(packed.counts.size, np.int64)
        move_rows(cells, places, self.shape[2], np.empty(order.size + 1, np.int64), moved, source)
        return packed._replace(gaps=_gaps(moved), counts=packed.counts[source])

    def _scattered(self, chunks: Callable[[int], bytes]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Flat indices and values in the order of the file; for booleans, one value for all of them."""
        gaps = self._row(chunks, 0)
        gaps = gaps[: np.count_nonzero(gaps)]
        cells = _cells(gaps)
        # Sums of gaps of 8 bytes wrap around; those of smaller ones only grow.
        grow = gaps.itemsize < 8 or bool((np.diff(cells, prepend=-1) > 0).all())
        if cells.size and not (grow and -1 < cells[-1] < self.shape[1] * self.shape[2]):
            raise DamagedChunkError("its gaps lead out of the matrix")
        flat = self._moved(cells, _order(self._classes))
        return flat, np.ones(1, np.uint8) if self.dtype == bool else self._row(chunks, 1)[: flat.size]

    def _row(self, chunks: Callable[[int], bytes], array: int) -> NDArray[Any]:
        """One trial's row of ``/events`` (0) or ``/counts`` (1), which may be longer than the array is wide."""
        codec, first = self._codecs[array], array * self._n_chunks
        parts = [codec.decompress(chunks(first + i))[0] for i in range(self._n_chunks)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _moved(self, cells: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The cells of another order of neurons, in which row r comes at ``places[r]``."""
        shift = (places - np.arange(places.size)) * self.shape[2]
        moved: NDArray[np.int64] = cells + shift[cells // self.shape[2]]
        return moved

    def _compressed(self, packed: PackedTrial) -> list[list[bytes]]:
        """The chunks of each array, as many as the trial with most events has: a reader finds them all."""
        return [
            [_compress(codec, row, i * codec.shape[1]) for i in range(self._n_chunks)]
            for codec, row in zip(self._codecs, (packed.gaps, packed.counts), strict=False)
        ]

    def _make_codecs(self, dtype: np.dtype[Any], n_events: int) -> list[ChunkCodec]:
        dtypes = [dtype] if self.dtype == bool else [dtype, self.dtype]
        shape = (1, min(n_events, CHUNK_EVENTS))
        return [ChunkCodec(shape, kind, self.codec, LEVEL, BLOCK_EVENTS) for kind in dtypes]

    def _create(self, file: Any, n_events: int, classes: NDArray[np.uint8]) -> list[Any]:
        """Make ``/rate_class`` with what is in it, and the empty ``/events`` and ``/counts``."""
        import tables

        filters = tables.Filters(complevel=9, complib="zlib")
        title = "bit length of the number of events of each neuron"
        file.create_carray(
            "/", "rate_class", obj=classes, title=title, chunkshape=classes.shape, filters=filters, track_times=False
        )
        titles = ("gaps between the cells that are not empty, see README of spikebin", "what these cells hold")
        arrays = [
            file.create_carray(
                "/",
                name,
                tables.Atom.from_dtype(codec.dtype),
                title=title,
                shape=(len(self._packed), n_events),
                chunkshape=codec.shape,
                filters=codec.filters(),
                track_times=False,
            )
            for name, title, codec in zip(("events", "counts"), titles, self._codecs, strict=False)
        ]
        arrays[0].attrs.n_columns = np.int64(self.shape[2])
        return arrays


def rate_classes(row_sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Class of the rate of each neuron: the bit length of its number of events in all trials, so a factor of 2 each."""
    return np.frexp(row_sizes)[1].astype(np.uint8)


@lru_cache(64)
def _order(classes: bytes) -> NDArray[np.int64]:
    """The neurons by falling class, one byte each, and by row within a class; of the files in use, not of thousands."""
    order = np.argsort(~np.frombuffer(classes, np.uint8), kind="stable")
    order.flags.writeable = False
    return order


@lru_cache(64)
def _small_order(classes: bytes) -> NDArray[np.int32 | np.int64]:
    """The same in as few bytes as hold it, for a kernel that reads all of it for each trial."""
    order: NDArray[np.int32 | np.int64] = _order(classes).astype(index_type((1, len(classes), 1)))
    order.flags.writeable = False
    return order


def _gaps(cells: NDArray[np.int64]) -> NDArray[np.unsignedinteger[Any]]:
    """Distance of each cell from the one before it, of the first from cell -1, in as few bytes as hold them all."""
    gaps = np.diff(cells, prepend=-1)
    return gaps.astype(np.min_scalar_type(gaps.max(initial=0)))


def _cells(gaps: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.int64]:
    cells: NDArray[np.int64] = np.cumsum(gaps, dtype=np.int64)
    cells -= 1
    return cells


def _compress(codec: ChunkCodec, row: NDArray[Any], start: int) -> bytes:
    """The chunk of a row from `start` on, filled up with zeros where the row ends."""
    part = row[start : start + codec.shape[1]]
    padded = np.zeros(codec.padded, codec.dtype)
    padded[0, : part.size] = part
    return codec.compress(padded)


def _inverse(selector: Selector, size: int) -> NDArray[np.intp]:
    """Where a selector has each position; -1 where it does not have it."""
    inverse = np.full(size, -1, np.intp)
    inverse[np.asarray(selector, np.intp)] = np.arange(len(selector))
    return inverse


def _is_all(selector: Selector, size: int) -> bool:
    return isinstance(selector, range) and selector == range(size)
