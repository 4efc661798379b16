"""One matrix file as a data set of one part: what `spikebin.open_file` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.cached import cached_property
from spikebin.calls import typed
from spikebin.dataset.dataset import Dataset
from spikebin.matrixfile.reader import MatrixFile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.binning.rules import Binning
    from spikebin.choices import Check
    from spikebin.matrixfile.lazy import LazyArray
    from spikebin.matrixfile.seal import Seal

__all__ = ["FileView", "open_file"]


class FileView(Dataset):
    """One matrix file: the facts of its seal and its tables, and all that can be done with a view.

    Cheap to open; any number of threads and processes may read through it.

    Parameters
    ----------
    file : MatrixFile

    Attributes
    ----------
    file : MatrixFile
        What reads it.
    """

    @typed
    def __init__(self, file: MatrixFile) -> None:
        super().__init__([file])
        self.file = file

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.file.path

    @property
    def header(self) -> Seal:
        """What its seal says, see `spikebin.matrixfile.seal.Seal`."""
        return self.file.header

    @property
    def binning(self) -> Binning:
        """How it was binned."""
        return self.file.binning

    @property
    def spikes(self) -> LazyArray:
        """The matrix as it is stored: lazy, indexed as numpy does, (trial, neuron, time)."""
        return self.file.spikes

    @property
    def sources(self) -> NDArray[Any]:
        """Structured array (n_files,): name, size and mtime of every file that was read to make it."""
        return self.file.sources

    @property
    def parameters(self) -> dict[str, str]:
        """What the recording has written down of how it was made, by name: parameters of the model, as text."""
        return self.file.parameters

    @cached_property
    def trials(self) -> NDArray[Any]:
        """Structured array (n_trials,): part, then all columns that the file has, its phases and stimuli included."""
        table = self.file.trials
        part = np.array([self.header.part] * len(table))
        trials = np.empty(len(table), [("part", part.dtype), *table.dtype.descr])
        trials["part"] = part
        for name in table.dtype.names or ():
            trials[name] = table[name]
        return trials


@typed
def open_file(path: Path | str, *, check: Check = "first") -> FileView:
    """Open one matrix file.

    Parameters
    ----------
    path : Path or str
    check : {"first", "always", "never"}
        Whether what is read is held against the checksums that were sealed: when it is read for the first time, each
        time, or never.

    Returns
    -------
    FileView
        ``.spikes[trial, neuron, time]``, ``.trials``, ``.neurons``, ``.header``; and a view as those of `open_dataset`:
        indexing, ``len()``, ``psth()``, ``take()``, ``window()``, ``rebin()``.

    Raises
    ------
    MatrixFileError
        If the file is not complete by its seal, or of a newer version.
    """
    return FileView(MatrixFile(path, check=check))
