"""Events of trials as scipy's sparse matrices, the format of the old pipeline. Needs scipy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray

__all__ = ["csr", "scipy_sparse"]


def scipy_sparse() -> Any:
    """The module `scipy.sparse`.

    Raises
    ------
    SpikebinError
        If scipy is not installed.
    """
    try:
        import scipy.sparse
    except ImportError:
        raise SpikebinError("scipy is not installed: pip install 'spikebin[npz]'") from None
    return scipy.sparse


def csr(trials: Sequence[tuple[NDArray[np.int64], NDArray[Any]]], n_rows: int, n_columns: int, dtype: DTypeLike) -> Any:
    """Trials side by side: cell (row, ``i * n_columns + bin``) is that of trial i.

    Parameters
    ----------
    trials : sequence of (flat, values)
        At least one; as `View.flat_events` gives them, ``flat = row * n_columns + bin``, ascending.
    n_rows, n_columns : int
        Neurons, and bins of each trial.
    dtype : dtype
        Of the values.

    Returns
    -------
    scipy.sparse.csr_matrix
        (n_rows, len(trials) * n_columns), indices sorted.

    Raises
    ------
    SpikebinError
        If scipy is not installed.
    """
    sparse = scipy_sparse()
    width = len(trials) * n_columns
    rows = np.concatenate([flat // n_columns for flat, _ in trials])
    columns = np.concatenate([flat % n_columns + i * n_columns for i, (flat, _) in enumerate(trials)])
    values = np.concatenate([values for _, values in trials]).astype(dtype, copy=False)
    # Each trial is sorted by row, so that a stable sort by row leaves the columns of a row ascending.
    order = np.argsort(rows, kind="stable")
    index_type = np.int32 if max(width, len(values)) < 2**31 else np.int64
    indptr = np.searchsorted(rows[order], np.arange(n_rows + 1)).astype(index_type)
    return sparse.csr_matrix((values[order], columns[order].astype(index_type), indptr), shape=(n_rows, width))
