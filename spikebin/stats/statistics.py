"""The statistics of a view: what `spikebin.stats.sums` added up, worked out as rates, variances, factors.

How they are put into tables is in tables.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.calls import typed
from spikebin.errors import DatasetError
from spikebin.stats.formulas import correlations, fano, groups, interval_statistics, ratio, reliability
from spikebin.stats.sums import SAMPLE, add_up, multiples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spikebin.dataset.view import View
    from spikebin.stats.sums import Sums

__all__ = ["Stats", "WidthStats", "stats_of", "work_out"]


@dataclass(frozen=True)
class WidthStats:
    """Statistics at one width of bins. Of a trial's bins, those that do not fill up a bin of this width are left out.

    Attributes
    ----------
    width : float
        ms.
    n_bins : int64 (n_trials,)
        Bins of each trial.
    totals : int64 (n_trials,)
        Spikes of each trial.
    mean, variance : float64 (n_trials,)
        Over the cells (neuron, bin) of each trial; the variance with a divisor of n.
    synchrony : float64 (n_trials,)
        Share of the cells that are not empty.
    neuron_counts : int64 (n_neurons,)
        Spikes of each neuron in all trials.
    bin_counts : int64 (n_bins,)
        Spikes of all neurons in each bin, over all trials.
    recorded : float64 (n_bins,)
        For how long each bin was recorded over all trials, in ms.
    psth : float64 (n_bins,)
        Rate of a neuron in each bin, Hz; see `View.psth`.
    trial_histogram, bin_histogram : int64 (largest + 1,)
        How many pairs of neuron and trial, and how many cells, hold 0, 1, 2, ... spikes.
    image_mean, image_variance, fano : float64 (n_images,)
        Of `totals` over the repeats of each image; see `spikebin.stats.formulas.fano`.
    correlations : float64 (n_sample, n_sample)
        Of pairs of the sample, bin by bin; see `spikebin.stats.formulas.correlations`.
    """

    width: float
    n_bins: NDArray[np.int64]
    totals: NDArray[np.int64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    synchrony: NDArray[np.float64]
    neuron_counts: NDArray[np.int64]
    bin_counts: NDArray[np.int64]
    recorded: NDArray[np.float64]
    psth: NDArray[np.float64]
    trial_histogram: NDArray[np.int64]
    bin_histogram: NDArray[np.int64]
    image_mean: NDArray[np.float64]
    image_variance: NDArray[np.float64]
    fano: NDArray[np.float64]
    correlations: NDArray[np.float64]

    @property
    def density(self) -> NDArray[np.float64]:
        """The mean over time of the mean over neurons, (n_trials,): which is `mean`, by the old pipeline's name."""
        return self.mean


@dataclass(frozen=True)
class Stats:
    """Statistics of a view; ``stats[5]`` are those in bins of 5 ms.

    Attributes
    ----------
    name : str
        Variant and sheet, ``train/X_ON``.
    width : float
        Length of a bin of the view in ms, which everything below but `widths` is in.
    start : float
        When the first bin begins, in ms.
    zero : str
        What `start` is relative to; see `View.time_zero`.
    neurons : structured array (n_neurons,)
        As the view has them.
    trials : structured array (n_trials,)
        part, image_id, repeat, order, n_bins, and ms, for how long it was recorded.
    rates : float64 (n_neurons,)
        Mean rate in Hz; see `View.rates`.
    interval_mean : float64 (n_neurons,)
        Mean interval between spikes in one trial, in ms.
    interval_cv : float64 (n_neurons,)
        Coefficient of variation of these; see `spikebin.stats.formulas.interval_statistics`.
    trial_rates : float64 (n_trials,)
        Mean rate of a neuron in each trial, in Hz.
    images : text (n_images,)
        In the order in which they were first shown.
    n_repeats : int64 (n_images,)
    sample : int64 (n_sample,)
        Rows of the neurons that `reliability` and correlations are of.
    reliability : float64 (n_sample,)
        See `spikebin.stats.formulas.reliability`.
    widths : tuple of WidthStats
        In the order that was asked for.
    """

    name: str
    width: float
    start: float
    zero: str
    neurons: NDArray[Any]
    trials: NDArray[Any]
    rates: NDArray[np.float64]
    interval_mean: NDArray[np.float64]
    interval_cv: NDArray[np.float64]
    trial_rates: NDArray[np.float64]
    images: NDArray[np.str_]
    n_repeats: NDArray[np.int64]
    sample: NDArray[np.int64]
    reliability: NDArray[np.float64]
    widths: tuple[WidthStats, ...]

    @typed
    def __getitem__(self, width: float) -> WidthStats:
        for found in self.widths:
            if abs(found.width - width) <= 1e-6 * found.width:
                return found
        known = ", ".join(f"{found.width:g}" for found in self.widths)
        raise DatasetError(f"no statistics of {self.name} in bins of {width:g} ms: there are those in {known} ms")

    def part_rates(self) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
        """Mean rate of a neuron in each part, in Hz.

        Returns
        -------
        parts : text (n_parts,)
            As they come.
        rates : float64 (n_parts,)
        """
        parts, group = groups(self.trials["part"])
        spikes = self.trial_rates * self.trials["ms"]
        return parts, ratio(np.bincount(group, spikes), np.bincount(group, self.trials["ms"]))

    def to_pandas(self) -> dict[str, Any]:
        """The tables of `spikebin.stats.tables.stats_tables` as pandas data frames, by name.

        Raises
        ------
        SpikebinError
            If pandas is not installed.
        """
        from spikebin.stats.tables import to_frames

        return to_frames(self)


