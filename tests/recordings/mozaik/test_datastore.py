"""What a mozaik datastore means: stimuli read without running them, blanks paired with images, neurons by id."""

from __future__ import annotations

import datetime
import pickle
import shutil
import sys
import types

import numpy as np
import pytest
from conftest import DATA

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.mozaik import datastore as mozaik
from spikebin.recordings.mozaik.segment import read_segment
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.experiment import Experiment, _entry, presentations, write_datastore
from spikebin.simulate.mozaik_pickles import dump_segment
from spikebin.simulate.v1 import SheetModel

SHEETS = (SheetModel("X_ON", 5), SheetModel("X_OFF", 4))


def sheet_of(directory, name="X_ON", **rule):
    return open_recording(directory).sheet(name, TrialRule(**rule))


def test_trials_of_a_real_datastore():
    directory = next((DATA / "small_neo012_np126_p4default").iterdir())
    sheet = sheet_of(directory)
    assert [(t.image_id, t.repeat, t.order) for t in sheet.trials] == [
        ("70000", 0, 0),
        ("70001", 0, 1),
        ("70002", 0, 2),
    ]
    assert [(p.name, p.start, p.stop) for p in sheet.trials[0].phases] == [("blank", 0.0, 150.0), ("image", 0.0, 560.0)]
    assert (np.diff(sheet.neurons["neuron_id"]) > 0).all()
    assert np.isfinite(sheet.neurons["x"]).all()
    assert np.isfinite(sheet.neurons["y"]).all()
    assert sheet.files[0].name == "datastore.recordings.pickle"
    assert len(sheet.files) == 7
    assert {file.size for file in sheet.files} == {(directory / file.name).stat().st_size for file in sheet.files}


def test_positions_go_with_their_neurons(tmp_path):
    experiment = Experiment(70000, 1, sheets=SHEETS, unrecorded=0.4, trains="shuffled")
    directory = write_datastore(tmp_path, experiment)
    for population in experiment.populations:
        neurons = sheet_of(directory, population.model.name).neurons
        listed = {int(i): xyz for i, xyz in zip(population.ids, population.positions.T, strict=True)}
        for row in neurons:
            assert np.allclose([row["x"], row["y"]], listed[int(row["neuron_id"])][:2])


def drop(directory, *keep):
    """Rewrite the index with only the presentations for which all `keep` hold (sheet, null, position)."""
    edit_index(directory, lambda wrappers: [w for i, w in enumerate(wrappers) if all(k(i, w) for k in keep)])


def edit_index(directory, change):
    """Load the index with stand-ins for neo's and mozaik's classes, change its presentations, write it again."""
    path = directory / "datastore.recordings.pickle"
    names = {
        "neo.core.block": "Block",
        "neo.core.objectlist": "ObjectList",
        "mozaik.storage.neo_neurotools_wrapper": "PickledDataStoreNeoWrapper",
    }
    before = dict(sys.modules)
    try:
        for module, name in names.items():
            pieces = module.split(".")
            for i in range(1, len(pieces) + 1):
                full = ".".join(pieces[:i])
                sys.modules[full] = types.ModuleType(full)
            kind = type(name, (), {"__module__": module})
            setattr(sys.modules[module], name, kind)
        for extra in ("neo.core.segment", "neo.core.group"):
            sys.modules[extra] = types.ModuleType(extra)
            for name in ("Segment", "Group"):
                setattr(sys.modules[extra], name, type(name, (), {"__module__": extra}))
        block = pickle.loads(path.read_bytes())
        if "segments" in block.__dict__:
            block.segments = change(block.segments)
        else:
            items = block._segments
            items._items = change(items._items)
        path.write_bytes(pickle.dumps(block))
    finally:
        for name in set(sys.modules) - set(before):
            del sys.modules[name]
        sys.modules.update(before)


@pytest.fixture
def store(tmp_path):
    return write_datastore(tmp_path, Experiment(70000, 3, 2, sheets=SHEETS), flavour="neo-0.12")


def test_a_blank_too_few_is_refused(store):
    nulls = []
    edit_index(
        store,
        lambda ws: [
            w
            for w in ws
            if not (w.null and w.annotations["sheet_name"] == "X_ON" and not nulls.append(w) and len(nulls) == 2)
        ],
    )
    with pytest.raises(RecordingError, match="blanks and images do not pair: 6 images, 5 blanks"):
        sheet_of(store)
    assert len(sheet_of(store, "X_OFF").trials) == 6
    assert [p.name for p in sheet_of(store, blank="none").trials[0].phases] == ["image"]


def test_an_image_too_few_is_refused(store):
    images = []
    edit_index(store, lambda ws: [w for w in ws if w.null or images.append(w) or len(images) != 1])
    with pytest.raises(RecordingError, match="blanks and images do not pair"):
        sheet_of(store, images[0].annotations["sheet_name"])


def test_blanks_that_go_with_other_images_are_refused(store):
    def swap(wrappers):
        nulls = [w for w in wrappers if w.null and w.annotations["sheet_name"] == "X_ON"]
        nulls[0].rec_datetime, nulls[1].rec_datetime = nulls[1].rec_datetime, nulls[0].rec_datetime
        return wrappers

    edit_index(store, swap)
    with pytest.raises(RecordingError, match="goes with another image"):
        sheet_of(store)


def test_a_neuron_that_the_index_does_not_list_is_refused(store):
    path = store / "datastore.recordings.pickle"
    ids = next(p for p in Experiment(70000, 3, 2, sheets=SHEETS).populations if p.model.name == "X_ON").ids
    data = path.read_bytes()
    assert ids.astype("<i8").tobytes() in data
    path.write_bytes(data.replace(ids.astype("<i8").tobytes(), (ids + 1000).astype("<i8").tobytes()))
    with pytest.raises(RecordingError, match=rf"neuron {ids[0]} has spikes but is not in the index"):
        _ = sheet_of(store).neurons


