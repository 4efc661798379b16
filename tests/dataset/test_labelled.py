"""Arrays whose axes have names and values."""

from __future__ import annotations

import numpy as np
import pytest


def test_a_labelled_array(viewed):
    pytest.importorskip("xarray", reason="xarray is not installed (extra xarray)")
    view = viewed[0]["X_ON"].rebin(2, how="count", rest="keep")
    labelled = view.to_xarray()
    assert labelled.dims == ("trial", "neuron", "time")
    assert labelled.attrs["views"] == "rebin(2, how='count', rest='keep')"
    chosen = labelled.sel(neuron=[8, 100], time=slice(4, 8))
    assert np.array_equal(chosen, view[:, [2, 4], 2:5])
    assert np.array_equal(labelled[labelled.part == "10"], view[3:9])
    assert labelled.image_id[0] == "90"
