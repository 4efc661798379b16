"""What bytes spell, by the kernels and by their twins."""

from __future__ import annotations

import codecs
import struct
import warnings
from contextlib import suppress

import naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikebin.kernels import spellings
from spikebin.pickles.meanings import WORDS
from spikebin.recordings.mozaik import interpreter


def as_array(data):
    return np.frombuffer(data, np.uint8).copy()


@given(data=st.binary(min_size=8, max_size=8), n=st.integers(0, 8))
def test_little_endian(data, n):
    assert spellings.little_endian(as_array(data), 0, n) == naive.little_endian(data, n)


@given(data=st.binary(max_size=7))
def test_signed(data):
    number = int.from_bytes(data, "little")
    assert spellings.signed(number, len(data)) == naive.signed(number, len(data))


@given(data=st.lists(st.sampled_from([b"\n", b"a", b"\xff", b"\r"]), max_size=9).map(b"".join), at=st.integers(0, 10))
def test_end_of_line(data, at):
    at = min(at, len(data))
    assert spellings.end_of_line(as_array(data), at) == naive.end_of_line(data, at)


@given(data=st.text("0123456789+- _.\u0663", max_size=12).map(str.encode))
def test_decimal(data):
    assert spellings.decimal(as_array(b"1" + data + b"1"), 1, 1 + len(data)) == naive.decimal(data)


@given(parts=st.lists(st.sampled_from([b"\\", b"n", b"q", b"x41", b"'", b"3", b"4", b"7", b"8", b" "]), max_size=8))
def test_odd_escape(parts):
    data = b"".join(parts)
    found = spellings.odd_escape(as_array(b"\\" + data + b"0"), 1, 1 + len(data))
    expected = naive.odd_escape(data)
    assert found == (expected + 1 if expected >= 0 else -1)
    with warnings.catch_warnings(record=True) as caught, suppress(ValueError):
        warnings.simplefilter("always")
        codecs.escape_decode(data)
    assert expected >= 0 or not caught


@given(data=st.binary(max_size=40))
def test_latin1_length(data):
    array = as_array(b"x" + data + b"x")
    assert spellings.latin1_length(array, 1, 1 + len(data)) == naive.latin1_length(data)


@given(text=st.text(st.characters(max_codepoint=0xFF), max_size=40))
def test_latin1_length_of_latin1(text):
    data = text.encode()
    assert spellings.latin1_length(as_array(data), 0, len(data)) == len(text)


@given(
    data=st.one_of(st.binary(max_size=12), st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
def test_is_utf8(data):
    assert spellings.is_utf8(as_array(data), 0, len(data)) == naive.is_utf8(data)


SPELT = [*WORDS, "neo.core.segment", "Segment", "__builtin__"]


@given(text=st.one_of(st.sampled_from(SPELT), st.sampled_from(SPELT).map(lambda text: text[:-1]), st.text(max_size=70)))
def test_word_at(text):
    data = b"\x8c" + text.encode()
    number = spellings.word_at(as_array(data), 1, len(data), interpreter._TABLES.words)
    assert (number > 0) == (text in SPELT) or number >= 20
    assert (0 < number < 20) == (text in WORDS)


SPELLINGS = {
    "text": [(b"\x8c", "<B"), (b"X", "<I"), (b"\x8d", "<Q")],
    "bytes": [(b"C", "<B"), (b"B", "<I"), (b"\x8e", "<Q"), (b"\x96", "<Q")],
}


@given(values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=8), before=st.binary(min_size=1, max_size=3))
def test_texts_and_bytes(values, before):
    raw = np.array(values).tobytes()
    for kind, content in (("bytes", raw), ("text", raw.decode("latin1").encode())):
        for op, width in SPELLINGS[kind]:
            data = before + op + struct.pack(width, len(content)) + content
            array, at = as_array(data), len(before)
            assert naive.text_or_bytes(data, at) == (content, kind == "text")
            assert spellings.is_text(array, at) == (kind == "text")
            start, stop = spellings.extent(array, at)
            assert data[start:stop] == content
            bits = []
            for _ in values:
                number, start = spellings.eight_bytes(array, start, kind == "text")
                bits.append(number)
            assert start == len(data)
            assert np.array(bits, np.int64).tobytes() == raw
            assert spellings.first_bits(array, at) == bits[0]
    assert spellings.extent(as_array(before), 0) == (0, 0)
