"""The interpreter reads what neo wrote, or nothing: cut, damaged and odd pickles are left to the reference."""

from __future__ import annotations

import pickletools
import struct

import pytest
from segments import (
    CORPUS,
    INTERPRETED,
    JIT,
    assert_agree,
    assert_same,
    by_interpreter,
    by_reference,
    edited,
    files,
    memo_of,
)


@pytest.mark.parametrize("flavour", INTERPRETED)
def test_interpreter_reads_every_flavour_as_the_reference_does(flavour):
    for path in files(flavour):
        data = path.read_bytes()
        assert assert_agree(data)


@pytest.mark.parametrize("flavour", sorted(CORPUS))
def test_every_kind_of_opcode_flipped(flavour):
    # From the first train on every 14th byte, and the last opcode of each kind, each time another bit.
    data = CORPUS[flavour]
    data = data[:2] + data[11:] if data[2] == 0x95 else data
    start = data.index(b"_new_spiketrain")
    last = {op.name: at for op, _, at in pickletools.genops(data) if at > start}
    places = {*range(start, len(data), 14 if JIT else 301), *last.values()}
    for number, at in enumerate(sorted(places)):
        flipped = bytearray(data)
        flipped[at] ^= 1 << (number % 8)
        assert_agree(bytes(flipped), twin=number % 9 == 0)


@pytest.mark.parametrize("flavour", sorted(CORPUS))
def test_truncations_are_not_read(flavour):
    data = CORPUS[flavour]
    for size in range(1, len(data), 97 if JIT else 997):
        assert by_interpreter(data[:size]) is None


def test_a_train_that_is_in_the_list_twice():
    data = edited(b"", b"")
    end = data.index(b"e\x8c\x0eimagesequences")
    last = sum(op.name == "MEMOIZE" for op, _, at in pickletools.genops(data) if at < end) - 1
    twice = data[:end] + b"j" + struct.pack("<I", last) + data[end:]
    assert by_interpreter(data) is not None
    assert by_interpreter(twice) is None
    assert by_reference(twice).ids.tolist() == [*by_reference(data).ids, by_reference(data).ids[-1]]


def test_arguments_that_are_asked_for_again():
    # Picklers memoize the arguments of a call and never come back for them; the interpreter has let go of them.
    data = edited(b"", b"")
    arguments = bytes([memo_of(data, "TUPLE3")])
    again = data.replace(b"\x8c\x0eimagesequences", b"\x8c\x01xh" + arguments + b"\x8c\x0eimagesequences")
    assert by_interpreter(again) is None
    assert_same(by_reference(again), by_interpreter(data))


def test_a_text_where_no_text_can_be():
    data = files("small_p2_neo012")[0].read_bytes()
    assert by_interpreter(b"X\x01\x00\x00\x00a" + data) is None
    assert by_interpreter(data[2:]) is None
    assert_same(by_reference(data[2:]), by_interpreter(data))


def test_opcodes_that_neo_has_no_use_for():
    data = edited(b"", b"")
    for opcodes in (b"N0", b"I01\n0", b"(1", b"(l0"):
        other = data.replace(b"\x8c\x0eimagesequences", opcodes + b"\x8c\x0eimagesequences")
        assert by_interpreter(other) is None
        assert_same(by_reference(other), by_interpreter(data))


def test_memo_indices_that_are_not_a_picklers():
    data = files("small_p2_neo012")[0].read_bytes()
    other = data.replace(b"q\x05", b"q\xfe", 1)
    assert by_interpreter(other) is None
