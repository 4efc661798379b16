"""The walk over a pickle's opcodes, by the kernel and by its twin."""

from __future__ import annotations

import pickle
import pickletools

import naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikebin.kernels import opcodes
from spikebin.kernels.survey import survey
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
    stack, memo = np.zeros((10_000, 2), np.int32), np.zeros((10_000, 2), np.int32)
    array = np.frombuffer(data, np.uint8).copy()
    return survey(array, array.size, *unpickler._OPCODES, stack, memo, np.zeros(10_000, np.int32))[0]


@given(data=pickles)
def test_survey(data):
    # The twin knows nothing of the stack and of what picklers would not write.
    assert by_kernel(data) in {naive.survey(data), 4, 5, 6}


@given(value=written, protocol=st.integers(0, 5))
def test_what_picklers_write_is_complete(value, protocol):
    assert by_kernel(pickle.dumps(value, protocol)) == 0


def test_opcodes_by_name():
    for op in pickletools.opcodes:
        assert getattr(opcodes, op.name) == ord(op.code)
    assert not hasattr(opcodes, "MEMOISE")
