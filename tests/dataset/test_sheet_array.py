"""A sheet is indexed as numpy's arrays are, and read trial by trial."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin import open_dataset
from spikebin.errors import DatasetError


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        np.int64(4),
        slice(None, None, 3),
        slice(None, None, -1),
        (slice(2, 9), [1, -1]),
        (..., slice(1, None, 4)),
        (slice(None), np.array([True, False, True, False, False, True])),
        ([10, 0, 3, 3], slice(None), -1),
        ([1, 2], [3, 4], [5, 6]),
        (None, 3, None, [0, 2]),
        np.array([], int),
        (slice(5, 5), 0),
    ],
    ids=str,
)
def test_indexing_is_numpys(made, index):
    root, whole = made
    found = open_dataset(root, "train", "X_ON")[index]
    wanted = whole["X_ON"][index]
    assert found.dtype == wanted.dtype
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize("index", [11, -12, (0, 6), (0, 0, 20), (0, 0, 0, 0), ([0, 11],), "X_ON", 1.5])
def test_what_is_no_index_is_an_error(made, index):
    with pytest.raises(IndexError):
        open_dataset(made[0], "train", "X_ON")[index]


def test_iteration_by_trial_and_by_batch(made):
    root, whole = made
    dataset = open_dataset(root, "train", "X_ON")
    for found, wanted in zip(dataset, whole["X_ON"], strict=True):
        assert np.array_equal(found, wanted)
    assert [len(batch) for batch in dataset.batches(4)] == [4, 4, 3]
    assert [len(batch) for batch in dataset.batches(4, rest="drop")] == [4, 4]
    assert np.array_equal(np.concatenate(list(dataset.batches(4))), whole["X_ON"])
    assert dataset.trial(0).shape == (6, 17)
    assert np.array_equal(dataset.trial(0), whole["X_ON"][0, :, :17])
    with pytest.raises(IndexError, match="trial 11 is out of bounds"):
        dataset.trial(11)
    with pytest.raises(DatasetError, match="give 1 or more"):
        next(dataset.batches(0))
