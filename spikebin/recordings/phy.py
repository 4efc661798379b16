"""Kilosort and Phy folders: spike_times.npy, spike_clusters.npy, params.py (read, never run) and cluster labels."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.arrays import ArraySource, OnDisk, mapped_array, whole_ids
from spikebin.recordings.continuous.cells import typed
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.text_table import read_table
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["SHEET", "PhyRecording", "open", "read_params", "recognises"]

SHEET = "units"
TIMES = "spike_times.npy"
CLUSTERS = ("spike_clusters.npy", "spike_templates.npy")
PARAMS = "params.py"
NOISE = "noise"
# What a person said in Phy comes before what Kilosort guessed.
LABELS = (
    ("cluster_info.tsv", "group"),
    ("cluster_group.tsv", "group"),
    ("cluster_group.tsv", "KSLabel"),
    ("cluster_KSLabel.tsv", "KSLabel"),
)
LARGEST_PARAMS = 1 << 20


def recognises(path: Path) -> bool:
    """Whether a path is a directory with spike_times.npy and the clusters of the spikes."""
    return (path / TIMES).is_file() and any((path / name).is_file() for name in CLUSTERS)


def open(path: Path, reading: Reading | None = None) -> PhyRecording:  # noqa: A001
    """Open a Kilosort or Phy folder.

    Raises
    ------
    RecordingError
        If a file is missing or damaged, or there is no sampling rate.
    """
    return PhyRecording(path, reading or Reading())


class PhyRecording(ContinuousRecording):
    """The clusters of one sorting. Times are in samples; the rate is the one given, else params.py's."""

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        clusters = next((path / name for name in CLUSTERS if (path / name).is_file()), None)
        if clusters is None or not (path / TIMES).is_file():
            raise self.error(f"it lacks {TIMES} or {CLUSTERS[0]}: give the folder that Kilosort or Phy wrote")
        self._clusters = clusters
        self.rate = reading.rate if reading.rate is not None else self._params_rate()

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `units`."""
        return [SHEET]

    @property
    def paths(self) -> list[Path]:
        """Every file that spikes and clusters are read from."""
        names = [PARAMS, *dict.fromkeys(name for name, _ in LABELS), "channel_positions.npy", "channel_map.npy"]
        return [
            self.path / TIMES,
            self._clusters,
            *(self.path / name for name in names if (self.path / name).is_file()),
        ]

    def population(self, sheet: str) -> Population:  # noqa: ARG002
        """The clusters that fire and have one of the labels asked for; without, all that are not noise."""
        times, ids = OnDisk(self.path / TIMES), OnDisk(self._clusters)
        source = ArraySource(times, ids, make_clock("samples", self.rate, self.name), self.name)
        fire = np.unique(np.concatenate([np.unique(chunk) for _, chunk in source.chunks()] or [np.empty(0, np.int64)]))
        labels = self._labels()
        wanted = self.reading.labels
        kept = [
            i for i in fire.tolist() if (labels.get(i, "") != NOISE if wanted is None else labels.get(i, "") in wanted)
        ]
        if not kept:
            known = sorted({labels.get(i, "unsorted") for i in fire.tolist()})
            raise self.error(
                f"no cluster is labelled {' or '.join(wanted or ('other than noise',))}: labels are"
                f" {', '.join(known) or 'none'}"
            )
        chosen = np.array(kept, np.int64)
        return Population(source, neuron_table(chosen, self._places(chosen)), select=True)

    def _params_rate(self) -> float:
        if not (self.path / PARAMS).is_file():
            raise self.error(
                f"it has no {PARAMS}: give the rate in samples per second with --rate (`rate` in [[recordings]])"
            )
        rate = read_params(self.path / PARAMS).get("sample_rate")
        if isinstance(rate, bool) or not isinstance(rate, int | float):
            raise self.error(
                f"{PARAMS} has no number called sample_rate: give it with --rate (`rate` in [[recordings]])"
            )
        return float(rate)

    def _labels(self) -> dict[int, str]:
        """Cluster -> label, in lower case, where it has one."""
        labels: dict[int, str] = {}
        for name, column in LABELS:
            table = self._table(name)
            if column in table and "cluster_id" in table:
                for cluster, label in zip(table["cluster_id"].tolist(), table[column].tolist(), strict=True):
                    if str(label) not in {"", "nan"}:
                        labels.setdefault(int(cluster), str(label).lower())
        return labels

    def _places(self, clusters: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Where the best channel of each cluster lies, (n, 2)."""
        table = self._table("cluster_info.tsv")
        channels, positions = self.path / "channel_map.npy", self.path / "channel_positions.npy"
        if (
            not {"cluster_id", "ch"} <= set(table)
            or table["ch"].dtype.kind != "i"
            or not (channels.is_file() and positions.is_file())
        ):
            return None
        mapped = whole_ids(OnDisk(channels)[:], self.name)
        where = np.asarray(mapped_array(positions), np.float64)
        if where.ndim != 2 or where.shape[1] != 2 or len(where) != mapped.size:
            return None
        place = dict(zip(mapped.tolist(), where, strict=True))
        channel = dict(zip(table["cluster_id"].tolist(), table["ch"].tolist(), strict=True))
        unknown = np.full(2, np.nan)
        return np.array([place.get(channel.get(cluster, -1), unknown) for cluster in clusters.tolist()])

    def _table(self, name: str) -> dict[str, NDArray[Any]]:
        path = self.path / name
        table = {key: typed(cells) for key, cells in read_table(path).items()} if path.is_file() else {}
        if "cluster_id" not in table and "id" in table:
            table["cluster_id"] = table.pop("id")
        if table and ("cluster_id" not in table or table["cluster_id"].dtype.kind != "i"):
            raise self.error(f"{name} has no column cluster_id of whole numbers: write it again, or remove it")
        return table


def read_params(path: Path) -> dict[str, Any]:
    """The plain literals that a params.py assigns; anything else in it is passed over, and nothing is run.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to object
        By the names that they are assigned to.

    Raises
    ------
    RecordingError
        If it cannot be read, is larger than any params.py, or is not Python.
    """
    try:
        if path.stat().st_size > LARGEST_PARAMS:
            raise ValueError("it is too large")
        tree = ast.parse(path.read_text("utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise RecordingError(
            f"{path} cannot be read ({' '.join(str(error).split())}): give the rate with --rate"
        ) from None
    found: dict[str, Any] = {}
    for statement in tree.body:
        if (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and isinstance(statement.targets[0], ast.Name)
        ):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                continue
    return found
