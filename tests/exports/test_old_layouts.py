"""Files of the old pipeline: lists of neurons and ids, read and never run."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from spikebin.errors import DatasetError, RecordingError
from spikebin.exports.old_layouts import read_ids, read_index


def dumped(path, value):
    path.write_bytes(pickle.dumps(value, 2))
    return path


def test_lists_of_neurons_are_read_and_never_run(tmp_path):
    path = dumped(tmp_path / "size_10.0.pkl", {"X_ON": [3, 1], "V1_Exc_L23": np.array([7, 5, 0]), "X_OFF": []})
    index = read_index(path)
    assert {name: rows.tolist() for name, rows in index.items()} == {
        "X_ON": [3, 1],
        "V1_Exc_L23": [7, 5, 0],
        "X_OFF": [],
    }
    assert all(rows.dtype == np.int64 for rows in index.values())
    for wrong in ([1, 2], {"X_ON": [1.5]}, {"X_ON": 3}, {1: [2]}, {"X_ON": [[1]]}, {"X_ON": ["a"]}):
        with pytest.raises(DatasetError, match="is not a list of neurons"):
            read_index(dumped(tmp_path / "wrong.pkl", wrong))
    with pytest.raises(RecordingError, match="nothing was run"):
        read_index(dumped(tmp_path / "hostile.pkl", Path("/")))
    with pytest.raises(RecordingError, match="is missing"):
        read_index(tmp_path / "nowhere.pkl")


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more", b"\x93NUMPY"])
def test_damaged_ids_are_one_line(tmp_path, content):
    (tmp_path / "ids.npy").write_bytes(content)
    with pytest.raises(DatasetError, match=r"is not a \.npy file of neuron ids"):
        read_ids(tmp_path / "ids.npy")


def test_ids_beyond_int64_are_refused(tmp_path):
    np.save(tmp_path / "ids.npy", np.array([1 << 63], np.uint64))
    with pytest.raises(DatasetError, match="9223372036854775808, which is not a neuron's id"):
        read_ids(tmp_path / "ids.npy")


def test_ids_are_read_from_npy(tmp_path):
    np.save(tmp_path / "ids.npy", np.array([4, 2], np.int32))
    assert read_ids(tmp_path / "ids.npy").tolist() == [4, 2]
    np.save(tmp_path / "wrong.npy", np.array([4.5]))
    with pytest.raises(DatasetError, match="is not a list of neuron ids"):
        read_ids(tmp_path / "wrong.npy")
    with pytest.raises(DatasetError, match=r"is not a \.npy file of neuron ids"):
        read_ids(tmp_path / "nowhere.npy")
