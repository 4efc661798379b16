"""ALF folders, as IBL and others have them: spikes.times.npy, spikes.clusters.npy, clusters.*, trials.*; all in s.

Names are ``object.attribute[.more].extension``, perhaps after a namespace: ``_ibl_trials.table.pqt``. A Parquet table
of trials needs pyarrow; the .npy files beside it do not.
https://int-brain-lab.github.io/ONE/alf_intro.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.names import suggest
from spikebin.recordings.continuous.arrow_table import read_columns
from spikebin.recordings.continuous.event_table import EventTable
from spikebin.recordings.continuous.flat_arrays import ArraySource, OnDisk, mapped_array
from spikebin.recordings.continuous.labels import USUAL, parse_labels, with_labels
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.text_table import read_table
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["SHEET", "AlfRecording", "open", "recognises"]

SHEET = "units"
NAME = re.compile(
    r"(?:_[a-z0-9]+_)?(?P<object>[a-zA-Z]+)\.(?P<attribute>[A-Za-z]+(?:_times|_intervals)?)(?:\.[^.]+)*\.(?P<end>\w+)"
)
TRIALS = "trials"
# Attributes of clusters that tell how well they were sorted.
LABELS = ("label", "labels", "group", "KSLabel", "quality")


def recognises(path: Path) -> bool:
    """Whether a path is a directory with times and clusters of spikes as ALF names them."""
    return path.is_dir() and all(_find(path, "spikes", attribute) for attribute in ("times", "clusters"))


def open(path: Path, reading: Reading | None = None) -> AlfRecording:  # noqa: A001
    """Open an ALF folder.

    Raises
    ------
    RecordingError
        If it is not one, or holds times or clusters twice.
    """
    return AlfRecording(path, reading or Reading())


class AlfRecording(ContinuousRecording):
    """The clusters of one sorting, and the trials beside them. Times are in seconds, as ALF has it."""

    events_unit = "s"
    uses_rate = False

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        self._times, self._clusters = (self._only("spikes", attribute) for attribute in ("times", "clusters"))
        self._labelled: list[Path] = []

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        return f"alf, {self._times.name} in s, neurons by {self._clusters.name}"

    @property
    def paths(self) -> list[Path]:
        """Every file that the spikes are read from."""
        return [self._times, self._clusters, *self._labelled]

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `units`."""
        return [SHEET]

    def population(self, sheet: str) -> Population:  # noqa: ARG002
        """The clusters; those that fire, or that have one of the labels asked for."""
        times = OnDisk(self._times)
        clock = make_clock("s", None, self.name)
        source = ArraySource(times, OnDisk(self._clusters), clock, self.name)
        precision = clock.precision(times.dtype)
        if self.reading.labels is None:
            return Population(source, precision=precision)
        values = self._labels(self.reading.labels)
        return Population(source, neuron_table(values), select=True, precision=precision)

    def events(self, name: str | None) -> EventTable | None:
        """The trials: a table, or an array for each of its columns."""
        if name not in {None, TRIALS}:
            raise self.error(f"no trials {name!r}: its own are called {TRIALS}; or give a CSV or TSV file")
        columns: dict[str, NDArray[Any]] = {}
        table = _find(self.path, TRIALS, "table")
        if table:
            columns = read_columns(table[0])
        of_table = set(columns)
        files: dict[str, Path] = {}
        for path in sorted(self.path.glob(f"*{TRIALS}.*.npy")):
            attribute = _attribute(path, TRIALS)
            if attribute is None or attribute in of_table:
                continue
            other = files.setdefault(attribute, path)
            if other is not path:
                raise self.error(f"{other.name} and {path.name} hold one column of its trials: remove one of them")
            array = mapped_array(path)
            if attribute == "intervals" and array.ndim == 2 and array.shape[1] == 2:
                columns["intervals_0"], columns["intervals_1"] = np.array(array[:, 0]), np.array(array[:, 1])
            elif array.ndim == 1 and array.dtype.kind in "fiubU":
                columns[attribute] = np.array(array)
        if not columns:
            return None
        for old, new in (("intervals_0", "start_time"), ("intervals_1", "stop_time")):
            if old in columns and new not in columns:
                columns[new] = columns.pop(old)
        lengths = {column.size for column in columns.values()}
        if len(lengths) > 1:
            raise self.error(f"its arrays of trials have {min(lengths)} to {max(lengths)} trials: copy them again")
        return EventTable(f"{self.name}:{TRIALS}", columns, "s")

    def _labels(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """Ids of the clusters with one of some labels."""
        column, asked = parse_labels(labels)
        known: dict[str, tuple[NDArray[np.int64], list[str]]] = {}
        for path in sorted(self.path.iterdir()):
            attribute = _attribute(path, "clusters")
            if attribute is not None:
                known |= {name: (*found,) for name, found in self._columns(path, attribute).items()}
        lower = {name.lower(): name for name in known}
        name = lower.get(column.lower()) if column else next((n for n in LABELS if n in known), None)
        if name is None:
            named = f"{', '.join(LABELS)}: name another, quality=good"
            what = f"{column!r}: {suggest(str(column), known)}" if column else named
            raise self.error(f"its clusters have no attribute {what}")
        ids, values = known[name]
        chosen = with_labels(values, asked, () if column else USUAL, f"{self.name}: no cluster")
        return ids[[value in chosen for value in values]]

    def _columns(self, path: Path, attribute: str) -> dict[str, tuple[NDArray[np.int64], list[str]]]:
        """What a file says of each cluster."""
        if path.suffix == ".npy":
            array = mapped_array(path)
            if array.ndim != 1 or array.dtype.kind not in "fiubU":
                return {}
            return {attribute: (np.arange(array.size), [_text(value) for value in array.tolist()])}
        if path.suffix in {".csv", ".tsv"}:
            texts: dict[str, list[str]] = read_table(path)
        elif path.suffix == ".pqt":
            texts = {name: [_text(value) for value in column.tolist()] for name, column in read_columns(path).items()}
        else:
            return {}
        self._labelled = list(dict.fromkeys([*self._labelled, path]))
        n = len(next(iter(texts.values()), ()))
        ids = texts.pop("cluster_id", None)
        if ids is not None and not all(cell.isascii() and cell.isdecimal() for cell in ids):
            raise self.error(f"{path.name} has a cluster_id that is not a whole number: write it again, or remove it")
        numbers = np.arange(n) if ids is None else np.array(ids, np.str_).astype(np.int64)
        return {name: (numbers, column) for name, column in texts.items()}

    def _only(self, what: str, attribute: str) -> Path:
        found = _find(self.path, what, attribute)
        if len(found) != 1:
            several = f"{len(found)} files of" if found else "no"
            raise self.error(f"it has {several} {what}.{attribute}: give a folder with one")
        return found[0]


def _attribute(path: Path, what: str) -> str | None:
    """The attribute that a file of an object holds; None for other files."""
    found = NAME.fullmatch(path.name)
    return found["attribute"] if found and found["object"] == what else None


def _find(directory: Path, what: str, attribute: str) -> list[Path]:
    ends = {".npy"} if attribute != "table" else {".pqt"}
    found = directory.glob(f"*{what}.{attribute}*")
    return sorted(path for path in found if path.suffix in ends and _attribute(path, what) == attribute)


def _text(value: object) -> str:
    return str(value).removesuffix(".0")
