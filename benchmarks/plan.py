"""Plans of 10^2 to 10^5 parts of six sheets: drawing one up, asking how far it has come, one job of it, opening it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.missing import data_set, smallest_done
from benchmarks.processes import python, spikebin
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Picture, Report, Table, number_text
from spikebin.matrixfile.seal import read_seal
from spikebin.output.paths import matrix_path
from spikebin.simulate.v1 import V1

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.inputs import Bench
    from benchmarks.processes import Finished

FEWEST = 10
TEXT = """A root of so many recordings, planned as six sheets each, nothing exported; then as many files of one sheet,
opened as a data set, beside a loop that does no more than read their seals. Only the first and the last recording can
be read, all others are empty directories: what is measured is the plan. Whole processes, from start to end."""
OPEN = """
import sys, spikebin
from spikebin import open_dataset
dataset = open_dataset(sys.argv[1], sheet=sys.argv[2])
print(len(dataset.files))
"""
FLOOR = """
import os, sys
place = sys.argv[1]
names = os.listdir(place)
for name in names:
    descriptor = os.open(f"{place}/{name}", os.O_RDONLY)
    os.fstat(descriptor)
    os.read(descriptor, 4096)
    os.close(descriptor)
print(len(names))
"""
BARE = "the floor: the first 4,096 bytes of each file"
GOALS = {
    # What: most seconds, and what would be good.
    "spikebin plan": (10.0, 6.0),
    "spikebin missing": (2.0, 1.0),
    "spikebin status": (2.0, 1.0),
    "open_dataset": (3.0, 2.0),
}


def run(bench: Bench) -> Report:
    report = Report("plan", TEXT)
    experiment = replace(bench.experiment(1), sheets=tuple(replace(model, n_neurons=4) for model in V1))
    recording = bench.datastore(experiment)
    _, template = smallest_done(bench)
    times: dict[str, dict[int, float]] = {}
    peaks: dict[str, dict[int, float]] = {}
    sizes = [FEWEST, *(10**power for power in bench.pick(range(2, 6), ()))]
    for n_parts in sizes:
        for name, seconds, peak in one_size(bench, recording, template, n_parts, report):
            times.setdefault(name, {})[n_parts] = seconds
            peaks.setdefault(name, {})[n_parts] = peak
    columns = ["", *(f"{n:,} parts" for n in sizes)]
    for title, found, unit in (("Seconds", times, "s"), ("Most memory", peaks, "MB")):
        rows = [[name, *(number_text(row[n], unit) for n in sizes)] for name, row in found.items()]
        report.tables.append(Table(title, columns, rows))
    most = sizes[-1]
    for name, (goal, stretch) in GOALS.items():
        report.goals.append(
            Goal(f"{name}, {most:,} parts", times[name][most], goal, stretch, "s", more_is_better=False)
        )
    job = times["spikebin job, the last"]
    beyond = job[most] - job[FEWEST]
    report.goals.append(
        Goal(f"a job of {most:,}, against one of {FEWEST}", beyond, 0.1, 0.05, "s", more_is_better=False)
    )
    report.pictures.append(
        Picture("lines", "Plans", "s", {name: list(row.items()) for name, row in times.items()}, "parts")
    )
    return report


def one_size(
    bench: Bench, recording: Path, template: Path, n_parts: int, report: Report
) -> list[tuple[str, float, float]]:
    """Name, seconds and MB of each command on a plan of so many parts."""
    config = project(bench.scratch / f"plan-{n_parts}", recording, n_parts)
    last = str(n_parts - 1)
    everything = f"0-{last}\n"
    opened = data_set(bench.scratch / f"open-{n_parts}", template, n_parts, V1[:1], {})
    results: dict[str, Finished] = {}

    def kept(name: str, *arguments: str | Path) -> Finished:
        results[name] = spikebin(*arguments, "--config", config)
        return results[name]

    def open_dataset() -> Finished:
        results["open_dataset"] = python("-c", OPEN, opened.parent / "dataset", "X_ON")
        return results["open_dataset"]

    def bare() -> Finished:
        results[BARE] = python("-c", FLOOR, opened.parent / "dataset" / "train" / "spikes" / "X_ON")
        return results[BARE]

    def done(_: Finished) -> bool:
        return read_seal(matrix_path(config.parent / "dataset", "train", part(n_parts - 1), "X_ON")).shape[1] == 4

    contenders = [
        Contender(
            "spikebin plan",
            lambda: kept("spikebin plan", "plan"),
            lambda ended: f"{n_parts:,} jobs" in ended.stdout and len(ended.stdout.splitlines()) < 60,
        ),
        Contender(
            "spikebin missing",
            lambda: kept("spikebin missing", "missing"),
            lambda ended: ended.stdout == everything,
        ),
        Contender(
            "spikebin status",
            lambda: kept("spikebin status", "status"),
            lambda ended: ended.stdout.count(f" {n_parts:,} ") >= len(V1) - 1,
        ),
        Contender(
            "spikebin job, the last",
            lambda: kept("spikebin job, the last", "job", last, "--sheet", "X_ON", "--force"),
            done,
        ),
        Contender("open_dataset", open_dataset, lambda ended: ended.stdout == f"{n_parts}\n"),
        Contender(BARE, bare, lambda ended: ended.stdout == f"{n_parts}\n"),
    ]
    found = race(contenders, rounds=3, quick=bench.quick)
    report.samples[f"{n_parts} parts"] = found.samples
    return [(one.name, found.median(one.name), results[one.name].peak_mb) for one in contenders]


def project(directory: Path, recording: Path, n_parts: int) -> Path:
    """A spikebin.toml above so many recordings, of which the first and the last can be read."""
    for i in range(n_parts):
        path = directory / f"part{part(i)}"
        if i in {0, n_parts - 1}:
            directory.mkdir(exist_ok=True)
            path.symlink_to(recording)
        else:
            path.mkdir()
    config = directory / "spikebin.toml"
    sheets = ", ".join(f'"{model.name}"' for model in V1)
    config.write_text(
        f'sheets = [{sheets}]\n\n[[recordings]]\nvariant = "train"\nroot = "."\nparts = "part{{part}}"\n',
        encoding="utf-8",
    )
    return config


def part(i: int) -> str:
    """Name of a part."""
    return str(1_000_000 + i)
