"""A recording as a shard of Experanto: a folder that its readers open, with exact spike times and every presentation.

What is presented, and when each neuron fires, comes from a timeline of a recording. A shard is there complete or not at
all. See "What a shard holds" in the docs on exports.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import struct
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.bin_spikes import bin_spikes
from spikebin.choices import ShardResponses, checked
from spikebin.errors import SpikebinError
from spikebin.recordings.experanto import neurons_name
from spikebin.system.files import make_directory, os_error
from spikebin.system.lock import locked
from spikebin.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spikebin.recordings.mozaik.timeline import Stretch, Timeline

__all__ = ["MOST_ENTRIES", "Shard", "ShardSettings", "shard_there", "write_shard"]

MOST_ENTRIES = 100_000
"""Entries of a screen: Experanto names them by five digits."""

GREY = 128.0
CELLS = 1 << 26


@dataclass(frozen=True)
class ShardSettings:
    """How recordings become shards.

    Parameters
    ----------
    responses : {"spikes", "sequence"}
        Exact times in seconds, neuron after neuron; or counts in bins of equal width.
    width : float
        ms of a bin, of "sequence".
    frames : Path or None
        Where the frames of images and movies lie, as .npy files named like them; None: they are left out.
    tier : str
        Of every image and video: train, validation, test.

    Raises
    ------
    SpikebinError
        If one of them is none of these.
    """

    responses: ShardResponses = "spikes"
    width: float = 1.0
    frames: Path | None = None
    tier: str = "train"

    def __post_init__(self) -> None:
        checked(self.responses, ShardResponses, "responses of a shard")
        if not (math.isfinite(self.width) and self.width > 0):
            raise SpikebinError(f"a bin of {self.width:g} ms: give a width above 0, --width 1")
        if self.frames is not None and not self.frames.is_dir():
            raise SpikebinError(f"no directory {self.frames}: give the one with the frames as .npy files")


@dataclass(frozen=True)
class Shard:
    """A shard on disk.

    Parameters
    ----------
    path : Path
    n_units, n_spikes, n_entries : int
    n_outside : int
        Spikes outside of their presentation, which it does not hold.
    n_without_frames : int
        Images and videos whose frames were not found.
    skipped : bool
        It was there already, made from the same.
    """

    path: Path
    n_units: int
    n_spikes: int
    n_entries: int
    n_outside: int
    n_without_frames: int
    skipped: bool


def shard_there(path: Path, made_from: Mapping[str, Any]) -> Shard | None:
    """A shard that is in place and was made from the same.

    Parameters
    ----------
    path : Path
    made_from : mapping
        As for `write_shard`.

    Returns
    -------
    Shard or None

    Raises
    ------
    SpikebinError
        If something else lies there.
    """
    try:
        known = json.loads((path / "meta.json").read_text("utf-8"))["spikebin"]
        there = Shard(path, **known["counts"], skipped=True)
        return there if known["made_from"] == made_from else None
    except FileNotFoundError:
        if not path.exists():
            return None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise SpikebinError(f"{path} is there and was not written by spikebin: give another directory")


def write_shard(
    timeline: Timeline, path: Path, work: Path, settings: ShardSettings, made_from: Mapping[str, Any]
) -> Shard:
    """Write one recording as one shard; what is there and was made from the same is left alone.

    Parameters
    ----------
    timeline : Timeline
        All its presentations; a sheet at a time is in memory.
    path : Path
        Of the shard.
    work : Path
        A directory for this shard alone, on the same file system: it is built there, and moved into place at the end.
    settings : ShardSettings
    made_from : mapping
        Recordings and settings, in JSON's types: kept in meta.json, and compared with what is there.

    Returns
    -------
    Shard

    Raises
    ------
    RecordingError
        If a segment is missing or damaged.
    SpikebinError
        If it has more presentations than a shard can hold, something else lies there, or it cannot be written.
    """
    if len(timeline.stretches) >= MOST_ENTRIES:
        raise SpikebinError(
            f"{timeline.name} has {len(timeline.stretches):,} presentations, a shard holds fewer than {MOST_ENTRIES:,}"
        )
    building, old = work / "partial", work / "old"
    make_directory(path.parent)
    try:
        with locked(work, patience=1.0):
            there = shard_there(path, made_from)
            if there is not None:
                return there
            for leftover in (building, old):
                shutil.rmtree(leftover, ignore_errors=True)
            counts = _build(timeline, building, settings)
            ours = {"version": __version__, "made_from": made_from, "counts": counts}
            meta = json.dumps({"data_key": path.name, "spikebin": ours}, indent=1)
            (building / "meta.json").write_text(meta + "\n", "utf-8")
            (building / "modality_config.yml").write_text(_modality_config(settings), "utf-8")
            _sync(building)
            if path.exists():
                path.rename(old)
            building.rename(path)
            shutil.rmtree(old, ignore_errors=True)
            return Shard(path, **counts, skipped=False)
    except OSError as error:
        raise os_error(error, path) from None


def _build(timeline: Timeline, root: Path, settings: ShardSettings) -> dict[str, int]:
    n_without = _write_screen(timeline.stretches, root / "screen", settings)
    (root / "responses").mkdir(parents=True)
    write = _write_spikes if settings.responses == "spikes" else _write_sequence
    n_units, n_spikes, n_outside = write(timeline, root / "responses", settings)
    return {
        "n_units": n_units,
        "n_spikes": n_spikes,
        "n_entries": len(timeline.stretches) + 1,
        "n_outside": n_outside,
        "n_without_frames": n_without,
    }


def _write_spikes(timeline: Timeline, folder: Path, _: ShardSettings) -> tuple[int, int, int]:
    """The exact times of all sheets, unit after unit; a sheet at a time goes to disk."""
    indices, units = [np.zeros(1, np.int64)], [0]
    n_spikes = n_outside = 0
    with (folder / "spikes.npy").open("wb") as file:
        file.write(_npy_head(0))
        for sheet in timeline.sheets:
            found = timeline.spikes(sheet)
            file.write((found.times / 1000.0).astype("<f8").tobytes())
            indices.append(n_spikes + found.counts.cumsum())
            n_spikes += found.times.size
            units.append(units[-1] + found.ids.size)
            n_outside += found.n_outside
        file.seek(0)
        file.write(_npy_head(n_spikes))
    meta = {
        "modality": "spikes",
        "is_mem_mapped": False,
        "dtype": "float64",
        "spike_indices": np.concatenate(indices).tolist(),
    }
    _write_responses_meta(timeline, folder, meta, units, 1000.0)
    return units[-1], n_spikes, n_outside


def _write_sequence(timeline: Timeline, folder: Path, settings: ShardSettings) -> tuple[int, int, int]:
    """Counts of all sheets in bins of equal width over the whole recording, (time, unit), with means and deviations."""
    width = settings.width
    n_bins = max(1, math.ceil(timeline.onsets[-1] / width - 1e-9))
    units = [0, *accumulate(timeline.neurons(sheet).size for sheet in timeline.sheets)]
    data = np.lib.format.open_memmap(folder / "data.npy", "w+", np.float32, (n_bins, units[-1]))
    n_spikes = n_outside = 0
    for sheet, first_unit, stop_unit in zip(timeline.sheets, units, units[1:], strict=False):
        found = timeline.spikes(sheet)
        rows = np.repeat(np.arange(found.ids.size), found.counts)
        # A spike at exactly the end counts in the last bin: it is in no other.
        times = np.where(found.times > n_bins * width - 1e-6 * width, (n_bins - 0.5) * width, found.times)
        step = max(1, CELLS // max(1, found.ids.size))
        for first in range(0, n_bins, step):
            stop = min(first + step, n_bins)
            near = (times >= (first - 1) * width) & (times <= (stop + 1) * width)
            counts = bin_spikes(
                times[near],
                rows[near],
                n_neurons=found.ids.size,
                start=first * width,
                stop=stop * width,
                width=width,
                dtype=np.uint16,
            )
            data[first:stop, first_unit:stop_unit] = counts[0].T
        n_spikes += times.size
        n_outside += found.n_outside
    (folder / "meta").mkdir()
    np.save(folder / "meta" / "means.npy", data.mean(axis=0, dtype=np.float64))
    np.save(folder / "meta" / "stds.npy", data.std(axis=0, dtype=np.float64))
    data.flush()
    meta = {
        "modality": "sequence",
        "is_mem_mapped": False,
        "dtype": "float32",
        "n_timestamps": n_bins,
        "phase_shift_per_signal": False,
    }
    _write_responses_meta(timeline, folder, meta, units, 1000.0 / width)
    return units[-1], n_spikes, n_outside


def _write_responses_meta(
    timeline: Timeline, folder: Path, meta: dict[str, Any], units: Sequence[int], rate: float
) -> None:
    """What both kinds of responses say of themselves, and what is known of their units."""
    repeats = {repeat for s in timeline.stretches if (repeat := s.stimulus.get("trial")) is not None}
    facts = {
        **meta,
        "n_signals": units[-1],
        "n_signals_layerwise": np.diff(units).tolist(),
        "sheets": list(timeline.sheets),
        "sheet_unit_indices": list(units),
        "start_time": 0.0,
        "end_time": timeline.onsets[-1] / 1000.0,
        "sampling_rate": rate,
        "trial_id": repeats.pop() if len(repeats) == 1 else None,
        "stimuli_order": [stretch.image_id or "blank" for stretch in timeline.stretches],
    }
    (folder / "meta.yml").write_text(_yaml(facts), "utf-8")
    for i, sheet in enumerate(timeline.sheets):
        np.save(folder / neurons_name(i), timeline.neurons(sheet))


def _write_screen(stretches: Sequence[Stretch], folder: Path, settings: ShardSettings) -> int:
    """What is presented when: an entry for each presentation, a time for each frame; how many lack their frames."""
    (folder / "meta").mkdir(parents=True)
    (folder / "data").mkdir()
    timestamps: list[float] = []
    entries: dict[str, dict[str, Any]] = {}
    n_without = 0
    sizes = {
        i: _place_frames(stretch, folder / "data" / f"{i:05d}.npy", settings) for i, stretch in enumerate(stretches)
    }
    known = next((size for size in sizes.values() if size is not None), [1, 1])
    for i, stretch in enumerate(stretches):
        entry: dict[str, Any] = {
            "modality": stretch.kind,
            "first_frame_idx": len(timestamps),
            "num_frames": stretch.n_frames,
            "image_size": sizes[i] or known,
            "stimulus": stretch.stimulus.text,
        }
        if stretch.kind == "blank":
            entry |= {"interleave_value": GREY, "is_null": stretch.null}
        else:
            n_without += sizes[i] is None
            told = {name: value for name, value in stretch.stimulus.parameters.items() if name != "trial"}
            digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
            entry |= {"tier": settings.tier, "image_id": stretch.image_id, "condition_hash": digest[:20]}
        frame = (stretch.stop - stretch.start) / stretch.n_frames
        timestamps += [(stretch.start + j * frame) / 1000.0 for j in range(stretch.n_frames)]
        entries[f"{i:05d}"] = entry
    last = {"modality": "blank", "first_frame_idx": len(timestamps), "num_frames": 1, "image_size": known}
    entries[f"{len(stretches):05d}"] = {**last, "interleave_value": GREY}
    timestamps.append(stretches[-1].stop / 1000.0)
    for name, entry in entries.items():
        (folder / "meta" / f"{name}.yml").write_text(_yaml(entry), "utf-8")
    (folder / "combined_meta.json").write_text(json.dumps(entries), "utf-8")
    (folder / "meta.yml").write_text(_yaml({"modality": "screen"}), "utf-8")
    np.save(folder / "timestamps.npy", np.array(timestamps))
    return n_without


def _place_frames(stretch: Stretch, target: Path, settings: ShardSettings) -> list[int] | None:
    """Link or copy the frames of a presentation; their height and width, None where there are none."""
    if settings.frames is None or stretch.kind == "blank":
        return None
    source = settings.frames / f"{stretch.image_id.removesuffix('.npy')}.npy"
    try:
        shape = np.load(source, mmap_mode="r").shape
    except (OSError, ValueError):
        return None
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
    # One frame is (height, width) or (height, width, 3); several begin with their number.
    colours = shape[-1] == 3 and len(shape) > 2
    return [int(n) for n in (shape[-3:-1] if colours else shape[-2:])]


def _modality_config(settings: ShardSettings) -> str:
    """The configuration by which Experanto opens the shard: its default one expects other responses."""
    if settings.responses == "spikes":
        interpolation = {"interpolation_window": settings.width / 1000.0, "interpolation_align": "left"}
    else:
        interpolation = {"interpolation_mode": "nearest_neighbor"}
    responses = {
        "keep_nans": False,
        "sampling_rate": 1000.0 / settings.width,
        "chunk_size": None,
        "offset": 0.0,
        "transforms": {},
        "filters": {},
        "interpolation": interpolation,
    }
    screen = {
        "keep_nans": False,
        "sampling_rate": None,
        "chunk_size": None,
        "offset": 0.0,
        "sample_stride": 1,
        "include_blanks": True,
        "valid_condition": {"tier": settings.tier},
        "transforms": {},
        "filters": {},
        "interpolation": {"rescale": False},
    }
    return _yaml({"responses": responses, "screen": screen})


def _yaml(facts: Mapping[str, Any]) -> str:
    """A mapping as YAML: a line for each key, its value as JSON, which YAML takes for what it is."""
    return "".join(f"{key}: {_json(value)}\n" for key, value in facts.items())


def _json(value: Any) -> str:
    if isinstance(value, float) and "e" in (text := repr(value)):
        # YAML 1.1 takes 1e-05 for a text: a number needs its point.
        digits, power = text.split("e")
        return f"{digits if '.' in digits else f'{digits}.0'}e{power if power[0] in '+-' else f'+{power}'}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_json(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value)


def _npy_head(n: int) -> bytes:
    """The 128 bytes before the numbers of a .npy file of n float64: as long whatever n is."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({n},), }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + text.ljust(117) + b"\n"


def _sync(root: Path) -> None:
    """Wait until all files of a folder are on disk: it must not be in place before them."""
    for path in root.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
