"""An experiment on a made-up V1, and a recording of it: presentations in order, stored as mozaik would have.

What is shown is in schedule.py, how the pickles are written in mozaik_pickles.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np

from spikebin.cached import cached_property
from spikebin.errors import ConfigError, RecordingError
from spikebin.simulate.mozaik_pickles import UNITS, IndexEntry, dump_index, dump_segment
from spikebin.simulate.schedule import schedule, stored
from spikebin.simulate.v1 import FIRST_ID, STEP_MS, V1, Population, Presentation, SheetModel, draw, populate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any, BinaryIO

    from spikebin.simulate.mozaik_pickles import Flavour, IdKey, Unit
    from spikebin.simulate.schedule import Item

__all__ = ["Experiment", "presentations", "write_datastore"]

_EPOCH = datetime(2024, 1, 24, 9, 39, 21, 137000)  # noqa: DTZ001  mozaik's own times have no zone


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
    image_key : {"image_path", "movie_name", "experanto"}
        The stimulus parameter that names the image; or all are movies of Experanto, an image one of a single frame.
    gratings : int
        Presentations of a drifting grating before the images of each repeat.
    shuffle_images : bool
        Another order of the images in each repeat.
    unrecorded : float
        Share of a sheet that is not recorded, which leaves gaps in the ids; in [0, 1).
    trains : {"sorted", "shuffled", "per segment"}
        Order of the trains: by id, or one other order, or another one in each segment.
    items : tuple of Item
        What is presented, one after the other, instead of all that the numbers, durations and orders above say.
    exploded : bool or None
        Whether mozaik's log says that the simulation exploded; None: there is no log, as in stores of 2024.
    tuned : bool
        The index lists an orientation and a phase of each neuron.

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
    image_key: Literal["image_path", "movie_name", "experanto"] = "image_path"
    gratings: int = 0
    shuffle_images: bool = False
    unrecorded: float = 0.0
    trains: Literal["sorted", "shuffled", "per segment"] = "sorted"
    items: tuple[Item, ...] = ()
    exploded: bool | None = None
    tuned: bool = False

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
        if any(item.ms < STEP_MS or item.null_ms < 0 for item in self.items):
            msg = f"an item lasts less than {STEP_MS} ms: give all of them a duration"
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
        if self.items:
            return sum(1 + bool(item.null_ms) for item in self.items) * len(self.sheets)
        shown = self.n_repeats * (self.n_images + self.gratings)
        return shown * (1 if self.blanks == "none" else 2) * len(self.sheets)


def presentations(experiment: Experiment) -> Iterator[Presentation]:
    """Draw each segment of an experiment, in the order of the segments' numbers.

    An image is stored before the null presentation that preceded it, each of them sheet by sheet. Every
    segment is drawn from a seed of its own.
    """
    segment = 0
    for shown in stored(schedule(experiment)):
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
    null_period = experiment.blank_ms if experiment.blanks == "null" and not experiment.items else 0.0
    annotations: dict[str, list[dict[str, Any]]] = {}
    for sheet, population in sheets.items() if experiment.tuned else ():
        rng = np.random.default_rng([experiment.seed, len(annotations), 1])
        tuning = rng.uniform(0, [np.pi, 2 * np.pi], (len(population.ids), 2)).tolist()
        annotations[sheet] = [{"LGNAfferentOrientation": a, "LGNAfferentPhase": b} for a, b in tuning]
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
        neuron_annotations=annotations,
        simulation_log=None if experiment.exploded is None else {"explosion_detected": experiment.exploded},
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
