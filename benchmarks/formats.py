"""From a continuous recording and a table of events to trials x neurons x time: spikebin, pynapple and elephant.

Twice: of arrays in memory, and as whole programs from a file of spikes to a file of the matrix.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.large_tables import large_tables
from benchmarks.processes import python, spikebin
from benchmarks.race import Contender, Race, race
from benchmarks.report import Goal, Picture, Report, Table, seconds_text
from spikebin import bin_trials, open_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.inputs import Bench
    from benchmarks.processes import Finished

TEXT = """A session as a probe records it: 1,000 units, 1 hour at 5 Hz, 600 trials of 1.5 s around an event, counts
in bins of 10 ms. In memory, each begins with its own objects, made before, and ends with an array; elephant slices and
bins one trial after another, 20 of the 600. As whole programs, each begins with a file of spikes and ends with a file
of the matrix, start-up included. Times lie a third of a sample off the edges of bins, where all agree. Parquet and
MATLAB files of up to 100 million spikes show that memory stays bounded."""

WIDTH, START, STOP = 0.01, -0.5, 1.0
N_BINS = 150
SAMPLES_PER_SECOND = 30_000
BY_UNIT, BY_TIME = "spikebin bin_trials, an array for each unit", "spikebin bin_trials, spikes in order of time"
SHUFFLED = "spikebin bin_trials, spikes in no order"
PYNAPPLE, ELEPHANT = "pynapple build_tensor", "elephant time_slice, BinnedSpikeTrain"
N_ELEPHANT = 20
UNITS_FILE, TIME_FILE = "spikebin bin, units' spikes in an .npz", "spikebin bin, spikes in order of time in an .npy"
UNWRITTEN = "spikebin bin, units' spikes in an .npz, nothing written"
FEW, FEW_UNWRITTEN = "spikebin bin of ten spikes", "spikebin bin of ten spikes, nothing written"
SCRIPT, SCRIPT_START_UP = "a script with pynapple, units' spikes in an .npz", "python -c 'import pynapple'"

# What a user of pynapple would write: from the .npz to a .npy.
PYNAPPLE_SCRIPT = """
import sys
import numpy as np, pynapple as nap
directory, width, start, stop = sys.argv[1], *map(float, sys.argv[2:])
with np.load(directory + "/spikes.npz") as file:
    times, units = file["times_s"], file["units"]
