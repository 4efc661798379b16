"""Kernels that walk over the opcodes of a pickle: what it would allocate, and what is in a segment.

Opcodes are named in comments as in the pickletools module. Arrays of work are the caller's; a kernel that finds one
too small says FULL, and the caller comes again with larger ones. Nothing here makes or keeps an array, so numba need
not count who holds them: for functions as small as these the counting, atomic as it is, takes longer than the work.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels.jit import njit

opcodes = njit(nogil=True, cache=True, _nrt=False)
inlined = njit(nogil=True, cache=True, _nrt=False, forceinline=True)

FULL = -1


@inlined
def little_endian(data, at, n_bytes):
    """Unsigned number of 0 to 8 bytes at `at`; -1 if it does not fit an int64."""
    number = np.int64(0)
    if n_bytes == 8 and data[at + 7] >= 128:
        return np.int64(-1)
    for i in range(n_bytes):
        number |= np.int64(data[at + i]) << (8 * i)
    return number


@opcodes
def end_of_line(data, at):
    """Offset of the first newline from `at` on, or the length of `data`."""
    while at < data.size and data[at] != 10:
        at += 1
    return at


@opcodes
def decimal(data, start, stop):
    """Number that plain digits spell; -1 for anything else, and for more than 9 digits."""
    if start >= stop or stop - start > 9:
        return np.int64(-1)
    number = np.int64(0)
    for i in range(start, stop):
        if data[i] < 48 or data[i] > 57:
            return np.int64(-1)
        number = number * 10 + np.int64(data[i]) - 48
    return number


@opcodes
def survey(data, size, argument, pops, pushes, stack, memo, marks):
    """Walk a pickle's opcodes before `pickle.Unpickler` meets them; (status, offset of the opcode).

    `data` is the start of a file of `size` bytes. `argument[opcode]` says what follows it: so many bytes, -1, -4 or -8
    for a length of that many bytes and then so much, -21 or -22 for one or two lines, -99 if it is to be refused.
    `pops` and `pushes` say what it does to the stack; `pops` + 100 goes down to the last mark first.
    `stack` and `memo` hold, of each value, how many tuples are in it and how deep: to hash a tuple visits them all.

    Status: 0 complete; 1 ends too early; 2 refused opcode; 3 length beyond the file; 4 a memo index that no pickler
    writes; 5 tuples in tuples without end; 6 a stack that no pickler leaves; FULL.
    """
    top, n_marks, n_puts = 0, 0, 0
    at = 0
    while at < data.size:
        start = at
        op = np.int64(data[at])
        at += 1
        kind = argument[op]
        number = np.int64(0)
        if kind == -99:
            return 2, start
        for _ in range(-20 - kind):
            line = at
            at = end_of_line(data, at)
            number = decimal(data, line, at)
            at += 1
        if -8 <= kind <= 8:
            if at + abs(kind) > data.size:
                return 1, start
            number = little_endian(data, at, abs(kind))
            at += abs(kind)
        if -8 <= kind < 0 or op == 0x95:  # FRAME
            if number < 0 or number > size - at:
                return 3, start
            at += 0 if op == 0x95 else number
        if at > data.size:
            return 1, start

        if op == 0x2E:  # STOP
            return 0, at
        if top == stack.shape[0] or n_marks == marks.size or n_puts + 1024 >= memo.shape[0]:
            return FULL, start
        if op == 0x28:  # MARK
            marks[n_marks] = top
            n_marks += 1
            continue
        if op == 0x30 and n_marks > 0 and marks[n_marks - 1] == top:  # POP of a mark
            n_marks -= 1
            continue

        bottom = top - pops[op]
        if pops[op] >= 100:
            if n_marks == 0:
                return 6, start
            n_marks -= 1
            bottom = marks[n_marks] - (pops[op] - 100)
        if bottom < (marks[n_marks - 1] if n_marks > 0 else 0):
            return 6, start
        tuples, depth = np.int64(0), np.int64(0)
        if op == 0x70 or op == 0x71 or op == 0x72 or op == 0x94:  # PUT, BINPUT, LONG_BINPUT, MEMOIZE
            number = n_puts if op == 0x94 else number
            if number < 0 or number > n_puts + 1023:
                return 4, start
            n_puts += 1
            tuples, depth = stack[bottom, 0], stack[bottom, 1]
            memo[number, 0], memo[number, 1] = tuples, depth
        elif op == 0x67 or op == 0x68 or op == 0x6A:  # GET, BINGET, LONG_BINGET
            if 0 <= number < memo.shape[0]:
                tuples, depth = memo[number, 0], memo[number, 1]
        elif op == 0x32:  # DUP
            tuples, depth = stack[bottom, 0], stack[bottom, 1]
        elif op == 0x74 or 0x85 <= op <= 0x87:  # TUPLE, TUPLE1, TUPLE2, TUPLE3
            for i in range(bottom, top):
                tuples += stack[i, 0]
                depth = max(depth, stack[i, 1])
            tuples += 1
            depth += 1
            if tuples > 10_000_000 or depth > 100:
                return 5, start
        if bottom + pushes[op] > stack.shape[0]:
            return FULL, start
        top = bottom
        for _ in range(pushes[op]):
            stack[top, 0], stack[top, 1] = tuples, depth
            top += 1
    return 1, data.size


# A value of `interpret` is an int64: what it is in the low 5 bits, and above them the number itself, the offset in the
# file of the opcode of a text or of bytes, or the place of a tuple or object. One number is known of an object, its
# fact.
NONE, BOOL, INT, OTHER, TEXT, BYTES, GLOBAL, TUPLE, LIST, DICT, NUMBER = range(11)
DTYPE, ARRAY, QUANTITY, DIMENSIONALITY, UNIT, TRAIN, TRAINS, SEGMENT, INERT = range(11, 20)
UNKNOWN = 31
NO_ROOM = 63

# What a global means: the kind of object that it makes (an INERT one has no meaning here), or one of these.
BUFFER, SCALAR, ENCODE, EMPTY_BYTES = range(20, 24)

# Words that mean something; `Words` numbers all others from 20.
SECOND, MILLISECOND, MICROSECOND, F8, I8, LITTLE, LATIN1, C_ORDER = range(1, 9)
ANNOTATIONS, SHEET_NAME, STIMULUS, SPIKETRAINS, OWN_SPIKETRAINS, ITEMS, SOURCE_ID, CHANNEL_ID = range(9, 17)

# Facts of an array or quantity, below its unit and the offset of its bytes.
UNREADABLE, ONE_NUMBER, NUMBERS = range(1, 4)
# Of an object: its state was given; of a dimensionality: it was set, and then used.
BUILT, USED = 64, 32

# The head of `room`, an int64 array that holds all there is to work with; "place" means an index of it. First where
# the seven parts of it begin and, after them, where the next thing of four of them goes; then what was found.
STACK, MARKS, MEMO, ARENA, OBJECTS, ENTRIES, TRAINS_READ, END = range(8)
NEXT_ARENA, NEXT_OBJECT, NEXT_ENTRY, NEXT_TRAIN = range(8, 12)
SHEET, PRESENTED, FIRST, HOW_MANY, START, START_UNIT, STOP, STOP_UNIT, TIMES_UNIT = range(12, 21)
# What keeps a hostile file from making the work longer than the file: spikes, and letters counted, of all trains.
N_SPIKES, N_LETTERS = 21, 22
HEAD = 32

# The parts of `words`: by opcode how many bytes follow it (-1, -4, -8: that many for a length, and then so much; -99:
# it is not understood) and how many values it needs above the last mark; by length where its words begin, each a number
# and then its letters; module, name and meaning of each global, up to the end.
ARGUMENT, POPS, LENGTHS, LONGEST, GLOBALS = 0, 256, 512, 63, 577


@opcodes
def latin1_length(data, start, stop):
    """Characters of the UTF-8 between two offsets; -1 if it is not valid, or if one of them is beyond latin-1."""
    if start == stop:
        return 0
    bad = (data[start] & 0xC0) == 0x80 or (data[stop - 1] & 0xFE) == 0xC2
    n_followers = 0
    for i in range(start, stop):
        follows = (data[i] & 0xC0) == 0x80
        n_followers += follows
        bad |= data[i] >= 0x80 and not follows and (data[i] & 0xFE) != 0xC2
    for i in range(start + 1, stop):
        bad |= ((data[i] & 0xC0) == 0x80) != ((data[i - 1] & 0xFE) == 0xC2)
    return -1 if bad else stop - start - n_followers


@opcodes
def is_utf8(data, start, stop):
    """Whether all between two offsets is UTF-8, surrogates apart (Unicode 15, table 3-7)."""
    at = start
    while at < stop:
        first = data[at]
        n_followers = 0 if first < 0x80 else 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        if 0x80 <= first < 0xC2 or first > 0xF4 or at + n_followers >= stop:
            return False
        for i in range(at + 1, at + 1 + n_followers):
            if (data[i] & 0xC0) != 0x80:
                return False
        second = data[at + 1] if n_followers > 1 else 0
        if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F):
            return False
        if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F):
            return False
        at += 1 + n_followers
    return True


@opcodes
def word_at(data, start, stop, words):
    """Number of the known word between two offsets, or 0."""
    length = stop - start
    if length > LONGEST:
        return 0
    for word in range(words[LENGTHS + length], words[LENGTHS + length + 1], length + 1):
        i = 0
        while i < length and data[start + i] == words[word + 1 + i]:
            i += 1
        if i == length:
            return words[word]
    return 0


@opcodes
def global_of(module, name, words):
    """Value of the global that two words name."""
    for i in range(words[GLOBALS], words.size, 3):
        if words[i] == module and words[i + 1] == name:
            return words[i + 2] << 5 | GLOBAL
    return UNKNOWN


@opcodes
def extent(data, at):
    """Where the text or bytes of the opcode at `at` start and stop; offset 0 stands for no bytes at all."""
    if at == 0:
        return 0, 0
    op = data[at]
    width = 8
    if op == 0x43 or op == 0x8C:  # SHORT_BINBYTES, SHORT_BINUNICODE
        width = 1
    elif op == 0x42 or op == 0x58:  # BINBYTES, BINUNICODE
        width = 4
    start = at + 1 + width
    return start, start + little_endian(data, at + 1, width)


@opcodes
def n_bytes_of(data, at, room):
    """Length of the bytes of the opcode at `at`; those of a text are its characters in latin-1, -1 if it has others.

    A pickle of neo's has each text counted three times; -1 too for one that has the same ones counted without end.
    """
    start, stop = extent(data, at)
    if not is_text(data, at):
        return stop - start
    room[N_LETTERS] += stop - start
    return latin1_length(data, start, stop) if room[N_LETTERS] <= 4 * data.size else -1


@opcodes
def is_text(data, at):
    """Whether the opcode at `at` is one of text."""
    return data[at] == 0x58 or data[at] == 0x8C or data[at] == 0x8D  # BINUNICODE, SHORT_BINUNICODE, BINUNICODE8


@opcodes
def eight_bytes(data, at, text):
    """Bits of the little-endian int64 or float64 at `at`, in plain bytes or as latin-1 text, and where it stops."""
    bits = np.int64(0)
    for i in range(8):
        byte = np.int64(data[at])
        at += 1
        if text and byte >= 0x80:
            byte = (byte & 3) << 6 | np.int64(data[at]) & 0x3F
            at += 1
        bits |= byte << (8 * i)
    return bits, at


@opcodes
def first_bits(data, at):
    """Bits of the first int64 or float64 in the bytes of the opcode at `at`."""
    return eight_bytes(data, extent(data, at)[0], is_text(data, at))[0]


@opcodes
def gather(data, room, bits):
    """Copy the times of the trains that `interpret` found to `bits`, the int64 view of a float64 array."""
    k = 0
    for train in range(room[FIRST], room[FIRST] + 3 * room[HOW_MANY], 3):
        at = extent(data, room[train])[0]
        text = is_text(data, room[train])
        for _ in range(room[train + 1]):
            bits[k], at = eight_bytes(data, at, text)
            k += 1


@inlined
def new(room, kind, fact):
    """A new object, about which `fact` is known."""
    place = room[NEXT_OBJECT]
    if place == room[ENTRIES]:
        return NO_ROOM
    room[place] = fact
    room[NEXT_OBJECT] = place + 1
    return place << 5 | kind


@opcodes
def new_tuple(room, bottom, top):
    """A tuple of the values between two places of the stack. In the arena a word goes before them: see `release`."""
    place = room[NEXT_ARENA]
    length = top - bottom
    if place + 1 + length > room[OBJECTS]:
        return NO_ROOM
    if length >= 1 << 20:
        return UNKNOWN
    room[place] = -1
    for i in range(length):
        room[place + 1 + i] = room[bottom + i]
    room[NEXT_ARENA] = place + 1 + length
    return (place << 20 | length) << 5 | TUPLE


@inlined
def parts(value):
    """Place of a tuple's first value, and how many there are; -1 values for anything else."""
    if value & 31 != TUPLE:
        return 0, -1
    return (value >> 25) + 1, (value >> 5) & 0xFFFFF


