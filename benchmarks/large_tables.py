"""Parquet and MATLAB files of up to 10^8 spikes: rows of the benchmark `formats`.

Peers take the way of their users: load all, make pynapple's objects, build the tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers import BenchmarkError, absence
from benchmarks.processes import python, spikebin
from benchmarks.report import Goal, Report, Table, number_text, seconds_text
from spikebin import open_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.inputs import Bench
    from benchmarks.processes import Finished

__all__ = ["large_tables"]

N_NEURONS, SECONDS, N_TRIALS, EVERY = 1000, 3600, 300, 11
SAMPLES_PER_SECOND, N_BINS = 30_000, 100

LOADERS = {
    "spikes.parquet": """
import pandas as pd
frame = pd.read_parquet(directory + "/spikes.parquet")
times, units = frame["time_s"].to_numpy(), frame["unit"].to_numpy()
""",
    "v73.mat": """
import h5py
with h5py.File(directory + "/v73.mat") as file:
    times, units = file["time_s"][0], file["unit"][0].astype(int)
""",
    "v5.mat": """
from scipy.io import loadmat
found = loadmat(directory + "/v5.mat", squeeze_me=True)
times, units = found["time_s"], found["unit"].astype(int)
""",
}
SCRIPT = """
import sys
import numpy as np, pynapple as nap
directory = sys.argv[1]
{}
order = np.argsort(units, kind="stable")
times, units = times[order], units[order]
edges = np.searchsorted(units, np.arange(units[-1] + 2))
group = nap.TsGroup({{i: nap.Ts(times[a:b]) for i, (a, b) in enumerate(zip(edges[:-1], edges[1:]))}})
onsets = np.loadtxt(directory + "/trials.csv", skiprows=1)
tensor = nap.build_tensor(group, nap.IntervalSet(onsets, onsets + 1), bin_size=0.01)
np.save(directory + "/peer.npy", np.nan_to_num(tensor).swapaxes(0, 1).astype(np.uint8))
"""


def large_tables(bench: Bench, report: Report) -> None:
    """Add the rows, and how much memory the largest of each format takes."""
    why = absence("pyarrow", "h5py", "scipy", quick=bench.quick)
    if why:
        report.facts["large tables"] = f"skipped: {why}"
        return
    rows = []
    sizes = bench.pick((10**7, 10**8), (10**5,))
    n_trials = bench.pick(N_TRIALS, 20)
    for n_spikes in sizes:
        directory = bench.scratch / "large_tables"
        directory.mkdir()
        times, units, expected = spikes(n_spikes, n_trials)
        onsets = "".join(f"{EVERY * trial}\n" for trial in range(n_trials))
        (directory / "trials.csv").write_text(f"onset_s\n{onsets}", encoding="utf-8")
        for name, write in WRITERS.items():
            write(directory / name, times, units)
            size = (directory / name).stat().st_size
            ours = _ours(directory, name, expected)
            # In memory twice over, and more: not of the largest.
            peer = _peer(directory, name, expected) if n_spikes == sizes[0] and not bench.quick else None
            (directory / name).unlink()
            report.samples[f"{n_spikes:,} spikes, {name}, s"] = {"spikebin bin": [ours.seconds]}
            rows.append([
                f"{name}, {n_spikes:,} spikes",
                number_text(size / 1e6, "MB"),
                seconds_text(ours.seconds),
                number_text(ours.peak_mb, "MB"),
                seconds_text(peer.seconds) if peer else "",
                number_text(peer.peak_mb, "MB") if peer else "",
            ])  # fmt: skip
            if n_spikes == sizes[-1]:
                what = f"peak memory of {n_spikes:,} spikes in {name}"
                report.goals.append(Goal(what, ours.peak_mb, 1000, 500, "MB", more_is_better=False))
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()
    columns = ["file", "size", "spikebin bin", "peak memory", "a script with pynapple", "its peak memory"]
    note = f"{n_trials} trials of 1 s in bins of 10 ms, to a sealed matrix file; one run each, results compared first."
    report.tables.append(Table("Large tables of others", columns, rows, note))


def spikes(n_spikes: int, n_trials: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in s, in order, a third of a sample off the edges of bins; units; and what a matrix of them must hold."""
    n_samples = SECONDS * SAMPLES_PER_SECOND
    samples = np.arange(n_spikes) * n_samples // n_spikes
    units = np.random.default_rng(0).integers(0, N_NEURONS, n_spikes, np.int16)
    inside = np.flatnonzero(
        (samples // SAMPLES_PER_SECOND % EVERY == 0) & (samples < EVERY * n_trials * SAMPLES_PER_SECOND)
    )
    trials = samples[inside] // (EVERY * SAMPLES_PER_SECOND)
    bins = samples[inside] % SAMPLES_PER_SECOND * N_BINS // SAMPLES_PER_SECOND
    cells = (trials * N_NEURONS + units[inside]) * N_BINS + bins
    counted = np.bincount(cells, minlength=n_trials * N_NEURONS * N_BINS).clip(max=255).astype(np.uint8)
    return (samples + 1 / 3) / SAMPLES_PER_SECOND, units, counted.reshape(n_trials, N_NEURONS, N_BINS)


def _parquet(path: Path, times: np.ndarray, units: np.ndarray) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"time_s": times, "unit": units}), path)


def _v73(path: Path, times: np.ndarray, units: np.ndarray) -> None:
    """As MATLAB lays a row out with -v7.3: turned around, in chunks that are packed."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in (("time_s", times), ("unit", units)):
            file.create_dataset(name, data=array[np.newaxis], chunks=(1, 1 << 16), compression="gzip", shuffle=True)
            file[name].attrs["MATLAB_class"] = np.bytes_("double" if name == "time_s" else "int16")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def _v5(path: Path, times: np.ndarray, units: np.ndarray) -> None:
    from scipy.io import savemat

    savemat(path, {"time_s": times, "unit": units}, oned_as="column")


WRITERS: dict[str, Callable[[Path, np.ndarray, np.ndarray], None]] = {
    "spikes.parquet": _parquet,
    "v73.mat": _v73,
    "v5.mat": _v5,
}


def _ours(directory: Path, name: str, expected: np.ndarray) -> Finished:
    out = directory / "out.h5"
    finished = spikebin(
        "bin", directory / name, "--trials", directory / "trials.csv", "--width", "10", "--window", "0", "1000",
        "--out", out, "--force",
    )  # fmt: skip
    if not np.array_equal(open_file(out).spikes[...], expected):
        raise BenchmarkError(f"spikebin bin gives a wrong result of {name}")
    return finished


def _peer(directory: Path, name: str, expected: np.ndarray) -> Finished | None:
    if absence("pynapple", quick=False):
        return None
    finished = python("-c", SCRIPT.format(LOADERS[name]), str(directory))
    if not np.array_equal(np.load(directory / "peer.npy"), expected):
        raise BenchmarkError(f"a script with pynapple gives a wrong result of {name}")
    return finished
