"""Writes one sheet: trials of a recording, binned one after the other, into a matrix file.

The one way from a recording to a file: jobs, `spikebin bin`, views that are written down and `warm` all take it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spikebin.binning.trial import bin_trial
from spikebin.errors import RecordingError
from spikebin.matrixfile.writer import MatrixWriter
from spikebin.system.threads import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from spikebin.binning.rules import Binning
    from spikebin.binning.trial import Trial, TrialEvents
    from spikebin.choices import Codec, Layout
    from spikebin.matrixfile.seal import Identity, Seal
    from spikebin.recordings.protocol import SheetRecording, SourceFile

__all__ = ["Settings", "binned_trials", "write_sheet"]


@dataclass(frozen=True)
class Settings:
    """How a sheet is binned and stored.

    Parameters
    ----------
    binning : Binning
    layout, codec : str
    threads : int
        How many trials are read, binned and compressed at once.
    trial : mapping
        The settings that made the trials, for the seal: `TrialRule.settings`.
    reading : mapping
        The settings by which the recording was read, for the seal: `Reading.settings`, and the format
        where it was named.
    views : tuple of str
        The chain of views that the trials come from, for the seal; empty for those of a recording.
    """

    binning: Binning
    layout: Layout = "matrix"
    codec: Codec = "blosc2"
    threads: int = 1
    trial: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    views: tuple[str, ...] = ()


def write_sheet(
    recording: SheetRecording,
    identity: Identity,
    settings: Settings,
    target: Path,
    *,
    limit: int | None = None,
    on_trial: Callable[[TrialEvents], object] | None = None,
    count_rows: bool = False,
    check: Callable[[Path], object] | None = None,
) -> Seal:
    """Bin the trials of one sheet of a recording and write them as one matrix file.

    Parameters
    ----------
    recording : SheetRecording
    identity : Identity
    settings : Settings
    target : Path
        Of the matrix file; replaced if it is there.
    limit : int, optional
        Only so many trials; their number is sealed, and such a file never counts as complete.
    on_trial : callable, optional
        Given each trial once it is binned, in order, in this thread.
    count_rows : bool
        See `binned_trials`.
    check : callable, optional
        See `spikebin.system.files.write_atomically`.

    Returns
    -------
    Seal

    Raises
    ------
    RecordingError
        If what is on disk is not complete or contradicts itself.
    BinningError
        If bins of this width cannot be told apart.
    MatrixFileError
        If there is nothing to write, or the seal cannot hold what it is to say.
    SpikebinError
        If the file cannot be written.
    """
    trials = recording.trials[:limit]
    with MatrixWriter(identity, recording.neurons, trials, settings) as writer:
        for events, encoded in binned_trials(
            recording, trials, settings, writer.n_columns, writer.encode, count_rows=count_rows
        ):
            writer.append(events, encoded)
            if on_trial is not None:
                on_trial(events)
        # With a limit, spikes of trials that are left out would count, too, and every segment would have to be read.
        n_unassigned = None if limit is not None else _unassigned(recording)
        return writer.write(
            target,
            recording.name,
            _files(recording),
            limit=limit,
            n_unassigned=n_unassigned,
            parameters=recording.parameters,
            check=check,
        )


def binned_trials(
    recording: SheetRecording,
    trials: Sequence[Trial],
    settings: Settings,
    n_columns: int,
    encode: Callable[[TrialEvents], Any],
    *,
    count_rows: bool = False,
) -> Iterator[tuple[TrialEvents, Any]]:
    """Trials of a sheet, binned, and what `encode` makes of each; by `settings.threads` threads, in order.

    Parameters
    ----------
    recording : SheetRecording
    trials : sequence of Trial
        The first of the recording's.
    settings : Settings
    n_columns : int
        Length of the time axis.
    encode : callable
        Called on any thread.
    count_rows : bool
        Count the spikes of each neuron, `TrialEvents.per_row`.

    Yields
    ------
    events : TrialEvents
    encoded : object

    Raises
    ------
    RecordingError
        If what is on disk is not complete or contradicts itself.
    BinningError
        If bins of this width cannot be told apart.
    """
    n_rows = len(recording.neurons) if count_rows else None

    def work(i: int) -> tuple[TrialEvents, Any]:
        spikes = recording.spikes(i)
        events = bin_trial(trials[i], spikes, settings.binning, n_columns, recording.where, n_rows)
        return events, encode(events)

    yield from in_order(work, len(trials), settings.threads)


def _unassigned(recording: SheetRecording) -> int | None:
    """Spikes that no trial took; known once all trials are read."""
    n_recorded, n_in_trials = recording.n_recorded, recording.n_in_trials
    return None if n_recorded is None or n_in_trials is None else n_recorded - n_in_trials


def _files(recording: SheetRecording) -> Sequence[SourceFile]:
    """What was read; one of them may be gone since."""
    try:
        return recording.files
    except OSError as error:
        raise RecordingError(
            f"{error.filename} cannot be looked at ({error.strerror}): copy it again, if it is missing, then start the"
            " job again"
        ) from None
