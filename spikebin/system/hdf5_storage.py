"""How a data set lies in an HDF5 file, asked of libhdf5 before PyTables opens it, and before any of it is read.

PyTables gives neither the creation property list of a data set nor the number of its chunks. Its own extension
module is linked to libhdf5, so whatever it is linked to can be called through it, on its own handles. What is to be
refused is decided elsewhere.
"""

from __future__ import annotations

import ctypes
import zlib
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_ssize_t, c_uint, c_uint64, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Self

from spikebin.errors import SpikebinError
from spikebin.system.compat import hdf5_id, hdf5_library

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Stored", "storage_of", "unpacks_within"]

LAYOUTS: tuple[Literal["compact", "contiguous", "chunked", "virtual"], ...] = (
    "compact", "contiguous", "chunked", "virtual",
)  # fmt: skip
KINDS = {0: "integer", 1: "float", 3: "text", 4: "bits", 6: "compound", 7: "reference", 8: "enumeration", 9: "vlen"}
DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
# What a byte of deflated data may become: https://zlib.net/zlib_tech.html
DEFLATE_RATIO = 1032
LONGEST_NAME = 4096
MOST_DIMENSIONS = 32
CHUNK_ITERATOR = ctypes.CFUNCTYPE(c_int, POINTER(c_uint64), c_uint, c_uint64, c_uint64, c_void_p)


@dataclass(frozen=True)
class Stored:
    """A data set as its header has it, and what of it is in the file.

    Parameters
    ----------
    layout : {"compact", "contiguous", "chunked", "virtual"}
    kind : str
        Class of its type: integer, float, text, vlen (texts of variable length, too), reference, compound, ...
    itemsize : int
        Bytes of an element.
    shape : tuple of int
        Empty for a single value; of a virtual or external data set, too, where to ask for it may open other files.
    n_stored : int
        Bytes in the file.
    chunk : tuple of int
        Shape of a chunk; empty without chunks.
    n_chunks : int
        Chunks that are in the file.
    largest : int
        Bytes of the largest of them as it is stored; 0 where libhdf5 is too old to tell.
    filters : tuple of (int, str, bool)
        Number and name of each, and whether this libhdf5 has it.
    external : tuple of str
        Files that hold its values.
    virtual : tuple of (str, str)
        Files and data sets that it is put together from.
    """

    layout: Literal["compact", "contiguous", "chunked", "virtual"]
    kind: str
    itemsize: int
    shape: tuple[int, ...] = ()
    n_stored: int = 0
    chunk: tuple[int, ...] = ()
    n_chunks: int = 0
    largest: int = 0
    filters: tuple[tuple[int, str, bool], ...] = ()
    external: tuple[str, ...] = ()
    virtual: tuple[tuple[str, str], ...] = ()


def storage_of(file: Any, path: str) -> Stored | None:
    """How a data set is stored.

    Parameters
    ----------
    file : tables.File
        Open, while the lock of `spikebin.system.hdf5` is held.
    path : str
        From the root, through no links.

    Returns
    -------
    Stored or None
        None if there is no such data set, or libhdf5 cannot open it.
    """
    lib = _library()
    with _Ids() as ids:
        data = ids.keep(lib.H5Dopen2(hdf5_id(file), path.encode(), 0), lib.H5Dclose)
        creation = ids.keep(lib.H5Dget_create_plist(data), lib.H5Pclose)
        number = lib.H5Pget_layout(creation)
        kind = ids.keep(lib.H5Dget_type(data), lib.H5Tclose)
        if data < 0 or creation < 0 or kind < 0 or not 0 <= number < len(LAYOUTS):
            return None
        facts: dict[str, Any] = {
            "layout": LAYOUTS[number],
            "kind": "vlen" if lib.H5Tis_variable_str(kind) > 0 else KINDS.get(lib.H5Tget_class(kind), "other"),
            "itemsize": lib.H5Tget_size(kind),
            "external": tuple(_external(lib, creation)),
        }
        if facts["layout"] == "virtual":
            return Stored(**facts, virtual=tuple(_virtual(lib, creation)))
        if facts["external"]:
            return Stored(**facts)
        space = ids.keep(lib.H5Dget_space(data), lib.H5Sclose)
        dims = (c_uint64 * MOST_DIMENSIONS)()
        n_dims = lib.H5Sget_simple_extent_dims(space, dims, None)
        if space < 0 or n_dims < 0:
            return None
        facts |= {"shape": tuple(dims[:n_dims]), "n_stored": lib.H5Dget_storage_size(data)}
        if facts["layout"] == "chunked":
            lib.H5Pget_chunk(creation, MOST_DIMENSIONS, dims)
            facts |= {"chunk": tuple(dims[:n_dims]), "filters": tuple(_filters(lib, creation))}
            sizes = [size for _, size in _chunks(lib, data)]
            count = c_uint64()
            if lib.H5Dget_num_chunks(data, 0, byref(count)) < 0:
                return None
            facts |= {"n_chunks": count.value, "largest": max(sizes, default=0)}
        return Stored(**facts)


def unpacks_within(file: Any, path: str, limit: int) -> bool:
    """Whether every deflated chunk of a data set becomes no more bytes than it should.

    Parameters
    ----------
    file, path
        As for `storage_of`; its first filters are shuffle and deflate.
    limit : int
        Bytes of a chunk that is not packed.
    """
    lib = _library()
    with _Ids() as ids:
        data = ids.keep(lib.H5Dopen2(hdf5_id(file), path.encode(), 0), lib.H5Dclose)
        for place, size in _chunks(lib, data):
            packed, mask = ctypes.create_string_buffer(size), c_uint()
            if lib.H5Dread_chunk(data, 0, place, byref(mask), packed) < 0:
                return False
            unpacker = zlib.decompressobj()
            try:
                n_bytes = len(unpacker.decompress(packed.raw, limit + 1))
            except zlib.error:
                # HDF5 says what is wrong with it.
                continue
            if n_bytes > limit:
                return False
    return True


