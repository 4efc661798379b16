"""One shard on disk: built elsewhere, synced, moved into place; and the record of what it was made from."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from spikebin.errors import SpikebinError
from spikebin.exports.experanto.responses import write_sequence, write_spikes
from spikebin.exports.experanto.screen import write_screen
from spikebin.exports.experanto.yaml_text import yaml_text
from spikebin.recordings.presented import STEP
from spikebin.system.files import make_directory, os_error, sync_directory, sync_file
from spikebin.system.lock import locked
from spikebin.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spikebin.exports.experanto.settings import ShardSettings
    from spikebin.recordings.presented import Presented

__all__ = ["MOST_ENTRIES", "SCRATCH", "WORK", "Shard", "shard_there", "tidy", "write_shard"]

MOST_ENTRIES = 100_000
"""Entries of a screen: Experanto names them by five digits."""

WORK = ".spikebin"
"""Where shards are built, in the directory that they are written to: apart from those that are complete."""

PARTIAL, OLD, SCRATCH = "partial", "old", "scratch"
"""In such a place: what is built, what it replaces, and files that are only needed meanwhile."""


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


def shard_there(path: Path, made_from: Mapping[str, Any], *, force: bool = False) -> Shard | None:
    """A shard that is in place and was made from the same.

    Parameters
    ----------
    path : Path
    made_from, force
        As for `write_shard`.

    Returns
    -------
    Shard or None
        None if it is to be written.

    Raises
    ------
    SpikebinError
        If something else lies there, or a shard that was made otherwise, without `force`.
    """
    try:
        known = json.loads((path / "meta.json").read_text("utf-8"))["spikebin"]
        there = Shard(path, **known["counts"], skipped=True)
        alike = known["made_from"] == made_from
    except FileNotFoundError:
        if not path.exists():
            return None
        alike = None
    except (OSError, ValueError, KeyError, TypeError):
        alike = None
    if alike is None:
        raise SpikebinError(f"{path} is there and was not written by spikebin: give another directory")
    if not alike and not force:
        raise SpikebinError(
            f"{path} was made of other files or with other settings: give another directory, or replace it with --force"
        )
    return there if alike else None


def tidy(work: Path) -> None:
    """Remove what an export that was killed left behind, unless another one is at work there.

    Parameters
    ----------
    work : Path
        Where one shard, or the pieces of one, or one file was built.
    """
    left = [
        path for name in (PARTIAL, OLD, SCRATCH) for path in (work / name, *work.glob(f"*/{name}")) if path.exists()
    ]
    if not left:
        return
    try:
        with locked(work, patience=0.0):
            for path in left:
                shutil.rmtree(path, ignore_errors=True)
    except SpikebinError:
        pass


def write_shard(
    shown: Presented,
    path: Path,
    work: Path,
    settings: ShardSettings,
    made_from: Mapping[str, Any],
    *,
    parts: Sequence[tuple[str, int]] = (),
    force: bool = False,
) -> Shard:
    """Write one shard; what is there and was made from the same is left alone.

    Parameters
    ----------
    shown : Presented
        A sheet at a time is in memory.
    path : Path
        Of the shard.
    work : Path
        A directory for this shard alone, on the same file system: it is built there, and moved into place at the end.
    settings : ShardSettings
    made_from : mapping
        Recordings and settings, in JSON's types: kept in meta.json, and compared with what is there.
    parts : sequence of (str, int)
        Parts of a plan, and how many presentations of each follow each other in `shown`: kept in meta.json.
    force : bool
        Replace a shard that was made otherwise.

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
    if len(shown.stretches) >= MOST_ENTRIES:
        raise SpikebinError(
            f"{shown.name} has {len(shown.stretches):,} presentations, a shard holds fewer than {MOST_ENTRIES:,}"
        )
    building, old = work / PARTIAL, work / OLD
    make_directory(path.parent)
    try:
        with locked(work, patience=1.0):
            there = shard_there(path, made_from, force=force)
            if there is not None:
                return there
            for leftover in (building, old):
                shutil.rmtree(leftover, ignore_errors=True)
            try:
                counts, on_grid = _build(shown, building, settings)
                ours = {"version": __version__, "made_from": made_from, "counts": counts, "parts": parts}
                meta = json.dumps({"data_key": path.name, "spikebin": ours}, indent=1)
                (building / "meta.json").write_text(meta + "\n", "utf-8")
                (building / "modality_config.yml").write_text(_modality_config(settings, on_grid=on_grid), "utf-8")
                # It must not be in place before all that it holds is on disk.
                for made in building.rglob("*"):
                    wait = sync_directory if made.is_dir() else sync_file
                    wait(made)
                if path.exists():
                    path.rename(old)
                building.rename(path)
                sync_directory(path.parent)
            finally:
                for leftover in (building, old):
                    shutil.rmtree(leftover, ignore_errors=True)
            return Shard(path, **counts, skipped=False)
    except OSError as error:
        raise os_error(error, path) from None


def _build(shown: Presented, root: Path, settings: ShardSettings) -> tuple[dict[str, int], bool]:
    n_without = write_screen(shown.stretches, root / "screen", settings)
    (root / "responses").mkdir(parents=True)
    write = write_spikes if settings.responses == "spikes" else write_sequence
    written = write(shown, root / "responses", settings)
    counts = asdict(written)
    on_grid = bool(counts.pop("on_grid"))
    return {**counts, "n_entries": len(shown.stretches) + 1, "n_without_frames": n_without}, on_grid


def _modality_config(settings: ShardSettings, *, on_grid: bool) -> str:
    """The configuration by which Experanto opens the shard: its default one expects other responses.

    Its `offset` is added to the times at which responses are asked for. Experanto compares floats as they are, so half
    a bin is the middle of a bin of a sequence; and windows that begin a tenth of a step before an edge take a spike on
    it into the bin that begins there, as the rest of spikebin does, however either was rounded.
    """
    if settings.responses == "spikes":
        offset = -STEP / 10_000.0 if on_grid else 0.0
        interpolation = {"interpolation_window": settings.width / 1000.0, "interpolation_align": "left"}
    else:
        offset = settings.width / 2000.0
        interpolation = {"interpolation_mode": "nearest_neighbor"}
    responses = {
        "keep_nans": False,
        "sampling_rate": settings.sampling_rate,
        "chunk_size": None,
        "offset": offset,
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
        "valid_condition": {"tier": settings.tiers[0]},
        "transforms": {},
        "filters": {},
        "interpolation": {"rescale": False},
    }
    return yaml_text({"responses": responses, "screen": screen})
