"""Tables in text files: CSV, TSV, or columns separated by blanks, read by one strict set of rules.

Cells are what Python's csv module and pandas make of them. What these would pass over is an error that names the line:
a line of too many or too few cells, a quote that is never closed, a name that two columns have, a number that is not
one. Which columns are times or neurons, and what an id is, is not known here.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, TextIO

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.cells import WHOLE, is_number
from spikebin.recordings.continuous.spike_index import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "LARGEST_ID",
    "Header",
    "ends_within_line",
    "first_row",
    "has_no_rows",
    "line_of_row",
    "mixed_chunks",
    "number_chunks",
    "open_text",
    "read_header",
    "read_table",
]

# Beyond this, a float64 does not hold every whole number.
LARGEST_ID = 1 << 53
LONGEST_LINE = 1 << 20
LONGEST_ROW = 1 << 24
"""Characters of a line of data."""
# Characters: about as many as CHUNK lines of numbers have.
BLOCK = 1 << 20
# What the csv module and numpy may read in two ways, of ASCII.
NOT_PLAIN = '"\0\v\f\x1c\x1d\x1e\x1f'
QUOTED = re.compile(r'"(?:[^"]|"")*"')


@dataclass(frozen=True)
class Header:
    """What the head of a table tells.

    Parameters
    ----------
    delimiter : str or None
        Between cells; None: blanks.
    spaced : bool
        Blanks follow each delimiter of the header; then those after a delimiter are not part of a cell.
    names : list of str or None
        Of the columns; None: the first line is data already.
    n_columns : int
    n_lines : int
        Lines before the first line of data.
    first : tuple of str
        Cells of the first line that is not a comment.
    from_comment : bool
        The names stand in a line that begins with #, as numpy.savetxt writes them.
    """

    delimiter: str | None
    spaced: bool
    names: list[str] | None
    n_columns: int
    n_lines: int
    first: tuple[str, ...] = ()
    from_comment: bool = False

    def column(self, place: int) -> str:
        """A column for messages: its name, else its number.

        Parameters
        ----------
        place : int
            From 0; people count from 1.

        Returns
        -------
        str
        """
        return repr(self.names[place]) if self.names else f"number {place + 1}"


def read_header(path: Path, *, named: bool = False) -> Header:
    """Look at the head of a text table.

    Lines before it that begin with # are comments; the last of them names the columns of a table that has no header
    else and as many columns. Below it, # is a character as any other.

    Parameters
    ----------
    path : Path
        May end with .gz.
    named : bool
        The first line is the header, even where it holds numbers.

    Returns
    -------
    Header

    Raises
    ------
    RecordingError
        If it cannot be read, is empty, is not text, or two columns have one name.
    """
    comment = ""
    with open_text(path) as file:
        n = 0
        while line := file.readline(LONGEST_LINE):
            n += 1
            if line.startswith("#"):
                comment = line
            elif line.strip():
                break
        else:
            raise RecordingError(f"{path} is empty: check that it was written to its end")
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise RecordingError(f"{path} line {n} is longer than {LONGEST_LINE:,} characters: save it as CSV")
        outside = QUOTED.sub('""', line).strip("\r\n ")
        # What holds neither delimiters nor blanks is the only column, whose cells may hold blanks.
        delimiter = next((mark for mark in "\t,;" if mark in outside), None if " " in outside else ",")
        spaced = _is_spaced(outside, delimiter)
        first = Header(delimiter, spaced, None, 0, n - 1)
        _, cells, n_read = next(_split(chain([line], _lines(file)), first, path))
    names: list[str] | None = None
    from_comment = False
    if named or not all(is_number(cell) for cell in cells if cell):
        names, n_before = cells, n - 1 + n_read
    if comment and not named and any(is_number(cell) for cell in cells):
        told = _cells_of_comment(comment, delimiter)
        if len(told) == len(cells) > 1:
            names, n_before, from_comment = told, n - 1, True
    if names is None:
        return Header(delimiter, spaced, None, len(cells), n - 1, tuple(cells))
    names = [name.strip() or f"column_{i}" for i, name in enumerate(names, 1)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecordingError(f"{path} has two columns {twice!r}: rename one of them")
    return Header(delimiter, spaced, names, len(names), n_before, tuple(cells), from_comment)


def number_chunks(path: Path, header: Header, columns: Sequence[int]) -> Iterator[NDArray[np.float64]]:
    """Columns of numbers, about CHUNK lines at a time.

    Parameters
    ----------
    path : Path
    header : Header
        From `read_header`.
    columns : sequence of int
        Their places, from 0.

    Yields
    ------
    float64 (n_columns, n_lines)
        Of any number of lines.

    Raises
    ------
    RecordingError
        If the file cannot be read, a line has other cells than the header, or a cell is not a number: names the line.
    """
    with open_text(path) as file:
        n_before = len(list(islice(_lines(file), header.n_lines)))
        # Blocks of plain numbers are read by numpy, all from the first other one on by the csv module.
        while text := file.read(BLOCK):
            rest = file.readline(LONGEST_ROW)
            text += rest
            lines = text.splitlines()
            if len(rest) == LONGEST_ROW:
                raise _too_long(path, n_before + len(lines))
            plain = _plain_numbers(text, lines, header, columns)
            if plain is None:
                break
            yield plain
            n_before += len(lines)
        rows = _split(chain(io.StringIO(text, newline=""), _lines(file)), header, path, n_before)
        while found := list(islice(rows, CHUNK)):
            yield _numbers(found, header, columns, path)


def mixed_chunks(
    path: Path, header: Header, numbers: Sequence[int], texts: Sequence[int]
) -> Iterator[tuple[NDArray[np.float64], list[NDArray[np.str_]]]]:
    """Columns of numbers and of texts, about CHUNK lines at a time.

    Parameters
    ----------
    path : Path
    header : Header
        From `read_header`.
    numbers, texts : sequence of int
        Places of columns, from 0.

    Yields
    ------
    numbers : float64 (n_columns, n_lines)
    texts : list of str (n_lines,)
        As they are written.

    Raises
    ------
    RecordingError
        As `number_chunks`.
    """
    with open_text(path) as file:
        list(islice(_lines(file), header.n_lines))
        rows = _split(_lines(file), header, path, header.n_lines)
        while found := list(islice(rows, CHUNK)):
            labels = [np.array([cells[column] for _, cells, _ in found], np.str_) for column in texts]
            yield _numbers(found, header, numbers, path), labels


def read_table(path: Path, *, named: bool = False) -> dict[str, list[str]]:
    """A table with a header line, in memory.

    Parameters
    ----------
    path : Path
    named : bool
        See `read_header`.

    Returns
    -------
    dict
        Name -> cells, as they are written.

    Raises
    ------
    RecordingError
        If it cannot be read or has no header, or a line has other cells than the header: names the line.
    """
    header = read_header(path, named=named)
    if header.names is None:
        raise RecordingError(
            f"{path} has no header line: name its columns in its first line, start and stop for instance"
        )
    with open_text(path) as file:
        list(islice(_lines(file), header.n_lines))
        rows = [cells for _, cells, _ in _split(_lines(file), header, path, header.n_lines)]
    return {name: [cells[i] for cells in rows] for i, name in enumerate(header.names)}


def first_row(path: Path, header: Header) -> list[str]:
    """The cells of the first row of data.

    Parameters
    ----------
    path : Path
    header : Header

    Returns
    -------
    list of str
        Empty where there is no row.

    Raises
    ------
    RecordingError
        As `number_chunks`.
    """
    with open_text(path) as file:
        list(islice(_lines(file), header.n_lines))
        return next((cells for _, cells, _ in _split(_lines(file), header, path, header.n_lines)), [])


def line_of_row(path: Path, header: Header, row: int) -> int:
    """The line that a row of data stands in, for messages.

    Parameters
    ----------
    path : Path
    header : Header
    row : int
        From 0, as `number_chunks` yields them.

    Returns
    -------
    int
        From 1.
    """
    with open_text(path) as file:
        list(islice(_lines(file), header.n_lines))
        return next(islice(_split(_lines(file), header, path, header.n_lines), row, None))[0]


def has_no_rows(path: Path) -> bool:
    """Whether a file has no lines but empty ones and comments.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
    """
    with open_text(path) as file:
        while line := file.readline(LONGEST_LINE):
            if line.strip() and not line.startswith("#"):
                return False
    return True


def ends_within_line(path: Path) -> bool:
    """Whether the last line of a file has no line end.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False of an empty file.
    """
    last = b""
    with open_text(path) as file:
        data = file.buffer
        if path.suffix.lower() != ".gz":
            data.seek(max(0, path.stat().st_size - 1))
        while block := data.read(BLOCK):
            last = block[-1:]
    return last not in {b"", b"\n", b"\r"}


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """A text file, unpacked if it ends with .gz; what goes wrong with it is one line.

    Raises
    ------
    RecordingError
        If it cannot be read, or is not UTF-8.
    """
    try:
        # The csv module wants line ends as they are, since a quoted cell may hold some.
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", newline="")
            if path.suffix.lower() == ".gz"
            else path.open(encoding="utf-8-sig", newline="")
        ) as file:
            yield file
    except UnicodeDecodeError:
        raise RecordingError(f"{path} is not UTF-8 text: name its format, or save it as CSV in UTF-8") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RecordingError(f"{path} is not a complete .gz file ({error}): copy or write it again") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror}): check the path and your rights") from None


def _split(lines: Iterable[str], header: Header, path: Path, n_before: int = 0) -> Iterator[tuple[int, list[str], int]]:
    """Number of the line, its cells, and how many lines were read so far, for each line that is not blank."""
    n_columns = header.n_columns
    for start, cells, n_read in _raw_rows(lines, header, path, n_before):
        if not cells or (len(cells) == 1 and not cells[0].strip(" \r\n") and (n_columns > 1 or cells[0])):
            continue
        if n_columns and len(cells) != n_columns:
            raise _other_cells(path, start, cells, header)
        yield start, cells, n_read


def _raw_rows(lines: Iterable[str], header: Header, path: Path, n_before: int) -> Iterator[tuple[int, list[str], int]]:
    if header.delimiter is None:
        for n, line in enumerate(_checked(lines, path, n_before), 1):
            if '"' in line:
                raise RecordingError(
                    f"{path} line {n_before + n} holds a quote between blanks: separate its cells by commas or tabs"
                )
            yield n_before + n, line.split(), n
        return
    reader = csv.reader(
        _checked(lines, path, n_before), delimiter=header.delimiter, skipinitialspace=header.spaced, strict=True
    )
    n_read = 0
    try:
        for cells in reader:
            yield n_before + n_read + 1, cells, reader.line_num
            n_read = reader.line_num
    except csv.Error as error:
        after = "expected after" in str(error)
        what = (
            "has text after a closing quote: write a quote inside of a cell twice"
            if after
            else "opens a quote that is not closed: close it, or take it out"
        )
        raise RecordingError(f"{path} line {n_before + n_read + 1} {what}") from None


def _lines(file: IO[str]) -> Iterator[str]:
    """The lines of a file, as far as anybody reads on: one that is too long comes in pieces."""
    return iter(partial(file.readline, LONGEST_ROW), "")


def _too_long(path: Path, line: int) -> RecordingError:
    return RecordingError(
        f"{path} line {line} is longer than {LONGEST_ROW:,} characters: it is damaged, write it again"
    )


def _checked(lines: Iterable[str], path: Path, n_before: int) -> Iterator[str]:
    for n, line in enumerate(lines, n_before + 1):
        if len(line) >= LONGEST_ROW:
            raise _too_long(path, n)
        if "\0" in line:
            raise RecordingError(f"{path} line {n} holds a NUL character: it is not a text, or damaged; write it again")
        yield line


def _plain_numbers(text: str, lines: list[str], header: Header, columns: Sequence[int]) -> NDArray[np.float64] | None:
    """Columns of lines that numpy and the csv module read alike; None where that is not certain."""
    if not text.isascii() or text.isspace() or any(mark in text for mark in NOT_PLAIN):
        return None
    try:
        # Of all columns, numpy itself finds a line with other cells.
        table = np.loadtxt(lines, np.float64, delimiter=header.delimiter, ndmin=2, comments=None)
        return table.T[columns] if table.shape[1] == header.n_columns else None
    except ValueError:
        pass
    if header.delimiter is None or {line.count(header.delimiter) for line in lines} != {header.n_columns - 1}:
        return None
    try:
        return np.loadtxt(lines, np.float64, delimiter=header.delimiter, usecols=columns, ndmin=2, comments=None).T
    except ValueError:
        return None


def _numbers(
    rows: list[tuple[int, list[str], int]], header: Header, columns: Sequence[int], path: Path
) -> NDArray[np.float64]:
    numbers = np.empty((len(columns), len(rows)))
    for i, column in enumerate(columns):
        cells = [cells[column] for _, cells, _ in rows]
        try:
            numbers[i] = [float(cell) for cell in cells]
        except ValueError:
            pass
        else:
            joined = "".join(cells)
            if joined.isascii() and "_" not in joined:
                continue
        bad = next(k for k, cell in enumerate(cells) if not is_number(cell))
        advice = "write a point, 0.5" if is_number(cells[bad].replace(",", ".")) else "fix the cell"
        raise RecordingError(
            f"{path} line {rows[bad][0]}, column {header.column(column)}: {cells[bad][:40]!r} is not a number: {advice}"
        )
    return numbers


def _other_cells(path: Path, line: int, cells: list[str], header: Header) -> RecordingError:
    n, n_columns = len(cells), header.n_columns
    have = f"{path} line {line} has {n:,} cell{'s' if n > 1 else ''}"
    first = "its header" if header.names else "its first line"
    if cells[0].startswith("#"):
        return RecordingError(f"{have}, {first} {n_columns:,}: a comment can only stand above the header, take it out")
    if n < n_columns:
        return RecordingError(f"{have}, {first} {n_columns:,}: it is cut off, or lacks a cell: fix the line")
    comma = header.delimiter == "," and all(WHOLE.fullmatch(cell) for cell in cells[:2])
    advice = "write numbers with a point, 0.5, or fix the line" if comma else "fix the line, or quote its cells"
    return RecordingError(f"{have}, {first} {n_columns:,}: {advice}")


def _is_spaced(line: str, delimiter: str | None) -> bool:
    if delimiter is None or delimiter not in line:
        return False
    return all(cell.startswith(" ") for cell in line.split(delimiter)[1:])


def _cells_of_comment(line: str, delimiter: str | None) -> list[str]:
    text = line.lstrip("#").strip("\r\n ")
    if delimiter is None:
        return text.split()
    return list(map(str.strip, next(csv.reader([text], delimiter=delimiter), [])))
