"""Arrays of lists: of numbers they are read list by list, of anything else they are refused before any is."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import tables

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.hdf5_group import opened
from spikebin.recordings.continuous.ragged import Lists

LISTS = [[0.5, 1.5], [], [2.5]]


@pytest.mark.parametrize("writer", ["h5py", "tables"])
def test_lists_are_those_that_were_written(tmp_path, writer):
    path = tmp_path / "a.h5"
    if writer == "h5py":
        with h5py.File(path, "w") as file:
            made = file.create_dataset("times", (3,), h5py.vlen_dtype("f8"))
            for i, values in enumerate(LISTS):
                made[i] = values
    else:
        with tables.open_file(path, "w") as file:
            made = file.create_vlarray("/", "times", tables.Float64Atom())
            for values in LISTS:
                made.append(values)
    with opened(path) as root:
        lists = Lists(root, "times")
        assert (lists.size, lists.dtype) == (3, np.float64)
        assert [values.tolist() for values in lists.read(0, 3)] == LISTS
        assert [values.tolist() for values in lists.read(2, 3)] == LISTS[2:]


def test_lists_of_pickles_and_plain_arrays_are_refused(tmp_path):
    with tables.open_file(tmp_path / "a.h5", "w") as file:
        file.create_vlarray("/", "pickles", tables.ObjectAtom()).append({"a": 1})
        file.create_array("/", "plain", [1, 2])
    with opened(tmp_path / "a.h5") as root:
        with pytest.raises(RecordingError, match="something else than numbers"):
            Lists(root, "pickles")
        with pytest.raises(RecordingError, match="is not an array of lists"):
            Lists(root, "plain")
