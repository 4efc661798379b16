"""Shards of Experanto as recordings, whoever wrote them: trials, sheets, times, and what is damaged."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from spikebin import cli
from spikebin.errors import RecordingError
from spikebin.exports.experanto.settings import ShardSettings
from spikebin.exports.experanto.shard import write_shard
from spikebin.recordings import open_recording
from spikebin.recordings.mozaik.timeline import Timeline
from spikebin.recordings.settings import TrialRule


def shard_of(directory, path, **settings):
    recording = open_recording(directory)
    return write_shard(
        Timeline(recording, recording.sheets), path, path.parent / "work", ShardSettings(**settings), {"from": "test"}
    )


def _first_sheet(path):
    recording = open_recording(path)
    return recording.sheet(recording.sheets[0], TrialRule(blank="both"))


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
        ("responses/meta.yml", 'modality: "spikes"\nspike_indices: [0, 4]\nn_signals: 3\n', "says that n_signals is 3"),
        ("screen/combined_meta.json", "{", "combined_meta.json is not JSON"),
        ("screen/combined_meta.json", "{}", "has no entries"),
        ("screen/combined_meta.json", '{"00000": {"first_frame_idx": 3}}', "do not go with the 70 times"),
        ("screen/timestamps.npy", "x", "timestamps.npy is not an array"),
        ("responses/spikes.npy", "x", "spikes.npy cannot be read"),
        ("responses/neurons_00.npy", "x", "neurons_00.npy is not an array"),
    ],
)
def test_what_is_damaged_is_named(stores_2026, tmp_path, file, text, words):
    shard_of(next((stores_2026 / "images_and_videos").glob("*trial0_chunk0*")), tmp_path / "shard")
    (tmp_path / "shard" / file).write_text(text)
    with pytest.raises(RecordingError, match=words) as caught:
        _first_sheet(tmp_path / "shard")
    assert "\n" not in str(caught.value)


def test_headers_that_lie_and_nests_that_are_deep_are_refused(stores_2026, tmp_path):
    shard_of(next((stores_2026 / "images_and_videos").glob("*trial0_chunk0*")), tmp_path / "shard")
    stamps = tmp_path / "shard" / "screen" / "timestamps.npy"
    before = stamps.read_bytes()
    with stamps.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})
    with pytest.raises(RecordingError, match="says that it has shape"):
        _first_sheet(tmp_path / "shard")
    stamps.write_bytes(before)
    (tmp_path / "shard" / "screen" / "combined_meta.json").write_text("[" * 100_000)
    with pytest.raises(RecordingError, match="is not JSON"):
        _first_sheet(tmp_path / "shard")


def test_spikes_that_are_mapped(stores_2026, tmp_path):
    """`is_mem_mapped`: the bare numbers, without numpy's head."""
    shard_of(next((stores_2026 / "images_and_videos").glob("*trial0_chunk0*")), tmp_path / "shard")
    before = _first_sheet(tmp_path / "shard")
    wanted = [[phase.times.tolist() for phase in before.spikes(i)] for i in range(len(before.trials))]
    responses = tmp_path / "shard" / "responses"
    np.load(responses / "spikes.npy").tofile(responses / "spikes.mem")
    (responses / "spikes.npy").unlink()
    meta = (responses / "meta.yml").read_text()
    (responses / "meta.yml").write_text(meta.replace("is_mem_mapped: false", "is_mem_mapped: true"))
    after = _first_sheet(tmp_path / "shard")
    assert [[phase.times.tolist() for phase in after.spikes(i)] for i in range(len(after.trials))] == wanted
    assert [file.name for file in after.files][1] == "responses/spikes.mem"
    (responses / "spikes.mem").write_bytes(b"1234")
    with pytest.raises(RecordingError, match="spikes.mem"):
        _first_sheet(tmp_path / "shard")


@pytest.mark.slow
def test_bin_and_init_know_shards(datastores, tmp_path):
    cli._register()
    shard_of(min((datastores / "train").rglob("datastore.recordings.pickle")).parent, tmp_path / "out" / "0")
    sheet = open_recording(tmp_path / "out" / "0").sheets[0]
    command = ["bin", str(tmp_path / "out" / "0"), "--width", "1", "--sheet", sheet]
    result = CliRunner().invoke(cli.app, [*command, "--out", str(tmp_path / "a.h5"), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)
    result = CliRunner().invoke(cli.app, ["init", str(tmp_path / "out"), "--config", str(tmp_path / "spikebin.toml")])
    assert result.exit_code == 0, (result.stderr, result.exception)
    assert "experanto" in (tmp_path / "spikebin.toml").read_text() + result.stdout
