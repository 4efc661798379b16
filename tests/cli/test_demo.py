"""The demo does it all, and says what to do next."""

from __future__ import annotations

from conftest import spikebin


def test_the_demo_does_it_all_and_says_what_to_do_next(tmp_path):
    result = spikebin("demo", "a dir; echo", "--parts", 1, "--scale", 0.003, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "12 of 12 files are complete" in result.stdout
    assert "spikebin init ROOT" in result.stderr
    assert "1 images" not in result.stdout
    assert any(0x2800 < ord(c) <= 0x28FF for c in result.stdout), "a raster"
    assert "  cd 'a dir; echo'\n" in result.stderr, "as a shell takes it"
    again = spikebin("demo", "a dir; echo", cwd=tmp_path)
    assert again.returncode == 1
    assert "remove it" in again.stderr
