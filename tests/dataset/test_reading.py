"""Trials into arrays that the caller has: what fits is filled, what does not is refused and left as it was."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import LAYOUTS, images, write_part
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_view import chains, follow

from spikebin import open_dataset
from spikebin.errors import DatasetError, OutOfRangeError

EXACT = {np.float16: 2048, np.float32: 2**24, np.float64: 2**53}


@given(
    chain=chains,
    data=st.data(),
    dtype=st.sampled_from([None, bool, np.uint8, np.int16, np.uint64, *EXACT]),
    time_first=st.booleans(),
    given_out=st.booleans(),
)
@settings(max_examples=60)
def test_trials_of_any_chain_in_any_type_and_order_of_axes(viewed, chain, data, dtype, time_first, given_out):
    sheets, slow = viewed
    view, slow = follow(sheets["X_ON"], slow, chain)
    trials = data.draw(st.lists(st.integers(-len(view), len(view) - 1), max_size=4))
    wanted = slow.array[trials].transpose(0, 2, 1) if time_first else slow.array[trials]
    kind = view.dtype if dtype is None else np.dtype(dtype)
    most = {"b": 2**64, "f": EXACT.get(dtype, 0)}.get(kind.kind) or int(np.iinfo(kind).max)
    # An array that was used before.
    out = np.full(wanted.shape, 7, kind) if given_out else None
    asked = {"dtype": dtype, "axes": "time neuron" if time_first else "neuron time", "out": out}
    if int(wanted.max(initial=0)) > most or view.largest > (np.finfo(kind).max if kind.kind == "f" else most):
        with pytest.raises(DatasetError, match="give a wider dtype|which float16 cannot hold exactly"):
            view.read(trials, **asked)
        return
    found = view.read(trials, **asked)
    assert found.dtype == kind
    assert np.array_equal(found, wanted.astype(kind))
    assert out is None or found is out


@pytest.fixture(scope="module", params=LAYOUTS)
def view(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("reading")
    for part in ("1", "2"):
        write_part(root, "X_ON", part, images(10 * int(part), 5), layout=request.param, values="count")
    return open_dataset(root, sheet="X_ON")


def test_batches_go_into_one_array(view):
    out = np.full((4, view.shape[2], view.shape[1]), 9, np.float32)
    wanted = view.to_numpy().transpose(0, 2, 1)
    seen = 0
    for batch in view.batches(4, axes="time neuron", out=out):
        assert np.shares_memory(batch, out)
        assert np.array_equal(batch, wanted[seen : seen + 4])
        seen += len(batch)
    assert seen == 10


def test_trials_are_taken_as_numpy_takes_them(view):
    whole = view.to_numpy()
    for trials in (3, [3], [-1, 0, 0], slice(2, 9, 3), np.arange(10) % 2 == 0, []):
        assert np.array_equal(view.read(trials), whole[np.atleast_1d(np.arange(10)[trials])])
    with pytest.raises(OutOfRangeError):
        view.read([10])


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ([[0]], "out is a list: give a numpy array"),
        (np.zeros((2, 6, 17), np.uint8), r"out is \(2, 6, 17\) of uint8: give one of \(1, 6, 17\) of uint8"),
        (np.zeros((1, 6, 17), np.int16), r"of int16: give one of \(1, 6, 17\) of uint8"),
        (np.zeros((1, 17, 6), np.uint8).transpose(0, 2, 1), "out is not contiguous, or read-only"),
        (np.broadcast_to(np.uint8(0), (1, 6, 17)), "out is not contiguous, or read-only"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(view, out, message):
    with pytest.raises(DatasetError, match=message):
        view.read([0], dtype=np.uint8, out=out)


def test_axes_are_checked(view):
    with pytest.raises(DatasetError, match="read axes"):
        view.read([0], axes="time")


def test_batches_of_several_sheets_go_into_an_array_for_each(tmp_path):
    for sheet, ids in (("X_ON", (1, 2)), ("V1_Exc_L2/3", (4, 7, 8))):
        write_part(tmp_path, sheet, "1", images(0, 3), ids=ids)
    sheets = open_dataset(tmp_path)
    out = {name: np.zeros((2, 17, view.shape[1]), np.float32) for name, view in sheets.items()}
    seen = 0
    for batch in sheets.batches(2, axes="time neuron", out={"X_ON": out["X_ON"], "V1_Exc_L23": out["V1_Exc_L2/3"]}):
        for name, array in batch.items():
            assert np.shares_memory(array, out[name])
            wanted = sheets[name][seen : seen + len(array)].transpose(0, 2, 1)
            assert np.array_equal(array, wanted)
        seen += 2
    assert {array.dtype.name for array in next(sheets.batches(3, dtype=np.int16)).values()} == {"int16"}
    with pytest.raises(DatasetError, match=r"no array for V1_Exc_L2/3"):
        next(sheets.batches(2, out={"X_ON": out["X_ON"]}))
