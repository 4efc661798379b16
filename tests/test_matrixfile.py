"""The matrix file: seal, schema, bytes that cannot change unseen, and reading it with other people's tools."""

from __future__ import annotations

import fcntl
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import h5py
import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import pytest
import tables
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikebin import Binning, open_file
from spikebin.errors import MatrixFileError
from spikebin.events import bin_trial
from spikebin.lazy import LazyArray, resolve
from spikebin.matrixfile import Identity, MatrixWriter, verify_file
from spikebin.recordings.base import NEURON_FIELDS, Phase, PhaseSpikes, SourceFile, Trial
from spikebin.seal import SEAL_SIZE, pack_seal, read_seal, verify_seal

N_NEURONS = 5
PHASES = (Phase("blank", 0.0, 4.0), Phase("image", 0.0, 9.0))


def write(path, *, seed=0, layout="matrix", codec="blosc2", values="bool", durations=(9.0, 9.0, 6.0)):
    """A small file of drawn spikes; returns the dense array that it must hold."""
    rng = np.random.default_rng(seed)
    neurons = np.zeros(N_NEURONS, NEURON_FIELDS)
    neurons["neuron_id"] = [3, 4, 8, 9, 100]
    neurons["z"] = np.nan
    trials = [
        Trial(f"5001{i}", i % 2, i, "{'name': 'μ'}", (PHASES[0], replace(PHASES[1], stop=stop)))
        for i, stop in enumerate(durations)
    ]
    binning = Binning(values=values)
    with MatrixWriter(
        Identity("V1_Exc_L2/3", "train", "50000"),
        neurons,
        trials,
        binning=binning,
        trial_rule={},
        layout=layout,
        codec=codec,
    ) as writer:
        dense = np.zeros(writer.shape, np.uint8)
        for i, trial in enumerate(trials):
            spikes, first_bin = [], 0
            for phase in trial.phases:
                times, rows = rng.uniform(0, phase.stop, 40), rng.integers(0, N_NEURONS, 40)
                spikes.append(PhaseSpikes(times, rows))
                np.add.at(dense[i], (rows, first_bin + times.astype(int)), 1)
                first_bin += int(phase.stop) + 1
            events = bin_trial(trial, spikes, binning, writer.n_columns, "drawn")
            writer.append(events, writer.encode(events))
        writer.write(path, "drawn", [SourceFile("Segment0.pickle", 10, 1.5)])
    return dense if values == "count" else dense > 0


@pytest.fixture(params=["matrix", "events"])
def layout(request):
    return request.param


@pytest.fixture(params=["blosc2", "zlib"])
def codec(request):
    return request.param


@pytest.fixture(params=["bool", "count"])
def values(request):
    return request.param


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
    header = read_seal(tmp_path / "a.h5")
    assert header["n_spikes"] == header["n_binned"] + header["n_collisions"] + header["n_outside"] == 240
    assert header["n_binned"] == dense.sum()
    assert header["size"] == (tmp_path / "a.h5").stat().st_size - SEAL_SIZE
    assert header["binning"] == {"width": 1.0, "closed": "left", "end_bin": True, "values": "bool"}
    assert header["phases"] == [
        {"name": "blank", "first_bin": 0, "bins": 5, "duration": 4.0},
        {"name": "image", "first_bin": 5, "bins": 10, "duration": 9.0},
    ]
    assert header["source"] == {"name": "drawn", "files": 1, "size": 10, "mtime": 1.5}


def test_the_content_digest_knows_content_alone(tmp_path):
    digests = {}
    for layout in ("matrix", "events"):
        for codec in ("blosc2", "zlib"):
            for values in ("bool", "count"):
                write(tmp_path / "a.h5", layout=layout, codec=codec, values=values)
                digests.setdefault(values, set()).add(read_seal(tmp_path / "a.h5")["content_digest"])
    assert [len(found) for found in digests.values()] == [1, 1]
    write(tmp_path / "b.h5", seed=1)
    assert read_seal(tmp_path / "b.h5")["content_digest"] not in digests["bool"]


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


