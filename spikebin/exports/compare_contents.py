"""Hold a data set against another one by what their seals say, and find what differs between two matrix files.

Old npz files are in compare.py, shards of Experanto in compare_shards.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spikebin.errors import DatasetError, MatrixFileError
from spikebin.exports.compare import Verdict
from spikebin.matrixfile.reader import MatrixFile
from spikebin.matrixfile.seal import read_seal
from spikebin.names import directory_name, in_natural_order
from spikebin.output.exclusions import read_excluded
from spikebin.output.paths import part_files, sheets_there, variants_there

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from spikebin.matrixfile.seal import Seal

__all__ = ["compare_datasets", "held", "holds_matrices"]


def holds_matrices(path: Path) -> bool:
    """Whether a directory is a data set of matrix files; none is opened.

    Parameters
    ----------
    path : Path
    """
    return any(sheets_there(path, variant) for variant in variants_there(path))


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
            for part in in_natural_order({*mine, *theirs}):
                if part in without or f"{name}/{part}" in without:
                    continue
                n_found += 1
                label = f"{name}/{one}/{part}"
                if part not in mine or part not in theirs:
                    which = "old" if part in theirs else "new"
                    yield Verdict(label, agrees=False, remarks=(f"only the {which} data set has it",))
                    continue
                yield held(label, mine[part], theirs[part], "the new file", "the old one")
    if not n_found:
        asked = " ".join(one for one in (variant, sheet) if one)
        raise DatasetError(
            f"neither {new} nor {old} has matrix files{f' of {asked}' if asked else ''}: check the paths"
        )


def held(label: str, new: Path, old: Path, new_name: str, old_name: str) -> Verdict:
    """Hold two matrix files against each other by their content digests, and say what differs first.

    Parameters
    ----------
    label : str
        What they are, for the verdict.
    new, old : Path
    new_name, old_name : str
        What each is called where they differ.

    Returns
    -------
    Verdict
    """
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
    """What seals say about a difference; "" where they are equal."""
    if new.binning != old.binning:
        return f"binned otherwise: {new.binning} in {new_name}, {old.binning} in {old_name}"
    if new.shape != old.shape:
        shapes = [" x ".join(map(str, seal.shape)) for seal in (new, old)]
        return f"{shapes[0]} (trials, neurons, bins) in {new_name}, {shapes[1]} in {old_name}"
    return ""
