"""One sheet of a datastore, cut into trials: its presentations in order, its spikes placed by neuron id.

Which blanks belong to a stimulus is known to phases.py, what a stimulus is called to stimulus.py, what the index lists
of the neurons to datastore.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spikebin.binning.rules import edge_tolerance
from spikebin.binning.trial import Phase, PhaseSpikes, Trial
from spikebin.cached import cached_property
from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.recordings.mozaik.phases import PHASES, Shown, UnpairedError, find_blanks
from spikebin.recordings.mozaik.presentations import in_time, interleaved, kinds_of
from spikebin.recordings.mozaik.stimulus import BLANK, columns_of, image_id, varying
from spikebin.recordings.recorded_span import left_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.choices import Blank
    from spikebin.recordings.mozaik.presentations import Presentation
    from spikebin.recordings.mozaik.segment import Segment
    from spikebin.recordings.protocol import SourceFile
    from spikebin.recordings.settings import TrialRule

    # The phases of a trial, and the columns that tell its window.
    Cut = tuple[tuple[Phase, ...], tuple[tuple[str, float], ...]]

__all__ = ["Datastore", "MozaikSheet"]


class Datastore(Protocol):
    """What a sheet asks of its recording: presentations, each with the spikes of one sheet in a segment of its own."""

    path: Path
    presentations: list[Presentation]

    @property
    def sheets(self) -> Sequence[str]:
        """Raw names of the sheets that have presentations."""
        ...

    def check(self) -> None:
        """Raise RecordingError if the recording may not be taken at all: its simulation exploded."""
        ...

    @property
    def parameters(self) -> Mapping[str, str]:
        """See `spikebin.recordings.protocol.SheetRecording`."""
        ...

    def neurons(self, sheet: str, ids: NDArray[np.int64]) -> NDArray[Any]:
        """What is known of some neurons of a sheet, given by ascending id."""
        ...

    def probe(self, file: str) -> tuple[float, float]:
        """When a segment starts and stops, in ms of its own clock."""
        ...

    def read(self, file: str) -> Segment:
        """The spikes of a segment."""
        ...

    def sources(self, files: Iterable[str]) -> list[SourceFile]:
        """The files on disk that segments are read from, and those that describe them."""
        ...


class MozaikSheet:
    """One sheet of a datastore, cut into trials; see `spikebin.recordings.protocol.SheetRecording`.

    Parameters
    ----------
    recording : Datastore
    name : str
        Raw name; a sheet that has presentations.
    rule : TrialRule
    repeat : int or None
        Of all trials, where the path tells it.

    Raises
    ------
    RecordingError
        If there are no trials by this rule, or it does not tell which; or a segment is missing or damaged.
    """

    n_unobserved = 0
    covered = None
    notes: Sequence[str] = ()

    def __init__(self, recording: Datastore, name: str, rule: TrialRule, repeat: int | None) -> None:
        self.recording = recording
        self.name = recording.path.name
        self.sheet = name
        self.where = f"{name} of {recording.path.name}"
        listed = [presentation for presentation in recording.presentations if presentation.sheet == name]
        self._mine = in_time(listed)
        self._mixed = interleaved(listed)
        self._rule = rule
        shown, names = self._shown(self._kinds())
        # Of each trial the file of each of its phases; "" where it lacks one.
        self._phases: list[tuple[str, ...]] = []
        self.trials: list[Trial] = []
        self._n_dropped = 0
        self._cut(shown, names, repeat)
        self._windowed = rule.window_start is not None
        # The first segment tells the neurons, and is kept until its own trial asks for it.
        first = next(file for file in self._phases[0] if file)
        self._first = first
        self._counts: dict[str, int] = {}
        segment = recording.read(first)
        self._ids = np.sort(segment.ids)
        self._as_it_is = np.arange(self._ids.size)
        self._kept: dict[str, Segment] = {first: self._checked(segment, first)}

    @cached_property
    def neurons(self) -> NDArray[Any]:
        """Structured array (n_neurons,) of NEURON_FIELDS and what else the index tells, by ascending neuron_id."""
        return self.recording.neurons(self.sheet, self._ids)

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameters of model, sheets and experiments, and the log of the simulation, as the index has them."""
        return self.recording.parameters

    @property
    def files(self) -> Sequence[SourceFile]:
        """What the trials are read from, and then the segments that no trial took."""
        files = dict.fromkeys(file for phases in self._phases for file in phases if file)
        return self.recording.sources(files | dict.fromkeys(presentation.file for presentation in self._mine))

    @property
    def n_recorded(self) -> int:
        """Spikes in all segments of the sheet; reads those that no trial took.

        Raises
        ------
        RecordingError
            If one of them is damaged or missing, or disagrees with the others.
        """
        for presentation in self._mine:
            if presentation.file not in self._counts:
                self._read(presentation.file)
        return sum(self._counts.values())

    @property
    def n_in_trials(self) -> int:
        """How many of them are in a trial, each counted once.

        Raises
        ------
        RecordingError
            As `n_recorded`.
        """
        taken = dict.fromkeys(file for phases in self._phases for file in phases if file)
        if not self._windowed:
            return sum(self._counts[file] if file in self._counts else self._read(file).times.size for file in taken)
        windows: dict[str, list[Phase]] = {}
        for (file,), trial in zip(self._phases, self.trials, strict=True):
            windows.setdefault(file, []).append(trial.phases[0])
        # Those of one presentation follow each other without a gap.
        return sum(
            int(_inside(self._read(file), min(w.start for w in mine), max(w.stop for w in mine)).sum())
            for file, mine in windows.items()
        )

    def spikes(self, trial: int) -> tuple[PhaseSpikes, ...]:
        """Spikes of each phase of a trial, placed by neuron id; several threads may ask at once.

        Raises
        ------
        RecordingError
            If a segment is not complete, or disagrees with the others.
        """
        return tuple(
            self._phase_spikes(file, phase)
            for file, phase in zip(self._phases[trial], self.trials[trial].phases, strict=True)
        )

    def error(self, text: str) -> RecordingError:
        """An error that names this sheet and its datastore.

        Parameters
        ----------
        text : str

        Returns
        -------
        RecordingError
            To be raised.
        """
        return RecordingError(f"{self.where}: {text}")

    def _kinds(self) -> tuple[str, ...]:
        """The kinds of stimulus that are trials: those asked for, else the only one that there is."""
        known = kinds_of(self._mine)
        asked = self._rule.kinds
        if not asked:
            shown = [kind for kind in known if kind != BLANK] or known
            if len(shown) != 1:
                found = ", ".join(f"{kind} ({n})" for kind, n in self._numbers().items()) or "none"
                raise self.error(f"kinds of stimulus: {found}; choose one with `stimulus` in [trial]")
            return tuple(shown)
        for kind in asked:
            if kind not in known and not (len(asked) > 1 and set(asked) & set(known)):
                raise self.error(f"no stimulus of the kind {kind!r} that [trial] asks for: {suggest(kind, known)}")
        return asked

    def _numbers(self) -> Counter[str]:
        return Counter(p.kind for p in self._mine if p.shows({BLANK}))

    def _shown(self, kinds: tuple[str, ...]) -> tuple[list[Shown], tuple[str, ...]]:
        """The stimuli with their blanks, in time, and the names of the phases that their trials have."""
        windowed = self._rule.window_start is not None
        rule: Blank | None = self._rule.blank or ("none" if windowed else None)
        if windowed and rule != "none":
            raise self.error(f'a `window` is a stretch of a stimulus: take it or blank = "{rule}" out of [trial]')
        try:
            shown = find_blanks(self._mine, kinds, rule or "before", mixed=self._mixed)
        except UnpairedError as error:
            raise self.error(str(error)) from None
        if rule:
            return shown, PHASES[rule]
        bare = [one for one in shown if one.before is None]
        if bare and len(bare) < len(shown):
            raise self.error(
                f"{len(bare)} of {len(shown)} images have no blank of their own before them (first:"
                f' {bare[0].image.file}): set blank = "both", "before", "after" or "none" in [trial], or exclude the'
                " part"
            )
        return shown, PHASES["none" if bare else "before"]

    def _cut(self, shown: list[Shown], names: tuple[str, ...], repeat: int | None) -> None:
        """Make the trials: by repeat, then by order of presentation."""
        asked = list(self._rule.identity)
        several = ["name"] if len(self._rule.kinds) > 1 else []
        extras = columns_of([one.image.stimulus for one in shown], [*several, *asked])
        skipped = self._skipped(shown, names)
        told: dict[tuple[str, int], Presentation] = {}
        blanks: Counter[str] = Counter()
        made: list[tuple[Trial, tuple[str, ...]]] = []
        for one, columns, n_skipped in zip(shown, extras, skipped, strict=True):
            files = tuple(p.file if (p := one.phases[name]) else "" for name in names)
            whole = tuple(self._phase(name, file) for name, file in zip(names, files, strict=True))
            name = self._image_id(one.image)
            for phases, window in self._windows(whole, one.image):
                mine = self._repeat(one.image) if repeat is None else repeat
                if one.image.kind == BLANK:
                    # Spontaneous activity has no trials of its own: they are counted.
                    mine = blanks[name]
                    blanks[name] += 1
                self._check_told(told, (name, mine), one.image)
                extra = (*columns, *(window or (("skipped", n_skipped),)))
                made.append((Trial(name, mine, len(made), one.image.stimulus.text, phases, extra), files))
        if not made:
            raise self.error("no presentation is as long as the `window` of [trial]: choose a shorter one")
        self.notes = left_out(self._n_dropped, self._n_dropped + len(made))
        made.sort(key=lambda trial: trial[0].repeat)
        self.trials = _with_durations([trial for trial, _ in made])
        self._phases = [files for _, files in made]

    def _skipped(self, shown: list[Shown], names: tuple[str, ...]) -> list[int]:
        """How many presentations that no trial took lie between each trial and the one before it; -1: not known."""
        if self._mixed:
            return [-1] * len(shown)
        places = {presentation.file: i for i, presentation in enumerate(self._mine)}
        skipped, end = [], -1
        for one in shown:
            mine = [places[p.file] for name in names if (p := one.phases[name])]
            skipped.append(min(mine) - end - 1)
            end = max(mine)
        return skipped

    def _windows(self, phases: tuple[Phase, ...], image: Presentation) -> list[Cut]:
        """The phases of each trial of a presentation, with the columns that tell its window; one, without a window."""
        start, stop = self._rule.window_start, self._rule.window_stop
        if start is None or stop is None:
            return [(phases, ())]
        (whole,) = phases
        length, tolerance = stop - start, edge_tolerance(stop - start, whole.stop)
        n_windows = int((whole.stop - whole.start - start + tolerance) // length) if start >= -tolerance else 0
        if image.kind != BLANK and n_windows < 1:
            return self._past(whole, image)
        n_windows = n_windows if image.kind == BLANK else min(n_windows, 1)
        found: list[Cut] = []
        for i in range(n_windows):
            first = whole.start + start + i * length
            found.append(_window(whole, first, min(first + length, whole.stop)))
        return found

    def _past(self, whole: Phase, image: Presentation) -> list[Cut]:
        """What becomes of a window that leaves its presentation, as `short` of the rule says."""
        asked = float(self._rule.window_start or 0.0), float(self._rule.window_stop or 0.0)
        start, stop = max(whole.start + asked[0], whole.start), min(whole.start + asked[1], whole.stop)
        if self._rule.short == "drop":
            self._n_dropped += 1
            return []
        if self._rule.short == "cut" and start < stop:
            return [_window(whole, start, stop)]
        pad = "; after it others are presented, so that it is not padded" if self._rule.short == "pad" else ""
        raise self.error(
            f"the window from {asked[0]:g} to {asked[1]:g} ms leaves {image.file}, which lasts from {whole.start:g} to"
            f" {whole.stop:g} ms{pad}: choose one inside of it, or what becomes of such trials with --short cut or drop"
            " (`short` in [trial])"
        )

    def _check_told(self, told: dict[tuple[str, int], Presentation], key: tuple[str, int], image: Presentation) -> None:
        """Two presentations with one name would be one image's repeats, and one repeat at that."""
        other = told.setdefault(key, image)
        if other is image:
            return
        differ = varying([other.stimulus, image.stimulus])
        if other.stimulus.get("trial") != image.stimulus.get("trial"):
            way_out = "they differ in trial: take the field {repeat} out of `parts`"
        elif differ:
            names = ", ".join(f'"{name}"' for name in dict.fromkeys([*self._rule.identity, *differ]))
            way_out = f"they differ in {', '.join(differ)}: set image_id = [{names}] in [trial]"
        else:
            way_out = "they differ in nothing: was one simulation merged twice? exclude the part"
        raise self.error(f"{other.file} and {image.file} are both image {key[0]!r}, repeat {key[1]}; {way_out}")

    def _repeat(self, presentation: Presentation) -> int:
        repeat = presentation.stimulus.parameters.get("trial", 0)
        if not isinstance(repeat, int) or isinstance(repeat, bool):
            raise self.error(
                f"the stimulus of {presentation.file} has trial {repeat!r}, not a whole number: exclude the part"
            )
        return repeat

    def _image_id(self, image: Presentation) -> str:
        name = image_id(image.stimulus, self._rule.identity)
        if name is not None:
            return name
        wanted = " or ".join(map(repr, self._rule.identity or ("image_path", "movie_name")))
        alike = [p.stimulus for p in self._mine if p.shows({BLANK}) and p.kind == image.kind]
        which = varying(alike) or list(image.stimulus.parameters)
        raise self.error(
            f"the stimulus of {image.file} has no {wanted}: set image_id in [trial] to one or several of"
            f" {', '.join(which)}"
        )

    def _phase(self, name: str, file: str) -> Phase:
        """A phase of a trial; of no file where the trial lacks it."""
        if not file:
            return Phase(name, 0.0, 0.0, shown=False)
        start, stop = self.recording.probe(file)
        if not (np.isfinite([start, stop]).all() and stop >= start):
            raise self.error(f"{file} lasts from {start} to {stop} ms: it is damaged, exclude the part")
        return Phase(name, start, stop)

    def _read(self, file: str) -> Segment:
        """A segment, held against the first."""
        return self._checked(self.recording.read(file), file)

    def _checked(self, segment: Segment, file: str) -> Segment:
        if segment.sheet != self.sheet:
            raise self.error(
                f"{file} holds the sheet {segment.sheet!r}, the index says {self.sheet!r}: copy the datastore again"
            )
        self._order(segment, file)
        self._counts[file] = segment.times.size
        return segment

    def _phase_spikes(self, file: str, phase: Phase) -> PhaseSpikes:
        if not file:
            return PhaseSpikes(np.empty(0), np.empty(0, np.int64))
        segment = (self._kept.get if self._windowed else self._kept.pop)(file, None) or self._read(file)
        if not self._windowed and (segment.start, segment.stop) != (phase.start, phase.stop):
            raise self.error(f"{file} changed while it was read: is the simulation still running? try again")
        bad = np.flatnonzero(~np.isfinite(segment.times))
        if bad.size:
            neuron = segment.ids[np.searchsorted(np.cumsum(segment.counts), bad[0], side="right")]
            raise self.error(
                f"{file} has a spike of neuron {neuron} at {segment.times[bad[0]]} ms: copy it again, or exclude"
                " the part"
            )
        order = self._order(segment, file)
        rows = np.empty(order.size, np.int64)
        rows[order] = np.arange(order.size)
        rows = np.repeat(rows, segment.counts)
        if not self._windowed:
            return PhaseSpikes(segment.times, rows)
        self._kept = {file: segment}
        inside = _inside(segment, phase.start, phase.stop)
        return PhaseSpikes(segment.times[inside], rows[inside])

    def _order(self, segment: Segment, file: str) -> NDArray[np.intp]:
        """The order that sorts a segment's trains by id, once they are the same neurons as in the first segment."""
        # Those of the first segment are ascending and none is there twice, as was found below when it was read.
        if file != self._first and np.array_equal(segment.ids, self._ids):
            return self._as_it_is
        order = np.argsort(segment.ids, kind="stable")
        ids = segment.ids[order]
        twice = np.flatnonzero(ids[1:] == ids[:-1])
        if twice.size:
            raise self.error(
                f"neuron {ids[twice[0]]} is in {file} twice: copy the datastore again, or exclude the part"
            )
        if not np.array_equal(ids, self._ids):
            odd = np.setxor1d(ids, self._ids)
            raise self.error(
                f"{file} has {ids.size} neurons, {self._first} has {self._ids.size}; {odd.size} are in only"
                f" one of them (first: {odd[0]}): copy the datastore again, or exclude the part"
            )
        return order


def _with_durations(trials: list[Trial]) -> list[Trial]:
    """Trials with columns that tell how long each of their phases lasts, in ms; as they are where all last as long."""
    ms = np.array([[phase.stop - phase.start for phase in trial.phases] for trial in trials])
    # By the tolerance of an edge in bins of 0.1 ms, as fine as any simulation.
    if (np.ptp(ms, axis=0) <= edge_tolerance(0.1, float(ms.max()))).all():
        return trials
    names = [f"{phase.name}_ms" for phase in trials[0].phases]
    return [
        replace(trial, extra=(*trial.extra, *zip(names, lasting, strict=True)))
        for trial, lasting in zip(trials, ms.tolist(), strict=True)
    ]


def _window(whole: Phase, start: float, stop: float) -> Cut:
    return (Phase(whole.name, start, stop),), (("window_start", start), ("window_stop", stop))


def _inside(segment: Segment, start: float, stop: float) -> NDArray[np.bool_]:
    """Which spikes lie in a window, or by the tolerance of an edge outside of it."""
    margin = edge_tolerance(stop - start, max(abs(start), abs(stop)))
    inside: NDArray[np.bool_] = (segment.times >= start - margin) & (segment.times <= stop + margin)
    return inside
