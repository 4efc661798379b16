"""A small reader of shards of Experanto, by the table of what they hold; shares no code with the package."""

from __future__ import annotations

import json
from itertools import pairwise
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


def counted(path, start, n_samples, modality_config):
    """What Experanto's dataset gives for responses from `start` on: (sample, unit), by its configuration.

    It asks for times that are rounded to 1e-5 s, plus `offset`. Of spikes it counts those of [t, t + window), of a
    sequence it takes the sample whose number is the floor of t times the rate; all as floats are.
    """
    config = modality_config["responses"]
    digits = 10**5
    delta = round(1 / config["sampling_rate"] * digits)
    first = round(start * digits) + round(config["offset"] * digits)
    times = (first + np.arange(n_samples) * delta).astype(float) / digits
    folder = Path(path) / "responses"
    meta = yaml.safe_load((folder / "meta.yml").read_text())
    if meta["modality"] == "sequence":
        delta = 1.0 / meta["sampling_rate"]
        return np.load(folder / "data.npy")[np.floor((times - meta["start_time"]) / delta).astype(int)]
    assert config["interpolation"]["interpolation_align"] == "left"
    stops = times + config["interpolation"]["interpolation_window"]
    seconds, indices = np.load(folder / "spikes.npy"), meta["spike_indices"]
    units = [seconds[a:b] for a, b in pairwise(indices)]
    return np.array([np.searchsorted(unit, stops) - np.searchsorted(unit, times) for unit in units]).T
