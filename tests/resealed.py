"""Seals made by hand around the content of a matrix file."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import replace

import hdf5plugin  # noqa: F401  registers Blosc2 with h5py

from spikebin.matrixfile.seal import SEAL_SIZE, read_seal


def version_1(path):
    """What the seal of a file says, as a file of format_version 1 says it: HDF5 tells where its chunks lie."""
    return replace(read_seal(path), format_version=1).as_dict()


def seal_around(text):
    """A seal with the right checksum around any text, which ends where the last key of an object would come."""
    text = b"spikebin 1\n" + text
    return (text + b', "seal_crc32": %d}\n' % zlib.crc32(text)).ljust(SEAL_SIZE, b"\n")


def resealed(path, header):
    """Put another seal on a file, whatever it says."""
    image = path.read_bytes()[SEAL_SIZE:]
    header = {"size": len(image)} | header | {"sha256": hashlib.sha256(image).hexdigest()}
    path.write_bytes(seal_around(json.dumps(header).removesuffix("}").encode()) + image)