class _Ids:
    """Handles of libhdf5 that are closed at the end, the last one first."""

    def __init__(self) -> None:
        self._open: list[tuple[int, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for number, close in reversed(self._open):
            close(number)

    def keep(self, number: int, close: Any) -> int:
        if number >= 0:
            self._open.append((number, close))
        return number


def _external(lib: Any, creation: int) -> Iterator[str]:
    for i in range(max(0, lib.H5Pget_external_count(creation))):
        name = ctypes.create_string_buffer(LONGEST_NAME)
        lib.H5Pget_external(creation, i, LONGEST_NAME - 1, name, None, None)
        yield name.value.decode("utf-8", "replace")


def _virtual(lib: Any, creation: int) -> Iterator[tuple[str, str]]:
    count = c_size_t()
    lib.H5Pget_virtual_count(creation, byref(count))
    for i in range(count.value):
        names = ctypes.create_string_buffer(LONGEST_NAME), ctypes.create_string_buffer(LONGEST_NAME)
        lib.H5Pget_virtual_filename(creation, i, names[0], LONGEST_NAME)
        lib.H5Pget_virtual_dsetname(creation, i, names[1], LONGEST_NAME)
        yield names[0].value.decode("utf-8", "replace"), names[1].value.decode("utf-8", "replace")


def _filters(lib: Any, creation: int) -> Iterator[tuple[int, str, bool]]:
    for i in range(max(0, lib.H5Pget_nfilters(creation))):
        name, flags, n_values, config = ctypes.create_string_buffer(256), c_uint(), c_size_t(0), c_uint()
        number = lib.H5Pget_filter2(creation, i, byref(flags), byref(n_values), None, 255, name, byref(config))
        yield number, name.value.decode("utf-8", "replace") or f"filter {number}", lib.H5Zfilter_avail(number) > 0


def _chunks(lib: Any, data: int) -> list[tuple[Any, int]]:
    """Where each chunk begins, and its bytes; none where this libhdf5 cannot list them."""
    if not hasattr(lib, "H5Dchunk_iter"):
        return []
    found: list[tuple[Any, int]] = []

    def take(place: Any, _: int, __: int, size: int, ___: Any) -> int:
        found.append(((c_uint64 * MOST_DIMENSIONS)(*place[:n_dims]), size))
        return 0

    with _Ids() as ids:
        space = ids.keep(lib.H5Dget_space(data), lib.H5Sclose)
        n_dims = max(0, lib.H5Sget_simple_extent_ndims(space))
    lib.H5Dchunk_iter(data, 0, CHUNK_ITERATOR(take), None)
    return found


@cache
def _library() -> Any:
    """The libhdf5 of PyTables; what is called holds Python's lock, as PyTables itself does."""
    lib = hdf5_library()
    hid, herr, size = c_int64, c_int, c_uint64
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "H5Dopen2": (hid, [hid, c_char_p, hid]),
        "H5Dclose": (herr, [hid]),
        "H5Dget_create_plist": (hid, [hid]),
        "H5Dget_type": (hid, [hid]),
        "H5Dget_space": (hid, [hid]),
        "H5Dget_storage_size": (size, [hid]),
        "H5Dget_num_chunks": (herr, [hid, hid, POINTER(size)]),
        "H5Dread_chunk": (herr, [hid, hid, POINTER(size), POINTER(c_uint), c_void_p]),
        "H5Pclose": (herr, [hid]),
        "H5Pget_layout": (c_int, [hid]),
        "H5Pget_chunk": (c_int, [hid, c_int, POINTER(size)]),
        "H5Pget_external_count": (c_int, [hid]),
        "H5Pget_external": (herr, [hid, c_uint, c_size_t, c_char_p, c_void_p, c_void_p]),
        "H5Pget_virtual_count": (herr, [hid, POINTER(c_size_t)]),
        "H5Pget_virtual_filename": (c_ssize_t, [hid, c_size_t, c_char_p, c_size_t]),
        "H5Pget_virtual_dsetname": (c_ssize_t, [hid, c_size_t, c_char_p, c_size_t]),
        "H5Pget_nfilters": (c_int, [hid]),
        "H5Pget_filter2": (
            c_int,
            [hid, c_uint, POINTER(c_uint), POINTER(c_size_t), c_void_p, c_size_t, c_char_p, POINTER(c_uint)],
        ),
        "H5Sclose": (herr, [hid]),
        "H5Sget_simple_extent_ndims": (c_int, [hid]),
        "H5Sget_simple_extent_dims": (c_int, [hid, POINTER(size), c_void_p]),
        "H5Tclose": (herr, [hid]),
        "H5Tget_class": (c_int, [hid]),
        "H5Tget_size": (c_size_t, [hid]),
        "H5Tis_variable_str": (c_int, [hid]),
        "H5Zfilter_avail": (c_int, [c_int]),
    }
    try:
        for name, (result, arguments) in signatures.items():
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise SpikebinError(
            f"this build of PyTables hides what HDF5 knows of a file ({error}): install tables from PyPI or conda-forge"
        ) from None
    if hasattr(lib, "H5Dchunk_iter"):
        lib.H5Dchunk_iter.restype, lib.H5Dchunk_iter.argtypes = herr, [hid, hid, CHUNK_ITERATOR, c_void_p]
    return lib
