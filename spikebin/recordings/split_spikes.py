"""Spikes that a further column splits: populations, each a sheet; and trials, each with a clock of its own.

Which columns do is found in continuous/columns.py; how a file holds them is known to its format.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spikebin.binning.rules import DOUBLE, Precision, coarsest, edge_tolerance
from spikebin.binning.trial import PhaseSpikes
from spikebin.errors import RecordingError
from spikebin.names import in_natural_order
from spikebin.recordings.continuous.cells import typed
from spikebin.recordings.continuous.event_table import DURATIONS, EventTable, is_name, make_trials
from spikebin.recordings.continuous.neuron_rows import NeuronRows, ids_of
from spikebin.recordings.continuous.sheet import end_after, refuse_unused, source_file
from spikebin.recordings.continuous.units import split_unit
from spikebin.recordings.recorded_span import fitted, left_out, span_not_told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from spikebin.binning.trial import Trial
    from spikebin.recordings.continuous.columns import Splits
    from spikebin.recordings.continuous.sheet import ContinuousRecording
    from spikebin.recordings.continuous.units import Clock
    from spikebin.recordings.settings import TrialRule

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["PopulationSource", "Rows", "SpikesOfTrials", "TrialSpikes", "TrialwiseSheet", "look_at_groups"]

SHOWN = 5
NOTHING = np.empty(0), np.empty(0, np.int64), np.empty(0, np.str_)


class Rows(Protocol):
    """A file of spikes with further columns.

    Attributes
    ----------
    names : list of str
        Of all its columns.
    times_name, ids_name : str
        The two that are times and neurons.
    stored : dtype
        Of the times as they lie in the file.
    """

    names: list[str]
    times_name: str
    ids_name: str

    @property
    def stored(self) -> np.dtype[Any]:
        """See above."""
        ...

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        """Spikes and what further columns say of each.

        Parameters
        ----------
        labels : sequence of str
            Names of columns.
        clock : Clock
            Of the times.

        Yields
        ------
        (times, ids) : float64 (n,), int64 (n,)
            ms, and ids of neurons.
        labels : list of str (n,)
            One for each column.
        """
        ...


class PopulationSource:
    """The spikes of one population; see `spikebin.recordings.continuous.spike_index.SpikeSource`.

    Parameters
    ----------
    file : Rows
    column, value : str
        Only spikes that have this value in this column.
    clock : Clock
    """

    def __init__(self, file: Rows, column: str, value: str, clock: Clock) -> None:
        self._file, self._column, self._value, self._clock = file, column, value, clock

    def chunks(self) -> Iterator[Spikes]:
        """All spikes, chunk by chunk."""
        for (times, ids), (labels,) in self._file.rows([self._column], self._clock):
            mine = labels == self._value
            yield times[mine], ids[mine]


def look_at_groups(file: Rows, splits: Splits, clock: Clock, where: str) -> list[str]:
    """Go over the columns that split spikes.

    Parameters
    ----------
    file : Rows
    splits : Splits
    clock : Clock
    where : str
        For messages.

    Returns
    -------
    list of str
        Names of the populations in natural order; none without such a column.

    Raises
    ------
    RecordingError
        If a population has no name, or a neuron has two values of a group: then two neurons share an id.
    """
    populations: set[str] = set()
    seen: list[dict[tuple[str, int], str]] = [{} for _ in splits.groups]
    columns = [*([splits.population] if splits.population else []), *splits.groups]
    for (_, ids), labels in file.rows(columns, clock):
        mine = labels[0] if splits.population else np.zeros(ids.size, np.str_)
        populations.update(np.unique(mine).tolist())
        for k, group in enumerate(labels[len(columns) - len(splits.groups) :]):
            for neuron, population, value in sorted(set(zip(ids.tolist(), mine.tolist(), group.tolist(), strict=True))):
                other = seen[k].setdefault((population, neuron), value)
                if other != value:
                    name = splits.groups[k]
                    raise RecordingError(
                        f"{where}: neuron {neuron} has {other!r} and {value!r} in column {name!r}: where these are two"
                        f" neurons, make a sheet of each {name} with --population {name} (`population` in"
                        " [[recordings]]); where they are one, say --population none"
                    )
    if not splits.population:
        return []
    if "" in populations:
        raise RecordingError(f"{where}: a spike has no {splits.population}: fill the cell, or say --population none")
    return in_natural_order(populations)


class TrialSpikes(Protocol):
    """Spikes by trial, each trial on a clock of its own; attributes are those of `SpikesOfTrials`."""

    trial_column: str
    trials: list[str]
    neurons: NDArray[np.int64]
    n_of: NDArray[np.int64]
    n_spikes: int
    first: float
    last: float
    precision: Precision

    @property
    def listed(self) -> NDArray[Any] | None:
        """All neurons; None: those that have spikes."""
        ...

    @property
    def neuron_names(self) -> Sequence[str] | None:
        """Of the neurons 0, 1 and so on."""
        ...

    @property
    def select(self) -> bool:
        """Whether spikes of neurons that are not listed are left out."""
        ...

    def between(self, trial: str, start: float, stop: float) -> Spikes:
        """Spikes of a trial from `start` to `stop` in ms, both included; none of a trial that has none."""
        ...

    def table(self, where: str) -> EventTable:
        """A line for each trial, with what all of its spikes say alike."""
        ...


class TrialwiseSheet:
    """Spikes on the clocks of their trials; see `spikebin.recordings.protocol.SheetRecording`.

    All of them are held in memory. A table of events, if the rule names one, has a line for each trial, in a column
    that is called as that of the spikes; without, trials are in natural order of their names.

    Parameters
    ----------
    recording : ContinuousRecording
    name : str
        One of its sheets.
    spikes : TrialSpikes
        Of that sheet.
    rule : TrialRule
    repeat : int or None
        Of all trials, where the path tells it.

    Raises
    ------
    RecordingError
        If the rule asks for times on another clock, or the table does not list the trials.
    """

    n_unobserved = 0
    covered = None

    def __init__(
        self, recording: ContinuousRecording, name: str, spikes: TrialSpikes, rule: TrialRule, repeat: int | None
    ) -> None:
        self.name = recording.name
        self.where = f"{name} of {recording.name}"
        self.notes = [] if recording.duration is not None else span_not_told(rule.short)
        self.parameters: dict[str, str] = {}
        for key in ("align_to", "until"):
            if getattr(rule, key) is not None:
                raise recording.error(f"its times are relative to their trial: take `{key}` out, and give a window")
        self._spikes = spikes
        names = spikes.neuron_names
        ids = ids_of(recording.reading.ids, name, recording.sheets, self.where, names)
        self._rows = NeuronRows(spikes.listed, spikes.neurons, ids, select=spikes.select, where=self.where, names=names)
        self.neurons = self._rows.table
        table, events_path = recording.find_events(rule)
        column = spikes.trial_column
        if table is None:
            refuse_unused(rule, self.where, ("events_unit", "drop_missing"))
            table = spikes.table(self.where)
        else:
            column = next((key for key in table.columns if split_unit(key)[0] == split_unit(column)[0]), column)
            table.column(column, "that says which trial a line is")
        if rule.image_id is None and "image_id" not in table.columns:
            rule = replace(rule, image_id=column)
        names = table.names(column)
        self._check_names(names, table.where, column)
        self._span = None if recording.duration is None else (0.0, recording.duration[0])
        found = self._within(make_trials(table, rule, repeat, *self._windows(table, rule)), rule)
        self.trials: Sequence[Trial] = [trial for _, trial in found]
        self._names = [names[line] for line, _ in found]
        self.files = [source_file(path) for path in [*recording.paths, *([events_path] if events_path else [])]]

    @property
    def n_recorded(self) -> int:
        """Spikes of its neurons, those of trials that are not listed included."""
        return int(self._spikes.n_of[self._is_mine(self._spikes.neurons)].sum())

    @property
    def n_in_trials(self) -> int:
        """How many of them lie in the window of their trial."""
        return sum(int(self._is_mine(self._of_trial(i)[1]).sum()) for i in range(len(self.trials)))

    def spikes(self, trial: int) -> tuple[PhaseSpikes, ...]:
        """Spikes of the window of ``trials[trial]``; several threads may ask at once."""
        times, ids = self._of_trial(trial)
        rows = self._rows.of(ids)
        if self._rows.select:
            known = rows >= 0
            times, rows = times[known], rows[known]
        return (PhaseSpikes(times, rows, self._spikes.precision),)

    def _is_mine(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._rows.of(ids) >= 0

    def _of_trial(self, trial: int) -> Spikes:
        (phase,) = self.trials[trial].phases
        precision = coarsest(phase.precision, self._spikes.precision)
        margin = edge_tolerance(phase.stop - phase.start, max(abs(phase.start), abs(phase.stop)), precision)
        return self._spikes.between(self._names[trial], phase.start - margin, phase.stop + margin)

    def _windows(
        self, table: EventTable, rule: TrialRule
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], Precision]:
        """On the clock of each trial: the rule's, else as long as the table says, else from 0 to the last spike."""
        starts = np.zeros(table.n_events)
        if rule.window_start is not None and rule.window_stop is not None:
            return starts + rule.window_start, starts + rule.window_stop, DOUBLE
        duration = table.find(DURATIONS, "--window")
        if duration is not None:
            return starts, *table.times(duration)
        if self._span is not None:
            return starts, starts + self._span[1], DOUBLE
        if not self._spikes.n_spikes:
            raise RecordingError(f"{self.where} holds no spikes: say how long a trial is, with a window")
        first, last = self._spikes.first, self._spikes.last
        return starts + min(0.0, float(np.floor(first))), starts + end_after(last, self._spikes.precision), DOUBLE

    def _within(self, trials: list[tuple[int, Trial]], rule: TrialRule) -> list[tuple[int, Trial]]:
        """Trials, and what becomes of those that last longer than is said."""
        if self._span is None:
            return trials
        stop, margin = self._span[1], edge_tolerance(self._span[1], self._span[1], self._spikes.precision)
        if not 0 < stop < np.inf:
            raise RecordingError(f"{self.where}: `duration` is {stop!r}: give the ms that the simulation lasted")
        if self._spikes.n_spikes and not (self._spikes.first >= -margin and self._spikes.last <= stop + margin):
            raise RecordingError(
                f"{self.where}: it has spikes from {self._spikes.first:.6f} to {self._spikes.last:.6f} ms, `duration`"
                f" says 0 to {stop:.10g}: fix it"
            )
        kept = []
        for line, trial in trials:
            (phase,) = trial.phases
            window = fitted((phase.start, phase.stop), self._span, rule.short, f"trial {trial.order} of {self.where}")
            if window is not None:
                extra = (("window_start", window[0]), ("window_stop", window[1]), *trial.extra[2:])
                phase = replace(phase, start=window[0], stop=window[1])
                kept.append((line, replace(trial, phases=(phase,), extra=extra)))
        if not kept:
            raise RecordingError(f"{self.where}: no trial lies within the {stop:g} ms of `duration`: fix it")
        self.notes += left_out(len(trials) - len(kept), len(trials))
        return kept

    def _check_names(self, names: list[str], where: str, column: str) -> None:
        n_lines = Counter(names)
        twice = next((name for name in names if n_lines[name] > 1), None)
        if twice is not None:
            raise RecordingError(f"{where}: trial {twice!r} is in two lines of {column!r}: keep one")
        unlisted = [name for name in self._spikes.trials if name not in set(names)]
        if unlisted and len(unlisted) == len(self._spikes.trials):
            there, here = (", ".join(map(repr, some[:3])) for some in (names, unlisted))
            raise RecordingError(
                f"{where}: its {column!r} holds {there}, and none of the trials of the spikes, {here}: write them alike"
            )
        if unlisted:
            self.notes.append(
                f"{len(unlisted):,} trials of the spikes are not in {where}: {', '.join(unlisted[:SHOWN])}"
                f"{' ...' if len(unlisted) > SHOWN else ''}"
            )


