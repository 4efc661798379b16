"""Pickles made to fill the memory or to take for ever: one line each, within bounds of memory and time."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from spelt import known, numpy_array, refused

from spikebin.errors import RecordingError
from spikebin.pickles.unpickler import load
from spikebin.recordings.mozaik.segment import probe_segment, read_segment

DATA = Path(__file__).parent.parent / "data"
READERS = [load, read_segment, probe_segment]
LIMIT = 1 << 30

# Reads each file under a limit of memory, as a shell or Slurm may set it; what came of each, in how many seconds.
READ = """
import json, resource, sys, time
from pathlib import Path
from spikebin.errors import RecordingError
from spikebin.pickles.unpickler import load
from spikebin.recordings.mozaik.segment import read_segment

def read(reader, path):
    try:
        return str(type(reader(path)))
    except RecordingError as error:
        return str(error)

paths, found = [Path(name) for name in sys.argv[2:]], {}
for reader in (load, read_segment):
    read(reader, min(paths, key=lambda path: path.stat().st_size))  # compiles
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
for path in paths:
    for reader in (load, read_segment):
        start = time.thread_time()
        line = read(reader, path)
        found[f"{path.stem} {reader.__name__}"] = line, time.thread_time() - start
print(json.dumps(found))
"""


def items(keys):
    """A dict of these keys."""
    return b"}(" + b"".join(key + b"N" for key in keys) + b"u."


def again(first, n):
    """A dict that one key, spelled twice, is put into many times over."""
    return first + b"\x940" + first + b"\x940}h\x00Ns" + b"h\x01Ns" * n + b"."


def doubled(n, put=0):
    """A tuple that holds another one twice, that holds another one twice, and so on: 2^n times the first number."""
    return b"K\x01" + b"".join(b"q" + bytes([put + i]) + b"h" + bytes([put + i]) + b"\x86" for i in range(n))


def with_neuron(neuron):
    """A real segment, whose first train has another neuron id."""
    data = next((DATA / "small_neo012_np126_p4default").rglob("Segment0.pickle")).read_bytes()
    key = b"\x8c\x09source_id\x94K\x04"
    assert key in data
    return data[:2] + data[11:].replace(key, key[:-2] + neuron, 1)


MILLION = 1_000_000
PRIME = (1 << 61) - 1
MEGABYTES_4 = 4 << 20
TEXT = b"X" + struct.pack("<I", MEGABYTES_4) + b"a" * MEGABYTES_4
NUMBER = b"\x8b" + struct.pack("<i", MEGABYTES_4) + b"\x7f" * MEGABYTES_4
LISTS = b"]q\x000" + b"".join(b"]q" + bytes([i + 1]) + (b"h" + bytes([i]) + b"a") * 2 + b"0" for i in range(60))
ARGUMENTS = known("neo.core.block.Block") + b"\x94(" + b"N" * MILLION + b"t\x94("

# What is in each, and words of what is said of it.
BOMBS = {
    "empty lists": (lambda: b"(" + b"]" * (20 * MILLION) + b"t.", "much more memory"),
    "empty dicts": (lambda: b"(" + b"}" * (20 * MILLION) + b"t.", "much more memory"),
    "empty sets": (lambda: b"(" + b"\x8f" * (5 * MILLION) + b"l.", "much more memory"),
    "marks": (lambda: b"(" * (20 * MILLION) + b".", "no pickler writes"),
    "numbers of one hash": (
        lambda: items(b"\x8a\x0b" + (i * PRIME).to_bytes(11, "little") for i in range(40_000)),
        "as keys",
    ),
    "floats of few hashes": (
        lambda: items(
            b"G" + struct.pack(">d", (1 + i % 5000) * 2.0 ** (61 * (i // 5000 - 12))) for i in range(120_000)
        ),
        "much more memory or time",
    ),
    "a number of 4 MB as key": (lambda: again(NUMBER, 100_000), "as keys"),
    "a number of many digits as key": (lambda: again(b"I" + b"9" * 4000 + b"\n", 1000), "as keys"),
    "a text of 4 MB as key": (lambda: again(TEXT, 100_000), "much more memory or time"),
    "a line of 4 MB as key": (lambda: again(b"V" + b"a" * MEGABYTES_4 + b"\n", 100_000), "much more memory or time"),
    "many numbers as keys": (
        lambda: items(b"J" + struct.pack("<i", i) for i in range(300_000)),
        "much more memory or time",
    ),
    "tuples as keys": (lambda: b"}(" + doubled(60) + b"Nu.", "as keys"),
    "deep tuples as keys": (lambda: b"}(K\x01" + b"\x85" * 200_000 + b"Nu.", "as keys"),
    "tuples in a set": (lambda: b"\x8f(" + doubled(60) + b"\x90.", "as keys"),
    "tuples in a frozen set": (lambda: b"(" + doubled(60) + b"\x91.", "as keys"),
    "tuples in an old dict": (lambda: b"(" + doubled(60) + b"Nd.", "as keys"),
    "tuples as key of a dict of the memo": (
        lambda: b"Nq\x00q\x000}\x940h\x01" + doubled(60, put=70) + b"Ns.",
        "as keys",
    ),
    "an index that Python alone reads": (lambda: b"}q\x000g+0\n" + doubled(60, put=70) + b"Ns.", "no pickler writes"),
    "arguments of a million, copied": (lambda: ARGUMENTS + b"h\x00h\x01R" * 1000 + b"t.", "much more memory"),
    "tuples as the shape of an array": (lambda: numpy_array(doubled(60) + b"\x85")[2:], ""),
    "lists as the shape of an array": (lambda: numpy_array(LISTS + b"h\x3c\x85")[2:], ""),
    "tuples as the neuron of a train": (lambda: with_neuron(doubled(60))[2:], ""),
    "puts far apart": (lambda: b"N" + b"".join(b"p%d\n" % (1000 * i) for i in range(10_000)) + b".", ""),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What came of every bomb, read in one process with a limit of memory: (line, seconds) by name and reader."""
    directory = tmp_path_factory.mktemp("bombs")
    paths = []
    for name, (data, _) in BOMBS.items():
        paths.append(directory / f"{name}.pickle")
        paths[-1].write_bytes(b"\x80\x04" + data())
    done = subprocess.run(
        [sys.executable, "-c", READ, str(LIMIT), *map(str, paths)],
        capture_output=True, text=True, check=False, timeout=300, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["load", "read_segment"])
