"""The values that the interpreter of segments works on, and the one array, `room`, that holds them all.

A value is an int64: what it is in its low 5 bits, and above them its content. What is known of an object, its fact, is
one more int64; the content of an object is its place, the index in `room` of its fact. Nothing outside of this module
knows where the bits lie.

    kind                          content
    NONE, BOOL, OTHER             nothing (OTHER: a float)
    INT                           offset of its opcode in the file
    NUMBER                        offset of the opcode of the 8 bytes of a numpy scalar
    TEXT                          offset of its opcode in the file, and the number of its word
    BYTES                         offset of its opcode in the file; 0: no bytes at all
    GLOBAL                        what it means: the kind that it makes, or BUFFER, SCALAR, ENCODE, EMPTY_BYTES
    TUPLE                         place of its header in the arena, and its length; its values follow the header
    LIST, DICT, DTYPE ... INERT   place of its fact
    UNKNOWN                       not understood, NO_ROOM if there was no room for it

    object                        its fact
    LIST                          0 if empty; place of its first train and how many there are; -1: other things
    DICT                          place of its newest entry, or 0
    DTYPE                         its word (F8, I8 or 0), and BUILT
    ARRAY, QUANTITY               0, then offset of its bytes, its unit, and its form: UNREADABLE, ONE_NUMBER, NUMBERS
    DIMENSIONALITY                its unit (a word, or 0), BUILT, and USED
    UNIT                          its word (a unit of time, or 0), and BUILT
    TRAIN                         place of its three numbers
    TRAINS, SEGMENT               0, then its state, a value
    INERT                         BUILT or not: nothing else about it matters

`room`, whose HEAD says where each part begins:

    part          one thing is                                               it ends where this part begins
    STACK         a value                                                    MARKS
    MARKS         an index: how high the stack was                           MEMO
    MEMO          a value                                                    ARENA
    ARENA         a tuple: its slot in the memo (-1: none, -2: it stays),    OBJECTS
                  and then its values
    OBJECTS       a fact                                                     ENTRIES
    ENTRIES       of a dict: place of the next entry and a word; the value   TRAINS_READ
    TRAINS_READ   offset of the opcode of its times, how many, its neuron    GAPS
    GAPS          from which slot of the memo to which nothing is known      END

Why nothing outside of `room` is ever touched, whatever the bytes say. No place is read from the file: each is handed
out by a function here, and only after it has compared it with where its part ends (or by the interpreter's loop, for
the stack, the marks and the memo; it says so there). Numbers of the file stay there: a value keeps the offset of their
opcode. So a value of a kind that has a place was packed from a place that is there; facts and entries never move, and
are never freed; and a tuple is freed only while nothing but its own slot of the memo holds it, which forgets it then.
What is read at a place was written there before: no part is read above its end of the moment.

Two things are kept for trains.py. The first is which numbers of the file were read, and what for, since the last train:
all reading goes through `log_read`. The second is whether anything changed that was there before it: all facts are set
by `learn_fact`.
"""

from __future__ import annotations

from spikebin.kernels.jit import inlined, inner

NONE, BOOL, INT, OTHER, TEXT, BYTES, GLOBAL, TUPLE, LIST, DICT, NUMBER = range(11)
DTYPE, ARRAY, QUANTITY, DIMENSIONALITY, UNIT, TRAIN, TRAINS, SEGMENT, INERT = range(11, 20)
UNKNOWN = 31
NO_ROOM = 63

# What a global means, if it does not make an object of one of these kinds.
BUFFER, SCALAR, ENCODE, EMPTY_BYTES = range(20, 24)

# Words: the texts that mean something. Those that do not, modules and names of globals, are numbered from OTHER_WORDS.
SECOND, MILLISECOND, MICROSECOND, F8, I8, LITTLE, LATIN1, C_ORDER = range(1, 9)
ANNOTATIONS, SHEET_NAME, STIMULUS, SPIKETRAINS, OWN_SPIKETRAINS, ITEMS, SOURCE_ID, CHANNEL_ID = range(9, 17)
OTHER_WORDS = 20

UNREADABLE, ONE_NUMBER, NUMBERS = range(1, 4)
BUILT, USED = 64, 32

