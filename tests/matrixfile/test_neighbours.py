"""What lies side by side is of one kind: nothing is put beside, or in the place of, files that were made otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import one_line_error, spikebin
from drawn import draw_cells, images, write_cells, write_part

from spikebin import open_dataset
from spikebin.errors import DatasetError, MatrixFileError
from spikebin.exports.materialise import Chain, materialise
from spikebin.matrixfile.convert import convert_file
from spikebin.matrixfile.seal import read_seal


@pytest.fixture
def sheets(tmp_path):
    for sheet in ("X_ON", "X_OFF"):
        write_part(tmp_path / "data", sheet, "1", images(0, 3))
    return open_dataset(tmp_path / "data")


def stamps(directory):
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*.h5")}


@pytest.mark.parametrize(
    "other", [Chain(window=(0, 3)), Chain(window=(0, 4), rebin=2, how="count", rest="drop"), Chain()]
)
def test_another_chain_neither_replaces_a_view_nor_lies_beside_it(tmp_path, sheets, other):
    out = tmp_path / "out"
    on = open_dataset(tmp_path / "data", sheet="X_ON")
    list(materialise(sheets, out, Chain(window=(0, 4))))
    before = stamps(out)
    with pytest.raises(DatasetError, match="made otherwise.*--force"):
        list(materialise(sheets, out, other))
    assert stamps(out) == before
    next(out.rglob("spikes_X_OFF_1.h5")).unlink()
    with pytest.raises(MatrixFileError, match="files of another kind.*--force"):
        list(materialise(sheets.only({"X_OFF": np.arange(2)}), out, other))
    assert on.shape == sheets["X_ON"].shape
    list(materialise(sheets, out, other, force=True))
    assert {read_seal(path).views for path in out.rglob("*.h5")} == {
        sheet.steps for sheet in map(other, sheets.values())
    }


def test_bin_into_a_directory_of_other_bins_is_refused(tmp_path):
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", times=np.arange(10.0), neurons=np.zeros(10, int))
    run = ["bin", "--unit", "ms", "--out", "out/"]
    (tmp_path / "out").mkdir()
    assert spikebin(*run, "a.npz", "--width", "1", cwd=tmp_path).returncode == 0
    one_line_error(
        spikebin(*run, "b.npz", "--width", "2", cwd=tmp_path), "files of another kind", "1 ms", "2 ms", "--force"
    )
    assert spikebin(*run, "b.npz", "--width", "1", cwd=tmp_path).returncode == 0


def test_convert_leaves_alone_what_needs_no_change_and_what_is_in_the_way(tmp_path):
    path = tmp_path / "a.h5"
    write_cells(path, draw_cells((2, 5, 30), "bool"), layout="matrix", codec="blosc2")
    before = path.stat().st_mtime_ns
    assert convert_file(path, path, layout="matrix") == read_seal(path)
    assert path.stat().st_mtime_ns == before
    (tmp_path / "b.h5").write_bytes(b"mine")
    with pytest.raises(MatrixFileError, match="there already"):
        convert_file(path, tmp_path / "b.h5", layout="events")
    assert (tmp_path / "b.h5").read_bytes() == b"mine"
    assert convert_file(path, tmp_path / "b.h5", layout="events", force=True).layout == "events"
