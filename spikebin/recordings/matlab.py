"""MATLAB's .mat files: two vectors, a cell array or an array of structs of times, CellExplorer's spikes, a raster.

`--times` and `--neurons` name variables, and fields of structs after a dot: `spikes.times`. Neurons of cells are
counted from 1, as MATLAB does, where nothing numbers them.
https://cellexplorer.org/datastructure/data-structure-and-format/#spikes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.recordings.arrays import ArraysRecording
from spikebin.recordings.continuous.columns import TIMES, are_spikes, choose_column
from spikebin.recordings.continuous.flat_arrays import ArraySource, whole_ids
from spikebin.recordings.continuous.mat_values import Cell, Vector, read_variables, variable_names
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.units import find_column
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.spike_index import SpikeSource
    from spikebin.recordings.continuous.units import Clock

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]
    Numbers = NDArray[Any] | Vector

__all__ = ["MatSpikes", "open", "recognises"]

CELLINFO = ".spikes.cellinfo.mat"
UID = "UID"
AXES = ("rows", "columns")
TRIAL = "trial"
SHOWN = 8
LARGEST_COUNT = 1 << 20


def recognises(path: Path) -> bool:
    """Whether a path is called as MATLAB's files are."""
    return path.suffix.lower() == ".mat" and path.is_file()


def open(path: Path, reading: Reading | None = None) -> ArraysRecording:  # noqa: A001
    """Open a .mat file.

    Raises
    ------
    RecordingError
        If it is damaged, or does not tell which variables are times and neurons.
    """
    reading = reading or Reading()
    spikes = MatSpikes(path, reading)
    return ArraysRecording(path, reading, spikes, spikes.listed, spikes.trials, spikes.unit)


