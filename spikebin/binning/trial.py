"""One trial: what it is, its spikes, and the sorted flat indices that every layout, digest and view comes from.

Calls the kernels; knows neither where the spikes came from nor how a file holds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.rules import DOUBLE, Precision, coarsest
from spikebin.binning.tally import Tally
from spikebin.errors import RecordingError
from spikebin.kernels import binning as kernels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spikebin.binning.rules import Binning

__all__ = ["Phase", "PhaseSpikes", "Trial", "TrialEvents", "bin_trial", "fill_trial", "phase_bins"]

FULL_COUNT = 255


@dataclass(frozen=True)
class Phase:
    """One stretch of a trial, from `start` to `stop` in ms of its own clock.

    Parameters
    ----------
    name : str
    start, stop : float
        ms; ``stop >= start``.
    precision : Precision
        How finely both were stored.
    shown : bool
        False: the trial lacks it. It has no bins then, not even one for its end.
    """

    name: str
    start: float
    stop: float
    precision: Precision = DOUBLE
    shown: bool = True


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
    precision : Precision
        How finely the times were stored.
    """

    times: NDArray[np.float64]
    rows: NDArray[np.int64]
    precision: Precision = DOUBLE


@dataclass(frozen=True)
class TrialEvents:
    """What a row of the matrix holds, and what it could not hold.

    Parameters
    ----------
    flat : int64 (n_events,)
        ``row * n_columns + bin`` of every cell that is not empty, ascending.
    counts : uint8 (n_events,) or None
        Spikes in each of them; None for booleans.
    tally : Tally
        Where the spikes of the trial went.
    per_row : int64 (n_rows,) or None
        Spikes inside of each row, those lost to a bin that was full included; None: not counted.
    """

    flat: NDArray[np.int64]
    counts: NDArray[np.uint8] | None
    tally: Tally = field(default_factory=Tally)
    per_row: NDArray[np.int64] | None = None

    @property
    def values(self) -> NDArray[np.uint8]:
        """What each of the cells holds, uint8 (n_events,)."""
        return np.ones(self.flat.size, np.uint8) if self.counts is None else self.counts


def phase_bins(phases: Sequence[Phase], binning: Binning) -> list[int]:
    """Number of bins of each phase of a trial, each cut on its own from its own onset.

    Parameters
    ----------
    phases : sequence of Phase
    binning : Binning

    Returns
    -------
    list of int

    Raises
    ------
    BinningError
        As `Binning.n_bins`.
    """
    return [binning.n_bins(phase.start, phase.stop, phase.precision) if phase.shown else 0 for phase in phases]


def bin_trial(
    trial: Trial,
    spikes: Sequence[PhaseSpikes],
    binning: Binning,
    n_columns: int,
    where: str,
    n_rows: int | None = None,
) -> TrialEvents:
    """Bin the spikes of one trial.

    Parameters
    ----------
    trial : Trial
    spikes : sequence of PhaseSpikes
        One for each phase of the trial.
    binning : Binning
    n_columns : int
        Length of the matrix's time axis, at least the bins of the trial.
    where : str
        Sheet and recording, for messages.
    n_rows : int, optional
        Of the matrix: count the spikes of each.

    Returns
    -------
    TrialEvents

    Raises
    ------
    RecordingError
        If a time is NaN or infinite.
    BinningError
        As `Binning.check`.
    """
    flat, n_spikes = _cells(trial, spikes, binning, n_columns, where)
    n_inside = flat.size
    per_row = None if n_rows is None else np.diff(np.searchsorted(flat, np.arange(n_rows + 1) * n_columns))
    counts = np.empty(n_inside, np.uint8)
    counting = binning.values == "count"
    n_events, n_collisions = kernels.merge(flat, FULL_COUNT if counting else 1, counts)
    return TrialEvents(
        flat=flat[:n_events],
        counts=counts[:n_events] if counting else None,
        tally=Tally(n_spikes, n_inside - n_collisions, n_collisions, n_spikes - n_inside),
        per_row=per_row,
    )


def fill_trial(
    trial: Trial, spikes: Sequence[PhaseSpikes], binning: Binning, matrix: NDArray[Any], where: str
) -> Tally:
    """Bin the spikes of one trial into a dense matrix.

    Parameters
    ----------
    trial, spikes, binning, where
        As for `bin_trial`; what a bin holds is said by the matrix.
    matrix : ndarray (n_rows, n_columns)
        Filled with zeros; bool marks a bin, an integer dtype counts, up to its largest value.

    Returns
    -------
    Tally

    Raises
    ------
    RecordingError
        As `bin_trial`.
    BinningError
        As `Binning.check`.
    """
    flat, n_spikes = _cells(trial, spikes, binning, matrix.shape[1], where)
    cells, counts = np.unique(flat, return_counts=True)
    held = counts.clip(max=1 if matrix.dtype == bool else min(np.iinfo(matrix.dtype).max, flat.size + 1))
    matrix.reshape(-1)[cells] = held
    n_binned = int(held.sum())
    return Tally(n_spikes, n_binned, flat.size - n_binned, n_spikes - flat.size)


def _cells(
    trial: Trial, spikes: Sequence[PhaseSpikes], binning: Binning, n_columns: int, where: str
) -> tuple[NDArray[np.int64], int]:
    """The cell of each spike inside a trial, ascending; and how many spikes there are, those outside included."""
    flat = np.empty(sum(phase.times.size for phase in spikes), np.int64)
    n_inside = first_bin = 0
    for phase, n_bins, found in zip(trial.phases, phase_bins(trial.phases, binning), spikes, strict=True):
        precision = coarsest(phase.precision, found.precision)
        binning.check(phase.start, phase.stop, precision)
        inside, bad = kernels.flatten(
            found.times,
            found.rows,
            phase.start,
            phase.stop,
            binning.width,
            binning.closed == "right",
            binning.end_bin,
            n_bins,
            precision.edge(binning.width),
            first_bin,
            n_columns,
            flat[n_inside:],
        )
        if bad >= 0:
            raise RecordingError(
                f"a spike time of image {trial.image_id} (repeat {trial.repeat}, {phase.name} phase, neuron row"
                f" {found.rows[bad]}) of {where} is {found.times[bad]}: the recording is damaged, copy it again"
                " or exclude the part"
            )
        n_inside += inside
        first_bin += n_bins
    n_spikes = flat.size
    flat = flat[:n_inside]
    flat.sort()
    return flat, n_spikes
