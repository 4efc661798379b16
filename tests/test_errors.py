"""Errors are one line that a terminal can show, of a bearable length; equal causes read alike."""

from __future__ import annotations

import pickle

import pytest

from spikebin import errors
from spikebin.errors import LONGEST, DamagedFileError, SpikebinError, UnknownSheetError, same_cause


def test_a_message_is_one_printable_line():
    assert str(SpikebinError("a\nb\x1b[31m\udcff")) == "a b?[31m?"
    long = str(SpikebinError("a" * LONGEST + "b" * LONGEST))
    assert len(long) < LONGEST + 10
    assert long.startswith("a")
    assert long.endswith("b")


def test_what_python_callers_catch():
    assert issubclass(errors.BinningError, ValueError)
    assert issubclass(errors.DatasetError, ValueError)
    assert issubclass(errors.OutOfRangeError, IndexError)
    assert str(UnknownSheetError("no sheet 'X'")) == "no sheet 'X'"
    assert (SpikebinError.exit_code, errors.DiskFullError.exit_code) == (1, 3)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert all(issubclass(kind, SpikebinError) for kind in kinds)


def test_a_damaged_file_is_known_by_its_path_in_another_process():
    found = pickle.loads(pickle.dumps(DamagedFileError("a.h5 is damaged", "a.h5")))
    assert (str(found), found.path.name) == ("a.h5 is damaged", "a.h5")


@pytest.mark.parametrize(("message", "cause"), [
    ("spikes_V1_Exc_L23_500.h5 ends after 7 bytes", "spikes_*_*.h# ends after # bytes"),
    ("part 500 of V1_Exc_L2/3", "part * of *"),
])  # fmt: skip
def test_of_one_cause_one_text(message, cause):
    assert same_cause(message, "500", "V1_Exc_L2/3") == cause
