"""Flat arrays stay on disk and are what numpy reads; ids of any type are whole numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.flat_arrays import (
    ArraySource,
    OnDisk,
    as_labels,
    length_of,
    mapped_array,
    npz_array,
    npz_members,
    whole_ids,
)
from spikebin.recordings.continuous.units import make_clock


@given(shape=st.lists(st.integers(0, 4), max_size=3), kind=st.sampled_from(["f8", "f2", "i4", "u1", "S3", "c8"]))
def test_a_mapped_array_is_what_numpy_reads(tmp_path_factory, shape, kind):
    path = tmp_path_factory.mktemp("mapped") / "a.npy"
    values = np.zeros(shape, kind)
    np.save(path, values)
    found = mapped_array(path)
    assert found.shape == values.shape
    assert found.dtype == values.dtype
    assert found.tobytes() == values.tobytes()
    if values.ndim == 1:
        assert OnDisk(path)[1:3].tolist() == values[1:3].tolist()


@given(values=st.lists(st.integers(-2000, 2000)), kind=st.sampled_from(["f2", "f4", "f8", "i2", "u8"]))
def test_ids_of_any_type_are_whole_numbers_or_refused(values, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ids = np.abs(values).astype(kind) if kind == "u8" else np.array(values).astype(kind)
        assert whole_ids(ids, "here").tolist() == ids.astype(float).astype(int).tolist()
        for bad in (np.inf, -np.inf, np.nan, 0.5):
            if ids.dtype.kind == "f":
                with pytest.raises(RecordingError, match="whole number"):
                    whole_ids(np.append(ids, np.asarray(bad, kind)), "here")


def test_a_column_of_a_table_is_read_slice_by_slice(tmp_path):
    for order in "CF":
        whole = np.asarray(np.arange(12.0).reshape(6, 2), order=order)
        np.save(tmp_path / f"{order}.npy", whole)
        assert OnDisk(tmp_path / f"{order}.npy", 1)[2:4].tolist() == whole[2:4, 1].tolist()
    records = np.array([(1.5, 3), (2.5, 4)], [("t", "f8"), ("who", "i4")])
    np.save(tmp_path / "records.npy", records)
    assert OnDisk(tmp_path / "records.npy", "who")[:].tolist() == [3, 4]


def test_a_file_that_becomes_shorter_is_noticed(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(100))
    array = OnDisk(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-8])
    assert array[:99].size == 99
    with pytest.raises(RecordingError, match="has become shorter while it was read"):
        array[:]


def test_times_and_ids_go_together():
    clock = make_clock("s", None, "x")
    source = ArraySource(np.array([0.5, 1.0]), np.array([3, 4], "u1"), clock, "x")
    times, ids = source.read(0, 2)
    assert (times.tolist(), ids.tolist(), ids.dtype) == ([500, 1000], [3, 4], np.int64)
    for wrong, words in (
        ((np.ones(2), np.ones(3, int)), "2 times and 3 neurons"),
        ((np.ones((2, 2)), np.ones(2, int)), "two flat arrays"),
        ((np.array(["a"]), np.ones(1, int)), "two flat arrays"),
    ):
        with pytest.raises(RecordingError, match=words):
            ArraySource(*wrong, clock, "x")


def test_members_of_an_archive(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, flat=np.arange(5), one=np.array(7), text=np.array(["a", "b"]), square=np.ones((2, 2)))
    assert sorted(npz_members(path)) == ["flat", "one", "square", "text"]
    assert npz_array(path, "flat").tolist() == [0, 1, 2, 3, 4]
    assert npz_array(path, "one").tolist() == [7]
    assert (length_of(path, "text"), length_of(path, "square")) == (2, None)
    with pytest.raises(RecordingError, match="has no array 'none'"):
        npz_array(path, "none")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RecordingError, match="is not a complete .npz file"):
        npz_members(path)


def test_labels_are_texts_whatever_their_type():
    for column in (np.array([1, 2]), np.array([1.0, 2.0]), np.array(["1", "2"])):
        assert as_labels(column, "x").tolist() == ["1", "2"]
