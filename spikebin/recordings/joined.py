"""Several recordings as one: one after the other in time, or the sheets of several that were shown the same.

What each of them presents is known to its timeline.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.presented import TimelineSpikes
from spikebin.system.files import reserve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.mozaik.timeline import Timeline
    from spikebin.recordings.presented import Presented

__all__ = ["OneAfterTheOther", "SideBySide"]


class OneAfterTheOther:
    """Recordings of the same neurons, one after the other: the chunks of a trial.

    Parameters
    ----------
    name : str
    pieces : sequence of Presented
        In time, at least one.
    scratch : Path
        A directory for files that hold the spikes of one sheet: of one piece alone they are in memory.

    Raises
    ------
    RecordingError
        If they have other sheets.
    """

    def __init__(self, name: str, pieces: Sequence[Presented], scratch: Path) -> None:
        self.name = name
        self.pieces = pieces
        self.sheets = list(pieces[0].sheets)
        self._scratch = scratch
        for piece in pieces:
            if list(piece.sheets) != self.sheets:
                raise RecordingError(
                    f"{piece.name} has other sheets than {pieces[0].name}: choose those that both have"
                )
        lasting = (Fraction(piece.stretches[-1].stop) for piece in pieces)
        self._onsets = [float(onset) for onset in accumulate(lasting, initial=Fraction(0))]
        self.stretches = [
            replace(stretch, start=onset + stretch.start, stop=onset + stretch.stop)
            for piece, onset in zip(pieces, self._onsets, strict=False)
            for stretch in piece.stretches
        ]

    def neurons(self, sheet: str) -> NDArray[Any]:
        """See `spikebin.recordings.presented.Presented`."""
        return self.pieces[0].neurons(sheet)

    def spikes(self, sheet: str) -> TimelineSpikes:
        """The spikes of a sheet, in a file; see `spikebin.recordings.presented.Presented`.

        Raises
        ------
        RecordingError
            If a piece has other neurons, or cannot be read.
        OSError
            If there is no room for the file.
        """
        if len(self.pieces) == 1:
            return self.pieces[0].spikes(sheet)
        ids = self.neurons(sheet)["neuron_id"]
        counts = np.zeros((len(self.pieces), ids.size), np.int64)
        n_outside = 0
        by_piece, by_neuron = self._scratch / "by_piece", self._scratch / "by_neuron"
        with by_piece.open("wb") as file:
            for i, (piece, onset) in enumerate(zip(self.pieces, self._onsets, strict=False)):
                if not np.array_equal(piece.neurons(sheet)["neuron_id"], ids):
                    raise RecordingError(f"{piece.name} has other neurons of {sheet} than {self.pieces[0].name}")
                found = piece.spikes(sheet)
                file.write((onset + np.asarray(found.times)).tobytes())
                counts[i] = found.counts
                n_outside += found.n_outside
        totals = counts.sum(axis=0)
        if not totals.sum():
            return TimelineSpikes(np.empty(0), totals, n_outside)
        read = np.memmap(by_piece, np.float64, "r")
        times = np.memmap(by_neuron, np.float64, "w+", shape=(int(totals.sum()),))
        reserve(by_neuron)
        # Where the next spike of each neuron goes.
        free, first = totals.cumsum() - totals, 0
        for mine in counts:
            stop = first + int(mine.sum())
            times[np.repeat(free - (mine.cumsum() - mine), mine) + np.arange(stop - first)] = read[first:stop]
            free, first = free + mine, stop
        return TimelineSpikes(times, totals, n_outside)


class SideBySide:
    """Sheets of several recordings that were shown the same, as one recording.

    Parameters
    ----------
    shown : sequence of Timeline
        At least one.

    Raises
    ------
    RecordingError
        If they were not shown the same for the same time.
    """

    def __init__(self, shown: Sequence[Timeline]) -> None:
        self._shown = shown
        first = shown[0]
        self.name = first.name
        self.stretches = first.stretches
        self._of = {sheet: one for one in shown for sheet in one.sheets}
        self.sheets = list(self._of)
        for one in shown:
            alike = len(one.stretches) == len(first.stretches) and all(
                (a.kind, a.stimulus.text, a.null) == (b.kind, b.stimulus.text, b.null)
                and np.allclose((a.start, a.stop), (b.start, b.stop), rtol=0, atol=1e-6)
                for a, b in zip(one.stretches, first.stretches, strict=True)
            )
            if not alike:
                raise RecordingError(
                    f"{one.name} was not shown the same as {first.name}, one after the other: choose the sheets of one"
                    " of them with --sheet"
                )

    def cut(self, first: int, stop: int) -> SideBySide:
        """Some of its presentations, see `spikebin.recordings.mozaik.timeline.Timeline.cut`."""
        return SideBySide([one.cut(first, stop) for one in self._shown])

    def neurons(self, sheet: str) -> NDArray[Any]:
        """See `spikebin.recordings.presented.Presented`."""
        return self._of[sheet].neurons(sheet)

    def spikes(self, sheet: str) -> TimelineSpikes:
        """See `spikebin.recordings.presented.Presented`."""
        return self._of[sheet].spikes(sheet)
