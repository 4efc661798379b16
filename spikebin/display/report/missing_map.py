"""The map of what is there: a cell for each sheet of each part, by its state, and why.

A grid that a keyboard walks through and a screen reader reads: a cell says its state in words, not by colour alone.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spikebin.stats.overview import Cell

__all__ = ["STATES", "missing_map"]

STATES = {
    "done": "done",
    "missing": "missing",
    "broken": "broken: a file that is not complete, or not the one that is wanted",
    "failed": "failed: missing, and the last tries failed",
    "no source": "no source: its recording is not there yet",
    "excluded": "excluded",
}
LONGEST = 300


def missing_map(cells: Sequence[Cell]) -> Iterator[str]:
    """Lines of HTML: a legend, and a grid for each variant, a row for each sheet and a cell for each part."""
    yield '<ul class="legend">'
    used = [state for state in STATES if any(cell.state == state for cell in cells)]
    for state in used:
        yield f'<li><span class="cell s-{state.replace(" ", "-")}"></span> {STATES[state]}</li>'
    yield "</ul>"
    for n, variant in enumerate(dict.fromkeys(cell.variant for cell in cells)):
        mine = [cell for cell in cells if cell.variant == variant]
        sheets = dict.fromkeys(cell.sheet for cell in mine)
        n_parts = len({cell.part for cell in mine})
        yield f'<h3 id="map{n}">{escape(variant)}, {n_parts:,} {"part" if n_parts == 1 else "parts"}</h3>'
        yield f'<div role="grid" class="map" aria-labelledby="map{n}" aria-describedby="keys">'
        for row, sheet in enumerate(sheets):
            of_sheet = [cell for cell in mine if cell.sheet == sheet]
            n_done = sum(cell.state == "done" for cell in of_sheet)
            done = f"<small>{n_done:,}/{len(of_sheet):,}</small>"
            yield f'<div role="row"><span role="rowheader">{escape(sheet)} {done}</span>'
            yield '<span role="presentation" class="cells">'
            yield "".join(_cell(cell, first=row == 0 and i == 0) for i, cell in enumerate(of_sheet))
            yield "</span></div>"
        yield "</div>"
    yield '<p class="pointed" aria-hidden="true"></p>'
    yield '<p id="keys" class="hint">Point at a cell, or walk through the map with the arrow keys, to see why.</p>'


def _cell(cell: Cell, *, first: bool) -> str:
    times = f" {cell.failures} times" if cell.failures > 1 else ""
    why = cell.why if len(cell.why) <= LONGEST else f"{cell.why[:LONGEST]}..."
    text = f"{cell.part} {cell.sheet}: {cell.state}{times}" + (f": {why}" if why else "")
    style = cell.state.replace(" ", "-")
    return (
        f'<span role="gridcell" tabindex="{0 if first else -1}" class="cell s-{style}" title="{escape(text)}"></span>'
    )
