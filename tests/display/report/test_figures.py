"""Figures of the page: a panel for each sheet that has something to show, with its numbers in words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from drawn import images, write_part

from spikebin import open_dataset
from spikebin.display.report import figures
from spikebin.stats.overview import Cell, Overview, SheetOverview, _raster


@pytest.fixture(scope="module")
def overview(tmp_path_factory):
    root = tmp_path_factory.mktemp("figures")
    sheets, cells = [], []
    for sheet in ("X_ON", "X_OFF"):
        for i, part in enumerate(("1", "2", "3")):
            write_part(root, sheet, part, images(10 * i, 2, repeats=2))
            cells.append(Cell(i, "train", part, sheet, "done", "", 0, ""))
        view = open_dataset(root, sheet=sheet)
        shared = {"n_parts": 3, "n_counted": 3, "n_spikes": 1, "n_binned": 1, "n_collisions": 0, "n_outside": 0}
        sheets.append(
            SheetOverview(
                "train", sheet, **shared, n_unassigned=None, size=1, width=view.width,
                phases=[("blank", 0.0), ("image", 5.0)], stats=view.stats(), raster=_raster(view.files[0]), troubles=[],
            )
        )  # fmt: skip
    return Overview(str(root), "now", cells, sheets, [])


@pytest.mark.parametrize(
    ("draw", "n"),
    [
        (figures.psth_figures, 2),
        (figures.rate_figures, 2),
        (figures.part_figures, 2),
        (figures.raster_figures, 2),
        (figures.reliability_figures, 2),
        (figures.position_figures, 2),
    ],
)
def test_a_panel_for_each_sheet(overview, draw, n):
    found = list(draw(overview))
    assert len(found) == n
    for figure, sheet in zip(found, ("X_ON", "X_OFF"), strict=False):
        assert sheet in figure.heading
        # Said in words, too, for those who do not see it.
        assert re.search(r"<title[^>]*>[^<]+</title>", figure.svg)
        assert re.search(r"<desc[^>]*>[^<]+</desc>", figure.svg)
        assert "nan" not in figure.svg


def test_rates_of_parts_and_the_curve_are_those_of_the_view(overview):
    one = overview.sheets[0]
    view = open_dataset(overview.output, sheet="X_ON")
    parts, rates, _, outlier = figures.part_rates(one.stats)
    assert parts.tolist() == ["1", "2", "3"]
    assert not outlier.any()
    ms = 17.0 * 4
    assert rates.tolist() == pytest.approx([view.to_numpy()[4 * i : 4 * i + 4].sum() / 6 / ms * 1000 for i in range(3)])
    edges, curve = figures.coarse_psth(one)
    assert edges.tolist() == list(np.arange(18.0) - 5)
    assert curve.tolist() == pytest.approx(view.psth().tolist())
    assert figures.style_of(overview, "train") == "v0"
