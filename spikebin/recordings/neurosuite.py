"""neurosuite (Klusters, NDManager): session.res.N and session.clu.N for each shank N, and session.xml with the rate.

A .res file holds the sample of each spike, a line each; a .clu file first how many clusters there are, then the cluster
of each spike. Clusters have ids of their own on each shank, so each shank is a sheet. Cluster 0 holds artefacts,
cluster 1 what could not be sorted. https://neurosuite.sourceforge.net/formats.html
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.labels import chosen_note, with_labels
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.spike_index import CHUNK
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.units import Clock

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["NeurosuiteRecording", "open", "recognises"]

RES = re.compile(r"(?P<session>.+)\.res\.(?P<shank>\d+)")
RATE = re.compile(r"<samplingRate>\s*([0-9]+(?:\.[0-9]+)?)\s*</samplingRate>")
LARGEST_XML = 1 << 24
KINDS = {0: "artefact", 1: "noise"}
SORTED = "good"


def recognises(path: Path) -> bool:
    """Whether a path is a directory with a .res.N and its .clu.N."""
    return path.is_dir() and bool(_shanks(path))


def open(path: Path, reading: Reading | None = None) -> NeurosuiteRecording:  # noqa: A001
    """Open the directory of a session.

    Raises
    ------
    RecordingError
        If it holds no sorted spikes, those of two sessions, or no rate.
    """
    return NeurosuiteRecording(path, reading or Reading())


class NeurosuiteRecording(ContinuousRecording):
    """The shanks of one session. Times are in samples; the rate is the one given, else that of the .xml."""

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        self._shanks = _shanks(path) if path.is_dir() else {}
        if not self._shanks:
            raise self.error("it has no .res.N with its .clu.N: give the directory of a session")
        sessions = sorted({res.name.rpartition(".res.")[0] for res, _ in _pairs(path)})
        if len(sessions) > 1:
            raise self.error(f"it holds the sessions {', '.join(sessions)}: give a directory for each")
        self._xml = path / f"{sessions[0]}.xml"
        self.rate = reading.rate if reading.rate is not None else self._xml_rate()

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        return f"neurosuite, .res in samples ({self.rate:g} a second), neurons by .clu"

    @property
    def paths(self) -> list[Path]:
        """Every file that the spikes are read from."""
        files = [file for pair in self._shanks.values() for file in pair]
        return [*files, *([self._xml] if self._xml.is_file() else [])]

    @property
    def sheets(self) -> Sequence[str]:
        """`shank1`, `shank2`, ..."""
        return list(self._shanks)

    def population(self, sheet: str) -> Population:
        """The clusters of a shank that fire; without labels, all but artefacts and noise."""
        source = _Shank(*self._shanks[sheet], make_clock("samples", self.rate, self.name))
        n_spikes: Counter[int] = Counter()
        for _, ids in source.chunks():
            n_spikes.update(dict(zip(*(part.tolist() for part in np.unique(ids, return_counts=True)), strict=True)))
        labels = {cluster: KINDS.get(cluster, SORTED) for cluster in sorted(n_spikes)}
        asked = self.reading.labels or (SORTED,)
        wanted = with_labels(labels.values(), asked, (SORTED, *KINDS.values()), f"{sheet} of {self.name}: no cluster")
        kept = [cluster for cluster, label in labels.items() if label in wanted]
        left_out = {cluster: n for cluster, n in n_spikes.items() if cluster not in kept}
        named = ", ".join(f"{n:,} {label}" for label, n in Counter(labels[c] for c in left_out).items())
        note = chosen_note("cluster", len(labels), len(left_out), sum(left_out.values()), named)
        notes = [note] if left_out else []
        return Population(source, neuron_table(np.array(kept, np.int64)), select=True, notes=notes)

    def _xml_rate(self) -> float:
        way_out = "give it with --rate (`rate` in [[recordings]])"
        try:
            if self._xml.stat().st_size > LARGEST_XML:
                raise ValueError("it is too large")
            found = RATE.search(self._xml.read_text("utf-8", "replace"))
        except (OSError, ValueError) as error:
            raise self.error(f"no rate: {self._xml.name} cannot be read ({error}): {way_out}") from None
        if found is None or not float(found[1]) > 0:
            raise self.error(f"{self._xml.name} holds no samplingRate: {way_out}")
        return float(found[1])


class _Shank:
    """The spikes of one shank."""

    def __init__(self, res: Path, clu: Path, clock: Clock) -> None:
        self._res, self._clu, self._clock = res, clu, clock

    def chunks(self) -> Iterator[Spikes]:
        with _opened(self._res) as res, _opened(self._clu) as clu:
            _numbers(list(islice(clu, 1)), self._clu, 0)
            n = 0
            while True:
                samples, ids = list(islice(res, CHUNK)), list(islice(clu, CHUNK))
                if len(samples) != len(ids):
                    raise RecordingError(
                        f"{self._res.name} and {self._clu.name} do not have the same number of spikes: one is cut off"
                    )
                if not samples:
                    return
                yield self._clock.to_ms(_numbers(samples, self._res, n)), _numbers(ids, self._clu, n + 1)
                n += len(samples)


def _opened(path: Path) -> IO[str]:
    try:
        return path.open(encoding="ascii", errors="replace")
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror}): check the path and your rights") from None


def _numbers(lines: list[str], path: Path, n_before: int) -> NDArray[np.int64]:
    for i, line in enumerate(lines, n_before + 1):
        if not line.strip().isdecimal():
            raise RecordingError(f"{path} line {i}: {line.strip()[:40]!r} is not a whole number: write the file again")
    return np.array(lines, np.str_).astype(np.int64)


def _pairs(directory: Path) -> list[tuple[Path, Path]]:
    """Each .res of each session that has its .clu."""
    named = [found for path in sorted(directory.glob("*.res.*")) if (found := RES.fullmatch(path.name))]
    pairs = [(directory / m.string, directory / f"{m['session']}.clu.{m['shank']}") for m in named]
    return [(res, clu) for res, clu in pairs if clu.is_file()]


def _shanks(directory: Path) -> dict[str, tuple[Path, Path]]:
    """Sheet -> its .res and .clu, by the number of the shank."""
    found = {int(res.name.rpartition(".")[2]): (res, clu) for res, clu in _pairs(directory)}
    return {f"shank{number}": found[number] for number in sorted(found)}
