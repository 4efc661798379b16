"""A made-up V1: which neurons there are, where, and when they fire to what they see."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spikebin.simulate.experiment import Experiment


__all__ = ["STEP_MS", "V1", "Population", "SheetModel", "scaled"]

STEP_MS = 0.1
"""NEST's resolution: every spike is a whole number of steps after its presentation's onset."""


@dataclass(frozen=True)
class SheetModel:
    """One sheet: its recorded neurons and how much they fire.

    Attributes
    ----------
    name : str
        mozaik's name of the sheet; may hold a slash.
    n_neurons : int
        Neurons that are recorded.
    percentiles_hz : tuple of 5 floats
        Rates of the neurons at 1, 10, 50, 90 and 99 %; log-linear in between, on a normal scale.
    polarity : float
        1: driven by the bright parts of an image, -1: by the dark ones, 0: each neuron by what it likes.
    """

    name: str
    n_neurons: int
    percentiles_hz: tuple[float, float, float, float, float] = (0.5, 1.5, 4.0, 9.0, 18.0)
    polarity: float = 0.0


# Rates of 200 presentations of the public test set of the LSV1M model, in 20 ms counts.
# Means over neurons: 24.7, 16.5, 1.92, 8.4, 2.60 and 7.2 Hz.
V1: tuple[SheetModel, ...] = (
    SheetModel("X_ON", 7200, (16.8, 20.0, 24.6, 29.5, 33.4), polarity=1.0),
    SheetModel("X_OFF", 7200, (10.6, 12.8, 16.1, 20.8, 24.7), polarity=-1.0),
    SheetModel("V1_Exc_L4", 37500, (0.02, 0.11, 0.91, 5.3, 10.1)),
    SheetModel("V1_Inh_L4", 9375, (1.0, 2.1, 6.9, 16.9, 24.3)),
    SheetModel("V1_Exc_L2/3", 37500, (0.54, 1.0, 2.2, 4.6, 8.3)),
    SheetModel("V1_Inh_L2/3", 9375, (2.6, 4.0, 6.5, 11.2, 18.2)),
)
"""The six sheets of the model at full size."""

_Z = (-2.326348, -1.281552, 0.0, 1.281552, 2.326348)  # of the percentiles 1, 10, 50, 90, 99 %

_FIELD_DEG = 2.5  # the sheets cover +- this much of the visual field

_DEPTH_UM = {"L4": 700.0, "L2/3": 300.0}

_N_BLOBS = 4

_GAIN = 1.2  # how strongly an image's brightest place drives the neuron that likes it best

# A cycle of a 150 ms blank and a 560 ms image keeps each neuron's mean rate: the blank holds a level that
# the image has too, and the rest comes after a latency: fast rise, transient, decay.
_BLANK_LEVEL = 0.35

_EVOKED_LEVEL = (710.0 - 150.0 * _BLANK_LEVEL) / 560.0 - _BLANK_LEVEL

_LATENCY_MS = 40.0

_RISE_MS = 8.0

_DECAY_MS = 90.0

_TRANSIENT = 2.0

_BURST = 0.12  # share of the spikes that bring another one

_BURST_STEPS = (3, 40)  # 0.3 to 4 ms after it: some fall into the same 1 ms bin

_AT_STOP = 0.002  # share of the spikes that NEST records at exactly t_stop

FIRST_ID = 3  # NEST numbers devices too


def scaled(models: tuple[SheetModel, ...], scale: float) -> tuple[SheetModel, ...]:
    """Return the same sheets with `scale` times the neurons, at least one each."""
    return tuple(replace(model, n_neurons=max(1, round(model.n_neurons * scale))) for model in models)


@dataclass(frozen=True, eq=False)
class Population:
    """The neurons of a sheet: what is known of all of them, and which are recorded.

    Attributes
    ----------
    ids : ndarray of int64, (n,)
        Of the complete sheet, ascending.
    positions : ndarray of float64, (3, n)
        x and y in degrees of visual field, z in um of depth. Ids go row by row through the field.
    recorded : ndarray of int64, (n_recorded,)
        Indices into the sheet, ascending.
    rates : ndarray of float64, (n_recorded,)
        Mean rate of each recorded neuron over a blank and an image, in Hz.
    gains : ndarray of float64, (n_recorded,)
        -1 to 1: whether a neuron is driven by dark or bright.
    """

    model: SheetModel
    ids: NDArray[np.int64]
    positions: NDArray[np.float64]
    recorded: NDArray[np.int64]
    rates: NDArray[np.float64]
    gains: NDArray[np.float64]


def milliseconds(steps: int) -> float:
    return steps / 10


def steps(milliseconds: float) -> int:
    return round(milliseconds * 10)


@dataclass(frozen=True, eq=False)
class Presentation:
    """What one sheet did during one stimulus: the truth about one segment.

    Attributes
    ----------
    segment : int
        Its number in the datastore.
    sheet : str
    stimulus : str
        As mozaik writes it; a null presentation has that of the image that follows it.
    image_id : str
        Of an image and of its null presentation; empty for an InternalStimulus or a grating.
    repeat : int
    null : bool
    order : int
        Position among all presentations, in time.
    onset_steps, duration_steps : int
        In steps of 0.1 ms, from the start of the simulation and from the onset.
    ids, indices : ndarray of int64, (n_trains,)
        Each train's neuron id, and its index in the complete sheet.
    counts : ndarray of int64, (n_trains,)
        Spikes of each train.
    steps : ndarray of int64, (n_spikes,)
        Train after train, ascending in each, when it fired in steps of 0.1 ms: 1 to `duration_steps`.
    """

    segment: int
    sheet: str
    stimulus: str
    image_id: str
    repeat: int
    null: bool
    order: int
    onset_steps: int
    duration_steps: int
    ids: NDArray[np.int64]
    indices: NDArray[np.int64]
    counts: NDArray[np.int64]
    steps: NDArray[np.int64]

    @property
    def duration(self) -> float:
        """Duration in ms."""
        return milliseconds(self.duration_steps)

    @property
    def times(self) -> NDArray[np.float64]:
        """Spike times in ms, in (0, duration], as mozaik rebases them.

        NEST records times since the start of the simulation and mozaik takes the onset off again, so a time
        is off its step by up to an ulp of the simulation's clock.
        """
        times = (self.onset_steps + self.steps) / 10 - milliseconds(self.onset_steps)
        return np.minimum(times, self.duration)


@dataclass(frozen=True)
class Shown:
    """One presentation to all sheets. `seen` is the number of the image, None for a blank.

    A video shows a scene for `scene_steps`, each of which is to the neurons as an image of its own; 0: it is one image.
    """

    stimulus: str
    image_id: str
    repeat: int
    null: bool
    order: int
    onset_steps: int
    duration_steps: int
    seen: int | None
    scene_steps: int = 0

    @property
    def scenes(self) -> list[tuple[int, int, int]]:
        """First step, number of steps and number of the image of each scene."""
        if self.seen is None:
            return []
        length = self.scene_steps or self.duration_steps
        firsts = range(0, self.duration_steps, length)
        return [(at, min(length, self.duration_steps - at), self.seen + 1000 * i) for i, at in enumerate(firsts)]


def populate(model: SheetModel, first_id: int, experiment: Experiment) -> Population:
    rng = np.random.default_rng([experiment.seed, zlib.crc32(model.name.encode())])
    n_all = round(model.n_neurons / (1 - experiment.unrecorded))
    recorded = np.sort(rng.permutation(n_all)[: model.n_neurons])
    z = rng.standard_normal(model.n_neurons)
    rates = np.exp(np.interp(z, _Z, np.log(model.percentiles_hz)))
    gains = rng.uniform(-1.0, 1.0, model.n_neurons) if model.polarity == 0 else np.full(z.shape, model.polarity)
    return Population(model, first_id + np.arange(n_all), _positions(n_all, model.name, rng), recorded, rates, gains)


def _positions(n_neurons: int, sheet: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (3, n_neurons) positions on a jittered grid, row by row: near ids are near in the field."""
    side = int(np.ceil(np.sqrt(n_neurons)))
    row, column = np.divmod(np.arange(n_neurons), side)
    y, x = ((np.stack([row, column]) + rng.random((2, n_neurons))) / side * 2 - 1) * _FIELD_DEG
    layer = next((depth for name, depth in _DEPTH_UM.items() if sheet.endswith(name)), 0.0)
    return np.stack([x, y, np.full(n_neurons, layer)])


