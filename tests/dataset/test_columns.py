"""Columns of several tables as one, and a table without one of them."""

from __future__ import annotations

import numpy as np

from spikebin.dataset.columns import joined, names_of, without


def test_numbers_beside_texts_are_the_texts_that_they_were():
    numbers = [np.array([5.0, np.nan, 2.5]), np.array([7])]
    assert joined([*numbers, np.array(["a", "5"])]).tolist() == ["5", "", "2.5", "7", "a", "5"]
    assert np.array_equal(joined(numbers), [5.0, np.nan, 2.5, 7.0], equal_nan=True)
    assert joined([np.array(["a"]), np.array(["bcd"])]).tolist() == ["a", "bcd"]


def test_a_column_that_is_left_out_takes_no_memory():
    table = np.zeros(3, [("order", np.int32), ("stimulus", "S1000"), ("repeat", np.int32)])
    table["repeat"] = [1, 2, 3]
    few = without(table, "stimulus")
    assert names_of(few) == ("order", "repeat")
    assert few["repeat"].tolist() == [1, 2, 3]
    assert few.nbytes == 3 * 8
    assert few.base is None or few.base.nbytes == few.nbytes
