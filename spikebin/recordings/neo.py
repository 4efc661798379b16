"""Whatever a neo IO reads, and neo Blocks in memory; needs neo, and holds all spikes in memory as neo does.

A block of several segments has a trial for each; a block of one is a continuous recording, whose epochs and events are
tables of events.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.rules import Precision, coarsest
from spikebin.binning.trial import Phase, PhaseSpikes, Trial
from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.recordings.arrays import ArraySource
from spikebin.recordings.continuous.event_table import WINDOW, EventTable
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population, source_file
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spikebin.recordings.protocol import SheetRecording
    from spikebin.recordings.settings import TrialRule

__all__ = ["SHEET", "NeoRecording", "from_neo", "open", "recognises"]

SHEET = "units"
TRIALS = "trials"


def recognises(path: Path) -> bool:  # noqa: ARG001
    """Never: which IO a file is for is the user's to say."""
    return False


def open(path: Path, reading: Reading | None = None) -> NeoRecording:  # noqa: A001
    """Read a file with the neo IO that ``neo:IO`` names.

    Raises
    ------
    RecordingError
        If neo is not installed, there is no such IO, it runs pickles, or it fails.
    """
    reading = reading or Reading()
    try:
        import neo
    except ImportError:
        raise RecordingError(f"{path.name}: neo is not installed: pip install 'spikebin[neo]'") from None
    known = sorted(io.__name__ for io in neo.io.iolist if "Pickle" not in io.__name__)
    if reading.io is None:
        raise RecordingError(f"{path.name}: which neo IO reads it? Name it after a colon, neo:NixIO")
    if "Pickle" in reading.io:
        raise RecordingError(
            f"{path.name}: {reading.io} runs whatever a pickle says: save the block with another IO, neo:NixIO"
        )
    if reading.io not in known:
        raise RecordingError(f"{path.name}: neo has no {reading.io!r}: {suggest(reading.io, known)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            io = getattr(neo.io, reading.io)(str(path))
            if neo.Block in io.readable_objects:
                block = io.read_block()
            else:
                block = neo.Block()
                block.segments.append(io.read_segment())
            if hasattr(io, "close"):
                io.close()
    except Exception as error:  # noqa: BLE001
        # An IO fails in whatever way the library below it does.
        text = " ".join(str(error).split())[:160] or type(error).__name__
        raise RecordingError(f"{path} cannot be read by {reading.io} ({text}): check the file and the IO") from None
    return NeoRecording(path, reading, block)


def from_neo(block: Any, *, name: str = "neo block", neurons: str | None = None) -> NeoRecording:
    """A neo Block in memory as a recording, for `spikebin.bin_recording`.

    Parameters
    ----------
    block : neo.Block
        Of several segments: each is a trial. Of one: a continuous recording, whose epochs and events are tables of
        trials. Times are taken in the units that they have.
    name : str
        For messages and the seal.
    neurons : str, optional
        Annotation of the spike trains that holds the id of their neuron; default: their place in the segment.

    Returns
    -------
    NeoRecording

    Raises
    ------
    RecordingError
        If it holds no spike trains, or its segments hold different neurons.
    """
    return NeoRecording(Path(name), Reading(neurons=neurons), block, in_memory=True)


class NeoRecording(ContinuousRecording):
    """One block."""

    def __init__(self, path: Path, reading: Reading, block: Any, *, in_memory: bool = False) -> None:
        super().__init__(path, reading)
        self._in_memory = in_memory
        self._segments = [segment for segment in block.segments if len(segment.spiketrains)]
        if not self._segments:
            raise self.error("it holds no spike trains: give another file")
        self._ids = [self._train_ids(segment) for segment in self._segments]
        for i, ids in enumerate(self._ids[1:], 1):
            if not np.array_equal(np.sort(ids), np.sort(self._ids[0])):
                raise self.error(f"segment {i} has other neurons than segment 0: it is damaged, or not one recording")
        if np.unique(self._ids[0]).size != self._ids[0].size:
            raise self.error(f"two spike trains have one {reading.neurons}: choose another annotation for `neurons`")

    @property
    def paths(self) -> list[Path]:
        """The file, none for a block in memory."""
        return [] if self._in_memory else [self.path]

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `units`."""
        return [SHEET]

    def population(self, sheet: str) -> Population:  # noqa: ARG002
        """The spikes of the only segment."""
        (segment,) = self._segments
        times, ids, precision = _spikes(segment, self._ids[0])
        source = ArraySource(times, ids, make_clock("ms", None, self.name), self.name)
        return Population(source, neuron_table(self._ids[0]), _span(segment), precision=precision)

    def events(self, name: str | None) -> EventTable | None:
        """Epochs or events of the only segment, by their name; epochs called `trials` without one."""
        (segment,) = self._segments
        tables = {
            str(table.name or f"{kind}{i}"): table
            for kind in ("epochs", "events")
            for i, table in enumerate(getattr(segment, kind))
        }
        table = tables.get(name or TRIALS)
        if table is None:
            if name is None:
                return None
            raise self.error(
                f"no epochs or events {name!r}: there are {', '.join(tables) or 'none'}; or give a CSV or TSV file"
            )
        columns: dict[str, NDArray[Any]] = {"start_ms": _ms(table)}
        if hasattr(table, "durations"):
            columns["duration_ms"] = np.broadcast_to(_ms(table.durations), columns["start_ms"].shape)
        labels = np.asarray(table.labels)
        if labels.shape == columns["start_ms"].shape:
            columns["label"] = labels.astype(np.str_)
        for key, values in table.array_annotations.items():
            column = np.asarray(values)
            if column.shape == columns["start_ms"].shape and column.dtype.kind in "fiubU":
                columns.setdefault(str(key), column)
        return EventTable(f"{self.name}:{name or TRIALS}", columns)

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> SheetRecording:
        """Open the sheet; see `spikebin.recordings.protocol.Recording`."""
        if len(self._segments) == 1:
            return super().sheet(name, rule, repeat)
        if name not in self.sheets:
            raise self.error(f"no sheet {name!r}: {suggest(name, self.sheets)}")
        for key in ("stimulus", "blank", "events", "align_to", "until", "image_id"):
            if getattr(rule, key) is not None:
                raise self.error(f"its {len(self._segments)} segments are its trials: take `{key}` out")
        return _SegmentsSheet(self, name, rule, repeat)

    def _train_ids(self, segment: Any) -> NDArray[np.int64]:
        key = self.reading.neurons
        if key is None:
            return np.arange(len(segment.spiketrains))
        values = [train.annotations.get(key) for train in segment.spiketrains]
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                known = sorted({str(name) for train in segment.spiketrains for name in train.annotations})
                raise self.error(
                    f"a spike train has no whole number as {key!r}: annotations are {', '.join(known) or 'none'}"
                )
        return np.array(values, np.int64)


class _SegmentsSheet:
    """A trial for each segment, each on its own clock."""

    n_recorded = n_in_trials = covered = None
    n_unobserved = 0
    notes = ()

    def __init__(self, recording: NeoRecording, name: str, rule: TrialRule, repeat: int | None) -> None:
        self.name = recording.name
        self.where = f"{name} of {recording.name}"
        self.parameters: dict[str, str] = {}
        self._recording = recording
        self.neurons = neuron_table(recording._ids[0])
        self._rows = [np.argsort(np.argsort(ids, kind="stable"), kind="stable") for ids in recording._ids]
        self.files = [source_file(path) for path in recording.paths]
        self.trials: list[Trial] = []
        for i, segment in enumerate(recording._segments):
            start, stop = _span(segment)
            if rule.window_start is not None and rule.window_stop is not None:
                start, stop = rule.window_start, rule.window_stop
            extra = (("segment", str(segment.name or i)), ("window_start", start), ("window_stop", stop))
            self.trials.append(Trial(str(i), repeat or 0, i, "", (Phase(WINDOW, start, stop),), extra))

    def spikes(self, trial: int) -> tuple[PhaseSpikes, ...]:
        """All spikes of a segment; see `spikebin.recordings.protocol.SheetRecording`."""
        return (PhaseSpikes(*_spikes(self._recording._segments[trial], self._rows[trial])),)


def _spikes(segment: Any, ids: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64], Precision]:
    """Times in ms and neurons of all spikes of a segment, and how finely they were stored."""
    trains = [_ms(train) for train in segment.spiketrains]
    precision = coarsest(*(Precision.of(train.dtype, _ms_per(train)) for train in segment.spiketrains))
    return np.concatenate(trains), np.repeat(ids, [train.size for train in trains]), precision


def _span(segment: Any) -> tuple[float, float]:
    trains = segment.spiketrains
    return float(min(_ms(train.t_start) for train in trains)), float(max(_ms(train.t_stop) for train in trains))


def _ms(quantity: Any) -> NDArray[np.float64]:
    # In float64, whatever the type: to rescale float32 would round it once more.
    return np.asarray(quantity.magnitude, np.float64) * _ms_per(quantity)


def _ms_per(quantity: Any) -> float:
    """What 1 in the unit of a Quantity is in ms."""
    return float(quantity.units.rescale("ms").magnitude)
