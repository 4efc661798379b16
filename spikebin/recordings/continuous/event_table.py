"""Tables of events, and how they cut a continuous recording into trials: windows around one of their columns.

Where a table comes from is known to its format; which times are spikes is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.binning.rules import Precision, coarsest
from spikebin.binning.trial import Phase, Trial
from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.recordings.columns import RESERVED, column_name
from spikebin.recordings.continuous.arrow_table import ARROW_SUFFIXES, read_columns
from spikebin.recordings.continuous.cells import MISSING, as_numbers, is_number, typed
from spikebin.recordings.continuous.text_table import read_table
from spikebin.recordings.continuous.units import choose_unit, find_column, make_clock, split_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.settings import TrialRule

__all__ = [
    "DURATIONS",
    "WINDOW",
    "EventTable",
    "cut_trials",
    "is_name",
    "make_trials",
    "read_events",
    "whole_trial",
]

STARTS = (
    "start_time",
    "start",
    "onset",
    "t_start",
    "onset_time",
    "stimulus_onset",
    "time",
    "times",
    "timestamp",
    "begin",
)
# A task's own words for a start: names of columns, without their unit, where no column of STARTS is there.
TASK_STARTS = re.compile(r"(.*_on|.*_?onset|(go|visual|auditory)?_?cue)$", re.IGNORECASE)
STOPS = ("stop_time", "stop", "end_time", "end", "t_stop", "offset", "offset_time", "stimulus_offset", "finish")
DURATIONS = ("duration", "dur", "durations")
# Last word of the name of a column whose cells name something, whatever digits they are written with.
ID_WORDS = {
    *("id", "ids", "name", "names", "label", "labels", "code", "codes", "type", "types", "class", "file", "path"),
    *("image", "images", "img", "picture", "movie", "stimulus", "stimuli", "stim", "condition", "conditions", "cond"),
    *("trial", "trials", "session", "subject", "animal", "block", "group"),
}
# https://bids-specification.readthedocs.io/en/stable/modality-specific-files/task-events.html
BIDS = re.compile(r"(^|_)events\.tsv(\.gz)?$")
WINDOW = "window"
MOST_REPEATS = (1 << 31) - 1


class Times(NamedTuple):
    """Times in ms, and how finely they were stored."""

    ms: NDArray[np.float64]
    precision: Precision


@dataclass(frozen=True)
class EventTable:
    """Columns of equal length, one line for each event.

    Parameters
    ----------
    where : str
        The table and its recording, for messages.
    columns : mapping of str to ndarray (n_events,)
        Numbers, booleans or texts.
    unit : str or None
        Of times whose column's name tells none; None: not known.
    rate : float or None
        Samples per second.
    asked : str or None
        The unit that the user says they have: a name that tells another one is an error.
    texts : mapping of str to sequence of str
        Columns as they are written, where they are written as text.
    taken : dict of str to str
        Columns that were read as times so far, and the unit of each.
    """

    where: str
    columns: Mapping[str, NDArray[Any]]
    unit: str | None = None
    rate: float | None = None
    asked: str | None = None
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)

    @property
    def n_events(self) -> int:
        """Lines of the table."""
        return len(next(iter(self.columns.values()), ()))

    @property
    def told(self) -> str:
        """Which columns were read as times so far, for people: ``start_s in s, stop_s in s``."""
        return ", ".join(f"{name} in {unit}" for name, unit in self.taken.items())

    def column(self, name: str, what: str) -> str:
        """A column's name, checked.

        Parameters
        ----------
        name : str
        what : str
            What it is for, in the message.

        Returns
        -------
        str

        Raises
        ------
        RecordingError
            If there is none.
        """
        if name not in self.columns:
            raise RecordingError(f"{self.where}: no column {name!r} {what}: {suggest(name, self.columns)}")
        return name

    def times(self, name: str) -> Times:
        """A column of times, in ms.

        Parameters
        ----------
        name : str

        Returns
        -------
        Times
            (n_events,), nan where a time is missing.

        Raises
        ------
        RecordingError
            If it holds no numbers, its unit is not known, or it is in samples without a rate.
        """
        numbers: NDArray[Any] | None = self.columns[name]
        if name in self.texts:
            numbers = as_numbers(self.texts[name])
        if numbers is None or numbers.dtype.kind not in "fiu":
            wrong = next((text for text in self.names(name) if text not in MISSING and not is_number(text)), "")
            raise RecordingError(
                f"{self.where}: column {name!r} holds {wrong[:40]!r}, no times: fix the cell, or choose another column"
            )
        unit = choose_unit(name, self.asked, self.unit, self.where, "--trials-unit (`unit` in [trial])")
        if unit is None:
            raise RecordingError(
                f"{self.where}: no unit of its times: give --trials-unit (`unit` in [trial]), or call it {name}_s"
            )
        self.taken[name] = unit
        clock = make_clock(unit, self.rate, self.where)
        return Times(clock.to_ms(numbers), clock.precision(numbers.dtype))

    def some_times(self, name: str, instead: str) -> Times:
        """A column of times, not all of which are missing.

        Parameters
        ----------
        name : str
        instead : str
            What to do where they are, for the message.

        Returns
        -------
        Times
            As `times`.

        Raises
        ------
        RecordingError
            As `times`, or if no line has one.
        """
        found = self.times(name)
        if found.ms.size and np.isnan(found.ms).all():
            raise RecordingError(f"{self.where}: column {name!r} holds no times: {instead}")
        return found

    def find(self, candidates: Sequence[str], option: str) -> str | None:
        """The column that is called as the earliest of some names.

        Parameters
        ----------
        candidates : sequence of str
            See `spikebin.recordings.continuous.units.find_column`.
        option : str
            How the user names it, for messages.

        Returns
        -------
        str or None
            None if there is none.

        Raises
        ------
        RecordingError
            If there are two.
        """
        try:
            return find_column(self.columns, candidates)
        except ValueError as error:
            raise RecordingError(f"{self.where}: is it {error}? Name one with {option}") from None

    def names(self, name: str) -> list[str]:
        """A column as texts, as they are written.

        Parameters
        ----------
        name : str

        Returns
        -------
        list of str
        """
        return list(self.texts[name]) if name in self.texts else [str(value) for value in self.columns[name].tolist()]


def is_name(column: str) -> bool:
    """Whether a column is called as one whose cells name something: an image, a condition, a trial.

    Parameters
    ----------
    column : str

    Returns
    -------
    bool
    """
    return split_unit(column)[0].rpartition("_")[2] in ID_WORDS


def read_events(path: Path, unit: str | None, rate: float | None, asked: str | None = None) -> EventTable:
    """A table of events from a CSV or TSV file, or a Parquet or Feather file.

    Parameters
    ----------
    path : Path
    unit, rate, asked
        See `EventTable`.

    Returns
    -------
    EventTable

    Raises
    ------
    RecordingError
        If there is none, or it is not a table.
    """
    if path.suffix.lower() in ARROW_SUFFIXES:
        return EventTable(str(path), read_columns(path), unit, rate, asked)
    texts = read_table(path)
    columns = {name: typed(cells, is_id=is_name(name)) for name, cells in texts.items()}
    if BIDS.search(path.name) and list(texts)[:2] == ["onset", "duration"]:
        # In s, by its rules; who calls a file of spikes in ms so may not know them, and is asked.
        unit = "s" if path.name.startswith("sub-") or unit in {None, "s"} else None
    return EventTable(str(path), columns, unit, rate, asked, texts)


def cut_trials(table: EventTable, rule: TrialRule, repeat: int | None) -> list[Trial]:
    """One trial for each line of a table.

    Parameters
    ----------
    table : EventTable
    rule : TrialRule
    repeat : int or None
        Of all trials; None: from a column `repeat`, else 0.

    Returns
    -------
    list of Trial
        By repeat, then in the order of the table. Times are on the recording's clock, in ms; every column of the table
        is kept in `Trial.extra`.

    Raises
    ------
    RecordingError
        If the table lacks a column, a time is missing or not finite, or a window has a negative duration.
    """
    if not table.n_events:
        raise RecordingError(f"{table.where} has no lines: there are no trials to cut")
    with np.errstate(over="ignore"):
        windows = _windows(table, rule)
    return [trial for _, trial in make_trials(table, rule, repeat, *windows)]


def make_trials(
    table: EventTable,
    rule: TrialRule,
    repeat: int | None,
    starts: NDArray[np.float64],
    stops: NDArray[np.float64],
    precision: Precision,
) -> list[tuple[int, Trial]]:
    """One trial for each line of a table whose windows are known.

    Parameters
    ----------
    table : EventTable
    rule : TrialRule
    repeat : int or None
        See `cut_trials`.
    starts, stops : float64 (n_events,)
        ms; nan where missing.
    precision : Precision
        How finely they were stored.

    Returns
    -------
    list of (int, Trial)
        Line of the table, from 0, and its trial; in the order of `cut_trials`.

    Raises
    ------
    RecordingError
        As `cut_trials`.
    """
    missing = np.isnan(starts) | np.isnan(stops)
    if missing.any() and not rule.drop_missing:
        columns = f" in {' or '.join(table.taken)}" if table.taken else ""
        raise RecordingError(
            f"{table.where}: {missing.sum()} of {missing.size} events have no time{columns}, the first is"
            f" {np.flatnonzero(missing)[0]}: leave them out with --drop-missing (`drop_missing = true` in [trial]),"
            " or choose another column"
        )
    kept = np.flatnonzero(~missing)
    if not kept.size:
        raise RecordingError(f"{table.where}: none of {missing.size} events has a time: choose another column")
    for i in kept:
        if not (np.isfinite(starts[i]) and np.isfinite(stops[i])) or stops[i] < starts[i]:
            raise RecordingError(
                f"{table.where}: event {i} lasts from {starts[i]:g} to {stops[i]:g} ms: fix its line, or choose"
                " other columns"
            )
    image_ids = _image_ids(table, rule)
    repeats = _repeats(table, repeat)
    extra = _extra(table, rule.identity)
    trials = [
        (
            int(i),
            Trial(
                image_id=image_ids[i],
                repeat=repeats[i],
                order=order,
                stimulus="",
                phases=(Phase(WINDOW, float(starts[i]), float(stops[i]), precision),),
                extra=(
                    ("window_start", float(starts[i])),
                    ("window_stop", float(stops[i])),
                    *((name, column[i].item()) for name, column in extra.items()),
                ),
            ),
        )
        for order, i in enumerate(kept)
    ]
    return sorted(trials, key=lambda pair: pair[1].repeat)


def whole_trial(start: float, stop: float, repeat: int | None) -> list[Trial]:
    """One trial of a complete recording, or a window of it.

    Parameters
    ----------
    start, stop : float
        ms.
    repeat : int or None
        None: 0.

    Returns
    -------
    list of Trial
    """
    extra = (("window_start", start), ("window_stop", stop))
    return [Trial("0", repeat or 0, 0, "", (Phase(WINDOW, start, stop),), extra)]


def _windows(table: EventTable, rule: TrialRule) -> tuple[NDArray[np.float64], NDArray[np.float64], Precision]:
    """Start and stop of each event's window in ms, and how finely they were stored."""
    names = list(table.columns)
    align = rule.align_to and table.column(rule.align_to, "to align to")
    align = align or table.find(STARTS, "--align-to (`align_to` in [trial])") or _task_start(table)
    if align is None:
        raise RecordingError(
            f"{table.where}: no column is called {', '.join(STARTS[:4])} or the like: name one with --align-to"
            f" (`align_to` in [trial]); there are {', '.join(names)}"
        )
    other_start = "name another with --align-to (`align_to` in [trial])"
    onsets, precision = table.some_times(align, other_start)
    base = np.zeros(1)
    if rule.relative_to is not None:
        place = table.column(rule.relative_to, "that times are relative to")
        base, other = table.some_times(place, "name another with --relative-to (`relative_to` in [trial])")
        precision = coarsest(precision, other)
        onsets = onsets + (0.0 if align == rule.relative_to else base)
    if rule.window_start is not None and rule.window_stop is not None:
        if rule.until is not None:
            raise RecordingError(f"{table.where}: trials last a window, or until {rule.until!r}: give one of the two")
        return onsets + rule.window_start, onsets + rule.window_stop, precision
    if rule.until is not None:
        until = table.column(rule.until, "that trials last to")
        window = (
            f"give --window START STOP (`window` in [trial]) around {align}, or name another with --until (`until`)"
        )
        stops, other = table.some_times(until, window)
        return onsets, stops + base, coarsest(precision, other)
    stop = table.find(STOPS, "--until (`until` in [trial])")
    duration = None if stop is not None else table.find(DURATIONS, "--until (`until` in [trial])")
    if rule.align_to is not None or (stop is None and duration is None):
        raise RecordingError(
            f"{table.where}: how long is a trial? Give --window START STOP (`window` in [trial]) around {align}, in ms,"
            " or the column that it lasts --until (`until`)"
        )
    window = f"give --window START STOP (`window` in [trial]) around {align}"
    column = str(duration) if stop is None else stop
    ends, other = table.some_times(column, f"{window}, or the column that a trial lasts --until (`until`)")
    return onsets, onsets + ends if stop is None else ends, coarsest(precision, other)


