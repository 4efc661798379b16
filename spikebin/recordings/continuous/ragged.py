"""Arrays of lists in HDF5 files, `vlen`: one list of numbers for each sample, as SHD and SSC have them.

PyTables reads those that it or h5py wrote in chunks; of others it knows only that they are there, and h5py reads them.
Lists of texts and of pickled objects are refused before any of them is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.system.hdf5 import open_hdf5

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.hdf5_group import Group

__all__ = ["Lists"]

NUMBERS = {"int", "uint", "float"}


class Lists:
    """One such data set.

    Parameters
    ----------
    group : Group
        That it lies in, open.
    name : str

    Attributes
    ----------
    size : int
        Number of lists.
    dtype : dtype
        Of their numbers.

    Raises
    ------
    RecordingError
        If its lists are not flat, hold anything but numbers, or need h5py and there is none.
    """

    def __init__(self, group: Group, name: str) -> None:
        import tables

        self.path, self._inside, shape = group.place(name)
        self._where = f"{self.path.name}:{self._inside}"
        if group.kind(name) != "vlen" or len(shape) != 1:
            raise RecordingError(f"{self._where} is not an array of lists: choose another")
        self.size = shape[0]
        with open_hdf5(self.path) as file:
            leaf = file.get_node(self._inside)
            self._is_table = isinstance(leaf, tables.VLArray)
            if self._is_table:
                # A pseudo atom stands for texts and pickles.
                is_plain = isinstance(leaf.atom, tables.Atom) and leaf.atom.kind in NUMBERS and leaf.atom.shape == ()
                self.dtype: np.dtype[Any] = np.dtype(leaf.atom.dtype) if is_plain else np.dtype(object)
        if not self._is_table:
            self.dtype = _h5py_dtype(self.path, self._inside, self._where)
        if self.dtype.kind not in "fiu":
            raise RecordingError(f"{self._where} holds lists of something else than numbers: choose another")

    def read(self, start: int, stop: int) -> list[NDArray[Any]]:
        """Some of the lists.

        Parameters
        ----------
        start, stop : int

        Returns
        -------
        list of ndarray

        Raises
        ------
        RecordingError
            If they are damaged.
        """
        if not self._is_table:
            return _h5py_lists(self.path, self._inside, self._where, start, stop)
        most = self.path.stat().st_size
        with open_hdf5(self.path) as file:
            leaf = file.get_node(self._inside)
            # Lists are never compressed, so none is larger than its file.
            if sum(int(leaf.get_row_size(i)) for i in range(start, stop)) > most:
                raise RecordingError(
                    f"{self._where} claims longer lists than the file can hold: copy or write it again"
                )
            return [np.asarray(row) for row in leaf[start:stop]]


def _h5py(where: str) -> Any:
    try:
        import h5py
    except ImportError:
        raise RecordingError(f"{where} holds lists in a way that needs h5py: pip install 'spikebin[hdf5]'") from None
    return h5py


def _h5py_dtype(path: Path, inside: str, where: str) -> np.dtype[Any]:
    h5py = _h5py(where)
    try:
        with h5py.File(path, "r") as file:
            found = h5py.check_vlen_dtype(file[inside].dtype)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordingError(f"{where} cannot be read ({_one_line(error)}): copy or write it again") from None
    return np.dtype(object) if found is None else np.dtype(found)


def _h5py_lists(path: Path, inside: str, where: str, start: int, stop: int) -> list[NDArray[Any]]:
    h5py = _h5py(where)
    try:
        with h5py.File(path, "r") as file:
            return [np.asarray(row) for row in file[inside][start:stop]]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, MemoryError) as error:
        raise RecordingError(f"{where} cannot be read ({_one_line(error)}): copy or write it again") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
