"""What a sheet takes on disk and how long it takes to write: our layouts, PyTables' own way, and the old .npz."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.inputs import N_BINS, write_matrix
from benchmarks.job import check_file
from benchmarks.peers import absence
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Picture, Report, Table, number_text
from spikebin.matrixfile.layouts.dense import MATRIX_LEVEL
from spikebin.simulate.v1 import V1

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.inputs import Bench, Truth

TEXT = """Thirty trials of a sheet at its real rates, as bytes of the whole file. The entropy is what the matrix holds
if no more is known than each neuron's own rate: the sum over neurons of n H(p). PyTables' own way is a CArray with the
same codec and chunks, assigned trial by trial; its time begins with dense trials that are ready, ours with sorted
events."""

NPZ = "old way: csr .npz"
PYTABLES = "PyTables, same codec and chunks"


def run(bench: Bench) -> Report:
    report = Report("layouts", TEXT)
    sizes(bench, report, bench.pick(30, 3))
    writing(bench, report, bench.pick(10, 3))
    return report


def sizes(bench: Bench, report: Report, n_trials: int) -> None:
    """Bytes of every sheet in every layout."""
    rows = []
    ratios: dict[str, dict[str, float]] = {}
    for model in V1:
        truth = bench.truth(bench.experiment(n_trials, bench.sheet(model)))
        n_marks = sum(flat.size for flat in truth.flat)
        entropy = truth.entropy_bits()
        found = {
            "entropy, given the rates": entropy / 8,
            "spikebin events": size_of(bench, truth, "events", "blosc2"),
            "spikebin matrix": size_of(bench, truth, "matrix", "blosc2"),
            "spikebin matrix, zlib": size_of(bench, truth, "matrix", "zlib"),
        }
        pytables = write_pytables(bench.scratch / "pytables.h5", [truth.dense(i) for i in range(n_trials)], truth)
        found[PYTABLES] = pytables.stat().st_size
        if not absence("scipy", quick=bench.quick):
            found[NPZ] = write_npz(bench.scratch / "old", truth).stat().st_size
        for name, size in found.items():
            rows.append([
                model.name,
                name,
                number_text(size / 1e6, "MB"),
                f"{8 * size / n_marks:.2f}",
                f"{8 * size / entropy:.2f}x",
                f"{size / found[NPZ]:.2f}x" if NPZ in found else "",
            ])  # fmt: skip
            ratios.setdefault(name, {})[model.name] = 8 * size / entropy
        if model.name == "V1_Exc_L4":
            report.goals += [
                Goal(
                    "events layout, bits against the entropy", 8 * found["spikebin events"] / entropy,
                    1.25, 1.1, more_is_better=False,
                ),
                Goal(
                    "matrix layout, bytes against the old .npz",
                    found["spikebin matrix"] / found[NPZ] if NPZ in found else None, 0.95, 0.85, more_is_better=False,
                ),
            ]  # fmt: skip
            points = {
                name: [(0.0, 8 * size / n_marks)] for name, size in sorted(found.items(), key=lambda item: item[1])
            }
            report.pictures.append(
                Picture("points", "What a spike of V1_Exc_L4 takes on disk", "bits per spike", points)
            )
    columns = ["sheet", "", "size", "bits per spike", "against entropy", "against .npz"]
    report.tables.append(Table(f"Size of {n_trials} trials", columns, rows))
    report.facts = {f"{name}, {sheet}, against entropy": x for name, by in ratios.items() for sheet, x in by.items()}


def writing(bench: Bench, report: Report, n_trials: int) -> None:
    """Time to write a file of V1_Exc_L4."""
    truth = bench.truth(bench.experiment(n_trials, bench.sheet()))
    dense = [truth.dense(i) for i in range(n_trials)]

    def ours(name: str, layout: str, codec: str, threads: int) -> Contender:
        path = bench.scratch / f"{layout}-{codec}-{threads}.h5"
        return Contender(
            name,
            lambda: write_matrix(path, truth, layout=layout, codec=codec, threads=threads),
            lambda written: check_file(written, truth) is None,
            per=n_trials,
        )

    two = "spikebin matrix, 2 threads"
    found = race(
        [
            ours("spikebin matrix, 1 thread", "matrix", "blosc2", 1),
            ours(two, "matrix", "blosc2", 2),
            ours("spikebin matrix, zlib, 2 threads", "matrix", "zlib", 2),
            ours("spikebin events, 1 thread", "events", "blosc2", 1),
            ours("spikebin events, 2 threads", "events", "blosc2", 2),
            Contender(
                PYTABLES,
                lambda: write_pytables(bench.scratch / "pytables.h5", dense, truth),
                lambda path: same(path, dense),
                per=n_trials,
                note="from dense trials that are ready",
            ),
            Contender(
                f"{NPZ}, from dense",
                lambda: write_npz_from_dense(bench.scratch / "old", np.stack(dense, axis=1)),
                lambda path: same_npz(path, truth),
                ("scipy",),
                per=n_trials,
                most_rounds=bench.pick(3, 1),
                note="as the old way does; from dense trials that are ready",
            ),
        ],
        rounds=7,
        quick=bench.quick,
    )
    report.samples["writing"] = found.samples
    report.tables.append(found.table("Writing V1_Exc_L4", unit="trial", against=two))
    report.goals.append(Goal("writing the matrix layout, against PyTables' own way", found.ratio(PYTABLES, two), 5, 8))


def size_of(bench: Bench, truth: Truth, layout: str, codec: str) -> int:
    path = write_matrix(bench.scratch / f"size-{layout}-{codec}.h5", truth, layout=layout, codec=codec)
    check_file(path, truth)
    return path.stat().st_size


def write_pytables(path: Path, dense: Iterable[np.ndarray], truth: Truth) -> Path:
    """A CArray as PyTables' documentation has it, with the codec and the chunks of our matrix layout."""
    import tables

    with tables.open_file(str(path), "w") as file:
        array = file.create_carray(
            "/",
            "spikes",
            tables.BoolAtom(),
            shape=truth.shape,
            chunkshape=(1, truth.ids.size, N_BINS),
            filters=tables.Filters(complevel=MATRIX_LEVEL, complib="blosc2:zstd", shuffle=False, bitshuffle=True),
        )
        for i, trial in enumerate(dense):
            array[i] = trial
    return path


