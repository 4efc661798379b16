"""What the calls, items and states in a segment's pickle make: of neo, quantities and numpy, by what a global means.

What an argument may be stands where it is used. What is not understood is UNKNOWN or False, and the interpreter stops.
The table that says which global means what is in spikebin/pickles/meanings.py; how values are packed, in values.py.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels import opcodes
from spikebin.kernels import values as v
from spikebin.kernels.jit import inner
from spikebin.kernels.spellings import extent, first_bits, is_text, latin1_length, whole_number

ONE = np.int64(0x3FF0000000000000)


@inner
def is_int(data, room, value, number, purpose):
    """Whether a value is this INT."""
    if v.kind_of(value) != v.INT:
        return False
    v.log_read(room, v.content_of(value), purpose)
    return whole_number(data, v.content_of(value)) == number


@inner
def bits_of(data, room, offset, purpose):
    """Bits of the one number in the bytes of the opcode at `offset`."""
    v.log_read(room, offset, purpose)
    return first_bits(data, offset)


@inner
def n_bytes_of(data, at, room):
    """Length of the bytes of the opcode at `at`; those of a text are its characters in latin-1, -1 if it has others.

    A pickle of neo's has each text counted three times; -1 too for one that has the same ones counted without end.
    """
    start, stop = extent(data, at)
    if not is_text(data, at):
        return stop - start
    room[v.N_LETTERS] += stop - start
    return latin1_length(data, start, stop) if room[v.N_LETTERS] <= 4 * data.size else -1


@inner
def numbers_fact(data, room, shape, dtype, order_known, raw, unit):
    """Fact of an array: how many little-endian float64 it has and where, if its shape and its bytes agree."""
    at, n_dimensions = v.parts(shape)
    if v.kind_of(dtype) != v.DTYPE or v.kind_of(raw) != v.BYTES or not order_known:
        return v.UNREADABLE
    if n_dimensions < 0 or n_dimensions > 1:
        return v.UNREADABLE
    offset = v.offset_of(raw)
    n_bytes = n_bytes_of(data, offset, room)
    if v.fact_of(room, dtype) != v.BUILT | v.F8 or n_bytes % 8 != 0:
        return v.UNREADABLE
    if n_dimensions == 0:
        return v.numbers_at(offset, v.ONE_NUMBER, unit) if n_bytes == 8 else v.UNREADABLE
    fits = is_int(data, room, room[at], n_bytes // 8, offset << 2 | v.COUNT)
    return v.numbers_at(offset, v.NUMBERS, unit) if fits else v.UNREADABLE


@inner
def state_fact(data, room, at, unit):
    """Fact of an array whose state lies at `at` in the arena: 1, shape, dtype, Fortran order, bytes."""
    raw = room[at + 4]
    known = is_int(data, room, room[at], 1, v.FIXED) and v.kind_of(room[at + 3]) == v.BOOL and v.kind_of(raw) == v.BYTES
    # numpy takes no bytearray there.
    if not known or data[v.offset_of(raw)] == opcodes.BYTEARRAY8:
        return v.UNREADABLE
    return numbers_fact(data, room, room[at + 1], room[at + 2], True, raw, unit)


@inner
def reduce(data, room, meaning, args):
    """What a call makes: of a global's meaning and a tuple of arguments, for REDUCE and NEWOBJ alike."""
    at, length = v.parts(args)
    if length < 0:
        return v.UNKNOWN
    if meaning == v.TRAIN:
        return new_train(data, room, at) if length == 17 else v.UNKNOWN
    if meaning == v.BUFFER:  # bytes, dtype, shape, order
        if length != 4:
            return v.UNKNOWN
        is_c = v.word_of(room[at + 3]) == v.C_ORDER
        return v.new(room, v.ARRAY, numbers_fact(data, room, room[at + 2], room[at + 1], is_c, room[at], 0))
    if meaning == v.SCALAR:  # dtype, bytes
        return new_scalar(data, room, room[at], room[at + 1]) if length == 2 else v.UNKNOWN
    if meaning == v.DTYPE:  # type, align, copy
        known = length == 3 and v.kind_of(room[at + 1]) == v.BOOL and v.kind_of(room[at + 2]) == v.BOOL
        word = v.word_of(room[at]) if known else 0
        return v.new(room, v.DTYPE, word if word == v.F8 or word == v.I8 else 0)
    if meaning == v.UNIT:  # name, ...
        word = v.word_of(room[at]) if length > 0 else 0
        return v.new(room, v.UNIT, word if v.SECOND <= word <= v.MICROSECOND else 0)
    if meaning == v.ENCODE:  # text, "latin1"
        if length != 2 or v.kind_of(room[at]) != v.TEXT or v.word_of(room[at + 1]) != v.LATIN1:
            return v.UNKNOWN
        offset = v.offset_of(room[at])
        return v.spelled(v.BYTES, offset, 0) if n_bytes_of(data, offset, room) >= 0 else v.UNKNOWN
    if meaning == v.EMPTY_BYTES:
        return v.spelled(v.BYTES, 0, 0) if length == 0 else v.UNKNOWN
    return v.new(room, meaning, 0)


