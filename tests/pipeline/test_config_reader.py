"""Mistakes in spikebin.toml: each is named with its line, its table and the way out."""

from __future__ import annotations

import pytest
from config_text import WHOLE

from spikebin.errors import ConfigError
from spikebin.pipeline.config import load_config

MISTAKES = {
    ("layout =", "layuot ="): ["line 4", "unknown key 'layuot'", "did you mean 'layout'?"],
    ('"events"', '"evnts"'): ["line 4", "layout", "'matrix' or 'events'"],
    ("width = 2", 'width = "2"'): ["line 8", "[binning] width", "number"],
    ("width = 2", "width = -1"): ["line 8", "above 0"],
    ("width = 2", "wdith = 2"): ["line 8", "unknown key 'wdith'", "did you mean 'width'?"],
    ("end_bin = false", "end_bin = 0"): ["line 10", "end_bin", "true or false"],
    ("[binning]", "[bining]"): ["line 7", "unknown key 'bining'", "did you mean 'binning'?"],
    ("[binning]", "[[binning]]"): ["line 7", "binning", "table"],
    ("_{repeat}_{part}_*", "_part_*"): ["line 21", "no field", "{part}"],
    ("_{repeat}_{part}_*", "_{part}_{part}"): ["name of its own"],
    ("x_{repeat}", "/x_{repeat}"): ["line 21", "each level below root"],
    ("x_{repeat}", "../x_{repeat}"): ["line 21", "each level below root"],
    ("x_{repeat}", "**/x_{repeat}"): ["line 21", "each level below root"],
    ('variant = "train"', ""): ["line 18", "entry 1", "lacks `variant`"],
    ('variant = "train"', 'variant = "a/b"'): ["line 19", "'a/b'", "directory's name"],
    ("exclude = [300000", "exclude = [3.5"): ["line 23", "exclude", "list of parts"],
    ('sheets = ["X_ON", "V1_Exc_L2/3"]', 'sheets = ["V1_Exc_L23", "V1_Exc_L2/3"]'): [
        "one directory name",
        "V1_Exc_L23",
    ],
    ('sheets = ["X_ON", "V1_Exc_L2/3"]', 'sheets = "X_ON"'): ["line 3", "sheets", "list of names"],
    ('["X_ON"]\nexclude', '"X_ON"\nexclude'): ["line 22", "entry 1 sheets", "list of names"],
    ('time = "01:00:00"', "Time = 1"): ["line 26", "[slurm]", "long option"],
    ('output = "out"', "output = 3"): ["line 2", "output", "text in quotes"],
    ('output = "out"', 'output = "out'): ["not valid TOML", "line 2"],
    ("width = 2", "width = inf"): ["line 8", "[binning] width", "number"],
    ("width = 2", f"width = 1{'0' * 400}"): ["line 8", "[binning] width", "number"],
    ('blank = "none"', "window = [-inf, inf]"): ["line 16", "[trial] window", "start and stop"],
    ("exclude = [300000", "rate = inf\nexclude = [300000"): ["line 23", "entry 1 rate", "samples per second"],
    ("exclude = [300000", 'duration = "2s"\nexclude = [300000'): ["line 23", "entry 1 duration", "ms"],
    ('variant = "train"', 'variant = "jobs.csv"'): ["line 19", "'jobs.csv'", "directory's name"],
    ('variant = "train"', 'variant = ".lock"'): ["line 19", "'.lock'", "directory's name"],
    ('variant = "train"', 'variant = "a\\u0000"'): ["line 19", "give a text"],
    ('sheets = ["X_ON", "V1', 'sheets = ["X_ON", "../.", "V1'): ["line 3", "sheets", "list of names"],
    ('sheets = ["X_ON", "V1', 'sheets = ["X\\nON", "V1'): ["line 3", "sheets", "list of names"],
    ("[[recordings]]", "[recordings]"): ["line 18", "[[recordings]]"],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line_and_the_way_out(tmp_path, mistake):
    old, new = mistake
    assert old in WHOLE
    (tmp_path / "spikebin.toml").write_text(WHOLE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "spikebin.toml")
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / "spikebin.toml") in message
    assert all(word in message for word in MISTAKES[mistake]), message


SECOND = """
[[recordings]]        # one more
variant = "test"
root = "/data/test"
parts = "y_{part}"
"""


@pytest.mark.parametrize(
    "mistake", ["sheets = 3", "root = 3", "variant = 3", "exclude = 3", "unit = 3", "nonsense = 3"]
)
def test_a_mistake_is_looked_for_in_its_own_table(tmp_path, mistake):
    key = mistake.partition(" ")[0]
    lines = WHOLE.splitlines() + [line for line in SECOND.splitlines() if not line.startswith(f"{key} =")] + [mistake]
    (tmp_path / "spikebin.toml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=rf"spikebin.toml line {len(lines)}: \[\[recordings\]\] entry 2 .*{key}"):
        load_config(tmp_path / "spikebin.toml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("binning.closed = 'left'\nbinning.width = -1", 2),
        ("layout = 'matrix'\nbinning = {width = -1}", 2),
        ("recordings = [\n{variant = 'a', root = '.'}\n]", 1),
    ],
)
def test_tables_may_stand_in_the_top_one(tmp_path, text, line):
    entry = "" if "recordings" in text else "\n[[recordings]]\nvariant = 'a'\nroot = '.'\nparts = '{part}'\n"
    (tmp_path / "spikebin.toml").write_text(text + entry)
    with pytest.raises(ConfigError, match=rf"spikebin.toml line {line}: "):
        load_config(tmp_path / "spikebin.toml")
