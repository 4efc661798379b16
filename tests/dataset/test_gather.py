"""Trials of any chain of views go straight into an array: the same cells as the view's own."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import images, write_part

from spikebin import open_dataset
from spikebin.dataset.cell_types import cell_type
from spikebin.dataset.gather import Target, fill
from spikebin.errors import DatasetError

VIEWS = {
    "as it is": lambda view: view,
    "window": lambda view: view.window(-2, 6),
    "rebinned": lambda view: view.rebin(4, how="count", rest="keep"),
    "any, then counted": lambda view: view.rebin(2, how="any", rest="drop").rebin(3, how="count", rest="drop"),
    "selected and taken": lambda view: view.select(ids=[101, 3]).take([4, 0, 0]).window(0, 12),
}


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    root = tmp_path_factory.mktemp("gather")
    for part in ("1", "2"):
        write_part(root, "X_ON", part, images(10 * int(part), 3), values="count")
    return open_dataset(root, sheet="X_ON")


def filled(view, trials, dtype, *, by_time=False, n_columns=None):
    n_rows, n_columns = view.shape[1], n_columns or view.shape[2]
    kind = cell_type(np.dtype(dtype), view.largest)
    out = np.zeros((len(trials), n_columns, n_rows) if by_time else (len(trials), n_rows, n_columns), dtype)
    row, column = (1, n_rows) if by_time else (n_columns, 1)
    cells = out.reshape(-1).view(f"u{out.itemsize}")
    fill(view, trials, Target(cells, n_rows * n_columns, row, column, n_columns), kind)
    return out.transpose(0, 2, 1) if by_time else out


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("dtype", ["u2", "f4", "?"])
@pytest.mark.parametrize("by_time", [False, True])
def test_any_chain_in_any_type_and_order(view, name, dtype, by_time):
    chain = VIEWS[name](view)
    trials = [len(chain) - 1, 0, 0]
    found = filled(chain, trials, dtype, by_time=by_time)
    assert np.array_equal(found, np.stack([chain[i] for i in trials]).astype(dtype))


def test_columns_that_there_is_no_room_for_are_left_out(view):
    found = filled(view, [1], "u1", n_columns=5)
    assert np.array_equal(found[0], view[1][:, :5])


def test_a_number_that_the_type_cannot_hold_is_refused(tmp_path):
    write_part(tmp_path, "X_ON", "1", images(0, 1, blank=300, length=300), values="count")
    coarse = open_dataset(tmp_path, sheet="X_ON").rebin(100, how="count", rest="drop")
    assert coarse.largest > 2048
    assert np.array_equal(filled(coarse, [0], "f2")[0], coarse[0])
    with pytest.raises(DatasetError, match="give a wider dtype"):
        filled(coarse, [0], "u1")
