"""The layouts: what is encoded comes back, through our reader and through everyone else's, at every size and edge."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import tracemalloc
import zlib
from functools import partial
from pathlib import Path

import blosc2
import h5py
import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import pytest
import tables
from drawn import draw_cells as draw
from drawn import write_cells as write
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.layouts import dense as dense_layout
from spikebin.matrixfile.layouts import gaps as gaps_layout
from spikebin.matrixfile.layouts.base import make_layout
from spikebin.matrixfile.layouts.chunks import ChunkCodec, DamagedChunkError
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.verify import verify_file

DOCS = Path(__file__).parents[2] / "spikebin" / "docs" / "files.md"
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


@settings(max_examples=25)
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


def test_the_time_axis_is_cut_where_a_chunk_would_be_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(dense_layout, "CHUNK_CELLS", 1 << 12)
    dense = draw((2, 3, 5000), "bool")
    file = write(tmp_path / "a.h5", dense, layout="matrix", codec="blosc2")
    assert np.array_equal(file.spikes[:, 1:, 1000:4000:7], dense[:, 1:, 1000:4000:7])
    with tables.open_file(tmp_path / "a.h5") as plain:
        assert plain.root.spikes.chunkshape == (1, 3, 1365)
        assert np.array_equal(plain.root.spikes[:], dense)


def documented(name):
    """The lines of the reference that read a layout, for any `path` and `trial`."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    block = next(block for block in blocks if name in block)
    return re.sub(r"^trial = 3\n", "", re.sub(r'"\w+\.h5"', "path", block), flags=re.MULTILINE)


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


def test_the_documented_lines_read_the_matrix_layout(tmp_path):
    dense = draw((5, 30, 200), "bool")
    write(tmp_path / "a.h5", dense, layout="matrix", codec="blosc2")
    found = {"path": tmp_path / "a.h5"}
    exec(documented("root.spikes"), found)
    assert np.array_equal(found["one"], dense[3])
    assert np.array_equal(found["some"], dense[:, 10:20, 15:])


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


@pytest.mark.parametrize("values", VALUES)
def test_as_many_rows_as_a_block_has_are_read_from_anywhere(tmp_path, values):
    """blosc2 alone gives another block for a slice that is as long as one and does not start where one does."""
    dense = draw((1, 3000, 712), values, mean=0.3)
    file = write(tmp_path / "a.h5", dense, layout="matrix", codec="blosc2")
    rows = dense_layout.MATRIX_BLOCK // 712
    for n in (rows - 1, rows, rows + 1, 2 * rows):
        for first in (0, 1, 100, rows - 1, rows, rows + 5):
            assert np.array_equal(file.spikes[0, first : first + n], dense[0, first : first + n]), (first, n)


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


def test_chunks_in_other_blocks_are_read():
    """A file of another version may hold blocks of another size; what is read must not overrun what was made for it."""
    dense = draw((1, 500, 90), "bool")
    mine = ChunkCodec((1, 500, 90), np.dtype(bool), "blosc2", 1, 1 << 18)
    for items in (90, 1000, 20_000, 45_000):
        other = ChunkCodec((1, 500, 90), np.dtype(bool), "blosc2", 1, items)
        padded = np.zeros(other.padded, bool)
        padded[:, :500, :90] = dense
        chunk = other.compress(padded)
        assert np.array_equal(mine.decompress(chunk, np.empty(mine.padded, bool)), dense)
        assert np.array_equal(mine.decompress_rows(chunk, 17, 333), dense[:, 17:333])


def test_chunks_that_are_not_ours_are_refused():
    codec = ChunkCodec((1, 50, 90), np.dtype(bool), "blosc2", 1, 1 << 10)
    cut_in_time = blosc2.zeros((1, 50, 90), dtype=bool, chunks=(1, 50, 90), blocks=(1, 8, 16)).to_cframe()
    other_shape = blosc2.zeros((1, 51, 90), dtype=bool, chunks=(1, 51, 90), blocks=(1, 8, 90)).to_cframe()
    other_items = blosc2.zeros((1, 50, 90), dtype="u2", chunks=(1, 50, 90), blocks=(1, 8, 90)).to_cframe()
    plain = blosc2.SChunk(data=bytes(4500), contiguous=True).to_cframe()
    for chunk in (b"", b"no frame", cut_in_time, other_shape, other_items, plain):
        with pytest.raises(DamagedChunkError):
            codec.decompress(chunk)
    inflating = ChunkCodec((1, 50, 90), np.dtype(bool), "zlib", 1, 1 << 10)
    for chunk in (b"", b"no stream", ChunkCodec((1, 9), np.dtype("u2"), "zlib", 1, 9).compress(np.zeros((1, 9), "u2"))):
        with pytest.raises(DamagedChunkError):
            inflating.decompress(chunk)


CODEC = ChunkCodec((1, 50, 90), np.dtype(bool), "blosc2", 1, 1 << 10)


def frames_with_odd_metadata():
    """Frames whose data are right, and whose metadata are not."""
    for meta in ("text", 7, None, [], {}, [0, 3], [0, 3, [1, 50, 90], [1, 50, 90], [1, 8, 90], 0, "|b1"]):
        yield blosc2.SChunk(data=bytes(56 * 90), chunksize=56 * 90, contiguous=True, meta={"b2nd": meta}).to_cframe()
    good = CODEC.compress(np.zeros(CODEC.padded, bool))
    blocks = b"".join(b"\xd2" + struct.pack(">i", block) for block in CODEC.blocks)
    assert good.count(blocks) == 1
    for other in ((1, 0, 90), (0, 11, 90), (1, -11, 90), (1, 2**31 - 1, 90), (1, 2, 90)):
        yield good.replace(blocks, b"".join(b"\xd2" + struct.pack(">i", block) for block in other))
    # As many axes as nobody has.
    yield good.replace(b"\x97\x00\x03\x93", b"\x97\x00\xff\x93")
    empty = blosc2.empty((1, 50, 90), dtype=bool, chunks=(1, 50, 90), blocks=CODEC.blocks, contiguous=True)
    empty.schunk.delete_chunk(0)
    yield empty.schunk.to_cframe()


def test_frames_whose_metadata_are_wrong_are_damaged_chunks():
    for frame in frames_with_odd_metadata():
        with pytest.raises(DamagedChunkError):
            CODEC.decompress(frame)
        with pytest.raises(DamagedChunkError):
            CODEC.decompress_rows(frame, 3, 9)


def test_a_chunk_inflates_to_its_own_size_and_no_further():
    codec = ChunkCodec((1, 50, 90), np.dtype(bool), "zlib", 1, 1 << 10)
    bomb = zlib.compress(bytes(1 << 25), 9)
    assert codec.decompress(zlib.compress(bytes(4500))).shape == (1, 50, 90)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedChunkError, match="size"):
            codec.decompress(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    with pytest.raises(DamagedChunkError, match="size"):
        codec.decompress(zlib.compress(bytes(4500))[:-1])


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


def test_gaps_that_lead_out_of_the_matrix_are_refused():
    layout = make_layout("events", (1, 5, 10), np.dtype(bool), "zlib")
    for gaps in (np.array([[40, 10, 1]], "u1"), np.array([[9, (1 << 64) - 5, 6]], "u8")):
        layout._codecs, layout._n_chunks, layout._order = layout._make_codecs(gaps.dtype, 3), 1, np.arange(5)
        chunk = layout._codecs[0].compress(gaps)
        with pytest.raises(DamagedChunkError, match="out of the matrix"):
            layout.events(partial(lambda found, *_: found, chunk), 0)
