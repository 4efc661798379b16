"""Files whose bytes have changed are read, or refused in one line, without warnings. See fuzzed.py."""

from __future__ import annotations

import random
import re

import pytest
from bounded import outcomes
from fuzzed import TARGETS, changed, fault
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import make_trains, write_nwb, write_sonata


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    made = {}

    def target(name):
        if name not in made:
            made[name] = TARGETS[name](tmp_path_factory.mktemp("fuzz") / "files")
        return made[name]

    return target


@pytest.mark.parametrize("name", TARGETS)
@settings(derandomize=True)
@given(seed=st.integers(0, 2**64))
def test_a_changed_file_is_read_or_refused_in_one_line(targets, name, seed):
    target = targets(name)
    try:
        assert not fault(target, random.Random(seed))
    finally:
        target.restore()


def test_changed_hdf5_files_crash_nobody(tmp_path):
    """HDF5 1.14 itself crashes on 94 and 289, PyTables finds texts of negative length in the first others."""
    data = write_sonata(tmp_path, make_trains(n=12)).read_bytes()
    paths = [tmp_path / f"{seed}.h5" for seed in (21, 94, 128, 174, 289, *range(1000, 1016))]
    for path in paths:
        path.write_bytes(changed(data, random.Random(int(path.stem))))
    found = outcomes(paths, rule={"events": "none"})
    assert {outcome.code for outcome in found.values()} == {0, 1}
    for outcome in found.values():
        assert "\n" not in outcome.text
        assert outcome.megabytes < 300


def overwritten(data, rng):
    """The bytes with some replaced near a name that a reader of NWB looks for: HDF5 opens most of such files."""
    names = rb"units|spike_times(_index)?|id|trials|st(art|op)_time|colnames|contrast|image|cue|electrodes"
    for _ in range(rng.choice((1, 2, 4))):
        name = rng.choice([*re.finditer(rb"\b(%b)\0" % names, data)])
        at = name.end() + rng.randrange(-40, 400)
        n = rng.choice((1, 1, 2, 4, 8))
        data = data[:at] + rng.choice((rng.randbytes(n), b"\0" * n, b"\xff" * n)) + data[at + n :]
    return data


def test_changed_nwb_files_crash_nobody(tmp_path):
    """HDF5 1.14 crashes on all that are overwritten, as soon as their groups are looked at."""
    pytest.importorskip("h5py", reason="h5py is not installed")
    pytest.importorskip("pynwb", reason="pynwb is not installed")
    whole = write_nwb(tmp_path, make_trains(n=12))
    data = whole.read_bytes()
    paths = []
    for change, seeds in ((changed, range(16)), (overwritten, (40, 41, 65, 70, 95, 129, 136))):
        for seed in seeds:
            paths.append(tmp_path / f"{change.__name__}_{seed}.nwb")
            paths[-1].write_bytes(change(data, random.Random(seed)))
    found = outcomes([whole, *paths], rule={"events": "trials", "window_start": 0.0, "window_stop": 500.0})
    assert found.pop(whole.name).code == 0
    # The identifiers that pynwb draws differ each time: what becomes of one seed may, too.
    assert {outcome.code for outcome in found.values()} <= {0, 1}
    for outcome in found.values():
        assert "\n" not in outcome.text
        assert outcome.megabytes < 300
