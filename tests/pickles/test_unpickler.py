"""The restricted unpickler: it reads what numpy, datetime and mozaik pickle, and runs nothing of what others do."""

from __future__ import annotations

import copyreg
import gc
import os
import pickle
import pickletools
import struct
import threading
import time
import tracemalloc
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from spelt import known, numpy_array, refused, text

from spikebin.errors import RecordingError
from spikebin.pickles import inert
from spikebin.pickles.inert import Inert
from spikebin.pickles.unpickler import gc_paused, load
from spikebin.recordings.mozaik.segment import probe_segment, read_segment

DATA = Path(__file__).parent.parent / "data"
FLAVOURS = sorted(path.name for path in DATA.glob("small_*"))
READERS = [load, read_segment, probe_segment]

MEGABYTE = 1 << 20


def what_is_wrong(reader, path):
    """The error of a reader that may fail in one way only, or nothing."""
    try:
        reader(path)
    except RecordingError as error:
        return str(error)
    return ""


# --- what it reads


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_index_of_every_flavour(flavour):
    block = load(next((DATA / flavour).rglob("datastore.recordings.pickle")))
    assert isinstance(block, Inert)
    assert block.kind == "neo.core.block.Block"
    annotations = block.state["annotations"]
    assert {sheet: (ids.dtype, ids.ndim) for sheet, ids in annotations["neuron_ids"].items()} == {
        "X_ON": (np.dtype(np.int64), 1),
        "V1_Exc_L2/3": (np.dtype(np.int64), 1),
    }
    for sheet, positions in annotations["neuron_positions"].items():
        assert positions.dtype == np.float64
        assert positions.shape[1:] == annotations["neuron_ids"][sheet].shape
        assert np.isfinite(positions).all()
    segments = block.state.get("segments") or block.state["_segments"].state["_items"]
    assert len(segments) == (36 if "shuffle" in flavour else 12)
    for number, segment in enumerate(segments):
        assert segment.kind == "mozaik.storage.neo_neurotools_wrapper.PickledDataStoreNeoWrapper"
        assert segment.state["identifier"] == f"Segment{number}"
        assert isinstance(segment.state["null"], bool)
        assert isinstance(segment.state["rec_datetime"], datetime)
        assert segment.state["rec_datetime"].year == 2024


def test_two_flavours_hold_the_same_positions():
    old, new = (
        load(next((DATA / name).rglob("datastore.recordings.pickle"))).state["annotations"]["neuron_positions"]
        for name in ("small_p2_neo012", "small_p5_neo012")
    )
    assert old.keys() == new.keys()
    for sheet, positions in old.items():
        np.testing.assert_array_equal(positions, new[sheet])


arrays = st.one_of(
    hnp.arrays(
        st.one_of(
            hnp.boolean_dtypes(),
            hnp.integer_dtypes(endianness="?"),
            hnp.unsigned_integer_dtypes(endianness="?"),
            hnp.floating_dtypes(endianness="?"),
            hnp.byte_string_dtypes(max_len=5),
            hnp.unicode_string_dtypes(max_len=5, endianness="?"),
        ),
        hnp.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4),
    ),
)


@given(array=arrays, fortran=st.booleans(), protocol=st.integers(2, 5))
def test_arrays_come_back(tmp_path_factory, array, fortran, protocol):
    path = tmp_path_factory.mktemp("arrays") / "array.pkl"
    array = np.asfortranarray(array) if fortran else array
    path.write_bytes(pickle.dumps({"rows": [array, array]}, protocol=protocol))
    first, second = load(path)["rows"]
    assert first is second
    assert first.dtype == array.dtype.newbyteorder("=")
    assert first.dtype.isnative
    assert first.shape == array.shape
    np.testing.assert_array_equal(first, array)


scalars = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.integers(0, 2**16 - 1).map(np.uint16),
    st.floats(allow_nan=False).map(np.float64),
    st.booleans().map(np.bool_),
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary())
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner, inner), st.frozensets(st.text())
    ),
    max_leaves=20,
)


@given(value=values, protocol=st.integers(0, 5))
def test_plain_values_come_back(tmp_path_factory, value, protocol):
    path = tmp_path_factory.mktemp("values") / "value.pkl"
    data = pickle.dumps(value, protocol=protocol)
    path.write_bytes(data)
    # Protocols 0 to 3 spell sets, and 0 to 2 bytes, by calls that no datastore needs.
    if any(name in data for name in (b"frozenset", b"bytearray")):
        with pytest.raises(RecordingError, match=r"frozenset|bytearray"):
            load(path)
    else:
        assert load(path) == value


