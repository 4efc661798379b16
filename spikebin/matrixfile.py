"""One matrix file: its schema, its writer and its reader.

Knows HDF5; knows nothing of raw recordings, plans or configs. How the trials are laid out inside is in layouts.py,
what makes a file whole in seal.py.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from spikebin import __version__
from spikebin.binning.rules import Binning
from spikebin.binning.trial import TrialEvents, phase_bins
from spikebin.chunks import DamagedChunkError
from spikebin.errors import MatrixFileError
from spikebin.layouts import make_layout
from spikebin.lazy import LazyArray, Selector
from spikebin.matrixfile_digest import ContentDigest
from spikebin.recordings.protocol import NEURON_FIELDS
from spikebin.seal import FORMAT_VERSION, SEAL_SIZE, pack_seal, read_seal_of, verify_seal
from spikebin.system.files import write_atomically
from spikebin.system.hdf5 import HDF5_LOCK, UnreadableError, open_hdf5

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from spikebin.binning.trial import Trial
    from spikebin.recordings.protocol import SourceFile

__all__ = [
    "Identity",
    "MatrixFile",
    "MatrixImage",
    "MatrixWriter",
    "open_file",
    "seal_image",
    "verify_file",
]

# Kind of each column that every such table has, a star for each axis that a row has there; /trials may have more.
COLUMNS = {
    "trials": {"image_id": "S", "repeat": "i", "order": "i", "n_bins": "i", "phase_bins": "i*", "stimulus": "S"},
    "neurons": {"neuron_id": "i", "x": "f", "y": "f", "z": "f"},
    "source": {"name": "S", "size": "i", "mtime": "f"},
}


@dataclass(frozen=True)
class Identity:
    """Which sheet of which part a file holds."""

    sheet: str
    variant: str
    part: str


class MatrixImage:
    """The HDF5 part of a matrix file, built in memory: tables, then trial by trial, then whole.

    Parameters
    ----------
    shape : tuple of int
        (trial, neuron, time).
    values : {"bool", "count"}
    layout : {"matrix", "events"}
    codec : {"blosc2", "zlib"}
    neurons, trials : structured arrays
        As they are stored, text in UTF-8.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        values: str,
        layout: str,
        codec: str,
        neurons: NDArray[Any],
        trials: NDArray[Any],
    ) -> None:
        import tables

        self._layout = make_layout(layout, shape, np.dtype(bool if values == "bool" else "u1"), codec)
        self._digest = ContentDigest(neurons["neuron_id"])
        self._trials = trials
        self._n_appended = 0
        with HDF5_LOCK:
            # A name that no other image has: PyTables keeps a table of open files by name.
            self._file = tables.open_file(
                f"image {id(self)}",
                "w",
                driver="H5FD_CORE",
                driver_core_backing_store=0,
                user_block_size=SEAL_SIZE,
            )
            self._layout.create(self._file)
            _create_table(self._file, "neurons", neurons)
            _create_table(self._file, "trials", trials)

    def encode(self, events: TrialEvents) -> Any:
        """Compress one trial; threads may encode at once.

        Parameters
        ----------
        events : TrialEvents

        Returns
        -------
        object
            For `append`; what it is, its layout knows.
        """
        return self._layout.encode(events)

    def append(self, events: TrialEvents, encoded: Any) -> None:
        """Add the next trial, as `encode` made it.

        Parameters
        ----------
        events : TrialEvents
        encoded : object
        """
        trial = self._trials[self._n_appended]
        self._digest.add(trial["image_id"].decode(), int(trial["repeat"]), int(trial["n_bins"]), events)
        with HDF5_LOCK:
            self._layout.append(self._file, self._n_appended, encoded)
        self._n_appended += 1

    def finish(self, sources: NDArray[Any], threads: int) -> tuple[bytes, str]:
        """The bytes of the HDF5 file, and the content digest; the image is closed.

        Parameters
        ----------
        sources : structured array (n_files,)
            name (UTF-8), size (bytes) and mtime (seconds) of every file that was read.
        threads : int
            How many compress what the layout could not compress before the last trial.

        Returns
        -------
        image : bytes
        digest : str
            64 hexadecimal digits.

        Raises
        ------
        MatrixFileError
            If not all trials were appended.
        """
        if self._n_appended != len(self._trials):
            raise MatrixFileError(f"{self._n_appended} of {len(self._trials)} trials were appended: nothing is written")
        with HDF5_LOCK:
            self._layout.finish(self._file, threads)
            _create_table(self._file, "source", sources)
            self._file.flush()
            image: bytes = self._file.get_file_image()
            self.close()
        return image, self._digest.hexdigest()

    def close(self) -> None:
        """Forget what was built so far."""
        with HDF5_LOCK:
            if self._file.isopen:
                self._file.close()


