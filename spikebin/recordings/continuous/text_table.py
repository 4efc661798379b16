"""Tables in text files: CSV, TSV, or columns apart by blanks, whole or chunk by chunk."""

from __future__ import annotations

import csv
import warnings
from contextlib import contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.spike_index import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Header", "number_chunks", "read_header", "read_table"]

# The largest whole number that a float64 tells from its neighbours.
LARGEST_ID = 1 << 53


class Header:
    """The first line of a table that is not a comment: names of the columns, or their number where it holds numbers.

    Parameters
    ----------
    line : str
    n_lines : int
        Lines of the file up to it, itself included.

    Attributes
    ----------
    delimiter : str or None
        None: blanks.
    names : list of str or None
        None where the first line is data already.
    n_columns : int
    n_lines : int
        Lines before the first line of data.
    """

    def __init__(self, line: str, n_lines: int) -> None:
        self.delimiter = next((mark for mark in "\t,;" if mark in line.strip()), None)
        cells = split(line, self.delimiter)
        self.names = None if all(_is_number(cell) for cell in cells if cell) else cells
        self.n_columns = len(cells)
        self.n_lines = n_lines if self.names else n_lines - 1


def split(line: str, delimiter: str | None) -> list[str]:
    """The cells of a line, quotes and blanks around them taken off."""
    if delimiter is None:
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))]


def read_header(path: Path) -> Header:
    """Look at the head of a text table.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Header

    Raises
    ------
    RecordingError
        If it cannot be read, is empty, or is not text.
    """
    with _opened(path) as file:
        for n, line in enumerate(file, 1):
            if line.strip() and not line.startswith("#"):
                return Header(line, n)
    raise RecordingError(f"{path} is empty: check that it was written to its end")


def number_chunks(path: Path, header: Header, columns: list[int]) -> Iterator[NDArray[np.float64]]:
    """Columns of numbers, CHUNK lines at a time.

    Parameters
    ----------
    path : Path
    header : Header
        From `read_header`.
    columns : list of int
        Their places, from 0.

    Yields
    ------
    float64 (n_columns, n_lines)

    Raises
    ------
    RecordingError
        If the file cannot be read, or a cell is missing or no number: names the line.
    """
    with _opened(path) as file:
        n_before = header.n_lines
        lines = list(islice(file, n_before))
        while lines := list(islice(file, CHUNK)):
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "loadtxt: input contained no data")
                    chunk = np.loadtxt(lines, np.float64, delimiter=header.delimiter, usecols=columns, ndmin=2)
            except ValueError:
                raise _bad_line(path, lines, n_before, header, columns) from None
            yield chunk.T
            n_before += len(lines)


def read_table(path: Path) -> dict[str, NDArray[Any]]:
    """A small table with a header line, in memory.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        Name -> column: int64 where all its cells are whole numbers, float64 where all are numbers or empty (nan),
        else text.

    Raises
    ------
    RecordingError
        If it cannot be read or has no header, a line has too many or too few cells, or a name stands there twice.
    """
    header = read_header(path)
    if header.names is None:
        raise RecordingError(
            f"{path} has no header line: name its columns in its first line, start and stop for instance"
        )
    names = [name or f"column_{i + 1}" for i, name in enumerate(header.names)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise RecordingError(f"{path} has two columns {twice[0]!r}: rename one of them")
    rows = []
    with _opened(path) as file:
        list(islice(file, header.n_lines))
        for n, line in enumerate(file, header.n_lines + 1):
            if line.strip() and not line.startswith("#"):
                cells = split(line, header.delimiter)
                if len(cells) != len(names):
                    raise RecordingError(
                        f"{path} line {n} has {len(cells)} cells, its header has {len(names)}: fix the line"
                    )
                rows.append(cells)
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return {name: _typed(list(cells)) for name, cells in zip(names, columns, strict=True)}


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield file
    except UnicodeDecodeError:
        raise RecordingError(f"{path} is not UTF-8 text: name its format, or save it as CSV") from None
    except csv.Error as error:
        raise RecordingError(f"{path} is not a table ({error}): save it as CSV") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror}): check the path and your rights") from None


def _bad_line(path: Path, lines: list[str], n_before: int, header: Header, columns: list[int]) -> RecordingError:
    for n, line in enumerate(lines, n_before + 1):
        cells = split(line.partition("#")[0], header.delimiter)
        for column in columns if line.partition("#")[0].strip() else ():
            name = repr(header.names[column]) if header.names else f"number {column}"
            if column >= len(cells):
                return RecordingError(f"{path} line {n} has no column {name}: it is cut off, write the file again")
            if not _is_number(cells[column]):
                return RecordingError(
                    f"{path} line {n}, column {name}: {cells[column][:40]!r} is not a number: fix the line"
                )
    return RecordingError(f"{path} is not a table of numbers after line {n_before}: save it as CSV")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _typed(cells: list[str]) -> NDArray[Any]:
    try:
        return np.array([int(cell) for cell in cells], np.int64)
    except (ValueError, OverflowError):
        pass
    if all(not cell or _is_number(cell) for cell in cells):
        return np.array([float(cell) if cell else np.nan for cell in cells])
    return np.array(cells)
