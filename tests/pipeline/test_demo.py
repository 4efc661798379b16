"""The demo: what it prints and where it goes."""

from __future__ import annotations

import pytest
from conftest import one_line_error
from here import spikebin_here


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_demo_in_the_place_of_a_file_is_refused(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    one_line_error(spikebin_here("demo", place, cwd=tmp_path), "file")
    assert (tmp_path / "file").read_text() == "mine"
