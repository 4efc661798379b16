"""Pickles as the standard library writes them: read back by it, and shared things are written once."""

from __future__ import annotations

import io
import pickle
import pickletools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.simulate.pickle_writer import Global, Made, Pickler

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
    | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)


def written(value):
    file = io.BytesIO()
    pickler = Pickler(file)
    pickler.save(value)
    pickler.close()
    return file.getvalue()


@given(VALUES)
def test_what_is_written_is_read(value):
    assert pickle.loads(written(value)) == value


@pytest.mark.parametrize("n", [0, 1, 2, 1000, 1001, 2500])
def test_batches_are_those_of_the_standard_library(n):
    data = written(list(range(n)))
    names = [op.name for op, _, _ in pickletools.genops(data) if op.name in {"APPEND", "APPENDS"}]
    expected = [op.name for op, _, _ in pickletools.genops(pickle.dumps(list(range(n)), 4)) if "APPEND" in op.name]
    assert names == expected


def test_shared_things_are_written_once():
    shared = [1, 2]
    found = pickle.loads(written([shared, shared, "text" * 10, "text" * 10]))
    assert found[0] is found[1]
    assert written(["text" * 10] * 5).count(b"text" * 10) == 1


def test_objects_are_made_by_their_call_and_given_their_state():
    made = Made(Global("collections", "OrderedDict"), (), items={"a": 1})
    assert pickle.loads(written(made)) == {"a": 1}
    made = Made(Global("types", "SimpleNamespace"), (), state={"x": 2})
    assert pickle.loads(written([made, made]))[1].x == 2
