"""A made-up V1 that looks at pictures: who is in it, what it is shown, and when it fires.

Serves the demo, the tests and the benchmarks. `Experiment` says what is simulated, `presentations` draws it,
and `write_datastore` stores it as mozaik would have. How the pickles are written is in mozaikpickle.py.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from spikebin.errors import ConfigError, RecordingError
from spikebin.simulate.mozaikpickle import UNITS, IndexEntry, dump_index, dump_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from spikebin.simulate.mozaikpickle import Flavour, IdKey, Unit

__all__ = [
    "STEP_MS",
    "V1",
    "Experiment",
    "Population",
    "Presentation",
    "SheetModel",
    "presentations",
    "scaled",
    "write_datastore",
]

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

_FIRST_ID = 3  # NEST numbers devices too
_EPOCH = datetime(2024, 1, 24, 9, 39, 21, 137000)  # noqa: DTZ001  mozaik's own times have no zone
_IMAGES = "/imagenet"


def scaled(models: tuple[SheetModel, ...], scale: float) -> tuple[SheetModel, ...]:
    """Return the same sheets with `scale` times the neurons, at least one each."""
    return tuple(replace(model, n_neurons=max(1, round(model.n_neurons * scale))) for model in models)


@dataclass(frozen=True)
class Experiment:
    """What is simulated and recorded; equal experiments give equal spikes.

    Parts of one data set are experiments that differ in `first_image` only: same neurons, other images.

    Attributes
    ----------
    first_image, n_images, n_repeats : int
        Images `first_image`, `first_image` + 1, ..., each shown `n_repeats` times.
    sheets : tuple of SheetModel
    seed : int
    image_ms, blank_ms : float
        Durations of an image (or grating) and of the blank before it, in multiples of 0.1 ms.
    blank_jitter_ms : float
        Blanks differ from `blank_ms` by up to this much, in steps of 0.1 ms.
    blanks : {"null", "internal", "none"}
        Null presentations with the stimulus of the image that follows; or presentations of InternalStimulus,
        as newer experiments have; or images only.
    image_key : {"image_path", "movie_name"}
        The stimulus parameter that names the image.
    gratings : int
        Presentations of a drifting grating before the images of each repeat.
    shuffle_images : bool
        Another order of the images in each repeat.
    unrecorded : float
        Share of a sheet that is not recorded, which leaves gaps in the ids; in [0, 1).
    trains : {"sorted", "shuffled", "per segment"}
        Order of the trains: by id, or one other order, or another one in each segment.

    Raises
    ------
    ConfigError
        If a number is out of its range.
    """

    first_image: int = 50000
    n_images: int = 10
    n_repeats: int = 1
    sheets: tuple[SheetModel, ...] = V1
    seed: int = 0
    image_ms: float = 560.0
    blank_ms: float = 150.0
    blank_jitter_ms: float = 0.0
    blanks: Literal["null", "internal", "none"] = "null"
    image_key: Literal["image_path", "movie_name"] = "image_path"
    gratings: int = 0
    shuffle_images: bool = False
    unrecorded: float = 0.0
    trains: Literal["sorted", "shuffled", "per segment"] = "sorted"

    def __post_init__(self) -> None:
        least = {
            "first_image": 0,
            "n_images": 1,
            "n_repeats": 1,
            "seed": 0,
            "gratings": 0,
            "blank_jitter_ms": 0,
        }
        for name, at_least in least.items():
            if getattr(self, name) < at_least:
                msg = f"{name} is {getattr(self, name)}: a simulation needs at least {at_least}"
                raise ConfigError(msg)
        if self.image_ms < STEP_MS or self.blank_ms - self.blank_jitter_ms < STEP_MS:
            msg = f"image_ms is {self.image_ms}, blank_ms {self.blank_ms}: both must last at least {STEP_MS} ms"
            raise ConfigError(msg)
        if not 0 <= self.unrecorded < 1:
            msg = f"unrecorded is {self.unrecorded}: it is a share of the neurons, from 0 to below 1"
            raise ConfigError(msg)
        if not self.sheets:
            msg = "no sheets: a simulation needs at least one"
            raise ConfigError(msg)
        names = [model.name for model in self.sheets]
        for model in self.sheets:
            if model.n_neurons < 1 or names.count(model.name) > 1:
                msg = f"sheet {model.name}: a simulation needs at least 1 neuron in it, and the sheet only once"
                raise ConfigError(msg)

    @property
    def part(self) -> str:
        """Name of the part's directory, as mozaik's parameter search makes it."""
        last = self.first_image + 100
        return (
            f"NewDataset_Images_from_{self.first_image}_to_{last}_ParameterSearch_____"
            f"baseline:{self.first_image}_trial:0"
        )

    @cached_property
    def populations(self) -> tuple[Population, ...]:
        """The neurons of each sheet; ids go on from sheet to sheet."""
        populations = []
        first_id = _FIRST_ID
        for model in self.sheets:
            population = _populate(model, first_id, self)
            populations.append(population)
            first_id += len(population.ids) + 2
        return tuple(populations)

    @property
    def n_segments(self) -> int:
        """How many segments are recorded: one for each sheet and presentation, blanks included."""
        shown = self.n_repeats * (self.n_images + self.gratings)
        return shown * (1 if self.blanks == "none" else 2) * len(self.sheets)


@dataclass(frozen=True, eq=False)
class Population:
    """The neurons of a sheet: what is known of all of them, and which are recorded.

    Attributes
    ----------
    ids : ndarray of int64, (n,)
        Of the whole sheet, ascending.
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
        Each train's neuron id, and its index in the whole sheet.
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
        return _milliseconds(self.duration_steps)

    @property
    def times(self) -> NDArray[np.float64]:
        """Spike times in ms, in (0, duration], as mozaik rebases them.

        NEST records times since the start of the simulation and mozaik takes the onset off again, so a time
        is off its step by up to an ulp of the simulation's clock.
        """
        times = (self.onset_steps + self.steps) / 10 - _milliseconds(self.onset_steps)
        return np.minimum(times, self.duration)


