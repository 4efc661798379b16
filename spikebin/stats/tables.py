"""Statistics as tidy tables: one row for each trial, neuron, bin, count, image, part or pair, at each width.

How tables are written to files is in files.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import SpikebinError
from spikebin.stats.formulas import groups, outliers, robust_z

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from spikebin.stats.statistics import Stats, WidthStats

    Table = dict[str, NDArray[Any]]

__all__ = ["stats_tables", "summary", "to_frames"]


def stats_tables(stats: Stats, facts: Mapping[str, str] | None = None) -> dict[str, Table]:
    """Statistics as tables.

    Parameters
    ----------
    stats : Stats
    facts : mapping of str to str, optional
        Columns that are the same in every row, to come first. Default: variant and sheet.

    Returns
    -------
    dict of str to dict of str to ndarray
        Name of a table -> its columns, all of one length:

        - trials: width_ms, part, image_id, repeat, order, n_bins, total, mean, variance, density, synchrony
        - neurons: neuron_id and what else is known of it, rate_hz, interval_mean_ms, interval_cv, reliability (of the
          sample, else nan)
        - neuron_counts: width_ms, neuron_id, count
        - bins: width_ms, bin, start_ms, zero (what it is relative to), count, recorded_ms, rate_hz
        - histograms: width_ms, of (neuron and trial; or neuron, trial and bin), count, n; rows of n = 0 left out
        - images: width_ms, image_id, n_repeats, mean, variance, fano
        - correlations: width_ms, neuron_a, neuron_b, correlation, of the sample
        - parts: part, n_trials, recorded_ms, rate_hz, robust_z, outlier
    """
    if facts is None:
        facts = dict(zip(("variant", "sheet"), stats.name.split("/", 1), strict=True))
    by_width = [_at_width(stats, found) for found in stats.widths]
    tables = {
        name: {column: np.concatenate([one[name][column] for one in by_width]) for column in by_width[0][name]}
        for name in by_width[0]
    }
    tables |= {"neurons": _neurons(stats), "parts": _parts(stats)}
    return {name: _led_by(facts, table) for name, table in tables.items()}


def summary(stats: Stats) -> list[dict[str, Any]]:
    """A few numbers of each width, for people to look at first.

    Parameters
    ----------
    stats : Stats

    Returns
    -------
    list of dict
        width_ms, n_trials, n_neurons, rate_hz (mean over neurons), silent (neurons without a spike), interval_cv and
        reliability (medians over neurons), synchrony (mean over trials), fano (mean over images), correlation (mean
        over pairs of the sample). None where there is none.
    """
    pairs = np.triu_indices(len(stats.sample), 1)
    return [
        {
            "width_ms": found.width,
            "n_trials": len(stats.trials),
            "n_neurons": len(stats.neurons),
            "rate_hz": _over(np.mean, stats.rates),
            "silent": int((stats.rates == 0).sum()),
            "interval_cv": _over(np.median, stats.interval_cv),
            "reliability": _over(np.median, stats.reliability),
            "synchrony": _over(np.mean, found.synchrony),
            "fano": _over(np.mean, found.fano),
            "correlation": _over(np.mean, found.correlations[pairs]),
        }
        for found in stats.widths
    ]


def to_frames(stats: Stats) -> dict[str, Any]:
    """As `stats_tables`, each a pandas.DataFrame; needs pandas.

    Raises
    ------
    SpikebinError
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise SpikebinError("pandas is not installed: pip install 'spikebin[pandas]'") from None
    return {name: pd.DataFrame(table) for name, table in stats_tables(stats).items()}


def _at_width(stats: Stats, found: WidthStats) -> dict[str, Table]:
    trials = {name: stats.trials[name] for name in ("part", "image_id", "repeat", "order")}
    a, b = np.triu_indices(len(stats.sample), 1)
    sampled = stats.neurons["neuron_id"][stats.sample]
    histograms = [("neuron and trial", found.trial_histogram), ("neuron, trial and bin", found.bin_histogram)]
    counts = [np.flatnonzero(histogram) for _, histogram in histograms]
    tables: dict[str, Table] = {
        "trials": {
            **trials,
            "n_bins": found.n_bins,
            "total": found.totals,
            "mean": found.mean,
            "variance": found.variance,
            "density": found.density,
            "synchrony": found.synchrony,
        },
        "neuron_counts": {"neuron_id": stats.neurons["neuron_id"], "count": found.neuron_counts},
        "bins": {
            "bin": np.arange(found.bin_counts.size),
            "start_ms": stats.start + np.arange(found.bin_counts.size) * found.width,
            "zero": np.full(found.bin_counts.size, stats.zero),
            "count": found.bin_counts,
            "recorded_ms": found.recorded,
            "rate_hz": found.psth,
        },
        "histograms": {
            "of": np.repeat([name for name, _ in histograms], list(map(len, counts))),
            "count": np.concatenate(counts),
            "n": np.concatenate([histogram[count] for (_, histogram), count in zip(histograms, counts, strict=True)]),
        },
        "images": {
            "image_id": stats.images,
            "n_repeats": stats.n_repeats,
            "mean": found.image_mean,
            "variance": found.image_variance,
            "fano": found.fano,
        },
        "correlations": {"neuron_a": sampled[a], "neuron_b": sampled[b], "correlation": found.correlations[a, b]},
    }
    return {name: _led_by({"width_ms": found.width}, table) for name, table in tables.items()}


def _over(what: Callable[[NDArray[np.float64]], Any], values: NDArray[np.float64]) -> float | None:
    """A number over those that are there."""
    there = values[np.isfinite(values)]
    return float(what(there)) if there.size else None


def _neurons(stats: Stats) -> Table:
    reliability = np.full(len(stats.neurons), np.nan)
    reliability[stats.sample] = stats.reliability
    return {
        **{name: stats.neurons[name] for name in stats.neurons.dtype.names or ()},
        "rate_hz": stats.rates,
        "interval_mean_ms": stats.interval_mean,
        "interval_cv": stats.interval_cv,
        "reliability": reliability,
    }


def _parts(stats: Stats) -> Table:
    parts, group = groups(stats.trials["part"])
    _, rates = stats.part_rates()
    z = robust_z(rates)
    return {
        "part": parts,
        "n_trials": np.bincount(group, minlength=len(parts)),
        "recorded_ms": np.bincount(group, stats.trials["ms"], len(parts)),
        "rate_hz": rates,
        "robust_z": z,
        "outlier": outliers(z),
    }


def _led_by(facts: Mapping[str, Any], table: Table) -> Table:
    """With columns that are the same in every row before it."""
    n = len(next(iter(table.values())))
    return {**{name: np.full(n, value) for name, value in facts.items()}, **table}
