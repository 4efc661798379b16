"""Tables in Parquet and Feather files, at once or batch by batch. pyarrow (extra parquet) is imported here alone."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["ARROW_SUFFIXES", "batches", "column_types", "read_columns"]

ARROW_SUFFIXES = (".parquet", ".pqt", ".feather", ".arrow")
PARQUET = b"PAR1"
AT_ONCE = 1 << 18


def column_types(path: Path) -> dict[str, np.dtype[Any] | None]:
    """The columns of a table, and what each holds.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to dtype or None
        Numbers and booleans as numpy has them, text as ``<U0``; None: of anything else.

    Raises
    ------
    RecordingError
        If pyarrow is not installed, or it cannot be read.
    """
    with _opened(path) as (schema, _):
        return {field.name: _dtype(field.type) for field in schema}


def batches(path: Path, columns: Sequence[str]) -> Iterator[list[NDArray[Any]]]:
    """Some columns, a batch of rows at a time.

    Parameters
    ----------
    path : Path
    columns : sequence of str

    Yields
    ------
    list of ndarray (n_rows,)
        One for each column: numbers, booleans or text; a missing number is nan, a missing text "".

    Raises
    ------
    RecordingError
        As `column_types`; or if a column holds neither numbers nor texts.
    """
    with _opened(path) as (_, read):
        for batch in read(list(columns)):
            yield [_as_numpy(batch.column(name), f"{path.name}: column {name!r}") for name in columns]


def read_columns(path: Path) -> dict[str, NDArray[Any]]:
    """A small table, in memory.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to ndarray (n_rows,)
        Columns of numbers, booleans and texts; others are left out.

    Raises
    ------
    RecordingError
        As `column_types`.
    """
    types = column_types(path)
    known = [name for name, dtype in types.items() if dtype is not None]
    parts = list(batches(path, known))
    return {
        name: np.concatenate([part[i] for part in parts]) if parts else np.empty(0, types[name])
        for i, name in enumerate(known)
    }


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Schema of a file, and what reads batches of some columns of it."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise RecordingError(f"{path.name}: pyarrow is not installed: pip install 'spikebin[parquet]'") from None
    try:
        with path.open("rb") as head:
            is_parquet = head.read(len(PARQUET)) == PARQUET
        if is_parquet:
            with pq.ParquetFile(path) as file:
                # Over several row groups at once, pyarrow keeps those that it is done with.
                groups = range(file.num_row_groups)
                yield (
                    file.schema_arrow,
                    lambda columns: chain.from_iterable(
                        file.iter_batches(AT_ONCE, row_groups=[i], columns=columns) for i in groups
                    ),
                )
        else:
            with pa.memory_map(str(path)) as source:
                ipc = pa.ipc.open_file(source)

                def read(columns: list[str]) -> Iterator[Any]:
                    for i in range(ipc.num_record_batches):
                        batch = ipc.get_batch(i)
                        batch.validate(full=True)
                        yield batch.select(columns)

                yield ipc.schema, read
    except (pa.ArrowException, ValueError, OSError) as error:
        text = " ".join(str(error).split())[:120] or type(error).__name__
        raise RecordingError(
            f"{path} cannot be read as Parquet or Feather ({text}): check that it is complete, or write it again"
        ) from None


def _dtype(kind: Any) -> np.dtype[Any] | None:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        numbers: np.dtype[Any] = np.dtype(kind.to_pandas_dtype())
        return numbers
    return np.dtype("<U1") if types.is_string(kind) or types.is_large_string(kind) else None


def _as_numpy(column: Any, where: str) -> NDArray[Any]:
    import pyarrow as pa

    dtype = _dtype(column.type)
    if dtype is None:
        raise RecordingError(f"{where} holds {column.type}, neither numbers nor texts: choose another column")
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if dtype.kind == "U":
        return np.array(column.fill_null("").to_pylist(), np.str_)
    if column.null_count:
        # As float64, where a missing number has a place; whole numbers beyond 2^53 would be rounded.
        return np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
    found: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return found
