"""Trains read by pattern: bytes that equal those of a train which was interpreted, but for its fields, mean the same.

Almost all trains of a segment are written by the same few sequences of opcodes. The interpreter learns such a sequence
when it has read a train: a pattern is the train's own bytes, and which of them count. Where the bytes that follow match
a pattern they are taken without being interpreted; the first byte that differs is the interpreter's again.

The fields, and nothing else, may differ: the bytes of the times with their length, their count, the neuron, and numbers
that nobody read. They are checked as `new_train` checks them, and `add_train` takes both kinds of trains.

Why that is what the interpreter would have read. What it does at an opcode depends on the opcode and its argument, on
the values that the opcode takes, on what is in the memo, on the facts of the objects that these values are, and on
START ... TIMES_UNIT, which the first train sets and no other one changes. A train is learned from only if

1. it took nothing from the stack, and no mark, that was there when it began, and left there nothing but itself; so the
   values that its opcodes take are those that its own opcodes put there;
2. of the memo it got what was there when it began, not what it put there itself; so each value that it made it used
   once, and if its bytes come again they get the same values: an index in the memo is absolute;
3. it changed nothing that was there when it began, neither facts nor the memo (`touch`, `clean`); so no train that was
   taken by pattern lacks an effect that another one had;
4. it has no FRAME, PROTO or GLOBAL, whose arguments are compared with the file's size or are not of a known length.

And all patterns are dropped when a fact or a slot of the memo changes that is older than the last train: what a pattern
gets from the memo is as it was. Facts of lists are excepted: they are read when the pickle ends, and not by any train.
A tuple that was got from the memo is never freed. So the same opcodes would do the same, as far as their arguments are
the same; and an argument that may differ is one of a number that was not read (`log_read` knows all that were), or that
was read for what the field is checked for here: that the count is an eighth of the length, and which neuron it is.

What a train adds is this much: one value on the stack, one object, three numbers, and as many slots of the memo as the
pattern's train. These are not known afterwards, they are a gap; a pickle that asks for one is not understood.

Bounds: at least eight bytes follow whatever is compared or read, which is checked once a pattern, and once for the
bytes of its times. What a train adds is checked by `add_train`, and here for the stack and the memo.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels import opcodes
from spikebin.kernels import values as v
from spikebin.kernels.jit import inlined, inner, load_word
from spikebin.kernels.objects import add_train
from spikebin.kernels.spellings import is_text, little_endian, signed
from spikebin.kernels.survey import REFUSED

# From PATTERNS on: which pattern was of use most lately, which before, ..., and which is free; then the patterns. Each
# has: what its train's times, their length and its neuron are, and how many slots of the memo it adds; how many bytes
# are before those of the times, how many bytes their length has there, what it is at least, and how many bytes are
# after them; where count and neuron are, and how many bytes they have (0: they are fixed). Then the train's bytes,
# those after the times from a new word on, and then the bits that count.
MOST, MOST_WORDS = 16, 128
TIMES, LENGTH, NEURON, N_SLOTS, BEFORE, WIDTH, LEAST, AFTER = range(8)
COUNT_AT, COUNT_WIDTH, NEURON_AT, NEURON_WIDTH, WORDS = range(8, 13)
STRIDE = WORDS + 2 * MOST_WORDS


@inlined
def pattern_at(room, k):
    """Place of the k-th pattern."""
    return v.PATTERNS + MOST + 1 + STRIDE * room[v.PATTERNS + k]


@inner
def bring_forward(room, k):
    """Let a pattern change places with the one before it."""
    a = v.PATTERNS + k
    room[a - 1], room[a] = room[a], room[a - 1]


@inner
def start_learning(room):
    """No pattern is known yet."""
    for k in range(MOST + 1):
        room[v.PATTERNS + k] = k
    room[v.N_PATTERNS], room[v.N_LEARNED] = 0, 0
    room[v.YOUNG], room[v.TOUCHED], room[v.N_READS] = room[v.OBJECTS], 0, 0


@inner
def read_for(room, offset):
    """What the number of the opcode at `offset` was read for since the last train; -1 if it was not."""
    purpose = -1
    for n in range(room[v.N_READS]):
        if room[v.READS + 2 * n] == offset:
            purpose = room[v.READS + 2 * n + 1] if purpose == -1 else v.FIXED
    return purpose


@inlined
def words_of(n_bytes):
    """How many words so many bytes take."""
    return (n_bytes + 7) >> 3


@inner
def keep_bytes(data, room, place, start, stop):
    """Keep bytes in the words from `place` on, and that all of them count."""
    for i in range(stop - start):
        word, shift = place + (i >> 3), 8 * (i & 7)
        if shift == 0:
            room[word], room[word + MOST_WORDS] = 0, 0
        room[word] |= np.int64(data[start + i]) << shift
        room[word + MOST_WORDS] |= np.int64(0xFF) << shift


@inner
def let_differ(room, pattern, field, n_bytes):
    """Bytes of a pattern from the `field`-th one on do not count."""
    before = room[pattern + BEFORE]
    for i in range(field, field + n_bytes):
        k = i if i < before else 8 * words_of(before) + i - before
        room[pattern + WORDS + MOST_WORDS + (k >> 3)] &= ~(np.int64(0xFF) << (8 * (k & 7)))


@inner
def learn(data, argument, room, began, stop, n_slots):
    """Learn a pattern from the last train, whose opcodes lie between two offsets."""
    train, known = room[v.NEXT_TRAIN] - 3, room[v.N_PATTERNS]
    # Where nearly every train would be a pattern of its own, learning is a waste.
    worth = room[v.N_LEARNED] <= 64 + (train - room[v.TRAINS_READ]) // 24
    if room[v.BY_PATTERN] == 0 or room[v.N_READS] > v.MOST_READS or not worth:
        return
    pattern = pattern_at(room, known)
    times, n_bytes, cut, width = room[train], 8 * room[train + 1], began, np.int64(0)
    room[pattern + TIMES], room[pattern + LENGTH], room[pattern + NEURON] = times, n_bytes, room[train + 2]
    # Times that are older than the train are the same for all.
    if times >= began:
        width = abs(argument[data[times]])
        cut = times + 1 + width + n_bytes
        # Python has one object of no bytes, which all later trains without a spike get from the memo.
        room[pattern + LEAST] = 0 if data[times] == opcodes.BYTEARRAY8 else 1
        if is_text(data, times) or n_bytes < room[pattern + LEAST]:
            return
    before, after = cut - n_bytes - began if width > 0 else np.int64(0), stop - cut
    if words_of(before) + words_of(after) > MOST_WORDS:
        return
    room[pattern + N_SLOTS], room[pattern + BEFORE], room[pattern + WIDTH] = n_slots, before, width
    room[pattern + AFTER], room[pattern + COUNT_WIDTH], room[pattern + NEURON_WIDTH] = after, 0, 0
    room[v.N_LEARNED] += 1
    keep_bytes(data, room, pattern + WORDS, began, began + before)
    keep_bytes(data, room, pattern + WORDS + words_of(before), cut, stop)
    let_differ(room, pattern, before - width, width)
    at = began
    while at < stop:
        op = data[at]
        n, skipped = 1 if op == opcodes.BININT1 else 2 if op == opcodes.BININT2 else 4, 1
        if op == opcodes.SHORT_BINBYTES and data[at + 1] == 8 and at != times:
            n, skipped = 8, 2
        elif op != opcodes.BININT1 and op != opcodes.BININT2 and op != opcodes.BININT:
            n = 0
        purpose = read_for(room, at)
        field = at + skipped - began - (n_bytes if width > 0 and at >= cut else 0)
        if n > 0 and purpose == v.NEURON:
            room[pattern + NEURON_AT], room[pattern + NEURON_WIDTH] = field, n
            let_differ(room, pattern, field, n)
        elif n > 0 and width > 0 and purpose == (times << 2 | v.COUNT):
            room[pattern + COUNT_AT], room[pattern + COUNT_WIDTH] = field, n
            let_differ(room, pattern, field, n)
        elif purpose == -1:
            let_differ(room, pattern, field, n)
        size = argument[op]
        if size == REFUSED or op == opcodes.GLOBAL:
            return
        at += 1 + abs(size) + (little_endian(data, at + 1, -size) if size < 0 else 0)
    if (width > 0) != (room[pattern + COUNT_WIDTH] > 0):
        return
    if known < MOST:
        room[v.N_PATTERNS] += 1
    else:
        bring_forward(room, MOST)


@inlined
def differ(data, at, room, place, n_words):
    """Whether bytes that count are others from `at` on than in so many words of a pattern."""
    different = np.int64(0)
    for i in range(n_words):
        one, other = load_word(data, at + 8 * i), load_word(room, place + i)
        different |= (one ^ other) & load_word(room, place + MOST_WORDS + i)
    return different != 0


@inlined
def number_at(data, at, width):
    """Number of a field of 1, 2, 4 or 8 bytes; one of more than 2 is signed."""
    word = load_word(data, at)
    if width == 8:
        return word
    if width == 4:
        return signed(word & 0xFFFFFFFF, 4)
    return word & (0xFF if width == 1 else 0xFFFF)


@inner
def match(data, room, at, pattern):
    """Where a train of this pattern that begins at `at` ends, or -1; its times, their length, and its neuron."""
    times, n_bytes, neuron = room[pattern + TIMES], room[pattern + LENGTH], room[pattern + NEURON]
    before, after, width = room[pattern + BEFORE], room[pattern + AFTER], room[pattern + WIDTH]
    spare = data.size - at - before - after - 8
    if spare < 0 or differ(data, at, room, pattern + WORDS, words_of(before)):
        return -1, times, n_bytes, neuron
    inside = np.int64(0)
    if width > 0:
        times = at + before - width - 1
        n_bytes = inside = number_at(data, times + 1, width)
        if n_bytes < room[pattern + LEAST] or n_bytes > spare:
            return -1, times, n_bytes, neuron
    if differ(data, at + before + inside, room, pattern + WORDS + words_of(before), words_of(after)):
        return -1, times, n_bytes, neuron
    if width > 0:
        field = room[pattern + COUNT_AT]
        if 8 * number_at(data, at + field + (inside if field >= before else 0), room[pattern + COUNT_WIDTH]) != n_bytes:
            return -1, times, n_bytes, neuron
    if room[pattern + NEURON_WIDTH] > 0:
        field = room[pattern + NEURON_AT]
        neuron = number_at(data, at + field + (inside if field >= before else 0), room[pattern + NEURON_WIDTH])
    return at + before + inside + after, times, n_bytes, neuron


@inner
def take_trains(data, room, at, top, n_memo):
    """Take all trains from `at` on that match a pattern; where they end, and how high stack and memo are then."""
    k, gap, slot = 0, room[v.NEXT_GAP], n_memo
    while k < room[v.N_PATTERNS] and top < room[v.MARKS] and gap + 2 <= room[v.END]:
        pattern = pattern_at(room, k)
        end, times, n_bytes, neuron = match(data, room, at, pattern)
        if end == -1:
            k += 1
            continue
        if room[v.MEMO] + n_memo + room[pattern + N_SLOTS] > room[v.ARENA]:
            break
        value = add_train(room, times, n_bytes, neuron, data.size)
        if v.kind_of(value) != v.TRAIN:
            break
        n_memo += room[pattern + N_SLOTS]
        room[top] = value
        top += 1
        at = end
        if k > 0:
            bring_forward(room, k)
        k = 0
    if n_memo > slot:
        room[gap], room[gap + 1], room[v.NEXT_GAP] = slot, n_memo, gap + 2
    return at, top, n_memo
