"""Presentations in time: which stores were merged from simulations at once, and which kinds can be asked for."""

from __future__ import annotations

from sequences import merged, sequence

from spikebin.recordings.mozaik.presentations import in_time, interleaved, kinds_of


def test_simulations_that_ran_at_the_same_time_are_noticed():
    one, other = [("b", 0), ("n", 10), ("b", 20), ("n", 30)], [("b", 5), ("n", 15), ("b", 25), ("n", 35)]
    before, after = interleaved(merged(one, other))
    assert (before.file, after.file) == ("3", "4")
    late = [(letter, seconds + 100) for letter, seconds in other]
    assert interleaved(merged(one, late)) is None
    assert interleaved(merged(late, one)) is None
    assert interleaved(merged(one)) is None
    assert interleaved([]) is None


def test_presentations_are_sorted_by_their_time():
    shown = sequence("bnBg")
    assert [p.file for p in in_time(shown[::-1])] == ["0", "1", "2", "3"]


def test_what_is_shown_and_which_kinds_can_be_asked_for():
    blank, image, null, _, end = sequence("bnNge")
    assert [p.shows() for p in (blank, image, null, end)] == [False, True, False, False]
    assert blank.shows({"InternalStimulus"})
    assert kinds_of(sequence("bnBge")) == ["NaturalImage", "Grating", "InternalStimulus"]
    assert kinds_of([]) == []
