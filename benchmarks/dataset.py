"""A data set in use: opening 3,000 files, and reading single trials as training does, against a file for each trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks import training
from benchmarks.inputs import N_BINS, write_matrix
from benchmarks.missing import data_set, smallest_done
from benchmarks.processes import python
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Picture, Report, seconds_text
from spikebin import open_dataset
from spikebin.simulate.v1 import V1

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.inputs import Bench, Truth

TEXT = """Training reads trials in random order. The old pipeline keeps each trial of a sheet as an .npz of its own,
loads it with scipy, makes it dense, and that a tensor of half precision; spikebin reads it out of the files that the
jobs wrote. Here V1_Exc_L4, 37,500 neurons, 20 trials. Opening is of 3,000 files of one sheet, whose seals are all
that is read. """

OLD, OLD_DENSE = "old way: load_npz, toarray, half tensor", "old way: load_npz, toarray"
OPEN = 'import sys, spikebin; print(len(spikebin.open_dataset(sys.argv[1], variant="train", sheet="X_ON")))'
IMPORT = "import spikebin.dataset.open"


def run(bench: Bench) -> Report:
    report = Report("dataset", TEXT + training.TEXT)
    trials(bench, report)
    training.epochs(bench, report)
    opening(bench, report)
    return report


def trials(bench: Bench, report: Report) -> None:
    n_trials = bench.pick(20, 3)
    truth = bench.truth(bench.experiment(n_trials))
    views = {}
    for layout in ("events", "matrix"):
        path = bench.scratch / layout / "train" / "spikes" / "V1_Exc_L4" / "spikes_V1_Exc_L4_50000.h5"
        path.parent.mkdir(parents=True)
        write_matrix(path, truth, layout=layout, threads=2)
        views[layout] = open_dataset(bench.scratch / layout, variant="train", sheet="V1_Exc_L4")
    npz = bench.scratch / "trials"
    draw = np.random.default_rng(4)
    last = {"trial": 0}

    def pick() -> int:
        last["trial"] = int(draw.integers(n_trials))
        return last["trial"]

    def load(i: int) -> np.ndarray:
        from scipy.sparse import load_npz

        return load_npz(npz / f"{i}.npz").toarray()

    def right(found: np.ndarray) -> bool:
        return np.array_equal(found, truth.dense(last["trial"]))

    def right_tensor(found) -> bool:
        return right(found.numpy().T > 0)

    def half_tensor():
        import torch

        return torch.from_numpy(load(pick())).half().T

    def as_tensors(layout: str):
        import torch

        from spikebin.dataset.training import TrialDataset

        items = TrialDataset(views[layout], dtype=torch.float16)
        return lambda: items[pick()].spikes["V1_Exc_L4"]

    contenders = [
        Contender(OLD, lambda _: half_tensor(), right_tensor, ("scipy", "torch"), lambda: write_each(npz, truth)),
        Contender(OLD_DENSE, lambda _: load(pick()), right, ("scipy",), lambda: write_each(npz, truth)),
    ]
    for layout, view in views.items():
        contenders += [
            Contender(
                f"spikebin TrialDataset, {layout}, half tensor",
                lambda item: item(),
                right_tensor,
                ("torch",),
                lambda layout=layout: as_tensors(layout),
            ),
            Contender(f"spikebin view.trial, {layout}, booleans", lambda view=view: view.trial(pick()), right),
        ]
    found = race(contenders, rounds=21, quick=bench.quick)
    found.preparation = dict.fromkeys(found.preparation, 0.0)
    report.samples["trials"] = found.samples
    report.tables.append(
        found.table("One random trial", unit="trial", against=OLD if OLD in found.samples else OLD_DENSE)
    )
    points = found.points(1000)
    report.pictures.append(Picture("points", "One random trial of 37,500 neurons", "ms", points))


def write_each(directory: Path, truth: Truth) -> None:
    from scipy.sparse import csr_matrix, save_npz

    directory.mkdir(exist_ok=True)
    for i, flat in enumerate(truth.flat):
        where = flat // N_BINS, flat % N_BINS
        save_npz(
            directory / f"{i}.npz", csr_matrix((np.ones(flat.size, np.uint8), where), shape=(truth.ids.size, N_BINS))
        )


def opening(bench: Bench, report: Report) -> None:
    _, template = smallest_done(bench)
    n_files = bench.pick(3000, 20)
    config = data_set(bench.scratch / "opened", template, n_files, V1[:1], {})
    name = f"open_dataset, {n_files:,} files"
    found = race(
        [
            Contender(IMPORT, lambda: python("-c", IMPORT), lambda ended: not ended.stdout),
            Contender(
                name,
                lambda: python("-c", OPEN, config.parent / "dataset"),
                lambda ended: int(ended.stdout) == n_files,
            ),
        ],
        rounds=9,
        quick=bench.quick,
    )
    beyond = found.median(name) - found.median(IMPORT)
    note = f"Beyond its imports, opening takes {seconds_text(max(beyond, 0.0))}."
    report.samples["opening"] = found.samples
    report.tables.append(found.table("Opening a data set", unit="process", against=IMPORT, note=note))
    report.goals.append(
        Goal(f"opening {n_files:,} files, beyond imports", beyond, 0.5, 0.25, "s", more_is_better=False)
    )
