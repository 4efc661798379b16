"""The seal of a matrix file: one JSON object in its first 4096 bytes that says whether the file is complete.

Needs neither HDF5 nor numpy; knows nothing of what the file holds after the seal.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from spikebin.binning.rules import Binning
from spikebin.binning.tally import Tally
from spikebin.errors import DamagedFileError, MatrixFileError
from spikebin.matrixfile.alike import Alike, Outline
from spikebin.matrixfile.facts import FORMAT_VERSION, KEYS, SEAL_SIZE, SINCE_2, misfit
from spikebin.names import directory_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spikebin.choices import Codec, Layout

__all__ = [
    "FORMAT_VERSION",
    "SEAL_SIZE",
    "ChunkTable",
    "Identity",
    "Seal",
    "SealedPhase",
    "SealedSource",
    "is_newer",
    "pack_facts",
    "pack_seal",
    "parse_seal",
    "read_outline",
    "read_seal",
    "verify_seal",
]

MAGIC = b"spikebin "
CHECK = b', "seal_crc32": '
PADDING = b"\n" * SEAL_SIZE


@dataclass(frozen=True)
class Identity:
    """Which sheet of which part a file holds."""

    sheet: str
    variant: str
    part: str

    def __str__(self) -> str:
        return f"{self.variant}/{self.part}/{self.sheet}"

    def names(self, variant: str, part: str, sheet: str) -> bool:
        """Whether this is that sheet of that part; the sheet by its raw or its directory name."""
        return (self.variant, self.part, directory_name(self.sheet)) == (variant, part, directory_name(sheet))


@dataclass(frozen=True)
class SealedPhase:
    """A phase of the longest trial: the columns it takes, and how many ms it lasts."""

    name: str
    first_bin: int
    bins: int
    duration: float


@dataclass(frozen=True, slots=True)
class SealedSource:
    """What a file was made from: name of the recording, number and bytes of the files read, the newest mtime (s)."""

    name: str
    files: int
    size: int
    mtime: float


@dataclass(frozen=True, slots=True)
class ChunkTable:
    """Where the table of checksums lies, how many rows it has, its own crc32, and that of all that is not in it."""

    offset: int
    n_chunks: int
    crc32: int
    rest_crc32: int


@dataclass(frozen=True, slots=True)
class Seal:
    """What a seal says: the facts of one matrix file.

    Parameters
    ----------
    sheet, variant, part : str
    shape : tuple of int
        (trial, neuron, time).
    layout, codec : str
    binning : Binning
    trial : mapping
        The settings that made the trials, as far as they differ from the defaults.
    phases : tuple of SealedPhase
    n_spikes, n_binned, n_collisions, n_outside : int
        See `tally`.
    content_digest : str
        See `spikebin.matrixfile.digest`.
    source : SealedSource
    reading : mapping or None
        The settings by which the recording was read, as far as they differ from the defaults; None in format_version 1.
    n_unassigned : int or None
        Spikes of the sheet's recording that no trial took; None where that is not known, and in format_version 1.
    views : tuple of str
        The chain of views that the file was made by; empty where it was made from a recording.
    chunks : ChunkTable or None
        Checksums, see `spikebin.matrixfile.checksums`; None in format_version 1.
    limit : int or None
        Only so many trials of the recording were asked for: such a file is not complete. None: all.
    size : int
        Bytes after the seal.
    sha256 : str
        Of these bytes.
    created : str
        UTC, ISO 8601.
    spikebin_version : str
    format_version : int
    """

    sheet: str
    variant: str
    part: str
    shape: tuple[int, int, int]
    layout: Layout
    codec: Codec
    binning: Binning
    trial: Mapping[str, Any]
    phases: tuple[SealedPhase, ...]
    n_spikes: int
    n_binned: int
    n_collisions: int
    n_outside: int
    content_digest: str
    source: SealedSource
    reading: Mapping[str, Any] | None = None
    n_unassigned: int | None = None
    views: tuple[str, ...] = ()
    chunks: ChunkTable | None = None
    limit: int | None = None
    size: int = 0
    sha256: str = ""
    created: str = ""
    spikebin_version: str = ""
    format_version: int = FORMAT_VERSION

    @property
    def identity(self) -> Identity:
        """Which sheet of which part the file holds."""
        return Identity(self.sheet, self.variant, self.part)

    @property
    def tally(self) -> Tally:
        """Where the spikes went."""
        return Tally(self.n_spikes, self.n_binned, self.n_collisions, self.n_outside)

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON holds it, in the order of the file."""
        values: dict[str, Any] = {key: getattr(self, key) for key in KEYS}
        values |= {"shape": list(self.shape), "binning": asdict(self.binning), "trial": dict(self.trial)}
        values |= {"phases": [asdict(phase) for phase in self.phases], "source": asdict(self.source)}
        if self.format_version == 1:
            values |= dict.fromkeys(SINCE_2)
        else:
            values |= {"views": list(self.views), "chunks": None if self.chunks is None else asdict(self.chunks)}
        return {key: value for key, value in values.items() if value is not None}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