@given(value=scalars, protocol=st.integers(2, 5))
def test_numpy_scalars_become_numbers(tmp_path_factory, value, protocol):
    path = tmp_path_factory.mktemp("scalars") / "scalar.pkl"
    path.write_bytes(pickle.dumps([value], protocol=protocol))
    assert load(path) == [value.item()]
    assert type(load(path)[0]) is type(value.item())


@given(value=st.datetimes(), fold=st.integers(0, 1), protocol=st.integers(2, 5))
def test_dates_come_back(tmp_path_factory, value, fold, protocol):
    path = tmp_path_factory.mktemp("dates") / "date.pkl"
    path.write_bytes(pickle.dumps(value.replace(fold=fold), protocol=protocol))
    assert load(path) == value
    assert load(path).fold == (fold if protocol > 3 else 0)


def test_an_object_that_holds_itself(tmp_path):
    loop = [1]
    loop.append({"me": (loop,)})
    (tmp_path / "loop.pkl").write_bytes(pickle.dumps(loop))
    read = load(tmp_path / "loop.pkl")
    assert read[1]["me"][0] is read


# --- what is not a pickle, or not all of one


def test_missing_empty_directory(tmp_path):
    for reader in READERS:
        with pytest.raises(RecordingError, match=r"^none\.pickle of .* is missing: copy it"):
            reader(tmp_path / "none.pickle")
        refused(tmp_path / "empty.pickle", b"", "is empty: copy it again", reader=reader)
        with pytest.raises(RecordingError, match="is not a file"):
            reader(tmp_path)
        with pytest.raises(RecordingError, match="is not a file"):
            reader(Path("/dev/zero"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_right_to_read(tmp_path):
    path = tmp_path / "secret.pickle"
    path.write_bytes(pickle.dumps(1))
    path.chmod(0)
    with pytest.raises(RecordingError, match="may not be read by you"):
        load(path)


def test_a_file_that_is_no_pickle(tmp_path):
    for data in (b"hello, this is text\n", b"\x89HDF\r\n\x1a\n" + bytes(100), b"\xff" * 50, b"PK\x03\x04", b"\n\n\n"):
        for reader in READERS:
            refused(tmp_path / "other.pickle", data, reader=reader)


@pytest.mark.parametrize("flavour", ["small_p2_neo012", "small_p5_neo012"])
def test_every_truncation_is_one_line(tmp_path, flavour):
    data = next((DATA / flavour).rglob("datastore.recordings.pickle")).read_bytes()
    for size in range(1, len(data), 23):
        refused(tmp_path / "short.pickle", data[:size], f"ends after {size:,} bytes", "copy it again")


def test_truncated_segment():
    path = next((DATA / "broken_truncated_segment").rglob("Segment3.pickle"))
    for reader in READERS:
        with pytest.raises(
            RecordingError, match=r"^Segment3\.pickle of NewData.* ends after 3,000 bytes, .*copy it again"
        ):
            reader(path)


# --- what is hostile


class Calls:
    """Pickles to a call of any function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def spellings(module, name, argument):
    """Every way in which a pickle can name a global and call it with one text."""
    line = f"{module}\n{name}\n".encode()
    words = text(module) + text(name) + b"\x93"
    text_ = text(argument)
    old = f"V{argument}\n".encode()
    yield b"c" + line + b"(" + old + b"tR."  # GLOBAL, REDUCE
    yield b"(" + old + b"i" + line + b"."  # INST
    yield b"(c" + line + old + b"o."  # OBJ
    yield b"\x80\x02c" + line + text_ + b"\x85\x81."  # GLOBAL, NEWOBJ
    yield b"\x80\x04" + words + text_ + b"\x85R."  # STACK_GLOBAL, REDUCE
    yield b"\x80\x04" + words + text_ + b"\x85\x81."  # STACK_GLOBAL, NEWOBJ
    yield b"\x80\x04" + words + text_ + b"\x85}\x92."  # STACK_GLOBAL, NEWOBJ_EX
    yield b"\x80\x04" + words + text_ + b"b."  # STACK_GLOBAL, BUILD
    yield b"\x80\x04}(" + text_ + words + text_ + b"\x85Ru."  # deep inside
    yield b"\x80\x04\x95" + struct.pack("<Q", len(words + text_) + 3) + words + text_ + b"\x85R."  # in a frame


@pytest.mark.parametrize(
    ("module", "name", "argument"),
    [
        ("os", "system", "touch {proof}"),
        ("posix", "system", "touch {proof}"),
        ("builtins", "eval", "open({proof!r}, 'w')"),
        ("builtins", "exec", "open({proof!r}, 'w')"),
        ("__builtin__", "eval", "open({proof!r}, 'w')"),
        ("builtins", "getattr", "touch"),
        ("builtins", "object", "touch"),
        ("subprocess", "getoutput", "touch {proof}"),
        ("numpy", "fromfile", "{proof}"),
        ("numpy.core.multiarray", "_reconstruct.__globals__", "touch"),
        ("numpy", "ndarray.tofile", "{proof}"),
        ("neo.core.segment", "Segment.__init__", "touch"),
        ("spikebin.recordings.unpickler", "load", "touch"),
    ],
)
def test_every_other_global_is_refused_by_name_and_not_run(tmp_path, module, name, argument):
    proof = tmp_path / "proof"
    for number, data in enumerate(spellings(module, name, argument.format(proof=str(proof)))):
        for reader in READERS:
            refused(tmp_path / f"hostile{number}.pickle", data, f"{module}.{name}", "nothing was run", reader=reader)
    assert not proof.exists()


def test_a_call_inside_of_a_real_segment_is_not_run(tmp_path):
    proof = tmp_path / "proof"
    segment = next((DATA / "small_p5_neo012").rglob("Segment1.pickle")).read_bytes()
    # Without memo entries of its own, which would shift those that the segment asks for.
    call = pickletools.optimize(pickle.dumps(Calls(os.system, f"touch {proof}"), protocol=4))[2:-1]
    call = call[9:] if call[0] == 0x95 else call
    for at in (segment.index(b"}\x94(\x8c\x0bannotations"), segment.index(b"\x8c\x0fneo.core.spiketrain"[:2]), 11):
        data = segment[:2] + segment[11:at] + call + b"0" + segment[at:]
        for reader in READERS:
            refused(tmp_path / "Segment1.pickle", data, "posix.system", reader=reader)
    assert not proof.exists()


def test_the_real_unpickler_would_have_run_it(tmp_path):
    proof = tmp_path / "proof"
    data = next(spellings("posix", "system", f"touch {proof}"))
    pickle.loads(data)
    assert proof.exists()


def test_names_in_messages_are_printable(tmp_path):
    line = refused(tmp_path / "terminal.pickle", b"\x80\x04" + text("a\nb\x1b[31m") + text("c" * 250) + b"\x93.")
    assert line.isprintable()
    assert len(line) < 500


def test_extension_registry_is_not_asked(tmp_path):
    copyreg.add_extension("posix", "system", 240)
    try:
        for data in (b"\x82\xf0.", b"\x83\xf0\x00.", b"\x84\xf0\x00\x00\x00."):
            refused(tmp_path / "ext.pickle", data, "opcode EXT", "nothing was run")
            pickle.loads(b"\x82\xf0.")  # from now on the registry answers without being asked for the name
            refused(tmp_path / "ext.pickle", data, "opcode EXT", "nothing was run")
    finally:
        copyreg.remove_extension("posix", "system", 240)


@pytest.mark.parametrize("data", [b"Pname\n.", b"\x80\x04Nq\x00Q.", b"\x80\x05\x97.", b"\x80\x05N\x98."])
def test_nothing_outside_of_the_pickle(tmp_path, data):
    refused(tmp_path / "outside.pickle", data, "nothing was run")


@pytest.mark.parametrize(
    "call",
    [
        known("builtins.bytes") + b"\x8a\x05\x00\x00\x00\x00\x10\x85R.",
        known("_codecs.encode") + text("uryyb") + text("rot13") + b"\x86R.",
        known("_codecs.encode") + text("a") + text("utf-7") + b"\x86R.",
        known("_codecs.encode") + text("a") + b"\x85R.",
        known("_codecs.encode") + text("\u20ac") + text("latin1") + b"\x86R.",
        known("_codecs.encode") + b"C\x01a" + text("latin1") + b"\x86R.",
    ],
)
def test_calls_that_make_bytes_make_nothing_else(tmp_path, call):
    refused(tmp_path / "calls.pickle", b"\x80\x04" + call)


def test_stubs_cannot_be_changed(tmp_path):
    before = {kind: dict(vars(stub)) for kind, stub in inert.STUBS.items()}
    base = dict(vars(Inert))
    attributes = b"}(" + text("kind") + text("hacked") + text("__new__") + text("hacked") + b"u"
    for kind in inert.STUBS:
        for state in (attributes, b"N" + attributes + b"\x86", b"(" + text("kind") + text("hacked") + b"l"):
            refused(tmp_path / "class.pickle", b"\x80\x04" + known(kind) + state + b"b.", "damaged")
            refused(tmp_path / "item.pickle", b"\x80\x04" + known(kind) + text("kind") + text("x") + b"s.", "damaged")
            (tmp_path / "instance.pickle").write_bytes(b"\x80\x04" + known(kind) + b")\x81" + state + b"b0N.")
            if "bytes" not in kind and "encode" not in kind:
                assert load(tmp_path / "instance.pickle") is None
    assert {kind: dict(vars(stub)) for kind, stub in inert.STUBS.items()} == before
    assert dict(vars(Inert)) == base


def test_state_is_given_once(tmp_path):
    data = b"\x80\x04" + known("neo.core.block.Block") + b")\x81}b}b."
    refused(tmp_path / "twice.pickle", data, "its state twice")


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"abc.",
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"abc.",
        b"\x80\x04\x8e" + b"\xff" * 8 + b"abc.",
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 33) + b"abc.",
        b"\x80\x04B\xff\xff\xff\xff.",
        b"\x80\x04X\xff\xff\xff\x7f.",
        b"\x80\x04\x8b\xff\xff\xff\x7f.",
        b"\x80\x04\x95" + struct.pack("<Q", 1 << 50) + b"N.",
        b"\x80\x02Nr\xff\xff\xff\xff.",
        b"\x80\x02Nr\x00\x00\x00\x10.",
        b"Np4000000000\n.",
        b"Np999999999\n.",
        b"Np1_000\n.",
        b"Np-1\n.",
    ],
)
def test_absurd_lengths_cost_nothing(tmp_path, data):
    refused(tmp_path / "warm.pickle", b"\x80\x04\x8e" + b"\xff" * 8)
    for reader in READERS:
        tracemalloc.start()
        try:
            refused(tmp_path / "bomb.pickle", data, reader=reader)
            assert tracemalloc.get_traced_memory()[1] < 2 * MEGABYTE
        finally:
            tracemalloc.stop()


def test_the_array_that_the_next_test_spoils(tmp_path):
    (tmp_path / "array.pickle").write_bytes(numpy_array(b"K\x01\x85"))
    np.testing.assert_array_equal(load(tmp_path / "array.pickle"), [0.0])


LONG = b"\x8a\x08" + struct.pack("<q", 1 << 62)


@pytest.mark.parametrize(
    "data",
    [
        numpy_array(LONG + b"\x85"),
        numpy_array(LONG + LONG + b"\x86"),
        numpy_array(LONG + b"K\x00\x86", raw=b"C\x00"),
        numpy_array(b"\x8b\xff\x0f\x00\x00" + b"\x7f" * 4095 + b"\x85"),
        numpy_array(b"J\xff\xff\xff\xff\x85"),
        numpy_array(b"K\x02\x85"),
        numpy_array(b"\x88\x85"),
        numpy_array(b"G" + struct.pack(">d", 1.0) + b"\x85"),
        numpy_array(b"(" + b"K\x01" * 40 + b"t"),
        numpy_array(b"]"),
        numpy_array(b"K\x01\x85", dtype=b"\x8c\x01O"),
        numpy_array(b"K\x01\x85", dtype=b"\x8c\x06V8,f8,"),
        numpy_array(b"K\x01\x85", dtype=b"\x8c\x05f8,f8"),
        numpy_array(b"K\x01\x85", dtype=b"\x8c\x02M8"),
        numpy_array(b"K\x01\x85", dtype=b"N"),
        numpy_array(b"K\x01\x85", dtype=b"\x8c\x08U9999999"),
        numpy_array(b"K\x02\x85", dtype=b"\x8c\x02U1", raw=b"C\x08" + b"\xff" * 8),
        numpy_array(b"K\x01\x85", raw=text("abcdefgh")),
        numpy_array(b"K\x01\x85", raw=b"]"),
        b"\x80\x04" + known("numpy.core.multiarray._reconstruct") + b"N\x85R.",
        b"\x80\x04" + known("numpy.core.multiarray.scalar") + b"N\x85R.",
        b"\x80\x04" + known("datetime.datetime") + b"C\x0a" + b"\xff" * 10 + b"\x85R.",
        b"\x80\x04" + known("datetime.datetime") + b"N\x85R.",
    ],
)
def test_absurd_arrays_cost_nothing(tmp_path, data):
    refused(tmp_path / "array.pickle", numpy_array(b"K\x09\x85"))
    tracemalloc.start()
    try:
        refused(tmp_path / "array.pickle", data)
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


def test_one_text_encoded_without_end(tmp_path):
    long = "a" * MEGABYTE
    made = b"X" + struct.pack("<I", len(long)) + long.encode() + b"q\x00" + text("latin1") + b"q\x01\x86R"
    again = b"h\x02h\x00h\x01\x86R"
    start = b"\x80\x02" + known("_codecs.encode") + b"q\x02"
    (tmp_path / "once.pickle").write_bytes(start + made + b".")
    assert load(tmp_path / "once.pickle") == long.encode()
    tracemalloc.start()
    try:
        refused(
            tmp_path / "bomb.pickle",
            b"\x80\x02](" + start[2:] + made + again * 1000 + b"e.",
            "more bytes than it holds",
        )
        assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_one_array_made_without_end(tmp_path):
    # Big-endian numbers are copied; all arrays of this pickle share the bytes of one.
    raw = b"\x96" + struct.pack("<Q", MEGABYTE) + bytes(MEGABYTE) + b"\x94"
    item = (
        known("numpy.dtype")
        + text("f8")
        + b"\x89\x88\x87R(K\x03"
        + text(">")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x94"
    )
    shape = b"J" + struct.pack("<i", MEGABYTE // 8) + b"\x85\x94"
    start = known("numpy.core.numeric._frombuffer") + b"\x94"
    first = b"\x80\x05](" + start + b"(" + raw + item + shape + text("C") + b"\x94tR"
    again = b"h\x00(h\x01h\x02h\x03h\x04tR"
    (tmp_path / "once.pickle").write_bytes(first + b"e.")
    assert load(tmp_path / "once.pickle")[0].shape == (MEGABYTE // 8,)
    tracemalloc.start()
    try:
        refused(tmp_path / "bomb.pickle", first + again * 1000 + b"e.", "more numbers than it holds")
        assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_tuples_that_take_for_ever_to_hash(tmp_path):
    doubled = (
        b"\x80\x02}(K\x01" + b"".join(b"\x85q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(60)) + b"Nu."
    )
    deep = b"\x80\x02}(K\x01" + b"\x85" * 200_000 + b"Nu."
    start = time.monotonic()
    for data in (doubled, deep):
        refused(tmp_path / "hash.pickle", data, "as keys")
    assert time.monotonic() - start < 60


def test_nesting_without_end(tmp_path):
    refused(tmp_path / "deep.pickle", b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", "nested too deeply")


@given(data=st.binary(max_size=60))
@example(b"\x80")
@example(b"\x80\x04")
@example(b"\x80\x04\x95")
@example(b"(((((t1.")
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "any.pickle"
    path.write_bytes(data)
    for reader in READERS:
        assert len(what_is_wrong(reader, path).splitlines()) <= 1


def opcodes():
    """Texts of opcodes that make a legal-looking pickle of nothing in particular."""
    simple = [
        b"N",
        b"K\x01",
        b"(",
        b")",
        b"}",
        b"]",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
        b"R",
        b"b",
        b"u",
        b"s",
        b"e",
        b"a",
        b"0",
    ]
    simple += [
        b"\x94",
        b"h\x00",
        b"h\x01",
        b"q\x00",
        b"2",
        b"1",
        b"\x81",
        b"\x93",
        b"\x8f",
        b"\x90",
        b"\x91",
        b"o",
        b"d",
        b"l",
    ]
    simple += [text("annotations"), text("f8"), text("latin1"), b"C\x08" + bytes(8), b"\x88", b"\x89"]
    return st.sampled_from(simple + [known(kind) for kind in inert.STUBS])


@given(parts=st.lists(opcodes(), max_size=40))
def test_any_opcodes_are_read_or_refused(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("opcodes") / "any.pickle"
    path.write_bytes(b"\x80\x04" + b"".join(parts) + b".")
    for reader in READERS:
        assert len(what_is_wrong(reader, path).splitlines()) <= 1


# --- the collector


def test_collector_is_off_inside_and_as_before_after():
    was = gc.isenabled()
    try:
        for enabled in (True, False):
            (gc.enable if enabled else gc.disable)()
            with gc_paused():
                assert not gc.isenabled()
                with gc_paused():
                    assert not gc.isenabled()
                assert not gc.isenabled()
            assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_collector_with_threads_and_errors():
    assert gc.isenabled()
    inside, leave = threading.Barrier(4), threading.Barrier(4)

    def read(fails):
        try:
            with gc_paused():
                inside.wait(20)
                assert not gc.isenabled()
                leave.wait(20)
                if fails:
                    raise ValueError
        except ValueError:
            pass

    threads = [threading.Thread(target=read, args=(fails,)) for fails in (True, False, True)]
    for thread in threads:
        thread.start()
    inside.wait(20)
    assert not gc.isenabled()
    leave.wait(20)
    for thread in threads:
        thread.join(20)
    assert gc.isenabled()
