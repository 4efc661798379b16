"""From a continuous recording and a table of events to trials x neurons x time: the command, pynapple and elephant."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.processes import spikebin
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Picture, Report
from spikebin import bin_spikes, open_file

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.inputs import Bench
    from benchmarks.processes import Finished

TEXT = """A session as a probe records it: 1,000 units, 1 hour at 5 Hz, 600 trials of 1.5 s around an event, counts
in bins of 10 ms. spikebin is the whole command, from the file of all spikes to a sealed matrix file, start-up
included; the others begin with arrays in memory, and their own objects are made before. Times lie a third of a
sample off the edges of bins, where all agree. elephant slices and bins one trial after another, 20 of the 600."""

WIDTH, START, STOP = 0.01, -0.5, 1.0
N_BINS = 150
SAMPLES_PER_SECOND = 30_000
OURS = "spikebin bin, units' spikes in an .npz"
OURS_BY_TIME = "spikebin bin, spikes in order of time in an .npy"
IN_MEMORY = "spikebin bin_spikes, trials cut with numpy"
PYNAPPLE, ELEPHANT = "pynapple build_tensor", "elephant time_slice, BinnedSpikeTrain"
N_ELEPHANT = 20


def run(bench: Bench) -> Report:
    report = Report("formats", TEXT)
    n_units, seconds, n_trials = bench.pick((1000, 3600.0, 600), (20, 120.0, 30))
    trains, onsets = session(n_units, seconds, n_trials)
    expected = np.stack([counts(train, onsets) for train in trains], axis=1)
    directory = bench.scratch / "formats"
    directory.mkdir()
    write_inputs(directory, trains, onsets)
    peaks: list[float] = []

    def command(name: str) -> Contender:
        out = directory / f"{name}.h5"

        def run() -> Finished:
            finished = spikebin(
                "bin", directory / name, "--trials", directory / "trials.csv", "--width", "10", "--window",
                "-500", "1000", "--values", "count", "--out", out, "--force",
            )  # fmt: skip
            peaks.append(finished.peak_mb)
            return finished

        return Contender(
            OURS if name.endswith(".npz") else OURS_BY_TIME,
            run,
            lambda _: np.array_equal(open_file(out).spikes[...], expected),
            per=n_trials,
        )

    found = race(
        [
            command("spikes.npz"),
            command("spikes.npy"),
            Contender(
                IN_MEMORY,
                lambda: bin_in_memory(trains, onsets),
                lambda result: np.array_equal(result, expected),
                per=n_trials,
                note="arrays in memory, none written",
            ),
            Contender(
                "numpy: searchsorted and histogram, unit by unit",
                lambda: np.stack([counts(train, onsets) for train in trains], axis=1),
                lambda result: np.array_equal(result, expected),
                per=n_trials,
                note="arrays in memory, none written",
            ),
            Contender(
                PYNAPPLE,
                build_tensor,
                lambda tensor: np.array_equal(np.nan_to_num(tensor).swapaxes(0, 1), expected),
                ("pynapple",),
                prepare=lambda: pynapple_objects(trains, onsets),
                per=n_trials,
                most_rounds=3,
            ),
            Contender(
                ELEPHANT,
                slice_and_bin,
                lambda tensor: np.array_equal(tensor, expected[: len(tensor)]),
                ("elephant",),
                prepare=lambda: elephant_objects(trains, onsets),
                per=min(N_ELEPHANT, n_trials),
                most_rounds=1,
            ),
        ],
        rounds=5,
        quick=bench.quick,
    )
    report.samples["session"] = found.samples
    n_spikes = sum(train.size for train in trains)
    note = f"{n_spikes:,} spikes in the session. The command holds at most {max(peaks):,.0f} MB."
    report.tables.append(found.table("A session to a matrix", unit="trial", against=OURS, note=note))
    for what, ours in (("a file of spikes to a matrix file", OURS), ("spikes in memory to an array", IN_MEMORY)):
        for name in (PYNAPPLE, ELEPHANT):
            report.goals.append(Goal(f"{what}, against {name}", found.ratio(name, ours), 20, 40))
    bars = {name: [(0.0, found.median(name) * n_trials)] for name in sorted(found.samples, key=found.median)}
    report.pictures.append(Picture("bars", f"{n_units:,} units, {n_trials} trials to a matrix", "seconds", bars))
    return report


def session(n_units: int, seconds: float, n_trials: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Spike times of each unit, and onsets of trials that do not overlap, in s."""
    draw = np.random.default_rng(0)
    rates = draw.lognormal(1.0, 1.0, n_units)
    rates *= 5.0 / rates.mean()
    n_samples = int(seconds * SAMPLES_PER_SECOND)
    trains = [
        (np.sort(draw.integers(0, n_samples, draw.poisson(rate * seconds))) + 1 / 3) / SAMPLES_PER_SECOND
        for rate in rates
    ]
    step = (seconds - 10) / n_trials
    return trains, (5 + step * np.arange(n_trials) + draw.uniform(0, step - 2, n_trials)).round(3)


