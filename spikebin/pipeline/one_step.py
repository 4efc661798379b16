"""From recordings to matrices in one step, without config and plan: what `spikebin bin` does.

Joins the packages as job.py does for a plan; what a recording or a matrix file is, is known there.
"""

from __future__ import annotations

import io
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.trial import bin_trial, phase_bins
from spikebin.errors import RecordingError, SpikebinError
from spikebin.matrixfile.writer import Identity, MatrixWriter
from spikebin.names import directory_name, suggest
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule
from spikebin.system.files import write_atomically
from spikebin.system.leftovers import remove_stale
from spikebin.system.threads import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.binning.rules import Binning
    from spikebin.binning.trial import TrialEvents
    from spikebin.recordings.protocol import Recording, SheetRecording
    from spikebin.recordings.settings import Reading

__all__ = ["Binned", "Settings", "bin_recordings", "bin_sheet"]

SUFFIXES = (".h5", ".npz", ".npy")
VARIANT = "all"
BLOCK_CELLS = 1 << 26
MOST_CELLS = 1 << 35


@dataclass(frozen=True)
class Settings:
    """How recordings are binned, and how what comes of it is stored.

    Parameters
    ----------
    binning : Binning
    rule : TrialRule
    ragged : {"refuse", "pad"}
        What to do where trials have different numbers of bins: the rows of shorter ones end in False, or none is made.
    layout, codec : str
        Of a matrix file.
    threads : int
        How many trials are in work at once.
    """

    binning: Binning
    rule: TrialRule = field(default_factory=TrialRule)
    ragged: str = "refuse"
    layout: str = "matrix"
    codec: str = "blosc2"
    threads: int = 1


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
        Mean, in spikes per second and neuron, of spikes inside the trials.
    rates : tuple of float
        Smallest, median and largest rate of a neuron, collisions left out.
    n_bins : tuple of int
        Of the shortest and of the longest trial.
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

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self) | {"out": None if self.out is None else str(self.out)}