@inner
def new_scalar(data, room, dtype, raw):
    """A number that numpy pickled: a NUMBER if it is an int64, INERT if not."""
    if v.kind_of(dtype) != v.DTYPE or v.kind_of(raw) != v.BYTES:
        return v.UNKNOWN
    offset = v.offset_of(raw)
    is_i8 = v.fact_of(room, dtype) == v.BUILT | v.I8
    if not is_i8 or n_bytes_of(data, offset, room) != 8 or data[offset] == opcodes.BYTEARRAY8:
        return v.new(room, v.INERT, 0)
    return v.packed(v.NUMBER, offset)


@inner
def neuron_of(data, room, annotations):
    """Neuron of a train, by its annotations: one of the two keys that name it, not both; and whether that is known."""
    source, channel = v.get_item(room, annotations, v.SOURCE_ID), v.get_item(room, annotations, v.CHANNEL_ID)
    if source != v.UNKNOWN and channel != v.UNKNOWN:
        return 0, False
    neuron = channel if source == v.UNKNOWN else source
    if v.kind_of(neuron) == v.NUMBER:
        return bits_of(data, room, v.content_of(neuron), v.NEURON), True
    if v.kind_of(neuron) == v.INT:
        v.log_read(room, v.content_of(neuron), v.NEURON)
        return whole_number(data, v.content_of(neuron)), True
    return 0, False


@inner
def same_span(room, start_bits, start_unit, stop_bits, stop_unit, times_unit):
    """Whether a train has the t_start, t_stop and units of the first, and those are numbers; the first sets them."""
    if room[v.NEXT_TRAIN] == room[v.TRAINS_READ]:
        room[v.START], room[v.START_UNIT] = start_bits, start_unit
        room[v.STOP], room[v.STOP_UNIT] = stop_bits, stop_unit
        room[v.TIMES_UNIT] = times_unit
    same = room[v.START] == start_bits and room[v.START_UNIT] == start_unit and room[v.TIMES_UNIT] == times_unit
    same = same and room[v.STOP] == stop_bits and room[v.STOP_UNIT] == stop_unit
    # All bits of the exponent: NaN or infinite.
    return same and (start_bits >> 52) & 0x7FF != 0x7FF and (stop_bits >> 52) & 0x7FF != 0x7FF


@inner
def add_train(room, offset, n_bytes, neuron, size):
    """A train whose times are the bytes of the opcode at `offset`; all of them together fill the file at most once."""
    place = room[v.NEXT_TRAIN]
    if place + 3 > room[v.GAPS]:
        return v.NO_ROOM
    room[v.N_SPIKES] += n_bytes // 8
    if n_bytes < 0 or 8 * room[v.N_SPIKES] > size:
        return v.UNKNOWN
    room[place] = offset
    room[place + 1] = n_bytes // 8
    room[place + 2] = neuron
    room[v.NEXT_TRAIN] = place + 3
    return v.new(room, v.TRAIN, place)


@inner
def new_train(data, room, at):
    """A spike train of the 17 arguments from `at` on in the arena: cls, times, t_stop, units, ..., t_start, ..."""
    if v.kind_of(room[at + 1]) != v.ARRAY:
        return v.UNKNOWN
    for i in (2, 3, 7):
        if v.kind_of(room[at + i]) != v.QUANTITY or v.form_of(v.fact_of(room, room[at + i])) != v.ONE_NUMBER:
            return v.UNKNOWN
    times, stop = v.fact_of(room, room[at + 1]), v.fact_of(room, room[at + 2])
    units, start = v.fact_of(room, room[at + 3]), v.fact_of(room, room[at + 7])
    if v.form_of(times) != v.NUMBERS or bits_of(data, room, v.raw_of(units), v.FIXED) != ONE:
        return v.UNKNOWN
    start_bits = bits_of(data, room, v.raw_of(start), v.FIXED)
    stop_bits = bits_of(data, room, v.raw_of(stop), v.FIXED)
    if not same_span(room, start_bits, v.unit_of(start), stop_bits, v.unit_of(stop), v.unit_of(units)):
        return v.UNKNOWN
    neuron, known = neuron_of(data, room, room[at + 14])
    if not known:
        return v.UNKNOWN
    offset = v.raw_of(times)
    return add_train(room, offset, n_bytes_of(data, offset, room), neuron, data.size)