@inlined
def remember(room, slot, value):
    """Put a value in the memo; a tuple keeps the slot if it is its only one (-1 none, -2 more than one)."""
    room[room[MEMO] + slot] = value
    if value & 31 == TUPLE:
        place = value >> 25
        room[place] = slot if room[place] == -1 else -2


@inlined
def recall(room, slot):
    """Get a value from the memo; a tuple that was got once is kept for ever."""
    value = room[room[MEMO] + slot]
    if value & 31 == TUPLE:
        room[value >> 25] = -2
    return value


@opcodes
def release(room, value):
    """Free a tuple that a call or a state used up, if it is the arena's last and nobody else can hold it.

    Picklers memoize the arguments of every call and never come back for them. Freed, they leave the memo; a pickle
    that asks for one is not understood.
    """
    place, length = parts(value)
    if length < 0 or place + length != room[NEXT_ARENA] or room[place - 1] == -2:
        return
    slot = room[place - 1]
    if slot >= 0 and room[room[MEMO] + slot] == value:
        room[room[MEMO] + slot] = UNKNOWN
    room[NEXT_ARENA] = place - 1


@opcodes
def set_item(room, target, key, value):
    """``target[key] = value``; 0, 1 if that is not understood, or FULL."""
    place = target >> 5
    if target & 31 == DIMENSIONALITY and room[place] & USED == 0:
        alone = room[place] == 0 and key & 31 == UNIT and value == (1 << 5 | INT)
        room[place] = BUILT | (room[key >> 5] & 3 if alone else 0)
        return 0
    if target & 31 != DICT or (key & 31 != TEXT and key & 31 != INT):
        return 1
    word = (key >> 5) & 0xFF
    if key & 31 == TEXT and ANNOTATIONS <= word <= CHANNEL_ID:
        entry = entry_of(room, target, word)
        if entry == 0:
            entry = room[NEXT_ENTRY]
            if entry + 2 > room[TRAINS_READ]:
                return FULL
            room[entry] = room[place] << 5 | word
            room[NEXT_ENTRY] = entry + 2
            room[place] = entry
        room[entry + 1] = value
    return 0


