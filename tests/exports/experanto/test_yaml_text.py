"""Mappings as YAML: a reader of either version gets what was given."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spikebin.exports.experanto.yaml_text import yaml_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcz_", min_size=1, max_size=6), VALUES, max_size=5))
def test_what_is_written_is_read(facts):
    facts = {f"key_{name}": value for name, value in facts.items()}
    text = yaml_text(facts)
    assert (yaml.safe_load(text) or {}) == facts
    # Our own reader takes each value as JSON, without a package for YAML.
    assert {name: json.loads(value) for name, value in (line.split(": ", 1) for line in text.splitlines())} == facts


@pytest.mark.parametrize("number", [1e-5, 1e300, -2.5e-7, 1.0, 3])
def test_numbers_stay_numbers_in_yaml_1_1(number):
    assert yaml.safe_load(yaml_text({"a": number}))["a"] == number
