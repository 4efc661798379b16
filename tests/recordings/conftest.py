"""A table of events for sessions of any format."""

from __future__ import annotations

import pytest
from sessions import ONSETS_MS, write_trials


@pytest.fixture
def events(tmp_path):
    columns = {"onset_ms": ONSETS_MS.tolist(), "condition": [f"c{k % 3}" for k in range(ONSETS_MS.size)]}
    return write_trials(tmp_path / "events.csv", columns)
