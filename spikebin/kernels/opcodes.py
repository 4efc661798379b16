"""The opcodes of a pickle by name, as the numbers that kernels compare bytes with: `opcodes.MEMOIZE` is 0x94.

They are those of the pickletools module of the Python that runs; nothing is listed here.
"""

from __future__ import annotations

import pickletools

__all__: list[str] = []

_CODES = {op.name: ord(op.code) for op in pickletools.opcodes}


def __getattr__(name: str) -> int:
    if name not in _CODES:
        raise AttributeError(f"{name} is not an opcode of any pickle")
    return _CODES[name]