@opcodes
def entry_of(room, target, word):
    """Place of a dict's entry for a known word, or 0; an entry is the place of the next, the word, and the value."""
    entry = room[target >> 5]
    while entry > 0 and room[entry] & 31 != word:
        entry = room[entry] >> 5
    return entry


@opcodes
def get_item(room, target, word):
    """Value of a known word in a dict; UNKNOWN if it has none."""
    entry = entry_of(room, target, word) if target & 31 == DICT else 0
    return room[entry + 1] if entry > 0 else UNKNOWN


@opcodes
def append(room, target, value):
    """``target.append(value)``. Of a list is known its first train and how many follow, or -1 for another kind."""
    if target & 31 != LIST:
        return False
    fact = room[target >> 5]
    train = room[value >> 5] if value & 31 == TRAIN else -1
    if fact == 0 and train >= 0:
        room[target >> 5] = train << 24 | 1
    elif fact > 0 and train == (fact >> 24) + 3 * (fact & 0xFFFFFF) and fact & 0xFFFFFF < 0xFFFFFF:
        room[target >> 5] = fact + 1
    else:
        room[target >> 5] = -1
    return True


@opcodes
def numbers_fact(data, shape, dtype, order_known, raw, room):
    """Fact of an array: how many little-endian float64 it has and where, if its shape and its bytes agree."""
    at, n_dimensions = parts(shape)
    if dtype & 31 != DTYPE or raw & 31 != BYTES or not order_known or n_dimensions < 0 or n_dimensions > 1:
        return UNREADABLE
    n_bytes = n_bytes_of(data, raw >> 5, room)
    length = room[at] if n_dimensions == 1 else 1 << 5 | INT
    if room[dtype >> 5] != (BUILT | F8) or length & 31 != INT or n_bytes % 8 != 0 or length >> 5 != n_bytes // 8:
        return UNREADABLE
    return (raw >> 5) << 8 | (NUMBERS if n_dimensions == 1 else ONE_NUMBER)


