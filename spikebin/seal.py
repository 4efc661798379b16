"""The seal of a matrix file: one JSON object in its first 4096 bytes that says whether the file is whole.

Needs neither HDF5 nor numpy; knows nothing of what the file holds behind the seal.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spikebin.errors import MatrixFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FORMAT_VERSION", "SEAL_SIZE", "is_newer", "pack_seal", "parse_seal", "read_seal", "verify_seal"]

FORMAT_VERSION = 1
SEAL_SIZE = 4096
MAGIC = b"spikebin "
CHECK = b', "seal_crc32": '
REQUIRED = {
    "format_version": int,
    "size": int,
    "sha256": str,
    "sheet": str,
    "variant": str,
    "part": str,
    "shape": list,
    "layout": str,
    "codec": str,
    "binning": dict,
    "trial": dict,
    "phases": list,
    "n_spikes": int,
    "n_binned": int,
    "n_collisions": int,
    "n_outside": int,
    "content_digest": str,
}
REQUIRED_TYPES = list(REQUIRED.values())


def pack_seal(header: dict[str, Any]) -> bytes:
    """The 4096 bytes that seal a file.

    Parameters
    ----------
    header : dict
        Every key of REQUIRED (`size` and `sha256` are of the bytes behind the seal), and whatever else is to be kept.

    Returns
    -------
    bytes
        ``spikebin 1``, the header as JSON with a crc32 of all before it as its last key, newlines.

    Raises
    ------
    MatrixFileError
        If the header does not fit.
    """
    body = json.dumps(header, ensure_ascii=True, allow_nan=False).removesuffix("}").encode()
    text = MAGIC + str(FORMAT_VERSION).encode() + b"\n" + body
    text += CHECK + b"%d}\n" % zlib.crc32(text)
    if len(text) > SEAL_SIZE:
        raise MatrixFileError(
            f"the seal of {header['variant']}/{header['part']} {header['sheet']} takes {len(text)} bytes of"
            f" {SEAL_SIZE}: shorten the names of sheet, part, stimulus or source"
        )
    return text.ljust(SEAL_SIZE, b"\n")


def read_seal(path: Path | str) -> dict[str, Any]:
    """Read the seal of a file, check its own bytes, and compare its size with the file's.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    dict
        The header.

    Raises
    ------
    MatrixFileError
        If the file is not there, is no matrix file, is of a newer version, or has not the size it was sealed with.
    """
    with _opened(path) as descriptor:
        return parse_seal(os.read(descriptor, SEAL_SIZE), os.fstat(descriptor).st_size, path)


def parse_seal(block: bytes, size: int, path: Path | str) -> dict[str, Any]:
    """The header in the first bytes of a file of `size` bytes; raises as `read_seal`, `path` is for messages."""
    if not block.startswith(MAGIC):
        raise MatrixFileError(f"{path} is no spikebin matrix file (no seal): export it again, or give another file")
    version, _, rest = block[len(MAGIC) :].partition(b"\n")
    if version.isdigit() and int(version) > FORMAT_VERSION:
        raise MatrixFileError(
            f"{path} is of format_version {int(version)}, this spikebin knows {FORMAT_VERSION}: upgrade spikebin"
        )
    text, _, padding = rest.partition(b"\n")
    covered, found, check = text.rpartition(CHECK)
    check_sum = zlib.crc32(covered, zlib.crc32(block[: len(MAGIC) + len(version) + 1]))
    whole = len(block) == SEAL_SIZE and padding.count(b"\n") == len(padding)
    if not (whole and found and check == b"%d}" % check_sum):
        raise MatrixFileError(f"the seal of {path} is broken: export it again")
    header = json.loads(text)
    del header["seal_crc32"]
    if [type(header.get(key)) for key in REQUIRED] != REQUIRED_TYPES:
        raise MatrixFileError(f"the seal of {path} lacks what a seal must hold: export it again")
    if header["size"] != size - SEAL_SIZE:
        raise MatrixFileError(
            f"{path} has {size:,} bytes, its seal says {header['size'] + SEAL_SIZE:,}: it is cut off, export it again"
        )
    return header  # type: ignore[no-any-return]


def is_newer(path: Path) -> bool:
    """Whether a file, if it is there, is of a newer format_version than this spikebin knows."""
    try:
        with path.open("rb") as file:
            version = file.read(64).removeprefix(MAGIC).partition(b"\n")[0]
    except OSError:
        return False
    return version.isdigit() and int(version) > FORMAT_VERSION


def verify_seal(path: Path | str) -> dict[str, Any]:
    """Read the seal of a file and compare every byte behind it with the seal's sha256.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    dict
        The header.

    Raises
    ------
    MatrixFileError
        As `read_seal`, and if a byte has changed.
    """
    header = read_seal(path)
    digest = hashlib.sha256()
    with _opened(path) as descriptor:
        os.lseek(descriptor, SEAL_SIZE, os.SEEK_SET)
        while data := os.read(descriptor, 1 << 20):
            digest.update(data)
    if digest.hexdigest() != header["sha256"]:
        raise MatrixFileError(f"{path} has changed since it was sealed (sha256): export it again")
    return header


@contextmanager
def _opened(path: Path | str) -> Iterator[int]:
    """A bare descriptor: of 3,000 files, opening them as Python files takes longer than reading their seals."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise MatrixFileError(f"no file {path}: `spikebin missing` lists what is not exported yet") from None
    except OSError as error:
        raise MatrixFileError(f"{path} cannot be read ({error.strerror}): check the disk and your rights") from None
