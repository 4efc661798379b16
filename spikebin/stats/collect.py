"""The sums of many parts: those that are kept are read, all others are added up and kept, and any number may be at it.

A part is one piece of work, whoever does it: a thread here, a Slurm task, a call that was ended half way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from spikebin.dataset.dataset import Dataset, Part
from spikebin.errors import DatasetError
from spikebin.matrixfile.reader import MatrixFile
from spikebin.output.paths import matrix_path
from spikebin.stats.partial import content_of, kept_steps, key_of, load_sums, partial_path, save_sums
from spikebin.stats.statistics import work_out
from spikebin.stats.sums import SAMPLE, Sums, Total, add_up, multiples
from spikebin.system.threads import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.choices import Short
    from spikebin.dataset.view import View
    from spikebin.stats.statistics import Stats

__all__ = ["Cut", "Request", "are_kept", "collect", "part_of", "reduce_parts", "sums_of_part"]


@dataclass(frozen=True)
class Cut:
    """How items are cut from the trials: as they are, or as `View.window` does.

    Attributes
    ----------
    window : (int, int), optional
        First bin and the one after the last; None: complete trials.
    origin, across, short
        As `View.window` takes them.
    """

    window: tuple[int, int] | None = None
    origin: str = "image"
    across: bool = False
    short: Short = "refuse"

    def of(self, view: View) -> View:
        """The items of a view."""
        if self.window is None:
            return view
        return view.window(*self.window, self.origin, across=self.across, short=self.short)

    @property
    def text(self) -> str:
        """Tells one way of cutting from another."""
        if self.window is None:
            return "trials"
        return f"window{(*self.window, self.origin, self.across, self.short)}"


@dataclass(frozen=True)
class Request:
    """What is to be added up.

    Attributes
    ----------
    widths : sequence of float, optional
        ms; None: the width of the files.
    cut : Cut
    indices : mapping
        Name of a subset -> sheet (raw or directory name) -> rows of its neurons by ascending id, as
        `spikebin.exports.old_layouts.read_index` reads them. Empty: all neurons, by the name "all".
    sample : int
        See `Sums`.
    """

    widths: Sequence[float] | None = None
    cut: Cut = field(default_factory=Cut)
    indices: Mapping[str, Mapping[str, NDArray[np.int64]]] = field(default_factory=dict)
    sample: int = SAMPLE

    def subsets(self, dataset: Dataset) -> dict[str, NDArray[np.int64] | None]:
        """Name -> rows of a data set, ascending, of the subsets that have neurons of its sheet.

        Raises
        ------
        DatasetError
            If a row is out of bounds, or one is there twice.
        """
        if not self.indices:
            return {"all": None}
        found: dict[str, NDArray[np.int64] | None] = {}
        for name, by_sheet in self.indices.items():
            rows = next(
                (by_sheet[key] for key in (dataset.sheet, dataset.sheet.replace("/", "")) if key in by_sheet), None
            )
            if rows is None:
                continue
            rows = np.sort(np.asarray(rows, np.int64))
            if not rows.size or rows[0] < 0 or rows[-1] >= dataset.shape[1] or (np.diff(rows) == 0).any():
                raise DatasetError(
                    f"the rows of {dataset.sheet} in {name} are not rows of its {dataset.shape[1]} neurons, each once:"
                    " give those of this data set"
                )
            found[name] = rows
        return found


def collect(
    dataset: Dataset, request: Request, output: Path, *, threads: int = 1
) -> Iterator[tuple[str, bool, dict[str, Sums]]]:
    """The sums of each part of a sheet.

    Parameters
    ----------
    dataset : Dataset
    request : Request
    output : Path
        The output of a config, beside which they are kept.
    threads : int
        Parts at once.

    Yields
    ------
    part : str
    kept : bool
        Whether all of them were there already.
    sums : dict of str to Sums
        By the names of the subsets.

    Raises
    ------
    DatasetError
        If a width, window or subset does not fit, or a part has other neurons.
    MatrixFileError
        If a file is damaged.
    SpikebinError
        If sums cannot be written.
    """
    request.subsets(dataset)

    def work(number: int) -> tuple[str, bool, dict[str, Sums]]:
        return dataset.parts[number], *sums_of_part(dataset, number, request, output)

    yield from in_order(work, len(dataset.parts), threads)


def sums_of_part(
    dataset: Dataset, number: int, request: Request, output: Path, *, count: bool = True
) -> tuple[bool, dict[str, Sums]]:
    """The sums of one part of a sheet: those that are kept, or added up now, and kept.

    Parameters
    ----------
    dataset : Dataset
    number : int
        Of the part in the data set.
    request, output
        As for `collect`.
    count : bool
        False: read what is kept, and nothing else.

    Returns
    -------
    kept : bool
        Whether all of them were there already.
    sums : dict of str to Sums
        By the names of the subsets; without those that are not kept, where nothing is to be added up.

    Raises
    ------
    DatasetError, MatrixFileError, SpikebinError
        As `collect`.
    """
    steps = list(dict.fromkeys([1, *multiples(dataset.width, request.widths)]))
    subsets = request.subsets(dataset)
    content = content_of(dataset.files[number].header)
    paths = {name: _path(dataset, number, rows, request, output) for name, rows in subsets.items()}
    ids = dataset.neurons["neuron_id"]
    found: dict[str, Sums] = {}
    # Widths that earlier calls asked for are counted, too, and stay kept: such calls may be made again.
    wanted = dict.fromkeys(steps)
    for name, path in paths.items():
        sums = load_sums(path, content, ids if subsets[name] is None else ids[subsets[name]])
        if sums is not None and {*steps} <= {*sums.steps.tolist()}:
            found[name] = sums.only(steps)
        elif sums is not None:
            wanted |= dict.fromkeys(sums.steps.tolist())
    lacking = {name: rows for name, rows in subsets.items() if name not in found}
    if lacking and count:
        view = request.cut.of(_part_view(dataset, number))
        added = add_up(view, list(wanted), subsets=lacking, sample=request.sample)
        dataset.files[number].forget_tables()
        for name, sums in added.items():
            save_sums(paths[name], sums, content)
            found[name] = sums.only(steps)
    return not lacking, {name: found[name] for name in subsets if name in found}


def reduce_parts(
    dataset: Dataset, request: Request, parts: Iterable[tuple[str, bool, dict[str, Sums]]]
) -> dict[str, Stats]:
    """The statistics of a sheet, from the sums of its parts.

    Parameters
    ----------
    dataset : Dataset
    request : Request
    parts : iterable
        From `collect`; let go of one by one.

    Returns
    -------
    dict of str to Stats
        By the names of the subsets.

    Raises
    ------
    DatasetError
        If parts do not have the same neurons, or a width is longer than all trials.
    """
    steps = multiples(dataset.width, request.widths)
    subsets = request.subsets(dataset)
    totals = {name: Total() for name in subsets}
    for _, _, sums in parts:
        for name, one in sums.items():
            totals[name].add(one)
    neurons = dataset.neurons
    return {
        name: work_out(totals[name].sums(), neurons if rows is None else neurons[rows], steps)
        for name, rows in subsets.items()
    }


def part_of(output: Path, variant: str, part: str, sheet: str) -> Dataset:
    """One part of a sheet on its own, as a data set.

    Parameters
    ----------
    output : Path
        The output of a config.
    variant, part : str
    sheet : str
        Raw or directory name.

    Raises
    ------
    MatrixFileError
        If its file is not there, or is not complete.
    """
    return Dataset([MatrixFile(matrix_path(output, variant, part, sheet))])


def are_kept(dataset: Dataset, request: Request, output: Path) -> bool:
    """Whether the sums of all parts of a sheet are there already, of what its files hold now.

    Parameters
    ----------
    dataset, request, output
        As for `collect`.

    Returns
    -------
    bool

    Raises
    ------
    DatasetError
        If a width or subset does not fit.
    """
    steps = {1, *multiples(dataset.width, request.widths)}
    for rows in request.subsets(dataset).values():
        for number, file in enumerate(dataset.files):
            path = _path(dataset, number, rows, request, output)
            if not steps <= kept_steps(path, content_of(file.header)):
                return False
    return True


def _part_view(dataset: Dataset, number: int) -> View:
    """One part, of the neurons that the data set has of all of them."""
    part = Part(dataset, number)
    view: View = Dataset([part.file])
    return view if part.neurons is None else view.select(index=part.neurons)


def _path(dataset: Dataset, number: int, rows: NDArray[np.int64] | None, request: Request, output: Path) -> Path:
    ids = None
    if rows is not None or dataset.shape[1] != dataset.files[number].shape[1]:
        ids = dataset.neurons["neuron_id"] if rows is None else dataset.neurons["neuron_id"][rows]
    key = key_of(request.cut.text, ids, request.sample)
    return partial_path(output, dataset.name.split("/", 1)[0], dataset.sheet, dataset.parts[number], key)
