"""What the benchmarks work on: simulated recordings at the real model's rates, and what a matrix of them must hold.

The truth is computed from the whole steps of 0.1 ms in which the simulation draws its spikes, with none of the code
that is measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.processes import spikebin
from spikebin.binning.rules import Binning
from spikebin.binning.tally import Tally
from spikebin.binning.trial import Phase, Trial, TrialEvents
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings
from spikebin.matrixfile.writer import MatrixWriter
from spikebin.names import directory_name
from spikebin.recordings.protocol import NEURON_FIELDS
from spikebin.simulate.experiment import Experiment, presentations, write_datastore
from spikebin.simulate.v1 import V1, SheetModel

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from spikebin.simulate.experiment import Presentation
    from spikebin.simulate.mozaik_pickles import Flavour

__all__ = ["N_BINS", "PART_BINS", "Bench", "Truth", "output_of", "spikes_of", "write_matrix"]

# A blank of 150 ms and an image of 560 ms in bins of 1 ms, each with its end bin.
PART_BINS = (151, 561)
N_BINS = sum(PART_BINS)
STEPS_PER_BIN = 10
PHASES = (Phase("blank", 0.0, 150.0), Phase("image", 0.0, 560.0))

L4 = V1[2]
QUICK_SCALE = 0.01


@dataclass(frozen=True)
class Truth:
    """What a matrix of one sheet must hold.

    Attributes
    ----------
    ids : ndarray of int64 (n_neurons,)
    flat : tuple of ndarray of int64
        For each trial ``row * N_BINS + bin`` of the bins with a spike, ascending.
    n_spikes : tuple of int
        For each trial, those that collide included.
    """

    ids: NDArray[np.int64]
    flat: tuple[NDArray[np.int64], ...]
    n_spikes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(trial, neuron, time)."""
        return len(self.flat), self.ids.size, N_BINS

    def events(self, trial: int) -> TrialEvents:
        """One trial, as a writer takes it."""
        flat, n_spikes = self.flat[trial], self.n_spikes[trial]
        return TrialEvents(flat, None, Tally(n_spikes, flat.size, n_spikes - flat.size, 0))

    def dense(self, trial: int) -> NDArray[np.bool_]:
        """One trial, (n_neurons, N_BINS)."""
        out = np.zeros((self.ids.size, N_BINS), bool)
        out.reshape(-1)[self.flat[trial]] = True
        return out

    def entropy_bits(self) -> float:
        """The fewest bits that can hold the matrix if no more is known than how often each neuron fires.

        The sum over neurons of ``n * H(p)``: n bins of all trials, p the share of them with a spike, and
        ``H(p) = -p log2 p - (1 - p) log2 (1 - p)``, Shannon's entropy of one bin.
        """
        n = len(self.flat) * N_BINS
        p = sum(np.bincount(flat // N_BINS, minlength=self.ids.size) for flat in self.flat) / n
        p = p[(p > 0) & (p < 1)]
        return float(n * -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).sum())


class Bench:
    """What is shared by the benchmarks of one run.

    Parameters
    ----------
    scratch : Path
        Removed by whoever made it.
    quick : bool
        Everything small.
    """

    def __init__(self, scratch: Path, *, quick: bool) -> None:
        self.scratch = scratch
        self.quick = quick
        self._datastores = cache(self._datastore)
        self.project = cache(self._project)
        self.truth = cache(self._truth)

    def pick(self, full: Any, quick: Any) -> Any:
        """One of two, by the kind of run."""
        return quick if self.quick else full

    def sheet(self, model: SheetModel = L4, scale: float = 1.0) -> SheetModel:
        """A sheet of the model, at `scale` times its size, and a hundredth of that in a quick run."""
        return replace(model, n_neurons=max(4, round(model.n_neurons * scale * self.pick(1, QUICK_SCALE))))

    def experiment(self, n_images: int, model: SheetModel | None = None, first_image: int = 50000) -> Experiment:
        """Images shown once to one sheet, V1_Exc_L4 if not said otherwise."""
        return Experiment(first_image=first_image, n_images=n_images, sheets=(model or self.sheet(),))

    def datastore(self, experiment: Experiment, flavour: Flavour = "neo-0.14") -> Path:
        """A datastore of an experiment, its bytes in the page cache."""
        return self._datastores(experiment, flavour)

    def _datastore(self, experiment: Experiment, flavour: Flavour) -> Path:
        return write_datastore(self.scratch / flavour / str(abs(hash(experiment))), experiment, flavour=flavour)

    def _project(self, *experiments: Experiment, layout: str = "matrix") -> Path:
        """A spikebin.toml, planned, for experiments that are the parts of one variant."""
        directory = self.scratch / f"project-{layout}-{abs(hash(experiments))}"
        directory.mkdir()
        for experiment in experiments:
            datastore = self.datastore(experiment)
            (directory / datastore.name).symlink_to(datastore)
        config = directory / "spikebin.toml"
        sheets = ", ".join(f'"{model.name}"' for model in experiments[0].sheets)
        config.write_text(
            f'sheets = [{sheets}]\nlayout = "{layout}"\n\n[[recordings]]\nvariant = "train"\nroot = "."\n'
            'parts = "NewDataset_Images_from_{part}_to_*"\n',
            encoding="utf-8",
        )
        spikebin("plan", "--config", config)
        return config

    def _truth(self, experiment: Experiment) -> Truth:
        (population,) = experiment.populations
        trials: dict[str, list[NDArray[np.int64]]] = {}
        for shown in presentations(experiment):
            rows = np.repeat(np.arange(shown.ids.size), shown.counts)
            first = 0 if shown.null else PART_BINS[0]
            trials.setdefault(shown.image_id, []).append(rows * N_BINS + first + shown.steps // STEPS_PER_BIN)
        joined = [np.concatenate(parts) for parts in trials.values()]
        flat = tuple(np.unique(part) for part in joined)
        return Truth(population.ids[population.recorded], flat, tuple(part.size for part in joined))


def output_of(config: Path, experiment: Experiment, model: SheetModel) -> Path:
    """Where the matrix file of an experiment's sheet lies."""
    part, sheet = str(experiment.first_image), directory_name(model.name)
    return config.parent / "dataset" / "train" / "spikes" / sheet / f"spikes_{sheet}_{part}.h5"


def spikes_of(shown: Presentation) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Times in ms, and rows, of the spikes of one presentation."""
    return shown.times, np.repeat(np.arange(shown.ids.size), shown.counts)


def write_matrix(
    path: Path,
    truth: Truth,
    *,
    sheet: str = L4.name,
    layout: str = "matrix",
    codec: str = "blosc2",
    threads: int = 1,
) -> Path:
    """Write a matrix file of what is to be in it, trials encoded by so many threads, as a job does."""
    from concurrent.futures import ThreadPoolExecutor

    neurons = np.zeros(truth.ids.size, NEURON_FIELDS)
    neurons["neuron_id"] = truth.ids
    trials = [Trial(str(i), 0, i, "{}", PHASES) for i in range(len(truth.flat))]
    events = [truth.events(i) for i in range(len(trials))]
    with (
        MatrixWriter(
            Identity(sheet, "train", "50000"),
            neurons,
            trials,
            Settings(Binning(), layout, codec, threads),  # type: ignore[arg-type]
        ) as writer,
        ThreadPoolExecutor(threads) as pool,
    ):
        for trial, encoded in zip(events, pool.map(writer.encode, events), strict=True):
            writer.append(trial, encoded)
        writer.write(path, "simulated", [])
    return path
