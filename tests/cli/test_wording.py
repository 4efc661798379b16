"""Remedies are in the terms of where they appear: options on the command line, arguments in Python."""

from __future__ import annotations

import pytest

from spikebin.cli.wording import for_command_line


@pytest.mark.parametrize(
    ("python", "command_line"),
    [
        (
            "name them in leave_out=[...], or give broken='leave out'",
            "name them in --leave-out PART, or give --without-broken",
        ),
        ("open with match='common' to take", "open with --match common to take"),
        ("choose short='pad', 'cut' or 'drop', or across=True", "choose --short pad, cut or drop, or --across"),
        ("choose a smaller step, or rest='keep'", "choose a smaller step, or --rest keep"),
        ("how='count' or 'any', rest='drop', 'keep' or 'refuse'", "--how count or any, --rest drop, keep or refuse"),
        ("the file 'match' holds no spikes", "the file 'match' holds no spikes"),
    ],
)
def test_options_for_arguments(python, command_line):
    assert for_command_line(python) == command_line
