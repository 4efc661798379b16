"""A directory of matrix files as one lazy array: which files make it up, and whether they fit together.

Opening reads seals only; tables and spikes are read on need, file by file, and let go of. What can be asked of the
array is in views.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from spikebin.errors import DatasetError, MatrixFileError
from spikebin.matrixfile.reader import MatrixFile
from spikebin.names import directory_name, natural_key, suggest
from spikebin.output.exclusions import read_excluded
from spikebin.output.jobs import read_jobs
from spikebin.views import View

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from spikebin.matrixfile.lazy import Selector
    from spikebin.pipeline.config import Config
    from spikebin.views import How, Rest, Short

__all__ = [
    "Dataset",
    "Match",
    "Part",
    "SheetSet",
    "chosen_variants",
    "dataset_of",
    "exported_views",
    "open_dataset",
    "open_output",
    "sheet_files",
    "variants_of",
]

Match = Literal["exact", "common"]
Broken = Literal["refuse", "leave out"]
SHOWN = 5


class Dataset(View):
    """All parts of one sheet of one variant as one lazy (trial, neuron, time) array.

    Trials come by part (in natural order: 9 before 10), and within a part as its file has them: by repeat, then by
    order of presentation. Where parts differ in length, the time axis is as long as the longest, the rest of a row is
    False, and ``trials["n_bins"]`` says how many bins are real, as within a part. Any number of threads and processes
    may read.

    Parameters
    ----------
    files : sequence of MatrixFile
        One for each part, of one sheet.
    match : {"exact", "common"}
        What is asked of the neurons. "exact": every part has the same ids, checked when a part is first read. "common":
        only those that all parts have; opening then reads every part's table of neurons.

    Attributes
    ----------
    files : list of MatrixFile
    parts : list of str
    left_out : dict
        Part -> why it is not here, of those that were left out on request or are excluded.

    Raises
    ------
    DatasetError
        If there are none, if their binning differs, or if their neurons do not match.
    MatrixFileError
        With match="common", if a table of neurons cannot be read.
    """

    def __init__(self, files: Sequence[MatrixFile], *, match: Match = "exact") -> None:
        if not files:
            raise DatasetError("a data set of no files: give at least one")
        first = files[0].header
        name = f"{first['variant']}/{first['sheet']}"
        for file in files:
            for key in ("sheet", "variant", "binning"):
                if file.header[key] != first[key]:
                    raise DatasetError(
                        f"{file.path} and {files[0].path} do not belong together: {key} is {file.header[key]!r} and"
                        f" {first[key]!r}; export them with one config, or open them apart"
                    )
        self.files = list(files)
        self.parts = [file.header["part"] for file in files]
        self.left_out: dict[str, str] = {}
        self._tables: dict[int, NDArray[Any]] = {}
        self._rows: dict[int, NDArray[np.intp] | None] = {}
        self._twin: Dataset | None = None
        self._match = match
        self._starts = np.cumsum([0, *(file.shape[0] for file in files)])
        n_neurons = files[0].shape[1]
        if match == "common":
            n_neurons = len(self.neurons)
        else:
            for file in files:
                if file.shape[1] != n_neurons:
                    raise DatasetError(
                        f"part {file.header['part']} of {name} has {file.shape[1]} neurons, part {self.parts[0]}"
                        f" {n_neurons}: open with match='common' to take those that all parts have"
                    )
        super().__init__(
            name,
            (int(self._starts[-1]), n_neurons, max(file.shape[2] for file in files)),
            files[0].dtype,
            width=files[0].binning.width,
            largest=1 if files[0].dtype == bool else 255,
        )

    @cached_property
    def trials(self) -> NDArray[Any]:
        """Structured array (n_trials,): part, image_id, repeat, order (of presentation in its part), n_bins, and more.

        What else the files have of each trial comes last, where all of them have it.

        Raises
        ------
        DatasetError
            If the trials of a part are not those of the sheet that it is held against, see `align`.
        """
        tables = [self._table(part) for part in range(len(self.files))]
        names = [name for name in _names(tables[0]) if all(name in _names(table) for table in tables)]
        columns: dict[str, NDArray[Any]] = {"part": np.repeat(self.parts, np.diff(self._starts))}
        columns |= {name: np.concatenate([table[name] for table in tables]) for name in names if name != "phase_bins"}
        trials = np.empty(len(self), [(name, column.dtype) for name, column in columns.items()])
        for name, column in columns.items():
            trials[name] = column
        return trials

    @cached_property
    def neurons(self) -> NDArray[Any]:
        """Structured array (n_neurons,): neuron_id (ascending), x, y, z (nan where unknown).

        Raises
        ------
        DatasetError
            With match="common", if no neuron is in all parts: when the data set is opened.
        """
        neurons = self._of_file(0, lambda file: file.neurons)
        if self._match == "common":
            for part in range(1, len(self.files)):
                others = self._of_file(part, lambda file: file.neurons["neuron_id"])
                neurons = neurons[np.isin(neurons["neuron_id"], others)]
            if not len(neurons):
                raise DatasetError(f"no neuron id is in all {len(self.files)} parts of {self.files[0].header['sheet']}")
        return neurons

    def onsets(self, phase: str) -> NDArray[np.int64]:
        """Bin in which a phase of each trial begins.

        Parameters
        ----------
        phase : str

        Returns
        -------
        int64 (n_trials,)

        Raises
        ------
        DatasetError
            If there is no such phase, or as `phases`.
        """
        names, bins = self.phases()
        if phase not in names:
            raise DatasetError(f"{self.name} has no phase {phase!r}: {suggest(phase, names)}")
        onsets: NDArray[np.int64] = (bins.cumsum(axis=1) - bins)[:, names.index(phase)]
        return onsets

    def phases(self) -> tuple[list[str], NDArray[np.int64]]:
        """Names of the phases, and how many bins each trial has of each.

        Returns
        -------
        names : list of str
            In their order in time.
        bins : int64 (n_trials, n_phases)

        Raises
        ------
        DatasetError
            If the parts do not have the same phases, or a part not the trials of the sheet that it is held against.
        """
        names = self._phase_names(0)
        for part in range(len(self.files)):
            if self._phase_names(part) != names:
                raise DatasetError(
                    f"part {self.parts[part]} of {self.name} has the phases {', '.join(self._phase_names(part))},"
                    f" part {self.parts[0]} has {', '.join(names)}: open them apart"
                )
        return names, np.concatenate([self._table(part)["phase_bins"] for part in range(len(self.files))])

    def stimulus(self, trial: int) -> str:
        """The stimulus of a trial, as the recording writes it.

        Parameters
        ----------
        trial : int
            Negative counts from the end.

        Raises
        ------
        IndexError
            If there is no such trial.
        """
        part, row = self._locate(self._checked(trial))
        return str(self._of_file(part, lambda file: file.trials["stimulus"])[row])

    def align(self, twin: Dataset) -> None:
        """Hold the trials of each part against those of another sheet when they are first read.

        Parameters
        ----------
        twin : Dataset
            The other sheet.

        Raises
        ------
        DatasetError
            If the parts or the numbers of their trials differ already; later, when a part is read that differs.
        """
        here = dict(zip(self.parts, np.diff(self._starts), strict=True))
        there = dict(zip(twin.parts, np.diff(twin._starts), strict=True))
        differ = [part for part in here | there if here.get(part) != there.get(part)]
        if differ:
            part = differ[0]
            raise DatasetError(
                f"{self.name} and {twin.name} do not have the same trials in {_few(differ)}: part {part} has"
                f" {here.get(part, 0)} and {there.get(part, 0)}; open with match='common' to take those that all"
                " sheets have"
            )
        self._twin = twin

    def only(self, trials: NDArray[np.intp] | None) -> list[Part]:
        """The parts that some trials lie in, or all parts with all their trials; nothing is read.

        Parameters
        ----------
        trials : int (n,) or None
            Of the data set, in any order; None: all.

        Returns
        -------
        list of Part
            In the order of the data set.
        """
        if trials is None:
            return [Part(self, i) for i in range(len(self.files))]
        places = np.searchsorted(np.sort(trials), self._starts)
        mine = [np.sort(trials)[a:b] - self._starts[i] for i, (a, b) in enumerate(pairwise(places.tolist()))]
        return [
            Part(self, i, None if len(kept) == self.files[i].shape[0] else kept)
            for i, kept in enumerate(mine)
            if len(kept)
        ]

    @property
    def _whole_trials(self) -> bool:
        # Cut out around events, without the blanks between them, or as windows: such trials leave gaps, or overlap.
        rule, made_by = self.files[0].header["trial"], self.files[0].header["source"]["name"]
        gaps = rule.get("blank") == "none" or "events" in rule or "window_start" in rule
        return not gaps and " | window(" not in made_by and " | rebin(" not in made_by

    def _locate(self, trial: int) -> tuple[int, int]:
        part = int(np.searchsorted(self._starts, trial, "right")) - 1
        return part, trial - int(self._starts[part])

    def _phase_names(self, part: int) -> list[str]:
        return [phase["name"] for phase in self.files[part].header["phases"]]

    def _of_file(self, part: int, question: Callable[[MatrixFile], NDArray[Any]]) -> NDArray[Any]:
        """What a table of a file says; the table itself is not kept."""
        answer = question(self.files[part])
        self.files[part].forget_tables()
        return answer

    def _table(self, part: int) -> NDArray[Any]:
        """/trials of a part without the texts of its stimuli, held against another sheet's."""
        if part not in self._tables:
            table = self._of_file(part, lambda file: _without(file.trials, "stimulus"))
            if self._twin is not None:
                other = self._twin._table(part)
                differ = np.flatnonzero((table["image_id"] != other["image_id"]) | (table["repeat"] != other["repeat"]))
                if len(differ):
                    i = differ[0]
                    raise DatasetError(
                        f"{self.name} and {self._twin.name} do not have the same trials in part {self.parts[part]}:"
                        f" trial {i} is image {table['image_id'][i]}, repeat {table['repeat'][i]}, and image"
                        f" {other['image_id'][i]}, repeat {other['repeat'][i]}; open with match='common' to take"
                        " those that all sheets have"
                    )
            self._tables[part] = table
        return self._tables[part]

    def _file_rows(self, part: int) -> NDArray[np.intp] | None:
        """Rows of a part's file for the rows of the data set; None where they are the same."""
        if part not in self._rows:
            self._table(part)
            ids = self._of_file(part, lambda file: file.neurons["neuron_id"])
            wanted = self.neurons["neuron_id"]
            same = np.array_equal(ids, wanted)
            if not same and self._match == "exact":
                raise DatasetError(
                    f"part {self.parts[part]} of {self.name} has other neuron ids than part {self.parts[0]}: open with"
                    " match='common' to take those that all parts have"
                )
            self._rows[part] = None if same else np.searchsorted(ids, wanted)
        return self._rows[part]

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        trials, rows, columns = selectors
        out = np.zeros((len(trials), len(rows), len(columns)), self.dtype)
        places = [(self._locate(int(trial)), i) for i, trial in enumerate(trials)]
        for part, group in groupby(sorted(places), key=lambda place: place[0][0]):
            found = list(group)
            file, mapped = self.files[part], self._file_rows(part)
            file_rows = rows if mapped is None else mapped[np.asarray(rows, np.intp)]
            inside = np.flatnonzero(np.asarray(columns, np.intp) < file.shape[2])
            if not len(inside):
                continue
            place = slice(int(inside[0]), int(inside[-1]) + 1)
            block = file.block([np.array([row for (_, row), _ in found], np.intp), file_rows, columns[place]])
            for one, (_, i) in zip(block, found, strict=True):
                out[i][:, place] = one
        return out

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        part, row = self._locate(trial)
        mapped = self._file_rows(part)
        flat, values = self.files[part].flat_events(row)
        n_columns = self.files[part].shape[2]
        if mapped is None and n_columns == self.shape[2]:
            return flat, values
        rows, bins = np.divmod(flat, n_columns)
        if mapped is not None:
            place = np.full(self.files[part].shape[1], -1)
            place[mapped] = np.arange(len(mapped))
            kept = place[rows] >= 0
            rows, bins, values = place[rows[kept]], bins[kept], values[kept]
        return rows * self.shape[2] + bins, values


