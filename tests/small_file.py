"""A small matrix file of drawn spikes, and the array that it must hold."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np

from spikebin import Binning
from spikebin.binning.trial import Phase, PhaseSpikes, Trial, bin_trial
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings
from spikebin.matrixfile.writer import MatrixWriter
from spikebin.recordings.protocol import NEURON_FIELDS, SourceFile

N_NEURONS = 5


PHASES = (Phase("blank", 0.0, 4.0), Phase("image", 0.0, 9.0))


def write(path, **settings):
    """A small file of drawn spikes, in place of what is there; returns the dense array that it must hold."""
    content, dense = _written(**settings)
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.replace(path)
    return dense.copy()


@cache
def _written(*, seed=0, layout="matrix", codec="blosc2", values="bool", durations=(9.0, 9.0, 6.0)):
    """The bytes of such a file, and its array."""
    rng = np.random.default_rng(seed)
    neurons = np.zeros(N_NEURONS, NEURON_FIELDS)
    neurons["neuron_id"] = [3, 4, 8, 9, 100]
    neurons["z"] = np.nan
    trials = [
        Trial(f"5001{i}", i % 2, i, "{'name': 'μ'}", (PHASES[0], replace(PHASES[1], stop=stop)))
        for i, stop in enumerate(durations)
    ]
    binning = Binning(values=values)
    with MatrixWriter(
        Identity("V1_Exc_L2/3", "train", "50000"),
        neurons,
        trials,
        Settings(binning, layout, codec),
    ) as writer:
        dense = np.zeros(writer.shape, np.uint8)
        for i, trial in enumerate(trials):
            spikes, first_bin = [], 0
            for phase in trial.phases:
                times, rows = rng.uniform(0, phase.stop, 40), rng.integers(0, N_NEURONS, 40)
                spikes.append(PhaseSpikes(times, rows))
                np.add.at(dense[i], (rows, first_bin + times.astype(int)), 1)
                first_bin += int(phase.stop) + 1
            events = bin_trial(trial, spikes, binning, writer.n_columns, "drawn")
            writer.append(events, writer.encode(events))
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "a.h5"
            writer.write(path, "drawn", [SourceFile("Segment0.pickle", 10, 1.5)])
            content = path.read_bytes()
    return content, dense if values == "count" else dense > 0
