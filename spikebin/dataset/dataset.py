"""All parts of one sheet as one lazy array: which trial lies in which file, and whether the files fit together.

Tables and spikes are read on need, file by file, and let go of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.cached import cached_property
from spikebin.choices import Match, checked
from spikebin.dataset.columns import joined, names_of, without
from spikebin.dataset.time_axis import phase_start
from spikebin.dataset.view import View
from spikebin.errors import DatasetError
from spikebin.matrixfile.reader import MatrixFile
from spikebin.matrixfile.seal import SEAL_SIZE
from spikebin.matrixfile.shown import counted, size_of
from spikebin.names import suggest
from spikebin.output.broken import noting_damage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from spikebin.matrixfile.lazy import Selector

__all__ = ["Dataset", "Part", "dataset_of"]

SHOWN = 5
SKIPPED = "skipped"
"""Column of /trials: how many presentations that no trial took lie between a trial and the one before it in order; -1
where that is not known."""


class Dataset(View):
    """All parts of one sheet of one variant as one lazy (trial, neuron, time) array.

    Trials come by part (in natural order: 9 before 10), and within a part as its file has them: by repeat, then by
    order of presentation. Where parts differ in length, the time axis is as long as the longest, the rest of a row is
    False, and ``trials["n_bins"]`` says how many bins are real, as within a part. Any number of threads and processes
    may read.

    Parameters
    ----------
    files : sequence of MatrixFile or FileView
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

    def __init__(self, files: Sequence[MatrixFile | Dataset], *, match: Match = "exact") -> None:
        files = _matrix_files(files)
        first = files[0].outline.like
        name = f"{first.variant}/{first.sheet}"
        for file in (one for one in files if one.outline.like is not first):
            for key in ("sheet", "variant", "binning"):
                here, there = getattr(file.outline.like, key), getattr(first, key)
                if here != there:
                    raise DatasetError(
                        f"{file.path} and {files[0].path} do not belong together: {key} is {here!r} and {there!r};"
                        " export them with one config, or open them apart"
                    )
        self.files = list(files)
        self.parts = [one.outline.part for one in files]
        self.left_out: dict[str, str] = {}
        self._tables: dict[int, NDArray[Any]] = {}
        self._rows: dict[int, NDArray[np.intp] | None] = {}
        self._stimuli: tuple[int, NDArray[Any]] | None = None
        self._twin: Dataset | None = None
        self._match: Match = checked(match, Match, "Dataset match")
        self._starts = np.cumsum([0, *(file.shape[0] for file in files)])
        n_neurons = files[0].shape[1]
        if match == "common":
            n_neurons = len(self.neurons)
        else:
            for file in files:
                if file.shape[1] != n_neurons:
                    raise DatasetError(
                        f"part {file.outline.part} of {name} has {file.shape[1]} neurons, part {self.parts[0]}"
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

        What else the files have of each trial comes last, where all of them have it; as texts, where it is text in one.

        Raises
        ------
        DatasetError
            If the trials of a part are not those of the sheet that it is held against, see `align`.
        """
        tables = [self._table(part) for part in range(len(self.files))]
        names = [name for name in names_of(tables[0]) if all(name in names_of(table) for table in tables)]
        columns: dict[str, NDArray[Any]] = {"part": np.repeat(self.parts, np.diff(self._starts))}
        columns |= {name: joined([table[name] for table in tables]) for name in names if name != "phase_bins"}
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
                others = self._of_file(part, _identities)
                neurons = neurons[np.isin(_identity(neurons), others)]
            if not len(neurons):
                raise DatasetError(f"no neuron id is in all {len(self.files)} parts of {self.files[0].header.sheet}")
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
        if str(phase) not in names:
            raise DatasetError(f"{self.name} has no phase {phase!r}: {suggest(str(phase), names)}")
        onsets: NDArray[np.int64] = (bins.cumsum(axis=1) - bins)[:, names.index(str(phase))]
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

    def unrecorded(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Bins that reach past the end of a phase, and by how much, see `View.unrecorded`."""
        trials, bins, ms = [], [], []
        for part, start in enumerate(self._starts[:-1].tolist()):
            table = self._table(part)
            surplus, lengths = self.files[part].surplus(table), table["phase_bins"]
            found, phase = np.nonzero(surplus > 0)
            trials.append(found + start)
            bins.append(lengths.cumsum(axis=1)[found, phase] - 1)
            ms.append(surplus[found, phase])
        return np.concatenate(trials), np.concatenate(bins), np.concatenate(ms)

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
        # Those of one part are kept: who asks for them all goes from trial to trial.
        kept = self._stimuli
        if kept is None or kept[0] != part:
            kept = part, self._of_file(part, lambda file: file.trials["stimulus"].copy())
            self._stimuli = kept
        return str(kept[1][row])

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

    def _facts(self) -> dict[str, str]:
        header = self.files[0].header
        parts = counted(len(self.files), "part")
        on_disk = f"{size_of(sum(file.header.size + SEAL_SIZE for file in self.files))} on disk"
        return super()._facts() | {"parts": parts, "files": f"{on_disk}, layout {header.layout}, {header.codec}"}

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
        # Cut out around events or as windows, such trials leave gaps, or overlap. What lies between others is counted,
        # but not in files of spikebin 0.1: there, trials without their blanks leave gaps.
        rule, views = self.files[0].header.trial, self.files[0].header.views
        gaps = rule.get("events") is not None or rule.get("window_start") is not None
        gaps = gaps or (rule.get("blank") == "none" and SKIPPED not in names_of(self._table(0)))
        return not gaps and not any(view.startswith(("window(", "aligned(", "rebin(")) for view in views)

    @cached_property
    def _skipped(self) -> NDArray[np.int64]:
        tables = [self._table(part) for part in range(len(self.files))]
        none = [np.zeros(len(table), np.int64) for table in tables]
        return np.concatenate(
            [table[SKIPPED] if SKIPPED in names_of(table) else zero for table, zero in zip(tables, none, strict=True)]
        )

    def _main_phase(self) -> str:
        names = self._phase_names(0)
        return names[0] if len(names) == 1 else "image"

    def _phase_ms(self, phase: str) -> tuple[Fraction, str]:
        header = self.files[0].header
        return phase_start(phase, self.exact_width, header.trial, header.views)

    def _locate(self, trial: int) -> tuple[int, int]:
        part = int(np.searchsorted(self._starts, trial, "right")) - 1
        return part, trial - int(self._starts[part])

    def _phase_names(self, part: int) -> list[str]:
        return [phase.name for phase in self.files[part].header.phases]

    def _of_file(self, part: int, question: Callable[[MatrixFile], NDArray[Any]]) -> NDArray[Any]:
        """What a table of a file says; the table itself is not kept."""
        with noting_damage():
            answer = question(self.files[part])
        self.files[part].forget_tables()
        return answer

    def _table(self, part: int) -> NDArray[Any]:
        """/trials of a part without the texts of its stimuli, held against another sheet's."""
        if part not in self._tables:
            table = self._of_file(part, lambda file: without(file.trials, "stimulus"))
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
            ids = self._of_file(part, _identities)
            wanted = _identity(self.neurons)
            same = np.array_equal(ids, wanted)
            if not same and self._match == "exact":
                raise DatasetError(
                    f"part {self.parts[part]} of {self.name} has other neuron ids than part {self.parts[0]}: open with"
                    " match='common' to take those that all parts have"
                )
            order = np.argsort(ids, kind="stable")
            self._rows[part] = None if same else order[np.searchsorted(ids, wanted, sorter=order)]
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
            with noting_damage():
                block = file.block([np.array([row for (_, row), _ in found], np.intp), file_rows, columns[place]])
            for one, (_, i) in zip(block, found, strict=True):
                out[i][:, place] = one
        return out

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        part, row = self._locate(trial)
        mapped = self._file_rows(part)
        with noting_damage():
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


def _matrix_files(files: Any) -> list[MatrixFile]:
    """What is read: of a file that was opened as a view, the file."""
    found: list[MatrixFile] = []
    several = isinstance(files, Iterable) and not isinstance(files, str | Dataset)
    for file in files if several else [files]:
        inner = file.files if isinstance(file, Dataset) else [file]
        if not all(isinstance(one, MatrixFile) for one in inner):
            raise DatasetError(f"a data set is made of open files, not of {file!r}: give [open_file(path), ...]")
        found += inner
    if not found:
        raise DatasetError("a data set of no files: give at least one, [open_file(path)]")
    return found


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
            If its file cannot be read, or was written again since it was opened.
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
        raise DatasetError(f"{view!r} is not a view of a data set: open one with `open_dataset`")
    return bottom


def _identity(neurons: NDArray[Any]) -> NDArray[Any]:
    """What tells neurons apart in all parts: their names, where they have some, since the ids are then made up."""
    return np.asarray(neurons["neuron_name" if "neuron_name" in names_of(neurons) else "neuron_id"])


def _identities(file: MatrixFile) -> NDArray[Any]:
    return _identity(file.neurons)


def _few(names: Collection[str]) -> str:
    shown = list(names)[:SHOWN]
    return f"{', '.join(shown)}{' ...' if len(names) > SHOWN else ''}"
