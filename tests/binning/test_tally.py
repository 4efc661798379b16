"""Tallies add up, each by itself and with one another."""

from __future__ import annotations

from spikebin.binning.tally import Tally


def test_tallies_are_added_field_by_field():
    total = Tally(10, 6, 1, 3) + Tally(5, 2, 2, 1)
    assert total == Tally(15, 8, 3, 4)
    assert sum([total, Tally()], Tally()) == total
    assert total.n_inside == 11


def test_a_spike_that_is_counted_nowhere_or_twice_is_noticed():
    assert Tally(10, 6, 1, 3).adds_up
    assert not Tally(10, 6, 1, 2).adds_up
    assert not Tally(10, 7, 1, 3).adds_up
