"""Lines of text say what is in the data: bars, rasters, rates by condition."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import images, write_part

from spikebin import open_dataset
from spikebin.display.text import condition_lines, condition_raster, draw_raster, spark, spark_psth
from spikebin.stats.conditions import condition_rates


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("plots")
    for sheet in ("X_ON", "V1_Exc_L2/3"):
        write_part(root, sheet, "1", images(0, 3))
    return root


def test_bars():
    assert spark([0, 1, 2, 4, 8], 5) == " ▁▂▄█"
    assert spark([0, 0], 5) == "  "
    assert spark([], 5) == ""
    assert spark([np.nan, 3], 5) == " █"
    assert len(spark(np.arange(712), 60)) == 60


def test_a_line_for_each_sheet(root):
    sheets = open_dataset(root)
    lines = spark_psth(sheets, 80)
    assert [line.split()[0] for line in lines] == list(sheets)
    assert all(len(line) <= 80 for line in lines)
    rate = sheets["X_ON"].psth()
    line = next(line for line in lines if line.startswith("X_ON"))
    assert line.endswith(f"mean {rate.mean():.1f}, peak {rate.max():.1f} Hz")


def test_a_raster_has_a_dot_for_each_spike():
    rows, columns = np.array([0, 3, 7]), np.array([0, 1, 9])
    *lines, rule = draw_raster(rows, columns, (8, 10), (10, 40), marks=[4])
    assert lines == ["⢁⠀⠀⠀⠀", "⠀⠀⠀⠀⢀"]
    assert rule == "──┴──"
    small = draw_raster(rows, columns, (8, 10), (1, 2))
    assert [len(line) for line in small] == [2, 2]


def test_conditions_one_below_the_other(root):
    view = open_dataset(root, sheet="X_ON")
    (found,) = condition_rates(view, "image_id")
    lines = condition_lines(found, 70)
    assert [line.split()[0] for line in lines] == ["0", "1", "2"]
    assert all("1 trial" in line for line in lines)
    (one,) = condition_rates(view, "image_id", units=[3])
    *raster, rule = condition_raster(one, (5, 20))
    assert len(raster) == 1
    assert len(raster[0]) == len(rule) == 20
    assert (raster[0] != "⠀" * 20) == bool(view.select(ids=3).to_numpy().any())
