"""`spikebin missing` and `spikebin status` over a data set of 3,000 files, nearly all of them done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.inputs import output_of
from benchmarks.processes import spikebin
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Report, seconds_text
from spikebin.matrixfile.seal import SEAL_SIZE, pack_seal, read_seal
from spikebin.output.paths import matrix_path
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import make_plan
from spikebin.simulate.v1 import V1, SheetModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.inputs import Bench

ONE, ALL = "spikebin missing, {} file", "spikebin missing, {:,} files"
NOT_DONE = (3, 7, 8, 9)
TEXT = """Six sheets of 500 parts; four parts lack a sheet, and the command says which. What it takes beyond its own
start is the difference from a data set of one file."""


def run(bench: Bench) -> Report:
    report = Report("missing", TEXT)
    single, template = smallest_done(bench)
    n_parts = bench.pick(500, 12)
    config = data_set(bench.scratch / "many", template, n_parts, V1, {i: V1[i % 6].name for i in NOT_DONE})
    n_files = n_parts * len(V1)
    one, many, status = ONE.format(1), ALL.format(n_files), f"spikebin status, {n_files:,} files"
    found = race(
        [
            Contender(one, lambda: spikebin("missing", "--config", single), lambda ended: not ended.stdout),
            Contender(many, lambda: spikebin("missing", "--config", config), lambda ended: ended.stdout == "3,7-9\n"),
            Contender(status, lambda: spikebin("status", "--config", config), lambda ended: "X_ON" in ended.stdout),
        ],
        rounds=11,
        quick=bench.quick,
    )
    beyond = found.median(many) - found.median(one)
    report.samples["processes"] = found.samples
    note = f"Beyond its start, `missing` takes {seconds_text(max(beyond, 0.0))} for {n_files:,} files."
    report.tables.append(found.table("Processes, from start to end", unit="process", against=one, note=note))
    report.goals.append(
        Goal(f"`missing` over {n_files:,} files, beyond its start", beyond, 0.2, 0.05, "s", more_is_better=False)
    )
    return report


def smallest_done(bench: Bench) -> tuple[Path, Path]:
    """A project of one part that is done, and its matrix file."""
    smallest = bench.experiment(1, SheetModel("X_ON", 4, (100.0,) * 5))
    config = bench.project(smallest)
    spikebin("job", "0", "--config", config)
    return config, output_of(config, smallest, smallest.sheets[0])


def data_set(
    directory: Path, template: Path, n_parts: int, models: Sequence[SheetModel], lacking: Mapping[int, str]
) -> Path:
    """A planned data set whose files are copies of one, each sealed as what it stands for; `lacking` are not there."""
    for i in range(n_parts):
        (directory / f"part{50000 + 100 * i}").mkdir(parents=True)
    config = directory / "spikebin.toml"
    sheets = ", ".join(f'"{model.name}"' for model in models)
    config.write_text(
        f'sheets = [{sheets}]\n\n[[recordings]]\nvariant = "train"\nroot = "."\nparts = "part{{part}}"\n',
        encoding="utf-8",
    )
    # The recordings are empty directories, which `spikebin plan` would open.
    plan, _ = make_plan(load_config(config))
    seal, body = read_seal(template), template.read_bytes()[SEAL_SIZE:]
    for job in plan.jobs:
        for sheet in job.sheets:
            if lacking.get(job.index) == sheet:
                continue
            path = matrix_path(plan.config.output, job.variant, job.part, sheet)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pack_seal(replace(seal, variant=job.variant, part=job.part, sheet=sheet)) + body)
    return config
