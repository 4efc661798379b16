"""mozaik datastores: a directory with an index of presentations and one pickled neo Segment for each.

Knows what mozaik writes into the index; segment.py reads the pickle of a segment, sheet.py makes trials of them. Needs
no mozaik and no neo.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from spikebin.cached import cached_property
from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.pickles.inert import Inert
from spikebin.pickles.unpickler import load
from spikebin.recordings.mozaik.neurons import neuron_table
from spikebin.recordings.mozaik.presentations import Presentation
from spikebin.recordings.mozaik.segment import probe_segment, read_segment
from spikebin.recordings.mozaik.sheet import MozaikSheet
from spikebin.recordings.mozaik.stimulus import parse_stimulus
from spikebin.recordings.protocol import SourceFile
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from spikebin.recordings.mozaik.segment import Segment
    from spikebin.recordings.mozaik.stimulus import Stimulus
    from spikebin.recordings.settings import TrialRule

__all__ = ["MozaikRecording", "open", "recognises"]

INDEX = "datastore.recordings.pickle"
WRITTEN_DOWN = ("model_parameters", "sheet_parameters", "experiment_parameters", "simulation_log")
WRAPPER = "mozaik.storage.neo_neurotools_wrapper.PickledDataStoreNeoWrapper"


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
        # A text stands for its presentation in each sheet, and for the blank before it.
        self._stimuli: dict[str, Stimulus] = {}
        self.presentations = [
            self._presentation(wrapper) for wrapper in _items(state.get("segments", state.get("_segments")))
        ]

    @cached_property
    def parameters(self) -> dict[str, str]:
        """What the index has written down of how it was made, as text: parameters of model, sheets and experiments."""
        texts = {name: self._annotations.get(name) for name in WRITTEN_DOWN}
        return {name: text if isinstance(text, str) else repr(text) for name, text in texts.items() if text}

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        return "mozaik"

    @property
    def sheets(self) -> Sequence[str]:
        """Raw names of the sheets that have presentations, in the order of the index."""
        return list(dict.fromkeys(presentation.sheet for presentation in self.presentations))

    @property
    def datastore(self) -> MozaikRecording:
        """See `spikebin.recordings.protocol.Recording`."""
        return self

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> MozaikSheet:
        """Open one sheet; see `spikebin.recordings.protocol.Recording`.

        Raises
        ------
        RecordingError
            If there is no such sheet, or its presentations do not make trials.
        """
        if name not in self.sheets:
            raise self.error(f"no sheet {name!r}: {suggest(name, self.sheets)}")
        if any(value is not None for value in (rule.events, rule.align_to, rule.until)):
            raise self.error("its trials are its presentations: take `events`, `align_to` and `until` out of [trial]")
        self.check()
        return MozaikSheet(self, name, rule, repeat)

    def check(self) -> None:
        """Whether the recording may be taken at all.

        Raises
        ------
        RecordingError
            If its simulation exploded, unless that is allowed.
        """
        log = _dict(self._annotations.get("simulation_log"))
        if log.get("explosion_detected") is True and "explosion" not in (self.reading.allow or ()):
            raise self.error(
                "its simulation exploded, as its log says: exclude the part, or take it all the same with"
                ' allow = ["explosion"] in [[recordings]]'
            )

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

    def neurons(self, sheet: str, ids: NDArray[np.int64]) -> NDArray[Any]:
        """What the index lists of the recorded neurons of a sheet.

        Parameters
        ----------
        sheet : str
            Raw name.
        ids : int64 (n,)
            Ascending.

        Returns
        -------
        structured array (n,)
            See `spikebin.recordings.mozaik.neurons.neuron_table`.

        Raises
        ------
        RecordingError
            If it does not list them, or what it lists does not go together.
        """
        try:
            return neuron_table(self._annotations, sheet, ids)
        except ValueError as error:
            raise RecordingError(f"{sheet} of {self.path.name}: {error}") from None

    def probe(self, file: str) -> tuple[float, float]:
        """See `spikebin.recordings.mozaik.segment.probe_segment`."""
        return probe_segment(self.path / file)

    def read(self, file: str) -> Segment:
        """See `spikebin.recordings.mozaik.segment.read_segment`."""
        return read_segment(self.path / file)

    def sources(self, files: Iterable[str]) -> list[SourceFile]:
        """The index and some segments.

        Parameters
        ----------
        files : iterable of str

        Returns
        -------
        list of SourceFile

        Raises
        ------
        OSError
            If one of them is gone.
        """
        stats = [(name, (self.path / name).stat()) for name in (INDEX, *files)]
        return [SourceFile(name, stat.st_size, stat.st_mtime) for name, stat in stats]

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
                    stimulus = self._stimuli.get(text) or self._stimuli.setdefault(text, parse_stimulus(text))
                except ValueError as error:
                    raise self.error(
                        f"the stimulus of {identifier} cannot be read ({error}): exclude the part"
                    ) from None
                return Presentation(sheet, f"{identifier}.pickle", null, when, stimulus)
        raise self.error(f"{INDEX} holds a presentation that mozaik did not write: copy it again, or exclude the part")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(segments: Any) -> list[Any]:
    """The list that neo <= 0.12 keeps as such, and neo 0.14 inside an ObjectList."""
    if isinstance(segments, Inert):
        segments = _dict(segments.state).get("_items")
    return segments if isinstance(segments, list) else []
