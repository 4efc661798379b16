"""What callers hand to the calls for arrays: taken in the form that kernels need, or refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.binning.arguments import as_array, as_dtype, as_indices, as_number, as_size, matrix_to_fill
from spikebin.errors import BinningError


@pytest.mark.parametrize("number", [3, 3.0, np.float32(3), np.int8(3)])
def test_a_number_is_a_float(number):
    assert as_number(number, "width") == 3.0
    assert type(as_number(number, "width")) is float


@pytest.mark.parametrize("wrong", ["3", None, True, [3], np.timedelta64(3, "s"), 10**400])
def test_what_is_not_a_number_is_refused(wrong):
    with pytest.raises(BinningError, match="width is .*: give a number"):
        as_number(wrong, "width")


@pytest.mark.parametrize("wrong", [-1, True, 1.0, "1", None])
def test_a_size_is_0_or_more(wrong):
    assert as_size(np.uint64(2), "n_trials") == 2
    with pytest.raises(BinningError, match="n_trials is .*: give a whole number, 0 or more"):
        as_size(wrong, "n_trials")


@pytest.mark.parametrize("wrong", [float, "M8[s]", ">i4", object, "spikes"])
def test_a_dtype_marks_or_counts(wrong):
    assert (as_dtype(bool), as_dtype("u1")) == (np.dtype(bool), np.dtype(np.uint8))
    with pytest.raises(BinningError, match="give bool or an integer dtype"):
        as_dtype(wrong)


def test_indices_are_not_copied_without_need():
    ready = np.arange(4)
    assert as_indices(ready, "neurons", 4, 4) is ready
    assert as_indices([0, 3], "neurons", 4, 2).dtype == np.int64
    assert as_indices([], "neurons", 0, 0).size == 0


def test_indices_out_of_range_say_the_range():
    with pytest.raises(BinningError, match="neurons runs from 0 to 4, there are 4: give 0 to 3"):
        as_indices([0, 4], "neurons", 4, 2)
    with pytest.raises(BinningError, match="there are 0: give none"):
        as_indices([0], "neurons", 0, 1)
    with pytest.raises(BinningError, match="one integer for each of 3 spikes"):
        as_indices([0, 1], "neurons", 4, 3)


def test_a_matrix_is_made_or_the_one_given_is_checked():
    assert not matrix_to_fill(None, (1, 2, 3), bool).any()
    out = np.ones((1, 2, 3), np.uint8)
    assert matrix_to_fill(out, (1, 2, 3), bool) is out
    out.flags.writeable = False
    with pytest.raises(BinningError, match="writeable"):
        matrix_to_fill(out, (1, 2, 3), bool)
    with pytest.raises(BinningError, match="more memory than this machine has: choose wider bins"):
        matrix_to_fill(None, (1 << 20, 1 << 20, 1 << 20), bool)


def test_arrays_that_hide_or_lack_values_are_refused():
    with pytest.raises(BinningError, match=r"times is masked: give .* times\.compressed\(\)"):
        as_array(np.ma.masked_less([1.0, 2.0], 1.5), "times")
    with pytest.raises(BinningError, match="times is ragged"):
        as_array([[1.0], [1.0, 2.0]], "times")
