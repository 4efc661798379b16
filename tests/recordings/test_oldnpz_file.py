"""One matrix of the old pipeline: the cells that scipy sees, trial by trial; damaged ones are one line."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from spikebin.errors import RecordingError
from spikebin.recordings.oldnpz_file import bins_of, is_matrix, read_array, read_shape, read_trials


@pytest.fixture
def matrix():
    return sparse.csr_matrix((np.random.default_rng(0).random((5, 3 * 20)) < 0.2).astype(np.uint8))


def test_cells_are_those_that_scipy_sees(matrix, tmp_path):
    sparse.save_npz(tmp_path / "m.npz", matrix)
    assert is_matrix(tmp_path / "m.npz")
    assert read_shape(tmp_path / "m.npz") == (5, 60)
    found, dense = read_trials(tmp_path / "m.npz", 3), matrix.toarray()
    for trial in range(3):
        mine = slice(*found.bounds[trial : trial + 2])
        made = np.zeros((5, 20), int)
        made[found.rows[mine], found.columns[mine]] = found.values[mine]
        assert np.array_equal(made, dense[:, 20 * trial : 20 * (trial + 1)])


def test_other_archives_and_contradictions_are_one_line(matrix, tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    assert not is_matrix(tmp_path / "other.npz")
    sparse.save_npz(tmp_path / "csc.npz", matrix.tocsc())
    with pytest.raises(RecordingError, match="is not a CSR matrix"):
        read_shape(tmp_path / "csc.npz")
    facts = {"format": b"csr", "shape": matrix.shape, "indices": matrix.indices, "data": matrix.data}
    for change in ({"indptr": matrix.indptr[::-1]}, {"indptr": matrix.indptr, "indices": matrix.indices + 60}):
        np.savez(tmp_path / "bad.npz", **{**facts, **change})
        with pytest.raises(RecordingError, match="contradicts itself"):
            read_trials(tmp_path / "bad.npz", 3)


@pytest.mark.parametrize(
    ("n_columns", "trimmed", "bins"),
    [(2 * 712, False, [151, 561]), (2 * 710, False, [150, 560]), (2 * 151, True, [151, 0]), (999, False, None)],
)
def test_the_number_of_bins_says_whether_phases_have_one_for_their_end(n_columns, trimmed, bins):
    assert bins_of([("blank", 150.0), ("image", 560.0)], 1.0, n_columns, 2, trimmed=trimmed) == bins


def test_names_and_ids(tmp_path):
    np.save(tmp_path / "ids.npy", np.array([3, 4]))
    assert read_array(tmp_path / "ids.npy", "iu").tolist() == [3, 4]
    with pytest.raises(RecordingError, match=r"ids\.npy does not hold names or numbers"):
        read_array(tmp_path / "ids.npy", "U")
