"""Shards of Experanto: every spike and every presentation, out of recordings and in again."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from exports.shards import counted, read_screen, read_shard
from typer.testing import CliRunner

from spikebin import cli, open_file
from spikebin.binning.bin_spikes import bin_spikes
from spikebin.binning.rules import Binning
from spikebin.errors import RecordingError, SpikebinError
from spikebin.exports.experanto.settings import ShardSettings
from spikebin.exports.experanto.shard import write_shard
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings, write_sheet
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import load_plan, make_plan
from spikebin.pipeline.shards import shard_tasks, write_shards
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.mozaik.stimulus import written_down
from spikebin.recordings.mozaik.timeline import Timeline, stretch_of
from spikebin.recordings.presented import TimelineSpikes
from spikebin.recordings.protocol import NEURON_FIELDS
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.schedule import experanto_items
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


def _first_sheet(path):
    recording = open_recording(path)
    return recording.sheet(recording.sheets[0], TrialRule(blank="both"))


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


@pytest.mark.parametrize("store", ["images_and_videos", "merged_serial", "several_kinds", "2024"])
def test_out_and_in_again_is_the_same(stores_2026, datastores, tmp_path, store):
    directory = next(iter(datastores.rglob("datastore.recordings.pickle"))).parent
    if store != "2024":
        directory = next((stores_2026 / store).iterdir())
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


def test_a_shard_that_others_wrote(tmp_path):
    root = tmp_path / "other"
    (root / "responses").mkdir(parents=True)
    (root / "screen" / "meta").mkdir(parents=True)
    meta = {"modality": "spikes", "spike_indices": [0, 3, 3, 5], "start_time": 0.0, "end_time": 1.2, "n_signals": 3}
    (root / "responses" / "meta.yml").write_text(yaml.safe_dump(meta))
    np.save(root / "responses" / "spikes.npy", np.array([0.05, 0.3, 0.31, 0.8, 1.2]))
    (root / "screen" / "meta.yml").write_text("modality: screen\n")
    np.save(root / "screen" / "timestamps.npy", np.array([0.0, 0.3, 0.8, 1.0, 1.2]))
    entries = [
        {"modality": "blank", "first_frame_idx": 0, "num_frames": 1, "interleave_value": 128},
        {"modality": "image", "first_frame_idx": 1, "num_frames": 1, "image_id": 7, "tier": "train"},
        {"modality": "video", "first_frame_idx": 2, "num_frames": 2, "condition_hash": "abc", "tier": "train"},
    ]
    for i, entry in enumerate(entries):
        (root / "screen" / "meta" / f"{i:05d}.yml").write_text(yaml.safe_dump(entry))
    recording = open_recording(root)
    assert recording.sheets == ["responses"]
    sheet = recording.sheet("responses", TrialRule(blank="both"))
    assert [(trial.image_id, trial.repeat) for trial in sheet.trials] == [("7", 0), ("abc", 0)]
    phases = [(phase.name, round(phase.stop - phase.start, 6)) for trial in sheet.trials for phase in trial.phases]
    assert phases == [
        ("blank", 300.0), ("image", 500.0), ("blank_after", 0.0), ("blank", 0.0), ("image", 400.0), ("blank_after", 0.0)
    ]  # fmt: skip
    # A spike at exactly 0.3 s belongs to what ends then.
    found = [[(s.times.tolist(), s.rows.tolist()) for s in sheet.spikes(trial)] for trial in range(2)]
    assert found == [
        [([50.0, 300.0], [0, 0]), ([310.0, 800.0], [0, 2]), ([], [])],
        [([], []), ([1200.0], [2]), ([], [])],
    ]
    assert sheet.neurons["neuron_id"].tolist() == [0, 1, 2]
    assert sheet.n_recorded == 5


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("responses/meta.yml", 'modality: "sequence"\n', "its responses are 'sequence', not spikes"),
        ("responses/meta.yml", 'modality: "spikes"\nspike_indices: [0, 9, 4]\n', "no spike_indices that begin with 0"),
        ("responses/meta.yml", 'modality: "spikes"\nspike_indices: [0, 4]\n', "holds 4,208 of the 4 spikes"),
        ("responses/meta.yml", "modality: [\n", "meta.yml is not YAML"),
        (
            "responses/meta.yml",
            'modality: "spikes"\nspike_indices: [0, 4]\nsheets: ["A"]\nsheet_unit_indices: [0, 2]\n',
            "do not go with 1 units",
        ),
        ("responses/meta.yml", 'modality: "spikes"\nspike_indices: [0, 4]\nn_signals: 3\n', "tells of 3 signals"),
        ("screen/combined_meta.json", "{", "combined_meta.json is not JSON"),
        ("screen/combined_meta.json", "{}", "has no entries"),
        ("screen/combined_meta.json", '{"00000": {"first_frame_idx": 3}}', "do not go with the 70 times"),
        ("screen/timestamps.npy", "x", "timestamps.npy cannot be read"),
        ("responses/spikes.npy", "x", "spikes.npy cannot be read"),
        ("responses/neurons_00.npy", "x", "neurons_00.npy cannot be read"),
    ],
)
def test_what_is_damaged_is_named(stores_2026, tmp_path, file, text, words):
    shard_of(next((stores_2026 / "images_and_videos").glob("*trial0_chunk0*")), tmp_path / "shard")
    (tmp_path / "shard" / file).write_text(text)
    with pytest.raises(RecordingError, match=words) as caught:
        _first_sheet(tmp_path / "shard")
    assert "\n" not in str(caught.value)


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


def test_times_off_the_grid_are_counted_from_where_they_are(tmp_path):
    shown = Presented()
    shown.times += 0.0312
    write_shard(shown, tmp_path / "shard", tmp_path / "work", ShardSettings(), {})
    config = yaml.safe_load((tmp_path / "shard" / "modality_config.yml").read_text())
    assert config["responses"]["offset"] == 0.0


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


@pytest.fixture
def config(tmp_path):
    for i in range(3):
        experiment = Experiment(sheets=TINY, image_key="experanto", items=experanto_items(i, 3, 1), exploded=i == 2)
        write_datastore(tmp_path / "data", experiment, directory=f"Model_chunk{i}")
    path = tmp_path / "spikebin.toml"
    path.write_text(
        '[trial]\nblank = "both"\n[[recordings]]\nvariant = "train"\nroot = "data"\nparts = "Model_chunk{part}"\n'
    )
    make_plan(load_config(path))
    return path


def test_the_parts_of_a_plan(config, tmp_path):
    def export(*arguments):
        return CliRunner().invoke(cli.app, ["export", "experanto", *map(str, arguments), "--config", str(config)])

    cli._register()
    result = export(tmp_path / "out")
    assert result.exit_code == 1
    assert result.stdout == "2 written, 0 there already, 1 failed\n"
    assert "error: train/2: Model_chunk2: its simulation exploded" in result.stderr
    assert sorted(path.name for path in (tmp_path / "out" / "train").iterdir()) == ["0", "1"]
    assert read_shard(tmp_path / "out" / "train" / "1")[2]["sheets"] == ["X_ON", "V1_Exc_L2/3"]
    result = export(tmp_path / "out", "--index", "0,1", "--json")
    assert [(one["part"], one["shards"][0]["skipped"]) for one in json.loads(result.stdout)] == [
        ("train/0", True),
        ("train/1", True),
    ]
    # Another choice is another shard, which takes its place only if asked to.
    result = export(tmp_path / "out", "--index", "1", "--sheet", "V1_Exc_L23")
    assert "replace it with --force" in result.stderr
    result = export(tmp_path / "out", "--index", "1", "--sheet", "V1_Exc_L23", "--force")
    assert (result.exit_code, result.stdout) == (0, "1 written, 0 there already, 0 failed\n")
    assert read_shard(tmp_path / "out" / "train" / "1")[2]["sheets"] == ["V1_Exc_L2/3"]
    (tmp_path / "mine" / "train" / "0").mkdir(parents=True)
    (tmp_path / "mine" / "train" / "0" / "notes.txt").write_text("keep")
    result = export(tmp_path / "mine", "-i", "0")
    assert "is there and was not written by spikebin" in result.stderr
    assert (tmp_path / "mine" / "train" / "0" / "notes.txt").read_text() == "keep"
    for arguments, words in (
        ((config.parent / "dataset" / "x",), "lies in the data set"),
        ((tmp_path / "new", "--step", "2"), "experanto takes no --step"),
        ((tmp_path / "new", "--by", "trial"), "needs the field {repeat} in `parts`"),
        ((tmp_path / "new", "--tier", "train=0.8"), "do not add up to 1"),
        ((tmp_path / "new", "--as", "sequence", "--rate", "30", "--width", "2"), "give --rate or --width alone"),
        ((tmp_path / "new", "--dataset", "x", "--index", "1"), "takes no --index"),
    ):
        assert words in str(export(*arguments).exception or export(*arguments).stderr)


def test_shards_are_recordings_of_a_plan(config, tmp_path):
    plan = load_plan(load_config(config))
    outcomes = list(write_shards(plan, shard_tasks(plan, indices=[0, 1]), tmp_path / "out", ShardSettings(tier="")))
    assert [outcome.trouble for outcome in outcomes] == ["", ""]
    shutil.rmtree(tmp_path / "data")
    again = tmp_path / "again.toml"
    again.write_text(
        'output = "again"\n[trial]\nblank = "both"\n'
        '[[recordings]]\nvariant = "train"\nroot = "out/train"\nparts = "{part}"\nformat = "experanto"\n'
    )
    from spikebin.pipeline.job import run_job

    plan, _ = make_plan(load_config(again))
    seals = [outcome.header for job in plan.jobs for outcome in run_job(plan, job)]
    assert len(seals) == 4
    assert all(seal.n_spikes > 0 and seal.n_outside == 0 for seal in seals)
    assert sum(seal.n_spikes + seal.n_unassigned for seal in seals) == sum(o.shards[0].n_spikes for o in outcomes)


@pytest.mark.slow
def test_killed_at_random_a_shard_is_complete_or_not_there(config, tmp_path):
    program = (
        "from pathlib import Path; from spikebin.exports.experanto.settings import ShardSettings; from"
        " spikebin.pipeline.config import load_config; from spikebin.pipeline.plan import load_plan; from"
        " spikebin.pipeline.shards import shard_tasks, write_shards;"
        f" plan = load_plan(load_config(Path({str(config)!r}))); print('ready', flush=True);"
        f" list(write_shards(plan, shard_tasks(plan), Path({str(tmp_path / 'out')!r}), ShardSettings(tier='')))"
    )
    draws = np.random.default_rng(5)
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=dict(os.environ))
        child.stdout.readline()
        time.sleep(draws.uniform(0, 0.15))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        for path in (tmp_path / "out" / "train").iterdir() if (tmp_path / "out" / "train").exists() else ():
            read_shard(path)
            assert read_screen(path)
            assert json.loads((path / "meta.json").read_text())["data_key"] == path.name
    plan = load_plan(load_config(config))
    outcomes = list(write_shards(plan, shard_tasks(plan, indices=[0, 1]), tmp_path / "out", ShardSettings(tier="")))
    assert [outcome.trouble for outcome in outcomes] == ["", ""]


@pytest.fixture
def chunked(tmp_path):
    """Two trials of three chunks, each with images and videos."""
    for repeat in range(2):
        for chunk in range(3):
            items = experanto_items(4 * chunk, 3, 1, repeat)
            experiment = Experiment(sheets=TINY, image_key="experanto", items=items)
            write_datastore(tmp_path / "data", experiment, directory=f"Model_trial{repeat}_chunk{chunk}")
    path = tmp_path / "spikebin.toml"
    path.write_text(
        '[trial]\nblank = "both"\n[[recordings]]\nvariant = "train"\nroot = "data"\n'
        'parts = "Model_trial{repeat}_chunk{part}"\n'
    )
    return make_plan(load_config(path))[0]


def test_a_shard_a_trial_over_its_chunks(chunked, tmp_path, monkeypatch):
    parts = list(write_shards(chunked, shard_tasks(chunked), tmp_path / "parts", ShardSettings(tier="")))
    tasks = shard_tasks(chunked, by="trial")
    assert [(str(task), [job.part for job in task.jobs]) for task in tasks] == [
        ("train/trial_0", ["0-0", "0-1", "0-2"]), ("train/trial_1", ["1-0", "1-1", "1-2"])
    ]  # fmt: skip
    # Of an array with a task for each job, those of the other chunks write nothing.
    assert [len(shard_tasks(chunked, by="trial", indices=[i])) for i in range(6)] == [1, 0, 0, 1, 0, 0]
    trials = list(write_shards(chunked, tasks, tmp_path / "trials", ShardSettings(tier="")))
    assert [one.trouble for one in parts + trials] == [""] * 8
    wanted, screen, onset = [], [], 0.0
    for chunk in range(3):
        spikes, shown, meta = read_shard(tmp_path / "parts" / "train" / f"1-{chunk}")
        wanted += [(sheet, unit, round(onset + s, 9)) for sheet, unit, s in spikes]
        screen += [(kind, image, round(onset + a, 9), round(onset + b, 9)) for kind, image, a, b, _ in shown]
        onset += meta["end_time"]
    spikes, shown, meta = read_shard(tmp_path / "trials" / "train" / "trial_1")
    assert sorted((sheet, unit, round(s, 9)) for sheet, unit, s in spikes) == sorted(wanted)
    assert [(kind, image, round(a, 9), round(b, 9)) for kind, image, a, b, _ in shown] == screen
    assert meta["trial_id"] == 1
    # A screen has five digits for its entries: more are more shards, cut between presentations.
    monkeypatch.setattr("spikebin.pipeline.shards.MOST_ENTRIES", 8)
    monkeypatch.setattr("spikebin.exports.experanto.shard.MOST_ENTRIES", 8)
    outcome, _ = write_shards(chunked, tasks, tmp_path / "cut", ShardSettings(tier=""))
    assert outcome.trouble == ""
    assert len(outcome.shards) > 3
    assert all(shard.n_entries <= 8 for shard in outcome.shards)
    assert sum(shard.n_spikes for shard in outcome.shards) == trials[0].shards[0].n_spikes
    again, _ = write_shards(chunked, tasks, tmp_path / "cut", ShardSettings(tier=""))
    assert [shard.path.name for shard in again.shards] == [
        "trial_0",
        *(f"trial_0_{i}" for i in range(1, len(again.shards))),
    ]
    assert all(shard.skipped for shard in again.shards)


def test_all_repeats_of_a_condition_are_in_one_tier(chunked, tmp_path):
    settings = ShardSettings(tier="train=0.5,validation=0.5")
    tiers = {}
    for outcome in write_shards(chunked, shard_tasks(chunked), tmp_path / "out", settings):
        for kind, image, *_, tier in read_shard(outcome.shards[0].path)[1]:
            if kind != "blank":
                tiers.setdefault((kind, image), set()).add(tier)
    assert all(len(one) == 1 for one in tiers.values())
    assert set.union(*tiers.values()) == {"train", "validation"}


def test_a_data_set_whose_recordings_are_gone(config, tmp_path):
    from spikebin.pipeline.job import run_job

    plan = load_plan(load_config(config))
    seals = {}
    for job in plan.jobs[:2]:
        for outcome in run_job(plan, job):
            seals[job.part, outcome.sheet] = outcome.header
    shutil.rmtree(tmp_path / "data")
    command = ["export", "experanto", str(tmp_path / "out"), "--dataset", str(plan.output), "--leave-out", "2"]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "2 written, 0 there already, 0 failed\n"
    again = tmp_path / "again.toml"
    again.write_text(
        'output = "again"\n[trial]\nblank = "both"\n'
        '[[recordings]]\nvariant = "train"\nroot = "out/train"\nparts = "{part}"\nformat = "experanto"\n'
    )
    plan, _ = make_plan(load_config(again))
    for job in plan.jobs:
        for outcome in run_job(plan, job):
            before = seals[job.part, outcome.sheet]
            assert outcome.header.content_digest == before.content_digest, outcome.message
            assert outcome.header.n_spikes == before.n_binned > 0
