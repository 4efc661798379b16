"""Write a data set in the layouts that other programs read, part by part, atomically, and not twice.

Which file holds what in the old pipeline's layouts is in old_layouts.py, what a zarr store is in zarr_store.py. npz and
mat need scipy, zarr needs zarr.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.choices import ExportKind, OldLayout, checked
from spikebin.dataset.dataset import Dataset
from spikebin.dataset.sparse import scipy_sparse
from spikebin.errors import DatasetError
from spikebin.exports.dense_files import _blocks, _mat_content, _npy_blocks
from spikebin.exports.old_layouts import OutFile, check_numbers, check_trials, folder_of, old_files
from spikebin.exports.zarr_store import write_store, zarr_package
from spikebin.matrixfile.shown import counted
from spikebin.names import directory_name, find_sheet
from spikebin.system.files import write_atomically
from spikebin.system.leftovers import remove_stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from spikebin.dataset.dataset import Part
    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.dataset.view import View

    Rows = NDArray[np.intp] | None
    Make = Callable[[Part, Rows], Iterator[OutFile]]

__all__ = ["Exported", "export"]

NOTES = ".spikebin"


@dataclass(frozen=True)
class Exported:
    """One sheet of one part: how many files (of zarr: trials) it is, and whether they were there already."""

    sheet: str
    part: str
    files: int
    skipped: bool
    unit: str = "file"

    def __str__(self) -> str:
        return f"{self.part} {self.sheet}: {'there already' if self.skipped else counted(self.files, self.unit)}"


def export(
    kind: ExportKind,
    sheets: SheetSet,
    out: Path,
    *,
    layout: OldLayout = "trimmed",
    step: int | None = None,
    index: Mapping[str, ArrayLike] | None = None,
    force: bool = False,
) -> Iterator[Exported]:
    """Write a data set for other programs; what is there already is left alone.

    Parameters
    ----------
    kind : {"npz", "npy", "mat", "zarr"}
        "npz": scipy's sparse matrices, see `spikebin.exports.old_layouts.old_files`. "npy":
        ``npy/<sheet>/spikes_<sheet>_<part>.npy``, the dense (trial, neuron, time) array. "mat":
        ``mat/<sheet>/spikes_<sheet>_<part>.mat``, for MATLAB: `spikes` sparse (neuron, trial * n_columns + bin),
        `n_columns`, `neuron_ids`, `image_ids`, `repeats`. "zarr": ``zarr/<sheet>.zarr``, all parts in one group, see
        `spikebin.exports.zarr_store.write_store`; a sheet that is not complete yet is not there.
    sheets : SheetSet
        As `open_dataset` gives it; "zarr" takes views of it, too.
    out : Path
        Files go to ``out/<variant>_dataset``. A note in its ``.spikebin`` says, for each part, from what it was
        written. What is there and was made from the same is left alone.
    layout, step
        Of "npz".
    index : mapping, optional
        Rows to keep of each sheet, see `old_layouts.read_index`; sheets that are not named are left out, as by
        `SheetSet.only`.
    force : bool
        Replace parts that were written from something else, or of other neurons or trials.

    Yields
    ------
    Exported
        For each sheet of each part, once it is written.

    Raises
    ------
    DatasetError
        If there is no such kind, its layout cannot hold the data set, or a part is there that was made otherwise.
    IndexError
        If a row of `index` is out of bounds.
    MatrixFileError
        If a file of the data set is damaged.
    SpikebinError
        If scipy or zarr is missing, or a file cannot be written.
    """
    checked(kind, ExportKind, "export kind")
    checked(layout, OldLayout, "export layout")
    if kind == "zarr":
        zarr_package()
        yield from _export_zarr(sheets if index is None else sheets.select(index=index), out, step)
        return
    folder, make = _maker(kind, layout, step)
    chosen: dict[str, NDArray[np.intp]] = {}
    if index is not None:
        sheets.select(index=index)
        wanted = {find_sheet(name, sheets): np.asarray(rows) for name, rows in index.items()}
        sheets = sheets.only(index)
        chosen = {name: np.arange(sheets[name].shape[1])[wanted[name]] for name in sheets}
    found = sheets.parts()
    if kind == "npz":
        for part in (part for parts in found.values() for part in parts):
            check_trials(layout, part.trials, f"{part.dataset.sheet} of part {part.name}")
        for parts in found.values() if layout == "trimmed" else ():
            check_numbers([part.file for part in parts])
    for name, parts in found.items():
        files = _SheetFiles(out, folder, name)
        for part in parts:
            yield files.write(part, _rows(part, chosen.get(name)), make, force=force)
            part.file.forget_tables()


class _SheetFiles:
    """The files of one sheet, and the notes that say from what those of each part were written."""

    def __init__(self, out: Path, folder: str, sheet: str) -> None:
        self._out, self._folder, self._sheet = out, folder, sheet
        self._prefix = f"{folder.replace('/', '-')}-{directory_name(sheet)}-"
        self._notes: dict[Path, list[str]] = {}
        self._cleaned: set[Path] = set()

    def write(self, part: Part, rows: Rows, make: Make, *, force: bool) -> Exported:
        """Write the files of one part, unless they are there and were made from the same."""
        root = self._out / f"{part.file.header.variant}_dataset"
        note = root / NOTES / f"{self._prefix}{part.name}.json"
        origin = {
            "content": part.file.header.content_digest,
            "rows": _digest(rows),
            "trials": _digest(part.trials),
        }
        known, names = _noted(note)
        skipped = known == origin and all((root / name).is_file() for name in names)
        if known and known != origin and not force:
            raise DatasetError(
                f"{root / self._folder} holds {part.name} of {self._sheet} from another source, or of other neurons or"
                " trials: give another directory, or replace it with --force"
            )
        if not skipped:
            before, made = set(names), list(make(part, rows))
            names = [str(one.path) for one in made]
            others = self._of_others(note, part, root, names)
            # Once for each directory: there may be very many files in one.
            for directory in ({(root / name).parent for name in names} | {note.parent}) - self._cleaned:
                remove_stale(directory)
                self._cleaned.add(directory)
            for one in made:
                write_atomically(root / one.path, _blocks(one.content()))
            write_atomically(note, [json.dumps({**origin, "files": names}).encode()])
            _remove_left_over(root, before - others, names)
        return Exported(directory_name(self._sheet), part.name, len(names), skipped)

    def _of_others(self, note: Path, part: Part, root: Path, names: list[str]) -> set[str]:
        """Files that are of other parts; no part writes over those."""
        self._notes = self._notes or {path: _noted(path)[1] for path in note.parent.glob(f"{self._prefix}*.json")}
        self._notes[note] = names
        others = {file for path, files in self._notes.items() if path != note for file in files}
        if clash := others.intersection(names):
            raise DatasetError(
                f"{min(clash)} in {root} is another part's than {part.name}: export to another directory"
            )
        return others


def _export_zarr(sheets: SheetSet, out: Path, step: int | None) -> Iterator[Exported]:
    if step is not None:
        raise DatasetError(f"a step of {step} is for npz only: give views with rebin")
    for view in sheets.values():
        sheet = directory_name(view.sheet)
        root = out / f"{view.name.split('/', 1)[0]}_dataset"
        store, notes = root / "zarr" / f"{sheet}.zarr", root / NOTES / f"zarr-{sheet}"
        for part, n_trials, skipped in write_store(view, store, notes):
            yield Exported(sheet, part, n_trials, skipped, "trial")


def _rows(part: Part, chosen: NDArray[Any] | None) -> Rows:
    """Rows of a part's file for those chosen of the sheet; None: all."""
    known = part.neurons
    if chosen is None or known is None:
        return known if chosen is None else chosen
    rows: NDArray[np.intp] = known[chosen]
    return rows


