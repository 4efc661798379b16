"""A directory of matrix files as one lazy array: what is in it, in which order, and what does not fit."""

from __future__ import annotations

import gc
import pickle
import tracemalloc

import numpy as np
import pytest
from drawn import LAYOUTS, Shown, images, side_by_side, write_part

from spikebin import Dataset, SheetSet, open_dataset, open_file
from spikebin.dataset.open import open_output
from spikebin.errors import DatasetError, SpikebinError
from spikebin.output.paths import matrix_path, variants_there
from spikebin.pipeline.config import Config, Recordings
from spikebin.system.files import write_atomically

SHEETS = ("X_ON", "V1_Exc_L2/3")
PARTS = {"9": images(90, 3), "10": images(100, 2, repeats=2, length=15), "50000": images(500, 4)}


@pytest.fixture(scope="module", params=LAYOUTS)
def made(request, tmp_path_factory):
    """A data set of two sheets and three parts, and the array that each sheet must read as."""
    root = tmp_path_factory.mktemp("dataset")
    whole = {
        sheet: side_by_side(
            [write_part(root, sheet, part, shown, layout=request.param) for part, shown in PARTS.items()]
        )
        for sheet in SHEETS
    }
    return root, whole


def test_one_sheet_is_all_its_parts_in_natural_order(made):
    root, whole = made
    dataset = open_dataset(root, variant="train", sheet="X_ON")
    assert dataset.parts == list(PARTS)
    assert len(dataset) == dataset.shape[0] == len(whole["X_ON"])
    assert dataset.dtype == bool
    assert np.array_equal(dataset.to_numpy(), whole["X_ON"])
    assert np.array_equal(np.asarray(dataset), whole["X_ON"])
    assert dataset.trials["part"].tolist() == ["9"] * 3 + ["10"] * 4 + ["50000"] * 4
    assert dataset.trials["image_id"].tolist()[:7] == ["90", "91", "92", "100", "101", "100", "101"]
    assert dataset.trials["repeat"].tolist()[3:7] == [0, 0, 1, 1]
    assert dataset.trials["n_bins"].tolist() == [17] * 3 + [20] * 4 + [17] * 4
    assert dataset.neurons["neuron_id"].tolist() == [3, 4, 8, 9, 100, 101]
    assert dataset.stimulus(3) == "stimulus of 100"
    assert dataset.onsets("image").tolist() == [5] * 11
    with pytest.raises(DatasetError, match="no phase 'imag': did you mean 'image'"):
        dataset.onsets("imag")


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        np.int64(4),
        slice(None, None, 3),
        slice(None, None, -1),
        (slice(2, 9), [1, -1]),
        (..., slice(1, None, 4)),
        (slice(None), np.array([True, False, True, False, False, True])),
        ([10, 0, 3, 3], slice(None), -1),
        ([1, 2], [3, 4], [5, 6]),
        (None, 3, None, [0, 2]),
        np.array([], int),
        (slice(5, 5), 0),
    ],
    ids=str,
)
def test_indexing_is_numpys(made, index):
    root, whole = made
    found = open_dataset(root, "train", "X_ON")[index]
    wanted = whole["X_ON"][index]
    assert found.dtype == wanted.dtype
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize("index", [11, -12, (0, 6), (0, 0, 20), (0, 0, 0, 0), ([0, 11],), "X_ON", 1.5])
def test_what_is_no_index_is_an_error(made, index):
    with pytest.raises(IndexError):
        open_dataset(made[0], "train", "X_ON")[index]


