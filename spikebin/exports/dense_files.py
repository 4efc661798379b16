"""Dense arrays as files that plain numpy, or MATLAB, reads: .npy and .npz, never whole in memory; .mat, sparse."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.dataset.sparse import scipy_sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from spikebin.dataset.dataset import Part
    from spikebin.dataset.view import View
    from spikebin.exports.old_layouts import OutFile

    Rows = NDArray[np.intp] | None
    Make = Callable[[Part, Rows], Iterator[OutFile]]


def _npy_blocks(view: View) -> Iterator[bytes]:
    """A .npy file as numpy would save the whole, one trial after another."""
    header = io.BytesIO()
    facts = {"descr": np.lib.format.dtype_to_descr(view.dtype), "fortran_order": False, "shape": view.shape}
    np.lib.format.write_array_header_1_0(header, facts)
    yield header.getvalue()
    for trial in view:
        yield trial.data


def _mat_content(view: View) -> dict[str, Any]:
    trials = view.trials
    return {
        "spikes": view.to_sparse().astype(np.float64),
        "n_columns": view.shape[2],
        "neuron_ids": view.neurons["neuron_id"],
        "image_ids": trials["image_id"].astype(object),
        "repeats": trials["repeat"],
    }


def _blocks(content: Any) -> Iterable[bytes | memoryview]:
    """The bytes of a file: an array as .npy, a sparse matrix as .npz, a dict as .mat, blocks as they are."""
    buffer = io.BytesIO()
    if isinstance(content, np.ndarray):
        np.save(buffer, content, allow_pickle=False)
    elif isinstance(content, dict):
        from scipy.io import savemat

        savemat(buffer, content, do_compression=True, oned_as="column")
    elif scipy_sparse().issparse(content):
        scipy_sparse().save_npz(buffer, content)
    else:
        blocks: Iterable[bytes] = content
        return blocks
    return [buffer.getbuffer()]
