"""Segments: every flavour, by the interpreter and by the reference, against each other and against neo itself."""

from __future__ import annotations

import pickle
import pickletools
import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segments import (
    CORPUS,
    DATA,
    FLAVOURS,
    INTERPRETED,
    JIT,
    as_array,
    assert_agree,
    assert_same,
    by_interpreter,
    by_reference,
    edited,
    files,
    memo_of,
)

from spikebin.errors import RecordingError
from spikebin.kernels import values
from spikebin.kernels.interpreter import interpret as kernel
from spikebin.pickles import unpickler
from spikebin.pickles.numpy_values import array_of, settle
from spikebin.pickles.unpickler import read_bytes
from spikebin.recordings.mozaik import interpreter
from spikebin.recordings.mozaik.interpreter import first_span
from spikebin.recordings.mozaik.segment import Segment, probe_segment, read_segment

# --- real segments


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_segments_of_every_flavour(flavour):
    for path in files(flavour):
        read = read_segment(path)
        assert read.sheet in {"X_ON", "V1_Exc_L2/3"}
        assert "NaturalImage" in read.stimulus
        assert (read.start, read.stop) == probe_segment(path)
        assert read.start == 0.0
        assert read.stop in {150.0, 560.0}
        assert read.ids.size == {"X_ON": 24, "V1_Exc_L2/3": 40}[read.sheet]
        assert np.unique(read.ids).size == read.ids.size
        assert read.counts.shape == read.ids.shape
        assert read.counts.sum() == read.times.size > 0
        assert (read.counts == 0).any()
        assert read.times.min() > 0.0
        assert read.times.max() <= read.stop
        ends = np.cumsum(read.counts)
        for start, stop in zip(ends - read.counts, ends, strict=True):
            assert (np.diff(read.times[start:stop]) >= 0).all()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_spans_are_read_from_the_first_bytes_as_from_more(flavour, monkeypatch):
    paths = files(flavour)
    spans = [probe_segment(path) for path in paths]
    quick = [first_span(read_bytes(path, 1 << 13), path.stat().st_size) for path in paths]
    assert all(quick) or "multiplexed" in flavour
    monkeypatch.setattr("spikebin.recordings.mozaik.segment.first_span", lambda *_: None)
    assert spans == [probe_segment(path) for path in paths]


def test_a_frame_that_ends_beyond_the_file_is_not_read_in_part():
    path = next(path for path in files("small_perseg_neo012") if path.stat().st_size > 1 << 13)
    data = read_bytes(path, 1 << 13)
    assert first_span(data.copy(), path.stat().st_size) is not None
    assert first_span(data, 9000) is None


@pytest.mark.parametrize("flavour", [name for name in FLAVOURS if "shuffle" not in name and "perseg" not in name])
def test_flavours_hold_the_same_spikes(flavour):
    # The same simulated spikes were written by each version; numpy 2 and the multiplexed list changed none.
    for path, other in zip(files(flavour), files("small_p2_neo012"), strict=True):
        assert_same(read_segment(path), read_segment(other))


def test_a_datastore_with_another_order_in_every_segment():
    orders = {tuple(read_segment(path).ids.tolist()) for path in files("small_perseg_neo012")}
    assert len(orders) > 2
    assert len({tuple(sorted(order)) for order in orders}) == 2


def test_segments_that_lack_trains():
    sizes = [read_segment(path).ids.size for path in files("broken_neuron_count")]
    assert sorted(set(sizes)) == [20, 24, 40]


# --- against neo


def neo_times(train):
    return np.asarray(train.rescale("ms").magnitude, np.float64)


def assert_neo_agrees(read, theirs, exact=True):
    """A segment equals what neo made of the same pickle."""
    trains = list(theirs.spiketrains)
    assert read.sheet == theirs.annotations["sheet_name"]
    assert read.stimulus == theirs.annotations["stimulus"]
    assert read.ids.tolist() == [
        int(train.annotations.get("source_id", train.annotations.get("channel_id"))) for train in trains
    ]
    assert read.counts.tolist() == [len(train) for train in trains]
    compare = np.testing.assert_array_equal if exact else np.testing.assert_allclose
    compare(read.times, np.concatenate([neo_times(train) for train in trains]))
    compare([read.start, read.stop], [float(trains[0].t_start.rescale("ms")), float(trains[0].t_stop.rescale("ms"))])


