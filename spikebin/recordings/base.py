"""What every raw format hands over: neurons, trials and, trial by trial, flat arrays of spikes.

The doors of the room, without numpy at run time; what a format looks like on disk is known to its own module.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, Protocol

from spikebin.neurons import NEURON_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "NEURON_FIELDS",
    "Phase",
    "PhaseSpikes",
    "Reading",
    "Recording",
    "SheetRecording",
    "SourceFile",
    "Trial",
    "TrialRule",
]


@dataclass(frozen=True)
class TrialRule:
    """Which presentations are trials: the ``[trial]`` table of spikebin.toml.

    Parameters
    ----------
    stimulus : str or None
        Kind of stimulus; None: the only kind that is there, blanks apart.
    image_id : str or None
        Parameter of the stimulus that names its image; None: image_path, else movie_name.
    blank : {"before", "none"} or None
        None: "before" where every trial has one, "none" where none has.
    events : str or None
        Where the trials of a continuous recording come from: a CSV or TSV file, the name of a table inside the
        recording, or "none" for one trial of the whole recording. None: the recording's own trials, where it has some.
    events_unit : str or None
        Unit of that file's times; None: told by the names of its columns, else the unit of the spike times.
    align_to : str or None
        Column of the events that a window is relative to; None: the start of each trial.
    until : str or None
        Column of the events that a trial lasts to, where no window is given; None: told by its name.
    window_start, window_stop : float or None
        ms relative to it; None: from the start to the stop of each trial.
    drop_missing : bool
        Leave out trials whose event is empty or NaN, instead of refusing the table.

    Notes
    -----
    `stimulus` and `blank` are for recordings that are made of presentations, all from `events` on for continuous ones,
    whose `image_id` is a column of the events.
    """

    stimulus: str | None = None
    image_id: str | None = None
    blank: Literal["before", "none"] | None = None
    events: str | None = None
    events_unit: str | None = None
    align_to: str | None = None
    until: str | None = None
    window_start: float | None = None
    window_stop: float | None = None
    drop_missing: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """What differs from the defaults, as plans and seals record it: a setting added later changes neither."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


@dataclass(frozen=True)
class Reading:
    """What a continuous recording does not tell of itself: keys of ``[[recordings]]``.

    Parameters
    ----------
    unit : str or None
        Of the spike times: s, ms, us or samples.
    rate : float or None
        Samples per second.
    times, neurons : str or None
        Names of the columns or arrays of spike times and neuron ids.
    ids : str or None
        The neurons to take, silent ones included: ``1-1000,2001``. None: all that are listed, else all that fire.
    labels : tuple of str or None
        Labels of sorted units to take; None: all but noise.
    nodes : str or None
        File of node positions.
    io : str or None
        Name of the neo IO.
    """

    unit: str | None = None
    rate: float | None = None
    times: str | None = None
    neurons: str | None = None
    ids: str | None = None
    labels: tuple[str, ...] | None = None
    nodes: str | None = None
    io: str | None = None


@dataclass(frozen=True)
class Phase:
    """One stretch of a trial, from `start` to `stop` in ms of its own clock.

    Parameters
    ----------
    name : str
    start, stop : float
        ms; ``stop >= start``.
    """

    name: str
    start: float
    stop: float


@dataclass(frozen=True)
class Trial:
    """One row of the matrix.

    Parameters
    ----------
    image_id, stimulus : str
        As the recording writes them; the latter "" where it has none.
    repeat : int
        From 0.
    order : int
        Counts the presentations of the sheet in time, from 0.
    phases : tuple of Phase
        In order of time, at least one; of the same names in every trial of a sheet.
    extra : tuple of (str, value)
        Further columns of ``/trials``: name, and text, bool, int or float; the same names in every trial of a sheet.
    """

    image_id: str
    repeat: int
    order: int
    stimulus: str
    phases: tuple[Phase, ...]
    extra: tuple[tuple[str, str | bool | int | float], ...] = ()


@dataclass(frozen=True)
class PhaseSpikes:
    """Spikes of one phase, in any order.

    Parameters
    ----------
    times : float64 (n,)
        ms of its clock.
    rows : int64 (n,)
        Of `SheetRecording.neurons`.
    """

    times: NDArray[np.float64]
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class SourceFile:
    """A file that was read.

    Parameters
    ----------
    name : str
        Inside the recording.
    size : int
        Bytes.
    mtime : float
        Seconds since 1970.
    """

    name: str
    size: int
    mtime: float


class SheetRecording(Protocol):
    """One sheet of a recording, cut into trials."""

    @property
    def name(self) -> str:
        """Name of the recording, without the directories above it."""
        ...

    @property
    def where(self) -> str:
        """The sheet and its recording, for messages."""
        ...

    @property
    def neurons(self) -> NDArray[Any]:
        """Structured array (n_neurons,) of NEURON_FIELDS, by ascending neuron_id; nan where a place is unknown."""
        ...

    @property
    def trials(self) -> Sequence[Trial]:
        """By repeat, then by order of presentation."""
        ...

    @property
    def files(self) -> Sequence[SourceFile]:
        """Every file that the trials are read from.

        Raises
        ------
        OSError
            If one of them is gone.
        """
        ...

    def spikes(self, trial: int) -> tuple[PhaseSpikes, ...]:
        """Spikes of each phase of ``trials[trial]``; several threads may ask at once.

        Parameters
        ----------
        trial : int
            From 0.

        Returns
        -------
        tuple of PhaseSpikes
            One for each of its phases; spikes outside of a phase may be among them, and are counted as such.

        Raises
        ------
        RecordingError
            If what is on disk is not whole or contradicts itself.
        """
        ...


class Recording(Protocol):
    """One raw data set on disk."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def sheets(self) -> Sequence[str]:
        """Raw names of the sheets that have presentations."""
        ...

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> SheetRecording:
        """Open one sheet, given by its raw name.

        Parameters
        ----------
        name : str
        rule : TrialRule
        repeat : int, optional
            The repeat of all its trials, where the path tells it and the stimulus does not.

        Returns
        -------
        SheetRecording

        Raises
        ------
        RecordingError
            If there is no such sheet, the rule asks for what this kind of recording does not have, there are no trials,
            or what is on disk is not whole or contradicts itself.
        """
        ...
