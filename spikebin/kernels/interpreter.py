"""The kernel that reads a segment's pickle as data: a stack machine whose values are numbers, and no object is made.

The loop knows what each opcode does to the stack; what a call or a state means is in objects.py, what a value is and
why nothing outside of `room` is touched, in values.py. Opcodes stand in the order of pickletools' table. Those that
neo, quantities, numpy and mozaik have no use for are not understood.

Why nothing outside of `data` is read: an opcode's argument is read after `at`, where the argument ends, was compared
with the file's size; and so are its text or bytes after their length was. Values keep offsets of such opcodes alone.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels import opcodes
from spikebin.kernels import values as v
from spikebin.kernels.jit import entry, inner, load_word
from spikebin.kernels.objects import build, finish, reduce, set_item
from spikebin.kernels.spellings import (
    eight_bytes,
    end_of_line,
    extent,
    is_text,
    is_utf8,
    latin1_length,
    little_endian,
    word_at,
)
from spikebin.kernels.survey import REFUSED, TO_MARK
from spikebin.kernels.trains import learn, start_learning, take_trains


@inner
def global_of(module, name, meanings):
    """Value of the global that two words name; `meanings` has a row for each: module, name, meaning."""
    for i in range(meanings.shape[0]):
        if meanings[i, 0] == module and meanings[i, 1] == name:
            return v.packed(v.GLOBAL, meanings[i, 2])
    return v.UNKNOWN


@entry
def interpret(data, argument, pops, words, meanings, room):
    """Read a segment's pickle, of a byte at least, without making an object of it; (status, offset of the opcode).

    `argument` and `pops` say of each opcode what follows it and what it takes from the stack, as
    `spikebin.pickles.opcode_table` describes; `words` are the known texts, as `word_at` takes them, and `meanings`
    those of globals.

    Status: UNDERSTOOD, and what was found is in `room`; NOT_UNDERSTOOD, an opcode, or a use of one, be it legal,
    damaged or hostile; FULL. Nothing but `room` is changed, whatever the bytes say.
    """
    room[v.NEXT_ARENA], room[v.NEXT_OBJECT] = room[v.ARENA], room[v.OBJECTS]
    room[v.NEXT_ENTRY], room[v.NEXT_TRAIN], room[v.NEXT_GAP] = room[v.ENTRIES], room[v.TRAINS_READ], room[v.GAPS]
    room[v.N_SPIKES], room[v.N_LETTERS] = 0, 0
    start_learning(room)
    # Offset 0 is then never that of a text or of bytes.
    if data[0] != opcodes.PROTO:
        return v.NOT_UNDERSTOOD, 0
    base = room[v.STACK]
    # `fence` is how high the stack was at the last mark: nothing below it may be taken but by the mark's own opcode.
    top, fence, mark, n_memo = base, base, room[v.MARKS], 0
    # Where the train begins that comes after the last, what was there then, and whether it may be learned from: it took
    # nothing from below `floor`. Slots of the memo below `known` were there, too, and are not in a gap.
    began, top_then, mark_then, memo_then, clean, floor, known = 0, base, mark, 0, False, base, 0
    at = 0
    while at < data.size:
        made_train = False
        while at < data.size:
            start = at
            op = data[at]
            # Half of all opcodes are these two. Where they would go over a bound, they go the way of all others.
            if op == opcodes.BINGET and at + 1 < data.size and data[at + 1] < known and top < room[v.MARKS]:
                slot = np.int64(data[at + 1])
                room[top] = v.recall(room, slot)
                if v.kind_of(room[top]) == v.UNKNOWN:
                    return v.NOT_UNDERSTOOD, start
                top += 1
                at += 2
                continue
            if op == opcodes.MEMOIZE and top > floor and room[v.MEMO] + n_memo < room[v.ARENA]:
                v.remember(room, n_memo, room[top - 1])
                n_memo += 1
                at += 1
                continue

            width = argument[op]
            at += 1 + abs(width)
            if width == REFUSED or at > data.size:
                return v.NOT_UNDERSTOOD, start
            number = little_endian(data, start + 1, abs(width))
            if width < 0:
                if number < 0 or number > data.size - at:
                    return v.NOT_UNDERSTOOD, start
                at += number
            bottom = fence
            taken = top - pops[op]
            if pops[op] >= TO_MARK:
                if mark == room[v.MARKS]:
                    return v.NOT_UNDERSTOOD, start
                mark -= 1
                fence = room[mark - 1] if mark > room[v.MARKS] else base
                taken = bottom - (pops[op] - TO_MARK)
                clean &= mark >= mark_then
                floor = max(fence, top_then)
            if taken < floor:
                if taken < fence:
                    return v.NOT_UNDERSTOOD, start
                clean, floor, top_then = False, fence, base

            # Each branch leaves in `value` what is pushed below, or goes on by itself.
            if op == opcodes.BININT or op == opcodes.BININT1 or op == opcodes.BININT2:
                value = v.packed(v.INT, start)
            elif op == opcodes.LONG1:
                if number > 7:
                    return v.NOT_UNDERSTOOD, start
                value = v.packed(v.INT, start)
            elif (
                op == opcodes.BINBYTES
                or op == opcodes.SHORT_BINBYTES
                or op == opcodes.BINBYTES8
                or op == opcodes.BYTEARRAY8
            ):
                value = v.spelled(v.BYTES, start, 0)
            elif op == opcodes.NONE:
                value = np.int64(v.NONE)
            elif op == opcodes.NEWTRUE or op == opcodes.NEWFALSE:
                value = np.int64(v.BOOL)
            elif op == opcodes.SHORT_BINUNICODE or op == opcodes.BINUNICODE or op == opcodes.BINUNICODE8:
                if latin1_length(data, at - number, at) < 0 and not is_utf8(data, at - number, at):
                    return v.NOT_UNDERSTOOD, start
                value = v.spelled(v.TEXT, start, word_at(data, at - number, at, words))
            elif op == opcodes.BINFLOAT:
                value = np.int64(v.OTHER)
            elif op == opcodes.EMPTY_LIST:
                value = v.new(room, v.LIST, 0)
            elif op == opcodes.APPEND:
                if not v.append(room, room[top - 2], room[top - 1]):
                    return v.NOT_UNDERSTOOD, start
                top -= 1
                continue
            elif op == opcodes.APPENDS:
                for i in range(bottom, top):
                    if not v.append(room, room[bottom - 1], room[i]):
                        return v.NOT_UNDERSTOOD, start
                if v.kind_of(room[bottom - 1]) != v.LIST:
                    return v.NOT_UNDERSTOOD, start
                top = bottom
                continue
            elif op == opcodes.EMPTY_TUPLE:
                value = v.new_tuple(room, top, top)
            elif op == opcodes.TUPLE:
                value = v.new_tuple(room, bottom, top)
                top = bottom
            elif op == opcodes.TUPLE1 or op == opcodes.TUPLE2 or op == opcodes.TUPLE3:
                bottom = top - pops[op]
                value = v.new_tuple(room, bottom, top)
                top = bottom
            elif op == opcodes.EMPTY_DICT:
                value = v.new(room, v.DICT, 0)
            elif op == opcodes.SETITEM or op == opcodes.SETITEMS:
                bottom = top - 2 if op == opcodes.SETITEM else bottom
                if (top - bottom) % 2 != 0:
                    return v.NOT_UNDERSTOOD, start
                for i in range(bottom, top, 2):
                    status = set_item(data, room, room[bottom - 1], room[i], room[i + 1])
                    if status != v.UNDERSTOOD:
                        return status, start
                if top == bottom and v.kind_of(room[bottom - 1]) != v.DICT:
                    return v.NOT_UNDERSTOOD, start
                top = bottom
                continue
            elif op == opcodes.MARK:
                if mark == room[v.MEMO]:
                    return v.FULL, start
                room[mark] = top
                mark += 1
                fence = floor = top
                continue
            elif op == opcodes.BINGET or op == opcodes.LONG_BINGET:
                if number >= n_memo or v.is_in_gap(room, number):
                    return v.NOT_UNDERSTOOD, start
                clean &= number < memo_then
                value = v.recall(room, number)
            elif op == opcodes.BINPUT or op == opcodes.LONG_BINPUT or op == opcodes.MEMOIZE:
                number = n_memo if op == opcodes.MEMOIZE else number
                if number > n_memo:
                    return v.NOT_UNDERSTOOD, start
                if room[v.MEMO] + number == room[v.ARENA]:
                    return v.FULL, start
                if number < n_memo:
                    v.touch(room)
                clean &= op == opcodes.MEMOIZE
                v.remember(room, number, room[top - 1])
                n_memo += number == n_memo
                continue
            elif op == opcodes.GLOBAL:
                name = end_of_line(data, at) + 1
                stop = end_of_line(data, name)
                if stop >= data.size:
                    return v.NOT_UNDERSTOOD, start
                value = global_of(word_at(data, at, name - 1, words), word_at(data, name, stop, words), meanings)
                at = stop + 1
            elif op == opcodes.STACK_GLOBAL:
                value = global_of(v.word_of(room[top - 2]), v.word_of(room[top - 1]), meanings)
                top -= 2
            elif op == opcodes.REDUCE or op == opcodes.NEWOBJ:
                if v.kind_of(room[top - 2]) != v.GLOBAL:
                    return v.NOT_UNDERSTOOD, start
                value = reduce(data, room, v.content_of(room[top - 2]), room[top - 1])
                v.release(room, room[top - 1])
                top -= 2
            elif op == opcodes.BUILD:
                if not build(data, room, room[top - 2], room[top - 1]):
                    return v.NOT_UNDERSTOOD, start
                v.release(room, room[top - 1])
                top -= 1
                continue
            elif op == opcodes.PROTO or op == opcodes.FRAME:
                if number < 0 or number > (5 if op == opcodes.PROTO else data.size - at):
                    return v.NOT_UNDERSTOOD, start
                clean = False
                continue
            elif op == opcodes.STOP:
                return v.UNDERSTOOD if finish(data, room, room[top - 1]) else v.NOT_UNDERSTOOD, start
            else:
                return v.NOT_UNDERSTOOD, start

            if v.kind_of(value) == v.UNKNOWN:
                return v.FULL if value == v.NO_ROOM else v.NOT_UNDERSTOOD, start
            if top == room[v.MARKS]:
                return v.FULL, start
            room[top] = value
            top += 1
            if op == opcodes.REDUCE and v.kind_of(value) == v.TRAIN:
                made_train = True
                break
        if not made_train:
            break
        if at < data.size and data[at] == opcodes.MEMOIZE and room[v.MEMO] + n_memo < room[v.ARENA]:
            v.remember(room, n_memo, value)
            n_memo += 1
            at += 1
        if clean and room[v.TOUCHED] == 0 and top == top_then + 1 and mark == mark_then:
            learn(data, argument, room, began, at, n_memo - memo_then)
        if room[v.NEXT_GAP] == room[v.GAPS]:
            known = n_memo
        at, top, n_memo = take_trains(data, room, at, top, n_memo)
        began, top_then, mark_then, memo_then, clean, floor = at, top, mark, n_memo, True, top
        room[v.YOUNG], room[v.TOUCHED], room[v.N_READS] = room[v.NEXT_OBJECT], 0, 0
    return v.NOT_UNDERSTOOD, at


@entry
def gather(data, room, bits):
    """Copy the times of the trains that `interpret` found to `bits`, the int64 view of a float64 array."""
    k = 0
    for train in range(room[v.FIRST], room[v.FIRST] + 3 * room[v.HOW_MANY], 3):
        at = extent(data, room[train])[0]
        if is_text(data, room[train]):
            for _ in range(room[train + 1]):
                bits[k], at = eight_bytes(data, at, True)
                k += 1
        else:
            for _ in range(room[train + 1]):
                bits[k] = load_word(data, at)
                at += 8
                k += 1
