"""HDF5 files that lie, or name other files: refused in one line by the true reason, in bounded time and memory."""

from __future__ import annotations

import json
import os
import struct
import zlib

import h5py
import numpy as np
import pytest
from bounded import outcomes

N = 3
TIMES = np.arange(1.0, N + 1)


def sonata(path, fill, n=N):
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes/pop")
        fill(group)
        if "timestamps" not in group:
            group["timestamps"] = np.arange(1.0, n + 1)
        if "node_ids" not in group:
            group["node_ids"] = np.arange(n, dtype="u8")
    return path


def virtual(source, inside="spikes/pop/node_ids", shape=(N,), maxshape=None):
    def fill(group):
        layout = h5py.VirtualLayout(shape, "u8", maxshape=maxshape)
        layout[:] = h5py.VirtualSource(source, inside, shape, maxshape=maxshape)
        group.create_virtual_dataset("node_ids", layout)

    return fill


def endless(group):
    """Maps the whole of itself, however long it is."""
    layout = h5py.VirtualLayout((N,), "u8", maxshape=(None,))
    source = h5py.VirtualSource(".", "spikes/pop/node_ids", (N,), maxshape=(None,))
    layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
    group.create_virtual_dataset("node_ids", layout)


def external(name, n_bytes=24):
    def fill(group):
        group.create_dataset("node_ids", (N,), "u8", external=[(name, 0, n_bytes)])

    return fill


def declared(n, **options):
    def fill(group):
        for name, kind in (("timestamps", "f8"), ("node_ids", "u8")):
            group.create_dataset(name, (n,), kind, **options)

    return fill


def half_written(group):
    data = group.create_dataset("node_ids", (1000,), "u8", chunks=(100,))
    data[:500] = 1
    group["timestamps"] = np.arange(1000.0)


def packed_zeros(n):
    """What unpacks to so many MiB of zeros: one that is packed, over and over."""
    packer = zlib.compressobj(6)
    first, again = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (n - 1) + b"\x03\x00" + struct.pack(">I", zlib.adler32(bytes(n << 20)))


def bomb(group):
    """A chunk that says it is small and becomes 400 MB."""
    data = group.create_dataset("node_ids", (1 << 12,), "u8", chunks=(1 << 12,), compression="gzip")
    data.id.write_direct_chunk((0,), packed_zeros(400))
    group["timestamps"] = np.arange(float(1 << 12))


def zeros(n):
    def fill(group):
        for name, kind in (("timestamps", "f8"), ("node_ids", "u8")):
            data = group.create_dataset(name, (n,), kind, chunks=(1 << 22,), compression="gzip", compression_opts=9)
            packed = packed_zeros(32)
            for start in range(0, n, 1 << 22):
                data.id.write_direct_chunk((start,), packed)

    return fill


def packed_twice(group):
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((N,))
    creation.set_deflate(9)
    creation.set_deflate(9)
    h5py.h5d.create(group.id, b"node_ids", h5py.h5t.STD_U64LE, h5py.h5s.create_simple((N,)), creation).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.arange(N, dtype="u8")
    )


def link_in_a_circle(group):
    group["node_ids"] = h5py.SoftLink("/spikes/pop/again")
    group["again"] = h5py.SoftLink("/spikes/pop/node_ids")


def link_outwards(group):
    group["node_ids"] = h5py.ExternalLink("other.h5", "/spikes/pop/node_ids")


