"""Reads one matrix file on demand: its seal when it is opened, tables and trials when they are asked for.

Knows HDF5; how the trials are laid out inside is in layouts/, what makes a file complete in seal.py.
"""

from __future__ import annotations

import math
import operator
import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from spikebin.cached import cached_property
from spikebin.calls import typed
from spikebin.choices import Check, checked
from spikebin.errors import DamagedFileError, MatrixFileError, OutOfRangeError
from spikebin.matrixfile.checksums import Checks
from spikebin.matrixfile.layouts.base import make_layout
from spikebin.matrixfile.layouts.chunks import DamagedChunkError, FileBytes
from spikebin.matrixfile.lazy import LazyArray, Selector
from spikebin.matrixfile.schema import COLUMNS, decoded, joined
from spikebin.matrixfile.seal import SEAL_SIZE, read_outline
from spikebin.matrixfile.shown import html_table, one_line, size_of, text_of_shape
from spikebin.system.hdf5 import UnreadableError, open_hdf5

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from spikebin.matrixfile.layouts.base import TrialLayout
    from spikebin.matrixfile.layouts.cells import Cells, Into, Use
    from spikebin.matrixfile.seal import Seal


__all__ = ["MatrixFile", "open_file"]

T = TypeVar("T")
DTYPES = {"bool": np.dtype(bool), "count": np.dtype(np.uint8)}


