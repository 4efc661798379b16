"""The walk over a pickle's opcodes, by the kernel and by its twin."""

from __future__ import annotations

import pickle
import pickletools
from contextlib import suppress

import naive
import numpy as np
from conftest import JIT
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin.kernels.survey import COMPLETE, NOT_A_KEY, survey
from spikebin.pickles import unpickler

# Every opcode with something that may follow it, right or not, and what picklers write.
LIKELY = [op.code.encode("latin1") for op in pickletools.opcodes]
ARGUMENTS = [b"", b"\x01", b"\x01\x00\x00\x00", b"\x02" + bytes(7), b"\xff" * 8, b"ab\n", b"7\n", b"m\nn\n"]
written = st.one_of(st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.tuples(st.text(), st.none())))
pickles = st.one_of(
    st.lists(st.tuples(st.sampled_from(LIKELY), st.sampled_from(ARGUMENTS)).map(b"".join), max_size=30).map(b"".join),
    st.tuples(written, st.integers(0, 5)).map(lambda both: pickle.dumps(*both)),
    st.binary(max_size=60),
)


def by_kernel(data):
    array = np.frombuffer(data, np.uint8).copy()
    work = (np.empty(10_000, np.int32) for _ in range(3))
    return survey(array, array.size, *unpickler._OPCODES, 1 << 30, *work)[0]


@given(data=pickles)
def test_survey(data):
    # The twin knows nothing of the stack and of what picklers would not write.
    assert by_kernel(data) in {naive.survey(data), 4, 5, 6}


@given(value=written, protocol=st.integers(0, 5))
def test_what_picklers_write_is_complete(value, protocol):
    assert by_kernel(pickle.dumps(value, protocol)) == 0


HUGE = b"\x8a\x09" + b"\x7f" * 9
MADE = [b"K\x01", b"N", b"\x8c\x01a", b"C\x01a", b")", b"]", b"}", b"}", b"\x8f", b"I7\n", b"V\n", HUGE]
# What is done with two values of the memo, and what is kept of it.
DONE = [
    b"%(i)b%(j)bNs", b"%(i)b(%(j)bN%(j)bNu", b"%(i)b(%(j)b\x90", b"(%(j)bN%(i)bNd", b"(%(i)b%(j)b\x91", b"%(j)b\x85",
    b"%(i)b%(j)b\x86", b"%(i)b2%(j)bNs0", b"%(i)b%(j)ba", b"%(j)b(0", b"%(i)bN(%(j)b10", b"(%(j)bNd(%(j)bNu",
]  # fmt: skip


@st.composite
def programs(draw):
    """Pickles that put all kinds of values into dicts and sets, by way of the stack, marks and the memo."""
    data, n = b"}\x94", 1
    for _ in range(draw(st.integers(2, 8))):
        i, j = (b"h" + bytes([draw(st.integers(0, n - 1))]) for _ in "ij")
        data += draw(st.sampled_from(MADE)) if draw(st.booleans()) else draw(st.sampled_from(DONE)) % {b"i": i, b"j": j}
        put = draw(st.sampled_from([b"\x94", b"\x94", b"q%c" % n, b"r%c\0\0\0" % n, b"p%d\n" % n, b"again"]))
        data += b"q" + bytes([draw(st.integers(0, n - 1))]) if put == b"again" else put
        n += put != b"again"
    return b"(" + data + b"t."


def keys_in(value, seen):
    """Every key of every dict, and every member of every set, in a value of plain Python."""
    if id(value) in seen or not isinstance(value, dict | set | frozenset | list | tuple):
        return
    seen[id(value)] = value
    if isinstance(value, dict | set | frozenset):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value:
        yield from keys_in(inner, seen)


@given(data=programs())
@settings(max_examples=1000 if JIT else 100)
def test_no_other_key_gets_by(data):
    # Plain opcodes name no code; what cannot be a key is a TypeError.
    with suppress(pickle.UnpicklingError, AttributeError, IndexError, TypeError):
        for key in keys_in(pickle.loads(data), {}):
            plain = key is None or type(key) in {bool, int, float, str, bytes}
            if not plain or (type(key) is int and abs(key) >= 2**63):
                assert by_kernel(data) == NOT_A_KEY
            else:
                assert by_kernel(data) in {COMPLETE, NOT_A_KEY}
