"""The events layout: gaps between the cells that are not empty."""

from __future__ import annotations

from functools import partial

import h5py
import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import pytest
import tables
from documented import documented
from drawn import draw_cells as draw
from drawn import write_cells as write

from spikebin.matrixfile.layouts import gaps as gaps_layout
from spikebin.matrixfile.layouts.base import make_layout
from spikebin.matrixfile.layouts.chunks import DamagedChunkError
from spikebin.matrixfile.verify import verify_file

CODECS = ["blosc2", "zlib"]


VALUES = ["bool", "count"]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("shape", [(3, 50, 70), (2, 900, 712), (2, 4, 200_000)])
def test_the_documented_lines_read_the_events_layout(tmp_path, shape, values, codec):
    dense = draw(shape, values)
    write(tmp_path / "a.h5", dense, layout="events", codec=codec)
    for trial in range(shape[0]):
        found = {"path": tmp_path / "a.h5", "trial": trial}
        exec(documented("rate_class"), found)
        matrix = np.zeros(shape[1:], bool)
        matrix[found["neurons"], found["bins"]] = True
        assert np.array_equal(matrix, dense[trial] > 0)
        assert found["cells"].size == matrix.sum()
        with h5py.File(tmp_path / "a.h5") as plain:
            gaps = plain["events"][trial]
            assert np.array_equal(np.cumsum(gaps[gaps > 0], dtype=np.int64) - 1, found["cells"])
            assert plain["events"].attrs["n_columns"] == shape[2]
            if values == "count":
                counts = plain["counts"][trial][: found["cells"].size]
                assert np.array_equal(counts, dense[trial, found["neurons"], found["bins"]])


def entropy(dense):
    """Bits that spikes take at least, given how often each neuron fires: sum over neurons of bins x H(p)."""
    p = dense.mean(axis=(0, 2))
    p = p[(p > 0) & (p < 1)]
    return dense.shape[0] * dense.shape[2] * -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).sum()


def test_events_come_close_to_the_entropy_of_the_spikes(tmp_path):
    rng = np.random.default_rng(0)
    n_trials, n_neurons, n_columns = shape = 6, 9375, 712
    rates = rng.lognormal(np.log(0.007), 0.7, n_neurons)
    rows = np.repeat(np.arange(n_trials * n_neurons), rng.poisson(np.tile(rates * n_columns, n_trials)))
    dense = np.zeros(shape, bool)
    dense.reshape(-1)[rows * n_columns + rng.integers(0, n_columns, rows.size)] = True
    write(tmp_path / "a.h5", dense, layout="events", codec="blosc2")
    with tables.open_file(tmp_path / "a.h5") as file:
        size = file.root.events.size_on_disk + file.root.rate_class.size_on_disk
    assert size * 8 < 1.1 * entropy(dense)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("n_events", [(200, 0), (0, 65, 1), (64, 128), (63, 64, 65, 129), (1, 1)])
def test_trials_of_very_different_length_lie_in_chunks_of_their_own(tmp_path, monkeypatch, n_events, values, codec):
    """A trial may end many chunks before the longest one does, on the edge of a chunk or beside it."""
    monkeypatch.setattr(gaps_layout, "CHUNK_EVENTS", 64)
    rng = np.random.default_rng(0)
    dense = np.zeros((len(n_events), 11, 30), bool if values == "bool" else np.uint8)
    for trial, n in zip(dense, n_events, strict=True):
        trial.reshape(-1)[rng.choice(330, n, replace=False)] = 1 if values == "bool" else rng.integers(1, 256, n)
    file = write(tmp_path / "a.h5", dense, layout="events", codec=codec)
    assert np.array_equal(np.asarray(file.spikes), dense)
    assert [file.events(i)[0].size for i in range(len(n_events))] == list(n_events)
    verify_file(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as plain:
        assert [np.count_nonzero(gaps) for gaps in plain["events"]] == list(n_events)


def test_gaps_that_lead_out_of_the_matrix_are_refused():
    layout = make_layout("events", (1, 5, 10), np.dtype(bool), "zlib")
    for gaps in (np.array([[40, 10, 1]], "u1"), np.array([[9, (1 << 64) - 5, 6]], "u8")):
        layout._codecs, layout._n_chunks, layout._order = layout._make_codecs(gaps.dtype, 3), 1, np.arange(5)
        chunk = layout._codecs[0].compress(gaps)
        with pytest.raises(DamagedChunkError, match="out of the matrix"):
            layout.events(partial(lambda found, *_: found, chunk), 0)
