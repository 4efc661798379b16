"""Views that become matrix files of their own."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import Shown, images, write_part

from spikebin import open_dataset
from spikebin.errors import DatasetError
from spikebin.exports.materialise import materialise


def test_a_view_is_not_written_over_its_data_set(tmp_path):
    write_part(tmp_path, "X_ON", "1", images(0, 3))
    sheets = open_dataset(tmp_path)
    with pytest.raises(DatasetError, match="is the data set itself"):
        list(materialise(sheets, tmp_path, lambda view: view))
    with pytest.raises(DatasetError, match="is a view, and this goes part by part"):
        list(materialise(sheets.take([0]), tmp_path / "other", lambda view: view))
    assert open_dataset(tmp_path)["X_ON"].shape == (3, 6, 17)


def test_what_a_count_cannot_hold_is_counted(tmp_path):
    write_part(tmp_path, "X_ON", "1", [Shown("a", blank=300, length=300)])
    sheets = open_dataset(tmp_path)
    full = sheets["X_ON"][...].copy()
    (written,) = materialise(sheets, tmp_path / "out", lambda view: view.rebin(600, how="count", rest="drop"))
    assert written.header.n_spikes == full.sum()
    assert written.header.n_collisions == np.maximum(full.sum(axis=2) - 255, 0).sum()
    assert written.header.binning.values == "count"
