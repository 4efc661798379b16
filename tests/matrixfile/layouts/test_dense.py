"""The matrix layout: chunks of a trial's cells."""

from __future__ import annotations

import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import tables
from documented import documented
from drawn import draw_cells as draw
from drawn import write_cells as write

from spikebin.matrixfile.layouts import dense as dense_layout


def test_the_time_axis_is_cut_where_a_chunk_would_be_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(dense_layout, "CHUNK_CELLS", 1 << 12)
    dense = draw((2, 3, 5000), "bool")
    file = write(tmp_path / "a.h5", dense, layout="matrix", codec="blosc2")
    assert np.array_equal(file.spikes[:, 1:, 1000:4000:7], dense[:, 1:, 1000:4000:7])
    with tables.open_file(tmp_path / "a.h5") as plain:
        assert plain.root.spikes.chunkshape == (1, 3, 1365)
        assert np.array_equal(plain.root.spikes[:], dense)


def test_the_documented_lines_read_the_matrix_layout(tmp_path):
    dense = draw((5, 30, 200), "bool")
    write(tmp_path / "a.h5", dense, layout="matrix", codec="blosc2")
    found = {"path": tmp_path / "a.h5"}
    exec(documented("root.spikes"), found)
    assert np.array_equal(found["one"], dense[3])
    assert np.array_equal(found["some"], dense[:, 10:20, 15:])
