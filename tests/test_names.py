"""Names: which sheet a raw or a directory name stands for; natural order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.names import directory_name, find_sheet, in_natural_order, natural_key

NAMES = st.lists(st.text("AB_/1", min_size=1), min_size=1, unique_by=directory_name)


@given(NAMES)
def test_each_sheet_is_found_by_its_raw_and_by_its_directory_name(sheets):
    for sheet in sheets:
        assert find_sheet(sheet, sheets) == find_sheet(directory_name(sheet), sheets) == sheet


@pytest.mark.parametrize(
    ("name", "sheets", "found"),
    [
        ("V1_Inh_L2/3", ["V1_Inh_L23"], "V1_Inh_L23"),
        # Of one recording, two sheets may share a directory name: the very same name comes first.
        ("A1", ["A/1", "A1"], "A1"),
        ("V1_inh_L23", ["V1_Inh_L2/3"], None),
        ("X_ON", [], None),
    ],
)
def test_the_very_same_name_comes_first_and_others_are_not_found(name, sheets, found):
    assert find_sheet(name, sheets) == found


@given(st.lists(st.text("0123456789ab", min_size=1, max_size=4)))
def test_texts_and_plain_numbers_come_in_natural_order(texts):
    assert in_natural_order(texts) == sorted(texts, key=natural_key)
    numbers = [text for text in texts if text.isdecimal()]
    assert in_natural_order(numbers) == sorted(numbers, key=natural_key)
