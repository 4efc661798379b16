"""One shard on disk: complete or not there, left alone where it is of the same, never put over something else."""

from __future__ import annotations

import json

import pytest
import yaml
from exports.experanto.shown import Shown
from exports.shards import read_shard

from spikebin.errors import SpikebinError
from spikebin.exports.experanto import shard as shards
from spikebin.exports.experanto.settings import ShardSettings
from spikebin.exports.experanto.shard import shard_there, write_shard


def write(place, made_from="a", settings=None, **options):
    facts = {"from": made_from}
    return write_shard(Shown(), place / "out" / "1", place / "work", settings or ShardSettings(), facts, **options)


def test_a_shard_holds_what_was_shown_and_fired(tmp_path):
    made = write(tmp_path, parts=[("one", 1), ("two", 1)])
    assert (made.n_units, made.n_spikes, made.n_entries, made.n_outside, made.skipped) == (4, 5, 3, 2, False)
    spikes, screen, _ = read_shard(made.path)
    assert sorted(spikes) == [("X", 0, 0.001), ("X", 0, 0.0095), ("X", 0, 0.02), ("X", 2, 0.004), ("Y", 0, 0.01)]
    assert [entry[0] for entry in screen] == ["blank", "image"]
    assert json.loads((made.path / "meta.json").read_text())["spikebin"]["parts"] == [["one", 1], ["two", 1]]
    assert not list((tmp_path / "work").glob("partial*"))


def test_what_is_there_of_the_same_is_left_alone(tmp_path):
    path = write(tmp_path).path
    before = path.stat().st_ino
    assert write(tmp_path).skipped
    assert shard_there(path, {"from": "a"}).n_spikes == 5
    assert path.stat().st_ino == before
    with pytest.raises(SpikebinError, match="made of other files or with other settings"):
        write(tmp_path, "b")
    assert not write(tmp_path, "b", force=True).skipped
    assert write(tmp_path, "b").skipped


def test_a_directory_of_others_is_not_replaced(tmp_path):
    (tmp_path / "out" / "1").mkdir(parents=True)
    (tmp_path / "out" / "1" / "notes.txt").write_text("mine")
    with pytest.raises(SpikebinError, match="was not written by spikebin"):
        write(tmp_path, force=True)
    assert (tmp_path / "out" / "1" / "notes.txt").read_text() == "mine"


def test_one_that_cannot_be_finished_leaves_nothing(tmp_path, monkeypatch):
    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "write_screen", fails)
    with pytest.raises(SpikebinError, match="1"):
        write(tmp_path)
    assert not (tmp_path / "out" / "1").exists()
    assert not list((tmp_path / "work").glob("partial*"))


@pytest.mark.parametrize(
    # All times are steps of a simulation: windows begin a little before them. Of a bin its middle is asked for.
    ("settings", "offset"),
    [(ShardSettings(), -1e-5), (ShardSettings("sequence", 5.0), 0.0025)],
)
def test_experanto_is_told_how_to_read_it(tmp_path, settings, offset):
    config = yaml.safe_load((write(tmp_path, settings=settings).path / "modality_config.yml").read_text())
    assert config["responses"]["offset"] == pytest.approx(offset)
    assert config["screen"]["valid_condition"] == {"tier": "train"}
