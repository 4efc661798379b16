"""pandas DataFrames in memory: spikes and trials by their columns, by the rules of tables in files.

pandas is never imported: who has a DataFrame has imported it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.arrays import ArraysRecording
from spikebin.recordings.continuous.columns import choose_column
from spikebin.recordings.continuous.event_table import EventTable
from spikebin.recordings.continuous.flat_arrays import ArraySource, as_labels
from spikebin.recordings.continuous.sheet import ContinuousRecording
from spikebin.recordings.continuous.spike_index import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.spike_index import SpikeSource
    from spikebin.recordings.continuous.units import Clock
    from spikebin.recordings.protocol import Recording
    from spikebin.recordings.settings import Reading

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["FRAME", "FrameRecording", "give_trials", "is_frame"]

FRAME = "DataFrame"


def is_frame(value: object) -> bool:
    """Whether something is a pandas DataFrame, or of a class made of it."""
    return any(one.__name__ == FRAME and one.__module__.partition(".")[0] == "pandas" for one in type(value).__mro__)


class FrameRecording(ArraysRecording):
    """Spikes in a DataFrame, one in each row; see `spikebin.recordings.arrays.ArraysRecording`.

    Parameters
    ----------
    frame : pandas.DataFrame
    reading : Reading

    Raises
    ------
    RecordingError
        If it does not tell which columns are times and neurons, or they hold neither numbers nor names.
    """

    kind = FRAME

    def __init__(self, frame: Any, reading: Reading) -> None:
        super().__init__(Path(FRAME), reading, _Columns(frame, reading))


def give_trials(recording: Recording, frame: Any, unit: str | None) -> None:
    """Let the rows of a DataFrame be the trials of a recording.

    Parameters
    ----------
    recording : Recording
    frame : pandas.DataFrame
    unit : str or None
        Of its times; None: recognised from the names of its columns, else the unit of the spike times.

    Raises
    ------
    RecordingError
        If the recording is made of presentations, or two columns have one name.
    """
    if not isinstance(recording, ContinuousRecording):
        raise RecordingError(
            f"{recording.path.name} has trials of its own: take `trials` out, or name one of its tables"
        )
    columns = {name: column for name, column in _columns(frame, "trials").items() if column is not None}
    recording.given_trials = EventTable(FRAME, columns, recording.events_unit, recording.rate, unit)


class _Columns:
    """The columns of a DataFrame; see `spikebin.recordings.split_spikes.Rows`."""

    def __init__(self, frame: Any, reading: Reading) -> None:
        self.paths: list[Path] = []
        self._columns = _columns(frame, "spikes")
        self.names = list(self._columns)
        self.times_name = choose_column(self.names, reading.times, "times", FRAME)
        self.ids_name = choose_column(self.names, reading.neurons, "neurons", FRAME)
        times, ids = (self._checked(name, kinds) for name, kinds in ((self.times_name, "fiu"), (self.ids_name, "fiuU")))
        for name, column in ((self.times_name, times), (self.ids_name, ids)):
            missing = column == "" if column.dtype.kind == "U" else np.isnan(column)
            if missing.any():
                row = int(np.flatnonzero(missing)[0])
                raise RecordingError(
                    f"{FRAME} row {row} has no {name!r}: drop such rows, frame.dropna(subset=[{name!r}])"
                )
        self.stored: np.dtype[Any] = times.dtype
        self.ids_are_names = ids.dtype.kind == "U"

    def source(self, clock: Clock) -> SpikeSource:
        """Its spikes, on a clock of their times."""
        return ArraySource(self._of(self.times_name), self._of(self.ids_name), clock, FRAME)

    def times_and(
        self, labels: Sequence[str], clock: Clock
    ) -> Iterator[tuple[NDArray[np.float64], list[NDArray[np.str_]]]]:
        """See `spikebin.recordings.named_rows.NamedFile`."""
        times, columns = self._of(self.times_name), [self._checked(name, "fiubU") for name in labels]
        for first in range(0, times.size, CHUNK):
            place = slice(first, first + CHUNK)
            yield clock.to_ms(times[place]), [as_labels(column[place], FRAME) for column in columns]

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        """Spikes and further columns of them as texts."""
        columns = [self._checked(name, "fiubU") for name in labels]
        first = 0
        for times, ids in self.source(clock).chunks():
            place = slice(first, first + ids.size)
            yield (times, ids), [as_labels(column[place], FRAME) for column in columns]
            first += ids.size

    def _of(self, name: str) -> NDArray[Any]:
        return self._checked(name, "fiuU")

    def _checked(self, name: str, kinds: str) -> NDArray[Any]:
        column = self._columns[name]
        if column is None or column.dtype.kind not in kinds:
            advice = "choose another" if "U" in kinds else "choose another, or make them numbers"
            raise RecordingError(f"{FRAME}: column {name!r} holds no {'ids' if 'U' in kinds else 'numbers'}: {advice}")
        return column


def _columns(frame: Any, what: str) -> dict[str, NDArray[Any] | None]:
    """The columns of a DataFrame, and what its index holds where that has a name; None: neither numbers nor texts."""
    levels = [(name, frame.index.get_level_values(i)) for i, name in enumerate(frame.index.names) if name is not None]
    pairs = [*levels, *((name, frame.iloc[:, i]) for i, name in enumerate(frame.columns))]
    found: dict[str, NDArray[Any] | None] = {}
    for name, column in pairs:
        if str(name) in found:
            raise RecordingError(f"the {FRAME} of {what} has two columns {str(name)!r}: rename one of them")
        found[str(name)] = _values(column)
    return found


def _values(column: Any) -> NDArray[Any] | None:
    """A column as numbers, booleans or texts; a missing number is nan, a missing text ""."""
    values: NDArray[Any] = column.to_numpy()
    if values.dtype.kind in "fiub":
        return values
    if values.dtype.kind != "O":
        return None
    missing = np.asarray(column.isna())
    present = values[~missing].tolist()
    if all(isinstance(value, str) for value in present):
        return np.where(missing, "", values).astype(np.str_)
    if not all(isinstance(value, int | float | np.integer | np.floating) for value in present):
        return None
    kinds = {isinstance(value, bool) for value in present}
    if kinds == {True}:
        return None if missing.any() else values.astype(bool)
    if True in kinds:
        return None
    if not missing.any():
        numbers = np.array(present)
        return numbers if numbers.dtype.kind in "fiu" else None
    # As float64, where a missing number has a place.
    return np.where(missing, np.nan, values).astype(np.float64)
