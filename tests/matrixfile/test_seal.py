"""Seals: read as they were written or not at all."""

from __future__ import annotations

import json
import re
import tracemalloc

import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import pytest
from conftest import make_config
from hypothesis import given
from hypothesis import strategies as st
from resealed import resealed, seal_around, version_1
from small_file import write

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.facts import KEYS
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.seal import SEAL_SIZE, pack_facts, read_seal, verify_seal
from spikebin.matrixfile.verify import describe, verify_file
from spikebin.output.jobs import Job, Source
from spikebin.output.paths import matrix_path
from spikebin.output.state import State, sheet_state
from spikebin.pipeline.plan import Plan

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
        assert re.search(f"not one that spikebin writes .{next(iter(change))}|holds no JSON", complaint(read, path))
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
