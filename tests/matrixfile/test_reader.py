"""The matrix file: seal, schema, bytes that cannot change unseen, and reading it with other people's tools."""

from __future__ import annotations

import fcntl
import hashlib
import json
import pickle
import re
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import h5py
import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import numpy.lib.recfunctions as rfn
import pytest
import tables
from conftest import make_config
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikebin import Binning
from spikebin.binning.trial import Phase, PhaseSpikes, Trial, bin_trial
from spikebin.errors import MatrixFileError
from spikebin.matrixfile import seal
from spikebin.matrixfile.facts import KEYS
from spikebin.matrixfile.layouts.dense import CHUNK_CELLS
from spikebin.matrixfile.lazy import LazyArray, resolve
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.seal import SEAL_SIZE, Identity, pack_facts, read_seal, verify_seal
from spikebin.matrixfile.verify import describe, verify_file
from spikebin.matrixfile.write_sheet import Settings
from spikebin.matrixfile.writer import MatrixWriter
from spikebin.output.jobs import Job, Source
from spikebin.output.paths import matrix_path
from spikebin.output.state import State, sheet_state
from spikebin.pipeline.plan import Plan
from spikebin.recordings.protocol import NEURON_FIELDS, SourceFile

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
        Settings(binning, layout, codec),
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


def test_the_content_digest_knows_content_alone(tmp_path):
    digests = {}
    for layout in ("matrix", "events"):
        for codec in ("blosc2", "zlib"):
            for values in ("bool", "count"):
                write(tmp_path / "a.h5", layout=layout, codec=codec, values=values)
                digests.setdefault(values, set()).add(read_seal(tmp_path / "a.h5").content_digest)
    assert [len(found) for found in digests.values()] == [1, 1]
    write(tmp_path / "b.h5", seed=1)
    assert read_seal(tmp_path / "b.h5").content_digest not in digests["bool"]


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


NAMES = st.text(max_size=30).filter(lambda name: name.strip("./ ") and not {"/", "\0"} & set(name))
COUNTS = st.integers(0, (1 << 63) - 1)
HEADERS = st.fixed_dictionaries(
    {
        "format_version": st.just(1), "spikebin_version": st.text(max_size=9), "created": st.text(max_size=30),
        "size": st.just(0), "sha256": st.text(max_size=64), "sheet": NAMES, "variant": NAMES, "part": NAMES,
        "shape": st.lists(st.integers(1, 1 << 20), min_size=3, max_size=3),
        "layout": st.sampled_from(["matrix", "events"]), "codec": st.sampled_from(["blosc2", "zlib"]),
        "binning": st.fixed_dictionaries(
            {
                "width": st.floats(1e-7, 1e9) | st.integers(1, 9), "closed": st.sampled_from(["left", "right"]),
                "end_bin": st.booleans(), "values": st.sampled_from(["bool", "count"]),
            }
        ),
        "trial": st.just({}), "phases": st.just([]), "n_spikes": COUNTS, "n_binned": COUNTS, "n_collisions": COUNTS,
        "n_outside": COUNTS, "content_digest": st.text(max_size=64),
        "source": st.fixed_dictionaries(
            {"name": st.text(max_size=99), "files": COUNTS, "size": COUNTS, "mtime": st.floats(-1e9, 1e12)}
        ),
    },
    optional={"limit": COUNTS, "more": st.text(max_size=9)},
)  # fmt: skip


def version_1(path):
    """What the seal of a file says, as a file of format_version 1 says it: HDF5 tells where its chunks lie."""
    return replace(read_seal(path), format_version=1).as_dict()


def seal_around(text):
    """A seal with the right checksum around any text, which ends where the last key of an object would come."""
    text = b"spikebin 1\n" + text
    return (text + b', "seal_crc32": %d}\n' % zlib.crc32(text)).ljust(SEAL_SIZE, b"\n")


def resealed(path, header):
    """Put another seal on a file, whatever it says."""
    image = path.read_bytes()[SEAL_SIZE:]
    header = {"size": len(image)} | header | {"sha256": hashlib.sha256(image).hexdigest()}
    path.write_bytes(seal_around(json.dumps(header).removesuffix("}").encode()) + image)


@given(header=HEADERS, at=st.integers(0, SEAL_SIZE - 1), bit=st.integers(0, 7))
def test_a_seal_is_read_as_it_was_written_or_not_at_all(tmp_path_factory, header, at, bit):
    path = tmp_path_factory.mktemp("seal") / "a.h5"
    packed = pack_facts(header)
    assert len(packed) == SEAL_SIZE
    path.write_bytes(packed)
    # What a newer release of the same version adds is passed over.
    header.pop("more", None)
    assert read_seal(path).as_dict() == json.loads(json.dumps(header))
    path.write_bytes(packed[:at] + bytes([packed[at] ^ (1 << bit)]) + packed[at + 1 :])
    with pytest.raises(MatrixFileError):
        read_seal(path)


