"""Small data sets of drawn spikes, and what they must read as: for the tests of everything above matrix files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikebin import Binning
from spikebin.binning.tally import Tally
from spikebin.binning.trial import Phase, PhaseSpikes, Trial, TrialEvents, bin_trial
from spikebin.matrixfile.layouts.base import make_layout
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings
from spikebin.matrixfile.writer import MatrixWriter
from spikebin.output.paths import matrix_path
from spikebin.recordings.protocol import NEURON_FIELDS, SourceFile


def known_layouts():
    """Layouts that this version can write."""
    found = []
    for name in ("matrix", "events"):
        try:
            make_layout(name, (1, 1, 1), np.dtype(bool), "blosc2")
        except (KeyError, ValueError):
            continue
        found.append(name)
    return found


LAYOUTS = known_layouts()


@dataclass(frozen=True)
class Shown:
    """One trial: image, repeat, order, and the bins of its blank and its image."""

    image: str
    repeat: int = 0
    order: int = 0
    blank: int = 5
    length: int = 12


def write_part(
    root,
    sheet,
    part,
    shown,
    *,
    variant="train",
    ids=(3, 4, 8, 9, 100, 101),
    layout="matrix",
    values="bool",
    rule=None,
    seed=0,
    end_bin=False,
):
    """Write one matrix file; the dense array (trial, neuron, time) that it holds.

    With an end bin, a phase of n ms has n + 1 bins of 1 ms, the last for spikes at exactly its end.
    """
    rng = np.random.default_rng([seed, len(part), *map(ord, part + sheet)])
    neurons = np.zeros(len(ids), NEURON_FIELDS)
    neurons["neuron_id"] = ids
    neurons["x"] = np.arange(len(ids)) / 10
    neurons["z"] = np.nan
    trials = [
        Trial(
            one.image,
            one.repeat,
            one.order,
            f"stimulus of {one.image}",
            (Phase("blank", 0.0, float(one.blank)), Phase("image", 0.0, float(one.length))),
        )
        for one in shown
    ]
    binning = Binning(end_bin=end_bin, values=values)
    identity = Identity(sheet, variant, part)
    with MatrixWriter(identity, neurons, trials, Settings(binning, layout, trial=rule or {})) as writer:
        dense = np.zeros(writer.shape, np.uint8)
        for i, trial in enumerate(trials):
            spikes, first = [], 0
            for phase in trial.phases:
                n = int(rng.integers(0, 40))
                times, rows = rng.uniform(0, phase.stop, n), rng.integers(0, len(ids), n)
                if end_bin:
                    times[: n // 10] = phase.stop
                spikes.append(PhaseSpikes(times, rows))
                np.add.at(dense[i], (rows, first + times.astype(int)), 1)
                first += int(phase.stop) + end_bin
            events = bin_trial(trial, spikes, binning, writer.n_columns, "drawn")
            writer.append(events, writer.encode(events))
        writer.write(matrix_path(root, variant, part, sheet), "drawn", [SourceFile("Segment0.pickle", 10, 1.5)])
    return dense if values == "count" else dense > 0


def images(first, n, repeats=1, **lengths):
    """`n` images shown one after another, `repeats` times over."""
    return [Shown(f"{first + i}", r, r * n + i, **lengths) for r in range(repeats) for i in range(n)]


def side_by_side(arrays):
    """Trials of several parts as one array, the shorter ones padded."""
    longest = max(array.shape[2] for array in arrays)
    return np.concatenate([np.pad(a, ((0, 0), (0, 0), (0, longest - a.shape[2]))) for a in arrays])


def write_cells(path, dense, *, layout, codec, threads=2):
    """A matrix file that holds an array (trial, neuron, time) of bool or uint8."""
    n_trials, n_neurons, n_columns = dense.shape
    neurons = np.zeros(n_neurons, NEURON_FIELDS)
    neurons["neuron_id"] = np.arange(n_neurons)
    counting = dense.dtype == np.uint8
    with MatrixWriter(
        Identity("S", "train", "0"),
        neurons,
        [Trial(str(i), 0, i, "Image", (Phase("image", 0.0, n_columns - 1.0),)) for i in range(n_trials)],
        Settings(Binning(values="count" if counting else "bool"), layout, codec, threads),
    ) as writer:
        for trial in dense:
            flat = np.flatnonzero(trial)
            counts = trial.reshape(-1)[flat] if counting else None
            events = TrialEvents(flat, counts, Tally(*2 * (int(trial.sum(dtype=np.int64)),)))
            writer.append(events, writer.encode(events))
        writer.write(path, "drawn", [])
    return open_file(path)


def draw_cells(shape, values, *, seed=0, mean=0.02, sigma=2.0):
    """Cells of neurons whose rates differ a thousandfold."""
    rng = np.random.default_rng(seed)
    rates = np.minimum(0.9, mean * rng.lognormal(-(sigma**2) / 2, sigma, shape[1]))
    dense = rng.random(shape) < rates[:, np.newaxis]
    return dense if values == "bool" else dense * rng.integers(1, 256, shape, np.uint8)


TWO_SHEETS = ("X_ON", "V1_Exc_L2/3")
THREE_PARTS = {"9": images(90, 3), "10": images(100, 2, repeats=2, length=15), "50000": images(500, 4)}
SIX_IDS = (3, 4, 8, 9, 100, 101)
# Trials of unequal lengths, repeats, an image that two parts show, a part whose repeats alternate.
RAGGED_PARTS = {
    "9": [Shown(f"9{i}", 0, i, 4 + i, 9 + 2 * i) for i in range(3)],
    "10": images(100, 3, repeats=3),
    "11": [*images(101, 2), Shown("103", 1, 2)],
    "12": [Shown(f"11{i // 2}", i % 2, i) for i in range(4)],
}