class MatrixWriter:
    """Builds one matrix file in memory and puts it in place, sealed, in one go.

    Parameters
    ----------
    identity : Identity
    neurons : structured array (n_neurons,)
        NEURON_FIELDS, by ascending neuron_id.
    trials : sequence of Trial
        The rows of the matrix.
    binning : Binning
    trial_rule : dict
        The settings that made the trials, for the seal.
    layout : {"matrix", "events"}
    codec : {"blosc2", "zlib"}

    Raises
    ------
    MatrixFileError
        If there is nothing to write.
    BinningError
        If bins of this width cannot be told apart.
    """

    def __init__(
        self,
        identity: Identity,
        neurons: NDArray[Any],
        trials: Sequence[Trial],
        *,
        binning: Binning,
        trial_rule: dict[str, Any],
        layout: str = "matrix",
        codec: str = "blosc2",
    ) -> None:
        self.identity = identity
        self.trials = trials
        self.binning = binning
        self._bins = [phase_bins(trial.phases, binning) for trial in trials]
        n_columns = max((sum(bins) for bins in self._bins), default=0)
        self.shape = (len(trials), len(neurons), n_columns)
        if 0 in self.shape:
            raise MatrixFileError(
                f"{identity.sheet} of part {identity.part} has {self.shape[0]} trials, {self.shape[1]} neurons and"
                f" {n_columns} bins: nothing to write, check [trial] and [binning]"
            )
        self._layout_name, self._codec, self._trial_rule = layout, codec, trial_rule
        self._counts = dict.fromkeys(("n_spikes", "n_binned", "n_collisions", "n_outside"), 0)
        self._image = MatrixImage(
            self.shape,
            binning.values,
            layout,
            codec,
            np.asarray(neurons, NEURON_FIELDS),
            _trial_table(trials, self._bins),
        )

    @property
    def n_columns(self) -> int:
        """Length of the time axis."""
        return self.shape[2]

    def encode(self, events: TrialEvents) -> Any:
        """Compress one trial; threads may encode at once.

        Parameters
        ----------
        events : TrialEvents

        Returns
        -------
        object
            For `append`.
        """
        return self._image.encode(events)

    def append(self, events: TrialEvents, encoded: Any) -> None:
        """Add the next trial, as `encode` made it.

        Parameters
        ----------
        events : TrialEvents
        encoded : object
        """
        self._image.append(events, encoded)
        self._counts["n_spikes"] += events.n_spikes
        self._counts["n_collisions"] += events.n_collisions
        self._counts["n_outside"] += events.n_outside
        self._counts["n_binned"] += events.n_spikes - events.n_collisions - events.n_outside

    def write(
        self,
        path: Path,
        source: str,
        files: Sequence[SourceFile],
        *,
        threads: int = 1,
        limit: int | None = None,
        check: Callable[[Path], object] | None = None,
    ) -> dict[str, Any]:
        """Seal the file and put it in place.

        Parameters
        ----------
        path : Path
        source : str
            Name of the recording.
        files : sequence of SourceFile
            What was read.
        threads : int
            How many compress what the layout could not compress before the last trial.
        limit : int, optional
            Only so many trials of the recording were asked for; sealed, so that the file counts as no whole one.
        check : callable, optional
            See `spikebin.system.files.write_atomically`.

        Returns
        -------
        dict
            The header that was sealed.

        Raises
        ------
        MatrixFileError
            If not all trials were appended, or the seal cannot hold what it is to say.
        DiskFullError
            If no space or quota is left.
        SpikebinError
            If the file cannot be written; nothing is left behind.
        """
        image, digest = self._image.finish(_source_table(files), threads)
        header = {
            **asdict(self.identity),
            "shape": list(self.shape),
            "layout": self._layout_name,
            "codec": self._codec,
            "binning": asdict(self.binning),
            "trial": self._trial_rule,
            "phases": self._phases(),
            **self._counts,
            "content_digest": digest,
            "source": {
                "name": source,
                "files": len(files),
                "size": sum(file.size for file in files),
                "mtime": max((file.mtime for file in files), default=0.0),
            },
        }
        if limit is not None:
            header["limit"] = limit
        return seal_image(path, header, image, check=check)

    def close(self) -> None:
        """Forget what was built so far."""
        self._image.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _phases(self) -> list[dict[str, Any]]:
        longest = max(range(len(self.trials)), key=lambda i: sum(self._bins[i]))
        first_bin, phases = 0, []
        for phase, n_bins in zip(self.trials[longest].phases, self._bins[longest], strict=True):
            phases.append(
                {
                    "name": phase.name,
                    "first_bin": first_bin,
                    "bins": n_bins,
                    "duration": phase.stop - phase.start,
                }
            )
            first_bin += n_bins
        return phases


