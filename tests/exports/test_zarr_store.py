"""A zarr store of a sheet: what zarr and xarray read is the data set, and it is there complete or not at all."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from conftest import one_line_error, spikebin
from drawn import LAYOUTS, Shown, images, write_part
from later import Later

from spikebin import open_dataset
from spikebin.cli.docs import DOCS
from spikebin.dataset.labelled import trial_columns
from spikebin.errors import DatasetError, SpikebinError
from spikebin.exports.export import export

zarr = Later("zarr")


@pytest.fixture(scope="module", autouse=True)
def _zarr_is_there():
    pytest.importorskip("zarr", reason="zarr is not installed (extra zarr)")


SHEETS = ("X_ON", "V1_Exc_L2/3")
PARTS = {"9": images(90, 3), "10": images(100, 2, repeats=2, length=15)}


@pytest.fixture
def root(request, tmp_path):
    """Of one layout; tests of what is read ask for each."""
    root = tmp_path / "dataset"
    for sheet in SHEETS:
        for part, shown in PARTS.items():
            write_part(root, sheet, part, shown, layout=getattr(request, "param", LAYOUTS[0]))
    return root


def stores(out):
    return {path.name.removesuffix(".zarr"): path for path in (out / "train_dataset/zarr").glob("*.zarr")}


@pytest.mark.parametrize("root", LAYOUTS, indirect=True)
def test_zarr_reads_what_the_data_set_holds(root, tmp_path):
    sheets = open_dataset(root)
    done = list(export("zarr", sheets, tmp_path))
    assert [(one.part, one.files, one.skipped) for one in done] == [("9", 3, False), ("10", 4, False)] * 2
    assert set(stores(tmp_path)) == {"X_ON", "V1_Exc_L23"}
    dataset = sheets["V1_Exc_L2/3"]
    group = zarr.open_group(stores(tmp_path)["V1_Exc_L23"], mode="r")
    spikes = group["spikes"]
    assert spikes.dtype == bool
    assert spikes.chunks == (1, *dataset.shape[1:])
    assert spikes.metadata.dimension_names == ("trial", "neuron", "time")
    assert np.array_equal(spikes[...], dataset[...])
    for name in dataset.trials.dtype.names:
        assert group[name].metadata.dimension_names == ("trial",)
        assert group[name][...].tolist() == dataset.trials[name].tolist()
    assert group["neuron"][...].tolist() == dataset.neurons["neuron_id"].tolist()
    assert np.array_equal(group["z"][...], dataset.neurons["z"], equal_nan=True)
    assert group["phase"][...].tolist() == ["blank", "image"]
    assert np.array_equal(group["phase_bins"][...], dataset.phases()[1])
    assert group.attrs["sheet"] == "V1_Exc_L2/3"
    assert group.attrs["binning"]["width"] == 1
    assert [source["content_digest"] for source in group.attrs["sources"]] == [
        file.header.content_digest for file in dataset.files
    ]


@pytest.mark.parametrize("root", LAYOUTS, indirect=True)
def test_xarray_reads_it_labelled_and_without_a_warning(root, tmp_path):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed (extra xarray)")
    view = open_dataset(root)["X_ON"].select(index=[4, 1]).rebin(2, how="count", rest="keep")
    list(export("zarr", open_dataset(root).select(index={"X_ON": [4, 1]}).rebin(2, how="count", rest="keep"), tmp_path))
    with xarray.open_zarr(stores(tmp_path)["X_ON"], chunks=None) as found:
        spikes = found["spikes"]
        assert spikes.dims == ("trial", "neuron", "time")
        assert spikes.dtype == np.uint8
        assert set(spikes.coords) >= {"neuron", "time", "image_id", "repeat", "n_bins", "part"}
        assert found.attrs["views"] == " | ".join(view.steps)
        few = spikes.sel(neuron=[100], time=slice(-1, 3))
        assert np.array_equal(few, view[:, [0], 2:5])
        assert np.array_equal(spikes[found.part == "10"], view[3:])


def test_the_example_of_the_page_on_views(tmp_path, monkeypatch):
    pytest.importorskip("xarray", reason="xarray is not installed (extra xarray)")
    root, sheet = tmp_path / "dataset", "V1_Exc_L2/3"
    whole = write_part(root, sheet, "50000", images(50000, 3), ids=(4, 624, 625))
    list(export("zarr", open_dataset(root), tmp_path / "OUT"))
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "views.md").read_text("utf-8")
    (example,) = re.findall(r"<!-- test: zarr -->\n```python\n(.*?)```", page, re.DOTALL)
    *lines, last = example.strip().splitlines()
    names = {}
    exec("\n".join(lines), names)
    assert np.array_equal(eval(last, names), whole[:1, 1:])


def test_what_is_there_of_the_same_is_left_alone_and_else_written_anew(root, tmp_path):
    list(export("zarr", open_dataset(root), tmp_path))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("zarr.json")}
    assert all(done.skipped for done in export("zarr", open_dataset(root), tmp_path))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("zarr.json")} == before
    whole = write_part(root, "X_ON", "9", [*images(90, 3), Shown("93", order=3)], seed=1)
    with pytest.raises(DatasetError, match="do not have the same trials"):
        list(export("zarr", open_dataset(root), tmp_path))
    common = open_dataset(root, match="common")
    done = {(one.sheet, one.part): (one.files, one.skipped) for one in export("zarr", common, tmp_path)}
    assert done == {
        ("V1_Exc_L23", "9"): (3, True),
        ("V1_Exc_L23", "10"): (4, True),
        ("X_ON", "9"): (3, False),
        ("X_ON", "10"): (4, False),
    }
    group = zarr.open_group(stores(tmp_path)["X_ON"], mode="r")
    assert np.array_equal(group["spikes"][:3, :, :17], whole[:3])
    assert not [path for path in (tmp_path / "train_dataset/zarr").iterdir() if path.suffix != ".zarr"]


def test_a_store_that_is_not_whole_is_not_there_and_is_gone_on_with(root, tmp_path):
    sheets = open_dataset(root).only(["X_ON"])
    ended = export("zarr", sheets, tmp_path)
    assert next(ended).part == "9"
    ended.close()
    assert stores(tmp_path) == {}
    (building,) = (tmp_path / "train_dataset/zarr").iterdir()
    (building / "spikes/c/3/0").mkdir(parents=True)
    leftover = building / "spikes/c/3/0/0.killed.partial"
    leftover.write_bytes(b"half")
    assert [done.skipped for done in export("zarr", sheets, tmp_path)] == [True, False]
    store = stores(tmp_path)["X_ON"]
    assert np.array_equal(zarr.open_group(store, mode="r")["spikes"][...], sheets["X_ON"][...])
    assert not list(store.rglob("*.partial"))
    assert not building.exists()


@pytest.mark.parametrize("gone", ["spikes/zarr.json", "spikes/c/1", "spikes"])
def test_what_has_lost_something_is_begun_anew(root, tmp_path, gone):
    sheets = open_dataset(root).only(["X_ON"])
    ended = export("zarr", sheets, tmp_path)
    next(ended)
    ended.close()
    (building,) = (tmp_path / "train_dataset/zarr").iterdir()
    lost = building / gone
    if lost.is_dir():
        shutil.rmtree(lost)
    else:
        lost.write_text("{")
    assert [done.skipped for done in export("zarr", sheets, tmp_path)] == [False, False]
    assert np.array_equal(zarr.open_group(stores(tmp_path)["X_ON"], mode="r")["spikes"][...], sheets["X_ON"][...])


def test_what_was_begun_from_something_else_is_begun_anew(root, tmp_path):
    sheets = open_dataset(root).only(["X_ON"])
    ended = export("zarr", sheets, tmp_path)
    next(ended)
    ended.close()
    assert [done.skipped for done in export("zarr", sheets.window(0, 9), tmp_path)] == [False, False]
    assert np.array_equal(
        zarr.open_group(stores(tmp_path)["X_ON"], mode="r")["spikes"][...], sheets["X_ON"].window(0, 9)[...]
    )
    note = tmp_path / "train_dataset/.spikebin/zarr-X_ON/written.json"
    assert not note.exists()
    for name, chain in (("whole", sheets), ("window", sheets.window(0, 9))):
        other = export("zarr", chain, tmp_path / name)
        next(other)
        other.close()
    stale = note.relative_to(tmp_path)
    shutil.copy(tmp_path / "whole" / stale, tmp_path / "window" / stale)
    assert [done.skipped for done in export("zarr", sheets, tmp_path / "window")] == [False, False]
    assert np.array_equal(
        zarr.open_group(stores(tmp_path / "window")["X_ON"], mode="r")["spikes"][...], sheets["X_ON"][...]
    )
    note.write_text("{")
    (stores(tmp_path)["X_ON"] / "zarr.json").write_text('{"attributes": []}')
    assert [done.skipped for done in export("zarr", sheets, tmp_path)] == [False, False]


def test_two_writers_do_not_get_in_each_others_way(root, tmp_path):
    sheets = open_dataset(root).only(["X_ON"])
    first = export("zarr", sheets, tmp_path)
    next(first)
    with pytest.raises(SpikebinError, match="another spikebin is at work in"):
        list(export("zarr", sheets, tmp_path))
    assert [done.part for done in first] == ["10"]
    assert set(stores(tmp_path)) == {"X_ON"}


def test_columns_named_as_something_else(root):
    trials = np.zeros(2, [("time", float), ("pos/neg", int), ("trial", int), ("image_id", "U3")])
    assert list(trial_columns(trials, {"time", "neuron"})) == ["trial_time", "pos_neg", "trial_trial", "image_id"]


@pytest.mark.slow
def test_the_command(root, tmp_path):
    result = spikebin("export", "zarr", tmp_path, "--dataset", root, "--sheet", "X_ON")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "train: 2 written, 0 there already"
    assert set(stores(tmp_path)) == {"X_ON"}
    again = spikebin("export", "zarr", tmp_path, "--dataset", root, "--sheet", "X_ON")
    assert again.stdout.splitlines()[-1] == "train: 0 written, 2 there already"
    one_line_error(spikebin("export", "zarr", tmp_path, "--dataset", root, "--step", 20), "npz only")
    (tmp_path / "file").touch()
    one_line_error(spikebin("export", "zarr", tmp_path / "file", "--dataset", root), "cannot be written")
