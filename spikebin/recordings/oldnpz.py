"""Data sets of the old pipeline as recordings: its scipy matrices of bins, with each spike at the middle of its bin.

Both layouts: raw, a file a part and repeat with all of its trials side by side; trimmed, a file a trial, from the onset
of its image to that of the next. What one file holds is read by oldnpz_file.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.trial import Phase, PhaseSpikes, Trial
from spikebin.cached import cached_property
from spikebin.errors import RecordingError
from spikebin.names import directory_name, find_sheet, natural_key, suggest
from spikebin.recordings.mozaik.phases import PHASES
from spikebin.recordings.oldnpz_file import OldTrials, bins_of, is_matrix, read_array, read_shape, read_trials
from spikebin.recordings.protocol import NEURON_FIELDS, SourceFile
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.settings import TrialRule

__all__ = ["OldRecording", "open", "recognises"]

FOLDERS = ("spikes", "trimmed_spikes")
NAME = re.compile(r"spikes_(?:trial_(?P<repeat>\d+)_)?(?P<rest>.+)\.npz")


def recognises(path: Path) -> bool:
    """Whether a path is a .npz of the old pipeline in its place, or a directory of such: by names and heads."""
    if path.is_file():
        return path.parent.parent.name in FOLDERS and NAME.fullmatch(path.name) is not None and is_matrix(path)
    first = next((file for folder in FOLDERS for file in (path / folder).glob("*/spikes_*.npz")), None)
    return first is not None and is_matrix(first)


def open(path: Path, reading: Reading | None = None) -> OldRecording:  # noqa: A001
    """Open a file of the old pipeline, or a ``<variant>_dataset`` of them.

    Raises
    ------
    RecordingError
        If there are none, or it is not said how long a bin is and which phases a trial has.
    """
    return OldRecording(path, reading or Reading())


@dataclass(frozen=True)
class _File:
    path: Path
    repeat: int | None
    part: str


class OldRecording:
    """One file of the old pipeline, or a directory with all of them; see `spikebin.recordings.protocol.Recording`.

    Parameters
    ----------
    path : Path
    reading : Reading
        `bin_width` and `phases` are needed: nothing in the files says them.

    Raises
    ------
    RecordingError
        If these are not given, or there are no files.
    """

    # It knows of no presentations.
    datastore = None

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path = path
        self.paths = [path]
        self.reading = reading
        self.notes: list[str] = []
        if reading.bin_width is None or reading.phases is None:
            raise self.error(
                "its files do not say how long a bin is, nor which part of a trial is a blank: give both in ms,"
                " --bin-width 1 --phases blank:150,image:560 (in a config bin_width = 1.0 and phases ="
                ' ["blank:150", "image:560"])'
            )
        self.width = reading.bin_width
        self.phases = [_phase(text, path) for text in reading.phases]
        self._files: dict[str, list[_File]] = {}
        if path.is_file():
            self.root, self.folder = path.parent.parent.parent, path.parent.parent.name
            found = [path]
        else:
            there = [folder for folder in FOLDERS if any((path / folder).glob("*/spikes_*.npz"))]
            if not there:
                raise self.error("it has no spikes/ or trimmed_spikes/ with files of the old pipeline: check the path")
            self.root, self.folder = path, there[0]
            self.notes += [f"{there[1]}/ is passed over: it holds what {there[0]}/ holds"] if there[1:] else []
            found = sorted((path / self.folder).glob("*/spikes_*.npz"))
        for one in found:
            name = NAME.fullmatch(one.name)
            if name is not None:
                repeat = None if name["repeat"] is None else int(name["repeat"])
                part = name["rest"].removeprefix(f"{one.parent.name}_")
                self._files.setdefault(one.parent.name, []).append(_File(one, repeat, part))

    @property
    def trimmed(self) -> bool:
        """Whether a file is a trial."""
        return self.folder == FOLDERS[1]

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        return f"oldnpz, layout {'trimmed' if self.trimmed else 'raw'}, bins of {self.width:g} ms"

    @property
    def sheets(self) -> Sequence[str]:
        """Directory names of the sheets: the old pipeline has no other."""
        return list(self._files)

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> OldSheet:
        """Open one sheet; see `spikebin.recordings.protocol.Recording`.

        Raises
        ------
        RecordingError
            If there is no such sheet, the rule asks for what is not there, or files are damaged or do not fit.
        """
        found = find_sheet(name, self.sheets)
        if found is None:
            raise self.error(f"no sheet {name!r}: {suggest(name, self.sheets)}")
        for key in rule.settings:
            if key != "blank":
                raise self.error(f"its trials are as they were binned: take `{key}` out of [trial]")
        return OldSheet(self, found, self._files[found], rule, repeat)

    def ids(self, sheet: str, part: str, n_rows: int) -> NDArray[np.int64] | None:
        """Ids of the rows of a file, in its order; None where no file has them.

        Raises
        ------
        RecordingError
            If they are there and do not fit.
        """
        folder = self.root / "neuron_ids"
        exact = folder / f"neuron_ids_{sheet}_{part}.npy"
        path = exact if exact.exists() else next(iter(sorted(folder.glob(f"neuron_ids_{sheet}_*.npy"))), None)
        if path is None:
            return None
        ids = read_array(path, "iu")
        if ids.shape != (n_rows,) or np.unique(ids).size != n_rows:
            raise self.error(f"{path.name} does not name the {n_rows} neurons of {sheet}: copy it again")
        return ids.astype(np.int64)

    def images(self, sheet: str, file: _File) -> list[str]:
        """What the trials of a file show.

        Raises
        ------
        RecordingError
            If no file has it.
        """
        if self.trimmed:
            return [file.part]
        path = self.root / "image_ids" / f"image_ids_{sheet}_{file.part}.npy"
        if not path.exists():
            raise self.error(f"image_ids/{path.name} is not there, which names the images: copy it there")
        names = read_array(path, "UiuS").astype(str)
        names = names[min(file.repeat or 0, len(names) - 1)] if names.ndim == 2 else names
        return [str(name) for name in names.ravel().tolist()]

    def error(self, text: str) -> RecordingError:
        """An error that names this recording.

        Parameters
        ----------
        text : str

        Returns
        -------
        RecordingError
            To be raised.
        """
        return RecordingError(f"{self.path.name}: {text}")


class OldSheet:
    """One sheet of the old pipeline; see `spikebin.recordings.protocol.SheetRecording`.

    Parameters
    ----------
    recording : OldRecording
    sheet : str
    files : list of _File
        By name.
    rule : TrialRule
    repeat : int or None
        Of all trials, where the path says it.

    Raises
    ------
    RecordingError
        If files are damaged, or do not fit each other or the phases.
    """

    covered = None
    n_unobserved = 0

    def __init__(
        self, recording: OldRecording, sheet: str, files: list[_File], rule: TrialRule, repeat: int | None
    ) -> None:
        self.recording = recording
        self.name = recording.path.name
        self.where = f"{sheet} of {recording.path.name}"
        self.notes: list[str] = []
        self.parameters: dict[str, str] = {}
        self._names = self._chosen(rule)
        self._paths = [file.path for file in files]
        self._last: tuple[Path, OldTrials] | None = None
        self._lock = Lock()
        self._ids: NDArray[np.int64] | None = None
        self._orders: dict[Path, NDArray[np.int64]] = {}
        made: list[tuple[Trial, tuple[Path, int, list[int]]]] = []
        for file in sorted(files, key=lambda one: (natural_key(one.part), one.repeat or 0)):
            n_rows, n_columns = read_shape(file.path)
            self._place_rows(sheet, file, n_rows)
            images = recording.images(sheet, file)
            for i, (image, bins) in enumerate(zip(images, self._bins(file, images, n_columns), strict=True)):
                mine = file.repeat or 0 if repeat is None else repeat
                made.append((Trial(image, mine, len(made), "", self._phases(bins)), (file.path, i, bins)))
        made.sort(key=lambda one: one[0].repeat)
        self.trials = [trial for trial, _ in made]
        self._places = [place for _, place in made]

    def _chosen(self, rule: TrialRule) -> list[str]:
        """The phases that trials are to have."""
        told = [name for name, _ in self.recording.phases]
        wanted = told if rule.blank is None else list(PHASES[rule.blank])
        lacking = [name for name in wanted if name not in told]
        if lacking:
            raise self.recording.error(
                f'blank = "{rule.blank}" needs the phase {lacking[0]}, and `phases` has {", ".join(told)}: change one'
            )
        return wanted

    def _place_rows(self, sheet: str, file: _File, n_rows: int) -> None:
        """Hold the neurons of a file against those of the first, and keep where its rows go."""
        ids = self.recording.ids(sheet, file.part, n_rows)
        if ids is None:
            ids = np.arange(n_rows)
            self.notes = ["no neuron_ids are there: neurons are called by their rows, from 0"]
        if self._ids is None:
            self._ids = np.sort(ids)
        if not np.array_equal(np.sort(ids), self._ids):
            raise self.recording.error(f"{file.path.name} has other neurons than {self._paths[0].name}: copy it again")
        self._orders[file.path] = np.searchsorted(self._ids, ids)

    def _bins(self, file: _File, images: list[str], n_columns: int) -> list[list[int]]:
        """Bins of each phase of each trial of a file."""
        phases, width = self.recording.phases, self.recording.width
        every = bins_of(phases, width, n_columns, len(images), trimmed=self.recording.trimmed)
        if every is None:
            told = " + ".join(f"{duration:g}" for _, duration in phases)
            raise self.recording.error(
                f"{file.path.name} has {n_columns} bins for {len(images)} images, which is not {told} ms each in bins"
                f" of {width:g} ms: check bin_width and phases"
            )
        return [every] * len(images)

    def _phases(self, bins: Sequence[int]) -> tuple[Phase, ...]:
        phases, start = {}, 0.0
        for (name, duration), n in zip(self.recording.phases, bins, strict=True):
            stop = start + (duration if n else 0.0)
            phases[name] = Phase(name, start, stop, shown=n > 0)
            start = stop
        return tuple(phases[name] for name in self._names)

    @property
    def neurons(self) -> NDArray[Any]:
        """NEURON_FIELDS, with places unknown."""
        ids = np.empty(0, np.int64) if self._ids is None else self._ids
        table = np.empty(ids.size, NEURON_FIELDS)
        table["neuron_id"] = ids
        for axis in "xyz":
            table[axis] = np.nan
        return table

    @property
    def files(self) -> Sequence[SourceFile]:
        """All its matrices."""
        root = self.recording.root
        stats = [(path, path.stat()) for path in self._paths]
        return [SourceFile(str(path.relative_to(root)), stat.st_size, stat.st_mtime) for path, stat in stats]

    @cached_property
    def n_recorded(self) -> int:
        """All that its matrices hold."""
        return sum(int(read_trials(path, 1).values.sum(dtype=np.int64)) for path in self._paths)

    @property
    def n_in_trials(self) -> int:
        """Those of the phases that trials are to have."""
        return sum(phase.times.size for i in range(len(self.trials)) for phase in self.spikes(i))

    def spikes(self, trial: int) -> tuple[PhaseSpikes, ...]:
        """Spikes of each phase of a trial, at the middles of their bins; see `spikebin.recordings.protocol`.

        Raises
        ------
        RecordingError
            If the file is damaged.
        """
        path, i, bins = self._places[trial]
        events = self._read(path)
        mine = slice(events.bounds[i], events.bounds[i + 1])
        columns, rows, values = events.columns[mine], self._orders[path][events.rows[mine]], events.values[mine]
        width, first, onset = self.recording.width, 0, 0.0
        found = {}
        for (name, duration), n in zip(self.recording.phases, bins, strict=True):
            inside = (columns >= first) & (columns < first + n)
            stop = onset + (duration if n else 0.0)
            edges = onset + (columns[inside] - first) * width
            # A bin may reach past the end of its phase; an end bin begins there, and holds what fell on it.
            middle = (np.minimum(edges, stop) + np.minimum(edges + width, stop)) / 2.0
            found[name] = PhaseSpikes(np.repeat(middle, values[inside]), np.repeat(rows[inside], values[inside]))
            first, onset = first + n, stop
        return tuple(found[name] for name in self._names)

    def _read(self, path: Path) -> OldTrials:
        """The cells of a file; those of the last are kept."""
        with self._lock:
            if self._last is None or self._last[0] != path:
                n_trials = max(place[1] for place in self._places if place[0] == path) + 1
                self._last = (path, read_trials(path, n_trials))
            return self._last[1]


def _phase(text: str, path: Path) -> tuple[str, float]:
    name, _, length = text.partition(":")
    try:
        duration = float(length)
    except ValueError:
        duration = -1.0
    if name not in {"blank", "image", "blank_after"} or not 0 < duration < 1e9:
        raise RecordingError(
            f'{directory_name(path.name)}: phase {text!r}: give blank, image or blank_after and its ms, "image:560"'
        )
    return name, duration