def bin_recordings(
    paths: Sequence[Path],
    settings: Settings,
    *,
    kind: str | None = None,
    reading: Reading | None = None,
    sheets: Sequence[str] = (),
    out: Path | None = None,
    force: bool = False,
) -> Iterator[Binned]:
    """Bin every sheet of some recordings.

    Parameters
    ----------
    paths : sequence of Path
        Each is a part of its own, but for files of one recording that stand for it alike.
    settings : Settings
    kind, reading
        See `spikebin.recordings.open_recording`.
    sheets : sequence of str
        Raw or directory names; none: all.
    out : Path, optional
        A file .h5, .npz or .npy for one sheet of one recording, else a directory, where each makes
        ``spikes_<sheet>_<part>.h5``. None: nothing is written.
    force : bool
        Replace what is there.

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
    recordings: dict[Any, Recording] = {}
    for path in paths:
        recording = open_recording(path, kind, reading)
        recordings.setdefault(tuple(recording.paths) or path, recording)
    work = [(recording, name) for recording in recordings.values() for name in _sheets(recording, sheets)]
    for (recording, name), target in zip(work, _targets(work, out, force=force), strict=True):
        yield bin_sheet(recording.sheet(name, settings.rule), name, _part(recording), settings, target)


def bin_sheet(sheet: SheetRecording, name: str, part: str, settings: Settings, target: Path | None) -> Binned:
    """Bin one sheet, and write it as the suffix of `target` says; nothing is written for None.

    Raises
    ------
    RecordingError
        If trials differ in length and that is refused, or a trial is too large.
    SpikebinError
        If the output cannot be written.
    """
    trials, binning = sheet.trials, settings.binning
    n_bins = [sum(phase_bins(trial.phases, binning)) for trial in trials]
    if settings.ragged == "refuse" and len(set(n_bins)) > 1:
        raise RecordingError(
            f"{sheet.where}: trials have {min(n_bins)} to {max(n_bins)} bins: cut equal ones with --window START STOP,"
            " or fill up the shorter ones with --ragged pad"
        )
    shape = (len(trials), len(sheet.neurons), max(n_bins))
    if shape[1] * shape[2] > MOST_CELLS:
        raise RecordingError(
            f"{sheet.where}: one trial has {shape[1]:,} neurons x {shape[2]:,} bins: cut shorter windows, or"
            " choose wider bins"
        )
    tally = _Tally(shape[1], shape[2])
    with _sink(sheet, name, part, settings, shape, target) as (encode, consume):

        def work(i: int) -> tuple[TrialEvents, Any]:
            events = bin_trial(trials[i], sheet.spikes(i), binning, shape[2], sheet.where)
            return events, encode(events)

        def counted() -> Iterator[tuple[TrialEvents, Any]]:
            for events, encoded in in_order(work, len(trials), settings.threads):
                tally.add(events)
                yield events, encoded

        consume(counted())
    n_recorded, n_in_trials = sheet.n_recorded, sheet.n_in_trials
    seconds = sum(n_bins) * binning.width / 1000
    rates = tally.per_neuron / seconds if seconds else np.zeros(shape[1])
    n_binned = tally.n_spikes - tally.n_collisions - tally.n_outside
    return Binned(
        recording=sheet.name,
        sheet=name,
        out=target,
        shape=shape,
        width=binning.width,
        n_spikes=tally.n_spikes,
        n_binned=n_binned,
        n_collisions=tally.n_collisions,
        n_outside=tally.n_outside,
        n_recorded=n_recorded,
        n_in_no_trial=None if n_recorded is None or n_in_trials is None else n_recorded - n_in_trials,
        n_unobserved=sheet.n_unobserved,
        rate=(n_binned + tally.n_collisions) / (seconds * shape[1]) if seconds else 0.0,
        rates=(float(rates.min()), float(np.median(rates)), float(rates.max())),
        n_bins=(min(n_bins), max(n_bins)),
    )


class _Tally:
    def __init__(self, n_neurons: int, n_columns: int) -> None:
        self.n_columns = n_columns
        self.n_spikes = self.n_collisions = self.n_outside = 0
        self.per_neuron = np.zeros(n_neurons)

    def add(self, events: TrialEvents) -> None:
        self.n_spikes += events.n_spikes
        self.n_collisions += events.n_collisions
        self.n_outside += events.n_outside
        self.per_neuron += np.bincount(events.flat // self.n_columns, events.values, self.per_neuron.size)


@contextmanager
def _sink(
    sheet: SheetRecording, name: str, part: str, settings: Settings, shape: tuple[int, int, int], target: Path | None
) -> Iterator[tuple[Callable[[TrialEvents], Any], Callable[[Iterator[tuple[TrialEvents, Any]]], None]]]:
    """What is done with a trial on any thread, and then with all of them in order."""
    if target is not None:
        remove_stale(target.parent, target.name)
    if target is None:
        yield lambda _: None, lambda trials: [None for _ in trials].clear()
    elif target.suffix == ".h5":
        with MatrixWriter(
            Identity(name, VARIANT, part),
            sheet.neurons,
            sheet.trials,
            binning=settings.binning,
            trial_rule=asdict(settings.rule),
            layout=settings.layout,
            codec=settings.codec,
        ) as writer:

            def write(trials: Iterator[tuple[TrialEvents, Any]]) -> None:
                for events, encoded in trials:
                    writer.append(events, encoded)
                writer.write(target, sheet.name, sheet.files)

            yield writer.encode, write
    else:
        blocks = _npy if target.suffix == ".npy" else _npz
        yield lambda _: None, lambda trials: write_atomically(target, blocks(sheet, settings, shape, trials))


def _npy(
    _: SheetRecording, settings: Settings, shape: tuple[int, int, int], trials: Iterator[tuple[TrialEvents, Any]]
) -> Iterator[bytes]:
    """The bytes of a .npy file of the dense matrix, never whole in memory."""
    dtype = np.dtype(bool if settings.binning.values == "bool" else "u1")
    header = io.BytesIO()
    np.lib.format.write_array_header_2_0(header, {"descr": dtype.str, "fortran_order": False, "shape": shape})
    yield header.getvalue()
    n_cells = shape[1] * shape[2]
    for events, _ in trials:
        for first in range(0, n_cells, BLOCK_CELLS):
            block = np.zeros(min(BLOCK_CELLS, n_cells - first), np.uint8)
            low, high = np.searchsorted(events.flat, (first, first + block.size))
            block[events.flat[low:high] - first] = events.values[low:high]
            yield block.tobytes()


def _npz(
    sheet: SheetRecording, settings: Settings, shape: tuple[int, int, int], trials: Iterator[tuple[TrialEvents, Any]]
) -> Iterator[bytes]:
    """The bytes of a .npz file: `spikes`, dense, and what its rows and columns are."""
    out = _Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("spikes.npy", "w", force_zip64=True) as member:
            for block in _npy(sheet, settings, shape, trials):
                member.write(block)
                yield out.take()
        for name, array in _labels(sheet, settings).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    yield out.take()


def _labels(sheet: SheetRecording, settings: Settings) -> dict[str, NDArray[Any]]:
    trials = sheet.trials
    columns = {
        "image_id": [trial.image_id for trial in trials],
        "repeat": [trial.repeat for trial in trials],
        "order": [trial.order for trial in trials],
        "n_bins": [sum(phase_bins(trial.phases, settings.binning)) for trial in trials],
        **{name: [trial.extra[i][1] for trial in trials] for i, (name, _) in enumerate(trials[0].extra)},
    }
    labels = {f"trial_{name}": np.array(values) for name, values in columns.items()}
    return labels | {
        "neuron_ids": sheet.neurons["neuron_id"].astype(np.int64),
        "width": np.array(settings.binning.width),
    }


class _Pipe(io.RawIOBase):
    """Where an archive is written to, and its bytes are taken from."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._buffer += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken


def _sheets(recording: Recording, wanted: Sequence[str]) -> list[str]:
    known = list(recording.sheets)
    if not wanted:
        return known
    names = []
    for name in wanted:
        found = next((sheet for sheet in known if name in {sheet, directory_name(sheet)}), None)
        if found is None:
            raise RecordingError(f"{recording.path.name}: no sheet {name!r}: {suggest(name, known)}")
        names.append(found)
    return names


def _part(recording: Recording) -> str:
    return recording.path.stem or recording.path.resolve().name


def _targets(work: Sequence[tuple[Recording, str]], out: Path | None, *, force: bool) -> list[Path | None]:
    """The file for each sheet of each recording."""
    if out is None:
        return [None] * len(work)
    if out.suffix in SUFFIXES and not out.is_dir():
        if len(work) != 1:
            sheets = ", ".join(dict.fromkeys(name for _, name in work))
            raise SpikebinError(
                f"{out} is one file, but there are {len(work)} matrices (sheets {sheets}): choose one with --sheet,"
                " or name a directory with --out"
            )
        targets = [out]
    elif out.suffix and not out.is_dir():
        raise SpikebinError(f"{out}: what kind of file is {out.suffix}? Give {', '.join(SUFFIXES)}, or a directory")
    else:
        targets = [out / f"spikes_{directory_name(name)}_{_part(recording)}.h5" for recording, name in work]
        twice = next((target for target in targets if targets.count(target) > 1), None)
        if twice is not None:
            raise SpikebinError(f"two recordings would both become {twice}: rename one of them, or bin them one by one")
    for target in targets:
        if target.exists() and not force:
            raise SpikebinError(f"{target} is there already: give another --out, or replace it with --force")
    return list(targets)
