"""What a datastore holds is proposed as rules, each of which makes trials."""

from __future__ import annotations

import pytest

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.mozaik.survey import pattern, propose
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.schedule import Item
from spikebin.simulate.v1 import SheetModel

SHEETS = (SheetModel("X_ON", 3),)


def opened(place, **options):
    return open_recording(write_datastore(place, Experiment(70000, 2, sheets=SHEETS, **options)))


@pytest.mark.parametrize(
    ("options", "sides", "blank"),
    [
        ({}, "with a blank before each", None),
        ({"blanks": "none"}, "without blanks", None),
        ({"items": (Item("blank", 50.0), Item("image", 70.0, 1), Item("blank", 50.0))}, "after each", "both"),
    ],
)
def test_kinds_and_their_blanks(tmp_path, options, sides, blank):
    recording = opened(tmp_path, **options)
    assert sides in pattern(recording)
    (proposal,) = propose(recording)
    assert proposal.kind == "NaturalImage"
    assert proposal.rule.blank == blank
    assert "presentation" in proposal.what
    # The rule that is proposed makes trials.
    rule = proposal.rule
    assert recording.sheet("X_ON", type(rule)(stimulus="NaturalImage", image_id=rule.image_id, blank=rule.blank)).trials


def test_each_kind_of_stimulus_has_its_rule(tmp_path):
    recording = opened(tmp_path, gratings=2)
    assert {proposal.kind for proposal in propose(recording)} == {
        "NaturalImage",
        "FullfieldDriftingSinusoidalGrating",
    }


def test_a_store_of_nothing_but_an_end(tmp_path):
    recording = opened(tmp_path, items=(Item("end", 10.0),))
    assert pattern(recording) == "no stimulus"
    with pytest.raises(RecordingError, match="holds no presentation of a stimulus"):
        propose(recording)
