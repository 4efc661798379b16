"""A pickler that names classes without importing them: protocol 4 opcodes from plain types, Global and Made.

Knows nothing of what it pickles. An object that occurs many times with other values in it can be taken as a
Template, cut at its Holes, and its copies emitted as bytes.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "BATCH",
    "MEMOIZE",
    "Global",
    "Hole",
    "Made",
    "Pickler",
    "SavesItself",
    "Template",
    "bytes_header",
    "get",
    "integer",
    "text",
]

BATCH = 1000
"""The most items to one APPENDS or SETITEMS, as pickle.Pickler has it."""

MEMOIZE = b"\x94"


@dataclass(frozen=True)
class Global:
    """A class or function by its name; nobody imports it."""

    module: str
    name: str


@dataclass(eq=False)
class Made:
    """An object as its pickle makes it: `call(*args)`, then `items` set on it, then `state` given to BUILD.

    With `new`, `call` is a class and the opcode is NEWOBJ instead of REDUCE. `state` may refer back to the
    object.
    """

    call: Global
    args: tuple[Any, ...]
    state: Any = None
    items: dict[Any, Any] | None = None
    new: bool = False


@dataclass(frozen=True)
class Hole:
    """A place in a template; what is put there makes `memoizes` entries in the memo."""

    name: str
    memoizes: int = 0


@dataclass(frozen=True)
class Template:
    """What an object's pickle is apart from its holes.

    `memo` entries are made by all of it, and `memo_before` of them come before each hole.
    """

    pieces: tuple[bytes | Hole, ...]
    memo: int
    memo_before: Mapping[Hole, int]


@runtime_checkable
class SavesItself(Protocol):
    """An object that emits its own opcodes, and memoizes itself."""

    def save(self, pickler: Pickler) -> None:
        """Emit the opcodes."""


class Pickler:
    """Writes pickle protocol 4 from Global, Made and the plain types, in frames of the caller's choice.

    Texts and globals are memoized by value, as are bytes of length 0 and 1. Longer bytes are never fetched
    again, and everything else goes by identity. So does the standard library's pickler in effect: short bytes
    and most texts are one object each in Python.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pending: list[bytes | Hole] = []
        self._memo: dict[object, int] = {}
        self._memo_size = 0
        self._kept: list[object] = []  # an id() is a key only while its object lives
        self._memo_before: dict[Hole, int] = {}
        file.write(b"\x80\x04")

    @property
    def memo_size(self) -> int:
        """How many entries the memo has."""
        return self._memo_size

    def emit(self, *opcodes: bytes) -> None:
        """Append opcodes as they are."""
        self._pending.extend(opcodes)

    def end_frame(self) -> None:
        """Write what is pending as one frame."""
        frame = b"".join(piece for piece in self._pending if isinstance(piece, bytes))
        self._file.write(b"\x95" + struct.pack("<Q", len(frame)))
        self._file.write(frame)
        self._pending.clear()

    def close(self) -> None:
        """Write STOP and the last frame."""
        self.emit(b".")
        self.end_frame()

    def memoize(self, key: object) -> None:
        """Emit MEMOIZE and remember under which number."""
        self.emit(MEMOIZE)
        self._memo[key] = self._memo_size
        self._memo_size += 1

    def skip_memo(self, entries: int) -> None:
        """Count entries that emitted opcodes made in the memo."""
        self._memo_size += entries

    def recall(self, key: object) -> bytes | None:
        """Return the opcode that fetches what is memoized under `key`, if anything is."""
        index = self._memo.get(key)
        if index is None:
            return None
        return get(index)

    def template(self, obj: object) -> Template:
        """Return the opcodes of `obj`, which holds Holes, as they would be if it came next. Emits nothing."""
        pending, memo, size = self._pending, self._memo.copy(), self._memo_size
        self._pending, self._memo_before = [], {}
        self.save(obj)
        pieces: list[bytes | Hole] = []
        for piece in self._pending:
            if isinstance(piece, bytes) and pieces and isinstance(pieces[-1], bytes):
                pieces[-1] += piece
            else:
                pieces.append(piece)
        before = {hole: n - size for hole, n in self._memo_before.items()}
        template = Template(tuple(pieces), self._memo_size - size, before)
        self._pending, self._memo, self._memo_size = pending, memo, size
        return template

    def save(self, obj: object) -> None:
        """Emit the opcodes of one object."""
        if obj is None:
            self.emit(b"N")
        elif isinstance(obj, bool):
            self.emit(b"\x88" if obj else b"\x89")
        elif isinstance(obj, int):
            self.emit(integer(obj))
        elif isinstance(obj, Hole):
            self._memo_before[obj] = self._memo_size
            self._memo_size += obj.memoizes
            self._pending.append(obj)
        elif isinstance(obj, bytes) and len(obj) > 1:
            self.emit(bytes_header(len(obj)), obj, MEMOIZE)
            self.skip_memo(1)
        elif isinstance(obj, float):
            self.emit(b"G" + struct.pack(">d", obj))
        elif isinstance(obj, str | bytes | Global):
            self._save_value(obj)
        elif (fetch := self.recall(id(obj))) is not None:
            self.emit(fetch)
        else:
            self._kept.append(obj)
            self._save_object(obj)

    def _save_value(self, value: str | bytes | Global) -> None:
        if (fetch := self.recall(value)) is not None:
            self.emit(fetch)
            return
        if isinstance(value, str):
            self.emit(text(value))
        elif isinstance(value, bytes):
            self.emit(bytes_header(len(value)), value)
        else:
            self._save_value(value.module)
            self.emit(text(value.name))  # even where a module has the same name, as datetime has
            self.memoize(value.name)
            self.emit(b"\x93")
        self.memoize(value)

    def _save_object(self, obj: object) -> None:
        if isinstance(obj, Made):
            self._save_made(obj)
        elif isinstance(obj, tuple):
            self._save_tuple(obj)
        elif isinstance(obj, list):
            self.emit(b"]")
            self.memoize(id(obj))
            self._save_batches([(item,) for item in obj], one=b"a", many=b"e")
        elif isinstance(obj, dict):
            self.emit(b"}")
            self.memoize(id(obj))
            self._save_batches(list(obj.items()), one=b"s", many=b"u")
        elif isinstance(obj, SavesItself):
            obj.save(self)
        else:
            msg = f"no opcode for {type(obj).__name__}"
            raise TypeError(msg)

    def _save_made(self, made: Made) -> None:
        self.save(made.call)
        self.save(made.args)
        self.emit(b"\x81" if made.new else b"R")
        self.memoize(id(made))
        if made.items is not None:
            self._save_batches(list(made.items.items()), one=b"s", many=b"u")
        if made.state is not None:
            self.save(made.state)
            self.emit(b"b")

    def _save_tuple(self, items: tuple[Any, ...]) -> None:
        if not items:
            self.emit(b")")
            return
        if len(items) > 3:
            self.emit(b"(")
        for item in items:
            self.save(item)
        self.emit((b"\x85", b"\x86", b"\x87", b"t")[min(len(items), 4) - 1])
        self.memoize(id(items))

    def _save_batches(self, entries: Sequence[tuple[Any, ...]], *, one: bytes, many: bytes) -> None:
        for start in range(0, len(entries), BATCH):
            if len(entries) > 1:
                self.emit(b"(")
            for item in itertools.chain.from_iterable(entries[start : start + BATCH]):
                self.save(item)
            self.emit(many if len(entries) > 1 else one)


def integer(value: int) -> bytes:
    """Return the shortest opcode that pushes a 32-bit integer (BININT1, BININT2 or BININT)."""
    if 0 <= value < 1 << 8:
        return b"K" + struct.pack("<B", value)
    if 0 <= value < 1 << 16:
        return b"M" + struct.pack("<H", value)
    return b"J" + struct.pack("<i", value)


def text(value: str) -> bytes:
    """Return the opcode that pushes a text."""
    data = value.encode()
    if len(data) < 1 << 8:
        return b"\x8c" + struct.pack("<B", len(data)) + data
    return b"X" + struct.pack("<I", len(data)) + data


def get(index: int) -> bytes:
    """Return the opcode that fetches memo entry `index`."""
    return b"h" + struct.pack("<B", index) if index < 1 << 8 else b"j" + struct.pack("<I", index)


def bytes_header(size: int) -> bytes:
    """Return the opcode and length in front of `size` bytes."""
    return b"C" + struct.pack("<B", size) if size < 1 << 8 else b"B" + struct.pack("<I", size)
