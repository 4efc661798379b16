"""Stimuli are read from their texts and never run."""

from __future__ import annotations

import pytest

from spikebin.recordings.mozaik.stimulus import parse_stimulus


def test_a_stimulus_is_read_and_never_run(tmp_path):
    text = (
        '{"module_path" :"mozaik.stimuli", "background_luminance":50.0, "direct_stimulation_parameters":'
        "MozaikExtendedParameterSet({'a': __import__('pathlib').Path('%s').touch()}), "
        '"image_path":\'/CSNG/baroni/imagenet/50017_img20272.png\', "name":\'NaturalImage\', "trial":3, "offset":-1.5}'
    ) % (tmp_path / "ran")
    stimulus = parse_stimulus(text)
    assert stimulus.kind == "NaturalImage"
    assert stimulus.parameters["trial"] == 3
    assert stimulus.parameters["offset"] == -1.5
    assert stimulus.parameters["image_path"].endswith("50017_img20272.png")
    assert "direct_stimulation_parameters" not in stimulus.parameters
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", "{'trial': 0}", "{'name': 3}", "(" * 5000, "{'name': 'x'}" + " " * (1 << 20), "\0"]
)
def test_a_stimulus_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="it "):
        parse_stimulus(text)