onsets = np.loadtxt(directory + "/trials.csv", skiprows=1)
edges = np.searchsorted(units, np.arange(units[-1] + 2))
group = nap.TsGroup({i: nap.Ts(times[a:b]) for i, (a, b) in enumerate(zip(edges[:-1], edges[1:]))})
tensor = nap.build_tensor(group, nap.IntervalSet(onsets + start, onsets + stop), bin_size=width)
np.save(directory + "/pynapple.npy", np.nan_to_num(tensor).swapaxes(0, 1).astype(np.uint8))
"""


def run(bench: Bench) -> Report:
    report = Report("formats", TEXT)
    n_units, seconds, n_trials = bench.pick((1000, 3600.0, 600), (20, 120.0, 30))
    trains, onsets = session(n_units, seconds, n_trials)
    expected = np.stack([counts(train, onsets) for train in trains], axis=1)

    memory = race(in_memory(trains, onsets, expected), rounds=5, quick=bench.quick)
    report.samples["in memory"] = memory.samples
    note = f"{sum(train.size for train in trains):,} spikes in the session, {int(expected.sum()):,} of them in trials."
    report.tables.append(memory.table("A session in memory", unit="trial", against=BY_UNIT, note=note))
    for ours in (BY_UNIT, BY_TIME):
        for name in (PYNAPPLE, ELEPHANT):
            report.goals.append(Goal(f"{ours}, against {name}", memory.ratio(name, ours), 20, 40))

    peaks: dict[str, float] = {}
    programs = race(whole_programs(bench, trains, onsets, expected, peaks), rounds=5, quick=bench.quick)
    report.samples["whole programs"] = programs.samples
    table = programs.table("A session from file to file", unit="program", against=UNITS_FILE)
    table.columns.insert(-1, "peak memory")
    for row in table.rows:
        row.insert(-1, f"{peaks[row[0]]:,.0f} MB" if row[0] in peaks else "")
    report.tables += [table, stages(programs)]
    what = "whole programs from .npz to file, spikebin bin against a script with pynapple"
    report.goals.append(Goal(what, programs.ratio(SCRIPT, UNITS_FILE), 3, 5))

    points = memory.points(n_trials)
    report.pictures.append(Picture("points", f"{n_units:,} units, {n_trials} trials, in memory", "seconds", points))
    points = programs.points()
    report.pictures.append(Picture("points", "the same from file to file, start-up included", "seconds", points))
    large_tables(bench, report)
    return report


def in_memory(trains: list[np.ndarray], onsets: np.ndarray, expected: np.ndarray) -> list[Contender]:
    times, units = np.concatenate(trains), np.repeat(np.arange(len(trains)), [train.size for train in trains])
    orders = {BY_TIME: np.argsort(times), SHUFFLED: np.random.default_rng(1).permutation(times.size)}
    settings = {"onsets": onsets, "start": START, "stop": STOP, "width": WIDTH, "dtype": np.uint8}

    def flat(name: str) -> Contender:
        return Contender(
            name,
            lambda spikes: bin_trials(*spikes, n_neurons=len(trains), **settings),
            lambda result: np.array_equal(result, expected),
            prepare=lambda: (times[orders[name]], units[orders[name]]),
            per=onsets.size,
        )

    return [
        Contender(
            BY_UNIT,
            lambda: bin_trials(trains, **settings),
            lambda result: np.array_equal(result, expected),
            per=onsets.size,
        ),
        flat(BY_TIME),
        flat(SHUFFLED),
        Contender(
            "numpy: searchsorted and bincount, unit by unit",
            lambda: np.stack([counts(train, onsets) for train in trains], axis=1),
            lambda result: np.array_equal(result, expected),
            per=onsets.size,
        ),
        Contender(
            PYNAPPLE,
            build_tensor,
            lambda tensor: np.array_equal(np.nan_to_num(tensor).swapaxes(0, 1), expected),
            ("pynapple",),
            prepare=lambda: pynapple_objects(trains, onsets),
            per=onsets.size,
            most_rounds=3,
        ),
        Contender(
            ELEPHANT,
            slice_and_bin,
            lambda tensor: np.array_equal(tensor, expected[: len(tensor)]),
            ("elephant",),
            prepare=lambda: elephant_objects(trains, onsets),
            per=min(N_ELEPHANT, onsets.size),
            most_rounds=1,
        ),
    ]


def whole_programs(
    bench: Bench, trains: list[np.ndarray], onsets: np.ndarray, expected: np.ndarray, peaks: dict[str, float]
) -> list[Contender]:
    directory = bench.scratch / "formats"
    directory.mkdir()
    write_inputs(directory, trains, onsets)

    def program(
        name: str, start: Callable[[], Finished], check: Callable[[], bool], needs: tuple[str, ...] = ()
    ) -> Contender:
        def run() -> Finished:
            finished = start()
            peaks[name] = max(finished.peak_mb, peaks.get(name, 0.0))
            return finished

        return Contender(name, run, lambda _: check(), needs)

    def command(name: str, spikes: str, trials: str, check: Callable[[Path], bool] | None) -> Contender:
        out = directory / f"{spikes}.h5"
        arguments: list[str | Path] = ["bin", directory / spikes, "--trials", directory / trials, "--width", "10"]
        arguments += ["--window", "-500", "1000", "--values", "count"]
        arguments += ["--out", out, "--force"] if check else []
        return program(name, lambda: spikebin(*arguments), lambda: check is None or check(out))

    def whole(path: Path) -> bool:
        return np.array_equal(open_file(path).spikes[...], expected)

    script = (PYNAPPLE_SCRIPT, str(directory), *map(str, (WIDTH, START, STOP)))
    return [
        command(UNITS_FILE, "spikes.npz", "trials.csv", whole),
        command(TIME_FILE, "spikes.npy", "trials.csv", whole),
        command(UNWRITTEN, "spikes.npz", "trials.csv", None),
        command(FEW, "few.npz", "few.csv", lambda path: open_file(path).shape[0] == 1),
        command(FEW_UNWRITTEN, "few.npz", "few.csv", None),
        program(
            SCRIPT,
            lambda: python("-c", *script),
            lambda: np.array_equal(np.load(directory / "pynapple.npy"), expected),
            ("pynapple",),
        ),
        program(SCRIPT_START_UP, lambda: python("-c", "import pynapple"), lambda: True, ("pynapple",)),
    ]


def stages(programs: Race) -> Table:
    """Where the time of the whole command goes, by what is left out of others."""
    names = UNITS_FILE, UNWRITTEN, FEW, FEW_UNWRITTEN
    total, unwritten, few, few_unwritten = (programs.median(name) for name in names)
    spent = {
        "start-up: Python, numpy, numba and its kernels": few_unwritten,
        "start-up of writing: PyTables, Blosc2, a file of one trial": few - few_unwritten,
        "reading the file, finding the spikes of trials, binning": unwritten - few_unwritten,
        "compressing, digest, writing the sealed file": total - unwritten - (few - few_unwritten),
        "the whole command": total,
    }
    rows = [[what, seconds_text(max(0.0, seconds))] for what, seconds in spent.items()]
    note = "Medians of whole commands that do less, taken from one another."
    return Table("Where spikebin bin of the .npz spends its time", ["", "seconds"], rows, note)


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
    np.savez(directory / "few.npz", times_s=onsets[:10], units=np.arange(min(10, onsets.size)))
    (directory / "few.csv").write_text(f"onset_s\n{onsets[0]}\n", encoding="utf-8")


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
