"""Arguments of the wrong kind: every public call says in a SpikebinError what to give, or works; never a traceback.

Each argument in turn is replaced by values of many kinds, the others are right.
"""

from __future__ import annotations

import inspect
import shutil
import typing

import numpy as np
import pytest
from conftest import write_toml
from drawn import images, write_part

import spikebin
from spikebin import choices
from spikebin.errors import SpikebinError
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

WRONG = (3, -1, 1.5, float("nan"), "a", "a\0b", b"a", None, [], ["a"], {"a": 1}, object(), slice(1, 2), np.zeros(2))
CONFIG = "demo/spikebin.toml"
MATRIX = "data/train/spikes/X_ON/spikes_X_ON_10.h5"
CUT = {"start": 0, "stop": 5}
COARSE = {"k": 2, "how": "count", "rest": "drop"}

# What each call is given when all is right. Calls that make, export or submit something large, and those of torch, are
# tried by their first argument alone, below.
CALLS = {
    "Binning": {"width": 1.0},
    "Dataset": {"files": lambda: [spikebin.open_file(MATRIX)]},
    "FileView": {"file": lambda: spikebin.MatrixFile(MATRIX)},
    "MatrixFile": {"path": MATRIX},
    "SheetSet": {"sheets": lambda: dict(spikebin.open_dataset("data"))},
    "bin_recording": {"recording": "session.npz", "width": 10},
    "bin_spikes": {"times": [0.5], "neurons": [0], "n_neurons": 1, "start": 0, "stop": 5, "width": 1},
    "bin_trials": {"spikes": [[0.5]], "onsets": [0], "start": 0, "stop": 2, "width": 1},
    "clean": {"config": CONFIG},
    "compare": {"sheets": lambda: spikebin.open_dataset("data"), "old": "data"},
    "compare_datasets": {"new": "data", "old": "data"},
    "compare_shards": {"sheets": lambda: spikebin.open_dataset("data"), "shards": "data"},
    "compare_two_shards": {"new": "data", "old": "data"},
    "convert_file": {"path": MATRIX, "target": "out.h5"},
    "exclude": {"part": "train/50000", "reason": "why", "config": CONFIG},
    "formats": {},
    "inspect": {"path": MATRIX},
    "missing": {"config": CONFIG},
    "open_dataset": {"path": "data"},
    "open_file": {"path": MATRIX},
    "read_index": {"path": "rows.npy"},
    "retry": {"config": CONFIG},
    "status": {"config": CONFIG},
    "template": {},
    "verify": {"paths": "data"},
    "verify_file": {"path": MATRIX},
}
FIRST = {
    "collate": ("items", {}),
    "convert": ("paths", {}),
    "demo": ("directory", {"parts": 0}),
    "export": ("kind", {"sheets": None, "out": "out"}),
    "export_nwb": ("out", {"config": "none.toml"}),
    "export_shards": ("out", {"config": "none.toml"}),
    "FileBatchSampler": ("dataset", {"batch_size": 2}),
    "from_neo": ("block", {}),
    "init": ("roots", {"config": "none.toml"}),
    "job": ("index", {"config": "none.toml"}),
    "plan": ("config", {"replace": []}),
    "run": ("config", {"workers": 0}),
    "submit": ("config", {"dry_run": []}),
    "TrialDataset": ("sheets", {}),
    "write_view": ("sheets", {"out": "out", "chain": lambda: len}),
}
METHODS = {
    "View": {
        "__getitem__": {"index": 0},
        "aligned": {"origin": "image"},
        "batches": {"size": 1},
        "counts": {},
        "coverage": {},
        "events": {"trial": 0},
        "flat_events": {"trial": 0},
        "groupby": {"by": "image_id"},
        "onsets": {"phase": "image"},
        "phases": {},
        "psth": {},
        "rates": {},
        "read": {},
        "rebin": COARSE,
        "recorded": {},
        "repeats": {},
        "select": {"index": [0]},
        "stats": {},
        "stimulus": {"trial": 0},
        "take": {"trials": [0]},
        "to_numpy": {},
        "trial": {"trial": 0},
        "unrecorded": {},
        "window": CUT,
    },
    "SheetSet": {
        "__getitem__": {"sheet": "X_ON"},
        "aligned": {"origin": "image"},
        "batches": {"size": 1},
        "groupby": {"by": "image_id"},
        "only": {"names": ["X_ON"]},
        "parts": {},
        "rebin": COARSE,
        "select": {"index": {"X_ON": [0]}},
        "take": {"trials": [0]},
        "window": CUT,
    },
    "MatrixFile": {
        "cells": {"trial": 0},
        "events": {"trial": 0},
        "flat_events": {"trial": 0},
    },
}
OBJECTS = {
    "View": lambda: spikebin.open_dataset("data")["X_ON"],
    "SheetSet": lambda: spikebin.open_dataset("data"),
    "MatrixFile": lambda: spikebin.MatrixFile(MATRIX),
}
# Of packages that need not be there, and of what other parts of spikebin hand over.
OTHERS = {"add", "block", "forget_tables", "get", "items", "keys", "stored_table", "surplus", "values"}
OTHERS |= {"to_pandas", "to_sparse", "to_xarray"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A data set of two sheets, a recording, and a config with its plan."""
    root = tmp_path_factory.mktemp("misuse")
    for sheet in ("X_ON", "V1_Exc_L2/3"):
        write_part(root / "data", sheet, "10", images(0, 2))
    np.savez(root / "session.npz", time_s=np.arange(0.5, 20), neuron=np.arange(20) % 2)
    np.save(root / "rows.npy", np.arange(3))
    write_datastore(root / "demo" / "recordings", Experiment(50000, 1, sheets=(SheetModel("X_ON", 3),)))
    write_toml(root / CONFIG, "recordings")
    spikebin.plan(root / CONFIG)
    return root


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    """A copy of it to work in: a path that is wrong may be one that something is written to."""
    shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")


def refused(call, given):
    """The message; "" where it works. All but a SpikebinError goes through."""
    try:
        places = [name for name, one in inspect.signature(call).parameters.items() if one.kind is one.POSITIONAL_ONLY]
        first = [given.pop(name) for name in places if name in given]
        found = call(*first, **given)
        if inspect.isgenerator(found):
            list(found)
    except SpikebinError as error:
        return str(error)
    return ""


def try_all(call, right):
    """Put wrong values in the place of each argument."""
    said = []
    for name, parameter in inspect.signature(call).parameters.items():
        for wrong in WRONG if parameter.kind is not parameter.VAR_KEYWORD else ():
            given = {key: value() if callable(value) else value for key, value in right.items()}
            message = refused(call, {**given, name: wrong})
            assert "\n" not in message
            assert not message or len(message) > 15, (name, wrong, message)
            said.append(message)
    return said


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore:Data type alias 'a' was deprecated")
def test_a_call(here, name):
    call = getattr(spikebin, name)
    said = try_all(call, CALLS[name])
    assert any(said) or name in {"formats", "template"}


@pytest.mark.parametrize("name", FIRST)
def test_the_first_argument_of_a_call(here, name):
    if name in {"collate", "FileBatchSampler", "TrialDataset"}:
        pytest.importorskip("torch", reason="torch is not installed (extra torch)")
    first, right = FIRST[name]
    given = {key: value() if callable(value) else value for key, value in right.items()}
    said = [refused(getattr(spikebin, name), {**given, first: wrong}) for wrong in WRONG]
    assert all(said) or name == "convert", "no files may be converted"


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in METHODS.items() for name in names])
@pytest.mark.filterwarnings("ignore:Data type alias 'a' was deprecated")
def test_a_method(place, monkeypatch, kind, name):
    monkeypatch.chdir(place)
    call = getattr(OBJECTS[kind](), name)
    right = METHODS[kind][name]
    if name == "__getitem__":
        (key,) = right
        for wrong in WRONG:
            refused(lambda wrong=wrong: call(wrong), {})
        assert not refused(lambda: call(right[key]), {})
        return
    assert not refused(call, right)
    try_all(call, right)


def test_nothing_is_left_out():
    assert sorted(spikebin.__all__) == sorted([*CALLS, *FIRST, "SpikebinError", "Tally", "View", "warm"])
    for kind, tried in METHODS.items():
        methods = {
            name for name, one in inspect.getmembers(getattr(spikebin, kind), callable) if not name.startswith("_")
        }
        assert methods - OTHERS == set(tried) - {"__getitem__"}, kind


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda view: view.stats("a"), "stats widths='a': give a list of numbers or None"),
        (lambda view: view.window(0, 1.5), "window stop=1.5: give a whole number"),
        (lambda view: view[0.5], "only integers, slices"),
        (lambda view: view.select(ids="a"), "ids of neurons are whole numbers"),
        (lambda view: view.rebin("a", how="any", rest="drop"), "rebin by 'a': give a whole number of bins"),
        (lambda view: view.groupby(3), "3 is not the name of a column"),
        (lambda view: spikebin.open_file(3), "open_file path=3: give a path"),
        (lambda view: spikebin.open_dataset(3), "open_dataset path=3: give a path"),
        (lambda view: spikebin.open_dataset("data", leave_out=3), "leave_out=3: give a text or a list of texts"),
        (lambda view: spikebin.bin_trials("x", onsets=[0], start=0, stop=1, width=1), "times"),
        (lambda view: spikebin.bin_recording("session.npz", 10, window=5), "window=5: give two numbers or None"),
        (lambda view: spikebin.export("npz", view, "out"), "give a SheetSet, as `open_dataset` gives it"),
        (lambda view: spikebin.convert_file(MATRIX, layout="matrx"), "'matrix' or 'events'"),
        (lambda view: spikebin.convert_file(MATRIX, layout=3), "layout=3: give 'matrix', 'events' or None"),
        (lambda view: spikebin.job(0, CONFIG, sheets="X_ON"), "job sheets='X_ON': give a list of texts"),
        (lambda view: spikebin.run(CONFIG, workers=-1), "-1 threads or workers: give 1 or more"),
        (lambda view: spikebin.plan(CONFIG, replace="no"), "plan replace='no': give True or False"),
        (lambda view: spikebin.demo("new", scale=float("nan")), "a scale above 0"),
    ],
)
def test_what_a_message_says(here, call, message):
    with pytest.raises(SpikebinError) as caught:
        call(spikebin.open_dataset("data", sheet="X_ON"))
    assert message in str(caught.value)


def test_every_annotation_of_a_command_is_one_that_is_checked():
    """Or it is one that only the function itself can judge."""
    from spikebin.calls import _kinds

    unknown = set()
    for name in [*CALLS, *FIRST]:
        call = getattr(spikebin, name)
        if hasattr(call, "__wrapped__"):
            annotations = inspect.get_annotations(call.__wrapped__).items()
            unknown |= {str(one) for parameter, one in annotations if parameter != "return" and not _kinds(str(one))}
    assert unknown == set()
    assert all(typing.get_args(getattr(choices, name)) for name in choices.__all__ if name != "checked")
