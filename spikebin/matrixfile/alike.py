"""Seals that differ from one seen before only in what differs from part to part: read without a reader of JSON.

The seals of a sheet all say the same of its bins and how it was made. Once one of them has been read in full and found
to fit, the text of the next is held against it, byte by byte but for the facts of its own part: numbers and texts of
the same kind. Whatever else differs, the seal is read in full, see `spikebin.matrixfile.seal`. Of 10^5 seals that are
alike, the facts that tell files apart are taken at once, and the others when somebody asks for them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from spikebin.matrixfile.facts import KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spikebin.matrixfile.seal import Seal

__all__ = ["Alike", "Outline"]

# Numbers below 2**63; texts without a character that is escaped; seconds.
NUMBER, TEXT, SECONDS = rb"(0|[1-9]\d{0,17})", rb'"([^"\\\x00-\x1f\x7f-\xff]*)"', rb"((?:0|[1-9]\d{0,14})\.\d{1,15})"
# Of a shape, three of which multiply to less than 2**63; a place behind the seal, SEAL_SIZE or more.
EXTENT, PLACE = rb"([1-9]\d{0,5})", rb"(409[6-9]|4[1-9]\d\d|[5-9]\d{3}|[1-9]\d{4,17})"
MARK = "\x01%s\x01"
LETTERS = {NUMBER: "N", TEXT: "T", SECONDS: "S", EXTENT: "E", PLACE: "P"}
# The facts of a part, in the order of `Seal.as_dict`.
OWN: dict[str, Any] = {
    "created": TEXT,
    "size": NUMBER,
    "sha256": TEXT,
    "part": TEXT,
    "shape": [EXTENT] * 3,
    "n_spikes": NUMBER,
    "n_binned": NUMBER,
    "n_collisions": NUMBER,
    "n_outside": NUMBER,
    "content_digest": TEXT,
    "source": {"name": TEXT, "files": NUMBER, "size": NUMBER, "mtime": SECONDS},
    "chunks": {"offset": PLACE} | dict.fromkeys(("n_chunks", "crc32", "rest_crc32"), NUMBER),
    "n_unassigned": NUMBER,
}
SIZE, PART, SHAPE = 1, 3, slice(4, 7)
"""Which of them these are."""
BETWEEN = b"\0"
"""What no text of them holds."""


class Outline:
    """What tells a file from others of its data set; all that its seal says, when it is asked for.

    Parameters
    ----------
    like : Seal
        One that says the same but for the facts of a part: sheet, variant, binning and so on are its.
    part : str
    shape : tuple of int
        (trial, neuron, time).
    size : int
        Bytes after the seal.
    alike : Alike, optional
        What makes the seal of `own`. None: `like` is the seal itself.
    own : bytes
        The facts of its own part, as `Alike.read` keeps them.
    """

    __slots__ = ("_alike", "_own", "like", "part", "shape", "size")

    def __init__(
        self,
        like: Seal,
        part: str,
        shape: tuple[int, int, int],
        size: int,
        alike: Alike | None = None,
        own: bytes = b"",
    ) -> None:
        self.like, self.part, self.shape, self.size = like, part, shape, size
        self._alike, self._own = alike, own

    @property
    def seal(self) -> Seal:
        """All of it."""
        # In this order, as another thread may be at the same; the facts are not kept twice.
        own, alike = self._own, self._alike
        if alike is not None:
            self.like = alike.seal_of(own)
            self._alike = None
            self._own = b""
        return self.like


class Alike:
    """The pattern of the seals that are like one.

    Parameters
    ----------
    seal : Seal
        One that was read in full.
    text : bytes
        Its JSON up to its checksum.
    facts : mapping
        What that text says.
    """

    def __init__(self, seal: Seal, text: bytes, facts: Mapping[str, Any]) -> None:
        self._seal = seal
        self._pattern: re.Pattern[bytes] | None = None
        if facts["format_version"] == 1 or b"\\u0001" in text:
            return
        marked = json.dumps(
            {key: value if value is None else _marked(OWN.get(key, value)) for key, value in facts.items()}
        )
        pieces = re.split(rb'"\\u0001(.*?)\\u0001"', marked.removesuffix("}").encode())
        kinds = {letter.encode(): kind for kind, letter in LETTERS.items()}
        pattern = re.compile(b"".join(kinds[piece] if i % 2 else re.escape(piece) for i, piece in enumerate(pieces)))
        # The text may be written otherwise, or its facts come in another order.
        self._pattern = pattern
        outline = self.read(text)
        if outline is None or outline.seal != seal:
            self._pattern = None

    def read(self, text: bytes) -> Outline | None:
        """What a seal says.

        Parameters
        ----------
        text : bytes
            Its JSON up to its checksum.

        Returns
        -------
        Outline or None
            None where it has to be read in full.
        """
        found = self._pattern.fullmatch(text) if self._pattern else None
        if found is None:
            return None
        own = found.groups()
        name = own[PART].decode()
        if not KEYS["part"](name):
            return None
        trials, neurons, bins = own[SHAPE]
        shape = int(trials), int(neurons), int(bins)
        return Outline(self._seal, name, shape, int(own[SIZE]), self, BETWEEN.join(own))

    def seal_of(self, own: bytes) -> Seal:
        """The seal with the facts of a part.

        Parameters
        ----------
        own : bytes
            As `read` keeps them.

        Returns
        -------
        Seal
        """
        created, size, sha256, part, *numbers = own.split(BETWEEN)
        trials, neurons, bins, n_spikes, n_binned, n_collisions, n_outside, digest, name, *numbers = numbers
        files, bytes_read, mtime, offset, n_chunks, crc32, rest_crc32, *unassigned = numbers
        one: Any = self._seal
        seal: Seal = type(one)(
            sheet=one.sheet,
            variant=one.variant,
            part=part.decode(),
            shape=(int(trials), int(neurons), int(bins)),
            layout=one.layout,
            codec=one.codec,
            binning=one.binning,
            trial=one.trial,
            phases=one.phases,
            n_spikes=int(n_spikes),
            n_binned=int(n_binned),
            n_collisions=int(n_collisions),
            n_outside=int(n_outside),
            content_digest=digest.decode(),
            source=type(one.source)(name.decode(), int(files), int(bytes_read), float(mtime)),
            reading=one.reading,
            n_unassigned=int(unassigned[0]) if unassigned else None,
            views=one.views,
            chunks=type(one.chunks)(int(offset), int(n_chunks), int(crc32), int(rest_crc32)),
            limit=one.limit,
            size=int(size),
            sha256=sha256.decode(),
            created=created.decode(),
            spikebin_version=one.spikebin_version,
            format_version=one.format_version,
        )
        return seal


def _marked(kind: Any) -> Any:
    """A mark in the place of each of the facts of a part; whatever else there is as it is."""
    if isinstance(kind, list):
        return [_marked(one) for one in kind]
    if isinstance(kind, dict):
        return {name: _marked(one) for name, one in kind.items()}
    return MARK % LETTERS[kind] if isinstance(kind, bytes) else kind
