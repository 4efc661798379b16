"""Hold an existing data set of the old pipeline against a new one, file by file, and explain what differs.

Reads both, writes neither. What the old layouts are is in old_layouts.py. Needs scipy.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.dataset.sparse import scipy_sparse
from spikebin.errors import DatasetError
from spikebin.exports.old_layouts import folder_of, old_files, read_ids
from spikebin.names import directory_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.choices import OldLayout
    from spikebin.dataset.dataset import Part
    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.matrixfile.reader import MatrixFile

__all__ = ["Verdict", "compare", "old_datasets"]


@dataclass(frozen=True)
class Verdict:
    """What became of one old file. `remarks` explain differences, and what had to be allowed for where it agrees."""

    path: str
    agrees: bool
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.path}: {'agrees' if self.agrees else 'differs'}"
        return f"{text}: {'; '.join(self.remarks)}" if self.remarks else text


@dataclass(frozen=True)
class _Known:
    """Of a part: ids of the new rows, bins of a trial, and ids of the old rows where they are told."""

    ids: NDArray[Any]
    n_columns: int
    old_ids: NDArray[Any] | None


def compare(sheets: SheetSet, old: Path, *, all_sheets: bool = True) -> Iterator[Verdict]:
    """Hold the files of an old data set against what spikebin would write in their place.

    Parameters
    ----------
    sheets : SheetSet
        As `open_dataset` gives it.
    old : Path
        The old ``<variant>_dataset``: what holds spikes, trimmed_spikes or compressed_spikes.
    all_sheets : bool
        Whether `sheets` is all there is, so that another sheet of the old data set is one too many.

    Yields
    ------
    Verdict
        For each file that either side has, of the layouts and sheets that the old data set has at all. Rows of old
        files may come in the recording's order instead of by ascending id: which one is recognised from its
        neuron_ids where they are there, else from what the rows hold.

    Raises
    ------
    DatasetError
        If there is no old data set, or the old layouts cannot hold the new one, see `old_layouts.old_files`.
    MatrixFileError
        If a file of the new data set is damaged.
    SpikebinError
        If scipy is missing.
    """
    scipy_sparse()
    layouts = _layouts(old)
    if not layouts:
        raise DatasetError(f"{old} holds no spikes, trimmed_spikes or compressed_spikes: give an old <variant>_dataset")
    for layout, step in layouts:
        folder = old / folder_of(layout, step)
        present = {path.name for path in folder.iterdir() if path.is_dir()}
        for name, parts in sheets.parts().items():
            sheet = directory_name(name)
            if sheet in present:
                present.discard(sheet)
                yield from _compare_sheet(parts, old, folder / sheet, layout, step)
        for name in sorted(present) if all_sheets else ():
            yield Verdict(
                str((folder / name).relative_to(old)), agrees=False, remarks=("the new data set has no such sheet",)
            )


def old_datasets(old: Path, variants: Sequence[str], variant: str | None = None) -> list[tuple[str, Path]]:
    """Which variants an old directory holds: it is a ``<variant>_dataset`` itself, or a directory of some.

    Parameters
    ----------
    old : Path
    variants : sequence of str
        Those that the new data set has.
    variant : str, optional
        What the directory holds, where its name does not tell.

    Returns
    -------
    list of (variant, Path)

    Raises
    ------
    DatasetError
        If there is none.
    """
    if _layouts(old):
        called = variant or old.absolute().name.removesuffix("_dataset")
        if called not in variants:
            raise DatasetError(
                f"{old} is of variant {called!r}, and the new data set has {', '.join(variants)}: give --variant"
            )
        return [(called, old)]
    wanted = [variant] if variant else variants
    places = [(name, old / folder) for name in wanted for folder in (f"{name}_dataset", name)]
    found = [(name, path) for name, path in places if _layouts(path)]
    if not found:
        raise DatasetError(
            f"{old} holds no spikes, trimmed_spikes or compressed_spikes, nor does a <variant>_dataset in it: give the"
            " directory that the old scripts wrote"
        )
    return found


def _layouts(old: Path) -> list[tuple[OldLayout, int | None]]:
    sizes = (re.fullmatch(r"size_([1-9]\d*)", path.name) for path in (old / "compressed_spikes/trimmed").glob("size_*"))
    steps = sorted(int(size[1]) for size in sizes if size)
    known: list[tuple[OldLayout, int | None]] = [
        ("raw", None),
        ("trimmed", None),
        *(("trimmed", step) for step in steps),
    ]
    return [(layout, step) for layout, step in known if any((old / folder_of(layout, step)).glob("*/*.npz"))]


def _compare_sheet(
    parts: Sequence[Part], old: Path, folder: Path, layout: OldLayout, step: int | None
) -> Iterator[Verdict]:
    left = {path.name for path in folder.iterdir() if path.suffix == ".npz"}
    for part in parts:
        file, rows = part.file, part.neurons
        known = _Known(
            file.neurons["neuron_id"][slice(None) if rows is None else rows], file.shape[2], _old_ids(old, file)
        )
        for wanted in old_files(file, layout, step, rows, part.trials):
            path = old / wanted.path
            left.discard(path.name)
            if path.is_file():
                yield _verdict(str(wanted.path), path, wanted.content(), known)
            else:
                yield Verdict(str(wanted.path), agrees=False, remarks=("the old data set has no such file",))
        file.forget_tables()
    for name in sorted(left):
        remark = "the new data set has no such part or trial (the old script could export one trial more than asked)"
        yield Verdict(str((folder / name).relative_to(old)), agrees=False, remarks=(remark,))


def _old_ids(old: Path, file: MatrixFile) -> NDArray[Any] | None:
    name = f"neuron_ids_{directory_name(file.header.sheet)}_{file.header.part}.npy"
    try:
        return read_ids(old / "neuron_ids" / name)
    except DatasetError:
        return None


def _verdict(name: str, path: Path, new: Any, known: _Known) -> Verdict:
    try:
        npy = path.suffix == ".npy"
        found = np.load(path, allow_pickle=False) if npy else scipy_sparse().load_npz(path).tocsr()
    except Exception as error:  # noqa: BLE001 - a damaged zip file can make numpy and scipy raise nearly anything
        return Verdict(
            name, agrees=False, remarks=(f"the old file cannot be read ({type(error).__name__}): it is damaged",)
        )
    if path.suffix == ".npz":
        agrees, remarks = _explain_spikes(found, new, known)
    elif name.startswith("neuron_ids"):
        agrees, remarks = _explain_neurons(found, new)
    else:
        agrees, remarks = _explain_images(found, new)
    return Verdict(name, agrees, tuple(remarks))


def _explain_neurons(old: NDArray[Any], new: NDArray[Any]) -> tuple[bool, list[str]]:
    if np.array_equal(old, new):
        return True, []
    if np.array_equal(np.sort(old), new):
        return True, ["the old file has the ids in the recording's order, the new one ascending"]
    lacking, extra = np.setdiff1d(new, old), np.setdiff1d(old, new)
    return False, [f"{len(lacking)} ids are only in the new file, {len(extra)} only in the old one"]


def _explain_images(old: NDArray[Any], new: NDArray[Any]) -> tuple[bool, list[str]]:
    if np.array_equal(old, new):
        return True, []
    if new.ndim == 2 and np.array_equal(old, new[0]):
        return False, ["the order of images differs between repeats, and the old file has that of the first only"]
    if old.ndim == new.ndim == 1 and sorted(old.tolist()) == sorted(new.tolist()):
        return False, ["the same images in another order"]
    return False, [f"other images: {old.size} in the old file, {new.size} in the new one"]


def _explain_spikes(old: Any, new: Any, known: _Known) -> tuple[bool, list[str]]:
    remarks = []
    ids, old_ids = known.ids, known.old_ids
    if old.dtype != new.dtype:
        remarks.append(f"{old.dtype} in the old file, {new.dtype} in the new one")
    if old.shape[0] != new.shape[0]:
        remarks.append(
            f"the old file has {old.shape[0]} of {new.shape[0]} neurons: the old script cuts to the shortest segment"
        )
        return False, remarks
    if old.shape[1] != new.shape[1]:
        n_columns = known.n_columns
        more, rest = divmod(old.shape[1] - new.shape[1], n_columns)
        what = (
            f"{abs(more)} x {n_columns} columns {'more' if more > 0 else 'less'}"
            if not rest
            else f"{old.shape[1]} columns"
        )
        remarks.append(f"the old file has {what}, the new one {new.shape[1]} columns, {n_columns} to a trial")
        return False, remarks
    if old_ids is not None and old_ids.size == old.shape[0] and not np.array_equal(old_ids, ids):
        if not np.array_equal(np.sort(old_ids), ids):
            return False, [*remarks, "the old neuron_ids are of other neurons"]
        old = old[np.argsort(old_ids, kind="stable")]
        remarks.append("the old rows follow its neuron_ids, the new ones ascend")
    difference = (old.astype(np.int64) - new.astype(np.int64)).tocoo()
    difference.eliminate_zeros()
    if not difference.nnz:
        return True, remarks
    if old_ids is None and _row_contents(old) == _row_contents(new):
        remarks.append(
            "the same rows in another order: the old ones follow the recording, whose neuron_ids are not there to tell"
        )
        return True, remarks
    return False, [*remarks, _explain_cells(difference, old, new, known)]


def _explain_cells(difference: Any, old: Any, new: Any, known: _Known) -> str:
    n_columns = known.n_columns
    if old.shape[1] % n_columns == 0:
        blocks = range(0, old.shape[1], n_columns)
        odd = [
            at
            for at in blocks
            if _row_contents(old[:, at : at + n_columns]) != _row_contents(new[:, at : at + n_columns])
        ]
        if not odd:
            return (
                "in each image the same rows in another order: the old script read every segment in the order of the"
                " first, which is not theirs"
            )
    cells = dict(
        zip(zip(difference.row.tolist(), difference.col.tolist(), strict=True), difference.data.tolist(), strict=True)
    )
    moved = sum(1 for (row, column), change in cells.items() if change > 0 and cells.get((row, column + 1), 0) < 0)
    only_old = sum(1 for change in cells.values() if change > 0)
    only_new = len(cells) - only_old
    if moved == only_old == only_new:
        return (
            f"spikes that lie one bin earlier in the old file: {moved}; it cuts off times a hair below an edge,"
            " which count as on the edge here"
        )
    row, column = min(cells)
    neuron, (image, bin_) = int(known.ids[row]), divmod(column, n_columns)
    return (
        f"cells that differ: {len(cells)}, {only_old} higher in the old file, {only_new} in the new one, first"
        f" neuron {neuron}, image {image} of the file, bin {bin_}"
    )


def _row_contents(matrix: Any) -> Counter[tuple[bytes, bytes]]:
    """How often each row occurs, whatever its place."""
    matrix = matrix.tocsr().sorted_indices()
    ends = matrix.indptr
    return Counter(
        (matrix.indices[a:b].astype(np.int64).tobytes(), matrix.data[a:b].astype(np.int64).tobytes())
        for a, b in pairwise(ends.tolist())
    )