class MatrixFile:
    """A matrix file, read on demand. Cheap to open; any number of threads and processes may read through it.

    Parameters
    ----------
    path : Path or str

    Attributes
    ----------
    path : Path
    header : dict
        The sealed facts, see "What a matrix file holds" in README.md.
    shape : tuple of int
        (trial, neuron, time).

    Raises
    ------
    MatrixFileError
        If the file is not whole by its seal, or of a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.header, stat = read_seal_of(self.path)
        self._identity = _file_identity(stat)
        n_trials, n_neurons, n_columns = self.header["shape"]
        self.shape: tuple[int, int, int] = (n_trials, n_neurons, n_columns)
        self.binning = Binning(**self.header["binning"])
        self.dtype = np.dtype(bool if self.binning.values == "bool" else "u1")
        self._layout = make_layout(self.header["layout"], self.shape, self.dtype, self.header["codec"])

    @property
    def spikes(self) -> LazyArray:
        """The matrix: lazy, indexed as numpy does, (trial, neuron, time) of bool, or uint8 for counts."""
        return LazyArray(self.shape, self.dtype, self.block)

    @cached_property
    def trials(self) -> NDArray[Any]:
        """Structured array (n_trials,): image_id, repeat, order, n_bins, phase_bins (n_phases,), stimulus, extras."""
        return self._ask_hdf5(lambda file: _decoded(self._checked_trials(self._table(file, "trials"))))

    @cached_property
    def neurons(self) -> NDArray[Any]:
        """Structured array (n_neurons,): neuron_id (ascending), x, y, z (nan where unknown)."""
        return self.stored_table("neurons")

    @cached_property
    def sources(self) -> NDArray[Any]:
        """Structured array: name, size and mtime of every file that was read."""
        return self._ask_hdf5(lambda file: _decoded(self._table(file, "source")))

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
            If it cannot be read, does not fit the seal, or the file was written anew since it was opened.
        """
        return self._ask_hdf5(lambda file: self._table(file, name))

    def forget_tables(self) -> None:
        """Let go of the tables, to be read again when asked for: a data set holds thousands of files."""
        for name in ("trials", "neurons", "sources"):
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
        IndexError
            If there is no such trial.
        MatrixFileError
            If the file is damaged, or was written anew since it was opened.
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
        IndexError
            If there is no such trial.
        MatrixFileError
            If the file is damaged, or was written anew since it was opened.
        """
        if not -self.shape[0] <= trial < self.shape[0]:
            raise IndexError(f"trial {trial} is out of bounds for {self.shape[0]} trials of {self.path}")
        with self._chunks() as chunks:
            return self._layout.events(chunks, trial % self.shape[0])

    def __reduce__(self) -> tuple[type[MatrixFile], tuple[Path]]:
        return MatrixFile, (self.path,)

    def __repr__(self) -> str:
        identity = "/".join(self.header[key] for key in ("variant", "part", "sheet"))
        return f"<matrix file {identity}, {self.shape} of {self.dtype}, {self.path}>"

    def block(self, selectors: list[Selector]) -> NDArray[Any]:
        """The outer product of one Selector for each axis.

        Parameters
        ----------
        selectors : list of Selector
            Of trials, neurons and bins; see `spikebin.lazy`.

        Returns
        -------
        ndarray (trial, neuron, time)
            bool, or uint8 for counts.

        Raises
        ------
        MatrixFileError
            If the file is damaged, or was written anew since it was opened.
        """
        trials, rows, columns = selectors
        with self._chunks() as chunks:
            return self._layout.block(chunks, trials, rows, columns)

    @contextmanager
    def _chunks(self) -> Iterator[Callable[[int, int], bytes]]:
        """A function that reads one chunk of one trial, past HDF5: any thread, any process, no lock, no handle kept."""
        places = self._places
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                self._check_identity(os.fstat(descriptor))
                yield lambda trial, i: os.pread(descriptor, int(places[trial, i, 1]), int(places[trial, i, 0]))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise MatrixFileError(
                f"{self.path} cannot be read ({error.strerror}): check the disk and your rights"
            ) from None
        except DamagedChunkError as error:
            raise MatrixFileError(
                f"{self.path} holds a damaged chunk ({error}): run `spikebin verify` on it, or export it again"
            ) from None

    def _check_identity(self, stat: os.stat_result) -> None:
        if _file_identity(stat) != self._identity:
            raise MatrixFileError(f"{self.path} was written anew since it was opened: open it again")

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Where the chunks of each trial lie."""
        return self._ask_hdf5(self._layout.attach)

    def _ask_hdf5(self, question: Callable[[Any], NDArray[Any]]) -> NDArray[Any]:
        """What `question` finds in the file as PyTables opens it; the handle is not kept."""
        try:
            with open_hdf5(self.path) as file:
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

    def _table(self, file: Any, name: str) -> NDArray[Any]:
        """A table of an open file, which has the columns that every matrix file has."""
        node = file.get_node("/", name, "Table")
        n_rows = {"trials": self.shape[0], "neurons": self.shape[1]}.get(name, node.nrows)
        kinds = {column: kind.base.kind + "*" * kind.ndim for column, (kind, *_) in node.dtype.fields.items()}
        # Before it is read: a table that is claimed to be long may take more memory than there is.
        if node.nrows != n_rows or not COLUMNS[name].items() <= kinds.items():
            raise self._unlike_seal(f"/{name} has {node.nrows} rows of {', '.join(kinds)}")
        table: NDArray[Any] = node.read()
        return table

    def _checked_trials(self, trials: NDArray[Any]) -> NDArray[Any]:
        n_bins, phases = trials["n_bins"], trials["phase_bins"]
        if (
            phases.shape[1] != len(self.header["phases"])
            or (n_bins.max(), phases.min(initial=0)) != (self.shape[2], 0)
            or not np.array_equal(phases.sum(axis=1), n_bins)
        ):
            raise self._unlike_seal("the bins of /trials")
        return trials

    def _unlike_seal(self, what: str) -> MatrixFileError:
        return MatrixFileError(f"{self.path} does not hold what its seal says ({what}): export it again")

    def _unreadable(self, reason: str) -> MatrixFileError:
        return MatrixFileError(
            f"{self.path} cannot be read by HDF5 ({reason}): run `spikebin verify` on it, or export it again"
        )