def test_iteration_by_trial_and_by_batch(made):
    root, whole = made
    dataset = open_dataset(root, "train", "X_ON")
    for found, wanted in zip(dataset, whole["X_ON"], strict=True):
        assert np.array_equal(found, wanted)
    assert [len(batch) for batch in dataset.batches(4)] == [4, 4, 3]
    assert [len(batch) for batch in dataset.batches(4, rest="drop")] == [4, 4]
    assert np.array_equal(np.concatenate(list(dataset.batches(4))), whole["X_ON"])
    assert dataset.trial(0).shape == (6, 17)
    assert np.array_equal(dataset.trial(0), whole["X_ON"][0, :, :17])
    with pytest.raises(IndexError, match="trial 11 is out of bounds"):
        dataset.trial(11)
    with pytest.raises(DatasetError, match="give 1 or more"):
        next(dataset.batches(0))


def test_sheets_side_by_side(made):
    root, whole = made
    sheets = open_dataset(root, variant="train")
    assert isinstance(sheets, SheetSet)
    assert sorted(sheets) == sorted(SHEETS)
    assert sheets.n_trials == 11
    for name in SHEETS:
        assert np.array_equal(sheets[name][...], whole[name])
    assert np.array_equal(sheets["V1_Exc_L23"][0], whole["V1_Exc_L2/3"][0])
    assert "V1_Exc_L23" in sheets
    with pytest.raises(KeyError, match="did you mean 'X_ON'"):
        sheets["X_OM"]
    for batch in sheets.batches(5):
        assert set(batch) == set(SHEETS)


def test_views_of_all_sheets(made):
    root, whole = made
    sheets = open_dataset(root).window(0, 10).rebin(5, how="count", rest="refuse")
    wanted = whole["X_ON"][:, :, 5:15].reshape(11, 6, 2, 5).sum(axis=-1)
    assert np.array_equal(sheets["X_ON"][...], wanted)
    few = sheets.select(index={"V1_Exc_L23": [2]}).take([1, 0])
    assert list(few) == ["V1_Exc_L2/3"]
    assert few["V1_Exc_L2/3"].shape == (2, 1, 2)
    assert sheets.select(ids={"X_ON": [100]})["X_ON"].shape[1] == 1
    with pytest.raises(DatasetError, match="no sheet 'X_OFF' to select from"):
        sheets.select(index={"X_OFF": [1]})
    with pytest.raises(DatasetError, match="give one of them"):
        sheets.select()


def test_the_variant_may_be_left_out_where_there_is_one(made, tmp_path):
    root, _ = made
    assert variants_there(root) == ["train"]
    assert open_dataset(root, sheet="X_ON").name == "train/X_ON"
    with pytest.raises(DatasetError, match="did you mean 'train'"):
        open_dataset(root, "trian")
    with pytest.raises(DatasetError, match="no data set in"):
        open_dataset(tmp_path)
    with pytest.raises(DatasetError, match="did you mean 'X_ON'"):
        open_dataset(root, sheet="X_OM")
    for variant in ("train", "test"):
        write_part(tmp_path, "X_ON", "1", images(0, 1), variant=variant)
    with pytest.raises(DatasetError, match="holds the variants test, train: give one"):
        open_dataset(tmp_path)


def make(root, parts=("1", "2", "3"), sheets=("X_ON",), **changes):
    return {(s, p): write_part(root, s, p, images(10 * int(p), 2), **changes) for s in sheets for p in parts}


def test_broken_and_missing_parts_are_named(tmp_path):
    whole = make(tmp_path, sheets=SHEETS)
    matrix_path(tmp_path, "train", "2", "X_ON").write_bytes(b"")
    matrix_path(tmp_path, "train", "3", "V1_Exc_L2/3").unlink()
    with pytest.raises(DatasetError, match=r"1 of 3 parts .* missing or broken: 2 \(.*no seal"):
        open_dataset(tmp_path, sheet="X_ON")
    with pytest.raises(DatasetError, match=r"2 of 3 parts .* missing or broken: 2, 3"):
        open_dataset(tmp_path)
    sheets = open_dataset(tmp_path, broken="leave out")
    assert set(sheets.left_out) == {"2", "3"}
    assert np.array_equal(sheets["X_ON"][...], whole["X_ON", "1"])
    one = open_dataset(tmp_path, sheet="X_ON", leave_out=["2"])
    assert one.parts == ["1", "3"]
    assert one.left_out == {"2": "as asked"}
    with pytest.raises(DatasetError, match="no part '4' to leave out"):
        open_dataset(tmp_path, leave_out=["4"])
    with pytest.raises(DatasetError, match=r"no part of .* is left to open"):
        open_dataset(tmp_path, leave_out=["1", "2", "3"])


