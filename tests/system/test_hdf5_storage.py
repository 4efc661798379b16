"""How data sets lie in a file is what h5py says of them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from spikebin.system.hdf5 import open_hdf5
from spikebin.system.hdf5_storage import DEFLATE, SHUFFLE, storage_of, unpacks_within


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("storage") / "a.h5"
    with h5py.File(path, "w") as file:
        file["plain"] = np.arange(10.0)
        made = file.create_dataset("chunked", (10, 4), "u2", chunks=(4, 4), compression="gzip", shuffle=True)
        made[:4] = 7
        file["scalar"] = 3
        file["text"] = "abc"
        file.create_dataset("raw", (4,), "f8", external=[("raw.bin", 0, 32)])
        layout = h5py.VirtualLayout((10,), "f8")
        layout[:] = h5py.VirtualSource(path.name, "plain", (10,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("lists", (1,), h5py.vlen_dtype("f8"))
    return path


def stored(path, name):
    with open_hdf5(path) as file:
        return storage_of(file, f"/{name}")


def test_a_plain_array(path):
    found = stored(path, "plain")
    assert (found.layout, found.kind, found.itemsize, found.shape) == ("contiguous", "float", 8, (10,))
    assert (found.n_stored, found.chunk, found.filters) == (80, (), ())


def test_chunks_that_are_there_are_counted(path):
    found = stored(path, "chunked")
    assert (found.layout, found.kind, found.chunk, found.n_chunks) == ("chunked", "integer", (4, 4), 1)
    assert [(number, available) for number, _, available in found.filters] == [(SHUFFLE, True), (DEFLATE, True)]
    with h5py.File(path) as file:
        assert found.n_stored == file["chunked"].id.get_storage_size()
    with open_hdf5(path) as file:
        assert unpacks_within(file, "/chunked", 4 * 4 * 2)
        assert not unpacks_within(file, "/chunked", 4 * 4 * 2 - 1)


def test_values_that_lie_elsewhere_are_told_and_not_opened(path):
    assert stored(path, "raw").external == ("raw.bin",)
    found = stored(path, "virtual")
    assert found.layout == "virtual"
    assert [(name, inside.strip("/")) for name, inside in found.virtual] == [(path.name, "plain")]


def test_other_kinds(path):
    assert stored(path, "scalar").shape == ()
    assert stored(path, "lists").kind == "vlen"
    assert stored(path, "nothing") is None
