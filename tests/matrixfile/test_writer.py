"""Matrix files: what is written, as plain PyTables and h5py read it."""

from __future__ import annotations

import h5py
import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import pytest
import tables
from small_file import write

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.seal import SEAL_SIZE


@pytest.mark.parametrize("values", ["bool", "count"])
def test_plain_pytables_and_h5py_read_it_bit_for_bit(tmp_path, codec, values):
    dense = write(tmp_path / "a.h5", codec=codec, values=values)
    with tables.open_file(tmp_path / "a.h5") as file:
        assert np.array_equal(file.root.spikes[:], dense)
        assert np.array_equal(file.root.spikes[1, 2:4, ::3], dense[1, 2:4, ::3])
        assert file.root.neurons.col("neuron_id").tolist() == [3, 4, 8, 9, 100]
    with h5py.File(tmp_path / "a.h5") as file:
        assert np.array_equal(file["spikes"][:].astype(dense.dtype), dense)
        assert file.userblock_size == SEAL_SIZE


def test_nothing_to_write_is_refused(tmp_path):
    with pytest.raises(MatrixFileError, match="0 trials"):
        write(tmp_path / "a.h5", durations=())
