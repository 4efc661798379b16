"""One matrix of the old pipeline: scipy's CSR of (neuron, bin) in a .npz, read without scipy and checked."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.npy_array import read_members, read_npy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["OldTrials", "bins_of", "is_matrix", "read_array", "read_shape", "read_trials"]

MEMBERS = ("data", "indices", "indptr", "shape")


@dataclass(frozen=True)
class OldTrials:
    """The cells of a file that are not empty, trial by trial.

    Parameters
    ----------
    columns : int64 (n,)
        From the start of their trial.
    rows : int64 (n,)
        In the order of the file.
    values : int64 (n,)
        What each holds.
    bounds : int64 (n_trials + 1,)
        Where the cells of each trial begin.
    """

    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    values: NDArray[np.int64]
    bounds: NDArray[np.int64]


def is_matrix(path: Path) -> bool:
    """Whether a file has what scipy writes for a CSR matrix; only its list of members is read.

    Parameters
    ----------
    path : Path
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {f"{name}.npy" for name in (*MEMBERS, "format")} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile, ValueError):
        return False


def read_shape(path: Path) -> tuple[int, int]:
    """Neurons and bins of a matrix.

    Parameters
    ----------
    path : Path

    Returns
    -------
    (int, int)

    Raises
    ------
    RecordingError
        If it is damaged, or is not a CSR matrix.
    """
    found = read_members(path, ("shape", "format"))
    shape = found["shape"]
    if found["format"].tobytes().rstrip(b"\0") not in {b"csr", "csr".encode("utf-32-le")} or shape.shape != (2,):
        raise RecordingError(f"{path.name} is not a CSR matrix as the old pipeline writes it: check the path")
    n_rows, n_columns = (int(n) for n in shape.tolist())
    if n_rows < 1 or n_columns < 1 or n_rows * n_columns >= 1 << 62:
        raise RecordingError(f"{path.name} says that it has {n_rows} neurons and {n_columns} bins: copy it again")
    return n_rows, n_columns


def read_trials(path: Path, n_trials: int) -> OldTrials:
    """The cells of a matrix, by trial and then by neuron.

    Parameters
    ----------
    path : Path
    n_trials : int
        They are of equal length, side by side.

    Returns
    -------
    OldTrials

    Raises
    ------
    RecordingError
        If it is damaged or contradicts itself.
    """
    n_rows, n_columns = read_shape(path)
    found = read_members(path, MEMBERS)
    indptr, columns, values = (found[name] for name in ("indptr", "indices", "data"))
    if (
        any(one.ndim != 1 or one.dtype.kind not in "iub" for one in (indptr, columns, values))
        or indptr.size != n_rows + 1
        or indptr[0] != 0
        or indptr[-1] != columns.size
        or columns.size != values.size
        or (np.diff(indptr.astype(np.int64)) < 0).any()
        or (columns.size and not (columns.min() >= 0 and columns.max() < n_columns))
        or (values.size and not (values.min() >= 0 and values.max() < 1 << 31))
    ):
        raise RecordingError(f"{path.name} contradicts itself, its arrays are not those of a matrix: copy it again")
    ends = indptr.astype(np.int64)
    rows = np.repeat(np.arange(n_rows), ends[1:] - ends[:-1])
    trial, column = np.divmod(columns.astype(np.int64), n_columns // n_trials)
    order = np.argsort(trial, kind="stable")
    bounds = np.searchsorted(trial[order], np.arange(n_trials + 1))
    return OldTrials(column[order], rows[order], values.astype(np.int64)[order], bounds)


def bins_of(
    phases: Sequence[tuple[str, float]], width: float, n_columns: int, n_trials: int, *, trimmed: bool
) -> list[int] | None:
    """Bins of each phase of a trial.

    Parameters
    ----------
    phases : sequence of (str, float)
        Name and ms of each.
    width : float
        ms.
    n_columns : int
        Of all trials.
    n_trials : int
    trimmed : bool
        The last trial of a part may end with its image, and lack the blank after it.

    Returns
    -------
    list of int or None
        None if the bins are no such trials. Phases may have a bin for what falls on their end: the number says it.
    """
    for end_bin in (True, False):
        bins = [
            math.floor(duration / width + 1e-9) + 1 if end_bin else math.ceil(duration / width - 1e-9)
            for _, duration in phases
        ]
        if sum(bins) * n_trials == n_columns:
            return bins
        if trimmed and len(bins) > 1 and sum(bins[:-1]) * n_trials == n_columns:
            return [*bins[:-1], 0]
    return None


def read_array(path: Path, kinds: str) -> NDArray[Any]:
    """A .npy file of names or ids.

    Parameters
    ----------
    path : Path
    kinds : str
        Kinds of dtype that it may be of.

    Returns
    -------
    array

    Raises
    ------
    RecordingError
        If it cannot be read or is of another kind.
    """
    found = read_npy(path)
    if found.dtype.kind not in kinds or found.ndim < 1 or not found.size:
        raise RecordingError(f"{path.name} does not hold names or numbers: copy it again")
    return found