def test_a_header_that_does_not_fit_is_refused(tmp_path):
    header = {"variant": "x" * 5000, "part": "1", "sheet": "A"}
    with pytest.raises(MatrixFileError, match="shorten"):
        pack_facts(header)


def test_a_newer_version_is_told_apart_from_a_broken_file(tmp_path):
    path = tmp_path / "a.h5"
    write(path)
    path.write_bytes(b"spikebin 3\n" + path.read_bytes()[11:])
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
        (tmp_path / "b.h5").write_bytes(pack_facts(read_seal(path).as_dict() | change) + data[SEAL_SIZE:])
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


def complaint(read, *arguments):
    """What a call that may be refused is refused with, in one line; None if it is not."""
    try:
        read(*arguments)
    except MatrixFileError as error:
        text = str(error)
    else:
        return None
    assert text
    assert "\n" not in text
    return text


NO_WIDTH = {"width": 5e-324, "closed": "left", "end_bin": True, "values": "bool"}


@pytest.mark.parametrize(
    "change",
    [
        *({"shape": shape} for shape in ([1, 2], [3, 0, 15], [-3, 5, 15], [3, 5, 15.0], [True, 5, 15], "abc", [])),
        *({"shape": shape} for shape in ([3, 5, float("inf")], [1 << 62, 5, 15], [[], {}, None], None)),
        *({"layout": layout} for layout in ("sparse", None, [], 1)),
        *({"codec": codec} for codec in ("evil", None, {}, "BLOSC2")),
        *({"binning": binning} for binning in ({"wide": 1}, {"width": -1}, NO_WIDTH, {}, None, [])),
        *({"format_version": version} for version in (0, 3, True, "1", None)),
        *({"source": source} for source in (None, {}, "drawn", {"name": 1, "files": 1, "size": 1, "mtime": 0})),
        *({key: value} for key in ("created", "spikebin_version", "sheet") for value in (None, 1)),
        *({key: value} for key in ("n_spikes", "n_collisions", "n_outside") for value in (-1, 1.0, 1 << 64, "1")),
        *(
            {"phases": phases}
            for phases in (None, [1], [{}], [{"name": 1, "first_bin": 0, "bins": 5, "duration": 4.0}])
        ),
        *({"chunks": chunks} for chunks in (None, {}, {"offset": 1, "n_chunks": 3, "crc32": 0, "rest_crc32": 0})),
        {"views": "rebin"},
        {"reading": []},
        *({key: value} for key in ("part", "variant") for value in ("../../up", "..", "")),
        {"limit": "all"},
    ],
)
def test_a_seal_that_no_spikebin_writes_is_refused(tmp_path, change):
    path = tmp_path / "a.h5"
    write(path)
    header = read_seal(path).as_dict() | change
    for read in (read_seal, verify_seal, open_file, verify_file):
        resealed(path, header)
        assert re.search(f"no spikebin writes .{next(iter(change))}|holds no JSON", complaint(read, path))
    with pytest.raises((MatrixFileError, ValueError), match="cannot say|not JSON compliant"):
        pack_facts(header)


@pytest.mark.parametrize("key", sorted(KEYS.keys() - {"limit", "n_unassigned"}))
def test_a_seal_without_one_of_its_keys_is_refused(tmp_path, key):
    path = tmp_path / "a.h5"
    write(path)
    header = read_seal(path).as_dict()
    del header[key]
    body = seal_around(json.dumps(header).removesuffix("}").encode())
    path.write_bytes(body + path.read_bytes()[SEAL_SIZE:])
    with pytest.raises(MatrixFileError, match=key):
        open_file(path)


@pytest.mark.parametrize(
    "text", [b"", b"[" * 3900, b'{"a":' * 780, b"nonsense", b"\xff\xfe", b'{"a": "\xff"', b"{1", b"[1", b'{"size": NaN']
)
def test_a_seal_that_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "a.h5"
    path.write_bytes(seal_around(text) + bytes(9))
    for read in (read_seal, open_file, verify_file):
        assert complaint(read, path)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(1, 20)
    | st.sampled_from([1 << 50, 1 << 62, 1 << 64, 10**400])
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["matrix", "events", "blosc2", "zlib", "bool", "count", "left", "right"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(st.integers(1, 20) | st.just(1 << 50), min_size=3, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["width", "closed", "values", "name", "bins"]), inner)
        | st.fixed_dictionaries({"width": inner, "closed": inner, "end_bin": inner, "values": inner})
    ),
    max_leaves=8,
)


