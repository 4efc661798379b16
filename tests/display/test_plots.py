"""Pictures and lines of bars say what is in the data; other pictures are recorded, see test_recorded.py."""

from __future__ import annotations

import pytest
from drawn import images, write_part

from spikebin import open_dataset, open_file
from spikebin.display.plots import plot_file, plot_psth, plot_rates, plot_trial
from spikebin.display.text import spark_psth
from spikebin.errors import SpikebinError
from spikebin.output.paths import matrix_path


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("plots")
    for sheet in ("X_ON", "V1_Exc_L2/3"):
        write_part(root, sheet, "1", images(0, 3))
    return root


@pytest.mark.parametrize(
    "draw",
    [
        lambda file, sheets, path: plot_trial(file, 1, path),
        lambda file, sheets, path: plot_trial(sheets["X_ON"].window(0, 5), -1, path),
        lambda file, sheets, path: plot_rates(sheets["X_ON"], path),
        lambda file, sheets, path: plot_file(sheets, path),
    ],
)
def test_pictures_are_drawn(root, tmp_path, draw):
    from matplotlib.image import imread

    path = tmp_path / "out.png"
    draw(open_file(matrix_path(root, "train", "1", "X_ON")), open_dataset(root), path)
    picture = imread(path)[..., :3]
    assert picture.min() < 0.1
    assert picture.max() == 1


def test_a_picture_that_cannot_be_written(root, tmp_path):
    sheets = open_dataset(root)
    for wrong in ("out.mp5", "nowhere/out.png"):
        with pytest.raises(SpikebinError, match=r"cannot be written .* give a name such as"):
            plot_psth(sheets, tmp_path / wrong)


def test_where_there_is_nothing_to_draw_yet(tmp_path):
    assert spark_psth({}, 80) == []
    with pytest.raises(SpikebinError, match="no sheet has spikes yet"):
        plot_file({}, tmp_path / "out.png")