def test_a_renamed_file_is_broken(tmp_path):
    make(tmp_path, parts=("1",))
    matrix_path(tmp_path, "train", "1", "X_ON").rename(matrix_path(tmp_path, "train", "2", "X_ON"))
    with pytest.raises(DatasetError, match="renamed or copied"):
        open_dataset(tmp_path)


def test_the_plan_tells_what_is_missing_and_what_is_excluded(tmp_path):
    make(tmp_path, parts=("1", "2"))
    rows = ["index,variant,part,sheets,sources", "0,train,1,X_ON,a", "1,train,2,X_ON,b", "2,train,3,X_ON,c"]
    write_atomically(tmp_path / "jobs.csv", ["\n".join(rows).encode()])
    with pytest.raises(DatasetError, match=r"1 of 3 parts .* missing or broken: 3"):
        open_dataset(tmp_path)
    rows = ["variant,part,reason,written", "train,3,corrupt,2026-01-01", "train,1,late,2026-01-01"]
    write_atomically(tmp_path / "excluded.csv", ["\n".join(rows).encode()])
    sheets = open_dataset(tmp_path)
    assert sheets.left_out == {"1": "late", "3": "corrupt"}
    assert sheets["X_ON"].parts == ["2"]
    (tmp_path / "excluded.csv").unlink()
    config = Config(tmp_path, tmp_path, (Recordings("train", tmp_path, "{part}", exclude=("3", "77")),))
    assert open_output(config.output, "train", excluded=config.excluded["train"])["X_ON"].parts == ["1", "2"]
    assert list(open_output(config.output, "train", "X_ON", excluded=config.excluded["train"])) == ["X_ON"]


def test_parts_with_other_neurons(tmp_path):
    a = write_part(tmp_path, "X_ON", "1", images(0, 2), ids=(1, 2, 5, 7))
    b = write_part(tmp_path, "X_ON", "2", images(2, 2), ids=(2, 3, 7, 9))
    dataset = open_dataset(tmp_path, sheet="X_ON")
    assert np.array_equal(dataset[0], a[0])
    for read in (lambda: dataset[2], lambda: dataset.flat_events(3)):
        with pytest.raises(DatasetError, match="part 2 of train/X_ON has other neuron ids than part 1: open with"):
            read()
    common = open_dataset(tmp_path, sheet="X_ON", match="common")
    assert common.neurons["neuron_id"].tolist() == [2, 7]
    wanted = np.concatenate([a[:, [1, 3]], b[:, [0, 2]]])
    assert np.array_equal(common.to_numpy(), wanted)
    assert np.array_equal(common[::-1, 1], wanted[::-1, 1])
    for i in range(4):
        assert np.array_equal(common.events(i), wanted[i].nonzero())
    write_part(tmp_path, "X_ON", "3", images(4, 2), ids=(20, 30))
    with pytest.raises(DatasetError, match="part 3 of train/X_ON has 2 neurons, part 1 4"):
        open_dataset(tmp_path, sheet="X_ON")
    with pytest.raises(DatasetError, match="no neuron id is in all 3 parts"):
        open_dataset(tmp_path, sheet="X_ON", match="common")


