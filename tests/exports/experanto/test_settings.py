"""How recordings become shards: tiers by shares, rates and widths that go together."""

from __future__ import annotations

import hashlib

import pytest

from spikebin.errors import SpikebinError
from spikebin.exports.experanto.settings import ShardSettings, condition_hash
from spikebin.recordings.mozaik.stimulus import written_down


def test_shares_are_what_they_say():
    settings = ShardSettings(tier="train=0.7,validation=0.2,test=0.1")
    drawn = [settings.tier_of(hashlib.sha256(str(i).encode()).hexdigest()[:20]) for i in range(20_000)]
    assert settings.tiers == ("train", "validation", "test")
    for tier, share in (("train", 0.7), ("validation", 0.2), ("test", 0.1)):
        assert abs(drawn.count(tier) / 20_000 - share) < 0.01
    assert ShardSettings(tier="test").tier_of("0" * 20) == "test"


def test_repeats_of_a_condition_have_one_hash():
    stimulus = {"name": "PixelMovieExperanto", "movie_name": "a", "duration": 497.0}
    one, two = (condition_hash(written_down({**stimulus, "trial": trial})) for trial in (0, 1))
    assert one == two
    assert condition_hash(written_down({**stimulus, "movie_name": "b"})) != one
    assert len(one) == 20


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"width": 0.0}, "give a width above 0"),
        ({"rate": -1.0}, "give a rate above 0"),
        ({"responses": "sequence", "rate": 30.0, "width": 1.0}, "give --rate or --width alone"),
        ({"tier": "train=0.8,validation=0.3"}, "do not add up to 1"),
        ({"tier": "train=much"}, "a share of 0 to 1"),
        ({"tier": "=1"}, "give a name"),
        ({"responses": "bins"}, "give 'spikes' or 'sequence'"),
    ],
)
def test_what_cannot_be_is_refused(settings, words):
    with pytest.raises(SpikebinError, match=words) as error:
        ShardSettings(**settings)
    assert "\n" not in str(error.value)


def test_a_rate_of_its_own():
    assert ShardSettings(width=5.0).sampling_rate == 200.0
    assert ShardSettings(width=5.0, rate=1000.0).sampling_rate == 1000.0
    assert ShardSettings("sequence", 1000.0 / 30.0, 30.0).sampling_rate == 30.0
