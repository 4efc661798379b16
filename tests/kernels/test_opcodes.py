"""Opcodes by name are those of pickletools."""

from __future__ import annotations

import pickletools

from spikebin.kernels import opcodes


def test_opcodes_by_name():
    for op in pickletools.opcodes:
        assert getattr(opcodes, op.name) == ord(op.code)
    assert not hasattr(opcodes, "MEMOISE")
