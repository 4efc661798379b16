"""The whole of a job, as a process: from a recording to a matrix file, against the old way to a sparse .npz."""

from __future__ import annotations

import json
import statistics
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.inputs import N_BINS, PART_BINS, output_of
from benchmarks.peers import BenchmarkError, absence
from benchmarks.processes import python, spikebin
from benchmarks.report import Goal, Picture, Report, Table, number_text, seconds_text
from benchmarks.whole_part import add_whole_part
from spikebin import open_file
from spikebin.simulate.experiment import presentations

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.inputs import Bench, Truth
    from benchmarks.processes import Finished
    from spikebin.simulate.experiment import Experiment

OLD = "old way (neo, numpy, scipy)"
TEXT = """One sheet of one part, V1_Exc_L4: 37,500 neurons at their real rates, 10 images and then 100, a blank before
each. Whole processes from start to end, the recording in the page cache. The old way loads each segment with neo,
takes whole milliseconds as bins, and saves a compressed sparse matrix. It runs once on 10 images; its time for 100 is
taken as 10 times that, as it works image by image. Then a whole part: six sheets, 108,150 neurons, 100 images, in both
layouts."""


def run(bench: Bench) -> Report:
    report = Report("job", TEXT)
    small, *larger = (bench.experiment(n) for n in bench.pick((10, 100), (2,)))
    warm_up, runs = bench.pick((1, 3), (0, 1))
    skipped = absence("neo", "scipy", quick=bench.quick)
    # The old way takes minutes, so ours runs both before and after it.
    jobs = [export(bench, small) for _ in range(warm_up + runs)][warm_up:]
    old = None if skipped else old_way(bench, small)
    jobs += [export(bench, small) for _ in range(runs - 1)]
    finished = {small: jobs}
    for experiment in larger:
        finished[experiment] = [export(bench, experiment) for _ in range(warm_up + runs)][warm_up:]
    rows, points = [], {}
    for experiment, ours in finished.items():
        images = str(experiment.n_images)
        floor = read_all(bench, experiment)
        times = {"spikebin job": [one.seconds for one in ours], "reading all bytes, no more": floor}
        medians = {name: statistics.median(seconds) for name, seconds in times.items()}
        peaks = {"spikebin job": statistics.median(one.peak_mb for one in ours)}
        ratio = None
        if skipped:
            rows.append([images, OLD, "skipped", *[""] * 4, skipped])
        else:
            name = OLD if experiment is small else f"{OLD}, taken as linear"
            medians[name] = old.seconds * experiment.n_images / small.n_images
            ratio = medians[name] / medians["spikebin job"]
            if experiment is small:
                times[name], peaks[name] = [old.seconds], old.peak_mb
        for name in sorted(medians, key=medians.get, reverse=True):
            seconds = times.get(name, [])
            rows.append([
                images,
                name,
                seconds_text(medians[name]),
                f"{seconds_text(min(seconds))} to {seconds_text(max(seconds))}" if len(seconds) > 1 else "",
                str(len(seconds)),
                number_text(peaks[name], "MB") if name in peaks else "",
                number_text(medians[name] / medians["spikebin job"], "x"),
                "",
            ])  # fmt: skip
            points[f"{name}, {images} images"] = [(0.0, one) for one in seconds or [medians[name]]]
        report.samples[f"{images} images"] = times
        goal, stretch = (80, 110) if experiment is small else (250, 400)
        report.goals.append(Goal(f"job of {images} images, against the old way", ratio, goal, stretch))
    columns = ["images", "what", "median", "range", "runs", "peak memory", "against spikebin job", "note"]
    report.tables.append(Table("A job from start to end", columns, rows, early(bench, small, old)))
    report.pictures.append(Picture("points", "A job from start to end", "seconds", points))
    add_whole_part(bench, report, None if old is None else old.seconds / small.n_images)
    return report


def export(bench: Bench, experiment: Experiment, *options: str) -> Finished:
    """Run a job, and check every trial of the file that it makes."""
    config = bench.project(experiment)
    finished = spikebin("job", "0", "--force", "--config", config, *options)
    check_file(output_of(config, experiment, experiment.sheets[0]), bench.truth(experiment))
    return finished


def check_file(path: Path, truth: Truth) -> None:
    file = open_file(path)
    if file.shape != truth.shape or not np.array_equal(file.neurons["neuron_id"], truth.ids):
        raise BenchmarkError(f"{path} has shape {file.shape} or other neurons than were simulated")
    for i, expected in enumerate(truth.flat):
        if not np.array_equal(file.flat_events(i)[0], expected):
            raise BenchmarkError(f"{path} holds other spikes in trial {i} than were simulated")
    if file.header.n_spikes != sum(truth.n_spikes):
        raise BenchmarkError(f"{path} counts {file.header.n_spikes} spikes, {sum(truth.n_spikes)} were simulated")


def read_all(bench: Bench, experiment: Experiment) -> list[float]:
    """How long it takes to copy every byte of a datastore out of the page cache."""
    times = []
    for _ in range(3):
        start = perf_counter()
        for path in bench.datastore(experiment).iterdir():
            with path.open("rb", buffering=0) as file:
                while file.read(1 << 20):
                    pass
        times.append(perf_counter() - start)
    return times


def old_way(bench: Bench, experiment: Experiment) -> Finished:
    """Run the old way, and check what it makes: whole milliseconds of the times as they are stored."""
    from scipy.sparse import load_npz

    out = bench.scratch / "old.npz"
    sheet = experiment.sheets[0].name
    finished = python("-m", "benchmarks.oldway", bench.datastore(experiment), sheet, out, str(experiment.n_images))
    if len(json.loads(finished.stdout)) != 2 * experiment.n_images:
        raise BenchmarkError("the old way did not read every segment")
    rows, columns = (part.astype(np.int64) for part in load_npz(out).nonzero())
    found = np.sort(columns // N_BINS * (N_BINS * experiment.sheets[0].n_neurons) + rows * N_BINS + columns % N_BINS)
    if not np.array_equal(found, np.concatenate(truncated(experiment))):
        raise BenchmarkError("the old way gives a wrong result")
    return finished


def truncated(experiment: Experiment) -> list[np.ndarray]:
    """What ``int(t)`` makes of each trial, as ascending indices of the whole matrix."""
    trials: dict[str, list[np.ndarray]] = {}
    for shown in presentations(experiment):
        rows = np.repeat(np.arange(shown.ids.size), shown.counts)
        bins = shown.times.astype(int) + (0 if shown.null else PART_BINS[0])
        trials.setdefault(shown.image_id, []).append(rows * N_BINS + bins)
    size = N_BINS * experiment.sheets[0].n_neurons
    return [np.unique(np.concatenate(parts)) + i * size for i, parts in enumerate(trials.values())]


def early(bench: Bench, experiment: Experiment, old: Finished | None) -> str:
    """What the old way's rounding down does to times that rebasing left just below an edge."""
    if old is None:
        return ""
    truth = bench.truth(experiment)
    size = N_BINS * truth.ids.size
    right = np.concatenate([flat + i * size for i, flat in enumerate(truth.flat)])
    misplaced = np.setdiff1d(np.concatenate(truncated(experiment)), right).size
    return (
        f"The results differ in {misplaced:,} of {right.size:,} marks, spikes on an edge whose float64 time lies just"
        " below it: the old way puts them into the bin before."
    )