@opcodes
def reduce(data, room, meaning, args):
    """What a call makes: of a global's meaning and a tuple of arguments, for REDUCE and NEWOBJ alike."""
    at, length = parts(args)
    if length < 0:
        return UNKNOWN
    if meaning == TRAIN:
        return new_train(data, room, at) if length == 17 else UNKNOWN
    if meaning == BUFFER:  # bytes, dtype, shape, order
        if length != 4:
            return UNKNOWN
        is_c = room[at + 3] & 31 == TEXT and (room[at + 3] >> 5) & 0xFF == C_ORDER
        return new(room, ARRAY, numbers_fact(data, room[at + 2], room[at + 1], is_c, room[at], room))
    if meaning == SCALAR:  # dtype, bytes
        if length != 2 or room[at] & 31 != DTYPE or room[at + 1] & 31 != BYTES:
            return UNKNOWN
        raw = room[at + 1] >> 5
        if room[room[at] >> 5] != (BUILT | I8) or n_bytes_of(data, raw, room) != 8 or data[raw] == 0x96:
            return new(room, INERT, 0)
        bits = first_bits(data, raw)
        return bits << 5 | NUMBER if -(1 << 57) < bits < 1 << 57 else UNKNOWN
    if meaning == DTYPE:  # type, align, copy
        known = length == 3 and room[at] & 31 == TEXT and room[at + 1] & 31 == BOOL and room[at + 2] & 31 == BOOL
        word = (room[at] >> 5) & 0xFF if known else 0
        return new(room, DTYPE, word if word == F8 or word == I8 else 0)
    if meaning == UNIT:  # name, ...
        word = (room[at] >> 5) & 0xFF if length > 0 and room[at] & 31 == TEXT else 0
        return new(room, UNIT, word if SECOND <= word <= MICROSECOND else 0)
    if meaning == ENCODE:  # text, "latin1"
        if length != 2 or room[at] & 31 != TEXT or room[at + 1] & 31 != TEXT:
            return UNKNOWN
        known = (room[at + 1] >> 5) & 0xFF == LATIN1 and n_bytes_of(data, room[at] >> 13, room) >= 0
        return (room[at] >> 13) << 5 | BYTES if known else UNKNOWN
    if meaning == EMPTY_BYTES:
        return BYTES if length == 0 else UNKNOWN
    return new(room, meaning, 0)


