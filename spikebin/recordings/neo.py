"""Whatever a neo IO reads, and neo Blocks in memory; needs neo, and holds all spikes in memory as neo does.

A block of several segments has a trial for each; a block of one is a continuous recording, whose epochs and events are
tables of events. Trains of several segments belong together by their names or ids, never by their places.
"""

from __future__ import annotations

import warnings
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.rules import Precision, coarsest, edge_tolerance
from spikebin.binning.trial import Phase, PhaseSpikes, Trial
from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.recordings.continuous.event_table import WINDOW, EventTable
from spikebin.recordings.continuous.flat_arrays import ArraySource
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population, source_file
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.recorded_span import fitted, left_out
from spikebin.recordings.settings import Reading
from spikebin.system.survival import how_it_dies

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from numpy.typing import NDArray

    from spikebin.recordings.protocol import SheetRecording
    from spikebin.recordings.settings import TrialRule

__all__ = ["SHEET", "NeoRecording", "from_neo", "open", "recognises"]

SHEET = "units"
TRIALS = "trials"
LONGEST = 3600
"""Seconds of CPU time that reading a file may take."""
# Annotations that tell spike trains apart, as neo's readers and simulators write them.
ID_ANNOTATIONS = ("id", "unit_id", "neuron_id", "source_id", "channel_id", "cluster_id")


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
            f"{path.name}: {reading.io} would run the code in a pickle: save the block with another IO, neo:NixIO"
        )
    if reading.io not in known:
        raise RecordingError(f"{path.name}: neo has no {reading.io!r}: {suggest(reading.io, known)}")
    # Libraries below neo crash on damaged files, as libhdf5 and scipy's reader of .mat do: a child reads first.
    death = how_it_dies(partial(_read, neo, reading.io, path), seconds=LONGEST) if path.is_file() else ""
    if death:
        how = "takes for ever" if death == "SIGXCPU" else f"crashes on it, {death}"
        raise RecordingError(f"{path} cannot be read by {reading.io}, which {how}: check the file and the IO")
    try:
        block = _read(neo, reading.io, path)
    except Exception as error:  # noqa: BLE001
        # An IO fails in whatever way the library below it does.
        text = " ".join(str(error).split())[:160] or type(error).__name__
        raise RecordingError(f"{path} cannot be read by {reading.io} ({text}): check the file and the IO") from None
    if not isinstance(block, neo.Block) or not all(isinstance(one, neo.Segment) for one in block.segments):
        raise RecordingError(f"{path}: {reading.io} found no block of segments in it: check the file and the IO")
    return NeoRecording(path, reading, block)


def _read(neo: ModuleType, name: str, path: Path) -> Any:
    """The block of a file; what a library says while it reads is not for those who read a matrix."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        io = getattr(neo.io, name)(str(path))
        if neo.Block in io.readable_objects:
            block = io.read_block()
        else:
            block = neo.Block()
            block.segments.append(io.read_segment())
        if hasattr(io, "close"):
            io.close()
    return block


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
        If it is not a Block, holds no spike trains, or its segments hold different neurons.
    """
    if not hasattr(block, "segments"):
        raise RecordingError(f"from_neo takes a neo.Block, this is a {type(block).__name__}: put it into one")
    return NeoRecording(Path(name), Reading(neurons=neurons), block, in_memory=True)


