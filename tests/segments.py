"""Real segments of every flavour, and the three ways to read one: by the interpreter, its twin and the reference."""

from __future__ import annotations

import os
import pickletools
import struct
from pathlib import Path

import naive
import numpy as np

from spikebin.pickles.inert import Refused
from spikebin.pickles.meanings import ALIASES, GLOBALS
from spikebin.recordings.mozaik import interpreter, segment

DATA = Path(__file__).parent / "data"


FLAVOURS = sorted(path.name for path in DATA.glob("small_*"))


INTERPRETED = [name for name in FLAVOURS if "multiplexed" not in name]


JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") in {"", "0"}


def files(flavour):
    """The first dozen segments of a datastore, in their order."""
    return sorted((DATA / flavour).rglob("Segment*.pickle"), key=lambda path: int(path.stem[7:]))[:12]


def as_array(data):
    return np.frombuffer(data, np.uint8).copy()


def by_interpreter(data):
    """Segment as the interpreter reads it, or None."""
    read = interpreter.interpret(as_array(data))
    return None if read is None else segment._from_arrays(read)


def by_reference(data):
    """Segment as the restricted unpickler reads it, or None if it refuses."""
    try:
        return segment._from_objects(as_array(data))
    except Refused:
        return None


def by_twin(data):
    """What the interpreter's twin reads, in the shape of what the interpreter gives, or None."""
    read = naive.Machine(data, GLOBALS, ALIASES).run()
    if read is None:
        return None
    sheet, stimulus, trains, (units, start, start_unit, stop, stop_unit) = read
    times = b"".join(raw for _, raw in trains)
    return interpreter.Interpreted(
        sheet,
        stimulus,
        [neuron for neuron, _ in trains],
        [len(raw) // 8 for _, raw in trains],
        times,
        units,
        start,
        start_unit,
        stop,
        stop_unit,
    )


def as_plain(read):
    """What the interpreter reads, in the shape of what its twin gives."""
    return read._replace(
        ids=read.ids.tolist(),
        counts=read.counts.tolist(),
        times=read.times.tobytes(),
        start=struct.pack("<d", read.start),
        stop=struct.pack("<d", read.stop),
    )


def assert_same_as_twin(data):
    """The interpreter reads what its twin reads, and nothing else; with trains by pattern that, or nothing."""
    array, expected = as_array(data), by_twin(data)
    read = interpreter.interpret(array, by_pattern=False)
    assert (None if read is None else as_plain(read)) == expected
    read = interpreter.interpret(array)
    assert read is None or as_plain(read) == expected


def assert_same(one, other):
    """Two segments are the same, times bit for bit."""
    assert (one.sheet, one.stimulus, one.start, one.stop) == (other.sheet, other.stimulus, other.start, other.stop)
    for name, dtype in (("ids", np.int64), ("counts", np.int64), ("times", np.float64)):
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype == dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes(), name


def assert_agree(data, twin=True):
    """The interpreter reads what its twin reads, and that is what the reference reads, or nothing."""
    if twin:
        assert_same_as_twin(data)
    read = by_interpreter(data)
    if read is not None:
        expected = by_reference(data)
        assert expected is not None
        assert_same(read, expected)
    return read is not None


def edited(old, new, flavour="small_neo012_np126_p4default", count=1):
    """A real segment, its frame taken off, with some bytes replaced."""
    data = files(flavour)[0].read_bytes()
    data = data[:2] + data[11:]
    assert old in data
    return data.replace(old, new, count)


CORPUS = {
    name: files(name)[0].read_bytes()
    for name in ("small_p2_neo012", "small_p5_neo012", "small_channel_neo012", "small_neo0146_np24")
}


def memo_of(data, opcode, number=0):
    """Memo index of what the `number`-th such opcode pushes, in a pickle of protocol 4."""
    n_memo, found = 0, -1
    for op, _, _ in pickletools.genops(data):
        if op.name == "MEMOIZE":
            if found == number:
                return n_memo
            n_memo += 1
        elif op.name == opcode:
            found += 1
    raise AssertionError(opcode)