SONATA = {
    "itself": (virtual("."), ["put together from other data sets (of .)"]),
    "itself without end": (endless, ["put together from other data sets"]),
    "nothing": (virtual("absent.h5"), ["put together from other data sets (of absent.h5)", "--follow-links"]),
    "machine": (external("/etc/passwd"), ["lies in another file (/etc/passwd)"]),
    "chunks never written": (
        declared(10**10, chunks=(1 << 16,)),
        ["declares 10,000,000,000", "0 of its 152,588 chunks"],
    ),
    "never written": (declared(10**9), ["declares 1,000,000,000", "0 of its 8,000,000,000 bytes"]),
    "half written": (half_written, ["declares 1,000 values", "5 of its 10 chunks"]),
    "bomb": (bomb, ["a compressed chunk of it holds more than it should"]),
    "zeros": (zeros(1 << 28), ["becomes 2,147,483,648 bytes of"]),
    "packed twice": (packed_twice, ["is compressed 2 times (deflate, deflate)"]),
    "circle": (link_in_a_circle, ["a link that leads in a circle"]),
    "outwards": (link_outwards, ["is a link into another file, other.h5", "--follow-links"]),
    "longer ids": (lambda group: group.create_dataset("node_ids", data=np.arange(4)), ["3 timestamps and 4 node_ids"]),
    "texts": (lambda group: group.create_dataset("node_ids", data=["a", "b", "c"]), ["not a flat array of numbers"]),
}


