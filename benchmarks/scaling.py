"""How time grows with spikes, neurons and trials, and falls with threads and workers."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.inputs import N_BINS, output_of
from benchmarks.job import check_file
from benchmarks.processes import spikebin
from benchmarks.race import Contender, race
from benchmarks.report import Picture, Report, Table, number_text, seconds_text
from spikebin import bin_spikes, open_file
from spikebin.recordings.mozaik.segment import read_segment
from spikebin.simulate.experiment import presentations

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.inputs import Bench
    from benchmarks.processes import Finished
    from spikebin.simulate.experiment import Experiment

TEXT = """Spikes: `bin_spikes` into one trial of 37,500 neurons x 712 bins. Neurons: reading one segment of a sheet
with V1_Exc_L4's rates. Trials: whole `spikebin job` processes with `--limit`. Threads and workers: of one job, and of
`spikebin run` over four parts of 10 images."""


def run(bench: Bench) -> Report:
    report = Report("scaling", TEXT)
    spikes(bench, report)
    neurons(bench, report)
    trials(bench, report)
    workers(bench, report)
    return report


def growth(report: Report, what: str, found: dict[int, float], samples: dict[str, list[float]], title: str) -> None:
    """Add a table and a picture of seconds over a size."""
    rows = [[f"{n:,}", seconds_text(seconds), seconds_text(seconds / n)] for n, seconds in found.items()]
    report.tables.append(Table(title, [what, "median", f"per {what.rstrip('s')}"], rows))
    report.pictures.append(
        Picture("lines", title, "seconds", {"spikebin": [(float(n), seconds) for n, seconds in found.items()]}, what)
    )
    report.samples[what] = samples


def spikes(bench: Bench, report: Report) -> None:
    draw = np.random.default_rng(3)
    n_neurons = bench.sheet().n_neurons
    out = np.empty((1, n_neurons, N_BINS), bool)

    def contender(n: int) -> Contender:
        rows = draw.integers(n_neurons, size=n)
        times = draw.integers(N_BINS, size=n) + 0.5
        marks = np.unique(rows * N_BINS + times.astype(int))
        return Contender(
            f"{n:,}",
            lambda: bin_spikes(times, rows, n_neurons=n_neurons, start=0, stop=N_BINS, width=1.0, out=out),
            lambda matrix: np.array_equal(np.flatnonzero(matrix), marks),
        )

    sizes = [10**k for k in range(3, bench.pick(8, 5))]
    found = race([contender(n) for n in sizes], rounds=7, quick=bench.quick)
    medians = {n: found.median(f"{n:,}") for n in sizes}
    growth(report, "spikes", medians, found.samples, "Binning: time over spikes, zeroing the matrix included")


def neurons(bench: Bench, report: Report) -> None:
    models = [bench.sheet(scale=scale) for scale in (0.01, 0.1, 1.0, 4.0)]

    def contender(experiment: Experiment) -> Contender:
        path = bench.datastore(experiment) / "Segment0.pickle"
        first = next(presentations(experiment))
        return Contender(
            experiment.sheets[0].name,
            lambda: read_segment(path),
            lambda segment: np.array_equal(segment.times, first.times) and np.array_equal(segment.ids, first.ids),
        )

    medians, samples = {}, {}
    for model in models:
        found = race([contender(bench.experiment(1, model))], rounds=9, quick=bench.quick)
        medians[model.n_neurons] = found.median(model.name)
        samples[f"{model.n_neurons:,}"] = found.samples[model.name]
    growth(report, "neurons", medians, samples, "Reading a segment: time over neurons")


def trials(bench: Bench, report: Report) -> None:
    experiment = bench.experiment(bench.pick(100, 2))
    config = bench.project(experiment)
    truth = bench.truth(experiment)

    def contender(n: int) -> Contender:
        out = bench.scratch / f"limit-{n}"

        def right(_: Finished) -> bool:
            file = open_file(next(out.rglob("*.h5")))
            return file.shape[0] == n and np.array_equal(file.flat_events(n - 1)[0], truth.flat[n - 1])

        return Contender(
            f"{n}", lambda: spikebin("job", "0", "--config", config, "--limit", str(n), "--out", out), right
        )

    sizes = bench.pick((1, 3, 10, 30, 100), (2,))
    found = race([contender(n) for n in sizes], rounds=3, quick=bench.quick)
    medians = {n: found.median(f"{n}") for n in sizes}
    growth(report, "trials", medians, found.samples, "A job: time over trials, start-up included")


def workers(bench: Bench, report: Report) -> None:
    n_images = bench.pick(10, 2)
    parts = [bench.experiment(n_images, first_image=50000 + 100 * i) for i in range(bench.pick(4, 2))]
    several, single = bench.project(*parts), bench.project(parts[0])

    def all_right(_: Finished) -> bool:
        for part in parts:
            check_file(output_of(several, part, part.sheets[0]), bench.truth(part))
        return True

    def one_right(_: Finished) -> bool:
        check_file(output_of(single, parts[0], parts[0].sheets[0]), bench.truth(parts[0]))
        return True

    def job(n: int) -> Callable[[], Finished]:
        return lambda: spikebin("job", "0", "--force", "--threads", str(n), "--config", single)

    def whole(n: int) -> Callable[[], Finished]:
        return lambda: spikebin("run", "--force", "--workers", str(n), "--config", several)

    numbers = bench.pick((1, 2), (1,))
    jobs = [Contender(f"job, {n} threads", job(n), one_right) for n in numbers]
    runs = [Contender(f"run of {len(parts)} parts, {n} workers", whole(n), all_right) for n in numbers]
    peaks: dict[str, list[float]] = {}
    found = race([remembering(one, peaks) for one in (*jobs, *runs)], rounds=3, quick=bench.quick)
    rows = []
    for group in (jobs, runs):
        for one in group:
            gain = found.median(group[0].name) / found.median(one.name)
            memory = number_text(statistics.median(peaks[one.name]), "MB")
            rows.append([one.name, seconds_text(found.median(one.name)), f"{gain:.2f}x", memory])
    note = "A run with one worker gives it both cores as threads."
    report.tables.append(Table("Threads and workers", ["", "median", "faster", "peak memory"], rows, note))
    report.samples["workers"] = found.samples


def remembering(contender: Contender, peaks: dict[str, list[float]]) -> Contender:
    """The same, keeping the peak memory of each run."""

    def run() -> Finished:
        finished = contender.run()
        peaks.setdefault(contender.name, []).append(finished.peak_mb)
        return finished

    return Contender(contender.name, run, contender.check)
