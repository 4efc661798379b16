"""Trains by pattern: what is taken without being interpreted is what the interpreter reads, whatever the bytes say."""

from __future__ import annotations

import io
import os
import pickletools
import struct
from collections import Counter
from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin.kernels import jit, values
from spikebin.kernels.interpreter import interpret as kernel
from spikebin.pickles.inert import Refused
from spikebin.recordings.mozaik import interpreter, segment
from spikebin.simulate.mozaik_pickles import IndexEntry, dump_segment

JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") in {"", "0"}
N_TRAINS = 300 if JIT else 30
ENTRY = IndexEntry("Segment0", "0", "V1_Exc_L4", "{'name': 'NaturalImage', 'trial': 0}", False, datetime(2026, 1, 1))
KINDS = [("neo-0.12", "source_id"), ("neo-0.14", "source_id"), ("neo-0.14", "channel_id")]


def pickled(flavour="neo-0.14", id_key="source_id", n_trains=N_TRAINS, seed=3, most=12):
    """A segment of many trains: ids of one byte, two and four, silent neurons, bursts of more than 255 bytes."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, most, n_trains)
    counts[:: max(1, n_trains // 7)] = 40
    times = np.sort(rng.uniform(0, 560, int(counts.sum())))
    ids = rng.permutation(np.r_[4 * np.arange(n_trains // 2), 70_000 + np.arange(n_trains - n_trains // 2)])
    file = io.BytesIO()
    dump_segment(
        file, ENTRY, duration=560.0, times=times, counts=counts, ids=ids, indices=np.arange(n_trains), flavour=flavour,
        unit="ms", id_key=id_key,
    )  # fmt: skip
    return file.getvalue(), (ids.tolist(), counts.tolist(), times.tobytes())


def without_frames(data):
    """The same pickle, whose frames would give away that its length has changed."""
    starts = [at for op, _, at in pickletools.genops(data) if op.name == "FRAME"]
    edges = [0, *(edge for at in starts for edge in (at, at + 9)), len(data)]
    return b"".join(data[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True))


def read(data, by_pattern=True):
    found = interpreter.interpret(np.frombuffer(data, np.uint8).copy(), by_pattern=by_pattern)
    if found is None:
        return None
    bits = (struct.pack("<dd", found.start, found.stop), found.times.tobytes())
    return found._replace(ids=found.ids.tolist(), counts=found.counts.tolist(), times=bits[1], start=bits[0], stop=0.0)


def by_reference(data):
    """Trains as the restricted unpickler reads them, or None if it refuses."""
    try:
        found = segment._from_objects(np.frombuffer(data, np.uint8).copy())
    except Refused:
        return None
    return found.ids.tolist(), found.counts.tolist(), found.times.tobytes()


def trains_of(found):
    return found.ids, found.counts, found.times


def assert_alike(data):
    """By pattern the same is read as without, or nothing; whether something was."""
    fast, slow = read(data), read(data, by_pattern=False)
    assert fast is None or fast == slow
    return fast is not None


def room_after(data):
    """The room once the kernel has read a pickle."""
    places = interpreter._places(len(data), 4)
    room = np.full(places[-1], -7, np.int64)
    room[values.STACK : values.END + 1] = places
    room[values.BY_PATTERN] = 1
    assert kernel(np.frombuffer(data, np.uint8).copy(), *interpreter._TABLES, room)[0] == values.UNDERSTOOD
    return room


def gaps_of(data):
    """Slots of the memo that belong to trains taken by pattern: (first, end) each."""
    room = room_after(data)
    return room[room[values.GAPS] : room[values.NEXT_GAP]].reshape(-1, 2).tolist()


def starts_of(data):
    """Where trains begin, but for the first: where what makes them is got from the memo, and a mark follows."""
    n_memo, maker, texts, starts, got = 0, -1, [], [], -1
    for op, value, at in pickletools.genops(data):
        if op.name == "MEMOIZE":
            n_memo += 1
        elif op.name == "SHORT_BINUNICODE":
            texts.append(value)
        elif op.name == "STACK_GLOBAL" and texts[-1] == "_new_spiketrain":
            maker = n_memo
        elif op.name == "MARK" and got >= 0:
            starts.append(got)
        got = at if op.name == "BINGET" and value == maker else -1
    return starts


@jit.inner
def load(array, i):
    return jit.load_word(array, i)


@given(st.binary(min_size=8, max_size=30), st.integers(0, 22))
def test_words_of_eight_bytes(raw, at):
    at = min(at, len(raw) - 8)
    assert load(np.frombuffer(raw, np.uint8).copy(), at) == struct.unpack_from("<q", raw, at)[0]


@pytest.mark.parametrize(("flavour", "id_key"), KINDS)
def test_nearly_all_trains_are_taken_by_pattern(flavour, id_key):
    data, expected = pickled(flavour, id_key)
    found = read(data)
    assert found == read(data, by_pattern=False)
    assert trains_of(found) == expected == by_reference(data)
    n_memo = sum(op.name == "MEMOIZE" for op, _, _ in pickletools.genops(data))
    assert sum(end - first for first, end in gaps_of(data)) > (0.9 if JIT else 0.3) * n_memo


@pytest.mark.parametrize(("flavour", "id_key"), KINDS)
def test_any_byte_of_one_train_among_hundreds(flavour, id_key):
    data = without_frames(pickled(flavour, id_key)[0])
    starts = starts_of(data)
    first = 2 * len(starts) // 3
    accepted = 0
    for number, at in enumerate(range(starts[first], starts[first + 1], 1 if JIT else 29)):
        mutated = bytearray(data)
        mutated[at] ^= (1 << number % 8, 0x80 >> number % 7, 0x55)[number % 3]
        mutated = bytes(mutated)
        if assert_alike(mutated):
            accepted += 1
            assert accepted % 8 or trains_of(read(mutated)) == by_reference(mutated)
    assert accepted > 0


TOKENS = [
    b"h\x00", b"h\x10", b"j\x40\x00\x00\x00", b"q\x03", b"r\xff\x00\x00\x00", b"\x94", b"(", b")", b"N", b"K\x01",
    b"M\x02\x00", b"C\x00", b"C\x08" + b"\x01" * 8, b"]", b"a", b"e", b"}", b"s", b"u", b"R", b"b", b"\x85",
    b"\x86", b"\x87", b"t", b"0", b"2", b"]\x94Na", b"h\x20Na", b"\x95" + b"\x00" * 8, b"\x80\x04",
    b"cnumpy\ndtype\n",
]  # fmt: skip


@st.composite
def alike(draw):
    """A segment all or most of whose trains had the same few accidents, so that these are learned, too."""
    flavour, id_key = draw(st.sampled_from(KINDS))
    n_trains = 30 if JIT else 12
    data = SMALL.setdefault((flavour, id_key), without_frames(pickled(flavour, id_key, n_trains, most=3)[0]))
    starts = starts_of(data)
    trains = [data[start:stop] for start, stop in pairwise(starts)]
    lengths = Counter(map(len, trains))
    usual = lengths.most_common(1)[0][0]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, usual - 1))
        accident = draw(st.sampled_from(["flip", "insert", "insert", "delete", "swap"]))
        token, n = draw(st.sampled_from(TOKENS)), draw(st.integers(1, 6))
        spared = draw(st.sampled_from([0, 0, 5]))
        for i, train in enumerate(trains):
            if spared and i % spared == 0:
                continue
            edited = bytearray(train)
            if accident == "insert":
                edited[at:at] = token
            elif accident == "delete":
                del edited[at : at + n]
            elif accident == "swap":
                edited[at : at + len(token)] = token
            elif at < len(edited):
                edited[at] ^= 1 << n
            trains[i] = bytes(edited)
    return data[: starts[0]] + b"".join(trains) + data[starts[-1] :]


SMALL = {}


@given(data=alike())
@settings(max_examples=300 if JIT else 15)
def test_trains_that_are_all_odd_in_the_same_way(data):
    if assert_alike(data):
        assert trains_of(read(data)) == by_reference(data)


def with_trains(make, n=40):
    """A segment of trains in full, after each of which comes what `make` gives for its number."""
    data = without_frames(pickled(n_trains=n, most=3)[0])
    starts = starts_of(data)
    trains = [data[start:stop] for start, stop in pairwise(starts)]
    return data[: starts[0]] + b"".join(t + make(i) for i, t in enumerate(trains)) + data[starts[-1] :]


def test_what_a_train_taken_by_pattern_has_made_is_not_known():
    data = without_frames(pickled()[0])
    (first, end), *_ = gaps_of(data)
    key = data.index(b"\x8c\x07_epochs")
    for slot, known in ((first - 1, True), (first, False), (end - 1, False)):
        # One more item of the segment's dict.
        asked = data[:key] + b"\x8c\x01xj" + struct.pack("<I", slot) + data[key:]
        assert (read(asked) is not None) == known
        assert by_reference(asked) == by_reference(data)


@pytest.mark.parametrize("between", [b"e(", b"\x95" + struct.pack("<Q", 20)], ids=["appends", "frame"])
def test_what_lies_between_trains_is_the_interpreters(between):
    data = with_trains(lambda i: between if i % 10 == 9 else b"")
    found = read(data)
    assert found == read(data, by_pattern=False)
    assert trains_of(found) == by_reference(data)
    assert len(gaps_of(data)) >= 3


def test_a_list_that_each_train_appends_to():
    # Each train appends the first one to the list of trains once more; taken by pattern, it would not.
    data = without_frames(pickled("neo-0.12", n_trains=40, most=3)[0])
    starts = starts_of(data)
    ops = [op for op in pickletools.genops(data) if op[2] < starts[0]]
    memoized = [i for i, (op, _, _) in enumerate(ops) if op.name == "MEMOIZE"]
    made = next(i for i, (_, value, _) in enumerate(ops) if value == "neo.core.spiketrain") - 2
    assert ops[made - 1][0].name == "EMPTY_LIST"
    append = b"j%bj%ba" % tuple(struct.pack("<I", slot) for slot in (memoized.index(made), len(memoized) - 1))
    trains = [data[start:stop].replace(b"NNNN", append + b"NNN", 1) for start, stop in pairwise(starts)]
    edited = data[: starts[0]] + b"".join(trains) + data[starts[-1] :]
    assert trains_of(read(data)) == by_reference(data)
    assert by_reference(edited)[0] == [by_reference(data)[0][0]] * len(trains) + by_reference(data)[0]
    assert read(edited) is read(edited, by_pattern=False) is None


@pytest.mark.parametrize(("flavour", "id_key"), KINDS)
def test_truncations(flavour, id_key):
    data = pickled(flavour, id_key)[0]
    for size in range(1, len(data), len(data) // (60 if JIT else 7)):
        assert read(data[:size]) is None