def test_sheets_with_other_trials(tmp_path):
    a = write_part(tmp_path, "X_ON", "1", [Shown("a"), Shown("b", order=1), Shown("a", order=2)])
    b = write_part(tmp_path, "X_OFF", "1", [Shown("b"), Shown("a", order=1), Shown("c", order=2)])
    sheets = open_dataset(tmp_path)
    with pytest.raises(
        DatasetError, match="trial 0 is image a, repeat 0, and image b, repeat 0; open with match='common'"
    ):
        [sheets[name][0] for name in sheets]
    with pytest.raises(DatasetError, match="do not have the same trials"):
        len(open_dataset(tmp_path)["X_ON"].trials)
    common = open_dataset(tmp_path, match="common")
    assert common.trials["image_id"].tolist() == ["b", "a"]
    assert np.array_equal(common["X_OFF"][...], b[[0, 1]])
    assert np.array_equal(common["X_ON"][...], a[[1, 0]])
    write_part(tmp_path, "X_OFF", "2", images(0, 1))
    write_part(tmp_path, "X_ON", "2", images(0, 2))
    with pytest.raises(DatasetError, match=r"X_ON and .*X_OFF do not have the same trials in 1?,? ?2"):
        open_dataset(tmp_path)
    write_part(tmp_path, "X_ON", "3", images(0, 2))
    assert np.unique(open_dataset(tmp_path, match="common")["X_ON"].trials["part"]).tolist() == ["1", "2"]
    write_part(tmp_path, "Y", "1", [Shown("z")])
    with pytest.raises(DatasetError, match="no trial is in all of"):
        open_dataset(tmp_path, match="common")


def test_files_that_do_not_belong_together(tmp_path):
    write_part(tmp_path, "X_ON", "1", images(0, 1))
    write_part(tmp_path, "X_ON", "2", images(1, 1), values="count")
    with pytest.raises(DatasetError, match="do not belong together: binning is"):
        open_dataset(tmp_path, sheet="X_ON")
    with pytest.raises(DatasetError, match="a data set of no files"):
        Dataset([])


def test_opening_reads_seals_only(tmp_path, monkeypatch):
    make(tmp_path, sheets=SHEETS)
    monkeypatch.setattr("spikebin.matrixfile.reader.MatrixFile._ask_hdf5", lambda *_: pytest.fail("HDF5 was opened"))
    sheets = open_dataset(tmp_path)
    assert sheets["X_ON"].shape == (6, 6, 17)
    assert len(sheets["X_ON"]) == 6


def test_pickled_data_sets_read_the_same(made):
    root, whole = made
    sheets = open_dataset(root).window(-3, 9)
    sheets["X_ON"][0]
    again = pickle.loads(pickle.dumps(sheets))
    for name in sheets:
        assert np.array_equal(again[name][...], sheets[name][...])
    assert np.array_equal(sheets["X_ON"][...], whole["X_ON"][:, :, 2:14])


@pytest.mark.parametrize(
    "walk",
    [
        lambda dataset: [None for _ in dataset],
        lambda dataset: [None for _ in dataset.window(0, 17, across=True, short="cut").batches(2)],
        lambda dataset: dataset.rates(),
        lambda dataset: dataset.rebin(5, how="count", rest="keep").psth(),
    ],
    ids=["trials", "batches of windows", "rates", "psth"],
)
def test_memory_of_a_pass_does_not_grow_with_its_length(tmp_path, walk):
    ids = np.arange(3000)
    for part in range(1, 13):
        write_part(tmp_path, "X_ON", str(part), images(10 * part, 3), ids=ids)

    def peak(parts):
        dataset = Dataset([open_file(matrix_path(tmp_path, "train", str(part), "X_ON")) for part in parts])
        assert len(dataset.neurons) == len(ids)
        gc.collect()
        tracemalloc.start()
        walk(dataset)
        kept, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return kept, highest

    peak([1])
    kept_short, high_short = peak([1, 2])
    kept_long, high_long = peak(range(1, 13))
    one_table_of_neurons = 3000 * 32
    assert kept_long - kept_short < one_table_of_neurons
    assert high_long - high_short < one_table_of_neurons


def test_errors_are_the_packages_own(tmp_path):
    with pytest.raises(SpikebinError):
        open_dataset(tmp_path / "nowhere")
    assert issubclass(DatasetError, ValueError)