class NeoRecording(ContinuousRecording):
    """One block."""

    def __init__(self, path: Path, reading: Reading, block: Any, *, in_memory: bool = False) -> None:
        super().__init__(path, reading)
        self._in_memory = in_memory
        self._segments = list(block.segments)
        first = next((i for i, segment in enumerate(self._segments) if len(segment.spiketrains)), None)
        if first is None:
            raise self.error("it holds no spike trains: give another file")
        keys = self._train_keys()
        if len(set(keys[first])) != len(keys[first]):
            raise self.error(f"two spike trains have one {reading.neurons}: choose another annotation for `neurons`")
        place = {key: key if reading.neurons is not None else i for i, key in enumerate(keys[first])}
        for i, mine in enumerate(keys):
            if mine and (len(mine) != len(place) or set(mine) != set(place)):
                raise self.error(
                    f"segment {i} has other neurons than segment {first}: it is damaged, or not one recording"
                )
        self._ids = [np.array([place[key] for key in mine], np.int64) for mine in keys]
        self._neurons = self._ids[first]

    @property
    def paths(self) -> list[Path]:
        """The file, none for a block in memory."""
        return [] if self._in_memory else [self.path]

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        by = self.reading.neurons or "their place in the segment"
        return f"{self.reading.format or 'neo'}, spike trains in their own unit, neurons by {by}"

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `units`."""
        return [SHEET]

    def population(self, sheet: str) -> Population:  # noqa: ARG002
        """The spikes of the only segment."""
        (segment,) = self._segments
        times, ids, precision = _spikes(segment, self._ids[0])
        source = ArraySource(times, ids, make_clock("ms", None, self.name), self.name)
        start, stop = _span(segment)
        if times.size and times.max() >= stop:
            # Many formats tell no end, and the last spike is taken for it: it belongs to the recording.
            stop = float(np.floor(times.max() + 0.5)) + 1.0
        return Population(source, neuron_table(self._neurons), (start, stop), precision=precision)

    def events(self, name: str | None) -> EventTable | None:
        """Epochs or events of the only segment, by their name; epochs called `trials` without one."""
        (segment,) = self._segments
        tables = [
            (str(table.name or f"{kind}{i}"), table)
            for kind in ("epochs", "events")
            for i, table in enumerate(getattr(segment, kind))
        ]
        found = [table for called, table in tables if called == (name or TRIALS)]
        if len(found) > 1:
            raise self.error(
                f"{len(found)} of its epochs and events are called {name or TRIALS!r}: rename them, or give a CSV file"
            )
        if not found:
            if name is None:
                return None
            known = ", ".join(dict.fromkeys(called for called, _ in tables))
            raise self.error(f"no epochs or events {name!r}: there are {known or 'none'}; or give a CSV or TSV file")
        table = found[0]
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

    def _train_keys(self) -> list[list[Any]]:
        """What tells the trains of each segment apart: the annotation asked for, else names, ids, or places."""
        trains = [list(segment.spiketrains) for segment in self._segments]
        if self.reading.neurons is not None:
            return [[self._annotated(train, self.reading.neurons) for train in mine] for mine in trains]
        if len(trains) == 1:
            return [list(range(len(trains[0])))]
        for key in (None, *ID_ANNOTATIONS):
            found = [[train.name if key is None else train.annotations.get(key) for train in mine] for mine in trains]
            if all(
                None not in mine and "" not in mine and len({str(one) for one in mine}) == len(mine) for mine in found
            ):
                return [[str(one) for one in mine] for mine in found]
        if len(trains) > 1 and max(map(len, trains)) == 1:
            return [["the only one"] * len(mine) for mine in trains]
        raise self.error(
            f"nothing says which spike trains of its {len(trains)} segments are of one neuron: name them, or name"
            " the annotation with their id by --neurons (`neurons` in [[recordings]])"
        )

    def _annotated(self, train: Any, key: str) -> int:
        value = train.annotations.get(key)
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            trains = [train for segment in self._segments for train in segment.spiketrains]
            known = sorted({str(name) for train in trains for name in train.annotations})
            raise self.error(
                f"a spike train has no whole number as {key!r}: annotations are {', '.join(known) or 'none'}"
            )
        return int(value)


class _SegmentsSheet:
    """A trial for each segment, each on its own clock."""

    n_recorded = n_in_trials = covered = None
    n_unobserved = 0

    def __init__(self, recording: NeoRecording, name: str, rule: TrialRule, repeat: int | None) -> None:
        self.name = recording.name
        self.where = f"{name} of {recording.name}"
        self.parameters: dict[str, str] = {}
        self._recording = recording
        self._places: list[int] = []
        self.neurons = neuron_table(recording._neurons)
        self._rows = [np.searchsorted(self.neurons["neuron_id"], ids) for ids in recording._ids]
        self.files = [source_file(path) for path in recording.paths]
        spans = [_span(segment) if len(segment.spiketrains) else None for segment in recording._segments]
        lengths = [stop - start for start, stop in filter(None, spans)]
        self.trials: list[Trial] = []
        for i, segment in enumerate(recording._segments):
            start, stop = spans[i] or self._silent(i, lengths, rule)
            if rule.window_start is not None and rule.window_stop is not None:
                start, stop = start + rule.window_start, start + rule.window_stop
            window = fitted((start, stop), spans[i], rule.short, f"segment {i} of {self.where}")
            if window is None:
                continue
            extra = (("segment", str(segment.name or i)), ("window_start", window[0]), ("window_stop", window[1]))
            self._places.append(i)
            self.trials.append(Trial(str(i), repeat or 0, len(self.trials), "", (Phase(WINDOW, *window),), extra))
        if not self.trials:
            raise RecordingError(f"{self.where}: no segment is as long as the window: choose a shorter one")
        self.notes = left_out(len(spans) - len(self.trials), len(spans))

    def spikes(self, trial: int) -> tuple[PhaseSpikes, ...]:
        """All spikes of a segment; see `spikebin.recordings.protocol.SheetRecording`."""
        i = self._places[trial]
        return (PhaseSpikes(*_spikes(self._recording._segments[i], self._rows[i])),)

    def _silent(self, i: int, lengths: list[float], rule: TrialRule) -> tuple[float, float]:
        """From when to when a segment lasts that has no trains: as long as all others."""
        if max(lengths) - min(lengths) > edge_tolerance(max(lengths), max(lengths)) and rule.window_stop is None:
            raise RecordingError(
                f"segment {i} of {self.where} has no spike trains, and the others differ in length: say how long it"
                " lasts, with --window START STOP (`window` in [trial])"
            )
        return 0.0, max(lengths)


def _spikes(segment: Any, ids: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64], Precision]:
    """Times in ms and neurons of all spikes of a segment, and how finely they were stored."""
    trains = [_ms(train) for train in segment.spiketrains] or [np.empty(0)]
    ids = ids if len(segment.spiketrains) else np.zeros(1, np.int64)
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