@pytest.fixture(scope="module")
def sonata_outcomes(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sonata")
    return outcomes([sonata(directory / f"{name}.h5", fill) for name, (fill, _) in SONATA.items()])


@pytest.mark.parametrize("name", SONATA)
def test_a_sonata_file_that_lies_is_refused(sonata_outcomes, name):
    sonata_outcomes[f"{name}.h5"].assert_refused(*SONATA[name][1])


def nwb(path, fill=None, n_units=2):
    with h5py.File(path, "w") as file:
        units = file.create_group("units")
        units["id"] = np.arange(n_units)
        units["spike_times"] = TIMES
        units["spike_times_index"] = np.array([2] * (n_units - 1) + [N], "u8")
        trials = file.create_group("intervals/trials")
        trials["id"] = np.arange(2)
        trials["start_time"] = [0.0, 5.0]
        trials["stop_time"] = [5.0, 10.0]
        if fill is not None:
            fill(file)
    return path


def empty_units(file):
    for name in ("id", "spike_times_index"):
        del file["units"][name]
        data = file["units"].create_dataset(name, (300 << 20,), "i8", chunks=(10 << 20,), compression="gzip")
        packed = packed_zeros(80)
        for start in range(0, 300 << 20, 10 << 20):
            data.id.write_direct_chunk((start,), packed)


def wide_texts(file):
    """One long text and many short ones, which would all become as wide."""
    for name in ("id", "start_time", "stop_time"):
        del file["intervals/trials"][name]
        file["intervals/trials"][name] = np.arange(20_000) + (name == "stop_time")
    texts = np.array(["x" * 2_000_000] + ["y"] * 19_999, dtype=object)
    file["intervals/trials"].create_dataset("note", data=texts, dtype=h5py.string_dtype())


def texts_never_written(file):
    for name in ("id", "start_time", "stop_time"):
        del file["intervals/trials"][name]
    file["intervals/trials/id"] = np.arange(10)
    file["intervals/trials"].create_dataset("note", (10**10,), h5py.string_dtype(), chunks=(1 << 16,))


def column(name, values):
    def fill(file):
        file["intervals/trials"][name] = values

    return fill


NWB = {
    "empty units": (empty_units, ["becomes 2,516,582,400 bytes"]),
    "wide texts": (wide_texts, ["holds 20,000 texts of up to 2,000,000 characters"]),
    "texts never written": (texts_never_written, ["declares 10,000,000,000 values"]),
    "huge repeat": (column("repeat", np.array([0, 2**63], "u8")), ["'repeat' runs from 0 to 9223372036854775808"]),
    "negative repeat": (column("repeat", np.array([0, -1])), ["'repeat' runs from -1 to 0"]),
}


@pytest.fixture(scope="module")
def nwb_outcomes(tmp_path_factory):
    directory = tmp_path_factory.mktemp("nwb")
    return outcomes([nwb(directory / f"{name}.nwb", fill) for name, (fill, _) in NWB.items()])


@pytest.mark.parametrize("name", NWB)
def test_an_nwb_file_that_lies_is_refused(nwb_outcomes, name):
    nwb_outcomes[f"{name}.nwb"].assert_refused(*NWB[name][1])


def test_what_is_true_is_read(tmp_path):
    """Empty columns, single chunks, one neuron that fires a million times: no rule of the above refuses them."""
    n = 1_000_000
    with h5py.File(tmp_path / "true.h5", "w") as file:
        for name, options in (
            ("one", {"compression": "gzip", "shuffle": True, "chunks": (n,)}),
            ("flat", {}),
            ("small", {"chunks": (1000,), "compression": "gzip", "fletcher32": True}),
        ):
            group = file.create_group(f"spikes/{name}")
            group.create_dataset("timestamps", data=np.sort(np.random.default_rng(0).uniform(0, 1e5, n)), **options)
            group.create_dataset("node_ids", data=np.zeros(n, "u8"), **options)
        scalar = file.create_group("spikes/late")
        scalar.create_dataset("timestamps", data=TIMES, maxshape=(None,))
        scalar.create_dataset("node_ids", data=np.arange(N), maxshape=(None,))
    found = outcomes([nwb(tmp_path / "true.nwb"), tmp_path / "true.h5"])
    assert json.loads(found["true.nwb"].text) == {"units": [2, 3, 0]}
    assert json.loads(found["true.h5"].text) == {"flat": [1, n], "late": [3, 3], "one": [1, n], "small": [1, n]}


def test_links_are_followed_within_the_directory_when_asked(tmp_path):
    other = sonata(tmp_path / "other.h5", lambda _: None)
    (tmp_path / "raw.bin").write_bytes(np.arange(N, dtype="u8").tobytes())
    (tmp_path / "sub").mkdir()
    files = {
        "link": link_outwards,
        "virtual": virtual("other.h5"),
        "missing": virtual("absent.h5"),
        "itself": virtual("."),
        "machine": external("/etc/passwd"),
        "raw": external(str(tmp_path / "raw.bin")),
    }
    paths = [sonata(tmp_path / f"{name}.h5", fill) for name, fill in files.items()]
    outside = sonata(
        tmp_path / "sub" / "outside.h5",
        lambda group: group.__setitem__("node_ids", h5py.ExternalLink("../other.h5", "/spikes/pop/node_ids")),
    )
    found = outcomes([other, *paths, outside], follow_links=True)
    for name in ("other", "link", "virtual", "raw"):
        assert found[f"{name}.h5"].text == '{"pop": [3, 3]}', found[f"{name}.h5"]
    found["missing.h5"].assert_refused("absent.h5, which is not a file in the directory")
    found["itself.h5"].assert_refused("which holds no values")
    found["machine.h5"].assert_refused("/etc/passwd, which is not a file in the directory")
    found["outside.h5"].assert_refused("../other.h5, which is not a file in the directory")


def test_a_prefix_that_leads_elsewhere_is_refused(tmp_path, monkeypatch):
    sonata(tmp_path / "other.h5", lambda _: None)
    path = sonata(tmp_path / "virtual.h5", virtual("other.h5"))
    monkeypatch.setenv("HDF5_VDS_PREFIX", os.sep)
    outcomes([path], follow_links=True)["virtual.h5"].assert_refused("HDF5_VDS_PREFIX")


def test_soft_links_are_part_of_the_file(tmp_path):
    def fill(group):
        group.file["raw/ids"] = np.arange(N)
        group["node_ids"] = h5py.SoftLink("/there")
        group.file["there"] = h5py.SoftLink("raw/ids")

    def whole(group):
        group.file["elsewhere/timestamps"] = TIMES
        group.file["elsewhere/node_ids"] = np.arange(N)
        group.file["spikes/linked"] = h5py.SoftLink("/elsewhere")

    found = outcomes([sonata(tmp_path / "soft.h5", fill), sonata(tmp_path / "group.h5", whole)])
    assert found["soft.h5"].text == '{"pop": [3, 3]}'
    assert found["group.h5"].text == '{"pop": [3, 3], "linked": [3, 3]}'
