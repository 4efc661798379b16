"""Statistics as files: a tidy table each as CSV, JSON or parquet, or all arrays as one npz; complete or not there."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from spikebin.choices import StatsFormat
from spikebin.errors import SpikebinError
from spikebin.names import directory_name, suggest
from spikebin.stats.statistics import Stats, WidthStats
from spikebin.stats.tables import stats_tables
from spikebin.system.files import write_atomically
from spikebin.system.leftovers import remove_stale

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Table = Mapping[str, NDArray[Any]]

__all__ = ["write_statistics"]

ROWS = 10_000
"""That are turned into text at once."""


def write_statistics(
    found: Sequence[tuple[str, Stats]], out: Path, formats: Sequence[StatsFormat] = ("csv",)
) -> Iterator[Path]:
    """Write statistics of sheets and subsets of their neurons, a file for each table.

    Parameters
    ----------
    found : sequence of (str, Stats)
        Name of the subset, and its statistics.
    out : Path
        Directory.
    formats : sequence of {"csv", "json", "parquet", "npz"}
        csv, json and parquet: the tables of `spikebin.stats.tables.stats_tables`, with the columns variant, sheet and
        subset before the others; nan is an empty cell, or null. npz: every array of every `Stats`, as
        ``<variant>/<sheet>/<subset>/<name>`` or ``<variant>/<sheet>/<subset>/<width>ms/<name>``, the sheet by its
        directory's name.

    Yields
    ------
    Path
        Of each file that was written.

    Raises
    ------
    DiskFullError
        If no space or quota is left.
    SpikebinError
        If there is no such format, a file cannot be written, or pyarrow is not installed, for parquet.
    """
    for kind in formats:
        if kind not in get_args(StatsFormat):
            raise SpikebinError(f"no format {kind!r} of statistics: {suggest(kind, get_args(StatsFormat))}")
    tables = [stats_tables(stats, _facts(subset, stats)) for subset, stats in found]
    names = list(tables[0]) if tables else []
    for kind in dict.fromkeys(formats):
        if kind == "npz":
            path = out / "stats.npz"
            buffer = io.BytesIO()
            arrays: dict[str, Any] = dict(_arrays(found))
            np.savez_compressed(buffer, **arrays)
            remove_stale(path.parent, path.name)
            write_atomically(path, [buffer.getbuffer()])
            yield path
            continue
        for name in names:
            path = out / f"{name}.{kind}"
            remove_stale(path.parent, path.name)
            write_atomically(path, _text_or_bytes(kind, [table[name] for table in tables]))
            yield path


def _facts(subset: str, stats: Stats) -> dict[str, str]:
    variant, sheet = stats.name.split("/", 1)
    return {"variant": variant, "sheet": sheet, "subset": subset}


def _arrays(found: Sequence[tuple[str, Stats]]) -> Iterator[tuple[str, NDArray[Any]]]:
    for subset, stats in found:
        variant, sheet = stats.name.split("/", 1)
        place = f"{variant}/{directory_name(sheet)}/{subset}"
        for field in fields(Stats):
            value = getattr(stats, field.name)
            if isinstance(value, np.ndarray):
                yield f"{place}/{field.name}", value
        for one in stats.widths:
            for field in fields(WidthStats):
                yield f"{place}/{one.width:g}ms/{field.name}", np.asarray(getattr(one, field.name))


def _text_or_bytes(kind: str, tables: Sequence[Table]) -> Iterator[bytes]:
    if kind == "csv":
        yield from _csv(tables)
    elif kind == "json":
        yield from _json(tables)
    else:
        yield _parquet(tables)


def _csv(tables: Sequence[Table]) -> Iterator[bytes]:
    names = _names(tables)
    yield _lines([names])
    for table in tables:
        for rows in _rows(table, names, ""):
            yield _lines(rows)


def _names(tables: Sequence[Table]) -> list[str]:
    """The columns of all of them: more may be known of the neurons of one sheet than of another."""
    return list(dict.fromkeys(name for table in tables for name in table))


def _lines(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _json(tables: Sequence[Table]) -> Iterator[bytes]:
    """A list of objects, one for each row, in lines."""
    names, before = _names(tables), "[\n"
    for table in tables:
        for rows in _rows(table, names, None):
            yield (before + ",\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)).encode()
            before = ",\n"
    yield ("[]\n" if before == "[\n" else "\n]\n").encode()


def _rows(table: Table, names: Sequence[str], nothing: Any) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of Python's own values, some at a time; `nothing` for nan, and for a column that the table does not have."""
    n = len(next(iter(table.values())))
    for first in range(0, n, ROWS):
        columns = []
        for name in names:
            values = table[name][first : first + ROWS] if name in table else np.full(min(ROWS, n - first), np.nan)
            listed = values.tolist()
            if values.dtype.kind == "f":
                listed = [nothing if math.isnan(value) else value for value in listed]
            columns.append(listed)
        yield list(zip(*columns, strict=True))


def _parquet(tables: Sequence[Table]) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise SpikebinError("pyarrow is not installed: pip install 'spikebin[parquet]', or give --format csv") from None
    arrow = pa.concat_tables([_arrow(table) for table in tables], promote_options="default")
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink, compression="zstd")
    whole: bytes = sink.getvalue().to_pybytes()
    return whole


def _arrow(table: Table) -> Any:
    """Of one type each, whatever the length of a sheet's texts; nan is null, as in the other formats."""
    import pyarrow as pa

    columns = {}
    for name, column in table.items():
        if column.dtype.kind == "U":
            columns[name] = pa.array(column.tolist(), pa.string())
        else:
            columns[name] = pa.array(column, from_pandas=True)
    return pa.table(columns)
