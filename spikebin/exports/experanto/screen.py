"""The `screen` of a shard: an entry for each presentation, a time for each frame, and the frames where they are."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import SpikebinError
from spikebin.exports.experanto.settings import condition_hash
from spikebin.exports.experanto.yaml_text import yaml_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spikebin.exports.experanto.settings import ShardSettings
    from spikebin.recordings.presented import Stretch

__all__ = ["write_screen"]

GREY = 128.0


def write_screen(stretches: Sequence[Stretch], folder: Path, settings: ShardSettings) -> int:
    """Write what is presented when.

    Parameters
    ----------
    stretches : sequence of Stretch
    folder : Path
        Must not exist.
    settings : ShardSettings

    Returns
    -------
    int
        How many images and videos lack their frames.

    Raises
    ------
    OSError
        If it cannot be written.
    SpikebinError
        If a video has more frames than its file.
    """
    (folder / "meta").mkdir(parents=True)
    (folder / "data").mkdir()
    sizes = [_place_frames(stretch, folder / "data" / f"{i:05d}.npy", settings) for i, stretch in enumerate(stretches)]
    # A reader wants one size of all that it shows.
    known = next((size for size in sizes if size is not None), [1, 1])
    timestamps: list[float] = []
    entries: dict[str, dict[str, Any]] = {}
    for i, stretch in enumerate(stretches):
        entries[f"{i:05d}"] = {
            "modality": stretch.kind,
            "first_frame_idx": len(timestamps),
            "num_frames": stretch.n_frames,
            "image_size": sizes[i] or known,
            "stimulus": stretch.stimulus.text,
            **_facts(stretch, settings),
        }
        frame = (stretch.stop - stretch.start) / stretch.n_frames
        timestamps += [(stretch.start + j * frame) / 1000.0 for j in range(stretch.n_frames)]
    last = {"modality": "blank", "first_frame_idx": len(timestamps), "num_frames": 1, "image_size": known}
    entries[f"{len(stretches):05d}"] = {**last, "interleave_value": GREY}
    timestamps.append(stretches[-1].stop / 1000.0)
    for name, entry in entries.items():
        (folder / "meta" / f"{name}.yml").write_text(yaml_text(entry), "utf-8")
    (folder / "combined_meta.json").write_text(json.dumps(entries), "utf-8")
    (folder / "meta.yml").write_text(yaml_text({"modality": "screen"}), "utf-8")
    np.save(folder / "timestamps.npy", np.array(timestamps))
    _write_statistics(folder, [i for i, size in enumerate(sizes) if size is not None])
    return sum(size is None for size, stretch in zip(sizes, stretches, strict=True) if stretch.kind != "blank")


def _write_statistics(folder: Path, shown: Sequence[int]) -> None:
    """Mean and deviation of all pixels that are shown, by which Experanto's default configuration normalises."""
    n, total, squares = 0, 0.0, 0.0
    for i in shown:
        frames = np.load(folder / "data" / f"{i:05d}.npy", mmap_mode="r").astype(np.float64)
        n, total, squares = n + frames.size, total + frames.sum(), squares + (frames**2).sum()
    if n:
        mean = total / n
        np.save(folder / "meta" / "means.npy", np.array([mean]))
        np.save(folder / "meta" / "stds.npy", np.array([np.sqrt(max(squares / n - mean**2, 0.0))]))


def _facts(stretch: Stretch, settings: ShardSettings) -> dict[str, Any]:
    """What an entry says of its stimulus."""
    if stretch.kind == "blank":
        return {"interleave_value": GREY, "is_null": stretch.null}
    condition = condition_hash(stretch.stimulus)
    return {"tier": settings.tier_of(condition), "image_id": stretch.image_id, "condition_hash": condition}


def _place_frames(stretch: Stretch, target: Path, settings: ShardSettings) -> list[int] | None:
    """Link or copy the frames of a presentation; the shape of one, None where there are none.

    Raises
    ------
    SpikebinError
        If a video has more frames than its file.
    """
    if settings.frames is None or stretch.kind == "blank":
        return None
    source = settings.frames / f"{stretch.image_id.removesuffix('.npy')}.npy"
    try:
        shape = np.load(source, mmap_mode="r").shape
    except (OSError, ValueError):
        return None
    # One frame is (height, width) or (height, width, 3); several begin with their number.
    colours = len(shape) > 2 and shape[-1] == 3
    n_axes = 3 if colours else 2
    n_frames = int(shape[0]) if len(shape) > n_axes else 1
    if not n_axes <= len(shape) <= n_axes + 1 or n_frames < stretch.n_frames:
        raise SpikebinError(
            f"{source} has {n_frames} frames of shape {' x '.join(map(str, shape[-n_axes:]))}, and"
            f" {stretch.n_frames} of {stretch.image_id} were shown: give (frame, height, width) or"
            " (frame, height, width, 3)"
        )
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
    return [int(n) for n in shape[-n_axes:]]
