"""The .npy files of ids: one list where repeats are alike, else a row for each repeat; both files or neither."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.errors import SpikebinError
from spikebin.matrixfile.seal import Identity
from spikebin.output.ids import image_ids, write_ids
from spikebin.output.paths import image_ids_path, neuron_ids_path

IDENTITY = Identity("V1_Exc_L2/3", "train", "50000")


def test_repeats_that_are_alike_are_one_list():
    assert image_ids([(0, "b"), (0, "a"), (1, "b"), (1, "a")]).tolist() == ["b", "a"]


def test_repeats_that_differ_are_filled_up():
    assert image_ids([(0, "b"), (0, "a"), (1, "c")]).tolist() == [["b", "a"], ["c", ""]]


def test_both_files_are_there(tmp_path):
    write_ids(tmp_path, IDENTITY, [(0, "b"), (0, "a")], np.array([3, 8], np.int32))
    images, neurons = (path(tmp_path, "train", "50000", "V1_Exc_L23") for path in (image_ids_path, neuron_ids_path))
    assert np.load(images).tolist() == ["b", "a"]
    assert np.load(neurons).dtype == np.int64
    assert np.load(neurons).tolist() == [3, 8]


def test_where_one_cannot_be_written_the_other_stays_as_it_was(tmp_path):
    write_ids(tmp_path, IDENTITY, [(0, "old")], np.array([1]))
    neurons = neuron_ids_path(tmp_path, "train", "50000", "V1_Exc_L2/3")
    neurons.unlink()
    neurons.parent.rmdir()
    neurons.parent.write_text("in the way")
    with pytest.raises(SpikebinError):
        write_ids(tmp_path, IDENTITY, [(0, "new")], np.array([1]))
    assert np.load(image_ids_path(tmp_path, "train", "50000", "V1_Exc_L2/3")).tolist() == ["old"]
