"""Arrays of numpy whose headers lie, files with holes, pipes: one line, in bounded time and memory, no warnings."""

from __future__ import annotations

import json
import os
import struct
import zipfile

import numpy as np
import pytest
from bounded import outcomes

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule


def header(descr, shape, *, version=1, extra=b"", order=False):
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}".encode() + extra + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


IDS = header("<i8", (3,)) + np.arange(3).tobytes()
TIMES = header("<f8", (3,)) + np.arange(3.0).tobytes()
MEBIBYTE = bytes(1 << 20)
NPZ = {
    "negative": (header("<f8", (-3,)) + MEBIBYTE, ["shape (-3,)", "1,048,576 bytes"]),
    "beyond": (header("<f8", (2**64,)) + MEBIBYTE, ["shape (18446744073709551616,)"]),
    "square": (header("<f8", (2**63, 2**63)) + MEBIBYTE, ["1,048,576 bytes"]),
    "many": (header("<f8", (500_000_000,)) + MEBIBYTE, ["shape (500000000,)"]),
    "true": (header("<f8", "(True,)") + MEBIBYTE, ["shape (True,)"]),
    "many sizes": (header("<f8", (2,) * 9000) + MEBIBYTE, ["..."]),
    "long header": (header("<f8", (3,), version=2, extra=b" " * (1 << 20)), ["header of 1,048,6"]),
    "endless header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + MEBIBYTE, ["header of 4,294,967,295 bytes"]),
    "no array": (b"PK", ["not an array in numpy's format"]),
    "nonsense": (header("<f8", "x" * 40), ["cannot be read"]),
    "objects": (header("|O", (3,)) + MEBIBYTE, ["pickled objects, which are never run"]),
    "texts": (header("<U2", (3,)) + MEBIBYTE, ["flat arrays of numbers"]),
    "complex": (header("<c16", (3,)) + MEBIBYTE, ["flat arrays of numbers"]),
    "longer": (header("<f8", (4,)) + bytes(32), ["4 times and 3 neurons"]),
}


def npz(path, times, ids=IDS):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr("time_ms.npy", times)
        archive.writestr("neuron.npy", ids)
    return path


@pytest.fixture(scope="module")
def npz_outcomes(tmp_path_factory):
    directory = tmp_path_factory.mktemp("npz")
    return outcomes([npz(directory / f"{name}.npz", times) for name, (times, _) in NPZ.items()])


@pytest.mark.parametrize("name", NPZ)
def test_an_archive_whose_header_lies_is_refused(npz_outcomes, name):
    npz_outcomes[f"{name}.npz"].assert_refused(f"{name}.npz", *NPZ[name][1])


def test_an_archive_that_grows_a_thousandfold_is_refused(tmp_path):
    n = 10_000_000
    path = npz(tmp_path / "zeros.npz", header("<f8", (n,)) + bytes(8 * n), header("<i8", (n,)) + bytes(8 * n))
    outcomes([path])["zeros.npz"].assert_refused("become 160,000,000, more than any recording does")


def npy(path, data):
    path.write_bytes(data)
    return path


def test_a_npy_file_whose_header_lies_is_refused(tmp_path):
    made = {
        "negative": (header("<f8", (-3, 2)) + MEBIBYTE, ["shape (-3, 2)"]),
        "beyond": (header("<f8", (2**62, 2)) + MEBIBYTE, ["1,048,576 bytes"]),
        "cut": (header("<f8", (3, 2)) + bytes(40), ["40 bytes"]),
        "objects": (header("|O", (3, 2)) + MEBIBYTE, ["pickled objects"]),
        "endless header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", ["4,294,967,295 bytes"]),
        "empty": (b"", ["is empty"]),
        "magic alone": (b"\x93NUMPY", ["not an array in numpy's format"]),
    }
    paths = [npy(tmp_path / f"{name}.npy", data) for name, (data, _) in made.items()]
    holes = tmp_path / "holes.npy"
    with holes.open("wb") as file:
        file.write(header("<f8", (1 << 28, 2)))
        file.truncate((4 << 30) + 4096)
    found = outcomes([*paths, holes], unit="ms")
    for name, (_, words) in made.items():
        found[f"{name}.npy"].assert_refused(f"{name}.npy", *words)
    found["holes.npy"].assert_refused("nearly all of it was never written")


def test_what_is_true_is_read_without_a_warning(tmp_path):
    """Headers of Python 2, of each version, empty arrays, arrays in Fortran's order, one value."""
    made = {
        "python 2": header("<f8", "(3L, 2L)") + np.array([[1.5, 5], [2, 5], [3, 6]]).tobytes(),
        "version 2": header("<f8", (1, 2), version=2) + np.array([[1.5, 5]]).tobytes(),
        "version 3": header("<f8", (1, 2), version=3) + np.array([[1.5, 5]]).tobytes(),
        "fortran": header("<f8", (2, 2), order=True) + np.array([1.5, 2, 5, 6]).tobytes(),
    }
    paths = [npy(tmp_path / f"{name}.npy", data) for name, data in made.items()]
    archive = npz(tmp_path / "python 2.npz", header("<f8", "(3L,)") + np.arange(3.0).tobytes())
    found = outcomes([*paths, archive], unit="ms")
    read = {name: json.loads(one.text)["neurons"] for name, one in found.items()}
    assert read == {
        "python 2.npy": [2, 3], "version 2.npy": [1, 1], "version 3.npy": [1, 1], "fortran.npy": [2, 2],
        "python 2.npz": [3, 3],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["s.csv", "s.npz", "s.npy", "s.nwb", "s.h5", "s.dat", "s"])
def test_only_files_are_opened(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(RecordingError, match="is a pipe or a device"):
        open_recording(tmp_path / name)


def test_a_second_file_that_is_a_pipe_is_refused(tmp_path):
    np.save(tmp_path / "t.npy", np.arange(3.0))
    os.mkfifo(tmp_path / "who.npy")
    with pytest.raises(RecordingError, match=r"no file .*who\.npy"):
        open_recording(tmp_path / "t.npy", None, Reading(unit="s", neurons="who.npy"))


@pytest.mark.parametrize(
    "positions", [np.array([["a", "b"]] * 3), np.ones((3, 2), complex), np.full((3, 2), 7, "f2"), np.zeros((3, 3))]
)
def test_positions_of_a_phy_folder_are_numbers_or_none(tmp_path, positions):
    np.save(tmp_path / "spike_times.npy", np.array([10, 20, 30]))
    np.save(tmp_path / "spike_clusters.npy", np.array([0, 1, 0]))
    np.save(tmp_path / "channel_map.npy", np.arange(3))
    np.save(tmp_path / "channel_positions.npy", positions)
    (tmp_path / "cluster_info.tsv").write_text("cluster_id\tch\n0\t1\n1\t2\n")
    (tmp_path / "params.py").write_text("sample_rate = 1000.\n")
    sheet = open_recording(tmp_path).sheet("units", TrialRule())
    assert np.isnan(sheet.neurons["x"]).all() == (positions.dtype != np.dtype("f2"))
    (tmp_path / "params.py").write_text("sample_rate = 0x" + "f" * 6000 + "\n")
    with pytest.raises(RecordingError, match="sample_rate"):
        open_recording(tmp_path)
