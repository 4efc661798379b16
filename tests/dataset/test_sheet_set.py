"""Several sheets side by side."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import TWO_SHEETS, Shown, images, write_part

from spikebin import SheetSet, open_dataset
from spikebin.errors import DatasetError


def test_sheets_side_by_side(made):
    root, whole = made
    sheets = open_dataset(root, variant="train")
    assert isinstance(sheets, SheetSet)
    assert sorted(sheets) == sorted(TWO_SHEETS)
    assert sheets.n_trials == 11
    for name in TWO_SHEETS:
        assert np.array_equal(sheets[name][...], whole[name])
    assert np.array_equal(sheets["V1_Exc_L23"][0], whole["V1_Exc_L2/3"][0])
    assert "V1_Exc_L23" in sheets
    with pytest.raises(KeyError, match="did you mean 'X_ON'"):
        sheets["X_OM"]
    for batch in sheets.batches(5):
        assert set(batch) == set(TWO_SHEETS)


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
