"""Hold a data set against another one, or against shards of Experanto, by what their matrices say.

Two data sets are compared by their seals; a shard is binned as the data set says. Old npz files are in compare.py.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spikebin.errors import DatasetError, MatrixFileError, SpikebinError
from spikebin.exports.compare import Verdict
from spikebin.matrixfile.reader import MatrixFile
from spikebin.matrixfile.seal import read_seal
from spikebin.matrixfile.write_sheet import Settings, write_sheet
from spikebin.names import directory_name, find_sheet, natural_key
from spikebin.output.exclusions import read_excluded
from spikebin.output.paths import part_files, sheets_there, variants_there
from spikebin.recordings.experanto import open as open_shard
from spikebin.recordings.experanto import recognises
from spikebin.recordings.settings import TrialRule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.matrixfile.seal import Seal

__all__ = ["compare_datasets", "compare_shards", "holds_matrices", "shards_in"]


def holds_matrices(path: Path) -> bool:
    """Whether a directory is a data set of matrix files; none is opened.

    Parameters
    ----------
    path : Path
    """
    return any(sheets_there(path, variant) for variant in variants_there(path))


def shards_in(path: Path, variant: str) -> dict[str, Path]:
    """The shards of a variant by their names: those in ``path/<variant>``, else those in `path`.

    Parameters
    ----------
    path : Path
    variant : str

    Returns
    -------
    dict of str to Path
        In natural order; empty where there are none.
    """
    for folder in (path / directory_name(variant), path):
        found = [one for one in folder.iterdir() if recognises(one)] if folder.is_dir() else []
        if found:
            return {one.name: one for one in sorted(found, key=lambda one: natural_key(one.name))}
    return {}


def compare_datasets(
    new: Path,
    old: Path,
    *,
    variant: str | None = None,
    sheet: str | None = None,
    without: Collection[str] = (),
) -> Iterator[Verdict]:
    """Hold two data sets against each other by the content digests in their seals.

    Parameters
    ----------
    new, old : Path
        Outputs of configs.
    variant, sheet : str, optional
        Only these.
    without : collection of str
        Parts to leave out, ``50300`` of all variants or ``train/50300``; so are those that the new data set excludes.

    Yields
    ------
    Verdict
        One for each sheet of each part that either has. Layout, codec and version make no difference. A file that
        differs is read until the first trial that does; others are not: `spikebin verify` holds what they hold against
        their seals.

    Raises
    ------
    DatasetError
        If neither has such a variant or sheet.
    """
    variants = sorted({*variants_there(new), *variants_there(old)})
    without = {*without, *read_excluded(new)}
    n_found = 0
    for name in variants if variant is None else [variant]:
        sheets = dict.fromkeys([*sheets_there(new, name), *sheets_there(old, name)])
        wanted = sheets if sheet is None else [one for one in sheets if one == directory_name(sheet)]
        for one in wanted:
            mine, theirs = part_files(new, name, one), part_files(old, name, one)
            for part in sorted({*mine, *theirs}, key=natural_key):
                if part in without or f"{name}/{part}" in without:
                    continue
                n_found += 1
                label = f"{name}/{one}/{part}"
                if part not in mine or part not in theirs:
                    which = "old" if part in theirs else "new"
                    yield Verdict(label, agrees=False, remarks=(f"only the {which} data set has it",))
                    continue
                yield _held(label, mine[part], theirs[part], "the new file", "the old one")
    if not n_found:
        asked = " ".join(one for one in (variant, sheet) if one)
        raise DatasetError(
            f"neither {new} nor {old} has matrix files{f' of {asked}' if asked else ''}: check the paths"
        )


def compare_shards(sheets: SheetSet, path: Path) -> Iterator[Verdict]:
    """Hold a data set against shards: each is binned as the data set was, and must give the same content.

    Parameters
    ----------
    sheets : SheetSet
        As `open_dataset` gives it.
    path : Path
        With a shard for each part, called like it.

    Yields
    ------
    Verdict
        One for each sheet of each part.

    Raises
    ------
    MatrixFileError
        If a file of the data set is damaged.
    """
    for name, parts in sheets.parts().items():
        for part in parts:
            seal = part.file.header
            shards = shards_in(path, seal.variant)
            label = f"{seal.variant}/{directory_name(name)}/{part.name}"
            if part.name not in shards:
                yield Verdict(label, agrees=False, remarks=("there is no shard of that name",))
                continue
            with tempfile.TemporaryDirectory() as work:
                made = Path(work) / part.file.path.name
                try:
                    _bin_shard(shards[part.name], part.file, made)
                except SpikebinError as error:
                    yield Verdict(label, agrees=False, remarks=(str(error),))
                else:
                    yield _held(label, part.file.path, made, "the data set", "the shard")
            part.file.forget_tables()


def _bin_shard(shard: Path, like: MatrixFile, target: Path) -> None:
    """Bin a sheet of a shard as a matrix file says that it was."""
    seal, repeats = like.header, np.unique(like.trials["repeat"])
    recording = open_shard(shard)
    sheet = find_sheet(seal.sheet, recording.sheets)
    # One repeat may have been told by the name of the recording alone.
    repeat = int(repeats[0]) if repeats.size == 1 else None
    read = recording.sheet(seal.sheet if sheet is None else sheet, TrialRule(**seal.trial), repeat)
    write_sheet(read, seal.identity, Settings(seal.binning, trial=seal.trial), target)


def _held(label: str, new: Path, old: Path, new_name: str, old_name: str) -> Verdict:
    try:
        a, b = read_seal(new), read_seal(old)
        if a.content_digest == b.content_digest:
            return Verdict(label, agrees=True)
        return Verdict(label, agrees=False, remarks=(_difference(new, old, new_name, old_name),))
    except MatrixFileError as error:
        return Verdict(label, agrees=False, remarks=(str(error),))


def _difference(new: Path, old: Path, new_name: str, old_name: str) -> str:
    """What differs first: how they were binned, their rows, the first trial and the first cell in it."""
    a, b = MatrixFile(new), MatrixFile(old)
    told = _told(a.header, b.header, new_name, old_name)
    if told:
        return told
    if not np.array_equal(a.neurons["neuron_id"], b.neurons["neuron_id"]):
        return f"other neurons: {np.setxor1d(a.neurons['neuron_id'], b.neurons['neuron_id']).size} ids are in one only"
    for i in range(a.shape[0]):
        for column in ("image_id", "repeat", "n_bins"):
            mine, theirs = a.trials[column][i], b.trials[column][i]
            if mine != theirs:
                return f"trial {i} has {column} {mine} in {new_name}, {theirs} in {old_name}"
        cells = [dict(zip(*(one.tolist() for one in file.flat_events(i)), strict=True)) for file in (a, b)]
        odd = sorted(cell for cell in cells[0].keys() | cells[1].keys() if cells[0].get(cell) != cells[1].get(cell))
        if odd:
            row, column = divmod(odd[0], a.shape[2])
            return (
                f"cells that differ in trial {i}: {len(odd)}, the first of neuron {a.neurons['neuron_id'][row]} in bin"
                f" {column}: {cells[0].get(odd[0], 0)} in {new_name}, {cells[1].get(odd[0], 0)} in {old_name}"
            )
    return "what they hold is the same, and a seal says otherwise: run `spikebin verify` on both"


def _told(new: Seal, old: Seal, new_name: str, old_name: str) -> str:
    """What seals tell of a difference; "" where they are alike."""
    if new.binning != old.binning:
        return f"binned otherwise: {new.binning} in {new_name}, {old.binning} in {old_name}"
    if new.shape != old.shape:
        shapes = [" x ".join(map(str, seal.shape)) for seal in (new, old)]
        return f"{shapes[0]} (trials, neurons, bins) in {new_name}, {shapes[1]} in {old_name}"
    return ""
