"""Statistics of a part at five widths of bins: from the events of its file, against a dense array for each trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.dataset import write_each
from benchmarks.inputs import N_BINS, write_matrix
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Picture, Report
from spikebin import open_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.inputs import Bench, Truth
    from spikebin.stats.statistics import Stats

    Numbers = dict[str, NDArray[np.int64] | NDArray[np.float64]]

WIDTHS = (1, 5, 10, 15, 20)
OLD = "old way: load_npz, toarray, numpy"
OURS = "spikebin view.stats, {}"
TEXT = """V1_Exc_L4 of a part, 37,500 neurons. Counts of neurons and bins, histograms of counts, and mean, variance and
share of filled cells of each trial, at bins of 1, 5, 10, 15 and 20 ms. The old way loads each trial's .npz, makes it
dense and float32, and sums that up for each width; spikebin adds up the events of the file, all widths in one pass. It
also works out intervals, correlations and reliability of a sample, which the old way does not."""


def run(bench: Bench) -> Report:
    report = Report("stats", TEXT)
    n_trials = bench.pick(10, 3)
    truth = bench.truth(bench.experiment(n_trials))
    wanted = old_numbers(truth.dense(i) for i in range(n_trials))
    npz = bench.scratch / "stats-trials"
    contenders = [
        Contender(
            OLD,
            lambda _: old_numbers(load(npz / f"{i}.npz") for i in range(n_trials)),
            lambda found: equal(found, wanted),
            ("scipy",),
            lambda: write_each(npz, truth),
            per=n_trials,
            most_rounds=bench.pick(3, 1),
        ),
        *(
            Contender(
                OURS.format(layout),
                lambda view: view.stats(WIDTHS),
                lambda found: equal(as_numbers(found), wanted),
                prepare=lambda layout=layout: opened(bench.scratch / f"stats-{layout}", truth, layout),
                per=n_trials,
            )
            for layout in ("matrix", "events")
        ),
    ]
    found = race(contenders, rounds=9, quick=bench.quick)
    found.preparation = dict.fromkeys(found.preparation, 0.0)
    report.samples["stats"] = found.samples
    report.tables.append(found.table("Statistics at five widths", unit="trial", against=OURS.format("matrix")))
    report.goals += [
        Goal(f"statistics of a part, {layout}, against the old way", found.ratio(OLD, OURS.format(layout)), 50, 100)
        for layout in ("matrix", "events")
    ]
    report.pictures.append(Picture("points", "Statistics of a trial of 37,500 neurons", "ms", found.points(1000)))
    return report


def load(path: Path) -> NDArray[np.uint8]:
    from scipy.sparse import load_npz

    return load_npz(path).toarray()


def opened(directory: Path, truth: Truth, layout: str):
    path = directory / "train" / "spikes" / "V1_Exc_L4" / "spikes_V1_Exc_L4_50000.h5"
    path.parent.mkdir(parents=True)
    write_matrix(path, truth, layout=layout, threads=2)
    return open_dataset(directory, variant="train", sheet="V1_Exc_L4")


def old_numbers(trials) -> Numbers:
    """As the old analysis works: dense trials as float32, one after the other, each summed up to every width."""
    found: dict[str, list] = {}
    for trial in trials:
        data = trial.astype(np.float32)
        for width in WIDTHS:
            n = data.shape[1] // width
            array = data[:, : n * width].reshape(len(data), n, width).sum(axis=2) if width > 1 else data
            for name, value in (
                ("neurons", array.sum(axis=1)),
                ("bins", array.sum(axis=0)),
                ("rows", np.bincount(array.sum(axis=1).astype(np.int64), minlength=N_BINS)),
                ("cells", np.bincount(array.astype(np.int64).reshape(-1), minlength=width + 1)),
                ("mean", array.mean()),
                ("variance", array.var()),
                ("synchrony", (array > 0).mean()),
            ):
                found.setdefault(f"{name} {width}", []).append(value)
    return {
        name: np.array(values)
        if name.startswith(("mean", "variance", "synchrony"))
        else np.sum(values, axis=0).astype(np.int64)
        for name, values in found.items()
    }


def as_numbers(stats: Stats) -> Numbers:
    found: Numbers = {}
    for width in WIDTHS:
        one = stats[width]
        found |= {
            f"neurons {width}": one.neuron_counts,
            f"bins {width}": one.bin_counts,
            f"rows {width}": one.trial_histogram,
            f"cells {width}": one.bin_histogram,
            f"mean {width}": one.mean,
            f"variance {width}": one.variance,
            f"synchrony {width}": one.synchrony,
        }
    return found


def equal(found: Numbers, wanted: Numbers) -> bool:
    """Whole numbers exactly, histograms but for empty classes at their ends; fractions to float32's 1e-5."""
    return found.keys() == wanted.keys() and all(
        np.allclose(found[name], values, rtol=1e-5, atol=0)
        if values.dtype.kind == "f"
        else np.array_equal(np.trim_zeros(found[name], "b"), np.trim_zeros(values, "b"))
        for name, values in wanted.items()
    )
