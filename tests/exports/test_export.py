"""The old pipeline's layouts: equal to what its own scripts wrote; comparing, other formats, and the commands."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from drawn import Shown, images, write_part

from spikebin import SheetSet, open_dataset
from spikebin.errors import DatasetError
from spikebin.exports.compare import compare
from spikebin.exports.export import export

FILES = {("raw", None): 36, ("trimmed", None): 120, ("trimmed", 20): 120}


def written_by_the_old_scripts(datastores, variant):
    """Path below <variant>_dataset -> file, of all that the old scripts wrote."""
    places = [datastores / "oracle" / variant, datastores / "oracle_pipeline" / variant]
    return {path.relative_to(place): path for place in places for path in place.rglob("*.np[yz]")}


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["train", "test"])
def test_every_file_is_what_the_old_scripts_wrote(exported, datastores, variant):
    old = written_by_the_old_scripts(datastores, variant)
    mine = exported / "old" / f"{variant}_dataset"
    assert {path.relative_to(mine) for path in mine.rglob("*.np[yz]")} == set(old)
    rows = {
        path.stem.removeprefix("neuron_ids_"): np.argsort(np.load(path))
        for path in old.values()
        if "neuron_ids" in path.name
    }
    assert len(rows) == {"train": 12, "test": 6}[variant]
    for name, path in old.items():
        if path.suffix == ".npy":
            wanted, found = np.load(path), np.load(mine / name)
            if "neuron_ids" in path.name:
                wanted = np.sort(wanted)
            assert np.array_equal(found, wanted)
            assert found.dtype == wanted.dtype
            continue
        wanted, found = scipy.sparse.load_npz(path), scipy.sparse.load_npz(mine / name)
        # The old rows follow the recording; its order is recognised from the neuron_ids of the same part.
        part = int(path.stem.rpartition("_")[2])
        sheet = name.parent.name
        order = rows[f"{sheet}_{part // 50 * 50}"]
        wanted = wanted[order]
        assert found.shape == wanted.shape
        assert found.dtype == wanted.dtype
        assert type(found) is type(wanted)
        assert found.indices.dtype == wanted.indices.dtype
        assert found.has_canonical_format
        assert (found != wanted).nnz == 0
        assert found.nnz == wanted.nnz


@pytest.mark.slow
def test_columns_of_an_item_are_those_of_the_old_ones(exported):
    place = exported / "old/train_dataset"
    shapes = {
        name: scipy.sparse.load_npz(place / name).shape
        for name in (
            "trimmed_spikes/X_ON/spikes_50000.npz",
            "trimmed_spikes/X_ON/spikes_50009.npz",
            "compressed_spikes/trimmed/size_20/X_ON/spikes_50000.npz",
            "compressed_spikes/trimmed/size_20/X_ON/spikes_50009.npz",
        )
    }
    assert [shape[1] for shape in shapes.values()] == [712, 561, 35, 28]


@pytest.mark.slow
def test_what_is_there_already_is_left_alone(exported, tmp_path):
    sheets = open_dataset(exported / "dataset/test")
    first = list(export("npz", sheets, tmp_path))
    assert [(done.files, done.skipped) for done in first] == [(20, False)] * 6
    files = sorted(tmp_path.rglob("*.npz"))
    stamps = [path.stat().st_mtime_ns for path in files]
    assert all(done.skipped for done in export("npz", sheets, tmp_path))
    assert [path.stat().st_mtime_ns for path in files] == stamps
    files[0].unlink()
    assert sum(not done.skipped for done in export("npz", sheets, tmp_path)) == 1
    assert files[0].exists()
    chosen = {"X_ON": np.array([5, 2])}
    with pytest.raises(DatasetError, match="other neurons or trials.*--force"):
        list(export("npz", sheets, tmp_path, index=chosen))
    (again,) = export("npz", sheets, tmp_path, index=chosen, force=True)
    assert not again.skipped
    item = scipy.sparse.load_npz(tmp_path / "test_dataset/trimmed_spikes/X_ON/spikes_trial_1_300052.npz")
    whole = sheets["X_ON"].window(0, 712, across=True, short="cut")
    assert np.array_equal(item.toarray(), whole[7, [5, 2]])
    note = next((tmp_path / "test_dataset/.spikebin").glob("*X_ON*.json"))
    note.write_text("{")
    assert [done.skipped for done in export("npz", sheets, tmp_path, index=chosen)] == [False]


def test_what_the_old_layouts_cannot_hold_is_refused(tmp_path):
    root = tmp_path / "uneven"
    write_part(root, "X_ON", "1", [Shown("a"), Shown("b", 0, 1, length=9)])
    with pytest.raises(DatasetError, match="14 to 17 bins, and the old layouts hold one length only"):
        list(export("npz", open_dataset(root), tmp_path / "out"))
    root = tmp_path / "named"
    write_part(root, "X_ON", "1-2", images(0, 2))
    sheets = open_dataset(root)
    with pytest.raises(DatasetError, match="part '1-2' is not a number to count images from"):
        list(export("npz", sheets, tmp_path / "out"))
    assert [done.files for done in export("npz", sheets, tmp_path / "out", layout="raw")] == [3]
    for wrong, words in (
        ({"layout": "neat"}, "layout='neat': give 'raw' or 'trimmed'"),
        ({"layout": "raw", "step": 20}, "need 'trimmed'"),
        ({"step": 0}, "steps of 1 bin or more"),
        ({"index": {"X_OM": np.array([1]), "X_ON": np.array([1])}, "kind": "npz"}, "not a number"),
        ({"kind": "zip"}, "export kind='zip': give 'npz'"),
        ({"kind": "npy", "step": 3}, "is for npz only"),
    ):
        with pytest.raises(DatasetError, match=words):
            list(export(wrong.pop("kind", "npz"), sheets, tmp_path / "out", **wrong))
    with pytest.raises(DatasetError, match="is a view"):
        list(export("npz", sheets.take([0]), tmp_path / "out"))
    assert not list((tmp_path / "out").rglob("trimmed_spikes"))


def test_repeats_whose_images_are_in_another_order(tmp_path):
    shown = [Shown("a"), Shown("b", 0, 1), Shown("b", 1, 2), Shown("a", 1, 3)]
    whole = write_part(tmp_path / "new", "X_ON", "70", shown)
    sheets = open_dataset(tmp_path / "new")
    list(export("npz", sheets, tmp_path / "old", layout="raw"))
    place = tmp_path / "old/train_dataset"
    assert np.load(place / "image_ids/image_ids_X_ON_70.npy").tolist() == [["a", "b"], ["b", "a"]]
    second = scipy.sparse.load_npz(place / "spikes/X_ON/spikes_trial_1_X_ON_70.npz").toarray()
    assert np.array_equal(second, np.concatenate([whole[2], whole[3]], axis=1))
    np.save(place / "image_ids/image_ids_X_ON_70.npy", np.array(["a", "b"]))
    (bad,) = (verdict for verdict in compare(sheets, place) if not verdict.agrees)
    assert "the old file has that of the first only" in str(bad)


def test_only_a_repeat_that_is_not_the_first_is_in_the_name(tmp_path):
    write_part(tmp_path / "new", "X_ON", "5", images(0, 2))
    write_part(tmp_path / "new", "X_ON", "9", [Shown("a", 2, 0)])
    list(export("npz", open_dataset(tmp_path / "new"), tmp_path / "old"))
    names = sorted(path.name for path in (tmp_path / "old").rglob("*.npz"))
    assert names == ["spikes_5.npz", "spikes_6.npz", "spikes_trial_2_9.npz"]


def test_parts_that_would_write_over_each_other_are_refused(tmp_path):
    for part in ("0", "1"):
        write_part(tmp_path / "chunks", "X_ON", part, images(10 * int(part), 3))
    sheets = open_dataset(tmp_path / "chunks")
    with pytest.raises(DatasetError, match="3 images of part 0 would be numbered over those of part 1"):
        list(export("npz", sheets, tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert [done.files for done in export("npz", sheets, tmp_path / "out", layout="raw")] == [3, 3]
    for part in ("0", "3"):
        write_part(tmp_path / "repeated", "X_ON", part, images(10 * int(part), 3, repeats=2))
    assert [done.files for done in export("npz", open_dataset(tmp_path / "repeated"), tmp_path / "all")] == [6, 6]
    assert len(list((tmp_path / "all").rglob("*.npz"))) == 12


def test_parts_exported_one_by_one_do_not_write_over_each_other(tmp_path):
    for part in ("0", "3", "5"):
        write_part(tmp_path / "new", "X_ON", part, images(10 * int(part), 3))
    list(export("npz", open_dataset(tmp_path / "new", leave_out=["5"]), tmp_path / "out"))
    before = {path: path.read_bytes() for path in tmp_path.joinpath("out").rglob("*.*") if path.is_file()}
    with pytest.raises(DatasetError, match=r"spikes_5\.npz in .* is another part's than 5"):
        list(export("npz", open_dataset(tmp_path / "new", leave_out=["3"]), tmp_path / "out"))
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("kind", ["npz", "npy", "mat", "zarr"])
def test_rows_may_be_a_list_or_a_mask(tmp_path, kind):
    write_part(tmp_path / "new", "X_ON", "5", images(0, 2))
    sheets = open_dataset(tmp_path / "new")
    mask = np.array([True, False, False, False, False, True])
    chosen = [{"X_ON": rows} for rows in ([0, 5], mask, np.array([0, 5]))]
    done = [exported.skipped for index in chosen for exported in export(kind, sheets, tmp_path / "out", index=index)]
    assert done == [False, True, True]


def test_a_part_with_fewer_trials_than_before_leaves_no_file_behind(tmp_path):
    write_part(tmp_path / "new", "X_ON", "0", images(0, 4))
    write_part(tmp_path / "new", "X_ON", "9", images(9, 2))
    list(export("npz", open_dataset(tmp_path / "new"), tmp_path / "old"))
    folder = tmp_path / "old/train_dataset/trimmed_spikes/X_ON"
    assert {path.name for path in folder.iterdir()} == {f"spikes_{i}.npz" for i in (0, 1, 2, 3, 9, 10)}
    write_part(tmp_path / "new", "X_ON", "0", images(0, 2))
    write_part(tmp_path / "new", "X_ON", "3", images(3, 1))
    with pytest.raises(DatasetError, match="holds 0 of X_ON from another source"):
        list(export("npz", open_dataset(tmp_path / "new"), tmp_path / "old"))
    again = export("npz", open_dataset(tmp_path / "new"), tmp_path / "old", force=True)
    assert [done.skipped for done in again] == [
        False,
        False,
        True,
    ]
    assert {path.name for path in folder.iterdir()} == {f"spikes_{i}.npz" for i in (0, 1, 3, 9, 10)}


# --- compare ---


@pytest.fixture
def old(exported, tmp_path):
    """An old data set of one sheet that may be spoilt, and the new one."""
    place = tmp_path / "train_dataset"
    source = exported / "old/train_dataset"
    for name in ("image_ids", "neuron_ids", "spikes/X_ON", "trimmed_spikes/X_ON"):
        shutil.copytree(source / name, place / name)
    return place, open_dataset(exported / "dataset/train")


# --- lists of neurons ---


def test_rows_that_are_not_there_are_one_line_and_nothing_is_written(tmp_path):
    write_part(tmp_path / "new", "X_ON", "5", images(0, 2))
    sheets = open_dataset(tmp_path / "new")
    for kind in ("npz", "npy", "zarr"):
        with pytest.raises(DatasetError, match="6 neurons of train/X_ON cannot be indexed like this"):
            list(export(kind, sheets, tmp_path / "out", index={"X_ON": np.array([6])}))
    assert not (tmp_path / "out").exists()
    with pytest.raises(IndexError):
        sheets["X_ON"].select(index=[-7])


# --- commands ---


@pytest.fixture
def uneven(tmp_path):
    """Two sheets: one lacks a trial and a part, and its parts have other neurons."""
    root = tmp_path / "uneven"
    arrays = {
        ("X_ON", "1"): write_part(root, "X_ON", "1", images(0, 4)),
        ("X_OFF", "1"): write_part(root, "X_OFF", "1", [one for one in images(0, 4) if one.order != 1]),
        ("X_ON", "11"): write_part(root, "X_ON", "11", images(10, 2), ids=(4, 8, 9, 100, 101, 102)),
        ("X_OFF", "11"): write_part(root, "X_OFF", "11", images(10, 2)),
        ("X_ON", "21"): write_part(root, "X_ON", "21", images(20, 2)),
    }
    return root, arrays


def test_what_all_sheets_have_is_exported(uneven, tmp_path):
    root, arrays = uneven
    sheets = open_dataset(root, match="common")
    assert sheets.left_out == {"21": "not there for X_OFF"}
    with pytest.raises(DatasetError, match="X_ON of part 1 has trials that another sheet lacks"):
        list(export("npz", sheets, tmp_path))
    assert not (tmp_path / "train_dataset").exists()
    done = {(one.sheet, one.part): one.files for one in export("npz", sheets, tmp_path, layout="raw")}
    assert done == {("X_ON", "1"): 3, ("X_ON", "11"): 3, ("X_OFF", "1"): 3, ("X_OFF", "11"): 3}
    both = arrays["X_ON", "1"][:, 1:]
    raw = scipy.sparse.load_npz(tmp_path / "train_dataset/spikes/X_ON/spikes_X_ON_1.npz").toarray()
    assert np.array_equal(raw, np.concatenate(list(both[[0, 2, 3]]), axis=1))
    assert np.load(tmp_path / "train_dataset/image_ids/image_ids_X_ON_1.npy").tolist() == ["0", "2", "3"]
    assert np.load(tmp_path / "train_dataset/neuron_ids/neuron_ids_X_ON_1.npy").tolist() == [4, 8, 9, 100, 101]
    assert all(verdict.agrees for verdict in compare(sheets, tmp_path / "train_dataset"))
    list(export("npy", sheets, tmp_path, index={"X_ON": np.array([4, 0])}))
    dense = np.load(tmp_path / "train_dataset/npy/X_ON/spikes_X_ON_11.npy")
    assert np.array_equal(dense, sheets["X_ON"].select(index=[4, 0])[3:])
    assert np.array_equal(dense, arrays["X_ON", "11"][:, [4, 0]])
    with pytest.raises(DatasetError, match="other neuron ids than part 1"):
        list(export("npz", SheetSet({"X_ON": open_dataset(root, sheet="X_ON")}), tmp_path / "exact"))
