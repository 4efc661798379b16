"""One matrix file as a view, alone or as a data set; and matrix files that lie in a directory."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest
from drawn import LAYOUTS, images, write_part

from spikebin import Dataset, SheetSet, open_dataset, open_file
from spikebin.errors import DatasetError, MatrixFileError
from spikebin.matrixfile.reader import open_file as read_file
from spikebin.output.paths import matrix_path


@pytest.fixture(params=LAYOUTS)
def path(request, tmp_path):
    write_part(tmp_path, "V1_Exc_L2/3", "7", images(70, 3, repeats=2), layout=request.param)
    return matrix_path(tmp_path, "train", "7", "V1_Exc_L2/3")


def test_a_file_is_a_view_and_what_it_was(path):
    view, file = open_file(str(path)), read_file(path)
    whole = np.asarray(file.spikes)
    assert len(view) == 6
    assert (view.shape, view.dtype, view.header, view.path) == (file.shape, file.dtype, file.header, file.path)
    assert (view.binning, view.width) == (file.binning, 1.0)
    assert np.array_equal(view.sources, file.sources)
    assert np.array_equal(view[2:4, ::2, -3], whole[2:4, ::2, -3])
    assert np.array_equal(view.spikes[...], whole)
    assert np.array_equal(view.rebin(17, how="count", rest="drop")[..., 0], whole.sum(axis=2))
    assert np.array_equal(view.take([3, 0])[...], whole[[3, 0]])
    assert np.array_equal(view.window(0, 12).psth(each=True), whole[:, :, 5:].mean(axis=0) * 1000)
    for i in (0, -1):
        assert np.array_equal(view.events(i), file.events(i))
    assert view.trials.dtype.names == ("part", *file.trials.dtype.names)
    for name in file.trials.dtype.names:
        assert np.array_equal(view.trials[name], file.trials[name])
    assert view.stimulus(0) == "stimulus of 70"
    again = pickle.loads(pickle.dumps(view))
    assert np.array_equal(again[1], whole[1])
    assert np.array_equal(Dataset([view])[...], whole)


def test_what_is_no_file_is_refused(path, tmp_path):
    with pytest.raises(MatrixFileError, match="no file"):
        open_file(tmp_path / "nowhere.h5")
    (tmp_path / "x.h5").write_bytes(b"x" * 5000)
    with pytest.raises(MatrixFileError):
        open_file(tmp_path / "x.h5")
    for wrong in ("x", [str(path)], [1], path):
        with pytest.raises(DatasetError, match=r"\[open_file\(path\)"):
            Dataset(wrong)


def test_a_file_is_a_data_set_of_one_sheet(path):
    sheets = open_dataset(str(path))
    assert isinstance(sheets, SheetSet)
    assert list(sheets) == ["V1_Exc_L2/3"]
    view = open_dataset(path, sheet="V1_Exc_L23")
    assert np.array_equal(view[...], open_file(path)[...])
    assert np.array_equal(sheets["V1_Exc_L2/3"][...], view[...])
    with pytest.raises(DatasetError, match="did you mean 'train'"):
        open_dataset(path, "trian")
    with pytest.raises(DatasetError, match="no sheet 'X_ON' in"):
        open_dataset(path, sheet="X_ON")


def test_files_of_one_directory_are_a_data_set(tmp_path):
    """As `bin --out DIR` leaves them, whatever they are called."""
    for part in ("1", "2"):
        for sheet in ("X_ON", "X_OFF"):
            write_part(tmp_path / "source", sheet, part, images(10 * int(part), 2), variant="all")
            target = tmp_path / "flat" / f"{sheet} of {part}.h5"
            target.parent.mkdir(exist_ok=True)
            shutil.move(matrix_path(tmp_path / "source", "all", part, sheet), target)
    sheets = open_dataset(tmp_path / "flat")
    assert {name: view.parts for name, view in sheets.items()} == {"X_OFF": ["1", "2"], "X_ON": ["1", "2"]}
    assert open_dataset(tmp_path / "flat", sheet="X_ON").shape == (4, 6, 17)
    assert open_dataset(tmp_path / "flat", leave_out="2")["X_ON"].parts == ["1"]
    (tmp_path / "flat" / "X_ON of 2.h5").unlink()
    with pytest.raises(DatasetError, match=r"1 of 2 parts .* missing or broken: 2"):
        open_dataset(tmp_path / "flat")
    shutil.copy(tmp_path / "flat" / "X_ON of 1.h5", tmp_path / "flat" / "copy.h5")
    with pytest.raises(DatasetError, match="both hold all/1/X_ON: move one of them elsewhere"):
        open_dataset(tmp_path / "flat")
    with pytest.raises(DatasetError, match="no data set in"):
        open_dataset(tmp_path / "source" / "all")
