"""Every layout, codec and kind of values."""

from __future__ import annotations

import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import pytest


@pytest.fixture(params=["matrix", "events"])
def layout(request):
    return request.param


@pytest.fixture(params=["blosc2", "zlib"])
def codec(request):
    return request.param


@pytest.fixture(params=["bool", "count"])
def values(request):
    return request.param