def test_every_flipped_byte_and_every_truncation_is_found_before_hdf5_is_asked(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    write(path, durations=(9.0,))
    whole = path.read_bytes()
    monkeypatch.setattr(tables, "open_file", lambda *_, **__: pytest.fail("libhdf5 was asked"))
    rng = np.random.default_rng(0)
    with path.open("r+b") as file:
        for at in range(len(whole)):
            flipped = whole[at] ^ (1 << int(rng.integers(8)))
            file.seek(at)
            file.write(bytes([flipped]))
            file.flush()
            with pytest.raises(MatrixFileError):
                verify_file(path)
            file.seek(at)
            file.write(whole[at : at + 1])
        file.flush()
        assert verify_seal(path)
        for size in range(len(whole) - 1, -1, -1):
            file.truncate(size)
            with pytest.raises(MatrixFileError):
                read_seal(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(MatrixFileError, match="bytes"):
        read_seal(path)


HEADERS = st.fixed_dictionaries(
    {
        "format_version": st.just(1), "size": st.integers(0, 0), "sha256": st.text(max_size=64),
        "sheet": st.text(max_size=30),
        "variant": st.text(max_size=30), "part": st.text(max_size=30), "shape": st.lists(st.integers(), max_size=3),
        "layout": st.text(max_size=9), "codec": st.text(max_size=9),
        "binning": st.dictionaries(st.text(max_size=9), st.floats(0, 9)),
        "trial": st.just({}), "phases": st.just([]), "n_spikes": st.integers(), "n_binned": st.integers(),
        "n_collisions": st.integers(), "n_outside": st.integers(), "content_digest": st.text(max_size=64),
    }
)  # fmt: skip


@given(header=HEADERS, at=st.integers(0, SEAL_SIZE - 1), bit=st.integers(0, 7))
def test_a_seal_is_read_as_it_was_written_or_not_at_all(tmp_path_factory, header, at, bit):
    path = tmp_path_factory.mktemp("seal") / "a.h5"
    seal = pack_seal(header)
    assert len(seal) == SEAL_SIZE
    path.write_bytes(seal)
    assert read_seal(path) == json.loads(json.dumps(header))
    path.write_bytes(seal[:at] + bytes([seal[at] ^ (1 << bit)]) + seal[at + 1 :])
    with pytest.raises(MatrixFileError):
        read_seal(path)


def test_a_header_that_does_not_fit_is_refused(tmp_path):
    header = {"variant": "x" * 5000, "part": "1", "sheet": "A"}
    with pytest.raises(MatrixFileError, match="shorten"):
        pack_seal(header)


def test_a_newer_version_is_told_apart_from_a_broken_file(tmp_path):
    path = tmp_path / "a.h5"
    write(path)
    path.write_bytes(b"spikebin 2\n" + path.read_bytes()[11:])
    with pytest.raises(MatrixFileError, match="upgrade spikebin"):
        open_file(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(9000))
    with pytest.raises(MatrixFileError, match="no seal"):
        open_file(path)
    with pytest.raises(MatrixFileError, match="no file"):
        open_file(tmp_path / "none.h5")


def test_a_file_whose_content_is_not_what_its_seal_says(tmp_path):
    path = tmp_path / "a.h5"
    write(path)
    for change, word in (({"content_digest": "0" * 64}, "content digest"), ({"n_outside": 1}, "add up")):
        data = path.read_bytes()
        (tmp_path / "b.h5").write_bytes(pack_seal(read_seal(path) | change) + data[SEAL_SIZE:])
        with pytest.raises(MatrixFileError, match=word):
            verify_file(tmp_path / "b.h5")


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
    path.write_bytes(pack_seal(read_seal(path)) + image)
    with pytest.raises(MatrixFileError, match="cannot be read by HDF5"):
        _ = open_file(path).trials


def test_a_file_that_was_written_anew_is_not_mixed_with_the_old_one(tmp_path):
    write(tmp_path / "a.h5")
    file = open_file(tmp_path / "a.h5")
    assert file.spikes[0].any()
    write(tmp_path / "a.h5", seed=1)
    with pytest.raises(MatrixFileError, match="written anew"):
        _ = file.spikes[1]
    with pytest.raises(MatrixFileError, match="written anew"):
        _ = file.neurons


@pytest.mark.parametrize(
    "change", [{"layout": "sparse"}, {"shape": [1, 2]}, {"binning": {"wide": 1}}, {"binning": {"width": -1}}]
)
def test_a_seal_that_no_spikebin_writes_is_refused(tmp_path, change):
    path = tmp_path / "a.h5"
    write(path)
    data = path.read_bytes()
    path.write_bytes(pack_seal(read_seal(path) | change) + data[SEAL_SIZE:])
    with pytest.raises(MatrixFileError, match="no spikebin writes"):
        open_file(path)
    with pytest.raises(MatrixFileError, match="no spikebin writes"):
        verify_file(path)


def test_nothing_to_write_is_refused(tmp_path):
    with pytest.raises(MatrixFileError, match="0 trials"):
        write(tmp_path / "a.h5", durations=())


def _sum(file):
    return int(np.asarray(file.spikes).sum())


def test_threads_processes_and_pickles_read_at_once(tmp_path, layout):
    dense = write(tmp_path / "a.h5", layout=layout)
    file = open_file(tmp_path / "a.h5")
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(_sum, [file] * 12)) == {dense.sum()}
    assert _sum(pickle.loads(pickle.dumps(file))) == dense.sum()
    with get_context("spawn").Pool(2) as pool:
        assert pool.map(_sum, [file] * 3) == [dense.sum()] * 3


INDICES = st.one_of(
    hnp.basic_indices((3, 5, 15), allow_newaxis=True, allow_ellipsis=True),
    st.tuples(
        *(
            st.one_of(
                st.integers(-n, n - 1),
                st.slices(n),
                hnp.arrays(np.intp, st.just((2,)), elements=st.integers(-n, n - 1)),
                st.lists(st.integers(-n, n - 1), max_size=4),
                hnp.arrays(bool, n),
            )
            for n in (3, 5, 15)
        )
    ),
    hnp.arrays(bool, (3, 5)),
    hnp.arrays(bool, (3, 5, 15)),
)


@given(index=INDICES)
def test_indices_mean_what_they_mean_to_numpy(index):
    whole = np.arange(3 * 5 * 15).reshape(3, 5, 15)

    def read(selectors):
        return whole[np.ix_(*(np.asarray(selector, np.intp) for selector in selectors))]

    lazy = LazyArray(whole.shape, whole.dtype, read)
    try:
        expected = whole[index]
    except IndexError:
        with pytest.raises(IndexError):
            lazy[index]
        return
    found = lazy[index]
    assert np.shape(found) == np.shape(expected)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "index", [3, -4, (0, 5), (0, 0, 0, 0), (..., ...), 1.5, "a", ([0, 3],), np.ones(4, bool), True]
)
def test_indices_that_numpy_refuses_are_refused(index):
    with pytest.raises(IndexError):
        resolve(index, (3, 5, 15))


@given(index=INDICES)
def test_a_file_is_indexed_as_its_array_is(tmp_path_factory, index):
    for layout in ("matrix", "events"):
        path = tmp_path_factory.getbasetemp() / f"indexed_{layout}.h5"
        if not path.exists():
            write(path, layout=layout)
        file = open_file(path)
        whole = np.asarray(file.spikes)
        try:
            expected = whole[index]
        except IndexError:
            continue
        assert np.array_equal(file.spikes[index], expected)
