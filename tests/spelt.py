"""Pickles spelled by hand, opcode by opcode, and what is expected of a reader that refuses one."""

from __future__ import annotations

import pytest

from spikebin.errors import RecordingError
from spikebin.pickles.unpickler import load


def text(value):
    """A text as protocol 4 spells it."""
    return b"\x8c" + bytes([len(value)]) + value.encode()


def known(name):
    """STACK_GLOBAL of a global that the unpickler knows."""
    module, _, name = name.rpartition(".")
    return text(module) + text(name) + b"\x93"


def numpy_array(shape, dtype=b"\x8c\x02f8", raw=b"C\x08" + bytes(8)):
    """An array as numpy pickles it, of any shape and type."""
    made = known("numpy.core.multiarray._reconstruct") + b"N\x85R"
    item = (
        known("numpy.dtype")
        + dtype
        + b"\x89\x88\x87R(K\x03"
        + text("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    return b"\x80\x04" + made + b"(K\x01" + shape + item + b"\x89" + raw + b"tb."


def refused(path, data, *words, reader=load):
    """Assert that a pickle is refused with one line that holds all the words; returns the line."""
    path.write_bytes(data)
    with pytest.raises(RecordingError) as caught:
        reader(path)
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    assert line.startswith(f"{path.name} of {path.parent.name} ")
    for word in words:
        assert word in line, (word, line)
    return line
