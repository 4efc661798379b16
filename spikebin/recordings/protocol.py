"""What every raw format hands over: neurons, trials and, trial by trial, flat arrays of spikes.

Without numpy at run time; each format's module knows what it looks like on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from spikebin.binning.trial import PhaseSpikes, Trial
    from spikebin.recordings.mozaik.sheet import Datastore
    from spikebin.recordings.settings import Reading, TrialRule

__all__ = ["NEURON_FIELDS", "Recording", "SheetRecording", "SourceFile"]

# By ascending id; nan where a place is unknown.
NEURON_FIELDS = [("neuron_id", "<i8"), ("x", "<f8"), ("y", "<f8"), ("z", "<f8")]


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

    @property
    def n_recorded(self) -> int | None:
        """Spikes of its neurons in the complete recording; None: not known."""
        ...

    @property
    def n_in_trials(self) -> int | None:
        """How many of them lie in at least one trial, each counted once; None: not known."""
        ...

    @property
    def covered(self) -> float | None:
        """Of how many ms spikes are known, where its trials are longer than that; None: of all of their time."""
        ...

    @property
    def n_unobserved(self) -> int:
        """Pairs of trial and neuron where the recording says that the neuron was not observed all the time."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What people should know of how it was read, a line each: units that were left out."""
        ...

    @property
    def parameters(self) -> Mapping[str, str]:
        """What the recording has written down of how it was made, by name: parameters of the model, as text."""
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
            If what is on disk is not complete or contradicts itself.
        """
        ...


class Recording(Protocol):
    """One raw data set on disk."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def paths(self) -> Sequence[Path]:
        """The files, or the directory, that it is made of; none for one in memory. It is the same by any of them."""
        ...

    # How it is read: the settings that it was opened with, and the format that it was opened as.
    reading: Reading

    @property
    def taken(self) -> str:
        """What it was taken for, for people: the format, and which arrays or columns are times and neurons."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What people should know of it, a line each: files that were passed over."""
        ...

    @property
    def sheets(self) -> Sequence[str]:
        """Raw names of the sheets that have presentations."""
        ...

    @property
    def datastore(self) -> Datastore | None:
        """All that was presented in it, blanks included; None of a format that knows of trials alone."""
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
            or what is on disk is not complete or contradicts itself.
        """
        ...
