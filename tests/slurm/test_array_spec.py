"""Array specs: short, within the limits of Slurm, and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import SpikebinError
from spikebin.slurm.array_spec import LONGEST_SPEC, Slice, array_spec, parse_array_spec, slices


def spread(spec):
    return sorted({index for span in parse_array_spec(spec) for index in span})


INDICES = st.sets(st.integers(0, 20_000), max_size=400)


@pytest.mark.parametrize(
    ("indices", "spec"),
    [([], ""), ([3], "3"), ([3, 4], "3-4"), ([41, 9, 8, 7, 3, 7], "3,7-9,41"), (range(3000), "0-2999")],
)
def test_array_spec(indices, spec):
    assert array_spec(indices) == spec


@given(INDICES)
def test_array_spec_is_read_back(indices):
    assert not indices or spread(array_spec(indices)) == sorted(indices)


@pytest.mark.parametrize(
    ("spec", "indices"),
    [("0-10:5", [0, 5, 10]), ("0-4:2,20-30:5%4", [0, 2, 4, 20, 25, 30]), ("9,3,3", [3, 9]), ("7-7", [7])],
)
def test_array_specs_that_sbatch_takes(spec, indices):
    assert spread(spec) == indices


@pytest.mark.parametrize(
    "spec", ["", "x", "3-", "-3", "9-7", "1-2-3", "1,,2", "0-9:0", "%4", "1 2", "²", "٣", "0-99999999999"]
)
def test_array_specs_that_name_nothing(spec):
    with pytest.raises(SpikebinError, match=r"3,7-9,41|7-9"):
        parse_array_spec(spec)


@given(INDICES, st.integers(2, 2000))
def test_slices_hold_every_index_once_within_the_limits(indices, limit):
    pieces = slices(indices, limit)
    assert [index for piece in pieces for index in piece.indices] == sorted(indices)
    for piece in pieces:
        own = spread(piece.spec)
        assert [index + piece.offset for index in own] == list(piece.indices)
        assert max(own) < limit
        assert len(piece.spec) <= LONGEST_SPEC


def test_slices_have_round_offsets():
    assert [(piece.offset, piece.spec) for piece in slices(range(2500), 1001)] == [
        (0, "0-999"),
        (1000, "0-999"),
        (2000, "0-499"),
    ]
    assert slices([5, 2041], 1001) == [Slice(0, (5,)), Slice(2000, (2041,))]


def test_specs_that_are_too_long_are_split():
    pieces = slices(range(0, 9000, 2), 10_000)
    assert len(pieces) > 1
    assert {piece.offset for piece in pieces} == {0}
    assert sum(len(piece.indices) for piece in pieces) == 4500
