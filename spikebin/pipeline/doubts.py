"""Doubts about trials that were cut and binned as asked, but as if something else was meant; nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spikebin.binning.rules import Binning
    from spikebin.binning.tally import Tally
    from spikebin.recordings.protocol import SheetRecording

__all__ = ["doubts"]

# Shares below and above which something is likely to be a mistake.
LEAST_SPAN = 0.01
MOST_COLLISIONS = 0.02


def doubts(sheet: SheetRecording, tally: Tally, binning: Binning, n_empty: int) -> Iterator[str]:
    """What looks like a mistake: events in another unit than the spikes, or elsewhere; bins too long to be marked.

    Parameters
    ----------
    sheet : SheetRecording
    tally : Tally
        Of all its trials.
    binning : Binning
    n_empty : int
        Trials without a spike.

    Yields
    ------
    str
        A line for each doubt, with what to do about it.
    """
    n_trials, share = len(sheet.trials), _share_of_time(sheet)
    if share is not None and share < LEAST_SPAN:
        yield (
            f"all events lie within about {100 * share:.2g} % of the recording: are they in the unit of the spikes?"
            " --trials-unit says which"
        )
    if n_empty:
        which = "no trial holds a spike" if n_empty == n_trials else f"{n_empty:,} of {n_trials:,} trials hold no spike"
        yield f"{which}: are the events in the unit of the spikes, and in what was recorded?"
    if binning.values == "bool" and tally.n_collisions > MOST_COLLISIONS * max(1, tally.n_spikes):
        percent = 100 * tally.n_collisions / tally.n_spikes
        yield (
            f"{percent:.1f} % of the spikes in trials share a bin of their neuron with another, and are not in the"
            " matrix: --values count keeps them, or a shorter --width"
        )


def _share_of_time(sheet: SheetRecording) -> float | None:
    """About how much of the recording lies between the first and the last event; None where that is not known.

    How long it lasted is worked out from how many of its spikes lie in how much time of trials.
    """
    windows = [dict(trial.extra) for trial in sheet.trials]
    spans = [(float(w["window_start"]), float(w["window_stop"])) for w in windows if "window_start" in w]
    if len(spans) < 2 or not sheet.n_recorded or not sheet.n_in_trials:
        return None
    span = max(stop for _, stop in spans) - min(start for start, _ in spans)
    in_trials = min(span, sum(stop - start for start, stop in spans))
    return sheet.n_in_trials / sheet.n_recorded * span / in_trials
