"""Reads are checked: whatever byte of a matrix file changes, a read refuses it or gives the right array."""

from __future__ import annotations

import os
import pickle
import shutil
import zlib

import numpy as np
import pytest
import tables
from conftest import DATA
from drawn import draw_cells, write_cells

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.checksums import Checks
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.seal import SEAL_SIZE, parse_seal
from spikebin.system import hdf5

KINDS = [
    ("matrix", "blosc2", "bool", 7),
    ("events", "zlib", "count", 7),
    ("matrix", "zlib", "count", 77),
    ("events", "blosc2", "bool", 77),
]


def everything(path, check="first"):
    """All that the reader's calls give, as plain values."""
    file = open_file(path, check=check)
    return [
        file.trials.tolist(),
        np.asarray(file.spikes).tolist(),
        [[part.tolist() for part in file.flat_events(i)] for i in range(len(file.spikes))],
        file.spikes[-1, 1:3, ::2].tolist(),
        repr(file.neurons.tolist()),
        file.sources.tolist(),
    ]


def flipped(path, at, bits=1):
    data = bytearray(path.read_bytes())
    data[at] ^= bits
    path.write_bytes(data)


@pytest.mark.parametrize(("layout", "codec", "values", "step"), KINDS)
def test_whatever_byte_of_a_file_changes_is_found(tmp_path, monkeypatch, layout, codec, values, step):
    """And none but a chunk's reaches HDF5, which a changed byte can crash."""
    path = tmp_path / "a.h5"
    write_cells(path, draw_cells((2, 5, 30), values, mean=0.2), layout=layout, codec=codec)
    data, chunks = path.read_bytes(), chunk_bytes(path)
    asked = []
    opened = hdf5.open_hdf5
    monkeypatch.setattr(
        "spikebin.matrixfile.reader.open_hdf5", lambda name, **options: asked.append(name) or opened(name, **options)
    )
    # Every byte of a seal is covered by its own checksum (test_seal.py): a few of them do here. Of all else, the bytes
    # of chunks and their neighbours, and each few of those between them.
    beside = {at + k for at in chunks for k in (-1, 0, 1)}
    places = [*range(0, SEAL_SIZE, 97), *sorted(beside | {*range(SEAL_SIZE, len(data), step)})]
    n_refused = 0
    with path.open("r+b", buffering=0) as raw:
        for at in places:
            asked.clear()
            raw.seek(at)
            raw.write(bytes([data[at] ^ 1 << at % 8]))
            n_refused += refused(path) is not None
            assert at in chunks or not asked, at
            raw.seek(at)
            raw.write(data[at : at + 1])
    assert n_refused == len(places)
    assert refused(path) is None


def refused(path):
    """What a read is refused with; None if all reads are right."""
    try:
        everything(path)
    except MatrixFileError as error:
        return str(error)
    return None


def chunk_bytes(path):
    """Offsets of all bytes of chunks."""
    data = path.read_bytes()
    chunks = parse_seal(data[:SEAL_SIZE], len(data), path).chunks
    table = np.frombuffer(data, "<i8", chunks.n_chunks * 3, chunks.offset).reshape(-1, 3)
    assert zlib.crc32(table.tobytes()) == chunks.crc32
    return {at for first, size, _ in table.tolist() for at in range(first, first + size)}


def test_the_table_of_checksums_is_an_ordinary_array(tmp_path):
    file = write_cells(tmp_path / "a.h5", draw_cells((3, 40, 50), "bool"), layout="matrix", codec="zlib")
    with tables.open_file(tmp_path / "a.h5") as plain:
        rows = plain.root.checksums[:]
    assert rows.shape == (3, 3)
    data = (tmp_path / "a.h5").read_bytes()

    assert [zlib.crc32(data[first : first + size]) for first, size, _ in rows.tolist()] == rows[:, 2].tolist()
    assert file.header.format_version == 2


@pytest.mark.parametrize(("check", "n_read"), [("first", 1), ("always", 3), ("never", 0)])
def test_how_often_a_chunk_is_checked_is_chosen(tmp_path, monkeypatch, check, n_read):
    path = tmp_path / "a.h5"
    write_cells(path, draw_cells((2, 40, 50), "bool"), layout="matrix", codec="blosc2")
    file = open_file(path, check=check)
    seen = []
    before_chunks = Checks.before_chunks

    def counted(self, descriptor):
        inner = before_chunks(self, descriptor)
        good = self._good

        def one(number, data):
            if good is not None and (check == "always" or not good[number]):
                seen.append(number)
            inner(number, data)

        return one

    monkeypatch.setattr(Checks, "before_chunks", counted)
    for _ in range(3):
        _ = file.spikes[1]
    assert seen == [1] * n_read


def test_a_change_after_the_first_read_is_found_when_always_is_asked(tmp_path):
    path = tmp_path / "a.h5"
    write_cells(path, draw_cells((1, 400, 500), "bool"), layout="matrix", codec="blosc2")
    file = open_file(path, check="always")
    _ = file.spikes[0]
    stat = path.stat()
    offset, size = file._places[0, 0].tolist()
    with path.open("r+b") as raw:
        raw.seek(offset + size // 2)
        byte = raw.read(1)[0]
        raw.seek(offset + size // 2)
        raw.write(bytes([byte ^ 255]))
    # As a disk that fails: the file system tells of no change.
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(MatrixFileError, match="has changed since it was sealed"):
        _ = file.spikes[0]


def test_a_file_of_version_1_is_hashed_once_before_it_is_read(tmp_path):
    shutil.copy(DATA / "format_1" / "matrix_files" / "matrix_blosc2_bool.h5", tmp_path / "a.h5")
    path = tmp_path / "a.h5"
    # Whatever byte it is: HDF5 must not be asked.
    flipped(path, path.stat().st_size - 1)
    for read in (lambda f: f.spikes[0], lambda f: f.events(0), lambda f: f.trials, lambda f: f.neurons):
        with pytest.raises(MatrixFileError, match=r"has changed since it was sealed \(its sha256 differs\)"):
            read(open_file(path))


def test_a_file_keeps_its_checks_when_it_is_sent_to_another_process(tmp_path):
    file = write_cells(tmp_path / "a.h5", draw_cells((1, 4, 5), "bool"), layout="matrix", codec="blosc2")
    assert pickle.loads(pickle.dumps(open_file(file.path, check="never"))).check == "never"
    assert pickle.loads(pickle.dumps(file)).check == "first"
