"""Data sets that are complete are taken; those that lie elsewhere, were cut off or become far more are refused."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.hdf5_checks import check_stored, fits_in_memory, is_inside
from spikebin.system.hdf5 import open_hdf5
from spikebin.system.hdf5_storage import storage_of


def checked(path, *, follow=False):
    with open_hdf5(path) as file:
        stored = storage_of(file, "/a")
        check_stored(file, path, "/a", stored, follow=follow)
    return stored


@pytest.mark.parametrize("options", [{}, {"chunks": (4,)}, {"chunks": (4,), "compression": "gzip", "shuffle": True}])
def test_what_h5py_writes_is_taken(tmp_path, options):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=np.arange(10.0), **options)
    assert fits_in_memory(checked(tmp_path / "a.h5"))


def test_chunks_that_were_never_written(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (100,), "f8", chunks=(10,))[:10] = 1.0
    with pytest.raises(RecordingError, match=r"a\.h5:/a declares 100 values, but holds 1 of its 10 chunks"):
        checked(tmp_path / "a.h5")


def test_a_chunk_that_becomes_far_more_than_it_holds(tmp_path):
    n = 1 << 24
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (n,), "f8", chunks=(n,), compression="gzip")[:] = 0.0
    with pytest.raises(RecordingError, match="more than any recording does"):
        checked(tmp_path / "a.h5")


def test_what_lies_in_other_files_is_taken_from_the_same_directory_alone(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    for place in (tmp_path / "data", tmp_path):
        np.arange(4.0).tofile(place / "raw.bin")
    monkeypatch.chdir(tmp_path / "data")
    for name, external in (("near.h5", "raw.bin"), ("far.h5", str(tmp_path / "raw.bin"))):
        with h5py.File(name, "w") as file:
            file.create_dataset("a", (4,), "f8", external=[(external, 0, 32)])
    near, far = (tmp_path / "data" / name for name in ("near.h5", "far.h5"))
    with pytest.raises(RecordingError, match="lies in another file .*--follow-links"):
        checked(near)
    checked(near, follow=True)
    with pytest.raises(RecordingError, match=r"not a file in the directory of far\.h5"):
        checked(far, follow=True)
    assert is_inside(tmp_path / "data" / "raw.bin", tmp_path / "data")
    assert not is_inside(tmp_path / "data" / ".." / "raw.bin", tmp_path / "data")
