"""Seals that are like one seen before say what a reader of JSON finds in them, or are left to it."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import MatrixFileError
from spikebin.matrixfile import seal as seals
from spikebin.matrixfile.alike import Alike
from spikebin.matrixfile.facts import SEAL_SIZE
from spikebin.matrixfile.seal import CHECK, pack_facts, parse_seal

FACTS = {
    "format_version": 2, "spikebin_version": "0.2.0", "created": "2026-11-28T08:09:40+00:00", "size": 19752,
    "sha256": "cc6ff83e", "sheet": "V1_Exc_L2/3", "variant": "train", "part": "50000", "shape": [3, 4, 712],
    "layout": "matrix", "codec": "blosc2",
    "binning": {"width": 1.0, "closed": "left", "end_bin": True, "values": "bool"}, "trial": {"blank": "none"},
    "phases": [{"name": "image", "first_bin": 0, "bins": 712, "duration": 711.0}], "n_spikes": 258, "n_binned": 242,
    "n_collisions": 16, "n_outside": 0, "content_digest": "789b63a8",
    "source": {"name": "Images_50000", "files": 3, "size": 11496, "mtime": 1795853345.25},
    "reading": {"format": "mozaik"}, "views": [],
    "chunks": {"offset": 16239, "n_chunks": 1, "crc32": 1324207812, "rest_crc32": 149}, "n_unassigned": 7,
}  # fmt: skip


def text_of(facts):
    """What stands in a seal before its checksum."""
    return pack_facts(facts).partition(b"\n")[2].rpartition(CHECK)[0]


def in_full(text):
    """What the reader of JSON makes of such a text; None if it refuses it."""
    head = b"spikebin 2\n"
    block = head + text + CHECK + b"%d}\n" % zlib.crc32(head + text)
    block = block.ljust(SEAL_SIZE, b"\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seals, "_known", seals._Known())
        try:
            size = json.loads(text + b"}")["size"]
            return parse_seal(block, size + SEAL_SIZE, "a.h5")
        except (MatrixFileError, ValueError, KeyError, TypeError):
            return None


@pytest.fixture(scope="module")
def alike():
    return Alike(in_full(text_of(FACTS)), text_of(FACTS), FACTS)


COUNTS = st.integers(0, 10**18 - 1)


@given(
    counts=st.lists(COUNTS, min_size=11, max_size=11),
    shape=st.lists(st.integers(1, 10**6 - 1), min_size=3, max_size=3),
    texts=st.lists(st.text("abc09_-:+. []{}'", max_size=9), min_size=4, max_size=4),
    part=st.text("abc09_-: ", min_size=1, max_size=9).filter(str.strip),
    mtime=st.integers(0, 10**12).map(lambda n: n / 128),
)
def test_a_seal_of_another_part_is_read_alike(alike, counts, shape, texts, part, mtime):
    facts = FACTS | dict(zip(("size", "n_spikes", "n_binned", "n_collisions", "n_outside"), counts, strict=False))
    facts |= {"part": part, "shape": shape, "n_unassigned": counts[5]}
    facts |= dict(zip(("created", "sha256", "content_digest"), texts, strict=False))
    facts["source"] = {"name": texts[3], "files": counts[6], "size": counts[7], "mtime": mtime}
    facts["chunks"] = {"offset": 4096 + counts[8] // 2, "n_chunks": counts[9], "crc32": counts[10], "rest_crc32": 0}
    found = alike.read(text_of(facts))
    assert (found.part, found.shape, found.size) == (part, tuple(shape), counts[0])
    assert found.seal == in_full(text_of(facts))
    assert found.seal.as_dict() == facts


def test_whatever_else_differs_is_left_to_the_reader_of_json(alike):
    """Each byte in turn as some other one, or missing: the same seal, or none."""
    text = text_of(FACTS)
    n_alike = 0
    for at in range(len(text)):
        for other in (b"", b'"', b"\\", b"0", b"x", b" ", b"-", b"/", b"\xc3"):
            changed = text[:at] + other + text[at + 1 :]
            found = alike.read(changed)
            n_alike += found is not None
            assert found is None or found.seal == in_full(changed)
    assert n_alike > 400


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [0, 4, 712]}, {"shape": [1, 4, 10**6]}, {"part": ".."}, {"part": ""}, {"part": "a/b"},
        {"chunks": FACTS["chunks"] | {"offset": 4095}}, {"sheet": "X_ON"}, {"variant": "test"}, {"codec": "zlib"},
        {"limit": 3}, {"n_unassigned": None}, {"source": FACTS["source"] | {"mtime": 17}}, {"n_spikes": 10**18},
        {"source": FACTS["source"] | {"name": "ä"}}, {"binning": FACTS["binning"] | {"width": 2.0}},
    ],
)  # fmt: skip
def test_other_facts_are_not_alike(alike, change):
    text = json.dumps(FACTS | change).removesuffix("}").encode()
    assert alike.read(text) is None


def test_seals_that_know_of_no_unassigned_spikes_are_alike_too():
    facts = {key: value for key, value in FACTS.items() if key != "n_unassigned"}
    facts["n_unassigned"] = None
    alike = Alike(in_full(text_of(facts)), text_of(facts), facts)
    assert alike.read(text_of(facts | {"part": "7"})).part == "7"
    assert alike.read(text_of(facts | {"part": "7"})).seal.n_unassigned is None


@pytest.mark.parametrize("change", [{"sheet": "\1N\1"}, {"trial": {"event": "\1"}}])
def test_a_text_that_holds_marks_is_not_learned(change):
    text = text_of(FACTS | change)
    assert Alike(in_full(text), text, FACTS | change).read(text) is None


def test_where_no_two_seals_are_alike_few_are_learned(monkeypatch):
    known = seals._Known()
    monkeypatch.setattr(seals, "_known", known)
    for i in range(70):
        packed = pack_facts(FACTS | {"trial": {"n": i}, "size": 5})
        assert parse_seal(packed, SEAL_SIZE + 5, "a.h5").trial == {"n": i}
    assert len(known._alike) == 6
