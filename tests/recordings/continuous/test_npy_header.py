"""Headers of numpy's arrays: what numpy writes is read; what they claim beyond their bytes is refused."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.npy_header import check_holes, open_member, read_array_header


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@given(
    shape=st.lists(st.integers(0, 5), max_size=3),
    kind=st.sampled_from(["f8", ">i2", "U3", "?"]),
    order=st.sampled_from("CF"),
)
def test_what_numpy_writes_is_read(shape, kind, order):
    array = np.zeros(shape, kind, order=order)
    data = saved(array)
    found = read_array_header(io.BytesIO(data), len(data), "x")
    assert (found.shape, found.dtype, found.size) == (array.shape, array.dtype, array.size)
    assert len(data) - found.offset == array.nbytes


@pytest.mark.parametrize("cut", [0, 5, 9, 40])
def test_a_header_that_is_cut_is_one_line(cut):
    data = saved(np.arange(3))[:cut]
    with pytest.raises(RecordingError, match=r"^x ") as caught:
        read_array_header(io.BytesIO(data), len(data), "x")
    assert "\n" not in str(caught.value)


def test_values_that_are_not_there_are_counted():
    data = saved(np.arange(3))[:-1]
    with pytest.raises(RecordingError, match=r"shape \(3,\) of int64, but there are 23 bytes"):
        read_array_header(io.BytesIO(data), len(data), "x")


def test_a_file_of_holes_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(saved(np.arange(3)))
    check_holes(path)
    with path.open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(RecordingError, match="nearly all of it was never written"):
        check_holes(path)


def test_a_member_of_an_archive_is_read_from_its_start_to_its_end(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.arange(5.0), square=np.ones((2, 3)))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        with open_member(archive, "a", "x") as member:
            assert member.like().shape == (5,)
            assert [member.take(2).tolist(), member.take(3).tolist()] == [[0, 1], [2, 3, 4]]
            with pytest.raises(RecordingError, match="ends before its arrays do"):
                member.take(1)
        with pytest.raises(RecordingError, match=r"square has shape \(2, 3\)"):
            open_member(archive, "square", "x")
