"""Flat arrays in other people's HDF5 files, read with PyTables: the part that NWB and SONATA share.

PyTables keeps process-wide state, so every call that reaches it holds the lock of system/hdf5.py.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.system.hdf5 import UnreadableError, open_hdf5

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["CHUNKS_AT_ONCE", "Group", "is_hdf5", "opened"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_USER_BLOCK = 1 << 16
# To open a file takes as long as to read so many chunks of spikes.
CHUNKS_AT_ONCE = 16


def is_hdf5(path: Path) -> bool:
    """Whether a file has the signature of HDF5, at its start or behind a user block.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False, too, where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            place = 0
            while place <= LARGEST_USER_BLOCK:
                file.seek(place)
                if file.read(len(SIGNATURE)) == SIGNATURE:
                    return True
                place = max(512, 2 * place)
    except OSError:
        pass
    return False


@contextmanager
def opened(path: Path) -> Iterator[Group]:
    """The root group of a file, while the lock is held.

    Parameters
    ----------
    path : Path

    Yields
    ------
    Group

    Raises
    ------
    RecordingError
        If it is not an HDF5 file, is cut off, or HDF5 fails on it.
    """
    if not is_hdf5(path):
        raise RecordingError(f"{path} is not an HDF5 file, or its start is damaged: check the path, or copy it again")
    try:
        with open_hdf5(path) as file:
            yield Group(path, file.root)
    except UnreadableError as error:
        raise RecordingError(f"{path} cannot be read by HDF5 ({error.reason}): copy or write it again") from error


class Group:
    """A group of an open file; missing and unfit nodes are one-line errors or None.

    Parameters
    ----------
    path : Path
        Of the file.
    node : tables.Group
    """

    def __init__(self, path: Path, node: Any) -> None:
        self.path = path
        self._node = node

    @property
    def where(self) -> str:
        """File and group, for messages."""
        return f"{self.path.name}:{self._node._v_pathname}"

    @property
    def groups(self) -> list[str]:
        """Names of the groups inside."""
        return list(self._node._v_groups)

    @property
    def arrays(self) -> list[str]:
        """Names of the data sets inside, those that PyTables cannot read included."""
        return list(self._node._v_leaves) + list(self._node._v_unknown)

    def group(self, name: str) -> Group | None:
        """A group inside.

        Parameters
        ----------
        name : str
            Path relative to this one.

        Returns
        -------
        Group or None
            None if there is none.
        """
        node = self._node
        for piece in name.split("/"):
            if piece not in node._v_groups:
                return None
            node = node._v_groups[piece]
        return Group(self.path, node)

    def has(self, name: str) -> bool:
        """Whether there is such a data set.

        Parameters
        ----------
        name : str

        Returns
        -------
        bool
        """
        return name in self._node._v_leaves

    def length(self, name: str) -> int:
        """Length of a flat array.

        Parameters
        ----------
        name : str

        Returns
        -------
        int

        Raises
        ------
        RecordingError
            As `read`.
        """
        return int(self._flat(name).nrows)

    def dtype(self, name: str) -> np.dtype[Any]:
        """What a flat array holds.

        Parameters
        ----------
        name : str

        Returns
        -------
        dtype

        Raises
        ------
        RecordingError
            As `read`.
        """
        found: np.dtype[Any] = self._flat(name).dtype
        return found

    def read(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """A slice of a flat array.

        Parameters
        ----------
        name : str
        start : int
        stop : int, optional
            Default: its end.

        Returns
        -------
        ndarray (n,)
            Of numbers, booleans or bytes.

        Raises
        ------
        RecordingError
            If there is none, or it is not flat, or not what `readable` says.
        """
        array = self._flat(name)
        found: NDArray[Any] = np.asarray(array[start : int(array.nrows) if stop is None else stop])
        return found

    def read_pairs(self, name: str) -> NDArray[Any]:
        """An array (n, 2) of numbers, whole.

        Parameters
        ----------
        name : str

        Returns
        -------
        ndarray (n, 2)

        Raises
        ------
        RecordingError
            If it is not there, or another.
        """
        import tables

        leaf = self._node._v_leaves[name] if name in self._node._v_leaves else None  # noqa: SIM401
        if not (isinstance(leaf, tables.Array) and leaf.ndim == 2 and leaf.shape[1] == 2 and leaf.dtype.kind in "fiu"):
            raise RecordingError(f"{self.where} {name} is not an array of pairs: it is damaged, or of another format")
        return np.asarray(leaf[:])

    def readable(self, name: str) -> bool:
        """Whether a data set is a flat array of numbers or fixed-width texts that PyTables can read.

        Parameters
        ----------
        name : str

        Returns
        -------
        bool
        """
        import tables

        leaf = self._node._v_leaves[name] if name in self._node._v_leaves else None  # noqa: SIM401
        return isinstance(leaf, tables.Array) and leaf.ndim == 1 and leaf.dtype.kind in "fiubS"

    def attribute(self, name: str, array: str | None = None) -> str | None:
        """A text or number, attribute of the group or of an array inside.

        Parameters
        ----------
        name : str
        array : str, optional
            One of the data sets inside, which PyTables can read.

        Returns
        -------
        str or None
            None if it has none, or an odd one.
        """
        node = self._node if array is None else self._node._v_leaves[array]
        try:
            value = node._v_attrs[name]
        except (KeyError, ValueError, TypeError):
            return None
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return str(value) if np.ndim(value) == 0 else None

    def _flat(self, name: str) -> Any:
        if name not in self._node._v_leaves:
            raise RecordingError(f"{self.where} has no {name}: it is not complete, or of another format")
        if not self.readable(name):
            raise RecordingError(
                f"{self.where} {name} is not a flat array of numbers: it is damaged, or of another format"
            )
        return self._node._v_leaves[name]
