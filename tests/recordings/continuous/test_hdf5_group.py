"""Groups of other people's HDF5 files: what is there is read, what is missing or unfit is None or one line."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.hdf5_group import chunks_at_once, is_hdf5, opened


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("group") / "a.h5"
    with h5py.File(path, "w", userblock_size=1024) as file:
        file.create_dataset("units/times", data=np.arange(10.0), chunks=(3,))
        file["units/times"].attrs["units"] = "ms"
        file.create_dataset("units/who", data=np.arange(10, dtype=np.uint16))
        file.create_dataset("units/pairs", data=np.arange(6).reshape(3, 2))
        file["note"] = np.bytes_("a text")
        file["units"].attrs["sorting"] = "by_id"
        file["loop"] = h5py.SoftLink("/loop")
        file["there"] = h5py.SoftLink("/units")
    return path


def test_arrays_are_read_slice_by_slice(path):
    assert is_hdf5(path)
    with opened(path) as root:
        group = root.group("units")
        assert group.where.endswith("/units")
        assert sorted(group.arrays) == ["pairs", "times", "who"]
        assert group.read("times", 2, 5).tolist() == [2, 3, 4]
        assert (group.length("times"), group.chunk("times"), group.dtype("who")) == (10, 3, np.uint16)
        assert group.read_pairs("pairs").tolist() == [[0, 1], [2, 3], [4, 5]]
        assert group.attribute("units", "times") == "ms"
        assert group.attribute("sorting") == "by_id"
        assert root.text("note") == "a text"
        assert root.group("there").read("who").tolist() == list(range(10))


def test_what_is_not_there_is_none_or_named(path):
    with opened(path) as root:
        assert root.group("nothing") is None
        assert not root.has("nothing")
        assert root.attribute("nothing") is None
        with pytest.raises(RecordingError, match="nothing"):
            root.read("nothing")
        with pytest.raises(RecordingError, match="pairs"):
            root.group("units").length("pairs")
        with pytest.raises(RecordingError, match="loop"):
            root.group("loop")


def test_what_is_not_hdf5_is_one_line(tmp_path):
    (tmp_path / "a.h5").write_text("no")
    assert not is_hdf5(tmp_path / "a.h5")
    assert not is_hdf5(tmp_path)
    with pytest.raises(RecordingError, match="is not an HDF5 file"), opened(tmp_path / "a.h5"):
        pass


@pytest.mark.parametrize(("chunk", "n"), [(1, 16), (10**6, 16), (20 * 10**6, 40), (10**9, 64)])
def test_as_many_slices_at_once_as_two_chunks_hold(chunk, n):
    assert chunks_at_once(chunk, 10**6) == n
