"""Frames of zstd that are cut after their first plane: what is kept is as it was, and nothing else is touched."""

from __future__ import annotations

import struct

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.kernels.frames import OTHERWISE, RLE, cut_planes, number_at

MAGIC, DESCRIPTOR, SIZE, WIDTH = 0xFD2FB528, 0xA0, 40, 5
RAW, COMPRESSED = 0, 2


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


blocks = st.tuples(st.sampled_from([RAW, RLE, COMPRESSED]), st.binary(min_size=1, max_size=5))


def block_of(kind, content, size=None):
    return block(kind, len(content) if size is None else size, content[:1] if kind == RLE else content)


@st.composite
def drawn_frames(draw, size, width):
    """A frame of ours, or nearly one; empty for a block of zeros."""
    if draw(st.integers(0, 4)) == 0:
        return b""
    body = [block_of(*one) for one in draw(st.lists(blocks, max_size=3))]
    zeros = draw(st.sampled_from([size - width] * 8 + [0, size - width - 1]))
    for part in (zeros // 3, zeros - zeros // 3):
        body += [block_of(RLE, draw(st.sampled_from([b"\0"] * 9 + [b"\1"])), part)] if part else []
    if body:
        body[-1] = bytes([body[-1][0] | 1]) + body[-1][1:]
    magic = MAGIC.to_bytes(4, "little") if draw(st.integers(0, 9)) else b"\0\1\2\3"
    frame = magic + bytes([DESCRIPTOR]) + size.to_bytes(4, "little") + b"".join(body)
    return frame[: draw(st.sampled_from([len(frame)] * 9 + [len(frame) // 2]))]


@given(data=st.data(), size=st.integers(2, 400), extra=st.integers(0, 3))
def test_frames_are_cut_as_the_slow_twin_does_it(data, size, extra):
    width = data.draw(st.integers(1, size - 1))
    streams = data.draw(st.lists(drawn_frames(size, width), min_size=1, max_size=4))
    starts, at = [], 4 + 4 * len(streams)
    for stream in streams:
        starts.append(at)
        at += 4 + len(stream)
    made = b"HEAD" + b"".join(start.to_bytes(4, "little") for start in starts)
    made += b"".join(len(stream).to_bytes(4, "little") + stream for stream in streams) + bytes(extra)
    made = made[: data.draw(st.sampled_from([len(made)] * 9 + [len(made) // 2]))]
    out = np.full(len(made), 255, np.uint8)
    array = np.frombuffer(made, np.uint8)
    n = cut_planes(array, 4, len(streams), MAGIC, DESCRIPTOR, size, width, out)
    wanted = naive.cut_planes(made, 4, len(streams), MAGIC, DESCRIPTOR, size, width)
    assert n == (OTHERWISE if wanted is None else len(wanted))
    if wanted is not None:
        assert out[4:n].tobytes() == wanted[4:]
