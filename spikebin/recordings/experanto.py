"""Shards of Experanto: folders with `responses`, exact spike times, and `screen`, what was presented when.

Each presentation is read as a segment of its own, so that trials are made of them as of a mozaik datastore's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.cached import cached_property
from spikebin.errors import RecordingError, SpikebinError
from spikebin.names import suggest
from spikebin.recordings.mozaik.presentations import Presentation
from spikebin.recordings.mozaik.segment import Segment
from spikebin.recordings.mozaik.sheet import MozaikSheet
from spikebin.recordings.mozaik.stimulus import BLANK, parse_stimulus, written_down
from spikebin.recordings.npy_array import read_npy
from spikebin.recordings.presented_spikes import PresentedSpikes
from spikebin.recordings.protocol import NEURON_FIELDS, SourceFile
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.mozaik.stimulus import Stimulus
    from spikebin.recordings.settings import TrialRule

__all__ = ["ExperantoRecording", "neurons_name", "open", "recognises"]

RESPONSES = "responses/meta.yml"
TIMESTAMPS = "screen/timestamps.npy"
COMBINED = "screen/combined_meta.json"
ENTRIES = "screen/meta"
SHEET = "responses"
"""The only sheet of a shard that names none."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOVIE = "PixelMovieExperanto"
LARGEST_META = 1 << 28


def recognises(path: Path) -> bool:
    """Whether a path is a directory with responses and the times of a screen."""
    return (path / RESPONSES).is_file() and (path / TIMESTAMPS).is_file()


def open(path: Path, reading: Reading | None = None) -> ExperantoRecording:  # noqa: A001
    """Open a shard.

    Raises
    ------
    RecordingError
        If a file is missing or damaged, they contradict each other, or the responses are no spikes.
    """
    return ExperantoRecording(path, reading or Reading())


def neurons_name(i: int) -> str:
    """The file, in responses, of what is known of the units of a shard's sheet.

    Parameters
    ----------
    i : int
        Which sheet, from 0.
    """
    return f"neurons_{i:02d}.npy"


@dataclass(frozen=True)
class _Entry:
    """One entry of a screen: when it begins and ends, in ms, and what it shows."""

    start: float
    stop: float
    stimulus: Stimulus
    null: bool