@opcodes
def new_train(data, room, at):
    """A spike train of the 17 arguments from `at` on in the arena: cls, times, t_stop, units, ..., t_start, ..."""
    times, stop, units, start, annotations = room[at + 1], room[at + 2], room[at + 3], room[at + 7], room[at + 14]
    if times & 31 != ARRAY or stop & 31 != QUANTITY or units & 31 != QUANTITY or start & 31 != QUANTITY:
        return UNKNOWN
    times, stop, units, start = room[times >> 5], room[stop >> 5], room[units >> 5], room[start >> 5]
    if times & 3 != NUMBERS or stop & 3 != ONE_NUMBER or units & 3 != ONE_NUMBER or start & 3 != ONE_NUMBER:
        return UNKNOWN
    if first_bits(data, units >> 8) != 0x3FF0000000000000:  # 1.0
        return UNKNOWN
    neuron, channel = get_item(room, annotations, SOURCE_ID), get_item(room, annotations, CHANNEL_ID)
    if (neuron == UNKNOWN) == (channel == UNKNOWN):
        return UNKNOWN
    neuron = channel if neuron == UNKNOWN else neuron
    if neuron & 31 != INT and neuron & 31 != NUMBER:
        return UNKNOWN

    start_bits, stop_bits = first_bits(data, start >> 8), first_bits(data, stop >> 8)
    place = room[NEXT_TRAIN]
    if place + 3 > room[END]:
        return NO_ROOM
    if place == room[TRAINS_READ]:
        room[START], room[START_UNIT], room[TIMES_UNIT] = start_bits, (start >> 4) & 3, (units >> 4) & 3
        room[STOP], room[STOP_UNIT] = stop_bits, (stop >> 4) & 3
    if room[START] != start_bits or room[START_UNIT] != (start >> 4) & 3 or room[TIMES_UNIT] != (units >> 4) & 3:
        return UNKNOWN
    if room[STOP] != stop_bits or room[STOP_UNIT] != (stop >> 4) & 3:
        return UNKNOWN
    if (start_bits >> 52) & 0x7FF == 0x7FF or (stop_bits >> 52) & 0x7FF == 0x7FF:  # NaN, infinite
        return UNKNOWN
    n_bytes = n_bytes_of(data, times >> 8, room)
    room[N_SPIKES] += n_bytes // 8
    if n_bytes < 0 or 8 * room[N_SPIKES] > data.size:
        return UNKNOWN
    room[place] = times >> 8
    room[place + 1] = n_bytes // 8
    room[place + 2] = neuron >> 5
    room[NEXT_TRAIN] = place + 3
    return new(room, TRAIN, place)