@inner
def set_item(data, room, target, key, value):
    """``target[key] = value``; the interpreter's status."""
    if v.kind_of(target) == v.DIMENSIONALITY and v.fact_of(room, target) & v.USED == 0:
        # One unit to the power of one; with a second item, or another power, it is not a unit of time.
        alone = v.fact_of(room, target) == 0 and v.kind_of(key) == v.UNIT and is_int(data, room, value, 1, v.FIXED)
        v.learn_fact(room, target, v.BUILT | (v.time_of(v.fact_of(room, key)) if alone else 0))
        return v.UNDERSTOOD
    if v.kind_of(target) != v.DICT or (v.kind_of(key) != v.TEXT and v.kind_of(key) != v.INT):
        return v.NOT_UNDERSTOOD
    if v.ANNOTATIONS <= v.word_of(key) <= v.CHANNEL_ID and not v.put_item(room, target, v.word_of(key), value):
        return v.FULL
    return v.UNDERSTOOD


@inner
def build(data, room, target, state):
    """Give an object its state; False if that is not understood, as a second state is not."""
    kind = v.kind_of(target)
    if kind == v.TRAINS or kind == v.SEGMENT:
        if v.fact_of(room, target) != 0 or v.kind_of(state) != v.DICT:
            return False
        v.learn_fact(room, target, state)
        return True
    if kind == v.ARRAY or kind == v.QUANTITY:
        if v.fact_of(room, target) != 0 or v.kind_of(state) == v.NONE:
            return False
        at, length = v.parts(state)
        fact = v.UNREADABLE
        if kind == v.ARRAY and length == 5:
            fact = state_fact(data, room, at, 0)
        elif kind == v.QUANTITY and length == 6 and v.kind_of(room[at + 5]) == v.DIMENSIONALITY:
            unit = v.time_of(v.fact_of(room, room[at + 5]))
            v.learn_fact(room, room[at + 5], v.fact_of(room, room[at + 5]) | v.USED)
            if unit > 0:
                fact = state_fact(data, room, at, unit)
        v.learn_fact(room, target, fact)
        return True
    if kind == v.DTYPE or kind == v.UNIT or kind == v.INERT:
        if v.fact_of(room, target) & v.BUILT != 0 or v.kind_of(state) == v.NONE:
            return False
        known = v.fact_of(room, target) if kind != v.DTYPE or is_little_endian(data, room, state) else 0
        v.learn_fact(room, target, known | v.BUILT)
        return True
    return False


@inner
def is_little_endian(data, room, state):
    """Whether a dtype's state is that of a plain little-endian number: 3, "<", None, None, None, -1, -1, 0."""
    at, length = v.parts(state)
    if length != 8 or not is_int(data, room, room[at], 3, v.FIXED) or v.word_of(room[at + 1]) != v.LITTLE:
        return False
    plain = True
    for i in range(2, 8):
        plain &= v.kind_of(room[at + i]) == (v.NONE if i < 5 else v.INT)
    return plain


@inner
def finish(data, room, value):
    """Find the segment's texts and trains; whether all are there."""
    if v.kind_of(value) != v.SEGMENT:
        return False
    state = v.fact_of(room, value)
    annotations = v.get_item(room, state, v.ANNOTATIONS)
    sheet, stimulus = v.get_item(room, annotations, v.SHEET_NAME), v.get_item(room, annotations, v.STIMULUS)
    trains = v.get_item(room, state, v.OWN_SPIKETRAINS)
    if trains == v.UNKNOWN:
        trains = v.get_item(room, state, v.SPIKETRAINS)
    if v.kind_of(trains) == v.TRAINS:
        trains = v.get_item(room, v.fact_of(room, trains), v.ITEMS)
    if v.kind_of(sheet) != v.TEXT or v.kind_of(stimulus) != v.TEXT or v.kind_of(trains) != v.LIST:
        return False
    fact = v.fact_of(room, trains)
    if fact <= 0:
        return False
    room[v.SHEET], room[v.SHEET_END] = extent(data, v.offset_of(sheet))
    room[v.PRESENTED], room[v.PRESENTED_END] = extent(data, v.offset_of(stimulus))
    room[v.FIRST], room[v.HOW_MANY] = v.first_train(fact), v.n_trains(fact)
    return True
