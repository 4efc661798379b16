"""The matrix file: seal, schema, bytes that cannot change unseen, and reading it with other people's tools."""

from __future__ import annotations

import fcntl
import hashlib
import pickle
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import get_args

import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import numpy.lib.recfunctions as rfn
import pytest
import tables
from resealed import resealed, version_1
from small_file import N_NEURONS, write

from spikebin.choices import Layout
from spikebin.errors import MatrixFileError
from spikebin.matrixfile import seal
from spikebin.matrixfile.layouts.dense import CHUNK_CELLS
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.seal import SEAL_SIZE, pack_facts, read_seal
from spikebin.matrixfile.verify import verify_file


def test_what_is_written_is_read(tmp_path, layout, codec, values):
    dense = write(tmp_path / "a.h5", layout=layout, codec=codec, values=values)
    file = open_file(tmp_path / "a.h5")
    assert file.shape == dense.shape == (3, N_NEURONS, 5 + 10)
    assert file.spikes.dtype == (np.uint8 if values == "count" else bool)
    assert np.array_equal(np.asarray(file.spikes), dense)
    for i in range(3):
        rows, bins = file.events(i)
        assert np.array_equal(np.argwhere(dense[i]), np.column_stack([rows, bins]))
    assert file.trials["image_id"].tolist() == ["50010", "50011", "50012"]
    assert file.trials["stimulus"][0] == "{'name': 'μ'}"
    assert file.trials["repeat"].tolist() == [0, 1, 0]
    assert file.trials["n_bins"].tolist() == [15, 15, 12]
    assert file.trials["phase_bins"].tolist() == [[5, 10], [5, 10], [5, 7]]
    assert file.neurons["neuron_id"].tolist() == [3, 4, 8, 9, 100]
    assert np.isnan(file.neurons["z"]).all()
    assert file.sources.tolist() == [("Segment0.pickle", 10, 1.5)]
    assert verify_file(tmp_path / "a.h5") == file.header


def test_the_header_says_it_all(tmp_path):
    dense = write(tmp_path / "a.h5")
    header = read_seal(tmp_path / "a.h5").as_dict()
    assert header["n_spikes"] == header["n_binned"] + header["n_collisions"] + header["n_outside"] == 240
    assert header["n_binned"] == dense.sum()
    assert header["size"] == (tmp_path / "a.h5").stat().st_size - SEAL_SIZE
    assert header["binning"] == {"width": 1.0, "closed": "left", "end_bin": True, "values": "bool"}
    assert header["phases"] == [
        {"name": "blank", "first_bin": 0, "bins": 5, "duration": 4.0},
        {"name": "image", "first_bin": 5, "bins": 10, "duration": 9.0},
    ]
    assert header["source"] == {"name": "drawn", "files": 1, "size": 10, "mtime": 1.5}


def test_locks_that_hdf5_refuses_are_named(tmp_path):
    write(tmp_path / "a.h5")
    with (tmp_path / "a.h5").open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(MatrixFileError, match="HDF5_USE_FILE_LOCKING"):
            _ = open_file(tmp_path / "a.h5").trials


def test_a_damaged_file_is_not_taken_for_a_locked_one(tmp_path):
    """HDF5 speaks of superblocks, and a path may hold a block of its own."""
    path = tmp_path / "block.h5"
    write(path)
    image = b"\0" * (path.stat().st_size - SEAL_SIZE)
    sealed = version_1(path) | {"sha256": hashlib.sha256(image).hexdigest()}
    path.write_bytes(pack_facts(sealed) + image)
    with pytest.raises(MatrixFileError, match="cannot be read by HDF5"):
        _ = open_file(path).trials


def test_a_file_that_was_written_anew_is_not_mixed_with_the_old_one(tmp_path):
    write(tmp_path / "a.h5")
    file = open_file(tmp_path / "a.h5")
    assert file.spikes[0].any()
    write(tmp_path / "a.h5", seed=1)
    with pytest.raises(MatrixFileError, match="written again"):
        _ = file.spikes[1]
    with pytest.raises(MatrixFileError, match="written again"):
        _ = file.neurons


@pytest.mark.filterwarnings("ignore:.*maximum recommended rowsize")
@pytest.mark.parametrize("shape", [(3, 5, 15), (3, 5, 1 << 50)])
def test_chunks_that_were_never_written_are_told(tmp_path, shape):
    """A file may be of any shape that takes no room, as HDF5 has it."""
    path = tmp_path / "a.h5"
    write(path)
    header = version_1(path)
    with tables.open_file(path, "r+") as file:
        file.remove_node("/spikes")
        chunkshape = (1, 5, min(shape[2], CHUNK_CELLS // 5))
        file.create_carray("/", "spikes", tables.BoolAtom(), shape=shape, chunkshape=chunkshape, track_times=False)
    resealed(path, {**header, "size": path.stat().st_size - SEAL_SIZE, "shape": list(shape)})
    with pytest.raises(MatrixFileError, match="lacks chunks|more chunks than its file has bytes"):
        open_file(path).spikes[0]


def a_column_less(rows):
    return rows[["image_id", "order", "n_bins", "phase_bins", "stimulus"]]


def a_row_less(rows):
    return rows[:-1]


def no_utf8(rows):
    rows["image_id"][1] = b"\xff\xfe"
    return rows


def too_many_bins(rows):
    rows["n_bins"][2] += 1
    return rows


def bins_below_zero(rows):
    rows["phase_bins"][1] = [-1, 16]
    return rows


@pytest.mark.parametrize("change", [a_column_less, a_row_less, no_utf8, too_many_bins, bins_below_zero])
def test_a_table_that_is_not_as_sealed_is_told(tmp_path, change):
    path = tmp_path / "a.h5"
    write(path)
    header = version_1(path)
    with tables.open_file(path, "r+") as file:
        rows = file.root.trials.read()
        file.remove_node("/trials")
        file.create_table("/", "trials", obj=rfn.repack_fields(change(rows)))
    resealed(path, {**header, "size": path.stat().st_size - SEAL_SIZE})
    with pytest.raises(MatrixFileError, match="does not hold what its seal says|utf-8"):
        _ = open_file(path).trials
    assert open_file(path).spikes[0].any()


def test_a_file_that_is_replaced_while_its_seal_is_read_is_not_mixed_with_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    write(path)

    def replaced(block, size, name, parse=seal.parse_outline):
        write(path, seed=1)
        return parse(block, size, name)

    with monkeypatch.context() as patch:
        patch.setattr(seal, "parse_outline", replaced)
        file = open_file(path)
    with pytest.raises(MatrixFileError, match="written again"):
        _ = file.spikes[0]


def _sum(file):
    return int(np.asarray(file.spikes).sum())


def test_threads_processes_and_pickles_read_at_once(tmp_path):
    files, sums = [], []
    for layout in get_args(Layout):
        sums.append(write(tmp_path / f"{layout}.h5", layout=layout).sum())
        files.append(open_file(tmp_path / f"{layout}.h5"))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(_sum, files * 12)) == sums * 12
    assert [_sum(pickle.loads(pickle.dumps(file))) for file in files] == sums
    with get_context("spawn").Pool(2) as pool:
        assert pool.map(_sum, files * 3, chunksize=1) == sums * 3