def cut(train: np.ndarray, onsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of one unit in the windows around `onsets`: s from the onset, and trials."""
    first, last = np.searchsorted(train, onsets + START), np.searchsorted(train, onsets + STOP)
    trials = np.repeat(np.arange(onsets.size), last - first)
    inside = np.arange(trials.size) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
    return train[first[trials] + inside] - onsets[trials], trials


def counts(train: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Spikes of one unit in each bin of each trial, (trial, bin) of uint8."""
    times, trials = cut(train, onsets)
    bins = ((times - START) / WIDTH).astype(int)
    return np.bincount(trials * N_BINS + bins, minlength=onsets.size * N_BINS).reshape(-1, N_BINS).astype(np.uint8)


def bin_in_memory(trains: list[np.ndarray], onsets: np.ndarray) -> np.ndarray:
    """Cut every unit's spikes to the trials, and bin them all at once."""
    pieces = [cut(train, onsets) for train in trains]
    times, trials = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    neurons = np.repeat(np.arange(len(trains)), [inside.size for inside, _ in pieces])
    return bin_spikes(
        times,
        neurons,
        trials=trials,
        n_neurons=len(trains),
        n_trials=onsets.size,
        start=START,
        stop=STOP,
        width=WIDTH,
        dtype=np.uint8,
    )


def write_inputs(directory: Path, trains: list[np.ndarray], onsets: np.ndarray) -> None:
    times, units = np.concatenate(trains), np.repeat(np.arange(len(trains)), [train.size for train in trains])
    np.savez(directory / "spikes.npz", times_s=times, units=units)
    order = np.argsort(times)
    table = np.empty(times.size, [("time_s", "<f8"), ("unit", "<i8")])
    table["time_s"], table["unit"] = times[order], units[order]
    np.save(directory / "spikes.npy", table)
    with (directory / "trials.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["onset_s"])
        rows.writerows([[repr(float(onset))] for onset in onsets])


def pynapple_objects(trains: list[np.ndarray], onsets: np.ndarray):
    import pynapple as nap

    group = nap.TsGroup({i: nap.Ts(train) for i, train in enumerate(trains)})
    return group, nap.IntervalSet(onsets + START, onsets + STOP)


def build_tensor(objects):
    import pynapple as nap

    return nap.build_tensor(*objects, bin_size=WIDTH)


def elephant_objects(trains: list[np.ndarray], onsets: np.ndarray):
    import neo

    last = max(train[-1] for train in trains) + 1
    return [neo.SpikeTrain(train, units="s", t_stop=last) for train in trains], onsets[:N_ELEPHANT]


def slice_and_bin(objects) -> np.ndarray:
    import quantities as pq
    from elephant.conversion import BinnedSpikeTrain

    trains, onsets = objects
    tensor = np.empty((len(onsets), len(trains), N_BINS), np.uint8)
    for i, onset in enumerate(onsets):
        start, stop = (onset + START) * pq.s, (onset + STOP) * pq.s
        sliced = [train.time_slice(start, stop) for train in trains]
        tensor[i] = BinnedSpikeTrain(sliced, bin_size=WIDTH * pq.s, t_start=start, t_stop=stop).to_array()
    return tensor
