"""Tables that fit a terminal: as they are, with folded texts, or stacked; no word is broken and no name cut short."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["print_table", "terminal"]

WIDEST = 10_000
GAP = 2
NARROWEST_FOLD = 24
# Of a stacked row, longer texts stand on a line of their own.
SHORT = 12


def terminal(*, stderr: bool = False) -> Console:
    """Where a table goes: as wide as a terminal is; a pipe gets each row on one line."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = WIDEST
    return console


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Iterable[Any]],
    *,
    stderr: bool = False,
    names: int = 1,
    total: Sequence[Any] | None = None,
) -> None:
    """Draw a table; numbers to the right, texts to the left.

    Where the terminal is too narrow, texts of several words are folded; where that does not do, or would fold a text
    into less than 24 columns, rows are stacked: their names on a line, and what there is to say of them below it.

    Parameters
    ----------
    title : str
    columns : sequence of str
    rows : iterable of iterable
    stderr : bool
        Draw it there.
    names : int
        How many columns, from the first, name a row.
    total : sequence, optional
        A last row, below a line.
    """
    console = terminal(stderr=stderr)
    body = [list(row) for row in rows]
    last = [list(total)] if total is not None else []
    right = [bool(body) and all(isinstance(row[i], int | float) for row in [*body, *last]) for i in range(len(columns))]
    texts = [[_text(cell) for cell in row] for row in [*body, *last]]
    widths = [max(map(cell_len, (column, *(row[i] for row in texts)))) for i, column in enumerate(columns)]
    if sum(widths) + GAP * (len(columns) - 1) > console.width:
        fitted = _folded(columns, texts, widths, console.width)
        if fitted is None:
            _stack(console, title, columns, texts, names, right, n_total=len(last))
            return
        widths = fitted
    table = Table(
        title=title or None,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if right[i] else "left"
        table.add_column(column, justify=justify, overflow="fold", min_width=widths[i], max_width=widths[i])
    for i, row in enumerate(texts):
        if last and i == len(body):
            table.add_section()
        table.add_row(*map(escape, row))
    _print(console, table)


def _text(cell: Any) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _folded(columns: Sequence[str], texts: list[list[str]], widths: list[int], room: int) -> list[int] | None:
    """Widths at which texts are folded between words so that the table fits; None if it cannot be."""
    least = []
    for i, column in enumerate(columns):
        cells = [column, *(row[i] for row in texts)]
        longest = max((cell_len(word) for cell in cells for word in cell.split()), default=0)
        text = any(" " in cell for cell in cells[1:])
        least.append(min(widths[i], max(longest, NARROWEST_FOLD)) if text else widths[i])
    spare = room - GAP * (len(columns) - 1) - sum(least)
    if spare < 0:
        return None
    fitted = least
    for i in sorted(range(len(columns)), key=lambda i: widths[i]):
        more = min(widths[i] - fitted[i], spare)
        fitted[i] += more
        spare -= more
    return fitted


def _stack(
    console: Console,
    title: str,
    columns: Sequence[str],
    texts: list[list[str]],
    names: int,
    right: list[bool],
    *,
    n_total: int,
) -> None:
    """Each row as a block: its names, then its numbers, then its texts, each after the name of its column."""
    lines = [title] if title else []
    plain = [right[i] or max(len(row[i]) for row in texts) <= SHORT for i in range(len(columns))]
    for k, row in enumerate(texts):
        lines.append(" ".join(cell for cell in row[:names] if cell))
        said = [", ".join(f"{columns[i]} {row[i]}" for i in range(names, len(row)) if plain[i] and row[i])]
        said += [f"{columns[i]}: {row[i]}" for i in range(names, len(row)) if not plain[i] and row[i]]
        for one in filter(None, said):
            lines += textwrap.wrap(
                one,
                max(console.width, 20),
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        if n_total and k == len(texts) - n_total - 1:
            lines.append("")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _print(console: Console, table: Table) -> None:
    with console.capture() as captured:
        console.print(table, crop=False)
    console.file.write("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")) + "\n")
    console.file.flush()
