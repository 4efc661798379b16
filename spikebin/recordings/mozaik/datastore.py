"""mozaik datastores: a directory with an index of presentations and one pickled neo Segment for each.

Knows what mozaik writes and in which order; segment.py reads the pickle of a segment. Needs no mozaik and no neo.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.trial import Phase, PhaseSpikes, Trial
from spikebin.cached import cached_property
from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.pickles.inert import Inert
from spikebin.pickles.unpickler import load
from spikebin.recordings.mozaik.segment import Segment, probe_segment, read_segment
from spikebin.recordings.protocol import NEURON_FIELDS, SourceFile
from spikebin.recordings.settings import Reading, TrialRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["MozaikRecording", "MozaikSheet", "Stimulus", "open", "parse_stimulus", "recognises"]

INDEX = "datastore.recordings.pickle"
EXPLICIT_BLANK = "InternalStimulus"
IMAGE_PARAMETERS = ("image_path", "movie_name")
WRAPPER = "mozaik.storage.neo_neurotools_wrapper.PickledDataStoreNeoWrapper"
LONGEST_STIMULUS = 1 << 20


def recognises(path: Path) -> bool:
    """Whether a path is a mozaik datastore, or a directory that was meant to be one."""
    return (path / INDEX).exists() or (path / "Segment0.pickle").exists()


def open(path: Path, reading: Reading | None = None) -> MozaikRecording:  # noqa: A001
    """Open a datastore by its index.

    Raises
    ------
    RecordingError
        If the index is missing, damaged, hostile, or not mozaik's.
    """
    return MozaikRecording(path, reading or Reading())


@dataclass(frozen=True)
class Stimulus:
    """What mozaik wrote of a stimulus: its kind, its simple parameters, and the text itself."""

    kind: str
    parameters: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class Presentation:
    """One sheet under one stimulus: one segment file."""

    sheet: str
    file: str
    null: bool
    when: datetime
    stimulus: Stimulus

    @property
    def blank(self) -> bool:
        """A null presentation, or one whose stimulus is InternalStimulus."""
        return self.null or self.stimulus.kind == EXPLICIT_BLANK


def parse_stimulus(text: str) -> Stimulus:
    """Read the text of a stimulus without evaluating it.

    Parameters
    ----------
    text : str
        A Python dict display, whose values may be calls such as ``MozaikExtendedParameterSet({...})``.

    Returns
    -------
    Stimulus
        With the parameters that are plain literals; a call is left out, never run.

    Raises
    ------
    ValueError
        If the text is not a dict display with a name.
    """
    if len(text) > LONGEST_STIMULUS:
        raise ValueError(f"it has {len(text):,} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("it is not a Python expression") from None
    if not isinstance(tree, ast.Dict):
        raise ValueError("it is not a dict")
    parameters: dict[str, Any] = {}
    for key, value in zip(tree.keys, tree.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            try:
                parameters[key.value] = ast.literal_eval(value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                continue
    if not isinstance(parameters.get("name"), str):
        raise ValueError("it has no name")
    return Stimulus(parameters["name"], parameters, text)


class MozaikRecording:
    """One datastore directory.

    Parameters
    ----------
    path : Path
    reading : Reading, optional

    Raises
    ------
    RecordingError
        If its index cannot be read.
    """

    def __init__(self, path: Path, reading: Reading | None = None) -> None:
        self.path = path
        self.paths = [path]
        self.notes: list[str] = []
        self.reading = reading or Reading()
        block = load(path / INDEX)
        state = block.state if isinstance(block, Inert) else None
        if not isinstance(state, dict) or not block.kind.startswith("neo.core.block"):
            raise self.error(f"{INDEX} holds no neo Block: it is not a mozaik datastore, check the path")
        self._annotations: dict[str, Any] = _dict(state.get("annotations"))
        self.presentations = [
            self._presentation(wrapper) for wrapper in _items(state.get("segments", state.get("_segments")))
        ]

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        return "mozaik"

    @property
    def sheets(self) -> Sequence[str]:
        """Raw names of the sheets that have presentations, in the order of the index."""
        return list(dict.fromkeys(presentation.sheet for presentation in self.presentations))

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> MozaikSheet:
        """Open one sheet; see `spikebin.recordings.protocol.Recording`.

        Raises
        ------
        RecordingError
            If there is no such sheet, or its presentations do not make trials.
        """
        if name not in self.sheets:
            raise self.error(f"no sheet {name!r}: {suggest(name, self.sheets)}")
        if any(value is not None for value in (rule.events, rule.align_to, rule.until, rule.window_start)):
            raise self.error(
                "its trials are its presentations: take `events`, `align_to`, `until` and `window` out of [trial]"
            )
        return MozaikSheet(self, name, rule, repeat)

    def error(self, text: str) -> RecordingError:
        """An error that names this datastore.

        Parameters
        ----------
        text : str

        Returns
        -------
        RecordingError
            To be raised.
        """
        return RecordingError(f"{self.path.name}: {text}")

    def listed_neurons(self, sheet: str) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
        """Ids and positions that the index lists for a sheet, recorded or not.

        Parameters
        ----------
        sheet : str
            Raw name.

        Returns
        -------
        ids : int64 (n,)
        positions : float64 (2 or 3, n) or None
            In the unit of the datastore; None: it lists none.

        Raises
        ------
        RecordingError
            If it lists no ids, or positions that do not go with them.
        """
        ids = _dict(self._annotations.get("neuron_ids")).get(sheet)
        positions = _dict(self._annotations.get("neuron_positions")).get(sheet)
        if not isinstance(ids, np.ndarray) or ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise self.error(f"{INDEX} lists no neuron_ids of {sheet}: copy it again, or exclude the part")
        if positions is None:
            return ids.astype(np.int64), None
        if (
            not isinstance(positions, np.ndarray)
            or positions.dtype.kind not in "fiu"
            or positions.ndim != 2
            or not 2 <= positions.shape[0] <= 3
            or positions.shape[1] != ids.size
        ):
            raise self.error(
                f"{INDEX} lists neuron_positions of {sheet} that do not go with its neuron_ids: exclude the part"
            )
        # A NaN that signals would make numpy warn.
        with np.errstate(invalid="ignore"):
            return ids.astype(np.int64), positions.astype(np.float64)

    def _presentation(self, wrapper: Any) -> Presentation:
        state = wrapper.state if isinstance(wrapper, Inert) and wrapper.kind == WRAPPER else None
        match state:
            case {
                "annotations": {"sheet_name": str() as sheet, "stimulus": str() as text},
                "identifier": str() as identifier,
                "null": bool() as null,
                "rec_datetime": datetime() as when,
            } if "/" not in identifier and "\0" not in identifier:
                try:
                    stimulus = parse_stimulus(text)
                except ValueError as error:
                    raise self.error(
                        f"the stimulus of {identifier} cannot be read ({error}): exclude the part"
                    ) from None
                return Presentation(sheet, f"{identifier}.pickle", null, when, stimulus)
        raise self.error(f"{INDEX} holds a presentation that mozaik did not write: copy it again, or exclude the part")


class MozaikSheet:
    """One sheet of a datastore, cut into trials; see `spikebin.recordings.protocol.SheetRecording`."""

    n_recorded = n_in_trials = covered = None
    n_unobserved = 0
    notes = ()

    def __init__(self, recording: MozaikRecording, name: str, rule: TrialRule, repeat: int | None) -> None:
        self.recording = recording
        self.name = recording.path.name
        self.sheet = name
        self.where = f"{name} of {recording.path.name}"
        mine = [presentation for presentation in recording.presentations if presentation.sheet == name]
        mine.sort(key=lambda presentation: presentation.when)
        images, blanks = self._select(mine, rule)
        repeats = [self._repeat(image) if repeat is None else repeat for image in images]
        pairs = self._pair(images, blanks, mine, rule)
        order = sorted(range(len(images)), key=lambda i: repeats[i])
        self._phases: list[tuple[tuple[str, str], ...]] = []
        self.trials: list[Trial] = []
        spans = {p.file: probe_segment(recording.path / p.file) for p in [*images, *filter(None, pairs)]}
        for i in order:
            image, blank = images[i], pairs[i]
            shown = (("blank", blank.file), ("image", image.file)) if blank else (("image", image.file),)
            self._phases.append(shown)
            self.trials.append(
                Trial(
                    image_id=self._image_id(image, rule),
                    repeat=repeats[i],
                    order=i,
                    stimulus=image.stimulus.text,
                    phases=tuple(Phase(phase, *self._span(file, spans[file])) for phase, file in shown),
                )
            )
        # The first segment tells the neurons, and is kept until its own trial asks for it.
        first = self._phases[0][0][1]
        self._kept: dict[str, Segment] = {first: self._read(first)}
        self._ids = np.sort(self._kept[first].ids)
        self._check_ids(self._kept[first], first)

    @cached_property
    def neurons(self) -> NDArray[Any]:
        """Structured array (n_neurons,) of NEURON_FIELDS, by ascending neuron_id."""
        table = np.empty(self._ids.size, NEURON_FIELDS)
        table["neuron_id"] = self._ids
        for axis in "xyz":
            table[axis] = np.nan
        listed, positions = self.recording.listed_neurons(self.sheet)
        by_id = np.argsort(listed, kind="stable")
        places = np.searchsorted(listed, self._ids, sorter=by_id)
        known = places < listed.size
        known[known] = listed[by_id[places[known]]] == self._ids[known]
        if not known.all():
            raise self.error(
                f"neuron {self._ids[~known][0]} has spikes but is not in the index's list: the datastore mixes two"
                " simulations, copy it again or exclude the part"
            )
        if positions is not None:
            for axis, values in zip("xyz", positions, strict=False):
                table[axis] = values[by_id[places]]
        return table

    @property
    def files(self) -> Sequence[SourceFile]:
        """The index and every segment of the trials."""
        names = [INDEX, *(file for phases in self._phases for _, file in phases)]
        stats = [(name, (self.recording.path / name).stat()) for name in names]
        return [SourceFile(name, stat.st_size, stat.st_mtime) for name, stat in stats]

    def spikes(self, trial: int) -> tuple[PhaseSpikes, ...]:
        """Spikes of each phase of a trial, placed by neuron id; several threads may ask at once.

        Raises
        ------
        RecordingError
            If a segment is not complete, or disagrees with the others.
        """
        return tuple(
            self._phase_spikes(file, phase)
            for (_, file), phase in zip(self._phases[trial], self.trials[trial].phases, strict=True)
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

    def _select(self, mine: list[Presentation], rule: TrialRule) -> tuple[list[Presentation], list[Presentation]]:
        """The images, and the null presentations that go with them, both in order of presentation."""
        kinds = list(dict.fromkeys(p.stimulus.kind for p in mine if not p.blank))
        kind = rule.stimulus
        if kind is None:
            if len(kinds) != 1:
                found = ", ".join(kinds) if kinds else "none but blanks"
                raise self.error(f"kinds of stimulus: {found}; choose one with `stimulus` in [trial]")
            kind = kinds[0]
        if kind not in kinds:
            raise self.error(f"no stimulus of the kind {kind!r} that [trial] asks for: {suggest(kind, kinds)}")
        images = [p for p in mine if not p.blank and p.stimulus.kind == kind]
        return images, [p for p in mine if p.null and p.stimulus.kind == kind]

    def _pair(
        self,
        images: list[Presentation],
        nulls: list[Presentation],
        mine: list[Presentation],
        rule: TrialRule,
    ) -> list[Presentation | None]:
        """The blank before each image, or None."""
        if rule.blank == "none":
            return [None] * len(images)
        if nulls:
            return self._pair_nulls(images, nulls)
        before = {b.file: a for a, b in pairwise(mine)}
        previous = [before.get(image.file) for image in images]
        blanks = [each if each is not None and each.blank else None for each in previous]
        n_blanks = sum(blank is not None for blank in blanks)
        if 0 < n_blanks < len(images) or (n_blanks == 0 and rule.blank == "before"):
            bare = images[blanks.index(None)]
            raise self.error(
                f"{len(images) - n_blanks} of {len(images)} images have no blank before them (first: {bare.file}):"
                ' set blank = "none" in [trial], or exclude the part'
            )
        return blanks

    def _pair_nulls(self, images: list[Presentation], nulls: list[Presentation]) -> list[Presentation | None]:
        """Blank i goes with image i of the same repeat; it carries the text of that image's stimulus."""
        waiting: dict[int, list[Presentation]] = {}
        for blank in reversed(nulls):
            waiting.setdefault(self._repeat(blank), []).append(blank)
        pairs: list[Presentation | None] = []
        for image in images:
            queue = waiting.get(self._repeat(image), [])
            mate = queue.pop() if queue else None
            if mate is None or mate.stimulus.text != image.stimulus.text:
                found = "none" if mate is None else f"{mate.file}, which goes with another image"
                raise self.error(
                    f"blanks and images do not pair: {len(images)} images, {len(nulls)} blanks, the blank of"
                    f" {image.file} would be {found}: copy the datastore again, or exclude the part"
                )
            pairs.append(mate)
        if any(waiting.values()):
            raise self.error(
                f"blanks and images do not pair: {len(images)} images, {len(nulls)} blanks: copy the datastore again,"
                " or exclude the part"
            )
        return pairs

    def _repeat(self, presentation: Presentation) -> int:
        repeat = presentation.stimulus.parameters.get("trial", 0)
        if not isinstance(repeat, int) or isinstance(repeat, bool):
            raise self.error(
                f"the stimulus of {presentation.file} has trial {repeat!r}, not a whole number: exclude the part"
            )
        return repeat

    def _image_id(self, image: Presentation, rule: TrialRule) -> str:
        """The file name that the parameter holds, up to its first underscore; other parameters as they are."""
        parameters = image.stimulus.parameters
        names = [rule.image_id] if rule.image_id else [name for name in IMAGE_PARAMETERS if name in parameters]
        value = parameters.get(names[0]) if names else None
        if value is None:
            known = ", ".join(parameters)
            wanted = repr(rule.image_id) if rule.image_id else " or ".join(map(repr, IMAGE_PARAMETERS))
            raise self.error(f"the stimulus of {image.file} has no {wanted}: set image_id in [trial] to one of {known}")
        if names[0] == "image_path":
            return str(value).replace("\\", "/").rpartition("/")[2].partition("_")[0]
        return str(value)

    def _span(self, file: str, span: tuple[float, float]) -> tuple[float, float]:
        if not (np.isfinite(span).all() and span[1] >= span[0]):
            raise self.error(f"{file} lasts from {span[0]} to {span[1]} ms: it is damaged, exclude the part")
        return span

    def _read(self, file: str) -> Segment:
        segment = read_segment(self.recording.path / file)
        if segment.sheet != self.sheet:
            raise self.error(
                f"{file} holds the sheet {segment.sheet!r}, the index says {self.sheet!r}: copy the datastore again"
            )
        return segment

    def _phase_spikes(self, file: str, phase: Phase) -> PhaseSpikes:
        segment = self._kept.pop(file, None) or self._read(file)
        if (segment.start, segment.stop) != (phase.start, phase.stop):
            raise self.error(f"{file} changed while it was read: is the simulation still running? try again")
        bad = np.flatnonzero(~np.isfinite(segment.times))
        if bad.size:
            neuron = segment.ids[np.searchsorted(np.cumsum(segment.counts), bad[0], side="right")]
            raise self.error(
                f"{file} has a spike of neuron {neuron} at {segment.times[bad[0]]} ms: copy it again, or exclude"
                " the part"
            )
        order = self._check_ids(segment, file)
        rows = np.empty(order.size, np.int64)
        rows[order] = np.arange(order.size)
        return PhaseSpikes(segment.times, np.repeat(rows, segment.counts))

    def _check_ids(self, segment: Segment, file: str) -> NDArray[np.intp]:
        """The order that sorts a segment's trains by id, once they are the same neurons as in the first segment."""
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
                f"{file} has {ids.size} neurons, {self._phases[0][0][1]} has {self._ids.size}; {odd.size} are in only"
                f" one of them (first: {odd[0]}): copy the datastore again, or exclude the part"
            )
        return order


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(segments: Any) -> list[Any]:
    """The list that neo <= 0.12 keeps as such, and neo 0.14 inside an ObjectList."""
    if isinstance(segments, Inert):
        segments = _dict(segments.state).get("_items")
    return segments if isinstance(segments, list) else []
