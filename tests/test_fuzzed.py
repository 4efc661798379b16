"""Files whose bytes have changed: what reads them reads them, or refuses in one line, without warnings. See fuzzed.py."""

from __future__ import annotations

import random

import pytest
from fuzzed import TARGETS, fault
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    made = {}

    def target(name):
        if name not in made:
            made[name] = TARGETS[name](tmp_path_factory.mktemp("fuzz") / "files")
        return made[name]

    return target


@pytest.mark.parametrize("name", TARGETS)
@settings(derandomize=True)
@given(seed=st.integers(0, 2**64))
def test_a_changed_file_is_read_or_refused_in_one_line(targets, name, seed):
    target = targets(name)
    try:
        assert not fault(target, random.Random(seed))
    finally:
        target.restore()
