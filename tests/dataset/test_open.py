"""Opening a data set: what is broken, missing, left out or does not belong to it."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import TWO_SHEETS, images, write_part

from spikebin import Dataset, open_dataset
from spikebin.dataset.open import open_output
from spikebin.errors import DatasetError
from spikebin.output.paths import matrix_path, variants_there
from spikebin.pipeline.config import Config, Recordings
from spikebin.system.files import write_atomically


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
    whole = make(tmp_path, sheets=TWO_SHEETS)
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


def test_files_that_do_not_belong_together(tmp_path):
    write_part(tmp_path, "X_ON", "1", images(0, 1))
    write_part(tmp_path, "X_ON", "2", images(1, 1), values="count")
    with pytest.raises(DatasetError, match="do not belong together: binning is"):
        open_dataset(tmp_path, sheet="X_ON")
    with pytest.raises(DatasetError, match="a data set of no files"):
        Dataset([])


def test_opening_reads_seals_only(tmp_path, monkeypatch):
    make(tmp_path, sheets=TWO_SHEETS)
    monkeypatch.setattr("spikebin.matrixfile.reader.MatrixFile._ask_hdf5", lambda *_: pytest.fail("HDF5 was opened"))
    sheets = open_dataset(tmp_path)
    assert sheets["X_ON"].shape == (6, 6, 17)
    assert len(sheets["X_ON"]) == 6
