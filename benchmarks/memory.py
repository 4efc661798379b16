"""The most memory that a job holds, all its processes together, and whether that grows with the recording."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.job import export
from benchmarks.report import Goal, Picture, Report, Table, number_text

if TYPE_CHECKING:
    from benchmarks.inputs import Bench

TEXT = """Peak resident memory of `spikebin job`: the largest sum over its processes, of the most that each had held.
One sheet, V1_Exc_L4 with 37,500 neurons; a presentation is an image or the blank before it, one file each."""


def run(bench: Bench) -> Report:
    report = Report("memory", TEXT)
    rows, points = [], []
    sizes = bench.pick((5, 30, 100), (2,))
    for n_images in sizes:
        experiment = bench.experiment(n_images)
        finished = [export(bench, experiment) for _ in range(bench.pick(3, 1))]
        peaks = [one.peak_mb for one in finished]
        megabytes = sum(path.stat().st_size for path in bench.datastore(experiment).iterdir()) / 1e6
        rows.append([
            str(2 * n_images),
            number_text(megabytes, "MB"),
            number_text(statistics.median(peaks), "MB"),
            f"{number_text(min(peaks), 'MB')} to {number_text(max(peaks), 'MB')}",
            str(len(peaks)),
        ])  # fmt: skip
        points.append((2.0 * n_images, statistics.median(peaks)))
        report.samples[f"{2 * n_images} presentations, MB"] = {"spikebin job": peaks}
        if n_images in {sizes[0], sizes[-1]}:
            what = f"peak memory of a job of {2 * n_images} presentations"
            report.goals.append(Goal(what, points[-1][1], 400, 300, "MB", more_is_better=False))
    columns = ["presentations", "recording", "median peak", "range", "runs"]
    report.tables.append(Table("Peak memory of a job", columns, rows))
    report.pictures.append(
        Picture("lines", "Peak memory of a job", "MB", {"spikebin job": points}, "presentations in the recording")
    )
    return report