@dataclass(frozen=True)
class Part:
    """What there is of one part of a sheet, as it was opened.

    Attributes
    ----------
    dataset : Dataset
    number : int
        Of the part in the data set.
    trials : array, optional
        Trials of its file, ascending; None: all of them.
    """

    dataset: Dataset
    number: int
    trials: NDArray[np.intp] | None = None

    @property
    def name(self) -> str:
        """Of the part."""
        return str(self.dataset.parts[self.number])

    @property
    def file(self) -> MatrixFile:
        """Its matrix file."""
        return self.dataset.files[self.number]

    @property
    def neurons(self) -> NDArray[np.intp] | None:
        """Rows of the file; None: all of them.

        Raises
        ------
        DatasetError
            If its neurons or trials do not match those of other parts and sheets, and were to.
        MatrixFileError
            If its file cannot be read, or was written anew since it was opened.
        """
        return self.dataset._file_rows(self.number)


def dataset_of(view: View) -> Dataset:
    """The data set that lies below a view.

    Parameters
    ----------
    view : View

    Returns
    -------
    Dataset
        `view` itself, if it is one.

    Raises
    ------
    DatasetError
        If it is a view of something else.
    """
    bottom = view
    while bottom.base is not None:
        bottom = bottom.base
    if not isinstance(bottom, Dataset):
        raise DatasetError(f"{view!r} is no view of a data set: open one with `open_dataset`")
    return bottom