# The head of `room`: where its parts begin, and where the next thing of five of them goes.
STACK, MARKS, MEMO, ARENA, OBJECTS, ENTRIES, TRAINS_READ, GAPS, END = range(9)
NEXT_ARENA, NEXT_OBJECT, NEXT_ENTRY, NEXT_TRAIN, NEXT_GAP = range(9, 14)
# What was found: from where to where two texts are in the file; the trains; what all trains share.
SHEET, SHEET_END, PRESENTED, PRESENTED_END, FIRST, HOW_MANY = range(14, 20)
START, START_UNIT, STOP, STOP_UNIT, TIMES_UNIT = range(20, 25)
# What keeps a hostile file from making the work longer than the file: spikes, and letters counted, of all trains.
N_SPIKES, N_LETTERS = range(25, 27)
# For trains.py: whether it may learn patterns (the caller's to say); how many it knows, and has learned; where objects
# begin that are younger than the last train, and whether older ones changed since; how many numbers were read since.
BY_PATTERN, N_PATTERNS, N_LEARNED, YOUNG, TOUCHED, N_READS = range(27, 33)
# Offsets of their opcodes, and what they were read for; then what trains.py knows.
READS, MOST_READS = 40, 64
PATTERNS = READS + 2 * MOST_READS
HEAD = PATTERNS + 4800

# What a number was read for. FIXED: it must be this very one. A COUNT is that of the spikes whose bytes are at an
# offset, which is above these two bits.
FIXED, COUNT, NEURON = range(3)

# What the interpreter's functions report; FULL: a part of `room` is too small.
UNDERSTOOD, NOT_UNDERSTOOD, FULL = 0, 1, -1

_SLOT_NONE, _SLOT_KEPT = -1, -2


@inlined
def packed(kind, content):
    """A value."""
    return content << 5 | kind


@inlined
def kind_of(value):
    """What a value is."""
    return value & 31


@inlined
def content_of(value):
    """What is above a value's kind."""
    return value >> 5


@inlined
def spelled(kind, offset, word):
    """A TEXT, or BYTES, whose word is 0."""
    return packed(kind, offset << 8 | word)


@inlined
def offset_of(value):
    """Offset of the opcode of a TEXT or of BYTES."""
    return value >> 13


@inlined
def word_of(value):
    """Number of a TEXT's word; 0 if it has none, or if the value is not a TEXT."""
    return (value >> 5) & 0xFF if kind_of(value) == TEXT else 0


@inlined
def fact_of(room, value):
    """What is known of an object."""
    return room[content_of(value)]


@inlined
def learn_fact(room, value, fact):
    """Set what is known of an object."""
    place = content_of(value)
    if place < room[YOUNG] and room[place] != fact:
        touch(room)
    room[place] = fact


@inlined
def touch(room):
    """Something changed that was there before the last train: what it meant to trains is not known any more."""
    room[N_PATTERNS] = 0
    room[TOUCHED] = 1


@inlined
def log_read(room, offset, purpose):
    """Keep that the number of the opcode at `offset` was read; more than MOST_READS are counted, but not kept."""
    n = room[N_READS]
    if n < MOST_READS:
        room[READS + 2 * n], room[READS + 2 * n + 1] = offset, purpose
    room[N_READS] = n + 1


@inlined
def numbers_at(offset, form, unit):
    """Fact of an ARRAY or QUANTITY whose bytes are those of the opcode at `offset`."""
    return offset << 8 | unit << 4 | form


@inlined
def form_of(fact):
    """How the bytes of an ARRAY or QUANTITY are understood."""
    return fact & 3


@inlined
def unit_of(fact):
    """Unit of a QUANTITY, as a word, or 0."""
    return (fact >> 4) & 3


@inlined
def raw_of(fact):
    """Offset of the opcode of the bytes of an ARRAY or QUANTITY."""
    return fact >> 8


@inlined
def time_of(fact):
    """Unit of time of a UNIT or DIMENSIONALITY, as a word, or 0."""
    return fact & 3


@inlined
def new(room, kind, fact):
    """A new object, about which `fact` is known."""
    place = room[NEXT_OBJECT]
    if place == room[ENTRIES]:
        return NO_ROOM
    room[place] = fact
    room[NEXT_OBJECT] = place + 1
    return packed(kind, place)


