"""Cells of tables: numbers only where nothing of what is written is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.recordings.continuous.cells import MISSING, as_numbers, is_number, typed


@pytest.mark.parametrize(
    ("written", "kind", "expected"),
    [
        (["1", "-2", "30"], "i", [1, -2, 30]),
        (["1", "2.5"], "f", [1.0, 2.5]),
        (["1", "", "3"], "f", [1.0, np.nan, 3.0]),
        (["1", "NA", "n/a"], "f", [1.0, np.nan, np.nan]),
        (["", ""], "f", [np.nan, np.nan]),
        (["NA", "NA"], "U", ["NA", "NA"]),
        (["007", "8"], "U", ["007", "8"]),
        (["1_0", "2"], "U", ["1_0", "2"]),
        (["12345678901234567890", "1"], "U", ["12345678901234567890", "1"]),
        (["12345678901234567", ""], "U", ["12345678901234567", ""]),
        (["1e2", "3"], "f", [100.0, 3.0]),
        (["-0"], "f", [0.0]),
        (["a", "1"], "U", ["a", "1"]),
    ],
)
def test_numbers_only_where_nothing_is_lost(written, kind, expected):
    column = typed(written)
    assert column.dtype.kind == kind
    np.testing.assert_array_equal(column, expected)


WRITTEN = st.one_of(
    st.sampled_from(
        ["007", "1_0", "1e2", "", "12345678901234567890", "5", "5.0", 'a"b', "#x", "a\nb", " a", "NA", "-0"]
    ),
    st.integers(-(10**25), 10**25).map(str),
    st.floats().map(repr),
    st.text(max_size=4).filter(lambda text: "\0" not in text),
)


@given(st.lists(WRITTEN, min_size=1, max_size=6))
def test_ids_are_as_they_were_written(written):
    assert [str(value) for value in typed(written, is_id=True).tolist()] == written


@pytest.mark.parametrize("text", ["1", "-1.5e3", "nan", "inf", " 2 "])
def test_numbers(text):
    assert is_number(text)
    assert as_numbers([text, ""])[0] == pytest.approx(float(text), nan_ok=True)


@pytest.mark.parametrize("text", ["1_000", "٣", "1,5", "0x10", "a", "", "--1"])
def test_no_numbers(text):
    assert not is_number(text)
    assert as_numbers(["1", text]) is None or text in MISSING
