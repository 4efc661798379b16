"""A whole part as a job, six sheets and 100 images: both layouts, one thread and two, beside `cat` of the same bytes.

Part of the benchmark `job`. Where the time of one thread goes is measured phase by phase.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
from itertools import product
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.inputs import N_BINS, PART_BINS, STEPS_PER_BIN, output_of
from benchmarks.peers import BenchmarkError
from benchmarks.processes import spikebin
from benchmarks.report import Goal, Picture, Table, number_text, seconds_text
from spikebin import open_file
from spikebin.binning.rules import Binning
from spikebin.binning.trial import bin_trial
from spikebin.matrixfile.image import MatrixImage
from spikebin.matrixfile.schema import neuron_table, source_table, trial_table
from spikebin.pickles.unpickler import read_bytes
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.experiment import Experiment, presentations
from spikebin.simulate.v1 import V1

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.inputs import Bench
    from benchmarks.processes import Finished
    from benchmarks.report import Report
    from spikebin.recordings.mozaik.sheet import MozaikSheet

LAYOUTS, THREADS = ("matrix", "events"), (1, 2)
# Against the old way; and two threads against one.
GOALS = {"matrix": (600, 900), "events": (1200, 1800)}
PROFILED = 3
CAT = "cat of all files, to nowhere"
# Phases of a trial, the last of them in the thread that writes.
IN_THREADS = ("reading bytes", "interpreting, placing by neuron", "binning", "compressing")
DIGEST = "digest, HDF5"


def add_whole_part(bench: Bench, report: Report, old_seconds: float | None) -> None:
    """Add tables and goals; `old_seconds` is what the old way takes for an image of V1_Exc_L4, if it is known."""
    experiment = Experiment(n_images=bench.pick(100, 2), sheets=tuple(bench.sheet(model) for model in V1))
    datastore = bench.datastore(experiment)
    configs = {layout: bench.project(experiment, layout=layout) for layout in LAYOUTS}
    done: dict[tuple[str, int], list[Finished]] = {}
    for turn in range(bench.pick(3, 1)):
        for layout, threads in product(LAYOUTS, THREADS):
            finished = spikebin("job", "0", "--force", "--threads", str(threads), "--config", configs[layout])
            done.setdefault((layout, threads), []).append(finished)
        if turn == 0:
            check(configs, experiment)
    cat = [seconds_of_cat(datastore) for _ in range(3)]
    scale = sum(model.n_neurons for model in experiment.sheets) / experiment.sheets[2].n_neurons
    old = None if old_seconds is None else old_seconds * experiment.n_images * scale
    report.samples["a whole part"] = {
        job_name(*key): [one.seconds for one in finished] for key, finished in done.items()
    } | {CAT: cat}
    points = {name: [(0.0, one) for one in times] for name, times in report.samples["a whole part"].items()}
    report.pictures.append(Picture("points", "A whole part", "seconds", points))
    report.tables.append(times_table(experiment, datastore, done, cat, old))
    report.tables.append(profile_table(datastore, experiment, done))
    add_goals(report, experiment, done, old)
    shutil.rmtree(datastore)


def check(configs: dict[str, Path], experiment: Experiment) -> None:
    """Every trial of every sheet holds the spikes that were simulated, in both layouts."""
    files, others = (
        {model.name: open_file(output_of(configs[layout], experiment, model)) for model in experiment.sheets}
        for layout in LAYOUTS
    )
    if any(files[name].header.content_digest != others[name].header.content_digest for name in files):
        raise BenchmarkError("the layouts of a whole part hold different spikes")
    rows = {name: {text: i for i, text in enumerate(file.trials["image_id"])} for name, file in files.items()}
    waiting: dict[tuple[str, str], np.ndarray] = {}
    n_checked = 0
    for shown in presentations(experiment):
        neurons = np.repeat(np.arange(shown.ids.size), shown.counts)
        flat = neurons * N_BINS + (0 if shown.null else PART_BINS[0]) + shown.steps // STEPS_PER_BIN
        key = shown.sheet, shown.image_id
        if key not in waiting:
            waiting[key] = flat
            continue
        expected = np.unique(np.concatenate([flat, waiting.pop(key)]))
        if not np.array_equal(files[shown.sheet].flat_events(rows[shown.sheet][shown.image_id])[0], expected):
            raise BenchmarkError(f"a job gives other spikes of image {shown.image_id} of {shown.sheet}")
        n_checked += 1
    if waiting or n_checked != sum(map(len, rows.values())):
        raise BenchmarkError("a job gives other trials than were simulated")


def seconds_of_cat(datastore: Path) -> float:
    """How long `cat` of every file takes."""
    start = perf_counter()
    subprocess.run(["cat", *datastore.iterdir()], stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - start


def times_table(
    experiment: Experiment,
    datastore: Path,
    done: dict[tuple[str, int], list[Finished]],
    cat: list[float],
    old: float | None,
) -> Table:
    """Seconds, memory and bytes a second of each way."""
    n_bytes = sum(path.stat().st_size for path in datastore.iterdir())
    rows = [
        [
            CAT,
            *times_of(cat),
            "",
            number_text(n_bytes / statistics.median(cat) / 1e6, "MB/s"),
            "",
        ]
    ]
    for (layout, threads), finished in done.items():
        seconds = [one.seconds for one in finished]
        middle = statistics.median(seconds)
        rows.append([
            job_name(layout, threads),
            *times_of(seconds),
            number_text(max(one.peak_mb for one in finished), "MB"),
            number_text(n_bytes / middle / 1e6, "MB/s"),
            "" if old is None else number_text(old / middle, "x"),
        ])  # fmt: skip
    title = f"A whole part: {len(experiment.sheets)} sheets, {experiment.n_images} images, {n_bytes / 1e9:.2g} GB"
    note = "" if old is None else f"The old way, taken as linear in images and neurons: {seconds_text(old)}."
    columns = ["", "median", "range", "runs", "peak memory", "read", "faster than the old way"]
    return Table(title, columns, rows, note)


def job_name(layout: str, threads: int) -> str:
    """What a job is called in tables."""
    return f"spikebin job, {layout}, {threads} thread{'s' * (threads > 1)}"


def times_of(seconds: list[float]) -> list[str]:
    """Median, range and number."""
    return [
        seconds_text(statistics.median(seconds)),
        f"{seconds_text(min(seconds))} to {seconds_text(max(seconds))}",
        str(len(seconds)),
    ]


def add_goals(
    report: Report, experiment: Experiment, done: dict[tuple[str, int], list[Finished]], old: float | None
) -> None:
    """What was to be reached."""
    medians = {key: statistics.median(one.seconds for one in finished) for key, finished in done.items()}
    what = f"a part of {len(experiment.sheets)} sheets and {experiment.n_images} images, {{}}"
    for layout, (goal, stretch) in GOALS.items():
        ratio = None if old is None else old / medians[layout, 2]
        report.goals.append(Goal(f"{what.format(layout)}, against the old way", ratio, goal, stretch))
    for layout in LAYOUTS:
        ratio = medians[layout, 1] / medians[layout, 2]
        report.goals.append(Goal(f"{what.format(layout)}, 2 threads against 1", ratio, 1.7, 1.9))
    peak = max(one.peak_mb for finished in done.values() for one in finished)
    report.goals.append(Goal(f"peak memory of {what[:-4]}", peak, 350, 300, "MB", more_is_better=False))


def profile_table(datastore: Path, experiment: Experiment, done: dict[tuple[str, int], list[Finished]]) -> Table:
    """Seconds of each phase of a job on one thread: those of a few images of each sheet, times all."""
    profiles = {layout: profile(datastore, experiment, layout) for layout in LAYOUTS}
    most = {}
    for layout, found in profiles.items():
        job = statistics.median(one.seconds for one in done[layout, 1])
        most[layout] = job / max(job / 2, job - sum(found[phase] for phase in IN_THREADS) / 2)
        found["all else: start, index, tables, seals, disk"] = max(0.0, job - sum(found.values()))
        found["the job"] = job
    rows = [[phase, *(seconds_text(profiles[layout][phase]) for layout in LAYOUTS)] for phase in profiles["matrix"]]
    note = (
        f"Of a few images of each sheet, times {experiment.n_images}; what is left of the job is all else. Two threads"
        " share all but the last phases, which makes them at most "
        + " and ".join(f"{ratio:.3g}x ({layout})" for layout, ratio in most.items())
        + " as fast as one."
    )
    return Table("Where the time of a whole part goes, one thread", ["", *LAYOUTS], rows, note)


def profile(datastore: Path, experiment: Experiment, layout: str) -> dict[str, float]:
    """Seconds of each phase, for all images."""
    recording = open_recording(datastore)
    sheets = [recording.sheet(name, TrialRule()) for name in recording.sheets]
    # The first sheet once more: kernels are loaded.
    phases = [phases_of(datastore, sheet, layout) for sheet in [sheets[0], *sheets]][1:]
    return {phase: experiment.n_images * sum(found[phase] for found in phases) for phase in phases[0]}


def phases_of(datastore: Path, sheet: MozaikSheet, layout: str) -> dict[str, float]:
    """Seconds of each phase of a trial of one sheet."""
    n = min(1 + PROFILED, len(sheet.trials))
    seconds = dict.fromkeys((*IN_THREADS, DIGEST), 0.0)
    room = np.ones(1 << 26, np.uint8)
    image, smallest = (
        MatrixImage(
            (size, len(sheet.neurons), N_BINS),
            "bool",
            layout,
            "blosc2",
            neuron_table(sheet.neurons),
            trial_table(sheet.trials[:size], [list(PART_BINS)] * size),
        )
        for size in (n, 1)
    )
    for i, trial in enumerate(sheet.trials[:n]):
        times = [perf_counter()]
        for file in dict.fromkeys(sheet._phases[i]):
            read_bytes(datastore / file, make=lambda _: room)
        times.append(perf_counter())
        spikes = sheet.spikes(i)
        times.append(perf_counter())
        events = bin_trial(trial, spikes, Binning(), N_BINS, "")
        times.append(perf_counter())
        encoded = image.encode(events)
        times.append(perf_counter())
        image.append(events, encoded)
        times.append(perf_counter())
        if i == 0:
            # With the first, kernels are loaded and tables made.
            smallest.append(events, smallest.encode(events))
            continue
        took = np.diff(times)
        took[1] = max(0.0, took[1] - took[0])
        for name, one in zip(seconds, took.tolist(), strict=True):
            seconds[name] += one / (n - 1)
    ends = [perf_counter()]
    for one in (smallest, image):
        one.finish(source_table([]), 1)
        ends.append(perf_counter())
    # The layout of events compresses once it knows all of them.
    phase = "compressing" if layout == "events" else DIGEST
    seconds[phase] += max(0.0, ends[2] - 2 * ends[1] + ends[0]) / (n - 1)
    return seconds