class ExperantoRecording:
    """One shard.

    Parameters
    ----------
    path : Path
    reading : Reading

    Raises
    ------
    RecordingError
        If it cannot be read.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path = path
        self.paths = [path]
        self.notes: list[str] = []
        self.reading = reading
        self._meta = self._yaml(RESPONSES)
        if self._meta.get("modality") != "spikes":
            raise self.error(
                f"its responses are {self._meta.get('modality')!r}, not spikes: bins that were counted elsewhere are"
                " not binned again"
            )
        self._indices = self._spike_indices()
        self._units = self._sheet_units()
        self._entries = self._read_entries()
        self.presentations = [
            Presentation(sheet, f"{sheet}:{i:05d}", entry.null, EPOCH + timedelta(seconds=i), entry.stimulus)
            for sheet in self._units
            for i, entry in enumerate(self._entries)
        ]
        self._last: tuple[str, PresentedSpikes] | None = None
        self._lock = Lock()
        self._tables: dict[str, NDArray[Any] | None] = {}

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        return "experanto"

    @property
    def sheets(self) -> Sequence[str]:
        """Raw names; one, "responses", where the shard names none."""
        return list(self._units)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """What meta.json of the shard has written down, as text."""
        try:
            found = json.loads(self._text("meta.json"))
        except (RecordingError, ValueError, RecursionError):
            return {}
        facts = found if isinstance(found, dict) else {}
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}

    @property
    def datastore(self) -> ExperantoRecording:
        """See `spikebin.recordings.protocol.Recording`."""
        return self

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> MozaikSheet:
        """Open one sheet; see `spikebin.recordings.protocol.Recording`.

        Raises
        ------
        RecordingError
            If there is no such sheet, or its presentations do not make trials.
        """
        if name not in self._units:
            raise self.error(f"no sheet {name!r}: {suggest(name, self.sheets)}")
        if any(value is not None for value in (rule.events, rule.align_to, rule.until)):
            raise self.error("its trials are its presentations: take `events`, `align_to` and `until` out of [trial]")
        return MozaikSheet(self, name, rule, repeat)

    def neurons(self, sheet: str, ids: NDArray[np.int64]) -> NDArray[Any]:
        """The units of a sheet: as the recording knew them that the shard was written from, else their ids alone.

        Parameters
        ----------
        sheet : str
        ids : int64 (n,)
            All of the sheet's, ascending.

        Returns
        -------
        structured array (n,)
            NEURON_FIELDS, and what else is known.
        """
        known = self._neuron_table(sheet)
        if known is not None:
            return known[np.argsort(known["neuron_id"])]
        table = np.empty(ids.size, NEURON_FIELDS)
        table["neuron_id"] = ids
        for axis in "xyz":
            table[axis] = np.nan
        return table

    def check(self) -> None:
        """Nothing in a shard says that it must be refused."""

    def probe(self, file: str) -> tuple[float, float]:
        """When a presentation starts and stops, in ms of the shard's clock."""
        entry = self._entries[self._place(file)[1]]
        return entry.start, entry.stop

    def read(self, file: str) -> Segment:
        """The spikes of one sheet during one presentation.

        Of two presentations, one of which stops when the other starts, the first has a spike at exactly that time:
        simulators and recorders count time from the start of a step to its end, as (start, stop].

        Raises
        ------
        RecordingError
            If the spikes cannot be read, or are not in order.
        """
        sheet, i = self._place(file)
        times, units = self._spikes(sheet).during(i)
        ids = self._ids(sheet)
        entry = self._entries[i]
        counts = np.bincount(units, minlength=ids.size).astype(np.int64)
        return Segment(sheet, entry.stimulus.text, ids, counts, times, entry.start, entry.stop)

    def sources(self, files: Iterable[str]) -> list[SourceFile]:  # noqa: ARG002
        """The files of the shard that hold spikes and presentations.

        Raises
        ------
        OSError
            If one of them is gone.
        """
        screen = COMBINED if (self.path / COMBINED).exists() else ENTRIES
        stats = [(name, (self.path / name).stat()) for name in (RESPONSES, self._spikes_file, TIMESTAMPS, screen)]
        return [SourceFile(name, stat.st_size, stat.st_mtime) for name, stat in stats]

    def error(self, text: str) -> RecordingError:
        """An error that names this shard.

        Parameters
        ----------
        text : str

        Returns
        -------
        RecordingError
            To be raised.
        """
        return RecordingError(f"{self.path.name}: {text}")

    @property
    def _spikes_file(self) -> str:
        mapped = self._meta.get("is_mem_mapped") and (self.path / "responses/spikes.mem").exists()
        return "responses/spikes.mem" if mapped else "responses/spikes.npy"

    def _place(self, file: str) -> tuple[str, int]:
        """Sheet and number of a presentation."""
        sheet, _, i = file.rpartition(":")
        return sheet, int(i)

    @cached_property
    def _seconds(self) -> NDArray[np.float64]:
        """All spikes, unit after unit; on disk."""
        path = self.path / self._spikes_file
        n = int(self._indices[-1])
        try:
            seconds: NDArray[np.float64]
            if path.suffix == ".mem":
                kind = np.dtype(str(self._meta.get("dtype", "float64")))
                seconds = np.memmap(path, kind, "r", shape=(n,)) if n else np.empty(0, kind)
                size = path.stat().st_size // kind.itemsize
            else:
                seconds = np.load(path, mmap_mode="r", allow_pickle=False)
                size = seconds.size
        except (OSError, ValueError, TypeError, EOFError) as error:
            raise self.error(f"{self._spikes_file} cannot be read ({error}): copy it again") from None
        if seconds.ndim != 1 or seconds.dtype.kind != "f" or size != n:
            raise self.error(
                f"{self._spikes_file} holds {size:,} of the {n:,} spikes that spike_indices list, or no times in"
                " seconds: copy the shard again"
            )
        return seconds

    def _spikes(self, sheet: str) -> PresentedSpikes:
        """The spikes of a sheet, by presentation; those of one sheet are kept."""
        with self._lock:
            if self._last is None or self._last[0] != sheet:
                self._last = None
                first, stop = self._units[sheet]
                edges = np.array([entry.start for entry in self._entries] + [self._entries[-1].stop])
                indices = self._indices[first : stop + 1]
                self._last = (sheet, PresentedSpikes(self._seconds, indices, edges, first, self.error))
            return self._last[1]

    def _ids(self, sheet: str) -> NDArray[np.int64]:
        """The id of each unit: as the shard says, else its number in the shard."""
        known = self._neuron_table(sheet)
        ids: NDArray[np.int64] = np.arange(*self._units[sheet]) if known is None else known["neuron_id"]
        return ids

    def _neuron_table(self, sheet: str) -> NDArray[Any] | None:
        """What `spikebin export experanto` wrote of the units of a sheet; None where it did not write the shard."""
        if sheet not in self._tables:
            self._tables[sheet] = self._read_table(sheet)
        return self._tables[sheet]

    def _read_table(self, sheet: str) -> NDArray[Any] | None:
        first, stop = self._units[sheet]
        name = neurons_name(self.sheets.index(sheet))
        path = self.path / "responses" / name
        if not path.exists():
            return None
        table = self._array(f"responses/{name}")
        fields = dict(NEURON_FIELDS)
        if table.shape != (stop - first,) or any(
            key not in (table.dtype.names or ()) or table.dtype[key] != kind for key, kind in fields.items()
        ):
            raise self.error(f"responses/{name} does not hold the {stop - first} units of {sheet}: copy it again")
        return table

    def _spike_indices(self) -> NDArray[np.int64]:
        """Where the spikes of each unit begin, and where those of the last end."""
        listed = self._meta.get("spike_indices")
        good = isinstance(listed, list) and all(type(one) is int for one in listed)
        indices = np.array(listed if good else [], np.int64)
        if indices.size < 1 or indices[0] != 0 or (np.diff(indices) < 0).any():
            raise self.error(f"{RESPONSES} has no spike_indices that begin with 0 and ascend: copy the shard again")
        told = self._meta.get("n_signals")
        if told is not None and told != indices.size - 1:
            raise self.error(f"{RESPONSES} says that n_signals is {told} and has spike_indices of {indices.size - 1}")
        return indices

    def _sheet_units(self) -> dict[str, tuple[int, int]]:
        """Sheet -> its first unit and the one after its last."""
        n = self._indices.size - 1
        sheets, units = self._meta.get("sheets"), self._meta.get("sheet_unit_indices")
        if sheets is None or units is None:
            return {SHEET: (0, n)}
        if (
            not (isinstance(sheets, list) and isinstance(units, list))
            or not all(isinstance(one, str) for one in sheets)
            or not all(type(one) is int for one in units)
            or len(set(sheets)) != len(sheets)
            or len(units) != len(sheets) + 1
            or units[0] != 0
            or units[-1] != n
            or units != sorted(units)
        ):
            raise self.error(
                f"{RESPONSES} has sheets and sheet_unit_indices that do not go with {n} units: it wants where each"
                " sheet begins, and the number of units"
            )
        return dict(zip(sheets, pairwise(units), strict=True))

    def _read_entries(self) -> list[_Entry]:
        stamps = self._array(TIMESTAMPS)
        if stamps.ndim != 1 or stamps.dtype.kind != "f" or not np.isfinite(stamps).all() or (np.diff(stamps) < 0).any():
            raise self.error(f"{TIMESTAMPS} does not hold ascending times in seconds: copy the shard again")
        entries = self._screen_meta()
        firsts: list[Any] = [entry.get("first_frame_idx") for entry in entries]
        good = all(type(first) is int for first in firsts)
        if not good or any(a >= b for a, b in pairwise([*firsts, stamps.size])) or firsts[:1] != [0]:
            raise self.error(
                f"the first_frame_idx of {ENTRIES} do not go with the {stamps.size} times of {TIMESTAMPS}: copy the"
                " shard again"
            )
        if firsts[-1] == stamps.size - 1:
            # The trailing time, as a blank of its own: it ends the one before.
            entries, firsts = entries[:-1], firsts[:-1]
        if not entries:
            raise self.error("nothing is presented in it")
        # Durations are rounded to the nanosecond, so that rounding does not make them differ.
        edges = [float(stamps[first]) * 1000.0 for first in firsts] + [float(stamps[-1]) * 1000.0]
        counts: dict[str, int] = {}
        return [
            self._entry(entry, start, start + round(stop - start, 6), counts)
            for entry, (start, stop) in zip(entries, pairwise(edges), strict=True)
        ]

    def _entry(self, entry: Mapping[str, Any], start: float, stop: float, counts: dict[str, int]) -> _Entry:
        text = entry.get("stimulus")
        if isinstance(text, str):
            try:
                return _Entry(start, stop, parse_stimulus(text), entry.get("is_null") is True)
            except ValueError as error:
                raise self.error(f"a stimulus of its screen cannot be read ({error}): exclude the part") from None
        duration = stop - start
        parameters: dict[str, Any] = {"duration": duration}
        kind = entry.get("modality")
        if kind == "blank":
            name = BLANK
        elif kind in ("image", "video"):
            name = MOVIE
            called = next((str(entry[key]) for key in ("image_id", "condition_hash") if entry.get(key)), "")
            frames = entry.get("num_frames")
            n_frames = frames if kind == "video" and type(frames) is int and frames > 1 else 1
            known = {key: entry[key] for key in ("tier",) if isinstance(entry.get(key), str)}
            repeat = self._meta.get("trial_id")
            if type(repeat) is not int:
                # Nothing says which repeat of an image it is: they are counted.
                repeat = counts.setdefault(called, 0)
                counts[called] += 1
            parameters |= {"movie_name": called, "movie_frame_duration": duration / n_frames, **known, "trial": repeat}
            if not called:
                parameters.pop("movie_name")
        else:
            raise self.error(f"its screen has an entry of the modality {kind!r}: it may be image, video or blank")
        made = {"name": name, "module_path": "experanto", **parameters}
        return _Entry(start, stop, written_down(made), null=False)

    def _screen_meta(self) -> list[dict[str, Any]]:
        """What each entry of the screen says of itself, in order."""
        by_name: Any
        if (self.path / COMBINED).exists():
            try:
                by_name = json.loads(self._text(COMBINED))
            except (ValueError, RecursionError) as error:
                raise self.error(f"{COMBINED} is not JSON ({error}): delete it, or copy it again") from None
        else:
            by_name = {one.stem: self._yaml(f"{ENTRIES}/{one.name}") for one in (self.path / ENTRIES).glob("*.yml")}
        if not isinstance(by_name, dict) or not all(isinstance(one, dict) for one in by_name.values()):
            raise self.error(f"{COMBINED} does not hold a mapping for each entry: delete it, or copy it again")
        if not by_name:
            raise self.error(f"{ENTRIES} has no entries: copy the shard again")
        return [by_name[name] for name in sorted(by_name)]

    def _array(self, name: str) -> NDArray[Any]:
        try:
            return read_npy(self.path / name)
        except RecordingError as error:
            raise self.error(str(error)) from None

    def _text(self, name: str) -> str:
        path = self.path / name
        try:
            if path.stat().st_size > LARGEST_META:
                raise self.error(f"{name} has more than {LARGEST_META:,} bytes: it is not what Experanto writes")
            return path.read_text("utf-8")
        except (OSError, ValueError) as error:
            raise self.error(f"{name} cannot be read ({error}): copy it again") from None

    def _yaml(self, name: str) -> dict[str, Any]:
        """A mapping: as spikebin writes it, a line of JSON for each key; else by PyYAML."""
        text = self._text(name)
        found: Any = {}
        try:
            for line in text.splitlines():
                key, _, value = line.partition(": ")
                found[key] = json.loads(value)
        except (ValueError, RecursionError):
            found = self._other_yaml(name, text)
        if not isinstance(found, dict):
            raise self.error(f"{name} holds no keys with values: copy it again")
        return found

    def _other_yaml(self, name: str, text: str) -> Any:
        try:
            import yaml
        except ImportError:
            raise SpikebinError(f"{self.path.name}: {name} needs PyYAML: pip install 'spikebin[experanto]'") from None
        try:
            # As safe as safe_load, and ten times as fast where libyaml is there.
            return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise self.error(f"{name} is not YAML ({' '.join(str(error).split())}): copy it again") from None
