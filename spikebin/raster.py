"""A trial as a picture of text: neurons up, time across, a dot where there was a spike. No files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["draw_raster"]

BRAILLE = 0x2800
# Bit of each of the 4 x 2 dots of a braille character (Unicode, "Braille Patterns").
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def draw_raster(
    rows: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int], size: tuple[int, int], marks: Sequence[int] = ()
) -> list[str]:
    """Draw spikes as lines of braille characters, four neurons by two stretches of time each.

    Parameters
    ----------
    rows, columns : int (n_events,)
        Neuron and bin of each spike.
    shape : (int, int)
        Neurons and bins of the trial.
    size : (int, int)
        The most lines and characters a line that fit.
    marks : sequence of int
        Bins to mark with a rule below the raster: onsets of phases.

    Returns
    -------
    list of str
        The raster's lines, row 0 on top, then the rule.
    """
    n_lines = min(size[0], -(-shape[0] // 4))
    n_chars = min(size[1], -(-shape[1] // 2))
    height, width = min(n_lines * 4, shape[0]), min(n_chars * 2, shape[1])
    picture = np.zeros((n_lines * 4, n_chars * 2), bool)
    picture[rows * height // shape[0], columns * width // shape[1]] = True
    cells = picture.reshape(n_lines, 4, n_chars, 2).transpose(0, 2, 1, 3)
    codes = (cells * DOTS).sum(axis=(2, 3)) + BRAILLE
    rule = ["─"] * n_chars
    for mark in marks:
        rule[mark * width // shape[1] // 2] = "┴"
    return ["".join(map(chr, line)) for line in codes] + ["".join(rule)]
