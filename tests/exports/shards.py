"""A small reader of shards of Experanto, by the table of what they hold; shares no code with the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import yaml


def read_shard(path):
    """Every spike of a shard as (sheet, unit of the sheet, seconds), and what its screen shows when."""
    path = Path(path)
    responses = yaml.safe_load((path / "responses" / "meta.yml").read_text())
    assert responses["modality"] == "spikes"
    seconds = np.load(path / "responses" / "spikes.npy")
    indices = responses["spike_indices"]
    assert seconds.dtype == np.float64
    assert indices[-1] == seconds.size
    assert responses["n_signals"] == len(indices) - 1 == sum(responses["n_signals_layerwise"])
    units = responses["sheet_unit_indices"]
    spikes = []
    for sheet, first, stop in zip(responses["sheets"], units, units[1:], strict=False):
        for unit in range(first, stop):
            mine = seconds[indices[unit] : indices[unit + 1]]
            assert (np.diff(mine) >= 0).all()
            spikes += [(sheet, unit - first, time) for time in mine.tolist()]
    assert responses["start_time"] == 0
    assert not seconds.size or seconds.max() <= responses["end_time"] + 1e-9
    return spikes, read_screen(path), responses


def read_screen(path):
    """(modality, image, start in s, stop in s, tier) of each entry; the trailing one is left out."""
    assert yaml.safe_load((path / "screen" / "meta.yml").read_text()) == {"modality": "screen"}
    stamps = np.load(path / "screen" / "timestamps.npy")
    files = sorted((path / "screen" / "meta").glob("*.yml"))
    assert [file.stem for file in files] == [f"{i:05d}" for i in range(len(files))]
    entries = [yaml.safe_load(file.read_text()) for file in files]
    assert json.loads((path / "screen" / "combined_meta.json").read_text()) == dict(
        zip([file.stem for file in files], entries, strict=True)
    )
    firsts = [entry["first_frame_idx"] for entry in entries]
    n_frames = [entry["num_frames"] for entry in entries]
    assert firsts == [sum(n_frames[:i]) for i in range(len(entries))]
    assert firsts[-1] == stamps.size - 1
    starts = stamps[firsts]
    return [
        (entry["modality"], entry.get("image_id"), start, stop, entry.get("tier"))
        for entry, start, stop in zip(entries, starts, starts[1:], strict=False)
    ]