class SpikesOfTrials:
    """Spikes by the trial that a column says, each on a clock of its own.

    Parameters
    ----------
    file : Rows
    splits : Splits
        With a column of trials.
    clock : Clock
    population : str or None
        Only spikes of this one.
    image_id : str or None
        A further column, that names what was shown in a trial.
    where : str
        For messages.
    trials : sequence of str, optional
        Names of all trials; default: those that have spikes.
    listed : structured array, optional
        All neurons; default: those that have spikes.
    neuron_names : sequence of str, optional
        Of the neurons 0, 1 and so on.
    select : bool
        Whether spikes of neurons that are not listed are left out; else they are an error.

    Attributes
    ----------
    trial_column : str
    trials : list of str
        Names, in natural order.
    listed : structured array or None
    neuron_names : sequence of str or None
    select : bool
    neurons : int64 (n,)
        Ids that have spikes, ascending.
    n_of : int64 (n,)
        Spikes of each of them.
    n_spikes : int
    first, last : float
        Outermost times in ms.
    precision : Precision
        How finely the times were stored.

    Raises
    ------
    RecordingError
        If a time is not finite, a spike has no trial, or one trial has two of `image_id`.
    """

    def __init__(
        self,
        file: Rows,
        splits: Splits,
        clock: Clock,
        population: str | None,
        image_id: str | None,
        where: str,
        *,
        trials: Sequence[str] = (),
        listed: NDArray[Any] | None = None,
        neuron_names: Sequence[str] | None = None,
        select: bool = False,
    ) -> None:
        assert splits.trial is not None  # noqa: S101
        self.trial_column = splits.trial
        self.precision = clock.precision(file.stored)
        taken = {splits.trial, splits.population, file.times_name, file.ids_name}
        further = [name for name in file.names if name not in taken and (is_name(name) or name == image_id)]
        of_population = [splits.population] if splits.population and population is not None else []
        columns = [splits.trial, *of_population, *further]
        chunks: list[tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.str_]]] = []
        said: dict[str, dict[str, set[str]]] = {name: {} for name in further}
        for (times, ids), labels in file.rows(columns, clock):
            mine = labels[1] == population if of_population else np.ones(ids.size, bool)
            bad = mine & ~np.isfinite(times)
            if bad.any():
                i = int(np.flatnonzero(bad)[0])
                raise RecordingError(
                    f"a spike time of neuron {ids[i]} in trial {labels[0][i]} of {where} is {times[i]}: drop such"
                    " spikes, or write the file again"
                )
            names = labels[0][mine]
            chunks.append((times[mine], ids[mine], names))
            for name, column in zip(further, labels[len(columns) - len(further) :], strict=True):
                for trial, value in set(zip(names.tolist(), column[mine].tolist(), strict=True)):
                    said[name].setdefault(trial, set()).add(value)
        times, ids, names = (np.concatenate(column) for column in zip(*chunks, strict=True)) if chunks else NOTHING
        self.trials = in_natural_order({*trials, *np.unique(names).tolist()})
        self.listed, self.neuron_names, self.select = listed, neuron_names, select
        if "" in self.trials:
            raise RecordingError(f"{where}: a spike has no {splits.trial}: fill the cell, or drop such spikes")
        code = {name: i for i, name in enumerate(self.trials)}
        codes = np.array([code[name] for name in names.tolist()], np.int64)
        order = np.lexsort((times, codes))
        self._times, self._ids = times[order], ids[order]
        self._starts = np.searchsorted(codes[order], np.arange(len(self.trials) + 1))
        self._code = code
        self.neurons, self.n_of = np.unique(ids, return_counts=True)
        self.n_spikes = times.size
        self.first, self.last = (float(times.min()), float(times.max())) if times.size else (np.inf, -np.inf)
        if image_id in said and any(len(values) > 1 for values in said[image_id].values()):
            trial = next(trial for trial in self.trials if len(said[image_id][trial]) > 1)
            raise RecordingError(f"{where}: trial {trial} has several {image_id}: choose another column")
        self._further = {
            name: [next(iter(found.get(trial, ("",)))) for trial in self.trials]
            for name, found in said.items()
            if all(len(values) == 1 for values in found.values())
        }

    def between(self, trial: str, start: float, stop: float) -> Spikes:
        """Spikes of a trial from `start` to `stop` in ms, both included; none of a trial that has none."""
        if trial not in self._code:
            return np.empty(0), np.empty(0, np.int64)
        low, high = self._starts[self._code[trial] : self._code[trial] + 2]
        times = self._times[low:high]
        place = slice(low + np.searchsorted(times, start, "left"), low + np.searchsorted(times, stop, "right"))
        return self._times[place], self._ids[place]

    def table(self, where: str) -> EventTable:
        """A line for each trial, with what all of its spikes say alike."""
        texts = {self.trial_column: self.trials, **self._further}
        columns = {name: typed(cells, is_id=True) for name, cells in texts.items()}
        return EventTable(where, columns, texts=texts)
