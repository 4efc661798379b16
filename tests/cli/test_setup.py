"""Commands that set a data set up: init writes a config that works, plan freezes it, exclude leaves a part out."""

from __future__ import annotations

import json

from here import spikebin_here


def test_from_a_directory_of_recordings_to_a_plan(place):
    (place / "spikebin.toml").unlink()
    result = spikebin_here("init", "data", "--config", "new.toml", cwd=place)
    assert result.returncode == 0, result.stderr
    assert 'output = "' in (place / "new.toml").read_text()
    again = spikebin_here("init", "data", "--config", "new.toml", cwd=place)
    assert again.returncode == 1
    assert "--force" in again.stderr
    planned = spikebin_here("plan", "--config", "new.toml", "--json", cwd=place)
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)


def test_a_plan_says_what_is_new(place):
    result = spikebin_here("plan", cwd=place)
    assert result.returncode == 0, result.stderr
    assert "4 files" in result.stdout
    text = (place / "spikebin.toml").read_text()
    (place / "spikebin.toml").write_text(text + "\n[binning]\nwidth = 2\n")
    refused = spikebin_here("plan", cwd=place)
    assert refused.returncode == 1
    assert "--replace" in refused.stderr


def test_a_part_is_excluded_and_taken_back(place):
    assert spikebin_here("exclude", "train/100", "--reason", "disk error", cwd=place).returncode == 0
    assert "disk error" in spikebin_here("status", "--list", cwd=place).stdout
    assert spikebin_here("exclude", "train/100", "--undo", cwd=place).returncode == 0
    assert "disk error" not in spikebin_here("status", "--list", cwd=place).stdout
    wrong = spikebin_here("exclude", "train/101", "--reason", "x", cwd=place)
    assert wrong.returncode == 1
    assert "train/100" in wrong.stderr
