"""Shards of Experanto: every spike and every presentation, out of recordings and in again."""

from __future__ import annotations

import ast
import tracemalloc

import numpy as np
import pytest
import yaml
from exports.shards import Chunks, counted, read_shard

from spikebin import open_file
from spikebin.binning.bin_spikes import bin_spikes
from spikebin.binning.rules import Binning
from spikebin.errors import SpikebinError
from spikebin.exports.experanto.settings import ShardSettings
from spikebin.exports.experanto.shard import write_shard
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings, write_sheet
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.joined import OneAfterTheOther
from spikebin.recordings.mozaik.stimulus import written_down
from spikebin.recordings.mozaik.timeline import Timeline, stretch_of
from spikebin.recordings.presented import TimelineSpikes
from spikebin.recordings.protocol import NEURON_FIELDS
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.v1 import SheetModel

VIDEOS = "images_and_videos/SelfSustainedPushPull_trial0_chunk0_____simulation_seed:1000"
GRATING = "FullfieldDriftingSinusoidalGrating"
TINY = (SheetModel("X_ON", 4), SheetModel("V1_Exc_L2/3", 3))


def shard_of(directory, path, **settings):
    recording = open_recording(directory)
    return write_shard(
        Timeline(recording, recording.sheets), path, path.parent / "work", ShardSettings(**settings), {"from": "test"}
    )


def digest(recording, sheet, rule, binning, path):
    write_sheet(
        recording.sheet(sheet, rule), Identity(sheet, "train", "0"), Settings(binning, trial=rule.settings), path
    )
    header = open_file(path).header
    return header.content_digest, header.n_spikes, header.n_unassigned, header.n_outside


def test_a_shard_holds_every_spike_and_presentation(stores_2026, tmp_path):
    directory = next((stores_2026 / "images_and_videos").glob("*trial0_chunk0*"))
    shard = shard_of(directory, tmp_path / "shard")
    truth = np.load(stores_2026 / "truth_sorted_0_0.npz")
    ends = np.cumsum(truth["n"])
    wanted, shown = [], []
    for sheet in dict.fromkeys(truth["sheet"].tolist()):
        onset, screen = 0.0, []
        neurons = sorted(set(truth["neuron"][np.repeat(truth["sheet"] == sheet, truth["n"])].tolist()))
        for i in np.flatnonzero(truth["sheet"] == sheet):
            stimulus = ast.literal_eval(str(truth["stimulus"][i]))
            mine = slice(ends[i] - truth["n"][i], ends[i])
            wanted += [
                (sheet, neurons.index(neuron), round(onset + t, 6))
                for neuron, t in zip(truth["neuron"][mine].tolist(), truth["time"][mine].tolist(), strict=True)
            ]
            kind = "blank"
            if stimulus["name"] == "PixelMovieExperanto":
                kind = "image" if stimulus["movie_frame_duration"] == stimulus["duration"] else "video"
            screen.append((kind, stimulus.get("movie_name"), onset, onset + stimulus["duration"]))
            onset += stimulus["duration"]
        shown = [one for one in screen if one[2] != one[3]]
    spikes, screen, meta = read_shard(tmp_path / "shard")
    assert sorted((sheet, unit, round(s * 1000, 6)) for sheet, unit, s in spikes) == sorted(wanted)
    assert [(kind, image, round(a * 1000, 6), round(b * 1000, 6)) for kind, image, a, b, _ in screen] == shown
    assert {tier for kind, *_, tier in screen if kind != "blank"} == {"train"}
    assert (shard.n_spikes, shard.n_units, shard.n_outside) == (len(wanted), meta["n_signals"], 0)
    assert meta["trial_id"] == 0
    config = yaml.safe_load((tmp_path / "shard" / "modality_config.yml").read_text())
    assert config["responses"]["interpolation"] == {"interpolation_window": 0.001, "interpolation_align": "left"}


@pytest.mark.parametrize(
    "store", ["images_and_videos", "merged_serial", "several_kinds", pytest.param("2024", marks=pytest.mark.slow)]
)
def test_out_and_in_again_is_the_same(stores_2026, datastores, tmp_path, store):
    directory = min((datastores / "train").rglob("datastore.recordings.pickle")).parent
    if store != "2024":
        directory = min((stores_2026 / store).iterdir())
    shard_of(directory, tmp_path / "shard")
    assert format_of(tmp_path / "shard") == "experanto"
    recording, back = open_recording(directory), open_recording(tmp_path / "shard")
    assert back.sheets == recording.sheets
    kinds = {"stimulus": GRATING, "image_id": ("orientation", "contrast")} if store == "several_kinds" else {}
    for sheet in recording.sheets[:2]:
        for blank, width, closed in (
            ("before", 0.1, "left"), ("after", 1.0, "right"), ("both", 7.0, "left"), ("none", 35.0, "right"),
        ):  # fmt: skip
            rule, binning = TrialRule(blank=blank, **kinds), Binning(width=width, closed=closed)
            out = digest(recording, sheet, rule, binning, tmp_path / "a.h5")
            assert out == digest(back, sheet, rule, binning, tmp_path / "b.h5")
            assert out[1] > 0
        a, b = open_file(tmp_path / "a.h5"), open_file(tmp_path / "b.h5")
        assert a.neurons.tobytes() == b.neurons.tobytes()
        assert a.trials.dtype.names == b.trials.dtype.names
        assert a.trials["image_id"].tolist() == b.trials["image_id"].tolist()


