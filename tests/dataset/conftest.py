"""Data sets that several modules read."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import LAYOUTS, THREE_PARTS, TWO_SHEETS, side_by_side, write_part
from slow_view import IDS, PARTS, Slow

from spikebin import open_dataset


@pytest.fixture(
    scope="module",
    params=[(layout, values, values == "count") for layout in LAYOUTS for values in ("bool", "count")],
    ids=lambda param: f"{param[0]}-{param[1]}{'-end bins' if param[2] else ''}",
)
def viewed(request, tmp_path_factory):
    """A data set, open, and its sheet as a Slow."""
    root = tmp_path_factory.mktemp("views")
    layout, values, end_bin = request.param
    options = {"layout": layout, "values": values, "ids": IDS, "end_bin": end_bin}
    arrays = [write_part(root, "X_ON", part, shown, **options) for part, shown in PARTS.items()]
    array = side_by_side(arrays)
    shown = [(part, one) for part, ones in PARTS.items() for one in ones]
    lost = np.zeros((len(array), array.shape[2]))
    if end_bin:
        for row, (_, one) in zip(lost, shown, strict=True):
            row[[one.blank, one.blank + one.length + 1]] = 1.0
    slow = Slow(
        array,
        [one.blank + one.length + 2 * end_bin for _, one in shown],
        [(part, one.repeat, one.order) for part, one in shown],
        [one.blank + end_bin for _, one in shown],
        lost,
    )
    return open_dataset(root), slow


@pytest.fixture(scope="module", params=LAYOUTS)
def made(request, tmp_path_factory):
    """A data set of two sheets and three parts, and the array that each sheet must read as."""
    root = tmp_path_factory.mktemp("dataset")
    whole = {
        sheet: side_by_side(
            [write_part(root, sheet, part, shown, layout=request.param) for part, shown in THREE_PARTS.items()]
        )
        for sheet in TWO_SHEETS
    }
    return root, whole
