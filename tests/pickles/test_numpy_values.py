"""Arrays and numbers on a pickle's own bytes: what numpy wrote comes back, what it cannot have written is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from spikebin.pickles.inert import ARRAY, DTYPE, SCALAR, STUBS, Refused
from spikebin.pickles.numpy_values import array_of, scalar_of, settle
from spikebin.pickles.unpickler import unpickle


def dtype_of(text, order="<"):
    dtype = STUBS[DTYPE](text, False, True)
    dtype.__setstate__((3, order, None, None, None, -1, -1, 0))
    return dtype


def array(shape, dtype, raw, fortran=False):
    made = STUBS[ARRAY]()
    made.__setstate__((1, shape, dtype, fortran, raw))
    return made


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("fortran", [False, True])
def test_an_array_lies_on_the_bytes_of_the_pickle(order, fortran):
    wanted = np.arange(6.0).reshape(2, 3)
    raw = wanted.astype(f"{order}f8").tobytes("F" if fortran else "C")
    found = array_of(array((2, 3), dtype_of("f8", order), raw, fortran))
    assert found.tolist() == wanted.tolist()
    assert found.dtype.isnative
    if order == "<":
        assert not found.flags.writeable


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (array((2, 3), dtype_of("f8"), bytes(40)), r"shape \(2, 3\) and 40 bytes"),
        (array((1 << 62, 8), dtype_of("f8"), bytes(8)), "shape"),
        (array((-1,), dtype_of("f8"), bytes(8)), "a few small numbers"),
        (array(tuple([1] * 33), dtype_of("f8"), bytes(8)), "a few small numbers"),
        (array((1,), dtype_of("O8"), bytes(8)), "neither a number nor text"),
        (array((1,), "f8", bytes(8)), "neither a number nor text"),
        (array((1,), dtype_of("U1"), b"\xff" * 4), "text that is not text"),
        (array([1], dtype_of("f8"), bytes(8)), "numpy did not write"),
        ("no array", "numpy did not write"),
    ],
)
def test_what_numpy_cannot_have_written_is_refused(made, words):
    with pytest.raises(Refused, match=words):
        array_of(made)


def test_a_number_has_the_bytes_of_its_type():
    assert scalar_of(STUBS[SCALAR](dtype_of("i8"), (7).to_bytes(8, "little"))) == 7
    assert scalar_of(STUBS[SCALAR](dtype_of("b1"), b"\x02")) is True
    with pytest.raises(Refused, match="a number of type int64 and 4 bytes"):
        scalar_of(STUBS[SCALAR](dtype_of("i8"), bytes(4)))


def test_all_arrays_together_hold_no_more_than_the_pickle():
    one = array((4,), dtype_of("f8"), bytes(32))
    two = array((4,), dtype_of("f8"), bytes(32))
    assert settle([one, one], 32)[1].tolist() == [0.0] * 4
    with pytest.raises(Refused, match="more numbers than it holds"):
        settle({"a": [one], "b": (two,)}, 63)


def test_nesting_without_end_is_refused():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Refused, match="nested too deeply"):
        settle(deep, 10)


def test_what_a_pickler_writes_is_settled_in_place():
    data = pickle.dumps({"a": np.arange(3), "b": [np.float64(2.5)]}, protocol=4)
    found = settle(unpickle(np.frombuffer(data, np.uint8).copy()), len(data))
    assert found["a"].tolist() == [0, 1, 2]
    assert found["b"] == [2.5]