def test_an_index_that_lists_no_neurons_is_refused(store):
    path = store / "datastore.recordings.pickle"
    path.write_bytes(path.read_bytes().replace(b"neuron_ids", b"neuron_idz"))
    with pytest.raises(RecordingError, match="lists no neuron_ids of X_ON"):
        _ = sheet_of(store).neurons


def test_a_time_that_is_none_names_segment_and_neuron(store):
    sheet = sheet_of(store)
    file = sheet._phases[0][1]
    segment = read_segment(store / file)
    train = int(np.flatnonzero(segment.counts)[0])
    old = segment.times[:1].astype("<f8").tobytes()
    data = (store / file).read_bytes()
    assert data.count(old) == 1
    (store / file).write_bytes(data.replace(old, np.array([np.inf]).tobytes()))
    with pytest.raises(RecordingError, match=rf"{file} has a spike of neuron {segment.ids[train]} at inf ms"):
        sheet.spikes(0)


def test_a_neuron_twice_in_a_segment_is_refused(store):
    experiment = Experiment(70000, 3, 2, sheets=SHEETS)
    sheet = sheet_of(store)
    file = sheet._phases[1][1]
    shown = next(p for p in presentations(experiment) if f"Segment{p.segment}.pickle" == file)
    ids = shown.ids.copy()
    ids[2] = ids[0]
    with (store / file).open("wb") as out:
        dump_segment(
            out, _entry(shown, len(SHEETS)), duration=shown.duration, times=shown.times, counts=shown.counts, ids=ids,
            indices=shown.indices, flavour="neo-0.12", unit="ms", id_key="source_id",
        )  # fmt: skip
    with pytest.raises(RecordingError, match=rf"neuron {ids[0]} is in {file} twice"):
        sheet.spikes(1)


def test_an_image_without_a_name_says_what_there_is(store):
    with pytest.raises(RecordingError, match=r"has no 'movie_name': set image_id in \[trial\] to .* image_path"):
        sheet_of(store, image_id="movie_name")
    assert sheet_of(store, image_id=["name", "image_path"]).trials[0].image_id == "name=NaturalImage,image_path=70000"


def test_explicit_blanks_come_before_their_images(tmp_path):
    experiment = Experiment(70000, 3, sheets=SHEETS, blanks="internal", blank_jitter_ms=30.0, image_key="movie_name")
    directory = write_datastore(tmp_path, experiment, directory="model_trial0_chunk0_____x")
    sheet = sheet_of(directory)
    shown = sorted((p for p in presentations(experiment) if p.sheet == "X_ON"), key=lambda p: p.order)
    durations = [p.duration for p in shown]
    assert [phase.stop for trial in sheet.trials for phase in trial.phases] == pytest.approx(durations)
    assert len({trial.phases[0].stop for trial in sheet.trials}) > 1


def test_blanks_where_only_some_images_have_one_need_a_choice(tmp_path):
    directory = write_datastore(tmp_path, Experiment(70000, 3, sheets=SHEETS, blanks="internal"), flavour="neo-0.12")
    blanks = []
    edit_index(
        directory,
        lambda ws: [
            w
            for w in ws
            if "InternalStimulus" not in w.annotations["stimulus"]
            or w.annotations["sheet_name"] != "X_ON"
            or blanks.append(w)
            or len(blanks) != 2
        ],
    )
    with pytest.raises(RecordingError, match='1 of 3 images have no blank.*blank = "both"'):
        sheet_of(directory)
    assert len(sheet_of(directory, blank="none").trials) == 3
    shown = [[phase.shown for phase in trial.phases] for trial in sheet_of(directory, blank="before").trials]
    assert shown == [[True, True], [False, True], [True, True]]


def test_no_blanks_where_all_are_wanted(tmp_path):
    directory = write_datastore(tmp_path, Experiment(70000, 2, sheets=SHEETS, blanks="none"))
    for trial in sheet_of(directory, blank="before").trials:
        assert [(phase.name, phase.shown, phase.stop) for phase in trial.phases] == [
            ("blank", False, 0.0),
            ("image", True, 560.0),
        ]
    assert len(sheet_of(directory).trials[0].phases) == 1


def test_a_directory_can_set_the_repeat(tmp_path, store):
    once = write_datastore(tmp_path / "once", Experiment(70000, 3, sheets=SHEETS))
    sheet = open_recording(once).sheet("X_ON", TrialRule(), repeat=7)
    assert [trial.repeat for trial in sheet.trials] == [7, 7, 7]
    with pytest.raises(RecordingError, match=r"both image '70000', repeat 7; they differ in trial: take the field"):
        open_recording(store).sheet("X_ON", TrialRule(), repeat=7)


def test_a_segment_that_changes_under_the_reader_is_noticed(store):
    sheet = sheet_of(store)
    blank, image = sheet._phases[2]
    shutil.copy(store / blank, store / image)
    with pytest.raises(RecordingError, match="changed while it was read"):
        sheet.spikes(2)


@pytest.mark.parametrize(
    ("index", "word"),
    [
        ({"a": 1}, "no neo Block"),
        ([1, 2], "no neo Block"),
        (datetime.datetime(2024, 1, 1), "no neo Block"),
    ],
)
def test_an_index_of_something_else_is_refused(tmp_path, index, word):
    (tmp_path / "datastore.recordings.pickle").write_bytes(pickle.dumps(index))
    with pytest.raises(RecordingError, match=word):
        mozaik.open(tmp_path)


def test_an_unknown_sheet_is_suggested(store):
    with pytest.raises(RecordingError, match="did you mean 'X_ON'"):
        sheet_of(store, "X_ONN")
