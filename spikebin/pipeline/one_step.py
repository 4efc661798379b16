"""From recordings to matrices in one step, without config and plan: what `spikebin bin` does.

Joins the packages as job.py does for a plan; what a recording or a matrix file is, is known there.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import asdict, dataclass, replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.tally import Tally
from spikebin.binning.trial import phase_bins
from spikebin.choices import RaggedTrials, checked
from spikebin.errors import BinningError, MatrixFileError, RecordingError, SpikebinError
from spikebin.exports.dense_files import trial_labels, write_dense
from spikebin.matrixfile.neighbours import refuse_unlike
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings, binned_trials, write_sheet
from spikebin.matrixfile.writer import matrix_shape
from spikebin.names import bare_stem, find_sheet, suggest
from spikebin.output.paths import matrix_name
from spikebin.pipeline.claims import Tell, nobody
from spikebin.pipeline.doubts import doubts
from spikebin.recordings import open_recording
from spikebin.system.leftovers import remove_stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from spikebin.binning.trial import TrialEvents
    from spikebin.recordings.protocol import Recording, SheetRecording
    from spikebin.recordings.settings import Reading, TrialRule

__all__ = ["Binned", "bin_recordings", "bin_sheet"]

SUFFIXES = (".h5", ".npz", ".npy")
VARIANT = "all"
# As files are called; 2026.01.15 is a directory.
FILE_END = re.compile(r".\.[A-Za-z][A-Za-z0-9]{0,6}$")


@dataclass(frozen=True)
class Binned:
    """What became of one sheet of one recording.

    Parameters
    ----------
    recording, sheet : str
    out : Path or None
        What was written.
    shape : tuple of int
        (trial, neuron, time).
    width : float
        ms of a bin.
    n_spikes, n_binned, n_collisions, n_outside : int
        Of the spikes in the trials: ``n_spikes = n_binned + n_collisions + n_outside``.
    n_recorded, n_in_no_trial : int or None
        Spikes of the recording, and those that lie in no trial; None where that is not known.
    n_unobserved : int
        Pairs of trial and neuron where the neuron was not observed all the time; there, no spike means nothing.
    rate : float
        Mean, in spikes per second and neuron, of spikes inside the trials, those lost to a full bin included; over the
        time that is known, where the trial is all of the recording.
    rates : tuple of float
        Smallest, median and largest rate of a neuron, of the same spikes.
    n_bins : tuple of int
        Of the shortest and of the longest trial.
    taken : str
        What the recording was taken for.
    notes : tuple of str
        What people should know of how it was read.
    """

    recording: str
    sheet: str
    out: Path | None
    shape: tuple[int, int, int]
    width: float
    n_spikes: int
    n_binned: int
    n_collisions: int
    n_outside: int
    n_recorded: int | None
    n_in_no_trial: int | None
    n_unobserved: int
    rate: float
    rates: tuple[float, float, float]
    n_bins: tuple[int, int]
    taken: str = ""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self) | {"out": None if self.out is None else str(self.out)}


def bin_recordings(
    paths: Sequence[Path | Recording],
    settings: Settings,
    rule: TrialRule,
    *,
    kind: str | None = None,
    reading: Reading | None = None,
    sheets: Sequence[str] = (),
    out: Path | None = None,
    ragged: RaggedTrials = "refuse",
    force: bool = False,
    on_error: Callable[[SpikebinError], None] | None = None,
    tell: Tell = nobody,
) -> Iterator[Binned]:
    """Bin every sheet of some recordings.

    Parameters
    ----------
    paths : sequence of Path or Recording
        Each is a part of its own, but for files of one recording that stand for it alike.
    settings : Settings
        Its `trial` and `reading` are taken from `rule` and from each recording.
    rule : TrialRule
    kind, reading
        See `spikebin.recordings.open_recording`.
    sheets : sequence of str
        Raw or directory names; none: all.
    out : Path, optional
        A file .h5, .npz or .npy for one sheet of one recording, else a directory, where each makes
        ``spikes_<sheet>_<part>.h5``. None: nothing is written.
    ragged : {"refuse", "pad"}
        See `bin_sheet`.
    force : bool
        Replace what is there.
    on_error : callable, optional
        Called with what is wrong with a recording or one of its sheets, and the others go on; None: it is raised.
    tell : callable
        Called with how many more trials there are to be binned, and how many more have been.

    Yields
    ------
    Binned

    Raises
    ------
    RecordingError
        If a recording cannot be read, or there are no trials to be cut.
    SpikebinError
        If the output cannot be written, or is there.
    """
    settings = replace(settings, trial=rule.settings)
    recordings: dict[Any, tuple[Recording, list[str]]] = {}
    for path in paths:
        try:
            recording = open_recording(path, kind, reading) if isinstance(path, Path) else path
            names = _sheets(recording, sheets)
        except RecordingError as error:
            if on_error is None or (out is not None and _is_file(out)):
                raise
            on_error(error)
        else:
            recordings.setdefault(tuple(recording.paths) or path, (recording, names))
    work = [(recording, name) for recording, names in recordings.values() for name in names]
    parts = _parts([recording for recording, _ in work])
    targets = _targets(work, parts, out, force=force)
    if out is not None and out.is_dir() and not force:
        refuse_unlike(sorted(out.glob("spikes_*.h5")), settings.binning)
    # runs/1/spikes.h5 and runs/2/spikes.h5 are told apart by their paths.
    files_called = Counter(recording.path.name for recording, _ in recordings.values())
    for (recording, name), part, target in zip(work, parts, targets, strict=True):
        mine = replace(settings, reading=recording.reading.settings)
        try:
            binned = bin_sheet(recording.sheet(name, rule), name, part, mine, target, ragged=ragged, tell=tell)
        except (RecordingError, BinningError, MatrixFileError) as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            where = str(recording.path) if files_called[recording.path.name] > 1 else binned.recording
            yield replace(binned, recording=where, taken=recording.taken, notes=(*recording.notes, *binned.notes))


def bin_sheet(
    sheet: SheetRecording,
    name: str,
    part: str,
    settings: Settings,
    target: Path | None,
    *,
    ragged: RaggedTrials = "refuse",
    tell: Tell = nobody,
) -> Binned:
    """Bin one sheet, and write it as the suffix of `target` says; nothing is written for None.

    Parameters
    ----------
    sheet : SheetRecording
    name, part : str
        Of the sheet, and of what it is a part.
    settings : Settings
    target : Path or None
    ragged : {"refuse", "pad"}
        Where trials have different numbers of bins: nothing is made, or the rows of shorter ones end in False.
    tell : callable
        As for `bin_recordings`.

    Returns
    -------
    Binned

    Raises
    ------
    RecordingError
        If trials differ in length and that is refused, or a trial is too large.
    SpikebinError
        If the output cannot be written.
    """
    trials, binning = sheet.trials, settings.binning
    n_bins = [sum(phase_bins(trial.phases, binning)) for trial in trials]
    checked(ragged, RaggedTrials, "bin ragged", RecordingError)
    if ragged == "refuse" and len(set(n_bins)) > 1:
        raise RecordingError(
            f"{sheet.where}: trials have {min(n_bins)} to {max(n_bins)} bins: cut equal ones with --window START STOP,"
            " or fill up the shorter ones with --ragged pad"
        )
    shape = matrix_shape(sheet.where, len(sheet.neurons), trials, binning)
    counted = _Counted(shape[1], tell)
    tell(shape[0], 0)
    if target is not None:
        remove_stale(target.parent, target.name)
    if target is not None and target.suffix == ".h5":
        write_sheet(sheet, Identity(name, VARIANT, part), settings, target, on_trial=counted.add, count_rows=True)
    else:
        events = counted.all(binned_trials(sheet, trials, settings, shape[2], lambda _: None, count_rows=True))
        if target is None:
            deque(events, maxlen=0)
        else:
            start = float(settings.trial.get("window_start") or 0)
            write_dense(target, events, shape, binning, trial_labels(sheet, n_bins, binning, start))
    tally = counted.tally
    n_recorded, n_in_trials = sheet.n_recorded, sheet.n_in_trials
    seconds = sum(n_bins) * binning.width / 1000
    notes = [*sheet.notes, *doubts(sheet, tally, binning, counted.n_empty)]
    seconds = seconds if sheet.covered is None else min(seconds, sheet.covered / 1000)
    rates = counted.per_neuron / seconds if seconds else np.zeros(shape[1])
    return Binned(
        recording=sheet.name,
        sheet=name,
        out=target,
        shape=shape,
        width=binning.width,
        **asdict(tally),
        n_recorded=n_recorded,
        n_in_no_trial=None if n_recorded is None or n_in_trials is None else n_recorded - n_in_trials,
        n_unobserved=sheet.n_unobserved,
        rate=tally.n_inside / (seconds * shape[1]) if seconds else 0.0,
        rates=(float(rates.min()), float(np.median(rates)), float(rates.max())),
        n_bins=(min(n_bins), max(n_bins)),
        notes=tuple(notes),
    )


class _Counted:
    """What trials that go by hold: where their spikes went, and how many each neuron has."""

    def __init__(self, n_neurons: int, tell: Tell) -> None:
        self._tell = tell
        self.tally = Tally()
        self.per_neuron = np.zeros(n_neurons)
        self.n_empty = 0

    def add(self, events: TrialEvents) -> None:
        self.tally += events.tally
        self.n_empty += not events.tally.n_spikes
        assert events.per_row is not None  # noqa: S101
        self.per_neuron += events.per_row
        self._tell(0, 1)

    def all(self, trials: Iterable[tuple[TrialEvents, Any]]) -> Iterator[TrialEvents]:
        for events, _ in trials:
            self.add(events)
            yield events


def _sheets(recording: Recording, wanted: Sequence[str]) -> list[str]:
    known = list(recording.sheets)
    if not wanted:
        return known
    names = []
    for name in wanted:
        found = find_sheet(name, known)
        if found is None:
            raise RecordingError(f"{recording.path.name}: no sheet {name!r}: {suggest(name, known)}")
        names.append(found)
    return names


def _part(recording: Recording) -> str:
    return bare_stem(recording.path.name) or recording.path.resolve().name


def _parts(recordings: Sequence[Recording]) -> list[str]:
    """A name for each: that of its file or, of runs/1/output/spikes.h5 and runs/2/output/spikes.h5, what differs."""
    names = [_part(recording) for recording in recordings]
    places = [recording.path.absolute().parts for recording in recordings]
    if len(set(names)) == len({*map(id, recordings)}) or len({*map(len, places)}) > 1:
        return names
    differs = [len(set(column)) > 1 for column in zip(*places, strict=True)]
    return ["-".join(map(bare_stem, compress(place, differs))) for place in places]


def _is_file(out: Path) -> bool:
    return out.suffix in SUFFIXES and not out.is_dir()


def _targets(
    work: Sequence[tuple[Recording, str]], parts: Sequence[str], out: Path | None, *, force: bool
) -> list[Path | None]:
    """The file for each sheet of each recording."""
    if out is None:
        return [None] * len(work)
    if _is_file(out):
        if len(work) != 1:
            sheets = ", ".join(dict.fromkeys(name for _, name in work))
            raise SpikebinError(
                f"{out} is one file, but there are {len(work)} matrices (sheets {sheets}): choose one with --sheet,"
                " or name a directory with --out"
            )
        targets = [out]
    elif FILE_END.search(out.name) and not out.is_dir():
        raise SpikebinError(f"{out}: what kind of file is {out.suffix}? Give {', '.join(SUFFIXES)}, or a directory")
    else:
        targets = [out / matrix_name(name, part) for (_, name), part in zip(work, parts, strict=True)]
        twice = next((target for target in targets if targets.count(target) > 1), None)
        if twice is not None:
            raise SpikebinError(f"two recordings would both become {twice}: rename one of them, or bin them one by one")
    for target in targets:
        if target.exists() and not force:
            raise SpikebinError(f"{target} is there already: give another --out, or replace it with --force")
    return list(targets)
