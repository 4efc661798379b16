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


class Chunks:
    """The items of a shard by the rules of Experanto's `ChunkDataset` and of what it opens; for spikes, not scaled.

    An item is a run of samples, each within something that is shown in the wanted tier, or within a blank.
    """

    def __init__(self, root_folder, global_sampling_rate, global_chunk_size, modality_config):
        assert {"screen", "responses"} == modality_config.keys()
        for config in modality_config.values():
            assert {"sampling_rate", "chunk_size", "offset", "transforms", "filters", "interpolation"} <= config.keys()
        # What counts spikes takes these, and refuses all others.
        spikes = modality_config["responses"]["interpolation"]
        assert spikes.keys() <= {"interpolation_window", "interpolation_align", "smoothing_sigma"}
        self.path, self.config, self.n = Path(root_folder), modality_config, global_chunk_size
        self.rate = global_sampling_rate
        self.entries = json.loads((self.path / "screen" / "combined_meta.json").read_text())
        self.stamps = np.load(self.path / "screen" / "timestamps.npy")
        self.of_frame = [key for key, one in self.entries.items() for _ in range(self.n_frames(one))]
        assert len(self.of_frame) == len(self.stamps)
        wanted = {modality_config["screen"]["valid_condition"]["tier"]}
        wanted |= {"blank"} if modality_config["screen"]["include_blanks"] else set()
        samples = np.arange(self.stamps[0] + 0.5, self.stamps[-1] - 0.5, 1 / self.rate)
        entries = [self.entries[self.of_frame[np.searchsorted(self.stamps, t, "right") - 1]] for t in samples]
        good = np.array([(one.get("tier") or "blank") in wanted for one in entries])
        every = np.lib.stride_tricks.sliding_window_view(good, self.n).all(axis=1)
        self.starts = samples[: len(every)][every][:: modality_config["screen"]["sample_stride"]]

    @staticmethod
    def n_frames(entry):
        return entry["num_frames"] if entry["modality"] == "video" else 1

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, i):
        start = self.starts[i]
        return {"responses": counted(self.path, start, self.n, self.config), "screen": self.frames(start)}

    def frames(self, start):
        """(1, sample, *size), as the entries have it; the first entry says the size."""
        times = (round(start * 1e5) + np.arange(self.n) * round(1e5 / self.rate)) / 1e5
        frames = np.searchsorted(self.stamps, times + 1e-4) - 1
        out = np.zeros((self.n, *next(iter(self.entries.values()))["image_size"]), np.float32)
        for sample, frame in enumerate(frames.tolist()):
            key = self.of_frame[frame]
            entry = self.entries[key]
            if entry["modality"] == "blank":
                data = np.full((1, *entry["image_size"]), entry["interleave_value"], np.float32)
            else:
                data = np.load(self.path / "screen" / "data" / f"{key}.npy")
            if data.ndim == 2 or (data.ndim == 3 and data.shape[-1] == 3):
                data = data[np.newaxis]
            out[sample] = data[frame - entry["first_frame_idx"]]
        return out[np.newaxis]


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
