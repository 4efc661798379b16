"""What a user says of recordings: which settings a format takes, and how plans and seals record them."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from sessions import make_trains, write_csv, write_nest, write_nwb, write_phy, write_sonata

from spikebin.errors import RecordingError
from spikebin.recordings import FORMATS, open_recording
from spikebin.recordings.settings import Reading, TrialRule

TRAINS = make_trains(n=20)
FULL = Reading(
    "samples",
    30_000.0,
    "t",
    "n",
    "1-5",
    ("good", "mua"),
    "nodes.h5",
    "pop",
    "trial",
    allow=("explosion",),
    follow_links=True,
    bin_width=5.0,
    phases=("blank", "image"),
    duration=2000.0,
)
WRITERS = {"arrays": write_csv, "nest": write_nest, "nwb": write_nwb, "phy": write_phy, "sonata": write_sonata}
SETTINGS = [field.name for field in fields(Reading) if field.name != "format"]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory, datastores):
    """A real recording of every format, by its name."""
    made = {name: write(tmp_path_factory.mktemp(name), TRAINS) for name, write in WRITERS.items()}
    mozaik = next(path.parent for path in datastores.rglob("datastore.recordings.pickle") if "broken" not in str(path))
    (tmp_path_factory.getbasetemp() / "x.mat").touch()
    return {**made, "mozaik": mozaik, "neo:NeoMatlabIO": tmp_path_factory.getbasetemp() / "x.mat"}


def given(key):
    return Reading(**{key: getattr(FULL, key)})


@pytest.mark.parametrize("key", SETTINGS)
def test_a_setting_that_a_format_does_not_take_is_an_error_in_every_format(recordings, key):
    refused = []
    for kind, path in recordings.items():
        name = kind.partition(":")[0]
        if key in FORMATS[name].settings:
            continue
        with pytest.raises(
            RecordingError, match=rf"the format {name} takes no `{key}`: take it out; it takes "
        ) as caught:
            open_recording(path, kind, given(key))
        assert "\n" not in str(caught.value)
        refused.append(name)
    assert refused


def test_the_table_names_settings_that_there_are():
    for form in FORMATS.values():
        assert set(form.settings) <= set(SETTINGS)
        assert len(set(form.settings)) == len(form.settings)


def test_a_recording_tells_how_it_is_read(recordings):
    for kind, path in recordings.items():
        if ":" not in kind:
            assert open_recording(path).reading.settings == {"format": kind}
    found = open_recording(recordings["arrays"], None, Reading(ids="3-50", unit="ms"))
    assert found.reading.settings == {"unit": "ms", "ids": "3-50", "format": "arrays"}


def test_settings_are_what_differs_from_the_defaults_and_survive_json():
    assert Reading().settings == {}
    assert TrialRule().settings == {}
    assert json.loads(json.dumps(FULL.settings)) == FULL.settings
    assert set(FULL.settings) == set(SETTINGS)
    assert Reading(format="neo:NixIO").io == "NixIO"
    assert Reading(format="arrays").io is None


def test_one_recording_by_any_of_its_paths(tmp_path):
    write_nest(tmp_path, TRAINS)
    one, other = (open_recording(tmp_path / f"v1-0000041-{i}.dat") for i in range(2))
    assert one.paths == other.paths
    assert len(one.paths) == 2


@pytest.mark.parametrize(
    ("rule", "key"),
    [({"image_id": "x"}, "image_id"), ({"events_unit": "s"}, "unit"), ({"drop_missing": True}, "drop_missing")],
)
def test_what_is_said_of_events_that_are_not_there_is_refused(recordings, rule, key):
    for given in (TrialRule(**rule), TrialRule(events="none", window_start=0.0, window_stop=1.0, **rule)):
        with pytest.raises(RecordingError, match=f"no events, so no use for `{key}` of .trial."):
            open_recording(recordings["arrays"]).sheet("neurons", given)


def test_a_unit_of_events_that_tell_their_own_is_refused(recordings):
    with pytest.raises(RecordingError, match="it tells the unit of its own trials: take --trials-unit"):
        open_recording(recordings["nwb"]).sheet("units", TrialRule(events_unit="ms"))