def stats_of(view: View, widths: Sequence[float] | None = None, *, sample: int = SAMPLE) -> Stats:
    """Work out the statistics of a view; see `View.stats`."""
    steps = multiples(view.width, widths)
    return work_out(add_up(view, steps, sample=sample)["all"], view.neurons, steps)


def work_out(sums: Sums, neurons: NDArray[Any], steps: Sequence[int]) -> Stats:
    """The statistics that some sums add up to.

    Parameters
    ----------
    sums : Sums
    neurons : structured array (n_neurons,)
        The neurons that they are of.
    steps : sequence of int
        Widths to give, in bins; each one of ``sums.steps``.

    Returns
    -------
    Stats

    Raises
    ------
    DatasetError
        If a width is longer than all trials.
    """
    longest = int(sums.trials["n_bins"].max(initial=0))
    for step in steps:
        if step > longest:
            raise DatasetError(
                f"bins of {step * sums.width:g} ms are longer than the trials of {sums.name},"
                f" {longest * sums.width:g} ms: give shorter ones"
            )
    images, group = groups(sums.trials["image_id"])
    mean, cv = interval_statistics(sums.intervals)
    ms, n_neurons = sums.trials["ms"], len(sums.neuron_ids)
    return Stats(
        name=sums.name,
        width=sums.width,
        start=sums.start,
        zero=sums.zero,
        neurons=neurons,
        trials=sums.trials,
        rates=ratio(sums.neuron_counts[0] * 1000, ms.sum()),
        interval_mean=mean * sums.width,
        interval_cv=cv,
        trial_rates=ratio(sums.totals[0] * 1000, ms * n_neurons),
        images=images,
        n_repeats=np.bincount(group, minlength=len(images)),
        sample=sums.sample,
        reliability=reliability(sums.sample_counts, group, len(images)),
        widths=tuple(_at_width(sums, sums.steps.tolist().index(step), group, len(images)) for step in steps),
    )


def _at_width(sums: Sums, w: int, group: NDArray[np.int64], n_images: int) -> WidthStats:
    n_bins = sums.n_bins(w)
    n_neurons, n_columns = len(sums.neuron_ids), int(n_bins.max(initial=0))
    totals, recorded, bin_counts = sums.totals[w], sums.recorded[w, :n_columns], sums.bin_counts[w, :n_columns]
    mean = ratio(totals, n_bins * n_neurons)
    _, image_mean, image_variance, factor = fano(totals, group, n_images)
    counts = sums.neuron_counts[w]
    return WidthStats(
        width=float(sums.steps[w] * sums.width),
        n_bins=n_bins,
        totals=totals,
        mean=mean,
        variance=ratio(sums.squares[w], n_bins * n_neurons) - mean**2,
        synchrony=ratio(sums.filled[w], n_bins * n_neurons),
        neuron_counts=counts,
        bin_counts=bin_counts,
        recorded=recorded,
        psth=ratio(bin_counts * 1000, recorded * n_neurons),
        trial_histogram=_trimmed(sums.trial_histogram[w]),
        bin_histogram=_trimmed(sums.bin_histogram[w]),
        image_mean=image_mean,
        image_variance=image_variance,
        fano=factor,
        correlations=correlations(counts[sums.sample], sums.products[w], int(n_bins.sum())),
    )


def _trimmed(histogram: NDArray[np.int64]) -> NDArray[np.int64]:
    """Up to the largest class that something is in."""
    return histogram[: int(np.flatnonzero(histogram).max(initial=0)) + 1]
