"""MATLAB's files of v5, byte by byte: what scipy writes is read, and any damaged byte is an error of one kind."""

from __future__ import annotations

import contextlib
import zlib

import numpy as np
import pytest

from spikebin.recordings.continuous.mat5 import DamagedMatError, Mat5, objects

scipy_io = pytest.importorskip("scipy.io")


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def path(request, tmp_path):
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = np.array([[1.0, 2.0]]), np.array([[3.0]])
    variables = {"numbers": np.arange(6.0).reshape(2, 3), "small": np.array([[7]], np.uint8), "text": "abc"}
    variables |= {"cells": cells, "struct": {"rate": 30.0, "name": "x"}}
    scipy_io.savemat(tmp_path / "a.mat", variables, do_compression=request.param)
    return tmp_path / "a.mat"


def test_variables_as_they_were_saved(path):
    file = Mat5(path)
    assert file.names == ["numbers", "small", "text", "cells", "struct"]
    assert file.read("numbers", list).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert file.read("small", list).tolist() == [[7]]
    assert file.read("text", list) == "abc"
    made = file.read("cells", lambda cells: [cell.tolist() for cell in cells.ravel()])
    assert made == [[[1, 2]], [[3]]]
    struct = file.read("struct", list)
    assert (struct["rate"].tolist(), struct["name"]) == ([[30]], "x")


def test_any_changed_byte_is_read_or_an_error_of_a_few_kinds(path):
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(data), 300).tolist():
        changed = bytearray(data)
        changed[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        # What zlib says of a changed stream is told by whoever opens the file, as what is told here.
        with contextlib.suppress(DamagedMatError, ValueError, OverflowError, zlib.error):
            file = Mat5(path)
            for name in file.names:
                file.read(name, list)


@pytest.mark.parametrize("size", [0, 100, 127])
def test_a_file_that_is_cut_off(path, size):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DamagedMatError, match="too short"):
        Mat5(path)


def test_cells_are_filled_columns_first():
    assert objects([1, 2, 3, 4], (2, 2)).tolist() == [[1, 3], [2, 4]]
    with pytest.raises(DamagedMatError, match="1 values for 2 cells"):
        objects([1], (1, 2))