class SheetSet(Mapping[str, View]):
    """Several sheets of one variant, trial i of each being the same presentation.

    A mapping from raw names (``V1_Exc_L2/3``; the directory's name finds it, too) to views. The methods that give views
    do so for every sheet.

    Parameters
    ----------
    sheets : mapping of str to View
        By raw name; trial i of each the same presentation, which is not checked here.
    left_out : mapping of str to str, optional
    taken : mapping of str to int (n_trials,), optional
        Where sheets have been reduced to the trials that all of them have: which those are, of each that had others.

    Attributes
    ----------
    left_out : dict
        Part -> why it is not here, of those that were left out on request or are excluded.
    """

    def __init__(
        self,
        sheets: Mapping[str, View],
        left_out: Mapping[str, str] | None = None,
        *,
        taken: Mapping[str, NDArray[np.intp]] | None = None,
    ) -> None:
        self._sheets = dict(sheets)
        self.left_out = dict(left_out or {})
        # Of sheets that are a data set but for trials that other sheets lack: those that are left.
        self._taken = dict(taken or {})

    def __getitem__(self, sheet: str) -> View:
        for name, view in self._sheets.items():
            if sheet in {name, directory_name(name)}:
                return view
        raise KeyError(f"no sheet {sheet!r}: {suggest(sheet, self._sheets)}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._sheets)

    def __len__(self) -> int:
        return len(self._sheets)

    @property
    def n_trials(self) -> int:
        """Number of trials, the same in every sheet."""
        return len(next(iter(self._sheets.values())))

    @property
    def n_parts(self) -> int:
        """Number of parts, those of each sheet counted."""
        return sum(map(len, self.parts().values()))

    def parts(self) -> dict[str, list[Part]]:
        """The parts of each sheet, for what goes file by file; nothing is read.

        Raises
        ------
        DatasetError
            If these are views of a data set.
        """
        found = {}
        for name, view in self.items():
            taken = self._taken.get(name)
            dataset = view if taken is None else view.base
            if not isinstance(dataset, Dataset):
                raise DatasetError(
                    f"{view!r} is a view, and this goes part by part: give the sheets as `open_dataset` gives them"
                )
            found[name] = dataset.only(taken)
        return found

    @property
    def trials(self) -> NDArray[Any]:
        """The trials of the first sheet; part, image_id and repeat are those of every sheet."""
        return next(iter(self._sheets.values())).trials

    def only(self, names: Iterable[str]) -> SheetSet:
        """Only some sheets, by raw or directory name; where there is one sheet alone, names of others are passed over.

        Parameters
        ----------
        names : iterable of str

        Returns
        -------
        SheetSet
            In the order of this one.

        Raises
        ------
        DatasetError
            If there is no such sheet.
        """
        wanted = {directory_name(name): name for name in names}
        known = [directory_name(name) for name in self]
        unknown = [given for name, given in wanted.items() if name not in known]
        if unknown and (len(known) > 1 or len(unknown) == len(wanted)):
            raise DatasetError(f"no sheet {unknown[0]!r} to select from: {suggest(unknown[0], self)}")
        views = {name: view for name, view in self.items() if directory_name(name) in wanted}
        return SheetSet(views, self.left_out, taken=self._taken)

    def select(
        self, *, ids: Mapping[str, ArrayLike] | None = None, index: Mapping[str, ArrayLike] | None = None
    ) -> SheetSet:
        """`View.select`, by sheet; sheets that are not named are left out.

        Parameters
        ----------
        ids, index : mapping of str to array
            Of each sheet, by raw or directory name, as for `View.select`.

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            Unless exactly one of them is given, or as `only` and `View.select`.
        OutOfRangeError
            If a row is out of bounds.
        """
        wanted = ids if ids is not None else index
        if wanted is None or (ids is not None and index is not None):
            raise DatasetError("select takes either ids={sheet: ids} or index={sheet: rows}: give one of them")
        rows = {directory_name(name): chosen for name, chosen in wanted.items()}
        key = "ids" if ids is not None else "index"
        sheets = self.only(wanted)
        return self._each({name: view.select(**{key: rows[directory_name(name)]}) for name, view in sheets.items()})

    def take(self, trials: ArrayLike | slice) -> SheetSet:
        """`View.take` of every sheet.

        Parameters
        ----------
        trials : array of int or bool, or slice
            As for `View.take`.

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            As `View.take`.
        """
        return self._each({name: view.take(trials) for name, view in self.items()})

    def window(
        self, start: int, stop: int, origin: str | None = "image", *, across: bool = False, short: Short = "refuse"
    ) -> SheetSet:
        """`View.window` of every sheet.

        Parameters
        ----------
        start, stop, origin, across, short
            As for `View.window`.

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            As `View.window`, or if short="drop" leaves other trials in one sheet than in another.
        """
        views = {name: view.window(start, stop, origin, across=across, short=short) for name, view in self.items()}
        if short == "drop":
            first, *others = (view.trials[["part", "image_id", "repeat"]] for view in views.values())
            if any(not np.array_equal(first, other) for other in others):
                raise DatasetError(
                    "short='drop' leaves other trials in one sheet than in another: choose 'pad' or 'cut'"
                )
        return self._each(views)

    def rebin(self, k: int, *, how: How, rest: Rest) -> SheetSet:
        """`View.rebin` of every sheet.

        Parameters
        ----------
        k, how, rest
            As for `View.rebin`.

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            As `View.rebin`.
        """
        return self._each({name: view.rebin(k, how=how, rest=rest) for name, view in self.items()})

    def batches(self, size: int, *, rest: Literal["keep", "drop"] = "keep") -> Iterator[dict[str, NDArray[Any]]]:
        """`View.batches`, an array for each sheet.

        Parameters
        ----------
        size, rest
            As for `View.batches`.

        Yields
        ------
        dict of str to ndarray (size, neuron, time)
            By raw name.

        Raises
        ------
        DatasetError
            If `size` is below 1, when the first batch is asked for.
        """
        for arrays in zip(*(view.batches(size, rest=rest) for view in self.values()), strict=True):
            yield dict(zip(self, arrays, strict=True))

    def _each(self, views: Mapping[str, View]) -> SheetSet:
        return SheetSet(views, self.left_out)

    def __repr__(self) -> str:
        return f"<{len(self)} sheets of {self.n_trials} trials: {', '.join(self)}>"


@overload
def open_dataset(
    path: Path | str,
    variant: str | None = ...,
    sheet: None = ...,
    *,
    match: Match = ...,
    leave_out: Collection[str] = ...,
    broken: Broken = ...,
) -> SheetSet: ...
@overload
def open_dataset(
    path: Path | str,
    variant: str | None = ...,
    *,
    sheet: str,
    match: Match = ...,
    leave_out: Collection[str] = ...,
    broken: Broken = ...,
) -> Dataset: ...
def open_dataset(
    path: Path | str,
    variant: str | None = None,
    sheet: str | None = None,
    *,
    match: Match = "exact",
    leave_out: Collection[str] = (),
    broken: Broken = "refuse",
) -> Dataset | SheetSet:
    """Open a data set: all parts of one sheet, or of every sheet, side by side.

    Parameters
    ----------
    path : Path or str
        The output of a config: the directory that holds jobs.csv and the variants.
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
    root = Path(path)
    variant = _variant(root, variant)
    names = _sheet_names(root, variant, sheet)
    found = {name: sheet_files(root, variant, name) for name in names}
    planned = _planned(root, variant)
    parts = {name: dict.fromkeys([*paths, *planned.get(name, ())]) for name, paths in found.items()}
    everywhere = dict.fromkeys(part for mine in parts.values() for part in mine)
    for part in leave_out:
        if part not in everywhere:
            raise DatasetError(f"no part {part!r} to leave out of {root / variant}: {suggest(part, everywhere)}")
    files: dict[str, dict[str, MatrixFile]] = {name: {} for name in names}
    reasons = read_excluded(root)
    excluded = {part: reason for part in everywhere if (reason := reasons.get(f"{variant}/{part}"))}
    troubles: dict[str, str] = {}
    for name in names:
        for part in everywhere if match == "exact" else parts[name]:
            if part in leave_out or part in excluded:
                continue
            try:
                files[name][part] = _opened(found[name].get(part), variant, name, part)
            except MatrixFileError as error:
                troubles.setdefault(part, str(error))
    troubles = {part: troubles[part] for part in sorted(troubles, key=natural_key)}
    if troubles and broken == "refuse":
        raise DatasetError(
            f"{len(troubles)} of {len(everywhere)} parts of {root / variant} are missing or broken: {_few(troubles)}"
            f" ({next(iter(troubles.values()))}); export them, name them in leave_out=[...], or give broken='leave out'"
        )
    left_out = {**dict.fromkeys(leave_out, "as asked"), **excluded, **troubles}
    kept = [part for part in sorted(everywhere, key=natural_key) if part not in left_out]
    if match == "common":
        for part in kept:
            lacking = [name for name, mine in files.items() if part not in mine]
            if lacking:
                left_out[part] = f"not there for {', '.join(lacking)}"
        kept = [part for part in kept if part not in left_out]
    if not kept:
        raise DatasetError(f"no part of {root / variant} is left to open: `spikebin status` shows what is there")
    datasets = {}
    for mine in files.values():
        dataset = Dataset([mine[part] for part in kept], match=match)
        dataset.left_out = left_out
        datasets[str(dataset.files[0].header["sheet"])] = dataset
    if sheet is not None:
        return next(iter(datasets.values()))
    return _aligned(datasets, match, left_out)


def open_output(
    config: Config,
    variant: str,
    sheet: str | None = None,
    *,
    match: Match = "exact",
    leave_out: Collection[str] = (),
    broken: Broken = "refuse",
) -> SheetSet:
    """Open what a config exports to, without the parts that its ``exclude`` names; else as `open_dataset`.

    Parameters
    ----------
    config : Config
    variant : str
    sheet : str, optional
        Raw or directory name. None: all sheets.
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
    jobs = {job.part for job in read_jobs(config.output) or () if job.variant == variant}
    excludes = {part for entry in config.recordings if entry.variant == variant for part in entry.exclude}
    without = [*leave_out, *sorted(excludes & jobs)]
    if sheet is None:
        return open_dataset(config.output, variant, match=match, leave_out=without, broken=broken)
    dataset = open_dataset(config.output, variant, sheet=sheet, match=match, leave_out=without, broken=broken)
    return SheetSet({dataset.sheet: dataset}, dataset.left_out)


def exported_views(config: Config, wanted: Iterable[tuple[str, str]]) -> dict[str, View]:
    """The data sets of some (variant, sheet), by a name that says both, without the parts that are not there.

    Parameters
    ----------
    config : Config
    wanted : iterable of (str, str)
        Variant and sheet, raw or directory name.

    Returns
    -------
    dict of str to View
        By ``"<variant> <sheet>"``, as they are wanted.

    Raises
    ------
    DatasetError
        If one has no part at all, or as `open_dataset`.
    PlanError
        As `open_dataset`.
    """
    return {
        f"{variant} {sheet}": next(iter(open_output(config, variant, sheet, broken="leave out").values()))
        for variant, sheet in wanted
    }


def variants_of(root: Path | str) -> list[str]:
    """Variants that have been exported to a data set.

    Parameters
    ----------
    root : Path or str
        The output of a config.

    Returns
    -------
    list of str
        Sorted; empty where there is no such directory.
    """
    return [name for name in _listed(Path(root)) if (Path(root) / name / "spikes").is_dir()]


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
    variants = variants_of(root)
    return variants if wanted is None and variants else [_variant(Path(root), wanted)]


def sheet_files(root: Path, variant: str, sheet: str) -> dict[str, Path]:
    """Part -> matrix file of a sheet (by its directory's name), in natural order of the parts; none is opened.

    Parameters
    ----------
    root : Path
        The output of a config.
    variant : str
    sheet : str
        Directory name.

    Returns
    -------
    dict of str to Path
        Empty where there is no such directory.
    """
    prefix = f"spikes_{sheet}_"
    directory = root / variant / "spikes" / sheet
    names = [entry for entry in _listed(directory) if entry.startswith(prefix) and entry.endswith(".h5")]
    parts = {name.removeprefix(prefix).removesuffix(".h5"): directory / name for name in names}
    return dict(sorted(parts.items(), key=lambda item: natural_key(item[0])))


def _opened(path: Path | None, variant: str, sheet: str, part: str) -> MatrixFile:
    if path is None:
        raise MatrixFileError(f"no file of {sheet} in part {part}")
    file = MatrixFile(path)
    found = file.header["variant"], file.header["part"], directory_name(file.header["sheet"])
    if found != (variant, part, sheet):
        raise MatrixFileError(f"{path} holds {'/'.join(found)}: it was renamed or copied")
    if "limit" in file.header:
        raise MatrixFileError(f"{path} holds only the first {file.header['limit']} trials of its part: export it anew")
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


def _variant(root: Path, wanted: str | None) -> str:
    variants = variants_of(root)
    if wanted in variants:
        return str(wanted)
    if not variants:
        raise DatasetError(f"no data set in {root}: give the output of a config, where `spikebin run` has exported to")
    if wanted is None and len(variants) == 1:
        return variants[0]
    if wanted is None:
        raise DatasetError(f"{root} holds the variants {', '.join(variants)}: give one, variant={variants[0]!r}")
    raise DatasetError(f"no variant {wanted!r} in {root}: {suggest(wanted, variants)}")


def _sheet_names(root: Path, variant: str, wanted: str | None) -> list[str]:
    """Directory names of the sheets to open."""
    spikes = root / variant / "spikes"
    there = [name for name in _listed(spikes) if any(file.endswith(".h5") for file in _listed(spikes / name))]
    planned = [name for name in _planned(root, variant) if name in there]
    ordered = planned + [name for name in there if name not in planned]
    if wanted is None and ordered:
        return ordered
    if wanted is None or directory_name(wanted) not in there:
        raise DatasetError(f"no files of sheet {wanted!r} in {root / variant}: {suggest(str(wanted), ordered)}")
    return [directory_name(wanted)]


def _planned(root: Path, variant: str) -> dict[str, list[str]]:
    """Sheet (by its directory's name) -> parts that the plan has, but for those without a source."""
    planned: dict[str, list[str]] = {}
    for job in read_jobs(root) or ():
        if job.variant == variant:
            for source in job.sources:
                for sheet in source.sheets if source.path else ():
                    planned.setdefault(directory_name(sheet), []).append(job.part)
    return planned


def _listed(directory: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(directory))
    except OSError:
        return []


def _names(table: NDArray[Any]) -> tuple[str, ...]:
    return table.dtype.names or ()


def _without(table: NDArray[Any], name: str) -> NDArray[Any]:
    """A copy of a structured array without one column, whose bytes are let go."""
    from numpy.lib.recfunctions import repack_fields

    kept: NDArray[Any] = repack_fields(table[[other for other in _names(table) if other != name]])
    return kept


def _few(names: Collection[str]) -> str:
    shown = list(names)[:SHOWN]
    return f"{', '.join(shown)}{' ...' if len(names) > SHOWN else ''}"
