"""What a pickle says of objects, and nothing that acts: the stand-ins for every global that is known."""

from __future__ import annotations

from typing import Any, ClassVar

from spikebin.pickles.meanings import GLOBALS

__all__ = ["Enough", "Inert", "Refused"]


class Refused(Exception):  # noqa: N818 - the end of a sentence
    """What is wrong with a pickle, and what to do: the end of a sentence that its file's name begins."""


class Enough(Exception):  # noqa: N818 - no error
    """Raised by a caller's own stub to end reading, with what it was after."""


class Inert:
    """What a pickle says of an object, and nothing that acts: no code of the class it names is ever imported.

    Attributes
    ----------
    kind : str
        Full name of the class or function that the pickle calls, ``"neo.core.block.Block"``.
    args : tuple
        What it is called with.
    state : object
        What the pickle then gives it as its state, most often a dict of attributes; None if it gives none.
    items : list of (key, value)
        What the pickle then sets on it as on a dict.
    """

    __slots__ = ("args", "items", "state")
    kind: ClassVar[str] = ""

    args: tuple[Any, ...]
    state: Any
    items: list[tuple[Any, Any]]

    def __new__(cls, *args: Any) -> Any:  # noqa: D102 - how the unpickler makes it, for REDUCE and NEWOBJ alike
        self = object.__new__(cls)
        self.args = args
        self.state = None
        self.items = []
        return self

    # BUILD sets attributes, on classes too, unless it finds this method; on a class it lacks an argument and fails.
    def __setstate__(self, state: Any) -> None:
        if self.state is not None:
            raise Refused(f"gives a {self.kind} its state twice, which no pickler does: it is damaged or hostile")
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))


class _Text(Inert):
    """`_codecs.encode(text, "latin1")`, the way in which protocol 2 spells bytes.

    Each reader has a subclass of its own, with the number of letters that its pickle can hold: one text that is
    encoded again and again could fill any memory.
    """

    __slots__ = ()
    left: ClassVar[int]

    def __new__(cls, *args: Any) -> Any:
        if len(args) != 2 or type(args[0]) is not str or args[1] not in {"latin1", "latin-1"}:
            raise Refused("calls _codecs.encode for something other than bytes: it is damaged or hostile")
        cls.left -= len(args[0])
        if cls.left < 0:
            raise Refused("makes more bytes than it holds: it is damaged or hostile")
        return args[0].encode("latin1")


class _Empty(Inert):
    """`bytes()`, the way in which protocol 2 spells no bytes; with an argument it could ask for any memory."""

    __slots__ = ()

    def __new__(cls, *args: Any) -> Any:
        if args:
            raise Refused("calls bytes with arguments: it is damaged or hostile")
        return b""


def _stub(kind: str, base: type[Inert] = Inert) -> type[Inert]:
    return type(kind.rpartition(".")[2], (base,), {"__slots__": (), "kind": kind, "__module__": __name__})


ARRAY = "numpy.core.multiarray._reconstruct"

BUFFER = "numpy.core.numeric._frombuffer"

QUANTITY = "quantities.quantity._reconstruct_quantity"

SCALAR = "numpy.core.multiarray.scalar"

DTYPE = "numpy.dtype"

ENCODE = "_codecs.encode"

EMPTY_BYTES = "builtins.bytes"

DATETIME = "datetime.datetime"

STUBS: dict[str, type[Inert]] = {
    **{kind: _stub(kind) for kind in GLOBALS},
    ENCODE: _stub(ENCODE, _Text),
    EMPTY_BYTES: _stub(EMPTY_BYTES, _Empty),
}
"""What stands for every global that is known."""


def printable(text: str) -> str:
    """One line of printable text, of a bearable length."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:150])
    return shown if len(text) <= 150 else f"{shown[:147]}..."