def seal_image(
    path: Path, facts: dict[str, Any], image: bytes, *, check: Callable[[Path], object] | None = None
) -> dict[str, Any]:
    """Put an image in place under its seal.

    Parameters
    ----------
    path : Path
    facts : dict
        What the seal says besides the versions, the time, and the size and sha256 of the image.
    image : bytes
    check : callable, optional
        See `spikebin.system.files.write_atomically`.

    Returns
    -------
    dict
        The header that was sealed.

    Raises
    ------
    MatrixFileError
        If the seal cannot hold what it is to say.
    DiskFullError
        If no space or quota is left.
    SpikebinError
        If the file cannot be written; nothing is left behind.
    """
    header = {
        "format_version": FORMAT_VERSION,
        "spikebin_version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": len(image),
        "sha256": hashlib.sha256(image).hexdigest(),
        **facts,
    }
    write_atomically(path, (pack_seal(header), image), check=check)
    return header


def open_file(path: Path | str) -> MatrixFile:
    """Open a matrix file.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    MatrixFile

    Raises
    ------
    MatrixFileError
        If the file is not whole by its seal, or of a newer version.
    """
    return MatrixFile(path)


def verify_file(path: Path) -> dict[str, Any]:
    """Check every byte and every count of a matrix file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        The header.

    Raises
    ------
    MatrixFileError
        If a byte has changed since the file was sealed, or what it holds is not what its seal says.
    """
    header = verify_seal(path)
    file = open_file(path)
    digest = ContentDigest(file.neurons["neuron_id"])
    n_events = 0
    for i, trial in enumerate(file.trials):
        flat, values = file.flat_events(i)
        counting = file.binning.values == "count"
        n_events += int(values.sum(dtype=np.int64)) if counting else flat.size
        events = TrialEvents(flat, values if counting else None, 0, 0, 0)
        digest.add(str(trial["image_id"]), int(trial["repeat"]), int(trial["n_bins"]), events)
    if n_events != header["n_binned"] or digest.hexdigest() != header["content_digest"]:
        raise MatrixFileError(f"{path} does not hold what its seal says (content digest): export it again")
    if header["n_spikes"] != header["n_binned"] + header["n_collisions"] + header["n_outside"]:
        raise MatrixFileError(f"the counts in the seal of {path} do not add up: export it again")
    return header


