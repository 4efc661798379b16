"""The formulas of statistics: ratios of sums, whatever the sums are of.

Where a formula divides by nothing, its value is nan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "FEWEST_VALUES",
    "OUTLIER",
    "correlations",
    "fano",
    "groups",
    "interval_statistics",
    "outliers",
    "ratio",
    "reliability",
    "robust_z",
    "round_steps",
]

FEWEST_INTERVALS = 10
SHORTEST_INTERVAL = 5.0
"""Of the mean, in bins. Times that are known to w only add about w**2 / 6 to the variance of an interval: at a mean
of 5 w and a CV of 1 that is 0.7 % of it."""
OUTLIER = 3.5
FEWEST_VALUES = 5
"""Of fewer, nobody can say which one is odd."""


def round_steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, ..."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def ratio(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """``a / b``, nan where b is 0."""
    divisor = np.asarray(b, np.float64)
    return np.asarray(a, np.float64) / np.where(divisor == 0, np.nan, divisor)


def groups(labels: NDArray[np.str_]) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """The labels that there are, in the order in which they first come, and which of them each item has."""
    known, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return known[order], rank[inverse]


def fano(
    totals: NDArray[np.int64], group: NDArray[np.int64], n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fano factor of what the repeats of each image hold.

    Parameters
    ----------
    totals : int64 (n_trials,)
        Spikes of all neurons in all bins of a trial.
    group : int64 (n_trials,)
        Which image each trial shows.
    n_groups : int

    Returns
    -------
    n_repeats : int64 (n_groups,)
    mean, variance : float64 (n_groups,)
        Over the repeats, the variance with a divisor of n.
    fano : float64 (n_groups,)
        ``variance / (mean + 1e-6)``, as the old pipeline has it; nan where an image was shown once.
    """
    n = np.bincount(group, minlength=n_groups)
    mean = ratio(np.bincount(group, totals, n_groups), n)
    variance = ratio(np.bincount(group, (totals - mean[group]) ** 2, n_groups), n)
    return n, mean, variance, np.where(n > 1, variance / (mean + 1e-6), np.nan)


def interval_statistics(intervals: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and coefficient of variation of the intervals between spikes, in bins.

    Parameters
    ----------
    intervals : int64 (3, n_neurons)
        How many, their sum, the sum of their squares.

    Returns
    -------
    mean : float64 (n_neurons,)
        Bins.
    cv : float64 (n_neurons,)
        Standard deviation over mean, with a divisor of n; nan for fewer than 10 intervals, and where their mean is
        below 5 bins, so that the bins would be seen and not the spikes.
    """
    n, total, squares = intervals
    mean = ratio(total, n)
    variance = np.maximum(ratio(squares, n) - mean**2, 0)
    allowed = (n >= FEWEST_INTERVALS) & (mean >= SHORTEST_INTERVAL)
    return mean, np.where(allowed, ratio(np.sqrt(variance), mean), np.nan)


def correlations(counts: NDArray[np.int64], products: NDArray[np.int64], n_bins: int) -> NDArray[np.float64]:
    """Pearson's correlation of what pairs of neurons hold, bin by bin.

    Parameters
    ----------
    counts : int64 (n,)
        Sum of each neuron over all bins.
    products : int64 (n, n)
        Sum over all bins of the product of two neurons; the upper triangle.
    n_bins : int
        How many bins these are.

    Returns
    -------
    float64 (n, n)
        Symmetric; nan for a neuron that holds the same in every bin.
    """
    upper = np.triu(products)
    both = upper + np.triu(upper, 1).T
    covariance = both * float(n_bins) - np.outer(counts.astype(np.float64), counts)
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0))
    found: NDArray[np.float64] = ratio(covariance, np.outer(deviation, deviation))
    return found


def reliability(counts: NDArray[np.int64], group: NDArray[np.int64], n_groups: int) -> NDArray[np.float64]:
    """How much of the variance of a neuron's counts over trials is that of the images: ICC(1).

    Parameters
    ----------
    counts : int64 (n_trials, n_neurons)
    group : int64 (n_trials,)
        Which image each trial shows.
    n_groups : int

    Returns
    -------
    float64 (n_neurons,)
        1: repeats of an image are all alike; 0 and below: no more alike than different images. nan for a neuron that
        never changes, where no image was shown twice, or only one image was shown.

    Notes
    -----
    The intraclass correlation of a one-way analysis of variance with random effects, ICC(1,1) of Shrout and Fleiss
    (1979), with Donner's (1986) mean size of a group where images were shown unequally often.
    """
    n = np.bincount(group, minlength=n_groups).astype(np.float64)
    n_trials = float(n.sum())
    if n_groups < 2 or n_trials <= n_groups:
        return np.full(counts.shape[1], np.nan)
    sums = np.zeros((n_groups, counts.shape[1]))
    np.add.at(sums, group, counts)
    means = sums / n[:, np.newaxis]
    grand = counts.mean(axis=0)
    between = (n[:, np.newaxis] * (means - grand) ** 2).sum(axis=0) / (n_groups - 1)
    within = ((counts - means[group]) ** 2).sum(axis=0) / (n_trials - n_groups)
    size = (n_trials - (n**2).sum() / n_trials) / (n_groups - 1)
    return ratio(between - within, between + (size - 1) * within)


def outliers(z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values are outliers by their `robust_z`: above 3.5 in size, among 5 values at least."""
    found: NDArray[np.bool_] = np.abs(z) > OUTLIER
    return found if np.isfinite(z).sum() >= FEWEST_VALUES else np.zeros(len(z), bool)


def robust_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each value lies from the median, in robust standard deviations.

    Parameters
    ----------
    values : float64 (n,)
        nan where there is none.

    Returns
    -------
    float64 (n,)
        nan where all values are the same, or the value is nan.

    Notes
    -----
    The modified z-score of Iglewicz and Hoaglin (1993): ``(x - median) / (1.4826 MAD)``, and where more than half of
    the values are the same, so that the MAD is 0, ``(x - median) / (1.2533 mean |x - median|)``.
    """
    if not np.isfinite(values).any():
        return np.full(len(values), np.nan)
    distance = values - np.nanmedian(values)
    scale = 1.4826 * np.nanmedian(np.abs(distance)) or 1.2533 * np.nanmean(np.abs(distance))
    return ratio(distance, scale)