@inner
def new_tuple(room, bottom, top):
    """A tuple of the values between two places of the stack."""
    place = room[NEXT_ARENA]
    length = top - bottom
    if place + 1 + length > room[OBJECTS]:
        return NO_ROOM
    if length >= 1 << 20:
        return UNKNOWN
    room[place] = _SLOT_NONE
    for i in range(length):
        room[place + 1 + i] = room[bottom + i]
    room[NEXT_ARENA] = place + 1 + length
    return packed(TUPLE, place << 20 | length)


@inlined
def header_of(value):
    """Place of a tuple's header."""
    return value >> 25


@inlined
def parts(value):
    """Place of a tuple's first value, and how many there are; -1 values for anything else."""
    if kind_of(value) != TUPLE:
        return 0, -1
    return header_of(value) + 1, content_of(value) & 0xFFFFF


@inlined
def remember(room, slot, value):
    """Put a value in the memo; a tuple keeps the slot if it is its only one."""
    room[room[MEMO] + slot] = value
    if kind_of(value) == TUPLE:
        header = header_of(value)
        room[header] = slot if room[header] == _SLOT_NONE else _SLOT_KEPT


@inner
def is_in_gap(room, slot):
    """Whether nothing is known of a slot of the memo. Gaps ascend."""
    low, high = room[GAPS], room[NEXT_GAP]
    while low < high:
        middle = low + ((high - low) >> 2 << 1)
        if slot < room[middle]:
            high = middle
        elif slot >= room[middle + 1]:
            low = middle + 2
        else:
            return True
    return False


@inlined
def recall(room, slot):
    """Get a value from the memo; a tuple that was got once is kept for ever."""
    value = room[room[MEMO] + slot]
    if kind_of(value) == TUPLE:
        room[header_of(value)] = _SLOT_KEPT
    return value


@inner
def release(room, value):
    """Free a tuple that a call or a state used up, if it is the arena's last and nobody else can hold it.

    Picklers memoize the arguments of every call and never come back for them. Freed, they leave the memo; a pickle
    that asks for one is not understood.
    """
    place, length = parts(value)
    if length < 0 or place + length != room[NEXT_ARENA] or room[place - 1] == _SLOT_KEPT:
        return
    slot = room[place - 1]
    if slot >= 0 and room[room[MEMO] + slot] == value:
        room[room[MEMO] + slot] = UNKNOWN
    room[NEXT_ARENA] = place - 1


@inner
def entry_of(room, target, word):
    """Place of a dict's entry for a word, or 0."""
    entry = fact_of(room, target)
    while entry > 0 and room[entry] & 31 != word:
        entry = room[entry] >> 5
    return entry


@inner
def get_item(room, target, word):
    """Value of a word in a dict; UNKNOWN if it has none, or is not a dict."""
    entry = entry_of(room, target, word) if kind_of(target) == DICT else 0
    return room[entry + 1] if entry > 0 else UNKNOWN


@inner
def put_item(room, target, word, value):
    """``target[word] = value`` for a dict; whether there was room."""
    entry = entry_of(room, target, word)
    if entry == 0:
        entry = room[NEXT_ENTRY]
        if entry + 2 > room[TRAINS_READ]:
            return False
        room[entry] = fact_of(room, target) << 5 | word
        room[NEXT_ENTRY] = entry + 2
        learn_fact(room, target, entry)
    elif content_of(target) < room[YOUNG]:
        touch(room)
    room[entry + 1] = value
    return True


@inlined
def first_train(fact):
    """Place of the first train in a LIST of nothing but trains in the order of their places."""
    return fact >> 24


@inlined
def n_trains(fact):
    """How many trains are in such a LIST."""
    return fact & 0xFFFFFF


@inner
def append(room, target, value):
    """``target.append(value)``; False if `target` is not a list."""
    if kind_of(target) != LIST:
        return False
    place = content_of(target)
    if place < room[YOUNG]:
        # The trains that are there mean what they did; but a train that does this does it to no other list.
        room[TOUCHED] = 1
    fact = room[place]
    train = fact_of(room, value) if kind_of(value) == TRAIN else -1
    if fact == 0 and train >= 0:
        room[place] = train << 24 | 1
    elif fact > 0 and train == first_train(fact) + 3 * n_trains(fact) and n_trains(fact) < 0xFFFFFF:
        room[place] = fact + 1
    else:
        room[place] = -1
    return True
