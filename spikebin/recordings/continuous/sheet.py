"""Recordings without presentations: spikes on one clock, cut into trials by a table of events.

What all such formats share. A format hands over a population's spikes and, where it has some, tables of events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.intervals import Union, merge_windows
from spikebin.binning.rules import DOUBLE, Precision, coarsest, edge_tolerance
from spikebin.binning.trial import PhaseSpikes
from spikebin.cached import cached_property
from spikebin.errors import RecordingError
from spikebin.names import bare_suffix, suggest
from spikebin.recordings.continuous.arrow_table import ARROW_SUFFIXES
from spikebin.recordings.continuous.event_table import EventTable, cut_trials, read_events, whole_trial
from spikebin.recordings.continuous.labels import chosen_note
from spikebin.recordings.continuous.neuron_rows import NeuronRows, ids_of
from spikebin.recordings.continuous.spike_index import build_index
from spikebin.recordings.protocol import SourceFile
from spikebin.recordings.recorded_span import fitted, left_out, span_not_told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spikebin.binning.trial import Trial
    from spikebin.recordings.continuous.spike_index import SpikeSource
    from spikebin.recordings.protocol import SheetRecording
    from spikebin.recordings.settings import Reading, TrialRule

__all__ = ["ContinuousRecording", "ContinuousSheet", "Population", "end_after", "refuse_unused", "source_file"]

TABLE_SUFFIXES = {".csv", ".tsv", ".txt", *ARROW_SUFFIXES}


@dataclass(frozen=True)
class Population:
    """One sheet as a format hands it over.

    Parameters
    ----------
    source : SpikeSource
    neurons : structured array (n_neurons,) or None
        NEURON_FIELDS of all neurons, by ascending id; None: those that fire are all that is known.
    span : tuple of float or None
        ms from the start to the stop of the recording; None: only the spikes tell.
    select : bool
        Spikes of other neurons than `neurons` are passed over, not an error.
    observed : sequence of float64 (n, 2) or None
        For each of `neurons`, ms from when to when its spikes were looked for; None: all the time.
    observed_span : tuple of float or None
        ms from when to when any neuron was observed, which windows may not reach past; None: `span` tells.
    notes : sequence of str
        What people should know of it.
    names : sequence of str or None
        Of the neurons 0, 1 and so on, where they have names and no numbers.
    running : str
        What its ids were taken from, if that may as well be the running number of a spike; else "".
    precision : Precision
        How finely the spike times were stored.
    """

    source: SpikeSource
    neurons: NDArray[Any] | None = None
    span: tuple[float, float] | None = None
    select: bool = False
    observed: Sequence[NDArray[np.float64]] | None = None
    observed_span: tuple[float, float] | None = None
    notes: Sequence[str] = ()
    names: Sequence[str] | None = None
    running: str = ""
    precision: Precision = DOUBLE


class ContinuousRecording:
    """One raw data set on one clock; see `spikebin.recordings.protocol.Recording`.

    A format's own class says what sheets there are, and hands over their populations and tables of events.

    Parameters
    ----------
    path : Path
    reading : Reading
    """

    # It knows of no presentations.
    datastore = None
    # Unit of the times in a file of events; None where it does not follow from the spikes'.
    events_unit: str | None = None
    rate: float | None = None
    # Whether the spikes' times need the rate.
    uses_rate = True
    # Its trials, where they are handed over in memory.
    given_trials: EventTable | None = None

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path = path
        self.reading = reading
        self.notes: list[str] = []

    @property
    def name(self) -> str:
        """Of the recording, for messages."""
        return self.path.name

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        return self.reading.format or ""

    @property
    def paths(self) -> list[Path]:
        """Every file that the spikes are read from."""
        return [self.path]

    @property
    def sheets(self) -> Sequence[str]:
        """Raw names of the sheets."""
        raise NotImplementedError

    @property
    def duration(self) -> tuple[float, str] | None:
        """How many ms it lasted, from 0 on, and who says so; None where only its population tells."""
        return None if self.reading.duration is None else (self.reading.duration, "`duration`")

    def population(self, sheet: str) -> Population:
        """The spikes of one sheet.

        Parameters
        ----------
        sheet : str
            One of `sheets`.

        Returns
        -------
        Population

        Raises
        ------
        RecordingError
            If what is on disk is not complete or contradicts itself, or does not tell its unit or rate.
        """
        raise NotImplementedError

    def events(self, name: str | None) -> EventTable | None:
        """A table of events inside the recording.

        Parameters
        ----------
        name : str or None
            None: its own trials.

        Returns
        -------
        EventTable or None
            None if it has no trials of its own.

        Raises
        ------
        RecordingError
            If there is no table of that name, or it is damaged.
        """
        if name is not None:
            raise self.error(f"it holds no tables of events, so no {name!r}: give a CSV or TSV file")
        return None

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> SheetRecording:
        """Open one sheet; see `spikebin.recordings.protocol.Recording`.

        Raises
        ------
        RecordingError
            If there is no such sheet, its spikes are damaged, or there are no trials to be cut.
        """
        self.check_sheet(name, rule)
        return ContinuousSheet(self, name, rule, repeat)

    def check_sheet(self, name: str, rule: TrialRule) -> None:
        """Whether a sheet can be opened.

        Parameters
        ----------
        name : str
        rule : TrialRule

        Raises
        ------
        RecordingError
            If there is no such sheet, or the rule is for recordings that are made of presentations.
        """
        if name not in self.sheets:
            raise self.error(f"no sheet {name!r}: {suggest(name, self.sheets)}")
        for key in ("stimulus", "blank"):
            if getattr(rule, key) is not None:
                raise self.error(f"it has no presentations: take `{key}` out of [trial], or give `events` and `window`")

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
        return RecordingError(f"{self.name}: {text}")

    def find_events(self, rule: TrialRule) -> tuple[EventTable | None, Path | None]:
        """The table that the rule asks for, and its file if it is not inside the recording.

        Parameters
        ----------
        rule : TrialRule

        Returns
        -------
        table : EventTable or None
        path : Path or None

        Raises
        ------
        RecordingError
            If the file is not there or no table, or as `events`.
        """
        if self.given_trials is not None:
            return self.given_trials, None
        if rule.events == "none":
            return None, None
        if rule.events is None:
            return self._own_events(None, rule), None
        path = Path(rule.events)
        if bare_suffix(path.name) in TABLE_SUFFIXES or path.is_file():
            if not path.is_file():
                raise RecordingError(f"no table of events {path}: check the path")
            return read_events(path, self.events_unit, self.rate, rule.events_unit), path
        return self._own_events(rule.events, rule), None

    def _own_events(self, name: str | None, rule: TrialRule) -> EventTable | None:
        table = self.events(name)
        if table is not None and rule.events_unit is not None:
            raise self.error("it tells the unit of its own trials: take --trials-unit (`unit` in [trial]) out")
        return table


class ContinuousSheet:
    """One sheet of a continuous recording, cut into trials; see `spikebin.recordings.protocol.SheetRecording`.

    Parameters
    ----------
    recording : ContinuousRecording
    name : str
        One of its sheets.
    rule : TrialRule
    repeat : int or None
        Of all trials, where the path tells it.

    Attributes
    ----------
    covered : float or None
        ms from the first to the last spike, where the trial is all of the recording and nothing else tells its length.
    n_unobserved : int
        Pairs of trial and neuron where the recording says that the neuron was not observed all the time.

    Raises
    ------
    RecordingError
        If its spikes are damaged, or there are no trials to be cut.
    DiskFullError
        If the spikes do not fit into memory and the temporary directory has no room for them.
    """

    def __init__(self, recording: ContinuousRecording, name: str, rule: TrialRule, repeat: int | None) -> None:
        self.name = recording.name
        self.where = f"{name} of {recording.name}"
        self.parameters: dict[str, str] = {}
        table, events_path = recording.find_events(rule)
        cut = cut_trials(table, rule, repeat) if table is not None else None
        self._cut_by = "" if table is None else f"trials of {table.where}: {table.told}"
        in_samples = recording.uses_rate or (table is not None and "samples" in table.taken.values())
        if recording.reading.rate is not None and not in_samples:
            raise recording.error("no times of it are in samples or steps: take `rate` out, or give the unit")
        population, duration = recording.population(name), recording.duration
        if duration is not None:
            if not 0 < duration[0] < np.inf:
                raise recording.error(f"`duration` is {duration[0]!r}: give the ms that the simulation lasted")
            population = replace(population, span=(0.0, duration[0]))
        self._population = population
        self._precision = population.precision
        window = rule.window_start, rule.window_stop
        column = rule.align_to or rule.until
        if cut is None and column is not None:
            raise RecordingError(f"{self.where}: no events with a column {column!r}: give a table of them")
        if table is None:
            refuse_unused(rule, self.where, ("image_id", "events_unit", "drop_missing"))
        if cut is None and window[0] is not None and window[1] is not None:
            cut = whole_trial(window[0], window[1], repeat)
        self._span_notes: list[str] = []
        if cut is not None:
            cut = self._within(cut, population.span or population.observed_span, rule)
        self._windows = None if cut is None else merge_windows(self._asked(trial) for trial in cut)
        self._index = build_index(population.source, self.where, self._windows)
        if duration is not None:
            self._check_duration(*duration)
        if population.running and 1 < self._index.n_spikes == self._index.ids.size:
            raise RecordingError(
                f"{self.where}: no neuron fires twice, so {population.running!r} counts the spikes: name the neurons"
                " with --neurons (`neurons` in [[recordings]])"
            )
        self._rows = NeuronRows(
            population.neurons,
            self._index.ids,
            ids_of(recording.reading.ids, name, recording.sheets, self.where, population.names),
            select=population.select,
            where=self.where,
            names=population.names,
        )
        self.neurons = self._rows.table
        self.trials: Sequence[Trial] = cut or self._whole(population, repeat)
        length = self._index.last - self._index.first
        self.covered = length if cut is None and population.span is None and length > 0 else None
        self.n_unobserved = 0 if population.observed is None else self._unobserved(population)
        paths = [*recording.paths, *([events_path] if events_path else [])]
        self.files = [source_file(path) for path in paths]

    @property
    def n_recorded(self) -> int:
        """Spikes of its neurons in the complete recording."""
        return self._counted[0]

    @property
    def n_in_trials(self) -> int:
        """How many of them lie in at least one trial, each counted once."""
        return self._counted[1]

    @property
    def notes(self) -> list[str]:
        """See `spikebin.recordings.protocol.SheetRecording`."""
        notes = [*([self._cut_by] if self._cut_by else []), *self._span_notes, *self._population.notes]
        others = np.setdiff1d(self._index.ids, self.neurons["neuron_id"]).size
        if others and not self._population.notes:
            n = self._index.n_spikes - self.n_recorded
            notes.append(chosen_note("neuron", len(self._index.ids), others, n))
        if self._windows is not None and self._index.n_spikes and not self._index.n_kept:
            spikes = (
                f"no spike in any trial: there are some from {self._index.first:,.6g} to {self._index.last:,.6g} ms"
            )
            if self._cut_by:
                spikes += (
                    "; if the times of the events are relative to their trial, say --relative-to start_time"
                    " (`relative_to` in [trial])"
                )
            notes.append(spikes)
        if self.covered is not None and self._index.first > self.covered:
            notes.append(
                f"its first spike is at {self._index.first / 1000:,.6g} s, and the only trial begins at 0: cut it with"
                " a window"
            )
        return notes

    def _check_duration(self, duration: float, said_by: str) -> None:
        """Refuse spikes outside of the time that the recording is said to have lasted."""
        first, last = self._index.first, self._index.last
        margin = edge_tolerance(duration, duration, self._precision)
        if self._index.n_spikes and not (first >= -margin and last <= duration + margin):
            raise RecordingError(
                f"{self.where}: it has spikes from {first:.6f} to {last:.6f} ms, {said_by} says 0 to {duration:.10g}:"
                " fix it, the unit of the spikes, or give another --duration"
            )

    def _within(self, trials: list[Trial], span: tuple[float, float] | None, rule: TrialRule) -> list[Trial]:
        """Trials, and what becomes of those that reach past what was recorded."""
        kept = []
        for trial in trials:
            (phase,) = trial.phases
            where = f"trial {trial.order} of {self.where}"
            precision = coarsest(phase.precision, self._precision)
            window = fitted((phase.start, phase.stop), span, rule.short, where, precision)
            if window is not None:
                extra = (("window_start", window[0]), ("window_stop", window[1]), *trial.extra[2:])
                kept.append(replace(trial, phases=(replace(phase, start=window[0], stop=window[1]),), extra=extra))
        if not kept:
            raise RecordingError(f"{self.where}: no trial lies within what was recorded: check the unit of the events")
        self._span_notes = span_not_told(rule.short) if span is None else left_out(len(trials) - len(kept), len(trials))
        return kept

    @cached_property
    def _counted(self) -> tuple[int, int]:
        """Spikes of its neurons: all, and those in trials."""
        if not self._rows.select or np.isin(self._index.ids, self.neurons["neuron_id"]).all():
            return self._index.n_spikes, self._index.n_kept
        union = None if self._windows is None else Union(self._windows)
        n_recorded = n_in_trials = 0
        for times, ids in self._population.source.chunks():
            mine = self._rows.of(ids) >= 0
            n_recorded += int(mine.sum())
            n_in_trials += 0 if union is None else union.places(times[mine]).size
        return n_recorded, n_recorded if union is None else n_in_trials

    def spikes(self, trial: int) -> tuple[PhaseSpikes, ...]:
        """Spikes of the window of ``trials[trial]``; several threads may ask at once."""
        times, ids = self._index.between(*self._asked(self.trials[trial]))
        rows = self._rows.of(ids)
        if self._rows.select:
            known = rows >= 0
            times, rows = times[known], rows[known]
        return (PhaseSpikes(times, rows, self._precision),)

    def _unobserved(self, population: Population) -> int:
        starts, stops = np.array([(trial.phases[0].start, trial.phases[0].stop) for trial in self.trials]).T
        # Of times that were rounded, and rounded again in another unit.
        farthest = float(np.abs([starts, stops]).max())
        margin = edge_tolerance(float((stops - starts).max()), farthest, population.precision)
        listed = [] if population.neurons is None else population.neurons["neuron_id"].tolist()
        n = 0
        for neuron, spans in zip(listed, population.observed or (), strict=True):
            if neuron in self.neurons["neuron_id"]:
                merged = merge_windows((start - margin, stop + margin) for start, stop in spans.tolist())
                place = np.searchsorted(merged[:, 0], starts, "right") - 1
                n += int(((place < 0) | (stops > np.append(merged[:, 1], -np.inf)[place])).sum())
        return n

    def _asked(self, trial: Trial) -> tuple[float, float]:
        """The window of a trial, and around it at least the tolerance of an edge, whatever the width of a bin."""
        (phase,) = trial.phases
        farthest = max(abs(phase.start), abs(phase.stop))
        margin = edge_tolerance(phase.stop - phase.start, farthest, coarsest(phase.precision, self._precision))
        return phase.start - margin, phase.stop + margin

    def _whole(self, population: Population, repeat: int | None) -> list[Trial]:
        """One trial of the complete recording."""
        if population.span is not None:
            return whole_trial(*population.span, repeat)
        if not self._index.n_spikes:
            raise RecordingError(f"{self.where} holds no spikes: say from when to when it lasts, with a window")
        stop = end_after(self._index.last, population.precision)
        return whole_trial(min(0.0, float(np.floor(self._index.first))), stop, repeat)


def end_after(last: float, precision: Precision) -> float:
    """Where a trial ends that nothing tells the end of.

    Parameters
    ----------
    last : float
        Time of its last spike in ms.
    precision : Precision
        How finely it was stored.

    Returns
    -------
    float
        A whole ms, so far after that spike that it does not count as lying on the end, and outside.
    """
    reach = 2 * edge_tolerance(1.0, abs(last), precision)
    stop = float(np.floor(last + 0.5)) + 1.0
    return stop if stop - last > reach else float(np.ceil(last + reach)) + 1.0


def refuse_unused(rule: TrialRule, where: str, keys: Sequence[str]) -> None:
    """Refuse what is said of a table of events where there is none.

    Parameters
    ----------
    rule : TrialRule
    where : str
        For messages.
    keys : sequence of str
        Its fields that only a table has a use for.

    Raises
    ------
    RecordingError
        If one of them is given.
    """
    for key in keys:
        if getattr(rule, key) not in {None, False}:
            name = {"events_unit": "unit"}.get(key, key)
            raise RecordingError(f"{where}: no events, so no use for `{name}` of [trial]: give a table, or take it out")


def source_file(path: Path) -> SourceFile:
    """A file as /source lists it."""
    try:
        facts = path.stat()
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror}): check the path and your rights") from None
    return SourceFile(path.name, facts.st_size, facts.st_mtime)
