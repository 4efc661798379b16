"""The layouts of the old pipeline: which file holds what, made from a matrix file; and its lists of neurons.

Needs scipy. Writing the files down is in exports.py, holding an existing old data set against a new one in compare.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from spikebin.calls import typed
from spikebin.choices import OldLayout, checked
from spikebin.dataset.dataset import Dataset
from spikebin.dataset.sparse import csr
from spikebin.errors import DatasetError
from spikebin.names import directory_name
from spikebin.output.ids import image_ids
from spikebin.pickles.unpickler import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from spikebin.dataset.view import View
    from spikebin.matrixfile.reader import MatrixFile

__all__ = ["OutFile", "check_numbers", "check_trials", "folder_of", "old_files", "read_ids", "read_index"]


@dataclass(frozen=True)
class OutFile:
    """A file to be written: its path below ``<variant>_dataset``, and what it is to hold."""

    path: PurePosixPath
    content: Callable[[], Any]


def folder_of(layout: OldLayout, step: int | None = None) -> str:
    """Folder of a layout below ``<variant>_dataset``.

    Parameters
    ----------
    layout : {"raw", "trimmed"}
    step : int, optional
        Bins that are summed to one.

    Returns
    -------
    str
        Path with slashes.

    Raises
    ------
    DatasetError
        If there is no such layout, or the step is below 1 or not of "trimmed".
    """
    checked(layout, OldLayout, "old layout")
    if step is None:
        return {"raw": "spikes", "trimmed": "trimmed_spikes"}[layout]
    if layout == "raw" or step < 1:
        raise DatasetError(f"layout {layout!r} with a step of {step}: steps of 1 bin or more need 'trimmed'")
    return f"compressed_spikes/trimmed/size_{step}"


def old_files(
    file: MatrixFile,
    layout: OldLayout,
    step: int | None = None,
    rows: NDArray[Any] | None = None,
    kept: NDArray[np.intp] | None = None,
) -> Iterator[OutFile]:
    """What the old pipeline makes of one sheet of one part, in order of the trials.

    Parameters
    ----------
    file : MatrixFile
    layout : {"raw", "trimmed"}
        "raw": ``spikes/<sheet>/spikes_[trial_<repeat>_]<sheet>_<part>.npz``, all trials of a repeat side by side, with
        image_ids and neuron_ids. "trimmed": ``trimmed_spikes/<sheet>/spikes_[trial_<repeat>_]<part + i>.npz``, the i-th
        trial of a repeat from the onset of its image to that of the next; the last of a repeat ends with its image. The
        repeat is in the name where there is more than repeat 0.
    step : int, optional
        Of "trimmed": sums over so many bins from the onset of the image, the rest dropped, in
        ``compressed_spikes/trimmed/size_<step>``.
    rows : array, optional
        Rows to keep, as `View.select` takes them.
    kept : array, optional
        Trials of the file to keep, of "raw".

    Yields
    ------
    OutFile
        CSR matrices (neuron, bin) of uint8, with a step of uint64, rows by ascending neuron id; and .npy arrays.

    Raises
    ------
    DatasetError
        If trials differ in length, or if a part is not called by a number that its trials can be counted on from: the
        old layouts have no place for that. As `check_trials`, `folder_of` and `View.select` say.
    IndexError
        If a row is out of bounds.
    SpikebinError
        If scipy is missing, when the content is asked for.
    """
    check_trials(layout, kept, f"{file.header.sheet} of part {file.header.part}")
    folder = PurePosixPath(folder_of(layout, step))
    view: View = Dataset([file])
    sheet, part = directory_name(file.header.sheet), file.header.part
    n_columns = view.shape[2]
    trials = view.trials
    if (trials["n_bins"] != n_columns).any():
        raise DatasetError(
            f"trials of {file.path} have {trials['n_bins'].min()} to {n_columns} bins, and the old layouts hold one"
            " length only: use a view of the data set instead"
        )
    first = _first_number(part) if layout == "trimmed" else 0
    if rows is not None:
        view = view.select(index=rows)
    if layout == "raw":
        shown = trials if kept is None else trials[kept]
        ids = image_ids(zip(shown["repeat"].tolist(), shown["image_id"].tolist(), strict=True))
        yield OutFile(PurePosixPath(f"image_ids/image_ids_{sheet}_{part}.npy"), partial(np.array, ids))
        neuron_ids = view.neurons["neuron_id"]
        yield OutFile(PurePosixPath(f"neuron_ids/neuron_ids_{sheet}_{part}.npy"), partial(np.array, neuron_ids))
    else:
        view = view.window(0, n_columns, across=True, short="cut")
        view = view if step is None else view.rebin(step, how="count", rest="drop")
    dtype = np.uint8 if step is None else np.uint64
    repeats = np.unique(trials["repeat"]).tolist()
    for repeat in repeats:
        infix = "" if repeats == [0] else f"trial_{repeat}_"
        mine = np.flatnonzero(trials["repeat"] == repeat).tolist()
        if layout == "raw":
            mine = mine if kept is None else np.intersect1d(mine, kept).tolist()
            if mine:
                yield OutFile(folder / sheet / f"spikes_{infix}{sheet}_{part}.npz", partial(_csr, view, mine, dtype))
            continue
        for i, trial in enumerate(mine):
            yield OutFile(folder / sheet / f"spikes_{infix}{first + i}.npz", partial(_csr, view, [trial], dtype))


def check_numbers(files: Sequence[MatrixFile]) -> None:
    """Refuse parts of a sheet whose trials would be called by the same numbers in the layout "trimmed".

    Parameters
    ----------
    files : sequence of MatrixFile
        All parts of the sheet.

    Raises
    ------
    DatasetError
        If a part is not called by a number, or by one that another part's trials count up to.
    """
    numbered = sorted(((_first_number(file.header.part), file) for file in files), key=itemgetter(0))
    for (first, file), (following, other) in pairwise(numbered):
        # Repeats of an image share its number; to count them costs a look into the file.
        if following - first >= file.shape[0]:
            continue
        n_images = int(np.unique(file.trials["repeat"], return_counts=True)[1].max())
        file.forget_tables()
        if following - first < n_images:
            raise DatasetError(
                f"the {n_images} images of part {file.header.part} would be numbered over those of part"
                f" {other.header.part}: the trimmed layout needs parts called by their first image, choose raw"
            )


def _first_number(part: str) -> int:
    if not (part.isascii() and part.isdigit()):
        raise DatasetError(
            f"part {part!r} is not a number to count images from: the trimmed layout cannot name its files"
        )
    return int(part)


def check_trials(layout: OldLayout, kept: NDArray[np.intp] | None, where: str) -> None:
    """Refuse to leave trials out where files are named by counting them: a sheet would be numbered unlike another.

    Parameters
    ----------
    layout : {"raw", "trimmed"}
    kept : array or None
        Trials of a file to keep; None: all.
    where : str
        Sheet and part, for the message.

    Raises
    ------
    DatasetError
        If the layout is "trimmed", and not all trials are kept.
    """
    if layout == "trimmed" and kept is not None:
        raise DatasetError(
            f"{where} has trials that another sheet lacks, and the trimmed layout numbers its files by counting them:"
            " leave the part out, or choose the layout raw"
        )


@typed
def read_index(path: Path | str) -> dict[str, NDArray[np.int64]]:
    """Rows of neurons by sheet, from a file of the old pipeline (``size_10.0.pkl``). Nothing in it is run.

    Parameters
    ----------
    path : Path or str
        A pickle of {sheet: list or array of rows}.

    Returns
    -------
    dict
        Sheet, as the file names it, -> int64 (n,). They count rows by the order of the old files, which is by
        ascending id where the recording's was: see `View.select`.

    Raises
    ------
    RecordingError
        If the file is missing, damaged, or asks for any code.
    DatasetError
        If it holds something else.
    """
    found = load(Path(path))
    index = {}
    for sheet, rows in found.items() if isinstance(found, dict) else [("", None)]:
        # Of lists in lists numpy would make an array of any size.
        is_flat = isinstance(rows, list | tuple) and all(type(row) is int for row in rows)
        array = np.asarray(rows if is_flat or isinstance(rows, np.ndarray) else np.nan)
        are_rows = array.ndim == 1 and (not array.size or (array.dtype.kind in "iu" and array.max() < 1 << 63))
        if not isinstance(sheet, str) or not are_rows:
            raise DatasetError(f"{path} is not a list of neurons: it must hold {{sheet: list of row numbers}}")
        index[sheet] = array.astype(np.int64)
    return index


def read_ids(path: Path | str) -> NDArray[np.int64]:
    """Ids of neurons from a .npy file.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    int64 (n,)
        In the order of the file.

    Raises
    ------
    DatasetError
        If it is missing, or holds something else.
    """
    try:
        with Path(path).open("rb") as file:
            ids = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise DatasetError(f"{path} is not a .npy file of neuron ids ({error}): save one with numpy.save") from None
    if not isinstance(ids, np.ndarray) or ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise DatasetError(f"{path} is not a list of neuron ids: it must hold whole numbers, (n,)")
    if ids.size and ids.max() > np.iinfo(np.int64).max:
        raise DatasetError(f"{path} holds {ids.max()}, which is not a neuron's id: it must be less than 2**63")
    return ids.astype(np.int64)


def _csr(view: View, trials: list[int], dtype: type[np.unsignedinteger[Any]]) -> Any:
    n_columns = int(view.trials["n_bins"][trials[0]])
    found = []
    for trial in trials:
        flat, values = view.flat_events(trial)
        found.append((flat // view.shape[2] * n_columns + flat % view.shape[2], values))
    return csr(found, view.shape[1], n_columns, dtype)