@opcodes
def build(data, room, target, state):
    """Give an object its state; False if that is not understood."""
    kind, k = target & 31, target >> 5
    at, length = parts(state)
    if state & 31 == NONE or kind < DTYPE or kind == TRAIN or kind == DIMENSIONALITY:
        return False
    if kind == SEGMENT or kind == TRAINS:
        if room[k] != 0 or state & 31 != DICT:
            return False
        room[k] = state
    elif kind == ARRAY:  # 1, shape, dtype, Fortran order, bytes
        if room[k] != 0:
            return False
        room[k] = UNREADABLE
        if length == 5:
            room[k] = build_numbers(data, room, at)
    elif kind == QUANTITY:  # the same and a dimensionality
        if room[k] != 0:
            return False
        room[k] = UNREADABLE
        if length == 6 and room[at + 5] & 31 == DIMENSIONALITY:
            unit = room[room[at + 5] >> 5] & 3
            room[room[at + 5] >> 5] |= USED
            room[k] = build_numbers(data, room, at) | unit << 4 if unit > 0 else UNREADABLE
    elif kind == DTYPE:  # 3, byte order, None, None, None, -1, -1, 0
        if room[k] & BUILT != 0:
            return False
        plain = length == 8 and room[at] == (3 << 5 | INT) and room[at + 1] & 31 == TEXT
        if plain and (room[at + 1] >> 5) & 0xFF == LITTLE:
            for i in range(2, 8):
                plain &= room[at + i] & 31 == (NONE if i < 5 else INT)
            room[k] = BUILT | (room[k] if plain else 0)
        else:
            room[k] = BUILT
    else:  # UNIT, INERT
        if room[k] & BUILT != 0:
            return False
        room[k] |= BUILT
    return True


@opcodes
def build_numbers(data, room, at):
    """Fact of an array whose state lies at `at` in the arena."""
    known = room[at] == (1 << 5 | INT) and room[at + 3] & 31 == BOOL
    if room[at + 4] & 31 == BYTES and data[room[at + 4] >> 5] == 0x96:  # a bytearray
        return UNREADABLE
    return numbers_fact(data, room[at + 1], room[at + 2], known, room[at + 4], room)


