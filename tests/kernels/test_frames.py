"""Frames of zstd that are cut after their first plane: what is kept is as it was, and nothing else is touched."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.kernels.frames import OTHERWISE, RLE, cut_planes, number_at

MAGIC, DESCRIPTOR, SIZE, WIDTH = 0xFD2FB528, 0xA0, 40, 5
RAW = 0


def block(kind, size, content, *, last=False):
    return (size << 3 | kind << 1 | last).to_bytes(3, "little") + content


def frame(plane, zeros=(SIZE - WIDTH,), size=SIZE):
    """A plane as it is, and then zeros in blocks of their own."""
    blocks = [block(RAW, len(plane), plane)]
    blocks += [block(RLE, n, b"\0", last=i == len(zeros) - 1) for i, n in enumerate(zeros)]
    return struct.pack("<IBI", MAGIC, DESCRIPTOR, size) + b"".join(blocks)


def chunk(frames, first=4):
    """Where each block begins; then its length, and the frame."""
    data, places = b"", []
    for one in frames:
        places.append(first + 4 * len(frames) + len(data))
        data += struct.pack("<I", len(one)) + one
    return b"HEAD"[:first] + struct.pack(f"<{len(places)}I", *places) + data


def cut(data, n_blocks):
    array, out = np.frombuffer(data, np.uint8).copy(), np.zeros(len(data), np.uint8)
    end = cut_planes(array, 4, n_blocks, MAGIC, DESCRIPTOR, SIZE, WIDTH, out)
    return None if end == OTHERWISE else out[:end].tobytes()


@given(st.lists(st.binary(min_size=WIDTH, max_size=WIDTH) | st.none(), min_size=1, max_size=4), st.booleans())
def test_what_is_kept_is_the_first_plane(planes, in_two):
    zeros = (20, SIZE - WIDTH - 20) if in_two else (SIZE - WIDTH,)
    found = cut(chunk([b"" if plane is None else frame(plane, zeros) for plane in planes]), len(planes))
    short = [
        b"" if plane is None
        else struct.pack("<IBI", MAGIC, DESCRIPTOR, WIDTH) + block(RAW, WIDTH, plane, last=True)
        for plane in planes
    ]  # fmt: skip
    assert found[4:] == chunk(short)[4:]


@pytest.mark.parametrize(
    "odd",
    [
        frame(b"abcde", (SIZE - WIDTH - 1,)),
        frame(b"abcde", size=SIZE + 1),
        frame(b"abcde")[:-1],
        frame(b"abcde") + b"\0",
        b"\0" + frame(b"abcde")[1:],
        struct.pack("<IBI", MAGIC, DESCRIPTOR, SIZE) + block(RAW, SIZE, bytes(SIZE), last=True),
    ],
)
def test_frames_of_another_kind_are_left_alone(odd):
    assert cut(chunk([frame(b"abcde"), odd]), 2) is None


@given(st.binary(max_size=60), st.integers(1, 5))
def test_any_bytes_are_cut_or_left_alone(data, n_blocks):
    found = cut(data, n_blocks)
    assert found is None or len(found) <= len(data)


@given(st.binary(min_size=9, max_size=12), st.integers(0, 3), st.integers(1, 4))
def test_numbers(data, at, n):
    assert number_at(np.frombuffer(data, np.uint8), at, n) == int.from_bytes(data[at : at + n], "little")
