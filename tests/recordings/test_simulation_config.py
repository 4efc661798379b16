"""The configuration of a SONATA run tells its end, where it says that it wrote this very file."""

from __future__ import annotations

import json

import pytest

from spikebin.recordings.simulation_config import stated_end

RUN = {"tstop": 2500.0, "dt": 0.1}


def stated(place, config, name="simulation_config.json", spikes="output/spikes.h5"):
    path = place / spikes
    path.parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(config if isinstance(config, str) else json.dumps(config))
    return stated_end(path)


@pytest.mark.parametrize("name", ["simulation_config.json", "config.json"])
@pytest.mark.parametrize("folder", ["output", "$OUT", "${BASE}/output/"])
def test_the_end_of_the_run_that_wrote_a_file(tmp_path, name, folder):
    manifest = {"$OUT": "./output", "$BASE": "/elsewhere"}
    found = stated(tmp_path, {"run": RUN, "manifest": manifest, "output": {"output_dir": folder}}, name)
    assert (found.path, found.ms, found.why) == (tmp_path / name, 2500.0, "")
    assert found.notes(None) == []
    assert found.notes(100.0) == [f"took the duration that is given, 100 ms, and not the 2500 ms of {name}"]


@pytest.mark.parametrize(
    "config",
    [
        {"run": RUN, "output": {"output_dir": "other"}},
        {"run": RUN, "output": {"output_dir": "output", "spikes_file": "v1.h5"}},
        {"networks": {}},
        [],
    ],
)
def test_a_configuration_of_another_file_tells_nothing(tmp_path, config):
    assert stated(tmp_path, config) is None


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("{", "it cannot be read"),
        ({"run": {"tstop": "long"}, "output": {"output_dir": "output"}}, "its tstop is 'long'"),
        ({"run": {"tstop": 5.0, "tstart": 1.0}, "output": {"output_dir": "output"}}, "it begins at 1 ms, not at 0"),
    ],
)
def test_one_that_cannot_be_used_says_why(tmp_path, config, why):
    found = stated(tmp_path, config)
    assert found.ms is None
    assert why in found.why
    assert why in found.notes(None)[0]
    assert found.notes(100.0) == []