DECODER = json.JSONDecoder(parse_constant=_refuse)


def pack_seal(seal: Seal) -> bytes:
    """The 4096 bytes that seal a file.

    Parameters
    ----------
    seal : Seal
        `size` and `sha256` are of the bytes after the seal.

    Returns
    -------
    bytes
        ``spikebin 2``, the facts as JSON with a crc32 of all before it as its last key, newlines.

    Raises
    ------
    MatrixFileError
        If the facts do not fit, or are such that no reader takes them.
    """
    return pack_facts(seal.as_dict())


def pack_facts(facts: Mapping[str, Any]) -> bytes:
    """As `pack_seal`, from the facts as JSON holds them.

    Parameters
    ----------
    facts : mapping
        What `Seal.as_dict` gives.

    Returns
    -------
    bytes

    Raises
    ------
    MatrixFileError
        As `pack_seal`.
    """
    body = json.dumps(facts, ensure_ascii=True, allow_nan=False).removesuffix("}").encode()
    text = MAGIC + str(facts.get("format_version")).encode() + b"\n" + body
    text += CHECK + b"%d}\n" % zlib.crc32(text)
    if len(text) > SEAL_SIZE:
        raise MatrixFileError(
            f"the seal of {facts['variant']}/{facts['part']} {facts['sheet']} takes {len(text)} bytes of {SEAL_SIZE}:"
            " shorten the names of sheet, part, stimulus or source"
        )
    if key := misfit(facts):
        raise MatrixFileError(f"a seal cannot say {key} = {facts.get(key)!r}: give another {key}")
    return text.ljust(SEAL_SIZE, b"\n")


def read_seal(path: Path | str) -> Seal:
    """Read the seal of a file, check its own bytes, and compare its size with the file's.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    Seal

    Raises
    ------
    MatrixFileError
        If the file is not there, is not a matrix file, is of a newer version, or has not the size it was sealed with.
    """
    return read_outline(path)[0].seal


def read_outline(path: Path | str) -> tuple[Outline, os.stat_result]:
    """As `read_seal`, and what the file system says of the very file that was read, which may be replaced meanwhile.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    outline : Outline
    stat : os.stat_result

    Raises
    ------
    MatrixFileError
        As `read_seal`.
    """
    try:
        # By a bare descriptor: of 3,000 files, opening them as Python files takes longer than reading their seals.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            stat = os.fstat(descriptor)
            block = os.read(descriptor, SEAL_SIZE)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreadable(path, error) from None
    return parse_outline(block, stat.st_size, path), stat


def parse_seal(block: bytes, size: int, path: Path | str) -> Seal:
    """The seal in the first bytes of a file.

    Parameters
    ----------
    block : bytes
        The first SEAL_SIZE of the file, or all that it has.
    size : int
        Bytes of the file.
    path : Path or str
        For messages.

    Returns
    -------
    Seal

    Raises
    ------
    MatrixFileError
        As `read_seal`, but for a file that is not there.
    """
    return parse_outline(block, size, path).seal