@pytest.mark.parametrize("name", BOMBS)
def test_bombs(outcomes, name, reader):
    line, seconds = outcomes[f"{name} {reader}"]
    assert line.startswith(f"{name}.pickle of bombs0 "), line
    assert len(line.splitlines()) == 1
    assert BOMBS[name][1] in line, line
    assert seconds < 10


def test_pythons_own_unpickler_finds_no_memory_for_one():
    code = f"""
import pickle, resource
resource.setrlimit(resource.RLIMIT_AS, ({LIMIT // 4}, {LIMIT // 4}))
pickle.loads(b"(" + b"]" * 20_000_000 + b"t.")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert "MemoryError" in done.stderr


# --- what must still be read


@pytest.mark.slow
# Those of plain data differ in nothing from 4 to 5.
@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize(
    "value",
    [
        lambda: {i: [i] for i in range(90_000)},
        lambda: [{"a": i, "b": (i, None)} for i in range(50_000)],
        lambda: [float(i) for i in range(100_000)],
        lambda: [[] for _ in range(100_000)],
        lambda: {"a" * 100_000: 1, b"b" * 1000: 2, 3: None, -(2**40): True, 0.5: "x", None: {}, True: []},
        lambda: [dict.fromkeys(("a key of some forty letters that is shared", "another"), 1) for _ in range(20_000)],
    ],
    ids=["numbers as keys", "dicts", "floats", "lists", "kinds of keys", "shared keys"],
)
def test_plain_data_is_no_bomb(tmp_path, value, protocol):
    path, value = tmp_path / "value.pickle", value()
    data = pickle.dumps(value, protocol=protocol)
    path.write_bytes(data)
    if b"_codecs" in data:
        refused(path, data, "as keys")
    else:
        assert load(path) == value


# --- warnings


@pytest.mark.parametrize(
    "data",
    [
        rb"S'\8'" + b"\n.",
        rb"S'\400'" + b"\n.",
        rb"S'\q'" + b"\n.",
        rb"(S'\x41\'\"\\\n\101'" + rb"S'a\ '" + b"\nt.",
    ],
)
def test_escapes_that_are_not_pythons(tmp_path, data):
    for reader in READERS:
        refused(tmp_path / "escapes.pickle", data, "no pickler writes", reader=reader)


def test_escapes_that_are(tmp_path):
    path = tmp_path / "escapes.pickle"
    path.write_bytes(rb"S'\x41\'\"\\\n\101\0\7\377'" + b"\n.")
    with pytest.raises(RecordingError, match="damaged"):
        load(path)
    path.write_bytes(rb"S'\x41\'\"\\\n\101\0\7\77'" + b"\n.")
    assert load(path) == "A'\"\\\nA\0\7?"


@pytest.mark.parametrize("unit", ["millisecond", "microsecond", "second"])
@pytest.mark.parametrize(
    ("dtype", "bits"), [("f8", 0x7FF0000000000001), ("f4", 0x7F800001), ("f8", 0x7FEFFFFFFFFFFFFF)]
)
def test_numbers_that_make_numpy_warn_are_the_callers_to_refuse(tmp_path, unit, dtype, bits):
    path = tmp_path / "Segment0.pickle"
    path.write_bytes(bytes(segment_of(dtype, bits, unit)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        times = read_segment(path).times
    assert not caught
    assert np.isfinite(times).tolist() == [unit != "second" and bits == 0x7FEFFFFFFFFFFFFF]


def segment_of(dtype, bits, unit):
    """A segment of one train of one spike, of any type."""
    neo = pytest.importorskip("neo")
    made = neo.Segment()
    made.annotate(sheet_name="S", stimulus="{}")
    train = neo.SpikeTrain(np.array([111.0], dtype), t_stop=560.0, units=unit, source_id=1)
    made.spiketrains.append(train)
    good = np.array([111.0], dtype).tobytes()
    data = pickle.dumps(made, protocol=4)
    assert data.count(good) == 1
    return data.replace(good, np.array([bits], f"u{dtype[1]}").tobytes())
