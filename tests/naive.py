"""The slow, obvious twin of every kernel: what a student would write, in plain Python."""

from __future__ import annotations

import io
import itertools
import math
import pickletools
import re
import struct
from fractions import Fraction

import numpy as np

# Every float is a whole number of these.
SMALLEST = 2**1074
OUTSIDE = -1
NOT_FINITE = -2


# How an edge is met by times that were stored as float64: 1e-8, 1e-7 bins, or 8 ulp.
def double(width):
    return max(1e-8, 1e-7 * width), 0.0, 8.0, 1.0


def tolerance_of(farthest, edge):
    least, _, ulps, unit = edge
    return max(least, ulps * math.ulp(farthest / unit) * unit)


def exactly(number):
    over, under = float(number).as_integer_ratio()
    return over * (SMALLEST // under)


def bin_of(time, start, stop, width, right, end_bin, n_bins, edge=None, guard=None):
    time, start, stop, width = float(time), float(start), float(stop), float(width)
    if not math.isfinite(time):
        return NOT_FINITE
    tolerance = exactly(tolerance_of(max(abs(time), abs(start)), edge or double(width)))
    t, t0, t1, w = exactly(time), exactly(start), exactly(stop), exactly(width)
    if t > t1 + tolerance or t < t0 - tolerance:
        return OUTSIDE
    if not right and not end_bin and t >= t1 - tolerance:
        return OUTSIDE
    k = (t - t0) // w
    nearest = (t - t0 + w // 2) // w
    if abs(t - (t0 + nearest * w)) <= tolerance:
        k = nearest - 1 if right else nearest
    return k if 0 <= k < n_bins else OUTSIDE


def n_bins(start, stop, width, end_bin, edge=None):
    tolerance = Fraction(tolerance_of(max(abs(start), abs(stop)), edge or double(width)))
    duration, w = Fraction(stop) - Fraction(start), Fraction(width)
    nearest = round(duration / w)
    if abs(duration - nearest * w) <= tolerance:
        return nearest + end_bin
    return math.floor(duration / w) + 1


def flatten(times, rows, start, stop, width, right, end_bin, n_bins, edge, first_bin, n_columns, flat):
    n_inside = 0
    for i, (time, row) in enumerate(zip(times, rows, strict=True)):
        k = bin_of(time, start, stop, width, right, end_bin, n_bins, edge)
        if k == NOT_FINITE:
            return n_inside, i
        if k != OUTSIDE:
            flat[n_inside] = row * n_columns + first_bin + k
            n_inside += 1
    return n_inside, -1


def mark(times, rows, start, stop, width, right, end_bin, n_bins, edge, first_row, last_row, out):
    return count(times, rows, start, stop, width, right, end_bin, n_bins, edge, 1, first_row, last_row, out)


def count(times, rows, start, stop, width, right, end_bin, n_bins, edge, full, first_row, last_row, out):
    n_inside = n_collisions = 0
    for i, (time, row) in enumerate(zip(times, rows, strict=True)):
        if row not in range(first_row, last_row):
            continue
        k = bin_of(time, start, stop, width, right, end_bin, n_bins, edge)
        if k == NOT_FINITE:
            return n_inside, n_collisions, i
        if k == OUTSIDE:
            continue
        n_inside += 1
        if out[row * n_bins + k] == full:
            n_collisions += 1
        else:
            out[row * n_bins + k] += 1
    return n_inside, n_collisions, -1


def disorder(times):
    for i, time in enumerate(times):
        if not math.isfinite(time) or (i and time < times[i - 1]):
            return i
    return -1


def fill_windows(times, rows, step, starts, stops, trials, margin, width, right, end_bin, n_bins, edge, full, out):
    n_spikes = n_inside = n_collisions = 0
    for start, stop, trial in zip(starts, stops, trials, strict=True):
        for i, time in enumerate(times):
            row = rows[i] if step else rows[0]
            k = bin_of(time, start, stop, width, right, end_bin, n_bins, edge)
            n_spikes += start - margin <= time <= stop + margin
            n_inside += k >= 0
            if k >= 0 and out[trial, row, k] == full:
                n_collisions += 1
            elif k >= 0:
                out[trial, row, k] += 1
    return n_spikes, n_inside, n_collisions


def merge(flat, full, counts):
    unique = sorted(set(flat.tolist()))
    n_collisions = 0
    times = {u: flat.tolist().count(u) for u in unique}
    for i, u in enumerate(unique):
        flat[i] = u
        counts[i] = min(times[u], full)
        n_collisions += times[u] - min(times[u], full)
    return len(unique), n_collisions


def cells_of(flat, values, n_columns):
    """{row: [(bin, value)]} of the events of a trial."""
    rows = {}
    for cell, value in zip(flat.tolist(), values.tolist(), strict=True):
        rows.setdefault(cell // n_columns, []).append((cell % n_columns, value))
    return rows


def pick(flat, values, n_columns, place, out_flat, out_values):
    n = 0
    for row, events in cells_of(flat, values, n_columns).items():
        for bin_, value in events:
            if place[row] >= 0:
                out_flat[n], out_values[n] = place[row] * n_columns + bin_, value
                n += 1
    return n


def add_rows(flat, values, n_columns, coarse, out):
    for row, events in cells_of(flat, values, n_columns).items():
        for w in range(len(coarse)):
            out[w, row] += sum(value for bin_, value in events if coarse[w, bin_] >= 0)


def add_cells(flat, values, n_columns, coarse, bin_counts, histogram, sums):
    for w in range(len(coarse)):
        for events in cells_of(flat, values, n_columns).values():
            cells = {}
            for bin_, value in events:
                if coarse[w, bin_] >= 0:
                    cells[coarse[w, bin_]] = cells.get(coarse[w, bin_], 0) + value
            for bin_, cell in cells.items():
                bin_counts[w, bin_] += cell
                histogram[w, cell] += 1
                sums[w] += cell, cell**2, 1


def add_intervals(flat, values, n_columns, out):
    for row, events in cells_of(flat, values, n_columns).items():
        times = [bin_ for bin_, value in events for _ in range(value)]
        for before, after in itertools.pairwise(times):
            out[:, row] += 1, after - before, (after - before) ** 2


def add_products(bins, rows, values, out):
    for bin_ in set(bins.tolist()):
        held = {}
        for b, row, value in zip(bins.tolist(), rows.tolist(), values.tolist(), strict=True):
            if b == bin_:
                held[row] = held.get(row, 0) + value
        for i, j in itertools.combinations_with_replacement(sorted(held), 2):
            out[i, j] += held[i] * held[j]


# --- views


def shuffle_bits(items, block):
    """Items of one byte with the bits of each block in planes; what does not fill up a byte of a plane comes last."""
    shuffled = np.empty_like(items)
    for start in range(0, items.size, block):
        whole = block // 8 * 8
        bits = np.unpackbits(items[start : start + whole].reshape(-1, 1), axis=1, bitorder="little")
        shuffled[start : start + whole] = np.packbits(bits.T.reshape(-1), bitorder="little")
        shuffled[start + whole : start + block] = items[start + whole : start + block]
    return shuffled


def list_gaps(gaps, row_at, n_columns):
    """[(row, bin)], or None where the gaps are damaged."""
    cell, found = -1, []
    for gap in gaps.tolist():
        if gap == 0:
            break
        cell += gap
        if gap < 0 or cell >= len(row_at) * n_columns:
            return None
        found.append((int(row_at[cell // n_columns]), cell % n_columns))
    return found


def move_rows(cells, places, n_columns):
    """[(cell of the other order, which it was)]."""
    return sorted((int(places[cell // n_columns]) * n_columns + cell % n_columns, i) for i, cell in enumerate(cells))


def list_items(items, width, first_row, first_bin, n_rows, n_bins):
    """[(row, bin, value)], or None where an item lies outside."""
    found = []
    for i, item in enumerate(items.tolist()):
        row, bin_ = divmod(i, width)
        if item and (row >= n_rows or bin_ >= n_bins):
            return None
        if item:
            found.append((first_row + row, first_bin + bin_, item))
    return found


def add_events(rows, bins, values, row_of, column_of, held, once):
    """The numbers that an array (row, column) holds afterwards."""
    held = held.copy()
    for row, bin_, value in zip(rows.tolist(), bins.tolist(), values.tolist(), strict=True):
        if row_of[row] >= 0 and column_of[bin_] >= 0:
            cell = row_of[row], column_of[bin_]
            held[cell] = 1 if once else held[cell] + value
    return held


# --- frames


def cut_planes(chunk, first, n_blocks, magic, descriptor, size, width):
    """A chunk whose frames stand for the first `width` of their `size` bytes; None where what follows may not be 0."""
    table = chunk[first : first + 4 * n_blocks]
    if len(table) < 4 * n_blocks:
        return None
    head = magic.to_bytes(4, "little") + bytes([descriptor]) + size.to_bytes(4, "little")
    streams = []
    for i in range(n_blocks):
        start = little_endian(table[4 * i :], 4)
        length = little_endian(chunk[start:], 4)
        frame = chunk[start + 4 : start + 4 + length]
        if not first + 4 * n_blocks <= start <= len(chunk) - 4 or len(frame) < length:
            return None
        blocks, rest = [], frame[len(head) :]
        while rest:
            kind, n = rest[0] >> 1 & 3, little_endian(rest, 3) >> 3
            stop = 3 + (1 if kind == 1 else n)
            if len(rest) < max(4, stop) or (blocks and blocks[-1][0] & 1):
                return None
            blocks.append(rest[:stop])
            rest = rest[stop:]
        if not frame:
            streams.append(b"")
            continue
        if not (frame.startswith(head) and blocks and blocks[-1][0] & 1):
            return None
        zeros = 0
        while blocks and blocks[-1][0] >> 1 & 3 == 1 and blocks[-1][3] == 0:
            zeros += little_endian(blocks.pop(), 3) >> 3
        if zeros != size - width or not blocks:
            return None
        blocks[-1] = bytes([blocks[-1][0] | 1]) + blocks[-1][1:]
        streams.append(head[:5] + width.to_bytes(4, "little") + b"".join(blocks))
    at, starts = first + 4 * n_blocks, b""
    for stream in streams:
        starts += at.to_bytes(4, "little")
        at += 4 + len(stream)
    sized = b"".join(len(stream).to_bytes(4, "little") + stream for stream in streams)
    return chunk[:first] + starts + sized


# --- pickles


def little_endian(data, n):
    number = int.from_bytes(data[:n], "little")
    return number if number < 2**63 else -1


def signed(number, n):
    return int.from_bytes(number.to_bytes(n, "little"), "little", signed=True)


def end_of_line(data, at):
    return at + len(data[at:].split(b"\n")[0])


def decimal(data):
    return int(data) if len(data) <= 9 and data.isdigit() else -1


def odd_escape(data):
    at = 0
    while (at := data.find(b"\\", at)) >= 0:
        if not re.match(rb"""\\([\\'"abfnrtvx]|[0-3]|[4-7](?![0-7]{2}))""", data[at:]):
            return at
        at += 2
    return -1


def latin1_length(data):
    try:
        return len(data.decode().encode("latin1"))
    except UnicodeError:
        return -1


def is_utf8(data):
    try:
        data.decode()
    except UnicodeError:
        return False
    return True


def text_or_bytes(data, at):
    """Argument of the opcode of a text or of bytes, and whether it is one of text."""
    _, argument, _ = next(pickletools.genops(data[at:] + b"."))
    return (argument.encode(), True) if isinstance(argument, str) else (bytes(argument), False)


def survey(data):
    """Status of the kernel, by the module that documents the opcodes; `data` is the whole file."""
    elsewhere = {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"}
    at = 0
    while at < len(data):
        op = pickletools.code2op.get(chr(data[at]))
        if op is None or op.name in elsewhere:
            return 2
        at += 1
        if op.name == "STOP":
            return 0
        n = op.arg.n if op.arg else 0
        if op.name in {"GLOBAL", "INST"} or n == pickletools.UP_TO_NEWLINE:
            for _ in range(2 if op.name in {"GLOBAL", "INST"} else 1):
                if b"\n" not in data[at:]:
                    return 1
                at = data.index(b"\n", at) + 1
            continue
        width = n if n >= 0 else {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT8U: 8}.get(n, 4)
        if at + width > len(data):
            return 1
        length = int.from_bytes(data[at : at + width], "little")
        at += width
        if n < 0 or op.name == "FRAME":
            if at + length > len(data):
                return 3
            at += length if n < 0 else 0
    return 1


class NotUnderstood(Exception):  # noqa: N818
    pass


def need(condition):
    if not condition:
        raise NotUnderstood


class Text(str):
    __slots__ = ()


class Raw:
    """Bytes, and how they are spelled: as a text, a bytearray, or plainly."""

    def __init__(self, content, how="bytes"):
        self.content, self.how = content, how


class Number:
    """An int64 of numpy's."""

    def __init__(self, number):
        self.number = number


class Meaning(str):
    __slots__ = ()


class Tuple(list):
    """`slots` are those of the memo that hold it, and one more for each time that it was fetched."""

    def __init__(self, items):
        super().__init__(items)
        self.slots = []


class Thing:
    """What a call made, by what the callable means."""

    def __init__(self, meaning, word=None):
        self.meaning, self.word, self.state, self.used = meaning, word, None, False
        self.n_items = 0


class Train(Thing):
    def __init__(self, number, neuron, raw):
        super().__init__("TRAIN")
        self.number, self.neuron, self.raw = number, neuron, raw


class Machine:
    """The interpreter of segments: what it makes of each opcode, on Python's own objects."""

    KEYS = ("annotations", "sheet_name", "stimulus", "spiketrains", "_spiketrains", "_items", "source_id", "channel_id")

    def __init__(self, data, globals_, aliases):
        self.data, self.globals, self.aliases = data, globals_, aliases
        self.stack, self.marks, self.memo, self.arena = [], [], [], []
        self.n_trains = self.n_spikes = self.n_letters = 0
        self.span = None

    def run(self):
        """Sheet, stimulus, [(neuron, times)], (units, start, its unit, stop, its unit); None: not understood."""
        stream = io.BytesIO(self.data)
        try:
            need(self.data[0] == 0x80)
            while name := self.step(stream):
                if name == "STOP":
                    return self.finish(self.pop())
        except (NotUnderstood, ValueError):
            pass
        return None

    def step(self, stream):
        """Do the next opcode; its name."""
        op = pickletools.code2op.get(stream.read(1).decode("latin1"))
        need(op and (hasattr(self, op.name) or op.name == "STOP"))
        at = stream.tell()
        if op.name == "GLOBAL":
            argument = stream.readline(), stream.readline()
        else:
            argument = op.arg.reader(stream) if op.arg else None
        need(op.name != "LONG1" or self.data[at] <= 7)
        if op.name == "FRAME":
            need(argument <= len(self.data) - stream.tell())
        elif op.name != "STOP":
            getattr(self, op.name)(argument)
        return op.name

    def pop(self, n=1):
        need(len(self.stack) - n >= (self.marks[-1] if self.marks else 0))
        taken = self.stack[len(self.stack) - n :]
        del self.stack[len(self.stack) - n :]
        return taken if n > 1 else taken[0]

    def pop_to_mark(self):
        need(self.marks)
        mark = self.marks.pop()
        taken = self.stack[mark:]
        del self.stack[mark:]
        return taken

    def push(self, value):
        self.stack.append(value)

    def PROTO(self, number):
        need(number <= 5)

    def FRAME(self, _):
        pass

    def BININT(self, number):
        self.push(number)

    BININT1 = BININT2 = BININT

    def LONG1(self, number):
        need(abs(number) < 2**57)
        self.push(number)

    def BINBYTES(self, content):
        self.push(Raw(content))

    SHORT_BINBYTES = BINBYTES8 = BINBYTES

    def BYTEARRAY8(self, content):
        self.push(Raw(bytes(content), "bytearray"))

    def NONE(self, _):
        self.push(None)

    def NEWTRUE(self, _):
        self.push(True)

    NEWFALSE = NEWTRUE

    def SHORT_BINUNICODE(self, content):
        content.encode()
        self.push(Text(content))

    BINUNICODE = BINUNICODE8 = SHORT_BINUNICODE

    def BINFLOAT(self, number):
        self.push(number)

    def EMPTY_LIST(self, _):
        self.push([])

    def APPEND(self, _):
        target, value = self.pop(2)
        need(type(target) is list)
        target.append(value)
        self.push(target)

    def APPENDS(self, _):
        values = self.pop_to_mark()
        target = self.pop()
        need(type(target) is list)
        target.extend(values)
        self.push(target)

    def tuple(self, values):
        self.arena.append(Tuple(values))
        self.push(self.arena[-1])

    def EMPTY_TUPLE(self, _):
        self.tuple([])

    def TUPLE(self, _):
        self.tuple(self.pop_to_mark())

    def TUPLE1(self, _):
        self.tuple([self.pop()])

    def TUPLE2(self, _):
        self.tuple(self.pop(2))

    def TUPLE3(self, _):
        self.tuple(self.pop(3))

    def EMPTY_DICT(self, _):
        self.push({})

    def set_item(self, target, key, value):
        if isinstance(target, Thing) and target.meaning == "DIMENSIONALITY" and not target.used:
            alone = target.n_items == 0 and isinstance(key, Thing) and key.meaning == "UNIT"
            target.n_items += 1
            target.word = key.word if alone and type(value) is int and value == 1 else None
            return
        need(type(target) is dict and type(key) in {Text, int})
        if key in self.KEYS:
            target[key] = value

    def SETITEM(self, _):
        target, key, value = self.pop(3)
        self.set_item(target, key, value)
        self.push(target)

    def SETITEMS(self, _):
        values = self.pop_to_mark()
        target = self.pop()
        need(len(values) % 2 == 0 and (values or type(target) is dict))
        for i in range(0, len(values), 2):
            self.set_item(target, values[i], values[i + 1])
        self.push(target)

    def MARK(self, _):
        self.marks.append(len(self.stack))

    def BINGET(self, slot):
        need(slot < len(self.memo))
        value = self.memo[slot]
        need(value is not NotUnderstood)
        if isinstance(value, Tuple):
            value.slots.append(slot)
        self.push(value)

    LONG_BINGET = BINGET

    def BINPUT(self, slot):
        value = self.pop()
        self.push(value)
        need(slot <= len(self.memo))
        self.memo[slot : slot + 1] = [value]
        if isinstance(value, Tuple):
            value.slots.append(slot)

    LONG_BINPUT = BINPUT

    def MEMOIZE(self, _):
        self.BINPUT(len(self.memo))

    def meaning(self, module, name):
        full = f"{self.aliases.get(module, module)}.{name}"
        need(full in self.globals)
        self.push(Meaning(self.globals[full]))

    def GLOBAL(self, lines):
        need(all(line.endswith(b"\n") for line in lines))
        self.meaning(*(line[:-1].decode() for line in lines))

    def STACK_GLOBAL(self, _):
        module, name = self.pop(2)
        need(type(module) is type(name) is Text)
        self.meaning(module, name)

    def release(self, value):
        """The interpreter frees the arguments of a call, if nobody but the slot that has them last can ask for them."""
        if type(value) is Tuple and self.arena and self.arena[-1] is value and len(value.slots) < 2:
            self.arena.pop()
            for slot in value.slots:
                if self.memo[slot] is value:
                    self.memo[slot] = NotUnderstood

    def REDUCE(self, _):
        meaning, args = self.pop(2)
        need(type(meaning) is Meaning and type(args) is Tuple)
        self.push(getattr(self, f"new_{meaning}", Thing)(*([args] if hasattr(self, f"new_{meaning}") else [meaning])))
        self.release(args)

    NEWOBJ = REDUCE

    def BUILD(self, _):
        target, state = self.pop(2)
        need(isinstance(target, Thing) and target.state is None and state is not None)
        need(target.meaning not in {"TRAIN", "DIMENSIONALITY"})
        if target.meaning in {"SEGMENT", "TRAINS"}:
            need(type(state) is dict)
            target.state = state
        elif target.meaning in {"ARRAY", "QUANTITY"}:
            target.state = self.numbers_of_state(state, target)
        else:
            target.state = "built"
            if target.meaning == "DTYPE" and not self.is_little_endian(state):
                target.word = None
        self.push(target)
        self.release(state)

    @staticmethod
    def is_little_endian(state):
        if type(state) is not Tuple or len(state) != 8:
            return False
        types = [type(item) for item in state[2:]]
        return type(state[0]) is int and state[0:2] == [3, "<"] and types == [type(None)] * 3 + [int] * 3

    def numbers_of_state(self, state, target):
        """Raw bytes of an array's state if they are plain little-endian float64, or "unreadable"."""
        if type(state) is not Tuple or len(state) != (6 if target.meaning == "QUANTITY" else 5):
            return "unreadable"
        if target.meaning == "QUANTITY":
            if not isinstance(state[5], Thing) or state[5].meaning != "DIMENSIONALITY":
                return "unreadable"
            state[5].used = True
            target.word = state[5].word
            if target.word is None:
                return "unreadable"
        version, shape, dtype, fortran, raw = state[:5]
        if type(version) is not int or version != 1 or type(fortran) is not bool:
            return "unreadable"
        if type(raw) is not Raw or raw.how == "bytearray":
            return "unreadable"
        return self.numbers(shape, dtype, raw)

    def numbers(self, shape, dtype, raw):
        if not isinstance(dtype, Thing) or dtype.meaning != "DTYPE" or type(raw) is not Raw:
            return "unreadable"
        if type(shape) is not Tuple or len(shape) > 1:
            return "unreadable"
        n_bytes = self.n_bytes(raw)
        length = shape[0] if shape else 1
        if dtype.word != "f8" or dtype.state is None or type(length) is not int or n_bytes != 8 * length:
            return "unreadable"
        return raw, len(shape)

    def n_bytes(self, raw):
        """How many they are, or -1; letters are counted, so that nobody counts the same ones without end."""
        if raw.how != "text":
            return len(raw.content)
        self.n_letters += len(raw.content)
        return latin1_length(raw.content) if self.n_letters <= 4 * len(self.data) else -1

    @staticmethod
    def bytes_of(raw):
        return raw.content.decode().encode("latin1") if raw.how == "text" else raw.content

    def new_BUFFER(self, args):
        need(len(args) == 4)
        raw, dtype, shape, order = args
        made = Thing("ARRAY")
        known = type(order) is Text and order == "C"
        made.state = self.numbers(shape, dtype, raw) if known else "unreadable"
        return made

    def new_SCALAR(self, args):
        need(len(args) == 2)
        dtype, raw = args
        need(isinstance(dtype, Thing) and dtype.meaning == "DTYPE" and type(raw) is Raw)
        if dtype.word != "i8" or dtype.state is None or self.n_bytes(raw) != 8 or raw.how == "bytearray":
            return Thing("INERT")
        number = int.from_bytes(self.bytes_of(raw), "little", signed=True)
        need(abs(number) < 2**57)
        return Number(number)

    def new_DTYPE(self, args):
        known = len(args) == 3 and type(args[0]) is Text and type(args[1]) is type(args[2]) is bool
        return Thing("DTYPE", args[0] if known and args[0] in {"f8", "i8"} else None)

    def new_UNIT(self, args):
        known = args and type(args[0]) is Text and args[0] in {"second", "millisecond", "microsecond"}
        return Thing("UNIT", args[0] if known else None)

    def new_ENCODE(self, args):
        need(len(args) == 2 and type(args[0]) is type(args[1]) is Text and args[1] == "latin1")
        raw = Raw(args[0].encode(), "text")
        need(self.n_bytes(raw) >= 0)
        return raw

    def new_EMPTY_BYTES(self, args):
        need(not args)
        return Raw(b"")

    def new_TRAIN(self, args):
        need(len(args) == 17)
        for value, meaning, n_dimensions in (
            (args[1], "ARRAY", 1),
            (args[2], "QUANTITY", 0),
            (args[3], "QUANTITY", 0),
            (args[7], "QUANTITY", 0),
        ):
            need(isinstance(value, Thing) and value.meaning == meaning and type(value.state) is tuple)
            need(value.state[1] == n_dimensions)
        stop, units, start = (self.bytes_of(args[i].state[0]) for i in (2, 3, 7))
        need(units == struct.pack("<d", 1.0))
        need(all(math.isfinite(struct.unpack("<d", number)[0]) for number in (start, stop)))
        span = args[3].word, start, args[7].word, stop, args[2].word
        self.span = self.span or span
        need(span == self.span)
        annotations = args[14] if type(args[14]) is dict else {}
        named = [annotations[key] for key in ("source_id", "channel_id") if key in annotations]
        need(len(named) == 1 and type(named[0]) in {int, Number})
        neuron = named[0].number if type(named[0]) is Number else named[0]
        raw = args[1].state[0]
        n_bytes = self.n_bytes(raw)
        self.n_spikes += n_bytes // 8
        need(n_bytes >= 0 and 8 * self.n_spikes <= len(self.data))
        self.n_trains += 1
        return Train(self.n_trains, neuron, raw)

    def finish(self, segment):
        need(isinstance(segment, Thing) and segment.meaning == "SEGMENT" and segment.state is not None)
        annotations = segment.state.get("annotations")
        need(type(annotations) is dict)
        sheet, stimulus = annotations.get("sheet_name"), annotations.get("stimulus")
        trains = segment.state.get("_spiketrains", segment.state.get("spiketrains"))
        if isinstance(trains, Thing) and trains.meaning == "TRAINS" and trains.state is not None:
            trains = trains.state.get("_items")
        need(type(sheet) is type(stimulus) is Text and type(trains) is list and trains)
        need(all(isinstance(train, Train) for train in trains))
        need([train.number for train in trains] == [trains[0].number + i for i in range(len(trains))])
        spikes = [(train.neuron, self.bytes_of(train.raw)) for train in trains]
        return str(sheet), str(stimulus), spikes, self.span


def bit_planes(places, n_blocks, block):
    """Booleans that are True at some places, bit-shuffled: of each block its bits, eight a byte, then zeros."""
    planes = bytearray(n_blocks * block)
    for place in places:
        planes[place // block * block + place % block // 8] |= 1 << place % 8
    return bytes(planes)


def byte_planes(numbers, block, size):
    """Whole numbers of some bytes, shuffled: of each block the lowest bytes of all, then the next ones."""
    blocks = [numbers[i : i + block] for i in range(0, len(numbers), block)]
    return bytes(number >> 8 * k & 255 for some in blocks for k in range(size) for number in some)
