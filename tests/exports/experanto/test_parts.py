"""Parts as shards hold them: several in one, or one over several; each is a recording again."""

from __future__ import annotations

import pytest
from exports.experanto.shown import Shown

from spikebin.errors import RecordingError
from spikebin.exports.experanto.parts import Opener, PartOfShards, Piece, parts_in, shards_in
from spikebin.exports.experanto.settings import ShardSettings
from spikebin.exports.experanto.shard import write_shard


@pytest.fixture
def shards(tmp_path):
    for name, parts in (("10", [("a", 1), ("b", 1)]), ("9", [("b", 2)]), ("11", ())):
        path = tmp_path / "train" / name
        write_shard(Shown(), path, tmp_path / "work" / name, ShardSettings(), {}, parts=parts)
    return tmp_path


def test_parts_lie_where_the_shards_say(shards):
    found = shards_in(shards, "train")
    assert list(found) == ["9", "10", "11"]
    assert shards_in(shards / "train", "") == found
    assert shards_in(shards / "none", "train") == {}
    assert parts_in(found) == {
        "b": [Piece(found["9"], 0, 2), Piece(found["10"], 1, 1)],
        "a": [Piece(found["10"], 0, 1)],
        "11": [Piece(found["11"], 0, None)],
    }


def test_a_part_is_a_recording_of_its_presentations_alone(shards):
    pieces = parts_in(shards_in(shards, "train"))
    part = PartOfShards(pieces["b"], Opener())
    assert list(part.sheets) == ["X", "Y"]
    shown = [one for one in part.presentations if one.sheet == "X"]
    assert [one.when for one in shown] == sorted(one.when for one in shown)
    assert [part.probe(one.file) for one in shown] == [(0.0, 5.0), (5.0, 20.0), (5.0, 20.0)]
    assert sum(part.read(one.file).times.size for one in shown) == 4 + 2
    assert {source.name for source in part.sources([])}


def test_a_shard_that_says_more_than_it_holds(shards):
    path = shards / "train" / "9"
    with pytest.raises(RecordingError, match="has 2 presentations, and meta.json says 5 at least"):
        PartOfShards([Piece(path, 0, 5)], Opener())