def _maker(kind: ExportKind, layout: OldLayout, step: int | None) -> tuple[str, Make]:
    """The folder of a kind, and what gives its files."""
    if kind == "npz":
        scipy_sparse()
        return folder_of(layout, step), lambda part, rows: old_files(part.file, layout, step, rows, part.trials)
    if step is not None:
        raise DatasetError(f"a step of {step} is for npz only: for {kind} use a view with rebin")
    if kind == "npy":
        return "npy", _npy_files
    scipy_sparse()
    return "mat", _mat_files


def _npy_files(part: Part, rows: Rows) -> Iterator[OutFile]:
    yield OutFile(_path("npy", part), partial(_npy_blocks, _view(part, rows)))


def _mat_files(part: Part, rows: Rows) -> Iterator[OutFile]:
    yield OutFile(_path("mat", part), partial(_mat_content, _view(part, rows)))


def _path(kind: str, part: Part) -> PurePosixPath:
    sheet = directory_name(part.dataset.sheet)
    return PurePosixPath(f"{kind}/{sheet}/spikes_{sheet}_{part.name}.{kind}")


def _view(part: Part, rows: Rows) -> View:
    view: View = Dataset([part.file])
    view = view if part.trials is None else view.take(part.trials)
    return view if rows is None else view.select(index=rows)


def _noted(note: Path) -> tuple[dict[str, Any], list[str]]:
    """From what a part's files were written, and their names; nothing where no note makes sense."""
    try:
        known = json.loads(note.read_text("utf-8"))
        names = [str(name) for name in known.pop("files")]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}, []
    return known, names


def _remove_left_over(root: Path, before: set[str], now: list[str]) -> None:
    """Remove files of a part as it was before, if it has fewer now."""
    folders = {PurePosixPath(name).parent for name in now}
    for name in before.difference(now):
        # A note is a file like any other: what it says must not reach beyond where parts are.
        if PurePosixPath(name).parent in folders:
            (root / name).unlink(missing_ok=True)


def _digest(rows: Rows) -> str | None:
    return None if rows is None else hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()
