"""Further columns: names that HDF5 takes, and values of one kind."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.recordings.columns import RESERVED, as_column, column_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("contrast", "contrast"),
        ("stimulus contrast (%)", "stimulus_contrast"),
        ("2nd", "column_2nd"),
        ("class", "column_class"),
        ("µ", "column"),
        ("order", "order_"),
    ],
)
def test_names(name, expected):
    assert column_name(name, RESERVED) == expected


@given(st.lists(st.text(max_size=6), max_size=8))
def test_no_two_columns_have_one_name(names):
    taken = set(RESERVED)
    for name in names:
        found = column_name(name, taken)
        assert found.isidentifier()
        assert found.isascii()
        assert found not in taken
        taken.add(found)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False], [True, False]),
        ([1, 2], [1, 2]),
        ([1, 2.5], [1.0, 2.5]),
        ([1, None], [1.0, math.nan]),
        ([True, None], ["True", ""]),
        (["a", 1, None], ["a", "1", ""]),
        ([1 << 63, 2], [str(1 << 63), "2"]),
        ([None], [""]),
        (["a\0b"], ["a\\0b"]),
    ],
)
def test_values_of_one_kind(values, expected):
    found = as_column(values)
    assert {type(value) for value in found} == {type(value) for value in expected}
    assert [str(value) for value in found] == [str(value) for value in expected]
