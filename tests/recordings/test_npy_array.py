"""Small arrays whose headers are held against the file before memory is asked for."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings.npy_array import read_members, read_npy


def test_what_numpy_wrote_is_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array(["x", "µ"]))
    assert read_npy(tmp_path / "a.npy").tolist() == ["x", "µ"]
    np.savez_compressed(tmp_path / "a.npz", one=np.arange(3), two=np.ones((2, 2)))
    found = read_members(tmp_path / "a.npz", ["two", "one"])
    assert (found["one"].tolist(), found["two"].shape) == ([0, 1, 2], (2, 2))


def test_what_is_missing_cut_or_pickled_is_one_line(tmp_path):
    np.save(tmp_path / "whole.npy", np.arange(3))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:-1])
    np.save(tmp_path / "objects.npy", np.array([{}], object))
    for name, words in (("none", "cannot be read"), ("cut", "is cut off"), ("objects", "never run")):
        with pytest.raises(RecordingError, match=rf"^{name}\.npy .*{words}"):
            read_npy(tmp_path / f"{name}.npy")
    np.savez(tmp_path / "a.npz", one=np.arange(3))
    with pytest.raises(RecordingError, match=r"a\.npz cannot be read"):
        read_members(tmp_path / "a.npz", ["two"])


def test_a_member_that_would_unpack_to_far_more_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.npy", bytes(80 << 20))
    with pytest.raises(RecordingError, match="zeros would unpack to 83,886,080 bytes"):
        read_members(tmp_path / "a.npz", ["zeros"])
