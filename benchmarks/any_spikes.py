"""A Neuropixels-like session to trials x neurons x time: spikebin beside pynapple and elephant, and its memory.

    python benchmarks/any_spikes.py [--units 1000] [--hours 1] [--trials 600] [--others] [--large 200]

Each tool starts from the same arrays, already in memory, but spikebin from a file; only the binning of the others is
timed. `--large` bins that many million unsorted spikes in a child process and reports its peak memory.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WIDTH_MS, START_MS, STOP_MS = 10.0, -500.0, 1000.0


def make_session(n_units, hours, n_trials):
    """Sorted spike times in s, unit by unit, and onsets of trials that do not overlap."""
    rng = np.random.default_rng(0)
    seconds = 3600.0 * hours
    rates = rng.lognormal(1.0, 1.0, n_units)
    rates *= 5.0 / rates.mean()
    # Times on a grid of 30 kHz, as a probe records them, a third of a sample off the edges of the bins.
    trains = [
        (np.sort(rng.integers(0, int(seconds * 30_000), rng.poisson(r * seconds))) + 1 / 3) / 30_000 for r in rates
    ]
    step = (seconds - 10) / n_trials
    return trains, 5 + step * np.arange(n_trials) + rng.uniform(0, step - 2, n_trials).round(3)


def write_inputs(directory, trains, onsets):
    times, units = np.concatenate(trains), np.repeat(np.arange(len(trains)), [t.size for t in trains])
    np.savez(directory / "by_unit.npz", times_s=times, units=units)
    order = np.argsort(times)
    table = np.empty(times.size, [("time_s", "<f8"), ("unit", "<i8")])
    table["time_s"], table["unit"] = times[order], units[order]
    np.save(directory / "by_time.npy", table)
    with (directory / "trials.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["onset_s"])
        rows.writerows([[repr(float(onset))] for onset in onsets])


def measure(command):
    """Wall time of a command, its peak memory in MB, and what it prints."""
    # A process inherits the peak of the one that forked it, so a small one stands between.
    code = "import resource, subprocess, sys; r = subprocess.run(sys.argv[1:], stdout=2).returncode;"
    code += " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(r)"
    begun = time.perf_counter()
    ended = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - begun
    answer = ended.stderr[ended.stderr.index("[\n") : ended.stderr.rindex("]") + 1]
    return seconds, int(ended.stdout) / 1000, json.loads(answer)[0]


def run_spikebin(directory, name):
    """The whole command, start-up and the sealed file included."""
    command = [
        sys.executable,
        "-m",
        "spikebin",
        "bin",
        str(directory / name),
        "--trials",
        str(directory / "trials.csv"),
    ]
    command += ["--width", str(WIDTH_MS), "--window", str(START_MS), str(STOP_MS), "--values", "count"]
    command += ["--out", str(directory / f"{name}.h5"), "--force", "--json"]
    seconds, memory, answer = measure(command)
    return seconds, memory, answer["n_spikes"]


def run_warm(directory, name):
    """As a library, in a process that has compiled its kernels: reading, binning and a dense .npy."""
    from spikebin.binning import Binning
    from spikebin.direct import Settings, bin_recordings
    from spikebin.recordings.base import TrialRule

    rule = TrialRule(events=str(directory / "trials.csv"), window_start=START_MS, window_stop=STOP_MS)
    settings = Settings(Binning(WIDTH_MS, end_bin=False, values="count"), rule, threads=2)
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        (binned,) = bin_recordings([directory / name], settings, out=directory / "warm.npy", force=True)
        seconds.append(time.perf_counter() - begun)
    return min(seconds), binned.n_spikes


def run_pynapple(trains, onsets):
    import pynapple as nap

    group = nap.TsGroup({i: nap.Ts(train) for i, train in enumerate(trains)})
    epochs = nap.IntervalSet(onsets + START_MS / 1000, onsets + STOP_MS / 1000)
    begun = time.perf_counter()
    tensor = nap.build_tensor(group, epochs, bin_size=WIDTH_MS / 1000)
    return time.perf_counter() - begun, float(np.nansum(tensor))


def run_elephant(trains, onsets):
    """On some of the trials: seconds for all would be minutes."""
    import neo
    import quantities as pq
    from elephant.conversion import BinnedSpikeTrain

    spike_trains = [neo.SpikeTrain(train, units="s", t_stop=train[-1] + 1) for train in trains]
    n_spikes = 0
    begun = time.perf_counter()
    for onset in onsets:
        start, stop = (onset + START_MS / 1000) * pq.s, (onset + STOP_MS / 1000) * pq.s
        sliced = [train.time_slice(start, stop) for train in spike_trains]
        binned = BinnedSpikeTrain(sliced, bin_size=WIDTH_MS * pq.ms, t_start=start, t_stop=stop)
        n_spikes += binned.to_array().sum()
    return time.perf_counter() - begun, float(n_spikes)


def run_large(directory, millions):
    """Unsorted spikes in mapped arrays, 200 short windows: wall time, peak memory and the size of the input."""
    n = int(millions * 1e6)
    times = np.lib.format.open_memmap(directory / "t.npy", "w+", np.float64, (n,))
    units = np.lib.format.open_memmap(directory / "i.npy", "w+", np.int32, (n,))
    rng = np.random.default_rng(1)
    for start in range(0, n, 1 << 22):
        stop = min(n, start + (1 << 22))
        times[start:stop] = rng.uniform(0, 3600, stop - start)
        units[start:stop] = rng.integers(0, 1000, stop - start)
    times.flush()
    units.flush()
    (directory / "few.csv").write_text("onset_s\n" + "".join(f"{k}\n" for k in range(10, 3000, 15)))
    command = [sys.executable, "-m", "spikebin", "bin", str(directory / "t.npy"), "--neurons", "i.npy", "--unit", "s"]
    command += ["--trials", str(directory / "few.csv"), "--width", "10", "--window", "0", "1000"]
    return measure([*command, "--out", str(directory / "o.h5"), "--json"])[:2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--others", action="store_true", help="run pynapple and elephant, too: minutes")
    parser.add_argument("--large", type=float, default=0, metavar="MILLIONS", help="bin so many unsorted spikes, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if options.large:
            seconds, memory = run_large(directory, options.large)
            print(f"{options.large:g} million unsorted spikes, 200 windows: {seconds:.1f} s, peak {memory:,.0f} MB")
            return
        trains, onsets = make_session(options.units, options.hours, options.trials)
        n = sum(train.size for train in trains)
        print(
            f"{n:,} spikes of {options.units} units, {options.trials} trials of {STOP_MS - START_MS:g} ms,"
            f" {WIDTH_MS:g} ms bins"
        )
        write_inputs(directory, trains, onsets)
        run_spikebin(directory, "by_unit.npz")
        for input_name in ("by_unit.npz", "by_time.npy"):
            seconds, memory, n_spikes = run_spikebin(directory, input_name)
            what = f"{n_spikes:>12,} spikes   peak {memory:,.0f} MB, command and file included"
            print(f"spikebin bin {input_name:<12} {seconds:8.2f} s   {what}")
            seconds, n_spikes = run_warm(directory, input_name)
            print(
                f"  as a library            {seconds:8.2f} s   {n_spikes:>12,} spikes   from file to dense .npy, warm"
            )
        if options.others:
            few = onsets[: min(20, onsets.size)]
            for tool, run, mine in (("pynapple", run_pynapple, onsets), ("elephant", run_elephant, few)):
                seconds, n_spikes = run(trains, mine)
                what = f"binning only, arrays in memory; {mine.size} trials, {1000 * seconds / mine.size:.1f} ms each"
                print(f"{tool:<25} {seconds:8.2f} s   {n_spikes:>12,.0f} spikes   {what}")


if __name__ == "__main__":
    main()
