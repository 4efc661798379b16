"""Commands that set a data set up as one Python call each: a demo, and a config for recordings."""

from __future__ import annotations

import pytest

import spikebin
from spikebin.errors import ConfigError


def test_a_demo_is_made_once_and_init_works_on_it(tmp_path):
    config = spikebin.demo(tmp_path / "demo", parts=1, scale=0.001)
    assert config == tmp_path / "demo" / "spikebin.toml"
    with pytest.raises(ConfigError, match="demo"):
        spikebin.demo(tmp_path / "demo")
    found = spikebin.init(config.parent / "recordings" / "train", config=tmp_path / "new.toml")
    assert [(one.variant, one.parts) for one in found] == [("train", 1)]
    with pytest.raises(ConfigError, match=r"new\.toml"):
        spikebin.init(config.parent / "recordings" / "train", config=tmp_path / "new.toml")
    with pytest.raises(ConfigError):
        spikebin.init(tmp_path / "nothing", config=tmp_path / "other.toml")
    assert not (tmp_path / "other.toml").exists()