def presentations(experiment: Experiment) -> Iterator[Presentation]:
    """Draw each segment of an experiment, in the order of the segments' numbers.

    An image is stored before the null presentation that preceded it, each of them sheet by sheet. Every
    segment is drawn from a seed of its own.
    """
    segment = 0
    for shown in _stored(experiment, _schedule(experiment)):
        for sheet in range(len(experiment.sheets)):
            yield _draw(experiment, shown, sheet, segment)
            segment += 1


def write_datastore(
    root: Path,
    experiment: Experiment,
    *,
    directory: str | None = None,
    flavour: Flavour = "neo-0.14",
    unit: Unit = "ms",
    id_key: IdKey = "source_id",
    on_segment: Callable[[], None] | None = None,
) -> Path:
    """Simulate an experiment and store it as a mozaik datastore, one segment in memory at a time.

    Parameters
    ----------
    root : Path
        Made if missing; the datastore is a directory in it.
    experiment : Experiment
    directory : str, optional
        Name of the datastore; `experiment.part` otherwise.
    flavour : {"neo-0.14", "neo-0.12"}
        Whose pickles; each neo reads its own only.
    unit : {"s", "ms", "us"}
        Unit of the spike times.
    id_key : {"source_id", "channel_id"}
        The annotation that holds a neuron's id: a Python int (older PyNN) or a numpy int64 (newer).
    on_segment : callable, optional
        Called after each segment; there are `experiment.n_segments`.

    Returns
    -------
    Path
        The datastore's directory.

    Raises
    ------
    RecordingError
        If there is a datastore of that name already.

    Notes
    -----
    The index, datastore.recordings.pickle, is written last: a datastore without it is not whole, and is
    written anew.
    """
    path = root / (directory or experiment.part)
    index = path / "datastore.recordings.pickle"
    if index.exists():
        msg = f"{path} holds a datastore already: remove it, or write to another directory"
        raise RecordingError(msg)
    path.mkdir(parents=True, exist_ok=True)
    per_ms = UNITS[unit]
    entries = []
    for shown in presentations(experiment):
        entry = _entry(shown, len(experiment.sheets))
        with (path / f"{entry.identifier}.pickle").open("wb") as file:
            dump_segment(
                file,
                entry,
                duration=shown.duration * per_ms,
                times=shown.times * per_ms,
                counts=shown.counts,
                ids=shown.ids,
                indices=shown.indices,
                flavour=flavour,
                unit=unit,
                id_key=id_key,
            )
        entries.append(entry)
        if on_segment is not None:
            on_segment()
    (path / "datastore.analysis.pickle").write_bytes(b"\x80\x04]\x94.")
    (path / "datastore.sensory.stimulus.pickle").write_bytes(
        b"\x80\x04\x95\x22\0\0\0\0\0\0\0\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94."
    )
    unfinished = index.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        _dump_index(file, entries, experiment, path.name, flavour)
    unfinished.replace(index)
    return path


