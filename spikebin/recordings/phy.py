"""Kilosort and Phy folders: spike_times.npy, spike_clusters.npy, params.py (read, never run) and cluster labels."""

from __future__ import annotations

import ast
import pickletools
import re
import tokenize
from collections import Counter
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.cached import cached_property
from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.recordings.continuous.cells import WHOLE
from spikebin.recordings.continuous.flat_arrays import ArraySource, OnDisk, mapped_array, whole_ids
from spikebin.recordings.continuous.labels import USUAL, chosen_note, parse_labels, with_labels
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.text_table import read_table
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["SHEET", "PhyRecording", "open", "read_ops_rate", "read_params", "recognises"]

SHEET = "units"
TIMES = "spike_times.npy"
SECONDS = "spike_times_sec.npy"
CLUSTERS = ("spike_clusters.npy", "spike_templates.npy")
PARAMS = "params.py"
OPS = "ops.npy"
NOISE = "noise"
UNSORTED = "unsorted"
# Where a person said in Phy what a cluster is: the first of these that is there. Phy itself never reads
# cluster_info.tsv, which may be older than the others.
GROUPS = ("cluster_group.tsv", "cluster_group.csv", "cluster_groups.csv", "cluster_info.tsv", "cluster_info.csv")
# What Kilosort guessed, for clusters of which nobody said anything.
GUESSES = ("cluster_KSLabel.tsv", "cluster_KSLabel.csv", "cluster_group.tsv", "cluster_info.tsv")
INFO = "cluster_info.tsv"
CLUSTER = re.compile(r"\s*[0-9]+(?:\.0*)?\s*")
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
        self._times = path / (reading.times or TIMES)
        if not self._times.is_file():
            raise self.error(f"it has no {reading.times}: give a file of times in s, such as {SECONDS}")
        self.uses_rate = reading.times is None
        if (path / SECONDS).is_file() and reading.times is None:
            self.notes.append(f"{SECONDS} is there, too: --times {SECONDS} reads the times that TPrime made")
        self.rate = reading.rate if reading.rate is not None or not self.uses_rate else self._params_rate()
        if reading.rate is not None and self.uses_rate:
            with suppress(RecordingError):
                written = self._params_rate()
                if written != reading.rate:
                    self.notes.append(f"the folder says {written:g} samples a second, --rate {reading.rate:g} is taken")

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `units`."""
        return [SHEET]

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        unit = f"samples ({self.rate:g} a second)" if self.uses_rate else "s"
        return f"phy, {self._times.name} in {unit}, neurons by {self._clusters.name}"

    @property
    def paths(self) -> list[Path]:
        """Every file that spikes and clusters are read from."""
        names = [PARAMS, OPS, *dict.fromkeys((*GROUPS, *GUESSES)), "channel_positions.npy", "channel_map.npy"]
        found = [self.path / name for name in names if (self.path / name).is_file()]
        tables = self._tables if any("=" in label for label in self.reading.labels or ()) else []
        return [self._times, self._clusters, *found, *(path for path in tables if path not in found)]

    def population(self, sheet: str) -> Population:  # noqa: ARG002
        """The clusters that fire and have one of the labels asked for; without, all that are not noise."""
        times, ids = OnDisk(self._times), OnDisk(self._clusters)
        if self.reading.times is None:
            clock = make_clock("samples", self.rate, self.name)
            source: ArraySource = _Samples(times, ids, clock, self.name)
        else:
            clock = make_clock("s", None, self.name)
            source = ArraySource(times, ids, clock, self.name)
        n_spikes: Counter[int] = Counter()
        for _, chunk in source.chunks():
            n_spikes.update(dict(zip(*(part.tolist() for part in np.unique(chunk, return_counts=True)), strict=True)))
        labels = {cluster: self._labels(cluster) for cluster in sorted(n_spikes)}
        kept = self._kept(labels)
        chosen = np.array(kept, np.int64)
        left_out = Counter({cluster: n for cluster, n in n_spikes.items() if cluster not in set(kept)})
        notes = []
        if left_out:
            kinds = Counter(labels[cluster][0] for cluster in left_out)
            named = ", ".join(f"{n:,} {label}" for label, n in kinds.most_common())
            notes.append(chosen_note("cluster", len(labels), len(left_out), left_out.total(), named))
        neurons = neuron_table(chosen, self._places(chosen))
        return Population(source, neurons, select=True, notes=notes, precision=clock.precision(times.dtype))

    def _kept(self, labels: dict[int, tuple[str, ...]]) -> list[int]:
        """The clusters that are asked for, of those that fire."""
        where = f"{self.name}: no cluster"
        if self.reading.labels is None:
            kept = [cluster for cluster, (label, *_) in labels.items() if label.lower() != NOISE]
            if labels and not kept:
                raise self.error("all of its clusters are noise: ask for them with --labels noise")
            return kept
        column, asked = parse_labels(self.reading.labels)
        if column is not None:
            values = self._column(column)
            labels = {cluster: (values.get(cluster, ""),) for cluster in labels}
        wanted = with_labels((one for each in labels.values() for one in each), asked, () if column else USUAL, where)
        return [cluster for cluster, each in labels.items() if wanted & set(each)]

    @property
    def _tables(self) -> list[Path]:
        return sorted(path for path in self.path.glob("cluster_*") if path.suffix in {".tsv", ".csv"})

    @cached_property
    def _said(self) -> tuple[dict[int, str], dict[int, str]]:
        """Cluster -> label: what a person said, and what Kilosort guessed."""
        said: dict[int, str] = {}
        guessed: dict[int, str] = {}
        tables = [self._table(name) for name in GROUPS]
        said = next((table["group"] for table in tables if "group" in table), said)
        for name in GUESSES:
            guessed = {**self._table(name).get("KSLabel", {}), **guessed}
        return said, guessed

    def _labels(self, cluster: int) -> tuple[str, ...]:
        """What a cluster can be asked for by, its label first: a person's, else Kilosort's, else unsorted."""
        said, guessed = self._said
        person = said.get(cluster, "") or UNSORTED
        if person.lower() != UNSORTED:
            return (person,)
        guess = guessed.get(cluster, "")
        return (guess, person) if guess else (person,)

    def _column(self, column: str) -> dict[int, str]:
        """Cluster -> value of a column of the folder's tables, whatever its case."""
        columns: dict[str, dict[int, str]] = {}
        for path in self._tables:
            if path.name != INFO:
                columns |= self._table(path.name)
        columns = {**self._table(INFO), **columns}
        known = {name.lower(): name for name in columns}
        if column.lower() not in known:
            raise self.error(f"its tables of clusters have no column {column!r}: {suggest(column, columns)}")
        return columns[known[column.lower()]]

    def _params_rate(self) -> float:
        if not (self.path / PARAMS).is_file():
            rate = read_ops_rate(self.path / OPS) if (self.path / OPS).is_file() else None
            if rate is not None:
                return rate
            raise self.error(
                f"it has no {PARAMS}: give the rate in samples per second with --rate (`rate` in [[recordings]])"
            )
        rate = read_params(self.path / PARAMS).get("sample_rate")
        if isinstance(rate, bool) or not isinstance(rate, int | float):
            raise self.error(
                f"{PARAMS} has no number called sample_rate: give it with --rate (`rate` in [[recordings]])"
            )
        try:
            return float(rate)
        except OverflowError:
            raise self.error(
                f"sample_rate in {PARAMS} is beyond any number: give the rate with --rate (`rate` in [[recordings]])"
            ) from None

    def _places(self, clusters: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Where the best channel of each cluster lies, (n, 2)."""
        channel = {cluster: cell for cluster, cell in self._table(INFO).get("ch", {}).items() if WHOLE.fullmatch(cell)}
        channels, positions = self.path / "channel_map.npy", self.path / "channel_positions.npy"
        if not (channel and channels.is_file() and positions.is_file()):
            return None
        mapped = whole_ids(OnDisk(channels)[:], self.name)
        stored = mapped_array(positions)
        if stored.ndim != 2 or stored.shape[1] != 2 or len(stored) != mapped.size or stored.dtype.kind not in "fiu":
            return None
        where = np.asarray(stored, np.float64)
        place = dict(zip(mapped.tolist(), where, strict=True))
        unknown = np.full(2, np.nan)
        return np.array([place.get(int(channel.get(cluster, -1)), unknown) for cluster in clusters.tolist()])

    def _table(self, name: str) -> dict[str, dict[int, str]]:
        """Column -> cluster -> cell of a table of clusters; nothing of one that is not there. No id, no cluster."""
        path = self.path / name
        if not path.is_file():
            return {}
        table = read_table(path)
        ids = table.pop("cluster_id", None) or table.pop("id", None)
        if ids is None:
            raise self.error(f"{name} has no column cluster_id: write it again, or remove it")
        for cell in ids:
            if cell.strip() and not (CLUSTER.fullmatch(cell) and isfinite(float(cell))):
                raise self.error(f"{name}: {cell[:40]!r} is not the number of a cluster: write it again, or remove it")
        clusters = [int(float(cell)) if cell.strip() else None for cell in ids]
        twice = next((cluster for cluster, n in Counter(clusters).items() if n > 1 and cluster is not None), None)
        if twice is not None:
            raise self.error(f"{name} has two lines of cluster {twice}: keep one")
        return {
            column: {cluster: cell for cluster, cell in zip(clusters, cells, strict=True) if cluster is not None}
            for column, cells in table.items()
        }


class _Samples(ArraySource):
    """Spikes whose times are numbers of samples, and therefore whole."""

    def read(self, start: int, stop: int) -> Spikes:
        samples = self._times[start:stop]
        if samples.dtype.kind == "f" and (samples != np.floor(samples)).any():
            raise RecordingError(
                f"{self._where}: {TIMES} holds fractions, {samples[samples != np.floor(samples)][0]:g}, which are no"
                f" samples: where they are seconds, read {TIMES} itself with --neurons {CLUSTERS[0]} --unit s"
            )
        return super().read(start, stop)


def read_ops_rate(path: Path) -> float | None:
    """The sampling rate that Kilosort 4's ops.npy holds, a pickle of which only the opcodes are looked at.

    Parameters
    ----------
    path : Path

    Returns
    -------
    float or None
        The number after the first text ``fs``; None: there is none, or it is not a pickle.
    """
    numbers = {"BININT", "BININT1", "BININT2", "BINFLOAT", "FLOAT", "INT"}
    try:
        with path.open("rb") as file:
            if np.lib.format.read_magic(file) == (1, 0):
                np.lib.format.read_array_header_1_0(file)
            else:
                np.lib.format.read_array_header_2_0(file)
            key = ""
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name in {"MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"}:
                    continue
                if key == "fs" and opcode.name in numbers and isinstance(argument, int | float) and argument > 0:
                    return float(argument)
                key = argument if isinstance(argument, str) else ""
    # What pickletools raises on bytes that are not a pickle: its own parsers raise whatever they stumble over.
    except (OSError, ValueError, EOFError, SyntaxError, IndexError, KeyError, OverflowError, tokenize.TokenError):
        pass
    return None


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
        tree = ast.parse(path.read_text("utf-8-sig"))
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
