"""A billion spikes in one file, in order of time and in none: how long `spikebin bin` takes, and how much it holds.

Needs 10 GB of disk, and some minutes. Not part of a run of all benchmarks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers import BenchmarkError
from benchmarks.processes import spikebin
from benchmarks.report import Goal, Report, Table, number_text, seconds_text

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.inputs import Bench

TEXT = """Spikes of 1,000 neurons in an hour: times in s (float64) in one .npy file, neurons (int16) in another, in
order of time and in none. 300 trials of 1 s, in bins of 10 ms, to a sealed matrix file. What is in order stays there;
of what is not, the spikes of trials are sorted in runs, all but the first 8 million of them in a temporary file."""

N_NEURONS, SECONDS, N_TRIALS = 1000, 3600, 300
SAMPLES_PER_SECOND = 30_000
SLAB = 1 << 22


def run(bench: Bench) -> Report:
    report = Report("huge", TEXT)
    rows = []
    peaks: dict[tuple[str, int], float] = {}
    sizes = bench.pick((10**7, 10**8, 10**9), (10**5,))
    n_trials = bench.pick(N_TRIALS, 20)
    for order in ("in order of time", "in no order"):
        for n_spikes in sizes:
            directory = bench.scratch / "huge"
            directory.mkdir()
            expected = write_input(directory, n_spikes, n_trials, by_time=order == "in order of time")
            finished = spikebin(
                "bin", directory / "times_s.npy", "--neurons", "neurons.npy", "--trials", directory / "trials.csv",
                "--width", "10", "--window", "0", "1000", "--out", directory / "out.h5", "--json",
            )  # fmt: skip
            (answer,) = json.loads(finished.stdout)
            if (answer["n_recorded"], answer["n_spikes"], answer["n_outside"]) != (n_spikes, expected, 0):
                raise BenchmarkError(f"{n_spikes:,} spikes {order}: {expected:,} are in trials, but {answer}")
            size = sum(path.stat().st_size for path in directory.glob("*.npy"))
            for path in directory.iterdir():
                path.unlink()
            directory.rmdir()
            peaks[order, n_spikes] = finished.peak_mb
            report.samples[f"{n_spikes:,} spikes {order}, s"] = {"spikebin bin": [finished.seconds]}
            report.facts[f"{n_spikes:,} spikes {order}, peak MB"] = finished.peak_mb
            rows.append([
                f"{n_spikes:,} {order}",
                number_text(size / 1e6, "MB"),
                f"{expected:,}",
                seconds_text(finished.seconds),
                number_text(finished.peak_mb, "MB"),
                number_text(n_spikes / finished.seconds / 1e6, "million/s"),
            ])  # fmt: skip
        what = f"peak memory of {sizes[-1]:,} spikes {order}"
        report.goals.append(Goal(what, peaks[order, sizes[-1]], 1000, 500, "MB", more_is_better=False))
    columns = ["spikes", "files", "in trials", "spikebin bin", "peak memory", "speed"]
    report.tables.append(Table("From a large file to a matrix", columns, rows, "One run each."))
    return report


def write_input(directory: Path, n_spikes: int, n_trials: int, *, by_time: bool) -> int:
    """Write spikes slab by slab, and the trials; how many spikes lie in trials.

    Times lie a third of a sample off the edges of bins, and trials begin every 11 s.
    """
    draw = np.random.default_rng(0)
    times = np.lib.format.open_memmap(directory / "times_s.npy", "w+", np.float64, (n_spikes,))
    neurons = np.lib.format.open_memmap(directory / "neurons.npy", "w+", np.int16, (n_spikes,))
    n_samples, n_inside = SECONDS * SAMPLES_PER_SECOND, 0
    for start in range(0, n_spikes, SLAB):
        stop = min(n_spikes, start + SLAB)
        if by_time:
            samples = np.arange(start, stop) * n_samples // n_spikes
        else:
            samples = draw.integers(0, n_samples, stop - start)
        times[start:stop] = (samples + 1 / 3) / SAMPLES_PER_SECOND
        neurons[start:stop] = draw.integers(0, N_NEURONS, stop - start, np.int16)
        seconds = samples // SAMPLES_PER_SECOND
        n_inside += int(((seconds % 11 == 0) & (seconds < 11 * n_trials)).sum())
    times.flush()
    neurons.flush()
    onsets = "".join(f"{11 * trial}\n" for trial in range(n_trials))
    (directory / "trials.csv").write_text(f"onset_s\n{onsets}", encoding="utf-8")
    return n_inside
