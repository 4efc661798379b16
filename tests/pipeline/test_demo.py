"""The demo: what it prints and where it goes."""

from __future__ import annotations

import pytest
from conftest import one_line_error, spikebin


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_demo_in_the_place_of_a_file_is_refused(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    one_line_error(spikebin("demo", place, cwd=tmp_path), "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_the_demo_prints_what_a_shell_can_run(tmp_path):
    result = spikebin("demo", "a dir; echo", "--parts", 1, "--scale", 0.003, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "  cd 'a dir; echo'\n" in result.stderr