def neo_segment(neo, *, key="source_id", unit="ms", number=int, dtype=np.float64, signals=False):
    """A segment as mozaik fills it, made with neo."""
    rng = np.random.default_rng(7)
    scale = {"ms": 1.0, "s": 1e-3, "us": 1e3}[unit]
    made = neo.Segment(name="segment000")
    made.annotate(sheet_name="V1_Exc_L4", stimulus="{'name':'NaturalImage', 'note':'\u00e9\u20ac', 'trial':0}")
    for i in range(9):
        times = (np.sort(rng.uniform(0, 560, i)) * scale).astype(dtype)
        made.spiketrains.append(
            neo.SpikeTrain(
                times, t_start=0.0, t_stop=560.0 * scale, units=unit, **{key: number(70_000 + i)}, source_index=i
            )
        )
    if signals:
        for name, units in (("v", "mV"), ("gsyn_exc", "uS")):
            signal = rng.normal(size=(57, 3))
            made.analogsignals.append(
                neo.AnalogSignal(signal, units=units, sampling_period=10.0 * neo.units.ms, name=name)
            )
    return made


@pytest.fixture(scope="module")
def neo():
    """The real neo, which warns about numpy's future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("neo")
        module.units = pytest.importorskip("quantities")
        yield module


def test_neo_reads_its_own_version_alike(neo):
    for path in files("small_neo0146_np24"):
        with path.open("rb") as file:
            theirs = pickle.load(file)
        assert_neo_agrees(read_segment(path), theirs)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"key": "channel_id", "number": np.int64},
        {"key": "channel_id"},
        {"number": np.int64},
        {"signals": True},
        {"unit": "s"},
        {"unit": "us"},
    ],
    ids=lambda options: " ".join(map(str, options)) or "plain",
)
def test_interpreter_reads_what_neo_writes(neo, protocol, options):
    data = pickle.dumps(neo_segment(neo, **options), protocol=protocol)
    read = by_interpreter(data)
    assert_same(read, by_reference(data))
    # quantities multiplies by 0.001 where we divide by 1000.
    assert_neo_agrees(read, pickle.loads(data), exact=options.get("unit") != "us")


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("options", [{"dtype": np.float32}, {"number": np.int32}], ids=["float32", "int32"])
def test_reference_reads_what_the_interpreter_leaves(neo, tmp_path, protocol, options):
    data = pickle.dumps(neo_segment(neo, **options), protocol=protocol)
    assert by_interpreter(data) is None
    assert_neo_agrees(by_reference(data), pickle.loads(data))
    path = tmp_path / "Segment0.pickle"
    path.write_bytes(data)
    assert_same(read_segment(path), by_reference(data))


def test_big_endian_times_are_not_misread(neo):
    data = pickle.dumps(neo_segment(neo, dtype=np.dtype(">f8")), protocol=4)
    assert by_interpreter(data) is None
    assert_same(by_reference(data), by_reference(pickle.dumps(neo_segment(neo), protocol=4)))


def test_milliseconds_are_left_bit_for_bit(neo):
    made = neo_segment(neo)
    times = np.concatenate([train.magnitude for train in made.spiketrains])
    assert by_interpreter(pickle.dumps(made, protocol=4)).times.tobytes() == times.tobytes()


# --- segments that say otherwise


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"\x8c\x0bmillisecond", b"\x8c\x0ananosecond", "in the unit 'nanosecond'"),
        (b"\x8c\x0bmillisecond", b"\x8c\x06minute", "in the unit 'minute'"),
        (b"\x8c\x08UnitTime", b"\x8c\x0aUnitLength", "not one of time"),
        (b"source_id", b"source_no", "without a neuron id"),
        (b"sheet_name", b"sheet_mane", "without sheet_name"),
        (b"\x8c\x0bspiketrains", b"\x8c\x0bspikebrains", "without a list of spike trains"),
        (b"\x8c\x07Segment", b"\x8c\x05Block", "asks for the global neo.core.segment.Block"),
        (
            b"neo.core.spiketrain\x94\x8c\x0f_new_spiketrain",
            b"neo.core.spiketrain\x94\x8c\x0fnew_spiketrain_",
            "new_spiketrain_",
        ),
        (b"\x8c\x02f8", b"\x8c\x02c8", "damaged"),
        (b"\x8c\x02f8", b"\x8c\x02i4", "damaged"),
        (b"\x8c\x02f8", b"\x8c\x01O", "neither a number nor text"),
        (struct.pack("<d", 560.0), struct.pack("<d", 561.0), "from 0 to 560 ms and from 0 to 561 ms|561"),
    ],
)
def test_what_is_refused(tmp_path, old, new, words):
    path = tmp_path / "Segment3.pickle"
    path.write_bytes(edited(old, new))
    assert by_interpreter(path.read_bytes()) is None
    with pytest.raises(RecordingError) as caught:
        read_segment(path)
    line = str(caught.value)
    assert line.startswith(f"Segment3.pickle of {tmp_path.name} ")
    assert len(line.splitlines()) == 1
    assert any(word in line for word in words.split("|")), line


def test_a_segment_without_trains(neo, tmp_path):
    made = neo_segment(neo)
    made.spiketrains.clear()
    for protocol in (2, 4, 5):
        path = tmp_path / "Segment0.pickle"
        path.write_bytes(pickle.dumps(made, protocol=protocol))
        for reader in (read_segment, probe_segment):
            with pytest.raises(RecordingError, match=r"^Segment0\.pickle of .* holds no spike train"):
                reader(path)


def test_the_index_is_no_segment():
    path = next((DATA / "small_p2_neo012").rglob("datastore.recordings.pickle"))
    with pytest.raises(RecordingError, match="holds no neo segment"):
        read_segment(path)
    with pytest.raises(RecordingError, match="holds no spike train"):
        probe_segment(path)


def test_two_ids_that_differ(neo, tmp_path):
    made = neo_segment(neo)
    made.spiketrains[3].annotate(channel_id=5)
    path = tmp_path / "Segment0.pickle"
    path.write_bytes(pickle.dumps(made))
    with pytest.raises(RecordingError, match="of two neurons"):
        read_segment(path)
    made.spiketrains[3].annotate(channel_id=70_003)
    path.write_bytes(pickle.dumps(made))
    assert read_segment(path).ids.tolist() == list(range(70_000, 70_009))


def test_a_train_that_ends_later(neo, tmp_path):
    made = neo_segment(neo)
    made.spiketrains[4].t_stop = 600.0 * neo.units.ms
    path = tmp_path / "Segment0.pickle"
    path.write_bytes(pickle.dumps(made))
    with pytest.raises(RecordingError, match="neurons 70003 and 70004 from 0 to 560 ms and from 0 to 600 ms"):
        read_segment(path)


def test_times_that_are_no_numbers_are_the_callers_business(neo):
    made = neo_segment(neo)
    data = pickle.dumps(made, protocol=4)
    bad = data.replace(made.spiketrains[5].magnitude[2].tobytes(), struct.pack("<d", np.nan))
    for read in (by_interpreter(bad), by_reference(bad)):
        assert np.isnan(read.times).sum() == 1


def test_a_stop_that_is_no_number_is_left_to_the_reference():
    data = edited(struct.pack("<d", 560.0), struct.pack("<d", np.nan), count=-1)
    assert by_interpreter(data) is None


# --- multiplexed trains


def test_multiplexed_trains_go_to_their_channels():
    for path in files("small_multiplexed_neo012"):
        data = path.read_bytes()
        state = settle(unpickler.unpickle(as_array(data)), len(data)).state["spiketrains"].state
        read = read_segment(path)
        flat = np.asarray(array_of(state["_spike_time_array"]))
        channels = state["_channel_id_array"]
        np.testing.assert_array_equal(read.ids, state["_all_channel_ids"])
        expected = [flat[channels == channel] for channel in read.ids]
        assert read.counts.tolist() == [times.size for times in expected]
        np.testing.assert_array_equal(read.times, np.concatenate(expected))


def test_a_multiplexed_spike_of_nobody(tmp_path):
    data = files("small_multiplexed_neo012")[0].read_bytes()
    at = data.index(struct.pack("<qq", 4, 5), data.index(b"_all_channel_ids"))
    path = tmp_path / "Segment0.pickle"
    path.write_bytes(data[:at] + struct.pack("<q", 3) + data[at + 8 :])
    with pytest.raises(RecordingError, match="holds spikes of channel 4, which its list of channels lacks"):
        read_segment(path)


# --- damage


TOKENS = [
    b"\x00", b"\xff", b"(", b")", b"R", b"b", b"u", b"s", b"e", b"a", b"t", b"0", b"2", b"\x94", b"h\x00", b"q\x00",
    b"N", b"K\x01", b"\x85", b"\x86", b".", b"]", b"}", b"\x93", b"\x81", b"r\xff\xff\xff\x0f",
    b"\x8a\x07" + b"\xff" * 7, b"\x8c\x02\xc3\xa9", b"\x8c\x01\xff", b"X\x02\x00\x00\x00\xed\xa0",
]  # fmt: skip


@st.composite
def damaged(draw):
    """A real segment after a few accidents."""
    data = bytearray(CORPUS[draw(st.sampled_from(sorted(CORPUS)))])
    if data[2] == 0x95 and draw(st.booleans()):
        del data[2:11]  # the frame, whose length would give the damage away
    for _ in range(draw(st.integers(1, 4))):
        at, n = draw(st.integers(0, len(data) - 1)), draw(st.integers(1, 12))
        accident = draw(st.sampled_from(["flip", "byte", "cut", "insert", "delete", "splice", "repeat"]))
        if accident == "flip":
            data[at] ^= 1 << (n % 8)
        elif accident == "byte":
            data[at] = draw(st.integers(0, 255))
        elif accident == "cut":
            del data[max(at, 1) :]
        elif accident == "insert":
            data[at:at] = draw(st.sampled_from(TOKENS))
        elif accident == "delete" and len(data) > at + n:
            del data[at : at + n]
        elif accident == "splice":
            other = CORPUS[draw(st.sampled_from(sorted(CORPUS)))]
            start = draw(st.integers(0, len(other) - 1))
            data[at:at] = other[start : start + 10 * n]
        elif accident == "repeat":
            data[at:at] = data[at : at + 5 * n]
    return bytes(data)


@given(data=damaged())
@settings(max_examples=300 if JIT else 15)
def test_damaged_segments_are_read_alike_or_refused(tmp_path_factory, data):
    assert_agree(data)
    path = tmp_path_factory.mktemp("damaged") / "Segment0.pickle"
    path.write_bytes(data)
    line = ""
    try:
        read = read_segment(path)
    except RecordingError as error:
        line = str(error)
    else:
        assert isinstance(read, Segment)
        assert read.counts.sum() == read.times.size
    assert len(line.splitlines()) <= 1


# --- hostile and unusual files


def names(data):
    """Names of the globals of a pickle of protocol 4, in their order."""
    texts, found = [], []
    for op, value, _ in pickletools.genops(data):
        if "UNICODE" in op.name:
            texts.append(value)
        elif op.name == "STACK_GLOBAL":
            found.append(texts[-1])
    return found


def test_one_train_made_without_end(neo, tmp_path):
    # The list holds one train's arguments made into a train a thousand times.
    made = neo_segment(neo)
    made.spiketrains[8].annotate(note="last")
    data = pickle.dumps(made, protocol=4)
    data = data[:2] + data[11:]
    end = next(at for op, _, at in pickletools.genops(data) if op.name == "APPENDS" and at > data.index(b"last"))
    n_memo = sum(op.name == "MEMOIZE" for op, _, at in pickletools.genops(data) if at < end)
    again = b"h" + bytes([memo_of(data, "STACK_GLOBAL", names(data).index("_new_spiketrain"))])
    again += b"j" + struct.pack("<I", n_memo - 2) + b"R"
    few, many = (data[:end] + again * n + data[end:] for n in (3, 1000))
    assert by_reference(few).ids.tolist() == [*range(70_000, 70_009), *[70_008] * 3]
    assert by_interpreter(few) is None
    path = tmp_path / "Segment0.pickle"
    path.write_bytes(many)
    with pytest.raises(RecordingError, match="makes more spikes than it holds"):
        read_segment(path)


def test_a_file_that_needs_more_room_than_most(neo):
    # Each empty list is two bytes, and yet an object and a place in the memo.
    made = neo_segment(neo)
    made.annotate(notes=[[] for _ in range(30_000)])
    data = pickle.dumps(made, protocol=4)
    array = as_array(data)
    places = interpreter._places(array.size, 1)
    room = np.empty(places[-1], np.int64)
    room[values.STACK : values.END + 1] = places
    room[values.BY_PATTERN] = 1
    assert kernel(array, *interpreter._TABLES, room)[0] == values.FULL
    assert_same(by_interpreter(data), by_reference(data))


def test_threads_read_alike():
    paths = [path for name in INTERPRETED[:3] for path in files(name)]
    expected = [read_segment(path) for path in paths]
    barrier = threading.Barrier(3)

    def read_all(_):
        barrier.wait(20)
        return [read_segment(path) for path in paths]

    with ThreadPoolExecutor(3) as pool:
        for results in pool.map(read_all, range(3)):
            for read, other in zip(results, expected, strict=True):
                assert_same(read, other)