def same(path: Path, dense: list[np.ndarray]) -> bool:
    import tables

    with tables.open_file(str(path), "r") as file:
        return all(np.array_equal(file.root.spikes[i], trial) for i, trial in enumerate(dense))


def write_npz(path: Path, truth: Truth) -> Path:
    """The old way's file: (neuron, trials side by side), uint8."""
    from scipy.sparse import csr_matrix, save_npz

    rows = np.concatenate([flat // N_BINS for flat in truth.flat])
    columns = np.concatenate([flat % N_BINS + i * N_BINS for i, flat in enumerate(truth.flat)])
    shape = truth.ids.size, len(truth.flat) * N_BINS
    save_npz(path, csr_matrix((np.ones(rows.size, np.uint8), (rows, columns)), shape=shape))
    return path.with_suffix(".npz")


def write_npz_from_dense(path: Path, dense: np.ndarray) -> Path:
    from scipy.sparse import csr_matrix, save_npz

    save_npz(path, csr_matrix(dense.reshape(len(dense), -1).view(np.uint8)))
    return path.with_suffix(".npz")


def same_npz(path: Path, truth: Truth) -> bool:
    from scipy.sparse import load_npz

    found = load_npz(path).toarray().reshape(truth.ids.size, -1, N_BINS)
    return all(np.array_equal(found[:, i], truth.dense(i)) for i in range(len(truth.flat)))
