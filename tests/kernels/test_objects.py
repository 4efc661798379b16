"""What calls and states make: of arrays, units and dtypes that are odd the kernel makes what its twin makes."""

from __future__ import annotations

import struct

import pytest
from segments import assert_same_as_twin, by_interpreter, edited

F8 = b"\x8c\x02f8"
MS = b"\x8c\x0bmillisecond"


@pytest.mark.parametrize(
    ("old", "new", "read"),
    [
        (b"", b"", True),
        # Another unit of time is read as such; a unit of something else is not.
        (MS, b"\x8c\x06second", True),
        (MS, b"\x8c\x0bmicrosecond", True),
        (MS, b"\x8c\x06minute!"[:8], False),
        (b"\x8c\x08UnitTime", b"\x8c\x08UnitMass", False),
        # Types and orders of numbers.
        (F8, b"\x8c\x02i8", False),
        (F8, b"\x8c\x02f4", False),
        (b"\x8c\x01<", b"\x8c\x01>", False),
        # Where all trains end together, and whether that is a number.
        (struct.pack("<d", 560.0), struct.pack("<d", 561.0), True),
        (struct.pack("<d", 560.0), struct.pack("<d", float("nan")), False),
        # Keys of the state and of annotations.
        (b"source_id", b"source_no", False),
        (b"sheet_name", b"sheet_mane", False),
        (b"\x8c\x0bspiketrains", b"\x8c\x0bspikebrains", False),
        (b"\x8c\x07Segment", b"\x8c\x05Block", False),
    ],
)
def test_what_is_odd_is_made_as_the_twin_makes_it_or_not_at_all(old, new, read):
    once, everywhere = edited(old, new), edited(old, new, count=-1)
    assert_same_as_twin(once)
    assert_same_as_twin(everywhere)
    assert (by_interpreter(everywhere) is not None) is read


def test_a_train_that_ends_elsewhere_than_the_others():
    stop = struct.pack("<d", 560.0)
    for data in (edited(stop, struct.pack("<d", 561.0)), edited(stop, struct.pack("<d", 559.0))):
        assert_same_as_twin(data)
        assert by_interpreter(data) is None
