"""Which files make up a data set: found, held against the plan, opened by their seals."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from spikebin.calls import typed
from spikebin.choices import Broken, Match, checked
from spikebin.dataset.dataset import Dataset, _few
from spikebin.dataset.file_view import FileView
from spikebin.dataset.sheet_set import SheetSet
from spikebin.errors import DatasetError, MatrixFileError
from spikebin.matrixfile.reader import MatrixFile
from spikebin.matrixfile.seal import read_seal
from spikebin.names import directory_name, find_sheet, in_natural_order, suggest
from spikebin.output.exclusions import read_excluded
from spikebin.output.jobs import open_jobs
from spikebin.output.paths import part_names, sheets_there, variants_there

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


__all__ = ["chosen_variants", "open_dataset", "open_output", "sheets_of"]


@overload
def open_dataset(
    path: Path | str,
    variant: str | None = ...,
    sheet: None = ...,
    *,
    match: Match = ...,
    leave_out: str | Collection[str] = ...,
    broken: Broken = ...,
) -> SheetSet: ...


@overload
def open_dataset(
    path: Path | str,
    variant: str | None = ...,
    *,
    sheet: str,
    match: Match = ...,
    leave_out: str | Collection[str] = ...,
    broken: Broken = ...,
) -> Dataset: ...


@typed
def open_dataset(
    path: Path | str,
    variant: str | None = None,
    sheet: str | None = None,
    *,
    match: Match = "exact",
    leave_out: str | Collection[str] = (),
    broken: Broken = "refuse",
) -> Dataset | SheetSet:
    """Open a data set: all parts of one sheet, or of every sheet, side by side.

    Parameters
    ----------
    path : Path or str
        The output of a config: the directory that holds jobs.csv and the variants; or one that holds matrix files, as
        ``spikebin bin --out DIR`` writes them; or one matrix file.
    variant : str, optional
        May be left out where there is only one.
    sheet : str, optional
        Raw or directory name. None: all sheets.
    match : {"exact", "common"}
        "exact": parts must have the same neuron ids, sheets the same trials; whatever differs is an error, here or
        when a part is first read. "common": take the neurons that all parts of a sheet have, and the trials that all
        sheets have, by part, image and repeat; opening then reads every table.
    leave_out : collection of str
        Parts to leave out, by name. Those that `spikebin exclude` excludes are left out in any case.
    broken : {"refuse", "leave out"}
        What becomes of parts that are missing or broken in any sheet asked for: an error names them; or they are left
        out, and `left_out` names them.

    Returns
    -------
    Dataset
        With `sheet`.
    SheetSet
        Without: ``open_dataset(path, variant="train")["X_ON"]``.

    Raises
    ------
    DatasetError
        If there is no such variant, sheet or part to leave out, if files are missing (that the plan lists, or that
        another sheet has) or broken: they are named; or if files do not fit together, or no part or common trial is
        left.
    MatrixFileError
        With match="common", if a table of a file cannot be read.
    PlanError
        If jobs.csv or the list of excluded parts is not as spikebin wrote it.
    """
    checked(match, Match, "open_dataset match")
    checked(broken, Broken, "open_dataset broken")
    root = Path(path)
    leave_out = [leave_out] if isinstance(leave_out, str) else leave_out
    with _nothing_collected():
        datasets, left_out = _open(root, variant, sheet, match=match, leave_out=leave_out, broken=broken)
    return next(iter(datasets.values())) if sheet is not None else _aligned(datasets, match, left_out)


def _open(
    root: Path, variant: str | None, sheet: str | None, *, match: Match, leave_out: Collection[str], broken: Broken
) -> tuple[dict[str, Dataset], dict[str, str]]:
    """The sheets by name, and why parts are left out; see `open_dataset`."""
    variant, found = _found(root, variant, sheet)
    planned = _planned(root, variant)
    parts = {name: dict.fromkeys([*paths, *planned.get(name, ())]) for name, paths in found.items()}
    everywhere = in_natural_order({part for mine in parts.values() for part in mine})
    for part in leave_out:
        if part not in everywhere:
            raise DatasetError(f"no part {part!r} to leave out of {root / variant}: {suggest(part, everywhere)}")
    left_out = dict.fromkeys(leave_out, "as asked") | _excluded(root, variant, everywhere)
    mine_of = {name: [part for part in everywhere if match == "exact" or part in mine] for name, mine in parts.items()}
    files, troubles = _open_all(found, mine_of, left_out, variant)
    if troubles and broken == "refuse":
        raise DatasetError(
            f"{len(troubles)} of {len(everywhere)} parts of {root / variant} are missing or broken: {_few(troubles)}"
            f" ({next(iter(troubles.values()))}); export them, name them in leave_out=[...], or give broken='leave out'"
        )
    left_out |= troubles
    for part in everywhere:
        if part not in left_out and (lacking := [name for name, mine in files.items() if part not in mine]):
            left_out[part] = f"not there for {', '.join(lacking)}"
    kept = [part for part in everywhere if part not in left_out]
    if not kept:
        raise DatasetError(f"no part of {root / variant} is left to open: `spikebin status` shows what is there")
    datasets: dict[str, Dataset] = {}
    for mine in files.values():
        dataset = FileView(mine[kept[0]]) if root.is_file() else Dataset([mine[part] for part in kept], match=match)
        dataset.left_out = left_out
        datasets[str(dataset.files[0].header.sheet)] = dataset
    return datasets, left_out


def _found(root: Path, variant: str | None, sheet: str | None) -> tuple[str, dict[str, dict[str, str]]]:
    """The variant that is meant, and the files of each of its sheets, or of the one asked for, by their parts."""
    if variants_there(root):
        variant = _chosen(root, variant, variants_there(root))
        return variant, {name: part_names(root, variant, name) for name in sheets_of(root, variant, sheet)}
    loose = _loose_files(root)
    variant = _chosen(root, variant, list(loose))
    found = loose[variant]
    if sheet is None:
        return variant, found
    name = find_sheet(sheet, found)
    if name is None:
        raise DatasetError(f"no sheet {sheet!r} in {root}: {suggest(sheet, found)}")
    return variant, {name: found[name]}


def _excluded(root: Path, variant: str, parts: Sequence[str]) -> dict[str, str]:
    """Parts that `spikebin exclude` excludes, and why."""
    reasons = read_excluded(root) if root.is_dir() else {}
    return {part: reason for part in parts if (reason := reasons.get(f"{variant}/{part}"))}


def _open_all(
    found: dict[str, dict[str, str]], wanted: dict[str, list[str]], left_out: Collection[str], variant: str
) -> tuple[dict[str, dict[str, MatrixFile]], dict[str, str]]:
    """Files of the parts that are wanted of each sheet, and why other parts cannot be opened, in natural order."""
    files: dict[str, dict[str, MatrixFile]] = {name: {} for name in wanted}
    troubles: dict[str, str] = {}
    for name, parts in wanted.items():
        for part in (part for part in parts if part not in left_out):
            try:
                files[name][part] = _opened(found[name].get(part), variant, name, part)
            except MatrixFileError as error:
                troubles.setdefault(part, str(error))
    return files, {part: troubles[part] for part in in_natural_order(troubles)}


def open_output(
    output: Path,
    variant: str,
    sheet: str | None = None,
    *,
    excluded: Collection[str] = (),
    match: Match = "exact",
    leave_out: Collection[str] = (),
    broken: Broken = "refuse",
) -> SheetSet:
    """Open what a config exports to, without the parts that it excludes; else as `open_dataset`.

    Parameters
    ----------
    output : Path
    variant : str
    sheet : str, optional
        Raw or directory name. None: all sheets.
    excluded : collection of str
        Parts that the config excludes; those that the plan does not have are no matter.
    match, leave_out, broken
        As for `open_dataset`.

    Returns
    -------
    SheetSet
        Of all sheets, or of the one that is given.

    Raises
    ------
    DatasetError, MatrixFileError, PlanError
        As `open_dataset`.
    """
    planned = {job.part for job in open_jobs(output) or () if job.variant == variant}
    without = [*leave_out, *sorted(planned.intersection(excluded))]
    if sheet is None:
        return open_dataset(output, variant, match=match, leave_out=without, broken=broken)
    dataset = open_dataset(output, variant, sheet=sheet, match=match, leave_out=without, broken=broken)
    return SheetSet({dataset.sheet: dataset}, dataset.left_out)


def chosen_variants(root: Path | str, wanted: str | None = None) -> list[str]:
    """The variants to go through: the one that is wanted, or all.

    Parameters
    ----------
    root : Path or str
        The output of a config.
    wanted : str, optional

    Returns
    -------
    list of str

    Raises
    ------
    DatasetError
        If there is no such variant, or none at all.
    """
    variants = variants_there(Path(root))
    return variants if wanted is None and variants else [_chosen(Path(root), wanted, variants)]


def sheets_of(root: Path, variant: str, wanted: str | None = None) -> list[str]:
    """Directory names of the sheets of a variant that have been exported: those of the plan first, in its order.

    Parameters
    ----------
    root : Path
        The output of a config.
    variant : str
    wanted : str, optional
        Only this sheet, by its raw or directory name.

    Returns
    -------
    list of str

    Raises
    ------
    DatasetError
        If there are no files of the sheet that is wanted, or of any.
    PlanError
        If jobs.csv is not as spikebin wrote it.
    """
    there = sheets_there(root, variant)
    found = None if wanted is None else find_sheet(wanted, there)
    if found is not None:
        return [found]
    planned = [name for name in _planned(root, variant) if name in there]
    ordered = planned + [name for name in there if name not in planned]
    if wanted is None and ordered:
        return ordered
    raise DatasetError(f"no files of sheet {wanted!r} in {root / variant}: {suggest(str(wanted), ordered)}")


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep the garbage collector off: it takes half of the time that 10^5 files are opened in, and finds nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _opened(path: str | None, variant: str, sheet: str, part: str) -> MatrixFile:
    if path is None:
        raise MatrixFileError(f"no file of {sheet} in part {part}")
    file = MatrixFile._of_name(path)
    like = file.outline.like
    found = like.variant, file.outline.part, directory_name(like.sheet)
    if found != (variant, part, sheet):
        raise MatrixFileError(f"{path} holds {'/'.join(found)}: it was renamed or copied")
    if like.limit is not None:
        raise MatrixFileError(f"{path} holds only the first {like.limit} trials of its part: export it again")
    return file


def _aligned(datasets: dict[str, Dataset], match: Match, left_out: dict[str, str]) -> SheetSet:
    first, *others = datasets.values()
    if match == "exact":
        for other in others:
            other.align(first)
        return SheetSet(datasets, left_out)
    places = {name: {key: i for i, key in enumerate(_keys(dataset))} for name, dataset in datasets.items()}
    common = [key for key in places[next(iter(datasets))] if all(key in mine for mine in places.values())]
    if not common:
        raise DatasetError(f"no trial is in all of {', '.join(datasets)}: open them one by one")
    taken = {name: np.array([places[name][key] for key in common]) for name in datasets if list(places[name]) != common}
    views = {name: dataset.take(taken[name]) if name in taken else dataset for name, dataset in datasets.items()}
    return SheetSet(views, left_out, taken=taken)


def _keys(dataset: Dataset) -> Iterator[tuple[str, str, int, int]]:
    """(part, image, repeat, how many times before) of each trial."""
    seen: dict[tuple[str, str, int], int] = {}
    for part, image, repeat in dataset.trials[["part", "image_id", "repeat"]].tolist():
        before = seen[part, image, repeat] = seen.get((part, image, repeat), -1) + 1
        yield part, image, repeat, before


def _loose_files(root: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Matrix files that lie in one directory, or the one file that it is: variant -> sheet's directory -> part -> file.

    By what their seals say, whatever they are called.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    for path in [root] if root.is_file() else sorted(root.glob("*.h5")):
        seal = read_seal(path)
        parts = found.setdefault(seal.variant, {}).setdefault(directory_name(seal.sheet), {})
        if seal.part in parts:
            raise DatasetError(f"{parts[seal.part]} and {path} both hold {seal.identity}: move one of them elsewhere")
        parts[seal.part] = str(path)
    return found


def _chosen(root: Path, wanted: str | None, variants: Sequence[str]) -> str:
    if wanted in variants:
        return str(wanted)
    if not variants:
        raise DatasetError(
            f"no data set in {root}: give the output of a config, where `spikebin run` has exported to, or matrix files"
        )
    if wanted is None and len(variants) == 1:
        return variants[0]
    if wanted is None:
        raise DatasetError(f"{root} holds the variants {', '.join(variants)}: give one, variant={variants[0]!r}")
    raise DatasetError(f"no variant {wanted!r} in {root}: {suggest(wanted, variants)}")


def _planned(root: Path, variant: str) -> dict[str, list[str]]:
    """Sheet (by its directory's name) -> parts that the plan has, but for those without a source."""
    planned: dict[str, list[str]] = {}
    for job in open_jobs(root) or ():
        if job.variant == variant:
            for source in job.sources:
                for sheet in source.sheets if source.path else ():
                    planned.setdefault(sheet, []).append(job.part)
    return {directory_name(sheet): parts for sheet, parts in planned.items()}
