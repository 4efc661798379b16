"""The old pipeline's layouts: equal to what its own scripts wrote; comparing, other formats, and the commands."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from conftest import make_config, one_line_error, spikebin
from drawn import Shown, images, write_part

from spikebin import SheetSet, open_dataset
from spikebin.errors import DatasetError, RecordingError
from spikebin.exports.compare import compare, old_datasets
from spikebin.exports.export import export
from spikebin.exports.old_layouts import read_ids, read_index
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import make_plan

LAYOUTS = [("raw", None), ("trimmed", None), ("trimmed", 20)]
FILES = {("raw", None): 36, ("trimmed", None): 120, ("trimmed", 20): 120}


@pytest.fixture(scope="module")
def exported(datastores, tmp_path_factory):
    """The data sets of the real train and test datastores, and the old files written from them."""
    root = tmp_path_factory.mktemp("exported")
    for variant in ("train", "test"):
        plan, _ = make_plan(make_config(root / "dataset" / variant, datastores / variant, variant))
        for job in plan.jobs:
            assert all(outcome.exported for outcome in run_job(plan, job))
        for layout, step in LAYOUTS:
            list(export("npz", open_dataset(root / "dataset" / variant), root / "old", layout=layout, step=step))
    return root


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
        ({"layout": "raw", "step": 20}, "go with 'trimmed'"),
        ({"step": 0}, "steps of 1 bin or more"),
        ({"index": {"X_OM": np.array([1]), "X_ON": np.array([1])}, "kind": "npz"}, "not a number"),
        ({"kind": "zip"}, "export kind='zip': give 'npz'"),
        ({"kind": "npy", "step": 3}, "goes with npz only"),
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


@pytest.mark.slow
def test_dense_arrays_and_matlab_files(exported, tmp_path):
    sheets = open_dataset(exported / "dataset/test")
    assert [done.files for done in export("npy", sheets, tmp_path)] == [1] * 6
    array = np.load(tmp_path / "test_dataset/npy/V1_Exc_L23/spikes_V1_Exc_L23_300050.npy")
    assert np.array_equal(array, sheets["V1_Exc_L2/3"][...])
    assert array.dtype == bool
    list(export("mat", sheets, tmp_path, index={"V1_Inh_L23": np.array([3, 1])}))
    (path,) = tmp_path.rglob("*.mat")
    found = scipy.io.loadmat(path, squeeze_me=True)
    few = sheets["V1_Inh_L2/3"].select(index=[3, 1])
    assert np.array_equal(found["spikes"].toarray(), few.to_sparse().toarray())
    assert found["image_ids"].tolist() == few.trials["image_id"].tolist()
    assert found["neuron_ids"].tolist() == few.neurons["neuron_id"].tolist()
    assert (found["n_columns"], found["repeats"].tolist()) == (712, few.trials["repeat"].tolist())


# --- compare ---


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["train", "test"])
def test_the_old_data_sets_agree(exported, datastores, variant):
    sheets = open_dataset(exported / "dataset" / variant)
    verdicts = [
        *compare(sheets, datastores / "oracle" / variant),
        *compare(sheets, datastores / "oracle_pipeline" / variant),
    ]
    assert len(verdicts) == {"train": 36 + 240, "test": 36 + 240}[variant]
    assert all(verdict.agrees for verdict in verdicts)
    # The neurons of part 50200 are not sorted in the recording, and so not in the old files.
    reordered = [verdict for verdict in verdicts if verdict.remarks]
    assert len(reordered) == {"train": 12 + 120, "test": 0}[variant]
    assert all("502" in verdict.path for verdict in reordered)


@pytest.fixture
def old(exported, tmp_path):
    """An old data set of one sheet that may be spoilt, and the new one."""
    place = tmp_path / "train_dataset"
    source = exported / "old/train_dataset"
    for name in ("image_ids", "neuron_ids", "spikes/X_ON", "trimmed_spikes/X_ON"):
        shutil.copytree(source / name, place / name)
    return place, open_dataset(exported / "dataset/train")


def change(path, edit):
    matrix = scipy.sparse.lil_matrix(scipy.sparse.load_npz(path))
    matrix = edit(matrix)
    scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(matrix))


def moved_back(matrix):
    """A spike moved to the bin before it, where that is empty."""
    rows, columns = matrix.nonzero()
    row, column = next((r, c) for r, c in zip(rows, columns, strict=True) if c > 0 and not matrix[r, c - 1])
    matrix[row, column], matrix[row, column - 1] = 0, 1
    return matrix


def flipped(matrix):
    matrix[3, 100] = 1 - matrix[3, 100]
    matrix[4, 200] = 1 - matrix[4, 200]
    return matrix


def shuffled_segments(matrix):
    """Rows in another order in every image."""
    blocks = [matrix[:, i : i + 712] for i in range(0, 7120, 712)]
    return scipy.sparse.hstack([block.tocsr()[np.roll(np.arange(72), i)] for i, block in enumerate(blocks)])


RAW = "spikes/X_ON/spikes_X_ON_50000.npz"
ITEM = "trimmed_spikes/X_ON/spikes_50003.npz"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        (RAW, lambda path: change(path, moved_back), "spikes that lie one bin earlier in the old file: 1;"),
        (ITEM, lambda path: change(path, flipped), "cells that differ: 2,"),
        (RAW, lambda path: change(path, lambda m: m[:70]), "has 70 of 72 neurons: the old script cuts"),
        (RAW, lambda path: change(path, lambda m: scipy.sparse.hstack([m, m[:, :712]])), "has 1 x 712 columns more"),
        (RAW, lambda path: change(path, lambda m: m[:, :-1]), "has 7119 columns"),
        (RAW, lambda path: change(path, shuffled_segments), "in each image the same rows in another order"),
        (RAW, Path.unlink, "the old data set has no such file"),
        (RAW, lambda path: path.write_bytes(b"PK"), "cannot be read"),
        (RAW, lambda path: change(path, lambda m: m.astype(np.int64)), "int64 in the old file, uint8 in the new one"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_difference_is_explained(old, name, spoil, words):
    place, sheets = old
    spoil(place / name)
    found = {verdict.path: verdict for verdict in compare(sheets, place) if verdict.remarks or not verdict.agrees}
    assert list(found) == [name]
    assert words in str(found[name])
    assert found[name].agrees == ("int64" in words)


@pytest.mark.slow
def test_more_differences(old):
    place, sheets = old
    ids = place / "neuron_ids/neuron_ids_X_ON_50000.npy"
    np.save(ids, np.load(ids)[::-1])
    change(place / RAW, lambda m: m[::-1])
    shutil.copy(place / ITEM, place / "trimmed_spikes/X_ON/spikes_50010.npz")
    shutil.copytree(place / "trimmed_spikes/X_ON", place / "trimmed_spikes/X_MID")
    names = place / "image_ids/image_ids_X_ON_50200.npy"
    np.save(names, np.load(names)[::-1])
    found = {verdict.path: verdict for verdict in compare(sheets, place) if verdict.remarks or not verdict.agrees}
    assert "the old rows follow its neuron_ids" in str(found[RAW])
    assert found[RAW].agrees
    assert "in the recording's order" in str(found["neuron_ids/neuron_ids_X_ON_50000.npy"])
    assert "the same images in another order" in str(found["image_ids/image_ids_X_ON_50200.npy"])
    assert "no such part or trial" in str(found["trimmed_spikes/X_ON/spikes_50010.npz"])
    assert "no such sheet" in str(found["trimmed_spikes/X_MID"])
    np.save(ids, np.load(ids) + 1)
    np.save(names, np.load(names)[:4])
    found = {verdict.path: verdict for verdict in compare(sheets, place, all_sheets=False)}
    assert "trimmed_spikes/X_MID" not in found
    assert "ids are only in the new file" in str(found["neuron_ids/neuron_ids_X_ON_50000.npy"])
    assert "the old neuron_ids are of other neurons" in str(found[RAW])
    assert "other images: 4 in the old file" in str(found["image_ids/image_ids_X_ON_50200.npy"])


@pytest.mark.slow
def test_which_variants_an_old_directory_holds(old, tmp_path):
    place, sheets = old
    assert old_datasets(place, ["test", "train"]) == [("train", place)]
    assert old_datasets(tmp_path, ["test", "train"]) == [("train", place)]
    renamed = place.rename(tmp_path / "2019")
    assert old_datasets(renamed, ["train"], "train") == [("train", renamed)]
    with pytest.raises(DatasetError, match="is of variant '2019'"):
        old_datasets(renamed, ["train"])
    with pytest.raises(DatasetError, match="holds no spikes"):
        old_datasets(tmp_path, ["train"])
    with pytest.raises(DatasetError, match="holds no spikes"):
        list(compare(sheets, tmp_path))


# --- lists of neurons ---


def dumped(path, value):
    path.write_bytes(pickle.dumps(value, 2))
    return path


def test_lists_of_neurons_are_read_and_never_run(tmp_path):
    path = dumped(tmp_path / "size_10.0.pkl", {"X_ON": [3, 1], "V1_Exc_L23": np.array([7, 5, 0]), "X_OFF": []})
    index = read_index(path)
    assert {name: rows.tolist() for name, rows in index.items()} == {
        "X_ON": [3, 1],
        "V1_Exc_L23": [7, 5, 0],
        "X_OFF": [],
    }
    assert all(rows.dtype == np.int64 for rows in index.values())
    for wrong in ([1, 2], {"X_ON": [1.5]}, {"X_ON": 3}, {1: [2]}, {"X_ON": [[1]]}, {"X_ON": ["a"]}):
        with pytest.raises(DatasetError, match="is not a list of neurons"):
            read_index(dumped(tmp_path / "wrong.pkl", wrong))
    with pytest.raises(RecordingError, match="nothing was run"):
        read_index(dumped(tmp_path / "hostile.pkl", Path("/")))
    with pytest.raises(RecordingError, match="is missing"):
        read_index(tmp_path / "nowhere.pkl")


def test_rows_that_are_not_there_are_one_line_and_nothing_is_written(tmp_path):
    write_part(tmp_path / "new", "X_ON", "5", images(0, 2))
    sheets = open_dataset(tmp_path / "new")
    for kind in ("npz", "npy", "zarr"):
        with pytest.raises(DatasetError, match="6 neurons of train/X_ON cannot be indexed so"):
            list(export(kind, sheets, tmp_path / "out", index={"X_ON": np.array([6])}))
    assert not (tmp_path / "out").exists()
    with pytest.raises(IndexError):
        sheets["X_ON"].select(index=[-7])


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more", b"\x93NUMPY"])
def test_damaged_ids_are_one_line(tmp_path, content):
    (tmp_path / "ids.npy").write_bytes(content)
    with pytest.raises(DatasetError, match=r"is not a \.npy file of neuron ids"):
        read_ids(tmp_path / "ids.npy")


def test_ids_beyond_int64_are_refused(tmp_path):
    np.save(tmp_path / "ids.npy", np.array([1 << 63], np.uint64))
    with pytest.raises(DatasetError, match="9223372036854775808, which is not a neuron's id"):
        read_ids(tmp_path / "ids.npy")


def test_ids_are_read_from_npy(tmp_path):
    np.save(tmp_path / "ids.npy", np.array([4, 2], np.int32))
    assert read_ids(tmp_path / "ids.npy").tolist() == [4, 2]
    np.save(tmp_path / "wrong.npy", np.array([4.5]))
    with pytest.raises(DatasetError, match="is not a list of neuron ids"):
        read_ids(tmp_path / "wrong.npy")
    with pytest.raises(DatasetError, match=r"is not a \.npy file of neuron ids"):
        read_ids(tmp_path / "nowhere.npy")


# --- commands ---


@pytest.mark.slow
def test_commands_export_and_compare(exported, datastores, tmp_path):
    dataset = exported / "dataset/test"
    chosen = dumped(tmp_path / "size_10.0.pkl", {"X_ON": list(range(10))})
    result = spikebin(
        "export", "npz", tmp_path, "--dataset", dataset, "--step", 20, "--neurons-index", chosen, "--sheet", "X_ON"
    )
    assert result.returncode == 0, result.stderr
    assert "1 written, 0 there already" in result.stdout
    assert scipy.sparse.load_npz(next(tmp_path.rglob("spikes_trial_3_300053.npz"))).shape == (10, 35)
    one_line_error(spikebin("export", "zip", tmp_path, "--dataset", dataset), "zip", "npz", code=2)

    result = spikebin("compare", datastores / "oracle", "--dataset", dataset, "--sheet", "V1_Inh_L4")
    assert (result.returncode, result.stdout, result.stderr) == (0, "6 of 6 files agree\n", "")
    result = spikebin("compare", tmp_path, "--dataset", dataset, "--json")
    verdicts = json.load(io.StringIO(result.stdout))
    assert result.returncode == 1
    assert {verdict["path"].split("/")[3] for verdict in verdicts} == {"X_ON"}
    assert all("has 10 of 72 neurons" in verdict["remarks"][0] for verdict in verdicts)
    one_line_error(spikebin("compare", dataset, "--dataset", dataset), "no spikes, trimmed_spikes")


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


@pytest.mark.slow
def test_commands_take_what_all_sheets_have(uneven, tmp_path):
    root, _ = uneven
    for command in (["export", "npy", tmp_path / "out"], ["view", "--out", tmp_path / "out", "--window", "0:12"]):
        one_line_error(spikebin(*command, "--dataset", root, "--leave-out", 21), "the same trials in 1", "common")
        one_line_error(spikebin(*command, "--dataset", root, "--match", "all"), "'exact', 'common'", code=2)
        result = spikebin(*command, "--dataset", root, "--match", "common")
        assert result.returncode == 0, result.stderr
        assert result.stderr.splitlines()[0] == "left out: train/21: not there for X_OFF"
        assert result.stdout == "train: 4 written, 0 there already\n"
    wanted = open_dataset(root, match="common").window(0, 12)
    found = open_dataset(tmp_path / "out")
    for name in found:
        assert np.array_equal(found[name][...], wanted[name][...])
        assert found[name].trials["image_id"].tolist() == ["0", "2", "3", "10", "11"]
    result = spikebin("compare", tmp_path, "--dataset", root, "--match", "common")
    assert "holds no spikes" in result.stderr


def on_a_terminal(*arguments, cwd):
    """Exit code, stdout, and what a terminal on stderr shows."""
    mine, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "spikebin", *map(str, arguments)],
        cwd=cwd,
        stderr=theirs,
        stdout=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
        text=True,
    ) as process:
        os.close(theirs)
        seen = b""
        # Linux ends a terminal whose other side is closed with an error.
        with contextlib.suppress(OSError):
            while block := os.read(mine, 4096):
                seen += block
        answer = process.stdout.read()
    os.close(mine)
    return process.returncode, answer, seen.decode()


@pytest.mark.slow
@pytest.mark.parametrize("command", [["export", "npy", "out"], ["view", "--out", "out"]])
def test_a_terminal_sees_a_bar_and_a_pipe_lines(uneven, tmp_path, command):
    root, _ = uneven
    arguments = [*command, "--dataset", root, "--sheet", "X_OFF"]
    piped = spikebin(*arguments, cwd=tmp_path)
    assert len(piped.stderr.splitlines()) == 2, piped.stderr
    assert piped.stdout == "train: 2 written, 0 there already\n"
    assert "\x1b" not in piped.stderr
    shutil.rmtree(tmp_path / "out")
    returncode, answer, seen = on_a_terminal(*arguments, cwd=tmp_path)
    assert (returncode, answer) == (0, "train: 2 written, 0 there already\n")
    assert "2/2" in seen
    assert "X_OFF" not in seen


@pytest.mark.slow
def test_command_view(exported, tmp_path):
    dataset = exported / "dataset/test"
    np.save(tmp_path / "ids.npy", open_dataset(dataset)["X_ON"].neurons["neuron_id"][[4, 1]])
    arguments = ["--dataset", dataset, "--out", tmp_path / "view", "--window", "-10:30", "--short", "refuse"]
    arguments += ["--rebin", 10, "--how", "any", "--rest", "drop"]
    result = spikebin("view", *arguments, "--sheet", "X_ON", "--ids", tmp_path / "ids.npy")
    assert (result.returncode, result.stdout) == (0, "test: 1 written, 0 there already\n")
    assert "20 x 2 x 4" in result.stderr
    wanted = open_dataset(dataset)["X_ON"].select(index=[1, 4]).window(-10, 30).rebin(10, how="any", rest="drop")
    assert np.array_equal(open_dataset(tmp_path / "view")["X_ON"][...], wanted[...])
    result = spikebin("view", *arguments, "--sheet", "X_ON", "--ids", tmp_path / "ids.npy")
    assert result.stdout == "test: 0 written, 1 there already\n"
    one_line_error(spikebin("view", *arguments, "--ids", tmp_path / "ids.npy"), "say which with --sheet")
    one_line_error(spikebin("view", "--dataset", dataset, "--out", tmp_path / "v", "--window", "712"), "as in 0:712")
    for wrong, words in (
        (["--rebin", 3], "say how"),
        (["--how", "any"], "give rebin, too"),
        (["--across"], "give window, too"),
    ):
        one_line_error(spikebin("view", "--dataset", dataset, "--out", tmp_path / "v", *wrong), words)
    wrong = spikebin("view", "--dataset", dataset, "--out", tmp_path / "v", "--layout", "dense")
    one_line_error(wrong, "'dense' is not one of 'matrix', 'events'", code=2)
    for command in (["view", "--out", tmp_path / "v"], ["export", "npz", tmp_path / "v"]):
        one_line_error(spikebin(*command, "--dataset", tmp_path / "nowhere"), "no data set in")
    assert not (tmp_path / "v").exists()
    one_line_error(spikebin("view", "--dataset", dataset, "--out", tmp_path / "v", "--window", "0:712"), "--short pad")
    chosen = dumped(tmp_path / "chosen.pkl", {"X_OFF": [1], "V1_Exc_L23": [0]})
    result = spikebin("view", "--dataset", dataset, "--out", tmp_path / "few", "--neurons-index", chosen)
    assert set(open_dataset(tmp_path / "few")) == {"X_OFF", "V1_Exc_L2/3"}


def test_the_config_tells_where_the_data_set_is_and_what_to_leave_out(tmp_path):
    for part in ("1", "2"):
        write_part(tmp_path / "dataset", "X_ON", part, images(0, 2))
    config = tmp_path / "spikebin.toml"
    config.write_text(
        'output = "dataset"\n[[recordings]]\nvariant = "train"\nroot = "."\nparts = "part{part}"\nexclude = [3]\n'
    )
    jobs = "index,variant,part,sheets,sources\n" + "".join(f"{i},train,{i + 1},X_ON,part{i + 1}\n" for i in range(3))
    (tmp_path / "dataset/jobs.csv").write_text(jobs)
    result = spikebin("export", "npy", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "left out: train/3" in result.stderr
    assert len(list((tmp_path / "out").rglob("*.npy"))) == 2
    result = spikebin("export", "npy", "out", "--leave-out", "2", cwd=tmp_path)
    assert "0 written, 1 there already" in result.stdout
