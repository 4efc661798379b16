"""Closed choices: what is not one of them is refused at every door of the API, and the message says what there is."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pytest
from drawn import images, write_part

from spikebin import Binning, Dataset, bin_spikes, choices, open_dataset, open_file
from spikebin.choices import checked
from spikebin.cli import _register, app
from spikebin.errors import BinningError, DatasetError, MatrixFileError, SpikebinError
from spikebin.exports.export import export
from spikebin.exports.materialise import materialise
from spikebin.matrixfile.convert import convert_file
from spikebin.matrixfile.layouts.base import make_layout
from spikebin.matrixfile.write_sheet import Settings
from spikebin.pipeline.one_step import bin_recordings
from spikebin.recordings.settings import TrialRule

ALL = {name: choice for name, choice in vars(choices).items() if name in choices.__all__ and get_args(choice)}


@pytest.mark.parametrize("name", ALL)
def test_what_is_one_of_them_is_given_back(name):
    for option in get_args(ALL[name]):
        assert checked(option, ALL[name], name) is option
    for wrong in ("", "sideways", None, 1, [option], option + " ", np.array([option])):
        with pytest.raises(DatasetError, match=f"^{name}=") as refused:
            checked(wrong, ALL[name], name)
        assert all(repr(option) in str(refused.value) for option in get_args(ALL[name]))
        assert "\n" not in str(refused.value)


def test_the_one_that_was_probably_meant_is_named():
    with pytest.raises(MatrixFileError, match=r"^codec='Blosc': give 'blosc2' or 'zlib' \(did you mean 'blosc2'\?\)$"):
        checked("Blosc", choices.Codec, "codec", MatrixFileError)
    with pytest.raises(DatasetError, match=r"^broken='Refuse': .* \(did you mean 'refuse'\?\)$"):
        checked("Refuse", choices.Broken, "broken")
    with pytest.raises(DatasetError, match="give 'a'.*'b' or 'c'$"):
        checked("sideways", Literal["a", "b", "c"], "x")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("choices")
    write_part(root, "X_ON", "1", images(0, 2))
    return root


def test_every_door_of_the_api_is_watched(root, tmp_path):
    sheets = open_dataset(root)
    view = sheets["X_ON"]
    path = view.files[0].path
    npz, out, settings = root / "s.npz", tmp_path / "bin.h5", Settings(Binning())
    np.savez(npz, time_s=[0.1, 0.2], neuron=[0, 1])
    doors = {
        "broken": lambda x: open_dataset(root, broken=x),
        "match": lambda x: open_dataset(root, match=x),
        "Dataset match": lambda x: Dataset(view.files, match=x),
        "window short": lambda x: sheets.window(0, 5, short=x),
        "rebin how": lambda x: view.rebin(2, how=x, rest="drop"),
        "rebin rest": lambda x: view.rebin(2, how="any", rest=x),
        "ragged": lambda x: view.repeats(ragged=x),
        "batches rest": lambda x: view.batches(2, rest=x),
        "sheets' batches rest": lambda x: sheets.batches(2, rest=x),
        "export kind": lambda x: list(export(x, sheets, tmp_path / "out")),
        "export layout": lambda x: list(export("npy", sheets, tmp_path / "out", layout=x)),
        "view layout": lambda x: list(materialise(sheets, tmp_path / "view", lambda view: view, layout=x)),
        "view codec": lambda x: list(materialise(sheets, tmp_path / "view", lambda view: view, codec=x)),
        "file layout": lambda x: make_layout(x, (1, 1, 1), np.dtype(bool), "blosc2"),
        "file codec": lambda x: make_layout("matrix", (1, 1, 1), np.dtype(bool), x),
        "open_file check": lambda x: open_file(path, check=x),
        "convert layout": lambda x: convert_file(path, tmp_path / "new.h5", layout=x),
        "convert codec": lambda x: convert_file(path, tmp_path / "new.h5", codec=x),
        "closed": lambda x: Binning(closed=x),
        "values": lambda x: Binning(values=x),
        "bin_spikes closed": lambda x: bin_spikes([0], [0], n_neurons=1, start=0, stop=1, width=1, closed=x),
        "bin ragged": lambda x: list(bin_recordings([npz], settings, TrialRule(), ragged=x, out=out)),
        "bin layout": lambda x: list(bin_recordings([npz], replace(settings, layout=x), TrialRule(), out=out)),
        "bin codec": lambda x: list(bin_recordings([npz], replace(settings, codec=x), TrialRule(), out=out)),
        "blank": lambda x: TrialRule(blank=x),
    }
    for name, door in doors.items():
        for wrong in ("Refuse", "foo", 3):
            with pytest.raises(SpikebinError, match="give '"):
                pytest.fail(f"{name} took {wrong!r}: {door(wrong)}")
    assert not any(tmp_path.iterdir())
    with pytest.raises(BinningError):
        Binning(closed="Left")


def test_commands_take_the_choices_as_they_are():
    """No option of a command lists by hand what choices.py lists."""
    _register()
    taken = set()
    for command in app.registered_commands:
        hints = inspect.get_annotations(command.callback, eval_str=True)
        for hint in hints.values():
            base = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
            taken |= {name for name, choice in ALL.items() if base in {choice, choice | None}}
    assert taken >= {
        "Match",
        "Layout",
        "Codec",
        "How",
        "Rest",
        "Short",
        "Closed",
        "Values",
        "ExportTarget",
        "OldLayout",
    }
