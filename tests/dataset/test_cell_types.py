"""Types of cells: which numbers they hold exactly, and that no other type is taken."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.dataset.cell_types import MOST_CODES, cell_type
from spikebin.errors import DatasetError


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint64, np.float16, np.float32, np.float64])
def test_all_numbers_up_to_the_exact_one_are_held(dtype):
    kind = cell_type(dtype, 100)
    numbers = np.arange(101)
    assert np.array_equal(kind.codes.view(dtype), numbers)
    assert np.array_equal(kind.encode(numbers).view(dtype), numbers)
    assert (np.diff(kind.codes.astype(np.int64)) > 0).all()
    if np.dtype(dtype).kind == "f":
        assert dtype(kind.exact) - dtype(kind.exact - 1) == 1
        assert dtype(kind.exact) + dtype(1) == kind.exact


def test_bool_says_whether_there_is_anything():
    kind = cell_type(bool, 10**12)
    assert kind.marks
    assert kind.encode(np.array([0, 1, 7, 2**40])).view(bool).tolist() == [False, True, True, True]


def test_large_numbers_have_no_table():
    kind = cell_type(np.int64, 10**12)
    assert len(kind.codes) == MOST_CODES
    assert kind.encode(np.array([10**12])).view(np.int64).tolist() == [10**12]


@pytest.mark.parametrize("dtype", ["U4", object, complex, ">f4", "M8[ns]"])
def test_types_that_hold_no_numbers_of_spikes_are_refused(dtype):
    with pytest.raises(DatasetError, match="give bool, an integer or a float"):
        cell_type(dtype, 1)


def test_what_is_no_type_is_refused():
    with pytest.raises(DatasetError, match="dtype 'half a float': give one of numpy's"):
        cell_type("half a float", 1)


@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 256), (np.int8, 128), (np.float16, 65505)])
def test_a_type_that_is_too_narrow_is_refused(dtype, largest):
    assert cell_type(dtype, largest - 1)
    with pytest.raises(DatasetError, match=f"a bin can hold {largest:,}, and .*: give a wider dtype"):
        cell_type(dtype, largest)
