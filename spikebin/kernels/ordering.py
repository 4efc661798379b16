"""The kernel that puts the cells of a trial into another order of rows: a file of events has them by falling rate.

Which order that is, and what becomes of the cells, is told in matrixfile/layouts/gaps.py.
"""

from __future__ import annotations

from spikebin.kernels.jit import entry
from spikebin.kernels.views import split


@entry
def move_rows(cells, places, n_columns, starts, moved, source):
    """Cells ``row * n_columns + bin``, ascending, become ``places[row] * n_columns + bin``, ascending: `moved`.

    Rows are moved as they are, so that nothing is sorted. `starts` is room for one number more than there are rows.
    `source` is which of the cells each was; of length 0, nobody asks.
    """
    inverse = 1 / n_columns
    starts[:] = 0
    for cell in cells:
        row, _ = split(cell, n_columns, inverse)
        starts[places[row] + 1] += 1
    for place in range(1, starts.size):
        starts[place] += starts[place - 1]
    for i in range(cells.size):
        row, bin_ = split(cells[i], n_columns, inverse)
        place = places[row]
        at = starts[place]
        starts[place] = at + 1
        moved[at] = place * n_columns + bin_
        if source.size > 0:
            source[at] = i