def test_counts_in_bins(stores_2026, tmp_path):
    directory = next((stores_2026 / "images_and_videos").glob("*trial0_chunk0*"))
    shard_of(directory, tmp_path / "shard")
    shard_of(directory, tmp_path / "bins", responses="sequence", width=5.0)
    spikes, _, meta = read_shard(tmp_path / "shard")
    data = np.load(tmp_path / "bins" / "responses" / "data.npy")
    bins = yaml.safe_load((tmp_path / "bins" / "responses" / "meta.yml").read_text())
    assert (bins["modality"], bins["sampling_rate"], bins["n_signals"]) == ("sequence", 200.0, data.shape[1])
    assert data.shape[0] == bins["n_timestamps"] == int(np.ceil(meta["end_time"] * 200 - 1e-9))
    expected = np.zeros(data.shape)
    first = dict(zip(meta["sheets"], meta["sheet_unit_indices"], strict=False))
    for sheet, unit, second in spikes:
        # A spike at an edge begins a bin, however its time was rounded; one at the end is in the last.
        expected[min(int(second * 200 + 1e-6), len(data) - 1), first[sheet] + unit] += 1
    assert np.array_equal(data, expected)
    # Experanto takes the first row of both.
    means, stds = (np.load(tmp_path / "bins" / "responses" / "meta" / f"{name}.npy") for name in ("means", "stds"))
    assert np.allclose(means, expected.mean(axis=0)[np.newaxis])
    assert np.allclose(stds, expected.std(axis=0)[np.newaxis])


class Presented:
    """One image of 20 s, with times as a simulator gives them that has run for 100 s: steps, rebased to its onset."""

    name, sheets = "made", ("A",)

    def __init__(self, n_units=40, n_spikes=500):
        draws = np.random.default_rng(3)
        steps = np.sort(draws.integers(1, 200_000, (n_units, n_spikes)), axis=1)
        self.times = np.sort((100_000.0 + steps * 0.1) - 100_000.0, axis=1)
        image = written_down({"name": "PixelMovieExperanto", "movie_name": "a", "duration": 20_000.0, "trial": 0})
        self.stretches = [stretch_of(image, 0.0, 20_000.0, null=False, blank=False)]

    def neurons(self, sheet):
        table = np.zeros(len(self.times), NEURON_FIELDS)
        table["neuron_id"] = np.arange(len(self.times))
        return table

    def spikes(self, sheet):
        return TimelineSpikes(self.times.ravel(), np.full(len(self.times), self.times.shape[1]), 0)


@pytest.mark.parametrize("responses", ["spikes", "sequence"])
@pytest.mark.parametrize("width", [1.0, 5.0, 0.1])
def test_experanto_counts_as_spikebin_does(tmp_path, responses, width):
    """Times of NEST lie on edges of bins: not one of its spikes may be counted in another bin."""
    shown, n_bins = Presented(), round(20_000 / width) - 2
    write_shard(shown, tmp_path / "shard", tmp_path / "work", ShardSettings(responses, width), {})
    config = yaml.safe_load((tmp_path / "shard" / "modality_config.yml").read_text())
    rows = np.repeat(np.arange(40), 500)
    edges = {"start": width, "stop": (n_bins + 1) * width, "width": width}
    wanted = bin_spikes(shown.times.ravel(), rows, n_neurons=40, dtype=np.uint16, **edges)[0].T
    found = counted(tmp_path / "shard", width / 1000, n_bins, config)
    assert np.array_equal(found, wanted)
    assert found.sum() > 19_900
    # By times alone, as floats are, some spikes are counted in another bin.
    config["responses"]["offset"] = 0.0
    assert (counted(tmp_path / "shard", width / 1000, n_bins, config) != wanted).sum() > 20


