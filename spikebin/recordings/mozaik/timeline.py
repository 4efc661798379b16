"""All that a recording presents, blanks included, in time and on one clock: for what goes beyond trials.

mozaik rebases the times of each presentation to its own onset; here they are put one after the other again.
"""

from __future__ import annotations

import copy
import math
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from spikebin.binning.rules import edge_tolerance
from spikebin.errors import RecordingError
from spikebin.recordings.mozaik.presentations import in_time, interleaved
from spikebin.recordings.mozaik.stimulus import image_id, is_moving
from spikebin.recordings.presented import Stretch, TimelineSpikes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from spikebin.recordings.mozaik.presentations import Presentation
    from spikebin.recordings.mozaik.sheet import Datastore
    from spikebin.recordings.mozaik.stimulus import Stimulus

__all__ = ["Timeline", "stretch_of"]


class Timeline:
    """All presentations of a recording, one after the other.

    Parameters
    ----------
    recording : Datastore
    sheets : sequence of str
        Raw names.
    on_read : callable, optional
        Called for each presentation of a sheet whose spikes were read.

    Raises
    ------
    RecordingError
        If the sheets were not shown the same, if the recording was merged from simulations that ran at the same time,
        or a segment is missing or damaged.
    """

    def __init__(self, recording: Datastore, sheets: Sequence[str], on_read: Callable[[], None] | None = None) -> None:
        self.recording = recording
        self._on_read = on_read
        self.sheets = tuple(sheets)
        self.name = recording.path.name
        self._shown = {sheet: self._in_time(sheet) for sheet in sheets}
        first = self._shown[self.sheets[0]]
        for sheet, mine in self._shown.items():
            if [(p.stimulus.text, p.null) for p in mine] != [(p.stimulus.text, p.null) for p in first]:
                raise self.error(
                    f"{sheet} was not shown the same as {self.sheets[0]}, one after the other: choose sheets that were"
                )
        spans = [recording.probe(p.file) for p in first]
        for presentation, (start, stop) in zip(first, spans, strict=True):
            if not (math.isfinite(start) and math.isfinite(stop) and stop >= start):
                raise self.error(f"{presentation.file} lasts from {start} to {stop} ms: it is damaged")
        self._set_spans(spans)

    def cut(self, first: int, stop: int) -> Self:
        """Some of its presentations, on a clock of their own.

        Parameters
        ----------
        first, stop : int
            Presentations, from 0; `stop` is the first that is left out.

        Returns
        -------
        Timeline
        """
        made = copy.copy(self)
        made._shown = {sheet: mine[first:stop] for sheet, mine in self._shown.items()}
        made._set_spans(self._spans[first:stop])
        return made

    def neurons(self, sheet: str) -> NDArray[Any]:
        """What is known of a sheet's neurons, by ascending id, as its first segment has them.

        Parameters
        ----------
        sheet : str

        Returns
        -------
        structured array (n_neurons,)
        """
        return self.recording.neurons(sheet, np.sort(self.recording.read(self._shown[sheet][0].file).ids))

    def spikes(self, sheet: str) -> TimelineSpikes:
        """The spikes of a sheet; one sheet is in memory at a time.

        Parameters
        ----------
        sheet : str

        Returns
        -------
        TimelineSpikes

        Raises
        ------
        RecordingError
            If a segment is missing or damaged, or disagrees with the others.
        """
        ids: NDArray[np.int64] | None = None
        times, rows, n_outside = [], [], 0
        for presentation, (start, stop), onset in zip(self._shown[sheet], self._spans, self.onsets, strict=False):
            segment = self.recording.read(presentation.file)
            order = np.argsort(segment.ids, kind="stable")
            ids = segment.ids[order] if ids is None else ids
            if not np.array_equal(segment.ids[order], ids) or (np.diff(ids) <= 0).any():
                raise self.error(
                    f"{presentation.file} has other neurons of {sheet} than the first segment, or one twice"
                )
            if segment.sheet != sheet or not np.isclose(segment.stop - segment.start, stop - start, rtol=0, atol=1e-6):
                raise self.error(
                    f"{presentation.file} holds {segment.sheet} for {segment.stop - segment.start:g} ms, not"
                    f" {sheet} for {stop - start:g} ms"
                )
            if not np.isfinite(segment.times).all():
                raise self.error(f"{presentation.file} has a spike time that is not a number: copy it again")
            place = np.empty(order.size, np.int64)
            place[order] = np.arange(order.size)
            margin = edge_tolerance(stop - start or 1.0, max(abs(start), abs(stop)))
            inside = (segment.times >= start - margin) & (segment.times <= stop + margin)
            n_outside += int(inside.size - inside.sum())
            times.append(onset + (segment.times[inside] - start))
            rows.append(np.repeat(place, segment.counts)[inside])
            if self._on_read is not None:
                self._on_read()
        if ids is None:
            raise self.error(f"{sheet} has no presentations")
        flat, of = np.concatenate(times), np.concatenate(rows)
        sort = np.lexsort([flat, of])
        return TimelineSpikes(flat[sort], np.bincount(of, minlength=ids.size).astype(np.int64), n_outside)

    def error(self, text: str) -> RecordingError:
        """An error that names this recording.

        Parameters
        ----------
        text : str

        Returns
        -------
        RecordingError
            To be raised.
        """
        return RecordingError(f"{self.name}: {text}")

    def _set_spans(self, spans: list[tuple[float, float]]) -> None:
        self._spans = spans
        # Each onset is the exact sum, rounded once: errors of many durations do not add up.
        lasting = (Fraction(stop) - Fraction(start) for start, stop in spans)
        self.onsets = [float(onset) for onset in accumulate(lasting, initial=Fraction(0))]
        shown = self._shown[self.sheets[0]]
        self.stretches = [
            stretch_of(p.stimulus, start, stop, null=p.null, blank=not p.shows())
            for p, start, stop in zip(shown, self.onsets, self.onsets[1:], strict=False)
        ]

    def _in_time(self, sheet: str) -> list[Presentation]:
        listed = [p for p in self.recording.presentations if p.sheet == sheet]
        if not listed:
            raise self.error(f"no sheet {sheet!r}")
        mixed = interleaved(listed)
        if mixed:
            raise self.error(
                f"it was merged from simulations that ran at the same time ({mixed[0].file} was recorded after"
                f" {mixed[1].file}): export the datastores that it was merged from"
            )
        return in_time(listed)


def stretch_of(stimulus: Stimulus, start: float, stop: float, *, null: bool, blank: bool) -> Stretch:
    """What one stimulus is on the clock of a recording.

    Parameters
    ----------
    stimulus : Stimulus
    start, stop : float
        ms.
    null : bool
        It is a null presentation, which has the text of the stimulus after it.
    blank : bool
        Nothing is shown.

    Returns
    -------
    Stretch
    """
    if blank:
        return Stretch("blank", start, stop, stimulus, null, "", 1)
    name = image_id(stimulus, ()) or stimulus.kind
    if not is_moving(stimulus):
        return Stretch("image", start, stop, stimulus, False, name, 1)
    frame = float(stimulus.parameters["movie_frame_duration"])
    return Stretch("video", start, stop, stimulus, False, name, max(1, math.ceil((stop - start) / frame - 1e-9)))
