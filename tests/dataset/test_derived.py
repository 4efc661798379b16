"""Windows, and how wide their values are."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from drawn import images, write_part

from spikebin import open_dataset
from spikebin.errors import DatasetError, SpikebinError
from spikebin.exports.materialise import materialise


def test_windows_that_cannot_be(viewed):
    view = viewed[0]["X_ON"]
    for wrong, words in (
        (lambda: view.window(5, 5), "is empty"),
        (lambda: view.window(0, 5, "sound"), "no phase 'sound'"),
        (lambda: view.window(0, 5, short="shorten"), "give 'refuse', 'pad', 'cut' or 'drop'"),
        (lambda: view.window(0, 30), r"in 16 of 16 trials, first in image 90, repeat 0, part 9: .* or across=True"),
        (lambda: view.window(-30, 3, short="cut"), "choose short='pad' or 'drop'"),
        (lambda: view.window(0, 5).window(0, 7, across=True), "do not follow each other without a gap"),
        (lambda: view.rebin(2, how="any", rest="drop").window(0, 7), "begins inside of a bin of 2 ms"),
        (lambda: view.rebin(0, how="any", rest="drop"), "give 1 or more"),
        (lambda: view.rebin(2, how="mean", rest="drop"), "rebin how='mean': give 'count' or 'any'"),
        (lambda: view.rebin(100, how="any", rest="drop"), "leaves nothing of"),
        (lambda: view.rebin(7, how="any", rest="refuse"), "not a multiple of 7"),
        (lambda: view.take([]), "no trial of train/X_ON is taken"),
        (lambda: view.window(0, 900, short="drop"), "no trial"),
    ):
        with pytest.raises(DatasetError, match=words):
            wrong()
    with pytest.raises(TypeError):
        view.rebin(2)


def test_a_window_from_the_blank_or_from_the_first_bin(viewed):
    sheets, slow = viewed
    view = sheets["X_ON"]
    assert np.array_equal(view.window(1, 5, "blank")[...], slow.array[:, :, 1:5])
    late = view.window(2, 9, None)
    assert np.array_equal(late[...], slow.array[:, :, 2:9])
    assert late.onsets("blank").tolist() == [-2] * 16
    assert late.phases()[0] == ["blank+2", "image"]
    onset = slow.onsets[3]
    assert np.array_equal(late.window(-1, 1, "image")[3:], slow.array[3:, :, onset - 1 : onset + 1])


def test_values_are_as_wide_as_they_must_be(viewed):
    view = viewed[0]["X_ON"]
    largest = 1 if view.dtype == bool else 255
    for k in (1, 2, 257, 258):
        coarse = view.rebin(k, how="count", rest="keep")
        assert coarse.dtype == np.min_scalar_type(k * largest)
        assert coarse.rebin(3, how="any", rest="keep").dtype == bool


def test_trials_that_leave_gaps_are_not_reached_into(tmp_path):
    root = tmp_path / "one"
    write_part(root, "X_ON", "1", images(0, 3))
    sheets = open_dataset(root)
    assert sheets.window(0, 17, across=True, short="cut")["X_ON"].shape == (3, 6, 17)
    for i, chain in zip(count(), (lambda view: view.window(0, 8), lambda view: view.rebin(2, how="any", rest="keep"))):
        out = tmp_path / str(i)
        list(materialise(sheets, out, chain))
        with pytest.raises(SpikebinError, match="do not follow each other without a gap"):
            open_dataset(out)["X_ON"].window(0, 4, None, across=True)
    for i, rule in enumerate(({"blank": "none"}, {"events": "shown.csv", "window_start": -2.0})):
        write_part(tmp_path / f"rule{i}", "X_ON", "1", images(0, 3), rule=rule)
        with pytest.raises(DatasetError, match="do not follow each other without a gap"):
            open_dataset(tmp_path / f"rule{i}").window(0, 17, across=True)
    out = tmp_path / "selected"
    list(materialise(sheets, out, lambda view: view.select(index=[1, 0])))
    whole = open_dataset(root)["X_ON"].window(0, 17, across=True, short="cut")
    assert np.array_equal(open_dataset(out)["X_ON"].window(0, 17, across=True, short="cut")[...], whole[:, :2])