@given(
    layout=st.sampled_from(["matrix", "events"]),
    changes=st.dictionaries(st.sampled_from([*KEYS]), JSON, min_size=1, max_size=3),
)
def test_whatever_a_seal_says_a_file_is_read_or_refused(tmp_path_factory, layout, changes):
    root = tmp_path_factory.getbasetemp() / f"hostile_{layout}"
    path = matrix_path(root, "train", "50000", "V1_Exc_L2/3")
    if not path.exists():
        path.parent.mkdir(parents=True)
        write(path, layout=layout)
        path.with_suffix(".good").write_bytes(path.read_bytes())
    path.write_bytes(path.with_suffix(".good").read_bytes())
    header = version_1(path) | changes
    if len(json.dumps(header)) > SEAL_SIZE - 99:
        return
    resealed(path, header)
    job = Job(0, "train", "50000", (Source(str(root), ("V1_Exc_L2/3",)),))
    found = sheet_state(Plan(make_config(root, root), (job,)), job, "V1_Exc_L2/3")
    if why := complaint(read_seal, path):
        assert (found.state, found.reason) == (State.BROKEN, why)
        assert complaint(open_file, path) == why
        return
    file = open_file(path)
    for read in (
        lambda: (file.trials, file.neurons, file.sources, repr(file), describe(file)),
        lambda: (file.spikes[0, :2, :2], file.flat_events(-1)),
        lambda: verify_file(path),
    ):
        complaint(read)


@pytest.mark.parametrize(
    "shape", [(4, 5, 15), (2, 5, 15), (3, 6, 15), (3, 4, 15), (3, 5, 16), (3, 5, 14), (2, 1, 1 << 50)]
)
def test_a_shape_that_is_not_the_file_s_is_found_when_it_is_read(tmp_path, layout, values, shape):
    path = tmp_path / "a.h5"
    write(path, layout=layout, values=values)
    resealed(path, version_1(path) | {"shape": list(shape)})
    tracemalloc.start()
    try:
        for read in (lambda file: file.spikes[:1, :1, :1], lambda file: file.events(0)):
            with pytest.raises(MatrixFileError, match="cannot be read by HDF5"):
                read(open_file(path))
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()
    if shape[0] != 3 or shape[2] != 15:
        with pytest.raises(MatrixFileError, match="does not hold what its seal says"):
            _ = open_file(path).trials
    if shape[1] != 5:
        with pytest.raises(MatrixFileError, match="does not hold what its seal says"):
            _ = open_file(path).neurons
    with pytest.raises(MatrixFileError):
        verify_file(path)


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

    def replaced(block, size, path, parse=seal.parse_seal):
        write(path, seed=1)
        return parse(block, size, path)

    with monkeypatch.context() as patch:
        patch.setattr(seal, "parse_seal", replaced)
        file = open_file(path)
    with pytest.raises(MatrixFileError, match="written again"):
        _ = file.spikes[0]


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

    class InMemory(LazyArray):
        def _block(self, selectors):
            return whole[np.ix_(*(np.asarray(selector, np.intp) for selector in selectors))]

    lazy = InMemory(whole.shape, whole.dtype)
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
    "index",
    [
        3,
        -4,
        np.array([2**64 - 1], np.uint64),
        (0, 5),
        (0, 0, 0, 0),
        (..., ...),
        1.5,
        "a",
        ([0, 3],),
        np.ones(4, bool),
        True,
    ],
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


def test_bins_that_reach_past_the_end_of_a_phase(tmp_path):
    neurons = np.zeros(2, NEURON_FIELDS)
    neurons["neuron_id"] = 1, 2
    phases = (Phase("blank", 0.0, 15.0), Phase("image", 0.0, 22.5), Phase("after", 0.0, 0.0))
    for end_bin, surplus in ((False, [5, 7.5, 0]), (True, [5, 7.5, 10])):
        binning = Binning(10.0, end_bin=end_bin)
        path = tmp_path / f"{end_bin}.h5"
        with MatrixWriter(
            Identity("S", "train", "0"),
            neurons,
            [Trial("0", 0, 0, "", phases)],
            Settings(binning),
        ) as writer:
            spikes = [PhaseSpikes(np.array([1.0]), np.array([0])) for _ in phases]
            events = bin_trial(writer.trials[0], spikes, binning, writer.n_columns, "drawn")
            writer.append(events, writer.encode(events))
            writer.write(path, "drawn", [])
        file = open_file(path)
        assert file.surplus().tolist() == [surplus]
        recorded = file.shape[2] * 10 - sum(surplus)
        assert describe(file)["mean_rate_hz"] == pytest.approx(file.header.n_binned / 2 / recorded * 1000)