def parse_outline(block: bytes, size: int, path: Path | str) -> Outline:
    """As `parse_seal`, without making all of the seal."""
    if not block.startswith(MAGIC):
        raise MatrixFileError(f"{path} is not a spikebin matrix file (no seal): export it again, or give another file")
    version, _, rest = block[len(MAGIC) :].partition(b"\n")
    if version.isdigit() and int(version) > FORMAT_VERSION:
        raise MatrixFileError(
            f"{path} is of format_version {int(version)}, this spikebin knows {FORMAT_VERSION}: upgrade spikebin"
        )
    text, _, padding = rest.partition(b"\n")
    covered, found, check = text.rpartition(CHECK)
    check_sum = zlib.crc32(covered, zlib.crc32(block[: len(MAGIC) + len(version) + 1]))
    complete = len(block) == SEAL_SIZE and padding == PADDING[: len(padding)]
    if not (complete and found and check == b"%d}" % check_sum):
        raise MatrixFileError(f"the seal of {path} is broken: export it again")
    outline = _known.read(covered) or _read_in_full(text, covered, path)
    if outline.size != size - SEAL_SIZE:
        raise MatrixFileError(
            f"{path} has {size:,} bytes, its seal says {outline.size + SEAL_SIZE:,}: it is cut off, export it again"
        )
    return outline


class _Known:
    """The last seals that were read in full, of some sheets."""

    def __init__(self) -> None:
        self._alike: deque[Alike] = deque(maxlen=8)
        self._n_others = 0

    def read(self, covered: bytes) -> Outline | None:
        for one in list(self._alike):
            if outline := one.read(covered):
                self._n_others = 0
                return outline
        return None

    def learn(self, seal: Seal, covered: bytes, facts: Mapping[str, Any]) -> None:
        # Not from the first, which may be the only one; ever more rarely after that, where no two are alike.
        self._n_others += 1
        if self._n_others > 1 and self._n_others & (self._n_others - 1) == 0:
            self._alike.appendleft(Alike(seal, covered, facts))


_known = _Known()


def _read_in_full(text: bytes, covered: bytes, path: Path | str) -> Outline:
    try:
        facts = DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        raise MatrixFileError(f"the seal of {path} holds no JSON ({error}): export it again") from None
    if key := misfit(facts):
        raise MatrixFileError(f"the seal of {path} is not one that spikebin writes ({key}): export it again")
    seal = _sealed(facts)
    _known.learn(seal, covered, {key: value for key, value in facts.items() if key != "seal_crc32"})
    return Outline(seal, seal.part, seal.shape, seal.size)


def is_newer(path: Path) -> bool:
    """Whether a file, if it is there, is of a newer format_version than this spikebin knows.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
    """
    try:
        with path.open("rb") as file:
            version = file.read(64).removeprefix(MAGIC).partition(b"\n")[0]
    except OSError:
        return False
    return version.isdigit() and int(version) > FORMAT_VERSION


def verify_seal(path: Path | str) -> Seal:
    """Read the seal of a file and compare every byte after it with the seal's sha256.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    Seal

    Raises
    ------
    MatrixFileError
        As `read_seal`, and if a byte has changed.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            seal = parse_seal(file.read(SEAL_SIZE), os.fstat(file.fileno()).st_size, path)
            while data := file.read(1 << 20):
                digest.update(data)
    except OSError as error:
        raise _unreadable(path, error) from None
    if digest.hexdigest() != seal.sha256:
        raise DamagedFileError(
            f"{path} has changed since it was sealed (sha256): `spikebin run`, or `spikebin submit --missing`, exports"
            " it again",
            path,
        )
    return seal


def _sealed(facts: dict[str, Any]) -> Seal:
    """A seal from facts that fit; what a newer release of this format_version adds is passed over."""
    values = {key: facts[key] for key in facts if key in KEYS}
    values["binning"] = Binning(**facts["binning"])
    values["phases"] = tuple(SealedPhase(**phase) for phase in facts["phases"])
    values["shape"] = tuple(facts["shape"])
    values["source"] = SealedSource(**facts["source"])
    if facts["format_version"] == 1:
        # That release said by which views a file was made in the name of its source.
        name, *steps = facts["source"]["name"].split(" | ")
        for key in SINCE_2:
            values.pop(key, None)
        values["views"] = tuple(steps) if " (content " in name else ()
    else:
        values["views"] = tuple(facts["views"])
        values["chunks"] = ChunkTable(**facts["chunks"])
    return Seal(**values)


def _unreadable(path: Path | str, error: OSError) -> MatrixFileError:
    if isinstance(error, FileNotFoundError):
        return MatrixFileError(f"no file {path}: `spikebin missing` lists what is not exported yet")
    return MatrixFileError(f"{path} cannot be read ({error.strerror}): check the disk and your rights")
