"""Nodes of a population: ids and places as they lie in its file, whichever of several that is."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings.sonata_nodes import nodes_of


def write(path, population, ids, x):
    with h5py.File(path, "w") as file:
        group = file.create_group(f"nodes/{population}")
        group["node_id"], group["node_type_id"] = np.array(ids), np.zeros(len(ids), int)
        group["node_group_id"], group["node_group_index"] = np.zeros(len(ids), int), np.arange(len(ids))
        group["0/x"] = np.array(x, float)
    return str(path)


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "v1.h5", "v1", [5, 2], [0.5, 0.2]), write(tmp_path / "lgn.h5", "lgn", [1], [0.1])


def found(files, population="v1"):
    table = nodes_of(population, ["v1", "lgn"], files, follow=False)
    return None if table is None else table[["neuron_id", "x"]].tolist()


def test_files_are_found_by_what_they_hold_or_are_said_to(files):
    v1, lgn = files
    assert found([(None, lgn), (None, v1)]) == [(2, 0.2), (5, 0.5)]
    assert found([("v1", v1), ("lgn", lgn)], "lgn") == [(1, 0.1)]
    assert found([("lgn", lgn)]) is None
    assert found([]) is None


def test_what_cannot_be_is_one_line(files, tmp_path):
    v1, lgn = files
    twice = write(tmp_path / "again.h5", "v1", [1, 1], [0, 0])
    for given, words in (
        ([("v2", v1)], "there is no population 'v2'"),
        ([("v1", str(tmp_path / "none.h5"))], "no file of nodes"),
        ([(None, lgn)], "has no nodes of v1, only of lgn"),
        ([(None, v1), (None, twice)], "nodes of v1 lie in v1.h5 and again.h5: say which it is"),
        ([("v1", twice)], "two nodes of v1 have one id"),
    ):
        with pytest.raises(RecordingError, match=words):
            found(given)