def _dump_index(file: BinaryIO, entries: list[IndexEntry], experiment: Experiment, name: str, flavour: Flavour) -> None:
    sheets = {population.model.name: population for population in experiment.populations}
    null_period = experiment.blank_ms if experiment.blanks == "null" else 0.0
    dump_index(
        file,
        entries,
        neuron_ids={sheet: population.ids for sheet, population in sheets.items()},
        positions={sheet: population.positions for sheet, population in sheets.items()},
        parameters={
            "model_parameters": str({"name": "spikebin", "null_stimulus_period": null_period}),
            "sheet_parameters": str({sheet: {"name": sheet} for sheet in sheets}),
        },
        experiments=[
            (
                "<class 'mozaik.experiments.vision.MeasureNaturalImages'>",
                str({"duration": experiment.image_ms}),
            )
        ],
        datastore_path=f"/simulated/{name}",
        flavour=flavour,
    )


def _entry(shown: Presentation, n_sheets: int) -> IndexEntry:
    # Each sheet is stored a moment after the one before it.
    seconds = shown.order * (3.0 + 0.137 * n_sheets) + 0.137 * (shown.segment % n_sheets)
    return IndexEntry(
        identifier=f"Segment{shown.segment}",
        name=f"segment{shown.order:03d}",
        sheet=shown.sheet,
        stimulus=shown.stimulus,
        null=shown.null,
        recorded=_EPOCH + timedelta(milliseconds=round(seconds * 1000)),
    )


@dataclass(frozen=True)
class _Shown:
    """One presentation to all sheets. `seen` is the number of the image, None for a blank."""

    stimulus: str
    image_id: str
    repeat: int
    null: bool
    order: int
    onset_steps: int
    duration_steps: int
    seen: int | None


def _milliseconds(steps: int) -> float:
    return steps / 10


def _steps(milliseconds: float) -> int:
    return round(milliseconds * 10)


def _schedule(experiment: Experiment) -> Iterator[_Shown]:
    """Yield what is presented, in time: blank, image, blank, image, ..."""
    rng = np.random.default_rng([experiment.seed, experiment.first_image])
    numbers = experiment.first_image + np.arange(experiment.n_images)
    image_steps = _steps(experiment.image_ms)
    jitter = _steps(experiment.blank_jitter_ms)
    order = onset = 0
    for repeat in range(experiment.n_repeats):
        if experiment.shuffle_images:
            numbers = rng.permutation(numbers)
        # Gratings are numbered downwards from -1: as patterns they are images that nobody else shows.
        for number in [*range(-1, -1 - experiment.gratings, -1), *numbers.tolist()]:
            if number >= 0:
                image_id, stimulus = str(number), _image_text(experiment, number, repeat)
            else:
                image_id, stimulus = "", _grating_text(experiment, number, repeat)
            if experiment.blanks != "none":
                steps = _steps(experiment.blank_ms) + int(rng.integers(-jitter, jitter + 1))
                null = experiment.blanks == "null"
                text = stimulus if null else _blank_text(_milliseconds(steps), repeat)
                yield _Shown(text, image_id if null else "", repeat, null, order, onset, steps, None)
                order, onset = order + 1, onset + steps
            yield _Shown(stimulus, image_id, repeat, False, order, onset, image_steps, number)
            order, onset = order + 1, onset + image_steps


