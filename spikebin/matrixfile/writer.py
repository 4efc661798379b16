"""Writes one matrix file: built in memory, trial by trial, then sealed and put in place in one go.

Knows HDF5; knows nothing of raw recordings, plans or configs. How the trials are laid out inside is in layouts/,
what makes a file complete in seal.py.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from spikebin.binning.trial import TrialEvents, phase_bins
from spikebin.errors import MatrixFileError
from spikebin.matrixfile.digest import ContentDigest
from spikebin.matrixfile.layouts.base import make_layout
from spikebin.matrixfile.schema import create_table, source_table, trial_table
from spikebin.matrixfile.seal import FORMAT_VERSION, SEAL_SIZE, pack_seal
from spikebin.recordings.protocol import NEURON_FIELDS
from spikebin.system.files import write_atomically
from spikebin.system.hdf5 import HDF5_LOCK
from spikebin.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.binning.rules import Binning
    from spikebin.binning.trial import Trial
    from spikebin.recordings.protocol import SourceFile

__all__ = ["Identity", "MatrixImage", "MatrixWriter", "seal_image"]


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
            create_table(self._file, "neurons", neurons)
            create_table(self._file, "trials", trials)

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
            create_table(self._file, "source", sources)
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
            trial_table(trials, self._bins),
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
            Only so many trials of the recording were asked for; sealed, so that the file does not count as complete.
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
        image, digest = self._image.finish(source_table(files), threads)
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