def _task_start(table: EventTable) -> str | None:
    """The one column that is called as the start of something in a task: stim_on, target_onset, go_cue."""
    found = [name for name in table.columns if TASK_STARTS.match(split_unit(name)[0]) and not is_name(name)]
    if len(found) > 1:
        raise RecordingError(
            f"{table.where}: are trials aligned to {', '.join(found[:-1])} or {found[-1]}? Name one with --align-to"
            " (`align_to` in [trial])"
        )
    return found[0] if found else None


def _image_ids(table: EventTable, rule: TrialRule) -> list[str]:
    names = [table.column(name, "to name the images by") for name in rule.identity]
    if not names:
        names = ["image_id"] if "image_id" in table.columns else []
    if not names:
        return [str(i) for i in range(table.n_events)]
    columns = [table.names(name) for name in names]
    if len(names) == 1:
        return columns[0]
    return [
        ",".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        for values in zip(*columns, strict=True)
    ]


def _repeats(table: EventTable, repeat: int | None) -> list[int]:
    if repeat is not None:
        return [repeat] * table.n_events
    column = table.columns.get("repeat")
    if column is None:
        return [0] * table.n_events
    if column.dtype.kind not in "iu":
        raise RecordingError(f"{table.where}: column 'repeat' holds other than whole numbers: fix or rename it")
    if column.min() < 0 or column.max() > MOST_REPEATS:
        raise RecordingError(
            f"{table.where}: column 'repeat' runs from {column.min()} to {column.max()}: give 0 to {MOST_REPEATS:,}, or"
            " rename it"
        )
    return [int(value) for value in column]


def _extra(table: EventTable, identity: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The columns under names that a table in HDF5 may have and that /trials has not taken."""
    extra: dict[str, NDArray[Any]] = {}
    for name, column in table.columns.items():
        if name in {"image_id", "repeat"}:
            continue
        safe = column_name(name, {*RESERVED, *extra})
        extra[safe] = typed(table.texts[name], is_id=True) if name in identity and name in table.texts else column
    return extra
