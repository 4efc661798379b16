"""Figures look as they were recorded, small and in grey: within a tolerance that fonts and versions need."""

from __future__ import annotations

import os

import numpy as np
import pytest
from conftest import DATA
from drawn import images, write_part
from matplotlib.image import imread, imsave

from spikebin import open_dataset, open_file
from spikebin.display.conditions import panels_of, plot_conditions
from spikebin.display.plots import plot_file, plot_psth, plot_trial
from spikebin.output.paths import matrix_path

BLOCK = 12
# Of the mean square difference of grey levels of 0 to 1: a line that is elsewhere makes 0.05 and more.
TOLERANCE = 0.03


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("recorded")
    for variant in ("train", "test"):
        for sheet in ("X_ON", "V1_Exc_L2/3"):
            write_part(root, sheet, "1", images(0, 3, repeats=2), variant=variant)
    return root


def grey(path):
    """A picture in blocks of so many pixels."""
    pixels = imread(path)[..., :3].mean(axis=2)
    height, width = (n // BLOCK for n in pixels.shape)
    return pixels[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK).mean(axis=(1, 3))


FIGURES = {
    "trial": lambda root, path: plot_trial(open_dataset(root, "train", "X_ON"), 1, path),
    "psth": lambda root, path: plot_psth(
        {
            f"{variant} {name}": view
            for variant in ("train", "test")
            for name, view in open_dataset(root, variant).items()
        },
        path,
    ),
    "file": lambda root, path: plot_file(open_file(matrix_path(root, "train", "1", "X_ON")), path, trial=0),
    "conditions": lambda root, path: plot_conditions(
        panels_of({"": open_file(matrix_path(root, "train", "1", "X_ON"))}, "image_id"), path, by="image_id"
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_as_recorded(root, tmp_path, name):
    """SPIKEBIN_RECORD=1 records what is drawn now."""
    FIGURES[name](root, tmp_path / "out.png")
    found, path = grey(tmp_path / "out.png"), DATA / "figures" / f"{name}.png"
    if os.environ.get("SPIKEBIN_RECORD") == "1":
        path.parent.mkdir(exist_ok=True)
        imsave(path, found, cmap="gray", vmin=0, vmax=1)
    recorded = imread(path)[..., :3].mean(axis=2)
    assert found.shape == recorded.shape
    assert np.sqrt(np.mean((found - recorded) ** 2)) < TOLERANCE
