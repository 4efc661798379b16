"""What a caller gives a view: any kind of whole number works as a Python integer does, all else is one clear line."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import images, write_part
from hypothesis import given
from hypothesis import strategies as st

from spikebin import open_dataset
from spikebin.dataset.arguments import rows_of_ids, taken_of, whole_number
from spikebin.errors import DatasetError, OutOfRangeError, SpikebinError

IDS = (3, 4, 8, 9, 100, 2**62)
INTEGERS = (int, float, np.float64, np.float32, np.int8, np.uint8, np.int16, np.uint16, np.int64, np.uint64, np.array)


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    root = tmp_path_factory.mktemp("arguments")
    write_part(root, "X_ON", "1", images(0, 30, blank=100, length=300), ids=IDS, values="count")
    return open_dataset(root, sheet="X_ON")


@pytest.mark.parametrize("kind", INTEGERS)
def test_every_kind_of_whole_number_is_the_same_number(view, kind):
    wanted = view.to_numpy().astype(np.int64)
    coarse = view.rebin(kind(20), how="count", rest="drop")
    assert coarse.largest == 20 * 255
    assert coarse.dtype == np.uint16
    assert np.array_equal(coarse[...], wanted.reshape(30, 6, 20, 20).sum(axis=-1))
    assert np.array_equal(coarse.flat_events(kind(7))[1], coarse[7][coarse[7] > 0])
    again = coarse.rebin(kind(20), how="count", rest="refuse")
    assert np.array_equal(again[:, :, 0], wanted.sum(axis=-1))
    assert np.array_equal(view.window(kind(0), kind(100))[...], view[:, :, 100:200])
    assert np.array_equal(view.trial(kind(29)), view[29])
    assert view.stimulus(kind(3)) == "stimulus of 3"
    assert len(list(view.batches(kind(7)))) == 5
    assert view.select(ids=kind(8)).neurons["neuron_id"].tolist() == [8]


def test_a_type_grows_with_what_it_must_hold(view):
    """Sums of sums of sums are never cut off, and never an object."""
    huge = view.rebin(10**18, how="count", rest="keep").rebin(np.int64(2**62), how="count", rest="keep")
    assert huge.dtype == np.uint64
    assert np.array_equal(huge[:, :, 0], view.counts())


@given(st.integers(-(2**70), 2**70))
def test_whole_numbers_of_any_size(number):
    assert whole_number(number, "x") == number
    if abs(number) < 2**52:
        assert whole_number(np.float64(number), "x") == number
        with pytest.raises(DatasetError, match="^x .*: give a whole number of bins$"):
            whole_number(number + 0.5, "x", unit="bins")


@pytest.mark.parametrize("wrong", [1.5, "2", None, True, np.bool_(True), np.nan, np.inf, [2], (), b"2", 1 + 0j])
def test_what_is_not_a_whole_number_is_told(view, wrong):
    for ask in (
        lambda: view.window(0, wrong),
        lambda: view.window(wrong, 10),
        lambda: view.rebin(wrong, how="any", rest="keep"),
        lambda: view.batches(wrong),
        lambda: view.trial(wrong),
        lambda: view.events(wrong),
        lambda: view.stimulus(wrong),
    ):
        with pytest.raises(SpikebinError, match="give a whole number"):
            ask()


def test_rows_that_wrap_around_are_out_of_bounds(view):
    """numpy takes uint64 2**64 - 1 for -1, and an id beside it for a float."""
    beyond = np.array([2**64 - 1], np.uint64)
    for ask in (
        lambda: view.take(beyond),
        lambda: view.select(index=beyond),
        lambda: view[beyond],
        lambda: view[0, beyond],
        lambda: view.take(30),
        lambda: view.trial(-31),
    ):
        with pytest.raises(OutOfRangeError):
            ask()
    with pytest.raises(DatasetError, match="1 of 1 neuron ids are not in train/X_ON: 18446744073709551615"):
        view.select(ids=beyond)
    assert view.take(np.uint8(29)).shape[0] == view.take(-1).shape[0] == 1
    assert np.array_equal(view.take(np.uint8(29))[0], view[29])


def test_ids_are_compared_as_they_are():
    known = np.array([5, 2**53, 2**53 + 1, 2**62], np.int64)
    for kind in (np.int64, np.uint64):
        assert rows_of_ids(known, np.array([2**53 + 1, 2**62, 5], kind), "x").tolist() == [2, 3, 0]
    assert rows_of_ids(known, [5.0], "x").tolist() == [0]
    assert rows_of_ids(known, 5, "x").tolist() == [0]
    for wrong in ([5.5], [np.nan], ["5"], {5}):
        with pytest.raises(DatasetError, match="whole numbers"):
            rows_of_ids(known, wrong, "x")
    with pytest.raises(DatasetError, match="1 of 2 neuron ids are not in x: 6"):
        rows_of_ids(known, [6, 5], "x")


def test_what_numpy_takes_is_taken():
    for index in ([3, -1], [True, False, False, True], slice(None, None, -2), np.array([], float), np.uint8(3)):
        array = np.asarray(index) if not isinstance(index, slice) else index
        wanted = [] if np.size(array) == 0 else np.atleast_1d(np.arange(4)[array]).tolist()
        assert taken_of(4, index, "rows").tolist() == wanted
    for wrong in ([4], ["a"], [1.5], [True], np.array([300], np.uint16)):
        with pytest.raises(OutOfRangeError, match="4 rows"):
            taken_of(4, wrong, "rows")


def test_a_window_beyond_any_recording_is_refused(view):
    for window in ((0, 2**70), (-(2**70), 0), (0, np.uint64(2**63))):
        with pytest.raises(DatasetError, match="give bins that a recording can have"):
            view.window(*window)


def test_one_truth_is_neither_a_row_nor_a_mask(view):
    for one in (True, np.False_):
        with pytest.raises(OutOfRangeError, match="cannot be indexed by (True|False): give rows of them, or a mask"):
            view.take(one)
        with pytest.raises(OutOfRangeError, match="cannot be indexed by (True|False): give rows of them, or a mask"):
            view.select(index=one)


def test_a_grouping_by_nothing_is_told(view):
    for nothing in ([], ()):
        with pytest.raises(DatasetError, match="no column to group the trials"):
            view.groupby(nothing)
