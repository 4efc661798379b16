"""Text files that no program of the field writes: one line each, in bounded time and memory."""

from __future__ import annotations

import gzip

import pytest
from bounded import outcomes
from here import spikebin_here

HEAD = b"time_ms,neuron\n1.5,1\n"
DIGITS = b"1" * (20 << 20)
TABLES = {
    "long.csv": (lambda: HEAD + b"2.5," + DIGITS + b"\n", ["long.csv line 3 is longer than 16,777,216 characters"]),
    "long.tsv": (
        lambda: b"time_ms\tneuron\n1.5\t1\n" + DIGITS,
        ["long.tsv line 3 is longer than 16,777,216 characters"],
    ),
    "quoted.csv": (lambda: HEAD + b'"' + DIGITS, ["quoted.csv line 3 is longer than 16,777,216 characters"]),
    "packed.csv.gz": (lambda: HEAD + DIGITS * 3, ["packed.csv.gz line 3 is longer than 16,777,216"]),
    "blanks.dat": (lambda: b"1 1.5\n2 2.5" + b" " * (20 << 20) + b"3\n", ["blanks.dat"]),
    "nul.csv": (lambda: HEAD + b"2.\x005,2\n", ["nul.csv line 3 holds a NUL character"]),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    directory = tmp_path_factory.mktemp("texts")
    for name, (made, _) in TABLES.items():
        data = made()
        (directory / name).write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
    return outcomes([directory / name for name in TABLES], rule={"events": "none"})


@pytest.mark.parametrize("name", TABLES)
def test_a_text_that_is_damaged_is_refused(found, name):
    found[name].assert_refused(*TABLES[name][1])


@pytest.mark.parametrize(("width", "n_bins"), [("1", "1,000,000,000,001"), ("0.1", "10,000,000,000,010")])
def test_times_far_apart_are_refused_with_what_they_would_need(tmp_path, width, n_bins):
    (tmp_path / "far.csv").write_text("time_ms,neuron\n1.0,1\n1000000000000.0,2\n")
    result = spikebin_here("bin", "far.csv", "--width", width, "--out", "far.h5", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "2 neurons x " + n_bins in result.stderr
    assert "bytes as an array: cut shorter windows" in result.stderr
    assert not (tmp_path / "far.h5").exists()
