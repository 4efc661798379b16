"""Rows and bins are numbers of 32 bits wherever those hold them."""

from __future__ import annotations

import numpy as np

from spikebin.matrixfile.layouts.cells import index_type


def test_the_number_of_trials_does_not_matter():
    assert index_type((2**40, 5, 712)) is np.int32
    assert index_type((1, 5, 2**31 - 1)) is np.int32
    assert index_type((1, 2**31, 712)) is np.int64
    assert index_type((1, 5, 2**31)) is np.int64
