"""Shards from a data set, for recordings that are gone: each spike at the middle of its bin, trial after trial."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import DatasetError
from spikebin.exports.experanto.shard import WORK, Shard, shard_there, tidy, write_shard
from spikebin.names import directory_name
from spikebin.recordings.mozaik.stimulus import BLANK, parse_stimulus, written_down
from spikebin.recordings.mozaik.timeline import stretch_of
from spikebin.recordings.presented import TimelineSpikes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.dataset.dataset import Part
    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.exports.experanto.settings import ShardSettings
    from spikebin.recordings.mozaik.stimulus import Stimulus
    from spikebin.recordings.presented import Stretch

__all__ = ["BinnedTimeline", "shards_of_dataset"]


class BinnedTimeline:
    """One part of a data set as if it were a recording: the phases of its trials one after the other.

    Parameters
    ----------
    parts : mapping of str to Part
        Sheet -> its file.
    on_read : callable, optional
        Called for each trial of a sheet that was read: with their number so far, and how many there are.

    Raises
    ------
    DatasetError
        If the sheets have other trials.
    MatrixFileError
        If a file is damaged.

    Notes
    -----
    What no trial took is not in a data set: the time between trials is left out. The last bin of a phase may reach past
    its end; its spikes are put in the middle of what there is of it, those of an end bin at exactly the end.
    """

    def __init__(self, parts: Mapping[str, Part], on_read: Callable[[int, int], None] | None = None) -> None:
        self._parts = parts
        self._on_read = on_read
        self._n_read = 0
        self.sheets = list(parts)
        first = parts[self.sheets[0]]
        self.name = f"{first.file.header.variant}/{first.name}"
        trials = _trials(first)
        for sheet, part in parts.items():
            mine = _trials(part)
            if any(not np.array_equal(mine[c], trials[c]) for c in ("image_id", "repeat", "order", "phase_bins")):
                raise DatasetError(
                    f"{sheet} of {self.name} has other trials than {self.sheets[0]}: export each with --sheet"
                )
        file = first.file
        chosen = slice(None) if first.trials is None else first.trials
        durations = trials["phase_bins"] * file.binning.width - file.surplus()[chosen]
        self._in_time = np.argsort(trials["order"], kind="stable")
        lasting = (Fraction(float(one)) for one in durations[self._in_time].ravel())
        onsets = np.array([float(onset) for onset in accumulate(lasting, initial=Fraction(0))])
        self._onsets = onsets[:-1].reshape(durations.shape)
        self._ends = onsets[1:].reshape(durations.shape)
        self.stretches = self._make_stretches(trials, [phase.name for phase in file.header.phases])

    def _make_stretches(self, trials: NDArray[Any], phases: list[str]) -> list[Stretch]:
        found = []
        for trial, starts, stops in zip(trials[self._in_time], self._onsets, self._ends, strict=True):
            for i, (phase, start, stop) in enumerate(zip(phases, starts.tolist(), stops.tolist(), strict=True)):
                if not trial["phase_bins"][i]:
                    continue
                blank = phase.startswith("blank")
                known = {"name": BLANK, "module_path": "spikebin", "trial": int(trial["repeat"])}
                stimulus = written_down({**known, "duration": stop - start}) if blank else _stimulus(trial, start, stop)
                found.append(stretch_of(stimulus, start, stop, null=False, blank=blank))
        if not found:
            raise DatasetError(f"{self.name} has no trials")
        return found

    def neurons(self, sheet: str) -> NDArray[Any]:
        """See `spikebin.recordings.presented.Presented`."""
        part = self._parts[sheet]
        return part.file.neurons if part.neurons is None else part.file.neurons[part.neurons]

    def spikes(self, sheet: str) -> TimelineSpikes:
        """The spikes of a sheet, at the middles of their bins; see `spikebin.recordings.presented.Presented`.

        Raises
        ------
        MatrixFileError
            If the file is damaged.
        """
        part = self._parts[sheet]
        file, n_columns, width = part.file, part.file.shape[2], part.file.binning.width
        place = np.full(file.shape[1], -1)
        kept = np.arange(file.shape[1]) if part.neurons is None else part.neurons
        place[kept] = np.arange(kept.size)
        of_file = np.arange(file.shape[0]) if part.trials is None else part.trials
        times, rows = [], []
        for i, trial in enumerate(self._in_time.tolist()):
            flat, values = file.flat_events(int(of_file[trial]))
            neuron, column = np.divmod(flat, n_columns)
            firsts = np.cumsum(file.trials["phase_bins"][of_file[trial]]) - file.trials["phase_bins"][of_file[trial]]
            phase = np.searchsorted(firsts, column, "right") - 1
            start, stop = self._onsets[i][phase], self._ends[i][phase]
            bin_start = start + (column - firsts[phase]) * width
            # A bin may reach past the end of its phase, and an end bin begins there.
            middle = (np.minimum(bin_start, stop) + np.minimum(bin_start + width, stop)) / 2.0
            mine = place[neuron] >= 0
            times.append(np.repeat(middle[mine], values[mine]))
            rows.append(np.repeat(place[neuron[mine]], values[mine]))
            self._n_read += 1
            if self._on_read is not None:
                self._on_read(self._n_read, self._in_time.size * len(self.sheets))
        flat_times, of = np.concatenate(times), np.concatenate(rows)
        sort = np.lexsort([flat_times, of])
        return TimelineSpikes(flat_times[sort], np.bincount(of, minlength=kept.size).astype(np.int64), 0)


def shards_of_dataset(
    sheets: SheetSet,
    out: Path,
    settings: ShardSettings,
    *,
    force: bool = False,
    on_read: Callable[[int, int], None] | None = None,
) -> Iterator[Shard]:
    """Write the parts of a data set as shards; what is there already is left alone.

    Parameters
    ----------
    sheets : SheetSet
        As `open_dataset` gives it.
    out : Path
        A part goes to ``out/<variant>/<part>``.
    settings : ShardSettings
    force : bool
        Replace shards that were made otherwise.
    on_read : callable, optional
        See `BinnedTimeline`.

    Yields
    ------
    Shard
        One for each part.

    Raises
    ------
    DatasetError
        If a sheet lacks a part or has other trials.
    MatrixFileError
        If a file is damaged.
    SpikebinError
        If something else lies there, or it cannot be written.
    """
    by_name: dict[str, dict[str, Part]] = {}
    for sheet, parts in sheets.parts().items():
        for part in parts:
            by_name.setdefault(part.name, {})[sheet] = part
    for name, mine in by_name.items():
        if len(mine) < len(sheets):
            raise DatasetError(f"part {name} is not there for all sheets: leave it out, or choose sheets")
        headers = [part.file.header for part in mine.values()]
        facts = {
            "contents": [[header.sheet, header.content_digest] for header in headers],
            "rows": [[_listed(part.trials), _listed(part.neurons)] for part in mine.values()],
            "settings": settings.facts,
        }
        folder = directory_name(headers[0].variant)
        path, work = out / folder / name, out / WORK / folder / name
        raw = {header.sheet: part for header, part in zip(headers, mine.values(), strict=True)}
        there = shard_there(path, facts, force=force)
        if there is not None:
            tidy(work)
        yield there or write_shard(BinnedTimeline(raw, on_read), path, work, settings, facts, force=force)
        for part in mine.values():
            part.file.forget_tables()


def _trials(part: Part) -> NDArray[Any]:
    return part.file.trials if part.trials is None else part.file.trials[part.trials]


def _listed(rows: NDArray[np.intp] | None) -> list[int] | None:
    return None if rows is None else rows.tolist()


def _stimulus(trial: NDArray[Any], start: float, stop: float) -> Stimulus:
    """What a trial shows: as the recording wrote it, else by its image and repeat."""
    try:
        return parse_stimulus(str(trial["stimulus"]))
    except ValueError:
        known = {"movie_name": str(trial["image_id"]), "trial": int(trial["repeat"])}
        return written_down(
            {"name": "PixelMovieExperanto", "module_path": "spikebin", **known, "duration": stop - start}
        )