@opcodes
def finish(room, value):
    """Find the segment's texts and trains; whether all are there."""
    if value & 31 != SEGMENT:
        return False
    state = room[value >> 5]
    annotations = get_item(room, state, ANNOTATIONS)
    sheet, stimulus = get_item(room, annotations, SHEET_NAME), get_item(room, annotations, STIMULUS)
    trains = get_item(room, state, OWN_SPIKETRAINS)
    if trains == UNKNOWN:
        trains = get_item(room, state, SPIKETRAINS)
    if trains & 31 == TRAINS:
        trains = get_item(room, room[trains >> 5], ITEMS)
    if sheet & 31 != TEXT or stimulus & 31 != TEXT or trains & 31 != LIST or room[trains >> 5] <= 0:
        return False
    room[SHEET], room[PRESENTED] = sheet >> 13, stimulus >> 13
    room[FIRST], room[HOW_MANY] = room[trains >> 5] >> 24, room[trains >> 5] & 0xFFFFFF
    return True


@opcodes
def interpret(data, words, room):
    """Read a segment's pickle, of a byte at least, without making an object of it; (status, offset of the opcode).

    Status: 0 and what was found in `room`; 1 an opcode, or a use of one, that is not understood here, be it legal,
    damaged or hostile; FULL. Nothing but `room` is touched, whatever the bytes say.
    """
    room[NEXT_ARENA], room[NEXT_OBJECT] = room[ARENA], room[OBJECTS]
    room[NEXT_ENTRY], room[NEXT_TRAIN] = room[ENTRIES], room[TRAINS_READ]
    room[N_SPIKES], room[N_LETTERS] = 0, 0
    # Offset 0 is never that of a text or of bytes.
    if data[0] != 0x80:  # PROTO
        return 1, 0
    base = room[STACK]
    top, fence, mark, n_memo = base, base, room[MARKS], 0
    at = 0
    while at < data.size:
        start = at
        op = np.int64(data[at])
        # Half of all opcodes are these two. Where they would go over a bound, they go the way of all others.
        if op == 0x68 and at + 1 < data.size and data[at + 1] < n_memo and top < room[MARKS]:  # BINGET
            room[top] = recall(room, np.int64(data[at + 1]))
            if room[top] & 31 == UNKNOWN:
                return 1, start
            top += 1
            at += 2
            continue
        if op == 0x94 and top > fence and room[MEMO] + n_memo < room[ARENA]:  # MEMOIZE
            remember(room, n_memo, room[top - 1])
            n_memo += 1
            at += 1
            continue
        width = words[ARGUMENT + op]
        at += 1 + abs(width)
        if width == -99 or at > data.size:
            return 1, start
        number = little_endian(data, start + 1, abs(width))
        if width < 0:
            if number < 0 or number > data.size - at:
                return 1, start
            at += number
        if top - fence < words[POPS + op]:
            return 1, start
        bottom = fence
        if op == 0x65 or op == 0x74 or op == 0x75:  # APPENDS, TUPLE and SETITEMS take all down to the last mark
            if mark == room[MARKS]:
                return 1, start
            mark -= 1
            fence = room[mark - 1] if mark > room[MARKS] else base
            if op != 0x74 and bottom == fence:
                return 1, start

        if op == 0x28:  # MARK
            if mark == room[MEMO]:
                return FULL, start
            room[mark] = top
            mark += 1
            fence = top
            continue
        if op == 0x2E:  # STOP
            return 0 if finish(room, room[top - 1]) else 1, start
        if op == 0x4A:  # BININT
            value = (number - ((number >> 31) << 32)) << 5 | INT
        elif op == 0x4B or op == 0x4D:  # BININT1, BININT2
            value = number << 5 | INT
        elif op == 0x4E:  # NONE
            value = np.int64(NONE)
        elif op == 0x52 or op == 0x81:  # REDUCE, NEWOBJ
            if room[top - 2] & 31 != GLOBAL:
                return 1, start
            value = reduce(data, room, room[top - 2] >> 5, room[top - 1])
            release(room, room[top - 1])
            top -= 2
        elif op == 0x58 or op == 0x8C or op == 0x8D:  # BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
            if latin1_length(data, at - number, at) < 0 and not is_utf8(data, at - number, at):
                return 1, start
            value = (start << 8 | word_at(data, at - number, at, words)) << 5 | TEXT
        elif op == 0x61:  # APPEND
            if not append(room, room[top - 2], room[top - 1]):
                return 1, start
            top -= 1
            continue
        elif op == 0x62:  # BUILD
            if not build(data, room, room[top - 2], room[top - 1]):
                return 1, start
            release(room, room[top - 1])
            top -= 1
            continue
        elif op == 0x63:  # GLOBAL
            name = end_of_line(data, at) + 1
            stop = end_of_line(data, name)
            if stop >= data.size:
                return 1, start
            value = global_of(word_at(data, at, name - 1, words), word_at(data, name, stop, words), words)
            at = stop + 1
        elif op == 0x7D:  # EMPTY_DICT
            value = new(room, DICT, 0)
        elif op == 0x65:  # APPENDS
            for i in range(bottom, top):
                if not append(room, room[bottom - 1], room[i]):
                    return 1, start
            if room[bottom - 1] & 31 != LIST:
                return 1, start
            top = bottom
            continue
        elif op == 0x68 or op == 0x6A:  # BINGET, LONG_BINGET
            if number >= n_memo:
                return 1, start
            value = recall(room, number)
        elif op == 0x5D:  # EMPTY_LIST
            value = new(room, LIST, 0)
        elif op == 0x71 or op == 0x72 or op == 0x94:  # BINPUT, LONG_BINPUT, MEMOIZE
            number = n_memo if op == 0x94 else number
            if number > n_memo:
                return 1, start
            if room[MEMO] + number == room[ARENA]:
                return FULL, start
            remember(room, number, room[top - 1])
            n_memo += number == n_memo
            continue
        elif op == 0x73 or op == 0x75:  # SETITEM, SETITEMS
            bottom = top - 2 if op == 0x73 else bottom
            if (top - bottom) % 2 != 0:
                return 1, start
            for i in range(bottom, top, 2):
                status = set_item(room, room[bottom - 1], room[i], room[i + 1])
                if status != 0:
                    return status, start
            if top == bottom and room[bottom - 1] & 31 != DICT:
                return 1, start
            top = bottom
            continue
        elif op == 0x74:  # TUPLE
            value = new_tuple(room, bottom, top)
            top = bottom
        elif op == 0x29:  # EMPTY_TUPLE
            value = new_tuple(room, top, top)
        elif op == 0x47:  # BINFLOAT
            value = np.int64(OTHER)
        elif op == 0x80 or op == 0x95:  # PROTO, FRAME
            if number < 0 or number > (5 if op == 0x80 else data.size - at):
                return 1, start
            continue
        elif 0x85 <= op <= 0x87:  # TUPLE1, TUPLE2, TUPLE3
            bottom = top - (op - 0x84)
            value = new_tuple(room, bottom, top)
            top = bottom
        elif op == 0x88 or op == 0x89:  # NEWTRUE, NEWFALSE
            value = np.int64(BOOL)
        elif op == 0x8A:  # LONG1
            if number > 7:
                return 1, start
            value = little_endian(data, at - number, number)
            if number > 0 and data[at - 1] >= 0x80:
                value -= np.int64(1) << (8 * number)
            value = value << 5 | INT if abs(value) < 1 << 57 else np.int64(UNKNOWN)
        elif op == 0x42 or op == 0x43 or op == 0x8E or op == 0x96:  # BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
            value = start << 5 | BYTES
        elif op == 0x93:  # STACK_GLOBAL
            if room[top - 2] & 31 != TEXT or room[top - 1] & 31 != TEXT:
                return 1, start
            value = global_of((room[top - 2] >> 5) & 0xFF, (room[top - 1] >> 5) & 0xFF, words)
            top -= 2
        else:
            return 1, start

        if value & 31 == UNKNOWN:
            return FULL if value == NO_ROOM else 1, start
        if top == room[MARKS]:
            return FULL, start
        room[top] = value
        top += 1
    return 1, at