class MatSpikes:
    """The spikes of one file; see `spikebin.recordings.arrays.SpikeFile`.

    Parameters
    ----------
    path : Path
    reading : Reading

    Attributes
    ----------
    unit : str or None
        Of the times, where the format tells it.
    listed : structured array or None
        All neurons, where silent ones are known.
    trials : list of str
        All trials of a cell array of neurons and trials.

    Raises
    ------
    RecordingError
        As `open`.
    """

    ids_are_names = False

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self.paths = path, [path]
        self._wanted_neurons = reading.neurons
        self.unit: str | None = None
        self.listed: NDArray[Any] | None = None
        self.trials: list[str] = []
        self._trial_of: NDArray[np.int64] | None = None
        name, self._beside = self._find(reading)
        self.times_name = name
        value = self._beside[name.rpartition(".")[2]]
        if isinstance(value, Cell):
            self._of_cells(value)
        elif isinstance(value, dict) or value is None or isinstance(value, str):
            raise self._error(f"{name} holds neither numbers nor cells: name another with --times")
        elif value.ndim == 2 and 1 not in value.shape and value.size:
            self._of_raster(value, reading)
        else:
            self.times: Numbers = _flat(value)
            self.ids_name, ids = self._neurons(reading.neurons)
            if ids is None:
                raise self._error(f"which are the neurons of {name}? Name them with --neurons; {self._there()}")
            self.ids: Numbers = ids
        if path.name.endswith(CELLINFO) and UID in self._beside:
            self.unit = "s"
        self.stored: np.dtype[Any] = self.times.dtype
        self.names = [self.times_name, self.ids_name, *([TRIAL] if self.trials else [])]

    def source(self, clock: Clock) -> SpikeSource:
        """Its spikes, on a clock of their times."""
        return ArraySource(self.times, self.ids, clock, self.path.name)  # type: ignore[arg-type]

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        """Spikes, and the trial of each as text."""
        first = 0
        for times, ids in self.source(clock).chunks():
            trials = np.zeros(0, np.int64) if self._trial_of is None else self._trial_of[first : first + ids.size]
            yield (times, ids), [trials.astype(np.str_) for _ in labels]
            first += ids.size

    def _find(self, reading: Reading) -> tuple[str, dict[str, Any]]:
        """Name of the times, and what stands beside them: variables, or fields of one struct."""
        names = variable_names(self.path)
        if reading.times is not None:
            first, _, field = reading.times.partition(".")
            if first not in names:
                raise self._error(f"no variable {first!r} for the times: {suggest(first, names)}")
            values = read_variables(self.path, names if not field else [first])
            if not field:
                return reading.times, values
            for part in [first, *field.split(".")[:-1]]:
                inner = values.get(part)
                if not isinstance(inner, dict):
                    raise self._error(f"{part} of {reading.times} is not a struct: name another with --times")
                values = inner
            last = field.rpartition(".")[2]
            if last not in values:
                raise self._error(f"no field {last!r} for the times: {suggest(last, values)}")
            return reading.times, values
        values = read_variables(self.path, names)
        self._beside = values
        if are_spikes(values):
            return choose_column(values, None, "times", self.path.name), values
        found = [(name, value) for name, value in values.items() if _are_trains(value)]
        if len(found) != 1:
            what = f"are they those of {' or '.join(name for name, _ in found)}" if found else "which are the times"
            raise self._error(f"{what}? Name them with --times (`times` in [[recordings]]); {self._there()}")
        name, value = found[0]
        if isinstance(value, Cell):
            return name, values
        return f"{name}.{choose_column(_fields(value), None, 'times', self.path.name)}", value

    def _neurons(self, given: str | None) -> tuple[str, Numbers | None]:
        """The variable of neurons beside the times, as a vector."""
        beside = self._beside
        if given is not None:
            value: Any = beside
            if given not in beside:
                beside = read_variables(self.path, [given.partition(".")[0]]) if self._has(given) else {}
            value = beside
            for part in given.split("."):
                if not isinstance(value, dict) or part not in value:
                    raise self._error(f"no {given!r} for the neurons; {self._there()}")
                value = value[part]
            name = given
        else:
            try:
                found = UID if UID in beside else find_column(_fields(beside), NEURONS_OF_CELLS)
            except ValueError as error:
                raise self._error(f"which are the neurons, {error}? Name one with --neurons") from None
            if found is None:
                return "", None
            name, value = found, beside[found]
        if isinstance(value, Cell):
            value = _scalars(value)
        if not isinstance(value, np.ndarray | Vector) or (value.ndim == 2 and 1 not in value.shape):
            raise self._error(f"{name} is not a list of numbers, so no neurons: name others with --neurons")
        return name, _flat(value)

    def _has(self, given: str) -> bool:
        return given.partition(".")[0] in variable_names(self.path)

    def _of_cells(self, cells: Cell) -> None:
        """A train of times in each cell; or in each cell of a table of neurons and trials."""
        table = cells.values.reshape(cells.size, 1) if 1 in cells.shape or not cells.size else cells.values
        ids: Numbers | None = None
        name = f"the cells of {self.times_name}"
        if table.shape[1] > 1:
            axis = self._axis("cells")
            table = table if axis == "rows" else table.T
            name = f"the {axis} of {self.times_name}"
        else:
            found, ids = self._neurons(self._wanted_neurons)
            name = found or name
        if not table.size:
            raise self._error(f"{self.times_name} has no cells: check that it was saved")
        neurons = np.arange(1, table.shape[0] + 1) if ids is None else whole_ids(ids[:], self.path.name)
        if neurons.size != table.shape[0] or np.unique(neurons).size != neurons.size:
            raise self._error(f"{name} does not number the {table.shape[0]:,} cells of {self.times_name}, each once")
        trains = [self._train(cell, i) for i, cell in enumerate(table.ravel())]
        sizes = np.array([train.size for train in trains]).reshape(table.shape)
        self.times = np.concatenate(trains)
        self.ids = np.repeat(neurons, sizes.sum(axis=1))
        self.ids_name, self.listed = name, neuron_table(np.sort(neurons))
        if table.shape[1] > 1:
            numbers = np.arange(1, table.shape[1] + 1)
            self.trials = [str(number) for number in numbers]
            self._trial_of = np.repeat(np.tile(numbers, table.shape[0]), sizes.ravel())

    def _of_raster(self, value: Numbers, reading: Reading) -> None:
        """A matrix of counts: neurons, and bins of time as samples."""
        axis = self._axis("values")
        counts = value[:] if axis == "rows" else value[:].T
        if not ((counts >= 0) & (counts == np.floor(counts)) & (counts < LARGEST_COUNT)).all():
            raise self._error(f"{self.times_name} is a table of other numbers than counts of spikes: name another")
        if reading.rate is None:
            raise self._error(f"{self.times_name} is a table of counts: say how many bins a second has with --rate")
        if reading.unit not in {None, "samples"}:
            raise self._error(f"the bins of {self.times_name} are its samples: take --unit {reading.unit} out")
        self.unit = "samples"
        rows, bins = np.nonzero(counts)
        n_of = counts[rows, bins].astype(np.int64)
        self.times, self.ids = np.repeat(bins, n_of), np.repeat(rows + 1, n_of)
        self.ids_name, self.listed = f"the {axis} of {self.times_name}", neuron_table(np.arange(1, len(counts) + 1))

    def _axis(self, what: str) -> str:
        if self._wanted_neurons not in AXES:
            raise self._error(
                f"{self.times_name} is a table of {what}: are the neurons its rows or its columns? Give --neurons rows"
                " or --neurons columns (`neurons` in [[recordings]])"
            )
        return self._wanted_neurons

    def _train(self, cell: Any, place: int) -> NDArray[Any]:
        if isinstance(cell, np.ndarray | Vector) and (cell.ndim == 1 or 1 in cell.shape or not cell.size):
            return np.asarray(_flat(cell)[:], np.float64)
        raise self._error(f"cell {place + 1} of {self.times_name} is not a list of times: name another with --times")

    def _there(self) -> str:
        found = [
            f"{name}.{field}" if isinstance(value, dict) else name
            for name, value in self._beside.items()
            for field in (value if isinstance(value, dict) else [""])
        ]
        return f"there are {', '.join(found[:SHOWN]) or 'none'}{' ...' if len(found) > SHOWN else ''}"

    def _error(self, text: str) -> RecordingError:
        return RecordingError(f"{self.path.name}: {text}")


NEURONS_OF_CELLS = (
    "neurons", "neuron", "neuron_id", "neuron_ids", "unit_id", "unit_ids", "units", "unit", "cluster_id", "cluster_ids",
    "clusters", "cluster", "clu", "cell_id", "cell_ids", "ids", "id", "channel", "channels",
)  # fmt: skip


def _are_trains(value: Any) -> bool:
    """Whether a variable is a cell array of numbers, or a struct with a field of times."""
    if isinstance(value, Cell):
        return bool(value.size) and all(isinstance(cell, np.ndarray | Vector) for cell in value.values.ravel())
    if not isinstance(value, dict):
        return False
    try:
        return find_column(_fields(value), TIMES) is not None
    except ValueError:
        return True


def _fields(values: dict[str, Any]) -> list[str]:
    """Names of what may be numbers for spikes or neurons."""
    return [name for name, value in values.items() if isinstance(value, np.ndarray | Vector | Cell)]


def _flat(value: Numbers) -> Numbers:
    return value if isinstance(value, Vector) else value.reshape(-1)


def _scalars(cells: Cell) -> NDArray[Any] | None:
    values = list(cells.values.ravel())
    if not all(isinstance(value, np.ndarray) and value.size == 1 for value in values):
        return None
    return np.array([value.item() for value in values])