class MatrixFile:
    """A matrix file, read on demand. Cheap to open; any number of threads and processes may read through it.

    Parameters
    ----------
    path : Path or str
    check : {"first", "always", "never"}
        Whether what is read is held against the checksums that were sealed: when this object reads it for the first
        time, each time, or never. Of files of format_version 1, which have none, the whole is read and hashed.

    Attributes
    ----------
    path : Path
    header : Seal
        The sealed facts.
    outline : Outline
        Those of them that tell files of a data set apart.
    shape : tuple of int
        (trial, neuron, time).

    Raises
    ------
    MatrixFileError
        If the file is not complete by its seal, or of a newer version.
    """

    @typed
    def __init__(self, path: Path | str, *, check: Check = "first") -> None:
        checked(check, Check, "open_file check", MatrixFileError)
        self._open(str(path), check)

    @classmethod
    def _of_name(cls, path: str) -> MatrixFile:
        """As ``MatrixFile(path)``, without a check of its arguments: for one of 10^5 files."""
        file = cls.__new__(cls)
        file._open(path, "first")
        return file

    def _open(self, path: str, check: Check) -> None:
        self._name = path
        self.check = check
        self.outline, stat = read_outline(path)
        self._identity = _file_identity(stat)
        self._places: NDArray[np.int64] | None = None
        self.shape = self.outline.shape
        self.binning = self.outline.like.binning
        self.dtype = DTYPES[self.binning.values]

    # Of a data set of 10^5 files, few are read.
    @cached_property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self._name)

    @cached_property
    def header(self) -> Seal:
        """The sealed facts."""
        return self.outline.seal

    @cached_property
    def _checks(self) -> Checks:
        return Checks(str(self.path), self.header, self.check)

    @cached_property
    def _layout(self) -> TrialLayout:
        return make_layout(self.header.layout, self.shape, self.dtype, self.header.codec)

    @property
    def spikes(self) -> LazyArray:
        """The matrix: lazy, indexed as numpy does, (trial, neuron, time) of bool, or uint8 for counts."""
        return _Spikes(self)

    @cached_property
    def trials(self) -> NDArray[Any]:
        """Structured array (n_trials,): image_id, repeat, order, n_bins, phase_bins (n_phases,), stimulus, extras."""
        return self._ask_hdf5(lambda file: decoded(self._checked_trials(self._table(file, "trials"))))

    @cached_property
    def neurons(self) -> NDArray[Any]:
        """Structured array (n_neurons,): neuron_id (ascending), x, y, z (nan where unknown), what else is known."""
        return self._ask_hdf5(lambda file: decoded(self._table(file, "neurons")))

    @cached_property
    def sources(self) -> NDArray[Any]:
        """Structured array: name, size and mtime of every file that was read."""
        return self._ask_hdf5(lambda file: decoded(self._table(file, "source")))

    @cached_property
    def parameters(self) -> dict[str, str]:
        """What the recording has written down of how it was made, by name: parameters of the model, as text."""
        table = self._ask_hdf5(lambda file: self._table(file, "parameters") if "/parameters" in file else None)
        return {} if table is None else dict(decoded(table).tolist())

    def surplus(self, trials: NDArray[Any] | None = None) -> NDArray[np.float64]:
        """How far the last bin of each phase of each trial reaches past the end of its phase, in ms.

        Parameters
        ----------
        trials : structured array, optional
            The table of trials, where it is at hand.

        Returns
        -------
        float64 (n_trials, n_phases)
            0 where the phase is a multiple of the width, and where the trial lacks it; the width for the end bin of
            such a phase, which holds only the spikes at exactly the end.

        Notes
        -----
        Where phases differ in length, the columns ``<phase>_ms`` of /trials say how long they are. Without them the
        file says it of its longest trial; trials of other durations are taken to differ from it by complete bins.
        """
        trials = self.trials if trials is None else trials
        bins, width = trials["phase_bins"], self.binning.width
        reach = np.empty(bins.shape)
        for i, phase in enumerate(self.header.phases):
            column = f"{phase.name}_ms"
            if column in (trials.dtype.names or ()) and trials.dtype[column].kind == "f":
                reach[:, i] = bins[:, i] * width - trials[column]
            else:
                reach[:, i] = phase.bins * width - phase.duration
        # What is left of sums and products of floats is not time.
        reach[np.abs(reach) < 1e-6 * width] = 0
        return np.where(bins > 0, np.clip(reach, 0, width), 0)

    def stored_table(self, name: str) -> NDArray[Any]:
        """The table ``trials``, ``neurons`` or ``source`` as it is stored, text in UTF-8.

        Parameters
        ----------
        name : {"trials", "neurons", "source"}

        Returns
        -------
        structured array

        Raises
        ------
        MatrixFileError
            If it cannot be read, does not fit the seal, or the file was written again since it was opened.
        """
        return self._ask_hdf5(lambda file: self._table(file, name))

    def forget_tables(self) -> None:
        """Let go of the tables, to be read again when asked for: a data set holds thousands of files."""
        for name in ("trials", "neurons", "sources", "parameters"):
            self.__dict__.pop(name, None)

    def events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where one trial is not empty.

        Parameters
        ----------
        trial : int
            Row of the matrix; negative counts from the end.

        Returns
        -------
        neurons, bins : int64 (n_events,)
            Sorted by neuron, then bin.

        Raises
        ------
        OutOfRangeError
            If there is no such trial; it is an IndexError, too.
        MatrixFileError
            If the file is damaged, or was written again since it was opened.
        """
        flat, _ = self.flat_events(trial)
        return flat // self.shape[2], flat % self.shape[2]

    def flat_events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """As `events`, as flat indices with the value of each cell.

        Parameters
        ----------
        trial : int
            Row of the matrix; negative counts from the end.

        Returns
        -------
        flat : int64 (n_events,)
            ``neuron * n_columns + bin``, ascending.
        values : uint8 (n_events,)

        Raises
        ------
        OutOfRangeError
            If there is no such trial; it is an IndexError, too.
        MatrixFileError
            If the file is damaged, or was written again since it was opened.
        """
        row = self._row(trial)
        with self._chunks() as chunks:
            return self._layout.events(chunks, row)

    def cells(self, trial: int) -> Cells:
        """Where one trial is not empty, in whatever order is read quickest.

        Parameters
        ----------
        trial : int
            Row of the matrix; negative counts from the end.

        Returns
        -------
        Cells

        Raises
        ------
        OutOfRangeError
            If there is no such trial; it is an IndexError, too.
        MatrixFileError
            If the file is damaged, or was written again since it was opened.
        """
        row = self._row(trial)
        with self._chunks() as chunks:
            return self._layout.cells(chunks, row)

    def add(self, trial: int, uses: Sequence[Use], into: Into) -> list[int]:
        """Add the events of one trial to an array; see `spikebin.dataset.gather`.

        Parameters
        ----------
        trial : int
            Row of the matrix, from 0 on.
        uses : sequence of Use
            What the trial is needed for.
        into : Into

        Returns
        -------
        list of int
            The items of uses in which some cell cannot hold what it should.

        Raises
        ------
        MatrixFileError
            If the file is damaged, or was written again since it was opened.
        """
        with self._chunks() as chunks:
            return self._layout.add(chunks, trial, uses, into)

    def __reduce__(self) -> tuple[partial[MatrixFile], tuple[Path]]:
        return partial(MatrixFile, check=self.check), (self.path,)

    def __repr__(self) -> str:
        return one_line("MatrixFile", str(self.header.identity), self._facts())

    def _repr_html_(self) -> str:
        return html_table(f"MatrixFile {self.header.identity}", self._facts())

    def _facts(self) -> dict[str, str]:
        """What people want to know of it; only the seal has been read."""
        dense = math.prod(self.shape) * self.dtype.itemsize
        return {
            "shape": text_of_shape(self.shape, self.binning.width),
            "values": str(self.dtype),
            "layout": f"layout {self.header.layout}, {self.header.codec}",
            "chunks": self._layout.chunks_text,
            "bytes": f"{size_of(self.header.size + SEAL_SIZE)} on disk, {size_of(dense)} dense",
            "path": str(self.path),
        }

    def block(self, selectors: list[Selector]) -> NDArray[Any]:
        """The outer product of one Selector for each axis.

        Parameters
        ----------
        selectors : list of Selector
            Of trials, neurons and bins; see `spikebin.matrixfile.lazy`.

        Returns
        -------
        ndarray (trial, neuron, time)
            bool, or uint8 for counts.

        Raises
        ------
        MatrixFileError
            If the file is damaged, or was written again since it was opened.
        """
        trials, rows, columns = selectors
        with self._chunks() as chunks:
            return self._layout.block(chunks, trials, rows, columns)

    @contextmanager
    def _chunks(self) -> Iterator[Callable[[int, int], bytes]]:
        """A function that reads one chunk of one trial, past HDF5: any thread, any process, no lock, no handle kept."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                self._check_identity(os.fstat(descriptor))
                check = self._checks.before_chunks(descriptor)
                places = self._chunk_places(descriptor)

                def read(trial: int, i: int) -> bytes:
                    offset, size = places[trial, i].tolist()
                    data = os.pread(descriptor, size, offset)
                    check(trial * places.shape[1] + i, data)
                    return data

                yield read
            finally:
                os.close(descriptor)
        except OSError as error:
            raise MatrixFileError(
                f"{self.path} cannot be read ({error.strerror}): check the disk and your rights"
            ) from None
        except DamagedChunkError as error:
            raise DamagedFileError(f"{self.path} holds a damaged chunk ({error}): export it again", self.path) from None

    def _row(self, trial: int) -> int:
        """A trial counted from the start, once it is known to be there."""
        try:
            row = operator.index(trial)
        except TypeError:
            raise OutOfRangeError(f"trial {trial!r} of {self.path}: give a whole number") from None
        if not -self.shape[0] <= row < self.shape[0]:
            raise OutOfRangeError(f"trial {row} is out of bounds for {self.shape[0]} trials of {self.path}")
        return row % self.shape[0]

    def _check_identity(self, stat: os.stat_result) -> None:
        if _file_identity(stat) != self._identity:
            raise MatrixFileError(f"{self.path} was written again since it was opened: open it again")

    def _chunk_places(self, descriptor: int) -> NDArray[np.int64]:
        """Where the chunks of each trial lie, (n_trials, n_chunks, 2)."""
        if self._places is None:
            if self.header.chunks is None:
                self._places = self._ask_hdf5(self._places_by_hdf5)
            else:
                if self.header.layout == "events":
                    self._ask_hdf5(self._layout.attach)
                places = self._checks.places(descriptor)
                if places.shape[1] != self._layout.n_chunks:
                    raise self._unlike_seal(f"{places.shape[1]} chunks a trial")
                self._places = places
        return self._places

    def _places_by_hdf5(self, file: Any) -> NDArray[np.int64]:
        descriptor = file.fileno()
        self._layout.attach(file)
        data = FileBytes(os.fstat(descriptor).st_size, lambda size, offset: os.pread(descriptor, size, offset))
        return self._layout.places(file, data)

    def _ask_hdf5(self, question: Callable[[Any], T]) -> T:
        """What `question` finds in the file as PyTables opens it, once its bytes are checked; no handle is kept."""
        self._check_before_hdf5()
        try:
            with open_hdf5(self.path, checked=True) as file:
                self._check_identity(os.fstat(file.fileno()))
                return question(file)
        except UnreadableError as error:
            if "unable to lock file" in str(error):
                raise MatrixFileError(
                    f"HDF5 cannot lock {self.path}: it is being written, or its file system has no locks;"
                    " set HDF5_USE_FILE_LOCKING=FALSE and try again"
                ) from error
            raise self._unreadable(error.reason) from error
        except DamagedChunkError as error:
            raise self._unreadable(str(error)) from error

    def _check_before_hdf5(self) -> None:
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                self._check_identity(os.fstat(descriptor))
                self._checks.before_hdf5(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise MatrixFileError(
                f"{self.path} cannot be read ({error.strerror}): check the disk and your rights"
            ) from None

    def _table(self, file: Any, name: str) -> NDArray[Any]:
        """A table of an open file, which has the columns that every matrix file has."""
        node = file.get_node("/", name, "Table")
        n_rows = {"trials": self.shape[0], "neurons": self.shape[1]}.get(name, node.nrows)
        kinds = {column: kind.base.kind + "*" * kind.ndim for column, (kind, *_) in node.dtype.fields.items()}
        # Before it is read: a table that is claimed to be long may take more memory than there is.
        if node.nrows != n_rows or not COLUMNS[name].items() <= kinds.items():
            raise self._unlike_seal(f"/{name} has {node.nrows} rows of {', '.join(kinds)}")
        tables: list[NDArray[Any]] = [node.read()]
        while f"/{name}_{len(tables) + 1}" in file:
            more = file.get_node("/", f"{name}_{len(tables) + 1}", "Table")
            if more.nrows != n_rows:
                raise self._unlike_seal(f"/{name}_{len(tables) + 1} has {more.nrows} rows")
            tables.append(more.read())
        return joined(tables)

    def _checked_trials(self, trials: NDArray[Any]) -> NDArray[Any]:
        n_bins, phases = trials["n_bins"], trials["phase_bins"]
        if (
            phases.shape[1] != len(self.header.phases)
            or (n_bins.max(), phases.min(initial=0)) != (self.shape[2], 0)
            or not np.array_equal(phases.sum(axis=1), n_bins)
        ):
            raise self._unlike_seal("the bins of /trials")
        return trials

    def _unlike_seal(self, what: str) -> DamagedFileError:
        return DamagedFileError(f"{self.path} does not hold what its seal says ({what}): export it again", self.path)

    def _unreadable(self, reason: str) -> MatrixFileError:
        return MatrixFileError(
            f"{self.path} cannot be read by HDF5 ({reason}): run `spikebin verify` on it, or export it again"
        )


class _Spikes(LazyArray):
    """The matrix of a file."""

    def __init__(self, file: MatrixFile) -> None:
        super().__init__(file.shape, file.dtype)
        self._file = file

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        return self._file.block(selectors)

    def __repr__(self) -> str:
        return one_line("spikes", str(self._file.header.identity), self._file._facts())

    def _repr_html_(self) -> str:
        return html_table(f"spikes of {self._file.header.identity}", self._file._facts())


def open_file(path: Path | str, *, check: Check = "first") -> MatrixFile:
    """Open a matrix file.

    Parameters
    ----------
    path : Path or str
    check : {"first", "always", "never"}
        Whether what is read is held against the checksums that were sealed, see `MatrixFile`.

    Returns
    -------
    MatrixFile

    Raises
    ------
    MatrixFileError
        If the file is not complete by its seal, or of a newer version.
    """
    return MatrixFile(path, check=check)


def _file_identity(stat: os.stat_result) -> tuple[int, int, int]:
    """What tells a file from another that has taken its name."""
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
