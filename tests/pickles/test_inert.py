"""Stand-ins for globals: they keep what a pickle says of an object, and act on nothing."""

from __future__ import annotations

import pytest

from spikebin.pickles.inert import EMPTY_BYTES, ENCODE, STUBS, Inert, Refused, _Text, printable
from spikebin.pickles.meanings import GLOBALS

BLOCK = STUBS["neo.core.block.Block"]


def test_every_known_global_has_one():
    assert STUBS.keys() == GLOBALS.keys()
    assert all(issubclass(stub, Inert) and stub.kind == kind for kind, stub in STUBS.items())


def test_a_stand_in_keeps_what_is_said():
    block = BLOCK("name", 3)
    block["key"] = "value"
    block.__setstate__({"a": 1})
    assert (block.kind, block.args, block.state) == ("neo.core.block.Block", ("name", 3), {"a": 1})
    assert block.items == [("key", "value")]
    with pytest.raises(Refused, match="its state twice"):
        block.__setstate__({})
    with pytest.raises(AttributeError):
        block.more = 1


def test_calls_that_make_bytes_make_no_more_than_there_are():
    assert STUBS[EMPTY_BYTES]() == b""
    with pytest.raises(Refused, match="bytes with arguments"):
        STUBS[EMPTY_BYTES](1 << 40)

    class Text(_Text):
        left = 5

    assert Text("ab\xff", "latin1") == b"ab\xff"
    with pytest.raises(Refused, match="more bytes than it holds"):
        Text("abc", "latin1")
    with pytest.raises(Refused, match="other than bytes"):
        STUBS[ENCODE]("abc", "rot13")


def test_names_in_messages_are_short_and_printable():
    assert printable("a\nb\x1b") == "a?b?"
    assert printable("x" * 151) == "x" * 147 + "..."
