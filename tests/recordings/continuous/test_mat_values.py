"""Variables of .mat files are those that scipy and MATLAB see."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.mat_values import Cell, Vector, read_variables, variable_names

scipy_io = pytest.importorskip("scipy.io")
OWN = Path(scipy_io.__file__).parent / "matlab" / "tests" / "data"


@pytest.mark.skipif(not OWN.is_dir(), reason="this scipy comes without its test files")
def test_variables_that_matlab_saved_are_those_that_scipy_reads():
    def same(mine, theirs):
        if isinstance(mine, Cell):
            return mine.shape == theirs.shape and all(map(same, mine.values.ravel(), theirs.ravel()))
        if isinstance(mine, Vector):
            return np.array_equal(mine[:], theirs.ravel(), equal_nan=True)
        if isinstance(mine, np.ndarray):
            return mine.shape == theirs.shape and np.array_equal(mine, theirs, equal_nan=True)
        return True

    n = 0
    for path in sorted(OWN.glob("test*_[567].*.mat")):
        with contextlib.suppress(NotImplementedError), warnings.catch_warnings():
            # Complex numbers, which are no spikes.
            warnings.simplefilter("ignore")
            expected = scipy_io.loadmat(path, mat_dtype=True)
            found = read_variables(path, variable_names(path))
            assert set(found) == {name for name in expected if not name.startswith("__")}, path.name
            assert all(same(found[name], expected[name]) for name in found), path.name
            n += 1
    assert n > 40


@pytest.mark.parametrize(("compressed", "stays"), [(False, True), (True, False)])
def test_vectors_of_v5_stay_on_disk_where_they_lie_there_as_they_are(tmp_path, compressed, stays):
    numbers = {"wide": np.arange(9.0), "narrow": np.arange(9, dtype=np.int16), "one": np.array([4.0])}
    scipy_io.savemat(tmp_path / "x.mat", numbers, do_compression=compressed)
    found = read_variables(tmp_path / "x.mat", list(numbers))
    assert [isinstance(value, Vector) for value in found.values()] == [stays, stays, False]
    for name, value in found.items():
        assert value.size == numbers[name].size
        assert value.dtype == numbers[name].dtype
        np.testing.assert_array_equal(np.ravel(value[:]), numbers[name])
    if stays:
        np.testing.assert_array_equal(found["narrow"][2:5], [2, 3, 4])
        (tmp_path / "x.mat").write_bytes((tmp_path / "x.mat").read_bytes()[:200])
        with pytest.raises(RecordingError, match="has become shorter"):
            found["wide"][:]
