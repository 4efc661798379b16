"""Variables of MATLAB's .mat files: v5 to v7.2 through mat5.py, v7.3, which is HDF5, through h5py.

A variable becomes an array of numbers, a text, a `Cell` of such values, or a dict, for a struct. An array of structs is
a dict of Cells. Vectors of a v7.3 file stay on disk. What they mean is decided elsewhere.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.hdf5_group import is_hdf5
from spikebin.recordings.continuous.mat5 import Mat5, objects

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Cell", "Vector", "read_variables", "variable_names"]

# A variable may become so many bytes; more only if the file holds a fair part of it.
FREE, RATIO = 64 << 20, 256
DEEPEST = 4
NUMBERS = "fiub"
BROKEN = (
    *(OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, EOFError, OverflowError),
    *(NotImplementedError, MemoryError, zlib.error),
)


class Cell:
    """A cell array.

    Parameters
    ----------
    values : object ndarray (rows, columns)
        Arrays, texts, Cells or dicts.
    """

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values
        self.shape = values.shape
        self.size = values.size


class Vector:
    """A vector of a v7.3 file, of which only the slice that is asked for is ever in memory.

    Parameters
    ----------
    path : Path
    place : str
        Of the data set.
    shape : tuple of int
        As it lies in the file: (1, n) or (n, 1).
    dtype : dtype
    """

    ndim = 1

    def __init__(self, path: Path, place: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._path, self._place, self._is_row = path, place, shape[0] == 1
        self.size, self.dtype = math.prod(shape), dtype
        self.shape = (self.size,)

    def __getitem__(self, place: slice) -> NDArray[Any]:
        h5py = _h5py(self._path)
        try:
            with h5py.File(self._path, "r") as file:
                data = file[self._place]
                return np.asarray(data[0, place] if self._is_row else data[place, 0])
        except BROKEN as error:
            raise _broken(self._path, error) from None


class Stretch(Vector):
    """The same of a file of v5 to v7.2 that is not compressed.

    Parameters
    ----------
    path : Path
    numbers : ndarray (n, 1) or (1, n)
        The vector, as the file was mapped into memory: what is read through it stays there.
    place : int
        Of its first byte.
    """

    def __init__(self, path: Path, numbers: NDArray[Any], place: int) -> None:
        super().__init__(path, "", numbers.shape, numbers.dtype)
        self._first = place

    def __getitem__(self, place: slice) -> NDArray[Any]:
        start, stop, _ = place.indices(self.size)
        n = max(0, stop - start)
        try:
            found = np.fromfile(self._path, self.dtype, n, offset=self._first + start * self.dtype.itemsize)
        except OSError as error:
            raise _broken(self._path, error) from None
        if found.size < n:
            raise RecordingError(f"{self._path.name} has become shorter while it was read: is it still being written?")
        return found


def variable_names(path: Path) -> list[str]:
    """Names of the variables in a file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of str

    Raises
    ------
    RecordingError
        If it is damaged, of an older kind than v5, or needs a package that is not installed.
    """
    if is_hdf5(path):
        h5py = _h5py(path)
        try:
            with h5py.File(path, "r") as file:
                return [name for name in file if not name.startswith("#")]
        except BROKEN as error:
            raise _broken(path, error) from None
    try:
        return Mat5(path).names
    except BROKEN as error:
        raise _broken(path, error) from None


def read_variables(path: Path, names: list[str]) -> dict[str, Any]:
    """Some of the variables.

    Parameters
    ----------
    path : Path
    names : list of str
        Some of `variable_names`.

    Returns
    -------
    dict of str to ndarray, Vector, str, Cell or dict

    Raises
    ------
    RecordingError
        As `variable_names`, or if one claims to be larger than the file can hold.
    """
    if is_hdf5(path):
        h5py = _h5py(path)
        try:
            with h5py.File(path, "r") as file:
                return {name: _of_hdf5(h5py, path, file, name, 0) for name in names}
        except BROKEN as error:
            raise _broken(path, error) from None
    try:
        file = Mat5(path)
        return {name: _of_mat5(path, file, name) for name in names}
    except BROKEN as error:
        raise _broken(path, error) from None


def _of_mat5(path: Path, file: Mat5, name: str) -> Any:
    value = file.read(name, Cell)
    if not (isinstance(value, np.ndarray) and value.ndim == 2 and 1 in value.shape and value.size > 1):
        return value
    place = file.place_of(value)
    return value if place is None else Stretch(path, value, place)


def _of_hdf5(h5py: Any, path: Path, file: Any, name: str, depth: int) -> Any:
    """A variable, field or cell of a v7.3 file, by its path inside."""
    if depth > DEEPEST:
        return None
    link = file.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise RecordingError(f"{path.name}: {name} lies in another file, {link.filename}: save the variables again")
    node = file[name]
    if isinstance(node, h5py.Group):
        return {field: _of_hdf5(h5py, path, file, f"{name}/{field}", depth + 1) for field in node}
    if node.external or node.is_virtual:
        raise RecordingError(f"{path.name}: {name} lies in another file: save the variables again")
    kind = node.attrs.get("MATLAB_class", b"")
    if 8 * math.prod(node.shape) > FREE + RATIO * node.id.get_storage_size() or node.nbytes > FREE + RATIO * (
        node.id.get_storage_size()
    ):
        raise _too_large(path, name, node.shape)
    if node.attrs.get("MATLAB_empty", 0):
        empty: NDArray[Any] = np.empty((0, 0), object if kind == b"cell" else np.float64)
        return Cell(empty) if kind == b"cell" else empty
    if node.dtype == h5py.ref_dtype:
        # MATLAB counts columns first: what lies in the file is turned around.
        references = np.asarray(node[()])
        inside = [h5py.h5r.get_name(reference, file.id).decode() for reference in references.ravel()]
        items = [_of_hdf5(h5py, path, file, one, depth + 1) for one in inside]
        return Cell(objects(items, references.shape[::-1]))
    if kind == b"char":
        return "".join(map(chr, np.asarray(node[()]).T.ravel().tolist())) if node.size < 1 << 16 else None
    if node.dtype.kind not in NUMBERS or node.ndim != 2:
        return None
    if 1 in node.shape and node.size > 1:
        return Vector(path, name, node.shape, node.dtype)
    return np.asarray(node[()]).T


def _h5py(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise RecordingError(f"{path.name} is of MATLAB v7.3 and needs h5py: pip install 'spikebin[matlab]'") from None
    return h5py


def _too_large(path: Path, name: str, shape: tuple[int, ...]) -> RecordingError:
    size = " x ".join(f"{n:,}" for n in shape)
    return RecordingError(
        f"{path.name}: {name} claims {size} values, more than the file can hold: it is damaged, save it again"
    )


def _broken(path: Path, error: BaseException) -> RecordingError:
    text = " ".join(str(error).split())[:120] or type(error).__name__
    return RecordingError(f"{path} is not a complete .mat file ({text}): save it again, with save -v7 or -v7.3")
