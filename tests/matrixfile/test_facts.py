"""What a seal may say: a fact that is missing, of another type or out of range is named."""

from __future__ import annotations

import pytest
from small_file import write

from spikebin.matrixfile.facts import KEYS, SINCE_2, misfit
from spikebin.matrixfile.seal import read_seal


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    path = tmp_path_factory.mktemp("facts") / "a.h5"
    write(path)
    return read_seal(path).as_dict()


@pytest.mark.parametrize("key", [key for key in KEYS if key not in {"n_unassigned", "limit"}])
def test_a_fact_that_is_missing_is_named(facts, key):
    assert misfit(facts) is None
    without = {name: value for name, value in facts.items() if name != key}
    assert misfit(without) == key
    if key in SINCE_2:
        assert misfit(without | {"format_version": 1}) is None


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("size", -1),
        ("n_spikes", 1.0),
        ("n_spikes", True),
        ("sheet", "../.."),
        ("variant", "a/b"),
        ("part", " . "),
        ("shape", [1, 2]),
        ("shape", [0, 1, 1]),
        ("shape", [1 << 40, 1 << 40, 1]),
        ("layout", "Matrix"),
        ("codec", None),
        ("binning", {"width": 1e-9, "closed": "left", "end_bin": True, "values": "bool"}),
        ("binning", {"width": float("nan"), "closed": "left", "end_bin": True, "values": "bool"}),
        ("phases", [{"name": "blank"}]),
        ("source", {"name": "a", "files": 1, "size": 1, "mtime": float("inf")}),
        ("chunks", {"offset": 0, "n_chunks": 1, "crc32": 1, "rest_crc32": 1}),
        ("views", ["a", 1]),
        ("limit", -1),
        ("format_version", 3),
    ],
)
def test_a_fact_that_no_seal_has_is_named(facts, key, wrong):
    assert misfit(facts | {key: wrong}) == key
