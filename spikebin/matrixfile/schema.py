"""The tables of a matrix file: which columns they have, and how they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import MatrixFileError
from spikebin.recordings.protocol import NEURON_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from spikebin.binning.trial import Trial
    from spikebin.recordings.protocol import SourceFile

# Kind of each column that every such table has, a star for each axis that a row has there; /trials and /neurons may
# have more.
COLUMNS = {
    "trials": {"image_id": "S", "repeat": "i", "order": "i", "n_bins": "i", "phase_bins": "i*", "stimulus": "S"},
    "neurons": {"neuron_id": "i", "x": "f", "y": "f", "z": "f"},
    "source": {"name": "S", "size": "i", "mtime": "f"},
    "parameters": {"name": "S", "text": "S"},
}


# Of what describes a table's columns, HDF5 holds 64 KiB at most: so much for each, beside its name.
HEADER_BYTES = 48_000
COLUMN_BYTES = 80
# PyTables warns of 512.
MOST_COLUMNS = 500


def create_table(file: Any, name: str, array: NDArray[Any]) -> None:
    """Store a structured array as the table ``/<name>`` of a PyTables file that is open for writing.

    The columns that one table of HDF5 cannot hold lie in ``/<name>_2``, ``/<name>_3`` and so on.
    """
    import tables

    filters = tables.Filters(complevel=1, complib="zlib")
    for i, names in enumerate(_column_groups(array.dtype.names or ()), 1):
        part = np.empty(len(array), [(column, array.dtype[column]) for column in names])
        for column in names:
            part[column] = array[column]
        where = name if i == 1 else f"{name}_{i}"
        file.create_table("/", where, obj=part, filters=filters, track_times=False, chunkshape=max(1, len(array)))


def joined(tables: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Tables that `create_table` took apart as one."""
    if len(tables) == 1:
        return tables[0]
    fields = [(name, table.dtype[name]) for table in tables for name in table.dtype.names or ()]
    whole = np.empty(len(tables[0]), fields)
    for table in tables:
        for name in table.dtype.names or ():
            whole[name] = table[name]
    return whole


def _column_groups(names: Sequence[str]) -> list[list[str]]:
    groups: list[list[str]] = []
    room = 0
    for name in names:
        size = len(name.encode()) + COLUMN_BYTES
        if room < size or len(groups[-1]) == MOST_COLUMNS:
            groups.append([])
            room = HEADER_BYTES
        groups[-1].append(name)
        room -= size
    return groups


def encoded(texts: Sequence[str]) -> NDArray[np.bytes_]:
    """UTF-8 in fixed width, at least 1 byte, since HDF5 has no empty strings."""
    encoded = [text.encode() for text in texts]
    return np.array(encoded, f"S{max([1, *map(len, encoded)])}")


def decoded(table: NDArray[Any]) -> NDArray[Any]:
    """The same table with its bytes as text."""
    columns = {
        name: np.char.decode(table[name], "utf-8") if table.dtype[name].kind == "S" else table[name]
        for name in table.dtype.names or ()
    }
    fields = [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    out = np.empty(len(table), fields)
    for name, column in columns.items():
        out[name] = column
    return out


def trial_table(trials: Sequence[Trial], bins: Sequence[Sequence[int]]) -> NDArray[Any]:
    """/trials as it is stored, from trials and how many bins each of their phases has."""
    for trial in trials:
        if "\0" in trial.image_id:
            raise MatrixFileError(f"image id {trial.image_id!r} holds a NUL character: rename the image")
    columns: dict[str, NDArray[Any]] = {
        "image_id": encoded([trial.image_id for trial in trials]),
        "repeat": np.array([trial.repeat for trial in trials], "<i8"),
        "order": np.array([trial.order for trial in trials], "<i8"),
        "n_bins": np.array([sum(row) for row in bins], "<i8"),
        "phase_bins": np.array(bins, "<i8"),
        "stimulus": encoded([trial.stimulus for trial in trials]),
    }
    for i, (name, _) in enumerate(trials[0].extra):
        values = np.array([trial.extra[i][1] for trial in trials])
        columns[name] = encoded(values.tolist()) if values.dtype.kind == "U" else values
    table = np.empty(len(trials), [(name, column.dtype, column.shape[1:]) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    return table


def neuron_table(neurons: NDArray[Any]) -> NDArray[Any]:
    """/neurons as it is stored: the columns that every such table has, then what else the recording knows of each."""
    known = dict(NEURON_FIELDS)
    columns: dict[str, NDArray[Any]] = {name: neurons[name].astype(kind) for name, kind in NEURON_FIELDS}
    for name in neurons.dtype.names or ():
        if name not in known:
            column = neurons[name]
            columns[name] = encoded(column.tolist()) if column.dtype.kind == "U" else column
    table = np.empty(len(neurons), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    return table


def source_table(files: Sequence[SourceFile]) -> NDArray[Any]:
    """/source as it is stored."""
    names = encoded([file.name for file in files])
    table = np.empty(len(files), [("name", names.dtype), ("size", "<i8"), ("mtime", "<f8")])
    table["name"] = names
    table["size"] = [file.size for file in files]
    table["mtime"] = [file.mtime for file in files]
    return table


def parameter_table(texts: Mapping[str, str]) -> NDArray[Any]:
    """/parameters as it is stored: what the recording has written down of how it was made."""
    columns = {"name": encoded(list(texts)), "text": encoded(list(texts.values()))}
    table = np.empty(len(texts), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    return table