def _stored(experiment: Experiment, schedule: Iterator[_Shown]) -> Iterator[_Shown]:
    """Yield presentations as mozaik stores them: an image, then the null presentation before it."""
    if experiment.blanks != "null":
        yield from schedule
        return
    for blank in schedule:
        yield next(schedule)
        yield blank


def _text(module: str, **parameters: str | float | None) -> str:
    """Return a stimulus as mozaik writes one: sorted parameters, text in single quotes."""
    listed = ", ".join(f'"{key}":{parameters[key]!r}' for key in sorted(parameters))
    return f'{{"module_path" :"{module}",{listed}}}'


def _image_text(experiment: Experiment, number: int, repeat: int) -> str:
    duration = experiment.image_ms
    common = _visual(duration, repeat)
    if experiment.image_key == "movie_name":
        movie: dict[str, str] = {"movie_name": str(number), "movie_path": "/movies"}
        return _text(
            "mozaik.stimuli.vision.topographica_based",
            **common,
            **movie,
            name="PixelMovieFromFile",
            size=11.0,
        )
    path = f"{_IMAGES}/{number}_img{number * 7919 % 100000:05d}.png"
    return _text(
        "mozaik.stimuli.vision.topographica_based",
        **common,
        blank_duration=0.0,
        image_duration=duration,
        image_path=path,
        name="NaturalImage",
        size=11.0,
    )


def _grating_text(experiment: Experiment, number: int, repeat: int) -> str:
    return _text(
        "mozaik.stimuli.vision.topographica_based",
        **_visual(experiment.image_ms, repeat),
        contrast=100.0,
        name="FullfieldDriftingSinusoidalGrating",
        orientation=round(-0.39 * number, 2),
        spatial_frequency=0.8,
        temporal_frequency=2.0,
    )


def _visual(duration: float, repeat: int) -> dict[str, str | float | None]:
    return {
        "background_luminance": 50.0,
        "density": 20.0,
        "direct_stimulation_name": None,
        "direct_stimulation_parameters": None,
        "duration": duration,
        "frame_duration": 7.0,
        "location_x": 0.0,
        "location_y": 0.0,
        "size_x": 11.0,
        "size_y": 11.0,
        "trial": repeat,
    }


def _blank_text(duration: float, repeat: int) -> str:
    return _text(
        "mozaik.stimuli.stimulus",
        direct_stimulation_name=None,
        direct_stimulation_parameters=None,
        duration=duration,
        frame_duration=duration,
        name="InternalStimulus",
        trial=repeat,
    )


def _populate(model: SheetModel, first_id: int, experiment: Experiment) -> Population:
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


def _draw(experiment: Experiment, shown: _Shown, sheet: int, segment: int) -> Presentation:
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
    population: Population, shown: _Shown, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the spikes of one presentation: rows of recorded neurons and steps, sorted, none twice."""
    n_steps = shown.duration_steps
    n_neurons = len(population.recorded)
    spikes = population.rates / (1 + _BURST) * _milliseconds(n_steps) / 1000
    rows = np.repeat(np.arange(n_neurons), rng.poisson(spikes * _BLANK_LEVEL))
    steps = rng.integers(1, n_steps, len(rows), endpoint=True)
    response = _response(n_steps)
    if shown.seen is not None and response[-1] > 0:
        evoked = rng.poisson(spikes * _EVOKED_LEVEL * _drive(population, shown.seen))
        evoked_rows = np.repeat(np.arange(n_neurons), evoked)
        evoked_steps = 1 + np.searchsorted(response, rng.random(len(evoked_rows)), side="right")
        rows, steps = np.concatenate([rows, evoked_rows]), np.concatenate([steps, evoked_steps])
    steps[rng.random(len(steps)) < _AT_STOP] = n_steps
    bursts = np.flatnonzero(rng.random(len(steps)) < _BURST)
    after = steps[bursts] + rng.integers(*_BURST_STEPS, len(bursts))
    rows, steps = np.concatenate([rows, rows[bursts]]), np.concatenate([steps, after])
    within = steps <= n_steps
    spots = np.unique(rows[within] * (n_steps + 1) + steps[within])
    rows, steps = np.divmod(spots, n_steps + 1)
    return rows, steps
