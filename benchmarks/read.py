"""Reading the pickle of one segment: neo's unpickling, ours, and the bytes alone; and reading on two threads."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.inputs import spikes_of
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Picture, Report
from spikebin.recordings.mozaik.segment import read_segment
from spikebin.simulate.experiment import presentations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.inputs import Bench
    from spikebin.recordings.mozaik.segment import Segment

NEO, OURS, BYTES = "neo: pickle.load", "spikebin read_segment", "the bytes alone"
NEO_TIMES = "neo: pickle.load, then .times.magnitude of each train"
N_FILES = 8
TEXT = """One segment of V1_Exc_L4: 37,500 spike trains, pickle protocol 4, 9 MB, in the page cache. neo builds an
object for each train; spikebin's reader makes three flat arrays. It runs nothing that is in the pickle, whoever wrote
it."""


def run(bench: Bench) -> Report:
    report = Report("read", TEXT)
    experiment = bench.experiment(N_FILES // 2)
    files = {flavour: segments(bench.datastore(experiment, flavour)) for flavour in ("neo-0.14", "neo-0.12")}
    first = next(presentations(experiment))
    times, rows = spikes_of(first)
    counts = np.bincount(rows, minlength=first.ids.size)

    def right(segment: Segment) -> bool:
        return (
            np.array_equal(segment.times, times)
            and np.array_equal(segment.ids, first.ids)
            and np.array_equal(segment.counts, counts)
            and (segment.start, segment.stop) == (0.0, first.duration)
        )

    def right_neo(trains: list[np.ndarray]) -> bool:
        return np.array_equal(np.concatenate(trains), times)

    path = files["neo-0.14"][0]
    one = race(
        [
            Contender(
                NEO,
                lambda: neo_load(path),
                lambda segment: right_neo(magnitudes(segment)),
                ("neo",),
                most_rounds=bench.pick(3, 1),
            ),
            Contender(NEO_TIMES, lambda: magnitudes(neo_load(path)), right_neo, ("neo",), most_rounds=bench.pick(2, 1)),
            Contender(OURS, lambda: read_segment(path), right),
            Contender(
                f"{OURS}, written by neo 0.12",
                lambda: read_segment(files["neo-0.12"][0]),
                right,
                note="neo 0.14 cannot read it",
            ),
            Contender(BYTES, path.read_bytes, lambda data: len(data) == path.stat().st_size),
        ],
        rounds=15,
        quick=bench.quick,
    )
    report.samples["one segment"] = one.samples
    report.tables.append(one.table("Reading one segment, one thread", unit="segment", against=OURS))
    report.goals.append(Goal("reading one segment, against neo", one.ratio(NEO, OURS), 1500, 2000))
    speed = path.stat().st_size / one.median(OURS) / 1e9
    report.goals.append(Goal("reading one segment, on one thread", speed, 3.0, 4.0, "GB/s"))
    points = one.points(1000)
    report.pictures.append(Picture("points", "Reading one segment of 37,500 trains", "ms", points))

    several = files["neo-0.14"]
    total = sum(shown.steps.size for shown in presentations(experiment))
    names = {n: f"spikebin read_segment, {n} thread{'s' * (n > 1)}" for n in (1, 2)}
    threads = race(
        [
            Contender(
                name, reader(several, n), lambda read: sum(segment.times.size for segment in read) == total, per=N_FILES
            )
            for n, name in names.items()
        ],
        rounds=9,
        quick=bench.quick,
    )
    report.samples["threads"] = threads.samples
    report.tables.append(threads.table(f"Reading {N_FILES} segments", unit="segment", against=names[1]))
    report.goals.append(Goal("reading with 2 threads, against 1", threads.ratio(names[1], names[2]), 1.6, 1.9))
    return report


def segments(datastore: Path) -> list[Path]:
    return [datastore / f"Segment{i}.pickle" for i in range(N_FILES)]


def neo_load(path: Path):
    with path.open("rb") as file:
        return pickle.load(file)


def magnitudes(segment) -> list[np.ndarray]:
    return [train.times.magnitude for train in segment.spiketrains]


def reader(paths: list[Path], n_threads: int) -> Callable[[], list[Segment]]:
    def read() -> list[Segment]:
        with ThreadPoolExecutor(n_threads) as pool:
            return list(pool.map(read_segment, paths))

    return read
