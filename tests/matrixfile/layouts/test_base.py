"""What holds in every layout."""

from __future__ import annotations

import subprocess
import sys

import h5py
import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import pytest
import tables
from drawn import draw_cells as draw
from drawn import write_cells as write
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.layouts import dense as dense_layout
from spikebin.matrixfile.layouts import gaps as gaps_layout
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.verify import verify_file

LAYOUTS = ["matrix", "events"]


CODECS = ["blosc2", "zlib"]


VALUES = ["bool", "count"]


SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(1, 50))


INDEX = st.one_of(st.slices(50), st.integers(-60, 59))


PICKED = st.none() | st.tuples(st.integers(0, 2), st.lists(st.integers(-60, 59), max_size=5))


def fitted(indices, picked, shape):
    """An index of a matrix of this shape, with a list on at most one axis."""
    index = list(indices)
    if picked is not None:
        index[picked[0]] = picked[1]
    for axis, (part, size) in enumerate(zip(index, shape, strict=True)):
        if not isinstance(part, slice):
            index[axis] = part % size if isinstance(part, int) else [i % size for i in part]
    return tuple(index)


# A chunk of 23 columns that is filled up to 25 for its blocks, and the matrix has 25.
@example((1, 7, 25), 0, 0.9, (0, 0, 0), None, 7, 5)
# Events of a trial that fill more than one chunk.
@example((2, 30, 50), 0, 0.9, (1, slice(3, 20), 7), None, 7, 64)
@settings(max_examples=settings.default.max_examples // 4)
@given(
    shape=SHAPES,
    seed=st.integers(0, 99),
    mean=st.sampled_from([0.0, 0.001, 0.05, 0.9]),
    indices=st.tuples(INDEX, INDEX, INDEX),
    picked=PICKED,
    rows=st.sampled_from([7, 1 << 16]),
    block=st.sampled_from([5, 64, 1 << 18]),
)
def test_what_is_encoded_comes_back_in_every_layout_codec_and_value(
    tmp_path_factory, shape, seed, mean, indices, picked, rows, block
):
    path = tmp_path_factory.getbasetemp() / "drawn.h5"
    index = fitted(indices, picked, shape)
    with pytest.MonkeyPatch.context() as patch:
        # Small limits, so that a small matrix has edges of chunks and blocks on both of its axes.
        patch.setattr(dense_layout, "CHUNK_ROWS", rows)
        patch.setattr(dense_layout, "CHUNK_CELLS", rows * 23)
        patch.setattr(dense_layout, "MATRIX_BLOCK", block)
        patch.setattr(gaps_layout, "CHUNK_EVENTS", 30 * rows)
        patch.setattr(gaps_layout, "BLOCK_EVENTS", block)
        for values in VALUES:
            dense = draw(shape, values, seed=seed, mean=mean)
            for layout in LAYOUTS:
                for codec in CODECS:
                    file = write(path, dense, layout=layout, codec=codec)
                    assert np.array_equal(np.asarray(file.spikes), dense)
                    assert np.array_equal(file.spikes[index], dense[index])
                    for i, trial in enumerate(dense):
                        flat, counts = file.flat_events(i)
                        assert np.array_equal(flat, np.flatnonzero(trial))
                        assert np.array_equal(counts, trial.reshape(-1)[flat])


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("shape", [(2, 70_000, 9), (2, 3, 300_000), (3, 700, 400), (1, 1, 1)])
def test_matrices_of_every_form_read_alike_with_plain_pytables_and_h5py(tmp_path, shape, values, codec):
    dense = draw(shape, values)
    file = write(tmp_path / "a.h5", dense, layout="matrix", codec=codec)
    some = np.s_[-1, shape[1] // 2 : shape[1] // 2 + 3, ::2]
    assert np.array_equal(file.spikes[some], dense[some])
    assert np.array_equal(file.spikes[:, -1], dense[:, -1])
    assert np.array_equal(np.asarray(file.spikes), dense)
    with tables.open_file(tmp_path / "a.h5") as plain:
        assert np.array_equal(plain.root.spikes[:], dense)
        assert np.array_equal(plain.root.spikes[some], dense[some])
    with h5py.File(tmp_path / "a.h5") as plain:
        assert np.array_equal(plain["spikes"][:].astype(dense.dtype), dense)
        assert np.array_equal(plain["spikes"][some].astype(dense.dtype), dense[some])


def test_threads_change_nothing(tmp_path):
    dense = draw((5, 200, 300), "count")
    for layout in LAYOUTS:
        one = write(tmp_path / "a.h5", dense, layout=layout, codec="blosc2", threads=1).header
        many = write(tmp_path / "b.h5", dense, layout=layout, codec="blosc2", threads=4).header
        assert one.sha256 == many.sha256


FORKS = """
import os, signal, sys
from spikebin.matrixfile.reader import open_file
file = open_file(sys.argv[1])
for _ in range(60):
    whole = file.spikes[0]
    child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(not (file.spikes[0] == whole).all())
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_child_reads_on_where_its_parent_has_read(tmp_path):
    file = write(tmp_path / "a.h5", draw((1, 4000, 700), "bool"), layout="matrix", codec="blosc2")
    ended = subprocess.run([sys.executable, "-c", FORKS, file.path], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_damaged_chunk_is_named_with_its_file(tmp_path, layout):
    path = tmp_path / "a.h5"
    file = write(path, draw((1, 60, 90), "bool"), layout=layout, codec="zlib")
    file.flat_events(0)
    offset, size = file._places[0, 0]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(bytes(size))
    with pytest.raises(MatrixFileError, match=r"a\.h5 holds a damaged chunk .*export it again"):
        open_file(path, check="never").spikes[0]
    with pytest.raises(MatrixFileError, match=r"a\.h5 has changed .*spikebin run"):
        open_file(path).spikes[0]
    with pytest.raises(MatrixFileError, match="sha256"):
        verify_file(path)
