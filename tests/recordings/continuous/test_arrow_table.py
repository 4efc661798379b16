"""Tables in Parquet and Feather: numbers, booleans and texts as they were written, the rest left out or refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from conftest import one_line_error
from here import spikebin_here

from spikebin.errors import RecordingError
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.continuous.arrow_table import batches, column_types, read_columns
from spikebin.recordings.settings import TrialRule

pandas = pytest.importorskip("pandas")


def write(path, columns):
    frame = pandas.DataFrame(columns)
    (frame.to_parquet if path.suffix == ".parquet" else frame.to_feather)(path)
    return path


@pytest.mark.parametrize("end", [".parquet", ".feather"])
def test_damaged_files_are_one_line(tmp_path, end):
    path = write(tmp_path / f"s{end}", {"time_s": np.arange(100) / 7, "unit": np.arange(100) % 5})
    data = path.read_bytes()
    for size in (0, 4, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(RecordingError, match="cannot be read as Parquet or Feather") as caught:
            open_recording(path, "parquet").sheet("neurons", TrialRule())
        assert "\n" not in str(caught.value)


def test_columns_of_other_types_are_left_out(tmp_path):
    path = write(tmp_path / "t.parquet", {"a": [1, 2], "when": pandas.to_datetime(["2024-01-01"] * 2)})
    assert list(read_columns(path)) == ["a"]


def test_pyarrow_that_is_not_installed_is_one_line(tmp_path, monkeypatch):
    path = write(tmp_path / "s.parquet", {"time_s": [0.5], "unit": [1]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert format_of(path) is None
    result = spikebin_here("bin", path, "-w", "1", cwd=tmp_path)
    one_line_error(result, "pyarrow is not installed: pip install 'spikebin[parquet]'")


@pytest.mark.parametrize("end", [".parquet", ".feather"])
def test_columns_as_they_were_written(tmp_path, end):
    columns = {
        "n": np.array([1, 2, 3], "i2"),
        "x": [0.5, None, 2.5],
        "go": [True, False, True],
        "who": ["a", None, "µ"],
        "kind": pandas.Categorical(["b", "a", "b"]),
    }
    path = write(tmp_path / f"t{end}", columns)
    kinds = {name: dtype.kind for name, dtype in column_types(path).items()}
    assert kinds == {"n": "i", "x": "f", "go": "b", "who": "U", "kind": "U"}
    found = read_columns(path)
    assert found["n"].dtype == np.int16
    assert found["n"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(found["x"], [0.5, np.nan, 2.5])
    assert (found["go"].tolist(), found["who"].tolist()) == ([True, False, True], ["a", "", "µ"])
    assert found["kind"].tolist() == ["b", "a", "b"]
    assert [part[0].tolist() for part in batches(path, ["who"])] == [["a", "", "µ"]]


def test_a_column_of_something_else_is_refused_by_name(tmp_path):
    path = write(tmp_path / "t.parquet", {"a": [1, 2], "when": pandas.to_datetime(["2024-01-01"] * 2)})
    with pytest.raises(RecordingError, match=r"t\.parquet: column 'when' holds timestamp.*: choose another column"):
        list(batches(path, ["when"]))
