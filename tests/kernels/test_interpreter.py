"""The kernel that interprets segments writes into its room alone, and says when that is too small."""

from __future__ import annotations

import inspect
import pickletools
import re

import numpy as np
import pytest
from segments import (
    CORPUS,
    as_array,
)

from spikebin.kernels import interpreter as module
from spikebin.kernels import values
from spikebin.kernels.interpreter import interpret as kernel
from spikebin.recordings.mozaik import interpreter

PARTS = ("stack", "marks", "memo", "arena", "objects", "entries", "trains", "gaps")


@pytest.mark.parametrize("small", [None, *PARTS])
@pytest.mark.parametrize("flavour", ["small_p2_neo012", "small_p5_neo012"])
def test_nothing_is_written_beyond_the_room(small, flavour):
    lengths = [(1 if part == "gaps" else 4) if part == small else 20_000 for part in PARTS]
    places = [values.HEAD + sum(lengths[:part]) for part in range(len(lengths) + 1)]
    whole = np.full(values.HEAD + 8 * 20_000 + 1000, -7, np.int64)
    whole[values.STACK : values.END + 1] = places
    status, _ = kernel(as_array(CORPUS[flavour]), *interpreter._TABLES, whole)
    # Without a place for a gap, no train is taken by pattern, and all are read.
    assert status == (values.UNDERSTOOD if small in {None, "gaps"} else values.FULL)
    assert (whole[places[-1] :] == -7).all()
    assert whole[values.STACK : values.END + 1].tolist() == places


def test_branches_stand_in_the_order_of_pickletools():
    """So that whoever looks for an opcode finds it, and sees which ones are missing."""
    place = {op.name: i for i, op in enumerate(pickletools.opcodes)}
    branches = re.findall(r"^ +(?:el)?if (op == opcodes\..*):$", inspect.getsource(module), re.MULTILINE)
    first = [
        min(place[name] for name in re.findall(r"opcodes\.(\w+)", line)) for line in branches if " and " not in line
    ]
    assert len(first) > 20
    assert first == sorted(first)