def _brightness(image: int, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the brightness of an image at places of the visual field: blobs on a gradient, from -1 to 1."""
    rng = np.random.default_rng([abs(image), int(image < 0)])
    angle = rng.uniform(0, 2 * np.pi)
    light = 0.4 * (x * np.cos(angle) + y * np.sin(angle)) / _FIELD_DEG
    for _ in range(_N_BLOBS):
        at_x, at_y = rng.uniform(-_FIELD_DEG, _FIELD_DEG, 2)
        width = rng.uniform(0.5, 1.2)
        sign = rng.choice((-1.5, 1.5))
        light += sign * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * width**2))
    brightness: NDArray[np.float64] = np.tanh(light)
    return brightness


def _drive(population: Population, image: int) -> NDArray[np.float64]:
    """Return how many times its usual response each neuron has to an image; the sheet's mean rate stays."""
    x, y, _ = population.positions[:, population.recorded]
    drive: NDArray[np.float64] = np.exp(_GAIN * population.gains * _brightness(image, x, y))
    drive *= population.rates.sum() / (drive @ population.rates)
    return drive


def _response(n_steps: int) -> NDArray[np.float64]:
    """Return the share of the evoked spikes that have come by each step of an image, (n_steps,)."""
    late = np.arange(1, n_steps + 1) * STEP_MS - _LATENCY_MS
    shape = 1 + _TRANSIENT * np.exp(-np.clip(late, 0, None) / _DECAY_MS)
    shape *= np.where(late > 0, -np.expm1(-np.clip(late, 0, None) / _RISE_MS), 0.0)
    total = np.cumsum(shape)
    return total / total[-1] if total[-1] > 0 else total


def draw(experiment: Experiment, shown: Shown, sheet: int, segment: int) -> Presentation:
    population = experiment.populations[sheet]
    model = population.model
    key = [experiment.seed, zlib.crc32(model.name.encode()), experiment.first_image, shown.order]
    rng = np.random.default_rng(key)
    rows, steps = _fire(population, shown, rng)
    counts = np.bincount(rows, minlength=model.n_neurons)
    indices = population.recorded
    if experiment.trains != "sorted":
        mix = rng if experiment.trains == "per segment" else np.random.default_rng([*key[:2], 0])
        order = mix.permutation(model.n_neurons)
        rank = np.argsort(order)
        steps = steps[np.argsort(rank[rows], kind="stable")]
        counts, indices = counts[order], indices[order]
    return Presentation(
        segment=segment,
        sheet=model.name,
        stimulus=shown.stimulus,
        image_id=shown.image_id,
        repeat=shown.repeat,
        null=shown.null,
        order=shown.order,
        onset_steps=shown.onset_steps,
        duration_steps=shown.duration_steps,
        ids=population.ids[indices],
        indices=indices,
        counts=counts,
        steps=steps,
    )


def _fire(
    population: Population, shown: Shown, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the spikes of one presentation: rows of recorded neurons and steps, sorted, none twice."""
    n_steps = shown.duration_steps
    n_neurons = len(population.recorded)
    spikes = population.rates / (1 + _BURST) * milliseconds(n_steps) / 1000
    rows = np.repeat(np.arange(n_neurons), rng.poisson(spikes * _BLANK_LEVEL))
    steps = rng.integers(1, n_steps, len(rows), endpoint=True)
    for first, length, number in shown.scenes:
        response = _response(length)
        if not response[-1] > 0:
            continue
        spikes = population.rates / (1 + _BURST) * milliseconds(length) / 1000
        evoked = rng.poisson(spikes * _EVOKED_LEVEL * _drive(population, number))
        evoked_rows = np.repeat(np.arange(n_neurons), evoked)
        evoked_steps = first + 1 + np.searchsorted(response, rng.random(len(evoked_rows)), side="right")
        rows, steps = np.concatenate([rows, evoked_rows]), np.concatenate([steps, evoked_steps])
    steps[rng.random(len(steps)) < _AT_STOP] = n_steps
    bursts = np.flatnonzero(rng.random(len(steps)) < _BURST)
    after = steps[bursts] + rng.integers(*_BURST_STEPS, len(bursts))
    rows, steps = np.concatenate([rows, rows[bursts]]), np.concatenate([steps, after])
    within = steps <= n_steps
    spots = np.unique(rows[within] * (n_steps + 1) + steps[within])
    rows, steps = np.divmod(spots, n_steps + 1)
    return rows, steps
