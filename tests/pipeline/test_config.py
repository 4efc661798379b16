"""spikebin.toml: what it may hold, and the one line that each mistake gets; and what `init` writes."""

from __future__ import annotations

from config_text import WHOLE
from conftest import one_line_error, write_toml
from here import spikebin_here

from spikebin.names import directory_name
from spikebin.pipeline.config import load_config


def test_every_key_arrives(tmp_path):
    (tmp_path / "spikebin.toml").write_text(WHOLE)
    config = load_config(tmp_path / "spikebin.toml")
    assert config.output == tmp_path / "out"
    assert (config.sheets, config.layout, config.codec) == (("X_ON", "V1_Exc_L2/3"), "events", "zlib")
    assert (config.binning.width, config.binning.closed) == (2.0, "right")
    assert (config.binning.end_bin, config.binning.values) == (False, "count")
    assert (config.trial.stimulus, config.trial.image_id, config.trial.blank) == ("NaturalImage", "movie_name", "none")
    (entry,) = config.recordings
    assert entry.exclude == ("300000", "7-b")
    assert entry.part("x_3_500_rest") == "3-500"
    assert entry.repeat("x_3_500_rest") == 3
    assert entry.repeat("x_²_500_rest") is None
    assert entry.part("y_3_500_rest") is None
    assert dict(config.slurm) == {"time": "01:00:00", "cpus-per-task": 2, "exclusive": True}


def test_where_the_config_is_looked_for(tmp_path):
    write_toml(tmp_path / "other.toml", tmp_path)
    one_line_error(spikebin_here("plan", cwd=tmp_path), "no config", "spikebin init ROOT")
    one_line_error(spikebin_here("plan", "--config", "~nobody-of-this-name/x.toml", cwd=tmp_path), "knows no home")
    one_line_error(spikebin_here("plan", "--config", "none.toml", cwd=tmp_path), "none.toml", "--config FILE")
    result = spikebin_here("plan", cwd=tmp_path, env={"SPIKEBIN_CONFIG": str(tmp_path / "other.toml")})
    one_line_error(result, "other.toml", "fits parts")


def test_directory_names():
    assert directory_name("V1_Inh_L2/3") == "V1_Inh_L23"
