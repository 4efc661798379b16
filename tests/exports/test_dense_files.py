"""Dense arrays in .npy and .mat files."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from spikebin import open_dataset
from spikebin.exports.export import export


@pytest.mark.slow
def test_dense_arrays_and_matlab_files(exported, tmp_path):
    sheets = open_dataset(exported / "dataset/test")
    assert [done.files for done in export("npy", sheets, tmp_path)] == [1] * 6
    array = np.load(tmp_path / "test_dataset/npy/V1_Exc_L23/spikes_V1_Exc_L23_300050.npy")
    assert np.array_equal(array, sheets["V1_Exc_L2/3"][...])
    assert array.dtype == bool
    list(export("mat", sheets, tmp_path, index={"V1_Inh_L23": np.array([3, 1])}))
    (path,) = tmp_path.rglob("*.mat")
    found = scipy.io.loadmat(path, squeeze_me=True)
    few = sheets["V1_Inh_L2/3"].select(index=[3, 1])
    assert np.array_equal(found["spikes"].toarray(), few.to_sparse().toarray())
    assert found["image_ids"].tolist() == few.trials["image_id"].tolist()
    assert found["neuron_ids"].tolist() == few.neurons["neuron_id"].tolist()
    assert (found["n_columns"], found["repeats"].tolist()) == (712, few.trials["repeat"].tolist())
