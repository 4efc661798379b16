"""Dense arrays as files that plain numpy, or MATLAB, reads: .npy and .npz, never complete in memory; .mat, sparse."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.dataset.sparse import scipy_sparse
from spikebin.system.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.binning.rules import Binning
    from spikebin.binning.trial import TrialEvents
    from spikebin.dataset.dataset import Part
    from spikebin.dataset.view import View
    from spikebin.exports.old_layouts import OutFile
    from spikebin.recordings.protocol import SheetRecording

    Rows = NDArray[np.intp] | None
    Make = Callable[[Part, Rows], Iterator[OutFile]]

BLOCK_CELLS = 1 << 26


def _npy_blocks(view: View) -> Iterator[bytes]:
    """A .npy file as numpy would save it at once, written trial by trial."""
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


def write_dense(
    target: Path,
    trials: Iterable[TrialEvents],
    shape: tuple[int, int, int],
    binning: Binning,
    labels: Mapping[str, NDArray[Any]],
) -> None:
    """Write trials as a dense array, never complete in memory.

    Parameters
    ----------
    target : Path
        ``.npy``: the array. ``.npz``: the array as ``spikes``, and the labels.
    trials : iterable of TrialEvents
        All of them, in order.
    shape : tuple of int
        (trial, neuron, time).
    binning : Binning
    labels : mapping of str to ndarray
        What the rows and columns are.

    Raises
    ------
    DiskFullError
        If no space or quota is left.
    SpikebinError
        If the file cannot be written. Nothing is left behind.
    """
    blocks = _dense_npy(trials, shape, np.dtype(bool if binning.values == "bool" else "u1"))
    write_atomically(target, blocks if target.suffix == ".npy" else _dense_npz(blocks, labels))


def _dense_npy(trials: Iterable[TrialEvents], shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Iterator[bytes]:
    header = io.BytesIO()
    np.lib.format.write_array_header_2_0(header, {"descr": dtype.str, "fortran_order": False, "shape": shape})
    yield header.getvalue()
    n_cells = shape[1] * shape[2]
    for events in trials:
        for first in range(0, n_cells, BLOCK_CELLS):
            block = np.zeros(min(BLOCK_CELLS, n_cells - first), np.uint8)
            low, high = np.searchsorted(events.flat, (first, first + block.size))
            block[events.flat[low:high] - first] = events.values[low:high]
            yield block.tobytes()


def _dense_npz(blocks: Iterable[bytes], labels: Mapping[str, NDArray[Any]]) -> Iterator[bytes]:
    out = _Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("spikes.npy", "w", force_zip64=True) as member:
            for block in blocks:
                member.write(block)
                yield out.take()
        for name, array in labels.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    yield out.take()


class _Pipe(io.RawIOBase):
    """Where an archive is written to, and its bytes are taken from."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._buffer += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken


def trial_labels(
    sheet: SheetRecording, n_bins: Sequence[int], binning: Binning, start: float
) -> dict[str, NDArray[Any]]:
    """What the rows and columns of a dense array of a recording are, as `write_dense` takes it.

    Parameters
    ----------
    sheet : SheetRecording
    n_bins : sequence of int
        Of each trial.
    binning : Binning
    start : float
        When the first bin starts, in ms from the event.

    Returns
    -------
    dict of str to ndarray
        ``trial_<column>``, ``neuron_<column>``, ``neuron_ids``, ``width``; `time`, where each bin starts in ms from the
        event, where trials have one phase.
    """
    trials = sheet.trials
    columns = {
        "image_id": [trial.image_id for trial in trials],
        "repeat": [trial.repeat for trial in trials],
        "order": [trial.order for trial in trials],
        "n_bins": n_bins,
        **{name: [trial.extra[i][1] for trial in trials] for i, (name, _) in enumerate(trials[0].extra)},
    }
    labels = {f"trial_{name}": np.array(values) for name, values in columns.items()}
    neurons = sheet.neurons
    for name in neurons.dtype.names or ():
        known = name != "neuron_id" and not (neurons[name].dtype.kind == "f" and np.isnan(neurons[name]).all())
        labels |= {f"neuron_{name}": np.asarray(neurons[name])} if known else {}
    if len(trials[0].phases) == 1:
        labels["time"] = start + binning.width * np.arange(max(n_bins))
    return labels | {"neuron_ids": neurons["neuron_id"].astype(np.int64), "width": np.array(binning.width)}
