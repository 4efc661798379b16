"""The HDF5 part of a matrix file, built in memory: tables, then trial by trial.

How the trials are laid out inside is in layouts/, what makes a file complete in seal.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.checksums import create_checksums, fill_checksums
from spikebin.matrixfile.digest import ContentDigest
from spikebin.matrixfile.layouts.base import make_layout
from spikebin.matrixfile.layouts.chunks import FileBytes
from spikebin.matrixfile.schema import create_table
from spikebin.matrixfile.seal import SEAL_SIZE
from spikebin.system.hdf5 import HDF5_LOCK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spikebin.binning.trial import TrialEvents
    from spikebin.matrixfile.seal import ChunkTable

__all__ = ["MatrixImage"]


class MatrixImage:
    """The HDF5 part of a matrix file, built in memory: tables, then trial by trial, then all in one piece.

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
        self._layout = make_layout(layout, shape, np.dtype(bool if values == "bool" else "u1"), codec)
        self._digest = ContentDigest(neurons["neuron_id"])
        self._neurons = neurons
        self._trials = trials
        self._n_appended = 0
        self._opened: Any = None

    @property
    def _file(self) -> Any:
        """The image as PyTables has it open, with its tables.

        Made with the first trial, when other threads have the next ones to work at.
        """
        import tables

        if self._opened is None:
            # A name that no other image has: PyTables keeps a table of open files by name.
            self._opened = tables.open_file(
                f"image {id(self)}",
                "w",
                driver="H5FD_CORE",
                driver_core_backing_store=0,
                user_block_size=SEAL_SIZE,
            )
            self._layout.create(self._opened)
            create_table(self._opened, "neurons", self._neurons)
            create_table(self._opened, "trials", self._trials)
            # HDF5 compresses tables once they are flushed.
            self._opened.flush()
        return self._opened

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

    def finish(
        self, sources: NDArray[Any], threads: int, parameters: NDArray[Any] | None = None
    ) -> tuple[bytearray, str, ChunkTable]:
        """The bytes of the HDF5 file, the content digest and the checksums; the image is closed.

        Parameters
        ----------
        sources : structured array (n_files,)
            name (UTF-8), size (bytes) and mtime (seconds) of every file that was read.
        threads : int
            How many compress what the layout could not compress before the last trial.
        parameters : structured array (n,), optional
            name and text (UTF-8) of what the recording has written down of how it was made.

        Returns
        -------
        image : bytearray
        digest : str
            64 hexadecimal digits.
        chunks : ChunkTable

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
            if parameters is not None and len(parameters):
                create_table(self._file, "parameters", parameters)
            mark = create_checksums(self._file, len(self._trials) * self._layout.n_chunks)
            self._file.flush()
            image = bytearray(self._file.get_file_image())
            read = FileBytes(len(image) + SEAL_SIZE, lambda n, at: bytes(image[at - SEAL_SIZE : at - SEAL_SIZE + n]))
            places = self._layout.places(self._file, read)
            self.close()
        return image, self._digest.hexdigest(), fill_checksums(image, mark, places.reshape(-1, 2))

    def close(self) -> None:
        """Forget what was built so far."""
        with HDF5_LOCK:
            if self._opened is not None and self._opened.isopen:
                self._opened.close()
