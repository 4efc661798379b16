"""Which blanks belong to which stimulus: rules on sequences of presentations, without files."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sequences import EPOCH, merged, sequence

from spikebin.recordings.mozaik.phases import PHASES, UnpairedError, find_blanks
from spikebin.recordings.mozaik.presentations import Presentation, in_time, interleaved, kinds_of


def found(letters, rule, kinds=("PixelMovieExperanto", "NaturalImage", "Grating")):
    """For each stimulus of the kinds, where its blanks are in the sequence: (before, image, after)."""
    places = [[one.before, one.image, one.after] for one in find_blanks(sequence(letters), kinds, rule)]
    return [tuple(int(p.file) if p else None for p in three) for three in places]


N = None


@pytest.mark.parametrize(
    ("letters", "rule", "expected"),
    [
        # Images with a blank on both sides, videos without, as the lab's stores have them.
        ("bibbibv", "both", [(0, 1, 2), (3, 4, 5), (N, 6, N)]),
        ("bibvbib", "both", [(0, 1, 2), (N, 3, N), (4, 5, 6)]),
        ("vbibbib", "both", [(N, 0, N), (1, 2, 3), (4, 5, 6)]),
        # Nothing in the store tells, but what is known of the experiment.
        ("vbibv", "both", [(N, 0, N), (1, 2, 3), (N, 4, N)]),
        ("bibbibv", "before", [(0, 1, N), (3, 4, N), (N, 6, N)]),
        ("bibvbib", "after", [(N, 1, 2), (N, 3, N), (N, 5, 6)]),
        ("bibvbib", "none", [(N, 1, N), (N, 3, N), (N, 5, N)]),
        # One blank before each, or after each.
        ("bnbnbn", "before", [(0, 1, N), (2, 3, N), (4, 5, N)]),
        ("bnbnbn", "both", [(0, 1, N), (2, 3, N), (4, 5, N)]),
        ("bnbnbn", "after", [(N, 1, 2), (N, 3, 4), (N, 5, N)]),
        ("nbnbnb", "both", [(N, 0, 1), (N, 2, 3), (N, 4, 5)]),
        ("nbnbnb", "before", [(N, 0, N), (1, 2, N), (3, 4, N)]),
        # On both ends: the rule has to say which.
        ("bnbnb", "before", [(0, 1, N), (2, 3, N)]),
        ("bnbnb", "after", [(N, 1, 2), (N, 3, 4)]),
        # Two kinds: where one has a blank elsewhere, and the other has none.
        ("bngbng", "both", [(0, 1, N), (N, 2, N), (3, 4, N), (N, 5, N)]),
        ("bnbgbnbg", "before", [(0, 1, N), (2, 3, N), (4, 5, N), (6, 7, N)]),
        ("ngnbgnb", "both", [(N, 0, N), (N, 1, N), (N, 2, 3), (N, 4, N), (N, 5, 6)]),
        # Of three in a row, the middle one is nobody's.
        ("nbbbn", "both", [(N, 0, 1), (3, 4, N)]),
        # An end is neither a stimulus nor a blank; what is before it belongs to what was shown.
        ("bnbe", "both", [(0, 1, 2)]),
        ("ebn", "both", [(1, 2, N)]),
        ("nebn", "after", [(N, 0, N), (N, 3, N)]),
        # Null presentations go with the stimulus whose text they have, but by the rule "after".
        ("NnNnEe", "before", [(0, 1, N), (2, 3, N)]),
        ("NnNnEe", "both", [(0, 1, N), (2, 3, N)]),
        ("NnNnEe", "after", [(N, 1, 2), (N, 3, 4)]),
        ("NnBbNn", "both", [(0, 1, 2), (4, 5, N)]),
        ("NnGg", "none", [(N, 1, N), (N, 3, N)]),
    ],
)
def test_blanks_by_rule(letters, rule, expected):
    assert found(letters, rule) == expected


@pytest.mark.parametrize("letters", ["bnbnb", "nbn", "nbg", "bnbgb", "bnbgbnbg"])
def test_a_blank_that_could_belong_to_either_is_refused_by_both(letters):
    with pytest.raises(UnpairedError, match='is a blank alone between .*: set blank = "before" or "after"'):
        found(letters, "both")


def test_only_the_kinds_asked_for_are_trials_and_the_others_keep_their_blanks():
    assert found("bnbbgb", "both", ("NaturalImage",)) == [(0, 1, 2)]
    assert found("bnbbgb", "both", ("Grating",)) == [(3, 4, 5)]
    assert found("NnGg", "before", ("Grating",)) == [(2, 3, N)]
    assert found("NnGg", "after", ("NaturalImage",)) == [(N, 1, 2)]


def test_spontaneous_activity_can_be_asked_for():
    assert found("BbNnBbe", "before", ("InternalStimulus",)) == [(0, 1, N), (4, 5, N)]
    assert found("bnb", "both", ("InternalStimulus",)) == [(N, 0, N), (N, 2, N)]
    assert kinds_of(sequence("bnBbgEe")) == ["NaturalImage", "Grating", "InternalStimulus"]
    assert kinds_of(sequence("bbe")) == ["InternalStimulus"]


@given(st.text("bivngeNGIVB", max_size=12), st.sampled_from(list(PHASES)))
def test_no_blank_is_taken_twice_and_each_lies_next_to_its_stimulus(letters, rule):
    kinds = ("PixelMovieExperanto", "NaturalImage", "Grating")
    mine = sequence(letters)
    try:
        shown = find_blanks(mine, kinds, rule)
    except UnpairedError:
        return
    assert [int(one.image.file) for one in shown] == [i for i, letter in enumerate(letters) if letter in "ivng"]
    taken = [blank.file for one in shown for blank in (one.before, one.after) if blank]
    assert len(taken) == len(set(taken))
    for one in shown:
        assert one.before is None or rule in {"before", "both"}
        assert one.after is None or rule in {"after", "both"}
        if one.before and not one.before.null:
            assert int(one.before.file) == int(one.image.file) - 1
        if one.after:
            assert int(one.after.file) == int(one.image.file) + 1
        for blank in (one.before, one.after):
            assert blank is None or blank.null or blank.kind == "InternalStimulus"


def test_merged_from_simulations_at_the_same_time_null_presentations_pair_and_others_are_refused():
    nulls = merged([("N", 0), ("n", 10), ("N", 20), ("n", 30)], [("N", 5), ("n", 15), ("N", 25), ("n", 35)])
    kinds = ("NaturalImage",)
    shown = find_blanks(in_time(nulls), kinds, "before", mixed=interleaved(nulls))
    assert [(one.before.file, one.image.file) for one in shown] == [("0", "1"), ("4", "5"), ("2", "3"), ("6", "7")]
    blanks = merged([("b", 0), ("n", 10), ("b", 20), ("n", 30)], [("b", 5), ("n", 15), ("b", 25), ("n", 35)])
    for presentations, rule in ((blanks, "before"), (blanks, "both"), (nulls, "after")):
        with pytest.raises(UnpairedError, match="simulations that ran at the same time .3 was recorded after [45]"):
            find_blanks(in_time(presentations), kinds, rule, mixed=interleaved(presentations))
    assert len(find_blanks(in_time(blanks), kinds, "none", mixed=interleaved(blanks))) == 4


def test_the_same_stimulus_twice_takes_the_earlier_blank_first():
    listed = [*sequence("Nn"), *sequence("Nn")]
    twice = [Presentation("X", f"{i}", p.null, EPOCH + timedelta(seconds=i), p.stimulus) for i, p in enumerate(listed)]
    shown = find_blanks(twice, ("NaturalImage",), "before")
    assert [(one.before.file, one.image.file) for one in shown] == [("0", "1"), ("2", "3")]