def _file_identity(stat: os.stat_result) -> tuple[int, int, int]:
    """What tells a file from another that has taken its name."""
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _create_table(file: Any, name: str, array: NDArray[Any]) -> None:
    import tables

    filters = tables.Filters(complevel=1, complib="zlib")
    file.create_table("/", name, obj=array, filters=filters, track_times=False, chunkshape=max(1, len(array)))


def _encoded(texts: Sequence[str]) -> NDArray[np.bytes_]:
    """UTF-8 in fixed width, at least 1 byte, since HDF5 has no empty strings."""
    encoded = [text.encode() for text in texts]
    return np.array(encoded, f"S{max([1, *map(len, encoded)])}")


def _decoded(table: NDArray[Any]) -> NDArray[Any]:
    """The same table with its bytes as text."""
    columns = {
        name: np.char.decode(table[name], "utf-8") if table.dtype[name].kind == "S" else table[name]
        for name in table.dtype.names or ()
    }
    fields = [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    out = np.empty(len(table), fields)
    for name, column in columns.items():
        out[name] = column
    return out


def _trial_table(trials: Sequence[Trial], bins: Sequence[Sequence[int]]) -> NDArray[Any]:
    for trial in trials:
        if "\0" in trial.image_id:
            raise MatrixFileError(f"image id {trial.image_id!r} holds a NUL character: rename the image")
    columns: dict[str, NDArray[Any]] = {
        "image_id": _encoded([trial.image_id for trial in trials]),
        "repeat": np.array([trial.repeat for trial in trials], "<i8"),
        "order": np.array([trial.order for trial in trials], "<i8"),
        "n_bins": np.array([sum(row) for row in bins], "<i8"),
        "phase_bins": np.array(bins, "<i8"),
        "stimulus": _encoded([trial.stimulus for trial in trials]),
    }
    for i, (name, _) in enumerate(trials[0].extra):
        values = np.array([trial.extra[i][1] for trial in trials])
        columns[name] = _encoded(values.tolist()) if values.dtype.kind == "U" else values
    table = np.empty(len(trials), [(name, column.dtype, column.shape[1:]) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    return table


def _source_table(files: Sequence[SourceFile]) -> NDArray[Any]:
    names = _encoded([file.name for file in files])
    table = np.empty(len(files), [("name", names.dtype), ("size", "<i8"), ("mtime", "<f8")])
    table["name"] = names
    table["size"] = [file.size for file in files]
    table["mtime"] = [file.mtime for file in files]
    return table