@pytest.mark.parametrize("responses", ["spikes", "sequence"])
def test_experanto_itself_reads_a_shard(tmp_path, responses):
    """Where it can be installed: it is not on the registries."""
    experiment = pytest.importorskip("experanto.experiment")
    shown = Presented()
    shard = write_shard(shown, tmp_path / "shard", tmp_path / "work", ShardSettings(responses), {})
    config = yaml.safe_load((tmp_path / "shard" / "modality_config.yml").read_text())
    opened = experiment.Experiment(str(tmp_path / "shard"), config)
    times = (1000 + np.arange(15_000)) / 1000 + config["responses"]["offset"]
    found = opened.interpolate(times, device="responses")
    found = found[0] if isinstance(found, tuple) else found
    assert np.array_equal(found, counted(tmp_path / "shard", 1.0, 15_000, config))
    assert len(opened.devices["screen"].trials) == shard.n_entries


def test_a_trial_of_many_chunks_takes_the_memory_of_one(tmp_path, monkeypatch):
    monkeypatch.setattr("spikebin.exports.experanto.responses.SPIKES", 5_000)

    def peak(n_pieces):
        place = tmp_path / f"{n_pieces}"
        (place / "scratch").mkdir(parents=True)
        shown = OneAfterTheOther("trial", [Presented(n_spikes=1_000)] * n_pieces, place / "scratch")
        tracemalloc.start()
        shard = write_shard(shown, place / "shard", place / "work", ShardSettings(), {})
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert shard.n_spikes == n_pieces * 40_000
        return highest

    peak(1)
    one_piece = 40_000 * 8
    assert peak(2) > one_piece
    assert peak(12) - peak(3) < one_piece


def test_times_off_the_grid_are_counted_from_where_they_are(tmp_path):
    shown = Presented()
    shown.times += 0.0312
    write_shard(shown, tmp_path / "shard", tmp_path / "work", ShardSettings(), {})
    config = yaml.safe_load((tmp_path / "shard" / "modality_config.yml").read_text())
    assert config["responses"]["offset"] == 0.0


def test_frames_in_colour_fit_what_reads_them(stores_2026, tmp_path):
    directory = next((stores_2026 / "images_and_videos").glob("*trial0_chunk0*"))
    timeline = Timeline(open_recording(directory), open_recording(directory).sheets)
    shown = {one.image_id: one.n_frames for one in timeline.stretches if one.kind != "blank"}
    frames = tmp_path / "frames"
    frames.mkdir()
    for i, (name, n) in enumerate(shown.items()):
        made = np.full((n, 6, 9, 3), i, np.uint8)
        np.save(frames / name.removesuffix(".npy"), made if n > 1 else made[0])
    assert shard_of(directory, tmp_path / "shard", frames=frames).n_without_frames == 0
    config = yaml.safe_load((tmp_path / "shard" / "modality_config.yml").read_text())
    items = Chunks(tmp_path / "shard", 1000, 20, config)
    found = [items[i]["screen"] for i in range(0, len(items), 20)]
    assert {one.shape for one in found} == {(1, 20, 6, 9, 3)}
    assert set(np.unique(found).tolist()) <= {128.0, *map(float, range(len(shown)))}
    video = max(shown, key=lambda name: shown[name])
    for odd, words in ((np.zeros((2, 6, 9, 3)), r"has 2 frames of shape 6 x 9 x 3, and \d+ of"), (np.zeros(5), "give")):
        np.save(frames / video.removesuffix(".npy"), odd)
        with pytest.raises(SpikebinError, match=words):
            shard_of(directory, tmp_path / "other", frames=frames)
        assert not (tmp_path / "other").exists()


def test_frames_are_taken_along(stores_2026, tmp_path):
    directory = next((stores_2026 / "images_and_videos").glob("*trial0_chunk0*"))
    frames = tmp_path / "frames"
    frames.mkdir()
    np.save(frames / "00083.npy", np.repeat(np.array([3, 4], np.uint8), 27).reshape(6, 9))
    shard = shard_of(directory, tmp_path / "shard", frames=frames, tier="validation")
    assert shard.n_without_frames == 2
    (name,) = (file.stem for file in (tmp_path / "shard" / "screen" / "data").iterdir())
    entry = yaml.safe_load((tmp_path / "shard" / "screen" / "meta" / f"{name}.yml").read_text())
    assert (entry["image_id"], entry["image_size"], entry["tier"]) == ("00083.npy", [6, 9], "validation")
    assert np.load(tmp_path / "shard" / "screen" / "data" / f"{name}.npy").shape == (6, 9)
    meta = tmp_path / "shard" / "screen" / "meta"
    assert (np.load(meta / "means.npy").tolist(), np.load(meta / "stds.npy").tolist()) == ([3.5], [0.5])
    with pytest.raises(SpikebinError, match="no directory"):
        ShardSettings(frames=tmp_path / "none")
    with pytest.raises(SpikebinError, match="give a width above 0"):
        ShardSettings(width=0.0)
