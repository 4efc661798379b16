"""Reading back: one random trial of a file of 100 as booleans, and slices along neurons and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.inputs import N_BINS, write_matrix
from benchmarks.layouts import write_npz, write_pytables
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Picture, Report, Table
from spikebin import open_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.inputs import Bench, Truth

TEXT = """A file of 100 trials of V1_Exc_L4, 37,500 neurons x 712 bins. Whoever wants one trial of an old .npz loads
all of it; made dense, as the old pipeline did, or sliced while still sparse. The other files stay open, and random
trials are asked for. Slices are compared with a CArray that PyTables wrote itself, same codec and chunks."""

MATRIX, EVENTS = "spikebin matrix", "spikebin events"
PYTABLES = "PyTables, same codec and chunks"
NPZ = "old way: load_npz, toarray, slice"
NPZ_SPARSE = "old way: load_npz, slice, toarray"
SLICES = {
    "[i]": "one trial",
    "[i, 100:612]": "512 neurons of one trial",
    "[i, 10:20, 5:9]": "a few cells of one trial",
    "[:, j]": "one neuron, all trials",
    "[:, :, 300:310]": "10 bins, all neurons, all trials",
}


def run(bench: Bench) -> Report:
    report = Report("access", TEXT)
    truth = bench.truth(bench.experiment(bench.pick(100, 4)))
    paths = {MATRIX: write_matrix(bench.scratch / "access.h5", truth, threads=2)}
    paths[EVENTS] = write_matrix(bench.scratch / "access-events.h5", truth, layout="events", threads=2)
    files = {name: open_file(path) for name, path in paths.items()}
    plain = write_pytables(bench.scratch / "access-pytables.h5", map(truth.dense, range(len(truth.flat))), truth)
    import tables

    with tables.open_file(str(plain), "r") as file:
        arrays = {**{name: opened.spikes for name, opened in files.items()}, PYTABLES: file.root.spikes}
        random_trial(bench, report, truth, arrays)
        slices(bench, report, truth, arrays)
    for name, path in paths.items():
        checks(bench, report, truth, name, path)
    return report


def checks(bench: Bench, report: Report, truth: Truth, name: str, path: Path) -> None:
    """What it costs that every read is checked: the same trials, checked each time and never."""
    draw = np.random.default_rng(2)
    last = {"trial": 0}

    def trial(array: Any) -> np.ndarray:
        last["trial"] = int(draw.integers(len(truth.flat)))
        return array[last["trial"]]

    def right(found: np.ndarray) -> bool:
        return np.array_equal(found, truth.dense(last["trial"]))

    arrays = {check: open_file(path, check=check).spikes for check in ("never", "first", "always")}
    found = race(
        [Contender(check, lambda array=array: trial(array), right) for check, array in arrays.items()],
        rounds=41,
        quick=bench.quick,
    )
    report.samples[f"checks, {name}"] = found.samples
    title = f"A random trial of {name} whose bytes are held against their checksums"
    report.tables.append(found.table(title, unit="trial", against="never"))
    report.goals.append(
        Goal(
            f"a random trial of {name}, checked each time, against never",
            found.ratio("always", "never"),
            1.1,
            1.03,
            more_is_better=False,
        )
    )


def random_trial(bench: Bench, report: Report, truth: Truth, arrays: dict[str, Any]) -> None:
    n_trials = len(truth.flat)
    draw = np.random.default_rng(1)
    last = {"trial": 0}

    def pick() -> int:
        last["trial"] = int(draw.integers(n_trials))
        return last["trial"]

    def right(found: np.ndarray) -> bool:
        return np.array_equal(found, truth.dense(last["trial"]))

    npz = bench.scratch / "access.npz"

    def load():
        from scipy.sparse import load_npz

        return load_npz(npz)

    def dense_npz() -> np.ndarray:
        start = pick() * N_BINS
        return load().toarray()[:, start : start + N_BINS].astype(bool)

    def sparse_npz() -> np.ndarray:
        start = pick() * N_BINS
        return load()[:, start : start + N_BINS].toarray().astype(bool)

    def prepare() -> None:
        if not npz.exists():
            write_npz(npz.with_suffix(""), truth)

    contenders = [Contender(name, lambda array=array: array[pick()], right) for name, array in arrays.items()]
    contenders += [
        Contender(name, lambda _, load=load_one: load(), right, ("scipy",), prepare, most_rounds=3)
        for name, load_one in ((NPZ, dense_npz), (NPZ_SPARSE, sparse_npz))
    ]
    found = race(contenders, rounds=21, quick=bench.quick)
    found.preparation.clear()
    report.samples["random trial"] = found.samples
    report.tables.append(found.table(f"One random trial of {n_trials}, as booleans", unit="trial", against=MATRIX))
    report.goals += [
        Goal("one random trial of 100, events, against the old .npz", found.ratio(NPZ, EVENTS), 50, 200),
        Goal("one random trial of 100, matrix, against the old .npz", found.ratio(NPZ, MATRIX), 10, 30),
    ]
    points = found.points(1000)
    report.pictures.append(Picture("points", f"One random trial of {n_trials}", "ms", points))


def slices(bench: Bench, report: Report, truth: Truth, arrays: dict[str, Any]) -> None:
    n_trials, n_neurons, _ = truth.shape
    draw = np.random.default_rng(2)
    last: dict[str, Any] = {}
    dense = np.zeros(truth.shape, bool)
    for i in range(n_trials):
        dense[i] = truth.dense(i)

    def indices(text: str) -> Callable[[], Any]:
        def pick() -> Any:
            i, j = int(draw.integers(n_trials)), int(draw.integers(n_neurons))
            last["index"] = {
                "[i]": i,
                "[i, 100:612]": (i, slice(100, 612)),
                "[i, 10:20, 5:9]": (i, slice(10, 20), slice(5, 9)),
                "[:, j]": (slice(None), j),
                "[:, :, 300:310]": (slice(None), slice(None), slice(300, 310)),
            }[text]
            return last["index"]

        return pick

    def right(found: np.ndarray) -> bool:
        return np.array_equal(found, dense[last["index"]])

    rows, worst = [], []
    for text, words in SLICES.items():
        pick = indices(text)
        found = race(
            [Contender(name, lambda array=array, pick=pick: array[pick()], right) for name, array in arrays.items()],
            # A slice of one trial takes less than a millisecond.
            rounds=5 if text.startswith("[:") else 41,
            quick=bench.quick,
        )
        report.samples[f"slice {text}"] = found.samples
        table = {row[0]: row[1] for row in found.table("", unit="", against=PYTABLES).rows}
        gain = found.ratio(PYTABLES, MATRIX)
        rows.append([text, words, *[table[name] for name in arrays], f"{gain:.2f}x"])
        if text != "[i]":
            worst.append(gain)
    columns = ["slice", "what", *arrays, "matrix, against PyTables"]
    report.tables.append(Table("Slices", columns, rows))
    report.goals.append(
        Goal("slices of the matrix layout, the worst of four, against PyTables' own way", min(worst), 1, 2)
    )
