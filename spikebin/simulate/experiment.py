"""What a made-up V1 is shown, and a recording of it: presentations in order, stored as mozaik would have.

How the pickles are written is in mozaik_pickles.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np

from spikebin.cached import cached_property
from spikebin.errors import ConfigError, RecordingError
from spikebin.simulate.mozaik_pickles import UNITS, IndexEntry, dump_index, dump_segment
from spikebin.simulate.v1 import (
    FIRST_ID,
    STEP_MS,
    V1,
    Population,
    Presentation,
    SheetModel,
    Shown,
    draw,
    milliseconds,
    populate,
    steps,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from spikebin.simulate.mozaik_pickles import Flavour, IdKey, Unit

__all__ = ["Experiment", "presentations", "write_datastore"]

_EPOCH = datetime(2024, 1, 24, 9, 39, 21, 137000)  # noqa: DTZ001  mozaik's own times have no zone

_IMAGES = "/imagenet"


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
        first_id = FIRST_ID
        for model in self.sheets:
            population = populate(model, first_id, self)
            populations.append(population)
            first_id += len(population.ids) + 2
        return tuple(populations)

    @property
    def n_segments(self) -> int:
        """How many segments are recorded: one for each sheet and presentation, blanks included."""
        shown = self.n_repeats * (self.n_images + self.gratings)
        return shown * (1 if self.blanks == "none" else 2) * len(self.sheets)


def presentations(experiment: Experiment) -> Iterator[Presentation]:
    """Draw each segment of an experiment, in the order of the segments' numbers.

    An image is stored before the null presentation that preceded it, each of them sheet by sheet. Every
    segment is drawn from a seed of its own.
    """
    segment = 0
    for shown in _stored(experiment, _schedule(experiment)):
        for sheet in range(len(experiment.sheets)):
            yield draw(experiment, shown, sheet, segment)
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
    The index, datastore.recordings.pickle, is written last: a datastore without it is not complete, and is
    written again.
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


def _schedule(experiment: Experiment) -> Iterator[Shown]:
    """Yield what is presented, in time: blank, image, blank, image, ..."""
    rng = np.random.default_rng([experiment.seed, experiment.first_image])
    numbers = experiment.first_image + np.arange(experiment.n_images)
    image_steps = steps(experiment.image_ms)
    jitter = steps(experiment.blank_jitter_ms)
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
                n_steps = steps(experiment.blank_ms) + int(rng.integers(-jitter, jitter + 1))
                null = experiment.blanks == "null"
                text = stimulus if null else _blank_text(milliseconds(n_steps), repeat)
                yield Shown(text, image_id if null else "", repeat, null, order, onset, n_steps, None)
                order, onset = order + 1, onset + n_steps
            yield Shown(stimulus, image_id, repeat, False, order, onset, image_steps, number)
            order, onset = order + 1, onset + image_steps


def _stored(experiment: Experiment, schedule: Iterator[Shown]) -> Iterator[Shown]:
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
