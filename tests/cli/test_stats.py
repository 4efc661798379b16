"""Commands for numbers: statistics as a table or JSON, rates over time by condition, and what is not there."""

from __future__ import annotations

import json

import pytest
from here import spikebin_here

from spikebin import open_dataset
from spikebin.output.paths import matrix_path


def test_statistics_are_those_of_the_views(place):
    result = spikebin_here("stats", "--json", cwd=place)
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert {row["sheet"] for row in rows} == {"X_ON", "V1_Exc_L2/3"}
    for row in rows:
        view = open_dataset(place / "dataset", "train", sheet=row["sheet"])
        assert row["rate_hz"] == pytest.approx(view.rates().mean()), row


def test_rates_over_time_of_one_file(done):
    path = matrix_path(done / "dataset", "train", "0", "X_ON")
    result = spikebin_here("psth", path, "--by", "image_id", cwd=done)
    assert result.returncode == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines() if line.endswith("1 trial")] == ["0", "1"]
    wrong = spikebin_here("psth", path, "--by", "imag_id", cwd=done)
    assert wrong.returncode == 1
    assert "image_id" in wrong.stderr


def test_a_page_is_written(place):
    result = spikebin_here("report", "page.html", cwd=place)
    assert result.returncode == 0, result.stderr
    assert (place / "page.html").read_text().startswith("<!DOCTYPE html>")
