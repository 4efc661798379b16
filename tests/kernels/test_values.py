"""Packed values and the parts of `room`: what was put there comes back, and a tuple that nobody holds is freed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.kernels import values as v

LENGTHS = {
    "STACK": 40,
    "MARKS": 4,
    "MEMO": 40,
    "ARENA": 120,
    "OBJECTS": 40,
    "ENTRIES": 40,
    "TRAINS_READ": 30,
    "GAPS": 20,
}


@pytest.fixture
def room():
    return new_room()


def new_room():
    places = [v.HEAD + sum(list(LENGTHS.values())[:part]) for part in range(len(LENGTHS) + 1)]
    room = np.full(places[-1], -7, np.int64)
    room[v.STACK : v.END + 1] = places
    room[v.NEXT_ARENA], room[v.NEXT_OBJECT] = room[v.ARENA], room[v.OBJECTS]
    room[v.NEXT_ENTRY], room[v.NEXT_TRAIN], room[v.NEXT_GAP] = room[v.ENTRIES], room[v.TRAINS_READ], room[v.GAPS]
    room[v.YOUNG] = room[v.OBJECTS]
    return room


@given(number=st.integers(-(2**57), 2**57), kind=st.sampled_from([v.INT, v.NUMBER]))
def test_numbers(number, kind):
    value = v.packed(kind, number)
    assert (v.kind_of(value), v.content_of(value)) == (kind, number)
    assert v.word_of(value) == 0
    assert v.parts(value) == (0, -1)


@given(offset=st.integers(0, 2**30), word=st.integers(0, 255))
def test_texts_and_bytes(offset, word):
    value = v.spelled(v.TEXT, offset, word)
    assert (v.kind_of(value), v.offset_of(value), v.word_of(value)) == (v.TEXT, offset, word)
    value = v.spelled(v.BYTES, offset, 0)
    assert (v.kind_of(value), v.offset_of(value), v.word_of(value)) == (v.BYTES, offset, 0)


@given(
    offset=st.integers(0, 2**30),
    form=st.sampled_from([v.UNREADABLE, v.ONE_NUMBER, v.NUMBERS]),
    unit=st.sampled_from([0, v.SECOND, v.MILLISECOND, v.MICROSECOND]),
)
def test_facts_of_numbers(offset, form, unit):
    fact = v.numbers_at(offset, form, unit)
    assert fact != 0
    assert (v.raw_of(fact), v.form_of(fact), v.unit_of(fact)) == (offset, form, unit)
    assert v.time_of(v.BUILT | v.USED | unit) == unit


@given(
    items=st.lists(
        st.tuples(st.integers(0, 3), st.integers(v.ANNOTATIONS, v.CHANNEL_ID), st.integers(0, 1000)), max_size=12
    )
)
def test_dicts(items):
    room, twins = new_room(), [{} for _ in range(4)]
    dicts = [v.new(room, v.DICT, 0) for _ in twins]
    for which, word, number in items:
        assert v.put_item(room, dicts[which], word, v.packed(v.INT, number))
        twins[which][word] = number
    for made, twin in zip(dicts, twins, strict=True):
        for word in range(v.ANNOTATIONS, v.CHANNEL_ID + 1):
            found = v.get_item(room, made, word)
            assert found == (v.packed(v.INT, twin[word]) if word in twin else v.UNKNOWN)
    assert v.get_item(room, v.packed(v.INT, 3), v.ITEMS) == v.UNKNOWN


@given(appended=st.lists(st.integers(-1, 5), max_size=8))
def test_lists_of_trains(appended):
    room = new_room()
    first = int(room[v.TRAINS_READ])
    trains = [v.new(room, v.TRAIN, first + 3 * i) for i in range(6)]
    made = v.new(room, v.LIST, 0)
    for i in appended:
        assert v.append(room, made, trains[i] if i >= 0 else v.packed(v.INT, 3))
    fact = v.fact_of(room, made)
    if not appended:
        assert fact == 0
    elif appended == [appended[0] + i for i in range(len(appended))] and appended[0] >= 0:
        assert (v.first_train(fact), v.n_trains(fact)) == (first + 3 * appended[0], len(appended))
    else:
        assert fact == -1
    assert not v.append(room, trains[0], made)


def push(room, *numbers):
    """Values on the stack; from where to where."""
    base = int(room[v.STACK])
    room[base : base + len(numbers)] = [v.packed(v.INT, number) for number in numbers]
    return base, base + len(numbers)


@given(
    actions=st.lists(
        st.tuples(
            st.sampled_from(["make", "make", "remember", "recall", "release"]), st.integers(0, 5), st.integers(0, 9)
        ),
        max_size=30,
    )
)
def test_tuples(actions):
    room = new_room()
    # What is alive, in the order of the arena: its numbers, its slots, whether it was got; and what is in the memo.
    alive, memo = [], {}
    for action, which, slot in actions:
        if action == "make":
            numbers = list(range(which))
            value = v.new_tuple(room, *push(room, *numbers))
            if value == v.NO_ROOM:
                assert sum(1 + len(made["numbers"]) for made in alive) + 1 + len(numbers) > LENGTHS["ARENA"]
            else:
                alive.append({"value": value, "numbers": numbers, "slots": []})
        elif action == "remember" and alive:
            made = alive[which % len(alive)]
            v.remember(room, slot, made["value"])
            made["slots"].append(slot)
            memo[slot] = made
        elif action == "recall" and memo.get(slot):
            assert v.recall(room, slot) == memo[slot]["value"]
            memo[slot]["slots"].append(slot)
        elif action == "release" and alive:
            made = alive[which % len(alive)]
            v.release(room, made["value"])
            if made is alive[-1] and len(made["slots"]) < 2:
                alive.pop()
                for held in made["slots"]:
                    if memo[held] is made:
                        memo[held] = None
        for made in alive:
            place, length = v.parts(made["value"])
            assert length == len(made["numbers"])
            assert [v.content_of(item) for item in room[place : place + length]] == made["numbers"]
        for held, made in memo.items():
            assert room[room[v.MEMO] + held] == (v.UNKNOWN if made is None else made["value"])


def test_no_room(room):
    assert [v.new(room, v.LIST, 0) for _ in range(LENGTHS["OBJECTS"] + 1)][-1] == v.NO_ROOM
    made = v.packed(v.DICT, int(room[v.OBJECTS]))
    words = range(1, LENGTHS["ENTRIES"] // 2 + 2)
    assert [v.put_item(room, made, word, v.NONE) for word in words] == [True] * (len(words) - 1) + [False]
    assert v.put_item(room, made, 1, v.BOOL)
    assert v.get_item(room, made, 1) == v.BOOL
    room[room[v.TRAINS_READ] :] = -7
    for _ in range(LENGTHS["ARENA"] // 8):
        assert v.kind_of(v.new_tuple(room, *push(room, *range(7)))) == v.TUPLE
    assert v.new_tuple(room, *push(room)) == v.NO_ROOM


@given(edges=st.lists(st.integers(0, 60), max_size=20, unique=True))
def test_gaps_of_the_memo(edges):
    room, gaps = new_room(), sorted(edges)[: len(edges) // 2 * 2]
    room[room[v.GAPS] : room[v.GAPS] + len(gaps)] = gaps
    room[v.NEXT_GAP] = room[v.GAPS] + len(gaps)
    for slot in range(62):
        inside = any(low <= slot < high for low, high in zip(gaps[::2], gaps[1::2], strict=True))
        assert v.is_in_gap(room, slot) == inside


def test_what_changes_an_older_thing_forgets_the_patterns(room):
    made = v.new(room, v.DICT, 0)
    unit = v.new(room, v.UNIT, v.SECOND)
    room[v.N_PATTERNS], room[v.TOUCHED] = 3, 0
    v.put_item(room, made, v.ITEMS, v.NONE)
    v.learn_fact(room, unit, v.SECOND | v.BUILT)
    assert (room[v.N_PATTERNS], room[v.TOUCHED]) == (3, 0)
    room[v.YOUNG] = room[v.NEXT_OBJECT]
    v.learn_fact(room, unit, v.SECOND | v.BUILT)
    assert (room[v.N_PATTERNS], room[v.TOUCHED]) == (3, 0)
    for change in (
        lambda: v.put_item(room, made, v.ITEMS, v.BOOL),
        lambda: v.put_item(room, made, v.STIMULUS, v.BOOL),
        lambda: v.learn_fact(room, unit, v.SECOND),
    ):
        room[v.N_PATTERNS], room[v.TOUCHED] = 3, 0
        change()
        assert (room[v.N_PATTERNS], room[v.TOUCHED]) == (0, 1)
