"""A view that is watched says the same as the view below it, and counts the trials that are read."""

from __future__ import annotations

import numpy as np
from drawn import images, write_part

from spikebin import open_dataset
from spikebin.dataset.watched import Watched


def test_it_reads_as_what_it_watches_and_counts(tmp_path):
    write_part(tmp_path, "X_ON", "1", images(0, 3))
    sheet = open_dataset(tmp_path, sheet="X_ON")
    read = []
    watched = Watched(sheet, lambda: read.append(1))
    assert (watched.name, watched.shape, watched.steps) == (sheet.name, sheet.shape, ())
    assert np.array_equal(watched.psth(), sheet.psth(), equal_nan=True)
    assert len(read) == 3
    chain = watched.aligned("image").select(index=[0, 2])
    assert np.array_equal(chain.rates(), sheet.aligned("image").select(index=[0, 2]).rates())
    assert len(read) == 6
    assert np.array_equal(watched[:, 1:2, 3:9], sheet[:, 1:2, 3:9])
    following = watched.window(0, 14, across=True, short="cut")
    assert np.array_equal(following[...], sheet.window(0, 14, across=True, short="cut")[...])
