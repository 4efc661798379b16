"""Which recordings are which parts: entries that cannot be, or claim the same, are named."""

from __future__ import annotations

import os

import pytest
from conftest import one_line_error, write_toml
from here import spikebin_here

from spikebin.errors import ConfigError
from spikebin.pipeline.config import Config, Recordings
from spikebin.pipeline.plan import make_plan


def names_only(root, *parts):
    """Directories that hold nothing: all that a plan needs when the sheets are given."""
    for part in parts:
        (root / f"NewDataset_Images_from_{part}_to_x").mkdir(parents=True)


def test_names_that_are_not_utf8_matter_only_where_they_fit(tmp_path):
    names_only(tmp_path / "data", 100)
    (tmp_path / "data" / os.fsdecode(b"notes\xff")).mkdir()
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data", 'sheets = ["X_ON"]')
    result = spikebin_here("plan", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (tmp_path / "data" / os.fsdecode(b"NewDataset_Images_from_\xff_to_x")).mkdir()
    one_line_error(spikebin_here("plan", cwd=tmp_path), r"from_\xff_to_x", "not UTF-8", "rename it")


CONFIG_FAULTS = {
    "no root": ({"root": "none"}, "root"),
    "nothing found": ({"parts": "Other_{part}"}, "fits parts"),
    "claimed twice": ({"parts": "NewDataset_*_from_{part}_*"}, "both"),
}


@pytest.mark.parametrize("fault", CONFIG_FAULTS)
def test_entries_that_cannot_be_are_named(tmp_path, fault):
    names_only(tmp_path / "data", 1)
    (tmp_path / "data" / "NewDataset_Other_from_1_to_x").mkdir()
    changes, word = CONFIG_FAULTS[fault]
    entry = {"root": "data", "parts": "NewDataset_Images_from_{part}_to_*"} | changes
    config = Config(
        tmp_path / "spikebin.toml",
        tmp_path / "out",
        (Recordings("train", tmp_path / entry["root"], entry["parts"]),),
        sheets=("A",),
    )
    with pytest.raises(ConfigError, match=word):
        make_plan(config)
    assert not (tmp_path / "out").exists()


def test_a_part_that_two_entries_claim_is_an_error(tmp_path):
    names_only(tmp_path / "a", 1)
    names_only(tmp_path / "b", 1)
    entries = tuple(Recordings("train", tmp_path / n, "NewDataset_Images_from_{part}_to_*") for n in "ab")
    with pytest.raises(ConfigError, match="claimed by both"):
        make_plan(Config(tmp_path / "spikebin.toml", tmp_path / "out", entries, sheets=("X_ON",)))
